"""Cones of linear recurrent networks: the constant, the projection, the extension (chapter 4)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import maximum_filter1d

from . import _validation
from ._polynomial import Complex, highest, horner, lfilter, resolved, sampled, surely_unstable
from ._validation import Array

__all__ = ["cone_angle", "extend", "project_to_cone", "weak_quasi_convexity_constant"]


def weak_quasi_convexity_constant(a_hat: ArrayLike, a: ArrayLike) -> Array:
    r"""Return the constant of the exact identity for the idealized risk.

    .. math:: 2\min_\theta \operatorname{Re}\frac{Q(e^{i\theta})}{\hat Q(e^{i\theta})}

    Where it is positive, the idealized risk satisfies the inequality of weak-quasi-convexity
    at every (â, ĉ) with this â, whatever ĉ and c are.

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

    Notes
    -----
    The circle is sampled as densely as the zeros of Q̂ near it need, and around the lowest values
    ever more densely. Relative to the largest modulus of Q/Q̂, the error is about 1e-15/d if the
    zeros of Q̂ have the distance d to the circle: 1e-7 at d = 1e-8.

    References
    ----------
    thm-identity; prop-one-state for one state in closed form. The constant is the book's, sharper
    than that of Hardt, Ma and Recht (2018).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.weak_quasi_convexity_constant([0.0], [0.5])  # 2 min Re(1 + w/2)
    np.float64(1.0)
    """
    a_hat, a = _validation.vectors("a_hat", a_hat), _validation.vectors("a", a)
    try:
        batch = np.broadcast_shapes(a_hat.shape[:-1], a.shape[:-1])
    except ValueError:
        raise ValueError(
            f"a_hat and a must have leading axes that broadcast, got {a_hat.shape} and {a.shape}"
        ) from None
    bottom = np.broadcast_to(a_hat, (*batch, a_hat.shape[-1])).reshape(-1, a_hat.shape[-1])
    top = np.broadcast_to(a, (*batch, a.shape[-1])).reshape(-1, a.shape[-1])
    bottom, top = _series("a_hat", bottom), _series("a", top)
    result = np.empty(len(bottom))
    for members, angle in _dense("a_hat", bottom, top.shape[1]):
        Q_hat, Q = bottom[members], top[members]

        def falling(angle: Array, _: object = None, Q_hat: Array = Q_hat, Q: Array = Q) -> Array:
            return -(_at(Q, angle) / _at(Q_hat, angle)).real

        every = np.broadcast_to(angle, (len(members), len(angle)))
        result[members] = -highest(falling, angle, falling(every))
    return 2 * result.reshape(batch)[()]


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

    .. math:: 2\max_\theta |\arg Q(e^{i\theta})|

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

       \left\{a : |\operatorname{Im} Q(e^{i\theta})|
       \le \tan\frac{\varphi}{2}\, \operatorname{Re} Q(e^{i\theta})
       \text{ for all } \theta\right\},

    which is convex: an intersection of half-spaces. The projection is a least-distance problem
    with one constraint for each θ. It is solved for a grid of angles first; from there Newton's
    method finds the angles at which the projection touches the cone.

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
        If no such angles are found: for cones of 1e-6 and points far away.

    Notes
    -----
    Re and Im of Q in the cone exceed it by at most 1e-12 + 1e-14 Σ|a_j|. Points farther than 1e7
    are first moved to that distance.

    References
    ----------
    prop-cone-set; Hardt, Ma and Recht (2018) for the projection; Goldfarb and Idnani (1983) for
    the dual method on the grid of a single point; on that of many it is an interior-point method.
    """
    a = _validation.vectors("a", a)
    angle = _validation.positive("angle", angle, below=np.pi)
    points = a.reshape(-1, a.shape[-1])
    # Q in the cone has |a_j| <= 2: far away only the direction matters.
    size = np.abs(points).max(axis=1, keepdims=True, initial=0)
    points = np.where(size > 1e7, points / np.maximum(size, 1e7) * 1e7, points)
    result = np.array(points)
    with np.errstate(all="ignore"):  # where Newton's method goes astray
        for start in range(0, len(points), 256):
            part = slice(start, start + 256)
            result[part] = _projected(points[part], angle / 2)
    return result.reshape(a.shape)


