"""Finding a call by its caller and about when: the question to the call log, and the hits, callers masked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kayzen_nb.calls import CallHit
from kayzen_nb.errors import ParameterError, Problem
from kayzen_nb.privacy import mask_phone
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.ringba_values import read_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FEWEST_DIGITS = 4


def read_digits(number: str) -> str:
    """The last ten digits of what a person typed: country code, spaces and signs do not count."""
    return re.sub(r"\D", "", number)[-10:]


def check_search(digits: str, about: datetime, within: timedelta) -> None:
    """Refuse a search that would find too much, or cannot be put to Ringba. Never quotes the number."""
    problems = []
    if len(digits) < _FEWEST_DIGITS:
        what = f"{len(digits)} digits of the caller's number are too few to find a call."
        problems.append(Problem(what=what, where="caller", next_step=f"Give the last {_FEWEST_DIGITS} or more."))
    if about.tzinfo is None:
        what, step = "The time of the call has no time zone.", "Give it with a zone."
        problems.append(Problem(what=what, where="about", next_step=step))
    if not timedelta() < within <= timedelta(days=7):
        what = "The time around the call must be more than none and at most seven days."
        problems.append(Problem(what=what, where="within", next_step="One hour is the default."))
    if problems:
        raise ParameterError(*problems)


def narrow(body: dict[str, Any], digits: str) -> dict[str, Any]:
    """A call-log request narrowed to callers whose number holds these digits, newest first."""
    caller = {"column": API_IDS["caller"], "value": digits}
    condition = caller | {"isNegativeMatch": False, "comparisonType": "CONTAINS"}  # there is no "ends with"
    newest_first = [{"column": API_IDS["call_at"], "direction": "desc"}]
    filters = [*body.get("filters", ()), {"anyConditionToMatch": [condition]}]
    return body | {"orderByColumns": newest_first, "filters": filters}


def read_hits(total: int, records: Sequence[Mapping[str, Any]], digits: str) -> list[CallHit]:
    """The calls among an answer's records whose caller ends with the digits. Raises ParameterError when cut off."""
    if total > len(records):
        raise _too_many_hits(total)
    return [_read_hit(record) for record in records if _digits_of(record).endswith(digits)]


def _too_many_hits(total: int) -> ParameterError:
    step = "Give more digits of the caller's number, or a shorter time around the call."
    return ParameterError(
        Problem(what=f"{total:,} calls match: too many to choose from.", where="caller", next_step=step)
    )


def _digits_of(record: Mapping[str, Any]) -> str:
    return re.sub(r"\D", "", str(record.get(API_IDS["caller"]) or ""))


def _read_hit(record: Mapping[str, Any]) -> CallHit:
    """A call that a search found, the caller masked. In a row of the log an absent flag is false."""
    return CallHit(
        call_id=str(record.get(API_IDS["call_id"]) or ""),
        call_at=read_time(record.get(API_IDS["call_at"])),
        campaign=record.get(API_IDS["campaign"]),
        caller=mask_phone(str(record.get(API_IDS["caller"]) or "")) or "unknown",
        connected=record.get(API_IDS["connected"]) is True,
    )
