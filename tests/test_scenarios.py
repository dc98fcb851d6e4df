"""Scenarios: read from files, refused when they would plant nothing, and planted so that all answers agree."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kayzen_nb.account import Pixel
from kayzen_nb.causes import KINDS
from kayzen_nb.errors import InputError
from kayzen_nb.pixels import ENDPOINT
from kayzen_nb.sandbox import SCENARIOS, Scenario, load_scenarios, open_sandbox
from kayzen_nb.sandbox.filling import fill
from kayzen_nb.sandbox.platforms import ACCOUNT_ID, KAYZEN_KEY, RINGBA_TOKEN
from kayzen_nb.sandbox.scenariofile import read_scenarios
from kayzen_nb.sandbox.scenarios import Filling
from kayzen_nb.vocabulary import Event

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
TOKEN = {"Authorization": f"Token {RINGBA_TOKEN}"}


def play(**fields):
    """A sandbox playing one scenario, written as in a file."""
    return open_sandbox(read_scenarios({"mine": {"about": "a test"} | fields})["mine"], now=NOW)


def ask(sandbox, path, body=None, method="POST"):
    status, _, content = sandbox.respond(method, f"/v2/{ACCOUNT_ID}{path}", TOKEN, json.dumps(body).encode())
    return status, json.loads(content)


def detail(sandbox):
    return ask(sandbox, "/calllogs/detail", {"InboundCallIds": [sandbox.test_call_id]})[1]["report"]["records"][0]


def logged(sandbox):
    """The test call's record in the call log, around the time that its details tell."""
    begun = datetime.fromtimestamp(detail(sandbox)["callDt"] / 1000, UTC)
    window = {
        "reportStart": f"{begun:%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{begun + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    same = {"column": "inboundCallId", "value": sandbox.test_call_id, "comparisonType": "EQUALS"}
    records = ask(sandbox, "/calllogs", window | {"filters": [{"anyConditionToMatch": [same]}]})[1]["report"]["records"]
    assert len(records) == 1
    return records[0]


def fires(record):
    return [event for event in record["events"] if "pixel" in event["name"].casefold()]


def fired_events(sandbox):
    return [fire["eventName"].split()[-2].casefold() for fire in fires(detail(sandbox))]


def url_of(sandbox, event):
    return next(pixel.url for pixel in sandbox.pixels if event.title() in pixel.name)


def sent(sandbox, event):
    """What one pixel sent, decoded."""
    url = next(f["recordingUrl"] for f in fires(detail(sandbox)) if event.title() in f["eventName"])
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


# Reading.


def refused(tree):
    with pytest.raises(InputError) as caught:
        read_scenarios(tree, where="mine.toml")
    return caught.value.problems


def test_a_misspelt_field_is_refused_with_the_scenario_and_the_nearest_field():
    (problem,) = refused({"odd": {"about": "x", "pixel": {"converted": {"atached": False}}}})
    assert problem.what == "There is no field 'atached' here."
    assert problem.where == "mine.toml, scenario odd, pixel.converted.atached"
    assert problem.next_step == "did you mean 'attached'?"


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"pixl": {}}, "'pixel'"),
        ({"call": {"fete": "busy"}}, "'fate'"),
        ({"call": {"fate": "bussy"}}, "'busy'"),
        ({"pixel": {"incomming": {}}}, "'incoming'"),
        ({"pixel": {"payout": {"filling": {"encodng": "raw"}}}}, "'encoding'"),
        ({"pixel": {"payout": {"fire_on": "Connectd"}}}, "'Connected'"),
        ({"answers": {"refuses": {"EventCallBack": 403}}}, "'EventCallBacks'"),
        ({"expect": {"causes": ["pixel_not_atached"], "rung": 0}}, "'pixel_not_attached'"),
        ({"limits": {"calllogs": {"per_minut": 5}}}, "'per_minute'"),
        ({"limits": {"calllog": {"per_minute": 5}}}, "'calllogs'"),
        ({"moving": {"arive": 5}}, "'arrive'"),
        ({"later": [{"what": "convert"}]}, "'converts'"),
        ({"later": [{"what": "pays", "after_day": 3}]}, "'after_days'"),
        ({"call_log": {"pge": "short"}}, "'page'"),
        ({"call_log": {"page": "shrt"}}, "'short'"),
    ],
)
def test_a_misspelt_word_is_refused_with_the_nearest_one(fields, hint):
    (problem,) = refused({"odd": {"about": "x"} | fields})
    assert hint in problem.next_step


