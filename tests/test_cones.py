"""Cones against integrals over the circle, closed forms and another solver."""

import control
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.linalg import convolution_matrix, eigh, toeplitz
from scipy.optimize import linprog, minimize, nnls
from scipy.signal import lfilter

import lin_utils as lu

ORDERS = st.integers(1, 6)
SEEDS = st.integers(0, 2**32 - 1)
CIRCLE = np.exp(2j * np.pi * np.arange(4096) / 4096)


def on_circle(a):
    """Return Q on the circle, from a's companion matrix: det(I − wA)."""
    system = lu.LinearRNN.from_coefficients(a, np.zeros(len(a)))
    eigenvalues = np.linalg.eigvals(system.A)
    return np.prod(1 - np.multiply.outer(CIRCLE, eigenvalues), axis=-1)


def coefficients(order, radius, seed):
    return lu.random_system(order, radius, np.random.default_rng(seed)).coefficients()


@given(ORDERS, SEEDS)
def test_the_exact_identity(order, seed):
    """Check cor-identity: the integral and the constant are computed by python-control."""
    (a, c), (a_hat, c_hat) = coefficients(order, 0.8, seed), coefficients(order, 0.8, seed + 1)
    risk = lu.IdealizedRisk(lu.LinearRNN.from_coefficients(a, c))

    def over(numerator, denominator):  # in control's variable z = 1/w
        return control.tf(numerator, denominator, True)(1 / CIRCLE)

    one_and = np.concatenate  # Q has the coefficients (1, a_1, …, a_n) in falling powers of z
    quotient = over(one_and([[1.0], a]), one_and([[1.0], a_hat]))
    error = over(c_hat[::-1], one_and([[1.0], a_hat])) - over(c[::-1], one_and([[1.0], a]))
    integral = (2 * quotient.real * np.abs(error) ** 2).mean()
    theta, truth = risk.join(a_hat, c_hat), risk.join(a, c)
    product = risk.gradient(theta) @ (theta - truth)
    lu.certify_equal("cor-identity", product, integral, tolerance=1e-7)
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    assert constant == pytest.approx(2 * quotient.real.min(), rel=1e-3, abs=1e-3)
    lu.certify("cor-identity", constant * risk.value(theta), product + 1e-8)


def filtered(numerator, denominator, series):
    """Return what the quotient of the series makes of a sequence, by a matrix of its own."""
    length = series.shape[-1]
    above, below = (
        toeplitz(np.pad(p, (0, length))[:length], np.zeros(length))
        for p in (numerator, denominator)
    )
    return np.linalg.solve(below, above @ series.T).T


def two_systems(order, radius, seed):
    """Return (a, c) of a truth of any radius and of a stable model, and a generator."""
    (a, c), model = coefficients(order, 0.8, seed), coefficients(order, 0.8, seed + 1)
    a = a * (radius / 0.8) ** np.arange(1, order + 1)
    return (a, c), model, np.random.default_rng(seed)


