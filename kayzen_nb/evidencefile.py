"""The evidence of a call from what people have: a pasted Events tab, JSON, a CSV. The same evidence as from the API.

What a text does not show stays unknown, and ``missing`` names it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kayzen_nb.calls import FIRES_NOT_SHOWN
from kayzen_nb.errors import EvidenceError, Problem
from kayzen_nb.eventcsv import is_call_header, is_summary_text, read_call_rows, read_csv_rows, read_event_rows
from kayzen_nb.eventstab import read_text_log
from kayzen_nb.logtimes import find_zone
from kayzen_nb.mixedcalls import CALL_ID, CallPart, split_calls
from kayzen_nb.privacy import mask_url
from kayzen_nb.ringba_events import Extent, is_pixel_fire, read_events, read_record, tells
from kayzen_nb.strictjson import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from kayzen_nb.calls import CallEvidence

PASTED, JSON, CSV = "a pasted Events tab", "a JSON file", "a CSV file"
_LARGEST = 20_000_000
_DEEPEST = 12
_HOW = (
    "In Ringba: Reporting > Call Details > the arrow left of the call > Events tab; select all of it, from the first "
    "event to the last Pixel Fire, and paste it here."
)


def read_evidence(text: str, *, call_id: str = "", zone: str = "UTC", name: str = "pasted text") -> CallEvidence:
    """The evidence of one call. ``zone`` is where times without a zone were shown, ``name`` how messages call the text.

    Raises EvidenceError: nothing usable, several calls and no ``call_id``, or another call than the one asked for.
    """
    parts = _find_parts(text, zone, name)
    found = [_read_part(part) for part in parts]
    wanted = call_id.strip()
    if not wanted and len(found) == 1:
        return found[0]
    same = [evidence for evidence in found if evidence.call_id == wanted]
    if wanted and same:
        return same[0]
    if wanted and len(found) == 1 and not parts[0].states_its_id:
        return _under_id(found[0], wanted)
    raise _ask_for_one(found, wanted, name)


def read_all_evidence(text: str, *, zone: str = "UTC", name: str = "pasted text") -> list[CallEvidence]:
    """The evidence of every call in a text, in its order. Raises EvidenceError, ParameterError for a wrong zone."""
    return [_read_part(part) for part in _find_parts(text, zone, name)]


def _read_part(part: CallPart) -> CallEvidence:
    return read_record(part.record, origin=part.origin, extent=part.extent, missing=part.missing)


def _find_parts(text: str, zone: str, name: str) -> list[CallPart]:
    clock = find_zone(zone)
    if len(text) > _LARGEST:
        raise EvidenceError(Problem(what="The text is too long.", where=name, next_step=_HOW))
    parts = _read_parts(text, clock)
    if not parts:
        raise _unusable(text, name)
    return parts


def _read_parts(text: str, zone: ZoneInfo) -> list[CallPart]:
    body = text.lstrip("\ufeff \r\n\t")
    if body[:1] in ("{", "["):
        return _read_json_parts(body)
    rows = read_csv_rows(text)
    if rows and is_call_header(rows[0]):
        return [CallPart(record=r, origin=CSV, missing=(FIRES_NOT_SHOWN,)) for r in read_call_rows(rows, zone)]
    if rows:
        return _read_csv_parts(rows, zone)
    log = read_text_log(text, zone)
    if not any(is_pixel_fire(event["name"]) or tells(event["name"]) for event in log.events):
        return []
    rest = (log.breaks_off,) if log.breaks_off else ()
    return split_calls(log.events, log.record, PASTED, rest)


def _read_json_parts(body: str) -> list[CallPart]:
    """Records of a whole JSON text; what can be saved of one that is cut."""
    try:
        tree = read_json(body.encode("utf-8", "replace"))
    except ValueError:
        events = list(_save_events(body))
        rest = ("the JSON text is cut or damaged, so events may be missing",)
        return split_calls(events, _save_columns(body), JSON, rest) if events else []
    return [part for record in _find_records(tree, 0) for part in _read_json_record(record)]


def _read_json_record(record: Mapping[str, Any]) -> list[CallPart]:
    """A call's row with its events; or bare events, which are told apart by the call id in their URLs."""
    if "callDt" in record:
        return [CallPart(record=record, origin=JSON, extent=Extent(row=True, events="events" in record))]
    own = {key: value for key, value in record.items() if key != "events"}
    return split_calls(read_events(record), own, JSON, ())


