"""A period's calls come with their pixel fires, and none is lost on the way."""

import json
from datetime import UTC, date, datetime

import httpx

from kayzen_nb.callevidence import fetch_period_evidence
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.settings import Settings

DAY = Period(first_day=date(2026, 11, 19), last_day=date(2026, 11, 19), zone="UTC")


def test_every_call_of_the_sandboxs_day_is_read_in_order_of_time():
    sandbox = open_sandbox("healthy", now=datetime(2026, 11, 20, 18, tzinfo=UTC))
    told = []
    calls = fetch_period_evidence(
        sandbox.settings, DAY, "CTV Spring", sandbox.transport, lambda *counts: told.append(counts)
    )
    assert len(calls) > 50
    assert [call.call_at for call in calls] == sorted(call.call_at for call in calls)
    assert {call.campaign for call in calls} == {"CTV Spring"}
    assert all(call.fires or call.blocked for call in calls)
    assert told[-1] == (len(calls), len(calls))


def test_a_call_without_an_id_and_one_without_detail_are_in_the_list_and_say_so():
    at = int(DAY.start_utc.timestamp() * 1000)
    rows = [{"inboundCallId": "RGB1", "callDt": at}, {"callDt": at + 1}, {"inboundCallId": "RGB2", "callDt": at + 2}]

    def answer(request):
        asked = json.loads(request.content).get("InboundCallIds")
        found = rows if asked is None else [rows[0] | {"events": []}] if "RGB1" in asked else []
        return httpx.Response(200, json={"report": {"totalCount": len(found), "records": found}})

    settings = Settings(ringba_api_token=Secret("0123abcd"), ringba_account_id="RA0123")
    calls = fetch_period_evidence(settings, DAY, transport=httpx.MockTransport(answer))
    assert [(call.call_id, call.missing) for call in calls] == [
        ("RGB1", ()),
        ("RGB2", ("Ringba gave no detail of this call",)),
        ("", ("Ringba's record of this call could not be used: no usable call id",)),
    ]
