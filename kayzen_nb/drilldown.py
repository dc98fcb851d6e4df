"""The calls behind any bar of the funnel: the same definition, read call by call instead of counted.

Callers and numbers are masked already where calls are read; nothing here can unmask them.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from kayzen_nb.cubetimes import span_s
from kayzen_nb.definition import exit_sql
from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.exits import EXIT_NAMED, EXITS, codes_reaching
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    import duckdb

    from kayzen_nb.cube import Only
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.period import Period

# Local and UTC time side by side: of a repeated hour only the second tells which one.
CALLS_COLUMNS = (
    "local_time", "utc_time", "call_id", "campaign", "number", "caller", "state", "target", "publisher", "is_duplicate",
    "place", "reason", "connected_s", "revenue", "payout",
)  # fmt: skip
_TIMES = {"day": "local_at::date", "weekday": "isodow(local_at) - 1", "hour": "hour(local_at)"}


def find_calls(
    funnel: Funnel,
    *,
    stage: Stage | str | None = None,
    exit_name: str | Collection[str] | None = None,
    reason: str | None = None,
    only: Only | None = None,
    limit: int | None = None,
) -> duckdb.DuckDBPyRelation:
    """The calls that a bar counts, in order of time, columns ``CALLS_COLUMNS``: text as people read it, exact dollars.

    ``stage``: those that reached at least this stage. ``exit_name``: those that left by this exit, or one of several.
    ``reason``: those for which Ringba gives these words. ``only``: a value (None: blank), or a list of values, for a
    dimension, as in ``Funnel.by``; days and hours are the page's. ``limit``: the first so many.
    Raises ParameterError for a stage, exit or dimension that does not exist.
    """
    kept = {**funnel.only, **(only or {})}
    _require("dimension", kept, DIMENSIONS)
    conditions = [f"exit in ({_listed(codes)})" for codes in _codes(stage, exit_name)]
    conditions += [_condition(_TIMES.get(name, name), name, value) for name, value in kept.items()]
    conditions += [f"reason = {_literal(reason)}"] if reason is not None else []
    if not kept.keys().isdisjoint(_TIMES):  # only then do the cubes leave out calls from outside the period
        conditions.append(
            f"call_at >= {_instant(funnel.period.start_utc)} and call_at < {_instant(funnel.period.end_utc)}"
        )
    where = f"where {' and '.join(conditions)}\n" if conditions else ""
    last = f"\nlimit {int(limit)}" if limit is not None else ""
    sql = f"{_calls_sql(funnel)}\n{where}order by call_at, call_id{last}"
    return cast("duckdb.DuckDBPyRelation", funnel.table.relation.query("calls", sql))  # a query always answers


def describe_calls(shown: int, found: int) -> str:
    """How many of the found calls are shown."""
    if not found:
        return "No call is behind this."
    return f"All {counted(found, 'call')}." if shown >= found else f"The first {shown:,} of {counted(found, 'call')}."


def _calls_sql(funnel: Funnel) -> str:
    """Every call with its place, its local time and its amounts, before anything is left out."""
    labels = " ".join(f"when {one.code} then {_literal(one.label)}" for one in EXITS)
    return f"""select
  strftime(local_at, '%Y-%m-%d %H:%M:%S') as local_time,
  strftime(make_timestamp(epoch_us(call_at)), '%Y-%m-%d %H:%M:%S') as utc_time,
  call_id, campaign, number, caller, state, target, publisher,
  case when is_duplicate then 'yes' when not is_duplicate then 'no' end as is_duplicate,
  case exit {labels} end as place,
  reason, connected_s,
  {_dollars("revenue_usd_micros")} as revenue,
  {_dollars("payout_usd_micros")} as payout
from (
  select placed.*,
    case exit {_reasons()} end as reason,
    make_timestamp(epoch_us(call_at) + {_offset_us(funnel.period)}) as local_at
  from (select *, {exit_sql(funnel.definition)} as exit from calls) as placed
) as placed"""  # noqa: S608  # our own words; values from outside are literals


def _reasons() -> str:
    """For each exit the column in which Ringba's words for it may stand."""
    return " ".join(f"when {one.code} then {one.words}" for one in EXITS if one.words)


def _dollars(column: str) -> str:
    """Millionths as exact dollars in text, two decimals or as many as there are (``vocabulary.usd``)."""
    exact = f"({column} * 0.000001::decimal(7, 6))::varchar"
    return rf"regexp_replace({exact}, '(\.\d\d\d*?)0+$', '\1')"


def _offset_us(period: Period) -> str:
    """How far local time is from UTC, in microseconds: one number between two clock changes."""
    changes = list(_offset_changes(period))
    last = f"{changes[-1][1] // timedelta(microseconds=1)}"
    steps = [
        f"when call_at < {_instant(until)} then {offset // timedelta(microseconds=1)}"
        for (_, offset), (until, _) in pairwise(changes)
    ]
    return f"case {' '.join(steps)} else {last} end" if steps else f"({last})"


def _offset_changes(period: Period) -> Iterator[tuple[datetime, timedelta]]:
    """From when on which offset holds, beginning with the period's first moment."""
    zone, step = ZoneInfo(period.zone), timedelta(seconds=span_s(period))
    moment, before = period.start_utc, None
    while moment < period.end_utc:
        offset = moment.astimezone(zone).utcoffset() or timedelta()
        if offset != before:
            yield moment, offset
        moment, before = moment + step, offset


def _codes(stage: Stage | str | None, exit_name: str | Collection[str] | None) -> Iterator[Collection[int]]:
    if stage is not None:
        _require("stage", [str(stage)], list(map(str, Stage)))
        yield codes_reaching(Stage(stage))
    if exit_name is not None:
        names = [exit_name] if isinstance(exit_name, str) else list(exit_name)
        _require("exit", names, EXIT_NAMED)
        yield [EXIT_NAMED[name].code for name in names]


def _require(noun: str, names: Collection[str], known: Collection[str]) -> None:
    problems = [
        Problem(what=f"There is no {noun} {name!r}.", where="find_calls", next_step=did_you_mean(name, known))
        for name in names
        if name not in known
    ]
    if problems:
        raise ParameterError(*problems)


def _condition(expression: str, dimension: str, value: object) -> str:
    """The condition that a dimension has a value, or one of several."""
    if isinstance(value, list | tuple):
        return f"({' or '.join(_condition(expression, dimension, one) for one in value) or 'false'})"
    if value is None:
        return f"{expression} is null"
    if dimension == "is_duplicate":
        return f"{expression} = {bool(value)}"
    if dimension in ("weekday", "hour"):
        return f"{expression} = {int(str(value))}"
    return f"{expression} = {_literal(str(value))}"


def _literal(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


def _listed(codes: Collection[int]) -> str:
    return ", ".join(map(str, codes)) or "null"


def _instant(moment: datetime) -> str:
    return f"timestamptz '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00'"
