"""Files opened for the check before sharing: every text that stands in them, with its place, and what stays unread.

Read are texts of any kind (notebook, page, table, JSON, SVG), archives with their members, and the texts beside the
picture in an image file. A kind that is not known is said to be unread: it may hold anything.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb.imagetexts import PICTURE_NOTE, is_image, read_image_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_BYTES = 200_000_000
_DEEPEST = 2  # an archive in an archive is opened, one more is not
_MEMBERS = 10_000
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_DATA_URI = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,((?:[A-Za-z0-9+/]|\s|%2[BbFf])+)")
_BLOB = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True, kw_only=True)
class Part:
    """A text that stands in a file. ``places`` says from which character on which place of the file is meant.

    Without places, lines are counted. ``unread`` says why a part could not be read, ``note`` what a person must know.
    A ``whole`` part repeats in plain text what the parts before it showed by place.
    """

    place: str = ""
    text: str = ""
    places: tuple[tuple[int, str], ...] = ()
    unread: str = ""
    note: str = ""
    whole: bool = False


def read_parts(raw: bytes, *, depth: int = 0) -> Iterator[Part]:
    """Every part of a file's content, whatever its name says."""
    if len(raw) > LARGEST_BYTES:
        yield Part(unread=f"larger than {LARGEST_BYTES // 1_000_000} MB")
    elif raw.startswith(_ZIP):
        yield from _read_zip(raw, depth)
    elif raw.startswith(b"\x1f\x8b"):
        yield from _read_gzip(raw, depth)
    elif is_image(raw):
        yield Part(place="beside the picture", text=read_image_texts(raw), note=PICTURE_NOTE)
    elif (text := _decode(raw)) is None:
        yield Part(unread="a kind of file that this check cannot read")
    else:
        yield from _read_text(_without_library(text), depth)


def _read_text(text: str, depth: int) -> Iterator[Part]:
    """A text by its places where it has a shape (a notebook, JSON), then as a whole, then what is packed into it."""
    if text.lstrip()[:1] in ("{", "["):
        yield from _read_json(text)
    yield Part(text=text, whole=True)
    if depth < _DEEPEST:
        for place, blob in _packed(text):
            yield from (_inside(place, part) for part in read_parts(blob, depth=depth + 1))


def _read_json(text: str) -> Iterator[Part]:
    try:
        # Numbers stay as written: 3035550123.0 and 3.035550123e9 are told apart by the scan, not here.
        tree = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return
    pieces: list[str] = []
    places: list[tuple[int, str]] = []
    length = 0
    for place, value in _leaves(tree):
        if not places or places[-1][1] != place:
            places.append((length, place))
        pieces.append(value)
        length += len(value) + 1
    yield Part(text="\n".join(pieces), places=tuple(places))


def _leaves(tree: Any) -> Iterator[tuple[str, str]]:
    """Each name and value of a JSON tree with its place: a notebook's cells, or the path of names."""
    if isinstance(tree, dict) and isinstance(tree.get("cells"), list):
        for number, cell in enumerate(tree["cells"], 1):
            for name, value in cell.items() if isinstance(cell, dict) else ():
                yield from ((f"cell {number}, {name}", leaf) for _, leaf in _walk(value, ""))
        tree = {name: value for name, value in tree.items() if name != "cells"}
        yield from ((f"notebook {place}", leaf) for place, leaf in _walk(tree, ""))
    else:
        yield from _walk(tree, "")


