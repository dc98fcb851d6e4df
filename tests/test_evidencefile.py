"""What people have, pasted or as a file, gives the same evidence as the API; what it does not show stays unknown."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.calls import CallEvidence
from kayzen_nb.checks import worst
from kayzen_nb.errors import EvidenceError, InputError, KayzenNbError, ParameterError
from kayzen_nb.evidencefile import read_all_evidence, read_evidence
from kayzen_nb.period import Period
from kayzen_nb.pixels import build_plan
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.testcall import check_test_call

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
DENVER = "America/Denver"
KEY = "sandbox-kayzen-key"
FLAGS = ("ended", "connected", "completed", "converted", "paid", "error", "blocked", "is_duplicate")
LABELS = {
    "ConnectedCall": "Connected", "CompletedCall": "Completed", "ConvertedCall": "Converted", "PayoutCall": "Payout",
    "TargetDialed": "Target Dialed", "EndCallSource": "End Call Source", "PixelFire": "Pixel Fire",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    return open_sandbox("healthy", now=NOW)


@pytest.fixture(scope="module")
def details(sandbox):
    """One day's detail records as Ringba gives them, and the same calls as the API path reads them."""
    day = Period(first_day=NOW.date(), last_day=NOW.date(), zone="UTC")
    with Ringba(sandbox.settings, transport=sandbox.transport) as ringba:
        ids = [record["inboundCallId"] for record in ringba.fetch_call_records(day)]
        answer = ringba._client.fetch_json("POST", "/{account}/calllogs/detail", body={"InboundCallIds": ids}, what="")
        return answer["report"]["records"], ringba.fetch_many_evidence(ids)


@pytest.fixture(scope="module")
def record(sandbox, details):
    return next(r for r in details[0] if r["inboundCallId"] == sandbox.test_call_id)


@pytest.fixture(scope="module")
def by_api(sandbox, details):
    return details[1][sandbox.test_call_id]


def us_time(stamp, zone=DENVER):
    return datetime.fromisoformat(stamp).astimezone(ZoneInfo(zone)).strftime("%m/%d/%Y %I:%M:%S %p")


def fields(event):
    if event["name"] != "PixelFire":
        return []
    shown = [("Name", event["eventName"]), ("Response Status Code", str(event["httpStatusCode"]))]
    shown += [("Fail Reason", event["failReason"])] if event["failReason"] else []
    return [*shown, ("URL", event["recordingUrl"])]


def as_labels(events):
    lines = []
    for event in events:
        lines += [LABELS.get(event["name"], event["name"]), us_time(event["dtStamp"])]
        lines += [f"{label}: {value}" for label, value in fields(event)]
        lines.append("")
    return "\n".join(lines)


def as_label_over_value(events):
    lines = ["Events", "Tags", "Routing"]
    for event in events:
        lines += [us_time(event["dtStamp"]), LABELS.get(event["name"], event["name"])]
        lines += [line for field in fields(event) for line in field]
    return "\r\n".join(lines) + "\r\n"


def as_tab_rows(events):
    rows = []
    for event in events:
        cells = [us_time(event["dtStamp"]), LABELS.get(event["name"], event["name"]), *(v for _, v in fields(event))]
        rows.append("\t".join(cells))
    return "\n".join(rows)


def as_raw_names(events):
    lines = []
    for event in events:
        lines += [f"name: {event['name']}", f"dtStamp: {event['dtStamp']}"]
        lines += [f"{k}: {v}" for k, v in event.items() if k not in ("name", "dtStamp")]
    return "\n".join(lines)


def as_newest_first(events):
    return as_labels(list(reversed(events)))


def as_broken_urls(events):
    def broken(found):
        url = found[0]
        return "\n".join(url[at : at + 70] for at in range(0, len(url), 70))

    return re.sub(r"https://\S+", broken, as_labels(events))


