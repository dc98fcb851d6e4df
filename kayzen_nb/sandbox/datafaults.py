"""What a scenario may plant in the call data: how they move, what becomes of them later, how a page is spoiled, limits.

``scenarios.toml`` explains every field in plain words; a field that is left alone plants nothing.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
Amount = float | Literal["none"]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Limit:
    """How many requests of an endpoint the whole account has, in windows of the sandbox's clock."""

    per_second: int | None = Field(default=None, ge=1)
    per_minute: int | None = Field(default=None, ge=1)
    per_hour: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1)
    others_a_minute: int = Field(default=0, ge=0)
    status: Literal[200, 429] = 429
    retry_after: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Movement:
    """How many calls arrive, vanish or change after each of the first pages of the call log."""

    arrive: int = Field(default=0, ge=0)
    earlier: int = Field(default=0, ge=0)
    alike: int = Field(default=0, ge=0)
    vanish: int = Field(default=0, ge=0)
    change: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=0)
    seed: int = 1


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Later:
    """What becomes of some calls of every day, days after; or on a day of the month after."""

    what: Literal["converts", "pays", "payout", "revenue", "deleted", "anonymised"]
    after_days: int = Field(default=0, ge=0, le=400)
    next_month_on: int = Field(default=0, ge=0, le=28)
    calls: int = Field(default=1, ge=0)
    amount: Amount = "none"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class LogFault:
    """What is wrong with the call log's pages; ``times`` 0 means: with all of them from ``from_request`` on."""

    from_request: int = Field(default=1, ge=1)
    times: int = Field(default=0, ge=0)
    partial: bool = False
    failed: bool = False
    count: Literal["right", "more", "less", "missing", "null", "text", "negative", "flag"] = "right"
    cap: int | None = Field(default=None, ge=1)
    page: Literal["whole", "short", "empty", "repeated", "shuffled"] = "whole"
    new: dict[str, str] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()
    renamed: dict[str, str] = Field(default_factory=dict)
    retyped: dict[str, Literal["text", "number", "object", "list"]] = Field(default_factory=dict)
    every: int = Field(default=5, ge=1)
    amounts: tuple[str, ...] = ()
    call_ids: tuple[Literal["missing", "null", "empty", "long", "spaces", "lower"], ...] = ()
    repeated_keys: bool = False
    body: Literal["json", "login_page", "bad_utf8", "bom", "cut", "nothing"] = "json"
