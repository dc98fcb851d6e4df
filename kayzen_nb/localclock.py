"""A time zone's offsets as a small DuckDB table, by which local times become instants in one join."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import duckdb


def create_clock(engine: duckdb.DuckDBPyConnection, zone: str) -> None:
    """The zone's offsets as a small table of local times, from Python's zone rules: table ``clock``.

    DuckDB's own conversion takes the second of two equal local times and moves skipped ones, silently.
    """
    engine.execute(
        "create temp table clock"
        " (local_from timestamp, local_until timestamp, offset_s bigint, repeated_from timestamp)"
    )
    first, last = engine.execute(
        "select min(t), max(t) from (select read_local(call_at) as t from raw) where is_plausible(t)"
    ).fetchone() or (None, None)
    if first:
        spans = _clock_spans(ZoneInfo(zone), first - timedelta(days=2), last + timedelta(days=2))
        engine.executemany("insert into clock values (?, ?, ?, ?)", spans)


def _clock_spans(
    zone: ZoneInfo, first: datetime, last: datetime
) -> list[tuple[datetime, datetime, int, datetime | None]]:
    """Spans of local time with one offset each, not overlapping: a repeated hour belongs to the span before it."""
    starts = [first, *_changes(zone, first, last), last]
    spans: list[tuple[datetime, datetime, int, datetime | None]] = []
    for start, end in pairwise(starts):
        offset, after = _offset(zone, start), _offset(zone, end)
        local_end = end + offset
        local_start = max(start + offset, spans[-1][1]) if spans else start + offset
        repeated_from = end + after if after < offset else None
        spans.append((local_start, local_end, int(offset.total_seconds()), repeated_from))
    return spans


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> list[datetime]:
    """The instants (UTC, naive) at which the zone's offset changes."""
    changes, at = [], first
    while at < last:
        following = min(at + timedelta(days=1), last)
        if _offset(zone, at) != _offset(zone, following):
            changes.append(_bisect(zone, at, following))
        at = following
    return changes


def _bisect(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with the later offset, between two instants a day apart."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(zone, middle) == _offset(zone, before) else (before, middle)
    return after


def _offset(zone: ZoneInfo, utc: datetime) -> timedelta:
    return utc.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()
