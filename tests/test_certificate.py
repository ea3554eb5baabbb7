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
    assert "equal in all 1 cases" in lu.certify_equal("x", 1.0, 1.0 + 1e-12)
    with pytest.raises(AssertionError, match="differ by more than"):
        lu.certify_equal("x", [1.0], [1.1])
