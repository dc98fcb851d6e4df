"""The sandbox answers as the reference describes Ringba and Kayzen, with invented calls only."""

import json
import re
import socket
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from kayzen_nb.account import Pixel
from kayzen_nb.errors import ParameterError
from kayzen_nb.sandbox import SCENARIOS, open_sandbox
from kayzen_nb.sandbox.filling import fill
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
    assert 0.58 < share["connected"] < 0.66
    assert 0.02 < share["blocked"] < 0.06
    assert 0.1 < share["duplicate"] < 0.25
    assert 0.2 < share["converted"] < 0.45
    by_hour = Counter(call.at.hour for call in calls)
    assert by_hour[0] > 3 * by_hour[9]


def test_a_call_is_a_duplicate_exactly_when_its_caller_called_that_campaign_before_that_day():
    for day in range(1, 15):
        seen = set()
        for call in invent_day(date(2026, 10, day), 1):
            assert call.is_duplicate == ((call.campaign.id, call.caller) in seen)
            seen.add((call.campaign.id, call.caller))


def test_each_campaign_has_roughly_sixty_to_a_hundred_and_fifty_calls_a_day():
    counts = Counter((c.campaign.name, day) for day in range(1, 29) for c in invent_day(date(2026, 10, day), 1))
    assert {name for name, _ in counts} == {"CTV Spring", "CTV Summer", "CTV Late Night"}
    assert 45 < min(counts.values()) < max(counts.values()) < 160


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


def condition(column, value, kind="EQUALS", *, negative=False):
    return {"column": column, "value": value, "isNegativeMatch": negative, "comparisonType": kind}


def test_numbers_are_compared_and_ordered_as_numbers_not_as_text():
    longer = [{"anyConditionToMatch": [condition("callLengthInSeconds", "95", "GREATER_THAN")]}]
    order = [{"column": "callLengthInSeconds", "direction": "desc"}]
    records = week_of_records(open_sandbox(now=NOW), filters=longer, orderByColumns=order)["records"]
    lengths = [r["callLengthInSeconds"] for r in records]
    assert lengths == sorted(lengths, reverse=True)
    assert min(lengths) > 95
    assert max(lengths) > 999


def test_several_order_columns_rank_the_first_before_the_second():
    order = [{"column": "campaignName", "direction": "asc"}, {"column": "callDt", "direction": "desc"}]
    found = [
        (r["campaignName"], -r["callDt"])
        for r in week_of_records(open_sandbox(now=NOW), orderByColumns=order)["records"]
    ]
    assert found == sorted(found)
    assert len({name for name, _ in found}) > 1


def test_a_flag_and_its_opposite_split_the_calls_without_rest():
    sandbox = open_sandbox(now=NOW)
    yes, no, not_yes = (
        week_of_records(sandbox, filters=[{"anyConditionToMatch": [asked]}])["totalCount"]
        for asked in (
            condition("hasConnected", "yes"),
            condition("hasConnected", "no"),
            condition("hasConnected", "yes", negative=True),
        )
    )
    assert yes + no == week_of_records(sandbox)["totalCount"]
    assert no == not_yes > 0


def test_only_the_columns_asked_for_are_given():
    columns = [{"column": "inboundCallId"}, {"column": "payoutAmount"}]
    records = week_of_records(open_sandbox(now=NOW), valueColumns=columns)["records"]
    assert {frozenset(r) for r in records} == {
        frozenset({"inboundCallId"}),
        frozenset({"inboundCallId", "payoutAmount"}),
    }


def test_a_window_written_with_an_offset_holds_the_same_calls_as_in_utc():
    sandbox = open_sandbox(now=NOW)
    utc = {"reportStart": "2026-11-20T08:00:00Z", "reportEnd": "2026-11-21T07:59:59Z"}
    pacific = {"reportStart": "2026-11-20T00:00:00-08:00", "reportEnd": "2026-11-20T23:59:59-08:00"}
    assert ask(sandbox, "/calllogs", pacific) == ask(sandbox, "/calllogs", utc)


def test_a_window_that_ends_in_ten_thousand_years_ends_now():
    far = {"reportStart": "2026-11-24T00:00:00Z", "reportEnd": "9999-12-31T23:59:59Z"}
    near = far | {"reportEnd": "2026-11-24T12:00:00Z"}
    sandbox = open_sandbox(now=NOW)
    assert ask(sandbox, "/calllogs", far) == ask(sandbox, "/calllogs", near)


