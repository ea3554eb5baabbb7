"""Landscapes: differentiable functions of a flat parameter vector with a known minimum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _validation

__all__ = ["Landscape", "Smooth"]

Array = NDArray[np.float64]


class Landscape(ABC):
    """A differentiable function of a flat parameter vector with a known minimum.

    Points have shape ``(..., dim)``; the leading axes are a batch, so a thousand
    starting points are one call. Subclasses provide ``dim``, ``minimum``,
    `value_and_gradient` and `hessian`.

    Attributes
    ----------
    dim : int
        The number of parameters.
    minimum : float
        The infimum f* of the function over all parameters.
    second_order_optimal : bool
        Whether a theorem says that all local minima are global; False if none is known.
    """

    dim: int
    minimum: float
    second_order_optimal: bool = False

    @abstractmethod
    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Return f(θ) and ∇f(θ) in one pass.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        value : ndarray, shape (...)
        gradient : ndarray, shape (..., dim)
        """

    @abstractmethod
    def hessian(self, theta: ArrayLike) -> Array:
        """Return ∇²f(θ).

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., dim, dim)
        """

    def value(self, theta: ArrayLike) -> Array:
        """Return f(θ).

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (...)
        """
        return self.value_and_gradient(theta)[0]

    def gradient(self, theta: ArrayLike) -> Array:
        """Return ∇f(θ).

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., dim)
        """
        return self.value_and_gradient(theta)[1]

    def gap(self, theta: ArrayLike) -> Array:
        """Return f(θ) − f*, how far the value is above the minimum.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (...)
        """
        return self.value(theta) - self.minimum

    def _points(self, theta: ArrayLike) -> Array:
        return _validation.points("theta", theta, self.dim)


class Smooth(Landscape):
    """A landscape from plain functions: the gallery of chapter 1, or a reader's own.

    Parameters
    ----------
    value, gradient : callable
        Take points of shape ``(..., dim)`` and return f, shape ``(...)``, and ∇f,
        shape ``(..., dim)``.
    dim : int
        The number of parameters.
    minimum : float
        The infimum of f.
    hessian : callable, optional
        Takes points and returns ∇²f, shape ``(..., dim, dim)``. Without it, the Hessian is
        that of central differences of ``gradient``, accurate to about 1e-9 relative.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> bowl = lu.Smooth(lambda x: (x**2).sum(-1), lambda x: 2 * x, dim=2, minimum=0.0)
    >>> bowl.value([[0.0, 0.0], [3.0, 4.0]])
    array([ 0., 25.])
    >>> lu.polyak_ratio(bowl, [3.0, 4.0])
    array(4.)
    """

    def __init__(
        self,
        value: Callable[[Array], ArrayLike],
        gradient: Callable[[Array], ArrayLike],
        dim: int,
        minimum: float,
        hessian: Callable[[Array], ArrayLike] | None = None,
    ) -> None:
        self.dim = _validation.count("dim", dim, least=1)
        self.minimum = float(_validation.finite_array("minimum", minimum, ndim=0))
        self._value, self._gradient, self._hessian = value, gradient, hessian

    @staticmethod
    def _result(name: str, result: ArrayLike, shape: tuple[int, ...]) -> Array:
        array = np.asarray(result, dtype=float)
        if array.shape != shape:
            raise ValueError(f"{name} must return shape {shape} here, got {array.shape}")
        return array

    def value(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        return self._result("value", self._value(theta), theta.shape[:-1])

    def gradient(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        return self._result("gradient", self._gradient(theta), theta.shape)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        if self._hessian is not None:
            return self._result("hessian", self._hessian(theta), theta.shape + (self.dim,))
        step = np.finfo(float).eps ** (1 / 3) * np.maximum(1.0, np.abs(theta).max(-1))
        shifts = step[..., None, None] * np.eye(self.dim)
        centers = theta[..., None, :]
        difference = self.gradient(centers + shifts) - self.gradient(centers - shifts)
        jacobian = difference / (2 * step[..., None, None])
        return (jacobian + np.swapaxes(jacobian, -1, -2)) / 2
