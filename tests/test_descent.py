"""Descent: the iteration, its batching, divergence and bad input."""

import numpy as np
import pytest

import lin_utils as lu


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


@pytest.mark.parametrize(
    "keywords, said",
    [
        ({"step": 0.0}, "step must be a number > 0, got 0.0"),
        ({"step": lambda t: -1.0}, r"step\(0\) must be a number > 0"),
        ({"steps": -1}, "steps must be an integer >= 0, got -1"),
        ({"steps": 1.5}, "steps must be an integer"),
        ({"start": [np.inf]}, "start must be finite"),
    ],
)
def test_bad_arguments_are_refused(keywords, said):
    with pytest.raises(ValueError, match=said):
        lu.gradient_descent(
            **{"landscape": lu.quartic(), "start": [1.0], "step": 0.1, "steps": 3, **keywords}
        )
