"""Times as people paste them from Ringba's web page: several formats, mostly without a zone.

Where day and month cannot be told apart, or a clock change leaves the instant open, the time is not known.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kayzen_nb.errors import ParameterError, Problem
from kayzen_nb.ringba_values import read_time

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:\s*[ap]\.?m\.?)?"
_NUMBERS = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}),?\s+(?:at\s+)?({_CLOCK})", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"([A-Za-z]{{3,9}})\.?\s+(\d{{1,2}}),?\s+(\d{{4}}),?\s+(?:at\s+)?({_CLOCK})", re.IGNORECASE)
_DAY_FIRST = re.compile(rf"(\d{{1,2}})\.?\s+([A-Za-z]{{3,9}})\.?,?\s+(\d{{4}}),?\s+(?:at\s+)?({_CLOCK})", re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?", re.IGNORECASE)
_EPOCH_MS = re.compile(r"1\d{12}", re.ASCII)
_EPOCH_S = re.compile(r"1\d{9}", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def find_zone(name: str) -> ZoneInfo:
    """An IANA zone. Raises ParameterError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name is an OSError
        what, step = f"{name[:60]!r} is no time zone.", "Give an IANA name, such as America/New_York or UTC."
    raise ParameterError(Problem(what=what, where="time zone", next_step=step))


def is_time(text: str) -> bool:
    """Whether a piece of text is a time and nothing else, whether or not it can be read without doubt."""
    plain = text.strip()
    return any(form.fullmatch(plain) for form in (_NUMBERS, _MONTH_FIRST, _DAY_FIRST, _ISO, _EPOCH_MS))


def read_log_time(text: str, zone: ZoneInfo) -> datetime | None:
    """A pasted time as an instant in UTC; a time without a zone was shown in ``zone``."""
    plain = text.strip()
    if _EPOCH_MS.fullmatch(plain) or _EPOCH_S.fullmatch(plain):
        return read_time(int(plain) * (1 if len(plain) == 13 else 1000))
    for day, clock in _split(plain):
        at = _at(day, clock)
        return _instant(at, zone) if at else None
    return _read_iso(plain, zone)


def _split(text: str) -> Iterator[tuple[tuple[int, int, int], str]]:
    """Year, month, day and the clock's text, where the order of day and month is certain."""
    if found := _NUMBERS.fullmatch(text):
        day = _order(int(found[1]), int(found[3]), is_american=found[2] == "/" and "m" in found[5].casefold())
        if day:
            yield (int(found[4]), *day), found[5]
    elif found := _MONTH_FIRST.fullmatch(text):
        if month := _month(found[1]):
            yield (int(found[3]), month, int(found[2])), found[4]
    elif (found := _DAY_FIRST.fullmatch(text)) and (month := _month(found[2])):
        yield (int(found[3]), month, int(found[1])), found[4]


def _order(first: int, second: int, *, is_american: bool) -> tuple[int, int] | None:
    """Month and day: certain with AM or PM, which Ringba's own format has, or where one cannot be a month."""
    if is_american or second > 12 >= first:
        return first, second
    return (second, first) if first > 12 or first == second else None


def _month(word: str) -> int | None:
    return _MONTHS.index(word[:3].casefold()) + 1 if word[:3].casefold() in _MONTHS else None


def _at(day: tuple[int, int, int], clock: str) -> datetime | None:
    found = re.match(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?", clock)
    if not found:
        return None
    hour, half = int(found[1]), re.search(r"[ap]", clock, re.IGNORECASE)
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half[0].casefold() == "p")
    try:
        return datetime(*day, hour, int(found[2]), int(found[3] or 0), int((found[4] or "0").ljust(6, "0")))  # noqa: DTZ001  # local to the page's zone, which _instant adds
    except ValueError:
        return None


def _read_iso(text: str, zone: ZoneInfo) -> datetime | None:
    if not _ISO.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(re.sub(r"\s*(?:Z|UTC)$", "+00:00", text, flags=re.IGNORECASE))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else _instant(at, zone)


def _instant(at: datetime, zone: ZoneInfo) -> datetime | None:
    """A local time as an instant; None where a clock change shows it twice or skips it."""
    try:
        offsets = {at.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
        return at.replace(tzinfo=zone).astimezone(UTC) if len(offsets) == 1 else None
    except OverflowError:
        return None
