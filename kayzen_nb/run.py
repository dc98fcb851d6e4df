"""What every notebook's run has: checked parameters, settings, the record that grows, the form, the verdict.

What you see is what is scheduled: the same values come from the notebook's parameter cell, from papermill or from the
form. A machine finds the run's record in the first output (``runcard.RECORD_MIME``).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb import runcard
from kayzen_nb.checks import Check, worst
from kayzen_nb.errors import ParameterError, PlanFileError, Problem
from kayzen_nb.journal import Journal
from kayzen_nb.pixels import build_plan
from kayzen_nb.planfile import read_plan
from kayzen_nb.privacy import mask_text
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import httpx
    import pandas as pd

    from kayzen_nb.parameters import Resolved
    from kayzen_nb.period import Period
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.sandbox import Sandbox
    from kayzen_nb.settings import Settings
    from kayzen_nb.watching import Watcher


@dataclass(kw_only=True)
class Run:
    """One run of one notebook. Made by ``job.start``; its record grows until ``finish``."""

    parameters: Resolved
    started_at: datetime
    record: dict[str, Any] = field(default_factory=dict)
    typed_key: Secret | None = None
    _sandbox: Sandbox | None = None
    _settings: Settings | None = None

    @property
    def zone(self) -> str:
        """The page's time zone."""
        return str(self.parameters.chosen.get("time_zone", "UTC"))

    @property
    def period(self) -> Period:
        """The period, once it is known (a CSV decides its own ends)."""
        period = self.parameters.period
        if period is None:
            raise ParameterError(
                Problem(what="The period is not known yet.", next_step="Run the cell that reads the calls.")
            )
        return period

    @property
    def plan(self) -> Plan:
        """The planned six pixels: a profile, or a plan file; confirmed, where a day says so."""
        chosen = str(self.parameters["profile"])
        plan = read_plan(_read_file(chosen), Path(chosen).name) if chosen.endswith(".toml") else build_plan(chosen)
        if day := self.parameters.chosen.get("kayzen_confirmed_on"):
            plan = plan.confirm(day)
        self.record["plan_hash"] = plan.content_hash
        return plan

    @property
    def key(self) -> Secret | None:
        """Kayzen's key: typed into the form, else from the settings, else None."""
        return self.typed_key or self.settings.kayzen_api_key

    @property
    def settings(self) -> Settings:
        """The sandbox's invented settings, or the real ones."""
        if self._settings is None:
            self._settings = self._load_settings()
        return self._settings

    @property
    def is_invented(self) -> bool:
        """Whether the built-in sandbox plays the platforms."""
        return bool(self.parameters.chosen.get("source") == "sandbox")

    @property
    def home(self) -> Path:
        """Where journal and private files are kept; the sandbox's apart from the real ones."""
        from kayzen_nb.settings import find_home  # noqa: PLC0415  # pydantic, only where settings are read

        return find_home() / "sandbox" if self.is_invented else find_home()

    @property
    def journal(self) -> Journal:
        """What people and earlier runs noted."""
        return Journal(self.home)

    @property
    def transport(self) -> httpx.BaseTransport | None:
        """The sandbox's answers in place of the network; None for the real platforms."""
        return self._sandbox.transport if self.settings and self._sandbox else None

    @property
    def watcher(self) -> Watcher:
        """Who is told how a long reading goes on: a bar where a person sits, lines in a scheduled run's log."""
        from kayzen_nb.progress import BarWatcher, LineWatcher  # noqa: PLC0415  # only where something is read

        if self.is_invented:
            return SILENT
        log = sys.__stderr__  # not the notebook's: its output becomes the page
        return BarWatcher(in_notebook=True) if is_interactive() else LineWatcher(lambda line: print(line, file=log))

    def show_form(self) -> None:
        """The parameters as a form in JupyterLab, as a table in a headless run."""
        from kayzen_nb import forms  # noqa: PLC0415  # ipywidgets cost 0.3 s that headless runs need not pay

        forms.show_form(self) if is_interactive() else forms.show_parameters(self.parameters)

    def take_over(self, chosen: Resolved) -> None:
        """Use other parameters from here on: what the form does when its button is pressed."""
        self.parameters, self._sandbox, self._settings = chosen, None, None
        self.record |= {"parameters": chosen.as_record()} | period_record(chosen)

    def save(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a table as ``data/<name>.csv`` in the run's folder; without a run folder nothing is written."""
        from kayzen_nb.tables import write_csv  # noqa: PLC0415  # pandas, only where tables are made

        if folder := run_folder():
            write_csv(frame, folder / "data" / f"{name}.csv")

    def finish(
        self, checks: Sequence[Check], headline: str, *, summary: str = "", questions: Iterable[str] = ()
    ) -> None:
        """Put the verdict on top and list the checks here."""
        from kayzen_nb.tables import checks_table, show_table  # noqa: PLC0415  # as above

        verdict = worst(checks)
        self.record |= {
            "verdict": verdict.value,
            "headline": mask_text(headline),
            "checks": [{name: mask_text(told) for name, told in check.as_record().items()} for check in checks],
            "summary": mask_text(summary or headline),
            "questions": [mask_text(question) for question in questions],
        }
        runcard.update_card(self.record)
        show_table(checks_table(list(checks)), "What was checked")

    def note_source(self) -> None:
        """Say in the record where the data come from, whether they are invented, and how fresh they are."""
        self.record |= {"as_of": now().isoformat(timespec="seconds")} | self._describe_source()

    def _load_settings(self) -> Settings:
        """Open the sandbox, or load the real settings and require what reading from Ringba needs."""
        from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic, only where settings are read

        source = self.parameters.chosen.get("source")
        if source == "sandbox":
            self._sandbox = self._open_sandbox()
            return self._sandbox.settings
        settings = load_settings()
        if source == "api":
            settings.require("ringba_api_token", "ringba_account_id")
        return settings

    def _open_sandbox(self) -> Sandbox:
        from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # only runs on invented data need it

        return open_sandbox(self.parameters["scenario"], now=self.started_at)

    def _describe_source(self) -> dict[str, Any]:
        """Whether the data are invented, and where they come from, for the page's header."""
        source = self.parameters["source"]
        if path := self.parameters.chosen.get({"csv": "csv_path", "file": "evidence_path"}.get(source, "")):
            return {"invented": False, "source": f"file {Path(path).name}"}
        host = self.settings.ringba_api_url.partition("//")[2].partition("/")[0]
        invented = source == "sandbox" or host.partition(":")[0] in ("127.0.0.1", "localhost")
        named = {"sandbox": "built-in sandbox", "none": "the plan alone", "archive": f"the archive of {host}"}
        return {"invented": invented, "source": named.get(source, host)}


def now() -> datetime:
    """This moment, aware UTC."""
    return datetime.now(UTC)


def is_interactive() -> bool:
    """Whether a person sits in front: Jupyter's server (or VS Code) started this kernel, not papermill or nbval."""
    forced = os.environ.get("KAYZEN_NB_HEADLESS")
    return forced == "0" if forced else bool(os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID"))


def run_folder() -> Path | None:
    """The folder of this run's files, where ``kayzen-nb run`` made one."""
    folder = os.environ.get("KAYZEN_NB_RUN_DIR")
    return Path(folder) if folder else None


def period_record(resolved: Resolved) -> dict[str, str | None]:
    """The period as the record holds it."""
    start_day, end_day = resolved.chosen.get("period_start"), resolved.chosen.get("period_end")
    return {
        "period_start": str(start_day) if start_day else None,
        "period_end": str(end_day) if end_day else None,
        "time_zone": resolved.chosen.get("time_zone"),
    }


def _read_file(path: str) -> str:
    """A plan file's text. Raises PlanFileError in plain words."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as unread:
        reason = unread.strerror if isinstance(unread, OSError) else "it is not a text in UTF-8"
        problem = Problem(
            what=f"The plan file cannot be read: {reason}.",
            where=Path(path).name,
            next_step="Check profile: per_event, as_published, or the path of a plan file (kayzen-nb plan --out).",
        )
    raise PlanFileError(problem)
