"""What Kayzen media cost: rows of spend and impressions by day, as a report of Kayzen tells them.

Days and hours are those of the report. In which zone Kayzen cut them is not in the file (``kayzen.md`` 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pandas as pd

    from kayzen_nb.checks import Check, Ledger

SPEND_COLUMNS = (
    "day",
    "hour",
    "campaign",
    "creative",
    "impressions",
    "spend_usd_micros",
    "video_start",
    "video_complete",
)
WHOLE = ("hour", "impressions", "spend_usd_micros", "video_start", "video_complete")  # whole numbers or missing


@dataclass(frozen=True, kw_only=True)
class SpendTable:
    """Kayzen's spend, one row as the report has it.

    ``rows`` has the columns of ``SPEND_COLUMNS``: ``day`` a date, texts or None, whole numbers or missing; spend in
    millionths of a dollar, never missing. ``held`` names the columns that every file holds. ``checks`` say whether the
    amounts can be trusted. ``inputs`` maps the name of each file to its SHA-256.
    """

    rows: pd.DataFrame = field(repr=False)
    ledger: Ledger
    held: frozenset[str]
    checks: tuple[Check, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def days(self) -> tuple[date, ...]:
        """The days that have a row, in order. Of other days nothing is known: that is not zero."""
        return tuple(sorted(set(self.rows["day"])))

    def of_campaign(self, campaign: str) -> SpendTable | None:
        """The rows of one campaign, by its name; None where the files name no campaigns, or not this one."""
        if "campaign" not in self.held:
            return None
        own = self.rows[[same_name(name) == same_name(campaign) for name in self.rows["campaign"]]]
        return None if own.empty else replace(self, rows=own)

    @property
    def total_usd_micros(self) -> int:
        """All spend of the files, in millionths of a dollar."""
        return int(self.rows["spend_usd_micros"].sum())


def same_name(text: str | None) -> str:
    """A campaign's name as it is compared: without case, and with single spaces. Blank is the empty text."""
    return " ".join((text or "").split()).casefold()
