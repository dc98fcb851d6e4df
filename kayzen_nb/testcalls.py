"""Test calls: noted when they are verified, left out of later funnels, and named there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.entries import pick_entries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kayzen_nb.entries import Entry

KIND = "test_call"


def noted_test_calls(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The calls that stand as tests, by call id, from the journal's entries: the last word about each counts."""
    last = {entry.subject: entry for entry in pick_entries(entries, KIND)}
    return {call_id: entry for call_id, entry in last.items() if entry.facts.get("is_test", True)}
