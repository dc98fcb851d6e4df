"""Which events of which calls were not delivered to Kayzen's endpoint: the recovery list of an outage.

The list is for handing over to Kayzen; this toolkit never sends it. *Lost* (it happened and was not delivered), *not
yet* (a payout may still come, a call still goes on) and *unknown* (the log does not tell) are three different things.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.calls import shows_all_fires
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.ladder import Rung
from kayzen_nb.privacy import mask_phone, mask_url
from kayzen_nb.testcall import check_test_call, is_plain_200
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.ladder import PixelProof, TestCallProof
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

    Prove = Callable[[CallEvidence, Plan, Secret | None], TestCallProof]

COLUMNS = ("call_id", "campaign", "event", "outcome", "happened_at_utc", "happened_at", "status", "reason", "found",
           "caller")  # fmt: skip
_SETTLES = timedelta(minutes=2)  # events show up in the log some seconds later (ringba.md 3.4)
_LATER = frozenset({Event.CONNECTED, Event.COMPLETED, Event.CONVERTED, Event.PAYOUT})
_STEP = "Hand the recovery list to Kayzen's support and ask whether the events can be taken in; nothing was sent."


class Outcome(StrEnum):
    """What is known of an event that is not proven to be delivered."""

    LOST = "lost"
    NOT_YET = "not yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Undelivered:
    """One event of one call that is not proven delivered. ``caller`` is masked; ``status`` the last fire's."""

    call_id: str
    campaign: str | None
    event: Event
    outcome: Outcome
    happened_at: datetime | None
    status: int | None
    reason: str
    found: str
    caller: str | None

    def as_record(self, zone: str = "UTC") -> dict[str, str]:
        """The row of the recovery list, columns as in ``COLUMNS``; what is not known is empty."""
        at = self.happened_at
        return {
            "call_id": self.call_id,
            "campaign": self.campaign or "",
            "event": self.event.value,
            "outcome": self.outcome.value,
            "happened_at_utc": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else "",
            "happened_at": f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" if at else "",
            "status": "" if self.status is None else str(self.status),
            "reason": self.reason,
            "found": self.found,
            "caller": self.caller or "",
        }


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What became of the events of many calls: how many were delivered, and each one that was not."""

    calls: int
    delivered: int
    rows: tuple[Undelivered, ...]

    def of(self, outcome: Outcome) -> tuple[Undelivered, ...]:
        """The rows of one outcome."""
        return tuple(row for row in self.rows if row.outcome is outcome)


def undelivered(
    evidences: Iterable[CallEvidence], plan: Plan, key: Secret | None, *, prove: Prove = check_test_call
) -> tuple[Undelivered, ...]:
    """The events that happened and were lost, in the order of the calls: the recovery list."""
    return review_delivery(evidences, plan, key, prove=prove).of(Outcome.LOST)


def review_delivery(
    evidences: Iterable[CallEvidence], plan: Plan, key: Secret | None, *, prove: Prove = check_test_call
) -> Delivery:
    """Every event of every call, delivered or not. Delivered means: answered 200, with the planned content."""
    known = list(evidences)
    proofs = [(evidence, prove(evidence, plan, key)) for evidence in known]
    rows = [row for evidence, proof in proofs for row in _judge_call(evidence, proof)]
    delivered = sum(pixel.rung >= Rung.RIGHT_CONTENT for _, proof in proofs for pixel in _wanted(proof))
    return Delivery(calls=len(known), delivered=delivered, rows=tuple(rows))


def delivery_rows(rows: Iterable[Undelivered], zone: str = "UTC") -> list[dict[str, str]]:
    """The rows as records, local times in the page's zone."""
    return [row.as_record(zone) for row in rows]


def check_delivery(delivery: Delivery) -> Check:
    """Whether every event that should have reached Kayzen's endpoint did. No calls prove nothing."""
    lost, unknown = (len(delivery.of(outcome)) for outcome in (Outcome.LOST, Outcome.UNKNOWN))
    if lost:
        verdict, step = Verdict.FAIL, _STEP
    elif unknown:
        verdict, step = (
            Verdict.UNKNOWN,
            "Read the period again later; what stays unknown is in the list with its reason.",
        )
    elif delivery.delivered:
        verdict, step = Verdict.PASS, ""
    else:
        verdict, step = Verdict.UNKNOWN, "Check period and campaign: no call in them should have fired a pixel."
    return Check(
        name="every event was delivered",
        verdict=verdict,
        expected="each event of each call answered 200, with the planned content",
        found=summarise(delivery),
        next_step=step,
    )


