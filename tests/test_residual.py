"""Residual networks: the shift, its Polyak constant, and factors near the identity."""

import pickle

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm, fractional_matrix_power, logm, polar
from scipy.optimize import least_squares

import lin_utils as lu

SIZES = st.integers(1, 5)
DEPTHS = st.integers(2, 40)
SEEDS = st.integers(0, 2**32 - 1)


def positive_determinant(size, seed):
    matrix = np.random.default_rng(seed).normal(size=(size, size))
    matrix[0] *= np.sign(np.linalg.det(matrix))
    return matrix


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def largest_turn(target):
    """Return γ and κ of a target, κ from the eigenvalues of its orthogonal factor."""
    u, sigma, vt = np.linalg.svd(target)
    return np.abs(np.log(sigma)).max(), np.abs(np.angle(np.linalg.eigvals(u @ vt))).max()


@pytest.mark.parametrize("depth, size", [(1, 2), (2, 1), (3, 2), (4, 3)])
def test_derivatives_agree_with_automatic_differentiation(depth, size):
    """Check prop-residual-gradient."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(size, size))
    network = lu.Residual(depth, rng.normal(size=(size, size)), root @ root.T)
    theta, vector = rng.normal(size=(2, network.dim)) / 2

    def loss(theta):
        product = anp.eye(size)
        for layer in anp.reshape(theta, (depth, size, size)):
            product = anp.dot(anp.eye(size) + layer, product)
        error = product - network.target
        return anp.trace(anp.dot(anp.dot(error, network.covariance), error.T))

    np.testing.assert_allclose(network.value(theta), loss(theta), rtol=1e-10)
    np.testing.assert_allclose(network.gradient(theta), autograd.grad(loss)(theta), rtol=1e-8)
    expected = autograd.hessian(loss)(theta)
    np.testing.assert_allclose(network.hessian(theta), expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(
        network.hessian_vector_product(theta, vector), expected @ vector, rtol=1e-7, atol=1e-8
    )


def test_radius_is_the_largest_spectral_norm_and_batched():
    network = lu.Residual(3, np.eye(2))
    layers = np.random.default_rng(1).normal(size=(3, 4, 5, 2, 2))
    expected = np.linalg.svd(layers, compute_uv=False).max(axis=(0, -1))
    np.testing.assert_allclose(network.radius(network.join(list(layers))), expected)


@given(SIZES, st.integers(1, 5), st.floats(0, 0.95), SEEDS)
def test_the_polyak_constant_holds_on_its_ball(size, depth, radius, seed):
    """Check the inequality of thm-residual-polyak."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    network = lu.Residual(depth, rng.normal(size=(size, size)), root @ root.T)
    layers = rng.normal(size=(depth, 20, size, size))
    layers *= radius / np.linalg.norm(layers, 2, axis=(-2, -1), keepdims=True)
    ratios = lu.polyak_ratio(network, network.join(list(layers)))
    assert (ratios >= network.polyak_constant(radius) * (1 - 1e-6)).all()


@pytest.mark.parametrize("depth, size, radius", [(1, 2, 0.5), (3, 2, 0.4), (6, 3, 0.2)])
def test_no_larger_polyak_constant_will_do(depth, size, radius):
    """Check that thm-residual-polyak is an equality at A_k = −τI, whatever B is."""
    target = np.random.default_rng(0).normal(size=(size, size))
    network = lu.Residual(depth, target, 0.7 * np.eye(size))
    ratio = lu.polyak_ratio(network, network.join([-radius * np.eye(size)] * depth))
    constant = 4 * depth * (1 - radius) ** (2 * depth - 2) * 0.7
    lu.certify_equal("thm-residual-polyak", [ratio, network.polyak_constant(radius)], constant)


@pytest.mark.parametrize("depth, size", [(2, 2), (2, 4), (3, 3), (5, 3)])
def test_all_bad_critical_points_have_a_layer_of_norm_one_or_more(depth, size):
    """Check thm-hardt-ma from its other end: critical points above the minimum are not in U."""
    rng = np.random.default_rng(5)
    network = lu.Residual(depth, rng.normal(size=(size, size)))
    bad = [network.plain.critical_point(range(kept)) for kept in range(size)]
    radii = []
    for layers in map(network.split, bad):
        for _ in range(100):  # all along the orbits of A_k ↦ G_k A_k G_{k−1}^{−1}
            turns = np.eye(size) + 0.2 * rng.normal(size=(depth + 1, size, size))
            turns[0] = turns[-1] = np.eye(size)
            moved = turns[1:] @ np.array(layers) @ np.linalg.inv(turns[:-1])
            theta = network.join(list(moved - np.eye(size)))
            assert np.linalg.norm(network.gradient(theta)) < 1e-6
            radii.append(network.radius(theta))
    minus = network.join([-np.eye(size)] * 2 + [np.zeros((size, size))] * (depth - 2))
    assert not network.gradient(minus).any() and network.value(minus) > 0.1
    lu.certify("thm-hardt-ma", 1.0, [*radii, network.radius(minus)])


