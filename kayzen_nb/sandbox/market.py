"""What a scenario does to the calls as a whole: a target dies, the states shift, few people call.

A UTC day's calls still depend on the seed, the scenario and the day on which the market turns, and on nothing else.
``from_day`` names that day; ``days_ago`` counts it from the moment at which the sandbox is opened, or set to.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from kayzen_nb.errors import Problem, did_you_mean
from kayzen_nb.sandbox.invented import AREA_CODES, CAMPAIGNS, CONVERTS_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kayzen_nb.sandbox.invented import InventedCall

    Take = Callable[[date, "Mapping[str, float] | None"], Sequence["InventedCall"]]

_TURNS_AT = time(8, tzinfo=UTC)  # by then the date is the same all over America's mainland, and hardly anybody calls
_DAYS_KEPT = 120
TARGETS = tuple(dict.fromkeys(target for campaign in CAMPAIGNS for target in campaign.targets))


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Market:
    """How the calls turn from a day on; ``scenarios.toml`` explains the fields. Left alone, nothing turns."""

    from_day: date | None = None
    days_ago: int | None = Field(default=None, ge=0, le=400)
    dead_target: str = ""
    state_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    state_converts: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    calls_in_all: int | None = Field(default=None, ge=1, le=1000)

    @property
    def turns(self) -> bool:
        """Whether anything is planted that begins on a day."""
        return bool(self.dead_target or self.state_weights or self.calls_in_all)

    def problems(self, where: str) -> Iterator[Problem]:
        """What a type cannot say: names that must exist, and which day must be told."""
        if (self.from_day is not None) + (self.days_ago is not None) != self.turns:
            step = "Say from_day or days_ago, one of them, where something turns."
            yield Problem(what="It is not told from when on.", where=f"{where}, market", next_step=step)
        for field, names, known in self._names():
            for name in names:
                if name not in known:
                    place = f"{where}, market.{field}"
                    yield Problem(what=f"There is no {name!r} here.", where=place, next_step=did_you_mean(name, known))
        if self.state_weights and not any(self.state_weights.values()):
            yield Problem(what="No state has any weight.", where=f"{where}, market.state_weights")

    def _names(self) -> Iterator[tuple[str, Iterable[str], Iterable[str]]]:
        yield "dead_target", [self.dead_target] if self.dead_target else [], TARGETS
        yield "state_weights", self.state_weights, AREA_CODES
        yield "state_converts", self.state_converts, AREA_CODES


class MarketDays:
    """A scenario's calls, day by day; ``take`` gives a UTC day's invented calls, with other weights of the states."""

    def __init__(self, market: Market, opened: datetime, take: Take) -> None:
        self._market, self._opened, self._take = market, opened, take
        self._days: dict[date, tuple[InventedCall, ...]] = {}

    def calls(self, day: date) -> Sequence[InventedCall]:
        """A UTC day's calls, in order of time."""
        if self._market == Market():
            return self._take(day, None)
        if day not in self._days:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            self._days[day] = tuple(self._play(day))
        return self._days[day]

    @cached_property
    def turning(self) -> datetime:
        """The moment from which on things are as the scenario says."""
        ago = timedelta(days=self._market.days_ago or 0)
        return datetime.combine(self._market.from_day or self._opened.date() - ago, _TURNS_AT)

    def _play(self, day: date) -> Iterable[InventedCall]:
        market = self._market
        has_turned = market.turns and day >= self.turning.date()
        calls = self._take(day, market.state_weights if has_turned and market.state_weights else None)
        if market.calls_in_all:
            calls = self._few(day, calls, market.calls_in_all)
        return (self._turn(call) for call in calls)

    def _turn(self, call: InventedCall) -> InventedCall:
        keeps = self._market.state_converts.get(call.state, 1.0)
        if call.converted_at and _drawn(call, "converts") >= keeps:
            call = _stay_below_threshold(call)
        is_dead = call.target == self._market.dead_target and call.at >= self.turning
        return _ring_out(call) if is_dead and call.connected_at else call

    def _few(self, day: date, calls: Sequence[InventedCall], in_all: int) -> list[InventedCall]:
        """So many calls in all, spread evenly from the turning to the eve of the opening; none on other days."""
        first = self.turning.date()
        length, place = max((self._opened.date() - first).days, 1), (day - first).days
        if not 0 <= place < length:
            return []
        count = in_all * (place + 1) // length - in_all * place // length
        late = [call for call in calls if call.at.timetz() >= _TURNS_AT]
        chosen = random.Random(f"few:{day.isoformat()}").sample(late, min(count, len(late)))  # noqa: S311  # a game, not a secret
        return sorted(chosen, key=lambda call: (call.at, call.call_id))


def _drawn(call: InventedCall, what: str) -> float:
    """A number from 0 to 1 that is the call's own."""
    return random.Random(f"{what}:{call.call_id}").random()  # noqa: S311  # a game, not a secret


def _stay_below_threshold(call: InventedCall) -> InventedCall:
    """A conversation that ends before it would convert, so that the length goes on telling the rule."""
    begun = call.connected_at or call.at
    ended = begun + timedelta(seconds=5 + int(_drawn(call, "length") * (CONVERTS_AFTER_S - 10)))
    return replace(call, ended_at=ended, converted_at=None, paid_at=None)


def _ring_out(call: InventedCall) -> InventedCall:
    """Nobody answers: the caller gives up after some ringing."""
    rung = timedelta(seconds=20 + int(_drawn(call, "ring") * 25))
    unanswered: dict[str, Any] = {"connected_at": None, "converted_at": None, "paid_at": None, "ended_by": "Caller"}
    return replace(call, ended_at=call.at + rung, **unanswered)
