"""How a chapter states that a checked inequality held, and by what margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import _validation

__all__ = ["Certificate", "certify", "certify_equal"]


@dataclass(frozen=True)
class Certificate:
    """An inequality that was checked and held.

    Attributes
    ----------
    claim : str
        The label of the theorem, as in the book: ``thm-polyak-rate``.
    instances : int
        How many inequalities were compared.
    margin : float
        The smallest (larger − smaller)/scale, with scale the larger of both sides'
        sizes at that entry; 0 is equality, 1 is a factor of infinity.
    """

    claim: str
    instances: int
    margin: float

    def __str__(self) -> str:
        # Two digits, and none where both sides meet: what every machine prints alike.
        digits = f"{self.margin:.2g}" if self.margin >= 1e-3 else "below 0.001"
        return f"{self.claim}: held in all {self.instances:,} cases; smallest margin {digits}"


def _broadcast(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.broadcast_arrays(np.asarray(first, float), np.asarray(second, float))
    if first.size == 0:
        raise ValueError("a certificate needs at least one inequality, got empty arrays")
    if np.isnan(first).any() or np.isnan(second).any():
        raise ValueError("a certificate needs numbers, got NaN")
    return first, second


def certify(
    claim: str, smaller: ArrayLike, larger: ArrayLike, *, tolerance: float = 1e-9
) -> Certificate:
    """Check ``smaller <= larger`` everywhere, to a relative tolerance.

    Parameters
    ----------
    claim : str
        The label of the theorem that the inequality checks.
    smaller, larger : array_like
        Both sides; they broadcast. Entries where both sides are the same infinity, or
        where ``larger`` is infinite, hold with margin 1.
    tolerance : float, optional
        How far rounding may push the sides past each other, relative to their size.

    Returns
    -------
    Certificate
        Its ``str`` is what a chapter prints.

    Raises
    ------
    AssertionError
        Where the inequality fails; the message gives the worst entry.

    Examples
    --------
    >>> import lin_utils as lu
    >>> print(lu.certify("squares", [0.0, 1.0], [0.5, 4.0]))
    squares: held in all 2 cases; smallest margin 0.75
    """
    tolerance = _validation.positive("tolerance", tolerance)
    smaller, larger = _broadcast(smaller, larger)
    scale = np.maximum(np.abs(smaller), np.abs(larger))
    finite = np.isfinite(scale) & (scale > 0)
    divisor = np.where(finite, scale, 1.0)
    difference = np.subtract(larger, smaller, out=np.zeros(scale.shape), where=finite)
    # Where a side is infinite, or both are 0, the order alone decides.
    margins = np.where(finite, difference / divisor, (larger > smaller).astype(float))
    margins = np.where(~finite & (larger < smaller), -1.0, margins)
    margins = np.where(np.isposinf(larger), 1.0, margins)
    worst = np.unravel_index(np.argmin(margins), margins.shape)
    if margins[worst] < -tolerance:
        raise AssertionError(
            f"{claim} fails at entry {tuple(map(int, worst))}: "
            f"{smaller[worst]:.6g} should be at most {larger[worst]:.6g}"
        )
    return Certificate(claim, smaller.size, float(margins[worst]))


def certify_equal(
    claim: str, first: ArrayLike, second: ArrayLike, *, tolerance: float = 1e-9
) -> str:
    """Check that two independent computations agree, relative to max(1, size).

    Parameters
    ----------
    claim : str
        The label of the theorem that the identity checks.
    first, second : array_like
        Both computations; they broadcast.
    tolerance : float, optional
        The largest difference allowed, relative to the larger of 1 and both sizes.

    Returns
    -------
    str
        What a chapter prints: it names the tolerance, not the rounding error, so that
        every machine prints the same.

    Raises
    ------
    AssertionError
        Where they differ by more; the message gives the worst entry.
    """
    tolerance = _validation.positive("tolerance", tolerance)
    first, second = _broadcast(first, second)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("certify_equal needs finite numbers, got infinite ones")
    error = np.abs(first - second) / np.maximum(1.0, np.maximum(np.abs(first), np.abs(second)))
    worst = np.unravel_index(np.argmax(error), error.shape)
    if not error[worst] <= tolerance:
        raise AssertionError(
            f"{claim} fails at entry {tuple(map(int, worst))}: "
            f"{first[worst]:.12g} and {second[worst]:.12g} differ by more than {tolerance:g}"
        )
    return f"{claim}: equal in all {first.size:,} cases, to within {tolerance:g}"
