"""The pixel linter: what is wrong with a URL, where, and what to do about it.

Codes are stable: KZ0xx concern one pixel's URL, KZ1xx the pixels as a set. Only an *error* fails the set; a *warning*
deserves a look, *info* explains.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kayzen_nb.errors import did_you_mean
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import ENDPOINT, PARAMETER_NAMES, PLACEHOLDER_KEY, Plan, build_plan, render
from kayzen_nb.privacy import Secret, mask_url
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kayzen_nb.account import Pixel

    _MakeFinding = Callable[[str, str, str], "Finding"]

RULES: dict[str, tuple[str, str]] = {
    "KZ001": ("error", "the URL is not an absolute https address"),
    "KZ002": ("error", "the host is not Kayzen's event endpoint"),
    "KZ003": ("error", "the path is not /v1/ev"),
    "KZ004": ("error", "white space or a line break stands inside the URL"),
    "KZ005": ("error", "a character of a word processor or of HTML stands in the URL (smart quote, &amp;)"),
    "KZ010": ("error", "the key is still the guide's placeholder"),
    "KZ011": ("error", "the key is empty"),
    "KZ020": ("error", "a parameter is missing"),
    "KZ021": ("warning", "a parameter is not in the plan"),
    "KZ022": ("error", "a parameter stands more than once"),
    "KZ023": ("error", "an & between two parameters is lost or doubled"),
    "KZ024": ("error", "a value differs from the plan"),
    "KZ030": ("error", "a [token] is not closed, or nested"),
    "KZ031": ("warning", "a [token] is not one that the guide or Ringba documents for this value"),
    "KZ101": ("error", "app_event does not match Fire Pixel On"),
    "KZ102": ("error", "several pixels tell Kayzen the same event"),
    "KZ104": ("error", "the pixels carry different keys"),
    "KZ105": ("error", "a pixel is missing from the six"),
    "KZ106": ("error", "two pixels fire on the same event"),
    "KZ107": ("error", "the HTTP method is not GET"),
    "KZ110": ("warning", "the Converted pixel carries no amount"),
    "KZ111": ("info", "the Error pixel sends a value that the guide says does not exist there"),
}

# Documented ways to send the same value (Ringba help centre, "Most Common Tokens").
_ALTERNATIVES = {
    "caller_id": ("[tag:InboundNumber:Number]", "[tag:InboundNumber:Number-NoPlus]"),
    "number": ("[tag:DialedNumber:Number]",),
    "is_duplicate": ("[tag:CallInfo:IsDuplicate]",),
}
_ODD = re.compile(r"[“”‘’«»\"'<>]|&amp;")
_TOKEN = re.compile(r"\[[^\[\]&]*\]")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing the linter has to say. ``position`` counts characters of the URL from 1; None concerns the whole."""

    pixel: str
    code: str
    message: str
    fix: str
    position: int | None = None

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``info``, by the code."""
        return RULES[self.code][0]

    def as_record(self) -> dict[str, Any]:
        """The finding as ``lint --json`` prints it."""
        return asdict(self) | {"severity": self.severity}


def check_text(text: str) -> list[Finding]:
    """Findings about the pixels in a pasted text, a CSV or JSON. Raises PixelListError when it holds no URL."""
    return check_pixels(read_pixels(text))


def check_plan(profile: str = "per_event") -> list[Finding]:
    """Findings about the planned six, rendered with an invented key: the linter's word on our own plan."""
    return check_pixels(render(build_plan(profile), Secret("an-invented-key")))


def check_pixels(pixels: Iterable[Pixel]) -> list[Finding]:
    """Everything wrong with each pixel and with the set, in reading order."""
    known = list(pixels)
    plan = build_plan("per_event")
    found = [finding for n, pixel in enumerate(known, 1) for finding in _check_one(pixel, _label(pixel, n), plan)]
    return found + list(_check_set(known))


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any finding fails the set."""
    return any(finding.severity == "error" for finding in findings)


def _label(pixel: Pixel, position: int) -> str:
    return f"pixel {position}" + (f" ({pixel.name or pixel.event})" if pixel.name or pixel.event else "")


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One ``name=value`` of a query as it stands, with the place of its first character in the URL (from 1)."""

    name: str
    value: str
    position: int


def _parts(url: str) -> list[_Part]:
    start = url.find("?") + 2
    parts = []
    for piece in url.partition("?")[2].split("&"):
        name, _, value = piece.partition("=")
        parts.append(_Part(name=name, value=value, position=start))
        start += len(piece) + 1
    return parts


