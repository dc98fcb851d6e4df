"""Pasted text as lines: one kind of line end and space, and URLs put together again that were broken over lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)
JOINT = "\x01"  # where two lines were joined to one URL; taken out, or put back as a line break, by ``mend_urls``
_QUOTES = {"“": "”", "„": "“", "«": "»", "‘": "’"}  # around a URL; one at its end alone was sent with it
_MORE = re.compile(r"(?:[ \t]+[^\s\"'<>]+)*?[ \t]+[^\s\"'<>]*&[\w.-]+=[^\s\"'<>]*")
_GOES_ON = re.compile(r"[&?%]?[\w.\[\]:%/+?~*,;-]*[=&\]][^\s]*")
_ONE_WORD = re.compile(r"[\w%+.:/\[\]-]+")


def read_lines(text: str, is_named: Callable[[str], bool]) -> list[str]:
    """The lines of a pasted text. A line that ``is_named`` knows as an event or a field never goes on with a URL."""
    joined: list[str] = []
    for line in (line.strip() for line in _clean(text).split("\n")):
        if joined and line and _is_tail(joined[-1], line) and not is_named(line):
            joined[-1] += JOINT + line
        else:
            joined.append(line)
    return joined


def find_url(text: str) -> str:
    """The first URL of a text, also where it was sent with plain spaces in it; empty where there is none."""
    found = URL.search(text)
    if not found:
        return ""
    end = found.end()
    while more := _MORE.match(text, end):  # a space inside a URL is one that further parameters follow
        end = more.end()
    url = text[found.start() : end]
    quoted = _QUOTES.get(text[max(found.start() - 1, 0)])
    return url[:-1] if quoted and url.endswith(quoted) else url


def mend_urls(urls: list[str]) -> list[str]:
    """The URLs with their joints decided: where others of the same text stand whole on one line, a break was fired so.

    A window or a mail program breaks every URL of a length, not one of them.
    """
    whole = max((len(url) for url in urls if JOINT not in url), default=0)
    return [url.replace(JOINT, "\n" if len(url.partition(JOINT)[0]) < whole else "") for url in urls]


def _clean(text: str) -> str:
    """One kind of line end and of space; no invisible characters."""
    plain = re.sub(
        r"[\x01\ufeff\u200b-\u200f\u2060\u00ad]", "", re.sub(r"\r\n?|\u2028|\u2029|\x0b|\x0c|\x85", "\n", text)
    )
    return re.sub(r"[\u00a0\u2000-\u200a\u202f\u3000]", " ", plain)


def _is_tail(before: str, line: str) -> bool:
    """Whether a line can go on with the URL in which the line before it ends."""
    last = before[before.rfind("http") :]
    if any(mark.isspace() for mark in line) or not URL.fullmatch(last) or URL.match(line):
        return False
    return bool(_GOES_ON.fullmatch(line)) or (before[-1] in "=&?%" and bool(_ONE_WORD.fullmatch(line)))
