"""Whether a count or a rate changed by more than chance, and whether it did so within groups.

The normal and chi-square forms of well-known tests, written out: scipy would be 100 MB for five formulas. Days differ
by more than chance where something unseen moves all calls of a day; ``dispersion`` measures that, and every test and
interval here is widened by it (counts divided by it, which is Williams' 1982 and McCullagh and Nelder's 1989 remedy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from kayzen_nb.differences import newcombe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEVEL = 0.05
_Z = NormalDist().inv_cdf(1 - LEVEL / 2)
_LEAST = 5  # Cochran's rule of thumb for the normal form: so many expected on each side, of either kind


@dataclass(frozen=True, kw_only=True)
class TwoRates:
    """Successes of tries, now and before; of calls at two neighbouring stages."""

    now: int
    of_now: int
    before: int
    of_before: int

    @property
    def is_enough(self) -> bool:
        """Whether a normal form of a test may be used: at least 5 expected successes and failures on each side."""
        tries = self.of_now + self.of_before
        rarer = min(self.now + self.before, tries - self.now - self.before)
        return bool(tries) and rarer * min(self.of_now, self.of_before) / tries >= _LEAST

    @property
    def change(self) -> float:
        """The rate now less the rate before; NaN without a base."""
        return self.now / self.of_now - self.before / self.of_before if self.of_now and self.of_before else math.nan


@dataclass(frozen=True, kw_only=True)
class Within:
    """How a rate changed inside groups, all groups together. ``change``, ``low`` and ``high`` are differences of rates.

    ``change`` is the Mantel-Haenszel difference: the groups' own changes, weighted by n1 n2 / (n1 + n2) calls.
    """

    statistic: float
    p: float
    change: float
    low: float
    high: float
    groups: int


def judge_rates(pair: TwoRates, dispersion: float = 1.0) -> float:
    """Two-sided p-value of the two-proportion score test (pooled z; its square is Pearson's chi-square, 1 df)."""
    tries, hits = pair.of_now + pair.of_before, pair.now + pair.before
    if not 0 < hits < tries or not pair.of_now or not pair.of_before:
        return 1.0
    pooled = hits / tries
    variance = pooled * (1 - pooled) * (1 / pair.of_now + 1 / pair.of_before) * dispersion
    return _two_sided(pair.change / math.sqrt(variance))


def bound_change(pair: TwoRates, dispersion: float = 1.0) -> tuple[float, float]:
    """Newcombe's hybrid score interval (1998, method 10) of the change, 95 %, on counts divided by ``dispersion``.

    Without a base on either side nothing is known of the change.
    """
    now, of_now = pair.now / dispersion, pair.of_now / dispersion
    return newcombe(now, of_now, pair.before / dispersion, pair.of_before / dispersion)


def judge_counts(now: int, before: int, dispersion: float = 1.0) -> float:
    """Two-sided p-value that two counts over equally many days have the same mean (Poisson, normal form)."""
    return _two_sided((now - before) / math.sqrt((now + before) * dispersion)) if now + before else 1.0


def judge_within(groups: Iterable[TwoRates], dispersion: float = 1.0) -> Within | None:
    """The Cochran-Mantel-Haenszel test: did the rate change inside the groups? Mantel and Haenszel 1959, uncorrected.

    Groups with calls in one period only say nothing and drop out; None where all do. The interval is test-based: the
    Mantel-Haenszel difference with the standard error that the test has under no change, so it holds 0 exactly when
    the test tells nothing; sound for many small groups.
    """
    kept = [one for one in groups if one.of_now and one.of_before]
    excess = sum(one.now - one.of_now * _pooled(one) for one in kept)
    variance = sum(_hypergeometric_variance(one) for one in kept) * dispersion
    weight = sum(one.of_now * one.of_before / (one.of_now + one.of_before) for one in kept)
    if variance <= 0:
        return None
    z, change, error = excess / math.sqrt(variance), excess / weight, math.sqrt(variance) / weight
    low, high = change - _Z * error, change + _Z * error
    return Within(statistic=z * z, p=_two_sided(z), change=change, low=low, high=high, groups=len(kept))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the chance of even one false claim among all looks stays below the level."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, n in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[n]))
        adjusted[n] = highest
    return adjusted


def dispersion(terms: Sequence[float], parameters: int) -> float:
    """How many times the days' variance exceeds chance: Pearson's chi-square over its degrees of freedom, at least 1.

    ``terms`` are the days' squared deviations, each over the variance that chance gives it; ``parameters`` is how many
    means were fitted. 1 where the excess itself is no more than chance (5 %, one-sided; Wilson and Hilferty's 1931
    approximation of chi-square), or where fewer than 5 degrees of freedom are left: then it was not measured.
    """
    free = len(terms) - parameters
    if free < 5:
        return 1.0
    factor, spread = sum(terms) / free, 2 / (9 * free)
    is_told = (math.cbrt(factor) - (1 - spread)) / math.sqrt(spread) > NormalDist().inv_cdf(1 - LEVEL)
    return factor if is_told and factor > 1 else 1.0


def rate_terms(days: Iterable[tuple[int, int]]) -> list[float]:
    """``dispersion``'s terms of one period's days: successes and tries of each, about the period's own rate."""
    kept = [(hits, tries) for hits, tries in days if tries]
    total, hits_in_all = sum(tries for _, tries in kept), sum(hits for hits, _ in kept)
    if not 0 < hits_in_all < total:
        return []
    rate = hits_in_all / total
    return [(hits - tries * rate) ** 2 / (tries * rate * (1 - rate)) for hits, tries in kept]


def count_terms(days: Sequence[tuple[int, float]]) -> list[float]:
    """``dispersion``'s terms of days' counts, each with the count that was expected of it."""
    return [(count - expected) ** 2 / expected for count, expected in days if expected > 0]


def _pooled(pair: TwoRates) -> float:
    return (pair.now + pair.before) / (pair.of_now + pair.of_before)


def _hypergeometric_variance(pair: TwoRates) -> float:
    tries = pair.of_now + pair.of_before
    hits = pair.now + pair.before
    return pair.of_now * pair.of_before * hits * (tries - hits) / (tries**2 * (tries - 1)) if tries > 1 else 0.0


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2))
