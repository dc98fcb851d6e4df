"""A Call Details export becomes stored calls, with every row accounted for."""

from __future__ import annotations

import hashlib
import json
import os
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kayzen_nb import sources
from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callfile import find_call_files, import_call_file
from kayzen_nb.calllayout import read_layout
from kayzen_nb.errors import CallFileError
from kayzen_nb.localclock import read_clock
from kayzen_nb.privacy import Secret, mask_phone, mask_text
from kayzen_nb.repeatedhour import resolve_repeated
from kayzen_nb.ringba_columns import KNOWN_TITLES, NAMES
from kayzen_nb.settings import Settings
from kayzen_nb.storedcalls import STORED_COLUMNS

NEW_YORK, DENVER = "America/New_York", "America/Denver"
KEY = CallerKey(key=Secret("5a" * 32))
AT = "01/02/2026 08:18:22 PM"
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


def read(file, *, zone=NEW_YORK, **more):
    """The imported file and its stored rows as dicts, in the file's order."""
    to = file.parent / "stored.parquet"
    imported = import_call_file(file, zone=zone, key=KEY, to=to, **more)
    engine = duckdb.connect()
    engine.execute("set timezone = 'UTC'")
    found = engine.execute("from read_parquet(?)", [str(to)])
    names = [column[0] for column in found.description]
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert names == list(STORED_COLUMNS)
    assert imported.ledger.check().verdict == "pass"
    assert imported.ledger.rows_in == len(rows)
    return imported, rows


def used(rows):
    return [row for row in rows if row["set_aside"] is None]


def short(*rows, header="Inbound Call ID,Call Date"):
    return (header, *rows)


def refusal(file, **more):
    with pytest.raises(CallFileError) as caught:
        import_call_file(file, zone=NEW_YORK, key=KEY, to=file.parent / "stored.parquet", **more)
    assert all(p.what and p.where and p.next_step for p in caught.value.problems)
    assert not (file.parent / "stored.parquet").exists()
    return str(caught.value)


