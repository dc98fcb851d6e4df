"""One run of a notebook, from parameters to a folder that can be shared: page, notebook, manifest, tables.

The folder is built aside and moved into place whole. A run that breaks never touches the last good report: what it has
to say goes to ``failed/`` beside it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb import __version__, parameters
from kayzen_nb.checks import Verdict
from kayzen_nb.errors import KayzenNbError, OutputFolderError, ParameterError, Problem, SettingsError
from kayzen_nb.forms import schedule_line
from kayzen_nb.privacy import Secret, mask_url, scrub, scrub_tree
from kayzen_nb.runfolder import RunFolder
from kayzen_nb.settings import Settings, env_name, find_home, load_settings, secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kayzen_nb.headless import Breakdown, Execution
    from kayzen_nb.jupyterlibs import NotebookNode
    from kayzen_nb.parameters import Resolved

LIMIT_S = 1800.0
RECORD_MIME = "application/vnd.kayzen-nb.run+json"
_NAMED_VERSIONS = ("papermill", "nbconvert", "plotly", "duckdb", "pandas")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """What a run came to. ``status`` is ok, broke or timed_out; ``problems`` says why, when it is not ok."""

    notebook: str
    folder: Path
    status: str
    verdict: Verdict
    headline: str
    problems: tuple[Problem, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 the checks passed, 1 a check failed or is unknown, 2 the run broke."""
        return self.verdict.exit_code if self.status == "ok" else 2

    def as_record(self) -> dict[str, str]:
        """The outcome as ``run --json`` prints it."""
        shown = {"folder": str(self.folder), "status": self.status, "verdict": self.verdict.value}
        return {"notebook": self.notebook} | shown | {"headline": self.headline}


def run_notebook(
    name: str, values: Mapping[str, str], out: Path | None = None, *, path: Path | None = None, limit_s: float = LIMIT_S
) -> RunOutcome:
    """Run a notebook and keep its report in ``out`` (default: ``reports/<notebook>`` in KAYZEN_NB_HOME).

    ``path`` is the notebook's file, where it is not one of ours. Raises ParameterError before a kernel starts, and
    OutputFolderError; a notebook that breaks is no exception but an outcome.
    """
    name = Path(name).name.removesuffix(".ipynb")
    resolved = parameters.resolve(name, values, datetime.now(UTC))
    home, known = _surroundings()
    _refuse_keys(values, known)
    if out is None:
        _make_home(home)
    with RunFolder(out or home / "reports" / name) as folder:
        started = datetime.now(UTC)
        execution = _execute(path or notebooks_folder() / f"{name}.ipynb", values, folder, limit_s)
        node = _clean(execution.node, resolved, values, known, folder)
        record = _build_manifest(node, resolved, started)
        if execution.breakdown:
            status = "timed_out" if execution.breakdown.timed_out else "broke"
            return _keep_failure(folder, node, record, _explain(execution.breakdown, name, known), status)
        return _keep_report(folder, node, record)


def _refuse_keys(values: Mapping[str, str], known: Iterable[Secret]) -> None:
    """A key given as a parameter would stand in every file of the run."""
    named = [name for name, value in values.items() if any(key.reveal() in value for key in known if key)]
    if named:
        step = "Leave the key out; it is taken from the environment, the .env file or the keyring."
        raise ParameterError(*(Problem(what=f"{n} holds a key.", where="parameters", next_step=step) for n in named))


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as refused:
        problem = Problem(
            what=f"The folder for reports cannot be made: {os.strerror(refused.errno or 0)}.",
            where=str(home),
            next_step="Set KAYZEN_NB_HOME to a folder that you may write to, or give --out.",
        )
    else:
        return
    raise OutputFolderError(problem)


def notebooks_folder() -> Path:
    """Where our notebooks are: inside an installed package, or beside it in a clone."""
    inside = Path(__file__).with_name("notebooks")
    return inside if inside.is_dir() else Path(__file__).parent.with_name("notebooks")


