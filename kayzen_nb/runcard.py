"""The run card: verdict, period, source and rows on top of a notebook, for people and for machines."""

from __future__ import annotations

import html
from typing import Any

RECORD_MIME = "application/vnd.kayzen-nb.run+json"
_DISPLAY_ID = "kayzen-nb-verdict"
_COLOURS = {"pass": "#1a7f37", "fail": "#b42318", "unknown": "#8a5a00"}
_SIGNS = {"pass": "✓ Pass", "fail": "✗ Fail", "unknown": "? Unknown"}


def show_card(record: dict[str, Any]) -> None:
    """Display the card here; ``update_card`` changes it later, wherever that is called."""
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    display(_bundle(record), raw=True, display_id=_DISPLAY_ID)  # type: ignore[no-untyped-call]


def update_card(record: dict[str, Any]) -> None:
    """Put the record's present state onto the card on top."""
    from IPython.display import update_display  # noqa: PLC0415  # as above

    update_display(_bundle(record), raw=True, display_id=_DISPLAY_ID)  # type: ignore[no-untyped-call]


def _bundle(record: dict[str, Any]) -> dict[str, Any]:
    text = f"{_SIGNS[record['verdict']]}: {record['headline']}"
    return {RECORD_MIME: dict(record), "text/html": _card(record), "text/plain": text}


def _card(record: dict[str, Any]) -> str:
    """The card as a notebook shows it; a page draws its own from the record."""
    small = "<br>".join(html.escape(line) for line in _small_lines(record))
    colour = _COLOURS[record["verdict"]]
    return (
        f'<div style="border-left:6px solid {colour};padding:.6em 1em;margin:.4em 0">'
        f'<strong style="color:{colour}">{_SIGNS[record["verdict"]]}</strong>'
        f'<div style="font-size:1.15em;margin:.2em 0">{html.escape(record["headline"])}</div>'
        f"<small>{small}</small></div>"
    )


def _small_lines(record: dict[str, Any]) -> list[str]:
    lines = []
    if record["period_start"]:
        lines.append(f"Period: {record['period_start']} to {record['period_end']}, {record['time_zone']}")
    lines.append(f"As of {record['as_of']}" + (f", from {record['source']}" if record.get("source") else ""))
    if record["invented"]:
        lines.append("Invented data from the built-in sandbox")
    if ledger := record["ledger"]:
        lines.append(f"Rows: {ledger['rows_in']:,} read, {ledger['rows_used']:,} used")
    return lines
