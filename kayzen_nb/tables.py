"""Tables for people: labels, units, "unknown" and "none" as words, everything from data escaped."""

from __future__ import annotations

import html
import os
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from kayzen_nb.privacy import mask_text
from kayzen_nb.vocabulary import label

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kayzen_nb.calls import CallTable
    from kayzen_nb.checks import Check
    from kayzen_nb.funnel import Funnel

_HEADINGS = {
    "of_first_rate": "Of all calls",
    "of_previous_rate": "Of previous stage",
    "revenue": "Revenue (USD)",
    "payout": "Payout (USD)",
}
# JupyterLab sets all cells to the right; a notebook's tables hold sentences. The page brings its own style.
TABLE_STYLE = "<style>.kz-table table td, .kz-table table th {text-align: left; vertical-align: top}</style>"
VERDICT_WORDS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}
CERTAINTY_WORDS = {"seen": "seen", "likely": "most likely", "possible": "possible"}


def wide_table(funnel: Funnel, dimension: str) -> pd.DataFrame:
    """One row a day or campaign: calls at each stage, the share that converted, revenue and payout."""
    rows = []
    for value, group in funnel.by(dimension).groupby(dimension, sort=False, dropna=False):
        by_stage = group.set_index("stage")
        row: dict[str, object] = {label(dimension): _cell(dimension, value)}
        row |= {label(str(stage)): _cell("calls", by_stage["calls"][stage]) for stage in by_stage.index}
        row["Converted of all"] = _cell("of_first_rate", by_stage["of_first_rate"]["converted"])
        row |= {_HEADINGS[m]: _cell(m, by_stage[m]["incoming"]) for m in ("revenue", "payout")}
        rows.append(row)
    return pd.DataFrame(rows)


def ledger_table(calls: CallTable) -> pd.DataFrame:
    """Rows read, rows used, rows set aside and why."""
    ledger = calls.ledger
    entries = [("read", ledger.rows_in), ("used", ledger.rows_used)]
    entries += [(f"set aside: {entry.reason}", entry.rows) for entry in ledger.set_aside]
    return pd.DataFrame([{"Rows": name, "Count": f"{rows:,}"} for name, rows in entries])


def beside_table(funnel: Funnel) -> pd.DataFrame:
    """What is counted beside the stages: blocked, duplicate, completed, error."""
    return pd.DataFrame(
        {
            "Beside the funnel": [label(name) for name in funnel.beside],
            "Calls": ["unknown" if count is None else f"{count:,}" for count in funnel.beside.values()],
        }
    )


def checks_table(checks: list[Check]) -> pd.DataFrame:
    """Checks with their answer, what was expected and found, and the next step."""
    return pd.DataFrame(
        [
            {
                "Check": check.name,
                "Answer": VERDICT_WORDS[check.verdict],
                "Expected": check.expected,
                "Found": check.found,
                "Next step": check.next_step,
            }
            for check in checks
        ]
    )


def show_table(frame: pd.DataFrame, caption: str, *, empty: str = "Nothing to show.") -> None:
    """Display a table with its caption, without columns that say nothing; for an empty one a sentence, or nothing."""
    if frame.empty:
        if empty:
            show_sentence(empty)
        return
    frame = frame.map(lambda value: mask_text(value) if isinstance(value, str) else value)
    told = frame.loc[:, [any(str(value) for value in frame[name]) for name in frame.columns]]  # no empty columns
    body = told.to_html(index=False, escape=True, border=0, na_rep="")
    figure = f'<figure class="kz-table"><figcaption>{html.escape(caption)}</figcaption>{body}</figure>'
    _display_html(f"{TABLE_STYLE}{figure}", caption)  # with each table: JupyterLab drops outputs that are out of sight


def show_sentence(text: str) -> None:
    """Display one computed sentence."""
    text = mask_text(text)
    _display_html(f'<p class="kz-sentence">{html.escape(text)}</p>', text)


def show_letter(text: str, caption: str) -> None:
    """Display a text to copy, such as the question to Kayzen."""
    text = mask_text(text)
    quoted = f'<pre class="kz-letter">{html.escape(text)}</pre>'
    _display_html(f'<figure class="kz-table"><figcaption>{html.escape(caption)}</figcaption>{quoted}</figure>', text)


def show_details(summary: str, text: str) -> None:
    """Display a long text that opens on a click, such as the SQL that counted."""
    quoted = f'<pre class="kz-letter">{html.escape(mask_text(text))}</pre>'
    _display_html(f'<details class="kz-details"><summary>{html.escape(summary)}</summary>{quoted}</details>', summary)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table beside the page: numbers untouched, text cells that a spreadsheet would run made harmless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    safe = pd.DataFrame({name: [safe_cell(value) for value in frame[name]] for name in frame.columns}, dtype="object")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        safe.to_csv(file, index=False)


def safe_cell(value: object) -> object:
    """Numbers hidden. OWASP: a leading = + - @ TAB or CR starts a formula; an apostrophe in front makes it text."""
    if not isinstance(value, str):
        return value
    hidden = mask_text(value)
    return f"'{hidden}" if hidden[:1] in "=+-@\t\r" and hidden else hidden


def _cell(name: str, value: object) -> str:
    if name == "stage":
        return label(str(value))
    if value is None or str(value) in ("<NA>", "nan", "NaT"):
        return {"campaign": "(no campaign)"}.get(name, "no base" if name.endswith("_rate") else "unknown")
    if name.endswith("_rate"):
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int | Decimal) or hasattr(value, "__index__") else str(value)


def local_time(moment: datetime | None, zone: str) -> str:
    """A moment as tables show it, to the second, in the page's zone."""
    return "unknown" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _display_html(body: str, text: str) -> None:
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    display({"text/html": body, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]
