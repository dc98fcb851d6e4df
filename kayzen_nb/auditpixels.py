"""The pixel half of an audit: whether the six exist, are on the campaign, switched on, and as planned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kayzen_nb.account import names_another_trigger, trigger_of
from kayzen_nb.auditanswer import NOT_TOLD, Answer, answer, ask, fail, wait
from kayzen_nb.causes import Cause, Certainty
from kayzen_nb.drift import Difference, compare_pixels, describe_differences
from kayzen_nb.pixelhistory import FROM_API
from kayzen_nb.pixelset import is_placeholder, key_in, match_pixels
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kayzen_nb.account import AccountSetup, Campaign, Pixel
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

CREATED = "all six pixels exist"
ATTACHED = "all six are added to the campaign"
ENABLED = "all six are switched on"
TRIGGERS = "each fires on its own event"
AS_PLANNED = "each URL is as planned"
ONE_KEY = "all six carry the key"

PASTED, FROM_CAMPAIGN = "a pasted list", "the campaign's own list"
_WHERE = "Ringba > Integrations > Pixels"
_ON_CAMPAIGN = "Ringba > Campaigns > your campaign > Tracking Pixels"
_KEY_CODES = frozenset({"key_missing", "key_placeholder", "key_differs"})


@dataclass(frozen=True, kw_only=True)
class KnownPixels:
    """The pixels that are known, where from, and which are on the campaign (None: not told)."""

    pixels: tuple[Pixel, ...] | None
    origin: str
    attached_ids: frozenset[str] | None

    def is_attached(self, pixel: Pixel) -> bool | None:
        """Whether a pixel is on the campaign; None where that cannot be known."""
        if self.attached_ids is None or not pixel.id:
            return None
        return pixel.id in self.attached_ids


def know_pixels(setup: AccountSetup, campaign: Campaign | None, pasted: Iterable[Pixel] | None) -> KnownPixels:
    """The pixels to judge: a pasted list where one is given, else the API's, else those the campaign shows whole."""
    ids = campaign.attached_pixel_ids if campaign else None
    shown = campaign.attached_pixels if campaign else ()
    attached = None if ids is None else frozenset(ids)
    if pasted is not None:
        known = _with_ids(pasted, (setup.pixels or ()) + shown)
        return KnownPixels(pixels=known, origin=PASTED, attached_ids=attached)
    if setup.pixels is not None:
        return KnownPixels(pixels=setup.pixels, origin=FROM_API, attached_ids=attached)
    if shown or ids == ():
        return KnownPixels(pixels=shown, origin=FROM_CAMPAIGN, attached_ids=attached)
    return KnownPixels(pixels=None, origin="", attached_ids=attached)


def judge_pixels(known: KnownPixels, plan: Plan, key: Secret | None) -> tuple[list[Answer], tuple[Difference, ...]]:
    """The six questions about the pixels, and every difference from the plan."""
    if known.pixels is None:
        return [_ask_for_pixels(), _judge_attached_count(known)], ()
    found = {event: _on_campaign(p, known) for event, p in match_pixels(known.pixels, plan).items()}
    differences = _compare(found, known, plan, key)
    judged = [
        _judge_created(differences, known),
        _judge_attached(found, known),
        _judge_enabled(found),
        _judge_triggers(found, differences),
        _judge_urls(differences),
        _judge_keys(found, differences, key),
    ]
    return judged, differences


def _with_ids(pasted: Iterable[Pixel], known: Sequence[Pixel]) -> tuple[Pixel, ...]:
    """Pasted pixels with the id of the one pixel in Ringba that has the same name."""
    named = Counter(pixel.name.casefold() for pixel in {p.id: p for p in known}.values())
    ids = {p.name.casefold(): p.id for p in known if named[p.name.casefold()] == 1}
    return tuple(p if p.id else replace(p, id=ids.get(p.name.casefold(), "")) for p in pasted)


def _on_campaign(candidates: Sequence[Pixel], known: KnownPixels) -> tuple[Pixel, ...]:
    """Of several pixels for one event those on the campaign count; the rest may serve other campaigns."""
    attached = tuple(pixel for pixel in candidates if known.is_attached(pixel))
    return attached or tuple(candidates)


