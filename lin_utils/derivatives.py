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
# Central differences of orders 8 and 6, on the points θ ± kh v, k = 0, …, 4: the second tells
# the error of the first.
FIRST = ([0, 4 / 5, -1 / 5, 4 / 105, -1 / 280], [0, 3 / 4, -3 / 20, 1 / 60, 0])
SECOND = (
    [-205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560],
    [-49 / 18, 3 / 2, -3 / 20, 1 / 90, 0],
)
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
        Central differences decide: the gradient is right if its relative error along v is at
        most 1e-6, the Hessian if it is at most 1e-4. Where rounding hides errors of this size,
        as for a constant function, nothing is measurable.
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


def _judge(
    given: float, estimates: list[float], size: float, noise: float, threshold: float
) -> bool | None:
    """Tell whether a derivative agrees with its estimates; None if they cannot tell.

    ``size`` is what errors are relative to, ``noise`` the rounding error of the estimates.
    """
    unsure = abs(estimates[0] - estimates[1]) + noise
    error = abs(given - estimates[0])
    if error > threshold * size + 2 * unsure:
        return False
    return True if unsure <= threshold * size else None


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
    h = 1e-2 * landscape.scale
    grid = np.concatenate([lengths, h * np.arange(-4, 5)])
    _, values, gradients = evaluate(landscape, theta + grid[:, None] * unit)
    value, gradient, hessian = values[-5], gradients[-5], evaluate_hessian(landscape, theta)
    slope, curvature = float(gradient @ unit), float(unit @ hessian @ unit)

    rises = values[:25] - value
    linear = rises - lengths * slope
    quadratic = linear - lengths**2 * curvature / 2
    largest = float(np.abs(values).max())
    floor = 1e3 * EPS * largest
    first, second = np.abs(linear), np.abs(quadratic)

    ahead, behind = values[-5:], values[-5:-10:-1]
    around = (ahead + behind - 2 * value) / 2
    firsts = [float(np.dot(weights, ahead - behind)) / h for weights in FIRST]
    seconds = [float(2 * np.dot(weights, around)) / h**2 for weights in SECOND]
    steepness = max(float(np.abs(rises / lengths).max()), abs(slope))
    bend = max(float(np.abs(around[1:]).max()) / h**2, abs(curvature), steepness / landscape.scale)
    right = _judge(slope, firsts, steepness, 4 * EPS * largest / h, THRESHOLDS[0])
    bent = _judge(curvature, seconds, bend, 16 * EPS * largest / h**2, THRESHOLDS[1])
    if right is False:
        verdict = "wrong gradient"
    elif bent is False:
        verdict = "wrong Hessian"
    else:
        verdict = "right" if right and bent else "nothing measurable"
    slopes = _slope(lengths, first, floor), _slope(lengths, second, floor)
    return GradientCheck(lengths, first, second, *slopes, verdict)
