"""Chapter 1's gallery: small functions that separate the optimality conditions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import _validation
from ._validation import Array
from .landscape import Smooth

__all__ = ["averaging_trap", "circle_well", "log_bowl", "quartic", "two_minima_ridge", "wavy_bowl"]

# The formulas are functions of the module, so that a landscape of theirs can be pickled.


def _outer(x: Array) -> Array:
    """Return the matrices xxᵀ."""
    return x[..., :, None] * x[..., None, :]


def _squares(x: Array) -> Array:
    """Return ‖x‖²."""
    squares: Array = (x**2).sum(axis=-1)
    return squares


def _quartic_value(x: Array) -> Array:
    return x[..., 0] ** 4


def _quartic_gradient(x: Array) -> Array:
    return 4 * x**3


def _quartic_hessian(x: Array) -> Array:
    return 12 * x[..., None] ** 2


def quartic() -> Smooth:
    """Return x⁴: 4-weakly-quasi-convex towards 0, and not Polyak.

    Returns
    -------
    Smooth

    References
    ----------
    prop-implications.
    """
    return Smooth(_quartic_value, _quartic_gradient, 1, 0.0, _quartic_hessian, name="quartic()")


def _wavy_bowl_value(x: Array) -> Array:
    value: Array = x[..., 0] ** 2 + 3 * np.sin(x[..., 0]) ** 2
    return value


def _wavy_bowl_gradient(x: Array) -> Array:
    gradient: Array = 2 * x + 3 * np.sin(2 * x)
    return gradient


def _wavy_bowl_hessian(x: Array) -> Array:
    return (2 + 6 * np.cos(2 * x))[..., None]


def wavy_bowl() -> Smooth:
    """Return x² + 3 sin²x: Polyak with α = 0.351…, 8-smooth, not convex.

    Returns
    -------
    Smooth

    References
    ----------
    thm-polyak-rate; Karimi, Nutini and Schmidt (2016), who give α = 1/16.
    """
    return Smooth(
        _wavy_bowl_value, _wavy_bowl_gradient, 1, 0.0, _wavy_bowl_hessian, name="wavy_bowl()"
    )


def _circle_well_value(x: Array) -> Array:
    return (_squares(x) - 1) ** 2


def _circle_well_gradient(x: Array) -> Array:
    return 4 * (_squares(x) - 1)[..., None] * x


def _circle_well_hessian(x: Array) -> Array:
    return 8 * _outer(x) + 4 * (_squares(x) - 1)[..., None, None] * np.eye(2)


def circle_well() -> Smooth:
    """Return (‖x‖² − 1)² in the plane: Polyak near the unit circle, a ring of minimizers.

    Returns
    -------
    Smooth

    References
    ----------
    prop-implications.
    """
    return Smooth(
        _circle_well_value,
        _circle_well_gradient,
        2,
        0.0,
        _circle_well_hessian,
        name="circle_well()",
    )


def _ridge_parts(z: Array) -> tuple[Array, Array, Array, Array]:
    """Return x, y and the two terms whose squares the ridge function adds."""
    x, y = z[..., 0], z[..., 1]
    return x, y, x**2 * y - x - 1, x**2 - 1


def _ridge_value(z: Array) -> Array:
    _, _, u, v = _ridge_parts(z)
    return u**2 + v**2


def _ridge_gradient(z: Array) -> Array:
    x, y, u, v = _ridge_parts(z)
    return np.stack([2 * u * (2 * x * y - 1) + 4 * v * x, 2 * u * x**2], axis=-1)


def _ridge_hessian(z: Array) -> Array:
    x, y, u, v = _ridge_parts(z)
    slope = 2 * x * y - 1  # ∂u/∂x
    xx = 2 * slope**2 + 4 * u * y + 8 * x**2 + 4 * v
    xy = 2 * slope * x**2 + 4 * u * x
    return np.stack([np.stack([xx, xy], -1), np.stack([xy, 2 * x**4], -1)], -1)


def two_minima_ridge() -> Smooth:
    """Return (x²y − x − 1)² + (x² − 1)²: two critical points, both global minima.

    Returns
    -------
    Smooth

    References
    ----------
    prop-ridge; thm-bounded-iterates.
    """
    return Smooth(_ridge_value, _ridge_gradient, 2, 0.0, _ridge_hessian, name="two_minima_ridge()")


def _log_bowl_parts(x: Array) -> tuple[Array, Array, Array]:
    """Return s, x/s and (1 + ‖x‖²)/s² with s the size of x, where squares of x overflow."""
    size = np.maximum(1.0, np.abs(x).max(axis=-1, keepdims=True))
    unit = x / size
    return size, unit, 1 / size**2 + _squares(unit)[..., None]


def _log_bowl_value(x: Array) -> Array:
    size, unit, whole = _log_bowl_parts(x)
    far = 2 * np.log(size) + np.log(whole)
    return np.where(size > 1, far, np.log1p(_squares(unit)[..., None]))[..., 0]


def _log_bowl_gradient(x: Array) -> Array:
    size, unit, whole = _log_bowl_parts(x)
    return 2 * unit / whole / size


def _log_bowl_hessian(x: Array) -> Array:
    size, unit, whole = (part[..., None] for part in _log_bowl_parts(x))
    unit = unit[..., 0]
    return (2 * np.eye(x.shape[-1]) / whole - 4 * _outer(unit) / whole**2) / size / size


def log_bowl(dim: int = 1) -> Smooth:
    r"""Return log(1 + ‖x‖²): 2-smooth, 1-Lipschitz, not convex, weakly quasi-convex on balls.

    The ratio ⟨∇f(x), x⟩/f(x) falls with ‖x‖, so on the ball of radius r the sharp
    constant is

    .. math:: \alpha = \frac{2r^2}{(1 + r^2)\log(1 + r^2)}.

    It tends to 0 as r grows.

    Parameters
    ----------
    dim : int, optional
        The dimension of x.

    Returns
    -------
    Smooth

    References
    ----------
    thm-smooth-weak-quasi-convex-rate.
    """
    dim = _validation.count("dim", dim, least=1)
    return Smooth(
        _log_bowl_value,
        _log_bowl_gradient,
        dim,
        0.0,
        _log_bowl_hessian,
        name=f"log_bowl(dim={dim})",
    )


#: The slope of the valleys' walls.
SLOPE = 0.75


@lru_cache(maxsize=8)
def _valleys(steps: int) -> tuple[Array, Array]:
    """Return the normals a_s and the unit vectors along the iterates x_s, s < steps."""
    depth = 0.1 / np.sqrt(steps)
    axes = np.eye(steps + 1)
    visited, normals = np.empty((2, steps, steps + 1))
    x = axes[0]
    for s in range(steps):
        # The normal's radial part makes ⟨a_s, x_s⟩ = depth; the norms stay below 1.
        normals[s] = depth / x[0] * axes[0] - np.sqrt(1 - (depth / x[0]) ** 2) * axes[s + 1]
        visited[s], x = x, x - normals[s] / np.sqrt(steps)
    return normals, visited / np.linalg.norm(visited, axis=1, keepdims=True)


@dataclass(frozen=True)
class _Trap:
    """The value or the gradient of a trap; two of equal steps are equal."""

    steps: int
    name: str

    def __call__(self, x: Array) -> Array:
        normals, rays = _valleys(self.steps)
        # The function is homogeneous: at points of size 1, by a power of 2, nothing overflows.
        size = np.frexp(np.abs(x).max(axis=-1))[1]
        x = np.ldexp(x, -size[..., None])
        linear = x @ normals.T
        aside = x[..., None, :] - np.maximum(x @ rays.T, 0)[..., None] * rays
        cones = SLOPE * np.linalg.norm(aside, axis=-1)
        pieces = np.maximum(linear, cones)
        nearest = pieces.argmin(-1)[..., None]
        if self.name == "value":
            lowest: Array = np.take_along_axis(pieces, nearest, -1)[..., 0]
            return np.ldexp(lowest, size)
        cone = np.take_along_axis(cones, nearest, -1)
        out = np.take_along_axis(aside, nearest[..., None], -2)[..., 0, :]
        steep = SLOPE**2 * out / np.where(cone > 0, cone, 1.0)
        flat = np.take_along_axis(linear, nearest, -1) >= cone
        return np.where(flat, normals[nearest[..., 0]], steep)


def averaging_trap(steps: int) -> tuple[Smooth, Array]:
    r"""Return a 1-weakly-quasi-convex function whose average iterate is a bad one, and a start.

    .. math::

       f(x) = \min_{s < t} \max\left(\langle a_s, x\rangle,
       \tfrac{3}{4}\operatorname{dist}(x, \mathbb{R}_+ x_s)\right)

    It is positively homogeneous of degree 1, so ⟨∇f(x), x⟩ = f(x) wherever f is
    differentiable, with minimizer 0 and f* = 0. Gradient descent from x_0 = e_0 with the step
    1/√t visits x_1, x_2, …: each step leaves the last narrow valley at a right angle and lands
    in the next, so that the average of the iterates lies far from all valleys.

    Parameters
    ----------
    steps : int
        The number t ≥ 1 of iterates to trap; the dimension is one more.

    Returns
    -------
    landscape : Smooth
        Its gradients at the iterates have norm at most 1.
    start : ndarray, shape (steps + 1,)
        x_0, at distance 1 from the minimizer.

    References
    ----------
    thm-weak-quasi-convex-rate, which bounds the best iterate and not the average.
    """
    steps = _validation.count("steps", steps, least=1)
    if steps > 10_000:  # the function has steps² coefficients
        raise _validation.refuse("steps", "at most 10000", steps)
    value, gradient = _Trap(steps, "value"), _Trap(steps, "gradient")
    name = f"averaging_trap(steps={steps})"
    start = np.zeros(steps + 1)
    start[0] = 1
    return Smooth(value, gradient, steps + 1, 0.0, name=name), start
