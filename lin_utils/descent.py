"""Gradient descent, plain and stochastic, on any landscape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

__all__ = ["Trajectory", "gradient_descent", "stochastic_gradient_descent"]

Array = NDArray[np.float64]

#: Values or points beyond this size count as divergence: their squares still fit a float.
DIVERGENCE = 1e100


@dataclass(frozen=True)
class Trajectory:
    """What a descent saw: entry 0 is the start, entry t the point after t steps.

    Attributes
    ----------
    values : ndarray, shape (steps + 1, ...)
        f(x_t).
    gradient_norms : ndarray, shape (steps + 1, ...)
        ‖∇f(x_t)‖.
    points : ndarray, shape (steps + 1, ..., dim)
        x_t.
    diverged : ndarray of bool, shape (...)
        Whether a run left the range of finite numbers. Such a run stops: its last
        finite entry is repeated to the end, and ``steps_taken`` says how far it came.
    steps_taken : ndarray of int, shape (...)
        The number of steps each run took.
    """

    values: Array
    gradient_norms: Array
    points: Array
    diverged: NDArray[np.bool_]
    steps_taken: NDArray[np.int_]

    @property
    def best_values(self) -> Array:
        """The running minimum of the values, shape (steps + 1, ...)."""
        return np.minimum.accumulate(self.values, axis=0)

    def __repr__(self) -> str:
        runs = self.diverged.size
        lost = int(self.diverged.sum())
        note = f", {lost} of {runs} diverged" if lost else ""
        return f"Trajectory(runs={runs}, steps={len(self.values) - 1}{note})"


def _bounded(array: Array, runs: int) -> NDArray[np.bool_]:
    """Return which runs, on the first axes, have all entries below `DIVERGENCE` in size."""
    flat = array.ravel()
    if flat.dot(flat) < DIVERGENCE**2:  # then all have, and one pass was enough
        return np.True_
    return (np.abs(array) < DIVERGENCE).all(axis=tuple(range(runs, array.ndim)))


def _hold(alive: NDArray[np.bool_], new: Array, old: Array) -> None:
    """Put the old entry back in place of the new one in each run that is not alive."""
    if not alive.all():
        np.copyto(new, old, where=~alive.reshape(alive.shape + (1,) * (new.ndim - alive.ndim)))


def _descend(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    estimate: Callable[[Array, Array], Array] | None,
    project: Callable[[Array], Array] | None,
) -> Trajectory:
    steps = _validation.count("steps", steps)
    schedule = step if callable(step) else None
    constant = None if callable(step) else _validation.positive("step", step)
    x = _validation.points("start", start, landscape.dim)
    value, gradient = landscape.value_and_gradient(x)
    runs = x.ndim - 1
    points = np.empty((steps + 1, *x.shape))
    values, norms = np.empty((2, steps + 1, *x.shape[:-1]))
    points[0], values[0], norms[0] = x, value, np.linalg.norm(gradient, axis=-1)
    alive = np.ones(x.shape[:-1], dtype=bool)
    taken = np.zeros(x.shape[:-1], dtype=int)
    for t in range(steps):
        eta = constant if schedule is None else _validation.positive(f"step({t})", schedule(t))
        x, new = points[t], points[t + 1]
        direction = gradient if estimate is None else estimate(x, gradient)
        # Overflow is looked for below and reported once, in `diverged`.
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(direction, -eta, out=new)
            new += x
            alive = alive & _bounded(new, runs)
            _hold(alive, new, x)
            if project is not None:
                new[...] = project(new)
                _hold(alive, new, x)
            values[t + 1], new_gradient = landscape.value_and_gradient(new)
            norms[t + 1] = np.sqrt(np.vecdot(new_gradient, new_gradient))
            alive = alive & _bounded(values[t + 1], runs) & _bounded(norms[t + 1], runs)
        if not alive.all():
            new_gradient = np.where(alive[..., None], new_gradient, gradient)
            for path in (points, values, norms):
                _hold(alive, path[t + 1, ...], path[t, ...])
        gradient = new_gradient
        taken += alive
        if not alive.any():
            for path in (points, values, norms):
                path[t + 2 :] = path[t + 1]
            break
    return Trajectory(values, norms, points, ~alive, taken)


def gradient_descent(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    *,
    project: Callable[[Array], Array] | None = None,
) -> Trajectory:
    r"""Run gradient descent from all starting points at once.

    .. math:: x_{t+1} = \Pi(x_t - \eta_t \nabla f(x_t))

    Parameters
    ----------
    landscape : Landscape
    start : array_like, shape (..., dim)
    step : float or callable
        The step η > 0, or a function of t = 0, 1, … that returns it.
    steps : int
        How many steps, ≥ 0.
    project : callable, optional
        The projection Π on a convex set, on points of shape (..., dim).

    Returns
    -------
    Trajectory

    References
    ----------
    What it promises: thm-polyak-rate, thm-smooth-weak-quasi-convex-rate, thm-bounded-iterates;
    with a projection, thm-weak-quasi-convex-rate.

    Examples
    --------
    >>> import lin_utils as lu
    >>> path = lu.gradient_descent(lu.quartic(), [[0.5], [9.0]], step=0.1, steps=50)
    >>> path
    Trajectory(runs=2, steps=50, 1 of 2 diverged)
    """
    return _descend(landscape, start, step, steps, None, project)


def stochastic_gradient_descent(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    *,
    noise: float | None = None,
    estimate: Callable[[Array, np.random.Generator], Array] | None = None,
    rng: np.random.Generator,
    project: Callable[[Array], Array] | None = None,
) -> Trajectory:
    r"""Run gradient descent with random gradients g_t, either noisy or estimated.

    .. math:: x_{t+1} = \Pi(x_t - \eta_t g_t)

    Parameters
    ----------
    landscape : Landscape
    start : array_like, shape (..., dim)
    step : float or callable
        The step η > 0, or a function of t = 0, 1, … that returns it.
    steps : int
        How many steps, ≥ 0.
    noise : float, optional
        g_t = ∇f(x_t) + ξ_t with ξ_t normal; this is the root mean square of ‖ξ_t‖, > 0.
    estimate : callable, optional
        In place of ``noise``: takes x_t, shape (..., dim), and ``rng``, and returns g_t.
    rng : numpy.random.Generator
        The source of the noise; pass a seeded one for a reproducible run.
    project : callable, optional
        The projection Π on a convex set, on points of shape (..., dim).

    Returns
    -------
    Trajectory
        Its values and gradient norms are those of the landscape.

    See Also
    --------
    gradient_descent : Descent without noise.

    References
    ----------
    thm-stochastic-rate.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> rng = np.random.default_rng(0)
    >>> lu.stochastic_gradient_descent(lu.quartic(), [0.5], 0.1, 50, noise=0.01, rng=rng)
    Trajectory(runs=1, steps=50)
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    if (noise is None) == (estimate is None):
        raise ValueError("one of noise and estimate is needed, got both or neither")
    if estimate is not None:
        return _descend(landscape, start, step, steps, lambda x, _: estimate(x, rng), project)
    scale = _validation.positive("noise", noise) / np.sqrt(landscape.dim)

    def noisy(x: Array, gradient: Array) -> Array:
        return gradient + scale * rng.standard_normal(x.shape)

    return _descend(landscape, start, step, steps, noisy, project)
