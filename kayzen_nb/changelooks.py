"""The looks at a change: at the number of calls, at each rate, and at what the mix of a dimension gives of it.

Each look knows its numbers and says them in a sentence. A rate's day-to-day swings beyond chance, inside each period,
widen its test and interval; so do those of the number of calls, about the weekday's usual share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb import mixtest
from kayzen_nb.changecounts import KNOWN_FROM, RATE_NAMES, count_groups, plural
from kayzen_nb.comparison import ripe_days
from kayzen_nb.mixtest import LEVEL, TwoRates, Within
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from kayzen_nb.comparison import Comparison
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.shapley import Groups

SHARE_LOW, SHARE_HIGH, OVERLAP = 0.8, 1.25, 0.8
_FEWEST_CALLS = 20  # of both periods together: below, the normal form of a count is not worth having
_REACHED = {Stage.CONNECTED: "connected", Stage.CONVERTED: "converted", Stage.PAYOUT: "paid"}


@dataclass(frozen=True, kw_only=True)
class CountLook:
    """Whether the number of calls changed by more than chance; ``is_told`` is None where there are too few."""

    now: int
    before: int
    dispersion: float
    p: float
    is_told: bool | None
    name: str = "the number of calls"

    def sentence(self) -> str:
        """The finding with its numbers."""
        moved = self.now - self.before
        more = f"{abs(moved):,} {'more' if moved > 0 else 'fewer'} than" if moved else "as many as"
        return f"{counted(self.now, 'call')}, {more} before ({self.before:,}): {_judge(self.is_told)}."


@dataclass(frozen=True, kw_only=True)
class RateLook:
    """Whether the rate of reaching ``stage`` from ``base`` changed by more than chance.

    ``low`` and ``high`` bound the change of the rate (95 %, not corrected for the other looks); ``p`` is corrected.
    ``is_told`` is None where there are too few calls to tell.
    """

    stage: Stage
    base: Stage
    pair: TwoRates
    dispersion: float
    low: float
    high: float
    p: float
    is_told: bool | None

    @property
    def name(self) -> str:
        """The rate in words."""
        return f"the {RATE_NAMES[self.stage]}"

    def sentence(self) -> str:
        """The finding with its numbers, in percent and in points."""
        pair, name = self.pair, f"T{self.name[1:]}"
        if self.is_told is None:
            counts = f"{pair.now:,} of {pair.of_now:,} now and {pair.before:,} of {pair.of_before:,} before"
            return f"{name}: {counts}, too few to tell."
        verb = "rose" if pair.change > 0 else "fell" if pair.change < 0 else "stayed"
        moved = f"{verb} from {pair.before / pair.of_before:.1%} to {pair.now / pair.of_now:.1%}"
        interval = f"change {points(pair.change)}, 95 % interval {points(self.low)} to {points(self.high)} points"
        return f"{name} {moved} ({interval}): {_judge(self.is_told)}."


@dataclass(frozen=True, kw_only=True)
class MixLook:
    """What the mix of one dimension has to do with a changed rate.

    ``by_mix`` is its part of the rate's change; ``overlap`` the lesser share of a period's calls in shared groups.
    """

    look: RateLook
    dimension: str
    by_mix: float
    within: Within
    overlap: float

    @property
    def share(self) -> float:
        """The part of the rate's change that the mix alone gives: 1 is all of it."""
        return self.by_mix / self.look.pair.change

    @property
    def is_mix_only(self) -> bool:
        """Whether only the mix changed the rate: the five conditions of ``explanation``, together."""
        is_apart = not self.within.low <= self.look.pair.change <= self.within.high
        is_whole = SHARE_LOW <= self.share <= SHARE_HIGH and self.overlap >= OVERLAP
        return bool(self.look.is_told) and self.within.p >= LEVEL and is_apart and is_whole

    @property
    def is_within(self) -> bool:
        """Whether the rate changed inside the groups, in the same direction as the whole."""
        return self.within.p < LEVEL and self.within.change * self.look.pair.change > 0

    def sentence(self) -> str:
        """What the mix alone gives, as an observation."""
        groups, pair, within = plural(self.dimension), self.look.pair, self.within
        calls = (
            f"{self.by_mix * pair.of_now:+,.0f} of {pair.change * pair.of_now:+,.0f} {_REACHED[self.look.stage]} calls"
        )
        inside = f"{points(within.change)} points, 95 % interval {points(within.low)} to {points(within.high)}"
        return (
            f"Only the mix of {groups} changed: it alone would give this change of {self.look.name} ({calls}), and "
            f"inside the {groups} no change is told ({inside})."
        )


def look_at_calls(comparison: Comparison) -> CountLook | None:
    """The number of calls of both periods, not yet corrected for other looks."""
    if comparison.before is None:
        return None
    now, before = (_calls_by_day(side) for side in (comparison.now, comparison.before))
    terms = [*_count_terms(now, [now, before]), *_count_terms(before, [now, before])]
    factor = mixtest.dispersion(terms, 8)  # two means and six free weekdays
    totals = sum(now.values()), sum(before.values())
    p = mixtest.judge_counts(*totals, factor)
    told = p < LEVEL if sum(totals) >= _FEWEST_CALLS else None
    return CountLook(now=totals[0], before=totals[1], dispersion=factor, p=p, is_told=told)


