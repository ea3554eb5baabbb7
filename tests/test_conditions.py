"""The conditions, what implies what, and what they promise to the gradient flow."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

import lin_utils as lu

AB = lu.DeepLinear((1, 1, 1), [[1.0]])


def smooth(value, dim):
    """Return the landscape of a formula with the minimum 0, differentiated by autograd."""
    return lu.Smooth(value, autograd.elementwise_grad(value), dim=dim, minimum=0.0)


PARABOLA = smooth(lambda z: (z[..., 1] - z[..., 0] ** 2) ** 2, 2)
WAVES = smooth(lambda x: x[..., 0] ** 2 + 10 * anp.sin(x[..., 0]) ** 2, 1)
PLANE = np.random.default_rng(0).normal(size=(200, 2))


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
    """Check item 1 of prop-implications, and ex-quadratic."""
    points = np.random.default_rng(seed).normal(size=(50, len(spectrum)))
    assert (lu.polyak_ratio(quadratic(spectrum), points) >= 2 * min(spectrum) * (1 - 1e-9)).all()


def test_the_ratios_are_those_of_the_definition():
    """Check both inequalities of def-conditions where the minimum and the minimizer are not 0."""
    bowl = quadratic([4.0, 1.0])
    f = lu.Smooth(
        lambda z: bowl.value(z - [1, 2]) - 3, lambda z: bowl.gradient(z - [1, 2]), 2, minimum=-3.0
    )
    u, v = (PLANE - [1, 2]).T
    expected = (16 * u**2 + v**2) / (2 * u**2 + v**2 / 2)
    np.testing.assert_allclose(lu.polyak_ratio(f, PLANE), expected)
    np.testing.assert_allclose(lu.weak_quasi_convexity_ratio(f, PLANE, [1.0, 2.0]), 2)


@given(st.integers(0, 2**32 - 1))
def test_a_convex_function_is_1_weakly_quasi_convex(seed):
    """Check item 2 of prop-implications; far away, where log cosh is nearly linear, 1 is sharp."""
    directions = np.random.default_rng(seed).normal(size=(4, 2))
    f = smooth(lambda z: anp.log(anp.cosh(anp.dot(z, directions.T))).sum(-1), 2)
    ratios = lu.weak_quasi_convexity_ratio(f, np.concatenate([PLANE, 20 * PLANE]), [0.0, 0.0])
    lu.certify("prop-implications", 1.0, ratios)
    assert ratios.min() < 1.1


def test_the_witnesses_keep_and_break_the_conditions():
    """Check items 4 to 8 of prop-implications."""
    well = smooth(lambda z: ((z**2).sum(-1) - 1) ** 2, 2)
    ring = 0.3 * PLANE / np.linalg.norm(PLANE, axis=1, keepdims=True)
    np.testing.assert_allclose(lu.polyak_ratio(well, ring), 16 * 0.3**2)
    assert lu.weak_quasi_convexity_ratio(well, [-0.99, 0.0], [1.0, 0.0]) < -1

    on_axis = PLANE * [0.0, 1.0]
    lu.certify("prop-implications", 4.0, lu.polyak_ratio(PARABOLA, PLANE))
    np.testing.assert_allclose(lu.polyak_ratio(PARABOLA, on_axis), 4)
    for a in (-2.0, 0.0, 1.0):
        above = [a + 1, (a + 1) ** 2 + 0.5]
        assert lu.weak_quasi_convexity_ratio(PARABOLA, above, [a, a**2]) < -1

    x = np.array([[0.1], [-0.01]])
    np.testing.assert_allclose(lu.weak_quasi_convexity_ratio(lu.quartic(), x, [0.0]), 4)
    np.testing.assert_allclose(lu.polyak_ratio(lu.quartic(), x), 16 * x[:, 0] ** 2)

    def squared_star(z):  # r² (2 + cos 5φ)
        x, y = z[..., 0], z[..., 1]
        r = anp.sqrt(x**2 + y**2)
        return 2 * r**2 + (x**5 - 10 * x**3 * y**2 + 5 * x * y**4) / r**3

    star = smooth(squared_star, 2)
    np.testing.assert_allclose(lu.weak_quasi_convexity_ratio(star, PLANE, [0.0, 0.0]), 2)
    across = autograd.hessian(squared_star)(np.array([1.0, 0.0]))[1, 1]
    assert across == pytest.approx(2 * 3 - 25)

    x = np.linspace(-9, 9, 1000)[:, None]
    lu.certify("prop-implications", x[:, 0] ** 2, WAVES.value(x))
    false_minimum = minimize(WAVES.value, [2.8], jac=WAVES.gradient, tol=1e-9).x
    assert lu.classify(WAVES, false_minimum) == "local minimum"


def search_minima(f):
    """Return the values where Nelder and Mead's simplex, which needs no gradient, ends."""
    starts = np.random.default_rng(1).uniform(-3, 3, (20, f.dim))
    options = {"xatol": 1e-7, "fatol": 1e-12}
    found = [minimize(f.value, start, method="Nelder-Mead", options=options) for start in starts]
    return np.array([run.fun for run in found if run.success])


