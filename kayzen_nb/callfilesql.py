"""The SQL that reads an exported CSV into stored calls: columns by position, all values text until a macro reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.callsql import build_stored_sql
from kayzen_nb.newcolumns import tells_currency
from kayzen_nb.spool import literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from kayzen_nb.calllayout import Layout
    from kayzen_nb.callsql import StoredSql
    from kayzen_nb.localclock import LocalClock, Span

_BLANKS_COUNT = ("caller", "number", "duration", "block_reason")  # here a cell of spaces would pass for a value
_IS_SECOND = "list_contains(getvariable('second_pass'), in_call_id)"
_DAY_FIRST = r"^\s*((?:1[3-9]|2\d|3[01])/(?:0?[1-9]|1[0-2])/\d{4})\b"
_URL = r"(?i)://|%3a%2f%2f|^\s*www\.|api_key"
# As ``privacy.mask_text``, in a syntax without look-around; and numbers of other countries, where a + marks them.
_PHONE = r"(^|[^0-9A-Za-z_])((?:\+|%2[Bb])?(?:1[ .-]?)?\(?[2-9]\d{2}\)?[ .-]{0,2}[2-9]\d{2}[ .-]?\d{2})(\d{2})\b"
_ABROAD = r"(?:\+|%2[Bb])\d[\d .()-]{4,18}(\d{2})\b"


@dataclass(frozen=True, kw_only=True)
class FileSql:
    """What is asked of DuckDB about one file; no title and no path from outside becomes part of the SQL."""

    file: Path
    layout: Layout
    clock: LocalClock

    @property
    def parameters(self) -> dict[str, str]:
        """What the queries' ``$path`` and ``$delimiter`` stand for. In a path, ``[`` ``*`` ``?`` are plain letters."""
        return {"path": literal(self.file), "delimiter": self.layout.delimiter}

    def set_variables(self, engine: duckdb.DuckDBPyConnection, second_pass: tuple[str, ...]) -> None:
        """Hand over the titles of new columns, and the ids of calls of a repeated hour's second pass."""
        engine.execute("set variable new_titles = ?", [list(self.layout.new) or [""]])
        engine.execute("set variable second_pass = ?", [list(second_pass) or [""]])

    def stored(self, *, has_second_pass: bool, keep_numbers: bool, forgets: bool) -> StoredSql:
        """The query from the file's cells to the stored columns."""
        return build_stored_sql(
            {word: f"in_{word}" for word in self.layout.positions},
            self._timed(_IS_SECOND if has_second_pass else "false"),
            at_utc="coalesce(local_utc, case when local_time is null then read_instant(in_call_at) end)",
            skipped="local_utc is null and is_plausible(local_time)",
            sparse=self.layout.is_sparse,
            more=self._more(),
            keep_numbers=keep_numbers,
            forgets=forgets,
        )

    def count_local(self, hour: Span) -> str:
        """The query that counts rows whose time is written without a zone and lies in a repeated hour."""
        times = f"select read_local(in_call_at) as local_time from {self._cells()}"  # noqa: S608  # our words only
        return f"select count(*) from ({times}) where {_between('local_time', hour)}"  # noqa: S608  # the same

    def find_day_first(self) -> str:
        """The query for a date, if there is one, that can only be day first: 13/11/2026."""
        found = f"regexp_extract(in_call_at, '{_DAY_FIRST}', 1)"
        return f"select {found} from {self._cells()} where {found} <> '' limit 1"  # noqa: S608  # the same

    def list_currencies(self) -> str:
        """The query for what the columns named like a currency hold, a value a row; empty without such a column."""
        money = [self._names()[at] for at, title in enumerate(self.layout.header) if tells_currency(title)]
        return f"select distinct unnest([{', '.join(money)}]) from {self._cells()}" if money else ""  # noqa: S608  # the same

    def _timed(self, is_second: str) -> str:
        cells = ", ".join([*(self._cell(word) for word in self.layout.positions), *self._new_cells()])
        read = f"select read_local(in_call_at) as local_time, {cells} from {self._cells()}"  # noqa: S608  # the same
        return f"(select *, {self.clock.as_sql('local_time', is_second=is_second)} as local_utc from ({read}))"  # noqa: S608  # the same

    def _cell(self, word: str) -> str:
        name = f"in_{word}"
        return (
            f"case when starts_with({name}, ' ') then nullif(trim({name}), '') else {name} end as {name}"
            if (word in _BLANKS_COUNT)
            else name
        )

    def _new_cells(self) -> list[str]:
        return [f"new_{at}" for at in self.layout.new.values()]

    def _cells(self) -> str:
        """The file, every column as text: phones keep their +, ids their zeros."""
        columns = ", ".join(f"'{name}': 'varchar'" for name in self._names())
        return (
            "read_csv($path, auto_detect = false, header = true, delim = $delimiter, quote = '\"', escape = '\"',"
            f" strict_mode = true, null_padding = false, columns = {{{columns}}})"
        )

    def _names(self) -> list[str]:
        """The file's columns by the names that they have in SQL."""
        names = {at: f"new_{at}" for at in self.layout.new.values()}
        names |= {at: f"in_{word}" for word, at in self.layout.positions.items()}
        return [names.get(at, f"c{at}") for at in range(len(self.layout.header))]

    def _more(self) -> str:
        """JSON of the columns not known here: numbers masked, links dropped (a recording opens a person's voice)."""
        pairs = [f"getvariable('new_titles')[{n}], {_kept(name)}" for n, name in enumerate(self._new_cells(), start=1)]
        filled = f"json_merge_patch('{{}}', json_object({', '.join(pairs)}))::varchar"  # the patch leaves out nulls
        return f"nullif({filled}, '{{}}')" if pairs else "null"


def _kept(cell: str) -> str:
    masked = f"regexp_replace(regexp_replace({cell}, '{_PHONE}', '\\1***-***-**\\3', 'g'), '{_ABROAD}', '***\\1', 'g')"
    return f"case when trim({cell}) <> '' and not regexp_matches({cell}, '{_URL}') then {masked} end"


def _between(name: str, hour: Span) -> str:
    return f"{name} >= timestamp '{hour.start}' and {name} < timestamp '{hour.end}'"