@given(ORDERS, st.integers(2, 30), st.floats(0.3, 1.2), SEEDS)
def test_the_identity_of_any_sequences(order, length, radius, seed):
    """Check thm-time-domain-identity for inputs with trends, and for unstable systems too."""
    (a, c), (a_hat, c_hat), rng = two_systems(order, radius, seed)
    inputs = rng.normal(size=(2, length)).cumsum(axis=1) + 1
    system, model = (lu.LinearRNN.from_coefficients(*x) for x in ((a, c), (a_hat, c_hat)))
    outputs, guesses = (s.simulate(inputs[..., None])[..., 0] for s in (system, model))
    risk = lu.SequenceRisk(inputs, outputs, order)
    theta, truth = risk.join(a_hat, c_hat), risk.join(a, c)
    error = guesses - outputs
    right = 2 * (error * filtered([1.0, *a], [1.0, *a_hat], error)).mean()
    product = risk.gradient(theta) @ (theta - truth)
    size = risk.value(theta)
    both = np.array([right, risk.identity_right_side(theta, a)]) / size
    lu.certify_equal("thm-time-domain-identity", product / size, both, tolerance=1e-7)
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    lu.certify("thm-time-domain-identity", constant * size, product, tolerance=1e-7)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), SEEDS)
def test_the_identity_of_several_inputs_and_outputs(order, m, p, seed):
    """Check thm-time-domain-identity for matrices N over Q = det(I − wA), by complex steps."""
    rng = np.random.default_rng(seed)
    inputs, parts = rng.uniform(0, 1, size=(20, m)), []
    for radius in (1.1, 0.8):  # the system and the model
        A = rng.normal(size=(order, order))
        A *= radius / np.abs(np.linalg.eigvals(A)).max()
        system = lu.LinearRNN(A, rng.normal(size=(order, m)), rng.normal(size=(p, order)))
        Q, response = np.poly(A), system.impulse_response(order)
        N = [np.tensordot(Q[: k + 1], response[k::-1], axes=(0, 0)) for k in range(order)]
        parts.append((system, Q, np.array(N)))
    (system, Q, N), (model, Q_hat, N_hat) = parts
    outputs = system.simulate(inputs)

    def errors(Q_hat, N_hat):
        """Return the errors as sums over the inputs of what scipy.signal makes of them."""
        late = np.concatenate([np.zeros((1, m)), inputs[:-1]])
        guesses = [
            sum(lfilter(N_hat[:, i, j], Q_hat, late[:, j].astype(complex)) for j in range(m))
            for i in range(p)
        ]
        return np.stack(guesses, axis=-1) - outputs

    error = errors(Q_hat, N_hat).real
    np.testing.assert_allclose(error, model.simulate(inputs) - outputs, atol=1e-9)
    step = 1e-20j
    moved = errors(Q_hat + step * (Q_hat - Q), N_hat + step * (N_hat - N))
    product = (moved**2).sum().imag / step.imag / 20
    right = 2 / 20 * (error * filtered(Q, Q_hat, error.T).T).sum()
    size = (error**2).sum() / 20
    lu.certify_equal("thm-time-domain-identity", product / size, right / size, tolerance=1e-7)


@given(ORDERS, st.integers(2, 40), SEEDS)
def test_the_identity_of_the_risk_of_t_steps(order, horizon, seed):
    """Check cor-identity for finitely many steps and unstable systems."""
    (a, c), (a_hat, c_hat), _ = two_systems(order, 1.1, seed)
    system, model = (lu.LinearRNN.from_coefficients(*x) for x in ((a, c), (a_hat, c_hat)))
    risk = lu.FiniteRisk(system, horizon)
    theta, truth = risk.join(a_hat, c_hat), risk.join(a, c)
    e = (model.impulse_response(horizon) - system.impulse_response(horizon))[:, 0, 0]
    weights = 1 - np.arange(1, horizon + 1) / horizon
    right = 2 * weights @ (e * filtered([1.0, *a], [1.0, *a_hat], e))
    product, size = risk.gradient(theta) @ (theta - truth), risk.value(theta)
    lu.certify_equal("cor-identity", product / size, right / size, tolerance=1e-7)
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    lu.certify("cor-identity", constant * size, product, tolerance=1e-7)


def test_noise_in_the_outputs_adds_nothing_to_the_mean_of_the_gradient():
    """Check thm-time-domain-identity with noise of both signs: the mean is without noise."""
    (a, c), (a_hat, c_hat), rng = two_systems(3, 1.1, 5)
    inputs, noise = rng.normal(size=(2, 1, 15))
    outputs = lu.LinearRNN.from_coefficients(a, c).simulate(inputs[..., None])[..., 0]
    theta = np.concatenate([a_hat, c_hat])
    plain, up, down = (
        lu.SequenceRisk(inputs, outputs + s * noise, 3).gradient(theta) for s in (0, 1, -1)
    )
    lu.certify_equal("thm-time-domain-identity", (up + down) / 2, plain)
    assert np.abs(up - plain).max() > 0.01


