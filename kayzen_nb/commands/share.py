"""``check-share``: whether files may leave the house."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.sharecheck import Leak, ShareScan

_SHOWN_PLACES = 20


@click.command(
    "check-share",
    epilog=f"{EXAMPLE}kayzen-nb check-share reports/03_funnel\n"
    "  kayzen-nb check-share evidence-2026-11-24-call-000123.zip page.html",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE_OR_FOLDER...")
@click.option("--allow-invented", is_flag=True, help="Let numbers for examples pass: xxx-555-0100 to xxx-555-0199.")
@json_option
def check_share(paths: tuple[Path, ...], *, allow_invented: bool, as_json: bool) -> None:
    """Refuse files that hold a key or a full phone number. Nothing is changed, and nothing is sent.

    Looks into notebooks (source, outputs, metadata, widgets), pages, tables, JSON, archives and the texts in images,
    for the keys that are set here, for what looks like a key, and for phone numbers in any writing.

    Exit codes: 0 nothing found, 1 something found or not checkable, 2 no such file.
    """
    from kayzen_nb.settings import load_settings, secrets  # noqa: PLC0415  # pydantic, only where settings are read
    from kayzen_nb.sharecheck import scan_files  # noqa: PLC0415  # compiles its patterns, only here

    scan = scan_files(paths, secrets(load_settings()), allow_invented=allow_invented)
    if as_json:
        click.echo(as_json_text(scan.as_record()))
    else:
        _show(scan)
    sys.exit(scan.exit_code)


def _show(scan: ShareScan) -> None:
    """The answer first, then each file with its places, then what a person must look at."""
    click.echo(f"{'✗' if scan.leaks else '✓'} {scan.headline}")
    for file, leaks in groupby(scan.leaks, key=lambda leak: leak.file):
        click.echo(f"\n{file}")
        _show_leaks(list(leaks))
    if scan.notes:
        click.echo("\nTo look at yourself:")
    for note in scan.notes:
        click.echo(f"  {note}")


def _show_leaks(leaks: list[Leak]) -> None:
    for leak in leaks[:_SHOWN_PLACES]:
        click.echo(f"  {leak.place + ': ' if leak.place else ''}{leak.kind.value}, {leak.shown}")
    if len(leaks) > _SHOWN_PLACES:
        click.echo(f"  and {len(leaks) - _SHOWN_PLACES:,} more in this file")
    for step in _steps(leaks):
        click.echo(f"  next: {step}")


def _steps(leaks: Iterable[Leak]) -> list[str]:
    return list(dict.fromkeys(leak.next_step for leak in leaks))
