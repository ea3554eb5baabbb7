"""Linear recurrent networks against python-control, automatic differentiation and brute force."""

import copy
import pickle
import tracemalloc
from fractions import Fraction
from itertools import product

import autograd
import autograd.numpy as anp
import control
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov
from scipy.optimize import brentq, least_squares, minimize

import lin_utils as lu

ORDERS = st.integers(1, 6)
SEEDS = st.integers(0, 2**32 - 1)


def pair(order, seed, other=None):
    """Return a true system and the parameters of a stable model."""
    rng = np.random.default_rng(seed)
    system = lu.random_system(order, 0.8, rng)
    model = lu.random_system(other or order, 0.8, rng)
    return system, np.concatenate(model.coefficients())


def schur_stable(p, bits=6000):
    """Tell whether p has all zeros outside of the disk, by its Schur parameters in integers."""
    p = [int(x * 2**bits) for x in p]
    while len(p) > 1:
        if abs(p[-1]) >= p[0]:
            return False
        p = [(x * p[0] - p[-1] * y) >> bits for x, y in zip(p[:-1], p[:0:-1], strict=True)]
        p = [(x << bits) // p[0] for x in p]
    return True


def scaled_by(a, radius):
    """Return the coefficients of Q(w/radius) as fractions."""
    return [Fraction(x) / Fraction(radius) ** k for k, x in enumerate([1.0, *a.tolist()])]


def generic(n, m, p, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    A *= 0.9 / np.abs(np.linalg.eigvals(A)).max()
    return lu.LinearRNN(
        A, rng.normal(size=(n, m)), rng.normal(size=(p, n)), rng.normal(size=(p, m))
    )


@pytest.mark.parametrize("n, m, p", [(1, 1, 1), (3, 2, 1), (4, 1, 3), (5, 2, 2)])
def test_simulation_is_the_recurrence(n, m, p):
    system = generic(n, m, p)
    inputs = np.random.default_rng(1).normal(size=(2, 3, 50, m))
    outputs = system.simulate(inputs)
    state = np.zeros((2, 3, n))
    for t in range(50):
        expected = state @ system.C.T + inputs[..., t, :] @ system.D.T
        np.testing.assert_allclose(outputs[..., t, :], expected, atol=1e-10)
        state = state @ system.A.T + inputs[..., t, :] @ system.B.T


@pytest.mark.parametrize("n, m, p", [(1, 1, 1), (4, 2, 3)])
def test_responses_agree_with_python_control(n, m, p):
    system = generic(n, m, p)
    other = control.ss(system.A, system.B, system.C, system.D, True)
    frequencies = np.linspace(0.1, 3, 20)
    # control's variable is z = 1/w, and its response comes one step later.
    z = np.exp(-1j * frequencies)
    expected = np.array([(other(point) - system.D) * point for point in z])
    np.testing.assert_allclose(
        system.transfer_function(frequencies), expected.reshape(20, p, m), atol=1e-10
    )
    response = control.impulse_response(other, T=np.arange(10)).outputs
    np.testing.assert_allclose(
        system.impulse_response(9), np.reshape(response, (p, m, 10)).transpose(2, 0, 1)[1:]
    )


@given(ORDERS, SEEDS)
def test_the_canonical_form_has_the_same_responses(order, seed):
    """Check part 1 of prop-canonical-form."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(order, order)) / np.sqrt(order)
    system = lu.LinearRNN(A, rng.normal(size=(order, 1)), rng.normal(size=(1, order)))
    form = system.controllable_form()
    expected = system.impulse_response(30)
    np.testing.assert_allclose(
        form.impulse_response(30), expected, atol=1e-7 * np.abs(expected).max()
    )


@pytest.mark.parametrize("B", [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
def test_a_system_that_is_not_controllable_has_a_canonical_form_too(B):
    """Check that part 1 of prop-canonical-form needs no hypothesis, and that part 2 does."""
    system = lu.LinearRNN(np.diag([0.5, 0.5, -0.9]), np.transpose([B]), [[1.0, 2.0, 3.0]])
    response = system.controllable_form().impulse_response(30)
    lu.certify_equal("prop-canonical-form", response, system.impulse_response(30))
    with pytest.raises(ValueError, match="must be controllable"):
        system.controllable_similarity()


def test_the_coefficients_of_a_canonical_form_come_back_unchanged():
    a, c = np.random.default_rng(0).normal(size=(2, 100)) / 100
    system = lu.LinearRNN.from_coefficients(a, c)
    np.testing.assert_array_equal(system.coefficients(), [a, c])


def test_the_similarity_is_that_of_python_control():
    """Check part 2 of prop-canonical-form."""
    system = generic(4, 1, 1)
    T = system.controllable_similarity()
    form = system.controllable_form()
    inverse = np.linalg.inv(T)
    np.testing.assert_allclose(T @ system.A @ inverse, form.A, atol=1e-8)
    np.testing.assert_allclose(T @ system.B, form.B, atol=1e-9)
    np.testing.assert_allclose(system.C @ inverse, form.C, atol=1e-8)
    same = control.ss(system.A, system.B, system.C, 0, True)
    theirs, _ = control.canonical_form(same, "reachable")
    np.testing.assert_allclose(theirs.A[0], form.A[-1][::-1], atol=1e-8)


@given(ORDERS, ORDERS, SEEDS)
def test_the_idealized_risk_is_the_same_by_frequencies_and_by_lyapunov(order, other, seed):
    """Check prop-parseval for one input and one output."""
    system, theta = pair(order, seed, other)
    model = lu.LinearRNN.from_coefficients(*np.split(theta, 2))
    by_frequencies = lu.IdealizedRisk(system, other).value(theta)
    by_lyapunov = lu.idealized_risk(model, system)
    assert by_frequencies == pytest.approx(by_lyapunov, rel=1e-10, abs=1e-10)


def test_the_idealized_risk_is_the_squared_h2_norm_of_python_control():
    model, system = generic(3, 2, 2, 1), generic(4, 2, 2, 2)
    difference = control.ss(model.A, model.B, model.C, 0 * model.D, True) - control.ss(
        system.A, system.B, system.C, 0 * system.D, True
    )
    response = control.impulse_response(difference, T=np.arange(400)).outputs
    total = (response**2).sum()
    feedthrough = ((model.D - system.D) ** 2).sum()
    assert lu.idealized_risk(model, system) == pytest.approx(total + feedthrough, rel=1e-8)
    circle = np.linspace(0, 2 * np.pi, 2048, endpoint=False)
    error = model.transfer_function(circle) - system.transfer_function(circle)
    mean = (np.abs(error) ** 2).sum(axis=(1, 2)).mean()
    lu.certify_equal("prop-parseval", mean, total, tolerance=1e-8)


@pytest.mark.parametrize("n, m, p, length", [(1, 1, 1, 8), (3, 1, 2, 7), (2, 2, 1, 5)])
def test_the_risk_of_t_steps_is_the_mean_over_white_inputs(n, m, p, length):
    """Check prop-finite-risk exactly: independent signs are white, and all of them are tried."""
    system, model = generic(n, m, p, 1), generic(n + 1, m, p, 2)
    inputs = np.array(list(product([-1.0, 1.0], repeat=length * m))).reshape(-1, length, m)
    errors = model.simulate(inputs) - system.simulate(inputs)
    mean, direct = (errors**2).sum(axis=-1).mean(), ((model.D - system.D) ** 2).sum()
    e = model.impulse_response(length - 1) - system.impulse_response(length - 1)
    weights = 1 - np.arange(1, length) / length
    lu.certify_equal("prop-finite-risk", mean, direct + weights @ (e**2).sum(axis=(1, 2)))
    if m == p == 1:
        risk = lu.FiniteRisk(system, length, n + 1)
        assert risk.value(np.concatenate(model.coefficients())) == pytest.approx(mean - direct)


@pytest.mark.parametrize("decay", [0.3, 0.8])
def test_the_price_of_idealization_falls_like_one_over_t(decay):
    """Check prop-horizon where ‖e_k‖ is just cρ^{k−1}: then the upper bound is the limit."""
    system, silent = lu.LinearRNN([[decay]], [[1.0]], [[2.0]]), [0.0, 0.0]
    horizons = np.array([1, 2, 5, 20, 1000])
    ideal = lu.IdealizedRisk(system).value(silent)
    gaps = [ideal - lu.FiniteRisk(system, horizon).value(silent) for horizon in horizons]
    bounds = 4 / (horizons * (1 - decay**2) ** 2)
    lu.certify("prop-horizon", gaps, bounds)
    assert gaps[-1] == pytest.approx(bounds[-1])
    k = np.minimum([[1], [2], [3]], horizons)
    lu.certify("prop-horizon", k / horizons * 4 * decay ** (2 * k - 2), gaps)


def finite_loss(system, horizon, order):
    truth = system.impulse_response(horizon)[:, 0, 0]

    def loss(theta):
        a, c = theta[:order], theta[order:]
        series, total = [], 0.0
        for k in range(horizon - 1):
            term = c[order - 1 - k] if k < order else 0.0
            for j in range(1, min(k, order) + 1):
                term = term - a[j - 1] * series[k - j]
            series.append(term)
            total = total + (1 - (k + 1) / horizon) * (term - truth[k]) ** 2
        return total

    return loss


@pytest.mark.parametrize("order, model_order", [(1, 1), (2, 2), (3, 3), (2, 4), (3, 2)])
def test_the_finite_risk_agrees_with_automatic_differentiation(order, model_order):
    """Check the formula of prop-finite-risk, and its derivatives."""
    system, theta = pair(order, 5, model_order)
    risk, loss = lu.FiniteRisk(system, 15, model_order), finite_loss(system, 15, model_order)
    np.testing.assert_allclose(risk.value(theta), loss(theta), rtol=1e-10)
    np.testing.assert_allclose(risk.gradient(theta), autograd.grad(loss)(theta), rtol=1e-8)
    np.testing.assert_allclose(
        risk.hessian(theta), autograd.hessian(loss)(theta), rtol=1e-7, atol=1e-8
    )


@given(ORDERS, SEEDS)
def test_the_idealized_risk_is_infinite_just_where_an_eigenvalue_is_outside(order, seed):
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(20, 2 * order)) * rng.choice([0.1, 0.3, 1.0], size=(20, 1))
    models = [lu.LinearRNN.from_coefficients(*np.split(point, 2)) for point in theta]
    unstable = [model.spectral_radius >= 1 for model in models]
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.5]], [[1.0]], [[1.0]]), order)
    assert np.isinf(risk.value(theta)).tolist() == unstable
    assert np.isinf([risk.value(point) for point in theta]).tolist() == unstable


@pytest.mark.parametrize("radius", [0.9, 0.99, 0.999])
def test_the_idealized_risk_takes_as_many_points_as_slow_decay_needs(radius):
    a, c = np.array([0.0, radius**2]), np.array([0.0, 1.0])  # 1/(1 + (rw)²)
    risk = lu.IdealizedRisk(lu.LinearRNN.from_coefficients([0.0, 0.0], [0.0, 0.0]))
    theta = np.concatenate([a, c])
    assert risk.value(theta) == pytest.approx(1 / (1 - radius**4), rel=1e-12)


@pytest.mark.parametrize("order, model_order", [(1, 1), (2, 2), (3, 3), (2, 4), (3, 2)])
def test_the_idealized_risk_is_the_limit_with_its_derivatives(order, model_order):
    system, theta = pair(order, 6, model_order)
    ideal, long = lu.IdealizedRisk(system, model_order), lu.FiniteRisk(system, 10**5, model_order)
    for method in ("value", "gradient", "hessian"):
        np.testing.assert_allclose(
            getattr(ideal, method)(theta), getattr(long, method)(theta), rtol=3e-3, atol=1e-3
        )
    check = lu.check_gradient(ideal, theta, np.ones(2 * model_order))
    assert check.first_slope > 1.7 and check.second_slope > 2.5


def test_risks_are_batched():
    system, theta = pair(2, 7)
    points = theta + 0.01 * np.random.default_rng(0).normal(size=(2, 3, 4))
    given = lu.SequenceRisk(*sequences(system, 3, 9), 2)
    for risk in (lu.IdealizedRisk(system), lu.FiniteRisk(system, 20), given):
        for method in (risk.value, risk.gradient, risk.hessian):
            singles = [[method(point) for point in row] for row in points]
            np.testing.assert_allclose(method(points), singles, rtol=1e-9, atol=1e-12)


def sequences(system, count, length, seed=2):
    """Return inputs that are not white, and the outputs of the system."""
    inputs = np.random.default_rng(seed).normal(size=(count, length)).cumsum(axis=1)
    return inputs, system.simulate(inputs[..., None])[..., 0]


@pytest.mark.parametrize("order, model_order", [(1, 1), (3, 3), (2, 4), (3, 2)])
def test_the_risk_of_sequences_agrees_with_automatic_differentiation(order, model_order):
    system, theta = pair(order, 8, model_order)
    inputs, outputs = sequences(system, 4, 12)
    outputs = outputs + np.random.default_rng(0).normal(size=outputs.shape)

    def loss(theta):
        n = model_order
        A = anp.concatenate([np.eye(n)[1:], -theta[:n][::-1][None]])
        state, total = anp.zeros((4, n)), 0.0
        for t in range(12):
            total = total + anp.sum((anp.dot(state, theta[n:]) - outputs[:, t]) ** 2)
            state = anp.dot(state, A.T) + inputs[:, t][:, None] * np.eye(n)[-1]
        return total / 48

    risk = lu.SequenceRisk(inputs, outputs, model_order)
    np.testing.assert_allclose(risk.value(theta), loss(theta), rtol=1e-12)
    np.testing.assert_allclose(risk.gradient(theta), autograd.grad(loss)(theta), rtol=1e-9)
    np.testing.assert_allclose(
        risk.hessian(theta), autograd.hessian(loss)(theta), rtol=1e-8, atol=1e-9
    )


def test_sequences_shorter_than_the_order_and_orders_beyond_the_grid_are_handled():
    system, theta = pair(6, 9)
    inputs, outputs = np.random.default_rng(3).normal(size=(2, 5, 4))

    def loss(theta):
        model = lu.LinearRNN.from_coefficients(*np.split(theta, 2))
        return ((model.simulate(inputs[..., None])[..., 0] - outputs) ** 2).mean()

    shifts = 1e-5 * np.eye(12)
    numeric = [(loss(theta + s) - loss(theta - s)) / 2e-5 for s in shifts]
    gradient = lu.SequenceRisk(inputs, outputs, 6).gradient(theta)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)
    c = np.random.default_rng(4).normal(size=400)
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.0]], [[1.0]], [[0.0]]), 400)
    assert risk.value(risk.join(np.zeros(400), c)) == pytest.approx((c**2).sum())


@pytest.mark.parametrize("radius", [0.8, 1.3])
@pytest.mark.parametrize("order, model_order", [(1, 1), (3, 3), (2, 4), (3, 2)])
def test_the_mean_over_unit_impulses_is_the_mean_over_white_inputs(order, model_order, radius):
    """Check prop-finite-risk without chance: √T e_1, …, √T e_T are white as a set."""
    system, theta = pair(order, 5, model_order)
    a, c = system.coefficients()
    system = lu.LinearRNN.from_coefficients(a * (radius / 0.8) ** np.arange(1, order + 1), c)
    inputs = np.sqrt(20) * np.eye(20)
    risk = lu.SequenceRisk(inputs, system.simulate(inputs[..., None])[..., 0], model_order)
    finite = lu.FiniteRisk(system, 20, model_order)
    for method in ("value", "gradient", "hessian"):
        mean, formula = getattr(risk, method)(theta), getattr(finite, method)(theta)
        lu.certify_equal("prop-finite-risk", mean, formula)


def test_random_inputs_give_the_gradient_of_the_finite_risk_within_standard_errors():
    system, theta = pair(3, 4)
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(2000, 20))
    outputs = system.simulate(inputs[..., None])[..., 0] + rng.normal(size=inputs.shape)
    each = np.array(
        [
            lu.SequenceRisk(x[None], y[None], 3).gradient(theta)
            for x, y in zip(inputs, outputs, strict=True)
        ]
    )
    np.testing.assert_allclose(
        each.mean(axis=0), lu.SequenceRisk(inputs, outputs, 3).gradient(theta)
    )
    off = each.mean(axis=0) - lu.FiniteRisk(system, 20).gradient(theta)
    assert (np.abs(off) < 4 * each.std(axis=0) / np.sqrt(2000)).all()


@pytest.mark.parametrize("n, m, p", [(1, 1, 1), (3, 2, 1), (4, 1, 3), (3, 2, 2)])
def test_least_squares_finds_the_whole_response_of_any_system_without_noise(n, m, p):
    system = generic(n, m, p)
    system = lu.LinearRNN(1.5 * system.A, system.B, system.C)  # not stable
    inputs = np.random.default_rng(1).uniform(0, 1, size=(2, 3, 10, m))
    found = lu.estimate_impulse_response(inputs, system.simulate(inputs), 9)
    np.testing.assert_allclose(found, system.impulse_response(9), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("m, p", [(1, 1), (2, 3)])
def test_least_squares_solves_the_normal_equations_and_errs_as_they_say(m, p):
    """Check the errors of each entry against their covariance σ²(XᵀX)⁻¹."""
    rng = np.random.default_rng(2)
    response = rng.normal(size=(4, p, m))
    inputs, noise = rng.normal(size=(5, 400, m)), 0.3 * rng.normal(size=(5, 400, p))
    late = np.concatenate([np.zeros((5, 4, m)), inputs], axis=1)
    columns = np.stack([late[:, 3 - k : 403 - k] for k in range(4)], axis=2).reshape(-1, 4 * m)
    blocks = response.transpose(0, 2, 1).reshape(4 * m, p)
    outputs = (columns @ blocks).reshape(5, 400, p) + noise
    found = lu.estimate_impulse_response(inputs, outputs, 4)
    gram = columns.T @ columns
    expected = np.linalg.solve(gram, columns.T @ outputs.reshape(-1, p))
    np.testing.assert_allclose(found.transpose(0, 2, 1).reshape(4 * m, p), expected, rtol=1e-9)
    errors = (expected - blocks) / (0.3 * np.sqrt(np.diag(np.linalg.inv(gram)))[:, None])
    assert 0.3 < errors.std() and np.abs(errors).max() < 4


@pytest.mark.parametrize("n, m, p", [(1, 1, 1), (4, 2, 3), (5, 1, 2), (6, 3, 1)])
@pytest.mark.parametrize("radius", [0.9, 1.1])
def test_ho_kalman_realizes_the_response_of_a_system(n, m, p, radius):
    """Check that the eigenvalues, which no coordinates change, come back too."""
    system = generic(n, m, p)
    system = lu.LinearRNN(radius / 0.9 * system.A, system.B, system.C)
    found = lu.ho_kalman(system.impulse_response(2 * n), n)
    expected = system.impulse_response(40)
    np.testing.assert_allclose(
        found.impulse_response(40), expected, atol=1e-7 * np.abs(expected).max()
    )
    eigenvalues = [np.sort_complex(np.linalg.eigvals(s.A)) for s in (found, system)]
    np.testing.assert_allclose(*eigenvalues, atol=1e-7)


def test_least_squares_and_ho_kalman_find_a_system_from_one_noisy_sequence():
    system = generic(3, 2, 2)
    system = lu.LinearRNN(system.A, system.B, system.C)
    rng, errors = np.random.default_rng(0), []
    for length in (2_000, 50_000):
        inputs = rng.normal(size=(length, 2))
        outputs = system.simulate(inputs) + 0.1 * rng.normal(size=(length, 2))
        found = lu.ho_kalman(lu.estimate_impulse_response(inputs, outputs, 30), 3)
        errors.append(lu.idealized_risk(found, system))
    assert errors[1] < errors[0] / 5 < 1e-3 * (system.impulse_response(300) ** 2).sum()


@pytest.mark.parametrize("seed", range(4))
def test_a_truncation_errs_at_most_twice_the_singular_values_that_are_left_out(seed):
    """Check the bound of balanced truncation, with the singular values from the Gramians."""
    rng = np.random.default_rng(seed)
    system = lu.LinearRNN(
        np.diag([0.8, -0.5, 0.3]), rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    )
    reached = solve_discrete_lyapunov(system.A, system.B @ system.B.T)
    seen = solve_discrete_lyapunov(system.A.T, system.C.T @ system.C)
    sizes = np.sqrt(np.sort(np.linalg.eigvals(reached @ seen).real)[::-1])
    circle = np.linspace(0, 2 * np.pi, 400)
    for order in (1, 2):
        found = lu.ho_kalman(system.impulse_response(100), order)
        error = found.transfer_function(circle) - system.transfer_function(circle)
        largest = np.linalg.norm(error, ord=2, axis=(1, 2)).max()
        assert 0.9 * sizes[order] < largest <= 2 * sizes[order:].sum() + 1e-6


def critical_points(risk, starts, method, rng):
    """Return what BFGS on the risk, or Newton's method on its gradient, ends at: θ and f/f(0)."""
    zero, found = risk.value(np.zeros(risk.dim)), []

    def inside(theta):
        eigenvalues = np.roots(np.append(1.0, theta[: risk.order]))
        if np.abs(eigenvalues).max(initial=0) > 0.97:
            return np.inf, np.full(risk.dim, np.inf)
        value, gradient = risk.value_and_gradient(theta)
        return value / zero, gradient / zero

    for _ in range(starts):
        start = np.concatenate(lu.random_system(risk.order, 0.95, rng).coefficients())
        if method == "BFGS":
            with np.errstate(invalid="ignore"):
                end = minimize(inside, start, jac=True, method="BFGS", options={"gtol": 1e-10}).x
        else:
            end = least_squares(
                lambda theta: inside(theta)[1],
                start,
                jac=lambda theta: risk.hessian(theta) / zero,
                xtol=1e-15,
                ftol=1e-15,
                gtol=1e-15,
                max_nfev=40,
            ).x
        value, gradient = inside(end)
        if np.abs(gradient).max() < 1e-8:
            found.append((end, value))
    return found


@pytest.mark.parametrize("method", ["BFGS", "Newton"])
@pytest.mark.parametrize("order, model_order", [(1, 1), (2, 2), (3, 3), (1, 3), (2, 3)])
def test_stable_critical_points_are_global_minima(order, model_order, method):
    """Check thm-stable-first-order-optimality: a search for the gradient's zeros finds no other."""
    rng, found = np.random.default_rng(order), []
    for _ in range(5):
        risk = lu.IdealizedRisk(lu.random_system(order, 0.9, rng), model_order)
        found += critical_points(risk, 3, method, rng)
    assert len(found) >= (10 if method == "BFGS" else 1)
    values = [value for _, value in found]
    lu.certify("thm-stable-first-order-optimality", values, 1e-12)


BIMODAL = lu.LinearRNN.from_coefficients([-1.1314, 0.25], [-0.4, 0.05])


def test_a_model_with_too_few_states_has_two_minima():
    """Check that thm-stable-first-order-optimality needs n̂ ≥ n: what is left after ĉ is minimized.

    For the pole x it is f/f(0) = 1 − (1 − x²)G(x)²/‖G‖², whose derivative has a polynomial above.
    """
    P, Q = np.array([-0.4, 0.05]), np.array([0.25, -1.1314, 1.0])  # falling powers, of w = x
    power = np.polymul([-1.0, 0.0, 1.0], np.polymul(P, P))
    slope = np.polysub(np.polymul(np.polyder(power), Q), 2 * np.polymul(power, np.polyder(Q)))
    poles = np.sort([x.real for x in np.roots(slope) if abs(x) < 1 and abs(x.imag) < 1e-12])
    risk = lu.IdealizedRisk(BIMODAL, 1)
    c = (1 - poles**2) * np.polyval(P, poles) / np.polyval(Q, poles)
    theta = np.stack([-poles, c], axis=-1)
    np.testing.assert_allclose(risk.gradient(theta), 0, atol=1e-12)
    zero = risk.value(np.zeros(2))
    np.testing.assert_allclose(risk.value(theta) / zero, [0.9762, 1.0, 0.2772], atol=5e-5)
    assert lu.classify(risk, theta).tolist() == ["local minimum", "strict saddle", "local minimum"]
    found = critical_points(risk, 20, "BFGS", np.random.default_rng(0))
    ends = np.unique(np.round([value for _, value in found], 4))
    assert set(ends) <= {0.2772, 0.9762, 1.0} and {0.2772, 0.9762} <= set(ends)


def test_colored_inputs_have_a_bad_critical_point():
    """Check that thm-stable-first-order-optimality needs white inputs.

    One sequence, the impulse response of the coloring filter, has its spectrum.
    """
    coloring, length = [1.0, -0.4, -0.5, 0.6], 600
    inputs = np.zeros((1, length))
    inputs[0, :4] = coloring
    truth = lu.LinearRNN.from_coefficients([-0.8, 0.2], [1.1, 0.5])
    outputs = truth.simulate(inputs[..., None])[..., 0]
    one, two = (lu.SequenceRisk(inputs, outputs, order) for order in (1, 2))
    zero = one.value([0.0, 0.0])

    def best(a):  # the risk is quadratic in ĉ
        return np.array([a, -one.gradient([a, 0.0])[1] / one.hessian([a, 0.0])[1, 1]])

    a, c = best(brentq(lambda a: one.gradient(best(a))[0], 0.6, 0.7))
    assert -a == pytest.approx(-0.665, abs=5e-4)

    def with_cancelled(pole):  # ĉ(1 − μw) over (1 + âw)(1 − μw)
        return np.array([a - pole, -pole * a, -pole * c, c])

    pole = brentq(lambda pole: two.gradient(with_cancelled(pole))[0], -0.95, -0.8)
    assert pole == pytest.approx(-0.90, abs=5e-3)
    theta = with_cancelled(pole)
    np.testing.assert_allclose(two.gradient(theta) / zero, 0, atol=1e-9)
    assert two.value(theta) / zero == pytest.approx(0.826, abs=5e-4)
    white = lu.IdealizedRisk(truth)
    assert np.abs(white.gradient(theta)).max() > 0.1


def sylvester(P, Q):
    """Return the coefficients of w^k Q and w^{k+1} P for 0 ≤ k < n̂ as rows: degree < 2n̂."""
    n = len(P)
    rows = np.zeros((2 * n, 2 * n))
    for k in range(n):
        rows[k, k : k + n + 1] = Q
        rows[n + k, k + 1 : k + 1 + n] = P
    return rows


@pytest.mark.parametrize("order, common", [(1, 0), (3, 0), (4, 1), (5, 3), (4, 4)])
@pytest.mark.parametrize("at_infinity", [False, True])
def test_the_span_in_the_gradient_loses_a_dimension_for_each_common_factor(
    order, common, at_infinity
):
    """Check the step of Sylvester's matrix in thm-stable-first-order-optimality."""
    rng = np.random.default_rng(order)
    for _ in range(5):
        lost = at_infinity and common < order  # a zero at infinity is one common factor more
        factor = np.append(1.0, rng.normal(size=common))
        rest = order - common - lost
        Q = np.convolve(factor, np.append(1.0, rng.normal(size=rest)))
        P = np.convolve(factor, rng.normal(size=rest)) if rest else np.zeros(order)
        Q, P = np.pad(Q, (0, order + 1 - len(Q))), np.pad(P, (0, order - len(P)))
        sizes = np.linalg.svd(sylvester(P, Q), compute_uv=False)
        rank = 2 * order - common - lost if rest else order
        assert sizes[rank - 1] > 1e-7 and (sizes[rank:] < 1e-12).all()


def test_averages_of_the_value_fall_at_the_promised_rate():
    """Check prop-growth-rate for least squares with Gaussian features, whose Γ and v are exact.

    With g = 2u(uᵀx − ν), E‖g‖² = 4(d + 2)‖x‖² + 4dσ²; and f = ‖x‖² is 2-weakly-quasi-convex.
    """
    rng, d, runs = np.random.default_rng(0), 5, 400
    for noise, steps in product([0.0, 0.1, 1.0], [5, 50, 500]):
        growth, v, R = 4 * (d + 2), noise**2 * d / (d + 2), 1.0
        x = np.tile(np.eye(d)[0] * R, (runs, 1))
        step = min(2 / growth, R / np.sqrt(growth * v * steps) if v else np.inf)
        total = np.zeros(runs)
        for _ in range(steps):
            total += (x**2).sum(axis=1) / steps
            u = rng.normal(size=(runs, d))
            error = (u * x).sum(axis=1) - noise * rng.normal(size=runs)
            x = x - step * 2 * error[:, None] * u
            x = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True) / R, 1.0)
        least = total.mean() - 4 * total.std() / np.sqrt(runs)
        bound = growth * R**2 / (4 * steps) + 2 * R * np.sqrt(growth * v / steps) / 2
        lu.certify("prop-growth-rate", least, bound)
        assert noise > 0 or total.mean() > bound / 20  # no weak promise


