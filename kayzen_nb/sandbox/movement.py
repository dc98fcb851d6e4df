"""Calls that move while somebody reads them: they arrive, turn up late, vanish, or change, between two pages."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.sandbox.invented import invent_call
from kayzen_nb.sandbox.restating import adjust

if TYPE_CHECKING:
    from kayzen_nb.sandbox.callbook import CallBook
    from kayzen_nb.sandbox.datafaults import Movement
    from kayzen_nb.sandbox.invented import InventedCall


class Mover:
    """Moves calls after each page that is given out, as often as its scenario says."""

    def __init__(self, rules: Movement) -> None:
        self._rules, self._left = rules, rules.times
        self._rng = random.Random(f"moving:{rules.seed}")  # noqa: S311  # a game, not a secret

    def after_page(self, book: CallBook, window: tuple[datetime, datetime], last: datetime | None) -> None:
        """Move calls inside a window; ``last`` is the time of the last call on the page, None for an empty page."""
        if self._left and last and _some(self._rules):
            self._left -= 1
            move_calls(book, self._rules, window, last, self._rng)


def _some(rules: Movement) -> bool:
    return any((rules.arrive, rules.earlier, rules.alike, rules.vanish, rules.change))


def move_calls(
    book: CallBook, rules: Movement, window: tuple[datetime, datetime], last: datetime, rng: random.Random
) -> None:
    """One round of moves inside a window (aware UTC, both ends included), about the last call that was read."""
    start, end = window[0], min(window[1], book.now - timedelta(milliseconds=1))
    there = book.between(start, end)
    chosen = rng.sample(there, min(rules.vanish + rules.change, len(there)))
    for call in chosen[: rules.vanish]:
        book.held.delete(call)
    for call in chosen[rules.vanish :]:
        book.held.change(call, change_call(call, book.now, rng))
    moments = [_between(last, end, rng) for _ in range(rules.arrive)]
    moments += [_between(start, last, rng) for _ in range(rules.earlier)] + [last] * rules.alike
    for at in moments:
        book.held.add(invent_call(at, rng))


def change_call(call: InventedCall, now: datetime, rng: random.Random) -> InventedCall:
    """Another content for a call: its amounts, or its flags where it has none. What is shown always differs."""
    if call.paid_at and call.paid_at <= now:
        return adjust(call, payout=_other_amount(call.adjusted_payout, rng))
    if call.converted_at and call.converted_at <= now:
        return adjust(call, revenue=_other_amount(call.adjusted_revenue, rng))
    if call.connected_at and call.ended_at <= now:
        return replace(call, converted_at=call.ended_at, paid_at=call.ended_at)
    return replace(call, is_duplicate=not call.is_duplicate)


def _other_amount(before: float | None, rng: random.Random) -> float:
    """An amount with cents that no campaign sets, and another one than before."""
    amount = rng.randrange(100, 5000) / 100 + 0.003
    return amount if amount != before else amount + 1


def _between(start: datetime, end: datetime, rng: random.Random) -> datetime:
    """A moment between two, to the millisecond, as calls begin."""
    span_ms = max(int((end - start).total_seconds() * 1000), 0)
    return start + timedelta(milliseconds=rng.randint(0, span_ms))
