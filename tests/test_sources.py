"""API records and files go through one door to the same table."""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from kayzen_nb.errors import CredentialRefused, ParameterError
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.settings import Settings
from kayzen_nb.sources import calls
from kayzen_nb.spool import spool_folder
from kayzen_nb.vocabulary import CALL_COLUMNS, check_columns

CANARY = "canary-7Yq2ZkP0"
WEEK = Period(first_day=date(2026, 1, 1), last_day=date(2026, 1, 7), zone="America/New_York")
AT = 1767403102000  # 2026-01-03 01:18:22 UTC
FULL = {
    "inboundCallId": "RGB1", "callDt": AT, "campaignName": "CTV Spring", "inboundPhoneNumber": "+15555550111",
    "number": "+18885550122", "tag:InboundNumber:State": "CA", "targetName": "Call Center A", "hasConnected": True,
    "hasConverted": True, "hasPayout": True, "isLive": False, "conversionAmount": Decimal("0.1"), "payoutAmount": 20,
    "callLengthInSeconds": 24, "connectedCallLengthInSeconds": 18, "timeToConnectInSeconds": Decimal("6.0"),
    "endCallSource": "Caller",
}  # fmt: skip


def my_settings():
    return Settings(ringba_api_token=Secret(CANARY), ringba_account_id="RA0123")


def build(*records, campaign=""):
    table = calls(source="api", period=WEEK, settings=my_settings(), transport=serve(list(records)), campaign=campaign)
    assert table.ledger.check().verdict == "pass"
    names = table.relation.columns
    return table, [dict(zip(names, row, strict=True)) for row in table.relation.fetchall()]


def aside(table):
    return {entry.reason: entry.rows for entry in table.ledger.set_aside}


def test_a_full_record_becomes_a_row():
    table, [row] = build(FULL)
    assert row == dict.fromkeys(CALL_COLUMNS) | {
        "call_id": "RGB1", "call_at": datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC), "campaign": "CTV Spring",
        "number": "***-***-0122", "caller": "***-***-**11", "caller_key": row["caller_key"], "state": "CA", "target": "Call Center A",
        "is_duplicate": False, "blocked": False, "connected": True, "completed": True, "converted": True, "paid": True,
        "revenue_usd_micros": 100_000, "payout_usd_micros": 20_000_000, "duration_s": 24, "connected_s": 18,
        "time_to_connect_s": 6, "ended_by": "Caller",
    }  # fmt: skip
    assert table.unknown == ("error",)
    assert set(table.derived) == {"completed"}


def test_in_a_sparse_record_an_absent_flag_is_false_and_absent_money_is_missing():
    _, [row] = build({"inboundCallId": "RGB1", "callDt": AT})
    flags = ("is_duplicate", "blocked", "connected", "completed", "converted", "paid")
    assert [row[name] for name in flags] == [False] * 6
    assert row["error"] is None
    assert (row["revenue_usd_micros"], row["payout_usd_micros"]) == (None, None)


def test_a_live_call_has_not_completed():
    _, [row] = build(FULL | {"isLive": True})
    assert (row["connected"], row["completed"]) == (True, False)


def test_the_types_are_those_of_the_vocabulary_even_without_calls():
    table, rows = build()
    assert rows == []
    check_columns(dict(zip(table.relation.columns, map(str, table.relation.types), strict=True)), where="test")


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"conversionAmount": "NaN"}, "unreadable amount"), ({"conversionAmount": True}, "unreadable amount"),
     ({"payoutAmount": {"a": 1}}, "unreadable amount"), ({"payoutAmount": Decimal("1e400")}, "unreadable amount"),
     ({"hasConnected": "perhaps"}, "unreadable yes or no"), ({"callLengthInSeconds": -5}, "unreadable duration"),
     ({"callDt": None}, "unreadable date"), ({"callDt": 12345}, "unreadable date"),
     ({"callDt": [1]}, "unreadable date"),
     ({"inboundCallId": None}, "no usable call id"), ({"inboundCallId": {"a": 1}}, "no usable call id")]
)  # fmt: skip
def test_a_record_that_cannot_be_used_is_set_aside_with_its_reason(change, reason):
    table, rows = build(FULL | change, FULL | {"inboundCallId": "RGB2"})
    assert [row["call_id"] for row in rows] == ["RGB2"]
    assert aside(table) == {reason: 1}


def test_a_campaign_that_ringba_did_not_filter_is_set_aside():
    table, rows = build(FULL, FULL | {"inboundCallId": "RGB2", "campaignName": "Other"}, campaign="CTV Spring")
    assert len(rows) == 1
    assert aside(table) == {"another campaign": 1}


