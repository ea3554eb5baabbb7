"""Linear recurrent networks: systems, their canonical form, and their risks (chapter 4)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from ._polynomial import (
    EPS,
    Complex,
    from_eigenvalues,
    has_no_zero_inside,
    horner,
    is_stable,
    lfilter,
    on_circle,
    resolved,
    sampled,
    spectral_radius,
    surely_unstable,
)
from ._validation import Array
from .landscape import Landscape, SquaredResidual, inf_for_nan

__all__ = [
    "FiniteRisk",
    "IdealizedRisk",
    "LinearRNN",
    "SequenceRisk",
    "estimate_impulse_response",
    "ho_kalman",
    "idealized_risk",
    "random_system",
]


class LinearRNN(_validation.Value):
    r"""A linear recurrent network: a linear system in discrete time.

    .. math:: h_{t+1} = A h_t + B x_t, \qquad y_t = C h_t + D x_t, \qquad h_1 = 0

    Parameters
    ----------
    A : array_like, shape (n, n)
    B : array_like, shape (n, m)
    C : array_like, shape (p, n)
    D : array_like, shape (p, m), optional
        Zero if not given.

    Attributes
    ----------
    A, B, C, D : ndarray
        Copies that cannot be changed.
    spectral_radius : float
        The largest modulus of an eigenvalue of A; the system is stable if it is below 1. In the
        canonical form it is right to 1e-8 also where eigenvalues are repeated; else it is as
        accurate as the eigenvalues of A are, by LAPACK.

    Examples
    --------
    >>> import lin_utils as lu
    >>> system = lu.LinearRNN([[0.5]], [[1.0]], [[2.0]])
    >>> system.impulse_response(3).ravel()
    array([2. , 1. , 0.5])
    >>> system.simulate([[1.0], [0.0], [0.0]]).ravel().round(9)
    array([0., 2., 1.])
    """

    def __init__(
        self, A: ArrayLike, B: ArrayLike, C: ArrayLike, D: ArrayLike | None = None
    ) -> None:
        self.A = _validation.kept(_validation.finite_array("A", A, ndim=2))
        self.B = _validation.kept(_validation.finite_array("B", B, ndim=2))
        self.C = _validation.kept(_validation.finite_array("C", C, ndim=2))
        n, m, p = len(self.A), self.B.shape[1], len(self.C)
        D = np.zeros((p, m)) if D is None else _validation.finite_array("D", D, ndim=2)
        self.D = _validation.kept(D)
        given = {"A": self.A.shape, "B": self.B.shape, "C": self.C.shape, "D": self.D.shape}
        needed = {"A": (n, n), "B": (n, m), "C": (p, n), "D": (p, m)}
        if given != needed or min(n, m, p) == 0:
            raise ValueError(
                f"A, B, C, D must have shapes (n, n), (n, m), (p, n), (p, m), got {given}"
            )
        self._note(A=self.A, B=self.B, C=self.C, D=self.D)

    def __repr__(self) -> str:
        p, m = self.D.shape
        return f"LinearRNN(states={len(self.A)}, inputs={m}, outputs={p})"

    @cached_property
    def _last_row(self) -> Array | None:
        """The a of the canonical form, or None if A and B are not of it."""
        n = len(self.A)
        shift, last = np.eye(n, k=1)[:-1], np.eye(n)[:, -1:]
        in_form = np.array_equal(self.A[:-1], shift) and np.array_equal(self.B, last)
        return -self.A[-1, ::-1] if in_form else None

    @cached_property
    def spectral_radius(self) -> float:
        a = self._last_row
        if a is not None:
            return spectral_radius(a)
        values = np.linalg.eigvals(self.A)
        if not np.isfinite(values).all():
            raise ValueError("A must have finite eigenvalues: its entries are too large")
        return float(np.abs(values).max())

    @cached_property
    def _stable(self) -> bool:
        a = self._last_row
        return self.spectral_radius < 1 if a is None else is_stable(a)

    @classmethod
    def from_coefficients(cls, a: ArrayLike, c: ArrayLike) -> Self:
        r"""Return the system in controllable canonical form with these coefficients.

        A has ones above the diagonal and the last row (−a_n, …, −a_1); B = e_n; C = (c_1, …, c_n).
        The transfer function is that of `coefficients`.

        Parameters
        ----------
        a, c : array_like, shape (n,)

        Returns
        -------
        LinearRNN

        References
        ----------
        prop-canonical-form.
        """
        a, c = _validation.coefficients(a, c)
        companion = np.eye(len(a), k=1)
        companion[-1] = -a[::-1]
        return cls(companion, np.eye(len(a))[:, -1:], c[None])

    def impulse_response(self, length: int) -> Array:
        """Return the impulse response C A^k B for k = 0, 1, ….

        Parameters
        ----------
        length : int
            How many matrices, ≥ 1.

        Returns
        -------
        ndarray, shape (length, p, m)
        """
        length = _validation.count("length", length, least=1)
        with np.errstate(over="ignore", invalid="ignore"):
            states, power = self.B[None], self.A
            while len(states) < length:
                states = np.concatenate([states, power @ states[: length - len(states)]])
                power = power @ power if len(states) < length else power
            return inf_for_nan(self.C @ states)

    def simulate(self, inputs: ArrayLike) -> Array:
        """Return the outputs y_1, …, y_T of the inputs x_1, …, x_T.

        Parameters
        ----------
        inputs : array_like, shape (..., T, m)

        Returns
        -------
        ndarray, shape (..., T, p)
            Infinite where the states of an unstable system overflow.

        Notes
        -----
        A system of one input and one output is simulated by the filter P/Q of its coefficients,
        where these are known to rounding; any other by the recurrence.
        """
        inputs = _validation.finite_array("inputs", inputs)
        p, m = self.D.shape
        if inputs.ndim < 2 or inputs.shape[-1] != m or inputs.shape[-2] == 0:
            raise ValueError(f"inputs must have shape (..., T, {m}), got {inputs.shape}")
        with np.errstate(over="ignore", invalid="ignore"):
            if self._filter is not None:
                numerator, denominator = self._filter
                return inf_for_nan(lfilter(numerator, denominator, inputs[..., 0])[..., None])
            return inf_for_nan(self._recur(inputs))

    def _recur(self, inputs: Array) -> Array:
        """Return the outputs by the recurrence, from one block of steps to the next."""
        within, move, drive, observe = self._block
        *batch, length, m = inputs.shape
        steps, p = within.shape[0] // len(self.C), len(self.C)
        blocks = -(-length // steps)
        padded = np.zeros((*batch, blocks * steps, m))
        padded[..., :length, :] = inputs
        padded = padded.reshape(*batch, blocks, steps * m)
        states, pushes = np.zeros((*batch, blocks, len(self.A))), padded @ drive.T
        for k in range(1, blocks):
            states[..., k, :] = states[..., k - 1, :] @ move.T + pushes[..., k - 1, :]
        outputs = padded @ within.T + states @ observe.T
        return outputs.reshape(*batch, blocks * steps, p)[..., :length, :]

    @cached_property
    def _block(self) -> tuple[Array, Array, Array, Array]:
        """What takes 32 inputs to 32 outputs and to the next state, and the state to both.

        One step at a time is left where powers of A are large: their products could overflow.
        """
        steps, n, (p, m) = 32, len(self.A), self.D.shape
        with np.errstate(over="ignore", invalid="ignore"):
            powers = LinearRNN(self.A, np.eye(n), np.eye(n)).impulse_response(steps + 1)
        if not np.abs(powers).max() < 1e30:
            return self.D, self.A, self.B, self.C
        within = np.zeros((steps, p, steps, m))
        response = self.C @ powers[:steps] @ self.B
        for i in range(steps):
            within[i, :, i] = self.D
            within[i, :, :i] = response[:i][::-1].transpose(1, 0, 2)
        drive = (powers[:steps][::-1] @ self.B).transpose(1, 0, 2).reshape(n, steps * m)
        observe = (self.C @ powers[:steps]).reshape(steps * p, n)
        return within.reshape(steps * p, steps * m), powers[steps], drive, observe

    @cached_property
    def _filter(self) -> tuple[Array, Array] | None:
        """The numerator and denominator of one input and output, if they are known to rounding."""
        if self.D.size != 1 or (self._last_row is None and len(self.A) > 40):
            return None
        try:
            a, c = self._coefficients(1e-13)
        except ValueError:
            return None
        denominator = np.append(1.0, a)
        return np.append(0.0, c[::-1]) + self.D[0, 0] * denominator, denominator

    def transfer_function(self, frequency: ArrayLike) -> NDArray[np.complex128]:
        r"""Return the transfer function on the unit circle.

        .. math:: G(\omega) = \sum_k C A^k B e^{ik\omega} = C(I - e^{i\omega}A)^{-1}B

        Parameters
        ----------
        frequency : array_like, shape (...)
            ω in radians.

        Returns
        -------
        ndarray of complex, shape (..., p, m)

        References
        ----------
        prop-parseval.
        """
        frequency = _validation.finite_array("frequency", frequency)
        flat = frequency.ravel()
        n, (p, m) = len(self.A), self.D.shape
        result = np.empty((flat.size, p, m), dtype=complex)
        chunk = max(1, 2**21 // n**2)  # of so many matrices at a time
        for start in range(0, flat.size, chunk):
            part = slice(start, start + chunk)
            result[part] = self._transfer(flat[part])
        return result.reshape(*frequency.shape, p, m)

    def _transfer(self, frequency: Array) -> Complex:
        """Return C(I − wA)⁻¹B at frequencies, shape (k,), none of which may be a pole."""
        w = np.exp(1j * frequency)[:, None, None]
        matrices = np.eye(len(self.A)) - w * self.A
        right = np.broadcast_to(self.B.astype(complex), (len(w), *self.B.shape))
        size = 1 + np.abs(self.A).sum(axis=1).max()
        with np.errstate(all="ignore"):
            try:
                states = np.linalg.solve(matrices, right)
                # The size of the states bounds the smallest singular value from above.
                growth = np.abs(states).max(axis=(1, 2)) * size / np.abs(self.B).max(initial=1e-300)
            except np.linalg.LinAlgError:
                growth = 1 / np.abs(np.linalg.det(matrices))
            poles = np.flatnonzero(~(growth * EPS < 0.1))
        if poles.size:
            raise ValueError(
                f"frequency must be no pole of the system, got {frequency[poles[0]]:.17g}"
            )
        with np.errstate(all="ignore"):
            transfer = (self.C @ states).astype(complex)
        if not np.isfinite(transfer).all():
            raise ValueError("A, B and C must have a transfer function that does not overflow")
        return transfer

    def coefficients(self) -> tuple[Array, Array]:
        r"""Return the coefficients a and c of the transfer function.

        .. math::

           \frac{P(w)}{Q(w)} = \frac{c_n + c_{n-1}w + \cdots + c_1w^{n-1}}
           {1 + a_1w + \cdots + a_nw^n}, \qquad w = e^{i\omega}

        Only for one input and one output.

        Returns
        -------
        a, c : ndarray, shape (n,)
            Of the canonical form they are its entries. Of another system they are right to 1e-8
            relative to the largest of them.

        Raises
        ------
        ValueError
            If there are several inputs or outputs, or rounding leaves fewer than 8 digits: Q and
            P/Q are compared with det(I − wA) and with C(I − wA)⁻¹B at points of the circle.
        """
        return self._coefficients(1e-8)

    def _coefficients(self, tolerance: float) -> tuple[Array, Array]:
        p, m = self.D.shape
        if m != 1 or p != 1:
            raise ValueError(f"one input and one output are needed, got {m} and {p}")
        if self._last_row is not None:
            return self._last_row.copy(), self.C[0].copy()
        a, c, error = self._measured
        if not error <= tolerance:
            raise ValueError(
                f"A must have coefficients that are right to {tolerance:g}, got an error of "
                f"{error:.1g}: they hang too much on rounding"
            )
        return a.copy(), c.copy()

    @cached_property
    def _measured(self) -> tuple[Array, Array, float]:
        """The coefficients from eigenvalues, and how far they are off, relative to the largest.

        With the unit of time scaled so that the spectral radius is 1, no power overflows.
        """
        n = len(self.A)
        with np.errstate(all="ignore"):
            radius = self.spectral_radius or 1.0
            A = self.A / radius
            sizes = [float(np.abs(v).max()) or 1.0 for v in (self.B, self.C)]
            a = from_eigenvalues(np.linalg.eigvals(A).astype(complex))
            scaled = LinearRNN(A, self.B / sizes[0], self.C / sizes[1])
            response = scaled.impulse_response(n)[:, 0, 0]
            Q = np.append(1.0, a)
            P = np.convolve(Q, response)[:n]
            # Off the circle on which the largest eigenvalue is, and at angles of no symmetry.
            w = 0.99 * np.exp(1j * (0.1 + np.pi * np.arange(24) / 24))
            matrices = np.eye(n) - w[:, None, None] * A
            det = np.linalg.det(matrices)
            try:
                states = np.linalg.solve(matrices, np.broadcast_to(scaled.B + 0j, (24, n, 1)))
            except np.linalg.LinAlgError:
                return a, P[::-1], np.inf
            above = det * (scaled.C @ states)[:, 0, 0]
            error = max(
                float(np.abs(_evaluate(p, w) - true).max()) / max(np.abs(p).max(), 1e-300)
                for p, true in ((Q, det), (P, above))
            )
            powers = radius ** np.arange(1.0, n + 1)
            a, c = a * powers, P[::-1] * (powers[::-1] / radius) * sizes[0] * sizes[1]
        whole = np.isfinite(a).all() and np.isfinite(c).all() and np.isfinite(error)
        return a, c, error if whole else np.inf

    def controllable_form(self) -> LinearRNN:
        """Return the controllable canonical form: the same transfer function, and the same D.

        Only for one input and one output; (A, B) need not be controllable.

        Returns
        -------
        LinearRNN

        References
        ----------
        prop-canonical-form.
        """
        form = LinearRNN.from_coefficients(*self.coefficients())
        return LinearRNN(form.A, form.B, form.C, self.D)

    def controllable_similarity(self) -> Array:
        """Return the T for which T A T^{−1}, T B, C T^{−1} is the controllable canonical form.

        Returns
        -------
        ndarray, shape (n, n)

        Raises
        ------
        ValueError
            If B, AB, …, A^{n−1}B are linearly dependent, or for several inputs.

        References
        ----------
        prop-canonical-form.
        """
        if self.B.shape[1] != 1:
            raise ValueError(f"one input is needed, got {self.B.shape[1]}")
        n = len(self.A)
        if self._last_row is not None:
            return np.eye(n)
        # In units in which A and B have size 1 the rank does not hang on the units.
        size = self.spectral_radius or float(np.abs(self.A).max()) or 1.0
        high = float(np.abs(self.B).max()) or 1.0
        A, B = self.A / size, self.B / high
        columns = LinearRNN(A, B, np.eye(n)).impulse_response(n)[..., 0].T
        lengths = np.maximum(np.abs(columns).max(axis=0), 1e-300)
        rank = int(np.linalg.matrix_rank(columns / lengths))
        if rank < n:
            raise ValueError(
                f"(A, B) must be controllable: B, AB, ... must have rank {n}, got {rank}"
            )
        with np.errstate(all="ignore"):
            last = np.linalg.solve((columns / lengths).T, np.eye(n)[-1]) / lengths[-1]
            T = LinearRNN(A.T, last[:, None], np.eye(n)).impulse_response(n)[..., 0]
            # Its rows are e_nᵀK⁻¹Aᵏ; B, and the last row times A, have to fit.
            a = from_eigenvalues(np.linalg.eigvals(A).astype(complex))
            wrong = [
                T @ B - np.eye(n)[:, -1:],
                (T[-1] @ A + a[::-1] @ T)[:, None] / np.abs(T).max(),
            ]
            error = max(float(np.abs(part).max()) for part in wrong)
            T = T * size ** (np.arange(n) - (n - 1.0))[:, None] / high
        if not error < 1e-8 or not np.isfinite(T).all() or not np.abs(T).max(axis=1).all():
            raise ValueError(
                f"(A, B) must be controllable in floating point: B, AB, ... are so nearly "
                f"dependent that the similarity has an error of {error:.1g}"
            )
        return T


def _evaluate(p: Array, w: Complex) -> Complex:
    return np.polynomial.polynomial.polyval(w, p).astype(complex)


def random_system(order: int, spectral_radius: float, rng: np.random.Generator) -> LinearRNN:
    """Return a random stable system with one input and one output, in canonical form.

    The eigenvalues are conjugate pairs (and a real one if the order is odd), uniform in the
    disk of this radius; C is standard normal.

    Parameters
    ----------
    order : int
        The number of states n ≥ 1.
    spectral_radius : float
        The radius of the disk, in (0, 1).
    rng : numpy.random.Generator

    Returns
    -------
    LinearRNN

    Raises
    ------
    ValueError
        If the coefficients, rounded, have an eigenvalue outside of the disk. It happens at high
        orders: in none of 30 draws of order 100, in about one of six of order 200.

    References
    ----------
    Hardt, Ma and Recht (2018), the simulation; the distribution in the disk is ours.
    """
    order = _validation.count("order", order, least=1)
    radius = _validation.positive("spectral_radius", spectral_radius, below=1)
    rng = _validation.generator("rng", rng)
    pairs = np.sqrt(rng.uniform(size=order // 2)) * np.exp(1j * rng.uniform(0, np.pi, order // 2))
    real = rng.uniform(-1, 1, order % 2)
    drawn: Complex = np.concatenate([pairs, real]).astype(complex)
    a = from_eigenvalues(radius * drawn)
    c = rng.normal(size=order)
    if not is_stable(a, radius):
        raise ValueError(
            f"order and spectral_radius must be such that rounding leaves the eigenvalues inside: "
            f"got order {order}, and one outside of the disk of radius {radius:.9g}; draw again"
        )
    return LinearRNN.from_coefficients(a, c)


def idealized_risk(model: LinearRNN, system: LinearRNN) -> float:
    r"""Return the idealized risk of a model, in the time domain.

    .. math:: \|\hat D - D\|_F^2 + \sum_{k \ge 0} \|\hat C\hat A^k\hat B - CA^kB\|_F^2

    For any numbers of inputs and outputs. `IdealizedRisk` computes the same from
    frequency samples, as a landscape of systems with D̂ = D.

    Parameters
    ----------
    model, system : LinearRNN
        Both stable, with the same numbers of inputs and outputs.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the sums by columns and by rows, each of which doubles its number of terms until no
        more count, differ by more than 1e-6 of the risks of both systems. In the canonical form
        `IdealizedRisk` computes what they cannot.

    References
    ----------
    prop-parseval, of which this is the side in the time domain.

    Examples
    --------
    >>> import lin_utils as lu
    >>> model, system = (lu.LinearRNN([[a]], [[1.0]], [[1.0]]) for a in (0.0, 0.5))
    >>> round(lu.idealized_risk(model, system), 9)  # the sum of 4^−k over k ≥ 1
    0.333333333
    """
    for name, given in (("model", model), ("system", system)):
        _require_stable(name, given)
    if model.D.shape != system.D.shape:
        raise ValueError(
            f"model and system must have equal numbers of outputs and inputs, "
            f"got {model.D.shape} and {system.D.shape}"
        )
    n, k = len(model.A), len(system.A)
    with np.errstate(over="ignore", invalid="ignore"):
        feedthrough = ((model.D - system.D) ** 2).sum()
    in_form = model._last_row is not None and system._last_row is not None
    if in_form and model.D.size == 1 and (n + k > 40 or model.spectral_radius > 0.99):
        # Powers of a companion matrix lose digits that its coefficients have.
        risk = IdealizedRisk(system, n)
        return float(risk.value(np.concatenate(model.coefficients())) + feedthrough)
    A = np.block([[model.A, np.zeros((n, k))], [np.zeros((k, n)), system.A]])
    B, C = np.vstack([model.B, system.B]), np.hstack([model.C, -system.C])
    alone = np.block([[model.C, np.zeros_like(system.C)], [np.zeros_like(model.C), system.C]])
    with np.errstate(all="ignore"):
        columns = _factor(A, B)
        # In other coordinates the rounding is another: reflected ones.
        v = np.cos(np.arange(n + k))
        reflect = np.eye(n + k) - 2 / (v @ v) * np.outer(v, v)
        rows = _factor((reflect @ A @ reflect).T, (C @ reflect).T)
        value, other = ((C @ columns) ** 2).sum(), ((B.T @ reflect @ rows) ** 2).sum()
        size = ((alone @ columns) ** 2).sum()
        total = value + feedthrough
        right = abs(value - other) <= 1e-6 * size and np.isfinite(total)
    if not right:
        raise ValueError(
            "model and system must have a risk that is right to 1e-6, got different values by two "
            f"computations, {value:.6g} and {other:.6g}"
        )
    return float(total)


def _factor(A: Array, B: Array) -> Array:
    """Return S with S Sᵀ = Σ A^k B Bᵀ A^kᵀ. Each round doubles the number of terms."""
    factor = B
    for _ in range(60):
        more = A @ factor
        if not np.abs(more).max(initial=0) > 1e-17 * np.abs(factor).max(initial=0):
            break
        factor = np.hstack([factor, more])
        if factor.shape[1] > len(A):
            if not np.isfinite(factor).all():
                break
            factor = np.linalg.qr(factor.T)[1].T
        A = A @ A
    return factor


def _require_stable(name: str, system: LinearRNN) -> None:
    _validation.instance(name, system, LinearRNN)
    if not system._stable:
        raise ValueError(
            f"{name} must be stable: a spectral radius < 1, got {system.spectral_radius:.10g}"
        )


class _ModelRisk(_validation.Value, Landscape):
    """What all risks share: θ = (a_1, …, a_n̂, c_1, …, c_n̂), one input and one output."""

    def __init__(self, order: int) -> None:
        self.order = _validation.count("order", order, least=1)
        self.dim = 2 * self.order
        # With fewer states than the system this is a lower bound: no closed form is known.
        self.minimum = 0.0
        self.scale = 1.0

    def split(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Return the coefficients a and c of θ.

        Parameters
        ----------
        theta : array_like, shape (..., 2n)

        Returns
        -------
        a, c : ndarray, shape (..., n)
        """
        theta = self._points(theta)
        return theta[..., : self.order], theta[..., self.order :]

    def join(self, a: ArrayLike, c: ArrayLike) -> Array:
        """Return the θ of the coefficients a and c.

        Parameters
        ----------
        a, c : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (..., 2n)
        """
        a, c = _validation.points("a", a, self.order), _validation.points("c", c, self.order)
        try:
            return np.concatenate(np.broadcast_arrays(a, c), axis=-1)
        except ValueError:
            raise ValueError(
                f"a and c must have leading axes that broadcast, got {a.shape} and {c.shape}"
            ) from None


