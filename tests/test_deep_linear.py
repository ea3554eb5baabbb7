"""Deep linear networks against automatic differentiation and brute force."""

import copy
import functools
import pickle
from itertools import combinations, pairwise, product

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import least_squares
from scipy.stats import binomtest

import lin_utils as lu

CHAINS = [(1, 1, 1), (3, 2), (3, 4, 2), (2, 1, 3, 2), (2, 2, 2, 2, 2), (5, 6, 4), (5, 5, 5)]


def problem(widths, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(widths[0], widths[0]))
    network = lu.DeepLinear(widths, rng.normal(size=(widths[-1], widths[0])), root @ root.T)
    return network, rng


def loss(network):
    def f(theta):
        product, end = anp.eye(network.widths[0]), 0
        for rows, columns in network.shapes:
            layer = anp.reshape(theta[end : end + rows * columns], (rows, columns))
            product, end = anp.dot(layer, product), end + rows * columns
        error = product - network.target
        return anp.trace(anp.dot(anp.dot(error, network.covariance), error.T))

    return f


@pytest.mark.parametrize("widths", CHAINS)
def test_derivatives_agree_with_automatic_differentiation(widths):
    """Check prop-derivatives for the squared loss."""
    network, rng = problem(widths)
    theta, vector = rng.normal(size=(2, network.dim))
    f = loss(network)
    np.testing.assert_allclose(network.value(theta), f(theta), rtol=1e-12)
    np.testing.assert_allclose(network.gradient(theta), autograd.grad(f)(theta), rtol=1e-9)
    expected = autograd.hessian(f)(theta)
    np.testing.assert_allclose(network.hessian(theta), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        network.hessian_vector_product(theta, vector), expected @ vector, rtol=1e-8, atol=1e-9
    )


@pytest.mark.parametrize("widths", [(3, 2), (2, 3, 2), (3, 1, 2, 3)])
def test_the_derivatives_of_any_function_of_the_product(widths):
    """Check the general part of prop-derivatives, for a function that is not quadratic."""
    rng = np.random.default_rng(2)
    network = lu.DeepLinear(widths, np.zeros((widths[-1], widths[0])))
    layers = network.split(rng.normal(size=network.dim))
    weights = rng.normal(size=network.target.shape)

    def outer(W):
        return anp.sum(weights * anp.sin(W)) + anp.log(anp.sum(anp.exp(W)))

    before, after = [np.eye(widths[0])], [np.eye(widths[-1])]
    for layer, last in zip(layers, reversed(layers), strict=True):
        before, after = [*before, layer @ before[-1]], [after[0] @ last, *after]
    slope = autograd.grad(outer)(before[-1])
    for k, layer in enumerate(layers):
        left, right = after[k + 1], before[k]
        expected = autograd.grad(lambda A, L=left, R=right: outer(anp.dot(L, anp.dot(A, R))))(layer)
        np.testing.assert_allclose(left.T @ slope @ right.T, expected, atol=1e-12)
    np.testing.assert_allclose(before[-1], network.end_to_end(network.join(layers)))


@pytest.mark.parametrize("widths", CHAINS)
def test_split_and_join_are_inverse_and_batched(widths):
    network, rng = problem(widths)
    theta = rng.normal(size=(3, 4, network.dim))
    np.testing.assert_array_equal(network.join(network.split(theta)), theta)
    values, gradients = network.value_and_gradient(theta)
    np.testing.assert_allclose(values[1, 2], network.value(theta[1, 2]), rtol=1e-12)
    np.testing.assert_allclose(gradients[1, 2], network.gradient(theta[1, 2]), rtol=1e-9)
    np.testing.assert_allclose(
        network.hessian(theta)[2, 1], network.hessian(theta[2, 1]), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("widths", [(2, 2, 2), (1, 3, 2, 4), (4, 4), (3, 3, 3, 3, 3)])
@pytest.mark.parametrize("count", [1, 30, 700])
def test_many_points_in_one_call_are_as_one_by_one(widths, count):
    network, rng = problem(widths)
    theta, vector = rng.normal(size=(2, count, network.dim))
    values, gradients = network.value_and_gradient(theta)
    np.testing.assert_allclose(values, network.value(theta), rtol=1e-12)
    alone = [network.value_and_gradient(point) for point in theta]
    np.testing.assert_allclose(values, [value for value, _ in alone], rtol=1e-12)
    np.testing.assert_allclose(gradients, [slope for _, slope in alone], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        network.hessian_vector_product(theta, vector),
        [network.hessian_vector_product(*pair) for pair in zip(theta, vector, strict=True)],
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("exponents", [(600, -900, 300), (-700, -300, 1000), (0, 1000, -1000)])
def test_layers_of_extreme_sizes_have_the_derivatives_of_their_equals(exponents):
    """Powers of two that move from layer to layer change nothing but the units."""
    network, rng = problem((2, 3, 2, 2))
    theta, vector = rng.normal(size=(2, 3, network.dim))
    units = 2.0 ** np.repeat(exponents, [6, 6, 4])
    moved = theta * units
    np.testing.assert_array_equal(network.end_to_end(moved), network.end_to_end(theta))
    np.testing.assert_array_equal(network.value(moved), network.value(theta))
    np.testing.assert_array_equal(network.gradient(moved) * units, network.gradient(theta))
    np.testing.assert_array_equal(
        network.hessian_vector_product(moved[0], vector[0] * units) * units,
        network.hessian_vector_product(theta[0], vector[0]),
    )
    with np.errstate(over="ignore"):
        expected = network.hessian(theta) / units / units[:, None]
    assert not np.isnan(network.hessian(moved)).any()
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(network.hessian(moved)[finite], expected[finite])


@pytest.mark.parametrize("size", [1e60, 1e200, 1.7e308])
def test_what_overflows_is_infinite_and_never_nan(size):
    network, rng = problem((2, 2, 2, 2, 2))
    theta = size * rng.choice([-1.0, 1.0], size=(3, network.dim))
    values, gradients = network.value_and_gradient(theta)
    assert (values == np.inf).all() and (gradients == np.inf).all()
    assert network.value(theta[0]) == np.inf and (network.gradient(theta[0]) == np.inf).all()
    for array in (
        network.hessian(theta),
        network.hessian_vector_product(theta, theta),
        network.end_to_end(theta),
    ):
        assert not np.isnan(array).any()


@pytest.mark.parametrize("start, end", [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5)])
def test_two_thousand_layers(start, end):
    """Also where the product underflows or overflows on the way."""
    rng = np.random.default_rng(8)
    network = lu.DeepLinear((1,) * 2001, [[2.0]], [[0.5]])
    theta = np.repeat([start, end], 1000) * np.exp(rng.normal(size=2000) / 1000)
    product = np.exp(np.log(theta.astype(np.longdouble)).sum())
    np.testing.assert_allclose(network.value(theta), (product - 2) ** 2 / 2, rtol=1e-11)
    np.testing.assert_allclose(network.gradient(theta), (product - 2) * product / theta, rtol=1e-11)


def test_a_thousand_starts_at_depth_one_thousand():
    network = lu.DeepLinear((1,) * 1001, [[2.0]])
    theta = 1 + np.random.default_rng(9).normal(size=(1000, 1000)) / 1000
    values, gradients = network.value_and_gradient(theta)
    error = np.prod(theta, axis=-1) - 2
    np.testing.assert_allclose(values, error**2, rtol=1e-10)
    np.testing.assert_allclose(
        gradients[::100], (2 * error * (error + 2))[::100, None] / theta[::100]
    )


SCALES = [1e-8, 1e-3, 1.0, 1e8]


@pytest.mark.parametrize("size", SCALES)
@pytest.mark.parametrize("spread", SCALES)
@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 2, 4, 3)])
def test_units_of_target_and_data_do_not_matter(size, spread, widths):
    target, covariance = np.diag([3.0, 2.0, 1.0]), np.diag([1.0, 2.0, 3.0])
    network = lu.DeepLinear(widths, target, covariance)
    scaled = lu.DeepLinear(widths, size * target, spread * covariance)
    unit = size**2 * spread
    assert scaled.scale == pytest.approx(network.scale * size ** (1 / network.depth))
    np.testing.assert_allclose(scaled.critical_values() / unit, network.critical_values())
    for keep in ([], [0], [0, 2]):
        theta = scaled.critical_point(keep)
        np.testing.assert_allclose(scaled.gradient(theta) * scaled.scale / unit, 0, atol=1e-12)
        expected = network.value(network.critical_point(keep))
        assert scaled.value(theta) / unit == pytest.approx(expected)
        if len(keep) < 2:
            moved = scaled.escape_perturbation(theta, 0.3 * scaled.scale)
            change = scaled.end_to_end(moved) - scaled.end_to_end(theta)
            np.testing.assert_allclose(change / size, 0, atol=1e-12)
            assert np.linalg.norm(scaled.gradient(moved)) * scaled.scale > 1e-3 * unit


