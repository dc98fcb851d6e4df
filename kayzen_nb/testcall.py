"""One test call against the plan: which pixels fired as they should, which did not, and what to ask Kayzen.

A 200 proves receipt and nothing more; what ``ladder`` calls rungs 4 and 5 needs Kayzen's word.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from kayzen_nb.account import event_of
from kayzen_nb.calltime import read_times
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.firedurl import sent_values
from kayzen_nb.ladder import RUNG_WORDS, KayzenWord, PixelProof, Rung, TestCallProof
from kayzen_nb.pixelproof import expected_events, is_plain_200, prove_pixel
from kayzen_nb.pixels import ENDPOINT
from kayzen_nb.privacy import mask_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from kayzen_nb.calls import CallEvidence, PixelFire
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.vocabulary import Event

_SAME_TIME = timedelta(seconds=30)

__all__ = [
    "RUNG_WORDS",
    "KayzenWord",
    "PixelProof",
    "Rung",
    "TestCallProof",
    "all_checks",
    "check_test_call",
    "expected_events",
    "headline",
    "is_plain_200",
    "match_fires",
    "question",
    "remarks_of",
]


def check_test_call(
    evidence: CallEvidence, plan: Plan, key: Secret | None, word: KayzenWord | None = None
) -> TestCallProof:
    """Compare the pixel fires of a call with what the plan and the call itself let expect.

    Without a key the fired keys are not compared, beyond refusing the guide's placeholder. ``word`` is Kayzen's, where
    there is one.
    """
    matched, strangers = match_fires(evidence.fires, plan)
    odd = odd_times(matched, plan)
    pixels = tuple(
        prove_pixel(planned, matched[planned.event], evidence, key, word, odd_time=odd.get(planned.event, ""))
        for planned in plan.pixels
    )
    counted = [proof.rung for proof in pixels if proof.expected or proof.fires]
    rung = min(counted, default=Rung.NOTHING)
    if any(proof.verdict is Verdict.UNKNOWN for proof in pixels):
        rung = min(rung, Rung.RIGHT_CONTENT)  # Kayzen's word about a part is no word about the call
    return TestCallProof(call_id=evidence.call_id, pixels=pixels, rung=rung, strangers=strangers)


def odd_times(matched: Mapping[Event, tuple[PixelFire, ...]], plan: Plan) -> dict[Event, str]:
    """The pixels whose call time differs from most of the others': it is one call, so it has one time.

    That a token gives the same value to all pixels of a call is inferred (``kayzen.md`` 0). Two that differ tell
    nothing about which is wrong, so at least two must agree.
    """
    moments: dict[Event, datetime] = {}
    for event, fires in matched.items():
        name = next((p.name for p in plan.pixel(event).parameters if p.value == "[Call:CallDateTime]"), "")
        readings = read_times(sent_values(fires[-1].url).get(name, "")) if fires else ()
        if readings:
            moments[event] = readings[0].moment.replace(tzinfo=None)
    near = {a: sum(abs(b - moments[a]) <= _SAME_TIME for b in moments.values()) for a in moments}
    most = max(near, key=lambda event: near[event], default=None)
    if most is None or near[most] < 2:
        return {}
    return {
        event: "event_ts differs from the other pixels' of the same call"
        for event, moment in moments.items()
        if abs(moment - moments[most]) > _SAME_TIME
    }


def match_fires(
    fires: tuple[PixelFire, ...], plan: Plan
) -> tuple[dict[Event, tuple[PixelFire, ...]], tuple[PixelFire, ...]]:
    """The fires of each planned pixel, and those of none.

    By what trigger and app_event agree on, else by the pixel's name; a pixel that was given another name is known by
    its trigger, or else by what it tells Kayzen, as long as no pixel of the planned name fired.
    """
    names = {_plain(planned.name): planned.event for planned in plan.pixels}
    told = {planned.value("app_event"): planned.event for planned in plan.pixels}
    by_name: dict[Event, list[PixelFire]] = {planned.event: [] for planned in plan.pixels}
    others: dict[Event | None, list[PixelFire]] = {}
    for fire in fires:
        if event := _agreed_event(fire, told) or names.get(_plain(fire.pixel_name)):
            by_name[event].append(fire)
        else:
            others.setdefault(_guess_event(fire, told), []).append(fire)
    strangers = others.pop(None, [])
    for event, found in others.items():
        if event is not None and not by_name.get(event):
            by_name[event] = found
        else:
            strangers += found
    return {event: tuple(found) for event, found in by_name.items()}, tuple(strangers)


def all_checks(proof: TestCallProof) -> list[Check]:
    """The pixels' checks, and whether any of them fired at all: a call that was not to fire any proves nothing."""
    return [*proof.checks, _check_any(proof)]


