"""Two-layer networks against automatic differentiation, and their bad minima."""

import copy
import pickle
from fractions import Fraction

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lin_utils as lu

on_both = pytest.mark.parametrize("activation", ["tanh", "relu"])
SEEDS = st.integers(0, 2**32 - 1)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))


def problem(activation, count=4, size=3, width=5, seed=0):
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(count, size)), rng.normal(size=count)
    return lu.TwoLayer(*data, width, activation), rng


def errors(f):
    """Return the errors as a function of θ, written once more."""
    act = {"tanh": anp.tanh, "relu": lambda z: anp.maximum(z, 0.0)}[f.activation]

    def errors(theta):
        u = anp.reshape(theta[: -f.width], (f.width, -1))
        units = [act(anp.dot(f.inputs, row)) * v for row, v in zip(u, theta[-f.width :])]  # noqa: B905
        return sum(units) / np.sqrt(f.width) - f.targets

    return errors


@on_both
@pytest.mark.parametrize("count, size, width", [(1, 1, 1), (4, 3, 5), (6, 2, 1), (2, 1, 7)])
def test_derivatives_agree_with_automatic_differentiation(activation, count, size, width):
    f, rng = problem(activation, count, size, width)
    theta, e = rng.normal(size=f.dim), errors(f)

    def loss(theta):
        return anp.mean(e(theta) ** 2)

    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(f.value(theta), loss(theta), **close)
    np.testing.assert_allclose(f.gradient(theta), autograd.grad(loss)(theta), **close)
    np.testing.assert_allclose(f.hessian(theta), autograd.hessian(loss)(theta), **close)
    np.testing.assert_allclose(f.residual(theta), e(theta) / np.sqrt(count), **close)
    jacobian = autograd.jacobian(e)(theta) / np.sqrt(count)
    np.testing.assert_allclose(f.jacobian(theta), jacobian, **close)


@on_both
def test_batches_are_their_points(activation):
    f, rng = problem(activation)
    theta = rng.normal(size=(2, 3, f.dim))
    for call in (f.value, f.gradient, f.hessian, f.residual, f.jacobian, lambda x: f.split(x)[0]):
        singles = [[call(point) for point in row] for row in theta]
        np.testing.assert_allclose(call(theta), singles, rtol=1e-12, atol=1e-13)
    assert f.hessian(np.zeros((0, f.dim))).shape == (0, f.dim, f.dim)
    assert type(f.value(theta[0, 0])) is np.float64


def test_split_and_join_are_inverse_and_broadcast():
    f, rng = problem("tanh")
    theta = rng.normal(size=(2, f.dim))
    u, v = f.split(theta)
    assert u.shape == (2, 5, 3) and v.shape == (2, 5)
    np.testing.assert_array_equal(f.join(u, v), theta)
    np.testing.assert_array_equal(f.join(u[0], v)[0], theta[0])
    assert f.join(u[:, None], np.zeros((3, 5))).shape == (2, 3, f.dim)
    u[...] = 0  # copies
    assert theta.all()


@on_both
@given(seed=SEEDS)
def test_units_can_change_places_and_signs_or_sizes(activation, seed):
    """Check the symmetries: of tanh, which is odd, and of the ReLU, which is homogeneous."""
    f, rng = problem(activation, seed=seed)
    u, v = f.split(rng.normal(size=f.dim))
    order = rng.permutation(f.width)
    factor = -1.0 if activation == "tanh" else rng.uniform(0.1, 10)
    moved = f.join(factor * u[order], v[order] / factor)
    np.testing.assert_allclose(f.residual(moved), f.residual(f.join(u, v)), atol=1e-13)


def test_the_kernel_of_relu_units_by_hand():
    """Check the tangent kernel of one unit: v²x_i·x_j + relu(z_i)relu(z_j), over the active."""
    f = lu.TwoLayer([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]], [0.0, 0.0, 3.0], 1, "relu")
    theta = f.join([[2.0, 1.0]], [0.5])
    expected = np.array([[0.25 + 4, 0.25 + 6, 0], [0.25 + 6, 0.5 + 9, 0], [0, 0, 0]]) / 3
    np.testing.assert_allclose(f.tangent_kernel(theta), expected)


