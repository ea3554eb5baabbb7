"""The relatives of Polyak's condition, def-relatives, and what open sets of starts can meet."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

import lin_utils as lu

SEEDS = st.integers(0, 2**32 - 1)
LINE = np.concatenate([np.linspace(-30, -1e-3, 60_001), np.linspace(1e-3, 30, 60_001)])
#: Functions on the line with the one minimizer 0, and their smoothness.
BOWLS = {
    "parabola": (lu.power_bowl(2.0, 3.0), 6.0),
    "Polyak's wavy bowl": (lu.wavy_bowl(), 8.0),
    "lower waves": (lu.wavy_bowl(0.5), 3.0),
    "higher waves": (lu.wavy_bowl(4.0), 10.0),
    "two slopes": (
        lu.Smooth(
            lambda x: x[..., 0] ** 2 + 2 * x[..., 0].clip(0) ** 2,
            lambda x: 2 * x + 4 * x.clip(0),
            1,
            0.0,
        ),
        6.0,
    ),
}


def constants(f):
    """Return the constants of all conditions of a function on the line, measured on a grid."""
    value, slope = f.gap(LINE[:, None]), f.gradient(LINE[:, None])[:, 0]
    return {
        "polyak": (slope**2 / value).min(),
        "error bound": np.abs(slope / LINE).min(),
        "secant": (slope / LINE).min(),
        "growth": (value / LINE**2).min(),
        "weak quasi-convexity": (slope * LINE / value).min(),
    }


@pytest.mark.parametrize("name", BOWLS)
def test_the_constants_of_the_relatives_are_those_of_the_implications(name):
    """Check items 2 to 4 of prop-relatives, and prop-growth-and-weak-quasi-convexity."""
    f, beta = BOWLS[name]
    c = constants(f)
    lu.certify("prop-relatives", c["polyak"] / 2, c["error bound"])
    lu.certify("prop-relatives", c["secant"], c["error bound"])
    lu.certify("prop-relatives", c["error bound"] / 2, c["growth"])
    lu.certify("prop-relatives", 2 * c["error bound"] ** 2 / beta, c["polyak"])
    lu.certify("ex-condition-number", c["polyak"], 2 * beta)
    if c["weak quasi-convexity"] > 0:
        both = c["weak quasi-convexity"] ** 2 * c["growth"]
        lu.certify("prop-growth-and-weak-quasi-convexity", both, c["polyak"])


def test_a_parabola_meets_all_constants_of_the_relatives():
    """Check that the constants of prop-relatives cannot be improved."""
    f, beta = BOWLS["parabola"]
    c = constants(f)
    same = [
        c["polyak"] / 2,
        c["secant"],
        2 * c["growth"],
        beta,
        2 * c["error bound"] ** 2 / beta / 2,
    ]
    np.testing.assert_allclose(same, c["error bound"])


@given(SEEDS, st.floats(0.3, 3), st.floats(0.1, 1))
def test_strong_quasar_convexity_is_weak_quasi_convexity_with_growth(seed, excess, alpha):
    """Check item 1 of prop-relatives on r² S(φ) + r^p T(φ), p > 2, with random positive S and T."""
    rng = np.random.default_rng(seed)
    heights, degree = rng.uniform(-1, 1, (3, 2)), 2 + excess
    angle, radius = rng.uniform(0, 7, 500), rng.uniform(0.01, 3, 500)
    square, higher = 3.1 + (np.cos(np.arange(1, 4) * angle[:, None]) @ heights).T
    squares, powers = radius**2 * square, radius**degree * higher
    gap, radial = squares + powers, 2 * squares + degree * powers  # by Euler's identity

    # From 2-weak-quasi-convexity and growth with c: half of the constant, and m = 2c.
    growth = square.min()
    lu.certify("prop-relatives", growth * radius**2, gap)
    lu.certify("prop-relatives", 1.0 * (gap + growth * radius**2), radial)

    # The largest m for this α is that of r² S(φ) near 0. It gives growth and the secant inequality.
    m = 2 * (2 / alpha - 1) * growth
    lu.certify("prop-relatives", alpha * (gap + m / 2 * radius**2), radial)
    lu.certify("prop-relatives", alpha * m / (2 * (2 - alpha)) * radius**2, gap)
    lu.certify("prop-relatives", alpha * m / 2 * radius**2, radial)


@pytest.mark.parametrize("alpha", [0.2, 0.7, 1.0])
def test_the_growth_of_strong_quasar_convexity_is_that_of_a_parabola(alpha):
    """Check that the constant αm/(2(2 − α)) in item 1 of prop-relatives is met by c‖x‖²."""
    f = lu.power_bowl(2.0, 5.0, dim=2)
    x = np.random.default_rng(0).normal(size=(50, 2))
    squares = (x**2).sum(axis=-1)
    m = 2 * ((x * f.gradient(x)).sum(axis=-1) / alpha - f.value(x)) / squares
    np.testing.assert_allclose(alpha * m / (2 * (2 - alpha)) * squares, f.value(x))


def test_the_stairs_have_an_error_bound_and_lose_polyak_s_condition():
    """Check item 5 of prop-relatives: from 2π on, the ratio falls faster than e^(−2k)."""
    stairs, x = lu.flat_stairs(), np.linspace(-25, 25, 100_001)
    lu.certify("prop-relatives", x**2, stairs.gradient(x[:, None])[:, 0] * x)
    landings = np.arange(2, 9)
    ratios = lu.polyak_ratio(stairs, np.pi * landings[:, None])
    np.testing.assert_allclose(stairs.gradient(np.pi * landings[:, None])[:, 0], np.pi * landings)
    lu.certify("prop-relatives", ratios[1:], ratios[:-1] * np.exp(-2))


def nearest(profile, point):
    """Return the point of a graph nearest to a point, by a grid and a search in its best cells."""
    grid = np.linspace(-6, 12, 3601)
    distance = lambda s: np.hypot(s - point[0], profile(s) - point[1])  # noqa: E731
    best = grid[1:-1][distance(grid)[1:-1].argmin()]
    s = minimize_scalar(distance, (best - 0.005, best, best + 0.005), tol=1e-12).x
    return np.array([s, profile(s)])


@given(st.floats(-3, 3), st.floats(-3, 5))
def test_the_parabola_valley_has_the_secant_inequality(x, y):
    """Check item 6 of prop-relatives: (y − x²)² with c = 1, and the error bound with 2."""
    valley, point = lu.parabola_valley(), np.array([x, y])
    assume(abs(y - x**2) > 1e-3)
    offset = point - nearest(np.square, point)
    slope = valley.gradient(point)
    lu.certify("prop-relatives", offset @ offset, slope @ offset, tolerance=1e-6)
    lu.certify("prop-relatives", 4 * offset @ offset, slope @ slope, tolerance=1e-6)


def test_the_bent_valley_is_polyak_without_the_secant_inequality():
    """Check item 6 of prop-relatives: 4-Polyak, and beside the steep arm it falls away from it."""
    valley, point = lu.bent_valley(), np.array([1.0, 10.0])
    plane = np.random.default_rng(3).uniform(-3, 3, (1000, 2))
    lu.certify("prop-relatives", 4.0, lu.polyak_ratio(valley, plane))
    foot = nearest(lambda s: s + np.exp(-s), point)
    assert foot[0] < -2 and valley.value(foot) == pytest.approx(0, abs=1e-12)
    assert valley.gradient(point) @ (point - foot) < -10


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("c", [0.3, 2.0])
def test_growth_and_weak_quasi_convexity_give_the_right_constant_for_each_alpha(alpha, c):
    """Check prop-growth-and-weak-quasi-convexity and ex-both-conditions: c‖x‖^α on a ball."""
    f = lu.power_bowl(alpha, c, dim=2)
    directions = np.random.default_rng(0).normal(size=(200, 2))
    sphere = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    ball = sphere * np.random.default_rng(1).uniform(0.01, 1, (200, 1))
    lu.certify("prop-growth-and-weak-quasi-convexity", c * (ball**2).sum(-1), f.value(ball))
    np.testing.assert_allclose(lu.weak_quasi_convexity_ratio(f, ball, [0.0, 0.0]), alpha)
    lu.certify("prop-growth-and-weak-quasi-convexity", alpha**2 * c, lu.polyak_ratio(f, ball))
    np.testing.assert_allclose(lu.polyak_ratio(f, sphere), alpha**2 * c)


def test_the_squared_star_has_polyak_s_constant_in_its_valleys():
    """Check prop-growth-and-weak-quasi-convexity: the least ratio of r²(2 + cos 5φ) is 4."""
    angle = np.linspace(0, 2 * np.pi, 10_001)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    ratios = lu.polyak_ratio(lu.star(2.0), circle)
    assert ratios.min() == pytest.approx(4)
    assert np.cos(5 * angle[ratios.argmin()]) == pytest.approx(-1)


@pytest.mark.parametrize("name", BOWLS)
@pytest.mark.parametrize("scaled_step", [0.01, 0.3, 1.0, 1.9])
def test_the_factor_of_one_step_implies_no_more_than_polyak_s_constant(name, scaled_step):
    """Check part 2 of thm-rate-implies-polyak; short steps find nearly all of the constant."""
    f, beta = BOWLS[name]
    x, step = LINE[:, None], scaled_step / beta
    factor = (f.gap(x - step * f.gradient(x)) / f.gap(x)).max()
    implied = (1 - factor) / (step * (1 + scaled_step / 2))
    lu.certify("thm-rate-implies-polyak", implied, constants(f)["polyak"])
    if scaled_step == 0.01 and name != "higher waves":
        assert implied > 0.9 * constants(f)["polyak"]


@pytest.mark.parametrize("f", [lu.wavy_bowl(), lu.quartic(), lu.flat_stairs(), lu.wavy_bowl(10.0)])
def test_the_flow_shows_polyak_s_ratio_in_its_first_moments(f):
    """Check part 1 of thm-rate-implies-polyak: the rate at the start is the ratio there."""
    for start in np.linspace(0.3, 3, 10):
        x, short = np.array([start]), 1e-6
        path = solve_ivp(lambda t, z: -f.gradient(z), (0, short), x, rtol=1e-12, atol=1e-15)
        rate = -np.log(f.gap(path.y[:, -1]) / f.gap(x)) / short
        assert rate == pytest.approx(lu.polyak_ratio(f, x), rel=1e-3, abs=1e-3)


@given(st.floats(0.01, 30))
def test_one_step_on_the_line_has_the_square_of_the_factor(x):
    """Check ex-polyak-on-a-line on x² + 3 sin²x, and that (α/4)x² meets it."""
    bowl, alpha, beta = lu.wavy_bowl(), 0.35106, 8.0
    after = bowl.value([x] - bowl.gradient([x]) / beta)
    lu.certify("ex-polyak-on-a-line", after, (1 - alpha / beta / 2) ** 2 * bowl.value([x]))
    gentle = lu.power_bowl(2.0, alpha / 4)
    met = gentle.value([x] - gentle.gradient([x]) / beta) / gentle.value([x])
    assert met == pytest.approx((1 - alpha / beta / 2) ** 2)


@given(st.floats(0.2, 4), st.floats(0.01, 1), SEEDS)
def test_sublevel_sets_are_star_shaped(power, shrink, seed):
    """Check ex-star-shaped on r^p (2 + cos 5φ), where it is an equality, and log(1 + ‖x‖²)."""
    x = np.random.default_rng(seed).normal(size=2)
    star, bowl = lu.star(power), lu.log_bowl(2)
    assert star.value(shrink * x) == pytest.approx(shrink**power * star.value(x))
    alpha = lu.weak_quasi_convexity_ratio(bowl, x, [0.0, 0.0])  # the least on this ray
    lu.certify("ex-star-shaped", bowl.value(shrink * x), shrink**alpha * bowl.value(x))


WELL = lambda y: (y**2 - 1) ** 2 + 0.3 * y  # noqa: E731


@pytest.mark.parametrize("step", [1 / 20, 1 / 50, 1 / 200])
def test_descent_from_an_open_set_of_starts_ends_above_the_infimum(step):
    """Check prop-open-set-of-failures: x climbs for ever, and y comes to the higher well."""
    rng = np.random.default_rng(4)
    starts = np.stack([rng.uniform(-2, 2, 200), rng.uniform(0.0755, 1.5, 200)], axis=-1)
    starts[:2, 1] = 0.0755, 1.5
    upper = minimize_scalar(WELL, (0.8, 0.96, 1.1), tol=1e-14)
    path = lu.gradient_descent(lu.tilted_wells(), starts, step, 10_000, every=500)
    x, y = path.points[..., 0], path.points[..., 1]
    assert (np.diff(x, axis=0) > 0).all()
    lu.certify("prop-open-set-of-failures", upper.fun, path.values + 1e-9)
    np.testing.assert_allclose(y[-1], upper.x, atol=1e-6)
    np.testing.assert_allclose(path.values[-1] - np.exp(-x[-1]), upper.fun, atol=1e-9)
    assert upper.fun > lu.tilted_wells().minimum + 0.5


@pytest.mark.parametrize("y, well", [(0.0756, 0.96015), (4.0, 0.96015), (0.0754, -1.03558)])
def test_the_flow_of_the_tilted_wells_parts_into_two_equations(y, well):
    """Check prop-open-set-of-failures: exp x grows by the time, and y comes to a well."""
    wells = lu.tilted_wells()
    path = solve_ivp(
        lambda t, z: -wells.gradient(z), (0, 50), [-1.0, y], method="LSODA", rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(np.exp(path.y[0]), np.exp(-1) + path.t, rtol=1e-6)
    assert path.y[1, -1] == pytest.approx(well, abs=1e-5)
