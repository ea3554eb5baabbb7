"""Cones against integrals over the circle, closed forms and another solver."""

import control
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

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
    """Check thm-identity: the integral and the constant are computed by python-control."""
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
    lu.certify_equal("thm-identity", product, integral, tolerance=1e-7)
    constant = lu.weak_quasi_convexity_constant(a_hat, a)
    assert constant == pytest.approx(2 * quotient.real.min(), rel=1e-3, abs=1e-3)
    lu.certify("thm-identity", constant * risk.value(theta), product + 1e-8)


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


@pytest.mark.parametrize("seed", range(5))
def test_enough_states_bring_any_stable_system_into_any_cone(seed):
    """Check prop-over-parametrization: |QR_m − 1| falls like ρ^m, for ρ above the radius."""
    a, c = coefficients(5, 0.8, seed)
    a = a * (0.9 / np.abs(np.roots([1.0, *a])).max()) ** np.arange(1, 6)  # the radius is 0.9 now
    degrees, rate = np.array([0, 10, 20, 40, 80, 160]), 0.93
    distance = [np.abs(np.fft.fft([0.0, *lu.extend(a, c, m)[0]], 4096)).max() for m in degrees]
    # The K of the proof, with K' the largest |r_j|/ρ^j of the terms of 1/Q.
    series = lu.LinearRNN.from_coefficients(a, np.eye(5)[-1]).impulse_response(400)[:, 0, 0]
    largest = np.max(np.abs(series) / rate ** np.arange(400))
    K = np.abs(on_circle(a)).max() * largest * rate / (1 - rate)
    lu.certify("prop-over-parametrization", distance, K * rate**degrees)
    assert distance[-1] > 0.85**160  # for no ρ well below the radius
    assert lu.cone_angle(lu.extend(a, c, 200)[0]) < 1e-3 < lu.cone_angle(a)


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
