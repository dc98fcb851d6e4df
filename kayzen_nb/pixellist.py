"""Read pixels from what people paste: the guide's text, one URL per line, a CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from kayzen_nb.account import Pixel
from kayzen_nb.errors import PixelListError, Problem
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LABEL = re.compile(r"(?i)^[\s>*•-]*(name|fire pixel on|fire on|http method|method|url)\s*:\s*(.*)$")
_URL_START = re.compile(r"(?i)^[\s>*•\"'“‘-]*((?:https?|hxxps?|htt?ps?)\s?:/.*)$")
_CONTINUED = re.compile(r"^\s*[&?]?[\w.\[\]:%/+-]*[=&\]][^\s]*\s*$")
_FIELDS = {
    "name": "name", "pixel name": "name", "pixel": "name",
    "fire pixel on": "fire_on", "fire on": "fire_on", "fire_on": "fire_on", "trigger": "fire_on",
    "http method": "method", "method": "method", "http_method": "method",
    "url": "url", "pixel url": "url", "pixelurl": "url",
}  # fmt: skip


def read_pixels(text: str) -> list[Pixel]:
    """Every pixel found in the text, in its order; line breaks inside a URL are kept for the linter to find.

    Raises PixelListError when there is no URL at all.
    """
    body = text.lstrip("\ufeff").strip()
    rows = _json_rows(body) or _csv_rows(body) or list(_text_rows(body))
    pixels = [_pixel(row) for row in rows if row.get("url")]
    if not pixels:
        raise PixelListError(
            Problem(
                what="No pixel URL was found.",
                where=f"a text of {len(text):,} characters",
                next_step="Paste the URLs one per line, or the guide's text, a CSV or JSON with a url column.",
            )
        )
    return pixels


def event_of(fire_on: str, name: str = "") -> Event | None:
    """The event that a pixel fires on, from Fire Pixel On or, without it, from the guide's pixel name."""
    for text in (fire_on, name):
        for word in re.findall(r"[a-z]+", text.casefold()):
            if word in _EVENT_WORDS:
                return _EVENT_WORDS[word]
    return None


_EVENT_WORDS = {event.value: event for event in Event} | {"complete": Event.COMPLETED, "answered": Event.CONNECTED}


def _pixel(row: dict[str, str]) -> Pixel:
    fire_on, name = row.get("fire_on", "").strip(), row.get("name", "").strip()
    return Pixel(
        name=name,
        event=event_of(fire_on, name),
        fire_on=fire_on,
        method=row.get("method", "").strip(),
        url=row["url"].strip("\r\n"),
    )


def _named(row: dict[Any, Any]) -> dict[str, str]:
    """A row under our field names; what has no name of ours is dropped."""
    named = ((_FIELDS.get(str(key).strip().casefold()), value) for key, value in row.items())
    return {key: str(value) for key, value in named if key and value is not None}


def _json_rows(body: str) -> list[dict[str, str]]:
    if not body.startswith(("[", "{")):
        return []
    try:
        tree = json.loads(body)
    except ValueError:
        return []
    items = tree if isinstance(tree, list) else next((v for v in tree.values() if isinstance(v, list)), [tree])
    return [{"url": item} if isinstance(item, str) else _named(item) for item in items if isinstance(item, str | dict)]


def _csv_rows(body: str) -> list[dict[str, str]]:
    header = body.partition("\n")[0]
    dialect = next((mark for mark in ",;\t" if mark in header), None)
    if dialect is None or "://" in header or not _has_url_column(header.split(dialect)):
        return []
    return [_named(row) for row in csv.DictReader(io.StringIO(body), delimiter=dialect)]


def _has_url_column(titles: Iterable[str]) -> bool:
    return any(_FIELDS.get(title.strip().strip('"').casefold()) == "url" for title in titles)


def _text_rows(body: str) -> Iterator[dict[str, str]]:
    """Labels ("Fire Pixel On: Incoming") gather until the URL that they belong to."""
    row: dict[str, str] = {}
    for line in body.splitlines():
        label = _LABEL.match(line)
        value = label[2] if label else line
        if label and label[1].casefold() != "url":
            if row.get("url"):
                yield row
                row = {}
            row[_FIELDS[label[1].casefold()]] = value.strip().strip("`")
        elif start := _URL_START.match(value):
            if row.get("url"):
                yield row
                row = {}
            row["url"] = start[1].strip("`")
        elif row.get("url") and _CONTINUED.match(line):
            row["url"] += "\n" + line
        elif row.get("url"):
            yield row
            row = {}
    if row.get("url"):
        yield row
