"""The sandbox's Kayzen: its event endpoint, and what it has received.

Kayzen publishes no contract of its answers. Our choice: 403 to a wrong key, 200 to everything else, however wrong its
content; so a 200 proves as little here as it does there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from kayzen_nb.pixels import ENDPOINT
from kayzen_nb.sandbox.placedpixels import KAYZEN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kayzen_nb.sandbox.answers import Answer

_HOST, _, _PATH = ENDPOINT.partition("://")[2].partition("/")
_NEEDED = ("app_event", "call_id")


@dataclass(frozen=True, kw_only=True)
class ReceivedEvent:
    """One request that the sandbox's Kayzen endpoint received, the status it gave, and what is wrong with it.

    ``parameters`` is decoded, ``raw_query`` as it came. ``problems`` holds a short phrase each, without any value.
    """

    received_at: datetime
    parameters: Mapping[str, str] = field(repr=False)
    status: int
    raw_query: str = field(default="", repr=False)
    problems: tuple[str, ...] = ()


class KayzenSide:
    """The event endpoint. ``received`` grows with each request."""

    def __init__(self) -> None:
        self.received: list[ReceivedEvent] = []

    def respond(self, query: str) -> Answer:
        """Answer a request that a client sent now."""
        return self._receive(query, datetime.now(UTC), None).status, {"Content-Type": "text/plain"}, b""

    def deliver(self, method: str, url: str, at: datetime, planted: int | None) -> int | None:
        """What a pixel's request is answered; None when it gets no answer.

        A request to another host reaches somebody else, who answers 200; to another path or with another method, 404;
        and one with a line break ends there: all our choice. A planted status of 0 is no answer.
        """
        address, _, query = url.partition("\n")[0].partition("?")
        host, _, path = address.partition("://")[2].partition("/")
        if planted == 0:
            return None
        if host != _HOST:
            return planted or 200
        if path != _PATH or method != "GET":
            return planted or 404
        return self._receive(query, at, planted).status

    def _receive(self, query: str, at: datetime, planted: int | None) -> ReceivedEvent:
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        status = planted or (200 if parameters.get("api_key") == KAYZEN_KEY else 403)
        event = ReceivedEvent(
            received_at=at,
            parameters=parameters,
            status=status,
            raw_query=query,
            problems=tuple(_problems(parameters)),
        )
        self.received.append(event)
        return event


def _problems(parameters: Mapping[str, str]) -> Iterator[str]:
    if parameters.get("api_key") != KAYZEN_KEY:
        yield "the key is not the right one" if parameters.get("api_key") else "the key is missing"
    for name in _NEEDED:
        if not parameters.get(name):
            yield f"{name} is {'empty' if name in parameters else 'missing'}"
    for name, value in parameters.items():
        if "[" in value:
            yield f"{name} holds an unfilled token"
