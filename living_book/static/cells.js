// Runs the cells of a page in a worker (python.js), after those that they need. Nothing of Python and of
// the editor is loaded before a reader turns to a cell. What the build knows is in #live-page.
{
  const { element, draw } = globalThis.livingBook;
  const { python: home, editor, needs, hidden } = JSON.parse(document.getElementById("live-page").textContent);
  const STALE = "This page is older than the site, which has changed: reload the page.";
  const OFFLINE = "The site does not answer. Is the network there? Run tries again.";
  const DIED = "Python ended. This device may have too little memory for it.";
  const STOPPED = "Stopped. What the cells had computed is gone; the next run computes what it needs.";
  const DISK = "Python runs in pages that a server sends, and this one was opened from a disk. In the folder of the site run “python -m http.server”, and open http://localhost:8000/ in the browser.";
  const MOST = 200_000; // characters of output
  const LONG = 300; // what is longer is not read aloud by itself
  const busy = "living-book:busy";

  // A browser can forbid to keep anything; then edits live as long as the page.
  const store = (keep, name, value) => {
    try {
      return value === undefined ? keep().getItem(name) : value === null ? keep().removeItem(name) : keep().setItem(name, value);
    } catch { return null; }
  };
  const local = (...words) => store(() => localStorage, ...words);
  const session = (...words) => store(() => sessionStorage, ...words);
  const hash = (text) => [...text].reduce((sum, sign) => Math.imul(sum ^ sign.codePointAt(0), 16777619) >>> 0, 2166136261).toString(36);
  const button = (textContent, name, onclick) => element("button", { type: "button", textContent, ariaLabel: name, onclick });
  const many = (all) => `${all.length > 1 ? "cells" : "cell"} ${all.map(({ n }) => n).join(", ")}`;
  const size = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
  const textOf = (pre) => {
    const copy = pre.cloneNode(true);
    copy.querySelectorAll(".linenos").forEach((number) => number.remove());
    return copy.textContent.replace(/\n$/, "");
  };

  class Cell {
    constructor(n) {
      this.n = n;
      this.bar = document.querySelector(`.live-bar[data-cell="${n}"]`);
      this.ran = null; // the code that this worker ran last, and when
      this.at = 0;
      if (!this.bar) return;
      this.root = this.bar.closest(".cell");
      this.printed = [...this.root.querySelectorAll(".cell_output")];
      this.place = this.printed.at(-1) ?? this.bar.closest("details.hide") ?? this.bar;
      [this.pre, ...this.rest] = this.root.querySelectorAll(".cell_input pre");
      this.box = this.pre.parentElement;
      this.original = this.pre.innerHTML;
      this.source = textOf(this.pre);
      this.key = `living-book:${location.pathname}:${hash(this.source)}`;
      this.status = element("span", { className: "live-status" });
      this.status.setAttribute("role", "status");
      this.bar.append(this.status);
      this.button = this.bar.querySelector(".live-run");
      this.button.onclick = () => run(this);
      this.reset = button("Reset", `Reset cell ${n}`, () => this.restore());
      this.stop = button("Stop", `Stop cell ${n}`, stop);
      this.bar.querySelector(".live-all")?.addEventListener("click", ({ currentTarget }) => runAll(currentTarget, this));
      this.hints = [];
      for (let next = this.root.nextElementSibling; this.rest.length && next && !next.matches(".exercise, .cell"); next = next.nextElementSibling)
        if (next.matches(".hint")) this.hints.push(next);
      this.hints.forEach((hint) => { hint.hidden = true; });
      this.invite();
      const kept = local(this.key);
      if (kept === null) return;
      this.change(kept);
      this.say("This is your version.");
    }

    get code() {
      if (!this.bar) return hidden[this.n];
      return [this.pre, ...this.rest].map(textOf).join("\n\n");
    }

    get edited() { return Boolean(this.bar) && textOf(this.pre) !== this.source; }

    say(words) { if (this.bar && this.status.textContent !== words) this.status.textContent = words; }

    // Until the editor is there, the printed code stands for it.
    invite() {
      const words = { role: "textbox", tabindex: 0, "aria-multiline": true, "aria-readonly": true, "aria-label": `Code of cell ${this.n}`, "aria-description": "Enter edits it, Shift and Enter run it." };
      Object.entries(words).forEach(([name, value]) => this.box.setAttribute(name, value));
      this.box.onclick = ({ target }) => { if (!target.closest("a, button") && !String(getSelection())) this.edit(true); };
      this.box.onkeydown = (event) => {
        event.stopPropagation(); // Sphinx would search at each "/"
        if (event.key !== "Enter" || this.view || event.target !== this.box) return;
        event.preventDefault();
        if (event.shiftKey) run(this); else this.edit(true);
      };
    }

    async edit(focus) {
      try {
        const { edit } = await import(new URL(editor, location));
        if (!this.view) {
          for (const name of ["role", "tabindex", "aria-multiline", "aria-readonly", "aria-label", "aria-description"]) this.box.removeAttribute(name);
          const [label, code] = [`Code of cell ${this.n}`, textOf(this.pre)];
          this.view = edit(this.box, { label, code, run: () => run(this), change: (text) => this.change(text) });
          this.pre.hidden = true;
        }
        if (focus) this.view.focus();
      } catch { this.say(STALE); }
    }

    // The hidden printed code follows the editor, so that the page has one code, which the copy button copies.
    change(text) {
      this.pre.textContent = `${text}\n`;
      local(this.key, this.edited ? text : null);
      this.offerReset();
    }

    offerReset() { if (!this.reset.isConnected) this.button.after(this.reset); }

    restore() {
      local(this.key, null);
      this.view?.destroy();
      this.view = null;
      this.pre.innerHTML = this.original;
      this.pre.hidden = false;
      this.invite();
      this.output?.remove();
      this.output = null;
      this.printed.forEach((part) => { part.hidden = false; });
      this.reset.remove();
      this.say("As printed.");
      this.button.focus();
    }

    begin() {
      if (!this.bar) return;
      this.edit(false);
      this.old = this.output;
      this.output = element("div", { className: "live-output" });
      for (const [name, value] of [["role", "region"], ["aria-label", `Output of cell ${this.n}`], ["aria-live", "polite"]]) this.output.setAttribute(name, value);
      this.length = 0;
      this.say("Starting.");
      this.reset.remove();
      this.button.after(this.stop);
    }

    // The old output stays until there is a new one, so that the page does not jump.
    show() {
      if (!this.output || this.output.isConnected) return;
      this.old?.remove();
      this.printed.forEach((part) => { part.hidden = true; });
      this.place.after(this.output);
    }

    end() {
      if (!this.bar) return;
      this.progress?.remove();
      const focused = document.activeElement === this.stop;
      this.stop.remove();
      this.offerReset();
      if (focused) this.button.focus();
      for (const pre of this.output.querySelectorAll("pre")) if (pre.scrollWidth > pre.clientWidth) pre.tabIndex = 0;
      this.hints.forEach((hint) => { hint.hidden = false; });
    }

    // The printed figure's words hold for the new one, too, while the code is the printed one.
    finish() {
      this.show();
      const [figure, svg] = [this.printed[0]?.querySelector("figure"), this.output?.querySelector(":scope > .live-svg > svg")];
      if (!figure || !svg || this.edited) return;
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", figure.querySelector("img")?.alt || "Figure");
      const caption = element("div", { className: "live-caption", innerHTML: figure.querySelector("figcaption")?.innerHTML ?? "" });
      caption.querySelectorAll(".headerlink").forEach((link) => link.remove());
      caption.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
      this.output.append(caption);
    }

    hear({ kind, data }) {
      if (!this.bar || this.length > MOST) return;
      if (kind === "clear") return this.output.replaceChildren();
      this.show();
      const last = this.output.lastElementChild;
      if (kind === "explorer") return draw(this.output.appendChild(element("div", { className: "explorer" })), data);
      this.length += kind === "svg" ? 0 : data.length;
      if (this.length > MOST) return this.tell("There is more output; it is not shown.");
      if (last?.className === `live-${kind}` && kind.startsWith("std")) return last.append(data);
      const markup = kind === "svg" || kind === "html";
      const part = element(markup ? "div" : "pre", { className: `live-${kind}`, [markup ? "innerHTML" : "textContent"]: data });
      if (data.length > LONG) part.setAttribute("aria-live", "off");
      this.output.append(part);
    }

    // A message of the page, with the notebook where this browser cannot go on.
    tell(words, offer) {
      if (!this.bar) return;
      this.show();
      const message = element("p", { className: "live-message", textContent: `${words} ` });
      const notebook = document.querySelector('a[href*="_sources/"][href*=".ipynb"]');
      if (offer && notebook) message.append(element("a", { href: notebook.href, download: "", textContent: "Download the notebook" }), " and run it in Jupyter.");
      this.output.append(message);
    }

    load({ done, total, what }) {
      if (!this.bar) return;
      if (done >= total) {
        this.progress?.remove();
        return this.say(ready ? "Running." : "Starting Python.");
      }
      if (!this.progress?.isConnected) {
        this.progress = element("label", { className: "live-progress" }, [element("span"), element("progress")]);
        this.bar.append(this.progress);
        this.say("Loading Python.");
      }
      const [words, meter] = this.progress.children;
      words.textContent = `${size(done)} of ${size(total)} MB: ${what}`;
      Object.assign(meter, { max: total, value: done });
    }
  }

  // Python: one worker, asked for one thing at a time.
  let python = null, loaded = null, ready = false, asked = null, current = null, silent = false;
  let turn = 0, clock = 0, last = Promise.resolve();

  const ask = (message) => new Promise((resolve, reject) => {
    asked = { resolve, reject };
    python.postMessage(message);
  });

  const drop = (why) => {
    turn += 1;
    python?.terminate();
    asked?.reject(why);
    python = loaded = asked = null;
    ready = false;
    for (const cell of cells) cell.ran = null;
  };

  const died = (why = "") => drop(Object.assign(new Error(`${DIED} ${why}`), { offer: true }));

  const hear = ({ data }) => {
    if (data.say === "progress") current?.load(data);
    else if (data.say === "failed" && ready) died(data.why);
    else if (data.say === "failed") drop(new Error(/: 404/.test(data.why) ? STALE : `Python could not be loaded (${data.why}). Run tries again.`));
    else if (data.say === "output") { if (!silent || data.kind === "error") current?.hear(data); }
    else asked?.resolve(data);
  };
  const start = async () => {
    const mine = turn;
    const where = new URL(home, location);
    const answer = await fetch(new URL("manifest.json", where), { cache: "no-cache" }).catch(() => { throw new Error(OFFLINE); });
    if (!answer.ok) throw new Error(STALE);
    const manifest = await answer.json();
    if (mine !== turn) throw new Error(STOPPED);
    const base = new URL(`${manifest.folder}/`, where);
    python = new Worker(new URL("python.js", base));
    python.onmessage = hear;
    python.onerror = python.onmessageerror = ({ message }) => died(message);
    await ask({ do: "load", base: base.href, manifest });
    ready = true;
  };

  const load = () => {
    loaded ??= start();
    const mine = loaded;
    return mine.catch((why) => { if (loaded === mine) loaded = null; throw why; });
  };

  const stop = () => {
    drop(new Error(STOPPED));
    load().catch(() => {}); // so that the next run need not wait as long
  };

  // Return the cells to run first: those that did not run with the code that they have now, or ran before one that they need.
  const stale = (cell) => {
    const old = [];
    for (const other of needs[cell.n - 1].map((index) => cells[index])) {
      const before = needs[other.n - 1].map((index) => cells[index]);
      if (other.ran !== other.code || before.some((one) => old.includes(one) || one.at > other.at)) old.push(other);
    }
    return old;
  };

  const send = async (cell, quietly) => {
    const code = cell.code;
    silent = quietly;
    const { ok, seconds } = await ask({ do: "run", id: ++clock, cell: cell.n, code, silent });
    cell.ran = ok ? code : null;
    cell.at = clock;
    return ok ? seconds : null;
  };

  const perform = async (cell) => {
    if (location.protocol === "file:") return refuse(cell, DISK);
    if (!globalThis.WebAssembly || !globalThis.Worker) return refuse(cell, "This browser lacks WebAssembly, which Python in a page needs.", true);
    current = cell;
    cell.begin();
    session(busy, "1");
    try {
      await load();
      const first = stale(cell);
      for (const other of first) {
        cell.say(`Running ${many([other])}, which this one needs.`);
        if (await send(other, true) === null) return cell.say(`Cell ${other.n}, which this one needs, fails.`);
      }
      cell.say("Running.");
      const seconds = await send(cell, false);
      cell.finish();
      if (seconds === null && cell.edited && /NameError/.test(cell.output.textContent)) cell.tell("An earlier cell may define that name: Run all runs them all.");
      if (seconds === null && /MemoryError/.test(cell.output?.textContent)) cell.tell("This browser gives Python no more memory.", true);
      const before = first.length ? `Ran ${many(first)} first. ` : "";
      cell.say(`${before}${seconds === null ? "It ended with an error." : `Done in ${seconds.toFixed(1)} s.`}`);
      return seconds !== null;
    } catch (why) {
      if (why.message !== STOPPED) cell.tell(why.message, why.offer);
      cell.say(why.message === STOPPED ? STOPPED : "It did not run.");
    } finally {
      current = null;
      session(busy, null);
      cell.end();
    }
  };

  const refuse = (cell, words, offer) => {
    cell.begin();
    cell.tell(words, offer);
    cell.end();
  };

  // One after the other, in the order of the clicks; a stop forgets those that wait.
  const run = (cell) => {
    const mine = turn;
    if (current === cell) return;
    if (current) cell.say("Waits for the cell that runs.");
    last = last.then(() => (mine === turn ? perform(cell) : cell.say("")));
  };

  const runAll = async (all, first) => {
    const halt = button("Stop", "Stop all cells", stop);
    const end = (words) => {
      Object.assign(all, { textContent: "Run all", disabled: false });
      halt.remove();
      first.say(words);
    };
    all.disabled = true;
    all.after(halt);
    for (const cell of cells) {
      all.textContent = `Cell ${cell.n} of ${cells.length}`;
      const ok = await (last = last.then(() => perform(cell)));
      if (!ok) return end(`Run all ended at cell ${cell.n}.`);
    }
    end("All cells ran.");
  };

  const cells = needs.map((_, index) => new Cell(index + 1));
  addEventListener("pagehide", () => session(busy, null));
  if (session(busy)) {
    session(busy, null);
    const cell = cells.find(({ bar }) => bar);
    cell.begin();
    cell.tell("When this page was open before, the browser ended it while Python ran: this device may have too little memory.", true);
    cell.end();
  }
}