def as_csv(events):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Status", "Event", "Time", "Pixel Name", "Fired URL"])
    for event in events:
        url = event["recordingUrl"] if event["name"] == "PixelFire" else ""
        name = event.get("eventName", "")
        writer.writerow([event.get("httpStatusCode", ""), event["name"], event["dtStamp"], name, url])
    return out.getvalue()


def as_event_json(events):
    return json.dumps(events, default=float)


UNCOMPARED = "the call's own time, caller, tracking number: what was sent is not compared with it"
SHAPES = [as_labels, as_label_over_value, as_tab_rows, as_raw_names, as_newest_first, as_broken_urls, as_csv,
          as_event_json]  # fmt: skip


def essence(fires):
    """What every shape shows of a fire, to the second, in order of name."""
    return sorted(
        (f.pixel_name, f.status, f.url, f.fired_at.replace(microsecond=0) if f.fired_at else None) for f in fires
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_call_gives_the_same_fires_and_flags_in_every_shape(shape, record, by_api):
    evidence = read_evidence(shape(record["events"]), zone=DENVER)
    assert evidence.call_id == by_api.call_id
    assert essence(evidence.fires) == essence(by_api.fires)
    assert [getattr(evidence, flag) for flag in FLAGS[:-1]] == [getattr(by_api, flag) for flag in FLAGS[:-1]]
    assert evidence.missing == (UNCOMPARED,)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_call_gets_the_same_verdict_in_every_shape(shape, details):
    """Every kind of call of a day: blocked, unanswered, duplicate, error, unpaid."""
    plan, key = build_plan(), Secret(KEY)
    for detail in details[0][::3]:
        if not detail["events"] or detail.get("isLive"):
            continue
        by_api = details[1][detail["inboundCallId"]]
        text = shape(detail["events"])
        if not by_api.fires:
            continue
        pasted = read_evidence(text, zone=DENVER)
        shown = {flag: getattr(pasted, flag) for flag in FLAGS if getattr(pasted, flag) is not None}
        assert shown == {flag: getattr(by_api, flag) for flag in shown}
        if pasted.missing == (UNCOMPARED,):
            of_api, of_paste = (check_test_call(e, plan, key) for e in (by_api, pasted))
            assert worst(of_paste.checks) == worst(of_api.checks)


def test_a_json_answer_gives_exactly_what_the_api_gives(record, by_api):
    whole = json.dumps({"isSuccessful": True, "report": {"records": [record]}}, default=float)
    for text in (whole, json.dumps({"records": [record]}, default=float), json.dumps(record, default=float)):
        assert read_evidence(text) == replace(by_api, origin="a JSON file", read_at=None)


def test_a_cut_json_text_gives_the_events_that_are_whole_and_says_so(record, by_api):
    text = json.dumps({"report": {"records": [record]}}, default=float)
    evidence = read_evidence(text[: text.index("Kayzen CTV - Completed Postback")])
    assert [f.pixel_name for f in evidence.fires] == [f.pixel_name for f in by_api.fires[:3]]
    assert (evidence.connected, evidence.paid, evidence.ended) == (True, None, True)
    assert "the JSON text is cut or damaged, so events may be missing" in evidence.missing


def test_every_half_of_a_pasted_log_claims_nothing_that_is_not_so(record, by_api):
    lines = as_labels([e for e in record["events"] if "Payout" not in str(e.values())]).split("\n")
    whole_from = lines.index("End Call Source") + 1
    for end in range(3, len(lines)):
        try:
            evidence = read_evidence("\n".join(lines[:end]), zone=DENVER)
        except EvidenceError:
            continue
        for flag in ("ended", "connected", "completed", "converted", "error", "blocked"):
            assert getattr(evidence, flag) in (None, getattr(by_api, flag)), (end, flag)
        assert (end < whole_from) <= bool(set(evidence.missing) - {UNCOMPARED}), end


def test_half_a_log_says_what_it_does_not_show(record):
    text = as_labels(record["events"][:4])
    assert read_evidence(text).missing == ("the end of the event list (no End Call Source)", UNCOMPARED)
    assert read_evidence(text[: text.rindex("URL:")]).missing == (
        "the end of the event list (no End Call Source)",
        "the text ends in the middle of an event",
        "the fired URL of Kayzen CTV - Connected Postback",
        UNCOMPARED,
    )


def test_the_second_half_of_a_log_does_not_deny_what_stood_in_the_first(record):
    evidence = read_evidence(as_labels(record["events"][-4:-2]))  # End Call Source, the Completed pixel
    assert (evidence.ended, evidence.completed, evidence.converted, evidence.error) == (True, True, None, None)
    assert evidence.missing == ("the beginning of the event list", UNCOMPARED)


def test_a_url_that_the_copy_cut_is_not_taken_for_a_damaged_one(record):
    text = as_labels(record["events"][:4]).rstrip()
    evidence = read_evidence(text[: text.rindex("&caller_state")])
    assert [bool(fire.url) for fire in evidence.fires] == [True, False]
    assert "the text ends in the middle of a fired URL" in evidence.missing


def test_a_line_break_that_was_fired_is_told_from_one_that_a_window_made(record):
    events = [dict(event) for event in record["events"]]
    fire = next(e for e in events if e.get("eventName") == "Kayzen CTV - Converted Postback")
    fire["recordingUrl"] = fire["recordingUrl"].replace("&number", "\n&number")
    urls = {f.pixel_name: f.url for f in read_evidence(as_labels(events)).fires}
    assert urls[fire["eventName"]] == fire["recordingUrl"]
    assert "\n" not in "".join(f.url for f in read_evidence(as_broken_urls(record["events"])).fires)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_sent_is_kept_byte_for_byte(shape, record):
    """A quotation mark that was pasted into the pixel, spaces that Ringba did not encode."""
    odd = ("&can_claim=1”", "&event_ts=11/20/2026 3:55:46 PM&can_claim=1")
    for ending in odd if shape is not as_broken_urls else odd[:1]:
        events = [dict(event) for event in record["events"]]
        for event in events:
            if event["name"] == "PixelFire":
                event["recordingUrl"] = event["recordingUrl"].replace("&can_claim=1", ending)
        fired = {e["recordingUrl"] for e in events if e["name"] == "PixelFire"}
        assert {f.url for f in read_evidence(shape(events)).fires} == fired


def test_the_quotation_marks_around_a_url_are_not_part_of_it():
    evidence = read_evidence("Pixel Fire\nStatus: 200\nURL: “https://x.example/?app_event=incoming”\nConnected")
    assert evidence.fires[0].url == "https://x.example/?app_event=incoming"


def test_an_error_pixels_shorter_url_at_the_end_is_not_taken_for_a_cut_one():
    longer = "https://x.example/?a=1&app_event=incoming&is_duplicate=false&can_claim=1"
    text = f"Pixel Fire\n200\n{longer}\nPixel Fire\n200\nhttps://x.example/?a=1&app_event=error&can_claim=1"
    assert [bool(f.url) for f in read_evidence(text).fires] == [True, True]


def test_a_fire_without_its_pixels_name_still_counts(record):
    text = re.sub(r"Name: .*\n", "", as_labels(record["events"]))
    evidence = read_evidence(text, zone=DENVER)
    assert [(f.pixel_name, f.status) for f in evidence.fires] == [("", 200)] * 5
    assert (evidence.connected, evidence.paid) == (True, True)


def test_only_pixel_fires_tell_what_they_can_and_leave_the_rest_unknown(record):
    fires = [event for event in record["events"] if event["name"] == "PixelFire"][:2]
    evidence = read_evidence(as_labels(fires))
    assert {flag: getattr(evidence, flag) for flag in FLAGS} == {
        "ended": None, "connected": True, "completed": None, "converted": None, "paid": None, "error": None,
        "blocked": False, "is_duplicate": None,
    }  # fmt: skip


GERMAN = """Ereignisse
Pixel ausgelöst
20.11.2026 15:55:46
Name: Kayzen CTV - Incoming Postback
Antwortcode: 200
Adresse: https://api-events.eventstracker.io/v1/ev?tp=ringba&app_event=incoming&call_id=RGB0001
Anruf verbunden
Pixel ausgelöst
20.11.2026 15:55:51
Name: Kayzen CTV - Connected Postback
Antwortcode: 403
Adresse: https://api-events.eventstracker.io/v1/ev?tp=ringba&app_event=connected&call_id=RGB0001
"""


def test_labels_in_another_language_are_read_by_form():
    evidence = read_evidence(GERMAN)
    assert [(f.pixel_name, f.status, f.url[-15:]) for f in evidence.fires] == [
        ("Kayzen CTV - Incoming Postback", 200, "call_id=RGB0001"),
        ("Kayzen CTV - Connected Postback", 403, "call_id=RGB0001"),
    ]
    assert (evidence.connected, evidence.converted, evidence.ended) == (True, None, None)
    assert evidence.missing == ("the end of the event list (no End Call Source)", UNCOMPARED)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("11/20/2026 08:55:46 AM", datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)),
        ("11/20/2026 8:55 AM", datetime(2026, 11, 20, 15, 55, tzinfo=UTC)),
        ("Nov 20, 2026, 8:55:46 a.m.", datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)),
        ("20 November 2026 08:55:46", datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)),
        ("20.11.2026 08:55:46", datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)),
        ("2026-11-20T15:55:46.1234567Z", datetime(2026, 11, 20, 15, 55, 46, 123456, tzinfo=UTC)),
        ("2026-11-20 08:55:46", datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)),
        ("1795190146123", datetime(2026, 11, 20, 15, 55, 46, 123000, tzinfo=UTC)),
        ("11.10.2026 08:55:46", None),  # 10 November or 11 October
        ("11/10/2026 08:55:46", None),
        ("11/01/2026 01:30:00 AM", None),  # the clock shows it twice
        ("03/08/2026 02:30:00 AM", None),  # the clock skips it
        ("13/32/2026 08:55:46 AM", None),
        ("08:55:46 AM", None),
        ("Fire 30, 2026 8:55", None),
    ],
)
def test_a_time_is_read_or_not_known(written, instant):
    text = f"Pixel Fire\nTime: {written}\nStatus: 200\nURL: https://x.example/ev?app_event=incoming"
    assert read_evidence(text, zone=DENVER).fires[0].fired_at == instant


