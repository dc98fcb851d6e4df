"""Keys and people: a secret that cannot be shown by accident, masked numbers, and the scrubbing of texts."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

REMOVED = "«removed»"
_KEY_IN_URL = re.compile(r"(?i)(api_key=)([^&\s\"'<>\\]+)")
_PHONE = re.compile(r"(?<![\w.])(?:\+|%2[Bb]| )?1?[2-9]\d{2}[2-9]\d{6}(?![\w])")

_WRITTEN_PHONE = re.compile(
    r"(?<![\w.*/=%-])(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\)|[2-9]\d{2})[ .-]{0,2}[2-9]\d{2}[ .-]?\d{4}(?![\w-])"
)


class Secret:
    """A key that is only readable through ``reveal()``: printing, formatting, pickling, JSON show a mask or fail."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The key itself: for a request or a file that a person asked for, never for display."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """Eight hex digits by which two keys can be compared without showing either."""
        return hashlib.sha256(b"kayzen_nb fingerprint\0" + self.__value.encode()).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"Secret(fingerprint {self.fingerprint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not stored: keep it in the environment, .env or the keyring")

    __getstate__ = __reduce__  # copy and pickle both end here


def mask_phone(number: str | None, *, shown: int = 2) -> str | None:
    """A phone number with all but its last digits hidden: ``***-***-**23``. None stays None."""
    if number is None:
        return None
    digits = re.sub(r"\D", "", number)[-10:]
    if len(digits) < 7:
        return number if not digits else "***"
    hidden = "*" * (len(digits) - shown) + digits[-shown:]
    return f"{hidden[:-7]}-{hidden[-7:-4]}-{hidden[-4:]}".lstrip("-")


def mask_url(url: str) -> str:
    """A fired or planned URL as it may be shown: the key and full phone numbers hidden."""
    hidden = _KEY_IN_URL.sub(lambda found: found[1] + _mask_key(found[2]), url)
    return _PHONE.sub(lambda found: mask_phone(found[0]) or "", hidden)


def mask_text(text: str) -> str:
    """A text as it may be kept or shared: as ``mask_url``, and numbers written with spaces, dots, dashes, brackets."""
    return _WRITTEN_PHONE.sub(lambda found: mask_phone(found[0]) or "", mask_url(text))


def _mask_key(key: str) -> str:
    """A placeholder stays readable, a key does not."""
    return key if key == "KAYZEN_PROVIDED" else REMOVED


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """The text without any of the secrets, in plain, percent-encoded, JSON or base64 form."""
    for secret in secrets:
        for form in written_forms(secret.reveal()):
            text = text.replace(form, REMOVED)
    return text


def scrub_tree(node: Any, secrets: Iterable[Secret]) -> Any:
    """``scrub`` applied to every string of a JSON-like tree (a notebook), keys included."""
    known = tuple(secrets)
    if isinstance(node, str):
        return scrub(node, known)
    if isinstance(node, dict):
        return type(node)({scrub(str(k), known): scrub_tree(v, known) for k, v in node.items()})
    if isinstance(node, list):
        return [scrub_tree(item, known) for item in node]
    return node


def written_forms(value: str) -> set[str]:
    """The ways in which a key may stand in a file. Short values (under 6) are left out: they would hit prose."""
    if len(value) < 6:
        return set()
    plain = {value, quote(value), quote(value, safe=""), quote_plus(value), quote(value, safe="").lower()}
    escaped = {value.encode("unicode_escape").decode(), value.replace("/", "\\/"), value.replace("&", "&amp;")}
    return plain | escaped | _base64_forms(value)


def _base64_forms(value: str) -> set[str]:
    """Base64 of the value at each of the three alignments, cut to the characters it alone decides."""
    forms = set()
    for shift in range(3):
        raw = base64.b64encode(b"\0" * shift + value.encode()).decode().rstrip("=")
        start = (0, 2, 3)[shift]
        usable = raw[start : start + (len(value) * 8 - (0, 4, 2)[shift]) // 6]
        forms |= {usable, usable.replace("+", "-").replace("/", "_")}
    return forms