@pytest.mark.parametrize(
    "fields",
    [
        {"about": ""}, {"has_calls": "no"}, {"pixel": {"payout": {"times": 0}}}, {"pixel": {"payout": {"status": 700}}},
        {"expect": {"causes": []}}, {"expect": {"rung": 4}}, {"filling": {"time_zone": "Denver"}},
        {"filling": {"time_zone": "../etc/passwd"}}, {"campaign": {"revenue": "nothing"}}, {"pixel": []},
        {"expect": {"causes": ["blocked"], "rung": 0}}, {"expect": {"explains": ["url_damaged"], "rung": 0}},
        {"volume": 0}, {"limits": {"calllogs": {"per_minute": 0}}}, {"limits": {"calllogs": {"status": 500}}},
        {"later": [{}]}, {"later": {"what": "pays"}}, {"call_log": {"every": 0}}, {"moving": {"vanish": -1}},
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_refused(fields):
    assert refused({"odd": {"about": "x"} | fields})


def test_a_scenario_without_a_sentence_about_it_is_refused():
    assert refused({"odd": {}})
    assert refused({"odd": 5})


def test_all_problems_of_a_file_are_told_at_once():
    problems = refused({"one": {"about": "x", "cal": 1}, "two": {"about": "x", "kay": 1, "expect": {"rung": 9}}})
    assert sorted(problem.where.split(",")[1] for problem in problems) == [
        " scenario one", " scenario two", " scenario two"
    ]  # fmt: skip


def test_a_file_is_read_and_one_that_is_no_toml_is_refused_with_its_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("\ufeff[own]\nabout = 'mine'\npixel.all.status = 500\n", encoding="utf-8")
    assert load_scenarios(path)["own"].fault(Event.PAYOUT).status == 500
    path.write_text("[own]\nabout = \n")
    with pytest.raises(InputError, match="line 2"):
        load_scenarios(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_scenarios(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_scenarios(tmp_path / "nowhere.toml")


def test_what_is_said_of_one_pixel_goes_over_what_is_said_of_all():
    tree = {"all": {"status": 500, "set": {"a": "1"}, "drop": ["tp"], "filling": {"blank": ["[Call:CallerNumber]"]}},
            "payout": {"status": 404, "set": {"b": "2"}, "drop": ["number"], "filling": {"encoding": "raw"}}}  # fmt: skip
    scenario = read_scenarios({"s": {"about": "x", "pixel": tree, "filling": {"time_format": "iso"}}})["s"]
    fault = scenario.fault(Event.PAYOUT)
    assert (fault.status, fault.set, fault.drop) == (404, {"a": "1", "b": "2"}, ("tp", "number"))
    assert scenario.fault(Event.ERROR).status == 500
    assert scenario.filling_of(Event.PAYOUT) == Filling(
        encoding="raw", time_format="iso", blank=("[Call:CallerNumber]",)
    )


# The scenarios that come with the package.


def test_the_known_names_stay():
    known = {"healthy", "guide_copied", "pixel_missing", "key_placeholder", "no_calls", "token_refused"}
    assert known | {"right_refused", "platform_down", "rate_limited"} <= SCENARIOS.keys()


def test_every_cause_is_planted_somewhere_and_many_scenarios_are_healthy():
    expected = [scenario.expect for scenario in SCENARIOS.values() if scenario.expect]
    planted = {code for expect in expected for code in (*expect.causes, *expect.explains)}
    assert set(KINDS) - planted == set()
    assert len(expected) >= 45
    assert sum(not expect.causes for expect in expected) >= 10


@pytest.mark.parametrize("name", [name for name, s in SCENARIOS.items() if s.expect])
def test_log_details_and_endpoint_tell_the_same_of_a_scenarios_call(name):
    sandbox = open_sandbox(name, now=NOW)
    record, row = detail(sandbox), logged(sandbox)
    assert {key: value for key, value in record.items() if key not in ("events", "message-tags")} == row
    stamps = [event["dtStamp"] for event in record["events"]]
    assert all(
        f"{datetime.fromtimestamp(row['callDt'] / 1000, UTC):%Y-%m-%dT%H:%M}" <= s <= f"{NOW:%Y-%m-%dT%H:%M:%S.999}"
        for s in stamps
    )
    tags = {(tag["type"], tag["name"]): tag["value"] for tag in record["message-tags"]}
    assert tags.get(("InboundNumber", "State")) == row.get("tag:InboundNumber:State")
    assert tags.get(("InboundNumber", "Number")) == row.get("inboundPhoneNumber")
    names = {event["name"] for event in record["events"]}
    assert ("ConvertedCall" in names) == bool(row.get("hasConverted"))
    assert ("PayoutCall" in names) == bool(row.get("hasPayout"))
    assert ("ConnectedCall" in names) == bool(row.get("hasConnected"))
    reached = [f for f in fires(record) if any(str(v).startswith(f"{ENDPOINT}?") for v in f.values())]
    assert len(sandbox.received) <= len(fires(record))
    if reached and not any(f.get("httpStatusCode") in (None, 404) for f in reached):
        assert len(sandbox.received) >= len(reached)


@pytest.mark.parametrize("name", [name for name, s in SCENARIOS.items() if s.expect and s.expect.rung > 0])
def test_on_a_rung_above_nothing_every_pixel_of_the_call_fired(name):
    record, found = detail(open_sandbox(name, now=NOW)), fired_events(open_sandbox(name, now=NOW))
    flags = {"connected": "hasConnected", "converted": "hasConverted", "payout": "hasPayout"}
    assert "incoming" in found
    assert {event for event, flag in flags.items() if record.get(flag)} <= set(found)


# What is planted in a pixel.


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        ({"set": {"app_event": "hello", "more": "[tag:CallLength:Total]"}}, "app_event=hello&"),
        ({"set": {"more": "[tag:CallLength:Total]"}}, "&more=[tag:CallLength:Total]"),
        ({"rename": {"number": "phone"}}, "&phone=[Call:NumberDialed]&"),
        ({"drop": ["caller_id", "number"]}, "app_event=converted&call_id="),
        ({"scheme": "http"}, "http://api-events.eventstracker.io/v1/ev?tp="),
        ({"host": "x.example"}, "https://x.example/v1/ev?tp="),
        ({"path": "/v2/other"}, "https://api-events.eventstracker.io/v2/other?tp="),
        ({"replace": [["&tp", "&amp;tp"], ["?tp=ringba", "?tp=direct"]]}, "?tp=direct&"),
        ({"line_break_before": "&call_id"}, "\n&call_id="),
        ({"key": "placeholder"}, "api_key=KAYZEN_PROVIDED&"),
        ({"key": "empty"}, "api_key=&"),
        ({"key": "a b&c"}, "api_key=a%20b%26c&"),
        ({"url": "https://x.example/?k={key}"}, "https://x.example/?k=sandbox-kayzen-key"),
    ],
)
def test_an_edit_stands_in_the_pixels_url_and_nowhere_else(fault, shown):
    sandbox = play(pixel={"converted": fault})
    assert shown in url_of(sandbox, "converted")
    assert [p.url for p in sandbox.pixels if p.event is not Event.CONVERTED] == [
        p.url for p in open_sandbox(now=NOW).pixels if p.event is not Event.CONVERTED
    ]


@pytest.mark.parametrize(("cut", "end"), [(30, "https://api-events.eventstrack"), ("tp=ringba", "?tp=ringba")])
def test_a_url_is_cut_after_a_number_of_characters_or_a_text(cut, end):
    assert url_of(play(pixel={"payout": {"cut_after": cut}}), "payout").endswith(end)


@pytest.mark.parametrize(
    "idle", [{"drop": ["conversion_amount"]}, {"replace": [["nothing", "x"]]}, {"line_break_before": "none"},
             {"cut_after": "none"}, {"set": {"app_event": "incoming"}}, {"scheme": "https"}],
)  # fmt: skip
def test_an_edit_that_changes_nothing_is_refused(idle):
    with pytest.raises(InputError, match="changes nothing"):
        play(pixel={"incoming": idle})


def test_an_edit_of_all_pixels_may_miss_some():
    assert "is_duplicate" not in url_of(play(pixel={"all": {"drop": ["is_duplicate"]}}), "error")


@pytest.mark.parametrize("fault", [{"created": False}, {"attached": False}, {"enabled": False}, {"lost": True}])
def test_a_pixel_that_cannot_fire_does_not(fault):
    sandbox = play(pixel={"connected": fault})
    assert fired_events(sandbox) == ["incoming", "converted", "completed", "payout"]
    names = [row["name"] for row in ask(sandbox, "/EventCallBacks", method="GET")[1]["eventCallBacks"]]
    assert ("Kayzen CTV - Connected Postback" in names) == fault.get("created", True)


def test_a_doubled_pixel_fires_twice_under_the_names_it_has():
    assert fired_events(play(pixel={"payout": {"doubled": True}})).count("payout") == 2
    sandbox = play(pixel={"payout": {"doubled": True, "copy_name": "Second"}})
    assert [f["eventName"] for f in fires(detail(sandbox))][-2:] == ["Kayzen CTV - Payout Postback", "Second"]
    assert len({pixel.id for pixel in sandbox.pixels}) == 7


def test_an_amount_is_blank_before_it_exists():
    assert sent(play(), "converted")["conversion_amount"] == "18.00"
    early = play(pixel={"converted": {"fire_on": "Incoming"}})
    assert sent(early, "converted")["conversion_amount"] == ""


def test_connected_may_be_written_without_ringbas_brackets():
    sandbox = play(pixel={"converted": {"fire_on": "Connected"}})
    assert [p.fire_on for p in sandbox.pixels if p.event is Event.CONNECTED] == ["Connected (Answered)"] * 2


def test_events_are_received_in_the_order_in_which_they_fired():
    sandbox = play(pixel={"incoming": {"delay_s": 90}})
    detail(sandbox)
    told = [event.parameters["app_event"] for event in sandbox.received]
    assert told == ["connected", "incoming", "converted", "completed", "payout"]
    assert told == fired_events(sandbox)


@pytest.mark.parametrize(("trigger", "fired"), [("Finalized", True), ("Recording", False), ("Error", False)])
def test_other_triggers_fire_at_their_own_moment(trigger, fired):
    sandbox = play(pixel={"incoming": {"fire_on": trigger}}, call={"fate": "no_answer"})
    assert bool(fires(detail(sandbox))) == fired


def test_a_fire_has_its_planted_answer_delay_and_number():
    sandbox = play(pixel={"connected": {"status": 503, "times": 3, "delay_s": 60}, "payout": {"status": 0}})
    found = [f for f in fires(detail(sandbox)) if "Connected" in f["eventName"]]
    assert [(f["httpStatusCode"], f["failReason"]) for f in found] == [(503, "Service Unavailable")] * 3
    begun = next(e for e in detail(sandbox)["events"] if e["name"] == "ConnectedCall")["dtStamp"]
    assert timedelta(seconds=60) < datetime.fromisoformat(found[0]["dtStamp"]) - datetime.fromisoformat(begun)
    silent = next(f for f in fires(detail(sandbox)) if "Payout" in f["eventName"])
    assert "httpStatusCode" not in silent
    assert silent["failReason"]


def test_even_a_payout_pixel_that_is_an_hour_late_is_in_the_log():
    assert fired_events(play(pixel={"payout": {"delay_s": 3600}}))[-1] == "payout"


@pytest.mark.parametrize("fault", [{"host": "x.example"}, {"path": "v1/other"}, {"method": "POST"}, {"status": 0}])
def test_what_does_not_reach_kayzens_endpoint_is_not_received(fault):
    sandbox = play(pixel={"all": fault})
    found = {fire.get("httpStatusCode") for fire in fires(detail(sandbox))}
    assert sandbox.received == []
    assert found == {200 if "host" in fault else None if "status" in fault else 404}


def test_a_request_ends_at_a_line_break():
    sandbox = play(pixel={"incoming": {"line_break_before": "&call_id"}})
    detail(sandbox)
    assert sandbox.received[0].problems == ("call_id is missing",)


def test_the_endpoint_tells_good_events_from_bad_ones():
    tree = {"incoming": {"key": "other"}, "connected": {"drop": ["api_key"]}, "payout": {"set": {"call_id": ""}},
            "completed": {"filling": {"unfilled": ["[Call:CallDateTime]"]}}}  # fmt: skip
    sandbox = play(pixel=tree)
    detail(sandbox)
    assert {e.parameters["app_event"]: (e.status, e.problems) for e in sandbox.received} == {
        "incoming": (403, ("the key is not the right one",)),
        "connected": (403, ("the key is missing",)),
        "converted": (200, ()),
        "completed": (200, ("event_ts holds an unfilled token",)),
        "payout": (200, ("call_id is empty",)),
    }
    assert KAYZEN_KEY in sandbox.received[2].raw_query
    assert KAYZEN_KEY not in repr(sandbox.received)


# How tokens are filled.

TIMES = {
    "us": "11/3/2026 1:05:09 PM", "us_padded": "11/03/2026 01:05:09 PM", "iso": "2026-11-03T13:05:09",
    "iso_z": "2026-11-03T13:05:09Z", "iso7": "2026-11-03T13:05:09.1230000Z",
    "iso_offset": "2026-11-03T13:05:09-07:00", "epoch_s": "1793736309", "epoch_ms": "1793736309123",
}  # fmt: skip


def filled(url, filling, at=datetime(2026, 11, 3, 20, 5, 9, 123000, tzinfo=UTC)):
    call = replace(open_sandbox(now=NOW)._book.test_call, at=at, caller="+13055550107")
    return fill(Pixel(name="", event=None, fire_on="", method="GET", url=url), call, filling)


@pytest.mark.parametrize(("form", "text"), TIMES.items())
def test_the_call_time_is_written_in_the_chosen_format_and_zone(form, text):
    chosen = Filling(encoding="raw", time_format=form, time_zone="America/Denver")
    assert filled("[Call:CallDateTime]", chosen) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("", "%2b13055550107"), ("percent", "%2B13055550107"), ("raw", "+13055550107"), ("double", "%252B13055550107")],
)
def test_values_are_encoded_as_chosen(encoding, text):
    assert filled("a=[Call:CallerNumber]", Filling(encoding=encoding)) == f"a={text}"


