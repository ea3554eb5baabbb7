"""Explorers: one frame per value, linked in the browser."""

import ipywidgets
import pytest
from matplotlib.figure import Figure

import lin_utils as lu


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
