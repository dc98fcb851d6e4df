"""The call funnel: how many calls reach each stage, where the others leave, and what they earn.

A call *reached at least* a stage when its flag for that stage, or for a later one, is set; so no rate exceeds 100 %,
and a later flag without the earlier one is listed as a violation instead of hidden. Every number comes from a cube.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from kayzen_nb.cube import count_cube, count_cubes
from kayzen_nb.definition import RIPE, Definition, reasons_sql
from kayzen_nb.dimensions import GROUPS, TIMES
from kayzen_nb.exits import EXIT_OF_CODE, codes_reaching, exits_after
from kayzen_nb.exportdays import find_gaps
from kayzen_nb.period import Period
from kayzen_nb.shortcalls import shorten_calls
from kayzen_nb.vocabulary import Stage, usd

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from kayzen_nb.calls import CallTable
    from kayzen_nb.cube import Cube, Only

_FLAG_OF = {Stage.CONNECTED: "connected", Stage.CONVERTED: "converted", Stage.PAYOUT: "paid"}
_BESIDE = ("blocked", "is_duplicate", "completed", "error")
VIOLATIONS = {
    # An unknown flag makes the condition null, which counts as no violation.
    "converted without connected": "converted and not connected",
    "paid without converted": "paid and not converted",
    "payout above revenue": "payout_usd_micros > revenue_usd_micros",
}
_GROUP_CUBES = (("campaign", "publisher", "is_duplicate"), ("state", "target"))  # counted together, in one pass
_SHORTENED = 20_000_000  # calls; so many take half a gigabyte when each is kept short
# What is counted before anybody asks: the first that has what is wanted.
_PAGE_CUBES = (("campaign", "day", "weekday"), ("campaign", "day", "weekday", "hour"), GROUPS)


class Counter(Protocol):
    """Counts calls where they are, when they are not in this process (``elsewhere``)."""

    def count_cube(self, dimensions: Collection[str]) -> Cube:
        """A cube with these dimensions, in one pass over the calls."""

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a small query over the table ``calls``, which is written in DuckDB's SQL."""


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """The counted funnel of a period's calls.

    ``unknown`` names the columns of the call table that the source does not hold. ``unread`` are the local days that
    the archive does not hold at all, ``partly_read`` those of which it holds a part. ``only`` is the part of the calls
    that is looked at: a value for a dimension. ``counter`` counts where the calls are, when they are not in ``table``.
    """

    table: CallTable = field(repr=False)
    period: Period
    definition: Definition
    unread: tuple[date, ...] = ()
    partly_read: tuple[date, ...] = ()
    only: Only = field(default_factory=dict)
    counter: Counter | None = field(default=None, repr=False)
    _cubes: list[Cube] = field(default_factory=list, repr=False)

    @property
    def unknown(self) -> frozenset[str]:
        """The columns that the source does not hold."""
        return frozenset(self.table.unknown)

    @property
    def calls(self) -> int:
        """All calls of the period."""
        return int(self._sums["calls"].sum())

    @property
    def queries(self) -> tuple[str, ...]:
        """The SQL of every cube that was counted so far: how the numbers came about."""
        return tuple(dict.fromkeys(cube.sql for cube in self._cubes))

    @cached_property
    def _sums(self) -> pd.DataFrame:
        return self.roll_up()

    @cached_property
    def beside(self) -> Mapping[str, int | None]:
        """Calls that are blocked, duplicate, completed, in error: not stages. None is unknown."""
        counts = self._count_where({flag: flag for flag in _BESIDE})
        return {flag: None if flag in self.unknown else counts[flag] for flag in _BESIDE}

    @cached_property
    def violations(self) -> Mapping[str, int]:
        """How many calls break the order of the stages, or earn less than they pay, by kind."""
        return self._count_where(VIOLATIONS)

    @cached_property
    def reasons(self) -> pd.DataFrame:
        """Ringba's own words for the exits of all calls: ``exit``, ``reason``, ``calls``, most first."""
        told = [row for row in self._ask(reasons_sql(self.definition)) if row[1] is not None]
        rows = [(EXIT_OF_CODE[int(code)].name, reason, int(calls)) for code, reason, calls in told]
        counted = pd.DataFrame(rows, columns=["exit", "reason", "calls"])
        return counted.sort_values(["calls", "reason"], ascending=[False, True]).reset_index(drop=True)

    def is_known(self, stage: Stage) -> bool:
        """Whether the source can tell which calls reached this stage."""
        return _FLAG_OF.get(stage) not in self.unknown

    def count(self, stage: Stage) -> int | None:
        """Calls that reached at least this stage; None when the source cannot tell."""
        return self._total(stage, "calls") if self.is_known(stage) else None

    def cube(self, dimensions: Collection[str]) -> Cube:
        """The smallest counted cube that has these dimensions; counted now, in one pass, where there is none."""
        wanted = {*dimensions, *self.only} - {RIPE}  # every cube can tell the ripe calls apart
        fitting = [cube for cube in self._cubes if wanted <= set(cube.dimensions)]
        if not fitting:
            counted = self._count_cubes(wanted)
            self._cubes.extend(counted)
            fitting = [cube for cube in counted if wanted <= set(cube.dimensions)]
        return min(fitting, key=lambda cube: len(cube.dimensions))

    def roll_up(self, by: Sequence[str] = (), only: Only | None = None) -> pd.DataFrame:
        """Calls and exact sums by dimensions and exit: columns ``by``, ``exit`` (a code), ``definition.MEASURES``."""
        kept = {**self.only, **(only or {})}
        return self.cube({*by, *kept}).roll_up(by, kept)

    def stages(self, by: Sequence[str] = (), only: Only | None = None, *, largest: int | None = None) -> pd.DataFrame:
        """One row a group, as ``Cube.stages`` gives it: whole numbers, amounts in millionths of a dollar."""
        kept = {**self.only, **(only or {})}
        return self.cube({*by, *kept}).stages(by, kept, largest=largest)

    def steps(self, only: Only | None = None) -> pd.DataFrame:
        """One row a stage, in order: ``stage, calls, of_first_rate, of_previous_rate, revenue, payout``.

        Calls are whole numbers (missing when unknown), rates 0 to 1 (missing without a base), money exact dollars.
        ``only`` looks at a part of the calls.
        """
        return self._as_steps(self.stages(only=only), [])

    def by(self, *dimensions: str, only: Only | None = None, largest: int | None = None) -> pd.DataFrame:
        """The same rows per value of one or more dimensions, which are the first columns.

        Blank values are kept as a group of their own; every day of the period is there, also without calls. Of an
        unread day nothing is known. ``largest`` keeps that many groups of a dimension and pools the rest as
        ``dimensions.OTHERS``.
        """
        sums = self.stages(dimensions, only, largest=largest)
        return self._as_steps(_with_every_day(sums, self.period) if dimensions == ("day",) else sums, [*dimensions])

    def exits(self, *dimensions: str, only: Only | None = None) -> pd.DataFrame:
        """Where calls leave: ``stage`` (the last reached), ``exit``, ``calls``, ``of_stage_rate``, ``of_drop_rate``.

        One row an exit that was taken, per group where dimensions are given. The calls of a step sum to its drop.
        Steps whose stages the source cannot tell are left out.
        """
        counts = self.roll_up(dimensions, only)
        known = [stage for stage in list(Stage)[:-1] if self._is_step_known(stage)]
        group = _group_numbers(counts, [*dimensions])
        parts = [_exits_of(stage, counts, group, [*dimensions]) for stage in known] or [
            _exits_of(Stage.INCOMING, counts[:0], group, [])
        ]
        return pd.concat(parts, ignore_index=True)

    def prepare(self) -> None:
        """Count ahead what clicks may ask for: every mixture of dimensions and filters, and small cubes for most."""
        times = [(one, *TIMES) for one in GROUPS]
        if self.counter or self.calls > _SHORTENED:
            _ = [self.cube(one) for one in (GROUPS, *times)]
            return
        short = shorten_calls(self.table.relation, self.definition, self.period)
        self._cubes.extend([short, *(short.narrow(one) for one in (GROUPS, *times))])

    def focus(self, only: Only) -> Funnel:
        """The same funnel, looking only at a part of the calls; the counted cubes are shared."""
        return Funnel(
            table=self.table,
            period=self.period,
            definition=self.definition,
            unread=self.unread,
            partly_read=self.partly_read,
            only={**self.only, **only},
            counter=self.counter,
            _cubes=self._cubes,
        )

    def _count_cubes(self, wanted: Collection[str]) -> list[Cube]:
        is_plain = any(set(wanted) <= set(one) for one in _GROUP_CUBES)
        if is_plain and not self.counter:
            return count_cubes(self.table.relation, self.definition, _GROUP_CUBES)
        return [self._count_cube(_cube_with(wanted))]

    def _count_cube(self, dimensions: Collection[str]) -> Cube:
        if self.counter:
            return self.counter.count_cube(dimensions)
        return count_cube(self.table.relation, self.definition, self.period, dimensions)

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        if self.counter:
            return self.counter.ask(query)
        return self.table.relation.query("calls", query).fetchall()  # type: ignore[union-attr]  # a SELECT gives a relation

    def _is_step_known(self, stage: Stage) -> bool:
        following = list(Stage)[list(Stage).index(stage) + 1]
        return self.is_known(stage) and self.is_known(following)

    def _total(self, stage: Stage, measure: str) -> int:
        return int(self._sums.loc[self._sums["exit"].isin(codes_reaching(stage)), measure].sum())

    def _count_where(self, conditions: Mapping[str, str]) -> dict[str, int]:
        sums = ", ".join(f"coalesce(sum(({condition})::int), 0)::bigint" for condition in conditions.values())
        found = self._ask(f"select {sums} from calls")[0]  # noqa: S608  # our own conditions only
        return dict(zip(conditions, map(int, found), strict=True))

    def _as_steps(self, sums: pd.DataFrame, by: list[str]) -> pd.DataFrame:
        """Stage sums as people and files get them: one row a stage, rates beside the counts, gaps where unknown."""
        parts, first, previous = [], None, None
        for stage in Stage:
            known = self._known_rows(stage, sums, by)
            calls = sums[f"{stage}_calls"].astype("Int64").where(known)
            first, previous = calls if first is None else first, calls if previous is None else previous
            columns = {"stage": stage.value, "calls": calls, "of_first_rate": _rates(calls, first)}
            columns["of_previous_rate"] = _rates(calls, previous)
            columns |= {one: self._money(sums[f"{stage}_{one}"], one, known) for one in ("revenue", "payout")}
            parts.append(sums[by].assign(**columns))
            previous = calls
        return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)

    def _known_rows(self, stage: Stage, sums: pd.DataFrame, by: list[str]) -> pd.Series:
        """For each group whether the source can tell who reached the stage; of an unread day nothing is known."""
        unread = sums["day"].isin(self.unread) if by == ["day"] else pd.Series(data=False, index=sums.index)
        return ~unread & self.is_known(stage)

    def _money(self, micros: pd.Series, measure: str, known: pd.Series) -> pd.Series:
        """Exact dollars; missing where the stage, or the amount itself, is unknown."""
        is_told = f"{measure}_usd_micros" not in self.unknown
        sums = [usd(value) if is_told and one else None for value, one in zip(micros, known, strict=True)]
        return pd.Series(sums, dtype="object", index=micros.index)


