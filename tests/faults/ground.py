"""The ground on which faults are tried: the product's own sync into an archive of its own, with a clock that jumps.

    def test_A02_...(ground):
        sandbox = ground.open_sandbox("healthy")
        report, far = ground.sync(sandbox, [ok(), reset(after=500)])      # the first request asks for the columns
        assert report.is_whole
        assert ground.stored() == truth_of(sandbox)

``ground.sync`` reads ``DAY`` (or ``days=``) by ``sync.run_sync`` through a ``FaultTransport``, or over a real socket with
``socket=True``; it gives the report and the far side, whose ``requests`` tell what was asked. Waiting turns
``ground.clock`` and takes no time. The key that is used is ``CANARY``; no text of a report may hold it (checked in each
sync), nor any file, log line or output (checked after each test).

``LogOf(records)`` answers the call log from a list of records, as Ringba does (inclusive ends, order, pages, a count), for
cases that are counted by hand; ``make_record(n)`` makes one.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import duckdb

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import Pace, read_limits
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import Sandbox, open_sandbox
from kayzen_nb.sandbox.platforms import ACCOUNT_ID, RINGBA_TOKEN
from kayzen_nb.settings import Settings
from kayzen_nb.sync import SyncReport, run_sync
from kayzen_nb.syncplan import AGAIN, DueDay
from tests.faultserver import FaultServer, FaultTransport, ok

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from kayzen_nb.errors import PlatformError, Problem
    from tests.faultscript import Action, Answer, Respond

CANARY = "canary-4Hk9TqW2vX"  # the key of every request
DAY = date(2026, 3, 2)
DAY_START = datetime(2026, 3, 2, tzinfo=UTC)
DAY_MS = int(DAY_START.timestamp()) * 1000
NOW = datetime(2026, 4, 20, 6, tzinfo=UTC)  # DAY is settled: nothing moves but what a test moves
COLUMNS_ASKED = 1  # each sync asks for the list of columns first
LOG = "/calllogs"
_JSON = {"Content-Type": "application/json"}
_FULL_NUMBER = re.compile(r"555\D?01\d\d")

Stored = dict[str, tuple[int | None, int | None, bool]]  # call id -> revenue, payout (USD micros), converted


class Clock:
    """A clock that only waiting moves. ``waits`` are the waits, in seconds, in order."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at.timestamp()
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits.append(seconds)
        self.at += seconds

    def advance(self, seconds: float) -> None:
        """Time passes without a wait of ours."""
        self.at += seconds


@dataclass(kw_only=True)
class LogOf:
    """The call log as Ringba answers it, from a list of records. ``changed(number, asked, answer)`` may spoil the nth.

    ``asked`` are the bodies of the requests for pages, ``cap`` the most rows that a window shows, and declares.
    """

    records: list[dict[str, Any]]
    changed: Callable[[int, dict[str, Any], dict[str, Any]], object] = lambda *_: None
    cap: int | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, method: str, target: str, headers: Any, body: bytes) -> Answer:  # noqa: ARG002  # the shape of Respond
        if not target.endswith(LOG):
            return 404, _JSON, b"{}"  # as where Ringba does not tell its columns
        asked = json.loads(body)
        self.asked.append(asked)
        start, end = (datetime.fromisoformat(asked[name]).timestamp() * 1000 for name in ("reportStart", "reportEnd"))
        inside = sorted((r for r in self.records if start <= r["callDt"] <= end), key=_in_time)[: self.cap]
        page = [dict(record) for record in inside[asked["offset"] :][: asked["size"]]]
        report = {"partialResult": False, "totalCount": len(inside), "records": page}
        answer = {"isSuccessful": True, "transactionId": "TR0", "report": report}
        self.changed(len(self.asked), asked, answer)
        return 200, _JSON, json.dumps(answer).encode()


def _in_time(record: dict[str, Any]) -> tuple[int, str]:
    return record["callDt"], str(record.get("inboundCallId"))


def make_record(n: int, *, at_ms: int | None = None, **more: Any) -> dict[str, Any]:
    """The nth call of DAY, one each ten seconds; converted and paid."""
    usual = {
        "inboundCallId": f"RGB{n:05}",
        "callDt": DAY_MS + n * 10_000 if at_ms is None else at_ms,
        "campaignName": "CTV Spring",
        "inboundPhoneNumber": f"+121255501{n % 100:02}",
        "number": "+18885550122",
        "hasConnected": True,
        "hasConverted": True,
        "conversionAmount": 27.1,
        "hasPayout": True,
        "payoutAmount": 20.0,
        "callLengthInSeconds": 130,
    }
    return usual | more


