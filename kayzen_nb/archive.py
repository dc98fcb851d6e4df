"""The archive of an account's calls: one immutable file a pull of a day; the present is the newest sound one.

::

    HOME/archive/<account id>/calls/day=2026-11-01/pulled=2026-11-23T06-00-00Z.parquet
                                                   _same=2026-11-24T06-00-00Z.json     read again, same rows
                              raw/day=2026-11-01/pulled=2026-11-23T06-00-00Z.ndjson.gz

A file gets its name in one step and is not changed afterwards (but for ``forget``), so that readers need no lock.
Writers take turns. Days are UTC days.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.callerkey import read_forgotten
from kayzen_nb.callsql import open_engine
from kayzen_nb.errors import Problem, RunError
from kayzen_nb.parquetseal import (
    NEWER,
    TEMPORARY,
    Disk,
    copy_of,
    explain_refusals,
    read_held,
    refuse_links,
)
from kayzen_nb.pullfiles import TIME, Pull, is_ours, list_pulls, look_into, pull_time, raw_name, read_day
from kayzen_nb.restatement import Changes, compare
from kayzen_nb.spool import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import EllipsisType

    from kayzen_nb.storedcalls import PullFacts

_LOCK_WAIT_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Present:
    """The pulls that hold a period's calls, the days without any, and a sentence for each file passed over."""

    pulls: tuple[Pull, ...]
    missing: tuple[date, ...]
    flaws: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Published:
    """What became of a reading: a new ``pull``, or (``was_same``) the one that stands, with the same rows.

    ``compared`` tells how it differs from the pull before; None for the first of a day.
    """

    pull: Pull
    compared: Changes | None
    was_same: bool


_NO_CHANGES = Changes(new=0, gone=0, changed=0, revenue_delta_usd_micros=0, payout_delta_usd_micros=0, is_same=True)


