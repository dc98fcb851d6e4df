"""Kayzen's answers put into a plan: set a value, rename, add or drop a parameter; each stands on a day's word.

What is sent to Kayzen changes only because Kayzen said so, so every change carries the day of the answer, and stands
as *confirmed by Kayzen on* that day. Naming a value as it already is confirms that one value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.pixels import LEFT_OUT, PARAMETER_NAMES, PLACEHOLDER_KEY, Plan, PlannedPixel, UrlParameter
from kayzen_nb.privacy import mask_url
from kayzen_nb.tokens import KNOWN, find_tokens, is_known, nearest
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

ALL = "all"
# The key, the event and the call are found by these names, here and by Kayzen (kayzen.md 1.1; the guide).
FIXED_NAMES = ("api_key", "app_event", "call_id")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_LONGEST_VALUE = 500


class ChangeKind(StrEnum):
    """What Kayzen's answer does to a parameter."""

    SET = "set"
    RENAME = "rename"
    ADD = "add"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One answer: ``event`` is an event's name or ``all``; ``value`` is the value, or the new name of a rename."""

    kind: ChangeKind
    event: str
    parameter: str
    value: str = ""

    @property
    def where(self) -> str:
        """The place as people write it: ``converted.conversion_amount``."""
        return f"{self.kind} {self.event}.{self.parameter}"


def change_plan(plan: Plan, changes: Iterable[Change], *, on: date, by: str = "") -> Plan:
    """The plan after Kayzen's answers, in their order. Raises ParameterError with every problem at once."""
    problems: list[Problem] = []
    for change in changes:
        found = list(_problems(plan, change))
        problems += found
        plan = plan if found else _apply(plan, change, on, by)
    if problems:
        raise ParameterError(*problems)
    return plan


def set_value(plan: Plan, event: str, parameter: str, value: str, *, on: date, by: str = "") -> Plan:
    """The plan with another value for a parameter that is sent."""
    change = Change(kind=ChangeKind.SET, event=event, parameter=parameter, value=value)
    return change_plan(plan, [change], on=on, by=by)


def rename_parameter(plan: Plan, event: str, parameter: str, new_name: str, *, on: date, by: str = "") -> Plan:
    """The plan with a parameter sent under the name that Kayzen gave."""
    change = Change(kind=ChangeKind.RENAME, event=event, parameter=parameter, value=new_name)
    return change_plan(plan, [change], on=on, by=by)


def add_parameter(plan: Plan, event: str, parameter: str, value: str, *, on: date, by: str = "") -> Plan:
    """The plan with one parameter more, at the end of the URL."""
    change = Change(kind=ChangeKind.ADD, event=event, parameter=parameter, value=value)
    return change_plan(plan, [change], on=on, by=by)


def drop_parameter(plan: Plan, event: str, parameter: str, *, on: date, by: str = "") -> Plan:
    """The plan without a parameter; it stays on record as left out."""
    return change_plan(plan, [Change(kind=ChangeKind.DROP, event=event, parameter=parameter)], on=on, by=by)


def value_faults(name: str, value: str) -> Iterator[str]:
    """What makes a value unfit for a URL, in words that never repeat a key. Nothing where it is fit."""
    if name == "api_key":
        if value != PLACEHOLDER_KEY:
            yield f"the key does not belong in the plan: {PLACEHOLDER_KEY} stands in its place"
        return
    if not value:
        yield "an empty value says nothing to Kayzen"
    elif len(value) > _LONGEST_VALUE:
        yield f"{len(value):,} characters are too long for one value"
    elif odd := sorted({_describe(sign) for sign in value if _is_odd(sign)}):
        yield f"{', '.join(odd)} cannot stand in a value of the URL as it is: write it percent-encoded"
    elif re.search(r"%(?![0-9A-Fa-f]{2})", value):
        yield "a % must begin a code such as %20"
    elif fault := _token_fault(value):
        yield fault