def _check_any(proof: TestCallProof) -> Check:
    fires = sum(len(pixel.fires) for pixel in proof.pixels)
    awaited = any(pixel.expected is not False for pixel in proof.pixels)
    strangers = ", ".join(sorted({mask_url(fire.pixel_name) or "without a name" for fire in proof.strangers}))
    if fires:
        verdict, step = Verdict.PASS, ""
    elif awaited:
        verdict, step = Verdict.FAIL, "Add the six pixels to the campaign, and save it."
    else:
        verdict, step = Verdict.UNKNOWN, "This call was not to fire any pixel; place another test call."
    return Check(
        name="at least one pixel fired",
        verdict=verdict,
        expected="pixel fires of the plan in the call's log",
        found=f"{fires} fires" + (f"; other pixels on this call: {strangers}" if strangers else ""),
        next_step=step,
    )


def question(proof: TestCallProof) -> str:
    """The message to the Kayzen account manager that would prove the rungs that only Kayzen can prove."""
    sent = ", ".join(p.event.value for p in proof.pixels if p.fires) or "none"
    return (
        f"Hello, we placed a test call; its inbound call id (call_id) is {proof.call_id}. Ringba fired these pixels: "
        f"{sent}. Could you confirm which events you received for this call id, under which names and with which "
        "amounts, and whether they count in the campaign's report? Thank you."
    )


def headline(proof: TestCallProof) -> str:
    """The rung reached and the first break, in one sentence."""
    rung = f"Rung {proof.rung.value} of 5 ({RUNG_WORDS[proof.rung]})"
    broken = [p for p in proof.pixels if p.verdict is Verdict.FAIL]
    if broken:
        others = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        return f"{rung}: the {broken[0].event} pixel breaks first ({broken[0].found}){others}."
    unknown = [p for p in proof.pixels if p.verdict is Verdict.UNKNOWN]
    if unknown:
        return f"{rung}, but the {unknown[0].event} pixel is unknown: {unknown[0].found}."
    fired = sum(bool(p.fires) for p in proof.pixels)
    last = "Only Kayzen can say that it counted them." if proof.rung < Rung.SEEN_BY_KAYZEN else "By Kayzen's own word."
    return f"{rung}: all {fired} expected pixels are right. {last}"


def remarks_of(proof: TestCallProof) -> Iterator[tuple[Event, str]]:
    """Everything worth knowing that is no fault, with the pixel it concerns."""
    for pixel in proof.pixels:
        for remark in pixel.remarks:
            yield pixel.event, remark


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _agreed_event(fire: PixelFire, told: Mapping[str | None, Event]) -> Event | None:
    """The event on which trigger and app_event agree: then the pixel's name, which Kayzen never sees, says nothing."""
    event = event_of(fire.trigger)
    return event if event and told.get(sent_values(fire.url).get("app_event")) is event else None


def _guess_event(fire: PixelFire, told: Mapping[str | None, Event]) -> Event | None:
    """The event of a pixel under another name; None for a pixel that has nothing to do with Kayzen."""
    if fire.url.partition("?")[0] != ENDPOINT and "app_event=" not in fire.url and fire.url:
        return None
    return event_of(fire.trigger, fire.pixel_name) or told.get(sent_values(fire.url).get("app_event"))
