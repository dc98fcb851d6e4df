"""Every guard is missed when it is gone: the same faulty reading with it is right, without it wrong.

A row of ``GUARDS`` is the guard's name, what switches it off, and a reading that tells whether its result is wrong: a
call lost, doubled or of another day, a bad answer accepted, a request where none may go. Guards that back each other up
(a count is checked on each page and at the end) are switched off together, or tried where only one of them can help.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kayzen_nb import calllog, callselect, http, httpanswer, logpage, parquetseal, ringba, sync
from kayzen_nb.callcontract import Contract
from kayzen_nb.calllog import _Reading
from kayzen_nb.callpages import CallPages
from kayzen_nb.deadline import Deadline
from kayzen_nb.errors import PlatformError, SettingsError
from kayzen_nb.ratelimit import Limit
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.sandbox import SCENARIOS
from tests.faults.ground import (
    DAY,
    DAY_MS,
    DAY_START,
    Ground,
    LogOf,
    log_requests,
    make_record,
    stored_of,
    truth_of,
)
from tests.faultserver import FaultServer, drip, ok, rate_limited, redirect

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = [make_record(n) for n in range(40)]


@dataclass(frozen=True, kw_only=True)
class Guard:
    """``remove`` switches the guard off; ``is_wrong`` reads on a fresh ground and tells whether the result is wrong."""

    remove: Callable[[pytest.MonkeyPatch], object]
    is_wrong: Callable[[Ground], bool]
    prepare: Callable[[pytest.MonkeyPatch], object] = lambda _: None  # for both readings


def put(place: Any, name: str, value: Any) -> Callable[[pytest.MonkeyPatch], object]:
    return lambda patch: patch.setattr(place, name, value)


def accepts(far: Any, **more: Any) -> Callable[[Ground], bool]:
    """Wrong where the sync is content."""
    return lambda ground: ground.sync(far, **more)[0].is_whole


def differs(far: LogOf) -> Callable[[Ground], bool]:
    """Wrong where other calls are stored than the log holds."""

    def is_wrong(ground: Ground) -> bool:
        ground.sync(far)
        return bool(ground.stored() != stored_of(far.records))

    return is_wrong


# The call log.


def swap_a_row() -> LogOf:
    """On the second page a call of the first page stands in the place of the last one: every count is right."""
    far = LogOf(records=[make_record(n) for n in range(1500)])

    def swap(_: int, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        if not asked["reportStart"].endswith("00:00:00Z"):
            answer["report"]["records"][-1] = far.records[0]

    far.changed = swap
    return far


def newest_first() -> LogOf:
    """A log that takes no order: the first page holds the last calls."""
    far = LogOf(records=[make_record(n) for n in range(1500)])

    def reverse(_: int, __: Any, answer: dict[str, Any]) -> None:
        if answer["report"]["totalCount"] == len(far.records):
            answer["report"]["records"] = far.records[::-1][:1000]

    far.changed = reverse
    return far


def without_counts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_Reading, "surplus", property(lambda _: 0))
    patch.setattr(_Reading, "_due", property(lambda _: 0, lambda *_: None), raising=False)


def crowded_second() -> LogOf:
    """1,300 calls in a second, of which the log shows 1,200 and declares no more."""
    return LogOf(records=[make_record(n, at_ms=DAY_MS + 5000 + n % 1000) for n in range(1300)], cap=1200)


def second_across_pages() -> LogOf:
    """Calls of one second at the end of the first page and the beginning of the second."""
    return LogOf(records=[make_record(n, at_ms=DAY_MS + n // 7 * 1000) for n in range(1500)])


def step_without_overlap(self: Any, page: Any, *_: int) -> int:
    places = calllog.read_places(page)
    self._take(places, page.records)
    return max(ms for _, ms in places if ms is not None) // 1000 + 1


def misses_late_ones(ground: Ground) -> bool:
    sandbox = ground.open_sandbox(replace(SCENARIOS["log_rows_inserted"], volume=1300))
    report, _ = ground.sync(sandbox)
    return not report.is_whole or ground.stored() != truth_of(sandbox)


def doubles_the_edge(ground: Ground) -> bool:
    """A call at the first instant of a day, which Ringba counts to the day before as well."""
    ground.sync(LogOf(records=[make_record(1, at_ms=DAY_MS)]), days=[DAY - timedelta(days=1), DAY])
    return bool(ground.stored(DAY - timedelta(days=1)))


# Answers.

_SOUND = logpage._check


def check_without(name: str) -> Callable[[Any, bytes], Any]:
    """The check of an envelope that does not see one field."""

    def check(envelope: Any, body: bytes) -> Any:
        setattr(envelope.report if name == "partialResult" else envelope, name, None)
        return _SOUND(envelope, body)

    return check


def half_of_it(**said: Any) -> LogOf:
    """Half of the day, with the count of the half, and an envelope that says that it is not all."""

    def halve(_: int, __: Any, answer: dict[str, Any]) -> None:
        answer["report"] |= {"records": RECORDS[:20], "totalCount": 20}
        place = answer["report"] if "partialResult" in said else answer
        place.update(said)

    return LogOf(records=RECORDS, changed=halve)


# The network.


def follow_redirects(patch: pytest.MonkeyPatch) -> None:
    plain = httpx.Client
    patch.setattr(http.httpx, "Client", lambda **how: plain(**how | {"follow_redirects": True}))


def is_led_to(host: str) -> Callable[[Ground], bool]:
    """Wrong where a second server hears of anything."""

    def is_wrong(ground: Ground) -> bool:
        with FaultServer(LogOf(records=[])) as other:
            away = redirect(other.url.replace("127.0.0.1", host))
            ground.sync(LogOf(records=[]), itertools.repeat(away), socket=True)
            return bool(other.requests)

    return is_wrong


def asks_a_stranger(ground: Ground) -> bool:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    with suppress(SettingsError, PlatformError):
        client = http.Client(
            "https://example.net/v2", headers={}, platform="Ringba", transport=httpx.MockTransport(answer)
        )
        with client:
            client.fetch_json("GET", "/ringbaaccounts", what="the account", pace=ground.pace())
    return bool(asked)


def uses_more_than_its_share(ground: Ground) -> bool:
    pace, times = ground.pace("8/minute", patience_s=3600), []
    for _ in range(30):
        pace.wait()
        times.append(ground.clock.at)
    ground.stamps = times
    return ground.most_in(60) > 6


def never_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deadline, "is_over", False)
    patch.setattr(Deadline, "least", lambda _, timeout: timeout)


def takes_a_drip(ground: Ground) -> bool:
    """An answer of more than a hundred bytes, one each 6 ms, where 0.3 s are allowed."""
    with FaultServer(LogOf(records=[]), [drip(tick_s=0.006)]) as server:
        address = f"{server.url}/v2"
        with ringba.Ringba(ground.settings(ringba_api_url=address), pace=ground.pace()) as one, suppress(PlatformError):
            list(one.call_log().read(DAY_START, DAY_START + timedelta(days=1)))
            return True
    return False


def asks_again_at_once(ground: Ground) -> bool:
    ground.sync(LogOf(records=RECORDS), [ok(), rate_limited(code=200)])
    return ground.stamps[2] - ground.stamps[1] < 60


# From pages to the archive.

NEW = [record | ({"sentimentScore": "0.8"} if n % 2 else {}) for n, record in enumerate(RECORDS)]
_SPOOL_USUAL, _STORED_SQL, _BUILD_FACTS = CallPages._spool_usual, CallPages._stored_sql, CallPages._build_facts


def spool_without_refusal(self: CallPages, *records: Any) -> str:
    """The records read by a fixed list of names: DuckDB passes over every other name without a word."""
    detected = "auto_detect=true, sample_size=1, map_inference_threshold=-1"
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in API_IDS.values())
    usual = _SPOOL_USUAL(self, *records)
    assert detected in usual
    return usual.replace(detected, f"columns={{{columns}}}")


def forgets_new_columns(ground: Ground) -> bool:
    ground.sync(LogOf(records=NEW))
    pull = ground.archive.newest(DAY)
    return pull is None or pull.facts.new_columns != ("sentimentScore",)


def lose_a_row(self: CallPages, *how: Any) -> str:
    return f"select * from ({_STORED_SQL(self, *how)}) where call_id <> 'RGB00007'"  # noqa: S608  # a query of the product's own


def count_blindly(self: CallPages, **given: Any) -> Any:
    self.rows_in = self._ask(f"select count(*) from {self._stored()}")[0]  # noqa: S608  # files of our own
    return _BUILD_FACTS(self, **given)


def takes_damage(ground: Ground) -> bool:
    """A bit that has turned over in the middle of the calls."""
    ground.sync(LogOf(records=RECORDS))
    pull = ground.archive.newest(DAY)
    assert pull
    content = bytearray(pull.path.read_bytes())
    content[len(content) // 4] ^= 1
    pull.path.chmod(0o600)
    pull.path.write_bytes(content)
    return ground.archive.newest(DAY) is not None


def counts_twice(ground: Ground) -> bool:
    """A call that the log gives twice, and counts twice."""
    ground.sync(LogOf(records=[*RECORDS, dict(RECORDS[7])]))
    pull = ground.archive.newest(DAY)
    assert pull
    return callselect.select_calls([pull.path], period=None).ledger.rows_used != len(RECORDS)


def goes_on_past_the_columns(ground: Ground) -> bool:
    report, far = ground.sync(ground.open_sandbox("log_column_renamed"))
    assert not report.is_whole
    return bool(log_requests(far))


GUARDS = {
    "the count at the end": Guard(
        remove=put(_Reading, "surplus", property(lambda _: 0)), is_wrong=accepts(swap_a_row())
    ),
    "the counts of each page": Guard(remove=without_counts, is_wrong=accepts(newest_first())),
    "reading again when calls came in": Guard(
        remove=put(_Reading, "surplus", property(lambda self: min(len(self._rows) - self._total, 0))),
        is_wrong=misses_late_ones,
    ),
    "the refusal at the cap": Guard(
        prepare=put(calllog, "DEEPEST", 1200),
        remove=put(calllog, "DEEPEST", 10**9),
        is_wrong=accepts(crowded_second()),
    ),
    "the second that pages share": Guard(
        remove=put(_Reading, "_step", step_without_overlap), is_wrong=differs(second_across_pages())
    ),
    "the half-open end": Guard(
        remove=put(_Reading, "inside", lambda self: [record for _, record in self._rows.values()]),
        is_wrong=doubles_the_edge,
    ),
    "partialResult": Guard(
        remove=put(logpage, "_check", check_without("partialResult")), is_wrong=accepts(half_of_it(partialResult=True))
    ),
    "isSuccessful": Guard(
        remove=put(logpage, "_check", check_without("isSuccessful")), is_wrong=accepts(half_of_it(isSuccessful=False))
    ),
    "no redirects": Guard(remove=follow_redirects, is_wrong=is_led_to("127.0.0.1")),
    "one host for a client": Guard(
        prepare=follow_redirects,
        remove=put(http._OneHost, "handle_request", lambda self, request: self._inner.handle_request(request)),
        is_wrong=is_led_to("localhost"),
    ),
    "the platform's hosts only": Guard(
        remove=put(http, "_allowed_host", lambda *_: "example.net"), is_wrong=asks_a_stranger
    ),
    "three quarters of a limit": Guard(
        remove=put(Limit, "allowed", property(lambda self: self.count)), is_wrong=uses_more_than_its_share
    ),
    "the deadline": Guard(prepare=put(ringba, "_DEADLINE_S", 0.3), remove=never_over, is_wrong=takes_a_drip),
    "the rate limit in a 200": Guard(
        remove=put(httpanswer, "is_rate_limit", lambda _: False), is_wrong=asks_again_at_once
    ),
    "the refusal of new names": Guard(
        remove=put(CallPages, "_spool_usual", spool_without_refusal), is_wrong=forgets_new_columns
    ),
    "rows in = rows stored": Guard(
        prepare=put(CallPages, "_stored_sql", lose_a_row),
        remove=put(CallPages, "_build_facts", count_blindly),
        is_wrong=accepts(LogOf(records=RECORDS)),
    ),
    "the contract of columns": Guard(
        remove=put(Contract, "check", lambda *_: None),
        is_wrong=accepts(LogOf(records=[record | {"hasConnected": [1]} for record in RECORDS])),
    ),
    "the list of columns": Guard(
        remove=put(sync, "check_columns_of", lambda _: None), is_wrong=goes_on_past_the_columns
    ),
    "the seal": Guard(remove=put(parquetseal, "is_sound", lambda _: True), is_wrong=takes_damage),
    "a repeated call counts once": Guard(
        remove=put(callselect, "_JUDGED", callselect._JUDGED.replace("row_number() over same_call > 1", "false")),
        is_wrong=counts_twice,
    ),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_gone_is_missed(name, tmp_path, monkeypatch):
    guard = GUARDS[name]
    guard.prepare(monkeypatch)
    assert not guard.is_wrong(Ground(tmp_path / "with")), "wrong although the guard is there"
    guard.remove(monkeypatch)
    assert guard.is_wrong(Ground(tmp_path / "without")), "nothing misses this guard"
