"""Pixels in a pasted text: labels with their values beside or under them, URLs alone, wrapped, several on a line.

Every pattern here looks at a bounded stretch, so that a text of a megabyte takes a second and not a night.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Row: TypeAlias = dict[str, str]

FIELDS = {
    "name": "name", "pixel name": "name", "pixel": "name", "title": "name",
    "fire pixel on": "fire_on", "fire on": "fire_on", "fires on": "fire_on", "trigger": "fire_on",
    "event": "fire_on", "eventcode": "fire_on", "event code": "fire_on", "firepixelon": "fire_on", "fireon": "fire_on",
    "http method": "method", "method": "method", "httpmethod": "method",
    "url": "url", "pixel url": "url", "pixelurl": "url", "postback url": "url", "postback": "url", "link": "url",
    "id": "id", "pixel id": "id", "pixelid": "id",
    "enabled": "enabled", "active": "enabled",
}  # fmt: skip

_SCHEME = r"(?:h?t{1,3}ps?|ht+s|hps?|hxxps?|ftp|htt?ps?)(?:\s?[:;]{1,2}\s?/{1,3}\s?|//|%(?:25)?3[Aa]%(?:25)?2[Ff])"
_URL_START = re.compile(
    rf"(?i)(?<![\w%]){_SCHEME}(?=\S)|(?P<host>(?<![\w./@:-])[\w.-]{{3,80}}\.\w{{2,12}}/v1/ev(?![\w/]))"
)
_LABEL = re.compile(r"^([A-Za-z][A-Za-z _]{1,15}?)(?:\s{0,3}:(?!/)| = |\t| {2,})\s*(.*)$", re.DOTALL)
_BULLET = re.compile(r"^[\s>*•·#|-]{0,40}(?:\d{1,3}[.)]\s{1,3})?[*_`]{0,3}")
_OURS = re.compile(r"(?i)eventstracker|api_key|app_event|/v1/ev|\[call:|\[tag:|%5bcall|kayzen")
_CLOSES = {'"': '"', "'": "'", "“": "”“", "„": "“”", "‘": "’‘", "«": "»", "<": ">", "(": ")", "`": "`", "\x93": "\x94"}
_TAG = re.compile(
    r"(?i)</?(?:a|b|br|code|div|em|h[1-6]|html|body|i|li|ol|p|pre|span|strong|table|tbody|td|th|thead|tr|ul)\b[^<>]{0,4000}>"
)
_LINK = re.compile(
    r"(?i)<a\b[^<>]{0,2000}?\bhref\s{0,3}=\s{0,3}[\"']?([^\"'<>\s]{1,4000})[^<>]{0,2000}>([^<]{0,4000})</a>"
)


def field_of(title: str) -> str:
    """Our name for a column's title or a label, empty where it is none we know."""
    return FIELDS.get(" ".join(title.strip(" \t\"'*`:\ufeff").replace("_", " ").casefold().split()), "")


def looks_like_url(text: str) -> bool:
    """Whether a cell or a JSON text is one URL, however damaged."""
    return bool(_URL_START.match(text[:200].lstrip(" \t\r\n\"'<`“‘"))) or text.lstrip()[:300].startswith(
        ("//api-", "://")
    )


def looks_like_html(text: str) -> bool:
    """Whether the text is the source of a page: two tags of the usual ones."""
    found = _TAG.finditer(text)
    return next(found, None) is not None and next(found, None) is not None


def text_of_html(text: str) -> str:
    """What a page shows: cells parted by tabs, paragraphs by lines; a link shows its address where its words do not."""
    text = _LINK.sub(lambda m: m[2] if _URL_START.search(unescape(m[2])) else f"{m[2]} {m[1]}", text)
    text = re.sub(r"[\r\n]+[ \t]{0,200}(?=<)", "", text)
    text = re.sub(r"(?i)</t[dh]>\s{0,200}(?=<t[dh]\b)", "\t", text)
    text = re.sub(r"(?i)<br\s?/?>|</(?:p|div|li|tr|h[1-6]|pre|table|ul|ol)>", "\n", text)
    return unescape(_TAG.sub("", text)).strip()


