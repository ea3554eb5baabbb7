"""Descent: the iteration, the rates that theorems promise to it, divergence and bad input."""

import copy
import pickle
from unittest import mock

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lin_utils as lu


def smooth(value, dim, minimum=0.0):
    """Return the landscape of a formula, differentiated by autograd."""
    return lu.Smooth(value, autograd.elementwise_grad(value), dim=dim, minimum=minimum)


def hardest(dim):
    """Return a convex 1-Lipschitz function with ‖x*‖ = 1: seen from 0, each step moves one axis."""
    reach = 1 + dim**-0.5

    def gradient(x):
        norm = np.linalg.norm(x, axis=-1, keepdims=True)
        axis = np.eye(dim)[x.argmax(axis=-1)]  # of equal coordinates the first
        return np.where(x.max(axis=-1, keepdims=True) >= norm - reach, axis, x / norm.clip(0.5))

    def value(x):
        return np.maximum(x.max(axis=-1), np.linalg.norm(x, axis=-1) - reach)

    return lu.Smooth(value, gradient, dim=dim, minimum=-(dim**-0.5))


def test_the_iterates_are_those_of_a_plain_loop():
    f = lu.wavy_bowl()
    path = lu.gradient_descent(f, [3.0], 0.1, 20)
    x = np.array([3.0])
    for t in range(20):
        np.testing.assert_allclose(path.points[t], x)
        np.testing.assert_allclose(path.gradient_norms[t], abs(f.gradient(x)[0]))
        x = x - 0.1 * f.gradient(x)


def test_a_diverging_run_stops_and_leaves_the_others_alone():
    path = lu.gradient_descent(lu.quartic(), [[0.5], [9.0]], 0.1, 50)
    alone = lu.gradient_descent(lu.quartic(), [0.5], 0.1, 50)
    assert path.diverged.tolist() == [False, True]
    assert path.steps_taken[0] == 50 and path.steps_taken[1] < 10
    assert np.isfinite(path.values).all() and np.isfinite(path.points).all()
    np.testing.assert_array_equal(path.points[:, 0], alone.points)


def test_a_run_that_begins_beyond_all_numbers_takes_no_step():
    path = lu.gradient_descent(lu.quartic(), [[1e80], [0.5]], 0.1, 5)
    assert path.diverged.tolist() == [True, False] and path.steps_taken.tolist() == [0, 5]
    assert (path.points[:, 0] == 1e80).all() and (path.values[:, 0] == np.inf).all()


def test_noise_has_the_promised_size_and_comes_from_the_generator():
    flat = lu.Smooth(lambda x: 0 * x[..., 0], lambda x: 0 * x, dim=5, minimum=0.0)

    def run():
        return lu.stochastic_gradient_descent(
            flat, np.zeros((20000, 5)), 1.0, 1, noise=3.0, rng=np.random.default_rng(7)
        )

    moved = (run().points[1] ** 2).sum(-1).mean()
    assert moved == pytest.approx(9, rel=0.03)
    np.testing.assert_array_equal(run().points, run().points)


def test_an_estimate_takes_the_place_of_the_noise():
    f, rng = lu.wavy_bowl(), np.random.default_rng(0)
    path = lu.stochastic_gradient_descent(
        f, [3.0], 0.1, 20, estimate=lambda x, _: f.gradient(x), rng=rng
    )
    np.testing.assert_array_equal(path.points, lu.gradient_descent(f, [3.0], 0.1, 20).points)
    with pytest.raises(ValueError, match="one of noise and estimate is needed"):
        lu.stochastic_gradient_descent(f, [3.0], 0.1, 20, rng=rng)


def test_projection_keeps_the_iterates_inside():
    path = lu.gradient_descent(lu.wavy_bowl(), [3.0], 0.1, 30, project=lambda x: np.clip(x, 2, 4))
    assert (path.points >= 2).all()


