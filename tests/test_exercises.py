"""Exercises: right answers at all scales are right, and nothing else is."""

import re
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lin_utils as lu

DOTS = "Put your answer in place of the dots and run this cell again."
SCALES = [1e-150, 1e-8, 1.0, 1e8, 1e150]
GALLERY = [lu.quartic(), lu.wavy_bowl(), lu.circle_well(), lu.two_minima_ridge(), lu.log_bowl(3)]


def why(answer):
    return "why"


def square(x):
    return (x**2).sum(-1)


def judge(gradient, value=square, dim=2):
    return lu.check_gradient_answer(value, gradient, dim)


@given(st.floats(-1, 1), st.sampled_from([1e-300, 1e-8, 1.0, 1e8, 1e300]), st.floats(1e-9, 1e-1))
def test_an_answer_is_right_up_to_its_tolerance_at_all_scales(off, scale, tolerance):
    expected = scale * np.array([3.0, -2.0])
    for factor, said in ((0.99 * off, "Right."), (1.01 + abs(off), "Not yet. why")):
        answer = expected * (1 + factor * tolerance)
        assert lu.check_answer(answer, expected, why, tolerance=tolerance) == said


@pytest.mark.parametrize("scale", SCALES)
def test_an_answer_of_another_size_is_wrong(scale):
    assert lu.check_answer(1e308, scale, why) == lu.check_answer(-1e-308, scale, why)
    assert lu.check_answer(2 * scale, scale, why) == "Not yet. why"


@pytest.mark.parametrize("scale", SCALES)
def test_an_entry_that_is_0_is_compared_with_the_largest(scale):
    assert lu.check_answer([scale, 1e-4 * scale], [scale, 0], why) == "Right."
    assert lu.check_answer([scale, 1e-2 * scale], [scale, 0], why) == "Not yet. why"
    assert lu.check_answer([1e-9 * scale, scale], [2e-9 * scale, scale], why) == "Not yet. why"


@pytest.mark.parametrize(
    "answer, said",
    [
        (..., DOTS),
        (4, "Right."),
        (np.float32(4), "Right."),
        ("4", "Not yet. The answer must be numbers, got '4'."),
        (True, "Not yet. The answer must be numbers, got True."),
        (4 + 0j, "Not yet. The answer must be numbers, got (4+0j)."),
        (None, "Not yet. The answer must be numbers, got None."),
        (np.array(True), "Not yet. The answer must be numbers, got True."),
        (np.ma.masked, "Not yet. The answer must be numbers, got None."),
        (np.nan, "Not yet. The answer must be finite numbers, got nan."),
        (-np.inf, "Not yet. The answer must be finite numbers, got -inf."),
        ([4], "Not yet. The answer must have shape (), got (1,)."),
        (5, "Not yet. why"),
        (-1e308, "Not yet. why"),
    ],
)
def test_an_answer_gets_its_sentence(answer, said):
    assert lu.check_answer(answer, 4.0, why) == said


@pytest.mark.parametrize(
    "change, name",
    [
        ({"expected": "4"}, "expected"),
        ({"expected": np.nan}, "expected"),
        ({"explain": "why"}, "explain"),
        ({"explain": lambda: "why"}, "explain"),
        ({"explain": lambda answer: 3}, "explain"),
        ({"tolerance": 0}, "tolerance"),
    ],
)
def test_what_an_author_gets_wrong_is_refused(change, name):
    with pytest.raises(ValueError, match=name):
        lu.check_answer(**({"answer": 3.0, "expected": 4.0, "explain": why} | change))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("f", GALLERY, ids=repr)
