"""Pages of the call log as Ringba sends them: `orjson.loads` alone against all the way to Parquet, side by side.

    python benchmarks/json_to_parquet.py [--calls 400000]

All read the same pages of 1,000 invented calls, in turns, and the best of three counts. Ours goes from the bytes of a
page to a Parquet file with its facts: once as days of 40,000 calls, each with a new `CallPages`, and once as one
stream. `orjson.loads` makes Python objects of each page and forgets them. For comparison, what DuckDB's own copy takes
from a file with the same records to Parquet, all values as they come: neither read, masked, judged nor counted.
Peak memory is that of a child process of its own, which takes the pages from files, one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec

from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.callpages import CallPages
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.storedcalls import PARQUET

try:
    from orjson import loads

    LOADS = "orjson.loads alone"
except ImportError:  # it is in the dev extra only
    loads = msgspec.json.decode
    LOADS = "msgspec.json.decode alone (orjson is not installed)"

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE, DAY, ROUNDS = 1000, 40_000, 3
START = datetime(2026, 11, 1, tzinfo=UTC)
_AREAS = (
    212, 213, 214, 216, 303, 305, 312, 313, 404, 407, 415, 480, 503, 509, 512, 602, 615, 617, 702, 704, 713, 718, 813,
)  # fmt: skip


class _Report(msgspec.Struct):
    totalCount: int  # noqa: N815  # Ringba's name
    records: list[msgspec.Raw]


class _Page(msgspec.Struct):
    report: _Report


_ENVELOPE = msgspec.json.Decoder(_Page)


def build_pages(calls: int) -> list[bytes]:
    """Pages as Ringba answers when only the columns are asked for that are kept; sparse, in order of time."""
    chance = random.Random(4)  # noqa: S311  # invented calls
    return [_page([_record(number, chance) for number in range(at, at + PAGE)]) for at in range(0, calls, PAGE)]


def _page(records: list[dict[str, Any]]) -> bytes:
    report = {"partialResult": False, "totalCount": DAY, "records": records}
    return json.dumps({"isSuccessful": True, "transactionId": "x", "report": report}, separators=(",", ":")).encode()


def _record(number: int, chance: random.Random) -> dict[str, Any]:
    at = START + timedelta(days=number // DAY, seconds=86_400 * (number % DAY) / DAY)
    record = {
        "campaignName": chance.choice(("CTV Spring", "CTV Summer", "CTV Late Night")),
        "publisherName": chance.choice(("Kayzen", "Night Owl Media")),
        "inboundCallId": f"RGB{chance.getrandbits(160):040X}V3{chance.getrandbits(20):05X}",
        "callDt": int(at.timestamp() * 1000) + chance.randrange(1000),
        "inboundPhoneNumber": f"+1{chance.choice(_AREAS)}555{chance.randrange(100, 200):04}",
        "number": f"+1{chance.choice((888, 877))}555{chance.randrange(100, 103):04}",
        "isLive": False,
        "tag:InboundNumber:State": chance.choice(("AZ", "CA", "WA", "NY", "TX", "FL")),
    }
    return record | _what_became_of_it(chance)


def _what_became_of_it(chance: random.Random) -> dict[str, Any]:
    if chance.random() < 0.04:
        return {"wasBlocked": True, "blockReason": "TCPA Shield", "isDuplicate": True}
    length = chance.randrange(5, 1500)
    if chance.random() < 0.35:
        return {"endCallSource": "Caller", "callLengthInSeconds": length, "incompleteCallReason": "System Hangup"}
    waited = chance.randrange(2, 20)
    connected = {
        "endCallSource": chance.choice(("Caller", "Target")),
        "callLengthInSeconds": length + waited,
        "hasConnected": True,
        "targetName": chance.choice(("Call Center A", "Call Center B", "Call Center C")),
        "timeToConnectInSeconds": waited,
        "connectedCallLengthInSeconds": length,
    }
    if chance.random() < 0.5:
        connected |= {"hasConverted": True, "conversionAmount": 32.5, "hasPayout": True, "payoutAmount": 24.0}
    return connected


class PagesOnDisk(Sequence[bytes]):
    """Pages in files of a folder, read when they are asked for."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, at: Any) -> Any:
        return PagesOnDisk(self._files[at]) if isinstance(at, slice) else self._files[at].read_bytes()


