"""Landscapes refuse bad points, and functions that return a wrong shape."""

import numpy as np
import pytest

import lin_utils as lu


@pytest.mark.parametrize(
    "theta, said",
    [
        ([1.0, 2.0, 3.0], r"theta must have shape \(..., 2\), got \(3,\)"),
        ([np.nan, 0.0], "theta must be finite"),
        ("word", "theta must be an array"),
    ],
)
def test_bad_points_are_refused(theta, said):
    with pytest.raises(ValueError, match=said):
        lu.circle_well().value(theta)


def test_a_function_that_returns_a_wrong_shape_is_refused():
    wrong = lu.Smooth(lambda x: x, lambda x: x, dim=2, minimum=0.0)
    with pytest.raises(ValueError, match=r"value must return shape \(5,\) here, got \(5, 2\)"):
        wrong.value(np.zeros((5, 2)))
