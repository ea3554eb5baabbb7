"""Checks of arguments, shared by all modules: one wording for one kind of mistake.

Every check returns what it was given in the form that the caller needs, or raises a ValueError
that names the argument, what was given and what is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
T = TypeVar("T")
_NO_INTEGERS = (bool, np.bool_, np.timedelta64)  # though Python or NumPy count some as such


def shown(value: Any) -> str:
    """Return a short repr for a message; an object whose repr fails is named by its type."""
    try:
        text = f"shape {value.shape}" if getattr(value, "ndim", 0) else repr(value)
    except Exception:
        text = type(value).__name__
    return text if len(text) <= 80 else f"{text[:77]}..."


def refuse(name: str, needed: str, value: object) -> ValueError:
    """Return the error that all checks raise."""
    return ValueError(f"{name} must be {needed}, got {shown(value)}")


def real_array(name: str, value: ArrayLike) -> Array:
    """Return numbers as floats; strings, dates, booleans, complex and masked entries are none."""
    needed = "an array of real numbers"
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise refuse(name, f"{needed} without masked entries", value)
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and all(
            isinstance(entry, Real) and not isinstance(entry, bool) for entry in array.flat
        ):
            array = array.astype(float)  # long integers and fractions
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise refuse(name, needed, value) from error
    if array.dtype.kind not in "fiu":
        raise refuse(name, needed, value)
    with np.errstate(over="ignore"):  # a long double can be too long: then it is not finite
        return array.astype(float, copy=False)


def all_finite(array: Array) -> bool:
    """Tell whether there are neither NaN nor infinities."""
    return bool(np.logical_and.reduce(np.isfinite(array), axis=None))


def finite_array(name: str, value: ArrayLike, ndim: int | None = None) -> Array:
    """Return `value` as a float array, refusing NaN, infinities and a wrong number of axes."""
    if type(value) is np.ndarray and value.dtype == float:
        array: Array = value
    else:
        array = real_array(name, value)
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {array.shape}")
    if not all_finite(array):
        given = str(array) if array.ndim == 0 else "NaN or infinite entries"
        raise ValueError(f"{name} must be finite, got {given}")
    return array


def kept(array: Array) -> Array:
    """Return a copy that nobody can change: what an object keeps of its caller's arrays."""
    copy = np.array(array, dtype=float)
    copy.setflags(write=False)
    return copy


def vector(name: str, value: ArrayLike, least: int = 1) -> Array:
    """Return `value` as a finite array of one axis with at least so many entries."""
    array = finite_array(name, value, ndim=1)
    if array.size < least:
        raise ValueError(f"{name} must have at least {least} entries, got {array.size}")
    return array


def complex_vector(name: str, value: ArrayLike) -> tuple[Array, Array]:
    """Return the real and imaginary parts of a vector."""
    try:
        is_complex = np.iscomplexobj(value)
    except ValueError as error:  # rows of several lengths
        raise refuse(name, "a vector of complex numbers", value) from error
    array = np.asanyarray(value) if is_complex else vector(name, value)
    return vector(name, array.real), vector(name, array.imag)


def vectors(name: str, value: ArrayLike) -> Array:
    """Return `value` as a finite array of shape (..., n) with n >= 1."""
    array = finite_array(name, value)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., n) with n >= 1, got {array.shape}")
    return array


def points(name: str, value: ArrayLike, dim: int) -> Array:
    """Return `value` as a finite array of shape (..., dim)."""
    array = finite_array(name, value)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise ValueError(f"{name} must have shape (..., {dim}), got {array.shape}")
    return array


def point(name: str, value: ArrayLike, dim: int) -> Array:
    """Return `value` as one finite point, shape (dim,)."""
    array = finite_array(name, value)
    if array.shape != (dim,):
        raise ValueError(f"{name} must be one point, shape ({dim},), got {array.shape}")
    return array


def square(name: str, value: ArrayLike) -> Array:
    """Return `value` as a finite square matrix with at least one row."""
    array = finite_array(name, value, ndim=2)
    if array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(f"{name} must be a square matrix, got shape {array.shape}")
    return array


def number(name: str, value: float) -> float:
    """Return `value` as a finite float."""
    array = finite_array(name, value)
    if array.ndim != 0:
        raise refuse(name, "a number", value)
    return float(array)


def positive(name: str, value: float, below: float = np.inf) -> float:
    """Return `value` as a float in (0, below)."""
    x = number(name, value)
    if not 0 < x < below:
        raise refuse(name, "a number > 0" if below == np.inf else f"in (0, {below:.6g})", value)
    return x


