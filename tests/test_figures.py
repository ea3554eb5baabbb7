"""Figures: every argument is checked, what is finite is drawn without a warning, and truly."""

import io

import matplotlib
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

import lin_utils as lu

F = lu.figures
BOWL = lu.log_bowl(dim=2)
RUN = lu.gradient_descent(BOWL, [1.0, 0.5], step=0.1, steps=20)
RUNS = lu.gradient_descent(BOWL, [[1.0, 0.5], [-1.0, 0.2], [0.3, 0.3]], step=0.1, steps=20)
CHECK = lu.check_gradient(BOWL, [0.3, 0.2], [1.0, 2.0])
NAMES = {"xlabel": "x", "ylabel": "y"}

#: A right call of every function: its arguments by name.
CALLS = {
    F.landscape_contours: {
        "landscape": BOWL,
        "x_range": (-2, 2),
        "y_range": (-1, 1),
        "paths": [RUN, [[0.0, 1.0], [0.5, 0.5]]],
        "labels": ("a", "b"),
        "title": "t",
        "resolution": 5,
        "levels": 4,
        "floor": 0.1,
    },
    F.rates: {
        "observed": {"run": RUN, "a": [1, 0.5]},
        "proved": {"b": [2, 1]},
        "logarithmic_time": True,
        "title": "t",
    },
    F.taylor_remainder: {"check": CHECK},
    F.curves: {
        "x": [1, 2],
        "lines": {"a": [1, 2]},
        "levels": {"one": 1.0},
        "vertical": {"here": 1.5},
        "ylim": (0.5, None),
        "xscale": "log",
        "yscale": "log",
        "title": "t",
        **NAMES,
    },
    F.scatter: {"groups": {"a": ([1, 2], [3, 4])}, "vertical": [1.0], "title": "t", **NAMES},
    F.matrices: {"rows": {"a": [[[1, -2]], np.eye(2)]}, "names": ["A", "B"]},
    F.response_and_cone: {"response": [1, 0.5], "curve": [1, 1j], "angle": 1.0, "title": "t"},
    F.implications: {
        "places": {"a": (1, 1), "b": (2, 2)},
        "implied": [("a", "b")],
        "refuted": {("b", "a"): "x⁴"},
        "links": {"a": "#of-a"},
    },
}
#: What none of the arguments may be.
JUNK = [None, "junk", b"1", 1j, [1, "a"], [[1], [1, 2]], np.ma.array([1, 2], mask=[0, 1]), object()]
JUNK += [
    -1,
    0.5,
    np.nan,
    np.inf,
    10**400,
    True,
    {},
    {"a": None},
    {1: [1]},
    {"_a": [1, 2]},
    [(1, 2)],
]
JUNK += [
    np.datetime64("2020"),
    {"a": "b"},
    {"a": [np.nan, "b"]},
    ["a", "b"],
    "$\\bad$",
    len,
    [],
    (),
]


def draw(figure):
    """Render a figure: only then does Matplotlib compute ticks and layouts."""
    assert isinstance(figure, matplotlib.figure.Figure)
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


@pytest.mark.parametrize("function", CALLS, ids=lambda function: function.__name__)
def test_one_bad_argument_is_drawn_or_refused_by_its_name(function):
    call = CALLS[function]
    draw(function(**call))
    for name in call:
        refused = 0
        for junk in JUNK:
            try:
                figure = function(**(call | {name: junk}))
            except ValueError as error:
                refused += 1
                assert name in str(error)
            else:
                draw(figure)
        assert refused > 5


@pytest.mark.parametrize(
    "function, bad, said",
    [
        (F.curves, {"lines": {"a": [1, 2, 3]}}, r"lines\['a'\] must have as many entries as x"),
        (F.curves, {"lines": {"a": [[1, 2]]}}, r"lines\['a'\] must be a vector"),
        (F.curves, {"levels": {"z": 0.0}}, r"levels\['z'\] must be a number > 0"),
        (F.curves, {"ylim": (2, 1)}, "ylim must be an increasing pair"),
        (F.curves, {"ylim": (1, 1)}, "ylim must be an increasing pair"),
        (F.curves, {"ylim": (0, 1)}, "ylim must be a number > 0"),
        (F.curves, {"ylim": (None, 0.5)}, "ylim must be an increasing pair"),
        (F.curves, {"xscale": "mercator"}, "xscale must be one of"),
        (F.curves, {"title": "$\\frac{$"}, "title must be text with valid mathematics"),
        (F.scatter, {"groups": {"a": ([1], [1, 2])}}, r"groups\['a'\] must be two vectors"),
        (F.matrices, {"names": ["A"]}, "names must be as many"),
        (F.matrices, {"rows": {"a": [[[1]], [[]]]}}, "rows must have matrices with entries"),
        (F.response_and_cone, {"angle": 7.0}, "angle must be in"),
        (F.landscape_contours, {"landscape": lu.quartic()}, "landscape must have dim 2"),
        (F.landscape_contours, {"x_range": (1, 1)}, "x_range must be an increasing pair"),
        (F.landscape_contours, {"paths": [[1, 2]]}, r"paths\[0\] must have shape"),
        (F.landscape_contours, {"paths": [np.empty((0, 2))]}, r"paths\[0\] must have shape"),
        (F.landscape_contours, {"resolution": 10**6}, "resolution must be an integer from 2"),
        (F.implications, {"implied": [("a", "c")]}, "every end of implied must be one of"),
        (F.implications, {"implied": [("a", "a")]}, "every arrow of implied must be between two"),
        (F.implications, {"implied": [("b", "a")]}, "refuted must be other arrows"),
        (F.implications, {"places": {"a": (1, 1), "b": (1, 1)}}, r"places\['b'\] must be apart"),
        (F.implications, {"places": {"a": (1, 1), "b": (9, 1)}}, r"places\['b'\] must be in"),
    ],
)
def test_what_does_not_fit_is_refused(function, bad, said):
    with pytest.raises(ValueError, match=said):
        function(**(CALLS[function] | bad))


