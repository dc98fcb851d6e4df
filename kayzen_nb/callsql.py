"""From text, as an API or a file gives it, to the columns of a stored call: one SQL for every source.

Each reader macro tries the usual form first and the rare ones only where that failed: a million rows take about as long
as writing them. Nothing is computed row by row in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from kayzen_nb.ringba_columns import title
from kayzen_nb.storedcalls import (
    BAD_AMOUNT,
    BAD_DATE,
    BAD_DURATION,
    BAD_FLAG,
    NO_CALL_ID,
    SKIPPED_TIME,
    STORED_COLUMNS,
)
from kayzen_nb.vocabulary import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kayzen_nb.callerkey import CallerKey

_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
MEMORY = "1GB"  # what one reading may hold; more goes to the spool folder
_FLAGS = ("is_duplicate", "blocked", "connected", "converted", "paid", "live")
_TEXTS = (
    "campaign", "state", "target", "publisher", "block_reason", "ended_by",
    "incomplete_reason", "no_conversion_reason", "no_payout_reason",
)  # fmt: skip
_AMOUNTS = {"revenue": "revenue_usd_micros", "payout": "payout_usd_micros"}
_TIMES = {"duration": "duration_s", "connected_time": "connected_s", "time_to_connect": "time_to_connect_s"}

# Values as Ringba writes them, in its API, its exports, and after a spreadsheet has touched them. Amounts below a
# billion dollars survive the way through a double exactly: it tells millionths apart up to nine billion.
_MACROS = r"""
create temp macro read_flag(t) as case
  when t is null then null when t in ('true', 'True') then true when t in ('false', 'False') then false
  when lower(trim(t)) in ('true', 'yes', '1') then true when lower(trim(t)) in ('false', 'no', '0') then false end;
create temp macro micros_of(x) as case when abs(x) < 1e9 then round(x * 1e6)::bigint end;
create temp macro read_micros(t) as case
  when t is null then null when try_cast(t as double) is not null then micros_of(try_cast(t as double))
  when regexp_full_match(trim(t), '-?\$?-?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?')
    then micros_of(try_cast(regexp_replace(t, '[$, ]', '', 'g') as double)) end;
create temp macro sound_seconds(n) as case when n between 0 and 9999999 then n end;
create temp macro read_seconds(t) as coalesce(
  case when strlen(t) = 8 and t[3] = ':' then epoch_us(try_cast(t as time)) // 1000000
    when strlen(t) < 8 then sound_seconds(try_cast(try_cast(t as double) as bigint)) end,
  case when t is null then null
    when regexp_full_match(trim(t), '\d{1,5}:[0-5]\d:[0-5]\d') then split_part(trim(t), ':', 1)::bigint * 3600
      + split_part(t, ':', 2)::bigint * 60 + split_part(trim(t), ':', 3)::bigint
    else sound_seconds(try_cast(try_cast(t as double) as bigint)) end);
create temp macro read_local(t) as coalesce(try_strptime(t, '%m/%d/%Y %I:%M:%S %p'),
  case when t is not null then coalesce(
    try_strptime(trim(t), ['%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %I:%M %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M']),
    case when regexp_full_match(trim(t), '\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?')
      then try_cast(t as timestamp) end) end);
create temp macro read_instant(t) as case
  when t is null then null when strlen(t) = 13 and try_cast(t as double) between 946684800000 and 4102444800000
    then make_timestamp(round(try_cast(t as double))::bigint * 1000)
  when regexp_full_match(trim(t), '\d{13}(\.0+)?') then make_timestamp(trim(t)[:13]::bigint * 1000)
  when regexp_full_match(trim(t), '\d{10}(\.0+)?') then make_timestamp(trim(t)[:10]::bigint * 1000000)
  when regexp_full_match(trim(t), '\d{16}') then make_timestamp(trim(t)::bigint)
  when regexp_full_match(trim(t), '\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)')
    then make_timestamp(epoch_us(try_cast(trim(t) as timestamptz))) end;
create temp macro is_call_id(t) as regexp_full_match(t, ' *[A-Za-z0-9_+/=.:-]{1,100} *');
create temp macro is_plausible(t) as t between timestamp '2000-01-01' and timestamp '2100-01-01';
create temp macro is_usual(t) as strlen(t) = 12 and t between '+12' and '+1:'
  and try_cast(t as bigint) between 12e9::bigint and 2e10::bigint - 1;
