"""``verify`` proves and diagnoses a call, ``confirm`` keeps Kayzen's word about it, ``test-calls`` lists the tests."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text
from kayzen_nb.errors import ParameterError, Problem

if TYPE_CHECKING:
    from kayzen_nb.journal import Journal
    from kayzen_nb.pixels import Plan
    from kayzen_nb.verification import Verification
    from kayzen_nb.vocabulary import Event

_SIGNS = {"pass": "✓", "fail": "✗", "unknown": "?"}
plan_option = click.option("--plan", "plan_path", metavar="FILE", help="A plan file; default: the plan per_event.")
zone_option = click.option("--tz", "zone", default="America/New_York", show_default=True, help="IANA time zone.")


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb verify RGB0123...\n  kayzen-nb verify '0123 2026-11-25 14:05' --tz America/Denver\n"
    "  kayzen-nb verify --evidence events.txt --pack .\n  kayzen-nb verify --sandbox guide_copied"
)
@click.argument("call", required=False, default="")
@click.option(
    "--evidence", "evidence_path", metavar="FILE", help='The Events tab as text, JSON or CSV; "-" reads a paste.'
)
@click.option("--sandbox", "scenario", metavar="SCENARIO", help="Take an invented call of this scenario.")
@plan_option
@zone_option
@click.option(
    "--pack", "pack_folder", type=click.Path(path_type=Path), help="Write the evidence pack into this folder."
)
@json_option
def verify(
    *,
    call: str,
    evidence_path: str | None,
    scenario: str | None,
    plan_path: str | None,
    zone: str,
    pack_folder: Path | None,
    as_json: bool,
) -> None:
    """Prove a test call, pixel by pixel, and name what is wrong. Only reads.

    CALL is Ringba's Inbound Call ID, or the caller's last digits and about when. With --evidence it is only needed when
    the text holds several calls.
    """
    found = _verify(call, evidence_path, scenario, plan_path, zone)
    pack = _write_pack(found, pack_folder, zone, invented=bool(scenario)) if pack_folder else None
    click.echo(as_json_text(as_record(found, pack))) if as_json else _show(found, pack)
    from kayzen_nb.checks import worst  # noqa: PLC0415  # beside what _verify loaded

    sys.exit(worst(found.checks).exit_code)


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb confirm RGB0123... --events all --seen-on 2026-11-25 --by 'Ana at Kayzen, e-mail'\n"
    "  kayzen-nb confirm RGB0123... --export kayzen-events.csv"
)
@click.argument("call_id")
@click.option("--events", help="What Kayzen saw: incoming, connected, ... or all.")
@click.option("--seen-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which Kayzen said so; default: today.")
@click.option(
    "--counted-on", type=click.DateTime(["%Y-%m-%d"]), help="The day on which Kayzen's report counted the call."
)
@click.option("--by", help="Who said so, and how.")
@click.option("--export", "export_path", metavar="FILE", help="A CSV of Kayzen's with columns call_id and app_event.")
@plan_option
def confirm(
    *,
    call_id: str,
    events: str | None,
    seen_on: datetime | None,
    counted_on: datetime | None,
    by: str | None,
    export_path: str | None,
    plan_path: str | None,
) -> None:
    """Record Kayzen's word about a test call: rungs 4 and 5 of the proof rest on it.

    Give either --events and --by, or --export.
    """
    from kayzen_nb import kayzenword  # noqa: PLC0415  # only here

    today = datetime.now(UTC).date()
    day, counted = (moment.date() if moment else None for moment in (seen_on, counted_on))
    if max(day or today, counted or today) > today:
        raise ParameterError(Problem(what="A day lies in the future.", where="--seen-on, --counted-on"))
    if day and counted and counted < day:
        raise ParameterError(Problem(what="The report counted the call before Kayzen saw it.", where="--counted-on"))
    check_call_id(call_id)
    if bool(export_path) == bool(events and by):
        step = "Give --events and --by (who told you), or --export FILE."
        raise ParameterError(Problem(what="What did Kayzen say, and who says so?", where="confirm", next_step=step))
    named = _events_of_export(export_path, call_id, plan_path) if export_path else kayzenword.read_events(events or "")
    who = f"export {Path(export_path).name}" if export_path else by or ""
    _journal().note(kayzenword.KIND, call_id, by=who, **kayzenword.facts_of(named, day or today, counted))
    click.echo(f"Noted: Kayzen saw {', '.join(named)} of this call ({who}). Verify the call again to see its rung.")


@click.command(name="test-calls", epilog=f"{EXAMPLE}kayzen-nb test-calls\n  kayzen-nb test-calls --remove RGB0123...")
@click.option("--add", metavar="CALL_ID", help="Note a call as a test.")
@click.option("--remove", metavar="CALL_ID", help="It was an ordinary call: count it again.")
@json_option
def test_calls(add: str | None, remove: str | None, *, as_json: bool) -> None:
    """List the calls that stand as tests, which funnels leave out and name."""
    from kayzen_nb.testcalls import KIND, noted_test_calls  # noqa: PLC0415  # only here

    journal = _journal()
    for flaw in journal.flaws:
        click.echo(flaw, err=True)
    for call_id, is_test in ((add, True), (remove, False)):
        if call_id:
            check_call_id(call_id)
            journal.note(KIND, call_id, by="command line", is_test=is_test)
    noted = noted_test_calls(journal.entries(KIND))
    if as_json:
        click.echo(as_json_text([{"call_id": i, "noted_at": e.at.isoformat(), "by": e.by} for i, e in noted.items()]))
    else:
        for call_id, entry in noted.items():
            click.echo(f"{call_id}  noted {entry.at:%Y-%m-%d %H:%M} UTC by {entry.by}")
        click.echo(f"{len(noted)} test calls." if noted else "No call stands as a test.")


def check_call_id(call_id: str) -> None:
    """Refuse what can be no call id, a phone number above all: it would be kept."""
    if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9_+/=.:-]{8,100}", call_id):
        step = "Copy the Inbound Call ID from Ringba's Call Details."
        raise ParameterError(Problem(what="This is not a call id.", where="CALL_ID", next_step=step))


def read_plan_option(path: str | None) -> Plan:
    """The plan of ``--plan``, or the default one."""
    from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # only commands that need a plan
    from kayzen_nb.planfile import read_plan  # noqa: PLC0415  # as above

    return read_plan(read_text(path), path) if path else build_plan()


def as_record(found: Verification, pack: Path | None = None) -> dict[str, Any]:
    """A verification as ``--json`` prints it."""
    from kayzen_nb.checks import worst  # noqa: PLC0415  # as above

    pixels = [
        {
            "event": pixel.event.value,
            "expected": pixel.expected,
            "fires": len(pixel.fires),
            "statuses": [fire.status for fire in pixel.fires],
            "rung": pixel.rung.value,
            "verdict": pixel.verdict.value,
            "found": pixel.found,
            "next_step": pixel.next_step,
        }
        for pixel in found.proof.pixels
    ]
    causes = [
        {
            "code": cause.code,
            "is_fault": cause.kind.is_fault,
            "certainty": cause.certainty.value,
            "title": cause.kind.title,
            "evidence": cause.evidence,
            "fix": cause.kind.fix,
            "ask": cause.kind.ask.value,
        }
        for cause in found.causes
    ]
    return {
        "call_id": found.proof.call_id,
        "verdict": worst(found.checks).value,
        "rung": found.proof.rung.value,
        "headline": found.headline,
        "diagnosis": found.diagnosis,
        "pixels": pixels,
        "causes": causes,
        "plan_hash": found.plan.content_hash,
        "pack": str(pack) if pack else None,
    }


def _events_of_export(path: str, call_id: str, plan_path: str | None) -> tuple[Event, ...]:
    """The events that an export shows for the call, by the names that the plan gives them."""
    from kayzen_nb.kayzenexport import read_kayzen_export  # noqa: PLC0415  # as above

    names = {pixel.value("app_event"): pixel.event for pixel in read_plan_option(plan_path).pixels}
    told = read_kayzen_export(read_text(path), call_id, name=Path(path).name)
    found = tuple(names[name] for name in told if name in names)
    if not found:
        what = f"The export holds no planned event of this call; it holds: {', '.join(told) or 'nothing'}."
        step = "Check the call id, and --plan: Kayzen may know the events under other names."
        raise ParameterError(Problem(what=what, where=Path(path).name, next_step=step))
    return found


def _verify(
    call: str, evidence_path: str | None, scenario: str | None, plan_path: str | None, zone: str
) -> Verification:
    from kayzen_nb import kayzenword, verification  # noqa: PLC0415  # as above

    if bool(call and scenario) or bool(evidence_path and scenario) or not (call or evidence_path or scenario):
        step = "Give a call id; or --evidence FILE; or --sandbox SCENARIO."
        raise ParameterError(Problem(what="Which call? Name exactly one.", where="verify", next_step=step))
    from kayzen_nb.logtimes import find_zone  # noqa: PLC0415  # as above

    find_zone(zone)
    plan = read_plan_option(plan_path)
    if evidence_path:
        from kayzen_nb.evidencefile import read_evidence  # noqa: PLC0415  # as above

        evidence = read_evidence(read_text(evidence_path), call_id=call, zone=zone, name=Path(evidence_path).name)
        verification.refuse_other_call(evidence, call)
        return verification.verify(evidence, plan, _known_key(), word=_word(evidence.call_id))
    settings, transport, call_id = _connect(call, scenario, zone)
    from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # as above

    with Ringba(settings, transport=transport) as ringba:
        evidence = ringba.fetch_call_evidence(call_id)
    setup = verification.fetch_setup(settings, transport, evidence.campaign_id or evidence.campaign or "")
    word = None if scenario else kayzenword.word_about(_journal().entries(kayzenword.KIND, call_id))
    return verification.verify(evidence, plan, settings.kayzen_api_key, setup=setup, word=word)


def _connect(call: str, scenario: str | None, zone: str) -> tuple[Any, Any, str]:
    """Settings, transport and call id: of the sandbox, or of the account."""
    from kayzen_nb import verification  # noqa: PLC0415  # as above
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # as above

    if scenario:
        from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above

        sandbox = open_sandbox(scenario)
        return sandbox.settings, sandbox.transport, sandbox.test_call_id
    settings = load_settings()
    settings.require("ringba_api_token", "ringba_account_id")
    call_id, hits = verification.find_call_id(verification.read_wanted(call, zone), settings, None)
    if not call_id:
        raise ParameterError(verification.which_call(hits, zone))
    return settings, None, call_id


def _known_key() -> Any:
    """Kayzen's key, where it is set; evidence can be judged without."""
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # as above

    return load_settings().kayzen_api_key


