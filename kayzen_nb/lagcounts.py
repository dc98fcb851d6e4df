"""What an archive's repeated readings tell of the time from a call to its conversion, and to its payout."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    import pandas as pd

LAG_COLUMNS = ("event", "day", "first_h", "known_h", "followed_h", "calls")
LOOK_BACK = timedelta(days=92)  # adjustments by hand are looked for that long (``syncplan``)


@dataclass(frozen=True, kw_only=True)
class Lags:
    """Ages of calls, in hours since the call, at which the archive saw them and saw them converted or paid.

    ``counts`` has one row for each combination of: ``event`` (``converted``, ``payout``), the UTC ``day``, ``first_h``
    (the first reading), ``known_h`` (the reading from which the event was known without a break) and ``followed_h``
    (the last reading); ``calls`` is how many. It holds the calls of which the event is known now. The true time lies
    between a reading and the one before it: ``known_h`` is the later of the two, so a lag comes out too long, never too
    short. Hours are rounded up, ``followed_h`` down. ``read_at`` (aware UTC) is when each day was last read, up to
    ``as_of``.
    """

    counts: pd.DataFrame = field(repr=False)
    read_at: Mapping[date, datetime]
    pulls: int
    as_of: datetime

    @property
    def days_read_again(self) -> int:
        """Of how many days some call was seen at two ages; the others tell nothing of lags."""
        again = self.counts[self.counts["followed_h"] > self.counts["first_h"]]
        return int(again["day"].nunique())