def _compare(
    found: Mapping[Event, Sequence[Pixel]], known: KnownPixels, plan: Plan, key: Secret | None
) -> tuple[Difference, ...]:
    """The differences; several pixels for one event are one only where all of them are on the campaign."""
    live = [pixel for pixels in found.values() for pixel in pixels]
    doubled = {event for event, pixels in found.items() if all(known.is_attached(p) for p in pixels)}
    return tuple(d for d in compare_pixels(live, plan, key) if d.field != "count" or d.event in doubled)


def _ask_for_pixels() -> Answer:
    return ask(CREATED, "six pixels, as planned", f"Open {_WHERE} and paste the list of pixels here.")


def _judge_attached_count(known: KnownPixels) -> Answer:
    """Where the pixels are not known, their number on the campaign still may be."""
    question = f"Open {_ON_CAMPAIGN}: are all six there?"
    if known.attached_ids is None:
        return ask(ATTACHED, "six", question)
    count = len(known.attached_ids)
    if count < len(Event):
        text = f"the campaign has {count} pixels of any kind, so at least {len(Event) - count} of the six are not on it"
        return answer(ATTACHED, "six", f"{count} pixels", [Cause(code="pixel_not_attached", evidence=text)])
    return ask(ATTACHED, "six", question, found=f"{count} pixels, and Ringba does not tell which")


def _judge_created(differences: Iterable[Difference], known: KnownPixels) -> Answer:
    missing = [d for d in differences if d.field == "created"]
    doubled = _cause("pixel_doubled", [d for d in differences if d.field == "count"])
    if not missing:
        return answer(CREATED, "one pixel an event", f"six, by {known.origin}", doubled)
    names = ", ".join(d.event.value for d in missing)
    if known.origin == FROM_CAMPAIGN:
        question = f"Open {_WHERE}: is there a pixel for {names}? The campaign does not have it."
        return ask(CREATED, "one pixel an event", question, found=f"not on the campaign: {names}", causes=doubled)
    certainty = Certainty.SEEN if known.origin == FROM_API else Certainty.LIKELY  # a pasted list may be short
    text, events = f"not in {known.origin}: {names}", tuple(d.event for d in missing)
    gone = Cause(code="pixel_not_created", evidence=text, certainty=certainty, events=events)
    return answer(CREATED, "one pixel an event", f"missing: {names}", [gone, *doubled])


def _judge_attached(found: Mapping[Event, Sequence[Pixel]], known: KnownPixels) -> Answer:
    attached = [event for event, pixels in found.items() if any(known.is_attached(p) for p in pixels)]
    shows_all = known.origin == FROM_CAMPAIGN
    off = [e for e, pixels in found.items() if shows_all and not pixels]
    off += [e for e, pixels in found.items() if pixels and all(known.is_attached(p) is False for p in pixels)]
    unsure = [e for e, pixels in found.items() if e not in attached + off and pixels]
    text = f"{len(attached)} of 6"
    if off:
        evidence = f"Ringba does not list it among the campaign's pixels: {', '.join(off)}"
        gone = Cause(code="pixel_not_attached", evidence=evidence, events=tuple(off))
        return answer(ATTACHED, "six", text, [gone])
    if unsure or known.attached_ids is None:
        names = f" Not known of: {', '.join(unsure)}." if known.attached_ids is not None else ""
        told = text if known.attached_ids is not None else NOT_TOLD
        return ask(ATTACHED, "six", f"Open {_ON_CAMPAIGN}: are all six there?{names}", found=told)
    if len(attached) < len(Event):
        return fail(ATTACHED, "six", text, "Create the missing pixels first, then add them to the campaign.")
    return answer(ATTACHED, "six", text)


def _judge_enabled(found: Mapping[Event, Sequence[Pixel]]) -> Answer:
    off = [e for e, pixels in found.items() if pixels and all(p.enabled is False for p in pixels)]
    untold = [e for e, pixels in found.items() if pixels and not any(p.enabled for p in pixels) and e not in off]
    if off:
        cause = Cause(code="pixel_disabled", evidence=f"switched off: {', '.join(off)}", events=tuple(off))
        return answer(ENABLED, "on", f"off: {', '.join(off)}", [cause])
    seen = sum(bool(pixels) for pixels in found.values())
    if untold or not seen:
        names = ", ".join(untold) or "none is seen yet"
        return ask(ENABLED, "on", f"Open {_WHERE}: are they switched on ({names})?")
    return answer(ENABLED, "on", f"{seen} of {seen} on")


