"""Deep linear networks: the squared loss of a product of matrices (chapter 2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from . import _validation
from ._validation import Array
from .landscape import SquaredResidual, inf_for_nan

__all__ = ["DeepLinear", "Pivots", "mode_strength", "mode_time"]

_EPS = float(np.finfo(float).eps)


def _checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    checked = tuple(
        _validation.count("every one of widths", d, least=1)
        for d in _validation.sequence("widths", widths)
    )
    if len(checked) < 2:
        raise ValueError(f"widths must be (d_0, ..., d_L) with L >= 1, got {checked}")
    return checked


def _scales(matrix: Array) -> tuple[Array, Array]:
    """Return the roots s of the diagonal entries, 0 for the negative ones, and s sᵀ."""
    scales = np.sqrt(np.maximum(matrix.diagonal(), 0.0))
    return scales, np.outer(scales, scales)


def _correlation(matrix: Array) -> Array:
    """Return the covariance with every variable divided by its scale: all scales are alike."""
    _, products = _scales(matrix)
    return np.divide(matrix, products, out=np.zeros_like(matrix), where=products > 0)


def _covariance(covariance: ArrayLike | None, size: int) -> Array:
    """Check a covariance: square, symmetric, positive semidefinite; the identity if None.

    Each entry may be wrong by a rounding error, relative to the scales of its two variables.
    """
    if covariance is None:
        return np.eye(size)
    matrix = _validation.finite_array("covariance", covariance, ndim=2)
    if matrix.shape != (size, size):
        raise ValueError(f"covariance must have shape {(size, size)}, got {matrix.shape}")
    products = _scales(matrix)[1]
    allowed = 1e-10 * np.where(products > 0, products, np.abs(matrix).max())
    # Halves first, here and below: the sum of two large entries can overflow.
    if (np.abs(matrix / 2 - matrix.T / 2) > allowed / 2).any():
        raise ValueError("covariance must be symmetric, got an asymmetric matrix")
    matrix = matrix / 2 + matrix.T / 2
    lost = (products == 0) & (np.abs(matrix) > allowed)
    if lost.any() or np.linalg.eigvalsh(_correlation(matrix))[0] < -1e-10:
        raise ValueError(
            "covariance must be positive semidefinite, got smallest eigenvalue "
            f"{np.linalg.eigvalsh(matrix)[0]:.3g}"
        )
    return np.where(products == 0, 0.0, matrix)


def _factor(covariance: Array) -> tuple[Array, Array]:
    """Return R with Σ = RRᵀ and coordinates K, a left inverse of R's nonzero columns.

    BR has the singular values of BΣ^{1/2}. The eigenvalues are those of the correlation, so
    that variables of very different scales all count. The rows of K at the zero columns of R
    read what Σ does not see.
    """
    scales = _scales(covariance)[0]
    eigenvalues, vectors = np.linalg.eigh(_correlation(covariance))
    # The root of a rounding error would be a direction of size 1e-8.
    roots = np.sqrt(np.where(eigenvalues > 1e-13 * eigenvalues[-1], eigenvalues, 0.0))
    inverse = np.divide(1.0, roots, out=np.ones_like(roots), where=roots > 0)
    below = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales > 0)
    return scales[:, None] * vectors * roots, inverse[:, None] * vectors.T * below


#: The product of two matrices with the least overhead.
_dot = np.ndarray.dot


def _prefixes(layers: Sequence[Array], product: Callable[..., Array] = np.matmul) -> list[Array]:
    """Return P_1, …, P_L with P_k = A_k⋯A_1: L − 1 products."""
    prefixes = [layers[0]]
    for layer in layers[1:]:
        prefixes.append(product(layer, prefixes[-1]))
    return prefixes


def _unit(matrix: Array) -> Array:
    """Divide a matrix by its largest entry: its directions stay, and products do not overflow."""
    size = float(np.abs(matrix).max())
    return matrix / size if size > 0 else matrix


def _prefix_ranks(layers: Sequence[Array], scale: float, tolerance: float = 1e-6) -> list[int]:
    """Return the ranks of P_1, …, P_L at a tolerance relative to ‖A_k‖‖P_{k−1}‖ and to ‖P_k‖.

    What is smaller than the scale of a layer counts as if it had this scale: layers that are
    zero but for rounding have no rank.
    """
    prefix, ranks = np.eye(layers[0].shape[1] if layers else 1), []
    for layer in layers:
        prefix = layer / max(scale, float(np.abs(layer).max())) @ prefix
        singular_values = np.linalg.svd(prefix, compute_uv=False)
        largest = max(1.0, float(singular_values[0]))
        ranks.append(int((singular_values > tolerance * largest).sum()))
        prefix = prefix / largest
    return ranks


def _inner(first: Array, second: Array) -> Array:
    """Return the sum of products of entries, shape (...), of matrices (..., m, n)."""
    product: Array = np.einsum("...ij,...ij->...", first, second)
    return product


def _largest_square(points: Array) -> float:
    """Return the largest |θ|² of some points, without a warning where it overflows."""
    return float(np.einsum("...i,...i->...", points, points).max(initial=0.0))


def _norm(vector: Array) -> float:
    """Return the norm, without a warning where it overflows."""
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(vector))


@dataclass(frozen=True, eq=False)
class Pivots(_validation.Record):
    r"""The ranks at a critical point of a deep linear network, and the verdict that they give.

    Two layers j < k leave two products of the others: M = A_{k−1}⋯A_{j+1} between them, and

    .. math:: C_{jk} = (A_L\cdots A_{k+1})^\top\Delta\Sigma\,(A_{j-1}\cdots A_1)^\top

    across them, with Δ = W − B. A critical point that keeps the s largest singular values and is
    no minimum is a strict saddle just if rank M > s and C_jk ≠ 0 for some j < k.

    Attributes
    ----------
    rank : int
        s, the rank of WΣ^{1/2}: how many singular directions W keeps.
    skips : bool
        Whether W drops a larger singular value than one that it keeps: then the saddle is strict.
    between, across : ndarray of int, shape (L, L)
        The ranks of M and of C_jk at [j − 1, k − 1] for j < k; zero elsewhere.
    kind : str
        ``'global minimum'``, ``'strict saddle'`` or ``'saddle without negative curvature'``.

    See Also
    --------
    DeepLinear.pivots : What finds them.
    classify : The kind by the eigenvalues of the Hessian.

    References
    ----------
    thm-strict-saddles, thm-skipping-saddles, cor-flat-saddles.
    """

    rank: int
    skips: bool
    between: NDArray[np.int_]
    across: NDArray[np.int_]
    kind: str


class DeepLinear(_validation.Value, SquaredResidual):
    r"""The squared loss of a deep linear network, as a function of its layers.

    .. math::

       f(A_1, \ldots, A_L) = \operatorname{tr}(\Delta\Sigma\Delta^\top), \qquad
       \Delta = A_L\cdots A_1 - B

    Parameters
    ----------
    widths : sequence of int
        (d_0, …, d_L), each ≥ 1: layer A_k has shape (d_k, d_{k−1}).
    target : array_like, shape (d_L, d_0)
        The target map B.
    covariance : array_like, shape (d_0, d_0), optional
        Σ = E[xxᵀ], positive semidefinite; the identity if not given.
    constant : float, optional
        What the mean loss of data has more than f, see `from_data`. It is kept, and changes
        nothing else.

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
    scale : float
        ‖B‖^{1/L}, the size of L layers that share the target evenly; 1 if B = 0.
    constant : float
        What the mean loss of data has more than f; 0 if not given.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.
    SquaredResidual : Its residual, Jacobian and tangent kernel.

    Notes
    -----
    One sweep forward and one back give f and its gradient by 3(L − 1) + 1 matrix products:

    .. math::

       \frac{\partial f}{\partial A_k}
       = 2\,(A_L\cdots A_{k+1})^\top\Delta\Sigma\,(A_{k-1}\cdots A_1)^\top

    References
    ----------
    Its critical points: thm-critical-values, thm-kawaguchi, cor-two-layers. At zero:
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
        self,
        widths: Sequence[int],
        target: ArrayLike,
        covariance: ArrayLike | None = None,
        *,
        constant: float = 0.0,
    ) -> None:
        self.widths = _checked_widths(widths)
        target = _validation.finite_array("target", target, ndim=2)
        needed = (self.widths[-1], self.widths[0])
        if target.shape != needed:
            raise ValueError(
                f"target must have shape (d_L, d_0) = {needed} as in widths, got {target.shape}"
            )
        self.target = _validation.kept(target)
        self.covariance = _validation.kept(_covariance(covariance, self.widths[0]))
        self.constant = _validation.number("constant", constant)
        self._note(
            widths=self.widths,
            target=self.target,
            covariance=self.covariance,
            constant=self.constant,
        )
        self.shapes = tuple((rows, columns) for columns, rows in pairwise(self.widths))
        self._ends = list(accumulate((r * c for r, c in self.shapes), initial=0))
        self.dim = self._ends[-1]
        self._widest, self._is_square = max(self.widths), len(set(self.widths)) == 1
        self._stack = (self.depth, *self.shapes[0])
        self._few = min(50, 8000 // self._widest**2)  # points that need no parts
        size = float(np.linalg.norm(self.target, 2))
        self.scale = size ** (1 / self.depth) if size > 0 else 1.0
        self._root, self._coordinates = _factor(self.covariance)
        with np.errstate(all="ignore"):
            self._doubled = 2 * self.covariance
            compressed = self.target @ self._root
            total = float((compressed**2).sum())
        if not (np.isfinite(total) and _validation.all_finite(self._doubled)):
            raise ValueError(
                "target and covariance must be so small that tr(BΣBᵀ) and 2Σ are finite, "
                f"got entries up to {np.abs(target).max():.3g} and {self.covariance.max():.3g}"
            )
        singular_values = np.asarray(np.linalg.svd(compressed, compute_uv=False), dtype=float)
        self.singular_values = _validation.kept(singular_values)
        self._rank = int((singular_values > max(needed) * _EPS * singular_values[0]).sum())
        self.minimum = float((singular_values[min(self.widths) :] ** 2).sum())
        self._rounding = (100 * _EPS) ** 2 * total
        # By the inequality of the means, the norms of any m layers have a product of at most
        # (|θ|²/m)^{m/2}. Where |θ|² is below this bound, that is 2^200 for no more than L
        # layers: then nothing overflows, and what underflows is nothing beside the target.
        depth = min(self.depth, 277)
        small = max(np.abs(m).max() * max(m.shape) for m in (self.target, self.covariance)) < 1e30
        self._safe = depth * 2.0 ** (400 / depth) if small else 0.0
        self._width_ends = list(accumulate(self.widths, initial=0))

    def __repr__(self) -> str:
        return f"DeepLinear(widths={self.widths})"

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
        widths = _checked_widths(widths)
        ends = (widths[0], widths[-1])
        if (x.shape[1], y.shape[1]) != ends:
            raise ValueError(
                f"x and y must have (d_0, d_L) = {ends} columns as in widths, "
                f"got shapes {x.shape}, {y.shape}"
            )
        # Columns of one size: lstsq drops what is small beside the rest.
        sizes = np.abs(x).max(axis=0)
        if (sizes[sizes > 0] < 1e-140).any():
            raise ValueError(
                "x must have columns that are 0 or not so small that their squares underflow, "
                f"got one with entries up to {sizes[sizes > 0].min():.3g}"
            )
        sizes[sizes == 0] = 1.0
        with np.errstate(all="ignore"):
            covariance = x.T @ x / len(x)
            target = (np.linalg.lstsq(x / sizes, y, rcond=None)[0] / sizes[:, None]).T
            constant = float(((x @ target.T - y) ** 2).sum() / len(x))
        if not (_validation.all_finite(covariance) and np.isfinite(constant)):
            raise ValueError(
                "x and y must be so small that their mean squares are finite, "
                f"got entries up to {np.abs(x).max():.3g} and {np.abs(y).max():.3g}"
            )
        return cls(widths, target, covariance, constant=constant)

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
        return self._views(self._points(theta).copy())

    def _views(self, theta: Array) -> list[Array]:
        batch = theta.shape[:-1]
        if self._is_square:  # one view of all, then of each: faster than one by one
            layers = theta.reshape(batch + self._stack)
            if batch:
                return [layers[..., k, :, :] for k in range(self.depth)]
            return [layers[0], layers[1]] if self.depth == 2 else list(layers)
        return [
            theta[..., start:end].reshape(batch + shape)
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
        arrays = [
            _validation.finite_array("every one of layers", layer)
            for layer in _validation.sequence("layers", layers)
        ]
        given = tuple(array.shape[-2:] for array in arrays)
        if given != self.shapes:
            raise ValueError(f"layers must have shapes {self.shapes}, got {given}")
        try:
            batch = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
        except ValueError:
            raise ValueError(
                "layers must have leading axes that broadcast, got shapes "
                f"{', '.join(str(array.shape) for array in arrays)}"
            ) from None
        flat = [
            np.broadcast_to(array, batch + shape).reshape(*batch, shape[0] * shape[1])
            for array, shape in zip(arrays, self.shapes, strict=True)
        ]
        return np.concatenate(flat, axis=-1)

    def end_to_end(self, theta: ArrayLike) -> Array:
        """Return the end-to-end map W = A_L⋯A_1.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d_L, d_0)
        """
        theta = self._array(theta)
        if theta.size <= 2**21 and self._is_safe(theta):
            product = _prefixes(self._views(theta))[-1]
            return product.copy() if self.depth == 1 else product
        product = np.empty(theta.shape[:-1] + self.target.shape)
        points, products = theta.reshape(-1, self.dim), product.reshape(-1, *self.target.shape)
        for part in self._parts(len(points), 64000):
            some = points[part]
            some = some if self._is_safe(some) else self._balanced(some)[0]
            with np.errstate(all="ignore"):
                products[part] = inf_for_nan(_prefixes(self._views(some))[-1])
        return product

    @cached_property
    def _half(self) -> Array:
        """R with Σ = RRᵀ and rank Σ columns."""
        return self._root[:, self._root.any(axis=0)]

    def residual(self, theta: ArrayLike) -> Array:
        r"""Return the error ΔR of the map, flattened row by row, where Σ = RRᵀ.

        R has rank Σ columns, so that no entry is always zero; for Σ = I it is I. It is
        :math:`\Sigma^{1/2}` in other coordinates, so that
        :math:`\|\Delta R\|_F^2 = \|\Delta\Sigma^{1/2}\|_F^2 = f` with nothing left over. What f
        cannot lose, its ``minimum``, is a part of the residual that no layers of these widths
        take away; the ``constant`` of data is not in f, and not in the residual.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d_L rank Σ)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """
        with np.errstate(all="ignore"):
            error = inf_for_nan((self.end_to_end(theta) - self.target) @ self._half)
        return error.reshape(*error.shape[:-2], error.shape[-2] * error.shape[-1])

    def jacobian(self, theta: ArrayLike) -> Array:
        r"""Return the derivative of the residual ΔR.

        It is

        .. math:: \sum_k (A_L \cdots A_{k+1})\, dA_k\, (A_{k-1} \cdots A_1) R.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., d_L rank Σ, dim)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel; prop-derivatives.
        """
        theta = self._array(theta)
        if self._is_safe(theta):
            return self._jacobian(theta)
        theta, shifts = self._balanced(theta)
        with np.errstate(all="ignore"):
            return inf_for_nan(np.ldexp(self._jacobian(theta), shifts[..., None, :]))

    def _jacobian(self, theta: Array) -> Array:
        products = self._partial_products(self._views(theta))
        first, last = self.widths[0], products.shape[-1] - self.widths[-1]
        row, column = self._rows_and_columns
        after = products[..., last:, first:][..., row]
        before = (products[..., :last, :first] @ self._half)[..., column, :].mT
        entries = after[..., :, None, :] * before[..., None, :, :]
        return entries.reshape(*theta.shape[:-1], self._half.shape[1] * self.widths[-1], self.dim)

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
        most = None if most is None else _validation.count("most", most, least=1)
        squares = self.singular_values[: self._rank] ** 2
        if self.depth == 1:
            return np.array([0.0])
        if most is None and len(squares) > 20:
            raise ValueError(
                f"all 2^{len(squares)} critical values are too many: give most, a number of them"
            )
        # losses[k] holds the sums over sets S of k indices among those seen so far.
        losses = [np.array([0.0])] + [np.array([])] * min(min(self.widths), len(squares))
        for square in squares:
            kept = [np.array([]), *losses[:-1]]
            losses = [
                np.sort(np.concatenate([dropped + square, keep]))[:most]
                for dropped, keep in zip(losses, kept, strict=True)
            ]
        return np.sort(np.concatenate(losses))[:most]

    def critical_point(self, keep: Sequence[int], rest: Sequence[ArrayLike] | None = None) -> Array:
        r"""Return a critical point θ whose end-to-end map keeps the given singular directions.

        WΣ^{1/2} is the sum of σ_i u_i v_iᵀ over the i that are kept, and f(θ) the sum of the
        other σ_i². In bases adapted to BΣ^{1/2} the layers are

        .. math:: A_k = \begin{pmatrix} K_k & 0 \\ 0 & Z_k \end{pmatrix}

        with diagonal matrices K_k, whose product has the kept σ_i, and any Z_k with ∇f(θ) = 0:
        two of them zero, for example.

        Parameters
        ----------
        keep : sequence of int
            Distinct indices of nonzero singular values of BΣ^{1/2}, counted from 0, at most
            min_k d_k of them. A network of depth 1 has no critical points but the minima.
        rest : sequence of array_like, optional
            Z_1, …, Z_L of shapes (d_k − s, d_{k−1} − s) for s kept directions; zeros if not given.

        Returns
        -------
        ndarray, shape (dim,)

        References
        ----------
        thm-critical-values; with rest, points of each kind of thm-strict-saddles.

        Examples
        --------
        >>> import lin_utils as lu
        >>> f = lu.DeepLinear((2, 2, 2), [[2.0, 0.0], [0.0, 1.0]])
        >>> f.value(f.critical_point([1])).round(9)  # what is left: 2²
        np.float64(4.0)
        """
        rank = self._rank
        keep = [
            _validation.count("every index in keep", i) for i in _validation.sequence("keep", keep)
        ]
        kept, allowed = len(keep), min(rank, *self.widths)
        if len(set(keep)) < kept or kept > allowed or max(keep, default=-1) >= rank:
            raise ValueError(
                f"keep must have at most {allowed} distinct indices below {rank}, got {keep}"
            )
        if self.depth == 1 and kept < rank:
            raise ValueError(f"for depth 1 keep must have all {rank} indices, got {keep}")
        u, sigma, vt = np.linalg.svd(self.target @ self._root)
        left = np.hstack([u[:, keep], np.delete(u, keep, axis=1)])
        right = np.vstack([vt[keep], np.delete(vt, keep, axis=0)]) @ self._coordinates
        lengths = np.linalg.norm(right[:kept], axis=1)
        right[:kept] /= lengths[:, None]
        # Each layer gets the same share of what a direction is stretched by.
        shares = (sigma[keep] * lengths) ** (1 / self.depth)
        layers = [np.zeros(shape) for shape in self.shapes]
        for layer in layers:
            np.fill_diagonal(layer[:kept, :kept], shares)
        if rest is not None:
            self._fill_rest(layers, kept, rest)
        largest = max(np.abs(layer).max() for layer in layers)
        with np.errstate(all="ignore"):
            layers[0] = layers[0] @ right
            layers[-1] = left @ layers[-1]
        if rest is not None and not all(map(_validation.all_finite, layers)):
            raise ValueError(
                f"rest must be so small that the layers are finite, got entries up to {largest:.3g}"
            )
        theta = self.join(layers)
        if rest is not None and not np.abs(self._blocks(theta).diagonal()).max() <= 1e-9:
            raise ValueError(
                "rest must make a critical point, as it does where two of its matrices are zero, "
                f"got one with |∇f| = {_norm(self.gradient(theta)):.3g}"
            )
        return theta

    def _fill_rest(self, layers: list[Array], kept: int, rest: Sequence[ArrayLike]) -> None:
        blocks = _validation.sequence("rest", rest, self.depth)
        for layer, block in zip(layers, blocks, strict=True):
            block = _validation.finite_array("every one of rest", block, ndim=2)
            if block.shape != layer[kept:, kept:].shape:
                shapes = [(rows - kept, columns - kept) for rows, columns in self.shapes]
                raise ValueError(
                    f"rest must have shapes {shapes} for {kept} indices in keep, "
                    f"got one of {block.shape}"
                )
            layer[kept:, kept:] = block

    def change_bases(self, theta: ArrayLike, bases: Sequence[ArrayLike]) -> Array:
        r"""Return the layers in other bases between them: the end-to-end map stays.

        .. math:: A_k \mapsto g_kA_kg_{k-1}^{-1}, \qquad g_0 = I, \quad g_L = I

        Parameters
        ----------
        theta : array_like, shape (..., dim)
        bases : sequence of array_like
            g_1, …, g_{L−1}: invertible matrices of shapes (..., d_k, d_k).

        Returns
        -------
        ndarray, shape (..., dim)

        References
        ----------
        thm-strict-saddles, whose ranks do not depend on the bases.

        Examples
        --------
        >>> import lin_utils as lu
        >>> lu.DeepLinear((1, 1, 1), [[1.0]]).change_bases([2.0, 3.0], [[[2.0]]])
        array([4. , 1.5])
        """
        layers = self.split(theta)
        bases = _validation.sequence("bases", bases, self.depth - 1)
        for k, basis in enumerate(bases):
            basis = _validation.finite_array("every one of bases", basis)
            size = self.widths[k + 1]
            if basis.ndim < 2 or basis.shape[-2:] != (size, size):
                raise ValueError(
                    f"the matrix {k + 1} of bases must be {size} × {size}, got shape {basis.shape}"
                )
            if not (np.linalg.cond(basis) < 1 / _EPS).all():
                raise ValueError(f"bases must be invertible, got a singular matrix {k + 1}")
            try:
                with np.errstate(all="ignore"):
                    layers[k] = basis @ layers[k]
                    layers[k + 1] = layers[k + 1] @ np.linalg.inv(basis)
            except ValueError:
                raise ValueError(
                    "theta and bases must have leading axes that broadcast, got shapes "
                    f"{np.shape(theta)} and {basis.shape}"
                ) from None
        if not all(map(_validation.all_finite, layers)):
            raise ValueError(
                "theta and bases must be so that the layers are finite in the new bases, got "
                f"entries of theta up to {np.abs(theta).max():.3g}"
            )
        return self.join(layers)

    def imbalance(self, theta: ArrayLike) -> list[Array]:
        r"""Return what the gradient flow of every function of W conserves.

        .. math:: A_{k+1}^\top A_{k+1} - A_kA_k^\top, \qquad k = 1, \ldots, L - 1

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        list of ndarray
            L − 1 symmetric matrices of shapes (..., d_k, d_k); all are zero where the layers are
            balanced.

        References
        ----------
        prop-balance. Du, Hu and Lee (2018).

        Examples
        --------
        >>> import lin_utils as lu
        >>> lu.DeepLinear((1, 1, 1), [[1.0]]).imbalance([1.0, 3.0])  # 3² − 1²
        [array([[8.]])]
        """
        layers = self.split(theta)
        with np.errstate(all="ignore"):
            return [inf_for_nan(b.mT @ b - a @ a.mT) for a, b in pairwise(layers)]

    def orthogonal_start(
        self, scale: float, rng: np.random.Generator, size: Sequence[int] = ()
    ) -> Array:
        """Return random layers that are multiples of orthogonal matrices.

        Each is uniform (of Haar's measure): the determinant of a square one is 1 or −1 equally
        often. A layer that is not square is cut out of an orthogonal matrix, so that its rows or
        its columns are orthonormal. Where all widths are equal, the layers are balanced.

        Parameters
        ----------
        scale : float
            > 0: all singular values of all layers.
        rng : numpy.random.Generator
        size : sequence of int, optional
            The leading axes; () for one point.

        Returns
        -------
        ndarray, shape (..., dim)

        References
        ----------
        prop-balance. Saxe, McClelland and Ganguli (2014) start like this.

        Examples
        --------
        >>> import lin_utils as lu
        >>> import numpy as np
        >>> f = lu.DeepLinear((2, 2, 2), np.eye(2))
        >>> A1, A2 = f.split(f.orthogonal_start(0.1, np.random.default_rng(0)))
        >>> np.linalg.svd(A1, compute_uv=False).round(12)
        array([0.1, 0.1])
        """
        from scipy.stats import ortho_group  # slow to import, and few need it

        scale, rng = _validation.positive("scale", scale), _validation.generator("rng", rng)
        batch = [
            _validation.count("every one of size", n) for n in _validation.sequence("size", size)
        ]
        points = math.prod(batch)
        if points * self.dim > 2**30:
            raise _validation.refuse("size", "so small that θ has at most 2^30 numbers", size)
        layers = []
        for rows, columns in self.shapes:
            whole = max(rows, columns, 2)  # 1 × 1: an entry's sign
            matrices = ortho_group.rvs(whole, size=max(points, 1), random_state=rng)
            matrices = matrices.reshape(-1, whole, whole)[:points].reshape(*batch, whole, whole)
            cut = matrices[..., :rows, :columns]
            layers.append(scale * (np.sign(cut) if rows == columns == 1 else cut))
        return self.join(layers)

    def pivots(self, theta: ArrayLike, *, tolerance: float = 1e-6) -> Pivots:
        """Return the ranks that decide of which kind a critical point is.

        Parameters
        ----------
        theta : array_like, shape (dim,)
            A critical point.
        tolerance : float, optional
            What is smaller counts as zero, relative to the norms of the factors of a product of
            matrices, where no layer counts for less than ``scale``, or to f(0).

        Returns
        -------
        Pivots

        References
        ----------
        thm-strict-saddles, thm-skipping-saddles. Achour, Malgouyres and Gerchinovitz (2024).

        Examples
        --------
        >>> import lin_utils as lu
        >>> f = lu.DeepLinear((1, 1, 1, 1), [[1.0]])  # (abc - 1)²
        >>> f.pivots([0.0, 2.0, 0.0]).kind, f.pivots([0.0, 0.0, 0.0]).kind
        ('strict saddle', 'saddle without negative curvature')
        """
        tolerance = _validation.positive("tolerance", tolerance)
        theta = _validation.point("theta", theta, self.dim)
        layers, depth = self._unit_layers(theta), self.depth
        blocks = self._blocks(theta)
        sizes = np.linalg.norm(blocks.diagonal(axis1=0, axis2=1), axis=(0, 1))
        if not sizes.max() <= tolerance:
            raise ValueError(
                f"theta must be a critical point to the tolerance {tolerance:g}, "
                f"got |∇f(θ)| = {_norm(self.gradient(theta)):.3g}"
            )
        across = np.triu(np.linalg.matrix_rank(blocks, tol=tolerance), 1)
        between = np.diag(self.widths[1:-1], 1) if depth > 1 else np.zeros((1, 1), dtype=int)
        for j in range(depth):
            between[j, j + 2 :] = _prefix_ranks(layers[j + 1 : -1], 1.0, tolerance)
        kept = np.linalg.svd(self.end_to_end(theta) @ self._root, compute_uv=False)
        # Where B = 0 nothing is kept, and W counts beside I.
        total = float((self.singular_values**2).sum()) or float(np.trace(self.covariance)) or 1.0
        largest = float(self.singular_values[0]) or total**0.5
        rank = int((kept / largest > tolerance).sum())
        squares = self.singular_values**2
        above = self.value(theta) - np.array([self.minimum, squares[rank:].sum()])
        minimal, highest = above / total <= tolerance
        strict = not highest or (across.astype(bool) & (between > rank)).any()
        kinds = ("strict saddle", "saddle without negative curvature")
        kind = "global minimum" if minimal else kinds[0 if strict else 1]
        return Pivots(rank=rank, skips=not highest, between=between, across=across, kind=kind)

    def _unit_layers(self, theta: Array) -> list[Array]:
        """Divide each layer by its norm, or by the scale where that is larger."""
        layers = self._views(theta)
        return [layer / max(self.scale, float(np.linalg.norm(layer, 2))) for layer in layers]

    def _blocks(self, theta: Array) -> Array:
        """Return all C_jk = R_kᵀΔΣP_{j−1}ᵀ for j ≤ k, of `_unit_layers` and relative to BΣ.

        C_kk is half the gradient in A_k. The matrices are filled up with zeros to one shape.
        """
        layers = self._unit_layers(theta)
        prefixes = [np.eye(self.widths[0]), *_prefixes(layers)]
        suffixes = [p.T for p in [np.eye(self.widths[-1]), *_prefixes([a.T for a in layers[::-1]])]]
        blocks = np.zeros((self.depth, self.depth, self._widest, self._widest))
        with np.errstate(all="ignore"):
            wanted = self.target @ self.covariance
            slope = self.end_to_end(theta) @ self.covariance - wanted
            slope /= np.linalg.norm(wanted) or np.linalg.norm(self.covariance) or 1.0
            for j in range(self.depth):
                for k in range(j, self.depth):
                    block = suffixes[self.depth - 1 - k].T @ slope @ prefixes[j].T
                    blocks[j, k, : block.shape[0], : block.shape[1]] = block
        return blocks

    def escape_perturbation(self, theta: ArrayLike, size: float) -> Array:
        r"""Move a rank-deficient critical point without changing W, to where ∇f ≠ 0.

        This is the construction in the proof of Kawaguchi's theorem. Let P_k = A_k⋯A_1 and
        let m − 1 be the last index with P_{m−1} of full row rank. The layers after A_m get
        multiples of x_k y_{k−1}ᵀ with y_k ⟂ range P_k, those before A_m multiples of
        z_k x_kᵀ with A_L⋯A_{k+1} z_k = 0.

        Parameters
        ----------
        theta : array_like, shape (dim,)
            With rank W < min_k d_k and (W − B)Σ ≠ 0.
        size : float
            The norm ε > 0 of the change of each layer but A_m.

        Returns
        -------
        ndarray, shape (dim,)
            At small ε the gradient there is nonzero, of order ε^{L−1} at least.

        References
        ----------
        thm-kawaguchi. Kawaguchi (2016) has the theorem; Zhang (2019) argues by perturbations, too.
        """
        size = _validation.positive("size", size)
        theta = _validation.point("theta", theta, self.dim)
        layers = self._views(theta)
        ranks = _prefix_ranks(layers, self.scale)
        if ranks[-1] >= min(self.widths):
            raise ValueError(
                f"theta must have rank W < {min(self.widths)}, got rank {ranks[-1]} at 1e-6"
            )
        full = [k for k, rank in enumerate(ranks, start=1) if rank == self.widths[k]]
        m = max(full, default=0) + 1
        with np.errstate(all="ignore"):
            mapped = self._finite_prefixes(layers)[-1] @ self.covariance
            wanted = self.target @ self.covariance
            slope = mapped - wanted
            if not np.abs(slope).max() > 1e-9 * max(np.abs(mapped).max(), np.abs(wanted).max()):
                raise ValueError("theta must have (W − B)Σ ≠ 0, got a global minimum")
            # Below A_m: the last right singular vector of A_L⋯A_{k+1} is in its kernel.
            suffix, kernel = np.eye(self.widths[-1]), {}
            for k in range(self.depth, 0, -1):
                kernel[k] = np.linalg.svd(suffix)[2][-1]
                suffix = _unit(suffix @ _unit(layers[k - 1]))
            slope = _unit(slope)
            for k in range(1, m):
                x = np.linalg.svd(slope)[2][0] if k == 1 else kernel[k - 1]
                layers[k - 1] = layers[k - 1] + size * np.outer(kernel[k], x)
            # Above A_m: the last left singular vector of P_k is orthogonal to its range.
            prefixes = [np.eye(self.widths[0]), *self._finite_prefixes(layers)]
            outside = [np.linalg.svd(prefix)[0][:, -1] for prefix in prefixes]
            for k in range(m + 1, self.depth + 1):
                x = outside[k]
                if k == self.depth:
                    x = np.linalg.svd(slope @ _unit(prefixes[m - 1]).T)[0][:, 0]
                layers[k - 1] = layers[k - 1] + size * np.outer(x, outside[k - 1])
        return self.join(layers)

    def _finite_prefixes(self, layers: Sequence[Array]) -> list[Array]:
        prefixes = _prefixes(layers)
        if not _validation.all_finite(prefixes[-1] @ self.covariance):
            raise ValueError(
                "theta and size must be so small that the products of layers are finite, got "
                f"entries up to {max(np.abs(layer).max() for layer in layers):.3g}"
            )
        return prefixes

    def _parts(self, points: int, cached: int = 8000) -> Iterator[slice]:
        """Return slices of so many points that a layer of all stays in the cache.

        That is about ``cached`` entries of a layer, and not so many of θ that memory gets short.
        """
        step = max(1, min(cached // self._widest**2, 2**21 // self.dim))
        return (slice(start, start + step) for start in range(0, points, step))

    def _array(self, theta: ArrayLike) -> Array:
        """Check all of the points but whether they are finite, which `_is_safe` looks at."""
        if type(theta) is np.ndarray and theta.dtype == float and theta.shape[-1:] == (self.dim,):
            return theta
        return self._points(theta)

    def _is_safe(self, theta: Array) -> bool:
        """Tell whether no product at these points can overflow."""
        if np.vdot(theta, theta) < self._safe:  # which tells of no overflow
            return True
        if self._safe == 0:
            return False
        if theta.ndim > 1 and _largest_square(theta) < self._safe:
            return True
        # Deep and near the identity: the norms have a product of at most exp(√L |θ − I|).
        with np.errstate(all="ignore"):
            away = theta - self._identity
        return bool(_largest_square(away) < 138**2 / self.depth)

    @cached_property
    def _identity(self) -> Array:
        """θ of layers that are the identity, or a part of it."""
        return self.join([np.eye(*shape) for shape in self.shapes])

    def _balanced(self, theta: Array) -> tuple[Array, NDArray[np.int64]]:
        """Return layers of about one size with the same product, and the exponents to get them.

        The layers are multiplied by powers of two, so there is no rounding. f stays the same,
        and a derivative by an entry is multiplied by the power of two that the entry got.
        """
        theta = self._points(theta)
        sizes = np.maximum.reduceat(np.abs(theta), self._ends[:-1], axis=-1)
        exponents = np.frexp(sizes)[1].astype(np.int64)
        goals = exponents.sum(axis=-1, keepdims=True) * np.arange(self.depth + 1) // self.depth
        shifts = np.repeat(np.diff(goals) - exponents, np.diff(self._ends), axis=-1)
        return np.ldexp(theta, shifts), shifts

    def value(self, theta: ArrayLike) -> Array:
        return self._values(self._array(theta), None)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        r"""Return f(θ) and ∇f(θ) by one forward and one backward sweep.

        .. math::
            \frac{\partial f}{\partial A_k} = 2 (A_L \cdots A_{k+1})^\top
            \Delta \Sigma (A_{k-1} \cdots A_1)^\top

        with the error Δ: L − 1 products for the prefixes, one with Σ, 2(L − 1) for the sweep back.

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
        theta = self._array(theta)
        gradient = np.empty(theta.shape)
        return self._values(theta, gradient), gradient

    def _values(self, theta: Array, gradient: Array | None) -> Array:
        """Return f, and write ∇f to `gradient` if there is one."""
        if theta.ndim == 1 and gradient is not None and self._is_square and self.depth >= 6:
            return self._guarded(self._deep_sweeps, theta, gradient)
        if theta.ndim == 1 or theta.ndim == 2 and len(theta) <= self._few:
            return self._guarded(self._sweeps, theta, gradient)
        value = np.empty(theta.shape[:-1])
        points, values = theta.reshape(-1, self.dim), value.reshape(-1)
        slopes = None if gradient is None else gradient.reshape(-1, self.dim)
        for part in self._parts(value.size, 8000 if gradient is not None else 64000):
            some, slope = points[part], None if slopes is None else slopes[part]
            thin = self._widest <= 4 and len(some) >= 50 * self._widest
            sweeps = self._thin_sweeps if thin else self._sweeps
            values[part] = self._guarded(sweeps, some, slope)
        return value

    def _guarded(
        self, sweeps: Callable[[Array, Array | None], Array], theta: Array, gradient: Array | None
    ) -> Array:
        if self._is_safe(theta):
            return sweeps(theta, gradient)
        theta, shifts = self._balanced(theta)
        with np.errstate(all="ignore"):
            value = sweeps(theta, gradient)
            value = np.where(np.isfinite(value), value, np.inf)
            if gradient is not None:
                gradient[...] = inf_for_nan(np.ldexp(gradient, shifts))
                gradient[np.isinf(value)] = np.inf
        return value[()]

    def _sweeps(self, theta: Array, gradient: Array | None) -> Array:
        """Return f of one point or of a row of them, and write ∇f to `gradient` if there is one."""
        product, inner = (_dot, np.vdot) if theta.ndim == 1 else (np.matmul, _inner)
        layers = self._views(theta)
        prefixes = _prefixes(layers, product)
        error = prefixes[-1] - self.target
        by_map = product(error, self._doubled)
        if gradient is not None:
            slots = self._views(gradient)
            # The sweep carries the transpose: BLAS is slower at X Yᵀ than at the other products.
            back = by_map.mT
            for k in range(self.depth - 1, 1, -1):
                product(back.mT, prefixes[k - 1].mT, out=slots[k])
                back = product(back, layers[k])
            if self.depth == 1:
                slots[0][...] = back.mT
            else:
                product(back.mT, layers[0].mT, out=slots[1])
                product(layers[1].mT, back.mT, out=slots[0])
        return inner(by_map, error) / 2

    def _deep_sweeps(self, theta: Array, gradient: Array | None) -> Array:
        """Do the same for one point of many layers: the last L − 1 products are one call."""
        assert gradient is not None
        layers, slots = list(theta.reshape(self._stack)), gradient.reshape(self._stack)
        prefixes, backs = np.empty((2, *self._stack))
        prefixes[0] = product = layers[0]
        for layer, out in zip(layers[1:], list(prefixes)[1:], strict=True):
            product = layer.dot(product, out=out)
        error = product - self.target
        by_map = error.dot(self._doubled)
        backs[-1] = back = by_map.T
        for layer, out in zip(layers[:0:-1], list(backs)[-2::-1], strict=True):
            back = back.dot(layer, out=out)
        np.matmul(backs[1:].mT, prefixes[:-1].mT, out=slots[1:])
        slots[0] = back.T
        value: Array = np.vdot(by_map, error) / 2
        return value

    def _thin_sweeps(self, theta: Array, gradient: Array | None) -> Array:
        """Do the same for tiny layers of many points: the loop over these is the innermost."""
        columns = np.ascontiguousarray(theta.T)
        layers = self._thin_views(columns)
        prefixes = [layers[0]]
        for layer in layers[1:]:
            prefixes.append(np.einsum("ijn,jkn->ikn", layer, prefixes[-1]))
        error = prefixes[-1] - self.target[..., None]
        back = by_map = np.matmul(self._doubled, error)
        if gradient is not None:
            result = np.empty_like(columns)
            slots = self._thin_views(result)
            for k in range(self.depth - 1, 0, -1):
                np.einsum("ijn,kjn->ikn", back, prefixes[k - 1], out=slots[k])
                back = np.einsum("jin,jkn->ikn", layers[k], back, out=slots[0] if k == 1 else None)
            if self.depth == 1:
                slots[0][...] = back
            gradient[...] = result.T
        value: Array = np.einsum("ijn,ijn->n", by_map, error) / 2
        return value

    def _thin_views(self, flat: Array) -> list[Array]:
        return [
            flat[start:end].reshape(*shape, -1)
            for (start, end), shape in zip(pairwise(self._ends), self.shapes, strict=True)
        ]

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
        theta = self._array(theta)
        vector = self._vectors(theta, vector)
        if theta.ndim == vector.ndim == 1:
            return self._guarded_product(theta, vector)
        theta, vector = np.broadcast_arrays(theta, vector)
        product = np.empty(theta.shape)
        points, vectors, products = (a.reshape(-1, self.dim) for a in (theta, vector, product))
        for part in self._parts(len(points), 16000):
            products[part] = self._guarded_product(points[part], vectors[part])
        return product

    def _guarded_product(self, theta: Array, vector: Array) -> Array:
        if self._is_safe(theta) and np.vdot(vector, vector) < 1e60:
            return self._move_sweeps(theta, vector)
        theta, shifts = self._balanced(theta)
        exponents = np.where(vector == 0, -(2**20), np.frexp(vector)[1] + shifts)
        largest = exponents.max(axis=-1, keepdims=True)
        with np.errstate(all="ignore"):
            product = self._move_sweeps(theta, np.ldexp(vector, shifts - largest))
            return inf_for_nan(np.ldexp(product, shifts + largest))

    def _move_sweeps(self, theta: Array, vector: Array) -> Array:
        """Return ∇²f(θ)v: both sweeps, and what they change by along v."""
        layers, directions = self._views(theta), self._views(vector)
        prefixes, moves = _prefixes(layers), [directions[0]]
        for layer, direction, prefix in zip(layers[1:], directions[1:], prefixes, strict=False):
            moves.append(direction @ prefix + layer @ moves[-1])
        back = (prefixes[-1] - self.target) @ self._doubled
        back_move = moves[-1] @ self._doubled
        product = np.empty(theta.shape)
        slots = self._views(product)
        for k in range(self.depth - 1, 0, -1):
            slots[k][...] = back_move @ prefixes[k - 1].mT + back @ moves[k - 1].mT
            transposed = layers[k].mT
            back_move = transposed @ back_move + directions[k].mT @ back
            back = transposed @ back
        slots[0][...] = back_move
        return product

    @cached_property
    def _rows_and_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the row i and the column j of each entry of θ stand among those of all layers."""
        row, column = [], []
        for start, (rows, columns) in zip(self._width_ends, self.shapes, strict=False):
            first = start + columns - self.widths[0]  # the rows of A_1 start at 0
            row.append(np.repeat(np.arange(first, first + rows), columns))
            column.append(np.tile(np.arange(start, start + columns), rows))
        return np.concatenate(row), np.concatenate(column)

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

        With :math:`R_k = A_L \cdots A_{k+1}`, :math:`P_k = A_k \cdots A_1`,
        :math:`M_{kl} = A_{k-1} \cdots A_{l+1}` and the error Δ, the second derivative by entry
        (i, j) of A_k and entry (p, q) of A_l, k ≥ l, is

        .. math::
            2 (R_k^\top R_l)_{ip} (P_{k-1} \Sigma P_{l-1}^\top)_{jq}
            + 2 (M_{kl})_{jp} (P_{l-1} \Sigma \Delta^\top R_k)_{qi},

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
        theta = self._array(theta)
        hessian = np.empty((*theta.shape, self.dim))
        if theta.ndim == 1:
            self._guarded_hessian(theta, hessian)
            return hessian
        points, hessians = theta.reshape(-1, self.dim), hessian.reshape(-1, self.dim, self.dim)
        for part in self._parts(len(points), 2**21 // self.dim**2 * self._widest**2):
            self._guarded_hessian(points[part], hessians[part])
        return hessian

    def _guarded_hessian(self, theta: Array, hessian: Array) -> None:
        if self._is_safe(theta):
            self._fill_hessian(theta, hessian)
            return
        theta, shifts = self._balanced(theta)
        with np.errstate(all="ignore"):
            self._fill_hessian(theta, hessian)
            exponents = shifts[..., :, None] + shifts[..., None, :]
            hessian[...] = inf_for_nan(np.ldexp(hessian, exponents))

    def _fill_hessian(self, theta: Array, hessian: Array) -> None:
        products = self._partial_products(self._views(theta))
        first, last = self.widths[0], products.shape[-1] - self.widths[-1]
        suffixes, prefixes = products[..., last:, first:], products[..., :last, :first]
        between = products[..., :last, first:]
        error = products[..., last:, :first] - self.target
        weighted = prefixes @ self._doubled
        row, column = self._rows_and_columns
        # Columns by the entry (p, q) of all layers, rows by i or j.
        outer = (suffixes.mT @ suffixes)[..., row]
        inner = (weighted @ prefixes.mT)[..., column]
        between = between[..., row]
        crossed = (suffixes.mT @ (error @ weighted.mT))[..., column]
        for k, (rows, columns) in enumerate(self.shapes):
            start, end = self._ends[k : k + 2]
            i = slice(self._width_ends[k + 1] - first, self._width_ends[k + 2] - first)
            j = slice(self._width_ends[k], self._width_ends[k + 1])
            block = hessian[..., start:end, :]
            block = block.reshape(*theta.shape[:-1], rows, columns, self.dim)
            np.multiply(outer[..., i, None, :end], inner[..., None, j, :end], out=block[..., :end])
            block[..., :start] += crossed[..., i, None, :start] * between[..., None, j, :start]
            hessian[..., :start, start:end] = hessian[..., start:end, :start].mT


def _tail(x: Array, missing: Array, power: float) -> Array:
    """Return Σ_{m≥1} x^{m+p}/(m+p) = ∫_0^x v^p/(1 − v) dv, for 0 ≤ p ≤ 1, of x and 1 − x.

    SciPy's hypergeometric function is wrong near x = 1, where this is −log(1 − x) and a series.
    """
    m, near = np.arange(1.0, 56.0), np.minimum(missing, 0.5)
    small = np.minimum(x, 0.5)
    below = small**power * np.polynomial.polynomial.polyval(small, [0, *(1 / (m + power))])
    # (1 − (1 − w)^p)/w is the sum of −C(p, m)(−w)^m/w.
    binomials = np.cumprod((m - 1 - power) / m)
    constant = special.digamma(power + 1) + np.euler_gamma
    rest = np.polynomial.polynomial.polyval(near, [constant, *(binomials / m)])
    tail: Array = np.where(x <= 0.5, below, -np.log(near) - rest)
    return tail


def _clock(u: Array, depth: int) -> Array:
    """Return an antiderivative of u^{2/L−2}/(1 − u): the time of a mode, in units of its own."""
    with np.errstate(all="ignore"):
        if depth == 1:
            return -np.where(u < 1, np.log1p(-u), np.log(u - 1))
        if depth == 2:
            return np.log(u / np.abs(1 - u))
        q, x, missing = 2 / depth, np.minimum(u, 1 / u), np.abs(1 - u) / np.maximum(u, 1)
        early = x ** (q - 1) / (q - 1) + np.expm1(q * np.log(x)) / q + _tail(x, missing, q)
        return np.where(u > 1, _tail(x, missing, 1 - q), early)


def _mode(
    depth: int, curvature: ArrayLike, **given: ArrayLike
) -> tuple[Array, Array, Array, Array, int]:
    """Check a mode; return what is given of it, by what its clock is faster than time, and L."""
    given["curvature"] = curvature
    checked = {name: _validation.finite_array(name, value) for name, value in given.items()}
    depth = _validation.count("depth", depth, least=1)
    for name, array in checked.items():
        least = ">= 0" if name == "t" else "> 0"
        if not ((array >= 0) if name == "t" else (array > 0)).all():
            raise _validation.refuse(name, least, given[name])
    try:
        first, start, target, variance = np.broadcast_arrays(*checked.values())
    except ValueError:
        shapes = ", ".join(str(array.shape) for array in checked.values())
        raise ValueError(f"{', '.join(checked)} must broadcast, got shapes {shapes}") from None
    with np.errstate(all="ignore"):
        pace = 2.0 * depth * variance * target ** (2 - 2 / depth)
        numbers = np.array([pace, 1 / pace, start / target, target / start])
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        raise ValueError(
            "start, target, depth and curvature must be so that start/target and "
            "2·depth·curvature·target^(2 − 2/depth) neither overflow nor underflow, got "
            f"{', '.join(_validation.shown(given[n]) for n in ('start', 'target', 'curvature'))}"
            f" at depth {depth}"
        )
    return first, start, target, pace, depth


def mode_strength(
    t: ArrayLike,
    start: ArrayLike,
    target: ArrayLike,
    depth: int,
    curvature: ArrayLike = 1.0,
) -> Array:
    r"""Return the strength that a singular mode of an aligned deep linear network has learned.

    It is the solution s(t) of

    .. math:: \dot s = 2L\lambda\,s^{2-2/L}(\beta - s), \qquad s(0) = s_0.

    For one layer s = β + (s₀ − β)e^{−2λt}, for two s = β/(1 + (β/s₀ − 1)e^{−4λβt}); for more the
    time is known in closed form, see `mode_time`, and s comes by bisection.

    Parameters
    ----------
    t : array_like
        The time of the gradient flow, ≥ 0. All arguments but the depth broadcast.
    start, target : array_like
        s₀ and β, > 0.
    depth : int
        L, the number of layers.
    curvature : array_like, optional
        λ > 0, the variance of the inputs in the mode's direction.

    Returns
    -------
    ndarray

    References
    ----------
    thm-aligned-dynamics. Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.mode_strength([0.0, 1.0, 2.0], start=0.01, target=1.0, depth=2).round(3)
    array([0.01 , 0.355, 0.968])
    """
    t, start, target, pace, depth = _mode(depth, curvature, t=t, start=start, target=target)
    with np.errstate(all="ignore"):
        wait = pace * t
        left, done = np.exp(-wait), -np.expm1(-wait)
        if depth == 1:
            return (start * left + target * done)[()]
        if depth == 2:
            return (target / (done + target / start * left))[()]
        first = start / target
        begun, low, high = _clock(first, depth), np.log(first), np.zeros(first.shape)
        for _ in range(64):  # bits of log s/β, whose sign does not change
            middle = (low + high) / 2
            early = _clock(np.exp(middle), depth) - begun <= wait
            low, high = np.where(early, middle, low), np.where(early, high, middle)
        return (target * np.exp(low))[()]


def mode_time(
    strength: ArrayLike,
    start: ArrayLike,
    target: ArrayLike,
    depth: int,
    curvature: ArrayLike = 1.0,
) -> Array:
    r"""Return when a singular mode of an aligned deep linear network has a given strength.

    With u = s/β this is

    .. math::

       t = \frac{\Phi(s/\beta) - \Phi(s_0/\beta)}{2L\lambda\,\beta^{2-2/L}}, \qquad
       \Phi'(u) = \frac{u^{2/L-2}}{1 - u},

    a logarithm for L ≤ 2 and a hypergeometric function for more layers.

    Parameters
    ----------
    strength : array_like
        s, between the start, which may be reached, and the target, which never is. All arguments
        but the depth broadcast.
    start, target : array_like
        s₀ and β, > 0.
    depth : int
        L, the number of layers.
    curvature : array_like, optional
        λ > 0, the variance of the inputs in the mode's direction.

    Returns
    -------
    ndarray

    References
    ----------
    thm-aligned-dynamics; prop-escape-time has bounds. Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> import lin_utils as lu
    >>> lu.mode_time(0.5, start=0.01, target=1.0, depth=2).round(4)  # log(99)/4
    np.float64(1.1488)
    """
    strength, start, target, pace, depth = _mode(
        depth, curvature, strength=strength, start=start, target=target
    )
    low, high = np.minimum(start, target), np.maximum(start, target)
    if not ((low <= strength) & (strength <= high) & (strength != target)).all():
        raise ValueError(
            "strength must be between start and target and not the target, "
            f"got {_validation.shown(strength)}"
        )
    with np.errstate(all="ignore"):
        wait = _clock(strength / target, depth) - _clock(start / target, depth)
        return np.asarray(wait / pace)[()]
