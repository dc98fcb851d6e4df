"""Days that an export may not cover: an exported file says neither where it begins nor where it ends."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kayzen_nb.period import Period

# So many calls would have been expected where none is: by chance that happens once in 20,000 times (Poisson, exp(-10)).
_EXPECTED = 10
_HOUR_S = 3600


def find_gaps(hours: Mapping[int, int], period: Period) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """The local days of the period that the export may not hold at all, and those that it may hold in part.

    ``hours`` counts all calls of the export by UTC hour since 1970, whatever their campaign. A run of empty days is
    doubtful where the other days let ten calls be expected in it; an edge of the export where ten calls would usually
    have come earlier, or later, that day.
    """
    if not hours:
        return (), ()
    by_hour = {_local(hour, period.zone): count for hour, count in sorted(hours.items())}
    daily: Counter[date] = Counter()
    for (day, _), count in by_hour.items():
        daily[day] += count
    a_day = sum(daily.values()) / len(daily)
    empty = tuple(day for run in _runs(period, daily) if len(run) * a_day >= _EXPECTED for day in run)
    edges = {day for day in (min(daily), max(daily)) if _lacks_edge(day, by_hour, daily)}
    return empty, tuple(day for day in period.days if day in edges)


def _local(hour: int, zone: str) -> tuple[date, int]:
    moment = datetime.fromtimestamp(hour * _HOUR_S, UTC).astimezone(ZoneInfo(zone))
    return moment.date(), moment.hour


def _runs(period: Period, daily: Mapping[date, int]) -> Iterator[list[date]]:
    """The runs of days without any call."""
    for is_empty, run in groupby(period.days, key=lambda day: not daily.get(day)):
        if is_empty:
            yield list(run)


def _lacks_edge(day: date, by_hour: Mapping[tuple[date, int], int], daily: Mapping[date, int]) -> bool:
    """Whether the first or the last day of the export seems to be cut: its side without calls is usually not empty."""
    others = [one for one in daily if min(daily) < one < max(daily)]
    if not others:
        return False
    first, last = (edge(hour for one, hour in by_hour if one == day) for edge in (min, max))
    missing = [hour for hour in range(24) if (hour < first if day == min(daily) else hour > last)]
    usual = sum(by_hour.get((one, hour), 0) for one in others for hour in missing) / len(others)
    return usual >= _EXPECTED
