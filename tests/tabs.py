"""A tab of Chromium or of Firefox, driven alike: what a reader can press, point at and see.

Playwright's own way to Debian's Firefox asks it for what it does not know, so here Firefox is asked
by its protocol, WebDriver BiDi, for the little that the tests need.
"""

import itertools
import json
import re
import subprocess
from threading import Thread

import websocket

# A part of the page by the beginning of its accessible name.
FIND = """(name) => [...document.querySelectorAll("button, a, summary, [role]")].find((part) =>
  part.checkVisibility() && (part.ariaLabel ?? part.textContent).startsWith(name))"""
WAIT = """new Promise((found, fail) => {{
  const end = performance.now() + {seconds} * 1000;
  const look = () => {{
    const answer = {condition};
    if (answer) found(answer);
    else if (performance.now() > end) fail(new Error(
      "waited in vain; the page says: " + document.querySelector("article").innerText));
    else requestAnimationFrame(look);
  }};
  look();
}})"""
# Where to point at a part, once it rests: an editor in which something was written scrolls to it
# in the next frame.
MIDDLE = """(part) => new Promise((found) => {
  let last = null, rested = 0;
  const look = () => {
    const { left, top, width, height } = part.getBoundingClientRect();
    rested = last === top ? rested + 1 : 0;
    if (rested > 2) return found([left + Math.min(width, 200) / 2, top + height / 2]);
    if (!rested) part.scrollIntoView({ block: "center", behavior: "instant" });
    last = part.getBoundingClientRect().top;
    requestAnimationFrame(look);
  };
  look();
})"""


class Tab:
    """What both browsers do, in terms of what each does: `evaluate`, `point`, `press`, `write`."""

    def wait(self, condition, seconds=120):
        """Return the value of an expression once it holds."""
        return self.evaluate(WAIT.format(condition=condition, seconds=seconds))

    def click(self, name):
        """Click a part of the page by its name, once it is there."""
        part = f"({FIND})({json.dumps(name)})"
        self.wait(f"{part}?.isConnected")
        self.point(*self.evaluate(f"({MIDDLE})({part})"))

    def text(self, selector):
        """Return what a reader sees of a part of the page, None where there is none."""
        part = f"document.querySelector({json.dumps(selector)})"
        return self.evaluate(f"{part}?.checkVisibility() ? {part}.innerText : null")


class ChromiumTab(Tab):
    def __init__(self, context):
        self.context, self.page, self.errors = context, context.new_page(), []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        said = self.errors.append
        self.page.on("console", lambda m: said(m.text) if m.type == "error" else None)

    def open(self, url):
        self.page.goto(url, wait_until="load")

    def another(self):
        return ChromiumTab(self.context)

    def evaluate(self, expression):
        return self.page.evaluate(expression)

    def point(self, x, y):
        self.page.mouse.click(x, y)

    def press(self, key):
        self.page.keyboard.press(key)

    def write(self, text):
        self.page.keyboard.insert_text(text)

    def close(self):
        self.page.close()


KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Shift": "\ue008"}
KEYS |= {"Control": "\ue009", "ArrowRight": "\ue014", "Home": "\ue011"}
PREFERENCES = {  # no host but this machine, no questions, nothing by itself
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "remote.active-protocols": 1,
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "toolkit.telemetry.server": "",
}


class Firefox:
    """A Firefox without a window, and the connection to it."""

    def __init__(self, program, profile):
        lines = (f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items())
        (profile / "user.js").write_text("\n".join(lines))
        command = [program, "--headless", "--no-remote", "--remote-debugging-port=0"]
        self.process = subprocess.Popen(
            [*command, "--profile", profile],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        listens = (re.search(r"BiDi listening on (ws://\S+)", line) for line in self.process.stderr)
        url = next(found[1] for found in listens if found)
        self.reader = Thread(target=self.process.stderr.read)  # a full pipe would stop it
        self.reader.start()
        self.socket = websocket.create_connection(
            f"{url}/session", timeout=180, suppress_origin=True
        )
        self.numbers = itertools.count(1)
        self.ask("session.new", capabilities={})

    def ask(self, method, **params):
        """Return the answer to a command."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self.socket.recv())).get("id") != number:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]

    def close(self):
        self.ask("browser.close")
        self.socket.close()
        self.process.wait(30)
        self.reader.join()
        self.process.stderr.close()


class FirefoxTab(Tab):
    def __init__(self, firefox):
        self.firefox = firefox
        self.context = firefox.ask("browsingContext.create", type="tab")["context"]

    def open(self, url):
        self.firefox.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def another(self):
        return FirefoxTab(self.firefox)

    def evaluate(self, expression):
        answer = self.firefox.ask(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value))",
            target={"context": self.context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]["text"]
        return json.loads(answer["result"].get("value", "null"))

    def act(self, source, *actions):
        source |= {"id": source["type"], "actions": actions}
        self.firefox.ask("input.performActions", context=self.context, actions=[source])

    def point(self, x, y):
        move = {"type": "pointerMove", "x": round(x), "y": round(y)}
        down, up = ({"type": f"pointer{way}", "button": 0} for way in ("Down", "Up"))
        self.act({"type": "pointer"}, move, down, up)

    def press(self, key):
        self.strike(*(KEYS.get(part, part) for part in key.split("+")))

    def strike(self, *keys):
        downs = [{"type": "keyDown", "value": part} for part in keys]
        ups = [{"type": "keyUp", "value": part} for part in reversed(keys)]
        self.act({"type": "key"}, *downs, *ups)

    def write(self, text):
        for sign in text:
            self.strike(KEYS["Enter"] if sign == "\n" else sign)

    def close(self):
        self.firefox.ask("browsingContext.close", context=self.context)
