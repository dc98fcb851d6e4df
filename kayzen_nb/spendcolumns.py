"""Which column of a Kayzen export holds what: found by its title, whatever its case, spaces and underscores.

The exact titles of Kayzen's exports are not published; these are the likely ones (``kayzen.md`` 3.2 and 3.4).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kayzen_nb.errors import Problem, did_you_mean
from kayzen_nb.newcolumns import describe_currencies, other_currencies, tells_currency
from kayzen_nb.privacy import mask_text
from kayzen_nb.ringba_columns import is_summary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# For each of our words the titles that mean it, the best first.
TITLES: dict[str, tuple[str, ...]] = {
    "day": ("day", "date", "report date", "report day"),
    "hour": ("hour", "hour of day", "day hour", "date hour", "time hour"),
    "campaign": ("campaign name", "campaign", "campaign id"),
    "creative": ("creative name", "creative", "creative id"),
    "impressions": ("impressions", "impression", "imps"),
    "spend_usd_micros": (
        "advertiser spend",
        "spend",
        "total spend",
        "media spend",
        "advertiser cost",
        "media cost",
        "cost",
    ),
    "video_start": ("video start", "video starts"),
    "video_complete": ("video complete", "video completes", "video completions"),
}
NEEDED = ("day", "spend_usd_micros")
EXPORT_AGAIN = "In Kayzen, export a report by day and campaign with the advertiser's spend, as CSV."
_FOREIGN = re.compile(
    r"[€£¥₹₪]|(?<![a-z])(?:eur|euros?|gbp|cad|aud|nzd|chf|jpy|cny|inr|ils|brl|mxn|sek|nok|dkk|pln|sgd)(?![a-z])"
)
_IN_DOLLARS = re.compile(r"[\s_(\[]*(?:\$|us\$|usd|us dollars?)[\s)\]]*$")


def find_spend_columns(header: Sequence[str]) -> dict[str, int]:
    """The position of each of our words; of several titles that mean the same, the best one's."""
    places: dict[str, int] = {}
    for at, name in reversed(list(enumerate(header))):
        places[_plain(name)] = at  # the first of two that are alike
    found = {
        word: next((places[plain] for title in titles if (plain := _plain(title)) in places), None)
        for word, titles in TITLES.items()
    }
    return {word: at for word, at in found.items() if at is not None}


def is_spend(header: Sequence[str]) -> bool:
    """Whether these titles are those of a report of spend by day, and not of an export of Ringba."""
    ids = {_plain(name) for name in header} & {"callid", "inboundcallid"}
    return set(NEEDED) <= find_spend_columns(header).keys() and not ids and not is_summary(header)


def missing_columns(header: Sequence[str], file: Path) -> list[Problem]:
    """What keeps the file from being read: the columns that no title stands for."""
    found, shown = find_spend_columns(header), [mask_text(name.strip())[:40] for name in header]
    return [
        Problem(
            what=f"{file.name} has no column for {_title(word)!r}.",
            where=f"{file}, whose titles are: {', '.join(shown[:40])}",
            next_step=f"{_hint(word, shown)} {EXPORT_AGAIN}",
        )
        for word in NEEDED
        if word not in found
    ]


def doubled_columns(header: Sequence[str], file: Path) -> list[Problem]:
    """The columns that are needed and stand twice under one title: which of them holds is not known."""
    plain, used = [_plain(name) for name in header], find_spend_columns(header)
    names = [header[at].strip() for at in used.values() if plain.count(plain[at]) > 1]
    step = "Keep one of them."
    return [
        Problem(what=f"Column {name!r} stands twice in {file.name}.", where=str(file), next_step=step) for name in names
    ]


def foreign_currency(header: Sequence[str], rows: Sequence[Sequence[str]], file: Path) -> list[Problem]:
    """Refuse amounts in another currency than US dollars: a title, a currency column, or an amount says so."""
    at = find_spend_columns(header).get("spend_usd_micros")
    columns = [place for place, name in enumerate(header) if tells_currency(name) and place != at]
    named = other_currencies(row[place] for row in rows for place in columns if place < len(row))
    if at is not None:
        named |= {header[at].strip()} if _FOREIGN.search(header[at].casefold()) else set()
        named |= {row[at].strip() for row in rows if at < len(row) and _FOREIGN.search(row[at].casefold())}
    step = "Export the report in USD."
    return [Problem(what=describe_currencies(named), where=str(file), next_step=step)] if named else []


def note_columns(header: Sequence[str], file: Path) -> list[str]:
    """What a page says of columns that are not used, and of a currency that is nowhere told."""
    used = set(find_spend_columns(header).values())
    rest = [mask_text(name.strip())[:40] for at, name in enumerate(header) if at not in used and name.strip()]
    spend = header[find_spend_columns(header)["spend_usd_micros"]].casefold()
    told = any(map(tells_currency, header)) or _IN_DOLLARS.search(spend)
    return [
        *([f"Columns of {file.name} that are not used: {', '.join(rest[:40])}."] if rest else []),
        *([] if told else [f"{file.name} does not tell its currency: its amounts are taken as USD."]),
    ]


def _hint(word: str, shown: Sequence[str]) -> str:
    """The title that is most like one that means the word."""
    hints = (did_you_mean(title, shown) for title in TITLES[word])
    return next(
        (hint for hint in hints if hint.startswith("did you mean")), f"Known titles: {', '.join(TITLES[word])}."
    )


def _title(word: str) -> str:
    return TITLES[word][0]


def _plain(name: str) -> str:
    """A title without case, spaces, underscores, marks and its currency."""
    text = _IN_DOLLARS.sub("", name.strip("\ufeff ").casefold())
    return re.sub(r"[\W_]+", "", _FOREIGN.sub("", text))
