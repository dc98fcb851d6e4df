"""On which day a daily share, or a daily number, changed: the statistics, without words and without groups.

Days swing by more than their calls explain, and weekends differ from weekdays. So weekdays are compared with weekdays
and weekends with weekends, and a change is measured against the swings that the days themselves show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

LEAST_DAYS = 2  # on each side of a split
_LEAST_EXPECTED = 5  # successes, and failures, on each side: below, the normal approximation does not hold (Cochran)
_LEAST_MISSED = 10  # a run of zeros is looked at where at least as many were to be expected


@dataclass(frozen=True, kw_only=True)
class DayCount:
    """What happened on one local day: ``reached`` of ``tries``. For a plain number of calls ``tries`` is 1."""

    day: date
    reached: int
    tries: int

    @property
    def is_weekend(self) -> bool:
        """Saturday or Sunday: a stratum of its own."""
        return self.day.weekday() >= 5


@dataclass(frozen=True, kw_only=True)
class Span:
    """Days ``first`` to ``stop`` (excluded, places in the list) that differ from the others, corrected for the places.

    ``p_value`` is Bonferroni's: the smallest over all places where the change could have been, times their number.
    """

    first: int
    stop: int
    p_value: float


Sums = dict[bool, tuple[int, int]]  # stratum -> tries, reached


@dataclass(frozen=True, kw_only=True)
class _Swings:
    """The days without any change: each stratum has one rate, and ``total`` is how much the days swing around it."""

    sums: Sums
    total: float
    floor: float
    df: int
    is_share: bool

    def score(self, part: Mapping[bool, tuple[int, int]]) -> float:
        """How far a part of the days is from the rest, in standard errors (t with ``df``); 0 where it cannot be told.

        The stratified score statistic (Cochran 1954, Mantel and Haenszel 1959), its variance taken from the swings of
        the days, never below that of independent calls. A stratum that lies wholly on one side tells nothing.
        """
        crossing = {key: one for key, one in part.items() if 0 < one[0] < self.sums[key][0]}
        apart = sum(reached - tries * self._rate(key) for key, (tries, reached) in crossing.items())
        weight = sum(tries * (1 - tries / self.sums[key][0]) for key, (tries, _) in crossing.items())
        if not weight or not self._is_enough(crossing):
            return 0.0
        explained = apart * apart / weight
        noise = max(self.floor, (self.total - explained) / self.df)
        return math.sqrt(explained / noise) if noise > 0 else 0.0

    def expected(self, part: Mapping[bool, tuple[int, int]]) -> float:
        """How many were to be expected in a part, by the rates of the other days of the same strata."""
        total = 0.0
        for key, (tries, reached) in part.items():
            others, reached_there = self.sums[key][0] - tries, self.sums[key][1] - reached
            total += tries * reached_there / others if others else 0.0
        return total

    def _rate(self, key: bool) -> float:
        tries, reached = self.sums[key]
        return reached / tries

    def _is_enough(self, part: Mapping[bool, tuple[int, int]]) -> bool:
        sides = [
            [(key, t) for key, (t, _) in part.items()],
            [(key, self.sums[key][0] - t) for key, (t, _) in part.items()],
        ]
        for side in sides:
            reached = sum(tries * self._rate(key) for key, tries in side)
            missed = sum(tries for _, tries in side) - reached if self.is_share else math.inf
            if min(reached, missed) < _LEAST_EXPECTED:
                return False
        return True


def find_split(days: Sequence[DayCount], *, is_share: bool = True) -> Span | None:
    """The day from which on the rest of the days differs most from those before; None where nothing can be said.

    Days without tries tell nothing and must not be among them. At least ``LEAST_DAYS`` lie on each side.
    """
    swings, places = _measure(days, is_share=is_share), len(days) - 2 * LEAST_DAYS + 1
    if swings is None or places < 1:
        return None
    afters = list(_afters(days))[LEAST_DAYS : len(days) - LEAST_DAYS + 1]
    far, first = max((swings.score(after), -place) for place, after in enumerate(afters, LEAST_DAYS))
    if not far:
        return None
    return Span(first=-first, stop=len(days), p_value=min(places * two_sided_t(far, swings.df), 1.0))


def find_zeros(days: Sequence[DayCount], *, is_share: bool = True) -> Span | None:
    """The run of days with nothing at all that is missed most; None where no run could be told from chance.

    Days before the first that had something do not count: what has not begun is not missed.
    """
    begun = next((place for place, one in enumerate(days) if one.reached), len(days))
    swings = _measure(days[begun:], is_share=is_share)
    if swings is None:
        return None
    runs = [(swings.expected(_sums(days[first:stop])), first, stop) for first, stop in _runs_of_zeros(days, begun)]
    missed, first, stop = max(runs, default=(0.0, 0, 0))
    if missed < _LEAST_MISSED:
        return None
    far = swings.score(_sums(days[first:stop]))
    return Span(first=first, stop=stop, p_value=min((len(days) - begun) * two_sided_t(far, swings.df), 1.0))


def two_sided_t(t: float, df: int) -> float:
    """How often Student's t with ``df`` degrees of freedom is at least as far from 0 (two-sided), exact to 1e-15.

    The finite sums of Abramowitz and Stegun 26.7.3 and 26.7.4.
    """
    angle = math.atan(abs(t) / math.sqrt(df))
    sine, cosine = math.sin(angle), math.cos(angle)
    term = cosine if df % 2 else 1.0
    terms = [term] if df > 1 else []
    for step in range(3 if df % 2 else 2, df - 1, 2):
        term *= cosine * cosine * (step - 1) / step
        terms.append(term)
    within = 2 / math.pi * (angle + sine * math.fsum(terms)) if df % 2 else sine * math.fsum(terms)
    return min(max(1 - within, 0.0), 1.0)


def _measure(days: Sequence[DayCount], *, is_share: bool) -> _Swings | None:
    """How the days swing when nothing changed; None with too few days, or where none or all were reached."""
    sums = _sums(days)
    df = len(days) - len(sums) - 1
    if df < 1:
        return None
    total = math.fsum(one.reached**2 / one.tries for one in days)
    total -= math.fsum(reached**2 / tries for tries, reached in sums.values())
    spreads = [reached * (1 - reached / tries if is_share else 1.0) for tries, reached in sums.values()]
    floor = math.fsum(spreads) / sum(tries for tries, _ in sums.values())
    return _Swings(sums=sums, total=total, floor=floor, df=df, is_share=is_share) if floor > 0 else None


def _sums(days: Iterable[DayCount]) -> Sums:
    sums: Sums = {}
    for one in days:
        tries, reached = sums.get(one.is_weekend, (0, 0))
        sums[one.is_weekend] = (tries + one.tries, reached + one.reached)
    return sums


def _afters(days: Sequence[DayCount]) -> Iterator[Sums]:
    """For each place the sums of the days from there on, and at last of no days."""
    growing: list[Sums] = [{}]
    for one in reversed(days):
        tries, reached = growing[-1].get(one.is_weekend, (0, 0))
        growing.append({**growing[-1], one.is_weekend: (tries + one.tries, reached + one.reached)})
    return reversed(growing)


def _runs_of_zeros(days: Sequence[DayCount], begun: int) -> Iterator[tuple[int, int]]:
    first = begun
    for place in range(begun, len(days) + 1):
        if place == len(days) or days[place].reached:
            if place > first:
                yield first, place
            first = place + 1
