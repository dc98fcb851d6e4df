"""The calls behind a bar: as many as the bar says, in the page's time, with nothing private and nothing that runs."""

import csv
import stat
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import build_calls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kayzen_nb import callstable
from kayzen_nb.callstable import calls_table, count_calls, describe_files, files_table, save_calls, save_found
from kayzen_nb.definition import Definition
from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.drilldown import CALLS_COLUMNS, describe_calls, find_calls
from kayzen_nb.errors import ParameterError
from kayzen_nb.exits import EXITS
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.tables import safe_cell
from kayzen_nb.vocabulary import Stage

NO = {"connected": False, "converted": False, "paid": False, "blocked": False}
PAID = NO | {
    "connected": True, "completed": True, "converted": True, "paid": True, "revenue_usd_micros": 27_000_000,
    "payout_usd_micros": 20_100_001, "connected_s": 1234,
}  # fmt: skip
SIX = [
    NO | {"blocked": True, "block_reason": "Spam", "state": "TX"},
    NO | {"incomplete_reason": "Hung up in menu", "call_at": "2026-11-01 05:30:00+00"},  # 01:30 in summer time
    NO | {"state": "TX", "call_at": "2026-11-01 06:30:00+00"},  # 01:30 again, in winter time
    NO | {"connected": True, "no_conversion_reason": "Too short", "target": "A"},
    PAID | {"state": "TX", "target": "A", "is_duplicate": True},
    PAID | {"target": "O'Neill", "is_duplicate": False, "call_at": "2026-11-03 04:59:59+00"},
]


@pytest.fixture
def six(week):
    return count_funnel(build_calls(SIX), week)


def ids(calls):
    return [one for (one,) in calls.project("call_id").fetchall()]


def test_the_calls_of_a_stage_an_exit_and_a_group_are_those_counted_by_hand(six):
    assert ids(find_calls(six)) == ["RGB001", "RGB002", "RGB000", "RGB003", "RGB004", "RGB005"]
    assert ids(find_calls(six, stage="connected")) == ["RGB003", "RGB004", "RGB005"]
    assert ids(find_calls(six, stage=Stage.PAYOUT, only={"target": "A"})) == ["RGB004"]
    assert ids(find_calls(six, exit_name="blocked")) == ["RGB000"]
    assert ids(find_calls(six, exit_name=["blocked", "left_in_menu"])) == ["RGB001", "RGB000"]
    assert ids(find_calls(six, only={"state": None, "target": ["A", None]})) == ["RGB001", "RGB003"]
    assert ids(find_calls(six, only={"target": "O'Neill"})) == ["RGB005"]
    assert ids(find_calls(six, only={"is_duplicate": False})) == ["RGB005"]
    assert ids(find_calls(six, reason="Spam")) == ["RGB000"]
    assert ids(find_calls(six, limit=2)) == ["RGB001", "RGB002"]
    assert ids(find_calls(six.focus({"state": "TX"}), stage="connected")) == ["RGB004"]


def test_days_and_hours_are_the_pages_through_a_change_of_the_clock(six):
    assert ids(find_calls(six, only={"hour": 1})) == ["RGB001", "RGB002"]
    assert ids(find_calls(six, only={"day": date(2026, 11, 2)})) == ["RGB000", "RGB003", "RGB004", "RGB005"]
    assert ids(find_calls(six, only={"weekday": 0, "hour": 23})) == ["RGB005"]
    times = find_calls(six, only={"hour": 1}).project("local_time, utc_time").fetchall()
    assert times == [("2026-11-01 01:30:00", "2026-11-01 05:30:00"), ("2026-11-01 01:30:00", "2026-11-01 06:30:00")]


def test_a_call_tells_its_place_ringbas_words_and_exact_amounts(six):
    rows = {
        row[0]: row[1:]
        for row in find_calls(six).project("call_id, place, reason, revenue, payout, is_duplicate").fetchall()
    }
    assert rows["RGB000"] == ("Blocked", "Spam", None, None, None)
    assert rows["RGB003"] == ("Not converted, Ringba says why", "Too short", None, None, None)
    assert rows["RGB004"] == ("Paid out", None, "27.00", "20.100001", "yes")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"stage": "convrted"}, "'converted'"),
        ({"exit_name": "bloked"}, "'blocked'"),
        ({"only": {"stat": "TX"}}, "'state'"),
    ],
)
def test_what_does_not_exist_is_named_with_the_nearest_that_does(six, asked, told):
    with pytest.raises(ParameterError, match=f"did you mean {told}"):
        find_calls(six, **asked)


def test_the_table_says_in_words_what_is_blank_or_unknown(six):
    shown = calls_table(find_calls(six))
    assert list(shown.columns) == [
        "Time", "Call id", "Campaign", "Tracking number", "Caller", "State", "Target", "Publisher", "Duplicate",
        "Ended as", "Ringba's reason", "Connected (s)", "Revenue (USD)", "Payout (USD)",
    ]  # fmt: skip
    assert list(shown.iloc[3]) == [
        "2026-11-02 10:00:00", "RGB003", "(no campaign)", "(no number)", "unknown", "(no state)", "A", "(no publisher)",
        "(not told)", "Not converted, Ringba says why", "Too short", "unknown", "unknown", "unknown",
    ]  # fmt: skip
    assert shown["Connected (s)"][4] == "1,234"


