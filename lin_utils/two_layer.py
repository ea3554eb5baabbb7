"""Two-layer networks with a nonlinearity: beyond linear networks (epilogue)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array
from .landscape import SquaredResidual, inf_for_nan

__all__ = ["TwoLayer"]


class TwoLayer(_validation.Value, SquaredResidual):
    r"""The mean squared error of a two-layer network on given data, both layers trained.

    .. math::

       f(\theta) = \frac1N\sum_{i=1}^N\bigl(\Phi(\theta)_i - y_i\bigr)^2, \qquad
       \Phi(\theta)_i = \frac{1}{\sqrt m}\sum_{j=1}^m v_j\,s(\langle u_j, x_i\rangle)

    There are no biases: an entry of the inputs that is always 1 gives each unit one.

    Parameters
    ----------
    inputs : array_like, shape (N, d)
        The x_i.
    targets : array_like, shape (N,)
        The y_i.
    width : int
        The number of units m ≥ 1.
    activation : {'tanh', 'relu'}
        s, the hyperbolic tangent or max(0, z). At its kink the ReLU has the derivative 0.

    Attributes
    ----------
    inputs, targets : ndarray
        Copies that cannot be changed.
    width, dim : int
        m, and m(d + 1): θ is u_1, …, u_m, then v_1, …, v_m.
    activation : str
    minimum : float
        0; a lower bound only, where the network cannot fit the data.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.
    SquaredResidual : Its residual, Jacobian and tangent kernel.

    References
    ----------
    prop-width-curvature; thm-wide-network; prop-relu-bad-minima.

    Examples
    --------
    >>> import lin_utils as lu
    >>> f = lu.TwoLayer([[1.0], [-1.0]], [1.0, 2.0], width=1, activation="relu")
    >>> f.value([[1.0, 1.0], [-1.0, 2.0]])  # a fit of the first point; of the second
    array([2. , 0.5])
    """

    def __init__(self, inputs: ArrayLike, targets: ArrayLike, width: int, activation: str) -> None:
        self.inputs = _validation.kept(_validation.finite_array("inputs", inputs, ndim=2))
        self.targets = _validation.kept(_validation.finite_array("targets", targets, ndim=1))
        if len(self.inputs) != len(self.targets) or self.inputs.size == 0:
            raise ValueError(
                "inputs and targets must have shapes (N, d) and (N,) with N, d >= 1, got "
                f"{self.inputs.shape} and {self.targets.shape}"
            )
        self.width = _validation.count("width", width, least=1)
        self.activation = _validation.option("activation", activation, ("tanh", "relu"))
        self._note(
            inputs=self.inputs,
            targets=self.targets,
            width=self.width,
            activation=self.activation,
        )
        self.dim, self.minimum = self.width * (self.inputs.shape[1] + 1), 0.0
        with np.errstate(over="ignore"):
            zero = float((self.targets**2).mean())
        if not np.isfinite(zero):
            raise ValueError("targets must have squares that do not overflow")
        self._rounding = (100 * float(np.finfo(float).eps)) ** 2 * zero

    def __repr__(self) -> str:
        count, size = self.inputs.shape
        return (
            f"TwoLayer(inputs={count}×{size}, width={self.width}, activation={self.activation!r})"
        )

    def split(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Return the layers u and v of θ.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        u : ndarray, shape (..., m, d)
        v : ndarray, shape (..., m)
        """
        theta = self._points(theta).copy()
        u, v = theta[..., : -self.width], theta[..., -self.width :]
        return u.reshape(*v.shape, self.inputs.shape[1]), v

    def join(self, u: ArrayLike, v: ArrayLike) -> Array:
        """Return the θ of the layers u and v.

        Parameters
        ----------
        u : array_like, shape (..., m, d)
        v : array_like, shape (..., m)
            The leading axes broadcast.

        Returns
        -------
        ndarray, shape (..., dim)
        """
        u, v = _validation.finite_array("u", u), _validation.points("v", v, self.width)
        shape = (self.width, self.inputs.shape[1])
        if u.shape[-2:] != shape:
            raise ValueError(f"u must have shape (..., {shape[0]}, {shape[1]}), got {u.shape}")
        u = u.reshape(*u.shape[:-2], self.dim - self.width)
        try:
            batch = np.broadcast_shapes(u.shape[:-1], v.shape[:-1])
        except ValueError:
            raise ValueError(
                f"u and v must have leading axes that broadcast, got {u.shape[:-1]} and "
                f"{v.shape[:-1]}"
            ) from None
        parts = (np.broadcast_to(part, (*batch, part.shape[-1])) for part in (u, v))
        return np.concatenate(list(parts), axis=-1)

    def _units(self, theta: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """Return v, and s, s′ and s″ of the units at the inputs, shape (..., N, m)."""
        u, v = self.split(theta)
        z = self.inputs @ u.mT
        if self.activation == "relu":
            return v, np.maximum(z, 0.0), np.where(z > 0, 1.0, 0.0), np.zeros_like(z)
        s = np.tanh(z)
        return v, s, 1 - s**2, -2 * s * (1 - s**2)

    def _errors(self, v: Array, s: Array) -> Array:
        outputs = (s @ v[..., None])[..., 0] / np.sqrt(self.width)
        return inf_for_nan((outputs - self.targets) / np.sqrt(len(self.targets)))

    def residual(self, theta: ArrayLike) -> Array:
        r"""Return the errors, divided by √N so that f is the mean of their squares.

        .. math:: r_i = \frac{1}{\sqrt N}\bigl(\Phi(\theta)_i - y_i\bigr)

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., N)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """
        with np.errstate(all="ignore"):
            v, s, *_ = self._units(theta)
            return self._errors(v, s)

    def jacobian(self, theta: ArrayLike) -> Array:
        r"""Return the derivative of the residual.

        .. math::

           \frac{\partial r_i}{\partial u_j}
           = \frac{v_j\,s'(\langle u_j, x_i\rangle)}{\sqrt{Nm}}\,x_i, \qquad
           \frac{\partial r_i}{\partial v_j} = \frac{s(\langle u_j, x_i\rangle)}{\sqrt{Nm}}

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., N, dim)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """
        with np.errstate(all="ignore"):
            v, s, slope, _ = self._units(theta)
            by_u = (v[..., None, :] * slope)[..., None] * self.inputs[:, None, :]
            by_u = by_u.reshape(*s.shape[:-1], self.dim - self.width)
            scale = np.sqrt(self.width * len(self.targets))
            return inf_for_nan(np.concatenate([by_u, s], axis=-1) / scale)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            v, s, slope, _ = self._units(theta)
            errors = self._errors(v, s)
            value = np.vecdot(errors, errors)
            back = 2 * errors[..., None] / np.sqrt(self.width * len(self.targets))
            by_u = v[..., None] * ((slope * back).mT @ self.inputs)
            by_u = by_u.reshape(*v.shape[:-1], self.dim - self.width)
            gradient = inf_for_nan(np.concatenate([by_u, (s * back).sum(axis=-2)], axis=-1))
        return value, np.where(np.isinf(value)[..., None], np.inf, gradient)

    def hessian(self, theta: ArrayLike) -> Array:
        r"""Return ∇²f(θ) = 2JᵀJ + 2 Σ_i r_i ∇²r_i.

        The second derivatives of r_i that are not zero are

        .. math::

           \frac{\partial^2 r_i}{\partial u_j^2}
           = \frac{v_j\,s''(\langle u_j, x_i\rangle)}{\sqrt{Nm}}\,x_i x_i^\top, \qquad
           \frac{\partial^2 r_i}{\partial u_j\,\partial v_j}
           = \frac{s'(\langle u_j, x_i\rangle)}{\sqrt{Nm}}\,x_i.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., dim, dim)

        Raises
        ------
        ValueError
            If it overflows.

        References
        ----------
        prop-width-curvature has the size of ∇²r_i.
        """
        x, m = self.inputs, self.width
        unit = np.arange(m)[:, None]
        u, v = np.arange(self.dim - m).reshape(m, -1), self.dim - m + unit
        with np.errstate(all="ignore"):
            outer, _, slope, bend = self._units(theta)
            jacobian = self.jacobian(theta)
            weights = 2 * self.residual(theta)[..., None] / np.sqrt(m * len(x))
            hessian: Array = 2 * jacobian.mT @ jacobian
            curved = np.einsum("...nm,np,nq->...mpq", weights * bend * outer[..., None, :], x, x)
            mixed = (weights * slope).mT @ x
            hessian[..., u[:, :, None], u[:, None, :]] += curved
            hessian[..., u, v] += mixed
            hessian[..., v, u] += mixed
        if not _validation.all_finite(hessian):
            raise ValueError("theta must be near: the Hessian overflows at some of these points")
        return hessian
