"""Ringba's API, reading only: the account, the call log, and the evidence about calls.

Facts about the API, with their sources, stand in the reference on Ringba (sections 1 to 3).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Self

from kayzen_nb.callbatches import CALL_ID, fetch_batches
from kayzen_nb.callcolumns import COLUMNS, read_columns
from kayzen_nb.calllog import CallLog
from kayzen_nb.callsearch import check_search, narrow, read_digits, read_hits
from kayzen_nb.errors import ParameterError, Problem, SettingsError
from kayzen_nb.http import Client
from kayzen_nb.logpage import CALL_LOG, build_request, distrust, read_page
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import PATIENCE_S, Pace, read_limits
from kayzen_nb.ringba_events import read_record
from kayzen_nb.strictjson import read_json
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import httpx
    import msgspec

    from kayzen_nb.calls import CallEvidence, CallHit
    from kayzen_nb.logpage import LogPage
    from kayzen_nb.period import Period
    from kayzen_nb.settings import Settings
    from kayzen_nb.watching import Watcher

# Account-wide, people at the web page included (help centre, "Rate limits"); three quarters are used.
DETAIL_LIMITS = "200/minute"
_DEADLINE_S = 90.0  # three times the longest wait for a first byte
_ADVICE = {
    401: "Check RINGBA_API_TOKEN (Ringba > Security > API Access Tokens); it may have been deleted.",
    403: "Ask a Ringba admin to give the token's user the right to read reports.",
}
_CALL_DETAIL = f"{CALL_LOG}/detail"
_ZONES = {
    "UTC": "UTC",
    "Eastern Standard Time": "America/New_York",
    "Central Standard Time": "America/Chicago",
    "Mountain Standard Time": "America/Denver",
    "US Mountain Standard Time": "America/Phoenix",
    "Pacific Standard Time": "America/Los_Angeles",
    "Alaskan Standard Time": "America/Anchorage",
    "Hawaiian Standard Time": "Pacific/Honolulu",
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """A Ringba account. ``time_zone_id`` is a Windows name; ``zone`` the IANA one, None when it is not known."""

    id: str
    name: str
    time_zone_id: str
    zone: str | None


class Ringba:
    """A connection to one Ringba account. Raises PlatformError subclasses; writes nothing.

    ``pace`` is that of reports (the call log), ``detail_pace`` that of single calls' details, which Ringba counts
    apart. Without them the settings' limits are kept, except where ``transport`` answers inside this process.
    ``patience_s`` bounds the waits at limits, of which ``watcher`` is told.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
        detail_pace: Pace | None = None,
        watcher: Watcher = SILENT,
        patience_s: float = PATIENCE_S,
    ) -> None:
        settings.require("ringba_api_token", "ringba_account_id")
        token = settings.ringba_api_token or Secret("")
        self._account_id = settings.ringba_account_id or ""
        self._pace, self._detail_pace = pace, detail_pace
        if transport is None:
            limits = read_limits(settings.ringba_limits, "KAYZEN_NB_RINGBA_LIMITS")
            book = settings.home / f"pace-{self._account_id}.json"  # shared by programs of this machine
            self._pace = pace or Pace(limits, book=book, watcher=watcher, patience_s=patience_s)
            self._detail_pace = detail_pace or Pace(read_limits(DETAIL_LIMITS), watcher=watcher)
        self._client = Client(
            settings.ringba_api_url,
            headers={"Authorization": Secret(f"Token {token.reveal()}")},
            platform="Ringba",
            transport=transport,
            deadline_s=_DEADLINE_S,
            ids={"account": self._account_id},
            advice=_ADVICE,
        )

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._client.__exit__(*error)

    def fetch_account(self) -> Account:
        """The account that the settings name; the smallest question that shows whether a token works."""
        answer = self._client.fetch_json("GET", "/ringbaaccounts", what="the account", pace=self._pace)
        accounts = _records(_member(answer, "account", "GET /ringbaaccounts"), "GET /ringbaaccounts")
        mine = [a for a in accounts if self._account_id in (a.get("id"), a.get("accountId"))]
        if not mine:
            raise SettingsError(
                Problem(
                    what="The API token does not see the account in RINGBA_ACCOUNT_ID.",
                    where="GET /ringbaaccounts",
                    next_step="Check RINGBA_ACCOUNT_ID, or make a token in that account.",
                )
            )
        zone = str(mine[0].get("timeZoneId", ""))
        return Account(id=self._account_id, name=str(mine[0].get("name", "")), time_zone_id=zone, zone=_ZONES.get(zone))

    def call_log(self) -> CallLog:
        """The account's call log, to be read by windows: whole, gently, or not at all."""
        return CallLog(self._ask_page)

    def fetch_columns(self) -> dict[str, str] | None:
        """The call log's columns, id to type; None where Ringba does not tell (403, 404)."""
        answer = self._client.fetch_json("GET", COLUMNS, what="the columns", pace=self._pace, none_at=(403, 404))
        return None if answer is None else read_columns(answer)

    def fetch_call_records(self, period: Period, *, campaign: str = "") -> list[dict[str, Any]]:
        """Every record of the period, as Ringba gives it: sparse, floats as Decimals. For periods that fit in memory.

        Raises BadAnswer unless the period is proven complete.
        """
        batches = self.call_log().read(period.start_utc, period.end_utc, campaign=campaign)
        return [_read_record(record) for batch in batches for record in batch]

    def fetch_call_evidence(self, call_id: str) -> CallEvidence:
        """One call with its pixel fires. Raises ParameterError when Ringba does not know the call."""
        call_id = call_id.strip()
        if not CALL_ID.fullmatch(call_id):
            raise _unknown_call("No call id is given." if not call_id else "This is not a call id.")
        found = self._fetch_details([call_id])
        if call_id not in found:
            raise _unknown_call(f"Ringba knows no call {call_id!r} in this account.")
        return found[call_id]

    def fetch_many_evidence(
        self, call_ids: Iterable[str], on_progress: Callable[[int, int], None] | None = None
    ) -> dict[str, CallEvidence]:
        """Calls with their pixel fires, in batches, within the account's limit; ``on_progress(read, all)``.

        Every id that was asked for is in the answer: one that Ringba says nothing of knows nothing, and says so.
        """
        return fetch_batches(call_ids, self._fetch_details, on_progress)

    def find_calls(
        self, *, caller_ends_with: str, about: datetime, within: timedelta = timedelta(hours=1), campaign: str = ""
    ) -> list[CallHit]:
        """The calls by a caller about a time, newest first, callers masked. At most a page of them is looked through.

        Four digits are enough; a full number is sent to Ringba only, and kept nowhere. Raises ParameterError.
        """
        digits = read_digits(caller_ends_with)
        check_search(digits, about, within)
        page = self._ask_page(narrow(build_request(about - within, about + within, campaign=campaign), digits))
        return read_hits(page.total, [_read_record(record) for record in page.records], digits)

    def _fetch_details(self, call_ids: Sequence[str]) -> dict[str, CallEvidence]:
        """One request for the details of calls; what was not asked for is not taken."""
        asked_at = datetime.now(UTC)
        body, pace = {"InboundCallIds": list(call_ids)}, self._detail_pace
        answer = self._client.fetch_json("POST", _CALL_DETAIL, body=body, what="the calls", pace=pace)
        records = _records(_member(_report(answer, _CALL_DETAIL), "records", _CALL_DETAIL), _CALL_DETAIL)
        known = {str(record.get("inboundCallId")): record for record in records}
        return {i: read_record(known[i], call_id=i, read_at=asked_at) for i in call_ids if i in known}

    def _ask_page(self, body: dict[str, Any]) -> LogPage:
        """One page of the call log, with the count that Ringba declares."""
        return self._client.fetch_page(
            "POST", CALL_LOG, body=body, what="the call log", read=read_page, pace=self._pace
        )