def summarise(delivery: Delivery) -> str:
    """Calls and events in one sentence, with the events that were lost by name."""
    if not delivery.calls:
        return "no calls"
    counts = {outcome: len(delivery.of(outcome)) for outcome in Outcome}
    by_event = Counter(row.event for row in delivery.of(Outcome.LOST))
    names = ", ".join(f"{by_event[event]:,} {event}" for event in Event if by_event[event])
    lost = f"{counts[Outcome.LOST]:,} lost{f' ({names})' if names else ''}"
    rest = f"{counts[Outcome.NOT_YET]:,} not yet, {counts[Outcome.UNKNOWN]:,} unknown"
    calls = f"{delivery.calls:,} call{'' if delivery.calls == 1 else 's'}"
    return f"{calls}: {delivery.delivered:,} events delivered, {lost}, {rest}"


def _wanted(proof: TestCallProof) -> Iterator[PixelProof]:
    """The pixels that count: a fire that the call does not explain delivers nothing that should be."""
    return (pixel for pixel in proof.pixels if pixel.expected is not False)


def _judge_call(evidence: CallEvidence, proof: TestCallProof) -> Iterator[Undelivered]:
    if evidence.blocked is None and not evidence.fires:  # nothing is known of the call: one row says so, not six
        reason = evidence.missing[0] if evidence.missing else "the call does not tell whether it was blocked"
        yield _row(evidence, Event.INCOMING, Outcome.UNKNOWN, reason)
        return
    for pixel in proof.pixels:
        judged = _judge_pixel(pixel, evidence)
        if judged:
            yield _row(evidence, pixel.event, *judged, pixel)


def _judge_pixel(pixel: PixelProof, evidence: CallEvidence) -> tuple[Outcome, str] | None:
    """The outcome and its reason; None where the event was delivered or was not to be."""
    if pixel.expected is False:
        return None if pixel.fires else _judge_waiting(pixel.event, evidence)
    if pixel.rung >= Rung.RIGHT_CONTENT:
        return None
    if not pixel.fires:
        return _judge_silence(pixel, evidence)
    if pixel.verdict is Verdict.UNKNOWN:
        return Outcome.UNKNOWN, "the log does not show the answer" if pixel.rung is Rung.FIRED else "content not shown"
    if any(is_plain_200(fire) for fire in pixel.fires):
        return Outcome.LOST, "wrong content"
    return Outcome.LOST, "not a plain 200"


def _judge_waiting(event: Event, evidence: CallEvidence) -> tuple[Outcome, str] | None:
    """An event that has not happened may still come: while the call goes on, and a payout after a conversion."""
    if evidence.blocked:
        return None
    if evidence.ended is False and event in _LATER:
        return Outcome.NOT_YET, "the call was still going on"
    if event is Event.PAYOUT and evidence.converted:
        return Outcome.NOT_YET, "no payout yet; not every converted call gets one"
    return None


def _judge_silence(pixel: PixelProof, evidence: CallEvidence) -> tuple[Outcome, str]:
    if not shows_all_fires(evidence):
        return Outcome.UNKNOWN, "the log of pixel fires is not shown"
    if pixel.expected is None:
        return Outcome.UNKNOWN, "the call does not tell whether this event happened"
    at = _moments(evidence).get(pixel.event)
    if at and evidence.read_at and evidence.read_at - at < _SETTLES:
        return Outcome.NOT_YET, "it had just happened; the log shows fires some seconds later"
    return Outcome.LOST, "did not fire"


def _moments(evidence: CallEvidence) -> Mapping[Event, datetime]:
    """When each event happened; the call's own time stands for its arrival."""
    arrival = {Event.INCOMING: evidence.call_at} if evidence.call_at else {}
    return {**arrival, **evidence.happened_at}


def _row(
    evidence: CallEvidence, event: Event, outcome: Outcome, reason: str, pixel: PixelProof | None = None
) -> Undelivered:
    return Undelivered(
        call_id=evidence.call_id,
        campaign=evidence.campaign,
        event=event,
        outcome=outcome,
        happened_at=_moments(evidence).get(event),
        status=pixel.fires[-1].status if pixel and pixel.fires else None,
        reason=reason,
        found=mask_url(pixel.found) if pixel else "",
        caller=mask_phone(evidence.caller),
    )


def headline(checks: Sequence[Check]) -> str:
    """The first check that did not pass in one sentence, or that all did."""
    broken = [check for check in checks if check.verdict is not Verdict.PASS]
    first = next((check for check in broken if check.verdict is Verdict.FAIL), broken[0] if broken else None)
    if first is None:
        return f"Every event was delivered: {checks[0].found}." if checks else "Nothing was checked."
    return f"{first.name.capitalize()}? {first.verdict.value.capitalize()}: {first.found}."
