"""Commands about the plan: show or keep it, preview what it would send, hand it to a colleague."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text
from kayzen_nb.errors import KayzenNbError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kayzen_nb.pixels import Plan, UrlParameter
    from kayzen_nb.planchange import Change
    from kayzen_nb.planfile import PlanFile
    from kayzen_nb.preview import PixelPreview

_PLACE = re.compile(r"\s*([^.=\s]+)\.([^=\s]+)\s*")
plan_option = click.option("--plan", "plan_file", metavar="FILE", help="A plan file; default: the plan per_event.")


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb plan --out plan.toml\n"
    "  kayzen-nb plan --from plan.toml --set connected.app_event=answered --confirmed-on 2026-11-20 --out plan.toml\n"
    "  kayzen-nb plan --add 'payout.payout_amount=[Call:ConversionPayout]' --confirmed-on 2026-11-20 --by Ana\n"
    "  kayzen-nb plan --from plan.toml --confirmed-on 2026-11-20 --out plan.toml"
)
@click.option("--profile", type=click.Choice(["per_event", "as_published"]), help="Which six; default: per_event.")
@click.option("--from", "source", metavar="FILE", help="Begin with this plan file instead of a profile.")
@click.option("--set", "sets", multiple=True, metavar="EVENT.NAME=VALUE", help="Another value for a parameter.")
@click.option("--rename", "renames", multiple=True, metavar="EVENT.NAME=NEW", help="Another name for a parameter.")
@click.option("--add", "adds", multiple=True, metavar="EVENT.NAME=VALUE", help="One parameter more.")
@click.option("--drop", "drops", multiple=True, metavar="EVENT.NAME", help="One parameter less.")
@click.option("--confirmed-on", metavar="DAY", help="The day of Kayzen's answer. Alone, it confirms all inferred.")
@click.option("--confirm-rest", is_flag=True, help="Beside changes: Kayzen confirmed everything else that is inferred.")
@click.option("--by", default="", metavar="WORDS", help="Who answered for Kayzen.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan file there.")
@click.option("--force", is_flag=True, help="Write over another plan.")
@json_option
def plan(
    source: str | None, profile: str | None, out: Path | None, *, force: bool, as_json: bool, **answers: Any
) -> None:
    """Show the plan of the six pixels, put Kayzen's answers into it, or keep it as a file.

    EVENT is incoming, connected, completed, converted, payout, error or all. The key is never in the plan.
    """
    if source and profile:
        raise click.UsageError("--from and --profile exclude each other: the file names its own profile.")
    from kayzen_nb.planchange import unknown_tokens  # noqa: PLC0415  # the commands' modules import click alone

    begun = _begin(source, profile or "per_event")
    changed = _answer(begun.plan, **answers)
    if out:
        _keep(changed, out, force=force or str(out) == source)
    notes = list(dict.fromkeys([*begun.notes, *unknown_tokens(changed)]))
    if as_json:
        click.echo(as_json_text(_plan_record(changed, notes)))
    elif out:
        click.echo(f"Plan {changed.content_hash} written: {out}")
    else:
        _show_plan(changed)
    for note in notes if not as_json else ():
        click.echo(f"Note: {note}", err=True)


@click.command(epilog=f"{EXAMPLE}kayzen-nb preview\n  kayzen-nb preview --plan plan.toml --json")
@plan_option
@json_option
def preview(plan_file: str | None, *, as_json: bool) -> None:
    """Show what each pixel would send for an invented call: as it stands in the URL, and as the receiver reads it."""
    from kayzen_nb.preview import invented_values, preview_pixel  # noqa: PLC0415  # only where it is used

    begun, values = _begin(plan_file, "per_event"), invented_values()
    shown = [preview_pixel(pixel, values, shows_numbers=True) for pixel in begun.plan.pixels]
    if as_json:
        click.echo(as_json_text([_preview_record(one) for one in shown]))
        return
    click.echo(
        "An invented call. Ringba does not document whether it encodes the values it fills in: both are shown.\n"
    )
    for one in shown:
        _show_preview(one)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb runbook --campaign 'CTV Autumn' --out runbook\n"
    "  kayzen-nb runbook --plan plan.toml --with-key"
)
@plan_option
@click.option("--campaign", default="", help="The Ringba campaign that the pixels go on.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Folder; default: here.")
@click.option("--with-key", is_flag=True, help="Put your key into the files. They are private: do not share them.")
def runbook(plan_file: str | None, campaign: str, out: Path, *, with_key: bool) -> None:
    """Write the runbook for a colleague with rights in Ringba: a page with copy buttons, and a CSV.

    The key is left out and its place marked, unless --with-key asks for it; it is then taken from your settings.
    """
    from kayzen_nb.runbook import write_private_runbook, write_runbook  # noqa: PLC0415  # only where it is used

    chosen = _begin(plan_file, "per_event").plan
    if with_key:
        from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic, only where a key is needed

        paths = write_private_runbook(chosen, campaign, out, load_settings().kayzen_api_key)
    else:
        paths = write_runbook(chosen, campaign, out)
    for path in paths:
        click.echo(str(path))
    if with_key:
        click.echo(
            "These two files hold your key. Do not share them, and delete them when the pixels are made.", err=True
        )


def _begin(file: str | None, profile: str) -> PlanFile:
    """The plan to begin with: a file's, or a profile's."""
    from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # the commands' modules import click alone
    from kayzen_nb.planfile import PlanFile, read_plan_file  # noqa: PLC0415  # tomlkit, only where a plan is read

    return read_plan_file(read_text(file), file) if file else PlanFile(plan=build_plan(profile))


def _answer(
    begun: Plan,
    *,
    sets: Iterable[str],
    renames: Iterable[str],
    adds: Iterable[str],
    drops: Iterable[str],
    confirmed_on: str | None,
    confirm_rest: bool,
    by: str,
) -> Plan:
    """The plan with Kayzen's answers in it."""
    from kayzen_nb.planchange import change_plan  # noqa: PLC0415  # as above

    changes = list(_read_changes({"set": sets, "rename": renames, "add": adds, "drop": drops}))
    if confirmed_on is None:
        if changes or confirm_rest or by:
            what = "What is sent to Kayzen changes only on Kayzen's word, and the day of that word is missing."
            step = "Add --confirmed-on with the day of the answer, for example --confirmed-on 2026-11-20."
            raise KayzenNbError(Problem(what=what, where="--confirmed-on", next_step=step))
        return begun
    day = _read_day(confirmed_on)
    changed = change_plan(begun, changes, on=day, by=by)
    return changed if changes and not confirm_rest else changed.confirm(day, by)


