"""Figures about files and time: torn reads, kill -9, storms, drips, and a month that is made up for afterwards."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import duckdb
import httpx

from kayzen_nb.errors import PlatformError
from kayzen_nb.http import Client
from kayzen_nb.sandbox import open_sandbox
from tests.faultserver import FaultServer, drip, ok, records_of, silent, status
from tests.properties.world import AFTER, FIRST_DAY, Call, Clock, Log, World, ms_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.archive import Archive

ROOT = Path(__file__).parents[1]
_PAGE = 1000


# A reader while a writer publishes.

_WRITER = """
import itertools, os, sys
from pathlib import Path
from figures_files import uniform_log
from tests.properties.world import FIRST_DAY, World
parent, world = os.getppid(), World(Path(sys.argv[1]), uniform_log(0))
for version in itertools.count(1):
    world.log = uniform_log(version)
    assert world.sync([FIRST_DAY]).is_whole
    if os.getppid() != parent:
        break
"""


def uniform_log(version: int) -> Log:
    """A day whose calls all earn the same, so that a mixture of two versions shows; longer with each version."""
    count = 50 + version % 50
    return Log(Call(call_id=f"RGB{n:04}", at_ms=ms_of(FIRST_DAY, n), revenue=version) for n in range(count))


@dataclass(frozen=True, kw_only=True)
class TornReads:
    reads: int
    torn: int
    versions: int


def count_torn_reads(reads: int) -> TornReads:
    """Read the day's newest pull again and again while another process publishes new ones."""
    with TemporaryDirectory() as home, _running(_WRITER, home):
        archive, seen, torn = World(Path(home), Log()).archive(), set(), 0
        while archive.newest(FIRST_DAY) is None:
            time.sleep(0.05)
        engine = duckdb.connect()
        for _ in range(reads):
            pull = archive.newest(FIRST_DAY)
            found = engine.execute(_UNIFORM, [str(pull.path)]).fetchall() if pull else [(-1, 0, 1)]
            rows, least, most = found[0]
            torn += pull is None or rows != pull.facts.rows_in or least != most
            seen.add(most)
    return TornReads(reads=reads, torn=torn, versions=len(seen))


_UNIFORM = "select count(*), min(revenue_usd_micros), max(revenue_usd_micros) from read_parquet(?)"


