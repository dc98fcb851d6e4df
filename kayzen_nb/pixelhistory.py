"""What the pixels sent, and since when: snapshots kept in the journal, told as dated changes.

A snapshot holds no key (fingerprints only) and no number, so that it may be kept and shared.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kayzen_nb.account import trigger_of
from kayzen_nb.entries import Entry, pick_entries, plain_subject
from kayzen_nb.pixelset import (
    KEY_NAME,
    is_placeholder,
    key_in,
    keys_of,
    match_pixels,
    show_address,
    show_name,
    show_value,
    take_apart,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.vocabulary import Event

KIND = "pixels_seen"
FROM_API = "Ringba's API"
_ASPECTS = {
    "fire_on": "fires on",
    "method": "uses the method",
    "address": "sends to",
    "key": "carries the key with fingerprint",
    "enabled": "is switched on",
    "attached": "is added to the campaign",
}


@dataclass(frozen=True, kw_only=True)
class PixelSeen:
    """What one pixel was like. ``attached`` and ``enabled`` are None where that was not told; ``key`` a fingerprint."""

    event: str
    fire_on: str
    method: str
    address: str
    key: str
    enabled: bool | None
    attached: bool | None
    sent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PixelsSeen:
    """The pixels for Kayzen as they were found; ``content_hash`` covers all but the keys and the parameters' order."""

    pixels: tuple[PixelSeen, ...]
    origin: str

    @property
    def content_hash(self) -> str:
        """Twelve hex digits that change when a pixel changes in anything but its key."""
        content = [{**asdict(pixel), "key": ""} for pixel in self.pixels]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def facts(self) -> dict[str, Any]:
        """The snapshot as the journal keeps it."""
        pixels = [asdict(pixel) for pixel in self.pixels]
        return {"content_hash": self.content_hash, "origin": self.origin, "pixels": pixels}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of a pixel: first seen at ``at``; ``after`` is when it was last seen otherwise (aware UTC)."""

    at: datetime
    after: datetime
    event: str
    words: str

    def __str__(self) -> str:
        return f"since {self.at:%Y-%m-%d %H:%M} UTC {self.words} (last seen otherwise {self.after:%Y-%m-%d %H:%M} UTC)"


def see_pixels(
    pixels: Iterable[Pixel], plan: Plan, *, attached_ids: Collection[str] | None = None, origin: str = FROM_API
) -> PixelsSeen:
    """The snapshot of the pixels for Kayzen among those given. Without ``attached_ids``, attachment is not known."""
    known = list(pixels)
    matched, keys = match_pixels(known, plan), keys_of(known)
    seen = tuple(_see(event, p, attached_ids, keys) for event, found in matched.items() for p in found)
    return PixelsSeen(pixels=seen, origin=origin)


def is_news(seen: PixelsSeen, entries: Iterable[Entry], campaign: str) -> bool:
    """Whether a snapshot says anything that the newest kept one of this campaign does not: then it is to be noted."""
    kept = pick_entries(entries, KIND, campaign)
    if not kept:
        return bool(seen.pixels)
    return bool(kept[-1].facts.get("pixels") != seen.facts["pixels"])


def describe_history(entries: Iterable[Entry], campaign: str | None = None) -> list[Change]:
    """The dated changes between kept snapshots, oldest first. What one of two did not tell is no change."""
    kept = sorted(pick_entries(entries, KIND, campaign), key=lambda entry: plain_subject(entry.subject))
    pairs = [(a, b) for a, b in pairwise(kept) if plain_subject(a.subject) == plain_subject(b.subject)]
    return sorted((change for old, new in pairs for change in _compare(old, new)), key=lambda change: change.at)


def last_change(entries: Iterable[Entry], campaign: str) -> datetime | None:
    """When a pixel of the campaign was last seen to have changed; None where no change was ever seen."""
    changes = describe_history(entries, campaign)
    return changes[-1].at if changes else None


def _see(event: Event, pixel: Pixel, attached_ids: Collection[str] | None, keys: Sequence[Secret]) -> PixelSeen:
    sent, key = take_apart(pixel.url), key_in(pixel.url)
    pairs = {show_name(n, keys): show_value(n, v, keys) for n, v in sent.pairs if n != KEY_NAME}
    return PixelSeen(
        event=event.value,
        fire_on=_trigger(pixel.fire_on, keys),
        method=show_value("method", pixel.method.strip().upper(), keys),
        address=show_address(sent.address, keys),
        key="none" if key is None else "placeholder" if is_placeholder(key) else key.fingerprint,
        enabled=pixel.enabled,
        attached=None if attached_ids is None or not pixel.id else pixel.id in attached_ids,
        sent=dict(sorted(pairs.items())),
    )


def _trigger(fire_on: str, keys: Sequence[Secret]) -> str:
    """The trigger by its event, so that a pasted label and Ringba's code for it are the same; else its letters."""
    named = trigger_of(fire_on)
    return named.value if named else show_value("fire_on", re.sub(r"[^A-Za-z]+", "_", fire_on)[:24], keys)


def _compare(old: Entry, new: Entry) -> Iterator[Change]:
    before, after = _by_event(old), _by_event(new)
    for event in [*before, *(event for event in after if event not in before)]:
        if event in before and event in after:
            words = [f"the {event} pixel {change}" for change in _changes(before[event], after[event])]
        elif event in before:
            words = [f"there is no {event} pixel any more"] if _is_whole(new) else []
        else:
            words = [f"there is a {event} pixel"] if _is_whole(old) else []
        yield from (Change(at=new.at, after=old.at, event=event.partition(" ")[0], words=text) for text in words)


def _is_whole(entry: Entry) -> bool:
    """Whether a snapshot shows what is not there: a pasted list may simply be short."""
    return entry.facts.get("origin") == FROM_API


def _by_event(entry: Entry) -> dict[str, Mapping[str, Any]]:
    """A snapshot's pixels by event; of several for one event, the second is *incoming (2)*. Odd facts are left out."""
    pixels = entry.facts.get("pixels")
    found: dict[str, Mapping[str, Any]] = {}
    for pixel in pixels if isinstance(pixels, list) else ():
        if isinstance(pixel, dict) and isinstance(pixel.get("sent"), dict):
            event = str(pixel.get("event"))
            count = sum(name.partition(" ")[0] == event for name in found)
            found[f"{event} ({count + 1})" if count else event] = pixel
    return found


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for aspect, words in _ASPECTS.items():
        was, now = old.get(aspect), new.get(aspect)
        if was != now and was not in (None, "", "empty") and now not in (None, "", "empty"):
            yield f"{words} {now} (was {was})" if isinstance(now, str) else words if now else _turned(words)
    for name in sorted({*old["sent"], *new["sent"]}):
        was, now = old["sent"].get(name), new["sent"].get(name)
        if was != now:
            yield _changed_value(name, was, now)


def _changed_value(name: str, was: object, now: object) -> str:
    if now is None:
        return f"sends no {name} any more (was {was})"
    return f"sends {name}={now} ({f'was {was}' if was is not None else 'sent none before'})"


def _turned(words: str) -> str:
    return words.replace("is ", "is not ", 1)
