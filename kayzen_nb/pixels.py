"""The six pixels as values: plan them, render their URLs, ask Kayzen what is still open.

Two profiles. ``as_published`` is the guide verbatim: the same URL, ``app_event=incoming``, in all six. ``per_event``
(the default) gives each pixel the event that its Fire Pixel On names, and sends the conversion amount that the guide
speaks of but does not print. Whatever differs from the printed guide is *inferred* and marked so, until Kayzen's word
makes it *confirmed*: all of it (``Plan.confirm``) or value by value (``planchange``).

Source: the guide "Integrating Ringba with Kayzen" (Ringba help centre 41146221033623).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from kayzen_nb.account import Pixel
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.guide import FORM, PRINTED
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from kayzen_nb.privacy import Secret

ENDPOINT = "https://api-events.eventstracker.io/v1/ev"
PLACEHOLDER_KEY = PRINTED["api_key"]
PARAMETER_NAMES = tuple(PRINTED)
PROFILES = ("per_event", "as_published")
LEFT_OUT = "(left out)"

WHY_PER_EVENT = (
    "The guide prints the same URL, app_event=incoming, for all six pixels: copied as printed, Kayzen is told "
    "'incoming' up to six times a call and never hears of a conversion. This plan gives each pixel the event it fires "
    "on; the names beyond 'incoming' are inferred, so ask Kayzen to confirm them before you rely on them."
)

WHY_AS_PUBLISHED = (
    "This is the guide exactly as printed: all six pixels say app_event=incoming, and none carries an amount. "
    "Kayzen cannot tell the events apart; choose the profile per_event unless Kayzen asked for this."
)


class Standing(StrEnum):
    """How sure a planned value is: printed in the guide, deduced by us, or Kayzen's own word."""

    PUBLISHED = "published"
    INFERRED = "inferred"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, kw_only=True)
class UrlParameter:
    """One ``name=value`` of a pixel URL.

    ``why`` says where a value comes from that the guide does not print; ``confirmed_on`` is the day of Kayzen's
    answer and ``confirmed_by`` who gave it, both only where the standing is *confirmed*.
    """

    name: str
    value: str
    standing: Standing = Standing.PUBLISHED
    why: str = ""
    confirmed_on: date | None = None
    confirmed_by: str = ""

    @property
    def standing_words(self) -> str:
        """The standing as people read it: ``confirmed by Kayzen on 2026-11-20 (Ana)``."""
        if self.standing is not Standing.CONFIRMED:
            return self.standing.value
        return f"confirmed by Kayzen on {self.confirmed_on}" + (f" ({self.confirmed_by})" if self.confirmed_by else "")

    def confirm(self, on: date, by: str = "") -> UrlParameter:
        """The same value with Kayzen's word behind it."""
        return replace(self, standing=Standing.CONFIRMED, confirmed_on=on, confirmed_by=by)