class _Reader:
    """Gathers labels until the URL that they belong to, and the lines over which a URL is wrapped."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.row: Row = {}
        self.first_field = ""
        self.waiting = ""
        self.heading = ""
        self.under_headings: list[Row] = []
        self.url_is_open = False

    def end_row(self) -> None:
        if self.row.get("url"):
            self.rows.append(self.row)
            self.row = {}

    def put(self, field: str, value: str) -> None:
        """A label's value. A field that the row has, or the text's first one after a URL, begins the next pixel."""
        self.first_field = self.first_field or field
        if field in self.row and self.row[field] and not self.row.get("url"):
            self.row = {}
        elif field in self.row or (field == self.first_field and self.row.get("url")):
            self.end_row()
        self.url_is_open = False
        if field != "url":
            self.row[field] = value.strip().strip("`").strip()

    def put_url(self, url: str, before: str) -> None:
        """A URL; what stands before it on its line, or alone above it, names it where no label does."""
        self.first_field = self.first_field or "url"
        if self.row.get("url"):
            self.end_row()
        words = before or self.heading
        if words and not self.row.get("name") and not self.row.get("fire_on"):
            self.row["name"] = words
            self.under_headings += [] if before else [self.row]
        self.row["url"], self.url_is_open, self.heading = url, True, ""


def text_rows(body: str) -> Iterator[Row]:
    """The pixels of a text. Where some URLs are plainly events, links to other pages are left out."""
    reader = _Reader()
    for line in body.splitlines():
        _read_line(line, reader)
    reader.end_row()
    if reader.rows and not reader.rows[0].get("name"):
        for row in reader.under_headings:  # the first has none above it: the words may stand under their URLs
            del row["name"]
    ours = [row for row in reader.rows if _OURS.search(row["url"]) or "?" in row["url"]]
    yield from ours or reader.rows


def _read_line(line: str, reader: _Reader) -> None:
    plain = _BULLET.sub("", line, count=1)
    if not plain.strip() or plain.strip().startswith("```"):
        reader.url_is_open = reader.url_is_open and bool(plain.strip())
        return
    starts = _starts(line)
    if reader.url_is_open and _continues(line, starts, reader.row["url"]):
        reader.row["url"] += "\n" + line.lstrip("> \t")
    elif starts:
        _read_urls(line, [start.start() for start in starts], reader)
    else:
        _read_words(plain, reader)


def _starts(line: str) -> list[re.Match[str]]:
    """Where URLs begin in a line; a host right after a scheme is the same one, whatever blank stands between."""
    found = list(_URL_START.finditer(line))
    return [start for n, start in enumerate(found) if not n or start.start() != found[n - 1].end()]


def _continues(line: str, starts: list[re.Match[str]], url: str) -> bool:
    """Whether a line goes on with the URL above it: one piece, with a sign of a URL in it or asked for by its end."""
    piece = line.strip().lstrip("> ")
    if any(not start["host"] or "?" in url for start in starts) or _label(piece):
        return False
    return not re.search(r"\s", piece) and _goes_on(piece, url)


def _goes_on(piece: str, url: str) -> bool:
    """Whether a piece after white space is more of the URL: it looks like it, or the URL is plainly not at its end."""
    tail = url[-100:].rstrip()
    asked = tail.endswith(("=", "&", "?", ":", "/", "[", "_", "-", ".", "%")) or tail.rfind("[") > tail.rfind("]")
    return asked or any(sign in piece for sign in "=&[]") or piece.startswith((":", "/", "?"))


def _read_urls(line: str, starts: list[int], reader: _Reader) -> None:
    """The URLs of one line, each up to the next; words before the first one may be a label or a name."""
    before = _BULLET.sub("", line[: starts[0]], count=1).strip()
    last = line[: starts[0]].rstrip()[-1:]
    opening = last if last in _CLOSES else ""
    words = before.rstrip("\"'“„‘«<(`[:=|–—>→-*\x93 \t").strip()
    field = field_of(words)
    if field:
        reader.put("url", "")
    elif found := _label(before):
        words, field = "", found[0]
        reader.put(field, found[1].rstrip("-–—:|> "))
    for n, (start, end) in enumerate(zip(starts, [*starts[1:], len(line)], strict=True)):
        opened = opening if n == 0 else line[start - 1] if line[start - 1] in _CLOSES else ""
        is_last = n == len(starts) - 1
        url = _url_in(line[start:end], opened, is_alone=is_last and (not words or bool(field)))
        is_name = not (n or field or re.search(r"[\[\]{}<>=\"]", words))
        reader.put_url(url, words[:120] if is_name else "")
        reader.url_is_open = is_last and not opened


def _url_in(text: str, opened: str, *, is_alone: bool) -> str:
    """The URL at the beginning of a text: to its closing quote, or as far as the pieces belong to it."""
    if opened:
        ends = [at for at in (text.find(sign) for sign in _CLOSES[opened]) if at > 0]
        if ends:
            return text[: min(ends)]
    text, closes, _ = text.partition("</")
    is_alone = is_alone and not closes
    pieces = re.split(r"([ \t\u00a0\u2000-\u200b\u202f]+)", text)
    url = [pieces[0]]
    for space, piece in zip(pieces[1::2], pieces[2::2], strict=False):
        if not piece and is_alone:
            url.append(space)
        if not piece or not _goes_on(piece, url[-1]):
            break
        url += [space, piece]
    joined = "".join(url)
    return joined if is_alone and joined == text else joined.rstrip(" \t,;|\"'“”`<>").removesuffix(".")


def _label(text: str) -> tuple[str, str] | None:
    """A known label and the value beside it."""
    found = _LABEL.match(text.replace("**", "").replace("__", "")[:2000])
    field = field_of(found[1]) if found else ""
    return (field, found[2]) if found and field else None


def _read_words(plain: str, reader: _Reader) -> None:
    """A line without a URL: a label, a label's value, or words that may name the next URL."""
    reader.url_is_open = False
    words = plain.strip().strip("*_`").rstrip(":").strip()
    if found := _label(plain.strip()):
        reader.waiting = "" if found[1].strip() else found[0]
        reader.put(*found)
    elif field := field_of(words):
        reader.waiting = field
        reader.put(field, "")
    elif reader.waiting and reader.waiting != "url":
        reader.row[reader.waiting] = words
        reader.waiting = ""
    elif len(words) <= 60 and not words.endswith("."):
        reader.end_row()
        reader.heading = words
