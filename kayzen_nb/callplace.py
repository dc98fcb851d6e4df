"""Where a record of the call log belongs: its call's id and time, read without building the record's other values."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from kayzen_nb.ringba_columns import API_IDS

if TYPE_CHECKING:
    from kayzen_nb.logpage import LogPage

_FIRST_MS, _LAST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2100: what is plausible for a call
Place = tuple[Any, int | None]


class _Fields(msgspec.Struct, rename={"call_id": API_IDS["call_id"], "call_at": API_IDS["call_at"]}):
    call_id: Any = None
    call_at: Any = None


class _Report(msgspec.Struct):
    records: list[_Fields]


class _Envelope(msgspec.Struct):
    report: _Report


_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_PAGES, _RECORDS = msgspec.json.Decoder(_Envelope), msgspec.json.Decoder(_Fields)


def read_places(page: LogPage) -> list[Place]:
    """For each record a key that tells calls apart, and the call's time in epoch ms, None where it cannot be read.

    The key is the id with the time; where either is missing, the record's own bytes.
    """
    places: list[Place] = []
    for fields, record in zip(_read_fields(page), page.records, strict=True):
        at, call_id = read_ms(fields.call_at), fields.call_id
        is_named = at is not None and isinstance(call_id, str) and call_id.strip()
        places.append(((call_id, at) if is_named else bytes(record), at))
    return places


def read_call_id(record: msgspec.Raw) -> str:
    """The id of a record's call; empty where it has none."""
    call_id = _read_record(record).call_id
    return "" if call_id is None else str(call_id).strip()


def _read_fields(page: LogPage) -> list[_Fields]:
    """In one go; one by one where a single value (a number of thousands of digits) cannot be read."""
    try:
        return _PAGES.decode(page.content).report.records
    except _UNREADABLE:
        return [_read_record(record) for record in page.records]


def _read_record(record: msgspec.Raw) -> _Fields:
    """A record with a value that cannot be read is one without id and time: it is kept, and set aside later."""
    try:
        return _RECORDS.decode(record)
    except _UNREADABLE:
        return _Fields()


def read_ms(value: Any) -> int | None:
    """A call's time as epoch ms, from ms, s or us (told apart by their size), as number or text, or ISO with a zone."""
    if type(value) is int and _FIRST_MS <= value < _LAST_MS:  # as Ringba writes it
        return value
    if isinstance(value, str):
        return _read_text(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**17:
        return None
    return next((int(ms) for ms in (value, value * 1000, value // 1000) if _FIRST_MS <= ms < _LAST_MS), None)


def _read_text(text: str) -> int | None:
    if text.isascii() and text.replace(".", "", 1).isdecimal():
        return read_ms(float(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read_ms(at.timestamp() * 1000) if at.tzinfo else None
