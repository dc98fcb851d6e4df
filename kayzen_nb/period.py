"""A period: first and last day, both included, in one named IANA time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS_AGO = re.compile(r"-(\d{1,4})d")


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days as a person says them; ``start_utc`` and ``end_utc`` bound them half-open (end excluded)."""

    first_day: date
    last_day: date
    zone: str

    @property
    def start_utc(self) -> datetime:
        """The first instant of the first day, aware UTC."""
        return _midnight_utc(self.first_day, self.zone)

    @property
    def end_utc(self) -> datetime:
        """The first instant after the last day, aware UTC."""
        return _midnight_utc(self.last_day + timedelta(days=1), self.zone)

    @property
    def days(self) -> tuple[date, ...]:
        """Every day of the period, in order."""
        count = (self.last_day - self.first_day).days + 1
        return tuple(self.first_day + timedelta(days=n) for n in range(count))

    @property
    def utc_days(self) -> tuple[date, ...]:
        """The UTC days that the period touches, in order."""
        first, last = self.start_utc.date(), (self.end_utc - timedelta(microseconds=1)).date()
        return tuple(first + timedelta(days=n) for n in range((last - first).days + 1))

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day} ({self.zone})"


def resolve_day(text: str, today: date) -> date:
    """A day from ``2026-11-01``, ``today``, ``yesterday`` or ``-7d`` (seven days before today).

    Raises ValueError when the text is none of these.
    """
    word = text.strip().casefold()
    if word in ("today", "yesterday"):
        return today - timedelta(days=int(word == "yesterday"))
    if ago := _DAYS_AGO.fullmatch(word):
        return today - timedelta(days=int(ago[1]))
    return date.fromisoformat(word)


def _midnight_utc(day: date, zone: str) -> datetime:
    """Local midnight as an instant. Where a clock change skips midnight, the first instant after it.

    ``fold=0`` takes the earlier of two midnights, so that neighbouring days share their boundary.
    """
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
