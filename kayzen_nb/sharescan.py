"""What must not leave the house, found in a text and hidden in it: keys, values that look like keys, phone numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from kayzen_nb.keyshapes import KeyFinder, find_key_shapes
from kayzen_nb.phoneshapes import find_numbers
from kayzen_nb.privacy import REMOVED, Secret, mask_phone
from kayzen_nb.readings import plain_sign, read_all_ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kayzen_nb.readings import Reading

_PASSES = 4
_BLOCK = 64  # characters


class LeakKind(StrEnum):
    """What was found, or that nothing could be looked for."""

    KEY = "key"
    KEY_SHAPED = "key-shaped value"
    PHONE = "phone number"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something that must not leave, at ``start`` to ``end`` of the text. ``shown`` says it masked.

    ``identity`` is the same wherever the same value is found; it holds digits or a fingerprint, for comparison only.
    """

    kind: LeakKind
    start: int
    end: int
    shown: str
    identity: str


def find_leaks(text: str, keys: Iterable[Secret] = (), *, allow_invented: bool = False) -> list[Found]:
    """Everything in the text that must not leave, in order; each once, however many readings show it."""
    finder = KeyFinder(tuple(keys))
    found = _Collection()
    for reading in read_all_ways(text):
        for one in _find_in(reading, finder, allow_invented=allow_invented):
            found.add(one)
    return sorted(found.all, key=lambda one: one.start)


def hide_leaks(text: str, keys: Iterable[Secret] = ()) -> str:
    """The text with phone numbers masked and keys removed; signs that are not seen but change what is seen go too."""
    known = tuple(keys)
    clean = "".join(sign for sign in text if sign.isascii() or plain_sign(sign))
    clean = "".join(sign if (sign >= " " and sign != "\x7f") or sign in "\n\t" else " " for sign in clean)
    for _ in range(_PASSES):
        found = find_leaks(clean, known)
        if not found:
            return clean
        for one in reversed(found):
            hidden = one.shown if one.kind is LeakKind.PHONE else REMOVED
            clean = clean[: one.start] + hidden + clean[one.end :]
    return clean if not find_leaks(clean, known) else REMOVED


def _find_in(reading: Reading, finder: KeyFinder, *, allow_invented: bool) -> Iterator[Found]:
    for start, end in reading.stretches():
        text = reading.text[start:end]
        for one in _find_plain(text, finder, allow_invented=allow_invented):
            if not _is_at_a_cut(one, text, start, len(reading.text)):
                there = reading.span(start + one.start, start + one.end)
                yield replace(one, start=there[0], end=there[1])


def _find_plain(text: str, finder: KeyFinder, *, allow_invented: bool) -> Iterator[Found]:
    """What a text shows as it stands, without decoding anything."""
    for key in finder.find(text):
        if key.known:
            shown, mark = f"key with fingerprint {key.known.fingerprint}", key.known.fingerprint
            yield Found(kind=LeakKind.KEY, start=key.start, end=key.end, shown=shown, identity=mark)
    for shape in find_key_shapes(text):
        mark = Secret(text[shape.start : shape.end]).fingerprint
        shown = f"a value of {shape.end - shape.start} characters, fingerprint {mark}"
        yield Found(kind=LeakKind.KEY_SHAPED, start=shape.start, end=shape.end, shown=shown, identity=mark)
    for number in find_numbers(text):
        if not (allow_invented and number.is_invented):
            shown = mask_phone(number.digits) or "***"
            yield Found(kind=LeakKind.PHONE, start=number.start, end=number.end, shown=shown, identity=number.digits)


def _is_at_a_cut(one: Found, text: str, start: int, length: int) -> bool:
    """Whether it touches an edge where a stretch was cut out: what it is, the reading before has shown whole."""
    return (start > 0 and one.start == 0) or (start + len(text) < length and one.end == len(text))


class _Collection:
    """What was found, each once. Kept by place, so that a hundred thousand numbers take no longer each than ten."""

    def __init__(self) -> None:
        self.all: list[Found] = []
        self._at: dict[int, list[Found]] = {}

    def add(self, one: Found) -> None:
        """Keep it, unless another reading has shown the same thing at the same place."""
        blocks = range(one.start // _BLOCK, max(one.end - 1, one.start) // _BLOCK + 1)
        if any(_is_same(one, known) for block in blocks for known in self._at.get(block, ())):
            return
        self.all.append(one)
        for block in blocks:
            self._at.setdefault(block, []).append(one)


def _is_same(one: Found, known: Found) -> bool:
    """Whether two readings show the same thing: at the same place, the same kind, or a known key's shape."""
    is_there = one.start < known.end and known.start < one.end
    is_key = one.kind is not LeakKind.PHONE and known.kind is not LeakKind.PHONE
    return is_there and (one.kind is known.kind or is_key)
