"""Short questions: as many choices are right as the page says, its numbers are, and it answers."""

import pathlib
import re

import numpy as np
import pytest

pytest.importorskip("selectolax")
from scipy.integrate import solve_ivp
from selectolax.lexbor import LexborHTMLParser

import lin_utils as lu
from living_book.questions import spellings

PAGE = "chapters/questions.html"
BOOK = pathlib.Path(__file__).parents[1]
CHAPTERS = sorted(path.stem for path in (BOOK / "chapters").glob("*.ipynb"))
KINDS = {"one is right", "several are right", "a number"}
ASKED = re.compile(r"\((Before|In|After); (.+?)\.\) ")


@pytest.fixture(scope="module")
def questions(site):
    """Return the questions of each chapter, as trees."""
    page = LexborHTMLParser((site / PAGE).read_text("utf-8"))
    return {name: page.css(f"section#{name} > ol > li:has(details.choice)") for name in CHAPTERS}


def asked(question):
    return ASKED.match(question.css_first("p").text()).groups()


def test_each_chapter_has_questions_for_before_in_and_after_of_each_kind(questions):
    for chapter, its in questions.items():
        assert len(its) >= 8, chapter
        assert {asked(one)[0] for one in its} == {"Before", "In", "After"}, chapter
        assert {asked(one)[1] for one in its} == KINDS, chapter


def test_a_question_has_as_many_right_choices_as_it_says(questions):
    for one in sum(questions.values(), []):
        right, wrong = len(one.css("details.right")), len(one.css("details.wrong"))
        numbers = len(one.css(".number-field + details.number"))
        fits = {
            "one is right": right == 1 and wrong >= 2 and not numbers,
            "several are right": right >= 2 and wrong >= 1 and not numbers,
            "a number": (right, wrong, numbers) == (0, 0, 1),
        }
        assert fits[asked(one)[1]], one.text()


def test_each_choice_says_its_verdict_and_why(questions):
    for one in sum(questions.values(), []):
        for choice in one.css("details.choice"):
            verdict, said = choice.css_first("strong").text(), choice.css_first("div").text()
            if "number" not in choice.attributes["class"]:
                assert verdict.lower().rstrip(".") in choice.attributes["class"].split()
            assert said.strip().startswith(verdict)
            assert len(said.split()) >= 4, choice.text()


def test_choices_have_letters_to_vote_for(questions):
    for one in sum(questions.values(), []):
        named = [
            choice.css_first("summary").text().strip()[:3] for choice in one.css(".right, .wrong")
        ]
        assert named == [f"{letter}. " for letter in "ABCDE"[: len(named)]]


def least(ratio):
    """Return the least ratio on a circle."""
    turn = np.linspace(0, 2 * np.pi, 3601)
    return ratio(np.stack([np.cos(turn), np.sin(turn)], axis=-1)).min()


def quadratic():
    bowl = lu.Smooth(
        lambda z: 3 * z[..., 0] ** 2 + 5 * z[..., 1] ** 2, lambda z: z * [6.0, 10.0], 2, 0.0
    )
    return least(lambda z: lu.polyak_ratio(bowl, z))


def flow_length():
    """Return the length of the slowest flow, by following it."""
    bowl = lu.power_bowl(2.0)  # 4-Polyak, and 9 at the distance 3
    flow = solve_ivp(lambda t, z: -bowl.gradient(z), (0, 20), [3.0], rtol=1e-9)
    assert bowl.value([3.0]) == 9
    return np.abs(np.diff(flow.y)).sum()


def zero_saddle():
    network = lu.DeepLinear((2, 2, 2), np.diag([3.0, 1.0]), np.diag([1.0, 4.0]))
    return np.linalg.eigvalsh(network.hessian(np.zeros(network.dim)))[0]


def plateau():
    """Return the value of a run from small layers when its loss falls slowest, after the start."""
    network = lu.DeepLinear((2, 2, 2), np.diag([10.0, 1.0]), np.diag([0.02, 1.0]))
    start = 1e-4 * np.random.default_rng(0).normal(size=network.dim)
    run = lu.gradient_descent(network, start, 0.02, 4000)
    waits = (run.values < 2.5) & (run.values > 0.1)
    return run.values[waits][run.gradient_norms[waits].argmin()]


def root():
    """Return the size of the largest layer of a solution, which no solution has smaller."""
    target = np.diag([1.0, 1 / 16])
    largest = np.linalg.norm(lu.near_identity_factors(4, target), 2, axis=(1, 2)).max()
    assert largest == pytest.approx(lu.near_identity_lower_bound(4, target))
    return largest


