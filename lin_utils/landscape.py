"""Landscapes: differentiable functions of a flat parameter vector with a known minimum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array

__all__ = ["Landscape", "Smooth", "SquaredResidual"]


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
    scale : float
        A typical size of the parameters: what tolerances are relative to. 1 if a subclass
        does not set it.
    second_order_optimal : bool
        Whether a theorem says that all local minima are global; False if none is known.

    Notes
    -----
    Where a value overflows, it and its gradient are infinite; neither is ever NaN.
    """

    dim: int
    minimum: float
    scale: float = 1.0
    second_order_optimal: bool = False
    #: The size up to which a gap is a rounding error, whatever the value is.
    _rounding: float = 0.0

    @abstractmethod
    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        """Return f(θ) and ∇f(θ) in one pass.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        value : ndarray, shape (...)
            A NumPy scalar for one point.
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
            A NumPy scalar for one point.
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
            A NumPy scalar for one point.
        """
        return self.value(theta) - self.minimum

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return ∇²f(θ)v.

        Parameters
        ----------
        theta, vector : array_like, shape (..., dim)
            The point θ and the direction v; they broadcast.

        Returns
        -------
        ndarray, shape (..., dim)
        """
        theta, vector = self._points(theta), self._vectors(theta, vector)
        size = np.abs(vector).max(axis=-1, keepdims=True)  # what is multiplied does not overflow
        unit = np.divide(vector, size, out=np.zeros_like(vector), where=size > 0)
        with np.errstate(over="ignore"):
            product: Array = (self.hessian(theta) @ unit[..., None])[..., 0] * size
        return product

    def _points(self, theta: ArrayLike) -> Array:
        return _validation.points("theta", theta, self.dim)

    def _vectors(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Check a direction, which broadcasts with the points."""
        return _beside(theta, "vector", vector, self.dim)

    def _evaluate(self, theta: Array) -> tuple[Array, Array]:
        """Return value and gradient in a descent, which looks for infinities itself."""
        return self.value_and_gradient(theta)


def _beside(theta: ArrayLike, name: str, value: ArrayLike, size: int) -> Array:
    """Check vectors, shape (..., size), whose leading axes broadcast with those of the points."""
    vectors = _validation.points(name, value, size)
    try:
        np.broadcast_shapes(np.shape(theta)[:-1], vectors.shape[:-1])
    except ValueError:
        raise ValueError(
            f"{name} must broadcast with theta of shape {np.shape(theta)}, got {vectors.shape}"
        ) from None
    return vectors


def inf_for_nan(array: Array) -> Array:
    """Put infinity in place of the difference of two infinities."""
    return np.where(np.isnan(array), np.inf, array)


def _product(first: Array, second: Array) -> Array:
    """Return a product of matrices that is infinite where it overflows, and never NaN."""
    with np.errstate(all="ignore"):
        return inf_for_nan(first @ second)


