"""The linter's codes, what a finding is, and what of a pixel may be repeated in a message.

Codes are stable: KZ0xx concern one pixel's URL, KZ1xx the fields of the form and the pixels as a set. Only an *error*
fails the set; a *warning* deserves a look, *info* explains. ``docs/codes.md`` is made from ``RULES``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

RULES: dict[str, tuple[str, str]] = {
    "KZ001": ("error", "the URL is not an absolute https address"),
    "KZ002": ("error", "the host is not Kayzen's event endpoint"),
    "KZ003": ("error", "the path is not /v1/ev"),
    "KZ004": ("error", "white space or a line break stands inside the URL"),
    "KZ005": ("error", "a character of a word processor or of HTML stands in the URL (smart quote, &amp;)"),
    "KZ006": ("error", "a percent code stands where a plain character belongs (%5B for a bracket)"),
    "KZ007": ("error", "a percent code is encoded a second time (%255B, %252B)"),
    "KZ008": ("warning", "white space stands before or after the URL"),
    "KZ009": ("error", "the URL ends early: it was cut off"),
    "KZ010": ("error", "the key is still the guide's placeholder"),
    "KZ011": ("error", "the key is empty"),
    "KZ012": ("error", "the key is not the one that is set on this computer"),
    "KZ013": ("error", "a # stands in the URL: what follows it is never sent"),
    "KZ014": ("error", "the host only looks like Kayzen's: it would receive the key and the callers' numbers"),
    "KZ020": ("error", "a parameter is missing"),
    "KZ021": ("warning", "a parameter is not in the plan"),
    "KZ022": ("error", "a parameter stands more than once"),
    "KZ023": ("error", "an & between two parameters is lost or doubled"),
    "KZ024": ("error", "a value differs from the plan"),
    "KZ025": ("error", "the ? before the parameters, or the = after a name, is lost or doubled"),
    "KZ030": ("error", "a [token] is not closed, or nested"),
    "KZ031": ("warning", "a [token] is not one that the guide or Ringba documents for this value"),
    "KZ032": ("error", "a [token] is misspelt: Ringba would fill it with nothing"),
    "KZ033": ("error", "a [token] fills in another value than the parameter is for"),
    "KZ034": ("error", "a [token] stands where a fixed value belongs, or a fixed value where a [token] belongs"),
    "KZ101": ("error", "app_event does not match Fire Pixel On"),
    "KZ102": ("error", "several pixels tell Kayzen the same event"),
    "KZ103": ("error", "the pixels do not all fill the call id from the same [token]"),
    "KZ104": ("error", "the pixels carry different keys"),
    "KZ105": ("error", "a pixel is missing from the six"),
    "KZ106": ("error", "two pixels fire on the same event"),
    "KZ107": ("error", "the HTTP method is not GET"),
    "KZ109": ("warning", "the pixel is switched off in Ringba"),
    "KZ110": ("warning", "the Converted pixel carries no amount"),
    "KZ111": ("info", "the Error pixel sends a value that the guide says does not exist there"),
    "KZ112": ("info", "the Payout pixel carries no amount: the guide publishes no name for it"),
    "KZ113": ("info", "the pixel's name is not the one in the guide"),
    "KZ114": ("info", "the pixel fires on an event that the guide does not use"),
}

MOST_OF_ONE_CODE = 20  # a megabyte of blanks is one thing to say, not a million

_SHOWABLE_VALUE = re.compile(r"(?:\[[A-Za-z]{2,6}:[\w:| .-]{1,80}\]?)+|[A-Za-z_]{1,24}|\d{1,3}")
_SHOWABLE_ADDRESS = re.compile(r"(?:(?:[^\W\d_]|-){0,30}\d{0,3}(?:[./:]{1,3}|$)){0,12}")
_SHOWABLE_NAME = re.compile(r"[A-Za-z_]{1,24}")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing the linter has to say. ``position`` counts characters of the URL as given, from 1; None: the whole.

    ``field`` is the parameter, part of the address, or field of Ringba's form that it concerns; empty: the set.
    """

    pixel: str
    code: str
    message: str
    fix: str
    position: int | None = None
    field: str = ""

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``info``, by the code."""
        return RULES[self.code][0]

    def as_record(self) -> dict[str, Any]:
        """The finding as ``lint --json`` prints it."""
        return {
            "pixel": self.pixel,
            "code": self.code,
            "severity": self.severity,
            "field": self.field,
            "position": self.position,
            "message": self.message,
            "fix": self.fix,
        }


def is_showable(value: str) -> bool:
    """Whether a value can be repeated: tokens, plain words and small numbers are neither a key nor a phone number."""
    return bool(_SHOWABLE_VALUE.fullmatch(value))


def shown(value: str) -> str:
    """A value as a message may hold it: itself when it is surely no key and no number, else only its length."""
    return value if is_showable(value) else f"(a text of {len(value):,} characters)"


def is_showable_name(name: str) -> bool:
    """Whether a parameter's name can be repeated: letters and underscores only, so that no key is shown by mistake."""
    return bool(_SHOWABLE_NAME.fullmatch(name))


def shown_name(name: str) -> str:
    """A parameter's name as a message may hold it."""
    return repr(name) if is_showable_name(name) else f"with a name of {len(name):,} characters"


def shown_address(text: str) -> str:
    """The beginning of a host or path that is surely no key: words of letters with few digits, cut where it is not."""
    plain = _SHOWABLE_ADDRESS.match(text)
    beginning = plain[0][:80] if plain else ""
    return beginning if beginning == text else f"{beginning}..."


def edits(one: str, other: str, most: int) -> int:
    """How many letters to insert, delete, replace or swap to make one text the other; ``most + 1`` where it is more."""
    if abs(len(one) - len(other)) > most or max(len(one), len(other)) > 200:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return min(last[-1], most + 1)


def meant_name(name: str, names: list[str]) -> str | None:
    """The parameter name that was most likely meant; None when none is near. Short names must be nearer."""
    near = [(edits(name.casefold(), known.casefold(), 2), known) for known in names]
    best = min(near, default=(3, ""))
    return best[1] if best[0] <= max(1, min(2, len(best[1]) // 4)) else None
