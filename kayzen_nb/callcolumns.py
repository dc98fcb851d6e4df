"""The contract about columns: those we ask Ringba's call log for must be there, and hold what they held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kayzen_nb.errors import ContractError, Problem, did_you_mean
from kayzen_nb.logpage import distrust
from kayzen_nb.ringba_columns import API_IDS

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = "/{account}/calllogs/columns"
# Ringba's own words for types (``ringba.md`` 2.3), by family. A type that is not known says nothing.
_FAMILIES = {
    "text": ("keyword", "text", "string"),
    "yes or no": ("boolean", "bool"),
    "time": ("date", "datetime", "timestamp"),
    "number": ("money", "double", "float", "decimal", "long", "integer", "int", "timespan"),
}
_FLAGS = ("is_duplicate", "blocked", "connected", "converted", "paid", "live")
_NUMBERS = ("revenue", "payout", "duration", "connected_time", "time_to_connect")


def read_columns(answer: Any) -> dict[str, str]:
    """Column id to type, from Ringba's list of columns. Raises BadAnswer for another shape."""
    columns = answer.get("columns") if isinstance(answer, dict) else None
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        distrust("gave its list of columns in an unknown shape", f"GET {COLUMNS}")
    return {str(column["id"]): str(column.get("type", "")) for column in columns if column.get("id")}


def check_columns_of(columns: Mapping[str, str]) -> None:
    """Refuse a list of columns (id to type) that lacks one of ours, or holds one as another kind of value.

    Raises ContractError naming all of them. Tag columns are made by each account, and are not asked about.
    """
    known = {name.casefold(): kind for name, kind in columns.items()}
    fixed = {word: name for word, name in API_IDS.items() if not name.startswith("tag:")}
    missing = [_missing(name, columns) for name in fixed.values() if name.casefold() not in known]
    retyped = [_retyped(word, name, known.get(name.casefold(), "")) for word, name in fixed.items()]
    if problems := [*missing, *filter(None, retyped)]:
        raise ContractError(*problems)


def _missing(name: str, columns: Mapping[str, str]) -> Problem:
    hint = did_you_mean(name, columns) if columns else ""
    near = f" ({hint})" if hint.startswith("did you mean") else ""
    return _problem(f"Ringba's call log has no column {name!r} any more{near}.")


def _retyped(word: str, name: str, kind: str) -> Problem | None:
    wanted = _family_of(word)
    found = next((family for family, kinds in _FAMILIES.items() if kind.casefold() in kinds), None)
    if found in (None, wanted):
        return None
    return _problem(f"Column {name!r} of Ringba's call log is now of type {kind!r} ({found}); it was {wanted}.")


def _family_of(word: str) -> str:
    if word == "call_at":
        return "time"
    return "yes or no" if word in _FLAGS else "number" if word in _NUMBERS else "text"


def _problem(what: str) -> Problem:
    step = "Nothing was changed. Update this package; if there is no newer version, report it with this text."
    return Problem(what=what, where=f"GET {COLUMNS} at Ringba's API", next_step=step)
