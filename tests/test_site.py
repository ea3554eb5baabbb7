"""The built site in headless Chromium, with every other host blocked."""

import pathlib

import pytest

BOOK = pathlib.Path(__file__).parents[1]
SITE = BOOK / "_build" / "html"
PAGES = sorted(
    str(page.relative_to(SITE))
    for pattern in ("index.html", "chapters/*.html", "reference/*.html")
    for page in SITE.glob(pattern)
    if not page.name.endswith(".slides.html")  # test_decks.py has those
)
READ = [*PAGES, "genindex.html", "search.html"]
AXE = BOOK / "tools" / "rehearse" / "node_modules" / "axe-core" / "axe.min.js"


def test_the_book_is_built(site):
    assert "index.html" in PAGES and len(PAGES) > 1


@pytest.fixture(scope="module")
def context(browser):
    """Return what shares its cache among the pages of this module."""
    with browser.new_context(color_scheme="light", reduced_motion="reduce") as context:
        yield context


CUT = """all => all.filter((formula) => formula.scrollWidth > formula.clientWidth + 1)
  .map((formula) => formula.textContent)"""


CONTROL = "input, select"  # of an explorer


@pytest.mark.parametrize("name", PAGES)
def test_page_is_self_contained_typeset_and_alive(name, address, context):
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    troubles = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))
    ours = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(ours) else troubles.append(r.url))
    page.goto(address + name)
    assert page.locator(".math:not(:has(.katex-mathml + .katex-html))").count() == 0
    for place in page.locator(".explorer[data-source]").all():
        assert place.locator("svg").get_attribute("aria-label")
    for explorer in page.locator(".explorer").all():
        explorer.evaluate("place => place.scrollIntoView()")
        explorer.locator(CONTROL).first.wait_for()
        for control in explorer.locator(CONTROL).all():
            control.press("Home")
            frames = [explorer.locator("svg").get_attribute("aria-label")]
            for _ in range(control.evaluate("c => (c.length ?? Number(c.max) + 1) - 1")):
                control.press(
                    "ArrowDown" if control.evaluate("c => 'length' in c") else "ArrowRight"
                )
                frames.append(explorer.locator("svg").get_attribute("aria-label"))
            assert len(set(frames)) == len(frames) > 1
    assert page.locator("article img:not([alt]), article img[alt='']").count() == 0
    assert (
        page.locator(".explorer").count()
        == page.locator(".cell_input pre", has_text="lu.explore(").count()
    )
    cut = page.locator("div.math").evaluate_all(CUT)
    page.close()
    assert not troubles
    assert cut == []


# The page has come to rest: neither its place nor its height changes for some frames.
RESTS = """() => new Promise((rests) => {
  let last = "", same = 0;
  const look = () => {
    const now = `${scrollY} ${document.documentElement.scrollHeight}`;
    same = now === last ? same + 1 : 0;
    last = now;
    if (same > 10) rests();
    else setTimeout(look, 20);
  };
  look();
})"""


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("chapters/")])
def test_page_opened_at_an_anchor_shows_it(name, address, context):
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(address + name)
    anchors = page.locator("article section > section").evaluate_all("all => all.map(s => s.id)")
    tops = []
    for anchor in anchors[::3]:
        page.goto("about:blank")
        page.goto(f"{address}{name}#{anchor}")
        page.evaluate(RESTS)
        tops.append(
            page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", anchor)
        )
    page.close()
    assert all(0 <= top < 900 for top in tops)


# Unfold all that a reader can unfold, and come near all that waits for that.
READ_ALL = """async () => {
  const style = document.createElement("style");
  style.id = "read-all";
  style.textContent = "section { content-visibility: visible !important; }";
  document.head.append(style);
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  const places = [...document.querySelectorAll("pre, table, .explorer, div.math")];
  const tops = places.map((block) => block.getBoundingClientRect().top + scrollY);
  let last = -2000;
  for (const top of tops.sort((a, b) => a - b)) {
    if (top - last < 1000) continue; // what waits for a reader waits for 500 pixels
    last = top;
    scrollTo(0, top);
    // Who waits is told in order, so this comes last; and now and then a browser draws
    // no frame of a page that nobody sees.
    const told = new Promise((done) => new IntersectionObserver(done).observe(document.body));
    await Promise.race([told, new Promise((done) => setTimeout(done, 500))]);
  }
}"""


