"""Ringba's Summary export, ``call-summary.csv``: a row a group, the totals in the last row, whose group is blank."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb.calllayout import read_layout
from kayzen_nb.dimensions import GROUPS
from kayzen_nb.errors import CallFileError, Problem
from kayzen_nb.privacy import mask_phone, mask_text
from kayzen_nb.ringba_columns import find_columns, is_summary
from kayzen_nb.ringba_values import read_micros, read_seconds
from kayzen_nb.summarywords import SummaryRow, SummaryTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

EXPORT_SUMMARY = "Export again in Ringba: Reporting > Summary > Export CSV, and do not save it in a spreadsheet."
_MOST_BYTES = 32 * 1024 * 1024  # a summary has a row a group: more is another file
_MOST_PROBLEMS = 20
_NO_VALUE = "-no value-"
_NOTHING = {"", "-", "nan", "nan%", "n/a", "∞", "infinity", "infinity%", "∞%"}  # a rate without a base


def _read_count(text: str) -> int | None:
    return int(text.replace(",", "")) if re.fullmatch(r"\d{1,12}|\d{1,3}(,\d{3}){1,3}", text, re.ASCII) else None


def _read_number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"-?\d{1,12}(\.\d{1,30})?([eE]-?\d{1,2})?", text, re.ASCII) else None


def _read_percent(text: str) -> Decimal | None:
    return _read_number(text[:-1].strip().replace(",", "")) if text.endswith("%") else None


def _read_dollars(text: str) -> Decimal | None:
    return _read_number(text.removeprefix("$").replace(",", ""))


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How the cells of a column are written: which field of a row they go into, and who reads them."""

    field: str
    read: Callable[[str], Any]
    words: str


_COUNT = _Kind(field="counts", read=_read_count, words="a whole number")
_MONEY = _Kind(field="micros", read=read_micros, words="an amount such as 27.00")
_PERCENT = _Kind(field="percents", read=_read_percent, words="a share such as 51.60%")
_LENGTH = _Kind(field="seconds", read=read_seconds, words="a length such as 150:40:00")
_RPC = _Kind(field="rpc_usd", read=_read_dollars, words="a number such as 10.3448")
# Ringba's title -> our name and how it is written. ``Completed`` is Ringba's own: a target was tried (7.1 of the
# reference), which is not our *completed*; so it is named otherwise.
_COLUMNS = {
    "incoming": ("incoming", _COUNT),
    "live": ("live", _COUNT),
    "completed": ("target_tried", _COUNT),
    "ended": ("ended", _COUNT),
    "connected": ("connected", _COUNT),
    "paid": ("paid", _COUNT),
    "converted": ("converted", _COUNT),
    "no connect": ("no_connect", _COUNT),
    "duplicate": ("duplicate", _COUNT),
    "blocked": ("blocked", _COUNT),
    "ivr hangup": ("ivr_hangup", _COUNT),
    "rpc": ("rpc", _RPC),
    "revenue": ("revenue", _MONEY),
    "payout": ("payout", _MONEY),
    "profit": ("profit", _MONEY),
    "margin": ("margin", _PERCENT),
    "conversion %": ("conversion", _PERCENT),
    "tcl": ("tcl", _LENGTH),
    "acl": ("acl", _LENGTH),
    "total cost": ("total_cost", _MONEY),
}


def read_summary(path: str | Path) -> SummaryTable:
    """Ringba's Summary export as counts a group. Raises CallFileError with all problems of the file at once."""
    file = _find(Path(path).expanduser())
    layout = read_layout(file)
    if not is_summary(layout.header):
        raise CallFileError(_no_summary(file, has_calls="call_id" in layout.positions))
    content = file.read_bytes()
    lines = list(_read_lines(content, layout.delimiter))
    reading = _Reading(file=file, header=[title.strip() for title in lines[0][1]])
    rows = [row for line, cells in lines[1:] if (row := reading.read_row(line, cells))]
    totals = [row for row in rows if row.group == ""]
    reading.check_totals(totals)
    if reading.problems:
        raise CallFileError(*reading.problems[:_MOST_PROBLEMS])
    return SummaryTable(
        name=file.name,
        sha256=hashlib.sha256(content).hexdigest(),
        saved_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        group_title=reading.group_title,
        dimension=reading.dimension,
        rows=tuple(row for row in rows if row.group != ""),
        total=totals[0] if totals else None,
        notes=reading.notes(has_totals=bool(totals)),
    )


def is_summary_file(path: str | Path) -> bool:
    """Whether a file's first line is that of a Summary export. Raises CallFileError when it is no text."""
    return is_summary(read_layout(_find(Path(path).expanduser())).header)


