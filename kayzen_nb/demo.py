"""The demo: every notebook on invented data, once with a planted fault, and an index that leads to the pages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.report import RunOutcome, run_notebook
from kayzen_nb.settings import find_home

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class _Stop:
    """One notebook of the tour."""

    notebook: str
    folder: str
    title: str
    about: str
    values: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demo left: the index page and the outcome of each run."""

    index: Path
    outcomes: tuple[RunOutcome, ...]

    @property
    def exit_code(self) -> int:
        """0 when every notebook ran, whatever it found: the fault is planted."""
        return 0 if all(outcome.status == "ok" for outcome in self.outcomes) else 2


_FAULTY = "02_verify_guide_copied"
_TOUR = (
    _Stop(
        notebook="01_setup_pixels",
        folder="01_setup_pixels",
        title="Are the six pixels right?",
        about="The planned set-up, checked before anything is pasted into Ringba.",
        values={},
    ),
    _Stop(
        notebook="02_verify_test_call",
        folder="02_verify_test_call",
        title="Did the test call reach Kayzen?",
        about="One invented test call, its six pixels proven rung by rung.",
        values={},
    ),
    _Stop(
        notebook="02_verify_test_call",
        folder=_FAULTY,
        title="The same, after copying the published guide as printed",
        about="A planted fault: all six pixels say app_event=incoming. Both platforms show green 200s; we do not.",
        values={"scenario": "guide_copied"},
    ),
    _Stop(
        notebook="03_funnel",
        folder="03_funnel",
        title="Where do calls get lost, and what do they earn?",
        about="Two weeks of invented calls, from incoming to payout, by day and by campaign.",
        values={},
    ),
)


def run_demo(out: Path | None, echo: Callable[[str], object]) -> Demo:
    """Run the tour into ``out`` (default: ``demo`` in KAYZEN_NB_HOME); ``echo`` receives each line for the terminal."""
    folder = (out or find_home() / "demo").expanduser().absolute()
    echo("Running the notebooks on invented data from the built-in sandbox:")
    outcomes = tuple(_run_stop(stop, folder, echo) for stop in _TOUR)
    index = folder / "index.html"
    _write_index(index, outcomes)
    for line in _sum_up(outcomes, index):
        echo(line)
    return Demo(index=index, outcomes=outcomes)


def _run_stop(stop: _Stop, folder: Path, echo: Callable[[str], object]) -> RunOutcome:
    began = time.perf_counter()
    outcome = run_notebook(stop.notebook, stop.values, folder / stop.folder)
    took = time.perf_counter() - began
    echo(f"  {stop.folder:24} {outcome.verdict.value if outcome.status == 'ok' else outcome.status:8} {took:5.1f} s")
    for problem in outcome.problems:
        echo(f"    {problem}")
    return outcome


def _write_index(index: Path, outcomes: tuple[RunOutcome, ...]) -> None:
    from kayzen_nb.page import build_index  # noqa: PLC0415  # loaded already, beside the first kernel

    cards = [
        {
            "title": stop.title,
            "verdict": outcome.verdict.value,
            "headline": outcome.headline,
            "about": stop.about,
            "href": f"{outcome.folder.relative_to(index.parent).as_posix()}/report.html",
        }
        for stop, outcome in zip(_TOUR, outcomes, strict=True)
    ]
    lead = "Each page answers one question, verdict first. They need no network and hold no key: send them as they are."
    index.write_bytes(build_index(cards, title="From phone call to Kayzen, in four pages", lead=lead).encode())


def _sum_up(outcomes: tuple[RunOutcome, ...], index: Path) -> tuple[str, str, str]:
    """Three lines: what was found, the planted fault, where the pages are."""
    by_folder = {stop.folder: outcome for stop, outcome in zip(_TOUR, outcomes, strict=True)}
    return (
        f"Found:         {by_folder['03_funnel'].headline}",
        f"Planted fault: {by_folder[_FAULTY].headline}",
        f"Pages:         {index}",
    )
