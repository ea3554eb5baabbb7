"""Certificates fail when the claim does."""

import numpy as np
import pytest

import lin_utils as lu


def test_a_violation_raises_and_names_the_entry():
    with pytest.raises(
        AssertionError, match=r"a-claim fails at entry \(1,\): 2 should be at most 1"
    ):
        lu.certify("a-claim", [0.0, 2.0], [1.0, 1.0])


def test_rounding_is_forgiven_and_infinite_bounds_hold():
    assert lu.certify("x", 1 + 1e-12, 1.0).margin == pytest.approx(0, abs=1e-11)
    assert lu.certify("x", [1.0, 5.0], [2.0, np.inf]).margin == pytest.approx(0.5)


@pytest.mark.parametrize("rounding", [-1e-12, 0.0, 1e-12])
@pytest.mark.parametrize("bound", [1.0, 1 / (1 - 0.4321)])
def test_a_certificate_prints_no_rounding(bound, rounding):
    assert str(lu.certify("x", 1.0, bound + rounding)) == str(lu.certify("x", 1.0, bound))


@pytest.mark.parametrize("sides, said", [(([], []), "at least one"), (([np.nan], [1.0]), "NaN")])
def test_empty_and_nan_certificates_are_refused(sides, said):
    with pytest.raises(ValueError, match=said):
        lu.certify("x", *sides)


def test_unequal_computations_raise():
    held = lu.certify_equal("x", 1.0, 1.0 + 1e-12)
    assert "equal in the one case, to within 1e-09" in str(held) and held.margin is None
    with pytest.raises(AssertionError, match="differ by more than"):
        lu.certify_equal("x", [1.0], [1.1])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", [1e-300, 1.0, 1e308])
def test_the_largest_and_the_smallest_numbers_are_compared_without_a_warning(size, sign):
    low, high = sorted([sign * size, sign * size / 2])
    assert lu.certify("x", low, high).margin == pytest.approx(0.5)
    assert lu.certify("x", -size, size).margin == 2.0
    with pytest.raises(AssertionError):
        lu.certify("x", high, low)
    with pytest.raises(AssertionError):
        lu.certify_equal("x", 1e308, -1e308)


@pytest.mark.parametrize(
    "sides, said",
    [
        ((["1"], [2.0]), "smaller must be an array of real numbers"),
        (([1j], [2.0]), "smaller must be an array of real numbers"),
        (([1.0], [True]), "larger must be an array of real numbers"),
        (([1.0], np.ma.masked_array([1.0], [True])), "larger must be .* without masked entries"),
        ((np.ones(3), np.ones(2)), r"smaller and larger must broadcast, got shapes \(3,\) and \(2"),
    ],
)
def test_sides_that_are_no_numbers_are_refused(sides, said):
    with pytest.raises(ValueError, match=said):
        lu.certify("x", *sides)
