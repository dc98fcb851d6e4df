"""What share of the conversions, or payouts, is known by which age of the call.

The method is the chain ladder, with which insurers tell how complete their claims are: for each step of age, by how
much the known ones grow, counted on the calls that were read at its beginning and at its end. The share at an age is
one, divided by all growth after it. Young days serve the early steps and days read late the late ones, so no day has to
be followed all the way. (Known to statisticians as the product-limit estimate for right-truncated lags: D. Lynden-Bell
1971; J. D. Kalbfleisch and J. F. Lawless 1989.)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kayzen_nb.lagcounts import LAG_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from kayzen_nb.lagcounts import Lags
    from kayzen_nb.vocabulary import Event

_AGES_H = (1, 2, 3, 6, 12, 18, 24, 36, *range(48, 93 * 24, 24))
SOON_H = 48  # what is known by the first reading is told as a lag only where that reading came this early


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Shares (0 to 1) of the finally known, by age in hours, rising to 1 at the age up to which calls were followed.

    ``points`` is empty where too few calls were seen at two ages. ``calls`` and ``days`` (UTC) are how many were.
    """

    event: Event
    points: tuple[tuple[int, float], ...]
    calls: int
    days: int

    @property
    def followed_h(self) -> int:
        """Up to which age the calls were followed; 0 where there is no curve."""
        return self.points[-1][0] if self.points else 0

    @property
    def late_share(self) -> float:
        """How much came in the second half of the ages that were followed; needs a curve."""
        by_half = [known for age, known in self.points if 2 * age <= self.followed_h]
        return 1 - (by_half[-1] if by_half else self.points[0][1])

    def reach_h(self, share: float) -> int:
        """The first age by which at least this share is known; needs a curve."""
        return next(age for age, known in self.points if known >= share - 1e-12)

    def told_h(self, share: float) -> int | None:
        """As ``reach_h``, where the readings can tell it; None where they cannot.

        They cannot where the first reading already had them and came late (they may have been known long before), nor
        where they still grew in the second half of what was followed: more may come after it.
        """
        if not self.points:
            return None
        reached, first = self.reach_h(share), self.points[0][0]
        return None if self.grows_on(share) or reached == first > SOON_H else reached

    def grows_on(self, share: float) -> bool:
        """Whether the share was reached only in the second half of the ages that were followed."""
        return bool(self.points) and 2 * self.reach_h(share) > self.followed_h


def build_curve(lags: Lags, event: Event, *, at_least: int, days_at_least: int) -> Curve:
    """The curve of ``converted`` or ``payout``, over the ages where each step rests on so many calls and days."""
    counts = lags.counts[lags.counts["event"] == event.value]
    again = counts[counts["followed_h"] > counts["first_h"]]
    steps = list(_usable_steps(again, at_least, days_at_least))
    points, share = [], 1.0
    for end, growth in reversed(steps[1:]):
        points.append((end, share))
        share /= growth
    points += [(steps[0][0], share)] if len(steps) > 1 else []
    return Curve(
        event=event, points=tuple(reversed(points)), calls=int(again["calls"].sum()), days=again["day"].nunique()
    )


def _usable_steps(counts: pd.DataFrame, at_least: int, days_at_least: int) -> Iterator[tuple[int, float]]:
    """``(age in hours, growth up to it)``, from the first age that can be told to the last without a gap."""
    first, known, followed, calls = (counts[name].to_numpy() for name in LAG_COLUMNS[2:])
    days, begun = counts["day"].factorize()[0], False
    for start, end in pairwise(_AGES_H):
        read = (first <= start) & (followed >= end) & (known <= end)
        base = read & (known <= start)
        before = int(calls[base].sum())
        is_usable = before >= max(at_least, 1) and len(set(days[base])) >= days_at_least
        if begun and not is_usable:
            return
        if is_usable and not begun:
            begun = True
            yield start, 1.0
        if is_usable:
            yield end, int(calls[read].sum()) / before
