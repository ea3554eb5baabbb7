"""Cones of linear recurrent networks: the constant, the projection, the extension (chapter 4)."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.signal import lfilter

from . import _validation

__all__ = ["cone_angle", "extend", "project_to_cone", "weak_quasi_convexity_constant"]

Array = NDArray[np.float64]


def on_circle(a: Array, points: int) -> NDArray[np.complex128]:
    """Return Q(w) = 1 + Σ a_j w^j at w = e^{−2πi s/points}, s = 0, …, points/2, the last axis."""
    padded = np.concatenate([np.ones((*a.shape[:-1], 1)), a], axis=-1)
    return np.fft.rfft(padded, points)


def weak_quasi_convexity_constant(model: ArrayLike, system: ArrayLike) -> float:
    r"""Return the constant of the exact identity for the idealized risk.

    .. math:: 2\min_\theta \operatorname{Re}\frac{Q(e^{i\theta})}{\hat Q(e^{i\theta})}

    Where it is positive, the idealized risk satisfies the inequality of weak-quasi-convexity
    at every (â, ĉ) with this â, whatever ĉ and c are.

    Parameters
    ----------
    model, system : array_like, shape (n̂,) and (n,)
        The coefficients â and a.

    Returns
    -------
    float

    References
    ----------
    thm-identity; prop-one-state for one state in closed form. The constant is the book's, sharper
    than that of Hardt, Ma and Recht (2018).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.weak_quasi_convexity_constant([0.0], [0.5])  # 2 min Re(1 + w/2)
    1.0
    """
    model = _validation.finite_array("model", model, ndim=1)
    system = _validation.finite_array("system", system, ndim=1)

    def real_part(angle):
        w = np.exp(1j * angle)
        top, bottom = (polynomial.polyval(w, np.concatenate([[1.0], q])) for q in (system, model))
        return (top / bottom).real

    grid = np.linspace(0, np.pi, 4097)
    values = real_part(grid)
    lowest = values.argmin()
    bounds = grid[max(lowest - 1, 0)], grid[min(lowest + 1, 4096)]
    refined = minimize_scalar(real_part, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return 2 * float(min(values[lowest], refined.fun))


def cone_angle(a: ArrayLike) -> Array:
    r"""Return the opening angle of the smallest cone around the positive axis that holds Q(S¹).

    .. math:: 2\max_\theta |\arg Q(e^{i\theta})|

    The maximum is taken over 4097 points of the half circle.

    Parameters
    ----------
    a : array_like, shape (..., n)
        The coefficients of Q(w) = 1 + a_1 w + ⋯ + a_n w^n.

    Returns
    -------
    ndarray, shape (...)
        In [0, 2π], in radians. A system whose angle is below 2π is stable.

    References
    ----------
    cor-cone; prop-cone-set.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> lu.cone_angle([0.5]) / np.pi  # 2 arcsin 0.5
    np.float64(0.333...)
    """
    a = _validation.finite_array("a", a)
    if a.ndim == 0 or a.shape[-1] == 0:
        raise ValueError(f"a must have shape (..., n) with n >= 1, got {a.shape}")
    return 2 * np.abs(np.angle(on_circle(a, 8192))).max(axis=-1)


def project_to_cone(a: ArrayLike, angle: float) -> Array:
    r"""Return the nearest coefficients whose Q(S¹) lies in the cone of this opening angle.

    With the opening angle φ the coefficients lie in the set

    .. math::

       \left\{a : |\operatorname{Im} Q(e^{i\theta})|
       \le \tan\frac{\varphi}{2}\, \operatorname{Re} Q(e^{i\theta})
       \text{ for all } \theta\right\},

    which is convex: an intersection of half-spaces. Here θ runs over 513 points of the half
    circle. The projection is a least-distance problem, solved by a dual method. Points farther
    than 1e4 are first moved to that distance. Between the points of the half circle the cone may be
    exceeded a little, the more the larger n: by 0.003 for n = 20, 0.012 for n = 40.

    Parameters
    ----------
    a : array_like, shape (..., n)
    angle : float
        The opening angle φ of the cone around the positive axis, in (0, π).

    Returns
    -------
    ndarray, shape (..., n)

    References
    ----------
    prop-cone-set; Hardt, Ma and Recht (2018) for the projection; Goldfarb and Idnani (1983) for
    the dual method.
    """
    a = _validation.finite_array("a", a)
    angle = float(_validation.finite_array("angle", angle, ndim=0))
    if not 0 < angle < np.pi:
        raise ValueError(f"angle must be in (0, pi), got {angle}")
    if a.ndim == 0 or a.shape[-1] == 0:
        raise ValueError(f"a must have shape (..., n) with n >= 1, got {a.shape}")
    slope = np.tan(angle / 2)
    powers = np.exp(1j * np.outer(np.linspace(0, np.pi, 513), np.arange(1, a.shape[-1] + 1)))
    # Rows @ a <= slope: for both signs, ±Im Q − slope·Re Q <= 0 with the constant 1 moved over.
    rows = np.concatenate([sign * powers.imag - slope * powers.real for sign in (1, -1)])
    result = a.copy()
    for index in np.ndindex(a.shape[:-1]):
        # Q in the cone has |a_j| <= 2, so that farther away only the direction matters.
        point = a[index] * min(1.0, 1e4 / max(np.linalg.norm(a[index]), 1e-300))
        scale = max(1.0, np.linalg.norm(point))
        room = (slope - rows @ point) / scale
        if (room >= 0).all():
            continue
        result[index] = point + scale * _least_distance(rows, room)
    return result


def _least_distance(rows: Array, room: Array) -> Array:
    """Return the nearest x to 0 with rows @ x <= room, by the dual method.

    Each round adds the row that x violates most, and drops those that it makes needless.
    """
    x, weights = np.zeros(rows.shape[1]), np.zeros(0)
    active: list[int] = []
    while (excess := rows @ x - room).max() > 1e-12:
        new = int(excess.argmax())
        if new in active:
            break  # what is left is rounding
        weights = np.append(weights, 0.0)
        while weights.size > len(active):
            q, r = np.linalg.qr(rows[active].T)
            others = np.linalg.solve(r, q.T @ rows[new])
            direction = rows[new] - others @ rows[active]
            # How far until the new row holds, and until an old one's weight is 0.
            slope = direction @ direction
            free = slope > 1e-24 * (rows[new] @ rows[new])
            full = (rows[new] @ x - room[new]) / slope if free else np.inf
            limits = np.full(len(active), np.inf)
            np.divide(weights[:-1], others, out=limits, where=others > 0)
            step = min(full, limits.min(initial=np.inf))
            x = x - step * direction if free else x
            weights = weights + step * np.append(-others, 1.0)
            if step == full:
                active.append(new)
            else:
                active.pop(limits.argmin())
                weights = np.delete(weights, limits.argmin())
    return x


def extend(a: ArrayLike, c: ArrayLike, degree: int) -> tuple[Array, Array]:
    """Return the over-parametrized coefficients of P R/Q R, with R the start of the series 1/Q.

    R has the terms of 1/Q up to the given degree. If the system is stable, Q R is 1 up to a term
    that falls exponentially with the degree, so that it lies in any given cone.
    For a small degree R can have zeros in the disk; then the larger system is not stable,
    although its transfer function is that of a stable one.

    Parameters
    ----------
    a, c : array_like, shape (n,)
    degree : int
        How many states to add, ≥ 0.

    Returns
    -------
    a, c : ndarray, shape (n + degree,)
        Coefficients of a larger system with the same transfer function.

    References
    ----------
    prop-over-parametrization.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.extend([-0.5], [1.0], 2)  # 1 − w/2 becomes 1 − w³/8
    (array([ 0.   ,  0.   , -0.125]), array([0.25, 0.5 , 1.  ]))
    """
    a, c = _validation.coefficients(a, c)
    degree = _validation.count("degree", degree)
    denominator = np.concatenate([[1.0], a])
    unit = np.zeros(degree + 1)
    unit[0] = 1.0
    factor = lfilter([1.0], denominator, unit)
    return np.convolve(denominator, factor)[1:], np.convolve(c[::-1], factor)[::-1]
