"""The files of an archive's days: their names and times, and what one holds."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from kayzen_nb.parquetseal import read_sealed

if TYPE_CHECKING:
    from pathlib import Path

    from kayzen_nb.storedcalls import PullFacts

TIME = "%Y-%m-%dT%H-%M-%SZ"
_NAME = re.compile(r"(?:pulled|_same)=(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(\.parquet|\.ndjson\.gz|\.json)")


@dataclass(frozen=True, kw_only=True)
class Pull:
    """One reading of one UTC day.

    ``pulled_at`` (aware UTC, from the file's name) never goes back; ``facts.pulled_at`` is what the clock said.
    """

    day: date
    pulled_at: datetime
    path: Path
    facts: PullFacts

    @property
    def digest(self) -> str:
        """The file's SHA-256 in hex, as other programs compute it."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def list_pulls(folder: Path) -> list[Path]:
    """A day folder's pull files, sound or not, oldest first. A folder that is a link has none."""
    return [] if folder.is_symlink() else sorted(path for path in folder.glob("pulled=*.parquet") if is_ours(path))


def pull_time(path: Path) -> datetime:
    """The time in the name of a pull, a marker or a file of raw pages (aware UTC). Raises ValueError without one."""
    named = _NAME.fullmatch(path.name)
    return datetime.strptime(named[1] if named else "", TIME).replace(tzinfo=UTC)


def raw_name(pull: Path) -> str:
    """What the raw pages behind a pull are called."""
    return pull.name.removesuffix(".parquet") + ".ndjson.gz"


def is_ours(path: Path) -> bool:
    """Whether a file is named as the archive names its own."""
    try:
        pull_time(path)
    except ValueError:
        return False
    return True


def read_day(folder: Path) -> date | None:
    """The day that a folder is named by, None for any other folder."""
    try:
        return date.fromisoformat(folder.name.removeprefix("day="))
    except ValueError:
        return None


def look_into(day: date, path: Path) -> Pull | str:
    """The pull in a file, or what is wrong with it; nothing wrong where it has just been removed."""
    try:
        status = path.lstat()
        held = read_sealed(path, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        return ""
    except OSError as refused:
        return f"cannot be read: {os.strerror(refused.errno or 0)}"
    return held if isinstance(held, str) else Pull(day=day, pulled_at=pull_time(path), path=path, facts=held)
