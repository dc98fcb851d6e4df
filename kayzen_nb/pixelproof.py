"""What is proven of one pixel by its fires on a call, or by its silence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kayzen_nb.account import event_of
from kayzen_nb.calls import shows_all_fires
from kayzen_nb.checks import Verdict
from kayzen_nb.firedurl import read_fired_url, sent_values
from kayzen_nb.firedvalue import Fault, shown
from kayzen_nb.ladder import PixelProof, Rung
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from kayzen_nb.calls import CallEvidence, PixelFire
    from kayzen_nb.ladder import KayzenWord
    from kayzen_nb.pixels import PlannedPixel
    from kayzen_nb.privacy import Secret


def expected_events(evidence: CallEvidence) -> dict[Event, bool | None]:
    """Which pixels the call should have fired (the guide); None where the call does not tell.

    A blocked call fires nothing. A duplicate fires as any call does. The Error pixel is expected only where the call's
    log shows an error; without such an entry it is not expected, and firing it then is reported, not failed.
    """
    if evidence.blocked:
        return dict.fromkeys(Event, False)
    error = evidence.error or any("error" in name.casefold() for name in evidence.event_names)
    return {
        Event.INCOMING: None if evidence.blocked is None else True,
        Event.CONNECTED: evidence.connected,
        Event.COMPLETED: evidence.completed,
        Event.CONVERTED: evidence.converted,
        Event.PAYOUT: evidence.paid,
        Event.ERROR: True if error else False if shows_all_fires(evidence) else None,
    }


def is_plain_200(fire: PixelFire) -> bool:
    """Whether the log shows a 200 and no complaint beside it."""
    return fire.status == 200 and not fire.fail_reason.strip()


def prove_pixel(
    planned: PlannedPixel,
    fires: tuple[PixelFire, ...],
    evidence: CallEvidence,
    key: Secret | None,
    word: KayzenWord | None,
    *,
    odd_time: str = "",
) -> PixelProof:
    """Judge one planned pixel by its fires on the call (none: by its silence), and by Kayzen's word."""
    expected = expected_events(evidence)[planned.event]
    judged = (
        _judge_fires(planned, fires, evidence, key, expected, odd_time=odd_time)
        if fires
        else _judge_silence(planned.event, evidence)
    )
    rung, found = _lift(judged.rung, planned.event, word)
    return PixelProof(
        event=planned.event,
        name=planned.name,
        expected=expected,
        fires=fires,
        rung=rung,
        verdict=judged.verdict,
        found="; ".join([judged.found, *found]),
        next_step=judged.next_step,
        faults=judged.faults,
        remarks=judged.remarks,
    )


_DOUBTED = {
    Rung.NOTHING: "though no fire of it is shown here",
    Rung.FIRED: "though no plain 200 is shown here",
    Rung.ANSWERED: "but what was sent is not proven to be as planned",
}


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    rung: Rung
    verdict: Verdict
    found: str
    next_step: str = ""
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()


def _lift(rung: Rung, event: Event, word: KayzenWord | None) -> tuple[Rung, list[str]]:
    """The rung with Kayzen's word, which adds nothing to a pixel that is not right itself."""
    seen_on = word.seen.get(event) if word else None
    if not word or not seen_on:
        return rung, []
    told = f"Kayzen saw it ({word.by}, {seen_on})" if word.by else f"Kayzen saw it ({seen_on})"
    if rung < Rung.RIGHT_CONTENT:
        return rung, [f"{told}, {_DOUBTED[rung]}"]
    if word.counted_on:
        return Rung.COUNTED, [told, f"counted in Kayzen's report ({word.counted_on})"]
    return Rung.SEEN_BY_KAYZEN, [told]


def _judge_silence(event: Event, evidence: CallEvidence) -> _Judgement:
    """What it means that a pixel did not fire."""
    expected = expected_events(evidence)[event]
    if expected and shows_all_fires(evidence):
        step = "Check that this pixel is added to the campaign in Ringba (Campaign > Tracking Pixels), then call again."
        found = "not fired, though the call reached this event"
        return _Judgement(rung=Rung.NOTHING, verdict=Verdict.FAIL, found=found, next_step=step)
    if expected:
        found, step = "no fire in what was shown of the log", "Copy the whole Events tab, or read the call by its id."
        return _Judgement(rung=Rung.NOTHING, verdict=Verdict.UNKNOWN, found=found, next_step=step)
    if expected is None:
        found = "not fired; the call does not tell whether it should have"
        step = "Read the call again later, or by its call id."
        return _Judgement(rung=Rung.NOTHING, verdict=Verdict.UNKNOWN, found=found, next_step=step)
    return _Judgement(rung=Rung.NOTHING, verdict=Verdict.PASS, found=_why_silent(event, evidence))


def _why_silent(event: Event, evidence: CallEvidence) -> str:
    if evidence.blocked:
        return "not fired, as expected: Ringba blocked the call"
    if event is Event.PAYOUT and evidence.converted:
        return "not yet: no payout so far, and not every converted call gets one; look again after a day"
    if event in (Event.COMPLETED, Event.CONVERTED, Event.PAYOUT) and evidence.ended is False:
        return "not yet: the call is still going on, so look again when it has ended"
    if event is Event.ERROR:
        return "not fired, as expected: no routing error"
    return "not fired, as expected for this call"


