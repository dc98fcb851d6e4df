"""Which exported files are meant: one, several, a folder's, a pattern's; all are looked at before one is read."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

from kayzen_nb.calllayout import EXPORT_AGAIN, check_layout, read_layout
from kayzen_nb.errors import CallFileError, Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection


def find_call_files(csv_path: str, *, also: Collection[str] = ()) -> list[Path]:
    """The files that are meant, oldest first: one, several with ``;`` between, a folder's, or those of a pattern.

    Each is looked at: raises CallFileError with all problems of all files when one is missing, or is no export of
    calls. ``also`` are words (``campaign``) that each file must hold besides the call's id and time.
    """
    parts = [csv_path] if Path(csv_path).expanduser().is_file() else csv_path.split(";")
    looked_up = [_look_up(part.strip()) for part in parts if part.strip()] or [_nothing_named()]
    files = list(dict.fromkeys(file for found in looked_up if not isinstance(found, Problem) for file in found))
    problems = [found for found in looked_up if isinstance(found, Problem)]
    problems += [problem for file in files for problem in _problems_of(file, also)]
    if problems:
        raise CallFileError(*problems)
    return sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))


def _look_up(part: str) -> list[Path] | Problem:
    """The files that a name, a folder or a pattern stands for."""
    path = Path(part).expanduser()
    if path.is_file():
        return [path.resolve()]
    if path.is_dir():
        return _csv_files(path) or _no_file(f"Folder {path.name!r} holds no CSV file.", path)
    if glob.has_magic(part):
        found = [Path(name).resolve() for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  # the folder may be part of the pattern
        return [file for file in found if file.is_file()] or _no_file(f"No file matches {path.name!r}.", path.parent)
    return _no_file(f"There is no file {path.name!r}.", path.parent, _nearest(path))


def _csv_files(folder: Path) -> list[Path]:
    return sorted(
        file.resolve()
        for file in folder.iterdir()
        if file.suffix.casefold() == ".csv" and file.is_file() and not file.name.startswith((".", "~$"))
    )


def _problems_of(file: Path, also: Collection[str]) -> list[Problem]:
    try:
        return check_layout(read_layout(file), file, also)
    except CallFileError as refused:
        return list(refused.problems)


def _nearest(path: Path) -> str:
    beside = [other.name for other in path.parent.glob("*.csv")] if path.parent.is_dir() else []
    return did_you_mean(path.name, beside) if beside else "Check the path; the file must be on this machine."


def _no_file(what: str, where: Path, next_step: str = EXPORT_AGAIN) -> Problem:
    return Problem(what=what, where=str(where), next_step=next_step)


def _nothing_named() -> Problem:
    return Problem(what="No CSV file is named.", where="csv_path", next_step=EXPORT_AGAIN)
