"""The rates that chapter 1 promises, against what is computed another way: no descent is run."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

import lin_utils as lu

SEEDS = st.integers(0, 2**32 - 1)
KAPPA = st.floats(1e-3, 2.0)


def random_smooth_function(rng, dim):
    """Return a sum of a quadratic and waves, without a minimum in general, and its smoothness."""
    half = rng.normal(size=(dim, dim))
    matrix = half + half.T
    waves, heights = rng.normal(size=(3, dim)), rng.normal(size=3)

    def value(x):
        return x @ matrix @ x / 2 + heights @ np.cos(waves @ x)

    def gradient(x):
        return matrix @ x - waves.T @ (heights * np.sin(waves @ x))

    smoothness = np.abs(np.linalg.eigvalsh(matrix)).max()
    return value, gradient, smoothness + np.abs(heights) @ (waves**2).sum(axis=1)


@given(SEEDS, st.integers(1, 4))
def test_two_slopes_are_paid_for_by_one_step(seed, dim):
    """Check the inequality of two slopes in the proof of thm-polyak-sharp-rate."""
    rng = np.random.default_rng(seed)
    value, gradient, beta = random_smooth_function(rng, dim)
    x = 3 * rng.normal(size=dim)
    y = x - gradient(x) / beta
    slopes = [gradient(point) @ gradient(point) for point in (x, y)]
    lu.certify("thm-polyak-sharp-rate", slopes[0] / 2 + slopes[1] / 4, beta * (value(x) - value(y)))


@given(KAPPA, st.floats(0.1, 10))
def test_the_sharp_factor_lies_between_the_parabola_s_and_polyak_s(kappa, beta):
    """Check thm-polyak-sharp-rate: (α/4)x² needs less, and thm-polyak-rate promises less."""
    sharp = lu.sharp_polyak_factor(kappa * beta, beta)
    lu.certify("thm-polyak-sharp-rate", (1 - kappa / 2) ** 2, sharp)
    lu.certify("thm-polyak-sharp-rate", sharp, lu.polyak_factor(kappa * beta, beta))


@given(KAPPA, st.floats(0, 100), st.floats(0.1, 10))
def test_the_path_is_at_most_1_plus_the_root_of_3_times_the_root_of_the_gap(kappa, gap, beta):
    """Check the second bound on the length in thm-polyak-sharp-rate."""
    alpha = kappa * beta
    longest = (1 + np.sqrt(3)) * np.sqrt(gap / alpha)
    lu.certify("thm-polyak-sharp-rate", lu.polyak_path_length(alpha, beta, gap), longest)


def test_the_longest_path_is_that_of_one_ratio():
    """Check thm-polyak-sharp-rate: 1 + √3 is met at α/β = √3 − 1, and nowhere else."""
    worst = minimize_scalar(
        lambda kappa: -lu.polyak_path_length(kappa, 1.0, kappa), (0.1, 0.5, 1.9), tol=1e-10
    )
    assert -worst.fun == pytest.approx(1 + np.sqrt(3), rel=1e-12)
    assert worst.x == pytest.approx(np.sqrt(3) - 1, abs=1e-6)
    assert lu.polyak_path_length(2.0, 1.0, 2.0) == pytest.approx(2)  # in one step, as the flow


@pytest.mark.parametrize("kappa", [1.0, 1e-3, 1e-6, 1e-10, 1e-14, 1e-17, 1e-300])
def test_the_path_length_does_not_suffer_from_a_small_difference(kappa):
    """Compare with κ/(1 − √q) = ⁴⁄₃ (1 + κ/4)(1 + √q), which subtracts nothing."""
    q = (1 - kappa / 2) / (1 + kappa / 4)
    length = 4 / 3 * (1 + kappa / 4) * (1 + np.sqrt(q))
    assert lu.polyak_path_length(kappa, 1.0, kappa) == pytest.approx(length, rel=1e-12)


@given(SEEDS, st.floats(0.01, 1), st.floats(1, 3))
def test_the_noisy_rate_bounds_the_exact_second_moments(seed, scaled_step, slack):
    """Check part 1 of thm-sgd-polyak on quadratics, where E x² obeys a recursion."""
    rng = np.random.default_rng(seed)
    spectrum, squares, variances = rng.uniform(0.1, 1, (3, 4)) * [[1.0], [9.0], [1.0]]
    alpha, beta, sigma = 2 * spectrum.min(), slack * spectrum.max(), np.sqrt(variances.sum())
    step = scaled_step / beta
    gaps = [spectrum @ squares / 2]
    for _ in range(60):
        squares = (1 - step * spectrum) ** 2 * squares + step**2 * variances
        gaps.append(spectrum @ squares / 2)
    bound = lu.noisy_polyak_rate(alpha, beta, gaps[0], sigma, np.arange(61), step)
    lu.certify("thm-sgd-polyak", gaps, bound)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_the_floor_is_within_a_factor_4_of_the_bound_s(step):
    """Check the figure of thm-sgd-polyak: (α/4)x² with α = β = 1, whose floor is η/(4 − η)."""
    square = 0.0
    for _ in range(2000):
        square = (1 - step / 2) ** 2 * square + step**2
    floor = lu.noisy_polyak_rate(1.0, 1.0, 1.0, 1.0, 10_000, step)
    assert square / 4 == pytest.approx(step / (4 - step))
    lu.certify("thm-sgd-polyak", floor / 4, square / 4)
    lu.certify("thm-sgd-polyak", square / 4, floor / 3)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_the_floor_of_the_exercise_is_too_large_by_2_less_the_step(step):
    """Check ex-noise-floor on ½x² with noise of variance 4, by the recursion of E x²."""
    square = 0.0
    for _ in range(2000):
        square = (1 - step) ** 2 * square + step**2 * 4
    floor = lu.noisy_polyak_rate(2.0, 1.0, 1.0, 2.0, 10_000, step)
    assert floor / (square / 2) == pytest.approx(2 - step)
    assert step != 0.5 or square / 2 == pytest.approx(2 / 3)


@given(SEEDS, st.floats(1, 3), st.floats(0, 10))
def test_shrinking_steps_have_their_rate_in_exact_second_moments(seed, slack, longer):
    """Check part 2 of thm-sgd-polyak on quadratics, for every k that it allows."""
    rng = np.random.default_rng(seed)
    spectrum, squares, variances = rng.uniform(0.1, 1, (3, 4)) * [[1.0], [9.0], [1.0]]
    alpha, beta, sigma = 2 * spectrum.min(), slack * spectrum.max(), np.sqrt(variances.sum())
    k = 4 * beta / alpha + longer
    gaps, times = [spectrum @ squares / 2], np.arange(401)
    for s in times[:-1]:
        step = 4 / (alpha * (s + k))
        squares = (1 - step * spectrum) ** 2 * squares + step**2 * variances
        gaps.append(spectrum @ squares / 2)
    bound = max(k * gaps[0], 8 * beta * sigma**2 / alpha**2) / (times + k)
    lu.certify("thm-sgd-polyak", gaps, bound)


@given(SEEDS, st.floats(0, 5), st.floats(1, 3))
def test_noise_that_dies_with_the_gap_leaves_a_linear_rate_in_exact_second_moments(
    seed, noise, slack
):
    """Check part 3 of thm-sgd-polyak: each slope is multiplied by 1 ± b, by a fair coin."""
    rng = np.random.default_rng(seed)
    spectrum, squares = rng.uniform(0.1, 1, (2, 4))
    alpha, beta = 2 * spectrum.min(), slack * spectrum.max()
    growth = (1 + noise**2) * spectrum.max()  # E‖g‖² = (1 + b²) Σ λ²x² is at most 2B δ
    step, times = alpha / (2 * beta * growth), np.arange(61)
    factors = (1 - step * spectrum) ** 2 + (step * spectrum * noise) ** 2
    gaps = (spectrum * squares / 2 * factors ** times[:, None]).sum(axis=-1)
    lu.certify("thm-sgd-polyak", gaps, gaps[0] * (1 - alpha**2 / (4 * beta * growth)) ** times)


@pytest.mark.parametrize("step, grows", [(1.9 / 101, False), (2.1 / 101, True), (0.5, True)])
def test_noise_that_grows_faster_than_the_gap_lets_no_step_be_safe(step, grows):
    """Check the knock-out of thm-sgd-polyak, g = x(1 ± 10), by its two outcomes."""
    outcomes = np.array([1 - step * (1 + 10), 1 - step * (1 - 10)])
    assert ((outcomes**2).mean() > 1) == grows


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 1.5, 1.99, 2.0, 2.01, 3.0, 4.0, 8.0])
@pytest.mark.parametrize("distance, time", [(1.0, 1.0), (3.0, 0.2)])
def test_the_rate_of_the_flow_is_the_worst_of_the_power_bowls(alpha, distance, time):
    """Check thm-weak-quasi-convex-flow: the largest over c of the gap of c‖x‖^α at the time t."""

    def gap(log_scale):
        scale = np.exp(log_scale)
        if alpha == 2:
            return scale * distance**2 * np.exp(-4 * scale * time)
        left = distance ** (2 - alpha) - alpha * (2 - alpha) * scale * time
        return scale * max(left, 0.0) ** (alpha / (2 - alpha))

    middle = np.log(distance ** (2 - alpha) / (2 * alpha * time))
    worst = minimize_scalar(lambda c: -gap(c), (middle - 0.4, middle + 0.1), tol=1e-9)
    bound = lu.weak_quasi_convex_flow_rate(alpha, distance, time)
    assert -worst.fun == pytest.approx(bound, rel=1e-9)
    assert worst.x == pytest.approx(middle, abs=1e-4)


@pytest.mark.parametrize("off", [1e-3, 1e-6, 1e-9, 1e-12, 4e-16])
def test_the_rate_of_the_flow_is_continuous_at_2(off):
    """Check thm-weak-quasi-convex-flow's 1/e, from both sides."""
    near = [lu.weak_quasi_convex_flow_rate(2 + sign * off, 1.0, 1.0) for sign in (-1, 1)]
    np.testing.assert_allclose(near, 1 / (4 * np.e), rtol=off + 1e-15)