@pytest.mark.parametrize("f", [AB, lu.wavy_bowl(), lu.two_minima_ridge(), PARABOLA])
def test_all_local_minima_are_global_under_first_order_optimality_and_for_a_product(f):
    """Check thm-first-implies-second, and with (ab − 1)² that its converse fails."""
    found = search_minima(f)
    assert len(found) >= 10
    lu.certify("thm-first-implies-second", found, 1e-6)
    assert lu.classify(AB, [0.0, 0.0]) == "strict saddle"


def test_a_function_without_first_order_optimality_has_other_minima():
    """Check that the test of thm-first-implies-second sees a local minimum where there is one."""
    assert search_minima(WAVES).max() > 1


def flow(f, start, times):
    """Integrate the gradient flow; return the points at the times, and the length of the path."""

    def motion(t, state):
        slope = f.gradient(state[:-1])
        return np.append(-slope, np.linalg.norm(slope))

    start = np.append(start, 0.0)
    solved = solve_ivp(
        motion, (0, times[-1]), start, method="LSODA", t_eval=times, rtol=1e-10, atol=1e-12
    )
    return solved.y[:-1].T, solved.y[-1, -1]


@pytest.mark.parametrize("start", [(0.0, 1.0), (0.0, -2.0), (1.0, -1.0), (2.0, 1.0)])
def test_the_flow_is_as_fast_and_as_short_as_polyak_says(start):
    """Check thm-polyak-flow on (y − x²)², 4-Polyak and not convex; on the axis it is sharp."""
    times = np.linspace(0, 2, 21)
    path, length = flow(PARABOLA, start, times)
    gaps = PARABOLA.gap(path)
    bounds = np.exp(-4 * times) * gaps[0], 2 * np.sqrt(gaps[0] / 4)
    lu.certify("thm-polyak-flow", gaps, bounds[0], tolerance=1e-5)
    lu.certify("thm-polyak-flow", length, bounds[1], tolerance=1e-5)
    if start[0] == 0:
        np.testing.assert_allclose(gaps, bounds[0], rtol=1e-5)
        assert length == pytest.approx(bounds[1] * (1 - np.exp(-4)), rel=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 2.0, 3.0, 4.0])
@pytest.mark.parametrize("time", [0.1, 2.0])
def test_the_flow_on_a_power_of_the_norm_meets_the_rate(alpha, time):
    """Check the last sentence of thm-weak-quasi-convex-flow by integration."""
    radius = 1.5
    f = lu.power_bowl(alpha, radius ** (2 - alpha) / (2 * alpha * time), dim=2)
    times = np.linspace(0, time, 5)
    path, _ = flow(f, radius * np.array([0.6, 0.8]), times)
    bound = lu.weak_quasi_convex_flow_rate(alpha, radius, times)
    lu.certify("thm-weak-quasi-convex-flow", f.value(path[:-1]), bound[:-1])
    assert f.value(path[-1]) == pytest.approx(bound[-1], rel=1e-5)


