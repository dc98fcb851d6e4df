"""One page of Ringba's call log: how it is asked for, and how its envelope is opened without building every value.

Shapes: ``ringba.md`` 2.1 and 2.2. Records stay the bytes that came (``msgspec.Raw``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec

from kayzen_nb.errors import BadAnswer, Problem
from kayzen_nb.ringba_columns import API_IDS

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE_SIZE = 1000  # the API's stated maximum
CALL_LOG = "/{account}/calllogs"
_BOM = b"\xef\xbb\xbf"
# A text, or one of the three words that are no JSON but that some writers put in place of a number.
_NO_NUMBERS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|(-?Infinity|NaN)', re.DOTALL)
# Half of a pair of escapes, which stands for no character; whole pairs and other escapes are stepped over.
_HALVES = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


class _Report(msgspec.Struct):
    records: list[msgspec.Raw]
    totalCount: Annotated[int, msgspec.Meta(ge=0)]  # noqa: N815  # Ringba's name
    partialResult: Any = None  # noqa: N815  # Ringba's name


class _Envelope(msgspec.Struct):
    report: _Report | None = None
    isSuccessful: Any = None  # noqa: N815  # Ringba's name


_ENVELOPES = msgspec.json.Decoder(_Envelope)


@dataclass(frozen=True, kw_only=True)
class LogPage:
    """The count that Ringba declares for what was asked, and the records of this page, each a JSON object.

    ``content`` is the whole answer, sound JSON.
    """

    total: int
    records: Sequence[msgspec.Raw]
    content: bytes = field(repr=False)


def build_request(start: datetime, end: datetime, *, campaign: str = "", number: str = "") -> dict[str, Any]:
    """The request of a window's first page, oldest call first. Ringba includes a call at the very ``end``.

    Unformatted times and spans: epoch ms and seconds cannot be misread. ``number`` is a tracking number however it is
    written.
    """
    body: dict[str, Any] = {
        "reportStart": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "size": PAGE_SIZE,
        "offset": 0,
        "orderByColumns": [{"column": API_IDS[word], "direction": "asc"} for word in ("call_at", "call_id")],
        "valueColumns": [{"column": name} for name in API_IDS.values()],
    }
    digits = re.sub(r"\D", "", number)[-10:]
    conditions = [("campaign", campaign.strip(), "EQUALS")]
    # In the log, numbers stand in E.164: its digits are looked for where there are enough of them to be sure.
    conditions.append(("number", digits, "CONTAINS") if len(digits) == 10 else ("number", number.strip(), "EQUALS"))
    filters = [_condition(word, value, comparison) for word, value, comparison in conditions if value]
    return body | {"filters": filters} if filters else body


def _condition(word: str, value: str, comparison: str) -> dict[str, Any]:
    same = {"value": value, "isNegativeMatch": False, "comparisonType": comparison}
    return {"anyConditionToMatch": [{"column": API_IDS[word]} | same]}


def read_page(content: bytes) -> LogPage:
    """The page in an answer. Raises ValueError for what is not JSON, BadAnswer for JSON that is no whole page.

    NaN and Infinity, which are no JSON, become texts, half a surrogate pair becomes U+FFFD: one bad value must not cost
    a page.
    """
    body = content.removeprefix(_BOM)
    try:
        body.decode()
        return _open(body)
    except UnicodeDecodeError as broken:
        flaw = f"not UTF-8 at byte {broken.start + len(content) - len(body):,}"
    except RecursionError:
        flaw = "nested too deeply"
    except msgspec.DecodeError:
        flaw = "not whole JSON"
    raise ValueError(flaw)  # outside the except: the decoder's error holds the bytes


def _open(body: bytes) -> LogPage:
    try:
        envelope = _ENVELOPES.decode(body)
    except msgspec.ValidationError:
        distrust(_find_flaw(msgspec.json.decode(_mend(body))))
    except msgspec.DecodeError:
        mended = _mend(body)
        if mended == body:
            raise
        return _open(mended)
    return _check(envelope, body)


def _mend(body: bytes) -> bytes:
    """The same bytes with values that are no JSON made texts. Slow: for the rare answer that needs it."""
    return _NO_NUMBERS.sub(lambda found: b'"%b"' % found[1] if found[1] else _whole_escapes(found[0]), body)


def _whole_escapes(text: bytes) -> bytes:
    if b"\\u" not in text:
        return text
    return _HALVES.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def _check(envelope: _Envelope, body: bytes) -> LogPage:
    if envelope.isSuccessful is False:
        distrust("says that the request failed, inside an answer 200")
    report = envelope.report
    if report is None:
        distrust("gave an answer without 'report'")
    if report.partialResult is True:
        distrust("answered only in part (partialResult)")
    if not all(memoryview(record)[0] == ord("{") for record in report.records):
        distrust("gave records of an unknown shape")
    return LogPage(total=report.totalCount, records=report.records, content=body)


def _find_flaw(tree: Any) -> str:
    """What is wrong with the shape of an envelope, for the message."""
    report = tree.get("report") if isinstance(tree, dict) else None
    if isinstance(tree, dict) and tree.get("isSuccessful") is False:
        return "says that the request failed, inside an answer 200"
    if not isinstance(report, dict):
        return "gave an answer without 'report'"
    lacking = [name for name in ("totalCount", "records") if name not in report]
    if lacking:
        return f"gave an answer without {' and '.join(map(repr, lacking))}"
    return (
        "gave records of an unknown shape" if not isinstance(report["records"], list) else "gave no usable totalCount"
    )


def distrust(flaw: str, where: str = f"POST {CALL_LOG}") -> NoReturn:
    """Refuse an answer of Ringba's: raises BadAnswer."""
    next_step = "Nothing was changed. Run again in a few minutes; if it stays so, report it with this text."
    raise BadAnswer(Problem(what=f"Ringba {flaw}.", where=f"{where} at Ringba's API", next_step=next_step))
