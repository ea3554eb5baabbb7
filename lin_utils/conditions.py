"""Optimality conditions and the rates that they promise (chapter 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

__all__ = [
    "classify",
    "polyak_factor",
    "polyak_rate",
    "polyak_ratio",
    "smooth_weak_quasi_convex_rate",
    "weak_quasi_convex_rate",
    "weak_quasi_convexity_ratio",
]

Array = NDArray[np.float64]


def _ratio(numerator: Array, gap: Array, rounding: float) -> Array:
    """Divide by the gap; at a global minimum the conditions ask nothing: the ratio is inf."""
    defined = gap > rounding
    return np.where(defined, numerator / np.where(defined, gap, 1.0), np.inf)


def _rounding(landscape: Landscape) -> float:
    """Return the size up to which a gap is a rounding error of the values."""
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
    def-conditions. What a positive lower bound gives: thm-polyak-rate, thm-polyak-flow,
    cor-quadratic-growth. Polyak (1963); Karimi, Nutini and Schmidt (2016).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_ratio(lu.DeepLinear((1, 1, 1), [[1.0]]), [0.0, 0.0])  # a saddle
    array(0.)
    """
    value, gradient = landscape.value_and_gradient(theta)
    return _ratio((gradient**2).sum(-1), value - landscape.minimum, _rounding(landscape))


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
    def-conditions. What a positive lower bound gives: thm-weak-quasi-convex-rate,
    thm-smooth-weak-quasi-convex-rate. Hardt, Ma and Recht (2018); Hinder, Sidford and
    Sohoni (2020).

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
    return _ratio(inner, value - landscape.minimum, _rounding(landscape))


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

    References
    ----------
    def-conditions; thm-first-implies-second, whose witness is that of the example.

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

    References
    ----------
    thm-polyak-rate.

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
    thm-polyak-rate; Polyak (1963).

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

    References
    ----------
    thm-weak-quasi-convex-rate; thm-stochastic-rate.
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

    References
    ----------
    thm-smooth-weak-quasi-convex-rate.
    """
    numbers = (("alpha", alpha), ("beta", beta), ("radius", radius), ("gap", gap))
    alpha, beta, radius, gap = (_validation.positive(*pair) for pair in numbers)
    steps = _steps_array(steps)
    return np.where(
        steps > 0, (beta * radius**2 / 2 + gap) / (alpha * np.maximum(steps, 1e-300)), np.inf
    )
