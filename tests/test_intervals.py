"""Intervals of rates: the same as statsmodels', sound at the edges, and small bases said in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from kayzen_nb.intervals import SMALL_BASE, describe_base, wilson


@given(st.integers(1, 10**12).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries))))
def test_wilson_is_the_interval_that_statsmodels_computes(counts):
    assert wilson(*counts) == pytest.approx(proportion_confint(*counts, method="wilson"), abs=1e-12)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.99])
def test_another_confidence_agrees_with_statsmodels_too(confidence):
    expected = proportion_confint(3, 17, alpha=1 - confidence, method="wilson")
    assert wilson(3, 17, confidence=confidence) == pytest.approx(expected, abs=1e-12)


def test_without_tries_everything_is_possible():
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10**9))
def test_none_or_all_of_any_number_leave_room_on_one_side_only(tries):
    low, high = wilson(0, tries)
    assert low == pytest.approx(0, abs=1e-12)
    assert 0 < high < 1
    low, high = wilson(tries, tries)
    assert high == pytest.approx(1, abs=1e-12)
    assert 0 < low < 1


def test_ten_billion_calls_give_an_interval_that_still_holds_the_rate():
    low, high = wilson(3 * 10**9, 10**10)
    assert low < 0.3 < high
    assert high - low < 2e-5


def test_a_small_base_is_said_with_how_far_its_rate_may_be_off():
    # By hand, z = 1.96: half a Wilson interval at one half is z / (2 sqrt(n + z * z)), so 0.298 of 7 calls.
    assert describe_base(7) == "only 7 calls: a rate on so few may be off by 30 points either way"
    assert describe_base(1, "connected call").startswith("only 1 connected call: ")


def test_no_base_and_a_sufficient_base_are_told_apart():
    assert describe_base(0) == "no call: there is no rate"
    assert describe_base(SMALL_BASE - 1)
    assert describe_base(SMALL_BASE) == ""
