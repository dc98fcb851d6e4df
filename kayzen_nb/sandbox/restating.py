"""What becomes of calls days later: late conversions and payouts, overrides, payouts taken back, deleted calls.

Which calls it concerns depends on the day and the scenario alone, so a day read at any moment agrees with itself.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kayzen_nb.sandbox.datafaults import Later
    from kayzen_nb.sandbox.invented import InventedCall

Restated = tuple[datetime, "InventedCall | None"]
_CONCERNS: dict[str, Callable[[InventedCall], bool]] = {
    "converts": lambda call: call.connected_at is not None and call.converted_at is None,
    "pays": lambda call: call.converted_at is not None and call.paid_at is None,
    "payout": lambda call: call.paid_at is not None,
    "revenue": lambda call: call.converted_at is not None,
    "deleted": lambda _: True,
    "anonymised": lambda call: bool(call.caller),
}


class Restating:
    """A scenario's later happenings, applied to whole days."""

    def __init__(self, happenings: Sequence[Later]) -> None:
        self._happenings = happenings
        self._plans: dict[date, dict[str, list[tuple[datetime, Later]]]] = {}

    def moments(self, day: date, calls: Iterable[InventedCall]) -> list[datetime]:
        """When something happens to the calls of a UTC day."""
        return [at for steps in self._plan(day, calls).values() for at, _ in steps]

    def apply(self, day: date, calls: Iterable[InventedCall], now: datetime) -> list[InventedCall]:
        """A UTC day's calls as they stand now."""
        known = list(calls)
        plan = self._plan(day, known)
        if not plan:
            return known
        stand = (_live(call, plan.get(call.call_id, ()), now) for call in known)
        return [call for call in stand if call]

    def _plan(self, day: date, calls: Iterable[InventedCall]) -> dict[str, list[tuple[datetime, Later]]]:
        if not self._happenings:
            return {}
        if day not in self._plans:
            self._plans[day] = _plan_day(day, list(calls), self._happenings)
        return self._plans[day]


def _plan_day(
    day: date, calls: list[InventedCall], happenings: Sequence[Later]
) -> dict[str, list[tuple[datetime, Later]]]:
    plan: dict[str, list[tuple[datetime, Later]]] = {}
    for number, happening in enumerate(happenings):
        found = [call for call in calls if _CONCERNS[happening.what](call)]
        for call in _choose(found, plan, happening.calls, f"later:{number}:{day.isoformat()}"):
            plan.setdefault(call.call_id, []).append((_moment(call, happening), happening))
    return {call_id: sorted(steps, key=lambda step: step[0]) for call_id, steps in plan.items()}


def _choose(calls: list[InventedCall], taken: Iterable[str], count: int, seed: str) -> list[InventedCall]:
    """So many of the calls, none that another happening took; 0: all of them."""
    if not count:
        return calls
    others = set(taken)
    free = [call for call in calls if call.call_id not in others]
    return random.Random(seed).sample(free, min(count, len(free)))  # noqa: S311  # a game, not a secret


def _moment(call: InventedCall, happening: Later) -> datetime:
    """That many days after the call, to the millisecond; or at 15:00 UTC on a day of the month after."""
    if not happening.next_month_on:
        return call.at + timedelta(days=happening.after_days)
    next_month = (call.at.date().replace(day=1) + timedelta(days=31)).replace(day=happening.next_month_on)
    return datetime.combine(next_month, time(15), UTC)


def _live(call: InventedCall, steps: Sequence[tuple[datetime, Later]], now: datetime) -> InventedCall | None:
    for at, happening in steps:
        if at > now:
            break
        if happening.what == "deleted":
            return None
        call = _restate(call, happening, at)
    return call


def _restate(call: InventedCall, happening: Later, at: datetime) -> InventedCall:
    """One happening. What Ringba keeps of an anonymised call is not known: all but the caller is our choice."""
    if happening.what == "anonymised":
        return replace(call, caller="", state="")
    if happening.what == "converts":
        return replace(call, converted_at=at, paid_at=call.paid_at or at)
    if happening.what == "pays":
        return replace(call, paid_at=at)
    if happening.what == "revenue":
        return adjust(call, revenue=happening.amount)
    return adjust(call, payout=happening.amount)


def adjust(
    call: InventedCall, *, revenue: float | str | None = None, payout: float | str | None = None
) -> InventedCall:
    """Other amounts by somebody's hand; "none" takes conversion or payout away, None leaves it alone."""
    if revenue == "none":
        call = replace(call, converted_at=None, paid_at=None)
    elif revenue is not None:
        call = replace(call, adjusted_revenue=float(revenue))
    if payout == "none":
        return replace(call, paid_at=None)
    return call if payout is None else replace(call, adjusted_payout=float(payout))