def test_a_row_of_an_export_is_read_whole(write):
    file = write(HEADER, FULL)
    imported, [row] = read(file)
    assert row == {
        "call_id": "RGB001",
        "call_at": datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC),
        "campaign": "CTV Spring",
        "number": "***-***-0122",
        "caller": "***-***-**11",
        "caller_key": KEY.pseudonym("5555550111"),
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
        "caller_number": None,
        "more": None,
        "set_aside": None,
    }
    assert imported.inputs == {"calls.csv": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert imported.as_of == datetime.fromtimestamp(file.stat().st_mtime, UTC)
    assert imported.facts.source == "file calls.csv"
    assert imported.facts.window_start == imported.facts.window_end == row["call_at"]
    assert imported.stored.stat().st_mode & 0o777 == 0o600


def test_no_full_number_is_in_the_stored_file_unless_it_is_asked_for(write):
    file = write(HEADER, FULL)
    _, [row] = read(file)
    assert "5555550111" not in json.dumps(row, default=str)
    _, [row] = read(file, keep_numbers=True)
    assert row["caller_number"] == "+15555550111"


def test_the_stored_file_is_private_even_where_an_open_one_stood_before(write, tmp_path):
    (tmp_path / "stored.parquet").write_bytes(b"old")
    (tmp_path / "stored.parquet").chmod(0o644)
    imported, _ = read(write(HEADER, FULL))
    assert imported.stored.stat().st_mode & 0o777 == 0o600


def test_what_is_derived_is_said_and_what_is_not_known_is_listed(write):
    imported, _ = read(write(HEADER, FULL))
    assert imported.derived["connected"] == (
        "Connected: derived from Connected Call Length above zero, because the file has no Connected column."
    )
    assert set(imported.derived) == {"connected", "completed", "converted", "paid"}
    assert imported.unknown == (
        "state", "blocked", "block_reason", "error", "incomplete_reason", "no_conversion_reason", "no_payout_reason",
    )  # fmt: skip
    assert imported.notes == ("Columns not used: Target Number, tag:CallInfo:IsDuplicate, Time To Call, Recording.",)


def test_flags_in_the_file_win_over_derived_ones(write):
    header = "Inbound Call ID,Call Date,Connected,Converted,Paid Out,Revenue,Payout,Connected Call Length,Blocked"
    imported, [row] = read(write(header, f"A,{AT},yes,No,0,27.00,20.00,,1"))
    assert (row["connected"], row["converted"], row["paid"], row["blocked"]) == (True, False, False, True)
    assert not {"connected", "converted", "paid"} & set(imported.derived)


@pytest.mark.parametrize(
    ("revenue", "micros", "converted"),
    [("27.00", 27_000_000, True), ('"1,234.50"', 1_234_500_000, True), ("$5", 5_000_000, True), ("0.1", 100_000, True),
     ("0.00", 0, False), ("", None, False), ('""', None, False), ('"  "', None, False), ("-35.00", -35_000_000, False)],
)  # fmt: skip
def test_money_is_exact_and_blank_is_not_zero(write, revenue, micros, converted):
    _, [row] = read(write("Inbound Call ID,Call Date,Revenue", f"A,{AT},{revenue}"))
    assert (row["revenue_usd_micros"], row["converted"]) == (micros, converted)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", '"12,34"', "€5", '"1.234,50"', "9" * 30])
def test_an_amount_that_cannot_be_read_is_set_aside_not_taken_as_zero(write, amount):
    imported, _ = read(write("Inbound Call ID,Call Date,Revenue", f"A,{AT},{amount}"))
    assert imported.facts.set_aside == {"unreadable amount": 1}


@pytest.mark.parametrize("cells", [',"   "' * 5, ',""' * 5, "," * 5])
def test_a_cell_of_spaces_is_a_blank_one(write, cells):
    header = "Inbound Call ID,Call Date,Connected Call Length,Duration,Block Reason,Caller ID,Number"
    imported, [row] = read(write(header, f"A,{AT}{cells}"))
    assert not imported.facts.set_aside
    assert [row[name] for name in ("duration_s", "block_reason", "caller", "caller_key", "number")] == [None] * 5
    assert (row["blocked"], row["completed"]) == (False, False)


@pytest.mark.parametrize(
    "text",
    ["01/02/2026 08:18:22 PM", "1/2/2026 8:18:22 PM", "1/2/2026 20:18:22", "2026-01-02 20:18:22", "2026-01-02T20:18:22",
     "2026-01-03T01:18:22Z", "2026-01-03T01:18:22.0000000Z", "2026-01-02T20:18:22-05:00", "1767403102000",
     "1767403102"],
)  # fmt: skip
def test_the_ways_in_which_a_date_is_written(write, text):
    _, [row] = read(write(*short(f"A,{text}")))
    assert row["call_at"] == datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC)


def test_rows_that_cannot_be_used_are_kept_with_their_reason(write):
    header = "Inbound Call ID,Call Date,Duration,Is Duplicate"
    rows = [
        f"A,{AT},00:00:10,", f"A,{AT},00:00:11,", f",{AT},,", f"{'x' * 300},{AT},,", "B,soon,,", "C,,,",
        f"D,{AT},soon,", f"E,{AT},,perhaps", f"F,{AT},150:40:00,true", "G,01/02/9999 08:18:22 PM,,",
    ]  # fmt: skip
    imported, stored = read(write(header, *rows))
    assert [(row["call_id"], row["duration_s"]) for row in used(stored)] == [("A", 10), ("A", 11), ("F", 542400)]
    assert imported.facts.set_aside == {
        "no usable call id": 2, "unreadable date": 3, "unreadable duration": 1, "unreadable yes or no": 1,
    }  # fmt: skip
    assert (imported.ledger.rows_in, imported.ledger.rows_used) == (10, 3)


@pytest.mark.parametrize(
    "number",
    ["+15555550111", "15555550111", "5550111", "anonymous", "Restricted", "911", "00555550111", "(555) 555-0111"],
)
def test_numbers_are_masked_as_everywhere_else_and_callers_have_their_pseudonym(write, number):
    _, [row] = read(write("Inbound Call ID,Call Date,Caller ID,Dialed #", f"A,{AT},{number},{number}"))
    assert (row["caller"], row["number"]) == (mask_phone(number), mask_phone(number, shown=4))
    assert row["caller_key"] == KEY.pseudonym(number)