@pytest.mark.parametrize("order, seed", [(1, 0), (2, 1), (3, 2)])
def test_no_larger_constant_holds_for_all_inputs(order, seed):
    """Check the last part of thm-time-domain-identity by the matrices of Q/Q̂ for T steps.

    From an error with ε_1 = 0 the inputs follow: wNx = QQ̂ε, and N(0) = ĉ_n − c_n is not 0.
    """
    a, a_hat = coefficients(order, 0.7, seed)[0], coefficients(order, 0.7, seed + 10)[0]
    c, c_hat = np.zeros((2, order))
    c[-1], c_hat[-1] = 0.5, 1.5
    Q, Q_hat = np.append(1.0, a), np.append(1.0, a_hat)
    N = c_hat[-1] * Q - c[-1] * Q_hat
    constant, excess = lu.weak_quasi_convexity_constant(a_hat, a), []
    for length in (10, 40, 160, 640):
        column = filtered(Q, Q_hat, np.eye(1, length))[0]
        matrix = toeplitz(column, np.zeros(length))
        values, vectors = np.linalg.eigh((matrix + matrix.T)[:-1, :-1])
        excess.append(values[0] - constant)
        if length <= 40:
            error = np.append(0.0, vectors[:, 0])
            inputs = filtered(np.convolve(Q, Q_hat), N, np.append(error[1:], 0.0))[None]
            system = lu.LinearRNN.from_coefficients(a, c)
            risk = lu.SequenceRisk(inputs, system.simulate(inputs[..., None])[..., 0], order)
            ratio = lu.weak_quasi_convexity_ratio(risk, risk.join(a_hat, c_hat), risk.join(a, c))
            lu.certify_equal("thm-time-domain-identity", ratio, values[0], tolerance=1e-6)
    assert (np.array(excess) > -1e-9).all() and (np.diff(excess) < 0).all()
    assert excess[-1] < 0.01 * excess[0]


def pencil(a_hat, a, points=2**14):
    """Return the 2n × 2n Toeplitz matrices of the weights 2Re(Q/Q̂)/|QQ̂|² and 1/|QQ̂|²."""
    w = np.exp(2j * np.pi * np.arange(points) / points)
    Q, Q_hat = (np.polyval(np.append(1.0, b)[::-1], w) for b in (a, a_hat))
    weight = 1 / np.abs(Q * Q_hat) ** 2
    size = len(a) + len(a_hat)
    return tuple(
        toeplitz(np.fft.ifft(x).real[:size]) for x in (2 * (Q / Q_hat).real * weight, weight)
    )


@given(st.integers(1, 4), SEEDS)
def test_the_best_constant_is_an_eigenvalue_and_is_attained(order, seed):
    """Check prop-best-constant: the numerators P, P̂ of an eigenvector N, by Sylvester's matrix."""
    a, a_hat = coefficients(order, 0.7, seed)[0], coefficients(order, 0.7, seed + 1)[0]
    best = lu.best_weak_quasi_convexity_constant(a_hat, a)
    values, vectors = eigh(*pencil(a_hat, a))
    lu.certify_equal("prop-best-constant", best, values[0], tolerance=1e-6)
    lu.certify(
        "prop-best-constant",
        lu.weak_quasi_convexity_constant(a_hat, a),
        best + 1e-9,
        tolerance=1e-9,
    )
    Q, Q_hat = np.append(1.0, a), np.append(1.0, a_hat)
    columns = [convolution_matrix(Q, order), -convolution_matrix(Q_hat, order)]  # of P̂ and of P
    sylvester = np.concatenate(columns, axis=1)
    if np.linalg.cond(sylvester) < 1e6:
        P_hat, P = np.split(np.linalg.solve(sylvester, vectors[:, 0]), 2)
        risk = lu.IdealizedRisk(lu.LinearRNN.from_coefficients(a, P[::-1]))
        theta, truth = risk.join(a_hat, P_hat[::-1]), risk.join(a, P[::-1])
        ratio = lu.weak_quasi_convexity_ratio(risk, theta, truth)
        lu.certify_equal("prop-best-constant", ratio, best, tolerance=1e-6)


@given(st.integers(1, 4), st.integers(0, 2), SEEDS)
def test_no_ratio_is_below_the_best_constant(order, more, seed):
    """Check the lower bound of prop-best-constant for random numerators, n̂ > n too."""
    a, a_hat = coefficients(order, 0.9, seed)[0], coefficients(order + more, 0.9, seed + 1)[0]
    c, c_hat = np.random.default_rng(seed).normal(size=(2, order + more))
    c[:more] = 0.0  # the truth as a larger model, with eigenvalues 0
    risk = lu.IdealizedRisk(lu.LinearRNN.from_coefficients(a, c[more:]), order + more)
    truth = risk.join(np.append(a, np.zeros(more)), c)
    ratio = lu.weak_quasi_convexity_ratio(risk, risk.join(a_hat, c_hat), truth)
    best = lu.best_weak_quasi_convexity_constant(a_hat, a)
    lu.certify("prop-best-constant", best, ratio + 1e-8, tolerance=1e-7)


