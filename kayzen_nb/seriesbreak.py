"""One series of days (a group's share, rate or number of calls), and the changes found in it, as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kayzen_nb.dimensions import DIMENSIONS, OTHERS, describe_value
from kayzen_nb.splits import find_split, find_zeros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from kayzen_nb.splits import DayCount, Span

_SURE = 0.01  # days without anything are taken out before a split is looked for, where they are told this clearly
WORTH_RATE = 0.01  # of many calls a smaller change of a rate may be told too, and is not worth a sentence


class What(StrEnum):
    """What is followed from day to day: reached of tries."""

    CALLS = "calls"  # calls that came, a day each try
    CONNECTED = "connected"  # connected of incoming
    CONVERTED = "converted"  # converted of connected
    SHARE = "share"  # a target's connected calls of all connected calls


# What happens, with nothing, fewer or more of it, and what it is counted of.
_WORDS = {
    What.CONNECTED: ("no call connected", "{} calls connect", "calls"),
    What.CONVERTED: ("no connected call converted", "{} connected calls convert", "connected calls"),
    What.SHARE: ("answered no call", "answered {} of the calls", "connected calls"),
}
MEASURES = {
    What.CALLS: "calls a day",
    What.CONNECTED: "connected of incoming",
    What.CONVERTED: "converted of connected",
    What.SHARE: "share of the connected calls",
}


@dataclass(frozen=True, kw_only=True)
class Series:
    """The days of one group, in order. ``dimension`` is empty for all calls; ``without`` are targets left out."""

    dimension: str
    group: object
    what: What
    days: tuple[DayCount, ...]
    without: tuple[object, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Break:
    """A change from ``day`` on, to ``last_day`` (None: to the end of what is known), against the days before.

    Against all other days, where ``last_day`` is given. ``p_value`` is corrected for everything that was looked at.
    For ``What.CALLS`` the tries are days.
    """

    dimension: str
    group: object
    what: What
    day: date
    last_day: date | None
    before_reached: int
    before_tries: int
    after_reached: int
    after_tries: int
    p_value: float
    without: tuple[object, ...] = ()

    @property
    def name(self) -> str:
        """The group as people read it."""
        if not self.dimension:
            return "All calls"
        value = describe_value(self.dimension, self.group)
        if self.dimension == "target":
            return "The smaller targets" if value == OTHERS else value
        return f"{DIMENSIONS[self.dimension].label} {value}"

    @property
    def before_rate(self) -> float:
        """Reached of tries on the days compared with: 0 to 1, or calls a day."""
        return self.before_reached / self.before_tries

    @property
    def after_rate(self) -> float:
        """Reached of tries on the days of the change: 0 to 1, or calls a day."""
        return self.after_reached / self.after_tries

    @property
    def has_stopped(self) -> bool:
        """Whether nothing at all is left."""
        return not self.after_reached

    @property
    def excess(self) -> float:
        """How many more (or fewer, below 0) than at the rate before."""
        return self.after_reached - self.after_tries * self.before_rate

    @property
    def is_worth_telling(self) -> bool:
        """Whether it is large enough for a sentence."""
        return self.what is What.CALLS or abs(self.after_rate - self.before_rate) >= WORTH_RATE

    @property
    def when(self) -> str:
        """The days of the change: ``since 2026-11-12``, ``on 2026-11-12``, ``from ... to ...``."""
        if self.last_day is None:
            return f"since {self.day}"
        return f"on {self.day}" if self.last_day == self.day else f"from {self.day} to {self.last_day}"

    @property
    def against(self) -> str:
        """What the change is compared with, in words."""
        return "on the other days" if self.last_day else "before"

    def __str__(self) -> str:
        if self.what is What.CALLS:
            subject = "No calls at all" if not self.dimension else f"{self.name}: no calls"
            return f"{subject} {self.when}; {self.before_rate:,.1f} a day {self.against}."
        none, some, base = _WORDS[self.what]
        base += f" (without those of {self._left_out()})" if self.without else ""
        if self.has_stopped:
            share = "its share was" if self.what is What.SHARE else "the rate was"
            counts = f"0 of {self.after_tries:,} {base}; {self.against} {share} {self.before_rate:.1%}"
            return f"{self._says(none)} {self.when}: {counts}."
        more = "more" if self.after_rate > self.before_rate else "fewer"
        after = f"{self.after_rate:.1%} of {base} ({self.after_reached:,} of {self.after_tries:,})"
        before = f"{self.before_rate:.1%} {self.against} ({self.before_reached:,} of {self.before_tries:,})"
        return f"{self._says(some.format(more))} {self.when}: {after}, {before}."

    def _says(self, happens: str) -> str:
        """The group and what happens; a target answers, of the others something is said."""
        if self.what is not What.SHARE:
            return f"{self.name}: {happens}"
        return f"{self.name} {'' if self.last_day else 'has '}{happens}"

    def _left_out(self) -> str:
        return " and ".join(describe_value("target", one) for one in self.without)


def look_at(series: Series) -> Iterator[Break]:
    """What may have changed in one series: a run of days without anything, and the day that best splits the others.

    Each is one look, told or not; its p-value is corrected for the days of this series only. Numbers of calls are
    looked at for silence alone: more or fewer calls is how a campaign is bought, not a fault.
    """
    days, is_share = series.days, series.what is not What.CALLS
    zeros = find_zeros(days, is_share=is_share)
    if zeros:
        yield _as_break(series, days, zeros)
        if zeros.p_value < _SURE:
            days = days[: zeros.first] + days[zeros.stop :]
    split = find_split(days) if is_share else None
    if split:
        yield _as_break(series, days, split)


def _as_break(series: Series, days: Sequence[DayCount], span: Span) -> Break:
    part, others = days[span.first : span.stop], [*days[: span.first], *days[span.stop :]]
    to_the_end = span.stop == len(days) and len(part) > 1
    return Break(
        dimension=series.dimension,
        group=series.group,
        what=series.what,
        day=part[0].day,
        last_day=None if to_the_end else part[-1].day,
        before_reached=sum(one.reached for one in others),
        before_tries=sum(one.tries for one in others),
        after_reached=sum(one.reached for one in part),
        after_tries=sum(one.tries for one in part),
        p_value=span.p_value,
        without=series.without,
    )