def test_tokens_can_stay_be_blank_or_have_another_value():
    chosen = Filling(
        unfilled=("[Call:CallerNumber]",), blank=("[Call:InboundCallId]",), values={"[Call:IsDuplicate]": "yes"}
    )
    url = "a=[Call:CallerNumber]&b=[Call:InboundCallId]&c=[Call:IsDuplicate]&d=[Call:Nothing]"
    assert filled(url, chosen) == "a=[Call:CallerNumber]&b=&c=yes&d="


def test_tags_are_filled_from_the_calls_own_message_tags():
    sandbox = open_sandbox(now=NOW)
    for tag in detail(sandbox)["message-tags"]:
        token = f"[tag:{tag['type']}:{tag['name']}]"
        pixel = Pixel(name="", event=None, fire_on="", method="GET", url=token)
        assert fill(pixel, sandbox._book.test_call, Filling(encoding="raw")) == tag["value"]


# The test call.


@pytest.mark.parametrize(
    ("call", "row"),
    [
        ({"fate": "blocked", "block_reason": "TCPA Shield"}, {"wasBlocked": True, "blockReason": "TCPA Shield"}),
        ({"fate": "hangup_in_menu"}, {"isIncomplete": True, "hasConnected": None}),
        ({"fate": "no_answer"}, {"hasConnected": None, "endCallSource": "Caller"}),
        ({"fate": "routing_error"}, {"hasConnected": None, "endCallSource": "System"}),
        ({"connected_s": 119}, {"hasConverted": None, "connectedCallLengthInSeconds": 119}),
        ({"connected_s": 120}, {"hasConverted": True, "conversionAmount": 18.0, "hasPayout": True}),
        ({"connected_s": 9000}, {"hasConverted": True, "connectedCallLengthInSeconds": 9000, "isLive": False}),
        ({"paid": False}, {"hasConverted": True, "hasPayout": None, "payoutAmount": None}),
        ({"converted": False}, {"hasConnected": True, "hasConverted": None, "hasPayout": None}),
        ({"converted": True, "connected_s": 5}, {"hasConverted": True, "hasPayout": True}),
        ({"duplicate": True}, {"isDuplicate": True, "hasConverted": True}),
        ({"caller": "anonymous"}, {"inboundPhoneNumber": "anonymous", "tag:InboundNumber:State": None}),
        ({"caller": "absent"}, {"inboundPhoneNumber": None, "tag:InboundNumber:State": None}),
        ({"revenue": 0}, {"hasConverted": True, "conversionAmount": 0.0}),
        ({"revenue": "none"}, {"hasConverted": True, "conversionAmount": None}),
        ({"adjusted_revenue": 5.5}, {"conversionAmount": 5.5, "wasConversionAdjusted": True}),
        ({"publisher": ""}, {"publisherName": None, "publisherId": None}),
        ({"live": True}, {"isLive": True, "hasConnected": True, "hasConverted": None, "callCompletedDt": None}),
        ({"live": True, "connected_s": 150}, {"isLive": True, "hasConverted": True, "hasPayout": None}),
        ({"no_payout_reason": "cap", "paid": False}, {"noPayoutReason": "cap"}),
    ],
)
def test_the_test_call_has_the_shape_that_is_planted(call, row):
    found = logged(play(call=call))
    assert {name: found.get(name) for name in row} == row


