"""The command line. Only click and the standard library are imported here, so that ``--help`` answers at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kayzen_nb import __version__
from kayzen_nb.commands import account, archive, delivery, lint, plan, rehearse, share, sync, verify
from kayzen_nb.commands.options import EXAMPLE, as_json_text, is_interrupt, json_option
from kayzen_nb.errors import KayzenNbError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.report import RunOutcome
    from kayzen_nb.sandbox.server import RunningServer

_SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}


class _Refused(click.ClickException):
    """One of our errors on a terminal: its own text on stderr, exit code 2, never a traceback."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True, file=file)


_SUBJECTS = {
    "Start": ("demo", "lab", "run"),
    "Set up (notebook 01)": ("plan", "runbook", "preview", "lint", "audit", "checklist", "key"),
    "Verify (notebook 02)": ("rehearse", "verify", "confirm", "test-calls", "delivery"),
    "Keep calls (the archive)": ("sync", "archive", "changes", "reread", "prune", "forget"),
    "Share and try": ("check-share", "sandbox"),
}


class _Commands(click.Group):
    """The commands by subject; every error of ours that they raise is told in plain words."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        """The list in ``--help``: by subject, in the order in which people need them."""
        for subject, names in _SUBJECTS.items():
            with formatter.section(subject):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=78)) for name in names])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KayzenNbError as refused:
            raise _Refused(str(refused)) from None
        except (KeyboardInterrupt, RuntimeError) as stopped:
            if not is_interrupt(stopped):
                raise
            click.echo("Stopped.", err=True)
            sys.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="kayzen-nb")
def main() -> None:
    """Track TV-ad phone calls from Ringba into Kayzen: set up, verify, show, schedule.

    Exit codes: 0 the checks passed, 1 a check failed or is unknown, 2 bad input or a run that broke.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old Windows terminal cannot show every sign


@main.command(epilog=f"{EXAMPLE}kayzen-nb demo --out demo")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the pages.")
@json_option
def demo(out: Path | None, *, as_json: bool) -> None:
    """Run all notebooks on invented data and write their pages. Needs no account, no key, no network.

    Without --out, the pages go to the folder "demo" in KAYZEN_NB_HOME.
    """
    from kayzen_nb.demo import run_demo  # noqa: PLC0415  # papermill and friends, only for commands that run notebooks

    shown = run_demo(out, lambda line: click.echo(line, err=as_json))
    if as_json:
        click.echo(
            as_json_text({"index": str(shown.index), "runs": [outcome.as_record() for outcome in shown.outcomes]})
        )
    sys.exit(shown.exit_code)


@main.command(
    epilog=f"{EXAMPLE}kayzen-nb lab\n  kayzen-nb lab --no-browser", context_settings={"ignore_unknown_options": True}
)
@click.argument("jupyter_options", nargs=-1, type=click.UNPROCESSED)
def lab(jupyter_options: tuple[str, ...]) -> None:
    """Open JupyterLab on the notebooks. Further options are JupyterLab's own."""
    from kayzen_nb.report import notebooks_folder  # noqa: PLC0415  # as above

    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks_folder()}", *jupyter_options]
    if os.name == "nt":  # there, exec would return to the prompt at once
        sys.exit(subprocess.call(command))  # noqa: S603
    os.execv(command[0], command)  # noqa: S606


@main.command(
    epilog=f"{EXAMPLE}kayzen-nb run 03_funnel\n"
    "  kayzen-nb run 03_funnel --set source=csv --set csv_path=calls.csv --set time_zone=America/Denver"
)
@click.argument("notebook")
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A parameter; may be given many times.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of this run; default: reports/NOTEBOOK at home.")
@json_option
def run(notebook: str, pairs: tuple[str, ...], out: Path | None, *, as_json: bool) -> None:
    """Run a notebook headlessly and keep its page, its tables and its manifest."""
    values = _read_pairs(pairs)
    from kayzen_nb.report import run_notebook  # noqa: PLC0415  # as above

    outcome = run_notebook(notebook, values, out)
    if as_json:
        click.echo(as_json_text(outcome.as_record()))
    else:
        _show_outcome(outcome)
    for problem in outcome.problems:
        click.echo(str(problem), err=True)
    sys.exit(outcome.exit_code)


@main.command(epilog=f"{EXAMPLE}kayzen-nb sandbox --scenario guide_copied --port 8765")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--scenario", default="healthy", show_default=True, help="Which faults to plant.")
def sandbox(port: int, scenario: str) -> None:
    """Serve both platforms, with invented calls, on 127.0.0.1; prints the environment to use. Ctrl-C ends it."""
    from kayzen_nb.sandbox import SCENARIOS  # noqa: PLC0415  # invents calls, only here
    from kayzen_nb.sandbox.server import start_server  # noqa: PLC0415  # as above

    if scenario not in SCENARIOS:
        about = "".join(f"\n  {name:16} {known.about}" for name, known in SCENARIOS.items())
        raise click.BadParameter(f"there is no scenario {scenario!r}. There are:{about}", param_hint="--scenario")
    try:
        server = start_server(scenario, port)
    except OSError as taken:
        what = f"Port {port} cannot be used: {os.strerror(taken.errno or 0)}."
        raise KayzenNbError(
            Problem(what=what, where="--port", next_step="Leave --port out: a free one is taken.")
        ) from None
    with server:
        _serve(server)


def _serve(server: RunningServer) -> None:
    """Print the environment to use, then wait for Ctrl-C."""
    for name, value in server.environment().items():
        click.echo(f"{name}={value}")
    click.echo(f"Ringba and Kayzen, invented, answer at {server.url}. Ctrl-C ends it.", err=True)
    try:
        while True:
            time.sleep(0.5)  # Windows delivers Ctrl-C between two sleeps, not inside a wait without end
    except KeyboardInterrupt:
        click.echo("Ended.", err=True)


def _read_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` as typed; the first = separates."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name.strip():
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--set")
        if name.strip() in values:
            raise click.BadParameter(f"{name.strip()!r} is given twice", param_hint="--set")
        values[name.strip()] = value
    return values


def _show_outcome(outcome: RunOutcome) -> None:
    if outcome.status == "ok":
        click.echo(f"{_SIGNS[outcome.verdict.value]}: {outcome.headline}")
    page = (outcome.folder / "report.html").resolve()
    click.echo(f"Page: {page}", err=outcome.status != "ok")


for _command in (
    lint.lint,
    plan.plan,
    plan.preview,
    plan.runbook,
    account.audit,
    account.checklist,
    account.key,
    rehearse.rehearse,
    verify.verify,
    verify.confirm,
    verify.test_calls,
    delivery.delivery,
    sync.sync,
    archive.archive,
    archive.changes,
    archive.reread,
    archive.prune,
    archive.forget,
    share.check_share,
):
    main.add_command(_command)
