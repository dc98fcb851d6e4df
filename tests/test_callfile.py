"""A Call Details export becomes a call table, with every row accounted for."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import pytest

from kayzen_nb.callfile import read_call_file
from kayzen_nb.errors import CallFileError
from kayzen_nb.period import Period
from kayzen_nb.privacy import mask_phone

NEW_YORK = "America/New_York"
HEADER = (
    "Call Date,Inbound Call ID,Target Number,Connected Call Length,tag:CallInfo:IsDuplicate,Campaign,Publisher,"
    "Caller ID,Number,Time To Call,Is Duplicate,End Call Source,Time To Connect,Target,Revenue,Payout,Duration,"
    "Recording"
)
FULL = (
    '"01/02/2026 08:18:22 PM","RGB001","+15555550100","00:00:18","false","CTV Spring","Kayzen","+15555550111",'
    '"+18885550122","00:00:00",False,"Caller","00:00:06","Call Center A",27.00,20.00,"00:00:24","https://media.example/r"'
)


@pytest.fixture
def write(tmp_path):
    """Write lines as Ringba does: byte-order mark, CRLF."""

    def write_file(*lines, name="calls.csv", encoding="utf-8-sig", end="\r\n"):
        file = tmp_path / name
        file.write_bytes((end.join(lines) + end).encode(encoding))
        return file

    return write_file


def read(file, *, zone=NEW_YORK, period=None, **more):
    calls = read_call_file(file, zone=zone, period=period, **more)
    names = calls.relation.columns
    rows = [dict(zip(names, row, strict=True)) for row in calls.relation.fetchall()]
    assert calls.ledger.check().verdict == "pass"
    return calls, rows


def short(*rows, header="Inbound Call ID,Call Date"):
    return (header, *rows)


def aside(calls):
    return {entry.reason: entry.rows for entry in calls.ledger.set_aside}


def refusal(file, **more):
    with pytest.raises(CallFileError) as caught:
        read_call_file(file, zone=NEW_YORK, period=None, **more)
    assert all(p.what and p.where and p.next_step for p in caught.value.problems)
    return str(caught.value)


def test_a_row_of_an_export_is_read_whole(write):
    file = write(HEADER, FULL)
    calls, [row] = read(file)
    assert row == {
        "call_id": "RGB001",
        "call_at": datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC),
        "campaign": "CTV Spring",
        "number": "***-***-0122",
        "caller": "***-***-**11",
        "state": None,
        "target": "Call Center A",
        "publisher": "Kayzen",
        "is_duplicate": False,
        "blocked": None,
        "block_reason": None,
        "connected": True,
        "completed": True,
        "converted": True,
        "paid": True,
        "error": None,
        "revenue_usd_micros": 27_000_000,
        "payout_usd_micros": 20_000_000,
        "duration_s": 24,
        "connected_s": 18,
        "time_to_connect_s": 6,
        "ended_by": "Caller",
        "incomplete_reason": None,
        "no_conversion_reason": None,
        "no_payout_reason": None,
    }
    assert calls.inputs == {"calls.csv": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert calls.as_of == datetime.fromtimestamp(file.stat().st_mtime, UTC)
    assert calls.source == "file calls.csv"


def test_what_is_derived_is_said_and_what_is_not_known_is_listed(write):
    calls, _ = read(write(HEADER, FULL))
    assert calls.derived["connected"] == (
        "Connected: derived from Connected Call Length above zero, because the file has no Connected column."
    )
    assert "0.00" in calls.derived["converted"]
    assert set(calls.derived) == {"connected", "completed", "converted", "paid"}
    assert calls.unknown == (
        "state", "blocked", "block_reason", "error", "incomplete_reason", "no_conversion_reason", "no_payout_reason",
    )  # fmt: skip
    assert calls.notes == ("Columns not used: Target Number, tag:CallInfo:IsDuplicate, Time To Call, Recording.",)


def test_flags_in_the_file_win_over_derived_ones(write):
    header = "Inbound Call ID,Call Date,Connected,Converted,Paid Out,Revenue,Payout,Connected Call Length,Blocked"
    calls, [row] = read(write(header, "A,01/02/2026 08:18:22 PM,yes,No,0,27.00,20.00,,1"))
    assert (row["connected"], row["converted"], row["paid"], row["blocked"]) == (True, False, False, True)
    assert not {"connected", "converted", "paid"} & set(calls.derived)


@pytest.mark.parametrize(
    ("revenue", "micros", "converted"),
    [("27.00", 27_000_000, True), ('"1,234.50"', 1_234_500_000, True), ("$5", 5_000_000, True), ("0.1", 100_000, True),
     ("0.00", 0, False), ("", None, False), ('""', None, False), ("-35.00", -35_000_000, False)],
)  # fmt: skip
def test_money_is_exact_and_blank_is_not_zero(write, revenue, micros, converted):
    _, [row] = read(write("Inbound Call ID,Call Date,Revenue", f"A,01/02/2026 08:18:22 PM,{revenue}"))
    assert (row["revenue_usd_micros"], row["converted"]) == (micros, converted)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", '"12,34"', "€5", '"1.234,50"', "9" * 30])
def test_an_amount_that_cannot_be_read_is_set_aside_not_taken_as_zero(write, amount):
    calls, rows = read(write("Inbound Call ID,Call Date,Revenue", f"A,01/02/2026 08:18:22 PM,{amount}"))
    assert (rows, aside(calls)) == ([], {"unreadable amount": 1})


@pytest.mark.parametrize(
    "text",
    ["01/02/2026 08:18:22 PM", "1/2/2026 8:18:22 PM", "1/2/2026 20:18:22", "2026-01-02 20:18:22", "2026-01-02T20:18:22",
     "2026-01-03T01:18:22Z", "2026-01-03T01:18:22.0000000Z", "2026-01-02T20:18:22-05:00", "1767403102000",
     "1767403102"],
)  # fmt: skip
def test_the_ways_in_which_a_date_is_written(write, text):
    _, [row] = read(write(*short(f"A,{text}")))
    assert row["call_at"] == datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC)


def test_rows_that_cannot_be_used_are_set_aside_with_their_reason(write):
    good = "01/02/2026 08:18:22 PM"
    header = "Inbound Call ID,Call Date,Duration,Is Duplicate"
    rows = [
        f"A,{good},00:00:10,", f"A,{good},00:00:11,", f",{good},,", f"{'x' * 300},{good},,", "B,soon,,", "C,,,",
        f"D,{good},soon,", f"E,{good},,perhaps", f"F,{good},150:40:00,true", "G,01/02/9999 08:18:22 PM,,",
    ]  # fmt: skip
    calls, used = read(write(header, *rows))
    assert [(row["call_id"], row["duration_s"]) for row in used] == [("A", 10), ("F", 150 * 3600 + 40 * 60)]
    assert aside(calls) == {
        "repeated call id": 1, "no usable call id": 2, "unreadable date": 3, "unreadable duration": 1,
        "unreadable yes or no": 1,
    }  # fmt: skip
    assert (calls.ledger.rows_in, calls.ledger.rows_used) == (10, 2)


def test_a_period_is_whole_local_days_and_the_rest_is_counted(write):
    period = Period(first_day=date(2026, 1, 2), last_day=date(2026, 1, 2), zone=NEW_YORK)
    rows = [
        "A,01/01/2026 11:59:59 PM",
        "B,01/02/2026 12:00:00 AM",
        "C,01/02/2026 11:59:59 PM",
        "D,01/03/2026 12:00:00 AM",
    ]
    calls, used = read(write(*short(*rows)), period=period)
    assert [row["call_id"] for row in used] == ["B", "C"]
    assert aside(calls) == {"outside the period": 2}


def test_a_repeated_hour_is_taken_as_the_first_and_counted(write):
    rows = ["A,11/01/2026 12:59:59 AM", "B,11/01/2026 01:30:00 AM", "C,11/01/2026 02:00:00 AM"]
    calls, used = read(write(*short(*rows)))
    assert [row["call_at"].hour for row in used] == [4, 5, 7]
    assert calls.notes == ("1 calls fall in the repeated hour of 2026-11-01; taken as the first.",)


def test_a_skipped_hour_is_set_aside(write):
    rows = ["A,03/08/2026 01:59:59 AM", "B,03/08/2026 02:30:00 AM", "C,03/08/2026 03:00:00 AM"]
    calls, used = read(write(*short(*rows)))
    assert [row["call_at"].hour for row in used] == [6, 7]
    assert aside(calls) == {"a local time that the clock change skips": 1}


@pytest.mark.parametrize(
    "zone", ["America/New_York", "America/Denver", "Australia/Lord_Howe", "America/Phoenix", "UTC"]
)
def test_local_times_of_a_year_become_the_instants_that_python_says(write, zone):
    from datetime import timedelta
    from zoneinfo import ZoneInfo

    times = [datetime(2026, 1, 1) + timedelta(hours=7 * n, minutes=n % 60) for n in range(1250)]  # noqa: DTZ001
    _, used = read(write(*short(*(f"C{n:05},{t:%m/%d/%Y %I:%M:%S %p}" for n, t in enumerate(times)))), zone=zone)
    wanted = [t.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for t in times]
    real = {
        f"C{n:05}": at for n, (t, at) in enumerate(zip(times, wanted, strict=True))
        if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == t
    }  # fmt: skip
    assert {row["call_id"]: row["call_at"] for row in used} == real


@pytest.mark.parametrize(
    "number", ["+15555550111", "15555550111", "5550111", "anonymous", "Restricted", "911", "00555550111"]
)
def test_numbers_are_masked_as_everywhere_else(write, number):
    _, [row] = read(
        write("Inbound Call ID,Call Date,Caller ID,Dialed #", f"A,01/02/2026 08:18:22 PM,{number},{number}")
    )
    assert (row["caller"], row["number"]) == (mask_phone(number), mask_phone(number, shown=4))


def test_a_dump_by_api_ids_is_sparse_as_the_api_is(write):
    header = "inboundCallId,callDt,hasConnected,isLive,timeToConnectInSeconds,conversionAmount"
    calls, rows = read(write(header, "A,1767403102000,True,False,74.0,27.0", "B,1767403103000,,,,"))
    assert [(r["connected"], r["completed"], r["time_to_connect_s"]) for r in rows] == [
        (True, True, 74),
        (False, False, None),
    ]
    assert "payout_usd_micros" in calls.unknown


def test_a_spreadsheets_semicolons_and_line_breaks_in_values_are_read(write):
    file = write("Inbound Call ID;Call Date;Campaign", 'A;01/02/2026 08:18:22 PM;"CTV\nSpring; west"')
    _, [row] = read(file)
    assert row["campaign"] == "CTV\nSpring; west"


def test_a_file_without_calls_is_an_empty_table(write):
    calls, rows = read(write(HEADER))
    assert (rows, calls.ledger.rows_in) == ([], 0)


def test_a_name_with_brackets_is_a_plain_name(write):
    _, rows = read(write(*short("A,01/02/2026 08:18:22 PM"), name="calls [1] (2).csv"))
    assert len(rows) == 1


def test_only_one_campaign_is_kept_and_a_typo_shows_which_there_are(write):
    file = write(HEADER, FULL)
    calls, rows = read(file, campaign="ctv spring")
    assert len(rows) == 1
    calls, rows = read(file, campaign="CTV Sprung")
    assert aside(calls) == {"another campaign": 1}
    assert "No call of campaign 'CTV Sprung'. Campaigns found: 'CTV Spring'." in calls.notes


def test_missing_columns_are_named_all_at_once_with_the_nearest(write):
    text = refusal(write("Inbound Call,Date,Campain", "A,B,C"), campaign="CTV")
    assert "has no column 'Inbound Call ID'" in text
    assert "did you mean 'Inbound Call'?" in text
    assert "has no column 'Call Date'" in text
    assert "has no column 'Campaign'" in text
    assert "did you mean 'Campain'?" in text


def test_a_summary_export_is_recognised(write):
    text = refusal(write('"Target","Incoming","Live","Completed","Ended","Connected"', '"A","1","0","1","1","1"'))
    assert "Summary export" in text
    assert "Call Details" in text


def test_a_cut_file_is_refused_with_the_line_and_without_its_content(write, tmp_path):
    file = write(HEADER, FULL, '"01/02/2026 08:18:22 PM","RGB002","+15555550100"')
    text = refusal(file)
    assert "line 3" in text
    assert "5555550100" not in text
    assert "3 fields where the header holds 18" in text
    cut = tmp_path / "cut.csv"
    cut.write_bytes(f'{HEADER}\r\n{FULL}\r\n"01/02/2026 08:18:22 PM","RGB002'.encode())
    assert "line 3" in (text := refusal(cut))
    assert "never closed" in text


def test_a_refusal_of_a_cut_file_does_not_remember_the_row(write):
    with pytest.raises(CallFileError) as caught:
        read_call_file(write(HEADER, '"+15555550100"'), zone=NEW_YORK, period=None)
    assert caught.value.__context__ is None


def test_two_files_pasted_together_are_refused_with_the_line(write):
    assert "line 3" in refusal(write(HEADER, FULL, HEADER, FULL.replace("RGB001", "RGB002")))


def test_a_column_that_stands_twice_is_refused(write):
    assert "'Revenue' stands twice" in refusal(write("Inbound Call ID,Call Date,Revenue,Revenue", "A,B,1,2"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\r\n \r\n", "is empty"), (b"PK\x03\x04rest", "workbook"), (b"a\0b,c", "workbook"),
     ("Inbound Call ID,Call Date".encode("utf-16"), "UTF-16"), (b"<html><body>,Sign in", "not a CSV of calls"),
     (b"hello", "not a CSV of calls"), (b"Inbound Call ID,Call Date,Campaign\r\nA,B,\xff\xfe\r\n", "not UTF-8")],
)  # fmt: skip
def test_what_is_no_csv_is_refused_in_plain_words(tmp_path, content, words):
    file = tmp_path / "calls.csv"
    file.write_bytes(content)
    assert words in refusal(file)


def test_a_missing_file_names_the_nearest_one(write, tmp_path):
    write(HEADER, name="calls.csv")
    assert "did you mean 'calls.csv'?" in refusal(tmp_path / "call.csv")
    assert "There is no file" in refusal(tmp_path / "nowhere" / "calls.csv")
    assert "No CSV file is named" in refusal("")
