"""Optimality conditions and the rates that they promise (chapter 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from ._validation import Array
from .landscape import Landscape, evaluate, evaluate_hessian

__all__ = [
    "classify",
    "noisy_polyak_rate",
    "polyak_factor",
    "polyak_path_length",
    "polyak_rate",
    "polyak_ratio",
    "sharp_polyak_factor",
    "smooth_weak_quasi_convex_rate",
    "weak_quasi_convex_flow_rate",
    "weak_quasi_convex_rate",
    "weak_quasi_convexity_ratio",
]


def _ratio(landscape: Landscape, value: Array, first: Array, second: Array) -> Array:
    """Return ⟨first, second⟩ over the gap; infinite at a global minimum, where nothing is asked.

    Both are divided by their sizes first: their product can overflow where the ratio does not.
    """
    gap = value - landscape.minimum
    rounding = 8 * np.finfo(float).eps * abs(landscape.minimum)
    defined = gap > max(rounding, landscape._rounding)
    sizes = [np.abs(side).max(axis=-1) for side in (first, second)]
    first, second = (
        np.divide(side, size[..., None], out=np.zeros_like(side), where=size[..., None] > 0)
        for side, size in zip((first, second), sizes, strict=True)
    )
    with np.errstate(over="ignore"):
        ratio = np.vecdot(first, second) * sizes[0] / np.where(defined, gap, 1.0) * sizes[1]
    return np.where(defined, ratio, np.inf)[()]


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
    np.float64(0.0)
    """
    _, value, gradient = evaluate(landscape, theta)
    return _ratio(landscape, value, gradient, gradient)


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
    theta, value, gradient = evaluate(landscape, theta)
    minimizer = _validation.point("minimizer", minimizer, landscape.dim)
    # Half of each: the difference of two large numbers can overflow.
    return 2 * _ratio(landscape, value, gradient, theta / 2 - minimizer / 2)


