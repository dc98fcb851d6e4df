"""Unpaid last days, seen on the calls alone. Numbers are invented."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.period import Period
from kayzen_nb.ripecalls import Span, find_unpaid_days, join_days, judge

DAY = date(2026, 11, 1)
NOVEMBER = Period(first_day=DAY, last_day=date(2026, 11, 10), zone="America/New_York")


def spans(*counts):
    return [Span(first_day=DAY + timedelta(days=n), converted=c, paid=p) for n, (c, p) in enumerate(counts)]


def judged(*counts):
    return judge(join_days(spans(*counts)))


def test_the_last_days_that_are_paid_less_are_found_back_to_the_first_ripe_day():
    found = judged(*[(20, 18)] * 7, (20, 6), (20, 3), (20, 0))
    assert found.first_day == date(2026, 11, 8)
    assert "since 2026-11-08 15.0% of 60 converted calls are paid, before that 90.0% of 140" in found.sentence
    assert "either not yet paid, or paid less" in found.sentence


def test_a_bad_day_in_the_middle_is_no_sign_of_unripe_calls():
    found = judged(*[(20, 18)] * 5, (20, 0), *[(20, 18)] * 3)
    assert (found.first_day, found.is_told) == (None, True)
    assert "that does not show that payouts are still to come" in found.sentence


def test_a_last_day_that_is_paid_better_than_before_stands_for_itself():
    assert judged(*[(20, 10)] * 8, (20, 20)).first_day is None


def test_a_difference_that_may_be_chance_hatches_nothing():
    assert judged(*[(20, 18)] * 7, (10, 7)).first_day is None


def test_of_very_many_calls_a_small_lack_is_no_matter():
    settled = [(100_000, 80_000)] * 9
    assert judged(*settled, (100_000, 76_100)).first_day is None
    assert judged(*settled, (100_000, 75_900)).first_day == DAY + timedelta(days=9)


def test_small_days_are_looked_at_together():
    found = judged(*[(4, 4)] * 20, *[(4, 0)] * 3)
    assert found.first_day == DAY + timedelta(days=20)


@pytest.mark.parametrize("counts", [[(20, 18)], [(4, 4)] * 9, [(0, 0)] * 9, [(45, 40), (30, 0)]])
def test_too_few_converted_calls_tell_nothing(counts):
    found = judged(*counts)
    assert (found.first_day, found.is_told) == (None, False)
    assert f"{sum(c for c, _ in counts)} converted calls of the period cannot tell" in found.sentence


def test_where_no_call_is_paid_nothing_is_told():
    found = judged(*[(20, 0)] * 9)
    assert (found.first_day, found.is_told) == (None, False)
    assert "none is paid" in found.sentence


def test_days_are_local_and_a_paid_call_counts_as_converted():
    settled = [{"call_at": f"2026-11-0{n} 15:00:00+00", "converted": True, "paid": True} for n in range(1, 7)] * 10
    late = [{"call_at": "2026-11-08 04:59:00+00", "converted": True, "paid": False}] * 12  # the 7th in New York
    after = [{"call_at": "2026-11-11 05:00:00+00", "converted": True}] * 12  # the 11th in New York: not of the period
    unconverted = [{"call_at": "2026-11-09 12:00:00+00", "paid": None}] * 9
    rows = [row | {"call_id": f"RGB{n}"} for n, row in enumerate(settled + late + after + unconverted)]
    found = find_unpaid_days(build_calls(rows), NOVEMBER)
    assert found.first_day == date(2026, 11, 7)
    assert "0.0% of 12 converted calls" in found.sentence
    assert "100.0% of 60" in found.sentence
    only_paid = [row | {"converted": None} for row in rows if row.get("paid")]
    others = [row for row in rows if not row.get("paid")]
    assert find_unpaid_days(build_calls(only_paid + others), NOVEMBER).sentence == found.sentence


@pytest.mark.parametrize("column", ["converted", "paid"])
def test_a_source_that_does_not_tell_payouts_leaves_it_unknown(column):
    found = find_unpaid_days(build_calls([], unknown=(column,)), NOVEMBER)
    assert (found.first_day, found.is_told) == (None, False)
    assert "the source does not tell" in found.sentence


_days = st.lists(
    st.integers(0, 40).flatmap(lambda c: st.tuples(st.just(c), st.integers(0, c))), min_size=1, max_size=15
)


@settings(max_examples=80, deadline=None)
@given(_days)
def test_joining_days_loses_no_call_and_leaves_only_the_first_span_small(counts):
    joined = join_days(spans(*counts))
    assert sum(one.converted for one in joined) == sum(c for c, _ in counts)
    assert sum(one.paid for one in joined) == sum(p for _, p in counts)
    assert all(one.converted >= 10 for one in joined[1:])
    assert joined[0].first_day == DAY


@settings(max_examples=80, deadline=None)
@given(_days)
def test_the_first_day_is_never_unripe_and_fully_paid_days_never_are(counts):
    assert judged(*counts).first_day != DAY
    assert judged(*[(c, c) for c, _ in counts]).first_day is None
