"""How a chapter states that a checked inequality or identity held, and by what margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array

__all__ = ["Certificate", "certify", "certify_equal"]


@dataclass(frozen=True)
class Certificate:
    """Inequalities or identities that were checked and held.

    Attributes
    ----------
    claim : str
        The label of the theorem, as in the book: ``thm-polyak-rate``.
    instances : int
        How many were compared.
    margin : float or None
        Of inequalities, the smallest (larger − smaller)/scale, with scale the larger of both
        sides' sizes at that entry; 0 is equality, 1 is a factor of infinity. None of identities.
    tolerance : float
        How far rounding was allowed to push both sides past each other or apart.
    """

    claim: str
    instances: int
    margin: float | None
    tolerance: float

    def __str__(self) -> str:
        one = self.instances == 1
        cases = "the one case" if one else f"all {self.instances:,} cases"
        if self.margin is None:  # the tolerance, not the error: every machine prints the same
            return f"{self.claim}: equal in {cases}, to within {self.tolerance:g}"
        # Two digits, and none where both sides meet: what every machine prints alike.
        digits = f"{self.margin:.2g}" if self.margin >= 1e-3 else "below 0.001"
        return f"{self.claim}: held in {cases}; {'' if one else 'smallest '}margin {digits}"


def _sides(**sides: ArrayLike) -> list[Array]:
    """Check both sides: real numbers, infinities among them, of shapes that broadcast."""
    arrays = []
    for name, side in sides.items():
        array = _validation.real_array(name, side)
        if array.size == 0:
            raise ValueError(f"{name} must have at least one entry, got shape {array.shape}")
        if np.isnan(array).any():
            raise ValueError(f"{name} must be numbers, got NaN entries")
        arrays.append(array)
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{' and '.join(sides)} must broadcast, got shapes {shapes}") from None


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
    claim = _validation.text("claim", claim)
    tolerance = _validation.positive("tolerance", tolerance)
    smaller, larger = _sides(smaller=smaller, larger=larger)
    scale = np.maximum(np.abs(smaller), np.abs(larger))
    finite = np.isfinite(scale) & (scale > 0)
    divisor = np.where(finite, scale, 1.0)
    # Each side is divided first: the difference of two large numbers can overflow.
    quotients = [
        np.divide(side, divisor, out=np.zeros(scale.shape), where=finite)
        for side in (smaller, larger)
    ]
    # Where a side is infinite, or both are 0, the order alone decides.
    margins = np.where(finite, quotients[1] - quotients[0], (larger > smaller).astype(float))
    margins = np.where(~finite & (larger < smaller), -1.0, margins)
    margins = np.where(np.isposinf(larger), 1.0, margins)
    worst = np.unravel_index(np.argmin(margins), margins.shape)
    if margins[worst] < -tolerance:
        raise AssertionError(
            f"{claim} fails at entry {tuple(map(int, worst))}: "
            f"{smaller[worst]:.6g} should be at most {larger[worst]:.6g}"
        )
    return Certificate(claim, smaller.size, float(margins[worst]), tolerance)


def certify_equal(
    claim: str, first: ArrayLike, second: ArrayLike, *, tolerance: float = 1e-9
) -> Certificate:
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
    Certificate
        Its ``str`` is what a chapter prints: it names the tolerance, not the rounding error.

    Raises
    ------
    AssertionError
        Where they differ by more; the message gives the worst entry.

    Examples
    --------
    >>> import lin_utils as lu
    >>> print(lu.certify_equal("double-angle", 2 * 0.6 * 0.8, 0.96))
    double-angle: equal in the one case, to within 1e-09
    """
    claim = _validation.text("claim", claim)
    tolerance = _validation.positive("tolerance", tolerance)
    first, second = _sides(first=first, second=second)
    for name, side in (("first", first), ("second", second)):
        if not _validation.all_finite(side):
            raise ValueError(f"{name} must be finite, got infinite entries")
    scale = np.maximum(1.0, np.maximum(np.abs(first), np.abs(second)))
    error = np.abs(first / scale - second / scale)
    worst = np.unravel_index(np.argmax(error), error.shape)
    if error[worst] > tolerance:
        raise AssertionError(
            f"{claim} fails at entry {tuple(map(int, worst))}: "
            f"{first[worst]:.12g} and {second[worst]:.12g} differ by more than {tolerance:g}"
        )
    return Certificate(claim, first.size, None, tolerance)
