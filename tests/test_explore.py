"""Explorers: one frame per value, linked in the browser, and the same as data for a page."""

import itertools
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
    step, depth, outer = explorer.widget.children
    assert [label for label, _ in step.options] == ["0.1", "0.2"]
    assert isinstance(outer, ipywidgets.Stack) and len(outer.children) == 2
    frames = [frame.value for inner in outer.children for frame in inner.children]
    assert len(set(frames)) == 6
    assert 'aria-label="a picture; step = 0.2, depth = 3"' in frames[-1]


def test_sliders_and_stacks_begin_with_the_start():
    slider, stack = lu.explore(draw, start={"step": 0.2}, step=[0.1, 0.2]).widget.children
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
            {
                "name": "step_size",
                "label": "step size",
                "values": ["0.1", "0.2"],
                "start": 0,
                "list": False,
            },
            {
                "name": "depth",
                "label": "depth",
                "values": ["1", "2", "3"],
                "start": 2,
                "list": False,
            },
        ],
    }
    inner = explorer.widget.children[-1].children
    assert frames == [frame.value for stack in inner for frame in stack.children]


def test_grids_can_have_any_name():
    drawn = []

    def note(**values):
        drawn.append(values)
        return draw(**values)

    explorer = lu.explore(note, grids={"start": [1, 2]}, a=[3], start={"start": 2})
    assert drawn == [{"start": 1, "a": 3}, {"start": 2, "a": 3}]
    assert explorer.widget.children[0].index == 1
    lu.explore(note, grids={"draw": [1], "any name": [2]})
    assert drawn[-1] == {"draw": 1, "any name": 2}
    lu.explore(note, grids={"description": [1], "grids": [2]}, description="a picture")
    assert drawn[-1] == {"description": 1, "grids": 2}


@pytest.mark.parametrize(
    "grids, said",
    [
        ({}, "one or two grids"),
        ({"a": []}, "at least one value"),
        ({"a": [1], "b": [1], "c": [1]}, "one or two grids"),
        ({"a": [1, 2], "start": {"a": 3}}, "start must name values of the grids"),
        ({"a": [1, 2], "start": {"b": 1}}, "start must name values of the grids"),
        ({"a": [1, 2], "start": {"a": [1]}}, "start must name values of the grids"),
        ({"a": [1, 2], "start": 1}, "start must be a mapping"),
        ({"a": [1, 2], "grids": {"a": [1]}}, "grids must not name what keywords name"),
        ({"a": [1, 2], "grids": [1]}, "grids must be a mapping"),
        ({"a": [1, 2], "description": 3}, "description must be a string"),
        ({"a": "ab"}, "grid 'a' must be a sequence"),
        ({"a": 3}, "grid 'a' must be a sequence"),
        ({"a": np.array(3)}, "grid 'a' must be a sequence"),
        ({"a": {1, 2}}, "grid 'a' must be a sequence"),
        ({"a": itertools.count()}, "grid 'a' must be a sequence"),
        ({"a": range(10**9)}, "grid 'a' must have .* at most"),
        ({"a": range(200), "b": range(200)}, "at most"),
        ({"a": [1, float("nan")]}, "grid 'a' must be without NaN"),
        ({"a": [1, 2, 1.0]}, "grid 'a' must be a sequence of different values"),
        ({"a": [1, "1"]}, "grid 'a' must be a sequence of different values"),
        ({"a": np.eye(2)}, "grid 'a' must be a sequence of numbers"),
        ({"a": np.ma.array([1, 2], mask=[0, 1])}, "grid 'a' must be"),
    ],
)
def test_bad_grids_are_refused(grids, said):
    with pytest.raises(ValueError, match=said):
        lu.explore(draw, **grids)


@pytest.mark.parametrize(
    "draw, said",
    [
        (None, "draw must be callable"),
        (lambda a: None if a == 2 else Figure(), "must return a matplotlib Figure, .* for a = 2"),
        (lambda b: Figure(), r"draw must take the grids \['a'\] as arguments"),
    ],
)
def test_a_draw_that_draws_nothing_is_refused(draw, said):
    with pytest.raises(ValueError, match=said):
        lu.explore(draw, a=[1, 2])


def test_numbers_of_numpy_read_like_numbers():
    (slider, _) = lu.explore(draw, a=np.array([0.1, 2.5]), start={"a": 2.5}).widget.children
    assert [label for label, _ in slider.options] == ["0.1", "2.5"] and slider.index == 1
