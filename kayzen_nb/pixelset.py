"""The pixels found in an account, set beside the plan: which is which, what each sends, and with which key."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes

from kayzen_nb.account import trigger_of
from kayzen_nb.pixels import ENDPOINT, PLACEHOLDER_KEY, Plan
from kayzen_nb.privacy import Secret, mask_url, scrub
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kayzen_nb.account import Pixel

KEY_NAME = "api_key"
HIDDEN = "(not shown)"
_HOST = ENDPOINT.split("/")[2]
_LETTERS = re.compile(r"[A-Za-z_]{1,24}\d{0,2}|\d{1,3}")
_TOKENS = re.compile(r"(\[[\w:|. -]*\])+")


@dataclass(frozen=True, kw_only=True)
class SentUrl:
    """A pixel's URL taken apart, nothing decoded: the address, and ``name, value`` pairs in their order."""

    address: str
    pairs: tuple[tuple[str, str], ...]

    def value(self, name: str) -> str | None:
        """The first value of a parameter; None where the URL does not have it."""
        return next((value for known, value in self.pairs if known == name), None)


def take_apart(url: str) -> SentUrl:
    """The parts of a URL. White space inside is left out, so that a broken line is told once and not for each part."""
    address, _, query = re.sub(r"\s+", "", url).partition("?")
    pieces = [piece.partition("=") for piece in query.replace("&amp;", "&").split("&") if piece]
    return SentUrl(address=address, pairs=tuple((name, value) for name, _, value in pieces))


def key_in(url: str) -> Secret | None:
    """The key that a URL carries, percent-decoded; None where it carries none. A placeholder counts as a key here."""
    raw = take_apart(url).value(KEY_NAME)
    return Secret(unquote(raw)) if raw else None


def carries_key(url: str, key: Secret) -> bool:
    """Whether a URL carries this key and no other, byte for byte after percent-decoding."""
    found = {unquote_to_bytes(value) for name, value in take_apart(url).pairs if name == KEY_NAME}
    return found == {key.reveal().encode()}


def is_placeholder(key: Secret) -> bool:
    """Whether a key is the guide's placeholder, or plainly one of another hand (``<your key>``)."""
    text = key.reveal().strip()
    return text.upper() == PLACEHOLDER_KEY or (text[:1], text[-1:]) in {("<", ">"), ("{", "}"), ("[", "]")}


def keys_of(pixels: Iterable[Pixel]) -> tuple[Secret, ...]:
    """Every real key that stands in the pixels, once each, for the scrubbing of texts."""
    found = (key_in(pixel.url) for pixel in pixels)
    return tuple({key.fingerprint: key for key in found if key and not is_placeholder(key)}.values())


def match_pixels(pixels: Iterable[Pixel], plan: Plan) -> Mapping[Event, tuple[Pixel, ...]]:
    """The pixels of the plan's events, in their order; pixels for anyone but Kayzen are left out.

    A pixel is known by the planned name; where several share a name or none has it, by its trigger, and last by the
    event that its URL tells.
    """
    ours = [pixel for pixel in pixels if is_for_kayzen(pixel, plan)]
    named = Counter(_plain(pixel.name) for pixel in ours)
    events = [_event_meant(pixel, plan, is_alone=named[_plain(pixel.name)] == 1) for pixel in ours]
    return {e: tuple(p for p, meant in zip(ours, events, strict=True) if meant is e) for e in Event}


def is_for_kayzen(pixel: Pixel, plan: Plan) -> bool:
    """Whether a pixel is meant for Kayzen: by its planned name, its address, or by both key and event in its URL."""
    return _plain(pixel.name) in {_plain(planned.name) for planned in plan.pixels} or is_kayzen_url(pixel.url)


def is_kayzen_url(url: str) -> bool:
    """Whether a URL, planned or fired, names Kayzen's host, or carries both key and event."""
    sent = take_apart(url)
    return _HOST in sent.address or {KEY_NAME, "app_event"} <= {name for name, _ in sent.pairs}


def show_value(name: str, value: str, keys: Sequence[Secret]) -> str:
    """A parameter's value as it may be shown or kept: a plain word, a short number or tokens; anything else hidden."""
    if not value:
        return "empty"
    plain = not re.search(r"(?i)key|secret", name) and (_LETTERS.fullmatch(value) or _TOKENS.fullmatch(value))
    return scrub(value, keys) if plain else HIDDEN


def show_name(name: str, keys: Sequence[Secret]) -> str:
    """A parameter's name as it may be shown: a key glued to it (``api_key...``) stays hidden."""
    glued = name != KEY_NAME and re.match(r"(?i)api_?key", name)
    return scrub(name, keys) if _LETTERS.fullmatch(name) and not glued else HIDDEN


def show_address(address: str, keys: Sequence[Secret]) -> str:
    """An address as it may be shown: without a name or password before the host, cut where parameters begin."""
    scheme, mark, rest = address.partition("://")
    host, slash, path = (rest if mark else address).partition("/")
    shown = f"{scheme}{mark}" if mark else ""
    return scrub(mask_url(f"{shown}{host.rpartition('@')[2]}{slash}{re.split('[=&;]', path)[0]}"[:80]), keys) or "empty"


def _event_meant(pixel: Pixel, plan: Plan, *, is_alone: bool) -> Event | None:
    named = next((p.event for p in plan.pixels if _plain(p.name) == _plain(pixel.name)), None)
    fires = trigger_of(pixel.fire_on)
    if named and (is_alone or fires is None):
        return named
    return fires or pixel.event or _event_told(pixel, plan)


def _event_told(pixel: Pixel, plan: Plan) -> Event | None:
    told = take_apart(pixel.url).value("app_event")
    meant = [planned.event for planned in plan.pixels if told and planned.value("app_event") == told]
    return meant[0] if len(meant) == 1 else None


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
