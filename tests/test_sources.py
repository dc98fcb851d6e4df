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
from kayzen_nb.sources import build_from_records, fetch_calls
from kayzen_nb.vocabulary import CALL_COLUMNS, check_columns

CANARY = "canary-7Yq2ZkP0"
WEEK = Period(first_day=date(2026, 1, 1), last_day=date(2026, 1, 7), zone="America/New_York")
AT = 1767403102000  # 2026-01-03 01:18:22 UTC
SETTINGS = Settings(ringba_api_token=Secret(CANARY), ringba_account_id="RA0123")
FULL = {
    "inboundCallId": "RGB1", "callDt": AT, "campaignName": "CTV Spring", "inboundPhoneNumber": "+15555550111",
    "number": "+18885550122", "tag:InboundNumber:State": "CA", "targetName": "Call Center A", "hasConnected": True,
    "hasConverted": True, "hasPayout": True, "isLive": False, "conversionAmount": Decimal("0.1"), "payoutAmount": 20,
    "callLengthInSeconds": 24, "connectedCallLengthInSeconds": 18, "timeToConnectInSeconds": Decimal("6.0"),
    "endCallSource": "Caller",
}  # fmt: skip


def build(*records, campaign=""):
    calls = build_from_records(records, period=WEEK, campaign=campaign, source="test", as_of=datetime.now(UTC))
    assert calls.ledger.check().verdict == "pass"
    names = calls.relation.columns
    return calls, [dict(zip(names, row, strict=True)) for row in calls.relation.fetchall()]


def aside(calls):
    return {entry.reason: entry.rows for entry in calls.ledger.set_aside}


def test_a_full_record_becomes_a_row():
    calls, [row] = build(FULL)
    assert row == dict.fromkeys(CALL_COLUMNS) | {
        "call_id": "RGB1", "call_at": datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC), "campaign": "CTV Spring",
        "number": "***-***-0122", "caller": "***-***-**11", "state": "CA", "target": "Call Center A",
        "is_duplicate": False, "blocked": False, "connected": True, "completed": True, "converted": True, "paid": True,
        "revenue_usd_micros": 100_000, "payout_usd_micros": 20_000_000, "duration_s": 24, "connected_s": 18,
        "time_to_connect_s": 6, "ended_by": "Caller",
    }  # fmt: skip
    assert calls.unknown == ("error",)
    assert set(calls.derived) == {"completed"}


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
    calls, rows = build()
    assert rows == []
    check_columns(dict(zip(calls.relation.columns, map(str, calls.relation.types), strict=True)), where="test")


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"conversionAmount": "NaN"}, "unreadable amount"), ({"conversionAmount": True}, "unreadable amount"),
     ({"payoutAmount": {"a": 1}}, "unreadable amount"), ({"payoutAmount": Decimal("1e400")}, "unreadable amount"),
     ({"hasConnected": "perhaps"}, "unreadable yes or no"), ({"callLengthInSeconds": -5}, "unreadable duration"),
     ({"callDt": None}, "unreadable date"), ({"callDt": 12345}, "unreadable date"),
     ({"callDt": [1]}, "unreadable date"),
     ({"inboundCallId": None}, "no usable call id"), ({"inboundCallId": {"a": 1}}, "no usable call id"),
     ({"callDt": AT + 10 * 86_400_000}, "outside the period")],
)  # fmt: skip
def test_a_record_that_cannot_be_used_is_set_aside_with_its_reason(change, reason):
    calls, rows = build(FULL | change, FULL | {"inboundCallId": "RGB2"})
    assert [row["call_id"] for row in rows] == ["RGB2"]
    assert aside(calls) == {reason: 1}


def test_a_campaign_that_ringba_did_not_filter_is_set_aside():
    calls, rows = build(FULL, FULL | {"inboundCallId": "RGB2", "campaignName": "Other"}, campaign="CTV Spring")
    assert len(rows) == 1
    assert aside(calls) == {"another campaign": 1}


def test_sums_of_money_are_exact():
    calls, _ = build(*(FULL | {"inboundCallId": f"RGB{n}"} for n in range(1000)))
    total = calls.relation.query("calls", "select sum(revenue_usd_micros) from calls").fetchall()
    assert total == [(100_000_000,)]


@effort(max_examples=25, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "inboundCallId": st.one_of(st.none(), st.text(max_size=3), st.sampled_from(["A", "B", "C"])),
                "callDt": st.one_of(st.none(), st.integers(AT - 10**9, AT + 10**9), st.text(max_size=8)),
                "conversionAmount": st.one_of(st.none(), st.decimals(), st.text(max_size=4), st.booleans()),
                "hasConnected": st.one_of(st.booleans(), st.text(max_size=3)),
                "inboundPhoneNumber": st.text(max_size=12),
            },
        ),
        max_size=8,
    )
)
def test_whatever_comes_every_row_is_accounted_for(records):
    calls, rows = build(*records)
    assert calls.ledger.rows_in == len(records)
    assert calls.ledger.rows_used == len(rows)


def serve(records, seen=None):
    def answer(request):
        if seen is not None:
            seen.append(json.loads(request.content))
        return httpx.Response(
            200, json={"isSuccessful": True, "report": {"totalCount": len(records), "records": records}}
        )

    return httpx.MockTransport(answer)


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
    api = fetch_calls(source="api", period=day, settings=SETTINGS, transport=serve([record]))
    csv = fetch_calls(source="csv", period=day, csv_path=str(file))
    assert api.relation.fetchall() == csv.relation.fetchall() != []
    assert (api.source, csv.source) == ("api.ringba.com", "file calls.csv")
    assert api.inputs == {}
    assert api.as_of.tzinfo is UTC


def test_the_campaign_is_asked_of_ringba():
    seen = []
    day = Period(first_day=date(2026, 1, 2), last_day=date(2026, 1, 2), zone="America/New_York")
    fetch_calls(source="api", period=day, settings=SETTINGS, transport=serve([], seen), campaign="CTV")
    assert seen[0]["filters"][0]["anyConditionToMatch"][0]["value"] == "CTV"


@pytest.mark.parametrize("more", [{"source": "api", "zone": "UTC"}, {"source": "csv"}])
def test_without_period_or_zone_nothing_is_read(more):
    with pytest.raises(ParameterError, match="time zone"):
        fetch_calls(period=None, settings=SETTINGS, **more)


def test_no_log_and_no_error_holds_the_token(caplog):
    caplog.set_level(logging.DEBUG)
    transport = httpx.MockTransport(lambda _: httpx.Response(401, json={"message": f"bad {CANARY}"}))
    with pytest.raises(CredentialRefused) as caught:
        fetch_calls(source="api", period=WEEK, settings=SETTINGS, transport=transport)
    fetch_calls(source="api", period=WEEK, settings=SETTINGS, transport=serve([]))
    assert CANARY not in caplog.text + str(caught.value) + repr(caught.value)


def test_the_engine_keeps_no_callers_full_number():
    calls, _ = build(FULL)
    tables = calls.relation.query("calls", "select table_name from duckdb_tables()").fetchall()
    assert tables == [("calls",)]
