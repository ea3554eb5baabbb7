"""Residual networks: the shift, its Polyak constant, and factors near the identity."""

import pickle

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import lin_utils as lu

SIZES = st.integers(1, 5)
DEPTHS = st.integers(2, 40)
SEEDS = st.integers(0, 2**32 - 1)


def positive_determinant(size, seed):
    matrix = np.random.default_rng(seed).normal(size=(size, size))
    matrix[0] *= np.sign(np.linalg.det(matrix))
    return matrix


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
    largest = np.linalg.norm(factors, 2, axis=(1, 2)).max()
    gamma = np.abs(np.log(np.linalg.svd(target, compute_uv=False))).max()
    first = np.arange(1, depth)
    splits = np.maximum(np.expm1(gamma / first), 2 * np.sin(np.pi / (2 * (depth - first))))
    assert lu.near_identity_bound(depth, target) == pytest.approx(splits.min())
    lu.certify("thm-small-norm", largest, splits.min())


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
def test_the_bound_on_the_factors_falls_like_its_asymptote(gamma):
    """Check the limit of thm-small-norm."""
    bound = lu.near_identity_bound(10**5, np.diag([np.exp(gamma), 1.0]))
    lu.certify_equal("thm-small-norm", bound * 10**5, np.pi + gamma, tolerance=1e-3)


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
@pytest.mark.parametrize("covariance", [np.diag([2.0, 0.3]), np.diag([0.5, 0.0])])
def test_the_flow_from_the_identity_converges(depth, covariance):
    """Check thm-residual-convergence, with a shrinking target and with a singular covariance."""
    smallest = covariance[covariance > 0].min()
    change = np.where(covariance == smallest, 0.8, 0.0)
    change += 0.6 * change[::-1] / 0.8  # a column of length 1
    target = np.eye(2) - change / (3 * np.e)
    network = lu.Residual(depth, target, covariance)
    constant = 4 * depth * (1 - 1 / (3 * depth)) ** (2 * depth - 2) * smallest
    times, points = flow_from_the_identity(network, 5 / constant)
    values = network.value(points)
    lu.certify("thm-residual-convergence", depth * network.radius(points), 1 / 3)
    lu.certify(
        "thm-residual-convergence", values, values[0] * np.exp(-constant * times), tolerance=1e-5
    )
    assert depth * network.radius(points[-1]) > 0.05
    assert constant >= 4 * depth * np.exp(-2 / 3) * smallest


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
        (lambda: lu.near_identity_bound(1, np.eye(2)), "depth must be an integer >= 2, got 1"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
