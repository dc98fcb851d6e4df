"""Invented calls in the shapes of Ringba's API: sparse records, events with pixel fires, message tags.

What the reference marks unknown (names of some events, codes of triggers) is the sandbox's own choice here, and says
so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kayzen_nb.sandbox.callfacts import call_tags, target_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.sandbox.invented import InventedCall


def record_of(call: InventedCall, now: datetime) -> dict[str, Any]:
    """A call-log record as of ``now``. A key without a value is absent, as in Ringba's answers."""
    known: dict[str, Any] = {
        "campaignName": call.campaign.name,
        "campaignId": call.campaign.id,
        "publisherName": call.campaign.publisher or None,
        "publisherId": call.campaign.publisher_id if call.campaign.publisher else None,
        "inboundCallId": call.call_id,
        "callDt": _ms(call.at),
        "inboundPhoneNumber": call.caller or None,
        "number": call.campaign.number,
        "numberId": "PV" + call.campaign.number.lstrip("+"),
        "isFromNumberPool": False,
        "isLive": now < call.ended_at,
        "isDuplicate": call.is_duplicate or None,
        "wasBlocked": bool(call.block_reason) or None,
        "blockReason": call.block_reason or None,
        "isIncomplete": bool(call.incomplete_reason) or None,
        "incompleteCallReason": call.incomplete_reason or None,
        "noConversionReason": call.no_conversion_reason or None,
        "noPayoutReason": call.no_payout_reason or None,
        "tag:InboundNumber:State": call.state or None,
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
            "targetId": target_id(call.target),
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
        if call.adjusted_revenue is not None:
            facts |= {"conversionAmount": call.adjusted_revenue, "wasConversionAdjusted": True}
    if call.paid_at and call.paid_at <= now:
        facts |= {"hasPayout": True, "payoutAmount": call.campaign.payout}
        if call.adjusted_payout is not None:
            facts |= {"payoutAmount": call.adjusted_payout, "wasPayoutAdjusted": True}
    return facts


def events_of(call: InventedCall, now: datetime, fires: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A call's events as the detail endpoint lists them, in order of time."""
    events = [*_own_events(call), *fires]
    return sorted((e for e in events if e["dtStamp"] <= stamp(now)), key=lambda event: str(event["dtStamp"]))


def stamp(at: datetime) -> str:
    """An event's time as Ringba writes it: ISO, UTC, seven decimals."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}0Z"


def tags_of(call: InventedCall, now: datetime) -> list[dict[str, str]]:
    """The message tags as the detail endpoint lists them."""
    tags = call_tags(call, now)
    return [{"type": kind, "name": name, "value": value, "source": "Call"} for (kind, name), value in tags.items()]


def _own_events(call: InventedCall) -> Iterator[dict[str, Any]]:
    """Ringba's own events beside the pixel fires; the raw names of Error, busy and no answer are not documented."""
    target = {"targetName": call.target}
    if not (call.block_reason or call.incomplete_reason):
        yield {"name": "TargetDialed", "dtStamp": stamp(call.at + timedelta(milliseconds=400))} | target
    if name := _failure(call):
        yield {"name": name, "dtStamp": stamp(call.ended_at)}
    if call.connected_at:
        connected = {"callConnectionDt": _ms(call.connected_at)}
        yield {"name": "ConnectedCall", "dtStamp": stamp(call.connected_at)} | target | connected
        ended = {"callLengthInSeconds": _seconds(call.connected_at, call.ended_at)}
        yield {"name": "CompletedCall", "dtStamp": stamp(call.ended_at), "callCompletedDt": _ms(call.ended_at)} | ended
    yield from _money_events(call)
    yield {"name": "EndCallSource", "dtStamp": stamp(call.ended_at), "source": call.ended_by}


def _failure(call: InventedCall) -> str:
    """The name of the event that says why nobody answered; the labels of Ringba's web page serve as names."""
    if call.connected_at or call.incomplete_reason:
        return ""
    if call.block_reason:
        return "BlockedCall"
    if call.routing_error:
        return "Error"
    return "BusyCall" if call.is_busy else "NoAnswer"


def _money_events(call: InventedCall) -> Iterator[dict[str, Any]]:
    if call.converted_at:
        yield _with_amount("ConvertedCall", call.converted_at, "conversionAmount", call.campaign.revenue)
    if call.paid_at:
        yield _with_amount("PayoutCall", call.paid_at, "payoutAmount", call.campaign.payout)


def _with_amount(name: str, at: datetime, field: str, amount: float | None) -> dict[str, Any]:
    return {"name": name, "dtStamp": stamp(at)} | ({} if amount is None else {field: amount})


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _seconds(start: datetime, end: datetime) -> int:
    return int((end - start).total_seconds())
