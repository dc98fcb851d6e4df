"""Small tables of counts, made in one pass over the calls each; every number on a page is rolled up from them.

Several grains serve a page: local day and hour by campaign, all groups without time, and Ringba's words for exits.
One grain for everything would be as long as the calls themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb.definition import BUCKET, MEASURES, RIPE, bucket_sql, cube_sql
from kayzen_nb.dimensions import DIMENSIONS, GROUPS, OTHERS, TIMES
from kayzen_nb.exits import codes_reaching
from kayzen_nb.vocabulary import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import duckdb
    import pandas as pd

    from kayzen_nb.definition import Definition
    from kayzen_nb.period import Period

Only = Mapping[str, object]  # a value, or a list of values, for a dimension; None is blank
_NAMES = count(1)
_SPANS_S = (3600, 1800, 900)  # no zone in use is off by less than a quarter of an hour
_SUMS = ", ".join(f"sum({name})::bigint as {name}" for name in MEASURES)


@dataclass(frozen=True, kw_only=True)
class Cube:
    """Counts by ``dimensions``, ``is_ripe`` and exit; ``sql`` is how they were counted.

    ``rows`` has the dimensions, ``is_ripe``, ``exit`` (a code) and ``definition.MEASURES``: exact, in whole numbers.
    """

    dimensions: tuple[str, ...]
    rows: duckdb.DuckDBPyRelation = field(repr=False)
    sql: str = field(repr=False)

    def roll_up(self, by: Sequence[str] = (), only: Only | None = None, *, largest: int | None = None) -> pd.DataFrame:
        """Counts by some of the dimensions and exit: columns ``by``, ``exit`` and the measures, in order of the keys.

        ``only`` keeps the calls whose dimension has the given value (None: blank), or any of a list of values.
        ``largest`` keeps that many groups of each dimension and pools the others; the blank group is kept.
        """
        rows = self._keep(only)
        keys = [self._key(rows, name, largest) for name in by]
        return _tidy(rows.aggregate(", ".join([*keys, "exit", _SUMS])).order(", ".join([*by, "exit"])).df(), by)

    def stages(self, by: Sequence[str] = (), only: Only | None = None, *, largest: int | None = None) -> pd.DataFrame:
        """One row a group: ``by``, and for each stage ``<stage>_calls``, ``<stage>_revenue``, ``<stage>_payout``.

        They count the calls that reached at least that stage. Without ``by`` there is always one row.
        """
        rows = self._keep(only)
        keys = [self._key(rows, name, largest) for name in by]
        sums = [_reached_sql(stage, measure) for stage in Stage for measure in MEASURES[:3]]
        counted = rows.aggregate(", ".join([*keys, *sums]))
        return _tidy((counted.order(", ".join(by)) if by else counted).df(), by)

    def _keep(self, only: Only | None) -> duckdb.DuckDBPyRelation:
        return self.rows.filter(" and ".join(_kept(*one) for one in only.items())) if only else self.rows

    def _key(self, rows: duckdb.DuckDBPyRelation, name: str, largest: int | None) -> str:
        if largest is None or name not in GROUPS or name == "is_duplicate":
            return name
        top = rows.filter(f"{name} is not null").aggregate(f"{name}, sum(calls) as calls", name)
        kept = [value for value, _ in top.order(f"calls desc, {name}").limit(largest).fetchall()]
        return f"case when {name} is null or {_kept(name, kept)} then {name} else '{OTHERS}' end as {name}"


def count_cube(
    calls: duckdb.DuckDBPyRelation, definition: Definition, period: Period, dimensions: Collection[str]
) -> Cube:
    """One pass over the calls: a cube with these dimensions, in the order of ``DIMENSIONS``."""
    query = build_query(definition, period, dimensions)
    spans = _spans_sql(definition, period)
    return _keep_rows(lambda sql: calls.query("calls", sql), f"({query})", query, _in_order(dimensions), spans)


def read_cube(
    rows: pd.DataFrame, query: str, definition: Definition, period: Period, dimensions: Collection[str]
) -> Cube:
    """A cube from the rows that ``build_query``'s text gave elsewhere: on Spark, in a warehouse."""
    import duckdb  # noqa: PLC0415  # where the calls are here, their own engine serves

    engine = duckdb.connect()
    engine.register("counted", rows)

    def run(sql: str) -> Any:
        return engine.sql(sql)

    return _keep_rows(run, "counted", query, _in_order(dimensions), _spans_sql(definition, period))


