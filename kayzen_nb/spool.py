"""A private folder for files that live as long as this program, and the sweeping of what a killed one left."""

from __future__ import annotations

import atexit
import itertools
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

_PREFIX = "kayzen-nb-spool-"
_NUMBERS = itertools.count(1)


def new_spool_file(suffix: str) -> Path:
    """A path of its own in the spool folder, for this program only (folder 0700). The file is not made."""
    return spool_folder() / f"{next(_NUMBERS):06}{suffix}"


def literal(path: Path | str) -> str:
    """A path as DuckDB's readers take it: to them ``[`` ``*`` ``?`` are a pattern, and may mean a file of a neighbour.

    What DuckDB tells as ``filename`` is the real path. The target of a COPY is no pattern.
    """
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def spool_folder() -> Path:
    """This process's folder, removed at its end."""
    return _folder_of(os.getpid())  # a forked process must not share (or remove) its parent's


@cache
def _folder_of(pid: int) -> Path:
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-"))  # 0700
    atexit.register(_remove_own, folder, pid)
    return folder


def _remove_own(folder: Path, pid: int) -> None:
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Remove the folders of programs that are gone: one that was killed leaves pages with callers' numbers."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True  # the system's own clean-up of temporary files has to do
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
