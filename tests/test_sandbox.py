"""The sandbox answers as the reference describes Ringba and Kayzen, with invented calls only."""

import json
import re
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from kayzen_nb.errors import ParameterError
from kayzen_nb.sandbox import SCENARIOS, open_sandbox
from kayzen_nb.sandbox.invented import CAMPAIGNS, invent_day
from kayzen_nb.sandbox.platforms import ACCOUNT_ID, KAYZEN_KEY, RINGBA_TOKEN
from kayzen_nb.sandbox.server import start_server

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = {"Authorization": f"Token {RINGBA_TOKEN}"}
WEEK = {"reportStart": "2026-11-16T00:00:00Z", "reportEnd": "2026-11-22T23:59:59Z"}


def ask(sandbox, path, body=None, method="POST", headers=TOKEN):
    status, _, content = sandbox.respond(method, f"/v2/{ACCOUNT_ID}{path}", headers, json.dumps(body).encode())
    return status, json.loads(content)


def week_of_records(sandbox, **more):
    return ask(sandbox, "/calllogs", WEEK | more)[1]["report"]


def detail(sandbox, *ids):
    return ask(sandbox, "/calllogs/detail", {"InboundCallIds": list(ids)})[1]["report"]["records"]


def fires(record):
    return [event for event in record["events"] if event["name"] == "PixelFire"]


def test_a_day_is_invented_alike_however_often_it_is_asked_for():
    assert invent_day(date(2026, 11, 2), 1) == invent_day(date(2026, 11, 2), 1)
    assert invent_day(date(2026, 11, 2), 1) != invent_day(date(2026, 11, 3), 1)


def test_calls_behave_like_calls_do():
    calls = [call for day in range(1, 29) for call in invent_day(date(2026, 10, day), 1)]
    share = {
        "connected": sum(c.connected_at is not None for c in calls) / len(calls),
        "blocked": sum(bool(c.block_reason) for c in calls) / len(calls),
        "duplicate": sum(c.is_duplicate for c in calls) / len(calls),
        "converted": sum(c.converted_at is not None for c in calls) / len(calls),
    }
    assert 0.6 < share["connected"] < 0.75
    assert 0.02 < share["blocked"] < 0.06
    assert 0.1 < share["duplicate"] < 0.25
    assert 0.2 < share["converted"] < 0.45
    by_hour = Counter(call.at.hour for call in calls)
    assert by_hour[0] > 3 * by_hour[9]


def test_no_call_lies_in_the_future_and_recent_ones_are_not_all_paid():
    records = ask(
        open_sandbox(now=NOW), "/calllogs", {"reportStart": "2026-11-23T00:00:00Z", "reportEnd": "2026-11-30T00:00:00Z"}
    )[1]["report"]["records"]
    assert max(record["callDt"] for record in records) < NOW.timestamp() * 1000
    paid = open_sandbox(now=datetime(2026, 12, 24, tzinfo=UTC))
    later = ask(paid, "/calllogs", {"reportStart": "2026-11-23T00:00:00Z", "reportEnd": "2026-11-24T12:00:00Z"})[1][
        "report"
    ]["records"]
    assert sum("hasPayout" in r for r in later) > sum("hasPayout" in r for r in records)


def test_pages_hold_each_call_exactly_once_up_to_the_declared_count():
    sandbox, ids, offset = open_sandbox(now=NOW), [], 0
    total = week_of_records(sandbox, size=1)["totalCount"]
    while offset < total:
        ids += [r["inboundCallId"] for r in week_of_records(sandbox, size=400, offset=offset)["records"]]
        offset += 400
    assert len(ids) == len(set(ids)) == total > 1000


def test_a_page_larger_than_a_thousand_is_refused():
    assert ask(open_sandbox(now=NOW), "/calllogs", WEEK | {"size": 1001})[0] == 400


def test_records_are_sparse_and_times_are_epoch_milliseconds():
    records = week_of_records(open_sandbox(now=NOW))["records"]
    unconnected = next(r for r in records if "hasConnected" not in r)
    assert "targetName" not in unconnected
    assert "conversionAmount" not in unconnected
    assert all(len(str(r["callDt"])) == 13 for r in records)
    connected = next(r for r in records if "connectedCallLengthInSeconds" in r)
    assert (
        connected["callLengthInSeconds"]
        == connected["connectedCallLengthInSeconds"] + connected["timeToConnectInSeconds"]
    )


def test_filters_mean_or_inside_a_group_and_and_between_groups():
    def equals(column, value):
        return {"column": column, "value": value, "isNegativeMatch": False, "comparisonType": "EQUALS"}

    two = [equals("campaignName", "CTV Spring"), equals("campaignName", "CTV Summer")]
    filters = [{"anyConditionToMatch": two}, {"anyConditionToMatch": [equals("hasConnected", "yes")]}]
    records = week_of_records(open_sandbox(now=NOW), filters=filters)["records"]
    assert {r["campaignName"] for r in records} == {"CTV Spring", "CTV Summer"}
    assert all(r["hasConnected"] for r in records)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token wrong"}, {"Authorization": RINGBA_TOKEN}])
def test_a_wrong_token_is_refused_with_the_documented_error_body(headers):
    status, body = ask(open_sandbox(now=NOW), "/calllogs", WEEK, headers=headers)
    assert status == 401
    assert {"transactionId", "message", "messageCode", "errors"} <= body.keys()


