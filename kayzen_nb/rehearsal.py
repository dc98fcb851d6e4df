"""A rehearsal without a call: every planned event sent once, in the order in which a call lives, and seen arriving.

It proves the URLs and that six names are six, not that Kayzen knows the names. The calls are invented; by default
nothing leaves this process. Error has a call of its own, because a call that met a routing error never connects, so
its Error pixel cannot fire after the other five.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.pixels import PLACEHOLDER_KEY, render
from kayzen_nb.preview import CALL_TIME, invented_values
from kayzen_nb.privacy import Secret, mask_url, scrub
from kayzen_nb.tokens import fill, find_tokens
from kayzen_nb.vocabulary import Event, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan, PlannedPixel
    from kayzen_nb.sandbox import ReceivedEvent, Sandbox

_NEEDED = ("api_key", "app_event", "call_id")  # without these no receiver can tell whose event it is, and which
_MAY_BE_EMPTY = frozenset({"caller_state", "is_duplicate"})  # toll-free or foreign callers; calls that met an error
_PHONES = ("caller_id", "number")
_NOT_ON_ERROR = (":Conversion", ":CallLength:", ":IsDuplicate")


@dataclass(frozen=True, kw_only=True)
class RehearsedEvent:
    """One event as it was sent: the name it told, the answer's status, what is wrong. ``url`` is masked.

    ``same_name_as`` is the earlier event that had told this name already.
    """

    event: Event
    call_id: str
    sent_at: datetime
    url: str
    app_event: str
    status: int
    problems: tuple[str, ...] = ()
    same_name_as: Event | None = None

    @property
    def is_good(self) -> bool:
        """Answered 200, under its own name, with nothing wrong in it."""
        return self.status == 200 and not self.problems and not self.same_name_as

    def as_record(self) -> dict[str, Any]:
        """The event as ``--json`` prints it."""
        return asdict(self) | {"sent_at": self.sent_at.isoformat(timespec="milliseconds"), "is_good": self.is_good}


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One event as a receiver without a plan saw it. ``shown`` holds its other parameters, decoded and masked."""

    at: datetime
    app_event: str
    call_id: str
    status: int
    shown: str
    problems: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Answered 200, with nothing wrong in it."""
        return self.status == 200 and not self.problems


def rehearse(
    plan: Plan, *, send: Callable[[Secret], int], key: Secret | None, pause_s: float = 0.0
) -> Iterator[RehearsedEvent]:
    """Send each planned event once and give it back with its answer; ``send`` takes a URL and gives the status.

    ``pause_s`` lies between two events. Raises what ``send`` raises.
    """
    call_id, error_call_id = _invent_call_id(), _invent_call_id()
    first_with: dict[str, Event] = {}
    for n, pixel in enumerate(sorted(zip(plan.pixels, render(plan, key), strict=True), key=_place_in_life)):
        if n and pause_s:
            time.sleep(pause_s)
        event, url = pixel[0].event, pixel[1].url
        values = _values(event, error_call_id if event is Event.ERROR else call_id)
        sent = _send(event, fill(url, values, lambda value: quote(value, safe="")), key, send)
        first = first_with.setdefault(sent.app_event, sent.event)
        yield sent if first is sent.event else replace(sent, same_name_as=first)


def _place_in_life(pixel: tuple[PlannedPixel, Pixel]) -> int:
    return list(Event).index(pixel[0].event)


def _send(event: Event, url: str, key: Secret | None, send: Callable[[Secret], int]) -> RehearsedEvent:
    told = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    return RehearsedEvent(
        event=event,
        call_id=told.get("call_id", ""),
        sent_at=datetime.now(UTC),
        url=mask(url, key),
        app_event=told.get("app_event", ""),
        status=send(Secret(url)),
        problems=problems_of(told, key),
    )


def into_sandbox(sandbox: Sandbox) -> Callable[[Secret], int]:
    """Sends into a sandbox of this process."""
    return lambda url: sandbox.respond("GET", f"/v1/ev?{urlsplit(url.reveal()).query}", {})[0]


def to_address(address: str) -> Callable[[Secret], int]:
    """Sends over the network to Kayzen's endpoint, or to a receiver on this machine; see ``http.send_get``."""
    from kayzen_nb.http import send_get  # noqa: PLC0415  # httpx, only where something is sent

    return lambda url: send_get(Secret(f"{address}?{urlsplit(url.reveal()).query}"), platform="the event endpoint")