def second_moment(system, theta, length, noise):
    """Return E‖g‖² for one Gaussian sequence: each entry of g is a quadratic form xᵀMx + νᵀNx."""
    n = len(theta) // 2
    inputs, total = np.eye(length), 0.0
    model = lu.LinearRNN.from_coefficients(*np.split(theta, 2))
    error = (model.simulate(inputs[..., None]) - system.simulate(inputs[..., None]))[..., 0].T
    shifts, moves = 1e-6 * np.eye(2 * n), []
    for shift in shifts:
        ends = [
            lu.LinearRNN.from_coefficients(*np.split(theta + s, 2)).simulate(inputs[..., None])
            for s in (shift, -shift)
        ]
        moves.append((ends[0] - ends[1])[..., 0].T / 2e-6)
    for move in moves:
        M = 2 / length * error.T @ move
        total += np.trace(M) ** 2 + (M**2).sum() + np.trace(M @ M)
        total += (2 * noise / length) ** 2 * (move**2).sum()
    return total


def moment_bound(system, theta, length, noise):
    """Return 12n(‖1/Q̂‖² + ‖P̂/Q̂²‖²)(f_T + σ²/(3T)), the norms from impulse responses."""
    a, c = np.split(theta, 2)
    n, twice = len(a), np.polymul(np.append(1.0, a), np.append(1.0, a))[1:]
    norms = [
        (lu.LinearRNN.from_coefficients(b, top).impulse_response(3000) ** 2).sum()
        for b, top in ((a, np.eye(n)[-1]), (twice, np.append(np.zeros(n), c)))
    ]
    risk = lu.FiniteRisk(system, length, n).value(theta)
    return 12 * n * sum(norms) * (risk + noise**2 / (3 * length))