def look_at_rate(comparison: Comparison, base: Stage, stage: Stage) -> RateLook | None:
    """One rate of both periods, not yet corrected for other looks; None where nothing was compared."""
    if comparison.before is None:
        return None
    now, before = (_rates_by_day(side, base, stage) for side in (comparison.now, comparison.before))
    factor = mixtest.dispersion([*mixtest.rate_terms(now), *mixtest.rate_terms(before)], 2)
    hits, tries = ([sum(day[n] for day in side) for side in (now, before)] for n in (0, 1))
    pair = TwoRates(now=hits[0], of_now=tries[0], before=hits[1], of_before=tries[1])
    low, high = mixtest.bound_change(pair, factor)
    p = mixtest.judge_rates(pair, factor)
    told = p < LEVEL if pair.is_enough else None
    return RateLook(stage=stage, base=base, pair=pair, dispersion=factor, low=low, high=high, p=p, is_told=told)


def look_at_mix(comparison: Comparison, look: RateLook, dimension: str) -> MixLook | None:
    """What a dimension's mix gives of a rate's change; None where its groups are unknown there, or shared by none."""
    stages = list(Stage)
    if comparison.before is None or stages.index(KNOWN_FROM.get(dimension, Stage.INCOMING)) > stages.index(look.base):
        return None
    columns = [f"{look.base}_calls", f"{look.stage}_calls"]
    now, before = (count_groups(side, dimension, columns) for side in (comparison.now, comparison.before))
    within = mixtest.judge_within(_pairs(now, before), look.dispersion)
    if within is None or len({*now, *before}) < 2:
        return None
    by_mix, overlap = _by_mix(now, before), _overlap(now, before)
    return MixLook(look=look, dimension=dimension, by_mix=by_mix, within=within, overlap=overlap)


def points(change: float) -> str:
    """A difference of rates in percentage points, signed."""
    return f"{100 * change:+.1f}"


def _by_mix(now: Groups, before: Groups) -> float:
    """The mix's part of a rate's change: each share's change times the mean of the group's two rates (Kitagawa 1955).

    It is the Shapley value of the shares. A group without calls in one period takes the other period's rate there.
    """
    bases = [sum(chain[0] for chain in side.values()) for side in (now, before)]
    part = 0.0
    for group in {*now, *before}:
        sides = [side.get(group, (0, 0)) for side in (now, before)]
        rates = [hits / base for base, hits in sides if base]
        part += (sides[0][0] / bases[0] - sides[1][0] / bases[1]) * (sum(rates) / len(rates) if rates else 0.0)
    return part


def _overlap(now: Groups, before: Groups) -> float:
    """The lesser of the two periods' shares of calls that are in groups which both have."""
    shared = {group for group in now if now[group][0] and before.get(group, (0,))[0]}
    parts = [
        sum(side[group][0] for group in shared) / sum(chain[0] for chain in side.values()) for side in (now, before)
    ]
    return min(parts)


def _pairs(now: Groups, before: Groups) -> list[TwoRates]:
    both = [(now.get(group, (0, 0)), before.get(group, (0, 0))) for group in dict.fromkeys([*now, *before])]
    return [TwoRates(now=a[1], of_now=a[0], before=b[1], of_before=b[0]) for a, b in both]


def _rates_by_day(side: Funnel, base: Stage, stage: Stage) -> list[tuple[int, int]]:
    """Successes and tries of each day that has calls."""
    daily = side.stages(("day",))
    return [
        (int(hits), int(tries)) for hits, tries in zip(daily[f"{stage}_calls"], daily[f"{base}_calls"], strict=True)
    ]


def _calls_by_day(side: Funnel) -> dict[date, int]:
    """The calls of every ripe day, with zeros."""
    daily = side.stages(("day",))
    calls = dict(zip(daily["day"], map(int, daily["incoming_calls"]), strict=True))
    return {day: calls.get(day, 0) for day in ripe_days(side.period, side.definition)}


def _count_terms(side: Mapping[date, int], sides: Sequence[Mapping[date, int]]) -> list[float]:
    """Each day's count beside what its weekday would have of the period's calls, by both periods' weekdays."""
    usual = _weekday_factors(sides)
    scale = sum(side.values()) / (sum(usual[day.weekday()] for day in side) or 1)
    return mixtest.count_terms([(count, usual[day.weekday()] * scale) for day, count in side.items()])


def _weekday_factors(sides: Sequence[Mapping[date, int]]) -> dict[int, float]:
    """How a weekday's calls compare with the mean day's of its period, 1 being the same."""
    relative: dict[int, list[float]] = {}
    for side in sides:
        mean = sum(side.values()) / max(len(side), 1)
        for day, count in side.items():
            relative.setdefault(day.weekday(), []).append(count / mean if mean else 0.0)
    return {weekday: sum(found) / len(found) for weekday, found in relative.items()}


def _judge(is_told: bool | None) -> str:
    return {True: "more than chance", False: "no more than chance", None: "too few to tell"}[is_told]
