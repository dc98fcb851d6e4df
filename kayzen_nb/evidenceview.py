"""What an evidence pack says, in words that may leave the house: every text from data has its secrets hidden here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb import __version__, testcall
from kayzen_nb.causes import Ask, Certainty
from kayzen_nb.checks import Verdict, worst
from kayzen_nb.evidenceletters import ADDRESSEES
from kayzen_nb.firelog import FireLine, at_local, at_utc, fire_lines
from kayzen_nb.pixelproof import is_plain_200
from kayzen_nb.privacy import mask_phone
from kayzen_nb.sharescan import hide_leaks
from kayzen_nb.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.causes import Cause
    from kayzen_nb.ladder import PixelProof, TestCallProof
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

_WORDS = {Verdict.PASS: "Pass", Verdict.FAIL: "Fail", Verdict.UNKNOWN: "Unknown"}
_CERTAINTY = {
    Certainty.SEEN: "Seen in the evidence",
    Certainty.LIKELY: "The most likely explanation",
    Certainty.POSSIBLE: "One possible explanation",
}
_HELPERS = {Ask.YOURSELF: "You can put this right yourself, in Ringba or here."} | {
    ask: f"{to[0].upper()}{to[1:]}" for ask, to in ADDRESSEES.items()
}


@dataclass(frozen=True, kw_only=True)
class PixelView:
    """One pixel of the plan. ``status`` is what its last fire was answered, ``answer`` how plain that is."""

    label: str
    name: str
    status: str
    answer: str
    verdict: str
    word: str
    rung: int
    found: str
    next_step: str


@dataclass(frozen=True, kw_only=True)
class CauseView:
    """One cause with what the catalogue says of it."""

    code: str
    title: str
    is_fault: bool
    certainty: str
    pixels: str
    evidence: str
    symptom: str
    fix: str
    ask: Ask
    helper: str
    attach: str
    faq: str


@dataclass(frozen=True, kw_only=True)
class EvidenceView:
    """Everything that the pack's files say. Nothing in it is secret; nothing in it is markup."""

    call_id: str
    verdict: Verdict
    headline: str
    zone: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[FireLine, ...]
    pixels: tuple[PixelView, ...]
    strangers: str
    causes: tuple[CauseView, ...]
    questions: tuple[str, ...]
    missing: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    plan_hash: str
    made_at: datetime
    invented: bool

    @property
    def word(self) -> str:
        """The verdict as people read it."""
        return _WORDS[self.verdict]


def view_evidence(
    evidence: CallEvidence,
    proof: TestCallProof,
    causes: Sequence[Cause],
    plan: Plan,
    *,
    zone: str,
    made_at: datetime,
    questions: Sequence[str],
    keys: Sequence[Secret],
    invented: bool,
) -> EvidenceView:
    """Put into words what is known of a call. ``keys`` are hidden wherever they stand, phone numbers in any case."""
    return EvidenceView(
        call_id=hide_leaks(evidence.call_id, keys),
        verdict=worst(testcall.all_checks(proof)),
        headline=hide_leaks(testcall.headline(proof), keys),
        zone=zone,
        facts=tuple((name, hide_leaks(value, keys)) for name, value in _facts(evidence, zone)),
        lines=tuple(fire_lines(evidence, zone, keys)),
        pixels=tuple(_view_pixel(pixel, keys) for pixel in proof.pixels),
        strangers=hide_leaks(", ".join(sorted({fire.pixel_name for fire in proof.strangers})), keys),
        causes=tuple(_view_cause(cause, keys) for cause in causes),
        questions=tuple(hide_leaks(question, keys) for question in questions),
        missing=tuple(hide_leaks(line, keys) for line in evidence.missing),
        provenance=tuple((name, hide_leaks(value, keys)) for name, value in _provenance(evidence, plan, zone, made_at)),
        plan_hash=plan.content_hash,
        made_at=made_at,
        invented=invented,
    )


def _view_pixel(proof: PixelProof, keys: Sequence[Secret]) -> PixelView:
    status, answer = _status(proof)
    return PixelView(
        label=label(proof.event),
        name=hide_leaks(proof.name, keys),
        status=status,
        answer=answer,
        verdict=proof.verdict.value,
        word=_WORDS[proof.verdict].lower(),
        rung=proof.rung.value,
        found=hide_leaks(proof.found, keys),
        next_step=hide_leaks(proof.next_step, keys),
    )


def _status(proof: PixelProof) -> tuple[str, str]:
    """What the pixel's last fire was answered; silence is right, wrong or unknown as the proof says."""
    if not proof.fires:
        told = {True: "not fired, though expected", False: "not fired, as expected", None: "not fired"}
        return told[proof.expected], proof.verdict.value
    last = proof.fires[-1]
    if last.status is None:
        return "fired, status unknown", "unknown"
    return str(last.status), "pass" if is_plain_200(last) else "fail"


def _view_cause(cause: Cause, keys: Sequence[Secret]) -> CauseView:
    kind = cause.kind
    return CauseView(
        code=cause.code,
        title=kind.title,
        is_fault=kind.is_fault,
        certainty=_CERTAINTY[cause.certainty],
        pixels=", ".join(label(event) for event in cause.events),
        evidence=hide_leaks("; ".join(cause.evidence.splitlines()), keys),
        symptom=kind.symptom,
        fix=kind.fix,
        ask=kind.ask,
        helper=_HELPERS[kind.ask],
        attach=", ".join(kind.attach),
        faq=kind.faq,
    )


def _facts(evidence: CallEvidence, zone: str) -> Iterator[tuple[str, str]]:
    """The call in a few lines; times in UTC and on the clocks of the zone."""
    yield "Time of the call", _both(evidence.call_at, zone)
    yield "Campaign", evidence.campaign or "unknown"
    yield "Caller (masked)", mask_phone(evidence.caller) or "unknown"
    yield "Tracking number (masked)", mask_phone(evidence.number) or "unknown"
    flags = ("blocked", "connected", "completed", "converted", "paid", "is_duplicate")
    for answer, words in ((True, "It was"), (False, "It was not"), (None, "Not known whether")):
        told = [label(name).lower() for name in flags if getattr(evidence, name) is answer]
        if told:
            yield words, ", ".join(told)
    yield "Read from", f"{evidence.origin}, {_both(evidence.read_at, zone)}"


def _both(moment: datetime | None, zone: str) -> str:
    if moment is None:
        return "time unknown"
    utc, local = at_utc(moment), at_local(moment, zone)
    return utc if utc == local else f"{utc} ({local}, {zone})"


def _provenance(evidence: CallEvidence, plan: Plan, zone: str, made_at: datetime) -> Iterator[tuple[str, str]]:
    yield "Made by", f"kayzen_nb {__version__}, {_both(made_at, zone)}"
    yield "Evidence from", evidence.origin
    yield "Plan of the pixels", f"{plan.profile}, SHA-256 {plan.content_hash}"
    yield "Hidden", "the Kayzen key, and all but the last two digits of phone numbers"
    yield "What it proves", "A status of 200 proves that a request was received, and nothing more."