@pytest.mark.parametrize("depth, size", [(1, 2), (2, 2), (3, 3), (5, 3)])
@pytest.mark.parametrize("rank", [0, 1])
def test_with_one_singular_factor_the_gradient_bounds_the_error(depth, size, rank):
    """Check thm-hardt-ma: the gradient of the singular layer is FᵀΔΣHᵀ, F and H invertible."""
    rng = np.random.default_rng(depth)
    root = rng.normal(size=(size, 2))
    network = lu.Residual(depth, rng.normal(size=(size, size)), root @ root.T)
    for place in range(depth):
        factors = rng.normal(size=(depth, size, size))
        factors[place] = rng.normal(size=(size, rank)) @ rng.normal(size=(rank, size))
        theta = network.join(list(factors - np.eye(size)))
        before, after = np.eye(size), np.eye(size)
        for factor in factors[:place]:
            before = factor @ before
        for factor in factors[place + 1 :]:
            after = factor @ after
        error = (after @ factors[place] @ before - network.target) @ network.covariance
        least = 2 * np.linalg.norm(error)
        for matrix in (before, after):
            least *= np.linalg.svd(matrix, compute_uv=False)[-1]
        lu.certify("thm-hardt-ma", least, np.linalg.norm(network.gradient(theta)))


@pytest.mark.parametrize("zeros", [1, 2])
def test_a_layer_of_minus_the_identity_is_critical_at_the_minimum_only(zeros):
    """Check that thm-hardt-ma is exact: one layer −I, then two of them."""
    covariance, rest = np.diag([1.0, 0.0]), [0.3 * np.ones((2, 2))] * 2
    targets = {True: [[0.0, 2.0], [0.0, 1.0]], False: [[1.0, 2.0], [0.0, 1.0]]}
    for learned, target in targets.items():  # BΣ = 0, or not
        network = lu.Residual(2 + zeros, target, covariance)
        theta = network.join([*rest, *[-np.eye(2)] * zeros])
        critical = not network.gradient(theta).any()
        assert critical == (learned or zeros == 2)
        assert (network.value(theta) == 0) == learned


@pytest.mark.parametrize("depth", [2, 3])
def test_all_critical_points_above_the_minimum_that_are_found_have_two_singular_factors(depth):
    """Check thm-hardt-ma on zeros of the gradient that a solver finds from random starts."""
    network, bad = lu.Residual(depth, [[1.0, 0.5], [-0.3, -1.5]], np.diag([1.0, 0.5])), 0
    for seed in range(30):
        start = np.random.default_rng(seed).normal(size=network.dim)
        found = least_squares(network.gradient, start, network.hessian, xtol=1e-15, gtol=1e-15)
        if found.cost < 1e-24 and network.value(found.x) > 1e-3:
            factors = np.eye(2) + network.split(found.x)
            bad += 1
            assert (np.linalg.svd(factors, compute_uv=False)[:, -1] < 1e-3).sum() >= 2
    assert bad >= 3


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_what_the_inputs_do_not_show_is_learned_with_a_negative_determinant(depth):
    """Check that prop-negative-determinant needs Σ ≻ 0."""
    network = lu.Residual(depth, np.diag([1.05, -1.0]), np.diag([1.0, 0.0]))
    _, points = flow_from_the_identity(network, 10 / depth)
    assert network.value(points[-1]) < 1e-10
    assert network.radius(points).max() < 0.051
    assert np.linalg.det(network.end_to_end(points[-1])) > 0 > np.linalg.det(network.target)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_small_layers_stay_away_from_a_target_of_negative_determinant(depth):
    """Check prop-negative-determinant; by Eckart and Young, g is at least σ_min(B)² on U."""
    rng, target = np.random.default_rng(6), np.diag([1.9, 1.0, -0.5])
    network = lu.Residual(depth, target)
    layers = rng.normal(size=(depth, 500, 3, 3))
    layers *= rng.uniform(0, 1, (500, 1, 1)) / np.linalg.norm(layers, 2, (-2, -1), keepdims=True)
    first, rest = target - np.eye(3), [np.zeros((3, 3))] * (depth - 1)
    edge = network.value(network.join([first.clip(-1 + 1e-9), *rest]))
    values = network.value(network.join(list(layers)))
    lu.certify("prop-negative-determinant", 0.5**2, [*values, edge])
    assert edge == pytest.approx(0.5**2)  # the bound is the infimum on U
    assert network.value(network.join([first, *rest])) == 0  # with a layer of norm 1.5
    shrunk = np.linalg.det(network.end_to_end(network.join([-0.9 * np.eye(3)] * depth)))
    assert shrunk == pytest.approx(0.1 ** (3 * depth), rel=1e-6)


