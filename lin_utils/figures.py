"""Matplotlib pictures in one style: one function per kind, each returning the Figure.

A figure is 5 inches wide, so that its text can be read in the column of a phone. Its legend stands
below the axes, where no data are. Its colors are told from a white page and a dark one.

Matplotlib's ticks overflow near the ends of the range of floats: sizes beyond 1e300 are drawn at
1e300, and on a logarithmic axis those beyond 1e±150 at 1e±150.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator
from numpy.typing import ArrayLike

from . import _validation
from ._validation import Array
from .derivatives import GradientCheck
from .descent import Trajectory
from .landscape import Landscape, checked

__all__ = [
    "COLORS",
    "INK",
    "LEVELS",
    "STYLE",
    "curves",
    "implications",
    "landscape_contours",
    "matrices",
    "rates",
    "response_and_cone",
    "scatter",
    "taylor_remainder",
]

T = TypeVar("T")

#: Four of Okabe and Ito's colors, which survive color blindness, and two that read on a white page
#: as on a dark one, where the others of Okabe and Ito's are too light; their lines are broken, too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#A87000", "#8A63D2")

#: The gray of axes and text: as light as the contrast 4.5 on white allows. The site brightens it on
#: its dark pages, since no gray has that contrast on both.
INK = "#767676"

#: From low to high level lines; as visible on a white page as on a dark one.
LEVELS = LinearSegmentedColormap.from_list("levels", ["#8A55CC", "#2A7AB8", "#4C9081", "#858585"])

#: From negative to positive entries, through nothing at zero.
SIGNED = LinearSegmentedColormap.from_list(
    "signed", [(0.0, "#0072B2FF"), (0.5, "#0072B200"), (0.5, "#D55E0000"), (1.0, "#D55E00FF")]
)

#: The width of a figure, in inches.
WIDTH = 5.0

#: What Matplotlib is told for each figure: sizes for a phone, the ink, lines that differ in kind.
STYLE: dict[Any, Any] = {
    "axes.prop_cycle": cycler(color=COLORS, linestyle=["-", "-", "-", "-", "-.", ":"]),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "figure.figsize": (WIDTH, 3.4),
    "font.size": 11,
    "axes.titlesize": 11,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "lin_utils",
}

#: The width and height of the picture of `implications`, in inches.
SIZE = (WIDTH, 6.0)

SCALES = ("linear", "log")

#: Small digits of the font's own: those that mathematics sets are too small on a phone.
SUPERSCRIPTS = str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _label(name: str, value: str) -> str:
    """Check text of a picture; Matplotlib would find bad mathematics only when it draws."""
    value = _validation.text(name, value)
    for line in filter(is_math_text, value.split("\n")):
        try:
            MathTextParser("path").parse(line)
        except ValueError as error:
            raise _validation.refuse(name, "text with valid mathematics", value) from error
    return value


def _entries(name: str, value: Mapping[str, T]) -> dict[str, T]:
    """Check a mapping from the entries of a legend."""
    entries = _validation.mapping(name, value)
    for key in entries:
        if _label(f"every key of {name}", key).startswith("_"):  # a legend would leave it out
            raise _validation.refuse(f"every key of {name}", "without an underscore in front", key)
    return entries


def _some(name: str, value: Mapping[str, T]) -> dict[str, T]:
    """Check a mapping from the entries of a legend to what is drawn: at least one."""
    entries = _entries(name, value)
    if not entries:
        raise _validation.refuse(name, "a mapping with at least one entry", value)
    return entries


def _few(name: str, value: int, least: int, most: int) -> int:
    """Check a count; more grid points or level lines than anybody can see take minutes."""
    number = _validation.count(name, value, least)
    if number > most:
        raise _validation.refuse(name, f"an integer from {least} to {most}", value)
    return number


def _range(name: str, value: tuple[float, float]) -> tuple[float, float]:
    """Check the ends of an axis."""
    low, high = (_validation.number(name, end) for end in _validation.sequence(name, value, 2))
    if low >= high:
        raise _validation.refuse(name, "an increasing pair", value)
    return tuple(_drawn([low, high]))


def _drawn(values: ArrayLike, scale: str = "linear") -> Array:
    """Limit sizes to those that Matplotlib can draw; NaN and infinities leave gaps."""
    array: Array = np.asarray(values, dtype=float)
    array = np.where(np.isfinite(array), array, np.nan)
    if scale == "log":
        return np.where(array > 0, np.clip(array, 1e-150, 1e150), np.maximum(array, -1e150))
    array = np.clip(array, -1e300, 1e300)
    return array


def _places(name: str, value: Mapping[str, float] | None, scale: str) -> dict[str, float]:
    """Check where lines across the axes go, by their names."""
    places = {}
    for key, place in _entries(name, {} if value is None else value).items():
        check = _validation.positive if scale == "log" else _validation.number
        places[key] = float(_drawn(check(f"{name}[{key!r}]", place), scale))
    return places


def _columns(name: str, curve: ArrayLike | Trajectory, *, gaps: bool) -> Array:
    """Return a curve as one column; of a trajectory the values or the gaps, a column per run."""
    if isinstance(curve, Trajectory):
        array = curve.gaps if gaps else curve.values
        if array.size == 0:
            raise _validation.refuse(name, "a trajectory of at least one run", curve)
        return array.reshape(len(array), -1)
    array = _validation.real_array(name, curve)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a vector, not empty, got shape {array.shape}")
    return array[:, None]


def _plot(axes: Axes, x: Array, columns: Array, *style: str, label: str, **options: Any) -> None:
    """Draw curves in one color, with one entry in the legend."""
    (first, *others) = [axes.plot(x, column, *style, **options)[0] for column in columns.T]
    first.set_label(label)
    for line in others:
        line.set_color(first.get_color())


class _Powers(LogFormatterSciNotation):
    """Name the ticks of a logarithmic axis, with the exponents in the font's own digits."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = re.sub(
            r"\^\{(.*?)\}", lambda match: match[1].translate(SUPERSCRIPTS), super().__call__(x, pos)
        )
        return re.sub(r"\$|\\mathdefault|[{}]", "", text).replace(r"\times", "×")


