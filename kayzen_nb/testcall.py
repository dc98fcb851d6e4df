"""How far one test call is proven, pixel by pixel.

The ladder: 0 nothing, 1 fired, 2 answered 200, 3 right content, 4 seen by Kayzen, 5 counted in Kayzen's report. A 200
proves receipt and nothing more; rungs 4 and 5 need Kayzen's word and are never claimed here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.pixels import ENDPOINT, PLACEHOLDER_KEY, Plan
from kayzen_nb.privacy import mask_phone
from kayzen_nb.vocabulary import MICROS, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.calls import CallEvidence, PixelFire
    from kayzen_nb.pixels import PlannedPixel
    from kayzen_nb.privacy import Secret


class Rung(IntEnum):
    """How far a test call, or one of its pixels, is proven."""

    NOTHING = 0
    FIRED = 1
    ANSWERED = 2
    RIGHT_CONTENT = 3
    SEEN_BY_KAYZEN = 4
    COUNTED = 5


RUNG_WORDS = {
    Rung.NOTHING: "nothing is proven",
    Rung.FIRED: "fired",
    Rung.ANSWERED: "answered 200",
    Rung.RIGHT_CONTENT: "right content",
    Rung.SEEN_BY_KAYZEN: "seen by Kayzen",
    Rung.COUNTED: "counted in Kayzen's report",
}


@dataclass(frozen=True, kw_only=True)
class PixelProof:
    """What is proven of one pixel. ``expected`` is None when the call does not tell whether it should have fired."""

    event: Event
    name: str
    expected: bool | None
    fires: tuple[PixelFire, ...]
    rung: Rung
    verdict: Verdict
    found: str
    next_step: str = ""


@dataclass(frozen=True, kw_only=True)
class TestCallProof:
    """What is proven of a call: its pixels, the lowest rung among those that count, and fires of other pixels."""

    __test__ = False  # pytest: this is not a test class

    call_id: str
    pixels: tuple[PixelProof, ...]
    rung: Rung
    strangers: tuple[PixelFire, ...]

    @property
    def checks(self) -> list[Check]:
        """One check a pixel."""
        return [
            Check(
                name=f"pixel {proof.event}",
                verdict=proof.verdict,
                expected=_expectation(proof.expected),
                found=proof.found,
                next_step=proof.next_step,
            )
            for proof in self.pixels
        ]


def check_test_call(evidence: CallEvidence, plan: Plan, key: Secret | None) -> TestCallProof:
    """Compare the pixel fires of a call with what the plan and the call itself let expect.

    Without a key the fired keys are not compared, beyond refusing the guide's placeholder.
    """
    pixels = tuple(_prove(planned, evidence, key) for planned in plan.pixels)
    counted = [proof.rung for proof in pixels if proof.expected or proof.fires]
    names = {planned.name.casefold() for planned in plan.pixels}
    strangers = tuple(fire for fire in evidence.fires if fire.pixel_name.strip().casefold() not in names)
    rung = min(counted, default=Rung.NOTHING)
    return TestCallProof(call_id=evidence.call_id, pixels=pixels, rung=rung, strangers=strangers)


def all_checks(proof: TestCallProof) -> list[Check]:
    """The pixels' checks, and whether any foreign pixel fired on the call."""
    strangers = ", ".join(sorted({fire.pixel_name for fire in proof.strangers}))
    return [
        *proof.checks,
        Check(
            name="at least one pixel fired",
            verdict=Verdict.PASS if any(p.fires for p in proof.pixels) else Verdict.FAIL,
            expected="pixel fires of the plan in the call's log",
            found=f"{sum(len(p.fires) for p in proof.pixels)} fires"
            + (f"; other pixels on this call: {strangers}" if strangers else ""),
            next_step="" if any(p.fires for p in proof.pixels) else "Add the six pixels to the campaign, and save it.",
        ),
    ]


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
    return f"{rung}: all {fired} expected pixels are right. Only Kayzen can say that it counted them."


def expected_events(evidence: CallEvidence) -> dict[Event, bool | None]:
    """Which pixels the call should have fired (the guide); None where the call does not tell.

    A blocked call fires nothing. The Error pixel is expected only where the call's log shows an error; without such an
    entry it is not expected, and firing it then is reported, not failed.
    """
    incoming = None if evidence.blocked is None else not evidence.blocked
    return {
        Event.INCOMING: incoming,
        Event.CONNECTED: evidence.connected,
        Event.COMPLETED: evidence.completed,
        Event.CONVERTED: evidence.converted,
        Event.PAYOUT: evidence.paid,
        Event.ERROR: any("error" in name.casefold() for name in evidence.event_names),
    }


def _prove(planned: PlannedPixel, evidence: CallEvidence, key: Secret | None) -> PixelProof:
    name = planned.name.casefold()
    fires = tuple(fire for fire in evidence.fires if fire.pixel_name.strip().casefold() == name)
    expected = expected_events(evidence)[planned.event]
    if fires:
        rung, verdict, found, next_step = _judge_fires(planned, fires, evidence, key)
        found += "; fired though the call does not show this event" if expected is False else ""
    else:
        rung, (verdict, found, next_step) = Rung.NOTHING, _judge_silence(planned.event, expected)
    return PixelProof(
        event=planned.event,
        name=planned.name,
        expected=expected,
        fires=fires,
        rung=rung,
        verdict=verdict,
        found=found,
        next_step=next_step,
    )