def show_rehearsal(
    plan: Plan, *, scenario: str = "healthy", live: bool = True, pause_s: float = 0.4
) -> list[RehearsedEvent]:
    """Rehearse against a sandbox and show each event as it arrives (``live``), else a table at the end.

    The sandbox's invented key is used, never a real one. Raises ParameterError for an unknown scenario.
    """
    from kayzen_nb.livelog import show_arrivals, show_live_events  # noqa: PLC0415  # pandas, only where shown
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # invents calls, only here

    sandbox, sent = open_sandbox(scenario), list[RehearsedEvent]()
    key = sandbox.settings.kayzen_api_key
    play = rehearse(plan, send=into_sandbox(sandbox), key=key, pause_s=pause_s if live else 0.0)
    show = show_live_events if live else show_arrivals
    show(arrivals(sandbox, _kept(play, sent), key), expected=len(Event))
    return sent


def arrivals(sandbox: Sandbox, play: Iterable[object], key: Secret | None) -> Iterator[Arrival]:
    """What the sandbox's event endpoint receives while ``play`` plays, each with what its receiver can see wrong."""
    seen, told = len(sandbox.received), set[tuple[str, str]]()
    for _ in play:
        for received in sandbox.received[seen:]:
            seen += 1
            arrival = _arrival(received, key, told)
            told.add((arrival.call_id, arrival.app_event))
            yield arrival


def problems_of(parameters: Mapping[str, str], key: Secret | None) -> tuple[str, ...]:
    """What is wrong with an event's decoded parameters, a short phrase each; no value is quoted."""
    lacking = [f"{name} is missing" for name in _NEEDED if name not in parameters]
    return tuple(lacking + [flaw for name, value in parameters.items() if (flaw := _flaw(name, value, key))])


def _flaw(name: str, value: str, key: Secret | None) -> str:
    if not value:
        return "" if name in _MAY_BE_EMPTY else f"{name} is empty"
    if name == "api_key":
        return _flaw_of_key(value, key)
    if any(find_tokens(value)):
        return f"{name} still holds a token in its brackets"
    if name in _PHONES and not re.fullmatch(r"\+?\d{7,15}", value):
        return f"the + of {name} arrived as a space" if value[0] == " " else f"{name} is not a phone number"
    if name == "conversion_amount" and not re.fullmatch(r"\d+(\.\d+)?", value):
        return f"{name} is not an amount"
    return ""


def _flaw_of_key(value: str, key: Secret | None) -> str:
    if value == PLACEHOLDER_KEY:
        return f"the key is still the placeholder {PLACEHOLDER_KEY}"
    return "the key is another one" if key and value != key.reveal() else ""


def mask(url: str, key: Secret | None) -> str:
    """A URL as it may be shown: without the key, wherever it stands, and without full phone numbers."""
    return mask_url(scrub(url, [key] if key else []))


def _values(event: Event, call_id: str) -> dict[str, str]:
    """What Ringba would fill for an invented call that begins now. The format of the call time is not documented.

    On an Error call, revenue, duration and the duplicate flag do not exist (the guide, Pixel 6).
    """
    now = datetime.now(UTC)
    began = f"{now.month}/{now.day}/{now.year} {now.hour % 12 or 12}:{now:%M:%S %p}"
    values = invented_values() | {"[Call:InboundCallId]": call_id, CALL_TIME: began}
    if event is Event.ERROR:
        return {token: value for token, value in values.items() if not any(word in token for word in _NOT_ON_ERROR)}
    return values


