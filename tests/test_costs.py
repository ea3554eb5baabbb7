"""What the book costs: the record, its limits, the page that shows it, and the weights anew."""

import pytest

from benchmarks import costs
from benchmarks.site import CHAPTERS, FRONT, Served, take_turns, weigh_folder, weigh_page

RECORD = costs.read()


def test_the_page_shows_the_table_of_the_record():
    text = costs.PAGE.read_text(encoding="utf-8")
    assert text.partition(costs.BEGIN)[2].partition(costs.END)[0] == costs.table(RECORD)


def test_every_cost_is_recorded_and_within_its_limit_unless_the_page_says_why():
    assert costs.COSTS.keys() - RECORD["costs"].keys() <= {"tests"}
    assert RECORD["costs"].keys() <= costs.COSTS.keys()
    assert RECORD["ratios"] and costs.missed(RECORD).keys() == costs.MISSED.keys()
    page = costs.PAGE.read_text(encoding="utf-8")
    assert all(f"missed: {why}" in page for why in costs.MISSED.values())


@pytest.mark.parametrize(
    "name, within, over",
    [
        ("no change", {"book": [20, 99]}, {"book": [20.1, 9]}),
        ("score: seo", {"book": 95, "plain": 100}, {"book": 94, "plain": 90}),
        ("weight of Python", {"book": [7, 3], "plain": [7, 2]}, {"book": [7, 3], "plain": [6, 9]}),
    ],
)
def test_what_is_over_its_limit_is_named(name, within, over):
    assert costs.missed({"costs": {name: within}}) == {}
    (said,) = costs.missed({"costs": {name: over}}).values()
    assert said.startswith(costs.COSTS[name].label)


@pytest.mark.parametrize(
    "value, unit, shown",
    [
        (83.04, "s", "83 s"),
        ([150.2, 83.04], "build", "83 s of the clock, 150 s of the processors"),
        (400, "build", "400 s of the processors"),
        ([930, 1200], "tests", "930 s, 1,200 tests"),
        ([412_345, 30], "bytes", "412 kB, 30 files"),
        (2_060_000, "bytes", "2.1 MB"),
        (1460.2, "ms", "1.5 s"),
        (203.3, "ms", "203 ms"),
        (0.0213, "ms", "21 µs"),
        (100, "score", "100"),
        (0.0004, "", "0"),
    ],
)
def test_a_value_is_shown_in_words(value, unit, shown):
    assert costs.show(value, unit) == shown


def test_a_row_of_ratios_has_the_worst_and_the_best_case():
    case = {"subject": "Sums", "other": "Rust", "target": None}
    sizes = ("d = 2", 0.5, 1.0), ("d = 4", 3.0, 2.0), ("d = 8", 1.5, None)
    rows = [
        {**case, "size": size, "ratio": ratio, "ours": 1e-3 * ratio, "target": target}
        for size, ratio, target in sizes
    ]
    (cells,) = costs.ratio_rows(rows)
    assert cells == (
        "Sums",
        "500 µs to 3 ms",
        "Rust: 0.5 (d = 2) to 3 (d = 4) times",
        "at least 1 or 2: 1 of 2, `make bench`",
    )


@pytest.fixture(scope="module")
def served(site):
    return Served(site)


@pytest.mark.parametrize("name", [FRONT, *CHAPTERS])
def test_a_page_weighs_before_the_first_click_what_is_recorded(name, browser, served):
    size, files = weigh_page(browser, served, name)
    cost = f"weight of {name}"
    assert [size, files] == pytest.approx(RECORD["costs"][cost]["book"], rel=0.15, abs=4)
    assert costs.COSTS[cost].meets({"book": size})


def test_the_whole_site_is_within_its_limit(served):
    assert costs.COSTS["whole site"].meets({"book": weigh_folder(served.folder)})


def test_of_each_figure_the_best_round_counts():
    first, second = iter([[2.0, 30], [3.0, 20]]), iter([(5, 5), (4, 6)])
    found = take_turns(2, a=lambda: next(first), b=lambda: next(second))
    assert found == {"a": [2.0, 20], "b": [4, 5]}
