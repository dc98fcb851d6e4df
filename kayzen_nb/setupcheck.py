"""Are the six pixels right? The linter's findings and the plan's open questions as checks and one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.lint import has_errors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.audit import Audit
    from kayzen_nb.lint import Finding
    from kayzen_nb.numbermap import NumberMap
    from kayzen_nb.pixels import Plan

CONFIRMED = "Kayzen confirmed the inferred names"
_EVENT_CODES = frozenset({"KZ101", "KZ102"})


def check_setup(
    plan: Plan,
    findings: Sequence[Finding],
    audit: Audit | None = None,
    numbers: NumberMap | None = None,
    rotation: Sequence[Check] = (),
) -> list[Check]:
    """The questions of the set-up: well-formed, each its own event, confirmed by Kayzen; then the account's answers.

    ``audit`` and ``numbers`` are None where no account was looked at; ``rotation`` is the proof of a changed key, where
    one is named.
    """
    own = [_check_form(findings), _check_events(findings), _check_confirmed(plan)]
    return [*own, *(audit.checks if audit else ()), *(numbers.checks if numbers else ()), *rotation]


def headline(plan: Plan, checks: Sequence[Check], findings: Sequence[Finding]) -> str:
    """The answer in one sentence: all as planned, or how many to change, and what still waits for Kayzen."""
    if wrong := pixels_with_errors(findings):
        first = next(finding for finding in findings if finding.severity == "error")
        return f"{len(wrong)} of 6 pixels to change. First: {first.pixel}, {first.message}."
    if has_errors(findings):
        first = next(finding for finding in findings if finding.severity == "error")
        return f"The set is not right: {first.message}."
    if failed := [check for check in checks if check.verdict is Verdict.FAIL]:
        return f"6 of 6 pixels as planned, but: {failed[0].name}? No: {failed[0].found}."
    unknown = [check.name for check in checks if check.verdict is Verdict.UNKNOWN and check.name != CONFIRMED]
    waiting = f"{len(plan.inferred)} inferred values wait for Kayzen's word" if plan.inferred else ""
    asked = f"{len(unknown)} questions are left for a person" if unknown else ""
    if waiting or asked:
        return f"6 of 6 pixels as planned; {' and '.join(filter(None, [waiting, asked]))}."
    return "6 of 6 pixels as planned, and nothing is left to confirm."


def pixels_with_errors(findings: Sequence[Finding]) -> set[int]:
    """The positions, from 1, of the pixels that have to be changed."""
    labels = (finding.pixel.partition("(")[0] for finding in findings if finding.severity == "error")
    return {int(number) for text in labels for number in re.findall(r"\d+", text)}


def _check_form(findings: Sequence[Finding]) -> Check:
    errors = [f for f in findings if f.severity == "error" and f.code not in _EVENT_CODES]
    warnings = sum(finding.severity == "warning" for finding in findings)
    return Check(
        name="the URLs are well-formed",
        verdict=Verdict.FAIL if errors else Verdict.PASS,
        expected="no error",
        found=f"{_counted(len(errors), 'error')}, {_counted(warnings, 'warning')}",
        next_step=errors[0].fix if errors else "",
    )


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _check_events(findings: Sequence[Finding]) -> Check:
    same = [finding for finding in findings if finding.code in _EVENT_CODES]
    return Check(
        name="each pixel tells Kayzen its own event",
        verdict=Verdict.FAIL if same else Verdict.PASS,
        expected="six different app_event values, each matching Fire Pixel On",
        found="; ".join(f"{finding.pixel}: {finding.message}" for finding in same[:1]) or "six different ones",
        next_step=same[0].fix if same else "",
    )


def _check_confirmed(plan: Plan) -> Check:
    waiting = len(plan.inferred)
    return Check(
        name=CONFIRMED,
        verdict=Verdict.UNKNOWN if waiting else Verdict.PASS,
        expected="Kayzen's word on every value that the guide does not print",
        found=f"{waiting} values wait for an answer" if waiting else _confirmed(plan),
        next_step="Send the question on this page, then set kayzen_confirmed_on to the answer's day."
        if waiting
        else "",
    )


def _confirmed(plan: Plan) -> str:
    days = {p.confirmed_on for pixel in plan.pixels for p in (*pixel.parameters, *pixel.left_out) if p.confirmed_on}
    return f"confirmed on {', '.join(map(str, sorted(days)))}" if days else "nothing is inferred in this plan"