def check_rehearsal(events: Sequence[RehearsedEvent]) -> list[Check]:
    """Whether all six arrived, each under its own name, each with the right content."""
    return [_check_arrived(events), _check_names(events), _check_content(events)]


def headline(checks: Sequence[Check]) -> str:
    """The rehearsal in one sentence: all well, or the first thing that is not."""
    unwell = (check.found for check in checks if check.verdict is not Verdict.PASS)
    return next(unwell, f"{len(Event)} of {len(Event)} arrived, each under its own name.")


def _check_arrived(events: Sequence[RehearsedEvent]) -> Check:
    good = [e for e in events if e.status == 200]
    odd = [f"{label(e.event)} was answered {e.status}" for e in events if e.status != 200]
    absent = [f"{label(event)} is not in the plan" for event in Event if event not in {e.event for e in events}]
    refused = absent or any(e.status >= 400 for e in events)
    unwell = Verdict.FAIL if refused else Verdict.UNKNOWN  # a redirect or a 202: nobody says whether it was taken
    return Check(
        name="every event arrived",
        verdict=unwell if odd or absent else Verdict.PASS,
        expected=f"{len(Event)} of {len(Event)} answered 200",
        found="; ".join([f"{len(good)} of {len(Event)} answered 200", *odd, *absent]) + ".",
        next_step="Compare key and address with the plan, then rehearse again." if odd or absent else "",
    )


def _check_names(events: Sequence[RehearsedEvent]) -> Check:
    by_name: dict[str, list[str]] = {}
    for e in events:
        by_name.setdefault(e.app_event, []).append(label(e.event))
    shared = [f"{name!r} is told by {', '.join(told)}" for name, told in by_name.items() if len(told) > 1]
    step = "Give each pixel its own app_event (profile per_event), and ask Kayzen to confirm the names."
    return Check(
        name="each event has its own name",
        verdict=Verdict.FAIL if shared else Verdict.PASS if events else Verdict.UNKNOWN,
        expected=f"{len(Event)} different names",
        found="; ".join([f"Different names: {len(by_name)}, events: {len(events)}", *shared]) + ".",
        next_step=step if shared else "",
    )


def _check_content(events: Sequence[RehearsedEvent]) -> Check:
    flaws = [f"{label(e.event)}: {', '.join(e.problems)}" for e in events if e.problems]
    return Check(
        name="each event has the right content",
        verdict=Verdict.FAIL if flaws else Verdict.PASS if events else Verdict.UNKNOWN,
        expected="every needed value, filled",
        found="; ".join(flaws) + "." if flaws else f"Nothing wrong in {len(events)} events.",
        next_step="Correct these parameters in the plan, then rehearse again." if flaws else "",
    )


def _arrival(received: ReceivedEvent, key: Secret | None, told: set[tuple[str, str]]) -> Arrival:
    parameters = received.parameters
    name, call_id = parameters.get("app_event", ""), parameters.get("call_id", "")
    repeat = ("the same call told this before",) if (call_id, name) in told else ()
    others = [f"{field}={value}" for field, value in parameters.items() if field not in ("app_event", "call_id")]
    return Arrival(
        at=received.received_at,
        app_event=name,
        call_id=call_id,
        status=received.status,
        shown=mask(" · ".join(others), key),
        problems=problems_of(parameters, key) + repeat,
    )


def _kept(play: Iterator[RehearsedEvent], into: list[RehearsedEvent]) -> Iterator[RehearsedEvent]:
    for event in play:
        into.append(event)
        yield event


def _invent_call_id() -> str:
    """Ringba's shape since 2025: RGB, 40 hex digits, V3, five characters. New each time: repeats may be recognised."""
    return f"RGB{secrets.token_hex(20).upper()}V3{secrets.token_hex(3).upper()[:5]}"
