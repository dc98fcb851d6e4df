"""A call as Ringba tells it, put into our words: its row, its events, its pixel fires.

One reader for every origin: the API, JSON and CSV files, pasted text. An event is a mapping with the API's own names
(``ringba.md`` 3.3 and 3.4); how Ringba spells some of them is not documented, so the reader is tolerant, and what it
does not know stays unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kayzen_nb.account import event_of
from kayzen_nb.calls import FIRES_NOT_SHOWN, CallEvidence, PixelFire
from kayzen_nb.privacy import mask_url
from kayzen_nb.ringba_values import read_flag, read_micros, read_seconds, read_status, read_time
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

_PIXEL_FIRE = re.compile(r"pixel[\s_-]*fired?", re.IGNORECASE)
_URL_KEYS = ("recordingUrl", "url", "fireUrl")  # Ringba puts the fired URL into recordingUrl
_TEXT_COLUMNS = {
    "campaign": "campaignName", "campaign_id": "campaignId", "caller": "inboundPhoneNumber", "number": "number",
    "target": "targetName", "incomplete_reason": "incompleteCallReason", "no_conversion_reason": "noConversionReason",
    "no_payout_reason": "noPayoutReason",
}  # fmt: skip
_TIME_COLUMNS = {
    Event.INCOMING: "callDt", Event.CONNECTED: "callConnectionDt", Event.COMPLETED: "callCompletedDt",
}  # fmt: skip
# What an event's name tells, spelt without spaces and case: the API's names, and the labels of the Events tab.
_TELLS: Mapping[str, Event | str] = {
    "inboundcall": Event.INCOMING, "incomingcall": Event.INCOMING,
    "connectedcall": Event.CONNECTED, "connected": Event.CONNECTED,
    "completedcall": Event.COMPLETED, "completed": Event.COMPLETED,
    "convertedcall": Event.CONVERTED, "converted": Event.CONVERTED,
    "payoutcall": Event.PAYOUT, "payout": Event.PAYOUT,
    "blockedcall": "blocked", "duplicatecall": "duplicate",
    "incompletecall": "ended", "endcallsource": "ended", "endcall": "ended",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of a call an origin shows: its ``row`` (an absent flag is false), its whole ``events`` list, or less."""

    row: bool
    events: bool

    @property
    def is_whole(self) -> bool:
        """Whether what does not stand there did not happen."""
        return self.row or self.events


WHOLE = Extent(row=True, events=True)
PART = Extent(row=False, events=False)


def read_record(
    record: Mapping[str, Any],
    *,
    call_id: str = "",
    origin: str = "Ringba's API",
    read_at: datetime | None = None,
    extent: Extent = WHOLE,
    missing: Sequence[str] = (),
) -> CallEvidence:
    """A record with its events as evidence. Ringba's records are sparse: in a whole row an absent flag is false.

    An absent amount or time is not known. ``missing`` is what the origin is already known not to show.
    """
    events = read_events(record)
    fires = tuple(_read_fires(events))
    tags = _read_tags(record)
    return CallEvidence(
        call_id=call_id or str(record.get("inboundCallId") or ""),
        origin=origin,
        read_at=read_at,
        event_names=tuple(str(event.get("name", "")) for event in events),
        happened_at=_read_moments(record, events),
        fires=fires,
        tags=tags,
        missing=(*missing, *_find_gaps(record, events, fires, extent), *_find_uncompared(record, fires, extent)),
        **_read_row(record, events, tags),
        **_read_flags(record, events, fires, extent, tags),
    )


def _read_row(
    record: Mapping[str, Any], events: Sequence[Mapping[str, Any]], tags: Mapping[str, str]
) -> dict[str, Any]:
    """The columns of a call that are no flags, under the names of CallEvidence."""
    texts = {word: _text(record, column) for word, column in _TEXT_COLUMNS.items()}
    return texts | {
        "call_at": read_time(record.get("callDt")),
        "state": tags.get("InboundNumber:State") or None,
        "target": texts["target"] or _last(events, "targetName"),
        "block_reason": _read_block_reason(record, tags),
        "revenue_usd_micros": _read_amount(record, events, "conversionAmount", "convertedcall", "converted"),
        "payout_usd_micros": _read_amount(record, events, "payoutAmount", "payoutcall", "payout"),
        "connected_s": read_seconds(record.get("connectedCallLengthInSeconds")),
    }


