"""Deep linear networks: the squared loss of a product of matrices (chapter 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

Array = NDArray[np.float64]


def _covariance(covariance: ArrayLike | None, size: int) -> Array:
    """Check a covariance: square, symmetric, positive semidefinite; the identity if None."""
    if covariance is None:
        return np.eye(size)
    matrix = _validation.finite_array("covariance", covariance, ndim=2)
    if matrix.shape != (size, size):
        raise ValueError(f"covariance must have shape {(size, size)}, got {matrix.shape}")
    scale = max(1.0, float(np.abs(matrix).max()))
    if np.abs(matrix - matrix.T).max() > 1e-10 * scale:
        raise ValueError("covariance must be symmetric, got an asymmetric matrix")
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < -1e-10 * scale:
        raise ValueError(
            f"covariance must be positive semidefinite, got smallest eigenvalue {smallest:.3g}"
        )
    return (matrix + matrix.T) / 2


class DeepLinear(Landscape):
    r"""The loss f(A) = tr(E Σ Eᵀ) of a deep linear network, E = A_L⋯A_1 − B.

    Parameters
    ----------
    widths : sequence of int
        (d_0, …, d_L), each ≥ 1: layer A_k has shape (d_k, d_{k−1}).
    target : array_like, shape (d_L, d_0)
        The target map B.
    covariance : array_like, shape (d_0, d_0), optional
        Σ = E[xxᵀ], positive semidefinite; the identity if not given.

    Attributes
    ----------
    widths : tuple of int
    target, covariance : ndarray
    shapes : tuple of (int, int)
        The layers' shapes.
    dim : int
        Σ_k d_k d_{k−1}: θ is A_1, …, A_L flattened row by row, in this order.
    minimum : float
        The sum of the squared singular values of BΣ^{1/2} after the first min_k d_k.

    References
    ----------
    Baldi and Hornik (1989); Kawaguchi (2016).

    Examples
    --------
    >>> import lin_utils as lu
    >>> f = lu.DeepLinear((1, 1, 1), [[1.0]])  # (ab - 1)²
    >>> f.value([[0.0, 0.0], [2.0, 0.5]])
    array([1., 0.])
    """

    def __init__(
        self, widths: Sequence[int], target: ArrayLike, covariance: ArrayLike | None = None
    ) -> None:
        self.widths = tuple(_validation.count("every width", d, least=1) for d in widths)
        if len(self.widths) < 2:
            raise ValueError(f"widths must be (d_0, ..., d_L) with L >= 1, got {self.widths}")
        self.target = _validation.finite_array("target", target, ndim=2)
        needed = (self.widths[-1], self.widths[0])
        if self.target.shape != needed:
            raise ValueError(
                f"target must have shape (d_L, d_0) = {needed}, got {self.target.shape}"
            )
        self.covariance = _covariance(covariance, self.widths[0])
        self.shapes = tuple((rows, columns) for columns, rows in pairwise(self.widths))
        self.dim = sum(rows * columns for rows, columns in self.shapes)
        eigenvalues, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.clip(eigenvalues, 0, None))
        singular = np.linalg.svd(self.target @ root, compute_uv=False)
        self.minimum = float((singular[min(self.widths) :] ** 2).sum())

    @property
    def depth(self) -> int:
        """The number of layers L."""
        return len(self.shapes)

    def split(self, theta: ArrayLike) -> list[Array]:
        """Return the layers [A_1, …, A_L], each (..., d_k, d_{k−1}), of θ, (..., dim)."""
        theta = self._points(theta)
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])[:-1]
        return [
            part.reshape(*theta.shape[:-1], *shape)
            for part, shape in zip(np.split(theta, ends, axis=-1), self.shapes, strict=True)
        ]

    def join(self, layers: Sequence[ArrayLike]) -> Array:
        """Return θ, shape (..., dim), of the layers A_1, …, A_L."""
        arrays = [_validation.finite_array("every layer", layer) for layer in layers]
        given = tuple(array.shape[-2:] for array in arrays)
        if given != self.shapes:
            raise ValueError(f"layers must have shapes {self.shapes}, got {given}")
        batch = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
        flat = [
            np.broadcast_to(array, batch + shape).reshape(*batch, -1)
            for array, shape in zip(arrays, self.shapes, strict=True)
        ]
        return np.concatenate(flat, axis=-1)

    def _prefixes(self, layers: Sequence[Array]) -> list[Array]:
        """Return P_1, …, P_L with P_k = A_k⋯A_1: L − 1 products."""
        prefixes = [layers[0]]
        for layer in layers[1:]:
            prefixes.append(layer @ prefixes[-1])
        return prefixes

    def end_to_end(self, theta: ArrayLike) -> Array:
        """Return W = A_L⋯A_1, shape (..., d_L, d_0)."""
        return self._prefixes(self.split(theta))[-1]

    def value(self, theta: ArrayLike) -> Array:
        error = self.end_to_end(theta) - self.target
        return np.einsum("...ij,...ij->...", error @ self.covariance, error)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        r"""Return f and ∇f by one forward and one backward sweep.

        ∂f/∂A_k = 2 (A_L⋯A_{k+1})ᵀ E Σ (A_{k−1}⋯A_1)ᵀ: L − 1 products for the
        prefixes, one with Σ, 2(L − 1) for the sweep back.
        """
        layers = self.split(theta)
        prefixes = self._prefixes(layers)
        error = prefixes[-1] - self.target
        weighted = error @ self.covariance
        value = np.einsum("...ij,...ij->...", weighted, error)
        back, gradients = 2 * weighted, []
        for k in range(len(layers) - 1, 0, -1):
            gradients.append(back @ np.swapaxes(prefixes[k - 1], -1, -2))
            back = np.swapaxes(layers[k], -1, -2) @ back
        gradients.append(back)
        batch = value.shape
        return value, np.concatenate([g.reshape(*batch, -1) for g in reversed(gradients)], axis=-1)

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return ∇²f(θ)v, shape (..., dim), by differentiating both sweeps along v."""
        theta = self._points(theta)
        vector = _validation.points("vector", vector, self.dim)
        batch = np.broadcast_shapes(theta.shape[:-1], vector.shape[:-1])
        layers, directions = self.split(theta), self.split(vector)
        prefixes, moves = [layers[0]], [directions[0]]
        for layer, direction in zip(layers[1:], directions[1:], strict=True):
            moves.append(direction @ prefixes[-1] + layer @ moves[-1])
            prefixes.append(layer @ prefixes[-1])
        back = 2 * (prefixes[-1] - self.target) @ self.covariance
        back_move = 2 * moves[-1] @ self.covariance
        products = []
        for k in range(len(layers) - 1, 0, -1):
            products.append(
                back_move @ np.swapaxes(prefixes[k - 1], -1, -2)
                + back @ np.swapaxes(moves[k - 1], -1, -2)
            )
            transposed = np.swapaxes(layers[k], -1, -2)
            back_move = transposed @ back_move + np.swapaxes(directions[k], -1, -2) @ back
            back = transposed @ back
        products.append(back_move)
        return np.concatenate(
            [
                np.broadcast_to(p, batch + p.shape[-2:]).reshape(*batch, -1)
                for p in reversed(products)
            ],
            axis=-1,
        )

    def hessian(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        return self.hessian_vector_product(theta[..., None, :], np.eye(self.dim))
