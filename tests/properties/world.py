"""A small world for properties: a call log whose every call is known, a clock that is set by hand, and an archive.

The log answers as Ringba's call log does (both ends of a window included, at most ``most`` records on a page). What it
holds is the truth, told without the product: ``Call.row`` is what the archive has to give back.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stamina
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import Pace
from kayzen_nb.ringba import Ringba
from kayzen_nb.settings import Settings
from kayzen_nb.sources import calls
from kayzen_nb.sync import run_sync
from kayzen_nb.syncplan import AGAIN, DueDay, plan_sync
from tests.faultserver import FaultTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kayzen_nb.period import Period
    from kayzen_nb.sync import SyncReport
    from tests.faultscript import Action, Respond

ACCOUNT = "RA" + "1" * 32
FIRST_DAY = date(2026, 11, 1)
DAYS = tuple(FIRST_DAY + timedelta(days=n) for n in range(3))
AFTER = datetime(2026, 11, 4, 6, tzinfo=UTC)  # all of DAYS are over
_HEADERS = {"Content-Type": "application/json"}
Row = tuple[Any, ...]


def examples(count: int = 200, *, steps: int = 50) -> settings:
    """How many examples a property tries: the environment's KAYZEN_NB_EXAMPLES, or so many."""
    return settings(
        max_examples=int(os.environ.get("KAYZEN_NB_EXAMPLES", count)),
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


# Calls.


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call as the platform knows it now. Amounts in millionths of a dollar, None where there is none."""

    call_id: str
    at_ms: int
    caller: str = ""
    connected: bool = False
    converted: bool = False
    paid: bool = False
    is_duplicate: bool = False
    revenue: int | None = None
    payout: int | None = None

    @property
    def day(self) -> date:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).date()

    def record(self) -> bytes:
        """The record as Ringba gives it: sparse, false flags left out; amounts written digit by digit."""
        fields: dict[str, object] = {
            "inboundCallId": self.call_id,
            "callDt": self.at_ms,
            "campaignName": "CTV Spring",
            "number": "+18885550122",
            "tag:InboundNumber:State": "NY",
        }
        flags = {
            "hasConnected": self.connected,
            "hasConverted": self.converted,
            "hasPayout": self.paid,
            "isDuplicate": self.is_duplicate,
        }
        fields |= {name: True for name, is_set in flags.items() if is_set}
        fields |= {"inboundPhoneNumber": self.caller} if self.caller else {}
        text = json.dumps(fields)
        amounts = {"conversionAmount": self.revenue, "payoutAmount": self.payout}
        told = "".join(f', "{name}": {_in_dollars(x)}' for name, x in amounts.items() if x is not None)
        return f"{text[:-1]}{told}}}".encode()

    def row(self, key: Callable[[str], str | None]) -> Row:
        """What has to come out of the archive; ``key`` gives a caller's pseudonym."""
        amounts = (self.revenue, self.payout)
        flags = (self.connected, self.converted, self.paid, self.is_duplicate)
        return (self.call_id, self.at_ms, *flags, *amounts, key(self.caller) if self.caller else None)


def _in_dollars(micros: int) -> str:
    whole, part = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06}"


def ms_of(day: date, second: int = 0, ms: int = 0) -> int:
    """A moment of a UTC day in epoch ms."""
    return int(datetime.combine(day, time(), UTC).timestamp()) * 1000 + second * 1000 + ms


CALLERS = tuple(f"+1212555{n:04}" for n in range(100, 106))
_AMOUNTS = st.none() | st.sampled_from((0, 1, 100_000, 27_500_000, -35_000_000)) | st.integers(-(10**12), 10**14)
# Few seconds, so that calls crowd in the same second and on the edges of days; few callers, so that they repeat.
_SECONDS = st.sampled_from((0, 1, 2, 3600, 43_200, 86_398, 86_399)) | st.integers(0, 86_399)


def moments(days: Sequence[date] = DAYS) -> st.SearchStrategy[int]:
    """Moments of the days in epoch ms."""
    part = st.sampled_from((0, 1, 500, 999))
    return st.builds(ms_of, st.sampled_from(days), _SECONDS, part)