@given(st.floats(0.01, 1.0), st.floats(0.05, 1.95), st.integers(0, 2**32 - 1))
def test_polyak_rate_bounds_every_step_size(smallest, scaled_step, seed):
    spectrum = np.array([smallest, 1.0])
    f = lu.Smooth(lambda x: (spectrum * x**2).sum(-1) / 2, lambda x: spectrum * x, 2, 0.0)
    start = np.random.default_rng(seed).normal(size=2)
    path = lu.gradient_descent(f, start, scaled_step, 40)
    bound = lu.polyak_rate(2 * smallest, 1.0, path.values[0], np.arange(41), scaled_step)
    lu.certify("thm-polyak-rate", path.values, bound)


@pytest.mark.parametrize("beta, step", [(1.0, 0.3), (4.0, 0.1), (4.0, 0.4), (9.0, 1 / 9)])
def test_polyak_rate_is_reached_by_a_parabola(beta, step):
    f = smooth(lambda x: beta * x[..., 0] ** 2 / 2, 1)
    path = lu.gradient_descent(f, [1.0], step, 10)
    bound = lu.polyak_rate(2 * beta, beta, path.values[0], np.arange(11), step)
    lu.certify_equal("thm-polyak-rate", path.values, bound)


@pytest.mark.parametrize("steps", [1, 4, 16, 64])
def test_the_best_iterate_is_bounded_and_the_bound_is_reached(steps):
    """Check that thm-weak-quasi-convex-rate is an equality for the hardest function."""
    path = lu.gradient_descent(hardest(steps), np.zeros(steps), steps**-0.5, steps - 1)
    gap = path.best_values[-1] + steps**-0.5
    lu.certify_equal(
        "thm-weak-quasi-convex-rate", gap, lu.weak_quasi_convex_rate(1.0, 1.0, 1.0, steps)
    )