def test_what_does_not_exist_is_404_with_message_code_101():
    status, body = ask(open_sandbox(now=NOW), "/nothing", method="GET")
    assert (status, body["messageCode"]) == (404, 101)


def test_the_small_read_endpoints_answer():
    sandbox = open_sandbox(now=NOW)
    status, _, content = sandbox.respond("GET", "/v2/ringbaaccounts", TOKEN)
    assert (status, json.loads(content)["account"][0]["accountId"]) == (200, ACCOUNT_ID)
    campaigns, numbers = ask(sandbox, "/campaigns", method="GET")[1], ask(sandbox, "/numbers", method="GET")[1]
    assert Counter(n["campaignId"] for n in numbers["numbers"]) == {c["id"]: 1 for c in campaigns["campaigns"]}


def test_a_pixel_fire_has_ringbas_shape_with_the_filled_url_in_recording_url():
    sandbox = open_sandbox(now=NOW)
    (record,) = detail(sandbox, sandbox.test_call_id)
    names = [fire["eventName"] for fire in fires(record)]
    assert names == [
        f"Kayzen CTV - {n} Postback" for n in ("Incoming", "Connected", "Converted", "Completed", "Payout")
    ]
    fire = fires(record)[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", fire["dtStamp"])
    assert fire["httpStatusCode"] == 200
    assert f"call_id={sandbox.test_call_id}" in fire["recordingUrl"]
    assert "[" not in fire["recordingUrl"]


def test_an_unknown_id_is_simply_missing_from_the_details():
    sandbox = open_sandbox(now=NOW)
    assert len(detail(sandbox, sandbox.test_call_id, "RGBnothing", "")) == 1


def test_a_blocked_call_fires_no_pixel():
    sandbox = open_sandbox(now=NOW)
    blocked = [r["inboundCallId"] for r in week_of_records(sandbox)["records"] if r.get("wasBlocked")]
    assert blocked
    assert not [fire for record in detail(sandbox, *blocked[:20]) for fire in fires(record)]


def test_a_routing_error_fires_the_error_pixel():
    sandbox = open_sandbox(now=NOW)
    records = detail(sandbox, *[r["inboundCallId"] for r in week_of_records(sandbox)["records"]])
    errors = [r for r in records if any(e["name"] == "Error" for e in r["events"])]
    assert errors
    assert all("Kayzen CTV - Error Postback" in {f["eventName"] for f in fires(r)} for r in errors)


def test_the_endpoint_records_what_it_received_once_per_fire():
    sandbox = open_sandbox(now=NOW)
    detail(sandbox, sandbox.test_call_id)
    detail(sandbox, sandbox.test_call_id)
    told = [event.parameters["app_event"] for event in sandbox.received]
    assert sorted(told) == ["completed", "connected", "converted", "incoming", "payout"]


def test_the_guide_copied_tells_kayzen_incoming_five_times():
    sandbox = open_sandbox("guide_copied", now=NOW)
    detail(sandbox, sandbox.test_call_id)
    assert [event.parameters["app_event"] for event in sandbox.received] == ["incoming"] * 5


def test_a_pixel_that_is_not_attached_never_fires():
    sandbox = open_sandbox("pixel_missing", now=NOW)
    (record,) = detail(sandbox, sandbox.test_call_id)
    assert not [fire for fire in fires(record) if "Converted" in fire["eventName"]]


def test_a_placeholder_key_is_refused_by_the_endpoint():
    sandbox = open_sandbox("key_placeholder", now=NOW)
    (record,) = detail(sandbox, sandbox.test_call_id)
    assert {fire["httpStatusCode"] for fire in fires(record)} == {403}


@pytest.mark.parametrize(
    ("scenario", "status"), [("token_refused", 401), ("right_refused", 403), ("platform_down", 503)]
)
def test_a_scenario_of_refusal_refuses(scenario, status):
    assert ask(open_sandbox(scenario, now=NOW), "/calllogs", WEEK)[0] == status


def test_the_first_call_log_answer_can_be_a_rate_limit():
    sandbox = open_sandbox("rate_limited", now=NOW)
    status, body = ask(sandbox, "/calllogs", WEEK)
    assert (status, body["isRateLimited"], body["exceedingRateLimit"]) == (429, True, "Minute")
    assert ask(sandbox, "/calllogs", WEEK)[0] == 200


def test_a_misspelt_scenario_is_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'healthy'"):
        open_sandbox("healty")


def test_every_scenario_says_what_it_is():
    assert all(scenario.about and scenario.name == name for name, scenario in SCENARIOS.items())


def test_only_invented_numbers_occur():
    records = week_of_records(open_sandbox(now=NOW))["records"]
    numbers = {r["inboundPhoneNumber"] for r in records} | {c.number for c in CAMPAIGNS}
    assert all(re.fullmatch(r"\+1\d{3}55501\d\d", number) for number in numbers)


def test_the_real_server_gives_the_same_answers():
    with start_server() as server:
        server.sandbox.now = NOW
        url, body = f"{server.environment()['RINGBA_API_URL']}/{ACCOUNT_ID}/calllogs", json.dumps(WEEK).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, TOKEN)) as answer:
            assert json.load(answer) == ask(server.sandbox, "/calllogs", WEEK)[1]
        with urllib.request.urlopen(f"{server.url}/v1/ev?api_key={KAYZEN_KEY}&app_event=incoming") as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.url}/v1/ev?api_key=KAYZEN_PROVIDED")
        assert [event.status for event in server.sandbox.received] == [200, 403]