class Archive:
    """The archive of one account, HOME/archive/<account id>. ``on_write`` hears of each change before it is made."""

    def __init__(self, folder: Path, *, on_write: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self.disk = Disk(on_write)
        self._announce = on_write
        self._swept = False

    def days(self) -> tuple[date, ...]:
        """The days of which a pull is there, sound or not."""
        folders = (self.folder / "calls").glob("day=*")
        found = ((read_day(folder), folder) for folder in folders if not folder.is_symlink())
        return tuple(sorted(day for day, folder in found if day and list_pulls(folder)))

    def pulls(self, day: date) -> tuple[Pull, ...]:
        """The day's sound pulls, oldest first."""
        looked = (look_into(day, path) for path in list_pulls(self.calls_folder(day)))
        return tuple(pull for pull in looked if isinstance(pull, Pull))

    def newest(self, day: date, as_of: datetime | None = None) -> Pull | None:
        """The day's newest sound pull, of those that were there at ``as_of``."""
        return self._search(day, as_of)[0]

    def present(self, first_day: date, last_day: date, as_of: datetime | None = None) -> Present:
        """The newest sound pull of each day (both days included), of those that were there at ``as_of``."""
        days = [first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1)]
        found = [self._search(day, as_of) for day in days]
        flaws = [flaw for day, (_, passed) in zip(days, found, strict=True) for flaw in (*passed, *self._strange(day))]
        return Present(
            pulls=tuple(pull for pull, _ in found if pull),
            missing=tuple(day for day, (pull, _) in zip(days, found, strict=True) if pull is None),
            flaws=tuple(flaws),
        )

    def checked_at(self, day: date, as_of: datetime | None = None) -> datetime | None:
        """When (up to ``as_of``) the day was last read from the platform and found as its newest sound pull holds it.

        Of the times when the same rows were read again only the last is kept.
        """
        pull = self.newest(day, as_of)
        if pull is None:
            return None
        again = [pull_time(marker) for marker in self._markers(day) if _is_about(marker, pull)]
        return max([pull.pulled_at, *(time for time in again if as_of is None or time <= as_of)])

    def raw_of(self, pull: Pull) -> Path | None:
        """The pages behind a pull, as long as they are kept."""
        path = self.raw_folder(pull.day) / raw_name(pull.path)
        return path if path.is_file() and not path.is_symlink() else None

    def calls_folder(self, day: date) -> Path:
        """Where the day's pulls are."""
        return self.folder / "calls" / f"day={day}"

    def raw_folder(self, day: date) -> Path:
        """Where the day's raw pages are."""
        return self.folder / "raw" / f"day={day}"

    def publish(
        self,
        day: date,
        written: Path,
        facts: PullFacts,
        raw: Path | None = None,
        *,
        begun: Pull | EllipsisType | None = ...,
    ) -> Published:
        """Keep a day that was read whole: ``written`` is its Parquet file with its facts, ``raw`` its sealed pages.

        Both stay where they are. The same rows of the same window as the newest pull's leave only a marker that they
        were read again (that pull's raw pages stay as they are). ``begun`` is the newest pull from when the reading
        began: where another reading was published since, this one, which may be older, is not kept. Raises
        OutputFolderError where the disk refuses, with everything older untouched; RunError where a caller was forgotten
        while the day was read.
        """
        with self.writing(self.calls_folder(day), self.raw_folder(day)):
            self.sweep(day)
            self._refuse_forgotten(written)
            newest, passed = self._search(day, None)
            if newest and begun is not ... and (begun is None or begun.path != newest.path):
                return Published(pull=newest, compared=_NO_CHANGES, was_same=True)
            compared = compare(newest.path, written) if newest else None
            if newest and compared and compared.is_same and not passed and _is_same_window(newest.facts, facts):
                self._mark(day, newest, facts)
                return Published(pull=newest, compared=compared, was_same=True)
            pull = self._place(day, written, facts, raw)
            self.remove(self._markers(day))
            return Published(pull=pull, compared=compared, was_same=False)

    @contextmanager
    def writing(self, *folders: Path) -> Iterator[None]:
        """The right to write, for one program at a time (free at once when it is killed). Makes the folders."""
        from filelock import FileLock  # noqa: PLC0415  # only where something is written

        refuse_links(*dict.fromkeys([self.folder, *(p for folder in folders for p in (folder.parent, folder))]))
        with explain_refusals(self.folder):
            for folder in (self.folder, *folders):
                self.disk.make_folder(folder)
            self._announce("lock")
            with FileLock(self.folder / ".writers.lock", timeout=_LOCK_WAIT_S, mode=0o600):
                yield

    def sweep(self, day: date | None = None) -> None:
        """Remove what killed programs left: half-written files, and the day's raw pages whose pull never came.

        Only while ``writing``: no other program has any then. The whole archive is looked through once a program.
        """
        place = f"day={day}" if day and self._swept else "day=*"
        self.remove(self.folder.glob(f"*/{place}/.*{TEMPORARY}"))
        self._swept = True
        if day:
            self._sweep_raw(day)

    def _sweep_raw(self, day: date) -> None:
        known = {raw_name(path) for path in list_pulls(self.calls_folder(day))}
        self.remove(path for path in self.raw_folder(day).glob("pulled=*") if path.name not in known)

    def remove(self, paths: Iterable[Path]) -> None:
        """Delete files, one after the other."""
        for path in list(paths):
            self.disk.remove(path)

    def _search(self, day: date, as_of: datetime | None) -> tuple[Pull | None, list[str]]:
        """The newest sound pull, and a sentence for each newer one that had to be passed over."""
        passed: list[tuple[Path, str]] = []
        paths = list_pulls(self.calls_folder(day))
        for path in reversed([p for p in paths if as_of is None or pull_time(p) <= as_of]):
            looked = look_into(day, path)
            if isinstance(looked, Pull):
                return looked, [_explain_flaw(day, p, why, looked) for p, why in passed]
            passed += [(path, looked)] if looked else []
        return None, [_explain_flaw(day, path, why, None) for path, why in passed]

    def _strange(self, day: date) -> list[str]:
        """A sentence for each thing in the day's folder that is not ours, and that other programs would read."""
        folder = self.calls_folder(day)
        if folder.is_symlink():
            return [f"{folder} is a link and is not followed. Remove it and sync {day} again."]
        others = sorted(path.name for path in folder.glob("[!.]*.parquet") if not is_ours(path))
        return [f"{name} of {day} is not a pull and is left out. Move it out of {folder}." for name in others]

    def _markers(self, day: date) -> list[Path]:
        return sorted(path for path in self.calls_folder(day).glob("_same=*.json") if is_ours(path))

    def _refuse_forgotten(self, written: Path) -> None:
        """A long reading may have begun before a caller was forgotten: it must not bring the caller back."""
        forgotten = read_forgotten(self.folder.parent.parent)
        if forgotten and _holds_caller(written, sorted(forgotten)):
            what = "A caller was forgotten while this day was read; what was read is not kept."
            raise RunError(Problem(what=what, where=str(self.folder), next_step="Run the sync again."))

    def _mark(self, day: date, newest: Pull, facts: PullFacts) -> None:
        """Note that the newest pull's rows were read again; one marker a day is enough."""
        older = self._markers(day)
        marker = self.calls_folder(day) / f"_same={self._next_time(day, facts):{TIME}}.json"
        text = json.dumps({"pull": newest.path.name, "facts": json.loads(facts.as_text())})
        with self.disk.beside(marker, lambda file: file.write(text.encode())) as temp:
            self.disk.replace(temp, marker)
        self.remove(older)

    def _place(self, day: date, written: Path, facts: PullFacts, raw: Path | None) -> Pull:
        """Raw pages first: a pull that is seen has them."""
        target = self.calls_folder(day) / f"pulled={self._next_time(day, facts):{TIME}}.parquet"
        with self.disk.beside(target, copy_of(written), sealed=True) as temp:
            held = read_held(temp)
            if isinstance(held, str):
                raise ValueError(f"the file to publish {held}")  # noqa: TRY004  # a wrong file, not a wrong type
            if raw:
                self._place_raw(raw, self.raw_folder(day) / raw_name(target))
            self._give_name(temp, target)
        return Pull(day=day, pulled_at=pull_time(target), path=target, facts=held)

    def _place_raw(self, raw: Path, target: Path) -> None:
        with self.disk.beside(target, copy_of(raw)) as temp:
            self._give_name(temp, target)

    def _give_name(self, temp: Path, target: Path) -> None:
        if not self.disk.place(temp, target):
            raise FileExistsError(17, "another program wrote it at the same moment", str(target))

    def _next_time(self, day: date, facts: PullFacts) -> datetime:
        """The time that a new file is named by: the clock's, but later than all that is there (clocks go back)."""
        there = [p for folder in (self.calls_folder(day), self.raw_folder(day)) for p in folder.iterdir() if is_ours(p)]
        clock = facts.pulled_at.astimezone(UTC).replace(microsecond=0)
        return max([clock, *(pull_time(path) + timedelta(seconds=1) for path in there)])


