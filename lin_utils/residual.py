"""Linear residual networks: deep linear networks around the identity (chapter 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.linalg import eigh, schur

from . import _validation
from ._polynomial import Complex
from ._validation import Array
from .deep_linear import DeepLinear
from .landscape import SquaredResidual

__all__ = [
    "DescentPromise",
    "Residual",
    "eigenvalue_path",
    "near_identity_bound",
    "near_identity_factors",
    "near_identity_lower_bound",
]


def _check_size(depth: int, size: int) -> None:
    if depth * size**2 > 10**8:
        raise ValueError(
            f"depth must be so small that L d² <= 10^8 entries of the layers fit into memory, "
            f"got {depth} with d = {size}"
        )


@dataclass(frozen=True, eq=False)
class DescentPromise(_validation.Record):
    r"""What gradient descent from the identity is promised, at every depth.

    Attributes
    ----------
    distance : float
        The largest ‖(I − B)Σ^{1/2}‖_F for which it is: √λ(1 − e^{−3c})/6.
    step : float
        The longest step: 1/(2LΛ(e^{2c} + εe^c)) with ε = (1 − e^{−3c})/6.
    factor : float
        By which g falls at least with each step of this length: 1 − (λ/Λ)/(e^{4c} + εe^{3c}).

    See Also
    --------
    Residual.descent_promise : What computes it.

    References
    ----------
    thm-residual-descent.
    """

    distance: float
    step: float
    factor: float


class Residual(_validation.Value, SquaredResidual):
    r"""The squared loss of a linear residual network, as a function of its layers.

    .. math::

       g(A_1, \ldots, A_L) = \operatorname{tr}(\Delta\Sigma\Delta^\top), \qquad
       \Delta = (I + A_L)\cdots(I + A_1) - B

    It is `DeepLinear` with all widths d, moved by the identity: g(A) = f(I + A).

    Parameters
    ----------
    depth : int
        The number of layers L ≥ 1.
    target : array_like, shape (d, d)
        The target map B.
    covariance : array_like, shape (d, d), optional
        Σ = E[xxᵀ], positive semidefinite; the identity if not given.

    Attributes
    ----------
    depth, dim : int
        L, and L d²: θ is A_1, …, A_L flattened row by row, in this order.
    target, covariance : ndarray
    minimum : float
        0, reached where WΣ = BΣ.
    scale : float
        1, the size of the identities that the layers are added to.
    plain : DeepLinear
        The same loss without the identities.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.
    SquaredResidual : Its residual, Jacobian and tangent kernel.

    References
    ----------
    Its gradient: prop-residual-gradient. Its critical points near zero: thm-hardt-ma,
    prop-negative-determinant. The flow from zero: thm-residual-convergence. Hardt and Ma (2017).

    Examples
    --------
    >>> import lin_utils as lu
    >>> g = lu.Residual(2, [[3.0]])  # ((1 + b)(1 + a) - 3)²
    >>> g.value([[0.0, 0.0], [1.0, 0.5]])
    array([4., 0.])
    """

    second_order_optimal = True  # Kawaguchi's theorem: f and g differ by a shift

    def __init__(self, depth: int, target: ArrayLike, covariance: ArrayLike | None = None) -> None:
        self.depth = _validation.count("depth", depth, least=1)
        target = _validation.square("target", target)
        _check_size(self.depth, len(target))
        self.plain = DeepLinear((len(target),) * (self.depth + 1), target, covariance)
        self.target, self.covariance = self.plain.target, self.plain.covariance
        self._note(depth=self.depth, target=self.target, covariance=self.covariance)
        self.dim, self.minimum = self.plain.dim, self.plain.minimum
        self.scale, self._rounding = 1.0, self.plain._rounding

    def __repr__(self) -> str:
        d = len(self.target)
        return f"Residual(depth={self.depth}, target={d}×{d})"

    def _shifted(self, theta: ArrayLike) -> Array:
        return self.plain._array(theta) + self.plain._identity  # `plain` looks whether it is finite

    def split(self, theta: ArrayLike) -> list[Array]:
        """Return the layers A_1, …, A_L of θ.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        list of ndarray
            Each layer has shape (..., d, d).
        """
        return self.plain.split(theta)

    def join(self, layers: Sequence[ArrayLike]) -> Array:
        """Return the θ of the layers A_1, …, A_L.

        Parameters
        ----------
        layers : sequence of array_like
            Each layer has shape (..., d, d); the leading axes broadcast.

        Returns
        -------
        ndarray, shape (..., dim)
        """
        return self.plain.join(layers)

    def end_to_end(self, theta: ArrayLike) -> Array:
        """Return the end-to-end map (I + A_L)⋯(I + A_1).

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d, d)
        """
        return self.plain.end_to_end(self._shifted(theta))

    def residual(self, theta: ArrayLike) -> Array:
        """Return the error ΔR of the map, flattened row by row, where Σ = RRᵀ.

        It is that of `DeepLinear.residual` at I + A.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d rank Σ)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """
        return self.plain.residual(self._shifted(theta))

    def jacobian(self, theta: ArrayLike) -> Array:
        r"""Return the derivative of the residual ΔR.

        Where max_k ‖A_k‖ ≤ τ < 1, the tangent kernel K = JJᵀ has eigenvalues of at least

        .. math:: L(1 - \tau)^{2L-2}\lambda,

        λ the smallest nonzero eigenvalue of Σ: a quarter of `polyak_constant`.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d rank Σ, dim)
            Infinite where it overflows, and never NaN.

        References
        ----------
        thm-tangent-polyak, of which thm-residual-polyak is a case.
        """
        return self.plain.jacobian(self._shifted(theta))

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        return self.plain.value_and_gradient(self._shifted(theta))

    def value(self, theta: ArrayLike) -> Array:
        return self.plain.value(self._shifted(theta))

    def hessian(self, theta: ArrayLike) -> Array:
        return self.plain.hessian(self._shifted(theta))

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        return self.plain.hessian_vector_product(self._shifted(theta), vector)

    def radius(self, theta: ArrayLike) -> Array:
        """Return max_k ‖A_k‖, the largest spectral norm of a layer.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (...)

        References
        ----------
        thm-hardt-ma is about the points where it is below 1.
        """
        norms: Array = np.linalg.norm(np.stack(self.split(theta)), 2, axis=(-2, -1)).max(axis=0)
        return norms

    def polyak_constant(self, radius: ArrayLike) -> Array:
        r"""Return an α for which g is α-Polyak where max_k ‖A_k‖ ≤ τ.

        .. math:: \alpha = 4L(1 - \tau)^{2L-2}\lambda

        Here λ is the smallest nonzero eigenvalue of Σ; with Σ = 0 the loss is constant and
        α infinite.

        Parameters
        ----------
        radius : array_like
            τ, in [0, 1).

        Returns
        -------
        ndarray
            Of the shape of ``radius``.

        References
        ----------
        thm-residual-polyak; Hardt and Ma (2017).

        Examples
        --------
        >>> import lin_utils as lu
        >>> lu.Residual(2, [[3.0]]).polyak_constant([0.0, 0.5])
        array([8., 2.])
        """
        radius = _validation.finite_array("radius", radius)
        if (radius < 0).any() or (radius >= 1).any():
            raise _validation.refuse("radius", "in [0, 1)", radius)
        smallest, _ = self._eigenvalues()
        with np.errstate(all="ignore"):
            factors = 4 * self.depth * (1 - radius) ** (2 * self.depth - 2)
            constant: Array = factors * smallest if smallest else np.full(radius.shape, np.inf)
        return constant[()]

    def _eigenvalues(self) -> tuple[float, float]:
        """Return the smallest nonzero eigenvalue of Σ and the largest one, or zeros if Σ = 0."""
        # Σ = RRᵀ, and R has one column for each nonzero eigenvalue.
        rank = int(self.plain._root.any(axis=0).sum())
        squares = np.linalg.svd(self.plain._root, compute_uv=False) ** 2
        return float(squares[rank - 1]) if rank else 0.0, float(squares[0])

    def zero_asymmetric_start(self) -> Array:
        """Return the layers A_L = −I and A_k = 0 for all others.

        The end-to-end map is 0 there. The gradient flow from this start reaches a global minimum
        for every target.

        Returns
        -------
        ndarray, shape (dim,)

        References
        ----------
        thm-zero-asymmetric. Wu, Wang and Ma (2019).

        Examples
        --------
        >>> import lin_utils as lu
        >>> lu.Residual(3, [[2.0]]).zero_asymmetric_start()
        array([ 0.,  0., -1.])
        """
        size = len(self.target)
        theta = np.zeros(self.dim)
        theta[-(size**2) :] = -np.eye(size).ravel()
        return theta

    def descent_promise(self, reach: float = 1 / 3) -> DescentPromise:
        """Return what is promised to gradient descent from zero that keeps all ‖A_k‖ ≤ c/L.

        Parameters
        ----------
        reach : float, optional
            c, in (0, 1]. A small one has a better factor, a large one holds for more targets.

        Returns
        -------
        DescentPromise

        References
        ----------
        thm-residual-descent.

        Examples
        --------
        >>> import lin_utils as lu
        >>> promise = lu.Residual(8, [[1.1]]).descent_promise()
        >>> round(promise.distance, 4), round(promise.step, 4), round(promise.factor, 4)
        (0.1054, 0.0298, 0.7549)
        """
        reach = _validation.positive("reach", reach)
        if reach > 1:
            raise _validation.refuse("reach", "in (0, 1]", reach)
        smallest, largest = self._eigenvalues()
        if smallest == 0:
            raise ValueError("covariance must not be zero, since then nothing is to be learned")
        part = -math.expm1(-3 * reach) / 6
        bend = math.exp(2 * reach) + part * math.exp(reach)
        step = 1 / bend / self.depth / 2 / largest
        if math.isinf(step):
            raise ValueError(
                "covariance must be so large that a step is finite, got eigenvalues up to "
                f"{largest:.3g}"
            )
        return DescentPromise(
            distance=part * math.sqrt(smallest),
            step=step,
            factor=1 - smallest / largest / (bend * math.exp(2 * reach)),
        )


def eigenvalue_path(t: ArrayLike, eigenvalues: ArrayLike, depth: int) -> Complex:
    r"""Return the eigenvalues of the product of layers along the flow to a normal target.

    For Σ = I and a normal B each of them moves straight from 1 to an eigenvalue β of B,

    .. math:: \dot w = -2L\,|w|^{2-2/L}(w - \beta), \qquad w(0) = 1.

    It stops at 0 where that lies on its way: for L ≥ 2 and negative β.

    Parameters
    ----------
    t : array_like
        The times, ≥ 0.
    eigenvalues : array_like, shape (n,)
        The β, complex.
    depth : int
        L.

    Returns
    -------
    ndarray of complex, shape (..., n)
        w for each t, whose shape the leading axes have.

    References
    ----------
    thm-normal-targets. Bartlett, Helmbold and Long (2019) have real eigenvalues.

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.eigenvalue_path([0.0, 1.0, 9.0], [2.0, -1.0], depth=3).real.round(3)
    array([[1.   , 1.   ],
           [2.   , 0.027],
           [2.   , 0.   ]])
    """
    t = _validation.finite_array("t", t)
    if not (t >= 0).all():
        raise _validation.refuse("t", ">= 0", t)
    real, imag = _validation.complex_vector("eigenvalues", eigenvalues)
    beta = real + 1j * imag
    depth = _validation.count("depth", depth, least=1)
    if depth == 1:
        decay = -2 * np.minimum(t, 1e300)[..., None]
        path: Complex = np.exp(decay) - beta * np.expm1(decay)
        return path
    times, back = np.unique(t, return_inverse=True)
    end = times.max(initial=0.0)
    size = max(1.0, np.abs(real).max(), np.abs(imag).max())
    if math.log(2 * depth) + 2 * math.log(size) + math.log(max(1.0, end)) > 230:
        raise ValueError(
            "t, eigenvalues and depth must be so small that 2L max(1, |β|)² max(1, t) < 1e99, got "
            f"times up to {end:.3g}, eigenvalues up to {size:.3g} and depth {depth}"
        )
    # Where 0 is on the way, z = −log w is followed, which never gets there. Elsewhere, with p the
    # distance of 0 from the line, x the place on it seen from its point nearest to 0, and q the
    # rest of the way, z = asinh(x/p) − log q + constant: digits are lost neither near 0 nor near β.
    blocked = (beta.imag == 0) & (beta.real <= 0)
    whole = np.abs(beta - 1)
    along = np.where(whole > 0, beta - 1, 1) / np.where(whole > 0, whole, 1)
    p, last = np.maximum(np.abs(along.imag), 1e-60), (beta * along.conj()).real
    ahead = along.real > 0
    first = np.where(ahead, (1 + along.real) / p, p / np.where(ahead, 1, 1 - along.real))
    first /= np.maximum(whole, 1e-30)

    def place(z: Array) -> tuple[Complex, Array]:
        """Return w, and the factor of 2L|w|^{1−2/L} in the derivative of z."""
        z = z.clip(0, 330)  # a stage of the solver can be before the start
        e = first * np.exp(z)
        root = np.sqrt(last**2 + p**2 + 2 * p / e)
        v = np.where(last > 0, (last + root) / (p + 2 / e), p / (root + np.abs(last)))
        x, size = p * (v - 1 / v) / 2, p * (v + 1 / v) / 2
        share = np.exp(-z)
        w = np.where(blocked, share, along * (x - 1j * along.imag)) + 0  # no −0
        return w, np.where(blocked, share - beta.real, v / e + size)

    def slope(_: float, z: Array) -> Array:
        w, factor = place(z)
        return 2 * depth * np.abs(w) ** (1 - 2 / depth) * factor

    if end == 0:
        return np.ones((*t.shape, len(beta)), dtype=complex)
    options = {"rtol": 1e-11, "atol": 1e-12}
    flow = solve_ivp(slope, (0.0, end), np.zeros(beta.shape), "DOP853", times, **options)
    if not flow.success:
        raise ValueError(
            "t, eigenvalues and depth must be so small that the flow can be followed, got "
            f"{_validation.shown(t)} and {_validation.shown(beta)}: {flow.message}"
        )
    return place(flow.y.T)[0][back.reshape(t.shape)]


def _turns(rotation: Array) -> tuple[Array, list[tuple[int, int, float]]]:
    """Return an orthogonal basis and the rotations (i, j, φ) from axis i to axis j, |φ| ≤ π.

    They come from the real Schur form: SciPy's `logm` is complex where −1 is an eigenvalue.
    """
    blocks, basis = schur(rotation, output="real")
    turns, row, halves = [], 0, []
    while row < len(blocks):
        if row + 1 < len(blocks) and blocks[row + 1, row] != 0:
            angle = float(np.arctan2(blocks[row + 1, row], blocks[row, row]))
            turns.append((row, row + 1, angle))
            row += 2
        else:
            # The eigenvalue −1 has even multiplicity: each pair is a rotation by π.
            halves += [row] if blocks[row, row] < 0 else []
            row += 1
    turns += [(i, j, float(np.pi)) for i, j in zip(halves[::2], halves[1::2], strict=True)]
    return basis, turns


def _decomposed(target: ArrayLike) -> tuple[Array, Array, Array]:
    """Check that a target has a positive determinant, and return its singular values."""
    target = _validation.square("target", target)
    if (largest := np.abs(target).max()) > 1e300:
        raise ValueError(f"target must have entries of at most 1e300, got one of {largest:.3g}")
    sign, logarithm = np.linalg.slogdet(target)
    if sign <= 0:
        with np.errstate(over="ignore"):
            determinant = sign * np.exp(logarithm)
        raise ValueError(
            "target must have a positive determinant, since every product of matrices "
            f"I + A_k with ‖A_k‖ < 1 has one; got det = {determinant:.3g}"
        )
    u, sigma, vt = np.linalg.svd(target)
    if not sigma[-1] > len(target) * np.finfo(float).eps * sigma[0]:  # then sign may be wrong
        raise ValueError(
            "target must have a positive determinant, got singular values from "
            f"{sigma[0]:.3g} to {sigma[-1]:.3g}: with rounding errors it is singular"
        )
    return u, sigma, vt


def _stretch_and_turn(
    target: ArrayLike,
) -> tuple[Array, Array, tuple[Array, list[tuple[int, int, float]]], float, float]:
    """Return log σ_i, the right singular vectors, the turns, and the largest of both."""
    u, sigma, vt = _decomposed(target)
    logarithms, (basis, turns) = np.log(sigma), _turns(u @ vt)
    gamma = float(np.abs(logarithms).max())
    angle = max((abs(angle) for _, _, angle in turns), default=0.0)
    zero = 4 * len(sigma) * np.finfo(float).eps  # up to here they are rounding errors of 0
    gamma, angle = (x if x > zero else 0.0 for x in (gamma, angle))
    return logarithms, vt, (basis, turns), gamma, angle


def near_identity_bound(depth: int, target: ArrayLike) -> float:
    r"""Return a bound on max_k ‖A_k‖ for the factors that `near_identity_factors` returns.

    With γ the largest \|log σ_i(B)\| and κ the largest angle of the orthogonal factor of B,

    .. math:: e^{\gamma/L} - 1 + 2\sin\frac{\kappa}{2L} = \frac{\gamma + \kappa}{L}\,(1 + O(1/L)).

    Parameters
    ----------
    depth : int
        L ≥ 1.
    target : array_like, shape (d, d)
        B, with det B > 0.

    Returns
    -------
    float

    See Also
    --------
    near_identity_lower_bound : What no layers can do without.

    References
    ----------
    thm-small-norm.

    Examples
    --------
    >>> import lin_utils as lu
    >>> round(lu.near_identity_bound(10, [[0.0, -2.0], [1.0, 0.0]]), 3)
    0.229
    """
    depth = _validation.count("depth", depth, least=1)
    *_, gamma, angle = _stretch_and_turn(target)
    with np.errstate(over="ignore"):
        return float(np.expm1(gamma / depth)) + 2 * math.sin(angle / (2 * depth))


def near_identity_lower_bound(depth: int, target: ArrayLike) -> float:
    r"""Return a lower bound on max_k ‖A_k‖ for all layers with (I + A_L)⋯(I + A_1) = B.

    .. math::

       \max\left(\sigma_{\max}^{1/L} - 1,\; 1 - \sigma_{\min}^{1/L},\;
       \sin\frac{\angle(v, Bv)}{L}\right)

    for every vector v. The largest angle is looked for among minimizers of
    vᵀBv/(s‖v‖² + ‖Bv‖²/s) for several s, so it may be missed: the bound holds all the same.

    Parameters
    ----------
    depth : int
        L ≥ 2.
    target : array_like, shape (d, d)
        B, with det B > 0.

    Returns
    -------
    float

    References
    ----------
    prop-small-norm-lower-bound.

    Examples
    --------
    >>> import lin_utils as lu
    >>> round(lu.near_identity_lower_bound(10, [[0.0, -2.0], [1.0, 0.0]]), 3)
    0.19
    """
    depth = _validation.count("depth", depth, least=2)
    _, sigma, _ = _decomposed(target)
    matrix = _validation.square("target", target) / np.sqrt(sigma[0]) / np.sqrt(sigma[-1])
    symmetric, gram = (matrix + matrix.T) / 2, matrix.T @ matrix
    ratio = np.sqrt(sigma[0] / sigma[-1])
    vectors = [
        eigh(symmetric, s * np.eye(len(sigma)) + gram / s, subset_by_index=[0, 0])[1][:, 0]
        for s in np.geomspace(1 / ratio, ratio, 33)
    ]
    angle = max(_angle(v, matrix @ v) for v in vectors)
    largest, smallest = (math.expm1(math.log(value) / depth) for value in sigma[[0, -1]])
    stretched = max(largest, -smallest)
    return max(0.0, stretched, math.sin(angle / depth))


def _angle(v: Array, w: Array) -> float:
    """Return the angle between two vectors, exact near 0 and π, too."""
    v, w = v / np.linalg.norm(v), w / np.linalg.norm(w)
    return 2 * math.atan2(float(np.linalg.norm(v - w)), float(np.linalg.norm(v + w)))


def near_identity_factors(depth: int, target: ArrayLike) -> Array:
    r"""Return A_1, …, A_L of one norm O(1/L) with (I + A_L)⋯(I + A_1) = B.

    With the polar decomposition B = OS and a skew K with e^K = O,

    .. math:: I + A_k = e^{kK/L}\,S^{1/L}\,e^{-(k-1)K/L}.

    Parameters
    ----------
    depth : int
        L ≥ 1.
    target : array_like, shape (d, d)
        B, with det B > 0.

    Returns
    -------
    ndarray, shape (depth, d, d)

    References
    ----------
    thm-small-norm; Hardt and Ma (2017) prove max‖A_k‖ = O(1/L).

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> factors = lu.near_identity_factors(10, [[0.0, -2.0], [1.0, 0.0]])
    >>> product = np.linalg.multi_dot(np.eye(2) + factors[::-1])
    >>> np.allclose(product, [[0.0, -2.0], [1.0, 0.0]])
    True
    >>> np.linalg.norm(factors, 2, axis=(1, 2)).max().round(2)
    np.float64(0.2)
    """
    depth = _validation.count("depth", depth, least=1)
    logarithms, vt, (basis, turns), *_ = _stretch_and_turn(target)
    identity = np.eye(len(vt))
    _check_size(depth, len(vt))

    def turned(share: float) -> Array:  # e^{share K} − I, without the difference of two cosines
        matrix = np.zeros_like(identity)
        for i, j, whole in turns:
            part = share * whole
            matrix[i, i] = matrix[j, j] = -2 * np.sin(part / 2) ** 2
            matrix[j, i], matrix[i, j] = np.sin(part), -np.sin(part)
        return basis @ matrix @ basis.T

    turn, stretch = turned(1 / depth), (vt.T * np.expm1(logarithms / depth)) @ vt
    first = turn + stretch + turn @ stretch
    frames = [identity + turned(k / depth) for k in range(depth)]
    return np.array([frame @ first @ frame.T for frame in frames])