@pytest.mark.parametrize("power", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("project", [None, lambda x: np.clip(x, [-0.1, -2.0], 2.0)])
def test_the_best_iterate_is_bounded_for_powers_of_the_norm(power, project):
    """Check thm-weak-quasi-convex-rate for ‖x‖^p, p-weakly-quasi-convex; t = 1 is sharp."""
    norm = lambda x: np.linalg.norm(x, axis=-1, keepdims=True)  # noqa: E731
    f = lu.Smooth(
        lambda x: norm(x)[..., 0] ** power,
        lambda x: power * x * norm(x).clip(1e-9) ** (power - 2),
        dim=2,
        minimum=0.0,
    )
    for steps in (1, 10, 100):
        step = 1 / (power * np.sqrt(steps))
        path = lu.gradient_descent(f, [[0.6, 0.8], [0.0, -1.0]], step, steps - 1, project=project)
        bound = lu.weak_quasi_convex_rate(power, power, 1.0, steps)
        lu.certify("thm-weak-quasi-convex-rate", path.best_values[-1], bound)
        assert steps > 1 or (path.best_values[-1] > 0.999 * bound).all()


def test_random_gradients_obey_the_bound_in_the_mean_and_come_near_it():
    """Check thm-stochastic-rate: half of the gradients are 0, half doubled, so G² = 2."""
    steps, dim = 64, 40  # more axes than doubled gradients, in all but 2 % of the runs
    f = hardest(dim)

    def estimate(x, rng):
        return 2 * rng.integers(0, 2, (len(x), 1)) * f.gradient(x)

    path = lu.stochastic_gradient_descent(
        f,
        np.zeros((1000, dim)),
        1 / np.sqrt(2 * steps),
        steps - 1,
        estimate=estimate,
        rng=np.random.default_rng(0),
    )
    mean, bound = path.best_values[-1].mean() - f.minimum, 1 / np.sqrt(steps / 2)
    assert lu.weak_quasi_convex_rate(1.0, np.sqrt(2), 1.0, steps) == pytest.approx(bound)
    lu.certify("thm-stochastic-rate", mean, bound)
    assert mean > 0.8 * bound


@pytest.mark.parametrize("radius", [1.0, 20.0, 50.0])
def test_smoothness_gives_the_rate_of_the_last_iterate(radius):
    """Check thm-smooth-weak-quasi-convex-rate; on a wide plain half of the bound is reached."""
    f = smooth(lambda x: anp.log(1 + x[..., 0] ** 2), 1)
    alpha = lu.weak_quasi_convexity_ratio(f, [radius], [0.0])  # it falls with the distance
    steps = np.arange(1 + int(radius**2))
    path = lu.gradient_descent(f, [radius], 1 / 2, steps[-1])
    bound = lu.smooth_weak_quasi_convex_rate(alpha, 2.0, radius, path.values[0], steps)
    lu.certify("thm-smooth-weak-quasi-convex-rate", path.values, bound)
    # The second bound of the theorem is larger, since f is at most x².
    lu.certify("thm-smooth-weak-quasi-convex-rate", bound[1:], 2 * radius**2 / (alpha * steps[1:]))
    assert radius < 20 or (path.values > bound / 2).any()


@pytest.mark.parametrize("threshold_steps", [1, 3, 20])
def test_huber_s_function_has_half_of_what_the_smooth_rate_allows(threshold_steps):
    """Check thm-smooth-weak-quasi-convex-rate's text: the gap βR²/(4t + 2), by the step 1/β."""
    t, radius = threshold_steps, 3.0
    path = lu.gradient_descent(lu.huber(radius / (2 * t + 1)), [radius], 1.0, t)
    bound = lu.smooth_weak_quasi_convex_rate(1.0, 1.0, radius, path.values[0], np.arange(t + 1))
    lu.certify("thm-smooth-weak-quasi-convex-rate", path.values, bound)
    assert path.values[-1] == pytest.approx(radius**2 / (4 * t + 2))
    assert 1 / 3 <= path.values[-1] / bound[-1] <= 1 / 2
    others = [
        lu.gradient_descent(lu.huber(share * radius), [radius], 1.0, t).values[-1]
        for share in np.linspace(0.001, 1, 500)
    ]
    lu.certify("ex-huber", others, path.values[-1])


KAPPAS = pytest.mark.parametrize("kappa", [0.05, 0.3, np.sqrt(3) - 1, 1.3, 1.9])


@KAPPAS
@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_the_zigzag_bowl_meets_the_sharp_factor_at_every_step(kappa, beta):
    """Check thm-polyak-sharp-rate: δ(x_t) = q^t δ(x_0), and the length in the limit."""
    q = (1 - kappa / 2) / (1 + kappa / 4)
    steps = int(np.ceil(-60 / np.log(q)))
    path = lu.gradient_descent(lu.zigzag_bowl(kappa * beta, beta), [1.0], 1 / beta, steps)
    near = min(steps, 8)  # rounding errors grow from step to step
    np.testing.assert_allclose(
        path.values[: near + 1], path.values[0] * q ** np.arange(near + 1), rtol=1e-6
    )
    assert lu.sharp_polyak_factor(kappa * beta, beta) == pytest.approx(q)
    length = np.abs(np.diff(path.points[: near + 1, 0])).sum()
    bound = lu.polyak_path_length(kappa * beta, beta, path.values[0])
    assert length == pytest.approx(bound * (1 - np.sqrt(q) ** near), rel=1e-6)
    assert bound == pytest.approx(1)


@given(st.floats(0.01, 1.0), st.floats(1, 3), st.integers(0, 2**32 - 1))
def test_the_sharp_factor_and_the_length_bound_descent(smallest, slack, seed):
    """Check thm-polyak-sharp-rate with the inequality's constant at the iterates alone."""
    rng = np.random.default_rng(seed)
    spectrum = np.array([smallest, 1.0])
    quadratic = lu.Smooth(lambda x: (spectrum * x**2).sum(-1) / 2, lambda x: spectrum * x, 2, 0.0)
    for f, beta in (
        (quadratic, slack),
        (lu.wavy_bowl(), 8 * slack),
        (lu.wavy_bowl(2.0), 6 * slack),
    ):
        path = lu.gradient_descent(f, 3 * rng.normal(size=f.dim), 1 / beta, 20)
        alpha = min(lu.polyak_ratio(f, path.points).min(), 2 * beta)  # but for rounding
        factor = lu.sharp_polyak_factor(alpha, beta)
        rounding = 1e-25
        bound = path.values[0] * factor ** np.arange(21) + rounding
        lu.certify("thm-polyak-sharp-rate", path.values, bound)
        length = np.linalg.norm(np.diff(path.points, axis=0), axis=-1).sum()
        longest = lu.polyak_path_length(alpha, beta, path.values[0])
        lu.certify("thm-polyak-sharp-rate", length, longest)
        # Where the inequality is not asked of the last iterate, the constant of the exercise.
        loose = 2 * (1 + np.sqrt(1 - alpha / beta / 2)) * np.sqrt(path.values[0] / alpha)
        lu.certify("ex-local-polyak", longest, loose)


@pytest.mark.parametrize("c", [0.1, 1.0, 5.0])
def test_the_inequality_at_the_start_alone_gives_polyak_s_factor_and_no_better(c):
    """Check the knock-out of thm-polyak-sharp-rate, ½x² + c with lower values on the left."""
    f = lu.Smooth(
        lambda x: np.where(x >= 0, x**2 / 2 + c, c - (1 - np.cos(x)) * c / 2)[..., 0],
        lambda x: np.where(x >= 0, x, -np.sin(x) * c / 2),
        1,
        minimum=0.0,
    )
    path = lu.gradient_descent(f, [1.0], 1.0, 5)
    alpha = lu.polyak_ratio(f, [1.0])
    assert path.gaps[1] / path.gaps[0] == pytest.approx(lu.polyak_factor(alpha, 1.0))
    assert path.gaps[1] > lu.sharp_polyak_factor(alpha, 1.0) * path.gaps[0]
    assert path.gaps[5] == path.gaps[1]


HARD = pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])


