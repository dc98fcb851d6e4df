"""What is wrong with a CSV that DuckDB refuses, in plain words, with the line and never its content."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from kayzen_nb.calllayout import EXPORT_AGAIN
from kayzen_nb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kayzen_nb.calllayout import Layout

_TOO_LONG = "maximum line size"


def explain_refusal(text: str, file: Path, layout: Layout) -> Problem:
    """The problem behind DuckDB's refusal (its words in ``text``, which quote the row and are not passed on)."""
    line = _line_of(text, file, layout)
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text)
    next_step = EXPORT_AGAIN
    if fields:
        what = f"A line holds {fields[2]} fields where the header holds {fields[1]}: the file is cut or was edited."
    elif "unterminated quote" in text:
        what = "A quoted value is never closed, or goes on after its closing quote: the file is cut or was edited."
    elif _is_encoding(text):
        what, next_step = "The file is not UTF-8 text.", "In the spreadsheet, save it as 'CSV UTF-8', or export again."
    elif _TOO_LONG in text.lower():
        what = "A line is longer than two million characters: a quote may never be closed."
    else:
        what = "The file is not written as CSV should be (RFC 4180)."
    return Problem(what=what, where=f"{file}, line {line}" if line else str(file), next_step=next_step)


def second_header(file: Path, layout: Layout, row: int) -> Problem:
    """The problem of a file that holds its header again, as its ``row``-th row (from 1, the header not counted)."""
    lines = (start for start, cells in _records(file, layout) if cells)
    line = next((start for at, start in enumerate(lines) if at == row), 0)
    return Problem(
        what=f"{file.name} holds its header twice: two files were pasted together.",
        where=f"{file}, line {line}" if line else str(file),
        next_step="Read one export at a time: save them as two files, and name both with ; between.",
    )


def _is_encoding(text: str) -> bool:
    return "utf-8" in text.lower() or "unicode" in text.lower()


def _line_of(text: str, file: Path, layout: Layout) -> int:
    """The line in the file, as an editor counts it; DuckDB counts a value with line breaks as one. 0: not found."""
    if _is_encoding(text):
        return _first_undecodable(file)
    count = len(layout.header)
    odd = (start for start, cells in _records(file, layout) if cells is None or (cells and len(cells) != count))
    told = re.search(r"Line: (\d+)", text)
    return next(odd, int(told[1]) if told else 0)


def _records(file: Path, layout: Layout) -> Iterator[tuple[int, list[str] | None]]:
    """Each record's first line and cells; None, and the end, where it cannot be read."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream, delimiter=layout.delimiter, strict=True)
        line = 1
        try:
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error:
            yield line, None


def _first_undecodable(file: Path) -> int:
    with file.open("rb") as stream:
        return next((number for number, line in enumerate(stream, start=1) if not _is_utf8(line)), 0)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True