def classify(
    landscape: Landscape, theta: ArrayLike, *, tolerance: float = 1e-6
) -> str | NDArray[np.str_]:
    r"""Name the kind of the critical point θ.

    Let s be the larger of ‖θ‖ and ``landscape.scale``, and h the largest among the sizes of the
    Hessian's eigenvalues, \|f(θ)\|/s² and \|f*\|/s². These count as zero:

    .. math::

       \|\nabla f(\theta)\| \le \varepsilon hs, \qquad
       f(\theta) - f^* \le \varepsilon hs^2, \qquad
       |\lambda| \le \varepsilon h

    with ε the tolerance; so nothing changes if f or the unit of θ is multiplied by a number.

    Parameters
    ----------
    landscape : Landscape
    theta : array_like, shape (..., dim)
    tolerance : float, optional
        ε, > 0.

    Returns
    -------
    str, or ndarray of str, shape (...)
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
    tolerance = _validation.positive("tolerance", tolerance)
    theta, value, gradient = evaluate(landscape, theta)
    hessian = evaluate_hessian(landscape, theta)
    if theta.ndim > 1:
        shape = theta.shape[:-1]
        kinds = [
            _kind(landscape, theta[i], value[i], gradient[i], hessian[i], tolerance)
            for i in np.ndindex(shape)
        ]
        return np.array(kinds, dtype=str).reshape(shape)
    return _kind(landscape, theta, value, gradient, hessian, tolerance)


def _norm(vector: Array) -> float:
    """Return the norm, which the squares of large numbers do not let overflow."""
    size = float(np.abs(vector).max())
    return size * float(np.linalg.norm(vector / size)) if size > 0 else 0.0


def _kind(
    landscape: Landscape,
    theta: Array,
    value: Array,
    gradient: Array,
    hessian: Array,
    tolerance: float,
) -> str:
    size = float(np.abs(hessian).max())
    eigenvalues = np.linalg.eigvalsh(hessian / size) if size > 0 else np.zeros(landscape.dim)
    reach = max(landscape.scale, _norm(theta))
    height = max(abs(float(value)), abs(landscape.minimum))
    zero = tolerance * max(float(np.abs(eigenvalues).max()) * size, height / reach / reach)
    if _norm(gradient) > zero * reach:
        return "not critical"
    if value - landscape.minimum <= max(zero * reach * reach, landscape._rounding):
        return "global minimum"
    if eigenvalues[0] * size < -zero:
        return "strict saddle"
    if eigenvalues[0] * size > zero:
        return "local minimum"
    known = landscape.second_order_optimal
    return "saddle without negative curvature" if known else "degenerate"


def _steps_array(steps: ArrayLike) -> Array:
    steps = _validation.finite_array("steps", steps)
    if (steps < 0).any():
        raise ValueError(f"steps must be numbers >= 0, got {steps.min():g}")
    return steps


def _polyak_constants(alpha: float, beta: float) -> tuple[float, float]:
    """Check a Polyak constant and a smoothness that a function can have together."""
    alpha, beta = _validation.positive("alpha", alpha), _validation.positive("beta", beta)
    if alpha / 2 > beta:
        raise ValueError(f"alpha must be at most 2 beta = {2 * beta:g}, got {alpha:g}")
    return alpha, beta


def polyak_factor(alpha: float, beta: float, step: float | None = None) -> float:
    r"""Return the factor by which Polyak's theorem shrinks the gap in a step.

    .. math:: 1 - \alpha\eta\left(1 - \frac{\beta\eta}{2}\right)

    Parameters
    ----------
    alpha, beta : float
        The Polyak constant and the smoothness, both > 0; α ≤ 2β, as for every function that
        has both.
    step : float, optional
        The step η, in (0, 2/β); 1/β if not given, where the factor is 1 − α/(2β).

    Returns
    -------
    float
        In [0, 1).

    References
    ----------
    thm-polyak-rate.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_factor(alpha=1.0, beta=2.0)
    0.75
    """
    alpha, beta = _polyak_constants(alpha, beta)
    product = 1.0 if step is None else beta * _validation.positive("step", step)
    if product >= 2:
        raise ValueError(f"step must be in (0, 2/beta) = (0, {2 / beta:g}), got {step:g}")
    return 1 - alpha / beta * product * (1 - product / 2)


def sharp_polyak_factor(alpha: float, beta: float) -> float:
    r"""Return the smallest factor that is true of the step 1/β if Polyak holds at the iterates.

    .. math:: \frac{1 - \alpha/(2\beta)}{1 + \alpha/(4\beta)}

    Parameters
    ----------
    alpha, beta : float
        The constant of Polyak's inequality at the iterates, and the smoothness, both > 0;
        α ≤ 2β.

    Returns
    -------
    float
        In [0, 1).

    See Also
    --------
    polyak_factor : What the shorter proof gives, for every step.
    zigzag_bowl : The function that meets the factor.

    References
    ----------
    thm-polyak-sharp-rate.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.sharp_polyak_factor(alpha=1.0, beta=1.0)
    0.4
    """
    alpha, beta = _polyak_constants(alpha, beta)
    return (1 - alpha / beta / 2) / (1 + alpha / beta / 4)


def polyak_path_length(alpha: float, beta: float, gap: ArrayLike) -> Array:
    r"""Return the least bound on the length of the path of gradient descent, for the step 1/β.

    .. math::

       \sum_t \|x_{t+1} - x_t\| \le \frac{\alpha/\beta}{1 - \sqrt q}
       \sqrt{\frac{f(x_0) - f^*}{\alpha}}

    with q the factor `sharp_polyak_factor`. It is at most (1 + √3)√(gap/α); the flow has 2√(gap/α).

    Parameters
    ----------
    alpha, beta : float
        The constant of Polyak's inequality at the iterates, and the smoothness, both > 0;
        α ≤ 2β.
    gap : array_like
        The gaps f(x_0) − f* ≥ 0.

    Returns
    -------
    ndarray
        The bound, of the shape of ``gap``.

    References
    ----------
    thm-polyak-sharp-rate.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.polyak_path_length(alpha=2.0, beta=1.0, gap=[0.5, 2.0])  # x²/2: one step
    array([1., 2.])
    """
    alpha, beta = _polyak_constants(alpha, beta)
    q, ratio = sharp_polyak_factor(alpha, beta), alpha / beta
    gap = _validation.finite_array("gap", gap)
    if not (gap >= 0).all():
        raise ValueError(f"gap must be numbers >= 0, got {np.min(gap):g}")
    # 1 − √q = (1 − q)/(1 + √q), without the difference of numbers that may be near 1.
    bound: Array = 4 / 3 * (1 + ratio / 4) * (1 + np.sqrt(q)) * (np.sqrt(gap) / np.sqrt(alpha))
    return bound[()]


def noisy_polyak_rate(
    alpha: float, beta: float, gap: float, noise: float, steps: ArrayLike, step: float
) -> Array:
    r"""Return the bound on the mean gap after t steps with noisy gradients.

    .. math::

       \mathbb{E} f(x_t) - f^* \le \left(1 - \frac{\alpha\eta}{2}\right)^t (f(x_0) - f^*)
       + \frac{\beta\eta\sigma^2}{\alpha}

    Parameters
    ----------
    alpha, beta : float
        The Polyak constant and the smoothness, both > 0; α ≤ 2β.
    gap : float
        f(x_0) − f* > 0.
    noise : float
        σ > 0, the root mean square of the noise.
    steps : array_like
        The numbers of steps t ≥ 0.
    step : float
        The step η, in (0, 1/β].

    Returns
    -------
    ndarray
        The bound, of the shape of ``steps``.

    See Also
    --------
    polyak_rate : Without noise.

    References
    ----------
    thm-sgd-polyak.
    """
    alpha, beta = _polyak_constants(alpha, beta)
    gap, noise = _validation.positive("gap", gap), _validation.positive("noise", noise)
    step = _validation.positive("step", step)
    if beta * step > 1:
        raise ValueError(f"step must be in (0, 1/beta] = (0, {1 / beta:g}], got {step:g}")
    floor = beta * step / alpha * noise * noise
    return ((1 - alpha * step / 2) ** _steps_array(steps) * gap + floor)[()]


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
        The Polyak constant and the smoothness, both > 0; α ≤ 2β, as for every function that
        has both.
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
    alpha: float, lipschitz: float, distance: float, steps: ArrayLike
) -> Array:
    r"""Return the bound on the best of t iterates, for the step R/(G√t).

    .. math:: \min_{s < t} f(x_s) - f^* \le \frac{RG}{\alpha\sqrt{t}}

    Parameters
    ----------
    alpha : float
        The weak-quasi-convexity constant.
    lipschitz : float
        G, a bound on the gradient norm, or on √E‖g‖² for stochastic gradients.
    distance : float
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
    numbers = (("alpha", alpha), ("lipschitz", lipschitz), ("distance", distance))
    alpha, lipschitz, distance = (_validation.positive(*pair) for pair in numbers)
    steps = _steps_array(steps)
    with np.errstate(divide="ignore", over="ignore"):  # infinite at t = 0
        return (lipschitz / alpha * distance / np.sqrt(steps))[()]


