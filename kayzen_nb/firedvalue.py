"""One filled value of a fired URL against the call: whether it is what its token should have carried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from kayzen_nb.calltime import TimeStanding, judge_time
from kayzen_nb.privacy import mask_phone, mask_url
from kayzen_nb.tokens import SAME_VALUE
from kayzen_nb.vocabulary import MICROS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kayzen_nb.calls import CallEvidence

_STILL_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_PLACEHOLDER = re.compile(r"[\[\]{}]|%%")  # Ringba's brackets, and those of other systems, which nobody fills
_YES = ("true", "yes", "1")
_NO = ("false", "no", "0")
_SHOWN = 40  # characters of a foreign value in a message

# What a token carries; parameters may be renamed by a plan, tokens are Ringba's.
_CARRIES: Mapping[str, str] = {
    **dict.fromkeys(("[Call:CallerNumber]", *SAME_VALUE["caller_id"]), "caller"),
    **dict.fromkeys(("[Call:NumberDialed]", *SAME_VALUE["number"]), "number"),
    **dict.fromkeys(("[Call:IsDuplicate]", *SAME_VALUE["is_duplicate"]), "duplicate"),
    "[Call:InboundCallId]": "call id",
    "[Call:CallDateTime]": "time",
    "[tag:InboundNumber:State]": "state",
    "[Call:ConversionAmount]": "revenue",
    "[Call:ConversionPayout]": "payout",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong with a fired URL: the code of its cause (``causes.toml``), and the finding in words."""

    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """A remark about a fired URL; ``is_doubt`` where something could not be judged."""

    text: str
    is_doubt: bool = False


def carries(token: str) -> str:
    """What a planned token carries, in one word; empty where the call cannot be asked about it."""
    return _CARRIES.get(token, "")


def check_value(name: str, raw: str, planned: str, evidence: CallEvidence) -> Iterator[Fault | Note]:
    """What is wrong with, or worth saying of, the raw value of a parameter that is planned as ``planned``."""
    value = unquote_plus(raw)
    if not planned.startswith("["):
        if value != planned:
            code = "wrong_event_name" if name == "app_event" else "wrong_value"
            yield Fault(code=code, text=f"{name}={shown(value)}, not {planned}")
    elif _PLACEHOLDER.search(value):
        yield Fault(code="token_unfilled", text=f"{name} still holds an unfilled token")
    elif not value.strip():
        yield from _empty(name, planned, evidence)
    elif _STILL_ENCODED.search(value):
        yield Fault(code="badly_encoded", text=f"{name} is encoded twice")
    elif "�" in value:
        yield Fault(code="badly_encoded", text=f"{name} cannot be decoded")
    else:
        yield from _filled(name, raw, value, planned, evidence)


def _empty(name: str, planned: str, evidence: CallEvidence) -> Iterator[Fault | Note]:
    """An empty value is a fault unless the call itself has none (``ringba.md`` 5.4, 5.5)."""
    carried = carries(planned)
    has_none = {
        "state": not evidence.state,
        "caller": evidence.caller is not None and len(_digits(evidence.caller)) < 7,
        "duplicate": evidence.is_duplicate is not True,  # whether Ringba writes "false" or nothing is not documented
    }
    if carried == "revenue" and evidence.converted and not evidence.revenue_usd_micros:
        yield Fault(code="zero_revenue", text=f"{name} is empty, and Ringba has no revenue for the call")
    elif has_none.get(carried):
        yield Note(text=f"{name} is empty")
    else:
        yield Fault(code="token_blank", text=f"{name} is empty: Ringba fills an unknown token with nothing")


def _filled(name: str, raw: str, value: str, planned: str, evidence: CallEvidence) -> Iterator[Fault | Note]:
    """Compare a filled token with the call itself, by what the token carries."""
    match carries(planned):
        case "call id":
            yield from _call_id(name, value, evidence.call_id)
        case "caller" | "number":
            yield from _number(name, raw, value, planned, evidence)
        case "time":
            yield from _time(name, value, evidence)
        case "revenue":
            yield from _amount(name, value, "revenue", evidence.revenue_usd_micros, evidence.payout_usd_micros)
        case "payout":
            yield from _amount(name, value, "payout", evidence.payout_usd_micros, None)
        case "duplicate":
            yield from _flag(name, value, evidence.is_duplicate)
        case "state":
            yield from _state(name, value, evidence.state)


