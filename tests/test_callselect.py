"""From stored files to the calls of a period: each row used or set aside, the newest file's word taken."""

from __future__ import annotations

import json
from datetime import date

import pytest

from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callselect import select_calls
from kayzen_nb.callsql import build_stored_sql, open_engine
from kayzen_nb.errors import InputError, OutputFolderError
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.storedcalls import PARQUET
from kayzen_nb.vocabulary import CALL_COLUMNS

KEY = CallerKey(key=Secret("0123456789abcdef" * 4))
WEEK = Period(first_day=date(2026, 1, 1), last_day=date(2026, 1, 7), zone="America/New_York")
AT = 1767403102000  # 2026-01-03 01:18:22 UTC
DAY_MS = 86_400_000


@pytest.fixture
def store(tmp_path):
    """Writes records as a stored file."""

    def write(name, *records):
        lines = tmp_path / f"{name}.ndjson"
        lines.write_text("\n".join(json.dumps(r) for r in records))
        names = ", ".join(f"'{i}': 'VARCHAR'" for i in API_IDS.values())
        cells = {word: f'"{i}"' for word, i in API_IDS.items()}
        source = f"read_ndjson('{lines}', columns = {{{names}}})"
        sql = build_stored_sql(cells, source, at_utc='read_instant("callDt")', sparse=True)
        open_engine(KEY).execute(f"copy ({sql.query}) to '{tmp_path / name}.parquet' ({PARQUET})")
        return tmp_path / f"{name}.parquet"

    return write


def call(call_id="RGB1", **more):
    return {"inboundCallId": call_id, "callDt": AT, "campaignName": "CTV Spring"} | more


def ids(found):
    return [row[0] for row in found.relation.select("call_id").fetchall()]


def aside(found):
    assert found.ledger.check().verdict == "pass"
    return {entry.reason: entry.rows for entry in found.ledger.set_aside}


def test_every_row_is_used_or_set_aside_with_its_reason(store):
    file = store(
        "a", call(), call("RGB2", campaignName="Other"), call("RGB3", callDt=AT + 30 * DAY_MS), call("RGB4"),
        call("RGB5", conversionAmount="NaN"), call(None), call("RGB1", hasConnected=True),
    )  # fmt: skip
    found = select_calls([file], period=WEEK, campaign="ctv spring", test_calls=["RGB4"])
    assert ids(found) == ["RGB1"]
    assert aside(found) == {
        "another campaign": 1, "outside the period": 1, "test call": 1, "unreadable amount": 1,
        "no usable call id": 1, "repeated call id": 1,
    }  # fmt: skip
    assert found.ledger.rows_in == 7
    assert "1 test call is left out: RGB4." in found.notes


def test_a_call_in_two_files_counts_once_as_the_newer_one_tells_it(store):
    older, newer = store("a", call(hasPayout=False), call("RGB2")), store("b", call(hasPayout=True))
    found = select_calls([older, newer], period=WEEK)
    assert found.relation.select("call_id, paid").fetchall() == [("RGB1", True), ("RGB2", False)]
    assert aside(found) == {"in a newer file too": 1}


def test_part_of_a_stored_day_leaves_the_rest_out_of_the_ledger(store):
    file = store("a", call(), call("RGB2", callDt=AT + 30 * DAY_MS), call("RGB3", callDt="no time"))
    found = select_calls([file], period=WEEK, counts_outside=False)
    assert (found.ledger.rows_in, aside(found)) == (2, {"unreadable date": 1})


def test_no_file_and_no_row_still_give_the_table(store):
    for files in ([], [store("a")]):
        found = select_calls(files, period=WEEK)
        assert found.relation.columns == list(CALL_COLUMNS)
        assert (ids(found), found.ledger.rows_in) == ([], 0)


def test_a_campaign_that_nothing_matches_is_answered_with_those_there_are(store):
    found = select_calls([store("a", call())], period=WEEK, campaign="CTV Srping")
    assert found.notes == ("No call of campaign 'CTV Srping'. Campaigns found: 'CTV Spring'.",)


def test_no_room_for_the_result_is_told_in_plain_words(store, tmp_path, monkeypatch):
    monkeypatch.setattr("kayzen_nb.callselect.new_spool_file", lambda suffix: tmp_path / "gone" / f"x{suffix}")
    with pytest.raises(OutputFolderError, match="TMPDIR") as caught:
        select_calls([store("a", call())], period=WEEK)
    assert all((problem.what, problem.where, problem.next_step) for problem in caught.value.problems)


def test_a_stored_file_that_is_gone_is_not_told_as_a_lack_of_room(store, tmp_path):
    with pytest.raises(InputError, match="is gone") as caught:
        select_calls([store("a", call()), tmp_path / "b.parquet", tmp_path / "c.parquet"], period=WEEK)
    assert [problem.where for problem in caught.value.problems] == [str(tmp_path / f"{n}.parquet") for n in "bc"]


def test_calls_come_in_order_of_time(store):
    file = store("a", call("B", callDt=AT + 1), call("C"), call("A", callDt=AT + 1))
    assert ids(select_calls([file], period=None)) == ["C", "A", "B"]


def test_a_caller_to_be_forgotten_leaves_only_the_call():
    gone = KEY.pseudonym("+12125550123")
    key = CallerKey(key=KEY.key, forgotten=frozenset({gone}))
    cells = {"call_id": "'RGB1'", "caller": "n", "call_at": "'x'"}
    for number, shown in (
        ("+12125550123", ("forgotten", None)),
        ("+12125550124", ("***-***-**24", KEY.pseudonym("+12125550124"))),
    ):
        sql = build_stored_sql(cells, f"(select '{number}' as n)", at_utc="timestamp '2026-01-02'", sparse=True)
        kept = open_engine(key).sql(sql.query).select("caller, caller_key")
        assert kept.fetchall() == [shown]
