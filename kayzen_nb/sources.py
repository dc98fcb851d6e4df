"""The one door to calls: Ringba's API, exported files or the archive, all through the same SQL to the same table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import duckdb

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.callfile import find_call_files, import_call_file
from kayzen_nb.callpages import CallPages
from kayzen_nb.calls import CallTable
from kayzen_nb.callselect import NEWER, select_calls
from kayzen_nb.callsql import build_stored_sql
from kayzen_nb.errors import InputError, ParameterError, Problem
from kayzen_nb.period import Period
from kayzen_nb.ringba import Ringba
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.settings import find_home, load_settings
from kayzen_nb.spool import literal, new_spool_file
from kayzen_nb.vocabulary import CALL_COLUMNS, counted, label
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    import httpx

    from kayzen_nb.archive import Present
    from kayzen_nb.callfile import ImportedFile
    from kayzen_nb.callselect import Selected
    from kayzen_nb.settings import Settings
    from kayzen_nb.watching import Watcher

_AS_API_TELLS = build_stored_sql(API_IDS, "", at_utc="null", sparse=True)  # which columns are derived, and unknown
Source = Literal["sandbox", "api", "csv", "archive"]


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Which calls are wanted of a source."""

    period: Period | None
    campaign: str
    test_calls: Collection[str]

    def select(self, files: Sequence[Path], *, counts_outside: bool = True) -> Selected:
        return select_calls(
            files,
            period=self.period,
            campaign=self.campaign,
            test_calls=self.test_calls,
            counts_outside=counts_outside,
        )


def calls(
    *,
    source: Source,
    period: Period | None,
    settings: Settings | None = None,
    zone: str = "",
    transport: httpx.BaseTransport | None = None,
    csv_path: str | Path = "",
    campaign: str = "",
    test_calls: Collection[str] = (),
    as_of: datetime | None = None,
    watcher: Watcher = SILENT,
) -> CallTable:
    """The calls of a period: the same columns, types and ledger from whatever source.

    ``sandbox`` and ``api`` ask Ringba (the sandbox through its ``transport``), ``csv`` reads one or more exported files
    (``csv_path``: a file, several with ``;`` between, a folder or a pattern; ``zone`` says how to read their times, and
    with ``period`` None they decide their own days), ``archive`` reads what ``sync`` has kept, as it stood ``as_of``.
    Raises PlatformError, CallFileError, SettingsError; ParameterError where the period or zone is missing.
    """
    zone = zone or (period.zone if period else "")
    if not zone or (source != "csv" and period is None):
        raise ParameterError(
            Problem(
                what="Reading calls needs a time zone, and from Ringba or the archive a period too.",
                where="time_zone, period_start, period_end",
                next_step="Set them, such as America/New_York, -7d and yesterday.",
            )
        )
    wanted = _Wanted(period=period, campaign=campaign, test_calls=test_calls)
    if source == "csv" or period is None:
        return _from_files(csv_path, zone, settings.home if settings else find_home(), wanted)
    settings = settings or load_settings()
    if source == "archive":
        return _from_archive(settings, period, wanted, as_of)
    return _from_ringba(settings, transport, period, wanted, watcher)


def count_numbers(table: CallTable) -> list[tuple[str | None, str | None, int]]:
    """How many calls each campaign got on each tracking number (masked): ``(campaign, number, calls)``."""
    rows = table.relation.aggregate("campaign, number, count(*)", "campaign, number").order("1, 2").fetchall()
    return [(campaign, number, int(count)) for campaign, number, count in rows]


def utc_days(period: Period) -> Iterator[date]:
    """The UTC days that a period touches, in order."""
    return iter(period.utc_days)


def _from_ringba(
    settings: Settings,
    transport: httpx.BaseTransport | None,
    period: Period,
    wanted: _Wanted,
    watcher: Watcher,
) -> CallTable:
    as_of, kept = datetime.now(UTC), new_spool_file(".parquet")  # before reading: later changes may not be in
    with (
        Ringba(settings, transport=transport, watcher=watcher) as ringba,
        CallPages(load_caller_key(settings.home)) as pages,
    ):
        _collect(ringba, pages, period, wanted.campaign, watcher)
        source = urlsplit(settings.ringba_api_url).netloc
        facts = pages.write(
            kept, window_start=period.start_utc, window_end=period.end_utc, pulled_at=as_of, source=source
        )
    found = wanted.select([kept])
    return CallTable(
        relation=found.relation,
        ledger=found.ledger,
        source=source,
        as_of=as_of,
        derived=_AS_API_TELLS.derived,
        unknown=_AS_API_TELLS.unknown,
        notes=(*found.notes, *note_new_columns(facts.new_columns)),
        through=min(as_of, period.end_utc),
    )


def _collect(ringba: Ringba, pages: CallPages, period: Period, campaign: str, watcher: Watcher) -> None:
    """Every record of the period, day by day, so that whoever watches sees it go on."""
    watcher.begin(len(period.days))
    try:
        for day in period.days:
            watcher.day(day, "asked for")
            one = Period(first_day=day, last_day=day, zone=period.zone)
            for records in ringba.call_log().read(one.start_utc, one.end_utc, campaign=campaign, watcher=watcher):
                pages.add(records)
    finally:
        watcher.end()


