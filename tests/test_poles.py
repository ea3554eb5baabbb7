"""The poles under the reader's hands: their computation is that of lin_utils, the page says it."""

import json
from pathlib import Path

import numpy as np
import pytest

import lin_utils as lu
from living_book import node

SCRIPT = node.HERE / "static" / "poles.js"
AXE = Path(__file__).parents[1] / "tools" / "rehearse" / "node_modules" / "axe-core" / "axe.min.js"
MOST = 0.97  # the sliders' largest radius
ASK = """
const { readFileSync } = require("node:fs");
const { systems, others } = JSON.parse(readFileSync(0, "utf8"));
(0, eval)(readFileSync(process.argv[1], "utf8"));
const answers = systems.map((pairs) => ({
  a: poles.coefficients(pairs).slice(1),
  opening: poles.opening(pairs),
  response: poles.response(pairs),
}));
console.log(JSON.stringify({ answers, regions: others.map(poles.region) }));
"""


def asked(systems=(), others=()):
    def pairs(systems):
        return [[{"radius": r, "angle": angle} for r, angle in pairs] for pairs in systems]

    given = json.dumps({"systems": pairs(systems), "others": pairs(others)})
    return json.loads(node.run("-e", ASK, SCRIPT, cwd=node.HERE, given=given))


def polynomial(pairs):
    """Return a_1, …, a_n of the system with these pairs of poles."""
    poles = [r * np.exp(1j * np.radians(sign * ψ)) for r, ψ in pairs for sign in (1, -1)]
    return np.poly(poles)[1:].real


def random_systems(rng, pairs, number=150):
    radii = rng.uniform(0, MOST, (number, pairs)).round(2)
    radii[:20] = MOST
    angles = rng.integers(0, 181, (number, pairs))
    angles[:10] = 0
    angles[10:30] = 180
    return np.stack([radii, angles], axis=-1).tolist()


@pytest.mark.parametrize("pairs", [1, 2])
def test_the_picture_computes_what_lin_utils_does(pairs):
    systems = random_systems(np.random.default_rng(4), pairs)
    for system, answer in zip(systems, asked(systems)["answers"], strict=True):
        a = polynomial(system)
        np.testing.assert_allclose(answer["a"], a, atol=1e-12)
        np.testing.assert_allclose(np.radians(answer["opening"]), lu.cone_angle(a), atol=1e-6)
        network = lu.LinearRNN.from_coefficients(a, np.eye(len(a))[-1])
        expected = network.impulse_response(31).ravel()
        np.testing.assert_allclose(answer["response"], expected, rtol=1e-9, atol=1e-9)


def test_no_pole_no_cone():
    (answer,) = asked([[(0, 50)]])["answers"]
    assert answer["opening"] == 0 and answer["response"] == [1] + [0] * 30


def openings(angle, radii, other=()):
    systems = [polynomial([(r, angle), *other]) for r in radii]
    return np.degrees(lu.cone_angle(systems))


def test_the_opening_of_a_pair_grows_with_its_radius():
    radii = np.linspace(0, MOST, 98)
    for angle in range(0, 181, 3):
        assert (np.diff(openings(angle, radii)) > 0).all()


def test_the_region_of_one_pair_ends_where_the_opening_is_90_degrees():
    (region,) = asked(others=[[]])["regions"]
    assert len(region) == 181
    for angle, (start, end) in enumerate(region):
        assert start == 0 and openings(angle, [end]) == pytest.approx(90, abs=0.02)
    largest = max(end for _, end in region)
    assert region[90][1] == largest == pytest.approx(0.5**0.25, abs=1e-4)
    for angle in (0, 180):
        assert region[angle][1] == pytest.approx(np.sin(np.pi / 8), abs=1e-4)


@pytest.mark.parametrize("other", [(0.4, 30), (0.6, 0), (0.8, 120), (0.5, 90), (0.97, 10)])
def test_beside_another_pair_the_region_is_where_the_opening_is_at_most_90_degrees(other):
    (region,) = asked(others=[[other]])["regions"]
    radii = np.arange(98) / 100
    for angle in range(0, 181, 5):
        inside = np.searchsorted(region[angle], radii, side="right") % 2 == 1
        angles = openings(angle, radii, [other])
        clear = abs(angles - 90) > 0.02
        assert (inside == (angles <= 90))[clear].all(), angle


def test_beside_another_pair_the_region_need_not_begin_at_the_origin():
    # (1 − 0.6w)², and with the pair (1 + 0.6w)² it is (1 − 0.36w²)².
    expected = 4 * np.degrees(np.arcsin([0.6, 0.36]))
    np.testing.assert_allclose(openings(180, [0, 0.6], [(0.6, 0)]), expected)
    assert expected[1] < 90 < expected[0]
    (region,) = asked(others=[[(0.6, 0)]])["regions"]
    assert region[0] == [] and len(region[180]) == 2 and region[180][0] > 0


