"""The query over the calls in the SQL of other engines: sqlglot translates, imported only then.

Three things are written here for each engine, because a literal translation would be wrong or would not run: an
instant, the number of a span of time since 1970, and a constant among the keys. All else is the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.definition import RIPE
from kayzen_nb.errors import ColumnError, InputError, Problem, did_you_mean
from kayzen_nb.vocabulary import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from kayzen_nb.period import Period

# engine: (the spans of {span_s} seconds since 1970, an instant). Only whole numbers, and no zone of a session: a cast
# of text would be read in the session's own zone by some engines, and ClickHouse's cast would lose the offset.
_TIMES: dict[str, tuple[str, str]] = {
    "duckdb": ("epoch_us(call_at) // {span_us}", "timestamptz '{text}+00:00'"),
    "spark": ("unix_seconds(call_at) div {span_s}", "timestamp_seconds({seconds})"),
    "databricks": ("unix_seconds(call_at) div {span_s}", "timestamp_seconds({seconds})"),
    "bigquery": ("div(unix_seconds(call_at), {span_s})", "timestamp '{text}+00:00'"),
    "snowflake": (
        "cast(floor(date_part(epoch_second, call_at) / {span_s}) as bigint)",
        "cast('{text} +00:00' as timestamp_tz)",
    ),
    "trino": ("cast(to_unixtime(date_trunc('second', call_at)) as bigint) / {span_s}", "timestamp '{text} UTC'"),
    "clickhouse": ("intDiv(toUnixTimestamp(call_at), {span_s})", "toDateTime64('{text}', 6, 'UTC')"),
    "postgres": ("cast(floor(extract(epoch from call_at) / {span_s}) as bigint)", "timestamptz '{text}+00:00'"),
}
DIALECTS = tuple(_TIMES)
_INSIDE, _TABLE = "period_calls", "source"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table of calls in another engine, and which of its rows are looked at.

    ``table`` is its name as that engine's SQL writes it, dotted and quoted where it must be. ``columns`` maps ours to
    theirs where they differ: a column's name, or an expression in that engine's SQL. ``unknown`` are columns that the
    table does not hold: they are null. ``where`` is a condition in that engine's SQL on the table's own columns.
    ``period`` keeps the calls from its first instant up to, and without, its end.
    """

    table: str
    columns: Mapping[str, str] = field(default_factory=dict)
    unknown: Collection[str] = ()
    where: str = ""
    period: Period | None = None


def check_source(source: Source, dialect: str) -> None:
    """Refuse an engine that is not known, and columns that are none of ours. Raises InputError with every problem."""
    problems = [
        Problem(
            what=f"The call table has no column {name!r}.",
            where="columns and unknown",
            next_step=did_you_mean(name, CALL_COLUMNS),
        )
        for name in dict.fromkeys([*source.columns, *source.unknown])
        if name not in CALL_COLUMNS
    ]
    if "call_at" in source.unknown:
        next_step = "Map the column that holds the call's time: columns={'call_at': ...}."
        problems.append(Problem(what="Calls without a time cannot be counted.", where="unknown", next_step=next_step))
    if dialect not in DIALECTS:
        hint = did_you_mean(dialect, DIALECTS)
        raise InputError(
            Problem(what=f"No SQL can be made for {dialect!r}.", where="dialect", next_step=hint), *problems
        )
    if problems:
        raise ColumnError(*problems)


def translate(query: str, dialect: str, source: Source | None = None) -> str:
    """A query over the table ``calls``, written in DuckDB's SQL, as the SQL of another engine; comments stay.

    ``dialect`` is one of ``DIALECTS``. Without a ``source`` the table stays ``calls``, as it is. Raises InputError
    where sqlglot is not installed or a part of the source is no SQL of that engine.
    """
    check_source(source or Source(table="calls"), dialect)
    tree = _sqlglot().parse_one(query, dialect="duckdb").transform(_translate_node, dialect)
    if source:
        _put_source(tree, dialect, source)
    return str(tree.sql(dialect=dialect, pretty=True))


def result_names(query: str) -> tuple[str, ...]:
    """The names of a query's result columns, in order; engines write them in capitals or not."""
    return tuple(one.alias_or_name for one in _sqlglot().parse_one(query, dialect="duckdb").selects)


