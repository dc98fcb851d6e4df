"""Kayzen's word about a call, as people record it: which events it has seen, on which day they were told, by whom.

Rungs 4 and 5 of the ladder rest on this and on nothing else: the toolkit itself cannot look into Kayzen.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.ladder import KayzenWord
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.entries import Entry

KIND = "kayzen_word"


def read_events(text: str) -> tuple[Event, ...]:
    """The events in ``incoming, connected``; all six for ``all``. Raises ParameterError naming every unknown one."""
    words = [word.strip().casefold() for word in text.split(",") if word.strip()]
    if words == ["all"]:
        return tuple(Event)
    unknown = [word for word in words if word not in set(Event)]
    if unknown or not words:
        raise ParameterError(
            *(
                Problem(
                    what=f"{word!r} is no event.",
                    where="--events",
                    next_step=did_you_mean(word, [event.value for event in Event]),
                )
                for word in unknown or [text]
            )
        )
    return tuple(event for event in Event if event.value in words)


def facts_of(events: Iterable[Event], seen_on: date, counted_on: date | None) -> dict[str, object]:
    """What the journal keeps of Kayzen's word."""
    facts: dict[str, object] = {"events": [event.value for event in events], "seen_on": seen_on.isoformat()}
    return facts | ({"counted_on": counted_on.isoformat()} if counted_on else {})


def word_about(entries: Iterable[Entry]) -> KayzenWord | None:
    """Kayzen's word from the journal's entries about one call, oldest first; None when nothing was recorded."""
    seen: dict[Event, date] = {}
    counted_on, by = None, ""
    for entry in entries:
        day = date.fromisoformat(str(entry.facts["seen_on"]))
        seen |= {Event(name): day for name in entry.facts["events"] if name in set(Event)}
        if entry.facts.get("counted_on"):
            counted_on = date.fromisoformat(str(entry.facts["counted_on"]))
        by = entry.by
    return KayzenWord(seen=seen, counted_on=counted_on, by=by) if seen else None
