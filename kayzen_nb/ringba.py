"""Ringba's API, reading only: the account, the call log, and the evidence about calls.

Facts about the API, with their sources, stand in the reference on Ringba (sections 1 to 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Self

from kayzen_nb.callbatches import CALL_ID, fetch_batches
from kayzen_nb.callsearch import check_search, narrow, read_digits, read_hits
from kayzen_nb.errors import BadAnswer, ParameterError, Problem, SettingsError
from kayzen_nb.http import Client
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import Pace
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.ringba_events import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import httpx

    from kayzen_nb.calls import CallEvidence, CallHit
    from kayzen_nb.settings import Settings

PAGE_SIZE = 1000  # the API's stated maximum
_DEEPEST = 10_000  # public clients stop here, an Elasticsearch-like window: larger slices are halved
_PASSES = 3
_DEADLINE_S = 120.0  # long enough to wait for the edge of a minute's rate limit
_CALL_LOG = "/{account}/calllogs"
_ADVICE = {
    401: "Check RINGBA_API_TOKEN (Ringba > Security > API Access Tokens); it may have been deleted.",
    403: "Ask a Ringba admin to give the token's user the right to read reports.",
}
_CALL_DETAIL = f"{_CALL_LOG}/detail"
_DETAILS_A_MINUTE = 150  # three quarters of Ringba's 200, which people at its web page use too
_BURST = 30
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
    """A connection to one Ringba account. Raises PlatformError subclasses; writes nothing."""

    def __init__(
        self, settings: Settings, *, transport: httpx.BaseTransport | None = None, pace: Pace | None = None
    ) -> None:
        settings.require("ringba_api_token", "ringba_account_id")
        token = settings.ringba_api_token or Secret("")
        self._account_id = settings.ringba_account_id or ""
        # A transport of our own answers inside this process, where there is no limit to share.
        self._pace = pace or (None if transport else Pace(_DETAILS_A_MINUTE, burst=_BURST))
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
        answer = self._client.fetch_json("GET", "/ringbaaccounts", what="the account")
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

    def fetch_call_records(self, period: Period, *, campaign: str = "") -> list[dict[str, Any]]:
        """Every record of the period, day by day, as Ringba gives it: sparse, floats as Decimals.

        Raises BadAnswer unless each slice is proven complete.
        """
        days = (Period(first_day=day, last_day=day, zone=period.zone) for day in period.days)
        return [r for day in days for r in self._fetch_slice(day.start_utc, day.end_utc, campaign)]

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
        total, records = self._ask_page(narrow(_page_request(about - within, about + within, campaign, 0), digits))
        return read_hits(total, records, digits)

    def _fetch_details(self, call_ids: Sequence[str]) -> dict[str, CallEvidence]:
        """One request for the details of calls; what was not asked for is not taken."""
        if self._pace:
            self._pace.wait()
        asked_at = datetime.now(UTC)
        body = {"InboundCallIds": list(call_ids)}
        report = _report(self._client.fetch_json("POST", _CALL_DETAIL, body=body, what="the calls"), _CALL_DETAIL)
        records = _records(_member(report, "records", _CALL_DETAIL), _CALL_DETAIL)
        known = {str(record.get("inboundCallId")): record for record in records}
        return {i: read_record(known[i], call_id=i, read_at=asked_at) for i in call_ids if i in known}

    def _fetch_slice(self, start: datetime, end: datetime, campaign: str) -> list[dict[str, Any]]:
        """A slice's records; read again when they do not add up, because calls may have arrived meanwhile."""
        for _ in range(_PASSES):
            total, pages = self._read_pages(start, end, campaign)
            if total > _DEEPEST:
                return self._fetch_halves(start, end, campaign)
            flaw = _find_flaw(total, pages)
            if not flaw:
                # The API's end is inclusive, ours is not: the call at the very edge belongs to the next slice.
                return [r for page in pages for r in page if r.get("callDt") != int(end.timestamp()) * 1000]
        span = f"between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC"
        return _distrust(f"{flaw} (read {_PASSES} times), {span}", _CALL_LOG)

    def _fetch_halves(self, start: datetime, end: datetime, campaign: str) -> list[dict[str, Any]]:
        if end - start < timedelta(minutes=2):
            _distrust(f"says it holds over {_DEEPEST:,} calls in a minute", _CALL_LOG)
        middle = (start + (end - start) / 2).replace(microsecond=0)
        return self._fetch_slice(start, middle, campaign) + self._fetch_slice(middle, end, campaign)

    def _read_pages(self, start: datetime, end: datetime, campaign: str) -> tuple[int, list[list[dict[str, Any]]]]:
        """The declared count and the pages read. Stops early where the slice is too deep."""
        pages: list[list[dict[str, Any]]] = []
        while True:
            read = sum(map(len, pages))
            total, page = self._fetch_page(start, end, campaign, offset=read)
            pages.append(page)
            if not page or read + len(page) >= total or total > _DEEPEST:
                return total, pages

    def _fetch_page(
        self, start: datetime, end: datetime, campaign: str, *, offset: int
    ) -> tuple[int, list[dict[str, Any]]]:
        return self._ask_page(_page_request(start, end, campaign, offset))

    def _ask_page(self, body: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        """One page of the call log, with the count that Ringba declares."""
        report = _report(self._client.fetch_json("POST", _CALL_LOG, body=body, what="the call log"), _CALL_LOG)
        total = _member(report, "totalCount", _CALL_LOG)
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            _distrust("gave no usable totalCount", _CALL_LOG)
        return total, _records(_member(report, "records", _CALL_LOG), _CALL_LOG)


def _page_request(start: datetime, end: datetime, campaign: str, offset: int) -> dict[str, Any]:
    """A page's request. Unformatted times and spans: epoch ms and seconds cannot be misread."""
    body: dict[str, Any] = {
        "reportStart": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "size": PAGE_SIZE,
        "offset": offset,
        "orderByColumns": [{"column": name, "direction": "asc"} for name in ("callDt", "inboundCallId")],
        "valueColumns": [{"column": name} for name in API_IDS.values()],
    }
    if campaign.strip():
        same = {"value": campaign.strip(), "isNegativeMatch": False, "comparisonType": "EQUALS"}
        body["filters"] = [{"anyConditionToMatch": [{"column": API_IDS["campaign"]} | same]}]
    return body


def _find_flaw(total: int, pages: list[list[dict[str, Any]]]) -> str:
    """Why a slice is not proven complete; empty when it is."""
    records = [record for page in pages for record in page]
    if len(records) != total:
        return f"declared {total:,} calls but gave {len(records):,}"
    ids = [str(r["inboundCallId"]) for r in records if "inboundCallId" in r]
    if len(pages) > 1 and len(set(ids)) < len(ids):
        return "gave a call on two pages, so another one may be missing"
    return ""


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
    where = path if path.startswith("GET") else f"POST {path}"
    next_step = "Nothing was changed. Run again in a few minutes; if it stays so, report it with this text."
    raise BadAnswer(Problem(what=f"Ringba {flaw}.", where=f"{where} at Ringba's API", next_step=next_step))


def _unknown_call(what: str) -> ParameterError:
    return ParameterError(
        Problem(
            what=what,
            where="call_id",
            next_step="Copy the Inbound Call ID from Ringba's Call Details; a new call may need a minute to appear.",
        )
    )