def test_variables_of_very_different_units_all_count():
    network = lu.DeepLinear((2, 1, 2), np.diag([1.0, 1e8]), np.diag([1e8, 1e-8]))
    np.testing.assert_allclose(network.singular_values, [1e4, 1e4])
    x = np.random.default_rng(2).normal(size=(50, 3)) * [1e-10, 1.0, 1e10]
    expected = np.array([[2e10, -1.0, 3e-10]])
    fitted = lu.DeepLinear.from_data((3, 1), x, x @ expected.T).target
    np.testing.assert_allclose(fitted, expected, rtol=1e-9)


def test_a_network_is_a_value():
    target = np.eye(2)
    network = lu.DeepLinear((2, 3, 2), target, constant=1)
    target[0, 0] = 5
    np.testing.assert_array_equal(network.target, np.eye(2))
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert other == network and hash(other) == hash(network) and other.constant == 1.0
        np.testing.assert_array_equal(other.hessian(np.ones(12)), network.hessian(np.ones(12)))
    assert network != lu.DeepLinear((2, 3, 2), np.eye(2))
    assert repr(network) == "DeepLinear(widths=(2, 3, 2))"
    with pytest.raises(AttributeError, match="target is read-only"):
        network.target = target
    with pytest.raises(ValueError, match="read-only"):
        network.covariance[0, 0] = 2
    theta = np.ones(12)
    network.split(theta)[0][...] = 0
    assert theta.all()


@pytest.mark.parametrize("widths", [(3, 3), (3, 1, 3), (3, 2, 4)])
def test_the_minimum_is_reached_by_reduced_rank_regression_and_never_beaten(widths):
    """Check the global minimum of thm-critical-values."""
    network, rng = problem(widths)
    root = np.linalg.cholesky(network.covariance)
    u, s, vt = np.linalg.svd(network.target @ root, full_matrices=False)
    rank = min(widths)
    best = (u[:, :rank] * s[:rank]) @ vt[:rank] @ np.linalg.inv(root)
    error = best - network.target
    assert np.trace(error @ network.covariance @ error.T) == pytest.approx(
        network.minimum, abs=1e-9
    )
    assert (network.value(rng.normal(size=(1000, network.dim))) >= network.minimum).all()