def test_extra_lines_and_columns_of_the_call_are_read_along(record):
    head = "Inbound Call ID: RGB0009\nCampaign: CTV Spring\nCaller ID: +13035550123\nConnected: Yes\nRevenue: $27.00\n"
    evidence = read_evidence(head + "Have a look please\n> thanks\n" + as_labels(record["events"][:1]))
    assert (evidence.call_id, evidence.campaign, evidence.caller) == ("RGB0009", "CTV Spring", "+13035550123")
    assert (evidence.connected, evidence.revenue_usd_micros) == (True, 27_000_000)
    assert "5550123" not in repr(evidence)


def test_a_recordings_address_is_no_fire():
    text = (
        "Pixel Fire\nStatus: 200\nURL: https://x.example/?app_event=incoming\nCompleted\nURL: https://media.example/r"
    )
    assert len(read_evidence(text).fires) == 1
    header = "Call Length: 240\nRecording URL: https://media.example/r?k=1\n"
    assert len(read_evidence(header + text).fires) == 1


@pytest.mark.parametrize(
    ("line", "status"), [("Status: 200 OK", 200), ("Status: (none)", None), ("Status: 0", None), ("Status:\n503", 503)]
)
def test_a_status_is_a_number_of_three_digits_or_not_known(line, status):
    evidence = read_evidence(f"Pixel Fire\n{line}\nURL: https://x.example/?app_event=incoming\nEnd Call Source")
    assert evidence.fires[0].status == status
    assert (status is None) == any("status" in gap for gap in evidence.missing)