def test_best_constants_of_known_pairs():
    """Check prop-best-constant, the last pair where π/2 − angle is no constant."""
    first = lu.best_weak_quasi_convexity_constant([[0.0], [0.9], [0.3]], [[-0.5], [-0.9], [0.3]])
    lu.certify_equal("prop-best-constant", first, [1.25, 0.1576039546, 2.0])
    a, a_hat = [-0.39, 0.0, -0.083], [0.465, 0.078, 0.101]
    best = lu.best_weak_quasi_convexity_constant(a_hat, a)
    assert best == pytest.approx(0.7154290600514592, rel=1e-12)
    assert best < np.pi / 2 - lu.cone_angle([a, a_hat]).max()


@given(st.floats(-0.95, 0.95), st.floats(-0.95, 0.95))
def test_the_best_constant_of_one_state_solves_a_quadratic_equation(true, pole):
    """Check prop-best-constant by Pick's matrix.

    The space is spanned by k_x = 1/(1 − xw) at the two poles x, and the mean of f k̄_x is f(x).
    """
    assume(abs(true - pole) > 0.1)
    x = np.array([true, pole])
    S = (1 - true * x) / (1 - pole * x)
    gram = 1 / (1 - np.multiply.outer(x, x))
    form = np.add.outer(S, S) * gram
    middle = form[0, 0] * gram[1, 1] + form[1, 1] * gram[0, 0] - 2 * form[0, 1] * gram[0, 1]
    roots = np.roots([np.linalg.det(gram), -middle, np.linalg.det(form)])
    best = lu.best_weak_quasi_convexity_constant([-pole], [-true])
    lu.certify_equal("prop-best-constant", best, roots.real.min(), tolerance=1e-8)


@pytest.mark.parametrize("true, pole", [(0.5, 0.0), (0.9, -0.9), (-0.3, 0.8)])
def test_the_best_constant_of_repeated_poles_is_that_of_the_pencil(true, pole):
    """Check prop-best-constant for poles that are repeated, within Q and in both."""
    for order in (2, 3):
        a, a_hat = np.poly([true] * order)[1:], np.poly([pole] * order)[1:]
        expected = eigh(*pencil(a_hat, a), eigvals_only=True)[0]
        best = lu.best_weak_quasi_convexity_constant(a_hat, a)
        lu.certify_equal("prop-best-constant", best, expected, tolerance=1e-5)
        same = lu.best_weak_quasi_convexity_constant(a, a)
        lu.certify_equal("prop-best-constant", same, 2.0)


@pytest.mark.parametrize(
    "a_hat, a, expected",
    [
        (np.poly([0.97] * 8)[1:], [0.0], -826988618638.7309),
        ([0.3], np.poly([0.97] * 8)[1:], -1.1888016670626267),
        (np.poly([0.9] * 8)[1:], [0.3, 0.2], -83822990.597701793),
        (np.poly([1 - 1.0811e-4] * 4)[1:], [0.3], None),  # LAPACK has eigenvalues outside
    ],
)
def test_the_best_constant_is_right_for_repeated_poles_near_the_circle(a_hat, a, expected):
    """Check it against the pencil in 60 digits (mpmath)."""
    best = lu.best_weak_quasi_convexity_constant(a_hat, a)
    assert best >= lu.weak_quasi_convexity_constant(a_hat, a)
    if expected is not None:
        assert best == pytest.approx(expected, rel=1e-10)


@given(ORDERS, st.floats(0.2, 1.5), SEEDS)
def test_a_narrow_cone_gives_a_positive_constant(order, angle, seed):
    """Check cor-cone for curves Q that stay in the disk of radius sin(φ/2) around 1."""
    a, a_hat = np.random.default_rng(seed).dirichlet(np.ones(order + 1), 2)[:, :-1]
    a, a_hat = np.sin(angle / 2) * a, -np.sin(angle / 2) * a_hat
    ratio = np.abs(on_circle(a) / on_circle(a_hat)).min()
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    assert lu.cone_angle([a, a_hat]).max() <= angle
    lu.certify("cor-cone", 2 * np.cos(angle) * ratio, constant, tolerance=1e-6)
    assert 2 * np.cos(angle) * ratio > 0


def enough(order, radius, angle):
    """Return the degree from which on the proposition promises the cone."""
    base = order * np.log((1 + radius) / (1 - np.sqrt(radius))) + np.log(1 / np.sin(angle / 2))
    return int(np.ceil(2 / np.log(1 / radius) * base)) - 1