def test_a_singular_covariance_counts_its_smallest_nonzero_eigenvalue():
    network = lu.Residual(2, np.eye(2), np.diag([0.5, 0.0]))
    assert network.polyak_constant(0.0) == pytest.approx(4)


def test_the_smallest_eigenvalue_counts_however_small_it_is():
    network = lu.Residual(2, np.eye(2), np.diag([1e8, 1e-8]))
    assert network.polyak_constant(0.0) == pytest.approx(8e-8)
    assert lu.Residual(2, np.eye(2), np.zeros((2, 2))).polyak_constant(0.5) == np.inf
    assert isinstance(network.polyak_constant(0.5), np.float64)


def test_a_network_is_a_value():
    network = lu.Residual(3, [[2.0, 0.0], [0.0, 1.0]])
    assert pickle.loads(pickle.dumps(network)) == network != lu.Residual(2, network.target)
    assert repr(network) == "Residual(depth=3, target=2×2)"
    with pytest.raises(AttributeError, match="minimum is read-only"):
        network.minimum = 1.0


@given(SIZES, DEPTHS, SEEDS)
def test_factors_multiply_to_the_target_within_the_bound(size, depth, seed):
    """Check thm-small-norm, whose bound is computed here once more."""
    target = positive_determinant(size, seed)
    factors = lu.near_identity_factors(depth, target)
    product = np.eye(size)
    for factor in factors:
        product = (np.eye(size) + factor) @ product
    np.testing.assert_allclose(product, target, atol=1e-8)
    norms = np.linalg.norm(factors, 2, axis=(1, 2))
    np.testing.assert_allclose(norms, norms[0], rtol=1e-9)
    gamma, angle = largest_turn(target)
    bound = np.expm1(gamma / depth) + 2 * np.sin(angle / (2 * depth))
    assert lu.near_identity_bound(depth, target) == pytest.approx(bound)
    lu.certify("thm-small-norm", norms, bound)


@pytest.mark.parametrize("seed", range(4))
def test_layers_times_depth_tend_to_the_sum_of_both_logarithms(seed):
    """Check the limit of thm-small-norm by the logarithms of the polar factors."""
    target = positive_determinant(3, seed)
    turn, stretch = polar(target)
    limit = np.linalg.norm(logm(turn).real + logm(stretch), 2)
    layer = lu.near_identity_factors(10**4, target)[0]
    assert 10**4 * np.linalg.norm(layer, 2) == pytest.approx(limit, rel=1e-2)


@pytest.mark.parametrize("size, scale, depth", [(50, 1e-7, 100), (3, 1e-8, 500), (4, 1e8, 500)])
def test_factors_of_targets_of_any_size(size, scale, depth):
    """The determinant can underflow; the factors are right to rounding errors."""
    target = scale * positive_determinant(size, 5)
    target /= 1 if size < 50 else np.linalg.norm(target, 2) / scale
    product = np.eye(size, dtype=np.longdouble)
    for factor in lu.near_identity_factors(depth, target).astype(np.longdouble):
        product = product + factor @ product
    np.testing.assert_allclose(product / scale, target / scale, atol=1e-12)
    factors = lu.near_identity_factors(9, 1e-7 * np.eye(size))
    assert np.linalg.norm(factors, 2, axis=(1, 2)).max() <= lu.near_identity_bound(
        9, 1e-7 * np.eye(size)
    )


def test_layers_that_are_almost_zero_do_not_lose_digits():
    """Ten thousand small turns make a half turn."""
    factors = lu.near_identity_factors(10**4, -np.eye(2))
    turn = factors[0].astype(np.longdouble)
    product = np.eye(2, dtype=np.longdouble)
    for _ in range(10**4):
        product = product + turn @ product
    np.testing.assert_allclose(product, -np.eye(2), atol=1e-13)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("angle", [0.0, 1e-3, 2.0, np.pi])
def test_the_bound_on_the_factors_falls_like_its_asymptote(gamma, angle):
    """Check the limit of thm-small-norm."""
    target = rotation(angle) @ np.diag([np.exp(gamma), 1.0])
    bound = lu.near_identity_bound(10**5, target)
    lu.certify_equal("thm-small-norm", bound * 10**5, angle + gamma, tolerance=1e-3)


@pytest.mark.parametrize("target", [-np.eye(2), np.diag([-1.0, -1.0, -1.0, -1.0, 1.0])])
def test_half_turns_have_real_factors(target):
    factors = lu.near_identity_factors(12, target)
    product = np.linalg.multi_dot(np.eye(len(target)) + factors[::-1])
    np.testing.assert_allclose(product, target, atol=1e-12)


def test_a_symmetric_positive_target_gets_its_roots():
    """Check the last part of thm-small-norm."""
    target = np.array([[2.0, 0.5], [0.5, 1.0]])
    values, vectors = np.linalg.eigh(target)
    root = (vectors * values ** (1 / 7)) @ vectors.T
    np.testing.assert_allclose(
        lu.near_identity_factors(7, target), [root - np.eye(2)] * 7, atol=1e-12
    )
    gamma = np.abs(np.log(values)).max()
    lu.certify("thm-small-norm", np.linalg.norm(root - np.eye(2), 2), np.expm1(gamma / 7))


