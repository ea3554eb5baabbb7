"""The ball on (ab − 1)²: its computation is that of lin_utils, and it does what it says."""

import json

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import lin_utils as lu
from living_book import node

SCRIPT = node.HERE / "static" / "hero.js"
LOSS = lu.DeepLinear((1, 1, 1), [[1.0]])
ASK = """
const { readFileSync } = require("node:fs");
const { start, step, steps } = JSON.parse(readFileSync(0, "utf8"));
(0, eval)(readFileSync(process.argv[1], "utf8"));
let point = start;
const points = [point];
for (let k = 0; k < steps; k++) points.push(point = hero.descend(point, step));
const values = points.map(hero.value);
const [kept, end] = [points.map(hero.kept), hero.destination(start)];
const [verdict, law] = [hero.verdict(point), hero.law(start)];
console.log(JSON.stringify({ points, values, verdict, kept, end, law }));
"""


def descended(start, step, steps):
    given = json.dumps({"start": start, "step": step, "steps": steps})
    return json.loads(node.run("-e", ASK, SCRIPT, cwd=node.HERE, given=given))


@pytest.mark.parametrize(
    "start, step, steps, verdict",
    [
        ([-1.9, 1.65], 0.05, 400, "minimum"),
        ([1.3, -1.3], 0.05, 400, "saddle"),
        ([0.4, 2.0], 0.01, 30, ""),
        ([2.15, -2.15], 0.3, 5, "away"),
    ],
)
def test_the_ball_descends_as_lin_utils_does(start, step, steps, verdict):
    ball = descended(start, step, steps)
    run = lu.gradient_descent(LOSS, start, step, steps)
    near = np.abs(run.points).max(axis=-1) < 10  # what flies off ends in infinities
    for ours, expected in ((ball["points"], run.points), (ball["values"], run.values)):
        np.testing.assert_allclose(np.array(ours)[near], expected[near], rtol=1e-9, atol=1e-12)
    assert ball["verdict"] == verdict


def test_on_the_line_the_ball_stays_on_the_line():
    points = np.array(descended([1.3, -1.3], 0.05, 400)["points"])
    assert (points[:, 0] == -points[:, 1]).all()


@pytest.mark.parametrize("step", [0.01, 0.05, 0.2])
def test_a_step_of_descent_takes_a_small_part_of_what_the_flow_keeps(step):
    ball = descended([-1.2, 1.65], step, 20)
    a, b = np.array(ball["points"]).T
    kept = b**2 - a**2
    np.testing.assert_allclose(ball["kept"], kept, rtol=1e-9)
    np.testing.assert_allclose(kept[1:], kept[:-1] * (1 - (2 * step * (a * b - 1)[:-1]) ** 2))


