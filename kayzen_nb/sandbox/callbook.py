"""The calls that a sandbox knows: invented ones, with a scenario's test call among them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from kayzen_nb.sandbox.invented import CAMPAIGNS, day_of, invent_day
from kayzen_nb.sandbox.shaping import live_by_rules, shape_test_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.sandbox.invented import InventedCall
    from kayzen_nb.sandbox.scenarios import Scenario

_SEED = 20261101
_DAYS_BACK = 60


@lru_cache(maxsize=400)
def _invented(day: date) -> tuple[InventedCall, ...]:
    """A day's calls. They never change, so all sandboxes of a process share them."""
    return tuple(invent_day(day, _SEED))


class CallBook:
    """Every call that has begun by a moment, under one scenario."""

    def __init__(self, scenario: Scenario, now: datetime) -> None:
        self.scenario, self.now = scenario, now
        self._days: dict[date, list[InventedCall]] = {}

    @cached_property
    def invented_test_call(self) -> InventedCall | None:
        """The newest call, not a duplicate, whose payout has been credited: what a good test call looks like."""
        if not self.scenario.has_calls:
            return None
        for back in range(_DAYS_BACK):
            calls = _invented((self.now - timedelta(days=back)).date())
            paid = [c for c in calls if c.paid_at and c.paid_at <= self.now and not c.is_duplicate]
            if paid:
                return paid[-1]
        return None

    @cached_property
    def test_call(self) -> InventedCall | None:
        """That call as the scenario shapes it."""
        call = self.invented_test_call
        return shape_test_call(call, self.scenario, self.now) if call else None

    @property
    def campaign_id(self) -> str:
        """The campaign of the test call, which the scenario's campaign rules concern."""
        return self.invented_test_call.campaign.id if self.invented_test_call else CAMPAIGNS[0].id

    def on(self, day: date) -> list[InventedCall]:
        """The calls of a UTC day that have begun, in order of time."""
        if day not in self._days:
            self._days[day] = sorted(self._live_through(day), key=lambda call: (call.at, call.call_id))
        return self._days[day]

    def between(self, start: datetime, end: datetime) -> list[InventedCall]:
        """The calls that began between two moments, both included."""
        last = min(end, self.now).date()  # later days hold nothing and would be invented in vain
        days = [start.date() + timedelta(days=n) for n in range((last - start.date()).days + 1)]
        return [call for day in days for call in self.on(day) if start <= call.at <= end]

    def find(self, call_id: str) -> InventedCall | None:
        """The call of that id. The test call may have been moved to another day than its id says."""
        if self.test_call and self.test_call.call_id == call_id:
            return self.test_call
        day = day_of(str(call_id))
        return next((call for call in self.on(day) if call.call_id == call_id), None) if day else None

    def newest(self, count: int) -> list[InventedCall]:
        """The last calls before now, newest first."""
        found: list[InventedCall] = []
        for back in range(_DAYS_BACK):
            found += reversed(self.on((self.now - timedelta(days=back)).date()))
            if len(found) >= count:
                break
        return found[:count]

    def _live_through(self, day: date) -> Iterator[InventedCall]:
        if not self.scenario.has_calls:
            return
        test, rules = self.test_call, self.scenario.campaign
        if test and test.at.date() == day:
            yield test
        for call in _invented(day):
            if call.at < self.now and not (test and call.call_id == test.call_id):
                yield live_by_rules(call, rules) if call.campaign.id == self.campaign_id else call
