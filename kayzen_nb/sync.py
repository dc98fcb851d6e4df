"""Ringba's call log into the archive, day by day: which days are due, how each is read, and what changed.

The archive itself is the only state: a day is done when its file stands there. Killed anywhere, the next run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.callcolumns import check_columns_of
from kayzen_nb.callpages import CallPages
from kayzen_nb.errors import BadAnswer, ContractError, PlatformDown, PlatformError, Problem
from kayzen_nb.rawpages import RawPages, quarantine, read_raw
from kayzen_nb.retention import prune
from kayzen_nb.spool import new_spool_file
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from kayzen_nb.archive import Archive
    from kayzen_nb.callerkey import CallerKey
    from kayzen_nb.restatement import Changes
    from kayzen_nb.ringba import Ringba
    from kayzen_nb.storedcalls import PullFacts
    from kayzen_nb.watching import Watcher

# A webhook may convert a call up to 30 days after its connection (Ringba, "Why didn't my webhook convert").
SETTLES_AFTER = timedelta(days=30)
# Adjustments by hand know no such limit: a settled day is looked at once more each month, for three months.
RECHECK_EVERY, RECHECK_UNTIL = timedelta(days=30), timedelta(days=92)
RAW_FOR = timedelta(days=30)  # raw pages are kept so long, to be read again by a better reader
_FRESH = timedelta(hours=6)  # a run that goes on after a kill does not read again what it has just read
_BEHIND = timedelta(minutes=1)  # Ringba's reports lag by seconds: what is younger is left to the next run

NEW, LATE, RECHECK, UNFINISHED, AGAIN, DAMAGED = (
    "not read yet",
    "may still change",
    "monthly second look",
    "was not over when it was read",
    "asked for again",
    "its newest file is damaged",
)


@dataclass(frozen=True, kw_only=True)
class DueDay:
    """A UTC day to be read, and why."""

    day: date
    why: str


@dataclass(frozen=True, kw_only=True)
class DayRead:
    """What came of one day. ``changes`` is None for a day that was not there before, ``problem`` None for success.

    ``rows_in = rows_used + set_aside``.
    """

    day: date
    why: str
    rows_in: int = 0
    rows_used: int = 0
    changes: Changes | None = None
    problem: Problem | None = None

    @property
    def outcome(self) -> str:
        """In one word: failed, new, same or changed."""
        if self.problem:
            return "failed"
        if self.changes is None:
            return "new"
        return "same" if self.changes.is_same else "changed"


@dataclass(frozen=True, kw_only=True)
class SyncReport:
    """What a run did: the days read (in order), how many were left alone, and why it stopped early, if it did."""

    days: tuple[DayRead, ...]
    left_alone: int
    stopped: Problem | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether every due day was read."""
        return not self.stopped and not any(day.problem for day in self.days)


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


