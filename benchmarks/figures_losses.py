"""Records lost, doubled, or with a wrong amount, when calls move and requests fail while a day is read.

A call that was there during the whole run has to be in the archive exactly once, with an amount that it had meanwhile.
A call that came or went during the run may be there or not, but not twice, and only with an amount that it had.
"""

from __future__ import annotations

import itertools
import json
import logging
import random
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import duckdb

from kayzen_nb.logpage import build_request
from kayzen_nb.syncplan import end_of_day
from tests.faultserver import SURVIVABLE, random_faults
from tests.properties.world import FIRST_DAY, Call, Log, World, ms_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faultserver import Action

FAULT_RATE = 0.6
_KINDS = (*SURVIVABLE, *["moved"] * 5)  # half of what happens is that calls move
_MOST_RUNS = 8
_DAYS = 10
Found = list[tuple[str, int | None, int | None]]


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What became of one seed's calls, or of many seeds' together."""

    calls: int = 0
    steady: int = 0
    moves: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    runs: int = 0
    requests: int = 0
    refused: int = 0  # seeds that no run read whole

    def __add__(self, other: Losses) -> Losses:
        return Losses(**{name: value + getattr(other, name) for name, value in vars(self).items()})


class LivingLog(Log):
    """A log whose calls move. ``had`` are the amounts that each call had since ``begin``."""

    def __init__(self, seed: int, count: int) -> None:
        known, written = _invent_day(seed % _DAYS, count)
        super().__init__(known)
        self._written = dict(written)
        self.had = {call.call_id: {(call.revenue, call.payout)} for call in known}
        self.moves, self.first = 0, set(self.calls)
        self._rng, self._numbers = random.Random(f"moves:{seed}"), itertools.count(count)  # noqa: S311  # a game, not a secret
        if seed % 2:
            self.arrange = self._rng.shuffle  # the rows of a page come in any order

    def disturb(self, rng: random.Random) -> None:
        """Between two pages: calls turn up late anywhere, vanish, and change their amounts."""
        for _ in range(rng.randint(1, 9)):
            self.put(_invent(self._rng, next(self._numbers)))
            self.drop(rng.choice(list(self.calls)))
            call = self.calls[rng.choice(list(self.calls))]
            self.put(replace(call, payout=rng.randrange(10**8), paid=True))
            self.moves += 3

    def put(self, call: Call) -> None:
        super().put(call)
        self.had.setdefault(call.call_id, set()).add((call.revenue, call.payout))

    def steady(self) -> set[str]:
        """The calls that were there all the time: no id is used twice."""
        return self.first & set(self.calls)


@cache
def _invent_day(number: int, count: int) -> tuple[list[Call], dict[Call, bytes]]:
    """A day's calls and their records, made once in a process: seeds differ in what moves and what fails."""
    rng = random.Random(f"day:{number}")  # noqa: S311  # a game, not a secret
    known = [_invent(rng, n) for n in range(count)]
    return known, {call: call.record() for call in known}


def _invent(rng: random.Random, number: int) -> Call:
    revenue = rng.choice((None, 27_000_000, rng.randrange(10**8)))
    at = ms_of(FIRST_DAY, rng.randrange(86_400), rng.randrange(1000))
    return Call(call_id=f"RGB{rng.getrandbits(48):012X}{number:06}", at_ms=at, connected=True, revenue=revenue)


def judge(log: LivingLog, found: Found) -> dict[str, int]:
    """Lost, doubled and wrong ones among the rows that were found."""
    counts = Counter(call_id for call_id, _, _ in found)
    return {
        "lost": len(log.steady() - set(counts)),
        "doubled": sum(count - 1 for count in counts.values()),
        "wrong": sum((revenue, payout) not in log.had.get(i, ()) for i, revenue, payout in found),
    }


def read_kept(seed: int, calls: int) -> Losses:
    """One seed through the toolkit, run again until the day is whole. Every tenth seed meets a log-in page too."""
    with TemporaryDirectory() as home:
        log = LivingLog(seed, calls)
        world, requests = World(Path(home), log), 0
        for run in range(1, _MOST_RUNS + 1):
            report = world.sync([FIRST_DAY], _script(log, seed * 100 + run, login=seed % 10 == 0 and run == 1))
            requests += world.requests
            if report.is_whole:
                break
        found = _kept(world) if report.is_whole else []
        judged = judge(log, found) if report.is_whole else {}
    made = {"calls": calls, "steady": len(log.steady()), "moves": log.moves, "runs": run, "requests": requests}
    return Losses(**made, **judged, refused=int(not report.is_whole))


def read_by_offset(seed: int, calls: int) -> Losses:
    """The same seed by the usual way: page after page by offset until one is empty. Requests that fail are repeated."""
    log, found, offset = LivingLog(seed, calls), [], 0
    body = build_request(end_of_day(FIRST_DAY).replace(day=FIRST_DAY.day), end_of_day(FIRST_DAY))
    for action in _script(log, seed * 100 + 1, login=False):
        if action.answer or action.kind != "ok":
            continue
        if action.before:
            action.before()
        _, _, content = log.respond("POST", "/calllogs", {}, json.dumps(body | {"offset": offset}).encode())
        records = json.loads(content)["report"]["records"]
        if not records:
            break
        found += [(r["inboundCallId"], _micros(r, "conversionAmount"), _micros(r, "payoutAmount")) for r in records]
        offset += len(records)
    return Losses(calls=calls, steady=len(log.steady()), moves=log.moves, runs=1, **judge(log, found))


def _script(log: LivingLog, seed: int, *, login: bool) -> Iterator[Action]:
    kinds = (*_KINDS, "login_page") if login else _KINDS
    return random_faults(seed, FAULT_RATE, kinds=kinds, move=log.disturb)


def _kept(world: World) -> Found:
    """The rows of the day's newest pull, read by another program than the toolkit."""
    newest = world.archive().newest(FIRST_DAY)
    if newest is None:
        raise RuntimeError("a whole run left no pull")
    asked = "select call_id, revenue_usd_micros, payout_usd_micros from read_parquet(?) where set_aside is null"
    return duckdb.execute(asked, [str(newest.path)]).fetchall()


def _micros(record: dict[str, Any], name: str) -> int | None:
    return round(record[name] * 1_000_000) if name in record else None


def _both(task: tuple[int, int]) -> tuple[Losses, Losses]:
    return read_kept(*task), read_by_offset(*task)


def be_quiet() -> None:
    """Without a line for every retry: here there are thousands, on purpose."""
    logging.getLogger("stamina").setLevel(logging.ERROR)


def count_losses(seeds: int, calls: int, workers: int) -> tuple[Losses, Losses]:
    """All seeds through the toolkit, and by offset."""
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=be_quiet) as pool:
        found = list(pool.map(_both, [(seed, calls) for seed in range(seeds)]))
    return sum((one for one, _ in found), Losses()), sum((other for _, other in found), Losses())
