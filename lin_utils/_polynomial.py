"""Polynomials Q(w) = 1 + a_1 w + ⋯ + a_n w^n on the unit circle, and where their zeros are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ._validation import Array

Complex = NDArray[np.complex128]

EPS = float(np.finfo(float).eps)
_GAUSS, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(16)
# Takes values at the Gauss points to their last three Legendre coefficients.
_TAIL = (
    _GAUSS_WEIGHTS[:, None]
    * np.polynomial.legendre.legvander(_GAUSS, 15)[:, -3:]
    * [13.5, 14.5, 15.5]
)
#: Zeros nearer to the circle than this are not told apart from zeros on it.
NEAREST = 1e-9


def lfilter(numerator: Array, denominator: Array, inputs: Array) -> Array:
    """Filter the last axis by P/Q, with SciPy's function of this name.

    It is imported when it is needed: scipy.signal takes as long as all the rest together.
    """
    from scipy import signal

    outputs: Array = signal.lfilter(numerator, denominator, inputs)
    return outputs


def on_circle(a: Array, points: int) -> Complex:
    """Return Q(w) = 1 + Σ a_j w^j at w = e^{−2πi s/points}, s = 0, …, points/2, the last axis."""
    padded = np.empty((*a.shape[:-1], a.shape[-1] + 1))
    padded[..., 0], padded[..., 1:] = 1.0, a
    return np.fft.rfft(padded, points)


def eigenvalues(a: Array) -> Complex:
    """Return the eigenvalues of the companion matrices of a: the zeros of Q are 1/λ."""
    n = a.shape[-1]
    companion = np.broadcast_to(np.eye(n, k=1), (*a.shape[:-1], n, n)).copy()
    companion[..., -1, :] = -a[..., ::-1]
    return np.linalg.eigvals(companion).astype(complex)


def from_eigenvalues(values: Complex) -> Array:
    """Return the a of these eigenvalues, which are closed under conjugation.

    Real factors of degree 2 and 1 are multiplied, so that nothing imaginary is dropped, and in
    an order that scatters the arguments: else the products in between are huge.
    """
    upper = values[values.imag > 0]
    real = np.sort(values[values.imag == 0].real)
    factors = [
        np.array([1.0, -2 * z.real, abs(z) ** 2]) for z in upper[np.argsort(np.angle(upper))]
    ]
    factors += [np.array([1.0, -x]) for x in real]
    golden = np.argsort((np.arange(len(factors)) * (np.sqrt(5) - 1) / 2) % 1)
    product = np.ones(1)
    for index in golden:
        product = np.convolve(product, factors[index])
    return product[1:]


def is_stable(a: Array, radius: float = 1.0) -> bool:
    """Tell whether all eigenvalues of a have moduli below the radius, without computing them.

    Q is followed around the circle; for low orders, or where a zero is too near to the circle,
    the Schur–Cohn recursion decides. It runs in integers with a bound on its error, and in longer
    ones until that decides: so repeated eigenvalues are no harder than others. What 8,192 bits
    leave open is on the circle.
    """
    if np.abs(a[-1]) >= radius ** len(a):
        return False  # the product of the eigenvalues
    if len(a) > 40:
        try:
            p = np.append(1.0, a)
            return has_no_zero_inside(p, sampled([p], radius)[2][0], radius)
        except ValueError:
            pass
    scale = Fraction(radius)
    exact = [Fraction(1)] + [Fraction(x) / scale**k for k, x in enumerate(a.tolist(), start=1)]
    decided = None
    for bits in (192, 1024, 8192):
        decided = _schur_cohn(exact, bits)
        if decided is not None:
            break
    return bool(decided)


def has_no_zero_inside(p: Array, values: Complex, radius: float = 1.0) -> bool:
    """Tell whether Q does not go around 0, given its values at the sampled angles."""
    ends = horner(p, np.array([1, -1]) / complex(radius))
    path = np.concatenate([ends[:1], values, ends[1:]])
    return bool(abs(np.angle(path[1:] / path[:-1]).sum()) < np.pi / 2)


def _schur_cohn(coefficients: Sequence[Fraction], bits: int) -> bool | None:
    """Return whether all zeros are outside the closed disk, or None if so many bits leave it open.

    Numbers x are kept as integers near x·2^bits; no one is farther off than `error`.
    """
    one = 1 << bits
    p = [(x.numerator << bits) // x.denominator for x in coefficients]
    error = 0 if all(one % x.denominator == 0 for x in coefficients) else 1
    while len(p) > 1:
        k = p[-1]
        if abs(k) - error >= one:
            return False
        rest = one - (k * k >> bits)  # 1 − k²
        least = rest - 2 * error - 2
        if abs(k) + error >= one or least <= 0:
            return None
        size = max(map(abs, p))
        lower = [((x << bits) - k * y) // rest for x, y in zip(p[:-1], p[:0:-1], strict=True)]
        # What the numerators, their division and its divisor are off.
        above = error * (one + abs(k) + size + error) + one
        below = (2 * error + 2) * max(map(abs, lower))
        error = 0 if error == 0 and k == 0 else (above + below) // least + 2
        lower[0] = one
        p = lower
    return True


def spectral_radius(a: Array) -> float:
    """Return the largest modulus of the eigenvalues of a, right to 1e-8 also if they are repeated.

    The largest by LAPACK are improved by Newton's method. A disk around each, n times its last
    step wide, holds an eigenvalue; only where it is large, bisection by `is_stable` follows.
    """
    if not a.any():
        return 0.0
    values = eigenvalues(a)
    radius = float(np.abs(values).max())
    n = len(a)
    with np.errstate(all="ignore"):
        # The polynomial Σ b_k u^{n−k} with the eigenvalues λ/radius.
        b = np.append(
            1.0, np.sign(a) * np.exp(np.log(np.abs(a)) - np.arange(1, n + 1) * np.log(radius))
        )
        u = values[np.abs(values) > 0.999 * radius] / radius
        slopes = (b * np.arange(float(n), -1, -1))[-2::-1]
        for _ in range(3):
            step = _compensated(b[::-1], u) / _horner(slopes, u)
            u = u - np.where(np.abs(step) < 1e-3, step, 0.0)
        noise = len(b) * EPS**2 * np.abs(b).sum() / np.abs(_horner(slopes, u))
        doubt = float((n * (np.abs(step) + noise)).max()) + EPS
    if doubt < 1e-9:
        return radius * float(np.abs(u).max())
    low, high, spread = radius, radius, min(max(doubt, 1e-9), 0.01) if doubt == doubt else 0.01
    while is_stable(a, low):
        low, spread = low * (1 - spread), min(0.5, 4 * spread)
    while not is_stable(a, high):
        high, spread = high * (1 + spread), min(1.0, 4 * spread)
    while high > low * (1 + 1e-9):
        middle = (low + high) / 2
        low, high = (low, middle) if is_stable(a, middle) else (middle, high)
    return high


def horner(p: Array, w: Complex) -> Complex:
    """Return p_0 + p_1 w + ⋯ at numbers of one modulus, as if in twice the precision if needed.

    p has shape (n + 1,), or (k, n + 1) for w of shape (k, ...), without that precision.
    """
    if p.ndim == 2:
        return _horner(p.T[(..., *(None,) * (w.ndim - 1))], w)
    value = _horner(p, w)
    size = np.abs(p) @ np.abs(w.flat[0]) ** np.arange(len(p))
    poor = len(p) * EPS * size > 1e-12 * np.abs(value)
    if poor.any():
        value[poor] = _compensated(p, w[poor])
    return value


def _horner(p: Array, w: Complex) -> Complex:
    value: Complex = np.zeros(w.shape, dtype=complex) + p[-1]
    for coefficient in p[-2::-1]:
        value = value * w + coefficient
    return value


def _compensated(p: Array, w: Complex) -> Complex:
    """Return the value by Horner's scheme with its rounding errors summed beside it."""
    scale = np.ldexp(1.0, int(np.frexp(np.abs(p).max())[1]))
    p = p / scale  # no square overflows
    x, y = (_halves(part) for part in (w.real, w.imag))
    re, im, errors = np.full(w.shape, p[-1]), np.zeros(w.shape), np.zeros(w.shape, dtype=complex)
    for coefficient in p[-2::-1]:
        u, v = _halves(re), _halves(im)
        (p1, e1), (p2, e2) = _product(u, x), _product(v, y)
        (p3, e3), (p4, e4) = _product(u, y), _product(v, x)
        re, f1 = _sum(p1, -p2)
        re, f2 = _sum(re, coefficient)
        im, f3 = _sum(p3, p4)
        errors = errors * w + ((e1 - e2 + f1 + f2) + 1j * (e3 + e4 + f3))
    value: Complex = (re + 1j * im + errors) * scale
    return value


