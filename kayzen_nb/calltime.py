"""What the call time in a fired URL means: its format, and the zone it was written in.

Nobody documents what Ringba writes for ``[Call:CallDateTime]``, nor what Kayzen reads (``ringba.md`` 5.5, ``kayzen.md``
2.4). Both are inferred here: a time without a zone names an instant only beside the call's own time from the API.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLACK = timedelta(minutes=2)  # seconds may be cut off, and a log writes a moment later
_QUARTER = timedelta(minutes=15)  # every zone's offset is a multiple
_FURTHEST = (timedelta(hours=-12), timedelta(hours=14))
_EPOCHS = {10: ("epoch seconds", 1), 13: ("epoch milliseconds", 1_000), 16: ("epoch microseconds", 1_000_000)}
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}),? (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([AaPp])\.?[Mm]\.?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeStanding(StrEnum):
    """Whether a written time can be the call's."""

    RIGHT = "right"
    WRONG = "wrong"
    UNREADABLE = "unreadable"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, kw_only=True)
class TimeReading:
    """One reading of a written time: ``moment`` is aware where the text names an instant, naive where it does not."""

    format: str
    moment: datetime


@dataclass(frozen=True, kw_only=True)
class TimeJudgement:
    """What a written time is, beside the call's own. ``offset`` is the inferred distance of its zone from UTC."""

    standing: TimeStanding
    sentence: str
    offset: timedelta | None = None


def read_times(text: str) -> tuple[TimeReading, ...]:
    """Every way to read the text as a time: epoch, ISO, or with slashes (month first, then day first). May be none."""
    return tuple(_readings(" ".join(text.split())))


def judge_time(text: str, call_at: datetime | None) -> TimeJudgement:
    """Compare a written time with the call's own (aware, UTC; None: not known), and infer its zone."""
    readings = read_times(text)
    if not readings:
        return TimeJudgement(standing=TimeStanding.UNREADABLE, sentence="not in a known form of a time")
    if call_at is None:
        sentence = f"{readings[0].format}; the call's own time is not known, so it is not compared"
        return TimeJudgement(standing=TimeStanding.NOT_COMPARED, sentence=sentence)
    judged = [_judge(reading, call_at) for reading in readings]
    return next((j for j in judged if j.standing is TimeStanding.RIGHT), judged[0])


def _readings(text: str) -> Iterator[TimeReading]:
    if text.isdigit() and text.isascii() and len(text) in _EPOCHS:
        form, unit = _EPOCHS[len(text)]
        yield TimeReading(format=form, moment=_EPOCH + timedelta(microseconds=int(text) * 1_000_000 // unit))
    elif slashed := _SLASHED.fullmatch(text):
        yield from _slashed(slashed)
    elif re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        try:
            moment = datetime.fromisoformat(_restore_plus(text))
        except ValueError:
            return
        yield TimeReading(format="ISO 8601" + (" with a zone" if moment.tzinfo else " without a zone"), moment=moment)


def _restore_plus(text: str) -> str:
    """An unencoded ``+05:00`` arrives as `` 05:00``: put the plus back."""
    return re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if text.count(":") > 2 else text


def _slashed(found: re.Match[str]) -> Iterator[TimeReading]:
    first, second, year, hour, minute = (int(found[n]) for n in range(1, 6))
    if found[7]:
        hour = hour % 12 + (12 if found[7] in "Pp" else 0)
    clock = (hour, minute, int(found[6] or 0))
    for form, month, day in (("month/day/year", first, second), ("day/month/year", second, first)):
        try:
            yield TimeReading(format=f"{form} without a zone", moment=datetime(year, month, day, *clock))  # noqa: DTZ001  # it has none
        except ValueError:
            continue


def _judge(reading: TimeReading, call_at: datetime) -> TimeJudgement:
    if reading.moment.tzinfo:
        return _judge_instant(reading, call_at)
    away = reading.moment - call_at.replace(tzinfo=None)
    offset = round(away / _QUARTER) * _QUARTER
    if abs(away - offset) <= _SLACK and _FURTHEST[0] <= offset <= _FURTHEST[1]:
        sentence = f"{reading.format}; beside the call's own time it was written in {_name(offset)} (inferred)"
        return TimeJudgement(standing=TimeStanding.RIGHT, sentence=sentence, offset=offset)
    return TimeJudgement(
        standing=TimeStanding.WRONG, sentence=f"{reading.format}, {_distance(away)} the call's own time"
    )


def _judge_instant(reading: TimeReading, call_at: datetime) -> TimeJudgement:
    away = reading.moment - call_at
    if abs(away) <= _SLACK:
        return TimeJudgement(standing=TimeStanding.RIGHT, sentence=f"{reading.format}, equal to the call's own time")
    sentence = f"{reading.format}, {_distance(away)} the call's own time"
    offset = round(away / _QUARTER) * _QUARTER
    if abs(away - offset) <= _SLACK and _FURTHEST[0] <= offset <= _FURTHEST[1]:
        sentence += f": it looks like a local time ({_name(offset)}) marked as another zone"
    return TimeJudgement(standing=TimeStanding.WRONG, sentence=sentence)


def _name(offset: timedelta) -> str:
    minutes = offset // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"


def _distance(away: timedelta) -> str:
    side = "before" if away < timedelta() else "after"
    size = abs(away)
    if size >= timedelta(days=2):
        return f"{size.days:,} days {side}"
    return f"{size // timedelta(hours=1)} h {size // timedelta(minutes=1) % 60} min {side}"