@pytest.mark.parametrize("order, angle", [(1, 0.3), (2, 1.0), (3, 1.5)])
def test_one_constant_holds_on_a_whole_cone(order, angle):
    """Check the α of thm-end-to-end, towards the larger truth of cor-larger-models."""
    a, c = coefficients(order, 0.8, order)
    a = a * (0.4 / np.abs(np.roots([1.0, *a])).max()) ** np.arange(1, order + 1)
    a, c = lu.extend(a, c, enough(order, 0.4, angle))
    models = 2 * np.random.default_rng(order).normal(size=(20, len(a)))
    models = lu.project_to_cone(models, angle)
    values = np.fft.fft(np.insert(models, 0, 1.0, axis=1), 4096, axis=1)
    lu.certify("thm-end-to-end", np.abs(values).max(axis=1), (len(a) + 1) / np.cos(angle / 2))
    smallest = np.abs(np.fft.fft(np.append(1.0, a), 4096)).min()
    alpha = 2 * np.cos(angle) * np.cos(angle / 2) * smallest / (len(a) + 1)
    constants = lu.weak_quasi_convexity_constant(models, a)
    lu.certify("cor-larger-models", alpha, constants, tolerance=1e-6)


def test_the_angle_counts_in_the_constant():
    """Check that the bound of cor-cone needs its cosine, and the constant its hypothesis."""
    a, a_hat = np.array([0.0, 0.6]), np.array([0.6, 0.0])
    ratio = np.abs(on_circle(a) / on_circle(a_hat)).min()
    angle = lu.cone_angle([a, a_hat]).max()
    assert angle < np.pi / 2
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    assert 2 * np.cos(angle) * ratio < constant < 1.8 * ratio
    assert lu.weak_quasi_convexity_constant([1.6, 0.8], [-1.6, 0.8]) < -1  # too wide a cone


@given(ORDERS, st.floats(0.2, 3.0), SEEDS)
def test_projection_lands_in_the_cone_and_keeps_what_is_inside(order, angle, seed):
    """Check that a point of the set of prop-cone-set stays in it on the way to 0."""
    a = np.random.default_rng(seed).normal(size=order)
    projected = lu.project_to_cone(a, angle)
    assert lu.cone_angle(projected) <= angle + 1e-9
    np.testing.assert_allclose(lu.project_to_cone(0.99 * projected, angle), 0.99 * projected)


@pytest.mark.parametrize("order, most", [(1, 0.99), (4, 1.7), (12, 1.9)])
def test_the_cone_is_bounded(order, most):
    """Check that prop-cone-set bounds |a_j| by 2, and by no number far below."""
    directions = np.concatenate([np.eye(order), -np.eye(order)])
    farthest = np.abs(lu.project_to_cone(100 * directions, 3.1)).max()
    lu.certify("prop-cone-set", farthest, 2.0)
    assert farthest > most


