"""Whether two rates differ by more than chance: the difference, its interval, a named test, and how much is missing.

Written out here, because scipy (100 MB installed) would come for four formulas; the tests compare every one of them
with scipy and statsmodels. All of them take calls as independent of one another; callers who dial again are not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from kayzen_nb.intervals import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALPHA = 0.05  # how often "more than chance" may be said where there is nothing
_POWER = 0.8
FISHER, SCORE = "Fisher's exact test", "two-proportion score test"
_TIE = 1 + 1e-7  # tables as likely as the one seen, up to rounding: the tolerance of R's fisher.test
_NOTHING = 1e-18  # relative weights below this change no digit of a sum


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Rate ``a`` minus rate ``b``, as counted: successes of tries.

    ``low`` and ``high`` are Newcombe's 95 % interval of the difference (-1 to 1). ``p_value`` is that of ``test``, two-
    sided; None where a side has no tries, so that nothing can be said.
    """

    a_successes: int
    a_tries: int
    b_successes: int
    b_tries: int
    low: float
    high: float
    p_value: float | None
    test: str

    @property
    def a_rate(self) -> float | None:
        """The first rate, 0 to 1; None without tries."""
        return self.a_successes / self.a_tries if self.a_tries else None

    @property
    def b_rate(self) -> float | None:
        """The second rate, 0 to 1; None without tries."""
        return self.b_successes / self.b_tries if self.b_tries else None

    @property
    def difference(self) -> float | None:
        """The first rate minus the second, -1 to 1; None where either has no tries."""
        return None if self.a_rate is None or self.b_rate is None else self.a_rate - self.b_rate

    @property
    def told(self) -> bool:
        """Whether the data carry a difference, for one look alone; of many looks ask ``correct``."""
        return self.p_value is not None and self.p_value < ALPHA

    @property
    def needs_about_more(self) -> int | None:
        """About how many more tries ``a`` needs to tell a difference of this size; see ``more_needed``."""
        return None if self.told else self.more_needed()

    def more_needed(self, alpha: float = ALPHA) -> int | None:
        """More tries of ``a``, those of ``b`` growing in proportion, to tell this difference at 80 % power.

        Of equal groups that is the number for each. ``alpha`` is smaller where many looks are taken. None where the
        rates are equal, or a side has no tries.
        """
        if self.a_rate is None or self.b_rate is None or self.a_rate == self.b_rate:
            return None
        needed = tries_needed(self.a_rate, self.b_rate, ratio=self.b_tries / self.a_tries, alpha=alpha)
        return max(math.ceil(needed) - self.a_tries, 1)

    def sentence(self, a: str, b: str, reached: str) -> str:
        """``this period 12.0% converted (60 of 500), the previous 31.0% (620 of 2,000): ...`` with its answer."""
        if self.p_value is None or self.difference is None:
            return f"{_sides(self, a, b, reached)}: nothing to compare."
        return f"{_sides(self, a, b, reached)}: {describe_size(self)}, {self._answer()}."

    def _answer(self) -> str:
        if self.told and self.p_value is not None:
            return f"more than chance ({describe_p(self.p_value)}, {self.test})"
        more = self.needs_about_more
        return "which may be chance" + (f"; about {about(more)} more calls on each side would tell" if more else "")


def compare_rates(a_successes: int, a_tries: int, b_successes: int, b_tries: int) -> Difference:
    """Two rates side by side. Fisher's exact test where any expected count is below 5 (Cochran), else the score test.

    The interval is Newcombe's hybrid score interval (R. G. Newcombe 1998, Statistics in Medicine 17: method 10). Raises
    ValueError where more succeeded than tried, or a count is negative.
    """
    if not (0 <= a_successes <= a_tries and 0 <= b_successes <= b_tries):
        raise ValueError(f"no rates: {a_successes} of {a_tries}, {b_successes} of {b_tries}")
    counts = (a_successes, a_tries, b_successes, b_tries)
    low, high = newcombe(*counts)
    p_value, test = _test(*counts)
    return Difference(
        a_successes=a_successes,
        a_tries=a_tries,
        b_successes=b_successes,
        b_tries=b_tries,
        low=low,
        high=high,
        p_value=p_value,
        test=test,
    )


def newcombe(a_successes: float, a_tries: float, b_successes: float, b_tries: float) -> tuple[float, float]:
    """The 95 % interval of rate a minus rate b: both Wilson intervals, added as squares (method 10)."""
    if not a_tries or not b_tries:
        return -1.0, 1.0
    a, b = a_successes / a_tries, b_successes / b_tries
    (a_low, a_high), (b_low, b_high) = wilson(a_successes, a_tries), wilson(b_successes, b_tries)
    return a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low)