@pytest.mark.parametrize(
    ("rules", "row"),
    [
        ({"conversion": "none"}, {"hasConverted": None, "hasPayout": None}),
        ({"conversion": "postBack"}, {"hasConverted": None}),
        ({"conversion": "connectedCall"}, {"hasConverted": True}),
        ({"conversion": "dialed"}, {"hasConverted": True}),
        ({"after_s": 14_400}, {"hasConverted": None}),
        ({"revenue": 0}, {"conversionAmount": 0.0}),
        ({"revenue": "none"}, {"hasConverted": True, "conversionAmount": None}),
        ({"payout_type": "none"}, {"hasConverted": True, "hasPayout": None}),
        ({"payout_type": "incomingCall", "conversion": "none"}, {"hasPayout": True}),
    ],
)
def test_the_campaigns_rules_decide_what_becomes_of_its_calls(rules, row):
    found = logged(play(campaign=rules))
    assert {name: found.get(name) for name in row} == row


def test_a_rule_changes_all_calls_of_its_campaign_and_no_other():
    sandbox, usual = play(campaign={"revenue": 0}), open_sandbox(now=NOW)
    window = {"reportStart": "2026-11-20T00:00:00Z", "reportEnd": "2026-11-22T00:00:00Z"}
    rows, before = (ask(one, "/calllogs", window)[1]["report"]["records"] for one in (sandbox, usual))
    own = sandbox.campaign_id
    assert {r["conversionAmount"] for r in rows if r["campaignId"] == own and "conversionAmount" in r} == {0.0}
    assert [r for r in rows if r["campaignId"] != own] == [r for r in before if r["campaignId"] != own]
    stripped = [{k: v for k, v in r.items() if k != "conversionAmount"} for r in rows]
    assert stripped == [{k: v for k, v in r.items() if k != "conversionAmount"} for r in before]


