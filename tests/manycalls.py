"""Call tables of thousands of calls for tests: what ``conftest.build_calls`` does row by row, in one go."""

from datetime import UTC, datetime

import duckdb
import pandas as pd

from kayzen_nb.calls import CallTable
from kayzen_nb.checks import Ledger
from kayzen_nb.vocabulary import CALL_COLUMNS


def build_many(rows, *, unknown=(), as_of=datetime(2026, 12, 20, tzinfo=UTC)) -> CallTable:
    """A call table from short dicts; what a dict leaves out is null."""
    connection = duckdb.connect()
    columns = ", ".join(f"{c.name} {c.sql_type}" for c in CALL_COLUMNS.values())
    connection.execute(f"create table calls ({columns})")
    if rows:
        frame = pd.DataFrame(rows).astype("object")
        frame["call_id"] = [f"RGB{number:06}" for number in range(len(frame))]
        frame = frame.where(frame.notna(), None)
        connection.register("given", frame)
        connection.execute("insert into calls by name select * from given")
    return CallTable(
        relation=connection.table("calls"),
        ledger=Ledger(rows_in=len(rows), rows_used=len(rows)),
        source="test",
        as_of=as_of,
        unknown=tuple(unknown),
    )
