"""From stored files to the calls of a period: the last step, the same for every source.

Every stored row is used or set aside with a reason. The result is a Parquet file in the spool and a view over it, so
that a million calls need not stand in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb import vocabulary
from kayzen_nb.callsql import open_engine
from kayzen_nb.checks import Ledger, SetAside
from kayzen_nb.errors import InputError, Problem
from kayzen_nb.newcolumns import quote
from kayzen_nb.parquetseal import explain_full_spool
from kayzen_nb.spool import literal, new_spool_file, spool_folder
from kayzen_nb.storedcalls import PARQUET, STORED_COLUMNS
from kayzen_nb.vocabulary import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import duckdb

    from kayzen_nb.period import Period

OUTSIDE, OTHER_CAMPAIGN, TEST_CALL = "outside the period", "another campaign", "test call"
REPEATED, NEWER = "repeated call id", "in a newer file too"
_FILES = "read_parquet($paths, filename = true, file_row_number = true, hive_partitioning = false)"
_EVER = ("2000-01-01", "2100-01-01")

# The same call in two files counts once, as the newest file tells it; twice in one file, as it first stood there.
_JUDGED = """
with stored as (
  select *, list_position($files, filename) as file_number from {source}
), judged as (
  select *, case
    when set_aside is not null then set_aside
    when $campaign <> '' and lower(coalesce(campaign, '')) <> lower($campaign) then '{other}'
    when call_at < $start::timestamptz or call_at >= $end::timestamptz then '{outside}'
    when list_contains($test_calls, call_id) then '{test}' end as reason
  from stored where {within}
), ranked as (
  select *, reason is null and row_number() over same_call > 1 as is_again,
    first(file_number) over same_call > file_number as is_older
  from judged window same_call as (partition by call_id, reason order by file_number desc, file_row_number)
)
select {columns},
  case when is_again and is_older then '{newer}' when is_again then '{repeated}' else reason end as reason
from ranked order by call_at, call_id
"""


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The calls of a period as a relation of exactly the vocabulary's columns, with the ledger and remarks."""

    relation: duckdb.DuckDBPyRelation
    ledger: Ledger
    notes: tuple[str, ...]


def select_calls(
    files: Sequence[Path],
    *,
    period: Period | None,
    campaign: str = "",
    test_calls: Collection[str] = (),
    counts_outside: bool = True,
) -> Selected:
    """The calls of a period from stored files, oldest file first; ``period`` None takes every day.

    ``counts_outside`` False: rows outside of the period are no part of the ledger (whole days were stored, part of a
    day was asked for). ``test_calls`` are ids to set aside. Raises ColumnError when a file breaks the vocabulary,
    InputError when one is gone, OutputFolderError when there is no room for the result.
    """
    engine, kept = open_engine(spool=spool_folder()), new_spool_file(".parquet")
    start, end = (period.start_utc.isoformat(), period.end_utc.isoformat()) if period else _EVER
    asked: dict[str, str | list[str]] = {"campaign": campaign.strip(), "start": start, "end": end}
    asked |= {"files": [str(file) for file in files], "test_calls": list(test_calls)}
    asked |= {"paths": [literal(file) for file in files]} if files else {}
    with explain_full_spool("to put the calls of the period together"):
        _refuse_gone(files)
        judged = _judged_sql(bool(files), counts_outside=counts_outside)
        engine.execute(f"copy ({judged}) to {quote(kept)} ({PARQUET})", asked)
    kept.chmod(0o600)
    engine.execute(f"create view judged as from read_parquet({quote(literal(kept))}, hive_partitioning = false)")
    engine.execute(f"create view calls as select {', '.join(CALL_COLUMNS)} from judged where reason is null")  # noqa: S608  # our words only
    relation = engine.view("calls")
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    vocabulary.check_columns(types, where="the calls as read")
    notes = (*_note_campaign(engine, campaign.strip()), *_note_test_calls(engine))
    return Selected(relation=relation, ledger=_count_rows(engine), notes=notes)


def _refuse_gone(files: Sequence[Path]) -> None:
    """Another program may have pruned what was there a moment ago: no question of room."""
    step = "Run it again; if it is still gone, sync that day again."
    problems = [
        Problem(what="A file of stored calls is gone.", where=str(file), next_step=step)
        for file in files
        if not file.exists()
    ]
    if problems:
        raise InputError(*problems)


def _judged_sql(has_files: bool, *, counts_outside: bool) -> str:
    empty = ", ".join(f"null::{kind} as {name}" for name, kind in STORED_COLUMNS.items())
    nothing = f"(select {empty}, ''::varchar as filename, 0::bigint as file_row_number where false)"
    return _JUDGED.format(
        source=_FILES if has_files else nothing,
        within="true"
        if counts_outside
        else "call_at is null or (call_at >= $start::timestamptz and call_at < $end::timestamptz)",
        columns=", ".join(CALL_COLUMNS),
        other=OTHER_CAMPAIGN,
        outside=OUTSIDE,
        test=TEST_CALL,
        newer=NEWER,
        repeated=REPEATED,
    )


def _count_rows(engine: duckdb.DuckDBPyConnection) -> Ledger:
    rows = engine.execute("select reason, count(*) from judged group by reason order by reason").fetchall()
    aside = tuple(SetAside(reason=reason, rows=count) for reason, count in rows if reason is not None)
    used = next((count for reason, count in rows if reason is None), 0)
    return Ledger(rows_in=sum(count for _, count in rows), rows_used=used, set_aside=aside)


def _note_campaign(engine: duckdb.DuckDBPyConnection, campaign: str) -> list[str]:
    """A campaign that nothing matches is most likely a typo: say which there are."""
    if not campaign or engine.execute("select 1 from calls limit 1").fetchone():
        return []
    found = engine.execute("select distinct campaign from judged where campaign is not null order by 1 limit 10")
    names = ", ".join(repr(name) for (name,) in found.fetchall())
    return [f"No call of campaign {campaign!r}." + (f" Campaigns found: {names}." if names else "")]


def _note_test_calls(engine: duckdb.DuckDBPyConnection) -> list[str]:
    """Which calls were left out as tests, by id: a page must name what it does not count."""
    found = engine.execute("select call_id from judged where reason = ? order by call_at", [TEST_CALL]).fetchall()
    ids = [call_id for (call_id,) in found]
    calls = "1 test call is" if len(ids) == 1 else f"{len(ids):,} test calls are"
    return [f"{calls} left out: {', '.join(ids)}."] if ids else []
