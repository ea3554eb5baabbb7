"""Gradient descent, plain and stochastic, on any landscape."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from ._validation import Array
from .landscape import Landscape, checked

__all__ = [
    "Trajectory",
    "gradient_descent",
    "polyak_step_descent",
    "stochastic_gradient_descent",
]

#: Values or points beyond this size count as divergence: their squares still fit a float.
DIVERGENCE = 1e100


@dataclass(frozen=True, eq=False, repr=False)
class Trajectory(_validation.Record):
    """What a descent saw, in records: the start, the points after k, 2k, … steps, and the last.

    ``len(path)`` is the number of records, ``path[i]`` the points of one, ``path[10:20]`` a
    trajectory of some.

    Attributes
    ----------
    steps : ndarray of int, shape (records,)
        The number t of steps before each record: 0, 1, 2, … if every point is recorded.
    values : ndarray, shape (records, ...)
        f(x_t).
    gradient_norms : ndarray, shape (records, ...)
        ‖∇f(x_t)‖.
    points : ndarray, shape (records, ..., dim)
        x_t.
    diverged : ndarray of bool, shape (...)
        Whether a run left the range of finite numbers, or began beyond it. Such a run stops:
        its last finite entry is repeated to the end, and ``steps_taken`` says how far it came.
    steps_taken : ndarray of int, shape (...)
        The number of steps each run took.
    minimum : float
        The landscape's f*.
    """

    steps: NDArray[np.int_]
    values: Array
    gradient_norms: Array
    points: Array
    diverged: NDArray[np.bool_]
    steps_taken: NDArray[np.int_]
    minimum: float

    @property
    def gaps(self) -> Array:
        """The gaps f(x_t) − f*, shape (records, ...)."""
        gaps: Array = self.values - self.minimum
        return gaps

    @property
    def best_values(self) -> Array:
        """The running minimum of the recorded values, shape (records, ...)."""
        best: Array = np.minimum.accumulate(self.values, axis=0)
        return best

    @property
    def final(self) -> Array:
        """The last points, shape (..., dim)."""
        last: Array = self.points[-1]
        return last

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Array: ...
    @overload
    def __getitem__(self, index: slice) -> Trajectory: ...

    def __getitem__(self, index: int | slice) -> Array | Trajectory:
        if not isinstance(index, slice):
            points: Array = self.points[operator.index(index)]
            return points
        if len(range(*index.indices(len(self)))) == 0:
            raise ValueError(f"index must leave at least one record, got {index}")
        names = ("steps", "values", "gradient_norms", "points")
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    def __repr__(self) -> str:
        runs = self.diverged.size
        lost = int(self.diverged.sum())
        note = f", {lost} of {runs} diverged" if lost else ""
        return f"Trajectory(runs={runs}, steps={self.steps[-1]}{note})"


def _far(array: Array) -> bool:
    """Tell whether some entry may be of the size of `DIVERGENCE`, or NaN: one pass is enough."""
    flat = np.ravel(array)
    return not flat.dot(flat) < DIVERGENCE**2


def _bounded(array: Array, runs: int) -> NDArray[np.bool_]:
    """Return which runs, on the first axes, have all entries below `DIVERGENCE` in size."""
    below = np.abs(array) < DIVERGENCE
    return np.asarray(below.all(axis=tuple(range(runs, array.ndim))))


def _hold(alive: NDArray[np.bool_], new: Array, old: Array) -> None:
    """Put the old entry back in place of the new one in each run that is not alive."""
    np.copyto(new, old, where=~alive.reshape(alive.shape + (1,) * (new.ndim - alive.ndim)))


def _keep(
    alive: NDArray[np.bool_], all_alive: bool, new: Array, old: Array, runs: int
) -> tuple[NDArray[np.bool_], bool]:
    """Stop the runs whose new points are too far away: they stay at the old ones."""
    if all_alive and not _far(new):
        return alive, True
    alive = alive & _bounded(new, runs)
    _hold(alive, new, old)
    return alive, bool(alive.all())


def _bar(numbers: range) -> Iterable[int]:
    """Show how far a loop is, in a notebook or a terminal; it goes when the loop ends."""
    from tqdm.auto import tqdm  # only who asks for it waits for the import

    bar: Iterable[int] = tqdm(numbers, desc="descent", unit="step", delay=0.5, leave=False)
    return bar


def _returned(name: str, returned: ArrayLike, x: Array) -> Array:
    """Check what a reader's function made of the points x: their shape, and no NaN."""
    array = _validation.real_array(f"what {name} returns", returned)
    if array.shape != x.shape:
        raise ValueError(f"{name} must return shape {x.shape} here, got {array.shape}")
    _refuse_nan(name, np.isnan(array).any(axis=-1), x)
    return array