def test_projection_is_the_nearest_point():
    a = np.array([-1.5, 0.9, 0.4])
    w = np.exp(1j * np.outer(np.linspace(0, np.pi, 20_001), np.arange(1, 4)))
    slope = np.tan(0.5)

    def room(x):
        Q = 1 + w @ x
        return np.concatenate([slope * Q.real - Q.imag, slope * Q.real + Q.imag])

    other = minimize(
        lambda x: ((x - a) ** 2).sum(),
        np.zeros(3),
        constraints={"type": "ineq", "fun": room},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    assert other.success
    np.testing.assert_allclose(lu.project_to_cone(a, 1.0), other.x, atol=1e-5)


@pytest.mark.parametrize("angle", [0.5, 1.5, 2.8])
def test_the_cone_is_convex_and_its_points_are_stable(angle):
    """Check prop-cone-set between points that were brought into the cone by scaling alone."""
    rng = np.random.default_rng(1)
    ends = rng.normal(size=(2, 100, 5))
    for _ in range(40):
        ends = np.where((lu.cone_angle(ends) > angle)[..., None], 0.9 * ends, ends)
    assert (lu.cone_angle(ends) > angle / 2).mean() > 0.9
    between = ends[0] + rng.uniform(size=(100, 1)) * (ends[1] - ends[0])
    lu.certify("prop-cone-set", lu.cone_angle(between), angle)
    radii = [control.tf([1.0], [1.0, *a], True).poles() for a in between]
    lu.certify("prop-cone-set", np.abs(radii), 1.0)


@given(ORDERS, SEEDS)
def test_a_curve_that_avoids_a_half_line_belongs_to_a_stable_system(order, seed):
    """Check the last part of prop-cone-set for the negative axis: an angle below 2π."""
    a = np.random.default_rng(seed).normal(size=(30, order)) / np.sqrt(order)
    radii = np.array([np.abs(np.roots([1.0, *row])).max() for row in a])
    clear = np.abs(radii - 1) > 0.02  # nearer to 0 the curve can slip between the grid's points
    assert (radii[clear & (lu.cone_angle(a) < 6.0)] < 1).all()


def test_a_curve_around_zero_has_the_full_angle():
    """Check the knock-out of prop-cone-set: 1 + 2w goes around 0."""
    assert lu.cone_angle([2.0]) == pytest.approx(2 * np.pi)


@given(ORDERS, st.integers(0, 30), SEEDS)
def test_extension_keeps_the_transfer_function(order, degree, seed):
    a, c = coefficients(order, 0.8, seed)
    larger_a, larger_c = lu.extend(a, c, degree)
    # P R · Q = P · Q R, as polynomials.
    crossed = np.convolve(larger_c[::-1], np.append(1.0, a))
    np.testing.assert_allclose(
        crossed, np.convolve(c[::-1], np.append(1.0, larger_a)), atol=1e-9 * np.abs(crossed).max()
    )


@pytest.mark.parametrize("pole, degree", [(0.9, 0), (0.9, 6), (-0.5, 10)])
def test_extension_of_a_double_pole(pole, degree):
    """Check prop-over-parametrization where 1/Q has the terms (j + 1)λ^j."""
    larger, _ = lu.extend([-2 * pole, pole**2], [1.0, 1.0], degree)
    expected = np.zeros(degree + 2)
    expected[degree:] = -(degree + 2) * pole ** (degree + 1), (degree + 1) * pole ** (degree + 2)
    lu.certify_equal("prop-over-parametrization", larger, expected)


SLOW = [(3, 0.5, seed) for seed in (0, None)] + [(5, 0.9, seed) for seed in (0, 1, None)]


@pytest.mark.parametrize("order, radius, seed", SLOW)
def test_enough_states_bring_any_stable_system_into_any_cone(order, radius, seed):
    """Check prop-over-parametrization for random poles, and for one of the order n (None)."""
    if seed is None:
        a = np.poly(np.full(order, radius))[1:]
    else:
        a = coefficients(order, 0.8, seed)[0]
        a = a * (radius / np.abs(np.roots([1.0, *a])).max()) ** np.arange(1, order + 1)
    degrees = np.array([0, 5, 10, 20, 40, 80, 160, 320])
    distance = [np.abs(np.fft.fft([0.0, *lu.extend(a, a, m)[0]], 4096)).max() for m in degrees]
    bounds = ((1 + radius) / (1 - np.sqrt(radius))) ** order * radius ** ((degrees + 1) / 2)
    lu.certify("prop-over-parametrization", distance, bounds + 1e-11)
    for angle in (0.1, 1.0, 3.0):
        larger, _ = lu.extend(a, a, enough(order, radius, angle))
        lu.certify("prop-over-parametrization", lu.cone_angle(larger), angle)
    assert lu.cone_angle(a) > 0.1  # it was not there before


def fits(Q, degree, angle):
    """Tell whether a factor of this degree brings Q into the cone, by a linear program."""
    w = np.exp(1j * np.linspace(0, np.pi, 400))[:, None]
    columns = np.polyval(Q[::-1], w) * w ** np.arange(degree + 1)
    room = np.concatenate([np.tan(angle / 2) * columns.real + s * columns.imag for s in (1, -1)])
    constraints = np.concatenate([-room[:, 1:], np.ones((800, 1))], axis=1)
    bounds = [(None, None)] * degree + [(None, 1.0)]
    result = linprog(-np.eye(1, degree + 1, degree)[0], constraints, room[:, 0], bounds=bounds)
    assert result.success
    return -result.fun >= 0


@pytest.mark.parametrize(
    "order, radius, angle",
    [(1, 0.5, 0.3), (2, 0.6, 1.0), (3, 0.7, 0.8), (4, 0.5, 1.5), (3, 0.8, 1.0), (2, 0.2, 2.0)],
)
def test_a_pole_of_high_order_needs_many_states(order, radius, angle):
    """Check prop-degree-needed against the best factors of all, and those of `extend`."""
    Q = np.poly(np.full(order, radius))
    needed = (2 * order * np.arctan(radius) - angle) / (np.pi / 2 - 2 * np.arctan(radius))
    best = next(degree for degree in range(100) if fits(Q, degree, angle))
    simple = next(m for m in range(200) if lu.cone_angle(lu.extend(Q[1:], Q[1:], m)[0]) <= angle)
    lu.certify("prop-degree-needed", needed, best)
    assert best <= simple
    lu.certify("prop-over-parametrization", simple, max(enough(order, radius, angle), 0))


POLES = [(0.5, 0.3), (-0.9, 0.6), (0.7, -0.95), (0.0, 0.8), (0.9, 0.9)]


@pytest.mark.parametrize("true, pole", POLES)
def test_one_state_in_closed_form(true, pole):
    """Check prop-one-state by sums and by a grid on the circle."""
    c, c_hat, k = 1.5, -0.7, np.arange(2000)
    total = ((c_hat * pole**k - c * true**k) ** 2).sum()
    formula = c_hat**2 / (1 - pole**2) - 2 * c_hat * c / (1 - pole * true) + c**2 / (1 - true**2)
    risk = lu.IdealizedRisk(lu.LinearRNN([[true]], [[1.0]], [[c]]))
    lu.certify_equal("prop-one-state", [total, risk.value([-pole, c_hat])], formula)
    constant = 2 * min((1 - true) / (1 - pole), (1 + true) / (1 + pole))
    by_grid = 2 * ((1 - true * CIRCLE) / (1 - pole * CIRCLE)).real.min()
    computed = lu.weak_quasi_convexity_constant([-pole], [-true])
    lu.certify_equal("prop-one-state", [by_grid, computed], constant, tolerance=1e-7)
    ratio = lu.weak_quasi_convexity_ratio(risk, [-pole, c_hat], [-true, c])
    lu.certify("prop-one-state", [1 - abs(true), constant], [constant, ratio])


@pytest.mark.parametrize("true", [0.0, 0.6, -0.8])
def test_the_uniform_constant_of_one_state_is_the_limit(true):
    """Check that 1 − |λ| of prop-one-state is sharp: as the pole nears the circle, far from λ."""
    pole = -0.999999 * np.sign(true or 1.0)
    constant = lu.weak_quasi_convexity_constant([-pole], [-true])
    lu.certify_equal("prop-one-state", constant, 1 - abs(true), tolerance=1e-4)


@pytest.mark.parametrize("order", [3, 20])
@pytest.mark.parametrize("size", [1e-8, 1.0, 100.0, 1e8])
def test_projections_are_in_the_cone_and_no_point_of_it_is_nearer(order, size):
    """Check the condition for a nearest point y of a: (a − y)·(z − y) <= 0 for all z inside."""
    rng = np.random.default_rng(order)
    a = size * rng.normal(size=(8, order))
    y = lu.project_to_cone(a, 1.4)
    assert lu.cone_angle(y).max() <= 1.4 + 1e-8 * max(1.0, size / 1e4)
    inside = lu.project_to_cone(rng.normal(size=(50, order)), 1.4)
    product = np.einsum("kn,kzn->kz", a - y, inside - y[:, None])
    assert product.max() <= 1e-8 * max(1.0, np.abs(a).max())
    np.testing.assert_allclose([lu.project_to_cone(x, 1.4) for x in a], y, atol=1e-7)


# Where two touching points nearly meet, or one nearly vanishes.
HARD = [
    (10, 1.0, 10.0, 0.0, (2056, 5209)),
    (20, 0.5, 3.0, 0.0, (2174, 2593, 2721, 3409)),
    (20, 1.5, 1.0, 0.1, (556, 936, 1749, 3158)),
    (20, 2.0, 3.0, 0.0, (3510,)),
    (20, 3.0, 100.0, 0.0, (21, 617, 655, 840)),
    (30, 0.2, 1.0, 0.04, (98, 802)),
    (30, 0.5, 1.0, 1e-3, (533, 646, 871, 897)),
    (30, 2.5, 1.0, 1e-6, (14, 54, 157, 179)),
    (30, 3.0, 100.0, 0.0, (17, 21, 47, 170)),
    (30, 3.1, 100.0, 0.0, (6, 21, 103, 111)),
    (40, 0.05, 1.0, 0.03, (482,)),
]


@pytest.mark.parametrize("order, angle, size, step, seeds", HARD)
def test_hard_projections(order, angle, size, step, seeds):
    """Check that a − y is a positive combination of the half-spaces' normals where y touches."""
    theta = 2 * np.pi * np.arange(2.0**16) / 2**16
    for seed in seeds:
        rng = np.random.default_rng(seed)
        a = size * rng.normal(size=order)
        if step:
            a = lu.project_to_cone(a, angle) + step * rng.normal(size=order)
        y = lu.project_to_cone(a, angle)
        Q = np.polynomial.polynomial.polyval(np.exp(1j * theta), [1.0, *y])
        excess = (np.exp(-0.5j * angle) * Q).imag
        assert excess.max() <= 1e-12 + 1e-14 * np.abs(a).sum()
        touching = theta[excess > -1e-5]
        normals = np.sin(np.outer(np.arange(1, order + 1), touching) - angle / 2)
        weights, residual = nnls(normals, a - y)
        assert residual <= 1e-5 * np.linalg.norm(a - y)
        assert weights @ -excess[excess > -1e-5] <= 1e-5 * weights.sum()


@pytest.mark.parametrize("order", [2, 200])
@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8])
def test_narrow_dips_are_found(order, distance):
    """Check Q̂ = 1 + r wⁿ, where n zeros are as far from the circle as that."""
    power = (1 - distance) ** order
    a_hat, a = np.zeros((2, order))
    a_hat[-1], a[-1] = power, -0.5
    # (1 − w/2)/(1 + rw) takes the circle to one around the real axis: the ends are at w = ±1.
    expected = 2 * min(0.5 / (1 + power), 1.5 / (1 - power))
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    assert constant == pytest.approx(expected, rel=1e-14 / distance)
    assert lu.cone_angle(a_hat) == pytest.approx(2 * np.arcsin(power), rel=1e-7)


