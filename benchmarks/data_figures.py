"""The figures about call data, each with what was tried: faults, losses, storms, kills, torn reads, a month, a year.

    python benchmarks/data_figures.py [--seeds 200] [--calls 10000] [--quick] [--year]

Everything runs on this machine, on invented calls. Exit code 0 only if every figure is as it should be.

A row of the fault matrix survives if none of its tests failed, expected failures included; skipped rows are named. What
lost, doubled and wrong mean stands in ``figures_losses``. "Backfill equal" means the same rows in every column; planned
are one request for the columns and one for each page.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "benchmarks")) if path not in sys.path]

import figures_files as files  # noqa: E402  # the path is set above
import figures_losses as losses  # noqa: E402  # the path is set above
import figures_year as years  # noqa: E402  # the path is set above

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROW = re.compile(r"test_([A-J]\d\d)_")
_SURVIVED, _REJECTED = "ABCEF", "D"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line: its name, what was found, and whether that is as it should be."""

    name: str
    found: str
    is_good: bool = True

    def __str__(self) -> str:
        return f"{self.name + ':':42} {self.found}{'' if self.is_good else '   NOT AS IT SHOULD BE'}"


# The fault matrix, from its tests.


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A test and how it ended: passed, failed, or skipped with the reason. An expected failure is a failure."""

    name: str
    outcome: str
    why: str = ""

    @property
    def row(self) -> str:
        """The id of the fault matrix's row; empty for another test."""
        found = _ROW.match(self.name)
        return found[1] if found else ""


