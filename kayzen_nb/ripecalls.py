"""Payouts that may still come, seen on the calls alone: the last days of which a smaller part is paid than before.

One reading knows no lag. It can only show that of the last days' converted calls fewer are paid than of the older
ones, by more than chance. Payouts that stopped for good would look the same, and the sentence says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.cubetimes import span_s
from kayzen_nb.definition import bucket_sql
from kayzen_nb.differences import Difference, compare_rates, describe_p
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from kayzen_nb.calls import CallTable
    from kayzen_nb.period import Period

ENOUGH, SETTLED = 10, 50  # converted calls that one look at the last days needs, and those before it
CHANCE = 0.01  # stricter than elsewhere: each page looks, and a false alarm hatches days for nothing
MOSTLY = 0.95  # ripe is what has mostly come: among very many calls a smaller lack is more than chance, and no matter
_UNKNOWN = "Payouts: how long they take is unknown"
_SUMS = (
    "coalesce(sum(case when converted or paid then 1 else 0 end), 0)::bigint as converted, "
    "coalesce(sum(case when paid then 1 else 0 end), 0)::bigint as paid"
)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Neighbouring local days, with their converted calls and the paid ones of them."""

    first_day: date
    converted: int
    paid: int

    @property
    def rate(self) -> float:
        """The paid part of the converted calls; needs some."""
        return self.paid / self.converted


@dataclass(frozen=True, kw_only=True)
class UnpaidDays:
    """From which local day on fewer are paid than before: None where no day stands out. ``is_told``: enough to tell."""

    first_day: date | None
    is_told: bool
    sentence: str


def find_unpaid_days(calls: CallTable, period: Period) -> UnpaidDays:
    """Walk back from the last day, ten converted calls at a time, as long as fewer are paid than before that."""
    if {"converted", "paid"} & set(calls.unknown):
        return _not_told("the source does not tell which calls converted, or which were paid")
    return judge(join_days(_count_days(calls, period)))


def judge(spans: Sequence[Span]) -> UnpaidDays:
    """Which of the last spans are paid at least a twentieth less than all before them, and by more than chance."""
    young = 0
    while _is_below(spans[len(spans) - young - 1], spans[: len(spans) - young - 1]):
        young += 1
    return _tell_young(_sum(spans[-young:]), _sum(spans[:-young])) if young else _tell_none(spans)


def join_days(days: Sequence[Span]) -> list[Span]:
    """Days joined, from the last one back, into spans with enough converted calls; the first span may have fewer."""
    spans: list[Span] = []
    for day in reversed(days):
        if spans and spans[0].converted < ENOUGH:
            spans[0] = _sum([day, spans[0]])
        else:
            spans.insert(0, day)
    return spans


def _count_days(calls: CallTable, period: Period) -> list[Span]:
    """Each local day of the period, one pass over the calls."""
    span, zone = span_s(period), ZoneInfo(period.zone)
    sums = dict.fromkeys(period.days, (0, 0))
    for bucket, converted, paid in calls.relation.aggregate(f"{bucket_sql(span)} as bucket, {_SUMS}").fetchall():
        day = datetime.fromtimestamp(bucket * span, UTC).astimezone(zone).date()
        if day in sums:
            sums[day] = (sums[day][0] + converted, sums[day][1] + paid)
    return [Span(first_day=day, converted=converted, paid=paid) for day, (converted, paid) in sums.items()]


def _is_below(span: Span, older: Sequence[Span]) -> bool:
    if not older or _sum(older).converted < SETTLED or not span.converted:
        return False
    found = _compare(span, _sum(older))
    return found.p_value is not None and found.p_value < CHANCE and span.rate < MOSTLY * _sum(older).rate


def _compare(span: Span, before: Span) -> Difference:
    return compare_rates(span.paid, span.converted, before.paid, before.converted)


def _sum(spans: Sequence[Span]) -> Span:
    return Span(
        first_day=spans[0].first_day, converted=sum(one.converted for one in spans), paid=sum(one.paid for one in spans)
    )


def _tell_young(last: Span, before: Span) -> UnpaidDays:
    found = _compare(last, before)
    by = f" ({describe_p(found.p_value)}, {found.test})" if found.p_value is not None else ""
    sentence = (
        f"Payouts: {_tell_rates(last, before)}: more than chance{by}, so either not yet paid, or paid less. Calls from "
        f"{last.first_day} on are taken as not ripe."
    )
    return UnpaidDays(first_day=last.first_day, is_told=True, sentence=sentence)


def _tell_none(spans: Sequence[Span]) -> UnpaidDays:
    before = _sum(spans[:-1]) if len(spans) > 1 else None
    if not before or before.converted < SETTLED:
        needed = f"{ENOUGH} of the last days and {SETTLED} before them are needed"
        found = counted(sum(one.converted for one in spans), "converted call")
        return _not_told(f"{found} of the period cannot tell; {needed}")
    if not before.paid:
        return _not_told("of the older calls none is paid")
    sentence = (
        f"Payouts: {_tell_rates(spans[-1], before)}; that does not show that payouts are still to come. A delay "
        "longer than the period would not show."
    )
    return UnpaidDays(first_day=None, is_told=True, sentence=sentence)


def _tell_rates(last: Span, before: Span) -> str:
    return (
        f"since {last.first_day} {last.rate:.1%} of {counted(last.converted, 'converted call')} are paid, before that "
        f"{before.rate:.1%} of {before.converted:,}"
    )


def _not_told(why: str) -> UnpaidDays:
    return UnpaidDays(first_day=None, is_told=False, sentence=f"{_UNKNOWN}: {why}.")