@pytest.mark.parametrize("order, length, noise", [(1, 30, 1.0), (2, 10, 0.0), (3, 40, 0.5)])
def test_the_second_moment_of_the_gradient_is_bounded_by_the_risk(order, length, noise):
    """Check the step of thm-end-to-end by Gaussian fourth moments, and these by chance."""
    for seed in range(20):
        system, theta = pair(order, seed)
        moment = second_moment(system, theta, length, noise)
        lu.certify("thm-end-to-end", moment, moment_bound(system, theta, length, noise))
    rng = np.random.default_rng(order)
    inputs = rng.normal(size=(1500, length))
    outputs = system.simulate(inputs[..., None])[..., 0] + noise * rng.normal(size=inputs.shape)
    squares = [
        (lu.SequenceRisk(x[None], y[None], order).gradient(theta) ** 2).sum()
        for x, y in zip(inputs, outputs, strict=True)
    ]
    assert abs(np.mean(squares) - moment) < 4 * np.std(squares) / np.sqrt(1500)


def test_projected_descent_on_fresh_sequences_keeps_its_promise():
    """Check thm-end-to-end for one state, |â| ≤ sin(φ/2) and |ĉ| ≤ 1, where Γ is at a corner."""
    angle, length, steps, noise, runs = 1.0, 10, 60, 0.5, 10
    a, c = -0.3, 0.8
    system, side = lu.LinearRNN([[-a]], [[1.0]], [[c]]), np.sin(angle / 2)
    alpha = np.cos(angle) * np.cos(angle / 2) * (1 - abs(a))  # 2cosφ cos(φ/2) min|Q|/(n + 1)
    corner = np.array([-side, 1.0])
    growth = moment_bound(system, corner, length, 0.0) / lu.FiniteRisk(system, length).value(corner)
    start = np.array([0.4, -0.5])
    R = np.linalg.norm(start - [a, c])
    v = noise**2 / (3 * length)
    step = min(alpha / growth, R / np.sqrt(growth * v * steps))
    risk, rng, means = lu.FiniteRisk(system, length), np.random.default_rng(1), []
    for _ in range(runs):

        def estimate(theta, rng):
            x = rng.normal(size=(1, length))
            y = system.simulate(x[..., None])[..., 0] + noise * rng.normal(size=x.shape)
            return lu.SequenceRisk(x, y, 1).gradient(theta)

        path = lu.stochastic_gradient_descent(
            risk,
            start,
            step,
            steps,
            project=lambda theta: np.clip(theta, [-side, -1.0], [side, 1.0]),
            estimate=estimate,
            rng=rng,
        )
        means.append(np.mean(path.values[:-1]))
    bound = growth * R**2 / (alpha**2 * steps)
    bound += 2 * R * noise * np.sqrt(growth / 3) / (alpha * np.sqrt(length * steps))
    lu.certify("thm-end-to-end", np.mean(means), bound)
    # The constant and Γ that it takes hold on the whole set.
    points = rng.uniform([-side, -1.0], [side, 1.0], size=(300, 2))
    ratios = lu.weak_quasi_convexity_ratio(risk, points, [a, c])
    lu.certify("thm-end-to-end", alpha, ratios)
    inside = [moment_bound(system, p, length, 0.0) / risk.value(p) for p in points[:30]]
    lu.certify("thm-end-to-end", inside, growth)