@pytest.mark.parametrize("rank", [3, 2])
def test_data_give_the_mean_loss_up_to_the_constant(rank):
    """Check lem-least-squares, with outputs that are not linear and a singular covariance."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, rank)) @ rng.normal(size=(rank, 3))
    y = rng.normal(size=(40, 2))
    network = lu.DeepLinear.from_data((3, 4, 2), x, y)
    theta = rng.normal(size=(5, network.dim))
    residuals = np.einsum("...ij,nj->...ni", network.end_to_end(theta), x) - y
    mean = (residuals**2).sum(-1).mean(-1)
    np.testing.assert_allclose(network.value(theta) + network.constant, mean, rtol=1e-9)


@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 2, 4), (4, 3, 2, 5), (2, 2, 2, 2, 2)])
@pytest.mark.parametrize("singular", [False, True])
def test_critical_points_are_critical_and_have_all_the_critical_values(widths, singular):
    """Check that every set S of thm-critical-values occurs."""
    network, rng = problem(widths)
    if singular:
        root = rng.normal(size=(widths[0], widths[0] - 1))
        network = lu.DeepLinear(widths, network.target, root @ root.T)
    rank = min(widths[0] - singular, widths[-1])
    sets = [s for k in range(min(rank, *widths) + 1) for s in combinations(range(rank), k)]
    points = np.array([network.critical_point(kept) for kept in sets])
    np.testing.assert_allclose(network.gradient(points), 0, atol=1e-10)
    expected = [
        sum(network.singular_values[i] ** 2 for i in range(rank) if i not in s) for s in sets
    ]
    np.testing.assert_allclose(network.value(points), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(network.critical_values(), np.sort(expected), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(network.critical_values(3), np.sort(expected)[:3], atol=1e-9)


def test_the_smallest_critical_values_of_a_wide_network_come_without_all_of_them():
    network = lu.DeepLinear((60, 60, 60), np.diag(np.arange(1.0, 61.0)))
    # The smallest sums of squares of distinct positive integers, with repetitions.
    assert network.critical_values(8).tolist() == [0, 1, 4, 5, 9, 10, 13, 14]
    with pytest.raises(ValueError, match=r"all 2\^60 critical values are too many"):
        network.critical_values()


def test_one_layer_has_only_the_minimum():
    """Check thm-critical-values for L = 1."""
    network, _ = problem((3, 2))
    assert network.critical_values().tolist() == [0.0]
    np.testing.assert_allclose(network.gradient(network.critical_point([0, 1])), 0, atol=1e-10)
    with pytest.raises(ValueError, match="for depth 1 keep must have all 2 indices"):
        network.critical_point([0])


@pytest.mark.parametrize(
    "widths, keep", [((3, 3, 3), []), ((4, 3, 2, 5), [0]), ((3, 4, 4, 3), [1]), ((2,) * 6, [])]
)
def test_the_escape_perturbation_keeps_the_product_and_finds_a_slope(widths, keep):
    """Check part (b) of the proof of thm-kawaguchi."""
    network, _ = problem(widths)
    theta = network.critical_point(keep)
    moved = network.escape_perturbation(theta, 0.1)
    np.testing.assert_allclose(network.end_to_end(moved), network.end_to_end(theta), atol=1e-9)
    assert np.linalg.norm(network.gradient(theta)) < 1e-9
    assert np.linalg.norm(network.gradient(moved)) > 1e-5
    layers = zip(network.split(moved), network.split(theta), strict=True)
    assert all(np.linalg.norm(new - old, 2) <= 0.1 + 1e-12 for new, old in layers)


@pytest.mark.parametrize(
    "widths, target, covariance",
    [
        ((2, 1, 2), [[2.0, 1.0], [0.0, 1.0]], [[1.0, 0.5], [0.5, 2.0]]),
        ((2, 2, 2), 1.5 * np.eye(2), np.eye(2)),  # a repeated singular value
        ((3, 2, 2), [[2.0, 0.0, 5.0], [1.0, 1.0, 0.0]], np.diag([1.0, 2.0, 0.0])),
    ],
)
def test_what_solves_for_a_zero_gradient_is_a_critical_point_of_the_list(
    widths, target, covariance
):
    """Check thm-critical-values: W keeps some singular directions of BΣ^{1/2}, and drops others."""
    network = lu.DeepLinear(widths, target, covariance)
    squares, axes = np.linalg.eigh(network.covariance)
    root = axes * np.sqrt(squares)  # any root of Σ will do
    M, values = network.target @ root, []
    for start in np.random.default_rng(4).normal(size=(30, network.dim)):
        found = least_squares(
            network.gradient, start, network.hessian, xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        if np.linalg.norm(found.fun) < 1e-9:
            compressed = network.end_to_end(found.x) @ root
            # With the projection Π on its range it is ΠM, and ΠMMᵀ is symmetric.
            np.testing.assert_allclose(compressed @ compressed.T, M @ compressed.T, atol=1e-6)
            values.append(network.value(found.x))
    distance = np.abs(np.array(values)[:, None] - network.critical_values()).min(axis=1)
    lu.certify("thm-critical-values", distance, 1e-6)
    assert len(values) >= 15 and np.ptp(values) > 0.5


@pytest.mark.parametrize(
    "widths, target, covariance",
    [
        ((3, 1, 3), np.diag([2.0, 1.0, 0.0]), None),
        ((3, 2, 4), np.eye(4, 3) * [1.5, 1.5, 1.0], np.diag([1.0, 1.0, 0.0])),
        ((2, 3, 1, 2), np.diag([2.0, 1.0]), [[1.0, 0.3], [0.3, 0.8]]),
        ((2, 2, 2, 2), [[2.0, 0.5], [0.0, 1.0]], [[1.0, 0.3], [0.3, 0.8]]),
    ],
)
def test_descent_from_anywhere_finds_the_global_minimum(widths, target, covariance):
    """Check part 2 of thm-kawaguchi: at any other local minimum some of the runs would end."""
    network = lu.DeepLinear(widths, target, covariance)
    starts = np.random.default_rng(1).normal(size=(40, network.dim))
    path = lu.gradient_descent(network, 0.7 * starts, 0.01, 4000)
    lu.certify("thm-kawaguchi", path.values[-1] - network.minimum, 1e-9)


def weighted(target, weights, shapes):
    """Return Σ w_ij log cosh(W_ij − B_ij), convex in the product W of two layers."""
    (rows, inner), (_, columns) = shapes

    def value(theta):
        left = anp.reshape(theta[..., : rows * inner], (-1, rows, inner))
        right = anp.reshape(theta[..., rows * inner :], (-1, inner, columns))
        error = anp.matmul(left, right) - target
        return anp.reshape((weights * anp.log(anp.cosh(error))).sum((-1, -2)), theta.shape[:-1])

    size = (rows + columns) * inner
    return lu.Smooth(value, autograd.elementwise_grad(value), dim=size, minimum=0.0)


@pytest.mark.parametrize("inner, stuck", [(2, False), (1, True)])
def test_another_convex_loss_has_other_minima_at_a_bottleneck_only(inner, stuck):
    """Check part 1 of thm-kawaguchi, and that it needs p = min(d_0, d_L)."""
    weights = np.array([[1.0, 4.0], [4.0, 1.0]])
    f = weighted(np.diag([1.2, 1.0]), weights, [(2, inner), (inner, 2)])
    starts = 0.5 * np.random.default_rng(1).normal(size=(60, f.dim))
    ends = lu.gradient_descent(f, starts, 0.1, 2000).values[-1]
    other = ends > ends.min() + 0.05
    assert other.any() == stuck
    if not stuck:
        lu.certify("thm-kawaguchi", ends, 1e-9)


@pytest.mark.parametrize(
    "widths, sets",
    [
        ((3, 3, 3), [(), (0,), (1,), (2,), (0, 2), (1, 2)]),
        ((4, 2, 3), [(), (0,), (2,), (0, 2), (1, 2)]),
        ((2, 5, 3), [(), (0,), (1,)]),
        ((3, 3, 1, 3), [(1,), (2,)]),  # part (c), for three layers
    ],
)
def test_saddles_of_two_layers_and_at_bottlenecks_are_strict(widths, sets):
    """Check cor-two-layers by autograd's Hessian, all along an orbit of equal products."""
    target = np.eye(widths[-1], widths[0]) * np.array([3.0, 2.0, 1.0, 0.5])[: widths[0]]
    network = lu.DeepLinear(widths, target)
    hessian = autograd.hessian(loss(network))
    stretch = np.diag(np.linspace(0.5, 2.0, widths[1]))
    for kept in sets:
        first, second, *rest = network.split(network.critical_point(kept))
        theta = network.join([stretch @ first, second @ np.linalg.inv(stretch), *rest])
        assert np.linalg.norm(network.gradient(theta)) < 1e-12
        lu.certify("cor-two-layers", np.linalg.eigvalsh(hessian(theta))[0], -0.1)


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 1, 3), (2, 2, 2, 2), (3, 1, 2, 2)])
def test_the_saddle_at_zero(widths):
    """Check prop-zero-saddle by autograd's Hessian."""
    network, _ = problem(widths)
    zero = np.zeros(network.dim)
    expected = zero
    left, sigma, right = np.linalg.svd(network.target @ network.covariance)
    if network.depth == 2:
        pairs = np.repeat([-2 * sigma, 2 * sigma], widths[1])
        expected = np.sort(np.append(pairs, np.zeros(network.dim - pairs.size)))
    eigenvalues = np.linalg.eigvalsh(autograd.hessian(loss(network))(zero))
    lu.certify_equal("prop-zero-saddle", eigenvalues, expected)
    assert not network.gradient(zero).any()
    layers = [np.zeros(shape) for shape in network.shapes]
    for layer in layers:
        layer[0, 0] = 0.1
    layers[0][0], layers[-1][:, 0] = 0.1 * right[0], 0.1 * left[:, 0]
    assert network.value(network.join(layers)) < network.value(zero) - 1e-4


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("end", [0.3, 0.8])
def test_the_escape_takes_as_long_as_the_law_says(depth, end):
    """Check prop-escape-time: at the end 0.3 both bounds are within 10 % of each other."""
    network, start = lu.DeepLinear((1,) * (depth + 1), [[1.0]]), 0.1

    def reached(t, w):
        return w[0] - end

    reached.terminal = True
    flow = solve_ivp(
        lambda t, w: -network.gradient(w),
        (0, 1e5),
        np.full(depth, start),
        rtol=1e-9,
        atol=1e-12,
        method="LSODA",
        events=reached,
    )
    time = flow.t_events[0][0]
    law = quad(lambda w: 1 / (2 * w ** (depth - 1)), start, end)[0]
    closed = np.log(end / start) if depth == 2 else start ** (2 - depth) - end ** (2 - depth)
    assert law == pytest.approx(closed / (2 * max(depth - 2, 1)))
    lu.certify("prop-escape-time", law, time)
    lu.certify("prop-escape-time", time, law / (1 - end**depth))
    assert np.ptp(flow.y, axis=0).max() < 1e-9 and (np.diff(flow.y[0]) > 0).all()


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda f: f.critical_point([0, 0]), "distinct"),
        (lambda f: f.critical_point([5]), "indices below 2"),
        (lambda f: f.escape_perturbation(f.critical_point([0, 1]), 0.1), "rank W < 2"),
        (lambda f: f.escape_perturbation(np.zeros((2, f.dim)), 0.1), "one point"),
        (lambda f: f.value(np.zeros(f.dim + 1)), r"theta must have shape \(..., 20\), got \(21,\)"),
        (lambda f: f.from_data((2, 1), [[1.0, 2.0]], [[1.0], [2.0]]), "same number >= 1 of rows"),
        (lambda f: f.from_data((2, 1), [[1.0]], [[1.0]]), r"x and y must have .* \(2, 1\) columns"),
        (lambda f: f.from_data((1, 1), [[1e200]], [[1.0]]), "x and y must be so small"),
        (lambda f: f.from_data((1, 1), [[1e-200]], [[1.0]]), "x must have columns that are 0 or"),
        (lambda f: f.escape_perturbation(np.full(20, 1e200), 1.0), "theta and size must be so"),
        (lambda f: f.critical_point(0), "keep must be a sequence"),
        (lambda f: f.critical_values(0), "most must be an integer >= 1"),
        (lambda f: f.join([np.zeros((2, 4, 3)), np.zeros((3, 2, 4))]), "layers must have leading"),
        (
            lambda f: lu.DeepLinear((2, 2, 2), np.diag([1.0, 0.0])).escape_perturbation(
                [1.0, 0, 0, 0, 1, 0, 0, 0], 1.0
            ),
            "theta must have .* ≠ 0, got a global minimum",
        ),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(lu.DeepLinear((3, 4, 2), [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]))


