"""The texts beside the picture in an image file: titles, comments, camera fields. The picture itself is not read."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE_NOTE = "the picture itself cannot be read by a program: look at it"
_PNG = b"\x89PNG\r\n\x1a\n"
_KINDS = (_PNG, b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
_LARGEST_TEXT = 10_000_000
_LONGEST_FIELDS = 1000
_PRINTABLE = re.compile(rb"[\x20-\x7e]{6,}")
_PIXELS = frozenset({b"IDAT", b"PLTE", b"IHDR", b"fdAT"})


def is_image(raw: bytes) -> bool:
    """Whether the content is a PNG, JPEG, GIF or WebP file."""
    return raw.startswith(_KINDS) or (raw[:4] == b"RIFF" and raw[8:12] == b"WEBP")


def read_image_texts(raw: bytes) -> str:
    """What can be read as text in an image file, its pixels left out where the format lets them be told apart."""
    if not raw.startswith(_PNG):
        return "\n".join(_printable(raw))
    return "\n".join(line for chunk in _png_texts(raw) for line in _printable(chunk))


def _png_texts(raw: bytes) -> Iterator[bytes]:
    """Every chunk of a PNG that is no picture, packed ones unpacked, and what stands behind the end."""
    at = len(_PNG)
    while at + 8 <= len(raw):
        length, kind = int.from_bytes(raw[at : at + 4]), raw[at + 4 : at + 8]
        content = raw[at + 8 : at + 8 + length]
        if kind not in _PIXELS:
            yield content
            yield _unpacked(content)
        at += length + 12
        if kind == b"IEND":
            break
    yield raw[at:]


def _unpacked(content: bytes) -> bytes:
    """The packed text in a ``zTXt``, ``iTXt`` or ``iCCP`` chunk: it begins behind the name and a few short fields."""
    name_end = content.find(b"\0", 0, 80)
    last = name_end + _LONGEST_FIELDS
    start = content.find(b"\x78", name_end + 1, last)
    while start >= 0:
        try:
            return zlib.decompressobj().decompress(memoryview(content)[start:], _LARGEST_TEXT)
        except zlib.error:
            start = content.find(b"\x78", start + 1, last)
    return b""


def _printable(raw: bytes) -> Iterator[str]:
    """Runs of readable signs, in one byte a sign or two."""
    for found in _PRINTABLE.finditer(raw):
        yield found[0].decode("ascii")
    for found in re.finditer(rb"(?:[\x20-\x7e]\0){6,}", raw):
        yield found[0].decode("utf-16-le")