def flow_from_the_identity(network, time):
    """Integrate the gradient flow from zero layers; return the times and the points."""
    flow = solve_ivp(
        lambda t, theta: -network.gradient(theta),
        (0, time),
        np.zeros(network.dim),
        method="LSODA",
        rtol=1e-9,
        atol=1e-12,
    )
    return flow.t, flow.y.T


@pytest.mark.parametrize("depth", [1, 2, 6, 20])
@pytest.mark.parametrize("reach", [1 / 3, 1.0])
@pytest.mark.parametrize("covariance", [np.diag([2.0, 0.3]), np.diag([0.5, 0.0])])
def test_the_flow_from_the_identity_converges(depth, reach, covariance):
    """Check thm-residual-convergence, with a shrinking target and with a singular covariance."""
    smallest = covariance[covariance > 0].min()
    change = np.where(covariance == smallest, 0.8, 0.0)
    change += 0.6 * change[::-1] / 0.8  # a column of length 1
    distance = (1 - np.exp(-3 * reach)) / 3
    network = lu.Residual(depth, np.eye(2) - distance * change, covariance)
    constant = 4 * depth * (1 - reach / depth) ** (2 * depth - 2) * smallest
    times, points = flow_from_the_identity(network, 5 / constant)
    values = network.value(points)
    assert values[0] == pytest.approx(distance**2 * smallest)
    lu.certify("thm-residual-convergence", depth * network.radius(points), reach)
    lu.certify(
        "thm-residual-convergence", values, values[0] * np.exp(-constant * times), tolerance=1e-5
    )
    assert depth * network.radius(points[-1]) > distance / 2
    assert constant >= 4 * depth * np.exp(-2 * reach) * smallest


@pytest.mark.parametrize("depth", [1, 2, 3, 8, 64, 512])
def test_the_way_that_layers_can_go_is_long_enough(depth):
    """Check the integral in the proof of thm-residual-convergence."""
    for reach in np.linspace(0.02, 1, 50):
        integral, _ = quad(
            lambda r: (1 - r) ** (2 * depth - 2) * (1 + r) ** (1 - depth), 0, reach / depth
        )
        lu.certify("thm-residual-convergence", (1 - np.exp(-3 * reach)) / 3, depth * integral)


def at_distance(distance, covariance, seed):
    """Return a random matrix Δ with ‖ΔΣ^{1/2}‖_F as said."""
    delta = np.random.default_rng(seed).normal(size=covariance.shape)
    return delta * distance / np.sqrt(np.trace(delta @ covariance @ delta.T))


COVARIANCES = [np.eye(3), np.array([[2.0, 0.5, 0], [0.5, 1, 0], [0, 0, 0.4]]), np.diag([3.0, 1, 0])]


def promised(depth, covariance, reach):
    """Compute the distance, the step and the factor of thm-residual-descent once more."""
    values = np.linalg.eigvalsh(covariance)
    least, most = values[values > 1e-12][0], values[-1]
    epsilon = (1 - np.exp(-3 * reach)) / 6
    step = 1 / (2 * depth * most * (np.exp(2 * reach) + epsilon * np.exp(reach)))
    return epsilon * least**0.5, step, 1 - 2 * depth * step * np.exp(-2 * reach) * least


@pytest.mark.parametrize("depth", [1, 2, 8, 64])
@pytest.mark.parametrize("reach", [0.1, 1 / 3, 1.0])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_descent_keeps_what_is_promised(depth, reach, covariance):
    """Check thm-residual-descent at the edge of its hypothesis, at two steps."""
    distance, step, factor = promised(depth, covariance, reach)
    target = np.eye(3) - at_distance(distance, covariance, depth)
    network = lu.Residual(depth, target, covariance)
    promise = network.descent_promise(reach)
    lu.certify_equal("thm-residual-descent", [promise.distance, promise.factor], [distance, factor])
    assert promise.step == pytest.approx(step, rel=1e-12)
    for share in (1.0, 0.2):
        path = lu.gradient_descent(network, np.zeros(network.dim), share * step, 60)
        proved = path.values[0] * (1 - share * (1 - factor)) ** path.steps
        lu.certify("thm-residual-descent", path.values, proved + 1e-28)
        lu.certify("thm-residual-descent", depth * network.radius(path.points), reach)


def test_descent_is_promised_a_third_and_the_same_factor_at_every_depth():
    promises = [lu.Residual(depth, [[1.1]]).descent_promise() for depth in (1, 10, 1000)]
    assert promises[0] == lu.Residual(1, [[5.0]]).descent_promise(1 / 3)
    assert len({promise.factor for promise in promises}) == 1
    assert len({promise.distance for promise in promises}) == 1
    steps = [promise.step for promise in promises]
    np.testing.assert_allclose(steps, steps[0] / np.array([1, 10, 1000]))


