"""A notebook's run: parameters checked first, the run card on top, data fetched, the verdict put on top at the end.

What you see is what is scheduled: the same values come from the notebook's parameter cell, from papermill or from the
form. A machine finds the run's record in the first output (``runcard.RECORD_MIME``).
"""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb import parameters, runcard
from kayzen_nb.checks import Check, Verdict, worst
from kayzen_nb.errors import ParameterError, PixelListError, Problem, did_you_mean
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import httpx
    import pandas as pd

    from kayzen_nb.account import Pixel
    from kayzen_nb.calls import CallEvidence, CallTable
    from kayzen_nb.parameters import Resolved
    from kayzen_nb.period import Period
    from kayzen_nb.pixels import Plan
    from kayzen_nb.sandbox import Sandbox
    from kayzen_nb.settings import Settings


@dataclass(kw_only=True)
class Run:
    """One run of one notebook. Made by ``start``; its record grows until ``finish``."""

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
        """The planned six pixels under the chosen profile."""
        plan = build_plan(self.parameters["profile"])
        self.record["plan_hash"] = plan.content_hash
        return plan

    @property
    def key(self) -> Secret | None:
        """Kayzen's key: typed into the form, else from the settings, else None."""
        return self.typed_key or self.settings.kayzen_api_key

    def read_pixels(self) -> list[Pixel]:
        """The pixels to check: those of the file, where one is given, else the planned six with a stand-in key."""
        path = self.parameters["pixels_path"]
        if not path:
            return list(render(self.plan, Secret("stand-in-key")))
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not a text in UTF-8"
            problem = Problem(
                what=f"The file of pixels cannot be read: {reason}.",
                where=Path(path).name,
                next_step="Check pixels_path, or leave it empty to check the plan only.",
            )
            raise PixelListError(problem) from None
        return read_pixels(text)

    @property
    def settings(self) -> Settings:
        """The sandbox's invented settings, or the real ones."""
        if self._settings is None:
            self._settings = self._load_settings()
        return self._settings

    def show_form(self) -> None:
        """The parameters as a form in JupyterLab, as a table in a headless run."""
        from kayzen_nb import forms  # noqa: PLC0415  # ipywidgets cost 0.3 s that headless runs need not pay

        forms.show_form(self) if is_interactive() else forms.show_parameters(self.parameters)

    def take_over(self, chosen: Resolved) -> None:
        """Use other parameters from here on: what the form does when its button is pressed."""
        self.parameters, self._sandbox, self._settings = chosen, None, None
        self.record |= {"parameters": chosen.as_record()} | _period_record(chosen)

    def show_key_box(self) -> None:
        """A password box for Kayzen's key, in JupyterLab only."""
        from kayzen_nb import forms  # noqa: PLC0415  # as above

        if is_interactive():
            forms.show_key_box(self)

    def fetch_calls(self) -> CallTable:
        """The calls of the period, from the chosen source, with their ledger."""
        from kayzen_nb import sources  # noqa: PLC0415  # duckdb and httpx, only where calls are read

        calls = sources.fetch_calls(
            source="csv" if self.parameters["source"] == "csv" else "api",
            period=self.parameters.period,
            zone=self.zone,
            settings=None if self.parameters["source"] == "csv" else self.settings,
            transport=self._transport,
            csv_path=self.parameters["csv_path"],
            campaign=self.parameters["campaign"],
        )
        self._take_period_of(calls)
        self.record |= {"ledger": calls.ledger.as_record(), "as_of": calls.as_of.isoformat(timespec="seconds")}
        self.record["inputs"] = [{"name": name, "sha256": digest} for name, digest in calls.inputs.items()]
        self.record |= self._describe_source()
        return calls

    def fetch_evidence(self) -> CallEvidence:
        """The test call with its pixel fires: by call id, or the sandbox's own."""
        from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # httpx, only where it is used

        settings, call_id = self.settings, self.parameters["call_id"]
        if not call_id and self._sandbox:
            call_id = self._sandbox.test_call_id
        with Ringba(settings, transport=self._transport) as ringba:
            evidence = ringba.fetch_call_evidence(call_id)
        self.record |= {"as_of": _now().isoformat(timespec="seconds")} | self._describe_source()
        return evidence

    def save(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a table as ``data/<name>.csv`` in the run's folder; without a run folder nothing is written."""
        from kayzen_nb.tables import write_csv  # noqa: PLC0415  # pandas, only where tables are made

        if folder := os.environ.get("KAYZEN_NB_RUN_DIR"):
            write_csv(frame, Path(folder) / "data" / f"{name}.csv")

    def finish(
        self, checks: Sequence[Check], headline: str, *, summary: str = "", questions: Iterable[str] = ()
    ) -> None:
        """Put the verdict on top and list the checks here."""
        from kayzen_nb.tables import checks_table, show_table  # noqa: PLC0415  # as above

        verdict = worst(checks)
        self.record |= {
            "verdict": verdict.value,
            "headline": headline,
            "checks": [check.as_record() for check in checks],
            "summary": summary or headline,
            "questions": list(questions),
        }
        runcard.update_card(self.record)
        show_table(checks_table(list(checks)), "What was checked")

    @property
    def _transport(self) -> httpx.BaseTransport | None:
        return self._sandbox.transport if self._sandbox else None

    def _load_settings(self) -> Settings:
        """Open the sandbox, or load the real settings and require what reading from Ringba needs."""
        from kayzen_nb.settings import load_settings  # noqa: PLC0415  # pydantic, only where settings are read

        source = self.parameters.chosen.get("source")
        if source == "sandbox":
            self._sandbox = _open_sandbox(self.parameters["scenario"], self.started_at)
            return self._sandbox.settings
        settings = load_settings()
        if source == "api":
            settings.require("ringba_api_token", "ringba_account_id")
        return settings

    def _describe_source(self) -> dict[str, Any]:
        """Whether the data are invented, and where they come from, for the page's header."""
        source = self.parameters["source"]
        if source == "csv":
            return {"invented": False, "source": f"file {Path(self.parameters['csv_path']).name}"}
        host = self.settings.ringba_api_url.partition("//")[2].partition("/")[0]
        invented = source == "sandbox" or host.partition(":")[0] in ("127.0.0.1", "localhost")
        return {"invented": invented, "source": "built-in sandbox" if source == "sandbox" else host}

    def _take_period_of(self, calls: CallTable) -> None:
        """Where a file decides the period, take its first and last local day."""
        if self.parameters.period is None:
            first, last = _local_days(calls, self.zone)
            values = dict(self.parameters.chosen)
            values["period_start"] = values["period_start"] or first
            values["period_end"] = values["period_end"] or max(last, values["period_start"])
            self.parameters = replace(self.parameters, chosen=values)
        self.record |= _period_record(self.parameters)


def start(notebook: str, namespace: Mapping[str, Any]) -> Run:
    """Check the parameters found in the notebook's namespace (``globals()``), and show the run card.

    Raises ParameterError, in plain words and with all problems, before anything is read or written.
    """
    now = _now()
    names = {parameter.name for parameter in parameters.declared(notebook)}
    given = {name: namespace[name] for name in names if name in namespace}
    unknown = {name: None for name in _injected_names(namespace) if name not in names}
    run = Run(parameters=parameters.resolve(notebook, given | unknown, now), started_at=now)
    if run.parameters.chosen.get("source") == "sandbox":
        _check_scenario(run.parameters["scenario"])
    run.record = {
        "notebook": notebook,
        "parameters": run.parameters.as_record(),
        "verdict": Verdict.UNKNOWN.value,
        "headline": "Not finished: run the cells below.",
        "summary": "",
        "checks": [],
        "questions": [],
        "ledger": None,
        "as_of": now.isoformat(timespec="seconds"),
        "inputs": [],
        "invented": run.parameters.chosen.get("source") == "sandbox",
        "plan_hash": None,
    } | _period_record(run.parameters)
    runcard.show_card(run.record)
    return run


def is_interactive() -> bool:
    """Whether a person sits in front: Jupyter's server (or VS Code) started this kernel, not papermill or nbval."""
    forced = os.environ.get("KAYZEN_NB_HEADLESS")
    return forced == "0" if forced else bool(os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID"))


def _now() -> datetime:
    return datetime.now(UTC)


def _injected_names(namespace: Mapping[str, Any]) -> list[str]:
    """The names that papermill injected: it only warns of unknown ones, so a typo would silently run the default."""
    for source in namespace.get("In", ()):
        if source.startswith("# Parameters\n"):
            nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
            return [target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)]
    return []


def _check_scenario(name: str) -> None:
    from kayzen_nb.sandbox import SCENARIOS  # noqa: PLC0415  # only runs on invented data need it

    if name not in SCENARIOS:
        hint = did_you_mean(name, SCENARIOS)
        raise ParameterError(Problem(what=f"The sandbox has no scenario {name!r}.", where="scenario", next_step=hint))


def _open_sandbox(scenario: str, now: datetime) -> Sandbox:
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above

    return open_sandbox(scenario, now=now)


def _local_days(calls: CallTable, zone: str) -> tuple[date, date]:
    """First and last local day of the calls; today twice when there are none."""
    first, last = calls.relation.aggregate("epoch_us(min(call_at)), epoch_us(max(call_at))").fetchall()[0]
    return _local_day(first, zone), _local_day(last, zone)


def _local_day(epoch_us: int | None, zone: str) -> date:
    moment = _now() if epoch_us is None else datetime.fromtimestamp(epoch_us // 1_000_000, UTC)
    return moment.astimezone(ZoneInfo(zone)).date()


def _period_record(resolved: Resolved) -> dict[str, str | None]:
    start_day, end_day = resolved.chosen.get("period_start"), resolved.chosen.get("period_end")
    return {
        "period_start": str(start_day) if start_day else None,
        "period_end": str(end_day) if end_day else None,
        "time_zone": resolved.chosen.get("time_zone"),
    }
