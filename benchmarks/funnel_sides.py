"""The same numbers in four ways: calls per stage, exits, and exact sums, by campaign and New York's day.

Each side takes the Parquet file and gives two tables: one row a campaign and day (calls that reached each stage,
revenue and payout in millionths of a dollar), and one row a campaign, day and exit. ``read_numbers`` brings both into
one shape, outside of the time that is measured, so that the sides can be compared number by number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from funnel_data import PERIOD

from kayzen_nb.calls import CallTable
from kayzen_nb.callsql import open_engine
from kayzen_nb.checks import Ledger
from kayzen_nb.exits import EXIT_NAMED
from kayzen_nb.funnel import count_funnel
from kayzen_nb.newcolumns import quote
from kayzen_nb.spool import literal
from kayzen_nb.vocabulary import CALL_COLUMNS, MICROS, Stage

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pandas as pd

    from kayzen_nb.funnel import Funnel

KEYS = ["campaign", "day"]
READ = [
    "call_at", "campaign", "blocked", "connected", "completed", "converted", "paid", "error", "ended_by",
    "incomplete_reason", "no_conversion_reason", "no_payout_reason", "revenue_usd_micros", "payout_usd_micros",
]  # fmt: skip
# The exit's code and when a call takes it, the first that is met; in the words of SQL.
PLACES = (
    (0, "paid"),
    (1, "converted and no_payout_reason is not null"),
    (3, "converted"),
    (10, "connected and no_conversion_reason is not null"),
    (11, "connected and not completed"),
    (14, "connected"),
    (20, "blocked"),
    (21, "error"),
    (22, "incomplete_reason is not null"),
    (23, "no_conversion_reason is not null"),
    (24, "ended_by = 'Caller'"),
    (25, "ended_by = 'Target'"),
)
UNEXPLAINED = 27
CONNECTED_FROM, CONVERTED_FROM = 19, 9  # codes up to these reached the stage
_AT_FOUR, _AT_FIVE = 4 * 3600 * MICROS, 5 * 3600 * MICROS  # New York behind UTC, before and after 2 November, 06:00 UTC
_CHANGE = datetime(2025, 11, 2, 6, tzinfo=UTC)
_DAY = 86_400 * MICROS


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A side's answer.

    ``stages``: (campaign, day) to calls at each stage, revenue, payout; ``exits``: (campaign, day, code) to calls.
    """

    stages: dict[tuple[str | None, date], tuple[int, ...]] = field(repr=False)
    exits: dict[tuple[str | None, date, int], int] = field(repr=False)


class Side(Protocol):
    """One way to count; ``run`` is what is timed."""

    def __init__(self, file: Path) -> None: ...

    def run(self) -> tuple[Any, Any]:
        """Both tables."""


class Ours:
    """What a notebook calls."""

    def __init__(self, file: Path) -> None:
        self.table = open_table(file)

    def count(self) -> Funnel:
        """A funnel that has counted nothing yet."""
        return count_funnel(self.table, PERIOD)

    def run(self) -> tuple[Any, Any]:
        counted = self.count()
        return counted.by(*KEYS), counted.exits(*KEYS)

    def run_one(self) -> tuple[Any, ...]:
        """One campaign x day query."""
        return (self.count().by(*KEYS),)

    def run_page(self) -> tuple[Any, ...]:
        """Overall, and five breakdowns."""
        counted = self.count()
        return (counted.steps(), *map(counted.by, ("campaign", "state", "target", "publisher", "is_duplicate")))


class HandWritten:
    """The best SQL for DuckDB that we could write: one pass, a day by plain arithmetic, no conversion of time zones."""

    def __init__(self, file: Path) -> None:
        self.engine = _open(file)
        places = " ".join(f"when {condition} then {code}" for code, condition in PLACES)
        change = f"timestamptz '{_CHANGE:%Y-%m-%d %H:%M:%S}+00'"
        self.counting = f"""
            create or replace temp table placed as select campaign,
              ((epoch_us(call_at) - case when call_at < {change} then {_AT_FOUR} else {_AT_FIVE} end) // {_DAY})::int
                as day,
              (case {places} else {UNEXPLAINED} end)::utinyint as place, count(*) as calls,
              sum(revenue_usd_micros) as revenue, sum(payout_usd_micros) as payout
            from calls group by all"""  # noqa: S608  # our words only
        self.stages = f"""
            select campaign, date '1970-01-01' + day as day, sum(calls)::bigint as incoming,
              coalesce(sum(calls) filter (place <= {CONNECTED_FROM}), 0)::bigint as connected,
              coalesce(sum(calls) filter (place <= {CONVERTED_FROM}), 0)::bigint as converted,
              coalesce(sum(calls) filter (place = 0), 0)::bigint as paid,
              coalesce(sum(revenue), 0)::bigint as revenue, coalesce(sum(payout), 0)::bigint as payout
            from placed group by campaign, day"""  # noqa: S608  # as above
        self.exits = "select campaign, date '1970-01-01' + day as day, place, calls from placed where place <> 0"

    def run(self) -> tuple[Any, Any]:
        self.engine.execute(self.counting)
        return self.engine.execute(self.stages).df(), self.engine.execute(self.exits).df()