def archive_folder(home: Path, account_id: str) -> Path:
    """Where an account's archive is."""
    return home / "archive" / account_id


def list_archives(home: Path, *, on_write: Callable[[str], None] = lambda _: None) -> tuple[Archive, ...]:
    """The archives of all accounts in a home folder."""
    folders = sorted((home / "archive").glob("*"))
    ours = [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
    return tuple(Archive(folder, on_write=on_write) for folder in ours)


def _is_same_window(one: PullFacts, other: PullFacts) -> bool:
    """A day read before its end and again after it is another thing, even if no call came in between."""
    return (one.window_start, one.window_end) == (other.window_start, other.window_end)


def _is_about(marker: Path, pull: Pull) -> bool:
    """Whether a marker says that this pull's rows were read again. A damaged one says nothing."""
    try:
        return bool(json.loads(marker.read_bytes())["pull"] == pull.path.name)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _holds_caller(written: Path, pseudonyms: list[str]) -> bool:
    asked = "select count(*) from read_parquet(?) where list_contains(?, caller_key)"
    with open_engine() as engine:
        return bool(engine.execute(asked, [literal(written), pseudonyms]).fetchall()[0][0])


def _explain_flaw(day: date, path: Path, why: str, instead: Pull | None) -> str:
    taken = (
        f"the pull of {instead.pulled_at:%Y-%m-%d %H:%M:%S} UTC is used instead"
        if instead
        else "no older pull is there"
    )
    step = "Update this toolkit." if why == NEWER else f"Sync {day} again."
    return f"{path.name} of {day} {why}; {taken}. {step}"