@pytest.mark.parametrize("start", [(0.5, 0.3), (-1.0, 2.0), (0.1, -3.0)])
@pytest.mark.parametrize("f", [lu.star(2.0), lu.star(3.0), lu.log_bowl(2), lu.star(2.5)])
def test_the_flow_is_below_the_rate_of_weak_quasi_convexity(f, start):
    """Check thm-weak-quasi-convex-flow with the least ratio along the solution."""
    times = np.linspace(0, 0.3, 101)
    path, _ = flow(f, start, times)
    alpha = lu.weak_quasi_convexity_ratio(f, path, [0.0, 0.0]).min()
    bound = lu.weak_quasi_convex_flow_rate(alpha, np.linalg.norm(start), times)
    lu.certify("thm-weak-quasi-convex-flow", f.value(path), bound)


@pytest.mark.parametrize("point", [(0.0, 0.3), (0.0, -2.0), (1.5, 0.0), (-1.0, 4.0)])
def test_a_polyak_function_grows_quadratically(point):
    """Check cor-quadratic-growth on (y − x²)²; below the vertex of the parabola it is sharp."""
    x, y = point
    feet = np.roots([2.0, 0.0, 1 - 2 * y, -x])  # where the distance to (s, s²) is critical
    feet = feet[np.abs(feet.imag) < 1e-9].real
    distance = np.hypot(feet - x, feet**2 - y).min()
    lu.certify("cor-quadratic-growth", 4 / 4 * distance**2, PARABOLA.gap(point))
    if x == 0:
        assert PARABOLA.gap(point) == pytest.approx(distance**2)


@pytest.mark.parametrize("seed", range(4))
def test_the_flow_ends_at_critical_points_only(seed):
    """Check lem-limit-points on random quartics; a field that also turns ends at none."""
    rng = np.random.default_rng(seed)
    cubic, linear = rng.normal(size=(2, 2, 2))
    f = smooth(
        lambda z: (z**4).sum(-1) + anp.dot(z**2, cubic).sum(-1) * z[..., 0] + anp.dot(z, linear[0]),
        2,
    )

    def slope_at_the_end(turn):
        def field(t, z):
            return turn * np.array([-z[1], z[0]]) - f.gradient(z)

        path = solve_ivp(field, (0, 100), [1.5, -1.0], method="LSODA", rtol=1e-10, atol=1e-12)
        return np.linalg.norm(f.gradient(path.y[:, -1]))

    lu.certify("lem-limit-points", slope_at_the_end(turn=0.0), 1e-6)
    assert slope_at_the_end(turn=1.0) > 0.1


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


def scaled(f, height, size):
    """Return height·f(θ/size), the same landscape in other units."""
    return lu.Smooth(
        lambda x: height * f.value(x / size),
        lambda x: height / size * f.gradient(x / size),
        dim=f.dim,
        minimum=height * f.minimum,
        hessian=lambda x: height / size**2 * f.hessian(x / size),
        scale=size * f.scale,
    )


UNITS = pytest.mark.parametrize("height", [1e-8, 1.0, 1e8])
SIZES = pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
LIFTED = lu.Smooth(lambda x: x[..., 0] ** 4, lambda x: 4 * x**3, 1, -1.0)
PITS = lu.Smooth(  # a local minimum at −1, the global one at 1
    lambda x: (x[..., 0] ** 2 - 1) ** 2 + 0.1 * x[..., 0] ** 3 - 0.3 * x[..., 0],
    lambda x: 4 * x * (x**2 - 1) + 0.3 * (x**2 - 1),
    1,
    minimum=-0.2,
)


