"""The ball on the front page: its computation is that of lin_utils, and it does what it says."""

import json

import numpy as np
import pytest

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
console.log(JSON.stringify({ points, values, verdict: hero.verdict(point) }));
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
