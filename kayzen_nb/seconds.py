"""Many lengths of time, counted: exact medians and percentiles, and bins that people can read."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_WIDTHS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_BINS = 30


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """How many calls have each whole number of seconds; ``untold`` calls have none."""

    calls_of: Mapping[int, int] = field(default_factory=dict)
    untold: int = 0

    @property
    def calls(self) -> int:
        """The calls whose time is told."""
        return sum(self.calls_of.values())

    def at(self, share: Fraction) -> int | None:
        """The shortest time that at least this share of the calls does not exceed (nearest rank); None without calls.

        R. J. Hyndman and Y. Fan 1996, definition 1: always a time that was counted, never one in between.
        """
        wanted, met = share * self.calls, 0
        for second in sorted(self.calls_of):
            met += self.calls_of[second]
            if met >= wanted:
                return second
        return None

    @property
    def median(self) -> Fraction | None:
        """The middle time; half-way between the two in the middle when the calls are even in number."""
        lower, upper = self.at(Fraction(1, 2)), self.at(Fraction(self.calls // 2 + 1, max(self.calls, 1)))
        return None if lower is None or upper is None else Fraction(lower + upper, 2)

    @property
    def p90(self) -> int | None:
        """The time that nine calls of ten do not exceed."""
        return self.at(Fraction(9, 10))

    @property
    def shortest(self) -> int | None:
        """The shortest time; None without calls."""
        return min(self.calls_of, default=None)

    def below(self, end: int) -> int:
        """Calls of less than ``end`` seconds."""
        return sum(calls for second, calls in self.calls_of.items() if second < end)

    def at_least(self, start: int) -> int:
        """Calls of ``start`` seconds or more."""
        return self.calls - self.below(start)

    def between(self, start: int, end: int | None) -> int:
        """Calls of at least ``start`` and less than ``end`` seconds; ``end`` None: of any length above."""
        return self.at_least(start) - (self.at_least(end) if end is not None else 0)


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Times from ``start_s`` to ``end_s`` (not included); the last bin is open: ``end_s`` None."""

    start_s: int
    end_s: int | None

    def __str__(self) -> str:
        if self.end_s is None:
            return f"{self.start_s} or more"
        return str(self.start_s) if self.end_s == self.start_s + 1 else f"{self.start_s} to {self.end_s - 1}"


def find_bins(times: Seconds, mark_s: int | None = None) -> list[Bin]:
    """At most 30 equal bins that hold 99 of 100 calls, and one for the longer ones.

    A width is taken that people count in, so that ``mark_s``, a threshold, falls between two bins where one does.
    """
    last = times.at(Fraction(99, 100))
    if last is None:
        return []
    last = max(last, mark_s or 0)
    fitting = [width for width in _WIDTHS_S if last // width < _MOST_BINS] or [last // _MOST_BINS + 1]
    width = next((one for one in fitting if not (mark_s or 0) % one and one <= 3 * fitting[0]), fitting[0])
    bins = [Bin(start_s=start, end_s=start + width) for start in range(0, last + 1, width)]
    rest = (last // width + 1) * width
    return [*bins, Bin(start_s=rest, end_s=None)] if times.at_least(rest) else bins


def say_seconds(value: Fraction | int | None) -> str:
    """A length of time as a page says it: ``12 s``, ``12.5 s``, ``unknown``."""
    if value is None:
        return "unknown"
    return f"{int(value):,} s" if value == int(value) else f"{float(value):,.1f} s"
