"""The gallery: derivatives against automatic differentiation, and what each function shows."""

import copy
import pickle

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

import lin_utils as lu


def zigzag(z, alpha=0.3, beta=2.0):
    """Return the zigzag bowl from the two lines of the proof of thm-polyak-sharp-rate."""
    x = anp.abs(z[0])
    ratio = np.sqrt((1 - alpha / beta / 2) / (1 + alpha / beta / 4))
    low = 1.0
    while low >= x:
        low = low * ratio
    while low * ratio**-1 < x:
        low = low / ratio
    slope, past = beta * (1 - ratio) * low, x - low
    meeting = slope / (2 * beta)
    if past <= meeting:
        return slope**2 / alpha + slope * past - beta * past**2 / 2
    return slope**2 / alpha + 3 / 4 * slope * meeting + beta * (past**2 - meeting**2) / 2


def star(power):
    return lambda z: anp.sqrt(anp.dot(z, z)) ** power * (2 + anp.cos(5 * anp.arctan2(z[1], z[0])))


def stairs(z):
    x = z[0]
    waves = anp.cosh(x) * anp.cos(2 * x) + 2 * anp.sinh(x) * anp.sin(2 * x)
    return x**2 / 2 + anp.cosh(x) / 2 - waves / 10 - 2 / 5


def waves(height):
    return lambda z: z[0] ** 2 + height * anp.sin(z[0]) ** 2


def huber(z):
    size = anp.abs(z[0])
    return size**2 / 2 if size <= 0.5 else size / 2 - 1 / 8


GALLERY = {
    "quartic()": (lu.quartic(), lambda z: z[0] ** 4),
    "wavy_bowl(height=3)": (lu.wavy_bowl(), waves(3)),
    "wavy_bowl(height=10)": (lu.wavy_bowl(10.0), waves(10)),
    "circle_well()": (lu.circle_well(), lambda z: (z[0] ** 2 + z[1] ** 2 - 1) ** 2),
    "two_minima_ridge()": (
        lu.two_minima_ridge(),
        lambda z: (z[0] ** 2 * z[1] - z[0] - 1) ** 2 + (z[0] ** 2 - 1) ** 2,
    ),
    "log_bowl(dim=3)": (lu.log_bowl(3), lambda z: anp.log(1 + anp.dot(z, z))),
    "parabola_valley()": (lu.parabola_valley(), lambda z: (z[1] - z[0] ** 2) ** 2),
    "bent_valley()": (lu.bent_valley(), lambda z: (z[1] - z[0] - anp.exp(-z[0])) ** 2),
    "flat_stairs()": (lu.flat_stairs(), stairs),
    "tilted_wells()": (
        lu.tilted_wells(),
        lambda z: anp.exp(-z[0]) + (z[1] ** 2 - 1) ** 2 + 3 / 10 * z[1],
    ),
}
#: Functions that have no Hessian somewhere.
ROUGH = {
    "star(power=1)": (lu.star(), star(1)),
    "star(power=2)": (lu.star(2.0), star(2)),
    "star(power=0.5)": (lu.star(0.5), star(0.5)),
    "power_bowl(power=1.5, scale=2, dim=3)": (
        lu.power_bowl(1.5, 2.0, 3),
        lambda z: 2 * anp.dot(z, z) ** 0.75,
    ),
    "power_bowl(power=0.5, scale=1, dim=1)": (
        lu.power_bowl(0.5),
        lambda z: anp.sqrt(anp.abs(z[0])),
    ),
    "huber(threshold=0.5)": (lu.huber(0.5), huber),
    "zigzag_bowl(alpha=0.3, beta=2)": (lu.zigzag_bowl(0.3, 2.0), zigzag),
    "largest_coordinate(steps=4, alpha=1.5)": (
        lu.largest_coordinate(4, 1.5)[0],
        lambda z: anp.maximum(0, 1 + 2 * anp.max(z)) ** 1.5 / 3,
    ),
    "largest_coordinate(steps=4, alpha=1)": (
        lu.largest_coordinate(4)[0],
        lambda z: anp.maximum(0, 1 + 2 * anp.max(z)) / 2,
    ),
}
ALL = GALLERY | ROUGH
MADE = {name: landscape for name, (landscape, _) in ALL.items()}
MADE["averaging_trap(steps=5)"] = lu.averaging_trap(5)[0]