Halves = tuple[Array, Array, Array]


def _halves(x: Array) -> Halves:
    """Return x and its leading and trailing bits (Veltkamp)."""
    t = 134217729.0 * x
    high = t - (t - x)
    return x, high, x - high


def _product(x: Halves, y: Halves) -> tuple[Array, Array]:
    """Return the rounded product and its error (Dekker)."""
    p = x[0] * y[0]
    return p, ((x[1] * y[1] - p) + x[1] * y[2] + x[2] * y[1]) + x[2] * y[2]


def _sum(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the rounded sum and its error (Knuth)."""
    s = x + y
    z = s - x
    return s, (x - (s - z)) + (y - z)


def sampled(
    polynomials: Sequence[Array], radius: float = 1.0, length: int = 0
) -> tuple[Array, Array, list[Complex]]:
    """Return angles in (0, π), weights of means over the circle, and each Q(e^{iθ}/radius).

    Panels are short enough for polynomials of this length too, with 16 Gauss points in each, and
    are halved until 1/Q is a polynomial of degree 15 on each,
    to 1e-8: then means of quotients by a few such Q are right to rounding.

    Raises
    ------
    ValueError
        If a Q has a zero on the circle, or so near that panels get shorter than `NEAREST`.
    """
    longest = max(length, *map(len, polynomials))
    edges = np.linspace(0, np.pi, 5 + longest // 2)
    left, half = edges[:-1], np.diff(edges) / 2
    angles: list[Array] = []
    weights: list[Array] = []
    samples: list[list[Complex]] = [[] for _ in polynomials]
    while left.size:
        if half.min() < NEAREST / 8:
            raise ValueError(f"no zero of Q may be within {NEAREST:g} of the unit circle")
        angle = left[:, None] + half[:, None] * (1 + _GAUSS)
        w = np.exp(1j * angle) / radius
        values = [horner(p, w.ravel()).reshape(w.shape) for p in polynomials]
        rough = np.zeros(len(left), dtype=bool)
        for value in values:
            with np.errstate(all="ignore"):
                inverse = np.abs(value).min(axis=1, keepdims=True) / value
                tail = np.abs(inverse @ _TAIL).max(axis=1)
            # Near 1e-8, the rounding of the angles shows.
            rough |= ~(tail < 1e-8 + 4e-15 / half)
        angles.append(angle[~rough])
        weights.append((half[:, None] * _GAUSS_WEIGHTS / np.pi)[~rough])
        for kept, value in zip(samples, values, strict=True):
            kept.append(value[~rough])
        left, half = left[rough], half[rough] / 2
        left, half = np.concatenate([left, left + 2 * half]), np.tile(half, 2)
    angle, weight = np.concatenate(angles).ravel(), np.concatenate(weights).ravel()
    order = angle.argsort()
    return angle[order], weight[order], [np.concatenate(s).ravel()[order] for s in samples]


def resolved(a: Array, points: int) -> tuple[NDArray[np.bool_], Complex]:
    """Return which a, shape (k, n), are stable for sure, and 1/Q at so many points.

    Let h be the values of 1/Q at N points, transformed back. If 3‖Q‖₁ Σ|h_k| < 1, the sum
    over k ≥ N/2 − n, then Q times the polynomial of the other h_k differs from 1 by less
    than 1 on the circle: by Rouché's theorem Q has no zero in the disk, and the system is
    stable. If the sum is tiny too, N points leave no aliasing. And Q must be known to 11 digits.
    """
    size = 1 + np.add.reduce(np.abs(a), axis=-1)
    with np.errstate(all="ignore"):  # a zero may be one of the points
        inverse = 1 / on_circle(a, points)
        h = np.abs(np.fft.irfft(inverse, points))
        tail = np.add.reduce(h[..., points // 2 - a.shape[-1] :], axis=-1)
        known = EPS * size * np.add.reduce(h, axis=-1) < 1e-11
        return (size * tail < 1e-8) & known, inverse


def surely_unstable(a: Array) -> NDArray[np.bool_]:
    """Return which a, shape (k, n), have an eigenvalue outside of the disk for sure.

    The product of the eigenvalues tells, or a real one, or a disk that holds one: around a
    computed eigenvalue, n times as wide as the step of Newton's method there.
    """
    n = a.shape[-1]
    p = np.concatenate([np.ones((len(a), 1)), a], axis=-1)
    unstable = np.abs(a[:, -1]) >= 1
    for signs in (np.ones(n + 1), (-1.0) ** np.arange(n + 1)):
        with np.errstate(over="ignore", invalid="ignore"):
            unstable |= p @ signs < -n * EPS * np.abs(p).sum(axis=-1)
    rest = np.flatnonzero(~unstable)
    if rest.size and n > 2:
        values = eigenvalues(a[rest])
        largest = np.take_along_axis(values, np.abs(values).argmax(-1)[:, None], -1)
        with np.errstate(all="ignore"):
            terms = p[rest] * (1 / largest) ** np.arange(n + 1)  # of p(λ)/λⁿ
            value = np.abs(terms.sum(axis=-1)) + 4 * n * EPS * np.abs(terms).sum(axis=-1)
            slope = np.abs((terms * np.arange(n, -1, -1)).sum(axis=-1))
            unstable[rest] = np.abs(largest[:, 0]) * (1 - n * value / slope) > 1
    return unstable


def highest(
    function: Callable[[Array, NDArray[np.int_]], Array], angle: Array, value: Array
) -> Array:
    """Return the maxima over [0, π] of functions whose values at the angles are given, (k, M).

    Around the 4 highest local maxima of each the sampling is narrowed. `function` gets angles,
    shape (k, 4, 33), and the indices of the angles that they are around, shape (k, 4).
    """
    before, after = np.full((2, len(value), 1), -np.inf)
    left = np.concatenate([before, value[:, :-1]], axis=1)
    right = np.concatenate([value[:, 1:], after], axis=1)
    score = np.where((value >= left) & (value >= right), value, -np.inf)
    peaks = np.argpartition(-score, 4, axis=1)[:, :4]
    ends = np.concatenate([[0.0], angle, [np.pi]])
    low, high = ends[peaks], ends[peaks + 2]
    best: Array = value.max(axis=1)
    grid = np.linspace(0, 1, 33)
    for _ in range(4):
        sample = low[..., None] + (high - low)[..., None] * grid
        values = function(sample, peaks)
        best = np.maximum(best, values.max(axis=(1, 2)))
        at = values.argmax(axis=-1)[..., None]
        low = np.take_along_axis(sample, np.maximum(at - 1, 0), -1)[..., 0]
        high = np.take_along_axis(sample, np.minimum(at + 1, 32), -1)[..., 0]
    return best
