"""Values of dimensions as a view writes and reads them: ``Call Center A``, ``(blank)``, ``no``, ``Monday``."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from kayzen_nb.dimensions import WEEKDAYS
from kayzen_nb.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

BLANK = "(blank)"  # how a view writes "has no value"
_YES_NO = {"yes": True, "no": False}
_PLAIN = re.compile(r"[^\s\"=]+(?: [^\s\"=]+)*")  # a value that needs no quotes, unless one of its words is "and"


class Refused(ValueError):
    """A part of a view that cannot be read: what is wrong, and what to do."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.what, self.next_step = what, next_step


def read_value(dimension: str, written: str) -> object:
    """The value that a person wrote for a dimension; None is blank. Raises Refused."""
    return _READERS.get(dimension, _as_text)(written)


def write_value(dimension: str, value: object) -> str:
    """A value as ``parse_view`` reads it back."""
    if value is None:
        return BLANK
    if dimension == "is_duplicate":
        return "yes" if value else "no"
    if dimension == "weekday":
        return WEEKDAYS[int(str(value))]
    if dimension == "hour":
        return f"{int(str(value)):02}:00"
    text = str(value)
    needs_quotes = not _PLAIN.fullmatch(text) or text.casefold() == BLANK or "and" in text.casefold().split()
    return '"{}"'.format(text.replace('"', '""')) if needs_quotes else text


def nearest(word: str, known: list[str]) -> str:
    """The nearest known word, as a sentence's beginning."""
    hint = did_you_mean(word, known)
    return hint[:1].upper() + hint[1:]


def _as_text(written: str) -> str | None:
    if written.startswith('"'):
        return written[1:-1].replace('""', '"')
    return None if written.casefold() == BLANK else written


def _as_flag(written: str) -> bool | None:
    word = _as_text(written)
    if word is None or word.casefold() in _YES_NO:
        return None if word is None else _YES_NO[word.casefold()]
    raise Refused(f"is_duplicate cannot be {word!r}.", f"Write yes, no or {BLANK}.")


def _as_day(written: str) -> date:
    try:
        return date.fromisoformat(_as_text(written) or "")
    except ValueError:
        raise Refused(f"{written!r} is no day.", "Write the day like 2026-11-01.") from None


def _as_weekday(written: str) -> int:
    word = (_as_text(written) or "").casefold()
    for number, name in enumerate(WEEKDAYS):
        if word in (name.casefold(), name[:3].casefold()):
            return number
    raise Refused(f"{written!r} is no weekday.", nearest(word, list(WEEKDAYS)))


def _as_hour(written: str) -> int:
    found = re.fullmatch(r"(\d{1,2})(?::00)?", _as_text(written) or "", re.ASCII)
    if found and int(found[1]) < 24:
        return int(found[1])
    raise Refused(f"{written!r} is no hour.", "Write the hour from 0 to 23, like 14 or 14:00.")


_READERS: dict[str, Callable[[str], object]] = {
    "is_duplicate": _as_flag,
    "day": _as_day,
    "weekday": _as_weekday,
    "hour": _as_hour,
}