def test_a_dump_by_api_ids_is_sparse_as_the_api_is(write):
    header = "inboundCallId,callDt,hasConnected,isLive,timeToConnectInSeconds,conversionAmount"
    imported, rows = read(write(header, "A,1767403102000,True,False,74.0,27.0", "B,1767403103000,,,,"))
    assert [(r["connected"], r["completed"], r["time_to_connect_s"]) for r in rows] == [
        (True, True, 74),
        (False, False, None),
    ]
    assert "payout_usd_micros" in imported.unknown


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_spreadsheets_delimiters_and_line_breaks_in_values_are_read(write, mark):
    file = write(
        mark.join(["Inbound Call ID", "Call Date", "Campaign"]), mark.join(["A", AT, f'"CTV\nSpring{mark} west"'])
    )
    _, [row] = read(file)
    assert row["campaign"] == f"CTV\nSpring{mark} west"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_the_byte_order_mark_do_not_matter(write, end, encoding):
    _, [row] = read(write(HEADER, FULL, end=end, encoding=encoding))
    assert (row["call_id"], row["campaign"]) == ("RGB001", "CTV Spring")


def test_a_file_without_calls_is_an_empty_table(write):
    imported, rows = read(write(HEADER))
    assert (rows, imported.ledger.rows_in, imported.facts.window_start) == ([], 0, imported.as_of)


def test_names_with_brackets_and_quotes_are_plain_names(write):
    write(*short(f"X,{AT}"), name="calls 1 (2).csv")  # what the brackets would mean as a pattern
    for name in ("calls [1] (2).csv", "ann's calls.csv", "a;b.csv"):
        _, rows = read(write(*short(f"A,{AT}"), name=name))
        assert [row["call_id"] for row in rows] == ["A"]


# -- titles ----------------------------------------------------------------------------------------------------------


def test_every_title_of_ringbas_reference_is_known():
    assert len({api_id for api_id in KNOWN_TITLES.values() if not api_id.startswith("tag:")}) == 84 + 1  # transcription
    assert KNOWN_TITLES["dialed #"] == "number"
    assert KNOWN_TITLES["target"] == "targetName"
    assert all(name.casefold() in KNOWN_TITLES for names in NAMES.values() for name in names)


WRITTEN = {
    "call_id": "RGB001", "call_at": AT, "campaign": "CTV Spring", "number": "+18885550122", "caller": "+15555550111",
    "state": "NY", "target": "Call Center A", "publisher": "Kayzen", "is_duplicate": "False", "blocked": "False",
    "block_reason": "NoReason", "connected": "True", "converted": "True", "paid": "True", "live": "False",
    "revenue": "27.00", "payout": "20.00", "duration": "00:00:24", "connected_time": "00:00:18",
    "time_to_connect": "00:00:06", "ended_by": "Caller", "incomplete_reason": "", "no_conversion_reason": "",
    "no_payout_reason": "",
}  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_spelling_and_name_of_the_columns_gives_the_same_stored_row(write, data):
    words = data.draw(st.permutations(list(WRITTEN)))
    names = {
        word: data.draw(st.sampled_from([n for n in NAMES[word] if word != "call_id" or n != "inboundCallId"]))
        for word in words
    }
    dressed = [data.draw(st.sampled_from([str, str.upper, str.lower, " {} ".format])) for _ in words]
    quote = data.draw(st.sampled_from(["{}", '"{}"']))
    header = ",".join(quote.format(dress(names[word])) for word, dress in zip(words, dressed, strict=True))
    _, [row] = read(write(header, ",".join(quote.format(WRITTEN[word]) for word in words)))
    _, [plain] = read(write(",".join(NAMES[word][-1] for word in WRITTEN), ",".join(WRITTEN.values())))
    assert row == plain
    assert (row["state"], row["connected"], row["set_aside"]) == ("NY", True, None)