def _finish(figure: Figure, axes: Axes, xscale: str, yscale: str) -> None:
    """Set the scales, and name what is drawn."""
    # A logarithmic axis that has nothing to show would warn about that.
    if xscale == "log" and not np.isfinite(axes.dataLim.minposx):
        axes.set_xlim(0.1, 10)
    if yscale == "log" and not np.isfinite(axes.dataLim.minposy):
        axes.set_ylim(0.1, 10)
    axes.set(xscale=xscale, yscale=yscale)
    for axis, scale in ((axes.xaxis, xscale), (axes.yaxis, yscale)):
        if scale == "log":
            axis.set_major_formatter(_Powers())
            axis.set_minor_formatter(_Powers(labelOnlyBase=False))
    _legend(figure, axes)


def _legend(figure: Figure, axes: Axes) -> None:
    """Put the legend below the axes, as wide as the figure allows, and make room for it."""
    handles, labels = axes.get_legend_handles_labels()
    if not labels or labels == [axes.get_ylabel()]:
        return
    size = plt.rcParams["font.size"]
    longest = max(TextPath((0, 0), label, size=size).get_extents().width for label in labels)
    room = 72 * WIDTH // (max(0.0, longest) + 4.1 * size)  # for columns with their lines and gaps
    columns = int(max(1, min(room, len(labels))))
    rows = math.ceil(len(labels) / columns)
    columns = math.ceil(len(labels) / rows)
    options: dict[str, Any] = {"ncols": columns, "columnspacing": 1.2}
    figure.legend(handles, labels, loc="outside lower center", **options)
    figure.set_figheight(figure.get_figheight() + 0.1 + 0.22 * rows)


