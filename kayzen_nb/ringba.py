"""Ringba's API, reading only: the account, the call log, and the evidence about one call.

Facts about the API, with their sources, stand in the reference on Ringba (sections 1 to 3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn, Self

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.errors import BadAnswer, ParameterError, Problem, SettingsError
from kayzen_nb.http import Client
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.vocabulary import MICROS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

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
_PIXEL_FIRE = re.compile(r"pixel[ _]?fired?", re.IGNORECASE)
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

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        settings.require("ringba_api_token", "ringba_account_id")
        token = settings.ringba_api_token or Secret("")
        self._account_id = settings.ringba_account_id or ""
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
        if not re.fullmatch(r"[A-Za-z0-9_+/=.:-]{1,100}", call_id):
            raise _unknown_call("No call id is given." if not call_id else "This is not a call id.")
        answer = self._client.fetch_json(
            "POST", f"{_CALL_LOG}/detail", body={"InboundCallIds": [call_id]}, what="the call"
        )
        report = _report(answer, f"{_CALL_LOG}/detail")
        records = _records(_member(report, "records", f"{_CALL_LOG}/detail"), f"{_CALL_LOG}/detail")
        record = next((r for r in records if r.get("inboundCallId") == call_id), None)
        if record is None:
            raise _unknown_call(f"Ringba knows no call {call_id!r} in this account.")
        return _read_evidence(call_id, record)

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
        body = _page_request(start, end, campaign, offset)
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


def _read_evidence(call_id: str, record: Mapping[str, Any]) -> CallEvidence:
    """A record in our words. Records are sparse: an absent flag is false, an absent amount is not known."""
    events = [event for event in record.get("events") or () if isinstance(event, dict)]
    connected = record.get("hasConnected") is True
    return CallEvidence(
        call_id=call_id,
        call_at=_read_time(record.get("callDt")),
        campaign=record.get("campaignName"),
        caller=record.get("inboundPhoneNumber"),
        number=record.get("number"),
        state=record.get("tag:InboundNumber:State") or _read_tag(record, "InboundNumber", "State"),
        is_duplicate=record.get("isDuplicate") is True,
        blocked=record.get("wasBlocked") is True,
        connected=connected,
        completed=connected and record.get("isLive") is not True,
        converted=record.get("hasConverted") is True,
        paid=record.get("hasPayout") is True,
        revenue_usd_micros=_read_micros(record.get("conversionAmount")),
        payout_usd_micros=_read_micros(record.get("payoutAmount")),
        event_names=tuple(str(event.get("name", "")) for event in events),
        fires=tuple(_read_fires(events)),
    )


def _read_fires(events: list[dict[str, Any]]) -> Iterator[PixelFire]:
    """The pixel fires among a call's events. Ringba puts the fired URL into ``recordingUrl``."""
    for event in events:
        if _PIXEL_FIRE.fullmatch(str(event.get("name", "")).strip()):
            url = event.get("recordingUrl") or event.get("url") or event.get("fireUrl") or ""
            yield PixelFire(
                pixel_name=str(event.get("eventName") or ""),
                fired_at=_read_time(event.get("dtStamp")),
                status=_read_status(event.get("httpStatusCode")),
                url=str(url),
                fail_reason=str(event.get("failReason") or ""),
            )


def _read_tag(record: Mapping[str, Any], kind: str, name: str) -> str | None:
    tags = [tag for tag in record.get("message-tags") or () if isinstance(tag, dict)]
    return next((t.get("value") for t in tags if (t.get("type"), t.get("name")) == (kind, name)), None) or None


def _read_time(value: object) -> datetime | None:
    """Epoch milliseconds, or ISO text with up to seven decimals; UTC where no zone stands."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**14:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _read_status(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if re.fullmatch(r"\d{3}", text) else None


def _read_micros(value: object) -> int | None:
    """An amount in millionths of a dollar; None where absent or no number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    micros = Decimal(value) * MICROS
    return round(micros) if -(MICROS**3) < micros < MICROS**3 else None
