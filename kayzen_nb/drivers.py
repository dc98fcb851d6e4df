"""Drivers: the groups of calls that differ from the rest by more than chance, or the answer that nothing stands out.

Every group of every dimension is compared with all other calls, at every step of the funnel where that has a meaning.
These are differences, not causes: a state may stand out because its calls go to one target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.definition import RIPE
from kayzen_nb.differences import ALPHA, about, compare_rates, correct, describe_p, describe_size
from kayzen_nb.dimensions import DIMENSIONS, describe_value
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kayzen_nb.differences import Difference
    from kayzen_nb.funnel import Funnel

DRIVER_DIMENSIONS = ("campaign", "state", "target", "publisher", "is_duplicate")
# A step is a stage and the one before it. Whether a call connects is known at once, the later stages when it is ripe.
STEPS = {Stage.CONNECTED: Stage.INCOMING, Stage.CONVERTED: Stage.CONNECTED, Stage.PAYOUT: Stage.CONVERTED}
REACHED = {Stage.CONNECTED: "connected", Stage.CONVERTED: "converted", Stage.PAYOUT: "were paid"}
SMALLEST_GROUP = 10  # groups below are not looked at: they could hardly be told, and would weaken the other looks
WORTH_RATE = 0.01  # of many calls a smaller difference may be told too, and is not worth a sentence


@dataclass(frozen=True, kw_only=True)
class Look:
    """One group (``a``) against all other calls (``b``) at the step that ends in ``stage``.

    ``p_adjusted`` is corrected for all ``looks`` that were taken together. ``is_own``: not only told because a group
    that differs more is among the rest, so that the others look the other way.
    """

    dimension: str
    group: object
    stage: Stage
    difference: Difference
    p_adjusted: float
    looks: int
    is_own: bool = False

    @property
    def name(self) -> str:
        """The group as people read it, with its dimension: ``target Call Center B``."""
        return f"{DIMENSIONS[self.dimension].label.lower()} {describe_value(self.dimension, self.group)}"

    @property
    def told(self) -> bool:
        """Whether the data carry this difference, all looks considered."""
        return self.p_adjusted < ALPHA

    @property
    def excess(self) -> float:
        """How many calls more (or fewer, below 0) took the step than at the rate of the rest."""
        return (self.difference.difference or 0.0) * self.difference.a_tries

    @property
    def stands_out(self) -> bool:
        """Whether it is told, of its own, and at least ``WORTH_RATE`` in size."""
        return self.told and self.is_own and abs(self.difference.difference or 0.0) >= WORTH_RATE

    @property
    def more_needed(self) -> int | None:
        """About how many more calls of the group would tell this difference among as many looks; None where told.

        Bonferroni's share of the 5 % is taken for each look, which is on the safe side.
        """
        return None if self.told else self.difference.more_needed(ALPHA / self.looks)

    def __str__(self) -> str:
        two = self.difference
        size = f"{two.a_rate:.1%} {REACHED[self.stage]} ({two.a_successes:,} of {two.a_tries:,})"
        return f"{self.name}: {size}, {two.b_rate:.1%} of the rest; {describe_size(two)}, {self._calls_concerned()}"

    def _calls_concerned(self) -> str:
        calls = max(round(abs(self.excess)), 1)
        return f"about {counted(calls, 'call')} {'more' if self.excess > 0 else 'fewer'}"


@dataclass(frozen=True, kw_only=True)
class Drivers:
    """All looks, in the order of dimensions and groups; ``too_small``: how often a group had too few calls."""

    looks: tuple[Look, ...]
    too_small: int = 0

    @property
    def standing_out(self) -> tuple[Look, ...]:
        """The looks that are worth a sentence, those that concern most calls first."""
        found = sorted((one for one in self.looks if one.stands_out), key=lambda one: -abs(one.excess))
        once: dict[tuple[Stage, Difference], Look] = {}
        for one in found:  # a campaign with a target of its own is the same calls under two names: said once
            once.setdefault((one.stage, one.difference), one)
        return tuple(once.values())

    @property
    def ranked(self) -> tuple[Look, ...]:
        """All looks: those standing out, then the others that are told, then by the calls concerned."""
        return tuple(sorted(self.looks, key=lambda one: (not one.stands_out, not one.told, -abs(one.excess))))

    def sentence(self, most: int = 3) -> str:
        """The strongest few with their numbers, or that nothing stands out; always how many looks were taken."""
        found = self.standing_out
        if not self.looks:
            return f"No groups to compare: fewer than two groups with {SMALLEST_GROUP} calls each at any step."
        if not found:
            return f"Nothing stands out: {self._looked()}, {self._nothing()}."
        more = f" And {len(found) - most} more, in the table." if len(found) > most else ""
        told = ". ".join(_capital(str(one)) for one in found[:most])
        return f"{told}.{more} {_capital(self._looked())}; told are differences, not causes."

    def frame(self) -> pd.DataFrame:
        """Every look as a row for people: in the order of ``ranked``."""
        return pd.DataFrame([_row(one) for one in self.ranked])

    def _looked(self) -> str:
        groups = len({(one.dimension, str(one.group)) for one in self.looks})
        text = f"{counted(groups, 'group')} {'was' if groups == 1 else 'were'} compared with the rest"
        return f"{text} in {counted(len(self.looks), 'look')}, corrected for that many (Benjamini-Hochberg)"

    def _nothing(self) -> str:
        if any(one.told and one.is_own for one in self.looks):
            return f"and what differs by more than chance does so by less than {WORTH_RATE * 100:.0f} point"
        nearest = min(self.looks, key=lambda one: one.p_adjusted)
        if nearest.p_adjusted > 0.5:
            return "none differs by more than chance"
        more = nearest.more_needed
        hint = f"; about {about(more)} more of its calls would tell" if more else ""
        return f"none differs by more than chance; nearest is {nearest.name} ({describe_p(nearest.p_adjusted)}{hint})"


def find_drivers(funnel: Funnel, dimensions: Sequence[str] = DRIVER_DIMENSIONS) -> Drivers:
    """Compare every group with the rest: connected of incoming, converted of connected, paid of converted.

    The first step counts all calls, the later two only ripe ones. Targets are left out of the first: a call that no
    target answered names none, so that every named target would connect always and the blank one never. A dimension
    with one group gives no look, with two groups one, and a
    step that none or all took no look either. The p-values are corrected over all looks of the page.
    """
    known = [stage for stage in STEPS if funnel.is_known(stage) and funnel.is_known(STEPS[stage])]
    pairs = [
        (name, stage)
        for name in dimensions
        if name not in funnel.unknown
        for stage in known
        if (name, stage) != ("target", Stage.CONNECTED)
    ]
    sides = [side for name, stage in pairs for side in _compare_groups(funnel, name, stage)]
    taken = [(name, group, stage, two) for name, group, stage, two in sides if two is not None]
    return Drivers(looks=_judge(taken), too_small=len(sides) - len(taken))


def _judge(taken: Sequence[tuple[str, object, Stage, Difference]]) -> tuple[Look, ...]:
    adjusted = correct([_p(two) for *_, two in taken])
    looks = [
        Look(dimension=name, group=group, stage=stage, difference=two, p_adjusted=p, looks=len(taken))
        for (name, group, stage, two), p in zip(taken, adjusted, strict=True)
    ]
    told = [one for one in looks if one.told]
    families = {(one.dimension, one.stage) for one in told}
    own = {
        id(one)
        for family in families
        for one in _own_differences([one for one in told if (one.dimension, one.stage) == family])
    }
    return tuple(replace(one, is_own=id(one) in own) for one in looks)


def _own_differences(told: list[Look]) -> Iterator[Look]:
    """Of the told groups of one dimension and step the strongest, then what is still told when that one is left out.

    One bad state makes every other state better than its rest. These later looks were chosen by what was seen, so
    that each has to pass Bonferroni's share of the 5 %.
    """
    left, reached, tries = [*told], 0, 0
    while left:
        strongest = max(left, key=lambda one: abs(one.excess))
        yield strongest
        reached, tries = reached + strongest.difference.a_successes, tries + strongest.difference.a_tries
        left = [
            one
            for one in left
            if one is not strongest and _p(_leave_out(one.difference, reached, tries)) < ALPHA / one.looks
        ]


def _leave_out(two: Difference, reached: int, tries: int) -> Difference:
    return compare_rates(two.a_successes, two.a_tries, two.b_successes - reached, two.b_tries - tries)


def _p(two: Difference) -> float:
    return 1.0 if two.p_value is None else two.p_value


def _compare_groups(
    funnel: Funnel, dimension: str, stage: Stage
) -> Iterator[tuple[str, object, Stage, Difference | None]]:
    """Each group against the rest; None in place of the difference where either side has too few calls."""
    counts = funnel.stages([dimension], None if stage is Stage.CONNECTED else {RIPE: True})
    tries, successes = counts[f"{STEPS[stage]}_calls"], counts[f"{stage}_calls"]
    groups = [(g, int(s), int(t)) for g, s, t in zip(counts[dimension], successes, tries, strict=True) if t]
    reached, base = int(successes.sum()), int(tries.sum())
    if len(groups) < 2 or reached in (0, base):  # none or all of everybody: no group can differ
        return
    if len(groups) == 2:  # both looks would be the same one
        groups = [min(groups, key=lambda one: one[2])]
    for group, succeeded, tried in groups:
        enough = min(tried, base - tried) >= SMALLEST_GROUP
        two = compare_rates(succeeded, tried, reached - succeeded, base - tried) if enough else None
        yield dimension, group, stage, two


def _row(look: Look) -> dict[str, str]:
    two, more = look.difference, look.more_needed
    return {
        "Dimension": DIMENSIONS[look.dimension].label,
        "Group": describe_value(look.dimension, look.group),
        "Step": f"{look.stage.value} of {STEPS[look.stage].value}",
        "Calls": f"{two.a_tries:,}",
        "Rate": f"{two.a_rate:.1%}",
        "Rate of the rest": f"{two.b_rate:.1%}",
        "Difference (points)": f"{(two.difference or 0.0) * 100:+.1f}",
        "95% interval": f"{two.low * 100:+.1f} to {two.high * 100:+.1f}",
        "Calls concerned": f"{look.excess:+,.0f}",
        "p (corrected)": describe_p(look.p_adjusted).removeprefix("p ").removeprefix("= "),
        "More than chance": _answer(look),
        "Would need about": f"{about(more)} more calls" if more else "",
    }


def _answer(look: Look) -> str:
    if not look.told:
        return "no"
    return "yes" if look.is_own else "yes, through another group"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