@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("reach", [0.1, 1.0])
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_hessian_stays_below_the_inverse_of_the_promised_step(depth, reach, covariance):
    """Check the proof of thm-residual-descent at points of the ball, some of them its worst."""
    distance, step, _ = promised(depth, covariance, reach)
    rng = np.random.default_rng(7)
    for number in range(12):
        layers = rng.normal(size=(depth, 3, 3))
        layers *= reach / depth / np.linalg.norm(layers, 2, (1, 2))[:, None, None]
        if number < 2:
            layers[:] = reach / depth * np.eye(3)
        product = np.eye(3)
        for layer in layers:
            product = product + layer @ product
        target = product - at_distance(distance * number / 11, covariance, number)
        network = lu.Residual(depth, target, covariance)
        largest = np.linalg.eigvalsh(network.hessian(network.join(list(layers))))[-1]
        lu.certify("thm-residual-descent", largest, 1 / step)


def flow_from(network, start, times):
    """Integrate the gradient flow; return the points at these times."""
    span, options = (0, times[-1]), {"rtol": 1e-10, "atol": 1e-13}
    slope = lambda t, theta: -network.gradient(theta)  # noqa: E731
    return solve_ivp(slope, span, start, "LSODA", times, **options).y.T


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
@pytest.mark.parametrize(
    "target",
    [np.diag([2.0, -1.0, 0.5]), -np.eye(3), np.diag([1.0, 0.0, -3.0]), np.eye(3), None],
    ids=["negative", "minus", "singular", "identity", "random"],
)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_the_zero_asymmetric_start_reaches_every_target(depth, target, covariance):
    """Check thm-zero-asymmetric, its rate and what its proof says of the lower layers."""
    if target is None:
        target = 2 * np.random.default_rng(depth).normal(size=(3, 3))
    network = lu.Residual(depth, target, covariance)
    start = network.zero_asymmetric_start()
    values = np.linalg.eigvalsh(covariance)
    smallest = values[values > 1e-12][0]
    times = np.linspace(0, 3 / smallest, 13)
    points = flow_from(network, start, times)
    gaps = network.value(points)
    assert gaps[0] == pytest.approx(np.trace(target @ covariance @ target.T))
    bound = gaps[0] * np.exp(-4 * smallest * times)
    lu.certify("thm-zero-asymmetric", gaps, bound + 1e-12, tolerance=1e-6)
    lower = lu.Residual(depth - 1, np.eye(3)) if depth > 1 else None
    if lower:
        products = lower.end_to_end(points[:, : lower.dim])
        least = np.linalg.svd(products, compute_uv=False)[:, -1]
        lu.certify("thm-zero-asymmetric", 1.0, least, tolerance=1e-8)
        factors = np.eye(3) + np.array(network.split(points))
        turned = factors.swapaxes(-1, -2)
        gram, cogram = factors @ turned, turned @ factors
        balance = cogram[1:] - gram[:-1]
        balance[-1] += np.eye(3)
        lu.certify_equal("thm-zero-asymmetric", balance, 0.0, tolerance=1e-7)


def test_from_zero_what_the_zero_asymmetric_start_learns_is_missed():
    network = lu.Residual(3, np.diag([2.0, -1.0]))
    starts = np.zeros(network.dim), network.zero_asymmetric_start()
    ends = [network.value(flow_from(network, start, [0, 20.0]))[-1] for start in starts]
    np.testing.assert_allclose(ends, [1.0, 0.0], atol=1e-2)


def normal(eigenvalues, seed=0):
    """Return a real normal matrix with these eigenvalues and the conjugates of the complex ones."""
    parts = [
        b.real * np.eye(1) if b.imag == 0 else abs(b) * rotation(np.angle(b))
        for b in np.array(eigenvalues, dtype=complex)
    ]
    size, row = sum(map(len, parts)), 0
    blocks = np.zeros((size, size))
    for part in parts:
        blocks[row : row + len(part), row : row + len(part)] = part
        row += len(part)
    basis = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    return basis @ blocks @ basis.T


