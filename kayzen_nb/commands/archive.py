"""The commands about the archive: what it holds, what changed, what is removed, and what is read anew."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.days import read_period
from kayzen_nb.commands.keeping import open_keeping
from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option
from kayzen_nb.errors import ParameterError, Problem

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from kayzen_nb.archive import Archive

_SHOWN = 20
_sandbox = click.option("--sandbox", metavar="SCENARIO", help="The sandbox's archive instead of the account's.")
_zone = click.option("--tz", "zone", default="America/New_York", show_default=True, help="IANA time zone of the days.")


@click.command(epilog=f"{EXAMPLE}kayzen-nb archive\n  kayzen-nb archive --json")
@_sandbox
@json_option
def archive(sandbox: str | None, *, as_json: bool) -> None:
    """Say what the archive holds: days, calls, size, when each was read, and files that are damaged.

    Exit code 1 when a file is damaged: an older pull of that day has taken over.
    """
    kept = open_keeping(sandbox).archive
    days = kept.days()
    present = kept.present(days[0], days[-1]) if days else None
    read = [at for day in days if (at := kept.checked_at(day))]
    record: dict[str, Any] = {
        "folder": str(kept.folder),
        "last_read": max(read).isoformat(timespec="seconds") if read else None,
        "days": len(present.pulls) if present else 0,
        "first_day": str(present.pulls[0].day) if present and present.pulls else None,
        "last_day": str(present.pulls[-1].day) if present and present.pulls else None,
        "missing_days": [str(day) for day in present.missing] if present else [],
        "rows_in": sum(pull.facts.rows_in for pull in present.pulls) if present else 0,
        "rows_used": sum(pull.facts.rows_used for pull in present.pulls) if present else 0,
        "pulls": sum(len(kept.pulls(day)) for day in days),
        "bytes": sum(_size(file) for file in kept.folder.rglob("*")),
        "flaws": list(present.flaws) if present else [],
    }
    click.echo(as_json_text(record) if as_json else _tell_holdings(record))
    sys.exit(1 if record["flaws"] else 0)


def _size(file: Path) -> int:
    """A file's bytes; 0 for a folder, and for a file that another program has just removed."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0


def _shorten(days: list[str]) -> str:
    return ", ".join(days) if len(days) <= 3 else f"{days[0]}, {days[1]} ... {days[-1]}"


def _tell_holdings(record: dict[str, Any]) -> str:
    from kayzen_nb.vocabulary import counted  # noqa: PLC0415  # only where it is used

    if not record["days"]:
        return f"The archive is empty: {record['folder']}\nnext: kayzen-nb sync"
    gaps = record["missing_days"]
    told = f"{counted(len(gaps), 'day')} between missing: {_shorten(gaps)}." if gaps else "none missing."
    rows = f"{record['rows_in']:,} rows in the newest pulls, {record['rows_used']:,} of them calls"
    lines = [
        f"{record['days']:,} days (UTC), {record['first_day']} to {record['last_day']}, {told}",
        f"{rows}; {record['pulls']:,} pulls kept, {record['bytes'] / 1e6:,.1f} MB; last read {record['last_read']}.",
        *record["flaws"],
        f"Folder: {record['folder']}",
    ]
    return "\n".join(lines)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb changes --since -7d\n"
    "  kayzen-nb changes --from 2026-10-01 --to 2026-10-31 --since 2026-11-05 --out changes.csv"
)
@click.option("--from", "first", metavar="DAY", default="-30d", show_default=True, help="First day of calls.")
@click.option("--to", "last", metavar="DAY", default="today", show_default=True, help="Last day of calls, included.")
@click.option(
    "--since",
    metavar="DAY",
    default="yesterday",
    show_default=True,
    help="Compare with the archive as it stood at the end of this day, or at a time: 2026-11-25T14:05.",
)
@click.option(
    "--until", metavar="DAY", help="... and as it stood at the end of this day or at this time; default: now."
)
@_zone
@click.option("--out", type=click.Path(dir_okay=False), help="Write every change there, as CSV.")
@_sandbox
@json_option
def changes(
    first: str,
    last: str,
    since: str,
    zone: str,
    *,
    until: str | None,
    out: str | None,
    sandbox: str | None,
    as_json: bool,
) -> None:
    """List what was restated: calls that came, went or changed between two pulls, which amounts, and from when."""
    from kayzen_nb.restatement import restate  # noqa: PLC0415  # duckdb, only where calls are compared
    from kayzen_nb.sources import utc_days  # noqa: PLC0415  # as above

    today = datetime.now(UTC).date()
    days = [day for day in utc_days(read_period(first, last, zone)) if day <= today]
    before = _read_moment(since, zone)
    after = _read_moment(until, zone) if until else None
    found = restate(open_keeping(sandbox).archive, days[0], days[-1], before, after)
    if out:
        _write_changes(found, out)
    click.echo(as_json_text(found.as_record()) if as_json else _tell_restated(found))


def _write_changes(found: Any, out: str) -> None:
    from pathlib import Path  # noqa: PLC0415  # beside the others

    import pandas as pd  # noqa: PLC0415  # only where a table is written

    from kayzen_nb.tables import write_csv  # noqa: PLC0415  # as above

    columns = ["call_id", "day", "call_at", "what", "column", "before", "after"]
    write_csv(pd.DataFrame([change.as_record() for change in found.changes], columns=columns), Path(out))
    click.echo(f"Changes written: {out}", err=True)