def _broken(x: Array, y: Array, height: float) -> tuple[Array, Array]:
    """Break a line at poles: it leaps over the whole picture, against its course on both sides."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.diff(y)
        against = (steps[1:-1] * steps[:-2] < 0) & (steps[1:-1] * steps[2:] < 0)
        poles = np.flatnonzero(against & (np.abs(steps[1:-1]) > height)) + 2
    return np.insert(x, poles, np.nan), np.insert(y, poles, np.nan)


def landscape_contours(
    landscape: Landscape,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    paths: Trajectory | Sequence[ArrayLike | Trajectory] = (),
    labels: tuple[str, str] = ("a", "b"),
    *,
    title: str = "",
    resolution: int = 301,
    levels: int | Sequence[float] = 18,
    floor: float = 1e-2,
) -> Figure:
    """Draw the level lines of log(f − f*) of a landscape in the plane, and paths on it.

    Parameters
    ----------
    landscape : Landscape
        With ``dim == 2``.
    x_range, y_range : (float, float)
        The ends of each axis, in increasing order.
    paths : sequence of Trajectory or array_like, shape (t, 2), optional
        Their starts are circles, their ends stars, their steps dots where they can be told apart.
        The runs of a trajectory share a color.
    labels : (str, str), optional
    title : str, optional
    resolution : int, optional
        Grid points on each axis, from 2 to 2000; fewer make a lighter picture, for explorers.
    levels : int or sequence of float, optional
        About how many level lines, from 1 to 500; or two or more values of log₁₀(f − f*), rising,
        so that pictures of several landscapes have the same.
    floor : float, optional
        No line is drawn of a lower gap; a coarse grid needs a larger one, lest valleys break up.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        Also where the landscape is below its minimum.

    Examples
    --------
    >>> import lin_utils as lu
    >>> bowl = lu.log_bowl(dim=2)
    >>> run = lu.gradient_descent(bowl, [1.0, 0.5], step=0.1, steps=20)
    >>> figure = lu.figures.landscape_contours(bowl, (-2, 2), (-2, 2), [run])
    """
    if checked(landscape).dim != 2:
        raise ValueError(f"landscape must have dim 2 to be drawn, got {landscape.dim}")
    x_range, y_range = _range("x_range", x_range), _range("y_range", y_range)
    paths = [paths] if isinstance(paths, Trajectory) else _validation.sequence("paths", paths)
    drawn = [_path(f"paths[{i}]", path) for i, path in enumerate(paths)]
    xlabel, ylabel = (_label("labels", text) for text in _validation.sequence("labels", labels, 2))
    title = _label("title", title)
    resolution = _few("resolution", resolution, 2, 2000)
    wanted = _levels(levels)
    floor = _validation.positive("floor", floor)
    x, y = np.meshgrid(np.linspace(*x_range, resolution), np.linspace(*y_range, resolution))
    gap = np.maximum(_gap(landscape, np.stack([x, y], axis=-1), floor), max(floor / 10, 1e-300))
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        if isinstance(wanted, int):
            low, high = np.log10([max(gap.min(), floor), max(gap.max(), floor)])
            ticks = MaxNLocator(wanted + 1).tick_values(low, high)
            inside: Array = ticks[(ticks > low) & (ticks < high)]
            wanted = inside if inside.size > 1 else np.asarray(ticks)
        with warnings.catch_warnings():
            # Older versions of Matplotlib warn where a constant has no level lines.
            warnings.filterwarnings("ignore", "No contour levels")
            lines = axes.contour(x, y, np.log10(gap), levels=wanted, cmap=LEVELS, linewidths=1.1)
        spans = np.array([x_range[1] - x_range[0], y_range[1] - y_range[0]])
        lines.set_paths([_lighter(path, spans) for path in lines.get_paths()])
        figure.colorbar(lines, label="log₁₀(f − f*)")
        for i, runs in enumerate(drawn):
            color = COLORS[(i + 1) % len(COLORS)]
            for run in runs:
                few, dots = _seen(run, spans)
                axes.plot(*few.T, ".-", color=color, markersize=4, linewidth=1.5, markevery=dots)
                axes.plot(*run[0], "o", color=color)
                axes.plot(*run[-1], "*", color=color, markersize=11)
        axes.set(xlim=x_range, ylim=y_range, xlabel=xlabel, ylabel=ylabel, title=title)
    return figure


def _levels(levels: int | Sequence[float]) -> int | Array:
    """Check a number of level lines, or what they are."""
    if not np.iterable(levels):
        return _few("levels", levels, 1, 500)
    values = _validation.vector("levels", levels)
    if not 2 <= values.size <= 500 or not (np.diff(values) > 0).all() or np.abs(values).max() > 300:
        raise _validation.refuse(
            "levels", "from 2 to 500 numbers in [-300, 300], increasing", levels
        )
    return values


def _lighter(path: Path, spans: Array) -> Path:
    """Leave out the points of a level line that nobody would miss, by Douglas and Peucker."""
    kept = []
    path.should_simplify = False  # Matplotlib would take the data's units for pixels
    for polygon in map(np.asarray, path.to_polygons(closed_only=False)):
        points = polygon / spans
        ends, keep = [(0, len(points) - 1)], {0, len(points) - 1}
        while ends:
            first, last = ends.pop()
            x, y = (points[first:last] - points[first]).T
            a, b = points[last] - points[first]
            chord = np.hypot(a, b)
            away = np.abs(a * y - b * x) / chord if chord else np.hypot(x, y)
            middle = int(away.argmax())
            if away[middle] > 3e-4:
                keep.add(first + middle)
                ends += [(first, first + middle), (first + middle, last)]
        kept.append(polygon[sorted(keep)])
    if not kept:
        return path
    return Path.make_compound_path(*map(Path, kept))


def _seen(run: Array, spans: Array) -> tuple[Array, list[int]]:
    """Return the points of a run that can be told apart, and which of them are single steps."""
    places = run / spans
    kept = [0]
    for i in range(1, len(run)):
        near = np.hypot(*(places[i] - places[kept[-1]])) < 0.004  # and not where it is NaN
        if not near or i == len(run) - 1:
            kept.append(i)
    far = np.hypot(*np.diff(places, axis=0).T) > 0.012
    apart = np.concatenate([[False], far])
    return run[kept], [place for place, i in enumerate(kept) if apart[i]]


def _path(name: str, path: ArrayLike | Trajectory) -> Array:
    """Return the runs of a path in the plane, shape (runs, t, 2)."""
    if isinstance(path, Trajectory):
        points = _validation.points(f"the points of {name}", path.points, 2)
        return _drawn(np.moveaxis(points.reshape(len(points), -1, 2), 1, 0))
    points = _validation.points(name, path, 2)
    if points.ndim != 2 or len(points) == 0:
        raise ValueError(f"{name} must have shape (t, 2) with t >= 1, got {points.shape}")
    return _drawn(points)[None]


def _gap(landscape: Landscape, points: Array, floor: float) -> Array:
    """Return f − f*; what overflows is large, and only rounding may take it below 0."""
    gap = _validation.real_array("the landscape's gap", landscape.gap(points))
    gap = np.minimum(gap, 1e300)
    gap = _validation.result("the landscape's gap", gap, points.shape[:-1], points)
    lowest = np.unravel_index(gap.argmin(), gap.shape)
    rounding = 1e-9 * max(np.abs(gap).max(), abs(landscape.minimum))
    if gap[lowest] < -max(min(floor, 1e-3), rounding):
        raise ValueError(
            f"landscape must not be below its minimum, got a gap of {gap[lowest]:.6g} "
            f"at the point {points[lowest]}"
        )
    return np.maximum(gap, 0)


def rates(
    observed: Mapping[str, ArrayLike | Trajectory],
    proved: Mapping[str, ArrayLike | Trajectory] | None = None,
    *,
    logarithmic_time: bool = False,
    title: str = "",
) -> Figure:
    """Draw observed gaps (solid) and proved bounds (dashed) against the number of steps.

    Parameters
    ----------
    observed, proved : mapping of str to Trajectory or array_like, shape (t,)
        Legend entries and values at steps 0, 1, …; of a trajectory, the gaps of all runs
        at its steps. What is not finite or not positive is left out.
    logarithmic_time : bool, optional
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import lin_utils as lu
    >>> run = lu.gradient_descent(lu.wavy_bowl(), [3.0], 1 / 8, 60)
    >>> bound = lu.polyak_rate(0.351, 8.0, run.gaps[0], run.steps)
    >>> figure = lu.figures.rates({"observed": run}, {"proved": bound})
    """
    sides = []
    for side, curves in (
        ("observed", _some("observed", observed)),
        ("proved", _entries("proved", {} if proved is None else proved)),
    ):
        sides.append({name: _gaps(f"{side}[{name!r}]", curve) for name, curve in curves.items()})
    time = "log" if _validation.flag("logarithmic_time", logarithmic_time) else "linear"
    title = _label("title", title)
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for style, drawn in zip(("-", "--"), sides, strict=True):
            for i, (name, (steps, gaps)) in enumerate(drawn.items()):
                _plot(axes, steps, gaps, style, color=COLORS[i % 6], label=name)
        axes.set(xlabel="step t", ylabel="f − f*", title=title)
        _finish(figure, axes, time, "log")
    return figure


def _gaps(name: str, curve: ArrayLike | Trajectory) -> tuple[Array, Array]:
    """Return steps and positive gaps, a column for each run."""
    columns = _columns(name, curve, gaps=True)
    steps = curve.steps if isinstance(curve, Trajectory) else np.arange(len(columns))
    gaps = _drawn(columns, "log")
    return _drawn(steps), np.where(gaps > 0, gaps, np.nan)


def taylor_remainder(check: GradientCheck) -> Figure:
    """Draw the Taylor remainders of a gradient check against the step, with their slopes.

    Parameters
    ----------
    check : GradientCheck
        What `lin_utils.check_gradient` returned.

    Returns
    -------
    matplotlib.figure.Figure
    """
    check = _validation.instance("check", check, GradientCheck)
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for remainder, slope, order in (
            (check.first_order, check.first_slope, "first"),
            (check.second_order, check.second_slope, "second"),
        ):
            found = f"slope {slope:.2f}" if np.isfinite(slope) else "below rounding"
            lengths, remainder = _drawn(check.lengths, "log"), _drawn(remainder, "log")
            axes.plot(lengths, remainder, ".-", label=f"{order} order, {found}")
        axes.set(xlabel="step t", ylabel="Taylor remainder")
        _finish(figure, axes, "log", "log")
    return figure


def curves(
    x: ArrayLike,
    lines: Mapping[str, ArrayLike | Trajectory],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    levels: Mapping[str, float] | None = None,
    vertical: Mapping[str, float] | None = None,
    ylim: tuple[float | None, float | None] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Figure:
    """Draw several functions of one variable.

    Parameters
    ----------
    x : array_like, shape (k,)
    lines : mapping of str to Trajectory or array_like, shape (k,)
        Legend entries and values; NaN and infinities leave gaps, and so do poles within
        ``ylim``. Of a trajectory, the values of all runs at its k records.
    xlabel, ylabel, title : str
    levels : mapping of str to float, optional
        Dashed horizontal lines, named at their right ends.
    vertical : mapping of str to float, optional
        Dashed vertical lines, with their legend entries.
    ylim : (float or None, float or None), optional
        The ends of the vertical axis; None is where the data end.
    xscale, yscale : str, optional
        ``'linear'`` or ``'log'``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    xscale = _validation.option("xscale", xscale, SCALES)
    yscale = _validation.option("yscale", yscale, SCALES)
    at = _drawn(_validation.vector("x", x), xscale)
    drawn = {}
    for name, line in _some("lines", lines).items():
        columns = _columns(f"lines[{name!r}]", line, gaps=False)
        if len(columns) != at.size:
            raise ValueError(
                f"lines[{name!r}] must have as many entries as x, {at.size}, got {len(columns)}"
            )
        drawn[name] = _drawn(columns, yscale)
    xlabel, ylabel = _label("xlabel", xlabel), _label("ylabel", ylabel)
    title = _label("title", title)
    rows = _places("levels", levels, yscale)
    places = _places("vertical", vertical, xscale)
    ends = None if ylim is None else _ends(ylim, yscale)
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for name, columns in drawn.items():
            _plot(axes, at, columns, label=name)
        for level in rows.values():
            axes.axhline(level, linestyle="--", color=INK, linewidth=1.2)
        for i, (name, place) in enumerate(places.items()):
            axes.axvline(place, linestyle="--", color=COLORS[(len(lines) + i) % 6], label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        _finish(figure, axes, xscale, yscale)
        low, high = axes.get_ylim()
        if ends is not None:
            low = low if ends[0] is None else ends[0]
            high = high if ends[1] is None else ends[1]
            if low >= high:
                raise _validation.refuse("ylim", "an increasing pair that leaves room", ylim)
            axes.set_ylim(low, high)
        for curve in axes.get_lines()[: sum(columns.shape[1] for columns in drawn.values())]:
            points: Array = np.asarray(curve.get_xydata(), dtype=float)
            curve.set_data(*_broken(points[:, 0], points[:, 1], high - low))
        for name, level in rows.items():
            if low <= level <= high:  # the name of a line outside would take all the room
                axes.text(1.01, level, name, transform=axes.get_yaxis_transform(), va="center")
    return figure


def _ends(ylim: tuple[float | None, float | None], scale: str) -> list[float | None]:
    """Check the ends of the vertical axis; None is left to the data."""
    check = _validation.positive if scale == "log" else _validation.number
    ends = _validation.sequence("ylim", ylim, 2)
    return [None if end is None else float(_drawn(check("ylim", end), scale)) for end in ends]


def scatter(
    groups: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    vertical: ArrayLike = (),
) -> Figure:
    """Draw groups of points, each with its own color and marker.

    Parameters
    ----------
    groups : mapping of str to (array_like, array_like), each of shape (k,)
        Legend entries and coordinates.
    xlabel, ylabel, title : str
    vertical : array_like, optional
        Where to draw dotted vertical lines.

    Returns
    -------
    matplotlib.figure.Figure
    """
    drawn = {}
    for name, pair in _some("groups", groups).items():
        entry = f"groups[{name!r}]"
        x, y = (
            _drawn(_validation.vector(entry, side, least=0))
            for side in _validation.sequence(entry, pair, 2)
        )
        if x.shape != y.shape:
            raise ValueError(f"{entry} must be two vectors of one length, got {x.size}, {y.size}")
        drawn[name] = x, y
    xlabel, ylabel = _label("xlabel", xlabel), _label("ylabel", ylabel)
    title = _label("title", title)
    places = _drawn(np.ravel(_validation.finite_array("vertical", vertical)))
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for place in places:
            axes.axvline(place, color=INK, linestyle=":", linewidth=1)
        for marker, (name, (x, y)) in zip(cycle("o^sDv"), drawn.items(), strict=False):
            axes.plot(x, y, marker, markersize=4, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        _finish(figure, axes, "linear", "linear")
    return figure


def matrices(rows: Mapping[str, Sequence[ArrayLike]], names: Sequence[str]) -> Figure:
    """Draw rows of matrices as colored tables, all cells of one size.

    Parameters
    ----------
    rows : mapping of str to sequence of array_like, shape (m, n)
        Names of the rows, and their matrices: the same number in each row.
    names : sequence of str
        What stands above each column of matrices.

    Returns
    -------
    matplotlib.figure.Figure
        Blue entries are negative, orange ones positive, empty ones zero; the largest of all has
        the full color.
    """
    names = [_label("every one of names", name) for name in _validation.sequence("names", names)]
    grid = {
        name: [
            _drawn(_validation.finite_array(f"every one of rows[{name!r}]", matrix, ndim=2))
            for matrix in _validation.sequence(f"rows[{name!r}]", row)
        ]
        for name, row in _some("rows", rows).items()
    }
    counts = {len(row) for row in grid.values()}
    if counts != {len(names)} or not names:
        raise ValueError(
            "names must be as many, at least 1, as each of rows has matrices, "
            f"got {len(names)} and {sorted(counts)}"
        )
    sizes = np.array([[matrix.shape for matrix in row] for row in grid.values()])
    if sizes.min() == 0:
        raise ValueError("rows must have matrices with entries, got an empty one")
    largest = max(float(np.abs(matrix).max()) for row in grid.values() for matrix in row) or 1.0
    heights, widths = sizes[..., 0].max(axis=1), sizes[..., 1].max(axis=0)
    lefts, tops = (np.cumsum(side + 1) - side for side in (widths, heights))
    with plt.rc_context(STYLE | {"axes.spines.left": False, "axes.spines.bottom": False}):
        figure = Figure(figsize=(WIDTH, WIDTH * (sum(heights + 1) + 1) / (sum(widths + 1) + 1)))
        axes = figure.subplots()
        colors: dict[str, Any] = {"cmap": SIGNED, "vmin": -largest, "vmax": largest}
        for (title, row), top, height in zip(grid.items(), tops, heights, strict=True):
            axes.text(0.5, top + height / 2, title, rotation=90, ha="center", va="center")
            for matrix, left, width in zip(row, lefts, widths, strict=True):
                rows_down = top + (height - len(matrix)) / 2 + np.arange(len(matrix) + 1)
                columns = left + (width - len(matrix[0])) / 2 + np.arange(len(matrix[0]) + 1)
                axes.pcolormesh(columns, rows_down, matrix, ec=INK, lw=0.6, **colors)
        for name, left, width in zip(names, lefts, widths, strict=True):
            axes.text(left + width / 2, 0.8, name, ha="center", va="bottom")
        axes.set(aspect="equal", xticks=[], yticks=[])
        axes.set(xlim=(0, lefts[-1] + widths[-1] + 0.1), ylim=(tops[-1] + heights[-1] + 0.1, 0))
    return figure


def response_and_cone(response: ArrayLike, curve: ArrayLike, angle: float, title: str) -> Figure:
    """Draw an impulse response beside the curve Q(S¹) and the smallest cone that holds it.

    Parameters
    ----------
    response : array_like, shape (k,)
    curve : array_like of complex, shape (points,)
    angle : float
        The opening angle of the cone around the positive axis, in [0, 2π].
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    response = _drawn(_validation.vector("response", response))
    real, imag = map(_drawn, _validation.complex_vector("curve", curve))
    angle = _validation.number("angle", angle)
    if not 0 <= angle <= 2 * np.pi:
        raise _validation.refuse("angle", "in [0, 2π]", angle)
    title = _label("title", title)
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.7))
        left, right = figure.subplots(1, 2)
        left.vlines(np.arange(len(response)), 0, response, color=COLORS[0])
        left.plot(response, "o", markersize=3)
        left.set(xlabel="k", ylabel="C Aᵏ B", title="impulse response")
        right.plot(real, imag)
        right.plot(0, 0, "+", color=INK)
        reach = 1.1 * np.hypot(real, imag).max()
        for side in (1, -1):
            end = reach * np.exp(0.5j * side * angle)
            right.plot([0, end.real], [0, end.imag], "--", color=COLORS[1], linewidth=1.2)
        right.set(xlabel="Re Q", ylabel="Im Q", title=title, aspect="equal", box_aspect=1)
    return figure


def implications(
    places: Mapping[str, tuple[float, float]],
    implied: Sequence[tuple[str, str]],
    refuted: Mapping[tuple[str, str], str],
    *,
    links: Mapping[str | tuple[str, str], str] | None = None,
) -> Figure:
    """Draw which conditions imply which, and a witness on each arrow that fails.

    Parameters
    ----------
    places : mapping of str to (float, float)
        The conditions and where to put them, in inches: in a picture 5 wide and 6 high.
    implied : sequence of (str, str)
        Solid arrows between two of them.
    refuted : mapping of (str, str) to str
        Dashed arrows that fail, and the function that shows it.
    links : mapping of str or (str, str) to str, optional
        The addresses to which conditions and arrows lead, in pictures that can have links: SVG.

    Returns
    -------
    matplotlib.figure.Figure
    """
    spots: dict[str, tuple[float, float]] = {}
    for name, place in _some("places", places).items():
        x, y = _validation.point(f"places[{name!r}]", place, 2)
        if not (0 <= x <= SIZE[0] and 0 <= y <= SIZE[1]):
            raise _validation.refuse(f"places[{name!r}]", f"in a picture of {SIZE}", place)
        if any(max(abs(x - a), abs(y - b)) < 0.01 for a, b in spots.values()):
            raise _validation.refuse(f"places[{name!r}]", "apart from the other places", place)
        spots[name] = x, y
    solid = [_arrow("implied", pair, spots) for pair in _validation.sequence("implied", implied)]
    if not isinstance(refuted, Mapping):
        raise _validation.refuse("refuted", "a mapping", refuted)
    dashed = {
        _arrow("refuted", pair, spots): _label(f"refuted[{pair!r}]", witness)
        for pair, witness in refuted.items()
    }
    known = {*spots, *solid, *dashed}
    if links is not None and not isinstance(links, Mapping):
        raise _validation.refuse("links", "a mapping", links)
    addresses = {key: _label(f"links[{key!r}]", url) for key, url in (links or {}).items()}
    if strange := set(addresses) - known:
        raise _validation.refuse("links", "of conditions and arrows of the picture", strange)
    if both := set(solid) & set(dashed):
        raise _validation.refuse("refuted", "other arrows than the implied ones", both)
    with plt.rc_context(STYLE):
        figure = Figure(figsize=SIZE)
        axes = figure.subplots()
        box = {"boxstyle": "round,pad=0.4", "facecolor": "none", "edgecolor": INK}
        boxes = {}
        for name, (x, y) in spots.items():
            text = axes.text(x, y, name, ha="center", va="center", bbox=box)
            text.set_url(addresses.get(name))
            if patch := text.get_bbox_patch():
                patch.set_url(addresses.get(name))
            boxes[name] = patch
        arrows = [(pair, COLORS[0], "-") for pair in solid]
        arrows += [(pair, COLORS[1], "--") for pair in dashed]
        taken = {pair for pair, _, _ in arrows}
        center = np.mean(list(spots.values()), axis=0)
        bends = dict.fromkeys(taken, 0.0)
        # Only arrows in both directions between two conditions bend apart, to where there is room.
        for start, end in dashed:
            if (end, start) in taken:
                first, last = np.array(spots[start]), np.array(spots[end])
                outwards = np.cross(np.append(last - first, 0), np.append(center - first, 0))[2] > 0
                # Seen from its other end an arrow with the same bend is on the other side.
                bends[start, end] = bends[end, start] or (0.2 if outwards else -0.2)
        for (start, end), color, line in arrows:
            arrow = axes.annotate(
                "",
                spots[end],
                spots[start],
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": color,
                    "linestyle": line,
                    "linewidth": 1.6,
                    "patchA": boxes[start],
                    "patchB": boxes[end],
                    "shrinkA": 4,
                    "shrinkB": 4,
                    "connectionstyle": f"arc3,rad={bends[start, end]}",
                },
            )
            if arrow.arrow_patch:
                arrow.arrow_patch.set_url(addresses.get((start, end)))
        for (start, end), witness in dashed.items():
            first = np.array(spots[start])
            chord = np.array(spots[end]) - first
            length = np.linalg.norm(chord)
            aside = np.array([chord[1], -chord[0]]) / length
            # Beside the middle of an arc, which bends by half its curvature times the chord;
            # beside the first half of a straight arrow, away from where arrows cross.
            bend = bends[start, end]
            aside = -aside if bend < 0 else aside
            x, y = first + chord * (0.5 if bend else 0.42) + aside * (abs(bend) * length / 2 + 0.2)
            beside = "left" if aside[0] > 0.2 else "right" if aside[0] < -0.2 else "center"
            said = axes.text(x, y, witness, ha=beside, va="center")
            said.set_url(addresses.get((start, end)))
        axes.set(xlim=(0, SIZE[0]), ylim=(0, SIZE[1]))
        axes.axis("off")
    return figure


def _arrow(name: str, pair: tuple[str, str], places: Mapping[str, object]) -> tuple[str, str]:
    """Check that an arrow joins two of the conditions."""
    start, end = (
        _validation.option(f"every end of {name}", condition, list(places))
        for condition in _validation.sequence(f"every arrow of {name}", pair, 2)
    )
    if start == end:
        raise _validation.refuse(f"every arrow of {name}", "between two conditions", pair)
    return start, end