@HARD
@pytest.mark.parametrize("steps", [1, 4, 16, 100])
def test_the_largest_coordinate_meets_the_bounds(steps, alpha):
    """Check that thm-weak-quasi-convex-rate, thm-mean-iterate and thm-polyak-step are sharp."""
    f, start = lu.largest_coordinate(steps, alpha)
    bound = lu.weak_quasi_convex_rate(alpha, 1.0, 1.0, steps)
    fixed = lu.gradient_descent(f, start, steps**-0.5, steps - 1)
    guided = lu.polyak_step_descent(f, start, steps - 1, alpha=alpha)
    np.testing.assert_allclose(fixed.gradient_norms, 1, rtol=1e-8)
    lu.certify_equal("thm-weak-quasi-convex-rate", fixed.best_values[-1], bound, tolerance=1e-8)
    lu.certify_equal("thm-mean-iterate", fixed.values.mean(), bound, tolerance=1e-8)
    lu.certify_equal("thm-polyak-step", guided.best_values[-1], bound, tolerance=1e-8)
    np.testing.assert_allclose(guided.points, fixed.points, atol=1e-7)


@pytest.mark.parametrize("steps", [4, 30, 100])
def test_the_mean_of_the_gaps_is_bounded_and_that_of_the_iterates_is_not(steps):
    """Check thm-mean-iterate on the averaging trap, and on the star."""
    trap, start = lu.averaging_trap(steps)
    star_start = np.random.default_rng(0).normal(size=(50, 2))
    star_start /= np.linalg.norm(star_start, axis=1, keepdims=True)
    slope = np.sqrt(29 + 1 / 6)
    for f, starts, bound in ((trap, start, 1.0), (lu.star(), star_start, slope)):
        path = lu.gradient_descent(f, starts, 1 / (bound * np.sqrt(steps)), steps - 1)
        rate = lu.weak_quasi_convex_rate(1.0, bound, 1.0, steps)
        lu.certify("thm-mean-iterate", path.values.mean(axis=0), rate)
        if f is trap:
            assert f.value(path.points.mean(axis=0)) > 1.6 * path.values.mean()


