"""The comparison of speeds: what is checked, timed and judged."""

import numpy as np
import pytest

from benchmarks import compare


def case(**changes):
    fields = {"ours": lambda: [1.0, np.ones(2)], "others": {"slow": [lambda: (1.0, [1.0, 1.0])]}}
    return compare.Case("Ones", "L = 2", 3, "d", **{**fields, **changes})


@pytest.mark.parametrize("theirs, met", [(2.9, False), (3.1, True)])
def test_a_target_is_a_least_ratio_of_their_time_to_ours(theirs, met):
    row = compare.Row(case(targets={"slow": 3.0}), "slow", 1.0, theirs)
    assert row.met is met
    report = compare.table([row])
    assert f"{theirs:.2f} {'ok' if met else '< 3'}" in report
    assert f"{int(met)} of 1 targets met." in report
    assert ("MISSED: Ones, L = 2, d = 3" in report) is not met


def test_a_limit_is_a_target_in_seconds():
    (row,) = compare.measure(case(others={}, limit=60.0), seconds=0.0)
    assert row.other == "limit" and row.met and row.theirs == 60.0
    assert compare.Row(row.case, "limit", 61.0, 60.0).met is False


def test_a_note_stands_below_its_subject_once():
    report = compare.table([compare.Row(case(note="Mind the gap."), "slow", 1.0, 2.0)] * 2)
    assert report.count("Mind the gap.") == 1


def test_the_best_way_of_each_other_counts():
    row, second = compare.measure(
        case(others={"a": [lambda: [1.0] * 3, lambda: np.ones(10**6)[:3]], "b": [lambda: [1] * 3]}),
        seconds=0.0,
    )
    assert row.other == "a" and second.other == "b"
    assert row.theirs < 1e-4 and row.met is None


def test_a_different_result_is_refused_before_any_timing():
    with pytest.raises(AssertionError, match="slow: L = 2, d = 3"):
        compare.measure(case(others={"slow": [lambda: [1.0, 2.0, 1.0]]}), seconds=0.0)
    compare.measure(case(others={"part": [lambda: None]}, unchecked=("part",)), seconds=0.0)


def test_the_plot_has_a_panel_for_each_subject():
    rows = [compare.Row(case(targets={"slow": 3.0}), "slow", 1.0, 2.0)]
    (axes,) = compare.plot(rows).axes
    assert axes.get_title() == "Ones"
