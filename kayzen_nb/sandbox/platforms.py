"""Both platforms under one roof, which the in-process transport and the HTTP server share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.privacy import Secret
from kayzen_nb.sandbox import answers
from kayzen_nb.sandbox.callbook import CallBook
from kayzen_nb.sandbox.invented import CAMPAIGNS
from kayzen_nb.sandbox.kayzen_side import KayzenSide, ReceivedEvent
from kayzen_nb.sandbox.placedpixels import KAYZEN_KEY
from kayzen_nb.sandbox.ringba_side import ACCOUNT_ID, RINGBA_TOKEN, RingbaSide
from kayzen_nb.sandbox.scenariofile import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from kayzen_nb.account import Pixel
    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.scenarios import Scenario
    from kayzen_nb.settings import Settings

__all__ = ["ACCOUNT_ID", "KAYZEN_KEY", "RINGBA_TOKEN", "ReceivedEvent", "Sandbox", "open_sandbox"]

_NO_CALL = "RGB" + "0" * 40 + "V300000"


def open_sandbox(scenario: str | Scenario = "healthy", *, now: datetime | None = None) -> Sandbox:
    """A sandbox playing a scenario, as of ``now`` (aware; default: this moment).

    Raises ParameterError for an unknown name, InputError where what the scenario plants changes nothing.
    """
    if isinstance(scenario, str) and scenario not in SCENARIOS:
        hint = did_you_mean(scenario, SCENARIOS)
        raise ParameterError(
            Problem(what=f"The sandbox has no scenario {scenario!r}.", where="scenario", next_step=hint)
        )
    played = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    return Sandbox(played, now or datetime.now(UTC))


class Sandbox:
    """Ringba and Kayzen under one roof. ``received`` holds what the event endpoint was sent."""

    def __init__(self, scenario: Scenario, now: datetime) -> None:
        self.scenario = scenario
        self._book = CallBook(scenario, now.astimezone(UTC))
        self._kayzen = KayzenSide()
        self._ringba = RingbaSide(scenario, self._kayzen)

    @property
    def now(self) -> datetime:
        """The moment that the sandbox plays."""
        return self._book.now

    @now.setter
    def now(self, moment: datetime) -> None:
        self._book = CallBook(self.scenario, moment.astimezone(UTC))

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
        """Invented credentials with the platforms' own addresses, for use with ``transport``."""
        from kayzen_nb.settings import Settings  # noqa: PLC0415  # pydantic's settings, only where settings are made

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

    def respond(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Answer one request. ``target`` is path and query; header names may be in any case."""
        path = urlsplit(target).path.rstrip("/")
        if (method, path) == ("GET", "/v1/ev"):
            return self._kayzen.respond(urlsplit(target).query)
        if not path.startswith("/v2/"):
            return answers.not_found(path)
        lower = {name.lower(): value for name, value in headers.items()}
        return self._ringba.respond(method, path, lower.get("authorization", ""), body, self._book)
