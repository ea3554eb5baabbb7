"""Deep linear networks: the squared loss of a product of matrices (chapter 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation
from .landscape import Landscape

__all__ = ["DeepLinear"]

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


def _square_root(covariance: Array) -> Array:
    """Return the positive semidefinite square root of a checked covariance."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    # The root of a rounding error would be a direction of size 1e-8.
    kept = np.where(eigenvalues > 1e-13 * eigenvalues[-1], eigenvalues, 0.0)
    return (vectors * np.sqrt(np.maximum(kept, 0.0))) @ vectors.T


def _thin_product(first: Array, second: Array, out: Array | None = None) -> Array:
    """Multiply batches of tiny matrices in Fortran order: the loop over the batch is innermost."""
    return np.einsum("...ij,...jk->...ik", first, second, out=out, order="F")


def _inner(first: Array, second: Array) -> Array:
    """Return the sum of products of entries, shape (...), of matrices (..., m, n)."""
    return np.einsum("...ij,...ij->...", first, second)


def _tiny(singular_values: Array) -> float:
    """Singular values up to this size are rounding errors of 0."""
    return 1e-12 * max(1.0, float(singular_values.max()))


class DeepLinear(Landscape):
    r"""The squared loss of a deep linear network, as a function of its layers.

    .. math:: f(A_1, \ldots, A_L) = \operatorname{tr}(E\Sigma E^\top), \qquad E = A_L\cdots A_1 - B

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
    singular_values : ndarray
        Those of BΣ^{1/2}, largest first.
    shapes : tuple of (int, int)
        The layers' shapes.
    dim : int
        Σ_k d_k d_{k−1}: θ is A_1, …, A_L flattened row by row, in this order.
    minimum : float
        The sum of the squared singular values of BΣ^{1/2} after the first min_k d_k.
    constant : float
        What the mean loss of data has more than f (see `from_data`); 0 otherwise.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

    Notes
    -----
    One sweep forward and one back give f and its gradient by 3(L − 1) + 1 matrix products:

    .. math::

       \frac{\partial f}{\partial A_k}
       = 2\,(A_L\cdots A_{k+1})^\top E\Sigma\,(A_{k-1}\cdots A_1)^\top

    References
    ----------
    Its critical points: thm-critical-values, thm-kawaguchi, cor-two-layers. Its saddle at zero:
    prop-zero-saddle, prop-escape-time. Baldi and Hornik (1989); Kawaguchi (2016).

    Examples
    --------
    >>> import lin_utils as lu
    >>> f = lu.DeepLinear((1, 1, 1), [[1.0]])  # (ab - 1)²
    >>> f.value([[0.0, 0.0], [2.0, 0.5]])
    array([1., 0.])
    >>> f.gradient([2.0, 1.0])  # 2(ab − 1)(b, a)
    array([2., 4.])
    """

    second_order_optimal = True  # Kawaguchi's theorem

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
        self._ends = list(accumulate((r * c for r, c in self.shapes), initial=0))
        self.dim = self._ends[-1]
        self._doubled = 2 * self.covariance
        # For `hessian`: where the row i and the column j of each entry of θ stand among the
        # rows and among the columns of all layers.
        self._width_ends = list(accumulate(self.widths, initial=0))
        self._row = np.concatenate(
            [
                np.repeat(np.arange(end - self.widths[0], end - self.widths[0] + rows), columns)
                for end, (rows, columns) in zip(self._width_ends[1:], self.shapes, strict=False)
            ]
        )
        self._column = np.concatenate(
            [
                np.tile(np.arange(end, end + columns), rows)
                for end, (rows, columns) in zip(self._width_ends, self.shapes, strict=False)
            ]
        )
        self._root = _square_root(self.covariance)
        self.singular_values = np.linalg.svd(self.target @ self._root, compute_uv=False)
        self.minimum = float((self.singular_values[min(self.widths) :] ** 2).sum())
        self.constant = 0.0

    @classmethod
    def from_data(cls, widths: Sequence[int], x: ArrayLike, y: ArrayLike) -> Self:
        r"""Return the network whose f differs from the mean of ‖Wx − y‖² by a constant.

        With Σ the mean of xxᵀ and B = mean(yxᵀ) Σ⁺ the mean loss is

        .. math::

           \operatorname{mean}\|Wx - y\|^2 = \operatorname{tr}((W - B)\Sigma(W - B)^\top)
           + \operatorname{mean}\|y\|^2 - \operatorname{tr}(B\Sigma B^\top).

        The data need not be realizable, and Σ may be singular.

        Parameters
        ----------
        widths : sequence of int
            (d_0, …, d_L).
        x : array_like, shape (samples, d_0)
        y : array_like, shape (samples, d_L)

        Returns
        -------
        DeepLinear
            Its ``constant`` is mean ‖y‖² − tr(B Σ Bᵀ).

        References
        ----------
        lem-least-squares.

        Examples
        --------
        >>> import lin_utils as lu
        >>> f = lu.DeepLinear.from_data((1, 1, 1), [[1.0], [2.0]], [[1.0], [3.0]])
        >>> f.target.round(3)
        array([[1.4]])
        >>> (f.value([1.0, 1.0]) + f.constant).round(3)  # the mean of 0² and 1²
        np.float64(0.5)
        """
        x = _validation.finite_array("x", x, ndim=2)
        y = _validation.finite_array("y", y, ndim=2)
        if len(x) != len(y) or len(x) == 0:
            raise ValueError(
                f"x and y must have the same number >= 1 of rows, got shapes {x.shape}, {y.shape}"
            )
        covariance = x.T @ x / len(x)
        target = np.linalg.lstsq(x, y, rcond=None)[0].T
        network = cls(widths, target, covariance)
        network.constant = float(((x @ target.T - y) ** 2).sum() / len(x))
        return network

    @property
    def depth(self) -> int:
        """The number of layers L."""
        return len(self.shapes)

    def split(self, theta: ArrayLike) -> list[Array]:
        """Return the layers A_1, …, A_L of θ.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        list of ndarray
            The layer A_k has shape (..., d_k, d_{k−1}).
        """
        return self._views(self._points(theta))

    def _views(self, theta: Array) -> list[Array]:
        batch = theta.shape[:-1]
        if len(set(self.widths)) == 1:  # one view of all, then of each: faster than one by one
            layers = theta.reshape(*batch, self.depth, *self.shapes[0])
            return [layers[..., k, :, :] for k in range(self.depth)] if batch else list(layers)
        return [
            theta[..., start:end].reshape(*batch, *shape)
            for (start, end), shape in zip(pairwise(self._ends), self.shapes, strict=True)
        ]

    def join(self, layers: Sequence[ArrayLike]) -> Array:
        """Return the θ of the layers A_1, …, A_L.

        Parameters
        ----------
        layers : sequence of array_like
            The layer A_k has shape (..., d_k, d_{k−1}); the leading axes broadcast.

        Returns
        -------
        ndarray, shape (..., dim)
        """
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
        """Return the end-to-end map W = A_L⋯A_1.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d_L, d_0)
        """
        return self._prefixes(self.split(theta))[-1]

    def critical_values(self, most: int | None = None) -> Array:
        r"""Return the values of f at its critical points, smallest first.

        With σ_1, …, σ_r the nonzero singular values of BΣ^{1/2} and p = min_k d_k these are

        .. math:: \sum_{i \notin S} \sigma_i^2, \qquad S \subseteq \{1, \ldots, r\}, \; |S| \le p.

        For L = 1 there is only S = {1, …, r}.

        Parameters
        ----------
        most : int, optional
            How many of the smallest to return; all if not given, which needs r ≤ 20.

        Returns
        -------
        ndarray
            One entry for each S, so equal sums are repeated.

        References
        ----------
        thm-critical-values; Baldi and Hornik (1989) for L = 2.

        Examples
        --------
        >>> import lin_utils as lu
        >>> lu.DeepLinear((2, 2, 2), [[2.0, 0.0], [0.0, 1.0]]).critical_values()
        array([0., 1., 4., 5.])
        """
        squares = self.singular_values[self.singular_values > _tiny(self.singular_values)] ** 2
        if self.depth == 1:
            return np.array([0.0])
        if most is None and len(squares) > 20:
            raise ValueError(
                f"all 2^{len(squares)} critical values are too many: give most, a number of them"
            )
        most = None if most is None else _validation.count("most", most, least=1)
        # losses[k] holds the sums over sets S of k indices among those seen so far.
        losses = [np.array([0.0])] + [np.array([])] * min(min(self.widths), len(squares))
        for square in squares:
            kept = [np.array([]), *losses[:-1]]
            losses = [
                np.sort(np.concatenate([dropped + square, keep]))[:most]
                for dropped, keep in zip(losses, kept, strict=True)
            ]
        return np.sort(np.concatenate(losses))[:most]

    def critical_point(self, keep: Sequence[int]) -> Array:
        """Return a critical point θ whose end-to-end map keeps the given singular directions.

        WΣ^{1/2} is the sum of σ_i u_i v_iᵀ over the i that are kept, and f(θ) the sum of the
        other σ_i².

        Parameters
        ----------
        keep : sequence of int
            Distinct indices of nonzero singular values of BΣ^{1/2}, counted from 0, at most
            min_k d_k of them. A network of depth 1 has no critical points but the minima.

        Returns
        -------
        ndarray, shape (dim,)

        References
        ----------
        thm-critical-values.

        Examples
        --------
        >>> import lin_utils as lu
        >>> f = lu.DeepLinear((2, 2, 2), [[2.0, 0.0], [0.0, 1.0]])
        >>> f.value(f.critical_point([1])).round(9)  # what is left: 2²
        np.float64(4.0)
        """
        rank = int((self.singular_values > _tiny(self.singular_values)).sum())
        keep = [_validation.count("every index in keep", i) for i in keep]
        allowed = min(rank, *self.widths)
        if len(set(keep)) < len(keep) or len(keep) > allowed or max(keep, default=0) >= rank > 0:
            raise ValueError(
                f"keep must have at most {allowed} distinct indices below {rank}, got {keep}"
            )
        if self.depth == 1 and len(keep) < rank:
            raise ValueError(f"for depth 1 keep must have all {rank} indices, got {keep}")
        u, sigma, vt = np.linalg.svd(self.target @ self._root, full_matrices=False)
        layers = [np.eye(rows, columns) for rows, columns in self.shapes]
        layers = [layer * (np.arange(layer.shape[1]) < len(keep)) for layer in layers]
        first = np.zeros(self.shapes[0])
        first[: len(keep)] = vt[keep] @ np.linalg.pinv(self._root, hermitian=True)
        last = u[:, keep] * sigma[keep]
        if self.depth == 1:
            return self.join([last @ first[: len(keep)]])
        layers[0] = first
        layers[-1] = np.zeros(self.shapes[-1])
        layers[-1][:, : len(keep)] = last
        return self.join(layers)

    def escape_perturbation(self, theta: ArrayLike, size: float) -> Array:
        r"""Move a rank-deficient critical point without changing W, to where ∇f ≠ 0.

        This is the construction in the proof of Kawaguchi's theorem. Let P_k = A_k⋯A_1 and
        let i − 1 be the last index with P_{i−1} of full row rank. The layers after A_i get
        multiples of w_k u_{k−1}ᵀ with u_k ⟂ range P_k, those before A_i multiples of
        w_k v_kᵀ with A_L⋯A_{k+1} w_k = 0.

        Parameters
        ----------
        theta : array_like, shape (dim,)
            With rank W < min_k d_k and (W − B)Σ ≠ 0.
        size : float
            The norm ε > 0 of the change of each layer but A_i.

        Returns
        -------
        ndarray, shape (dim,)
            At small ε the gradient there is nonzero, of order ε^{L−1} at least.

        References
        ----------
        thm-kawaguchi; cor-two-layers for L = 2. Kawaguchi (2016) has the theorem; the construction
        is the book's.
        """
        size = _validation.positive("size", size)
        layers = self.split(theta)
        if layers[0].ndim != 2:
            raise ValueError(f"theta must be one point, shape ({self.dim},), got {np.shape(theta)}")
        prefixes = self._prefixes(layers)
        scale = [max(1.0, np.linalg.norm(prefix, 2)) for prefix in prefixes]
        ranks = [
            np.linalg.matrix_rank(prefix, tol=1e-6 * s)
            for prefix, s in zip(prefixes, scale, strict=True)
        ]
        if ranks[-1] >= min(self.widths):
            raise ValueError(
                f"theta must have rank W < {min(self.widths)}, got rank {ranks[-1]} at 1e-6"
            )
        full = [k for k, rank in enumerate(ranks, start=1) if rank == self.widths[k]]
        i = max(full, default=0) + 1
        slope = (prefixes[-1] - self.target) @ self.covariance
        # Below A_i: the last right singular vector of A_L⋯A_{k+1} is in its kernel.
        suffix, kernel = np.eye(self.widths[-1]), {}
        for k in range(self.depth, 0, -1):
            kernel[k] = np.linalg.svd(suffix)[2][-1]
            suffix = suffix @ layers[k - 1]
        for k in range(1, i):
            v = np.linalg.svd(slope)[2][0] if k == 1 else kernel[k - 1]
            layers[k - 1] = layers[k - 1] + size * np.outer(kernel[k], v)
        # Above A_i: the last left singular vector of P_k is orthogonal to its range.
        prefixes = [np.eye(self.widths[0]), *self._prefixes(layers)]
        outside = [np.linalg.svd(prefix)[0][:, -1] for prefix in prefixes]
        for k in range(i + 1, self.depth + 1):
            w = outside[k]
            if k == self.depth:
                w = np.linalg.svd(slope @ prefixes[i - 1].T)[0][:, 0]
            layers[k - 1] = layers[k - 1] + size * np.outer(w, outside[k - 1])
        return self.join(layers)

    def value(self, theta: ArrayLike) -> Array:
        error = self.end_to_end(theta) - self.target
        return np.einsum("...ij,...ij->...", error @ self.covariance, error)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        r"""Return f(θ) and ∇f(θ) by one forward and one backward sweep.

        .. math::
            \frac{\partial f}{\partial A_k} = 2 (A_L \cdots A_{k+1})^\top
            E \Sigma (A_{k-1} \cdots A_1)^\top

        with the error E: L − 1 products for the prefixes, one with Σ, 2(L − 1) for the sweep back.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        value : ndarray, shape (...)
        gradient : ndarray, shape (..., dim)

        References
        ----------
        prop-derivatives.
        """
        theta = self._points(theta)
        gradient = np.empty(theta.shape)
        if theta.ndim == 1:
            return self._sweeps(theta, gradient), gradient
        value = np.empty(theta.shape[:-1])
        # So many points at a time that what a sweep keeps of one layer stays in the cache.
        size = max(1, 6000 // max(self.widths) ** 2)
        flat = theta.reshape(-1, self.dim), gradient.reshape(-1, self.dim), value.reshape(-1)
        for start in range(0, value.size, size):
            points, slopes, values = (array[start : start + size] for array in flat)
            values[:] = self._sweeps(points, slopes)
        return value, gradient

    def _sweeps(self, theta: Array, gradient: Array) -> Array:
        """Return f of one point or of a row of them, and write ∇f to `gradient`."""
        thin = theta.ndim > 1 and max(self.widths) <= 4
        if thin:
            theta, product, inner = np.asfortranarray(theta), _thin_product, _inner
        elif theta.ndim > 1:
            product, inner = np.matmul, _inner
        else:  # what has the least overhead
            product, inner = np.ndarray.dot, np.vdot
        result = np.empty_like(theta) if thin else gradient
        layers, slots = self._views(theta), self._views(result)
        prefixes = [layers[0]]
        for layer in layers[1:]:
            prefixes.append(product(layer, prefixes[-1]))
        error = prefixes[-1] - self.target
        by_map = product(error, self._doubled)
        # The sweep carries the transpose: BLAS is slower at X Yᵀ than at the other products.
        back = by_map.mT
        for k in range(self.depth - 1, 0, -1):
            product(back.mT, prefixes[k - 1].mT, out=slots[k])
            back = product(back, layers[k])
        slots[0][...] = back.mT
        if thin:
            gradient[...] = result
        return inner(by_map, error) / 2

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return ∇²f(θ)v by differentiating both sweeps along v.

        Parameters
        ----------
        theta, vector : array_like, shape (..., dim)
            The point θ and the direction v; they broadcast.

        Returns
        -------
        ndarray, shape (..., dim)

        References
        ----------
        prop-derivatives.
        """
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
            products.append(back_move @ prefixes[k - 1].mT + back @ moves[k - 1].mT)
            transposed = layers[k].mT
            back_move = transposed @ back_move + directions[k].mT @ back
            back = transposed @ back
        products.append(back_move)
        return np.concatenate(
            [
                np.broadcast_to(p, batch + p.shape[-2:]).reshape(*batch, -1)
                for p in reversed(products)
            ],
            axis=-1,
        )

    def _partial_products(self, layers: Sequence[Array]) -> Array:
        """Return the block matrix of all A_k⋯A_{l+1}, 0 ≤ l ≤ k ≤ L: I for k = l, 0 for k < l."""
        ends = self._width_ends
        products = np.zeros((*layers[0].shape[:-2], ends[-1], ends[-1]))
        products[..., range(ends[-1]), range(ends[-1])] = 1
        for k, layer in enumerate(layers, start=1):
            above = products[..., ends[k - 1] : ends[k], : ends[k]]
            products[..., ends[k] : ends[k + 1], : ends[k]] = layer @ above
        return products

    def hessian(self, theta: ArrayLike) -> Array:
        r"""Return ∇²f(θ).

        With :math:`S_k = A_L \cdots A_{k+1}`, :math:`P_k = A_k \cdots A_1`,
        :math:`M_{kl} = A_{k-1} \cdots A_{l+1}` and the error E, the second derivative by entry
        (i, j) of A_k and entry (p, q) of A_l, k ≥ l, is

        .. math::
            2 (S_k^\top S_l)_{ip} (P_{k-1} \Sigma P_{l-1}^\top)_{jq}
            + 2 (M_{kl})_{jp} (P_{l-1} \Sigma E^\top S_k)_{qi},

        the second term for k > l only. The matrices of all k and l come from a few products.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., dim, dim)

        References
        ----------
        prop-derivatives.
        """
        theta = self._points(theta)
        products = self._partial_products(self._views(theta))
        first, last = self.widths[0], products.shape[-1] - self.widths[-1]
        suffixes, prefixes = products[..., last:, first:], products[..., :last, :first]
        between = products[..., :last, first:]
        error = products[..., last:, :first] - self.target
        weighted = prefixes @ self._doubled
        # Columns by the entry (p, q) of all layers, rows by i or j.
        outer = (suffixes.mT @ suffixes)[..., self._row]
        inner = (weighted @ prefixes.mT)[..., self._column]
        between = between[..., self._row]
        crossed = (suffixes.mT @ (error @ weighted.mT))[..., self._column]
        hessian = np.empty((*theta.shape, self.dim))
        for k, (rows, columns) in enumerate(self.shapes):
            start, end = self._ends[k : k + 2]
            i = slice(self._width_ends[k + 1] - first, self._width_ends[k + 2] - first)
            j = slice(self._width_ends[k], self._width_ends[k + 1])
            block = hessian[..., start:end, :]
            block = block.reshape(*theta.shape[:-1], rows, columns, self.dim)
            np.multiply(outer[..., i, None, :end], inner[..., None, j, :end], out=block[..., :end])
            block[..., :start] += crossed[..., i, None, :start] * between[..., None, j, :start]
            hessian[..., :start, start:end] = hessian[..., start:end, :start].mT
        return hessian