def correct(p_values: Sequence[float]) -> list[float]:
    """P-values of many looks, corrected so that of what is told at 5 % about 5 % is false (Benjamini-Hochberg 1995)."""
    many, lowest = len(p_values), 1.0
    corrected = [1.0] * many
    falling = sorted(range(many), key=p_values.__getitem__, reverse=True)
    for rank, place in zip(range(many, 0, -1), falling, strict=True):
        lowest = min(lowest, p_values[place] * many / rank)
        corrected[place] = lowest
    return corrected


def tries_needed(a_rate: float, b_rate: float, *, ratio: float = 1.0, alpha: float = ALPHA) -> float:
    """Tries of ``a`` to tell two rates apart at 80 % power, where ``b`` has ``ratio`` times as many.

    J. L. Fleiss, B. Levin, M. C. Paik 2003, Statistical Methods for Rates and Proportions, chapter 4: without
    continuity correction, two-sided.
    """
    normal = NormalDist()
    pooled = (a_rate + ratio * b_rate) / (1 + ratio)
    if_equal = math.sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    if_not = math.sqrt(a_rate * (1 - a_rate) + b_rate * (1 - b_rate) / ratio)
    reach = normal.inv_cdf(1 - alpha / 2) * if_equal + normal.inv_cdf(_POWER) * if_not
    return (reach / (a_rate - b_rate)) ** 2


def _test(a_successes: int, a_tries: int, b_successes: int, b_tries: int) -> tuple[float | None, str]:
    if not a_tries or not b_tries:
        return None, ""
    successes, tries = a_successes + b_successes, a_tries + b_tries
    if min(successes, tries - successes) * min(a_tries, b_tries) < 5 * tries:
        return _fisher(a_successes, a_tries, b_successes, b_tries), FISHER
    rate = successes / tries
    spread = math.sqrt(rate * (1 - rate) * (1 / a_tries + 1 / b_tries))
    return math.erfc(abs(a_successes / a_tries - b_successes / b_tries) / spread / math.sqrt(2)), SCORE


def _fisher(a_successes: int, a_tries: int, b_successes: int, b_tries: int) -> float:
    """How likely a table is that is no likelier than this one, all totals as they are (two-sided, R. A. Fisher).

    The weights are built up from the likeliest table by ratios of neighbours: factorials of a million calls would
    lose the digits.
    """
    successes, tries = a_successes + b_successes, a_tries + b_tries
    top = (a_tries + 1) * (successes + 1) // (tries + 2)
    weights = {top: 1.0, **dict(_weights(top, 1, a_tries, b_tries, successes))}
    weights |= dict(_weights(top, -1, a_tries, b_tries, successes))
    limit = weights.get(a_successes, 0.0) * _TIE
    return math.fsum(one for one in weights.values() if one <= limit) / math.fsum(weights.values())


def _weights(top: int, step: int, a_tries: int, b_tries: int, successes: int) -> Iterator[tuple[int, float]]:
    """The weights of ``a`` having more (or fewer) successes than ``top``, relative to its own, until they vanish."""
    place, weight = top, 1.0
    while weight > _NOTHING:
        low = place if step > 0 else place - 1  # the smaller of two neighbours: the ratio is the same both ways
        up = (a_tries - low) * (successes - low)
        down = (low + 1) * (b_tries - successes + low + 1)
        if up <= 0 or down <= 0:
            return
        weight *= up / down if step > 0 else down / up
        place += step
        yield place, weight


def describe_size(difference: Difference) -> str:
    """The difference in points with its interval: ``19.0 points lower (95%: 15.2 to 22.3 points lower)``."""
    size = difference.difference or 0.0
    if not size:
        return f"no difference (95%: {_range(difference.low, difference.high)})"
    return f"{_points(size)} (95%: {_range(difference.low, difference.high)})"


def describe_p(p_value: float) -> str:
    """A p-value as people print it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def about(number: int) -> str:
    """A number to two digits, rounded up: it is an estimate and shall look like one."""
    unit = int(10 ** max(len(str(number)) - 2, 0))
    return f"{-(-number // unit) * unit:,}"


def _sides(difference: Difference, a: str, b: str, reached: str) -> str:
    first = _side(difference.a_successes, difference.a_tries, f" {reached}")
    return f"{a} {first}, {b} {_side(difference.b_successes, difference.b_tries)}"


def _side(successes: int, tries: int, reached: str = "") -> str:
    return f"{successes / tries:.1%}{reached} ({successes:,} of {tries:,})" if tries else "no calls"


def _points(size: float) -> str:
    return f"{abs(size) * 100:.1f} points {'lower' if size < 0 else 'higher'}"


def _range(low: float, high: float) -> str:
    if high <= 0:
        return f"{-high * 100:.1f} to {_points(low)}"
    return f"{low * 100:.1f} to {_points(high)}" if low >= 0 else f"from {_points(low)} to {_points(high)}"