def test_the_healthy_scenario_leaves_invented_calls_as_they_are():
    sandbox = open_sandbox(now=NOW)
    assert sandbox._book.test_call is sandbox._book.invented_test_call
    assert len(set(sandbox.newest_call_ids(1000))) == 1000


FATES = st.sampled_from(["answered", "blocked", "no_answer", "busy", "hangup_in_menu", "routing_error"])
SHAPES = st.fixed_dictionaries(
    {},
    optional={
        "fate": FATES, "connected_s": st.integers(0, 14_400), "live": st.booleans(), "converted": st.booleans(),
        "paid": st.booleans(), "duplicate": st.booleans(), "adjusted_revenue": st.floats(0, 100),
    },
)  # fmt: skip
RULES = st.fixed_dictionaries(
    {},
    optional={
        "conversion": st.sampled_from(["none", "dialed", "connectedCall", "callLength", "postBack"]),
        "after_s": st.integers(0, 14_400), "revenue": st.sampled_from([0, 12.5, "none"]),
        "payout_type": st.sampled_from(["none", "incomingCall", "connectedCall", "convertedCall", "callLength"]),
    },
)  # fmt: skip


@given(call=SHAPES, campaign=RULES, delay=st.integers(0, 86_400))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_shape_under_any_rule_is_one_consistent_call_in_the_past(call, campaign, delay):
    sandbox = play(call=call, campaign=campaign, pixel={"incoming": {"delay_s": delay}})
    record, row = detail(sandbox), logged(sandbox)
    assert row["callDt"] <= NOW.timestamp() * 1000
    assert row["isLive"] == bool(call.get("live"))
    found = set(fired_events(sandbox))
    if row.get("wasBlocked"):
        assert not found
        return
    if not call.get("live"):
        assert "incoming" in found
    flags = {"connected": "hasConnected", "converted": "hasConverted", "payout": "hasPayout"}
    assert {e for e, flag in flags.items() if row.get(flag)} == found & set(flags)
    assert ("error" in found) == any(event["name"] == "Error" for event in record["events"])


