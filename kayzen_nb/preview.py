"""What a pixel would send for one call: each token filled, as it stands in the URL and as the receiver reads it.

Whether Ringba encodes the values that it fills in is not documented (``ringba.md`` 5.5), so both ways are shown: as
they are, and encoded as web forms do. Where the two arrive differently, a remark says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus

from kayzen_nb.pixels import PlannedPixel, render_url
from kayzen_nb.privacy import mask_url
from kayzen_nb.tokens import choices, fill, find_tokens, is_known, nearest
from kayzen_nb.vocabulary import MICROS, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from kayzen_nb.account import Pixel
    from kayzen_nb.calls import CallEvidence

CALL_TIME = "[Call:CallDateTime]"
# Tokens that carry a number of which no more than the last two digits may be shown.
_NUMBER_TOKEN = re.compile(r"\[(Call:CallerNumber|Call:NumberDialed|tag:(InboundNumber|DialedNumber):Number[\w-]*)\]")
_NUMBER_PARTS = {"[tag:InboundNumber:AreaCode]": 0, "[tag:InboundNumber:Prefix]": 0, "[tag:InboundNumber:Suffix]": 2}
_LONG_DIGITS = re.compile(r"\d(?:[ ().-]{0,2}\d){9,}")
_NO_NUMBER = frozenset({"[Call:InboundCallId]", "[Call:CallDateTime]"})


@dataclass(frozen=True, kw_only=True)
class ParameterPreview:
    """One parameter of a filled URL.

    ``plain`` and ``encoded`` are the value as it stands in the URL without and with encoding; ``plain_read`` and
    ``encoded_read`` what a receiver makes of each, by the rules of web forms. None: it does not arrive.
    """

    name: str
    planned: str
    plain: str
    plain_read: str | None
    encoded: str
    encoded_read: str | None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PixelPreview:
    """A pixel filled from one call: its parameters, and the whole URL both ways. The key is always masked."""

    name: str
    event: Event | None
    rows: tuple[ParameterPreview, ...]
    plain_url: str = field(repr=False)
    encoded_url: str = field(repr=False)

    @property
    def plain_read(self) -> str:
        """The URL that is not encoded, as the receiver reads it: one ``name=value`` a line."""
        return _lines({row.name: row.plain_read for row in self.rows})

    @property
    def encoded_read(self) -> str:
        """The encoded URL as the receiver reads it: one ``name=value`` a line."""
        return _lines({row.name: row.encoded_read for row in self.rows})

    @property
    def remarks(self) -> tuple[str, ...]:
        """Every remark with its parameter, each once."""
        return tuple(f"{row.name}: {remark}" for row in self.rows for remark in row.remarks)


def preview_pixel(
    pixel: PlannedPixel | Pixel, values: Mapping[str, str], *, shows_numbers: bool = False
) -> PixelPreview:
    """A planned or a real pixel filled from the values of a call, token by token.

    Phone numbers are masked to their last two digits unless ``shows_numbers``, which is for invented calls.
    """
    url = render_url(pixel, None) if isinstance(pixel, PlannedPixel) else pixel.url
    url = mask_url(url)
    told = dict(values) if shows_numbers else {token: _mask(token, value) for token, value in values.items()}
    plain, encoded = fill(url, told, str), fill(url, told, _encode)
    plain_read, encoded_read = read_query(plain), read_query(encoded)
    rows = [
        ParameterPreview(
            name=name,
            planned=planned,
            plain=fill(planned, told, str),
            plain_read=plain_read.get(name),
            encoded=fill(planned, told, _encode),
            encoded_read=encoded_read.get(name),
            remarks=tuple(_remarks(planned, told, pixel.event)),
        )
        for name, planned in _planned_parameters(url)
    ]
    return PixelPreview(name=pixel.name, event=pixel.event, rows=tuple(rows), plain_url=plain, encoded_url=encoded)


def read_query(url: str) -> dict[str, str]:
    """What a receiver reads from a URL: ``+`` is a space, ``%2B`` a plus, ``#`` ends it; the first of a name counts."""
    query = url.partition("#")[0].partition("?")[2]
    read: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        read.setdefault(unquote_plus(name), unquote_plus(value))
    return read


