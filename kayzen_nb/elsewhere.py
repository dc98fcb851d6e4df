"""The funnel of calls that stay where they are: counted by Spark or by a warehouse, over the user's own connection.

Only counts come here; every number of the page is then rolled up from them as it is for calls that are read here. The
connection is the user's: no address and no credential is kept, and nothing but ``select`` is sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from kayzen_nb.calls import CallTable
from kayzen_nb.checks import Ledger
from kayzen_nb.cube import build_query, read_cube
from kayzen_nb.definition import Definition
from kayzen_nb.dialects import Source, check_source, result_names, translate
from kayzen_nb.enginerows import as_frame, ask
from kayzen_nb.errors import InputError, Problem
from kayzen_nb.funnel import Funnel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    import duckdb

    from kayzen_nb.cube import Cube
    from kayzen_nb.period import Period

FIRST_CUBE = ("campaign", "day", "weekday", "hour")  # answers most of a page


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Counts the calls of a period where they are. ``connection`` is anything that ``enginerows.ask`` can ask."""

    connection: Any = field(repr=False)
    dialect: str
    source: Source
    period: Period
    definition: Definition

    def count_cube(self, dimensions: Collection[str]) -> Cube:
        """One pass over the calls there. The cube's ``sql`` is what was sent."""
        query = build_query(self.definition, self.period, dimensions)
        sent = translate(query, self.dialect, self.source)
        frame = as_frame(result_names(query), ask(self.connection, sent))
        return read_cube(frame, sent, self.definition, self.period, dimensions)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of any other query over ``calls``, written in DuckDB's SQL."""
        return ask(self.connection, translate(query, self.dialect, self.source))


def count_funnel(
    connection: Any,
    *,
    table: str,
    period: Period,
    dialect: str,
    as_of: datetime,
    definition: Definition | None = None,
    dimensions: Collection[str] = FIRST_CUBE,
    columns: Mapping[str, str] | None = None,
    unknown: Collection[str] = (),
    where: str = "",
) -> Funnel:
    """The funnel of the calls in another engine's table, as ``funnel.count_funnel`` gives it for calls that are here.

    ``connection``: a DB-API connection, a Spark session, a chdb session, an Ibis backend or an Ibis URL. ``dialect``:
    one of ``dialects.DIALECTS``. ``as_of`` (aware): up to when the table is known to be read. ``dimensions`` are
    counted at once, in one pass; what is asked for later and is not among them takes one more. ``table``, ``columns``,
    ``unknown`` and ``where`` are those of ``dialects.Source``. Raises InputError for what cannot be used; what the
    engine itself refuses is raised as its own error.
    """
    source = Source(table=table, columns=columns or {}, unknown=tuple(unknown), where=where, period=period)
    check_source(source, dialect)
    chosen = definition or Definition()
    counter = Elsewhere(connection=connection, dialect=dialect, source=source, period=period, definition=chosen)
    first = counter.count_cube(dimensions)
    calls = int(first.stages()["incoming_calls"][0])
    table_of_calls = CallTable(
        relation=cast("duckdb.DuckDBPyRelation", _StayThere(table)),
        ledger=Ledger(rows_in=calls, rows_used=calls),
        source=f"table {table} ({dialect})",
        as_of=as_of,
        unknown=tuple(unknown),
    )
    return Funnel(table=table_of_calls, period=period, definition=chosen, counter=counter, _cubes=[first])


class _StayThere:
    """Stands in for calls that were not fetched: who asks for them is told so, instead of counting none."""

    def __init__(self, table: str) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        what = "The calls themselves are not here: they stay in their own engine, and only counts came."
        step = "Ask for counts (steps, by, exits, roll_up); for single calls query that engine, or pull an archive."
        raise InputError(Problem(what=what, where=f"table {self._table}", next_step=step))