def test_an_unstable_model_of_long_sequences_has_infinite_risk():
    risk = lu.SequenceRisk(np.ones((1, 2000)), np.zeros((1, 2000)), 1)
    value, gradient = risk.value_and_gradient([[-1.5, 1.0], [-0.5, 1.0]])
    assert np.isinf(value).tolist() == [True, False]
    assert np.isinf(gradient).tolist() == [[True, True], [False, False]]
    with pytest.raises(ValueError, match="theta must be near: the Hessian overflows"):
        risk.hessian([-1.5, 1.0])


def test_an_unstable_model_has_infinite_risk_and_stops_a_descent():
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.5]], [[1.0]], [[1.0]]))
    assert risk.value([[-1.0, 1.0], [-0.5, 1.0]]).tolist() == [np.inf, pytest.approx(0)]
    assert lu.gradient_descent(risk, [-0.9, 3.0], 1.0, 5).diverged


@pytest.mark.parametrize("n, m, p", [(1, 1, 1), (3, 1, 1), (4, 2, 3)])
def test_simulation_of_unstable_systems_overflows_to_infinity(n, m, p):
    stable = generic(n, m, p)
    system = lu.LinearRNN(1.5 / 0.9 * stable.A, stable.B, stable.C)  # the radius is 1.5
    inputs = np.ones((3000, m))
    outputs, state, expected = system.simulate(inputs), np.zeros(n), []
    for x in inputs[:200]:
        expected.append(system.C @ state)
        state = system.A @ state + system.B @ x
    np.testing.assert_allclose(outputs[:200], expected, rtol=1e-9)
    assert not np.isnan(outputs).any() and np.isinf(outputs[-1]).all()