TARGETS = [[2.0, 0.5], [1.3j, 3.0], [-1.0, 2.0], [-1 + 0.3j, -0.5], [0.0, 1.0], [-0.7 + 1j, 0.2]]


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
@pytest.mark.parametrize("eigenvalues", TARGETS)
def test_the_eigenvalues_of_the_product_go_their_paths(depth, eigenvalues):
    """Check thm-normal-targets against the flow of all layers, which stay equal and normal."""
    network = lu.Residual(depth, normal(eigenvalues))
    times = np.array([0.0, 0.05, 0.2, 0.5, 1.0])
    points = flow_from(network, np.zeros(network.dim), times)
    every = np.linalg.eigvals(network.target)
    paths = lu.eigenvalue_path(
        times, np.where(np.abs(every.imag) < 1e-12, every.real, every), depth
    )
    for product, path in zip(network.end_to_end(points), paths, strict=True):
        # Sums of powers: equal sets of eigenvalues, in no order, without a matching.
        powers = [np.trace(np.linalg.matrix_power(product, k)) for k in range(1, len(path) + 1)]
        expected = [(path**k).sum() for k in range(1, len(path) + 1)]
        lu.certify_equal("thm-normal-targets", np.real(expected), powers, tolerance=1e-6)
        assert np.abs(np.imag(expected)).max() < 1e-8
        np.testing.assert_allclose(product @ product.T, product.T @ product, atol=1e-7)
    layers = np.array(network.split(points))
    np.testing.assert_allclose(layers, np.broadcast_to(layers[0], layers.shape), atol=1e-7)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("eigenvalues", TARGETS)
def test_a_normal_target_is_reached_if_no_eigenvalue_is_negative(depth, eigenvalues):
    """Check the limit and the rate of thm-normal-targets."""
    network = lu.Residual(depth, normal(eigenvalues))
    beta = np.array(eigenvalues, dtype=complex)
    missed = (beta.imag == 0) & (beta.real < 0) & (depth > 1)
    path = lu.eigenvalue_path([1e9], eigenvalues, depth)[0]
    lu.certify_equal(
        "thm-normal-targets", np.abs(path - np.where(missed, 0, beta)), 0, tolerance=1e-4
    )
    times = np.linspace(0, 12, 25)
    values = network.value(flow_from(network, np.zeros(network.dim), times))
    limit = (beta.real[missed] ** 2).sum()
    assert values[-1] == pytest.approx(
        limit, abs=0.01 if missed.any() or 0 in eigenvalues else 1e-8
    )
    line = 1 + np.linspace(0, 1, 2001)[:, None] * (beta - 1)
    nearest = 0.0 if missed.any() else np.abs(line).min()
    rate = 4 * depth * nearest ** (2 - 2 / depth)
    bound = values[0] * np.exp(-rate * times)
    lu.certify("thm-normal-targets", values, bound + 1e-12, tolerance=1e-5)


def test_a_target_that_is_not_normal_is_reached_though_its_eigenvalues_are_negative():
    """Check that thm-normal-targets needs a normal target."""
    network = lu.Residual(2, [[-1.0, 0.5], [0.0, -1.0]])
    ends = network.value(flow_from(network, np.zeros(network.dim), [0, 50.0]))
    assert ends[-1] < 1e-8
    straight = lu.Residual(2, -np.eye(2))
    assert straight.value(flow_from(straight, np.zeros(8), [0, 50.0]))[-1] == pytest.approx(2)


TIMES = np.array([0.0, 1e-3, 0.1, 1.0, 3.0])


@pytest.mark.parametrize("beta", [1e-9, 0.3, 1.0, 5.0, 1e6])
@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_positive_eigenvalues_move_like_modes(beta, depth):
    """Check thm-normal-targets against the closed forms of the aligned network."""
    expected = lu.mode_strength(TIMES, start=1.0, target=beta, depth=depth)
    path = lu.eigenvalue_path(TIMES, [beta], depth)[:, 0]
    np.testing.assert_allclose(path, expected, rtol=1e-8)


@pytest.mark.parametrize("beta", [-1e-9, -0.3, -1.0, -5.0, 0.0])
def test_negative_eigenvalues_stop_at_zero(beta):
    """Check thm-normal-targets: for two layers ẇ = −4w(w − β), a Bernoulli equation."""
    path = lu.eigenvalue_path(TIMES, [beta], 2)[:, 0]
    if beta == 0:
        expected = 1 / (1 + 4 * TIMES)
    else:
        expected = np.exp(4 * beta * TIMES) / (1 - np.expm1(4 * beta * TIMES) / -beta)
    np.testing.assert_allclose(path, expected, rtol=1e-8)


@pytest.mark.parametrize("depth", [2, 3, 6])
@pytest.mark.parametrize("beta", [0.3 + 1j, -1 + 1e-2j, -1 + 1e-6j, -2 - 1e-4j, 1e3 + 1e4j])
def test_an_eigenvalue_passes_zero_when_the_integral_says(depth, beta):
    """Check the equation of thm-normal-targets: the time to 3/4 of the way is an integral."""
    way = abs(beta - 1)
    turned = (beta - 1).conjugate() / way
    near, start = abs(turned.imag), turned.real  # the distance of 0, and where 1 is on the line
    with mpmath.workdps(15):
        low, high = (mpmath.asinh((start + share * way) / near) for share in (0, 0.75))
        time = mpmath.quad(
            lambda s: (
                (near * mpmath.cosh(s)) ** (mpmath.mpf(2) / depth - 1)
                / (start + way - near * mpmath.sinh(s))
            ),
            mpmath.linspace(low, high, 10),
        )
    path = lu.eigenvalue_path(float(time) / (2 * depth), [beta], depth)
    np.testing.assert_allclose(path, [1 + 0.75 * (beta - 1)], rtol=1e-6)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
