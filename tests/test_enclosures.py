"""The chapter's numbers, enclosed by interval arithmetic: what a grid of floats cannot prove."""

import json
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import iv, mp

import lin_utils as lu

CHAPTER = Path(__file__).parents[1] / "chapters" / "optimality-conditions.ipynb"


@pytest.fixture(autouse=True)
def digits():
    """Compute with 30 digits, and leave the precision as it was."""
    before = iv.dps, mp.dps
    iv.dps = mp.dps = 30
    yield
    iv.dps, mp.dps = before


@pytest.fixture(scope="module")
def text():
    """Return the chapter's sources as one text."""
    cells = json.loads(CHAPTER.read_text("utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells)


def everywhere(positive, low, high, least=1e-6):
    """Tell whether the intervals between two numbers can be halved until all are positive."""
    piece = iv.mpf([low, high])
    if positive(piece):
        return True
    middle = (low + high) / 2
    if high - low < least:
        return False
    return everywhere(positive, low, middle, least) and everywhere(positive, middle, high, least)


def zero(function, low, high, within=1e-12):
    """Return a short interval in which a function changes its sign, proved, by bisection."""
    signs = [function(iv.mpf(end)) > 0 for end in (low, high)]
    assert set(signs) == {True, False} and function(iv.mpf(high if signs[0] else low)) < 0
    while high - low > within:
        middle = (low + high) / 2
        sign = function(iv.mpf(middle)) > 0
        assert sign or function(iv.mpf(middle)) < 0
        low, high = (middle, high) if sign == signs[0] else (low, middle)
    return iv.mpf([low, high])


def truncated(interval, places):
    """Return the decimal digits that all numbers of an interval share."""
    ends = {str(int(mp.mpf(end) * 10**places)) for end in (interval.a, interval.b)}
    (whole,) = ends
    sign, number = ("-", whole[1:]) if whole[0] == "-" else ("", whole)
    number = number.zfill(places + 1)
    return f"{sign}{number[:-places]}.{number[-places:]}"


def wave(x):
    """Return x² + 3 sin²x with three derivatives."""
    return (
        x**2 + 3 * iv.sin(x) ** 2,
        2 * x + 3 * iv.sin(2 * x),
        2 + 6 * iv.cos(2 * x),
        -12 * iv.sin(2 * x),
    )


class TestTheWavyBowl:
    """The sharp constant below thm-polyak-rate: the least f′²/f of x² + 3 sin²x, for x > 0."""

    def test_has_a_large_ratio_near_0(self):
        """On (0, ½], by sin 2x ≥ 2x − (2x)³/6: f′ ≥ (8 − 4x²)x, and f ≤ 4x²."""
        x = iv.mpf([0, 0.5])
        assert (8 - 4 * x**2) ** 2 / 4 > 12

    @pytest.mark.parametrize("low, high", [(0.5, 1.58), (3.14, 10)])
    def test_has_a_larger_ratio_on_the_other_waves(self, low, high):
        def larger(x):
            value, slope, _, _ = wave(x)
            return slope**2 > 0.36 * value

        assert everywhere(larger, low, high)

    def test_has_a_larger_ratio_far_away(self):
        """Beyond 10, (2x − 3)² − 2.8 (x² + 3) is positive: it is at 10, and it increases."""
        ten = iv.mpf(10)
        assert (2 * ten - 3) ** 2 > 2.8 * (ten**2 + 3)
        assert 4 * (2 * ten - 3) > 5.6 * ten  # the derivatives, and the next ones are 8 and 5.6

    def test_has_its_least_ratio_where_the_chapter_says(self, text):
        """On [1.58, 3.14] the ratio falls and then rises, since 2f″f − f′² increases."""

        def turn(x):
            value, slope, bend, _ = wave(x)
            return 2 * bend * value - slope**2

        assert everywhere(lambda x: wave(x)[3] > 0, 1.58, 3.14)
        assert everywhere(lambda x: wave(x)[1] > 0, 1.58, 3.14)
        tightest = zero(turn, 1.58, 3.14)
        value, slope, _, _ = wave(tightest)
        constant = slope**2 / value
        assert 2.20165 < tightest < 2.20175 and 0.351055 < constant < 0.351065
        assert rf"${truncated(constant, 5)}\ldots$" in text
        assert rf"$|x| = {truncated(tightest, 4)}\ldots$" in text
        assert lu.polyak_ratio(lu.wavy_bowl(), [float(tightest.mid)]) == pytest.approx(
            float(constant.mid), rel=1e-12
        )


class TestTheTiltedWells:
    """The numbers of prop-open-set-of-failures, of h(y) = (y² − 1)² + 0.3 y."""

    def at(self, near):
        """Return intervals around the zero of h′ near a number, and around its value."""
        slope = lambda y: 4 * y**3 - 4 * y + iv.mpf(3) / 10  # noqa: E731
        y = zero(slope, near - 0.1, near + 0.1)
        return y, (y**2 - 1) ** 2 + iv.mpf(3) / 10 * y

    @pytest.mark.parametrize("near, kind", [(-1, "minimum"), (0.08, "maximum"), (1, "minimum")])
    def test_have_three_places_without_slope(self, near, kind, text):
        y, _ = self.at(near)
        assert (12 * y**2 - 4 > 0) == (kind == "minimum")
        said = re.search(r"near \$(-1\.\d+)\$, \$(0\.\d+)\$ and \$(0\.\d+)\$", text)
        closest = min(map(float, said.groups()), key=lambda given: abs(given - y.mid))
        assert abs(y - closest) < 10.0 ** -len(str(closest).partition(".")[2])

    def test_have_the_pass_below_the_starts_of_the_proposition(self):
        assert self.at(0.08)[0] < iv.mpf("0.0755")

    @pytest.mark.parametrize(
        "near, sentence",
        [(-1, r"Its infimum is $%s\ldots$"), (1, r"the values along it tend to $%s\ldots$")],
    )
    def test_have_the_values_that_the_chapter_prints(self, near, sentence, text):
        _, value = self.at(near)
        assert sentence % truncated(value, 4) in text
        if near < 0:
            assert lu.tilted_wells().minimum == pytest.approx(float(value.mid), abs=1e-14)

    def test_bend_as_little_as_the_proof_says(self):
        """Check |h″| ≤ 23 on [y₀, 3/2], and that a step of 1/20 moves by less than 1/10."""
        low = self.at(0.08)[0].a
        bends = lambda y: abs(12 * y**2 - 4) < 23 + iv.mpf(1) / 10**5  # noqa: E731
        assert everywhere(bends, float(low), 1.5)
        moves = lambda y: abs(4 * y**3 - 4 * y + iv.mpf(3) / 10) < 2  # noqa: E731
        assert everywhere(moves, float(low), 0.961)


def test_the_squared_star_bends_down_across_its_ray():
    """Check item 7 of prop-implications at (1, 0): the second derivative in y is 6 − 25."""

    def across(y):  # r² (2 + cos 5φ) at (1, y), by cos 5φ = Re (1 + iy)⁵/r⁵
        return 2 * (1 + y**2) + (1 - 10 * y**2 + 5 * y**4) / (1 + y**2) ** mp.mpf("1.5")

    assert mpmath.diff(across, 0, 2) == pytest.approx(-19, abs=1e-9)
    angles = np.linspace(0, 1, 7)
    on_line = np.stack([np.ones(7), angles], axis=-1)
    np.testing.assert_allclose(lu.star(2.0).value(on_line), [float(across(y)) for y in angles])


def test_the_higher_waves_have_a_local_minimum_that_is_not_global():
    """Check item 8 of prop-implications: near 2.84, with a positive value."""
    slope = lambda x: 2 * x + 10 * iv.sin(2 * x)  # noqa: E731
    x = zero(slope, 2.7, 3.0)
    assert abs(x - iv.mpf("2.84")) < 0.005
    assert 2 + 20 * iv.cos(2 * x) > 0 and x**2 + 10 * iv.sin(x) ** 2 > 1


class TestTheBentValley:
    """Item 6 of prop-relatives, for the nearest point (s, h(s)) to (1, 10), h(s) = s + exp(−s)."""

    @staticmethod
    def squared_distance(s):
        return (s - 1) ** 2 + (s + iv.exp(-s) - 10) ** 2

    def test_has_the_nearest_point_on_its_steep_arm(self):
        """All points with s ≥ −2 are more than 5 away; the arm at the height 10 is 3.5 away."""
        assert everywhere(lambda s: self.squared_distance(s) > 25, -2.0, 7.0)  # beyond, s − 1 > 5
        arm = zero(lambda s: s + iv.exp(-s) - 10, -3.0, -2.0)
        assert abs(arm - iv.mpf("-2.5")) < 0.05 and abs(1 - arm - iv.mpf("3.5")) < 0.05

    def test_falls_away_from_its_nearest_point(self):
        """Where the distance is critical, −2.7 ≤ s ≤ −2, the inner product is negative."""
        assert self.squared_distance(iv.mpf("-2.53")) < iv.mpf("3.7") ** 2  # farther left, 1 − s

        def negative_or_not_critical(s):
            height, slope = s + iv.exp(-s), 1 - iv.exp(-s)
            critical = (s - 1) + slope * (height - 10)
            secant = -(1 - iv.exp(-1)) * (1 - s) + 10 - height
            return secant < 0 or 0 not in critical

        assert everywhere(negative_or_not_critical, -2.7, -2.0)
        assert 1 - iv.exp(iv.mpf(-1)) > iv.mpf("0.63") and 1 - iv.exp(iv.mpf(2)) < -6


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("power", [1, 3, 6, 9, 12, 15])
def test_the_rate_of_the_flow_is_right_near_2(sign, power):
    """Check thm-weak-quasi-convex-flow where its formula divides by little."""
    alpha = 2 + sign * 10.0**-power
    exact = mp.mpf(alpha)
    bound = (exact / 2) ** (exact / (2 - exact)) / (2 * exact)
    assert lu.weak_quasi_convex_flow_rate(alpha, 1.0, 1.0) == pytest.approx(float(bound), rel=1e-14)


@pytest.mark.parametrize("constant, holds", [(0.351, True), (0.3511, False)])
def test_halving_proves_what_is_true_and_nothing_else(constant, holds):
    """Check the tool of this file on both sides of the sharp constant."""
    larger = lambda x: wave(x)[1] ** 2 > constant * wave(x)[0]  # noqa: E731
    assert everywhere(larger, 2.0, 2.4) == holds