@pytest.mark.parametrize("order", [1, 20, 100])
@pytest.mark.parametrize("radius", [0.9, 1 - 1e-8])
def test_random_systems_stay_in_their_disk(order, radius):
    """Check it by the Schur parameters of the coefficients in long integers."""
    for seed in range(3):
        system = lu.random_system(order, radius, np.random.default_rng(seed))
        assert schur_stable(scaled_by(system.coefficients()[0], radius))


def test_repeated_eigenvalues_do_not_spoil_the_spectral_radius():
    """Check a pole of order 8: LAPACK has its modulus wrong in the third digit."""
    a = np.poly(np.full(8, 0.9))[1:]
    radius = lu.LinearRNN.from_coefficients(a, np.eye(8)[-1]).spectral_radius
    assert schur_stable(scaled_by(a, radius * (1 + 1e-7)))
    assert not schur_stable(scaled_by(a, radius * (1 - 1e-7)))
    lu.IdealizedRisk(lu.LinearRNN.from_coefficients(a * (0.98 / radius) ** np.arange(1, 9), a))


@pytest.mark.parametrize("radius", [0.9, 0.9999, 1 - 1e-6, 1 - 1e-8])
def test_the_idealized_risk_is_right_near_the_circle(radius):
    """Check value, gradient and Hessian of c/(1 − λw) by its closed form."""
    x, c = radius, 1.5
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.0]], [[1.0]], [[0.0]]))
    one, two = 1 / ((1 - x) * (1 + x)), x / ((1 - x) * (1 + x)) ** 2
    value, gradient = risk.value_and_gradient([-x, c])
    tolerance = 1e-14 / (1 - radius)
    assert value == pytest.approx(c**2 * one, rel=tolerance)
    np.testing.assert_allclose(gradient, [-2 * c**2 * two, 2 * c * one], rtol=3 * tolerance)
    by_a = c**2 * (2 * one**2 + 8 * x * two * one)
    expected = [[by_a, -4 * c * two], [-4 * c * two, 2 * one]]
    np.testing.assert_allclose(risk.hessian([-x, c]), expected, rtol=9 * tolerance)
    model = lu.LinearRNN([[x]], [[1.0]], [[c]])
    assert lu.idealized_risk(model, risk.system) == pytest.approx(c**2 * one, rel=tolerance)


