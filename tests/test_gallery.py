"""The gallery: derivatives against automatic differentiation, and what each function shows."""

import copy
import pickle

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import lin_utils as lu

GALLERY = {
    "quartic": (lu.quartic(), lambda z: z[0] ** 4),
    "wavy_bowl": (lu.wavy_bowl(), lambda z: z[0] ** 2 + 3 * anp.sin(z[0]) ** 2),
    "circle_well": (lu.circle_well(), lambda z: (z[0] ** 2 + z[1] ** 2 - 1) ** 2),
    "two_minima_ridge": (
        lu.two_minima_ridge(),
        lambda z: (z[0] ** 2 * z[1] - z[0] - 1) ** 2 + (z[0] ** 2 - 1) ** 2,
    ),
    "log_bowl": (lu.log_bowl(3), lambda z: anp.log(1 + anp.dot(z, z))),
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
            landscape.hessian(theta), autograd.hessian(formula)(theta), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize(
    "make, shown",
    [
        (lu.quartic, "quartic()"),
        (lu.wavy_bowl, "wavy_bowl()"),
        (lu.circle_well, "circle_well()"),
        (lu.two_minima_ridge, "two_minima_ridge()"),
        (lambda: lu.log_bowl(dim=3), "log_bowl(dim=3)"),
        (lambda: lu.averaging_trap(5)[0], "averaging_trap(steps=5)"),
    ],
)
def test_the_gallery_is_made_of_values(make, shown):
    landscape = make()
    assert repr(landscape) == shown
    point = np.full(landscape.dim, 0.3)
    for twin in (make(), copy.deepcopy(landscape), pickle.loads(pickle.dumps(landscape))):
        assert twin == landscape and hash(twin) == hash(landscape)
        np.testing.assert_array_equal(twin.gradient(point), landscape.gradient(point))
    assert landscape not in (lu.log_bowl(4), lu.averaging_trap(6)[0])


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e-8, 1e8, 1e100, 1e150, 1e300])
def test_far_and_near_points_are_right_or_refused(size):
    for landscape in [landscape for landscape, _ in GALLERY.values()] + [lu.averaging_trap(4)[0]]:
        for method in (landscape.value, landscape.gradient, landscape.hessian):
            try:
                result = method(np.full(landscape.dim, size))
            except ValueError as error:
                assert size > 1e8 and "must return finite numbers" in str(error)
            else:
                assert np.isfinite(result).all()


@pytest.mark.parametrize("size", [1e100, 1e300])
def test_the_log_bowl_and_the_trap_do_not_overflow(size):
    bowl, far = lu.log_bowl(2), np.array([3.0, 4.0]) * size
    assert bowl.value(far) == pytest.approx(2 * np.log(5 * size), rel=1e-14)
    np.testing.assert_allclose(bowl.gradient(far), 2 * np.array([3.0, 4.0]) / 25 / size)
    trap, start = lu.averaging_trap(4)
    x = start + np.arange(5)
    np.testing.assert_allclose(trap.value(size * x), size * trap.value(x), rtol=1e-14)
    np.testing.assert_allclose(trap.gradient(x / size), trap.gradient(x), rtol=1e-14)


@pytest.mark.parametrize("function", [lu.averaging_trap, lu.log_bowl])
@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "2", None, np.nan])
def test_counts_are_refused_by_their_name(function, bad):
    with pytest.raises(ValueError, match="steps|dim"):
        function(bad)


@pytest.mark.parametrize("name", GALLERY)
def test_a_batch_is_the_same_as_its_points_one_by_one(name):
    landscape, _ = GALLERY[name]
    theta = np.random.default_rng(1).normal(size=(2, 3, landscape.dim))
    for method in (landscape.value, landscape.gradient, landscape.hessian):
        singles = [[method(point) for point in row] for row in theta]
        np.testing.assert_allclose(method(theta), singles, rtol=1e-14)


def test_the_wavy_bowl_has_the_polyak_constant_of_the_chapter():
    x = np.linspace(-10, 10, 2_000_001)[:, None]
    ratios = lu.polyak_ratio(lu.wavy_bowl(), x)
    assert ratios.min() == pytest.approx(0.35106, abs=5e-6)
    assert abs(x[ratios.argmin(), 0]) == pytest.approx(2.2017, abs=5e-5)