def test_a_relu_network_has_a_critical_point_that_is_no_minimum():
    """Check prop-residual-kernel: an error where no unit is active is in the kernel of J*."""
    f = lu.TwoLayer([[1.0], [-1.0]], [1.0, 2.0], 1, "relu")
    bad, good = f.join([[[1.0]], [[-1.0]]], [[1.0], [2.0]])
    np.testing.assert_array_equal(f.gradient([bad, good]), 0)
    assert f.residual(bad)[1] != 0 and not f.jacobian(bad)[1].any()
    assert f.value(bad) > f.value(good) + 1
    near = bad + np.random.default_rng(0).uniform(-0.1, 0.1, size=(1000, 2))
    assert (f.value(near) >= f.value(bad)).all()


def test_wide_networks_have_a_tangent_kernel_that_a_random_start_hardly_changes():
    """The scale 1/√m of Φ: the kernels of random starts come together like 1/√m."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 3))
    spreads = []
    for width in (16, 256, 4096):
        f = lu.TwoLayer(x, np.zeros(4), width, "tanh")
        spreads.append(f.tangent_kernel(rng.normal(size=(40, f.dim))).std(axis=0).max())
    assert 3 < spreads[0] / spreads[1] < 5.3 and 3 < spreads[1] / spreads[2] < 5.3


def test_a_wide_network_fits_its_data():
    """Gradient descent on a landscape with more parameters than targets finds minimum = 0."""
    f, rng = problem("tanh", width=100)
    path = lu.gradient_descent(f, rng.normal(size=f.dim), 0.3, 3000)
    assert f.value(path.points[-1]) < 1e-12


def test_the_second_derivative_falls_with_the_width():
    """Check prop-width-curvature: central differences of the outputs along random directions."""
    curvature, reach = 4 / (3 * np.sqrt(3)), np.linalg.norm(X, axis=1).max()
    for width in (4, 16, 64):
        f = lu.TwoLayer(X, np.zeros(5), width, "tanh")
        theta, way = RNG.normal(size=(2, 50, f.dim))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        step = 1e-4
        ends = f.residual(theta + step * way) + f.residual(theta - step * way)
        second = np.linalg.norm(ends - 2 * f.residual(theta), axis=1) / step**2
        largest = np.abs(theta[:, 3 * width :]).max(axis=1)
        bound = (reach + curvature * reach**2 * largest) / np.sqrt(width)
        lu.certify("prop-width-curvature", second, bound + 1e-5)


def test_a_kernel_far_from_singular_leads_to_zero():
    """Check thm-wide-network: its three conclusions along a run with short steps."""
    blank = lu.TwoLayer(X, np.zeros(5), 400, "tanh")
    start = RNG.normal(size=blank.dim)
    smallest = np.linalg.eigvalsh(blank.tangent_kernel(start))[0]
    reach = np.linalg.norm(X, axis=1).max()
    largest = np.abs(start[1200:]).max() + 1
    H = (reach + 4 / (3 * np.sqrt(3)) * reach**2 * largest) / 20
    away = RNG.normal(size=5)
    away *= smallest / (4 * H) / np.linalg.norm(away)
    f = lu.TwoLayer(X, np.sqrt(5) * (blank.residual(start) + away), 400, "tanh")
    radius = 2 * np.sqrt(f.value(start) / smallest)
    assert radius < 1
    step = 0.01
    run = lu.gradient_descent(f, start, step, 2000)
    assert np.linalg.norm(run.points - start, axis=1).max() < radius
    assert np.linalg.eigvalsh(f.tangent_kernel(run.points[::50]))[:, 0].min() > smallest / 4
    promised = f.value(start) * np.exp(-smallest * step * run.steps)
    lu.certify("thm-wide-network", run.values, promised * (1 + 1e-9))


def exact(u, v, inputs, targets, root):
    """Return f of ReLUs in rational numbers; the root of the width is given."""
    errors = []
    for x, y in zip(inputs, targets, strict=True):
        units = [
            c * max(sum(a * b for a, b in zip(w, x, strict=True)), 0)
            for w, c in zip(u, v, strict=True)
        ]
        errors.append(Fraction(sum(units)) / root - y)
    return sum(error**2 for error in errors) / len(inputs)


def test_one_unit_has_a_bad_minimum():
    """Check prop-relu-bad-minima's first example, in rational numbers: 2 against 1/2."""
    data = [(1,), (-1,)], [1, 2], 1
    values = {
        exact([(Fraction(p, 7),)], [Fraction(q, 7)], *data)
        for p in range(1, 30)
        for q in range(-30, 30)
    }
    assert min(values) == 2 == exact([(1,)], [1], *data)
    assert exact([(-1,)], [2], *data) == Fraction(1, 2)


