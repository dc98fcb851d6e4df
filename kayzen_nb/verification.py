"""One call verified from end to end: its evidence found and waited for, the account's set-up beside it, causes named.

The notebook, the command line and the bench all come through here, so that they give the same answer.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb import diagnosis, testcall
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.errors import EvidenceError, ParameterError, PlatformError, Problem
from kayzen_nb.firedurl import sent_values
from kayzen_nb.privacy import mask_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from kayzen_nb.account import AccountSetup
    from kayzen_nb.calls import CallEvidence, CallHit
    from kayzen_nb.causes import Cause
    from kayzen_nb.ladder import KayzenWord, TestCallProof
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.settings import Settings

_ABOUT = re.compile(r"\D*(\d[\d\s().-]{2,})\s+(?:at\s+|about\s+)?(\d{4}-\d\d-\d\d[ T]\d{1,2}:\d\d)\s*")
_CALL_ID = re.compile(r"\S{10,100}")
POLL_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A verified call: the evidence, what it proves, and why it does not prove more."""

    evidence: CallEvidence
    plan: Plan
    proof: TestCallProof
    causes: Sequence[Cause]
    setup: AccountSetup | None = None

    @property
    def faults(self) -> list[Cause]:
        """The causes that somebody has to do something about."""
        return [cause for cause in self.causes if cause.kind.is_fault]

    @property
    def checks(self) -> list[Check]:
        """The checks of the verdict: whether a fault is named, then each pixel."""
        return [_check_faults(self.faults, self.proof), *testcall.all_checks(self.proof)]

    @property
    def headline(self) -> str:
        """The rung reached and the first break; where all pixels are right, a fault of the set-up."""
        told = testcall.headline(self.proof)
        if self.faults and all(pixel.verdict is Verdict.PASS for pixel in self.proof.pixels):
            return f"{told.partition('. ')[0]}, but: {self.faults[0].kind.title}."
        return told

    @property
    def diagnosis(self) -> str:
        """The causes in one sentence."""
        return diagnosis.sentence(self.causes, self.proof)


def _check_faults(faults: Sequence[Cause], proof: TestCallProof) -> Check:
    """Whether a fault is named. Where pixels fail and none is, nobody knows why: unknown."""
    is_well = all(pixel.verdict is Verdict.PASS for pixel in proof.pixels)
    found = "; ".join(cause.kind.title for cause in faults)
    return Check(
        name="no fault is named",
        verdict=Verdict.FAIL if faults else Verdict.PASS if is_well else Verdict.UNKNOWN,
        expected="no fault",
        found=found or ("none" if is_well else "none, though not everything is proven"),
        next_step=faults[0].kind.fix if faults else "" if is_well else "Send the evidence pack to Kayzen, and ask.",
    )


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A call as a person names it: by id, or by the caller's last digits (or whole number) and about when."""

    call_id: str = ""
    caller_ends_with: str = ""
    about: datetime | None = None