def test_unknown_columns_and_tags_are_kept_masked_and_without_links(write):
    header = "Inbound Call ID,Call Date,tag:User:plan,it's new,tag:User:callback,tag:User:page,Recording,tag:InboundNumber:Suffix,"
    rows = [
        f'A,{AT},gold,"7",call +12125550123 or (212) 555-0124 or +442055501234,https://x.example/?a,https://y.example,0123,',
        f"B,{AT},,  ,,www.x.example,,,",
    ]  # fmt: skip
    imported, [first, second] = read(write(header, *rows))
    assert json.loads(first["more"]) == {
        "tag:User:plan": "gold",
        "it's new": "7",
        "tag:User:callback": "call ***-***-**23 or ***-***-**24 or ***34",
    }
    assert second["more"] is None
    assert imported.facts.new_columns == ("tag:User:plan", "it's new", "tag:User:callback", "tag:User:page")
    assert imported.notes == (
        "Columns not used: Recording, tag:InboundNumber:Suffix, (no title).",
        "Columns kept beside each call, not used: tag:User:plan, it's new, tag:User:callback, tag:User:page.",
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.sampled_from(["", "x ", "tel:", "(", "a=", "%2B", "+", "1", "+1 ", "1-"]),
    number=st.sampled_from(["2125550123", "212-555-0123", "(212) 555-0123", "212.555.0123", "212 555 0123"]),
    after=st.sampled_from(["", " x", ")", ";2125550124", ",", " 2125550124"]),
)
def test_what_is_kept_of_an_unknown_column_holds_no_number_that_our_own_mask_would_hide(write, before, number, after):
    value = before + number + after
    _, [row] = read(write("Inbound Call ID,Call Date,note", f'A,{AT},"{value}"'))
    kept = json.loads(row["more"])["note"]
    assert mask_text(kept) == kept
    assert "5550123" not in kept.replace("-", "").replace(".", "").replace(" ", "")


def test_a_title_that_holds_a_number_is_masked(write):
    imported, [row] = read(write("Inbound Call ID,Call Date,+12125550123", f"A,{AT},x"))
    assert "5550123" not in f"{row['more']} {imported.notes} {imported.facts}"


# -- the repeated hour -----------------------------------------------------------------------------------------------