def _judge_fires(
    planned: PlannedPixel,
    fires: tuple[PixelFire, ...],
    evidence: CallEvidence,
    key: Secret | None,
    expected: bool | None,
    *,
    odd_time: str,
) -> _Judgement:
    """How far the pixel is proven by its fires: a plain 200 counts, whatever came before or after it."""
    answered = [fire for fire in fires if is_plain_200(fire)]
    judged = answered or list(fires[-1:])
    readings = [read_fired_url(planned, fire.url, evidence, key) for fire in judged if fire.url]
    faults = [*_trigger_faults(planned.event, fires, expected), *(f for r in readings for f in r.faults)]
    if odd_time and not any(fault.code == "wrong_time" for fault in faults):
        faults.append(Fault(code="wrong_time", text=odd_time))
    remarks = [*(remark for r in readings for remark in r.remarks), *_repeats(fires)]
    doubts = [*(doubt for r in readings for doubt in r.doubts), *_unseen(judged)]
    base = _Judgement(
        rung=Rung.FIRED,
        verdict=Verdict.FAIL,
        found=_repeats(fires)[0] if len(fires) > 1 else "",
        faults=tuple(dict.fromkeys(faults)),
        remarks=tuple(dict.fromkeys(remarks)),
    )
    if not answered:
        return _judge_status(base, fires[-1])
    if not faults and planned.event is Event.CONVERTED and _has_no_revenue(evidence, answered[-1]):
        return _judge_zero(base)
    return _judge_content(base, list(dict.fromkeys(doubts)))


def _repeats(fires: tuple[PixelFire, ...]) -> list[str]:
    return [f"fired {len(fires)} times"] if len(fires) > 1 else []


def _unseen(judged: list[PixelFire]) -> list[str]:
    return ["the log does not show what was sent"] if any(not fire.url for fire in judged) else []


def _trigger_faults(event: Event, fires: tuple[PixelFire, ...], expected: bool | None) -> list[Fault]:
    """Fires that the call does not explain. A payout may be taken back, and an error be logged under another name."""
    triggers = (event_of(fire.trigger) for fire in fires)
    if other := next((trigger for trigger in triggers if trigger and trigger is not event), None):
        return [Fault(code="wrong_trigger", text=f"it fires on {other}, not on {event}")]
    if expected is False and event in (Event.CONNECTED, Event.COMPLETED, Event.CONVERTED):
        return [Fault(code="wrong_trigger", text=f"it fired though the call was not {event}")]
    return []


def _has_no_revenue(evidence: CallEvidence, fire: PixelFire) -> bool:
    """Whether a converted call earned nothing, by Ringba's own word or by what was sent."""
    if not evidence.converted:
        return False
    sent = sent_values(fire.url).get("conversion_amount", "")
    return evidence.revenue_usd_micros == 0 or (evidence.revenue_usd_micros is None and sent in ("0", "0.0", "0.00"))


def _judge_zero(base: _Judgement) -> _Judgement:
    found = "answered 200 with the planned content, but the revenue is 0.00"
    step = "Set the conversion amount in the campaign's routing in Ringba; Ringba support can help."
    fault = Fault(code="zero_revenue", text="the call converted with a revenue of 0.00")
    return replace(base, rung=Rung.RIGHT_CONTENT, found=_joined(found, base.found), next_step=step, faults=(fault,))


def _judge_status(base: _Judgement, fire: PixelFire) -> _Judgement:
    """A fire without a plain 200: nothing beyond having fired is proven."""
    reason = f": {shown(fire.fail_reason)}" if fire.fail_reason else ""
    if fire.status is None and not reason:
        found, verdict, step = "fired, but the log holds no status", Verdict.UNKNOWN, "Read the log again later."
    else:
        answered = f"answered {fire.status}" if fire.status else "got no answer"
        found, verdict = f"fired, {answered}{reason}", Verdict.FAIL
        step = "Compare the URL with the plan; if it is right, send Kayzen support the evidence pack."
    if base.faults:
        step = "Correct the pixel in Ringba (notebook 01 shows it), then place another test call."
    found = _joined(found, *(fault.text for fault in base.faults), base.found)
    return replace(base, verdict=verdict, found=found, next_step=step)


def _judge_content(base: _Judgement, doubts: list[str]) -> _Judgement:
    if base.faults:
        found = _joined("answered 200 with wrong content: " + "; ".join(f.text for f in base.faults), base.found)
        step = "Correct the pixel in Ringba (notebook 01 shows it), then place another test call."
        return replace(base, rung=Rung.ANSWERED, found=found, next_step=step)
    if doubts:
        found, step = _joined("answered 200", *doubts, base.found), "Read the call from Ringba's API, or copy it again."
        return replace(base, rung=Rung.ANSWERED, verdict=Verdict.UNKNOWN, found=found, next_step=step)
    found = _joined("answered 200 with the planned content", base.found)
    return replace(base, rung=Rung.RIGHT_CONTENT, verdict=Verdict.PASS, found=found)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
