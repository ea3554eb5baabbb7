"""Deep linear networks against automatic differentiation and brute force."""

import copy
import pickle
from itertools import combinations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import least_squares

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