def test_sums_of_money_are_exact():
    table, _ = build(*(FULL | {"inboundCallId": f"RGB{n}"} for n in range(1000)))
    total = table.relation.query("calls", "select sum(revenue_usd_micros) from calls").fetchall()
    assert total == [(100_000_000,)]


@effort(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "inboundCallId": st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["A", "B", "C"])),
                "callDt": st.one_of(st.none(), st.integers(AT - 10**8, AT + 10**8), st.text(max_size=8)),
                "conversionAmount": st.one_of(
                    st.none(), st.decimals(allow_nan=False, allow_infinity=False), st.text(max_size=4), st.booleans()
                ),
                "hasConnected": st.one_of(st.booleans(), st.text(max_size=3)),
                "inboundPhoneNumber": st.text(max_size=12),
            },
        ),
        max_size=8,
    )
)
def test_whatever_comes_every_row_is_accounted_for(records):
    table, rows = build(*records)
    assert table.ledger.rows_in == len(records)
    assert table.ledger.rows_used == len(rows)


def serve(records, seen=None):
    """Ringba with these records, each given on the day of its time, a record without a time on the first day."""

    def answer(request):
        body = json.loads(request.content)
        if seen is not None:
            seen.append(body)
        first, last = (datetime.fromisoformat(body[name]).timestamp() * 1000 for name in ("reportStart", "reportEnd"))
        found = [r for r in records if first <= when(r) < last]
        report = {"totalCount": len(found), "records": found}
        return httpx.Response(200, content=json.dumps({"isSuccessful": True, "report": report}, default=float))

    return httpx.MockTransport(answer)


def when(record):
    at = record.get("callDt")
    return at if isinstance(at, int | float) and at > 1e12 else WEEK.start_utc.timestamp() * 1000


def test_both_sources_give_the_same_row(tmp_path):
    day = Period(first_day=date(2026, 1, 2), last_day=date(2026, 1, 2), zone="America/New_York")
    file = tmp_path / "calls.csv"
    file.write_text(
        "Call Date,Inbound Call ID,Campaign,Caller ID,Number,tag:InboundNumber:State,Target,Connected,Converted,"
        "Paid Out,Is Live,Revenue,Payout,Duration,Connected Call Length,Time To Connect,Hangup,Is Duplicate,Blocked\n"
        "01/02/2026 08:18:22 PM,RGB1,CTV Spring,+15555550111,+18885550122,CA,Call Center A,True,True,True,"
        "False,0.1,20.00,00:00:24,00:00:18,00:00:06,Caller,False,False\n"
    )
    record = FULL | {"conversionAmount": 0.1, "timeToConnectInSeconds": 6.0}
    api = calls(source="api", period=day, settings=my_settings(), transport=serve([record]))
    csv = calls(source="csv", period=day, csv_path=str(file))
    assert api.relation.fetchall() == csv.relation.fetchall() != []
    assert (api.source, csv.source) == ("api.ringba.com", "file calls.csv")
    assert api.inputs == {}
    assert api.as_of.tzinfo is UTC


def test_the_campaign_is_asked_of_ringba():
    seen = []
    day = Period(first_day=date(2026, 1, 2), last_day=date(2026, 1, 2), zone="America/New_York")
    calls(source="api", period=day, settings=my_settings(), transport=serve([], seen), campaign="CTV")
    assert seen[0]["filters"][0]["anyConditionToMatch"][0]["value"] == "CTV"


@pytest.mark.parametrize("more", [{"source": "api", "zone": "UTC"}, {"source": "csv"}])
def test_without_period_or_zone_nothing_is_read(more):
    with pytest.raises(ParameterError, match="time zone"):
        calls(period=None, settings=my_settings(), **more)


def test_no_log_and_no_error_holds_the_token(caplog):
    caplog.set_level(logging.DEBUG)
    transport = httpx.MockTransport(lambda _: httpx.Response(401, json={"message": f"bad {CANARY}"}))
    with pytest.raises(CredentialRefused) as caught:
        calls(source="api", period=WEEK, settings=my_settings(), transport=transport)
    calls(source="api", period=WEEK, settings=my_settings(), transport=serve([]))
    assert CANARY not in caplog.text + str(caught.value) + repr(caught.value)


def test_no_table_and_no_file_holds_a_callers_full_number():
    table, _ = build(FULL)
    engine = table.relation
    assert engine.query("calls", "select count(*) from duckdb_tables()").fetchall() == [(0,)]
    kept = b"".join(file.read_bytes() for file in spool_folder().rglob("*") if file.is_file())
    assert b"PAR1" in kept
    assert b"5555550111" not in kept