def test_an_empty_fail_reason_does_not_swallow_the_next_event():
    fire = "Pixel Fire\nFail Reason:\n"
    text = f"{fire}Pixel Fire\nFail Reason: time-out\nURL: https://x.example/?app_event=incoming\nConnected"
    evidence = read_evidence(text)
    assert [f.fail_reason for f in evidence.fires] == ["", "time-out"]
    assert evidence.connected is True


def two_calls(details):
    return [r for r in details[0] if len([e for e in r["events"] if e["name"] == "PixelFire"]) >= 3][:2]


def test_two_calls_in_one_text_are_told_apart_by_their_fired_urls(details):
    first, second = two_calls(details)
    text = as_labels(first["events"]) + as_labels(second["events"])
    for one in (first, second):
        evidence = read_evidence(text, call_id=one["inboundCallId"], zone=DENVER)
        assert essence(evidence.fires) == essence(details[1][one["inboundCallId"]].fires)
        assert "mixes 2 calls" in evidence.missing[0]
    with pytest.raises(InputError) as caught:
        read_evidence(text)
    assert first["inboundCallId"] in str(caught.value)
    assert second["inboundCallId"] in str(caught.value)
    assert [e.call_id for e in read_all_evidence(text)] == [first["inboundCallId"], second["inboundCallId"]]


