"""One notebook run headlessly: papermill inside this process, its own kernel, a time limit for the whole run.

In-process papermill with immediate kernel shutdown costs about 0.8 s a notebook against 5 s for papermill's command.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kayzen_nb.jupyterlibs import nbformat  # first: it keeps papermill's own import of nbformat cheap

# isort: split
import zmq
from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kayzen_nb.jupyterlibs import NotebookNode

_ENGINE = "kayzen-nb"
_PAPERMILL_CELLS = frozenset({"papermill-error-cell-tag"})


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Why a notebook did not reach its end. ``section`` is the heading above the cell that stopped it."""

    kind: str
    message: str
    section: str = ""
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Execution:
    """An executed notebook, as far as it came; ``breakdown`` is None when every cell ran."""

    node: NotebookNode
    breakdown: Breakdown | None = None


def execute(path: Path, values: Mapping[str, str], *, env: Mapping[str, str], limit_s: float) -> Execution:
    """Run the notebook at ``path`` with these parameters. ``env`` is the kernel's environment."""
    papermill_engines.register(_ENGINE, _Engine)
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it writes parameters and paths to the terminal
    run = _Run(env=env, deadline=time.monotonic() + limit_s)
    breakdown = None
    try:
        execute_notebook(
            path,
            None,
            dict(values),
            _ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kayzen_run=run,
        )
    except PapermillExecutionError as broke:
        breakdown = Breakdown(kind=broke.ename, message=broke.evalue, section=run.section)
    except CellTimeoutError:
        message = f"it was still running after {limit_s:.0f} seconds, the limit"
        breakdown = Breakdown(kind="time limit", message=message, section=run.section, timed_out=True)
    except DeadKernelError:
        breakdown = Breakdown(
            kind="kernel", message="the Python process behind the notebook ended suddenly", section=run.section
        )
    except (NoSuchKernel, RuntimeError) as dead:  # RuntimeError is jupyter_client's word for a kernel that cannot start
        breakdown = Breakdown(kind="kernel", message=f"no Python process could be started for it: {dead}")
    node = run.manager.nb if run.manager else nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return Execution(node=_without_markers(node), breakdown=breakdown)


@dataclass(kw_only=True)
class _Run:
    """What one run needs, and what it leaves: papermill's manager, whose notebook stays when a run breaks."""

    env: Mapping[str, str]
    deadline: float
    manager: Any = None

    @property
    def section(self) -> str:
        """The last heading above the cell that was started last; papermill calls every later cell completed, too."""
        cells = self.manager.nb.cells if self.manager else []
        started = [n for n, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
        above = [cell.source for cell in cells[: started[-1] + 1] if cell.cell_type == "markdown"] if started else []
        lines = [line for source in above for line in source.splitlines() if line.startswith("#")]
        return lines[-1].lstrip("#").strip() if lines else ""


class _Engine(Engine):  # type: ignore[misc]  # papermill ships no types
    """papermill's own engine, with an environment for the kernel, a total time limit and a quick shutdown."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, kayzen_run: _Run, **_: Any) -> Any:
        kayzen_run.manager = nb_man
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout_func=lambda _cell: max(1, int(kayzen_run.deadline - time.monotonic())),
            shutdown_kernel="immediate",
            store_widget_state=False,  # a password box's value would stand in the file
            config=_encrypted(),
        )
        return client.execute(env=dict(kayzen_run.env))


def _encrypted() -> Config:
    """Encrypt what kernel and runner say to each other, where the installed libraries can (else they warn)."""
    can = "transport_encryption" in KernelManager.class_trait_names() and zmq.has("curve")
    return Config({"KernelManager": {"transport_encryption": "auto"}} if can else {})


def _without_markers(node: NotebookNode) -> NotebookNode:
    """Without the red cells that papermill puts into a broken notebook: they point into Jupyter, not into a page."""
    node.cells = [c for c in node.cells if not _PAPERMILL_CELLS.intersection(c.metadata.get("tags", []))]
    return node
