"""Calls as the house hands them around: a table of many, and the evidence about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    import duckdb

    from kayzen_nb.checks import Ledger
    from kayzen_nb.vocabulary import Event


@dataclass(frozen=True, kw_only=True)
class CallTable:
    """Many calls, one row each, with what is known about their origin.

    ``relation`` holds exactly the columns of ``vocabulary.CALL_COLUMNS``, checked at the door. A null flag is
    unknown. ``derived`` maps a column to the sentence that says how it was derived; ``unknown`` lists the columns
    that the source does not hold. ``inputs`` maps the name of each file read to its SHA-256. ``missing_days`` are days
    (UTC) of the period that were never read into the archive; ``through`` is up to when the calls are known, where that
    is told. ``hours`` counts all calls of an export by UTC hour since 1970, because it does not say what it covers.
    """

    relation: duckdb.DuckDBPyRelation
    ledger: Ledger
    source: str
    as_of: datetime
    derived: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    missing_days: tuple[date, ...] = ()
    through: datetime | None = None
    hours: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PixelFire:
    """One request of a pixel as Ringba's log shows it. ``status`` is None where the log holds none.

    ``url`` is the fired URL as it stood in the log, byte for byte, key included: it is never part of ``repr``. It is
    empty where the log did not show it. ``trigger`` is Ringba's code or words for what the pixel fires on, where told.
    """

    pixel_name: str
    fired_at: datetime | None
    status: int | None
    url: str = field(repr=False)
    fail_reason: str = ""
    trigger: str = ""


@dataclass(frozen=True, kw_only=True)
class CallEvidence:
    """Everything known of one call: its own row, its events and its pixel fires. None means not known.

    ``caller``, ``number`` and ``tags`` hold full numbers, in memory only: they are never part of ``repr``. ``tags``
    maps ``InboundNumber:State`` to the tag's value, ``happened_at`` an event to its time. ``origin`` says where the
    evidence comes from (``Ringba's API``, ``a pasted Events tab``, ``a JSON file``, ``a CSV file``), ``missing`` what
    that origin did not show, a short phrase each.
    """

    call_id: str
    origin: str = "Ringba's API"
    read_at: datetime | None = None
    call_at: datetime | None = None
    ended: bool | None = None
    campaign: str | None = None
    campaign_id: str | None = None
    caller: str | None = field(default=None, repr=False)
    number: str | None = field(default=None, repr=False)
    state: str | None = None
    target: str | None = None
    is_duplicate: bool | None = None
    blocked: bool | None = None
    block_reason: str | None = None
    incomplete_reason: str | None = None
    connected: bool | None = None
    completed: bool | None = None
    converted: bool | None = None
    paid: bool | None = None
    error: bool | None = None
    no_conversion_reason: str | None = None
    no_payout_reason: str | None = None
    revenue_usd_micros: int | None = None
    payout_usd_micros: int | None = None
    connected_s: int | None = None
    event_names: tuple[str, ...] = ()
    happened_at: Mapping[Event, datetime] = field(default_factory=dict)
    fires: tuple[PixelFire, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing: tuple[str, ...] = ()


FIRES_NOT_SHOWN = "the pixel fires"  # how ``CallEvidence.missing`` names that gap
_GAPS = (FIRES_NOT_SHOWN, "the beginning of the event list", "the end of the event list", "the text ends")


def shows_all_fires(evidence: CallEvidence) -> bool:
    """Whether a pixel that is not among the fires did not fire: not so where the log was not, or half, shown."""
    return not any(gap.startswith(_GAPS) for gap in evidence.missing)


@dataclass(frozen=True, kw_only=True)
class CallHit:
    """A call that a search found; ``caller`` is masked."""

    call_id: str
    call_at: datetime | None
    campaign: str | None
    caller: str
    connected: bool | None
