"""Invented calls in the shapes of Ringba's API: sparse records, events with pixel fires, message tags.

What the reference marks unknown (encoding of values, format of the call time, names of some events) is the sandbox's
own choice here, and says so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from kayzen_nb.sandbox.invented import CONVERTS_AFTER_S
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.account import Pixel
    from kayzen_nb.sandbox.invented import InventedCall


def record_of(call: InventedCall, now: datetime) -> dict[str, Any]:
    """A call-log record as of ``now``. A key without a value is absent, as in Ringba's answers."""
    known: dict[str, Any] = {
        "campaignName": call.campaign.name,
        "campaignId": call.campaign.id,
        "publisherName": call.campaign.publisher,
        "publisherId": call.campaign.publisher_id,
        "inboundCallId": call.call_id,
        "callDt": _ms(call.at),
        "inboundPhoneNumber": call.caller,
        "number": call.campaign.number,
        "numberId": "PV" + call.campaign.number.lstrip("+"),
        "isFromNumberPool": False,
        "isLive": now < call.ended_at,
        "isDuplicate": call.is_duplicate or None,
        "wasBlocked": bool(call.block_reason) or None,
        "blockReason": call.block_reason or None,
        "isIncomplete": bool(call.incomplete_reason) or None,
        "incompleteCallReason": call.incomplete_reason or None,
        "tag:InboundNumber:State": call.state,
    }
    known |= _connection(call, now) | _money(call, now)
    return {key: value for key, value in known.items() if value is not None}


def _connection(call: InventedCall, now: datetime) -> dict[str, Any]:
    ended = call.ended_at <= now
    facts: dict[str, Any] = {
        "endCallSource": call.ended_by if ended else None,
        "callLengthInSeconds": _seconds(call.at, call.ended_at) if ended else None,
    }
    if call.connected_at and call.connected_at <= now:
        connected_s = _seconds(call.connected_at, call.ended_at)
        waited_s = _seconds(call.at, call.connected_at)
        facts |= {
            "hasConnected": True,
            "targetName": call.target,
            "targetId": "TA" + call.target.encode().hex().zfill(32)[-32:],
            "callConnectionDt": _ms(call.connected_at),
            "timeToConnectInSeconds": waited_s,
            "connectedCallLengthInSeconds": connected_s if ended else None,
            "callCompletedDt": _ms(call.ended_at) if ended else None,
            # On real exports a connected call's duration is the sum of the two.
            "callLengthInSeconds": connected_s + waited_s if ended else None,
        }
    return facts