def count_funnel(calls: CallTable, period: Period, definition: Definition | None = None) -> Funnel:
    """The funnel of the calls; ``period`` gives the days and the zone they are counted in.

    Counting happens when a number is asked for, one pass over the calls for each cube that is needed.
    """
    unread, partly = find_gaps(calls.hours, period) if calls.hours else _unread_days(calls, period)
    return Funnel(table=calls, period=period, definition=definition or Definition(), unread=unread, partly_read=partly)


def _cube_with(wanted: Collection[str]) -> Collection[str]:
    """One of the page's own cubes where it has what is wanted, so that the next question is answered too."""
    return next((cube for cube in _PAGE_CUBES if set(wanted) <= set(cube)), wanted)


def _exits_of(stage: Stage, counts: pd.DataFrame, group: pd.Series, by: list[str]) -> pd.DataFrame:
    """The exits between a stage and the next, in the order in which they are told."""
    names = {one.code: one.name for one in exits_after(stage)}
    reached = counts[counts["exit"].isin(codes_reaching(stage))]
    left = reached[reached["exit"].isin(names)]
    base, drop = (_sums_of_group(rows, group).loc[left.index] for rows in (reached, left))
    columns = {"stage": stage.value, "exit": left["exit"].map(names), "calls": left["calls"]}
    rates = {"of_stage_rate": left["calls"] / base, "of_drop_rate": left["calls"] / drop}
    return left[by].assign(**columns, **rates)


