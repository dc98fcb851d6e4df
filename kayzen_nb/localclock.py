"""A time zone's clock over some years: which instants its local times name, by Python's zone rules.

DuckDB's own conversion takes the second of two equal local times and moves skipped ones, silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

YEARS = (2000, 2100)  # in which a call may lie
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Local times from ``start`` until ``end`` (excluded; both naive) with one offset from UTC.

    ``offset`` is None where the clock skips these times. Where it shows them twice, ``offset`` is that of the first
    pass and ``again`` that of the second.
    """

    start: datetime
    end: datetime
    offset: timedelta | None
    again: timedelta | None = None

    @property
    def first_instant(self) -> datetime:
        """The instant (aware UTC) at which these times begin."""
        return (self.start - (self.offset or timedelta())).replace(tzinfo=UTC)

    @property
    def end_instant(self) -> datetime:
        """The instant (aware UTC) after their last one; where the clock shows them twice, of the second pass."""
        last = self.offset if self.again is None else self.again
        return (self.end - (last or timedelta())).replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class LocalClock:
    """All spans of a zone, in order, without holes between them."""

    spans: tuple[Span, ...]

    @property
    def repeated(self) -> tuple[Span, ...]:
        """The times that the clock shows twice."""
        return tuple(span for span in self.spans if span.again is not None)

    def as_sql(self, local: str, *, is_second: str = "false") -> str:
        """DuckDB SQL for the instant (TIMESTAMP, UTC) of a local time; null for a skipped one, and beyond the years.

        ``local`` is a TIMESTAMP column. A time that the clock shows twice is taken as the first, unless the condition
        ``is_second`` holds.
        """
        inside = f"{local} >= timestamp '{self.spans[0].start}' and {local} < timestamp '{self.spans[-1].end}'"
        return f"case when {inside} then {_choose(self.spans, local, is_second)} end"


@cache
def read_clock(zone: str, first_year: int = YEARS[0], last_year: int = YEARS[1]) -> LocalClock:
    """The clock of an IANA zone over some years. Raises what ``ZoneInfo`` raises for an unknown zone.

    A hundred years make 400 spans, on which DuckDB thinks for 60 ms before it begins: ask for what is needed.
    """
    first = datetime(first_year - 1, 12, 31)  # noqa: DTZ001  # UTC without saying so, as in DuckDB
    last = datetime(last_year + 1, 1, 2)  # noqa: DTZ001  # the same
    return LocalClock(spans=tuple(span for span in _spans(ZoneInfo(zone), first, last) if span.start < span.end))


def _choose(spans: Sequence[Span], local: str, is_second: str) -> str:
    """Halved again and again: nine comparisons find one of 300 spans, where a list would take 300."""
    if len(spans) == 1:
        return _instant(spans[0], local, is_second)
    middle = len(spans) // 2
    before, after = (_choose(half, local, is_second) for half in (spans[:middle], spans[middle:]))
    return f"case when {local} < timestamp '{spans[middle].start}' then {before} else {after} end"


def _instant(span: Span, local: str, is_second: str) -> str:
    if span.offset is None:
        return "null"
    first = f"{local} - {_interval(span.offset)}"
    return (
        first
        if span.again is None
        else f"case when {is_second} then {local} - {_interval(span.again)} else {first} end"
    )


def _interval(offset: timedelta) -> str:
    return f"interval '{int(offset.total_seconds())} seconds'"


def _spans(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[Span]:
    """From one change of the clock to the next, and between them what the change skips or shows twice."""
    offset = _offset(zone, first)
    start = first + offset
    for change in _changes(zone, first, last):
        after = _offset(zone, change)
        low, high = sorted((change + offset, change + after))
        yield Span(start=start, end=low, offset=offset)
        yield (
            Span(start=low, end=high, offset=None)
            if after > offset
            else Span(start=low, end=high, offset=offset, again=after)
        )
        start, offset = high, after
    yield Span(start=start, end=last + offset, offset=offset)


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[datetime]:
    """The instants (UTC, naive) at which the zone's offset changes; nowhere twice within a week."""
    weeks = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)] + [last]
    offsets = [_offset(zone, week) for week in weeks]
    for (week, following), (before, after) in zip(pairwise(weeks), pairwise(offsets), strict=True):
        if before != after:
            yield _bisect(zone, week, following, before)


def _bisect(zone: ZoneInfo, before: datetime, after: datetime, offset: timedelta) -> datetime:
    """The first second at which ``offset`` no longer holds, between two instants a week apart."""
    while after - before > _SECOND:
        middle = before + _SECOND * ((after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(zone, middle) == offset else (before, middle)
    return after


def _offset(zone: ZoneInfo, utc: datetime) -> timedelta:
    return utc.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()
