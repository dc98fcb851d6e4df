"""Local days and hours in SQL: calls are counted by plain arithmetic on UTC, never converted one by one.

A table gives each number of a span, or of a day, its local day, weekday and hour. Converting each call with the
engine's own time zones costs two to three times the whole count.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.definition import BUCKET, RIPE, instant_sql
from kayzen_nb.period import Period

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kayzen_nb.definition import Definition

EPOCH = date(1970, 1, 1)
_SPANS_S = (3600, 1800, 900)  # no zone in use is off by less than a quarter of an hour


def span_s(period: Period) -> int:
    """The longest of an hour, a half and a quarter of one in which no local hour begins, all through the period."""
    zone, day = ZoneInfo(period.zone), timedelta(days=1)
    moments = [period.start_utc + n * day for n in range(len(period.days) + 2)]
    offsets = {int((moment.astimezone(zone).utcoffset() or day).total_seconds()) for moment in moments}
    return next((span for span in _SPANS_S if not any(offset % span for offset in offsets)), _SPANS_S[-1])


def local_sql(period: Period, span_s: int) -> str:
    """DuckDB's expression for the number of local spans (a day, an hour) since 1970: UTC moved by the zone's offset."""
    *changes, (_, last) = _offsets(period)
    whens = "".join(f"when call_at < {instant_sql(until)} then {offset_us} " for until, offset_us in changes)
    moved = f"case {whens}else {last} end" if whens else str(last)
    return f"(epoch_us(call_at) + {moved}) // {span_s * 1_000_000}"


def days_sql(definition: Definition, period: Period) -> str:
    """Every local day of the period by its number since 1970, with weekday (Monday is 0) and ripeness, as a table."""
    until = definition.ripe_until
    rows = [
        f"({(day - EPOCH).days}, date '{day}', {day.weekday()}, {until is None or _begins(day, period) < until})"
        for day in period.days
    ]
    return f"(values {', '.join(rows)}) as days({BUCKET}, day, weekday, {RIPE})"


def spans_sql(definition: Definition, period: Period) -> str:
    """Every UTC span of the period with its local day, weekday (Monday is 0), hour, and ripeness, as a table in SQL."""
    zone, span = ZoneInfo(period.zone), timedelta(seconds=span_s(period))
    first, until = int(period.start_utc.timestamp()) // span.seconds, definition.ripe_until
    rows: list[str] = []
    moment = period.start_utc
    while moment < period.end_utc:
        local, is_ripe = moment.astimezone(zone), until is None or moment < until
        rows.append(f"({first + len(rows)}, date '{local:%Y-%m-%d}', {local.weekday()}, {local.hour}, {is_ripe})")
        moment += span
    return f"(values {', '.join(rows)}) as spans({BUCKET}, day, weekday, hour, {RIPE})"


def _offsets(period: Period) -> list[tuple[datetime, int]]:
    """The zone's offsets during the period in order, in microseconds, each with the moment until which it holds."""
    zone = ZoneInfo(period.zone)
    found: list[tuple[datetime, int]] = []
    for moment, until in _spans(period):
        offset = (moment.astimezone(zone).utcoffset() or timedelta()) // timedelta(microseconds=1)
        if found and found[-1][1] == offset:
            found.pop()
        found.append((until, offset))
    return found


def _spans(period: Period) -> Iterator[tuple[datetime, datetime]]:
    step, moment = timedelta(seconds=span_s(period)), period.start_utc
    while moment < period.end_utc:
        yield moment, moment + step
        moment += step


def _begins(day: date, period: Period) -> datetime:
    return Period(first_day=day, last_day=day, zone=period.zone).start_utc