def _refuse_nan(name: str, nan: ArrayLike, x: Array) -> None:
    """Name the first point where something is NaN: that is no divergence, but a mistake."""
    bad = np.asarray(nan)
    if bad.any():
        point = x[tuple(int(i[0]) for i in np.nonzero(bad)) if x.ndim > 1 else ()]
        with np.printoptions(threshold=8, edgeitems=3):
            raise ValueError(f"{name} must return numbers, got NaN at theta = {point}")


def _descend(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    estimate: Callable[[Array, Array], ArrayLike] | None,
    project: Callable[[Array], ArrayLike] | None,
    every: int,
    progress: bool,
) -> Trajectory:
    landscape = checked(landscape)
    steps = _validation.count("steps", steps)
    every = _validation.count("every", every, least=1)
    constant = 0.0 if callable(step) else _validation.positive("step", step)
    if project is not None:
        project = _validation.function("project", project)
    x = _validation.points("start", start, landscape.dim)
    with np.errstate(over="ignore", invalid="ignore"):
        value, gradient = landscape._evaluate(x)
        norm = np.sqrt(np.vecdot(gradient, gradient))
    _refuse_nan("the landscape", np.isnan(value) | np.isnan(norm), x)
    runs = x.ndim - 1
    recorded = np.union1d(np.arange(0, steps + 1, every), steps)
    points = np.empty((len(recorded), *x.shape))
    values, norms = np.empty((2, len(recorded), *x.shape[:-1]))
    points[0], values[0], norms[0] = x, value, norm
    spare = np.empty((2, *x.shape)) if every > 1 else points[:0]
    alive = _bounded(x, runs) & _bounded(values[0], runs) & _bounded(norms[0], runs)
    all_alive = bool(alive.all())
    taken = np.zeros(x.shape[:-1], dtype=int)
    numbers, row, x = range(1, steps + 1), 1, points[0]
    value, norm = values[0], norms[0]
    for t in _bar(numbers) if _validation.flag("progress", progress) else numbers:
        new = points[row] if recorded[row] == t else spare[t % 2]
        eta = _validation.positive(f"step({t - 1})", step(t - 1)) if callable(step) else constant
        # Overflow is looked for below and reported once, in `diverged`.
        with np.errstate(over="ignore", invalid="ignore"):
            direction = gradient if estimate is None else estimate(x.copy(), gradient)
            if estimate is not None:
                direction = _returned("estimate", direction, x)
            np.multiply(direction, -eta, out=new)
            new += x
            alive, all_alive = _keep(alive, all_alive, new, x, runs)
            if project is not None:
                new[...] = _returned("project", project(new.copy()), new)
                alive, all_alive = _keep(alive, all_alive, new, x, runs)
            new_value, new_gradient = landscape._evaluate(new)
            new_norm = np.sqrt(np.vecdot(new_gradient, new_gradient))
            if _far(new_value) or _far(new_norm):
                _refuse_nan("the landscape", np.isnan(new_value) | np.isnan(new_norm), new)
                alive = alive & _bounded(new_value, runs) & _bounded(new_norm, runs)
                all_alive = bool(alive.all())
        if not all_alive:
            new_gradient = np.where(alive[..., None], new_gradient, gradient)
            new_value = np.where(alive, new_value, value)
            new_norm = np.where(alive, new_norm, norm)
            _hold(alive, new, x)
        x, value, norm, gradient = new, new_value, new_norm, new_gradient
        taken += alive
        if recorded[row] == t:
            values[row], norms[row] = value, norm
            row += 1
        if not alive.any():
            points[row:], values[row:], norms[row:] = x, value, norm
            break
    minimum = float(landscape.minimum)
    return Trajectory(recorded, values, norms, points, ~alive, taken, minimum)


