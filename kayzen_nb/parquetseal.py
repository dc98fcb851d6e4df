"""Files that can be trusted: sealed against damage, and put into place whole.

A Parquet file is read from its end, where the footer says where everything lies; between the data and the footer there
is free room that no reader looks at. The seal stands there: the SHA-256 of all other bytes. It is needed: of 400 bits
flipped in a file of 2,000 rows, DuckDB read 276 as other values without a word (measured, DuckDB 2.0).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import IO, TYPE_CHECKING

import duckdb

from kayzen_nb.callsql import open_engine
from kayzen_nb.errors import OutputFolderError, Problem
from kayzen_nb.spool import literal, spool_folder
from kayzen_nb.storedcalls import FACTS_KEY, FORMAT, read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kayzen_nb.storedcalls import PullFacts

_MARK = b"KNBSEAL1"
_SEAL_LENGTH = len(_MARK) + hashlib.sha256().digest_size
_PARQUET = b"PAR1"
_CHUNK = 1 << 20
TEMPORARY = ".tmp"
_DAMAGED = "is damaged, or was not written by this toolkit"
NEWER = "was written by a newer version of this toolkit"
_UNNAMED = "holds calls, but does not say which"


def seal(path: Path) -> None:
    """Put the seal into a Parquet file, in place: for a private file that nobody reads yet. A sound one stays as it is.

    Raises ValueError for anything that is no Parquet file.
    """
    if is_sound(path):
        return
    with path.open("r+b") as file:
        footer_at = _find_footer(file)
        if footer_at is None:
            raise ValueError("only a Parquet file can be sealed")
        digest = _digest(file, [(0, file.seek(0, os.SEEK_END))])
        file.seek(footer_at)
        footer = file.read()
        file.seek(footer_at)
        file.write(_MARK + digest + footer)


def is_sound(path: Path) -> bool:
    """Whether the file bears a seal, and the seal fits every other byte. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        footer_at = _find_footer(file)
        if footer_at is None or footer_at < _SEAL_LENGTH:
            return False
        seal_at = footer_at - _SEAL_LENGTH
        file.seek(seal_at)
        found = file.read(_SEAL_LENGTH)
        end = file.seek(0, os.SEEK_END)
        return found == _MARK + _digest(file, [(0, seal_at), (footer_at, end)])