def _word(call_id: str) -> Any:
    from kayzen_nb import kayzenword  # noqa: PLC0415  # as above

    return kayzenword.word_about(_journal().entries(kayzenword.KIND, call_id)) if call_id else None


def _journal() -> Journal:
    from kayzen_nb.journal import Journal  # noqa: PLC0415  # as above
    from kayzen_nb.settings import find_home  # noqa: PLC0415  # as above

    return Journal(find_home())


def _write_pack(found: Verification, folder: Path, zone: str, *, invented: bool) -> Path:
    from kayzen_nb.evidencepack import write_pack  # noqa: PLC0415  # as above
    from kayzen_nb.settings import load_settings, secrets  # noqa: PLC0415  # as above

    return write_pack(
        folder,
        found.evidence,
        found.proof,
        found.causes,
        found.plan,
        zone=zone,
        made_at=datetime.now(UTC),
        keys=secrets(load_settings()),
        invented=invented,
    )


def _show(found: Verification, pack: Path | None) -> None:
    click.echo(found.headline)
    for pixel in found.proof.pixels:
        click.echo(f"  {_SIGNS[pixel.verdict]} {pixel.event.value:10} {pixel.found}")
    click.echo(found.diagnosis)
    for cause in found.causes:
        kind = f"{cause.certainty}" if cause.kind.is_fault else "explains"
        click.echo(f"  {kind}: {cause.kind.title}")
        for line in cause.evidence.splitlines():
            click.echo(f"      {line}")
        click.echo(f"      next: {cause.kind.fix} (ask: {cause.kind.ask.value})")
    if pack:
        click.echo(f"Evidence pack: {pack}")
