"""An export of the events that Kayzen received: which app_event of which call, from a CSV.

What Kayzen's exports look like is not published (``kayzen.md`` 3.4): columns are found by their likely titles, and a
file without them is refused.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from kayzen_nb.errors import EvidenceError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

_CALL = ("call_id", "callid", "call id", "inbound call id", "inboundcallid")
_EVENT = ("app_event", "appevent", "app event", "event_name", "event name", "event")


def read_kayzen_export(text: str, call_id: str, *, name: str) -> tuple[str, ...]:
    """The app_events that the export holds for a call, each once, in its order. Raises EvidenceError."""
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=_delimiter(text)))
    header = [title.strip().casefold() for title in rows[0]] if rows else []
    call_at, event_at = _find(header, _CALL), _find(header, _EVENT)
    if call_at is None or event_at is None:
        raise EvidenceError(
            Problem(
                what="This is no export of events by call: a column for the call id or for the event is missing.",
                where=f"{name}, first line: {', '.join(rows[0])[:200] if rows else 'empty'}",
                next_step="It needs columns named call_id and app_event. Ask Kayzen for the events of this call id.",
            )
        )
    told = [
        row[event_at].strip()
        for row in rows[1:]
        if len(row) > max(call_at, event_at) and row[call_at].strip() == call_id
    ]
    return tuple(dict.fromkeys(event for event in told if event))


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _find(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)
