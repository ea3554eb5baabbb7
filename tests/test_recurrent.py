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
    for risk in (lu.IdealizedRisk(system), lu.FiniteRisk(system, 20)):
        for method in (risk.value, risk.gradient, risk.hessian):
            singles = [[method(point) for point in row] for row in points]
            np.testing.assert_allclose(method(points), singles, rtol=1e-9, atol=1e-12)


def test_the_sequence_gradient_agrees_with_automatic_differentiation():
    system, theta = pair(3, 8)
    inputs = np.random.default_rng(2).normal(size=(4, 12))
    outputs = system.simulate(inputs[..., None])[..., 0]

    def loss(theta):
        A = anp.concatenate([np.eye(3)[1:], -theta[:3][::-1][None]])
        state, total = anp.zeros((4, 3)), 0.0
        for t in range(12):
            total = total + anp.sum((anp.dot(state, theta[3:]) - outputs[:, t]) ** 2)
            state = anp.dot(state, A.T) + inputs[:, t][:, None] * np.eye(3)[-1]
        return total / 48

    np.testing.assert_allclose(
        lu.sequence_gradient(theta, inputs, outputs), autograd.grad(loss)(theta), rtol=1e-9
    )


def test_sequences_shorter_than_the_order_and_orders_beyond_the_grid_are_handled():
    system, theta = pair(6, 9)
    inputs, outputs = np.random.default_rng(3).normal(size=(2, 5, 4))

    def loss(theta):
        model = lu.LinearRNN.from_coefficients(*np.split(theta, 2))
        return ((model.simulate(inputs[..., None])[..., 0] - outputs) ** 2).mean()

    shifts = 1e-5 * np.eye(12)
    numeric = [(loss(theta + s) - loss(theta - s)) / 2e-5 for s in shifts]
    np.testing.assert_allclose(
        lu.sequence_gradient(theta, inputs, outputs), numeric, rtol=1e-6, atol=1e-8
    )
    c = np.random.default_rng(4).normal(size=400)
    risk = lu.IdealizedRisk(lu.LinearRNN([[0.0]], [[1.0]], [[0.0]]), 400)
    assert risk.value(risk.join(np.zeros(400), c)) == pytest.approx((c**2).sum())


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


def test_sequence_gradients_are_batched():
    inputs, outputs = np.random.default_rng(3).normal(size=(2, 5, 9))
    theta = np.random.default_rng(4).uniform(-0.3, 0.3, size=(2, 3, 4))
    singles = [[lu.sequence_gradient(x, inputs, outputs) for x in row] for row in theta]
    np.testing.assert_array_equal(lu.sequence_gradient(theta, inputs, outputs), singles)


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
            lambda: lu.sequence_gradient([1.0], [[1.0]], [[1.0]]),
            r"theta must have shape \(..., 2n\)",
        ),
        (lambda: lu.IdealizedRisk(STABLE).value([0.0]), r"theta must have shape \(..., 2\)"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
