"""``kayzen-nb lint``: check pixel URLs, show the faults with their places, write the repaired ones on request."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text
from kayzen_nb.errors import KayzenNbError, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.account import Pixel
    from kayzen_nb.lint import Finding
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.repair import Repair

_ABOUT_REPAIRED = (
    "# The repaired pixels WITH YOUR KEY: do not share this file. Paste each URL into Ringba's pixel form.\n"
)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb lint pixels.csv\n  kayzen-nb lint - < pasted.txt\n  kayzen-nb lint\n"
    "  kayzen-nb lint pixels.txt --plan plan.toml --repair repaired.txt"
)
@click.argument("file", required=False)
@click.option("--plan", "plan_file", type=click.Path(path_type=Path, dir_okay=False), help="Judge by this plan file.")
@click.option(
    "--profile",
    type=click.Choice(["per_event", "as_published"]),
    default="per_event",
    show_default=True,
    help="Which planned six to check when no FILE is given.",
)
@click.option(
    "--repair",
    "repair_to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the repaired pixels, keys and all, here.",
)
@click.option("--force", is_flag=True, help="Let --repair replace a file that is there.")
@json_option
def lint(
    file: str | None, plan_file: Path | None, profile: str, repair_to: Path | None, *, force: bool, as_json: bool
) -> None:
    """Check pixel URLs: a pasted list, a table, JSON, the guide's text; "-" reads what is pasted or piped in.

    Without FILE, the planned six are checked. The key that is set on this computer, if any, is compared with the keys
    found; keys are never shown.
    """
    from kayzen_nb import lint as linter  # noqa: PLC0415  # compiles its rules' patterns, only here
    from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # as above

    plan = _read_plan(plan_file) if plan_file else build_plan("per_event")
    key = _own_key() if file else None
    pixels = _read_pixels(file) if file else _planned_pixels(plan if plan_file else build_plan(profile))
    findings = linter.check_pixels(pixels, plan, key)
    repairs = _repair(pixels, plan, key, repair_to, force=force) if repair_to else ()
    if as_json:
        click.echo(as_json_text([finding.as_record() for finding in findings]))
    else:
        _show_findings(findings, pixels, plan)
        _show_repairs(repairs, repair_to)
    sys.exit(1 if linter.has_errors(findings) else 0)


def _read_plan(file: Path) -> Plan:
    from kayzen_nb.planfile import read_plan  # noqa: PLC0415  # a TOML reader, only with --plan

    return read_plan(read_text(str(file)), str(file))


def _own_key() -> Secret | None:
    """The key that is set here. Settings that cannot be read are no reason not to check URLs."""
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic costs 0.1 s

    try:
        return load_settings().kayzen_api_key
    except SettingsError:
        return None


def _read_pixels(file: str) -> list[Pixel]:
    from kayzen_nb.pixellist import read_pixels  # noqa: PLC0415  # compiles its patterns, only here

    return read_pixels(_read_any_text(file))


def _read_any_text(file: str) -> str:
    """A text as people have it: UTF-8, or what Windows programs write (UTF-16 with its mark, Windows-1252)."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError:
        return read_text(file)  # it tells what is wrong with the file
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    step = "Save it as UTF-8 text and try again."
    raise KayzenNbError(Problem(what="The file is not a text in UTF-8.", where=file, next_step=step))


def _planned_pixels(plan: Plan) -> Sequence[Pixel]:
    from kayzen_nb.pixels import render  # noqa: PLC0415  # only without a file
    from kayzen_nb.privacy import Secret  # noqa: PLC0415  # as above

    return render(plan, Secret("an-invented-key"))


def _repair(pixels: Sequence[Pixel], plan: Plan, key: Secret | None, file: Path, *, force: bool) -> Sequence[Repair]:
    from kayzen_nb.repair import repair_pixels  # noqa: PLC0415  # only on request

    repairs = repair_pixels(pixels, plan, key)
    _write_private(file, _ABOUT_REPAIRED + "\n".join(_as_text(repair.pixel) for repair in repairs), force=force)
    return repairs


def _as_text(pixel: Pixel) -> str:
    """A pixel in the fields of Ringba's form, as the guide prints them; ``lint`` reads this again."""
    fields = {"Name": pixel.name, "Fire Pixel On": pixel.fire_on, "HTTP Method": pixel.method, "URL": pixel.url}
    return "".join(f"{label}: {value}\n" for label, value in fields.items() if value)


def _write_private(file: Path, text: str, *, force: bool) -> None:
    """A file that only its owner can read, from its first byte on. Never over another file, unless forced."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as out:
            file.chmod(0o600)  # a file that was there keeps its old rights otherwise
            out.write(text)
    except FileExistsError:
        step = "Choose another name, or add --force to replace it."
        raise KayzenNbError(Problem(what="The file is there already.", where=str(file), next_step=step)) from None
    except OSError as refused:
        what = f"The repaired pixels cannot be written: {os.strerror(refused.errno or 0)}."
        raise KayzenNbError(Problem(what=what, where=str(file), next_step="Choose another place.")) from None


def _show_findings(findings: Sequence[Finding], pixels: Sequence[Pixel], plan: Plan) -> None:
    for finding in findings:
        place = f", character {finding.position}" if finding.position else ""
        click.echo(f"{finding.severity:8}{finding.code} {finding.pixel}{place}: {finding.message}")
        for line in _place_lines(finding, pixels, plan):
            click.echo(f"        {line}")
        click.echo(f"        fix: {finding.fix}")
    click.echo(_count(findings) if findings else "Nothing to report: every pixel is as it should be.")


def _place_lines(finding: Finding, pixels: Sequence[Pixel], plan: Plan) -> tuple[str, ...]:
    """The characters around the fault, what may be secret hidden, and the caret under them."""
    from kayzen_nb.pixelexcerpt import excerpt  # noqa: PLC0415  # only for a terminal

    number = re.match(r"pixel (\d+)", finding.pixel)
    if not finding.position or not number:
        return ()
    return excerpt(pixels[int(number[1]) - 1].url, finding.position, plan)


def _count(findings: Sequence[Finding]) -> str:
    counts = {kind: sum(f.severity == kind for f in findings) for kind in ("error", "warning")}
    told = ", ".join(f"{n} {kind}{'' if n == 1 else 's'}" for kind, n in counts.items())
    remarks = sum(f.severity == "info" for f in findings)
    return f"{told}{f', {remarks} to know' if remarks else ''}."


def _show_repairs(repairs: Sequence[Repair], file: Path | None) -> None:
    from kayzen_nb.privacy import mask_url  # noqa: PLC0415  # only for a terminal

    for number, repair in enumerate(repairs, 1):
        click.echo(f"\nrepaired pixel {number}: {mask_url(repair.pixel.url)}")
        for line in repair.changes or ("nothing to change",):
            click.echo(f"        {line}")
        for line in repair.kept:
            click.echo(f"        kept: {line}")
    if repairs and file:
        click.echo(f"\nWritten with the keys, for your eyes only: {file}")
