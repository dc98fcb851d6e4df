"""The one door to calls: Ringba's API or a file, through the same SQL to the same table."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from kayzen_nb.callfile import read_call_file
from kayzen_nb.calls import CallTable
from kayzen_nb.calltable import build_call_table, open_engine, raw_columns
from kayzen_nb.errors import ParameterError, Problem
from kayzen_nb.ringba import Ringba
from kayzen_nb.ringba_columns import API_IDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    import httpx

    from kayzen_nb.period import Period
    from kayzen_nb.settings import Settings


def fetch_calls(
    *,
    source: Literal["api", "csv"],
    period: Period | None,
    settings: Settings | None = None,
    zone: str = "",
    transport: httpx.BaseTransport | None = None,
    csv_path: str | Path = "",
    campaign: str = "",
    test_calls: Collection[str] = (),
) -> CallTable:
    """The calls of a period. A file may decide its own period (None) when ``zone`` says how to read its times.

    Raises PlatformError, CallFileError, SettingsError; ParameterError when the period or zone is missing.
    """
    zone = zone or (period.zone if period else "")
    if not zone or (source == "api" and period is None):
        raise ParameterError(
            Problem(
                what="Reading calls needs a time zone, and from Ringba's API a period too.",
                where="time_zone, period_start, period_end",
                next_step="Set them, such as America/New_York, -7d and yesterday.",
            )
        )
    if source == "csv" or period is None:
        return read_call_file(csv_path, zone=zone, period=period, campaign=campaign, test_calls=test_calls)
    return _fetch_from_api(
        period=period, settings=settings, transport=transport, campaign=campaign, test_calls=test_calls
    )


def count_numbers(calls: CallTable) -> list[tuple[str | None, str | None, int]]:
    """How many calls each campaign got on each tracking number (masked): ``(campaign, number, calls)``."""
    rows = calls.relation.aggregate("campaign, number, count(*)", "campaign, number").order("1, 2").fetchall()
    return [(campaign, number, int(count)) for campaign, number, count in rows]


def _fetch_from_api(
    *,
    period: Period,
    settings: Settings | None,
    transport: httpx.BaseTransport | None,
    campaign: str,
    test_calls: Collection[str],
) -> CallTable:
    if settings is None:
        raise TypeError("source 'api' needs settings")
    as_of = datetime.now(UTC)  # before reading: what changes while we read may not be in
    with Ringba(settings, transport=transport) as ringba:
        records = ringba.fetch_call_records(period, campaign=campaign)
    return build_from_records(
        records,
        period=period,
        campaign=campaign,
        source=urlsplit(settings.ringba_api_url).netloc,
        as_of=as_of,
        test_calls=test_calls,
    )


def build_from_records(
    records: Sequence[Mapping[str, Any]],
    *,
    period: Period,
    campaign: str,
    source: str,
    as_of: datetime,
    test_calls: Collection[str] = (),
) -> CallTable:
    """The typed table from Ringba's JSON records (floats read as Decimals)."""
    engine = open_engine()
    rows = [[_as_text(record.get(name)) for name in API_IDS.values()] for record in records]
    columns = raw_columns({word: f"r[{at}]" for at, word in enumerate(API_IDS, start=1)})
    engine.execute(
        f"""create temp table raw as select row_number() over () as row_number, {columns}
        from (select unnest(from_json(?::json, '[["VARCHAR"]]')) as r)""",  # noqa: S608  # our words only
        [json.dumps(rows)],
    )
    built = build_call_table(
        engine,
        present=set(API_IDS),
        sparse=True,
        zone=period.zone,
        period=period,
        campaign=campaign,
        test_calls=test_calls,
    )
    return CallTable(
        relation=built.relation,
        ledger=built.ledger,
        source=source,
        as_of=as_of,
        derived=built.derived,
        unknown=built.unknown,
        notes=built.notes,
    )


def _as_text(value: object) -> str | None:
    """A JSON value as the text that a file would hold; money without exponent, exact."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}" if value.adjusted() < 30 else str(value)  # 1e400 stays short, and unreadable
    return json.dumps(value, default=str)