def two_singular():
    network = lu.Residual(3, np.eye(2))
    point = network.join([-np.eye(2), [[0.3, 2.0], [-1.0, 0.7]], -np.eye(2)])
    assert not network.gradient(point).any()
    return network.value(point)


def residual_polyak():
    network = lu.Residual(2, np.array([[1.0, 3.0], [-2.0, 0.5]]))
    return lu.polyak_ratio(network, network.join([-np.eye(2) / 2] * 2))


def chord():
    target = -0.28 + 1j * np.sqrt(1 - 0.28**2)
    return np.abs(1 + np.linspace(0, 1, 100_001) * (target - 1)).min()


def degree():
    """Return the least degree by trying."""
    ells = range(20)
    angles = [lu.cone_angle(lu.extend([-0.95], [1.0], ell)[0]) for ell in ells]
    return next(ell for ell in ells if angles[ell] <= np.pi / 2)


def width():
    """Return the quotient of the second derivatives of a unit alone and of a hundred copies."""
    bends = []
    for units in (1, 100):
        network = lu.TwoLayer([[1.0]], [0.0], units, "tanh")
        u, v, h = np.full((units, 1), 0.2), np.full(units, 0.5), 1e-3
        moves = [
            network.residual(network.join(u + t * (np.arange(units) == 0)[:, None], v))
            for t in (-h, 0, h)
        ]
        bends.append(abs(np.diff(moves, 2, axis=0)).max())
    return bends[0] / bends[1]


def one_relu():
    u, v = np.meshgrid(np.linspace(0.1, 3, 291), np.linspace(-3, 3, 601))
    return ((v * u - 1) ** 2 / 2 + (v * np.maximum(-u, 0) - 2) ** 2 / 2).min()


NUMBERS = {
    "polyak-quadratic": quadratic,
    "sharp-factor": lambda: lu.sharp_polyak_factor(1.0, 1.0),
    "flow-length": flow_length,
    "critical-values": lambda: len(
        np.unique(lu.DeepLinear((3, 2, 3), np.diag([3.0, 2.0, 1.0])).critical_values().round(9))
    ),
    "zero-saddle": zero_saddle,
    "plateau": plateau,
    "root": root,
    "two-singular": two_singular,
    "residual-polyak": residual_polyak,
    "chord": chord,
    "one-state": lambda: lu.weak_quasi_convexity_constant([0.6], [-0.8]),
    "degree": degree,
    "kernel-ratio": lambda: lu.polyak_ratio(lu.DeepLinear((1, 1, 1), [[5.0]]), [1.0, 2.0]),
    "width": width,
    "one-relu": one_relu,
}


def test_each_number_is_computed_here(questions):
    ids = [node.id for its in questions.values() for one in its for node in one.css(".number[id]")]
    assert sorted(ids) == sorted(f"question-{name}" for name in NUMBERS)
    fields = sum(len(one.css(".number-field")) for its in questions.values() for one in its)
    assert fields == len(ids)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_number_asked_for_is_the_computed_one(name, questions):
    (one,) = [q for its in questions.values() for q in its if q.css(f"#question-{name}")]
    number = one.css_first("details.number strong").text().rstrip(".")
    assert float(number) == pytest.approx(float(NUMBERS[name]()), rel=1e-3)
    pattern = one.css_first("input").attributes["pattern"]
    assert re.fullmatch(pattern, number)
    for wrong in (f"{float(number) + 1:g}", f"{-float(number):g}", f"{float(number) / 2:g}"):
        assert not re.fullmatch(pattern, wrong)


SPELLED = {
    "12": (["12", " 12", "+12", "12.0", "12,", "012", "12/1"], ["1.2", "120", "-12", "12 0", ""]),
    "0.25": (["0.25", ".25", "0,2500", "1/4", "1 / 4"], ["0.2", "0.255", "25", "1/", "."]),
    "-8": (["-8", "−8", "- 8.0", "-8/1"], ["8", "+8", "--8", "-80"]),
    "-0.5": (["-0.5", "-.5", "−1/2"], ["0.5", "1/2", "-5", "-0.05"]),
}


@pytest.mark.parametrize("number", SPELLED)
def test_a_number_is_known_in_its_spellings_and_no_other_is(number):
    known, others = SPELLED[number]
    pattern = spellings(number)
    assert [text for text in known if not re.fullmatch(pattern, text)] == []
    assert [text for text in others if re.fullmatch(pattern, text)] == []


