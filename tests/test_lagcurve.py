"""The share known by age: curves counted by hand, and what must hold for any counts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.lagcounts import LAG_COLUMNS, Lags
from kayzen_nb.lagcurve import build_curve
from kayzen_nb.vocabulary import Event

DAY = date(2026, 10, 1)


def lags_of(*rows, event="payout", read_at=None, as_of=datetime(2026, 11, 20, tzinfo=UTC)):
    """Lags from ``(days after the first of October, first_h, known_h, followed_h, calls)``."""
    filled = [(event, DAY + timedelta(days=day), *rest) for day, *rest in rows]
    counts = pd.DataFrame(filled, columns=list(LAG_COLUMNS))
    return Lags(counts=counts, read_at=read_at or {}, pulls=len(rows), as_of=as_of)


def curve_of(*rows, at_least=1, days_at_least=1):
    return build_curve(lags_of(*rows), Event.PAYOUT, at_least=at_least, days_at_least=days_at_least)


def test_payouts_after_one_three_and_ten_days_give_the_shares_counted_by_hand():
    # 9 payouts: 2 known by the first reading after a day, 3 more after three days, 4 more after ten.
    curve = curve_of((0, 24, 24, 240, 2), (0, 24, 72, 240, 3), (0, 24, 240, 240, 4))
    points = dict(curve.points)
    assert [points[age] for age in (24, 48, 72, 216, 240)] == pytest.approx([2 / 9, 2 / 9, 5 / 9, 5 / 9, 1])
    assert (curve.calls, curve.days, curve.followed_h) == (9, 1, 240)
    assert (curve.reach_h(0.5), curve.reach_h(5 / 9), curve.reach_h(0.95)) == (72, 72, 240)


def test_young_days_count_in_the_steps_that_they_lived_through_only():
    # Followed for ten days: 4 after one day, 8 after three. Followed for three days: 4 after one, 6 after three.
    # By hand: from one day to three 8 grow to 14; after that nothing: 8 of 14 are known after a day.
    rows = [(0, 24, 24, 240, 4), (0, 24, 72, 240, 4), (1, 24, 24, 72, 4), (1, 24, 72, 72, 2)]
    points = dict(curve_of(*rows).points)
    assert (points[24], points[72], points[240]) == pytest.approx((8 / 14, 1, 1))


def test_a_day_that_was_first_read_late_tells_nothing_of_the_early_steps():
    early, late = (0, 24, 24, 240, 10), (1, 120, 120, 240, 90)
    assert curve_of(early, (0, 24, 72, 240, 10), late).points == curve_of(early, (0, 24, 72, 240, 10)).points
    assert curve_of(late).points[0] == (120, 1)


def test_steps_of_too_few_calls_or_days_end_the_curve():
    rows = [(day, 24, 24, 240 if day else 720, 10) for day in range(5)]
    assert curve_of(*rows, at_least=50, days_at_least=5).followed_h == 240
    assert curve_of(*rows, at_least=10, days_at_least=1).followed_h == 720
    assert curve_of(*rows, at_least=51).points == ()
    assert curve_of(*rows, days_at_least=6).points == ()
    assert curve_of().points == ()


def test_a_curve_does_not_jump_over_ages_at_which_nothing_was_seen():
    young, old = [(0, 24, 24, 72, 10), (0, 24, 48, 72, 10)], (1, 240, 240, 720, 30)
    assert curve_of(*young, old, at_least=10).points == ((24, 0.5), (36, 0.5), (48, 1.0), (72, 1.0))


def test_a_share_that_was_reached_in_the_second_half_of_what_was_followed_is_not_told():
    first, later = (0, 24, 24, 480, 90), (0, 24, 240, 480, 10)
    assert curve_of(first, later).told_h(0.95) == 240
    assert curve_of(first, (0, 24, 264, 480, 10)).told_h(0.95) is None
    assert curve_of(first, (0, 24, 264, 480, 10)).late_share == pytest.approx(0.1)
    assert curve_of(first, (0, 24, 264, 480, 10)).told_h(0.9) == 24


def test_what_a_late_first_reading_already_had_is_not_told_as_a_lag():
    assert curve_of((0, 48, 48, 480, 100)).told_h(0.95) == 48
    assert curve_of((0, 49, 49, 480, 100)).told_h(0.95) is None
    assert curve_of((0, 49, 49, 480, 90), (0, 49, 96, 480, 10)).told_h(0.95) == 96


def test_a_share_of_exactly_the_limit_is_reached():
    assert curve_of((0, 24, 24, 480, 95), (0, 24, 96, 480, 5)).told_h(0.95) == 24


_rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 60), st.integers(0, 300), st.integers(0, 600), st.integers(1, 30)).map(
        lambda row: (row[0], row[1], row[1] + row[2], row[1] + row[2] + row[3], row[4])
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(_rows)
def test_shares_rise_from_above_zero_to_one(rows):
    shares = [share for _, share in curve_of(*rows).points]
    assert shares == sorted(shares)
    assert all(0 < share <= 1 + 1e-12 for share in shares)
    assert not shares or shares[-1] == 1


@settings(max_examples=60, deadline=None)
@given(_rows, st.integers(1, 200))
def test_calls_followed_all_the_way_give_the_plain_share(rows, age_h):
    whole = [(day, 1, known, 2208, calls) for day, _, known, _, calls in rows] + [(0, 1, 1, 2208, 1)]
    points = dict(curve_of(*whole).points)
    known = sum(calls for *_, known, _, calls in whole if known <= age_h)
    if age_h in points:
        assert points[age_h] == pytest.approx(known / sum(row[-1] for row in whole))
