"""What is said of exits, groups and hours, their tables, callers, the definition in words, and the period before."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from conftest import build_calls

from kayzen_nb import breakdowns, funneltables
from kayzen_nb.callers import count_callers
from kayzen_nb.checks import Ledger, SetAside
from kayzen_nb.comparison import compare, previous_period, ripe_days
from kayzen_nb.definition import RIPE, Definition
from kayzen_nb.definitiontext import describe_briefly, describe_definition
from kayzen_nb.dimensions import DIMENSIONS, OTHERS, describe_value
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period

NO = {"connected": False, "converted": False, "paid": False}
YES = {"connected": True, "completed": True, "converted": False, "paid": False}
ROWS = [
    NO | {"blocked": True, "block_reason": "Spam", "state": "CA"},
    NO | {"blocked": True, "block_reason": "Spam", "state": "TX"},
    NO | {"blocked": True, "block_reason": "TCPA Shield"},
    NO | {"ended_by": "Caller", "state": "CA"},
    NO,
    YES | {"state": "CA", "connected_s": 20},
    YES | {"state": "CA", "converted": True, "revenue_usd_micros": 27_000_000},
    YES | {"state": "TX", "converted": True, "paid": True, "payout_usd_micros": 0},
]


def funnel_of(rows, week, definition=None, **more):
    return count_funnel(build_calls(rows, **more), week, definition)


def test_the_exit_that_most_calls_take_is_named_and_what_nobody_explains_is_counted(week):
    assert breakdowns.describe_exits(funnel_of(ROWS, week)) == (
        "Most leave here: Blocked (3 calls, 60% of that drop). Of 3 calls nobody says why."
    )
    assert breakdowns.describe_exits(funnel_of(ROWS[:2], week)).endswith("Every exit has its reason.")
    assert breakdowns.describe_exits(funnel_of([], week)) == "No calls, so none that leave."


def test_reasons_stand_in_ringba_s_own_words(week):
    counted = funnel_of(ROWS, week)
    assert breakdowns.describe_reasons(counted) == (
        "In Ringba's own words: Blocked: Spam (2); Blocked: TCPA Shield (1)."
    )
    assert funneltables.reasons_table(counted).to_numpy().tolist() == [
        ["Blocked", "Spam", "2"],
        ["Blocked", "TCPA Shield", "1"],
    ]
    assert "no reasons in words" in breakdowns.describe_reasons(funnel_of([NO], week))


def test_exits_are_left_out_where_a_stage_is_unknown(week):
    counted = funnel_of(ROWS, week, unknown=("converted",))
    assert set(counted.exits()["stage"]) == {"incoming"}
    assert list(funneltables.stages_table(counted)["Calls"]) == ["8", "3", "unknown", "1"]


def test_a_stage_s_rates_bring_their_interval_and_say_when_there_is_no_base(week):
    table = funneltables.stages_table(funnel_of(ROWS, week))
    assert list(table["Of all calls"]) == ["", "37.5% (13.7–69.4)", "25.0% (7.1–59.1)", "12.5% (2.2–47.1)"]
    assert list(table["Of the stage before"])[2] == "66.7% (20.8–93.9)"
    assert list(funneltables.stages_table(funnel_of([], week))["Of all calls"]) == ["", "no base", "no base", "no base"]


def test_groups_come_by_size_then_the_pool_then_the_blank_and_add_up(week):
    rows = [{"state": s} for s in ("TX", "CA", "CA", "NY", "OH")] + [{}, {}, {}]
    table = funneltables.groups_table(funnel_of(rows, week), "state", 1)
    assert list(table["State"]) == ["CA", OTHERS, DIMENSIONS["state"].blank]
    assert list(table["Incoming"]) == ["2", "3", "3"]


def test_the_largest_group_is_named_with_an_interval_only_where_its_base_is_not_tiny(week):
    assert breakdowns.describe_group(funnel_of(ROWS, week), "state") == "CA has most calls: 4 of 8."
    many = [YES | {"state": "CA", "converted": n < 10} for n in range(40)]
    said = breakdowns.describe_group(funnel_of(many, week), "state")
    assert said == "CA has most calls: 40 of 40; 25.0% of them converted (14.2% to 40.2%)."
    assert breakdowns.describe_group(funnel_of([NO], week), "target") == "No call names its target."


def test_the_busiest_hour_of_the_week_is_local(week):
    rows = [NO | {"call_at": f"2026-11-03 03:{n}0:00+00"} for n in range(3)]
    assert breakdowns.describe_week(funnel_of(rows, week)) == "Most calls come on Mondays at 22:00: 3 in the period."


@pytest.mark.parametrize(
    ("dimension", "value", "shown"),
    [("campaign", None, "(no campaign)"), ("is_duplicate", False, "no"), ("weekday", 0, "Monday"), ("hour", 7, "07:00"),
     ("state", OTHERS, OTHERS), ("target", float("nan"), "(no target named)")],
)  # fmt: skip
def test_group_values_are_words(dimension, value, shown):
    assert describe_value(dimension, value) == shown


def test_callers_are_counted_by_pseudonym_and_the_unnamed_apart(week):
    rows = [YES | {"caller_key": key} for key in ("a", "a", "b")] + [YES | {"converted": True, "caller_key": "b"}, NO]
    assert str(count_callers(funnel_of(rows, week))) == (
        "5 calls by 2 callers (2.00 calls each); 1 caller converted. Of 1 call the caller is not known."
    )
    assert "unknown" in str(count_callers(funnel_of(rows, week, unknown=("caller_key",))))
    assert "unknown" in str(count_callers(funnel_of([NO], week)))
    assert str(count_callers(funnel_of([], week))) == "No calls, so no callers."


def test_the_definition_says_who_what_since_when_and_what_is_left_out(week):
    definition = Definition(connect_within_s=60, converts_after_s=90, pays_until=datetime(2026, 11, 5, 5, tzinfo=UTC))
    counted = funnel_of(ROWS, week, definition)
    ledger = Ledger(rows_in=9, rows_used=8, set_aside=(SetAside(reason="test call", rows=1),))
    counted = replace(counted, table=replace(counted.table, ledger=ledger), unread=(date(2026, 11, 7),))
    text = describe_definition(counted.focus({"state": None, RIPE: True}))
    assert text.startswith(
        "Counted: calls of state (no state) on ripe days from 2026-11-01 to 2026-11-07 (America/New_York)"
    )
    for part in (
        "within 60 s",
        "90 s of connected",
        "2026-11-05 00:00",
        "1 row (test call)",
        "not read: 1",
        "from test",
    ):
        assert part in text, part
    assert "too young" not in describe_definition(funnel_of(ROWS, week))
    brief = describe_briefly(counted)
    assert brief.startswith("Calls of all campaigns, 2026-11-01 to 2026-11-07 (America/New_York); reached at least; ")
    assert "1 row (test call)" in brief
    assert "campaign CTV Spring" in describe_definition(counted, campaign="CTV Spring")


def test_the_ripe_days_are_compared_with_the_corresponding_days_before(week):
    definition = Definition(pays_until=datetime(2026, 11, 6, 5, tzinfo=UTC))
    assert len(ripe_days(week, definition)) == 5
    period = previous_period(week, definition)
    assert (period.first_day, period.last_day) == (date(2026, 10, 25), date(2026, 10, 29))
    assert previous_period(week, Definition(pays_until=week.start_utc)) is None
    now = funnel_of([NO, NO | {"call_at": "2026-11-07 12:00:00+00"}], week, definition)
    compared = compare(now, funnel_of([NO | {"call_at": "2026-10-26 12:00:00+00"}], period))
    assert compared.now.calls == 1
    assert str(compared) == (
        "5 days from 2026-11-01 against 5 days from 2026-10-25; the last 2 days left out, not ripe yet"
    )


def test_nothing_is_compared_where_nothing_or_not_all_is_known_of_the_days_before(week):
    now = funnel_of([NO], week)
    period = Period(first_day=date(2026, 10, 25), last_day=date(2026, 10, 31), zone=week.zone)
    assert "no call is known" in str(compare(now, funnel_of([], period)))
    before = count_funnel(
        replace(build_calls([NO | {"call_at": "2026-10-26 12:00:00+00"}]), missing_days=(date(2026, 10, 27),)), period
    )
    assert compare(now, before).before is None
    assert "is known to be there" in str(compare(now, before))


def test_the_funnel_can_look_at_a_part_and_shares_what_was_counted(week):
    counted = funnel_of(ROWS, week)
    part = counted.focus({"state": "CA"})
    assert part.calls == 4
    assert list(part.by("is_duplicate")["calls"]) == [4, 2, 1, 0]
    assert counted.calls == 8
    assert part.queries == counted.queries