def test_mixed_calls_never_claim_what_did_not_happen(details):
    first, second = two_calls(details)
    shuffled = sorted(first["events"] + second["events"], key=lambda e: e["dtStamp"][::-1])
    for evidence in read_all_evidence(as_labels(shuffled), zone=DENVER):
        assert None in (evidence.paid, evidence.error)


def test_one_wrong_call_id_is_a_finding_and_not_another_call(record):
    wrong = [dict(event) for event in record["events"]]
    fire = next(e for e in wrong if e.get("eventName") == "Kayzen CTV - Converted Postback")
    fire["recordingUrl"] = fire["recordingUrl"].replace(record["inboundCallId"], "RGB0000FIXED")
    evidence = read_evidence(as_labels(wrong))
    assert (evidence.call_id, len(evidence.fires)) == (record["inboundCallId"], 5)


def test_another_call_than_the_one_asked_for_is_told(record):
    text = as_labels(record["events"])
    evidence = read_evidence(text, call_id="RGB0000OTHER")
    assert evidence.call_id == "RGB0000OTHER"
    assert "another call id" in evidence.missing[-1]
    with pytest.raises(EvidenceError, match="does not hold the call RGB0000OTHER"):
        read_evidence(f"Inbound Call ID: {record['inboundCallId']}\n{text}", call_id="RGB0000OTHER")


DETAILS = (
    '\ufeff"Call Date","Inbound Call ID","Campaign","Caller ID","Number","Connected Call Length",Connected,'
    'Converted,"Revenue","Payout","Is Duplicate","End Call Source"\r\n'
    '"11/20/2026 08:55:46 AM","RGB0001","CTV Spring","+13035550123","+18885550122","00:04:20",True,True,27.00,'
    ',False,"Caller"\r\n'
)


def test_a_call_details_export_has_the_call_and_says_that_it_has_no_fires():
    evidence = read_evidence(DETAILS, zone=DENVER)
    assert evidence.missing == ("the pixel fires",)
    assert evidence == CallEvidence(
        call_id="RGB0001", origin="a CSV file", call_at=datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC), ended=True,
        campaign="CTV Spring", caller="+13035550123", number="+18885550122", is_duplicate=False, connected=True,
        completed=True, converted=True, revenue_usd_micros=27_000_000, connected_s=260, missing=("the pixel fires",),
        happened_at={"incoming": datetime(2026, 11, 20, 15, 55, 46, tzinfo=UTC)},
    )  # fmt: skip