def _group_numbers(rows: pd.DataFrame, by: list[str]) -> pd.Series:
    """For each row the number of its group: found once, because names are slow to group by."""
    return rows.groupby(by, dropna=False, sort=False).ngroup() if by else pd.Series(0, index=rows.index)


def _sums_of_group(rows: pd.DataFrame, group: pd.Series) -> pd.Series:
    """For each row the calls of its whole group."""
    return rows["calls"].groupby(group.loc[rows.index]).transform("sum")


def _with_every_day(sums: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Every day of the period, with zeros where no call came."""
    days = pd.Index(period.days, dtype="object", name="day")
    return sums.set_index("day").reindex(days, fill_value=0).reset_index()


def _rates(part: pd.Series, base: pd.Series) -> pd.Series:
    """Shares from 0 to 1; NaN when either is unknown or the base is 0."""
    return (part / base.where(base > 0)).astype("Float64").astype("float64")


def _unread_days(calls: CallTable, period: Period) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """The local days that no pull covers, and those that pulls cover in part."""
    missing = set(calls.missing_days)
    spans = {day: set(Period(first_day=day, last_day=day, zone=period.zone).utc_days) for day in period.days}
    unread = tuple(day for day, span in spans.items() if span <= missing)
    return unread, tuple(day for day, span in spans.items() if span & missing and day not in unread)