create temp macro plain_digits(t) as regexp_replace(regexp_replace(t, '(?i)\s*(x|ext\.?|#).*$', ''), '\D', '', 'g');
create temp macro caller_digits(t) as case
  when is_usual(t) then t[3:] when regexp_full_match(trim(t), '[+-]?\d+(\.\d+)?[eE][+-]?\d+') then null
  when length(plain_digits(t)) = 11 and plain_digits(t)[1] = '1' then plain_digits(t)[2:]
  when length(plain_digits(t)) >= 7 then plain_digits(t) end;
create temp macro dashed(d, shown) as repeat('*', length(d) - shown) || right(d, shown);
create temp macro mask_digits(d, shown) as case
  when length(d) < 7 then '***'
  else ltrim(left(dashed(d, shown), -7) || '-' || right(dashed(d, shown), 7)[:3]
    || '-' || right(dashed(d, shown), 4), '-') end;
create temp macro mask_number(t, shown) as case
  when is_usual(t) then '***-***-' || repeat('*', 4 - shown) || right(t, shown) when t is null then null
  when not regexp_matches(t, '\p{Nd}') then t else mask_digits(right(plain_digits(t), 10), shown) end;
create temp macro is_sealed(t) as t[:7] = 'sealed:';
create temp macro caller_pseudonym(t) as case
  when is_usual(t) then left(sha256(getvariable('caller_salt') || t[3:]), 16)
  when t is null then null when is_sealed(t) then nullif(split_part(t, ':', 2), '')
  when caller_digits(t) is null then null
  else left(sha256(getvariable('caller_salt') || caller_digits(t)), 16) end;
create temp macro mask_caller(t) as case
  when is_usual(t) then '***-***-**' || right(t, 2)
  when is_sealed(t) then nullif(regexp_replace(split_part(t, ':', 3), '\p{Nd}{3,}', '***', 'g'), '')
  else mask_number(t, 2) end;
create temp macro tidy(t) as case
  when t = '' then null when starts_with(t, ' ') or ends_with(t, ' ') then nullif(trim(t), '') else t end;
"""


@dataclass(frozen=True, kw_only=True)
class StoredSql:
    """A query that yields the stored columns, and how flags came about that the source does not hold."""

    query: str
    derived: Mapping[str, str]
    unknown: tuple[str, ...]


def open_engine(key: CallerKey | None = None, spool: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A database in memory that loads nothing from the network; what does not fit goes to the spool folder."""
    engine = duckdb.connect(":memory:", config=_OFFLINE)
    engine.execute("set timezone = 'UTC'")
    engine.execute("set enable_progress_bar = false")  # after two seconds it would print
    engine.execute(f"set memory_limit = '{MEMORY}'")
    if spool:
        engine.execute("set temp_directory = ?", [str(spool)])
    engine.execute(_MACROS)
    if key:
        engine.execute("set variable caller_salt = ?", [key.salt])
        engine.execute("set variable forgotten = ?", [sorted(key.forgotten) or [""]])
    return engine


def build_stored_sql(
    cells: Mapping[str, str],
    source: str,
    *,
    at_utc: str,
    sparse: bool,
    skipped: str = "false",
    more: str = "null",
    keep_numbers: bool = False,
    forgets: bool = True,
) -> StoredSql:
    """The query from a source's text cells to the stored columns.

    ``cells`` maps our words (``ringba_columns``) to SQL for a text that is null where blank; a word that is not there
    is not in the source. ``source`` is what stands after ``from``. ``at_utc`` is SQL for the call's time (TIMESTAMP,
    UTC), null where it cannot be read; ``skipped`` whether it is a local time that the clock change skips. ``sparse``:
    a flag without a value is false, as in Ringba's API. ``more`` is SQL for the JSON of other columns. ``forgets``
    False saves the look at who is to be forgotten, where no one is.
    """
    columns = _Columns(cells, sparse=sparse)
    columns.sql |= {"more": more, "caller_number": cells.get("caller") if keep_numbers else None}
    typed = ", ".join(f"({columns.sql[name] or 'null'})::{kind} as {name}" for name, kind in _inner_types().items())
    judged = [word for word in (*_AMOUNTS, *_TIMES, *_FLAGS) if word in cells]
    texts = "".join(f", {cells[word]} as text_{word}" for word in judged)
    live = f", read_flag({cells['live']}) as live" if "live" in cells else ""
    read = f"select {typed}{texts}{live}, at_utc, was_skipped from (select *, {at_utc} as at_utc, {skipped} as was_skipped from {source})"  # noqa: E501, S608  # our words only
    names = ", ".join(_forgetting(name) if forgets else name for name in STORED_COLUMNS)
    return StoredSql(
        query=f"select {names} from (select *, {_reason(cells)} as set_aside from ({read}))",  # noqa: S608  # our words only
        derived=columns.derived,
        unknown=columns.unknown,
    )


