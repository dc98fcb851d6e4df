"""The same calls counted twice: against Ringba's Summary report, and against a second source of calls."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb import callselect, ringbacounts
from kayzen_nb.checks import Ledger, SetAside, Verdict, worst
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.ringbacounts import compare_counts, counts_table
from kayzen_nb.summarywords import SummaryRow, SummaryTable
from kayzen_nb.twotables import compare_tables, differences_table

WEEK = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")
NO = {"connected": False, "converted": False, "paid": False, "blocked": False, "is_duplicate": False}
CONNECTED = NO | {"connected": True, "completed": True, "target": "Center A"}
PAID = CONNECTED | {"converted": True, "paid": True, "revenue_usd_micros": 27_000_000, "payout_usd_micros": 20_000_000}
# By hand: 6 calls, 1 blocked, 1 hung up in the menu, 3 connected, 2 converted and paid, 1 duplicate, 54 and 40 dollars.
SIX = [
    NO | {"blocked": True},
    NO | {"incomplete_reason": "System Hangup"},
    NO,
    CONNECTED | {"target": "Center B", "is_duplicate": True},
    PAID,
    PAID,
]
CENTER_A = {"incoming": 2, "connected": 2, "paid": 2, "converted": 2, "duplicate": 0, "blocked": 0, "ivr_hangup": 0}
CENTER_B = {"incoming": 1, "connected": 1, "paid": 0, "converted": 0, "duplicate": 1, "blocked": 0, "ivr_hangup": 0}
BLANK = {"incoming": 3, "connected": 0, "paid": 0, "converted": 0, "duplicate": 0, "blocked": 1, "ivr_hangup": 1}
ALL = {name: CENTER_A[name] + CENTER_B[name] + BLANK[name] for name in CENTER_A}
NOTHING = {"revenue": 0, "payout": 0}
EARNED = {"revenue": 54_000_000, "payout": 40_000_000}


def summary_of(total=ALL, money=EARNED, dimension="target", rows=(("Center A", CENTER_A, EARNED), ("Center B", CENTER_B, NOTHING), (None, BLANK, NOTHING))):  # fmt: skip
    return SummaryTable(
        name="call-summary.csv",
        sha256="0" * 64,
        saved_at=datetime(2026, 11, 20, tzinfo=UTC),
        group_title="Target",
        dimension=dimension,
        rows=tuple(SummaryRow(group=group, line=2, counts=counts, micros=micros) for group, counts, micros in rows),
        total=SummaryRow(group="", line=9, counts=total, micros=money) if total else None,
    )


def funnel_of(rows=SIX, aside=(), only=None, **more):
    calls = build_calls(rows, **more)
    entries = tuple(SetAside(reason=reason, rows=count) for reason, count in aside)
    ledger = Ledger(rows_in=len(rows) + sum(count for _, count in aside), rows_used=len(rows), set_aside=entries)
    funnel = count_funnel(replace(calls, ledger=ledger), WEEK)
    return funnel.focus(only) if only else funnel


def test_equal_counts_pass_in_all_and_by_target():
    comparison = compare_counts(funnel_of(), summary_of())
    assert [check.verdict for check in comparison.checks()] == [Verdict.PASS, Verdict.PASS]
    assert comparison.sentence == "9 of 9 totals agree with Ringba's Summary report."
    assert [one.ours for one in comparison.totals] == [6, 1, 1, 3, 2, 2, 1, 54_000_000, 40_000_000]
    assert counts_table(comparison)["Answer"].tolist() == ["agrees"] * 9
    assert counts_table(comparison, all_groups=True).shape[0] == 9 + 3 * 9


@pytest.mark.parametrize("name", list(ALL))
def test_a_count_that_differs_is_unknown_never_a_failure(name):
    comparison = compare_counts(funnel_of(), summary_of(total=ALL | {name: ALL[name] + 3}))
    assert worst(comparison.checks()) is Verdict.UNKNOWN
    assert "the report has 3 more: why is unknown" in comparison.sentence
    assert "does not say which days, zone and filters" in comparison.sentence


def test_test_calls_that_were_set_aside_explain_as_many_incoming_calls():
    summary = summary_of(total=ALL | {"incoming": 8}, dimension="")
    comparison = compare_counts(funnel_of(aside=[("test call", 2)]), summary)
    assert worst(comparison.checks()) is Verdict.PASS
    assert "Incoming: the report has 2 more: 2 test calls set aside here." in comparison.sentence
    worse = compare_counts(funnel_of(aside=[("test call", 1)]), summary)
    assert worst(worse.checks()) is Verdict.UNKNOWN


def test_what_set_aside_calls_count_for_is_not_claimed():
    summary = summary_of(total=ALL | {"connected": 4}, money=EARNED | {"revenue": 81_000_000}, dimension="")
    comparison = compare_counts(funnel_of(aside=[("unreadable date", 1)]), summary)
    assert worst(comparison.checks()) is Verdict.UNKNOWN
    assert "Connected: the report has 1 more: 1 unreadable row set aside here may be it" in comparison.sentence
    assert "27.00 USD more" in comparison.sentence


def test_fewer_calls_in_the_report_are_not_explained_by_calls_set_aside():
    comparison = compare_counts(funnel_of(aside=[("test call", 1)]), summary_of(total=ALL | {"incoming": 5}))
    assert "the report has 1 less: why is unknown" in comparison.sentence


def test_columns_or_cells_that_are_not_there_cannot_be_told():
    total = {name: value for name, value in ALL.items() if name != "paid"}
    comparison = compare_counts(funnel_of(unknown=("blocked",)), summary_of(total=total))
    answers = {one.measure.name: str(one) for one in comparison.totals}
    assert answers["blocked"] == answers["paid out"] == "cannot be told"
    assert comparison.sentence.startswith("7 of 7 totals agree")
    assert counts_table(comparison).set_index("What")["Counted here"]["blocked"] == "unknown"


def test_without_a_totals_row_the_groups_are_added_up():
    assert worst(compare_counts(funnel_of(), summary_of(total=None)).checks()) is Verdict.PASS


def test_a_group_that_only_one_side_has_is_compared_with_zero():
    rows = (("Center A", CENTER_A, EARNED), (None, BLANK, NOTHING), ("Center C", CENTER_B, NOTHING))
    comparison = compare_counts(funnel_of(), summary_of(rows=rows))
    apart = {(one.group, one.measure.name): (one.ours, one.theirs) for one in comparison.groups if not one.is_equal}
    assert apart["Center B", "incoming"] == (1, 0)
    assert apart["Center C", "incoming"] == (0, 1)
    assert comparison.checks()[1].verdict is Verdict.UNKNOWN


def test_a_group_without_calls_is_no_difference():
    rows = [(row.group, row.counts, row.micros) for row in summary_of().rows]
    comparison = compare_counts(funnel_of(), summary_of(rows=[*rows, ("Idle", dict.fromkeys(ALL, 0), NOTHING)]))
    assert worst(comparison.checks()) is Verdict.PASS


def test_a_page_that_looks_at_a_part_says_so_beside_a_difference():
    comparison = compare_counts(funnel_of(only={"target": "Center A"}), summary_of())
    assert comparison.totals[0].ours == 2
    set_aside = funnel_of(aside=[("test call", 4)], only={"target": "Center A"})
    assert str(compare_counts(set_aside, summary_of()).totals[0]) == "the report has 4 more: why is unknown"
    assert "This page looks at a part of the calls" in comparison.sentence
    assert (
        "part of the calls"
        in compare_counts(funnel_of(SIX[1:], aside=[("another campaign", 9)]), summary_of()).sentence
    )


def test_half_a_cent_is_rounding_and_a_cent_is_not():
    near = compare_counts(funnel_of(), summary_of(money=EARNED | {"revenue": 54_005_000}))
    assert worst(near.checks()) is Verdict.PASS
    assert (
        worst(compare_counts(funnel_of(), summary_of(money=EARNED | {"revenue": 54_010_000})).checks())
        is Verdict.UNKNOWN
    )


def test_the_words_of_the_ledger_are_those_of_the_reader():
    assert (ringbacounts.TEST_CALL, ringbacounts.OTHER_CAMPAIGN) == (callselect.TEST_CALL, callselect.OTHER_CAMPAIGN)


def test_the_same_calls_from_two_sources_pass():
    comparison = compare_tables(build_calls(SIX), build_calls(SIX), names=("API", "CSV"))
    assert worst(comparison.checks()) is Verdict.PASS
    assert comparison.sentence == "In both API and CSV: 6 calls. They tell the same of them."
    assert differences_table(comparison).empty


def test_differences_are_counted_by_hand_and_listed():
    other = [*SIX[:4], PAID | {"paid": False, "revenue_usd_micros": 27_000_001}, PAID | {"blocked": None}]
    comparison = compare_tables(build_calls(SIX), build_calls([*other, NO]), names=("API", "CSV"))
    assert (comparison.both, comparison.only) == (6, (0, 1))
    assert {name: calls for name, calls in comparison.differs.items() if calls} == {"paid": 1, "revenue_usd_micros": 1}
    assert {name: calls for name, calls in comparison.told_by_one.items() if calls} == {"blocked": 1}
    assert comparison.money["revenue_usd_micros"] == (54_000_000, 54_000_001)
    assert differences_table(comparison).to_numpy().tolist() == [
        ["only in CSV", "RGB006", "missing", "there"],
        ["Blocked", "RGB005", "no", "not told"],
        ["Paid out", "RGB004", "yes", "no"],
        ["Revenue", "RGB004", "27.00 USD", "27.000001 USD"],
    ]
    assert "0.000001 apart" in comparison.sentence
    assert [check.verdict for check in comparison.checks()] == [Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_calls_that_came_after_the_other_was_read_are_explained():
    early = build_calls(SIX, as_of=datetime(2026, 11, 5, tzinfo=UTC))
    late = build_calls([*SIX, NO | {"call_at": "2026-11-05 00:00:01+00"}])
    assert compare_tables(late, early).only_later == (1, 0)
    assert compare_tables(early, late).checks()[0].verdict is Verdict.PASS
    assert "1 of them came after the other was read" in compare_tables(early, late).sentence
    told = replace(early, as_of=late.as_of, through=early.as_of)
    assert compare_tables(told, late).unexplained == (0, 0)
    reached = replace(early, as_of=early.as_of + timedelta(seconds=1))
    assert compare_tables(reached, late).unexplained == (0, 1)


def test_columns_that_one_source_does_not_hold_are_named_and_not_compared():
    comparison = compare_tables(build_calls(SIX, unknown=("paid",)), build_calls(SIX))
    assert comparison.not_compared == ("paid",)
    assert comparison.sentence.endswith("Not compared, because one of them does not hold it: Paid out.")


def test_two_sources_without_calls_are_nothing_to_compare():
    comparison = compare_tables(build_calls([]), build_calls([]), names=("API", "CSV"))
    assert comparison.sentence == "Neither API nor CSV has a call: nothing to compare."
    assert worst(comparison.checks()) is Verdict.UNKNOWN


flag = st.sampled_from([True, False, None])
amount = st.none() | st.integers(0, 2**60)
tables = st.dictionaries(st.integers(0, 30), st.tuples(flag, amount), max_size=12)


@settings(max_examples=30, deadline=None)
@given(tables, tables)
def test_the_join_agrees_with_plain_python_and_its_sums_are_exact(one, other):
    def built(table):
        return build_calls(
            [
                {"call_id": f"C{key}", "paid": paid, "revenue_usd_micros": micros}
                for key, (paid, micros) in table.items()
            ]
        )

    comparison = compare_tables(built(one), built(other))
    both = one.keys() & other.keys()
    assert (comparison.both, comparison.only) == (len(both), (len(one.keys() - both), len(other.keys() - both)))
    pairs = [(one[key][1], other[key][1]) for key in both]
    assert comparison.differs["revenue_usd_micros"] == sum(None not in pair and pair[0] != pair[1] for pair in pairs)
    assert comparison.told_by_one["paid"] == sum((one[key][0] is None) != (other[key][0] is None) for key in both)
    sums = tuple(sum(micros or 0 for _, micros in table.values()) for table in (one, other))
    assert comparison.money["revenue_usd_micros"] == sums
