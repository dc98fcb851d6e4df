"""A spend report as a grid of cells: its encoding, delimiter and line of titles found, or the file refused in words."""

from __future__ import annotations

import contextlib
import csv
import io
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from kayzen_nb.errors import Problem, SpendFileError
from kayzen_nb.spendcolumns import (
    EXPORT_AGAIN,
    NEEDED,
    doubled_columns,
    find_spend_columns,
    foreign_currency,
    is_spend,
    missing_columns,
)
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LARGEST = 100 * 1024 * 1024  # a month by hour, campaign and creative is a tenth of it
_HEAD = 64 * 1024
_DELIMITERS = (",", ";", "\t", "|")
_BEFORE_TITLES = 15  # lines that a report may place above its titles: its name, its dates
_NO_TEXT = {
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PK": "a workbook or a zip archive, not a CSV",
    b"\x1f\x8b": "a gzip archive, not a CSV",
}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The titles of a file and its rows below them, blank lines left out; ``places`` has where our words stand."""

    file: Path
    digest: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name

    @property
    def places(self) -> dict[str, int]:
        """The position of each of our words."""
        return find_spend_columns(self.header)


def read_grid(content: bytes, file: Path, digest: str) -> Grid:
    """The cells of a file. Raises SpendFileError with all that is wrong with its form."""
    text, encoding_notes = _decode(content, file)
    delimiter = max(_DELIMITERS, key=lambda mark: _titles_in(_first_lines(text, mark)))
    try:
        lines = list(_lines(text, delimiter))
    except csv.Error as broken:
        raise SpendFileError(_problem(file, f"{file.name} is no sound CSV: {broken}.")) from None
    at = next((at for at, line in enumerate(lines[:_BEFORE_TITLES]) if _is_header(line)), None)
    if at is None:
        raise SpendFileError(*missing_columns(max(lines[:_BEFORE_TITLES], key=len), file))
    header, rows = lines[at], lines[at + 1 :]
    if problems := [*doubled_columns(header, file), *foreign_currency(header, rows, file)]:
        raise SpendFileError(*problems)
    above = (f"{counted(at, 'line')} above the titles of {file.name} passed over.",) if at else ()
    return Grid(
        file=file, digest=digest, delimiter=delimiter, header=header, rows=tuple(rows), notes=(*encoding_notes, *above)
    )


def is_spend_file(file: Path) -> bool:
    """Whether a file is a report of spend by day: its titles say so, also where lines stand above them."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return False
    return any(is_spend(line) for mark in _DELIMITERS for line in _first_lines(text, mark))


def _decode(content: bytes, file: Path) -> tuple[str, tuple[str, ...]]:
    """The text, as UTF-8 or else as Windows writes it in Western countries, which is then said."""
    for mark, kind in _NO_TEXT.items():
        if content.startswith(mark):
            raise SpendFileError(_problem(file, f"{file.name} is {kind}.", "Save the sheet as 'CSV UTF-8'."))
    if len(content) > _LARGEST:
        raise SpendFileError(
            _problem(file, f"{file.name} has {len(content) // 2**20:,} MB: no report by day is that long.")
        )
    if b"\0" in content:
        raise SpendFileError(_problem(file, f"{file.name} is not a CSV but a workbook or the like."))
    try:
        text, notes = content.decode("utf-8-sig"), tuple[str, ...]()
    except UnicodeDecodeError:
        text, notes = content.decode("cp1252", errors="replace"), (f"{file.name} is not UTF-8: read as Windows-1252.",)
    if not text.strip():
        raise SpendFileError(_problem(file, f"{file.name} is empty."))
    return text, notes


def _lines(text: str, delimiter: str) -> Iterator[tuple[str, ...]]:
    """The rows that hold anything, without the spaces around their cells."""
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        cells = tuple(map(str.strip, row))
        if any(cells):
            yield cells


def _first_lines(text: str, delimiter: str) -> list[tuple[str, ...]]:
    """Where titles may stand; as far as the rows are sound."""
    lines: list[tuple[str, ...]] = []
    with contextlib.suppress(csv.Error):
        lines.extend(islice(_lines(text, delimiter), _BEFORE_TITLES))
    return lines


def _titles_in(lines: list[tuple[str, ...]]) -> int:
    return max((len(find_spend_columns(line)) for line in lines), default=0)


def _is_header(line: tuple[str, ...]) -> bool:
    return set(NEEDED) <= find_spend_columns(line).keys()


def _problem(file: Path, what: str, next_step: str = EXPORT_AGAIN) -> Problem:
    return Problem(what=what, where=str(file), next_step=next_step)
