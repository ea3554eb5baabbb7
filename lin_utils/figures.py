"""Matplotlib pictures in one style: one function per kind, each returning the Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from . import _validation
from .conditions import GradientCheck
from .landscape import Landscape

#: Okabe and Ito's colors, which survive color blindness; these read on light and dark.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_INK = "#808080"  # a gray of contrast about 4 on white and on the dark theme
STYLE = {
    "axes.prop_cycle": plt.cycler(color=COLORS),
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "figure.figsize": (6.4, 4.0),
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "lin_utils",
}


def landscape_contours(
    landscape: Landscape,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    paths: Sequence[ArrayLike] = (),
    labels: tuple[str, str] = ("a", "b"),
) -> Figure:
    """Draw the level lines of log(f − f*) of a landscape in the plane, and paths on it.

    Parameters
    ----------
    landscape : Landscape
        With ``dim == 2``.
    x_range, y_range : (float, float)
    paths : sequence of array_like, shape (t, 2), optional
        Trajectories; their starts are circles, their ends stars.
    labels : (str, str), optional
    """
    if landscape.dim != 2:
        raise ValueError(f"landscape must have dim 2 to be drawn, got {landscape.dim}")
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        x, y = np.meshgrid(np.linspace(*x_range, 161), np.linspace(*y_range, 161))
        gap = landscape.gap(np.stack([x, y], axis=-1))
        drawn = axes.contour(x, y, np.log10(gap + 1e-4), levels=18, cmap="viridis", linewidths=0.9)
        figure.colorbar(drawn, label="log₁₀(f − f*)")
        for i, path in enumerate(paths):
            path = _validation.points("every path", path, 2)
            color = COLORS[(i + 1) % len(COLORS)]
            axes.plot(*path.T, ".-", color=color, markersize=3, linewidth=1.5)
            axes.plot(*path[0], "o", color=color)
            axes.plot(*path[-1], "*", color=color, markersize=11)
        axes.set(xlim=x_range, ylim=y_range, xlabel=labels[0], ylabel=labels[1])
    return figure


def rates(
    observed: Mapping[str, ArrayLike],
    proved: Mapping[str, ArrayLike],
    *,
    logarithmic_time: bool = False,
    title: str = "",
) -> Figure:
    """Draw observed gaps (solid) and proved bounds (dashed) against the number of steps.

    Parameters
    ----------
    observed, proved : mapping of str to array_like, shape (t,)
        Legend entries and values at steps 0, 1, ….
    logarithmic_time : bool, optional
    title : str, optional
    """
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for style, curves in (("-", observed), ("--", proved)):
            for i, (name, curve) in enumerate(curves.items()):
                curve = np.asarray(curve, dtype=float)
                shown = np.where(np.isfinite(curve) & (curve > 0), curve, np.nan)
                axes.plot(np.arange(len(curve)), shown, style, color=COLORS[i % 6], label=name)
        axes.set(xlabel="step t", ylabel="f − f*", yscale="log", title=title)
        if logarithmic_time:
            axes.set_xscale("log")
        axes.legend()
    return figure


def taylor_remainder(check: GradientCheck) -> Figure:
    """Draw the Taylor remainders of `check_gradient` against the step, with their slopes."""
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for remainder, slope, order in (
            (check.first_order, check.first_slope, "first"),
            (check.second_order, check.second_slope, "second"),
        ):
            axes.loglog(check.steps, remainder, ".-", label=f"{order} order, slope {slope:.2f}")
        axes.set(xlabel="step t", ylabel="Taylor remainder")
        axes.legend()
    return figure


def curves(
    x: ArrayLike, lines: Mapping[str, ArrayLike], *, xlabel: str, ylabel: str, title: str = ""
) -> Figure:
    """Draw several functions of one variable.

    Parameters
    ----------
    x : array_like, shape (k,)
    lines : mapping of str to array_like, shape (k,)
        Legend entries and values.
    xlabel, ylabel, title : str
    """
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for name, values in lines.items():
            axes.plot(x, values, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        axes.legend()
    return figure