@pytest.mark.parametrize("alpha", [1e-3, 1e-8, 1e-15, 1e-17, 1e-300])
def test_the_rate_of_the_flow_is_the_plain_bound_for_a_small_constant(alpha):
    """Check thm-weak-quasi-convex-flow: (α/2)^(α/(2 − α)) tends to 1."""
    power = lu.weak_quasi_convex_flow_rate(alpha, 1.0, 1.0) * 2 * alpha
    assert power == pytest.approx((alpha / 2) ** (alpha / 2), rel=alpha)


@given(st.floats(0.01, 5), st.floats(0.1, 5), st.floats(0.1, 5))
def test_the_flow_s_rate_is_below_the_bound_of_one_line(alpha, distance, time):
    """Check the remark after thm-weak-quasi-convex-flow."""
    plain = distance**2 / (2 * alpha * time)
    lu.certify(
        "thm-weak-quasi-convex-flow",
        lu.weak_quasi_convex_flow_rate(alpha, distance, time),
        plain,
    )


@given(
    st.floats(0.05, 4),
    st.floats(0.1, 5),
    st.floats(0.1, 5),
    st.floats(0.001, 1),
    st.integers(1, 99),
)
def test_the_smooth_rate_is_never_above_the_sum_over_alpha_t(alpha, beta, distance, share, steps):
    """Check thm-smooth-weak-quasi-convex-rate against what its proof gives at once."""
    gap = share * beta * distance**2 / 2
    bound = lu.smooth_weak_quasi_convex_rate(alpha, beta, distance, gap, steps)
    first = (beta * distance**2 / 2 + gap) / (alpha * steps)
    lu.certify("thm-smooth-weak-quasi-convex-rate", bound, first)


