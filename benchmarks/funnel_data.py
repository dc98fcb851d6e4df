"""Invented calls for the funnel's benchmarks: always the same for the same number of calls, never committed.

    python benchmarks/funnel_data.py calls.parquet --calls 10000000

November 2025 as New York counts it (the clock change of the 2nd is in it), in order of time, more by day than by night.
20 campaigns on 60 tracking numbers of 5 publishers, 8 targets, 51 states, shares as in a plain month: 5 % blocked, 55 %
connected, 30 % converted, 20 % paid. Each column hangs on a hash of the call's place alone, so the number of threads
changes nothing. ``write_export`` gives a smaller month as the CSV that Ringba's Call Details report exports.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from kayzen_nb.callsql import open_engine
from kayzen_nb.newcolumns import quote
from kayzen_nb.period import Period
from kayzen_nb.spool import literal
from kayzen_nb.storedcalls import PARQUET
from kayzen_nb.vocabulary import CALL_COLUMNS

PERIOD = Period(first_day=date(2025, 11, 1), last_day=date(2025, 11, 30), zone="America/New_York")

_STATES = (
    "CA TX FL NY PA IL OH GA NC MI NJ VA WA AZ MA TN IN MD MO WI CO MN SC AL LA KY OR OK CT UT IA NV AR MS KS NM NE ID "
    "WV HI NH ME RI MT DE SD ND AK DC VT WY"
)
# u_x is a share from 0 to 1, drawn for each call. The sine makes nights quiet; squares make big states, short calls.
_CALLS = """
with drawn as (
  select range as i, range / {calls} * 30 as day,
    hash(8 * i) % 60 as n, hash(8 * i + 1) % 3 as t, hash(8 * i + 2) % 1000000 / 1e6 as u_end,
    hash(8 * i + 3) % 1000000 / 1e6 as u_state, hash(8 * i + 4) % 1000000 / 1e6 as u_why,
    hash(8 * i + 5) % 1000000 / 1e6 as u_length, hash(8 * i + 6) as who, hash(8 * i + 7) % 100 < 18 as is_duplicate
  from range({calls})
), calls as (
  select *, make_timestamptz({start} + ((day + 0.12 / pi() * (1 + sin(2 * pi() * (day - 0.3)))) * 86400e6)::bigint)
      as call_at,
    u_end < 0.05 as is_blocked, u_end >= 0.45 as is_connected, u_end >= 0.70 as is_converted, u_end >= 0.80 as is_paid,
    10 + (u_length * u_length * 900)::bigint as talk, 2 + (u_why * 28)::bigint as ring
  from drawn
)
select
  'RGB' || lpad(i::varchar, 12, '0') || 'V3' || left(md5(i::varchar), 5) as call_id,
  call_at,
  case when n <> 59 then 'Campaign ' || (n % 20 + 1) end as campaign,
  '***-***-01' || lpad(n::varchar, 2, '0') as number,
  '***-***-**' || lpad((who % 100)::varchar, 2, '0') as caller,
  left(md5((who % {callers})::varchar), 16) as caller_key,
  case when u_state >= 0.03 then {states}[1 + floor(((u_state - 0.03) / 0.97) ** 2 * 51)::bigint] end as state,
  case when is_connected then 'Call Center ' || chr(65 + (n % 20 * 3 + t)::int % 8) end as target,
  'Publisher ' || (n % 7 % 5 + 1) as publisher,
  is_duplicate,
  is_blocked as blocked,
  case when is_blocked then ['Spam', 'STIR/SHAKEN', 'TCPA Shield'][1 + (who % 3)::int] end as block_reason,
  is_connected as connected,
  is_connected as completed,
  is_converted as converted,
  is_paid as paid,
  null::boolean as error,
  case when is_converted then 27000000 + t::bigint * 1500000 end::bigint as revenue_usd_micros,
  case when is_paid then 20000000 + t::bigint * 1000000 end::bigint as payout_usd_micros,
  case when is_connected then talk + ring else ring end as duration_s,
  case when is_connected then talk end as connected_s,
  case when is_connected then ring end as time_to_connect_s,
  case when not is_blocked then case when u_why < 0.3 then 'Target' when u_why < 0.95 then 'Caller' else 'System' end
    end as ended_by,
  case when u_end between 0.05 and 0.12 then 'System Hangup' end as incomplete_reason,
  case when is_connected and not is_converted and u_why < 0.8
    then ['Call Length', 'Duplicate', 'Cap Reached'][1 + (who % 3)::int] end as no_conversion_reason,
  case when is_converted and not is_paid and u_why < 0.6 then 'Payout Cap' end as no_payout_reason
from calls
"""


# The Call Details report with the columns that this package keeps, in Ringba's names and formats.
_EXPORT = """
select
  strftime(timezone('America/New_York', call_at), '%m/%d/%Y %I:%M:%S %p') as "Call Date",
  call_id as "Inbound Call ID", campaign as "Campaign", publisher as "Publisher",
  '+1' || (201 + right(caller, 2)::int) || '55501' || right(caller, 2) as "Caller ID",
  '+188855501' || right(number, 2) as "Number", state as "tag:InboundNumber:State", target as "Target",
  is_duplicate as "Is Duplicate", blocked as "Blocked", block_reason as "Block Reason", connected as "Connected",
  converted as "Converted", paid as "Paid Out", false as "Is Live",
  (revenue_usd_micros / 1e6)::decimal(18, 2) as "Revenue", (payout_usd_micros / 1e6)::decimal(18, 2) as "Payout",
  duration_s as "Duration", connected_s as "Connected Call Length", time_to_connect_s as "Time To Connect",
  ended_by as "End Call Source", incomplete_reason as "Incomplete Call Reason",
  no_conversion_reason as "No Conversion Reason", no_payout_reason as "No Payout Reason"
from {calls} order by call_at desc
"""


def write_calls(file: Path, calls: int) -> Path:
    """A Parquet file of that many calls, with the columns and row groups of the archive."""
    text = _CALLS.format(
        calls=calls,
        start=int(PERIOD.start_utc.timestamp() * 1e6),
        callers=max(1, calls * 7 // 10),
        states=_STATES.split(),
    )
    engine = open_engine()
    columns = ", ".join(CALL_COLUMNS)
    engine.execute(f"copy (select {columns} from ({text})) to {quote(literal(file))} ({PARQUET})")  # noqa: S608  # our words only
    engine.close()
    return file


def write_export(file: Path, calls: int) -> Path:
    """The same calls as a Call Details export: CSV, newest first, local times, amounts only where there are some."""
    stored = write_calls(file.with_suffix(".parquet"), calls)
    engine = open_engine()
    rows = _EXPORT.format(calls=quote(literal(stored)))
    engine.execute(f"copy ({rows}) to {quote(literal(file))} (header, force_quote *)")
    engine.close()
    stored.unlink()
    return file


def main() -> None:
    """Write a file of calls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--calls", type=int, default=10_000_000)
    asked = parser.parse_args()
    print(write_calls(asked.file, asked.calls))


if __name__ == "__main__":
    main()
