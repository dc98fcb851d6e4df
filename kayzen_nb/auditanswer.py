"""One question of an audit with its answer: the check, the causes it names, and what a person must look up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.causes import KINDS, Cause
from kayzen_nb.checks import Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_TOLD = "Ringba's API does not tell"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A check with the causes that it found and, where it is unknown, the question that a person can answer."""

    check: Check
    causes: tuple[Cause, ...] = ()
    question: str = ""


def ask(name: str, expected: str, question: str, *, found: str = NOT_TOLD, causes: Sequence[Cause] = ()) -> Answer:
    """An unknown answer: what to look at in Ringba, and where, stands in the question."""
    check = Check(name=name, verdict=Verdict.UNKNOWN, expected=expected, found=found, next_step=question)
    return Answer(check=check, causes=tuple(causes), question=question)


def answer(name: str, expected: str, found: str, causes: Sequence[Cause] = ()) -> Answer:
    """A pass, or a fail where one of the causes is a fault: its fix is the next step."""
    faults = [cause for cause in causes if cause.kind.is_fault]
    verdict = Verdict.FAIL if faults else Verdict.PASS
    step = KINDS[faults[0].code].fix if faults else ""
    check = Check(name=name, verdict=verdict, expected=expected, found=found, next_step=step)
    return Answer(check=check, causes=tuple(causes))


def fail(name: str, expected: str, found: str, next_step: str) -> Answer:
    """A fail whose cause another answer names already."""
    return Answer(check=Check(name=name, verdict=Verdict.FAIL, expected=expected, found=found, next_step=next_step))


def wait(name: str, expected: str, found: str, next_step: str) -> Answer:
    """An unknown that another answer must clear first: nothing for a person to look up."""
    check = Check(name=name, verdict=Verdict.UNKNOWN, expected=expected, found=found, next_step=next_step)
    return Answer(check=check)