def _find_records(tree: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Every call of a JSON tree, however deep Ringba's envelope is; a bare list of events counts as one."""
    if depth > _DEEPEST:
        return
    if isinstance(tree, dict):
        if "events" in tree or "inboundCallId" in tree:
            yield tree
        elif _is_event(tree):
            yield {"events": [tree]}
        else:
            for member in tree.values():
                yield from _find_records(member, depth + 1)
    elif isinstance(tree, list):
        if any(isinstance(item, dict) and _is_event(item) for item in tree):
            yield {"events": tree}
        else:
            for item in tree:
                yield from _find_records(item, depth + 1)


def _is_event(item: Mapping[str, Any]) -> bool:
    return "name" in item and (is_pixel_fire(item["name"]) or "dtStamp" in item)


def _save_events(body: str) -> Iterator[dict[str, Any]]:
    """The whole events of a JSON text that is not whole itself: an event holds no further object."""
    for found in re.finditer(r"\{[^{}]{0,20000}\}", body):
        try:
            item = read_json(found[0].encode("utf-8", "replace"))
        except ValueError:
            continue
        if _is_event(item):
            yield item


def _save_columns(body: str) -> dict[str, Any]:
    ids = set(re.findall(r'"inboundCallId"\s*:\s*"([^"\\]{1,100})"', body))
    return {"inboundCallId": ids.pop()} if len(ids) == 1 else {}


def _read_csv_parts(rows: list[list[str]], zone: ZoneInfo) -> list[CallPart]:
    """Events of one or more calls: by the call's id where the file has that column, else by their URLs."""
    by_id: dict[str, tuple[dict[str, Any], list[Mapping[str, Any]]]] = {}
    for event, record in read_event_rows(rows, zone):
        known, events = by_id.setdefault(str(record.get("inboundCallId", "")), ({}, []))
        known |= record
        events.append(event)
    return [part for record, events in by_id.values() for part in split_calls(events, record, CSV, ())]


def _under_id(evidence: CallEvidence, wanted: str) -> CallEvidence:
    told = evidence.call_id
    gap = (f"the fired URLs tell another call id ({_shown(told)}); was another call copied?",) if told else ()
    return replace(evidence, call_id=wanted, missing=(*evidence.missing, *gap))


def _ask_for_one(found: list[CallEvidence], wanted: str, name: str) -> EvidenceError:
    ids = ", ".join(_shown(evidence.call_id) or "(no id)" for evidence in found[:20])
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    what = f"The {name} does not hold the call {_shown(wanted)}." if wanted else f"The {name} holds {len(found)} calls."
    step = "Give the call_id of the one to check, or paste that call alone."
    return EvidenceError(Problem(what=what, where=f"it holds: {ids}{more}", next_step=step))


def _unusable(text: str, name: str) -> EvidenceError:
    if not text.strip():
        return EvidenceError(Problem(what=f"The {name} is empty.", where=name, next_step=_HOW))
    if is_summary_text(text):
        step = "Export Reporting > Call Details in place of Reporting > Summary, or paste the call's Events tab."
        return EvidenceError(Problem(what="This is a Summary export: counts, not calls.", where=name, next_step=step))
    if "app_event=" in text:
        what = "These are pixel URLs as they were set up, not the requests that a call fired."
        return EvidenceError(Problem(what=what, where=name, next_step=_HOW))
    what = "No event of a call was found: neither Pixel Fire, nor another event's name, nor a fired URL with a status."
    return EvidenceError(Problem(what=what, where=f"{name}, {len(text):,} characters", next_step=_HOW))


def _shown(call_id: str) -> str:
    """A call id as messages may show it: short, and never a key or a phone number that stands in its place."""
    masked = mask_url(call_id)[:100]
    return json.dumps(masked)[1:-1] if CALL_ID.fullmatch(masked) else "«not an id»" if masked else ""
