"""The pixel-fire log of a call as lines that may be shared, and as a picture: what Kayzen's support asks for first.

The guide asks for "a screenshot of the pixel fire log". This picture takes its place: the same facts, with the key and
the phone numbers hidden, readable when it is pasted into a mail. Colours say nothing that a sign does not say too.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb.pixelproof import is_plain_200
from kayzen_nb.privacy import mask_url
from kayzen_nb.readings import plain_sign
from kayzen_nb.sharescan import hide_leaks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.privacy import Secret

MOST_LINES = 40
_SCALE = 2  # twice the size on screen: sharp on every display, and when printed
_WIDTH, _MARGIN, _GAP = 800, 20, 14
_COLUMNS = (("Pixel", 144), ("Fired at", 160), ("Status", 92), ("Fired URL (key and numbers hidden)", 322))
_LINE, _PAD = 16, 8
_LONGEST_CELL = 12  # lines
_INK, _SOFT, _RULE, _WASH, _WHITE = "#1b1f24", "#57606a", "#d0d7de", "#f6f8fa", "#ffffff"
_TONES = {"pass": "#1a7f37", "fail": "#b42318", "unknown": "#8a5a00"}
# The strokes of a tick and a cross in a circle of 14 points.
_STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "pass": (((3.8, 7.3), (6.2, 9.8), (10.4, 4.7)),),
    "fail": (((4.4, 4.4), (9.6, 9.6)), ((9.6, 4.4), (4.4, 9.6))),
}
_NO_LETTER = "\U0010fffe"
_BREAK = re.compile(r"(?<=[&?/ ])")


@dataclass(frozen=True, kw_only=True)
class FireLine:
    """One pixel fire as it may be shared. ``answer`` is pass (a plain 200), fail, or unknown (no status in the log)."""

    pixel: str
    utc: str
    local: str
    status: str
    reason: str
    url: str
    answer: str


def fire_lines(evidence: CallEvidence, zone: str, keys: Iterable[Secret] = ()) -> list[FireLine]:
    """The pixel fires of a call, in the order of the log; what is not known is said to be unknown."""
    known = tuple(keys)
    return [
        FireLine(
            pixel=hide_leaks(fire.pixel_name, known) or "(no name)",
            utc=at_utc(fire.fired_at),
            local=at_local(fire.fired_at, zone),
            status="unknown" if fire.status is None else str(fire.status),
            reason=hide_leaks(fire.fail_reason, known),
            url=hide_leaks(mask_url(fire.url), known) or "not shown in the log",
            answer="pass" if is_plain_200(fire) else "unknown" if fire.status is None else "fail",
        )
        for fire in evidence.fires
    ]


def at_utc(moment: datetime | None) -> str:
    """``2026-11-24 14:05:06 UTC``."""
    return at_local(moment, "UTC")


def at_local(moment: datetime | None, zone: str) -> str:
    """The moment on the clocks of a zone, with the zone's short name."""
    return "unknown" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


def draw_fire_log(lines: Sequence[FireLine], title: str, footer: str) -> bytes:
    """The log as a PNG, 1600 pixels wide. ``title`` and ``footer`` stand over and under it.

    It carries no metadata but a title and a description, both without personal details.
    """
    from PIL import Image, ImageDraw  # noqa: PLC0415  # pillow, only where a picture is drawn

    rows = [_row(line) for line in lines[:MOST_LINES]]
    notes = (
        [footer] if len(lines) <= MOST_LINES else [f"{len(lines) - MOST_LINES} more fires stand in the table.", footer]
    )
    heads, feet = _wrap(title, _WIDTH - 2 * _MARGIN, 17), [w for n in notes for w in _wrap(n, _WIDTH - 2 * _MARGIN, 11)]
    height = 2 * _MARGIN + 24 * len(heads) + 36 + sum(map(_height, rows)) + (0 if rows else 40) + 14 * len(feet) + 14
    image = Image.new("RGB", (_WIDTH * _SCALE, height * _SCALE), _WHITE)
    pen = _Pen(ImageDraw.Draw(image))
    top = pen.write_lines(heads, _MARGIN, _MARGIN, 17, _INK, step=24, bold=True) + 10
    top = _draw_rows(pen, rows, top)
    pen.write_lines(feet, _MARGIN, top + 12, 11, _SOFT, step=14)
    return _as_png(image, title, len(lines))


@dataclass(frozen=True, kw_only=True)
class _Row:
    """The wrapped texts of a line, a list of strings for each column; ``answer`` colours the status."""

    cells: tuple[list[str], ...]
    answer: str


def _row(line: FireLine) -> _Row:
    times = [line.utc] if line.local == line.utc else [line.utc, line.local]
    texts = ([line.pixel], times, [line.status, line.reason], [line.url])
    cells = tuple(
        [part for text in column if text for part in _wrap(text, width - (24 if name == "Status" else 0), 12)]
        for column, (name, width) in zip(texts, _COLUMNS, strict=True)
    )
    return _Row(cells=tuple(_shorten(cell) for cell in cells), answer=line.answer)


def _shorten(cell: list[str]) -> list[str]:
    return cell if len(cell) <= _LONGEST_CELL else [*cell[: _LONGEST_CELL - 1], "…"]


def _height(row: _Row) -> int:
    return max(map(len, row.cells)) * _LINE + 2 * _PAD


