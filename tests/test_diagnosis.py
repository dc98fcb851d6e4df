"""From a call's evidence to named causes: planted cause in, named cause out, and nothing beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kayzen_nb.account import AccountSetup, Campaign, ConversionRule, PayoutRule, TrackingNumber
from kayzen_nb.causes import KINDS, Certainty
from kayzen_nb.diagnosis import diagnose, sentence
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.testcall import check_test_call
from kayzen_nb.vocabulary import Event
from tests.test_testcall import KEY, call, fire

PLAN = build_plan()
AT = datetime(2026, 11, 1, 21, 48, 6, tzinfo=UTC)
CAMPAIGN = "CA1"


def evidence(**changes):
    known = {"call_at": AT, "campaign": "CTV", "campaign_id": CAMPAIGN, "ended": True, "state": "CO", "error": False}
    return call(**(known | changes))


def setup(*, attached=tuple(Event), created=tuple(Event), **campaign):
    pixels = tuple(replace(p, id=f"EV{p.event}") for p in render(PLAN, KEY) if p.event in created)
    known = {
        "attached_pixel_ids": tuple(f"EV{event}" for event in attached),
        "conversion_rules": (
            ConversionRule(target="A", kind="callLength", revenue_usd_micros=27_000_000, after_s=120),
        ),
        "payout_rules": (PayoutRule(kind="convertedCall", payout_usd_micros=20_000_000),),
        "enabled": True,
    }
    one = Campaign(id=CAMPAIGN, name="CTV", **(known | campaign))
    numbers = (TrackingNumber(number="+18885550122", campaign_id=CAMPAIGN, enabled=True),)
    return AccountSetup(campaigns=(one,), numbers=numbers, pixels=pixels, read_at=AT)


def causes_of(found, account=None):
    return diagnose(check_test_call(found, PLAN, KEY), found, PLAN, KEY, account)


def codes(found, account=None):
    return [cause.code for cause in causes_of(found, account)]


def with_fires(change):
    known = evidence()
    return replace(known, fires=tuple(change(f) for f in known.fires))


def test_a_healthy_call_names_nothing():
    assert codes(evidence(), setup()) == []
    assert sentence([], check_test_call(evidence(), PLAN, KEY)) == "Nothing is wrong with this call."


def test_the_copied_guide_is_one_cause_not_six():
    found = evidence(profile="as_published")
    (cause,) = causes_of(found)
    assert (cause.code, cause.certainty) == ("guide_copied", Certainty.SEEN)
    assert cause.events == (Event.CONNECTED, Event.COMPLETED, Event.CONVERTED, Event.PAYOUT)
    assert cause.kind.faq.startswith("What should I do if the call event")


def test_one_pixel_left_at_incoming_is_a_wrong_name_not_a_copied_guide():
    def leave(one):
        return replace(one, url=one.url.replace("app_event=payout", "app_event=incoming"))

    assert codes(with_fires(leave)) == ["wrong_event_name"]


def test_a_silent_pixel_is_likely_not_added_where_ringba_does_not_tell():
    (cause,) = causes_of(evidence(events=tuple(Event)[:3] + tuple(Event)[4:5]))
    assert (cause.code, cause.certainty, cause.events) == ("pixel_not_attached", Certainty.LIKELY, (Event.CONVERTED,))


@pytest.mark.parametrize(
    ("account", "code", "certainty"),
    [
        ({"attached": [e for e in Event if e is not Event.CONVERTED]}, "pixel_not_attached", Certainty.SEEN),
        ({"created": [e for e in Event if e is not Event.CONVERTED]}, "pixel_not_created", Certainty.SEEN),
        ({}, "did_not_fire", Certainty.LIKELY),
    ],
)
def test_a_silent_pixel_is_explained_by_what_the_account_shows(account, code, certainty):
    silent = evidence(events=(Event.INCOMING, Event.CONNECTED, Event.COMPLETED, Event.PAYOUT))
    (cause,) = causes_of(silent, setup(**account))
    assert (cause.code, cause.certainty, cause.events) == (code, certainty, (Event.CONVERTED,))


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (401, "", "refused_key"), (403, "", "refused_key"), (400, "", "refused_request"), (404, "", "refused_request"),
        (429, "", "too_many_requests"), (500, "", "endpoint_failed"), (503, "", "endpoint_failed"),
        (301, "", "redirected"), (302, "", "redirected"), (204, "", "not_the_documented_answer"),
        (200, "error: unknown key", "not_the_documented_answer"), (None, "timeout", "no_answer"), (0, "", "no_answer"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_plain_200_is_named_by_its_kind(status, reason, code):
    broken = with_fires(lambda one: replace(one, status=status, fail_reason=reason))
    assert codes(broken) == [code]


def test_a_placeholder_explains_a_403_alone():
    def leave(one):
        return replace(one, url=one.url.replace("0123abcd", "KAYZEN_PROVIDED"), status=403)

    assert codes(with_fires(leave)) == ["key_placeholder"]


def test_two_faults_of_different_kinds_are_both_named_the_surer_first():
    silent = evidence(events=(Event.INCOMING, Event.CONNECTED, Event.COMPLETED, Event.PAYOUT))
    broken = replace(silent, fires=(replace(silent.fires[0], status=500), *silent.fires[1:]))
    assert codes(broken) == ["endpoint_failed", "pixel_not_attached"]


def test_missing_conversion_rules_are_named_and_not_the_call_blamed():
    found = evidence(events=tuple(Event)[:3], converted=False, paid=False, revenue_usd_micros=None, connected_s=300)
    assert codes(found, setup(conversion_rules=())) == ["no_conversion_rule"]


@pytest.mark.parametrize(
    ("changes", "account", "code"),
    [
        ({"blocked": True, "block_reason": "Spam", "events": ()}, None, "blocked"),
        ({"connected": False, "events": tuple(Event)[:1]}, None, "not_connected"),
        ({"connected": False, "ended": False, "events": tuple(Event)[:1]}, None, "still_live"),
        ({"events": tuple(Event)[:3], "connected_s": 40}, setup(), "below_threshold"),
        ({"events": tuple(Event)[:3], "connected_s": 400}, setup(), "not_converted"),
        ({"events": tuple(Event)[:3], "is_duplicate": True, "connected_s": 400}, setup(), "duplicate_call"),
        ({"events": tuple(Event)[:4], "converted": True, "revenue_usd_micros": 27_000_000}, None, "no_payout_yet"),
    ],
)
def test_what_explains_a_missing_event_is_named_and_is_no_fault(changes, account, code):
    base = {"converted": False, "paid": False, "revenue_usd_micros": None}
    if not changes.get("connected", True) or changes.get("blocked"):
        base |= {"connected": False, "completed": False}
    found = evidence(**(base | changes))
    if changes.get("is_duplicate"):
        found = replace(found, fires=tuple(replace(f, url=f.url.replace("=false", "=true")) for f in found.fires))
    causes = causes_of(found, account)
    assert [cause.code for cause in causes] == [code]
    assert not causes[0].kind.is_fault


def test_late_repeated_and_odd_fires_are_told_and_not_faults():
    known = evidence(happened_at={Event.INCOMING: AT})
    late = replace(known.fires[0], fired_at=AT + timedelta(minutes=11))
    assert codes(replace(known, fires=(late, *known.fires[1:]))) == ["late_fire"]
    known = evidence()
    assert codes(replace(known, fires=(*known.fires, known.fires[0]))) == ["repeated_fire"]
    odd = tuple(replace(f, fired_at=AT - timedelta(seconds=n)) for n, f in enumerate(known.fires))
    assert codes(replace(known, fires=odd)) == ["odd_order"]


def test_a_second_pixel_for_the_same_event_is_named():
    known = evidence()
    twin = replace(fire(Event.CONNECTED), pixel_name="Connected again")
    assert codes(replace(known, fires=(*known.fires, twin))) == ["pixel_doubled"]


def test_no_cause_is_said_so():
    unread = with_fires(lambda one: replace(one, status=None))
    proof = check_test_call(unread, PLAN, KEY)
    assert diagnose(proof, unread, PLAN, KEY) == []
    assert sentence([], proof).startswith("Not enough was shown to tell")
    silent = evidence(events=())
    assert sentence([], check_test_call(silent, PLAN, KEY)).startswith("No cause was found")


def test_neither_key_nor_number_stands_in_a_cause():
    broken = with_fires(lambda one: replace(one, url=one.url.replace("%2b13035550123", "13035550199"), status=403))
    text = str(causes_of(broken, setup()))
    assert "5550" not in text
    assert "0123abcd" not in text


def test_every_question_of_the_guides_faq_has_a_cause():
    asked = {kind.faq for kind in KINDS.values() if kind.faq}
    assert len(asked) == 6
