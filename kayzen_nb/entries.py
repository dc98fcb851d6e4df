"""What was noted, by whom and when: one entry of the journal as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that was noted at ``at`` (aware UTC): its kind, its subject (a campaign), by whom, and the facts."""

    at: datetime
    kind: str
    subject: str
    by: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def pick_entries(entries: Iterable[Entry], kind: str, subject: str | None = None) -> list[Entry]:
    """The entries of one kind, and of one subject where one is named, oldest first; case does not count."""
    named = None if subject is None else plain_subject(subject)
    found = [e for e in entries if e.kind == kind and (named is None or plain_subject(e.subject) == named)]
    return sorted(found, key=lambda entry: entry.at)


def plain_subject(subject: str) -> str:
    """A subject as it is compared: without outer space, whatever the case."""
    return " ".join(subject.split()).casefold()
