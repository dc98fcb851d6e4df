"""The six pixels as values: plan them, render their URLs.

Two profiles. ``as_published`` is the guide verbatim: the same URL, ``app_event=incoming``, in all six. ``per_event``
(the default) gives each pixel the event that its Fire Pixel On names, and sends the conversion amount that the guide
speaks of but does not print. Whatever differs from the printed guide is *inferred* and marked so, with the question
to Kayzen that would confirm it.

Source: the guide "Integrating Ringba with Kayzen" (Ringba help centre 41146221033623).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from kayzen_nb.account import Pixel
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from kayzen_nb.privacy import Secret

ENDPOINT = "https://api-events.eventstracker.io/v1/ev"
PLACEHOLDER_KEY = "KAYZEN_PROVIDED"
PROFILES = ("per_event", "as_published")

WHY_PER_EVENT = (
    "The guide prints the same URL, app_event=incoming, for all six pixels: copied as printed, Kayzen is told "
    "'incoming' up to six times a call and never hears of a conversion. This plan gives each pixel the event it fires "
    "on; the names beyond 'incoming' are inferred, so ask Kayzen to confirm them before you rely on them."
)


class Standing(StrEnum):
    """How sure a planned value is: printed in the guide, or deduced by us."""

    PUBLISHED = "published"
    INFERRED = "inferred"


@dataclass(frozen=True, kw_only=True)
class UrlParameter:
    """One ``name=value`` of a pixel URL; ``why`` says where an inferred one comes from."""

    name: str
    value: str
    standing: Standing = Standing.PUBLISHED
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedPixel:
    """One pixel of the plan, in the fields of Ringba's form. ``left_out`` names printed parameters not sent."""

    event: Event
    name: str
    fire_on: str
    parameters: tuple[UrlParameter, ...]
    method: str = "GET"
    left_out: tuple[UrlParameter, ...] = ()

    def value(self, name: str) -> str | None:
        """The planned value of a parameter, or None when the pixel does not send it."""
        return next((p.value for p in self.parameters if p.name == name), None)

    @property
    def inferred(self) -> tuple[UrlParameter, ...]:
        """Everything about this pixel that the guide does not print."""
        sent = tuple(p for p in self.parameters if p.standing is Standing.INFERRED)
        return sent + self.left_out


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The six pixels under one profile."""

    profile: str
    pixels: tuple[PlannedPixel, ...]

    @property
    def content_hash(self) -> str:
        """Twelve hex digits that change whenever anything in the plan changes; the key is not part of it."""
        content = [[p.name, p.fire_on, p.method, [[q.name, q.value] for q in p.parameters]] for p in self.pixels]
        return hashlib.sha256(json.dumps([ENDPOINT, content]).encode()).hexdigest()[:12]

    @property
    def inferred(self) -> tuple[tuple[PlannedPixel, UrlParameter], ...]:
        """Every value that waits for Kayzen's word, with its pixel."""
        return tuple((pixel, parameter) for pixel in self.pixels for parameter in pixel.inferred)

    def pixel(self, event: Event) -> PlannedPixel:
        """The planned pixel of an event."""
        return next(pixel for pixel in self.pixels if pixel.event is event)


# Name and Fire Pixel On as the guide gives them.
_FORM = {
    Event.INCOMING: ("Kayzen CTV - Incoming Postback", "Incoming"),
    Event.CONNECTED: ("Kayzen CTV - Connected Postback", "Connected (Answered)"),
    Event.COMPLETED: ("Kayzen CTV - Completed Postback", "Completed"),
    Event.CONVERTED: ("Kayzen CTV - Converted Postback", "Converted"),
    Event.PAYOUT: ("Kayzen CTV - Payout Postback", "Payout"),
    Event.ERROR: ("Kayzen CTV - Error Postback", "Error"),
}

# The ten parameters in the order in which the guide prints them, for every pixel alike.
_PRINTED = {
    "tp": "ringba",
    "api_key": PLACEHOLDER_KEY,
    "app_event": "incoming",
    "caller_id": "[Call:CallerNumber]",
    "number": "[Call:NumberDialed]",
    "call_id": "[Call:InboundCallId]",
    "event_ts": "[Call:CallDateTime]",
    "is_duplicate": "[Call:IsDuplicate]",
    "caller_state": "[tag:InboundNumber:State]",
    "can_claim": "1",
}
PARAMETER_NAMES = tuple(_PRINTED)

