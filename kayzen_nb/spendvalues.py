"""The cells of a spend report: days, hours, amounts and counts, exactly as they are written, or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from kayzen_nb.vocabulary import MICROS

if TYPE_CHECKING:
    from collections.abc import Iterable

Order = Literal["month first", "day first", "either", "both", "year first"]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?P<hour>\d{1,2})(?::\d{2}){0,2}(?:\.\d+)?\s*(?P<half>[ap]m)?"
_TIME = rf"(?:(?:t|,?\s+){_CLOCK}\s*(?P<offset>z|utc|gmt|[+-]\d{{2}}:?\d{{2}})?)?"
_ISO = re.compile(rf"(?P<year>\d{{4}})([-/.])(?P<a>\d{{1,2}})\2(?P<b>\d{{1,2}}){_TIME}", re.ASCII)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<a>\d{2})(?P<b>\d{2})", re.ASCII)
_TURNED = re.compile(rf"(?P<a>\d{{1,2}})([-/.])(?P<b>\d{{1,2}})\2(?P<year>\d{{4}}){_TIME}", re.ASCII)
_NAMED = re.compile(
    r"(?:(?P<month>[a-z]{3,9})\.? (?P<d1>\d{1,2})|(?P<d2>\d{1,2})[ -](?P<name>[a-z]{3,9})),?[ -](?P<year>\d{4})"
    + _TIME,
    re.ASCII,
)
_CLOCK_ALONE = re.compile(_CLOCK, re.ASCII)
_MOST = 10**9  # dollars in one cell: more is no amount, and would not fit where amounts are summed
_PLAIN = re.compile(r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|-?\.\d+", re.ASCII)
_POWER = re.compile(r"-?\d(?:\.\d+)?e[+-]?\d{1,2}", re.ASCII)
_COMMA = re.compile(r"-?\d{1,3}(?:\.\d{3})+,\d+|-?\d+,(?:\d{1,2}|\d{4,})", re.ASCII)
_COMMA_OR_THOUSAND = re.compile(r"-?\d{1,3},\d{3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class DayCell:
    """A day as it is written: ``a`` and ``b`` are month and day, or the other way round where ``turned``."""

    year: int
    a: int
    b: int
    turned: bool = False
    hour: int | None = None
    offset: str = ""


@lru_cache(maxsize=4096)
def split_day(text: str) -> DayCell | None:
    """The numbers of a written day, with its hour and offset where it has them; None when it is no day."""
    written = " ".join(text.split()).casefold()
    if found := (_ISO.fullmatch(written) or _COMPACT.fullmatch(written)):
        return _cell(found, int(found["a"]), int(found["b"]))
    if found := _TURNED.fullmatch(written):
        return _cell(found, int(found["a"]), int(found["b"]), turned=True)
    if found := _NAMED.fullmatch(written):
        name = (found["month"] or found["name"])[:3]
        return _cell(found, _MONTHS.index(name) + 1, int(found["d1"] or found["d2"])) if name in _MONTHS else None
    return None


def order_of(cells: Iterable[DayCell]) -> Order:
    """Which number of the turned days is the month: shown by a number above 12, and by nothing else."""
    turned = [cell for cell in cells if cell.turned and cell.a != cell.b]
    if not turned:
        return "year first"
    day_first, month_first = any(cell.a > 12 for cell in turned), any(cell.b > 12 for cell in turned)
    if day_first and month_first:
        return "both"
    return "day first" if day_first else "month first" if month_first else "either"


def as_day(cell: DayCell, order: Order) -> date | None:
    """The day, or None where the calendar has none like it."""
    month, day = (cell.b, cell.a) if cell.turned and order == "day first" else (cell.a, cell.b)
    try:
        return date(cell.year, month, day) if 2000 <= cell.year < 2100 else None
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def read_hour(text: str) -> int | None:
    """An hour of the day, 0 to 23, from ``7``, ``07:00``, ``7 pm`` or a whole time; None when it is none."""
    written = " ".join(text.split()).casefold()
    if cell := split_day(text):
        return cell.hour
    found = _CLOCK_ALONE.fullmatch(written.removesuffix(".0"))
    return _hour(found) if found else None


@lru_cache(maxsize=65536)
def read_amount(text: str) -> Decimal | None:
    """An amount in dollars, exactly as it is written; None when it is none. Brackets are bookkeepers' minus."""
    written = text.strip().casefold()
    if written.startswith("(") and written.endswith(")"):
        written = "-" + written[1:-1]
    written = re.sub(r"us\$|usd|\$|\s", "", written)
    found = _PLAIN.fullmatch(written) or _POWER.fullmatch(written)
    amount = Decimal(written.replace(",", "")) if found else None
    return amount if amount is not None and abs(amount) <= _MOST else None


def as_micros(amount: Decimal) -> int:
    """Millionths of a dollar, half to even: finer parts, which a DSP's own division makes, are rounded once a row."""
    return int((amount * MICROS).to_integral_value())


def read_count(text: str) -> int | None:
    """A whole number from 0, also written as ``1,234`` or ``1234.0``; None when it is none."""
    amount = read_amount(text) if "$" not in text else None
    return int(amount) if amount is not None and amount >= 0 and amount == amount.to_integral_value() else None


def comma_amounts(texts: Iterable[str], *, is_semicolon: bool) -> list[str]:
    """Amounts whose comma is, or may be, a decimal one: ``12,34``; and ``1,234`` where cells end with semicolons."""
    amounts = [re.sub(r"us\$|usd|\$|\s", "", text.strip().casefold()) for text in texts]
    sure = [text for text in amounts if _COMMA.fullmatch(text)]
    has_point = any("." in text for text in amounts)
    maybe = [text for text in amounts if is_semicolon and not has_point and _COMMA_OR_THOUSAND.fullmatch(text)]
    return sure or maybe


def _cell(found: re.Match[str], a: int, b: int, *, turned: bool = False) -> DayCell:
    told = found.groupdict()
    hour = _hour(found) if told.get("hour") else None
    return DayCell(year=int(found["year"]), a=a, b=b, turned=turned, hour=hour, offset=told.get("offset") or "")


def _hour(found: re.Match[str]) -> int | None:
    """12 am is 0, 12 pm is 12."""
    hour = int(found["hour"])
    if found["half"]:
        return hour % 12 + 12 * (found["half"] == "pm") if 1 <= hour <= 12 else None
    return hour if hour <= 23 else None
