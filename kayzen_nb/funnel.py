"""The call funnel: how many calls reach each stage, and what they earn.

A call *reached at least* a stage when its flag for that stage, or for a later one, is set; so no rate exceeds 100 %,
and a later flag without the earlier one is counted as a violation instead of hidden. One pass over the calls makes a
small cube (15-minute UTC bucket x campaign); every total and breakdown is rolled up from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.period import Period
from kayzen_nb.vocabulary import Stage, usd

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from kayzen_nb.calls import CallTable

BUCKET_S = 900  # every zone's offset is a multiple of 15 minutes, so buckets, not calls, are put into local days
_FLAG_OF = {Stage.CONNECTED: "connected", Stage.CONVERTED: "converted", Stage.PAYOUT: "paid"}

# "reached at least": a call has reached a stage when the flag of this or of any later stage is set.
_REACHED = {
    Stage.INCOMING: "true",
    Stage.CONNECTED: "coalesce(connected, false) or coalesce(converted, false) or coalesce(paid, false)",
    Stage.CONVERTED: "coalesce(converted, false) or coalesce(paid, false)",
    Stage.PAYOUT: "coalesce(paid, false)",
}
_BESIDE = ("blocked", "is_duplicate", "completed", "error")
VIOLATIONS = {
    # An unknown flag makes the condition null, which counts as no violation.
    "converted without connected": "converted and not connected",
    "paid without converted": "paid and not converted",
    "payout above revenue": "payout_usd_micros > revenue_usd_micros",
}

_QUERY = """\
with reached as (
  select *, {bucket},
{reached}
  from calls
)
select bucket, campaign,
{sums},
{beside},
{broken}
from reached
group by bucket, campaign
order by bucket, campaign"""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """The counted funnel of a period.

    ``cube`` has one row per 15-minute bucket and campaign: ``day`` (local), ``campaign`` and, for each stage,
    ``<stage>_calls``, ``<stage>_revenue``, ``<stage>_payout`` (micros). ``beside`` counts what is not a stage; None is
    unknown. ``unknown`` names the columns of the call table that the source does not hold. ``unread`` are the local
    days that the archive does not hold at all, ``partly_read`` those of which it holds a part.
    """

    cube: pd.DataFrame
    period: Period
    unknown: frozenset[str]
    beside: Mapping[str, int | None]
    violations: Mapping[str, int]
    unread: tuple[date, ...] = ()
    partly_read: tuple[date, ...] = ()

    @property
    def calls(self) -> int:
        """All calls of the period."""
        return int(self.cube[f"{Stage.INCOMING}_calls"].sum())

    def is_known(self, stage: Stage) -> bool:
        """Whether the source can tell which calls reached this stage."""
        return _FLAG_OF.get(stage) not in self.unknown

    def count(self, stage: Stage) -> int | None:
        """Calls that reached at least this stage; None when the source cannot tell."""
        return _total(self.cube, stage, "calls") if self.is_known(stage) else None

    def steps(self) -> pd.DataFrame:
        """One row a stage, in order: ``stage, calls, of_first_rate, of_previous_rate, revenue, payout``.

        Calls are whole numbers (missing when unknown), rates 0 to 1 (missing without a base), money exact dollars.
        """
        return _steps_of(self, self.cube)

    def by(self, dimension: str) -> pd.DataFrame:
        """The same rows per value of ``day`` or ``campaign``, which is the first column.

        Blank values are kept as a group of their own; every day of the period is there, also without calls. Of an
        unread day nothing is known.
        """
        groups = self._groups(dimension)
        parts = [_steps_of(self, rows, is_read=value not in self.unread) for value, rows in groups.items()]
        for value, part in zip(groups, parts, strict=True):
            part.insert(0, dimension, pd.Series([value] * len(part), dtype="object"))
        return pd.concat(parts, ignore_index=True) if parts else _empty_by(dimension, self.steps())

    def _groups(self, dimension: str) -> dict[object, pd.DataFrame]:
        if dimension == "day":
            return {day: self.cube[self.cube["day"] == day] for day in self.period.days}
        return dict(iter(self.cube.groupby(dimension, dropna=False, sort=True)))


def funnel_sql() -> str:
    """The one query over the calls, as an analyst would read it."""
    reached = ",\n".join(f"    {condition} as reached_{stage}" for stage, condition in _REACHED.items())
    sums = ",\n".join(
        f"  sum(reached_{stage}::int)::bigint as {stage}_calls,\n"
        f"  coalesce(sum(revenue_usd_micros) filter (reached_{stage}), 0)::bigint as {stage}_revenue,\n"
        f"  coalesce(sum(payout_usd_micros) filter (reached_{stage}), 0)::bigint as {stage}_payout"
        for stage in _REACHED
    )
    beside = ",\n".join(f"  sum(coalesce({flag}, false)::int)::bigint as {flag}" for flag in _BESIDE)
    broken = ",\n".join(
        f"  sum(coalesce({condition}, false)::int)::bigint as violation_{n}"
        for n, condition in enumerate(VIOLATIONS.values())
    )
    bucket = f"epoch_us(call_at) // {BUCKET_S * 1_000_000} as bucket"
    return _QUERY.format(bucket=bucket, reached=reached, sums=sums, beside=beside, broken=broken)


def count_funnel(calls: CallTable, period: Period) -> Funnel:
    """Count the funnel of the calls; ``period`` gives the days and the zone they are counted in."""
    cube = calls.relation.query("calls", funnel_sql()).df()  # type: ignore[union-attr]  # a SELECT gives a relation
    starts = pd.to_datetime(cube["bucket"] * BUCKET_S, unit="s", utc=True)
    cube.insert(0, "day", starts.dt.tz_convert(period.zone).dt.date)
    beside = {flag: None if flag in calls.unknown else int(cube[flag].sum()) for flag in _BESIDE}
    violations = {name: int(cube[f"violation_{n}"].sum()) for n, name in enumerate(VIOLATIONS)}
    unread, partly = _unread_days(calls, period)
    return Funnel(
        cube=cube,
        period=period,
        unknown=frozenset(calls.unknown),
        beside=beside,
        violations=violations,
        unread=unread,
        partly_read=partly,
    )


def _unread_days(calls: CallTable, period: Period) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """The local days that no pull covers, and those that pulls cover in part."""
    missing = set(calls.missing_days)
    spans = {day: set(Period(first_day=day, last_day=day, zone=period.zone).utc_days) for day in period.days}
    unread = tuple(day for day, span in spans.items() if span <= missing)
    return unread, tuple(day for day, span in spans.items() if span & missing and day not in unread)


def _total(rows: pd.DataFrame, stage: Stage, measure: str) -> int:
    return int(rows[f"{stage}_{measure}"].sum())


def _steps_of(funnel: Funnel, rows: pd.DataFrame, *, is_read: bool = True) -> pd.DataFrame:
    counts = [_total(rows, stage, "calls") if is_read and funnel.is_known(stage) else None for stage in Stage]
    return pd.DataFrame(
        {
            "stage": [stage.value for stage in Stage],
            "calls": pd.array(counts, dtype="Int64"),
            "of_first_rate": [_rate(count, counts[0]) for count in counts],
            "of_previous_rate": [_rate(*pair) for pair in zip(counts, [counts[0], *counts[:-1]], strict=True)],
            "revenue": _money(funnel, rows, "revenue", is_read=is_read),
            "payout": _money(funnel, rows, "payout", is_read=is_read),
        }
    )


def _rate(part: int | None, base: int | None) -> float:
    """A share from 0 to 1; NaN when either is unknown or the base is 0."""
    return part / base if part is not None and base else float("nan")


def _empty_by(dimension: str, steps: pd.DataFrame) -> pd.DataFrame:
    return steps.iloc[:0].reindex(columns=[dimension, *steps.columns])


def _money(funnel: Funnel, rows: pd.DataFrame, measure: str, *, is_read: bool) -> pd.Series:
    """Exact dollars per stage; missing where the stage, or the amount itself, is unknown."""
    known = is_read and f"{measure}_usd_micros" not in funnel.unknown
    sums = [usd(_total(rows, s, measure)) if known and funnel.is_known(s) else None for s in Stage]
    return pd.Series(sums, dtype="object")
