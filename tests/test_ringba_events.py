"""A record of Ringba's in our words: sparse, tolerant, never guessed."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.ringba_events import PART, Extent, is_pixel_fire, read_record, tells
from kayzen_nb.ringba_values import read_flag, read_micros, read_seconds, read_status, read_time
from kayzen_nb.vocabulary import Event

URL = "https://api-events.eventstracker.io/v1/ev?app_event=incoming"
RECORD = {
    "inboundCallId": "RGB1", "callDt": 1767403102000, "callConnectionDt": 1767403108000, "campaignName": "CTV",
    "campaignId": "CA1", "inboundPhoneNumber": "+13035550111", "number": "+18885550122", "targetName": "Call Center A",
    "hasConnected": True, "hasConverted": True, "conversionAmount": Decimal("27.1"), "isLive": False,
    "connectedCallLengthInSeconds": Decimal("74.0"), "noPayoutReason": "Duplicate Payout", "blockReason": "NoReason",
    "callCompletedDt": 1767403182000,
    "message-tags": [{"type": "InboundNumber", "name": "State", "value": "CA"}, {"type": "Time", "name": "Hour"}, "odd"],
    "events": [
        {"name": "ConnectedCall", "dtStamp": "2026-01-03T01:19:42.1234567Z"},
        {"name": "ConvertedCall", "dtStamp": "2026-01-03T01:20:28.1234567Z", "conversionAmount": 27.1},
        {"name": "CompletedCall", "dtStamp": "2026-01-03T01:19:42.1234567Z", "recordingUrl": "https://media.example/r"},
        {"name": "PixelFire", "dtStamp": "2026-01-03T01:18:24.1234567Z", "eventName": "Incoming", "eventCode": "OnIncoming",
         "httpStatusCode": "200", "recordingUrl": URL},
        {"name": "EndCallSource", "dtStamp": "2026-01-03T01:19:42.1234567Z", "source": "Caller"},
    ],
}  # fmt: skip
FIRE = PixelFire(
    pixel_name="Incoming", fired_at=datetime(2026, 1, 3, 1, 18, 24, 123456, tzinfo=UTC), status=200, url=URL,
    trigger="OnIncoming",
)  # fmt: skip


def test_a_record_fills_every_field():
    read_at = datetime(2026, 1, 4, tzinfo=UTC)
    assert read_record(RECORD, read_at=read_at) == CallEvidence(
        call_id="RGB1", origin="Ringba's API", read_at=read_at, call_at=datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC),
        ended=True, campaign="CTV", campaign_id="CA1", caller="+13035550111", number="+18885550122", state="CA",
        target="Call Center A", is_duplicate=False, blocked=False, connected=True, completed=True, converted=True,
        paid=False, error=False, no_payout_reason="Duplicate Payout", revenue_usd_micros=27_100_000, connected_s=74,
        event_names=("ConnectedCall", "ConvertedCall", "CompletedCall", "PixelFire", "EndCallSource"),
        happened_at={
            Event.INCOMING: datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC),
            Event.CONNECTED: datetime(2026, 1, 3, 1, 18, 28, tzinfo=UTC),  # the row's own time, not the event's stamp
            Event.COMPLETED: datetime(2026, 1, 3, 1, 19, 42, tzinfo=UTC),
            Event.CONVERTED: datetime(2026, 1, 3, 1, 20, 28, 123456, tzinfo=UTC),
        },
        fires=(FIRE,), tags={"InboundNumber:State": "CA"},
    )  # fmt: skip


def test_a_live_call_is_not_completed_and_not_ended():
    evidence = read_record(RECORD | {"isLive": True})
    assert (evidence.ended, evidence.connected, evidence.completed) == (False, True, False)


def test_a_blocked_call_says_why():
    evidence = read_record({"callDt": 1, "wasBlocked": True, "blockReason": "Spam", "isLive": False, "events": []})
    assert (evidence.blocked, evidence.block_reason, evidence.connected, evidence.fires) == (True, "Spam", False, ())
    tagged = {"callDt": 1, "events": [], "tag:CallInfo:BlockedReason": "TCPA"}
    assert read_record(tagged).block_reason == "TCPA"


def test_a_record_without_events_does_not_show_the_fires():
    evidence = read_record({"inboundCallId": "RGB1", "callDt": 1})
    assert evidence.missing == ("the pixel fires",)
    assert evidence.error is None


def test_a_row_without_a_time_says_so():
    assert read_record({"events": []}).missing == ("the time of the call",)


@pytest.mark.parametrize("name", ["PixelFire", "pixelfire", "Pixel Fire", "pixel_fired", "PIXEL FIRED", " Pixel-Fire "])
def test_a_pixel_fire_is_known_by_any_of_its_spellings(name):
    assert is_pixel_fire(name)


@pytest.mark.parametrize("name", ["", None, 3, "Pixel", "PixelFireRejected", "Fire", "ConnectedCall"])
def test_no_other_event_is_taken_for_a_fire(name):
    assert not is_pixel_fire(name)


@pytest.mark.parametrize("key", ["recordingUrl", "url", "fireUrl"])
def test_the_fired_url_is_found_under_each_of_its_names(key):
    [fire] = read_record({"callDt": 1, "events": [{"name": "PixelFire", key: URL}]}).fires
    assert fire.url == URL


def test_a_fire_without_url_or_status_is_kept_and_the_gap_is_named():
    evidence = read_record(
        {"callDt": 1, "events": [{"name": "Pixel Fire", "eventName": "Payout"}, {"name": "PixelFire"}]}
    )
    assert [(f.url, f.status) for f in evidence.fires] == [("", None), ("", None)]
    assert evidence.missing == (
        "the fired URL of Payout",
        "the status of Payout",
        "the fired URL of pixel fire 2",
        "the status of pixel fire 2",
    )


def test_an_event_with_a_status_under_an_unknown_name_is_told_and_not_guessed():
    evidence = read_record({"callDt": 1, "events": [{"name": "Postback", "httpStatusCode": 200, "url": URL}]})
    assert (evidence.fires, evidence.missing) == ((), ("1 events with a status under a name that is not known",))


@pytest.mark.parametrize("name", ["Error", "CallError", "routing error", "ErrorEvent"])
def test_an_error_is_any_event_named_so(name):
    evidence = read_record({"callDt": 1, "events": [{"name": name, "dtStamp": "2026-01-03T01:18:24Z"}]})
    assert evidence.error is True
    assert evidence.happened_at[Event.ERROR] == datetime(2026, 1, 3, 1, 18, 24, tzinfo=UTC)


def test_an_enrichments_error_message_and_an_error_pixel_are_no_error_of_the_call():
    events = [{"name": "DataEnrichment", "errorMessage": "none"}, {"name": "PixelFire", "eventName": "Error"}]
    assert read_record({"callDt": 1, "events": events}).error is False


def test_an_event_counts_where_the_row_is_silent_and_the_row_counts_where_it_speaks():
    events = [{"name": "ConnectedCall"}, {"name": "PayoutCall", "payoutAmount": 20}]
    late = read_record({"callDt": 1, "isLive": False, "events": events})
    assert (late.connected, late.paid, late.payout_usd_micros) == (True, True, 20_000_000)
    assert read_record({"callDt": 1, "hasConnected": False, "events": events}).connected is False


def test_without_a_row_only_what_stands_there_is_claimed():
    evidence = read_record({"events": [{"name": "PixelFire", "eventName": "Completed", "url": URL}]}, extent=PART)
    known = {
        f: getattr(evidence, f) for f in ("connected", "completed", "converted", "paid", "blocked", "error", "ended")
    }
    assert known == {"connected": True, "completed": True, "converted": None, "paid": None, "blocked": False,
                     "error": None, "ended": None}  # fmt: skip


def test_in_a_whole_list_of_events_what_is_not_there_did_not_happen():
    events = [{"name": "Inbound Call"}, {"name": "EndCallSource"}]
    evidence = read_record({"events": events}, extent=Extent(row=False, events=True))
    assert (evidence.connected, evidence.paid, evidence.ended, evidence.error) == (False, False, True, False)
    assert evidence.is_duplicate is None


@pytest.mark.parametrize(
    ("name", "told"),
    [("ConnectedCall", Event.CONNECTED), ("Connected", Event.CONNECTED), ("Payout Call", Event.PAYOUT), ("CallWebHook", None),
     ("End Call Source", "ended"), ("Blocked Call", "blocked"), (None, None)],
)  # fmt: skip
def test_what_an_events_name_tells(name, told):
    assert tells(name) == told


@pytest.mark.parametrize(
    ("value", "status"),
    [(200, 200), ("200", 200), (" 503 ", 503), ("200 OK", 200), ("200 (OK)", 200), (None, None), ("", None), (0, None),
     (True, None), ("OK", None), ("2000", None), ("700", None)],
)  # fmt: skip
def test_a_status(value, status):
    assert read_status(value) == status


@pytest.mark.parametrize(
    ("value", "micros"),
    [(27, 27_000_000), (Decimal("27.1"), 27_100_000), ("27.00", 27_000_000), ("$1,234.50", 1_234_500_000), (0, 0), ("", None),
     (None, None), (True, None), ("NaN", None), ("1,23", None), (Decimal("1e400"), None), ("-5", -5_000_000)],
)  # fmt: skip
def test_an_amount_is_exact_or_not_known(value, micros):
    assert read_micros(value) == micros


def test_lengths_flags_and_times():
    assert [read_seconds(v) for v in (74, Decimal("74.0"), "00:04:20", "", None, "x", "1e9")] == [
        74, 74, 260, None, None, None, None,
    ]  # fmt: skip
    assert [read_flag(v) for v in (True, "yes", "False", "0", None, "", "maybe")] == [
        True,
        True,
        False,
        False,
        None,
        None,
        None,
    ]
    assert [read_time(v) for v in (True, 10**15, "x", None, "2026-13-01")] == [None] * 5
    assert read_time("2026-01-03T01:18:24") == datetime(2026, 1, 3, 1, 18, 24, tzinfo=UTC)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda c: st.lists(c, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "dtStamp", "eventName", "httpStatusCode", "recordingUrl", "type", "value"]), c, max_size=4
    ), max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from([*RECORD, "isLive", "hasPayout", "tag:InboundNumber:State"]), JSON))
def test_no_record_breaks_the_reader(record):
    evidence = read_record(record)
    assert evidence.connected in (True, False)
