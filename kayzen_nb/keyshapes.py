"""Keys in a text: known ones however they are written or cut, unknown ones by the place where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from kayzen_nb.privacy import written_forms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.privacy import Secret

_SHORTEST = 6
_LONG_ENOUGH = 12  # letters and digits from which a key is recognised whatever stands between them
_CUT = r"""[\s"'+,\\`]"""  # what stands between the parts of a key that was cut: line ends, quotes, a + or a comma
_CUTS = re.compile(_CUT + "+")
_SIGNS = re.compile(r"[\W_]+")

_VALUE = r"[^\s\"'`<>&;,\\(){}\[\]|#]"
_ASSIGNED = re.compile(
    rf"s?\d{{0,2}}[\"'\]]{{0,2}}(\s{{0,2}}(?:=>|[:=])\s{{0,2}})[\"']?({_VALUE}{{{_SHORTEST},}})([(\[]?)"
)
_HEADER = re.compile(
    rf"[\"'\]]{{0,2}}\s{{0,2}}([:=])\s{{0,2}}[\"']?(?:Token|Bearer|Basic|Digest|ApiKey)\s+({_VALUE}{{{_SHORTEST},}})()",
    re.IGNORECASE,
)
_BEARER = re.compile(rf"(\s+)({_VALUE}{{16,}})()")
_PASSWORD_IN_ADDRESS = re.compile(r"[^\s/@:\"'<>]{1,64}(:)([^\s/@\"'<>]{3,128})()@[\w.-]")
_WEB_TOKEN = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}")
_PRIVATE = re.compile(r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----")

# Words after which a key may stand, in small letters, with the pattern of what follows: the sign between the two, the
# value, and the bracket that would make it a call.
_PLACES: dict[str, re.Pattern[str]] = {
    "api_key": _ASSIGNED,
    "api-key": _ASSIGNED,
    "apikey": _ASSIGNED,
    "token": _ASSIGNED,
    "secret": _ASSIGNED,
    "password": _ASSIGNED,
    "passwd": _ASSIGNED,
    "authorization": _HEADER,
    "bearer": _BEARER,
    "://": _PASSWORD_IN_ADDRESS,
}
_ALWAYS_SURE, _SURE_BEFORE_EQUALS = frozenset({"authorization", "://"}), frozenset({"api_key", "api-key", "apikey"})
# What stands in a key's place and is none: placeholders, masks, tokens, variables.
_NO_KEY = re.compile(r"[«»<>{}\[\]$*…]|\.\.\.|\A(?:your|my|the|some|new|old)[_-]|\Ahttps?:", re.IGNORECASE)
_NAME = re.compile(r"[A-Z]+(?:[_-][A-Z]+)+\Z|(?i:kayzen_provided|redacted|removed|changeme|password|placeholder)\Z")
_EXPRESSION = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)+\Z")


@dataclass(frozen=True, kw_only=True)
class FoundKey:
    """A key, or what looks like one, at ``start`` to ``end`` of a text; ``known`` is the secret that it is."""

    start: int
    end: int
    known: Secret | None = None


class KeyFinder:
    """Finds the given keys in any writing: percent-encoded, escaped, hex, base64, backwards, cut over lines."""

    def __init__(self, keys: tuple[Secret, ...]) -> None:
        self._keys = [(key, *_writings(key.reveal())) for key in keys if len(key.reveal()) >= _SHORTEST]

    def find(self, text: str) -> Iterator[FoundKey]:
        """Every place of every known key."""
        if not self._keys:
            return
        joined = _CUTS.sub("", text)
        lowered = joined.lower()
        signless = _SIGNS.sub("", lowered)
        for key, in_any_case, in_this_case, letters in self._keys:
            found = [_cut_pattern(form, _CUT, re.IGNORECASE) for form in in_any_case if form in lowered]
            found += [_cut_pattern(form, _CUT) for form in in_this_case if form in joined]
            if not found and letters and letters in signless:
                found = [_cut_pattern(letters, r"[\W_]", re.IGNORECASE)]
            for pattern in found:
                for place in pattern.finditer(text):
                    yield FoundKey(start=place.start(), end=place.end(), known=key)


def find_key_shapes(text: str) -> Iterator[FoundKey]:
    """Values that stand where keys stand and look like one, except placeholders and our own masks."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters grow when they are made small; places must stay
        lowered = re.sub("[A-Z]", lambda found: found[0].lower(), text)
    for word, pattern in _PLACES.items():
        for at in _occurrences(lowered, word):
            found = pattern.match(text, at + len(word))
            if found and _looks_like_a_key(found, word, before=text[max(at - 1, 0) : at]):
                yield FoundKey(start=found.start(2), end=found.end(2))
    for at in _occurrences(text, "eyJ"):
        if found := _WEB_TOKEN.match(text, at):
            yield FoundKey(start=at, end=found.end())
    for block in _PRIVATE.finditer(text):
        yield FoundKey(start=block.start(), end=block.end())


def _writings(value: str) -> tuple[set[str], set[str], str]:
    """A key's writings: those in which capitals do not matter, those in which they do, and its letters alone."""
    forms = {_CUTS.sub("", form) for form in written_forms(value)}
    plain = {_CUTS.sub("", form).lower() for form in (value, value[::-1], value.encode().hex())}
    letters = _SIGNS.sub("", value).lower()
    is_telling = len(letters) >= _LONG_ENOUGH and any(sign.isdigit() for sign in letters)
    return (
        {form for form in plain if len(form) >= _SHORTEST},
        {form for form in forms if len(form) >= _SHORTEST and form.lower() not in plain},
        letters if is_telling else "",
    )


def _cut_pattern(form: str, between: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(f"{between}{{0,80}}?".join(map(re.escape, form)), flags)


def _occurrences(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


def _looks_like_a_key(found: re.Match[str], word: str, *, before: str) -> bool:
    """In a sure place anything but a placeholder is a key; elsewhere only letters mixed with digits are."""
    sign, value, is_call = found[1], unquote(found[2]), found[3]
    if _NO_KEY.search(value) or _NAME.match(value) or is_call:
        return False
    if word in _ALWAYS_SURE or (before and before in "?&"):
        return True
    if _EXPRESSION.match(value):
        return False
    is_mixed = len(value) >= 8 and re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    return bool(is_mixed) or (sign == "=" and word in _SURE_BEFORE_EQUALS)
