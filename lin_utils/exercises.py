"""Exercises that answer: tell a reader right from wrong, and why."""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array
from .derivatives import LENGTHS, extrapolated, sizes

__all__ = ["check_answer", "check_gradient_answer"]

#: What an exercise says until its dots are replaced.
UNANSWERED = "Put your answer in place of the dots and run this cell again."

#: The relative error up to which an entry of a gradient is right.
THRESHOLD = 1e-6
#: The relative error of a measured slope beyond which nothing was measured.
MEASURABLE = 1e-5


def check_answer(
    answer: ArrayLike | EllipsisType,
    expected: ArrayLike,
    explain: Callable[[Any], str],
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
        Takes a wrong answer of the right shape, finite numbers, and returns what is wrong
        with it.
    tolerance : float, optional
        The largest difference allowed, relative to the size of each right entry. Where that is
        0, or below 1e-12 of the largest, it is relative to the largest, and to 1 if all are 0.

    Returns
    -------
    str
        ``'Right.'``, or a sentence that begins with ``'Not yet.'`` and says why, or that there
        is no answer yet.

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
    expected = _validation.finite_array("expected", expected)
    explain = _validation.function("explain", explain)
    tolerance = _validation.positive("tolerance", tolerance)
    if isinstance(answer, EllipsisType):
        return UNANSWERED
    try:
        given = _validation.real_array("answer", answer).copy()[()]
    except ValueError:
        return f"Not yet. The answer must be numbers, got {_listed(answer)}."
    if given.shape != expected.shape:
        return f"Not yet. The answer must have shape {expected.shape}, got {given.shape}."
    if not _validation.all_finite(given):
        return f"Not yet. The answer must be finite numbers, got {_listed(given)}."
    size = np.abs(expected)
    largest = size.max(initial=0.0)
    size = np.where(size > 1e-12 * largest, size, largest if largest > 0 else 1.0)
    with np.errstate(over="ignore"):  # then it is far off
        close = np.abs(given / size - expected / size) <= tolerance
    if close.all():
        return "Right."
    try:
        return f"Not yet. {_validation.text('what explain returns', explain(given))}"
    except Exception as error:
        raise ValueError(
            f"explain must take the answer and return a string: {_said(error)}"
        ) from error


def check_gradient_answer(
    value: Callable[[Array], ArrayLike],
    gradient: Callable[[Array], ArrayLike | EllipsisType],
    dim: int,
) -> str:
    """Tell whether a reader's function is the gradient of a value, and where it is not.

    Differences of the value along each axis, extrapolated, measure the slopes at four or
    eight random points, whose coordinates have sizes from 0.5 to 1.5. An entry is right if its
    relative error is at most 1e-6, beyond what the differences themselves may err. Entries
    below a millionth of the largest are compared with that millionth.

    Parameters
    ----------
    value : callable
        Takes points of shape (..., dim) and returns f, shape (...). At points with a negative
        coordinate it may be undefined: then only positive ones are tried.
    gradient : callable
        The reader's function; one that returns ``...`` is not filled in yet.
    dim : int
        The number of coordinates, at most 10,000.

    Returns
    -------
    str
        ``'Right.'``, or a sentence that begins with ``'Not yet.'`` and says why, or that there
        is no answer yet.

    Raises
    ------
    ValueError
        Also where nothing can be measured: the value is not finite, or its slopes cannot be
        told to 1e-5, because it jumps or because rounding errors hide them. A constant has
        none that can be told.

    Examples
    --------
    >>> import lin_utils as lu
    >>> square = lambda x: (x**2).sum(-1)
    >>> lu.check_gradient_answer(square, lambda x: 2 * x, dim=2)
    'Right.'
    >>> lu.check_gradient_answer(square, lambda x: x * [1, 2], dim=2)
    'Not yet. Entry 0 is wrong: at [1.137 0.77 ] it is 1.14, and the slope of f ... is 2.27, ...'
    """
    value = _validation.function("value", value)
    gradient = _validation.function("gradient", gradient)
    dim = _validation.count("dim", dim, least=1)
    if dim > 10_000:  # each axis is measured alone
        raise _validation.refuse("dim", "at most 10000", dim)
    points = _points(value, dim)
    given = _given(gradient, points)
    if isinstance(given, str):
        return given
    for point, row in zip(points, given, strict=True):
        alone = _given(gradient, point)
        if isinstance(alone, str):
            return alone
        size = np.maximum(np.abs(row), np.abs(alone)).max()
        if (np.abs(row / 2 - alone / 2) > 1e-9 * size).any():
            return (
                "Not yet. For several points at once the rows differ from one call for each "
                f"point: {_short(row)} and {_short(alone)} at {_short(point)}."
            )
    slopes, errors = _slopes(value, points)
    size = sizes(slopes, given)
    measured = errors <= MEASURABLE * size
    wrong = measured & (np.abs(given / 2 - slopes / 2) > THRESHOLD / 2 * size + errors / 2)
    if wrong.any():
        entry = int(np.nonzero(wrong.any(axis=0))[0][0])
        at = int(np.nonzero(wrong[:, entry])[0][0])
        wanted, got = float(slopes[at, entry]), float(given[at, entry])
        digits = next(n for n in range(3, 18) if f"{wanted:.{n}g}" != f"{got:.{n}g}")
        return (
            f"Not yet. Entry {entry} is wrong: at {_short(points[at])} it is {got:.{digits}g}, "
            f"and the slope of f along its axis is {wanted:.{digits}g}, so that the Taylor "
            "remainder falls like t, not t²."
        )
    if not measured.all():
        at, entry = (int(i[0]) for i in np.nonzero(~measured))
        raise ValueError(
            f"value must have slopes that differences can measure to {MEASURABLE:g}, got jumps or "
            f"large rounding errors along axis {entry} at the point {_short(points[at])}"
        )
    return "Right."


def _short(point: Array) -> str:
    """Return a point on one line."""
    with np.printoptions(precision=3, threshold=8, edgeitems=3):
        return str(point)


def _said(error: Exception) -> str:
    """Return an error on one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 120 else f"{text[:117]}..."


def _listed(value: object) -> str:
    """Return a short repr of numbers, or of what is none."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    return _validation.shown(value)


def _given(gradient: Callable[[Array], Any], points: Array) -> Array | str:
    """Return what a reader's function returns, or what is wrong with it."""
    at = f"points of shape {points.shape}" if points.ndim == 2 else f"the point {_short(points)}"
    try:
        with np.errstate(all="ignore"):  # what is not finite is told below
            returned = gradient(points.copy())
    except Exception as error:
        return f"Not yet. For {at} the function raises {_said(error)}."
    if returned is ...:
        return UNANSWERED
    if returned is None:
        return f"Not yet. For {at} the function returns None: a return is missing."
    try:
        array = _validation.real_array("gradient", returned).copy()  # it may be the next one's
    except ValueError:
        return f"Not yet. For {at} the result must be numbers, got {_listed(returned)}."
    if array.shape != points.shape:
        return (
            f"Not yet. For points of shape {points.shape} the result must have the same shape, "
            f"got {array.shape}."
        )
    bad = np.atleast_1d(~np.isfinite(array).all(axis=-1))
    if bad.any():
        row, point = (np.atleast_2d(a)[bad][0] for a in (array, points))
        return f"Not yet. The gradient must be finite, got {_short(row)} at {_short(point)}."
    return array


def _values(value: Callable[[Array], ArrayLike], points: Array) -> tuple[Array, float]:
    """Return the values and their relative precision."""
    try:
        with np.errstate(all="ignore"):
            returned = np.asanyarray(value(points.copy()))
    except Exception as error:
        raise ValueError(
            f"value must take points of shape {points.shape}: it raises {_said(error)}"
        ) from error
    array = _validation.real_array("what value returns", returned)
    if array.shape != points.shape[:-1]:
        shape = points.shape[:-1]
        raise ValueError(f"value must return shape {shape} here, got {array.shape}")
    single = returned.dtype.kind == "f" and returned.dtype.itemsize < 8
    return array, float(np.finfo(returned.dtype if single else float).eps)


def _points(value: Callable[[Array], ArrayLike], dim: int) -> Array:
    """Return positive points, and as many of all signs where the value is defined there."""
    rng = np.random.default_rng(0)
    half = 4 if dim <= 20 else 2
    points = rng.uniform(0.5, 1.5, (half, dim))
    _validation.result("value", _values(value, points)[0], (half,), points)
    signs = rng.choice([-1.0, 1.0], (half // 2, dim))
    others = np.concatenate([signs, -signs]) * rng.uniform(0.5, 1.5, (half, dim))
    try:
        others = others[np.isfinite(_values(value, others)[0])]
    except ValueError:
        return points
    return np.concatenate([points, others])


def _slopes(value: Callable[[Array], ArrayLike], points: Array) -> tuple[Array, Array]:
    """Measure ∇f by differences along each axis, and how far they may err."""
    dim = points.shape[1]
    slopes, errors = np.empty((2, *points.shape))
    block = max(1, 2**21 // (2 * LENGTHS.size * points.size))  # which fit in the memory
    for start in range(0, dim, block):
        axes = np.arange(start, min(start + block, dim))
        shape = (2, LENGTHS.size, len(points), axes.size)
        moved = np.empty((*shape, dim))
        moved[...] = points[:, None]
        one_each = (..., np.arange(axes.size), axes)
        moved[one_each] += np.stack([LENGTHS, -LENGTHS])[:, :, None, None]
        values, eps = _values(value, moved.reshape(-1, dim))
        above, below = values.reshape(shape)
        length = (moved[one_each][0] - moved[one_each][1]) / 2  # what it is after rounding
        measured = extrapolated(above, below, length, points[:, axes], eps)
        slopes[:, axes], errors[:, axes] = measured
    return slopes, errors