def polyak():
    """Tell of each function whether its ratio stays above a positive number, far out and near."""
    line = np.concatenate([np.geomspace(1e-4, 1e6, 2000), np.linspace(0.01, 10, 5000)])[:, None]
    plane = np.random.default_rng(0).normal(size=(5000, 2)) * np.geomspace(1e-4, 10, 5000)[:, None]
    asked = [
        (lu.quartic(), line),
        (lu.parabola_valley(), plane),
        (lu.wavy_bowl(), line),
        (lu.log_bowl(), line),
        (lu.DeepLinear((1, 1, 1), [[1.0]]), plane),
    ]
    return [lu.polyak_ratio(function, points).min() > 0.1 for function, points in asked]


def flat():
    """Tell of each critical point whether its Hessian has no negative eigenvalue."""
    network = lu.DeepLinear((3, 3, 3, 3), np.diag([3.0, 2.0, 1.0]))
    diagonals = [
        ([0, 0, 0], [0, 0, 0], [0, 0, 0]),
        ([0, 0, 0], [1, 1, 1], [0, 0, 0]),
        ([1, 0, 0], [1, 0, 0], [3, 0, 0]),
        ([0, 1, 0], [0, 1, 0], [0, 2, 0]),
        ([1, 1, 0], [1, 0, 0], [3, 0, 0]),
    ]
    points = [
        network.join([np.diag(np.array(d, dtype=float)) for d in three]) for three in diagonals
    ]
    assert np.abs(network.gradient(points)).max() == 0
    return [np.linalg.eigvalsh(network.hessian(point))[0] > -1e-9 for point in points]


def reached():
    """Tell of each target whether the flow from zero comes to it."""
    turn = np.radians(179)
    targets = [
        np.diag([5.0, 0.1]),
        np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]),
        -np.eye(2),
        np.diag([2.0, -1.0]),
        np.array([[-1.0, 0.5], [0.0, -1.0]]),
    ]
    ends = []
    for target in targets:
        network = lu.Residual(3, target)
        flow = solve_ivp(
            lambda t, θ, network=network: -network.gradient(θ),
            (0, 200),
            np.zeros(network.dim),
            method="LSODA",
            rtol=1e-9,
            atol=1e-12,
        )
        ends.append(network.value(flow.y[:, -1]))
    return [end < 1e-4 for end in ends]


def stable():
    asked = [[-0.5], [2.0], [-1.0], [0.0, 0.9], [-1.5, 0.56]]
    return [lu.LinearRNN.from_coefficients(a, np.ones(len(a))).spectral_radius < 1 for a in asked]


JUDGED = {
    "Which functions are Polyak": polyak,
    "At which critical points": flat,
    "Which targets does it reach": reached,
    "belong to a stable system": stable,
}


@pytest.mark.parametrize("words", JUDGED)
def test_the_right_choices_are_those_that_a_computation_finds(words, questions):
    (one,) = [q for its in questions.values() for q in its if words in q.css_first("p").text()]
    said = ["right" in choice.attributes["class"].split() for choice in one.css("details.choice")]
    assert said == [bool(found) for found in JUDGED[words]()]


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def page(request, address, browser):
    with browser.new_context(java_script_enabled=request.param) as context:
        page = context.new_page()
        page.goto(address + PAGE)
        yield page


@pytest.mark.parametrize("verdict", ["right", "wrong"])
def test_a_choice_answers_to_the_keyboard(verdict, page):
    choice = page.locator(f"details.{verdict}").first
    said = choice.locator(".sd-card-body")
    assert not said.is_visible()
    choice.locator("summary").press("Enter")
    said.wait_for()
    assert said.inner_text().startswith(f"{verdict.capitalize()}. ")
    choice.locator("summary").press("Enter")
    said.wait_for(state="hidden")


@pytest.mark.parametrize("number, said", [("12", "Right."), ("6", "Not this number."), (" ", "")])
def test_a_number_is_answered_when_it_is_entered(number, said, page):
    field = page.locator(".number-field").first
    assert field.locator("[role=status]").inner_text() == ""
    field.locator("input").fill(number.strip())
    field.locator("input").press("Enter")
    if said:
        field.get_by_text(said, exact=True).wait_for()
    assert field.locator("[role=status]").inner_text() == said


def test_on_paper_all_answers_are_shown_and_no_fields(address, browser):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address + PAGE)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        said = page.locator("details.choice > .sd-card-body")
        assert all(one.is_visible() for one in said.all()) and said.count() > 100
        assert not any(one.is_visible() for one in page.locator(".number-field").all())