def run_fault_tests() -> list[Tested]:
    """Run tests/faults in a process of its own."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "tests/faults", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        return [_read_test(case) for case in ET.parse(report).iter("testcase")] if report.exists() else []  # noqa: S314  # a file of our own


def _read_test(case: ET.Element) -> Tested:
    name = case.get("name", "")
    skipped = case.find("skipped")
    if skipped is not None:
        outcome = "failed" if "xfail" in skipped.get("type", "") else "skipped"
        return Tested(name=name, outcome=outcome, why=skipped.get("message", ""))
    broken = case.find("failure") is not None or case.find("error") is not None
    return Tested(name=name, outcome="failed" if broken else "passed")


def join_rows(tests: Sequence[Tested]) -> dict[str, Tested]:
    """One outcome for each row of the matrix: failed if any of its tests failed, skipped if none of them ran."""
    rows: dict[str, Tested] = {}
    rank = ["skipped", "passed", "failed"]
    for test in tests:
        before = rows.get(test.row)
        if test.row and (before is None or rank.index(test.outcome) > rank.index(before.outcome)):
            rows[test.row] = test
    return dict(sorted(rows.items()))


def tell_faults(tests: Sequence[Tested]) -> Iterator[Figure]:
    """Survived and rejected, of those tried; every row that was skipped or failed by name."""
    rows = join_rows(tests)
    yield _tell_groups("faults survived / tried", rows, _SURVIVED)
    yield _tell_groups("bad inputs rejected / tried", rows, _REJECTED)
    for row, test in rows.items():
        if test.outcome == "failed":
            yield Figure(name=f"  {row} failed", found=f"{test.name} {test.why}".strip(), is_good=False)
    for row, test in rows.items():
        if test.outcome == "skipped":
            yield Figure(name=f"  {row} not tried", found=test.why)
    mutants = [test for test in tests if _is_mutant(test)]
    caught = sum(test.outcome == "passed" for test in mutants)
    found = f"{caught} / {len(mutants)}"
    yield Figure(name="guards removed and noticed / tried", found=found, is_good=0 < caught == len(mutants))


def _is_mutant(test: Tested) -> bool:
    return not test.row and "[" in test.name


def _tell_groups(name: str, rows: dict[str, Tested], groups: str) -> Figure:
    tried = {row: test for row, test in rows.items() if row[0] in groups and test.outcome != "skipped"}
    good = Counter(row[0] for row, test in tried.items() if test.outcome == "passed")
    of = Counter(row[0] for row in tried)
    each = ", ".join(f"{group} {good[group]}/{of[group]}" for group in groups)
    total = f"{good.total()} / {of.total()}"
    return Figure(name=name, found=f"{total} rows ({each})", is_good=0 < good.total() == of.total())


# The others.


def tell_losses(seeds: int, calls: int, workers: int) -> Iterator[Figure]:
    """Lost, doubled and wrong, beside the usual way with the same seeds."""
    ours, others = losses.count_losses(seeds, calls, workers)
    tried = f"of {ours.steady:,} that were there all the time ({seeds} seeds x {calls:,} calls, {ours.moves:,} moves)"
    yield Figure(name="records lost", found=f"{ours.lost:,} {tried}", is_good=not ours.lost)
    yield Figure(name="records doubled", found=f"{ours.doubled:,}", is_good=not ours.doubled)
    yield Figure(name="wrong amounts", found=f"{ours.wrong:,}", is_good=not ours.wrong)
    runs = f"{ours.runs:,} runs for {seeds} days, {ours.requests:,} requests, {ours.refused} days given up"
    yield Figure(name="  it took", found=runs, is_good=not ours.refused)
    beside = f"{others.lost:,} lost, {others.doubled:,} doubled, {others.wrong:,} wrong, {others.moves:,} moves"
    rate = f"{1000 * others.lost / max(others.steady, 1):.2f} lost per 1,000"
    yield Figure(name="  one-pass paging by offset, same seeds", found=f"{beside}; {rate}")


def tell_network() -> Iterator[Figure]:
    """Storms and slow answers."""
    for name, after in (("from the start", 0), ("after 6 answers", 6)):
        storm = files.count_storm(31, after=after)
        each = f"{storm.used} used, {storm.planned} planned, at most {storm.most_per_request} for one"
        is_good = storm.most_per_request <= 3 and storm.used <= storm.planned
        yield Figure(name=f"requests in a 500 storm {name}", found=each, is_good=is_good)
    slow = files.time_refusals()
    found = f"{slow.slowest_of_deadline:.2f} x the deadline (httpx alone: {slow.httpx_of_timeout:.1f} x its time-out)"
    yield Figure(name="slowest refusal under drip and silence", found=found, is_good=slow.slowest_of_deadline <= 1.1)


def tell_files(reads: int, kills: int) -> Iterator[Figure]:
    """What kill -9 costs, and readers beside a writer."""
    longest = files.time_after_kill(kills)
    found = f"{longest:.3f} s (longest of {kills})"
    yield Figure(name="kill -9 to the next run able to write", found=found, is_good=longest < 1)
    torn = files.count_torn_reads(reads)
    found = f"{torn.torn:,} / {torn.reads:,} ({torn.versions:,} versions seen)"
    yield Figure(name="torn reads / reads", found=found, is_good=not torn.torn and torn.versions > 1)


def tell_backfill(days: int, volume: int) -> Iterator[Figure]:
    """A month made up for."""
    done = files.compare_backfill(days, volume)
    found = f"{'yes' if done.is_equal else 'no'} ({done.days} days, {done.rows:,} calls)"
    yield Figure(name="backfill equal to runs on time", found=found, is_good=done.is_equal)
    used = f"{done.used} / {done.planned}"
    yield Figure(name="requests used / planned for it", found=used, is_good=done.used <= done.planned)


def tell_year(days: int) -> Iterator[Figure]:
    """A year, killed three times."""
    year = years.read_year(days)
    found = f"{'yes' if year.is_equal else 'no'} ({year.days} days, {year.rows:,} calls)"
    yield Figure(name="a year killed 3 times equals a clean run", found=found, is_good=year.is_equal)
    yield Figure(name="  killed by", found=", ".join(year.kills))
    there = ", ".join(f"{count:,}" for count in year.days_left_alone)
    yield Figure(name="  days that stood after each, and at the end", found=there)
    cost = f"{year.seconds:.0f} s, {year.peak_mb:,.0f} MB at most (the sandbox included)"
    yield Figure(name="  the clean run took", found=cost)


def tell_all(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Every figure, as soon as it is there."""
    quick = chosen.quick
    yield from tell_losses(chosen.seeds, chosen.calls, os.cpu_count() or 1)
    with ThreadPoolExecutor(1) as beside:  # the tests run in a process of their own while the next figures are made
        faults = None if chosen.without_faults else beside.submit(run_fault_tests)
        yield from tell_network()
        yield from tell_files(300 if quick else 10_000, 1 if quick else 5)
        yield from tell_backfill(*((4, 40) if quick else (31, 300)))
        if faults:
            yield from tell_faults(faults.result())
    if chosen.year:
        yield from tell_year(chosen.year)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds of moves and faults (default 200)")
    parser.add_argument("--calls", type=int, metavar="N", help="calls of a seed (default 10,000)")
    parser.add_argument("--quick", action="store_true", help="a small version of everything")
    parser.add_argument("--without-faults", action="store_true", help="do not run tests/faults")
    parser.add_argument("--year", type=int, nargs="?", const=365, metavar="DAYS", help="the year too (365 days)")
    chosen = parser.parse_args(arguments)
    chosen.seeds = chosen.seeds or (4 if chosen.quick else 200)
    chosen.calls = chosen.calls or (2500 if chosen.quick else 10_000)
    losses.be_quiet()
    began, bad = time.perf_counter(), 0
    for figure in tell_all(chosen):
        print(figure, flush=True)
        bad += not figure.is_good
    print(Figure(name="time", found=f"{time.perf_counter() - began:.0f} s"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
