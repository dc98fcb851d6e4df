"""The call log's rows by UTC day, kept until something happens to one of them: a page must not cost its whole day."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from kayzen_nb.sandbox.ringba_shapes import record_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kayzen_nb.sandbox.callbook import CallBook
    from kayzen_nb.sandbox.invented import InventedCall

_ROWS_KEPT = 150_000
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class _Day:
    """A day's records in order of time, and the span of time in which they are true."""

    version: int
    since: datetime
    until: datetime
    times: list[datetime]
    records: list[dict[str, Any]]
    by_id: Mapping[str, tuple[InventedCall, dict[str, Any]]]

    def is_true(self, now: datetime, version: int) -> bool:
        return self.version == version and self.since <= now < self.until


class CallRows:
    """Records in the call log's shape, made once."""

    def __init__(self) -> None:
        self._days: OrderedDict[date, _Day] = OrderedDict()

    def between(self, book: CallBook, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The records of calls that began between two moments (aware UTC, both included), in order of time and id.

        They are shared: whoever changes one makes a copy.
        """
        found: list[dict[str, Any]] = []
        for n in range((min(end, book.now).date() - start.date()).days + 1):
            day = self._day(book, start.date() + timedelta(days=n))
            found += day.records[bisect_left(day.times, start) : bisect_right(day.times, end)]
        return found

    def _day(self, book: CallBook, day: date) -> _Day:
        held = self._days.get(day)
        if held is None or not held.is_true(book.now, book.held.version(day)):
            held = self._days[day] = _build_day(book, day, held)
            self._forget()
        self._days.move_to_end(day)
        return held

    def _forget(self) -> None:
        while len(self._days) > 1 and sum(len(day.records) for day in self._days.values()) > _ROWS_KEPT:
            self._days.popitem(last=False)


def _build_day(book: CallBook, day: date, before: _Day | None) -> _Day:
    """A day's records as of now; those of calls to which nothing happened since are taken over."""
    now, calls = book.now, book.on(day)
    old = before.by_id if before and before.since <= now < before.until else {}
    by_id: dict[str, tuple[InventedCall, dict[str, Any]]] = {}
    for call in calls:
        known = old.get(call.call_id)
        by_id[call.call_id] = known if known and known[0] is call else (call, record_of(call, now))
    return _Day(
        version=book.held.version(day),
        since=now,
        until=min((at for at in _moments(book, day) if at > now), default=_NEVER),
        times=[call.at for call in calls],
        records=[by_id[call.call_id][1] for call in calls],
        by_id=by_id,
    )


def _moments(book: CallBook, day: date) -> Iterable[datetime]:
    """When the records of a day change."""
    for call in book.whole(day):
        yield from (at for at in (call.at, call.connected_at, call.ended_at, call.converted_at, call.paid_at) if at)
    yield from book.restatements(day)
