"""Chapter 1's gallery: small functions that separate the optimality conditions."""

from __future__ import annotations

import numpy as np

from .landscape import Smooth


def quartic() -> Smooth:
    """Return x⁴: 4-weakly-quasi-convex towards 0, and not Polyak."""
    return Smooth(
        lambda x: x[..., 0] ** 4,
        lambda x: 4 * x**3,
        dim=1,
        minimum=0.0,
        hessian=lambda x: 12 * x[..., None] ** 2,
    )


def wavy_bowl() -> Smooth:
    """Return x² + 3 sin²x: Polyak with α = 0.351…, 8-smooth, not convex.

    References
    ----------
    Karimi, Nutini and Schmidt (2016), who give α = 1/16.
    """
    return Smooth(
        lambda x: x[..., 0] ** 2 + 3 * np.sin(x[..., 0]) ** 2,
        lambda x: 2 * x + 3 * np.sin(2 * x),
        dim=1,
        minimum=0.0,
        hessian=lambda x: (2 + 6 * np.cos(2 * x))[..., None],
    )


def circle_well() -> Smooth:
    """Return (‖x‖² − 1)² in the plane: Polyak near the unit circle, a ring of minimizers."""

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
    """Return (x²y − x − 1)² + (x² − 1)²: two critical points, both global minima."""

    def value(z):
        x, y = z[..., 0], z[..., 1]
        return (x**2 * y - x - 1) ** 2 + (x**2 - 1) ** 2

    def gradient(z):
        x, y = z[..., 0], z[..., 1]
        u, v = x**2 * y - x - 1, x**2 - 1
        return np.stack([2 * u * (2 * x * y - 1) + 4 * v * x, 2 * u * x**2], axis=-1)

    return Smooth(value, gradient, dim=2, minimum=0.0)
