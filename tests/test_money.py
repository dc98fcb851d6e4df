"""Money on every step and costs: a case counted by hand, and what must add up for any spend."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.amounts import per_one, ratio, to_places
from kayzen_nb.checks import Ledger, Verdict
from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.money import count_money
from kayzen_nb.moneywords import check_costs, describe_costs, describe_money, describe_per_call
from kayzen_nb.period import Period
from kayzen_nb.spend import SPEND_COLUMNS, WHOLE, SpendTable
from kayzen_nb.vocabulary import Stage

WEEK = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")
NO = {"connected": False, "completed": False, "converted": False, "paid": False, "blocked": False}
CONNECTED = NO | {"connected": True, "completed": True}
CONVERTED = CONNECTED | {"converted": True, "revenue_usd_micros": 27_000_000}
PAID = CONVERTED | {"paid": True, "payout_usd_micros": 20_000_000}

# By hand: 8 calls; 5 connected (1 of them still talks), 4 converted (1 for 0.00, 1 without a told amount), 1 paid.
# Revenue 27 + 27 + 0 = 54; payout 20; margin 34. One left in the menu, one was blocked.
EIGHT = [
    NO | {"campaign": "Acme", "blocked": True, "incomplete_reason": "blocked first"},
    NO | {"campaign": "Acme", "incomplete_reason": "System Hangup"},
    NO | {"campaign": "Other"},
    CONNECTED | {"campaign": "Acme", "completed": False},
    CONVERTED | {"campaign": "Acme"},
    CONVERTED | {"campaign": "Acme", "revenue_usd_micros": 0},
    CONVERTED | {"campaign": "Acme", "revenue_usd_micros": None},
    PAID | {"campaign": "acme ", "call_at": "2026-11-04 03:30:00+00"},  # still the 3rd in New York
]


def build_spend(rows, *, held=("day", "campaign", "impressions", "spend_usd_micros")):
    frame = pd.DataFrame(rows, columns=list(SPEND_COLUMNS), dtype="object").astype(dict.fromkeys(WHOLE, "Int64"))
    return SpendTable(rows=frame, ledger=Ledger(rows_in=len(rows), rows_used=len(rows)), held=frozenset(held))


def spent(day, campaign, usd, **more):
    return {"day": date(2026, 11, day), "campaign": campaign, "spend_usd_micros": usd * 1_000_000, **more}


SPEND = [spent(2, "ACME", 20), spent(3, "acme", 10), spent(3, "acme", 5), spent(3, "Brand", 7), spent(20, "Acme", 99)]


def money_of(rows=EIGHT, spend=None, *, unknown=(), **definition):
    return count_money(count_funnel(build_calls(rows, unknown=unknown), WEEK, Definition(**definition)), spend)


def test_eight_calls_earn_at_each_stage_what_was_counted_by_hand():
    steps = money_of().steps
    assert list(steps["calls"]) == [8, 5, 4, 1]
    assert list(steps["revenue"]) == [Decimal("54.00")] * 3 + [Decimal("27.00")]
    assert list(steps["payout"]) == [Decimal("20.00")] * 4
    assert list(steps["margin"]) == [Decimal("34.00")] * 3 + [Decimal("7.00")]
    assert [round(rate, 4) for rate in steps["margin_rate"]] == [0.6296, 0.6296, 0.6296, 0.2593]
    assert list(steps["revenue_per_call"]) == [Decimal("6.75"), Decimal("10.80"), Decimal("13.50"), Decimal("54.00")]


def test_zero_missing_and_not_yet_are_kept_apart_and_sum_to_the_calls():
    steps = money_of(pays_until=datetime(2026, 11, 3, tzinfo=UTC)).steps
    revenue = steps[["revenue_other", "revenue_zero", "revenue_missing", "revenue_not_yet"]]
    assert revenue.to_numpy().tolist() == [[2, 1, 4, 1], [2, 1, 1, 1], [2, 1, 1, 0], [1, 0, 0, 0]]
    payout = steps[["payout_other", "payout_zero", "payout_missing", "payout_not_yet"]]
    assert payout.to_numpy().tolist() == [[1, 0, 6, 1], [1, 0, 3, 1], [1, 0, 3, 0], [1, 0, 0, 0]]
    assert list(revenue.sum(axis=1)) == list(payout.sum(axis=1)) == [8, 5, 4, 1]
    young = money_of(pays_until=datetime(2026, 11, 2, tzinfo=UTC)).steps
    assert list(young["payout_not_yet"]) == [4, 4, 3, 0]


def test_revenue_per_call_is_given_with_both_bases_each_named():
    money = money_of()
    assert money.revenue_per_incoming == Decimal("6.75")
    # 8 incoming - 1 that still talks - 1 that left in the menu; the blocked one has ended, whatever it gives as reason.
    assert money.ended.calls == 6
    assert money.revenue_per_ended == Decimal("9.00")
    assert describe_per_call(money) == (
        "Revenue per call: 6.75 USD over all 8 incoming calls. By Ringba's formula: 9.00 USD over 6 ended calls "
        "(incoming - 1 live - 1 that ended in the menu)."
    )


def test_ringbas_base_is_unknown_when_one_of_its_parts_is():
    money = money_of(unknown=("incomplete_reason",))
    assert money.revenue_per_ended is None
    assert "unknown, calls that ended in the menu unknown" in describe_per_call(money)


def test_costs_of_the_joined_campaign_are_those_counted_by_hand():
    join = money_of(spend=build_spend(SPEND)).join
    # Acme stands on both sides, on the 2nd and the 3rd: 7 calls, 5 connected, 4 converted, 1 paid; 35 USD.
    assert join.basis.days == (date(2026, 11, 2), date(2026, 11, 3))
    assert [join.basis.cost_per(stage) for stage in Stage] == [
        Decimal("5.00"),
        Decimal("7.00"),
        Decimal("8.75"),
        Decimal("35.00"),
    ]
    assert join.basis.roas == Fraction(54, 35)
    assert join.basis.media_profit_usd_micros == 19_000_000


def test_what_stands_on_one_side_only_is_listed_with_its_amount():
    join = money_of(spend=build_spend(SPEND)).join
    assert (join.period_usd_micros, join.unmatched_usd_micros, join.outside_usd_micros) == (
        42_000_000,
        7_000_000,
        99_000_000,
    )
    table = join.campaigns
    assert list(table["side"]) == ["both", "calls only", "spend only"]
    assert list(table["campaign"]) == ["acme ", "Other", "Brand"]
    assert join.calls_left_out == 1
    said = describe_costs(money_of(spend=build_spend(SPEND)))
    for part in (
        "7.00 USD of campaigns that have no calls",
        "99.00 USD outside",
        "1 call of campaigns without",
        "5 days",
    ):
        assert part in said


def test_a_day_that_the_report_does_not_hold_is_unknown_and_not_zero():
    daily = money_of(spend=build_spend([*SPEND, spent(5, "Brand", 1)])).join.daily.set_index("day")
    assert str(daily["spend_usd_micros"][date(2026, 11, 1)]) == "<NA>"
    assert daily["spend_usd_micros"][date(2026, 11, 5)] == 0  # the report holds the day, and no row for Acme
    assert daily["calls"][date(2026, 11, 1)] == 0
    assert list(daily["calls"]) == [0, 6, 1, 0, 0, 0, 0]


def test_without_a_column_of_campaigns_days_alone_are_joined():
    join = money_of(spend=build_spend([spent(2, None, 40)], held=("day", "spend_usd_micros"))).join
    assert join.by == "day"
    assert join.campaigns.empty
    assert join.basis.cost_per(Stage.INCOMING) == Decimal("5.71")  # 40 / 7 calls of the 2nd


def test_when_no_name_stands_on_both_sides_it_is_said_and_the_check_is_unknown():
    money = money_of(spend=build_spend([spent(2, "Acme Q4", 40), spent(2, None, 1)]))
    assert money.join.by == "day"
    assert "No campaign's name stands on both sides" in describe_costs(money)
    assert next(check for check in check_costs(money) if "joined" in check.name).verdict is Verdict.UNKNOWN
    near = money.join.campaigns.set_index("campaign")["near"]
    assert near["Acme Q4"] == "acme"


def test_blank_campaigns_of_the_two_sides_are_not_taken_for_the_same():
    join = money_of(
        [NO | {"campaign": None}, NO | {"campaign": "A"}], build_spend([spent(2, None, 4), spent(2, "A", 2)])
    ).join
    assert join.basis.spend_usd_micros == 2_000_000
    assert sorted(join.campaigns["side"]) == ["both", "calls only", "spend only"]


def test_spend_of_days_whose_calls_were_not_read_is_left_out_and_named():
    from dataclasses import replace

    calls = replace(build_calls(EIGHT), missing_days=(date(2026, 11, 3),))
    money = count_money(count_funnel(calls, WEEK), build_spend(SPEND))
    # The 3rd UTC is missing: the local 2nd and 3rd are known in part only.
    assert money.join.basis.days == ()
    assert money.join.unread_usd_micros == 42_000_000
    assert "costs are unknown" in describe_costs(money)
    assert "42.00 USD on days whose calls are not all known" in describe_costs(money)


def test_ripe_days_alone_have_a_return_of_their_own_and_late_revenue_is_announced():
    money = money_of(spend=build_spend(SPEND), pays_until=datetime(2026, 11, 3, 12, tzinfo=UTC))
    assert money.join.ripe.days == (date(2026, 11, 2),)
    assert money.join.ripe.roas == Fraction(27, 20)
    said = describe_money(money)
    assert "from 2026-11-03 on, not ripe yet, revenue and payout are still coming" in said
    assert "On the 1 ripe day alone: ROAS 1.35" in said


def test_a_part_of_the_calls_has_no_costs_because_spend_cannot_be_divided():
    money = count_money(count_funnel(build_calls(EIGHT), WEEK).focus({"campaign": "Acme"}), build_spend(SPEND))
    assert money.join is None
    assert "not divided by campaign" in describe_costs(money)
    assert money.steps["revenue_zero"].isna().all()
    assert list(money.steps["calls"]) == [6, 4, 3, 0]


@pytest.mark.parametrize("column", ["revenue_usd_micros", "payout_usd_micros", "converted"])
def test_what_the_source_does_not_hold_is_unknown_and_not_zero(column):
    money = money_of(spend=build_spend(SPEND), unknown=(column,))
    if column == "revenue_usd_micros":
        assert money.join.basis.roas is None
        assert money.margin_usd_micros is None
        assert "no revenue" in describe_money(money)
    elif column == "payout_usd_micros":
        assert "Payout is unknown" in describe_money(money)
    else:
        assert money.join.basis.cost_per(Stage.CONVERTED) is None
        assert str(money.steps["calls"][2]) == "<NA>"
        assert money.join.campaigns["converted"].isna().all()


def test_nothing_at_all_is_said_as_such():
    assert describe_money(money_of([])) == "No calls, no revenue."
    assert describe_money(money_of([], build_spend(SPEND))) == (
        "No calls, no revenue. Kayzen's file tells 42.00 USD of spend in the period."
    )
    empty = money_of([], build_spend([]))
    assert empty.join.basis.days == ()
    assert describe_per_call(empty).startswith("No calls")


def test_the_sentence_has_the_numbers():
    said = describe_money(money_of(spend=build_spend(SPEND)))
    assert said.startswith(
        "Revenue 54.00 USD: 6.75 USD per call, 13.50 per converted call. "
        "Payout 20.00 USD, so a margin of 34.00 USD, 63.0% of revenue. "
        "Of 4 converted calls: revenue of 1 is 0.00, revenue of 1 is missing, payout of 3 is missing. "
        "Spend 35.00 USD: 5.00 USD a call, 7.00 USD a connected call, 8.75 USD a converted call, 35.00 USD a paid call; "
        "ROAS 1.54, revenue minus spend 19.00 USD."
    )


def test_costs_are_checked_only_where_there_is_spend():
    assert check_costs(money_of()) == []
    verdicts = {check.name: check.verdict for check in check_costs(money_of(spend=build_spend(SPEND)))}
    assert set(verdicts.values()) == {Verdict.UNKNOWN}
    whole = build_spend([spent(day, "Acme", 1) for day in range(1, 8)])
    only_acme = [row for row in EIGHT if row["campaign"] != "Other"]
    assert {check.verdict for check in check_costs(money_of(only_acme, whole))} == {Verdict.PASS}


def test_a_cent_is_rounded_half_to_even_and_only_once():
    assert [per_one(5_000, 1), per_one(15_000, 1), per_one(25_001, 1)] == [
        Decimal("0.00"),
        Decimal("0.02"),
        Decimal("0.03"),
    ]
    assert per_one(1, 0) is None
    assert per_one(None, 3) is None
    assert ratio(1, 0) is None
    assert to_places(Fraction(-1, 8)) == Decimal("-0.12")


campaigns = st.sampled_from(["A", " a", "B", "C", None])
costs = st.lists(
    st.builds(lambda day, name, micros: spent(day, name, 0) | {"spend_usd_micros": micros},
              st.integers(1, 9), campaigns, st.integers(0, 10**12)), max_size=12,
)  # fmt: skip
some_calls = st.lists(
    st.builds(lambda day, name, row: row | {"campaign": name, "call_at": f"2026-11-0{day} 17:00:00+00"},
              st.integers(1, 7), campaigns, st.sampled_from([NO, CONNECTED, CONVERTED, PAID])), max_size=10,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(some_calls, costs)
def test_for_any_spend_the_parts_add_up(rows, spending):
    spend = build_spend(spending)
    money = money_of(rows, spend)
    join = money.join
    assert join.period_usd_micros + join.outside_usd_micros == spend.total_usd_micros
    assert join.basis.spend_usd_micros + join.unmatched_usd_micros + join.unread_usd_micros == join.period_usd_micros
    assert join.daily["spend_usd_micros"].sum() == join.basis.spend_usd_micros
    known = [day for day in WEEK.days if day in join.basis.days]
    assert join.campaigns["spend_usd_micros"].sum() == join.basis.spend_usd_micros + join.unmatched_usd_micros
    assert join.campaigns["calls"].sum() == sum(date.fromisoformat(row["call_at"][:10]) in known for row in rows)
    for stage in Stage:
        calls, cost = join.basis.calls[stage], join.basis.cost_per(stage)
        if calls:
            assert abs(cost * calls * 1_000_000 - join.basis.spend_usd_micros) <= calls * 5_000
    if join.basis.roas is not None:
        assert join.basis.roas * join.basis.spend_usd_micros == join.basis.revenue_usd_micros


def test_one_campaign_s_calls_carry_that_campaign_s_spend_and_never_the_account_s():
    funnel = count_funnel(build_calls(EIGHT), WEEK)
    own = count_money(funnel, build_spend(SPEND), campaign=" acme")
    assert own.join.period_usd_micros == 35_000_000
    other = count_money(funnel, build_spend(SPEND), campaign="Another")
    assert other.join is None
    assert "Another alone" in other.no_join
    days_only = build_spend([spent(2, None, 20)], held=("day", "spend_usd_micros"))
    assert count_money(funnel, days_only, campaign="Acme").join is None
    assert count_money(funnel, days_only).join.period_usd_micros == 20_000_000