@given(st.floats(0.1, 5), st.floats(0.1, 5), st.floats(0.01, 5), st.integers(1, 99))
def test_both_smooth_rates_agree_at_1(beta, distance, gap, steps):
    """Check thm-smooth-weak-quasi-convex-rate where α = 1 and both of its formulas hold."""
    below, at = (
        lu.smooth_weak_quasi_convex_rate(alpha, beta, distance, gap, steps)
        for alpha in (1 - 1e-12, 1.0)
    )
    assert at == pytest.approx(beta * distance**2 / (2 * steps))
    assert below == pytest.approx(at, rel=1e-9)


@given(st.floats(0.1, 1), SEEDS, st.integers(1, 30))
def test_the_smooth_rate_solves_the_inequality_of_its_proof(alpha, seed, steps):
    """Check thm-smooth-weak-quasi-convex-rate: a falling sequence with that sum is below it."""
    falls = np.sort(np.random.default_rng(seed).uniform(size=steps + 1))[::-1]
    whole = alpha * falls[:-1].sum() + falls[-1] - falls[0]  # what β R²/2 has to pay at least
    assume(whole > 0)
    distance = np.sqrt(2 * whole)
    bound = lu.smooth_weak_quasi_convex_rate(alpha, 1.0, distance, falls[0], steps)
    lu.certify("thm-smooth-weak-quasi-convex-rate", falls[-1], bound)
