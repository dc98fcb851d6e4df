"""The hour that the clock shows twice: its calls are told apart by the order of the file, or counted as not told.

A file in order of time can be looked into like a dictionary: its middle, the middle of a half, and so on. So the calls
around the hour are found and judged before the file is read as a whole, whatever its size.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from kayzen_nb.calllayout import Layout
    from kayzen_nb.localclock import LocalClock, Span

    Times = list[datetime | None]

_DISORDER = timedelta(seconds=60)  # Ringba's export is "newest first mostly, not strictly" (ringba.md 6.1)
_LEAST_STEPS = 6  # fewer rows may stand in order by chance
_LONGEST_SILENCE = 3  # times the longest one nearby
_NEIGHBOURS = 50  # rows before and after an hour that show the file's order
_BLOCK = 64 * 1024
_LARGEST_REGION = 64 * 1024 * 1024


def resolve_repeated(times: Sequence[datetime], hour: Span) -> list[bool] | None:
    """Which of neighbouring rows, given by local time in the file's order, come after the clock was set back.

    Where rows stand in order of time, oldest or newest first, local time steps back once, within the hour. None: they
    do not stand in order, or no such step is seen, or it would mean a silence much longer than others nearby (then it
    is rather a row out of order).
    """
    oldest_first = _resolve_ascending(times, hour)
    if oldest_first is not None:
        return oldest_first
    newest_first = _resolve_ascending(times[::-1], hour)
    return newest_first[::-1] if newest_first is not None else None


def _resolve_ascending(times: Sequence[datetime], hour: Span) -> list[bool] | None:
    steps = [after - before for before, after in pairwise(times)]
    onward = [step for step in steps if step > timedelta()]
    back = [at for at, step in enumerate(steps) if step < -_DISORDER]
    if len(back) != 1 or len(onward) < _LEAST_STEPS:
        return None
    at = back[0]
    silence = (hour.end - hour.start) + steps[at]
    is_inside = _is_in(times[at], hour) and _is_in(times[at + 1], hour)
    if not is_inside or silence > max(max(onward) * _LONGEST_SILENCE, _DISORDER):
        return None
    return [row > at for row in range(len(times))]


def _is_in(time: datetime, hour: Span) -> bool:
    return hour.start <= time < hour.end


@dataclass(frozen=True, kw_only=True)
class ToldApart:
    """An hour whose calls the file's order tells apart: how many, and the ids of those of the second pass."""

    hour: Span
    rows: int
    second: tuple[str, ...]


def tell_apart(order: OrderedFile, clock: LocalClock) -> list[ToldApart]:
    """The repeated hours that the order of a file tells apart."""
    return [told for hour in clock.repeated if order.spans(hour) and (told := _judge(order.around(hour), hour))]


def note_hour(hour: Span, rows: int, told: int) -> str:
    """What a page says of so many calls in a repeated hour, of which the file's order tells so many apart."""
    calls = "1 call falls" if rows == 1 else f"{rows:,} calls fall"
    fall = f"{calls} into the repeated hour of {hour.start:%Y-%m-%d}"
    if told >= rows:
        return f"{fall}: told apart by the file's order."
    if told:
        return f"{fall}: {told:,} told apart by the file's order, {rows - told:,} not, and taken as the first pass."
    return f"{fall}; the file's order does not tell the two passes apart: taken as the first."


def _judge(rows: list[tuple[str, datetime]], hour: Span) -> ToldApart | None:
    within = [at for at, (_, time) in enumerate(rows) if _is_in(time, hour)]
    rows = rows[max(0, within[0] - _NEIGHBOURS) : within[-1] + 1 + _NEIGHBOURS] if within else []
    after = resolve_repeated([time for _, time in rows], hour)
    if after is None:
        return None
    inside = [(call_id, is_after) for (call_id, time), is_after in zip(rows, after, strict=True) if _is_in(time, hour)]
    if len({call_id for call_id, _ in inside}) < len(inside):  # ids would not say which row is meant
        return None
    second = tuple(call_id for call_id, is_after in inside if is_after)
    return ToldApart(hour=hour, rows=len(inside), second=second)


class OrderedFile:
    """A CSV that is looked into at any place, as if it stood in order of time.

    ``read_times`` reads texts as local times, None where they are none.
    """

    def __init__(self, file: Path, layout: Layout, read_times: Callable[[list[str]], Times]) -> None:
        self._file, self._layout, self._read_times = file, layout, read_times
        self._size = file.stat().st_size
        first, last = self._probe(0), self._probe(max(0, self._size - _BLOCK), last=True)
        self._ends = (first, last) if first and last else None
        self._is_ascending = bool(first and last and first <= last)

    @property
    def years(self) -> tuple[int, int] | None:
        """The years of its first and last row, the earlier one first; None where they are not found."""
        return (min(self._ends).year, max(self._ends).year) if self._ends else None

    def spans(self, hour: Span) -> bool:
        """Whether the hour may lie between the file's first and last row."""
        return self._ends is not None and min(self._ends) < hour.end and max(self._ends) >= hour.start

    def around(self, hour: Span) -> list[tuple[str, datetime]]:
        """Id and local time of the rows around an hour, in the file's order; empty where they are not found."""
        edges = (hour.start, hour.end) if self._is_ascending else (hour.end, hour.start)
        begin, end = (self._bisect(edge) for edge in edges)
        begin, end = max(0, begin - _BLOCK), min(self._size, end + 3 * _BLOCK)
        if not 0 < end - begin <= _LARGEST_REGION:
            return []
        rows = self._rows(begin, end)
        ids, at = self._layout.positions["call_id"], self._layout.positions["call_at"]
        if rows is None:
            return []
        times = self._read_times([row[at] for row in rows])
        return [(row[ids], time) for row, time in zip(rows, times, strict=True) if time is not None]

    def _bisect(self, edge: datetime) -> int:
        """Up to where, about, rows stand before an edge in time."""
        low, high = 0, self._size
        while high - low > _BLOCK:
            middle = (low + high) // 2
            time = self._probe(middle)
            if time is not None and (time < edge) == self._is_ascending:
                low = middle
            else:
                high = middle
        return low

    def _probe(self, offset: int, *, last: bool = False) -> datetime | None:
        """The local time of the first (or last) row that can be read within a block."""
        at = self._layout.positions["call_at"]
        rows = self._rows(offset, min(self._size, offset + _BLOCK), is_whole=False) or []
        picked = rows[-5:][::-1] if last else rows[:5]
        return next((time for time in self._read_times([row[at] for row in picked]) if time is not None), None)

    def _rows(self, begin: int, end: int, *, is_whole: bool = True) -> list[list[str]] | None:
        """The whole rows between two bytes; None where (``is_whole``) rows within are not whole."""
        with self._file.open("rb") as stream:
            stream.seek(begin)
            text = stream.read(end - begin).decode("utf-8-sig", errors="replace")
        text = text.partition("\n")[2]  # half a row, or the header
        if end < self._size:
            text = text.rpartition("\n")[0]
        try:
            found = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=self._layout.delimiter) if row]
        except csv.Error:
            return None
        return _without_ends(found, len(self._layout.header), is_whole=is_whole)


def _without_ends(rows: list[list[str]], count: int, *, is_whole: bool) -> list[list[str]] | None:
    """Rows of the right length, without what is left of a cut row at either end; None where one within is odd."""
    right = [at for at, row in enumerate(rows) if len(row) == count]
    if is_whole and right and right[-1] - right[0] + 1 != len(right):
        return None
    return [rows[at] for at in right]
