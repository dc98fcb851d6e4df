"""Both platforms' answers, from one definition that the in-process transport and the HTTP server share."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.sandbox import logquery
from kayzen_nb.sandbox import ringba_shapes as shapes
from kayzen_nb.sandbox.invented import CAMPAIGNS, InventedCall, day_of, invent_day
from kayzen_nb.sandbox.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from kayzen_nb.account import Pixel
    from kayzen_nb.settings import Settings

ACCOUNT_ID = "RA" + "5a" * 16
RINGBA_TOKEN = "sandbox-ringba-token"  # noqa: S105  # invented, opens nothing
KAYZEN_KEY = "sandbox-kayzen-key"
_SEED = 20261101
_TRANSACTION = "TR00000000-0000-0000-0000-000000000000"

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True)
class ReceivedEvent:
    """One request that the sandbox's Kayzen endpoint received: its decoded parameters and the status it gave."""

    received_at: datetime
    parameters: Mapping[str, str] = field(repr=False)
    status: int


def open_sandbox(scenario: str = "healthy", *, now: datetime | None = None) -> Sandbox:
    """A sandbox playing a scenario, as of ``now`` (aware; default: this moment). Raises ParameterError if unknown."""
    if scenario not in SCENARIOS:
        hint = did_you_mean(scenario, SCENARIOS)
        raise ParameterError(
            Problem(what=f"The sandbox has no scenario {scenario!r}.", where="scenario", next_step=hint)
        )
    return Sandbox(SCENARIOS[scenario], now or datetime.now(UTC))