class Ground:
    """A home folder with an archive, and the ways to read into it and to look at it."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.clock = home, Clock()
        self.stamps: list[float] = []  # when the requests of the last sync came, by the clock
        self.archive = Archive(archive_folder(home, ACCOUNT_ID))

    def open_sandbox(self, scenario: str = "healthy", **more: Any) -> Sandbox:
        """A sandbox whose time is the ground's clock."""
        return open_sandbox(scenario, clock=self.clock.now, **more)

    def pace(self, limits: str = "80/minute", **more: Any) -> Pace:
        """A pace on the ground's clock."""
        return Pace(read_limits(limits), clock=lambda: self.clock.at, sleep=self.clock.sleep, **more)

    def settings(self, **more: Any) -> Settings:
        return Settings(ringba_api_token=Secret(CANARY), ringba_account_id=ACCOUNT_ID, home=self.home, **more)

    def sync(
        self,
        far: Sandbox | Respond,
        script: Iterable[Action] = (),
        *,
        days: Sequence[date] = (DAY,),
        limits: str = "80/minute",
        pace: Pace | None = None,
        socket: bool = False,
    ) -> tuple[SyncReport, FaultServer | FaultTransport]:
        """Read days into the archive, whatever happens on the way. The report's texts are looked through."""
        due = [DueDay(day=day, why=AGAIN) for day in days]
        pace = pace or self.pace(limits, patience_s=6 * 3600.0)
        with ExitStack() as stack:
            ringba, asked = self._connect(stack, far, self._stamped(script), pace, socket=socket)
            key = load_caller_key(self.home)
            report = run_sync(ringba, self.archive, due, key=key, source="test", clock=self.clock.now)
        check_texts(report)
        return report, asked

    def _stamped(self, script: Iterable[Action]) -> Iterator[Action]:
        self.stamps = []
        for action in chain(script, repeat(ok())):
            self.stamps.append(self.clock.at)
            yield action

    def most_in(self, seconds: float, since: int = 0) -> int:
        """The most requests that came in any so many seconds, from the request number ``since`` on."""
        times = self.stamps[since:]
        return max(sum(start <= at < start + seconds for at in times) for start in times)

    def _connect(
        self, stack: ExitStack, far: Sandbox | Respond, script: Iterable[Action], pace: Pace, *, socket: bool
    ) -> tuple[Ringba, FaultServer | FaultTransport]:
        respond = _behind_canary(far)
        if socket:
            server = stack.enter_context(FaultServer(respond, script))
            settings = self.settings(ringba_api_url=f"{server.url}/v2")
            return stack.enter_context(Ringba(settings, pace=pace)), server
        transport = FaultTransport(respond, script, pass_time=self.clock.advance)
        return stack.enter_context(Ringba(self.settings(), transport=transport, pace=pace)), transport

    def stored(self, day: date = DAY) -> Stored:
        """The calls of a day as the newest file holds them. A call that stands there twice fails the test."""
        pull = self.archive.newest(day)
        return read_stored(pull.path) if pull else {}

    def files(self) -> dict[str, bytes]:
        """What the archive holds of calls and raw pages, name to content: the same dict, the same archive."""
        return {
            name: content
            for name, content in self.all_files().items()
            if "/calls/" in name or ("/raw/" in name and "/refused/" not in name)
        }

    def refused(self) -> dict[str, bytes]:
        """The answers that could not be read and were put aside."""
        return {name: content for name, content in self.all_files().items() if "/refused/" in name}

    def all_files(self) -> dict[str, bytes]:
        files = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in files}


def _behind_canary(far: Sandbox | Respond) -> Respond:
    """Who answers, asked with the canary as key."""
    respond = far.respond if isinstance(far, Sandbox) else far

    def answer(method: str, target: str, headers: Any, body: bytes) -> Answer:
        lower = {name.lower(): value for name, value in headers.items()}
        is_ours = lower.get("authorization") == f"Token {CANARY}"
        token = f"Token {RINGBA_TOKEN}" if is_ours else ""
        return respond(method, target, lower | {"authorization": token}, body)

    return answer


def read_stored(path: Path) -> Stored:
    """The usable calls of a stored file."""
    asked = (
        "select call_id, revenue_usd_micros, payout_usd_micros, converted from read_parquet(?) where set_aside is null"
    )
    rows = duckdb.execute(asked, [str(path)]).fetchall()
    stored = {call_id: (revenue, payout, converted) for call_id, revenue, payout, converted in rows}
    assert len(stored) == len(rows), "a call is stored twice"
    return stored


def truth_of(far: Sandbox, day: date = DAY) -> Stored:
    """What the sandbox really holds of a day, as it should be stored."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return stored_of(far.truth(start, start + timedelta(days=1)))


def stored_of(records: Iterable[dict[str, Any]]) -> Stored:
    """Records as they should be stored."""
    return {
        record["inboundCallId"]: (
            _micros(record.get("conversionAmount")),
            _micros(record.get("payoutAmount")),
            bool(record.get("hasConverted")),
        )
        for record in records
    }


def _micros(amount: float | None) -> int | None:
    return None if amount is None else int(Decimal(str(amount)) * 1_000_000)


def check_texts(report: SyncReport) -> None:
    """Each problem has its three parts, and no text holds the key, a full number, the account or a web address."""
    problems = [p for p in (report.stopped, *(day.problem for day in report.days)) if p]
    for problem in problems:
        _check_problem(problem)


def check_error(error: PlatformError) -> str:
    """The same for an error; its text."""
    assert error.__cause__ is None
    assert error.__context__ is None
    for problem in error.problems:
        _check_problem(problem)
    return str(error)


def _check_problem(problem: Problem) -> None:
    assert problem.what, "what happened"
    assert problem.where, "where"
    assert problem.next_step, "what to do next"
    text = str(problem)
    assert CANARY not in text
    assert ACCOUNT_ID not in text
    assert "?" not in text.partition("where:")[2].partition("next:")[0], "an address with its query"
    assert not _FULL_NUMBER.search(text)


def problem_of(report: SyncReport) -> str:
    """The text of all that went wrong."""
    return "\n".join(str(p) for p in dict.fromkeys([report.stopped, *(day.problem for day in report.days)]) if p)


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def log_requests(far: FaultServer | FaultTransport) -> list[Any]:
    """The requests for pages of the call log."""
    return [asked for asked in far.requests if asked.path.endswith(LOG)]
