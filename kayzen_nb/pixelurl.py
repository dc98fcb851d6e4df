"""A pixel's URL taken apart: address, parameters, damage, each with its place in the URL as it was given.

Damage (white space, HTML, quotes) is taken out first, so that one lost character is one finding and not ten; every
position still counts characters of the URL as pasted, from 1.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kayzen_nb.tokens import is_known, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MOST_PARTS = 500  # of a URL with more parameters, the last one read holds the rest

_UNDAMAGED = re.compile(r"[!$&()*+,\-./0-9:=?@A-Z\[\]_a-z~|]*")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\x85\xa0\xad\u180e\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]+")
_ESCAPE = re.compile(r"\\(?:u00([0-9A-Fa-f]{2})|(.))")
_ENTITY = re.compile(r"(?i)&(?:amp;)+|&#0*38;|&#x0*26;|&(?:quot|apos|lt|gt|nbsp|[lr]sqb|equals|#3[49]|#6[012]|#9[13]);")
_QUOTE = re.compile("[\"'<>`´\u0080-\u009f\u2018-\u201f\u2039\u203a\u00ab\u00bb\u2026\u2032\u2033]")
_NOT_PLAIN = re.compile(r"[^\x00-\x7f]")
_WHOLE_ENCODED = re.compile(r"(?i)[a-z]{2,8}%(?:25)*3a%(?:25)*2f%(?:25)*2f")
_PERCENT = re.compile(r"%(?:25)*[0-9A-Fa-f]{2}")
_FRAGMENT = re.compile(r"#[^&]*")
_ADDRESS = re.compile(r"(?:(?P<scheme>[A-Za-z]{0,12})(?P<joint>[:;/\\]+))?(?P<authority>[^/?#\\&=]*)(?P<path>[^?#&=]*)")
_QUESTION = re.compile(r"\?+|%(?:25)*3[Ff]|[&=]")
_EQUALS = re.compile(r"=+|%(?:25)*3[Dd]")

# Letters of other alphabets that look like plain ones (the common ones of Unicode's list of confusables).
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕԁһԛԝӏаветкмнορϲνικαυτɡıⅼ‐‑‒–—―−",
    "aeopcyxijsdhqwlabetkmhopcvikautgil-------",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Damage:
    """Characters that do not belong into a URL: the code of their finding, what stands there, and where."""

    code: str
    text: str
    position: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One ``name=value`` of the query. ``joint`` is what stands before it (``&`` or what took its place, empty: lost).

    ``equals`` is what stands between name and value. ``span`` and ``value_span`` are its places in ``PixelUrl.clean``.
    """

    name: str
    value: str
    position: int
    value_position: int
    joint: str
    equals: str
    span: tuple[int, int]
    value_span: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class PixelUrl:
    """A URL taken apart. ``clean`` is the URL without its damage, ``origin`` the place of each of its characters."""

    given: str
    clean: str
    origin: Sequence[int]
    damage: tuple[Damage, ...]
    scheme: str
    scheme_joint: str
    user: str
    host: str
    port: str
    path: str
    question: str
    host_at: int
    path_at: int
    question_at: int
    parts: tuple[Part, ...]

    def position(self, index: int) -> int:
        """The place, in the URL as given, of a character of ``clean``."""
        return self.origin[index] if index < len(self.origin) else max(len(self.given), 1)

    def value(self, name: str) -> str | None:
        """The value of the first parameter of that name, as it stands; None where there is none."""
        return next((part.value for part in self.parts if part.name == name), None)


def take_apart(url: str, names: Iterable[str]) -> PixelUrl:
    """The URL in its parts; ``names`` are the parameter names to look for where a separator is lost. Never raises."""
    known = sorted(set(names), key=len, reverse=True)
    text, damage = _clean(url)
    address = _ADDRESS.match(text.text) or re.match("", text.text)
    found = address.groupdict(default="") if address else {}
    user, _, rest = found.get("authority", "").rpartition("@")
    host, _, port = rest.partition(":")
    host_at = (address.start("authority") if address and "authority" in found else 0) + len(user) + bool(user)
    path_at = host_at + len(rest)
    path_end, query_at, question = _find_query(text.text, path_at, known)
    return PixelUrl(
        given=url, clean=text.text, origin=text.origin, damage=damage,
        scheme=found.get("scheme", ""), scheme_joint=found.get("joint", ""), user=user, host=host, port=port,
        path=text.text[path_at:path_end], question=question,
        host_at=host_at, path_at=path_at, question_at=path_end,
        parts=tuple(_parts(text, query_at, known)),
    )  # fmt: skip


def decoded(value: str) -> str:
    """A value without its percent codes, however often they were encoded (five times at most)."""
    for _ in range(5):
        plain = unquote(value)
        if plain == value:
            break
        value = plain
    return value


def look_alike(text: str) -> str:
    """The plain text that a text in other letters looks like."""
    return unicodedata.normalize("NFKC", text.casefold()).translate(_LOOK_ALIKE)


@dataclass(frozen=True)
class _Text:
    """A text that remembers where each of its characters stood."""

    text: str
    origin: Sequence[int]

    def replaced(
        self, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]
    ) -> tuple[_Text, list[tuple[str, int]]]:
        """The text with every match replaced, and what was replaced where; a match that stays is not counted."""
        pieces: list[str] = []
        places: list[Sequence[int]] = []
        taken: list[tuple[str, int]] = []
        done = 0
        for match in pattern.finditer(self.text):
            put = new(match)
            if put == match[0]:
                continue
            pieces += [self.text[done : match.start()], put]
            places += [self.origin[done : match.start()], [self.origin[match.start()]] * len(put)]
            taken.append((match[0], self.origin[match.start()]))
            done = match.end()
        if not taken:
            return self, []
        origin = tuple(chain(*places, self.origin[done:]))
        return _Text("".join([*pieces, self.text[done:]]), origin), taken


