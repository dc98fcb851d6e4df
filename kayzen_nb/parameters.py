"""Parameters as they are given, checked against ``declarations`` and converted.

The same declaration checks what papermill injects, what ``kayzen-nb run --set`` passes, and what a form holds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from kayzen_nb.declarations import DECLARATIONS, Parameter
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.period import Period, resolve_day
from kayzen_nb.privacy import mask_text
from kayzen_nb.views import parse_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_SECRET_NAME = re.compile(r"(?i)key|token|secret|password")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Checked parameters of a notebook: ``chosen`` holds text, or a date for a day, by name.

    ``given`` holds the days as they were written (``-7d``): so they are scheduled, and move with each run.
    """

    notebook: str
    chosen: Mapping[str, Any]
    given: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.chosen[name]

    @property
    def period(self) -> Period | None:
        """The period, for notebooks that have one; None while a file still has to decide its ends."""
        if not (self.chosen.get("period_start") and self.chosen.get("period_end")):
            return None
        return Period(first_day=self["period_start"], last_day=self["period_end"], zone=self["time_zone"])

    def as_record(self) -> dict[str, str]:
        """The parameters as people and the manifest read them: of a path only the file's name, of a number its end."""
        paths = {parameter.name for parameter in DECLARATIONS[self.notebook] if parameter.kind in ("path", "plan")}
        shown = {name: Path(v).name if name in paths else str(v or "") for name, v in self.chosen.items()}
        return {name: mask_text(value) for name, value in shown.items()}


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
    values |= _default_period(notebook, values, today)
    problems += _contradictions(notebook, values)
    if problems:
        raise ParameterError(*problems)
    days = {p.name: given[p.name] for p in parameters if p.kind == "optional_day"}
    return Resolved(notebook=notebook, chosen=values, given=days)


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
        what=f"{parameter.name}: {fault}." if parameter.kind == "call" else f"{parameter.name} = {value!r}: {fault}.",
        where=f"parameters of {notebook}",
        next_step=f"{parameter.name} is {parameter.meaning}.",
    )


def _convert_text(_parameter: Parameter, value: str, _today: date) -> str:
    return value


def _convert_choice(parameter: Parameter, value: str, _today: date) -> str:
    if value not in parameter.choices:
        raise ValueError(f"not one of {', '.join(parameter.choices)} ({did_you_mean(value, parameter.choices)})")
    return value


def _convert_plan(parameter: Parameter, value: str, _today: date) -> str:
    """A profile's name, or the path of a plan file, which ends in ``.toml``."""
    if value.casefold().endswith(".toml"):
        return value
    return _convert_choice(parameter, value, _today)


def _convert_minutes(_parameter: Parameter, value: str, _today: date) -> str:
    if not re.fullmatch(r"\d{1,2}(\.\d{1,2})?", value) or float(value) > 60:
        raise ValueError("not a number of minutes from 0 to 60")
    return value


def _convert_seconds(_parameter: Parameter, value: str, _today: date) -> int | None:
    if not value:
        return None
    if not re.fullmatch(r"\d{1,5}", value) or not 1 <= int(value) <= 86_400:
        raise ValueError("not a whole number of seconds from 1 to 86400")
    return int(value)


def _convert_view(_parameter: Parameter, value: str, _today: date) -> str:
    try:
        return parse_view(value).as_text()
    except ParameterError as refused:
        raise ValueError(" ".join(f"{one.what} {one.next_step}".strip() for one in refused.problems)) from None


def _convert_call(_parameter: Parameter, value: str, _today: date) -> str:
    """A call id, or last digits and a time. A caller's whole number would stand in every file of the run: refused."""
    before_date = re.split(r"\d{4}-\d\d-\d\d", value)[0]
    if not re.search(r"[A-Za-z]{2}", before_date) and len(re.sub(r"\D", "", before_date)) > 6:
        raise ValueError("a caller's whole number may not be a parameter, because runs write parameters into files")
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
    "plan": _convert_plan,
    "minutes": _convert_minutes,
    "call": _convert_call,
    "seconds": _convert_seconds,
    "view": _convert_view,
    "zone": _convert_zone,
    "optional_day": _convert_optional_day,
}


def _zone_or_utc(name: str) -> ZoneInfo:
    """The zone in which today is decided; a wrong name is reported by its own converter."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _default_period(notebook: str, values: Mapping[str, Any], today: date) -> dict[str, date]:
    """Two weeks up to yesterday, or up to the given last day.

    A CSV keeps empty ends: the file decides. Where a period is a wish (02), an empty start means none.
    """
    if "period_start" not in values or "period_end" not in values or values.get("source") == "csv":
        return {}
    if notebook == "02_verify_test_call" and not values["period_start"]:
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
    if values.get("as_of") and values.get("source") != "archive":
        step = "Set source to archive, or leave as_of empty."
        problems.append(Problem(what="as_of is set, but only the archive holds the past.", where=where, next_step=step))
    if values.get("source") == "file" and not values.get("evidence_path"):
        step = "Give the path of the Events tab saved as text, of a JSON or a CSV; or paste it into the notebook's box."
        problems.append(Problem(what="source is file, but evidence_path is empty.", where=where, next_step=step))
    if end and not start and values.get("source") != "csv":
        step = "Set period_start too, or leave both empty."
        problems.append(Problem(what="The period has an end, but no start.", where=where, next_step=step))
    if values.get("source") == "api" and values.get("call_id") == "":
        step = "Copy the Inbound Call ID of your test call from Ringba's Call Details report."
        problems.append(Problem(what="source is api, but call_id is empty.", where=where, next_step=step))
    return problems
