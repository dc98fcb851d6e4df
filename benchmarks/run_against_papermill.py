"""`kayzen-nb run 03_funnel` (command to page) beside what people do today, in one run.

The alternative is two commands on the same notebook: `papermill`, then `jupyter nbconvert --to html`. Each is started
as a fresh process, alternating, after one warm-up; bytecode is compiled first. Prints the medians, their ratio and the
limit; bounded to a few minutes.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "03_funnel.ipynb"
BIN = Path(sys.executable).parent
LIMIT = 0.7
ROUNDS = 5


def run_ours(folder: Path) -> None:
    """Command to page, tables and manifest."""
    start(BIN / "kayzen-nb", "run", "03_funnel", "--out", folder / "ours", ok=(0, 1))


def run_theirs(folder: Path) -> None:
    """Execute, then convert: two commands."""
    start(BIN / "papermill", NOTEBOOK, folder / "out.ipynb", "--no-progress-bar")
    start(BIN / "jupyter", "nbconvert", "--to", "html", "--no-input", folder / "out.ipynb")


def start(*command: object, ok: tuple[int, ...] = (0,)) -> None:
    """Run one command quietly; stop the benchmark when it fails."""
    environment = os.environ | {"KAYZEN_NB_HEADLESS": "1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, env=environment, check=False)
    if done.returncode not in ok:
        sys.exit(f"{command[0]} failed: {done.stderr.decode()[-2000:]}")


def seconds(work: object, folder: Path) -> float:
    """How long one round takes by the wall clock."""
    began = time.perf_counter()
    work(folder)  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    """Print the two medians, the ratio and the limit."""
    compileall.compile_dir(sysconfig.get_paths()["purelib"], quiet=2, workers=0)
    compileall.compile_dir(ROOT / "kayzen_nb", quiet=2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_ours(folder), run_theirs(folder)  # warm-up
        rounds = [(seconds(run_ours, folder), seconds(run_theirs, folder)) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"kayzen-nb run 03_funnel          {ours:6.2f} s   (median of {ROUNDS})")
    print(f"papermill + jupyter nbconvert    {theirs:6.2f} s   (median of {ROUNDS})")
    ratio = ours / theirs
    print(f"ratio                            {ratio:6.2f}     limit {LIMIT}: {'kept' if ratio <= LIMIT else 'MISSED'}")


if __name__ == "__main__":
    main()