def _judge_triggers(found: Mapping[Event, Sequence[Pixel]], differences: Iterable[Difference]) -> Answer:
    wrong = [d for d in differences if d.code == "wrong_trigger"]
    if wrong:
        return answer(TRIGGERS, "Fire Pixel On as planned", describe_differences(wrong), _cause("wrong_trigger", wrong))
    unclear = [e.value for e, pixels in found.items() if any(_is_unclear(p) for p in pixels)]
    seen = sum(bool(pixels) for pixels in found.values())
    if unclear or not seen:
        question = f"Open {_WHERE} and look at Fire Pixel On of: {', '.join(unclear) or 'all six'}."
        return ask(TRIGGERS, "Fire Pixel On as planned", question, found="not told in words that are known")
    return answer(TRIGGERS, "Fire Pixel On as planned", f"{seen} of {seen} as planned")


def _is_unclear(pixel: Pixel) -> bool:
    return trigger_of(pixel.fire_on) is None and not names_another_trigger(pixel.fire_on)


def _judge_urls(differences: Iterable[Difference]) -> Answer:
    apart = {"created", "count", "trigger"}
    wrong = [d for d in differences if not d.is_harmless and d.field not in apart and d.code not in _KEY_CODES]
    absent = [d.event.value for d in differences if d.field == "created"]
    if not wrong and absent:
        return wait(
            AS_PLANNED, "the plan's URL in each", f"not seen: {', '.join(absent)}", "See the missing pixels first."
        )
    seen = len(Event) - len(absent)
    return answer(
        AS_PLANNED, "the plan's URL in each", describe_differences(wrong) or "as planned", _url_causes(wrong, seen)
    )


def _judge_keys(
    found: Mapping[Event, Sequence[Pixel]], differences: Iterable[Difference], key: Secret | None
) -> Answer:
    wrong = [d for d in differences if d.code in _KEY_CODES]
    carried = {e: k for e, pixels in found.items() for p in pixels if (k := key_in(p.url)) and not is_placeholder(k)}
    prints = Counter(k.fingerprint for k in carried.values())
    causes = [c for code in sorted({d.code for d in wrong}) for c in _cause(code, [d for d in wrong if d.code == code])]
    if len(prints) > 1 and not any(d.code == "key_differs" for d in wrong):
        usual = prints.most_common(1)[0][0]
        text = f"the pixels carry {len(prints)} different keys, fingerprints {', '.join(prints)}"
        odd = tuple(event for event, k in carried.items() if k.fingerprint != usual)
        causes.append(Cause(code="key_differs", evidence=text, events=odd))
    shown = describe_differences(wrong) or ", ".join(f"fingerprint {one} in {count}" for one, count in prints.items())
    expected = f"the key set here, fingerprint {key.fingerprint}" if key else "one key, not the placeholder"
    if not causes and not all(found.values()):
        return wait(ONE_KEY, expected, shown or "no pixel seen", "See the missing pixels first.")
    return answer(ONE_KEY, expected, shown + ("" if key else "; no key is set here to compare with"), causes)


def _url_causes(wrong: Sequence[Difference], seen: int) -> list[Cause]:
    """One cause a code. Where all pixels but Incoming tell Kayzen *incoming*, the guide was copied as printed.

    ``seen`` is for how many of the six events a pixel was seen.
    """
    named = [d for d in wrong if d.code == "wrong_event_name" and d.found == "incoming"]
    copied = {d.event for d in named}
    if 1 < len(copied) >= seen - 1:
        rest = [d for d in wrong if d.code not in {"wrong_event_name", "amount_missing"}]
        return [*_cause("guide_copied", named), *_url_causes(rest, seen)]
    codes = dict.fromkeys(d.code for d in wrong)
    return [cause for code in codes for cause in _cause(code, [d for d in wrong if d.code == code])]


def _cause(code: str, differences: Sequence[Difference]) -> list[Cause]:
    """The cause of one code from its differences; none without any."""
    if not differences:
        return []
    events = tuple(e for e in Event if e in {d.event for d in differences})
    certainty = min((d.certainty for d in differences), key=list(Certainty).index)
    return [Cause(code=code, evidence=describe_differences(differences), certainty=certainty, events=events)]
