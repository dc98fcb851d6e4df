"""The check before a file leaves the house: no key, nothing that looks like one, no full phone number.

Three answers: nothing found, something found, or not checked, because a file is of a kind that cannot be read. What
could not be checked counts as not passed.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb.errors import InputError, Problem
from kayzen_nb.sharefiles import LARGEST_BYTES, read_parts
from kayzen_nb.sharescan import LeakKind, find_leaks, hide_leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kayzen_nb.privacy import Secret
    from kayzen_nb.sharefiles import Part

# Folders of programs, not of people: not read, and said so.
_LEFT_ALONE = frozenset({".git", ".venv", "node_modules"})
_LONG_LINE = 200
_STEPS = {
    LeakKind.KEY: "Do not share it. Make the file again without the key; if it has left already, ask for a new key.",
    LeakKind.KEY_SHAPED: "If it is a key, do not share it, and make the file again without; if it is none, rename it.",
    LeakKind.PHONE: "Mask the number but for its last two digits, or leave it out.",
    LeakKind.NOT_CHECKED: "Look into it yourself, or share a page, a CSV, JSON, a PNG or a zip of these.",
}


@dataclass(frozen=True, kw_only=True)
class Leak:
    """Something that must not leave, or could not be checked: the file, the place in it, and the value masked."""

    file: str
    place: str
    kind: LeakKind
    shown: str
    next_step: str


@dataclass(frozen=True, kw_only=True)
class ShareScan:
    """The answer of a check: what was found, and how much was read. ``notes`` is what a person must look at."""

    leaks: tuple[Leak, ...]
    files: int
    bytes_read: int
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when everything was read and nothing found, 1 otherwise."""
        return 1 if self.leaks else 0

    @property
    def headline(self) -> str:
        """The answer in one sentence, with how many files and bytes were read."""
        read = f"{self.files:,} {'file' if self.files == 1 else 'files'}, {_size(self.bytes_read)} read"
        counts = {kind: sum(leak.kind is kind for leak in self.leaks) for kind in LeakKind}
        found = [_count(kind, number) for kind, number in counts.items() if number and kind is not LeakKind.NOT_CHECKED]
        parts = [f"{' and '.join(found)} must not leave"] if found else []
        if unread := counts[LeakKind.NOT_CHECKED]:
            parts.append(f"{unread:,} could not be checked" if unread > 1 else "one thing could not be checked")
        return f"{read}: {'; '.join(parts) or 'nothing that must not leave'}."

    def as_record(self) -> dict[str, Any]:
        """The answer for machines."""
        record = asdict(self) | {"headline": self.headline, "notes": list(self.notes)}
        return record | {"leaks": [asdict(leak) | {"kind": leak.kind.value} for leak in self.leaks]}


def check_files(paths: Iterable[Path], keys: Iterable[Secret] = (), *, allow_invented: bool = False) -> list[Leak]:
    """Everything in these files and folders that must not leave, or that could not be checked."""
    return list(scan_files(paths, keys, allow_invented=allow_invented).leaks)


def scan_files(paths: Iterable[Path], keys: Iterable[Secret] = (), *, allow_invented: bool = False) -> ShareScan:
    """Check files and folders, names included. Raises InputError for every path that does not exist."""
    given, known = list(paths), tuple(keys)
    if missing := [path for path in given if not path.exists()]:
        raise InputError(*(_missing(path, known) for path in missing))
    leaks: list[Leak] = []
    notes: list[str] = []
    files = size = 0
    for path in _files(given):
        shown = hide_leaks(str(path), known)
        raw = _read(path)
        if raw is None:
            why = "left alone: a folder of programs" if path.is_dir() else "cannot be opened"
            leaks.append(_leak(shown, "", LeakKind.NOT_CHECKED, why))
            continue
        files, size = files + 1, size + len(raw)
        leaks += _check_name(path, shown, known, allow_invented=allow_invented)
        leaks += check_bytes(raw, shown, known, allow_invented=allow_invented, notes=notes)
    return ShareScan(leaks=tuple(leaks), files=files, bytes_read=size, notes=tuple(dict.fromkeys(notes)))