def test_a_landscape_below_its_minimum_is_refused():
    wrong = lu.Smooth(lambda x: (x**2).sum(-1), lambda x: 2 * x, dim=2, minimum=1.0)
    with pytest.raises(ValueError, match="landscape must not be below its minimum"):
        F.landscape_contours(wrong, (-1, 1), (-1, 1))


numbers = st.floats(allow_nan=False, allow_infinity=False)
scales = st.sampled_from(["linear", "log"])


@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3), numbers, scales, scales)
def test_finite_numbers_are_drawn_without_a_warning(points, place, xscale, yscale):
    x, y = np.transpose(points)
    places = {"p": place} if place > 0 else {}
    options = {"levels": places, "vertical": places, "xscale": xscale, "yscale": yscale}
    draw(F.curves(x, {"a": y}, **options, **NAMES))
    draw(F.scatter({"a": (x, y)}, vertical=place, **NAMES))
    draw(F.response_and_cone(x, y + 1j * x, 1.0, "t"))
    draw(F.rates({"a": y}, {"b": x}, logarithmic_time=xscale == "log"))


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-9, 1.0, 1e150, 1e300])
def test_constants_and_far_paths_are_drawn_without_a_warning(size):
    flat = lu.Smooth(lambda x: size + 0 * x[..., 0], lambda x: 0 * x, dim=2, minimum=0.0)
    draw(F.landscape_contours(flat, (-size - 1, size + 1), (0, 1), [[[size, -size]]], resolution=4))


def test_rates_draw_the_gaps_of_all_runs_against_their_steps():
    """Compare with the landscape's own gaps, one line for a run and one entry for all."""
    figure = draw(F.rates({"runs": RUNS[::5], "run": RUN}))
    *lines, alone = figure.axes[0].get_lines()
    assert len(lines) == 3 and legend(figure) == ["runs", "run"]
    assert len({to_hex(line.get_color()) for line in lines}) == 1
    for run, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xdata(), [0, 5, 10, 15, 20])
        np.testing.assert_allclose(line.get_ydata(), BOWL.gap(RUNS.points[::5, run]))
    assert to_hex(alone.get_color()) != to_hex(lines[0].get_color())


def test_contours_draw_each_run_of_a_trajectory_in_one_color():
    ends = (-0.02, 0.02)  # so near that no step is too short to be seen
    figure = draw(F.landscape_contours(BOWL, ends, ends, [RUNS, RUN], resolution=5))
    paths = figure.axes[0].get_lines()[::3]  # between them are the starts and the ends
    for run, line in enumerate(paths[:3]):
        np.testing.assert_array_equal(line.get_xydata(), RUNS.points[:, run])
    assert [paths[i].get_color() for i in range(4)] == [F.COLORS[1]] * 3 + [F.COLORS[2]]
    whole = F.landscape_contours(BOWL, ends, ends, RUN, resolution=5)
    np.testing.assert_array_equal(whole.axes[0].get_lines()[0].get_xydata(), RUN.points)


def test_curves_draw_the_values_of_a_trajectory():
    figure = draw(F.curves(RUNS.steps, {"f": RUNS}, **NAMES))
    lines = figure.axes[0].get_lines()
    np.testing.assert_array_equal([line.get_ydata() for line in lines], RUNS.values.T)
    assert legend(figure) == ["f"]


def test_what_is_not_finite_leaves_a_gap():
    line = F.curves([0, 1, 2], {"a": [1, np.nan, np.inf]}, **NAMES).axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [1, np.nan, np.nan])


