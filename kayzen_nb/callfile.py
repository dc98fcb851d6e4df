"""The CSV that a person exports from Ringba's Call Details report."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from kayzen_nb.calls import CallTable
from kayzen_nb.calltable import build_call_table, open_engine, raw_columns
from kayzen_nb.errors import CallFileError, Problem, did_you_mean
from kayzen_nb.ringba_columns import API_IDS, NEEDED, find_columns, is_summary, title

if TYPE_CHECKING:
    from collections.abc import Collection

    from kayzen_nb.period import Period

_HEAD_BYTES = 256 * 1024
_EXPORT = "Export again in Ringba: Reporting > Call Details > Export CSV."
_DELIMITERS = (",", ";", "\t")  # a spreadsheet that saved the file may have changed it


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How a file is written: its column titles, its delimiter, and where each of our words stands."""

    header: tuple[str, ...]
    delimiter: str
    positions: dict[str, int]


def read_call_file(
    path: str | Path, *, zone: str, period: Period | None, campaign: str = "", test_calls: Collection[str] = ()
) -> CallTable:
    """Read a Call Details export. ``zone`` is the report's time zone, which the file does not tell.

    ``period`` None takes every day of the file; ``test_calls`` are ids to set aside. Raises CallFileError.
    """
    file = _find_file(path)
    layout = _read_layout(file)
    _check_layout(layout, file, campaign)
    engine = open_engine()
    _load(engine, file, layout)
    built = build_call_table(
        engine,
        present=set(layout.positions),
        sparse=layout.header[layout.positions["call_id"]].strip().casefold() == API_IDS["call_id"].casefold(),
        zone=zone,
        period=period,
        campaign=campaign,
        test_calls=test_calls,
    )
    return CallTable(
        relation=built.relation,
        ledger=built.ledger,
        source=f"file {file.name}",
        as_of=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        derived=built.derived,
        unknown=built.unknown,
        inputs={file.name: _sha256(file)},
        notes=(*built.notes, *_note_unused(layout)),
    )


def _find_file(path: str | Path) -> Path:
    """The file, or a refusal that names the nearest one beside it."""
    file = Path(path).expanduser()
    if not str(path).strip():
        raise CallFileError(Problem(what="No CSV file is named.", where="csv_path", next_step=_EXPORT))
    if file.is_file():
        return file.resolve()
    beside = [other.name for other in file.parent.glob("*.csv")] if file.parent.is_dir() else []
    hint = did_you_mean(file.name, beside) if beside else "Check the path; the file must be on this machine."
    raise CallFileError(Problem(what=f"There is no file {file.name!r}.", where=str(file.parent), next_step=hint))


def _read_layout(file: Path) -> _Layout:
    """The header of the file, and its delimiter: the one that shows most columns that we know."""
    text = _read_head(file)
    first_row = {mark: _first_row(text, mark) for mark in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda mark: len(find_columns(first_row[mark])))
    return _Layout(header=first_row[best], delimiter=best, positions=find_columns(first_row[best]))


