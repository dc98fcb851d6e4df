"""The guide's steps as a list that resumes: what is done, how it was proved, what is next.

Its memory is the journal (kind ``step``, subject: the campaign). The newest entry of a step says its state; proof from
a platform that contradicts an earlier word re-opens the step and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kayzen_nb.audit import FOUND
from kayzen_nb.auditpixels import ATTACHED, CREATED, ONE_KEY, PASTED
from kayzen_nb.checks import Verdict
from kayzen_nb.entries import Entry, pick_entries
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.numbermap import ONE_NUMBER
from kayzen_nb.pixelhistory import last_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from kayzen_nb.audit import Audit
    from kayzen_nb.auditpixels import KnownPixels

KIND = "step"


class State(StrEnum):
    """How a step stands. *Undone* was done once and taken back by a person; *not known* was never told."""

    DONE = "done"
    OPEN = "open"
    UNDONE = "undone"
    NOT_KNOWN = "not known"


class Proof(StrEnum):
    """How a step was proved."""

    API = "read from the API"
    PASTED = "pasted"
    TEST_CALL = "test call"
    WORD = "a person's word"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step with its state. ``remark`` tells a contradiction, or why a proof is stale (older than a change)."""

    id: str
    title: str
    where: str
    state: State = State.NOT_KNOWN
    proved_by: Proof | None = None
    on: datetime | None = None
    by: str = ""
    words: str = ""
    remark: str = ""
    is_stale: bool = False

    @property
    def is_done(self) -> bool:
        """Done, by a proof that still holds."""
        return self.state is State.DONE and not self.is_stale


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found out about a step, as it is noted: ``journal.note(KIND, campaign, by=..., **finding.facts)``."""

    step: str
    state: State
    proof: Proof
    words: str = ""

    @property
    def facts(self) -> dict[str, str]:
        """The finding as the journal keeps it."""
        return {"step": self.step, "state": self.state.value, "proof": self.proof.value, "words": self.words}


@dataclass(frozen=True, kw_only=True)
class Checklist:
    """The steps of one campaign, in the guide's order."""

    campaign: str
    steps: tuple[Step, ...]

    @property
    def done_count(self) -> int:
        """How many steps are done, by proof that still holds."""
        return sum(step.is_done for step in self.steps)

    @property
    def verdict(self) -> Verdict:
        """Pass when all is done, fail when a step is known to be open, else unknown."""
        if all(step.is_done for step in self.steps):
            return Verdict.PASS
        return Verdict.FAIL if any(s.state in (State.OPEN, State.UNDONE) for s in self.steps) else Verdict.UNKNOWN

    @property
    def next_step(self) -> str:
        """The first step that is not done, in one sentence."""
        left = next((step for step in self.steps if not step.is_done), None)
        if left is None:
            return "Every step is done."
        again = "once more: " if left.is_stale else ""
        return f"Next, {again}{left.title} ({left.where})."

    def step(self, step_id: str) -> Step:
        """The step of that id."""
        return next(step for step in self.steps if step.id == step_id)


_PIXELS, _REPORT = "Ringba > Integrations > Pixels", "Ringba > Reporting > Default > Call Details"
# id, title, where. The order is the guide's; "how many" and "which" are the audit's and the test call's to prove.
STEPS: tuple[tuple[str, str, str], ...] = (
    ("admin", "have admin access in Ringba", "Ringba, your user's rights"),
    ("campaign", "have a campaign for the calls of the ad", "Ringba > Campaigns"),
    ("one_number", "give the campaign exactly one tracking number, the one in the ad", "Ringba > Numbers"),
    ("key", "get the API key from Kayzen", "your Kayzen account manager"),
    ("created", "create the six pixels", _PIXELS),
    ("key_in_all", "put the key into all six pixels", _PIXELS),
    ("names_confirmed", "have Kayzen confirm the names that the guide does not print", "your Kayzen account manager"),
    ("attached", "add the six pixels to the campaign and save it", "Ringba > Campaigns > Tracking Pixels > Add Pixel"),
    ("test_call", "place a test call to the number in the ad", "a phone"),
    ("fires", "see the pixel fires of the test call", f"{_REPORT} > Events"),
    ("answered", "see the status 200 at every pixel fire", f"{_REPORT} > Events"),
    ("content", "check that each fire carried the right content", "notebook 02"),
    ("call_id_sent", "send the test call's inbound call id to Kayzen", "your Kayzen account manager"),
    ("kayzen_confirmed", "have Kayzen confirm that the events arrived", "your Kayzen account manager"),
    ("kayzen_report", "see the events in Kayzen's report", "Kayzen, reports"),
)
_IDS = tuple(step_id for step_id, _, _ in STEPS)
# What a change of a pixel puts in doubt: proofs of the old pixels say nothing of the new ones.
_ABOUT_PIXELS = frozenset({"test_call", "fires", "answered", "content", "call_id_sent", "kayzen_confirmed"})
_CHECKED = {
    "campaign": FOUND,
    "one_number": ONE_NUMBER,
    "created": CREATED,
    "key_in_all": ONE_KEY,
    "attached": ATTACHED,
}
_RUNGS = {1: "fires", 2: "answered", 3: "content", 4: "kayzen_confirmed", 5: "kayzen_report"}


