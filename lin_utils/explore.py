"""Explorers: a figure for each value of its parameters, moved by sliders, with no kernel.

An explorer is an output in two forms. JupyterLab shows the widgets, as it shows any other. A
program that makes pages reads `MIME`, which is JSON of this shape::

    {
      "version": 1,
      "description": "what the figure shows",
      "sliders": [
        {"name": "step", "label": "step", "values": ["0.1", "0.2"], "start": 1, "list": false},
        {"name": "depth", "label": "depth", "values": ["2", "3", "4"], "start": 0, "list": false}
      ],
      "frames": ["<svg …", "<svg …", …]
    }

There is a frame for each choice of values, in row-major order: the last slider moves fastest, and
what is shown first is the frame at the starts, here the fourth. Each frame is an ``<svg>`` element
that names itself for screen readers and takes its ink from the color of the text around it. Where
``list`` is true the values are names without an order: a list takes the place of the slider. A
reader refuses a version that it does not know; a new one is numbered when an old reader would err.
"""

from __future__ import annotations

import functools
import html
import inspect
import io
import itertools
import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from . import _validation
from .figures import INK

__all__ = ["explore"]

MIME = "application/vnd.living-book.explorer+json"

#: More frames are no page that a browser loads.
MOST = 10_000


def _frame(figure: Figure, description: str) -> str:
    """Render a figure as inline SVG: sharp at any size, and light once compressed."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lin_utils"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    # A hundredth of a point is seen by nobody.
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    # On the page the ink is the text's color, light on dark and dark on light.
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    label = html.escape(description, quote=True)
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="max-width:100%;height:auto"', 1
    )


class Explorer:
    """An explorer's data, and the widgets made of it where a kernel shows it.

    ipywidgets is imported for the widgets only: it takes as long as all the rest, and Python in
    a page does without.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    @functools.cached_property
    def widget(self) -> Any:
        """The sliders above a stack of frames, linked in the browser: an ``ipywidgets.VBox``."""
        import ipywidgets

        def stack(sliders: list[Any], frames: list[str]) -> Any:
            """Stack the frames of the first slider's values, each itself a stack of the others'."""
            if not sliders:
                return ipywidgets.HTML(frames[0])
            first, *others = sliders
            size = len(frames) // len(first.options)
            starts = range(0, len(frames), size)
            layers = [stack(others, frames[at : at + size]) for at in starts]
            shown = ipywidgets.Stack(layers, selected_index=first.index)
            ipywidgets.jslink((first, "index"), (shown, "selected_index"))
            return shown

        sliders = [
            (ipywidgets.Dropdown if slider.get("list") else ipywidgets.SelectionSlider)(
                options=[(value, i) for i, value in enumerate(slider["values"])],
                index=slider["start"],
                description=slider["label"],
                style={"description_width": "initial"},
                layout={"width": "min(100%, 32rem)"},
            )
            for slider in self.schema["sliders"]
        ]
        return ipywidgets.VBox([*sliders, stack(sliders, self.schema["frames"])])

    def __repr__(self) -> str:
        sliders = self.schema["sliders"]
        counts = [len(slider["values"]) for slider in sliders]
        grids = (
            f"{slider['label']}: {count} value{'s' if count > 1 else ''}"
            for slider, count in zip(sliders, counts, strict=True)
        )
        return f"Explorer({'; '.join(grids)})"

    def _repr_mimebundle_(self, **options: object) -> dict[str, Any]:
        view = self.widget._repr_mimebundle_(**options)
        return {**view, "text/plain": repr(self), MIME: self.schema}


def _values(name: str, grid: Sequence[object]) -> list[Hashable]:
    """Return the values of a slider: each once, and each with a label of its own."""
    name = f"grid {name!r}"
    try:
        size = len(grid) if hasattr(grid, "__getitem__") else -1
    except TypeError:
        size = -1
    if size < 0:  # a generator may never end, and a set has no order
        raise _validation.refuse(name, "a sequence", grid)
    if not 1 <= size <= MOST:
        raise ValueError(f"{name} must have at least one value and at most {MOST}, got {size}")
    values = _validation.sequence(name, grid)
    try:
        unlike = len(set(values)) == len({str(value) for value in values}) == len(values)
        numbers = all(value == value for value in values)
    except (TypeError, ValueError) as error:
        raise _validation.refuse(
            name, "a sequence of numbers, strings or the like", grid
        ) from error
    if not numbers or np.ma.is_masked(grid):
        raise _validation.refuse(name, "without NaN or masked entries", values)
    if not unlike:
        raise _validation.refuse(name, "a sequence of different values", values)
    return values