def name_fault(name: str) -> str:
    """What makes a name unfit for a URL parameter; empty where it is fit."""
    if not _NAME.fullmatch(name):
        return "a parameter's name starts with a letter and holds letters, digits, _ . - only"
    plain = re.sub(r"[^a-z]", "", name.casefold())
    meant = next((fixed for fixed in FIXED_NAMES if fixed.replace("_", "") == plain and fixed != name), None)
    return f"did you mean {meant!r}? The name counts to the letter" if meant else ""


def unknown_tokens(plan: Plan) -> Iterator[str]:
    """A sentence for each planned token that is documented nowhere: unknown, which is not the same as wrong."""
    for pixel in plan.pixels:
        for parameter in pixel.parameters:
            for token in find_tokens(parameter.value):
                if not is_known(token.text):
                    meant = nearest(token.text)
                    step = f"did you mean {meant}?" if meant else "look it up behind Ringba's Token button."
                    told = f"{token.text} is in no list that was read, and Ringba fills an unknown token with nothing:"
                    yield f"{pixel.event}.{parameter.name}: {told} {step}"


def _is_odd(sign: str) -> bool:
    return not sign.isascii() or not sign.isprintable() or sign in " &#=+?\"'<>\\^`{}"


def _describe(sign: str) -> str:
    if sign.isspace():
        return "white space"
    return f"the sign {sign}" if sign.isprintable() else "an invisible character"


def _token_fault(value: str) -> str:
    """Square brackets that are no token, and tokens that differ from a known one in upper and lower case only."""
    tokens = [found.text for found in find_tokens(value)]
    if re.search(r"[\[\]]", re.sub(r"\[[^\[\]]+\]", "", value)):
        return "the square brackets of a [token] are not closed, empty, or nested"
    right = {known.casefold(): known for known in KNOWN}
    wrong = next((token for token in tokens if right.get(token.casefold(), token) != token), None)
    return f"did you mean {right[wrong.casefold()]}? Ringba fills a misspelt token with nothing" if wrong else ""


def _problems(plan: Plan, change: Change) -> Iterator[Problem]:
    """Everything that is wrong with one change. Once the pixel is not known, nothing more can be said."""
    known = [*(event.value for event in Event), ALL]
    if change.event not in known:
        what = f"There is no pixel {change.event!r}."
        step = did_you_mean(change.event, known)
        yield Problem(what=what, where=change.where, next_step=step)
        return
    for fault in [*_name_faults(plan, change), *_content_faults(change)]:
        yield Problem(what=f"This change cannot be made: {fault}.", where=change.where, next_step=_STEPS[change.kind])


_STEPS = {
    ChangeKind.SET: "Write it as EVENT.PARAMETER=VALUE, for example connected.app_event=answered.",
    ChangeKind.RENAME: "Write it as EVENT.PARAMETER=NEW_NAME, for example converted.conversion_amount=revenue.",
    ChangeKind.ADD: "Write it as EVENT.PARAMETER=VALUE, for example payout.payout_amount=[Call:ConversionPayout].",
    ChangeKind.DROP: "Write it as EVENT.PARAMETER, for example error.caller_state.",
}


def _name_faults(plan: Plan, change: Change) -> Iterator[str]:
    """Whether the pixels that are meant hold the parameter, or, when it is added, do not."""
    meant = _meant(plan, change)
    if change.kind is ChangeKind.ADD:
        yield from _taken(meant, change.parameter)
    elif not meant:
        sent = {p.name for pixel in plan.pixels if change.event in (ALL, pixel.event) for p in pixel.parameters}
        yield f"no parameter {change.parameter!r} is sent there ({did_you_mean(change.parameter, sent)})"
    elif change.kind is not ChangeKind.SET and change.parameter in FIXED_NAMES:
        yield f"{change.parameter} must stay: Kayzen finds the account, the event and the call by it"
    if change.kind is ChangeKind.RENAME and change.value != change.parameter:
        yield from _taken(meant, change.value)


