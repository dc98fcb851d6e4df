"""Pages of the call log as they should never come: wrong counts, half pages, odd values, a log-in page."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec

from kayzen_nb.sandbox import answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.datafaults import LogFault

_HTML = {"Content-Type": "text/html; charset=utf-8"}
_LOGIN_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>\n"
_RETYPED: dict[str, Callable[[Any], Any]] = {
    "text": lambda value: f"about {value}",
    "number": lambda value: crc32(str(value).encode()),
    "object": lambda value: {"value": value},
    "list": lambda value: [value],
}
_CALL_IDS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "empty": lambda _: "",
    "long": lambda call_id: call_id.ljust(300, "0"),
    "spaces": lambda call_id: f"  {call_id} ",
    "lower": str.lower,
}
_BODIES: dict[str, Callable[[bytes], bytes]] = {
    "json": lambda body: body,
    "login_page": lambda _: _LOGIN_PAGE,
    "bad_utf8": lambda body: body.replace(b'"CTV', b'"\xff\xfeCTV', 1),
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "cut": lambda body: body[: len(body) * 2 // 3],
    "nothing": lambda _: b"",
}


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """A page of the call log before it is written: the count that is declared, and the rows."""

    total: int
    offset: int
    records: list[dict[str, Any]]


class Spoiler:
    """Writes the pages of one sandbox's call log, and spoils those that its scenario says."""

    def __init__(self, fault: LogFault) -> None:
        self._fault, self._asked = fault, 0
        self._before: list[dict[str, Any]] = []

    def write(self, page: LogPage) -> Answer:
        """The answer for a page."""
        self._asked += 1
        page = _capped(page, self._fault.cap)
        if not self._is_spoiled():
            self._before = page.records
            return answers.ok(_body(page.total, page.records))
        records = _choose_rows(page, self._fault.page, self._before)
        return _write_spoiled(self._fault, page.total, [_spoil_record(r, self._fault) for r in records])

    def _is_spoiled(self) -> bool:
        first, times = self._fault.from_request, self._fault.times
        return self._asked >= first and (not times or self._asked < first + times)


def _capped(page: LogPage, cap: int | None) -> LogPage:
    """A store that shows no more than so many rows of a window, and says that there are no more."""
    if cap is None:
        return page
    return replace(page, total=min(page.total, cap), records=page.records[: max(cap - page.offset, 0)])


def _choose_rows(page: LogPage, kind: str, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = page.records
    if kind == "short":
        return rows[: (len(rows) + 1) // 2]
    if kind == "empty":
        return []
    if kind == "repeated":
        return before or rows
    if kind == "shuffled":
        return random.Random(len(rows)).sample(rows, len(rows))  # noqa: S311  # a game, not a secret
    return rows


def _body(total: int, records: list[Any]) -> dict[str, Any]:
    return {"isSuccessful": True, "report": {"partialResult": False, "totalCount": total, "records": records}}


def _write_spoiled(fault: LogFault, total: int, records: list[Any]) -> Answer:
    content = _body(total, records)
    report = content["report"] | {"partialResult": fault.partial} | _count(total, fault.count)
    content["report"] = {name: value for name, value in report.items() if value is not msgspec.UNSET}
    if fault.failed:
        content |= {"isSuccessful": False, "message": "The report could not be made"}
    status, headers, body = answers.ok(content)
    return status, _HTML if fault.body == "login_page" else headers, _BODIES[fault.body](body)


def _count(total: int, kind: str) -> dict[str, Any]:
    written: Mapping[str, Any] = {
        "right": total,
        "more": total + 3,
        "less": max(total - 3, 0),
        "missing": msgspec.UNSET,
        "null": None,
        "text": str(total),
        "negative": -1,
        "flag": True,
    }
    return {"totalCount": written[kind]}


def _spoil_record(record: dict[str, Any], fault: LogFault) -> Any:
    """A record with its columns spoiled; the values of some calls only, the same calls on whatever page they come."""
    row = {name: value for name, value in record.items() if name not in fault.missing} | fault.new
    row |= {name: _RETYPED[kind](row[name]) for name, kind in fault.retyped.items() if name in row}
    turn, is_chosen = divmod(crc32(str(record.get("inboundCallId")).encode()), fault.every)
    if is_chosen:
        return _rename(row, fault)
    _spoil_amount(row, fault, turn)
    _spoil_call_id(row, fault, turn)
    encoded = msgspec.json.encode(_rename(row, fault))
    return msgspec.Raw(encoded[:-1] + b',"callDt":1}' if fault.repeated_keys else encoded)


def _rename(row: dict[str, Any], fault: LogFault) -> dict[str, Any]:
    return {fault.renamed.get(name, name): value for name, value in row.items()} if fault.renamed else row


def _spoil_amount(row: dict[str, Any], fault: LogFault, turn: int) -> None:
    if fault.amounts and "payoutAmount" in row:
        row["payoutAmount"] = msgspec.Raw(fault.amounts[turn % len(fault.amounts)].encode())


def _spoil_call_id(row: dict[str, Any], fault: LogFault, turn: int) -> None:
    if not fault.call_ids or "inboundCallId" not in row:
        return
    kind, call_id = fault.call_ids[turn % len(fault.call_ids)], row.pop("inboundCallId")
    if kind != "missing":
        row["inboundCallId"] = _CALL_IDS[kind](call_id)