def check_bytes(
    raw: bytes,
    file: str,
    keys: Sequence[Secret] = (),
    *,
    allow_invented: bool = False,
    notes: list[str] | None = None,
) -> list[Leak]:
    """Check one file's content; ``file`` is what to call it. What a person must look at is added to ``notes``."""
    leaks: list[Leak] = []
    seen: set[tuple[LeakKind, str, str]] = set()
    for part in read_parts(raw):
        where = hide_leaks(part.place, keys)
        if part.unread:
            leaks.append(_leak(file, where, LeakKind.NOT_CHECKED, part.unread))
        if part.note and notes is not None:
            notes.append(f"{file}{f' ({where})' if where else ''}: {part.note}.")
        place_of = _placer(part)
        for found in find_leaks(part.text, keys, allow_invented=allow_invented):
            mark = (found.kind, found.identity, part.place)
            if not (part.whole and mark in seen):  # told by its place already
                place = f"{where}, {place_of(found.start)}".lstrip(", ")
                leaks.append(_leak(file, hide_leaks(place, keys), found.kind, found.shown))
            if not part.whole:
                seen.add(mark)
    return list(dict.fromkeys(leaks))


def _check_name(path: Path, shown: str, keys: Sequence[Secret], *, allow_invented: bool) -> Iterator[Leak]:
    for found in find_leaks(path.name, keys, allow_invented=allow_invented):
        yield _leak(shown, "the file's name", found.kind, found.shown)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file once, in order; a folder that is left alone stands for all that is in it."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        for folder, folders, names in os.walk(path):
            found |= {Path(folder) / name: None for name in sorted(folders) if name in _LEFT_ALONE}
            folders[:] = sorted(name for name in folders if name not in _LEFT_ALONE)
            found |= {Path(folder) / name: None for name in sorted(names)}
    yield from found


def _read(path: Path) -> bytes | None:
    """The content; one byte more than the largest is enough to know that a file is too large."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError:
        return None


def _placer(part: Part) -> Callable[[int], str]:
    """Where in its part a character stands: the cell or field, or the line and, in a table, the column."""
    if part.places:
        return lambda at: part.places[bisect_right(part.places, at, key=lambda place: place[0]) - 1][1]
    starts = [0, *(found.end() for found in re.finditer("\n", part.text))]

    def place(at: int) -> str:
        line = bisect_right(starts, at)
        start = starts[line - 1]
        if at - start > _LONG_LINE:
            return f"line {line:,}, character {at - start + 1:,}"
        return f"line {line:,}{_column(part.text, start, at)}"

    return place


def _column(text: str, start: int, found: int) -> str:
    """The column of a table, where the first line is a row of names and this line has as many cells."""
    head = text[:4000].split("\n", 1)[0].strip("\r\ufeff")
    line = text[start : start + 4000].split("\n", 1)[0] if start else ""
    mark = max(",;\t", key=head.count)
    names = [name.strip().strip('"') for name in head.split(mark)]
    is_table = len(names) > 1 and all(0 < len(name) <= 60 for name in names) and line.count(mark) == head.count(mark)
    return f", column {names[text.count(mark, start, found)]}" if is_table else ""


def _leak(file: str, place: str, kind: LeakKind, shown: str) -> Leak:
    return replace(Leak(file=file, place=place, kind=kind, shown=shown, next_step=""), next_step=_STEPS[kind])


def _missing(path: Path, keys: Sequence[Secret]) -> Problem:
    return Problem(
        what="There is no such file or folder.", where=hide_leaks(str(path), keys), next_step="Check the path."
    )


def _count(kind: LeakKind, number: int) -> str:
    return f"{number:,} {kind.value}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB" if count >= 100_000 else f"{count / 1000:.1f} kB"
