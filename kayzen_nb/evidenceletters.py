"""Letters to whoever can help, ready to copy: what happened, what we think, what we ask, what is attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.causes import Ask
from kayzen_nb.checks import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.evidenceview import EvidenceView

ADDRESSEES = {Ask.KAYZEN: "your Kayzen account manager or Kayzen support", Ask.RINGBA: "Ringba support"}
_RESULTS = {
    Verdict.PASS: "looks right on our side",
    Verdict.FAIL: "does not show what it should",
    Verdict.UNKNOWN: "is not clear to us",
}
_REQUESTS = {Ask.KAYZEN: "Could you tell us what you received?", Ask.RINGBA: "Could you look at it with us?"}
_ATTACHED = (
    "The pixel-fire log is attached (fire-log.png, and fire-log.csv as a table). The key and the phone numbers in it "
    "are hidden.\nThank you."
)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter ready to copy, and to whom."""

    to: str
    text: str


def for_whom(view: EvidenceView) -> str:
    """Whom the pack is for, and what to do with it, in one or two sentences."""
    if asked := _asked(view):
        return f"For {' and for '.join(ADDRESSEES[ask] for ask in asked)}. A letter is ready below."
    if any(cause.is_fault for cause in view.causes):
        return "First put right what is named below, and test again. If it stays so, a letter to Kayzen is ready below."
    if view.verdict is Verdict.PASS:
        return "For your Kayzen account manager, who alone can say that the events arrived. A letter is ready below."
    return f"For {ADDRESSEES[Ask.KAYZEN]}: no cause was found here. A letter is ready below."


def write_letters(view: EvidenceView) -> list[Letter]:
    """A letter to each who is asked. Kayzen's comes always: nobody else can say what arrived there."""
    return [Letter(to=ADDRESSEES[ask], text=_write(view, ask)) for ask in dict.fromkeys([*_asked(view), Ask.KAYZEN])]


def _asked(view: EvidenceView) -> list[Ask]:
    """Whom the faults name, besides the reader."""
    return list(dict.fromkeys(c.ask for c in view.causes if c.is_fault and c.ask is not Ask.YOURSELF))


def _write(view: EvidenceView, ask: Ask) -> str:
    statuses = "\n".join(f"  {pixel.label}: {pixel.status}" for pixel in view.pixels)
    thoughts = [f"What we think: {c.title} ({c.certainty.lower()})." for c in view.causes if c.is_fault]
    numbered = "\n".join(f"{n}. {question}" for n, question in enumerate(_questions(view, ask), 1))
    result = f"One test call {_RESULTS[view.verdict]}. {_REQUESTS[ask]}"
    paragraphs = (
        "Hello,",
        f"We set up Ringba's six pixels for our Kayzen CTV campaign. {result}",
        f"call_id: {view.call_id}\nTime of the call: {view.facts[0][1]}",
        f"HTTP status of each pixel:\n{statuses}",
        "\n".join([f"What we see: {view.headline}", *thoughts]),
        f"Our questions:\n{numbered}",
        _ATTACHED,
    )
    return "\n\n".join(paragraphs)


def _questions(view: EvidenceView, ask: Ask) -> Iterator[str]:
    if ask is Ask.RINGBA:
        yield "Why did this call's pixels fire, or not fire, as the log shows?"
        return
    yield "Which events did you receive for this call_id, under which names and with which amounts?"
    yield "Do they count in the campaign's report?"
    if view.verdict is not Verdict.PASS:
        yield "If a request was refused or not used: why?"
    yield from view.questions