def test_the_sentence_says_how_many_of_how_many():
    assert describe_calls(50, 1234) == "The first 50 of 1,234 calls."
    assert describe_calls(1, 1) == "All 1 call."
    assert describe_calls(0, 0) == "No call is behind this."


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_file_an_exit_holds_every_call_once_and_only_its_owner_may_read_it(six, tmp_path):
    files = save_calls(six, tmp_path / "it's data")
    assert [(one.name, one.calls) for one in files] == [
        ("calls_paid.csv", 2), ("calls_unconverted_reason.csv", 1), ("calls_blocked.csv", 1),
        ("calls_left_in_menu.csv", 1), ("calls_unconnected_unknown.csv", 1),
    ]  # fmt: skip
    written = [row for one in files for row in read(tmp_path / "it's data" / one.name)]
    assert sorted(row["call_id"] for row in written) == [f"RGB00{n}" for n in range(6)]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "it's data").iterdir()} == {0o600}
    assert list(written[0]) == list(CALLS_COLUMNS)
    assert (written[0]["revenue"], written[0]["payout"]) == ("27.00", "20.100001")
    assert describe_files(files) == "5 files in data hold each of 6 calls once; numbers are masked."
    assert next(iter(files_table(files)["File"])) == "data/calls_paid.csv"


def test_a_file_for_all_to_read_that_stood_there_is_replaced_and_closed(six, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("older and longer " * 1000)
    path.chmod(0o644)
    assert save_found(find_calls(six, exit_name="paid"), path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(read(path)) == 2


def test_more_calls_than_excel_opens_become_several_files(six, tmp_path, monkeypatch):
    monkeypatch.setattr(callstable, "ROWS_A_FILE", 1)
    files = save_calls(six, tmp_path)
    assert [one.name for one in files][:3] == ["calls_paid_1.csv", "calls_paid_2.csv", "calls_unconverted_reason.csv"]
    assert sorted(row["call_id"] for one in files for row in read(tmp_path / one.name)) == [
        f"RGB00{n}" for n in range(6)
    ]
    assert "A file holds at most 1 calls" in describe_files(files)


def test_no_calls_make_no_files_and_a_sentence(week, tmp_path):
    files = save_calls(count_funnel(build_calls([]), week), tmp_path)
    assert (files, describe_files(files)) == ([], "No calls, so no files of calls.")


def test_numbers_are_hidden_and_formulas_made_harmless_and_nothing_else_changes(week, tmp_path):
    names = [
        "=cmd|' /C calc'!A0",
        "+12135550142",
        "(213) 555-0142",
        "Call 213 555 0142 now",
        "-1",
        "@x",
        "https://x.example/?API_KEY=CANARY-1",
        "2\u0661\u06635550142",
        "\tx",
        "Café",
        'A, "b"',
        "x\ny",
    ]
    calls = build_calls([NO | {"target": name, "campaign": "Plain 2026"} for name in names])
    save_calls(count_funnel(calls, week), tmp_path)
    written = read(tmp_path / "calls_unconnected_unknown.csv")
    assert [row["target"] for row in written] == [safe_cell(name) for name in names]
    assert {row["campaign"] for row in written} == {"Plain 2026"}
    assert "5550142" not in (tmp_path / "calls_unconnected_unknown.csv").read_text()


flag = st.sampled_from([True, False, None])
moments = st.integers(0, 7 * 86_400).map(lambda s: datetime(2026, 10, 30, tzinfo=UTC) + timedelta(seconds=s))
text = st.sampled_from(["A", "B", "O'Neill", "", None])
call = st.fixed_dictionaries(
    {
        "call_at": moments, "campaign": text, "state": text, "target": text, "is_duplicate": flag, "connected": flag,
        "completed": flag, "converted": flag, "paid": flag, "blocked": flag, "error": flag,
        "connected_s": st.one_of(st.none(), st.integers(0, 200)), "time_to_connect_s": st.one_of(st.none(), st.integers(0, 90)),
        "ended_by": st.sampled_from(["Caller", "Target", None]), "no_conversion_reason": text, "block_reason": text,
    }
)  # fmt: skip
zones = st.sampled_from(["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])
rules = st.builds(
    Definition, converts_after_s=st.sampled_from([None, 90]), connect_within_s=st.sampled_from([None, 30])
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(call, max_size=12), zones, rules, st.sampled_from(list(DIMENSIONS)), st.sampled_from(list(DIMENSIONS)))
def test_behind_every_bar_stand_as_many_calls_as_it_counts(rows, zone, rule, first, second):
    period = Period(first_day=date(2026, 10, 31), last_day=date(2026, 11, 4), zone=zone)
    inside = [row for row in rows if period.start_utc <= row["call_at"] < period.end_utc]
    counted = count_funnel(build_calls([row | {"call_at": str(row["call_at"])} for row in inside]), period, rule)
    by = tuple(dict.fromkeys((first, second)))
    for group in counted.by(*by).to_dict("records"):
        only = {name: group[name] for name in by}
        assert count_calls(find_calls(counted, stage=group["stage"], only=only)) == group["calls"]
    for group in counted.exits(*by).to_dict("records"):
        only = {name: group[name] for name in by}
        assert count_calls(find_calls(counted, exit_name=group["exit"], only=only)) == group["calls"]
    everywhere = Counter(one for place in EXITS for one in ids(find_calls(counted, exit_name=place.name)))
    assert sorted(everywhere.elements()) == sorted(ids(find_calls(counted)))
    assert len(everywhere) == len(inside)


numbers = st.from_regex(r"\A[=+@-]?\(?213\)?[ .-]?555[ .-]?01[0-9]{2}\Z")
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(any_text | numbers, min_size=3, max_size=8))
def test_any_text_in_a_file_is_as_the_other_tables_write_it(tmp_path_factory, texts):
    week = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="UTC")
    folder = tmp_path_factory.mktemp("files")
    save_found(find_calls(count_funnel(build_calls([{"publisher": one} for one in texts]), week)), folder / "calls.csv")
    assert [row["publisher"] for row in read(folder / "calls.csv")] == [str(safe_cell(one)) for one in texts]
