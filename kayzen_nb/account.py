"""A Ringba account's set-up as values: its pixels, its campaigns with their rules, its tracking numbers.

None means "not known", everywhere: an account may not answer every question (``ringba.md`` 4.1: the pixel list is not
in Ringba's public API documents), and what it does not say is never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from kayzen_nb.vocabulary import Event


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

    ``attached_pixel_ids`` is None where Ringba does not list them. ``duplicate_rule`` is Ringba's ``duplicateSetting``.
    """

    id: str
    name: str
    enabled: bool | None = None
    attached_pixel_ids: tuple[str, ...] | None = None
    conversion_rules: tuple[ConversionRule, ...] = ()
    payout_rules: tuple[PayoutRule, ...] = ()
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
