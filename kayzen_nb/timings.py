"""Time between the steps: how long calls ring and talk, and where the conversion rule cuts.

Lags from a call to its conversion or payout are not here: no row of Ringba's tells when those happened.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kayzen_nb.callpart import ask_calls
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.definition import exit_sql
from kayzen_nb.exits import codes_reaching
from kayzen_nb.seconds import Seconds
from kayzen_nb.vocabulary import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd

    from kayzen_nb.funnel import Funnel

CONNECT_WINDOWS_S = (10, 20, 30, 60, 120)
CONVERSION_RULES_S = (30, 60, 90, 120, 180)
JUST_UNDER_S = 15
_LENGTHS = ("time_to_connect_s", "connected_s", "duration_s")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Calls that share a length: which length it is, how long, where they ended, and what they earned.

    ``is_late``: connected after the stated window. ``is_going``: connected, and not ended when it was read.
    """

    length: str
    seconds: int | None
    exit: int
    is_late: bool
    is_going: bool
    calls: int
    revenue_usd_micros: int
    revenue_known: int

    def reached(self, stage: Stage) -> bool:
        """Whether the calls reached at least this stage, were there no connect window."""
        return self.exit in codes_reaching(stage)


@dataclass(frozen=True, kw_only=True)
class CallTimes:
    """The counted lengths of a funnel's calls; a length is None where the source does not hold it.

    A call that is still going has no final length, so it is in none but the time to connect.
    """

    funnel: Funnel = field(repr=False)
    rows: Sequence[Timed] = field(repr=False)
    sql: str = field(repr=False)

    def is_known(self, *columns: str) -> bool:
        """Whether the source holds all of these columns."""
        return not self.funnel.unknown & set(columns)

    @cached_property
    def to_connect(self) -> Seconds | None:
        """From the call's arrival to the target's answer, of the connected calls, late ones too."""
        return self._sum("time_to_connect_s", lambda row: row.reached(Stage.CONNECTED), ("connected",))

    @cached_property
    def connected(self) -> Seconds | None:
        """From the target's answer to the call's end, of the calls that connected in time."""
        return self._sum("connected_s", _is_connected, ("connected",))

    @cached_property
    def converted(self) -> Seconds | None:
        """Connected time of the calls that converted."""
        return self._sum(
            "connected_s", lambda row: _is_connected(row) and row.reached(Stage.CONVERTED), ("connected", "converted")
        )

    @cached_property
    def unconverted(self) -> Seconds | None:
        """Connected time of the connected calls that did not convert."""
        return self._sum(
            "connected_s",
            lambda row: _is_connected(row) and not row.reached(Stage.CONVERTED),
            ("connected", "converted"),
        )

    @cached_property
    def duration(self) -> Seconds | None:
        """From the arrival to the end, of all calls that ended."""
        return self._sum("duration_s", lambda row: not row.is_going, ())

    @property
    def going(self) -> int:
        """Connected calls that had not ended when they were read."""
        return sum(row.calls for row in self._of("connected_s") if row.is_going)

    @property
    def converted_revenue(self) -> tuple[int, int]:
        """Millionths of a dollar of the converted calls, and of how many of them the amount is told."""
        rows = [row for row in self._of("connected_s") if _reached_in_time(row, Stage.CONVERTED)]
        return sum(row.revenue_usd_micros for row in rows), sum(row.revenue_known for row in rows)

    def _of(self, length: str) -> list[Timed]:
        return [row for row in self.rows if row.length == length]

    def _sum(self, length: str, keep: Callable[[Timed], bool], needed: Collection[str]) -> Seconds | None:
        if not self.is_known(length, *needed):
            return None
        return add_up([row for row in self._of(length) if keep(row)])


def count_times(funnel: Funnel) -> CallTimes:
    """The lengths of the funnel's calls, counted by whole seconds in one pass."""
    sql = _times_sql(funnel)
    found = ask_calls(funnel, sql)
    rows = [Timed(**dict(zip(Timed.__dataclass_fields__, (_LENGTHS[row[0]], *row[1:]), strict=True))) for row in found]
    return CallTimes(funnel=funnel, rows=rows, sql=sql)


