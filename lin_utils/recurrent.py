"""Linear recurrent networks: systems, their canonical form, and their risks (chapter 4)."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_discrete_lyapunov
from scipy.signal import fftconvolve, lfilter

from . import _validation
from .cones import on_circle
from .landscape import Landscape

__all__ = [
    "FiniteRisk",
    "IdealizedRisk",
    "LinearRNN",
    "idealized_risk",
    "random_system",
    "sequence_gradient",
]

Array = NDArray[np.float64]


class LinearRNN:
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
    spectral_radius : float
        The largest modulus of an eigenvalue of A; the system is stable if it is below 1.

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
        self.A = _validation.finite_array("A", A, ndim=2)
        self.B = _validation.finite_array("B", B, ndim=2)
        self.C = _validation.finite_array("C", C, ndim=2)
        n, m, p = len(self.A), self.B.shape[1], len(self.C)
        self.D = np.zeros((p, m)) if D is None else _validation.finite_array("D", D, ndim=2)
        given = {name: getattr(self, name).shape for name in "ABCD"}
        if given != {"A": (n, n), "B": (n, m), "C": (p, n), "D": (p, m)} or n == 0:
            raise ValueError(
                f"A, B, C, D must have shapes (n, n), (n, m), (p, n), (p, m), got {given}"
            )
        self.spectral_radius = float(np.abs(np.linalg.eigvals(self.A)).max())

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
        states, power = self.B[None], self.A
        while len(states) < length:
            states = np.concatenate([states, power @ states])
            power = power @ power
        return self.C @ states[:length]

    def simulate(self, inputs: ArrayLike) -> Array:
        """Return the outputs y_1, …, y_T of the inputs x_1, …, x_T.

        The outputs are the inputs convolved with the impulse response, by FFT; so the
        rounding error is relative to the largest output.

        Parameters
        ----------
        inputs : array_like, shape (..., T, m)

        Returns
        -------
        ndarray, shape (..., T, p)
        """
        inputs = _validation.finite_array("inputs", inputs)
        if inputs.ndim < 2 or inputs.shape[-1] != self.B.shape[1] or inputs.shape[-2] == 0:
            raise ValueError(
                f"inputs must have shape (..., T, {self.B.shape[1]}), got {inputs.shape}"
            )
        length = inputs.shape[-2]
        response = self.impulse_response(length)
        delayed = np.concatenate([self.D[None], response[:-1]])
        kernel = delayed.reshape((1,) * (inputs.ndim - 2) + delayed.shape)
        return fftconvolve(inputs[..., None, :], kernel, axes=-3)[..., :length, :, :].sum(axis=-1)

    def transfer_function(self, frequency: ArrayLike) -> NDArray[np.complex128]:
        r"""Return the transfer function on the unit circle.

        .. math:: G(\theta) = \sum_k C A^k B e^{ik\theta} = C(I - e^{i\theta}A)^{-1}B

        Parameters
        ----------
        frequency : array_like, shape (...)
            θ in radians.

        Returns
        -------
        ndarray of complex, shape (..., p, m)

        References
        ----------
        prop-parseval.
        """
        w = np.exp(1j * _validation.finite_array("frequency", frequency))[..., None, None]
        right = np.broadcast_to(self.B, (*w.shape[:-2], *self.B.shape))
        return self.C @ np.linalg.solve(np.eye(len(self.A)) - w * self.A, right)

    def coefficients(self) -> tuple[Array, Array]:
        r"""Return the coefficients a and c of the transfer function.

        .. math::

           \frac{P(w)}{Q(w)} = \frac{c_n + c_{n-1}w + \cdots + c_1w^{n-1}}
           {1 + a_1w + \cdots + a_nw^n}, \qquad w = e^{i\theta}

        Only for one input and one output.

        Returns
        -------
        a, c : ndarray, shape (n,)
        """
        if self.B.shape[1] != 1 or len(self.C) != 1:
            raise ValueError(
                f"one input and one output are needed, got {self.B.shape[1]} and {len(self.C)}"
            )
        n = len(self.A)
        if np.array_equal(self.A[:-1], np.eye(n, k=1)[:-1]) and np.array_equal(
            self.B[:, 0], np.eye(n)[-1]
        ):  # in canonical form already: by eigenvalues they would lose digits, all for n = 100
            return -self.A[-1, ::-1], self.C[0].copy()
        denominator = np.poly(self.A)
        response = self.impulse_response(len(self.A))[:, 0, 0]
        numerator = np.convolve(denominator, response)[: len(self.A)]
        return denominator[1:], numerator[::-1]

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
        columns = LinearRNN(self.A, self.B, np.eye(n)).impulse_response(n)[..., 0].T
        if np.linalg.matrix_rank(columns) < n:
            raise ValueError(
                f"(A, B) must be controllable: B, AB, ... must have rank {n}, "
                f"got {np.linalg.matrix_rank(columns)}"
            )
        last = np.linalg.solve(columns.T, np.eye(n)[-1])
        return LinearRNN(self.A.T, last[:, None], np.eye(n)).impulse_response(n)[..., 0]


def random_system(order: int, radius: float, rng: np.random.Generator) -> LinearRNN:
    """Return a random stable system with one input and one output, in canonical form.

    The eigenvalues are conjugate pairs (and a real one if the order is odd), uniform in the
    disk of this radius; C is standard normal.

    Parameters
    ----------
    order : int
        The number of states n ≥ 1.
    radius : float
        In (0, 1).
    rng : numpy.random.Generator

    Returns
    -------
    LinearRNN

    References
    ----------
    Hardt, Ma and Recht (2018), the simulation; the distribution in the disk is ours.
    """
    order = _validation.count("order", order, least=1)
    radius = _validation.positive("radius", radius)
    if radius >= 1:
        raise ValueError(f"radius must be in (0, 1), got {radius}")
    pairs = (
        radius
        * np.sqrt(rng.uniform(size=order // 2))
        * np.exp(1j * rng.uniform(0, np.pi, order // 2))
    )
    real = radius * rng.uniform(-1, 1, order % 2)
    a = np.poly(np.concatenate([pairs, pairs.conj(), real])).real[1:]
    return LinearRNN.from_coefficients(a, rng.normal(size=order))


def idealized_risk(model: LinearRNN, system: LinearRNN) -> float:
    r"""Return the idealized risk of a model, by a discrete Lyapunov equation.

    .. math:: \sum_{k \ge 0} \|\hat C\hat A^k\hat B - CA^kB\|_F^2

    For any numbers of inputs and outputs. `IdealizedRisk` computes the same from
    frequency samples, as a landscape.

    Parameters
    ----------
    model, system : LinearRNN
        Both stable, with the same numbers of inputs and outputs.

    Returns
    -------
    float

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
        _require_stable(name, given.spectral_radius)
    if model.D.shape != system.D.shape:
        raise ValueError(
            f"model and system must have equal numbers of outputs and inputs, "
            f"got {model.D.shape} and {system.D.shape}"
        )
    n, k = len(model.A), len(system.A)
    A = np.block([[model.A, np.zeros((n, k))], [np.zeros((k, n)), system.A]])
    B, C = np.vstack([model.B, system.B]), np.hstack([model.C, -system.C])
    return float(np.trace(C @ solve_discrete_lyapunov(A, B @ B.T) @ C.T))