def _judge_silence(event: Event, expected: bool | None) -> tuple[Verdict, str, str]:
    """What it means that a pixel did not fire."""
    if expected is None:
        return Verdict.UNKNOWN, "not fired; the call does not tell whether it should have", "Read the call again later."
    if expected:
        step = "Check that this pixel is added to the campaign in Ringba (Campaign > Tracking Pixels), then call again."
        return Verdict.FAIL, "not fired, though the call reached this event", step
    if event is Event.PAYOUT:
        return Verdict.PASS, "not fired: no payout yet, and not every converted call gets one", ""
    return Verdict.PASS, "not fired, as expected for this call", ""


def _judge_fires(
    planned: PlannedPixel, fires: tuple[PixelFire, ...], evidence: CallEvidence, key: Secret | None
) -> tuple[Rung, Verdict, str, str]:
    """How far the pixel is proven by its last fire; repeats are told, not failed."""
    last = fires[-1]
    repeats = f"; fired {len(fires)} times" if len(fires) > 1 else ""
    if last.status is None:
        return Rung.FIRED, Verdict.UNKNOWN, f"fired, but the log holds no status{repeats}", "Read the log again later."
    if last.status != 200:
        found = f"fired, answered {last.status}{': ' + last.fail_reason if last.fail_reason else ''}{repeats}"
        step = "Compare the URL with the plan; if it is right, send Kayzen support the pixel-fire log and the call id."
        return Rung.FIRED, Verdict.FAIL, found, step
    if faults := list(_content_faults(planned, last, evidence, key)):
        step = "Correct the pixel's URL in Ringba (notebook 01 shows it), then place another test call."
        return Rung.ANSWERED, Verdict.FAIL, f"answered 200 with wrong content: {'; '.join(faults)}{repeats}", step
    return Rung.RIGHT_CONTENT, Verdict.PASS, f"answered 200 with the planned content{repeats}", ""


def _content_faults(
    planned: PlannedPixel, fire: PixelFire, evidence: CallEvidence, key: Secret | None
) -> Iterator[str]:
    """Everything in the fired URL that is not what the plan and the call let expect, without quoting secrets."""
    address, _, query = fire.url.partition("?")
    if address != ENDPOINT:
        yield f"sent to {urlsplit(fire.url).netloc or 'no host'}, not to {urlsplit(ENDPOINT).netloc}"
    sent = dict(parse_qsl(query, keep_blank_values=True))
    for parameter in planned.parameters:
        value = sent.get(parameter.name)
        if value is None:
            yield f"{parameter.name} is missing"
        elif fault := _value_fault(parameter.name, value, parameter.value, evidence, key):
            yield fault


# An anonymous or toll-free caller has no state, and an Error call no flags: empty is not a fault there (ringba.md 5.4).
_MAY_BE_EMPTY = frozenset({"caller_state", "is_duplicate"})


def _value_fault(name: str, value: str, planned: str, evidence: CallEvidence, key: Secret | None) -> str:
    """What is wrong with one value, or nothing."""
    if not value:
        return "" if name in _MAY_BE_EMPTY else f"{name} is empty"
    if "[" in value:
        return f"{name} still holds an unfilled token"
    if name == "api_key":
        return _key_fault(value, key)
    if not planned.startswith("["):
        return "" if value == planned else f"{name}={value}, not {planned}"
    return _token_fault(name, value, evidence)


def _key_fault(value: str, key: Secret | None) -> str:
    if value == PLACEHOLDER_KEY:
        return "the key is still the placeholder of the guide"
    return "the key is not the one set here (KAYZEN_API_KEY)" if key and value != key.reveal() else ""


def _token_fault(name: str, value: str, evidence: CallEvidence) -> str:
    """Compare a filled token with the call itself; what the call does not know is not compared."""
    if name == "call_id":
        return "" if value == evidence.call_id else "call_id is another call's"
    if name in ("caller_id", "number"):
        return _number_fault(name, value, evidence.caller if name == "caller_id" else evidence.number)
    if name == "conversion_amount":
        return _amount_fault(value, evidence.revenue_usd_micros)
    if name == "is_duplicate" and evidence.is_duplicate is not None:
        told = value.casefold() in ("true", "yes", "1")
        return "" if told == evidence.is_duplicate else f"is_duplicate={value}, but the call says otherwise"
    return ""


def _number_fault(name: str, value: str, actual: str | None) -> str:
    """Compare digits only: a + may arrive as +, as a space, or not at all."""
    digits = re.sub(r"\D", "", value)
    if not actual:
        return "" if len(digits) >= 7 else f"{name} is not a phone number"
    return "" if digits[-10:] == re.sub(r"\D", "", actual)[-10:] else f"{name} is {mask_phone(value)}, another number"


def _amount_fault(value: str, revenue_usd_micros: int | None) -> str:
    try:
        sent = Decimal(value)
    except InvalidOperation:
        return f"conversion_amount={value} is not an amount"
    if revenue_usd_micros is None or sent * MICROS == revenue_usd_micros:
        return ""
    return f"conversion_amount={value}, but Ringba's revenue is {Decimal(revenue_usd_micros) / MICROS:.2f} now"


def _expectation(expected: bool | None) -> str:
    return {True: "fired, 200, planned content", False: "not fired", None: "unknown"}[expected]