def test_only_the_gradient_is_right_at_all_scales(f, scale):
    def value(x):
        return scale * f.value(x)

    assert judge(lambda x: scale * f.gradient(x), value, f.dim) == "Right."
    for entry in range(f.dim):
        wrong = scale * (1 + 1e-4 * np.eye(f.dim)[entry])
        said = judge(lambda x, w=wrong: w * f.gradient(x), value, f.dim)
        assert said.startswith(f"Not yet. Entry {entry} is wrong: at [")


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e4, 1e8])
@pytest.mark.parametrize("f", [lu.quartic(), lu.wavy_bowl(), lu.log_bowl(3)], ids=repr)
def test_a_gradient_is_right_where_the_argument_is_scaled(f, scale):
    value = lambda x: f.value(scale * x)  # noqa: E731
    assert judge(lambda x: scale * f.gradient(scale * x), value, f.dim) == "Right."


def raises(x):
    raise KeyError("a\nb")


def in_place(x):
    x *= 2
    return x


@pytest.mark.parametrize(
    "gradient, said",
    [
        (lambda x: ..., DOTS),
        (lambda x: 2 * x.astype(np.float32), "Right."),
        (in_place, "Right."),
        (lambda x: 2.0002 * x, "it is 2.2742, and the slope of f along its axis is 2.2739"),
        (lambda x: 2 * np.abs(x), "Entry 0 is wrong: at [-"),
        (lambda x: x * np.nan, "The gradient must be finite, got [nan nan] at [1.137 0.77 ]."),
        (lambda x: x * np.inf, "The gradient must be finite, got [inf inf] at [1.137 0.77 ]."),
        (lambda x: None, "For points of shape (8, 2) the function returns None"),
        (lambda x: 2j * x, "For points of shape (8, 2) the result must be numbers"),
        (lambda x: x > 0, "For points of shape (8, 2) the result must be numbers"),
        (lambda x: x[..., 0], "For points of shape (8, 2) the result must have the same shape"),
        (raises, r"For points of shape (8, 2) the function raises KeyError: 'a\nb'."),
        (lambda x: x * (3 - x.ndim), "the rows differ from one call for each point"),
        (lambda x: 2 * x + [0, np.nan][2 - x.ndim], "got [nan nan] at [1.137 0.77 ]"),
        (
            lambda x: 2 * x if x.ndim > 1 else x[5],
            "For the point [1.137 0.77 ] the function raises",
        ),
    ],
)
def test_a_function_gets_its_sentence(gradient, said):
    sentence = judge(gradient)
    assert said in sentence and "\n" not in sentence
    assert sentence in ("Right.", DOTS) or sentence.startswith("Not yet. ")


def test_a_value_that_changes_its_argument_is_measured():
    def value(x):
        x *= x
        return x.sum(axis=-1)

    assert judge(lambda x: 2 * x, value) == "Right."


def test_a_value_may_be_defined_for_positive_numbers_only():
    assert judge(lambda x: 1 / x, lambda x: np.log(x).sum(-1)) == "Right."


@pytest.mark.parametrize(
    "value, said",
    [
        (3, "value must be callable"),
        (lambda x: square(x) * np.nan, "value must return finite numbers"),
        (lambda x: x, "value must return shape"),
        (lambda x: x.nothing, "value must take points of shape .* AttributeError"),
        (lambda x: "a", "what value returns must be an array of real numbers"),
        (lambda x: 1e20 + square(x), "value must have slopes that differences can measure"),
        (lambda x: 5 + 1e-20 * square(x), "value must have slopes that differences can measure"),
        (lambda x: square(x) + np.sin(1e15 * square(x)), "value must have slopes"),
    ],
)
@pytest.mark.parametrize("scale", [0.0, 2.0, 1e-20])
def test_what_cannot_be_measured_is_not_right(value, said, scale):
    try:
        sentence = judge(lambda x: scale * x, value)
    except ValueError as error:
        assert re.search(said, str(error))
    else:  # a slope of 2 would show
        assert scale == 2 and sentence.startswith("Not yet. Entry 0")


def test_many_dimensions_take_less_than_a_second():
    network = lu.DeepLinear((10, 10, 10), np.eye(10))
    start = time.perf_counter()
    assert judge(network.gradient, network.value, network.dim) == "Right."
    assert time.perf_counter() - start < 1