@dataclass(frozen=True, kw_only=True)
class PlannedPixel:
    """One pixel of the plan, in the fields of Ringba's form. ``left_out`` names parameters not sent, on purpose."""

    event: Event
    name: str
    fire_on: str
    parameters: tuple[UrlParameter, ...]
    method: str = "GET"
    left_out: tuple[UrlParameter, ...] = ()

    def value(self, name: str) -> str | None:
        """The planned value of a parameter, or None when the pixel does not send it."""
        return next((p.value for p in self.parameters if p.name == name), None)

    def having(self, standing: Standing) -> tuple[UrlParameter, ...]:
        """The parameters of one standing: those that are sent, then those left out."""
        return tuple(p for p in self.parameters + self.left_out if p.standing is standing)

    @property
    def inferred(self) -> tuple[UrlParameter, ...]:
        """Everything about this pixel that the guide does not print and Kayzen has not confirmed."""
        return self.having(Standing.INFERRED)

    def confirm(self, on: date, by: str = "") -> PlannedPixel:
        """The pixel with everything inferred confirmed."""

        def confirm_all(group: tuple[UrlParameter, ...]) -> tuple[UrlParameter, ...]:
            return tuple(p.confirm(on, by) if p.standing is Standing.INFERRED else p for p in group)

        return replace(self, parameters=confirm_all(self.parameters), left_out=confirm_all(self.left_out))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The six pixels: a profile, and what Kayzen's word changed in it."""

    profile: str
    pixels: tuple[PlannedPixel, ...]

    @property
    def content_hash(self) -> str:
        """Twelve hex digits that change with anything that is sent; key, standing and dates are not part of it."""
        content = [[p.name, p.fire_on, p.method, [[q.name, q.value] for q in p.parameters]] for p in self.pixels]
        return hashlib.sha256(json.dumps([ENDPOINT, content]).encode()).hexdigest()[:12]

    @property
    def inferred(self) -> tuple[tuple[PlannedPixel, UrlParameter], ...]:
        """Every value that waits for Kayzen's word, with its pixel."""
        return self.having(Standing.INFERRED)

    @property
    def confirmed(self) -> tuple[tuple[PlannedPixel, UrlParameter], ...]:
        """Every value that has Kayzen's word, with its pixel."""
        return self.having(Standing.CONFIRMED)

    def having(self, standing: Standing) -> tuple[tuple[PlannedPixel, UrlParameter], ...]:
        """Every value of one standing, with its pixel."""
        return tuple((pixel, parameter) for pixel in self.pixels for parameter in pixel.having(standing))

    def pixel(self, event: Event) -> PlannedPixel:
        """The planned pixel of an event."""
        return next(pixel for pixel in self.pixels if pixel.event is event)

    def confirm(self, on: date, by: str = "") -> Plan:
        """The plan after Kayzen confirmed everything that was inferred. What is sent stays the same."""
        return replace(self, pixels=tuple(pixel.confirm(on, by) for pixel in self.pixels))


REVENUE_TOKEN, PAYOUT_TOKEN, LENGTH_TOKEN = "[Call:ConversionAmount]", "[Call:ConversionPayout]", "[tag:CallLength:"
_AMOUNT = UrlParameter(
    name="conversion_amount",
    value=REVENUE_TOKEN,
    standing=Standing.INFERRED,
    why="the guide's prose says this pixel sends conversion_amount, but its printed URL does not; "
    "the token is Ringba's documented one for revenue",
)
_NO_DUPLICATE_FLAG = UrlParameter(
    name="is_duplicate",
    value=LEFT_OUT,
    standing=Standing.INFERRED,
    why="the guide says the duplicate flag is not available on Error calls, but prints it in the URL",
)


def build_plan(profile: str = "per_event") -> Plan:
    """The six pixels under ``per_event`` (the default) or ``as_published``. Raises ParameterError otherwise."""
    if profile not in PROFILES:
        what = f"There is no pixel profile {profile!r}."
        raise ParameterError(Problem(what=what, where="profile", next_step=did_you_mean(profile, PROFILES)))
    build = _per_event if profile == "per_event" else _as_published
    return Plan(profile=profile, pixels=tuple(build(event) for event in Event))


def _as_published(event: Event) -> PlannedPixel:
    name, fire_on = FORM[event]
    printed = tuple(UrlParameter(name=key, value=value) for key, value in PRINTED.items())
    return PlannedPixel(event=event, name=name, fire_on=fire_on, parameters=printed)


def _per_event(event: Event) -> PlannedPixel:
    name, fire_on = FORM[event]
    is_error = event is Event.ERROR
    parameters = [
        _event_name(event) if key == "app_event" else UrlParameter(name=key, value=value)
        for key, value in PRINTED.items()
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
        Pixel(name=p.name, event=p.event, fire_on=p.fire_on, method=p.method, url=render_url(p, key))
        for p in plan.pixels
    )


def render_url(pixel: PlannedPixel, key: Secret | None) -> str:
    """Tokens stay as they are: Ringba fills them. Only the key, which may hold any character, is encoded."""
    revealed = quote(key.reveal(), safe="") if key else PLACEHOLDER_KEY
    pairs = (f"{p.name}={revealed if p.name == 'api_key' else p.value}" for p in pixel.parameters)
    return f"{ENDPOINT}?{'&'.join(pairs)}"


