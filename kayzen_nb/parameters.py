"""The parameters of each notebook, declared once: names, kinds, choices, defaults, meaning.

The same declaration checks what papermill injects, what ``kayzen-nb run --set`` passes, and what a form holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.period import Period, resolve_day
from kayzen_nb.pixels import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

SCENARIO_DEFAULT = "healthy"
_SECRET_NAME = re.compile(r"(?i)key|token|secret|password")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter: ``kind`` is text, choice, optional_day, zone or path."""

    name: str
    kind: str
    default: str
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Checked parameters of a notebook: ``chosen`` holds text, or a date for a day, by name."""

    notebook: str
    chosen: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.chosen[name]

    @property
    def period(self) -> Period | None:
        """The period, for notebooks that have one; None while a file still has to decide its ends."""
        if not (self.chosen.get("period_start") and self.chosen.get("period_end")):
            return None
        return Period(first_day=self["period_start"], last_day=self["period_end"], zone=self["time_zone"])

    def as_record(self) -> dict[str, str]:
        """The parameters as people and the manifest read them: of a path only the file's name."""
        paths = {parameter.name for parameter in DECLARATIONS[self.notebook] if parameter.kind == "path"}
        return {name: Path(v).name if name in paths else str(v or "") for name, v in self.chosen.items()}


_PROFILE = Parameter(
    name="profile",
    kind="choice",
    default="per_event",
    choices=PROFILES,
    meaning="which six pixels: per_event (each its own event) or as_published (the guide as printed)",
)
_SCENARIO = Parameter(
    name="scenario",
    kind="text",
    default=SCENARIO_DEFAULT,
    meaning="what the sandbox plays when source is sandbox: healthy, guide_copied, ...",
)
_ZONE = Parameter(
    name="time_zone",
    kind="zone",
    default="America/New_York",
    meaning="IANA time zone in which days begin and times are shown",
)

DECLARATIONS: dict[str, tuple[Parameter, ...]] = {
    "01_setup_pixels": (
        _PROFILE,
        Parameter(
            name="pixels_path",
            kind="path",
            default="",
            meaning="a file with your own pixels to check (URLs, CSV, JSON); empty: only the plan is checked",
        ),
        Parameter(name="campaign", kind="text", default="", meaning="Ringba campaign that the pixels are for"),
        Parameter(
            name="kayzen_confirmed_on",
            kind="optional_day",
            default="",
            meaning="the day on which Kayzen confirmed the inferred names; empty: not yet",
        ),
    ),
    "02_verify_test_call": (
        Parameter(
            name="source",
            kind="choice",
            default="sandbox",
            choices=("sandbox", "api"),
            meaning="where the call is read from: sandbox (invented) or api (Ringba, needs a token)",
        ),
        _SCENARIO,
        Parameter(
            name="call_id",
            kind="text",
            default="",
            meaning="Ringba's inbound call id of the test call; empty: the sandbox's own test call",
        ),
        _PROFILE,
        _ZONE,
    ),
    "03_funnel": (
        Parameter(
            name="source",
            kind="choice",
            default="sandbox",
            choices=("sandbox", "api", "csv"),
            meaning="where the calls come from: sandbox (invented), api (Ringba) or csv (Call Details export)",
        ),
        _SCENARIO,
        Parameter(name="csv_path", kind="path", default="", meaning="the exported file, when source is csv"),
        Parameter(name="campaign", kind="text", default="", meaning="Ringba campaign name; empty: all campaigns"),
        Parameter(
            name="period_start",
            kind="optional_day",
            default="",
            meaning="first day, included: 2026-11-01, yesterday, -7d; empty: 14 days ago, or all of a csv file",
        ),
        Parameter(
            name="period_end",
            kind="optional_day",
            default="",
            meaning="last day, included: 2026-11-07, yesterday, -1d; empty: yesterday, or all of a csv file",
        ),
        _ZONE,
    ),
}


def declared(notebook: str) -> tuple[Parameter, ...]:
    """The parameters of a notebook. Raises ParameterError when there is no such notebook."""
    if notebook not in DECLARATIONS:
        hint = did_you_mean(notebook, DECLARATIONS)
        raise ParameterError(Problem(what=f"There is no notebook {notebook!r}.", where="notebook", next_step=hint))
    return DECLARATIONS[notebook]