def test_the_units_that_see_all_inputs_leave_least_squares():
    """Check prop-relu-bad-minima: |x| at −1, 0, 1 by four units, 2/9 against 0."""
    f = lu.TwoLayer([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]], [1.0, 0.0, 1.0], 4, "relu")
    flat = np.concatenate([np.tile([0.0, 1.0], 4), np.full(4, 1 / 3)])
    assert f.value(flat) == pytest.approx(2 / 9)
    assert np.linalg.norm(f.gradient(flat)) < 1e-14
    changes = RNG.uniform(-0.4, 0.4, size=(2000, f.dim))
    assert f.value(flat + changes).min() >= 2 / 9 - 1e-12
    better = np.concatenate([[1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 1.0], [2.0, 2.0, 0.0, 0.0]])
    assert f.value(better) == 0


def test_it_can_be_compared_copied_and_pickled_and_says_what_it_is():
    f, rng = problem("relu")
    theta = rng.normal(size=f.dim)
    for same in (copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
        assert same == f and hash(same) == hash(f)
        assert same.value(theta) == f.value(theta)
    assert f != lu.TwoLayer(f.inputs, f.targets, f.width, "tanh")
    assert repr(f) == "TwoLayer(inputs=4×3, width=5, activation='relu')"
    with pytest.raises(ValueError, match="read-only"):
        f.inputs[0] = 1.0


@pytest.mark.parametrize(
    "change, said",
    [
        ({"targets": [1.0]}, r"inputs and targets must have shapes \(N, d\) and \(N,\)"),
        ({"inputs": np.zeros((2, 0))}, r"inputs and targets must have .* got \(2, 0\)"),
        ({"activation": "sigmoid"}, "activation must be one of 'tanh', 'relu', got 'sigmoid'"),
        ({"width": 0}, "width must be an integer >= 1"),
        ({"targets": [1e200, 0.0]}, "targets must have squares that do not overflow"),
    ],
)
def test_bad_arguments_are_refused(change, said):
    good = {"inputs": np.eye(2), "targets": np.ones(2), "width": 3, "activation": "tanh"}
    with pytest.raises(ValueError, match=said):
        lu.TwoLayer(**good | change)


def test_bad_layers_are_refused():
    f, _ = problem("tanh")
    with pytest.raises(ValueError, match=r"u must have shape \(..., 5, 3\), got \(3, 5\)"):
        f.join(np.ones((3, 5)), np.ones(5))
    with pytest.raises(ValueError, match="u and v must have leading axes that broadcast"):
        f.join(np.ones((2, 5, 3)), np.ones((3, 5)))


@on_both
def test_far_away_values_are_infinite_and_hessians_are_refused(activation):
    f, _ = problem(activation)
    far = f.join(np.ones((5, 3)), np.full(5, 1e200))
    value, gradient = f.value_and_gradient(far)
    assert np.isinf(value) and np.isinf(gradient).all()
    with pytest.raises(ValueError, match="theta must be near"):
        f.hessian(far)
