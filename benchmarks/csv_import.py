"""Reading an export, beside DuckDB's own copy of the same file into Parquet.

    python benchmarks/csv_import.py [--rows 1000000] [--file CSV] [--runs 3] [--json]

Writes an invented Call Details export (19 columns as Ringba's; a year of calls, newest first, both clock changes of New
York in it), then reads it by turns with ``COPY (FROM read_csv(file)) TO parquet`` and with ``import_call_file``, each
in a process of its own. Prints the best wall-clock time of each in seconds, CPU seconds, peak memory, and the ratio of
the times. Exit code 0 when the ratio is at most 1.5, 1 when not.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = "America/New_York"
ALLOWED = 1.5
TITLES = (
    "Call Date", "Inbound Call ID", "Target Number", "Connected Call Length", "tag:CallInfo:IsDuplicate", "Campaign",
    "Publisher", "Caller ID", "Number", "Time To Call", "Is Duplicate", "End Call Source", "Time To Connect", "Target",
    "Revenue", "Payout", "Duration", "Recording", "Transcription",
)  # fmt: skip

# Run in a child process, whose peak memory is its own: argv are file, target.
_MEASURE = """
import json, resource, sys, time
from pathlib import Path
file, target = sys.argv[1:3]
{prepare}
start, cpu = time.perf_counter(), time.process_time()
{work}
took, cpu = time.perf_counter() - start, time.process_time() - cpu
peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print()  # ends DuckDB's progress bar
print(json.dumps({{"s": took, "cpu_s": cpu, "peak_mb": peak_mb}}))
"""
DUCKDB = _MEASURE.format(
    prepare="import duckdb",
    work="duckdb.connect().execute(f\"copy (from read_csv('{file}')) to '{target}' (format parquet)\")",
)
OURS = _MEASURE.format(
    prepare="""
from kayzen_nb.callfile import import_call_file
from kayzen_nb.callerkey import CallerKey
from kayzen_nb.privacy import Secret
key = CallerKey(key=Secret("0f" * 32))
""",
    work=f"import_call_file(file, zone={ZONE!r}, key=key, to=Path(target))",
)


def main() -> int:
    """Run the benchmark and print its figures."""
    options = _read_options()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file.resolve() if options.file else write_export(Path(folder) / "calls.csv", options.rows)
        figures = compare(file, Path(folder) / "out.parquet", options.runs)
    if options.json:
        print(json.dumps(figures))
    else:
        _show(figures)
    return 0 if figures["ratio"] <= ALLOWED else 1


def compare(file: Path, target: Path, runs: int) -> dict[str, float]:
    """The best of some runs of each, by turns, so that a busy machine troubles both alike."""
    measured: dict[str, list[dict[str, float]]] = {"duckdb": [], "ours": []}
    for _ in range(runs):
        measured["duckdb"].append(_measure(DUCKDB, file, target))
        measured["ours"].append(_measure(OURS, file, target))
    best = {
        f"{name}_{unit}": min(run[unit] for run in found) for name, found in measured.items() for unit in ("s", "cpu_s")
    }
    peaks = {f"{name}_peak_mb": max(run["peak_mb"] for run in found) for name, found in measured.items()}
    ratios = {"ratio": best["ours_s"] / best["duckdb_s"], "cpu_ratio": best["ours_cpu_s"] / best["duckdb_cpu_s"]}
    return {"file_mb": file.stat().st_size / 1e6, **best, **peaks, **ratios}


def write_export(file: Path, rows: int) -> Path:
    """An invented export: newest first, 60 % connected, 23 % duplicates, numbers xxx-555-01xx."""
    chance = random.Random(1)  # noqa: S311  # invented calls
    gap = 365 * 86400 / rows
    at, zone = datetime(2026, 11, 20, tzinfo=UTC), ZoneInfo(ZONE)
    with file.open("w", newline="", encoding="utf-8-sig") as stream:
        stream.write(",".join(f'"{title}"' for title in TITLES) + "\r\n")
        for number in range(rows):
            at -= timedelta(seconds=chance.random() * 2 * gap)
            stream.write(_row(chance, at.astimezone(zone), number) + "\r\n")
    return file


def _row(chance: random.Random, local: datetime, number: int) -> str:
    is_connected, is_duplicate = chance.random() < 0.6, chance.random() < 0.23
    talk, ring = (chance.randrange(600), chance.randrange(40)) if is_connected else (None, None)
    is_paid = talk is not None and talk > 120
    cells = (
        f'"{local:%m/%d/%Y %I:%M:%S %p}"', f'"RGB{chance.getrandbits(160):040X}V3ABC{number % 100:02}"',
        '"+15555550100"', f'"{_clock(talk)}"', f'"{str(is_duplicate).lower()}"', '"CTV Spring"', '"Kayzen"',
        f'"+1{chance.randrange(201, 989)}55501{chance.randrange(100):02}"', '"+18885550122"', '"00:00:00"',
        str(is_duplicate), '"Caller"', f'"{_clock(ring)}"', '"Call Center A"', "27.00" if is_paid else "",
        "20.00" if is_paid else "", f'"{_clock((talk or 0) + (ring or 5))}"',
        '"https://media.example/recording-public?v=v1&k=abcdefghijkl"', "",
    )  # fmt: skip
    return ",".join(cells)


def _clock(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _measure(script: str, file: Path, target: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", script, str(file), str(target)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],  # from where a child imports kayzen_nb
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _show(figures: dict[str, float]) -> None:
    print(f"file: {figures['file_mb']:.0f} MB")
    for name, label in (("duckdb", "DuckDB's own copy"), ("ours", "import_call_file")):
        s, cpu, peak = (figures[f"{name}_{unit}"] for unit in ("s", "cpu_s", "peak_mb"))
        print(f"{label:18} {s:6.2f} s  ({cpu:.2f} s of CPU, peak memory {peak:.0f} MB)")
    print(f"ratio {figures['ratio']:.2f} (at most {ALLOWED}); of CPU time {figures['cpu_ratio']:.2f}")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="an export of your own in place of the invented one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