def _walk(tree: Any, root: str) -> Iterator[tuple[str, str]]:
    """Every leaf without recursion; a list of lines, as notebooks hold them, is one text."""
    waiting: list[tuple[str, Any]] = [(root, tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict):
            yield from ((path or "the top", str(name)) for name in node)
            waiting += [(f"{path}.{name}".lstrip("."), node[name]) for name in reversed(node)]
        elif isinstance(node, list) and node and all(isinstance(line, str) for line in node):
            yield path or "the top", "".join(line if line.endswith("\n") else f"{line}\n" for line in node)
        elif isinstance(node, list):
            waiting += [(f"{path}[{n}]", item) for n, item in reversed(list(enumerate(node)))]
        elif node is not None:
            yield path or "the top", str(node)


def _packed(text: str) -> Iterator[tuple[str, bytes]]:
    """Files packed into a text as base64: data URIs, a notebook's images and attachments."""
    for found in _DATA_URI.finditer(text):
        if (blob := _unpack(found[1])) and _is_packed_file(blob):
            yield f"data URI on line {text.count(chr(10), 0, found.start()) + 1}", blob
    for found in _BLOB.finditer(text):
        before = text[max(found.start() - 8, 0) : found.start()]
        if not before.endswith("base64,") and (blob := _unpack(found[0])) and _is_packed_file(blob):
            yield f"file packed into line {text.count(chr(10), 0, found.start()) + 1}", blob


def _is_packed_file(blob: bytes) -> bool:
    return is_image(blob) or blob.startswith(_ZIP) or blob[:2] == b"\x1f\x8b"


def _unpack(packed: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s", "", packed.replace("%2B", "+").replace("%2F", "/")) + "==")
    except (binascii.Error, ValueError):
        return b""


def _read_zip(raw: bytes, depth: int) -> Iterator[Part]:
    if depth >= _DEEPEST:
        yield Part(unread="an archive, packed too deep")
        return
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            yield Part(place="the archive's own texts", text=_archive_texts(archive))
            yield from _read_members(archive, depth)
    except zipfile.BadZipFile:
        yield Part(unread="a damaged archive")


def _archive_texts(archive: zipfile.ZipFile) -> str:
    """Names and comments, which stand in an archive beside its members' content."""
    entries = archive.infolist()
    texts = [archive.comment, *(entry.comment for entry in entries)]
    return "\n".join([*(entry.filename for entry in entries), *(text.decode("utf-8", "replace") for text in texts)])


def _read_members(archive: zipfile.ZipFile, depth: int) -> Iterator[Part]:
    """Each member, as long as together they stay under the limit: a small archive can unpack to terabytes."""
    left = LARGEST_BYTES
    for number, entry in enumerate(archive.infolist()):
        if number >= _MEMBERS:
            yield Part(unread=f"more than {_MEMBERS:,} members")
            return
        try:
            with archive.open(entry) as member:
                raw = member.read(left + 1)
        except (RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError):
            yield Part(place=entry.filename, unread="a member that is locked or damaged")
            continue
        left -= len(raw)
        if left < 0:
            yield Part(place=entry.filename, unread=f"unpacks to more than {LARGEST_BYTES // 1_000_000} MB")
            return
        yield from (_inside(entry.filename, part) for part in read_parts(raw, depth=depth + 1))


def _read_gzip(raw: bytes, depth: int) -> Iterator[Part]:
    if depth >= _DEEPEST:
        yield Part(unread="an archive, packed too deep")
        return
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            content = packed.read(LARGEST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        yield Part(unread="a damaged archive")
        return
    yield Part(place="the archive's own texts", text=raw[:512].decode("latin-1"))  # the packed file's name
    yield from (_inside("packed content", part) for part in read_parts(content, depth=depth + 1))


def _inside(place: str, part: Part) -> Part:
    return replace(part, place=f"{place}, {part.place}".rstrip(", "))


def _decode(raw: bytes) -> str | None:
    """The text of a file, None where it is none. What is not UTF-8 is read byte by byte: digits stay digits."""
    for mark, encoding in _ENCODINGS:
        if raw.startswith(mark):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                return None
    if b"\0" in raw:
        return _decode_wide(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        controls = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in raw[:4096])
        return raw.decode("latin-1") if not controls else None


def _decode_wide(raw: bytes) -> str | None:
    """UTF-16 without its mark, as some Windows programs write it: every other byte of plain text is zero."""
    for encoding, zeros in (("utf-16-le", raw[1::2]), ("utf-16-be", raw[0::2])):
        if zeros and zeros.count(0) > 0.8 * len(zeros):
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                return None
            return None if "\0" in text else text
    return None


def _without_library(text: str) -> str:
    """The text without plotly.js, where it stands to the letter: public, five megabytes, and full of long numbers."""
    library = _plotly_script() if len(text) > 1_000_000 else ""
    return text.replace(library, "\n" * library.count("\n")) if library else text


@cache
def _plotly_script() -> str:
    """The script as our pages hold it, with line ends as ``page`` writes them; empty where plotly is not installed."""
    found = find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found else ():
        script = Path(folder) / "package_data" / "plotly.min.js"
        if script.is_file():
            return script.read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n")
    return ""