def read_events(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A record's events, without what is no event."""
    found = record.get("events")
    return [event for event in found if isinstance(event, dict)] if isinstance(found, list | tuple) else []


def is_pixel_fire(name: object) -> bool:
    """Whether an event of this name is a pixel fire; letter case and spelling are not documented."""
    return isinstance(name, str) and bool(_PIXEL_FIRE.fullmatch(name.strip()))


def fired_url(event: Mapping[str, Any]) -> str:
    """The URL that a pixel fire requested, as it stands in the log; empty where none does."""
    return next((value for key in _URL_KEYS if isinstance(value := event.get(key), str) and value), "")


def tells(name: object) -> Event | str | None:
    """What an event of this name tells about its call: an Event, ``blocked``, ``duplicate``, ``ended``, or nothing."""
    plain = re.sub(r"[\W_]", "", str(name)).casefold()
    if "error" in plain and not is_pixel_fire(name):
        return Event.ERROR
    return _TELLS.get(plain)


def _read_fires(events: Iterable[Mapping[str, Any]]) -> Iterator[PixelFire]:
    for event in events:
        if is_pixel_fire(event.get("name")):
            yield PixelFire(
                pixel_name=str(event.get("eventName") or ""),
                fired_at=read_time(event.get("dtStamp")),
                status=read_status(event.get("httpStatusCode")),
                url=fired_url(event),
                fail_reason=str(event.get("failReason") or ""),
                trigger=str(event.get("eventCode") or ""),
            )


def _read_flags(
    record: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    fires: Sequence[PixelFire],
    extent: Extent,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    told = {tells(event.get("name")) for event in events}
    fired = {event_of(fire.trigger, fire.pixel_name) for fire in fires}

    def known(column: str, word: Event | str) -> bool | None:
        said = read_flag(record.get(column))  # the row first, then an event, then its absence, then a pixel's fire
        if said is not None or word in told:
            return True if said is None else said
        return False if extent.is_whole else (True if word in fired else None)

    completes = Event.COMPLETED in told | fired
    connected = known("hasConnected", Event.CONNECTED)
    connected = (completes or None) if connected is None else connected
    ended = _read_ended(record, told, extent)
    return {
        "ended": ended,
        "connected": connected,
        "completed": _read_completed(connected, ended, completes),
        "converted": known("hasConverted", Event.CONVERTED),
        "paid": known("hasPayout", Event.PAYOUT),
        "error": _read_error(told, fired, extent, shown="events" in record),
        "blocked": _read_blocked(record, told, fires, extent),
        "is_duplicate": _read_duplicate(record, told, tags, extent),
    }


def _read_duplicate(
    record: Mapping[str, Any], told: set[Event | str | None], tags: Mapping[str, str], extent: Extent
) -> bool | None:
    """Only a row tells that a call is no duplicate: that a duplicate has an event of its own is not documented."""
    for said in (record.get("isDuplicate"), tags.get("CallInfo:IsDuplicate")):
        if (flag := read_flag(said)) is not None:
            return flag
    return True if "duplicate" in told else (False if extent.row else None)


def _read_ended(record: Mapping[str, Any], told: set[Event | str | None], extent: Extent) -> bool | None:
    live = read_flag(record.get("isLive"))
    if live is not None:
        return not live
    seen = record.get("endCallSource") or record.get("callCompletedDt") or told & {"ended", "blocked", Event.COMPLETED}
    return True if seen or extent.row else None


def _read_completed(connected: bool | None, ended: bool | None, seen: bool) -> bool | None:
    """A call is completed when it ended after a target had answered; the guide's word, not the Summary report's."""
    if connected is False or ended is False:
        return False
    return True if seen or (connected and ended) else None


def _read_error(told: set[Event | str | None], fired: set[Event | None], extent: Extent, *, shown: bool) -> bool | None:
    if Event.ERROR in told:
        return True
    if extent.events and shown:
        return False
    return True if Event.ERROR in fired else None


def _read_blocked(
    record: Mapping[str, Any], told: set[Event | str | None], fires: Sequence[PixelFire], extent: Extent
) -> bool | None:
    """The guide: a call is blocked before any pixel fires, so one that fired a pixel was not."""
    said = read_flag(record.get("wasBlocked"))
    if said is not None or "blocked" in told:
        return True if said is None else said
    return False if extent.is_whole or fires or Event.CONNECTED in told else None


def _read_moments(record: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> dict[Event, datetime]:
    """When each event happened. The row's own times first: Ringba stamps several events alike at the call's end."""
    moments: dict[Event, datetime] = {}
    for event in events:
        what, at = tells(event.get("name")), read_time(event.get("dtStamp"))
        if isinstance(what, Event) and at:
            moments.setdefault(what, read_time(event.get(_TIME_COLUMNS.get(what, ""))) or at)
    connected = record.get("hasConnected") is not False and (record.get("hasConnected") or Event.CONNECTED in moments)
    for what, column in _TIME_COLUMNS.items():
        at = read_time(record.get(column))
        if at and (connected or what is not Event.COMPLETED):
            moments[what] = at
    return moments


def _read_tags(record: Mapping[str, Any]) -> dict[str, str]:
    """``Type:Name`` to value, from the message tags and from columns headed ``tag:Type:Name``."""
    columns = {key[4:]: str(value) for key, value in record.items() if key.startswith("tag:") and value is not None}
    found = record.get("message-tags")
    listed = [tag for tag in found if isinstance(tag, dict)] if isinstance(found, list) else []
    tags = {f"{t.get('type')}:{t.get('name')}": str(t["value"]) for t in listed if t.get("value") is not None}
    return tags | {key: value for key, value in columns.items() if value}


def _read_block_reason(record: Mapping[str, Any], tags: Mapping[str, str]) -> str | None:
    """``NoReason`` stands in Ringba's samples where there is none."""
    reason = _text(record, "blockReason") or tags.get("CallInfo:BlockedReason")
    return None if not reason or reason.casefold() == "noreason" else reason


def _read_amount(
    record: Mapping[str, Any], events: Sequence[Mapping[str, Any]], column: str, *names: str
) -> int | None:
    in_row = read_micros(record.get(column))
    if in_row is not None:
        return in_row
    own = (e for e in events if re.sub(r"[\W_]", "", str(e.get("name"))).casefold() in names)
    return next((micros for e in own if (micros := read_micros(e.get(column))) is not None), None)


def _find_gaps(
    record: Mapping[str, Any], events: Sequence[Mapping[str, Any]], fires: Sequence[PixelFire], extent: Extent
) -> Iterator[str]:
    """What a reader would need and the origin did not show, in plain words."""
    if extent.row and "events" not in record:
        yield FIRES_NOT_SHOWN
    if extent.row and read_time(record.get("callDt")) is None:
        yield "the time of the call"
    for at, fire in enumerate(fires, 1):
        name = mask_url(fire.pixel_name) or f"pixel fire {at}"
        if not fire.url:
            yield f"the fired URL of {name}"
        if fire.status is None and not fire.fail_reason:
            yield f"the status of {name}"
    strange = [e for e in events if e.get("httpStatusCode") is not None and not is_pixel_fire(e.get("name"))]
    if strange:
        yield f"{len(strange)} events with a status under a name that is not known"


def _find_uncompared(record: Mapping[str, Any], fires: Sequence[PixelFire], extent: Extent) -> Iterator[str]:
    """What a fired URL carries and a text without the call's row cannot confirm."""
    columns = {"callDt": "time", "inboundPhoneNumber": "caller", "number": "tracking number"}
    absent = [word for column, word in columns.items() if not record.get(column)]
    if fires and absent and not extent.row:
        yield f"the call's own {', '.join(absent)}: what was sent is not compared with it"


def _text(record: Mapping[str, Any], column: str) -> str | None:
    value = record.get(column)
    return str(value).strip() or None if value is not None else None


def _last(events: Sequence[Mapping[str, Any]], key: str) -> str | None:
    return next((str(event[key]) for event in reversed(events) if event.get(key)), None)