def _surroundings() -> tuple[Path, tuple[Secret, ...]]:
    """The home folder and every key known on this machine.

    A malformed setting is no reason to stop here: a run on invented data needs none, and one that does need it says so
    itself, in the kernel.
    """
    try:
        settings = load_settings()
    except SettingsError:
        names = [env_name(field) for field, kind in Settings.model_fields.items() if "Secret" in str(kind.annotation)]
        found = tuple(Secret(os.environ[name]) for name in names if os.environ.get(name))
        return find_home(), found
    return settings.home, secrets(settings)


def _execute(path: Path, values: Mapping[str, str], folder: RunFolder, limit_s: float) -> Execution:
    from kayzen_nb import headless  # noqa: PLC0415  # 0.6 s that a wrong parameter need not wait for

    # The page's libraries (0.5 s) are loaded while the kernel works.
    threading.Thread(target=import_module, args=("kayzen_nb.page",), daemon=True).start()
    env = os.environ | {"KAYZEN_NB_HEADLESS": "1", "KAYZEN_NB_RUN_DIR": str(folder.build)}
    return headless.execute(path, values, env=env, limit_s=limit_s)


def _clean(
    node: NotebookNode, resolved: Resolved, values: Mapping[str, str], known: Iterable[Secret], folder: RunFolder
) -> NotebookNode:
    """The executed notebook as it may be kept: no key, no traceback, no place on this disk, no number in a log."""
    node.metadata["papermill"] = {"parameters": resolved.as_record()}
    for cell in node.cells:
        cell.metadata.pop("papermill", None)  # after a time-out it calls every cell completed
        for output in cell.get("outputs", []):
            _clean_output(output)
    places = _places(resolved, values, folder)
    cleaned: NotebookNode = scrub_tree(_replace_tree(node, places), known)
    return cleaned


def _clean_output(output: NotebookNode) -> None:
    """Errors and logs may quote a row of calls: colours are removed (they cut a key in two), numbers masked."""
    if output.output_type == "error":
        output.evalue = mask_url(_ANSI.sub("", output.evalue))
        output.traceback = [f"{output.ename}: {output.evalue}"]
    elif output.output_type == "stream":
        output.text = mask_url(_ANSI.sub("", output.text))


def _places(resolved: Resolved, values: Mapping[str, str], folder: RunFolder) -> dict[str, str]:
    """Folders of this machine and what stands for them in a file that is shared, longest first."""
    shown = resolved.as_record()
    given = {value: shown[name] for name, value in values.items() if name.endswith("_path") and value}
    fixed = {str(folder.build): "(run)", sys.prefix: "(environment)", str(Path.home()): "~", str(Path.cwd()): "."}
    both = {form: word for place, word in (fixed | given).items() for form in (place, place.replace("\\", "\\\\"))}
    return {place: both[place] for place in sorted(both, key=len, reverse=True) if len(place) > 3}


def _replace_tree(node: Any, words: Mapping[str, str]) -> Any:
    if isinstance(node, str):
        for old, new in words.items():
            node = node.replace(old, new)
        return node
    if isinstance(node, dict):
        return type(node)({key: _replace_tree(value, words) for key, value in node.items()})
    return [_replace_tree(item, words) for item in node] if isinstance(node, list) else node


def _build_manifest(node: NotebookNode, resolved: Resolved, started: datetime) -> dict[str, Any]:
    """The manifest: what the notebook's own record says, over what is known without it."""
    ended = datetime.now(UTC)
    before: dict[str, Any] = {
        "notebook": resolved.notebook,
        "parameters": resolved.as_record(),
        "status": "ok",
        "verdict": Verdict.UNKNOWN.value,
        "headline": "The notebook did not finish.",
        "checks": [],
        "ledger": None,
        "period_start": str(resolved.chosen.get("period_start") or "") or None,
        "period_end": str(resolved.chosen.get("period_end") or "") or None,
        "time_zone": resolved.chosen.get("time_zone"),
        "as_of": started.isoformat(timespec="seconds"),
        "inputs": [],
    }
    after = {
        "versions": _versions(),
        "started_at": started.isoformat(timespec="seconds"),
        "duration_s": round((ended - started).total_seconds(), 1),
        "rerun": schedule_line(resolved, same_days=True),
    }
    return before | (_find_record(node) or {}) | after


