"""Explorers: a figure for each value of its parameters, moved by sliders, with no kernel."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import matplotlib
from matplotlib.figure import Figure

from .figures import INK


def _frame(figure: Figure, description: str) -> ipywidgets.HTML:
    """Render a figure as inline SVG: sharp at any size, and light once compressed."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lin_utils"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    # On the page the ink is the text's color, light on dark and dark on light.
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    label = html.escape(description, quote=True)
    svg = svg.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="max-width:100%;height:auto"', 1
    )
    return ipywidgets.HTML(svg)


def explore(
    draw: Callable[..., Figure],
    *,
    description: str = "explorer",
    start: Mapping[str, object] | None = None,
    **grids: Sequence,
) -> ipywidgets.VBox:
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
        The sliders above a Stack of frames, linked in the browser.

    Raises
    ------
    ValueError
        For no grid, more than two, an empty one, or a start that is not on its grid.

    Examples
    --------
    >>> import lin_utils as lu
    >>> def line(slope):
    ...     return lu.figures.curves([0, 1], {"y": [0, slope]}, xlabel="x", ylabel="y")
    >>> sliders, frames = lu.explore(line, slope=[1, 2, 3], start={"slope": 2}).children
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

    def stack(chosen: dict, remaining: list[str]) -> ipywidgets.DOMWidget:
        if not remaining:
            state = ", ".join(f"{name} = {value}" for name, value in chosen.items())
            return _frame(draw(**chosen), f"{description}; {state}")
        name, *others = remaining
        children = [stack({**chosen, name: value}, others) for value in grids[name]]
        layer = ipywidgets.Stack(children, selected_index=first[name])
        links.append(ipywidgets.jslink((sliders[name], "index"), (layer, "selected_index")))
        return layer

    links: list = []
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=[(str(value), i) for i, value in enumerate(values)],
            index=first[name],
            description=name.replace("_", " "),
            style={"description_width": "initial"},
            layout={"width": "min(100%, 32rem)"},
        )
        for name, values in grids.items()
    }
    return ipywidgets.VBox([*sliders.values(), stack({}, list(grids))])