def test_the_average_of_the_idealized_run_is_far_from_its_points():
    """Check ex-average: 1/√12 from the points, and √0.0711 from the rays through them."""
    t = 4000
    points = np.tril(np.ones((t, t)), -1)
    points = np.concatenate([np.ones((t, 1)), points / np.sqrt(t)], axis=1)
    average = points.mean(axis=0)
    assert np.linalg.norm(points - average, axis=1).min() == pytest.approx(12**-0.5, rel=1e-3)
    along = points @ average
    squares = average @ average - along**2 / (points**2).sum(axis=1)
    assert squares.min() == pytest.approx(0.0711, abs=1e-4)
    assert squares.argmin() / t == pytest.approx(0.55, abs=0.01)


class TestPolyakStep:
    """Descent with Polyak's step, thm-polyak-step."""

    def test_is_that_of_a_plain_loop(self):
        f, x = lu.star(2.0), np.array([0.3, -1.0])
        path = lu.polyak_step_descent(f, x, 20, alpha=1.5)
        for t in range(21):
            np.testing.assert_allclose(path.points[t], x, atol=1e-12)
            slope = f.gradient(x)
            x = x - 1.5 * f.value(x) / (slope @ slope) * slope

    @pytest.mark.parametrize("project", [None, lambda z: np.clip(z, [-0.1, -2.0], 2.0)])
    @pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
    def test_comes_closer_and_spends_no_more_than_the_distance(self, power, project):
        """Check both statements of the theorem, with a projection on a set that has x*."""
        starts = np.random.default_rng(1).uniform([-0.1, -2], 2, (50, 2))
        path = lu.polyak_step_descent(lu.star(power), starts, 100, alpha=power, project=project)
        distances = np.linalg.norm(path.points, axis=-1)
        lu.certify("thm-polyak-step", distances[1:], distances[:-1])
        moving = path.gradient_norms > 0  # at the end the squares of slopes are 0
        spent = (path.gaps / np.where(moving, path.gradient_norms, np.inf)) ** 2
        lu.certify("thm-polyak-step", spent.sum(axis=0), distances[0] ** 2 / power**2)
        steepest = np.maximum.accumulate(path.gradient_norms)
        bound = distances[0] * steepest / power / np.sqrt(1 + np.arange(101))[:, None]
        lu.certify("thm-polyak-step", path.best_values, bound)

    @pytest.mark.parametrize(
        "f, beta",
        [(lu.huber(0.1), 1.0), (lu.wavy_bowl(0.5), 3.0), (lu.power_bowl(2.0), 2.0)],
    )
    def test_has_the_smooth_rate(self, f, beta):
        """Check thm-polyak-step's last bound, 2βR²/(α²t)."""
        line = np.linspace(0.001, 3, 3000)[:, None]
        alpha = lu.weak_quasi_convexity_ratio(f, line, [0.0]).min()
        starts = np.random.default_rng(2).uniform(-3, 3, (50, 1))
        path = lu.polyak_step_descent(f, starts, 200, alpha=alpha)
        bound = 2 * beta * starts[:, 0] ** 2 / alpha**2 / (1 + np.arange(201))[:, None]
        lu.certify("thm-polyak-step", path.best_values, bound)

    def test_needs_the_right_minimum(self):
        """Check the knock-out: on |x| with the guess −1 it goes from 1 to −1 and back forever."""
        wrong = lu.Smooth(lambda x: np.abs(x[..., 0]), np.sign, 1, minimum=-1.0)
        path = lu.polyak_step_descent(wrong, [1.0], 9)
        np.testing.assert_array_equal(path.points[:, 0], [1, -1] * 5)

    def test_rests_where_there_is_no_slope(self):
        saddle, minimum, start = [0.0, 0.0], [2.0, 0.5], [0.5, 1.0]
        f = lu.DeepLinear((1, 1, 1), [[1.0]])
        path = lu.polyak_step_descent(f, [saddle, minimum, start], 30)
        np.testing.assert_array_equal(path.points[-1, :2], [saddle, minimum])
        assert path.values[-1, 2] < 1e-12 and not path.diverged.any()

    def test_leaves_a_run_that_begins_beyond_all_numbers(self):
        path = lu.polyak_step_descent(lu.quartic(), [[1e80], [0.5]], 5, alpha=4.0)
        assert path.diverged.tolist() == [True, False] and path.steps_taken.tolist() == [0, 5]

    @pytest.mark.parametrize(
        "keywords, said",
        [
            ({"alpha": 0.0}, "alpha must be a number > 0, got 0.0"),
            ({"alpha": [1.0]}, "alpha must be a number"),
            ({"steps": -1}, "steps must be an integer >= 0, got -1"),
            ({"landscape": np.sin}, "landscape must be a lin_utils.Landscape"),
        ],
    )
    def test_refuses_bad_arguments(self, keywords, said):
        with pytest.raises(ValueError, match=said):
            lu.polyak_step_descent(
                **{"landscape": lu.quartic(), "start": [1.0], "steps": 3, **keywords}
            )


