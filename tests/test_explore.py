"""Explorers: one frame per value, linked in the browser, and the same as data for a page."""

import json

import ipywidgets
import numpy as np
import pytest
from matplotlib.figure import Figure

import lin_utils as lu
from lin_utils.explore import MIME

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(**values):
    figure = Figure()
    figure.subplots().set_title(str(values))
    return figure


def test_two_sliders_are_nested_stacks_with_a_frame_for_each_pair():
    explorer = lu.explore(draw, description="a picture", step=[0.1, 0.2], depth=[1, 2, 3])
    step, depth, outer = explorer.children
    assert [label for label, _ in step.options] == ["0.1", "0.2"]
    assert isinstance(outer, ipywidgets.Stack) and len(outer.children) == 2
    frames = [frame.value for inner in outer.children for frame in inner.children]
    assert len(set(frames)) == 6
    assert 'aria-label="a picture; step = 0.2, depth = 3"' in frames[-1]


def test_sliders_and_stacks_begin_with_the_start():
    slider, stack = lu.explore(draw, start={"step": 0.2}, step=[0.1, 0.2]).children
    assert slider.index == stack.selected_index == 1


def test_the_output_holds_the_view_and_the_documented_schema():
    explorer = lu.explore(draw, step_size=np.array([0.1, 0.2]), depth=[1, 2, 3], start={"depth": 3})
    bundle = explorer._repr_mimebundle_()
    assert set(bundle) == {"text/plain", VIEW, MIME}
    assert bundle["text/plain"] == "Explorer(step size: 2 values; depth: 3 values)"
    schema = json.loads(json.dumps(bundle[MIME]))
    frames = schema.pop("frames")
    assert schema == {
        "version": 1,
        "description": "explorer",
        "sliders": [
            {"name": "step_size", "label": "step size", "values": ["0.1", "0.2"], "start": 0},
            {"name": "depth", "label": "depth", "values": ["1", "2", "3"], "start": 2},
        ],
    }
    inner = explorer.children[-1].children
    assert frames == [frame.value for stack in inner for frame in stack.children]


@pytest.mark.parametrize(
    "grids, said",
    [
        ({}, "one or two grids"),
        ({"a": []}, "at least one value"),
        ({"a": [1], "b": [1], "c": [1]}, "one or two grids"),
        ({"a": [1, 2], "start": {"a": 3}}, "start must name values of the grids"),
    ],
)
def test_bad_grids_are_refused(grids, said):
    with pytest.raises(ValueError, match=said):
        lu.explore(draw, **grids)
