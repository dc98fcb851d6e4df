"""What was lost, what may still come, and what nobody knows are three different things."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.checks import Verdict
from kayzen_nb.delivery import (
    COLUMNS,
    Outcome,
    check_delivery,
    delivery_rows,
    headline,
    review_delivery,
    undelivered,
)
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_events import FIRES_NOT_SHOWN
from kayzen_nb.vocabulary import Event

KEY = Secret("0123abcd")
AT = datetime(2026, 11, 2, 3, 5, tzinfo=UTC)
FILLED = {
    "[Call:CallerNumber]": "%2b13035550123", "[Call:NumberDialed]": "%2b18885550122", "[Call:InboundCallId]": "RGB0001",
    "[Call:CallDateTime]": "11%2f2%2f2026+3%3a05%3a00+AM", "[Call:IsDuplicate]": "false", "[tag:InboundNumber:State]": "CO",
    "[Call:ConversionAmount]": "27.00",
}  # fmt: skip
FIVE = tuple(Event)[:5]


def fire(event, status=200, **changes):
    pixel = next(p for p in render(build_plan(), KEY) if p.event is event)
    url = pixel.url
    for token, value in FILLED.items():
        url = url.replace(token, value)
    made = PixelFire(pixel_name=pixel.name, fired_at=AT, status=status, url=url, trigger=pixel.fire_on)
    return replace(made, **changes)


def call(fires=None, **changes):
    known = {
        "call_at": AT, "read_at": AT + timedelta(days=1), "campaign": "CTV", "caller": "+13035550123", "number": "+18885550122",
        "state": "CO", "ended": True, "is_duplicate": False, "blocked": False, "connected": True, "completed": True,
        "converted": True, "paid": True, "error": False, "revenue_usd_micros": 27_000_000,
        "happened_at": {event: AT + timedelta(minutes=n) for n, event in enumerate(FIVE)},
    }  # fmt: skip
    fires = tuple(map(fire, FIVE)) if fires is None else tuple(fires)
    return CallEvidence(call_id="RGB0001", fires=fires, event_names=("ConnectedCall",), **(known | changes))


def review(*calls):
    return review_delivery(calls, build_plan(), KEY)


def outcomes(*calls):
    return [(row.event.value, row.outcome.value, row.status, row.reason) for row in review(*calls).rows]


def test_a_healthy_call_delivers_five_events_and_loses_none():
    found = review(call())
    assert (found.calls, found.delivered, found.rows) == (1, 5, ())
    check = check_delivery(found)
    assert (check.verdict, check.found) == (
        Verdict.PASS, "1 call: 5 events delivered, 0 lost, 0 not yet, 0 unknown",
    )  # fmt: skip
    assert headline([check]).startswith("Every event was delivered")


def test_an_event_that_did_not_fire_or_was_refused_or_went_out_wrong_is_lost():
    wrong = fire(Event.CONVERTED, url=fire(Event.CONVERTED).url.replace("0123abcd", "KAYZEN_PROVIDED"))
    refused = fire(Event.CONNECTED, status=503, fail_reason="Service Unavailable")
    evidence = call([fire(Event.INCOMING), refused, wrong, fire(Event.PAYOUT)])
    assert outcomes(evidence) == [
        ("connected", "lost", 503, "not a plain 200"),
        ("completed", "lost", None, "did not fire"),
        ("converted", "lost", 200, "wrong content"),
    ]
    check = check_delivery(review(evidence))
    assert check.verdict is Verdict.FAIL
    assert check.found == (
        "1 call: 2 events delivered, 3 lost (1 connected, 1 completed, 1 converted), 0 not yet, 0 unknown"
    )
    assert "nothing was sent" in check.next_step


def test_a_refused_fire_that_was_answered_when_repeated_is_delivered():
    fires = [fire(Event.INCOMING, status=503), *map(fire, FIVE)]
    assert outcomes(call(fires)) == []


def test_the_recovery_list_holds_what_was_lost_masked_with_its_time():
    [row] = undelivered([call([fire(e) for e in FIVE if e is not Event.COMPLETED])], build_plan(), KEY)
    [record] = delivery_rows([row], "America/Denver")
    assert tuple(record) == COLUMNS
    assert record == {
        "call_id": "RGB0001", "campaign": "CTV", "event": "completed", "outcome": "lost",
        "happened_at_utc": "2026-11-02T03:07:00Z", "happened_at": "2026-11-01 20:07:00", "status": "",
        "reason": "did not fire", "found": "not fired, though the call reached this event", "caller": "***-***-**23",
    }  # fmt: skip
    assert "5550123" not in repr(row)


def test_a_payout_that_may_still_come_is_not_yet():
    unpaid = call([fire(e) for e in FIVE[:4]], paid=False)
    assert outcomes(unpaid) == [("payout", "not yet", None, "no payout yet; not every converted call gets one")]
    assert check_delivery(review(unpaid)).verdict is Verdict.PASS


def test_a_call_that_goes_on_has_its_later_events_not_yet():
    live = call([fire(e) for e in FIVE[:2]], ended=False, completed=False, converted=False, paid=False)
    assert outcomes(live) == [
        (event, "not yet", None, "the call was still going on") for event in ("completed", "converted", "payout")
    ]


def test_an_event_of_the_last_moment_may_not_be_in_the_log_yet():
    fires = [fire(e) for e in FIVE if e is not Event.PAYOUT]
    paid_at = AT + timedelta(minutes=4)
    assert outcomes(call(fires, read_at=paid_at + timedelta(seconds=30)))[0][1] == "not yet"
    assert outcomes(call(fires, read_at=paid_at + timedelta(minutes=3)))[0][1] == "lost"


def test_a_blocked_or_unanswered_call_loses_nothing():
    nothing = dict.fromkeys(("connected", "completed", "converted", "paid"), False)
    assert outcomes(call([], blocked=True, **nothing), call([fire(Event.INCOMING)], **nothing)) == []


def test_an_error_without_its_pixel_is_lost():
    nothing = dict.fromkeys(("connected", "completed", "converted", "paid"), False)
    assert outcomes(call([fire(Event.INCOMING)], error=True, **nothing)) == [("error", "lost", None, "did not fire")]


def test_what_the_log_does_not_tell_is_unknown():
    silent = [replace(fire(e), status=None) if e is Event.PAYOUT else fire(e) for e in FIVE]
    assert outcomes(call(silent)) == [("payout", "unknown", None, "the log does not show the answer")]
    hidden = [replace(fire(e), url="") if e is Event.PAYOUT else fire(e) for e in FIVE]
    assert outcomes(call(hidden)) == [("payout", "unknown", 200, "content not shown")]
    assert outcomes(call(list(map(fire, FIVE[:4])), paid=None)) == [
        ("payout", "unknown", None, "the call does not tell whether this event happened")
    ]
    assert check_delivery(review(call(silent))).verdict is Verdict.UNKNOWN


def test_fires_that_are_not_shown_are_not_lost():
    hidden = call([], missing=(FIRES_NOT_SHOWN,))
    assert {(o, r) for _, o, _, r in outcomes(hidden)} == {("unknown", "the log of pixel fires is not shown")}


def test_a_call_without_any_detail_is_one_unknown_row():
    nothing = CallEvidence(call_id="RGB9", missing=("Ringba gave no detail of this call",))
    assert outcomes(nothing) == [("incoming", "unknown", None, "Ringba gave no detail of this call")]


def test_no_calls_prove_nothing():
    check = check_delivery(review())
    assert (check.verdict, check.found) == (Verdict.UNKNOWN, "no calls")
    blocked = check_delivery(review(call([], blocked=True)))
    assert blocked.verdict is Verdict.UNKNOWN


def test_the_worst_comes_first_in_the_headline():
    fine, lost = check_delivery(review(call())), check_delivery(review(call([])))
    assert headline([fine, lost]).startswith("Every event was delivered? Fail: 1 call")
    assert headline([]) == "Nothing was checked."


@pytest.mark.parametrize("outcome", Outcome)
def test_rows_of_one_outcome(outcome):
    found = review(call([fire(Event.INCOMING)], ended=False, paid=False, converted=False, completed=None))
    assert all(row.outcome is outcome for row in found.of(outcome))
    assert sum(len(found.of(o)) for o in Outcome) == len(found.rows)
