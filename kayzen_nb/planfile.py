"""The plan as a small file that people read, edit and keep: TOML, commented, without the key.

Each pixel is one ``[[pixel]]`` with its fields in the order of Ringba's form. Under ``[pixel.parameters]`` stands what
is sent, in its order. What the guide does not print has a line under ``[pixel.standing]``: ``{ inferred = "why" }`` or
``{ confirmed_on = 2026-11-20, by = "who" }``; ``[pixel.left_out]`` holds the same for parameters that are not sent.
The content hash is told when it no longer agrees, never enforced: editing by hand is what the file is for.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomlkit

from kayzen_nb.errors import PlanFileError, Problem
from kayzen_nb.pixels import ENDPOINT, PLACEHOLDER_KEY, Plan, PlannedPixel, Standing, UrlParameter
from kayzen_nb.planchange import unknown_tokens
from kayzen_nb.planfields import FORMAT, Desk, read_pixels, read_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tomlkit.items import InlineTable, Table

_LONGEST_FILE, _REMARKS_AT = 200_000, 48
_INTRO = (
    "The plan of the six Ringba pixels that tell Kayzen of each call. Made by kayzen_nb; you may edit it.",
    "The key is not in this file and must not be: KAYZEN_PROVIDED stands in its place.",
    "published: the guide prints it. inferred: deduced, ask Kayzen. confirmed: Kayzen's word, with its day.",
)


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A plan that was read, and what a person should know about its file, a sentence each."""

    plan: Plan
    notes: tuple[str, ...] = ()


def write_plan(plan: Plan) -> str:
    """The plan file's text. The same plan always gives the same text."""
    document = tomlkit.document()
    for line in _INTRO:
        document.add(tomlkit.comment(line))
    document.add("format", tomlkit.item(FORMAT))
    document.add("profile", tomlkit.item(plan.profile))
    document.add("content_hash", tomlkit.item(plan.content_hash).comment("changes with anything that is sent"))
    document.add("endpoint", tomlkit.item(ENDPOINT))
    document.add(tomlkit.nl())
    document.add("pixel", tomlkit.aot())
    for pixel in plan.pixels:
        document["pixel"].append(_pixel_table(pixel))
    return tomlkit.dumps(document)


def _pixel_table(pixel: PlannedPixel) -> Table:
    table = tomlkit.table()
    table.update({"event": pixel.event.value, "name": pixel.name, "fire_on": pixel.fire_on, "method": pixel.method})
    table.add("parameters", _parameters_table(pixel))
    notes = {p.name: _standing_line(p) for p in pixel.parameters if p.standing is not Standing.PUBLISHED}
    for name, lines in (("standing", notes), ("left_out", {p.name: _standing_line(p) for p in pixel.left_out})):
        if lines:
            table.add(name, tomlkit.table())
            table[name].update(lines)
    return table


def _parameters_table(pixel: PlannedPixel) -> Table:
    table = tomlkit.table()
    for parameter in pixel.parameters:
        item = tomlkit.string(PLACEHOLDER_KEY if parameter.name == "api_key" else parameter.value)
        item.comment(_remark(parameter))
        item.trivia.comment_ws = " " * max(2, _REMARKS_AT - len(parameter.name) - len(parameter.value))
        table.add(parameter.name, item)
    return table


def _remark(parameter: UrlParameter) -> str:
    """The standing beside a value. Free text stays out: a comment cannot be escaped."""
    if parameter.standing is Standing.CONFIRMED:
        return f"confirmed by Kayzen on {parameter.confirmed_on}"
    if parameter.standing is Standing.INFERRED:
        return "inferred: ask Kayzen"
    return "published; put the key into Ringba, not here" if parameter.name == "api_key" else "published"


def _standing_line(parameter: UrlParameter) -> InlineTable:
    line = tomlkit.inline_table()
    if parameter.standing is Standing.CONFIRMED:
        told = {"confirmed_on": parameter.confirmed_on, "by": parameter.confirmed_by, "why": parameter.why}
        line.update({name: value for name, value in told.items() if value})
    else:
        line.update({"inferred": parameter.why})
    return line


def read_plan(text: str, where: str = "plan.toml") -> Plan:
    """The plan in a plan file's text. Raises PlanFileError with every problem at once."""
    return read_plan_file(text, where).plan


def read_plan_file(text: str, where: str = "plan.toml") -> PlanFile:
    """The plan with what a person should know about its file. Raises PlanFileError with every problem at once."""
    tree = _parse(text, where)
    desk = Desk(where=where)
    plan = Plan(profile=read_profile(tree, desk), pixels=read_pixels(tree, desk))
    if desk.problems:
        raise PlanFileError(*desk.problems)
    return PlanFile(plan=plan, notes=(*_edited_note(plan, tree.get("content_hash")), *unknown_tokens(plan)))


def _parse(text: str, where: str) -> dict[str, Any]:
    """The TOML tree of a file in a format that is known."""
    if len(text) > _LONGEST_FILE:
        what = f"{len(text):,} characters are too many for a plan file."
        raise PlanFileError(Problem(what=what, where=where, next_step="Give a file written by kayzen-nb plan --out."))
    try:
        tree = tomllib.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as broken:
        raise PlanFileError(_explain_syntax(str(broken), where)) from None
    if tree.get("format") != FORMAT:
        found = f"format {tree['format']!r}" if "format" in tree else "no format line"
        step = "Write it anew with kayzen-nb plan --out, or use the version of kayzen_nb that wrote it."
        what = f"This is no plan file that this version can read: it has {found}, not format {FORMAT}."
        raise PlanFileError(Problem(what=what, where=where, next_step=step))
    return tree


def _explain_syntax(text: str, where: str) -> Problem:
    """The TOML reader's complaint in plain words, with its line; what stands in the line is not repeated."""
    place = re.search(r"\(at (?:line (\d+)|end of document)", text)
    line = f", line {place[1]}" if place and place[1] else ", at its end" if place else ""
    if "date" in text:
        return Problem(what="A day is not in the calendar.", where=where + line, next_step="Write it as 2026-11-20.")
    twice = re.search(r"twice|overwrite|mutate", text)  # the words of Python's own reader, tomllib
    what = "A field is written twice." if twice else 'The file is not TOML: a line is not of the form name = "value".'
    return Problem(what=what, where=where + line, next_step="Correct this line; text stands between double quotes.")


def _edited_note(plan: Plan, told_hash: object) -> Iterator[str]:
    """That the file was edited since it was written: no error, but to be known."""
    if told_hash is None or told_hash == plan.content_hash:
        return
    yield (
        f"The file was edited after it was written: its content hash says {str(told_hash)[:12]!r}, what stands in it "
        f"has {plan.content_hash!r}. What stands in it counts."
    )
    if plan.confirmed:
        yield "Look at the values marked as confirmed: an edit does not change the mark beside a value."