def _projected(points: Array, half: float) -> Array:
    """Return the nearest y with g(θ) = −sin(φ/2) + Σ y_j sin(jθ − φ/2) <= 0 for all θ.

    y is the point minus a sum of rows sin(jθ − φ/2) with positive weights. First θ runs over a
    grid; from there Newton's method finds the angles at which y touches the cone. If it leads
    out of the cone, a denser grid comes nearer.
    """
    result, n = points.copy(), points.shape[1]
    tolerance = _tolerance(points, half)
    excess = _curve(points, half, 8 * n + 32).max(axis=1)
    for k in np.flatnonzero((excess > -0.3 * np.sin(half)) & (excess <= 2 * tolerance)):
        excess[k] = _maxima(points[k], half)[1].max(initial=-1)  # it may be between two angles
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
    # Where touching points nearly meet, the vertices of the grid's cone lead there.
    for count, steps in ((8 * n + 16, 50), (32 * n, 50), (min(128 * n, 3072), 200), (4096, 1000)):
        if rest.size:
            rows = _rows(2 * np.pi / count * np.arange(float(count)), np.arange(1.0, n + 1), half)
            left = []
            for k in rest:
                nearest = _from_afar(points[k], half, rows, steps)
                if nearest is None:
                    left.append(k)
                else:
                    result[k] = nearest
            rest = np.array(left, dtype=np.int_)
    if rest.size:
        raise ValueError(
            f"a must be a point whose projection is found to {tolerance[rest[0]]:.1g}, got "
            f"{_validation.shown(points[rest[0]].tolist())}"
        )
    return result


def _tolerance(points: Array, half: float) -> Array:
    """Return how far g may be above 0."""
    tolerance: Array = 1e-12 * np.sin(half) + 1e-14 * np.abs(points).sum(axis=-1)
    return tolerance


def _from_afar(point: Array, half: float, rows: Array, steps: int) -> Array | None:
    """Return the projection of a point, for which nearer ones on its ray lead the way."""
    doublings = max(0, int(np.ceil(np.log2(np.abs(point).max() / 200))))
    angles, weights = _on_grid_one(point / 2.0**doublings, half, rows)
    y = None
    for left in range(doublings, -1, -1):
        on_ray = point / 2.0**left
        found = _touching_one(on_ray, half, angles, weights, float(_tolerance(on_ray, half)), steps)
        if found is None:
            return None
        y, angles, weights = found[0], found[1], 2 * found[2]
    return y


def _rows(angles: Array, j: Array, half: float) -> Array:
    return np.sin(np.outer(angles, j) - half)


def _curve(y: Array, half: float, points: int) -> Array:
    """Return g at equidistant points of the whole circle."""
    q = np.concatenate([np.ones((*y.shape[:-1], 1)), y], axis=-1)
    curve: Array = (np.exp(-1j * half) * points * np.fft.ifft(q, points)).imag
    return curve


def _maxima(y: Array, half: float) -> tuple[Array, Array]:
    """Return the angles of the high local maxima of g, and its values there."""
    points = max(64, 1 << (8 * len(y)).bit_length())
    g = _curve(y, half, points)
    left, right = np.roll(g, 1), np.roll(g, -1)
    top = np.flatnonzero((g >= left) & (g > right) & (g > g.max() - 0.1 * np.abs(g).max()))
    angle: Array = 2 * np.pi / points * top.astype(float)
    j = np.arange(len(y) + 1.0)
    q = np.append(1.0, y)
    for attempt in range(5):
        phase = np.outer(angle, j) - half
        sine = np.sin(phase)
        if attempt == 4:
            break
        slope, curvature = np.cos(phase) @ (j * q), -sine @ (j**2 * q)
        step = np.divide(-slope, curvature, out=np.zeros(len(top)), where=curvature < 0)
        angle = angle + np.clip(step, -np.pi / points, np.pi / points)
    return angle, np.maximum(sine @ q, g[top])


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
    return y, done & _touches_only_at(y, half, angles, weights > 0)