def read_wanted(text: str, zone: str) -> Wanted:
    """Read ``RGB...`` or ``0123 2026-11-25 14:05`` (local time in ``zone``). Raises ParameterError."""
    text = text.strip()
    if found := _ABOUT.fullmatch(text):
        try:
            about = datetime.strptime(found[2].replace("T", " "), "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            raise _unreadable(text) from None
        return Wanted(caller_ends_with=_read_digits(found[1]), about=about.astimezone(UTC))
    if _CALL_ID.fullmatch(text):
        return Wanted(call_id=text)
    raise _unreadable(text)


def _read_digits(text: str) -> str:
    """The caller's last digits. A whole number is refused: what names a call is written into files of a run."""
    digits = re.sub(r"\D", "", text)
    if 4 <= len(digits) <= 6:
        return digits
    what = "Too few digits of the caller's number." if len(digits) < 4 else "A caller's whole number is not kept here."
    step = "Give the last four digits and about when: 0123 2026-11-25 14:05."
    raise ParameterError(Problem(what=what, where="call_id", next_step=step))


def verify(
    evidence: CallEvidence,
    plan: Plan,
    key: Secret | None,
    *,
    setup: AccountSetup | None = None,
    word: KayzenWord | None = None,
) -> Verification:
    """Prove the call against the plan, and name the causes of what is not proven."""
    proof = testcall.check_test_call(evidence, plan, key, word)
    causes = diagnosis.diagnose(proof, evidence, plan, key, setup)
    return Verification(evidence=evidence, plan=plan, proof=proof, causes=causes, setup=setup)


def refuse_other_call(evidence: CallEvidence, wanted: str) -> None:
    """Refuse evidence whose every fire is about another call than the named one: a slip of the hand, not of a pixel.

    Raises EvidenceError.
    """
    told = {sent_values(fire.url).get("call_id", "") for fire in evidence.fires if fire.url}
    if wanted and len(told) == 1 and len(evidence.fires) > 1 and wanted not in told and "[" not in str(told):
        step = "Name the call that the text is about, or leave the call id out; or copy the other call's Events tab."
        raise EvidenceError(
            Problem(
                what=f"All its pixel fires are about another call: {mask_text(told.pop())[:60]}.",
                where="the call id that was given",
                next_step=step,
            )
        )


def find_call_id(
    wanted: Wanted, settings: Settings, transport: httpx.BaseTransport | None
) -> tuple[str, list[CallHit]]:
    """The wanted call's id, and every call that fits; no id when none or several fit, because a person must choose."""
    if wanted.call_id or wanted.about is None:
        return wanted.call_id, []
    from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # httpx, only where it is used

    with Ringba(settings, transport=transport) as ringba:
        hits = ringba.find_calls(caller_ends_with=wanted.caller_ends_with, about=wanted.about)
    return (hits[0].call_id if len(hits) == 1 else ""), hits


def fetch_setup(settings: Settings, transport: httpx.BaseTransport | None, campaign: str = "") -> AccountSetup | None:
    """The account's set-up; None where the platform gives nothing at all: a call is verified without it, too."""
    from kayzen_nb.ringba_account import fetch_setup as fetch  # noqa: PLC0415  # as above

    try:
        return fetch(settings, transport=transport, campaign=campaign)
    except PlatformError:
        return None


def wait_for_events(
    read: Callable[[], CallEvidence],
    is_settled: Callable[[CallEvidence], bool],
    *,
    minutes: float,
    on_tick: Callable[[float], object] = lambda _left: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], object] = time.sleep,
) -> CallEvidence:
    """Read the call until nothing is missing, at most until ``minutes`` after its last sign of life.

    Fires reach Ringba's log some seconds after their event (``ringba.md`` 3.4), so a call that ended long ago is read
    once. ``on_tick`` is told the seconds left.
    """
    evidence = read()
    while not is_settled(evidence) and minutes > 0:
        left = (last_sign_of_life(evidence, now()) + timedelta(minutes=minutes) - now()).total_seconds()
        if left <= 0:
            break
        on_tick(left)
        sleep(min(POLL_S, left))
        evidence = read()
    return evidence


def last_sign_of_life(evidence: CallEvidence, now: datetime) -> datetime:
    """The newest moment that the evidence holds; this moment while the call is live."""
    if evidence.ended is False:
        return min(now, (evidence.call_at or now) + timedelta(hours=1))  # a live flag that never falls ends no wait
    known = [evidence.call_at, *evidence.happened_at.values(), *(fire.fired_at for fire in evidence.fires)]
    return max((moment for moment in known if moment), default=now - timedelta(days=1))


def which_call(hits: list[CallHit], zone: str) -> Problem:
    """What to tell a person who must choose among several calls, or who found none."""
    if not hits:
        step = "Check the digits, the time and time_zone; a call needs a few seconds to appear in Ringba."
        return Problem(what="No call of that caller was found around that time.", where="call_id", next_step=step)
    rows = [
        f"{hit.call_id} ({hit.call_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}, {hit.campaign}, {hit.caller})"
        if hit.call_at
        else f"{hit.call_id} ({hit.campaign}, {hit.caller})"
        for hit in hits
    ]
    step = f"Set call_id to one of: {'; '.join(rows)}."
    return Problem(what=f"{len(hits)} calls fit; which one is meant?", where="call_id", next_step=step)


def _unreadable(text: str) -> ParameterError:
    what = "No call is named." if not text else "This is neither a call id nor a caller with a time."
    step = "Give Ringba's Inbound Call ID; or the caller's last four digits and about when: 0123 2026-11-25 14:05."
    return ParameterError(Problem(what=what, where="call_id", next_step=step))
