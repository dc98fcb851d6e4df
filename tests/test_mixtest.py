"""The tests of a change: the same numbers as statsmodels, and how often they claim something where there is nothing."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from kayzen_nb.mixtest import (
    TwoRates,
    bound_change,
    count_terms,
    dispersion,
    holm,
    judge_counts,
    judge_rates,
    judge_within,
    rate_terms,
)


@st.composite
def pairs(draw, least=1):
    of_now, of_before = draw(st.integers(least, 900)), draw(st.integers(least, 900))
    hits = draw(st.integers(0, of_now)), draw(st.integers(0, of_before))
    return TwoRates(now=hits[0], of_now=of_now, before=hits[1], of_before=of_before)


def table(pair):
    return [[pair.now, pair.of_now - pair.now], [pair.before, pair.of_before - pair.before]]


@settings(max_examples=60, deadline=None)
@given(st.lists(pairs(), min_size=1, max_size=8))
def test_the_test_inside_groups_is_cochran_mantel_haenszels(strata):
    found = judge_within(strata)
    if found is None:
        assert all(p.now + p.before in (0, p.of_now + p.of_before) for p in strata)
        return
    wanted = StratifiedTable([table(pair) for pair in strata]).test_null_odds()
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-9, abs=1e-9)
    assert found.p == pytest.approx(wanted.pvalue, abs=1e-9)
    assert (found.low <= 0 <= found.high) == (found.p >= 0.05 - 1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs())
def test_two_rates_are_judged_by_the_pooled_z(pair):
    if 0 < pair.now + pair.before < pair.of_now + pair.of_before:
        _, wanted = proportions_ztest([pair.now, pair.before], [pair.of_now, pair.of_before])
        assert judge_rates(pair) == pytest.approx(wanted, abs=1e-9)
    low, high = confint_proportions_2indep(
        pair.now, pair.of_now, pair.before, pair.of_before, method="newcomb", compare="diff"
    )
    assert bound_change(pair) == pytest.approx((low, high), abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 1000).map(lambda n: n / 1000), min_size=1, max_size=8))
def test_holms_correction_is_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]), abs=1e-12)


def test_without_calls_on_a_side_nothing_is_told():
    empty = TwoRates(now=0, of_now=0, before=3, of_before=9)
    assert judge_rates(empty) == 1.0
    assert bound_change(empty) == (-1.0, 1.0)
    assert math.isnan(empty.change)
    assert not empty.is_enough
    assert judge_within([empty]) is None
    assert judge_within([]) is None
    assert judge_counts(0, 0) == 1.0


def test_a_group_of_one_period_alone_says_nothing_about_inside():
    both = TwoRates(now=20, of_now=100, before=40, of_before=100)
    assert judge_within([both, TwoRates(now=5, of_now=5, before=0, of_before=0)]) == judge_within([both])


def test_few_calls_are_not_enough_where_five_of_a_kind_are_not_expected():
    assert TwoRates(now=5, of_now=10, before=5, of_before=10).is_enough
    assert not TwoRates(now=4, of_now=10, before=5, of_before=10).is_enough
    assert not TwoRates(now=10, of_now=10, before=9, of_before=10).is_enough


def test_dispersion_widens_tests_and_intervals_alike():
    pair = TwoRates(now=300, of_now=1000, before=350, of_before=1000)
    assert judge_rates(pair) < 0.05 < judge_rates(pair, 4.0)
    (low, high), (wide_low, wide_high) = bound_change(pair), bound_change(pair, 4.0)
    assert (wide_high - wide_low) / (high - low) == pytest.approx(2.0, rel=0.01)
    assert judge_within([pair], 4.0).statistic == pytest.approx(judge_within([pair]).statistic / 4)
    assert judge_counts(1000, 1100) < 0.05 < judge_counts(1000, 1100, 4.0)


def days(rng, swing, count=30, calls=200):
    """Successes and calls of days whose rate swings by a normal amount about one half."""
    rates = [min(max(rng.gauss(0.5, swing), 0), 1) for _ in range(count)]
    # The normal form of the binomial: a hundred times faster, and as good at 200 calls.
    return [(round(rng.gauss(calls * rate, math.sqrt(calls * rate * (1 - rate)))), calls) for rate in rates]


def test_days_that_swing_are_measured_and_days_of_chance_are_not_widened():
    rng = random.Random(7)  # noqa: S311  # seeded, so that the test says the same every day
    calm = [dispersion([*rate_terms(days(rng, 0)), *rate_terms(days(rng, 0))], 2) for _ in range(40)]
    assert sum(factor > 1 for factor in calm) <= 5  # 5 % of 40 are 2
    # A swing of 0.07 of rate adds 199 x 0.0049 / 0.25 to a variance of 1.
    wild = [dispersion([*rate_terms(days(rng, 0.07)), *rate_terms(days(rng, 0.07))], 2) for _ in range(10)]
    assert sum(wild) / 10 == pytest.approx(1 + 199 * 0.07**2 / 0.25, rel=0.15)


def test_swinging_days_claim_a_change_seldom_once_they_are_widened():
    rng = random.Random(11)  # noqa: S311  # seeded, so that the test says the same every day
    plain, widened = 0, 0
    for _ in range(200):
        now, before = days(rng, 0.07), days(rng, 0.07)
        factor = dispersion([*rate_terms(now), *rate_terms(before)], 2)
        hits = [sum(hits for hits, _ in side) for side in (now, before)]
        pair = TwoRates(now=hits[0], of_now=6000, before=hits[1], of_before=6000)
        plain += judge_rates(pair) < 0.05
        widened += judge_rates(pair, factor) < 0.05
    assert plain > 40  # some six times too often
    assert widened <= 18  # 5 % of 200 are 10


def test_too_few_days_measure_no_dispersion():
    assert dispersion([9.0] * 6, 2) == 1.0
    assert dispersion([9.0] * 7, 2) == 63 / 5
    assert count_terms([(4, 2.0), (0, 0.0)]) == [2.0]
    assert rate_terms([(0, 0), (5, 5)]) == []
