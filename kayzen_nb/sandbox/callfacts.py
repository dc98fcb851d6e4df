"""What Ringba knows of an invented call at a moment: when its events happened, and its message tags."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from kayzen_nb.sandbox.invented import InventedCall

ACCOUNT_ZONE = ("Eastern Standard Time", ZoneInfo("America/New_York"))
_REGIONS = {
    "CA": "California", "TX": "Texas", "NY": "New York", "FL": "Florida", "CO": "Colorado", "IL": "Illinois",
    "OH": "Ohio", "AZ": "Arizona", "GA": "Georgia", "WA": "Washington",
}  # fmt: skip


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


# Fire Pixel On, as the guide writes it. Finalized and Recording are Ringba's other two triggers (ringba.md 4.2).
_FIRES_ON = {
    "Incoming": Event.INCOMING,
    "Connected (Answered)": Event.CONNECTED,
    "Completed": Event.COMPLETED,
    "Converted": Event.CONVERTED,
    "Payout": Event.PAYOUT,
    "Error": Event.ERROR,
}


def event_of_trigger(fire_on: str) -> Event | None:
    """The guide's event that a trigger stands for; None for Ringba's other two."""
    return _FIRES_ON.get(fire_on)


def triggered(call: InventedCall, fire_on: str, now: datetime) -> datetime | None:
    """When a trigger fires for the call; None when it has not."""
    if event := _FIRES_ON.get(fire_on):
        return happened(call, now).get(event)
    if call.block_reason or call.ended_at > now:
        return None
    if fire_on == "Recording":  # "some seconds after": five is our choice
        return call.ended_at + timedelta(seconds=5) if call.connected_at else None
    return call.ended_at


def call_tags(call: InventedCall, now: datetime) -> dict[tuple[str, str], str]:
    """The call's message tags by type and name, those that have a value (``ringba.md`` 3.2)."""
    tags = _caller_tags(call) | _time_tags(call) | _length_tags(call, now)
    campaign = call.campaign
    tags |= {
        ("DialedNumber", "Number"): campaign.number,
        ("Campaign", "Name"): campaign.name,
        ("Campaign", "Id"): campaign.id,
        ("Publisher", "Company"): campaign.publisher,
        ("Publisher", "Name"): campaign.publisher,
        ("Publisher", "Id"): campaign.publisher_id if campaign.publisher else "",
        ("CallInfo", "IsDuplicate"): str(call.is_duplicate).lower(),
        ("CallInfo", "BlockedReason"): call.block_reason,
    }
    if call.connected_at and call.connected_at <= now:
        tags |= {("Target", "Name"): call.target, ("Target", "Id"): target_id(call.target)}
    return {tag: value for tag, value in tags.items() if value}


def target_id(target: str) -> str:
    """An id of Ringba's shape for an invented target."""
    return "TA" + target.encode().hex().zfill(32)[-32:]


def _caller_tags(call: InventedCall) -> dict[tuple[str, str], str]:
    """The parts of the caller's number. What an anonymous or foreign one gives is not documented: our choice."""
    digits = call.caller.lstrip("+")
    is_number, is_american = digits.isdigit(), digits.isdigit() and len(digits) == 11 and digits[0] == "1"
    parts = {
        "Number": call.caller,
        "Number-NoPlus": digits,
        "NumberE164": call.caller if is_number else "",
        "IsPhoneNumberValid": str(is_number).lower(),
        "CountryCode": "US" if is_american else "",
        "CountryDigits": "1" if is_american else "",
        "AreaCode": digits[1:4] if is_american else "",
        "Prefix": digits[4:7] if is_american else "",
        "Suffix": digits[7:] if is_american else "",
        "State": call.state,
        "Region": _REGIONS.get(call.state, ""),
    }
    return {("InboundNumber", name): value for name, value in parts.items()}


def _time_tags(call: InventedCall) -> dict[tuple[str, str], str]:
    zone_name, zone = ACCOUNT_ZONE
    local = call.at.astimezone(zone)
    offset = local.utcoffset() or timedelta()
    tags = {("Date", "TimeZone"): zone_name, ("Time", "UTCOffset"): f"{offset.total_seconds() / 3600:g}"}
    for prefix, at in (("UTC", call.at), ("", local)):
        tags |= {("Time", prefix + name): str(getattr(at, name.lower())) for name in ("Hour", "Minute", "Second")}
        tags |= {("Date", prefix + name): str(getattr(at, name.lower())) for name in ("Day", "Month", "Year")}
        tags[("Date", f"{prefix}WeekDay")] = f"{at:%A}"
    return tags


def _length_tags(call: InventedCall, now: datetime) -> dict[tuple[str, str], str]:
    if call.ended_at > now:
        return {}
    since = {"Total": call.at, "FromConnect": call.connected_at, "FromDial": call.connected_at}
    return {("CallLength", name): str(int((call.ended_at - at).total_seconds())) for name, at in since.items() if at}
