"""Ringba's records of campaigns, numbers and pixels in our words. Sparse and odd fields are tolerated.

What a record does not tell is None. Field names: ``ringba.md`` 4.1 (pixels, not documented today), 4.3, 4.4.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kayzen_nb.account import Campaign, ConversionRule, PayoutRule, Pixel, TrackingNumber, event_of
from kayzen_nb.vocabulary import MICROS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_NO_DETAILS: Mapping[str, Any] = {}


def find_records(tree: Any, *names: str) -> list[Mapping[str, Any]] | None:
    """The list of records in an answer: under one of the names, whatever its case, or the answer itself.

    None where there is no such list; an answer that is one long list of something else is not taken for it.
    """
    lists = tree if isinstance(tree, list) else None
    if isinstance(tree, dict):
        wanted = {name.casefold() for name in names}
        lists = next((value for key, value in tree.items() if key.casefold() in wanted), None)
    return [r for r in lists if isinstance(r, dict)] if isinstance(lists, list) else None


def find_record(tree: Any, record_id: str) -> Mapping[str, Any] | None:
    """The record of that id in an answer: the answer itself, one of its members, or one of a list in it."""
    if isinstance(tree, list):
        return next((r for r in tree if isinstance(r, dict) and r.get("id") == record_id), None)
    if not isinstance(tree, dict):
        return None
    if tree.get("id") == record_id:
        return tree
    inner = (find_record(value, record_id) for value in tree.values() if isinstance(value, dict | list))
    return next((found for found in inner if found), None)


def read_campaign(record: Mapping[str, Any], details: Mapping[str, Any] | None = None) -> Campaign:
    """A campaign from its record in the list and, where it was read, its own; what the own one tells wins."""
    known = {**record, **(details or _NO_DETAILS)}
    spam = _part(known, "spamDetection")
    return Campaign(
        id=_text(known.get("id")),
        name=_text(known.get("name")),
        enabled=_flag(known.get("enabled")),
        attached_pixel_ids=_read_attached_ids(known),
        attached_pixels=read_pixels(r for r in _list(known, "eventCallBacks") if isinstance(r, dict) and _url(r)),
        conversion_rules=_read_conversion_rules(known),
        payout_rules=_read_payout_rules(known),
        numbers=_read_own_numbers(known),
        duplicate_rule=_text(_part(known, "duplicateSettings").get("duplicateSetting")),
        blocks_repeats_within_s=_count(spam.get("blockDuplicatesForSeconds")),
        takes_anonymous_callers=_flag(spam.get("trackAnonymous")),
    )


def read_numbers(records: Iterable[Mapping[str, Any]]) -> tuple[TrackingNumber, ...]:
    """The tracking numbers. One that was given back (``deAllocationDT`` in the past) counts as switched off."""
    return tuple(
        TrackingNumber(
            number=_phone(record),
            campaign_id=_text(record.get("campaignId")),
            enabled=False if _is_given_back(record) else _flag(record.get("enabled")),
        )
        for record in records
        if _phone(record)
    )


def read_pixels(records: Iterable[Mapping[str, Any]]) -> tuple[Pixel, ...]:
    """The pixels. The values of ``eventCode`` are not documented: it stands in ``fire_on`` as it is."""
    return tuple(
        Pixel(
            id=_text(record.get("id")),
            name=_text(record.get("name")),
            fire_on=_text(record.get("eventCode")),
            event=event_of(_text(record.get("eventCode")), _text(record.get("name"))),
            method=_text(record.get("method")),
            url=_url(record),
            enabled=_flag(record.get("enabled")),
        )
        for record in records
    )


def read_micros(value: object) -> int | None:
    """An amount in millionths of a dollar, exact; None where there is none or it is no number. Never from a float."""
    text = str(value).strip() if isinstance(value, int | Decimal | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,12})?", text):
        return None
    return round(Decimal(text) * MICROS)


def _read_attached_ids(known: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The ids of the attached pixels: given as texts, or as records with an ``id``; None where none are listed."""
    listed = known.get("eventCallBacks")
    if not isinstance(listed, list):
        return None
    ids = (_text(one.get("id") if isinstance(one, dict) else one) for one in listed)
    return tuple(one for one in ids if one)


def _read_conversion_rules(known: Mapping[str, Any]) -> tuple[ConversionRule, ...] | None:
    """One rule a target and setting; a target whose list of settings is empty has a rule of no kind."""
    if not isinstance(known.get("routes"), list):
        return None
    routes = [route for route in known["routes"] if isinstance(route, dict)]
    told = [route for route in routes if "conversionSettings" in route]
    if routes and not told:
        return None
    return tuple(rule for route in told for rule in _read_route(route))


def _read_route(route: Mapping[str, Any]) -> Iterator[ConversionRule]:
    target = _text(_part(route, "callTarget").get("name")) or "a target without a name"
    settings = [setting for setting in _list(route, "conversionSettings") if isinstance(setting, dict)]
    for setting in settings or [{}]:
        timing = {**setting, **_part(setting, "conversionArgs")}
        yield ConversionRule(
            target=target,
            kind=_text(setting.get("conversionType")),
            revenue_usd_micros=read_micros(setting.get("conversionValue")),
            after_s=_count(timing.get("callLengthInSeconds")),
            timer_starts=_text(timing.get("startTimerEvent")),
            repeat_within_s=_count(_part(setting, "deDupeSetting").get("secondsFromLastCall")),
        )


def _read_payout_rules(known: Mapping[str, Any]) -> tuple[PayoutRule, ...] | None:
    if not isinstance(known.get("defaultPayouts"), list):
        return None
    return tuple(
        PayoutRule(
            kind=_text(record.get("payoutConversionType")),
            payout_usd_micros=read_micros(record.get("payoutAmount")),
            is_revenue_share=_flag(record.get("isRevShare")) is True,
            repeat_within_s=_count(_part(record, "deDupeSetting").get("secondsFromLastCall")),
        )
        for record in known["defaultPayouts"]
        if isinstance(record, dict)
    )


def _read_own_numbers(known: Mapping[str, Any]) -> tuple[str, ...] | None:
    if not isinstance(known.get("affiliateNumbers"), list):
        return None
    phones = (_phone(record) for record in known["affiliateNumbers"] if isinstance(record, dict))
    return tuple(phone for phone in phones if phone)


def _is_given_back(record: Mapping[str, Any]) -> bool:
    """``0001-01-01T00:00:00`` means that it is not (``ringba.md`` 4.4)."""
    try:
        at = datetime.fromisoformat(_text(record.get("deAllocationDT")))
    except ValueError:
        return False
    return at.year > 1 and at.replace(tzinfo=at.tzinfo or UTC) <= datetime.now(UTC)


def _phone(record: Mapping[str, Any]) -> str:
    return _text(record.get("phoneNumber")) or _text(record.get("displayNumber"))


def _url(record: Mapping[str, Any]) -> str:
    return _text(record.get("pixelUrl")) or _text(record.get("url"))


def _part(tree: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else _NO_DETAILS


def _list(tree: Mapping[str, Any], name: str) -> list[Any]:
    found = tree.get(name)
    return found if isinstance(found, list) else []


def _text(value: object) -> str:
    """A text or a number as text; empty for anything else, null above all."""
    return str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""


def _flag(value: object) -> bool | None:
    """Yes, no, or not told. Ringba writes booleans as JSON ones, in tags as texts."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().casefold())
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    """A whole number; None for anything else."""
    text = _text(value)
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else None
