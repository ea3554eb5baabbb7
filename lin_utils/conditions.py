"""Optimality conditions and the rates that they promise (chapter 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

Array = NDArray[np.float64]


def _ratio(numerator: Array, gap: Array, tiny: float) -> Array:
    """Divide by the gap; at a global minimum the conditions ask nothing: the ratio is inf."""
    defined = gap > tiny
    return np.where(defined, numerator / np.where(defined, gap, 1.0), np.inf)


def _tiny(landscape: Landscape) -> float:
    return 8 * np.finfo(float).eps * max(1.0, abs(landscape.minimum))


def polyak_ratio(landscape: Landscape, theta: ArrayLike) -> Array:
    r"""Return the Polyak ratio: the squared norm of the gradient over the gap.

    .. math:: \frac{\|\nabla f(\theta)\|^2}{f(\theta) - f^*}

    A landscape is α-Polyak on a set where this ratio is at least α. The
    Polyak–Łojasiewicz constant of the literature is μ = α/2.

    Parameters
    ----------
    landscape : Landscape
    theta : array_like, shape (..., dim)

    Returns
    -------
    ndarray, shape (...)
        Infinite where θ is a global minimum to machine precision.

    References
    ----------
    Polyak (1963); Karimi, Nutini and Schmidt (2016).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_ratio(lu.DeepLinear((1, 1, 1), [[1.0]]), [0.0, 0.0])  # a saddle
    array(0.)
    """
    value, gradient = landscape.value_and_gradient(theta)
    return _ratio((gradient**2).sum(-1), value - landscape.minimum, _tiny(landscape))


def weak_quasi_convexity_ratio(
    landscape: Landscape, theta: ArrayLike, minimizer: ArrayLike
) -> Array:
    r"""Return the ratio of weak-quasi-convexity: the descent towards θ* over the gap.

    .. math:: \frac{\langle\nabla f(\theta), \theta - \theta^*\rangle}{f(\theta) - f^*}

    A landscape is α-weakly-quasi-convex towards θ* on a set where this ratio is at
    least α > 0. Star-convexity is α = 1; "quasar-convex" is the newer name.

    Parameters
    ----------
    landscape : Landscape
    theta : array_like, shape (..., dim)
    minimizer : array_like, shape (dim,)
        A global minimizer θ*.

    Returns
    -------
    ndarray, shape (...)
        Infinite where θ is a global minimum to machine precision.

    References
    ----------
    Hardt, Ma and Recht (2018); Hinder, Sidford and Sohoni (2020).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.weak_quasi_convexity_ratio(lu.quartic(), [[0.5], [2.0]], [0.0])
    array([4., 4.])
    """
    minimizer = _validation.points("minimizer", minimizer, landscape.dim)
    theta = _validation.points("theta", theta, landscape.dim)
    value, gradient = landscape.value_and_gradient(theta)
    inner = (gradient * (theta - minimizer)).sum(-1)
    return _ratio(inner, value - landscape.minimum, _tiny(landscape))


def classify(landscape: Landscape, theta: ArrayLike, *, tolerance: float = 1e-6) -> str:
    """Name the kind of the critical point θ.

    Parameters
    ----------
    landscape : Landscape
    theta : array_like, shape (dim,)
    tolerance : float, optional
        A gradient of norm at most ``tolerance * scale`` counts as zero, as does an
        eigenvalue of the Hessian or a gap f − f* of at most that size, where
        ``scale = max(1, |f(θ)|, largest |eigenvalue| of the Hessian)``.

    Returns
    -------
    str
        ``'not critical'``; ``'global minimum'``; ``'strict saddle'`` (the Hessian has a
        negative eigenvalue; local maxima of dimension one or more are among these);
        ``'local minimum'`` (a positive definite Hessian); ``'degenerate'`` (the
        Hessian has no negative eigenvalue and a zero one, so it alone cannot tell a
        saddle from a local minimum); or, where the landscape is ``second_order_optimal``,
        ``'saddle without negative curvature'`` in its place.

    Examples
    --------
    >>> import lin_utils as lu
    >>> loss = lu.DeepLinear((1, 1, 1), [[1.0]])  # (ab - 1)²
    >>> lu.classify(loss, [0.0, 0.0]), lu.classify(loss, [2.0, 0.5])
    ('strict saddle', 'global minimum')
    """
    theta = _validation.points("theta", theta, landscape.dim)
    if theta.ndim != 1:
        raise ValueError(f"theta must be one point, shape ({landscape.dim},), got {theta.shape}")
    tolerance = _validation.positive("tolerance", tolerance)
    value, gradient = landscape.value_and_gradient(theta)
    eigenvalues = np.linalg.eigvalsh(landscape.hessian(theta))
    zero = tolerance * max(1.0, abs(float(value)), float(np.abs(eigenvalues).max()))
    if np.linalg.norm(gradient) > zero:
        return "not critical"
    if value - landscape.minimum <= zero:
        return "global minimum"
    if eigenvalues[0] < -zero:
        return "strict saddle"
    if eigenvalues[0] > zero:
        return "local minimum"
    known = landscape.second_order_optimal
    return "saddle without negative curvature" if known else "degenerate"


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


def _steps_array(steps: ArrayLike) -> Array:
    steps = _validation.finite_array("steps", steps)
    if (steps < 0).any():
        raise ValueError(f"steps must be >= 0, got {steps.min()}")
    return steps


def polyak_factor(alpha: float, beta: float, step: float | None = None) -> float:
    r"""Return the factor by which Polyak's theorem shrinks the gap in a step.

    .. math:: 1 - \alpha\eta\left(1 - \frac{\beta\eta}{2}\right)

    Parameters
    ----------
    alpha, beta : float
        The Polyak constant and the smoothness, both > 0.
    step : float, optional
        The step η, in (0, 2/β); 1/β if not given, where the factor is 1 − α/(2β).

    Returns
    -------
    float
        Below 1. It can be negative only if no β-smooth α-Polyak function exists.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_factor(alpha=1.0, beta=2.0)
    0.75
    """
    alpha, beta = _validation.positive("alpha", alpha), _validation.positive("beta", beta)
    step = 1 / beta if step is None else _validation.positive("step", step)
    if step >= 2 / beta:
        raise ValueError(f"step must be in (0, 2/beta) = (0, {2 / beta:g}), got {step:g}")
    return 1 - alpha * step * (1 - beta * step / 2)


def polyak_rate(
    alpha: float, beta: float, gap: float, steps: ArrayLike, step: float | None = None
) -> Array:
    r"""Return Polyak's bound on the gap after t steps of gradient descent.

    .. math::

       f(x_t) - f^* \le
       \left(1 - \alpha\eta\left(1 - \frac{\beta\eta}{2}\right)\right)^t (f(x_0) - f^*)

    Parameters
    ----------
    alpha, beta : float
        The Polyak constant and the smoothness, both > 0.
    gap : float
        f(x_0) − f* > 0.
    steps : array_like
        The numbers of steps t ≥ 0.
    step : float, optional
        The step η, in (0, 2/β); 1/β if not given.

    Returns
    -------
    ndarray
        The bound, of the shape of ``steps``.

    See Also
    --------
    polyak_factor : The factor alone.

    References
    ----------
    Polyak (1963).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_rate(alpha=1.0, beta=2.0, gap=4.0, steps=[0, 1, 2])
    array([4.  , 3.  , 2.25])
    """
    gap = _validation.positive("gap", gap)
    return polyak_factor(alpha, beta, step) ** _steps_array(steps) * gap


def weak_quasi_convex_rate(
    alpha: float, lipschitz: float, radius: float, steps: ArrayLike
) -> Array:
    r"""Return the bound on the best of t iterates, for the step R/(G√t).

    .. math:: \min_{s < t} f(x_s) - f^* \le \frac{RG}{\alpha\sqrt{t}}

    Parameters
    ----------
    alpha : float
        The weak-quasi-convexity constant.
    lipschitz : float
        G, a bound on the gradient norm, or on √E‖g‖² for stochastic gradients.
    radius : float
        R = ‖x_0 − x*‖.
    steps : array_like
        The numbers of steps t ≥ 0; the bound is infinite at t = 0.

    Returns
    -------
    ndarray
        The bound, of the shape of ``steps``.

    See Also
    --------
    smooth_weak_quasi_convex_rate : The rate 1/t for smooth functions.
    """
    numbers = (("alpha", alpha), ("lipschitz", lipschitz), ("radius", radius))
    alpha, lipschitz, radius = (_validation.positive(*pair) for pair in numbers)
    steps = _steps_array(steps)
    return np.where(
        steps > 0, radius * lipschitz / (alpha * np.sqrt(np.maximum(steps, 1e-300))), np.inf
    )


def smooth_weak_quasi_convex_rate(
    alpha: float, beta: float, radius: float, gap: float, steps: ArrayLike
) -> Array:
    r"""Return the bound on the gap of a smooth weakly quasi-convex function, for the step 1/β.

    .. math:: f(x_t) - f^* \le \frac{\beta R^2/2 + f(x_0) - f^*}{\alpha t}

    Parameters
    ----------
    alpha, beta : float
        The weak-quasi-convexity constant and the smoothness.
    radius : float
        R = ‖x_0 − x*‖.
    gap : float
        f(x_0) − f*.
    steps : array_like
        The numbers of steps t ≥ 0; the bound is infinite at t = 0.

    Returns
    -------
    ndarray
        The bound, of the shape of ``steps``.

    See Also
    --------
    weak_quasi_convex_rate : The rate 1/√t without smoothness.
    """
    numbers = (("alpha", alpha), ("beta", beta), ("radius", radius), ("gap", gap))
    alpha, beta, radius, gap = (_validation.positive(*pair) for pair in numbers)
    steps = _steps_array(steps)
    return np.where(
        steps > 0, (beta * radius**2 / 2 + gap) / (alpha * np.maximum(steps, 1e-300)), np.inf
    )