def every_ten_minutes(zone, day, *, hours=30):
    """Instants (aware UTC) every ten minutes from a local midnight on."""
    start = datetime(*day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return [start + timedelta(minutes=10 * n) for n in range(hours * 6)]


def shuffle(instants):
    random.Random(4).shuffle(instants)  # noqa: S311  # the same order at every run


def export(write, instants, zone, *, name="calls.csv"):
    """A file of calls at these instants, their times written as the report does; the id tells the true instant."""
    local = [at.astimezone(ZoneInfo(zone)) for at in instants]
    rows = [f"C{int(at.timestamp())},{time:%m/%d/%Y %I:%M:%S %p}" for at, time in zip(instants, local, strict=True)]
    return write(*short(*rows), name=name)


def wrong(rows):
    """The calls whose stored time is not the true one."""
    return [row["call_id"] for row in used(rows) if int(row["call_at"].timestamp()) != int(row["call_id"][1:])]


@pytest.mark.parametrize("zone", [NEW_YORK, DENVER, "Europe/London", "Australia/Lord_Howe"])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("day", [(2026, 11, 1), (2026, 3, 8), (2026, 10, 25), (2026, 4, 5)])
def test_on_both_days_of_a_clock_change_no_call_is_lost_moved_or_double(write, zone, order, day):
    instants = every_ten_minutes(zone, day)[::order]
    imported, rows = read(export(write, instants, zone), zone=zone)
    assert (wrong(rows), len(used(rows)), imported.ambiguous) == ([], len(instants), 0)
    assert len({row["call_at"] for row in used(rows)}) == len(instants)


def test_a_repeated_hour_that_the_order_tells_apart_is_said_to_be(write):
    imported, _ = read(export(write, every_ten_minutes(NEW_YORK, (2026, 11, 1)), NEW_YORK))
    assert imported.notes == ("12 calls fall into the repeated hour of 2026-11-01: told apart by the file's order.",)


def test_a_shuffled_file_takes_the_repeated_hour_as_the_first_and_counts_it(write):
    instants = every_ten_minutes(NEW_YORK, (2026, 11, 1))
    shuffle(instants)
    imported, rows = read(export(write, instants, NEW_YORK))
    assert len(wrong(rows)) == 6
    assert imported.ambiguous == 12
    assert imported.notes == (
        "12 calls fall into the repeated hour of 2026-11-01; the file's order does not tell the two passes apart: taken as the first.",
    )


def test_one_call_in_the_repeated_hour_is_ambiguous(write):
    rows = ["A,11/01/2026 12:59:59 AM", "B,11/01/2026 01:30:00 AM", "C,11/01/2026 02:00:00 AM"]
    imported, stored = read(write(*short(*rows)))
    assert [row["call_at"].hour for row in stored] == [4, 5, 7]
    assert imported.ambiguous == 1
    assert imported.notes[0].startswith("1 call falls into the repeated hour of 2026-11-01;")


def test_times_that_tell_their_zone_are_not_ambiguous(write):
    instants = every_ten_minutes(NEW_YORK, (2026, 11, 1))
    rows = [f"C{int(at.timestamp())},{at:%Y-%m-%dT%H:%M:%SZ}" for at in instants]
    imported, stored = read(write(*short(*rows)))
    assert (wrong(stored), imported.ambiguous, imported.notes) == ([], 0, ())
    mixed = [*rows, "X,11/01/2026 01:30:00 AM"]
    imported, _ = read(write(*short(*mixed)))
    assert imported.ambiguous == 1


@pytest.mark.parametrize(("text", "count"), [("2026-11-01T01:30:00-05:00", 0), ("11/01/2026 01:30:00 AM", 1)])
def test_a_file_of_one_row_is_ambiguous_only_if_its_time_tells_no_zone(write, text, count):
    imported, _ = read(write(*short(f"A,{text}")))
    assert (imported.ambiguous, len(imported.notes)) == (count, count)


def test_a_time_that_is_cut_by_the_end_of_the_head_is_not_looked_at(write):
    file = write(*short(*(f"C{n:010},2026-11-01T01:30:00-05:00" for n in range(9000))))
    times = read_layout(file).times
    assert file.stat().st_size > 300_000
    assert (len(times) > 5000, set(times)) == (True, {"2026-11-01T01:30:00-05:00"})


def test_each_repeated_hour_of_a_long_file_is_its_own(write):
    years = [every_ten_minutes(NEW_YORK, day, hours=90) for day in ((2024, 11, 1), (2025, 10, 31), (2026, 10, 30))]
    imported, rows = read(export(write, [*years[0], *years[1], *years[2]], NEW_YORK))
    assert (wrong(rows), imported.ambiguous, len(imported.notes)) == ([], 0, 3)
    shuffle(years[1])
    imported, rows = read(export(write, [*years[0], *years[1], *years[2]], NEW_YORK))
    assert (len(wrong(rows)), imported.ambiguous) == (6, 12)
    assert "2025-11-02; the file's order does not" in imported.notes[1]


def test_a_file_larger_than_a_block_is_searched_for_its_hour(write):
    start = datetime(2026, 10, 30, tzinfo=UTC)
    instants = [start + timedelta(seconds=17 * n) for n in range(20_000)]
    for order in (1, -1):
        imported, rows = read(export(write, instants[::order], NEW_YORK))
        assert (wrong(rows), imported.ambiguous) == ([], 0)


def test_a_row_out_of_order_in_the_repeated_hour_makes_it_ambiguous(write):
    instants = every_ten_minutes(NEW_YORK, (2026, 11, 1))
    instants[8:10] = reversed(instants[8:10])
    imported, _ = read(export(write, instants, NEW_YORK))
    assert imported.ambiguous == 12


def test_calls_elsewhere_in_the_file_that_fall_into_the_hour_are_counted_as_not_told(write):
    instants = every_ten_minutes(NEW_YORK, (2026, 11, 1), hours=400)
    file = export(write, instants, NEW_YORK)
    filler = [f"F{n},11/17/2026 {n // 60 % 12 + 1:02}:{n % 60:02}:00 PM" for n in range(9000)]
    file.write_bytes(
        file.read_bytes() + "\r\n".join([*filler, "X,11/01/2026 01:30:00 AM", "Y,11/18/2026 01:30:00 AM", ""]).encode()
    )
    imported, _ = read(file)
    assert imported.ambiguous == 1
    assert "12 told apart by the file's order, 1 not" in imported.notes[0]


[HOUR] = read_clock(NEW_YORK, 2026, 2026).repeated


def local(*texts):
    return [datetime.strptime(f"2026-11-01 {text}", "%Y-%m-%d %H:%M:%S") for text in texts]  # noqa: DTZ007  # local


BEFORE = ("00:20:00", "00:30:00", "00:40:00", "00:50:00")
AFTER = ("02:10:00", "02:20:00", "02:30:00", "02:40:00")


@pytest.mark.parametrize(
    ("times", "second"),
    [
        (("01:40:00", "01:20:00"), [False, True]),
        (("01:40:00", "01:39:30", "01:50:00", "01:05:00"), [False, False, False, True]),  # half a minute of disorder
        (("01:10:00", "01:50:00"), None),  # no step
        (("01:40:00", "01:20:00", "01:50:00", "01:30:00"), None),  # two steps
        (("01:40:00", "01:39:10"), None),  # a step that disorder may have made
        (
            ("01:00:00", "01:10:00", "01:20:00", "01:18:00", "01:30:00", "01:40:00", "01:50:00", "02:00:00"),
            None,
        ),  # 58 minutes of silence, where 10 are usual
    ],
)
def test_one_step_back_within_the_hour_tells_the_second_pass(times, second):
    rows = local(*BEFORE, *times, *AFTER)
    wanted = None if second is None else [False] * 4 + second + [True] * 4
    assert resolve_repeated(rows, HOUR) == wanted
    assert resolve_repeated(rows[::-1], HOUR) == (wanted[::-1] if wanted else None)


def test_too_few_rows_show_no_order():
    assert resolve_repeated(local("01:40:00", "01:20:00", "02:10:00"), HOUR) is None
    assert resolve_repeated([], HOUR) is None


def test_a_step_outside_the_hour_is_no_change_of_the_clock():
    assert resolve_repeated(local(*BEFORE, "00:30:00", "01:10:00", "01:20:00", *AFTER), HOUR) is None


@pytest.mark.parametrize("shape", ["{:02}/11/2026 08:18 PM", "{}/11/2026 20:18:22", " {:02}/11/2026 20:18"])
def test_dates_written_day_first_are_refused_before_any_lands_on_another_day(write, shape):
    file = write(*short(*(f"RGB{day:03},{shape.format(day)}" for day in range(1, 31))))
    problem = refusal(file)
    assert "day first" in problem
    assert "/11/2026" in problem
    assert not (file.parent / "stored.parquet").exists()


@pytest.mark.parametrize("odd", ["13/13/2026 08:18 PM", "32/01/2026 08:18 PM", "soon", "13/11/26", "on 13/11/2026"])
def test_a_date_that_is_no_date_day_first_either_is_set_aside(write, odd):
    _, rows = read(write(*short(f"RGB1,{AT}", f"RGB2,{odd}")))
    assert [row["set_aside"] for row in rows] == [None, "unreadable date"]


def test_a_skipped_hour_is_set_aside(write):
    rows = ["A,03/08/2026 01:59:59 AM", "B,03/08/2026 02:30:00 AM", "C,03/08/2026 03:00:00 AM"]
    imported, stored = read(write(*short(*rows)))
    assert [row["call_at"].hour for row in used(stored)] == [6, 7]
    assert imported.facts.set_aside == {"a local time that the clock change skips": 1}


def test_rows_of_years_that_neither_end_of_the_file_shows_are_read_too(write):
    rows = [
        "A,01/02/2026 08:18:22 PM",
        "B,07/02/2004 08:18:22 PM",
        "C,01/02/2088 08:18:22 PM",
        "D,01/02/2026 08:18:22 PM",
    ]
    imported, stored = read(write(*short(*rows)))
    assert [row["call_at"].year for row in used(stored)] == [2026, 2004, 2088, 2026]
    assert [row["call_at"].day for row in used(stored)] == [3, 3, 3, 3]
    assert not imported.facts.set_aside


# -- refusals --------------------------------------------------------------------------------------------------------


def test_missing_columns_are_named_all_at_once_with_the_nearest(write):
    text = refusal(write("Inbound Call,Date,Campain", "A,B,C"))
    assert "has no column 'Inbound Call ID'" in text
    assert "did you mean 'Inbound Call'?" in text
    assert "has no column 'Call Date'" in text


def test_a_column_that_the_caller_needs_is_asked_for_too(write):
    file = write("Inbound Call ID,Call Date,Campain", "A,B,C")
    assert find_call_files(str(file)) == [file]
    with pytest.raises(CallFileError, match="no column 'Campaign'") as caught:
        find_call_files(str(file), also=("campaign",))
    assert "did you mean 'Campain'?" in str(caught.value)


def test_a_summary_export_is_recognised(write):
    text = refusal(write('"Target","Incoming","Live","Completed","Ended","Connected"', '"A","1","0","1","1","1"'))
    assert "Summary export" in text
    assert "Call Details" in text


def test_another_tools_export_is_refused_with_what_is_missing(write):
    text = refusal(write("call_sid,started,customer_phone,source,agent_email", "1,2,+12125550123,4,5"))
    assert "looks like another tool's export" in text
    assert "'Inbound Call ID' and 'Call Date'" in text
    assert "5550123" not in text


def test_a_cut_file_is_refused_with_the_line_and_without_its_content(write, tmp_path):
    text = refusal(write(HEADER, FULL, '"01/02/2026 08:18:22 PM","RGB002","+15555550100"'))
    assert "line 3" in text
    assert "5555550100" not in text
    assert "3 fields where the header holds 18" in text
    cut = tmp_path / "cut.csv"
    cut.write_bytes(f'{HEADER}\r\n{FULL}\r\n"01/02/2026 08:18:22 PM","RGB002'.encode())
    assert "line 3" in (text := refusal(cut))
    assert "never closed" in text


def test_a_file_that_ends_within_its_last_value_is_said_to(tmp_path):
    cut = tmp_path / "cut.csv"
    cut.write_bytes(f"Inbound Call ID,Call Date,Campaign\r\nA,{AT},CTV Spr".encode())
    imported, _ = read(cut)
    assert imported.notes == ("cut.csv ends without a line break: its last line may be cut.",)


def test_the_line_of_a_fault_is_counted_as_an_editor_counts_it(write):
    rows = [f'A,{AT},"two\r\nlines"', "", f"B,{AT},x", f"C,{AT}"]
    assert "line 6" in refusal(write("Inbound Call ID,Call Date,Campaign", *rows))


def test_a_quote_that_goes_on_after_its_end_is_refused_with_its_line(write):
    text = refusal(write("Inbound Call ID,Call Date,Campaign", f'A,{AT},"x\r\nx"', f'B,{AT},"x"y'))
    assert "line 4" in text


def test_a_refusal_of_a_cut_file_does_not_remember_the_row(write):
    with pytest.raises(CallFileError) as caught:
        read(write(HEADER, '"+15555550100"'))
    assert caught.value.__context__ is None


def test_two_files_pasted_together_are_refused_with_the_line(write):
    again = FULL.replace("RGB001", "RGB002").replace("CTV Spring", "CTV\r\nSpring")
    assert "line 5" in refusal(write(HEADER, FULL, again, HEADER, FULL.replace("RGB001", "RGB003")))
    api = "inboundCallId,callDt"
    assert "line 3" in refusal(write(api, "A,1767403102000", api, "B,1767403102000"))


def test_a_column_that_stands_twice_is_refused(write):
    assert "'Revenue' stands twice" in refusal(write("Inbound Call ID,Call Date,Revenue,Revenue", "A,B,1,2"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"\r\n \r\n", "is empty"), (b"\xef\xbb\xbf\r\n", "is empty"), (b"PK\x03\x04rest", "workbook"),
     (b"a\0b,c", "workbook"), (b"\x1f\x8b\x08rest", "gzip"), ("Inbound Call ID,Call Date".encode("utf-16"), "UTF-16"),
     (b"<html><body>,Sign in", "not a CSV of calls"), (b"hello", "not a CSV of calls")],
)  # fmt: skip
def test_what_is_no_csv_is_refused_in_plain_words(tmp_path, content, words):
    file = tmp_path / "calls.csv"
    file.write_bytes(content)
    assert words in refusal(file)


