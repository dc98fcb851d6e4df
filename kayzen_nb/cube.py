"""Small tables of counts, made in one pass over the calls each; every number on a page is rolled up from them.

Several grains serve a page: local day and hour by campaign, all groups without time, and Ringba's words for exits.
One grain for everything would be as long as the calls themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from kayzen_nb.cubetimes import days_sql, local_sql, span_s, spans_sql
from kayzen_nb.definition import BUCKET, GRAIN, MEASURES, RIPE, bucket_sql, cube_sql, grain_number, sets_sql
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
_DAY_S = 86_400
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
        grouped = rows.aggregate(", ".join([*keys, "exit", _SUMS]))  # few rows, before twelve sums are taken of them
        counted = grouped.aggregate(", ".join([*by, *sums]))
        return _tidy((counted.order(", ".join(by)) if by else counted).df(), by)

    def narrow(self, dimensions: Collection[str]) -> Cube:
        """A cube with some of the dimensions, made from this one without another pass over the calls."""
        name, kept = f"cube_{next(_NAMES)}", in_order(dimensions)
        rows = self.rows.aggregate(", ".join([RIPE, *kept, "exit", _SUMS]))
        rows.create(name)
        small: Any = rows.query("rows", f"from {name}")
        return Cube(dimensions=kept, rows=small, sql=self.sql)

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
    has_hours = "hour" in dimensions  # by whole days there are far fewer groups, and it is faster
    query = build_query(definition, period, dimensions, "" if has_hours else local_sql(period, _DAY_S))
    times = spans_sql(definition, period) if has_hours else days_sql(definition, period)
    return _keep_rows(lambda sql: calls.query("calls", sql), f"({query})", query, in_order(dimensions), times)


def count_cubes(
    calls: duckdb.DuckDBPyRelation, definition: Definition, grains: Sequence[Collection[str]]
) -> list[Cube]:
    """Several cubes of groups, without time, in one pass over the calls."""
    name, sets = f"cube_{next(_NAMES)}", [in_order(grain) for grain in grains]
    query, keys = sets_sql(definition, sets), in_order({one for grain in sets for one in grain})
    measures = [f"{one}::bigint as {one}" for one in MEASURES]
    columns = ", ".join([RIPE, *keys, "exit::integer as exit", GRAIN, *measures])
    counted: Any = calls.query("calls", f"select {columns} from ({query})")  # noqa: S608  # our words only
    counted.create(name)

    def rows(one: tuple[str, ...]) -> Any:
        kept = ", ".join([RIPE, *one, "exit", *MEASURES])
        return calls.query("calls", f"select {kept} from {name} where {GRAIN} = {grain_number(one, keys)}")  # noqa: S608  # as above

    return [Cube(dimensions=one, rows=rows(one), sql=query) for one in sets]


def read_cube(
    rows: pd.DataFrame, query: str, definition: Definition, period: Period, dimensions: Collection[str]
) -> Cube:
    """A cube from the rows that ``build_query``'s text gave elsewhere: on Spark, in a warehouse."""
    import duckdb  # noqa: PLC0415  # where the calls are here, their own engine serves

    engine = duckdb.connect()
    engine.register("counted", rows)

    def run(sql: str) -> Any:
        return engine.sql(sql)

    return _keep_rows(run, "counted", query, in_order(dimensions), spans_sql(definition, period))


def build_query(definition: Definition, period: Period, dimensions: Collection[str], bucket: str = "") -> str:
    """The query of a cube: local times are counted in UTC spans first, and put into days and hours afterwards.

    ``bucket`` is SQL for the number of ``span_s(period)`` seconds since 1970, for engines with other functions.
    """
    chosen = in_order(dimensions)
    first = BUCKET if any(DIMENSIONS[name].is_time for name in chosen) else RIPE
    keys = [first, *(name for name in chosen if name in GROUPS)]
    return cube_sql(definition, keys, bucket=bucket or bucket_sql(span_s(period)))


def in_order(dimensions: Collection[str]) -> tuple[str, ...]:
    """The dimensions in the order of ``DIMENSIONS``, in which every cube has them."""
    return tuple(name for name in DIMENSIONS if name in dimensions)


def _keep_rows(run: Callable[[str], Any], counted: str, query: str, dimensions: tuple[str, ...], spans: str) -> Cube:
    """Keep the counted rows as a table in their engine, UTC spans put into local days and hours."""
    name, has_time = f"cube_{next(_NAMES)}", any(one in TIMES for one in dimensions)
    keys = ", ".join([RIPE, *dimensions, "exit::integer as exit"])
    source = f"{counted} join {spans} using ({BUCKET})" if has_time else counted
    # A select that is kept, not "create table as": DuckDB then forgets a filter of a relation whose table is "calls".
    run(f"select {keys}, {_SUMS} from {source} group by all").create(name)  # noqa: S608  # our words only
    return Cube(dimensions=dimensions, rows=run(f"from {name}"), sql=query)


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
