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
