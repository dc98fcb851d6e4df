"""Repair a pixel without guessing: what the plan decides is restored, what only its owner can decide is kept and told.

The pixel's own key is kept when it may be one, documented alternative tokens and extra parameters are kept, the order
of the parameters is kept. Names and triggers are not changed: they are set in Ringba's form, not in the URL.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, unquote

from kayzen_nb.lintjudged import event_told, names_event, parameter_names
from kayzen_nb.lintrules import edits, is_showable_name, meant_name
from kayzen_nb.lintset import is_placeholder
from kayzen_nb.pixels import ENDPOINT, PLACEHOLDER_KEY
from kayzen_nb.pixelurl import PixelUrl, decoded, take_apart
from kayzen_nb.pixelvalue import is_wrong, judge_extra
from kayzen_nb.tokens import TOKEN, is_known, nearest
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan
    from kayzen_nb.pixelurl import Part
    from kayzen_nb.privacy import Secret

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_CODED_BRACKET = re.compile(r"%(?:25)*(?:5[BbDd]|3[Aa]|7[Cc])")  # [ ] : | and no character that parts parameters
_Pairs: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A repaired pixel; what was changed and what was kept although the plan has it not, in one sentence each.

    ``pixel`` holds the key; the sentences hold neither a key nor a phone number.
    """

    pixel: Pixel
    changes: tuple[str, ...]
    kept: tuple[str, ...]


def repair_pixel(pixel: Pixel, plan: Plan, key: Secret | None = None) -> Repair:
    """The pixel as the plan wants it, as far as that can be known from the pixel itself."""
    url = _cleaned(pixel.url, parameter_names(plan))
    event, doubt = _event_of(pixel, url, plan)
    return _Workshop(pixel, plan, key, _Bearings(url=url, event=event, doubt=doubt)).repair()


def repair_pixels(pixels: Iterable[Pixel], plan: Plan, key: Secret | None = None) -> tuple[Repair, ...]:
    """Each pixel repaired. Where several without Fire Pixel On say the same event, none is taken at its word."""
    known = list(pixels)
    names = parameter_names(plan)
    told = Counter(take_apart(p.url, names).value("app_event") for p in known if p.event is None and not p.fire_on)
    repaired = []
    for pixel in known:
        url = _cleaned(pixel.url, names)
        event, doubt = _event_of(pixel, url, plan)
        if pixel.event is None and event and told[url.value("app_event")] > 1:
            event, doubt = None, "several pixels say the same app_event, and none says on what it fires"
        repaired.append(_Workshop(pixel, plan, key, _Bearings(url=url, event=event, doubt=doubt)).repair())
    return tuple(repaired)


def _cleaned(text: str, names: Iterable[str]) -> PixelUrl:
    """The URL taken apart, after what was taken out of it left no new damage behind; a quote inside a token may."""
    first = url = take_apart(text, names)
    for _ in range(5):
        if not url.damage:
            break
        url = take_apart(url.clean, names)
    return replace(url, damage=first.damage)


def _event_of(pixel: Pixel, url: PixelUrl, plan: Plan) -> tuple[Event | None, str]:
    """The event to repair for, or None and why it is not known."""
    told = event_told(url, plan)
    if pixel.event is None and pixel.fire_on:
        return None, "Fire Pixel On names none of the guide's six events"
    if pixel.event is None:
        return told, "" if told else "neither Fire Pixel On nor app_event tells the event"
    if told and told is not pixel.event and pixel.fire_on and names_event(pixel.name, told, plan):
        where = plan.pixel(told).fire_on
        return None, f"name and app_event both say {told}, so set Fire Pixel On to {where}, or correct both"
    return pixel.event, ""


@dataclass(frozen=True, kw_only=True)
class _Bearings:
    """Where a pixel stands: its URL taken apart, its event, and why that is in doubt."""

    url: PixelUrl
    event: Event | None
    doubt: str


