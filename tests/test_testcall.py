"""The ladder of proof: what each rung needs, and what breaks it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.checks import Verdict, worst
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.testcall import Rung, all_checks, check_test_call, headline, question
from kayzen_nb.vocabulary import Event

KEY = Secret("0123abcd")
CALLER, NUMBER, CALL_ID = "+13035550123", "+18885550122", "RGB0001"
FILLED = {
    "[Call:CallerNumber]": "%2b13035550123",
    "[Call:NumberDialed]": "+18885550122",
    "[Call:InboundCallId]": CALL_ID,
    "[Call:CallDateTime]": "11%2f1%2f2026+9%3a48%3a06+PM",
    "[Call:IsDuplicate]": "false",
    "[tag:InboundNumber:State]": "CO",
    "[Call:ConversionAmount]": "27.00",
}


def fire(event, profile="per_event", key=KEY):
    pixel = next(p for p in render(build_plan(profile), key) if p.event is event)
    url = pixel.url
    for token, value in FILLED.items():
        url = url.replace(token, value)
    return PixelFire(pixel_name=pixel.name, fired_at=datetime(2026, 11, 2, tzinfo=UTC), status=200, url=url)


def call(events=tuple(Event)[:5], profile="per_event", **changes):
    known = {"caller": CALLER, "number": NUMBER, "is_duplicate": False, "blocked": False, "connected": True,
             "completed": True, "converted": True, "paid": True, "revenue_usd_micros": 27_000_000}  # fmt: skip
    fires = tuple(fire(event, profile) for event in events)
    return CallEvidence(call_id=CALL_ID, fires=fires, **(known | changes))


def prove(evidence, key=KEY):
    return check_test_call(evidence, build_plan(), key)


def verdict_of(proof, event):
    return next(p for p in proof.pixels if p.event is event)


def test_a_healthy_call_reaches_rung_three_and_no_further():
    proof = prove(call())
    assert proof.rung is Rung.RIGHT_CONTENT
    assert worst(all_checks(proof)) is Verdict.PASS
    assert "Only Kayzen can say" in headline(proof)


def test_an_error_pixel_that_did_not_fire_is_as_expected():
    assert verdict_of(prove(call()), Event.ERROR).verdict is Verdict.PASS


def test_a_call_without_payout_needs_no_payout_pixel():
    proof = prove(call(tuple(Event)[:4], paid=False))
    assert verdict_of(proof, Event.PAYOUT).verdict is Verdict.PASS
    assert "not yet: no payout so far" in verdict_of(proof, Event.PAYOUT).found
    assert proof.rung is Rung.RIGHT_CONTENT


def test_a_missing_expected_pixel_fails_with_where_to_look():
    proof = prove(call((Event.INCOMING, Event.CONNECTED, Event.COMPLETED, Event.PAYOUT)))
    broken = verdict_of(proof, Event.CONVERTED)
    assert (broken.verdict, broken.rung, proof.rung) == (Verdict.FAIL, Rung.NOTHING, Rung.NOTHING)
    assert "Tracking Pixels" in broken.next_step
    assert "converted pixel breaks first" in headline(proof)


def test_what_the_call_does_not_tell_is_unknown():
    proof = prove(call((Event.INCOMING,), connected=None, completed=None, converted=None, paid=None))
    assert verdict_of(proof, Event.CONNECTED).verdict is Verdict.UNKNOWN
    assert worst(all_checks(proof)) is Verdict.UNKNOWN


def test_the_guide_copied_as_printed_is_answered_200_and_still_fails():
    proof = prove(call(profile="as_published"))
    assert proof.rung is Rung.ANSWERED
    assert "app_event=incoming, not connected" in verdict_of(proof, Event.CONNECTED).found
    assert verdict_of(proof, Event.INCOMING).verdict is Verdict.PASS


def test_a_status_other_than_200_stays_on_rung_one():
    evidence = call()
    first = replace(evidence.fires[0], status=403, fail_reason="Forbidden")
    proof = prove(replace(evidence, fires=(first, *evidence.fires[1:])))
    assert verdict_of(proof, Event.INCOMING).rung is Rung.FIRED
    assert "answered 403: Forbidden" in verdict_of(proof, Event.INCOMING).found


def test_a_fire_without_a_status_is_unknown():
    evidence = call()
    proof = prove(replace(evidence, fires=(replace(evidence.fires[0], status=None), *evidence.fires[1:])))
    assert verdict_of(proof, Event.INCOMING).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("planted", "change"),
    [
        ("call_id is another call's", ("RGB0001", "RGB0002")),
        ("call_id is empty", ("RGB0001", "")),
        ("call_id still holds an unfilled token", ("RGB0001", "[Call:InboundCallId]")),
        ("caller_id is ***-***-**24, another number", ("%2b13035550123", "%2b13035550124")),
        ("the key is not the one set here", ("0123abcd", "9999zzzz")),
        ("the key is still the placeholder", ("0123abcd", "KAYZEN_PROVIDED")),
        ("conversion_amount=12.00, but Ringba's revenue is 27.00", ("27.00", "12.00")),
        ("conversion_amount is empty", ("27.00", "")),
        ("is_duplicate=true, but the call says otherwise", ("false", "true")),
        ("sent to example.invalid", ("api-events.eventstracker.io", "example.invalid")),
        ("can_claim is missing", ("&can_claim=1", "")),
    ],
)
def test_wrong_content_is_named_and_stays_on_rung_two(planted, change):
    evidence = call()
    fires = tuple(replace(f, url=f.url.replace(*change)) if "Converted" in f.pixel_name else f for f in evidence.fires)
    proof = prove(replace(evidence, fires=fires))
    broken = verdict_of(proof, Event.CONVERTED)
    assert planted in broken.found
    assert broken.rung is Rung.ANSWERED
    assert "0123abcd" not in broken.found


@pytest.mark.parametrize("written", ["+13035550123", "%2B13035550123", "%2b13035550123", "13035550123"])
def test_a_caller_number_is_compared_by_its_digits(written):
    evidence = call()
    fires = tuple(replace(f, url=f.url.replace("%2b13035550123", written)) for f in evidence.fires)
    assert prove(replace(evidence, fires=fires)).rung is Rung.RIGHT_CONTENT


def test_an_anonymous_caller_without_a_state_is_no_fault():
    evidence = call()
    fires = tuple(replace(f, url=f.url.replace("caller_state=CO", "caller_state=")) for f in evidence.fires)
    assert prove(replace(evidence, fires=fires)).rung is Rung.RIGHT_CONTENT


def test_a_blocked_call_is_expected_to_fire_nothing():
    quiet = CallEvidence(call_id=CALL_ID, blocked=True, connected=False, completed=False, converted=False, paid=False)
    assert all(p.verdict is Verdict.PASS for p in prove(quiet).pixels)


def test_a_pixel_that_fired_twice_is_told_and_not_failed():
    evidence = call()
    proof = prove(replace(evidence, fires=(*evidence.fires, evidence.fires[0])))
    assert "fired 2 times" in verdict_of(proof, Event.INCOMING).found
    assert proof.rung is Rung.RIGHT_CONTENT


def test_the_error_pixel_is_expected_only_after_a_routing_error():
    proof = prove(call((Event.INCOMING,), connected=False, completed=False, converted=False, paid=False,
                       event_names=("Error",)))  # fmt: skip
    assert verdict_of(proof, Event.ERROR).verdict is Verdict.FAIL


def test_no_pixel_at_all_is_rung_zero_and_a_failure():
    proof = prove(call(()))
    assert proof.rung is Rung.NOTHING
    assert worst(all_checks(proof)) is Verdict.FAIL


def test_the_question_to_kayzen_names_the_call_and_no_number():
    text = question(prove(call()))
    assert CALL_ID in text
    assert "5550" not in text


def test_evidence_shows_neither_numbers_nor_urls_in_its_repr():
    assert "5550" not in repr(call())
    assert "0123abcd" not in repr(call())


def test_one_pixel_whose_call_time_differs_from_the_others_is_wrong_though_a_zone_would_explain_it():
    evidence = call(call_at=datetime(2026, 11, 1, 21, 48, 6, tzinfo=UTC))
    fires = tuple(
        replace(f, url=f.url.replace("9%3a48%3a06+PM", "7%3a48%3a06+PM")) if "Connected" in f.pixel_name else f
        for f in evidence.fires
    )
    proof = prove(replace(evidence, fires=fires))
    assert "event_ts differs from the other pixels" in verdict_of(proof, Event.CONNECTED).found
    assert [p.event for p in proof.pixels if p.verdict is Verdict.FAIL] == [Event.CONNECTED]
    all_shifted = tuple(replace(f, url=f.url.replace("9%3a48%3a06+PM", "7%3a48%3a06+PM")) for f in evidence.fires)
    assert prove(replace(evidence, fires=all_shifted)).rung is Rung.RIGHT_CONTENT


@pytest.mark.parametrize("left", ["{Call:InboundCallId}", "${Call:InboundCallId}", "%%InboundCallId%%"])
def test_a_placeholder_in_other_brackets_is_unfilled_too(left):
    evidence = call()
    fires = tuple(replace(f, url=f.url.replace("call_id=RGB0001", f"call_id={left}")) for f in evidence.fires)
    assert (
        "call_id still holds an unfilled token"
        in verdict_of(prove(replace(evidence, fires=fires)), Event.INCOMING).found
    )


def test_exchanged_names_of_two_right_pixels_are_no_fault():
    evidence = call()
    names = {"Kayzen CTV - Converted Postback": "Kayzen CTV - Payout Postback"}
    names |= {new: old for old, new in names.items()}
    triggers = {"converted": "Converted", "payout": "Payout"}
    fires = tuple(
        replace(
            f, pixel_name=names[f.pixel_name], trigger=next(t for e, t in triggers.items() if f"app_event={e}" in f.url)
        )
        if f.pixel_name in names
        else f
        for f in evidence.fires
    )
    assert prove(replace(evidence, fires=fires)).rung is Rung.RIGHT_CONTENT