def _touches_only_at(
    y: Array, half: float, angles: Array, live: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tell whether every local maximum of g that may be above 0 is at one of the angles."""
    count = max(64, 16 * y.shape[1])
    g = _curve(y, half, count)
    left, right = np.roll(g, 1, axis=1), np.roll(g, -1, axis=1)
    # Twice the height of the parabola above the grid, to be sure.
    bend = np.maximum(2 * g - left - right, 1e-300)
    height = g + (left - right) ** 2 / (4 * bend) + 0.1 * bend
    member, top = np.nonzero((g >= left) & (g >= right) & (height > 0))
    away = np.angle(np.exp(1j * (angles[member] - 2 * np.pi / count * top[:, None])))
    near = np.where(live[member], np.abs(away), 9.0).min(axis=1) < 2 * np.pi / count
    elsewhere: NDArray[np.bool_] = np.bincount(member[~near], minlength=len(y)) == 0
    return elsewhere


def _on_grid_one(point: Array, half: float, rows: Array) -> tuple[Array, Array]:
    """Return the angles at which the projection for the grid touches, and their weights.

    A dual method: each round adds the row that is violated most, and drops those that it makes
    needless.
    """
    points, n = rows.shape
    reach = max(1, points // (20 * n))
    excess = rows @ point - np.sin(half)
    limit = 1e-9 * np.abs(excess).max() + 1e-13
    active: list[int] = []
    weights, products = np.zeros(0), np.zeros((0, points))  # of the active rows with all
    while excess.max() > limit:
        new = int(excess.argmax())
        if new in active:
            break  # what is left is rounding
        weights, product = np.append(weights, 0.0), rows @ rows[new]
        while weights.size > len(active):
            others = np.linalg.solve(products[:, active], product[active])
            # How far until the new row holds, and until an old one's weight is 0.
            slope = product[new] - others @ product[active]
            free = slope > 1e-10 * product[new]
            full = excess[new] / slope if free else np.inf
            limits = np.full(len(active), np.inf)
            np.divide(weights[:-1], others, out=limits, where=others > 0)
            step = min(full, limits.min(initial=np.inf))
            if step == np.inf:
                return _merged(active, weights[:-1], points, reach)
            if free:
                excess = excess - step * (product - others @ products)
            weights = weights + step * np.append(-others, 1.0)
            if step == full:
                active.append(new)
                products = np.concatenate([products, product[None]])
            else:
                drop = int(limits.argmin())
                active.pop(drop)
                weights, products = np.delete(weights, drop), np.delete(products, drop, axis=0)
    return _merged(active, weights, points, reach)


def _merged(active: list[int], weights: Array, points: int, reach: int) -> tuple[Array, Array]:
    """Return one angle for neighbors on the grid, which have the touching point between them."""
    order = np.argsort(active)
    index, weights = np.array(active, dtype=float)[order], weights[order]
    if index.size == 0:
        return index, weights
    gaps = np.diff(index, append=index[0] + points)
    if gaps.min() > reach or gaps.max() <= reach:
        return 2 * np.pi / points * index, weights
    start = int(gaps.argmax()) + 1  # cut the circle at the widest gap
    index = np.concatenate([index[start:], index[:start] + points])
    weights = np.roll(weights, -start)
    groups = np.concatenate([[0], np.cumsum(np.diff(index) > reach)])
    total = np.bincount(groups, weights)
    means: Array = np.bincount(groups, weights * index) / total
    return 2 * np.pi / points * means, total.astype(float)


def _touching_one(
    point: Array, half: float, angles: Array, weights: Array, tolerance: float, steps: int
) -> tuple[Array, Array, Array] | None:
    """Return the y that touches the cone at some angles with positive weights, or None.

    Newton's method finds where g = g' = 0, for the angles and the weights at once. An angle whose
    weight falls below 0 is dropped; one at which y is outside of the cone comes in.
    """
    j = np.arange(1.0, len(point) + 1)
    farthest = 0.5 / len(point)

    def objective(angles: Array, weights: Array) -> float:
        y = point - weights @ _rows(angles, j, half)
        return float(y @ y / 2 + np.sin(half) * weights.sum())

    for _ in range(steps):
        k = len(angles)
        phase = np.outer(angles, j) - half
        rows, slopes = np.sin(phase), j * np.cos(phase)
        y = point - weights @ rows
        value, slope = rows @ y - np.sin(half), slopes @ y
        curvature = -rows @ (j**2 * y)
        # The unknowns are the changes of the weights, and of the angles times the weights.
        both = np.concatenate([rows, slopes])
        matrix = both @ both.T
        own = np.arange(k)
        matrix[own + k, own + k] += np.abs(curvature) / weights
        try:
            change = np.linalg.solve(matrix, np.concatenate([value, slope]))
        except np.linalg.LinAlgError:
            return None
        turn = change[k:] / weights
        share = min(1.0, farthest / max(np.abs(turn).max(initial=0), 1e-300))
        fall = np.maximum(-change[:k] / weights, 1e-300)
        share = min(share, 1 / fall.max(initial=1e-300))
        # The dual objective falls along the way, which is shortened until it does.
        height = objective(angles, weights)
        moved = angles, weights
        while share > 1e-10:
            moved = angles + share * turn, np.maximum(weights + share * change[:k], 0.0)
            if objective(*moved) <= height + 1e-15 * (abs(height) + 1):
                break
            share /= 2
        angles, weights = moved
        if (weights <= 1e-14 * weights.max(initial=0)).any():
            stay = weights > 1e-14 * weights.max()
            angles, weights = angles[stay], weights[stay]
            continue
        order = np.argsort(angles % (2 * np.pi))
        angles, weights = angles[order] % (2 * np.pi), weights[order]
        close = np.flatnonzero(np.diff(angles) < 0.1 / len(point))
        if close.size:  # two that meet are one
            weights[close[0] + 1] += weights[close[0]]
            angles, weights = np.delete(angles, close[0]), np.delete(weights, close[0])
            continue
        if np.abs(value).max(initial=0) > tolerance or np.abs(turn).max(initial=0) > 1e-7:
            continue
        if (curvature > 0).any():  # a minimum
            stay = np.arange(k) != curvature.argmax()
            angles, weights = angles[stay], weights[stay]
            continue
        y = point - weights @ _rows(angles, j, half)
        found, heights = _maxima(y, half)
        found = found[heights > 2 * tolerance]
        if found.size == 0:
            return y, angles, weights
        apart = np.abs(np.angle(np.exp(1j * (angles[:, None] - found)))).min(axis=0, initial=9)
        found = found[apart > 1e-6]
        if found.size == 0:
            return None
        angles = np.concatenate([angles, found])
        weights = np.concatenate([weights, np.full(len(found), 1e-9 * weights.max(initial=1e-3))])
    return None


def extend(a: ArrayLike, c: ArrayLike, degree: int) -> tuple[Array, Array]:
    """Return the over-parametrized coefficients of P R/Q R, with R the start of the series 1/Q.

    R has the terms of 1/Q up to the given degree. If the system is stable, Q R is 1 up to a term
    that falls exponentially with the degree, so that it lies in any given cone.
    For a small degree R can have zeros in the disk; then the larger system is not stable,
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