def _from_files(csv_path: str | Path, zone: str, home: Path, wanted: _Wanted) -> CallTable:
    key = load_caller_key(home)
    files = find_call_files(str(csv_path), also=("campaign",) if wanted.campaign else ())
    read = [import_call_file(file, zone=zone, key=key, to=new_spool_file(".parquet")) for file in files]
    found = wanted.select([one.stored for one in read])
    names = _tell_apart(files)
    named = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    return CallTable(
        relation=found.relation,
        ledger=found.ledger,
        source=f"file {named}",
        as_of=max(one.as_of for one in read),
        derived={name: text for one in read for name, text in one.derived.items()},
        unknown=tuple(name for name in CALL_COLUMNS if any(name in one.unknown for one in read)),
        inputs={name: digest for name, one in zip(names, read, strict=True) for digest in one.inputs.values()},
        hours=_count_hours(one.stored for one in read),
        notes=(
            *found.notes,
            *_note_merge(found, files),
            *_note_gaps(read, files),
            *(n for one in read for n in one.notes),
        ),
    )


def _count_hours(stored: Iterable[Path]) -> dict[int, int]:
    """How many calls the files hold by UTC hour since 1970, whatever their campaign and period."""
    paths = [literal(path) for path in stored]
    counted = "select epoch_us(call_at) // 3600000000, count(*) from read_parquet(?) where set_aside is null group by 1"
    with duckdb.connect() as engine:
        return dict(engine.execute(counted, [paths]).fetchall())


def _tell_apart(files: Sequence[Path]) -> list[str]:
    """The files' names; where two have the same, their paths below the folder that all of them share."""
    names = [file.name for file in files]
    if len(set(names)) == len(names):
        return names
    try:
        shared = os.path.commonpath([file.parent for file in files])
    except ValueError:  # on different drives
        return [file.as_posix() for file in files]
    return [file.relative_to(shared).as_posix() for file in files]


def _note_merge(found: Selected, files: Sequence[Path]) -> list[str]:
    """Which export decided where a call stands in two of them."""
    again = next((one.rows for one in found.ledger.set_aside if one.reason == NEWER), 0)
    order = " before ".join(file.name for file in reversed(files))
    return [f"{counted(again, 'call')} stood in two files: the one changed last counts ({order})."] if again else []


def _note_gaps(read: Sequence[ImportedFile], files: Sequence[Path]) -> list[str]:
    """Columns that only some of the exports hold: unknown for all, rather than mixed into one number."""
    mixed = [name for name in CALL_COLUMNS if len({name in one.unknown for one in read}) == 2]
    lack = {file.name: [n for n in mixed if n in one.unknown] for file, one in zip(files, read, strict=True)}
    told = "; ".join(f"{name} lacks {', '.join(map(label, names))}" for name, names in lack.items() if names)
    return [f"Unknown, because not every file holds it: {told}."] if told else []


def _from_archive(settings: Settings, period: Period, wanted: _Wanted, as_of: datetime | None) -> CallTable:
    settings.require("ringba_account_id")
    archive = Archive(archive_folder(settings.home, settings.ringba_account_id or ""))
    present = archive.present(*_ends(period), as_of)
    if not present.pulls:
        raise ParameterError(_nothing_kept(period, as_of))
    try:
        found = wanted.select([pull.path for pull in present.pulls], counts_outside=False)
    except (duckdb.IOException, InputError):
        if all(pull.path.exists() for pull in present.pulls):
            raise
        return _from_archive(settings, period, wanted, as_of)  # older pulls were pruned at this moment
    read_at = min(archive.checked_at(pull.day, as_of) or pull.pulled_at for pull in present.pulls)
    return CallTable(
        relation=found.relation,
        ledger=found.ledger,
        source=f"archive of {' and '.join(sorted({pull.facts.source for pull in present.pulls}))}",
        as_of=read_at,
        derived=_AS_API_TELLS.derived,
        unknown=_AS_API_TELLS.unknown,
        inputs={f"day={pull.day}/{pull.path.name}": pull.digest for pull in present.pulls},
        notes=(*found.notes, *present.flaws, *_note_new(present)),
        missing_days=present.missing,
        through=min(present.pulls[-1].facts.window_end, period.end_utc),
    )


def _ends(period: Period) -> tuple[date, date]:
    days = list(utc_days(period))
    return days[0], days[-1]


def _nothing_kept(period: Period, as_of: datetime | None) -> Problem:
    if as_of:
        return Problem(
            what=f"At {as_of:%Y-%m-%d %H:%M} UTC the archive held none of these days.",
            where=f"as_of, {period}",
            next_step="Give a later as_of, or leave it empty; kayzen-nb archive says since when there is something.",
        )
    return Problem(
        what="The archive holds none of these days.",
        where=str(period),
        next_step=f"Run: kayzen-nb sync --from {period.first_day} --to {period.last_day} --tz {period.zone}",
    )


def _note_new(present: Present) -> list[str]:
    names = {name for pull in present.pulls for name in pull.facts.new_columns}
    return note_new_columns(tuple(sorted(names)))


def note_new_columns(names: tuple[str, ...]) -> list[str]:
    """What a page says of columns that Ringba sends and this package does not know."""
    return [f"New columns from Ringba, kept but not used: {', '.join(names)}."] if names else []
