"""The calls that a sandbox knows: invented ones, with a scenario's test call among them, and what has moved since."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from kayzen_nb.sandbox.heldcalls import HeldCalls
from kayzen_nb.sandbox.invented import CAMPAIGNS, day_of, invent_day
from kayzen_nb.sandbox.market import MarketDays
from kayzen_nb.sandbox.restating import Restating
from kayzen_nb.sandbox.shaping import live_by_rules, shape_test_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kayzen_nb.sandbox.invented import InventedCall
    from kayzen_nb.sandbox.scenarios import Scenario

_SEED = 20261101
_DAYS_BACK = 60
_CALLS_KEPT = 150_000


class _Shelf:
    """Invented days, the last ones that were used. They never change, so all sandboxes of a process share them."""

    def __init__(self) -> None:
        self._days: OrderedDict[object, tuple[InventedCall, ...]] = OrderedDict()

    def take(
        self, day: date, volume: int | None, weights: Mapping[str, float] | None = None
    ) -> tuple[InventedCall, ...]:
        """A UTC day's calls, in order of time, with other weights of the states where they are given."""
        key = (day, volume, tuple(weights.items()) if weights else ())
        if key not in self._days:
            self._days[key] = tuple(invent_day(day, _SEED, volume, weights))
            while len(self._days) > 1 and sum(map(len, self._days.values())) > _CALLS_KEPT:
                self._days.popitem(last=False)
        self._days.move_to_end(key)
        return self._days[key]


_SHELF = _Shelf()


class CallBook:
    """Every call that has begun by a moment, under one scenario. ``now`` may be moved on."""

    def __init__(self, scenario: Scenario, now: datetime, held: HeldCalls | None = None) -> None:
        self.scenario, self.now = scenario, now
        self.held = held or HeldCalls()
        self._restating = Restating(scenario.later)
        self._market = MarketDays(scenario.market, now, lambda day, weights: _SHELF.take(day, scenario.volume, weights))
        self._days: dict[date, tuple[datetime, int, list[InventedCall]]] = {}

    @cached_property
    def invented_test_call(self) -> InventedCall | None:
        """The newest call, not a duplicate, whose payout has been credited: what a good test call looks like."""
        if not self.scenario.has_calls:
            return None
        for back in range(_DAYS_BACK):
            calls = self._invented((self.now - timedelta(days=back)).date())
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
        version = self.held.version(day)
        kept = self._days.get(day)
        if kept is None or kept[:2] != (self.now, version):
            kept = self.now, version, self._begun(day)
            self._keep(day, kept)
        return kept[2]

    def whole(self, day: date) -> list[InventedCall]:
        """The calls of a UTC day with all that the scenario's rules and our own hand made of them, begun or not."""
        return self.held.apply(day, self._live_through(day))

    def restatements(self, day: date) -> list[datetime]:
        """When something happens to calls of a day that their own times do not tell."""
        return self._restating.moments(day, self._live_through(day))

    def between(self, start: datetime, end: datetime) -> list[InventedCall]:
        """The calls that began between two moments, both included."""
        last = min(end, self.now).date()  # later days hold nothing and would be invented in vain
        days = [start.date() + timedelta(days=n) for n in range((last - start.date()).days + 1)]
        return [call for day in days for call in self.on(day) if start <= call.at <= end]

    def find(self, call_id: str) -> InventedCall | None:
        """The call of that id. The test call may have been moved to another day than its id says."""
        if self.test_call and self.test_call.call_id == call_id:
            day: date | None = self.test_call.at.date()
        else:
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

    def _keep(self, day: date, calls: tuple[datetime, int, list[InventedCall]]) -> None:
        if sum(len(kept) for _, _, kept in self._days.values()) > _CALLS_KEPT:
            self._days.clear()
        self._days[day] = calls

    def _begun(self, day: date) -> list[InventedCall]:
        calls = self._restating.apply(day, self._live_through(day), self.now)
        begun = (call for call in self.held.apply(day, calls) if call.at < self.now)
        return sorted(begun, key=lambda call: (call.at, call.call_id))

    def _invented(self, day: date) -> Sequence[InventedCall]:
        return self._market.calls(day)

    def _live_through(self, day: date) -> Iterator[InventedCall]:
        if not self.scenario.has_calls:
            return
        test, rules = self.test_call, self.scenario.campaign
        if test and test.at.date() == day:
            yield test
        for call in self._invented(day):
            if not (test and call.call_id == test.call_id):
                yield live_by_rules(call, rules) if call.campaign.id == self.campaign_id else call
