"""Ringba's tokens: the placeholders in a pixel URL that Ringba fills from the call.

``[Call:Name]`` is a property of the call, ``[tag:Type:Name]`` a tag; ``[a:b|c:d]`` takes the first that is not empty
(``ringba.md`` 5.1). Ringba fills an unknown or misspelt token with nothing and says nothing about it (5.5), so a name
counts to the letter. The complete list is only in Ringba's own Token button: what is not here is unknown, not wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TOKEN = re.compile(r"\[[^\[\]]*\]")

# What each documented token means (Ringba help centre, "Most Common Tokens"; ringba.md 5.2).
DOCUMENTED: Mapping[str, str] = {
    "[tag:InboundNumber:Number]": "the caller's number, with +",
    "[tag:InboundNumber:Number-NoPlus]": "the caller's number, without +",
    "[tag:InboundNumber:AreaCode]": "the caller's area code",
    "[tag:InboundNumber:Prefix]": "the three digits after the area code",
    "[tag:InboundNumber:Suffix]": "the last four digits of the caller's number",
    "[tag:InboundNumber:State]": "the state of the caller's number, two letters",
    "[Call:InboundCallId]": "the inbound call id",
    "[Call:ConversionAmount]": "the revenue of the call",
    "[Call:ConversionPayout]": "the payout of the call",
    "[tag:CallInfo:IsDuplicate]": "whether the caller had called before",
    "[tag:Publisher:Name]": "the publisher",
    "[tag:Publisher:Id]": "the publisher's id",
    "[tag:Publisher:SubId]": "the publisher's sub id",
    "[tag:Target:Name]": "the target",
    "[tag:Target:Id]": "the target's id",
    "[tag:Campaign:TrackingId]": "the campaign's tracking id",
}
# Printed in the published guide and nowhere else in Ringba's pages (ringba.md 5.4).
IN_THE_GUIDE: Mapping[str, str] = {
    "[Call:CallerNumber]": "the caller's number",
    "[Call:NumberDialed]": "the tracking number",
    "[Call:CallDateTime]": "when the call began; format and zone are not documented",
    "[Call:IsDuplicate]": "whether the caller had called before",
}
# Met in public code, in no page that was read (ringba.md 5.3).
SEEN: Mapping[str, str] = {
    "[tag:CallLength:Total]": "the call's length in seconds",
    "[tag:CallLength:FromConnect]": "seconds since the target answered",
    "[tag:CallLength:FromDial]": "seconds since the target was dialled",
    "[tag:Campaign:Name]": "the campaign",
    "[tag:Buyer:Name]": "the buyer",
    "[tag:EndCall:EndCallSource]": "who hung up",
    "[tag:InboundNumber:NumberE164]": "the caller's number, with +",
    "[tag:DialedNumber:Number]": "the tracking number",
    "[Call:CallConnectionDt]": "when the target answered",
    "[tag:Recording:RecordingUrl]": "the recording's address",
    "[Call:RecordingUrl]": "the recording's address",
}
KNOWN: Mapping[str, str] = {**DOCUMENTED, **IN_THE_GUIDE, **SEEN}

# For a parameter of the guide: other tokens that carry the same value.
SAME_VALUE: Mapping[str, tuple[str, ...]] = {
    "caller_id": (
        "[tag:InboundNumber:Number]", "[tag:InboundNumber:Number-NoPlus]", "[tag:InboundNumber:NumberE164]",
        "[tag:InboundNumber:AreaCode][tag:InboundNumber:Prefix][tag:InboundNumber:Suffix]",
    ),
    "number": ("[tag:DialedNumber:Number]",),
    "is_duplicate": ("[tag:CallInfo:IsDuplicate]",),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FoundToken:
    """A token as it stands in a text; ``position`` counts characters from 1."""

    text: str
    position: int


def find_tokens(text: str) -> Iterator[FoundToken]:
    """Every ``[...]`` of a text, in order."""
    for found in TOKEN.finditer(text):
        yield FoundToken(text=found[0], position=found.start() + 1)


def choices(token: str) -> list[str]:
    """The tokens that a priority token tries in turn: ``[tag:A:B|tag:C:D]`` is two, any other is itself."""
    return [f"[{part}]" for part in token.strip("[]").split("|")]


def is_known(token: str) -> bool:
    """Whether every choice of the token is documented, printed in the guide, or met in public code.

    Tags of the form ``[tag:User:...]`` carry a person's own URL parameters: any name is right.
    """
    return all(choice in KNOWN or choice.startswith("[tag:User:") for choice in choices(token))


def nearest(token: str) -> str | None:
    """The known token that was most likely meant; None when nothing is near."""
    plain = {known.casefold(): known for known in KNOWN}
    if token.casefold() in plain:
        return plain[token.casefold()]
    close = get_close_matches(token.casefold(), plain, n=1, cutoff=0.8)
    return plain[close[0]] if close else None


def fill(url: str, values: Mapping[str, str], encode: Callable[[str], str]) -> str:
    """The URL as Ringba would request it: each token replaced by its encoded value, by nothing where there is none.

    How Ringba encodes values is not documented (``ringba.md`` 5.5), so the caller says.
    """

    def value_of(found: re.Match[str]) -> str:
        return next((encode(values[choice]) for choice in choices(found[0]) if values.get(choice)), "")

    return TOKEN.sub(value_of, url)
