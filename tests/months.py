"""Five months whose truth is known: November 2026 with the 30 days before it, for tests of what the page says on top.

About 300 calls a day, 150 to 250 on weekends, in America/New_York. The calls are made by DuckDB from MD5 of the seed and
the call's number, so a month takes a tenth of a second and is the same on every machine.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import duckdb

from kayzen_nb.calls import CallTable
from kayzen_nb.checks import Ledger
from kayzen_nb.period import Period
from kayzen_nb.vocabulary import CALL_COLUMNS

ZONE = "America/New_York"
NOVEMBER = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 30), zone=ZONE)
BEFORE = Period(first_day=date(2026, 10, 2), last_day=date(2026, 10, 31), zone=ZONE)
MONTHS = ("healthy", "target_died", "states_shifted", "few_calls", "no_calls")
DEAD_TARGET, DIED_ON = "Call Center A", date(2026, 11, 12)
_AS_OF = datetime(2026, 12, 20, 12, tzinfo=UTC)  # late enough that every payout has come
_A_DAY = 300

# State, its weight usually and in the shifted month, and how many of its connected calls convert, in percent.
_STATES = (("TX", 20, 8, 60), ("CA", 25, 12, 50), ("NY", 20, 20, 40), ("FL", 20, 30, 25), ("GA", 15, 30, 20))
_CAMPAIGNS = (
    ("CTV Spring", "+1888***0122", "Kayzen", "Call Center A", "Call Center B", 27_000_000, 20_000_000),
    ("CTV Summer", "+1888***0133", "Kayzen", "Call Center A", "Call Center C", 32_500_000, 24_000_000),
    ("CTV Late Night", "+1877***0144", "Night Owl Media", "Call Center C", "Call Center B", 18_000_000, 12_500_000),
)


def build_month(name: str, seed: int = 1) -> tuple[CallTable, CallTable, Period, Period]:
    """The calls of November and of the 30 days before it, and the two periods; ``name`` is one of ``MONTHS``.

    healthy: nothing differs but chance. target_died: from the 12th on Call Center A answers nothing. states_shifted:
    the calls come from other states than before, each of which converts as it always did. few_calls: 40 calls in all,
    none before. no_calls: nothing at all, in neither period.
    """
    if name not in MONTHS:
        raise ValueError(f"no month {name!r}")
    return _build(name, NOVEMBER, seed), _build(name, BEFORE, seed), NOVEMBER, BEFORE


@cache
def _build(name: str, period: Period, seed: int) -> CallTable:
    connection = duckdb.connect()
    connection.execute(f"set timezone = '{ZONE}'")
    connection.execute(f"create table calls as select {_columns()} from ({_sql(name, period, seed)})")  # noqa: S608
    rows = connection.table("calls").aggregate("count(*)").fetchall()[0][0]
    ledger = Ledger(rows_in=rows, rows_used=rows)
    return CallTable(relation=connection.table("calls"), ledger=ledger, source="invented for a test", as_of=_AS_OF)


def _columns() -> str:
    made = {
        "call_id", "call_at", "campaign", "number", "publisher", "caller", "state", "target", "is_duplicate", "blocked",
        "block_reason", "connected", "completed", "converted", "paid", "error", "revenue_usd_micros", "connected_s",
        "payout_usd_micros", "duration_s", "time_to_connect_s", "ended_by", "incomplete_reason",
    }  # fmt: skip
    return ", ".join(
        f"{name if name in made else 'null'}::{column.sql_type} as {name}" for name, column in CALL_COLUMNS.items()
    )


def _sql(name: str, period: Period, seed: int) -> str:
    """Every call with one number from 0 to 1 for each of its choices, then what became of it."""
    key = f"{seed} || ':' || day || ':' || n"
    draws = ("hour", "campaign", "state", "side", "fate", "converts", "pays", "length", "repeat", "busy", "minute")
    drawn = ", ".join(
        f"md5_number_lower({key} || ':{one}')::double / 18446744073709551616.0 as r_{one}" for one in draws
    )
    calls = f"select *, {drawn} from (values {_days(name, period)}) as days(day, calls), range(calls) as numbers(n)"  # noqa: S608
    shifted = name == "states_shifted" and period == NOVEMBER
    dead = f"target_of = '{DEAD_TARGET}' and day >= date '{DIED_ON}'" if name == "target_died" else "false"
    converts = " ".join(["case state", *(f"when '{s}' then {percent / 100}" for s, *_, percent in _STATES), "end"])
    return f"""
        with drawn as ({calls}),
        chosen as (
            select *, {_choice("r_state", [(s, w[1] if shifted else w[0]) for s, *w in _STATES])} as state,
                {_choice("r_campaign", [(c[0], w) for c, w in zip(_CAMPAIGNS, (40, 33, 27), strict=True)])} as campaign,
                day::timestamp + to_seconds(floor(86400 * least(r_hour, 0.9999))::int) as local_at
            from drawn),
        routed as (
            select *, {_of_campaign("if(r_side < 0.5, '{3}', '{4}')")} as target_of, {_of_campaign("'{1}'")} as number,
                {_of_campaign("'{2}'")} as publisher, {_of_campaign("{5}")} as amount, {_of_campaign("{6}")} as share,
                {converts} as converts_rate
            from chosen),
        fated as (
            select *, r_fate < 0.04 as blocked, r_fate between 0.04 and 0.10 as in_menu,
                r_fate between 0.10 and 0.115 as error, r_fate > 0.38 and not ({dead}) as connected
            from routed)
        select *, 'RGB' || upper(substr(md5({key}), 1, 32)) || 'V3' || lpad(n::text, 5, '0') as call_id,
            local_at at time zone '{ZONE}' as call_at, '***' || lpad((r_minute * 100)::int::text, 2, '0') as caller,
            if(connected, target_of, null) as target, r_repeat < 0.18 as is_duplicate, connected as completed,
            if(blocked, 'Spam', null) as block_reason, if(in_menu, 'System Hangup', null) as incomplete_reason,
            connected and r_converts < converts_rate as converted,
            connected and r_converts < converts_rate and r_pays < 0.85 as paid,
            if(connected and r_converts < converts_rate, amount, null) as revenue_usd_micros,
            if(connected and r_converts < converts_rate and r_pays < 0.85, share, null) as payout_usd_micros,
            if(connected, 2 + floor(18 * r_busy)::int, null) as time_to_connect_s,
            if(connected, if(r_converts < converts_rate, 120, 5) + floor(110 * r_length)::int, null) as connected_s,
            if(connected, coalesce(connected_s + time_to_connect_s, 0), if(blocked, 0, 20)) as duration_s,
            if(blocked or error, 'System', if(connected and r_busy < 0.3, 'Target', 'Caller')) as ended_by
        from fated"""  # noqa: S608  # words of our own


def _days(name: str, period: Period) -> str:
    """How many calls each day has, a little more or fewer by the day; 40 in all, or none, where the month says so."""
    return ", ".join(f"(date '{day}', {_calls_on(name, period, day)})" for day in period.days)


def _calls_on(name: str, period: Period, day: date) -> int:
    if name == "no_calls" or (name == "few_calls" and period == BEFORE):
        return 0
    if name == "few_calls":
        return 40 * day.day // 30 - 40 * (day.day - 1) // 30
    swing = (day.toordinal() * 7919 % 41) - 20  # as much as chance gives: the square root of 300 is 17
    return round((_A_DAY + swing) * (0.8 if day.weekday() >= 5 else 1.0))


def _choice(drawn: str, weights: list[tuple[str, int]]) -> str:
    whole, upper, whens = sum(weight for _, weight in weights), 0.0, []
    for value, weight in weights:
        upper += weight / whole
        whens.append(f"when {drawn} < {upper} then '{value}'")
    return f"case {' '.join(whens[:-1])} else '{weights[-1][0]}' end"


def _of_campaign(text: str) -> str:
    whens = " ".join(f"when '{campaign[0]}' then {text.format(*campaign)}" for campaign in _CAMPAIGNS)
    return f"case campaign {whens} end"
