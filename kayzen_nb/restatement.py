"""What was reported, what it is now, and which calls moved: two stored files of a day, compared call by call."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from kayzen_nb.callsql import open_engine
from kayzen_nb.newcolumns import quote
from kayzen_nb.spool import literal, spool_folder
from kayzen_nb.storedcalls import STORED_COLUMNS
from kayzen_nb.vocabulary import label, usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    import duckdb

    from kayzen_nb.archive import Archive
    from kayzen_nb.pullfiles import Pull

AMOUNTS = ("revenue_usd_micros", "payout_usd_micros")
_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How one stored file differs from another, in calls and in exact millionths of a dollar.

    ``is_same``: both hold the same rows, set aside ones included, in whatever order.
    """

    new: int
    gone: int
    changed: int
    revenue_delta_usd_micros: int
    payout_delta_usd_micros: int
    is_same: bool


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value of one call, before and after (None is missing).

    ``what`` is ``changed``, ``new`` or ``gone``. A new or a gone call has one entry for its ``call_id``, and one for
    each amount that it brought or took away, so that the amounts' differences sum to the totals.
    """

    call_id: str
    day: date
    call_at: datetime
    what: str
    column: str
    before: str | int | bool | None
    after: str | int | bool | None

    def as_record(self) -> dict[str, Any]:
        """The change as a row of a table."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class ColumnTotal:
    """In how many calls a column moved; ``before`` and ``after`` are their sums, for amounts only."""

    column: str
    calls: int
    before: int | None = None
    after: int | None = None

    def __str__(self) -> str:
        told = f"{label(self.column)}: {self.calls:,} calls"
        if self.before is None or self.after is None:
            return f"{told}."
        return f"{told}, {usd(self.before):,} -> {usd(self.after):,} USD ({usd(self.after - self.before):+,})."


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """Payouts that were taken back in one way: made ``negative``, set to ``zero``, or ``missing`` now."""

    kind: str
    calls: int
    before_usd_micros: int
    after_usd_micros: int

    def __str__(self) -> str:
        amounts = f"{usd(self.before_usd_micros):,} -> {usd(self.after_usd_micros):,} USD"
        return f"Payouts taken back, {self.kind} now: {self.calls:,} calls, {amounts}."


@dataclass(frozen=True, kw_only=True)
class Restatement:
    """The days' calls as they were known at ``since``, against those known at ``until`` (None: now).

    ``compared`` are the days that were known at both times, ``first_read`` those read only since, ``missing`` those
    that have no sound pull. A call that is ``gone`` was deleted or emptied at the source; it left no exit.
    ``changes`` reads every change, by day, call time and call, from ``relation``, whose columns are ``day,
    before_pulled_at, after_pulled_at, call_id, call_at, what, column_name, before, after``, values as text.
    """

    since: datetime
    until: datetime | None
    compared: tuple[date, ...]
    first_read: tuple[date, ...]
    missing: tuple[date, ...]
    new: int
    gone: int
    changed: int
    totals: tuple[ColumnTotal, ...]
    taken_back: tuple[TakenBack, ...]
    flaws: tuple[str, ...]
    engine: duckdb.DuckDBPyConnection = field(repr=False)

    @property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """Every change, for whoever asks in SQL."""
        return self.engine.table("changes")

    @property
    def changes(self) -> Iterator[Change]:
        """Every change, one after the other: a month's bulk override need not stand in memory."""
        with self.engine.cursor() as cursor:  # a reading of its own
            cursor.execute("set timezone = 'UTC'")
            cursor.execute("from changes")
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from (_read_change(row) for row in rows)

    def __str__(self) -> str:
        moved = f"{self.new:,} calls new, {self.gone:,} gone, {self.changed:,} changed"
        lines = [
            f"{len(self.compared):,} days (UTC) compared: {moved}.",
            *(str(total) for total in self.totals),
            *(str(taken) for taken in self.taken_back if taken.calls),
        ]
        lines += [f"{len(self.first_read):,} days were read for the first time since."] if self.first_read else []
        lines += [f"{len(self.missing):,} days are not in the archive."] if self.missing else []
        return "\n".join([*lines, *self.flaws])

    def as_record(self) -> dict[str, Any]:
        """The counts and totals as a machine reads them; not the single changes."""
        days = {name: [str(day) for day in getattr(self, name)] for name in ("compared", "first_read", "missing")}
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            **days,
            **{name: getattr(self, name) for name in ("new", "gone", "changed")},
            "totals": [asdict(total) for total in self.totals],
            "taken_back": [asdict(taken) for taken in self.taken_back],
            "flaws": list(self.flaws),
        }


