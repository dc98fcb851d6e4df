"""The CSVs that people export from Ringba's Call Details report: found, and read as stored calls, every row kept."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from kayzen_nb import __version__
from kayzen_nb.callfilesql import FileSql
from kayzen_nb.calllayout import note_columns, note_end, read_layout
from kayzen_nb.callsql import open_engine
from kayzen_nb.checks import Ledger, SetAside
from kayzen_nb.csvfault import explain_refusal, second_header
from kayzen_nb.errors import CallFileError, Problem
from kayzen_nb.exportfiles import find_call_files
from kayzen_nb.localclock import YEARS, read_clock
from kayzen_nb.newcolumns import describe_currencies, other_currencies
from kayzen_nb.repeatedhour import OrderedFile, note_hour, tell_apart
from kayzen_nb.spool import literal, spool_folder
from kayzen_nb.storedcalls import BAD_DATE, PARQUET, SKIPPED_TIME, PullFacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kayzen_nb.callerkey import CallerKey
    from kayzen_nb.localclock import Span

__all__ = ["ImportedFile", "find_call_files", "import_call_file"]


@dataclass(frozen=True, kw_only=True)
class ImportedFile:
    """An export as stored calls: the Parquet file ``stored``, and what is known about it.

    ``facts`` count the rows; their window reaches from the first to the last call. ``ambiguous`` rows lie in an hour
    that the clock shows twice, and the file does not tell of which pass they are: they were taken as the first.
    ``derived``, ``unknown`` and ``inputs`` are as in ``CallTable``; ``as_of`` is when the file was last changed.
    """

    stored: Path
    facts: PullFacts
    as_of: datetime
    ambiguous: int = 0
    derived: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ledger(self) -> Ledger:
        """Every row accounted for."""
        aside = tuple(SetAside(reason=reason, rows=rows) for reason, rows in sorted(self.facts.set_aside.items()))
        return Ledger(rows_in=self.facts.rows_in, rows_used=self.facts.rows_used, set_aside=aside)


def import_call_file(
    path: str | Path, *, zone: str, key: CallerKey, to: Path, keep_numbers: bool = False
) -> ImportedFile:
    """Read a Call Details export into a Parquet file ``to`` (0600) of the stored columns, in bounded memory.

    ``zone`` is the report's time zone, which the file does not tell. Callers become pseudonyms by ``key``; their
    numbers are kept only if ``keep_numbers``. Raises CallFileError, and then leaves no file behind.
    """
    (file,) = find_call_files(str(path))
    try:
        with ThreadPoolExecutor(max_workers=1) as beside:  # hashing lets DuckDB's threads run, and they it
            reading = _Reading(file=file, zone=zone, key=key, to=to, keep_numbers=keep_numbers)
            hashing = beside.submit(_sha256, file)
            reading.copy()
            if reading.missed_years():
                reading.widen()
                reading.copy()
            digest = hashing.result()
            reading.check()  # after all that reads the file
        return reading.describe(digest)
    except BaseException:
        to.unlink(missing_ok=True)
        raise


class _Reading:
    """One file on its way into Parquet."""

    def __init__(self, *, file: Path, zone: str, key: CallerKey, to: Path, keep_numbers: bool) -> None:
        self._file, self._key, self._to = file, key, to
        self._before = file.stat()
        self._engine = open_engine(key, spool=spool_folder())
        self._layout = read_layout(file)
        self._zone, self._keep_numbers = zone, keep_numbers
        self._order = OrderedFile(file, self._layout, self._read_times)
        first, last = self._order.years or YEARS
        self._plan(max(first - 1, YEARS[0]), min(last + 1, YEARS[1]))
        self._rows_in = 0

    def _plan(self, first_year: int, last_year: int) -> None:
        """Make the query that reads local times of some years."""
        clock = read_clock(self._zone, first_year, last_year)
        self._years = first_year, last_year
        self._sql = FileSql(file=self._file, layout=self._layout, clock=clock)
        self._told = tell_apart(self._order, clock)
        second = tuple(call_id for told in self._told for call_id in told.second)
        self._sql.set_variables(self._engine, second)
        self._query = self._sql.stored(
            has_second_pass=bool(second), keep_numbers=self._keep_numbers, forgets=bool(self._key.forgotten)
        )

    def missed_years(self) -> bool:
        """Whether rows may lie in years that the file's first and last row did not show."""
        return self._years != YEARS and bool(self._ask("count(*)", "set_aside = ?", SKIPPED_TIME)[0])

    def widen(self) -> None:
        """Read the times of all years."""
        self._plan(*YEARS)

    def copy(self) -> None:
        """Stream the file into Parquet."""
        os.close(os.open(self._to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        self._to.chmod(0o600)  # it may have been there
        target = str(self._to).replace("'", "''")
        copy = f"copy ({self._query.query}) to '{target}' ({PARQUET}, use_tmp_file false)"
        try:
            (self._rows_in,) = self._engine.execute(copy, self._sql.parameters).fetchone() or (0,)
        except duckdb.Error as broken:
            text = str(broken)
        else:
            return
        # Outside of the except, so that nothing remembers DuckDB's text: it quotes the row, callers' numbers included.
        raise CallFileError(explain_refusal(text, self._file, self._layout))

    def check(self) -> None:
        """Refuse two exports pasted together (their calls may overlap), odd dates or money, and a file that changed."""
        name = self._layout.header[self._layout.positions["call_id"]].strip()
        (row,) = self._ask("min(file_row_number)", "set_aside is not null and lower(call_id) = lower(?)", name)
        if row is not None:
            raise CallFileError(second_header(self._file, self._layout, row + 1))
        self._check_dates()
        self._check_currencies()
        now = self._file.stat()
        if (now.st_size, now.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
            what = f"{self._file.name} was changed while it was read."
            raise CallFileError(Problem(what=what, where=str(self._file), next_step="Run again."))

    def _check_dates(self) -> None:
        """Refuse dates written day first: those up to the 12th would be read as another day without a word."""
        if not self._ask("count(*)", "set_aside = ?", BAD_DATE)[0]:
            return
        found = self._engine.execute(self._sql.find_day_first(), self._sql.parameters).fetchone()
        if found:
            what = f"The dates are written day first, such as {found[0]}; Ringba exports month first."
            step = "Export the report again, and do not save it in a spreadsheet, which writes dates in its own way."
            raise CallFileError(Problem(what=what, where=str(self._file), next_step=step))

    def _check_currencies(self) -> None:
        asked = self._sql.list_currencies()
        rows = self._engine.execute(asked, self._sql.parameters).fetchall() if asked else []
        if found := other_currencies(value for (value,) in rows):
            step = "Export the calls in USD only, or convert the amounts and set the currency to USD."
            raise CallFileError(Problem(what=describe_currencies(found), where=str(self._file), next_step=step))

    def describe(self, digest: str) -> ImportedFile:
        """What is known about the file that was written."""
        as_of = datetime.fromtimestamp(self._before.st_mtime, UTC)
        facts = self._facts(as_of)
        hours = [(hour, rows) for hour in self._hours(facts) if (rows := self._count_in(hour))]
        told = {one.hour: one.rows for one in self._told}
        return ImportedFile(
            stored=self._to,
            facts=facts,
            as_of=as_of,
            ambiguous=sum(rows - told.get(hour, 0) for hour, rows in hours),
            derived=self._query.derived,
            unknown=self._query.unknown,
            inputs={self._file.name: digest},
            notes=(
                *note_columns(self._layout),
                *(note_hour(hour, rows, told.get(hour, 0)) for hour, rows in hours),
                *note_end(self._file),
            ),
        )

    def _facts(self, as_of: datetime) -> PullFacts:
        stored = "select set_aside, count(*) from read_parquet(?, hive_partitioning = false) group by set_aside"
        counts = dict(self._engine.execute(stored, [literal(self._to)]).fetchall())
        first, last = self._ask("min(call_at), max(call_at)", "true")
        return PullFacts(
            window_start=first or as_of,
            window_end=last or as_of,
            pulled_at=as_of,
            rows_in=self._rows_in,
            rows_used=counts.pop(None, 0),
            set_aside=counts,
            source=f"file {self._file.name}",
            caller_key=self._key.fingerprint,
            reader=__version__,
            new_columns=tuple(self._layout.new),
        )

    def _hours(self, facts: PullFacts) -> list[Span]:
        """The repeated hours between the first and the last call."""
        first, last = facts.window_start, facts.window_end
        return [hour for hour in self._sql.clock.repeated if hour.first_instant <= last and first < hour.end_instant]

    def _count_in(self, hour: Span) -> int:
        """The rows that the file puts into a repeated hour by its local time."""
        (rows,) = self._ask("count(*)", "call_at >= ? and call_at < ?", hour.first_instant, hour.end_instant)
        if rows and None in self._read_times(list(self._layout.times)):  # rows may tell their zone: not ambiguous
            (rows,) = self._engine.execute(self._sql.count_local(hour), self._sql.parameters).fetchone() or (0,)
        return int(rows)

    def _read_times(self, texts: list[str]) -> list[datetime | None]:
        (times,) = self._engine.execute("select [read_local(t) for t in ?::varchar[]]", [texts]).fetchone() or ([],)
        return list(times)

    def _ask(self, what: str, where: str, *values: object) -> tuple[Any, ...]:
        """One row about the file that was written."""
        sql = f"select {what} from read_parquet(?, file_row_number = true, hive_partitioning = false) where {where}"  # noqa: S608  # our words only
        return self._engine.execute(sql, [literal(self._to), *values]).fetchone() or ()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