@pytest.mark.parametrize(
    "arguments, said",
    [
        (((2,), [[1.0]]), "widths"),
        (((2, 0, 1), [[1.0, 1.0]]), "every one of widths must be an integer >= 1, got 0"),
        (
            ((2, 1), [[1.0]]),
            r"target must have shape \(d_L, d_0\) = \(1, 2\) as in widths, got \(1, 1\)",
        ),
        (((2, 1), [[1.0, 1.0]], [[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (((2, 1), [[1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite.*-1"),
        (((2, 1), [[1.0, np.nan]]), "target must be finite"),
        (((1, 1), [[1.0]], [[-1e-11]]), "positive semidefinite.*-1e-11"),
        (((2, 1), [[1.0, 1.0]], [[1.0, 1e-6], [1e-6, 0.0]]), "positive semidefinite.*-1e-12"),
        (((2, 1), [[1.0, 1.0]], [[1e8, 1e-2], [0.0, 1e-8]]), "symmetric"),
        (((1, 1), [[1e200]]), "target and covariance must be so small"),
        ((3, [[1.0]]), "widths must be a sequence"),
    ],
)
def test_bad_networks_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        lu.DeepLinear(*arguments)


def test_layers_that_do_not_fit_are_refused():
    network, _ = problem((3, 4, 2))
    with pytest.raises(ValueError, match="layers must have shapes"):
        network.join([np.zeros((4, 3)), np.zeros((4, 2))])


#: Chains of depth 2 to 5, with bottlenecks and with widths 1.
DEEP = [(3, 3, 3), (3, 4, 2), (2, 1, 3), (3, 4, 3, 3), (4, 2, 3, 3), (1, 1, 1, 1), (2, 2, 1, 2)]
DEEP += [(3, 3, 3, 3, 3), (4, 3, 2, 4, 3), (3, 3, 2, 3, 3, 3)]
STRICT, FLAT, LOWEST = "strict saddle", "saddle without negative curvature", "global minimum"


def orthogonal(size, rng):
    return np.linalg.qr(rng.normal(size=(size, size)))[0]


def gentle(size, rng):
    """Return an invertible matrix of small condition."""
    return orthogonal(size, rng) * rng.uniform(0.7, 1.4, size)


def of_rank(rows, columns, rank, rng):
    return orthogonal(rows, rng)[:, :rank] @ orthogonal(columns, rng)[:rank]


def problems(widths, rng):
    """Yield networks of singular values that are far apart or equal, with Σ singular or not."""
    first, last = widths[0], widths[-1]
    size, axes = min(first, last), orthogonal(first, rng)
    for null in range(min(first, 3)):
        seen = np.arange(first) < first - null
        for rank in {max(size - 1, 1), size}:
            target = of_rank(last, last, last, rng)[:, :size] * ([2.0, 1.4, 0.9, 0.6][:size])
            target = target * (np.arange(size) < rank) @ orthogonal(first, rng)[:size]
            squares = np.array([1.0, 0.5, 2.0, 1.5])[:first] * seen
            yield lu.DeepLinear(widths, target, (axes * squares) @ axes.T)
        yield lu.DeepLinear(widths, 1.5 * np.eye(last, first), np.diag(1.0 * seen))


def rests(network, kept, rng):
    """Yield Z_1, …, Z_L that make a critical point: two are zero, or they avoid BΣ^{1/2}."""
    shapes = [(rows - kept, columns - kept) for rows, columns in network.shapes]

    def fill():
        return [of_rank(m, n, rng.integers(0, min(m, n) + 1), rng) for m, n in shapes]

    for _ in range(2):
        blocks = fill()
        for k in rng.choice(network.depth, 2, replace=False):
            blocks[k] = np.zeros(shapes[k])
        yield blocks
    active = np.linalg.matrix_rank(network.target @ network.covariance) - kept
    blocks = fill()
    blocks[0][:, :active] = blocks[-1][:active] = 0
    blocks[rng.integers(network.depth)] *= 0
    yield blocks


@functools.cache
def constructed(widths):
    """Return networks, critical points of all kinds in other bases, and their pivots."""
    rng, found = np.random.default_rng(5), []
    for network in problems(widths, rng):
        rank = np.linalg.matrix_rank(network.target @ network.covariance)
        for kept in range(min(rank, *widths) + 1):
            others = sorted(rng.choice(rank, kept, replace=False).tolist())
            for keep in (list(range(kept)), others)[: 1 + (0 < kept < rank)]:
                for rest in rests(network, kept, rng):
                    theta = network.critical_point(keep, rest)
                    bases = [gentle(size, rng) for size in widths[1:-1]]
                    theta = network.change_bases(theta, bases)
                    found.append((network, theta, network.pivots(theta)))
    return found


def products(network, theta):
    """Yield (j, k), M_kj, R_k and P_{j−1} for all j < k: by multiplying one by one."""
    layers = network.split(theta)

    def chain(start, end):
        result = np.eye(network.widths[start])
        for layer in layers[start:end]:
            result = layer @ result
        return result

    for j, k in combinations(range(network.depth), 2):
        yield (j, k), chain(j + 1, k), chain(k + 1, network.depth), chain(0, j)


@pytest.mark.parametrize("widths", DEEP)
def test_the_verdict_by_ranks_is_the_one_of_the_spectrum(widths):
    """Check thm-strict-saddles and thm-skipping-saddles on constructed points of every kind."""
    found = set()
    for network, theta, pivots in constructed(widths):
        eigenvalues = np.linalg.eigvalsh(network.hessian(theta))
        smallest = eigenvalues[0] / max(eigenvalues[-1], 1.0)
        assert np.linalg.norm(network.gradient(theta)) < 1e-11
        assert smallest < -1e-4 or smallest > -1e-12  # a gap
        lowest = network.value(theta) < network.minimum + 1e-9
        assert pivots.kind == (STRICT if smallest < -1e-4 else LOWEST if lowest else FLAT)
        assert pivots.kind == lu.classify(network, theta)
        squares = network.singular_values**2
        largest = network.value(theta) < squares[pivots.rank :].sum() + 1e-9
        assert pivots.skips == (not largest)
        assert pivots.kind == STRICT or not pivots.skips
        found.add(pivots.kind)
    assert found == ({STRICT, LOWEST} if len(widths) == 3 else {STRICT, LOWEST, FLAT})


@pytest.mark.parametrize("widths", DEEP)
def test_the_ranks_are_those_of_the_products(widths):
    """Check the criterion of Achour et al. beside that of thm-strict-saddles: they are one."""
    for network, theta, pivots in constructed(widths):
        sigma, error = network.covariance, network.end_to_end(theta) - network.target
        rank = np.linalg.matrix_rank(network.end_to_end(theta) @ sigma, 1e-8)
        assert pivots.rank == rank
        shape = (network.depth, network.depth)
        between, across, wanted = np.zeros((3, *shape), dtype=int)
        for pair, middle, after, before in products(network, theta):
            between[pair] = np.linalg.matrix_rank(middle, 1e-8)
            across[pair] = np.linalg.matrix_rank(after.T @ error @ sigma @ before.T, 1e-8)
            wanted[pair] = np.linalg.matrix_rank(after.T @ network.target @ sigma @ before.T, 1e-8)
        np.testing.assert_array_equal(pivots.between, between)
        np.testing.assert_array_equal(pivots.across, across)
        # RᵀBΣPᵀ has the rank of RᵀWΣPᵀ, which is s, and that of C_jk.
        np.testing.assert_array_equal(np.triu(wanted, 1), np.triu(across + rank, 1))
        if not pivots.skips:
            ours = ((between > rank) & (across > 0)).any()
            theirs = ((between > rank) & (wanted > rank)).any()
            assert ours == theirs == (pivots.kind == STRICT)


@pytest.mark.parametrize("widths", DEEP)
def test_pivots_do_not_depend_on_the_bases(widths):
    """Check that a point and the same layers in other bases have one verdict."""
    rng = np.random.default_rng(6)
    for network, theta, pivots in constructed(widths)[::3]:
        moved = network.change_bases(theta, [gentle(size, rng) for size in widths[1:-1]])
        assert network.pivots(moved) == pivots
        np.testing.assert_allclose(network.end_to_end(moved), network.end_to_end(theta), atol=1e-12)


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_pivots_do_not_depend_on_the_units(size):
    for network, theta, pivots in constructed((4, 3, 2, 4, 3))[::7]:
        scaled = lu.DeepLinear(network.widths, size * network.target, network.covariance / size)
        moved = size ** (1 / network.depth) * theta
        assert scaled.pivots(moved) == pivots


def test_what_is_not_critical_has_no_pivots():
    for network, theta, _ in constructed((3, 4, 3, 3))[::5]:
        away = theta + 1e-2 * np.random.default_rng(7).normal(size=network.dim)
        with pytest.raises(ValueError, match="theta must be a critical point to the tolerance"):
            network.pivots(away)
    with pytest.raises(ValueError, match="one point"):
        network.pivots(np.zeros((2, network.dim)))


@pytest.mark.parametrize("covariance", [np.eye(2), np.zeros((2, 2)), np.diag([1e30, 0.0])])
def test_a_target_of_zero_has_no_saddles(covariance):
    """Also where the product of the layers is zero but for rounding."""
    network, rng = lu.DeepLinear((2, 2, 2), np.zeros((2, 2)), covariance), np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 2))
    first, second = np.outer(a, b), np.outer(c, [a[1], -a[0]])
    for theta in (np.zeros(8), network.join([first, second])):
        pivots = network.pivots(theta)
        assert (pivots.kind, pivots.rank, pivots.skips) == (LOWEST, 0, False)


def test_one_layer_has_no_pairs():
    network, _ = problem((3, 2))
    pivots = network.pivots(network.critical_point([0, 1]))
    assert pivots.kind == LOWEST and not pivots.between.any() and not pivots.across.any()


@pytest.mark.parametrize("widths", [(3, 3, 3, 3), (3, 2, 4, 2, 3), (2, 1, 1, 2)])
def test_every_plateau_of_deep_networks_has_a_saddle_without_negative_curvature(widths):
    """Check the corollary of thm-strict-saddles: below p the points of `critical_point` are."""
    network, _ = problem(widths)
    for kept in range(min(widths)):
        theta = network.critical_point(range(kept))
        assert np.linalg.eigvalsh(network.hessian(theta))[0] > -1e-9
        assert network.pivots(theta).kind == FLAT
        np.testing.assert_allclose(
            network.value(theta), (network.singular_values[kept:] ** 2).sum(), rtol=1e-9
        )
        zeros = [np.zeros((m - kept, n - kept)) for m, n in network.shapes]
        np.testing.assert_array_equal(network.critical_point(range(kept), zeros), theta)


@pytest.mark.parametrize(
    "rest, said",
    [
        ([np.ones((2, 2))] * 3, "rest must make a critical point"),
        ([np.eye(2), np.zeros((2, 2)), np.eye(2)], "rest must make a critical point"),
        ([np.zeros((2, 2))] * 2, "rest must be a sequence of 3"),
        ([np.zeros((3, 3))] * 3, r"rest must have shapes \[\(2, 2\).*1 indices in keep"),
        ([np.full((2, 2), np.nan)] * 3, "every one of rest must be finite"),
        ([np.full((2, 2), 1.7e308), *np.zeros((2, 2, 2))], "rest must be so small"),
    ],
)
def test_a_rest_that_does_not_fit_is_refused(rest, said):
    network = lu.DeepLinear((3, 3, 3, 3), np.diag([3.0, 2.0, 1.0]), 2 * np.ones((3, 3)) + np.eye(3))
    with pytest.raises(ValueError, match=said):
        network.critical_point([0], rest)


def lowering(network, theta, u, other, t):
    """Return the point at t of the curve in the proof of thm-skipping-saddles: u turns to other."""
    turn = (np.cos(t) - 1) * (np.outer(u, u) + np.outer(other, other))
    turn = np.eye(len(u)) + turn + np.sin(t) * (np.outer(other, u) - np.outer(u, other))
    m = np.linalg.lstsq(network.end_to_end(theta), u, rcond=1e-9)[0]
    first, *middle, last = network.split(theta)
    np.testing.assert_allclose(network.end_to_end(theta) @ m, u, atol=1e-9)
    first = first + np.outer(first @ m, (turn @ u - u) @ network.target)
    return network.join([first, *middle, turn @ last])


@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 2, 4), (4, 3, 4, 3), (3, 3, 1, 3), (3,) * 6])
@pytest.mark.parametrize("null", [0, 1])
def test_a_skipped_singular_value_is_reached_by_turning(widths, null):
    """Check thm-skipping-saddles along the curve of its proof."""
    rng, times = np.random.default_rng(8), np.linspace(-1.0, 1.0, 9)
    root = rng.normal(size=(widths[0], widths[0] - null))
    target = rng.normal(size=(widths[-1], widths[0]))
    network = lu.DeepLinear(widths, target, root @ root.T)
    left = np.linalg.svd(target @ root)[0]
    rank = min(widths[0] - null, widths[-1])
    sets = [s for k in range(1, min(rank, *widths) + 1) for s in combinations(range(rank), k)]
    checked = 0
    for keep in sets:
        rest = next(rests(network, len(keep), rng))
        theta = network.critical_point(keep, rest)
        theta = network.change_bases(theta, [gentle(size, rng) for size in widths[1:-1]])
        for i, j in product(keep, set(range(rank)) - set(keep)):
            curve = [lowering(network, theta, left[:, i], left[:, j], t) for t in times]
            rise = network.singular_values[j] ** 2 - network.singular_values[i] ** 2
            expected = network.value(theta) - rise * np.sin(times) ** 2
            lu.certify_equal("thm-skipping-saddles", network.value(curve), expected)
            np.testing.assert_allclose(curve[4], theta, atol=1e-12)
            assert network.pivots(theta).skips or rise < 0 or i > j
            checked += rise > 0
    assert checked > 0


@pytest.mark.parametrize("widths", [(3, 3, 3), (4, 2, 3), (3, 3, 3, 3), (4, 3, 2, 3, 3)])
@pytest.mark.parametrize("keep", [[], [0], [1]])
def test_a_direction_that_w_has_and_the_target_has_not_is_turned_too(widths, keep):
    """Check thm-skipping-saddles for σ_i = 0: what Σ does not see, W sends out of range M."""
    rng, times = np.random.default_rng(9), np.linspace(-1.0, 1.0, 9)
    root = orthogonal(widths[0], rng)[:, :2] * [1.0, 1.5]
    target = rng.normal(size=(widths[-1], widths[0]))
    network = lu.DeepLinear(widths, target, root @ root.T)  # of rank 2
    left, kept = np.linalg.svd(target @ root)[0], len(keep)
    blocks = [np.zeros((m - kept, n - kept)) for m, n in network.shapes]
    for block in blocks:
        block[0, 0] = 1.0
    blocks[0][0, 0], blocks[0][0, -1] = 0.0, 1.0
    blocks[-1][0, 0], blocks[-1][-1, 0] = 0.0, 1.0
    theta = network.critical_point(keep, blocks)
    theta = network.change_bases(theta, [gentle(size, rng) for size in widths[1:-1]])
    assert np.linalg.matrix_rank(network.end_to_end(theta), 1e-8) == kept + 1
    assert network.pivots(theta).rank == kept and network.pivots(theta).kind == STRICT
    for j in {0, 1} - set(keep):
        curve = [lowering(network, theta, left[:, 2], left[:, j], t) for t in times]
        expected = network.value(theta) - network.singular_values[j] ** 2 * np.sin(times) ** 2
        lu.certify_equal("thm-skipping-saddles", network.value(curve), expected)


def flow(network, theta, end, slope=None, **options):
    """Return the times and points of the gradient flow of f, or of what has another slope in W."""

    def velocity(t, theta):
        if slope is None:
            return -network.gradient(theta)
        layers = network.split(theta)
        by_map, parts = slope(network.end_to_end(theta)), []
        for k in range(network.depth):
            after = functools.reduce(np.matmul, layers[:k:-1], np.eye(network.widths[-1]))
            before = functools.reduce(lambda x, a: a @ x, layers[:k], np.eye(network.widths[0]))
            parts.append(-after.T @ by_map @ before.T)
        return network.join(parts)

    options = {"rtol": 1e-10, "atol": 1e-12, "method": "DOP853"} | options
    solved = solve_ivp(velocity, (0.0, end), theta, **options)
    assert solved.success
    return solved.t, solved.y.T


def wave(W):
    """Return the gradient of Σ_ij (sin(2W_ij) + W_ij⁴/4)."""
    return 2 * np.cos(2 * W) + W**3


@pytest.mark.parametrize("widths", [(3, 3, 3), (2, 1, 3, 2), (3, 4, 2), (2, 3, 3, 2, 2)])
@pytest.mark.parametrize("slope", [None, wave], ids=["f", "another"])
def test_the_flow_conserves_the_imbalance(widths, slope):
    """Check prop-balance, for f and for another smooth function of W."""
    network, rng = problem(widths)
    _, path = flow(network, 0.7 * rng.normal(size=network.dim), 1.0, slope)
    assert np.linalg.norm(path[-1] - path[0]) > 0.3
    for along, now, before, after in zip(
        network.imbalance(path),
        network.imbalance(path[-1]),
        network.split(path),
        network.split(path)[1:],
        strict=False,
    ):
        lu.certify_equal("prop-balance", along, along[0], tolerance=1e-8)
        np.testing.assert_array_equal(now, along[-1])
        np.testing.assert_allclose(
            along,
            np.einsum("tij,tik->tjk", after, after) - np.einsum("tij,tkj->tik", before, before),
            atol=1e-12,
        )


@pytest.mark.parametrize("widths", [(2, 2, 2), (3, 3, 3, 3)])
@pytest.mark.parametrize("slope", [None, wave], ids=["f", "another"])
def test_balanced_layers_keep_the_rank_and_the_sign_of_the_determinant(widths, slope):
    """Check prop-balance: rank W is constant, and det W keeps its sign."""
    network, rng = problem(widths)
    frames = [orthogonal(widths[0], rng) for _ in widths]
    for values in ([1.0, 0.5, 0.7], [0.8, 0.0, 1.1], [0.0, 0.9, 0.0]):
        values = np.array(values[: widths[0]])
        theta = network.join([b * values @ a.T for a, b in pairwise(frames)])
        np.testing.assert_allclose(network.imbalance(theta), 0, atol=1e-14)
        _, path = flow(network, theta, 1.0, slope)
        maps = network.end_to_end(path)
        ranks = np.linalg.matrix_rank(maps, 1e-9)
        assert (ranks == np.count_nonzero(values)).all()
        signs = np.sign(np.linalg.det(maps))
        assert (signs == signs[0]).all() or not values.all()


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("size", [2, 3])
def test_balanced_layers_of_the_wrong_sign_never_arrive(depth, size):
    """Check prop-balance: f ≥ σ_d² for ever, while the right sign gets to zero."""
    rng = np.random.default_rng(11)
    root = gentle(size, rng)
    target = orthogonal(size, rng) * [1.5, 1.0, 0.8][:size]
    network = lu.DeepLinear((size,) * (depth + 1), target, root @ root.T)
    arrived = []
    for theta in network.orthogonal_start(0.5, rng, (12,)):
        right = np.linalg.det(network.end_to_end(theta)) * np.linalg.det(target) > 0
        # Not longer: the limit is a saddle, which rounding would leave.
        _, path = flow(network, theta, 10.0, rtol=1e-11, atol=1e-13)
        values = network.value(path)
        if not right:
            lowest = network.singular_values[-1] ** 2
            lu.certify("prop-balance", lowest, values, tolerance=1e-6)
        arrived.append((right, values[-1] < 1e-6))
    assert all(right == there for right, there in arrived)
    assert {right for right, _ in arrived} == {True, False}


@pytest.mark.parametrize("widths", [(3, 3, 3), (2, 1, 3, 2), (4, 2, 3), (1,) * 6, (3, 4, 2, 5, 3)])
def test_balance_and_the_product_bound_the_layers(widths):
    """Check the bound of the proof of thm-flow-converges."""
    network, rng = problem(widths)
    depth = network.depth
    points = rng.normal(size=(400, network.dim)) * 10 ** rng.uniform(-1.5, 1, (400, 1))
    balanced = network.join([np.eye(*shape) for shape in network.shapes])
    points[::2] = rng.uniform(0, 3, (200, 1)) * balanced + 0.1 * points[::2]
    size = [np.linalg.norm(layer, 2, axis=(-2, -1)) for layer in network.split(points)]
    lost = sum(np.linalg.norm(d, 2, axis=(-2, -1)) for d in network.imbalance(points))
    whole = np.linalg.norm(network.end_to_end(points), 2, axis=(-2, -1))
    a = size[-1]
    bound = whole**2 + depth * lost * (a**2 + lost) ** (depth - 1)
    lu.certify("thm-flow-converges", a ** (2 * depth), bound)


@pytest.mark.parametrize("widths", [(2, 2, 2), (3, 1, 3), (2, 3, 2, 2), (1, 2, 1, 1, 1)])
def test_every_flow_ends_at_a_critical_point(widths):
    """Check thm-flow-converges; a random start finds no strict saddle."""
    rng = np.random.default_rng(12)
    root = gentle(widths[0], rng)
    size = min(widths[0], widths[-1])
    target = orthogonal(widths[-1], rng)[:, :size] * [2.0, 1.0, 0.5][:size]
    target = target @ orthogonal(widths[0], rng)[:size]
    network = lu.DeepLinear(widths, target, root @ root.T)
    for start in 0.7 * rng.normal(size=(4, network.dim)):
        _, path = flow(network, start, 500.0, method="LSODA", rtol=1e-9, atol=1e-11)
        end = path[-1]
        assert np.linalg.norm(network.gradient(end)) < 1e-6
        assert (np.diff(network.value(path)) <= 1e-9).all()
        distance = np.abs(network.value(end) - network.critical_values()).min()
        lu.certify("thm-flow-converges", distance, 1e-9)
        pivots = network.pivots(end, tolerance=1e-4)
        assert pivots.kind != STRICT and not pivots.skips
        assert network.depth > 2 or pivots.kind == LOWEST


@pytest.mark.parametrize("widths", [(3, 3, 3), (1, 1), (2, 4, 1, 3)])
@pytest.mark.parametrize("size", [(), (5,), (2, 0), (2, 3)])
def test_an_orthogonal_start_has_orthogonal_layers(widths, size):
    network, rng = problem(widths)
    theta = network.orthogonal_start(0.3, rng, size)
    assert theta.shape == (*size, network.dim)
    for layer, (rows, columns) in zip(network.split(theta), network.shapes, strict=True):
        gram = layer @ layer.mT if rows <= columns else layer.mT @ layer
        expected = np.broadcast_to(0.09 * np.eye(min(rows, columns)), gram.shape)
        np.testing.assert_allclose(gram, expected, atol=1e-14)
    if len(set(widths)) == 1:
        for difference in network.imbalance(theta):
            np.testing.assert_allclose(difference, 0, atol=1e-14)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_orthogonal_start_has_either_sign_equally_often(size):
    """By chance less often than once in 10⁸; Haar's measure has no mean and E[A_ij²] = 1/n."""
    network, count = lu.DeepLinear((size,) * 3, np.eye(size)), 2000
    theta = network.orthogonal_start(1.0, np.random.default_rng(13), (count,))
    for layer in network.split(theta):
        positive = int((np.linalg.det(layer) > 0).sum())
        assert binomtest(positive, count).pvalue > 1e-8
        np.testing.assert_allclose(layer.mean(axis=0), 0, atol=6 / np.sqrt(count * size))
        np.testing.assert_allclose((layer**2).mean(axis=0), 1 / size, atol=6 / np.sqrt(count))
    signs = np.sign(np.linalg.det(network.end_to_end(theta)))
    assert binomtest(int((signs > 0).sum()), count).pvalue > 1e-8


def test_equal_generators_give_equal_starts():
    network = lu.DeepLinear((2, 3, 1), [[1.0, 2.0]])
    first, second = (network.orthogonal_start(1.0, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


MODES = [(0.01, 1.0, 1.0), (1.9, 2.0, 0.4), (3.0, 1.0, 0.7), (40.0, 0.5, 2.0)]
DEPTHS = [1, 2, 3, 4, 6, 50]


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("start, target, curvature", MODES)
def test_the_strength_of_a_mode_solves_its_equation(start, target, curvature, depth):
    """Check the closed form of thm-aligned-dynamics, with starts above the target."""
    pace = 2 * depth * curvature
    end = 4 / (pace * min(start, target) ** (1 - 2 / depth) * target)
    times = np.linspace(0, end, 30)
    solved = solve_ivp(
        lambda t, s: pace * s ** (2 - 2 / depth) * (target - s),
        (0, end),
        [start],
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
        method="LSODA",
    )
    strengths = lu.mode_strength(times, start, target, depth, curvature)
    lu.certify_equal("thm-aligned-dynamics", strengths, solved.y[0], tolerance=1e-7)
    assert strengths[0] == pytest.approx(start, rel=1e-12)
    assert lu.mode_strength(1e200, start, target, depth, curvature) == pytest.approx(target)


def clock_by_mpmath(u, depth):
    """Return an antiderivative of u^{2/L−2}/(1 − u) for L ≥ 3."""
    u, power = mpmath.mpf(u), mpmath.mpf(2) / depth
    x, a = (u, power - 1) if u < 1 else (1 / u, 2 - power)
    return x**a / a * mpmath.hyp2f1(1, a, a + 1, x)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("start, target, curvature", MODES)
def test_the_time_of_a_mode_is_the_integral(start, target, curvature, depth):
    """Check mode_time by quadrature and hypergeometric functions, to 10⁻¹² from the target."""
    shares = np.array([1e-3, 0.01, 0.3, 0.7, 0.9, 0.99, 0.999, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12])
    strengths = start + shares * (target - start)
    times = lu.mode_time(strengths, start, target, depth, curvature)
    pace, sign = 2 * depth * curvature * target ** (2 - 2 / depth), np.sign(start - target)

    def speed(y):  # in y = log |log(s/β)| there is nothing singular
        log = sign * np.exp(y)
        return np.exp((2 / depth - 1) * log) * log / np.expm1(log) / pace

    ends = np.log(np.abs(np.log1p((np.append(start, strengths) - target) / target)))
    parts = [quad(speed, b, a, epsrel=1e-12)[0] for a, b in pairwise(ends)]
    np.testing.assert_allclose(times, np.cumsum(parts), rtol=1e-10)
    if depth > 2:
        with mpmath.workdps(30):
            u = [mpmath.mpf(s) / mpmath.mpf(target) for s in (start, *strengths)]
            begun, *clocks = [clock_by_mpmath(x, depth) for x in u]
            expected = [float((clock - begun) / pace) for clock in clocks]
        np.testing.assert_allclose(times, expected, rtol=1e-11)
    again = lu.mode_strength(times, start, target, depth, curvature)
    np.testing.assert_allclose(again, strengths, rtol=1e-11)
    assert lu.mode_time(start, start, target, depth, curvature) == 0


@pytest.mark.parametrize("depth", [*range(1, 51, 7), 10**4, 10**9])
def test_strength_and_time_of_a_mode_are_inverse(depth):
    starts = np.array([1e-8, 0.1, 0.999, 1.001, 5.0, 1e6])[:, None]
    shares = np.array([0.0, 1e-6, 0.5, 0.999])
    strengths = starts ** (1 - shares)  # the target is 1
    times = lu.mode_time(strengths, starts, 1.0, depth)
    assert times.shape == (6, 4) and (np.diff(times, axis=1) > 0).all()
    np.testing.assert_allclose(
        lu.mode_strength(times, starts, 1.0, depth), strengths, rtol=1e-8, atol=0
    )


@pytest.mark.parametrize("depth", [1, 2, 3, 50])
def test_modes_of_extreme_sizes_are_right_or_refused(depth):
    """Where the start is far above the target, at the target, or nearly nothing."""
    assert lu.mode_strength(0.0, 1e20, 1.0, depth) == pytest.approx(1e20)
    assert lu.mode_strength(3.0, 2.0, 2.0, depth) == 2.0
    assert lu.mode_strength(0.0, 1e-300, 1.0, depth) == pytest.approx(1e-300)
    assert lu.mode_strength(1e308, 0.1, 1.0, depth) == 1.0
    for u in (np.nextafter(1, 0), np.nextafter(1, 2)):
        time = lu.mode_time(u, 1 + 1e10 * (u - 1), 1.0, depth)
        assert time == pytest.approx(np.log(1e10) / (2 * depth), rel=1e-5)
    for words in ((1.0, 1e308, 5e-324), (1.0, 5e-324, 1e308), (1.0, 1.0, 1.0, depth, 1e308)):
        words = (*words, depth)[:4] + words[4:]
        with pytest.raises(ValueError, match="neither overflow nor underflow"):
            lu.mode_strength(*words)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.mode_strength(-1.0, 0.1, 1.0, 2), "t must be >= 0, got -1"),
        (lambda: lu.mode_strength(1.0, 0.0, 1.0, 2), "start must be > 0"),
        (lambda: lu.mode_strength(1.0, 0.1, -1.0, 2), "target must be > 0"),
        (lambda: lu.mode_strength(1.0, 0.1, 1.0, 0), "depth must be an integer >= 1"),
        (lambda: lu.mode_strength([1, 2], [1, 2, 3], 1.0, 2), "t, start, .* must broadcast, got"),
        (lambda: lu.mode_time(1.0, 0.1, 1.0, 2), "strength must be between start and target"),
        (lambda: lu.mode_time(0.05, 0.1, 1.0, 2), "strength must be between start and target"),
        (lambda: lu.mode_time(3.0, 2.0, 1.0, 2), "strength must be between start and target"),
    ],
)
def test_modes_that_make_no_sense_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def aligned(widths, heights, variances, strengths, rng):
    """Return a network, its aligned start, and the directions u_i and v_i."""
    frames = [orthogonal(size, rng) for size in widths]
    left, right = (frames[end][:, : len(heights)] for end in (-1, 0))
    network = lu.DeepLinear(widths, left * heights @ right.T, (frames[0] * variances) @ frames[0].T)
    scales = np.asarray(strengths) ** (1 / network.depth)
    pairs = pairwise(frame[:, : len(heights)] for frame in frames)
    return network, network.join([b * scales @ a.T for a, b in pairs]), left, right


@pytest.mark.parametrize("widths", [(3, 2), (3, 3, 3), (4, 2, 3), (3, 4, 3, 2), (2, 2, 3, 2, 2)])
def test_an_aligned_flow_is_made_of_independent_modes(widths):
    """Check thm-aligned-dynamics along the whole flow, for Σ that commutes with BᵀB."""
    rng = np.random.default_rng(14)
    heights, strengths = np.array([2.0, 1.3]), np.array([0.05, 1.7])  # one from above
    variances = np.array([0.4, 1.1, 0.8, 0.6])[: widths[0]]
    network, theta, left, right = aligned(widths, heights, variances, strengths, rng)
    times, path = flow(network, theta, 2.0)
    maps = np.einsum("ia,tij,jb->tab", left, network.end_to_end(path), right)
    expected = lu.mode_strength(times[:, None], strengths, heights, network.depth, variances[:2])
    lu.certify_equal("thm-aligned-dynamics", maps, expected[:, :, None] * np.eye(2), tolerance=1e-8)
    for difference in network.imbalance(path):
        np.testing.assert_allclose(difference, 0, atol=1e-8)


@pytest.mark.parametrize("depth", [2, 3, 4, 6])
def test_a_mode_is_learned_at_about_the_time_that_a_small_start_gives(depth):
    """Check the small starts of thm-aligned-dynamics: τ(ε)/(λβ) is the first term."""
    heights, variances = np.array([0.5, 1.0, 4.0]), np.array([2.0, 1.0, 0.3])
    ratios = []
    for small in (1e-3, 1e-6, 1e-12):
        with np.errstate(divide="ignore"):
            law = np.log(1 / small) / 2 if depth == 2 else small ** (2 - depth) / (2 * depth - 4)
        times = lu.mode_time(heights / 2, small**depth, heights, depth, variances)
        ratios.append(np.abs(times * variances * heights / law - 1))
    assert (np.diff(ratios, axis=0) < 0).all() or np.max(ratios) < 1e-2
    assert np.max(ratios[-1]) < (0.05 if depth == 2 else 1e-6)


@pytest.mark.parametrize("depth, middle", [(2, 8.0), (3, 150.0)])
def test_the_larger_singular_value_of_b_sigma_is_learned_first(depth, middle):
    """Check the example of thm-aligned-dynamics: the plateau at 2 skips the larger σ."""
    network = lu.DeepLinear((2,) * (depth + 1), np.diag([10.0, 1.0]), np.diag([0.02, 1.0]))
    np.testing.assert_allclose(network.singular_values, [np.sqrt(2), 1])
    small = 1e-3 if depth == 2 else 1e-2
    theta = network.join([small * np.eye(2)] * depth)
    times, path = flow(network, theta, 4 * middle, method="LSODA", dense_output=False)
    at = np.argmin(np.abs(times - middle))
    np.testing.assert_allclose(network.value(path[[0, at, -1]]), [3, 2, 0], atol=2e-2)
    kept = network.critical_point([1])
    assert network.value(kept) == pytest.approx(2) and network.pivots(kept).skips


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 1, 3), (2, 2, 2, 2), (3, 1, 2, 2)])
@pytest.mark.parametrize("decay", [1e-3, 0.5, 30.0])
def test_weight_decay_makes_zero_a_minimum_of_deep_networks(widths, decay):
    """Check prop-weight-decay by autograd's Hessian."""
    network, _ = problem(widths)
    f, zero = loss(network), np.zeros(network.dim)
    eigenvalues = np.linalg.eigvalsh(
        autograd.hessian(lambda theta: f(theta) + decay * anp.sum(theta**2))(zero)
    )
    expected = np.full(network.dim, 2 * decay)
    if network.depth == 2:
        sigma = np.linalg.svd(network.target @ network.covariance, compute_uv=False)
        pairs = np.repeat([-sigma, sigma], widths[1])
        expected += 2 * np.sort(np.append(pairs, np.zeros(network.dim - pairs.size)))
    lu.certify_equal("prop-weight-decay", eigenvalues, expected)
    rank = min(widths)
    better = network.critical_point(range(rank))
    highest = (network.value(zero) - network.value(better)) / (better**2).sum()
    at_zero, there = (network.value(x) + 0.99 * highest * (x**2).sum() for x in (zero, better))
    assert there < at_zero  # so zero is not global for this decay, nor for any smaller