_AMOUNT = UrlParameter(
    name="conversion_amount",
    value="[Call:ConversionAmount]",
    standing=Standing.INFERRED,
    why="the guide's prose says this pixel sends conversion_amount, but its printed URL does not; "
    "the token is Ringba's documented one for revenue",
)
_NO_DUPLICATE_FLAG = UrlParameter(
    name="is_duplicate",
    value="(left out)",
    standing=Standing.INFERRED,
    why="the guide says the duplicate flag is not available on Error calls, but prints it in the URL",
)


def build_plan(profile: str = "per_event") -> Plan:
    """The six pixels under ``per_event`` (the default) or ``as_published``. Raises ParameterError otherwise."""
    if profile not in PROFILES:
        raise ParameterError(
            Problem(
                what=f"There is no pixel profile {profile!r}.",
                where="profile",
                next_step=did_you_mean(profile, PROFILES),
            )
        )
    build = _per_event if profile == "per_event" else _as_published
    return Plan(profile=profile, pixels=tuple(build(event) for event in Event))


def _as_published(event: Event) -> PlannedPixel:
    name, fire_on = _FORM[event]
    printed = tuple(UrlParameter(name=key, value=value) for key, value in _PRINTED.items())
    return PlannedPixel(event=event, name=name, fire_on=fire_on, parameters=printed)


def _per_event(event: Event) -> PlannedPixel:
    name, fire_on = _FORM[event]
    is_error = event is Event.ERROR
    parameters = [
        _event_name(event) if key == "app_event" else UrlParameter(name=key, value=value)
        for key, value in _PRINTED.items()
        if not (is_error and key == "is_duplicate")
    ]
    if event is Event.CONVERTED:
        parameters.append(_AMOUNT)
    left_out = (_NO_DUPLICATE_FLAG,) if is_error else ()
    return PlannedPixel(event=event, name=name, fire_on=fire_on, parameters=tuple(parameters), left_out=left_out)


def _event_name(event: Event) -> UrlParameter:
    if event is Event.INCOMING:
        return UrlParameter(name="app_event", value=event.value)
    return UrlParameter(
        name="app_event",
        value=event.value,
        standing=Standing.INFERRED,
        why="the guide prints incoming here too; named after the pixel's own trigger",
    )


def render(plan: Plan, key: Secret | None) -> tuple[Pixel, ...]:
    """The plan as pixels ready to paste. Without a key the guide's placeholder stands in its place."""
    return tuple(
        Pixel(name=p.name, event=p.event, fire_on=p.fire_on, method=p.method, url=_render_url(p, key))
        for p in plan.pixels
    )


def _render_url(pixel: PlannedPixel, key: Secret | None) -> str:
    """Tokens stay as they are: Ringba fills them. Only the key, which may hold any character, is encoded."""
    revealed = quote(key.reveal(), safe="") if key else PLACEHOLDER_KEY
    pairs = (f"{p.name}={revealed if p.name == 'api_key' else p.value}" for p in pixel.parameters)
    return f"{ENDPOINT}?{'&'.join(pairs)}"


def explain(plan: Plan) -> str:
    """Why the plan is as it is, in two or three sentences."""
    if plan.profile == "per_event":
        return WHY_PER_EVENT
    return (
        "This is the guide exactly as printed: all six pixels say app_event=incoming, and none carries an amount. "
        "Kayzen cannot tell the events apart; choose the profile per_event unless Kayzen asked for this."
    )


def question_to_kayzen() -> str:
    """The message to the Kayzen account manager that would turn every inferred value into a confirmed one."""
    names = ", ".join(p.value for _, p in build_plan("per_event").inferred if p.name == "app_event")
    points = (
        f"The guide prints app_event=incoming six times. Which names are right for the other five? We plan: {names}.",
        "Is conversion_amount the right parameter for the Converted pixel's revenue, and in which currency?",
        "Under which parameter name, if any, do you take the payout amount and the call's duration?",
        "May the Error pixel leave out is_duplicate, which the guide says is not available there?",
        "Which format and time zone do you expect in event_ts?",
        "If a pixel of one call arrives twice, by what do you recognise the repeat?",
    )
    numbered = "\n".join(f"{n}. {point}" for n, point in enumerate(points, 1))
    return (
        "Hello, we are setting up Ringba's six pixels for our Kayzen CTV campaign. Could you confirm before we go "
        f"live:\n{numbered}\nThank you."
    )