def test_one_member_near_the_circle_costs_the_others_nothing():
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.5]], [[1.0]], [[1.0]]))
    points = np.tile([-0.3, 1.0], (1000, 1))
    points[5, 0] = -(1 - 1e-8)
    tracemalloc.start()
    values = risk.value(points)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6
    np.testing.assert_array_equal(values[[0, 5]], [risk.value(points[0]), risk.value(points[5])])


def test_the_idealized_risk_has_the_feedthrough_and_is_not_negative():
    system = generic(4, 2, 3)
    assert 0 <= lu.idealized_risk(system, system) < 1e-20
    other = lu.LinearRNN(system.A, system.B, system.C, system.D + 2.0)
    assert lu.idealized_risk(other, system) == pytest.approx(24.0)


@pytest.mark.parametrize("order", [5, 40, 60])
def test_the_coefficients_of_a_rotated_system_come_back(order):
    system = lu.random_system(order, 0.95, np.random.default_rng(3))
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(order, order)))[0]
    rotated = lu.LinearRNN(q @ system.A @ q.T, q @ system.B, system.C @ q.T)
    for found, true in zip(rotated.coefficients(), system.coefficients(), strict=True):
        np.testing.assert_allclose(found, true, atol=1e-8 * np.abs(true).max())


@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e8])
def test_coefficients_and_similarity_do_not_depend_on_units(unit):
    plain = generic(4, 1, 1)
    system = lu.LinearRNN(plain.A, unit * plain.B, plain.C / unit)
    np.testing.assert_allclose(system.coefficients(), plain.coefficients(), rtol=1e-9)
    np.testing.assert_allclose(
        unit * system.controllable_similarity(), plain.controllable_similarity(), rtol=1e-9
    )


