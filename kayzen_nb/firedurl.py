"""One fired URL against its plan and its call: what in it is wrong, what is worth a remark.

The raw text is judged, not a decoded copy: a ``+`` that was not encoded, a ``%252B``, an ``&`` that became ``&amp;``
are only seen there. Nothing of a key, and no full phone number, reaches a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

from kayzen_nb.firedvalue import Fault, Note, carries, check_value, shown
from kayzen_nb.pixels import ENDPOINT, PLACEHOLDER_KEY
from kayzen_nb.privacy import scrub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.pixels import PlannedPixel, UrlParameter
    from kayzen_nb.privacy import Secret

_ODD = re.compile(r"[“”‘’«»\"<>]|&amp;|[\u200b-\u200f\ufeff]")


@dataclass(frozen=True, kw_only=True)
class UrlReading:
    """What a fired URL shows. ``remarks`` are no faults; ``doubts`` could not be judged."""

    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def sent_values(url: str) -> dict[str, str]:
    """The parameters of a fired URL as a receiver decodes them; of a repeated one the first."""
    values: dict[str, str] = {}
    for name, raw in _pairs(url):
        values.setdefault(name, unquote_plus(raw))
    return values


def read_fired_url(planned: PlannedPixel, url: str, evidence: CallEvidence, key: Secret | None) -> UrlReading:
    """Everything in a fired URL that is not what the plan and the call let expect.

    Without a key the fired key is only compared with the guide's placeholder. What the call does not tell is not
    compared.
    """
    found = [*_address(url), *_damage(url, planned), *_parameters(planned, url, evidence, key)]
    found = [replace(item, text=scrub(item.text, [key] if key else [])) for item in found]
    return UrlReading(
        faults=tuple(item for item in found if isinstance(item, Fault)),
        remarks=tuple(item.text for item in found if isinstance(item, Note) and not item.is_doubt),
        doubts=tuple(item.text for item in found if isinstance(item, Note) and item.is_doubt),
    )


def _pairs(url: str) -> list[tuple[str, str]]:
    query = url.partition("?")[2].partition("#")[0]
    split = (piece.partition("=") for piece in query.split("&") if piece)
    return [(name, value) for name, _, value in split]


def _address(url: str) -> Iterator[Fault]:
    wanted = urlsplit(ENDPOINT)
    address = url.partition("?")[0]
    if address == ENDPOINT:
        return
    try:
        sent = urlsplit(address)
    except ValueError:
        yield Fault(code="url_damaged", text="the address cannot be read")
        return
    if not sent.netloc:
        yield Fault(code="url_damaged", text="the URL has no host")
    elif sent.netloc != wanted.netloc:
        yield Fault(code="wrong_address", text=f"sent to {shown(sent.netloc)}, not to {wanted.netloc}")
    elif sent.scheme != wanted.scheme:
        yield Fault(code="wrong_address", text=f"sent by {shown(sent.scheme)}, not by {wanted.scheme}")
    elif "&" in sent.path or "=" in sent.path:
        yield Fault(code="url_damaged", text="the ? before the parameters is lost")
    else:
        yield Fault(code="wrong_address", text=f"sent to the path {shown(sent.path)}, not to {wanted.path}")


def _damage(url: str, planned: PlannedPixel) -> Iterator[Fault | Note]:
    """What no parameter owns: odd characters, a fragment, swallowed or repeated parameters."""
    if odd := _ODD.search(url):
        yield Fault(code="url_damaged", text=f"{_named(odd[0])} stands in the URL")
    if re.search(r"[\r\n\t]|%0[aAdD9]", url):
        yield Fault(code="url_damaged", text="a line break stands in the URL")
    if re.search(r"\s", "".join(name for name, _ in _pairs(url))):
        yield Fault(code="url_damaged", text="white space stands in the URL")
    if "#" in url:
        yield Fault(code="url_damaged", text="everything after # is not sent")
    names = [name for name, _ in _pairs(url)]
    known = {parameter.name for parameter in planned.parameters}
    for _, raw in _pairs(url):
        if swallowed := next((k for k in known - set(names) if f"{k}=" in raw), None):
            yield Fault(code="url_damaged", text=f"the & before {swallowed} is lost")
    for name in dict.fromkeys(n for n in names if n in known and names.count(n) > 1):
        values = {raw for other, raw in _pairs(url) if other == name}
        if len(values) > 1:
            yield Fault(code="wrong_value", text=f"{name} stands {names.count(name)} times with different values")
        else:
            yield Note(text=f"{name} stands {names.count(name)} times")
    # A piece without = may be a part of the key, which a stray & cut off: it is not shown.
    pieces = url.partition("?")[2].split("&")
    extra = sorted({shown(piece.partition("=")[0]) for piece in pieces if "=" in piece} - known)
    if extra:
        yield Note(text=f"sends {', '.join(extra)}, which the plan does not have")


def _parameters(planned: PlannedPixel, url: str, evidence: CallEvidence, key: Secret | None) -> Iterator[Fault | Note]:
    raw_values = dict(reversed(_pairs(url)))
    names = [parameter.name for parameter in planned.parameters]
    yield from _missing(planned, raw_values, url)
    for parameter in planned.parameters:
        if parameter.name not in raw_values:
            continue
        raw = raw_values[parameter.name]
        own = min((raw.partition(f"{name}=")[0] for name in names), key=len)  # without a parameter that it swallowed
        own = re.sub(r"[\r\n\t]", "", _ODD.sub("", own))  # told as damage already
        if parameter.name == "api_key":
            yield from _key(unquote_plus(own), key)
        else:
            yield from check_value(parameter.name, own, parameter.value, evidence)


def _missing(planned: PlannedPixel, sent: Mapping[str, str], url: str) -> Iterator[Fault | Note]:
    """What missing parameters mean: a key or an amount alone has its own cause, more were lost together."""
    missing = [p for p in planned.parameters if p.name not in sent]
    lost = [p for p in missing if f"{p.name}=" not in url]  # the others are swallowed, or behind a #: told already
    alone = {p.name: "amount_missing" for p in planned.parameters if _is_revenue(p)} | {"api_key": "key_missing"}
    if any(p.name not in alone for p in lost):
        names = ", ".join(parameter.name for parameter in lost)
        yield Fault(code="url_damaged", text=f"{names} {'is' if len(lost) == 1 else 'are'} missing")
    else:
        for parameter in lost:
            yield Fault(code=alone[parameter.name], text=f"{parameter.name} is missing")
    for parameter in missing:
        if parameter not in lost:
            yield Note(text=f"{parameter.name} does not arrive as a parameter of its own")


def _is_revenue(parameter: UrlParameter) -> bool:
    return carries(parameter.value) == "revenue"


def _key(value: str, key: Secret | None) -> Iterator[Fault]:
    if not value.strip():
        yield Fault(code="key_missing", text="the key is empty")
    elif value.strip() == PLACEHOLDER_KEY:
        yield Fault(code="key_placeholder", text="the key is still the placeholder of the guide")
    elif "[" in value:
        yield Fault(code="key_missing", text="a token stands in place of the key")
    elif key and value != key.reveal():
        yield Fault(code="key_differs", text="the key is not the one set here (KAYZEN_API_KEY)")


def _named(odd: str) -> str:
    if odd == "&amp;":
        return "&amp; in place of &"
    return odd if odd.isprintable() else "an invisible character"