@cache
def _engine_of(pid: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001  # a forked process must not share its parent's
    return open_engine()


@lru_cache(maxsize=20_000)
def read_sealed(path: Path, size: int, changed_ns: int) -> PullFacts | str:  # noqa: ARG001  # what makes it another file
    """A stored file's facts, or what is wrong with it. Looked at once a process, as long as nobody touches it."""
    if path.is_symlink():
        return "is a link and is not followed"
    return read_held(path) if path.is_file() else "is not a file"


def read_held(path: Path) -> PullFacts | str:
    """As ``read_sealed``, looked at anew."""
    if not is_sound(path):
        return _DAMAGED
    asked = "select decode(value) from parquet_kv_metadata(?) where decode(key) = ?"
    with _engine_of(os.getpid()).cursor() as engine:
        found = engine.execute(asked, [literal(path), FACTS_KEY]).fetchone()
    try:
        text = found[0] if found else ""
        return NEWER if json.loads(text)["format"] > FORMAT else read_facts(text)
    except (ValueError, KeyError, TypeError):
        return _UNNAMED


def _find_footer(file: IO[bytes]) -> int | None:
    """Where the footer begins; None where the file does not end as a Parquet file does."""
    size = file.seek(0, os.SEEK_END)
    if size < 2 * len(_PARQUET) + 4:
        return None
    file.seek(-8, os.SEEK_END)
    (length, ending) = struct.unpack("<I4s", file.read(8))
    footer_at = size - 8 - length
    return footer_at if ending == _PARQUET and footer_at >= len(_PARQUET) else None


def _digest(file: IO[bytes], spans: list[tuple[int, int]]) -> bytes:
    digest = hashlib.sha256()
    for start, end in spans:
        file.seek(start)
        while chunk := file.read(min(_CHUNK, end - file.tell())):
            digest.update(chunk)
    return digest.digest()


class Disk:
    """Changes of the disk, one at a time. Each is announced just before it is made, so that tests can end us there."""

    def __init__(self, announce: Callable[[str], None] = lambda _: None) -> None:
        self._announce = announce

    def make_folder(self, path: Path) -> None:
        """The folder and those above it, for the owner only (0700), whatever the umask."""
        for folder in reversed([p for p in (path, *path.parents) if not p.exists()]):
            self._announce("make folder")
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    @contextmanager
    def beside(self, target: Path, fill: Callable[[IO[bytes]], object], *, sealed: bool = False) -> Iterator[Path]:
        """A private file beside the target (0600), filled and safe on the disk. Gone afterwards, come what may."""
        temp = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}{TEMPORARY}")
        try:
            self._announce("write")
            with open(temp, "xb", opener=_private) as file:  # Path.open takes no opener
                fill(file)
            if sealed:
                self._announce("seal")
                seal(temp)
            self._announce("fsync")
            _sync(temp)
            yield temp
        finally:
            self.remove(temp)

    def place(self, temp: Path, target: Path) -> bool:
        """Give the file its name, if nothing has that name yet. False where something has."""
        self._announce("rename")
        try:
            os.link(temp, target)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if os.path.lexists(target):
                return False
            temp.replace(target)
        self._sync_folder(target.parent)
        return True

    def replace(self, temp: Path, target: Path) -> None:
        """Put the file in the place of an older one, in one step. A link in its place is replaced, not followed."""
        self._announce("rename")
        temp.replace(target)
        self._sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Delete a file, or a folder that is empty; no fault where it is gone already."""
        if os.path.lexists(path):
            self._announce("delete")
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)

    def _sync_folder(self, folder: Path) -> None:
        self._announce("fsync folder")
        if os.name != "nt":  # there, a folder cannot be opened
            _sync(folder)


def copy_of(source: Path) -> Callable[[IO[bytes]], object]:
    """What ``Disk.beside`` fills a file with: the bytes of another."""

    def fill(file: IO[bytes]) -> None:
        with source.open("rb") as original:
            while chunk := original.read(_CHUNK):
                file.write(chunk)

    return fill


def refuse_links(*paths: Path) -> None:
    """Raise OutputFolderError where a link stands in place of one of our own files or folders."""
    links = [path for path in paths if path.is_symlink()]
    if links:
        raise OutputFolderError(
            *(
                Problem(
                    what="A link stands where the archive keeps its own files; it is not followed.",
                    where=str(path),
                    next_step="Remove the link. For an archive on another disk, set KAYZEN_NB_HOME to a folder there.",
                )
                for path in links
            )
        )


@contextmanager
def explain_refusals(folder: Path) -> Iterator[None]:
    """The system's refusals in plain words."""
    where, step = str(folder), "Free some space, or give this user the right to write there"
    try:
        yield
    except TimeoutError:  # filelock's Timeout is one
        reason, step = "another program has been writing to it for two minutes", "Let it end"
    except NotImplementedError:  # filelock, on some network drives
        reason, step = "this drive cannot lock files", "Use a drive of this machine"
    except OSError as refused:
        reason, where = refused.strerror or str(refused), str(refused.filename or folder)
    else:
        return
    what = f"The archive cannot be written: {reason}. What was there before is untouched."
    next_step = f"{step}, or set KAYZEN_NB_HOME to another folder; then run the same command again."
    raise OutputFolderError(Problem(what=what, where=where, next_step=next_step))


@contextmanager
def explain_full_spool(doing: str) -> Iterator[None]:
    """DuckDB's refusals to write (or read back) its own temporary files, in plain words and without its text."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        pass
    else:
        return
    what = f"There is no room, or no right, {doing}."
    step = "Free some space there (TMPDIR names another place), then run it again. Nothing that was kept is lost."
    raise OutputFolderError(Problem(what=what, where=str(spool_folder()), next_step=step))


def _private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    if os.name != "nt":
        os.fchmod(descriptor, 0o600)  # a strange umask may have taken the owner's own rights
    return descriptor


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