def invented_values() -> dict[str, str]:
    """The tokens of an invented call: answered, converted, paid; its numbers belong to nobody."""
    return {
        "[Call:CallerNumber]": "+15125550123",
        "[Call:NumberDialed]": "+18335550100",
        "[Call:InboundCallId]": "RGBINVENTED0001",
        CALL_TIME: "11/24/2026 2:05:09 PM",
        "[Call:IsDuplicate]": "false",
        "[Call:ConversionAmount]": "25.00",
        "[Call:ConversionPayout]": "18.50",
        "[tag:InboundNumber:Number]": "+15125550123",
        "[tag:InboundNumber:Number-NoPlus]": "15125550123",
        "[tag:InboundNumber:AreaCode]": "512",
        "[tag:InboundNumber:Prefix]": "555",
        "[tag:InboundNumber:Suffix]": "0123",
        "[tag:InboundNumber:State]": "TX",
        "[tag:DialedNumber:Number]": "+18335550100",
        "[tag:CallInfo:IsDuplicate]": "false",
        "[tag:CallLength:Total]": "184",
        "[tag:CallLength:FromConnect]": "171",
        "[tag:Campaign:Name]": "Invented TV & Co",
        "[tag:Target:Name]": "Invented call centre",
        "[tag:Publisher:Name]": "Invented publisher",
    }


def values_of(evidence: CallEvidence) -> dict[str, str]:
    """The tokens of a real call, from its tags and, where those are silent, its own row. What is not known is left out.

    Full numbers: in memory only. How Ringba writes ``[Call:CallDateTime]`` is not documented; it stands here as it was
    seen once (``kayzen.md`` 2.4), in UTC.
    """
    row = {
        ("[Call:CallerNumber]", "[tag:InboundNumber:Number]"): evidence.caller,
        ("[Call:NumberDialed]", "[tag:DialedNumber:Number]"): evidence.number,
        ("[Call:InboundCallId]",): evidence.call_id,
        (CALL_TIME,): _write_time(evidence.call_at),
        ("[Call:IsDuplicate]", "[tag:CallInfo:IsDuplicate]"): _write_flag(evidence.is_duplicate),
        ("[Call:ConversionAmount]",): _write_amount(evidence.revenue_usd_micros),
        ("[Call:ConversionPayout]",): _write_amount(evidence.payout_usd_micros),
        ("[tag:InboundNumber:State]",): evidence.state,
        ("[tag:Campaign:Name]",): evidence.campaign,
        ("[tag:Target:Name]",): evidence.target,
    }
    from_row = {token: value for tokens, value in row.items() if value for token in tokens}
    return from_row | {f"[tag:{name}]": value for name, value in evidence.tags.items()}


def _write_time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    moment = moment.astimezone(UTC)
    hour = moment.hour % 12 or 12
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def _write_flag(flag: bool | None) -> str | None:
    return None if flag is None else str(flag).lower()


def _write_amount(micros: int | None) -> str | None:
    return None if micros is None else f"{Decimal(micros) / MICROS:.2f}"


def _encode(value: str) -> str:
    return quote_plus(value, safe="*")  # the mask's stars stay readable


def _mask(token: str, value: str) -> str:
    """A value with the digits of phone numbers hidden and all else, the + above all, as it is."""
    if _NUMBER_TOKEN.fullmatch(token):
        return _hide_digits(value, 2)
    if token in _NUMBER_PARTS:
        return _hide_digits(value, _NUMBER_PARTS[token])
    return value if token in _NO_NUMBER else _LONG_DIGITS.sub(lambda run: _hide_digits(run[0], 2), value)


def _hide_digits(value: str, shown: int) -> str:
    count = sum(sign.isdigit() for sign in value)
    seen = iter(range(count))
    return "".join(("*" if next(seen) < count - shown else sign) if sign.isdigit() else sign for sign in value)