def _read_head(file: Path) -> str:
    """The beginning of the file as text; refused when it is no text."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as broken:
        raise _refuse(
            file, f"{file.name} cannot be read: {broken.strerror}.", "Close it elsewhere; check its rights."
        ) from None
    if not head.strip():
        raise _refuse(file, f"{file.name} is empty.", _EXPORT)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _refuse(file, f"{file.name} is UTF-16 text.", "In the spreadsheet, save it as 'CSV UTF-8'.")
    if b"\0" in head or head[:2] == b"PK":
        raise _refuse(file, f"{file.name} is not a CSV but a workbook, an archive or the like.", _EXPORT)
    return head.decode("utf-8-sig", errors="replace")


def _first_row(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), ()))
    except csv.Error:
        return ()


def _check_layout(layout: _Layout, file: Path, campaign: str) -> None:
    """Refuse what is no Call Details export, with every missing column at once."""
    if is_summary(layout.header):
        what = f"{file.name} is a Summary export: it holds counts, not calls."
        raise _refuse(file, what, "Export Reporting > Call Details in place of Reporting > Summary.")
    if len(layout.header) < 2 or layout.header[0].lstrip().startswith("<"):
        raise _refuse(file, f"{file.name} is not a CSV of calls: its first line holds no columns.", _EXPORT)
    problems = [_missing(word, layout, file) for word in NEEDED if word not in layout.positions]
    if campaign.strip() and "campaign" not in layout.positions:
        problems.append(_missing("campaign", layout, file))
    names = [name.strip().casefold() for name in layout.header]
    twice = sorted({layout.header[at] for at in layout.positions.values() if names.count(names[at]) > 1})
    problems += [
        Problem(what=f"Column {name!r} stands twice in {file.name}.", where="line 1", next_step=_EXPORT)
        for name in twice
    ]
    if problems:
        raise CallFileError(*problems)


def _missing(word: str, layout: _Layout, file: Path) -> Problem:
    found = ", ".join(name.strip()[:40] for name in layout.header[:40])
    return Problem(
        what=f"{file.name} has no column {title(word)!r}.",
        where=f"line 1, which holds: {found}",
        next_step=f"{did_you_mean(title(word), layout.header)} In Call Details, switch the column on and export again.",
    )


def _load(engine: duckdb.DuckDBPyConnection, file: Path, layout: _Layout) -> None:
    """Fill the table ``raw``, every value as text: phones keep their +, ids their zeros."""
    names = ", ".join(f"'c{at}': 'varchar'" for at in range(len(layout.header)))
    columns = raw_columns({word: f"c{at}" for word, at in layout.positions.items()})
    # Columns go by position, so that no title from the file becomes part of the SQL.
    sql = f"""
        create temp table raw as select row_number() over () as row_number, {columns}
        from read_csv($path, auto_detect = false, header = true, delim = $delimiter, quote = '"', escape = '"',
          strict_mode = true, null_padding = false, columns = {{{names}}})
    """  # noqa: S608  # our words and numbered columns only
    try:
        engine.execute(sql, {"path": re.sub(r"([\[*?])", r"[\1]", str(file)), "delimiter": layout.delimiter})
    except duckdb.Error as broken:
        problem = _explain(str(broken), file)
    else:
        return _check_second_header(engine, layout, file)
    raise CallFileError(problem)  # outside the except: DuckDB's text quotes the row, callers' numbers included


def _explain(text: str, file: Path) -> Problem:
    """DuckDB's finding in plain words: line and count of fields, never the row itself."""
    line = re.search(r"Line: (\d+)", text)
    where = f"{file.name}, line {line[1]}" if line else file.name
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    if fields:
        what = f"A line holds {fields[2]} fields where the header holds {fields[1]}: the file is cut or was edited."
    elif "unterminated quote" in text:
        what = "A quoted value is never closed: the file is cut."
    elif "utf-8" in text.lower() or "unicode" in text.lower():
        what = "The file is not UTF-8 text."
    else:
        what = "The line cannot be read as CSV."
    return Problem(what=what, where=where, next_step=_EXPORT)


def _check_second_header(engine: duckdb.DuckDBPyConnection, layout: _Layout, file: Path) -> None:
    """Two exports pasted together hold the header twice; their calls may overlap."""
    name = layout.header[layout.positions["call_id"]].strip()
    found = engine.execute("select min(row_number) from raw where call_id = ?", [name]).fetchone()
    if found and found[0] is not None:
        what = f"{file.name} holds its header twice: two files were pasted together."
        raise _refuse(file, what, "Read one export at a time.", line=int(found[0]) + 1)


def _note_unused(layout: _Layout) -> list[str]:
    used = set(layout.positions.values())
    rest = [name.strip() or "(no title)" for at, name in enumerate(layout.header) if at not in used]
    return [f"Columns not used: {', '.join(rest)}."] if rest else []


def _refuse(file: Path, what: str, next_step: str, *, line: int | None = None) -> CallFileError:
    where = f"{file}, line {line}" if line else str(file)
    return CallFileError(Problem(what=what, where=where, next_step=next_step))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
