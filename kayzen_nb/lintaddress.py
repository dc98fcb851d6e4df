"""The URL up to its parameters: damage by copying, scheme, host, port, path, and the question mark."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from kayzen_nb.lintrules import MOST_OF_ONE_CODE, edits, shown_address
from kayzen_nb.pixels import ENDPOINT
from kayzen_nb.pixelurl import look_alike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.lintrules import Finding
    from kayzen_nb.pixelurl import Damage, PixelUrl

_WANTED = urlsplit(ENDPOINT)
_HOST = _WANTED.netloc
_DOMAIN = ".".join(_HOST.split(".")[-2:])
# An older version of Kayzen's page "In-playable events collection" has this address (kayzen.md 1.1).
_OLDER_HOST = "api-events.kayzen.io"


class _MakeFinding(Protocol):
    def __call__(self, code: str, message: str, fix: str, position: int | None = None, field: str = "") -> Finding: ...


def check_damage(url: PixelUrl, finding: _MakeFinding) -> Iterator[Finding]:
    """Characters that came in by copying: white space, quotes, HTML, a fragment. Of a kind, twenty are listed."""
    for code, same in groupby(sorted(url.damage, key=lambda d: (d.code, d.position)), key=lambda d: d.code):
        yield from _check_one_damage(code, list(same), finding)


def _check_one_damage(code: str, places: list[Damage], finding: _MakeFinding) -> Iterator[Finding]:
    for damage in places[:MOST_OF_ONE_CODE]:
        message, fix = _describe(code, damage.text)
        yield finding(code, message, fix, damage.position, "URL")
    if (more := len(places) - MOST_OF_ONE_CODE) > 0:
        yield finding(code, f"and in {more:,} more places", "Copy the URL again from the plan.", None, "URL")


def _describe(code: str, text: str) -> tuple[str, str]:
    """What a damage is, and its fix."""
    if code in _SAID_OF:
        message, fix = _SAID_OF[code]
        return message.format(space=_name_space(text)), fix
    return _describe_letter(text)


_SAID_OF = {
    "KZ004": ("{space} stands inside the URL", "Paste the URL again as one line."),
    "KZ006": ("the whole URL is written in percent codes", "Copy the URL again from the plan, in plain characters."),
    "KZ008": (
        "{space} stands before or after the URL",
        "Delete it: whether Ringba leaves it out of the request is not documented.",
    ),
    "KZ013": (
        "a # stands in the URL: what follows it, up to the next &, is never sent",
        "Delete the # and what follows it.",
    ),
}


def _describe_letter(text: str) -> tuple[str, str]:
    """A character of HTML, of a word processor, of another alphabet."""
    if text.startswith("&"):
        right = {"&amp;": "&", "&#38;": "&"}.get(text.casefold(), "the plain character, or nothing,")
        return f"{text[:20]} stands in the URL: HTML, not a URL", f"Write {right} in place of {text[:20]}."
    if text.startswith("\\"):
        return "a backslash stands in the URL", "Delete the backslash."
    name = "" if text.isascii() else f" ({unicodedata.name(text[0], 'no name').casefold()})"
    plain = look_alike(text) if len(text) == 1 else ""
    fix = f"Write a plain {plain!r}." if name and plain.isascii() and plain.isalnum() else f"Delete {text}."
    return f"{text} stands in the URL{name}", fix


def _name_space(text: str) -> str:
    if re.search(r"[\r\n\u2028\u2029\x85]", text):
        return "a line break"
    if "\t" in text:
        return "a tab"
    if re.search(r"[\xa0\u202f\u2007]", text):
        return "a no-break space"
    return "white space" if text.strip(" ") == "" else "an invisible character"


def check_address(url: PixelUrl, finding: _MakeFinding) -> Iterator[Finding]:
    """Scheme, host, port, path and question mark against Kayzen's endpoint."""
    if (url.scheme.casefold(), url.scheme_joint) != ("https", "://"):
        start = f"{url.scheme}{url.scheme_joint}"[:16]
        message = f"the URL starts with {start!r}, not https://"
        yield finding("KZ001", message, f"Start with {ENDPOINT}.", url.position(0), "scheme")
    yield from _check_host(url, finding)
    if url.path != _WANTED.path:
        message = f"the path is {shown_address(url.path)!r}, not {_WANTED.path}"
        yield finding("KZ003", message, f"Use {ENDPOINT}?...", url.position(url.path_at), "path")
    if url.question != "?" and url.parts:
        how = "is lost" if not url.question else f"is written as {url.question[:3]}"
        code = "KZ006" if url.question.startswith("%") else "KZ025"
        message = f"the ? between address and parameters {how}"
        yield finding(code, message, f"Write {ENDPOINT}?...", url.position(url.question_at), "?")


def _check_host(url: PixelUrl, finding: _MakeFinding) -> Iterator[Finding]:
    host, position = url.host.casefold(), url.position(url.host_at)
    fix = f"Use {_HOST}: a look-alike host would receive the key and the callers' numbers."
    if url.user:
        message = "a user name stands before the host: what follows the @ is where the request goes"
        yield finding("KZ002", message, f"Use {_HOST} alone.", url.position(url.host_at - len(url.user) - 1), "host")
    if host != _HOST:
        older = " (an older address in Kayzen's own pages)" if host == _OLDER_HOST else ""
        yield finding("KZ002", f"the host is {shown_address(host)!r}, not {_HOST}{older}", fix, position, "host")
    if url.port or url.host_at + len(url.host) < url.path_at:
        message = "a port stands after the host; the guide has none"
        yield finding("KZ002", message, f"Use {_HOST} alone.", position + len(url.host), "port")
    if why := _looks_alike(host):
        yield finding(
            "KZ014",
            f"the host {shown_address(host)!r} only looks like Kayzen's ({why}): it would receive the key and numbers",
            f"Use {_HOST}. If calls were already sent there, ask Kayzen for a new key.",
            position,
            "host",
        )


def _looks_alike(host: str) -> str:
    """Why a foreign host could be taken for Kayzen's; empty where it could not, or belongs to Kayzen's own domain."""
    if host.rstrip(".") == _HOST or host.rstrip(".").endswith((f".{_DOMAIN}", ".kayzen.io")):
        return ""
    if not host.isascii():
        odd = next(letter for letter in host if not letter.isascii())
        named = f"{unicodedata.name(odd, 'a letter without a name').casefold()} in place of a plain letter"
        return named if _is_near(look_alike(host)) else ""
    if any(part.startswith("xn--") for part in host.split(".")):
        return "letters of another alphabet, written as xn--"
    if _DOMAIN.split(".")[0] in host:
        return "the same word in another domain"
    return "a few letters differ" if _is_near(host.translate(str.maketrans("013", "ole"))) else ""


def _is_near(host: str) -> bool:
    return any(edits(host, known, 3) <= 3 for known in (_HOST, _DOMAIN, _OLDER_HOST))
