"""The pixels as a set: one key, one call-id token, six different events, none missing, none doubled."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kayzen_nb.lintrules import Finding, edits, shown
from kayzen_nb.pixels import PLACEHOLDER_KEY
from kayzen_nb.pixelvalue import is_wrong
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kayzen_nb.lintjudged import Judged
    from kayzen_nb.pixels import Plan

# What people and programs leave in the key's place; «removed» is our own mask.
_PLACEHOLDER = re.compile(
    r"(?i)[\[{<($%«]*_*(?:kayzen[-_ ]?provided|(?:your|my|the|insert|enter|paste|replace|put)?[-_ ]?(?:your)?[-_ ]?"
    r"(?:kayzen)?[-_ ]?(?:api)?[-_ ]?(?:key|token)(?:[-_ ]?here)?|redacted|removed|changeme|change[-_]me|todo|tbd|"
    r"placeholder|example|sample|x{3,}|\*+|•+|\.{3,}|n/?a|none|null|undefined)_*[\]}>)%»]*"
)


def is_placeholder(key: str) -> bool:
    """Whether a key's place holds a word for the key and not a key; a slip of the pen in the guide's word counts."""
    text = unquote(key)
    if re.fullmatch(r"[\[{<(].*[\]}>)]", text):
        return True
    return edits(text.upper(), PLACEHOLDER_KEY, 2) <= 2 or _PLACEHOLDER.fullmatch(text) is not None


def check_set(judged: Sequence[Judged], plan: Plan, key: Secret | None) -> Iterator[Finding]:
    """Everything wrong with the pixels together."""
    yield from _check_placeholders(judged)
    yield from _check_keys(judged)
    if key:
        yield from _check_own_key(judged, key)
    yield from _check_call_ids(judged)
    yield from _check_same_event(judged, plan)
    if len(judged) != 1:
        yield from _check_six(judged)


def _key_of(one: Judged) -> str:
    return one.url.value("api_key") or ""


def _numbers(numbers: Sequence[int]) -> str:
    return "pixel " + ", ".join(str(number) for number in numbers)


def _key_place(one: Judged) -> int | None:
    return next((part.value_position for part in one.url.parts if part.name == "api_key"), None)


def _check_placeholders(judged: Sequence[Judged]) -> Iterator[Finding]:
    which = [n for n, one in enumerate(judged, 1) if _key_of(one) and is_placeholder(_key_of(one))]
    if which:
        first = judged[which[0] - 1]
        is_guides = _key_of(first) == PLACEHOLDER_KEY
        yield Finding(
            pixel=_numbers(which),
            code="KZ010",
            position=_key_place(first),
            message=f"the key is still {'the' if is_guides else 'a'} placeholder"
            + (f" {PLACEHOLDER_KEY}" if is_guides else f", of {len(_key_of(first))} characters"),
            fix="Put in the key that your Kayzen account manager gave you, the same in all six.",
            field="api_key",
        )


def _check_keys(judged: Sequence[Judged]) -> Iterator[Finding]:
    """One key in all; where most agree, the odd ones are named. Keys are told apart by fingerprint."""
    keys = Counter(unquote(_key_of(one)) for one in judged if _key_of(one))
    if len(keys) < 2:
        return
    (most, count), *_ = keys.most_common()
    odd = [n for n, one in enumerate(judged, 1) if _key_of(one) and unquote(_key_of(one)) != most]
    is_clear = count > len(odd) and not is_placeholder(most)
    fingerprints = ", ".join(Secret(key).fingerprint for key in keys)
    yield Finding(
        pixel=_numbers(odd) if is_clear else "all",
        code="KZ104",
        position=_key_place(judged[odd[0] - 1]) if is_clear else None,
        message=f"the pixels do not all carry the same key (fingerprints {fingerprints})",
        fix="Use one key in all six.",
        field="api_key",
    )


def _check_own_key(judged: Sequence[Judged], key: Secret) -> Iterator[Finding]:
    own = {key.reveal(), unquote(key.reveal())}
    others = [
        n for n, one in enumerate(judged, 1)
        if _key_of(one) and not is_placeholder(_key_of(one)) and not {_key_of(one), unquote(_key_of(one))} & own
    ]  # fmt: skip
    if others:
        first = judged[others[0] - 1]
        found = Secret(unquote(_key_of(first))).fingerprint
        yield Finding(
            pixel=_numbers(others),
            code="KZ012",
            position=_key_place(first),
            message=f"the key (fingerprint {found}) is not the one set on this computer ({key.fingerprint})",
            fix="Find out which of the two Kayzen gave you, and use it here and in all six pixels.",
            field="api_key",
        )


def _check_call_ids(judged: Sequence[Judged]) -> Iterator[Finding]:
    """Kayzen joins the events of a call by its id: it has to be the same one in all. Damaged ones have findings."""
    tokens = {one.url.value("call_id") or "" for one in judged}
    sound = {token for token in tokens if token and not is_wrong(token, "[Call:InboundCallId]")}
    if len(sound) > 1:
        yield Finding(
            pixel="all",
            code="KZ103",
            message=f"call_id is filled from {' and '.join(sorted(shown(token) for token in sound))}: "
            "Kayzen could not join the events of a call",
            fix="Write call_id=[Call:InboundCallId] in all six.",
            field="call_id",
        )


def _check_same_event(judged: Sequence[Judged], plan: Plan) -> Iterator[Finding]:
    """Pixels that tell Kayzen the same event, where Fire Pixel On does not already show which one is wrong."""
    told: dict[str, list[int]] = {}
    for n, one in enumerate(judged, 1):
        if _is_as_planned_or_unknown(one):
            told.setdefault(one.url.value("app_event") or "", []).append(n)
    for name, which in told.items():
        fire_on = {judged[n - 1].pixel.event for n in which}
        if not name or len(which) < 2 or (len(fire_on) == 1 and None not in fire_on) or _is_kayzens_word(name, plan):
            continue
        message = f"app_event={shown(name)} stands in {len(which)} pixels: Kayzen cannot tell them apart"
        fix = "Give each pixel the event that it fires on."
        yield Finding(pixel="all", code="KZ102", message=message, fix=fix, field="app_event")


def _is_as_planned_or_unknown(one: Judged) -> bool:
    if one.pixel.event is None:
        return True
    return one.url.value("app_event") == one.planned.value("app_event")


def _is_kayzens_word(name: str, plan: Plan) -> bool:
    """Whether Kayzen itself confirmed that several pixels share this name."""
    sharing = [p for pixel in plan.pixels for p in pixel.parameters if (p.name, p.value) == ("app_event", name)]
    return len(sharing) > 1 and all(p.standing == "confirmed" for p in sharing)


def _check_six(judged: Sequence[Judged]) -> Iterator[Finding]:
    for event in Event:
        which = [n for n, one in enumerate(judged, 1) if one.event is event]
        if not which:
            fix = f"Create the pixel that fires on {event}."
            yield Finding(pixel="all", code="KZ105", message=f"no pixel for {event}", fix=fix, field="Fire Pixel On")
        elif len(which) > 1 and all(judged[n - 1].pixel.event for n in which):
            yield _doubled(event, which, judged)


def _doubled(event: Event, which: list[int], judged: Sequence[Judged]) -> Finding:
    same = "the same URL" if len({judged[n - 1].pixel.url for n in which}) == 1 else "different URLs"
    return Finding(
        pixel="all",
        code="KZ106",
        message=f"{len(which)} pixels fire on {event} ({_numbers(which)}, {same}): "
        "Kayzen would count the event more than once",
        fix="Keep one of them.",
        field="Fire Pixel On",
    )
