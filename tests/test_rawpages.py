"""Raw pages: everything a better reader needs, and no full number. Numbers are invented."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import stat
from datetime import UTC, datetime, timedelta

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_archive import KEY, record, write_stored

from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callpages import CallPages
from kayzen_nb.errors import InputError, OutputFolderError
from kayzen_nb.privacy import Secret
from kayzen_nb.rawpages import RawPages, expire, find_expired, forget_in_raw, mask_refused, quarantine, read_raw
from kayzen_nb.ringba_columns import API_IDS

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
CALLER, DIALLED = "+12125550142", "+18885550122"


def keep(tmp_path, records, key=KEY, **options):
    """The lines in which records are kept."""
    path = tmp_path / "pages.ndjson.gz"
    path.unlink(missing_ok=True)
    with RawPages(path, key, **options) as pages:
        pages.add([r if isinstance(r, bytes) else json.dumps(r).encode() for r in records])
    return [line for batch in read_raw(path) for line in batch]


def stored_rows(tmp_path, records, **options):
    path = tmp_path / "stored.parquet"
    write_stored(path, records, **options)
    return duckdb.execute("select * from read_parquet(?) order by call_id", [str(path)]).fetchall()


def digits_in(lines):
    """The texts without what is neither digit nor letter, so that no way of writing a number hides it."""
    return re.sub(rb"[^0-9A-Za-z\"]", b"", b"\n".join(lines))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("raw")


_numbers = st.sampled_from([
    CALLER, "12125550142", "2125550142", "(212) 555-0142", "212.555.0142 x12", "+442079460123", "5550142", "12345", "",
    "anonymous", "Restricted", "+1212555014", "sip:2125550142@host", "sip:alice@host", "sealed:ab12:***-***-**42",
    " 2125550142 ", 12125550142, 2125550142.0, None, True, ["2125550142"],
]) | st.text(alphabet='+0123456789 ()-.x#aA:é٣\n"\\', max_size=20)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_numbers, _numbers), min_size=1, max_size=40))
def test_sealed_records_are_read_into_the_same_stored_calls_whatever_the_numbers(place, numbers):
    records = [record(n, inboundPhoneNumber=a, number=b) for n, (a, b) in enumerate(numbers)]
    lines = keep(place, records)
    assert len(lines) == len(records)
    assert stored_rows(place, lines) == stored_rows(place, records)


_typed_texts = st.sampled_from([
    "212555.0142", "212555.0142e0", "2125550142", "+1 (212) 555-0142", "3105550177", "5550142", "$212,555.01", "27.00", "http://x",
    "", " ", "true", "yes", "0", "00:10:00", "1793491200000", "1793491200", "2026-11-01T00:00:00Z", "call 2125550142 now",
    212555.0142, 2125550142, 3105550177.5, -27.5, True, None, {"a": "http://x", "b": "2125550142"}, ["+12125550142"], {}, 12,
])  # fmt: skip
_said_texts = st.sampled_from([
    "CTV 3105550177 spot", "see https://kayzen.io/x", "http://a.example/?api_key=abcdef123456", "+44 20 7946 0123", "www.a.example",
    "", " x ", "recording", None, 5550199, 3105550177.0, True, {"a": "see https://kayzen.io/x", "n": 13105550177}, ["https://a.example"],
    "(310) 555-0177\n", "\u00e9 310.555.0177",
])  # fmt: skip
_SAID = [API_IDS[word] for word in (
    "campaign", "state", "target", "publisher", "block_reason", "ended_by", "incomplete_reason", "no_conversion_reason", "no_payout_reason",
)]  # fmt: skip
_READ = sorted(set(API_IDS.values()) - {*_SAID, "inboundCallId", "inboundPhoneNumber", "number"})
_values = st.fixed_dictionaries({}, optional=dict.fromkeys(_SAID, _said_texts) | dict.fromkeys(_READ, _typed_texts))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_values, min_size=1, max_size=20), st.sampled_from([CALLER, "5550142", "anonymous", None]), st.booleans()
)
def test_what_is_stored_of_a_record_is_stored_of_its_page_too(place, values, caller, keep_numbers):
    records = [record(n, inboundPhoneNumber=caller) | some for n, some in enumerate(values)]
    lines = keep(place, records, keep_numbers=keep_numbers)
    assert stored_rows(place, lines) == stored_rows(place, records)
    assert keep(place, lines, keep_numbers=keep_numbers) == lines


@pytest.mark.parametrize("name", [*_SAID, *_READ])
@pytest.mark.parametrize("written", ["+1 212 555 0142", "a 212.555.0142 b", {"a": ["2125550142"]}, {"2125550142": 1}])
def test_the_callers_own_number_is_hidden_in_stored_columns_too_and_the_row_is_judged_as_before(
    tmp_path, name, written
):
    said = [record(1, inboundPhoneNumber=CALLER) | {name: written}]
    lines = keep(tmp_path, said)
    assert b"2125550142" not in digits_in(lines)
    assert [row[-1] for row in stored_rows(tmp_path, lines)] == [row[-1] for row in stored_rows(tmp_path, said)]


def test_a_forgotten_callers_number_is_hidden_in_texts_even_where_numbers_are_kept(tmp_path):
    gone = CallerKey(key=KEY.key, forgotten=frozenset({KEY.pseudonym(CALLER)}))
    said = record(1, inboundPhoneNumber=CALLER, campaignName="call 212-555-0142, 310-555-0177")
    assert b"2125550142" not in digits_in(keep(tmp_path, [said], key=gone, keep_numbers=True))


def test_the_callers_number_becomes_its_pseudonym_and_masked_form(tmp_path):
    (line,) = keep(tmp_path, [record(1, inboundPhoneNumber=CALLER)])
    kept = json.loads(line)
    assert kept["inboundPhoneNumber"] == f"sealed:{KEY.pseudonym(CALLER)}:***-***-**42"
    assert kept["number"].endswith("0122")
    same = {name: value for name, value in record(1).items() if name not in ("inboundPhoneNumber", "number")}
    assert {name: kept[name] for name in same} == same


ESCAPED = "".join(rf"\u003{digit}" for digit in "2125550142")
HIDING_PLACES = [
    {"tag:User:Phone": "2125550142"}, {"tag:User:Phone": "(212) 555-0142"}, {"tag:User:Phone": "1 212 555 0142"},
    {"tag:User:Phone": 12125550142}, {"tag:User:Phone": "212/555/0142"}, {"tag:User:Phone": "call 2.1.2.5.5.5.0.1.4.2"},
    {"tag:User:Query": "a=1&p=%2B12125550142&z=2"}, {"tag:deep": {"a": ["x", {"12125550142": "+1 212-555-0142"}]}},
    {"tag:12125550142": "x"}, {"numberId": "PV18885550122"}, {"targetNumber": "+13105550177"}, {"tag:x": "+13105550177"},
    {"tag:User:Escaped": "MARK"}, {"number": "#18885550122"}, {"number": "ext 8885550122"},
]  # fmt: skip


@pytest.mark.parametrize("more", HIDING_PLACES, ids=[next(iter(p)) + str(n) for n, p in enumerate(HIDING_PLACES)])
@pytest.mark.parametrize("caller", [CALLER, "212-555-0142", 12125550142, "x2125550142", "sealed::+12125550142"])
def test_no_full_number_stands_anywhere_in_a_record(tmp_path, more, caller):
    written = json.dumps(record(1, inboundPhoneNumber=caller) | more).replace("MARK", ESCAPED)
    lines = keep(tmp_path, [written.encode()])
    lines += [json.dumps(json.loads(line)).encode() for line in lines]  # without JSON's own ways of writing a digit
    for number in (b"2125550142", b"8885550122", b"3105550177"):
        assert number not in digits_in(lines)
    assert json.loads(lines[0])["callDt"] == record(1)["callDt"]


def test_what_a_person_said_and_keys_in_links_are_left_out(tmp_path):
    said = {
        "recordingUrl": "https://media.example/recording?k=1", "tag:page": "http://a.example/?b", "transcript": "hello",
        "tag:nested": {"link": "https:\\/\\/a.example", "kept": 1}, "hasRecording": True, "tag:q": "x?api_key=abcdef123456",
    }  # fmt: skip
    kept = json.loads(keep(tmp_path, [record(1) | said])[0])
    assert not {"recordingUrl", "tag:page", "transcript"} & kept.keys()
    assert kept["hasRecording"] is True
    assert "abcdef123456" not in json.dumps(kept)


def test_amounts_and_other_values_keep_their_writing(tmp_path):
    written = b'{"inboundCallId":"RGB1","callDt":1793491200000,"conversionAmount":27.10,"payoutAmount":1e400,"a":0.1}'
    assert keep(tmp_path, [written]) == [written]


def test_a_record_is_one_line_however_it_was_written_and_what_is_none_becomes_a_text(tmp_path):
    pretty = json.dumps(record(1, more={"a": [1, 2]}), indent=2).encode()
    broken = [b"[1]", b'"+12125550142"', b'{"inboundPhoneNumber": "+12125550142', b"\xff\xfe", b""]
    lines = keep(tmp_path, [pretty, *broken])
    assert len(lines) == 6
    assert json.loads(lines[0])["more"] == {"a": [1, 2]}
    assert all(isinstance(json.loads(line), str) for line in lines[1:])
    assert b"2125550142" not in digits_in(lines)


def read_as_calls(tmp_path, records, key=KEY):
    """As ``stored_rows``, by the reader that a sync has; the last column says why a row is refused."""
    path = tmp_path / "calls.parquet"
    with CallPages(key) as pages:
        pages.add(records)
        pages.write(path, window_start=NOW, window_end=NOW, pulled_at=NOW, source="test")
    return duckdb.execute("select * from read_parquet(?) order by call_id", [str(path)]).fetchall()


REPEATED = {
    "a value": ['"payoutAmount":1'], "the same value": ['"payoutAmount":20.0'], "an escaped name": ['"payout\\u0041mount":1'],
    "a new column": ['"tag:x":"a"', '"tag:x":"b"'], "two links": ['"recordingUrl":"https://a.example/1"'] * 2,
    "the caller": ['"inboundPhoneNumber":"+12125550143"', '"tag:y":"call 2.1.2.5.5.5.0.1.4.3"'],
    "the number": ['"number":"+18885550123"', '"tag:y":"8/8/8/555.0123"'], "thrice": ['"number":1', '"number":null'],
    "a number in a tag": ['"tag:x":1', '"tag:x":{"a":["call 2.1.2.5.5.5.0.1.4.2"]}'], "odd text": ['"tag:x":"},{\\"\\n"', '"tag:x": [ ]'],
    "a long number": [f'"tag:x":1{"0" * 5000}'] * 2,
}  # fmt: skip


@pytest.mark.parametrize("again", REPEATED.values(), ids=REPEATED)
@pytest.mark.parametrize("spaces", ["", "\r\n  "])
def test_a_name_that_stands_twice_does_so_in_the_pages_without_numbers_and_the_row_is_refused_again(
    tmp_path, again, spaces
):
    first = json.dumps(record(1, inboundPhoneNumber=CALLER), separators=(",", ":"))[1:-1]
    twice = f"{{{spaces}{first},{','.join(again)}{spaces}}}".encode()
    records = [twice, json.dumps(record(2)).encode()]
    lines = keep(tmp_path, records)
    rows = read_as_calls(tmp_path, records)
    assert [row[:-2] for row in read_as_calls(tmp_path, lines)] == [row[:-2] for row in rows]
    assert [row[-1] for row in read_as_calls(tmp_path, lines)] == [row[-1] for row in rows]
    assert [row[-1] for row in rows] == ["a name stands twice", None]
    assert len(lines) == 2
    for number in (b"2125550142", b"2125550143", b"8885550122", b"8885550123"):
        assert number not in digits_in(lines)
    assert b"https" not in lines[0]
    assert keep(tmp_path, lines) == lines


def test_a_record_with_spaces_or_escapes_is_not_taken_for_one_with_a_name_twice(tmp_path):
    written = [json.dumps(record(1), indent=1), json.dumps(record(2)).replace("payoutAmount", r"payout\u0041mount")]
    assert [row[-1] for row in read_as_calls(tmp_path, keep(tmp_path, [text.encode() for text in written]))] == [
        None
    ] * 2


@pytest.mark.parametrize(
    "again", ['"tag:x":1,"tag:x":"Ann"', '"payoutAmount":1', '"inboundPhoneNumber":"+12125550142"']
)
def test_a_caller_is_forgotten_in_a_record_with_a_name_twice_too(tmp_path, again):
    first = json.dumps(record(1, inboundPhoneNumber=CALLER))
    (tmp_path / "before").mkdir()
    keep(tmp_path / "before", [f"{first[:-1]},{again}}}".encode()])
    forgetting = CallerKey(key=KEY.key, forgotten=frozenset({KEY.pseudonym(CALLER)}))
    assert forget_in_raw(tmp_path / "before" / "pages.ndjson.gz", tmp_path / "after.gz", forgetting, CALLER) == 1
    [[line]] = read_raw(tmp_path / "after.gz")
    assert b"Ann" not in line
    assert KEY.pseudonym(CALLER).encode() not in line
    assert [row[-1] for row in read_as_calls(tmp_path, [line], forgetting)] == ["a name stands twice"]


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("room", [0, 2000, 5000])
def test_a_full_disk_is_told_whenever_it_is_met(tmp_path, monkeypatch, room):
    """``room`` bytes fit: none, some, or all but what closing writes."""
    raw_write = gzip.GzipFile.write
    monkeypatch.setattr(
        gzip.GzipFile,
        "write",
        lambda file, line: raw_write(file, line) if file.size + len(line) < room else full_disk(),
    )
    if room == 5000:
        monkeypatch.setattr(gzip.GzipFile, "close", full_disk)
    with pytest.raises(OutputFolderError, match="No space left on device") as refused:
        keep(tmp_path, [record(n) for n in range(8)])
    (problem,) = refused.value.problems
    assert (problem.where, "TMPDIR" in problem.next_step) == (str(tmp_path), True)
    assert "555" not in str(problem)


def test_pages_that_cannot_be_begun_are_told(tmp_path):
    with pytest.raises(OutputFolderError, match="No such file or directory"):
        RawPages(tmp_path / "nowhere" / "a.gz", KEY)


def test_closing_hides_no_error_that_came_first(tmp_path, monkeypatch):
    monkeypatch.setattr(gzip.GzipFile, "close", full_disk)
    with pytest.raises(KeyError, match="the first"), RawPages(tmp_path / "a.gz", KEY):
        raise KeyError("the first")
    pages = RawPages(tmp_path / "b.gz", KEY)
    monkeypatch.setattr(gzip.GzipFile, "write", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pages.add([b"{}"])
    pages.close()


def test_raw_values_of_msgspec_are_taken_as_they_come(tmp_path):
    path = tmp_path / "a.gz"
    with RawPages(path, KEY) as pages:
        pages.add(msgspec.json.decode(json.dumps([record(n) for n in range(2500)]).encode(), type=list[msgspec.Raw]))
    assert [len(batch) for batch in read_raw(path)] == [1000, 1000, 500]


def test_numbers_are_kept_when_that_was_asked_for(tmp_path):
    call = record(1, inboundPhoneNumber=CALLER, recordingUrl="https://media.example/1")
    kept = json.loads(keep(tmp_path, [call], keep_numbers=True)[0])
    assert kept == {name: value for name, value in call.items() if name != "recordingUrl"}


@pytest.mark.parametrize("keep_numbers", [False, True])
def test_of_a_forgotten_caller_only_the_call_is_kept(tmp_path, keep_numbers):
    forgetting = CallerKey(key=KEY.key, forgotten=frozenset({KEY.pseudonym(CALLER)}))
    call = record(1, inboundPhoneNumber="(212) 555-0142", **{"tag:User:Name": "Ann"})
    (line,) = keep(tmp_path, [call], forgetting, keep_numbers=keep_numbers)
    kept = json.loads(line)
    assert kept["inboundPhoneNumber"] == "forgotten"
    assert not {"tag:User:Name", "tag:InboundNumber:State"} & kept.keys()
    assert (kept["inboundCallId"], kept["payoutAmount"]) == ("RGB0001", 20.0)
    assert stored_rows(tmp_path, [line]) == stored_rows(tmp_path, [call], key=forgetting)


def test_another_key_gives_other_pseudonyms_and_the_same_one_the_same_bytes(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path, key in zip(paths, (KEY, KEY, CallerKey(key=Secret("6" * 64))), strict=True):
        with RawPages(path, key) as pages:
            pages.add([json.dumps(record(1)).encode()])
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second != other
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_damaged_pages_are_told_and_never_read_in_part_silently(tmp_path):
    path = tmp_path / "a.gz"
    with RawPages(path, KEY) as pages:
        pages.add([json.dumps(record(n)).encode() for n in range(3000)])
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-2], b"not gzip", whole[:40] + b"\0\0\0\0" + whole[44:]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged or gone"):
            list(read_raw(path))
    with pytest.raises(InputError, match="damaged or gone"):
        list(read_raw(tmp_path / "nothing"))


def test_pages_older_than_the_limit_go_and_so_do_refused_answers_and_empty_folders(tmp_path):
    raw = tmp_path / "raw"
    names = ("day=2026-10-01/pulled=2026-10-02T06-00-00Z.ndjson.gz", "day=2026-10-02/pulled=2026-10-24T06-00-00Z.ndjson.gz",
             "day=2026-10-02/pulled=2026-10-24T05-59-59Z.ndjson.gz", "refused/answer=2026-10-01T00-00-00Z-ab.txt.gz", "day=2026-10-01/mine.txt")  # fmt: skip
    for name in names:
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"x")
    old = (raw / names[0], raw / names[2], raw / names[3])
    assert set(find_expired(raw, timedelta(days=30), NOW)) == set(old)
    assert set(expire(raw, timedelta(days=30), NOW)) == set(old)
    assert {str(p.relative_to(raw)) for p in raw.rglob("*") if p.is_file()} == {names[1], names[4]}
    assert not (raw / "refused").exists()
    assert expire(tmp_path / "nothing", timedelta(days=30), NOW) == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_refused_answer_is_kept_without_numbers_links_and_keys(tmp_path, encoding):
    text = (
        '{"records": [{"inboundPhoneNumber": "+442079460123", "x": "+1 (212) 555-0142", "u": "https://a.example/voice",'
        ' "k": "api_key=abcdef123456"}, {"inboundPhoneNumber":"+12125550142", "number": 18885550122}, {"inboundPhoneNumber": "+121255501'
    )
    path = quarantine(tmp_path, text.encode(encoding), NOW, "cut off after +12125550142")
    kept = gzip.decompress(path.read_bytes()).decode()
    assert path.parent == tmp_path / "raw" / "refused"
    assert kept.startswith("Refused: cut off after ***-***-**42")
    for hidden in ("442079460123", "2125550142", "8885550122", "voice", "abcdef123456", "121255501"):
        assert hidden not in re.sub(r"[^0-9a-z]", "", kept)
    assert '"records"' in kept
    modes = [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


@pytest.mark.parametrize(
    "text",
    [
        '{"x": "+44 20 7946 0123', '{"x": "%2B44 20 7946 0123"', '{"x": "+44 (20) 7946-0123"', r'{"x": "\u002b442079460123"',
        r'{"x": "\u002B44\u00202079460123"', '{"inboundPhoneNumber": "442079460123"', '{"inboundPhoneNumber": "0044 20 7946 0123"',
        r'{"x": "\u0032125550142', r'{"x": "212\u002d555\u002d0142"', r'{"x": "\u00312125550142"', '{"x": "+1 212 555 0142"',
    ],
)  # fmt: skip
def test_a_number_in_a_refused_answer_is_hidden_however_it_is_written(text):
    kept = mask_refused(text)
    assert len(re.sub("[^0-9]", "", kept)) <= 4
    assert kept.startswith('{"')


def test_an_escaped_quote_of_a_refused_answer_stays_escaped():
    assert mask_refused(r'{"x": "\u0022\u005c\u0041"}') == r'{"x": "\u0022\u005cA"}'


def test_a_refused_answer_that_cannot_be_kept_is_told(tmp_path):
    (tmp_path / "raw").write_text("mine")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        quarantine(tmp_path, b"x", NOW, "why")
    (tmp_path / "raw").unlink()
    (tmp_path / "raw").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputFolderError, match="A link stands"):
        quarantine(tmp_path, b"x", NOW, "why")