def _read_moment(text: str, zone: str) -> datetime:
    """A moment from ``2026-11-25T14:05`` in the zone, or the end of a day."""
    from kayzen_nb.logtimes import find_zone  # noqa: PLC0415  # only where it is used

    try:
        moment = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        moment = None
    if moment is None:
        return read_period(text, text, zone).end_utc
    return moment if moment.tzinfo else moment.replace(tzinfo=find_zone(zone))


def _tell_restated(found: Any) -> str:
    if found.compared:
        return str(found)
    step = "Choose a later --since (a time such as 2026-11-25T14:05 will do), or come back after the next sync."
    return f"Nothing to compare: at {found.since:%Y-%m-%d %H:%M} UTC the archive held none of these days.\nnext: {step}"


@click.command(epilog=f"{EXAMPLE}kayzen-nb prune --calls-older-than 400 --raw-older-than 30 --keep-pulls 10")
@click.option(
    "--calls-older-than",
    type=click.IntRange(1, 36_500),
    metavar="DAYS",
    help="Delete days of calls older than this; default: none.",
)
@click.option(
    "--raw-older-than",
    type=click.IntRange(0, 36_500),
    metavar="DAYS",
    help="Delete raw pages older than this; default: KAYZEN_NB_RAW_DAYS (30).",
)
@click.option(
    "--keep-pulls", type=click.IntRange(1), metavar="N", help="Of each day keep the newest N pulls; default: all."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@_sandbox
@json_option
def prune(
    *,
    calls_older_than: int | None,
    raw_older_than: int | None,
    keep_pulls: int | None,
    dry_run: bool,
    sandbox: str | None,
    as_json: bool,
) -> None:
    """Delete what is older than you want to keep. The newest sound pull of a day that stays is never deleted."""
    from kayzen_nb.retention import prune as prune_archive  # noqa: PLC0415  # only where something is deleted

    keeping = open_keeping(sandbox)
    raw_days = keeping.settings.raw_days if raw_older_than is None else raw_older_than
    pruned = prune_archive(
        keeping.archive,
        datetime.now(UTC),
        calls_older_than=timedelta(days=calls_older_than) if calls_older_than else None,
        raw_older_than=timedelta(days=raw_days),
        keep_pulls=keep_pulls,
        dry_run=dry_run,
    )
    verb = "Would delete" if dry_run else "Deleted"
    click.echo(as_json_text(pruned.as_record()) if as_json else f"{verb}: {pruned}")


@click.command(epilog=f"{EXAMPLE}kayzen-nb forget\n  echo +12125550123 | kayzen-nb forget")
@_sandbox
@json_option
def forget(sandbox: str | None, *, as_json: bool) -> None:
    """Remove a caller everywhere: pseudonym, masked number and state go, the calls stay, so that sums do not change.

    The number is asked for, or read from standard input: as an argument it would stay in your shell's history. Later
    syncs do not bring it back. Files that you exported yourself are not touched; delete them.
    """
    from kayzen_nb.retention import forget as forget_caller  # noqa: PLC0415  # as above

    number = click.prompt("The caller's number", hide_input=True) if sys.stdin.isatty() else sys.stdin.read().strip()
    keeping = open_keeping(sandbox)
    forgotten = forget_caller(keeping.settings.home, number, keeping.key, keeping.settings.home / "reports")
    click.echo(as_json_text(forgotten.as_record()) if as_json else str(forgotten))


@click.command(epilog=f"{EXAMPLE}kayzen-nb reread --from -30d --to today")
@click.option("--from", "first", metavar="DAY", default="-30d", show_default=True, help="First day of calls.")
@click.option("--to", "last", metavar="DAY", default="today", show_default=True, help="Last day of calls, included.")
@_zone
@_sandbox
@json_option
def reread(first: str, last: str, zone: str, *, sandbox: str | None, as_json: bool) -> None:
    """Read the kept raw pages again, without the network: after an update that reads something better.

    Raw pages are kept for KAYZEN_NB_RAW_DAYS (30) days; callers' numbers are not in them.
    """
    from kayzen_nb.sources import utc_days  # noqa: PLC0415  # duckdb, only where calls are read
    from kayzen_nb.sync import reread as reread_day  # noqa: PLC0415  # as above

    keeping = open_keeping(sandbox)
    keep = keeping.settings.keep_numbers
    days = _kept(keeping.archive, list(utc_days(read_period(first, last, zone))))
    read = {day: reread_day(keeping.archive, day, key=keeping.key, keep_numbers=keep) for day in days}
    counts = {word: sum(1 for one in read.values() if one and one.outcome == word) for word in ("changed", "same")}
    problems = [one.problem for one in read.values() if one and one.problem]
    record = {"days": len(days), **counts, "without_raw_pages": sum(1 for one in read.values() if one is None)}
    record["not_read"] = len(problems)
    text = f"{len(days):,} days: {record['changed']:,} read differently, {record['same']:,} as before, "
    click.echo(as_json_text(record) if as_json else f"{text}{record['without_raw_pages']:,} without raw pages.")
    for problem in problems:
        click.echo(str(problem), err=True)
    sys.exit(1 if problems else 0)


def _kept(kept: Archive, asked: list[date]) -> list[date]:
    days = [day for day in kept.days() if asked[0] <= day <= asked[-1]]
    if not days:
        step = "Run kayzen-nb archive to see which days there are."
        raise ParameterError(
            Problem(what="The archive holds none of these days.", where=str(kept.folder), next_step=step)
        )
    return days
