"""An account's set-up in the shapes of Ringba's API: campaigns with their rules, tracking numbers, pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kayzen_nb import tokens
from kayzen_nb.sandbox.callfacts import target_id
from kayzen_nb.sandbox.invented import CAMPAIGNS, Campaign
from kayzen_nb.sandbox.scenarios import CampaignRules
from kayzen_nb.sandbox.shaping import shape_campaign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.account import Pixel
    from kayzen_nb.sandbox.placedpixels import PlacedPixel

_MORE_NUMBERS = ("+18885550155", "+18885550156", "+18885550157", "+18885550158")
_USUAL = CampaignRules()


@dataclass(frozen=True, kw_only=True)
class RuledCampaign:
    """A campaign with its rules and the tracking numbers that belong to it."""

    campaign: Campaign
    rules: CampaignRules
    numbers: tuple[str, ...]


def ruled_campaigns(campaign_id: str, rules: CampaignRules) -> list[RuledCampaign]:
    """All invented campaigns: one under the scenario's rules, the others as usual.

    A shared number is the next campaign's only number too.
    """
    at = next(n for n, campaign in enumerate(CAMPAIGNS) if campaign.id == campaign_id)
    found = [RuledCampaign(campaign=c, rules=_USUAL, numbers=(c.number,)) for c in CAMPAIGNS]
    own = (CAMPAIGNS[at].number, *_MORE_NUMBERS)[: rules.numbers]
    found[at] = RuledCampaign(campaign=shape_campaign(CAMPAIGNS[at], rules), rules=rules, numbers=own)
    if rules.number_shared:
        other = (at + 1) % len(CAMPAIGNS)
        found[other] = RuledCampaign(campaign=CAMPAIGNS[other], rules=_USUAL, numbers=(CAMPAIGNS[at].number,))
    return found


def campaign_of(ruled: RuledCampaign) -> dict[str, Any]:
    """A campaign as ``/campaigns`` lists it, with the settings that decide conversions and payouts."""
    campaign, rules = ruled.campaign, ruled.rules
    settings: dict[str, Any] = {
        "id": campaign.id,
        "name": campaign.name,
        "enabled": rules.enabled,
        "countryCode": "US",
        "defaultPayouts": list(_payouts(campaign, rules)),
        "routes": [_route(target, campaign, rules) for target in campaign.targets],
        "affiliateNumbers": [_affiliate_number(number, campaign) for number in ruled.numbers],
        "spamDetection": {
            "blockDuplicatesForSeconds": rules.block_repeats_s,
            "trackAnonymous": rules.takes_anonymous,
        },
    }
    return settings | ({"duplicateSettings": {"duplicateSetting": rules.duplicates}} if rules.duplicates else {})


def attached(pixels: tuple[PlacedPixel, ...]) -> list[dict[str, Any]]:
    """A campaign's pixels. The 2019 model has ``eventCallBacks``; what its members hold today is our choice."""
    return [{"id": one.pixel.id, "name": one.pixel.name} for one in pixels if one.fault.attached]


def number_of(number: str, campaign: Campaign) -> dict[str, Any]:
    """A tracking number as ``/numbers`` lists it."""
    return {
        "id": "PV" + number.lstrip("+"),
        "phoneNumber": number,
        "displayNumber": number,
        "campaignId": campaign.id,
        "isTollFree": True,
        "enabled": True,
        "affiliate": {"id": campaign.publisher_id, "name": campaign.publisher},
        "allocationDT": "2026-01-05T16:00:00",
        "deAllocationDT": "0001-01-01T00:00:00",
    }


def pixel_of(pixel: Pixel) -> dict[str, Any]:
    """A pixel in the fields of the 2019 model.

    The values of ``eventCode`` are not documented: the words of Ringba's form are our choice.
    """
    return {
        "id": pixel.id,
        "name": pixel.name,
        "pixelUrl": pixel.url,
        "eventCode": pixel.fire_on,
        "method": pixel.method,
        "contentType": "application/json",
        "headers": {},
        "criteria": [],
        "enabled": pixel.enabled,
        "version": 1,
    }


def macros() -> list[dict[str, str]]:
    """The token list. That the real endpoint exists is known from 2019, its shape is not: our choice."""
    return [{"name": token, "description": meaning} for token, meaning in tokens.KNOWN.items()]


def _payouts(campaign: Campaign, rules: CampaignRules) -> Iterator[dict[str, Any]]:
    if rules.payout_type != "none":
        amount = {} if campaign.payout is None else {"payoutAmount": campaign.payout}
        yield {"payoutConversionType": rules.payout_type, "isRevShare": False, "caps": -1} | amount


def _route(target: str, campaign: Campaign, rules: CampaignRules) -> dict[str, Any]:
    conversions = [] if rules.conversion == "none" else [_conversion(campaign, rules)]
    return {"callTarget": {"id": target_id(target), "name": target}, "conversionSettings": conversions}


def _conversion(campaign: Campaign, rules: CampaignRules) -> dict[str, Any]:
    rule: dict[str, Any] = {"conversionType": rules.conversion}
    if rules.conversion == "callLength":
        rule["conversionArgs"] = {"startTimerEvent": "OnConnectedCall", "callLengthInSeconds": rules.after_s}
    return rule if campaign.revenue is None else rule | {"conversionValue": campaign.revenue}


def _affiliate_number(number: str, campaign: Campaign) -> dict[str, Any]:
    publisher = {"id": campaign.publisher_id, "name": campaign.publisher}
    return {
        "id": "PV" + number.lstrip("+"),
        "phoneNumber": number,
        "displayNumber": number,
        "isTollFree": True,
        "campaignId": campaign.id,
        "affiliate": publisher,
    }
