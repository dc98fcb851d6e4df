"""Commands about the account: audit a campaign, keep its checklist, look after the key."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.account import AccountSetup, Pixel
    from kayzen_nb.audit import Audit
    from kayzen_nb.causes import Cause
    from kayzen_nb.checklist import Checklist, Step
    from kayzen_nb.journal import Journal
    from kayzen_nb.pixelhistory import Change
    from kayzen_nb.pixels import Plan
    from kayzen_nb.rotation import PixelKey
    from kayzen_nb.settings import Settings

_SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}
_MARKS = {"done": "✓", "open": "✗", "undone": "✗", "not known": "?"}
plan_option = click.option("--plan", "plan_file", metavar="FILE", help="A plan file; default: the plan per_event.")
pixels_option = click.option(
    "--pixels", "pixels_file", metavar="FILE", help='Your pixels as pasted, CSV or JSON; "-" reads what is piped in.'
)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb audit 'CTV Spring'\n"
    "  kayzen-nb audit 'CTV Spring' --plan plan.toml --pixels pixels.txt\n"
    "  kayzen-nb audit 'CTV Spring' --sandbox pixel_missing"
)
@click.argument("campaign", default="")
@plan_option
@pixels_option
@click.option("--sandbox", "scenario", metavar="SCENARIO", help="Audit the sandbox's invented account instead.")
@json_option
def audit(
    campaign: str, plan_file: str | None, pixels_file: str | None, scenario: str | None, *, as_json: bool
) -> None:
    """Look at a campaign's set-up in Ringba, reading only: pixels, numbers, conversion, payout, duplicates.

    Each finding says what it would do in Kayzen. What Ringba's API does not answer is asked of you. What was seen is
    noted in the journal, so that a change can be dated; nothing is noted of the sandbox.
    """
    from kayzen_nb.audit import audit_campaign, choose_campaign  # noqa: PLC0415  # only where it is used

    plan, pasted = _read_plan(plan_file), _read_pixels(pixels_file)
    settings, setup = _fetch(campaign, scenario, can_do_without=pasted is not None)
    choose_campaign(setup, campaign)  # a name that is not there is a slip of the hand, told with the nearest one
    done = audit_campaign(setup, campaign, plan, settings.kayzen_api_key, pasted)
    changes = [] if scenario else _keep(done, plan, settings)
    if as_json:
        click.echo(as_json_text(_audit_record(done, changes)))
    else:
        _show_audit(done, changes)
    sys.exit(done.verdict.exit_code)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb checklist 'CTV Spring'\n"
    "  kayzen-nb checklist 'CTV Spring' --done kayzen_confirmed --by 'Ana at Kayzen'\n"
    "  kayzen-nb checklist 'CTV Spring' --undo attached"
)
@click.argument("campaign")
@click.option("--done", "done", metavar="STEP", help="A step that you know to be done.")
@click.option("--undo", "undone", metavar="STEP", help="A step that is not done after all.")
@click.option("--by", default="", metavar="WORDS", help="Whose word it is; needed with --done.")
@json_option
def checklist(campaign: str, done: str | None, undone: str | None, by: str, *, as_json: bool) -> None:
    """Show the steps of the guide for a campaign: what is done, how it was proved, what is next.

    The audit and the verification of a test call tick steps by themselves; what only a person can know is said here.
    """
    from kayzen_nb import checklist as steps  # noqa: PLC0415  # only where it is used

    if not campaign.strip():
        raise click.BadParameter("name the campaign", param_hint="CAMPAIGN")
    if done and undone:
        raise click.UsageError("--done and --undo exclude each other: say one thing at a time.")
    if done and not by.strip():
        raise click.UsageError("--done needs --by: whose word it is, such as --by 'Ana at Kayzen'.")
    journal = _open_journal()
    if done or undone:
        finding = steps.say_done(done) if done else steps.say_undone(undone or "")
        journal.note(steps.KIND, campaign, by=by.strip() or "a person", **finding.facts)
    built = steps.build_checklist(journal.entries(), campaign)
    if as_json:
        click.echo(as_json_text(_checklist_record(built)))
    else:
        _show_checklist(built)
    _warn(journal.flaws)
    sys.exit(built.verdict.exit_code)


@click.command(epilog=f"{EXAMPLE}kayzen-nb key\n  kayzen-nb key --pixels pixels.txt")
@plan_option
@pixels_option
@json_option
def key(plan_file: str | None, pixels_file: str | None, *, as_json: bool) -> None:
    """Show the fingerprint of the Kayzen key that is set here, where it comes from, and how to change it.

    The key itself is never shown. With --pixels, also which of the six pixels carry it.
    """
    from kayzen_nb import rotation  # noqa: PLC0415  # only where it is used

    known, source = _find_key()
    pasted = _read_pixels(pixels_file)
    plan = _read_plan(plan_file)
    rows = rotation.compare_keys(pasted, plan, known) if known and pasted is not None else ()
    steps = rotation.explain_rotation(known.fingerprint if known else "", keys=rows)
    if as_json:
        fingerprint = known.fingerprint if known else None
        pixels = [asdict(row) for row in rows]
        click.echo(as_json_text({"fingerprint": fingerprint, "source": source, "pixels": pixels, "rotation": steps}))
    else:
        _show_key(f"Fingerprint {known.fingerprint}, from {source}." if known else source, rows, steps)
    sys.exit(0 if known and all(row.is_done for row in rows) else 1)


def _read_plan(file: str | None) -> Plan:
    from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # only for commands about pixels
    from kayzen_nb.planfile import read_plan  # noqa: PLC0415  # tomlkit, only where a file is read

    return read_plan(read_text(file), file) if file else build_plan()


def _read_pixels(file: str | None) -> list[Pixel] | None:
    if not file:
        return None
    from kayzen_nb.pixellist import read_pixels  # noqa: PLC0415  # compiles patterns, only here

    return read_pixels(read_text(file))


def _fetch(campaign: str, scenario: str | None, *, can_do_without: bool) -> tuple[Settings, AccountSetup]:
    """The settings, and what the account says; with pasted pixels an account that is not set up says nothing."""
    from kayzen_nb.account import AccountSetup  # noqa: PLC0415  # as the rest: only where it is used
    from kayzen_nb.ringba_account import fetch_setup  # noqa: PLC0415  # httpx
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic

    if scenario:
        from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # invents calls, only here

        played = open_sandbox(scenario)
        return played.settings, fetch_setup(played.settings, transport=played.transport, campaign=campaign)
    settings = load_settings()
    if can_do_without and not (settings.ringba_api_token and settings.ringba_account_id):
        why = "Ringba was not asked: RINGBA_API_TOKEN and RINGBA_ACCOUNT_ID are not set."
        return settings, AccountSetup(
            campaigns=None, numbers=None, pixels=None, read_at=datetime.now(UTC), unanswered=(why,)
        )
    return settings, fetch_setup(settings, campaign=campaign)


def _keep(done: Audit, plan: Plan, settings: Settings) -> list[Change]:
    """Note what is new, and tell what has changed since it was first looked at."""
    from kayzen_nb import accountnotes  # noqa: PLC0415  # only where something is noted
    from kayzen_nb.journal import Journal  # noqa: PLC0415  # as above
    from kayzen_nb.pixelhistory import describe_history  # noqa: PLC0415  # as above

    journal = Journal(settings.home)
    accountnotes.note_audit(journal, done, plan)
    _warn(journal.flaws)
    return describe_history(journal.entries(), done.campaign)


def _open_journal() -> Journal:
    from kayzen_nb.journal import Journal  # noqa: PLC0415  # only where it is used
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic

    return Journal(load_settings().home)


def _find_key() -> tuple[Any, str]:
    """The key that is set, and where it was found, in words; without a key, what to do."""
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic

    known = load_settings().kayzen_api_key
    if not known:
        return (
            None,
            "No key is set here. Your Kayzen account manager gives it; set KAYZEN_API_KEY, or put it into .env.",
        )
    if any(name.upper() == "KAYZEN_API_KEY" and value for name, value in os.environ.items()):
        return known, "the environment (KAYZEN_API_KEY)"
    in_file = load_settings(use_keyring=False).kayzen_api_key
    return known, "a .env file" if in_file else "the keyring of this machine"


def _audit_record(done: Audit, changes: Iterable[Change]) -> dict[str, Any]:
    return {
        "campaign": done.campaign,
        "verdict": done.verdict.value,
        "headline": done.headline,
        "pixels_from": done.origin,
        "checks": [check.as_record() for check in done.checks],
        "causes": [_cause_record(cause) for cause in done.causes],
        "questions": list(done.questions),
        "unanswered": list(done.unanswered),
        "numbers": [asdict(row) for row in done.number_map],
        "changes": [str(change) for change in changes],
    }


def _cause_record(cause: Cause) -> dict[str, Any]:
    kind = cause.kind
    told = {"title": kind.title, "symptom": kind.symptom, "fix": kind.fix, "ask": kind.ask.value, "faq": kind.faq}
    found = {"evidence": cause.evidence, "certainty": cause.certainty.value, "events": [e.value for e in cause.events]}
    return {"code": cause.code, "is_fault": kind.is_fault} | told | found


def _show_audit(done: Audit, changes: Iterable[Change]) -> None:
    click.echo(f"{_SIGNS[done.verdict.value]}: {done.headline}")
    for check in done.checks:
        click.echo(f"  {_SIGNS[check.verdict.value]:10} {check.name}: {check.found}")
    for cause in done.causes:
        kind = cause.kind
        click.echo(f"\n{'Fault' if kind.is_fault else 'Explains'} ({cause.certainty}): {kind.title}.")
        click.echo(f"  seen:      {cause.evidence}\n  in Kayzen: {kind.symptom}\n  fix:       {kind.fix}")
    _show_list("Please look up, because Ringba's API does not tell:", done.questions)
    _show_list("Ringba's answers:", done.unanswered)
    _show_list("Numbers:", (f"{row.campaign}: {row.number} {row.remark}".rstrip() for row in done.number_map))
    _show_list("What changed:", map(str, changes))


def _show_list(title: str, lines: Iterable[str]) -> None:
    known = list(lines)
    if known:
        click.echo("\n" + "\n".join([title, *(f"  - {line}" for line in known)]))


def _checklist_record(built: Checklist) -> dict[str, Any]:
    steps = [asdict(step) | {"on": step.on.isoformat() if step.on else None} for step in built.steps]
    done = f"{built.done_count} of {len(built.steps)}"
    return {"campaign": built.campaign, "done": done, "next_step": built.next_step, "steps": steps}


def _show_checklist(built: Checklist) -> None:
    click.echo(f"{built.campaign}: {built.done_count} of {len(built.steps)} steps done. {built.next_step}")
    for step in built.steps:
        click.echo(f"  {'!' if step.is_stale else _MARKS[step.state.value]} {step.id:17}{step.title}{_proved(step)}")
        if step.remark:
            click.echo(f"      {step.remark}")


def _proved(step: Step) -> str:
    if step.on is None:
        return ""
    return f" [{step.state}: {step.proved_by}, {step.by}, {step.on:%Y-%m-%d %H:%M} UTC]"


def _show_key(line: str, rows: Iterable[PixelKey], steps: Iterable[str]) -> None:
    click.echo(line)
    _show_list("The pixels:", (f"{row.event}: {row.standing} {row.fingerprint}".rstrip() for row in rows))
    click.echo("\nTo change the key:")
    for number, step in enumerate(steps, 1):
        click.echo(f"  {number}. {step}")


def _warn(flaws: Iterable[str]) -> None:
    for flaw in flaws:
        click.echo(f"Note: {flaw}", err=True)