def _find_record(node: NotebookNode) -> dict[str, Any] | None:
    """The run record that the notebook displayed, in its last state."""
    outputs = (output for cell in node.cells for output in cell.get("outputs", []))
    return next((dict(o.data[RECORD_MIME]) for o in outputs if RECORD_MIME in o.get("data", {})), None)


def _versions() -> dict[str, str]:
    installed = {name: metadata.version(name) for name in _NAMED_VERSIONS}
    return {"kayzen_nb": __version__, "python": platform.python_version()} | installed


def _explain(breakdown: Breakdown, name: str, known: Iterable[Secret]) -> tuple[Problem, ...]:
    """A breakdown in the reader's words. Our own errors already are."""
    text = scrub(mask_url(_ANSI.sub("", breakdown.message)), known)
    place = f"notebook {name}" + (f", section «{breakdown.section}»" if breakdown.section else "")
    if breakdown.kind in _own_errors(KayzenNbError):
        return _read_problems(text)
    if breakdown.timed_out:
        step = "Choose a shorter period, or run it again when the platform answers faster."
        return (Problem(what=f"The notebook was stopped: {text}.", where=place, next_step=step),)
    what = f"The notebook stopped at section «{breakdown.section or name}»: {breakdown.kind}: {text}"
    step = "Run it again. If it stops at the same place, send this page to whoever looks after kayzen_nb."
    return (Problem(what=what, where=place, next_step=step),)


def _read_problems(text: str) -> tuple[Problem, ...]:
    """The problems of an error that came out of a kernel as text: the reverse of ``str(KayzenNbError)``."""
    problems: list[Problem] = []
    for line in text.splitlines():
        if problems and line.startswith("  where: "):
            problems[-1] = replace(problems[-1], where=line.removeprefix("  where: "))
        elif problems and line.startswith("  next:  "):
            problems[-1] = replace(problems[-1], next_step=line.removeprefix("  next:  "))
        else:
            problems.append(Problem(what=line))
    return tuple(problems)


def _own_errors(error: type[KayzenNbError]) -> set[str]:
    """The names of all errors that speak to readers themselves."""
    return {error.__name__}.union(*(_own_errors(kind) for kind in error.__subclasses__()))


def _keep_report(folder: RunFolder, node: NotebookNode, record: Mapping[str, Any]) -> RunOutcome:
    from kayzen_nb.page import build_page  # noqa: PLC0415  # loaded beside the kernel, see _execute

    folder.write("report.html", build_page(node, record))
    _write_common(folder, node, record)
    return _outcome(record, folder.keep())


def _keep_failure(
    folder: RunFolder, node: NotebookNode, record: dict[str, Any], problems: tuple[Problem, ...], status: str
) -> RunOutcome:
    from kayzen_nb import page  # noqa: PLC0415  # as above

    last = folder.last_good
    headline = f"The notebook did not finish: {problems[0].what}"
    record |= {"status": status, "verdict": Verdict.UNKNOWN.value, "headline": headline, "checks": []}
    record["problems"] = [asdict(problem) for problem in problems]
    when = page.describe_moment(last["as_of"], last["time_zone"]) if last else ""
    title = page.notebook_title(node) or record["notebook"]
    folder.write("report.html", page.build_failure_page(record, title, problems, when))
    _write_common(folder, node, record)
    return _outcome(record, folder.keep_failure(), problems)


def _write_common(folder: RunFolder, node: NotebookNode, record: Mapping[str, Any]) -> None:
    from kayzen_nb.jupyterlibs import nbformat  # noqa: PLC0415  # as above

    folder.write("notebook.ipynb", nbformat.writes(node))  # type: ignore[no-untyped-call]
    folder.write("manifest.json", json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _outcome(record: Mapping[str, Any], folder: Path, problems: tuple[Problem, ...] = ()) -> RunOutcome:
    return RunOutcome(
        notebook=record["notebook"],
        folder=folder,
        status=record["status"],
        verdict=Verdict(record["verdict"]),
        headline=record["headline"],
        problems=problems,
    )
