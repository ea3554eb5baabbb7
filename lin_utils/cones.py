"""Cones of linear recurrent networks: the constant, the projection, the extension (chapter 4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter1d

from . import _validation
from ._polynomial import (
    Complex,
    eigenvalues,
    highest,
    horner,
    is_stable,
    lfilter,
    resolved,
    sampled,
    surely_unstable,
)
from ._validation import Array

__all__ = [
    "best_weak_quasi_convexity_constant",
    "cone_angle",
    "extend",
    "project_to_cone",
    "weak_quasi_convexity_constant",
]


def weak_quasi_convexity_constant(a_hat: ArrayLike, a: ArrayLike) -> Array:
    r"""Return the constant that the exact identity gives, for any inputs.

    .. math:: 2\min_\omega \operatorname{Re}\frac{Q(e^{i\omega})}{\hat Q(e^{i\omega})}

    Where it is positive, the risk of any sequences satisfies the inequality of
    weak-quasi-convexity at every (â, ĉ) with this â, whatever ĉ and c are, and so do its means:
    `FiniteRisk` and `IdealizedRisk`.

    Parameters
    ----------
    a_hat, a : array_like, shape (..., n̂) and (..., n)
        The coefficients of the model and of the system; their leading axes broadcast.

    Returns
    -------
    ndarray, shape (...)
        A NumPy scalar for one pair.

    Raises
    ------
    ValueError
        If Q̂ has a zero within 1e-9 of the circle.

    See Also
    --------
    best_weak_quasi_convexity_constant : The largest constant for white inputs.

    Notes
    -----
    The circle is sampled as densely as the zeros of Q̂ near it need, and around the lowest values
    ever more densely. Relative to the largest modulus of Q/Q̂, the error is about 1e-15/d if the
    zeros of Q̂ have the distance d to the circle: 1e-7 at d = 1e-8.

    References
    ----------
    thm-time-domain-identity; prop-sharp-in-time, that no larger one serves all inputs;
    prop-one-state for one state in closed form; Hardt, Ma and Recht (2018) for the idealized risk.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.weak_quasi_convexity_constant([0.0], [0.5])  # 2 min Re(1 + w/2)
    np.float64(1.0)
    """
    bottom, top, batch = _pairs(a_hat, a)
    result = np.empty(len(bottom))
    for members, angle in _dense("a_hat", bottom, top.shape[1]):
        Q_hat, Q = bottom[members], top[members]

        def falling(angle: Array, _: object = None, Q_hat: Array = Q_hat, Q: Array = Q) -> Array:
            return -(_at(Q, angle) / _at(Q_hat, angle)).real

        every = np.broadcast_to(angle, (len(members), len(angle)))
        result[members] = -highest(falling, angle, falling(every))
    return 2 * result.reshape(batch)[()]


def best_weak_quasi_convexity_constant(a_hat: ArrayLike, a: ArrayLike) -> Array:
    r"""Return the largest constant of weak-quasi-convexity of the idealized risk for two Q.

    .. math::

       \min_{N \ne 0} \frac{\int 2\operatorname{Re}(Q/\hat Q)\, |N/(Q\hat Q)|^2\, d\omega}
       {\int |N/(Q\hat Q)|^2\, d\omega},

    over the polynomials N of degree below n + n̂. For any c and ĉ, Ĝ − G is such a quotient
    N/(QQ̂), and each such quotient occurs if n = n̂ and Q and Q̂ have no common zero.

    Parameters
    ----------
    a_hat, a : array_like, shape (..., n̂) and (..., n)
        The coefficients of the model and of the system, both stable; their leading axes
        broadcast.

    Returns
    -------
    ndarray, shape (...)
        A NumPy scalar for one pair. At least `weak_quasi_convexity_constant`.

    Raises
    ------
    ValueError
        If Q or Q̂ has a zero in the disk, or within 1e-9 of the circle.

    Notes
    -----
    It is the smallest eigenvalue of the multiplication by 2 Re(Q/Q̂) on the space of these
    quotients, for which the functions of Takenaka and Malmquist are an orthogonal basis: in it
    no ill-conditioned Gram matrix arises. The rounding of the poles is made good.

    References
    ----------
    prop-best-constant.

    Examples
    --------
    >>> import lin_utils as lu
    >>> round(lu.best_weak_quasi_convexity_constant([0.0], [-0.5]), 9)  # the other gives 1
    np.float64(1.25)
    """
    bottom, top, batch = _pairs(a_hat, a)
    result = np.empty(len(bottom))
    for k, (q_hat, q) in enumerate(zip(bottom, top, strict=True)):
        for name, p in (("a_hat", q_hat), ("a", q)):
            if not is_stable(p[1:]):
                raise ValueError(f"{name} must be stable, got {_validation.shown(p[1:].tolist())}")
        try:
            angle, weights, (below, above) = sampled([q_hat, q])
        except ValueError:
            raise ValueError(
                "a_hat and a must have no zero of their Q within 1e-9 of the unit circle, got "
                f"{_validation.shown([q_hat[1:].tolist(), q[1:].tolist()])}"
            ) from None
        poles = np.concatenate([eigenvalues(q[1:]), eigenvalues(q_hat[1:])])
        factor = np.tile(2 * (above / below).real, 2)
        # Both halves of the circle, with the roots of the weights in the samples.
        samples = np.concatenate(
            [
                _takenaka_malmquist(poles, np.exp(1j * angle), above * below),
                _takenaka_malmquist(poles, np.exp(-1j * angle), (above * below).conj()),
            ],
            axis=1,
        ) * np.sqrt(np.tile(weights, 2))
        basis = np.linalg.qr(samples.T)[0]
        matrix = basis.conj().T @ (factor[:, None] * basis)
        result[k] = np.linalg.eigvalsh(matrix)[0]
    return result.reshape(batch)[()]


def _takenaka_malmquist(poles: Complex, w: Complex, product: Complex) -> Complex:
    """Return functions that span the N/(QQ̂) with deg N below the number of poles λ_k.

    The k-th is Π_{j<k}(w − λ̄_j) Π_{j>k}(1 − λ_j w)/(QQ̂). If the λ_k are those of QQ̂ without
    error, these are orthogonal. With errors, as repeated poles have, they span the same space.
    """
    one = np.ones((1, len(w)))
    zeros, factors = w - poles.conj()[:, None], 1 - poles[:, None] * w
    before = np.concatenate([one, np.cumprod(zeros[:-1], axis=0)])
    after = np.concatenate([np.cumprod(factors[:0:-1], axis=0)[::-1], one])
    functions: Complex = before * after / product
    return functions


def _pairs(a_hat: ArrayLike, a: ArrayLike) -> tuple[Array, Array, tuple[int, ...]]:
    """Return the series of Q̂ and of Q, a row for each pair, and the shape of the batch."""
    a_hat, a = _validation.vectors("a_hat", a_hat), _validation.vectors("a", a)
    try:
        batch = np.broadcast_shapes(a_hat.shape[:-1], a.shape[:-1])
    except ValueError:
        raise ValueError(
            f"a_hat and a must have leading axes that broadcast, got {a_hat.shape} and {a.shape}"
        ) from None
    bottom = np.broadcast_to(a_hat, (*batch, a_hat.shape[-1])).reshape(-1, a_hat.shape[-1])
    top = np.broadcast_to(a, (*batch, a.shape[-1])).reshape(-1, a.shape[-1])
    return _series("a_hat", bottom), _series("a", top), batch


def _series(name: str, a: Array) -> Array:
    """Return the coefficients (1, a_1, …) of Q, which must not be so large that sums overflow."""
    if np.abs(a).max(initial=0) > 1e150:
        raise ValueError(f"{name} must have entries below 1e150, got {np.abs(a).max():.3g}")
    return np.concatenate([np.ones((*a.shape[:-1], 1)), a], axis=-1)


def _at(p: Array, angle: Array) -> Complex:
    """Return the Q of each row of p at its angles, the first axis."""
    w = np.exp(1j * angle)
    return horner(p, w) if len(p) > 1 else horner(p[0], w)  # in twice the precision


def _dense(name: str, p: Array, length: int) -> Iterator[tuple[NDArray[np.int_], Array]]:
    """Return which of the polynomials share which angles in [0, π], as dense as their zeros need.

    The others of which a quotient or so is sampled have at most this length.
    """
    rest, least = np.arange(len(p)), 8 * max(length, p.shape[1])
    for points in (256, 1024, 4096):
        if points >= least and rest.size:
            sure, _ = resolved(p[rest, 1:], points)
            angle = np.linspace(0, np.pi, points // 2 + 1)
            for start in range(0, int(sure.sum()), 64):
                yield rest[sure][start : start + 64], angle
            rest = rest[~sure]
    for index in rest.tolist():
        try:
            angle, _, _ = sampled([p[index]], length=length)
        except ValueError:
            raise ValueError(
                f"{name} must have no zero of its Q within 1e-9 of the unit circle, "
                f"got {_validation.shown(p[index, 1:].tolist())}"
            ) from None
        yield np.array([index]), angle


def cone_angle(a: ArrayLike) -> Array:
    r"""Return the opening angle of the smallest cone around the positive axis that holds Q(S¹).

    .. math:: 2\max_\omega |\arg Q(e^{i\omega})|

    Parameters
    ----------
    a : array_like, shape (..., n)
        The coefficients of Q(w) = 1 + a_1 w + ⋯ + a_n w^n.

    Returns
    -------
    ndarray, shape (...)
        In [0, 2π], in radians; a NumPy scalar for one system. A system whose angle is below 2π
        is stable.

    Raises
    ------
    ValueError
        If Q has a zero within 1e-9 of the circle.

    Notes
    -----
    The circle is sampled as densely as the zeros of Q near it need, and around the largest angles
    ever more densely. The error is about 1e-15/d, where the zeros have the distance d to the
    circle: 1e-7 at d = 1e-8.

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
    a = _validation.vectors("a", a)
    p = _series("a", a.reshape(-1, a.shape[-1]))
    result = np.full(len(p), np.pi)
    # A last coefficient of modulus 1 can mean zeros on the circle, which are refused.
    inside = np.flatnonzero(~surely_unstable(p[:, 1:]) | (np.abs(p[:, -1]) == 1))
    for members, angle in _dense("a", p[inside], p.shape[1]):
        result[inside[members]] = _largest_argument(p[inside[members]], angle)
    return 2 * result.reshape(a.shape[:-1])[()]