# The account's set-up, and what Ringba answers.


def campaign_detail(sandbox):
    return ask(sandbox, f"/campaigns/{sandbox.campaign_id}", method="GET")[1]["campaign"]


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ({}, ("callLength", 18.0, 1)), ({"conversion": "none"}, (None, None, 1)),
        ({"conversion": "postBack"}, ("postBack", 18.0, 1)), ({"revenue": 0}, ("callLength", 0.0, 1)),
        ({"revenue": "none"}, ("callLength", None, 1)), ({"payout_type": "none"}, ("callLength", 18.0, 0)),
    ],
)  # fmt: skip
def test_a_campaign_shows_its_rules(rules, found):
    campaign = campaign_detail(play(campaign=rules))
    conversions = [setting for route in campaign["routes"] for setting in route["conversionSettings"]]
    first = conversions[0] if conversions else {}
    assert (first.get("conversionType"), first.get("conversionValue"), len(campaign["defaultPayouts"])) == found


def test_a_campaign_shows_its_other_settings():
    rules = {"enabled": False, "duplicates": "ON_CONNECT", "block_repeats_s": 60, "takes_anonymous": False}
    campaign = campaign_detail(play(campaign=rules))
    assert campaign["enabled"] is False
    assert campaign["duplicateSettings"] == {"duplicateSetting": "ON_CONNECT"}
    assert campaign["spamDetection"] == {"blockDuplicatesForSeconds": 60, "trackAnonymous": False}
    assert "duplicateSettings" not in campaign_detail(open_sandbox(now=NOW))


