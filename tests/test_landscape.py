"""Landscapes: batching, derivatives against automatic differentiation, bad input."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import lin_utils as lu

GALLERY = {
    "quartic": (lu.quartic(), lambda z: z[0] ** 4),
    "wavy_bowl": (lu.wavy_bowl(), lambda z: z[0] ** 2 + 3 * anp.sin(z[0]) ** 2),
    "circle_well": (lu.circle_well(), lambda z: (z[0] ** 2 + z[1] ** 2 - 1) ** 2),
    "two_minima_ridge": (
        lu.two_minima_ridge(),
        lambda z: (z[0] ** 2 * z[1] - z[0] - 1) ** 2 + (z[0] ** 2 - 1) ** 2,
    ),
}


@pytest.mark.parametrize("name", GALLERY)
def test_gallery_derivatives_agree_with_automatic_differentiation(name):
    landscape, formula = GALLERY[name]
    for theta in np.random.default_rng(0).normal(size=(20, landscape.dim)):
        np.testing.assert_allclose(landscape.value(theta), formula(theta), rtol=1e-12)
        np.testing.assert_allclose(
            landscape.gradient(theta), autograd.grad(formula)(theta), rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(
            landscape.hessian(theta), autograd.hessian(formula)(theta), rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("name", GALLERY)
def test_a_batch_is_the_same_as_its_points_one_by_one(name):
    landscape, _ = GALLERY[name]
    theta = np.random.default_rng(1).normal(size=(2, 3, landscape.dim))
    for method in (landscape.value, landscape.gradient, landscape.hessian):
        singles = [[method(point) for point in row] for row in theta]
        np.testing.assert_allclose(method(theta), singles, rtol=1e-6, atol=1e-9)


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
