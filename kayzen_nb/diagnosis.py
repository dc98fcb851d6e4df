"""Why a test call did not prove everything: causes with the evidence that led to each, the likeliest first.

More than one cause may hold. A cause that another one explains is left out: a 403 beside a placeholder key needs no
second name. What the account's set-up shows (``audit``) is *seen*; without it a silent pixel is *likely* not added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kayzen_nb.audit import audit_campaign
from kayzen_nb.causes import Cause, Certainty, by_likelihood
from kayzen_nb.explanations import explain_call
from kayzen_nb.firedurl import sent_values
from kayzen_nb.pixelproof import is_plain_200
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kayzen_nb.account import AccountSetup
    from kayzen_nb.calls import CallEvidence, PixelFire
    from kayzen_nb.ladder import PixelProof, TestCallProof
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

# A fault of the request explains how it was answered; a second cause for the answer would only confuse.
_EXPLAINS_ANSWER = frozenset(
    {"key_placeholder", "key_missing", "key_differs", "url_damaged", "wrong_address", "badly_encoded"}
)
# If the left one is named, the right ones are its consequences: for any pixel, or for the same pixel only.
_FOLLOWS = {
    "guide_copied": {"wrong_event_name", "amount_missing", "pixel_differs"},
    "zero_conversion_value": {"zero_revenue"},
    "no_conversion_rule": {"not_converted", "zero_conversion_value"},
    "campaign_disabled": {"did_not_fire"},
    "no_payout_rule": {"no_payout_yet"},
}
_FOLLOWS_IN_PIXEL = {
    "pixel_not_created": {"pixel_not_attached", "did_not_fire"},
    "pixel_disabled": {"pixel_not_attached", "did_not_fire"},
    "pixel_not_attached": {"did_not_fire"},
    "wrong_trigger": {"token_blank", "amount_differs", "zero_revenue", "did_not_fire", "pixel_not_attached"},
    "token_unfilled": {"badly_encoded"},
    "pixel_differs": {"refused_request"},
}
# What the audit says of a pixel's URL, and a fired URL shows exactly.
_SENT = _EXPLAINS_ANSWER | {"wrong_event_name", "wrong_value", "token_unfilled", "token_blank", "amount_missing"}
# How a request was answered says nothing exact about the pixel itself.
_ANSWERS = frozenset(
    {"refused_key", "refused_request", "redirected", "too_many_requests", "endpoint_failed", "no_answer"}
)


def diagnose(
    proof: TestCallProof, evidence: CallEvidence, plan: Plan, key: Secret | None, setup: AccountSetup | None = None
) -> list[Cause]:
    """Every cause that the evidence names, faults first, the likeliest first. Empty: no cause was found."""
    exact = frozenset(pixel.event for pixel in proof.pixels if pixel.faults)
    audited = _audit(setup, evidence, plan, key, exact)
    found = [
        *_content_causes(proof, plan),
        *_answer_causes(proof),
        *_silence_causes(proof, audited, setup),
        *_doubled_causes(proof),
        *audited,
        *explain_call(evidence, proof, setup),
    ]
    return by_likelihood(_without_consequences(_merge(found)))


def sentence(causes: Sequence[Cause], proof: TestCallProof) -> str:
    """The diagnosis in one sentence."""
    faults = [cause for cause in causes if cause.kind.is_fault]
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        return f"{_words(faults[0].certainty)}: {faults[0].kind.title}{more}. Next: {faults[0].kind.fix}"
    if all(pixel.verdict == "pass" for pixel in proof.pixels):
        return (
            "No fault was found. What is worth knowing stands below." if causes else "Nothing is wrong with this call."
        )
    if not any(pixel.verdict == "fail" for pixel in proof.pixels):
        return "Not enough was shown to tell. Copy the whole Events tab, or read the call by its id."
    return "No cause was found in what was read. Send the evidence pack to Kayzen support, and ask."


def _words(certainty: Certainty) -> str:
    return {Certainty.SEEN: "Seen", Certainty.LIKELY: "Most likely", Certainty.POSSIBLE: "Possibly"}[certainty]


def _audit(
    setup: AccountSetup | None, evidence: CallEvidence, plan: Plan, key: Secret | None, exact: frozenset[Event]
) -> list[Cause]:
    """The faults that the set-up shows; of what a pixel sends, only where the call does not show it exactly."""
    if setup is None or not (evidence.campaign or evidence.campaign_id):
        return []
    audit = audit_campaign(setup, evidence.campaign_id or evidence.campaign or "", plan, key)
    faults = [cause for cause in audit.causes if cause.kind.is_fault]
    kept = [replace(c, events=tuple(e for e in c.events if e not in exact)) if c.code in _SENT else c for c in faults]
    return [cause for cause, before in zip(kept, faults, strict=True) if cause.events or not before.events]


def _content_causes(proof: TestCallProof, plan: Plan) -> Iterator[Cause]:
    """What was wrong in the fired URLs, by cause."""
    copied = _copied_guide(proof, plan)
    if copied:
        text = f"app_event=incoming was sent by the pixels of {', '.join(copied)}"
        yield Cause(code="guide_copied", evidence=text, events=tuple(copied))
    for pixel in proof.pixels:
        for fault in pixel.faults:
            yield Cause(code=fault.code, evidence=f"{pixel.event}: {fault.text}", events=(pixel.event,))


def _copied_guide(proof: TestCallProof, plan: Plan) -> list[Event]:
    """The pixels that say incoming where the plan has another name, when it is all of them and more than one."""
    incoming = plan.pixel(Event.INCOMING).value("app_event")
    others = [p for p in proof.pixels if p.fires and plan.pixel(p.event).value("app_event") != incoming]
    saying = [p.event for p in others if sent_values(p.fires[-1].url).get("app_event") == incoming]
    return saying if len(saying) > 1 and len(saying) == len(others) else []


def _answer_causes(proof: TestCallProof) -> Iterator[Cause]:
    """How requests were answered, where nothing in them explains it."""
    for pixel in proof.pixels:
        if not pixel.fires or any(map(is_plain_200, pixel.fires)):
            continue
        if _EXPLAINS_ANSWER.isdisjoint(fault.code for fault in pixel.faults) and (code := _answer_code(pixel)):
            yield Cause(code=code, evidence=f"{pixel.event}: {pixel.found}", events=(pixel.event,))


def _answer_code(pixel: PixelProof) -> str:
    last = pixel.fires[-1]
    status = last.status
    if status is None or status < 100:
        return "no_answer" if last.fail_reason or status is not None else ""
    named = {401: "refused_key", 403: "refused_key", 429: "too_many_requests"}
    by_class = {2: "not_the_documented_answer", 3: "redirected", 4: "refused_request", 5: "endpoint_failed"}
    return named.get(status) or by_class.get(status // 100, "not_the_documented_answer")


def _silence_causes(proof: TestCallProof, audited: Iterable[Cause], setup: AccountSetup | None) -> Iterator[Cause]:
    """Why an expected pixel did not fire: what the set-up shows, or else what is likeliest."""
    silent = [pixel.event for pixel in proof.pixels if pixel.expected and not pixel.fires]
    silencers = {"pixel_not_created", "pixel_disabled", "pixel_not_attached", "wrong_trigger", "campaign_disabled"}
    shown = {event for cause in audited if cause.code in silencers for event in cause.events}
    left = tuple(event for event in silent if event not in shown)
    if not left:
        return
    names = ", ".join(left)
    if _attached_known(setup):
        yield Cause(
            code="did_not_fire",
            evidence=f"{names}: expected, on the campaign, and silent",
            certainty=Certainty.LIKELY,
            events=left,
        )
    else:
        text = f"{names}: expected, and silent; Ringba did not say which pixels the campaign has"
        yield Cause(code="pixel_not_attached", evidence=text, certainty=Certainty.LIKELY, events=left)


def _attached_known(setup: AccountSetup | None) -> bool:
    return bool(setup and any(c.attached_pixel_ids is not None for c in setup.campaigns or ()))


def _doubled_causes(proof: TestCallProof) -> Iterator[Cause]:
    """Other pixels on the call that tell Kayzen of an event which a planned pixel already tells."""
    told = {sent_values(p.fires[-1].url).get("app_event"): p.event for p in proof.pixels if p.fires}
    for fire in proof.strangers:
        event = told.get(_app_event(fire))
        if event:
            text = f"{event}: also sent by the pixel {fire.pixel_name!r}"
            yield Cause(code="pixel_doubled", evidence=text, events=(event,))


def _app_event(fire: PixelFire) -> str:
    return sent_values(fire.url).get("app_event", "")


def _merge(causes: Iterable[Cause]) -> list[Cause]:
    """One cause a code: evidence and events put together, the surest certainty kept."""
    merged: dict[str, Cause] = {}
    for cause in causes:
        known = merged.get(cause.code)
        if known is None:
            merged[cause.code] = cause
            continue
        texts = dict.fromkeys([*known.evidence.split("\n"), *cause.evidence.split("\n")])
        merged[cause.code] = replace(
            known,
            evidence="\n".join(texts),
            certainty=min(known.certainty, cause.certainty, key=list(Certainty).index),
            events=tuple(event for event in Event if event in {*known.events, *cause.events}),
        )
    return list(merged.values())


def _without_consequences(causes: list[Cause]) -> list[Cause]:
    """Without causes that a named one explains, and without the audit's general word where the call is exact."""
    explained = {code for cause in causes for code in _FOLLOWS.get(cause.code, ())}
    kept = [cause for cause in causes if cause.code not in explained]
    exact = {e for c in kept if c.kind.is_fault and c.code not in _ANSWERS | {"pixel_differs"} for e in c.events}
    kept = [c for c in kept if c.code != "pixel_differs" or not set(c.events) <= exact]
    covered = {(code, e) for c in kept for code in _FOLLOWS_IN_PIXEL.get(c.code, ()) for e in c.events}
    return [c for c in kept if not c.events or not all((c.code, event) in covered for event in c.events)]
