"""A test of derivatives: the slopes of Taylor remainders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

__all__ = ["GradientCheck", "check_gradient"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GradientCheck:
    r"""The Taylor remainders of a landscape along a line, and the slopes they show.

    .. math::

       \begin{aligned}
       r_1(t) &= f(\theta + tv) - f(\theta) - t\langle\nabla f(\theta), v\rangle \\
       r_2(t) &= r_1(t) - \tfrac{1}{2}t^2\langle v, \nabla^2 f(\theta)v\rangle
       \end{aligned}

    Attributes
    ----------
    steps : ndarray, shape (k,)
        Step lengths t.
    first_order : ndarray, shape (k,)
        The absolute values of r₁, of order t² if the gradient is right.
    second_order : ndarray, shape (k,)
        The absolute values of r₂, of order t³ if the Hessian is right too.
    first_slope, second_slope : float
        Slopes in log-log coordinates, above the rounding error: about 2 and 3, or more.
    """

    steps: Array
    first_order: Array
    second_order: Array
    first_slope: float
    second_slope: float


def _slope(steps: Array, remainders: Array, floor: float) -> float:
    """Fit the log-log slope above the rounding floor; infinite where all is below it."""
    kept = remainders > floor
    if kept.sum() < 3:
        return float("inf")
    return float(np.polyfit(np.log(steps[kept]), np.log(remainders[kept]), 1)[0])


def check_gradient(landscape: Landscape, theta: ArrayLike, direction: ArrayLike) -> GradientCheck:
    """Check a gradient and a Hessian by the slopes of the Taylor remainders.

    A right gradient leaves a remainder of order t², a wrong one of order t. The
    picture is `figures.taylor_remainder`.

    Parameters
    ----------
    landscape : Landscape
    theta, direction : array_like, shape (dim,)
        The point, and a nonzero direction (normalized here).

    Returns
    -------
    GradientCheck
    """
    theta = _validation.points("theta", theta, landscape.dim)
    direction = _validation.points("direction", direction, landscape.dim)
    length = np.linalg.norm(direction)
    if theta.ndim != 1 or direction.ndim != 1 or length == 0:
        raise ValueError(
            f"theta and direction must be single points, direction nonzero; got shapes "
            f"{theta.shape} and {direction.shape}, length {length}"
        )
    unit = direction / length
    steps = np.geomspace(1e-4, 1e-1, 25)
    value, gradient = landscape.value_and_gradient(theta)
    values = landscape.value(theta + steps[:, None] * unit)
    linear = values - value - steps * (gradient @ unit)
    quadratic = linear - steps**2 * (unit @ landscape.hessian(theta) @ unit) / 2
    floor = 1e3 * np.finfo(float).eps * max(1.0, float(np.abs(values).max()))
    first, second = np.abs(linear), np.abs(quadratic)
    return GradientCheck(
        steps, first, second, _slope(steps, first, floor), _slope(steps, second, floor)
    )
