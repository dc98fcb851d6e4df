"""What a call-log request asks for: window, page, filters, order, columns. A request that is not sound is refused.

How the real API answers to a wrong filter, offset or time is not documented: 400, with what is wrong, is our choice.
"""

from __future__ import annotations

import json
import operator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE_LIMIT = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IN_TIME = ({"column": "callDt", "direction": "asc"}, {"column": "inboundCallId", "direction": "asc"})
_FLAGS = frozenset(
    {"hasConnected", "hasConverted", "hasPayout", "isDuplicate", "isIncomplete", "isLive", "wasBlocked"}
    | {"isFromNumberPool"}
)
_TEXT_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": operator.eq,
    "CONTAINS": operator.contains,
    "BEGINS_WITH": str.startswith,
}
_NUMBER_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"GREATER_THAN": operator.gt, "LESS_THAN": operator.lt}


class BadRequest(Exception):
    """The request is not sound; the text is the message of the answer 400."""


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request's body."""
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The request body is not JSON") from None
    if not isinstance(tree, dict):
        raise BadRequest("The request body is not a JSON object")
    return tree


def read_window(asked: dict[str, Any]) -> tuple[datetime, datetime]:
    """First and last moment asked for, both inclusive, in UTC whatever offset they were written with."""
    return _read_moment(asked, "reportStart"), _read_moment(asked, "reportEnd")


def read_page(asked: dict[str, Any]) -> slice:
    """The part of the ordered records that is asked for."""
    size, offset = asked.get("size", PAGE_LIMIT), asked.get("offset", 0)
    if not _is_count(size) or not 0 < size <= PAGE_LIMIT:
        raise BadRequest(f"size must be between 1 and {PAGE_LIMIT}")
    if not _is_count(offset):
        raise BadRequest("offset must be 0 or more")
    return slice(offset, offset + size)


def moment_of(call_dt: int) -> datetime:
    """A time of the call log, epoch milliseconds, as aware UTC."""
    return _EPOCH + timedelta(milliseconds=call_dt)


def filter_records(records: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The records that pass Ringba's filters: OR inside a group, AND between groups."""
    groups = [_members(group, "anyConditionToMatch") for group in _members(asked, "filters")]
    if not all(groups):
        raise BadRequest("a filter needs anyConditionToMatch")
    for condition in (c for group in groups for c in group):
        _check_condition(condition)
    if not groups:
        return records
    return [r for r in records if all(any(_matches(r, c) for c in group) for group in groups)]


def sort_records(records: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The records by the columns asked for, the first one first; newest first when none is named.

    They come in order of time and id; where that is what is asked for, they stay as they are.
    """
    orders = _members(asked, "orderByColumns") or [{"column": "callDt", "direction": "desc"}]
    if orders in (list(_IN_TIME), list(_IN_TIME[:1])):
        return records
    ordered = list(records)
    for order in reversed(orders):
        column = _column(order)
        is_descending = order.get("direction", "desc") == "desc"
        ordered.sort(key=lambda record, column=column: _rank(record.get(column)), reverse=is_descending)  # type: ignore[misc]
    return ordered


def pick_columns(records: list[dict[str, Any]], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The records with the columns asked for only; all columns when none is named."""
    wanted = {_column(item) for item in _members(asked, "valueColumns")}
    return [{k: v for k, v in r.items() if k in wanted} for r in records] if wanted else records


def _read_moment(asked: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(asked[name])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise BadRequest(f"{name} is required, as 2026-03-01T05:00:00Z") from None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _members(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; absent and null are an empty one."""
    found = tree.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BadRequest(f"{name} must be a list of objects")
    return found


def _column(item: dict[str, Any]) -> str:
    if not isinstance(item.get("column"), str):
        raise BadRequest("column is required")
    return str(item["column"])


def _check_condition(condition: dict[str, Any]) -> None:
    _column(condition)
    comparison = condition.get("comparisonType", "EQUALS")
    if "value" not in condition or comparison not in {*_TEXT_COMPARISONS, *_NUMBER_COMPARISONS}:
        raise BadRequest("a condition needs value and a known comparisonType")
    if comparison in _NUMBER_COMPARISONS and _number(condition["value"]) is None:
        raise BadRequest(f"{comparison} needs a number")


def _matches(record: dict[str, Any], condition: dict[str, Any]) -> bool:
    kind = condition.get("comparisonType", "EQUALS")
    value = record.get(condition["column"])
    if kind in _NUMBER_COMPARISONS:
        found, wanted = _number(value), _number(condition["value"])
        matches = found is not None and wanted is not None and _NUMBER_COMPARISONS[kind](found, wanted)
    else:
        matches = _TEXT_COMPARISONS[kind](_text(condition["column"], value), str(condition["value"]))
    return matches != bool(condition.get("isNegativeMatch"))


def _text(column: str, value: object) -> str:
    """A value as filters compare it. Flags are yes or no; that an absent flag counts as no is our choice."""
    if isinstance(value, bool) or column in _FLAGS:
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        return None


def _rank(value: object) -> tuple[int, float, str]:
    """Numbers by size, before texts by letters; what is absent comes before both. The real order is not documented."""
    if value is None:
        return 0, 0.0, ""
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))