def _inner_types() -> dict[str, str]:
    return {name: kind for name, kind in STORED_COLUMNS.items() if name != "set_aside"}


def _forgetting(name: str) -> str:
    """A column as it is kept: of a caller who is to be forgotten nothing but the call."""
    gone = "list_contains(getvariable('forgotten'), caller_key)"
    kept = {"caller": "'forgotten'", "caller_key": "null", "caller_number": "null", "state": "null", "more": "null"}
    return f"case when {gone} then {kept[name]} else {name} end as {name}" if name in kept else name


def _reason(cells: Mapping[str, str]) -> str:
    """Why a row cannot be used, null for a call."""

    def unreadable(stored: Mapping[str, str]) -> str:
        lost = [f"({name} is null and trim(text_{word}) <> '')" for word, name in stored.items() if word in cells]
        return " or ".join(lost) or "false"

    flags = {word: f"read_flag(text_{word})" for word in _FLAGS}
    return f"""case
      when call_id is null or not is_call_id(call_id) then '{NO_CALL_ID}'
      when was_skipped then '{SKIPPED_TIME}'
      when call_at is null then '{BAD_DATE}'
      when {unreadable(_AMOUNTS)} then '{BAD_AMOUNT}'
      when {unreadable(_TIMES)} then '{BAD_DURATION}'
      when {unreadable(flags)} then '{BAD_FLAG}' end"""


class _Columns:
    """For each stored column the SQL that makes it, and whether it is given, derived or unknown."""

    def __init__(self, cells: Mapping[str, str], *, sparse: bool) -> None:
        self._cells, self._sparse = cells, sparse
        self.derived: dict[str, str] = {}
        self.sql: dict[str, str | None] = {name: self._flag(name) for name in _FLAGS if name != "live"}
        self._derive("blocked", "block_reason", "{0} is not null and lower({0}) <> 'noreason'", "filled")
        self._derive("connected", "connected_time", "coalesce(read_seconds({0}), 0) > 0", "above zero")
        amount = "above zero; blank and 0.00 both count as no"
        self._derive("converted", "revenue", "coalesce(read_micros({0}), 0) > 0", amount)
        self._derive("paid", "payout", "coalesce(read_micros({0}), 0) > 0", amount)
        self._derive_completed()
        self.sql |= {"error": None} | {word: self._read("tidy({0})", word) for word in _TEXTS}
        self.sql |= {name: self._read("read_micros({0})", word) for word, name in _AMOUNTS.items()}
        self.sql |= {name: self._read("read_seconds({0})", word) for word, name in _TIMES.items()}
        self.sql |= {
            "number": self._read("mask_number({0}, 4)", "number"),
            "caller": self._read("mask_caller({0})", "caller"),
            "caller_key": self._read("caller_pseudonym({0})", "caller"),
            "call_id": self._read("tidy({0})", "call_id"),
            "call_at": "case when is_plausible(at_utc) then make_timestamptz(epoch_us(at_utc)) end",
        }

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that the source does not hold, in the vocabulary's order."""
        return tuple(name for name in CALL_COLUMNS if self.sql[name] is None)

    def _read(self, reader: str, word: str) -> str | None:
        return reader.format(self._cells[word]) if word in self._cells else None

    def _flag(self, word: str) -> str | None:
        return self._read("coalesce(read_flag({0}), false)" if self._sparse else "read_flag({0})", word)

    def _derive(self, name: str, word: str, sql: str, judged: str) -> None:
        """A flag that the source lacks, from another of its columns, with the sentence that says so."""
        if self.sql[name] is None and word in self._cells:
            self.sql[name] = self._read(sql, word)
            why = f"because the file has no {title(name)} column"
            self.derived[name] = f"{CALL_COLUMNS[name].label}: derived from {title(word)} {judged}, {why}."

    def _derive_completed(self) -> None:
        """Ringba's calls hold no such flag (its summary's Completed is another thing): connected, and ended."""
        self.sql["completed"] = None
        connected = self.sql["connected"]
        if connected and "live" in self._cells:
            self.sql["completed"] = f"({connected}) and not coalesce({self._read('read_flag({0})', 'live')}, false)"
            self.derived["completed"] = "Completed: derived as connected and no longer live."
        elif connected and "duration" in self._cells:
            self.sql["completed"] = f"({connected}) and {self._cells['duration']} is not null"
            self.derived["completed"] = "Completed: derived as connected with a Duration, which a call gets at its end."