@contextmanager
def _running(script: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    here = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "benchmarks")))}
    child = subprocess.Popen([sys.executable, "-c", script, *arguments], env=here, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        if child.stdout:
            child.stdout.close()


# kill -9.

_HOLDER = """
import sys, time
from pathlib import Path
from tests.properties.world import FIRST_DAY, Log, World
archive = World(Path(sys.argv[1]), Log()).archive()
with archive.writing(archive.calls_folder(FIRST_DAY)):
    print("holding", flush=True)
    time.sleep(600)
"""


def time_after_kill(times: int) -> float:
    """The longest time, in s, from kill -9 of the process that holds the archive until another one may write."""
    return max(_time_one_kill() for _ in range(times))


def _time_one_kill() -> float:
    with TemporaryDirectory() as home, _running(_HOLDER, home) as child:
        if child.stdout is None or child.stdout.readline() != b"holding\n":
            raise RuntimeError("the holder did not start")
        archive = World(Path(home), Log()).archive()
        os.kill(child.pid, signal.SIGKILL)
        began = time.perf_counter()
        with archive.writing(archive.calls_folder(FIRST_DAY)):
            return time.perf_counter() - began


# A platform that answers nothing but 500.


@dataclass(frozen=True, kw_only=True)
class Storm:
    planned: int
    used: int
    most_per_request: int


def count_storm(days: int, *, after: int) -> Storm:
    """Requests of a sync of so many days with a page each, when every answer after the first ones is a 500."""
    with TemporaryDirectory() as home:
        known = [FIRST_DAY + timedelta(days=n) for n in range(days)]
        log = Log(Call(call_id=f"RGB{n}", at_ms=ms_of(day)) for n, day in enumerate(known))
        world = World(Path(home), log, Clock(AFTER + timedelta(days=days)))
        world.sync(known, itertools.chain(itertools.repeat(ok(), after), itertools.repeat(status(500))))
        return Storm(planned=days + 1, used=world.requests, most_per_request=_longest(world.asked))


def _longest(asked: list[bytes]) -> int:
    """How often the same request came one after the other, at most."""
    return max(len(list(same)) for _, same in itertools.groupby(asked))


# An answer that drips, or never comes.


@dataclass(frozen=True, kw_only=True)
class Refusals:
    slowest_of_deadline: float
    httpx_of_timeout: float


def time_refusals(deadline_s: float = 0.5) -> Refusals:
    """The slowest refusal as a multiple of the deadline, over real sockets; and httpx with that time-out beside it."""
    ours = [_time_refusal(action, deadline_s) for action in (drip(tick_s=0.05), silent(), drip(tick_s=0.4))]
    return Refusals(slowest_of_deadline=max(ours) / deadline_s, httpx_of_timeout=_time_httpx(deadline_s) / deadline_s)


def _time_refusal(action: object, deadline_s: float) -> float:
    answer = records_of([{"inboundCallId": "RGB1"}])
    with (
        FaultServer(answer, itertools.repeat(action)) as server,
        Client(server.url, headers={}, platform="Ringba", deadline_s=deadline_s) as client,
    ):
        began = time.perf_counter()
        try:
            client.fetch_json("POST", "/calllogs", body={}, what="the call log")
        except PlatformError:
            return time.perf_counter() - began
    raise RuntimeError("an answer that drips was taken")


def _time_httpx(timeout_s: float) -> float:
    with FaultServer(records_of([]), [drip(tick_s=0.05)]) as server, httpx.Client(trust_env=False) as client:
        began = time.perf_counter()
        client.post(f"{server.url}/calllogs", json={}, timeout=timeout_s)
        return time.perf_counter() - began


# A month without runs, made up for.


@dataclass(frozen=True, kw_only=True)
class Backfill:
    days: int
    rows: int
    is_equal: bool
    used: int
    planned: int


def compare_backfill(days: int, volume: int) -> Backfill:
    """Runs made on time (each night over the last days, the last night over all) against one run at the end."""
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        on_time, late = _sandbox_world(Path(one), volume), _sandbox_world(Path(other), volume)
        shutil.copy(_with_key(on_time) / "caller.key", late.home)
        last = FIRST_DAY + timedelta(days=days - 1)
        for n in range(days):
            night = FIRST_DAY + timedelta(days=n)
            on_time.clock.now = AFTER.replace(day=1) + timedelta(days=n + 1)
            first = FIRST_DAY if n == days - 1 else max(FIRST_DAY, night - timedelta(days=2))
            on_time.scheduled(first=first, last=night)
        late.clock.now = AFTER.replace(day=1) + timedelta(days=days)
        report = late.scheduled(first=FIRST_DAY, last=last)
        rows = [day.rows_in for day in report.days]
        return Backfill(
            days=days,
            rows=sum(rows),
            is_equal=report.is_whole and digest(on_time.archive()) == digest(late.archive()),
            used=late.requests,
            planned=1 + sum(max(1, -(-count // (_PAGE - 1))) for count in rows),
        )


def _with_key(world: World) -> Path:
    world.key_of("+12125550100")
    world.home.mkdir(exist_ok=True)
    return world.home


def _sandbox_world(home: Path, volume: int) -> World:
    clock = Clock(AFTER)
    sandbox = open_sandbox("late_payouts", clock=clock, volume=volume)
    world = World(home, Log(), clock)
    world.respond = sandbox.respond
    world.settings = sandbox.settings.model_copy(update={"home": home})
    return world


def digest(archive: Archive, first: date | None = None, last: date | None = None) -> str:
    """A digest of all rows of the present, all columns, in order of time and id, whichever files hold them."""
    days = archive.days()
    if not days:
        return ""
    found, engine = hashlib.sha256(), duckdb.connect()
    engine.execute("set timezone = 'UTC'")
    for pull in archive.present(first or days[0], last or days[-1]).pulls:
        found.update(str(pull.day).encode())
        rows = "from read_parquet(?, hive_partitioning = false) order by all"
        found.update(repr(engine.execute(rows, [str(pull.path)]).fetchall()).encode())
    return found.hexdigest()
