"""Both platforms under one roof, which the in-process transport and the HTTP server share."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.privacy import Secret
from kayzen_nb.sandbox import answers
from kayzen_nb.sandbox.callbook import CallBook
from kayzen_nb.sandbox.datafaults import Movement
from kayzen_nb.sandbox.invented import CAMPAIGNS, invent_call
from kayzen_nb.sandbox.kayzen_side import KayzenSide, ReceivedEvent
from kayzen_nb.sandbox.movement import move_calls
from kayzen_nb.sandbox.placedpixels import KAYZEN_KEY
from kayzen_nb.sandbox.ringba_shapes import record_of
from kayzen_nb.sandbox.ringba_side import ACCOUNT_ID, RINGBA_TOKEN, AskedRequest, RingbaSide
from kayzen_nb.sandbox.scenariofile import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from kayzen_nb.account import Pixel
    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.invented import InventedCall
    from kayzen_nb.sandbox.scenarios import Scenario
    from kayzen_nb.settings import Settings

__all__ = [
    "ACCOUNT_ID", "KAYZEN_KEY", "RINGBA_TOKEN", "AskedRequest", "ReceivedEvent", "Sandbox", "open_sandbox",
]  # fmt: skip

_NO_CALL = "RGB" + "0" * 40 + "V300000"
_A_LITTLE_OF_ALL = Movement(arrive=1, earlier=1, alike=1, vanish=1, change=2)


def open_sandbox(
    scenario: str | Scenario = "healthy",
    *,
    now: datetime | None = None,
    clock: Callable[[], datetime] | None = None,
    volume: int | None = None,
) -> Sandbox:
    """A sandbox playing a scenario, as of ``now`` (aware; default: this moment).

    With ``clock`` the sandbox's time goes on by itself: every request is answered as of what it tells. ``volume`` is
    how many calls a day has on average, whatever the scenario says. Raises ParameterError for an unknown name,
    InputError where what the scenario plants changes nothing.
    """
    if isinstance(scenario, str) and scenario not in SCENARIOS:
        hint = did_you_mean(scenario, SCENARIOS)
        raise ParameterError(
            Problem(what=f"The sandbox has no scenario {scenario!r}.", where="scenario", next_step=hint)
        )
    played = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    return Sandbox(replace(played, volume=volume) if volume else played, now, clock)


class Sandbox:
    """Ringba and Kayzen under one roof. ``received`` holds what the event endpoint was sent."""

    def __init__(
        self, scenario: Scenario, now: datetime | None = None, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.scenario = scenario
        self._clock, self._is_standing = clock, now is not None
        self._book = CallBook(scenario, (now or (clock or _utc_now)()).astimezone(UTC))
        self._kayzen = KayzenSide()
        self._ringba = RingbaSide(scenario, self._kayzen)

    @property
    def now(self) -> datetime:
        """The moment that the sandbox plays."""
        self._go_on()
        return self._book.now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._is_standing = True
        self._book = CallBook(self.scenario, moment.astimezone(UTC), self._book.held)

    def _go_on(self) -> None:
        if self._clock:
            self._book.now = self._clock().astimezone(UTC)

    def _limits_now(self) -> datetime:
        """When a request comes, for the rate limits.

        A sandbox that was opened without a moment plays the calls of its opening, and its limits turn with real time:
        a person who tries it waits a real minute.
        """
        return self._book.now if self._clock or self._is_standing else _utc_now()

    @property
    def received(self) -> list[ReceivedEvent]:
        """What the event endpoint was sent, in order of arrival."""
        return self._kayzen.received

    @property
    def pixels(self) -> tuple[Pixel, ...]:
        """The pixels as they stand in the sandbox's Ringba, attached or not, key included."""
        return tuple(placed.pixel for placed in self._ringba.pixels)

    @property
    def settings(self) -> Settings:
        """Invented credentials with the platforms' own addresses, for use with ``transport``, and a home apart."""
        from kayzen_nb.settings import Settings, find_home  # noqa: PLC0415  # pydantic, only where settings are made

        return Settings(
            kayzen_api_key=Secret(KAYZEN_KEY),
            ringba_api_token=Secret(RINGBA_TOKEN),
            ringba_account_id=ACCOUNT_ID,
            home=find_home() / "sandbox",
        )

    @property
    def transport(self) -> httpx.BaseTransport:
        """Answers in place of the network, for both platforms' hosts."""
        from kayzen_nb.sandbox.transport import SandboxTransport  # noqa: PLC0415  # httpx, only where it is used

        return SandboxTransport(self)

    @property
    def test_call_id(self) -> str:
        """The call that the scenario shapes: the newest one, not a duplicate, whose payout has been credited."""
        return self._book.test_call.call_id if self._book.test_call else _NO_CALL

    @property
    def campaign_id(self) -> str:
        """The id of the test call's campaign."""
        return self._book.campaign_id

    @property
    def campaign_name(self) -> str:
        """The name of the test call's campaign."""
        return next(campaign.name for campaign in CAMPAIGNS if campaign.id == self.campaign_id)

    def newest_call_ids(self, count: int) -> list[str]:
        """The ids of the last calls, newest first, whatever became of them."""
        return [call.call_id for call in self._book.newest(count)]

    @property
    def asked(self) -> list[AskedRequest]:
        """Every request that the sandbox's Ringba was asked, in order, refused ones too."""
        return self._ringba.asked

    def truth(self, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The records of all calls that Ringba really holds now, begun from ``start`` up to before ``end``.

        All columns, in order of time and id, unspoiled, whatever the scenario answers; the caller may change them.
        """
        self._go_on()
        first, last = start.astimezone(UTC), end.astimezone(UTC) - timedelta(microseconds=1)
        return [dict(record) for record in self._ringba.call_log.rows.between(self._book, first, last)]

    @property
    def moved(self) -> list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
        """What has moved so far, in order: call id, the record before (None: new) and after (None: deleted)."""
        now = self._book.now
        return [
            (m.call_id, record_of(m.before, now) if m.before else None, record_of(m.after, now) if m.after else None)
            for m in self._book.held.moved
        ]

    def add_call(self, at: datetime, *, seed: int = 0) -> str:
        """One call more, begun at a moment (aware, milliseconds); its id. Another seed is another call."""
        rng = random.Random(f"added:{seed}:{at.isoformat()}")  # noqa: S311  # a game, not a secret
        call = invent_call(at.astimezone(UTC), rng)
        self._book.held.add(call)
        return call.call_id

    def change_call(self, call_id: str, **fields: Any) -> None:
        """Other content for a call. Raises KeyError for one that is not there.

        ``fields`` are those of ``invented.InventedCall``: ``adjusted_payout=-35.0``, ``converted_at``, ``caller=""``.
        """
        call = self._find(call_id)
        self._book.held.change(call, replace(call, **fields))

    def delete_call(self, call_id: str) -> None:
        """A call less. Raises KeyError for one that is not there."""
        self._book.held.delete(self._find(call_id))

    def disturb(self, rng: random.Random) -> None:
        """Move a few calls in the window that was read last: new ones, deleted ones, other amounts."""
        self._go_on()
        if self._ringba.call_log.last_read:
            window, last = self._ringba.call_log.last_read
            if last:
                move_calls(self._book, _A_LITTLE_OF_ALL, window, last, rng)

    def _find(self, call_id: str) -> InventedCall:
        self._go_on()
        call = self._book.find(call_id)
        if call is None:
            raise KeyError(call_id)
        return call

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer one request. ``target`` is path and query; header names may be in any case."""
        self._go_on()
        path = urlsplit(target).path.rstrip("/")
        if (method, path) == ("GET", "/v1/ev"):
            return self._kayzen.respond(urlsplit(target).query)
        if not path.startswith("/v2/"):
            return answers.not_found(path)
        lower = {name.lower(): value for name, value in headers.items()}
        return self._ringba.respond(
            method, path, lower.get("authorization", ""), body, self._book, at=self._limits_now()
        )


def _utc_now() -> datetime:
    return datetime.now(UTC)
