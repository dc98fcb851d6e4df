"""This period beside the one before: the ripe days of one against the corresponding days of the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from kayzen_nb.definition import RIPE
from kayzen_nb.period import Period
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from datetime import date

    from kayzen_nb.definition import Definition
    from kayzen_nb.funnel import Funnel


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two funnels of as many days each: the first with the first, and so on. ``now`` looks at its ripe days only.

    ``before`` is None where there is nothing to compare with, and ``why_not`` says why.
    """

    now: Funnel
    before: Funnel | None = None
    left_out: int = 0
    why_not: str = ""

    def __str__(self) -> str:
        if self.before is None:
            return f"Not compared: {self.why_not}."
        days = counted(len(self.before.period.days), "day")
        text = f"{days} from {self.now.period.first_day} against {days} from {self.before.period.first_day}"
        return text + (f"; the last {counted(self.left_out, 'day')} left out, not ripe yet" if self.left_out else "")


def ripe_days(period: Period, definition: Definition) -> tuple[date, ...]:
    """The days of the period whose calls have mostly told all they will."""
    until = definition.ripe_until
    days = {day: Period(first_day=day, last_day=day, zone=period.zone).end_utc for day in period.days}
    return tuple(day for day, ends in days.items() if until is None or ends <= until)


def previous_period(period: Period, definition: Definition) -> Period | None:
    """As many days just before the period, but only those that correspond to its ripe ones; None without a ripe day."""
    ripe, back = len(ripe_days(period, definition)), timedelta(days=len(period.days))
    if not ripe:
        return None
    first = period.first_day - back
    return Period(first_day=first, last_day=first + timedelta(days=ripe - 1), zone=period.zone)


def compare(now: Funnel, before: Funnel) -> Comparison:
    """The ripe days of a funnel beside a funnel of the corresponding days (``previous_period``)."""
    ripe = now.focus({RIPE: True})
    if now.unread or now.partly_read:
        return Comparison(now=ripe, why_not=f"not every day from {now.period} is known to be there")
    if not before.calls:
        return Comparison(now=ripe, why_not=f"no call is known from {before.period}")
    if before.unread or before.partly_read:
        return Comparison(now=ripe, why_not=f"not every day from {before.period} is known to be there")
    left_out = len(now.period.days) - len(before.period.days)
    return Comparison(now=ripe, before=before, left_out=left_out)
