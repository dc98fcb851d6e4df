"""A Ringba account's set-up as values: its pixels, its campaigns with their rules, its tracking numbers.

None means "not known", everywhere: an account may not answer every question (``ringba.md`` 4.1: the pixel list is not
in Ringba's public API documents), and what it does not say is never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Pixel:
    """One pixel as it stands in Ringba, or would: the name, the trigger, the method and the full URL, key included.

    ``event`` is None where ``fire_on`` names none of the guide's six triggers. ``id`` is Ringba's, where it was read.
    """

    name: str
    event: Event | None
    fire_on: str
    method: str
    url: str = field(repr=False)
    id: str = ""
    enabled: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ConversionRule:
    """When a call routed to one target converts, and what it earns (``ringba.md`` 4.3).

    ``kind`` is Ringba's ``conversionType``: dialed, connectedCall, postBack, callLength; empty where none is set.
    """

    target: str
    kind: str
    revenue_usd_micros: int | None = None
    after_s: int | None = None
    timer_starts: str = ""
    repeat_within_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class PayoutRule:
    """When and what the publisher is paid. ``kind`` is Ringba's ``payoutConversionType``."""

    kind: str
    payout_usd_micros: int | None = None
    is_revenue_share: bool = False
    repeat_within_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class TrackingNumber:
    """A number people dial. ``number`` is full, in memory only; ``campaign_id`` is empty where it is not assigned."""

    number: str = field(repr=False)
    campaign_id: str
    enabled: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One Ringba campaign with the settings that decide which calls fire which pixels.

    ``attached_pixel_ids`` is None where Ringba does not list them; ``attached_pixels`` holds those that its answer
    shows whole. The rules are None where they are not told, empty where there are none. ``numbers`` are those that the
    campaign itself lists, full, in memory only. ``duplicate_rule`` is Ringba's ``duplicateSetting``.
    """

    id: str
    name: str
    enabled: bool | None = None
    attached_pixel_ids: tuple[str, ...] | None = None
    attached_pixels: tuple[Pixel, ...] = ()
    conversion_rules: tuple[ConversionRule, ...] | None = None
    payout_rules: tuple[PayoutRule, ...] | None = None
    numbers: tuple[str, ...] | None = field(default=None, repr=False)
    duplicate_rule: str = ""
    blocks_repeats_within_s: int | None = None
    takes_anonymous_callers: bool | None = None


@dataclass(frozen=True, kw_only=True)
class AccountSetup:
    """What an account tells about its set-up. ``unanswered`` holds one sentence for each question it refused."""

    campaigns: tuple[Campaign, ...] | None
    numbers: tuple[TrackingNumber, ...] | None
    pixels: tuple[Pixel, ...] | None
    read_at: datetime
    unanswered: tuple[str, ...] = ()

    def campaign(self, name: str) -> Campaign | None:
        """The campaign of that name or id, whatever the case of the name; None where there is none, or no answer."""
        wanted = name.strip().casefold()
        known = self.campaigns or ()
        return next((c for c in known if name.strip() == c.id or c.name.strip().casefold() == wanted), None)


_EVENT_WORDS = {event.value: event for event in Event} | {
    "answered": Event.CONNECTED,
    "connect": Event.CONNECTED,
    "complete": Event.COMPLETED,
    "conversion": Event.CONVERTED,
    "convert": Event.CONVERTED,
}
# Triggers that Ringba offers beside the guide's six (help centre, "Pixels"), and words that turn a meaning round.
_OTHER_TRIGGERS = frozenset({"finalized", "finalised", "recording", "not", "no", "non", "un"})


def trigger_of(fire_on: str) -> Event | None:
    """The event that Fire Pixel On, or Ringba's code for it, clearly names; None where it names none, or several.

    The values of Ringba's ``eventCode`` are not documented, so words are looked for in it: ``OnCallConnected`` names
    *connected*.
    """
    words = _words(fire_on)
    named = {_EVENT_WORDS[word] for word in words if word in _EVENT_WORDS}
    return named.pop() if len(named) == 1 and not words & _OTHER_TRIGGERS else None


def names_another_trigger(fire_on: str) -> bool:
    """Whether Fire Pixel On names one of Ringba's triggers that the guide does not use, such as *Finalized*."""
    return trigger_of(fire_on) is None and bool(_words(fire_on) & _OTHER_TRIGGERS)


def event_of(fire_on: str, name: str = "") -> Event | None:
    """The event that a pixel fires on: from Fire Pixel On or, where that says nothing clear, from the pixel's name."""
    if names_another_trigger(fire_on):
        return None
    return trigger_of(fire_on) or trigger_of(name)


def _words(text: str) -> set[str]:
    """The words of a text, also those of a code such as ``OnCallConnected`` or ``CALL_CONNECTED``."""
    return {word.casefold() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)}