@given(st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3))
def test_the_quartic_is_4_weakly_quasi_convex(x):
    """Check item 6 of prop-implications."""
    assert lu.weak_quasi_convexity_ratio(lu.quartic(), [x], [0.0]) == pytest.approx(4)


@pytest.mark.parametrize("radius", [0.1, 1.0, 30.0])
def test_the_log_bowl_has_the_constant_of_its_docstring_on_a_ball(radius):
    inside = np.linspace(0.01, 1, 100)[:, None] * [radius, 0.0]
    ratios = lu.weak_quasi_convexity_ratio(lu.log_bowl(2), inside, [0.0, 0.0])
    square = radius**2
    assert ratios.min() == pytest.approx(2 * square / ((1 + square) * np.log1p(square)))


@pytest.mark.parametrize("steps", [4, 30, 100])
def test_the_trap_is_low_at_the_iterates_and_high_at_their_average(steps):
    """Check that thm-weak-quasi-convex-rate, whose hypotheses hold, is about the best iterate."""
    trap, start = lu.averaging_trap(steps)
    path = lu.gradient_descent(trap, start, steps**-0.5, steps - 1)
    ratios = lu.weak_quasi_convexity_ratio(trap, path.points, np.zeros(steps + 1))
    np.testing.assert_allclose(ratios, 1)
    assert path.gradient_norms.max() <= 1 + 1e-9
    lu.certify("thm-weak-quasi-convex-rate", path.best_values[-1], steps**-0.5)
    assert trap.value(path.points.mean(axis=0)) > 0.17


def test_the_ridge_has_two_critical_points_only():
    """Check prop-ridge by elimination: ∂f/∂y has one zero y(x), where ∂f/∂x is 4x(x² − 1)."""
    f = lu.two_minima_ridge()
    x = np.concatenate([np.linspace(-4, -0.01, 200), np.linspace(0.01, 4, 200)])
    top = (1 + x) / x**2
    for offset in (-3.0, 0.0, 0.5):  # ∂f/∂y is linear in y, so two values determine it
        by_x, by_y = f.gradient(np.stack([x, top + offset], axis=-1)).T
        np.testing.assert_allclose(by_y, 2 * x**4 * offset, atol=1e-9)
        if offset == 0:
            np.testing.assert_allclose(by_x, 4 * x * (x**2 - 1), rtol=1e-6, atol=1e-6)
    on_axis = np.stack([np.zeros(50), np.linspace(-9, 9, 50)], axis=-1)
    np.testing.assert_allclose(f.gradient(on_axis), np.tile([2.0, 0.0], (50, 1)))
    assert [lu.classify(f, point) for point in ([1.0, 2.0], [-1.0, 0.0])] == ["global minimum"] * 2


def ridge_flow(start, event):
    """Follow the gradient flow of the ridge function to the first zero of the event."""

    def motion(t, z):
        x, y = z
        u, v = x**2 * y - x - 1, x**2 - 1
        return [-2 * u * (2 * x * y - 1) - 4 * v * x, -2 * u * x**2]

    event.terminal = True
    path = solve_ivp(motion, (0, 100), start, "LSODA", rtol=1e-10, atol=1e-14, events=event)
    assert path.status == 1
    return path.y[:, -1]


def ridge_at(height):
    """Return the x between the starts that go to the left minimum and those that go right."""
    left, right = -0.5, 0.7
    while right - left > 1e-14:
        middle = (left + right) / 2
        end = ridge_flow([middle, height], lambda t, z: abs(z[0]) - 0.8)
        left, right = (left, middle) if end[0] > 0 else (middle, right)
    return left


@pytest.mark.parametrize("height", [1.0, 2.0, 3.0])
def test_the_ridge_has_no_pass(height):
    """Check prop-ridge: between the two sides the flow climbs, from the ridge to the ridge."""
    higher = height + 0.2 / height**2
    end = ridge_flow([ridge_at(height), height], lambda t, z: z[1] - higher)
    assert end[0] == pytest.approx(ridge_at(higher), abs=1e-4)
