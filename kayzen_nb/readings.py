r"""One text in all the ways in which somebody may read it: as it stands, decoded, without markup, out of base64.

What leaks is rarely written plainly: a ``+`` is ``%2B`` in a URL, ``\u002b`` in JSON and ``&#43;`` in HTML, and a
chart holds its numbers as base64. Each reading remembers where its parts stood in the text it was made from.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import sys
import unicodedata
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_AROUND = 250  # characters around a piece: more than a phone number or a key takes, whatever is strewn into it
_DEEPEST = 4  # a value encoded more often than that is no accident
_ESCAPED = re.compile(
    r"""[%&\\=\x80-\U0010ffff](?:
      (?<=%)[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*
    | (?<=&)(?:\#\d{1,7};?|\#[xX][0-9A-Fa-f]{1,6};?|[A-Za-z][A-Za-z0-9]{1,30};)
    | (?<=\\)(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2}|[nrtbfv"'/\\]|\r?\n)
    | (?<==)\r?\n
    | (?<=[\x80-\U0010ffff])
    )""",
    re.VERBOSE,
)
# Elements inside a line: a number with a part in bold is still one number. Cells and paragraphs are not joined.
_INLINE_MARK = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|code|em|font|i|kbd|mark|s|samp|small|span|strong|sub|sup|tspan|tt|u|wbr)\b[^<>]{0,400}>"
    r"|<!--.{0,200}?-->",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/]{12,}|[A-Za-z0-9_-]{12,})={0,2}(?![A-Za-z0-9+/_-])")
_NUMBERS = re.compile(
    r'"dtype"\s*:\s*"([iuf][48])"\s*,\s*"bdata"\s*:\s*"([A-Za-z0-9+/=]+)"'
    r'|"bdata"\s*:\s*"([A-Za-z0-9+/=]+)"\s*,\s*"dtype"\s*:\s*"([iuf][48])"'
)
_ARRAY_CODES = {"i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f4": "f", "f8": "d"}
_SMALLEST, _LARGEST = 2_000_000_000, 19_999_999_999  # a North American number, without and with its 1


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A text and the pieces of it that were written otherwise in ``before``, the reading it was made from."""

    text: str
    before: Reading | None = None
    pieces: tuple[tuple[int, int, int, int], ...] = ()  # start, end here; start, end there

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where characters ``start`` to ``end`` of this reading stand in the text as it was given."""
        if self.before is None:
            return start, end
        return self.before.span(self._origin(start), self._origin(end, is_end=True))

    def stretches(self) -> Iterator[tuple[int, int]]:
        """The parts of this reading that may show what the one before did not: around each piece, joined where near."""
        if self.before is None:
            yield 0, len(self.text)
            return
        start, end = 0, -1
        for piece_start, piece_end, _, _ in self.pieces:
            if piece_start - _AROUND > end:
                if end >= 0:
                    yield start, end
                start = max(piece_start - _AROUND, 0)
            end = min(piece_end + _AROUND, len(self.text))
        yield start, end

    def _origin(self, position: int, *, is_end: bool = False) -> int:
        n = bisect_right(self.pieces, position - is_end, key=lambda piece: piece[0]) - 1
        if n < 0:
            return position
        _, end_here, start_there, end_there = self.pieces[n]
        if position < end_here:
            return end_there if is_end else start_there
        return end_there + position - end_here


def read_all_ways(text: str) -> Iterator[Reading]:
    """The text as it stands, then decoded step by step, without inline markup, and with its base64 opened."""
    reading = Reading(text=text)
    yield reading
    for _ in range(_DEEPEST):
        decoded = _rewrite(reading, _ESCAPED, _unescape)
        if decoded is reading:
            break
        reading = decoded
        yield reading
    for pattern, replace in ((_INLINE_MARK, _nothing), (_NUMBERS, _open_numbers), (_BASE64, _open_base64)):
        changed = _rewrite(reading, pattern, replace)
        if changed is not reading:
            yield changed
    if changed is not reading:  # what came out of base64 may be escaped in its turn
        decoded = _rewrite(changed, _ESCAPED, _unescape)
        if decoded is not changed:
            yield decoded


def _rewrite(reading: Reading, pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str]) -> Reading:
    """A new reading with each match replaced; the same one where nothing changes."""
    parts, pieces, last, here = [], [], 0, 0
    for found in pattern.finditer(reading.text):
        new = replace(found)
        if new == found[0]:
            continue
        parts += [reading.text[last : found.start()], new]
        here += found.start() - last
        pieces.append((here, here + len(new), found.start(), found.end()))
        here, last = here + len(new), found.end()
    if not pieces:
        return reading
    return Reading(text="".join([*parts, reading.text[last:]]), before=reading, pieces=tuple(pieces))


def _nothing(_: re.Match[str]) -> str:
    return ""


def _unescape(found: re.Match[str]) -> str:
    """One escape as the character it means."""
    mark = found[0]
    if mark[0] == "%":
        return unquote(mark, errors="replace")
    if mark[0] == "&":
        return html.unescape(mark)
    return _backslash(mark) if mark[0] in "\\=" else plain_sign(mark)


@lru_cache(maxsize=4096)
def _backslash(mark: str) -> str:
    if mark[1] in "uUx":
        code = int(mark[2:].strip("{}"), 16)
        return chr(code) if code <= sys.maxunicode else mark
    return {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": "\n", "v": "\n", "\n": "", "\r": ""}.get(mark[1], mark[1])


@lru_cache(maxsize=4096)
def plain_sign(sign: str) -> str:
    """A digit, dash or space of any script as the plain one; what is not visible as nothing; others as they are."""
    kind = unicodedata.category(sign)
    if kind == "Nd":
        return str(unicodedata.decimal(sign))
    if kind == "Pd" or sign == "\N{MINUS SIGN}":
        return "-"
    if kind in ("Cf", "Zs", "Zl", "Zp"):
        return "" if kind == "Cf" else " "
    plain = unicodedata.normalize("NFKC", sign)
    return plain if plain.isascii() else sign


def _open_base64(found: re.Match[str]) -> str:
    """What a run of base64 says, where it says a text."""
    run = found[0].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        said = base64.b64decode(run + "=" * (-len(run) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return found[0]
    return f"\n{said}\n" if said.isprintable() or not re.search(r"[\x00-\x08\x0e-\x1f]", said) else found[0]


def _open_numbers(found: re.Match[str]) -> str:
    """The whole numbers, of the size of phone numbers, in a chart's base64 array (plotly's ``bdata``)."""
    kind, packed = (found[1], found[2]) if found[1] else (found[4], found[3])
    numbers = array(_ARRAY_CODES[kind])
    try:
        numbers.frombytes(base64.b64decode(packed))
    except (binascii.Error, ValueError):
        return found[0]
    if sys.byteorder == "big":
        numbers.byteswap()  # plotly writes little-endian
    large = [int(n) for n in numbers if _SMALLEST <= n <= _LARGEST and n == int(n)]
    return "\n".join(map(str, large)) if large else found[0]
