"""Records that are not as agreed: with columns that we do not know, a name that stands twice, or no record at all.

The slow way, taken only for the records among which DuckDB met such a one. What is new is kept as JSON; links, what a
caller said, and phone numbers are not.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec

from kayzen_nb.privacy import mask_text
from kayzen_nb.spool import literal
from kayzen_nb.storedcalls import NAME_TWICE, NO_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

TABLE = "unusual_records"
MOST_NEW = 500  # more names than this are values that stand in the place of names
_CURRENCY = "currency"  # a column whose name holds this, in whatever case, says what the amounts are in
_MEMBERS = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)
_BETWEEN = re.compile(r"[\s,:]*")

# A value of a new column as it may be kept, null for one that may not. A number ends where no digit follows; two that
# stand next to each other share what is between them, hence the second pass.
_MACROS = r"""
create or replace temp macro digits_in(t) as regexp_replace(t, '\D', '', 'g');
create or replace temp macro without_numbers(t) as regexp_replace(t,
  '(^|[^\d+])(?:\+\d[\d ().-]{6,17}\d|(?:1[ .-]?)?\(?[2-9]\d\d\)?[ .-]{0,2}[2-9]\d\d[ .-]?\d{4})(\D|$)',
  '\1***\2', 'g');
create or replace temp macro names_caller(t, caller) as contains(digits_in(t), caller_digits(caller))
  or (length(digits_in(caller)) >= 7 and contains(digits_in(t), right(digits_in(caller), 10)));
create or replace temp macro kept_value(name, t, caller) as case
  when t is null or regexp_matches(t, '(?i):\\*/\\*/|\bwww\.') then null
  when regexp_matches(name, '(?i)recording|transcri') and not regexp_full_match(t, '(?i)true|false|[\d.-]{1,6}')
    then null
  when names_caller(t, caller) then '***'
  else without_numbers(without_numbers(t)) end;
"""
_LOAD = """
create or replace temp table {table} as
select {cells}, case when len(w) > 0 then to_json(map_from_entries(w))::varchar end as more, money, flaw
from (
  select v, list_filter(list_transform(list_zip(getvariable('new_names'), new_values),
      lambda pair: {{'k': pair[1], 'v': kept_value(pair[1], pair[2], v[{caller}])}}),
    lambda kept: kept.v is not null) as w,
    list_filter(list_zip(getvariable('new_names'), new_values), lambda pair: pair[1] ilike '%{currency}%') as money,
    case when json is null or json_type(json) <> 'OBJECT' then '{unsound}'
      when len(names) > len(list_distinct(names)) then '{twice}' end as flaw
  from (
    select json, json_keys(json) as names, json_extract_string(json, getvariable('known_pointers')) as v,
      json_extract_string(json, getvariable('new_pointers')) as new_values
    from {source}))
"""


def load_unusual(engine: duckdb.DuckDBPyConnection, path: Path, ids: Mapping[str, str]) -> tuple[str, ...]:
    """Read the records of an NDJSON file into the table ``TABLE`` and return the names that are not among ``ids``.

    ``ids`` maps our words to the names that are known. The table has these names (text), ``more`` (JSON of the others,
    null without any), ``money`` (what the columns named like a currency hold) and ``flaw`` (why a record cannot be
    used). It holds callers' full numbers: drop it. No more than ``MOST_NEW`` names are kept.
    """
    source = f"read_ndjson_objects({quote(literal(path))}, hive_partitioning=false, ignore_errors=true)"
    new = _find_new(engine, source, set(ids.values()))
    shown = _show(new[:MOST_NEW])
    engine.execute(_MACROS)
    engine.execute("set variable known_pointers = ?", [[_pointer(name) for name in ids.values()]])
    engine.execute("set variable new_pointers = ?", [[_pointer(name) for name in new[:MOST_NEW]] or ["/"]])
    engine.execute("set variable new_names = ?", [shown or [""]])
    engine.execute(
        _LOAD.format(
            table=TABLE,
            cells=", ".join(f'v[{at}] as "{name}"' for at, name in enumerate(ids.values(), start=1)),
            caller=list(ids).index("caller") + 1,
            source=source,
            currency=_CURRENCY,
            twice=NAME_TWICE,
            unsound=NO_RECORD,
        )
    )
    return (*shown, *new[MOST_NEW:])


def find_currencies(engine: duckdb.DuckDBPyConnection) -> set[str]:
    """What the columns named like a currency hold in the table, other than US dollars."""
    rows = engine.execute(f"select distinct unnest(money)[2] from {TABLE}").fetchall()  # noqa: S608  # our table
    return other_currencies(value for (value,) in rows)


def tells_currency(name: str) -> bool:
    """Whether a column is named like one that says what the amounts are in."""
    return _CURRENCY in name.casefold()


def other_currencies(values: Iterable[str | None]) -> set[str]:
    """Of what such columns hold: everything but blanks and US dollars."""
    return {value for value in values if value and value.strip().upper() not in ("", "USD")}


def describe_currencies(found: Iterable[str]) -> str:
    """Why amounts in other currencies are refused, in a sentence that names (at most five of) them."""
    named = ", ".join(repr(mask_text(text)[:20]) for text in sorted(found)[:5])
    return f"Amounts are in {named}, not in USD: they are not added up."


def read_members(record: bytes) -> Iterator[tuple[str, msgspec.Raw]]:
    """All names of a sound record with their values, in order: one that stands twice comes twice."""
    text = record.decode("utf-8", "surrogateescape")
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _MEMBERS.raw_decode(text, at)
        start = _skip(text, end)
        _, end = _MEMBERS.raw_decode(text, start)
        yield name, msgspec.Raw(text[start:end].encode("utf-8", "surrogateescape"))
        at = _skip(text, end)


def find_flaws(engine: duckdb.DuckDBPyConnection) -> list[str]:
    """The reasons for which records of the table cannot be used."""
    rows = engine.execute(f"select distinct flaw from {TABLE} where flaw is not null order by 1")  # noqa: S608  # our table
    return [flaw for (flaw,) in rows.fetchall()]


def quote(text: object) -> str:
    """A text for use in SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def _skip(text: str, at: int) -> int:
    """Where the next name or value begins."""
    found = _BETWEEN.match(text, at)
    return found.end() if found else at


def _find_new(engine: duckdb.DuckDBPyConnection, source: str, known: set[str]) -> list[str]:
    rows = engine.execute(f"select distinct unnest(json_keys(json)) from {source}").fetchall()  # noqa: S608  # a file of our own
    return sorted(name for (name,) in rows if name not in known)


def _show(names: Sequence[str]) -> list[str]:
    """The names without phone numbers and keys, still different from each other."""
    shown: dict[str, None] = {}
    for name in names:
        masked = mask_text(name) or "(no name)"
        shown.setdefault(masked if masked not in shown else f"{masked} ({len(shown)})")
    return list(shown)


def _pointer(name: str) -> str:
    """The JSON pointer (RFC 6901) to a name of the record."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
