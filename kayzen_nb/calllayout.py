"""How a CSV of calls is written: its delimiter, its titles, and which of its columns is which of our words."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.errors import CallFileError, Problem, did_you_mean
from kayzen_nb.privacy import mask_text
from kayzen_nb.ringba_columns import API_IDS, KNOWN_TITLES, NEEDED, find_columns, is_summary, title

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

EXPORT_AGAIN = "Export again in Ringba: Reporting > Call Details > Export CSV."
_HEAD_BYTES = 256 * 1024
_DELIMITERS = (",", ";", "\t")  # a spreadsheet that saved the file may have changed it
_SHOWN_TITLES = 40
_NO_TEXT = {
    b"\xff\xfe": ("UTF-16 text", "In the spreadsheet, save it as 'CSV UTF-8'."),
    b"\xfe\xff": ("UTF-16 text", "In the spreadsheet, save it as 'CSV UTF-8'."),
    b"PK": ("a workbook or a zip archive, not a CSV", "Unpack it, or save the sheet as 'CSV UTF-8'."),
    b"\x1f\x8b": ("a gzip archive, not a CSV", "Unpack it first."),
}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A file's titles as they stand, its delimiter, and the position of each of our words.

    ``times`` are the call times of its first rows as they stand there.
    """

    header: tuple[str, ...]
    delimiter: str
    positions: dict[str, int]
    times: tuple[str, ...] = ()

    @property
    def is_sparse(self) -> bool:
        """Whether the titles are API ids: then a flag without a value is false, as in the API."""
        return self.header[self.positions["call_id"]].strip().casefold() == API_IDS["call_id"].casefold()

    @property
    def new(self) -> dict[str, int]:
        """Columns that are not known here, and tags: title to position. They are kept beside the call."""
        rest = {_shown(name): at for at, name in reversed(self._rest()) if name.strip()}
        return {name: rest[name] for name in reversed(rest) if name.casefold() not in KNOWN_TITLES}

    @property
    def unused(self) -> list[str]:
        """The titles of columns that are not kept: Ringba's own that nothing here needs, and those without a title."""
        return [_shown(name) or "(no title)" for at, name in self._rest() if at not in self.new.values()]

    def _rest(self) -> list[tuple[int, str]]:
        used = set(self.positions.values())
        return [(at, name) for at, name in enumerate(self.header) if at not in used]


def read_layout(file: Path) -> Layout:
    """The layout of a file of calls. Raises CallFileError when it is no text; ``check_layout`` says the rest."""
    text = _read_head(file)
    best = max(_DELIMITERS, key=lambda mark: len(find_columns(_first_row(text, mark))))
    header = _first_row(text, best)
    positions = find_columns(header)
    times = _first_times(text, best, positions)
    is_cut = file.stat().st_size > _HEAD_BYTES
    return Layout(header=header, delimiter=best, positions=positions, times=times[:-1] if is_cut else times)


def check_layout(layout: Layout, file: Path, also: Collection[str] = ()) -> list[Problem]:
    """What keeps a file from being read as a Call Details export: every missing and doubled column at once.

    ``also`` are words that are needed besides the call's id and time.
    """
    if is_summary(layout.header):
        what = f"{file.name} is a Summary export: it holds counts, not calls."
        return [_problem(file, what, "Export Reporting > Call Details in place of Reporting > Summary.")]
    if len(layout.header) < 2 or layout.header[0].lstrip().startswith("<"):
        return [_problem(file, f"{file.name} is not a CSV of calls: its first line holds no columns.", EXPORT_AGAIN)]
    missing = [word for word in dict.fromkeys((*NEEDED, *also)) if word not in layout.positions]
    if not layout.positions.keys() & set(NEEDED) and _is_foreign(layout.header):
        return [_foreign(missing, file)]
    return [*(_missing(word, layout, file) for word in missing), *_doubled(layout, file)]


