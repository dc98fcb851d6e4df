"""Events as they arrive at a receiver: a row each, good and bad apart, and a strip that says how many came.

Everything shown is masked, so a saved notebook may keep it. While a cell runs, its one output is drawn anew for each
arrival: plain HTML, which JupyterLab, VS Code and a saved notebook all show without a widget.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import pandas as pd

from kayzen_nb.tables import show_sentence, show_table
from kayzen_nb.vocabulary import Event, label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kayzen_nb.rehearsal import Arrival

_GOOD, _BAD = "#1a7f37", "#b42318"
_CHIP = "display:inline-block;padding:2px 10px;margin:0 6px 4px 0;border-radius:10px;border:1px solid"
_CELL = "text-align:left;vertical-align:top;padding:3px 14px 3px 0"
_LONG = {"Good?": "min-width:110px", "Received with it": "overflow-wrap:anywhere"}  # the others stay on one line


def show_live_events(arrivals: Iterable[Arrival], *, expected: int = len(Event)) -> list[Arrival]:
    """Show each event in the moment in which it arrives; gives back all that came.

    ``arrivals`` may take its time between two events. An error on the way leaves what came before on the page.
    """
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    came: list[Arrival] = []
    shown = display(_bundle(came, expected), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    for arrival in arrivals:
        came.append(arrival)
        shown.update(_bundle(came, expected), raw=True)
    return came


def show_arrivals(arrivals: Iterable[Arrival], *, expected: int = len(Event)) -> list[Arrival]:
    """Show everything that arrived as one table, for headless runs; gives back all that came."""
    came = list(arrivals)
    show_sentence(strip_text(came, expected))
    show_table(arrivals_table(came), "What the receiver saw", empty="Nothing arrived.")
    return came


def arrivals_table(arrivals: Sequence[Arrival]) -> pd.DataFrame:
    """One row an event: when, which, good or not and why, and the masked parameters."""
    return pd.DataFrame([_row(arrival) for arrival in arrivals])


def strip_text(arrivals: Sequence[Arrival], expected: int) -> str:
    """How many of the expected events arrived, and how many of those are good: "6 of 6 arrived, 6 good"."""
    good = sum(arrival.is_good for arrival in arrivals)
    bad = len(arrivals) - good
    return f"{len(arrivals)} of {expected} arrived, {good} good" + (f", {bad} not right." if bad else ".")


def _row(arrival: Arrival) -> dict[str, str]:
    return {
        "Arrived at (UTC)": f"{arrival.at:%H:%M:%S}.{arrival.at.microsecond // 1000:03}",
        "Event": label(arrival.app_event) if arrival.app_event else "(no name)",
        "Call": _short(arrival.call_id),
        "Answer": str(arrival.status),
        "Good?": "✓ good" if arrival.is_good else f"✗ {_why(arrival)}",
        "Received with it": arrival.shown,
    }


def _why(arrival: Arrival) -> str:
    refused = [] if arrival.status == 200 else [f"answered {arrival.status}"]
    return ", ".join([*refused, *arrival.problems])


def _short(call_id: str) -> str:
    """A call id's ends: enough to tell two calls of one rehearsal apart."""
    return call_id if len(call_id) <= 16 else f"{call_id[:7]}…{call_id[-7:]}"


def _bundle(arrivals: Sequence[Arrival], expected: int) -> dict[str, Any]:
    good = [arrival for arrival in arrivals if arrival.is_good]
    bad = [arrival for arrival in arrivals if not arrival.is_good]
    parts = [_strip(arrivals, expected), _part("Arrived as it should", good, _GOOD), _part("Not right", bad, _BAD)]
    return {"text/html": "".join(parts), "text/plain": strip_text(arrivals, expected)}


def _strip(arrivals: Sequence[Arrival], expected: int) -> str:
    chips = [_chip(label(a.app_event) if a.app_event else "(no name)", is_good=a.is_good) for a in arrivals]
    chips += [f'<span style="{_CHIP} #999;color:#767676">waiting</span>'] * (expected - len(arrivals))
    text = f"<strong>{strip_text(arrivals, expected)}</strong>"
    return f'<div class="kz-strip" role="status" style="margin:6px 0">{text}<div>{"".join(chips)}</div></div>'


def _chip(name: str, *, is_good: bool) -> str:
    colour, sign = (_GOOD, "✓") if is_good else (_BAD, "✗")
    return f'<span style="{_CHIP} {colour};color:{colour}">{sign} {html.escape(name)}</span>'


def _part(title: str, arrivals: Sequence[Arrival], colour: str) -> str:
    if not arrivals:
        return ""
    rows = [_row(arrival) for arrival in arrivals]
    head = "".join(f'<th style="{_CELL};white-space:nowrap">{html.escape(name)}</th>' for name in rows[0])
    body = "".join(f"<tr>{''.join(_cell(name, value) for name, value in row.items())}</tr>" for row in rows)
    caption = f'<div style="color:{colour};font-weight:600;margin:8px 0 2px">{title} ({len(arrivals)})</div>'
    return f"{caption}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(name: str, value: str) -> str:
    return f'<td style="{_CELL};{_LONG.get(name, "white-space:nowrap")}">{html.escape(value)}</td>'
