"""Rows from other engines: how each kind of connection is asked, and its values as ours, exact."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kayzen_nb.definition import BUCKET, MEASURES, RIPE
from kayzen_nb.errors import BadAnswer, InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_WHOLE = (BUCKET, "exit", *MEASURES)
_FLAGS = (RIPE, "is_duplicate")
Rows = list[tuple[Any, ...]]


def ask(connection: Any, sql: str) -> Rows:
    """The rows of a query over a DB-API connection, a Spark session, a chdb session, an Ibis backend or its URL.

    An Ibis backend serves where its own connection (``con``) is a DB-API one: DuckDB, Postgres, Snowflake, Trino.

    What the engine refuses is raised as its own error; InputError for anything that cannot be asked.
    """
    if isinstance(connection, str):
        connection = _connect_ibis(connection)
    if _home(connection) == "ibis":
        connection = connection.con  # Ibis's own ``sql`` makes views on some engines, and we send nothing but select
    if _home(connection) == "chdb" and hasattr(connection, "query"):
        return _read_lines(str(connection.query(sql, "JSONCompactEachRow")))
    if hasattr(connection, "createDataFrame"):  # a Spark session, on this machine or over Spark Connect
        return [tuple(row) for row in connection.sql(sql).collect()]
    if hasattr(connection, "cursor"):
        return _ask_cursor(connection, sql)
    what = f"A {type(connection).__name__} cannot be asked for rows."
    step = "Give a DB-API connection, a Spark session, a chdb session, an Ibis backend, or an Ibis URL as text."
    raise InputError(Problem(what=what, where="connection", next_step=step))


def as_frame(names: Sequence[str], rows: Rows) -> pd.DataFrame:
    """The rows of a cube's query as a table with these columns: whole numbers, flags and text; blank as missing."""
    import pandas as pd  # noqa: PLC0415  # only where counts came from elsewhere

    _check_width(rows, len(names))
    return pd.DataFrame({name: _as_column(name, [row[n] for row in rows]) for n, name in enumerate(names)})


def _home(connection: Any) -> str:
    return type(connection).__module__.partition(".")[0]


def _read_lines(text: str) -> Rows:
    """ClickHouse's rows, a JSON list a line. Only a line feed ends a line: names may hold other line separators."""
    return [tuple(json.loads(line, parse_float=Decimal)) for line in text.split("\n") if line]


def _ask_cursor(connection: Any, sql: str) -> Rows:
    cursor = connection.cursor()
    try:
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]
    finally:
        cursor.close()


def _connect_ibis(url: str) -> Any:
    try:
        import ibis  # noqa: PLC0415  # an optional package
    except ImportError:
        what = "A connection given as text needs the package ibis-framework."
        step = "Install it with its engine, such as pip install 'ibis-framework[postgres]', or give a connection."
        raise InputError(Problem(what=what, where="connection", next_step=step)) from None
    return ibis.connect(url)


def _as_column(name: str, values: list[Any]) -> Any:
    import pandas as pd  # noqa: PLC0415  # only where counts came from elsewhere

    if name in _WHOLE:
        return pd.array([_whole(value) for value in values], dtype="int64")
    if name in _FLAGS:
        return pd.array([_flag(value) for value in values], dtype="boolean")
    return pd.array([None if value is None else str(value) for value in values], dtype="string")


def _whole(value: Any) -> int:
    """A count or a sum as a whole number: engines send int, Decimal or digits. A float has lost its exactness."""
    exact = int(value) if isinstance(value, int | Decimal) or (isinstance(value, str) and _is_digits(value)) else None
    if exact is None or isinstance(value, bool) or exact != Decimal(value):
        raise _refuse(f"{value!r} where a whole number was expected")
    return exact


def _is_digits(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal()


def _flag(value: Any) -> bool | None:
    """Yes, no or unknown: some engines keep flags as 1 and 0."""
    if value is not None and value not in (0, 1):
        raise _refuse(f"{value!r} where yes or no was expected")
    return None if value is None else bool(value)


def _check_width(rows: Rows, width: int) -> None:
    if any(len(row) != width for row in rows):
        raise _refuse(f"rows that have not {width} columns")


def _refuse(what: str) -> BadAnswer:
    step = "Check the types of the table's columns: amounts are whole millionths of a dollar, flags are booleans."
    return BadAnswer(Problem(what=f"The engine answered {what}.", next_step=step))
