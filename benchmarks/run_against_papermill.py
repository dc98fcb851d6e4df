"""`kayzen-nb run 03_funnel` (command to page) beside what people do today, in one run.

    python benchmarks/run_against_papermill.py                   # the sandbox's two weeks
    python benchmarks/run_against_papermill.py --calls 100000    # a month of 100,000 calls from a Call Details export

The alternative is two commands on the same notebook with the same parameters: `papermill`, then `jupyter nbconvert --to
html`. Each is started as a fresh process, by turns, after one warm-up; bytecode is compiled first. Prints the medians,
their ratio and the limit; bounded to a few minutes. Exit code 0 when the limit is kept, 1 when not.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from funnel_data import PERIOD, write_export

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "03_funnel.ipynb"
BIN = Path(sys.executable).parent
LIMIT = 0.7
ROUNDS = 5


def run_ours(folder: Path, parameters: Mapping[str, str]) -> None:
    """Command to page, tables and manifest."""
    given = [part for name, value in parameters.items() for part in ("--set", f"{name}={value}")]
    start(BIN / "kayzen-nb", "run", "03_funnel", "--out", folder / "ours", *given, ok=(0, 1))


def run_theirs(folder: Path, parameters: Mapping[str, str]) -> None:
    """Execute, then convert: two commands."""
    given = [part for name, value in parameters.items() for part in ("-r", name, value)]
    start(BIN / "papermill", NOTEBOOK, folder / "out.ipynb", "--no-progress-bar", *given)
    start(BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", folder / "out.ipynb")


def start(*command: object, ok: tuple[int, ...] = (0,)) -> None:
    """Run one command quietly; stop the benchmark when it fails."""
    environment = os.environ | {"KAYZEN_NB_HEADLESS": "1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, env=environment, check=False)
    if done.returncode not in ok:
        sys.exit(f"{command[0]} failed: {done.stderr.decode()[-2000:]}")


def seconds(work: object, folder: Path, parameters: Mapping[str, str]) -> float:
    """How long one round takes by the wall clock."""
    began = time.perf_counter()
    work(folder, parameters)  # type: ignore[operator]
    return time.perf_counter() - began


def choose_parameters(folder: Path, calls: int) -> dict[str, str]:
    """The notebook's parameters: an export of so many invented calls, or the sandbox as shipped."""
    if not calls:
        return {}
    days = {"period_start": f"{PERIOD.first_day}", "period_end": f"{PERIOD.last_day}", "time_zone": PERIOD.zone}
    return {"source": "csv", "csv_path": str(write_export(folder / "calls.csv", calls))} | days


def compare(folder: Path, parameters: Mapping[str, str], rounds: int) -> tuple[float, float]:
    """Median seconds of ours and of theirs."""
    for work in (run_ours, run_theirs):  # warm-up
        work(folder, parameters)
    taken = [(seconds(run_ours, folder, parameters), seconds(run_theirs, folder, parameters)) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*taken, strict=True))
    return ours, theirs


def main() -> int:
    """Print the two medians, the ratio and the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    compileall.compile_dir(sysconfig.get_paths()["purelib"], quiet=2, workers=0)
    compileall.compile_dir(ROOT / "kayzen_nb", quiet=2)
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = compare(Path(name), choose_parameters(Path(name), asked.calls), asked.rounds)
    print(f"kayzen-nb run 03_funnel          {ours:6.2f} s   (median of {asked.rounds})")
    print(f"papermill + jupyter nbconvert    {theirs:6.2f} s   (median of {asked.rounds})")
    ratio = ours / theirs
    print(f"ratio                            {ratio:6.2f}     limit {LIMIT}: {'kept' if ratio <= LIMIT else 'MISSED'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
