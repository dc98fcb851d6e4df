"""``kayzen-nb rehearse``: all six events of one invented call, sent to the sandbox and seen arriving."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import click

from kayzen_nb.commands.options import EXAMPLE, as_json_text, json_option, read_text
from kayzen_nb.errors import InputError, ParameterError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.rehearsal import RehearsedEvent

_SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}


@click.command(
    epilog=f"{EXAMPLE}kayzen-nb rehearse\n  kayzen-nb rehearse --plan plan.toml\n"
    "  kayzen-nb rehearse --to http://127.0.0.1:8765/v1/ev"
)
@click.option("--plan", "plan_file", metavar="FILE", help="A plan file; without it the six pixels of --profile.")
@click.option(
    "--profile",
    type=click.Choice(["per_event", "as_published"]),
    default="per_event",
    show_default=True,
    help="Which planned six to rehearse when no plan file is given.",
)
@click.option("--to", "address", metavar="URL", help="A receiver on this machine; without it, inside this process.")
@json_option
def rehearse(plan_file: str | None, profile: str, address: str | None, *, as_json: bool) -> None:
    """Send all six events of an invented call to the sandbox, and show each as it arrives.

    Nothing leaves this machine. Kayzen's own address is accepted too, but only from a person at a terminal who types
    its host name: Kayzen publishes no test mode, so the invented events may be counted.
    """
    from kayzen_nb.checks import worst  # noqa: PLC0415  # only click and the standard library at top
    from kayzen_nb.rehearsal import check_rehearsal, headline  # noqa: PLC0415  # as above

    plan = _plan(plan_file, profile)
    sent = _play(_events(plan, address), echo=not as_json)
    checks = check_rehearsal(sent)
    verdict = worst(checks)
    if as_json:
        answer = {"verdict": verdict.value, "headline": headline(checks), "checks": [c.as_record() for c in checks]}
        click.echo(as_json_text(answer | {"events": [event.as_record() for event in sent]}))
    else:
        click.echo(f"{_SIGNS[verdict.value]}: {headline(checks)}")
        click.echo("This proves the URLs. Whether Kayzen knows the names, only Kayzen can say.")
    sys.exit(verdict.exit_code)


def _plan(plan_file: str | None, profile: str) -> Plan:
    if not plan_file:
        from kayzen_nb.pixels import build_plan  # noqa: PLC0415  # as above

        return build_plan(profile)
    from kayzen_nb.planfile import read_plan  # noqa: PLC0415  # as above

    return read_plan(read_text(plan_file))


def _events(plan: Plan, address: str | None) -> Iterable[RehearsedEvent]:
    """The rehearsal, ready to play. The real key is used for Kayzen's own address only."""
    from kayzen_nb.rehearsal import into_sandbox, to_address  # noqa: PLC0415  # as above
    from kayzen_nb.rehearsal import rehearse as rehearse_plan  # noqa: PLC0415  # as above
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above

    sandbox = open_sandbox()
    invented = sandbox.settings.kayzen_api_key
    if address is None:
        return rehearse_plan(plan, send=into_sandbox(sandbox), key=invented)
    receiver = read_receiver(address)
    key = _confirmed_key(plan, receiver.host) if receiver.is_kayzens else invented
    return rehearse_plan(plan, send=to_address(receiver.address), key=key)


def _confirmed_key(plan: Plan, host: str) -> Secret | None:
    """The real key, after a person at a terminal has seen what will be sent and has typed the host's name."""
    from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic, only here

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise _refused("Events go to Kayzen's own address only when a person at a terminal confirms it.")
    settings = load_settings()
    settings.require("kayzen_api_key")
    confirm(plan, settings.kayzen_api_key, host, lambda question: click.prompt(question, default="", err=True))
    return settings.kayzen_api_key


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where a rehearsal is sent: an address without a query, and whether it is Kayzen's own."""

    address: str
    host: str
    is_kayzens: bool


def read_receiver(text: str) -> Receiver:
    """A receiver from what was typed. Raises ParameterError unless it is on this machine or Kayzen's own endpoint."""
    from kayzen_nb.pixels import ENDPOINT  # noqa: PLC0415  # as above
    from kayzen_nb.settings import LOOPBACK_HOSTS  # noqa: PLC0415  # as above

    typed = text.strip()
    if typed == ENDPOINT:
        return Receiver(address=ENDPOINT, host=urlsplit(ENDPOINT).netloc, is_kayzens=True)
    parts = _split(typed)
    if parts and parts.hostname in LOOPBACK_HOSTS and parts.scheme in ("http", "https"):
        address = typed if parts.path.strip("/") else f"{typed.rstrip('/')}/v1/ev"
        return Receiver(address=address, host=parts.hostname or "", is_kayzens=False)
    what = "A rehearsal goes to this machine only." if parts else "This is not an address to send events to."
    step = "Use the address that `kayzen-nb sandbox` prints, http://127.0.0.1:PORT/v1/ev."
    raise ParameterError(Problem(what=f"{what} Nothing was sent.", where="--to", next_step=step))


def _split(typed: str) -> SplitResult | None:
    """An address's parts; None where it is none, or holds more than scheme, host, port and path."""
    try:
        parts = urlsplit(typed)
        _ = parts.port  # raises here when it is no number
    except ValueError:
        return None
    return parts if parts.hostname and not (parts.query or parts.fragment or "@" in parts.netloc) else None


def confirm(plan: Plan, key: Secret | None, host: str, ask: Callable[[str], str]) -> None:
    """Show what would be sent, and go on only when the answer is the host's name. Raises InputError otherwise."""
    from kayzen_nb.pixels import render  # noqa: PLC0415  # as above
    from kayzen_nb.rehearsal import mask  # noqa: PLC0415  # as above

    click.echo(f"These {len(plan.pixels)} invented events would go to {host}, with your own key:", err=True)
    for pixel in render(plan, key):
        click.echo(f"  {pixel.fire_on}: {mask(pixel.url, key)}", err=True)
    click.echo("Kayzen publishes no test mode: they may be counted as real events. Ask Kayzen first.", err=True)
    if ask("Type the host name to send them, or press Enter to send nothing").strip() != host:
        raise _refused("The host name was not typed.")


def _refused(what: str) -> InputError:
    step = "Leave --to out to rehearse inside this process."
    return InputError(Problem(what=f"{what} Nothing was sent.", where="--to", next_step=step))


def _play(events: Iterable[RehearsedEvent], *, echo: bool) -> list[RehearsedEvent]:
    """Play to the end, printing each event as it arrives."""
    sent = []
    for event in events:
        sent.append(event)
        if echo:
            click.echo(_line(event))
    return sent


def _line(event: RehearsedEvent) -> str:
    shared = (f"the name of {event.same_name_as.value} again",) if event.same_name_as else ()
    why = ", ".join([*shared, *event.problems])
    sign = "✓" if event.is_good else "✗"
    return f"{sign} {event.event:10} {event.status}  app_event={event.app_event}" + (f"  ({why})" if why else "")
