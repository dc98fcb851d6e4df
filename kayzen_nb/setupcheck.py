"""Are the six pixels right? The linter's findings and the plan's open questions as checks and one sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict, worst
from kayzen_nb.lint import has_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from kayzen_nb.lint import Finding
    from kayzen_nb.pixels import Plan

_EVENT_CODES = frozenset({"KZ101", "KZ102"})


def check_setup(plan: Plan, findings: Sequence[Finding], confirmed_on: date | None) -> list[Check]:
    """The three questions of the set-up: well-formed, each its own event, and confirmed by Kayzen."""
    return [_check_form(findings), _check_events(findings), _check_confirmed(plan, confirmed_on)]


def headline(plan: Plan, checks: Sequence[Check], findings: Sequence[Finding]) -> str:
    """The answer in one sentence: all as planned, or how many to change, and what still waits for Kayzen."""
    if wrong := pixels_with_errors(findings):
        first = next(finding for finding in findings if finding.severity == "error")
        return f"{len(wrong)} of 6 pixels to change. First: {first.pixel}, {first.message}."
    if has_errors(findings):
        first = next(finding for finding in findings if finding.severity == "error")
        return f"The set is not right: {first.message}."
    if worst(checks) is Verdict.UNKNOWN:
        return f"6 of 6 pixels as planned; {len(plan.inferred)} inferred values wait for Kayzen's word."
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
        found=f"{len(errors)} errors, {warnings} warnings",
        next_step=errors[0].fix if errors else "",
    )


def _check_events(findings: Sequence[Finding]) -> Check:
    same = [finding for finding in findings if finding.code in _EVENT_CODES]
    return Check(
        name="each pixel tells Kayzen its own event",
        verdict=Verdict.FAIL if same else Verdict.PASS,
        expected="six different app_event values, each matching Fire Pixel On",
        found="; ".join(f"{finding.pixel}: {finding.message}" for finding in same[:1]) or "six different ones",
        next_step=same[0].fix if same else "",
    )


def _check_confirmed(plan: Plan, confirmed_on: date | None) -> Check:
    waiting = len(plan.inferred)
    done = confirmed_on is not None or not waiting
    found = f"confirmed on {confirmed_on}" if confirmed_on else f"{waiting} values wait for an answer"
    return Check(
        name="Kayzen confirmed the inferred names",
        verdict=Verdict.PASS if done else Verdict.UNKNOWN,
        expected="Kayzen's word on every value that the guide does not print",
        found=found if waiting else "nothing is inferred in this profile",
        next_step="" if done else "Send the question on this page, then set kayzen_confirmed_on to the answer's day.",
    )
