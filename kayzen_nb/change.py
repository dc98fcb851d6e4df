"""What changed against the period before, in whole calls and whole cents: volume, mix, rates and price, adding up.

How the parts are found is written in ``shapley``: the mean over all orders, exact, no residual. Revenue on calls that
did not convert is a part of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from kayzen_nb.changecounts import Steps, count_groups, known_stages, plural, pool_small, steps_to
from kayzen_nb.shapley import round_parts, split_change
from kayzen_nb.vocabulary import Stage, counted, usd

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from kayzen_nb.comparison import Comparison
    from kayzen_nb.shapley import Groups

MOST_GROUPS = 40  # more are pooled: nobody reads them, and exact fractions grow with them
NOUNS = {
    "connected": "Connected calls",
    "converted": "Converted calls",
    "payout": "Paid calls",
    "revenue": "Revenue",
}
_OUTSIDE = "revenue outside conversions"
_CENT = 10_000  # in millionths of a dollar
_PRICES = {Stage.INCOMING: "revenue per call", Stage.CONNECTED: "revenue per connected call"}


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one factor did to a change: ``exact``, and ``shown`` so that the shown parts add up to the change."""

    name: str
    exact: Fraction
    shown: int


@dataclass(frozen=True, kw_only=True)
class Split:
    """The change of one number (calls, or millionths of a dollar), and its parts.

    ``groups`` has for each group of the dimension its own change by part, in the order of ``parts``; exact.
    """

    measure: str
    before: int
    now: int
    parts: tuple[Part, ...]
    groups: Mapping[Hashable, Sequence[Fraction]]

    @property
    def change(self) -> int:
        """Now less before."""
        return self.now - self.before

    @property
    def unit(self) -> str:
        """What stands behind a number: dollars, or nothing for calls."""
        return " USD" if self.measure == "revenue" else ""

    def amount(self, value: int, *, signed: bool = False) -> str:
        """A count, or exact dollars, as people read it."""
        number = usd(value) if self.measure == "revenue" else value
        return f"{number:+,}" if signed and value else f"{number:,}"

    def group_parts(self, group: Hashable) -> list[int]:
        """A group's parts in whole units; they add up to the group's change."""
        return round_parts(self.groups[group], _unit(self.measure, sum(self.groups[group], Fraction(0))))


@dataclass(frozen=True, kw_only=True)
class Change:
    """Everything that changed, split by the mix of one dimension; ``splits`` is empty where nothing was compared."""

    comparison: Comparison
    dimension: str
    splits: Mapping[str, Split]

    @property
    def days(self) -> str:
        """The days that are compared with, as a phrase: ``the 14 days before``."""
        before, now = self.comparison.before, self.comparison.now
        if before is None:
            return "nothing"
        count = len(before.period.days)
        is_next = (now.period.first_day - before.period.last_day).days == 1
        return (
            f"the {counted(count, 'day')} before"
            if is_next
            else f"{before.period.first_day} to {before.period.last_day}"
        )

    def sentence(self, measure: str = "converted") -> str:
        """One number's change and its parts, in one sentence."""
        if self.comparison.before is None:
            return f"{self.comparison}"
        split = self.splits.get(measure)
        if split is None:
            return f"{NOUNS[measure]}: how they changed is unknown, because the source does not tell them."
        text = f"{self.finding(split)} ({split.amount(split.before)}{split.unit})"
        parts = [f"{part.name} {split.amount(part.shown, signed=True)}" for part in split.parts]
        return f"{text}: {', '.join(parts)}." if any(part.exact for part in split.parts) else f"{text}."

    def finding(self, split: Split) -> str:
        """How a number stands now, and against before: what a chart's title says."""
        now = f"{NOUNS[split.measure]}: {split.amount(split.now)}{split.unit}"
        if not split.change:
            return f"{now}, as {'much' if split.unit else 'many'} as in {self.days}"
        more = "more" if split.change > 0 else "less" if split.unit else "fewer"
        return f"{now}, {split.amount(abs(split.change))}{split.unit} {more} than in {self.days}"


def explain_change(comparison: Comparison, dimension: str = "state") -> Change:
    """The changes of connected, converted and paid calls and of revenue, each split into its parts.

    ``dimension`` is whose mix is told apart from the rates inside its groups. What a source does not tell is left out.
    """
    splits: dict[str, Split] = {}
    if comparison.before is not None:
        for stage in (Stage.CONNECTED, Stage.CONVERTED, Stage.PAYOUT):
            if steps := steps_to(comparison, stage, dimension):
                splits[stage.value] = _split(comparison, dimension, stage.value, steps)
        if steps := _steps_to_revenue(comparison, dimension):
            splits["revenue"] = _split(comparison, dimension, "revenue", steps)
    return Change(comparison=comparison, dimension=dimension, splits=splits)


def _steps_to_revenue(comparison: Comparison, dimension: str) -> Steps | None:
    """Over the stages to conversion as far as they are known, then what such a call earns."""
    sides = [side for side in (comparison.now, comparison.before) if side]
    if any("revenue_usd_micros" in side.unknown for side in sides):
        return None
    last = [stage for stage in known_stages(comparison) if stage is not Stage.PAYOUT][-1]
    steps = steps_to(comparison, last, dimension)
    if steps is None:
        return None
    price = _PRICES.get(last, "revenue per converted call")
    return Steps(columns=(*steps.columns, f"{last}_revenue"), rates=(*steps.rates, price), mix_at=steps.mix_at)


def _split(comparison: Comparison, dimension: str, measure: str, steps: Steps) -> Split:
    is_money = measure == "revenue"
    columns = [*steps.columns, *(["incoming_revenue"] if is_money else [])]
    sides = [count_groups(side, dimension, columns) for side in (comparison.before, comparison.now) if side]
    before, now = pool_small(sides[0], sides[1], MOST_GROUPS)
    width = len(steps.columns)
    groups = split_change(_cut(before, width), _cut(now, width), mix_at=steps.mix_at)
    names = [f"mix of {plural(dimension)}" if name == "mix" else name for name in steps.factors]
    outside = {group: _outside(now, group) - _outside(before, group) for group in groups if is_money}
    if any(outside.values()):
        names, groups = [*names, _OUTSIDE], {group: [*parts, outside[group]] for group, parts in groups.items()}
    first, last = (sum(chain[-1] for chain in side.values()) for side in (before, now))
    exact = [sum((parts[n] for parts in groups.values()), Fraction(0)) for n in range(len(names))]
    shown = round_parts(exact, _unit(measure, first, last))
    parts = tuple(Part(name=n, exact=e, shown=s) for n, e, s in zip(names, exact, shown, strict=True))
    return Split(measure=measure, before=first, now=last, parts=parts, groups=groups)


def _cut(groups: Groups, width: int) -> Groups:
    return {group: chain[:width] for group, chain in groups.items()}


def _outside(groups: Groups, group: Hashable) -> Fraction:
    """A group's revenue on calls that did not convert: all of its revenue less that of the converted."""
    *_, inside, whole = groups.get(group, (0, 0))
    return Fraction(whole - inside)


def _unit(measure: str, *amounts: Fraction | int) -> int:
    """Whole cents where all amounts are whole cents; else millionths. Calls are whole calls."""
    return _CENT if measure == "revenue" and not any(amount % _CENT for amount in amounts) else 1