def test_slopes_below_rounding_are_named_so():
    flat = lu.Smooth(lambda x: 0 * x[..., 0], lambda x: 0 * x, dim=1, minimum=0.0)
    figure = draw(F.taylor_remainder(lu.check_gradient(flat, [0.3], [1.0])))
    assert legend(figure) == ["first order, below rounding", "second order, below rounding"]


def test_the_arguments_are_not_changed():
    x, y = np.array([-1.0, 1e308]), np.array([np.inf, 0.0])
    F.curves(x, {"a": y}, xscale="log", **NAMES)
    np.testing.assert_array_equal([x, y], [[-1.0, 1e308], [np.inf, 0.0]])


@pytest.mark.parametrize("length", [1, 12, 24, 40])
def test_a_legend_hides_no_data_and_fits_into_the_figure(length):
    figure = draw(F.curves([0, 1], {f"{i}" + "n" * length: [i, 0] for i in range(6)}, **NAMES))
    box, axes = (item.get_window_extent() for item in (figure.legends[0], figure.axes[0]))
    assert 0 <= box.x0 and box.x1 <= figure.bbox.x1 and 0 <= box.y0 and box.y1 < axes.y0


def test_a_legend_that_says_no_more_than_an_axis_is_left_out():
    assert not F.curves([0, 1], {"y": [0, 1]}, **NAMES).legends


def test_lines_break_at_poles_and_nowhere_else():
    x = np.linspace(-1, 1, 200)
    lines = {"pole": 1 / (x - 0.2), "steep": 1e4 * x**3, "waves": np.sin(40 * x)}
    figure = F.curves(x, lines, ylim=(-4, 12), **NAMES)
    pole, steep, waves = figure.axes[0].get_lines()
    gap = np.flatnonzero(np.isnan(pole.get_ydata()))
    np.testing.assert_array_equal(gap, [np.searchsorted(x, 0.2)])
    assert np.isfinite(steep.get_ydata()).all() and np.isfinite(waves.get_ydata()).all()


def test_level_lines_are_where_the_landscape_has_their_values():
    bowl = lu.Smooth(lambda z: (z**2).sum(-1), lambda z: 2 * z, dim=2, minimum=0.0)
    levels = [-1.0, -0.5, 0.0]
    figure = draw(F.landscape_contours(bowl, (-2, 2), (-2, 2), levels=levels))
    paths = figure.axes[0].collections[0].get_paths()
    for level, path in zip(levels, paths, strict=True):
        middles = (path.vertices[1:] + path.vertices[:-1]) / 2
        gaps = bowl.gap(np.concatenate([path.vertices, middles]))
        np.testing.assert_allclose(np.sqrt(gaps), 10 ** (level / 2), atol=4e-3)
        assert len(path.vertices) < 200


def test_a_long_run_is_drawn_where_it_was():
    """What is left out lies beside a point that is drawn."""
    run = lu.gradient_descent(BOWL, [1.0, 0.5], step=0.001, steps=3000)
    line = F.landscape_contours(BOWL, (-2, 2), (-2, 2), run, resolution=5).axes[0].get_lines()[0]
    drawn = line.get_xydata()
    away = np.linalg.norm(run.points[:, None] - drawn[None], axis=-1)
    assert away.min(axis=0).max() == 0 and away.min(axis=1).max() < 0.02 and len(drawn) < 300


@pytest.mark.parametrize(
    "scale, names", [((1e-3, 1e2), {"10⁻³", "10²"}), ((2, 8), {"2×10⁰", "6×10⁰"})]
)
def test_powers_are_named_by_the_font_s_own_digits(scale, names):
    figure = draw(F.curves(scale, {"a": [1, 2]}, xscale="log", **NAMES))
    axis = figure.axes[0].xaxis
    shown = {text.get_text() for minor in (False, True) for text in axis.get_ticklabels(minor)}
    assert names <= shown and not any("$" in text for text in shown)


def test_cells_of_matrices_have_one_size_and_the_color_of_their_entries():
    wide, tall = [[2.0, -1.0, 0.0]], [[1.0], [-2.0]]
    axes = draw(F.matrices({"first": [wide, tall], "second": [tall, wide]}, ["A", "B"])).axes[0]
    for mesh, matrix in zip(axes.collections, [wide, tall, tall, wide], strict=True):
        np.testing.assert_array_equal(mesh.get_array(), matrix)
        corners = mesh.get_coordinates()
        np.testing.assert_allclose(np.diff(corners[..., 0], axis=1), 1)
        np.testing.assert_allclose(np.diff(corners[..., 1], axis=0), 1)
        assert mesh.get_clim() == (-2, 2)
    assert axes.get_aspect() == 1 and axes.yaxis_inverted()
    assert [text.get_text() for text in axes.texts] == ["first", "second", "A", "B"]