def resolve(notebook: str, raw: Mapping[str, object], now: datetime) -> Resolved:
    """Check and convert the given values; what is not given takes its default.

    ``now`` (aware) decides what "yesterday" is, in the notebook's own time zone. Raises ParameterError with every
    problem at once.
    """
    parameters = declared(notebook)
    problems = [_unknown(notebook, name, parameters) for name in raw if name not in {p.name for p in parameters}]
    given = {p.name: _text(raw.get(p.name, p.default)) for p in parameters}
    today = now.astimezone(_zone_or_utc(given.get("time_zone", "UTC"))).date()
    values: dict[str, Any] = {}
    for parameter in parameters:
        try:
            values[parameter.name] = _CONVERTERS[parameter.kind](parameter, given[parameter.name], today)
        except ValueError as exc:
            problems.append(_wrong(notebook, parameter, given[parameter.name], str(exc)))
    if values.get("source") != "csv":
        values |= _default_period(values, today)
    problems += _contradictions(notebook, values)
    if problems:
        raise ParameterError(*problems)
    return Resolved(notebook=notebook, chosen=values)


def _text(value: object) -> str:
    """Papermill turns ``3`` into a number and ``2026-11-01`` (with -y) into a date: all become text again."""
    return "" if value is None else str(value).strip()


def _unknown(notebook: str, name: str, parameters: tuple[Parameter, ...]) -> Problem:
    if _SECRET_NAME.search(name):
        return Problem(
            what=f"{name!r} looks like a secret: it may not be a parameter, because runs write parameters into files.",
            where=f"parameters of {notebook}",
            next_step="Set it in the environment, a .env file or the keyring; delete outputs it already reached.",
        )
    hint = did_you_mean(name, [p.name for p in parameters])
    return Problem(what=f"There is no parameter {name!r}.", where=f"parameters of {notebook}", next_step=hint)


def _wrong(notebook: str, parameter: Parameter, value: str, fault: str) -> Problem:
    return Problem(
        what=f"{parameter.name} = {value!r}: {fault}.",
        where=f"parameters of {notebook}",
        next_step=f"{parameter.name} is {parameter.meaning}.",
    )


def _convert_text(_parameter: Parameter, value: str, _today: date) -> str:
    return value


def _convert_choice(parameter: Parameter, value: str, _today: date) -> str:
    if value not in parameter.choices:
        raise ValueError(f"not one of {', '.join(parameter.choices)} ({did_you_mean(value, parameter.choices)})")
    return value


def _convert_zone(_parameter: Parameter, value: str, _today: date) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"not an IANA time zone ({did_you_mean(value, available_timezones())[:60]})") from None
    return value


def _convert_optional_day(_parameter: Parameter, value: str, today: date) -> date | None:
    if not value:
        return None
    try:
        day = resolve_day(value, today)
    except (ValueError, OverflowError):
        raise ValueError("not a day like 2026-11-01, today, yesterday or -7d") from None
    if day > today:
        raise ValueError(f"{day} lies in the future (today is {today})")
    return day


_CONVERTERS: dict[str, Callable[[Parameter, str, date], Any]] = {
    "text": _convert_text,
    "path": _convert_text,
    "choice": _convert_choice,
    "zone": _convert_zone,
    "optional_day": _convert_optional_day,
}


def _zone_or_utc(name: str) -> ZoneInfo:
    """The zone in which today is decided; a wrong name is reported by its own converter."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _default_period(values: Mapping[str, Any], today: date) -> dict[str, date]:
    """Two weeks up to yesterday, or up to the given last day. A CSV keeps empty ends: the file decides."""
    if "period_start" not in values or "period_end" not in values:
        return {}
    end = values["period_end"] or today - timedelta(days=1)
    return {"period_start": values["period_start"] or end - timedelta(days=13), "period_end": end}


def _contradictions(notebook: str, values: dict[str, Any]) -> list[Problem]:
    """What no single parameter can know."""
    where, problems = f"parameters of {notebook}", []
    start, end = values.get("period_start"), values.get("period_end")
    if start and end and end < start:
        what = f"The period ends ({end}) before it starts ({start})."
        problems.append(Problem(what=what, where=where, next_step="Exchange period_start and period_end."))
    if values.get("source") == "csv" and not values.get("csv_path"):
        step = "Give the path of the file that you exported from Ringba's Call Details report."
        problems.append(Problem(what="source is csv, but csv_path is empty.", where=where, next_step=step))
    if values.get("source") == "api" and values.get("call_id") == "":
        step = "Copy the Inbound Call ID of your test call from Ringba's Call Details report."
        problems.append(Problem(what="source is api, but call_id is empty.", where=where, next_step=step))
    return problems