def compare(before: Path, after: Path) -> Changes:
    """How two stored files differ: one join by call id."""
    files = [[literal(before)], [literal(after)]]
    with open_engine(spool=spool_folder()) as engine:
        new, gone, changed, revenue, payout = _read_row(engine, _COMPARED, files)
        moved = bool(new or gone or changed)
        return Changes(
            new=new,
            gone=gone,
            changed=changed,
            revenue_delta_usd_micros=int(revenue),
            payout_delta_usd_micros=int(payout),
            is_same=not moved and not _read_row(engine, _OTHER_ROWS, files * 2)[0],
        )


def restate(
    archive: Archive, first_day: date, last_day: date, since: datetime, until: datetime | None = None
) -> Restatement:
    """What changed in the days' calls (UTC days, both included) between two moments of reading (aware UTC)."""
    then, now = archive.present(first_day, last_day, since), archive.present(first_day, last_day, until)
    known = {pull.day: pull for pull in then.pulls}
    pairs = [(known[pull.day], pull) for pull in now.pulls if pull.day in known]
    engine = _compare_pairs(pairs)
    changes = engine.table("changes")
    counts = dict(changes.aggregate("what, count(distinct (day, call_id))", "what").fetchall())
    return Restatement(
        since=since,
        until=until,
        compared=tuple(after.day for _, after in pairs),
        first_read=tuple(pull.day for pull in now.pulls if pull.day not in known),
        missing=now.missing,
        new=counts.get("new", 0),
        gone=counts.get("gone", 0),
        changed=counts.get("changed", 0),
        totals=_count_columns(changes),
        taken_back=tuple(_count_taken_back(changes, kind, when) for kind, when in _WAYS_BACK.items()),
        flaws=tuple(dict.fromkeys(then.flaws + now.flaws)),
        engine=engine,
    )


def list_changes(pairs: Sequence[tuple[Pull, Pull]]) -> duckdb.DuckDBPyRelation:
    """Every value that differs between an older and a newer pull of a day; columns as in ``Restatement.relation``."""
    return _compare_pairs(pairs).table("changes")


def _compare_pairs(pairs: Sequence[tuple[Pull, Pull]]) -> duckdb.DuckDBPyConnection:
    """A database with the table ``changes``."""
    engine = open_engine(spool=spool_folder())
    moved = [(before, after) for before, after in pairs if before.path != after.path]
    _fill_pairs(engine, moved)
    sides = (_side_sql([b.path for b, _ in moved], "before"), _side_sql([a.path for _, a in moved], "after"))
    engine.execute(_MOVED.format(*sides))
    parts = " union all ".join([_COMINGS, *(_values_sql(name) for name in _VALUES)])
    engine.execute(f"create table changes as {parts} order by day, call_at, call_id, before_pulled_at, column_name")
    engine.execute("drop table moved")
    return engine


def _fill_pairs(engine: duckdb.DuckDBPyConnection, pairs: Sequence[tuple[Pull, Pull]]) -> None:
    columns = "day date, before_at timestamptz, after_at timestamptz, before text, after text"
    engine.execute(f"create temp table pairs ({columns})")
    for before, after in pairs:
        row = [after.day, before.pulled_at, after.pulled_at, str(before.path), str(after.path)]
        engine.execute("insert into pairs values (?, ?, ?, ?, ?)", row)


def _side_sql(paths: Sequence[Path], side: str) -> str:
    """The usable rows of one side of all pairs, each with the number of its pair."""
    files = ", ".join(quote(literal(path)) for path in paths)
    rows = f"read_parquet([{files}], filename = true, hive_partitioning = false)" if files else _NO_ROWS
    paired = f"(select p.rowid as pair, r.* from {rows} r join pairs p on r.filename = p.{side})"  # noqa: S608  # our words only
    return _one_row_a_call(paired, "pair, ")


def _one_row_a_call(source: str, more_key: str = "") -> str:
    """The usable rows. An id that stands twice is taken once, by a choice that hangs on the rows' content only."""
    once = f"qualify row_number() over (partition by {more_key}call_id order by hash(f)) = 1"
    return f"select * from {source} as f where set_aside is null {once}"  # noqa: S608  # our words only


def _values_sql(name: str) -> str:
    """One column's changes. Of new and gone calls only the amounts are listed."""
    calls = "true" if name in AMOUNTS else "what = 'changed'"
    return f"""{_HEAD}, '{name}' as column_name, before_{name}::varchar as before, after_{name}::varchar as after
      from moved where before_{name} is distinct from after_{name} and {calls}"""


