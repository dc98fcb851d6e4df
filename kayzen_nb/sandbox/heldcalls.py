"""What has moved in the calls that the sandbox holds, against the invented ones: new, changed and deleted calls."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from kayzen_nb.sandbox.invented import InventedCall


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One move: the call before (None: it is new) and after it (None: it was deleted)."""

    call_id: str
    before: InventedCall | None
    after: InventedCall | None


class HeldCalls:
    """The moves so far, kept when the sandbox's clock is set. ``moved`` lists them in order."""

    def __init__(self) -> None:
        self.moved: list[Moved] = []
        self._changed: dict[date, dict[str, InventedCall | None]] = defaultdict(dict)
        self._versions: Counter[date] = Counter()

    def add(self, call: InventedCall) -> None:
        """A call that was not there before."""
        self._note(call.at.date(), Moved(call_id=call.call_id, before=None, after=call))

    def change(self, before: InventedCall, after: InventedCall) -> None:
        """Another content for a call; its time of beginning stays."""
        self._note(before.at.date(), Moved(call_id=before.call_id, before=before, after=after))

    def delete(self, call: InventedCall) -> None:
        """A call that is gone."""
        self._note(call.at.date(), Moved(call_id=call.call_id, before=call, after=None))

    def version(self, day: date) -> int:
        """How often a UTC day was touched."""
        return self._versions[day]

    def apply(self, day: date, calls: Iterable[InventedCall]) -> list[InventedCall]:
        """A UTC day's calls after all moves."""
        changed = dict(self._changed.get(day, {}))
        if not changed:
            return list(calls)
        kept = [changed.pop(call.call_id, call) for call in calls]
        return [call for call in (*kept, *changed.values()) if call]

    def _note(self, day: date, moved: Moved) -> None:
        self.moved.append(moved)
        self._changed[day][moved.call_id] = moved.after
        self._versions[day] += 1
