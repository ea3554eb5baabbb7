"""Deep linear networks against automatic differentiation and brute force."""

from itertools import combinations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

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


@pytest.mark.parametrize("widths", [(3, 3), (3, 1, 3), (3, 2, 4)])
def test_the_minimum_is_reached_by_reduced_rank_regression_and_never_beaten(widths):
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
    network, _ = problem((3, 2))
    assert network.critical_values().tolist() == [0.0]
    np.testing.assert_allclose(network.gradient(network.critical_point([0, 1])), 0, atol=1e-10)
    with pytest.raises(ValueError, match="for depth 1 keep must have all 2 indices"):
        network.critical_point([0])


@pytest.mark.parametrize(
    "widths, keep", [((3, 3, 3), []), ((4, 3, 2, 5), [0]), ((3, 4, 4, 3), [1]), ((2,) * 6, [])]
)
def test_the_escape_perturbation_keeps_the_product_and_finds_a_slope(widths, keep):
    network, _ = problem(widths)
    theta = network.critical_point(keep)
    moved = network.escape_perturbation(theta, 0.1)
    np.testing.assert_allclose(network.end_to_end(moved), network.end_to_end(theta), atol=1e-9)
    assert np.linalg.norm(network.gradient(theta)) < 1e-9
    assert np.linalg.norm(network.gradient(moved)) > 1e-5
    layers = zip(network.split(moved), network.split(theta), strict=True)
    assert all(np.linalg.norm(new - old, 2) <= 0.1 + 1e-12 for new, old in layers)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda f: f.critical_point([0, 0]), "distinct"),
        (lambda f: f.critical_point([5]), "indices below 2"),
        (lambda f: f.escape_perturbation(f.critical_point([0, 1]), 0.1), "rank W < 2"),
        (lambda f: f.escape_perturbation(np.zeros((2, f.dim)), 0.1), "one point"),
        (lambda f: f.value(np.zeros(f.dim + 1)), r"theta must have shape \(..., 20\), got \(21,\)"),
        (lambda f: f.from_data((2, 1), [[1.0, 2.0]], [[1.0], [2.0]]), "same number >= 1 of rows"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(lu.DeepLinear((3, 4, 2), [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]))


@pytest.mark.parametrize(
    "arguments, said",
    [
        (((2,), [[1.0]]), "widths"),
        (((2, 0, 1), [[1.0, 1.0]]), "every width must be an integer >= 1, got 0"),
        (((2, 1), [[1.0]]), r"target must have shape \(d_L, d_0\) = \(1, 2\), got \(1, 1\)"),
        (((2, 1), [[1.0, 1.0]], [[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (((2, 1), [[1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite.*-1"),
        (((2, 1), [[1.0, np.nan]]), "target must be finite"),
    ],
)
def test_bad_networks_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        lu.DeepLinear(*arguments)


def test_layers_that_do_not_fit_are_refused():
    network, _ = problem((3, 4, 2))
    with pytest.raises(ValueError, match="layers must have shapes"):
        network.join([np.zeros((4, 3)), np.zeros((4, 2))])
