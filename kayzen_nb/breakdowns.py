"""What the exits, the hours and the groups show, as sentences with their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.dimensions import DIMENSIONS, OTHERS, WEEKDAYS, describe_value
from kayzen_nb.exits import EXIT_NAMED
from kayzen_nb.intervals import wilson
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    import pandas as pd

    from kayzen_nb.funnel import Funnel

_FEW = 30  # below it a rate's interval spans a third and more: the rate is not worth a sentence


def group_rows(funnel: Funnel, dimension: str, largest: int | None = None) -> pd.DataFrame:
    """The groups with most calls first, the pool of the others and the blank group at the end; as ``Funnel.stages``."""
    rows = funnel.stages((dimension,), largest=largest)
    if DIMENSIONS[dimension].is_time:
        return rows
    last = rows[dimension].map(lambda value: 2 if value is None else int(value == OTHERS))
    return (
        rows.assign(last=last)
        .sort_values(["last", "incoming_calls"], ascending=[True, False], kind="stable")
        .drop(columns="last")
        .reset_index(drop=True)
    )


def describe_exits(funnel: Funnel) -> str:
    """The exit that most calls take, and how many leave without a named reason."""
    exits = funnel.exits()
    if exits.empty:
        return "No call leaves between the stages." if funnel.calls else "No calls, so none that leave."
    top = exits.nlargest(1, "calls").iloc[0]
    unknown = exits[exits["exit"].map(lambda name: EXIT_NAMED[name].known == "unknown")]["calls"].sum()
    where = EXIT_NAMED[top["exit"]].label
    rest = f"Of {counted(int(unknown), 'call')} nobody says why." if unknown else "Every exit has its reason."
    return f"Most leave here: {where} ({top['calls']:,} calls, {top['of_drop_rate']:.0%} of that drop). {rest}"


def describe_reasons(funnel: Funnel) -> str:
    """Ringba's own words, with how many calls they were given for; the first few."""
    rows = funnel.reasons
    if rows.empty:
        return "Ringba's rows give no reasons in words."
    shown = [
        f"{EXIT_NAMED[name].label}: {reason} ({calls:,})"
        for name, reason, calls in zip(rows["exit"], rows["reason"], rows["calls"], strict=True)
    ]
    more = f"; {len(shown) - 6} more in the file" if len(shown) > 6 else ""
    return f"In Ringba's own words: {'; '.join(shown[:6])}{more}."


def describe_week(funnel: Funnel) -> str:
    """The busiest hour of the week."""
    rows = funnel.stages(("weekday", "hour"))
    if not funnel.calls:
        return "No calls, so no hour stands out."
    top = rows.nlargest(1, "incoming_calls").iloc[0]
    when = f"{WEEKDAYS[int(top['weekday'])]}s at {int(top['hour']):02}:00"
    return f"Most calls come on {when}: {int(top['incoming_calls']):,} in the period."


def describe_group(funnel: Funnel, dimension: str) -> str:
    """The largest group, its share of the calls, and its rate of conversion with an interval; shown, not judged."""
    rows = group_rows(funnel, dimension)
    rows = rows[rows[dimension].notna()]
    name = DIMENSIONS[dimension].label.lower()
    if rows.empty:
        return f"No call names its {name}."
    top = rows.iloc[0]
    calls, converted = int(top["incoming_calls"]), int(top["converted_calls"])
    text = f"{describe_value(dimension, top[dimension])} has most calls: {calls:,} of {funnel.calls:,}"
    if not funnel.is_known(Stage.CONVERTED) or calls < _FEW:
        return f"{text}."
    low, high = wilson(converted, calls)
    return f"{text}; {converted / calls:.1%} of them converted ({low:.1%} to {high:.1%})."
