"""The calls behind a bar, as a table on the page and as CSV files beside it: numbers hidden, cells that run nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pandas as pd

from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.drilldown import CALLS_COLUMNS, find_calls
from kayzen_nb.exits import EXITS
from kayzen_nb.tables import safe_cell
from kayzen_nb.vocabulary import counted, label

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from kayzen_nb.exits import Exit
    from kayzen_nb.funnel import Funnel

ROWS_A_FILE = 1_000_000  # Excel opens 1,048,576 rows
_SHOWN = 50
_NUMBERS = count(1)
_HARMLESS = "coalesce((select harmless from safe where text = {0}), {0}) as {0}"
_TEXTS = ("call_id", "campaign", "number", "caller", "state", "target", "publisher", "reason")  # from outside
_LABELS = {"local_time": "Time", "place": "Ended as", "reason": "Ringba's reason", "connected_s": "Connected (s)"} | {
    "revenue": "Revenue (USD)",
    "payout": "Payout (USD)",
}
# Texts that ``tables.safe_cell`` may change, and more: only these leave the database, each once.
_SUSPICIOUS = r"regexp_matches(text, '(\d[ .()-]*){10}|(?i:api_key=)|^[-=+@\t\r]|[^ -~]')"


@dataclass(frozen=True, kw_only=True)
class CallsFile:
    """One CSV of calls: the exit by which they left, how many they are, and the file's name."""

    exit_label: str
    calls: int
    name: str


def calls_table(calls: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Calls as people read them, one row each: words for what is blank, or was not told."""
    frame = calls.project(", ".join(name for name in CALLS_COLUMNS if name != "utc_time")).df()
    return pd.DataFrame({_label(name): [_cell(name, value) for value in frame[name]] for name in frame.columns})


def count_calls(calls: duckdb.DuckDBPyRelation) -> int:
    """How many calls these are."""
    return int(calls.aggregate("count(*)").fetchall()[0][0])


def save_calls(funnel: Funnel, folder: Path) -> list[CallsFile]:
    """One CSV an exit that was taken, and one of the paid calls: together they hold every call exactly once.

    An exit with more than ``ROWS_A_FILE`` calls gets several files. Only the owner may read them.
    """
    taken = funnel.roll_up().groupby("exit")["calls"].sum()
    return [
        file
        for place in EXITS
        if taken.get(place.code, 0)
        for file in _save_parts(find_calls(funnel, exit_name=place.name), folder, place, int(taken[place.code]))
    ]


def files_table(files: list[CallsFile]) -> pd.DataFrame:
    """Where calls ended, how many, and the file that lists them, which the page makes a link."""
    return pd.DataFrame(
        [{"Ended as": one.exit_label, "Calls": f"{one.calls:,}", "File": f"data/{one.name}"} for one in files]
    )


def describe_files(files: list[CallsFile]) -> str:
    """That the files hold every call once, and where one exit needed more than one file."""
    if not files:
        return "No calls, so no files of calls."
    total = sum(one.calls for one in files)
    told = f"{counted(len(files), 'file')} in data hold each of {counted(total, 'call')} once; numbers are masked."
    is_split = len({one.exit_label for one in files}) < len(files)
    return f"{told} A file holds at most {ROWS_A_FILE:,} calls, which Excel can open." if is_split else told


def save_found(calls: duckdb.DuckDBPyRelation, path: Path) -> int:
    """Write found calls as one CSV that its owner alone may read; gives their number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # an older file would keep its own rights
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    name = f"found_{next(_NUMBERS)}"
    _run(calls, f"create temp table {name} as from found")  # read once; looked through and written from there
    try:
        # Without a file of DuckDB's own beside it, which would have other rights.
        options = "(format csv, header, use_tmp_file false)"
        [(written,)] = _run(calls, f"copy ({_safe_sql(calls, name)}) to {_literal(str(path))} {options}")
    finally:
        _run(calls, f"drop table {name}")
    return int(written)


def _save_parts(calls: duckdb.DuckDBPyRelation, folder: Path, place: Exit, number: int) -> Iterator[CallsFile]:
    for first in range(0, number, ROWS_A_FILE):
        part = f"_{first // ROWS_A_FILE + 1}" if number > ROWS_A_FILE else ""
        name = f"calls_{place.name}{part}.csv"
        written = save_found(calls.limit(ROWS_A_FILE, first), folder / name)
        yield CallsFile(exit_label=place.label, calls=written, name=name)


def _safe_sql(calls: duckdb.DuckDBPyRelation, table: str) -> str:
    """The rows of the table with every text as ``tables.write_csv`` would write it; amounts and seconds untouched."""
    safe = {text: str(safe_cell(text)) for text in _suspicious_texts(calls, table)}
    pairs = [f"({_literal(text)}, {_literal(harmless)})" for text, harmless in safe.items() if harmless != text]
    if not pairs:
        return f"from {table}"
    columns = [_HARMLESS.format(name) if name in _TEXTS else name for name in CALLS_COLUMNS]
    return f"with safe(text, harmless) as (values {', '.join(pairs)}) select {', '.join(columns)} from {table}"  # noqa: S608  # literals and our own words


def _suspicious_texts(calls: duckdb.DuckDBPyRelation, table: str) -> list[str]:
    """Each text once that may hold a number or a formula, or letters outside ASCII."""
    texts = " union ".join(f"select distinct {name} as text from {table}" for name in _TEXTS)  # noqa: S608  # our own words
    return [text for (text,) in _run(calls, f"select text from ({texts}) where {_SUSPICIOUS}")]  # noqa: S608  # as above


def _run(calls: duckdb.DuckDBPyRelation, sql: str) -> list[Any]:
    """Run a statement where the calls live; they are ``found`` in it."""
    answer = calls.query("found", sql)
    return answer.fetchall() if answer else []


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _label(name: str) -> str:
    return _LABELS.get(name) or (DIMENSIONS[name].label if name in DIMENSIONS else label(name))


def _cell(name: str, value: object) -> str:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124  # NaN is not itself
        return DIMENSIONS[name].blank if name in DIMENSIONS else "" if name == "reason" else "unknown"
    return f"{value:,}" if name == "connected_s" else str(value)
