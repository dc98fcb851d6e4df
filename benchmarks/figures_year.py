"""A year of a small advertiser, killed three times on the way, against a run that nobody disturbed.

As a command it is the child: ``figures_year.py HOME DAYS KILL``, where KILL is the write at which it ends, or -1.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "benchmarks")) if path not in sys.path]

END = date(2026, 11, 1)  # the day after the last one
WRITES_A_DAY = 12  # fewer than a day's publishing announces, so that each share of them is reached


@dataclass(frozen=True, kw_only=True)
class Year:
    """``seconds`` and ``peak_mb`` are those of the undisturbed run, the sandbox that answers it included."""

    days: int
    rows: int
    kills: tuple[str, ...]
    days_left_alone: tuple[int, ...]
    is_equal: bool
    seconds: float
    peak_mb: float


def read_year(days: int) -> Year:
    """Two archives of the same days: one in one go, one ended by os._exit, by SIGKILL and by os._exit again."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        clean, disturbed = Path(one), Path(other)
        began = time.perf_counter()
        told = _ended_well(_start(clean, days))
        seconds = time.perf_counter() - began
        shutil.copy(clean / "caller.key", disturbed)  # pseudonyms agree only under one key
        kills = [_exit_at(disturbed, days, days * WRITES_A_DAY // 4), _kill_after(disturbed, days, days // 2)]
        kills.append(_exit_at(disturbed, days, days * WRITES_A_DAY // 4))
        last = _ended_well(_start(disturbed, days))
        return Year(
            days=days,
            rows=told["rows"],
            kills=tuple(text for text, _ in kills),
            days_left_alone=(*(there for _, there in kills), last["left_alone"]),
            is_equal=_digest(clean) == _digest(disturbed) != "",
            seconds=seconds,
            peak_mb=told["peak_mb"],
        )


def _start(home: Path, days: int, kill: int = -1) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, str(home), str(days), str(kill)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _ended_well(child: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = child.communicate()
    if child.returncode:
        raise RuntimeError(f"the sync ended with {child.returncode}")
    return json.loads(out)


def _exit_at(home: Path, days: int, point: int) -> tuple[str, int]:
    """Ended without a word at a write."""
    child = _start(home, days, point)
    child.communicate()
    if child.returncode != 77:
        raise RuntimeError(f"the sync was not ended at write {point}: {child.returncode}")
    return f"os._exit at write {point:,}", _count_days(home)


def _kill_after(home: Path, days: int, until: int) -> tuple[str, int]:
    """SIGKILL from outside, as soon as so many days are there."""
    child = _start(home, days)
    while _count_days(home) < until and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    if child.returncode != -signal.SIGKILL:
        raise RuntimeError("the sync was over before it was killed")
    return f"SIGKILL after {until:,} days", _count_days(home)


def _count_days(home: Path) -> int:
    return len({path.parent for path in home.glob("archive/*/calls/day=*/pulled=*.parquet")})


def _digest(home: Path) -> str:
    from figures_files import digest  # noqa: PLC0415  # the child needs none of it

    from kayzen_nb.archive import list_archives  # noqa: PLC0415  # as above

    return digest(list_archives(home)[0])


def sync_days(home: Path, days: int, kill: int) -> dict[str, float]:
    """The child: what is due of the days into an archive, ended at a write if asked."""
    from kayzen_nb.archive import Archive, archive_folder  # noqa: PLC0415  # only the child reads
    from kayzen_nb.callerkey import load_caller_key  # noqa: PLC0415  # as above
    from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # as above
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above
    from kayzen_nb.sync import run_sync  # noqa: PLC0415  # as above
    from kayzen_nb.syncplan import plan_sync  # noqa: PLC0415  # as above

    writes = iter(range(sys.maxsize))

    def hook(_: str) -> None:
        if next(writes) == kill:
            os._exit(77)

    now = datetime(END.year, END.month, END.day, 6, tzinfo=UTC)
    sandbox = open_sandbox("small_advertiser", now=now)
    archive = Archive(archive_folder(home, sandbox.settings.ringba_account_id or ""), on_write=hook)
    due, left_alone = plan_sync(archive, now, END - timedelta(days=days), END - timedelta(days=1))
    with Ringba(sandbox.settings, transport=sandbox.transport) as ringba:
        report = run_sync(ringba, archive, due, key=load_caller_key(home), source="sandbox", clock=lambda: now)
    if not report.is_whole:
        raise RuntimeError(str(report.stopped))
    rows = sum(day.rows_in for day in report.days)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "left_alone": left_alone, "peak_mb": round(peak_mb)}


if __name__ == "__main__":
    print(json.dumps(sync_days(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
