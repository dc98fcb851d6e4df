"""Whether the call log still holds what was agreed: a column that is gone or retyped is told from single bad values.

Single rows that cannot be read are set aside and counted. A column that cannot be read in any row means that the
platform has changed it: then nothing is kept, and the error names the column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kayzen_nb.errors import ContractError, Problem, did_you_mean
from kayzen_nb.newcolumns import MOST_NEW, find_currencies, quote
from kayzen_nb.privacy import mask_text
from kayzen_nb.ringba_columns import API_IDS, title
from kayzen_nb.spool import literal
from kayzen_nb.storedcalls import STORED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import duckdb

_ENOUGH = 10  # rows that cannot all be wrong by chance
_GONE = ("call_id", "call_at")
# What a value must be readable as, by our word; null is what such a reader gives for any other.
READERS = {
    "call_id": "case when is_call_id({0}) then true end",
    "call_at": "case when is_plausible(read_instant({0})) then true end",
} | dict.fromkeys(("is_duplicate", "blocked", "connected", "converted", "paid", "live"), "read_flag({0})")
READERS |= dict.fromkeys(("revenue", "payout"), "read_micros({0})")
READERS |= dict.fromkeys(("duration", "connected_time", "time_to_connect"), "read_seconds({0})")
_STORED_AS = {
    "revenue": "revenue_usd_micros", "payout": "payout_usd_micros", "duration": "duration_s",
    "connected_time": "connected_s", "time_to_connect": "time_to_connect_s",
}  # fmt: skip
_TEXTS = (
    "campaign", "state", "target", "publisher", "block_reason", "ended_by",
    "incomplete_reason", "no_conversion_reason", "no_payout_reason",
)  # fmt: skip
_ADVICE = "Nothing of it was stored; what was stored before is untouched. Update this toolkit, or report this."


@dataclass(kw_only=True)
class _Seen:
    """Of one column: rows with a value, rows whose value cannot be read, and one such value."""

    given: int = 0
    unreadable: int = 0
    example: str = ""


@dataclass(kw_only=True)
class Contract:
    """What was seen of the columns, over all records of a day."""

    columns: dict[str, _Seen] = field(default_factory=lambda: {word: _Seen() for word in READERS})
    rows_judged: int = 0
    new_columns: set[str] = field(default_factory=set)
    currencies: set[str] = field(default_factory=set)

    def look(self, engine: duckdb.DuckDBPyConnection, source: str, cells: Mapping[str, str]) -> None:
        """Count what cannot be read in records of which some were set aside."""
        asked = ", ".join(_counts(read.format(cells[word]), cells[word]) for word, read in READERS.items())
        found = engine.execute(f"select count(*), {asked} from {source}").fetchone() or ()  # noqa: S608  # our words only
        self.rows_judged += found[0]
        for at, word in enumerate(READERS):
            self._add(self.columns[word], *found[1 + 3 * at : 4 + 3 * at])

    def learn(self, new_columns: Iterable[str], engine: duckdb.DuckDBPyConnection) -> None:
        """Take note of columns that are new, and of the currencies they tell."""
        self.new_columns |= set(new_columns)
        self.currencies |= find_currencies(engine)

    def check(self, engine: duckdb.DuckDBPyConnection, parts: list[Path], rows: int, where: str) -> None:
        """Refuse columns that are gone or retyped. Raises ContractError with every problem at once.

        ``parts`` are the Parquet files with all ``rows`` rows.
        """
        stored = _Stored(engine, parts)
        problems = [*self._gone(rows), *self._retyped(stored), *_objects(stored), *self._foreign()]
        if problems:
            raise ContractError(*(Problem(what=what, where=where, next_step=step) for what, step in problems))

    def _add(self, seen: _Seen, given: int, unreadable: int, example: str | None) -> None:
        seen.given += given
        seen.unreadable += unreadable
        seen.example = seen.example or (example or "")

    def _gone(self, rows: int) -> Iterable[tuple[str, str]]:
        if not (rows >= _ENOUGH or (rows and self.new_columns)):
            return  # a few odd rows of a quiet day are set aside; a new name beside them is a column renamed
        for word in _GONE:
            if self.rows_judged == rows and not self.columns[word].given:
                yield f"Column {_name(word)} has no value in any of {rows:,} rows.", self._next_step(word)

    def _retyped(self, stored: _Stored) -> Iterable[tuple[str, str]]:
        for word, seen in self.columns.items():
            if seen.given == seen.unreadable >= _ENOUGH and not stored.is_readable_elsewhere(word):
                yield _unreadable(word, seen.unreadable, seen.example), self._next_step(word)

    def _foreign(self) -> Iterable[tuple[str, str]]:
        if self.currencies:
            named = ", ".join(repr(mask_text(text)[:20]) for text in sorted(self.currencies)[:5])
            yield (
                f"Amounts are in {named}, not in USD: they are not added up.",
                "Ask Ringba why.",
            )
        if len(self.new_columns) > MOST_NEW:
            yield f"{len(self.new_columns):,} columns are not known: values stand in the place of names.", _ADVICE

    def _next_step(self, word: str) -> str:
        if not self.new_columns:
            return _ADVICE
        hint = did_you_mean(API_IDS[word], self.new_columns)
        hint = hint if hint.startswith("did") else "new columns are " + ", ".join(sorted(self.new_columns)[:10])
        return f"{hint[:1].upper()}{hint[1:].rstrip('?.')}{'?' if hint.endswith('?') else '.'} {_ADVICE}"


class _Stored:
    """The rows as they were stored, before anything is kept."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, parts: list[Path]) -> None:
        self._engine = engine
        self._files = "[" + ", ".join(quote(literal(part)) for part in parts) + "]"
        self._rows = f"read_parquet({self._files}, hive_partitioning = false)"

    def is_readable_elsewhere(self, word: str) -> bool:
        """Whether a row that is used holds a value of the column: one among records that were not looked at."""
        column = _STORED_AS.get(word, word)
        if column not in STORED_COLUMNS:
            return False  # isLive is not kept
        value = f"{column} is not null" if word in _STORED_AS or word in _GONE else column
        asked = f"select count(*) filter ({value} and set_aside is null) from {self._rows}"  # noqa: S608  # our words only
        return bool(self._ask(asked)[0])

    def count_objects(self) -> list[tuple[str, int, str]]:
        """Text columns that hold nothing but objects or lists: name, rows, one of them.

        Looked at only where the files' own statistics allow it: few names begin with or after a bracket.
        """
        maxima = f"select path_in_schema, bool_or(coalesce(stats_max_value, '[') >= '[') from parquet_metadata({self._files}) where list_contains({list(_TEXTS)}, path_in_schema) group by 1"  # noqa: E501, S608  # our words only
        found = []
        for column, is_possible in self._engine.execute(maxima).fetchall():
            asked = f"select count({column}), count(*) filter ({column}[1] in ('{{', '[')), any_value({column}) from {self._rows}"  # noqa: E501, S608  # our words only
            given, objects, example = self._ask(asked) if is_possible else (0, 0, None)
            if given == objects >= _ENOUGH:
                found.append((column, objects, example))
        return found

    def _ask(self, sql: str) -> tuple[Any, ...]:
        return self._engine.execute(sql).fetchone() or ()


def _objects(stored: _Stored) -> Iterable[tuple[str, str]]:
    return [(_unreadable(word, rows, example), _ADVICE) for word, rows, example in stored.count_objects()]


def _counts(read: str, cell: str) -> str:
    lost = f"trim({cell}) <> '' and {read} is null"
    return f"count(*) filter (trim({cell}) <> ''), count(*) filter ({lost}), any_value({cell}) filter ({lost})"


def _unreadable(word: str, rows: int, example: str) -> str:
    shown = mask_text(example).replace("\n", " ")[:60]
    return f"Column {_name(word)} cannot be read in any of {rows:,} rows: it holds {_kind(example)}, such as {shown}"


def _name(word: str) -> str:
    return f"{API_IDS[word]!r} ({title(word)})" if title(word) != API_IDS[word] else repr(API_IDS[word])


def _kind(text: str) -> str:
    """What a text from JSON was."""
    if text[:1] in ("{", "["):
        return "an object" if text.startswith("{") else "a list"
    if text in ("true", "false"):
        return "yes or no"
    return "a number" if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", text) else "a text"
