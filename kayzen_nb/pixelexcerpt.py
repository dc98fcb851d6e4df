"""Show the place of a fault: the characters around it, with a caret under it, and nothing secret among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.lintjudged import parameter_names
from kayzen_nb.lintrules import is_showable, is_showable_name, shown_address
from kayzen_nb.pixels import PLACEHOLDER_KEY
from kayzen_nb.pixelurl import take_apart

if TYPE_CHECKING:
    from kayzen_nb.pixels import Plan
    from kayzen_nb.pixelurl import PixelUrl

HIDDEN = "*"
_SEPARATORS = "&=?%[]"


def hidden_url(url: str, plan: Plan) -> str:
    """The URL with a star for each character that may be part of a key or a number; as long as the URL itself.

    Everything is hidden but what is known to be harmless: the address, planned names, tokens, plain words.
    """
    parts = take_apart(url, parameter_names(plan))
    shown = [False] * len(url)
    for start, end in _harmless(parts, plan):
        for place in parts.origin[start:end]:
            shown[place - 1] = True
    for damage in parts.damage:
        if damage.text.startswith("&") or not any(sign.isalnum() for sign in damage.text):
            for place in range(damage.position - 1, min(damage.position - 1 + len(damage.text), len(url))):
                shown[place] = True
    return "".join(_mark(sign, is_shown=shown[n]) for n, sign in enumerate(url))


def excerpt(url: str, position: int, plan: Plan, width: int = 24) -> tuple[str, str]:
    """The hidden URL around a place (from 1) and the line with the caret to print under it."""
    whole = hidden_url(url, plan)
    start, end = max(0, position - 1 - width), min(len(whole), position - 1 + width)
    before = "..." if start else ""
    after = "..." if end < len(whole) else ""
    return f"{before}{whole[start:end]}{after}", " " * (len(before) + position - 1 - start) + "^"


def _harmless(url: PixelUrl, plan: Plan) -> list[tuple[int, int]]:
    """The stretches of the clean URL that are surely neither a key nor a number."""
    spans = []
    if not url.user:
        spans.append((0, len(shown_address(url.clean[: url.question_at]).removesuffix("..."))))
    names = parameter_names(plan)
    for part in url.parts:
        if part.name in names or is_showable_name(part.name):
            spans.append((part.span[0], part.span[0] + len(part.name)))
        is_key = "key" in part.name.casefold()
        if part.value == PLACEHOLDER_KEY or (not is_key and part.equals and is_showable(part.value)):
            spans.append(part.value_span)
    return spans


def _mark(sign: str, *, is_shown: bool) -> str:
    """A character as it can be printed: line breaks and invisible ones get a sign that can be seen."""
    if sign in "\r\n\u2028\u2029":
        return "⏎"
    if sign in _SEPARATORS or (is_shown and sign.isprintable()):
        return sign
    return "·" if sign.isspace() or not sign.isprintable() else HIDDEN