@st.composite
def call_contents(draw: st.DrawFn) -> dict[str, Any]:
    """What a call may be besides its id and time."""
    return {
        "caller": draw(st.sampled_from(("", *CALLERS))),
        "connected": draw(st.booleans()),
        "converted": draw(st.booleans()),
        "paid": draw(st.booleans()),
        "is_duplicate": draw(st.booleans()),
        "revenue": draw(_AMOUNTS),
        "payout": draw(_AMOUNTS),
    }


@st.composite
def call_lists(draw: st.DrawFn, *, least: int = 0, most: int = 30, days: Sequence[date] = DAYS) -> list[Call]:
    """Calls of the days, each with its own id."""
    times = draw(st.lists(moments(days), min_size=least, max_size=most))
    return [Call(call_id=f"RGB{n:05}", at_ms=at, **draw(call_contents())) for n, at in enumerate(times)]


# The platform.


class Log:
    """Ringba's call log over calls that can be added, changed and taken away. ``asked`` counts its pages."""

    def __init__(self, known: Iterable[Call] = (), *, most: int = 1000) -> None:
        self.calls = {call.call_id: call for call in known}
        self.most, self.asked = most, 0
        self.arrange: Callable[[list[tuple[int, str]]], object] = lambda _: None  # may disorder a page
        self._written: dict[Call, bytes] = {}
        self._order: list[tuple[int, str]] | None = None

    def put(self, call: Call) -> None:
        self.calls[call.call_id] = call
        self._order = None

    def drop(self, call_id: str) -> None:
        del self.calls[call_id]
        self._order = None

    def on(self, day: date) -> list[Call]:
        """The calls of a UTC day."""
        return [call for call in self.calls.values() if call.day == day]

    def respond(
        self,
        method: str,  # noqa: ARG002  # the shape of Respond
        target: str,
        headers: Mapping[str, str],  # noqa: ARG002  # as above
        body: bytes,
    ) -> tuple[int, Mapping[str, str], bytes]:
        if not target.endswith("/calllogs"):
            return 404, _HEADERS, b"{}"
        self.asked += 1
        asked = json.loads(body)
        found = self._between(*(_ms(asked[name]) for name in ("reportStart", "reportEnd")))
        page = found[asked["offset"] :][: min(asked["size"], self.most)]
        self.arrange(page)
        records = b",".join(self._write(self.calls[call_id]) for _, call_id in page)
        report = b'{"isSuccessful":true,"report":{"partialResult":false,"totalCount":%d,"records":[%b]}}'
        return 200, _HEADERS, report % (len(found), records)

    def _between(self, first: int, last: int) -> list[tuple[int, str]]:
        if self._order is None:
            self._order = sorted((call.at_ms, call.call_id) for call in self.calls.values())
        return self._order[bisect_left(self._order, (first, "")) : bisect_right(self._order, (last, "￿"))]

    def _write(self, call: Call) -> bytes:
        if call not in self._written:
            self._written[call] = call.record()
        return self._written[call]


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


