"""What is kept how long, and how a caller is forgotten."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from kayzen_nb.archive import list_archives
from kayzen_nb.callerkey import FORGOTTEN_FILE, read_forgotten
from kayzen_nb.callsql import open_engine
from kayzen_nb.errors import InputError, ParameterError, Problem
from kayzen_nb.newcolumns import quote
from kayzen_nb.parquetseal import TEMPORARY, Disk, copy_of, explain_full_spool, explain_refusals, refuse_links
from kayzen_nb.pullfiles import list_pulls, raw_name, read_day
from kayzen_nb.rawpages import expire, find_expired, forget_in_raw
from kayzen_nb.spool import literal, new_spool_file, spool_folder
from kayzen_nb.storedcalls import FACTS_KEY, PARQUET, STORED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb

    from kayzen_nb.archive import Archive
    from kayzen_nb.callerkey import CallerKey
    from kayzen_nb.pullfiles import Pull

_LOCK_WAIT_S = 120.0
# RuntimeError is an encrypted zip, NotImplementedError (a kind of it) an unknown packing.
_DAMAGED = (EOFError, ValueError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
_UNPACKABLE = (OSError, RuntimeError, *_DAMAGED)
_FORGOTTEN = {"caller": "'forgotten'", "caller_key": "null", "caller_number": "null", "state": "null", "more": "null"}


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was deleted: whole days, single pulls of days that stay, and files of raw pages."""

    days: tuple[date, ...]
    pulls: tuple[Path, ...]
    raw: tuple[Path, ...]

    def __str__(self) -> str:
        days = f" ({self.days[0]} to {self.days[-1]})" if self.days else ""
        return f"Days: {len(self.days):,}{days}, single pulls: {len(self.pulls):,}, raw pages: {len(self.raw):,} files."

    def as_record(self) -> dict[str, list[str]]:
        """As a machine reads it."""
        return {name: [str(one) for one in entries] for name, entries in vars(self).items()}


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What became of a caller.

    ``pulls`` and ``raw`` are the files written again, with ``rows`` and ``records`` of the caller in them. ``reports``
    hold the pseudonym and are left to you. ``unsearchable`` could not be looked into: damaged, from a newer version, or
    made with another caller key. ``was_known``: the caller had been forgotten before.
    """

    pseudonym: str
    was_known: bool
    pulls: tuple[Path, ...]
    rows: int
    raw: tuple[Path, ...]
    records: int
    reports: tuple[Path, ...]
    unsearchable: tuple[Path, ...]

    def __str__(self) -> str:
        calls = f"{self.rows:,} calls ({len(self.pulls):,} files)"
        records = f"{self.records:,} raw records ({len(self.raw):,} files)"
        lines = [f"The caller is forgotten in {calls} and {records}{', as asked before' if self.was_known else ''}."]
        if not (self.rows or self.records or self.was_known):
            lines = [
                "No call of this caller is in the archive. The number is noted, so that later syncs leave it out.",
                "Was it typed right? If not, ask again with the right one.",
            ]
        lines += [f"Holds the caller's pseudonym, delete it yourself: {path}" for path in self.reports]
        lines += [f"Could not be searched, delete it if in doubt: {path}" for path in self.unsearchable]
        return "\n".join(lines)

    def as_record(self) -> dict[str, Any]:
        """As a machine reads it."""
        entries = vars(self).items()
        return {name: [str(path) for path in one] if isinstance(one, tuple) else one for name, one in entries}


def prune(
    archive: Archive,
    now: datetime,
    *,
    calls_older_than: timedelta | None,
    raw_older_than: timedelta,
    keep_pulls: int | None,
    dry_run: bool = False,
) -> Pruned:
    """Delete what is older than the limits (None: no limit), never a day's newest sound pull alone.

    Days are judged by their end, raw pages by when they were read. ``dry_run`` only tells. Killed at any moment and run
    again, it ends as if it had not been killed. Raises ParameterError for limits that make no sense, OutputFolderError
    where the disk refuses.
    """
    _check_limits(calls_older_than, raw_older_than, keep_pulls)
    limit = None if calls_older_than is None else now - calls_older_than
    if dry_run or not archive.folder.exists():
        return _plan(archive, limit, keep_pulls, find_expired(archive.folder / "raw", raw_older_than, now))
    with archive.writing():
        archive.sweep()
        pruned = _plan(archive, limit, keep_pulls, find_expired(archive.folder / "raw", raw_older_than, now))
        for day in pruned.days:
            _remove_day(archive, day)
        for path in pruned.pulls:
            raw = archive.folder / "raw" / path.parent.name / raw_name(path)
            archive.remove([raw, path])
        expire(archive.folder / "raw", raw_older_than, now, archive.disk)
    return pruned


def _plan(archive: Archive, limit: datetime | None, keep: int | None, expired: Sequence[Path]) -> Pruned:
    """What is to be deleted; what goes with its day is not told twice."""
    days = tuple(day for day in _list_days(archive) if limit and _end_of(day) <= limit)
    staying = [day for day in archive.days() if day not in days]
    pulls = tuple(path for day in staying if keep for path in _find_older_pulls(archive, day, keep))
    return Pruned(days=days, pulls=pulls, raw=tuple(path for path in expired if read_day(path.parent) not in days))


def _list_days(archive: Archive) -> list[date]:
    """The days that have a folder, be it empty: a killed run may have left one."""
    folders = [folder for kind in ("calls", "raw") for folder in (archive.folder / kind).glob("day=*")]
    return sorted({day for folder in folders if not folder.is_symlink() and (day := read_day(folder))})


def _check_limits(calls: timedelta | None, raw: timedelta, keep: int | None) -> None:
    limits = {"calls_older_than": calls, "raw_older_than": raw}
    problems = [
        Problem(what=f"{name} is negative.", where=name, next_step="Give a number of days, 0 or more.")
        for name, limit in limits.items()
        if limit is not None and limit < timedelta()
    ]
    if keep is not None and keep < 1:
        what = f"keep_pulls is {keep}: at least the newest pull of a day stays."
        problems.append(
            Problem(what=what, where="keep_pulls", next_step="Give 1 or more, or leave it out to keep all.")
        )
    if problems:
        raise ParameterError(*problems)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _remove_day(archive: Archive, day: date) -> None:
    """Raw pages and markers first, the newest sound pull last: until then the day is whole."""
    folders = [f for f in (archive.raw_folder(day), archive.calls_folder(day)) if f.is_dir() and not f.is_symlink()]
    newest = archive.newest(day)
    files = [path for folder in folders for path in sorted(folder.iterdir())]
    archive.remove(sorted(files, key=lambda path: newest is not None and path == newest.path))
    archive.remove(folders)


def _find_older_pulls(archive: Archive, day: date, keep: int) -> list[Path]:
    """All pulls but the newest ones and the newest sound one, oldest first."""
    newest = archive.newest(day)
    paths = list_pulls(archive.calls_folder(day))[:-keep]
    return [path for path in paths if newest is None or path != newest.path]


def forget(
    home: Path,
    number: str,
    key: CallerKey,
    reports: Path | None = None,
    *,
    on_write: Callable[[str], None] = lambda _: None,
) -> Forgotten:
    """Forget a caller in all archives of a home folder, and in what is read from now on.

    The calls stay, so that no sum changes; who called does not. The number may be written in any way. Doing it twice
    changes nothing. Raises ParameterError for a text without a number, OutputFolderError where the disk refuses.
    """
    pseudonym = key.pseudonym(number)
    if pseudonym is None:
        what = "This text holds no phone number of at least seven digits."
        raise ParameterError(Problem(what=what, where="number", next_step="Give the number, such as +1 212 555 0123."))
    was_known = _note_forgotten(home, pseudonym, Disk(on_write))
    gone = replace(key, forgotten=key.forgotten | {pseudonym})
    pulls: dict[Path, int] = {}
    raw: dict[Path, int] = {}
    unsearchable: list[Path] = []
    for archive in list_archives(home, on_write=on_write):
        with archive.writing():
            archive.sweep()
            unsearchable += _find_unsearchable(archive, key)
            pulls |= _forget_in_pulls(archive, number, gone)
            raw |= _forget_in_pages(archive, number, gone, unsearchable)
    found = _find_reports(reports, pseudonym, unsearchable) if reports else ()
    return Forgotten(
        pseudonym=pseudonym,
        was_known=was_known,
        pulls=tuple(pulls),
        rows=sum(pulls.values()),
        raw=tuple(raw),
        records=sum(raw.values()),
        reports=found,
        unsearchable=tuple(unsearchable),
    )


def _note_forgotten(home: Path, pseudonym: str, disk: Disk) -> bool:
    """Before all else, so that no later reading brings the caller back. Whether it stood there already."""
    from filelock import FileLock  # noqa: PLC0415  # only where something is forgotten

    path = home / FORGOTTEN_FILE
    refuse_links(path)
    with explain_refusals(home):
        disk.make_folder(home)
        with FileLock(home / f".{FORGOTTEN_FILE}.lock", timeout=_LOCK_WAIT_S, mode=0o600):
            for left in home.glob(f".{FORGOTTEN_FILE}.*{TEMPORARY}"):  # by a killed run
                disk.remove(left)
            known = read_forgotten(home)
            if pseudonym in known:
                return True
            text = "".join(f"{line}\n" for line in sorted(known | {pseudonym}))
            with disk.beside(path, lambda file: file.write(text.encode("ascii"))) as temp:
                disk.replace(temp, path)
    return False


def _find_unsearchable(archive: Archive, key: CallerKey) -> list[Path]:
    """Pulls that are not sound, and those whose pseudonyms another key made."""
    days = archive.days()
    sound = {pull.path: pull for day in days for pull in archive.pulls(day)}
    paths = (path for day in days for path in list_pulls(archive.calls_folder(day)))
    return [p for p in paths if p not in sound or sound[p].facts.caller_key != key.fingerprint]


def _forget_in_pulls(archive: Archive, number: str, key: CallerKey) -> dict[Path, int]:
    """Each pull that held the caller, written again without, and how many rows that were."""
    pulls = {str(pull.path): pull for day in archive.days() for pull in archive.pulls(day)}
    with open_engine(key, spool_folder()) as engine:
        engine.execute("set variable caller = ?", [number])
        with explain_full_spool("to look for the caller"):
            found = engine.execute(_FOUND.format(_list_sql(pulls))).fetchall() if pulls else []
        for name, _ in found:
            _forget_in_pull(engine, pulls[name], archive.disk)
    return {pulls[name].path: rows for name, rows in found}


def _forget_in_pull(engine: duckdb.DuckDBPyConnection, pull: Pull, disk: Disk) -> None:
    spooled = new_spool_file(".parquet")
    facts = f"KV_METADATA {{{FACTS_KEY}: {quote(pull.facts.as_text())}}}"
    rows = f"select {_WITHOUT} from read_parquet({quote(literal(pull.path))}, hive_partitioning = false)"  # noqa: S608  # our words, quoted paths
    try:
        with explain_full_spool("to write the calls again without the caller"):
            engine.execute(f"copy ({rows}) to {quote(spooled)} ({PARQUET}, {facts})")
        with disk.beside(pull.path, copy_of(spooled), sealed=True) as temp:
            disk.replace(temp, pull.path)
    finally:
        spooled.unlink(missing_ok=True)


def _forget_in_pages(archive: Archive, number: str, key: CallerKey, unsearchable: list[Path]) -> dict[Path, int]:
    """As ``_forget_in_pulls``, for raw pages; damaged ones are added to ``unsearchable``."""
    changed = {}
    for path in sorted((archive.folder / "raw").glob("day=*/pulled=*.ndjson.gz")):
        spooled = new_spool_file(".ndjson.gz")
        try:
            if records := forget_in_raw(path, spooled, key, number):
                with archive.disk.beside(path, copy_of(spooled)) as temp:
                    archive.disk.replace(temp, path)
                changed[path] = records
        except InputError:
            unsearchable.append(path)
        finally:
            spooled.unlink(missing_ok=True)
    return changed


def _find_reports(folder: Path, pseudonym: str, unsearchable: list[Path]) -> tuple[Path, ...]:
    """The files below a folder that hold the pseudonym as text, packed in a zip or not.

    Those that cannot be read, or unpacked (damaged, encrypted, packed in an unknown way), join ``unsearchable``.
    """
    found = []
    for path in (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()):
        try:
            found += [path] if any(pseudonym.encode() in content for content in _contents(path)) else []
        except _UNPACKABLE:
            unsearchable.append(path)
    return tuple(found)


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            yield from (packed.read(name) for name in packed.namelist())


def _list_sql(paths: Iterable[str]) -> str:
    return "[" + ", ".join(quote(literal(path)) for path in paths) + "]"


_IS_CALLER = "(caller_key = caller_pseudonym(getvariable('caller')) or caller_digits(caller_number) = caller_digits(getvariable('caller')))"  # noqa: E501  # one SQL line
_FOUND = f"""select filename, count(*) from read_parquet({{}}, filename = true, hive_partitioning = false)
  where {_IS_CALLER} group by filename order by filename"""  # noqa: S608  # our words only
_WITHOUT = ", ".join(
    f"case when {_IS_CALLER} then {_FORGOTTEN[name]} else {name} end as {name}" if name in _FORGOTTEN else name
    for name in STORED_COLUMNS
)
