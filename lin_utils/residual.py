"""Linear residual networks: deep linear networks around the identity (chapter 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm, polar, schur

from . import _validation
from .deep_linear import DeepLinear
from .landscape import Landscape

__all__ = ["Residual", "near_identity_bound", "near_identity_factors"]

Array = NDArray[np.float64]


def _square(name: str, matrix: ArrayLike) -> Array:
    array = _validation.finite_array(name, matrix, ndim=2)
    if array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(f"{name} must be a square matrix, got shape {array.shape}")
    return array


class Residual(Landscape):
    r"""The squared loss of a linear residual network, as a function of its layers.

    .. math::

       g(A_1, \ldots, A_L) = \operatorname{tr}(E\Sigma E^\top), \qquad
       E = (I + A_L)\cdots(I + A_1) - B

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
    plain : DeepLinear
        The same loss without the identities.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

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
        self.target = _square("target", target)
        widths = (len(self.target),) * (self.depth + 1)
        self.plain = DeepLinear(widths, self.target, covariance)
        self.covariance, self.dim = self.plain.covariance, self.plain.dim
        self.minimum = self.plain.minimum
        self._identity = self.plain.join([np.eye(len(self.target))] * self.depth)

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
        return self.plain.end_to_end(self._points(theta) + self._identity)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        return self.plain.value_and_gradient(self._points(theta) + self._identity)

    def value(self, theta: ArrayLike) -> Array:
        return self.plain.value(self._points(theta) + self._identity)

    def hessian(self, theta: ArrayLike) -> Array:
        return self.plain.hessian(self._points(theta) + self._identity)

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return ∇²g(θ)v.

        Parameters
        ----------
        theta, vector : array_like, shape (..., dim)
            The point θ and the direction v; they broadcast.

        Returns
        -------
        ndarray, shape (..., dim)
        """
        return self.plain.hessian_vector_product(self._points(theta) + self._identity, vector)

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
        return np.linalg.norm(np.stack(self.split(theta)), 2, axis=(-2, -1)).max(axis=0)

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
            raise ValueError(f"radius must be in [0, 1), got {radius}")
        eigenvalues = np.linalg.eigvalsh(self.covariance)
        nonzero = eigenvalues[eigenvalues > 1e-13 * eigenvalues[-1]]
        smallest = nonzero.min(initial=np.inf)
        return 4 * self.depth * (1 - radius) ** (2 * self.depth - 2) * smallest


def _rotation_generator(rotation: Array) -> Array:
    """Return a skew K with e^K the given rotation and ‖K‖ ≤ π, by the real Schur form.

    SciPy's `logm` returns a complex matrix where -1 is an eigenvalue.
    """
    blocks, basis = schur(rotation, output="real")
    generator, row, halves = np.zeros_like(blocks), 0, []
    while row < len(blocks):
        if row + 1 < len(blocks) and abs(blocks[row + 1, row]) > 1e-12:
            angle = np.arctan2(blocks[row + 1, row], blocks[row, row])
            generator[row + 1, row], generator[row, row + 1] = angle, -angle
            row += 2
        else:
            # The eigenvalue -1 has even multiplicity: each pair is a rotation by π.
            halves += [row] if blocks[row, row] < 0 else []
            row += 1
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        generator[second, first], generator[first, second] = np.pi, -np.pi
    return basis @ generator @ basis.T


def _invertible(target: ArrayLike) -> Array:
    target = _square("target", target)
    if np.linalg.det(target) <= 0:
        raise ValueError(
            "target must have a positive determinant, since every product of matrices "
            f"I + A_k with ‖A_k‖ < 1 has one; got det = {np.linalg.det(target):.3g}"
        )
    return target


def _best_split(stretch: float, angle: float, depth: int) -> tuple[float, int]:
    """Return the smallest max(e^{γ/L_1} − 1, 2 sin(κ/2L_2)) over L_1 + L_2 = L, and its L_1."""
    first = np.arange(depth + 1)
    second = depth - first
    # No layers are needed for a stretch or an angle of 0; they are not enough for another.
    stretched = np.expm1(np.divide(stretch, first, out=np.full(depth + 1, 700.0), where=first > 0))
    turned = 2 * np.sin(np.divide(angle, 2 * second, out=np.zeros(depth + 1), where=second > 0))
    stretched = np.where((first == 0) & (stretch < 1e-12), 0.0, stretched)
    turned = np.where((second == 0) & (angle > 1e-12), np.inf, turned)
    bounds = np.maximum(stretched, turned)
    return float(bounds.min()), int(bounds.argmin())


def near_identity_bound(target: ArrayLike, depth: int) -> float:
    r"""Return a bound on max_k ‖A_k‖ for the factors that `near_identity_factors` returns.

    .. math::

       \min_{L_1 + L_2 = L} \max\left(e^{\gamma/L_1} - 1,\;
       2\sin\frac{\pi}{2L_2}\right) = \frac{\pi + \gamma}{L}\,(1 + o(1)),
       \qquad \gamma = \max_i |\log\sigma_i(B)|

    Parameters
    ----------
    target : array_like, shape (d, d)
        B, with det B > 0.
    depth : int
        L ≥ 2.

    Returns
    -------
    float

    References
    ----------
    thm-small-norm.

    Examples
    --------
    >>> import lin_utils as lu
    >>> round(lu.near_identity_bound([[0.0, -2.0], [1.0, 0.0]], 10), 3)
    0.414
    """
    target, depth = _invertible(target), _validation.count("depth", depth, least=2)
    stretch = np.abs(np.log(np.linalg.svd(target, compute_uv=False))).max()
    return _best_split(stretch, np.pi, depth)[0]


def near_identity_factors(target: ArrayLike, depth: int) -> Array:
    r"""Return A_1, …, A_L of norm O(1/L) with (I + A_L)⋯(I + A_1) = B.

    With the polar decomposition B = OS and a skew K with e^K = O, and the best split of
    L = L_1 + L_2,

    .. math:: I + A_k = e^{(\log S)/L_1}, \; k \le L_1, \qquad I + A_k = e^{K/L_2}, \; k > L_1.

    Parameters
    ----------
    target : array_like, shape (d, d)
        B, with det B > 0.
    depth : int
        L ≥ 1. For L = 1 the only factor is B − I.

    Returns
    -------
    ndarray, shape (depth, d, d)

    References
    ----------
    thm-small-norm; Hardt and Ma (2017) prove max‖A_k‖ = O(1/L); the construction is the book's.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> factors = lu.near_identity_factors([[0.0, -2.0], [1.0, 0.0]], 10)
    >>> product = np.linalg.multi_dot(np.eye(2) + factors[::-1])
    >>> np.allclose(product, [[0.0, -2.0], [1.0, 0.0]])
    True
    >>> np.linalg.norm(factors, 2, axis=(1, 2)).max().round(2)
    np.float64(0.26)
    """
    target, depth = _invertible(target), _validation.count("depth", depth, least=1)
    identity = np.eye(len(target))
    if depth == 1:
        return (target - identity)[None]
    rotation, stretch = polar(target)
    scales, axes = np.linalg.eigh(stretch)
    generator = _rotation_generator(rotation)
    gamma, angle = np.abs(np.log(scales)).max(), np.linalg.norm(generator, 2)
    first = _best_split(gamma, angle, depth)[1]
    second = depth - first
    factors = np.zeros((depth, *target.shape))
    if first:
        factors[:first] = (axes * np.expm1(np.log(scales) / first)) @ axes.T
    if second:
        factors[first:] = expm(generator / second) - identity
    return factors
