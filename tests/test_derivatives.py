"""The derivative test tells right from wrong."""

import numpy as np
import pytest

import lin_utils as lu

AB = lu.DeepLinear((1, 1, 1), [[1.0]])


def test_check_gradient_tells_right_from_wrong():
    rng = np.random.default_rng(0)
    theta, direction = rng.normal(size=(2, 2))
    right = lu.check_gradient(AB, theta, direction)
    assert right.first_slope == pytest.approx(2, abs=0.2)
    assert right.second_slope == pytest.approx(3, abs=0.3)
    wrong = lu.Smooth(AB.value, lambda x: 1.1 * AB.gradient(x), dim=2, minimum=0.0)
    assert lu.check_gradient(wrong, theta, direction).first_slope < 1.3


@pytest.mark.parametrize("hessian, slope", [(2.0, np.inf), (2.2, 2.0)])
def test_a_wrong_hessian_leaves_a_remainder_of_order_two(hessian, slope):
    bowl = lu.Smooth(
        lambda x: x[..., 0] ** 2,
        lambda x: 2 * x,
        dim=1,
        minimum=0.0,
        hessian=lambda x: np.full((*x.shape, 1), hessian),
    )
    check = lu.check_gradient(bowl, [0.3], [1.0])
    assert check.first_slope == pytest.approx(2, abs=1e-6)
    assert check.second_slope == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize(
    "theta, direction, said",
    [
        ([0.0, 0.0], [0.0, 0.0], "direction must be nonzero"),
        (np.zeros((3, 2)), [1.0, 0.0], r"theta must be one point, shape \(2,\), got \(3, 2\)"),
        ([0.0, 0.0], [1.0], r"direction must be one point, shape \(2,\), got \(1,\)"),
    ],
)
def test_bad_arguments_are_refused(theta, direction, said):
    with pytest.raises(ValueError, match=said):
        lu.check_gradient(AB, theta, direction)


def power(factor, hessian_factor=1.0, height=1.0, size=1.0):
    """Return height·(x/size)³ with derivatives that are wrong by these factors."""
    return lu.Smooth(
        lambda x: height * (x[..., 0] / size) ** 3,
        lambda x: factor * 3 * height / size * (x / size) ** 2,
        dim=1,
        minimum=0.0,
        hessian=lambda x: hessian_factor * 6 * height / size**2 * (x / size)[..., None],
        scale=size,
    )


@pytest.mark.parametrize("height", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
@pytest.mark.parametrize(
    "factors, verdict",
    [
        ((1.0, 1.0), "right"),
        ((1 + 1e-9, 1.0), "right"),
        ((1.0001, 1.0), "wrong gradient"),
        ((1 - 1e-5, 1.0), "wrong gradient"),
        ((-1.0, 1.0), "wrong gradient"),
        ((1.0, 1.001), "wrong Hessian"),
    ],
)
def test_the_verdict_finds_small_errors_in_all_units(factors, verdict, height, size):
    check = lu.check_gradient(power(*factors, height, size), [0.7 * size], [1e-200])
    assert check.verdict == verdict and check.ok == (verdict == "right")


@pytest.mark.parametrize(
    "value",
    [lambda x: 0 * x[..., 0] + 5, lambda x: 1e20 + x[..., 0] ** 2],
    ids=["constant", "hidden by rounding"],
)
def test_what_cannot_be_measured_is_not_called_right(value):
    f = lu.Smooth(value, lambda x: 0 * x, dim=1, minimum=0.0)
    assert lu.check_gradient(f, [1.0], [1.0]).verdict == "nothing measurable"


def test_checks_can_be_compared_and_not_changed():
    first, second = (lu.check_gradient(AB, [0.5, 2.0], [1.0, 0.0]) for _ in range(2))
    assert first == second != lu.check_gradient(AB, [0.5, 2.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        first.lengths[0] = 1.0