def test_a_row_for_each_call_needs_the_call_to_be_named():
    text = DETAILS + DETAILS.splitlines()[1].replace("RGB0001", "RGB0002") + "\r\n"
    assert read_evidence(text, call_id="RGB0002", zone=DENVER).call_id == "RGB0002"
    with pytest.raises(EvidenceError, match="holds 2 calls"):
        read_evidence(text)
    with pytest.raises(EvidenceError, match="RGB0003"):
        read_evidence(text, call_id="RGB0003")


def test_a_column_that_is_not_there_is_not_known_and_a_blank_flag_of_the_api_is_no():
    titled = read_evidence("Call Date,Inbound Call ID,Connected Call Length\n11/20/2026 08:55:46 AM,RGB0001,\n")
    assert (titled.connected, titled.converted, titled.blocked, titled.ended) == (False, None, None, None)
    dump = read_evidence("callDt,inboundCallId,hasConnected,wasBlocked\n1795190146123,RGB0001,,True\n")
    assert (dump.connected, dump.blocked, dump.converted) == (False, True, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("Hello, could you have a look?", "No event of a call was found"),
        ("https://api-events.eventstracker.io/v1/ev?app_event=incoming&call_id=[Call:InboundCallId]", "as they were set"),
        ("{}", "No event"), ("[]", "No event"), ("null", "No event"), ("[[[[", "No event"),
        ('"Target",Incoming,Live,Completed,Ended\n"A",1,2,3,4', "Summary export"),
        ("a,b,c\n1,2,3", "No event"),
    ],
)  # fmt: skip
def test_a_text_without_a_calls_events_is_refused_with_how_to_copy_it(text, words):
    with pytest.raises(EvidenceError, match=words) as caught:
        read_evidence(text)
    [problem] = caught.value.problems
    assert problem.next_step


def test_a_zone_that_is_none_is_refused():
    with pytest.raises(ParameterError, match="no time zone"):
        read_evidence(GERMAN, zone="Denver")


def test_no_message_holds_a_number_or_a_key():
    fires = [
        f"Pixel Fire\nName: Incoming\nStatus: 200\nURL: https://x.example/?api_key=canary-7Yq2ZkP0&call_id={value}\n"
        for value in ("api_key=canary-7Yq2ZkP0", "a+13035550123", "RGB13035550123x", "+13035550124")
    ]
    with pytest.raises(EvidenceError) as caught:
        read_evidence("".join(fires))
    text = str(caught.value)
    assert "canary" not in text
    assert not re.search(r"303555012\d(?!\d|\w)", text)


def read_or_refuse(text):
    """The calls of a text, or the problems for which it is refused: never none of both."""
    try:
        return read_all_evidence(text)
    except KayzenNbError as refused:
        return refused.problems


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_no_text_breaks_the_reader(text):
    assert read_or_refuse(text)


PIECES = ["Pixel Fire", "Connected", "Name: ", "Status", "200", "\n", "\t", ": ", "https://x.example/?app_event=incoming",
          "&call_id=RGB0001", "11/20/2026 08:55:46 AM", "End Call Source", '{"name":"PixelFire",', "}", "[", '"', ",", "é",
          "Inbound Call ID", "\x00", "Event,Status,URL\n", "callDt,inboundCallId\n", "1e999", "\u2028"]  # fmt: skip


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_mixture_of_what_logs_are_made_of_breaks_the_reader(text):
    assert read_or_refuse(text)


def test_a_long_hostile_text_is_read_in_a_moment():
    for text in ("a" * 300_000, "=" * 300_000 + " ", "https://x/?" + "&=" * 150_000, "Name:\t" * 60_000, "{" * 200_000,
                 '{"name":' * 50_000, "\n" * 300_000 + "Pixel Fire", " \t" * 150_000 + "x"):  # fmt: skip
        started = datetime.now(UTC)
        assert read_or_refuse(text)
        assert (datetime.now(UTC) - started).total_seconds() < 5, text[:12]


def test_amounts_stay_exact(record):
    text = json.dumps(record, default=float).replace('"conversionAmount": 27.0', '"conversionAmount": 27.10')
    assert read_evidence(text).revenue_usd_micros == int(Decimal("27.10") * 1_000_000)
