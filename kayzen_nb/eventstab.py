"""The Events tab of Ringba's Call Details, pasted as text: any order, extra lines, half copied.

Nobody has documented how the tab is laid out once it is copied, so nothing is taken for granted. A line that names an
event (its label on the page, or its name in the API) begins a block; in a block, fields are recognised by their label,
and URL, status and time by their form as well. Where labels are in another language, a fire is what has a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kayzen_nb.eventlabels import COLUMNS, EVENT_NAMES, FIELDS, FLAGS, plain
from kayzen_nb.logtimes import is_time, read_log_time
from kayzen_nb.pastedlines import URL, find_url, mend_urls, read_lines
from kayzen_nb.ringba_events import is_pixel_fire
from kayzen_nb.ringba_values import read_flag, read_status
from kayzen_nb.settings import EVENT_HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

_LABELLED = re.compile(r"\s*[\"'*•-]*\s*([^\W\d][\w .#/()-]{0,39}?)[\"']?\s*(?:[:=]\s*|\t)(.*)$", re.DOTALL)
_PIXEL_NAME = re.compile(r"postback|kayzen|pixel", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TextLog:
    """What a pasted text shows: events with the API's names, columns of the call, and whether the text breaks off."""

    events: tuple[dict[str, Any], ...]
    record: dict[str, Any] = field(default_factory=dict)
    breaks_off: str = ""


@dataclass(kw_only=True)
class _Block:
    """The pieces that stand under one event's name; the name is empty where none is recognised."""

    name: str = ""
    pieces: list[str] = field(default_factory=list)


def read_text_log(text: str, zone: ZoneInfo) -> TextLog:
    """Every event found in a pasted text. Times without a zone were shown in ``zone``. Raises nothing."""
    lines = read_lines(text, _is_named)
    blocks = [part for block in _cut(lines) for part in _cut_unnamed(block)]
    events = [event for block in blocks if (event := _read_block(block, zone))]
    fires = [event for event in events if "recordingUrl" in event]
    for event, url in zip(fires, mend_urls([event["recordingUrl"] for event in fires]), strict=True):
        event["recordingUrl"] = url
    return TextLog(
        events=tuple(events), record=_read_columns(lines), breaks_off=_find_break(text, events) if events else ""
    )


def _is_named(line: str) -> bool:
    """Whether a line names an event or a field, so that it cannot be the rest of a URL."""
    label = _LABELLED.match(line)
    return bool(_event_name(line)) or (label is not None and plain(label[1]) in FIELDS.keys() | COLUMNS.keys())


def _event_name(piece: str) -> str:
    """The event that a piece of text names, as written; empty where it names none."""
    label = _LABELLED.match(piece)
    if label and FIELDS.get(plain(label[1])) == "eventName" and plain(label[2].strip(" \"',")) in EVENT_NAMES:
        return label[2].strip(" \"',")
    head, _, rest = piece.strip(" *•\t").partition("\n")
    words = re.match(r"(pixel[\s_-]*fired?)\b\s*(?:[:–|(-].*)?$", head, re.IGNORECASE)
    if words:
        return words[1]
    bare = head.rstrip(" :")
    return bare if plain(bare) in EVENT_NAMES and len(bare) < 30 and not rest else ""


def _cut(lines: list[str]) -> list[_Block]:
    """Blocks, each begun by the line that names an event. A value under a bare label is not taken for an event."""
    blocks, expected = [_Block()], ""
    leads = _time_leads(lines)
    for line in lines:
        pieces = [piece for piece in line.split("\t") if piece.strip()]
        names = [] if len(pieces) == 1 and _is_value(pieces[0], expected) else [*filter(None, map(_named_here, pieces))]
        if names:
            last = blocks[-1].pieces
            moved = [last.pop()] if leads and last and is_time(last[-1]) else []
            blocks.append(_Block(name=names[0], pieces=moved))
        blocks[-1].pieces += _without_name(pieces) if names else pieces
        expected = FIELDS.get(plain(pieces[0]), "") if len(pieces) == 1 else ""
    return blocks


