"""Chapter 1's gallery: small functions that separate the optimality conditions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import _validation
from .landscape import Smooth

__all__ = ["averaging_trap", "circle_well", "log_bowl", "quartic", "two_minima_ridge", "wavy_bowl"]


def quartic() -> Smooth:
    """Return x⁴: 4-weakly-quasi-convex towards 0, and not Polyak.

    Returns
    -------
    Smooth

    References
    ----------
    prop-implications.
    """
    return Smooth(
        lambda x: x[..., 0] ** 4,
        lambda x: 4 * x**3,
        dim=1,
        minimum=0.0,
        hessian=lambda x: 12 * x[..., None] ** 2,
    )


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
        lambda x: x[..., 0] ** 2 + 3 * np.sin(x[..., 0]) ** 2,
        lambda x: 2 * x + 3 * np.sin(2 * x),
        dim=1,
        minimum=0.0,
        hessian=lambda x: (2 + 6 * np.cos(2 * x))[..., None],
    )


def circle_well() -> Smooth:
    """Return (‖x‖² − 1)² in the plane: Polyak near the unit circle, a ring of minimizers.

    Returns
    -------
    Smooth

    References
    ----------
    prop-implications.
    """

    def hessian(x):
        radial = 8 * x[..., :, None] * x[..., None, :]
        return radial + 4 * ((x**2).sum(-1) - 1)[..., None, None] * np.eye(2)

    return Smooth(
        lambda x: ((x**2).sum(-1) - 1) ** 2,
        lambda x: 4 * ((x**2).sum(-1) - 1)[..., None] * x,
        dim=2,
        minimum=0.0,
        hessian=hessian,
    )


def two_minima_ridge() -> Smooth:
    """Return (x²y − x − 1)² + (x² − 1)²: two critical points, both global minima.

    Returns
    -------
    Smooth

    References
    ----------
    prop-ridge; thm-bounded-iterates.
    """

    def value(z):
        x, y = z[..., 0], z[..., 1]
        return (x**2 * y - x - 1) ** 2 + (x**2 - 1) ** 2

    def gradient(z):
        x, y = z[..., 0], z[..., 1]
        u, v = x**2 * y - x - 1, x**2 - 1
        return np.stack([2 * u * (2 * x * y - 1) + 4 * v * x, 2 * u * x**2], axis=-1)

    return Smooth(value, gradient, dim=2, minimum=0.0)


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

    def hessian(x):
        size = 1 + (x**2).sum(-1)[..., None, None]
        return 2 * np.eye(dim) / size - 4 * x[..., :, None] * x[..., None, :] / size**2

    return Smooth(
        lambda x: np.log1p((x**2).sum(-1)),
        lambda x: 2 * x / (1 + (x**2).sum(-1, keepdims=True)),
        dim=dim,
        minimum=0.0,
        hessian=hessian,
    )


def averaging_trap(steps: int) -> tuple[Smooth, NDArray[np.float64]]:
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
    depth, slope = 0.1 / np.sqrt(steps), 0.75
    axes = np.eye(steps + 1)
    visited, normals = np.empty((2, steps, steps + 1))
    x = axes[0]
    for s in range(steps):
        # The normal's radial part makes ⟨a_s, x_s⟩ = depth; the norms stay below 1.
        normals[s] = depth / x[0] * axes[0] - np.sqrt(1 - (depth / x[0]) ** 2) * axes[s + 1]
        visited[s], x = x, x - normals[s] / np.sqrt(steps)
    rays = visited / np.linalg.norm(visited, axis=1, keepdims=True)

    def pieces(x):
        linear = x @ normals.T
        aside = x[..., None, :] - np.maximum(x @ rays.T, 0)[..., None] * rays
        cones = slope * np.linalg.norm(aside, axis=-1)
        return linear, cones, aside, np.maximum(linear, cones).argmin(-1)[..., None]

    def value(x):
        linear, cones, _, nearest = pieces(x)
        return np.take_along_axis(np.maximum(linear, cones), nearest, -1)[..., 0]

    def gradient(x):
        linear, cones, aside, nearest = pieces(x)
        cone = np.take_along_axis(cones, nearest, -1)
        out = np.take_along_axis(aside, nearest[..., None], -2)[..., 0, :]
        steep = slope**2 * out / np.where(cone > 0, cone, 1.0)
        flat = np.take_along_axis(linear, nearest, -1) >= cone
        return np.where(flat, normals[nearest[..., 0]], steep)

    return Smooth(value, gradient, dim=steps + 1, minimum=0.0), axes[0]