def _largest_argument(p: Array, angle: Array) -> Array:
    values = _at(p, np.broadcast_to(angle, (len(p), len(angle))))
    start = p.sum(axis=1, keepdims=True)
    # The argument along the path, which is 0 at the start.
    turns = np.angle(values / np.concatenate([start, values[:, :-1]], axis=1))
    argument = np.cumsum(turns, axis=1)

    def around(angle: Array, index: NDArray[np.int_]) -> Array:
        center, known = (
            np.take_along_axis(x, index, axis=1)[..., None] for x in (values, argument)
        )
        turned: Array = np.abs(known + np.angle(_at(p, angle) / center))
        return turned

    most = np.minimum(np.pi, highest(around, angle, np.abs(argument)))
    return np.where(start[:, 0] > 0, most, np.pi)


def project_to_cone(a: ArrayLike, angle: float) -> Array:
    r"""Return the nearest coefficients whose Q(S¹) lies in the cone of this opening angle.

    With the opening angle φ the coefficients lie in the set

    .. math::

       \left\{a : |\operatorname{Im} Q(e^{i\omega})|
       \le \tan\frac{\varphi}{2}\, \operatorname{Re} Q(e^{i\omega})
       \text{ for all } \omega\right\},

    which is convex: an intersection of half-spaces. The projection is a least-distance problem
    with one constraint for each ω. It is solved for a grid of angles first; from there Newton's
    method finds the angles at which the projection touches the cone. Where it fails, the angles
    at which the cone is left join the grid.

    Parameters
    ----------
    a : array_like, shape (..., n)
    angle : float
        The opening angle φ of the cone around the positive axis, in (0, π).

    Returns
    -------
    ndarray, shape (..., n)

    Raises
    ------
    ValueError
        If it is not found to the accuracy below; no such point is known.

    Notes
    -----
    Re and Im of Q in the cone exceed it by at most 1e-12 + 1e-14 Σ|a_j|. Points farther than 1e7
    are first moved to that distance.

    References
    ----------
    prop-cone-set; Hardt, Ma and Recht (2018) for the projection; Goldfarb and Idnani (1983) for
    the dual method for a single point; for many it is an interior-point method first.
    """
    a = _validation.vectors("a", a)
    angle = _validation.positive("angle", angle, below=np.pi)
    points = a.reshape(-1, a.shape[-1])
    # Q in the cone has |a_j| <= 2: far away only the direction matters.
    size = np.abs(points).max(axis=1, keepdims=True, initial=0)
    points = np.where(size > 1e7, points / np.maximum(size, 1e7) * 1e7, points)
    result = np.array(points)
    with np.errstate(all="ignore"):  # where Newton's method goes astray
        many = max(1, min(256, 10_000 // points.shape[1]))
        for start in range(0, len(points), many):
            part = slice(start, start + many)
            result[part] = _projected(points[part], angle / 2)
    return result.reshape(a.shape)


def _projected(points: Array, half: float) -> Array:
    """Return the nearest y with g(θ) = −sin(φ/2) + Σ y_j sin(jθ − φ/2) <= 0 for all θ.

    y is the point minus a sum of rows sin(jθ − φ/2) with positive weights. First θ runs over a
    grid; from there Newton's method finds the angles at which y touches the cone. If it leads
    out of the cone, a denser grid comes nearer, and then one to which such angles are added.
    """
    result, n = points.copy(), points.shape[1]
    tolerance = _tolerance(points, half)
    excess = _curve(points, half, 8 * n + 32).max(axis=1)
    close = np.flatnonzero((excess > -0.3 * np.sin(half)) & (excess <= 2 * tolerance))
    if close.size:
        excess[close] = _highest(points[close], half)  # it may be between two angles
    rest = np.flatnonzero(excess > 2 * tolerance)
    near = np.abs(points).max(axis=1, initial=0) < 1e3
    for count, reach in ((16 * n + 16, 2), (64 * n, 3)):
        some = rest[near[rest]]
        # For larger ones, and for a small one alone, this costs more than it saves.
        if some.size and n <= 24 and (some.size > 1 or n >= 12):
            start = _on_grid(points[some], half, count, reach)
            y, found = _touching(points[some], half, *start, tolerance[some])
            result[some[found]] = y[found]
            rest = np.setdiff1d(rest, some[found])
    for k in rest:
        nearest = _nearest_one(points[k], half, tolerance[k])
        if nearest is None:
            raise ValueError(
                f"a must be a point whose projection is found to {tolerance[k]:.1g}, got "
                f"{_validation.shown(points[k].tolist())}"
            )
        result[k] = nearest
    return result


def _tolerance(points: Array, half: float) -> Array:
    """Return half of how far g may be above 0."""
    tolerance: Array = 5e-13 * np.sin(half) + 5e-15 * np.abs(points).sum(axis=-1)
    return tolerance


def _rows(angles: Array, j: Array, half: float) -> Array:
    return np.sin(np.outer(angles, j) - half)


def _curve(y: Array, half: float, points: int) -> Array:
    """Return g at equidistant points of the whole circle."""
    q = np.concatenate([np.ones((*y.shape[:-1], 1)), y], axis=-1)
    curve: Array = (np.exp(-1j * half) * points * np.fft.ifft(q, points)).imag
    return curve


def _maxima(y: Array, half: float) -> tuple[NDArray[np.intp], Array, Array]:
    """Return which y have their g about 0 or above at a local maximum, the angle and the value.

    Two maxima may be one on the grid: around its maxima, those of the polynomials of degree 4 are
    found, from which Newton's method starts.
    """
    points = 128 * y.shape[1]
    around = _curve(y, half, points)[:, np.arange(-1, points + 1) % points]
    g = around[:, 1:-1]
    # Between the grid's angles g rises by less.
    low = -3e-4 * np.abs(y).sum(axis=1, keepdims=True)
    member, top = np.nonzero((g >= around[:, :-2]) & (g > around[:, 2:]) & (g > low))
    step, j = 2 * np.pi / points, np.arange(y.shape[1] + 1.0)
    q = np.concatenate([np.ones((len(y), 1)), y], axis=1)[member]
    turned = q * np.exp(1j * (step * top[:, None] * j - half))
    # g' = d_1 + d_2 x + d_3 x²/2 + d_4 x³/6 in the angle x from there.
    d = (turned @ ((1j * j) ** np.arange(1, 5)[:, None]).T).imag
    companion = np.zeros((len(top), 3, 3))
    companion[:, [1, 2], [0, 1]] = 1.0
    companion[:, :, 2] = -d[:, :3] / (d[:, 3:] + 1e-100) * [6, 6, 3]
    moved = np.linalg.eigvals(companion).real.clip(-3 * step, 3 * step)
    for _ in range(2):
        wave = turned[:, None] * np.exp(1j * moved[..., None] * j)
        slope, curvature = (wave @ j).real, -(wave @ j**2).imag
        change = np.where(curvature < 0, -slope / curvature, 0.0).clip(-step, step)
        moved = moved + change
    value = (turned[:, None] * np.exp(1j * moved[..., None] * j)).sum(axis=-1).imag
    peak = (curvature < 0) & (np.abs(change) < 0.01 * step)
    peak |= (value == value.max(axis=1, keepdims=True)) & ~peak.any(axis=1, keepdims=True)
    row, column = np.nonzero(peak)
    angle = (step * top[row] + moved[row, column]) % (2 * np.pi)
    place = 7.0 * member[row] + angle
    order = np.argsort(place)
    order = order[np.diff(place[order], prepend=-1.0) > 1e-3 * step]  # each once
    return member[row[order]], angle[order], value[row, column][order]


def _highest(y: Array, half: float) -> Array:
    """Return the largest value of each g, or -1 where that is well below 0."""
    member, _, heights = _maxima(y, half)
    largest = np.full(len(y), -1.0)
    np.maximum.at(largest, member, heights)
    return largest


def _on_grid(points: Array, half: float, count: int, reach: int) -> tuple[Array, Array]:
    """Return about where the projections for a grid of angles touch, and the weights there.

    The grid's least-distance problems min ‖x‖²/2 with rows x <= room are solved together by a
    primal-dual interior-point method. The weights have peaks where x touches.
    """
    j = np.arange(1.0, points.shape[1] + 1)
    rows = _rows(2 * np.pi / count * np.arange(float(count)), j, half)
    room = np.sin(half) - points @ rows.T
    scale = np.abs(room).max(axis=1, keepdims=True)
    room = room / scale
    x = np.zeros_like(points)
    slack, weights = np.maximum(room, 0.1), np.full(room.shape, 1 / count)
    for _ in range(25):
        gap = (slack * weights).mean(axis=1, keepdims=True)
        open_ = gap > 1e-10
        if not open_.any():
            break
        infeasible = x @ rows.T + slack - room
        dual = x + weights @ rows
        ratio = np.minimum(weights / slack, 1e10)
        normal = np.eye(len(j)) + (rows.T * ratio[:, None, :]) @ rows
        system = dual, slack, weights, ratio, infeasible, np.linalg.inv(normal)
        _, ds, dw = _direction(rows, -slack * weights, *system)
        step = _longest(ds / slack, dw / weights)
        after = ((slack + step * ds) * (weights + step * dw)).mean(axis=1, keepdims=True)
        target = gap * (after / gap) ** 3 - slack * weights - ds * dw
        dx, ds, dw = _direction(rows, target, *system)
        # The others are done.
        step = np.where(open_, 0.99 * _longest(ds / slack, dw / weights), 0.0)
        x, slack, weights = x + step * dx, slack + step * ds, weights + step * dw
    return _peaks(weights * scale, reach)


def _direction(
    rows: Array,
    target: Array,
    dual: Array,
    slack: Array,
    weights: Array,
    ratio: Array,
    infeasible: Array,
    inverse: Array,
) -> tuple[Array, Array, Array]:
    """Return the Newton step of the point, the slack and the weights to slack·weights = target."""
    right = -dual - (target / slack + ratio * infeasible) @ rows
    dx = (inverse @ right[..., None])[..., 0]
    ds = -infeasible - dx @ rows.T
    return dx, ds, (target - weights * ds) / slack


def _longest(*falls: Array) -> Array:
    """Return the largest share of a step, up to 1, that leaves all positive."""
    lowest = np.minimum(*(fall.min(axis=1) for fall in falls))
    share: Array = 1 / np.maximum(-lowest, 1.0)[:, None]
    return share


def _peaks(weights: Array, reach: int) -> tuple[Array, Array]:
    """Return the means of the angles under the peaks of the weights, and the sums there."""
    count = weights.shape[1]
    high = weights > 1e-4 * weights.max(axis=1, keepdims=True)
    high &= weights >= maximum_filter1d(weights, 2 * reach + 1, axis=1, mode="wrap")
    most = max(1, int(high.sum(axis=1).max(initial=0)))
    top = np.argsort(~high, axis=1, kind="stable")[:, :most]
    around = top[..., None] + np.arange(-reach, reach + 1)
    parts = np.take_along_axis(weights[:, None], around % count, axis=2)
    total = parts.sum(axis=-1)
    angles = 2 * np.pi / count * (parts * around).sum(axis=-1) / total
    return angles, np.where(np.take_along_axis(high, top, axis=1), total, 0.0)


def _touching(
    points: Array, half: float, angles: Array, weights: Array, tolerance: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """Return the y that touch the cone where g = g' = 0, and where that was achieved.

    Newton's method finds the angles and the weights at once. An angle whose weight falls below 0
    is dropped: its weight is 0 from then on.
    """
    size, most = angles.shape
    j, own, member = np.arange(1.0, points.shape[1] + 1), np.arange(most), np.arange(size)
    done = np.zeros(size, dtype=bool)
    for _ in range(15):
        live = weights > 0
        phase = angles[..., None] * j - half
        rows, slopes = np.sin(phase) * live[..., None], j * np.cos(phase) * live[..., None]
        y = points - (weights[:, None] @ rows)[:, 0]
        value = (rows @ y[..., None])[..., 0] - np.sin(half) * live
        slope = (slopes @ y[..., None])[..., 0]
        curvature = -(rows @ (j**2 * y)[..., None])[..., 0]
        both = np.concatenate([rows, slopes], axis=1)
        matrix = both @ both.mT
        divisor = np.where(live, weights, 1.0)
        bend = np.abs(curvature) / divisor
        matrix[:, own + most, own + most] += np.where(live, bend, 1.0)
        matrix[:, own, own] += ~live
        try:
            change = np.linalg.solve(matrix, np.concatenate([value, slope], axis=1)[..., None])
        except np.linalg.LinAlgError:
            break
        change = change[..., 0]
        turn = change[:, most:] / divisor
        farthest = np.abs(turn).max(axis=1)
        share = np.minimum(1, 0.5 / len(j) / np.maximum(farthest, 1e-300))[:, None]
        new = weights + share * change[:, :most]
        falls = live & (new <= 0)
        drops = falls.any(axis=1)
        worst = np.where(falls, new / divisor, 1.0).argmin(axis=1)
        new = np.where(drops[:, None], weights, new)
        new[member[drops], worst[drops]] = 0.0
        angles = angles + np.where(drops[:, None], 0.0, share * turn)
        weights = np.where(live, new, 0.0)
        done = ~drops & (np.abs(value).max(axis=1) <= tolerance) & (farthest < 1e-7)
        if done.all():
            break
    rows = np.sin(angles[..., None] * j - half)
    y = points - (weights[:, None] @ rows)[:, 0]
    done[done] = _highest(y[done], half) <= 2 * tolerance[done]
    return y, done


def _nearest_one(point: Array, half: float, tolerance: float) -> Array | None:
    """Return the projection of a single point, or None.

    It is found for a grid of angles, to which the maxima of g are added that exceed 0, until none
    does. That ends sooner where Newton's method leads from these maxima to the touching points.
    """
    j = np.arange(1.0, len(point) + 1)
    count = 8 * len(point) + 16
    angles = 2 * np.pi / count * np.arange(float(count))
    active, weights = np.zeros(0, dtype=np.int_), np.zeros(0)
    for _ in range(100):
        rows = _rows(angles, j, half)
        active, weights = _active_set(point, half, rows, active, weights, tolerance)
        y = point - weights @ rows[active]
        _, found, heights = _maxima(y[None], half)
        if heights.max(initial=-1) <= 2 * tolerance:
            return y
        apart = np.abs(np.angle(np.exp(1j * (angles[active, None] - found))))
        total = np.bincount(apart.argmin(axis=1), weights, len(found))
        start = (total > 0) | (heights > tolerance)
        total = np.maximum(total, 1e-9 * max(1e-3, total.max()))
        other, done = _touching(
            point[None], half, found[start][None], total[start][None], np.array([tolerance])
        )
        if done[0]:
            nearest: Array = other[0]
            return nearest
        angles = np.append(angles, found[heights > tolerance])
    return None


def _active_set(
    point: Array,
    half: float,
    rows: Array,
    active: NDArray[np.int_],
    weights: Array,
    tolerance: float,
) -> tuple[NDArray[np.int_], Array]:
    """Return which rows the projection for all these rows touches, and their weights.

    A dual method: each round adds the row that is violated most, and drops those that it makes
    needless.
    """
    excess = rows @ (point - weights @ rows[active]) - np.sin(half)
    dual = np.linalg.pinv(rows[active]).T  # in their span, dual to the active rows
    for _ in range(5 * len(rows)):
        new = int(excess.argmax())
        if excess[new] <= tolerance or new in active:  # then what is left is rounding
            break
        weights = np.append(weights, 0.0)
        while weights.size > len(active):
            others = dual @ rows[new]
            others = others + dual @ (rows[new] - others @ rows[active])  # sheds rounding
            across = rows[new] - others @ rows[active]
            # How far until the new row holds, and until an old one's weight is 0.
            slope = across @ across
            free = slope > 1e-24 * rows[new] @ rows[new]
            full = excess[new] / slope if free else np.inf
            limits = np.full(len(active), np.inf)
            np.divide(weights[:-1], others, out=limits, where=others > 0)
            step = min(full, limits.min(initial=np.inf))
            if step == np.inf:
                return active, weights[:-1]
            if free:
                excess = excess - step * (rows @ across)
            weights = weights + step * np.append(-others, 1.0)
            if step == full:
                active = np.append(active, new)
                across = across / slope
                dual = np.concatenate([dual - np.outer(others, across), across[None]])
            else:
                drop = limits.argmin()
                away = dual[drop] / np.linalg.norm(dual[drop])
                dual = np.delete(dual - np.outer(dual @ away, away), drop, axis=0)
                active, weights = np.delete(active, drop), np.delete(weights, drop)
    return active, weights


def extend(a: ArrayLike, c: ArrayLike, degree: int) -> tuple[Array, Array]:
    """Return the over-parametrized coefficients of P F/(Q F), with F the start of the series 1/Q.

    F has the terms of 1/Q up to the given degree. If the system is stable, Q F is 1 up to a term
    that falls exponentially with the degree, so that it lies in any given cone.
    For a small degree F can have zeros in the disk; then the larger system is not stable,
    although its transfer function is that of a stable one.

    Parameters
    ----------
    a, c : array_like, shape (..., n)
        Their leading axes broadcast.
    degree : int
        How many states to add, ≥ 0.

    Returns
    -------
    a, c : ndarray, shape (..., n + degree)
        Coefficients of a larger system with the same transfer function.

    Raises
    ------
    ValueError
        If the coefficients overflow: the series of an unstable system does.

    References
    ----------
    prop-over-parametrization.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.extend([-0.5], [1.0], 2)  # 1 − w/2 becomes 1 − w³/8
    (array([ 0.   ,  0.   , -0.125]), array([0.25, 0.5 , 1.  ]))
    """
    a, c = _validation.vectors("a", a), _validation.vectors("c", c)
    degree = _validation.count("degree", degree)
    n = a.shape[-1]
    if c.shape[-1] != n:
        raise ValueError(f"a and c must have equal lengths >= 1, got {a.shape} and {c.shape}")
    try:
        a, c = np.broadcast_arrays(a, c)
    except ValueError:
        raise ValueError(
            f"a and c must have leading axes that broadcast, got {a.shape} and {c.shape}"
        ) from None
    larger_a, larger_c = np.empty((2, *a.shape[:-1], n + degree))
    unit = np.zeros(degree + 1)
    unit[0] = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for index in np.ndindex(a.shape[:-1]):
            denominator = np.concatenate([[1.0], a[index]])
            factor = lfilter(np.ones(1), denominator, unit)
            larger_a[index] = np.convolve(denominator, factor)[1:]
            larger_c[index] = np.convolve(c[index][::-1], factor)[::-1]
    if not (_validation.all_finite(larger_a) and _validation.all_finite(larger_c)):
        raise ValueError(f"degree must be so small that nothing overflows, got {degree}")
    return larger_a, larger_c
