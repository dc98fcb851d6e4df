"""JSON records to a Parquet file of stored calls: what is kept, what is set aside, what is refused, and what leaks."""

import json
import os
import stat
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kayzen_nb
from kayzen_nb import callpages
from kayzen_nb.callerkey import CallerKey, load_caller_key
from kayzen_nb.callpages import CallPages
from kayzen_nb.callsql import build_stored_sql, open_engine
from kayzen_nb.errors import BadAnswer, ContractError, OutputFolderError
from kayzen_nb.newcolumns import MOST_NEW
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.storedcalls import (
    BAD_AMOUNT,
    BAD_DATE,
    BAD_DURATION,
    BAD_FLAG,
    FACTS_KEY,
    NAME_TWICE,
    NO_CALL_ID,
    NO_RECORD,
    STORED_COLUMNS,
    read_facts,
)

KEY = CallerKey(key=Secret("ab" * 32))
START = datetime(2026, 11, 1, tzinfo=UTC)
AT = int(START.timestamp() * 1000)
WINDOW = {"window_start": START, "window_end": START + timedelta(days=1), "pulled_at": START + timedelta(days=9)}
CALLER, CALLER_DIGITS = "+12125550123", "2125550123"


def record(number=0, /, **changed):
    """A call as Ringba tells it; a change to ``...`` leaves a name out."""
    whole = {
        "inboundCallId": f"RGB{number:05}", "callDt": AT + number * 1000, "campaignName": "CTV Spring",
        "inboundPhoneNumber": CALLER, "number": "+18885550133", "isLive": False, "hasConnected": True,
        "callLengthInSeconds": 31, "connectedCallLengthInSeconds": 24, "conversionAmount": 27.5,
    } | changed  # fmt: skip
    return {name: value for name, value in whole.items() if value is not ...}


def as_bytes(one):
    return one if isinstance(one, bytes) else json.dumps(one).encode()


def write(records, folder, *, key=KEY, keep_numbers=False):
    with CallPages(key, keep_numbers=keep_numbers, spool=folder) as pages:
        pages.add([as_bytes(one) for one in records])
        return pages.write(folder / "day.parquet", source="Ringba", **WINDOW)