@pytest.mark.parametrize("name", ALL)
def test_gallery_derivatives_agree_with_automatic_differentiation(name):
    landscape, formula = ALL[name]
    for theta in np.random.default_rng(0).normal(size=(20, landscape.dim)):
        np.testing.assert_allclose(landscape.value(theta), formula(theta), rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(
            landscape.gradient(theta), autograd.grad(formula)(theta), rtol=1e-10, atol=1e-12
        )
        if name in GALLERY:
            np.testing.assert_allclose(
                landscape.hessian(theta), autograd.hessian(formula)(theta), rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("name", MADE)
def test_the_gallery_is_made_of_values(name):
    landscape = MADE[name]
    assert repr(landscape) == name
    made = eval(f"lu.{name}")
    made = made[0] if isinstance(made, tuple) else made
    point = np.full(landscape.dim, 0.3)
    for twin in (made, copy.deepcopy(landscape), pickle.loads(pickle.dumps(landscape))):
        assert twin == landscape and hash(twin) == hash(landscape)
        np.testing.assert_array_equal(twin.gradient(point), landscape.gradient(point))
    assert [other for other in MADE if MADE[other] == landscape] == [name]
    assert landscape not in (lu.log_bowl(4), lu.averaging_trap(6)[0], lu.zigzag_bowl(0.3, 2.1))


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e-8, 1e8, 1e100, 1e150, 1e300])
@pytest.mark.parametrize("name", MADE)
def test_far_and_near_points_are_right_or_refused(name, size):
    landscape = MADE[name]
    for method in (landscape.value, landscape.gradient, landscape.hessian):
        for sign in (-1, 1):
            try:
                result = method(np.full(landscape.dim, sign * size))
            except ValueError as error:
                assert size >= 1e8 and "must return finite numbers" in str(error)
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


@pytest.mark.parametrize("name", MADE)
def test_a_batch_is_the_same_as_its_points_one_by_one(name):
    landscape = MADE[name]
    theta = np.random.default_rng(1).normal(size=(2, 3, landscape.dim))
    for method in (landscape.value, landscape.gradient, landscape.hessian):
        singles = [[method(point) for point in row] for row in theta]
        np.testing.assert_allclose(method(theta), singles, rtol=1e-14)


def test_the_wavy_bowl_has_the_polyak_constant_of_the_chapter():
    x = np.linspace(-10, 10, 2_000_001)[:, None]
    ratios = lu.polyak_ratio(lu.wavy_bowl(), x)
    assert ratios.min() == pytest.approx(0.35106, abs=5e-6)
    assert abs(x[ratios.argmin(), 0]) == pytest.approx(2.2017, abs=5e-5)


KAPPAS = pytest.mark.parametrize("kappa", [0.01, 0.3, np.sqrt(3) - 1, 1.3, 1.99])
BETAS = pytest.mark.parametrize("beta", [1.0, 5.0])


@KAPPAS
@BETAS
def test_the_zigzag_bowl_bends_by_its_smoothness_and_no_more(kappa, beta):
    """Check thm-polyak-sharp-rate's function: its slope has the derivatives β and −β only."""
    x = np.linspace(-2, 2, 100_001)
    slopes = lu.zigzag_bowl(kappa * beta, beta).gradient(x[:, None])[:, 0]
    bends = np.diff(slopes) / np.diff(x) / beta
    assert np.abs(bends).max() <= 1 + 1e-9
    away = np.abs(x[1:]) > 0.01
    assert np.mean(np.abs(bends[away]) > 1 - 1e-9) > 0.9 and bends.min() < -1 + 1e-9


@KAPPAS
@given(st.floats(1e-9, 1e9))
def test_the_zigzag_bowl_is_even_and_similar_to_itself(kappa, x):
    """Check thm-polyak-sharp-rate's function: f(√q x) = q f(x)."""
    f, q = lu.zigzag_bowl(2 * kappa, 2.0), (1 - kappa / 2) / (1 + kappa / 4)
    assert f.value([-x]) == f.value([x]) and f.gradient([-x]) == -f.gradient([x])
    assert f.value([np.sqrt(q) * x]) == pytest.approx(q * f.value([x]), rel=1e-8)


@KAPPAS
@BETAS
def test_the_zigzag_bowl_is_as_flat_as_polyak_allows_at_the_iterates_only(kappa, beta):
    """Check thm-polyak-sharp-rate's text: between them the least ratio is α/(4 + 3α/(2β))."""
    alpha, ratio = kappa * beta, np.sqrt((1 - kappa / 2) / (1 + kappa / 4))
    f = lu.zigzag_bowl(alpha, beta)
    np.testing.assert_allclose(lu.polyak_ratio(f, ratio ** np.arange(6.0)[:, None]), alpha)
    between = np.linspace(ratio, 1, 100_001)
    ratios = lu.polyak_ratio(f, between[:, None])
    assert ratios.min() == pytest.approx(alpha / (4 + 1.5 * kappa), rel=1e-3)
    assert between[ratios.argmin()] == pytest.approx(ratio + (1 - ratio) * ratio / 2, abs=1e-4)


