"""Drift: where the pixels in Ringba differ from the plan, since when, and what they sent before.

The key and the order of parameters do not count as differences of content; the key is compared by itself. Whatever is
shown or kept here holds no key and no full phone number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kayzen_nb.account import names_another_trigger, trigger_of
from kayzen_nb.causes import Certainty
from kayzen_nb.pixels import ENDPOINT, PlannedPixel
from kayzen_nb.pixelset import (
    KEY_NAME,
    SentUrl,
    carries_key,
    is_placeholder,
    key_in,
    keys_of,
    match_pixels,
    show_address,
    show_name,
    show_value,
    take_apart,
)
from kayzen_nb.tokens import SAME_VALUE, find_tokens, is_known, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan, UrlParameter
    from kayzen_nb.privacy import Secret
    from kayzen_nb.vocabulary import Event

_DAMAGE = (
    (re.compile(r"\S\s+\S"), "white space or a line break inside"),
    (re.compile(r"&amp;"), "&amp; in place of &"),
    (re.compile(r"[“”‘’«»\"'<>]"), "a quotation mark or angle bracket inside"),
    (re.compile(r"&&|&\s*$|\?&"), "an & too many"),
    (re.compile(r"#"), "a # inside: what follows it is not sent"),
    (re.compile(r"\?[^?]*\?"), "a second ?"),
)
# By what was planned, not by the parameter's name: Kayzen's word may rename a parameter.
_WRONG_TOKEN = {
    "[Call:InboundCallId]": "wrong_call_id",
    "[Call:CallerNumber]": "wrong_number",
    "[Call:NumberDialed]": "wrong_number",
    "[Call:CallDateTime]": "wrong_time",
    "[Call:ConversionAmount]": "amount_differs",
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing about a pixel that is not as planned; ``code`` is the cause (``causes.KINDS``) that it would be.

    ``field`` is a parameter's name, or: created, count, name, trigger, method, address, form, key. A *harmless* one
    changes nothing that Kayzen receives. ``found`` is masked.
    """

    event: Event
    pixel: str
    field: str
    planned: str
    found: str
    code: str = "pixel_differs"
    certainty: Certainty = Certainty.SEEN
    is_harmless: bool = False

    @property
    def words(self) -> str:
        """The difference in one line."""
        note = " (harmless)" if self.is_harmless else ""
        return f"{self.pixel}: {self.field} is {self.found}, planned: {self.planned}{note}"


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A planned pixel beside one found for it, and the keys that no text may show."""

    planned: PlannedPixel
    live: Pixel
    keys: Sequence[Secret] = field(repr=False)

    @property
    def sent(self) -> SentUrl:
        return take_apart(self.live.url)

    def differs(
        self, name: str, planned: str, found: str, code: str = "pixel_differs",
        certainty: Certainty = Certainty.SEEN, *, is_harmless: bool = False,
    ) -> Difference:  # fmt: skip
        return Difference(
            event=self.planned.event,
            pixel=self.planned.name,
            field=name,
            planned=planned,
            found=found,
            code=code,
            certainty=certainty,
            is_harmless=is_harmless,
        )


def compare_pixels(live: Iterable[Pixel], plan: Plan, key: Secret | None = None) -> tuple[Difference, ...]:
    """Every difference between the pixels found and the plan, in the plan's order.

    Without a key, only a missing key and a placeholder count. Pixels for anyone but Kayzen are left out.
    """
    pixels = list(live)
    found = match_pixels(pixels, plan)
    known = keys_of(pixels) + ((key,) if key else ())
    pairs = [_Pair(planned=p, live=one, keys=known) for p in plan.pixels for one in found[p.event]]
    missing_or_many = [d for planned in plan.pixels for d in _compare_count(planned, found[planned.event])]
    return tuple(missing_or_many + [d for pair in pairs for d in _compare_one(pair, key)])


def describe_differences(differences: Iterable[Difference]) -> str:
    """Many differences in one line, those that say the same of several pixels together."""
    grouped: dict[tuple[str, str], list[Difference]] = {}
    for one in differences:
        grouped.setdefault((one.field, one.found), []).append(one)
    return "; ".join(_describe(*said, some) for said, some in grouped.items())


def _describe(name: str, found: str, some: Sequence[Difference]) -> str:
    planned = {one.planned for one in some}
    wanted = planned.pop() if len(planned) == 1 else "each its own"
    return f"{name} is {found} in {', '.join(one.event.value for one in some)} (planned: {wanted})"


def _compare_count(planned: PlannedPixel, found: Sequence[Pixel]) -> Iterator[Difference]:
    def count(name: str, text: str, code: str) -> Difference:
        return Difference(event=planned.event, pixel=planned.name, field=name, planned="one", found=text, code=code)

    active = [pixel for pixel in found if pixel.enabled is not False]
    if not found:
        yield count("created", "missing", "pixel_not_created")
    elif len(active) > 1:
        yield count("count", f"{len(active)} pixels", "pixel_doubled")


def _compare_one(pair: _Pair, key: Secret | None) -> Iterator[Difference]:
    yield from _compare_form(pair)
    yield from _compare_address(pair)
    yield from _compare_key(pair, key)
    yield from _compare_parameters(pair)


def _compare_form(pair: _Pair) -> Iterator[Difference]:
    planned, live = pair.planned, pair.live
    if " ".join(live.name.split()).casefold() != planned.name.casefold():
        yield pair.differs("name", planned.name, "another name", is_harmless=True)
    fires = trigger_of(live.fire_on)
    if names_another_trigger(live.fire_on) or (fires and fires is not planned.event):
        named = fires.value if fires else "a trigger that the guide does not use"
        yield pair.differs("trigger", planned.fire_on, named, "wrong_trigger")
    if live.method.strip() and live.method.strip().upper() != planned.method:
        yield pair.differs("method", planned.method, show_value("method", live.method.strip(), pair.keys))
    around_key = re.sub(rf"({KEY_NAME}=)[^&\s]*", r"\1", live.url.strip(" "))  # a placeholder has a word of its own
    for damage, words in _DAMAGE:
        if damage.search(around_key):
            yield pair.differs("form", "one line, as in the plan", words, "url_damaged")


def _compare_address(pair: _Pair) -> Iterator[Difference]:
    address = pair.sent.address
    if address == ENDPOINT:
        return
    # Without a "?" everything is address: the URL is cut or its mark is lost, which says nothing of the host.
    is_cut = not pair.sent.pairs and (address.startswith(ENDPOINT) or ENDPOINT.startswith(address))
    code = "url_damaged" if is_cut else "wrong_address"
    yield pair.differs("address", ENDPOINT, show_address(address, pair.keys), code)


def _compare_key(pair: _Pair, key: Secret | None) -> Iterator[Difference]:
    carried = key_in(pair.live.url)
    wanted = f"fingerprint {key.fingerprint}" if key else "the key that Kayzen gave you"
    if carried is None:
        yield pair.differs("key", wanted, "missing", "key_missing")
    elif is_placeholder(carried):
        yield pair.differs("key", wanted, "the placeholder", "key_placeholder")
    elif key and not carries_key(pair.live.url, key):
        yield pair.differs("key", wanted, f"fingerprint {carried.fingerprint}", "key_differs")


def _compare_parameters(pair: _Pair) -> Iterator[Difference]:
    """Each parameter apart from the key. A name that is written otherwise counts once, not as missing and extra."""
    wanted = {p.name: p for p in pair.planned.parameters if p.name != KEY_NAME}
    extra = [name for name, _ in pair.sent.pairs if name not in wanted and name != KEY_NAME]
    for name, parameter in wanted.items():
        values = [value for known, value in pair.sent.pairs if known == name]
        if not values:
            yield _missing(pair, parameter, next((n for n in extra if _is_near(n, name)), None))
        elif len(values) > 1:
            yield pair.differs(name, "once", f"there {len(values)} times", "url_damaged")
        else:
            yield from _compare_value(pair, parameter, values[0])
    lost = [name for name in wanted if pair.sent.value(name) is None]
    for name in extra:
        if not any(_is_near(name, one) for one in lost):
            # What the plan leaves out on purpose (is_duplicate of the Error pixel) the guide prints: no harm is known.
            is_printed = name in {left.name for left in pair.planned.left_out}
            yield pair.differs("parameter " + show_name(name, pair.keys), "not sent", "sent", is_harmless=is_printed)


def _missing(pair: _Pair, parameter: UrlParameter, written: str | None) -> Difference:
    found = f"written {show_name(written, pair.keys)}" if written else "missing"
    code = "amount_missing" if parameter.value == "[Call:ConversionAmount]" else "url_damaged"
    return pair.differs(parameter.name, "sent", found, code)


def _compare_value(pair: _Pair, parameter: UrlParameter, found: str) -> Iterator[Difference]:
    name, wanted = parameter.name, parameter.value
    if found == wanted:
        return
    shown = show_value(name, found, pair.keys)
    if found in SAME_VALUE.get(name, ()):
        yield pair.differs(name, wanted, f"{found}, which carries the same value", is_harmless=True)
    else:
        yield pair.differs(name, wanted, shown, *_value_code(name, wanted, found))


def _value_code(name: str, wanted: str, found: str) -> tuple[str, Certainty]:
    """The cause that a wrong value would be, and how sure that is."""
    tokens = [token.text for token in find_tokens(found)]
    strangers = [token for token in tokens if not is_known(token)]
    if name == "app_event":
        return "wrong_event_name", Certainty.SEEN
    if re.search(r"(?i)%5b|%5d|%25", found):
        return "badly_encoded", Certainty.LIKELY
    if found.count("[") != found.count("]") or re.search(r"[a-z_]+=", found):
        return "url_damaged", Certainty.SEEN
    if not found and wanted.startswith("["):
        return "token_blank", Certainty.SEEN
    if strangers:
        # Only Ringba's Token button has the whole list: a near miss is likely a slip, another name may be right.
        return "token_blank", Certainty.LIKELY if any(map(nearest, strangers)) else Certainty.POSSIBLE
    return _WRONG_TOKEN.get(wanted, "wrong_value"), Certainty.SEEN


def _is_near(written: str, name: str) -> bool:
    """Whether a parameter's name is another one's, written otherwise: by case, marks, or a letter or two."""
    from difflib import SequenceMatcher  # noqa: PLC0415  # only for parameters that are not as planned

    plain, meant = (re.sub(r"[^a-z]", "", text.casefold()) for text in (written, name))
    return plain == meant or SequenceMatcher(None, plain, meant).ratio() >= 0.8