def _check_one(pixel: Pixel, label: str, plan: Plan) -> Iterator[Finding]:
    yield from _check_damage(pixel.url, label)
    clean = re.sub(r"\s+", "", pixel.url.replace("&amp;", "&"))
    yield from _check_address(clean, label)
    yield from _check_parameters(_parts(clean), label, pixel.event, plan)
    if pixel.method and pixel.method.upper() != "GET":
        yield Finding(
            pixel=label,
            code="KZ107",
            message=f"the method is {pixel.method}; the guide sets GET",
            fix="Toggle on Advanced Options in Ringba's pixel form and set HTTP Method to GET.",
        )


def _check_damage(url: str, label: str) -> Iterator[Finding]:
    if space := re.search(r"\s", url.strip(" ")):
        what = "a line break" if space[0] in "\r\n" else "white space"
        yield Finding(
            pixel=label,
            code="KZ004",
            position=space.start() + 1,
            message=f"{what} stands inside the URL",
            fix="Paste the URL again as one line.",
        )
    for odd in _ODD.finditer(url):
        fix = "Write & in place of &amp;." if odd[0] == "&amp;" else f"Delete {odd[0]}."
        yield Finding(
            pixel=label, code="KZ005", position=odd.start() + 1, message=f"{odd[0]} stands in the URL", fix=fix
        )


def _check_address(url: str, label: str) -> Iterator[Finding]:
    wanted, found = urlsplit(ENDPOINT), urlsplit(url)
    if found.scheme != "https":
        yield Finding(
            pixel=label,
            code="KZ001",
            position=1,
            message=f"the URL starts with {found.scheme or url[:8]!r}, not https",
            fix=f"Start with {ENDPOINT}.",
        )
    if found.netloc != wanted.netloc:
        yield Finding(
            pixel=label,
            code="KZ002",
            position=url.find("//") + 3,
            message=f"the host is {mask_url(found.netloc)!r}, not {wanted.netloc}",
            fix=f"Use {wanted.netloc}: a look-alike host would receive the key and the callers' numbers.",
        )
    if found.path != wanted.path:
        yield Finding(
            pixel=label,
            code="KZ003",
            position=max(url.find("/", 8), 0) + 1,
            message=f"the path is {found.path!r}, not {wanted.path}",
            fix=f"Use {ENDPOINT}?...",
        )


def _check_parameters(parts: list[_Part], label: str, event: Event | None, plan: Plan) -> Iterator[Finding]:
    names = [part.name for part in parts]
    told = next((part.value for part in parts if part.name == "app_event"), "")
    judged_as = event or (Event(told) if told in set(Event) else Event.INCOMING)
    planned = {p.name: p.value for p in plan.pixel(judged_as).parameters}
    swallowed = {name for part in parts for name in planned if f"{name}=" in part.value}
    for part in parts:
        yield from _check_part(part, label, event, planned, first=names.index(part.name) == parts.index(part))
    for name, value in planned.items():
        if name == "conversion_amount" and name not in names:
            yield Finding(
                pixel=label,
                code="KZ110",
                message="no amount is sent, though the guide says this pixel sends conversion_amount",
                fix="Add &conversion_amount=[Call:ConversionAmount] once Kayzen confirms the name (inferred).",
            )
        elif name not in names and name not in swallowed:
            fix = f"Add &{name}={value}."
            yield Finding(pixel=label, code="KZ020", message=f"parameter {name} is missing", fix=fix)


def _check_part(
    part: _Part, label: str, event: Event | None, planned: dict[str, str], *, first: bool
) -> Iterator[Finding]:
    def finding(code: str, message: str, fix: str) -> Finding:
        return Finding(pixel=label, code=code, position=part.position, message=message, fix=fix)

    if not part.name and not part.value:
        yield finding("KZ023", "two & stand together, or one at the end", "Delete the extra &.")
    elif not first:
        yield finding("KZ022", f"parameter {part.name} stands more than once", "Delete the repetition.")
    elif part.name == "is_duplicate" and event is Event.ERROR:
        fix = "Leave is_duplicate out of the Error pixel once Kayzen agrees (inferred)."
        yield finding("KZ111", "the guide says the duplicate flag is not available on Error calls", fix)
    elif part.name not in planned:
        hint = did_you_mean(part.name, PARAMETER_NAMES)
        yield finding("KZ021", f"parameter {part.name!r} is not in the plan", f"Check its spelling: {hint}")
    else:
        yield from _check_value(part, finding, event, planned[part.name])


