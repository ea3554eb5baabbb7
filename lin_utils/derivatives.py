"""A test of derivatives: Taylor remainders, their slopes, and central differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array
from .landscape import Landscape, checked, evaluate, evaluate_hessian

__all__ = ["GradientCheck", "check_gradient"]

#: The relative errors of ⟨∇f, v⟩ and of ⟨v, ∇²f v⟩ up to which they are called right.
THRESHOLDS = (1e-6, 1e-4)
#: The lengths of the differences: from a quarter to what functions of 1e8·x need.
LENGTHS = 0.25 / 2.0 ** np.array([0, 1, 2, *range(3, 37, 3)])
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class GradientCheck(_validation.Record):
    r"""The Taylor remainders of a landscape along a line, what they show, and the verdict.

    .. math::

       \begin{aligned}
       r_1(t) &= f(\theta + tv) - f(\theta) - t\langle\nabla f(\theta), v\rangle \\
       r_2(t) &= r_1(t) - \tfrac{1}{2}t^2\langle v, \nabla^2 f(\theta)v\rangle
       \end{aligned}

    Attributes
    ----------
    lengths : ndarray, shape (k,)
        The lengths t.
    first_order : ndarray, shape (k,)
        The absolute values of r₁, of order t² if the gradient is right.
    second_order : ndarray, shape (k,)
        The absolute values of r₂, of order t³ if the Hessian is right too.
    first_slope, second_slope : float
        Slopes in log-log coordinates, above the rounding error: about 2 and 3, or more;
        infinite where all is below it.
    verdict : str
        ``'right'``, ``'wrong gradient'``, ``'wrong Hessian'`` or ``'nothing measurable'``.
        Central differences, extrapolated, decide: the gradient is right if its relative error
        along v is at most 1e-6, the Hessian if it is at most 1e-4. Where rounding hides errors
        of this size, as for a constant function, nothing is measurable.
    """

    lengths: Array
    first_order: Array
    second_order: Array
    first_slope: float
    second_slope: float
    verdict: str

    @property
    def ok(self) -> bool:
        """Whether gradient and Hessian were measured and are right."""
        return self.verdict == "right"


def _slope(lengths: Array, remainders: Array, floor: float) -> float:
    """Fit the log-log slope above the rounding floor; infinite where all is below it."""
    kept = remainders > floor
    if kept.sum() < 3:
        return float("inf")
    return float(np.polyfit(np.log(lengths[kept]), np.log(remainders[kept]), 1)[0])


def sizes(*gradients: Array) -> Array:
    """Return what errors of entries are relative to: their size, or a part of the largest."""
    size = np.max(np.abs(gradients), axis=0)
    size = np.maximum(size, 1e-6 * size.max(axis=-1, keepdims=True))
    return np.asarray(size)


def extrapolated(
    above: Array, below: Array, length: Array, place: Array | float, eps: float = EPS
) -> tuple[Array, Array]:
    """Return slopes from values at both sides of a place, and how far they may err.

    Along the first axis the lengths fall as `LENGTHS` do. Each difference is extrapolated with
    the longer one before it. It may err by what that changed since the last length, and by the
    rounding errors of the values and of the place.
    """
    ratios = (LENGTHS[:-1] / LENGTHS[1:]).reshape(-1, *[1] * (above.ndim - 1))
    with np.errstate(all="ignore"):  # what is not finite is no measurement
        slope = (above / 2 - below / 2) / length
        size = np.maximum(np.abs(above), np.abs(below)) / 2 + np.abs(place * slope)
        better = slope[1:] + (slope[1:] - slope[:-1]) / (ratios**2 - 1)
        error = np.abs(np.diff(better, axis=0)) + 8 * eps * (size / length)[2:]
        relative = error / sizes(better[1:])
    relative[~np.isfinite(relative)] = np.inf
    # The slope is a limit: of the good lengths take the shortest, since long ones may miss
    # a small ripple.
    good = relative <= np.maximum(relative.min(axis=0), THRESHOLDS[0])
    best = (len(good) - 1 - good[::-1].argmax(axis=0))[None]
    slopes = np.take_along_axis(better[1:], best, axis=0)[0]
    errors = np.take_along_axis(error, best, axis=0)[0]
    lost = ~np.isfinite(slopes) | ~np.isfinite(errors)
    slopes[lost], errors[lost] = 0.0, np.inf
    return slopes, errors


def _agrees(
    given: float, measured: float, error: float, size: float, threshold: float
) -> bool | None:
    """Tell whether a derivative is what was measured; None if that cannot tell."""
    if abs(given - measured) > threshold * size + error:
        return False
    return True if error <= threshold * size else None


def check_gradient(landscape: Landscape, theta: ArrayLike, direction: ArrayLike) -> GradientCheck:
    """Check a gradient and a Hessian along a line through θ.

    A right gradient leaves a Taylor remainder of order t², a wrong one of order t. The
    picture is `figures.taylor_remainder`.

    Parameters
    ----------
    landscape : Landscape
    theta, direction : array_like, shape (dim,)
        The point, and a nonzero direction (normalized here). Lengths are relative to
        ``landscape.scale``.

    Returns
    -------
    GradientCheck

    Examples
    --------
    >>> import lin_utils as lu
    >>> check = lu.check_gradient(lu.wavy_bowl(), [0.4], [1.0])
    >>> check.verdict, check.ok
    ('right', True)
    """
    landscape = checked(landscape)
    theta = _validation.point("theta", theta, landscape.dim)
    direction = _validation.point("direction", direction, landscape.dim)
    longest = np.abs(direction).max()
    if longest == 0:
        raise ValueError("direction must be nonzero, got only zeros")
    unit = direction / longest
    unit /= np.linalg.norm(unit)
    lengths = np.geomspace(1e-4, 1e-1, 25) * landscape.scale
    near = 0.4 * landscape.scale * LENGTHS
    grid = np.concatenate([[0.0], lengths, near, -near])
    _, values, gradients = evaluate(landscape, theta + grid[:, None] * unit)
    curvature = float(unit @ evaluate_hessian(landscape, theta) @ unit)
    slopes = gradients @ unit
    value, slope = float(values[0]), float(slopes[0])

    rises = values[1:26] - value
    linear = rises - lengths * slope
    quadratic = linear - lengths**2 * curvature / 2
    floor = 1e3 * EPS * float(np.abs(values).max())
    first, second = np.abs(linear), np.abs(quadratic)

    def measured(numbers: Array) -> tuple[float, float]:
        above, below = numbers[26:].reshape(2, -1, 1)
        found, error = extrapolated(above, below, near[:, None], float(np.linalg.norm(theta)))
        return float(found[0]), float(error[0])

    rise, bend = measured(values), measured(slopes)
    steepness = max(float(np.abs(rises / lengths).max()), abs(slope))
    bending = max(abs(bend[0]), abs(curvature), steepness / landscape.scale)
    right = _agrees(slope, *rise, steepness, THRESHOLDS[0])
    bent = _agrees(curvature, *bend, bending, THRESHOLDS[1])
    if right is False:
        verdict = "wrong gradient"
    elif bent is False:
        verdict = "wrong Hessian"
    else:
        verdict = "right" if right and bent else "nothing measurable"
    fits = _slope(lengths, first, floor), _slope(lengths, second, floor)
    return GradientCheck(lengths, first, second, *fits, verdict)