def _taken(pixels: Iterable[PlannedPixel], name: str) -> Iterator[str]:
    events = [pixel.event.value for pixel in pixels if pixel.value(name) is not None]
    if events:
        yield f"{name!r} is sent already ({', '.join(events)})"


def _content_faults(change: Change) -> Iterator[str]:
    if change.kind in (ChangeKind.SET, ChangeKind.ADD):
        shown = "" if change.parameter == "api_key" else f"{mask_url(change.value)!r}: "
        yield from (shown + fault for fault in value_faults(change.parameter, change.value))
    new_name = {ChangeKind.ADD: change.parameter, ChangeKind.RENAME: change.value}.get(change.kind)
    if new_name is not None and (fault := name_fault(new_name)):
        yield f"{new_name!r}: {fault}"


def _meant(plan: Plan, change: Change) -> list[PlannedPixel]:
    """The pixels that a change concerns: with ``all``, those that hold the parameter; any pixel may be given one."""
    pixels = [pixel for pixel in plan.pixels if change.event in (ALL, pixel.event)]
    if change.kind is ChangeKind.ADD:
        return pixels
    left_out = change.kind is ChangeKind.DROP  # what is left out already may still be confirmed as left out
    return [p for p in pixels if change.parameter in {q.name for q in p.parameters + (p.left_out if left_out else ())}]


def _apply(plan: Plan, change: Change, on: date, by: str) -> Plan:
    meant = {pixel.event for pixel in _meant(plan, change)}
    apply = _APPLY[change.kind]
    pixels = (apply(pixel, change, on, by) if pixel.event in meant else pixel for pixel in plan.pixels)
    return replace(plan, pixels=tuple(pixels))


def _set(pixel: PlannedPixel, change: Change, on: date, by: str) -> PlannedPixel:
    def answer(old: UrlParameter) -> UrlParameter:
        why = old.why if old.value == change.value else f"in place of {old.value}"
        return replace(old, value=change.value, why=why).confirm(on, by)

    return _replace(pixel, change.parameter, answer)


def _rename(pixel: PlannedPixel, change: Change, on: date, by: str) -> PlannedPixel:
    def answer(old: UrlParameter) -> UrlParameter:
        why = old.why if old.name == change.value else f"planned as {old.name}"
        return replace(old, name=change.value, why=why).confirm(on, by)

    return _sending(_replace(pixel, change.parameter, answer), change.value)


def _add(pixel: PlannedPixel, change: Change, on: date, by: str) -> PlannedPixel:
    why = "" if change.parameter in PARAMETER_NAMES else "the guide does not name it"
    new = UrlParameter(name=change.parameter, value=change.value, why=why).confirm(on, by)
    return _sending(replace(pixel, parameters=(*pixel.parameters, new)), change.parameter)


def _drop(pixel: PlannedPixel, change: Change, on: date, by: str) -> PlannedPixel:
    old = next(p for p in pixel.parameters + pixel.left_out if p.name == change.parameter)
    why = old.why if old.value == LEFT_OUT else f"planned as {old.value}"
    kept = tuple(p for p in pixel.parameters if p.name != change.parameter)
    gone = replace(old, value=LEFT_OUT, why=why).confirm(on, by)
    left_out = (*_sending(pixel, change.parameter).left_out, gone)
    return replace(pixel, parameters=kept, left_out=left_out)


def _replace(pixel: PlannedPixel, name: str, answer: Callable[[UrlParameter], UrlParameter]) -> PlannedPixel:
    return replace(pixel, parameters=tuple(answer(p) if p.name == name else p for p in pixel.parameters))


def _sending(pixel: PlannedPixel, name: str) -> PlannedPixel:
    """The pixel once a name is sent: it is no longer among those left out."""
    return replace(pixel, left_out=tuple(p for p in pixel.left_out if p.name != name))


_APPLY = {ChangeKind.SET: _set, ChangeKind.RENAME: _rename, ChangeKind.ADD: _add, ChangeKind.DROP: _drop}