def note_columns(layout: Layout) -> list[str]:
    """What a page says of columns that nothing here needs, or knows."""
    kept, unused = list(layout.new), layout.unused
    return [
        *([f"Columns not used: {_listed(unused)}."] if unused else []),
        *([f"Columns kept beside each call, not used: {_listed(kept)}."] if kept else []),
    ]


def note_end(file: Path) -> list[str]:
    """A last line without its line break may be cut within its last value, which shows nowhere else."""
    with file.open("rb") as stream:
        stream.seek(-1, io.SEEK_END)
        ends_well = stream.read(1) in b"\r\n"
    return [] if ends_well else [f"{file.name} ends without a line break: its last line may be cut."]


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN_TITLES
    return ", ".join(names[:_SHOWN_TITLES]) + (f" and {more} more" if more > 0 else "")


def _read_head(file: Path) -> str:
    """The beginning of the file as text; refused when it is no text."""
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as broken:
        what = f"{file.name} cannot be read: {broken.strerror}."
        raise CallFileError(_problem(file, what, "Close it elsewhere; check its rights.")) from None
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise CallFileError(_problem(file, f"{file.name} is empty.", EXPORT_AGAIN))
    for mark, (kind, next_step) in _NO_TEXT.items():
        if head.startswith(mark):
            raise CallFileError(_problem(file, f"{file.name} is {kind}.", next_step))
    if b"\0" in head:
        raise CallFileError(_problem(file, f"{file.name} is not a CSV but a workbook or the like.", EXPORT_AGAIN))
    return head.decode("utf-8-sig", errors="replace")


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        return


def _first_row(text: str, delimiter: str) -> tuple[str, ...]:
    return tuple(next(_rows(text, delimiter), ()))


def _first_times(text: str, delimiter: str, positions: dict[str, int]) -> tuple[str, ...]:
    at = positions.get("call_at")
    cells = [row[at] for row in _rows(text, delimiter) if len(row) > at] if at is not None else []
    return tuple(cell for cell in cells[1:] if cell.strip())


def _is_foreign(header: Collection[str]) -> bool:
    """Whether most titles are none of Ringba's: another tool's export, rather than a column that was left out."""
    known = [name for name in header if name.strip().casefold() in KNOWN_TITLES]
    return 2 * len(known) < len(header) and not any(_is_near(word, header) for word in NEEDED)


def _is_near(word: str, header: Collection[str]) -> bool:
    return did_you_mean(title(word), header).startswith("did you mean")


def _foreign(missing: Collection[str], file: Path) -> Problem:
    names = " and ".join(repr(title(word)) for word in missing)
    what = f"{file.name} looks like another tool's export: it has no column {names}, as Ringba's Call Details have."
    return Problem(what=what, where=f"{file}, line 1", next_step=EXPORT_AGAIN)


def _missing(word: str, layout: Layout, file: Path) -> Problem:
    found = ", ".join(_shown(name)[:40] for name in layout.header[:_SHOWN_TITLES])
    return Problem(
        what=f"{file.name} has no column {title(word)!r}.",
        where=f"line 1, which holds: {found}",
        next_step=f"{did_you_mean(title(word), layout.header)} In Call Details, switch the column on and export again.",
    )


def _doubled(layout: Layout, file: Path) -> list[Problem]:
    names = [name.strip().casefold() for name in layout.header]
    twice = sorted({layout.header[at] for at in layout.positions.values() if names.count(names[at]) > 1})
    return [
        Problem(what=f"Column {name!r} stands twice in {file.name}.", where="line 1", next_step=EXPORT_AGAIN)
        for name in twice
    ]


def _shown(name: str) -> str:
    """A title as it may be kept: somebody may have typed a number into the first line."""
    return mask_text(" ".join(name.split()))[:100]


def _problem(file: Path, what: str, next_step: str) -> Problem:
    return Problem(what=what, where=str(file), next_step=next_step)
