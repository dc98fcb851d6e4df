"""Ringba's call log into the archive, day by day: which days are due, how each is read, and what changed.

The archive itself is the only state: a day is done when its file stands there. Killed anywhere, the next run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.callcolumns import check_columns_of
from kayzen_nb.callpages import CallPages
from kayzen_nb.errors import (
    BadAnswer,
    ContractError,
    KayzenNbError,
    OutputFolderError,
    PlatformDown,
    PlatformError,
    Problem,
    RunError,
)
from kayzen_nb.pullfiles import list_pulls
from kayzen_nb.rawpages import RawPages, quarantine, read_raw
from kayzen_nb.retention import prune
from kayzen_nb.spool import new_spool_file
from kayzen_nb.syncplan import BEHIND, DueDay, end_of_day
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kayzen_nb.archive import Archive
    from kayzen_nb.callerkey import CallerKey
    from kayzen_nb.restatement import Changes
    from kayzen_nb.ringba import Ringba
    from kayzen_nb.watching import Watcher

RAW_FOR = timedelta(days=30)  # raw pages are kept so long, to be read again by a better reader


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
            except OutputFolderError:
                raise
            except (BadAnswer, PlatformDown, ContractError, RunError) as failed:
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
        before = self._archive.newest(one.day)
        began, end = self._clock(), end_of_day(one.day)
        start = end - timedelta(days=1)
        window_end = max(min(end, began.replace(microsecond=0) - BEHIND), start)
        stored, raw_file = new_spool_file(".parquet"), new_spool_file(".ndjson.gz")
        try:
            with CallPages(self._key, keep_numbers=self._keep_numbers) as pages:
                with RawPages(raw_file, self._key, keep_numbers=self._keep_numbers) as raw:
                    self._collect(start, window_end, pages, raw)
                facts = pages.write(
                    stored, window_start=start, window_end=window_end, pulled_at=began, source=self._source
                )
            published = self._archive.publish(one.day, stored, facts, raw=raw_file, begun=before)
            used, changes = facts.rows_used, published.compared
            return DayRead(day=one.day, why=one.why, rows_in=facts.rows_in, rows_used=used, changes=changes)
        finally:
            stored.unlink(missing_ok=True)
            raw_file.unlink(missing_ok=True)

    def _collect(self, start: datetime, end: datetime, pages: CallPages, raw: RawPages) -> None:
        if start >= end:
            return
        for records in self._ringba.call_log().read(start, end, watcher=self._watcher):
            pages.add(records)
            raw.add(records)

    def _keep_content(self, failed: KayzenNbError) -> None:
        """An answer that could not be read is kept, masked, so that it can be looked at."""
        content = getattr(failed, "content", b"")
        if content:
            quarantine(self._archive.folder, content, self._clock(), failed.problems[0].what)


def _not_reread(day: date, what: str, next_step: str) -> DayRead:
    return DayRead(day=day, why="read again", problem=Problem(what=what, where=str(day), next_step=next_step))


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
    if list_pulls(archive.calls_folder(day))[-1] != newest.path:
        return _not_reread(
            day, f"The newest file of {day} is damaged.", f"kayzen-nb sync --from {day} --to {day} --tz UTC"
        )
    if newest.facts.caller_key != key.fingerprint:
        return _not_reread(day, f"The pages of {day} were sealed with another caller.key.", "Put that key back.")
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
        published = archive.publish(day, stored, facts, raw=raw, begun=newest)
    finally:
        stored.unlink(missing_ok=True)
    return DayRead(
        day=day, why="read again", rows_in=facts.rows_in, rows_used=facts.rows_used, changes=published.compared
    )