def _named_here(piece: str) -> str:
    """As ``_event_name``, also with the event's time behind it on the same line."""
    name = _event_name(piece)
    if name:
        return name
    words = piece.split()
    cuts = (at for at in (1, 2, 3) if at < len(words) and is_time(" ".join(words[at:])))
    return next((n for at in cuts if (n := _event_name(" ".join(words[:at])))), "")


def _without_name(pieces: list[str]) -> list[str]:
    """What stands beside an event's name: a pixel's name behind a colon, a time, other cells."""
    rest: list[str] = []
    named = False
    for piece in pieces:
        name = "" if named else _named_here(piece)
        named = named or bool(name)
        left = piece.strip()
        if name:
            left = left[left.casefold().find(name.casefold()) + len(name) :].strip(" \"',:–|()-")
        rest += [left] if left else []
    return rest


def _is_value(piece: str, expected: str) -> bool:
    """Whether a line is the value of the bare label above it; a reason may be empty, a trigger is named like events."""
    return bool(expected) and not is_pixel_fire(piece) and (expected == "eventCode" or not _event_name(piece))


def _time_leads(lines: list[str]) -> bool:
    """Whether times stand above the events' names, rather than below them."""
    full = [line.strip() for line in lines if line.strip()]
    at = [n for n, line in enumerate(full) if _event_name(line)]
    above = sum(n > 0 and is_time(full[n - 1]) for n in at)
    below = sum(n + 1 < len(full) and is_time(full[n + 1]) for n in at)
    return above > below or (above == below > 0 and at[0] > 0 and is_time(full[at[0] - 1]))


def _cut_unnamed(block: _Block) -> list[_Block]:
    """A block with several URLs, as where labels are in another language, becomes one block a URL."""
    at = [n for n, piece in enumerate(block.pieces) if URL.search(piece)]
    if block.name and not is_pixel_fire(block.name):
        if not any(is_event_url(block.pieces[n]) for n in at):
            return [block]
        return [_Block(name=block.name), *_cut_unnamed(_Block(pieces=block.pieces))]
    if len(at) < 2:
        return [block]
    is_before = any(_status_of(piece) for piece in block.pieces[: at[0]])
    edges = [0, *(n + 1 for n in at[:-1])] if is_before else [0, *at[1:]]
    ends = [*edges[1:], len(block.pieces)]
    return [_Block(name=block.name, pieces=block.pieces[a:b]) for a, b in zip(edges, ends, strict=True)]


def _status_of(piece: str) -> int | None:
    """A status in a piece of text: alone, or behind a label in any language."""
    value = piece.rpartition(":")[2] if ":" in piece and not URL.search(piece) else piece
    status = read_status(value.strip(" \"',"))
    return status if status and (status >= 200) else None


def _read_block(block: _Block, zone: ZoneInfo) -> dict[str, Any] | None:
    """A block as an event with the API's names; None where it is none."""
    known, loose = _read_fields(block.pieces)
    if block.name and not is_pixel_fire(block.name):
        return {"name": block.name, "dtStamp": _read_when(known, loose, zone)}
    event: dict[str, Any] = known | {"name": "PixelFire"}
    urls = [url for value in (known.get("url", ""), *loose) if (url := find_url(value))]
    event["recordingUrl"] = urls[0].rstrip(",;") if urls else ""
    event.setdefault("eventName", next((v for v in map(_value_of, loose) if _is_name(v)), ""))
    status = read_status(known.get("httpStatusCode", "")) or _only(map(_status_of, loose))
    event["httpStatusCode"] = status
    event["dtStamp"] = _read_when(known, loose, zone)
    event.pop("url", None)
    return event if block.name or _is_fire(event) else None


def _is_fire(event: dict[str, Any]) -> bool:
    """Without its label, a fire is a URL of the kind Kayzen is sent, with a status or at least without tokens."""
    url = event["recordingUrl"]
    return is_event_url(url) and (event["httpStatusCode"] is not None or "[" not in url)


