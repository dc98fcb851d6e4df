"""The funnel's tables for people: stages with intervals, exits with their meaning, groups with their rates."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.breakdowns import group_rows
from kayzen_nb.dimensions import DIMENSIONS, describe_value
from kayzen_nb.exits import EXIT_NAMED
from kayzen_nb.intervals import wilson
from kayzen_nb.vocabulary import Stage, label, usd

if TYPE_CHECKING:
    from kayzen_nb.funnel import Funnel

_HOW_KNOWN = {"told": "Ringba says it", "seen": "seen in the row", "not_yet": "may still change", "unknown": "unknown"}


def stages_table(funnel: Funnel) -> pd.DataFrame:
    """One row a stage: calls, and its rates of all calls and of the stage before, each with a 95 % interval."""
    steps = funnel.steps()
    counts = [None if str(calls) == "<NA>" else int(calls) for calls in steps["calls"]]
    money = {f"{label(name)} (USD)": [_amount(value) for value in steps[name]] for name in ("revenue", "payout")}
    return pd.DataFrame(
        {
            "Stage": [label(stage) for stage in steps["stage"]],
            "Calls": [_number(count) for count in counts],
            "Of all calls": ["", *(rate_text(count, counts[0]) for count in counts[1:])],
            "Of the stage before": ["", *(rate_text(after, before) for before, after in pairwise(counts))],
        }
        | money
    )


def exits_table(funnel: Funnel) -> pd.DataFrame:
    """One row an exit: after which stage, how many calls, how it is known, and what it means."""
    exits = funnel.exits()
    named = [EXIT_NAMED[name] for name in exits["exit"]]
    return pd.DataFrame(
        {
            "Last stage reached": [label(stage) for stage in exits["stage"]],
            "Leaves here": [one.label for one in named],
            "Calls": [_number(int(calls)) for calls in exits["calls"]],
            "Of that stage": [f"{rate:.1%}" for rate in exits["of_stage_rate"]],
            "Of that drop": [f"{rate:.1%}" for rate in exits["of_drop_rate"]],
            "How it is known": [_HOW_KNOWN[one.known] for one in named],
            "Meaning": [one.meaning for one in named],
        }
    )


def reasons_table(funnel: Funnel) -> pd.DataFrame:
    """Ringba's own words for the exits, with how many calls they were given for."""
    rows = funnel.reasons
    labels = [EXIT_NAMED[name].label for name in rows["exit"]]
    calls = [_number(int(count)) for count in rows["calls"]]
    return pd.DataFrame({"Leaves here": labels, "In Ringba's words": list(rows["reason"]), "Calls": calls})


def groups_table(funnel: Funnel, dimension: str, largest: int | None = 20) -> pd.DataFrame:
    """One row a group, most calls first: calls by stage, rates with intervals, money. The rows add up to the total."""
    rows = group_rows(funnel, dimension, largest)
    counts = {stage: [int(n) if funnel.is_known(stage) else None for n in rows[f"{stage}_calls"]] for stage in Stage}
    table: dict[str, list[str]] = {
        DIMENSIONS[dimension].label: [describe_value(dimension, value) for value in rows[dimension]]
    }
    table |= {label(stage.value): [_number(count) for count in counts[stage]] for stage in Stage}
    if dimension != "target":  # Ringba names a target only where one answered: all of a target's calls connected
        table["Connected of all"] = _rates(counts[Stage.CONNECTED], counts[Stage.INCOMING])
    table["Converted of connected"] = _rates(counts[Stage.CONVERTED], counts[Stage.CONNECTED])
    is_told = "revenue_usd_micros" not in funnel.unknown
    table["Revenue (USD)"] = [_amount(usd(n)) if is_told else "unknown" for n in rows["incoming_revenue"]]
    return pd.DataFrame(table)


def rate_text(part: int | None, base: int | None) -> str:
    """A rate with its 95 % Wilson interval: ``62.7% (61.1–64.3)``; words where there is none."""
    if part is None or base is None:
        return "unknown"
    if not base:
        return "no base"
    low, high = wilson(part, base)
    return f"{part / base:.1%} ({low * 100:.1f}–{high * 100:.1f})"


def _rates(parts: list[int | None], bases: list[int | None]) -> list[str]:
    return [rate_text(part, base) for part, base in zip(parts, bases, strict=True)]


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _amount(value: object) -> str:
    return "unknown" if value is None else f"{value:,}"
