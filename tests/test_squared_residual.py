"""Squared residuals: r and J give f and ∇f, and what the epilogue's theorems say of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import null_space, orth
from scipy.signal import lfilter

import lin_utils as lu

RNG = np.random.default_rng(0)
ROOT = RNG.normal(size=(3, 3))
SYSTEM = lu.random_system(2, 0.8, RNG)
NOISE = RNG.normal(size=(2, 3, 20))
LANDSCAPES = {
    "deep": lu.DeepLinear((3, 4, 3, 2), RNG.normal(size=(2, 3)), ROOT @ ROOT.T),
    "one layer": lu.DeepLinear((3, 2), RNG.normal(size=(2, 3)), ROOT @ ROOT.T),
    "bottleneck": lu.DeepLinear((3, 1, 3), RNG.normal(size=(3, 3))),
    "singular covariance": lu.DeepLinear((3, 3, 2), np.ones((2, 3)), ROOT[:, :2] @ ROOT[:, :2].T),
    "no covariance": lu.DeepLinear((2, 2), np.eye(2), np.zeros((2, 2))),
    "data": lu.DeepLinear.from_data((3, 2, 2), ROOT, RNG.normal(size=(3, 2))),
    "residual": lu.Residual(3, RNG.normal(size=(3, 3)), ROOT @ ROOT.T),
    "finite risk": lu.FiniteRisk(SYSTEM, 12),
    "more states": lu.FiniteRisk(SYSTEM, 10, 3),
    "shortest risk": lu.FiniteRisk(SYSTEM, 1),
    "sequences": lu.SequenceRisk(*NOISE, order=2),
    "tanh": lu.TwoLayer(RNG.normal(size=(4, 3)), RNG.normal(size=4), 5, "tanh"),
    "relu": lu.TwoLayer(RNG.normal(size=(4, 3)), RNG.normal(size=4), 5, "relu"),
    "few units": lu.TwoLayer(RNG.normal(size=(9, 2)), RNG.normal(size=9), 2, "tanh"),
}
SEEDS = st.integers(0, 2**32 - 1)
on_all = pytest.mark.parametrize("name", LANDSCAPES)
on_those_with_residuals = pytest.mark.parametrize(
    "name", [name for name in LANDSCAPES if name not in ("no covariance", "shortest risk")]
)


def points(f, shape=(), seed=1):
    return np.random.default_rng(seed).normal(size=(*shape, f.dim)) / 2


class Retargeted(lu.SquaredResidual):
    """The model of another landscape with targets so that a given residual is at a given point."""

    def __init__(self, model, theta, residual):
        self.model, self.dim, self.minimum = model, model.dim, 0.0
        self.change = residual - model.residual(theta)

    def residual(self, theta):
        return self.model.residual(theta) + self.change

    def jacobian(self, theta):
        return self.model.jacobian(theta)

    def value_and_gradient(self, theta):
        r = self.residual(theta)
        return np.vecdot(r, r), 2 * self.adjoint(theta, r)

    def hessian(self, theta):
        raise NotImplementedError


def ask(f, theta):
    """Return all that a landscape has more because it is a squared residual."""
    residual = f.residual(theta)
    given = f.derivative(theta, np.ones(f.dim)), f.adjoint(theta, residual)
    return residual, f.jacobian(theta), *given, f.tangent_kernel(theta)


@on_all
def test_the_squared_length_is_the_value_and_the_adjoint_gives_the_gradient(name):
    """Check ∇f = 2J*r of prop-residual-kernel, and that f has no other part."""
    f = LANDSCAPES[name]
    theta = points(f, (50,))
    residual = f.residual(theta)
    np.testing.assert_allclose((residual**2).sum(-1), f.value(theta), rtol=1e-12)
    expected = f.gradient(theta)
    atol = 1e-11 * np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(2 * f.adjoint(theta, residual), expected, rtol=1e-9, atol=atol)


@on_all
def test_the_jacobian_is_that_of_differences(name):
    f = LANDSCAPES[name]
    theta, step = points(f), 1e-6
    jacobian, shifts = f.jacobian(theta), step * np.eye(f.dim)
    numeric = (f.residual(theta + shifts) - f.residual(theta - shifts)) / (2 * step)
    scale = np.abs(jacobian).max(initial=1.0)
    np.testing.assert_allclose(jacobian.T, numeric, atol=1e-8 * scale)
    np.testing.assert_allclose(f.derivative(theta, np.eye(f.dim)), jacobian.T, atol=1e-14 * scale)
    columns = np.eye(len(jacobian))
    np.testing.assert_allclose(f.adjoint(theta, columns), jacobian, atol=1e-14 * scale)


@given(st.sampled_from(sorted(LANDSCAPES)), SEEDS)
def test_the_adjoint_is_one(name, seed):
    f, rng = LANDSCAPES[name], np.random.default_rng(seed)
    theta, v = rng.normal(size=(2, f.dim)) / 2
    r = rng.normal(size=f.residual(theta).shape)
    moved = f.derivative(theta, v)
    atol = 1e-12 * np.linalg.norm(f.jacobian(theta)) * np.linalg.norm(v) * np.linalg.norm(r)
    np.testing.assert_allclose(moved @ r, v @ f.adjoint(theta, r), atol=atol)


@given(st.sampled_from(sorted(LANDSCAPES)), SEEDS)
def test_the_tangent_kernel_is_symmetric_and_positive_semidefinite(name, seed):
    f = LANDSCAPES[name]
    theta = points(f, seed=seed)
    kernel, jacobian = f.tangent_kernel(theta), f.jacobian(theta)
    largest = np.abs(kernel).max(initial=0.0)
    np.testing.assert_allclose(kernel, jacobian @ jacobian.T, atol=1e-14 * largest)
    np.testing.assert_array_equal(kernel, kernel.T)
    assert (np.linalg.eigvalsh(kernel) >= -1e-12 * len(kernel) * largest).all()


@on_all
def test_a_batch_is_its_points(name):
    f = LANDSCAPES[name]
    theta = points(f, (2, 3))
    singles = zip(*(ask(f, point) for row in theta for point in row), strict=True)
    for batch, single in zip(ask(f, theta), singles, strict=True):
        expected = np.reshape(single, batch.shape)
        np.testing.assert_allclose(batch, expected, rtol=1e-10, atol=1e-12)
    assert all(part.shape[:2] == (0, 3) for part in ask(f, np.zeros((0, 3, f.dim))))


@on_all
def test_points_directions_and_residuals_broadcast(name):
    f = LANDSCAPES[name]
    theta, rows = points(f, (2, 1)), np.ones((3, f.dim))
    expected = f.jacobian(theta)[:, 0] @ np.ones(f.dim)
    for column in np.moveaxis(f.derivative(theta, rows), 1, 0):
        np.testing.assert_allclose(column, expected, rtol=1e-12, atol=1e-12)
    size = expected.shape[-1]
    assert f.adjoint(theta, np.ones((3, size))).shape == (2, 3, f.dim)
    with pytest.raises(ValueError, match="vector must broadcast with theta of shape"):
        f.derivative(np.zeros((2, f.dim)), rows)
    with pytest.raises(ValueError, match="residual must broadcast with theta of shape"):
        f.adjoint(np.zeros((2, f.dim)), np.ones((3, size)))
    with pytest.raises(ValueError, match=rf"residual must have shape \(..., {size}\)"):
        f.adjoint(theta, np.ones(size + 1))


@on_those_with_residuals
def test_critical_points_are_those_with_a_residual_in_the_kernel(name):
    """Check prop-residual-kernel: for each target that a residual of the kernel makes critical."""
    model = LANDSCAPES[name]
    theta = points(model)
    jacobian = model.jacobian(theta)
    kernel = null_space(jacobian.T)
    for r in kernel.T:
        f = Retargeted(model, theta, r)
        assert f.value(theta) == pytest.approx(1)
        lu.certify_equal("prop-residual-kernel", f.gradient(theta), 0 * theta, tolerance=1e-12)
    for r in orth(jacobian).T:  # a part that is not in the kernel, and the point is not critical
        f = Retargeted(model, theta, r + kernel.sum(axis=1))
        assert np.linalg.norm(f.gradient(theta)) > 1e-6


@pytest.mark.parametrize("keep", [[], [0], [1], [0, 1]])
def test_saddles_of_deep_linear_networks_have_a_residual_in_the_kernel(keep):
    """Check prop-residual-kernel in chapter 2: at a saddle r ≠ 0, and J*r = 0."""
    f = LANDSCAPES["deep"]
    theta = f.critical_point(keep)
    np.testing.assert_allclose(f.adjoint(theta, f.residual(theta)), 0, atol=1e-12)
    lost = np.delete(f.singular_values, keep)
    np.testing.assert_allclose(np.linalg.norm(f.residual(theta)) ** 2, (lost**2).sum(), atol=1e-12)


@on_those_with_residuals
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_the_polyak_constant_is_that_of_the_tangent_kernel(name, share):
    """Check thm-tangent-polyak on random subspaces, and that no larger constant serves."""
    model, rng = LANDSCAPES[name], np.random.default_rng(2)
    theta = points(model)
    kernel = model.tangent_kernel(theta)
    basis, _ = np.linalg.qr(rng.normal(size=(len(kernel), max(1, round(share * len(kernel))))))
    eigenvalues, vectors = np.linalg.eigh(basis.T @ kernel @ basis)
    for parts in [vectors[:, 0], *rng.normal(size=(20, len(eigenvalues)))]:
        f = Retargeted(model, theta, basis @ parts)
        value, gradient = f.value_and_gradient(theta)
        square, r = gradient @ gradient, f.residual(theta)
        assert square == pytest.approx(4 * r @ kernel @ r, rel=1e-9, abs=1e-11)
        lu.certify("thm-tangent-polyak", 4 * eigenvalues[0] * value, square, tolerance=1e-9)
    first = Retargeted(model, theta, basis @ vectors[:, 0])  # the target that meets the bound
    square = np.linalg.norm(first.gradient(theta)) ** 2
    assert square == pytest.approx(4 * eigenvalues[0] * first.value(theta), rel=1e-7, abs=1e-9)


@on_those_with_residuals
def test_a_matrix_between_the_residual_and_its_linear_part_gives_weak_quasi_convexity(name):
    """Check the first part of thm-tangent-weak-quasi-convexity, for many M with Jv = Mr."""
    model, rng = LANDSCAPES[name], np.random.default_rng(3)
    theta, best = points(model, (2,))
    f = Retargeted(model, best, 0 * model.residual(best))
    v, r = theta - best, f.residual(theta)
    moved, value, slope = f.derivative(theta, v), f.value(theta), f.gradient(theta) @ v
    part = moved @ r / value
    rest = np.outer(moved - part * r, r) / value
    # The M of the largest α there is, which is the ratio; then others, which agree at r only.
    sharp = part * np.eye(len(r)) + rest - rest.T
    across = np.eye(len(r)) - np.outer(r, r) / value
    others = rng.normal(size=(20, len(r), len(r))) @ across
    for M in [sharp, *(sharp + others)]:
        np.testing.assert_allclose(M @ r, moved, atol=1e-9 * np.linalg.norm(moved))
        assert slope == pytest.approx(2 * r @ M @ r, rel=1e-9)
        alpha = np.linalg.eigvalsh(M + M.T)[0]
        lu.certify("thm-tangent-weak-quasi-convexity", alpha * value, slope, tolerance=1e-9)
    ratio = lu.weak_quasi_convexity_ratio(f, theta, best)
    assert np.linalg.eigvalsh(sharp + sharp.T)[0] == pytest.approx(ratio, rel=1e-9)


@on_those_with_residuals
@pytest.mark.parametrize("distance", [0.03, 0.003])
def test_what_is_nearly_linear_is_nearly_2_weakly_quasi_convex(name, distance):
    """Check the second part of thm-tangent-weak-quasi-convexity, D²Φ by differences."""
    model, step = LANDSCAPES[name], 1e-4
    best = points(model, seed=4)
    v = distance * points(model, (20,), seed=5)
    f = Retargeted(model, best, 0 * model.residual(best))
    value, gradient = f.value_and_gradient(best + v)
    segment = best + np.linspace(0, 1, 21)[:, None, None] * v
    bend = f.derivative(segment + step * v, v) - f.derivative(segment - step * v, v)
    curvature = np.linalg.norm(bend / (2 * step), axis=-1).max(axis=0)  # ‖D²Φ[v, v]‖
    off = np.abs((gradient * v).sum(-1) - 2 * value)
    bound = 1.001 * curvature * np.sqrt(value) + 1e-9 * value  # what the grid and differences miss
    lu.certify("thm-tangent-weak-quasi-convexity", off, bound, tolerance=1e-14)


@pytest.mark.parametrize(
    "depth, size, rank", [(1, 3, 3), (2, 1, 1), (3, 2, 2), (5, 3, 3), (4, 3, 2)]
)
def test_near_the_identity_the_tangent_kernel_is_bounded_below(depth, size, rank):
    """Check thm-residual-polyak as a case of thm-tangent-polyak, for a singular Σ too."""
    rng = np.random.default_rng(6)
    root = rng.normal(size=(size, rank))
    g = lu.Residual(depth, rng.normal(size=(size, size)), root @ root.T)
    layers = rng.normal(size=(200, depth, size, size))
    sizes = rng.uniform(0, 0.9, size=(200, 1, 1, 1))
    layers *= sizes / np.linalg.norm(layers, 2, axis=(-2, -1), keepdims=True)
    theta = layers.reshape(200, g.dim)
    smallest = np.linalg.eigvalsh(root.T @ root)[0]
    bound = depth * (1 - g.radius(theta)) ** (2 * depth - 2) * smallest
    np.testing.assert_allclose(bound, g.polyak_constant(g.radius(theta)) / 4, rtol=1e-7)
    least = np.linalg.eigvalsh(g.tangent_kernel(theta))[:, 0]
    lu.certify("thm-residual-polyak", bound, least, tolerance=1e-9)
    # Met by multiples of −I: all factors are (1 − τ)I.
    shrunk = -0.3 * g.join([np.eye(size)] * depth)
    least = np.linalg.eigvalsh(g.tangent_kernel(shrunk))[0]
    assert least == pytest.approx(depth * 0.7 ** (2 * depth - 2) * smallest, rel=1e-9)


@given(st.integers(1, 4), SEEDS)
def test_the_linear_part_of_a_filter_is_the_residual_filtered(order, seed):
    """Check thm-time-domain-identity as a case of thm-tangent-weak-quasi-convexity: M = Q/Q̂."""
    rng = np.random.default_rng(seed)
    system, other = (lu.random_system(order, 0.8, rng) for _ in range(2))
    (a, c), (a_hat, c_hat) = system.coefficients(), other.coefficients()
    true, theta = np.concatenate([a, c]), np.concatenate([a_hat, c_hat])
    inputs = rng.normal(size=(2, 30))
    outputs = system.simulate(inputs[..., None])[..., 0]
    outputs = outputs - system.D[0, 0] * inputs
    risks = lu.SequenceRisk(inputs, outputs, order), lu.FiniteRisk(system, 31)
    weights = 1.0, np.sqrt(1 - np.arange(1, 31) / 31)  # times that count differently are divided
    for f, weight in zip(risks, weights, strict=True):
        r, moved = f.residual(theta).reshape(-1, 30), f.derivative(theta, theta - true)
        filtered = weight * lfilter([1.0, *a], [1.0, *a_hat], r / weight)
        atol = 1e-9 * np.abs(filtered).max()
        np.testing.assert_allclose(moved.reshape(-1, 30), filtered, atol=atol)


def test_constants_of_data_are_in_neither_value_nor_residual():
    x, y = np.random.default_rng(7).normal(size=(2, 9, 2))
    f = lu.DeepLinear.from_data((2, 1, 2), x, y)
    assert f.constant > 0 and f.minimum > 0
    theta = points(f)
    mean = ((x @ f.end_to_end(theta).T - y) ** 2).sum(-1).mean()
    assert np.linalg.norm(f.residual(theta)) ** 2 + f.constant == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("power", [60, 120, 200])
def test_layers_of_very_different_sizes_have_the_same_residual(power):
    f = lu.DeepLinear((2, 2, 2, 2), [[1.0, 2.0], [0.0, 1.0]])
    layers = f.split(points(f))
    factors = 2.0**power, 2.0**power, 4.0**-power
    far = f.join([factor * layer for factor, layer in zip(factors, layers, strict=True)])
    np.testing.assert_array_equal(f.residual(far), f.residual(f.join(layers)))
    change = np.repeat(factors, 4)
    expected = f.jacobian(f.join(layers)) / change
    np.testing.assert_array_equal(f.jacobian(far), expected)


@on_all
def test_where_it_overflows_it_is_infinite_and_never_nan(name):
    f = LANDSCAPES[name]
    theta = np.array([[1e300], [-1e160]]) * np.ones(f.dim)
    far = f.derivative(theta, np.ones(f.dim)), f.tangent_kernel(theta)
    for part in (f.residual(theta), f.jacobian(theta), *far):
        assert not np.isnan(part).any()