PLACE = '<div class="poles" data-instead="fig-poles"></div>'
HERO = '<div class="hero"></div>'
FIGURE = "```{figure} a.svg\n:name: fig-poles\nA figure\n```"
BOOK = {
    "index.md": "# Home\n\n```{toctree}\nin/one\nin/two\nin/three\n```\n",
    "in/one.md": f"# One\n\n{FIGURE}\n\n{PLACE}\n\nThe text goes on.\n",
    "in/two.md": f"# Two\n\n{HERO}\n",
    "in/three.md": f"# Three\n\n{PLACE}\n\n{HERO}\n\n{PLACE}\n",
    "in/a.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
}


@pytest.fixture(scope="module")
def book(shared_book):
    built = shared_book.build(BOOK, html_theme="sphinx_book_theme")
    assert built.returncode == 0, built.stderr
    return shared_book


@pytest.fixture
def page(book, browser):
    """Open the page with the poles, on a phone."""
    page = browser.new_page(viewport={"width": 390, "height": 1400}, color_scheme="light")
    page.goto((book.site / "in" / "one.html").as_uri())
    yield page
    page.close()


def test_scripts_are_loaded_where_there_is_a_place_for_them(book):
    loaded = {
        name: [s for s in ("computed", "hero", "poles") if f"{s}.js" in book.read(name)]
        for name in ("index.html", "in/one.html", "in/two.html", "in/three.html")
    }
    assert list(loaded.values()) == [
        [],
        ["computed", "poles"],
        ["computed", "hero"],
        ["computed", "hero", "poles"],
    ]
    text = book.read("in/three.html")
    assert text.index("computed.js") < min(text.index("hero.js"), text.index("poles.js"))


def test_the_figure_stands_on_paper_and_without_scripts(book, browser, page):
    figure, picture = page.locator("#fig-poles"), page.locator(".poles")
    assert picture.is_visible() and not figure.is_visible()
    page.emulate_media(media="print")
    assert figure.is_visible() and not picture.is_visible()
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto((book.site / "in" / "one.html").as_uri())
    assert plain.locator("#fig-poles img").is_visible()
    assert not plain.locator(".poles").is_visible()
    plain.context.close()


def put(page, **values):
    for name, number in values.items():
        page.get_by_role("slider", name=name.replace("_", " "), exact=True).fill(str(number))


def told(page):
    return page.locator(".poles-told").text_content()


def words(page, part):
    return page.locator(f".poles-{part} svg").get_attribute("aria-label")


def test_it_says_what_it_shows(page):
    for radius, angle, holds in ((0.84, 90, "yes"), (0.85, 90, "no"), (0.9, 20, "no")):
        put(page, radius=radius, angle=angle)
        opening = openings(angle, [radius])[0]
        said = f"Opening {opening:.1f}°; in the cone of 90°: {holds}; spectral radius {radius}."
        none = " No cone of less than half a turn holds the curve." if opening >= 180 else ""
        assert told(page) == said + none
        assert f"radius {radius}, angle ±{angle}°" in words(page, "disk")
        assert words(page, "plane").endswith(said + none)
        assert ("poles-none" in page.locator(".poles-cone").get_attribute("class")) == bool(none)
    assert opening > 180 and "no cone" not in words(page, "series")
    assert "1.00, 1.69, 2.05, 2.10, …, some beyond ±2" in words(page, "series")


def center(page, sign, pair=0):
    box = page.locator(".computed-grip").nth(2 * pair + (sign < 0)).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def at(page, x, y):
    box = page.locator(".poles-disk svg").bounding_box()
    return box["x"] + (0.5 + x / 2.44) * box["width"], box["y"] + (0.5 - y / 2.44) * box["height"]