@pytest.mark.parametrize(
    "unsound",
    [
        {"reportStart": None}, {"reportEnd": "yesterday"}, {"size": "all"}, {"size": 0}, {"size": True}, {"offset": -1},
        {"filters": [{}]}, {"filters": "none"}, {"orderByColumns": [{}]}, {"valueColumns": [5]},
        {"filters": [{"anyConditionToMatch": [condition("callDt", "1", "SOUNDS_LIKE")]}]},
        {"filters": [{"anyConditionToMatch": [condition("callDt", "long", "LESS_THAN")]}]},
    ],
)  # fmt: skip
def test_an_unsound_request_is_400_in_the_documented_shape(unsound):
    status, body = ask(open_sandbox(now=NOW), "/calllogs", WEEK | unsound)
    assert (status, body["messageCode"]) == (400, 0)
    assert {"transactionId", "message", "errors"} <= body.keys()


@pytest.mark.parametrize("body", [b"", b"{not json", b"[1]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("path", ["/calllogs", "/calllogs/detail"])
def test_a_body_that_is_no_json_object_is_400(path, body):
    assert open_sandbox(now=NOW).respond("POST", f"/v2/{ACCOUNT_ID}{path}", TOKEN, body)[0] == 400


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Token wrong"}, {"Authorization": RINGBA_TOKEN}])
def test_a_wrong_token_is_refused_with_the_documented_error_body(headers):
    status, body = ask(open_sandbox(now=NOW), "/calllogs", WEEK, headers=headers)
    assert status == 401
    assert {"transactionId", "message", "messageCode", "errors"} <= body.keys()


def test_what_does_not_exist_is_404_with_message_code_101():
    status, body = ask(open_sandbox(now=NOW), "/nothing", method="GET")
    assert (status, body["messageCode"]) == (404, 101)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/campaigns"),
        ("GET", "/v2/RA0/campaigns"),
        ("GET", "/v1/reports"),
        ("POST", f"/v1/ev?api_key={KAYZEN_KEY}"),
    ],
)
def test_outside_of_the_account_and_of_the_event_endpoint_nothing_answers(method, target):
    sandbox = open_sandbox(now=NOW)
    assert sandbox.respond(method, target, TOKEN)[0] == 404
    assert not sandbox.received


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


def test_tokens_are_filled_percent_encoded_in_lower_case_and_a_misspelt_one_becomes_empty():
    call = next(c for c in invent_day(date(2026, 11, 2), 1) if c.caller)
    url = "https://x.test/?caller_id=[Call:CallerNumber]&event_ts=[Call:CallDateTime]&state=[tag:InboundNumber:Stat]&id=[Call:InboundCallId]"
    filled = fill(Pixel(name="", event=None, fire_on="", method="GET", url=url), call)
    caller, event_ts, state, call_id = (pair.partition("=")[2] for pair in filled.partition("?")[2].split("&"))
    assert (caller, state, call_id) == (f"%2b{call.caller[1:]}", "", call.call_id)
    assert re.fullmatch(r"11%2f2%2f2026\+\d{1,2}%3a\d\d%3a\d\d\+[AP]M", event_ts)


@pytest.mark.parametrize("hours", [-8, 9])
def test_the_zone_in_which_now_is_written_changes_nothing(hours):
    here, there = open_sandbox(now=NOW), open_sandbox(now=NOW.astimezone(timezone(timedelta(hours=hours))))
    assert there.test_call_id == here.test_call_id
    assert detail(there, there.test_call_id) == detail(here, here.test_call_id)


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


def test_the_server_survives_nonsense_and_prints_nothing(capfd):
    with start_server() as server:
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        for length in ("abc", "-1", "9" * 30):
            with socket.create_connection(address, 5) as line:
                line.sendall(f"POST /v2/x HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
                assert line.recv(100).startswith(b"HTTP/1.0 400")
        request = urllib.request.Request(f"{server.url}/v2/{ACCOUNT_ID}/calllogs", b"{not json", TOKEN, method="POST")
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(request)
    assert capfd.readouterr() == ("", "")


def test_the_environment_of_a_server_names_no_host_but_this_machine():
    with start_server() as server:
        urls = {name: value for name, value in server.environment().items() if name.endswith("_URL")}
    assert set(urls) == {"RINGBA_API_URL", "KAYZEN_EVENT_URL", "KAYZEN_API_URL"}
    assert all(value.startswith("http://127.0.0.1:") for value in urls.values())
