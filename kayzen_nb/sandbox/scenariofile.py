"""Reading scenario files, and the scenarios that come with the package.

A file that is not right is refused as a whole, with every problem in it: a misspelt field would otherwise plant nothing
and prove nothing.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from kayzen_nb.causes import KINDS
from kayzen_nb.errors import InputError, Problem, did_you_mean
from kayzen_nb.sandbox import datafaults, scenarios
from kayzen_nb.sandbox.market import Market
from kayzen_nb.sandbox.scenarios import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OWN_FILE = Path(__file__).with_name("scenarios.toml")
_READER = TypeAdapter(Scenario)
_SECTIONS = {
    "filling": scenarios.Filling,
    "call": scenarios.CallShape,
    "campaign": scenarios.CampaignRules,
    "log": scenarios.LogShape,
    "answers": scenarios.Answers,
    "moving": datafaults.Movement,
    "later": datafaults.Later,
    "call_log": datafaults.LogFault,
    "market": Market,
    "expect": scenarios.Expectation,
}


def load_scenarios(path: Path) -> dict[str, Scenario]:
    """The scenarios of a TOML file, by name. Raises InputError with everything that is wrong in it."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(Problem(what=f"The file cannot be read: {error.strerror}.", where=str(path))) from None
    except UnicodeDecodeError:
        raise InputError(Problem(what="The file is not UTF-8 text.", where=str(path))) from None
    except tomllib.TOMLDecodeError as error:
        step = "Correct it there; the top of scenarios.toml shows how a scenario is written."
        raise InputError(Problem(what=f"This is not TOML: {error}.", where=str(path), next_step=step)) from None
    return read_scenarios(tree, where=path.name)


def read_scenarios(tree: Mapping[str, Any], where: str = "scenarios") -> dict[str, Scenario]:
    """The scenarios of a parsed TOML file; see ``load_scenarios``."""
    found: dict[str, Scenario] = {}
    problems: list[Problem] = []
    for name, table in tree.items():
        try:
            found[name] = _read_scenario(name, table)
        except ValidationError as error:
            problems += _explain(error, f"{where}, scenario {name}")
        else:
            problems += _check_words(found[name], f"{where}, scenario {name}")
    if problems:
        raise InputError(*problems)
    return found


def _read_scenario(name: str, table: object) -> Scenario:
    """One scenario. Going through JSON gives strict types and still lets lists stand for tuples."""
    named = table | {"name": name} if isinstance(table, dict) else table
    return _READER.validate_json(json.dumps(named, default=str), strict=True)


def _explain(error: ValidationError, where: str) -> Iterator[Problem]:
    """One problem a place; what may be of two kinds (a number, or the word none) is told with both."""
    flaws: dict[tuple[str, ...], list[Any]] = {}
    for flaw in error.errors():
        flaws.setdefault(tuple(str(step) for step in flaw["loc"] if not _is_kind(step)), []).append(flaw)
    for path, found in flaws.items():
        place = f"{where}, {'.'.join(path)}" if path else where
        if found[0]["type"] == "unexpected_keyword_argument":
            known = [field.name for field in fields(_section(path)) if field.name != "name" or len(path) > 1]
            hint = did_you_mean(path[-1], known)
            yield Problem(what=f"There is no field {path[-1]!r} here.", where=place, next_step=hint)
        else:
            what = f"This cannot be used: {'; or: '.join(flaw['msg'] for flaw in found)}."
            yield Problem(what=what, where=place, next_step=_hint(found[0]))


def _is_kind(step: object) -> bool:
    """Whether a step of a place is pydantic's own word for a kind of value, not a name in the file."""
    return step in ("[key]", "float", "int", "str") or str(step).startswith("literal[")


def _section(path: tuple[str, ...]) -> type[Any]:
    """The class whose fields stand at a place of the file."""
    named = [step for step in path if not step.isdigit()]  # a list's positions name nothing
    if len(named) > 1 and named[-2] in _SECTIONS:
        return _SECTIONS[named[-2]]
    if len(path) > 2 and path[-3] == "limits":
        return datafaults.Limit
    return scenarios.PixelFault if len(path) > 2 and path[-3] == "pixel" else Scenario


def _hint(flaw: Any) -> str:
    """The nearest allowed word, where words are what is allowed."""
    allowed = str(flaw.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
    words = [word.strip(" '") for word in allowed.split(", ") if word.strip(" '")]
    return did_you_mean(str(flaw["input"]), words) if words else ""


def _check_words(scenario: Scenario, where: str) -> Iterator[Problem]:
    """What a type cannot say: zones and places must exist, codes must stand in the catalogue and on the right list."""
    fillings = [scenario.filling, *(fault.filling for fault in scenario.pixel.values())]
    for zone in {filling.time_zone for filling in fillings if filling.time_zone}:
        if not _is_zone(zone):
            step = "Use an IANA name, such as America/Denver."
            yield Problem(what=f"There is no time zone {zone!r}.", where=f"{where}, filling.time_zone", next_step=step)
    yield from scenario.market.problems(where)
    if scenario.expect:
        yield from _check_codes(scenario.expect, where)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a KeyError for names that look right
        return False
    return True


def _check_codes(expect: scenarios.Expectation, where: str) -> Iterator[Problem]:
    for field, is_fault in (("causes", True), ("also", True), ("explains", False)):
        for code in getattr(expect, field):
            place = f"{where}, expect.{field}"
            right = [known for known, kind in KINDS.items() if kind.is_fault is is_fault]
            if code not in KINDS:
                yield Problem(what=f"There is no cause {code!r}.", where=place, next_step=did_you_mean(code, right))
            elif code not in right:
                other = "explains: it is no fault" if is_fault else "causes: it is a fault"
                yield Problem(what=f"{code!r} does not belong here.", where=place, next_step=f"List it under {other}.")


SCENARIOS: dict[str, Scenario] = load_scenarios(_OWN_FILE)
