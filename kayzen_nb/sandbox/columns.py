"""The list of the call log's columns, as ``GET calllogs/columns`` gives it (``ringba.md`` 2.3)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kayzen_nb.sandbox.datafaults import LogFault

_OWN_FILE = Path(__file__).with_name("columns.toml")
_COMPUTED = ("timeToConnectInSeconds", "avgPingTreeBidAmount")
_UNSORTED = ("timeToConnectInSeconds", "recordingUrl")
# Which type a column says it has when its values are of another kind.
_TYPES = {"text": "keyword", "number": "double", "object": "keyword", "list": "keyword"}


def list_columns(fault: LogFault) -> list[dict[str, Any]]:
    """The columns under a scenario: without the missing ones, with the new ones, and with the changed types."""
    known = [column | _changed(column["id"], fault) for column in _known() if column["id"] not in fault.missing]
    return known + [_column(name, name, "keyword") for name in fault.new]


@cache
def _known() -> tuple[dict[str, Any], ...]:
    rows = tomllib.loads(_OWN_FILE.read_text(encoding="utf-8"))
    return tuple(_column(name, title, kind) for name, (title, kind) in rows.items())


def _column(name: str, title: str, kind: str) -> dict[str, Any]:
    """One column. Roles, groups and which columns can be filtered are partly our choice; dates cannot be."""
    return {
        "id": name,
        "title": title,
        "roles": ["buyer"] if name.startswith("buyer") and name not in ("buyer", "buyerId") else ["admin", "user"],
        "type": kind,
        "isTag": False,
        "groupName": "",
        "filterGroupName": "",
        "supportsFilter": kind != "date",
        "supportsSorting": name not in _UNSORTED,
        "isComputed": name in _COMPUTED,
    }


def _changed(name: str, fault: LogFault) -> dict[str, str]:
    kind = {"type": _TYPES[fault.retyped[name]]} if name in fault.retyped else {}
    return kind | ({"id": fault.renamed[name]} if name in fault.renamed else {})