@pytest.mark.parametrize("depth", [1, 3])
def test_paths_have_the_shape_of_the_times_in_any_order(shape, depth):
    times = np.random.default_rng(1).uniform(0, 2, shape)
    paths = lu.eigenvalue_path(times, [2.0, -1.0, 0.5j], depth)
    assert paths.shape == (*shape, 3)
    for time, path in zip(times.ravel(), paths.reshape(-1, 3), strict=True):
        alone = lu.eigenvalue_path(time, [2.0, -1.0, 0.5j], depth)
        np.testing.assert_allclose(path, alone, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(lu.eigenvalue_path(0 * times, [2.0, -1.0], depth), 1)


@given(SIZES, DEPTHS, SEEDS)
def test_no_factors_beat_the_lower_bound(size, depth, seed):
    """Check prop-small-norm-lower-bound on factors of three kinds."""
    rng, target = np.random.default_rng(seed), positive_determinant(size, seed)
    bound = lu.near_identity_lower_bound(depth, target)
    found = np.eye(size) + lu.near_identity_factors(depth, target)
    turns = np.eye(size) + 0.1 / depth * rng.normal(size=(depth + 1, size, size))
    turns[0] = turns[-1] = np.eye(size)
    moved = turns[1:] @ found @ np.linalg.inv(turns[:-1])
    products = np.eye(size) + rng.normal(size=(depth, size, size)) * rng.uniform(0, 1 / depth)
    product = np.eye(size)
    for factor in products[:-1]:
        product = factor @ product
    products[-1] = target @ np.linalg.inv(product)
    for factors in (found, moved, products):
        lu.certify(
            "prop-small-norm-lower-bound",
            bound,
            np.linalg.norm(factors - np.eye(size), 2, axis=(1, 2)).max(),
        )
    if (values := np.linalg.eigvals(target))[values.imag == 0].real.min(initial=1) > 1e-3:
        root = fractional_matrix_power(target, 1 / depth)
        assert bound <= np.linalg.norm(root - np.eye(size), 2) * (1 + 1e-6)


@given(SIZES, DEPTHS, SEEDS)
def test_each_part_of_the_lower_bound_is_in_it(size, depth, seed):
    """Check the formula of prop-small-norm-lower-bound on random vectors and singular values."""
    rng, target = np.random.default_rng(seed), positive_determinant(size, seed)
    vectors = np.concatenate([np.eye(size), rng.normal(size=(300, size))])
    moved = vectors @ target.T
    cosines = (vectors * moved).sum(1) / np.linalg.norm(vectors, axis=1)
    angles = np.arccos((cosines / np.linalg.norm(moved, axis=1)).clip(-1, 1))
    sigma = np.linalg.svd(target, compute_uv=False)
    parts = [sigma[0] ** (1 / depth) - 1, 1 - sigma[-1] ** (1 / depth)]
    bound = lu.near_identity_lower_bound(depth, target)
    assert bound >= max(parts) * (1 - 1e-9) - 1e-12
    assert bound >= 0.999 * np.sin(angles.max() / depth) - 1e-7


@pytest.mark.parametrize("depth", [2, 5, 40])
@pytest.mark.parametrize("values", [[2.0, 0.1, 1.0], [0.5, 0.9], [3.0, 1.0, 1.0, 7.0]])
def test_roots_of_symmetric_positive_targets_cannot_be_beaten(depth, values):
    """Check the equality of prop-small-norm-lower-bound."""
    target = normal(values, depth)
    root = fractional_matrix_power(target, 1 / depth)
    size = np.linalg.norm(root - np.eye(len(values)), 2)
    sigma = np.array([max(values), min(values)])
    stretched = np.abs(sigma ** (1 / depth) - 1).max()
    assert size == pytest.approx(stretched, rel=1e-9)
    lu.certify_equal(
        "prop-small-norm-lower-bound", lu.near_identity_lower_bound(depth, target), size
    )


@pytest.mark.parametrize("depth", [2, 3, 10, 1000])
@pytest.mark.parametrize("angles", [[1e-3], [1.0], [2.5, 0.1], [3.0, 3.0], [np.pi]])
def test_rotations_need_the_sine_of_their_share_of_the_angle(depth, angles):
    """Check prop-small-norm-lower-bound and thm-small-norm: sin(κ/L) ≤ found ≤ 2 sin(κ/2L)."""
    target, angle = normal(np.exp(1j * np.array(angles))), max(angles)
    if angles == [np.pi]:
        target = -np.eye(2)
    lower = lu.near_identity_lower_bound(depth, target)
    found = np.linalg.norm(lu.near_identity_factors(depth, target), 2, axis=(1, 2)).max()
    upper = 2 * np.sin(angle / (2 * depth))
    lu.certify_equal("prop-small-norm-lower-bound", lower, np.sin(angle / depth))
    lu.certify_equal("thm-small-norm", [found, lu.near_identity_bound(depth, target)], upper)
    assert lower <= found
    step = expm(angle / depth * np.array([[0, -1], [1, 0]])) - np.eye(2)
    assert np.linalg.norm(step, 2) == pytest.approx(upper)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("power", [-300, -200, -100, 100, 200, 299])
@pytest.mark.parametrize("depth", [2, 7, 1000])
def test_bounds_are_right_when_the_determinant_leaves_the_range(size, power, depth):
    """Check both bounds at targets whose determinants, or their squares, are no floats."""
    target = 10.0**power * np.eye(size)
    if size > 1:
        target[:2, :2] = 10.0**power * rotation(2.0)
    gamma, angle = abs(power) * np.log(10), 2.0 if size > 1 else 0.0
    stretched = np.expm1(power * np.log(10) / depth)
    lower = max(abs(stretched), np.sin(angle / depth))
    assert lu.near_identity_lower_bound(depth, target) == pytest.approx(lower, rel=1e-9)
    upper = np.expm1(gamma / depth) + 2 * np.sin(angle / (2 * depth))
    assert lu.near_identity_bound(depth, target) == pytest.approx(upper, rel=1e-9)


def test_the_flow_to_a_half_turn_does_not_converge():
    """Check that thm-residual-convergence needs its hypothesis: here a solution is missed."""
    network = lu.Residual(3, -np.eye(2))
    times, points = flow_from_the_identity(network, 300.0)
    assert network.value(points[-1]) > 1
    solution = network.join(list(lu.near_identity_factors(3, -np.eye(2))))
    assert network.value(solution) == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.Residual(0, np.eye(2)), "depth must be an integer >= 1, got 0"),
        (lambda: lu.Residual(2, np.ones((2, 3))), r"square matrix, got shape \(2, 3\)"),
        (lambda: lu.Residual(2, np.eye(2), -np.eye(2)), "positive semidefinite"),
        (lambda: lu.Residual(2, np.eye(2)).polyak_constant(1.0), r"radius must be in \[0, 1\)"),
        (lambda: lu.Residual(2, np.eye(2)).value(np.zeros(5)), r"shape \(..., 8\), got \(5,\)"),
        (lambda: lu.near_identity_factors(9, np.diag([1.0, -2.0])), "positive determinant.*-2"),
        (lambda: lu.near_identity_factors(9, np.zeros((2, 2))), "positive determinant.*0"),
        (
            lambda: lu.near_identity_factors(
                9, [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]
            ),
            "positive det",
        ),
        (
            lambda: lu.near_identity_factors(9, np.diag([1.0, 1e-17])),
            "rounding errors it is singular",
        ),
        (lambda: lu.Residual(10**12, [[1.0]]), "depth must be so small that"),
        (lambda: lu.near_identity_bound(0, np.eye(2)), "depth must be an integer >= 1, got 0"),
        (lambda: lu.near_identity_lower_bound(1, np.eye(2)), "depth must be an integer >= 2"),
        (lambda: lu.near_identity_lower_bound(9, np.diag([1.0, -2.0])), "positive determinant.*-2"),
        (lambda: lu.near_identity_lower_bound(9, [[1e308]]), r"at most 1e300, got one of 1e\+308"),
        (
            lambda: lu.Residual(2, [[1.0]]).descent_promise(1.5),
            r"reach must be in \(0, 1\], got 1.5",
        ),
        (lambda: lu.Residual(2, [[1.0]]).descent_promise(0.0), "reach must be a number > 0, got 0"),
        (
            lambda: lu.Residual(2, np.eye(2), np.zeros((2, 2))).descent_promise(),
            "covariance must not be zero",
        ),
        (
            lambda: lu.Residual(2, [[1.0]], [[1e-320]]).descent_promise(),
            "covariance must be so large.*1e-320",
        ),
        (lambda: lu.eigenvalue_path([0.0, -1.0], [1.0], 2), "t must be >= 0"),
        (lambda: lu.eigenvalue_path(1.0, 1j, 2), "eigenvalues must have 1 axes"),
        (lambda: lu.eigenvalue_path(1.0, [], 2), "eigenvalues must have at least 1 entries"),
        (lambda: lu.eigenvalue_path(1.0, [[1j], [1j, 2]], 2), "eigenvalues must be a vector of"),
        (lambda: lu.eigenvalue_path(1.0, [1j, np.nan], 2), "eigenvalues must be finite"),
        (lambda: lu.eigenvalue_path(1e99, [2.0], 2), "t, eigenvalues and depth.*up to 1e\\+99"),
        (lambda: lu.eigenvalue_path(1.0, [2.0], 0), "depth must be an integer >= 1, got 0"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
