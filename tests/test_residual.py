"""Residual networks: the shift, its Polyak constant, and factors near the identity."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size))
    network = lu.Residual(depth, rng.normal(size=(size, size)), root @ root.T)
    layers = rng.normal(size=(depth, 20, size, size))
    layers *= radius / np.linalg.norm(layers, 2, axis=(-2, -1), keepdims=True)
    ratios = lu.polyak_ratio(network, network.join(list(layers)))
    assert (ratios >= network.polyak_constant(radius) * (1 - 1e-6)).all()


def test_a_singular_covariance_counts_its_smallest_nonzero_eigenvalue():
    network = lu.Residual(2, np.eye(2), np.diag([0.5, 0.0]))
    assert network.polyak_constant(0.0) == pytest.approx(4)


@given(SIZES, DEPTHS, SEEDS)
def test_factors_multiply_to_the_target_within_the_bound(size, depth, seed):
    target = positive_determinant(size, seed)
    factors = lu.near_identity_factors(target, depth)
    product = np.eye(size)
    for factor in factors:
        product = (np.eye(size) + factor) @ product
    np.testing.assert_allclose(product, target, atol=1e-8)
    largest = np.linalg.norm(factors, 2, axis=(1, 2)).max()
    assert largest <= lu.near_identity_bound(target, depth) * (1 + 1e-9)


@pytest.mark.parametrize("target", [-np.eye(2), np.diag([-1.0, -1.0, -1.0, -1.0, 1.0])])
def test_half_turns_have_real_factors(target):
    factors = lu.near_identity_factors(target, 12)
    product = np.linalg.multi_dot(np.eye(len(target)) + factors[::-1])
    np.testing.assert_allclose(product, target, atol=1e-12)


def test_a_symmetric_positive_target_gets_its_roots():
    target = np.array([[2.0, 0.5], [0.5, 1.0]])
    values, vectors = np.linalg.eigh(target)
    root = (vectors * values ** (1 / 7)) @ vectors.T
    np.testing.assert_allclose(
        lu.near_identity_factors(target, 7), [root - np.eye(2)] * 7, atol=1e-12
    )


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.Residual(0, np.eye(2)), "depth must be an integer >= 1, got 0"),
        (lambda: lu.Residual(2, np.ones((2, 3))), r"square matrix, got shape \(2, 3\)"),
        (lambda: lu.Residual(2, np.eye(2), -np.eye(2)), "positive semidefinite"),
        (lambda: lu.Residual(2, np.eye(2)).polyak_constant(1.0), r"radius must be in \[0, 1\)"),
        (lambda: lu.Residual(2, np.eye(2)).value(np.zeros(5)), r"shape \(..., 8\), got \(5,\)"),
        (lambda: lu.near_identity_factors(np.diag([1.0, -2.0]), 9), "positive determinant.*-2"),
        (lambda: lu.near_identity_factors(np.zeros((2, 2)), 9), "positive determinant.*0"),
        (lambda: lu.near_identity_bound(np.eye(2), 1), "depth must be an integer >= 2, got 1"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