class SquaredResidual(Landscape):
    r"""A landscape that is the squared length of a residual.

    .. math::

       f(\theta) = \|r(\theta)\|^2, \qquad r(\theta) = \Phi(\theta) - y, \qquad J = D\Phi(\theta),
       \qquad \nabla f = 2J^\top r

    Subclasses provide `residual` and `jacobian` beside what a `Landscape` needs. The minimum is
    positive if no Φ(θ) comes near y.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

    Notes
    -----
    Three theorems ask only for r and J:

    - prop-residual-kernel: θ is critical just if Jᵀr = 0. So a set of points has no critical ones
      but global minima if r = 0 is the only residual of its points that their Jᵀ sends to zero.
    - thm-tangent-polyak: :math:`\|\nabla f\|^2 = 4\langle r, Kr\rangle \ge 4\lambda f`, with λ the
      smallest eigenvalue of the tangent kernel K = JJᵀ on a subspace in which r lies.
    - thm-tangent-weak-quasi-convexity: if r(θ*) = 0 and J(θ)(θ − θ*) = Mr with M + Mᵀ ⪰ αI, then
      :math:`\langle\nabla f, \theta - \theta^*\rangle = 2\langle r, Mr\rangle \ge \alpha f`.

    References
    ----------
    prop-residual-kernel; thm-tangent-polyak; thm-tangent-weak-quasi-convexity.

    Examples
    --------
    >>> import lin_utils as lu
    >>> f = lu.DeepLinear((1, 1, 1), [[1.0]])  # r = ab − 1
    >>> f.residual([2.0, 1.0]), f.jacobian([2.0, 1.0])  # J = (b, a)
    (array([1.]), array([[1., 2.]]))
    >>> f.derivative([2.0, 1.0], [1.0, 1.0]), f.adjoint([2.0, 1.0], [1.0])
    (array([3.]), array([1., 2.]))
    >>> f.tangent_kernel([2.0, 1.0])
    array([[5.]])
    """

    @abstractmethod
    def residual(self, theta: ArrayLike) -> Array:
        """Return r(θ) = Φ(θ) − y, whose squared length is f(θ).

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., size)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """

    @abstractmethod
    def jacobian(self, theta: ArrayLike) -> Array:
        """Return J = DΦ(θ), the derivative of the residual.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., size, dim)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel.
        """

    def derivative(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        """Return Jv, how the residual changes along a direction.

        Parameters
        ----------
        theta, vector : array_like, shape (..., dim)
            The point θ and the direction v; they broadcast.

        Returns
        -------
        ndarray, shape (..., size)
            Infinite where it overflows, and never NaN.

        References
        ----------
        thm-tangent-weak-quasi-convexity takes it at v = θ − θ*.
        """
        theta = self._points(theta)
        vector = self._vectors(theta, vector)
        return _product(self.jacobian(theta), vector[..., None])[..., 0]

    def adjoint(self, theta: ArrayLike, residual: ArrayLike) -> Array:
        """Return Jᵀr, which is half the gradient if r is the residual of θ.

        Parameters
        ----------
        theta : array_like, shape (..., dim)
        residual : array_like, shape (..., size)
            Any r; its leading axes broadcast with those of θ.

        Returns
        -------
        ndarray, shape (..., dim)
            Infinite where it overflows, and never NaN.

        References
        ----------
        prop-residual-kernel is about its kernel.
        """
        jacobian = self.jacobian(theta)
        residual = _beside(theta, "residual", residual, jacobian.shape[-2])
        return _product(jacobian.mT, residual[..., None])[..., 0]

    def tangent_kernel(self, theta: ArrayLike) -> Array:
        """Return K = JJᵀ, symmetric and positive semidefinite.

        Parameters
        ----------
        theta : array_like, shape (..., dim)

        Returns
        -------
        ndarray, shape (..., size, size)
            Infinite where it overflows, and never NaN.

        References
        ----------
        thm-tangent-polyak.
        """
        jacobian = self.jacobian(theta)
        return _product(jacobian, jacobian.mT)


class Smooth(_validation.Value, Landscape):
    """A landscape from plain functions: the gallery of chapter 1, or a reader's own.

    Parameters
    ----------
    value, gradient : callable
        Take points of shape ``(..., dim)`` and return f, shape ``(...)``, and ∇f,
        shape ``(..., dim)``. What they return has to be finite; else the point where it is
        not is named.
    dim : int
        The number of parameters.
    minimum : float
        The infimum of f.
    hessian : callable, optional
        Takes points and returns ∇²f, shape ``(..., dim, dim)``. Without it, the Hessian is
        that of central differences of ``gradient``, accurate to about 1e-9 relative.
    scale : float, optional
        A typical size of the parameters, > 0.
    name : str, optional
        What ``repr`` calls it.

    See Also
    --------
    Landscape : Values, gradients, gaps and Hessians, which this class has too.

    Examples
    --------
    >>> import numpy as np
    >>> import lin_utils as lu
    >>> bowl = lu.Smooth(lambda x: (x**2).sum(-1), lambda x: 2 * x, dim=2, minimum=0.0)
    >>> bowl
    Smooth(dim=2, minimum=0)
    >>> bowl.value([[0.0, 0.0], [3.0, 4.0]])
    array([ 0., 25.])
    >>> lu.polyak_ratio(bowl, [3.0, 4.0])
    np.float64(4.0)
    """

    def __init__(
        self,
        value: Callable[[Array], ArrayLike],
        gradient: Callable[[Array], ArrayLike],
        dim: int,
        minimum: float,
        hessian: Callable[[Array], ArrayLike] | None = None,
        *,
        scale: float = 1.0,
        name: str = "",
    ) -> None:
        self.dim = _validation.count("dim", dim, least=1)
        self.minimum = _validation.number("minimum", minimum)
        self.scale = _validation.positive("scale", scale)
        self._value = _validation.function("value", value)
        self._gradient = _validation.function("gradient", gradient)
        self._hessian = None if hessian is None else _validation.function("hessian", hessian)
        self._name = _validation.text("name", name)
        self._note(
            value=value,
            gradient=gradient,
            dim=self.dim,
            minimum=self.minimum,
            hessian=hessian,
            scale=self.scale,
            name=name,
        )

    def __repr__(self) -> str:
        return self._name or f"Smooth(dim={self.dim}, minimum={self.minimum:g})"

    def _call(self, name: str, theta: Array, shape: tuple[int, ...]) -> Array:
        """Call one of the reader's functions on a copy, and check what it returns."""
        with np.errstate(all="ignore"):  # what is not finite is refused below
            returned = getattr(self, f"_{name}")(theta.copy())
        return _validation.result(name, returned, shape, theta)[()]

    def value(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        return self._call("value", theta, theta.shape[:-1])

    def gradient(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        return self._call("gradient", theta, theta.shape)

    def value_and_gradient(self, theta: ArrayLike) -> tuple[Array, Array]:
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta: ArrayLike) -> Array:
        theta = self._points(theta)
        if self._hessian is not None:
            return self._call("hessian", theta, theta.shape + (self.dim,))
        step = self._step(theta)
        shifts = step[..., None] * np.eye(self.dim)
        centers = theta[..., None, :]
        difference = self.gradient(centers + shifts) - self.gradient(centers - shifts)
        jacobian: Array = difference / (2 * step[..., None])
        return (jacobian + np.swapaxes(jacobian, -1, -2)) / 2

    def hessian_vector_product(self, theta: ArrayLike, vector: ArrayLike) -> Array:
        theta = self._points(theta)
        vector = self._vectors(theta, vector)
        if self._hessian is not None:
            return super().hessian_vector_product(theta, vector)
        size = np.abs(vector).max(axis=-1, keepdims=True)
        unit = np.divide(vector, size, out=np.zeros_like(vector), where=size > 0)
        step = self._step(theta).max(axis=-1, keepdims=True)
        difference = self.gradient(theta + step * unit) - self.gradient(theta - step * unit)
        product: Array = difference / (2 * step) * size
        return product

    def _step(self, theta: Array) -> Array:
        """Return the step of the central differences in each coordinate."""
        step: Array = np.cbrt(np.finfo(float).eps) * np.maximum(self.scale, np.abs(theta))
        return (theta + step) - theta  # what is added in fact

    def _evaluate(self, theta: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            value = np.asarray(self._value(theta.copy()), dtype=float)
            gradient = np.asarray(self._gradient(theta.copy()), dtype=float)
        # Far away, where squares overflow, NaN is the difference of two infinities.
        far = np.abs(theta).max(axis=-1) > 1e50
        lost = np.isnan(value) | np.isnan(gradient).any(axis=-1)
        if value.shape != theta.shape[:-1] or gradient.shape != theta.shape or (lost & ~far).any():
            return self.value_and_gradient(theta)  # which says what is wrong
        return np.where(lost, np.inf, value), np.where(lost[..., None], np.inf, gradient)


def checked(landscape: Landscape) -> Landscape:
    """Return the argument if it is a landscape."""
    if not isinstance(landscape, Landscape):
        raise _validation.refuse("landscape", "a lin_utils.Landscape", landscape)
    return landscape


def evaluate(landscape: Landscape, theta: ArrayLike) -> tuple[Array, Array, Array]:
    """Return points, values and gradients, all checked: a landscape may be a reader's own."""
    landscape = checked(landscape)
    theta = _validation.points("theta", theta, landscape.dim)
    value, gradient = landscape.value_and_gradient(theta)
    value = _validation.result("the landscape's value", value, theta.shape[:-1], theta)
    gradient = _validation.result("the landscape's gradient", gradient, theta.shape, theta)
    return theta, value, gradient


def evaluate_hessian(landscape: Landscape, theta: Array) -> Array:
    """Return checked Hessians at checked points."""
    hessian, shape = landscape.hessian(theta), (*theta.shape, landscape.dim)
    return _validation.result("the landscape's Hessian", hessian, shape, theta)