def _money(call: InventedCall, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if call.converted_at and call.converted_at <= now:
        facts |= {"hasConverted": True, "conversionAmount": call.campaign.revenue}
    if call.paid_at and call.paid_at <= now:
        facts |= {"hasPayout": True, "payoutAmount": call.campaign.payout}
    return facts


def happened(call: InventedCall, now: datetime) -> dict[Event, datetime]:
    """When each event of the call happened, of those that fire a pixel and have happened. A blocked call has none."""
    times = {
        Event.INCOMING: call.at,
        Event.CONNECTED: call.connected_at,
        Event.CONVERTED: call.converted_at,
        Event.COMPLETED: call.ended_at if call.connected_at else None,
        Event.PAYOUT: call.paid_at,
        Event.ERROR: call.ended_at if call.routing_error else None,
    }
    if call.block_reason:
        return {}
    return {event: at for event, at in times.items() if at and at <= now}


def fill(pixel: Pixel, call: InventedCall) -> str:
    """The pixel's URL with its tokens filled. An unknown token becomes empty, as several public notes report.

    Lower-case percent codes and + for a space are the habit of Ringba's exports; the call time's format is not
    documented, this one was seen in a public client.
    """
    values = {
        "[Call:CallerNumber]": call.caller,
        "[tag:InboundNumber:Number]": call.caller,
        "[Call:NumberDialed]": call.campaign.number,
        "[Call:InboundCallId]": call.call_id,
        "[Call:CallDateTime]": _us_time(call.at),
        "[Call:IsDuplicate]": str(call.is_duplicate).lower(),
        "[tag:CallInfo:IsDuplicate]": str(call.is_duplicate).lower(),
        "[tag:InboundNumber:State]": call.state,
        "[Call:ConversionAmount]": f"{call.campaign.revenue:.2f}" if call.converted_at else "",
        "[Call:ConversionPayout]": f"{call.campaign.payout:.2f}" if call.paid_at else "",
    }
    pieces = pixel.url.split("[")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        token, _, rest = piece.partition("]")
        filled.append(_encode(values.get(f"[{token}]", "")) + rest)
    return "".join(filled)


def events_of(call: InventedCall, now: datetime, fires: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A call's events as the detail endpoint lists them, in order of time."""
    events = [*_own_events(call), *fires]
    return sorted((e for e in events if e["dtStamp"] <= stamp(now)), key=lambda event: str(event["dtStamp"]))


def stamp(at: datetime) -> str:
    """An event's time as Ringba writes it: ISO, UTC, seven decimals."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}0Z"


def tags_of(call: InventedCall) -> list[dict[str, str]]:
    """The message tags that the toolkit reads."""
    pairs = [
        ("InboundNumber", "Number", call.caller),
        ("InboundNumber", "State", call.state),
        ("DialedNumber", "Number", call.campaign.number),
        ("Campaign", "Name", call.campaign.name),
        ("CallInfo", "IsDuplicate", str(call.is_duplicate).lower()),
    ]
    return [{"type": kind, "name": name, "value": value, "source": "Call"} for kind, name, value in pairs]


def _own_events(call: InventedCall) -> Iterator[dict[str, Any]]:
    """Ringba's own events beside the pixel fires; the raw name of an error is not documented."""
    if call.routing_error:
        yield {"name": "Error", "dtStamp": stamp(call.ended_at)}
    if call.connected_at:
        target = {"targetName": call.target}
        yield {"name": "TargetDialed", "dtStamp": stamp(call.at + timedelta(milliseconds=400))} | target
        yield {"name": "ConnectedCall", "dtStamp": stamp(call.connected_at)} | target
        length = _seconds(call.connected_at, call.ended_at)
        yield {"name": "CompletedCall", "dtStamp": stamp(call.ended_at), "callLengthInSeconds": length}
    if call.converted_at:
        amount = {"conversionAmount": call.campaign.revenue}
        yield {"name": "ConvertedCall", "dtStamp": stamp(call.converted_at)} | amount
    if call.paid_at:
        yield {"name": "PayoutCall", "dtStamp": stamp(call.paid_at), "payoutAmount": call.campaign.payout}
    yield {"name": "EndCallSource", "dtStamp": stamp(call.ended_at), "source": call.ended_by}


def campaign_of(call_campaign: Any) -> dict[str, Any]:
    """A campaign as ``/campaigns`` lists it, with the settings that decide conversions and payouts."""
    return {
        "id": call_campaign.id,
        "name": call_campaign.name,
        "enabled": True,
        "countryCode": "US",
        "defaultPayouts": [{"payoutAmount": call_campaign.payout, "payoutConversionType": "convertedCall"}],
        "routes": [
            {
                "callTarget": {"name": target},
                "conversionSettings": [
                    {
                        "conversionType": "callLength",
                        "conversionArgs": {
                            "startTimerEvent": "OnConnectedCall",
                            "callLengthInSeconds": CONVERTS_AFTER_S,
                        },
                        "conversionValue": call_campaign.revenue,
                    }
                ],
            }
            for target in call_campaign.targets
        ],
        "affiliateNumbers": [{"phoneNumber": call_campaign.number, "campaignId": call_campaign.id}],
        "spamDetection": {"blockDuplicatesForSeconds": 2, "trackAnonymous": True},
    }


def number_of(call_campaign: Any) -> dict[str, Any]:
    """A tracking number as ``/numbers`` lists it."""
    return {
        "id": "PV" + call_campaign.number.lstrip("+"),
        "phoneNumber": call_campaign.number,
        "displayNumber": call_campaign.number,
        "campaignId": call_campaign.id,
        "isTollFree": True,
        "enabled": True,
        "affiliate": {"id": call_campaign.publisher_id, "name": call_campaign.publisher},
        "deAllocationDT": "0001-01-01T00:00:00",
    }


def _encode(value: str) -> str:
    encoded = quote_plus(value)
    return "".join(part if n == 0 else "%" + part[:2].lower() + part[2:] for n, part in enumerate(encoded.split("%")))


def _us_time(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
