"""The funnel: twelve calls counted by hand, and what must hold for any calls."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb import funnelcheck
from kayzen_nb.checks import Verdict, worst
from kayzen_nb.funnel import count_funnel
from kayzen_nb.headline import headline
from kayzen_nb.period import Period
from kayzen_nb.vocabulary import Stage

NO = {"connected": False, "converted": False, "paid": False, "blocked": False}
CONNECTED = NO | {"connected": True, "completed": True}
CONVERTED = CONNECTED | {"converted": True, "revenue_usd_micros": 27_000_000}
PAID = CONVERTED | {"paid": True, "payout_usd_micros": 20_000_000}

# 12 calls: 5 do not connect (2 blocked), 3 connect only, 1 converts unpaid, 3 are paid. By hand: 12, 7, 4, 3.
TWELVE = [
    NO | {"blocked": True, "campaign": "A"},
    NO | {"blocked": True, "campaign": "B"},
    NO | {"campaign": "A"},
    NO | {"campaign": "A"},
    NO,
    CONNECTED | {"campaign": "A"},
    CONNECTED | {"campaign": "B"},
    CONNECTED | {"campaign": "B", "is_duplicate": True},
    CONVERTED | {"campaign": "A"},
    PAID | {"campaign": "A"},
    PAID | {"campaign": "A", "revenue_usd_micros": 32_500_000},
    PAID | {"campaign": "B", "call_at": "2026-11-03 03:30:00+00"},
]


def test_twelve_calls_give_the_numbers_counted_by_hand(week):
    steps = count_funnel(build_calls(TWELVE), week).steps()
    assert list(steps["stage"]) == ["incoming", "connected", "converted", "payout"]
    assert list(steps["calls"]) == [12, 7, 4, 3]
    assert [round(rate, 4) for rate in steps["of_first_rate"]] == [1.0, 0.5833, 0.3333, 0.25]
    assert [round(rate, 4) for rate in steps["of_previous_rate"]] == [1.0, 0.5833, 0.5714, 0.75]
    assert list(steps["revenue"]) == [Decimal("113.50")] * 3 + [Decimal("86.50")]
    assert list(steps["payout"]) == [Decimal("60.00")] * 4


def test_calls_without_a_campaign_stay_a_group_and_the_groups_add_up(week):
    by_campaign = count_funnel(build_calls(TWELVE), week).by("campaign")
    incoming = by_campaign[by_campaign["stage"] == "incoming"]
    assert incoming["calls"].sum() == 12
    assert incoming["campaign"].isna().sum() == 1
    assert list(by_campaign.columns)[:2] == ["campaign", "stage"]


def test_a_day_begins_at_local_midnight_and_days_without_calls_are_zero(week):
    by_day = count_funnel(build_calls(TWELVE), week).by("day")
    incoming = by_day[by_day["stage"] == "incoming"].set_index("day")["calls"]
    # 03:30 UTC on the 3rd is still the 2nd in New York.
    assert incoming[date(2026, 11, 2)] == 12
    assert incoming[date(2026, 11, 3)] == 0
    assert len(incoming) == 7


def test_a_call_with_a_later_flag_has_reached_the_earlier_stages_and_is_reported(week):
    calls = build_calls([NO | {"converted": True}])
    counted = count_funnel(calls, week)
    assert list(counted.steps()["calls"]) == [1, 1, 1, 0]
    assert counted.violations["converted without connected"] == 1
    assert worst(funnelcheck.check_funnel(counted, calls)) is Verdict.FAIL


def test_a_payout_above_its_revenue_is_reported(week):
    counted = count_funnel(build_calls([PAID | {"payout_usd_micros": 28_000_000}]), week)
    assert counted.violations["payout above revenue"] == 1


def test_a_stage_that_the_source_does_not_hold_is_unknown_not_zero(week):
    calls = build_calls([{"connected": True}] * 3, unknown=("converted", "paid", "revenue_usd_micros"))
    counted = count_funnel(calls, week)
    assert counted.count(Stage.CONVERTED) is None
    assert counted.steps()["calls"].isna().tolist() == [False, False, True, True]
    assert counted.steps()["revenue"].isna().all()
    assert worst(funnelcheck.check_funnel(counted, calls)) is Verdict.UNKNOWN
    assert "converted unknown" in headline(counted)


def test_no_calls_is_an_answer_and_not_an_error(week):
    calls = build_calls([])
    counted = count_funnel(calls, week)
    assert list(counted.steps()["calls"]) == [0, 0, 0, 0]
    assert counted.by("campaign").empty
    assert worst(funnelcheck.check_funnel(counted, calls)) is Verdict.UNKNOWN
    assert "No calls" in headline(counted)


def test_a_period_that_is_not_over_makes_the_verdict_unknown(week):
    calls = build_calls(TWELVE, as_of=datetime(2026, 11, 5, tzinfo=UTC))
    checks = {c.name: c.verdict for c in funnelcheck.check_funnel(count_funnel(calls, week), calls)}
    assert checks["the period was over when the calls were read"] is Verdict.UNKNOWN


def test_the_healthy_twelve_pass_and_the_headline_names_the_biggest_drop(week):
    calls = build_calls(TWELVE)
    counted = count_funnel(calls, week)
    assert worst(funnelcheck.check_funnel(counted, calls)) is Verdict.PASS
    assert "between incoming and connected: 5 of 12" in headline(counted)


def test_money_is_exact_where_floats_would_not_be(week):
    rows = [CONVERTED | {"revenue_usd_micros": 100_000}] * 3
    assert count_funnel(build_calls(rows), week).steps()["revenue"][0] == Decimal("0.30")


def test_a_zone_with_a_half_hour_offset_gets_its_own_days():
    period = Period(first_day=date(2026, 11, 2), last_day=date(2026, 11, 3), zone="Asia/Kolkata")
    calls = build_calls([NO | {"call_at": "2026-11-02 18:29:59+00"}, NO | {"call_at": "2026-11-02 18:30:00+00"}])
    incoming = count_funnel(calls, period).by("day").query("stage == 'incoming'")
    assert list(incoming["calls"]) == [1, 1]


flag = st.sampled_from([True, False, None])
call = st.fixed_dictionaries(
    {
        "connected": flag,
        "converted": flag,
        "paid": flag,
        "campaign": st.sampled_from(["A", "B", None, ""]),
        "revenue_usd_micros": st.one_of(st.none(), st.integers(-(10**9), 10**9)),
        "payout_usd_micros": st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(call, max_size=15), st.randoms())
def test_any_calls_in_any_order_give_sums_that_agree_and_rates_within_one(rows, rng):
    week = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/Denver")
    counted = count_funnel(build_calls(rows), week)
    steps = counted.steps()
    for dimension in ("day", "campaign"):
        parts = counted.by(dimension)
        for stage, total, money in zip(steps["stage"], steps["calls"], steps["revenue"], strict=True):
            rows_of_stage = parts[parts["stage"] == stage]
            assert rows_of_stage["calls"].sum() == total
            assert sum(rows_of_stage["revenue"], Decimal(0)) == money
    rates = pd.concat([steps["of_first_rate"], steps["of_previous_rate"]]).dropna()
    assert rates.between(0, 1).all()
    shuffled = list(rows)
    rng.shuffle(shuffled)
    assert count_funnel(build_calls(shuffled), week).steps().equals(steps)


def test_the_page_s_own_questions_take_one_pass_for_single_groups_one_for_days_and_one_for_hours(week):
    counted = count_funnel(build_calls(TWELVE), week)
    counted.steps(), counted.exits()
    for name in ("campaign", "state", "target", "publisher", "is_duplicate"):
        counted.by(name), counted.exits(name)
    assert len(counted.queries) == 1
    counted.by("day"), counted.by("campaign", "day"), counted.by("weekday")
    assert len(counted.queries) == 2
    counted.by("hour", "weekday")
    assert len(counted.queries) == 3
    counted.by("state", "is_duplicate"), counted.exits("number", "target")
    assert len(counted.queries) == 4
