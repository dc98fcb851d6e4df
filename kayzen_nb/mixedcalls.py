"""Events of one call or of several, told apart by the call id that the fired URLs carry."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from kayzen_nb.calls import FIRES_NOT_SHOWN
from kayzen_nb.ringba_events import PART, Extent, fired_url, is_pixel_fire, tells
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CALL_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_+/=.:-]{4,100}")
_MOST_PARAMETERS = 200
_ID_FROM_URL = "id from a fired URL"  # no name of Ringba's: it marks a record of our own


@dataclass(frozen=True, kw_only=True)
class CallPart:
    """One call's part of a text, still with the API's names."""

    record: Mapping[str, Any]
    origin: str
    extent: Extent = PART
    missing: tuple[str, ...] = ()

    @property
    def states_its_id(self) -> bool:
        """Whether the call's id stands there itself, and is not only told by fired URLs."""
        return bool(self.record.get("inboundCallId")) and not self.record.get(_ID_FROM_URL)


def split_calls(
    events: Sequence[Mapping[str, Any]], record: Mapping[str, Any], origin: str, rest: tuple[str, ...]
) -> list[CallPart]:
    """One part for each call. Two ids are two calls only when the same pixel fired under both.

    Otherwise the id is simply wrong in one pixel, which is a finding about the call and not another call.
    """
    own = str(record.get("inboundCallId") or "")
    groups = _group_by_id(events, own)
    main = (
        own if own in groups else next(iter(Counter({i: len(f) for i, f in groups.items()}).most_common(1)), ("",))[0]
    )
    others = [i for i, fires in groups.items() if i != main and _names(fires) & _names(groups[main])]
    if not others:
        whole = not rest and is_whole_list(events)
        known = {**record, "inboundCallId": own or main, _ID_FROM_URL: not own, "events": list(events)}
        gap = () if whole else (*_find_unshown(events), *rest)
        return [CallPart(record=known, origin=origin, extent=Extent(row=False, events=whole), missing=gap)]
    return _deal_out(events, record, origin, rest, [i for i in groups if i == main or i in others])


def _deal_out(
    events: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any],
    origin: str,
    rest: tuple[str, ...],
    ids: list[str],
) -> list[CallPart]:
    """Each event to the call of its own URL, or of the nearest fire; what stands between two calls to neither."""
    homes = [_url_id(event) if _url_id(event) in ids else "" for event in events]
    for at, event in enumerate(events):
        if not is_pixel_fire(event.get("name")):
            homes[at] = _nearest_home(
                at, [(n, h) for n, h in enumerate(homes) if h and is_pixel_fire(events[n].get("name"))]
            )
    mixed = (f"the text mixes {len(ids)} calls, so events without a URL may belong to another one",)
    return [
        CallPart(
            record=(dict(record) if record.get("inboundCallId") == call_id else {})
            | {
                "inboundCallId": call_id,
                "events": [e for e, home in zip(events, homes, strict=True) if home == call_id],
            },
            origin=origin,
            missing=(*mixed, *rest),
        )
        for call_id in ids
    ]


def _nearest_home(at: int, fires: list[tuple[int, str]]) -> str:
    nearest = min((abs(n - at) for n, _ in fires), default=0)
    homes = {home for n, home in fires if abs(n - at) == nearest}
    return homes.pop() if len(homes) == 1 else ""


def _group_by_id(events: Iterable[Mapping[str, Any]], own: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {own: []} if own else {}
    for event in events:
        if is_pixel_fire(event.get("name")) and (call_id := _url_id(event)):
            groups.setdefault(call_id, []).append(event)
    return groups or {"": []}


def _url_id(event: Mapping[str, Any]) -> str:
    """The call id that a fired URL tells; empty where it tells none that could be one."""
    query = fired_url(event).partition("?")[2]
    pairs = parse_qsl(query) if query.count("&") < _MOST_PARAMETERS else []
    value = next((value for name, value in pairs if name.casefold() == "call_id"), "")
    return value if CALL_ID.fullmatch(value) else ""


def _names(fires: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(fire.get("eventName") or fired_url(fire).partition("?")[2][:60]).strip().casefold() for fire in fires}


def is_whole_list(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list shows a call from its beginning to its end, so that what is not in it did not happen."""
    return _ends(events) and _begins(events)


def _ends(events: Sequence[Mapping[str, Any]]) -> bool:
    return any(tells(event.get("name")) in ("ended", "blocked") for event in events)


def _begins(events: Sequence[Mapping[str, Any]]) -> bool:
    told = {tells(event.get("name")) for event in events}
    dialled = any(str(event.get("name", "")).replace(" ", "").casefold() == "targetdialed" for event in events)
    first = any("incoming" in f"{e.get('eventName')} {e.get('eventCode')}".casefold() for e in events)
    return bool(told & {Event.INCOMING, "blocked"}) or dialled or first


def _find_unshown(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not any(is_pixel_fire(event.get("name")) for event in events):
        yield FIRES_NOT_SHOWN
    if not _ends(events):
        yield "the end of the event list (no End Call Source)"
    if not _begins(events):
        yield "the beginning of the event list"