def _translate_node(node: Any, dialect: str) -> Any:
    from sqlglot import exp  # noqa: PLC0415  # an optional package

    if isinstance(node, exp.IntDiv) and node.this.sql("duckdb").casefold() == "epoch_us(call_at)":
        span_us = int(node.expression.this)
        return _parse(_TIMES[dialect][0].format(span_us=span_us, span_s=span_us // 1_000_000), dialect, "")
    if isinstance(node, exp.Cast) and node.is_type("timestamptz") and isinstance(node.this, exp.Literal):
        return _instant(datetime.fromisoformat(node.this.this), dialect)
    if isinstance(node, exp.Alias) and node.alias == RIPE and isinstance(node.this, exp.Boolean):
        # Engines differ on a constant among the keys: this is true of every call, and is no constant.
        return exp.alias_(_parse("call_at is not null", "duckdb", ""), RIPE)
    return node


def _instant(moment: datetime, dialect: str) -> Any:
    text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    template = _TIMES[dialect][1]
    made = _parse(template.format(text=text, seconds=int(moment.timestamp())), dialect, "")
    if "{seconds}" in template:
        made.add_comments([f" {text} UTC "])
    return made


def _put_source(tree: Any, dialect: str, source: Source) -> None:
    """Read from a part of the user's table, with our names, in place of ``calls``."""
    from sqlglot import exp  # noqa: PLC0415  # an optional package

    needed = {column.name for column in tree.find_all(exp.Column)}
    picked = [
        exp.alias_(_column(name, dialect, source), name) for name in CALL_COLUMNS if name in needed
    ] or [exp.alias_(exp.Literal.number(1), "one")]  # fmt: skip
    inside = exp.select(*picked).from_(exp.alias_(exp.to_table(source.table, dialect=dialect), _TABLE, table=True))
    for condition in _conditions(dialect, source):
        inside = inside.where(condition, copy=False)
    tree.find(exp.Table).set("this", exp.to_identifier(_INSIDE))
    tree.with_(_INSIDE, as_=inside, copy=False)


def _column(name: str, dialect: str, source: Source) -> Any:
    """A column of ours from the user's table. Qualified, because ClickHouse takes an alias before a column."""
    if name in source.unknown:
        return _parse(f"cast(null as {CALL_COLUMNS[name].sql_type})", "duckdb", name)
    return _qualified(_parse(source.columns.get(name, name), dialect, f"columns[{name!r}]"))


def _conditions(dialect: str, source: Source) -> list[Any]:
    from sqlglot import exp  # noqa: PLC0415  # an optional package

    made: list[Any] = []
    if source.period:
        at = _column("call_at", dialect, source)
        made += [
            exp.GTE(this=at, expression=_instant(source.period.start_utc, dialect)),
            exp.LT(this=at.copy(), expression=_instant(source.period.end_utc, dialect)),
        ]
    if source.where:
        made.append(exp.paren(_qualified(_parse(source.where, dialect, "where"))))
    return made


def _qualified(tree: Any) -> Any:
    from sqlglot import exp  # noqa: PLC0415  # an optional package

    for column in tree.find_all(exp.Column):
        if not column.table:
            column.set("table", exp.to_identifier(_TABLE))
    return tree


def _parse(text: str, dialect: str, where: str) -> Any:
    sqlglot = _sqlglot()
    try:
        return sqlglot.parse_one(text, dialect=dialect)
    except sqlglot.errors.SqlglotError as refused:
        reason = str(refused).splitlines()[0]
        what = f"This is no expression in the SQL of {dialect}: {text!r} ({reason})."
        step = "Write one column or condition as that engine writes it, quoted where it must be."
        raise InputError(Problem(what=what, where=where, next_step=step)) from None


def _sqlglot() -> Any:
    try:
        import sqlglot  # noqa: PLC0415  # an optional package
    except ImportError:
        what = "Counting in another engine needs the package sqlglot."
        step = 'Install it: pip install "kayzen-nb[engines]", in a clone pip install -e ".[engines]".'
        raise InputError(Problem(what=what, next_step=step)) from None
    return sqlglot