def _accepts(draw: Callable[..., Figure], names: Sequence[str]) -> None:
    """Check that the grids are arguments of `draw`."""
    try:
        signature = inspect.signature(draw)
    except (TypeError, ValueError):  # some built-in functions have none
        return
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise ValueError(f"draw must take the grids {list(names)} as arguments: {error}") from error


def explore(
    draw: Callable[..., Figure],
    *,
    description: str = "explorer",
    start: Mapping[str, object] | None = None,
    grids: Mapping[str, Sequence[object]] | None = None,
    **named_grids: Sequence[object],
) -> Explorer:
    """Render a figure on a grid of parameters; sliders choose the frame, with no kernel.

    Parameters
    ----------
    draw : callable
        Takes one keyword argument per grid and returns a matplotlib Figure.
    description : str, optional
        What the figure shows, for screen readers; the parameters' values are added.
    start : mapping, optional
        The value that each slider begins with; a grid that is not named here begins with
        its first value.
    grids : mapping of str to sequence, optional
        Grids by their names, before those given as keywords: for an argument of ``draw`` that is
        called ``draw``, ``description``, ``start`` or ``grids``.
    **named_grids : sequence
        For each argument of ``draw`` the values of its slider: one slider or two. The values
        are numbers, strings or others that can be hashed, each once. Where all are strings a list
        takes the place of the slider.

    Returns
    -------
    Explorer
        Its ``schema`` is what the module's text documents, and what a page shows; its ``widget``
        are the sliders above a stack of frames, an ``ipywidgets.VBox``.

    Raises
    ------
    ValueError
        For no grid, more than two, an empty one, values that are alike or no numbers (NaN), a
        start that is not on its grid, and what ``draw`` returns if it is no Figure.

    Examples
    --------
    >>> import lin_utils as lu
    >>> def line(slope):
    ...     return lu.figures.curves([0, 1], {"y": [0, slope]}, xlabel="x", ylabel="y")
    >>> explorer = lu.explore(line, slope=[1, 2, 3], start={"slope": 2})
    >>> explorer
    Explorer(slope: 3 values)
    >>> sliders, frames = explorer.widget.children
    >>> len(frames.children), frames.selected_index
    (3, 1)
    >>> def line_from(start):
    ...     return lu.figures.curves([0, 1], {"y": [start, 1]}, xlabel="x", ylabel="y")
    >>> lu.explore(line_from, grids={"start": [0, 1]}, start={"start": 1})
    Explorer(start: 2 values)
    """
    draw = _validation.function("draw", draw)
    description = _validation.text("description", description)
    given = _validation.mapping("grids", {} if grids is None else grids)
    if both := given.keys() & named_grids.keys():
        raise ValueError(f"grids must not name what keywords name, got {sorted(both)} twice")
    given |= named_grids
    if not 1 <= len(given) <= 2:
        raise ValueError(f"explore needs one or two grids, got {len(given)}: {list(given)}")
    values = {name: _values(name, grid) for name, grid in given.items()}
    count = math.prod(len(grid) for grid in values.values())
    if count > MOST:
        raise ValueError(f"the grids must have at most {MOST} frames, got {count}")
    first = _first(values, start)
    _accepts(draw, list(values))
    frames = []
    for choice in itertools.product(*values.values()):
        chosen = dict(zip(values, choice, strict=True))
        state = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        figure = draw(**chosen)
        if not isinstance(figure, Figure):
            shown = _validation.shown(figure)
            raise ValueError(f"draw must return a matplotlib Figure, got {shown} for {state}")
        frames.append(_frame(figure, f"{description}; {state}"))
    sliders = [
        {
            "name": name,
            "label": name.replace("_", " "),
            "values": [str(value) for value in grid],
            "start": first[name],
            "list": all(isinstance(value, str) for value in grid),  # names have no order
        }
        for name, grid in values.items()
    ]
    return Explorer(
        {"version": 1, "description": description, "sliders": sliders, "frames": frames}
    )


def _first(
    values: Mapping[str, list[Hashable]], start: Mapping[str, object] | None
) -> dict[str, int]:
    """Return where each slider begins."""
    first = dict.fromkeys(values, 0)
    for name, value in _validation.mapping("start", {} if start is None else start).items():
        try:
            first[name] = {value: i for i, value in enumerate(values[name])}[value]
        except (KeyError, TypeError):  # what cannot be hashed is not on a grid
            raise ValueError(
                f"start must name values of the grids {list(values)}, got {start!r}"
            ) from None
    return first