def _read_changes(told: dict[str, Iterable[str]]) -> Iterator[Change]:
    """The changes as typed, in the order set, rename, add, drop. All that cannot be read is told at once."""
    from kayzen_nb.planchange import Change, ChangeKind  # noqa: PLC0415  # as above

    problems = []
    for kind, texts in told.items():
        for text in texts:
            place, separator, value = text.partition("=")
            found = _PLACE.fullmatch(place)
            if found and bool(separator) != (kind == "drop"):
                yield Change(kind=ChangeKind(kind), event=found[1], parameter=found[2], value=value)
            else:
                form = "EVENT.PARAMETER" if kind == "drop" else "EVENT.PARAMETER=VALUE"
                problems.append(Problem(what=f"{place!r} is not {form}.", where=f"--{kind}", next_step="See --help."))
    if problems:
        raise KayzenNbError(*problems)


def _read_day(text: str) -> date:
    """A day that is not in the future: an answer cannot be."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        step = "Write it as 2026-11-20."
        raise KayzenNbError(Problem(what=f"{text!r} is not a day.", where="--confirmed-on", next_step=step)) from None
    if day > datetime.now().astimezone().date():
        what = f"{day} lies in the future, so Kayzen cannot have answered then."
        raise KayzenNbError(Problem(what=what, where="--confirmed-on", next_step="Give the day of the answer."))
    return day


def _keep(changed: Plan, out: Path, *, force: bool) -> None:
    """Write the plan file; another plan that stands there is left alone."""
    from kayzen_nb.planfile import write_plan  # noqa: PLC0415  # as above

    text = write_plan(changed)
    if out.exists() and not force and read_text(str(out)) != text:
        what = "Another plan, or another file, stands there: it is left alone."
        step = "Choose another name, or add --force to write over it."
        raise KayzenNbError(Problem(what=what, where=str(out), next_step=step))
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as refused:
        what = f"The plan cannot be written: {refused.strerror}."
        raise KayzenNbError(Problem(what=what, where=str(out), next_step="Choose another place.")) from None


def _show_plan(shown: Plan) -> None:
    """A row for each parameter: pixel, parameter, value, standing."""
    from kayzen_nb.pixels import explain  # noqa: PLC0415  # as above

    rows = [("PIXEL", "PARAMETER", "VALUE", "STANDING")]
    for pixel in shown.pixels:
        rows += [(pixel.event.value, p.name, p.value, p.standing_words) for p in pixel.parameters + pixel.left_out]
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    click.echo(f"Plan {shown.content_hash}, profile {shown.profile}. {explain(shown)}\n")
    for row in rows:
        click.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]))


def _show_preview(shown: PixelPreview) -> None:
    click.echo(f"{shown.name}\n  not encoded: {shown.plain_url}\n  encoded:     {shown.encoded_url}")
    for row in shown.rows:
        both = (
            repr(row.plain_read)
            if row.plain_read == row.encoded_read
            else f"{row.plain_read!r} or {row.encoded_read!r}"
        )
        click.echo(f"    {row.name:18} arrives as {both}")
    for remark in shown.remarks:
        click.echo(f"  - {remark}")
    click.echo("")


def _plan_record(shown: Plan, notes: Iterable[str]) -> dict[str, Any]:
    from kayzen_nb.pixels import render  # noqa: PLC0415  # as above

    pixels = [
        {
            "event": planned.event.value,
            "name": planned.name,
            "fire_on": planned.fire_on,
            "method": planned.method,
            "url": pixel.url,
            "parameters": [_parameter_record(p) for p in planned.parameters],
            "left_out": [_parameter_record(p) for p in planned.left_out],
        }
        for planned, pixel in zip(shown.pixels, render(shown, None), strict=True)
    ]
    head = {"profile": shown.profile, "content_hash": shown.content_hash, "inferred": len(shown.inferred)}
    return {**head, "pixels": pixels, "notes": list(notes)}


def _parameter_record(parameter: UrlParameter) -> dict[str, str | None]:
    return {
        "name": parameter.name,
        "value": parameter.value,
        "standing": parameter.standing.value,
        "why": parameter.why,
        "confirmed_on": str(parameter.confirmed_on) if parameter.confirmed_on else None,
        "confirmed_by": parameter.confirmed_by,
    }


def _preview_record(shown: PixelPreview) -> dict[str, Any]:
    from dataclasses import asdict  # noqa: PLC0415  # only for machines

    return {
        "name": shown.name,
        "event": shown.event,
        "plain_url": shown.plain_url,
        "encoded_url": shown.encoded_url,
        "parameters": [asdict(row) for row in shown.rows],
    }
