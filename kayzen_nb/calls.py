"""Calls as the house hands them around: a table of many, and the evidence about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import duckdb

    from kayzen_nb.checks import Ledger


@dataclass(frozen=True, kw_only=True)
class CallTable:
    """Many calls, one row each, with what is known about their origin.

    ``relation`` holds exactly the columns of ``vocabulary.CALL_COLUMNS``, checked at the door. A null flag is
    unknown. ``derived`` maps a column to the sentence that says how it was derived; ``unknown`` lists the columns
    that the source does not hold. ``inputs`` maps the name of each file read to its SHA-256.
    """

    relation: duckdb.DuckDBPyRelation
    ledger: Ledger
    source: str
    as_of: datetime
    derived: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PixelFire:
    """One request of a pixel as Ringba's log shows it. ``status`` is None where the log holds none.

    ``url`` is the fired URL as it stood in the log, key included: it is never part of ``repr``.
    """

    pixel_name: str
    fired_at: datetime | None
    status: int | None
    url: str = field(repr=False)
    fail_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class CallEvidence:
    """Everything known of one call: its own row, and its pixel fires. None means not known.

    ``caller`` and ``number`` are full numbers, in memory only: they are never part of ``repr``.
    """

    call_id: str
    call_at: datetime | None = None
    campaign: str | None = None
    caller: str | None = field(default=None, repr=False)
    number: str | None = field(default=None, repr=False)
    state: str | None = None
    is_duplicate: bool | None = None
    blocked: bool | None = None
    connected: bool | None = None
    completed: bool | None = None
    converted: bool | None = None
    paid: bool | None = None
    revenue_usd_micros: int | None = None
    payout_usd_micros: int | None = None
    event_names: tuple[str, ...] = ()
    fires: tuple[PixelFire, ...] = ()