def test_systems_are_values():
    A = np.array([[0.5]])
    system = lu.LinearRNN(A, [[1.0]], [[1.0]])
    A[0, 0] = 2.0
    assert system.spectral_radius == 0.5
    for value in (system, lu.IdealizedRisk(system), lu.FiniteRisk(system, 5)):
        assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value
        assert "LinearRNN(states=1, inputs=1, outputs=1)" in repr(value)
    with pytest.raises(AttributeError, match="read-only"):
        system.A = A
    with pytest.raises(ValueError, match="read-only"):
        system.A[0, 0] = 2.0


def test_risks_of_sequences_are_values():
    inputs, outputs = np.random.default_rng(3).normal(size=(2, 5, 9))
    risk = lu.SequenceRisk(inputs, outputs, 2)
    assert pickle.loads(pickle.dumps(risk)) == copy.deepcopy(risk) == risk
    assert risk != lu.SequenceRisk(inputs, outputs, 3) != lu.SequenceRisk(outputs, inputs, 3)
    assert repr(risk) == "SequenceRisk(sequences=5, length=9, order=2)"
    before = risk.value(np.zeros(4))
    outputs[:] = 0.0
    assert risk.value(np.zeros(4)) == before > 0
    with pytest.raises(ValueError, match="read-only"):
        risk.inputs[0, 0] = 2.0