def test_text_that_is_not_utf_8_is_refused_with_its_line(tmp_path):
    file = tmp_path / "calls.csv"
    file.write_bytes(f'Inbound Call ID,Call Date,Campaign\r\nA,{AT},"x\nx"\r\nA,{AT},\xff\xfe\r\n'.encode("latin-1"))
    text = refusal(file)
    assert "not UTF-8" in text
    assert "line 4" in text


def test_a_file_that_changes_while_it_is_read_is_refused(write, monkeypatch):
    file = write(HEADER, FULL)
    monkeypatch.setattr("kayzen_nb.callfile._sha256", lambda f: os.utime(f, (1, 1)))
    assert "was changed while it was read" in refusal(file)


def test_files_of_one_name_from_two_folders_are_both_among_the_inputs(write, tmp_path):
    settings, files = Settings(home=tmp_path / "home"), []
    for folder in ("march", "april/late"):
        (tmp_path / folder).mkdir(parents=True)
        files.append(write(*short(f"{folder[0]},{AT}"), name=f"{folder}/calls.csv"))
    asked = {"source": "csv", "period": None, "zone": NEW_YORK, "settings": settings}
    table = sources.calls(csv_path=";".join(map(str, files)), **asked)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert table.inputs == dict(zip(("march/calls.csv", "april/late/calls.csv"), digests, strict=True))
    other = write(*short(f"B,{AT}"), name="other.csv")
    assert set(sources.calls(csv_path=f"{files[0]};{other}", **asked).inputs) == {"calls.csv", "other.csv"}


