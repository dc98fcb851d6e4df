"""The calls themselves, for the questions that no cube answers: the part of them that a funnel looks at."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb.cubetimes import span_s
from kayzen_nb.definition import bucket_sql
from kayzen_nb.dimensions import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import duckdb

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.period import Period


def calls_of(funnel: Funnel) -> duckdb.DuckDBPyRelation:
    """The calls that the funnel counts: all of them, or those that ``funnel.only`` keeps."""
    conditions = [_condition(funnel.period, name, value) for name, value in funnel.only.items()]
    return funnel.table.relation.filter(" and ".join(conditions)) if conditions else funnel.table.relation


def ask_calls(funnel: Funnel, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a query gives over the funnel's calls, which it knows as ``calls``."""
    answer = calls_of(funnel).query("calls", sql)
    return answer.fetchall() if answer else []


def _condition(period: Period, name: str, value: object) -> str:
    """What a call must meet to be of this value, or of one of these values."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    if name in TIMES:
        return _at_times(period, name, {str(one) for one in values})
    return f"({' or '.join(_equals(name, one) for one in values) or 'false'})"


def _equals(name: str, value: object) -> str:
    if value is None:
        return f"{name} is null"
    text = str(value).replace("'", "''")
    return f"{name} = {value}" if isinstance(value, bool | int) else f"{name} = '{text}'"


def _at_times(period: Period, name: str, wanted: set[str]) -> str:
    """Local days, weekdays and hours as spans of UTC time, as the cube counts them: calls are not converted."""
    span = span_s(period)
    spans = [
        str(int(moment.timestamp()) // span)
        for moment, local in _moments(period, span)
        if str({"day": local.date(), "weekday": local.weekday(), "hour": local.hour}[name]) in wanted
    ]
    return f"{bucket_sql(span)} in ({', '.join(spans) or 'null'})"


def _moments(period: Period, span: int) -> Iterator[tuple[datetime, datetime]]:
    """Every span of the period: when it begins in UTC, and locally."""
    zone, moment = ZoneInfo(period.zone), period.start_utc
    while moment < period.end_utc:
        yield moment, moment.astimezone(zone)
        moment += timedelta(seconds=span)
