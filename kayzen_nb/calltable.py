"""From raw text columns to the typed call table: the one SQL through which API records and files both go.

Every row is either used or set aside with a reason. Nothing is computed row by row in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from kayzen_nb import vocabulary
from kayzen_nb.checks import Ledger, SetAside
from kayzen_nb.localclock import create_clock
from kayzen_nb.ringba_columns import NAMES, title
from kayzen_nb.vocabulary import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection

    from kayzen_nb.period import Period

_OFFLINE: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
_FLAG_WORDS = ("is_duplicate", "blocked", "connected", "converted", "paid", "live")
_TEXTS = (
    "campaign", "state", "target", "publisher", "block_reason", "ended_by",
    "incomplete_reason", "no_conversion_reason", "no_payout_reason",
)  # fmt: skip

# Values as Ringba writes them, in its API, its exports, and after a spreadsheet has touched them.
_MACROS = r"""
create temp macro read_flag(t) as case
  when lower(t) in ('true', 'yes', '1') then true when lower(t) in ('false', 'no', '0') then false end;
create temp macro read_micros(t) as try_cast(try_cast(case
  when regexp_full_match(t, '-?\$?-?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?') then regexp_replace(t, '[$,]', '', 'g')
  end as decimal(18, 6))::decimal(38, 6) * 1000000 as bigint);
create temp macro read_seconds(t) as case
  when regexp_full_match(t, '\d{1,5}:[0-5]\d:[0-5]\d') then split_part(t, ':', 1)::bigint * 3600
    + split_part(t, ':', 2)::bigint * 60 + split_part(t, ':', 3)::bigint
  when regexp_full_match(t, '\d{1,7}(\.\d+)?') then round(t::decimal(18, 6))::bigint end;