class _Pen:
    """Draws in points; the picture is ``_SCALE`` times as large."""

    def __init__(self, draw: ImageDraw) -> None:
        self._draw = draw

    def write(self, text: str, left: float, top: float, size: int, colour: str, *, bold: bool = False) -> None:
        place, stroke = (left * _SCALE, top * _SCALE), 0.5 if bold else 0
        self._draw.text(place, text, font=_font(size), fill=colour, stroke_width=stroke, stroke_fill=colour)

    def write_lines(
        self, texts: Iterable[str], left: float, top: float, size: int, colour: str, *, step: int, bold: bool = False
    ) -> int:
        """Lines under each other; gives back where the next would stand."""
        bottom = top
        for text in texts:
            self.write(text, left, bottom, size, colour, bold=bold)
            bottom += step
        return int(bottom)

    def fill(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        self._draw.rectangle([v * _SCALE for v in (left, top, right, bottom - 1 / _SCALE)], fill=colour)

    def sign(self, answer: str, left: float, top: float) -> None:
        """A round sign: a tick, a cross or a question mark."""
        box = [v * _SCALE for v in (left, top, left + 14, top + 14)]
        self._draw.ellipse(box, fill=_TONES[answer])
        if answer == "unknown":
            self.write("?", left + 4, top + 0.5, 11, _WHITE, bold=True)
        for stroke in _STROKES.get(answer, ()):
            points = [((left + x) * _SCALE, (top + y) * _SCALE) for x, y in stroke]
            self._draw.line(points, fill=_WHITE, width=round(1.8 * _SCALE), joint="curve")


def _draw_rows(pen: _Pen, rows: Sequence[_Row], top: int) -> int:
    """The head of the table, then the rows, every other one on a light ground; gives back where they end."""
    for name, left in _lefts():
        pen.write(name, left, top, 12, _SOFT, bold=True)
    top += 24
    pen.fill(_MARGIN, top, _WIDTH - _MARGIN, top + 1.5, _RULE)
    for number, row in enumerate(rows):
        bottom = top + _height(row)
        if number % 2:
            pen.fill(_MARGIN - 8, top + 1, _WIDTH - _MARGIN + 8, bottom, _WASH)
        _draw_row(pen, row, top + _PAD)
        pen.fill(_MARGIN, bottom, _WIDTH - _MARGIN, bottom + 0.5, _RULE)
        top = bottom
    if not rows:
        pen.write("The log holds no pixel fire for this call.", _MARGIN, top + 12, 13, _INK)
        top += 40
    return top


def _draw_row(pen: _Pen, row: _Row, top: int) -> None:
    for (name, left), cell in zip(_lefts(), row.cells, strict=True):
        if name == "Status":
            pen.sign(row.answer, left, top)
            pen.write_lines(cell[:1], left + 20, top - 0.5, 12, _TONES[row.answer], step=_LINE, bold=True)
            pen.write_lines(cell[1:], left + 20, top + _LINE, 12, _SOFT, step=_LINE)
        else:
            is_second = name == "Fired at"
            pen.write_lines(cell[:1], left, top, 12, _INK, step=_LINE)
            pen.write_lines(cell[1:], left, top + _LINE, 12, _SOFT if is_second else _INK, step=_LINE)


def _lefts() -> Iterator[tuple[str, int]]:
    left = _MARGIN
    for name, width in _COLUMNS:
        yield name, left
        left += width + _GAP


def _wrap(text: str, width: float, size: int) -> list[str]:
    """The text in lines of at most ``width`` points, broken after & ? / or a space, or anywhere if it must be."""
    lines, line = [], ""
    for piece in _pieces(_drawable(text), width, size):
        if line and _length(line + piece, size) > width:
            lines.append(line)
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str, width: float, size: int) -> Iterator[str]:
    for piece in _BREAK.split(" ".join(text.split())):
        rest = piece
        while _length(rest, size) > width:
            fitting = max(1, math.floor(len(rest) * width / _length(rest, size)) - 1)
            yield rest[:fitting]
            rest = rest[fitting:]
        yield rest


def _length(text: str, size: int) -> float:
    return _font(size).getlength(text) / _SCALE


@cache
def _font(size: int) -> FreeTypeFont | Any:
    """Pillow's own font: the same picture on every machine."""
    from PIL import ImageFont  # noqa: PLC0415  # as above

    return ImageFont.load_default(size * _SCALE)


def _drawable(text: str) -> str:
    """The text in letters that the font has: without accents where it must be, a ? for a letter of another script."""
    return "".join(sign if sign.isspace() or _has_glyph(sign) else _nearest_letter(sign) for sign in text)


@cache
def _has_glyph(sign: str) -> bool:
    font = _font(12)
    return sign.isascii() or bytes(font.getmask(sign)) != bytes(font.getmask(_NO_LETTER))


def _nearest_letter(sign: str) -> str:
    letter = unicodedata.normalize("NFKD", "ss" if sign == "ß" else plain_sign(sign)).encode("ascii", "ignore").decode()
    return letter or ("" if unicodedata.combining(sign) else "?")


def _as_png(image: Any, title: str, count: int) -> bytes:
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415  # as above

    texts = PngInfo()
    texts.add_itxt("Title", title)
    texts.add_itxt("Description", f"Pixel-fire log, {count} fires; key and phone numbers are hidden.")
    out = io.BytesIO()
    image.quantize(128, method=1).save(out, "PNG", optimize=True, dpi=(192, 192), pnginfo=texts)
    return out.getvalue()
