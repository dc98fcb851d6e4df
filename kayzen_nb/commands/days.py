"""Days as people type them at the command line: ``--from`` and ``--to`` in a zone."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from kayzen_nb.errors import ParameterError, Problem

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from kayzen_nb.period import Period


def read_period(first: str, last: str, zone: str) -> Period:
    """The days asked for, in their zone. Raises ParameterError with every problem at once."""
    from kayzen_nb.logtimes import find_zone  # noqa: PLC0415  # only where it is used
    from kayzen_nb.period import Period  # noqa: PLC0415  # as above

    clock, problems = find_zone(zone), []
    days = [_read_day(text, clock) for text in (first, last)]
    for text, day, name in zip((first, last), days, ("--from", "--to"), strict=True):
        if day is None:
            step = "Write it as 2026-11-01, or today, yesterday, -7d."
            problems.append(Problem(what=f"{text[:40]!r} is no day.", where=name, next_step=step))
    if problems:
        raise ParameterError(*problems)
    begin, end = (day or date.min for day in days)
    if end > datetime.now(clock).date():
        step = "Choose a day up to today."
        raise ParameterError(Problem(what="The last day lies in the future.", where=f"--to {end}", next_step=step))
    if end < begin:
        step = "Exchange --from and --to."
        raise ParameterError(Problem(what="The last day is before the first.", where=f"{begin}, {end}", next_step=step))
    return Period(first_day=begin, last_day=end, zone=zone)


def _read_day(text: str, zone: ZoneInfo) -> date | None:
    from kayzen_nb.period import resolve_day  # noqa: PLC0415  # as above

    try:
        return resolve_day(text, datetime.now(zone).date())
    except (ValueError, OverflowError):
        return None
