"""The command ``sync``: Ringba's call log into the archive."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.days import read_period
from kayzen_nb.commands.keeping import Keeping, open_keeping
from kayzen_nb.commands.options import EXAMPLE, as_json_text, is_interrupt, json_option

if TYPE_CHECKING:
    from datetime import date

    from kayzen_nb.sync import DayRead, SyncReport


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb sync\n"
    "  kayzen-nb sync --from 2026-01-01 --to yesterday --tz America/Denver\n"
    "  kayzen-nb sync --sandbox small_advertiser"
)
@click.option("--from", "first", metavar="DAY", help="First day: 2026-11-01, yesterday, -90d. Default: 30 days ago.")
@click.option("--to", "last", metavar="DAY", default="today", show_default=True, help="Last day, included.")
@click.option("--tz", "zone", default="America/New_York", show_default=True, help="IANA time zone of the days.")
@click.option(
    "--again", is_flag=True, help="Read every day of the range, also those that cannot have changed any more."
)
@click.option("--sandbox", metavar="SCENARIO", help="Read invented calls, into an archive of their own.")
@json_option
def sync(first: str | None, last: str, zone: str, *, again: bool, sandbox: str | None, as_json: bool) -> None:
    """Pull call logs from Ringba into the archive on this machine.

    A day younger than 30 days is read again, because conversions and payouts come late; an older one only once more a
    month, for three months. It stays below three quarters of Ringba's limits and waits where it must. Ctrl-C is safe at
    any moment: days that were read are kept, and the same command goes on.
    """
    try:
        days = _read_ends(first, last, zone)
        keeping = open_keeping(sandbox)
        report = _run(keeping, days, again=again)
    except (KeyboardInterrupt, RuntimeError) as stopped:
        if not is_interrupt(stopped):
            raise
        click.echo("Stopped. The days that were read are kept; the same command goes on from there.", err=True)
        sys.exit(2)
    click.echo(as_json_text(_as_record(report, keeping)) if as_json else _tell(report, keeping))
    if report.stopped or not report.is_whole:
        _tell_problems(report)
    sys.exit(0 if report.is_whole else 2)


def _read_ends(first: str | None, last: str, zone: str) -> tuple[date | None, date]:
    """The UTC days to look at: from the first (None: the usual ones) to the last."""
    from kayzen_nb.sources import utc_days  # noqa: PLC0415  # duckdb, only where calls are read

    days = list(utc_days(read_period(first or last, last, zone)))
    return (days[0] if first else None), days[-1]


def _run(keeping: Keeping, days: tuple[date | None, date], *, again: bool) -> SyncReport:
    from kayzen_nb.progress import watch_terminal  # noqa: PLC0415  # tqdm, only where something is shown
    from kayzen_nb.sync import run_sync  # noqa: PLC0415  # duckdb and httpx, only where calls are read
    from kayzen_nb.syncplan import plan_sync  # noqa: PLC0415  # duckdb and httpx, only where calls are read

    watcher = watch_terminal()
    due, left_alone = plan_sync(keeping.archive, datetime.now(UTC), *days, again=again)
    with keeping.open_ringba(watcher) as ringba:
        return run_sync(
            ringba,
            keeping.archive,
            due,
            key=keeping.key,
            source=keeping.source,
            left_alone=left_alone,
            keep_numbers=keeping.settings.keep_numbers,
            raw_for=timedelta(days=keeping.settings.raw_days),
            watcher=watcher,
        )


def _tell(report: SyncReport, keeping: Keeping) -> str:
    """What the run did, in a few lines."""
    from kayzen_nb.vocabulary import counted  # noqa: PLC0415  # as above

    counts = {word: [d for d in report.days if d.outcome == word] for word in ("new", "changed", "same", "failed")}
    parts = [f"{len(found):,} {word}" for word, found in counts.items() if found]
    lines = [f"{counted(len(report.days), 'day')} read{': ' if parts else ''}{', '.join(parts)}."]
    if report.left_alone:
        lines[0] += f" {report.left_alone:,} left alone: just read, or they cannot have changed any more."
    if rows := sum(day.rows_in for day in report.days):
        aside = rows - sum(day.rows_used for day in report.days)
        lines.append(
            f"{counted(rows, 'call')} read" + (f", {aside:,} of them set aside as unreadable." if aside else ".")
        )
    lines += _tell_changes(counts["changed"])
    lines.append(f"Archive: {keeping.archive.folder}")
    return "\n".join(lines)


def _tell_changes(days: list[DayRead]) -> list[str]:
    """What moved since the last pull, in numbers; and what moved later than a conversion may."""
    from kayzen_nb.syncplan import RECHECK  # noqa: PLC0415  # as above
    from kayzen_nb.vocabulary import counted, usd  # noqa: PLC0415  # as above

    moved = [day.changes for day in days if day.changes]
    if not moved:
        return []
    new, gone, changed = (sum(getattr(one, name) for one in moved) for name in ("new", "gone", "changed"))
    revenue, payout = (sum(getattr(one, f"{name}_delta_usd_micros") for one in moved) for name in ("revenue", "payout"))
    text = f"Since the pull before: {counted(new, 'call')} new, {gone:,} gone, {changed:,} changed;"
    lines = [f"{text} revenue {usd(revenue):+,} USD, payout {usd(payout):+,} USD."]
    late = [str(day.day) for day in days if day.why == RECHECK]
    if late:
        lines.append(f"Changed later than 30 days after the call: {', '.join(late)}. See: kayzen-nb changes")
    return lines


def _tell_problems(report: SyncReport) -> None:
    failed = [day for day in report.days if day.problem]
    for day in failed[:5]:
        click.echo(f"{day.day} could not be read:\n{day.problem}", err=True)
    if len(failed) > 5:
        click.echo(f"and {len(failed) - 5} days more.", err=True)
    if report.stopped and report.stopped not in [day.problem for day in failed]:
        click.echo(str(report.stopped), err=True)
    click.echo("What was in the archive is untouched; the same command goes on from there.", err=True)


def _as_record(report: SyncReport, keeping: Keeping) -> dict[str, Any]:
    return {
        "archive": str(keeping.archive.folder),
        "is_whole": report.is_whole,
        "left_alone": report.left_alone,
        "stopped": str(report.stopped) if report.stopped else None,
        "days": [
            {
                "day": str(day.day),
                "why": day.why,
                "outcome": day.outcome,
                "rows_in": day.rows_in,
                "rows_used": day.rows_used,
                "problem": str(day.problem) if day.problem else None,
            }
            for day in report.days
        ],
    }
