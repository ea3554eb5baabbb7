"""Exercises that answer: tell a reader right from wrong, and why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .derivatives import check_gradient
from .landscape import Smooth

__all__ = ["check_answer", "check_gradient_answer"]

#: What an exercise says until its dots are replaced.
UNANSWERED = "Put your answer in place of the dots and run this cell again."


def check_answer(
    answer: ArrayLike,
    expected: ArrayLike,
    explain: Callable[[np.ndarray], str],
    *,
    tolerance: float = 1e-3,
) -> str:
    """Compare a reader's answer with the computed one.

    Parameters
    ----------
    answer : array_like
        What the reader filled in; ``...`` means that they have not.
    expected : array_like
        The right answer, computed, not typed.
    explain : callable
        Takes a wrong answer of the right shape and returns what is wrong with it.
    tolerance : float, optional
        The largest difference allowed, relative to the larger of 1 and the answer.

    Returns
    -------
    str

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.check_answer(..., 4.0, lambda a: "")
    'Put your answer in place of the dots and run this cell again.'
    >>> lu.check_answer(3.0, 4.0, lambda a: f"{a:g} squared is not 16.")
    'Not yet. 3 squared is not 16.'
    >>> lu.check_answer(4.0, 4.0, lambda a: "")
    'Right.'
    """
    if answer is ...:
        return UNANSWERED
    expected = np.asarray(expected, dtype=float)
    try:
        answer = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return f"Not yet. The answer must be numbers, got {answer!r}."
    if answer.shape != expected.shape:
        return f"Not yet. The answer must have shape {expected.shape}, got {answer.shape}."
    if np.isfinite(answer).all() and np.allclose(answer, expected, rtol=tolerance, atol=tolerance):
        return "Right."
    return f"Not yet. {explain(answer)}"


def check_gradient_answer(
    gradient: Callable[[np.ndarray], ArrayLike], value: Callable[[np.ndarray], ArrayLike], dim: int
) -> str:
    """Tell whether a reader's function is the gradient of a value, and where it is not.

    Parameters
    ----------
    gradient : callable
        The reader's function; one that returns ``...`` is not filled in yet.
    value : callable
        Takes points of shape (..., dim) and returns f, shape (...).
    dim : int

    Returns
    -------
    str

    Examples
    --------
    >>> import lin_utils as lu
    >>> square = lambda x: (x**2).sum(-1)
    >>> lu.check_gradient_answer(lambda x: 2 * x, square, dim=2)
    'Right.'
    >>> lu.check_gradient_answer(lambda x: x, square, dim=2)
    'Not yet. Entry 0 is wrong: along its axis the Taylor remainder falls like t^1.0, not t².'
    """
    points = np.random.default_rng(0).uniform(0.5, 1.5, (dim, dim))
    answer = gradient(points)
    if answer is ...:
        return UNANSWERED
    if np.shape(answer) != points.shape:
        return (
            f"Not yet. For points of shape {points.shape} the result must have the same shape, "
            f"got {np.shape(answer)}."
        )
    if not np.allclose(answer, [gradient(point) for point in points]):
        return "Not yet. For several points at once the rows differ from one call for each point."
    mine = Smooth(value, gradient, dim=dim, minimum=0.0)
    for entry, axis in enumerate(np.eye(dim)):
        slope = min(check_gradient(mine, point, axis).first_slope for point in points)
        if slope < 1.8:
            return (
                f"Not yet. Entry {entry} is wrong: along its axis the Taylor remainder falls "
                f"like t^{slope:.1f}, not t²."
            )
    return "Right."