def test_a_campaign_cannot_be_picked_from_a_file_without_campaigns(write, tmp_path):
    file = write(*short(f"A,{AT}"))
    with pytest.raises(CallFileError, match="no column 'Campaign'"):
        sources.calls(
            source="csv",
            period=None,
            zone=NEW_YORK,
            settings=Settings(home=tmp_path),
            csv_path=file,
            campaign="CTV Spring",
        )


# -- which files -----------------------------------------------------------------------------------------------------


def aged(write, name, age):
    file = write(*short(f"A,{AT}"), name=name)
    os.utime(file, (1_790_000_000 - age, 1_790_000_000 - age))
    return file


def test_files_are_found_by_name_list_folder_and_pattern_oldest_first(write, tmp_path):
    new, old, same = aged(write, "b.csv", 0), aged(write, "z.csv", 9), aged(write, "c.CSV", 0)
    aged(write, ".hidden.csv", 5)
    assert find_call_files(str(new)) == [new]
    assert find_call_files(f"{new}; {old} ;{new}") == [old, new]
    assert find_call_files(str(tmp_path)) == [old, new, same]
    assert find_call_files(str(tmp_path / "*.csv")) == [old, new]


def test_every_problem_of_every_file_is_told_at_once(write, tmp_path):
    good, poor = aged(write, "calls.csv", 0), write("a,b", "1,2", name="poor.csv")
    with pytest.raises(CallFileError) as caught:
        find_call_files(f"{good};{tmp_path / 'call.csv'};{poor};{tmp_path / 'x*.csv'}")
    assert [problem.what for problem in caught.value.problems] == [
        "There is no file 'call.csv'.",
        "No file matches 'x*.csv'.",
        "poor.csv looks like another tool's export: it has no column 'Inbound Call ID' and 'Call Date', as Ringba's Call Details have.",
    ]
    assert "did you mean 'calls.csv'?" in str(caught.value)