@pytest.mark.parametrize(
    "landscape, starts, step",
    [
        (lu.quartic(), [[1.0], [-0.5]], 1.9 / 12),
        (lu.circle_well(), [[0.01, 0.0], [0.6, -0.8], [0.9, 0.9]], 0.1),
        (lu.log_bowl(3), [[3.0, -4.0, 5.0]], 0.9),
    ],
)
def test_bounded_iterates_come_to_the_minimum(landscape, starts, step):
    """Check thm-bounded-iterates on functions that are not convex, or not Polyak."""
    path = lu.gradient_descent(landscape, starts, step, 3000)
    assert np.linalg.norm(path.points, axis=-1).max() <= np.linalg.norm(starts, axis=-1).max()
    lu.certify("thm-bounded-iterates", path.values[-1], 1e-5)


@pytest.mark.parametrize("step, last", [(1.0, 1.0), (0.9, 0.0)])
def test_a_step_of_twice_the_inverse_smoothness_is_too_long(step, last):
    """Check that thm-bounded-iterates needs its step: at η = 2/β the iterates of x² stay apart."""
    path = lu.gradient_descent(smooth(lambda x: x[..., 0] ** 2, 1), [1.0], step, 300)
    assert path.values[-1] == pytest.approx(last)


class TestTrajectory:
    @pytest.fixture
    def path(self):
        return lu.gradient_descent(lu.wavy_bowl(), [[3.0], [1.0]], 0.1, 20)

    def test_has_a_length_points_slices_and_an_end(self, path):
        assert len(path) == 21 == len(list(path))
        np.testing.assert_array_equal(path[-1], path.points[20])
        np.testing.assert_array_equal(path.final, path[20])
        part = path[5:9]
        assert len(part) == 4 and part.steps.tolist() == [5, 6, 7, 8] and part == path[5:9] != path
        np.testing.assert_array_equal(part.gaps, path.values[5:9])
        with pytest.raises(IndexError):
            path[21]
        with pytest.raises(ValueError, match="at least one record"):
            path[9:5]

    @pytest.mark.parametrize("every", [2, 7, 20, 100])
    def test_records_every_so_many_steps_and_the_last(self, path, every):
        thin = lu.gradient_descent(lu.wavy_bowl(), [[3.0], [1.0]], 0.1, 20, every=every)
        assert thin.steps.tolist() == sorted({*range(0, 21, every), 20})
        for name in ("points", "values", "gradient_norms"):
            np.testing.assert_array_equal(getattr(thin, name), getattr(path, name)[thin.steps])

    def test_of_diverging_runs_is_the_same_however_often_it_is_recorded(self):
        starts = [[0.5], [9.0], [20.0]]
        full, thin = (
            lu.gradient_descent(lu.quartic(), starts, 0.1, 30, every=every) for every in (1, 4)
        )
        np.testing.assert_array_equal(thin.points, full.points[thin.steps])
        np.testing.assert_array_equal(thin.steps_taken, full.steps_taken)

    def test_survives_pickling_and_cannot_be_changed(self, path):
        assert pickle.loads(pickle.dumps(path)) == copy.deepcopy(path) == path
        with pytest.raises(ValueError, match="read-only"):
            path.points[0] = 0.0
        with pytest.raises(AttributeError):
            path.minimum = 1.0


