"""What the sandbox can play: named sets of planted faults. A new scenario is a table in a TOML file, not new code.

``scenarios.toml`` beside this file explains every field in plain words, for people who write scenarios; the classes
here are the same fields as values. A field that is left alone is healthy.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from kayzen_nb.sandbox.datafaults import Amount, Later, Limit, LogFault, Movement
from kayzen_nb.sandbox.market import Market

if TYPE_CHECKING:
    from kayzen_nb.vocabulary import Event

Trigger = Literal[
    "Incoming",
    "Connected (Answered)",
    "Connected",
    "Completed",
    "Converted",
    "Payout",
    "Error",
    "Finalized",
    "Recording",
]
PixelOf = Literal["all", "incoming", "connected", "completed", "converted", "payout", "error"]
Fate = Literal["answered", "blocked", "no_answer", "busy", "hangup_in_menu", "routing_error"]
Endpoint = Literal[
    "ringbaaccounts", "calllogs", "calllogs/detail", "calllogs/columns", "campaigns", "numbers", "EventCallBacks"
]

_STRICT = ConfigDict(extra="forbid")
_Layer = TypeVar("_Layer", "Filling", "PixelFault")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Filling:
    """How Ringba fills tokens. Empty texts mean: as the rest of the scenario does."""

    encoding: Literal["", "form", "percent", "raw", "double"] = ""
    time_format: Literal["", "us", "us_padded", "iso", "iso_z", "iso7", "iso_offset", "epoch_s", "epoch_ms"] = ""
    time_zone: str = ""
    time_shift_s: int = 0
    unfilled: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    values: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class PixelFault:
    """What is planted in one pixel: how it stands in Ringba, how it fires, how it is answered."""

    created: bool = True
    attached: bool = True
    enabled: bool = True
    name: str = ""
    fire_on: Literal[Trigger, ""] = ""
    method: Literal["", "GET", "POST", "PUT", "PATCH"] = ""
    doubled: bool = False
    copy_name: str = ""
    key: str | None = None
    url: str = ""
    set: dict[str, str] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    drop: tuple[str, ...] = ()
    scheme: str = ""
    host: str = ""
    path: str = ""
    replace: tuple[tuple[str, str], ...] = ()
    line_break_before: str = ""
    cut_after: int | str | None = None
    filling: Filling = Field(default_factory=Filling)
    lost: bool = False
    times: int = Field(default=1, ge=1, le=20)
    delay_s: int = Field(default=0, ge=0, le=86_400)
    status: int | None = Field(default=None, ge=0, le=599)
    fail_reason: str | None = None


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class CallShape:
    """What the test call is like; None means: as the invented call is, and as the campaign's rules say."""

    fate: Fate | None = None
    block_reason: str = ""
    connected_s: int | None = Field(default=None, ge=0, le=14_400)
    live: bool = False
    converted: bool | None = None
    paid: bool | None = None
    duplicate: bool = False
    caller: str | None = None
    state: str | None = None
    publisher: str | None = None
    revenue: Amount | None = None
    payout: Amount | None = None
    adjusted_revenue: float | None = None
    no_conversion_reason: str = ""
    no_payout_reason: str = ""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class CampaignRules:
    """The settings of the test call's campaign; None means: as invented."""

    enabled: bool = True
    conversion: Literal["none", "dialed", "connectedCall", "callLength", "postBack"] = "callLength"
    after_s: int = Field(default=120, ge=0, le=14_400)
    revenue: Amount | None = None
    payout_type: Literal["none", "incomingCall", "connectedCall", "convertedCall", "callLength"] = "convertedCall"
    payout: Amount | None = None
    duplicates: Literal["", "ON_CONNECT", "ON_INCOMING", "ON_CALL_LENGTH"] = ""
    block_repeats_s: int = Field(default=2, ge=0)
    takes_anonymous: bool = True
    numbers: int = Field(default=1, ge=0, le=5)
    number_shared: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class LogShape:
    """How pixel fires stand in a call's events."""

    fire_name: str = "PixelFire"
    url_field: Literal["recordingUrl", "url", "fireUrl", "none"] = "recordingUrl"
    status_as: Literal["number", "text"] = "number"
    order: Literal["time", "reversed"] = "time"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Answers:
    """What Ringba's API answers. ``busy`` says how often an endpoint first answers "rate limited"."""

    every: int | None = Field(default=None, ge=400, le=599)
    refuses: dict[Endpoint, int] = Field(default_factory=dict)
    busy: dict[Endpoint, int] = Field(default_factory=dict)
    busy_status: Literal[200, 429] = 429
    lists_pixels: bool = True
    ids_at_once: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Expectation:
    """What a diagnosis should say: faults (strongest first), what may be named as well, explanations, the rung."""

    causes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    rung: int = Field(ge=0, le=3)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Scenario:
    """One set of planted faults; every field left alone is healthy. ``expect`` is None where nothing is diagnosed."""

    name: str
    about: str = Field(min_length=1)
    profile: Literal["per_event", "as_published"] = "per_event"
    key: str = "right"
    has_calls: bool = True
    volume: int | None = Field(default=None, ge=1, le=200_000)
    pixel: dict[PixelOf, PixelFault] = Field(default_factory=dict)
    filling: Filling = Field(default_factory=Filling)
    call: CallShape = Field(default_factory=CallShape)
    campaign: CampaignRules = Field(default_factory=CampaignRules)
    log: LogShape = Field(default_factory=LogShape)
    answers: Answers = Field(default_factory=Answers)
    limits: dict[Endpoint, Limit] = Field(default_factory=dict)
    moving: Movement = Field(default_factory=Movement)
    later: tuple[Later, ...] = ()
    call_log: LogFault = Field(default_factory=LogFault)
    market: Market = Field(default_factory=Market)
    expect: Expectation | None = None

    def fault(self, event: Event) -> PixelFault:
        """What is planted in one pixel: what holds for all of them, and over it what holds for this one."""
        own, common = self.pixel.get(event.value), self.pixel.get("all")
        return _lay_over(common or PixelFault(), own or PixelFault())

    def filling_of(self, event: Event) -> Filling:
        """How the tokens of one pixel are filled."""
        return _lay_over(self.filling, self.fault(event).filling)


def _lay_over(under: _Layer, over: _Layer) -> _Layer:
    """What the upper layer says, and where it says nothing, the lower one; lists and tables are joined."""
    silent = type(under)()
    values = {f.name: (getattr(under, f.name), getattr(over, f.name), getattr(silent, f.name)) for f in fields(under)}
    return type(under)(**{name: _join(*three) for name, three in values.items()})


def _join(under: Any, over: Any, silent: Any) -> Any:
    if isinstance(over, dict):
        return under | over
    if isinstance(over, tuple):
        return under + over
    if isinstance(over, Filling):
        return _lay_over(under, over)
    return under if over == silent else over
