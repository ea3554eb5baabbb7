"""A card beside a link shows what the link leads to: for the mouse, the keyboard and a finger."""

import pytest

PAGE = "chapters/residual-networks.html"
CARD = ".card-of-link:popover-open"


@pytest.fixture
def page(address, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address + PAGE)
    yield page
    page.close()


@pytest.mark.parametrize(
    "target, said",
    [
        ("deep-linear-networks.html#prop-zero-saddle", "Proposition 2.2 (The saddle at zero)"),
        ("#thm-hardt-ma", "Theorem 3.1 (Hardt and Ma)"),
        ("#ex-zero-target", "Exercise 3.5"),
        ("bibliography.html#id15", "Identity matters in deep learning"),
        ("../reference/residual.html#lin_utils.near_identity_bound", "Return a bound"),
    ],
)
def test_a_mouse_that_rests_on_a_link_brings_its_card(page, target, said):
    link = page.locator(f".bd-article a.reference.internal[href='{target}']").first
    link.hover()
    card = page.locator(CARD)
    card.get_by_text(said).first.wait_for()
    assert card.locator("[id], a, button").count() == 0
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 1280
    assert box["y"] >= 0 and box["y"] + box["height"] <= 900
    page.mouse.move(2, 2)
    card.wait_for(state="detached")


@pytest.mark.parametrize("target", ["#equation-eq-descent", "#fig-implications"])
def test_equations_and_figures_have_cards(page, address, target):
    page.goto(address + "chapters/optimality-conditions.html")
    page.locator(f".bd-article a.reference.internal[href='{target}']").first.hover()
    page.locator(CARD).locator(".katex-display, figure img, figure svg").wait_for()


def test_the_keyboard_brings_a_card_and_escape_takes_it(page):
    link = page.locator("a.reference.internal[href='#thm-hardt-ma']").first
    link.focus()
    page.locator(CARD).wait_for()
    assert link.get_attribute("aria-describedby") == "card-of-link"
    page.keyboard.press("Escape")
    assert page.locator(CARD).count() == 0 and link.get_attribute("aria-describedby") is None


def test_the_first_tap_shows_and_the_second_follows(address, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(address + PAGE)
    link = page.locator("a[href='deep-linear-networks.html#prop-zero-saddle']").first
    link.tap()
    page.locator(CARD).get_by_text("Proposition 2.2").wait_for()
    assert page.url.endswith(PAGE)
    box = page.locator(CARD).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    link.tap()
    page.wait_for_url("**/deep-linear-networks.html#prop-zero-saddle")
    context.close()


def test_from_a_disk_the_page_shows_what_stands_on_it(site, browser):
    page = browser.new_page()
    said = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.goto((site / PAGE).as_uri())
    for target, shown in {
        "#thm-hardt-ma": 1,
        "deep-linear-networks.html#prop-zero-saddle": 0,
    }.items():
        page.locator(f".bd-article a.reference.internal[href='{target}']").first.hover()
        page.wait_for_timeout(600)  # no card is what is asserted
        assert page.locator(CARD).count() == shown
        page.mouse.move(2, 2)
        page.locator(CARD).wait_for(state="detached")
    page.close()
    assert said == []


def test_nothing_is_loaded_before_a_reader_asks(page, address):
    loaded = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    assert not [name for name in loaded if ".html" in name]


def test_statements_and_figures_link_to_themselves(page):
    for place in ("#thm-hardt-ma > p", "#fig-square figcaption", "#ex-zero-target > p"):
        link = page.locator(f"{place} a.headerlink").first
        assert page.locator(link.get_attribute("href")).count() == 1