def is_event_url(text: str) -> bool:
    """Whether a text holds a URL that tells Kayzen, or whoever stands in its place, of an event."""
    return bool(URL.search(text)) and any(mark in text for mark in (EVENT_HOST, "app_event=", "api_key="))


def _read_fields(pieces: list[str]) -> tuple[dict[str, str], list[str]]:
    """Fields by their labels, on one line or on two; and the pieces without a known label."""
    known: dict[str, str] = {}
    loose: list[str] = []
    expected = ""
    for piece in pieces:
        label = _LABELLED.match(piece)
        word = FIELDS.get(plain(label[1]), "") if label and not URL.match(piece.strip()) else ""
        if word and label and label[2].strip(" \"',"):
            known.setdefault(word, label[2].strip().strip("\"',"))
            expected = ""
        elif word or plain(piece) in FIELDS:
            expected = word or FIELDS[plain(piece)]
        elif expected:
            known.setdefault(expected, piece.strip().strip("\"',"))
            expected = ""
        else:
            loose.append(piece.strip())
    return known, loose


def _value_of(piece: str) -> str:
    label = _LABELLED.match(piece)
    return (label[2] if label else piece).strip().strip("\"',")


def _is_name(value: str) -> bool:
    return bool(_PIXEL_NAME.search(value)) and not URL.search(value) and len(value) < 100


def _read_when(known: dict[str, str], loose: list[str], zone: ZoneInfo) -> Any:
    told = known.get("dtStamp") or next((v for piece in loose for v in (piece, _value_of(piece)) if is_time(v)), "")
    return read_log_time(told, zone)


def _only(found: Iterable[int | None]) -> int | None:
    """The status where just one stands there; two different ones cannot be told apart."""
    statuses = {status for status in found if status}
    return statuses.pop() if len(statuses) == 1 else None


def _read_columns(lines: list[str]) -> dict[str, Any]:
    """Columns of the call that were copied along, as text; one that stands there with two values is left out."""
    found: dict[str, set[str]] = {}
    for name, value in _labelled_lines(lines):
        found.setdefault(name, set()).add(value)
    return {name: values.pop() for name, values in found.items() if len(values) == 1}


def _labelled_lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    above = ""
    for line in lines:
        label = _LABELLED.match(line)
        word, value = (plain(label[1]), label[2].strip().strip("\"',")) if label else ("", "")
        if value and word in COLUMNS:
            yield COLUMNS[word], value
        elif word in FLAGS and read_flag(value) is not None:
            yield FLAGS[word], value
        elif above in COLUMNS and line.strip():
            yield COLUMNS[above], line.strip()
        above = plain(line)


def _find_break(text: str, events: list[dict[str, Any]]) -> str:
    """What the text's end cut off; empty where it ends between two events. A cut URL is taken out: it misleads."""
    last = events[-1]
    if not is_pixel_fire(last["name"]):
        return ""
    url = last["recordingUrl"]
    ends_in_url = bool(url) and re.sub(r"[\r\n]+(?=.)", "", text).endswith(url.replace("\n", "")[-20:])
    if ends_in_url and _is_cut(url, [e.get("recordingUrl", "") for e in events[:-1]]):
        last["recordingUrl"] = ""
        return "the text ends in the middle of a fired URL"
    if not url or (last["httpStatusCode"] is None and not last.get("failReason")):
        return "the text ends in the middle of an event"
    return ""


def _is_cut(url: str, others: list[str]) -> bool:
    """Whether a URL at the very end of the text leaves off: in a parameter, or before one that all others have."""
    names, known = _names(url), [_names(other) for other in others if other]
    in_all = set.intersection(*map(set, known)) if known else set()
    leaves_off = any(other[: len(names)] == names for other in known) and bool(in_all - set(names))
    return "=" not in url.rpartition("&")[2] or url.endswith("=") or leaves_off


def _names(url: str) -> list[str]:
    return [pair.partition("=")[0] for pair in url.partition("?")[2].split("&")]