def test_a_progress_bar_is_shown_on_request_only(capsys):
    lu.gradient_descent(lu.quartic(), [0.5], 0.1, 5)
    assert capsys.readouterr() == ("", "")
    with mock.patch("tqdm.auto.tqdm", return_value=range(1, 6)) as bar:
        path = lu.gradient_descent(lu.quartic(), [0.5], 0.1, 5, progress=True)
    assert bar.call_args.args == (range(1, 6),)
    assert path == lu.gradient_descent(lu.quartic(), [0.5], 0.1, 5)


@pytest.mark.parametrize("function", ["estimate", "project"])
@pytest.mark.parametrize(
    "returned, said",
    [
        (lambda x: x[..., :1], r"must return shape \(2, 3\) here, got \(2, 1\)"),
        (lambda x: 1.0, r"must return shape \(2, 3\)"),
        (lambda x: np.where(x > 0, np.nan, x), r"must return numbers, got NaN at theta"),
        (lambda x: x.astype(str), "returns must be an array of real numbers"),
        (lambda x: None, "returns must be an array of real numbers"),
    ],
)
def test_what_a_readers_function_returns_is_checked(function, returned, said):
    f, start, rng = lu.log_bowl(3), [[0.0, -1.0, 2.0], [3.0, 1.0, 0.0]], np.random.default_rng(0)
    keywords = {"noise": 1.0, "project": returned}
    if function == "estimate":
        keywords = {"estimate": lambda x, _: returned(x)}
    with pytest.raises(ValueError, match=f"{function} {said}"):
        lu.stochastic_gradient_descent(f, start, 0.1, 3, rng=rng, **keywords)


def test_a_landscape_that_returns_nan_is_refused_with_the_point():
    f = lu.Smooth(lambda x: np.sqrt(x[..., 0]), lambda x: 1 + 0 * x, dim=1, minimum=0.0)
    with pytest.raises(ValueError, match=r"value must return finite .* at theta = \[-0.5\]"):
        lu.gradient_descent(f, [0.5], 1.0, 3)


@pytest.mark.parametrize(
    "keywords, said",
    [
        ({"step": 0.0}, "step must be a number > 0, got 0.0"),
        ({"step": lambda t: -1.0}, r"step\(0\) must be a number > 0"),
        ({"steps": -1}, "steps must be an integer >= 0, got -1"),
        ({"steps": 1.5}, "steps must be an integer"),
        ({"start": [np.inf]}, "start must be finite"),
        ({"every": 0}, "every must be an integer >= 1, got 0"),
        ({"progress": "yes"}, "progress must be True or False, got 'yes'"),
        ({"landscape": np.sin}, "landscape must be a lin_utils.Landscape"),
        ({"project": 3.0}, "project must be callable, got 3.0"),
    ],
)
def test_bad_arguments_are_refused(keywords, said):
    with pytest.raises(ValueError, match=said):
        lu.gradient_descent(
            **{"landscape": lu.quartic(), "start": [1.0], "step": 0.1, "steps": 3, **keywords}
        )
