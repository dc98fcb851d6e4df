"""The command ``delivery``: which events of a period's calls did not reach Kayzen's endpoint."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.days import read_period
from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text
from kayzen_nb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from kayzen_nb.checks import Check
    from kayzen_nb.delivery import Delivery
    from kayzen_nb.period import Period
    from kayzen_nb.pixels import Plan
    from kayzen_nb.settings import Settings

_SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}
_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where calls are read: the real platforms, or the sandbox with its transport."""

    settings: Settings
    transport: httpx.BaseTransport | None = None


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb delivery --from yesterday --to yesterday --tz America/Denver --out lost.csv\n"
    "  kayzen-nb delivery --from -7d --to yesterday --silence\n"
    "  kayzen-nb delivery --from yesterday --to yesterday --sandbox healthy"
)
@click.option("--from", "first", metavar="DAY", required=True, help="First day: 2026-11-01, yesterday, -7d.")
@click.option("--to", "last", metavar="DAY", required=True, help="Last day, included.")
@click.option("--campaign", default="", metavar="NAME", help="One Ringba campaign; default: all.")
@click.option("--tz", "zone", default="America/New_York", show_default=True, help="IANA time zone of the days.")
@click.option("--plan", "plan_file", metavar="FILE", help="A plan file; default: the plan per_event.")
@click.option("--sandbox", metavar="SCENARIO", help="Read invented calls instead of the account's.")
@click.option("--silence", is_flag=True, help="Also compare each hour with the four weeks before, which are read too.")
@click.option(
    "--minimum", type=click.IntRange(1), default=20, show_default=True, help="Calls an hour must have to tell."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the recovery list there, as CSV.")
@json_option
def delivery(
    first: str, last: str, zone: str, *, campaign: str, out: Path | None, as_json: bool, silence: bool, **chosen: Any
) -> None:
    """List the events of a period's calls that were not delivered to Kayzen's endpoint.

    It is a list to hand to Kayzen, never sent by this program. Callers are masked. Reading counts against Ringba's
    limit of requests, so it takes its time: at most 150 requests a minute.
    """
    period, plan, source = read_period(first, last, zone), _read_plan(chosen["plan_file"]), _open(chosen["sandbox"])
    from kayzen_nb.deliveryreview import fetch_review  # noqa: PLC0415  # only where it is used

    review = fetch_review(
        source.settings,
        period,
        campaign,
        plan,
        source.settings.kayzen_api_key,
        transport=source.transport,
        compares_weeks=silence,
        minimum_calls=chosen["minimum"],
        progress=lambda days: _tell_progress(str(days)),
    )
    found, checks = review.delivery, list(review.checks)
    if out:
        _write(found, out, zone)
    _show(found, checks, period, zone, as_json=as_json)
    if out:
        click.echo(f"Recovery list written, to hand to Kayzen: {out}", err=as_json)
    from kayzen_nb.checks import worst  # noqa: PLC0415  # as above

    sys.exit(worst(checks).exit_code)


def _read_plan(file: str | None) -> Plan:
    from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # as above

    if not file:
        return build_plan()
    from kayzen_nb.planfile import read_plan  # noqa: PLC0415  # as above

    return read_plan(read_text(file), file)


def _open(scenario: str | None) -> _Source:
    if scenario is None:
        from kayzen_nb.settings import load_settings  # noqa: PLC0415  # as above

        return _Source(settings=load_settings())
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above

    sandbox = open_sandbox(scenario)
    return _Source(settings=sandbox.settings, transport=sandbox.transport)


def _tell_progress(what: str) -> Callable[[int, int], None]:
    """One line that counts up on a terminal, and one at the end anywhere; always on stderr."""

    def tell(read: int, total: int) -> None:
        if sys.stderr.isatty() or read == total:
            end = read == total
            click.echo(f"\r{what}: {read:,} of {total:,} calls read", nl=end, err=True)

    return tell


def _write(found: Delivery, out: Path, zone: str) -> None:
    """The recovery list: what is lost and what is unknown; what may still come is left out."""
    import pandas as pd  # noqa: PLC0415  # as above

    from kayzen_nb.delivery import COLUMNS, Outcome, delivery_rows  # noqa: PLC0415  # as above
    from kayzen_nb.errors import OutputFolderError  # noqa: PLC0415  # as above
    from kayzen_nb.tables import write_csv  # noqa: PLC0415  # as above

    rows = delivery_rows((*found.of(Outcome.LOST), *found.of(Outcome.UNKNOWN)), zone)
    try:
        write_csv(pd.DataFrame(rows, columns=list(COLUMNS)), out)
    except OSError as refused:
        what = f"The list cannot be written: {refused.strerror}."
    else:
        return
    raise OutputFolderError(Problem(what=what, where=str(out), next_step="Choose another place with --out."))


def _show(found: Delivery, checks: list[Check], period: Period, zone: str, *, as_json: bool) -> None:
    from kayzen_nb.delivery import delivery_rows  # noqa: PLC0415  # as above

    rows = delivery_rows(found.rows, zone)
    if as_json:
        record = {"period": str(period), "calls": found.calls, "delivered": found.delivered}
        click.echo(as_json_text(record | {"checks": [check.as_record() for check in checks], "rows": rows}))
        return
    for check in checks:
        click.echo(f"{_SIGNS[check.verdict.value]}: {check.name}: {check.found}")
        if check.next_step:
            click.echo(f"        next: {check.next_step}")
    lost = [row for row in rows if row["outcome"] == "lost"]
    for row in lost[:_SHOWN]:
        click.echo(f"  {row['happened_at'] or 'time unknown':19}  {row['event']:9}  {row['call_id']}  {row['reason']}")
    if len(lost) > _SHOWN:
        click.echo(f"  and {len(lost) - _SHOWN:,} more: --out writes them all.")