@pytest.mark.parametrize(
    "start", [[-1.9, 1.65], [2.15, -1.0], [-0.3, 2.0], [1.5, 1.5], [0.7, -0.7]]
)
def test_the_flow_ends_where_the_picture_says(start):
    ball = descended(start, 0.01, 0)
    flow = solve_ivp(lambda t, x: -LOSS.gradient(x), (0, 9), start, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(ball["end"], flow.y[:, -1], atol=1e-6)
    if sum(start):
        said = "Here a = {:.3f}, b = {:.3f}.".format(*ball["end"])
        assert " ".join(ball["law"].split()).endswith(said.replace("-", "−"))
    else:
        assert ball["law"].endswith("at the saddle.")


@pytest.fixture
def page(site, browser):
    """Open the front page, without motion: a run ends at once."""
    page = browser.new_page(viewport={"width": 390, "height": 900}, reduced_motion="reduce")
    page.goto((site / "index.html").as_uri())
    yield page
    page.close()


def put(page, a, b):
    for name, number in {"a": a, "b": b}.items():
        page.get_by_role("slider", name=name, exact=True).fill(str(number))


def test_only_on_the_line_the_ball_gets_stuck(page):
    for a, b, said in ((1.3, -1.3, "Stuck"), (1.3, -1.25, "At a global minimum")):
        put(page, a, b)
        page.get_by_role("button", name="Play").click()
        page.locator(".hero").get_by_role("status").get_by_text(said).wait_for()


def test_the_ball_goes_where_it_is_dragged_and_takes_one_step(page):
    picture = page.locator(".hero svg")
    box = picture.bounding_box()
    ball = page.locator(".hero-grip").bounding_box()
    page.mouse.move(ball["x"] + ball["width"] / 2, ball["y"] + ball["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    assert "after 0 steps: a = 1.100, b = 0.000, loss 1.00" in picture.get_attribute("aria-label")
    page.get_by_role("button", name="Step", exact=True).click()
    assert "after 1 step: a = 1.100, b = 0.110, loss 0.773" in picture.get_attribute("aria-label")


def test_by_keyboard_alone(page):
    page.get_by_role("slider", name="a", exact=True).focus()
    for key in ("End", "Tab", "Home", "Tab", "ArrowLeft"):
        page.keyboard.press(key)
    assert "a = 2.150, b = −2.150" in page.locator(".hero svg").get_attribute("aria-label")
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    page.locator(".hero").get_by_role("status").get_by_text("Stuck").wait_for()


def test_the_line_that_gets_stuck_is_explained_where_it_is_shown(page):
    said, line = page.locator(".hero-law"), page.locator(".hero-line")
    assert said.inner_text() == "" and not line.is_visible()
    page.get_by_role("button", name="Show where").click()
    assert "a = −b" in " ".join(said.inner_text().split()) and line.is_visible()
    page.get_by_role("button", name="Show where").click()
    assert said.inner_text() == "" and not line.is_visible()


def test_too_long_a_step_is_told(page):
    put(page, 2.15, -2.15)
    page.get_by_role("slider", name="step size").fill("0.3")
    page.get_by_role("button", name="Play").click()
    page.get_by_text("The step is too long").wait_for()


def test_the_figure_stands_on_paper_and_without_scripts(site, browser, page):
    assert not page.locator("#fig-front").is_visible() and page.locator(".hero svg").is_visible()
    page.emulate_media(media="print")
    assert page.locator("#fig-front").is_visible() and not page.locator(".hero").is_visible()
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto((site / "index.html").as_uri())
    assert plain.locator("#fig-front img").is_visible() and not plain.locator(".hero").is_visible()
    plain.context.close()


PLACE = '<div class="hero" data-instead="fig-hyperbolas" data-shows="hyperbolas"></div>'
BOOK = {
    "index.md": f"# Home\n\n```{{toctree}}\nin/one\nin/two\n```\n\n{PLACE}\n",
    "in/one.md": f"# One\n\n```{{figure}} a.svg\n:name: fig-hyperbolas\nA figure\n```\n\n{PLACE}\n",
    "in/two.md": "# Two\n",
    "in/a.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>',
}


@pytest.fixture(scope="module")
def book(shared_book):
    built = shared_book.build(BOOK, html_theme="sphinx_book_theme")
    assert built.returncode == 0, built.stderr
    return shared_book


@pytest.fixture
def flow(book, browser):
    """Open a chapter with the hyperbolas, without motion."""
    page = browser.new_page(viewport={"width": 390, "height": 900}, reduced_motion="reduce")
    page.goto((book.site / "in" / "one.html").as_uri())
    yield page
    page.close()


def words(page):
    return page.locator(".hero svg").get_attribute("aria-label")


def test_the_script_is_loaded_where_there_is_a_place_for_it(book):
    assert 'src="_static/hero.js' in book.read("index.html")
    assert 'src="../_static/hero.js' in book.read("in/one.html")
    assert "hero.js" not in book.read("in/two.html")


def test_the_hyperbolas_take_the_place_of_their_figure(flow):
    assert flow.locator(".hero svg").is_visible()
    assert not flow.locator("#fig-hyperbolas").is_visible()


def test_short_steps_end_near_the_flow_and_long_ones_do_not(flow):
    ends = {}
    for step in ("0.01", "0.2"):
        put(flow, -1.2, 1.65)
        flow.get_by_role("slider", name="step size").fill(step)
        flow.get_by_role("button", name="Play").click()
        flow.get_by_role("status").get_by_text("At a global minimum").wait_for()
        now, then = words(flow).partition("b² − a² = ")[2].split(", at the start ")
        ends[step], start = (float(number.replace("−", "-")) for number in (now, then))
        flow.get_by_role("status").get_by_text("Here a = 0.739, b = 1.352.").wait_for()
    put(flow, 1.0, 1.0)  # a new start is a new question
    assert not flow.locator(".hero-end").is_visible()
    assert start == 1.28 and abs(ends["0.01"] - start) < 0.1 and ends["0.2"] < 0


def test_where_the_flow_ends_is_shown_by_keyboard_and_follows_the_start(flow):
    ring = flow.locator(".hero-end")
    assert not ring.is_visible()
    flow.get_by_role("button", name="Show where").focus()
    flow.keyboard.press("Enter")
    flow.get_by_role("status").get_by_text("Here a = −1.240, b = −0.806.").wait_for()
    flow.get_by_role("slider", name="a", exact=True).focus()
    flow.keyboard.press("End")
    assert "a = 2.150, b = 1.650" in words(flow) and float(ring.get_attribute("cx")) > 0
    put(flow, 1.3, -1.3)
    flow.get_by_role("button", name="Play").focus()
    flow.keyboard.press("Enter")
    for said in ("Stuck", "the flow ends at the saddle"):
        flow.get_by_role("status").get_by_text(said).wait_for()
    assert (ring.get_attribute("cx"), ring.get_attribute("cy")) == ("0", "0")
    flow.get_by_role("button", name="Show where").click()
    assert not ring.is_visible()


def test_the_strong_hyperbola_goes_through_the_ball(flow):
    put(flow, -0.5, 1.9)
    near = flow.evaluate(
        """() => {
          const line = document.querySelector(".hero-kept"), turn = line.getCTM().inverse();
          const ball = document.querySelector(".hero-ball").getCTM();
          const point = new DOMPoint(-0.5, -1.9).matrixTransform(ball).matrixTransform(turn);
          const parts = Array.from({ length: 4001 }, (_, i) => i / 4000 * line.getTotalLength())
            .map((at) => line.getPointAtLength(at));
          return Math.min(...parts.map((p) => Math.hypot(p.x - point.x, p.y - point.y)));
        }"""
    )
    assert near < 0.02