class Clock:
    """A clock that goes on only when told: by ``pass_time``, which serves as sleep."""

    def __init__(self, now: datetime = AFTER) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def time(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


# The toolkit in that world.


class World:
    """A home folder, a clock and a call log. ``asked`` are the requests of the last sync; ``respond`` may be another's."""

    def __init__(self, home: Path, log: Log, clock: Clock | None = None) -> None:
        self.home, self.log, self.clock = home, log, clock or Clock()
        self.asked: list[bytes] = []
        self.respond: Respond = self._ask_log
        self.settings = Settings(ringba_api_token=Secret("t" * 40), ringba_account_id=ACCOUNT, home=home)

    def _ask_log(self, *asked: Any) -> Any:
        return self.log.respond(*asked)

    @property
    def requests(self) -> int:
        """How many requests the last sync made."""
        return len(self.asked)

    def archive(self, hook: Callable[[str], None] = lambda _: None) -> Archive:
        return Archive(archive_folder(self.home, self.settings.ringba_account_id or ""), on_write=hook)

    def key_of(self, number: str) -> str | None:
        """A caller's pseudonym, None for one that was forgotten."""
        key = load_caller_key(self.home)
        pseudonym = key.pseudonym(number)
        return None if pseudonym in key.forgotten else pseudonym

    def sync(
        self,
        days: Sequence[date] = DAYS,
        script: Iterable[Action] = (),
        *,
        hook: Callable[[str], None] = lambda _: None,
    ) -> SyncReport:
        """Read the days again, whatever the archive holds, through a transport that follows the script."""
        due = [DueDay(day=day, why=AGAIN) for day in days]
        return self._run(due, script, hook)

    def scheduled(
        self, script: Iterable[Action] = (), first: date | None = None, last: date | None = None
    ) -> SyncReport:
        """The run of every night: the product chooses the days."""
        due, _ = plan_sync(self.archive(), self.clock(), first, last)
        return self._run(due, script, lambda _: None)

    def _run(self, due: Sequence[DueDay], script: Iterable[Action], hook: Callable[[str], None]) -> SyncReport:
        transport = FaultTransport(self.respond, script, pass_time=self.clock.pass_time)
        pace = Pace(patience_s=1e9, clock=self.clock.time, sleep=self.clock.pass_time)
        try:
            with (
                stamina.set_testing(True, attempts=3, cap=True),
                Ringba(self.settings, transport=transport, pace=pace) as ringba,
            ):
                key = load_caller_key(self.home)
                return run_sync(ringba, self.archive(hook), due, key=key, source="a test", clock=self.clock)
        finally:
            self.asked = [request.body for request in transport.requests]

    def rows(self, period: Period, as_of: datetime | None = None) -> list[Row]:
        """What the one door gives from the archive, in order of id."""
        table = calls(source="archive", period=period, settings=self.settings, as_of=as_of)
        return rows_of(table.relation)

    def truth(self, known: Iterable[Call]) -> list[Row]:
        """The rows that calls have to become, in order of id."""
        return sorted(call.row(self.key_of) for call in known)


def rows_of(relation: Any) -> list[Row]:
    """A relation of calls as ``Call.row`` gives them, in order of id."""
    columns = "call_id, epoch_ms(call_at), connected, converted, paid, is_duplicate"
    amounts = "revenue_usd_micros, payout_usd_micros, caller_key"
    return relation.project(f"{columns}, {amounts}").order("all").fetchall()


def files_of(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest; the lock, which holds nothing, is left out."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != ".writers.lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def files_of_day(world: World, day: date) -> dict[str, str]:
    """The files of a day, calls and raw pages, with their digests."""
    archive = world.archive()
    return files_of(archive.calls_folder(day)) | {f"raw {n}": d for n, d in files_of(archive.raw_folder(day)).items()}


class Killed(BaseException):
    """A run that was ended at a write, as far as that can be done without ending the process."""


def kill_at(point: int) -> Callable[[str], None]:
    """An ``on_write`` that ends the run at the n-th write, counted from 0."""
    counted = iter(range(10_000))

    def hook(_: str) -> None:
        if next(counted) == point:
            raise Killed

    return hook


_ENDED_AT = """
import os, pickle, sys
from pathlib import Path
from tests.properties.world import Clock, Log, World
home, point = Path(sys.argv[1]), int(sys.argv[2])
known, now = pickle.loads(sys.stdin.buffer.read())
seen = []
def hook(_):
    seen.append(1)
    if len(seen) > point:
        os._exit(77)
World(home, Log(known), Clock(now)).sync(hook=hook)
"""


def end_process_at(world: World, point: int) -> int:
    """Sync in another process that ends, without a word, at a write (from 0). Its exit code: 77, or 0 after the last."""
    command = [sys.executable, "-c", _ENDED_AT, str(world.home), str(point)]
    given = pickle.dumps((list(world.log.calls.values()), world.clock.now))
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, input=given, env=here, check=False, capture_output=True, timeout=120)
    if done.returncode not in (0, 77):
        raise RuntimeError(done.stderr.decode())
    return done.returncode