class _Workshop:
    """One pixel on the bench: its parts are gone through in order, then what is missing is put in."""

    def __init__(self, pixel: Pixel, plan: Plan, key: Secret | None, bearings: _Bearings) -> None:
        self.pixel, self.plan, self.key = pixel, plan, key
        self.url, self.event, self.doubt = bearings.url, bearings.event, bearings.doubt
        self.planned = _planned_for(plan, bearings.event)
        self.changes: list[str] = []
        self.kept: list[str] = []

    def repair(self) -> Repair:
        """The repaired pixel with what was done to it."""
        self.tell_damage()
        pairs = self.insert_missing(self.go_through())
        joined = "&".join(f"{name}={value}" for name, value in pairs)
        method = self.method()
        if self.doubt:
            self.kept.append(f"app_event: {self.doubt}")
        whole = _cleaned(f"{ENDPOINT}?{joined}", parameter_names(self.plan)).clean  # extra values may hold damage
        repaired = replace(self.pixel, url=whole, method=method)
        if repaired == self.pixel:
            self.changes.clear()
        return Repair(pixel=repaired, changes=tuple(dict.fromkeys(self.changes)), kept=tuple(dict.fromkeys(self.kept)))

    def tell_damage(self) -> None:
        """Say what the rebuilding takes out or puts right before any parameter is looked at."""
        url = self.url
        if url.damage:
            self.changes.append(f"took out characters that do not belong into a URL, in {len(url.damage)} places")
        if f"{url.clean[: url.question_at]}" != ENDPOINT:
            self.changes.append("restored the address (scheme, host, path)")
        if url.question != "?" and url.parts:
            self.changes.append("restored the ? before the parameters")
        if any(part.joint != "&" for part in url.parts):
            self.changes.append("restored a lost &")

    def go_through(self) -> _Pairs:
        """The parameters as found: right ones as they stand, wrong ones as planned, repetitions and scraps dropped."""
        pairs: _Pairs = []
        for part in self.url.parts:
            name = self.name_of(part)
            if part.equals != "=" and (name == "api_key" or name in self.planned):
                self.changes.append(f"restored the = after {name}")
            if any(name.casefold() == known.casefold() for known, _ in pairs):
                self.changes.append(f"deleted a repeated {name if is_showable_name(name) else 'parameter'}")
            elif name == "api_key":
                pairs.append((name, self.mend_key(part.value)))
            elif name in self.planned:
                pairs.append((name, self.mend_value(name, part)))
            elif part.equals and _NAME.fullmatch(name):
                pairs += self.keep_extra(name, part)
            else:
                self.changes.append("deleted an extra & or a scrap of text")
        return pairs

    def name_of(self, part: Part) -> str:
        """The part's name; the planned one that it misspells, where that one is not there itself."""
        if part.name in parameter_names(self.plan):
            return part.name
        given = {other.name for other in self.url.parts}
        if meant := meant_name(part.name, [name for name in self.planned if name not in given]):
            self.changes.append(f"corrected a misspelt name to {meant}")
            return meant
        return part.name

    def mend_value(self, name: str, part: Part) -> str:
        wanted = self.planned[name]
        if is_wrong(part.value, wanted):
            self.changes.append(f"wrote {name}={wanted}")
            return wanted
        if part.value != wanted:
            self.kept.append(f"{name}: another token than the planned {wanted}")
        return part.value

    def mend_key(self, value: str) -> str:
        """Its own key where it may be one; the given key for a placeholder, nothing, or a damaged copy of itself."""
        given = quote(self.key.reveal(), safe="") if self.key else ""
        if not self.key:
            if not value:
                self.changes.append(f"wrote api_key={PLACEHOLDER_KEY}, to be replaced by the key")
            elif is_placeholder(value):
                self.kept.append("api_key: still a placeholder; put in the key that Kayzen provided")
            return value or PLACEHOLDER_KEY
        if unquote(value) == self.key.reveal() or value == self.key.reveal():
            return value
        if not value or is_placeholder(value) or _is_damaged_copy(unquote(value), self.key.reveal()):
            self.changes.append("put in the key that is set on this computer")
            return given
        self.kept.append("api_key: another key than the one set on this computer; ask Kayzen which one is right")
        return value

    def keep_extra(self, name: str, part: Part) -> _Pairs:
        """A parameter that the plan has not: kept, with a misspelt or broken token mended where it can be."""
        shown = name if is_showable_name(name) else "a parameter"
        if name in parameter_names(self.plan) and self.event is None:
            return [(name, part.value)]
        value = _with_plain_brackets(part.value)
        wrong = {found.code for found in judge_extra("", value)} - {"KZ031"}
        if wrong == {"KZ032"}:
            value = _nearest_tokens(value)
            self.changes.append(f"corrected a misspelt token of {shown}")
        elif wrong:
            self.changes.append(f"deleted {shown}, which is not planned and has a broken token")
            return []
        if value != part.value and not wrong:
            self.changes.append(f"wrote the token of {shown} in plain characters")
        self.kept.append(f"{shown}: not in the plan")
        return [(name, value)]

    def insert_missing(self, pairs: _Pairs) -> _Pairs:
        """The planned parameters that are not there, each after the one that the plan has before it."""
        whole = list(pairs)
        before = ""
        for name, wanted in self.planned.items():
            names = [known for known, _ in whole]
            if name not in names:
                at = names.index(before) + 1 if before in names else 0
                value = quote(self.key.reveal(), safe="") if name == "api_key" and self.key else wanted
                whole.insert(at, (name, value))
                self.changes.append(f"added {name}")
            before = name
        return whole

    def method(self) -> str:
        wanted = self.plan.pixel(self.event or Event.INCOMING).method
        if not self.pixel.method or self.pixel.method.upper() == wanted:
            return self.pixel.method
        self.changes.append(f"set HTTP Method to {wanted}")
        return wanted


def _planned_for(plan: Plan, event: Event | None) -> Mapping[str, str]:
    """The planned parameters of an event; without one, those that are the same in all pixels of the plan."""
    if event:
        return {p.name: p.value for p in plan.pixel(event).parameters}
    first = plan.pixels[0]
    return {
        p.name: p.value for p in first.parameters
        if p.name != "app_event" and all(other.value(p.name) == p.value for other in plan.pixels)
    }  # fmt: skip


def _is_damaged_copy(value: str, key: str) -> bool:
    """Whether a key was copied with a slip: the same but for two letters, or cut short."""
    return edits(value, key, 2) <= min(2, len(key) // 4) or (len(value) >= 4 and key.startswith(value))


def _with_plain_brackets(value: str) -> str:
    """A value whose token is written in percent codes, in plain characters; any other value as it stands."""
    return _CODED_BRACKET.sub(lambda found: decoded(found[0]), value) if "[" in decoded(value) else value


def _nearest_tokens(value: str) -> str:
    return TOKEN.sub(lambda found: found[0] if is_known(found[0]) else nearest(found[0]) or found[0], value)