def build_query(definition: Definition, period: Period, dimensions: Collection[str], bucket: str = "") -> str:
    """The query of a cube: local times are counted in UTC spans first, and put into days and hours afterwards.

    ``bucket`` is SQL for the number of ``span_s(period)`` seconds since 1970, for engines with other functions.
    """
    chosen = _in_order(dimensions)
    first = BUCKET if any(DIMENSIONS[name].is_time for name in chosen) else RIPE
    keys = [first, *(name for name in chosen if name in GROUPS)]
    return cube_sql(definition, keys, bucket=bucket or bucket_sql(span_s(period)))


def span_s(period: Period) -> int:
    """The longest of an hour, a half and a quarter of one in which no local hour begins, all through the period."""
    zone, day = ZoneInfo(period.zone), timedelta(days=1)
    moments = [period.start_utc + n * day for n in range(len(period.days) + 2)]
    offsets = {int((moment.astimezone(zone).utcoffset() or day).total_seconds()) for moment in moments}
    return next((span for span in _SPANS_S if not any(offset % span for offset in offsets)), _SPANS_S[-1])


def _in_order(dimensions: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in DIMENSIONS if name in dimensions)


def _keep_rows(run: Callable[[str], Any], counted: str, query: str, dimensions: tuple[str, ...], spans: str) -> Cube:
    """Keep the counted rows as a table in their engine, UTC spans put into local days and hours."""
    name, has_time = f"cube_{next(_NAMES)}", any(one in TIMES for one in dimensions)
    keys = ", ".join([RIPE, *dimensions, "exit::integer as exit"])
    source = f"{counted} join {spans} using ({BUCKET})" if has_time else counted
    # A select that is kept, not "create table as": DuckDB then forgets a filter of a relation whose table is "calls".
    run(f"select {keys}, {_SUMS} from {source} group by all").create(name)  # noqa: S608  # our words only
    return Cube(dimensions=dimensions, rows=run(f"from {name}"), sql=query)


def _spans_sql(definition: Definition, period: Period) -> str:
    """Every UTC span of the period with its local day, weekday (Monday is 0), hour, and ripeness, as a table in SQL."""
    zone, span = ZoneInfo(period.zone), timedelta(seconds=span_s(period))
    first, until = int(period.start_utc.timestamp()) // span.seconds, definition.ripe_until
    rows: list[str] = []
    moment = period.start_utc
    while moment < period.end_utc:
        local, is_ripe = moment.astimezone(zone), until is None or moment < until
        rows.append(f"({first + len(rows)}, date '{local:%Y-%m-%d}', {local.weekday()}, {local.hour}, {is_ripe})")
        moment += span
    return f"(values {', '.join(rows)}) as spans({BUCKET}, day, weekday, hour, {RIPE})"


def _reached_sql(stage: Stage, measure: str) -> str:
    codes = ", ".join(map(str, codes_reaching(stage)))
    return f"coalesce(sum({measure}) filter (exit in ({codes})), 0)::bigint as {stage}_{measure}"


def _tidy(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Groups as plain Python values: days as dates, blank as None."""
    for name in by:
        values = frame[name].dt.date if name == "day" else frame[name]
        frame[name] = values.astype("object").where(values.notna(), None)
    return frame


def _kept(dimension: str, value: object) -> str:
    """The condition that a dimension has a value, or one of several."""
    if isinstance(value, list | tuple):
        return f"({' or '.join(_kept(dimension, one) for one in value) or 'false'})"
    if value is None:
        return f"{dimension} is null"
    text = str(value).replace("'", "''")  # a day too: DuckDB reads '2026-11-01' as a date beside a date
    return f"{dimension} = {value}" if isinstance(value, bool | int) else f"{dimension} = '{text}'"
