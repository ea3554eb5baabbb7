"""Explorers: a figure for each value of its parameters, moved by sliders, with no kernel.

An explorer is an output in two forms. JupyterLab shows the widgets, as it shows any other. A
program that makes pages reads `MIME`, which is JSON of this shape::

    {
      "version": 1,
      "description": "what the figure shows",
      "sliders": [
        {"name": "step", "label": "step", "values": ["0.1", "0.2"], "start": 1},
        {"name": "depth", "label": "depth", "values": ["2", "3", "4"], "start": 0}
      ],
      "frames": ["<svg …", "<svg …", …]
    }

There is a frame for each choice of values, in row-major order: the last slider moves fastest, and
what is shown first is the frame at the starts, here the fourth. Each frame is an ``<svg>`` element
that names itself for screen readers and takes its ink from the color of the text around it. A
reader refuses a version that it does not know; a new one is numbered when an old reader would err.
"""

from __future__ import annotations

import html
import io
import itertools
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import matplotlib
from matplotlib.figure import Figure

from .figures import INK

__all__ = ["explore"]

MIME = "application/vnd.living-book.explorer+json"


def _frame(figure: Figure, description: str) -> str:
    """Render a figure as inline SVG: sharp at any size, and light once compressed."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lin_utils"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    # On the page the ink is the text's color, light on dark and dark on light.
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    label = html.escape(description, quote=True)
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="max-width:100%;height:auto"', 1
    )


class Explorer(ipywidgets.VBox):
    """The widgets of an explorer, drawn from its schema, which goes with them to the page."""

    def __init__(self, schema: dict) -> None:
        self.schema = schema
        sliders = [
            ipywidgets.SelectionSlider(
                options=[(value, i) for i, value in enumerate(slider["values"])],
                index=slider["start"],
                description=slider["label"],
                style={"description_width": "initial"},
                layout={"width": "min(100%, 32rem)"},
            )
            for slider in schema["sliders"]
        ]
        super().__init__([*sliders, self._stack(sliders, schema["frames"])])

    def _stack(self, sliders: list, frames: list[str]) -> ipywidgets.DOMWidget:
        """Stack the frames of the first slider's values, each itself a stack of the others'."""
        if not sliders:
            return ipywidgets.HTML(frames[0])
        first, *others = sliders
        size = len(frames) // len(first.options)
        starts = range(0, len(frames), size)
        layers = [self._stack(others, frames[at : at + size]) for at in starts]
        stack = ipywidgets.Stack(layers, selected_index=first.index)
        ipywidgets.jslink((first, "index"), (stack, "selected_index"))
        return stack

    def __repr__(self) -> str:
        sliders = self.schema["sliders"]
        grids = (f"{slider['label']}: {len(slider['values'])} values" for slider in sliders)
        return f"Explorer({'; '.join(grids)})"

    def _repr_mimebundle_(self, **options: object) -> dict:
        return super()._repr_mimebundle_(**options) | {MIME: self.schema}


def explore(
    draw: Callable[..., Figure],
    *,
    description: str = "explorer",
    start: Mapping[str, object] | None = None,
    **grids: Sequence,
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
    **grids : sequence
        For each argument of ``draw`` the values of its slider: one slider or two.

    Returns
    -------
    ipywidgets.VBox
        The sliders above a Stack of frames, linked in the browser. A page shows it with no
        widgets, from the schema that the module's text documents.

    Raises
    ------
    ValueError
        For no grid, more than two, an empty one, or a start that is not on its grid.

    Examples
    --------
    >>> import lin_utils as lu
    >>> def line(slope):
    ...     return lu.figures.curves([0, 1], {"y": [0, slope]}, xlabel="x", ylabel="y")
    >>> explorer = lu.explore(line, slope=[1, 2, 3], start={"slope": 2})
    >>> explorer
    Explorer(slope: 3 values)
    >>> sliders, frames = explorer.children
    >>> len(frames.children), frames.selected_index
    (3, 1)
    """
    if not 1 <= len(grids) <= 2:
        raise ValueError(f"explore needs one or two grids, got {len(grids)}: {list(grids)}")
    for name, values in grids.items():
        if len(values) == 0:
            raise ValueError(f"grid {name!r} must have at least one value, got none")
    first = dict.fromkeys(grids, 0)
    for name, value in (start or {}).items():
        if value not in grids.get(name, ()):
            raise ValueError(f"start must name values of the grids {list(grids)}, got {start!r}")
        first[name] = list(grids[name]).index(value)
    frames = []
    for values in itertools.product(*grids.values()):
        chosen = dict(zip(grids, values, strict=True))
        state = ", ".join(f"{name} = {value}" for name, value in chosen.items())
        frames.append(_frame(draw(**chosen), f"{description}; {state}"))
    sliders = [
        {
            "name": name,
            "label": name.replace("_", " "),
            "values": [str(value) for value in values],
            "start": first[name],
        }
        for name, values in grids.items()
    ]
    return Explorer(
        {"version": 1, "description": description, "sliders": sliders, "frames": frames}
    )
