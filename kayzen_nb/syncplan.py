"""Which days of the archive are due to be read again, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.pullfiles import list_pulls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.archive import Archive
    from kayzen_nb.pullfiles import Pull

# A webhook may convert a call up to 30 days after its connection (Ringba, "Why didn't my webhook convert").
SETTLES_AFTER = timedelta(days=30)
# Adjustments by hand know no such limit: a settled day is looked at once more each month, for three months.
RECHECK_EVERY, RECHECK_UNTIL = timedelta(days=30), timedelta(days=92)
_FRESH = timedelta(hours=6)  # a run that goes on after a kill does not read again what it has just read
BEHIND = timedelta(minutes=1)  # Ringba's reports lag by seconds: what is younger is left to the next run

NEW, LATE, RECHECK, UNFINISHED, AGAIN, DAMAGED, AHEAD = (
    "not read yet",
    "may still change",
    "monthly second look",
    "was not over when it was read",
    "asked for again",
    "its newest file is damaged",
    "was read by a clock ahead of today's",
)


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """A UTC day to be read, and why."""

    day: date
    why: str


def plan_sync(
    archive: Archive, now: datetime, first: date | None = None, last: date | None = None, *, again: bool = False
) -> tuple[list[DueDay], int]:
    """The due days in order, and how many days of the range cannot have changed any more (or were read just now).

    Without ``first``: the last 30 days, and older days of the archive that are not settled or need their second look.
    """
    today = now.astimezone(UTC).date()
    last = min(last or today, today)
    days = list(_span(first, last)) if first else sorted(_usual_days(archive, today, last))
    found = [(day, _why_due(archive, day, now, again=again)) for day in days]
    due = [DueDay(day=day, why=why) for day, why in found if why]
    return due, len(days) - len(due)


def end_of_day(day: date) -> datetime:
    """The first instant after a UTC day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _why_due(archive: Archive, day: date, now: datetime, *, again: bool) -> str:
    """Why a day is to be read; empty for one that cannot have changed, or was read just now."""
    if again:
        return AGAIN
    newest, end = archive.newest(day), end_of_day(day)
    checked = archive.checked_at(day)
    if newest is None or checked is None:
        return NEW
    return _flaw(archive, newest, checked, now) or _usual_reason(end, checked, now)


def _flaw(archive: Archive, newest: Pull, checked: datetime, now: datetime) -> str:
    """What is wrong with the newest file of a day; empty where nothing is."""
    if list_pulls(archive.calls_folder(newest.day))[-1] != newest.path:
        return DAMAGED
    if newest.facts.window_end < end_of_day(newest.day):
        return UNFINISHED
    return AHEAD if checked > now + BEHIND else ""  # a clock was wrong then: the day may not even have been over


def _usual_reason(end: datetime, checked: datetime, now: datetime) -> str:
    """Whether a day that was read well may have changed since."""
    if checked < end + SETTLES_AFTER:
        return LATE if now - checked >= _FRESH else ""
    is_recheck = now - checked >= RECHECK_EVERY and now - end <= RECHECK_UNTIL
    return RECHECK if is_recheck else ""


def _usual_days(archive: Archive, today: date, last: date) -> set[date]:
    """The last 30 days, and the archive's own days that are young enough for a second look."""
    first = today - SETTLES_AFTER - timedelta(days=1)  # the settling look happens on the day after the thirtieth
    older = {day for day in archive.days() if today - RECHECK_UNTIL <= day < first}
    return {day for day in _span(first, last) if day <= last} | {day for day in older if day <= last}


def _span(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