def explain(plan: Plan) -> str:
    """Why the plan is as it is, or how much of it Kayzen has confirmed, in two or three sentences."""
    if plan.confirmed:
        return _explain_confirmed(plan)
    return WHY_PER_EVENT if plan.profile == "per_event" else WHY_AS_PUBLISHED


def _explain_confirmed(plan: Plan) -> str:
    days = ", ".join(sorted({str(parameter.confirmed_on) for _, parameter in plan.confirmed}))
    count, waiting = len(plan.confirmed), len(plan.inferred)
    told = f"{count} {'value stands' if count == 1 else 'values stand'} on Kayzen's word of {days}."
    rest = f"{waiting} more {'is' if waiting == 1 else 'are'} inferred: ask Kayzen to confirm before you rely on them."
    return f"{told} {rest if waiting else 'Nothing inferred is left to confirm.'}"


def question_to_kayzen(plan: Plan | None = None) -> str:
    """The message to the Kayzen account manager that asks what this plan leaves open; empty where nothing is.

    A point closes once the parameter that it is about is confirmed. Without a plan, all that ``per_event`` leaves open.
    """
    points = list(_open_points(plan or build_plan()))
    numbered = "\n".join(f"{n}. {point}" for n, point in enumerate(points, 1))
    letter = (
        "Hello, we are setting up Ringba's six pixels for our Kayzen CTV campaign. Could you confirm before we go "
        f"live:\n{numbered}\nThank you."
    )
    return letter if points else ""


def _open_points(plan: Plan) -> Iterator[str]:
    unsure = [p for pixel in plan.pixels[1:] for p in pixel.parameters if p.name == "app_event" and _is_unsure(p)]
    if unsure:
        whom = "the other five" if len(unsure) == 5 else f"these {len(unsure)}"
        names = ", ".join(p.value for p in unsure)
        planned = f" We plan: {names}." if {p.value for p in unsure} != {"incoming"} else ""
        yield f"The guide prints app_event=incoming six times. Which names are right for {whom}?{planned}"
    yield from _amount_points(plan)
    yield from (_ask(pixel, p) for pixel, p in plan.inferred if p.name != "app_event" and p.value != REVENUE_TOKEN)
    sent = [p for pixel in plan.pixels for p in pixel.parameters if _is_unsure(p)]
    if any(p.value == PRINTED["event_ts"] for p in sent):
        yield "Which format and time zone do you expect in event_ts?"
    if any(p.value == PRINTED["call_id"] for p in sent):
        yield "If a pixel of one call arrives twice, by what do you recognise the repeat?"


def _amount_points(plan: Plan) -> Iterator[str]:
    revenue = next((p for p in plan.pixel(Event.CONVERTED).parameters if p.value == REVENUE_TOKEN), None)
    if revenue is None:
        yield "Under which parameter name do you take the Converted pixel's revenue, and in which currency?"
    elif revenue.standing is Standing.INFERRED:
        yield f"Is {revenue.name} the right parameter for the Converted pixel's revenue, and in which currency?"
    sent = "&".join(p.value for pixel in plan.pixels for p in pixel.parameters)
    absent = {"the payout amount": PAYOUT_TOKEN, "the call's duration": LENGTH_TOKEN}
    lacking = [what for what, token in absent.items() if token not in sent]
    if lacking and (plan.inferred or not plan.confirmed):  # "if any": Kayzen's answer to the rest answers this too
        yield f"Under which parameter name, if any, do you take {' and '.join(lacking)}?"


def _ask(pixel: PlannedPixel, parameter: UrlParameter) -> str:
    title = pixel.event.value.capitalize()
    if parameter in pixel.parameters:
        return f"Is {parameter.name}={parameter.value} right for the {title} pixel?"
    is_flag = pixel.event is Event.ERROR and parameter.name == "is_duplicate"
    why = ", which the guide says is not available there" if is_flag else ""
    return f"May the {title} pixel leave out {parameter.name}{why}?"


def _is_unsure(parameter: UrlParameter) -> bool:
    return parameter.standing is not Standing.CONFIRMED