def run_sync(
    ringba: Ringba,
    archive: Archive,
    due: Sequence[DueDay],
    *,
    key: CallerKey,
    source: str,
    left_alone: int = 0,
    keep_numbers: bool = False,
    raw_for: timedelta = RAW_FOR,
    watcher: Watcher = SILENT,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> SyncReport:
    """Read the due days into the archive. A day that fails does not stop the others; two in a row stop the run.

    What failed for a moment is tried once more at the end. Raw pages older than ``raw_for`` are deleted. Raises
    OutputFolderError; a platform's failures are in the report.
    """
    reader = _Reader(ringba, archive, key=key, source=source, keep_numbers=keep_numbers, watcher=watcher, clock=clock)
    watcher.begin(len(due))
    try:
        report = reader.read(due, left_alone)
    finally:
        watcher.end()
    prune(archive, clock(), calls_older_than=None, raw_older_than=raw_for, keep_pulls=None)
    return report


class _Reader:
    def __init__(
        self,
        ringba: Ringba,
        archive: Archive,
        *,
        key: CallerKey,
        source: str,
        keep_numbers: bool,
        watcher: Watcher,
        clock: Callable[[], datetime],
    ) -> None:
        self._ringba, self._archive, self._key, self._source = ringba, archive, key, source
        self._keep_numbers, self._watcher, self._clock = keep_numbers, watcher, clock
        self._done: dict[date, DayRead] = {}

    def read(self, due: Sequence[DueDay], left_alone: int) -> SyncReport:
        stopped = self._check_contract() if due else None
        stopped = stopped or self._read_all(due)
        if not stopped:
            stopped = self._read_all([one for one in due if self._done[one.day].problem])
        days = tuple(self._done[one.day] for one in due if one.day in self._done)
        return SyncReport(days=days, left_alone=left_alone, stopped=stopped)

    def _check_contract(self) -> Problem | None:
        """Whether Ringba still has the columns that are asked for, before the first day is read."""
        try:
            columns = self._ringba.fetch_columns()
            if columns is not None:
                check_columns_of(columns)
        except PlatformError as refused:
            return refused.problems[0] if len(refused.problems) == 1 else _join(refused.problems)
        return None

    def _read_all(self, due: Iterable[DueDay]) -> Problem | None:
        """Why the run has to stop; None when all days had their turn."""
        failed_before = False
        for one in due:
            try:
                self._done[one.day] = self._read_day(one)
                failed_before = False
            except (BadAnswer, PlatformDown, ContractError) as failed:
                self._keep_content(failed)
                problem = _join(failed.problems)
                self._done[one.day] = DayRead(day=one.day, why=one.why, problem=problem)
                if failed_before:
                    return problem
                failed_before = True
            except PlatformError as refused:  # a credential, a right, a limit: the next day would fare no better
                return _join(refused.problems)
        return None

    def _read_day(self, one: DueDay) -> DayRead:
        self._watcher.day(one.day, one.why)
        began, end = self._clock(), end_of_day(one.day)
        start = end - timedelta(days=1)
        window_end = max(min(end, began.replace(microsecond=0) - _BEHIND), start)
        stored, raw_file = new_spool_file(".parquet"), new_spool_file(".ndjson.gz")
        try:
            with CallPages(self._key, keep_numbers=self._keep_numbers) as pages:
                raw = RawPages(raw_file, self._key, keep_numbers=self._keep_numbers)
                try:
                    self._collect(start, window_end, pages, raw)
                finally:
                    raw.close()
                facts = pages.write(
                    stored, window_start=start, window_end=window_end, pulled_at=began, source=self._source
                )
            return self._publish(one, stored, facts, raw_file)
        finally:
            stored.unlink(missing_ok=True)
            raw_file.unlink(missing_ok=True)

    def _collect(self, start: datetime, end: datetime, pages: CallPages, raw: RawPages) -> None:
        if start >= end:
            return
        for records in self._ringba.call_log().read(start, end, watcher=self._watcher):
            pages.add(records)
            raw.add(records)

    def _publish(self, one: DueDay, stored: Path, facts: PullFacts, raw_file: Path) -> DayRead:
        published = self._archive.publish(one.day, stored, facts, raw=raw_file)
        return DayRead(
            day=one.day, why=one.why, rows_in=facts.rows_in, rows_used=facts.rows_used, changes=published.compared
        )

    def _keep_content(self, failed: PlatformError) -> None:
        """An answer that could not be read is kept, masked, so that it can be looked at."""
        content = getattr(failed, "content", b"")
        if content:
            quarantine(self._archive.folder, content, self._clock(), failed.problems[0].what)


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
    if archive.pulls(day)[-1].path != newest.path:
        return DAMAGED
    if newest.facts.window_end < end:
        return UNFINISHED
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


def _join(problems: Sequence[Problem]) -> Problem:
    """Several problems as one, all of them told."""
    if len(problems) == 1:
        return problems[0]
    return Problem(
        what=" ".join(problem.what for problem in problems),
        where=problems[0].where,
        next_step=problems[0].next_step,
    )


def reread(archive: Archive, day: date, *, key: CallerKey, keep_numbers: bool = False) -> DayRead | None:
    """The kept raw pages of a day's newest pull through the reader of today, without the network.

    None where no raw pages are kept. A result that differs becomes the day's newest file; the time of the pull stays.
    """
    newest = archive.newest(day)
    raw = archive.raw_of(newest) if newest else None
    if newest is None or raw is None:
        return None
    stored, facts = new_spool_file(".parquet"), newest.facts
    try:
        with CallPages(key, keep_numbers=keep_numbers) as pages:
            for records in read_raw(raw):
                pages.add(records)
            facts = pages.write(
                stored,
                window_start=facts.window_start,
                window_end=facts.window_end,
                pulled_at=facts.pulled_at,
                source=facts.source,
            )
        published = archive.publish(day, stored, facts, raw=raw)
    finally:
        stored.unlink(missing_ok=True)
    return DayRead(
        day=day, why="read again", rows_in=facts.rows_in, rows_used=facts.rows_used, changes=published.compared
    )