def count(name: str, value: int, least: int = 0) -> int:
    """Return `value` as an int, refusing non-integers and anything below `least`."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, _NO_INTEGERS)
    if not is_integer or value < least:
        raise refuse(name, f"an integer >= {least}", value)
    if value > np.iinfo(np.int64).max:
        raise refuse(name, "an integer of at most 64 bits", value)
    return int(value)


def flag(name: str, value: bool) -> bool:
    """Return `value` as a bool, refusing what is only taken for one."""
    if not isinstance(value, (bool, np.bool_)):
        raise refuse(name, "True or False", value)
    return bool(value)


def text(name: str, value: str) -> str:
    """Return `value` if it is a string."""
    if not isinstance(value, str):
        raise refuse(name, "a string", value)
    return value


def function(name: str, value: Callable[..., T]) -> Callable[..., T]:
    """Return `value` if it can be called."""
    if not callable(value):
        raise refuse(name, "callable", value)
    return value


def instance(name: str, value: T, kind: type[T]) -> T:
    """Return `value` if it is of this class: a landscape, a system, a generator."""
    if not isinstance(value, kind):
        module = kind.__module__.partition(".")[0]
        raise refuse(name, f"a {module}.{kind.__name__}", value)
    return value


def generator(name: str, value: np.random.Generator) -> np.random.Generator:
    """Return `value` if it is a source of random numbers."""
    if not isinstance(value, np.random.Generator):
        raise refuse(name, "a numpy.random.Generator", value)
    return value


def mapping(name: str, value: Mapping[str, T]) -> dict[str, T]:
    """Return `value` as a dict, refusing other things than mappings from strings."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refuse(name, "a mapping whose keys are strings", value)
    return dict(value)


def sequence(name: str, value: Sequence[T], length: int | None = None) -> list[T]:
    """Return `value` as a list: of what can be iterated and is no string."""
    needed = "a sequence" if length is None else f"a sequence of {length}"
    try:
        items = None if isinstance(value, (str, bytes, Mapping)) else list(value)
    except TypeError:
        items = None
    if items is None or length not in (None, len(items)):
        raise refuse(name, needed, value)
    return items


def option(name: str, value: str, options: Sequence[str]) -> str:
    """Return `value` if it is one of the options."""
    if not isinstance(value, str) or value not in options:
        raise refuse(name, f"one of {', '.join(map(repr, options))}", value)
    return value


def result(name: str, value: Any, shape: tuple[int, ...], at: Array | None = None) -> Array:
    """Return what a reader's function returned: finite numbers of this shape.

    ``at`` has the points that it was called with, shape (..., dim): where something is not
    finite, the message has the first such point.
    """
    array = real_array(f"what {name} returns", value)
    if array.shape != shape:
        raise ValueError(f"{name} must return shape {shape} here, got {array.shape}")
    if not all_finite(array):
        where = ""
        if at is not None:
            batch = at.shape[:-1]
            bad = ~np.isfinite(array.reshape(*batch, -1)).all(axis=-1)
            index = tuple(int(i[0]) for i in np.nonzero(bad)) if batch else ()
            with np.printoptions(threshold=8, edgeitems=3):
                where = f" at theta = {at[index]}"
        raise ValueError(f"{name} must return finite numbers, got NaN or infinite entries{where}")
    return array


def coefficients(a: ArrayLike, c: ArrayLike) -> tuple[Array, Array]:
    """Return a and c, the coefficients of Q and P: two vectors of one length >= 1."""
    a, c = (finite_array(name, v, ndim=1) for name, v in (("a", a), ("c", c)))
    if a.shape != c.shape or a.size == 0:
        raise ValueError(f"a and c must have equal lengths >= 1, got {a.shape} and {c.shape}")
    return a, c


class Record:
    """What a computation found: a frozen dataclass whose arrays cannot change either."""

    def __post_init__(self) -> None:
        for field in self._fields().values():
            if isinstance(field, np.ndarray):
                field.setflags(write=False)

    def _fields(self) -> dict[str, Any]:
        return vars(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(self) is not type(other):
            return NotImplemented
        mine, others = self._fields(), other._fields()
        return all(np.array_equal(mine[name], others[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]


class Value:
    """An object that its arguments make: they are copied, cannot change, and say what is equal.

    A subclass notes them with `_note`, by the names that its constructor has; from then on the
    object can be compared, hashed, copied and pickled. What it keeps of arrays are `kept` copies.
    """

    _arguments: dict[str, Any]

    def _note(self, **arguments: Any) -> None:
        self._arguments = arguments

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__:
            raise AttributeError(f"{type(self).__name__}.{name} is read-only: make another object")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is read-only: make another object")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or type(self) is not type(other):
            return NotImplemented
        mine, others = self._arguments, other._arguments
        return all(np.array_equal(mine[name], others[name]) for name in mine)

    def __hash__(self) -> int:
        parts = (a.tobytes() if isinstance(a, np.ndarray) else a for a in self._arguments.values())
        return hash((type(self), *parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self._arguments), ()