def _planned_parameters(url: str) -> Iterator[tuple[str, str]]:
    """Name and planned value of each parameter; an ``&`` inside a token separates nothing."""
    query = url.partition("?")[2]
    for part in re.findall(r"(?:\[[^\[\]]*\]|[^&])+", query):
        name, _, value = part.partition("=")
        yield name, value


def _lines(read: Mapping[str, str | None]) -> str:
    return "\n".join(
        f"{name}={value}" if value is not None else f"{name} does not arrive" for name, value in read.items()
    )


def _remarks(planned: str, values: Mapping[str, str], event: Event | None) -> Iterator[str]:
    """What a person should know about one filled value, in plain words."""
    plain = fill(planned, values, str)
    for token in (found.text for found in find_tokens(planned)):
        yield from _token_remarks(token, values, event)
    if plain != planned:
        yield from _sign_remarks(plain)
    if not planned:
        yield "nothing stands behind the = in the planned URL."


def _token_remarks(token: str, values: Mapping[str, str], event: Event | None) -> Iterator[str]:
    filled = next((choice for choice in choices(token) if values.get(choice)), None)
    if filled is None:
        yield _why_empty(token, event)
    if CALL_TIME in choices(token):
        yield "Ringba documents neither format nor time zone; shown as it was seen once: M/D/YYYY h:mm:ss AM/PM."
    if event is Event.ERROR and "IsDuplicate" in token:
        yield "the guide says the duplicate flag is not available on Error calls: expect it to be empty."
    if event is Event.CONVERTED and "ConversionPayout" in token:
        yield "the payout may be known only after the conversion: the Payout pixel is the place for it."


# Why a known token may be empty (ringba.md 5.2 to 5.5; the guide's note on Error).
_EMPTY = {
    "State]": "toll-free, foreign and anonymous callers have no state",
    "ConversionAmount]": "a call that has not converted has no revenue",
    "ConversionPayout]": "a call whose payout is not credited yet has none",
    "IsDuplicate]": "this call does not tell whether it is a duplicate",
    "InboundCallId]": "without it Kayzen cannot tell which call is meant",
    "CallerNumber]": "an anonymous caller shows no number",
    "InboundNumber:Number": "an anonymous caller shows no number",
    "CallLength:": "a call that has not ended has no length yet",
}


def _why_empty(token: str, event: Event | None) -> str:
    if not is_known(token):
        meant = nearest(token)
        step = f"did you mean {meant}?" if meant else "look it up behind Ringba's Token button."
        return f"{token} is in no list that was read, and Ringba fills an unknown token with nothing: {step}"
    if event is Event.ERROR and token in (
        "[Call:ConversionAmount]",
        "[Call:IsDuplicate]",
        "[tag:CallInfo:IsDuplicate]",
    ):
        return "empty here: the guide says that revenue, duration and the duplicate flag do not exist on Error calls."
    why = next((why for part, why in _EMPTY.items() if part in token), "this call has no such value")
    return f"empty here: {why}. The pixel fires all the same, with nothing behind the =."


def _sign_remarks(plain: str) -> Iterator[str]:
    """How one filled value fares on its way when it is not encoded."""
    if "+" in plain:
        yield "a + that is not encoded arrives as a space; encoded as %2B it stays a plus. Compare digits only."
    if " " in plain:
        yield "a space that is not encoded may cut the URL on its way; encoded it stands as + and arrives as a space."
    if re.search(r"[&#]", plain):
        yield "an & or # that is not encoded cuts the value: what follows it does not arrive here."
    if "%" in plain:
        yield "a % that is not encoded is read as the beginning of a code, and the value changes."
    if re.search(r"\d[/:.-]\d+.*\d:\d\d", plain) and not re.search(r"(Z|[+-]\d\d:?\d\d|UTC|GMT)$", plain):
        yield "a time without a zone: ask Kayzen which zone it reads, or the call may land on another day."