def _require_stable(name: str, radius: float) -> None:
    if radius >= 1:
        raise ValueError(f"{name} must be stable: a spectral radius < 1, got {radius:.6g}")


def _power_of_two(least: float) -> int:
    return 2 ** int(np.ceil(np.log2(least)))


def _points_for(radius: float) -> int:
    """Return how many points leave no more than rounding of aliasing: it falls like radius^points.

    The half of them leaves about 1e-10.
    """
    return _power_of_two(np.clip(45 / (1 - radius + 1e-12), 256, 2**18))


def _radius(a: Array) -> Array:
    """Return the spectral radius of the companion matrices of a, shape (...)."""
    n = a.shape[-1]
    companion = np.broadcast_to(np.eye(n, k=1), (*a.shape[:-1], n, n)).copy()
    companion[..., -1, :] = -a[..., ::-1]
    return np.abs(np.linalg.eigvals(companion)).max(axis=-1)


class _SystemRisk(Landscape):
    """What both risks share: θ = (a_1, …, a_n, c_1, …, c_n), one input and one output."""

    def __init__(self, system: LinearRNN, order: int | None) -> None:
        self.system = system
        self.system_coefficients = system.coefficients()
        own = len(self.system_coefficients[0])
        self.order = own if order is None else _validation.count("order", order, least=1)
        self.dim = 2 * self.order
        # With fewer states than the system this is a lower bound: no closed form is known.
        self.minimum = 0.0

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
        return np.concatenate(np.broadcast_arrays(a, c), axis=-1)