@pytest.fixture(scope="module", params=READ)
def read(request, context, address):
    """Open a page and unfold all of it, once for all tests of a page that was read."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address + request.param)
    page.evaluate(READ_ALL)
    for explorer in page.locator(".explorer").all():
        explorer.locator(CONTROL).first.wait_for()
    yield page
    page.close()


# What axe-core finds, each with its place.
CHECK = """async (rules) => {
  const options = { resultTypes: ["violations"], ...(rules.length ? { runOnly: rules } : {}) };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}"""
MOVES = """() => [...document.querySelectorAll("*")].filter((part) => {
  const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(part);
  return animationName !== "none" || /[1-9]/.test(transitionDuration)
    || scrollBehavior === "smooth";
}).map((part) => part.outerHTML.slice(0, 99))"""


# The contents beside the text unfold where the reader is; what is folded is no control.
NUMBER_CONTROLS = """() => {
  globalThis.controls = new Set([...document.querySelectorAll(
    'a[href]:not([aria-hidden]), button, input, select, summary, [tabindex="0"]'
  )].filter((control) => control.checkVisibility({ visibilityProperty: true }))
    .filter((control) => !control.closest(".toc-h3")));
  addEventListener("focusin", ({ target }) => { controls.delete(target); });
  return controls.size;
}"""


def test_nothing_moves_for_who_wants_no_motion(read):
    assert read.evaluate(MOVES) == []


def test_the_keyboard_alone_reaches_everything(read):
    read.evaluate("document.activeElement.blur(); getSelection().empty(); scrollTo(0, 0)")
    read.evaluate("document.getElementById('read-all').disabled = true")  # thrice as fast
    for _ in range(read.evaluate(NUMBER_CONTROLS) + 20):  # the browser's own stops: no number
        read.keyboard.press("Tab")
    read.evaluate("document.getElementById('read-all').disabled = false")
    assert read.evaluate("[...controls].map((control) => control.outerHTML)") == []


# Of a formula in one color all is said by its text: most of a page are the parts of its formulas.
FLATTEN = """() => {
  for (const formula of document.querySelectorAll(".katex-html:not(:has([style*=color]))"))
    formula.textContent = formula.textContent;
}"""


def test_a_read_page_is_accessible_in_light_and_in_dark(read):
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tools/rehearse")
    read.evaluate(AXE.read_text(encoding="utf-8"))
    read.evaluate(FLATTEN)
    found = {"light": read.evaluate(CHECK, [])}
    read.emulate_media(color_scheme="dark")
    read.wait_for_selector("html[data-theme=dark]")
    found["dark"] = read.evaluate(CHECK, ["color-contrast", "link-in-text-block"])
    assert found == {"light": [], "dark": []}


PHONE = """() => {
  const name = ({ tagName, className, textContent }) => (
    `${tagName}.${className}: ${textContent.trim().slice(0, 60)}`);
  const shown = [...document.querySelectorAll(".bd-article-container *")].filter((part) => (
    part.checkVisibility() && part.clientWidth > 1 && !part.closest("svg, .katex-mathml")));
  const style = new Map(shown.map((part) => [part, getComputedStyle(part)]));
  const wide = (part) => part.scrollWidth > part.clientWidth + 1;
  const high = (part) => part.scrollHeight > part.clientHeight + 1;
  const hides = /hidden|clip/, scrolls = /auto|scroll/;
  return {
    wide: document.documentElement.scrollWidth > innerWidth
      ? shown.filter((part) => part.getBoundingClientRect().right > innerWidth + 1
        && !part.closest("div.math, pre, .pst-scrollable-table-container")).map(name) : [],
    cut: shown.filter((part) => (wide(part) && hides.test(style.get(part).overflowX))
      || (high(part) && hides.test(style.get(part).overflowY))).map(name),
    torn: shown.filter((part) => part.matches(".katex-html")
      && !part.closest("div.math, .pst-scrollable-table-container")
      && [...part.getClientRects()].some(({ right }) => right > innerWidth)).map(name),
    deaf: shown.filter((part) => wide(part) && scrolls.test(style.get(part).overflowX)
      && !(part.tabIndex >= 0 && part.ariaLabel)).map(name),
  };
}"""
HOLDS = {"wide": [], "cut": [], "torn": [], "deaf": []}


def held(evaluate):
    """Return what a page does not hold; it is read again where it was not told of a block."""
    for _ in range(4):
        found = evaluate(PHONE)
        if not found["deaf"]:
            break
        evaluate(READ_ALL)  # a loaded machine draws no frames now and then
    return found


@pytest.fixture(scope="module")
def tab(firefox):
    return pytest.importorskip("tabs").FirefoxTab(firefox)


@pytest.mark.parametrize("name", READ)
def test_page_fits_a_phone(name, address, context):
    page = context.new_page()
    page.set_viewport_size({"width": 320, "height": 844})
    page.goto(address + name)
    page.evaluate(READ_ALL)
    found = {320: held(page.evaluate)}
    page.set_viewport_size({"width": 390, "height": 844})
    found[390] = held(page.evaluate)
    page.close()
    assert found == {320: HOLDS, 390: HOLDS}


@pytest.mark.parametrize("name", READ)
def test_page_fits_a_phone_in_firefox(name, address, tab):
    def found(width):
        size = {"width": width, "height": 844}
        tab.firefox.ask("browsingContext.setViewport", context=tab.context, viewport=size)
        return held(lambda script: tab.evaluate(f"({script})()"))

    found(320)
    tab.open(address + name)
    tab.evaluate(f"({READ_ALL})()")
    assert {width: found(width) for width in (320, 390)} == {320: HOLDS, 390: HOLDS}