def _clean(url: str) -> tuple[_Text, tuple[Damage, ...]]:
    """The URL without what does not belong into it, and what that was."""
    text = _Text(url, range(1, len(url) + 1))
    if _UNDAMAGED.fullmatch(url) and "&amp" not in url:
        return text, ()
    found: list[Damage] = []
    edge = _edge(url)
    for code, pattern, new in (
        ("KZ004", _SPACE, _without_space),
        ("KZ005", _ESCAPE, lambda m: chr(int(m[1], 16)) if m[1] else m[2]),
        ("KZ005", _ENTITY, lambda m: "&" if unescape(m[0]).startswith("&") else unescape(m[0]).strip("\"'<>\xa0")),
        ("KZ005", _QUOTE, lambda _: ""),
        ("KZ005", _NOT_PLAIN, _in_plain_letters),
        ("KZ013", _FRAGMENT, lambda _: ""),
    ):
        text, taken = text.replaced(pattern, new)
        found += [Damage(code=code, text=old, position=at) for old, at in taken]
    if _WHOLE_ENCODED.match(text.text):
        text, taken = text.replaced(_PERCENT, lambda m: decoded(m[0]))
        found += [Damage(code="KZ006", text=old, position=at) for old, at in taken[:1]]
    return text, tuple(_at_the_edge(one, edge) for one in found)


def _edge(url: str) -> tuple[int, int]:
    """How many characters of white space stand before the URL, and where it ends."""
    start, end = _SPACE.match(url), len(url)
    while end and _SPACE.match(url[end - 1]):
        end -= 1
    return start.end() if start else 0, end


def _at_the_edge(damage: Damage, edge: tuple[int, int]) -> Damage:
    """White space before or after the URL is told apart from white space inside."""
    outside = damage.position <= edge[0] or damage.position > edge[1]
    if damage.code == "KZ004" and outside:
        return Damage(code="KZ008", text=damage.text, position=damage.position)
    return damage


def _without_space(found: re.Match[str]) -> str:
    """Nothing, but for one blank inside a token whose name may hold it, as in ``[tag:Address:Zip 5]``."""
    text, at = found.string, found.start()
    opened, closed = text.rfind("[", max(0, at - 60), at), text.find("]", at, at + 60)
    if found[0] != " " or opened < 0 or closed < 0 or "]" in text[opened:at] or "[" in text[at:closed]:
        return ""
    squeezed = text[opened : closed + 1].replace(" ", "")
    return "" if "&" in squeezed or is_known(squeezed) or nearest(squeezed) else " "


def _in_plain_letters(found: re.Match[str]) -> str:
    """The plain letter that this one looks like, or nothing; the host is left as it is, for its own finding."""
    host_end = re.search(r"[/?#]", found.string[found.string.find("//") + 2 :])
    if host_end and found.start() < found.string.find("//") + 2 + host_end.start():
        return found[0]
    plain = look_alike(found[0])
    return plain if plain.isascii() else ""


def _find_query(text: str, path_at: int, names: Sequence[str]) -> tuple[int, int, str]:
    """Where the path ends, where the parameters begin, and what stands between (a question mark, or its remains)."""
    found = _QUESTION.search(text, path_at)
    if found is None:
        return len(text), len(text), ""
    if found[0] == "=":
        name = next((name for name in names if text[path_at : found.start()].endswith(name)), "")
        start = found.start() - len(name)
        return start, start, ""
    return found.start(), found.end(), found[0]


def _parts(text: _Text, query_at: int, names: Sequence[str]) -> Iterator[Part]:
    if query_at >= len(text.text):
        return
    glue = _glue(tuple(names))
    at, joint = query_at, "&"
    for piece in text.text[query_at:].split("&", MOST_PARTS):
        done = 0
        for lost in glue.finditer(piece, piece.find("=") + 1) if "=" in piece else ():
            yield _part(text, at + done, at + lost.start(), joint, names)
            done, joint = lost.start("name"), lost["joint"]
        yield _part(text, at + done, at + len(piece), joint, names)
        at, joint = at + len(piece) + 1, "&"


@lru_cache(maxsize=16)
def _glue(names: tuple[str, ...]) -> re.Pattern[str]:
    """A parameter that begins inside the value before it. Names under three letters are also ends of words (http=)."""
    words = "|".join(re.escape(name) for name in names if len(name) > 2) or r"(?!)"
    return re.compile(rf"(?P<joint>%(?:25)*26|[?;,]|)(?P<name>{words})(?==|%(?:25)*3[Dd])")


def _part(text: _Text, start: int, end: int, joint: str, names: Sequence[str]) -> Part:
    piece = text.text[start:end]
    equals = _EQUALS.search(piece)
    name_end = equals.start() if equals else _name_end(piece, names)
    value_at = equals.end() if equals else name_end
    if equals and len(equals[0]) > 1 and equals[0][0] == "=" and piece[:name_end] not in names:
        value_at = equals.start() + 1  # a key may begin or end with =, and an unknown value may be anything
    last = len(text.origin)
    return Part(
        name=piece[:name_end], value=piece[value_at:], joint=joint, equals=piece[name_end:value_at],
        position=text.origin[start] if start < last else max(last, 1),
        value_position=text.origin[start + value_at] if start + value_at < last else max(last, 1),
        span=(start, end), value_span=(start + value_at, end),
    )  # fmt: skip


def _name_end(piece: str, names: Sequence[str]) -> int:
    """The end of the name in a piece without =: of the planned name it begins with, else all of it."""
    return len(next((name for name in names if piece.startswith(name)), piece))