UNSTABLE = lu.LinearRNN([[1.5]], [[1.0]], [[1.0]])
STABLE = lu.LinearRNN([[0.5]], [[1.0]], [[1.0]])


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: lu.IdealizedRisk(UNSTABLE), "system must be stable.*got 1.5"),
        (lambda: lu.LinearRNN.from_coefficients([0.5], [1.0, 2.0]), "a and c must have equal"),
        (lambda: lu.idealized_risk(UNSTABLE, STABLE), "model must be stable.*got 1.5"),
        (lambda: lu.FiniteRisk(STABLE, 0), "horizon must be an integer >= 1, got 0"),
        (lambda: lu.LinearRNN(np.eye(2), np.eye(3), np.eye(2)), "A, B, C, D must have shapes"),
        (
            lambda: lu.LinearRNN([[1.0]], [[1.0]], [[1.0]]).transfer_function([0.5, 0.0]),
            "frequency must be no pole of the system, got 0",
        ),
        (lambda: lu.idealized_risk("model", STABLE), "model must be a lin_utils.LinearRNN"),
        (lambda: lu.IdealizedRisk(STABLE).value([-1 + 1e-12, 1.0]), "theta must have no zero"),
        (lambda: STABLE.simulate(np.zeros((5, 2))), r"inputs must have shape \(..., T, 1\)"),
        (lambda: generic(2, 2, 1).coefficients(), "one input and one output are needed, got 2"),
        (
            lambda: lu.LinearRNN(np.eye(2), [[1.0], [1.0]], [[1.0, 0.0]]).controllable_similarity(),
            "must have rank 2, got 1",
        ),
        (
            lambda: lu.random_system(3, 1.0, np.random.default_rng(0)),
            r"spectral_radius must be in \(0, 1\)",
        ),
        (
            lambda: lu.SequenceRisk([[1.0]], [[1.0]], 1).gradient([1.0]),
            r"theta must have shape \(..., 2\)",
        ),
        (lambda: lu.SequenceRisk([[1.0]], [[1.0, 2.0]], 1), "inputs and outputs must have equal"),
        (lambda: lu.SequenceRisk([[1.0]], [[1e200]], 1), "outputs must have squares"),
        (lambda: lu.SequenceRisk([1.0], [[1.0]], 1), "inputs must"),
        (
            lambda: lu.estimate_impulse_response(np.eye(3)[None], np.ones((1, 3, 1)), 1),
            "inputs must determine 3 columns of the response, got rank 2",
        ),
        (
            lambda: lu.estimate_impulse_response(np.ones((5, 1)), np.ones((5, 1)), 5),
            "length must be below T = 5, got 5",
        ),
        (
            lambda: lu.estimate_impulse_response(np.ones((5, 1)), np.ones((6, 1)), 2),
            r"inputs and outputs must have shapes \(..., T, m\) and \(..., T, p\)",
        ),
        (
            lambda: lu.ho_kalman(STABLE.impulse_response(6), 2),
            "response must have a Hankel matrix of rank 2 at least",
        ),
        (lambda: lu.ho_kalman(STABLE.impulse_response(2), 2), "response must have so many"),
        (lambda: lu.ho_kalman(np.zeros((4, 1, 1)), 1), "Hankel matrix of rank 1 at least"),
        (lambda: lu.IdealizedRisk(STABLE).value([0.0]), r"theta must have shape \(..., 2\)"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