def smooth_weak_quasi_convex_rate(
    alpha: float, beta: float, distance: float, gap: float, steps: ArrayLike
) -> Array:
    r"""Return the bound on the gap of a smooth weakly quasi-convex function, for the step 1/β.

    .. math::

       f(x_t) - f^* \le \frac{\beta R^2}{2\alpha t} \quad (\alpha \ge 1), \qquad
       f(x_t) - f^* \le \frac{\beta R^2/2 + (1 - \alpha)(f(x_0) - f^*)}{1 + \alpha(t - 1)}
       \quad (\alpha \le 1)

    Parameters
    ----------
    alpha, beta : float
        The weak-quasi-convexity constant and the smoothness.
    distance : float
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
    huber : A function whose gap is 1/(2 + 1/t) of the bound.

    References
    ----------
    thm-smooth-weak-quasi-convex-rate.
    """
    numbers = (("alpha", alpha), ("beta", beta), ("distance", distance), ("gap", gap))
    alpha, beta, distance, gap = (_validation.positive(*pair) for pair in numbers)
    steps = _steps_array(steps)
    with np.errstate(all="ignore"):  # infinite at t = 0
        if alpha >= 1:
            bound = beta / alpha * distance * distance / 2 / steps
        else:
            whole = beta * distance * distance / 2 + (1 - alpha) * gap
            bound = whole / (1 + alpha * np.maximum(steps - 1, 0))
        return np.where(steps > 0, bound, np.inf)[()]


def weak_quasi_convex_flow_rate(alpha: float, distance: float, time: ArrayLike) -> Array:
    r"""Return the least bound on the gap of a weakly quasi-convex function along the flow.

    .. math::

       f(x(t)) - f^* \le \frac{R^2}{2\alpha t}
       \left(\frac{\alpha}{2}\right)^{\alpha/(2 - \alpha)}

    The power is 1/e at α = 2, its limit.

    Parameters
    ----------
    alpha : float
        The weak-quasi-convexity constant.
    distance : float
        R = ‖x(0) − x*‖.
    time : array_like
        The times t ≥ 0; the bound is infinite at t = 0.

    Returns
    -------
    ndarray
        The bound, of the shape of ``time``.

    See Also
    --------
    power_bowl : The function that meets the bound.

    References
    ----------
    thm-weak-quasi-convex-flow.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.weak_quasi_convex_flow_rate(alpha=1.0, distance=2.0, time=[0.5, 1.0])
    array([2., 1.])
    """
    alpha = _validation.positive("alpha", alpha)
    distance = _validation.positive("distance", distance)
    time = _validation.finite_array("time", time)
    if not (time >= 0).all():
        raise ValueError(f"time must be numbers >= 0, got {np.min(time):g}")
    less = 1 - alpha / 2
    if alpha < 0.5:
        power = (np.log(alpha) - np.log(2)) / less
    else:  # log(1 − less)/less is a power series, also where less is nearly 0
        power = np.log1p(-less) / less if less else -1.0
    with np.errstate(all="ignore"):  # infinite at t = 0
        bound = distance * distance / 2 / alpha / time * np.exp(alpha / 2 * power)
    return np.where(time > 0, bound, np.inf)[()]