def read_only(pages: Sequence[bytes], _: Path) -> None:
    """The yardstick."""
    for page in pages:
        loads(page)


def write_days(pages: Sequence[bytes], folder: Path) -> None:
    """A file and a CallPages for each day, as a sync does."""
    for start in range(0, len(pages), DAY // PAGE):
        _write(pages[start : start + DAY // PAGE], folder)


def write_stream(pages: Sequence[bytes], folder: Path) -> None:
    """All in one file."""
    _write(pages, folder)


def _write(pages: Sequence[bytes], folder: Path) -> None:
    with CallPages(load_caller_key(folder)) as collected:
        for page in pages:
            collected.add(_ENVELOPE.decode(page).report.records)
        window = {"window_start": START, "window_end": START + timedelta(days=1), "pulled_at": START}
        facts = collected.write(folder / "day.parquet", source="benchmark", **window)
    if facts.rows_used != len(pages) * PAGE:
        raise SystemExit(f"not all rows were used: {facts}")


def copy_plainly(pages: Sequence[bytes], folder: Path) -> None:
    """DuckDB alone, from NDJSON to Parquet; the file is made once, and not timed."""
    lines = folder / "records.ndjson"
    if not lines.exists():
        with lines.open("wb") as file:
            file.writelines(bytes(record) + b"\n" for page in pages for record in _ENVELOPE.decode(page).report.records)
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in API_IDS.values())
    reader = f"read_ndjson('{lines}', columns={{{columns}}})"
    duckdb.connect().execute(f"copy (from {reader}) to '{folder / 'plain.parquet'}' ({PARQUET})")


WAYS: dict[str, Callable[[Sequence[bytes], Path], None]] = {
    LOADS: read_only,
    f"to Parquet, days of {DAY:,}": write_days,
    "to Parquet, one stream": write_stream,
    "DuckDB's own copy, as it comes": copy_plainly,
}


def measure(pages: Sequence[bytes]) -> dict[str, tuple[float, float]]:
    """Best wall-clock and processor seconds of each way, taken in turns."""
    best = dict.fromkeys(WAYS, (9e9, 9e9))
    with tempfile.TemporaryDirectory() as folder:
        copy_plainly(pages, Path(folder))
        for _ in range(ROUNDS):
            for name, way in WAYS.items():
                wall, cpu = time.perf_counter(), time.process_time()
                way(pages, Path(folder))
                took = time.perf_counter() - wall, time.process_time() - cpu
                best[name] = min(best[name][0], took[0]), min(best[name][1], took[1])
    return best


def peaks(pages: Sequence[bytes]) -> Iterator[tuple[str, int]]:
    """Peak resident memory in MB of a child process of its own for each way."""
    with tempfile.TemporaryDirectory() as folder:
        for number, page in enumerate(pages):
            (Path(folder) / f"{number:05}.json").write_bytes(page)
        for name in WAYS:
            command = [sys.executable, __file__, "--child", name, "--pages", folder]
            yield name, int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _run_child(name: str, pages: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        WAYS[name](PagesOnDisk(sorted(pages.iterdir())), Path(folder))
    print(_peak_kb() // 1024)


def _peak_kb() -> int:
    """Of this program alone: ``ru_maxrss`` also counts what its parent held when it was forked."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print milliseconds for 1,000 calls, the ratio to the yardstick, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400_000, help="a multiple of 40,000")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--pages", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        _run_child(asked.child, asked.pages)
        return
    pages = build_pages(asked.calls)
    print(f"{asked.calls:,} calls, {sum(map(len, pages)) / 1e6:.0f} MB of JSON, {os.cpu_count()} processors")
    times, memory = measure(pages), dict(peaks(pages))
    yardstick = times[LOADS]
    for name, (wall, cpu) in times.items():
        per_1000 = f"{wall / asked.calls * 1e6:6.2f} ms per 1,000 calls  x {wall / yardstick[0]:4.2f}"
        print(f"{name:32} {per_1000}   processor x {cpu / yardstick[1]:4.2f}   peak {memory[name]:4} MB")


if __name__ == "__main__":
    main()