def _call_id(name: str, value: str, own: str) -> Iterator[Fault]:
    if value.strip() != own:
        yield Fault(code="wrong_call_id", text=f"{name} is another call's")
    elif value != own:
        yield Fault(code="url_damaged", text=f"white space stands around {name}")


def _number(name: str, raw: str, value: str, planned: str, evidence: CallEvidence) -> Iterator[Fault | Note]:
    """Compare digits only: a + may arrive as itself, as a space, or not at all."""
    digits, is_caller = _digits(value), carries(planned) == "caller"
    own, other = (evidence.caller, evidence.number) if is_caller else (evidence.number, evidence.caller)
    if own is None:
        if len(digits) < 7:
            yield Note(text=f"{name} is no phone number, and who called is not known here", is_doubt=True)
    elif len(_digits(own)) < 7:
        if len(digits) >= 7:
            yield Fault(code="wrong_number", text=f"{name} is {mask_phone(value)}, though the call shows no number")
    elif not _same_number(digits, _digits(own)):
        is_swapped = other is not None and _same_number(digits, _digits(other))
        if is_swapped:
            what = "holds the tracking number" if is_caller else "holds the caller's number"
        else:
            what = f"is {mask_phone(value)}, another number" if digits else "is not a phone number"
        yield Fault(code="wrong_number", text=f"{name} {what}")
    if raw.startswith("+"):
        yield Note(text=f"the + of {name} was not encoded: a receiver reads it as a space")


def _same_number(one: str, two: str) -> bool:
    short, long = sorted((one, two), key=len)
    return short == long or (len(short) >= 7 and long.endswith(short) and len(long) - len(short) <= 3)


def _time(name: str, value: str, evidence: CallEvidence) -> Iterator[Fault | Note]:
    judged = judge_time(value, evidence.call_at)
    if judged.standing is TimeStanding.WRONG:
        yield Fault(code="wrong_time", text=f"{name} is {judged.sentence}")
    elif judged.standing is TimeStanding.UNREADABLE and not re.search(r"\d{4}", value):
        yield Fault(code="wrong_time", text=f"{name} is not a time")
    else:
        yield Note(text=f"{name}: {judged.sentence}", is_doubt=judged.standing is TimeStanding.UNREADABLE)


def _amount(name: str, value: str, carried: str, own: int | None, payout: int | None) -> Iterator[Fault]:
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,6})?", value.strip()):
        yield Fault(code="amount_differs", text=f"{name}={shown(value)} is not an amount")
        return
    sent = int(Decimal(value.strip()) * MICROS)
    if own is None or sent == own:
        return
    is_payout = payout is not None and sent == payout
    told = f"{Decimal(own) / MICROS:.2f} now" + (", this is the payout" if is_payout else "")
    yield Fault(code="amount_differs", text=f"{name}={value}, but Ringba's {carried} is {told}")


def _flag(name: str, value: str, own: bool | None) -> Iterator[Fault]:
    told = True if value.casefold() in _YES else False if value.casefold() in _NO else None
    if told is None:
        yield Fault(code="wrong_value", text=f"{name}={shown(value)} is neither yes nor no")
    elif own is not None and told != own:
        yield Fault(code="wrong_value", text=f"{name}={value}, but the call says otherwise")


def _state(name: str, value: str, own: str | None) -> Iterator[Fault]:
    if own and value.casefold() != own.casefold():
        yield Fault(code="wrong_value", text=f"{name}={shown(value)}, but the call's state is {own}")


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def shown(text: str) -> str:
    """A foreign value as it may stand in a sentence: short, printable, masked."""
    printable = "".join(mark if mark.isprintable() else "?" for mark in text)
    return mask_url(printable[:_SHOWN] + ("..." if len(printable) > _SHOWN else ""))
