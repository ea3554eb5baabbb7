"""Deep linear networks against automatic differentiation and brute force."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import lin_utils as lu

CHAINS = [(1, 1, 1), (3, 2), (3, 4, 2), (2, 1, 3, 2), (2, 2, 2, 2, 2)]


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