class _SystemRisk(_ModelRisk):
    """What both risks of a known system share."""

    def __init__(self, system: LinearRNN, order: int | None) -> None:
        self.system = system
        a, c = system.coefficients()
        self.system_coefficients = _validation.kept(a), _validation.kept(c)
        super().__init__(len(a) if order is None else order)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.system!r}, order={self.order})"


class IdealizedRisk(_SystemRisk):
    r"""The idealized risk of a stable system, as a function of the coefficients of a model.

    .. math::

       f(\hat a, \hat c) = \sum_{k \ge 0} (\hat C\hat A^k\hat B - CA^kB)^2
       = \frac{1}{2\pi}\int_0^{2\pi}
       \left|\frac{\hat P}{\hat Q} - \frac{P}{Q}\right|^2 (e^{i\omega})\,d\omega

    The equality is Parseval's, with Q(w) = 1 + a_1 w + ⋯ + a_n w^n and
    P(w) = c_n + c_{n−1} w + ⋯ + c_1 w^{n−1}. The mean over the circle is
    taken over so many points that its error is below rounding.

    Parameters
    ----------
    system : LinearRNN
        The true system: stable, one input, one output.
    order : int, optional
        The number of states n̂ of the model; that of the system if not given.

    Attributes
    ----------
    dim : int
        2n̂: θ = (a_1, …, a_n̂, c_1, …, c_n̂).
    minimum : float
        0; with fewer states than the system it is a lower bound only.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

    Notes
    -----
    Equidistant points are enough for most models. Those with a zero of Q̂ near the circle get
    points of their own, which are dense only there: values, gradients and Hessians are right to
    about 1e-15/(1 − ρ), relative to the largest terms in them, for spectral radii ρ up to
    1 − 1e-8. A stable model with a zero nearer than 1e-9 to the circle is refused.

    Where the model is not stable the risk is infinite, and so are its value and its gradient
    here: a descent that gets there stops and says that it diverged.

    References
    ----------
    prop-parseval; cor-identity; prop-horizon; Hardt, Ma and Recht (2018).

    Examples
    --------
    >>> import lin_utils as lu
    >>> risk = lu.IdealizedRisk(lu.LinearRNN([[0.5]], [[1.0]], [[1.0]]))
    >>> risk.value([[-0.5, 1.0], [0.0, 0.0]]).round(9)  # the truth; no output at all
    array([0.        , 1.33333333])
    """

    def __init__(self, system: LinearRNN, order: int | None = None) -> None:
        _require_stable("system", system)
        super().__init__(system, order)
        self._note(system=system, order=self.order)
        a, _ = self.system_coefficients
        # The polynomials themselves have to fit too.
        least = max(256, 1 << (4 * max(self.order, len(a)) + 3).bit_length())
        while least <= 2**13 and not resolved(a[None], least)[0][0]:
            least *= 2
        # Of few points more cost less than a second try, which models near the system may need.
        self._least = max(least, min(2 * least, 1024))
        self._truths: dict[int, Complex] = {}
        zero = self.value(np.zeros(self.dim))
        if not np.isfinite(zero):
            raise ValueError("system must have a risk that does not overflow: scale its C down")
        self._rounding = float((100 * EPS) ** 2 * zero)

    def _groups(self, a: Array, refuse: bool) -> Iterator[tuple[NDArray[np.int_], _Samples]]:
        """Return which stable models, of shape (k, n̂), share which points.

        Where a model is stable, but too near to the circle, the answer is a ValueError or nothing.
        """
        rest = np.arange(len(a))
        for points in (self._least, 2 * self._least, 4 * self._least, 16 * self._least):
            if self._least > 2**13 or rest.size == 0:
                break
            # Where all belong together, nothing is copied.
            sure, inverse = resolved(a if rest.size == len(a) else a[rest], points)
            if sure.any():
                if points not in self._truths:
                    true_a, true_c = self.system_coefficients
                    self._truths[points] = np.fft.rfft(true_c[::-1], points) / on_circle(
                        true_a, points
                    )
                if rest.size == len(a) and sure.all():
                    yield _ALL, _Grid(points, inverse, self._truths[points])
                    return
                yield rest[sure], _Grid(points, inverse[sure], self._truths[points])
            rest = rest[~sure]
        rest = rest[~surely_unstable(a[rest])] if rest.size else rest
        for index in rest.tolist():
            bottom = np.append(1.0, a[index])
            true_a, true_c = self.system_coefficients
            try:
                angle, weights, (values, true_values) = sampled([bottom, np.append(1.0, true_a)])
            except ValueError:
                if refuse and is_stable(a[index]):
                    raise ValueError(
                        "theta must have no zero of its Q within 1e-9 of the unit circle, nor may "
                        f"the system, got a spectral radius of {spectral_radius(a[index]):.12g}"
                    ) from None
                continue
            if has_no_zero_inside(bottom, values):
                truth = horner(true_c[::-1], np.exp(1j * angle)) / true_values
                yield np.array([index]), _Nodes(angle, weights, 1 / values[None], truth)

    def _chunks(self, theta: Array, refuse: bool = True) -> Iterator[_Part]:
        """Return the stable ones of the points, shape (k, dim), with their errors on the circle."""
        chunk = max(1, 2**18 // self._least)
        for start in range(0, len(theta), chunk):
            part = theta[start : start + chunk]
            a, c = part[:, : self.order], part[:, self.order :]
            for indices, samples in self._groups(a, refuse):
                inverse = samples.inverse
                transfer = (
                    samples.values(c[slice(None) if indices is _ALL else indices, ::-1]) * inverse
                )
                which = slice(start, start + chunk) if indices is _ALL else start + indices
                yield which, samples, transfer - samples.truth, inverse, transfer

    def value(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        flat = theta.reshape(-1, self.dim)
        value = np.full(len(flat), np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            for indices, samples, error, *_ in self._chunks(flat):
                value[indices] = samples.square(error)
        return inf_for_nan(value).reshape(theta.shape[:-1])[()]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        return self._value_and_gradient(self._points(theta))

    def _evaluate(self, theta: Array) -> tuple[Array, Array]:
        return self._value_and_gradient(theta, refuse=False)

    def _value_and_gradient(self, theta: Array, refuse: bool = True) -> tuple[Array, Array]:
        n, flat = self.order, theta.reshape(-1, self.dim)
        value, gradient = np.full(len(flat), np.inf), np.full(flat.shape, np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            for indices, samples, error, inverse, transfer in self._chunks(flat, refuse):
                value[indices] = samples.square(error)
                # The means of e times the conjugate of w^k/Q̂ and of w^k Ĝ/Q̂, for all k at once.
                along = error * inverse.conj()
                by_c = samples.means(along, n)[..., n - 1 :: -1]
                by_a = samples.means(along * transfer.conj(), n + 1)[..., 1:]
                gradient[indices] = np.concatenate([-2 * by_a, 2 * by_c], axis=-1)
        lost = ~(np.isfinite(value) & np.isfinite(gradient).all(axis=-1))
        value[lost], gradient[lost] = np.inf, np.inf
        return value.reshape(theta.shape[:-1])[()], gradient.reshape(theta.shape)

    def hessian(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        n, flat = self.order, theta.reshape(-1, self.dim)
        result = np.full((len(flat), 2 * n, 2 * n), np.nan)
        i, j = np.ogrid[1 : n + 1, 1 : n + 1]
        with np.errstate(over="ignore", invalid="ignore"):
            for indices, samples, error, inverse, transfer in self._chunks(flat):
                # The derivatives of Ĝ: −w^i Ĝ/Q̂ by a_i, w^{n−j}/Q̂ by c_j; 2 w^{i+j} Ĝ/Q̂² by a_i
                # and a_j, −w^{i+n−j}/Q̂² by a_i and c_j.
                slope = transfer * inverse
                along = error * inverse.conj()
                both = samples.means(slope * inverse.conj(), 2 * n, -n)
                second = samples.means(along * inverse.conj(), 2 * n)
                third = samples.means(along * slope.conj(), 2 * n + 1)
                mixed = both[..., 2 * n - i - j] + second[..., i + n - j]
                by_a = samples.means(np.abs(slope) ** 2 + 0j, n)[..., abs(i - j)]
                by_c = samples.means(np.abs(inverse) ** 2 + 0j, n)[..., abs(i - j)]
                upper = np.concatenate([2 * by_a + 4 * third[..., i + j], -2 * mixed], axis=-1)
                lower = np.concatenate([-2 * mixed.mT, 2 * by_c], axis=-1)
                result[indices] = np.concatenate([upper, lower], axis=-2)
        if not _validation.all_finite(result):
            raise ValueError("theta must be stable: the risk is infinite at some of these points")
        return result.reshape(*theta.shape[:-1], 2 * n, 2 * n)


class _Grid:
    """Equidistant points: e^{−2πi s/points}, with the values of 1/Q̂ and of the system there."""

    def __init__(self, points: int, inverse: Complex, truth: Complex) -> None:
        self.points, self.inverse, self.truth = points, inverse, truth

    def values(self, p: Array) -> Complex:
        return np.fft.rfft(p, self.points)

    def square(self, samples: Complex) -> Array:
        """Return the mean of |samples|²: all but the first and the last stand for two points."""
        ends = np.abs(samples[..., :: samples.shape[-1] - 1]) ** 2
        whole: Array = 2 * np.vecdot(samples, samples).real - ends.sum(axis=-1)
        return whole / self.points

    def means(self, samples: Complex, stop: int, start: int = 0) -> Array:
        """Return the means of the samples times the conjugate of w^k for k from start to stop."""
        means = np.fft.irfft(samples, self.points)
        return means[..., :stop] if start == 0 else means[..., np.arange(start, stop)]


class _Nodes:
    """Gauss points e^{iθ}, dense where one model needs them."""

    def __init__(self, angle: Array, weights: Array, inverse: Complex, truth: Complex) -> None:
        self.angle, self.weights, self.inverse, self.truth = angle, weights, inverse, truth

    def values(self, p: Array) -> Complex:
        return horner(p[0], np.exp(1j * self.angle))[None]

    def square(self, samples: Complex) -> Array:
        return (np.abs(samples) ** 2) @ self.weights

    def means(self, samples: Complex, stop: int, start: int = 0) -> Array:
        weighted = (samples * self.weights)[0]
        return np.concatenate(
            [
                (
                    np.exp(-1j * np.outer(np.arange(k, min(k + 32, stop)), self.angle)) @ weighted
                ).real
                for k in range(start, stop, 32)
            ]
        )[None]


_Samples = _Grid | _Nodes
_ALL = np.arange(0)  # stands for all members
_Part = tuple[NDArray[np.int_] | slice, _Samples, Complex, Complex, Complex]


class _FilterRisk(_ModelRisk, SquaredResidual):
    """What both risks in the time domain share: Σ_t weight_t (ŷ_t − y_t)² over some sequences.

    ŷ is the sequence that P̂/Q̂ makes of `_inputs`; these and the y of `_outputs` have shape
    (sequences, T). Powers of w delay a sequence.
    """

    _inputs: Array
    _outputs: Array
    _weights: Array

    def _series(self, a: Array, c: Array) -> tuple[Array, Array, Array]:
        """Return what P̂/Q̂, 1/Q̂ and P̂/Q̂² make of the inputs, for one point."""
        denominator = np.concatenate([[1.0], a])
        inverse = lfilter(np.ones(1), denominator, self._inputs)
        response = lfilter(c[::-1], denominator, self._inputs)
        return response, inverse, lfilter(np.ones(1), denominator, response)

    def _moves(self, inverse: Array, twice: Array) -> Array:
        """Return the derivatives of ŷ by θ, shape (sequences, 2n̂, T), for one point."""
        by_a = -_delayed(twice, np.arange(1, self.order + 1))
        return np.concatenate([by_a, _delayed(inverse, np.arange(self.order)[::-1])], axis=1)

    def _rooted(self, series: Array) -> Array:
        """Multiply by the roots of the weights; leave out the times that have none."""
        weighted: Array = (np.sqrt(self._weights) * series)[..., self._weights > 0]
        return weighted

    def residual(self, theta: ArrayLike) -> Array:
        r"""Return the errors, times the roots of their weights in the risk.

        Sequence by sequence, at all times t whose weight is not zero, they are

        .. math:: r_t = \sqrt{w_t}\,(\hat y_t - y_t).

        Parameters
        ----------
        theta : array_like, shape (..., 2n̂)

        Returns
        -------
        ndarray, shape (..., size)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """
        a, c = self.split(theta)
        size = self._rooted(self._outputs).size
        residual = np.empty((*a.shape[:-1], size))
        with np.errstate(over="ignore", invalid="ignore"):
            for index in np.ndindex(a.shape[:-1]):
                response, *_ = self._series(a[index], c[index])
                residual[index] = self._rooted(response - self._outputs).ravel()
        return inf_for_nan(residual)

    def jacobian(self, theta: ArrayLike) -> Array:
        r"""Return the derivative of the residual, by two passes of the filter 1/Q̂.

        .. math::

           \frac{\partial\hat y}{\partial a_i} = -\frac{w^i \hat P}{\hat Q^2}x, \qquad
           \frac{\partial\hat y}{\partial c_i} = \frac{w^{\hat n - i}}{\hat Q}x

        with w the delay by one step and x the inputs, one step late. Where all weights are equal
        and y is the output of a system (a, c) of this order, in time

        .. math:: J(\hat\theta)(\hat\theta - \theta) = \frac{Q}{\hat Q}r.

        Parameters
        ----------
        theta : array_like, shape (..., 2n̂)

        Returns
        -------
        ndarray, shape (..., size, 2n̂)
            Infinite where it overflows, and never NaN.

        References
        ----------
        thm-tangent-weak-quasi-convexity, of which thm-time-domain-identity is a case.
        """
        a, c = self.split(theta)
        size = self._rooted(self._outputs).size
        jacobian = np.empty((*a.shape[:-1], size, self.dim))
        with np.errstate(over="ignore", invalid="ignore"):
            for index in np.ndindex(a.shape[:-1]):
                _, inverse, twice = self._series(a[index], c[index])
                moves = self._rooted(self._moves(inverse, twice))
                jacobian[index] = moves.swapaxes(1, 2).reshape(size, self.dim)
        return inf_for_nan(jacobian)

    def _along(self, error: Array, series: Array, delays: NDArray[np.int_]) -> Array:
        """Return the sums of the error times the series, delayed by each of the delays."""
        return np.tensordot(_delayed(series, delays), error, axes=([0, 2], [0, 1]))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        a, c = self.split(theta)
        batch, n = a.shape[:-1], self.order
        values, gradients = np.empty(batch), np.empty((*batch, 2 * n))
        with np.errstate(over="ignore", invalid="ignore"):
            for index in np.ndindex(batch):
                response, inverse, twice = self._series(a[index], c[index])
                error = response - self._outputs
                along = 2 * self._weights * error
                values[index] = np.vdot(along, error) / 2
                gradients[index][:n] = -self._along(along, twice, np.arange(1, n + 1))
                gradients[index][n:] = self._along(along, inverse, np.arange(n)[::-1])
        finite = np.isfinite(values) & np.isfinite(gradients).all(axis=-1)
        values = np.where(finite, values, np.inf)[()]
        return values, np.where(finite[..., None], gradients, np.inf)

    def hessian(self, theta: ArrayLike) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            result = self._hessian(theta)
        if not _validation.all_finite(result):
            raise ValueError("theta must be near: the Hessian overflows at some of these points")
        return result

    def _hessian(self, theta: ArrayLike) -> Array:
        a, c = self.split(theta)
        n, i = self.order, np.arange(1, self.order + 1)
        result = np.empty((*a.shape[:-1], 2 * n, 2 * n))
        for index in np.ndindex(a.shape[:-1]):
            response, inverse, twice = self._series(a[index], c[index])
            denominator = np.concatenate([[1.0], a[index]])
            along = 2 * self._weights * (response - self._outputs)
            moves = self._moves(inverse, twice)
            block = 2 * np.einsum("sit,sjt->ij", moves * self._weights, moves, optimize=True)
            delays = np.arange(2 * n + 1)
            thrice = self._along(along, lfilter(np.ones(1), denominator, twice), delays)
            squared = self._along(along, lfilter(np.ones(1), denominator, inverse), delays)
            block[:n, :n] += 2 * thrice[i[:, None] + i]
            mixed = -squared[i[:, None] + n - i]
            block[:n, n:] += mixed
            block[n:, :n] += mixed.T
            result[index] = block
        return result


def _delayed(series: Array, delays: NDArray[np.int_]) -> Array:
    """Return the series, shape (sequences, T), delayed by each of the delays: a new middle axis."""
    sequences, length = series.shape
    padded = np.concatenate([np.zeros((sequences, delays.max(initial=0))), series], axis=1)
    start = padded.shape[1] - length - delays
    delayed: Array = padded[:, start[:, None] + np.arange(length)]
    return delayed


class FiniteRisk(_FilterRisk, _SystemRisk):
    r"""The risk over T steps, as a function of the coefficients of a model.

    .. math::

       f_T(\hat a, \hat c) = \sum_{k=1}^{T-1} \left(1 - \frac{k}{T}\right)
       (\hat C\hat A^{k-1}\hat B - CA^{k-1}B)^2

    It is the mean of (1/T) Σ_t (ŷ_t − y_t)² over white noise inputs, for D̂ = D. Stability is
    not needed.

    Parameters
    ----------
    system : LinearRNN
        The true system, with one input and one output.
    horizon : int
        T ≥ 1.
    order : int, optional
        The number of states n̂ of the model; that of the system if not given.

    Attributes
    ----------
    dim : int
        2n̂: θ = (a_1, …, a_n̂, c_1, …, c_n̂).
    minimum : float
        0; with fewer states than the system it is a lower bound only.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.
    SquaredResidual : Its residual, Jacobian and tangent kernel.

    References
    ----------
    prop-finite-risk; prop-horizon; cor-identity.
    """

    def __init__(self, system: LinearRNN, horizon: int, order: int | None = None) -> None:
        _validation.instance("system", system, LinearRNN)
        self.horizon = _validation.count("horizon", horizon, least=1)
        _SystemRisk.__init__(self, system, order)
        self._note(system=system, horizon=self.horizon, order=self.order)
        self._weights = np.maximum(1 - np.arange(1, self.horizon + 1) / self.horizon, 0.0)
        self._inputs = np.eye(1, self.horizon)
        self._outputs = system.impulse_response(self.horizon)[:, 0, 0][None]
        with np.errstate(over="ignore", invalid="ignore"):
            zero = float(self._weights @ self._outputs[0] ** 2)
        if not np.isfinite(zero):
            raise ValueError(
                f"horizon must be so short that the responses of the system do not overflow, "
                f"got {self.horizon} at a spectral radius of {system.spectral_radius:.6g}"
            )
        self._rounding = (100 * EPS) ** 2 * zero

    def __repr__(self) -> str:
        return f"FiniteRisk({self.system!r}, horizon={self.horizon}, order={self.order})"


class SequenceRisk(_FilterRisk):
    r"""The mean squared error of a model on given sequences, as a function of its coefficients.

    .. math::

       L(\hat a, \hat c) = \frac{1}{T}\sum_{t=1}^T (\hat y_t - y_t)^2,

    averaged over the sequences. The model has one input, one output, D̂ = 0 and starts at rest.
    Stability is not needed, and nothing is asked of the inputs. Its gradient takes two passes of
    the filter 1/Q̂, in place of backpropagation through time.

    Parameters
    ----------
    inputs, outputs : array_like, shape (sequences, T)
    order : int
        The number of states n̂ of the model.

    Attributes
    ----------
    inputs, outputs : ndarray, shape (sequences, T)
        Copies that cannot be changed.
    dim : int
        2n̂: θ = (a_1, …, a_n̂, c_1, …, c_n̂).
    minimum : float
        0; with noise in the outputs, or with fewer states than the system, a lower bound only.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.
    SquaredResidual : Its residual, Jacobian and tangent kernel.
    FiniteRisk : Its mean over white noise inputs.
    estimate_impulse_response : A convex competitor.

    References
    ----------
    thm-time-domain-identity; prop-finite-risk.

    Examples
    --------
    >>> import lin_utils as lu
    >>> risk = lu.SequenceRisk([[1.0, 0.0, 0.0]], [[0.0, 2.0, 1.0]], order=1)
    >>> risk.value([[-0.5, 2.0], [0.0, 0.0]]).round(9)  # the truth; no output at all
    array([0.        , 1.66666667])
    """

    def __init__(self, inputs: ArrayLike, outputs: ArrayLike, order: int) -> None:
        self.inputs = _validation.kept(_validation.finite_array("inputs", inputs, ndim=2))
        self.outputs = _validation.kept(_validation.finite_array("outputs", outputs, ndim=2))
        if self.inputs.shape != self.outputs.shape or self.inputs.size == 0:
            raise ValueError(
                f"inputs and outputs must have equal shapes, got {self.inputs.shape} and "
                f"{self.outputs.shape}"
            )
        super().__init__(order)
        self._note(inputs=self.inputs, outputs=self.outputs, order=self.order)
        sequences, length = self.inputs.shape
        # An input shows in the output one step later.
        self._inputs = np.concatenate([np.zeros((sequences, 1)), self.inputs[:, :-1]], axis=1)
        self._outputs = self.outputs
        self._weights = np.full(length, 1 / self.inputs.size)
        with np.errstate(over="ignore", invalid="ignore"):
            zero = float((self.outputs**2).mean())
        if not np.isfinite(zero):
            raise ValueError("outputs must have squares that do not overflow")
        self._rounding = (100 * EPS) ** 2 * zero

    def __repr__(self) -> str:
        sequences, length = self.inputs.shape
        return f"SequenceRisk(sequences={sequences}, length={length}, order={self.order})"

    def identity_right_side(self, theta: ArrayLike, a: ArrayLike) -> Array:
        r"""Return what the exact identity says of ⟨∇L(θ̂), θ̂ − θ⟩, from the errors alone.

        .. math:: \frac{2}{T}\sum_{t=1}^T \varepsilon_t\Bigl(\frac{Q}{\hat Q}\varepsilon\Bigr)_t,
           \qquad \varepsilon = \hat y - y,

        averaged over the sequences. It is the left side if the outputs are those of a system
        with these a, and with the c of θ.

        Parameters
        ----------
        theta : array_like, shape (..., 2n̂)
        a : array_like, shape (n,)
            The coefficients of Q.

        Returns
        -------
        ndarray, shape (...)
            Infinite where it overflows.

        References
        ----------
        thm-time-domain-identity.
        """
        a_hat, c_hat = self.split(theta)
        Q = np.concatenate([[1.0], _validation.vector("a", a)])
        result = np.empty(a_hat.shape[:-1])
        with np.errstate(over="ignore", invalid="ignore"):
            for index in np.ndindex(result.shape):
                error = self._series(a_hat[index], c_hat[index])[0] - self._outputs
                filtered = lfilter(Q, np.concatenate([[1.0], a_hat[index]]), error)
                result[index] = 2 * np.vdot(self._weights * error, filtered)
        return np.where(np.isfinite(result), result, np.inf)[()]


def estimate_impulse_response(inputs: ArrayLike, outputs: ArrayLike, length: int) -> Array:
    r"""Return the impulse response that fits given sequences best: convex least squares.

    .. math:: \min_{g_1, \dots, g_K} \sum_t \Bigl\|y_t - \sum_{k=1}^K g_k x_{t-k}\Bigr\|^2,
       \qquad x_s = 0 \text{ for } s \le 0

    Parameters
    ----------
    inputs : array_like, shape (..., T, m)
        Sequences that start at rest; all leading axes number sequences.
    outputs : array_like, shape (..., T, p)
    length : int
        K, how many matrices are estimated, 1 ≤ K < T.

    Returns
    -------
    ndarray, shape (length, p, m)
        As that of `LinearRNN.impulse_response`.

    Raises
    ------
    ValueError
        If the inputs leave some of the matrices undetermined.

    See Also
    --------
    ho_kalman : The system behind an impulse response.

    References
    ----------
    prop-finite-risk, which counts its errors.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> x = np.random.default_rng(0).normal(size=(1, 50, 1))
    >>> y = lu.LinearRNN([[0.0]], [[1.0]], [[3.0]]).simulate(x)
    >>> lu.estimate_impulse_response(x, y, 2).ravel().round(9) + 0.0
    array([3., 0.])
    """
    inputs = _validation.finite_array("inputs", inputs)
    outputs = _validation.finite_array("outputs", outputs)
    length = _validation.count("length", length, least=1)
    if inputs.ndim < 2 or inputs.shape[:-1] != outputs.shape[:-1] or 0 in inputs.shape:
        raise ValueError(
            f"inputs and outputs must have shapes (..., T, m) and (..., T, p), got "
            f"{inputs.shape} and {outputs.shape}"
        )
    (steps, m), p = inputs.shape[-2:], outputs.shape[-1]
    if length >= steps:
        raise ValueError(f"length must be below T = {steps}, got {length}")
    inputs = inputs.reshape(-1, steps, m)
    regressors = np.zeros((*inputs.shape[:2], length, m))
    for k in range(1, length + 1):
        regressors[:, k:, k - 1] = inputs[:, :-k]
    fit, _, rank, _ = np.linalg.lstsq(
        regressors.reshape(-1, length * m), outputs.reshape(-1, p), rcond=None
    )
    if rank < length * m:
        raise ValueError(
            f"inputs must determine {length * m} columns of the response, got rank {rank}"
        )
    return np.ascontiguousarray(fit.reshape(length, m, p).swapaxes(1, 2), dtype=float)


def ho_kalman(response: ArrayLike, order: int) -> LinearRNN:
    r"""Return the system of an impulse response, by the algorithm of Ho and Kalman.

    The Hankel matrix of the C A^{i+j} B has the rank n of the smallest system. Its singular value
    decomposition, cut off at the order, gives two factors: of the observations C A^i and of the
    states A^j B. The Hankel matrix one step later lies between them with A.

    Parameters
    ----------
    response : array_like, shape (K, p, m)
        The matrices C A^k B for k = 0, …, K − 1, exact or estimated.
    order : int
        The number of states of the system that is returned.

    Returns
    -------
    LinearRNN
        With this impulse response, if it is that of a system of this order, and K ≥ 2 · order;
        if it is not, with one nearby.

    Raises
    ------
    ValueError
        If the Hankel matrix has a rank below the order.

    References
    ----------
    prop-ho-kalman. Ho and Kalman (1966); the balanced factors by the singular value
    decomposition are later. prop-canonical-form for what a system is determined to.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> system = lu.random_system(3, 0.9, np.random.default_rng(0))
    >>> realized = lu.ho_kalman(system.impulse_response(6), 3)
    >>> np.allclose(realized.impulse_response(50), system.impulse_response(50))
    True
    """
    response = _validation.finite_array("response", response, ndim=3)
    order = _validation.count("order", order, least=1)
    K, p, m = response.shape
    rows = K // 2
    columns = K - rows
    if K < 2 or min(rows * p, columns * m) < order:
        raise ValueError(
            f"response must have so many matrices that its Hankel matrix can have rank {order}, "
            f"got shape {response.shape}"
        )
    index = np.arange(rows)[:, None] + np.arange(columns)

    def hankel(shift: int) -> Array:
        blocks: Array = response[index + shift].swapaxes(1, 2)
        return blocks.reshape(rows * p, columns * m)

    U, sizes, V = np.linalg.svd(hankel(0))
    if not sizes[order - 1] > max(U.shape[0], V.shape[0]) * EPS * sizes[0]:
        raise ValueError(
            f"response must have a Hankel matrix of rank {order} at least, got singular values "
            f"{_validation.shown(sizes[:order].tolist())}"
        )
    root = np.sqrt(sizes[:order])
    A = (U[:, :order].T / root[:, None]) @ hankel(1) @ (V[:order].T / root)
    return LinearRNN(A, root[:, None] * V[:order, :m], U[:p, :order] * root)