@KAPPAS
def test_the_zigzag_bowl_has_half_a_slope_where_it_is_higher(kappa):
    """Check ex-strong-growth: at x + f′(x)/(2β) the slope is halved, and the value is not."""
    f, x = lu.zigzag_bowl(kappa, 1.0), np.sqrt((1 - kappa / 2) / (1 + kappa / 4))
    beyond = x + f.gradient([x]) / 2
    assert f.gradient(beyond)[0] == pytest.approx(f.gradient([x])[0] / 2, rel=1e-6)
    assert f.value(beyond) > f.value([x])


@pytest.mark.parametrize("kappa", [1e-4, 1e-8, 1e-12, 1e-17])
def test_the_zigzag_bowl_is_right_however_flat_it_is(kappa):
    """Check thm-polyak-sharp-rate's f(1) = g²/α, with 1 − √q without the difference."""
    q = (1 - kappa / 2) / (1 + kappa / 4)
    slope = 3 / 4 * kappa / (1 + kappa / 4) / (1 + np.sqrt(q))
    met = pytest.approx(slope**2 / kappa, rel=1e-6, abs=0)
    assert lu.zigzag_bowl(kappa, 1.0).value([1.0]) == met


@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    st.lists(st.floats(-5, 5), min_size=3, max_size=3),
    st.sampled_from([0.3, 1.0, 2.5]),
)
def test_the_largest_coordinate_is_weakly_quasi_convex(x, y, alpha):
    """Check thm-weak-quasi-convex-rate's function; for α = 1 it is convex and 1-Lipschitz."""
    f, start = lu.largest_coordinate(3, alpha)
    minimizer = np.full(3, -(3**-0.5))
    assert f.value(minimizer) == 0 and np.linalg.norm(minimizer - start) <= 1 + 1e-15
    if f.value(x) > 1e-6:
        ratio = lu.weak_quasi_convexity_ratio(f, x, minimizer)
        lu.certify("thm-weak-quasi-convex-rate", alpha, ratio)
    if alpha == 1:
        assert np.linalg.norm(f.gradient(x)) <= 1
        chord = (f.value(x) + f.value(y)) / 2
        assert f.value((np.array(x) + y) / 2) <= chord + 1e-12


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_star_is_homogeneous_and_its_slopes_have_the_bound_of_its_docstring(power):
    """Check Euler's identity, and for thm-weak-quasi-convex-rate's certificate the number G."""
    f, angle = lu.star(power), np.linspace(0, 2 * np.pi, 100_001)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    ratios = lu.weak_quasi_convexity_ratio(f, 1.7 * circle, [0.0, 0.0])
    np.testing.assert_allclose(ratios, power)
    steepest = np.linalg.norm(lu.star().gradient(circle), axis=-1).max()
    assert steepest == pytest.approx(np.sqrt(29 + 1 / 6), rel=1e-7)


def test_the_tilted_wells_have_no_critical_point_and_the_infimum_of_the_deeper_well():
    """Check prop-open-set-of-failures: ∂f/∂x is not 0, and far to the right f nears inf f."""
    wells = lu.tilted_wells()
    plane = np.random.default_rng(2).uniform(-3, 3, (1000, 2))
    assert (wells.gradient(plane)[:, 0] < 0).all() and (wells.gap(plane) > 0).all()
    deeper = minimize_scalar(lambda y: wells.value([50.0, y]), (-1.2, -1, -0.8))
    assert deeper.fun == pytest.approx(wells.minimum, abs=1e-12)


@pytest.mark.parametrize("x", [-4.0, -0.5, 1e-3, 2.0, 7.0])
def test_the_stairs_are_the_integral_of_their_slope(x):
    """Check item 5 of prop-relatives, whose proof names the derivative only."""
    area, _ = quad(lambda s: s + np.sinh(s) * np.sin(s) ** 2, 0, x, epsabs=0, epsrel=1e-12)
    assert lu.flat_stairs().value([x]) == pytest.approx(area, rel=1e-10)


@pytest.mark.parametrize("size", [1e-160, 1e-200, 1e-300, 1e160, 1e300])
@pytest.mark.parametrize("dim", [1, 2])
def test_the_power_bowl_of_power_1_has_its_slope_everywhere(dim, size):
    """Near 0 and far away the square of ‖x‖ is no float, and ‖x‖ is one."""
    x = np.eye(dim)[0] * size
    f = lu.power_bowl(1.0, dim=dim)
    assert f.value(x) == pytest.approx(size, rel=1e-14, abs=0) and f.gradient(x)[0] == 1


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