class Sandbox:
    """Ringba and Kayzen under one roof. ``received`` holds what the event endpoint was sent."""

    def __init__(self, scenario: Scenario, now: datetime) -> None:
        self.scenario, self.now = scenario, now.astimezone(UTC)
        self.received: list[ReceivedEvent] = []
        self._days: dict[date, list[InventedCall]] = {}
        self._fired: dict[tuple[str, str], int] = {}
        self._busy_answers = scenario.busy_answers
        key = None if scenario.key_left_out else Secret(KAYZEN_KEY)
        self._pixels: tuple[Pixel, ...] = tuple(
            pixel for pixel in render(build_plan(scenario.profile), key) if pixel.event not in scenario.unattached
        )

    @property
    def settings(self) -> Settings:
        """Invented credentials with the platforms' own addresses, for use with ``transport``."""
        from kayzen_nb.settings import Settings  # noqa: PLC0415  # pydantic, only where settings are made

        return Settings(
            kayzen_api_key=Secret(KAYZEN_KEY), ringba_api_token=Secret(RINGBA_TOKEN), ringba_account_id=ACCOUNT_ID
        )

    @property
    def transport(self) -> httpx.BaseTransport:
        """Answers in place of the network, for both platforms' hosts."""
        from kayzen_nb.sandbox.transport import SandboxTransport  # noqa: PLC0415  # httpx, only where it is used

        return SandboxTransport(self)

    @property
    def test_call_id(self) -> str:
        """The newest call, not a duplicate, whose payout has been credited: what a good test call looks like."""
        for back in range(60):
            calls = self._calls_on((self.now - timedelta(days=back)).date())
            paid = [c for c in calls if c.paid_at and c.paid_at <= self.now and not c.is_duplicate]
            if paid:
                return paid[-1].call_id
        return "RGB" + "0" * 40 + "V300000"

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer one request. ``target`` is path and query; header names may be in any case."""
        path = urlsplit(target).path.rstrip("/")
        if (method, path) == ("GET", "/v1/ev"):
            return self._receive(urlsplit(target).query)
        if not path.startswith("/v2/"):
            return _not_found(path)
        lower = {name.lower(): value for name, value in headers.items()}
        if refusal := self._refuse(lower.get("authorization", "")):
            return refusal
        try:
            return self._answer_ringba(method, path, body)
        except logquery.BadRequest as unsound:
            return _error(400, str(unsound), 0)

    def _answer_ringba(self, method: str, path: str, body: bytes) -> Answer:
        question = (method, path.removeprefix(f"/v2/{ACCOUNT_ID}"))
        if question == ("GET", "/v2/ringbaaccounts"):
            row = {"id": ACCOUNT_ID, "accountId": ACCOUNT_ID, "name": "Sandbox", "timeZoneId": "Eastern Standard Time"}
            return _ok({"account": [row | {"enabled": True}]})
        if question == ("POST", "/calllogs"):
            return self._call_log(logquery.read_body(body))
        if question == ("POST", "/calllogs/detail"):
            return self._call_detail(logquery.read_body(body))
        if question == ("GET", "/campaigns"):
            return _ok({"campaigns": [shapes.campaign_of(campaign) for campaign in CAMPAIGNS]})
        if question == ("GET", "/numbers"):
            return _ok({"numbers": [shapes.number_of(campaign) for campaign in CAMPAIGNS]})
        return _not_found(path)

    def _refuse(self, authorization: str) -> Answer | None:
        status = self.scenario.ringba_status
        if status is None and authorization != f"Token {RINGBA_TOKEN}":
            status = 401
        return _error(status, _STATUS_WORDS[status], 0) if status else None

    def _call_log(self, asked: dict[str, Any]) -> Answer:
        if self._busy_answers:
            self._busy_answers -= 1
            return _too_many()
        page, (start, end) = logquery.read_page(asked), logquery.read_window(asked)
        found = logquery.sort_records(logquery.filter_records(self._records(start, end), asked), asked)
        records = logquery.pick_columns(found[page], asked)
        report = {"partialResult": False, "totalCount": len(found), "records": records}
        return _ok({"isSuccessful": True, "report": report})

    def _call_detail(self, asked: dict[str, Any]) -> Answer:
        ids = asked.get("InboundCallIds") or asked.get("inboundCallIds") or []
        if not isinstance(ids, list):
            raise logquery.BadRequest("InboundCallIds must be a list")
        found = [self._detail(call) for call in map(self._find, ids) if call]
        return _ok({"isSuccessful": True, "report": {"records": found}})

    def _detail(self, call: InventedCall) -> dict[str, Any]:
        events = shapes.events_of(call, self.now, list(self._fires(call)))
        return shapes.record_of(call, self.now) | {"events": events, "message-tags": shapes.tags_of(call)}

    def _fires(self, call: InventedCall) -> Iterator[dict[str, Any]]:
        """The pixel fires of a call. Each is sent to the event endpoint once, however often the call is read.

        The keys are those that one public client met; the values of ``eventCode`` and ``failReason`` and the delay of
        a fire are our choice, since none is documented.
        """
        times = shapes.happened(call, self.now)
        for pixel in self._pixels:
            if pixel.event in times:
                url, at = shapes.fill(pixel, call), times[pixel.event]
                fire = (call.call_id, pixel.name)
                if fire not in self._fired:
                    self._fired[fire] = self._receive(urlsplit(url).query, at)[0]
                status = self._fired[fire]
                yield {
                    "name": "PixelFire",
                    "dtStamp": shapes.stamp(at + timedelta(milliseconds=250)),
                    "eventName": pixel.name,
                    "eventCode": pixel.fire_on,
                    "httpStatusCode": status,
                    "failReason": "" if status == 200 else "Forbidden",
                    "recordingUrl": url,
                }

    def _receive(self, query: str, at: datetime | None = None) -> Answer:
        """Kayzen's event endpoint. What the real one answers to a wrong key is not known: 403 is our choice."""
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        status = 200 if parameters.get("api_key") == KAYZEN_KEY else 403
        self.received.append(ReceivedEvent(received_at=at or datetime.now(UTC), parameters=parameters, status=status))
        return status, {"Content-Type": "text/plain"}, b""

    def _records(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        last = min(end, self.now).date()  # later days hold nothing and would be invented in vain
        days = [start.date() + timedelta(days=n) for n in range((last - start.date()).days + 1)]
        calls = [call for day in days for call in self._calls_on(day) if start <= call.at <= end]
        return [shapes.record_of(call, self.now) for call in calls]

    def _calls_on(self, day: date) -> list[InventedCall]:
        if not self.scenario.has_calls:
            return []
        if day not in self._days:
            self._days[day] = invent_day(day, _SEED)
        return [call for call in self._days[day] if call.at < self.now]

    def _find(self, call_id: str) -> InventedCall | None:
        day = day_of(str(call_id))
        return next((call for call in self._calls_on(day) if call.call_id == call_id), None) if day else None


# The message of a 400 is documented and serves as that of a 403 too; the wording of 401 and 503 is our choice.
_STATUS_WORDS = {401: "Unauthorized", 403: "Operation is not allowed", 503: "Service unavailable"}


def _ok(content: dict[str, Any]) -> Answer:
    return _answer(200, {"transactionId": _TRANSACTION} | content)


def _error(status: int, message: str, code: int) -> Answer:
    return _answer(
        status, {"transactionId": _TRANSACTION, "message": message, "messageCode": code, "errors": [message]}
    )


def _not_found(path: str) -> Answer:
    return _error(404, f"{path or '/'} is not found", 101)


def _too_many() -> Answer:
    """The documented body of a rate limit; that it comes with status 429 is inferred, a header is not known."""
    limits = {"perMinute": {"limit": 80, "currentCount": 81}}
    message = "Your account has been rate limited at the 'Minute' level"
    facts = {"isRateLimited": True, "exceedingRateLimit": "Minute", "rateLimitedResource": "GetCallLogs"}
    return _answer(429, {"transactionId": _TRANSACTION, "message": message, "rateLimit": limits} | facts)


def _answer(status: int, content: dict[str, Any]) -> Answer:
    return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(content).encode()
