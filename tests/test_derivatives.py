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
        ([0.0, 0.0], [0.0, 0.0], "direction nonzero"),
        (np.zeros((3, 2)), [1.0, 0.0], "single points"),
        ([0.0, 0.0], [1.0], r"direction must have shape \(..., 2\), got \(1,\)"),
    ],
)
def test_bad_arguments_are_refused(theta, direction, said):
    with pytest.raises(ValueError, match=said):
        lu.check_gradient(AB, theta, direction)
