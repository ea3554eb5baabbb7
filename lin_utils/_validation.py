"""Checks of arguments, shared by all modules: one wording for one kind of mistake."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _all_finite(array: NDArray[np.float64]) -> bool:
    """Look for NaN and infinities: either makes the sum of squares one, at a third of the cost."""
    flat = array.ravel(order="K")
    # The squares of finite numbers can overflow too: then each number is looked at.
    return isfinite(flat.dot(flat)) or bool(np.isfinite(array).all())


def finite_array(name: str, value: ArrayLike, ndim: int | None = None) -> NDArray[np.float64]:
    """Return `value` as a float array, refusing NaN, infinities and a wrong number of axes."""
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of real numbers, got {value!r}") from error
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if not _all_finite(array):
        raise ValueError(f"{name} must be finite, got NaN or infinite entries")
    return array


def points(name: str, value: ArrayLike, dim: int) -> NDArray[np.float64]:
    """Return `value` as a finite array of shape (..., dim)."""
    array = finite_array(name, value)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise ValueError(f"{name} must have shape (..., {dim}), got {array.shape}")
    return array


def positive(name: str, value: float) -> float:
    """Return `value` as a float, refusing everything but finite numbers > 0."""
    number = finite_array(name, value)
    if number.ndim != 0 or number <= 0:
        raise ValueError(f"{name} must be a number > 0, got {value!r}")
    return float(number)


def count(name: str, value: int, least: int = 0) -> int:
    """Return `value` as an int, refusing non-integers and anything below `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value}")
    return int(value)


def coefficients(a: ArrayLike, c: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a and c, the coefficients of Q and P: two vectors of one length >= 1."""
    a, c = (finite_array(name, v, ndim=1) for name, v in (("a", a), ("c", c)))
    if a.shape != c.shape or a.size == 0:
        raise ValueError(f"a and c must have equal lengths >= 1, got {a.shape} and {c.shape}")
    return a, c
