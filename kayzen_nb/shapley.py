"""A change of a product, shared out among its factors: exactly, and without choosing an order among them.

A group's count is a product: all calls x the group's share of them x its rates from step to step. What each factor did
to the change is its Shapley value (L. S. Shapley 1953): the mean, over all orders in which the factors could have
moved from then to now, of what its own move did. The parts add up to the change exactly, no factor is preferred, and
there is no residual. Because the value is a product, all orders with the same number of factors moved before are summed
at once, as one coefficient of a polynomial; with fractions, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from math import factorial, floor

Chain = Sequence[int]  # of one group: calls, those of them that connected, those of them that converted, ...
Groups = Mapping[Hashable, Chain]
_ZERO = Fraction(0)


def split_change(before: Groups, now: Groups, *, mix_at: int = 0) -> dict[Hashable, list[Fraction]]:
    """For each group, what each factor did to the change of the chain's last number; they add up to it exactly.

    The factors, in order: the total of the first number (volume); for each step up to ``mix_at`` its rate over all
    groups; the group's share at ``mix_at`` (mix); for each later step the group's own rate. ``mix_at`` is above 0 where
    groups are known only from a later step on. A rate or share without a base (a group that is new or gone, a period
    without calls) takes the other period's value, so that a new group's change is mix, and a first period's is volume.
    """
    width = len(next(iter([*before.values(), *now.values()]), (0,)))
    nothing = (0,) * width
    then, current = _totals(before, width), _totals(now, width)
    return {
        group: _shapley(
            *_defined(
                _factors(before.get(group, nothing), then, mix_at), _factors(now.get(group, nothing), current, mix_at)
            )
        )
        for group in dict.fromkeys([*now, *before])
    }


def round_parts(parts: Sequence[Fraction], unit: int = 1) -> list[int]:
    """Parts in whole ``unit``s whose sum is the exact sum (a whole number of units): largest remainders go up.

    A part moves by less than one unit, and one that is whole does not move.
    """
    floors = [floor(part / unit) for part in parts]
    missing = int(sum(parts, _ZERO) / unit) - sum(floors)
    by_remainder = sorted(range(len(parts)), key=lambda n: floors[n] - parts[n] / unit)
    raised = set(by_remainder[:missing])
    return [(whole + (n in raised)) * unit for n, whole in enumerate(floors)]


def _totals(groups: Groups, width: int) -> list[int]:
    return [sum(chain[n] for chain in groups.values()) for n in range(width)]


def _factors(chain: Chain, totals: Sequence[int], mix_at: int) -> list[Fraction | None]:
    """The numbers whose product is the chain's last number; None without a base."""
    common = [_ratio(totals[n + 1], totals[n]) for n in range(mix_at)]
    own = [_ratio(chain[n + 1], chain[n]) for n in range(mix_at, len(chain) - 1)]
    return [Fraction(totals[0]), *common, _ratio(chain[mix_at], totals[mix_at]), *own]


def _ratio(part: int, base: int) -> Fraction | None:
    return Fraction(part, base) if base else None


def _defined(
    before: Sequence[Fraction | None], now: Sequence[Fraction | None]
) -> tuple[list[Fraction], list[Fraction]]:
    """Where one side has no value, the other's; where neither has one, nothing came of it on either side."""
    pairs = list(zip(before, now, strict=True))
    return [_first(a, b) for a, b in pairs], [_first(b, a) for a, b in pairs]


def _first(one: Fraction | None, other: Fraction | None) -> Fraction:
    return next((value for value in (one, other) if value is not None), _ZERO)


def _shapley(before: Sequence[Fraction], now: Sequence[Fraction]) -> list[Fraction]:
    count = len(before)
    weights = [Fraction(factorial(n) * factorial(count - 1 - n), factorial(count)) for n in range(count)]
    return [
        (now[n] - before[n]) * sum((w * c for w, c in zip(weights, _by_moved(before, now, n), strict=True)), _ZERO)
        for n in range(count)
    ]


def _by_moved(before: Sequence[Fraction], now: Sequence[Fraction], left_out: int) -> list[Fraction]:
    """The products of all other factors, summed over the choices of 0, 1, 2, ... of them that have moved."""
    sums = [Fraction(1)]
    for n, (a, b) in enumerate(zip(before, now, strict=True)):
        if n != left_out:
            sums = [still * a + moved * b for still, moved in zip([*sums, _ZERO], [_ZERO, *sums], strict=True)]
    return sums
