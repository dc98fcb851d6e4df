"""How long conversions and payouts take to be known, read off the archive's own pulls of the same days."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from kayzen_nb.callsql import open_engine
from kayzen_nb.lagcounts import LAG_COLUMNS, LOOK_BACK, Lags
from kayzen_nb.parquetseal import explain_full_spool
from kayzen_nb.spool import literal, spool_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    import duckdb
    import pandas as pd

    from kayzen_nb.archive import Archive
    from kayzen_nb.pullfiles import Pull

# Of each call that is converted (paid) in its day's newest pull: since which pull, without a break? Counted backwards,
# the pulls in which it is have numbers n, n-1, n-2 ... as long as the run is unbroken, so their sums with 1, 2, 3 are
# all the same. A pull knows nothing of calls after the end of its window (a day that was not over).
_COUNTED = """
with known as (
  select event, day, nth, call_id, max(call_at) as call_at
  from read_parquet($paths, filename = true, hive_partitioning = false) as calls
    join pulls on pulls.file = calls.filename
    cross join (values ('converted'), ('payout')) as events(event)
  where set_aside is null and case event when 'converted' then converted else paid end
    and ($campaign = '' or lower(campaign) = lower($campaign))
  group by all
), runs as (
  select *, nth + row_number() over (partition by event, day, call_id order by nth desc) as run
  from known
), since as (
  select event, day, call_id, max(call_at) as call_at, min(nth) as nth
  from runs join days using (day) where run = pull_count + 1 group by all
), seen as (
  select event, since.day, call_at, pulled_at as known_at, read_at,
    (select min(pulled_at) from pulls covering where covering.day = since.day and covering.window_end > call_at)
      as first_at
  from since join pulls using (day, nth) join days using (day)
)
select event, day, age_up(first_at, call_at) as first_h, age_up(known_at, call_at) as known_h,
  greatest(age_down(read_at, call_at), age_up(known_at, call_at))::integer as followed_h, count(*) as calls
from seen group by all order by all
"""
_TABLES = """
create temp table pulls (day date, nth integer, pulled_at timestamptz, window_end timestamptz, file varchar);
create temp table days (day date, pull_count integer, read_at timestamptz);
create macro age_up(later, earlier) as greatest(ceil((epoch_us(later) - epoch_us(earlier)) / 3.6e9), 0)::integer;
create macro age_down(later, earlier) as floor((epoch_us(later) - epoch_us(earlier)) / 3.6e9)::integer;
"""
_PULL_ROWS = "insert into pulls select unnest($day), unnest($nth), unnest($at), unnest($end), unnest($file)"
_DAY_ROWS = "insert into days select unnest($day), unnest($count), unnest($at)"


def measure_lags(
    archive: Archive, first_day: date | None = None, last_day: date | None = None, *, campaign: str = "", now: datetime
) -> Lags:
    """The ages at which conversions and payouts of the days (UTC, both included) were first known.

    Only pulls that were there at ``now`` (aware UTC) count. Without ``first_day``: the 92 days up to ``last_day``,
    which is the day of ``now`` where it is left out. Payouts taken back, and calls deleted since, are not in it.
    """
    last = last_day or now.date()
    first = first_day or last - LOOK_BACK
    days = [day for day in archive.days() if first <= day <= last]
    pulls_of = {day: [pull for pull in archive.pulls(day) if pull.pulled_at <= now] for day in days}
    read_at = {day: archive.checked_at(day, now) or pulls[-1].pulled_at for day, pulls in pulls_of.items() if pulls}
    pulls = [pull for found in pulls_of.values() for pull in found]
    try:
        counts = _count(pulls, read_at, campaign.strip())
    except FileNotFoundError:  # older pulls were pruned at this moment
        return measure_lags(archive, first, last, campaign=campaign, now=now)
    return Lags(counts=counts, read_at=read_at, pulls=len(pulls), as_of=now)


def _count(pulls: Sequence[Pull], read_at: dict[date, datetime], campaign: str) -> pd.DataFrame:
    if not pulls:
        return _no_counts()
    with open_engine(spool=spool_folder()) as engine:
        _fill(engine, pulls, read_at)
        paths = [literal(pull.path) for pull in pulls]
        with explain_full_spool("to compare the archive's pulls"):
            for pull in pulls:
                pull.path.stat()
            counts = engine.execute(_COUNTED, {"paths": paths, "campaign": campaign}).df()
    return counts.assign(day=counts["day"].dt.date)


def _no_counts() -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # only where there is nothing to count

    return pd.DataFrame({name: [] for name in LAG_COLUMNS})


def _fill(engine: duckdb.DuckDBPyConnection, pulls: Sequence[Pull], read_at: dict[date, datetime]) -> None:
    """The pulls, numbered from 1 within their day, and the days with the time of their last reading."""
    engine.execute(_TABLES)
    numbers = [number for _, of_day in groupby(pulls, lambda pull: pull.day) for number, _ in enumerate(of_day, 1)]
    engine.execute(_PULL_ROWS, {
        "day": [pull.day for pull in pulls],
        "nth": numbers,
        "at": [pull.pulled_at for pull in pulls],
        "end": [pull.facts.window_end for pull in pulls],
        "file": [str(pull.path) for pull in pulls],
    })  # fmt: skip
    counts = Counter(pull.day for pull in pulls)
    rows = {"day": [*read_at], "count": [counts[day] for day in read_at], "at": [*read_at.values()]}
    engine.execute(_DAY_ROWS, rows)
