"""The start of a notebook's run: parameters checked first, then the run card on top."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from kayzen_nb import parameters, runcard
from kayzen_nb.checks import Verdict
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.funnelrun import FunnelRun
from kayzen_nb.run import Run, is_interactive, now, period_record
from kayzen_nb.setuprun import SetupRun
from kayzen_nb.verifyrun import VerifyRun

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Run", "is_interactive", "start"]

_RUNS: Mapping[str, type[Run]] = {
    "01_setup_pixels": SetupRun,
    "02_verify_test_call": VerifyRun,
    "03_funnel": FunnelRun,
}


def start(notebook: str, namespace: Mapping[str, Any]) -> Any:
    """Check the parameters found in the notebook's namespace (``globals()``), show the run card, give the run.

    Raises ParameterError, in plain words and with all problems, before anything is read or written.
    """
    began = now()
    names = {parameter.name for parameter in parameters.declared(notebook)}
    given = {name: namespace[name] for name in names if name in namespace}
    unknown = {name: None for name in _injected_names(namespace) if name not in names}
    resolved = parameters.resolve(notebook, given | unknown, began)
    run = _RUNS[notebook](parameters=resolved, started_at=began)
    if run.is_invented:
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
        "as_of": began.isoformat(timespec="seconds"),
        "inputs": [],
        "invented": run.is_invented,
        "plan_hash": None,
    } | period_record(run.parameters)
    runcard.show_card(run.record)
    return run


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
