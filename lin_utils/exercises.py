"""Exercises that answer: tell a reader right from wrong, and why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


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
        return "Put your answer in place of the dots and run this cell again."
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
