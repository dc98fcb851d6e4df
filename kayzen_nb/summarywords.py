"""Ringba's Summary report as its export gives it: counts a group, not calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One group of the report, or its totals; a cell that is blank is absent from its mapping.

    ``group`` None is the blank group, Ringba's ``-no value-``. ``counts`` are calls, ``micros`` millionths of a
    dollar, ``percents`` hundredths as printed (51.60), ``seconds`` lengths. ``rpc_usd`` is Ringba's revenue per call as
    printed.
    """

    group: str | None
    line: int
    counts: Mapping[str, int] = field(default_factory=dict)
    micros: Mapping[str, int] = field(default_factory=dict)
    percents: Mapping[str, Decimal] = field(default_factory=dict)
    seconds: Mapping[str, int] = field(default_factory=dict)
    rpc_usd: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class SummaryTable:
    """A Summary export. ``dimension`` is our word for its groups, empty where we have none; ``total`` its last row.

    The file tells neither its period, nor its zone, nor its filters. ``saved_at`` (UTC) is when the file was last
    changed, at the latest when the report was read.
    """

    name: str
    sha256: str
    saved_at: datetime
    group_title: str
    dimension: str
    rows: tuple[SummaryRow, ...]
    total: SummaryRow | None
    notes: tuple[str, ...] = ()
