"""Matplotlib pictures in one style: one function per kind, each returning the Figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from . import _validation
from .derivatives import GradientCheck
from .landscape import Landscape

__all__ = [
    "COLORS",
    "INK",
    "curves",
    "implications",
    "landscape_contours",
    "rates",
    "response_and_cone",
    "scatter",
    "taylor_remainder",
]

#: Okabe and Ito's colors, which survive color blindness; these read on light and dark.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

#: The gray of axes and text; its contrast is above 4 on white and on the site's dark background.
INK = "#777777"
STYLE = {
    "axes.prop_cycle": plt.cycler(color=COLORS),
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
    "figure.figsize": (5.4, 3.5),
    "font.size": 11,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "lin_utils",
}


def landscape_contours(
    landscape: Landscape,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    paths: Sequence[ArrayLike] = (),
    labels: tuple[str, str] = ("a", "b"),
    *,
    title: str = "",
    resolution: int = 161,
    levels: int = 18,
    floor: float = 1e-3,
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
    title : str, optional
    resolution : int, optional
        Grid points on each axis; fewer make a lighter picture, for explorers.
    levels : int, optional
        About how many level lines.
    floor : float, optional
        Gaps below it look alike; a coarse grid needs a larger one, lest valleys break up.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if landscape.dim != 2:
        raise ValueError(f"landscape must have dim 2 to be drawn, got {landscape.dim}")
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        x, y = np.meshgrid(np.linspace(*x_range, resolution), np.linspace(*y_range, resolution))
        gap = landscape.gap(np.stack([x, y], axis=-1))
        drawn = axes.contour(
            x, y, np.log10(gap + floor), levels=levels, cmap="viridis", linewidths=0.9
        )
        figure.colorbar(drawn, label="log₁₀(f − f*)")
        for i, path in enumerate(paths):
            path = _validation.points("every path", path, 2)
            color = COLORS[(i + 1) % len(COLORS)]
            axes.plot(*path.T, ".-", color=color, markersize=3, linewidth=1.5)
            axes.plot(*path[0], "o", color=color)
            axes.plot(*path[-1], "*", color=color, markersize=11)
        axes.set(xlim=x_range, ylim=y_range, xlabel=labels[0], ylabel=labels[1], title=title)
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

    Returns
    -------
    matplotlib.figure.Figure
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
    """Draw the Taylor remainders of a gradient check against the step, with their slopes.

    Parameters
    ----------
    check : GradientCheck
        What `lin_utils.check_gradient` returned.

    Returns
    -------
    matplotlib.figure.Figure
    """
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
    x: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    levels: Mapping[str, float] | None = None,
    vertical: Mapping[str, float] | None = None,
    ylim: tuple[float, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
) -> Figure:
    """Draw several functions of one variable.

    Parameters
    ----------
    x : array_like, shape (k,)
    lines : mapping of str to array_like, shape (k,)
        Legend entries and values.
    xlabel, ylabel, title : str
    levels : mapping of str to float, optional
        Dashed horizontal lines, named at their right ends.
    vertical : mapping of str to float, optional
        Dashed vertical lines, with their legend entries.
    ylim : (float, float), optional
    xscale, yscale : str, optional
        Matplotlib's names of scales, such as ``'log'``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for name, values in lines.items():
            axes.plot(x, values, label=name)
        for name, level in (levels or {}).items():
            axes.axhline(level, linestyle="--", color=INK, linewidth=1.2)
            axes.text(1.01, level, name, transform=axes.get_yaxis_transform(), va="center")
        for i, (name, place) in enumerate((vertical or {}).items()):
            axes.axvline(place, linestyle="--", color=COLORS[(len(lines) + i) % 6], label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title, xscale=xscale, yscale=yscale)
        if ylim is not None:
            axes.set_ylim(ylim)
        axes.legend()
    return figure


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
    with plt.rc_context(STYLE):
        figure = Figure()
        axes = figure.subplots()
        for x in np.ravel(vertical):
            axes.axvline(x, color=INK, linestyle=":", linewidth=1)
        for marker, (name, (x, y)) in zip(cycle("o^sDv"), groups.items(), strict=False):
            axes.plot(x, y, marker, markersize=4, alpha=0.7, label=name)
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
        axes.legend()
    return figure


def response_and_cone(response: ArrayLike, curve: ArrayLike, angle: float, title: str) -> Figure:
    """Draw an impulse response beside the curve Q(S¹) and the smallest cone that holds it.

    Parameters
    ----------
    response : array_like, shape (k,)
    curve : array_like of complex, shape (points,)
    angle : float
        The opening angle of the cone around the positive axis, in radians.
    title : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(6.6, 3.2))
        left, right = figure.subplots(1, 2)
        left.vlines(np.arange(len(response)), 0, response, color=COLORS[0])
        left.plot(response, "o", markersize=3)
        left.set(xlabel="k", ylabel="C Aᵏ B", title="impulse response")
        curve = np.asarray(curve)
        right.plot(curve.real, curve.imag)
        right.plot(0, 0, "+", color=INK)
        reach = 1.1 * np.abs(curve).max()
        for side in (1, -1):
            end = reach * np.exp(0.5j * side * angle)
            right.plot([0, end.real], [0, end.imag], "--", color=COLORS[1], linewidth=1.2)
        right.set(xlabel="Re Q", ylabel="Im Q", title=title, aspect="equal", box_aspect=1)
    return figure


def implications(
    places: Mapping[str, tuple[float, float]],
    implied: Sequence[tuple[str, str]],
    refuted: Mapping[tuple[str, str], str],
) -> Figure:
    """Draw which conditions imply which, and a witness on each arrow that fails.

    Parameters
    ----------
    places : mapping of str to (float, float)
        The conditions and where to put them, in inches.
    implied : sequence of (str, str)
        Solid arrows.
    refuted : mapping of (str, str) to str
        Dashed arrows that fail, and the function that shows it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    with plt.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 5.4))
        axes = figure.subplots()
        box = {"boxstyle": "round,pad=0.4", "facecolor": "none", "edgecolor": INK}
        boxes = {
            name: axes.text(*place, name, ha="center", va="center", bbox=box).get_bbox_patch()
            for name, place in places.items()
        }
        arrows = [(pair, COLORS[0], "-") for pair in implied]
        arrows += [(pair, COLORS[1], "--") for pair in refuted]
        taken = {pair for pair, _, _ in arrows}
        # Only arrows in both directions between two conditions need to bend apart.
        bends = {pair: 0.2 if pair[::-1] in taken and pair in refuted else 0.0 for pair in taken}
        for (start, end), color, line in arrows:
            axes.annotate(
                "",
                places[end],
                places[start],
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
        for (start, end), witness in refuted.items():
            first, last = np.array(places[start]), np.array(places[end])
            chord = last - first
            length = np.linalg.norm(chord)
            aside = np.array([chord[1], -chord[0]]) / length
            # Beside the middle of an arc, which bends by half its curvature times the chord;
            # beside the first half of a straight arrow, away from where arrows cross.
            bend = bends[start, end]
            place = first + chord * (0.5 if bend else 0.42) + aside * (bend * length / 2 + 0.2)
            beside = "left" if aside[0] > 0.2 else "right" if aside[0] < -0.2 else "center"
            axes.text(*place, witness, color=COLORS[1], ha=beside, va="center", fontsize=10)
        axes.set(xlim=(0, 7.2), ylim=(0, 5.4))
        axes.axis("off")
    return figure
