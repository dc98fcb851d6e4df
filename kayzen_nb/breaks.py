"""Since when: the day on which a target, campaign, publisher, number, or the whole, became another one, and silences.

A target that no longer answers shows in its share of the *connected* calls, because an unanswered call names no target.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.comparison import ripe_days
from kayzen_nb.differences import ALPHA, correct, describe_p
from kayzen_nb.dimensions import OTHERS, TIMES
from kayzen_nb.period import Period
from kayzen_nb.seriesbreak import MEASURES, Break, Series, What, look_at
from kayzen_nb.splits import DayCount
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from kayzen_nb.funnel import Funnel

_DIMENSIONS = ("campaign", "publisher", "number", "target")
_DAYS_TO_TELL = 4
_LARGEST = 20  # groups of a dimension that are looked at: smaller ones could hardly be told
_SAME_TIME = timedelta(days=2)  # smaller groups show the same change a day or two off
_OWN_PART = 1.5  # a group whose change is that many times the whole's has a part of its own in it
_RATES = {What.CONNECTED: (Stage.INCOMING, Stage.CONNECTED), What.CONVERTED: (Stage.CONNECTED, Stage.CONVERTED)}
_STAGES = (Stage.INCOMING, Stage.CONNECTED, Stage.CONVERTED)

# dimension and group -> day -> calls that reached each of ``_STAGES``
_Daily = dict[tuple[str, object], dict["date", tuple[int, ...]]]


def find_breaks(funnel: Funnel, before: Funnel | None = None) -> tuple[Break, ...]:
    """The changes that the days carry: first what has stopped altogether, then by the calls concerned.

    ``before`` is the period before: a short period alone could not tell what is usual. Changes within it are not told.

    Looked at are, for each of the largest groups and for all calls: whether calls still come, the rate connected of
    incoming, the rate converted of connected (ripe days only); for targets their share of the connected calls, and
    the rate converted. Only whole days count that the source holds. P-values are corrected by Bonferroni over the days
    on which one series could have changed, and by Benjamini-Hochberg over all series.
    """
    sides = [before, funnel] if before else [funnel]
    days = [day for side in sides for day in whole_days(side)]
    daily = {name: _count_daily(sides, name) for name in ("", *_DIMENSIONS) if name not in funnel.unknown}
    ripe = {day for side in sides for day in ripe_days(side.period, side.definition)}
    plain = [
        found
        for name, groups in daily.items()
        for series in _series_of(funnel, name, groups, days, ripe)
        for found in look_at(series)
    ]
    targets = daily.get("target", {}) if funnel.is_known(Stage.CONNECTED) else {}
    told = _without_repeats([*_judge_shares(plain, targets, days), *_judge(plain, _look_at_shares(targets, days))])
    now = [one for one in told if one.day >= funnel.period.first_day or (one.has_stopped and not one.last_day)]
    return tuple(sorted(now, key=lambda one: (not one.has_stopped, -abs(one.excess))))


def describe_breaks(breaks: Sequence[Break], most: int = 3) -> str:
    """The strongest changes in plain words, or that no day stands out; the table has those left out here."""
    if not breaks:
        return "No target, campaign, publisher or number stopped, or changed from some day on."
    whole = [one for one in breaks if not one.dimension]
    told = [one for one in breaks if not any(_follows(one, all_calls) for all_calls in whole)]
    left = len(breaks) - len(told[:most])
    more = f" And {counted(left, 'more such change')}, in the table." if left else ""
    return " ".join(str(one) for one in told[:most]) + more


def _follows(one: Break, whole: Break) -> bool:
    """Whether a group only took part in a change of all calls: about the same day, and hardly larger."""
    if not one.dimension or one.what is not whole.what or one.what is What.CALLS:
        return False
    same_time = abs(one.day - whole.day) <= _SAME_TIME
    size = (one.after_rate - one.before_rate) / (whole.after_rate - whole.before_rate)
    return same_time and 0 < size < _OWN_PART


def check_breaks(breaks: Sequence[Break], funnel: Funnel) -> list[Check]:
    """Whether something has stopped and is silent still; nothing where the period has too few days to tell."""
    if len(whole_days(funnel)) < _DAYS_TO_TELL:
        return []
    stopped = [str(one) for one in breaks if one.has_stopped and not one.last_day]
    return [
        Check(
            name="nothing has stopped",
            verdict=Verdict.FAIL if stopped else Verdict.PASS,
            expected="calls, and answers, until the end of the period",
            found=" ".join(stopped) or "no silence that is more than chance",
            next_step="Ask there whether calls are taken, and look at the routing in Ringba." if stopped else "",
        )
    ]


def breaks_table(breaks: Sequence[Break]) -> pd.DataFrame:
    """Every change that is told as a row for people."""
    return pd.DataFrame([_row(one) for one in breaks])


def whole_days(funnel: Funnel) -> tuple[date, ...]:
    """The days of the period that were over when the calls were read, and of which the source holds everything."""
    known = min(filter(None, (funnel.table.as_of, funnel.table.through)))
    gaps, zone = {*funnel.unread, *funnel.partly_read}, funnel.period.zone
    return tuple(
        day
        for day in funnel.period.days
        if day not in gaps and Period(first_day=day, last_day=day, zone=zone).end_utc <= known
    )


def _row(one: Break) -> dict[str, str]:
    shown = "{:,.1f}" if one.what is What.CALLS else "{:.1%}"
    base = "days" if one.what is What.CALLS else "calls"
    return {
        "Group": one.name,
        "What": MEASURES[one.what],
        "When": one.when,
        "Then": f"{shown.format(one.after_rate)} ({one.after_tries:,} {base})",
        "Compared with": f"{shown.format(one.before_rate)} {one.against} ({one.before_tries:,} {base})",
        "Calls concerned": f"{one.excess:+,.0f}",
        "p (corrected)": describe_p(one.p_value).removeprefix("p ").removeprefix("= "),
    }


def _count_daily(sides: Sequence[Funnel], dimension: str) -> _Daily:
    """Calls at each stage by group and day; nothing for a dimension with a single group, which is all calls."""
    by = [dimension, "day"] if dimension else ["day"]
    daily: _Daily = {}
    for counts in (side.stages(by) for side in sides):
        groups = counts[dimension].tolist() if dimension else [None] * len(counts)
        columns = [counts[f"{stage}_calls"].tolist() for stage in _STAGES]
        for group, day, *reached in zip(groups, counts["day"], *columns, strict=True):
            daily.setdefault((dimension, group), {})[day] = tuple(map(int, reached))
    return _pool_small(daily, dimension) if len(daily) > 1 or not dimension else {}


def _pool_small(daily: _Daily, dimension: str) -> _Daily:
    """The largest groups, and all others as one."""
    order = sorted(daily, key=lambda key: (-sum(one[0] for one in daily[key].values()), str(key)))
    pooled: dict[date, tuple[int, ...]] = {}
    for key in order[_LARGEST:]:
        for day, reached in daily[key].items():
            pooled[day] = tuple(map(sum, zip(pooled.get(day, (0,) * len(reached)), reached, strict=True)))
    kept = {key: daily[key] for key in daily if key in set(order[:_LARGEST])}
    return kept | ({(dimension, OTHERS): pooled} if pooled else {})


def _series_of(
    funnel: Funnel, dimension: str, groups: _Daily, days: Sequence[date], ripe: set[date]
) -> Iterable[Series]:
    """What is looked at of each group of a dimension, apart from the shares of targets."""
    for key, daily in groups.items():
        base = Series(dimension=dimension, group=key[1], what=What.CALLS, days=())
        if dimension != "target" and not set(TIMES) & set(funnel.only):
            yield replace(base, days=_calls_a_day(daily, days))
        if dimension != "target" and funnel.is_known(Stage.CONNECTED):
            yield replace(base, what=What.CONNECTED, days=_rate_a_day(daily, days, What.CONNECTED))
        if funnel.is_known(Stage.CONNECTED) and funnel.is_known(Stage.CONVERTED):
            told = [day for day in days if day in ripe]
            yield replace(base, what=What.CONVERTED, days=_rate_a_day(daily, told, What.CONVERTED))


def _calls_a_day(daily: dict[date, tuple[int, ...]], days: Sequence[date]) -> tuple[DayCount, ...]:
    return tuple(DayCount(day=day, reached=daily.get(day, (0,))[0], tries=1) for day in days)


def _rate_a_day(daily: dict[date, tuple[int, ...]], days: Sequence[date], what: What) -> tuple[DayCount, ...]:
    base, reached = (_STAGES.index(stage) for stage in _RATES[what])
    counts = ((day, daily[day]) for day in days if day in daily)
    return tuple(DayCount(day=day, reached=one[reached], tries=one[base]) for day, one in counts if one[base])


def _judge(looks: Sequence[Break], beside: Sequence[Break]) -> list[Break]:
    """Those of ``looks`` that are told and worth telling, when corrected together with the looks ``beside`` them."""
    adjusted = correct([one.p_value for one in (*looks, *beside)])[: len(looks)]
    judged = [replace(one, p_value=p) for one, p in zip(looks, adjusted, strict=True)]
    return [one for one in judged if one.p_value < ALPHA and one.is_worth_telling]


def _judge_shares(plain: Sequence[Break], targets: _Daily, days: Sequence[date]) -> Iterator[Break]:
    """Changed shares, one target after the other: when one falls, the others rise without having changed themselves.

    So the strongest is told (of two alike the falling one), its calls are taken out, and the others are looked at anew.
    """
    without: tuple[object, ...] = ()
    while told := _judge(_look_at_shares(targets, days, without), plain):
        strongest = max(told, key=lambda one: (one.has_stopped, round(abs(one.excess)), one.excess < 0))
        yield strongest
        without += (strongest.group,)


def _without_repeats(breaks: Sequence[Break]) -> list[Break]:
    """Each change once: a campaign with its own number shows the same counts twice, a silence of all in every group."""
    kept: dict[object, Break] = {}
    silent = {one.day for one in breaks if not one.dimension and one.what is What.CALLS}
    for one in breaks:
        counts = (one.before_reached, one.before_tries, one.after_reached, one.after_tries)
        if not (one.dimension and one.what is What.CALLS and one.day in silent):
            kept.setdefault((one.what, one.day, counts), one)
    return list(kept.values())


def _look_at_shares(targets: _Daily, days: Sequence[date], without: tuple[object, ...] = ()) -> list[Break]:
    return [found for series in _share_series(targets, days, without) for found in look_at(series)]


def _share_series(groups: _Daily, days: Sequence[date], without: tuple[object, ...] = ()) -> list[Series]:
    """Each target's share of the connected calls of a day; ``without`` are targets whose calls are left out."""
    kept = {target: daily for (_, target), daily in groups.items() if target not in without}
    connected = {target: {day: one[1] for day, one in daily.items()} for target, daily in kept.items()}
    totals = {day: sum(daily.get(day, 0) for daily in connected.values()) for day in days}
    return [
        Series(
            dimension="target",
            group=target,
            what=What.SHARE,
            days=tuple(DayCount(day=d, reached=daily.get(d, 0), tries=totals[d]) for d in days if totals[d]),
            without=without,
        )
        for target, daily in connected.items()
    ]