@pytest.mark.parametrize(("rules", "own"), [({"numbers": 0}, 0), ({}, 1), ({"numbers": 2}, 2)])
def test_a_campaign_has_as_many_numbers_as_planted(rules, own):
    sandbox = play(campaign=rules)
    numbers = ask(sandbox, "/numbers", method="GET")[1]["numbers"]
    assert sum(number["campaignId"] == sandbox.campaign_id for number in numbers) == own
    assert len(campaign_detail(sandbox)["affiliateNumbers"]) == own


def test_a_shared_number_belongs_to_two_campaigns():
    numbers = ask(play(campaign={"number_shared": True}), "/numbers", method="GET")[1]["numbers"]
    by_number = {}
    for number in numbers:
        by_number.setdefault(number["phoneNumber"], set()).add(number["campaignId"])
    assert sorted(map(len, by_number.values())) == [1, 2]


def test_pixels_are_listed_singly_and_with_the_campaign_that_has_them():
    sandbox = play(pixel={"payout": {"attached": False}, "error": {"enabled": False}})
    listed = ask(sandbox, "/EventCallBacks", method="GET")[1]["eventCallBacks"]
    assert [row["pixelUrl"] for row in listed] == [pixel.url for pixel in sandbox.pixels]
    assert [row["enabled"] for row in listed] == [True] * 5 + [False]
    assert ask(sandbox, f"/EventCallBacks/{listed[1]['id']}", method="GET")[1]["eventCallBack"] == listed[1]
    attached = {row["id"] for row in campaign_detail(sandbox)["eventCallBacks"]}
    assert attached == {row["id"] for row in listed if "Payout" not in row["name"]}
    assert "eventCallBacks" not in campaign_detail(play(answers={"lists_pixels": False}))
    assert "[Call:InboundCallId]" in str(ask(sandbox, "/EventCallBacks/macros", method="GET")[1]["macros"])