def _check_value(part: _Part, finding: _MakeFinding, event: Event | None, wanted: str) -> Iterator[Finding]:
    lost = next((name for name in PARAMETER_NAMES if f"{name}=" in part.value), None)
    if lost:
        yield finding("KZ023", f"the & before {lost} is lost", f"Write {part.name}={wanted}&{lost}=...")
    elif part.name == "api_key":
        if not part.value:
            yield finding("KZ011", "the key is empty", "Put in the key that Kayzen provided.")
    elif part.name == "app_event":
        yield from _check_app_event(part, finding, event)
    elif part.value != wanted and part.value not in _ALTERNATIVES.get(part.name, ()):
        yield _wrong_value(part, finding, wanted)


def _check_app_event(part: _Part, finding: _MakeFinding, event: Event | None) -> Iterator[Finding]:
    if event and part.value != event.value:
        confirm = "" if event is Event.INCOMING else " (inferred: confirm with Kayzen)"
        yield finding(
            "KZ101",
            f"app_event={part.value} on the pixel that fires on {event}: Kayzen would count this as {part.value!r}",
            f"Write app_event={event.value}{confirm}.",
        )
    elif not event and part.value not in set(Event):
        fix = f"Check its spelling: {did_you_mean(part.value, [e.value for e in Event])}"
        yield finding("KZ024", f"app_event={part.value} is not one of the six events", fix)


def _wrong_value(part: _Part, finding: _MakeFinding, wanted: str) -> Finding:
    """A token that differs from the plan, a broken token, or a fixed value that differs."""
    unmatched = _TOKEN.sub("", part.value)
    if "[" in unmatched or "]" in unmatched:
        return finding("KZ030", f"{part.name}={part.value}: a bracket has no partner", f"Write {part.name}={wanted}.")
    if wanted.startswith("[") and _TOKEN.fullmatch(part.value):
        known = " or ".join((wanted, *_ALTERNATIVES.get(part.name, ())))
        message = (
            f"{part.name} is filled from {part.value}, which is not documented for it; Ringba blanks unknown tokens"
        )
        return finding("KZ031", message, f"Use {known}.")
    return finding("KZ024", f"{part.name} is {part.value!r}, not {wanted}", f"Write {part.name}={wanted}.")


def _check_set(pixels: list[Pixel]) -> Iterator[Finding]:
    values = [{part.name: part.value for part in _parts(pixel.url)} for pixel in pixels]
    keys = [value.get("api_key", "") for value in values]
    if PLACEHOLDER_KEY in keys:
        which = ", ".join(str(n) for n, key in enumerate(keys, 1) if key == PLACEHOLDER_KEY)
        yield Finding(
            pixel=f"pixel {which}",
            code="KZ010",
            position=pixels[0].url.find(PLACEHOLDER_KEY) + 1 or None,
            message=f"the key is still the placeholder {PLACEHOLDER_KEY}",
            fix="Put in the key that your Kayzen account manager gave you, the same in all six.",
        )
    if len({key for key in keys if key}) > 1:
        fix = "Use one key in all six."
        yield Finding(pixel="all", code="KZ104", message="the pixels do not all carry the same key", fix=fix)
    yield from _check_events([pixel.event for pixel in pixels], [value.get("app_event", "") for value in values])


def _check_events(events: list[Event | None], app_events: list[str]) -> Iterator[Finding]:
    told = events if all(events) else [e for e in Event for name in app_events if name == e.value]
    if not all(events):
        for name in sorted({name for name in app_events if app_events.count(name) > 1}):
            message = f"app_event={name} stands in {app_events.count(name)} pixels: Kayzen cannot tell them apart"
            fix = "Give each pixel the event that it fires on."
            yield Finding(pixel="all", code="KZ102", message=message, fix=fix)
    if len(events) == 1:
        return
    for event in Event:
        if told.count(event) == 0:
            fix = f"Create the pixel that fires on {event}."
            yield Finding(pixel="all", code="KZ105", message=f"no pixel for {event}", fix=fix)
        elif all(events) and told.count(event) > 1:
            fix = "Keep one of them."
            message = f"{told.count(event)} pixels fire on {event}: Kayzen would count the event more than once"
            yield Finding(pixel="all", code="KZ106", message=message, fix=fix)
