"""The built site in headless Chromium, with every other host blocked."""

import pathlib

import pytest

BOOK = pathlib.Path(__file__).parents[1]
SITE = BOOK / "_build" / "html"
PAGES = sorted(
    str(page.relative_to(SITE))
    for pattern in ("index.html", "chapters/*.html", "reference/*.html")
    for page in SITE.glob(pattern)
)
AXE = BOOK / "tools" / "rehearse" / "node_modules" / "axe-core" / "axe.min.js"


def test_the_book_is_built(site):
    assert "index.html" in PAGES and len(PAGES) > 1


CUT = """all => all.filter((formula) => formula.scrollWidth > formula.clientWidth + 1)
  .map((formula) => formula.textContent)"""


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_self_contained_typeset_and_alive(name, width, address, browser):
    page = browser.new_page(viewport={"width": width, "height": 900})
    troubles = []
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("requestfailed", lambda request: troubles.append(f"failed: {request.url}"))

    def route(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            troubles.append(f"foreign: {route.request.url}")
            route.abort()

    page.route("**/*", route)
    page.goto(address + name, wait_until="networkidle")
    assert page.locator(".math:not(:has(.katex-mathml + .katex-html))").count() == 0
    for place in page.locator(".explorer[data-source]").all():
        assert place.locator("svg").get_attribute("aria-label")
    for explorer in page.locator(".explorer").all():
        explorer.evaluate("place => place.scrollIntoView()")
        explorer.get_by_role("slider").first.wait_for()
        for slider in explorer.get_by_role("slider").all():
            slider.press("Home")
            frames = [explorer.locator("svg").get_attribute("aria-label")]
            for _ in range(int(slider.get_attribute("max"))):
                slider.press("ArrowRight")
                frames.append(explorer.locator("svg").get_attribute("aria-label"))
            assert len(set(frames)) == len(frames) > 1
    assert page.locator("article img:not([alt]), article img[alt='']").count() == 0
    assert (
        page.locator(".explorer").count()
        == page.locator(".cell_input pre", has_text="lu.explore(").count()
    )
    cut = page.locator("div.math .katex-html").evaluate_all(CUT)
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.close()
    assert not troubles
    assert overflow <= 0
    assert width < 600 or cut == []  # on a phone a formula may have to scroll


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("chapters/")])
def test_page_opened_at_an_anchor_shows_it(name, address, browser):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(address + name)
    anchors = page.locator("article section > section").evaluate_all("all => all.map(s => s.id)")
    tops = []
    for anchor in anchors[::3]:
        page.goto("about:blank")
        page.goto(f"{address}{name}#{anchor}", wait_until="networkidle")
        tops.append(
            page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", anchor)
        )
    page.close()
    assert all(0 <= top < 900 for top in tops)


LAID_OUT = "section { content-visibility: visible !important; }"
# Unfold all that a reader can unfold, and come near all that waits for that.
READ_ALL = """async () => {
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  let last = -1000;
  for (const block of document.querySelectorAll("pre, .explorer, div.math")) {
    const top = block.getBoundingClientRect().top + scrollY;
    if (Math.abs(top - last) < 300) continue; // what waits for a reader waits for 500 pixels
    last = top;
    block.scrollIntoView();
    // Two frames, if the browser draws any: now and then it draws none for a page that nobody sees.
    const frames = new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    await Promise.race([frames, new Promise((done) => setTimeout(done, 500))]);
  }
}"""
# What axe-core finds, each with its place.
CHECK = """async (rules) => {
  const { violations } = await axe.run(document, rules.length ? { runOnly: rules } : {});
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
}"""


@pytest.mark.parametrize("name", [*PAGES, "genindex.html", "search.html"])
def test_page_is_accessible_in_light_and_in_dark(name, address, browser):
    page = browser.new_page(color_scheme="light", reduced_motion="reduce")
    page.goto(address + name, wait_until="networkidle")
    page.add_style_tag(content=LAID_OUT)
    page.evaluate(READ_ALL)
    for explorer in page.locator(".explorer").all():
        explorer.get_by_role("slider").first.wait_for()
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tools/rehearse")
    page.add_script_tag(path=AXE)
    found = {"light": page.evaluate(CHECK, [])}
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("html[data-theme=dark]")
    found["dark"] = page.evaluate(CHECK, ["color-contrast", "link-in-text-block"])
    page.close()
    assert found == {"light": [], "dark": []}


# The contents beside the text unfold where the reader is; what is folded is no control.
NUMBER_CONTROLS = """() => [...document.querySelectorAll(
  'a[href], button, input, select, summary, [tabindex="0"]'
)].filter((control) => control.checkVisibility({ visibilityProperty: true }))
  .filter((control) => !control.closest(".toc-h3"))
  .map((control, i) => { control.dataset.control = i; return i; })"""


@pytest.mark.parametrize("name", [*PAGES, "genindex.html", "search.html"])
def test_the_keyboard_alone_reaches_everything(name, address, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address + name, wait_until="networkidle")
    page.add_style_tag(content=LAID_OUT)
    page.evaluate(READ_ALL)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    missing = set(page.evaluate(NUMBER_CONTROLS))
    for _ in range(len(missing) + 20):  # the browser's own stops are not numbered
        page.keyboard.press("Tab")
        missing.discard(page.evaluate("Number(document.activeElement.dataset.control ?? -1)"))
    page.close()
    assert not missing