@pytest.mark.parametrize("path", ["/campaigns/CA0", "/EventCallBacks/EV0", "/numbers/PV0"])
def test_an_item_that_is_not_there_is_404_and_named(path):
    status, body = ask(open_sandbox(now=NOW), path, method="GET")
    item = path.rpartition("/")[2]
    assert (status, body["messageCode"], body["errors"]) == (404, 101, [f"{item} is not found"])


def test_an_endpoint_can_refuse_while_the_others_answer():
    sandbox = play(answers={"refuses": {"EventCallBacks": 403, "campaigns": 404}})
    assert ask(sandbox, "/EventCallBacks", method="GET")[0] == 403
    assert ask(sandbox, f"/campaigns/{sandbox.campaign_id}", method="GET")[0] == 404
    assert ask(sandbox, "/numbers", method="GET")[0] == 200


@pytest.mark.parametrize("status", [200, 429])
def test_details_can_be_rate_limited_a_number_of_times(status):
    sandbox = play(answers={"busy": {"calllogs/detail": 2}, "busy_status": status})
    asked = {"InboundCallIds": [sandbox.test_call_id]}
    found = [ask(sandbox, "/calllogs/detail", asked) for _ in range(3)]
    assert [(s, body.get("isRateLimited")) for s, body in found] == [(status, True), (status, True), (200, None)]
    assert found[0][1]["rateLimit"] == {"perMinute": {"limit": 200, "currentCount": 201}}


def test_a_details_request_can_hold_too_many_ids():
    sandbox = play(answers={"ids_at_once": 2})
    assert ask(sandbox, "/calllogs/detail", {"InboundCallIds": ["a", "b"]})[0] == 200
    assert ask(sandbox, "/calllogs/detail", {"InboundCallIds": ["a", "b", "c"]})[0] == 400


def test_calls_are_found_by_the_end_of_their_callers_number():
    sandbox = open_sandbox(now=NOW)
    row = logged(sandbox)
    window = {"reportStart": "2026-11-24T00:00:00Z", "reportEnd": "2026-11-24T23:59:59Z"}
    for kind, value in (("CONTAINS", row["inboundPhoneNumber"][-7:]), ("EQUALS", row["inboundPhoneNumber"])):
        same = {"column": "inboundPhoneNumber", "value": value, "comparisonType": kind}
        found = ask(sandbox, "/calllogs", window | {"filters": [{"anyConditionToMatch": [same]}]})[1]["report"]
        assert sandbox.test_call_id in [r["inboundCallId"] for r in found["records"]]
        assert all(value in r["inboundPhoneNumber"] for r in found["records"])


@pytest.mark.parametrize("field", ["recordingUrl", "url", "fireUrl", "none"])
def test_a_fire_can_stand_in_the_log_in_other_ways(field):
    log = {"fire_name": "pixelFired", "url_field": field, "status_as": "text", "order": "reversed"}
    record = detail(play(log=log))
    first = fires(record)[0]
    assert "Payout" in first["eventName"]
    assert (first["name"], first["httpStatusCode"]) == ("pixelFired", "200")
    assert [name for name in ("recordingUrl", "url", "fireUrl") if name in first] == [field] * (field != "none")


def test_a_sandbox_can_be_opened_with_a_scenario_of_ones_own():
    own = Scenario(name="own", about="mine", key="empty")
    assert "api_key=&" in open_sandbox(own, now=NOW).pixels[0].url


@pytest.mark.parametrize("name", [name for name, s in SCENARIOS.items() if s.expect])
def test_no_scenario_shows_a_number_that_is_not_invented(name):
    record = detail(open_sandbox(name, now=NOW))
    assert re.fullmatch(r"anonymous|\+(1\d{3}|44555)55501\d\d", record["inboundPhoneNumber"])
    assert re.fullmatch(r"\+1\d{3}55501\d\d", record["number"])
