"""Chapter 1's gallery: small functions that separate the optimality conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import _validation
from ._validation import Array
from .landscape import Smooth

__all__ = [
    "averaging_trap",
    "bent_valley",
    "circle_well",
    "flat_stairs",
    "huber",
    "largest_coordinate",
    "log_bowl",
    "parabola_valley",
    "power_bowl",
    "quartic",
    "star",
    "tilted_wells",
    "two_minima_ridge",
    "wavy_bowl",
    "zigzag_bowl",
]

# The formulas are functions of the module, so that a landscape of theirs can be pickled.


@dataclass(frozen=True)
class _With:
    """A function of points with its parameters set; two of equal parts are equal."""

    function: Callable[..., Array]
    parameters: tuple[object, ...]

    def __call__(self, x: Array) -> Array:
        return self.function(x, *self.parameters)


def _with(
    parameters: tuple[object, ...],
    dim: int,
    name: str,
    value: Callable[..., Array],
    gradient: Callable[..., Array],
    hessian: Callable[..., Array] | None = None,
) -> Smooth:
    """Return the landscape of functions with parameters; its minimum is 0."""
    curved = None if hessian is None else _With(hessian, parameters)
    value, gradient = _With(value, parameters), _With(gradient, parameters)
    return Smooth(value, gradient, dim, 0.0, curved, name=name)


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


def _wavy_bowl_value(x: Array, height: float) -> Array:
    value: Array = x[..., 0] ** 2 + height * np.sin(x[..., 0]) ** 2
    return value


def _wavy_bowl_gradient(x: Array, height: float) -> Array:
    gradient: Array = 2 * x + height * np.sin(2 * x)
    return gradient


def _wavy_bowl_hessian(x: Array, height: float) -> Array:
    return (2 + 2 * height * np.cos(2 * x))[..., None]


def wavy_bowl(height: float = 3.0) -> Smooth:
    """Return x² + h sin²x: for h = 3 Polyak with α = 0.351…, 8-smooth, not convex.

    Its smoothness is 2 + 2h. For h = 10 it has local minima that are not global, and still
    quadratic growth.

    Parameters
    ----------
    height : float, optional
        The height h > 0 of the waves.

    Returns
    -------
    Smooth

    References
    ----------
    thm-polyak-rate; prop-implications; Karimi, Nutini and Schmidt (2016), who give α = 1/16
    for h = 3.
    """
    height = _validation.positive("height", height)
    parts = _wavy_bowl_value, _wavy_bowl_gradient, _wavy_bowl_hessian
    return _with((height,), 1, f"wavy_bowl(height={height:g})", *parts)


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


def _star_parts(z: Array) -> tuple[Array, Array, Array]:
    """Return the radius, 2 + cos 5φ, and the derivative of that in φ."""
    angle = 5 * np.arctan2(z[..., 1], z[..., 0])
    return np.hypot(z[..., 0], z[..., 1]), 2 + np.cos(angle), -5 * np.sin(angle)


def _star_value(z: Array, power: float) -> Array:
    radius, shape, _ = _star_parts(z)
    value: Array = radius**power * shape
    return value


def _star_gradient(z: Array, power: float) -> Array:
    radius, shape, slope = _star_parts(z)
    apart = radius > 0
    unit = z / np.where(apart, radius, 1.0)[..., None]
    around = np.stack([-unit[..., 1], unit[..., 0]], axis=-1)
    size = np.where(apart, radius, 1.0) ** (power - 1) * apart
    gradient: Array = (size * power * shape)[..., None] * unit + (size * slope)[..., None] * around
    return gradient


def star(power: float = 1.0) -> Smooth:
    r"""Return r^p (2 + cos 5φ) in polar coordinates: p-weakly-quasi-convex, not convex.

    It is homogeneous of degree p, so ⟨∇f(x), x⟩ = p f(x), by Euler. For p = 1 its gradients
    are at most √(29 + 1/6) long, at cos 5φ = 1/12; for p = 2 it is 4-Polyak, and no more.

    Parameters
    ----------
    power : float, optional
        The degree p > 0.

    Returns
    -------
    Smooth
        Its gradient at the minimizer 0 is taken for 0.

    References
    ----------
    thm-weak-quasi-convex-rate; prop-implications; prop-growth-and-weak-quasi-convexity.
    """
    power = _validation.positive("power", power)
    return _with((power,), 2, f"star(power={power:g})", _star_value, _star_gradient)


def _parabola(x: Array) -> tuple[Array, Array, Array]:
    """Return x² with its first and second derivatives."""
    return x**2, 2 * x, np.full_like(x, 2.0)


def _bend(x: Array) -> tuple[Array, Array, Array]:
    """Return x + exp(−x) with its first and second derivatives."""
    fall = np.exp(-x)
    return x + fall, 1 - fall, fall


_Profile = Callable[[Array], tuple[Array, Array, Array]]


def _valley_value(z: Array, profile: _Profile) -> Array:
    value: Array = (z[..., 1] - profile(z[..., 0])[0]) ** 2
    return value


def _valley_gradient(z: Array, profile: _Profile) -> Array:
    bottom, slope, _ = profile(z[..., 0])
    normal = np.stack([-slope, np.ones_like(slope)], axis=-1)
    gradient: Array = 2 * (z[..., 1] - bottom)[..., None] * normal
    return gradient


def _valley_hessian(z: Array, profile: _Profile) -> Array:
    bottom, slope, curvature = profile(z[..., 0])
    hessian: Array = 2 * _outer(np.stack([-slope, np.ones_like(slope)], axis=-1))
    hessian[..., 0, 0] -= 2 * (z[..., 1] - bottom) * curvature
    return hessian


def _valley(profile: _Profile, name: str) -> Smooth:
    """Return (y − h(x))² for the profile h."""
    return _with((profile,), 2, name, _valley_value, _valley_gradient, _valley_hessian)


def parabola_valley() -> Smooth:
    """Return (y − x²)²: 4-Polyak, and weakly quasi-convex towards none of its minimizers.

    Returns
    -------
    Smooth

    References
    ----------
    cor-quadratic-growth; prop-implications; prop-relatives.
    """
    return _valley(_parabola, "parabola_valley()")


def bent_valley() -> Smooth:
    """Return (y − x − exp(−x))²: 4-Polyak, without the restricted secant inequality.

    To the right of the steep arm of the valley the nearest minimizer lies on that arm, and the
    function falls away from it.

    Returns
    -------
    Smooth

    References
    ----------
    prop-relatives.
    """
    return _valley(_bend, "bent_valley()")


def _flat_stairs_value(x: Array) -> Array:
    x = x[..., 0]
    up, waves = np.sinh(x / 2) ** 2, np.sin(x) ** 2  # without the differences of cosines
    rest = 0.8 * up + 0.2 * waves + 0.4 * up * waves - 0.2 * np.sinh(x) * np.sin(2 * x)
    value: Array = x**2 / 2 + rest
    return value


def _flat_stairs_gradient(x: Array) -> Array:
    gradient: Array = x + np.sinh(x) * np.sin(x) ** 2
    return gradient


def _flat_stairs_hessian(x: Array) -> Array:
    hessian: Array = (1 + np.cosh(x) * np.sin(x) ** 2 + np.sinh(x) * np.sin(2 * x))[..., None]
    return hessian


def flat_stairs() -> Smooth:
    r"""Return a function whose slope is x + sinh(x) sin²x: an error bound, and not Polyak.

    .. math:: f(x) = \tfrac{x^2}{2} + \tfrac{\cosh x}{2}
              - \tfrac{1}{10}(\cosh x\cos 2x + 2\sinh x\sin 2x) - \tfrac{2}{5}

    The slope is at least that of x²/2, which is the restricted secant inequality. At the
    multiples of π it is no more, while f has climbed exponentially.

    Returns
    -------
    Smooth

    References
    ----------
    prop-relatives.
    """
    return Smooth(
        _flat_stairs_value,
        _flat_stairs_gradient,
        1,
        0.0,
        _flat_stairs_hessian,
        name="flat_stairs()",
    )


def _radius(x: Array) -> Array:
    """Return ‖x‖, shape (..., 1), also where squares overflow or vanish."""
    size = np.abs(x).max(axis=-1, keepdims=True)
    unit = x / np.where(size > 0, size, 1.0)
    radius: Array = size * np.sqrt(_squares(unit)[..., None])
    return radius


def _power_value(x: Array, power: float, scale: float) -> Array:
    value: Array = scale * _radius(x)[..., 0] ** power
    return value


def _power_gradient(x: Array, power: float, scale: float) -> Array:
    radius = _radius(x)
    apart = radius > 0
    radius = np.where(apart, radius, 1.0)
    gradient: Array = scale * power * radius ** (power - 1) * (x / radius) * apart
    return gradient


def power_bowl(power: float, scale: float = 1.0, dim: int = 1) -> Smooth:
    r"""Return c‖x‖^p: the p-weakly-quasi-convex function on which the flow is slowest.

    With c = R^{2−p}/(2pt) the flow from ‖x‖ = R meets the bound of `weak_quasi_convex_flow_rate`
    at the time t.

    Parameters
    ----------
    power : float
        The degree p > 0.
    scale : float, optional
        The factor c > 0.
    dim : int, optional
        The dimension of x.

    Returns
    -------
    Smooth
        Its gradient at the minimizer 0 is taken for 0.

    References
    ----------
    thm-weak-quasi-convex-flow.
    """
    power, scale = _validation.positive("power", power), _validation.positive("scale", scale)
    dim = _validation.count("dim", dim, least=1)
    name = f"power_bowl(power={power:g}, scale={scale:g}, dim={dim})"
    return _with((power, scale), dim, name, _power_value, _power_gradient)


def _huber_value(x: Array, threshold: float) -> Array:
    size = np.abs(x[..., 0])
    value: Array = np.where(size <= threshold, size**2 / 2, threshold * size - threshold**2 / 2)
    return value


def _huber_gradient(x: Array, threshold: float) -> Array:
    gradient: Array = np.clip(x, -threshold, threshold)
    return gradient


def huber(threshold: float) -> Smooth:
    r"""Return Huber's function: x²/2 on [−τ, τ], and the tangents of slope ±τ beyond it.

    It is convex and 1-smooth. From x_0 = R, with τ = R/(2t + 1), gradient descent with the step 1
    has the gap R²/(4t + 2) after t steps; `smooth_weak_quasi_convex_rate` allows R²/(2t).

    Parameters
    ----------
    threshold : float
        τ > 0.

    Returns
    -------
    Smooth

    References
    ----------
    thm-smooth-weak-quasi-convex-rate; Drori and Teboulle (2014), for convex functions.
    """
    threshold = _validation.positive("threshold", threshold)
    name = f"huber(threshold={threshold:g})"
    return _with((threshold,), 1, name, _huber_value, _huber_gradient)


def _zigzag_parts(x: Array, alpha: float, beta: float) -> tuple[Array, ...]:
    """Return of each |x| the two ends of its step, and the slopes and the factor there."""
    part = alpha / beta
    fall = (np.log1p(-part / 2) - np.log1p(part / 4)) / 2  # the logarithm of √q
    size = np.abs(x[..., 0])
    safe = np.where(size > 0, size, 1.0)
    number = np.floor(np.log(safe) / fall)
    high, low = np.exp(fall * number), np.exp(fall * (number + 1))
    slope = -beta * np.expm1(fall)  # over the distance
    return size, high, low, slope * high, slope * low


def _zigzag_value(x: Array, alpha: float, beta: float) -> Array:
    size, high, low, steep, flat = _zigzag_parts(x, alpha, beta)
    up, down = size - low, high - size
    first = flat**2 / alpha + flat * up - beta * up**2 / 2
    second = steep**2 / alpha - steep * down + beta * down**2 / 2
    value: Array = np.where(size > 0, np.where(up <= flat / (2 * beta), first, second), 0.0)
    return value


def _zigzag_gradient(x: Array, alpha: float, beta: float) -> Array:
    size, high, low, steep, flat = _zigzag_parts(x, alpha, beta)
    slope = np.maximum(flat - beta * (size - low), steep - beta * (high - size))
    gradient: Array = np.where(size > 0, slope * np.sign(x[..., 0]), 0.0)[..., None]
    return gradient


def zigzag_bowl(alpha: float, beta: float) -> Smooth:
    r"""Return the β-smooth function on which descent meets Polyak's sharp factor at every step.

    Its second derivative is β or −β. From x_0 = 1 gradient descent with the step 1/β visits the
    powers of √q, where q is `sharp_polyak_factor`; there ‖∇f‖² = α(f − f*), and f(x_t) is
    q^t f(x_0). It is even, and f(√q x) = q f(x).

    Parameters
    ----------
    alpha, beta : float
        The constant of Polyak's inequality at the iterates, and the smoothness; both > 0, and
        α < 2β.

    Returns
    -------
    Smooth

    References
    ----------
    thm-polyak-sharp-rate.
    """
    alpha, beta = _validation.positive("alpha", alpha), _validation.positive("beta", beta)
    if alpha >= 2 * beta:
        raise ValueError(f"alpha must be below 2 beta = {2 * beta:g}, got {alpha:g}")
    name = f"zigzag_bowl(alpha={alpha:g}, beta={beta:g})"
    return _with((alpha, beta), 1, name, _zigzag_value, _zigzag_gradient)


def _level(x: Array, steps: int) -> Array:
    """Return x_i less a trifle that grows with i, so that the first of equals is the largest."""
    return x - 1e-12 * np.arange(steps)


def _largest_value(x: Array, steps: int, alpha: float) -> Array:
    bound = steps**-0.5
    height = np.maximum(bound + _level(x, steps).max(axis=-1), 0.0)
    value: Array = bound / alpha * (height / bound) ** alpha
    return value


def _largest_gradient(x: Array, steps: int, alpha: float) -> Array:
    bound, level = steps**-0.5, _level(x, steps)
    height = np.maximum(bound + level.max(axis=-1), 0.0)
    safe = np.where(height > 0, height, 1.0)
    slope = np.where(height > 0, (safe / bound) ** (alpha - 1), 0.0)
    gradient: Array = np.zeros(x.shape)
    np.put_along_axis(gradient, level.argmax(axis=-1)[..., None], slope[..., None], axis=-1)
    return gradient


def largest_coordinate(steps: int, alpha: float = 1.0) -> tuple[Smooth, Array]:
    r"""Return an α-weakly-quasi-convex function that t steps do not lower, and a start.

    .. math:: f(x) = \frac{1}{\alpha\sqrt t}\bigl(1 + \sqrt t\,\max(x_1, \dots, x_t)\bigr)_+^\alpha

    Each step sees the largest coordinate only, the first of equals, and lowers that one. From 0
    the t iterates of descent with the step 1/√t all have the gap 1/(α√t), which is the bound of
    `weak_quasi_convex_rate` with R = G = 1. A trifle of 1e-12 parts equal coordinates, so that f
    is differentiable at the iterates.

    Parameters
    ----------
    steps : int
        The number t ≥ 1 of iterates, and the dimension.
    alpha : float, optional
        The constant α > 0; for 1 the function is convex.

    Returns
    -------
    landscape : Smooth
    start : ndarray, shape (steps,)
        The point 0, at a distance of at most 1 from a minimizer.

    References
    ----------
    thm-weak-quasi-convex-rate; thm-mean-iterate; thm-polyak-step.
    """
    steps = _validation.count("steps", steps, least=1)
    alpha = _validation.positive("alpha", alpha)
    name = f"largest_coordinate(steps={steps}, alpha={alpha:g})"
    landscape = _with((steps, alpha), steps, name, _largest_value, _largest_gradient)
    return landscape, np.zeros(steps)


#: The tilt of the two wells.
TILT = 0.3


def _tilted_value(z: Array) -> Array:
    x, y = z[..., 0], z[..., 1]
    value: Array = np.exp(-x) + (y**2 - 1) ** 2 + TILT * y
    return value


def _tilted_gradient(z: Array) -> Array:
    x, y = z[..., 0], z[..., 1]
    return np.stack([-np.exp(-x), 4 * y * (y**2 - 1) + TILT], axis=-1)


def _tilted_hessian(z: Array) -> Array:
    x, y = z[..., 0], z[..., 1]
    zero = np.zeros_like(x)
    rows = np.stack([np.exp(-x), zero], -1), np.stack([zero, 12 * y**2 - 4], -1)
    return np.stack(rows, -2)


def tilted_wells() -> Smooth:
    """Return exp(−x) + (y² − 1)² + 0.3 y: no critical point, and an open set of starts that fail.

    Two wells run off to the right, side by side, one deeper than the other; the infimum −0.305…
    is that of the deeper one, and is not attained.

    Returns
    -------
    Smooth

    References
    ----------
    prop-open-set-of-failures.
    """
    lowest = np.roots([4.0, 0.0, -4.0, TILT]).real.min()
    minimum = float((lowest**2 - 1) ** 2 + TILT * lowest)
    return Smooth(
        _tilted_value, _tilted_gradient, 2, minimum, _tilted_hessian, name="tilted_wells()"
    )