def drag(page, start, *ends):
    page.mouse.move(*start)
    page.mouse.down()
    for end in ends:
        page.mouse.move(*end, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("sign", [1, -1])
def test_either_pole_of_the_pair_is_dragged_and_stays_in_the_disk(page, sign):
    drag(page, center(page, sign), at(page, 0.3, sign * 0.4))
    assert "radius 0.5, angle ±53°" in words(page, "disk")
    x, y = at(page, 0.3, 0.4)
    assert center(page, 1) == pytest.approx((x, y), abs=1.5)
    drag(page, center(page, 1), at(page, 0, 3))
    assert f"radius {MOST}, angle ±90°" in words(page, "disk")
    page.mouse.click(*at(page, -0.5, 0.0))
    assert any(f"radius 0.5, angle ±{angle}°" in words(page, "disk") for angle in (179, 180))


def test_by_keyboard_alone(page):
    page.get_by_role("slider", name="radius", exact=True).focus()
    for key in ("End", "ArrowLeft", "Tab", "Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert "radius 0.96, angle ±2°" in words(page, "disk")
    angle = page.get_by_role("slider", name="angle", exact=True)
    assert angle.get_attribute("aria-valuetext") == "2°"
    page.get_by_role("button", name="Two pairs").focus()
    page.keyboard.press("Enter")
    page.get_by_role("slider", name="angle 2").focus()
    page.keyboard.press("End")
    assert "angle ±2°; radius 0.4, angle ±180°" in words(page, "disk")


def test_the_second_pair_comes_and_goes(page):
    second = page.get_by_role("slider", name="radius 2")
    assert second.count() == 0 and page.locator(".poles-second:visible").count() == 0
    button = page.get_by_role("button", name="Two pairs")
    button.click()
    put(page, radius=0.5, angle=90, radius_2=0.7, angle_2=30)
    opening = openings(90, [0.5], [(0.7, 30)])[0]
    assert told(page).startswith(f"Opening {opening:.1f}°;") and "radius 0.7." in told(page)
    # What is dragged past the other pair is still what is held.
    drag(page, center(page, 1), at(page, 0.62, 0.36), at(page, 1.2, 0.7))
    assert f"radius {MOST}, angle ±30°; radius 0.7, angle ±30°" in words(page, "disk")
    button.click()
    assert "; " not in words(page, "disk") and second.count() == 0


def test_where_is_shown_and_follows_what_was_moved(page):
    inside, law = page.locator(".poles-inside"), page.locator(".poles-law")
    assert not inside.is_visible()
    hint = page.get_by_role("button", name="Show where")
    hint.focus()
    page.keyboard.press("Enter")
    assert inside.is_visible() and hint.get_attribute("aria-pressed") == "true"
    text = law.text_content()
    assert "0.841" in text and "0.383" in text
    put(page, angle=40)
    assert "At 40°: 0.484." in law.text_content()
    alone = inside.get_attribute("d")
    page.get_by_role("button", name="Two pairs").click()
    assert "the first pair, moved last" in law.text_content()
    put(page, radius=MOST, angle=0, angle_2=10)
    assert law.text_content().startswith("Nowhere the second pair")
    assert inside.get_attribute("d") == ""
    put(page, radius=0)
    put(page, radius_2=0.1)
    assert inside.get_attribute("d") == alone
    hint.click()
    assert not inside.is_visible()


def test_the_region_contains_the_pair_exactly_if_the_cone_holds_the_curve(page):
    page.get_by_role("button", name="Show where").click()
    for radius, angle in ((0.38, 0), (0.39, 0), (0.48, 40), (0.49, 40), (0.84, 90), (0.85, 90)):
        put(page, radius=radius, angle=angle)
        x, y = radius * np.cos(np.radians(angle)), radius * np.sin(np.radians(angle))
        inside = page.locator(".poles-inside").evaluate(
            "(path, [x, y]) => path.isPointInFill(new DOMPoint(100 * x, -100 * y))", [x, y]
        )
        assert inside == ("cone of 90°: yes" in told(page))


SIZES = """() => ({
  targets: [...document.querySelectorAll(".poles :is(button, input, .computed-grip)")]
    .filter((part) => part.checkVisibility({ visibilityProperty: true }))
    .map((part) => part.getBoundingClientRect())
    .map(({ width, height }) => Math.min(width, height)),
  letters: [...document.querySelectorAll(".poles text")].map((part) => (
    parseFloat(getComputedStyle(part).fontSize) * part.getScreenCTM().a)),
  wide: document.documentElement.scrollWidth - innerWidth,
  height: document.querySelector(".poles").getBoundingClientRect().height,
})"""


@pytest.mark.parametrize("width", [320, 360, 390, 414, 600, 768, 1280])
def test_it_fits_can_be_touched_and_read_and_keeps_its_height(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    sizes = page.evaluate(SIZES)
    assert min(sizes["targets"]) >= 44 and min(sizes["letters"]) >= 10 and sizes["wide"] <= 0
    page.get_by_role("button", name="Two pairs").click()
    put(page, radius=MOST, angle=1, radius_2=MOST, angle_2=2)
    for name in ("Show where", "Two pairs"):
        page.get_by_role("button", name=name).click()
        assert page.evaluate(SIZES)["height"] == pytest.approx(sizes["height"], abs=0.5)


@pytest.mark.parametrize("width, beside", [(390, False), (1280, True)])
def test_the_response_stands_beside_the_curve_where_the_column_is_wide(page, width, beside):
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    plane, series = (page.locator(f".poles-{part}").bounding_box() for part in ("plane", "series"))
    assert (plane["y"] == series["y"]) == beside


CHECK = """async () => (await axe.run(document.querySelector(".poles"))).violations.flatMap(
  ({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page, scheme):
    if not AXE.exists():
        pytest.skip("needs axe-core: npm ci --prefix tools/rehearse")
    page.emulate_media(color_scheme=scheme)
    page.wait_for_selector(f"html[data-theme={scheme}]")
    page.get_by_role("button", name="Two pairs").click()
    page.get_by_role("button", name="Show where").click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(CHECK) == []
