"""The records as the platform gave them, kept for a while so that a better reader can be run again without the network.

Kept sealed: the caller's number is replaced by its pseudonym and masked form, ``sealed:<pseudonym>:<masked>``, which
the macros of ``callsql`` read as they read the number. Of the columns that are stored nothing else changes, but for the
caller's number in a text. In the others phone numbers are hidden, and links to recordings left out. So no full number
of a caller stands in the file unless the user asked to keep numbers. A name that stands twice in a record
does so here, its second value at the end, so that the record is refused again. Pages age by one rule (``expire``),
those of pulls with unreadable rows too.
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import zlib
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Self

from kayzen_nb.errors import InputError, OutputFolderError, Problem
from kayzen_nb.parquetseal import Disk, explain_refusals, refuse_links
from kayzen_nb.sealing import SEALED, Sealer, mask_refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta
    from pathlib import Path
    from types import TracebackType

    import msgspec

    from kayzen_nb.callerkey import CallerKey

_BATCH = 1000
_LEVEL = 3  # of gzip
_TIME = "%Y-%m-%dT%H-%M-%SZ"
_NAMED_TIME = re.compile(r"=(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)")


class RawPages:
    """A new file of sealed records, gzip, one a line (0600). Closed by ``close`` or at the end of a ``with``.

    All of it raises OutputFolderError where the disk refuses; after an error, closing raises no second one.
    """

    def __init__(self, path: Path, key: CallerKey, keep_numbers: bool = False) -> None:  # noqa: FBT002  # read at the call as a name
        self._path, self._has_failed = path, False
        with _explain_refusals(path):
            self._file = _GzipFile(path)
        self._sealer = Sealer(key, keep_numbers=keep_numbers)

    def add(self, records: Sequence[msgspec.Raw | bytes]) -> None:
        """Keep records as they came, in their order."""
        try:
            with _explain_refusals(self._path):
                for line in self._sealer.seal([bytes(record) for record in records]):
                    self._file.write_line(line)
        except BaseException:
            self._has_failed = True
            raise

    def close(self) -> None:
        """Finish the file. Closing twice does no harm."""
        try:
            with _explain_refusals(self._path):
                self._file.close()
        except OutputFolderError:
            if not self._has_failed:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._has_failed |= kind is not None
        self.close()


def read_raw(path: Path) -> Iterator[list[bytes]]:
    """The kept records, a thousand at a time. Raises InputError where the file is damaged or gone."""
    try:
        with gzip.open(path) as file:
            while batch := [line.rstrip(b"\n") for line in islice(file, _BATCH)]:
                yield batch
    except (OSError, EOFError, zlib.error):
        raise InputError(
            Problem(
                what="These raw pages cannot be read: the file is damaged or gone.",
                where=str(path),
                next_step="Sync that day again; the stored calls do not need this file.",
            )
        ) from None


def forget_in_raw(path: Path, to: Path, key: CallerKey, number: str) -> int:
    """Write pages again (to a new file) without a caller of ``key.forgotten``; how many records held the caller."""
    pseudonym = (key.pseudonym(number) or number).encode()
    sealer, changed = Sealer(key, keep_numbers=True), 0
    with _explain_refusals(to), closing(_GzipFile(to)) as file:
        for batch in read_raw(path):
            doubtful = [line for line in batch if line[:1] == b"{" and (pseudonym in line or SEALED not in line)]
            written = dict(zip(doubtful, sealer.seal(doubtful), strict=True))
            changed += sum(written.get(line, line) != line for line in batch)
            for line in batch:
                file.write_line(written.get(line, line))
    return changed


def find_expired(folder: Path, older_than: timedelta, now: datetime) -> tuple[Path, ...]:
    """What is older, by the time in its name, below a folder of raw pages; refused answers too."""
    named = ((path, _NAMED_TIME.search(path.name)) for path in sorted(folder.glob("*/*")))
    return tuple(path for path, time in named if time and _read_time(time[1]) < now - older_than)


def expire(folder: Path, older_than: timedelta, now: datetime, disk: Disk | None = None) -> tuple[Path, ...]:
    """Delete what ``find_expired`` finds, and folders that are empty then."""
    disk = disk or Disk()
    old = find_expired(folder, older_than, now)
    for path in old:
        disk.remove(path)
    for place in folder.glob("*"):
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            disk.remove(place)
    return old


def quarantine(folder: Path, content: bytes, when: datetime, why: str) -> Path:
    """Keep an answer that could not be read, masked, in an archive's ``folder``; gives the path.

    Raises OutputFolderError where the disk refuses.
    """
    refused = folder / "raw" / "refused"
    refuse_links(folder, refused.parent, refused)
    text = content.replace(b"\0", b"").decode("utf-8", "replace")  # without the zeros, UTF-16 can be masked too
    path = refused / f"answer={when.astimezone(UTC):{_TIME}}-{secrets.token_hex(4)}.txt.gz"
    with explain_refusals(refused):
        Disk().make_folder(refused)
        file = _GzipFile(path)
        for part in (f"Refused: {why}", text):
            file.write_line(mask_refused(part).encode())
        file.close()
    return path


class _GzipFile:
    """A new gzip file of lines (0600), the same bytes for the same lines."""

    def __init__(self, path: Path) -> None:
        self._plain = open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115  # closed in close(); Path.open takes no opener
        self._zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._plain, mtime=0)

    def write_line(self, line: bytes) -> None:
        self._zipped.write(line + b"\n")

    def close(self) -> None:
        try:
            self._zipped.close()
        finally:
            self._plain.close()


@contextmanager
def _explain_refusals(path: Path) -> Iterator[None]:
    """What the disk refuses, in plain words."""
    try:
        yield
    except OSError as refused:
        reason = refused.strerror or "there is no room, or no right to write"
    else:
        return
    what = f"The records that were read cannot be put down: {reason}."
    step = "Free some space there (TMPDIR names another place), then run it again."
    raise OutputFolderError(Problem(what=what, where=str(path.parent), next_step=step))


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