def build_checklist(entries: Iterable[Entry], campaign: str) -> Checklist:
    """The steps of a campaign from the journal's entries (of any kind: the others are left aside)."""
    known = list(entries)
    changed_at = last_change(known, campaign)
    noted = [entry for entry in pick_entries(known, KIND, campaign) if _is_sound(entry.facts)]
    steps = (_build_step(names, [e for e in noted if e.facts["step"] == names[0]], changed_at) for names in STEPS)
    return Checklist(campaign=campaign, steps=tuple(steps))


def say_done(step_id: str, words: str = "") -> Finding:
    """A person's word that a step is done. Raises ParameterError for a step that there is not."""
    return Finding(step=_known(step_id), state=State.DONE, proof=Proof.WORD, words=words)


def say_undone(step_id: str, words: str = "") -> Finding:
    """A person's word that a step is not done after all. Raises ParameterError for a step that there is not."""
    return Finding(step=_known(step_id), state=State.UNDONE, proof=Proof.WORD, words=words)


def find_from_audit(audit: Audit) -> tuple[Finding, ...]:
    """What an audit proves of the steps. An unknown check proves nothing and is left out."""
    checks = {check.name: check for check in audit.checks}
    told = {step: checks[name] for step, name in _CHECKED.items() if name in checks}
    return tuple(
        Finding(step=step, state=_state(check.verdict), proof=_proof(step, audit.known), words=check.found)
        for step, check in told.items()
        if check.verdict is not Verdict.UNKNOWN
    )


def find_from_test_call(rung: int, call_id: str) -> tuple[Finding, ...]:
    """What a verified test call proves: the steps up to its rung (0 to 5), and that the next one is still open.

    Rungs 4 and 5 are Kayzen's: not reaching them contradicts nothing.
    """
    words = f"call {call_id}, rung {int(rung)}"
    placed = Finding(step="test_call", state=State.DONE, proof=Proof.TEST_CALL, words=words)
    states = {step: State.DONE if rung >= at else State.OPEN for at, step in _RUNGS.items() if at <= max(rung, 3)}
    return (placed, *(Finding(step=s, state=state, proof=Proof.TEST_CALL, words=words) for s, state in states.items()))


def news(findings: Iterable[Finding], entries: Iterable[Entry], campaign: str) -> tuple[Finding, ...]:
    """The findings that say another thing than the newest entry of their step: only these are to be noted."""
    newest = {e.facts["step"]: e.facts for e in pick_entries(entries, KIND, campaign) if _is_sound(e.facts)}
    return tuple(f for f in findings if _plain(newest.get(f.step)) != _plain(f.facts))


def _build_step(names: tuple[str, str, str], noted: list[Entry], changed_at: datetime | None) -> Step:
    step_id, title, where = names
    if not noted:
        return Step(id=step_id, title=title, where=where)
    last = noted[-1]
    state = State(last.facts["state"])
    is_stale = bool(state is State.DONE and step_id in _ABOUT_PIXELS and changed_at and last.at < changed_at)
    remark = f"The pixels changed on {changed_at:%Y-%m-%d %H:%M} UTC, after this." if is_stale else ""
    return Step(
        id=step_id,
        title=title,
        where=where,
        state=state,
        proved_by=Proof(last.facts["proof"]),
        on=last.at,
        by=last.by,
        words=str(last.facts.get("words", "")),
        remark=remark or _contradiction(noted),
        is_stale=is_stale,
    )


def _contradiction(noted: list[Entry]) -> str:
    """What the last entry overturns: a platform against an earlier word, or a word against a platform's proof."""
    last = noted[-1]
    before = next((e for e in reversed(noted[:-1]) if e.facts["state"] != last.facts["state"]), None)
    if before is None or last.facts["state"] == State.UNDONE:
        return ""
    earlier = f"{before.at:%Y-%m-%d %H:%M} UTC ({before.facts['proof']}, {before.by})"
    if last.facts["state"] == State.OPEN and before.facts["state"] == State.DONE:
        return f"Open again: it was noted as done on {earlier}."
    if last.facts["proof"] == Proof.WORD and before.facts["proof"] != Proof.WORD:
        return f"Against this word stands what was seen on {earlier}: look again."
    return ""


def _is_sound(facts: Mapping[str, Any]) -> bool:
    """Whether facts are those of a step: the journal is a file, and a newer version may know more steps."""
    return (
        facts.get("step") in _IDS and facts.get("state") in frozenset(State) and facts.get("proof") in frozenset(Proof)
    )


def _plain(facts: Mapping[str, Any] | None) -> tuple[object, ...]:
    return tuple(facts.get(name) for name in ("state", "proof", "words")) if facts else ()


def _known(step_id: str) -> str:
    wanted = step_id.strip().casefold().replace("-", "_")
    if wanted not in _IDS:
        problem = Problem(
            what=f"There is no step {step_id!r}.", where="the checklist", next_step=did_you_mean(wanted, _IDS)
        )
        raise ParameterError(problem)
    return wanted


def _state(verdict: Verdict) -> State:
    return State.DONE if verdict is Verdict.PASS else State.OPEN


def _proof(step: str, known: KnownPixels) -> Proof:
    """What the pixels were read from decides, where the step is about what stands in them."""
    return Proof.PASTED if known.origin == PASTED and step in {"created", "key_in_all"} else Proof.API
