"""Full phone numbers in a text, in any writing, and not what only looks like one: times, ids, hashes, amounts.

North American numbers (three, three and four digits; area code and exchange begin with 2 to 9) are found with or
without country code and separators. Others are found where a ``+`` or ``tel:`` says what they are (8 to 15 digits, as
E.164 allows). Rows of counts and coordinates are told apart by what stands around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_GAP = r"(?:[ ]?[-./)][ ]?(?:\r?\n[ ]*)?|[ \t]{1,2})"
_NORTH_AMERICAN = re.compile(
    r"(?:\+?1(?:[ ]?[-/][ ]?|[.](?=\d{3}[.])|[ ]{1,2}|(?=\())?)?"  # country code
    rf"(?:\([ ]?)?[2-9]\d\d[ ]?(?:\)[ ]?[-./]?[ ]?(?:\r?\n[ ]*)?|{_GAP})?"  # area code
    rf"[2-9]\d\d{_GAP}?\d{{4}}(?!\d)"
)
# Where a North American number may begin: found fast, so that five megabytes of script take no time.
_DIGITS = re.compile(r"\d(?:[ \t\r\n.()/-]{0,6}\d){9}")
_INTERNATIONAL = re.compile(r"\+\(?[1-9](?:[ \t.()/-]{0,3}(?:\r?\n)?[ \t]{0,3}\d){7,14}(?!\d)")
_LINK = re.compile(r"(?i:\b(?:tel|sms|callto):)[ ]?(\+?\(?\d(?:[ .()/-]{0,2}\d){6,14})(?!\d)")
_EXPONENT = re.compile(r"(?<![\w.])([1-9]\.\d{8,10})[eE]\+?(0?9|10)(?!\d)")
_LABEL = re.compile(r"(?i:tel|phone|caller|called|number|num|mobile|cell|fax|sms|from|to|dialed|no|nr|id)\Z")
_INVENTED = re.compile(r"\d{2,6}55501\d\d")
# Limits, bit masks and hash constants of 32 bits, which script libraries hold and which have a phone number's shape.
_CONSTANTS = frozenset(
    str(number)
    for number in (
        2_147_483_647, 2_147_483_648, 4_294_967_295, 4_294_967_296, 4_294_901_760, 4_278_190_335, 3_272_356_035,
        2_146_435_072, 3_432_918_353, 2_246_822_507, 3_266_489_909, 2_654_435_761, 2_654_435_769, 4_278_255_360,
    )
)  # fmt: skip
_PART_OF_MORE_BEFORE = re.compile(r"(?:[$€£]|(?:\A|[^A-Za-z])\.)\Z")
_PART_OF_MORE_AFTER = re.compile(r"(?!x\d|ext)[A-Za-z0-9]|\.\d*[1-9]")
_NEGATIVE = re.compile(r"[,=(\[:]-\Z")
_ROW_BEFORE, _ROW_AFTER = re.compile(r"\d[ ,.\t]+\Z"), re.compile(r"[ ,.\t]+\d")


@dataclass(frozen=True, kw_only=True)
class FoundNumber:
    """A full phone number at ``start`` to ``end`` of a text; ``digits`` without the North American 1."""

    start: int
    end: int
    digits: str

    @property
    def is_invented(self) -> bool:
        """Whether it ends as the numbers set aside for stories and examples do: 555-0100 to 555-0199."""
        return bool(_INVENTED.fullmatch(self.digits))


def find_numbers(text: str) -> Iterator[FoundNumber]:
    """Every full phone number of the text; one that is written in two ways at once is told twice."""
    yield from _find_north_american(text)
    for found in _INTERNATIONAL.finditer(text):
        if not text[found.start() - 1 : found.start()].isalnum() and not _is_sum(found[0]):
            yield _number(found.start(), found.end(), found[0])
    for found in _LINK.finditer(text):
        yield _number(found.start(1), found.end(1), found[1])
    for found in _EXPONENT.finditer(text):
        digits = str(round(float(found[0])))
        if _NORTH_AMERICAN.fullmatch(digits):
            yield _number(found.start(), found.end(), digits)


def _find_north_american(text: str) -> Iterator[FoundNumber]:
    position = 0
    while place := _DIGITS.search(text, position):
        found = _NORTH_AMERICAN.search(text, max(place.start() - 3, position), place.end() + 12)
        if found and found.start() <= place.end() and _stands_alone(text, found):
            yield _number(found.start(), found.end(), found[0])
            position = found.end()
        else:
            position = _end_of_digits(text, place.start())


def _end_of_digits(text: str, start: int) -> int:
    """Where the next run of digits may begin: a number does not begin in the middle of one."""
    end = start
    while text[end : end + 1].isdigit():
        end += 1
    return end


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Whether the digits are a number of their own, not a part of an id, a decimal, an amount or a row of counts."""
    before, after = text[max(found.start() - 12, 0) : found.start()], text[found.end() : found.end() + 12]
    if before[-1:].isalnum() and not _LABEL.search(before):
        return False
    if _PART_OF_MORE_BEFORE.search(before) or _PART_OF_MORE_AFTER.match(after):
        return False
    if found[0].isdigit():
        return found[0] not in _CONSTANTS and not _NEGATIVE.search(before)
    is_marked = re.search(r"[-+()]", found[0])
    return bool(is_marked) or not (_ROW_BEFORE.search(before) or _ROW_AFTER.match(after))


def _is_sum(written: str) -> bool:
    """``+2.6097574011`` and ``+10646)/10631`` are arithmetic; lines that end in cents are amounts below each other."""
    if re.search(r"\.\d\d\r?\n", written):
        return True
    return written.count("(") != written.count(")") or bool(re.fullmatch(r"\+\d{1,3}\.\d{7,}", written))


def _number(start: int, end: int, written: str) -> FoundNumber:
    digits = re.sub(r"\D", "", written)
    is_north_american = len(digits) == 11 and digits[0] == "1"
    return FoundNumber(start=start, end=end, digits=digits[1:] if is_north_american else digits)