def _report(answer: Any, path: str) -> Any:
    """The report inside an answer, refused when Ringba says that it failed or is partial."""
    if isinstance(answer, dict) and answer.get("isSuccessful") is False:
        _distrust("says that the request failed, inside an answer 200", path)
    report = _member(answer, "report", path)
    if isinstance(report, dict) and report.get("partialResult") is True:
        _distrust("answered only in part (partialResult)", path)
    return report


def _member(tree: Any, name: str, path: str) -> Any:
    if not isinstance(tree, dict) or name not in tree:
        _distrust(f"gave an answer without {name!r}", path)
    return tree[name]


def _records(found: Any, path: str) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        _distrust("gave records of an unknown shape", path)
    return found


def _distrust(flaw: str, path: str) -> NoReturn:
    distrust(flaw, path if path.startswith("GET") else f"POST {path}")


def _read_record(record: msgspec.Raw) -> dict[str, Any]:
    """A record of the call log as a tree. Raises BadAnswer for one that strict JSON forbids."""
    try:
        tree: dict[str, Any] = read_json(bytes(record))
    except ValueError as flawed:
        flaw = "holds broken JSON" if isinstance(flawed, json.JSONDecodeError) else str(flawed)
    else:
        return tree
    return distrust(f"gave a record that cannot be trusted ({flaw})")


def _unknown_call(what: str) -> ParameterError:
    return ParameterError(
        Problem(
            what=what,
            where="call_id",
            next_step="Copy the Inbound Call ID from Ringba's Call Details; a new call may need a minute to appear.",
        )
    )