class _Reading:
    """One file's cells on their way into rows; problems are gathered, none is raised."""

    def __init__(self, *, file: Path, header: Sequence[str]) -> None:
        self._file, self._header = file, header
        names = [title.casefold() for title in header]
        self._has_groups = names[0] not in _COLUMNS
        self.group_title = mask_text(header[0]) if self._has_groups else ""
        word = next(iter(find_columns([header[0]])), "")
        self.dimension = word if self._has_groups and word in GROUPS and word != "is_duplicate" else ""
        self._places = {at: _COLUMNS[name] for at, name in enumerate(names) if name in _COLUMNS}
        twice = sorted({header[at] for at in self._places if names.count(names[at]) > 1})
        self.problems = [self._problem(f"Column {title!r} stands twice.", "line 1") for title in twice]

    def read_row(self, line: int, cells: Sequence[str]) -> SummaryRow | None:
        """A row, or None where it is blank or not of the header's width."""
        if not any(cell.strip() for cell in cells):
            return None
        if len(cells) != len(self._header):
            what = f"The line has {len(cells)} cells, the header {len(self._header)}."
            self.problems.append(self._problem(what, f"line {line}"))
            return None
        found: dict[str, dict[str, Any]] = {kind.field: {} for _, kind in self._places.values()}
        for at, (name, kind) in self._places.items():
            if (value := self._read_cell(line, at, cells[at].strip(), kind)) is not None:
                found[kind.field][name] = value
        rpc = found.pop("rpc_usd", {}).get("rpc")
        return SummaryRow(group=self._group(cells[0].strip()), line=line, rpc_usd=rpc, **found)

    def check_totals(self, totals: Sequence[SummaryRow]) -> None:
        """A blank group is the totals: with two of them nobody can tell which."""
        if len(totals) > 1 and self._has_groups:
            lines = " and ".join(f"line {row.line}" for row in totals)
            self.problems.append(self._problem("More than one row has no group: which are the totals?", lines))

    def notes(self, *, has_totals: bool) -> tuple[str, ...]:
        """What a page says of the file."""
        first = 1 if self._has_groups else 0
        unused = [title for at, title in enumerate(self._header) if at >= first and at not in self._places]
        return (
            *([f"Columns of {self._file.name} not used: {mask_text(', '.join(unused))}."] if unused else []),
            *([] if has_totals else [f"{self._file.name} has no totals row: its groups were added up."]),
        )

    def _group(self, cell: str) -> str | None:
        if not self._has_groups:
            return ""
        if cell.casefold() == _NO_VALUE:
            return None
        if self.dimension == "number":
            return mask_phone(cell, shown=4)  # as in the call table
        return cell if self.dimension else mask_text(cell)

    def _read_cell(self, line: int, at: int, text: str, kind: _Kind) -> Any:
        if text.casefold() in _NOTHING:
            return None
        value = kind.read(text)
        if value is None:
            what = f"Cell {mask_text(text)[:40]!r} is not {kind.words}."
            self.problems.append(self._problem(what, f"line {line}, column {self._header[at]!r}"))
        return value

    def _problem(self, what: str, where: str) -> Problem:
        return Problem(what=what, where=f"{self._file}, {where}", next_step=EXPORT_SUMMARY)


def _find(path: Path) -> Path:
    """The file, if it is there and no larger than a summary can be."""
    if not path.is_file():
        what, step = f"There is no file {path.name!r}.", "Check the path; the file must be on this machine."
        raise CallFileError(Problem(what=what, where=str(path.parent), next_step=step))
    if path.stat().st_size > _MOST_BYTES:
        what = f"{path.name} is too large for a Summary export: a summary has one row a group."
        raise CallFileError(Problem(what=what, where=str(path), next_step=EXPORT_SUMMARY))
    return path.resolve()


def _no_summary(file: Path, *, has_calls: bool) -> Problem:
    if has_calls:
        what, step = f"{file.name} holds calls, not a summary.", "Name a Call Details export in csv_path, not here."
        return Problem(what=what, where=f"{file}, line 1", next_step=step)
    what = f"{file.name} is no Summary export: Incoming, Live, Completed and Ended are not among its columns."
    return Problem(what=what, where=f"{file}, line 1", next_step=EXPORT_SUMMARY)


def _read_lines(content: bytes, delimiter: str) -> list[tuple[int, list[str]]]:
    """Each record with the number of the line on which it ends."""
    reader = csv.reader(io.StringIO(content.decode("utf-8-sig", errors="replace"), newline=""), delimiter=delimiter)
    return [(reader.line_num, cells) for cells in reader]
