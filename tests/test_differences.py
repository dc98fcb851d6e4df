"""Two rates side by side: the numbers of scipy and statsmodels, and answers that do not say more than the data."""

import math

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportions_ztest,
    samplesize_proportions_2indep_onetail,
)

from kayzen_nb import differences
from kayzen_nb.differences import about, compare_rates, correct, tries_needed


def counts(most):
    side = st.integers(1, most).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries)))
    return st.tuples(side, side).map(lambda sides: (*sides[0], *sides[1]))


@given(counts(10**7))
def test_the_interval_is_newcombe_s_as_statsmodels_computes_it(four):
    found = compare_rates(*four)
    expected = confint_proportions_2indep(*four, method="newcomb")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-12)
    assert found.low <= found.difference <= found.high


@settings(max_examples=300, deadline=None)
@given(st.one_of(counts(12), counts(200), counts(5000)))
@example((0, 7, 0, 9))
@example((7, 7, 9, 9))
@example((3, 3, 0, 3))
@example((2, 5_000, 1_999, 800_000))
@example((0, 20, 40_000, 100_000))
def test_the_p_value_is_that_of_scipy_or_statsmodels_by_the_smallest_expected_count(four):
    a, n, b, m = four
    found = compare_rates(*four)
    smallest = min(rate * tries / (n + m) for rate in (a + b, n + m - a - b) for tries in (n, m))
    assume(abs(smallest - 5) > 1e-9)
    if smallest < 5:
        assert found.test == differences.FISHER
        assert found.p_value == pytest.approx(fisher_exact([[a, n - a], [b, m - b]]).pvalue, abs=1e-9)
    else:
        assert found.test == differences.SCORE
        assert found.p_value == pytest.approx(proportions_ztest([a, b], [n, m])[1], abs=1e-9)


def test_twelve_calls_by_hand_with_fisher_s_test():
    # 4 of 4 against 0 of 4: of the 70 ways to place four successes among eight calls two are as far apart.
    assert compare_rates(4, 4, 0, 4).p_value == pytest.approx(2 / 70, abs=1e-15)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@example([0.01, 0.01, 0.04, 0.03, 1.0])
def test_many_looks_are_corrected_as_statsmodels_does_it(p_values):
    assert correct(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1], abs=1e-12)


def test_no_looks_need_no_correction():
    assert correct([]) == []


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.floats(0.1, 10), st.sampled_from([0.05, 0.001]))
def test_the_calls_needed_are_those_of_statsmodels(a, b, ratio, alpha):
    assume(abs(a - b) > 0.005)
    expected = samplesize_proportions_2indep_onetail(a - b, b, 0.8, ratio=ratio, alpha=alpha)
    assert tries_needed(a, b, ratio=ratio, alpha=alpha) == pytest.approx(expected, rel=1e-9)


@given(counts(300))
def test_swapping_the_sides_turns_the_difference_around_and_nothing_else(four):
    there, back = compare_rates(*four), compare_rates(*four[2:], *four[:2])
    assert there.p_value == pytest.approx(back.p_value, abs=1e-9)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-12)


def test_a_side_without_calls_is_unknown_and_not_zero():
    nothing = compare_rates(0, 0, 3, 9)
    assert (nothing.a_rate, nothing.difference, nothing.p_value) == (None, None, None)
    assert (nothing.low, nothing.high) == (-1, 1)
    assert not nothing.told
    assert nothing.needs_about_more is None
    assert nothing.sentence("May", "June", "connected") == "May no calls, June 33.3% (3 of 9): nothing to compare."


def test_equal_rates_need_no_number_of_calls():
    assert compare_rates(5, 10, 50, 100).needs_about_more is None


def test_what_is_told_needs_no_more_and_what_is_not_told_needs_more():
    assert compare_rates(60, 500, 620, 2000).needs_about_more is None
    # By hand: (1.95996 * sqrt(2 * 0.525 * 0.475) + 0.84162 * sqrt(0.55 * 0.45 + 0.25)) ^ 2 / 0.05 ^ 2 = 1564.7, less 100.
    assert compare_rates(55, 100, 50, 100).needs_about_more == 1465


@given(counts(400))
def test_never_both_told_and_in_need_of_more(four):
    found = compare_rates(*four)
    assert not (found.told and found.needs_about_more)
    if not found.told and found.difference:
        assert found.needs_about_more > 0


def test_more_counts_than_tries_are_refused():
    with pytest.raises(ValueError, match="3 of 2"):
        compare_rates(3, 2, 1, 2)
    with pytest.raises(ValueError, match="-1 of 2"):
        compare_rates(0, 2, -1, 2)


def test_the_sentence_of_a_told_difference_has_both_rates_the_interval_and_the_test():
    told = compare_rates(60, 500, 620, 2000).sentence("Call Center B", "the others", "converted")
    assert told == (
        "Call Center B 12.0% converted (60 of 500), the others 31.0% (620 of 2,000): 19.0 points lower "
        "(95%: 15.3 to 22.3 points lower), more than chance (p < 0.001, two-proportion score test)."
    )


def test_the_sentence_of_an_untold_difference_says_chance_and_how_many_calls_would_tell():
    told = compare_rates(55, 100, 50, 100).sentence("this week", "last week", "connected")
    assert "5.0 points higher (95%: from 8.7 points lower to 18.4 points higher)" in told
    assert told.endswith("which may be chance; about 1,500 more calls on each side would tell.")


@pytest.mark.parametrize(("number", "words"), [(7, "7"), (42, "42"), (1465, "1,500"), (1500, "1,500"), (101, "110")])
def test_an_estimate_is_shown_to_two_digits_rounded_up(number, words):
    assert about(number) == words


def test_a_million_calls_a_side_are_tested_without_overflow():
    assert compare_rates(3, 10**6, 9 * 10**5, 10**12).test == differences.FISHER
    assert math.isfinite(compare_rates(500_000, 10**6, 501_000, 10**6).p_value)