class IdealizedRisk(_SystemRisk):
    r"""The idealized risk of a stable system, as a function of the coefficients of a model.

    .. math::

       f(\hat a, \hat c) = \sum_{k \ge 0} (\hat C\hat A^k\hat B - CA^kB)^2
       = \frac{1}{2\pi}\int_0^{2\pi}
       \left|\frac{\hat P}{\hat Q} - \frac{P}{Q}\right|^2 (e^{i\theta})\,d\theta

    The equality is Parseval's, with Q(w) = 1 + a_1 w + ⋯ + a_n w^n and
    P(w) = c_n + c_{n−1} w + ⋯ + c_1 w^{n−1}. The mean over the circle is
    taken over so many equidistant points that its error is below rounding.

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
    There are at most 2^18 points, enough for spectral radii up to 0.9998.

    Where the model is not stable the risk is infinite, and so are its value and its gradient
    here: a descent that gets there stops and says that it diverged.

    References
    ----------
    prop-parseval; thm-identity; prop-horizon; Hardt, Ma and Recht (2018).

    Examples
    --------
    >>> import lin_utils as lu
    >>> risk = lu.IdealizedRisk(lu.LinearRNN([[0.5]], [[1.0]], [[1.0]]))
    >>> risk.value([[-0.5, 1.0], [0.0, 0.0]]).round(9)  # the truth; no output at all
    array([0.        , 1.33333333])
    """

    def __init__(self, system: LinearRNN, order: int | None = None) -> None:
        _require_stable("system", system.spectral_radius)
        super().__init__(system, order)
        # The polynomials themselves have to fit too.
        longest = max(self.order, len(system.A))
        self._least = max(_power_of_two(4 * (longest + 1)), _points_for(system.spectral_radius))
        self._truths: dict[int, NDArray[np.complex128]] = {}

    def _truth(self, points: int) -> NDArray[np.complex128]:
        """Return P/Q at these points, computed once."""
        if points not in self._truths:
            a, c = self.system_coefficients
            self._truths[points] = np.fft.rfft(c[::-1], points) / on_circle(a, points)
        return self._truths[points]

    def _inverse(self, a: Array) -> tuple[NDArray[np.bool_], NDArray[np.complex128]]:
        """Return which models are stable, (...), and 1/Q̂ (1 for the others) at enough points.

        Let h be the values of 1/Q̂ at N points, transformed back. If 3‖Q̂‖₁ Σ|h_k| < 1, the sum
        over k ≥ N/2 − n̂, then Q̂ times the polynomial of the other h_k differs from 1 by less
        than 1 on the circle: by Rouché's theorem Q̂ has no zero in the disk, and the model is
        stable. If the sum is tiny too, N points leave no aliasing. Eigenvalues decide the rest.
        """
        size = 1 + np.abs(a).sum(axis=-1)
        for points in (self._least, 2 * self._least, 4 * self._least):
            with np.errstate(divide="ignore", invalid="ignore"):  # a zero may be one of the points
                inverse = 1 / on_circle(a, points)
                tail = np.fft.irfft(inverse, points)[..., points // 2 - self.order :]
                sure = size * np.abs(tail).sum(axis=-1) < 1e-8
            if sure.all():
                return sure, inverse
        radius = _radius(a[~sure])
        stable = np.array(sure)
        stable[~sure] = radius < 1
        points = max(points, _points_for(radius[radius < 1].max(initial=0.0)))
        return stable, 1 / on_circle(np.where(stable[..., None], a, 0.0), points)

    def _parts(self, theta: ArrayLike):
        """Return stability, the number of points, the error e, 1/Q̂ and Ĝ on half the circle."""
        a, c = self.split(theta)
        stable, inverse = self._inverse(a)
        points = 2 * (inverse.shape[-1] - 1)
        transfer = np.fft.rfft(c[..., ::-1], points) * inverse
        return stable, points, transfer - self._truth(points), inverse, transfer

    def value(self, theta: ArrayLike) -> Array:
        stable, points, error, *_ = self._parts(theta)
        response = np.fft.irfft(error, points)
        return np.where(stable, np.vecdot(response, response), np.inf)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        stable, points, error, inverse, transfer = self._parts(theta)
        response = np.fft.irfft(error, points)
        value = np.vecdot(response, response)
        # The means of e times the conjugate of w^k/Q̂ and of w^k Ĝ/Q̂, for all k at once.
        along = error * inverse.conj()
        by_c = 2 * np.fft.irfft(along, points)[..., self.order - 1 :: -1]
        by_a = -2 * np.fft.irfft(along * transfer.conj(), points)[..., 1 : self.order + 1]
        gradient = np.concatenate([by_a, by_c], axis=-1)
        return np.where(stable, value, np.inf), np.where(stable[..., None], gradient, np.inf)

    def hessian(self, theta: ArrayLike) -> Array:
        stable, points, error, inverse, transfer = self._parts(theta)
        if not stable.all():
            raise ValueError("theta must be stable: the risk is infinite at some of these points")
        n = self.order
        i, j = np.ogrid[1 : n + 1, 1 : n + 1]

        def mean(samples: NDArray[np.complex128], powers: NDArray[np.int_]) -> Array:
            """Return the means of the samples times the conjugate of w^powers."""
            return np.fft.irfft(samples, points)[..., powers]

        # The derivatives of Ĝ: −w^i Ĝ/Q̂ by a_i, w^{n−j}/Q̂ by c_j; 2 w^{i+j} Ĝ/Q̂² by a_i and a_j,
        # −w^{i+n−j}/Q̂² by a_i and c_j.
        slope = transfer * inverse
        result = np.empty((*stable.shape, 2 * n, 2 * n))
        result[..., :n, :n] = 2 * mean(slope * slope.conj(), abs(i - j))
        result[..., :n, :n] += 4 * mean(error * (slope * inverse).conj(), i + j)
        result[..., n:, n:] = 2 * mean(inverse * inverse.conj(), abs(i - j))
        mixed = mean(slope * inverse.conj(), n - i - j) + mean(
            error * inverse.conj() ** 2, i + n - j
        )
        result[..., :n, n:] = -2 * mixed
        result[..., n:, :n] = -2 * mixed.mT
        return result


class FiniteRisk(_SystemRisk):
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

    References
    ----------
    prop-finite-risk; prop-horizon.
    """

    def __init__(self, system: LinearRNN, horizon: int, order: int | None = None) -> None:
        self.horizon = _validation.count("horizon", horizon, least=1)
        super().__init__(system, order)
        self._weights = np.maximum(1 - np.arange(1, self.horizon + 1) / self.horizon, 0.0)
        self._truth = system.impulse_response(self.horizon)[:, 0, 0]

    def _series(self, a: Array, c: Array) -> tuple[Array, Array, Array]:
        """Return the impulse responses of P̂/Q̂, 1/Q̂ and P̂/Q̂² for one point."""
        unit = np.zeros(self.horizon)
        unit[0] = 1.0
        denominator = np.concatenate([[1.0], a])
        inverse = lfilter([1.0], denominator, unit)
        response = lfilter(c[::-1], denominator, unit)
        return response, inverse, lfilter([1.0], denominator, response)

    def _delayed(self, series: Array, delays: Array) -> Array:
        """Return the series delayed by each of the delays, one a row."""
        padded = np.concatenate([np.zeros(delays.max(initial=0)), series])
        start = len(padded) - len(series) - delays
        return padded[start[..., None] + np.arange(len(series))]

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        a, c = self.split(theta)
        batch, n = a.shape[:-1], self.order
        values, gradients = np.empty(batch), np.empty((*batch, 2 * n))
        with np.errstate(over="ignore", invalid="ignore"):
            for index in np.ndindex(batch):
                response, inverse, twice = self._series(a[index], c[index])
                error = response - self._truth
                along = 2 * self._weights * error
                values[index] = along @ error / 2
                gradients[index][:n] = -self._delayed(twice, np.arange(1, n + 1)) @ along
                gradients[index][n:] = self._delayed(inverse, np.arange(n)[::-1]) @ along
        finite = np.isfinite(values) & np.isfinite(gradients).all(axis=-1)
        return np.where(finite, values, np.inf), np.where(finite[..., None], gradients, np.inf)

    def hessian(self, theta: ArrayLike) -> Array:
        a, c = self.split(theta)
        n, i = self.order, np.arange(1, self.order + 1)
        result = np.empty((*a.shape[:-1], 2 * n, 2 * n))
        for index in np.ndindex(a.shape[:-1]):
            response, inverse, twice = self._series(a[index], c[index])
            denominator = np.concatenate([[1.0], a[index]])
            along = 2 * self._weights * (response - self._truth)
            moves = np.concatenate(
                [-self._delayed(twice, i), self._delayed(inverse, np.arange(n)[::-1])]
            )
            block = 2 * (moves * self._weights) @ moves.T
            delays = np.arange(2 * n + 1)
            thrice = self._delayed(lfilter([1.0], denominator, twice), delays) @ along
            squared = self._delayed(lfilter([1.0], denominator, inverse), delays) @ along
            block[:n, :n] += 2 * thrice[i[:, None] + i]
            mixed = -squared[i[:, None] + n - i]
            block[:n, n:] += mixed
            block[n:, :n] += mixed.T
            result[index] = block
        return result


def sequence_gradient(theta: ArrayLike, inputs: ArrayLike, outputs: ArrayLike) -> Array:
    r"""Return the gradient of the mean squared error over given sequences.

    The error of a sequence is

    .. math:: \frac{1}{T}\sum_{t=1}^T (\hat y_t - y_t)^2.

    The model has one input, one output, D̂ = 0 and the parameters θ = (a_1, …, a_n, c_1, …, c_n).
    Its gradient needs two passes of the filter 1/Q̂, in place of backpropagation through time.

    Parameters
    ----------
    theta : array_like, shape (2n,)
    inputs, outputs : array_like, shape (sequences, T)

    Returns
    -------
    ndarray, shape (2n,)
        Infinite where it overflows.

    References
    ----------
    prop-finite-risk: over white noise its mean is the gradient of `FiniteRisk`.
    """
    theta = _validation.finite_array("theta", theta, ndim=1)
    inputs = _validation.finite_array("inputs", inputs, ndim=2)
    outputs = _validation.finite_array("outputs", outputs, ndim=2)
    if inputs.shape != outputs.shape or inputs.size == 0:
        raise ValueError(
            f"inputs and outputs must have equal shapes, got {inputs.shape} and {outputs.shape}"
        )
    if theta.size == 0 or theta.size % 2:
        raise ValueError(f"theta must have shape (2n,), n >= 1, got {theta.shape}")
    a, c = np.split(theta, 2)
    n, (sequences, length) = len(a), inputs.shape
    denominator = np.concatenate([[1.0], a])
    with np.errstate(over="ignore", invalid="ignore"):
        state = lfilter([1.0], denominator, inputs)
        response = lfilter(np.concatenate([[0.0], c[::-1]]), denominator, inputs)
        twice = lfilter([1.0], denominator, response)
        error = 2 * (response - outputs) / (sequences * length)
        gradient = np.empty(2 * n)
        for j in range(1, n + 1):
            # c_j multiplies w^{n−j}, one more for the step from x_t to h_{t+1}.
            delay = n - j + 1
            gradient[j - 1] = -(error[:, j:] * twice[:, : max(length - j, 0)]).sum()
            gradient[n + j - 1] = (error[:, delay:] * state[:, : max(length - delay, 0)]).sum()
    return np.where(np.isfinite(gradient).all(), gradient, np.inf)
