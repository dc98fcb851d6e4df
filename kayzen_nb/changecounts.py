"""What a comparison counts: chains of numbers for each group, in both periods, from the first stage to the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.dimensions import DIMENSIONS, GROUPS, OTHERS
from kayzen_nb.vocabulary import Stage, label

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from kayzen_nb.comparison import Comparison
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.shapley import Groups

RATE_NAMES = {Stage.CONNECTED: "connect rate", Stage.CONVERTED: "conversion rate", Stage.PAYOUT: "payout rate"}
# Ringba's rows name a target only where one answered: before that step, the calls cannot be divided by target.
KNOWN_FROM = {"target": Stage.CONNECTED}
_PLURALS = {"is_duplicate": "first and repeated calls", "hour": "hours of the day"}


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The columns of ``Funnel.stages`` along which a number comes about, and the name of each step's rate.

    ``rates`` is one shorter than ``columns``. ``mix_at`` is the place from which the groups are known.
    """

    columns: tuple[str, ...]
    rates: tuple[str, ...]
    mix_at: int = 0

    @property
    def factors(self) -> tuple[str, ...]:
        """The factors' names in the order of ``shapley.split_change``."""
        return ("volume", *self.rates[: self.mix_at], "mix", *self.rates[self.mix_at :])


def known_stages(comparison: Comparison) -> list[Stage]:
    """The stages that both periods' sources can tell."""
    sides = [side for side in (comparison.now, comparison.before) if side]
    return [stage for stage in Stage if all(side.is_known(stage) for side in sides)]


def steps_to(comparison: Comparison, last: Stage, dimension: str) -> Steps | None:
    """The steps to a stage over those that are known; None where the stage itself, or a group before it, is not."""
    known = known_stages(comparison)
    first = KNOWN_FROM.get(dimension, Stage.INCOMING)
    if last not in known or first not in known:
        return None
    path = known[: known.index(last) + 1]
    if first not in path:
        return None
    columns, rates = [f"{stage}_calls" for stage in path], [RATE_NAMES[stage] for stage in path[1:]]
    return Steps(columns=tuple(columns), rates=tuple(rates), mix_at=path.index(first))


def count_groups(
    funnel: Funnel, dimension: str, columns: Sequence[str], only: Mapping[str, object] | None = None
) -> dict[Hashable, tuple[int, ...]]:
    """Some columns of ``Funnel.stages`` for each group; the blank group is None."""
    frame = funnel.stages((dimension,), only)
    numbers = zip(*(map(int, frame[name]) for name in columns), strict=True)
    return dict(zip(frame[dimension], numbers, strict=True))


def pool_small(before: Groups, now: Groups, most: int) -> tuple[Groups, Groups]:
    """The same, with the groups that are small in both periods together pooled; the blank group is kept."""
    size = {group: before.get(group, (0,))[0] + now.get(group, (0,))[0] for group in dict.fromkeys([*now, *before])}
    named = sorted((group for group in size if group is not None), key=lambda group: (-size[group], str(group)))
    kept = {None, *named[:most]}
    return _pooled(before, kept), _pooled(now, kept)


def _pooled(groups: Groups, kept: set[Hashable]) -> Groups:
    small = [chain for group, chain in groups.items() if group not in kept]
    large = {group: chain for group, chain in groups.items() if group in kept}
    return large | ({OTHERS: tuple(map(sum, zip(*small, strict=True)))} if small else {})


def plural(dimension: str) -> str:
    """The groups of a dimension in words: ``states``, ``tracking numbers``."""
    return _PLURALS.get(
        dimension, f"{label(dimension).lower() if dimension in GROUPS else DIMENSIONS[dimension].label.lower()}s"
    )