def test_a_narrow_negative_dip_beside_a_real_pole():
    """Check Re((1 + bw)/(1 − rw)) where the minimum is at neither end, by brute force."""
    a_hat, a = np.array([-2 * 0.99999 * np.cos(1.0), 0.99999**2]), np.array([0.3, -0.2])
    angle = 1.0 + np.linspace(-1e-3, 1e-3, 2_000_001)
    w = np.exp(1j * angle)
    ratio = (1 + 0.3 * w - 0.2 * w**2) / (1 + a_hat[0] * w + a_hat[1] * w**2)
    expected = 2 * ratio.real.min()
    assert lu.weak_quasi_convexity_constant(a_hat, a) == pytest.approx(expected, rel=1e-7)


def test_cones_are_batched():
    rng = np.random.default_rng(0)
    a_hat, a = 0.3 * rng.normal(size=(3, 1, 4)), 0.3 * rng.normal(size=(5, 2))
    a_hat[1, 0, -1] = 0.99999  # narrow for one member alone
    constants = lu.weak_quasi_convexity_constant(a_hat, a)
    for index in np.ndindex(3, 5):
        single = lu.weak_quasi_convexity_constant(a_hat[index[0], 0], a[index[1]])
        assert constants[index] == pytest.approx(single, rel=1e-12)
    np.testing.assert_allclose(lu.cone_angle(a), [lu.cone_angle(row) for row in a], rtol=1e-12)
    larger, numerators = lu.extend(a, a[:1], 3)
    assert larger.shape == numerators.shape == (5, 5)
    np.testing.assert_array_equal(larger[2], lu.extend(a[2], a[0], 3)[0])


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.project_to_cone([0.5], 0.0), r"angle must be in \(0, 3.14159\), got 0.0"),
        (lambda: lu.project_to_cone([0.5], 3.2), r"angle must be in \(0, 3.14159\), got 3.2"),
        (lambda: lu.cone_angle(0.5), r"a must have shape \(..., n\) with n >= 1, got \(\)"),
        (lambda: lu.cone_angle([1.0]), "a must have no zero of its Q within 1e-09|1e-9"),
        (
            lambda: lu.weak_quasi_convexity_constant([0.0, 1.0], [0.5]),
            "a_hat must have no zero of its Q",
        ),
        (lambda: lu.extend([2.0], [1.0], 2000), "degree must be so small"),
        (lambda: lu.extend([0.5], [1.0], -1), "degree must be an integer >= 0, got -1"),
        (lambda: lu.extend([0.5], [1.0, 2.0], 1), "a and c must have equal lengths"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