create temp macro read_local(t) as coalesce(
  try_strptime(t, ['%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %I:%M %p', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M']),
  case when regexp_full_match(t, '\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?') then try_cast(t as timestamp) end);
create temp macro read_instant(t) as case
  when regexp_full_match(t, '\d{13}(\.0+)?') then make_timestamp(t[:13]::bigint * 1000)
  when regexp_full_match(t, '\d{10}(\.0+)?') then make_timestamp(t[:10]::bigint * 1000000)
  when regexp_full_match(t, '\d{16}') then make_timestamp(t::bigint)
  when regexp_full_match(t, '\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)')
    then make_timestamp(epoch_us(try_cast(t as timestamptz))) end;
create temp macro is_plausible(t) as t between timestamp '2000-01-01' and timestamp '2100-01-01';
create temp macro digits_of(t) as right(regexp_replace(t, '\D', '', 'g'), 10);
create temp macro dashed(d, shown) as repeat('*', length(d) - shown) || right(d, shown);
create temp macro mask_number(t, shown) as case
  when digits_of(t) = '' then t when length(digits_of(t)) < 7 then '***'
  else ltrim(left(dashed(digits_of(t), shown), -7) || '-' || right(dashed(digits_of(t), shown), 7)[:3]
    || '-' || right(dashed(digits_of(t), shown), 4), '-') end;
"""

# A local time names an instant by the zone's offset then: the first one where the clock shows it twice.
_TIMED = """
create temp view timed as
select raw.*,
  coalesce(read_instant(call_at), case when local_time < clock.local_until
    then local_time - to_seconds(clock.offset_s) end) as at_utc,
  read_instant(call_at) is null and local_time >= clock.repeated_from and local_time < clock.local_until as is_repeated
from (select *, read_local(call_at) as local_time from raw) as raw
asof left join clock on raw.local_time >= clock.local_from
"""

_UNREADABLE_FLAG = " or ".join(f"({word} is not null and read_flag({word}) is null)" for word in _FLAG_WORDS)
_UNREADABLE_TIME = " or ".join(
    f"({word} is not null and read_seconds({word}) is null)"
    for word in ("duration", "connected_time", "time_to_connect")
)
_JUDGED = f"""
create temp table judged as
with first_look as (
  select *, case
    when call_id is null or not regexp_full_match(call_id, '[A-Za-z0-9_+/=.:-]{{1,100}}') then 'no usable call id'
    when at_utc is null and is_plausible(local_time) then 'a local time that the clock change skips'
    when at_utc is null or not is_plausible(at_utc) then 'unreadable date'
    when (revenue is not null and read_micros(revenue) is null)
      or (payout is not null and read_micros(payout) is null) then 'unreadable amount'
    when {_UNREADABLE_TIME} then 'unreadable duration'
    when {_UNREADABLE_FLAG} then 'unreadable yes or no'
    when $campaign <> '' and lower(coalesce(campaign, '')) <> lower($campaign) then 'another campaign'
    when at_utc < $period_start::timestamp or at_utc >= $period_end::timestamp then 'outside the period'
    when list_contains($test_calls, call_id) then 'test call' end as reason
  from timed)
select * replace (case when reason is null and row_number() over (partition by call_id, reason order by row_number) > 1
  then 'repeated call id' else reason end as reason)
from first_look
"""  # noqa: S608  # built from the constants above


@dataclass(frozen=True, kw_only=True)
class Built:
    """A typed table with its ledger, and how each column came about."""

    relation: duckdb.DuckDBPyRelation
    ledger: Ledger
    derived: dict[str, str]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


def open_engine() -> duckdb.DuckDBPyConnection:
    """A database in memory that loads nothing from the network."""
    connection = duckdb.connect(":memory:", config=_OFFLINE)
    connection.execute("set timezone = 'UTC'")
    connection.execute(_MACROS)
    return connection


def build_call_table(
    engine: duckdb.DuckDBPyConnection,
    *,
    present: set[str],
    sparse: bool,
    zone: str,
    period: Period | None,
    campaign: str,
    test_calls: Collection[str] = (),
) -> Built:
    """Turn the table ``raw`` (``row_number``, and each word of ``ringba_columns`` as text or null) into calls.

    ``present`` are the words that the source holds. ``sparse``: a flag without a value is false, as in Ringba's API.
    ``zone`` is where local times without a zone were written; ``test_calls`` are ids to set aside as tests. Raises
    ColumnError when the result breaks the vocabulary.
    """
    create_clock(engine, zone)
    engine.execute(_TIMED)
    engine.execute(_JUDGED, _bounds(period) | {"campaign": campaign.strip(), "test_calls": list(test_calls)})
    flags = _Flags(present=present, sparse=sparse)
    _create_calls(engine, flags)
    notes = (*_note_repeated_hour(engine), *_note_campaign(engine, campaign.strip()), *_note_test_calls(engine))
    ledger = _count_rows(engine)
    # What led here holds callers' full numbers.
    engine.execute("drop view timed; drop table judged; drop table clock; drop table raw")
    relation = engine.table("calls")
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    vocabulary.check_columns(types, where="the calls as read")
    return Built(relation=relation, ledger=ledger, derived=flags.derived, unknown=flags.unknown, notes=notes)


class _Flags:
    """For each column of the call table the SQL that makes it, and whether it is given, derived or unknown."""

    def __init__(self, *, present: set[str], sparse: bool) -> None:
        self._present, self._sparse = present, sparse
        self.derived: dict[str, str] = {}
        self.sql = {name: self._given(name) for name in ("is_duplicate", "blocked", "connected", "converted", "paid")}
        self._derive(
            "blocked", "block_reason", "block_reason is not null and lower(block_reason) <> 'noreason'", "filled"
        )
        self._derive("connected", "connected_time", "coalesce(read_seconds(connected_time), 0) > 0", "above zero")
        amount = "above zero; blank and 0.00 both count as no"
        self._derive("converted", "revenue", "coalesce(read_micros(revenue), 0) > 0", amount)
        self._derive("paid", "payout", "coalesce(read_micros(payout), 0) > 0", amount)
        self._derive_completed()
        self.sql |= {"error": None} | {word: word if word in present else None for word in _TEXTS}
        for column, word, reader in (
            ("revenue_usd_micros", "revenue", "read_micros(revenue)"),
            ("payout_usd_micros", "payout", "read_micros(payout)"),
            ("duration_s", "duration", "read_seconds(duration)"),
            ("connected_s", "connected_time", "read_seconds(connected_time)"),
            ("time_to_connect_s", "time_to_connect", "read_seconds(time_to_connect)"),
            ("number", "number", "mask_number(number, 4)"),
            ("caller", "caller", "mask_number(caller, 2)"),
        ):
            self.sql[column] = reader if word in present else None
        self.sql |= {"call_id": "call_id", "call_at": "make_timestamptz(epoch_us(at_utc))"}

    @property
    def unknown(self) -> tuple[str, ...]:
        """The columns that the source does not hold, in the vocabulary's order."""
        return tuple(name for name in CALL_COLUMNS if self.sql[name] is None)

    def _given(self, word: str) -> str | None:
        if word not in self._present:
            return None
        return f"coalesce(read_flag({word}), false)" if self._sparse else f"read_flag({word})"

    def _derive(self, name: str, word: str, sql: str, judged: str) -> None:
        """A flag that the source lacks, from another of its columns, with the sentence that says so."""
        if self.sql[name] is None and word in self._present:
            self.sql[name] = sql
            label = CALL_COLUMNS[name].label
            why = f"because the file has no {title(name)} column"
            self.derived[name] = f"{label}: derived from {title(word)} {judged}, {why}."

    def _derive_completed(self) -> None:
        """Ringba's calls hold no such flag (its summary's Completed is another thing): connected, and ended."""
        self.sql["completed"] = None
        connected = self.sql["connected"]
        if connected and "live" in self._present:
            self.sql["completed"] = f"({connected}) and not coalesce(read_flag(live), false)"
            self.derived["completed"] = "Completed: derived as connected and no longer live."
        elif connected and "duration" in self._present:
            self.sql["completed"] = f"({connected}) and duration is not null"
            self.derived["completed"] = "Completed: derived as connected with a Duration, which a call gets at its end."


def _create_calls(engine: duckdb.DuckDBPyConnection, flags: _Flags) -> None:
    columns = ", ".join(
        f"({flags.sql[name] or 'null'})::{column.sql_type} as {name}" for name, column in CALL_COLUMNS.items()
    )
    engine.execute(f"create table calls as select {columns} from judged where reason is null order by at_utc, call_id")  # noqa: S608  # our words only


def _count_rows(engine: duckdb.DuckDBPyConnection) -> Ledger:
    rows = engine.execute("select reason, count(*) from judged group by reason order by reason").fetchall()
    aside = tuple(SetAside(reason=reason, rows=count) for reason, count in rows if reason is not None)
    read = engine.execute("select count(*) from raw").fetchone() or (0,)
    used = next((count for reason, count in rows if reason is None), 0)
    return Ledger(rows_in=read[0], rows_used=used, set_aside=aside)


def _note_repeated_hour(engine: duckdb.DuckDBPyConnection) -> list[str]:
    found = engine.execute(
        "select local_time::date, count(*) from judged where is_repeated and reason is null group by 1 order by 1"
    ).fetchall()
    return [f"{n:,} calls fall in the repeated hour of {day}; taken as the first." for day, n in found]


def _note_campaign(engine: duckdb.DuckDBPyConnection, campaign: str) -> list[str]:
    """A campaign that nothing matches is most likely a typo: say which there are."""
    if not campaign or engine.execute("select 1 from calls limit 1").fetchone():
        return []
    found = engine.execute("select distinct campaign from judged where campaign is not null order by 1 limit 10")
    names = ", ".join(repr(name) for (name,) in found.fetchall())
    return [f"No call of campaign {campaign!r}." + (f" Campaigns found: {names}." if names else "")]


def _note_test_calls(engine: duckdb.DuckDBPyConnection) -> list[str]:
    """Which calls were left out as tests, by id: a page must name what it does not count."""
    ids = [
        row[0]
        for row in engine.execute("select call_id from judged where reason = 'test call' order by at_utc").fetchall()
    ]
    calls = "1 test call is" if len(ids) == 1 else f"{len(ids):,} test calls are"
    return [f"{calls} left out: {', '.join(ids)}."] if ids else []


def _bounds(period: Period | None) -> dict[str, Any]:
    """The period for DuckDB, whose TIMESTAMP has no zone: UTC by our convention."""
    if period is None:
        return {"period_start": "2000-01-01", "period_end": "2100-01-01"}
    start, end = period.start_utc, period.end_utc
    return {"period_start": start.replace(tzinfo=None), "period_end": end.replace(tzinfo=None)}


def raw_columns(expressions: dict[str, str]) -> str:
    """The column list of the table ``raw``: each word as trimmed text, null where blank or not in the source."""
    return ", ".join(
        f"nullif(trim({expressions[word]}), '') as {word}" if word in expressions else f"null::varchar as {word}"
        for word in NAMES
    )