def _count_columns(changes: duckdb.DuckDBPyRelation) -> tuple[ColumnTotal, ...]:
    """Per column how many calls moved, and for amounts the sums; in the vocabulary's order."""
    sums = ", ".join(f"sum(case when column_name in {AMOUNTS} then {side}::bigint end)" for side in ("before", "after"))
    found = {row[0]: row[1:] for row in changes.aggregate(f"column_name, count(*), {sums}", "column_name").fetchall()}
    return tuple(_read_total(name, *found[name]) for name in _VALUES if name in found)


def _read_total(name: str, calls: int, before: Any, after: Any) -> ColumnTotal:
    sums = {"before": int(before or 0), "after": int(after or 0)} if name in AMOUNTS else {}
    return ColumnTotal(column=name, calls=calls, **sums)


def _count_taken_back(changes: duckdb.DuckDBPyRelation, kind: str, condition: str) -> TakenBack:
    payouts = "column_name = 'payout_usd_micros' and what = 'changed'"
    sums = "coalesce(sum(before::bigint), 0), coalesce(sum(after::bigint), 0)"
    taken = changes.filter(payouts).filter(condition).aggregate(f"count(*), {sums}").fetchall()
    calls, before, after = (int(value) for value in taken[0])
    return TakenBack(kind=kind, calls=calls, before_usd_micros=before, after_usd_micros=after)


def _read_change(row: Sequence[Any]) -> Change:
    day, _, _, call_id, call_at, what, column, *values = row
    read = _PYTHON.get(STORED_COLUMNS[column], str)
    before, after = (None if text is None else read(text) for text in values)
    return Change(call_id=call_id, day=day, call_at=call_at, what=what, column=column, before=before, after=after)


def _read_row(engine: duckdb.DuckDBPyConnection, query: str, files: Sequence[Any]) -> Any:
    return engine.execute(query, files).fetchone()


_VALUES = tuple(name for name in STORED_COLUMNS if name not in ("call_id", "set_aside"))
_PYTHON: Mapping[str, Callable[[str], str | int | bool]] = {"BIGINT": int, "BOOLEAN": lambda text: text == "true"}
_UNLIKE = " or ".join(f"b.{name} is distinct from a.{name}" for name in _VALUES)
_FILE = "read_parquet(?, hive_partitioning = false)"  # the day stands in the folder's name, and is no column here
_SUMS = ", ".join(f"coalesce(sum(a.{name}), 0) - coalesce(sum(b.{name}), 0)" for name in AMOUNTS)
_COMPARED = f"""select count(*) filter (b.call_id is null), count(*) filter (a.call_id is null),
    count(*) filter (b.call_id is not null and a.call_id is not null and ({_UNLIKE})), {_SUMS}
  from ({_one_row_a_call(_FILE)}) b full join ({_one_row_a_call(_FILE)}) a using (call_id)"""  # noqa: S608  # our words only
_ROWS = f"select {', '.join(STORED_COLUMNS)} from {_FILE}"  # noqa: S608  # our words only
_COUNT = f"(select count(*) from {_FILE})"  # noqa: S608  # our words only
# Set aside rows and repeated ids count too: equal as multisets.
_OTHER_ROWS = f"select {_COUNT} <> {_COUNT} or exists ({_ROWS} except all {_ROWS})"

_TYPED = ", ".join(f"null::{kind} as {name}" for name, kind in STORED_COLUMNS.items())
_NO_ROWS = f"(select {_TYPED}, '' as filename where false)"
_BOTH = ", ".join(f"b.{name} as before_{name}, a.{name} as after_{name}" for name in _VALUES)
_MOVED = f"""create temp table moved as
  select p.day, p.before_at, p.after_at, call_id, coalesce(a.call_at, b.call_at) as call_at,
    case when b.filename is null then 'new' when a.filename is null then 'gone' else 'changed' end as what, {_BOTH}
  from ({{}}) b full join ({{}}) a using (pair, call_id) join pairs p on p.rowid = pair
  where b.filename is null or a.filename is null or {_UNLIKE}"""  # noqa: S608  # our words only
_HEAD = "select day, before_at as before_pulled_at, after_at as after_pulled_at, call_id, call_at, what"
_COMINGS = f"""{_HEAD}, 'call_id' as column_name, case what when 'gone' then call_id end as before,
  case what when 'new' then call_id end as after from moved where what <> 'changed'"""
_WAYS_BACK = {  # they mean different things to people, so they are told apart
    "negative": "after::bigint < 0 and after::bigint < coalesce(before::bigint, 0)",
    "zero": "after::bigint = 0 and before::bigint > 0",
    "missing": "after is null and before::bigint > 0",
}