def check_rule(times: CallTimes) -> list[Check]:
    """Whether the stated conversion rule can be true: no converted call was shorter. Nothing where none is stated."""
    rule, converted = times.funnel.definition.converts_after_s, times.converted
    if rule is None or converted is None:
        return []
    shorter = converted.below(rule)
    return [
        Check(
            name="the stated conversion rule fits the calls",
            verdict=Verdict.UNKNOWN if shorter else Verdict.PASS,
            expected=f"no converted call shorter than {rule} s",
            found=f"{shorter:,} of {converted.calls:,} converted calls are shorter" if shorter else "none is shorter",
            next_step="Look the rule up in Ringba: exits that name it may be wrong." if shorter else "",
        )
    ]


def add_up(rows: Sequence[Timed]) -> Seconds:
    """Calls by second; those without a length apart."""
    calls_of_second: Counter[int] = Counter()
    for row in rows:
        if row.seconds is not None:
            calls_of_second[row.seconds] += row.calls
    untold = sum(row.calls for row in rows if row.seconds is None)
    return Seconds(calls_of=dict(sorted(calls_of_second.items())), untold=untold)


def effect_of_windows(times: CallTimes) -> pd.DataFrame:
    """What other windows would do: one row a window and step, and one for the window in force where it is another.

    Columns: ``step``, ``window_s``, ``inside``, ``outside``, ``untold`` (calls: together all connected),
    ``converted_inside``, ``converted_outside`` (missing where unknown), ``in_force``. Incoming to connected: connected
    within the window, or later. Connected to converted: connected for at least so long, or shorter. A step whose times
    are unknown has no rows.
    """
    import pandas as pd  # noqa: PLC0415  # half a second that a page without this table need not pay

    stated = times.funnel.definition
    rows = [
        *_window_rows(times, "incoming to connected", CONNECT_WINDOWS_S, stated.connect_within_s),
        *_window_rows(times, "connected to converted", CONVERSION_RULES_S, stated.converts_after_s),
    ]
    columns = ["step", "window_s", "inside", "outside", "untold", "converted_inside", "converted_outside", "in_force"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[5:7], "Int64"))


def _window_rows(times: CallTimes, step: str, windows: Sequence[int], in_force: int | None) -> list[dict[str, Any]]:
    is_connect = windows is CONNECT_WINDOWS_S
    length = "time_to_connect_s" if is_connect else "connected_s"
    if not times.is_known("connected", length):
        return []
    kept = [row for row in times.rows if row.length == length and row.reached(Stage.CONNECTED)]
    kept = kept if is_connect else [row for row in kept if _is_connected(row)]
    everyone, converted = add_up(kept), add_up([row for row in kept if row.reached(Stage.CONVERTED)])
    parts = {"": everyone} | ({"converted_": converted} if times.is_known("converted") else {})
    return [
        {"step": step, "window_s": window, "untold": everyone.untold, "in_force": window == in_force}
        | {f"{name}{side}": calls for name, part in parts.items() for side, calls in _sides(part, window, is_connect)}
        for window in sorted({*windows, *([] if in_force is None else [in_force])})
    ]


def _sides(part: Seconds, window_s: int, is_connect: bool) -> list[tuple[str, int]]:
    """Calls on either side of a window; *within 30 s* and *at least 30 s* both hold a call of 30 s."""
    if is_connect:
        return [("inside", part.below(window_s + 1)), ("outside", part.at_least(window_s + 1))]
    return [("inside", part.at_least(window_s)), ("outside", part.below(window_s))]


def _times_sql(funnel: Funnel) -> str:
    """The one query: calls, and what they earned, by each length in turn and by where they ended."""
    window = funnel.definition.connect_within_s
    late = "false" if window is None else f"coalesce(time_to_connect_s > {window}, false)"
    sets = ", ".join(f"({length}, exit, is_late, is_going)" for length in _LENGTHS)
    which = " ".join(f"when grouping({length}) = 0 then {place}" for place, length in enumerate(_LENGTHS))
    return f"""\
with placed as (
  select {", ".join(_LENGTHS)}, revenue_usd_micros, {late} as is_late,
    coalesce(connected and not completed, false) as is_going,
    {exit_sql(replace(funnel.definition, connect_within_s=None), "    ")} as exit
  from calls
)
select case {which} end as length, coalesce({", ".join(_LENGTHS)}) as seconds, exit, is_late, is_going,
  count(*) as calls, coalesce(sum(revenue_usd_micros), 0)::bigint as revenue, count(revenue_usd_micros) as revenue_known
from placed group by grouping sets ({sets})"""  # noqa: S608  # our words only


def _is_connected(row: Timed) -> bool:
    return _reached_in_time(row, Stage.CONNECTED) and not row.is_going


def _reached_in_time(row: Timed, stage: Stage) -> bool:
    return row.reached(stage) and not row.is_late
