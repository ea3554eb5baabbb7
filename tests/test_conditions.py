"""Conditions and the rates that they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lin_utils as lu

AB = lu.DeepLinear((1, 1, 1), [[1.0]])


def quadratic(spectrum):
    spectrum = np.asarray(spectrum)
    return lu.Smooth(
        lambda x: (spectrum * x**2).sum(-1) / 2,
        lambda x: spectrum * x,
        dim=len(spectrum),
        minimum=0.0,
        hessian=lambda x: np.broadcast_to(np.diag(spectrum), (*x.shape, len(spectrum))),
    )


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_a_quadratic_is_polyak_with_twice_its_smallest_eigenvalue(spectrum, seed):
    points = np.random.default_rng(seed).normal(size=(50, len(spectrum)))
    assert (lu.polyak_ratio(quadratic(spectrum), points) >= 2 * min(spectrum) * (1 - 1e-9)).all()


@given(st.floats(0.01, 1.0), st.floats(0.05, 1.95), st.integers(0, 2**32 - 1))
def test_polyak_rate_bounds_every_step_size(smallest, scaled_step, seed):
    f = quadratic([smallest, 1.0])
    start = np.random.default_rng(seed).normal(size=2)
    path = lu.gradient_descent(f, start, scaled_step, 40)
    bound = lu.polyak_rate(2 * smallest, 1.0, path.values[0], np.arange(41), scaled_step)
    lu.certify("thm-polyak-rate", path.values, bound)


def test_the_wavy_bowl_has_the_polyak_constant_of_the_chapter():
    x = np.linspace(-10, 10, 2_000_001)[:, None]
    ratios = lu.polyak_ratio(lu.wavy_bowl(), x)
    assert ratios.min() == pytest.approx(0.35106, abs=5e-6)
    assert abs(x[ratios.argmin(), 0]) == pytest.approx(2.2017, abs=5e-5)


@given(st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3))
def test_the_quartic_is_4_weakly_quasi_convex(x):
    assert lu.weak_quasi_convexity_ratio(lu.quartic(), [x], [0.0]) == pytest.approx(4)


def test_both_minima_of_the_ridge_are_the_only_critical_points_found():
    f = lu.two_minima_ridge()
    assert [lu.classify(f, point) for point in ([1.0, 2.0], [-1.0, 0.0])] == ["global minimum"] * 2
    assert lu.classify(f, [0.0, 0.0]) == "not critical"


@pytest.mark.parametrize(
    "landscape, theta, kind",
    [
        (AB, [0.0, 0.0], "strict saddle"),
        (AB, [2.0, 0.5], "global minimum"),
        (AB, [1.0, 0.0], "not critical"),
        (lu.DeepLinear((1, 1, 1, 1), [[1.0]]), np.zeros(3), "saddle without negative curvature"),
        (lu.quartic(), [0.0], "global minimum"),
        (lu.Smooth(lambda x: x[..., 0] ** 4, lambda x: 4 * x**3, 1, -1.0), [0.0], "degenerate"),
        (lu.Smooth(lambda x: x[..., 0] ** 2, lambda x: 2 * x, 1, -1.0), [0.0], "local minimum"),
    ],
)
def test_classify_names_the_kind(landscape, theta, kind):
    assert lu.classify(landscape, theta) == kind


def test_check_gradient_tells_right_from_wrong():
    rng = np.random.default_rng(0)
    theta, direction = rng.normal(size=(2, 2))
    right = lu.check_gradient(AB, theta, direction)
    assert right.first_slope == pytest.approx(2, abs=0.2)
    assert right.second_slope == pytest.approx(3, abs=0.3)
    wrong = lu.Smooth(AB.value, lambda x: 1.1 * AB.gradient(x), dim=2, minimum=0.0)
    assert lu.check_gradient(wrong, theta, direction).first_slope < 1.3


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.polyak_factor(-1.0, 1.0), "alpha must be a number > 0, got -1.0"),
        (lambda: lu.polyak_factor(1.0, 2.0, step=1.0), r"step must be in \(0, 2/beta\)"),
        (lambda: lu.polyak_rate(1.0, 2.0, 1.0, [-1]), "steps must be >= 0, got -1"),
        (lambda: lu.check_gradient(AB, [0.0, 0.0], [0.0, 0.0]), "direction nonzero"),
        (lambda: lu.weak_quasi_convexity_ratio(AB, [0.0, 0.0], [0.0]), "minimizer must have shape"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