class Polars:
    """Lazy polars; ``engine`` is ``streaming`` or ``in-memory``."""

    engine: Literal["streaming", "in-memory"] = "streaming"

    def __init__(self, file: Path) -> None:
        self.file = file

    def run(self) -> tuple[Any, Any]:
        import polars as pl  # noqa: PLC0415  # of the group "bench"

        place: Any = pl
        for code, condition in PLACES:
            place = place.when(pl.sql_expr(condition)).then(pl.lit(code, pl.UInt8))
        offset = pl.when(pl.col("call_at") < _CHANGE).then(_AT_FOUR).otherwise(_AT_FIVE)
        day = ((pl.col("call_at").dt.epoch("us") - offset) // _DAY).cast(pl.Int32).cast(pl.Date)
        place = place.otherwise(pl.lit(UNEXPLAINED, pl.UInt8))
        placed = (
            pl.scan_parquet(self.file)
            .group_by(pl.col("campaign"), day.alias("day"), place.alias("place"))
            .agg(pl.len().alias("calls"), pl.sum("revenue_usd_micros"), pl.sum("payout_usd_micros"))
            .collect(engine=self.engine)
        )
        calls = pl.col("calls")
        stages = placed.group_by(KEYS).agg(
            calls.sum(),
            *(
                calls.filter(pl.col("place") <= last).sum().alias(f"to_{last}")
                for last in (CONNECTED_FROM, CONVERTED_FROM, 0)
            ),
            pl.sum("revenue_usd_micros"),
            pl.sum("payout_usd_micros"),
        )
        return stages, placed.filter(pl.col("place") != 0).select(*KEYS, "place", "calls")


class PolarsInMemory(Polars):
    """The other of its two engines."""

    engine: Literal["streaming", "in-memory"] = "in-memory"


class Pandas:
    """Pandas as people write it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def run(self) -> tuple[Any, Any]:
        import numpy as np  # noqa: PLC0415  # where pandas is
        import pandas as pd  # noqa: PLC0415  # 0.3 s

        calls = pd.read_parquet(self.file, columns=READ)
        calls["day"] = calls["call_at"].dt.tz_convert(PERIOD.zone).dt.date
        calls["reached_converted"] = calls["converted"] | calls["paid"]
        calls["reached_connected"] = calls["connected"] | calls["reached_converted"]
        error = calls["error"].fillna(value=False).astype(bool)
        told = {name: calls[name].notna() for name in READ if name.endswith("_reason")}
        conditions = [
            calls["paid"],
            calls["converted"] & told["no_payout_reason"],
            calls["converted"],
            calls["connected"] & told["no_conversion_reason"],
            calls["connected"] & ~calls["completed"],
            calls["connected"],
            calls["blocked"],
            error,
            told["incomplete_reason"],
            told["no_conversion_reason"],
            calls["ended_by"] == "Caller",
            calls["ended_by"] == "Target",
        ]
        calls["place"] = np.select(conditions, [code for code, _ in PLACES], UNEXPLAINED)
        stages = calls.groupby(KEYS, dropna=False).agg(
            incoming=("connected", "size"),
            connected=("reached_connected", "sum"),
            converted=("reached_converted", "sum"),
            paid=("paid", "sum"),
            revenue=("revenue_usd_micros", "sum"),
            payout=("payout_usd_micros", "sum"),
        )
        exits = calls[~calls["paid"]].groupby([*KEYS, "place"], dropna=False).size()
        return stages.reset_index(), exits.reset_index()


SIDES: dict[str, type[Side]] = {
    "ours": Ours,
    "duckdb": HandWritten,
    "polars": Polars,
    "polars_in_memory": PolarsInMemory,
    "pandas": Pandas,
}


def open_table(file: Path) -> CallTable:
    """The file as the sources hand it to a notebook: a view in an engine of its own, bounded as theirs."""
    relation = _open(file).view("calls")
    return CallTable(relation=relation, ledger=Ledger(rows_in=0, rows_used=0), source="invented", as_of=PERIOD.end_utc)


def _open(file: Path) -> duckdb.DuckDBPyConnection:
    engine = open_engine(spool=file.parent)
    source = f"read_parquet({quote(literal(file))}, hive_partitioning = false)"
    engine.execute(f"create view calls as select {', '.join(CALL_COLUMNS)} from {source}")  # noqa: S608  # our words only
    return engine


def read_numbers(side: str, answer: tuple[Any, Any]) -> Numbers:
    """A side's two tables as plain numbers."""
    if side == "ours":
        return _read_ours(*answer)
    stages, exits = (table.rows() if hasattr(table, "rows") else table.to_numpy().tolist() for table in answer)
    return Numbers(
        stages={(_text(campaign), _day(day)): tuple(map(int, found)) for campaign, day, *found in stages},
        exits={(_text(campaign), _day(day), int(code)): int(calls) for campaign, day, code, calls in exits},
    )


def _read_ours(steps: pd.DataFrame, exits: pd.DataFrame) -> Numbers:
    stages: dict[Any, list[int]] = {}
    for row in steps.to_dict("records"):
        stages.setdefault((_text(row["campaign"]), row["day"]), []).append(int(row["calls"]))
    for row in steps[steps["stage"] == Stage.INCOMING].to_dict("records"):
        stages[_text(row["campaign"]), row["day"]] += [int(row[one] * MICROS) for one in ("revenue", "payout")]
    return Numbers(
        stages={key: tuple(found) for key, found in stages.items()},
        exits={
            (_text(row["campaign"]), row["day"], EXIT_NAMED[row["exit"]].code): int(row["calls"])
            for row in exits.to_dict("records")
        },
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _day(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else value