def gradient_descent(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    *,
    project: Callable[[Array], ArrayLike] | None = None,
    every: int = 1,
    progress: bool = False,
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
    every : int, optional
        Record every so many steps, ≥ 1, and the last.
    progress : bool, optional
        Whether to show a progress bar, by tqdm.

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
    return _descend(landscape, start, step, steps, None, project, every, progress)


def polyak_step_descent(
    landscape: Landscape,
    start: ArrayLike,
    steps: int,
    *,
    alpha: float = 1.0,
    project: Callable[[Array], ArrayLike] | None = None,
    every: int = 1,
    progress: bool = False,
) -> Trajectory:
    r"""Run gradient descent with Polyak's step, which takes its length from the gap.

    .. math::

       x_{t+1} = \Pi\left(x_t - \alpha\,\frac{f(x_t) - f^*}{\|\nabla f(x_t)\|^2}
       \nabla f(x_t)\right)

    Parameters
    ----------
    landscape : Landscape
        With the right ``minimum``.
    start : array_like, shape (..., dim)
    steps : int
        How many steps, ≥ 0.
    alpha : float, optional
        The weak-quasi-convexity constant, > 0; 1 for convex functions.
    project : callable, optional
        The projection Π on a convex set, on points of shape (..., dim).
    every : int, optional
        Record every so many steps, ≥ 1, and the last.
    progress : bool, optional
        Whether to show a progress bar, by tqdm.

    Returns
    -------
    Trajectory

    See Also
    --------
    gradient_descent : With a given step.

    References
    ----------
    thm-polyak-step.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_step_descent(lu.power_bowl(2.0), [3.0], 4).values
    array([9.        , 2.25      , 0.5625    , 0.140625  , 0.03515625])
    """
    landscape = checked(landscape)
    alpha = _validation.positive("alpha", alpha)

    def scaled(x: Array, gradient: Array) -> Array:
        norm = np.sqrt(np.vecdot(gradient, gradient))
        moves = norm > 0
        safe = np.where(moves, norm, 1.0)
        gap = np.maximum(landscape._evaluate(x)[0] - landscape.minimum, 0)
        length = np.where(moves, alpha * gap / safe, 0.0)
        # Where there is no number, the run has left all bounds and is told to have diverged.
        direction: Array = np.nan_to_num(length[..., None] * (gradient / safe[..., None]), nan=0.0)
        return direction

    return _descend(landscape, start, 1.0, steps, scaled, project, every, progress)


def stochastic_gradient_descent(
    landscape: Landscape,
    start: ArrayLike,
    step: float | Callable[[int], float],
    steps: int,
    *,
    noise: float | None = None,
    estimate: Callable[[Array, np.random.Generator], ArrayLike] | None = None,
    rng: np.random.Generator,
    project: Callable[[Array], ArrayLike] | None = None,
    every: int = 1,
    progress: bool = False,
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
    every : int, optional
        Record every so many steps, ≥ 1, and the last.
    progress : bool, optional
        Whether to show a progress bar, by tqdm.

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
    landscape = checked(landscape)
    rng = _validation.generator("rng", rng)
    if (noise is None) == (estimate is None):
        raise ValueError("one of noise and estimate is needed, got both or neither")
    given = None if estimate is None else _validation.function("estimate", estimate)
    scale = 0.0 if noise is None else _validation.positive("noise", noise) / landscape.dim**0.5

    def estimated(x: Array, gradient: Array) -> ArrayLike:
        if given is not None:
            return given(x, rng)
        return np.asarray(gradient + scale * rng.standard_normal(x.shape))

    return _descend(landscape, start, step, steps, estimated, project, every, progress)
