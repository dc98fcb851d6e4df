"""The sandbox's Ringba: which endpoint answers what, and the pixel fires that calls cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kayzen_nb.sandbox import account_shapes, answers, logquery
from kayzen_nb.sandbox import ringba_shapes as shapes
from kayzen_nb.sandbox.callfacts import ACCOUNT_ZONE, triggered
from kayzen_nb.sandbox.calllogside import CallLogSide
from kayzen_nb.sandbox.columns import list_columns
from kayzen_nb.sandbox.filling import fill
from kayzen_nb.sandbox.limits import AccountLimits
from kayzen_nb.sandbox.placedpixels import place_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.callbook import CallBook
    from kayzen_nb.sandbox.invented import InventedCall
    from kayzen_nb.sandbox.kayzen_side import KayzenSide
    from kayzen_nb.sandbox.placedpixels import PlacedPixel
    from kayzen_nb.sandbox.scenarios import Scenario

ACCOUNT_ID = "RA" + "5a" * 16
RINGBA_TOKEN = "sandbox-ringba-token"  # noqa: S105  # invented, opens nothing


@dataclass(frozen=True, kw_only=True)
class AskedRequest:
    """One request that the sandbox's Ringba was asked, when (by the clock of its limits), and the status it gave."""

    at: datetime
    endpoint: str
    status: int


class RingbaSide:
    """Ringba's API over invented calls. Each pixel fire is delivered once, however often its call is read."""

    def __init__(self, scenario: Scenario, kayzen: KayzenSide) -> None:
        self.pixels = place_pixels(scenario)
        self.call_log = CallLogSide(scenario)
        self.asked: list[AskedRequest] = []
        self._scenario, self._kayzen = scenario, kayzen
        self._limits = AccountLimits({str(name): limit for name, limit in scenario.limits.items()})
        self._busy = dict(scenario.answers.busy)
        self._delivered: dict[tuple[str, str, int], int | None] = {}

    def respond(
        self, method: str, path: str, authorization: str, body: bytes, book: CallBook, *, at: datetime
    ) -> Answer:
        """Answer one request for a path below ``/v2``; ``at`` is when it came, for the rate limits."""
        answer = self._refuse(path, authorization, at) or self._try_to_answer(method, path, body, book)
        self.asked.append(AskedRequest(at=at, endpoint=_endpoint(path), status=answer[0]))
        return answer

    def _try_to_answer(self, method: str, path: str, body: bytes, book: CallBook) -> Answer:
        try:
            return self._answer(method, path, body, book)
        except logquery.BadRequest as unsound:
            return answers.error(400, str(unsound), 0)

    def _refuse(self, path: str, authorization: str, at: datetime) -> Answer | None:
        planted, endpoint = self._scenario.answers, _endpoint(path)
        if planted.every:
            return answers.refusal(planted.every)
        if authorization != f"Token {RINGBA_TOKEN}":
            return answers.refusal(401)
        if status := next((s for name, s in planted.refuses.items() if name == endpoint), None):
            return answers.refusal(status)
        return self._be_busy(endpoint) or self._limits.refuse(endpoint, at)

    def _be_busy(self, endpoint: str) -> Answer | None:
        waits = {str(name): left for name, left in self._busy.items()}
        if not waits.get(endpoint):
            return None
        self._busy = {name: left - (name == endpoint) for name, left in self._busy.items()}
        return answers.too_many(endpoint, self._scenario.answers.busy_status)

    def _answer(self, method: str, path: str, body: bytes, book: CallBook) -> Answer:
        question, (endpoint, _, item) = f"{method} {_endpoint(path)}", _question(path).partition("/")
        if question == "GET ringbaaccounts":
            row = {"id": ACCOUNT_ID, "accountId": ACCOUNT_ID, "name": "Sandbox", "timeZoneId": ACCOUNT_ZONE[0]}
            return answers.ok({"account": [row | {"enabled": True}]})
        if question == "POST calllogs":
            return self.call_log.respond(logquery.read_body(body), book)
        if question == "GET calllogs/columns":
            return answers.ok({"isSuccessful": True, "columns": list_columns(self._scenario.call_log)})
        if question == "POST calllogs/detail":
            return self._call_detail(logquery.read_body(body), book)
        if method == "GET" and endpoint in ("campaigns", "numbers", "EventCallBacks"):
            found = self._set_up(endpoint, item, book)
            return answers.ok(found) if found else answers.not_found(item)
        return answers.not_found(path)

    def _set_up(self, endpoint: str, item: str, book: CallBook) -> dict[str, Any] | None:
        """The account's set-up; None for an item that is not there. The envelopes of single items are our choice."""
        ruled = account_shapes.ruled_campaigns(book.campaign_id, self._scenario.campaign)
        pixels = [account_shapes.pixel_of(one.pixel) for one in self.pixels]
        if endpoint == "campaigns":
            campaigns = [account_shapes.campaign_of(one) for one in ruled]
            return self._one_campaign(campaigns, item) if item else {"campaigns": campaigns}
        if endpoint == "numbers":
            numbers = [account_shapes.number_of(number, one.campaign) for one in ruled for number in one.numbers]
            return _one("number", numbers, item) if item else {"numbers": numbers}
        if item == "macros":
            return {"macros": account_shapes.macros()}
        return _one("eventCallBack", pixels, item) if item else {"eventCallBacks": pixels}

    def _one_campaign(self, campaigns: list[dict[str, Any]], item: str) -> dict[str, Any] | None:
        """A campaign with its pixels; whether the real answer lists them is not known."""
        found = _one("campaign", campaigns, item)
        if found and self._scenario.answers.lists_pixels:
            found["campaign"]["eventCallBacks"] = account_shapes.attached(self.pixels)
        return found

    def _call_detail(self, asked: dict[str, Any], book: CallBook) -> Answer:
        ids, most = asked.get("InboundCallIds") or asked.get("inboundCallIds") or [], self._scenario.answers.ids_at_once
        if not isinstance(ids, list):
            raise logquery.BadRequest("InboundCallIds must be a list")
        if most and len(ids) > most:
            raise logquery.BadRequest(f"InboundCallIds must not hold more than {most} ids")
        found = [self._detail(call, book.now) for call in map(book.find, ids) if call]
        return answers.ok({"isSuccessful": True, "report": {"records": found}})

    def _detail(self, call: InventedCall, now: datetime) -> dict[str, Any]:
        due = sorted((d for one in self.pixels for d in _due(one, call, now)), key=lambda one: one.at)
        events = shapes.events_of(call, now, [self._fire(one, call) for one in due])
        if self._scenario.log.order == "reversed":
            events.reverse()
        return shapes.record_of(call, now) | {"events": events, "message-tags": shapes.tags_of(call, now)}

    def _fire(self, due: _Due, call: InventedCall) -> dict[str, Any]:
        url = fill(due.placed.pixel, call, due.placed.filling, due.begun)
        status = self._deliver(due.placed, (call.call_id, due.placed.pixel.id, due.number), url, due.at)
        return self._write_fire(due.placed, url, status, due.at)

    def _deliver(self, placed: PlacedPixel, fire: tuple[str, str, int], url: str, at: datetime) -> int | None:
        if fire not in self._delivered:
            status = self._kayzen.deliver(placed.pixel.method, url, at, placed.fault.status)
            self._delivered[fire] = status
        return self._delivered[fire]

    def _write_fire(self, placed: PlacedPixel, url: str, status: int | None, at: datetime) -> dict[str, Any]:
        """A fire in the keys that one public client met; the values of ``eventCode``, ``failReason`` are our choice."""
        log = self._scenario.log
        reason = placed.fault.fail_reason if placed.fault.fail_reason is not None else _fail_reason(status)
        fire = {
            "name": log.fire_name,
            "dtStamp": shapes.stamp(at),
            "eventName": placed.pixel.name,
            "eventCode": placed.pixel.fire_on,
            "failReason": reason,
        }
        if status is not None:
            fire["httpStatusCode"] = str(status) if log.status_as == "text" else status  # type: ignore[assignment]
        return fire if log.url_field == "none" else fire | {log.url_field: url}