def test_a_folder_without_files_and_no_name_at_all_are_refused(tmp_path):
    with pytest.raises(CallFileError, match="holds no CSV file"):
        find_call_files(str(tmp_path))
    for nothing in ("", " ; "):
        with pytest.raises(CallFileError, match="No CSV file is named"):
            find_call_files(nothing)
    with pytest.raises(CallFileError, match="There is no file"):
        find_call_files(str(tmp_path / "nowhere" / "calls.csv"))


# -- whatever comes --------------------------------------------------------------------------------------------------

CELL = st.one_of(
    st.sampled_from(["", " ", AT, "11/01/2026 01:30:00 AM", "03/08/2026 02:30:00 AM", "1767403102000", "RGB1", "True", "27.00",
                     "$1,234.50", "NaN", "-5", "00:01:20", "99:99:99", "+12125550123", "12125550123", "anonymous",
                     "1.2125550123E+10", "https://x.example", "sealed::", "'", "\\", "2026-02-30", "1e400", "٣", "😀"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
)  # fmt: skip
TITLES = [
    "Inbound Call ID",
    "Call Date",
    "Revenue",
    "Duration",
    "Is Duplicate",
    "Caller ID",
    "Number",
    "Block Reason",
    "new",
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(CELL, min_size=len(TITLES), max_size=len(TITLES)), max_size=8))
def test_whatever_the_cells_hold_every_row_is_used_or_set_aside(write, rows):
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    imported, stored = read(write(",".join(TITLES), *quoted))
    assert imported.ledger.rows_in == len(stored) == len(rows)
    assert imported.ledger.rows_used == len(used(stored))
    assert all(row["call_at"] and row["call_id"] for row in used(stored))