def stored(folder, columns="*"):
    found = duckdb.connect().execute(f"select {columns} from read_parquet('{folder / 'day.parquet'}')")  # noqa: S608  # our own file
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder for tests that do not look at its content: the engine, which belongs to it, is opened once."""
    return tmp_path_factory.mktemp("shared")


def test_a_call_becomes_a_row_of_the_stored_columns_and_the_file_tells_its_facts(folder):
    facts = write([record(1), record(2, hasConnected=..., conversionAmount=...)], folder)
    first, second = stored(folder)
    assert list(first) == list(STORED_COLUMNS)
    assert {name: value for name, value in first.items() if value not in (None, False)} == {
        "call_id": "RGB00001", "call_at": START + timedelta(seconds=1), "campaign": "CTV Spring",
        "number": "***-***-0133", "caller": "***-***-**23", "caller_key": KEY.pseudonym(CALLER), "connected": True,
        "completed": True, "revenue_usd_micros": 27_500_000, "duration_s": 31, "connected_s": 24,
    }  # fmt: skip
    assert (second["connected"], second["revenue_usd_micros"]) == (False, None)
    assert (facts.rows_in, facts.rows_used, facts.set_aside, facts.new_columns) == (2, 2, {}, ())
    assert (facts.caller_key, facts.reader, facts.source) == (KEY.fingerprint, kayzen_nb.__version__, "Ringba")
    assert facts_of(folder / "day.parquet") == facts


def facts_of(path):
    asked = f"select decode(value) from parquet_kv_metadata('{path}') where decode(key) = '{FACTS_KEY}'"  # noqa: S608  # our own file
    return read_facts(duckdb.sql(asked).fetchall()[0][0])


def test_a_day_without_calls_is_a_file_without_rows(folder):
    facts = write([], folder)
    assert (facts.rows_in, facts.rows_used, stored(folder)) == (0, 0, [])


def test_records_of_a_page_may_come_as_raw_parts_of_its_bytes(folder):
    page = json.dumps([record(1), record(2)]).encode()
    with CallPages(KEY, spool=folder) as pages:
        pages.add(msgspec.json.decode(page, type=list[msgspec.Raw]))
        assert pages.write(folder / "day.parquet", source="Ringba", **WINDOW).rows_used == 2


# What Ringba's API and its exports write: column, JSON, and what is stored or why the row is set aside. A JSON string
# must be read as the same text in a CSV cell is.
FORMS = [
    # D01, D02: amounts
    ("conversionAmount", '"NaN"', BAD_AMOUNT), ("conversionAmount", "NaN", BAD_AMOUNT),
    ("conversionAmount", "Infinity", BAD_AMOUNT), ("conversionAmount", '"Infinity"', BAD_AMOUNT),
    ("conversionAmount", '""', None), ("conversionAmount", '"  "', None), ("conversionAmount", "null", None),
    ("conversionAmount", '"1,234.50"', 1_234_500_000), ("conversionAmount", '"$5"', 5_000_000),
    ("conversionAmount", "1e400", BAD_AMOUNT), ("conversionAmount", '"1e400"', BAD_AMOUNT),
    ("conversionAmount", "0.30000000000000004", 300_000), ("conversionAmount", "0", 0),
    ("conversionAmount", "true", BAD_AMOUNT), ("conversionAmount", '{"amount": 5}', BAD_AMOUNT),
    ("conversionAmount", "[5]", BAD_AMOUNT), ("conversionAmount", '"€5"', BAD_AMOUNT),
    ("conversionAmount", '"1,23"', BAD_AMOUNT), ("conversionAmount", "-35.00", -35_000_000),
    ("conversionAmount", "1000000000", BAD_AMOUNT), ("payoutAmount", "100.25", 100_250_000),
    # D12, D06: yes and no
    ("isDuplicate", "true", True), ("isDuplicate", '"True"', True), ("isDuplicate", "1", True),
    ("isDuplicate", '"yes"', True), ("isDuplicate", '"no"', False), ("isDuplicate", '""', False),
    ("isDuplicate", "null", False), ("isDuplicate", '"maybe"', BAD_FLAG), ("hasConnected", "2", BAD_FLAG),
    ("isLive", '{"yes": true}', BAD_FLAG),
    # D13: lengths of time
    ("callLengthInSeconds", "74.0", 74), ("callLengthInSeconds", '"00:01:20"', 80),
    ("callLengthInSeconds", '"150:40:00"', 542_400), ("callLengthInSeconds", "-5", BAD_DURATION),
    ("callLengthInSeconds", "1000000000", BAD_DURATION), ("callLengthInSeconds", '"a minute"', BAD_DURATION),
    ("callLengthInSeconds", '"0x10"', BAD_DURATION), ("connectedCallLengthInSeconds", "true", BAD_DURATION),
    # D07: call ids; outer spaces go, upper and lower case stay
    ("inboundCallId", '" RGBaB "', "RGBaB"), ("inboundCallId", "null", NO_CALL_ID), ("inboundCallId", '""', NO_CALL_ID),
    ("inboundCallId", '"   "', NO_CALL_ID), ("inboundCallId", f'"{"A" * 300}"', NO_CALL_ID),
    ("inboundCallId", '"a b"', NO_CALL_ID), ("inboundCallId", '"<b>"', NO_CALL_ID),
    ("inboundCallId", "12345", "12345"), ("inboundCallId", '{"id": 1}', NO_CALL_ID),
    # E06, times
    ("callDt", "1793500000", datetime.fromtimestamp(1793500000, UTC)),
    ("callDt", "1793500000123", datetime.fromtimestamp(1793500000.123, UTC)),
    ("callDt", "1793500000123000", datetime.fromtimestamp(1793500000.123, UTC)),
    ("callDt", '"2026-11-01T05:06:40Z"', datetime(2026, 11, 1, 5, 6, 40, tzinfo=UTC)),
    ("callDt", '"2026-11-01T00:06:40-05:00"', datetime(2026, 11, 1, 5, 6, 40, tzinfo=UTC)),
    ("callDt", '"2026-11-01T05:06:40"', BAD_DATE), ("callDt", '"11/23/2026 09:18:32 AM"', BAD_DATE),
    ("callDt", "12345", BAD_DATE), ("callDt", '"0x10000000000"', BAD_DATE), ("callDt", '"9999999999e08"', BAD_DATE),
    ("callDt", "null", BAD_DATE), ("callDt", "true", BAD_DATE), ("callDt", "-176736242711", BAD_DATE),
    # D17, D16: texts and numbers
    ("tag:InboundNumber:State", '"CA"', "CA"), ("tag:InboundNumber:State", '"California"', "California"),
    ("tag:InboundNumber:State", "null", None), ("tag:InboundNumber:State", '"??"', "??"),
    ("tag:InboundNumber:State", '"\\ud83d\\ude00 "', "\N{GRINNING FACE}"),
    ("inboundPhoneNumber", '"(212) 555-0123"', "***-***-**23"), ("inboundPhoneNumber", "2125550123", "***-***-**23"),
    ("inboundPhoneNumber", '"anonymous"', "anonymous"), ("inboundPhoneNumber", '"x2125550123"', "***"),
    ("inboundPhoneNumber", '"#+12125550123"', "***"), ("inboundPhoneNumber", '"+44 5555 550123"', "***-***-**23"),
]  # fmt: skip
REASONS = {NO_CALL_ID, BAD_DATE, BAD_AMOUNT, BAD_DURATION, BAD_FLAG}
STORED_AS = {
    "conversionAmount": "revenue_usd_micros", "payoutAmount": "payout_usd_micros", "isDuplicate": "is_duplicate",
    "hasConnected": "connected", "isLive": "completed", "callLengthInSeconds": "duration_s",
    "connectedCallLengthInSeconds": "connected_s", "inboundCallId": "call_id", "callDt": "call_at",
    "tag:InboundNumber:State": "state", "inboundPhoneNumber": "caller",
}  # fmt: skip


def judge(row, name, expected):
    reason = expected if expected in REASONS else None
    assert row["set_aside"] == reason
    if reason is None:
        assert row[STORED_AS[name]] == expected


@pytest.mark.parametrize(("name", "text", "expected"), FORMS, ids=[f"{name}={text[:30]}" for name, text, _ in FORMS])
def test_a_value_is_read_exactly_or_its_row_is_set_aside_with_the_reason(name, text, expected, shared):
    odd = json.dumps(record(1, **{name: "HERE"})).replace('"HERE"', text).encode()
    facts = write([odd, record(2)], shared)  # the second row is sound: one bad value is no broken contract
    assert facts.rows_in == facts.rows_used + sum(facts.set_aside.values()) == 2
    [row] = [row for row in stored(shared) if row["call_id"] != "RGB00002"]
    judge(row, name, expected)


TEXTS = [(name, json.loads(text), expected) for name, text, expected in FORMS if text[0] == '"']


@pytest.mark.parametrize(("name", "text", "expected"), TEXTS, ids=[f"{name}={text[:30]}" for name, text, _ in TEXTS])
def test_the_text_of_a_csv_cell_is_read_as_the_same_text_in_json(name, text, expected):
    engine = open_engine(KEY)
    cells = {word: f'"{api_id}"' for word, api_id in API_IDS.items()}
    row = dict.fromkeys(API_IDS.values()) | {"inboundCallId": "RGB1", "callDt": str(AT), "isLive": "no"}
    values = row | {name: text}
    engine.execute(f"create temp table file ({', '.join(f'{cell} varchar' for cell in cells.values())})")
    engine.execute(f"insert into file values ({', '.join('?' * len(values))})", list(values.values()))  # noqa: S608  # marks only
    query = build_stored_sql(cells, "file", at_utc=f"read_instant({cells['call_at']})", sparse=True).query
    found = engine.execute(query)
    names = [column[0] for column in found.description]
    judge(dict(zip(names, found.fetchall()[0], strict=True)), name, expected)


def test_a_payout_above_revenue_and_a_negative_revenue_are_kept_as_they_are(folder):
    write([record(1, conversionAmount=-35.0, payoutAmount=20.1)], folder)
    [row] = stored(folder)
    assert (row["revenue_usd_micros"], row["payout_usd_micros"], row["set_aside"]) == (-35_000_000, 20_100_000, None)


def test_tenths_that_a_float_cannot_hold_add_up_exactly(folder):
    write([record(number, conversionAmount=0.1) for number in range(1000)], folder)
    assert stored(folder, "sum(revenue_usd_micros)::bigint as total") == [{"total": 100_000_000}]


# --- columns that nobody told us of


def test_new_columns_are_kept_as_json_and_named_and_the_others_are_read_as_ever(folder):
    facts = write([record(1), record(2, newFlag=True, score=7, note="blue", deep={"a": [1]}, gone=None)], folder)
    first, second = stored(folder)
    assert facts.new_columns == ("deep", "gone", "newFlag", "note", "score")
    assert json.loads(second["more"]) == {"newFlag": "true", "score": "7", "note": "blue", "deep": '{"a":[1]}'}
    assert first["more"] is None
    assert (second["revenue_usd_micros"], second["set_aside"]) == (27_500_000, None)


def test_a_new_column_in_the_last_of_many_records_is_found(folder):
    facts = write([*(record(number) for number in range(30_000)), record(30_000, late=1)], folder)
    assert (facts.new_columns, facts.rows_used) == (("late",), 30_001)
    assert stored(folder, "more")[-1]["more"] == '{"late":"1"}'


@pytest.mark.parametrize("name", ["CALLDT", "a b", "it's", 'say "x"', "a/b~c", "$.x", "", "\u0000", "tag:Date:Day"])
def test_a_new_columns_name_may_be_anything(name, shared):
    facts = write([record(1, **{name: "blue"})], shared)
    assert facts.new_columns == (name or "(no name)",)
    assert json.loads(stored(shared, "more")[0]["more"]) == {name or "(no name)": "blue"}


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("recordingUrl", "https://media.invalid/recording-public?k=1", None),
        ("landing", "see www.example.invalid", None),
        ("nested", {"link": "https:\\/\\/x.invalid"}, None),
        ("recordingId", "abcdef", None),
        ("transcription", "hello, my name is", None),
        ("hasRecording", True, "true"),
        ("tag:InboundNumber:Number", "12125550123", "***"),
        ("tag:InboundNumber:Pretty", "(212) 555-0123", "***"),
        ("apart", {"a": "212", "b": "555", "c": "0123"}, "***"),
        ("transfer", "sent to +1 305 555 0144 at noon", "sent to *** at noon"),
        ("targetNumber", "3055550144", "***"),
        ("abroad", "+44 5555 550199", "***"),
        ("several", "3055550144 3055550145,3055550146", "*** ***,***"),
        ("glued", "x3055550144y", "x***y"),
        ("callCompletedDt", 1793500000123, "1793500000123"),
        ("cost", 0.04, "0.04"),
    ],
)
def test_links_what_was_said_and_phone_numbers_in_new_columns_are_not_kept(name, value, kept, shared):
    write([record(1, **{name: value})], shared)
    more = stored(shared, "more")[0]["more"]
    assert (json.loads(more)[name] if more else None) == kept


def test_a_caller_that_is_written_strangely_is_found_in_new_columns_too(folder):
    write([record(1, inboundPhoneNumber="x2125550123", a="x2125550123", b="21255", c="+1 (212) 555 - 0123 4")], folder)
    assert json.loads(stored(folder, "more")[0]["more"]) == {"a": "***", "b": "21255", "c": "***"}


def test_more_names_than_columns_can_be_are_refused(folder):
    with pytest.raises(ContractError, match="values stand in the place of names"):
        write([record(1, **{f"n{number}": 1 for number in range(MOST_NEW + 1)})], folder)


@pytest.mark.parametrize("shift", range(4))
def test_a_record_that_duckdbs_error_cuts_in_the_middle_of_a_character_is_read(shift, shared):
    odd = json.dumps({"new": "x" * shift + "\N{GRINNING FACE}" * 50} | record(1), ensure_ascii=False)
    assert write([odd.encode(), record(2)], shared).rows_used == 2


def test_a_record_written_over_several_lines_is_one_record(folder):
    pretty = json.dumps(record(1), indent=4, separators=(" ,", " : ")).encode().replace(b"\n", b"\r\n")
    facts = write([pretty, record(2)], folder)
    assert (facts.rows_used, facts.new_columns) == (2, ())
    assert [row["call_id"] for row in stored(folder)] == ["RGB00001", "RGB00002"]


def test_a_record_with_a_name_that_stands_twice_is_set_aside(folder):
    twice = json.dumps(record(1))[:-1] + ', "conversionAmount": 99}'
    facts = write([twice.encode(), record(2), b'{"x": 1, "x": 1}'], folder)
    assert facts.set_aside == {NAME_TWICE: 2}
    assert stored(folder, "call_id, set_aside")[0] == {"call_id": "RGB00001", "set_aside": NAME_TWICE}


@pytest.mark.parametrize("odd", [b"5", b"[1]", b'"x"', b'{"a": 01}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"{"])
def test_what_is_no_record_is_set_aside_and_counted(odd, shared):
    facts = write([record(1), odd, record(2)], shared)
    assert (facts.rows_in, facts.rows_used, facts.set_aside) == (3, 2, {NO_RECORD: 1})


# --- the contract


def refused(records, folder):
    (folder / "day.parquet").unlink(missing_ok=True)
    with pytest.raises(ContractError) as raised:
        write(records, folder)
    assert not (folder / "day.parquet").exists()
    return raised.value.problems


def test_a_column_that_is_unreadable_in_every_row_is_refused_and_all_are_named_at_once(folder):
    shown = '{"by":"***-***-**23"}'
    problems = refused(
        [record(n, hasConnected={"by": CALLER}, conversionAmount="free", campaignName=["a"]) for n in range(10)], folder
    )
    assert [problem.what for problem in problems] == [
        f"Column 'hasConnected' (Connected) cannot be read in any of 10 rows: it holds an object, such as {shown}",
        "Column 'conversionAmount' (Revenue) cannot be read in any of 10 rows: it holds a text, such as free",
        """Column 'campaignName' (Campaign) cannot be read in any of 10 rows: it holds a list, such as ["a"]""",
    ]
    assert all("Ringba, 2026-11-01 00:00" in problem.where and problem.next_step for problem in problems)


@pytest.mark.parametrize("name", ["inboundCallId", "callDt", "isLive", "payoutAmount", "timeToConnectInSeconds"])
def test_any_column_that_is_judged_can_break_the_contract(name, shared):
    [problem] = refused([record(number, **{name: [number]}) for number in range(10)], shared)
    assert f"Column '{name}'" in problem.what
    assert "a list, such as [0]" in problem.what


def test_nine_bad_values_or_one_good_one_are_no_broken_contract(folder):
    assert write([record(n, conversionAmount="free") for n in range(9)], folder).set_aside == {BAD_AMOUNT: 9}
    mixed = [*(record(n, conversionAmount="free") for n in range(20)), record(21)]
    assert write(mixed, folder).set_aside == {BAD_AMOUNT: 20}


def test_a_good_value_in_another_part_of_the_day_is_seen(folder, monkeypatch):
    monkeypatch.setattr(callpages, "_FLUSH_RECORDS", 1000)
    good, bad = [record(n) for n in range(1000)], [record(n, hasConnected="?") for n in range(1000, 1020)]
    assert write(good + bad, folder).set_aside == {BAD_FLAG: 20}
    without = [record(n, hasConnected=...) for n in range(1000)]
    assert "hasConnected" in refused(without + bad, folder)[0].what


@pytest.mark.parametrize(("name", "new"), [("callDt", "callDate"), ("inboundCallId", "inboundCallID2")])
def test_a_renamed_call_id_or_time_is_refused_with_the_likely_new_name(name, new, shared):
    [problem] = refused([record(1, **{name: ..., new: 5})], shared)
    assert f"Column '{name}'" in problem.what
    assert f"Did you mean '{new}'?" in problem.next_step


def test_a_call_without_id_among_others_is_set_aside(folder):
    assert write([record(1, inboundCallId=...), record(2)], folder).set_aside == {NO_CALL_ID: 1}


def test_amounts_in_another_currency_are_refused(folder):
    [problem] = refused([record(1, currency="USD"), record(2, currency="EUR", conversionCurrency="usd")], folder)
    assert "'EUR', not in USD" in problem.what
    assert write([record(1, currency="USD"), record(2, currency="")], folder).rows_used == 2


def test_after_a_refusal_the_same_object_takes_the_next_day(folder):
    with CallPages(KEY, spool=folder) as pages:
        pages.add([as_bytes(record(n, callDt=...)) for n in range(10)])
        with pytest.raises(ContractError):
            pages.write(folder / "day.parquet", source="Ringba", **WINDOW)
        pages.add([as_bytes(record(2))])
        assert pages.rows_in == 1
        assert pages.write(folder / "day.parquet", source="Ringba", **WINDOW).rows_used == 1


# --- many records, order, memory, files


@pytest.mark.parametrize("order", ["in order", "backwards", "one new column"])
def test_a_day_in_many_parts_is_the_day_in_one(order, folder, monkeypatch):
    records = [record(number, conversionAmount=number) for number in range(3000)]
    records = records[::-1] if order == "backwards" else records
    records += [record(3001, new=1)] if order == "one new column" else []
    whole = write(records, folder), stored(folder)
    monkeypatch.setattr(callpages, "_FLUSH_RECORDS", 1000)
    assert (write(records, folder), stored(folder)) == whole
    assert [row["call_id"] for row in whole[1]] == sorted(row["call_id"] for row in whole[1])
    assert facts_of(folder / "day.parquet") == whole[0]
    assert modes(folder) == {".parquet": 0o600}


def test_a_file_on_another_disk_is_written_there_for_the_owner_only(folder, tmp_path_factory, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "replace", refuse)
    spool = tmp_path_factory.mktemp("spool")
    with CallPages(KEY, spool=spool) as pages:
        pages.add([as_bytes(record(1))])
        pages.write(folder / "day.parquet", source="Ringba", **WINDOW)
    assert (modes(folder), len(stored(folder)), list(spool.iterdir())) == ({".parquet": 0o600}, 1, [])


def test_calls_of_the_same_moment_stand_in_order_of_their_ids(folder):
    write([record(number, callDt=AT) for number in (3, 1, 2)], folder)
    assert [row["call_id"] for row in stored(folder)] == ["RGB00001", "RGB00002", "RGB00003"]


def test_big_records_are_flushed_by_their_bytes(folder, monkeypatch):
    monkeypatch.setattr(callpages, "_FLUSH_BYTES", 100_000)
    with CallPages(KEY, spool=folder) as pages:
        pages.add([as_bytes(record(number, campaignName="x" * 1000)) for number in range(1000)])
        assert len(list(folder.glob("*.parquet"))) == 1


def test_facts_that_are_longer_than_their_room_are_kept_whole(folder):
    facts = write([record(1, **{f"a_rather_long_new_name_{number:03}": 1 for number in range(200)})], folder)
    assert len(facts.as_text()) > len(callpages._ROOM)
    assert facts_of(folder / "day.parquet") == facts


def test_a_file_that_fits_is_not_written_twice(folder, monkeypatch):
    copies, copy = [], CallPages._copy
    monkeypatch.setattr(
        CallPages, "_copy", lambda self, query, to, *facts: (copies.append(to), copy(self, query, to, *facts))
    )
    write([record(number) for number in range(100)], folder)
    assert len(copies) == 1


def modes(folder):
    return {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("new", [{}, {"new": 1}])
def test_the_file_with_full_numbers_is_for_the_owner_only_and_is_gone_at_once(new, folder, monkeypatch):
    seen, copy = [], CallPages._copy

    def watch(self, query, to, *facts):
        seen.append(modes(folder))
        copy(self, query, to, *facts)

    monkeypatch.setattr(CallPages, "_copy", watch)
    previous = os.umask(0)
    try:
        with CallPages(KEY, spool=folder) as pages:
            pages.add([as_bytes(record(1, **new))])
            pages._flush()
            assert modes(folder) == {".parquet": 0o600}
            pages.write(folder / "day.parquet", source="Ringba", **WINDOW)
    finally:
        os.umask(previous)
    assert seen[0] == {".ndjson": 0o600, ".parquet": 0o600}
    assert modes(folder) == {".parquet": 0o600}


def test_nothing_with_numbers_is_left_when_duckdb_fails(folder, monkeypatch):
    def fail(*_):
        raise duckdb.IOException("No space left on device: " + CALLER)

    monkeypatch.setattr(CallPages, "_copy", fail)
    with pytest.raises(OutputFolderError) as raised:
        write([record(1)], folder)
    assert CALLER not in "".join(traceback.format_exception(raised.value))
    assert list(folder.iterdir()) == []


def test_records_that_duckdb_cannot_take_at_all_are_a_bad_answer_that_shows_none_of_them(folder):
    huge = b'{"x": "' + b"a" * 40_000_000 + CALLER.encode() + b'"}'
    with pytest.raises(BadAnswer) as raised:
        write([huge], folder)
    assert CALLER not in "".join(traceback.format_exception(raised.value))
    assert list(folder.iterdir()) == []


def test_a_row_that_gets_lost_is_noticed(folder, monkeypatch):
    ask = CallPages._stored_sql
    monkeypatch.setattr(CallPages, "_stored_sql", lambda self, source: ask(self, f"(from {source} limit 1)"))
    with pytest.raises(BadAnswer, match="2 records came, and 1 rows"):
        write([record(1), record(2)], folder)


def test_full_numbers_are_stored_only_when_asked_for(folder):
    write([record(1)], folder, keep_numbers=True)
    assert stored(folder, "caller_number") == [{"caller_number": CALLER}]
    write([record(1)], folder)
    assert stored(folder, "caller_number") == [{"caller_number": None}]


def test_of_a_forgotten_caller_nothing_but_the_call_is_stored(folder):
    key = CallerKey(key=KEY.key, forgotten=frozenset({KEY.pseudonym(CALLER)}))
    write([record(1, new="blue"), record(2, inboundPhoneNumber="+12125550124")], folder, key=key)
    first, second = stored(folder, "caller, caller_key, more, revenue_usd_micros")
    assert first == {"caller": "forgotten", "caller_key": None, "more": None, "revenue_usd_micros": 27_500_000}
    assert second["caller_key"] == KEY.pseudonym("+12125550124")


def test_two_keys_give_two_pseudonyms_although_the_engine_is_kept(folder, tmp_path):
    other = load_caller_key(tmp_path / "home")
    write([record(1)], folder)
    write([record(1)], folder, key=other)
    assert stored(folder, "caller_key") == [{"caller_key": other.pseudonym(CALLER)}]


# --- whatever comes (P4)

LINES = st.integers(100, 199).map(lambda line: f"2125550{line}")
WRITTEN = st.sampled_from(
    ["+1{0}", "{0}", "1{0}", "({0[0]}{0[1]}{0[2]}) 555-{1}", "+1-212-555-{1} x7", "x{0}", "a {0} b"]
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["$5", "yes", "1e400"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
OPEN_TEXTS = {"inboundPhoneNumber", "number"}
KNOWN = st.sampled_from(sorted(set(API_IDS.values()) - OPEN_TEXTS))


@st.composite
def hostile(draw):
    """A record with anything under any name, and its caller's number in several writings where numbers can stand."""
    digits = draw(LINES)
    numbers = WRITTEN.map(lambda form: form.format(digits, digits[-4:]))
    placed = numbers | numbers.map(lambda number: {"n": [number]}) | st.just(int(digits))
    odd = draw(st.dictionaries(KNOWN, ANYTHING, max_size=4)) | draw(
        st.dictionaries(
            st.text(max_size=6).filter(lambda name: name not in API_IDS.values()), ANYTHING | placed, max_size=3
        )
    )
    whole = record(draw(st.integers(0, 9)), inboundPhoneNumber=draw(placed), number=draw(placed)) | odd
    return digits, whole


@settings(max_examples=40, deadline=None)
@given(st.lists(hostile(), min_size=1, max_size=8))
def test_p4_every_row_is_used_or_set_aside_and_no_column_holds_a_callers_number(shared, records):
    sound = record(9999, hasPayout=True, payoutAmount=1.0, timeToConnectInSeconds=7)  # keeps the contract
    lines = [json.dumps(one).encode() for _, one in records]
    facts = write([*lines, sound], shared)
    assert facts.rows_in == facts.rows_used + sum(facts.set_aside.values()) == len(lines) + 1
    rows = stored(shared)
    assert len(rows) == facts.rows_in
    assert sum(row["set_aside"] is None for row in rows) == facts.rows_used
    digits = {one for one, _ in records}
    for row in rows:
        for name, value in row.items():
            flat = "".join(filter(str.isdigit, value)) if isinstance(value, str) else ""
            assert not [one for one in digits if one in flat], (name, value)


def test_p4_can_fail_a_number_in_a_kept_column_is_found_in_the_file(folder):
    write([record(1, inboundCallId=CALLER_DIGITS)], folder)
    assert CALLER_DIGITS in stored(folder)[0]["call_id"]
    assert Path(folder / "day.parquet").stat().st_size > 0
