"""Read pixels from what people have: the guide's text, URLs, a form or a table copied, a CSV, JSON, the API's answer.

JSON and tables are read here, everything else in ``pixelpaste``. A URL is kept as it stands, line breaks and all, for
the linter to find.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any

from kayzen_nb.account import Pixel, event_of, names_another_trigger
from kayzen_nb.errors import PixelListError, Problem
from kayzen_nb.pixelpaste import Row, field_of, looks_like_html, looks_like_url, text_of_html, text_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["MOST_PIXELS", "event_of", "read_pixels"]

MOST_PIXELS = 1000
_METHOD = re.compile(r"(?i)GET|POST|PUT|PATCH|DELETE|HEAD")
_CELL_BORDER = re.compile(r"(?<!\\)\|(?![^\[\]|]{0,80}\])")  # a | between [ and ] belongs to a token


def read_pixels(text: str) -> list[Pixel]:
    """Every pixel found in the text, in its order; line breaks inside a URL are kept for the linter to find.

    Raises PixelListError when there is no URL at all, or more than a thousand.
    """
    body = text.lstrip("\ufeff").strip("\r\n")
    if looks_like_html(body) and not body.lstrip().startswith(("[", "{")):
        body = text_of_html(body)
    rows = _json_rows(body) or _table_rows(body) or list(text_rows(body))
    pixels = [_pixel(row) for row in rows if row.get("url", "").strip()]
    if not pixels:
        raise PixelListError(
            Problem(
                what="No pixel URL was found.",
                where=f"a text of {len(text):,} characters",
                next_step="Paste the URLs one per line, or the guide's text, a CSV or JSON with a url column.",
            )
        )
    if len(pixels) > MOST_PIXELS:
        what = (
            f"The text holds {len(pixels):,} URLs; a list of pixels has six, and no more than {MOST_PIXELS:,} are read."
        )
        raise PixelListError(
            Problem(what=what, where="the pasted text", next_step="Paste the pixels of one campaign at a time.")
        )
    return pixels


def _pixel(row: Row) -> Pixel:
    fire_on, name = row.get("fire_on", "").strip(), row.get("name", "").strip()
    return Pixel(
        name=name,
        event=event_of(fire_on, name),
        fire_on=fire_on,
        method=row.get("method", "").strip(),
        url=row["url"].strip("\r\n"),
        id=row.get("id", "").strip(),
        enabled=_YES_NO.get(row.get("enabled", "").strip().casefold()),
    )


_YES_NO = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


def _named(row: dict[Any, Any]) -> Row:
    """A row under our field names; what has no name of ours is dropped."""
    named = ((field_of(str(key)), value) for key, value in row.items())
    return {key: str(value) for key, value in named if key and isinstance(value, str | int | float)}


def _json_rows(body: str) -> list[Row]:
    """JSON of any shape: the objects that have a URL, and the URLs that stand alone or under a name."""
    fenced = re.sub(r"^```\w*\s*\n|\n?```$", "", body.strip()).strip()
    fenced = re.sub(r"^[\w ]{1,40}[=:]\s{0,3}(?=[\[{])", "", fenced).rstrip(";")  # as pasted from a program
    if not fenced.startswith(("[", "{")):
        return []
    trees = _json_trees(fenced)
    return [row for tree in trees for row in _walk(tree)]


def _json_trees(body: str) -> list[Any]:
    """The whole as one JSON text, or each line as one; nothing when it is neither."""
    try:
        return [json.loads(body)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return []


def _walk(tree: Any) -> Iterator[Row]:
    """The pixels of a JSON tree in its order; a stack in place of recursion, whose depth others decide."""
    stack: list[tuple[str, Any]] = [("", tree)]
    while stack:
        name, node = stack.pop()
        if isinstance(node, dict):
            row = _named(node)
            if "url" in row:
                yield {"name": name if event_of(name) else "", **row}
            else:
                stack += reversed([(str(key), value) for key, value in node.items()])
        elif isinstance(node, list):
            stack += [(name, item) for item in reversed(node)]
        elif isinstance(node, str) and looks_like_url(node):
            yield {"url": node, "name": name if event_of(name) else ""}


def _table_rows(body: str) -> list[Row]:
    """A CSV (comma, semicolon, tab) or a markdown table, with titles or without."""
    lines = body.partition("\n")
    if re.fullmatch(r"(?i)sep=.\s*", lines[0]):
        body = lines[2]
    for mark in ("\t", ";", ",", "|"):
        table = _cells(body, mark)
        if table and (rows := _with_titles(table) or _without_titles(table)):
            return rows
    return []


def _cells(body: str, mark: str) -> list[list[str]]:
    """The text cut into cells; empty when the mark does not cut it."""
    first = body.partition("\n")[0]
    if mark not in first and f"{mark}http" not in body[:10_000].casefold():
        return []
    if mark == "|":
        lines = [line.strip().removeprefix("|").removesuffix("|") for line in body.splitlines() if "|" in line]
        cut = [[cell.replace("\\|", "|").strip(" `*") for cell in _CELL_BORDER.split(line)] for line in lines]
        return [row for row in cut if not all(re.fullmatch(r":?-+:?|", cell) for cell in row)]
    try:
        table = list(csv.reader(io.StringIO(body, newline=""), delimiter=mark, skipinitialspace=True))
    except csv.Error:  # a NUL, or a cell larger than any pixel
        return []
    return [row for row in table if any(cell.strip() for cell in row)]


def _with_titles(table: list[list[str]]) -> list[Row]:
    titles = [field_of(title) for title in table[0]]
    if "url" not in titles or any(looks_like_url(cell) for cell in table[0]):
        return []
    return [{title: cell for title, cell in zip(titles, row, strict=False) if title} for row in table[1:]]


def _without_titles(table: list[list[str]]) -> list[Row]:
    """Rows with exactly one URL each, the other cells known by what they say; none when any row is not so."""
    rows = []
    for cells in table:
        urls = [cell for cell in cells if looks_like_url(cell)]
        if len(cells) < 2 or len(urls) > 1 or (urls and (field_of(cells[0]) or " " in urls[0].strip())):
            return []
        if urls:
            rows.append(_by_meaning(cells, urls[0]))
    return rows if rows and len(rows) * 2 >= len(table) else []


def _by_meaning(cells: Sequence[str], url: str) -> Row:
    others = [cell.strip() for cell in cells if cell != url and cell.strip()]
    method = next((cell for cell in others if _METHOD.fullmatch(cell)), "")
    triggers = [cell for cell in others if event_of(cell) or names_another_trigger(cell)]
    fire_on = min(triggers, key=len, default="")
    name = next((cell for cell in others if cell not in (method, fire_on)), "")
    return {"url": url, "method": method, "fire_on": fire_on, "name": name}
