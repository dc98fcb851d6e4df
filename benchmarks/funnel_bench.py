"""The funnel's speed, side by side: what a notebook calls beside hand-written SQL, polars and pandas, in one run.

    python benchmarks/funnel_bench.py            # 10 million calls; some minutes
    python benchmarks/funnel_bench.py --quick    # 1 million calls: to try it; the limits are meant for 10 million
    python benchmarks/funnel_bench.py --large    # memory and time with 50 million calls as well

Makes the calls in a temporary folder (``funnel_data``), compares every side's numbers, then runs the sides in turns in
this process, after a warm-up; the best time of each counts, because other programs only ever add to it. Memory is the
peak of a process of its own. A click is a dropdown of the explorer (``funnel_clicks``). Prints a table of ratio, limit
and verdict; exit code 0 when every limit is kept, 1 when one is missed. polars and pyarrow are needed beside the
package: the dependency group ``bench``.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from funnel_data import write_calls
from funnel_sides import SIDES, Ours, read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[1]
CALLS, QUICK, LARGE = 10_000_000, 1_000_000, 50_000_000
ROUNDS, CLICKS = 7, 200
PEAK_MB = {CALLS: 300, LARGE: 350}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One measured number beside its limit; ``at_least`` turns the comparison round."""

    name: str
    found: float
    limit: float
    note: str = ""
    unit: str = "x"
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the limit is kept."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit

    def __str__(self) -> str:
        digits = 0 if self.unit in ("MB", "ms") else 2
        limit = f"{'>=' if self.at_least else '<='} {self.limit:g}"
        verdict = "kept" if self.is_kept else "MISSED"
        return f"{self.name:52} {self.found:8.{digits}f} {self.unit:2}  {limit:>8}  {verdict:6}  {self.note}"


def main() -> int:
    """Run the benchmark and print its table."""
    asked = _read_options()
    if asked.child:
        return _be_child(Path(asked.child), asked.rounds)
    for folder in (sysconfig.get_paths()["purelib"], ROOT / "kayzen_nb", ROOT / "benchmarks"):
        compileall.compile_dir(folder, quiet=2, workers=0)
    calls = asked.calls or (QUICK if asked.quick else CALLS)
    machine = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine}, {calls:,} calls")
    lines = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for line in measure_all(Path(folder), calls, asked.rounds, is_large=asked.large):
            print(line, flush=True)
            lines.append(line)
    return 0 if all(line.is_kept for line in lines) else 1


def measure_all(folder: Path, calls: int, rounds: int, *, is_large: bool) -> Iterator[Line]:
    """Every line of the table, in order, as soon as it is known."""
    file = write_calls(folder / "calls.parquet", calls)
    yield from compare_sides(file, rounds)
    yield from compare_page(file, rounds)
    yield from click(file)
    small = measure_child(file, rounds)
    yield Line(name=f"peak memory, {calls:,} calls", found=small["peak_mb"], limit=PEAK_MB[CALLS], unit="MB")
    if is_large:
        file.unlink()
        yield from _compare_large(folder, small["s"], rounds)


def compare_sides(file: Path, rounds: int) -> Iterator[Line]:
    """Campaign by day: ours beside the others, once their numbers have been found equal."""
    sides = {name: side(file) for name, side in SIDES.items()}
    refuse_differences({name: read_numbers(name, side.run()) for name, side in sides.items()})
    pandas = sides.pop("pandas")
    best = best_times({name: side.run for name, side in sides.items()}, rounds) | best_times({"pandas": pandas.run}, 2)
    ours = best["ours"]
    polars = min(best["polars"], best["polars_in_memory"])
    sql, pandas_s = best["duckdb"], best["pandas"]
    name = "campaign x day, beside"
    yield Line(name=f"{name} hand-written SQL", found=ours / sql, limit=1.15, note=_pair(ours, sql))
    yield Line(name=f"{name} polars", found=ours / polars, limit=1.2, note=_pair(ours, polars))
    note = _pair(ours, pandas_s)
    yield Line(name=f"{name} pandas", found=pandas_s / ours, limit=12, note=note, at_least=True)


def compare_page(file: Path, rounds: int) -> Iterator[Line]:
    """Overall and five breakdowns beside one campaign x day query, both ours."""
    ours = Ours(file)
    best = best_times({"page": ours.run_page, "one": ours.run_one}, rounds)
    page, one = best["page"], best["one"]
    yield Line(name="overall + 5 breakdowns, beside one query", found=page / one, limit=1.8, note=_pair(page, one))


def click(file: Path) -> Iterator[Line]:
    """Clicks in the explorer."""
    from funnel_clicks import time_clicks  # noqa: PLC0415  # ipywidgets and plotly, which the sides must not carry

    prepared, took = time_clicks(file, CLICKS)
    took.sort()
    p50, p95 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.95))
    note = f"p50 {p50:.0f} ms, longest {took[-1] * 1000:.0f} ms; prepared in {prepared:.1f} s"
    yield Line(name=f"{len(took)} clicks, 95th percentile", found=p95, limit=200, unit="ms", note=note)


def _compare_large(folder: Path, small_s: float, rounds: int) -> Iterator[Line]:
    file = write_calls(folder / "large.parquet", LARGE)
    large = measure_child(file, min(rounds, 3))
    yield Line(name=f"peak memory, {LARGE:,} calls", found=large["peak_mb"], limit=PEAK_MB[LARGE], unit="MB")
    ratio, note = large["s"] / small_s, _pair(large["s"], small_s)
    yield Line(name="time of 50 million calls, beside 10 million", found=ratio, limit=5.5, note=note)


def refuse_differences(numbers: Mapping[str, object]) -> None:
    """Stop unless every side gave the same numbers as the first: speed of other numbers is no comparison."""
    first, *others = numbers
    different = [name for name in others if numbers[name] != numbers[first]]
    if different:
        raise SystemExit(f"not the same numbers as {first}: {', '.join(different)}")


def best_times(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The shortest wall-clock seconds of each, taken in turns, so that a busy machine troubles all alike."""
    best = dict.fromkeys(work, float("inf"))
    for number in range(rounds + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            took = time.perf_counter() - began
            if number:  # the first round warms up
                best[name] = min(best[name], took)
    return best


def measure_child(file: Path, rounds: int) -> dict[str, float]:
    """Best seconds and peak megabytes of ours in a process of its own."""
    command = [sys.executable, __file__, "--child", str(file), "--rounds", str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _be_child(file: Path, rounds: int) -> int:
    took = best_times({"ours": Ours(file).run}, rounds)["ours"]
    print(json.dumps({"s": took, "peak_mb": _peak_kb() / 1024}))
    return 0


def _peak_kb() -> int:
    """Of this process alone: ``ru_maxrss`` also counts what its parent held when it was forked."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def _pair(ours: float, other: float) -> str:
    return f"{ours:.3f} s beside {other:.3f} s"


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1 million calls")
    parser.add_argument("--large", action="store_true", help="50 million calls too: 1.4 GB on disk")
    parser.add_argument("--calls", type=int, help="so many calls")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", help="where the temporary folder is made")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