@dataclass(frozen=True, kw_only=True)
class _Due:
    """A fire that has to be in the log: which one of its pixel's, when its event was, and when it fired."""

    placed: PlacedPixel
    number: int
    begun: datetime
    at: datetime


def _due(placed: PlacedPixel, call: InventedCall, now: datetime) -> Iterator[_Due]:
    """The fires of one pixel for a call, as far as they have happened. How long a fire takes is our choice."""
    begun = triggered(call, placed.pixel.fire_on, now) if placed.fires else None
    if begun is None:
        return
    for number in range(placed.fault.times):
        at = begun + timedelta(milliseconds=250, seconds=placed.fault.delay_s + 2 * number)
        if at <= now:
            yield _Due(placed=placed, number=number, begun=begun, at=at)


def _one(word: str, items: list[dict[str, Any]], item_id: str) -> dict[str, Any] | None:
    return next(({word: item} for item in items if item["id"] == item_id), None)


def _question(path: str) -> str:
    """The path below the account."""
    return path.removeprefix("/v2/").removeprefix(f"{ACCOUNT_ID}/")


def _endpoint(path: str) -> str:
    """The endpoint that a path belongs to: ``campaigns`` for ``/campaigns/CA..`` too."""
    below = _question(path)
    return below if below.startswith("calllogs/") else below.partition("/")[0]


def _fail_reason(status: int | None) -> str:
    if status is None:
        return "The operation has timed out"
    if status == HTTPStatus.OK:
        return ""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Failed"