@UNITS
@SIZES
@pytest.mark.parametrize(
    "f, theta, kind",
    [
        (AB, [0.0, 0.0], "strict saddle"),
        (AB, [1.0, 1.0], "global minimum"),
        (AB, [1.0, 1.001], "not critical"),
        (LIFTED, [0.0], "degenerate"),
        (PITS, [-1.0], "local minimum"),
        (PITS, [-1.0 + 1e-9], "local minimum"),
        (lu.circle_well(), [0.0, 0.0], "strict saddle"),
        (lu.circle_well(), [0.6, 0.8], "global minimum"),
    ],
)
def test_classify_does_not_depend_on_units(f, theta, kind, height, size):
    assert lu.classify(scaled(f, height, size), size * np.array(theta)) == kind


@UNITS
@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_the_ratios_change_as_their_formula_says(height, size):
    f, points = scaled(AB, height, size), size * PLANE
    polyak = lu.polyak_ratio(AB, PLANE) * height / size**2
    np.testing.assert_allclose(lu.polyak_ratio(f, points), polyak)
    other = lu.weak_quasi_convexity_ratio(f, points, [size, size])
    np.testing.assert_allclose(other, lu.weak_quasi_convexity_ratio(AB, PLANE, [1.0, 1.0]))


def test_the_parabola_has_the_ratio_4_however_small_and_large_it_is():
    for height in (1e-200, 1e-15, 1e15, 1e140):
        tiny = lu.Smooth(
            lambda x, h=height: h * x[..., 0] ** 2, lambda x, h=height: 2 * h * x, 1, 0.0
        )
        assert lu.polyak_ratio(tiny, [1.0]) == pytest.approx(4 * height)


def test_classify_takes_a_batch():
    kinds = lu.classify(AB, [[[0.0, 0.0], [1.0, 1.0]], [[2.0, 0.5], [3.0, 0.0]]])
    assert kinds.tolist() == [
        ["strict saddle", "global minimum"],
        ["global minimum", "not critical"],
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("ask", [lu.polyak_ratio, lu.classify])
def test_a_landscape_that_returns_no_numbers_is_refused_with_the_point(ask, bad):
    f = lu.Smooth(lambda x: np.where(x[..., 0] > 2, bad, x[..., 0]), lambda x: 1 + 0 * x, 1, 0.0)
    with pytest.raises(ValueError, match=r"value must return finite numbers.* at theta = \[3.\]"):
        ask(f, [[1.0], [3.0]])


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.polyak_factor(-1.0, 1.0), "alpha must be a number > 0, got -1.0"),
        (lambda: lu.polyak_factor(1.0, 2.0, step=1.0), r"step must be in \(0, 2/beta\)"),
        (lambda: lu.polyak_factor(5.0, 2.0), "alpha must be at most 2 beta = 4, got 5"),
        (lambda: lu.polyak_rate(1.0, 2.0, 1.0, [-1]), "steps must be numbers >= 0, got -1"),
        (lambda: lu.sharp_polyak_factor(5.0, 2.0), "alpha must be at most 2 beta = 4, got 5"),
        (lambda: lu.polyak_path_length(5.0, 2.0, 1.0), "alpha must be at most 2 beta = 4, got 5"),
        (lambda: lu.polyak_path_length(1.0, 2.0, [1.0, -2.0]), "gap must be numbers >= 0, got -2"),
        (
            lambda: lu.noisy_polyak_rate(1.0, 2.0, 1.0, 1.0, 5, step=0.6),
            r"step must be in \(0, 1/beta\] = \(0, 0.5\], got 0.6",
        ),
        (
            lambda: lu.weak_quasi_convex_flow_rate(1.0, 1.0, [1.0, -1.0]),
            "time must be numbers >= 0, got -1",
        ),
        (lambda: lu.zigzag_bowl(2.0, 1.0), "alpha must be below 2 beta = 2, got 2"),
        (
            lambda: lu.weak_quasi_convexity_ratio(AB, [0.0, 0.0], [0.0]),
            "minimizer must be one point",
        ),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
