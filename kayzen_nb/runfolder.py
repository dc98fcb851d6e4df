"""The folder of a run: built aside, moved into place whole, never over files that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kayzen_nb.errors import OutputFolderError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MANIFEST = "manifest.json"
_OURS = frozenset({"report.html", "notebook.ipynb", MANIFEST, "data", "charts", "failed"})


class RunFolder:
    """A run's target folder and, while the run lasts, ``build``, the place beside it where the run writes."""

    def __init__(self, target: Path) -> None:
        self.target = target.expanduser().absolute()
        self.build = Path()
        self._aside = Path()

    def __enter__(self) -> Self:
        with _explained(self.target):
            self._check_free()
            self.target.parent.mkdir(parents=True, exist_ok=True)
            # mkdtemp makes it readable by its owner only; what is moved out of it has the usual rights.
            self._aside = Path(tempfile.mkdtemp(prefix=f".{self.target.name}-", dir=self.target.parent))
            self.build = self._aside / "run"
            self.build.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def last_good(self) -> dict[str, Any] | None:
        """The manifest of the good report that stands in the target, if one does."""
        manifest = read_manifest(self.target)
        return manifest if manifest and manifest["status"] == "ok" else None

    def write(self, name: str, text: str) -> None:
        """Write a file of the run; line ends stay as they are, because the page's scripts are known by their hash."""
        with _explained(self.target):
            (self.build / name).write_bytes(text.encode())

    def keep(self) -> Path:
        """Put the finished run in the target's place."""
        return self._swap(self.target)

    def keep_failure(self) -> Path:
        """Put a broken run beside the last good report, or in the target's place where there is none."""
        shutil.rmtree(self.build / "data", ignore_errors=True)  # half a run's tables are not a result
        return self._swap(self.target / "failed" if self.last_good else self.target)

    def _check_free(self) -> None:
        """Refuse a file, and a folder that holds something but no run of ours."""
        if self.target.exists() and any(self.target.iterdir()) and not read_manifest(self.target):
            what = "The folder holds files, but no report of kayzen_nb: it is left alone."
            step = "Give --out a new or empty folder."
            raise OutputFolderError(Problem(what=what, where=str(self.target), next_step=step))

    def _swap(self, place: Path) -> Path:
        """Exchange the old folder for the new one by two renames; files that are not ours move along."""
        old = self._aside / "old"
        with _explained(place):
            if place.exists():
                place.rename(old)
            try:
                self.build.rename(place)
            except OSError:
                if old.exists():
                    old.rename(place)
                raise
            for extra in old.iterdir() if old.exists() else ():
                if extra.name not in _OURS:
                    extra.rename(place / extra.name)
        return place


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run in this folder; None where there is no run of ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and {"notebook", "status"} <= manifest.keys() else None


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Say in plain words why a folder cannot be used."""
    try:
        yield
    except OSError as refused:
        what = f"The folder for the report cannot be written: {os.strerror(refused.errno or 0)}."
        step = "Give --out a folder that you may write to, with free space, and close its files in other programs."
        raise OutputFolderError(Problem(what=what, where=str(place), next_step=step)) from None
