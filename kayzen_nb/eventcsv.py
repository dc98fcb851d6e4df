"""A CSV of one call's events, or of calls: columns under any of their usual names, in any order."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from kayzen_nb.eventlabels import EVENT_NAMES, FIELDS, plain
from kayzen_nb.logtimes import read_log_time
from kayzen_nb.ringba_columns import API_IDS, find_columns, is_summary
from kayzen_nb.ringba_events import is_pixel_fire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_FLAG_WORDS = frozenset({"is_duplicate", "blocked", "connected", "converted", "paid", "live"})
_TIME_IDS = {"callcompletetimestamp": "callCompletedDt", "callconnectedtimestamp": "callConnectionDt"}
_LONGEST_HEADER = 20_000
_Rows = list[list[str]]


def read_csv_rows(text: str) -> _Rows | None:
    """The rows of a CSV that holds events or calls, header first; None where the text is no such CSV."""
    for mark in (",", ";", "\t"):
        titles = _read_titles(text, mark)
        if _is_event_header(titles) or is_call_header(titles):
            return _read_rows(text.lstrip("\ufeff\r\n "), mark)
    return None


def is_call_header(titles: list[str]) -> bool:
    """Whether a header is that of calls: an id and a time, and no column of events."""
    return {"call_id", "call_at"} <= find_columns(titles).keys() and not _is_event_header(titles)


def is_summary_text(text: str) -> bool:
    """Whether a text is Ringba's Summary export, which holds counts."""
    return is_summary(_read_titles(text, ","))


def read_event_rows(rows: _Rows, zone: ZoneInfo) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each row's event with the API's names, and the columns of its call as they stand there."""
    header = rows[0]
    for row in rows[1:]:
        named = [(plain(title), cell.strip()) for title, cell in zip(header, row, strict=False)]
        event = _read_event(named, zone)
        if event:
            yield event, _read_columns(header, row, zone)


def read_call_rows(rows: _Rows, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """Each row of a Call Details export as a record with the API's names. Blank is not known, save in API dumps."""
    for row in rows[1:]:
        if any(cell.strip() for cell in row):
            yield _read_columns(rows[0], row, zone)


def _read_titles(text: str, mark: str) -> list[str]:
    """The first line's cells; none where it holds no mark, or is too long to be a header."""
    head = re.split(r"[\r\n]", text.lstrip("\ufeff\r\n ")[:_LONGEST_HEADER], maxsplit=1)[0]
    with suppress(csv.Error):
        return next(csv.reader([head], delimiter=mark), []) if mark in head else []
    return []


def _read_rows(text: str, mark: str) -> _Rows:
    """The rows up to where the file stops being a CSV."""
    rows: _Rows = []
    with suppress(csv.Error):  # what was read before stays in rows
        rows.extend(csv.reader(io.StringIO(re.sub(r"\r\n?", "\n", text.replace("\0", ""))), delimiter=mark))
    return rows


def _is_event_header(titles: list[str]) -> bool:
    words = [FIELDS.get(plain(title), "") for title in titles]
    return "eventName" in words and bool({"httpStatusCode", "url"} & set(words))


def _read_event(named: list[tuple[str, str]], zone: ZoneInfo) -> dict[str, Any] | None:
    """A row as an event: the cell that names an event is its name, another name is the pixel's."""
    cells = [(FIELDS[title], cell) for title, cell in named if title in FIELDS and cell]
    names = [cell for word, cell in cells if word == "eventName"]
    own = [cell for cell in names if plain(cell) in EVENT_NAMES]
    known = {word: cell for word, cell in reversed(cells) if word not in ("eventName", "dtStamp", "url")}
    urls = [cell for word, cell in cells if word == "url"]
    if not own and not urls and "httpStatusCode" not in known:
        return None
    event: dict[str, Any] = known | {"name": own[0] if own else "PixelFire"}
    event["dtStamp"] = read_log_time(next((cell for word, cell in cells if word == "dtStamp"), ""), zone)
    if is_pixel_fire(event["name"]):
        event |= {"eventName": next((n for n in names if n not in own), ""), "recordingUrl": (urls or [""])[0]}
    return event


def _read_columns(header: list[str], row: list[str], zone: ZoneInfo) -> dict[str, Any]:
    positions = find_columns(header)
    is_dump = API_IDS["call_at"].casefold() in (title.strip().casefold() for title in header)
    record: dict[str, Any] = {}
    for word, at in positions.items():
        cell = row[at].strip() if at < len(row) else ""
        if cell:
            record[API_IDS[word]] = read_log_time(cell, zone) if word == "call_at" else cell
        elif is_dump and word in _FLAG_WORDS:
            record[API_IDS[word]] = False  # a dump is as sparse as the API: blank is no
    return record | _read_extras(header, row, positions, zone)


def _read_extras(header: list[str], row: list[str], positions: dict[str, int], zone: ZoneInfo) -> dict[str, Any]:
    """Further times, tags, and *connected* from its length where the column itself was not exported."""
    cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
    extras: dict[str, Any] = {k.strip(): v for k, v in cells.items() if k.strip().startswith("tag:") and v}
    for title, cell in cells.items():
        name = _TIME_IDS.get(plain(title))
        if name and (at := read_log_time(cell, zone)):
            extras[name] = at
    if "connected" not in positions and "connected_time" in positions:
        at_length = positions["connected_time"]
        extras["hasConnected"] = bool(at_length < len(row) and row[at_length].strip())
    return extras
