"""When the last requests went out: remembered in this program, or in a small file that programs of a machine share."""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kayzen_nb.errors import OutputFolderError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK_WAIT_S = 10.0  # the lock is held for a millisecond; a killed program frees it


class PaceBook:
    """Times of requests (seconds since 1970, oldest first). With a ``path`` they outlast this program and are shared.

    The file is JSON, readable by its owner only, always whole. A damaged one counts as empty: the worst that follows is
    a request too early.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._times: list[float] = []

    @contextmanager
    def opened(self) -> Iterator[list[float]]:
        """The times, to be changed in place; nobody else reads or writes them meanwhile. Raises OutputFolderError."""
        if self._path is None:
            yield self._times
            return
        with _explained(self._path), _locked(self._path):
            times = _read_times(self._path)
            before = list(times)
            yield times
            if times != before:
                _save_times(self._path, times)


def _read_times(path: Path) -> list[float]:
    """The times of a file; none from a file that is missing or damaged."""
    try:
        times = json.loads(path.read_bytes())["times"]
        return sorted(at for at in map(float, times) if math.isfinite(at))
    except (FileNotFoundError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []


def _save_times(path: Path, times: list[float]) -> None:
    """Written beside and renamed into place, so that a killed program leaves the old file whole."""
    draft = path.with_name(f".{path.name}.draft")  # one name is enough: the lock is held
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"times": times}, file)
    draft.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock  # noqa: PLC0415  # only where a book is shared

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(f"{path}.lock", timeout=_LOCK_WAIT_S, mode=0o600):
        yield


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """The system's refusals in plain words."""
    try:
        yield
    except TimeoutError:  # filelock's Timeout is one
        reason = "another program holds it"
    except OSError as refused:
        reason = os.strerror(refused.errno or 0)
    else:
        return
    what = f"The record of recent requests, by which programs share the rate limit, cannot be kept: {reason}."
    step = "Close the other program, or set KAYZEN_NB_HOME to a folder of your own, and try again."
    raise OutputFolderError(Problem(what=what, where=str(path), next_step=step))
