"""The funnel's own figures: stages, exits, the hours of the week, groups; each under its finding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kayzen_nb.breakdowns import describe_exits, describe_group, describe_week, group_rows
from kayzen_nb.charts import STAGE_COLOURS, plain, show_chart, styled
from kayzen_nb.dimensions import DIMENSIONS, GROUPS, WEEKDAYS, describe_value
from kayzen_nb.exits import EXIT_NAMED
from kayzen_nb.headline import describe_drop
from kayzen_nb.vocabulary import Stage, label

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from kayzen_nb.funnel import Funnel

# How an exit is known shows as colour and as pattern, so that grey print tells it too.
_KNOWN_LOOK = {
    "told": ("#0072b2", ""),
    "seen": ("#56b4e9", ""),
    "not_yet": ("#f0d58c", "/"),
    "unknown": ("#9a9a9a", "x"),
}
_LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
_KNOWN_WORDS = {
    "told": "Ringba says why",
    "seen": "a flag or a time shows it",
    "not_yet": "may still change",
    "unknown": "nobody says why",
}


def draw_funnel(funnel: Funnel) -> go.Figure:
    """Calls per stage as horizontal bars, with the count and the share of all calls on each; unknown stages say so."""
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    rows = _stage_rows(funnel)
    figure = go.Figure(
        go.Bar(
            x=[count for _, count, _ in rows],
            y=[label(stage) for stage, _, _ in rows],
            orientation="h",
            text=[_bar_text(count, rate) for _, count, rate in rows],
            textposition="auto",
            marker_color=[STAGE_COLOURS[stage] for stage, _, _ in rows],
            hovertemplate="%{y}: %{x:,} calls<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_xaxes(title="calls", rangemode="tozero")
    return styled(figure, height=280)


def draw_exits(funnel: Funnel) -> go.Figure:
    """One bar an exit, under a line for its step; how it is known shows as colour, pattern and in the legend.

    Names stand above their bars, not beside them, so that a telephone has room for both.
    """
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    exits = _placed_exits(funnel)
    figure = go.Figure()
    for known, (colour, pattern) in _KNOWN_LOOK.items():
        rows = exits[exits["known"] == known]
        figure.add_bar(
            x=rows["calls"].tolist(),
            y=rows["place"].tolist(),
            customdata=rows["label"].tolist(),
            orientation="h",
            width=0.5,
            name=_KNOWN_WORDS[known],
            marker={"color": colour, "pattern": {"shape": pattern, "fgcolor": "#4d4d4d"}},
            hovertemplate="%{customdata}: %{x:,} calls<extra></extra>",
        )
    for place, name, calls, rate in exits[["place", "label", "calls", "of_drop_rate"]].itertuples(index=False):
        _write_above(figure, place, f"{name}: {calls:,} · {rate:.0%}")
    for stage, rows in exits.groupby("stage", sort=False):
        text = f"<b>{_step_name(str(stage))}: {rows['calls'].sum():,} leave</b>"
        _write_above(figure, float(rows["place"].to_numpy().min()) - 0.75, text)
    height = 1 + (exits["place"].max() if len(exits) else 1)
    figure.update_yaxes(range=[height - 0.4, -1.1], showticklabels=False, title=None)
    figure.update_xaxes(title="calls that leave here", rangemode="tozero")
    figure.update_layout(legend=_LEGEND)
    return styled(figure, height=int(120 + 52 * height))


def draw_week(funnel: Funnel) -> go.Figure:
    """Calls by weekday and hour of the local week, with the numbers in the fields; upright, for narrow screens."""
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    grid = _week_grid(funnel)
    figure = go.Figure(
        go.Heatmap(
            z=grid,
            x=[day[:3] for day in WEEKDAYS],
            y=[f"{hour:02}:00" for hour in range(24)],
            text=[[f"{calls:,}" if calls else "" for calls in row] for row in grid],
            texttemplate="%{text}",
            textfont={"size": 12},
            colorscale="Blues",
            showscale=False,
            hovertemplate="%{x} %{y}: %{z:,} calls<extra></extra>",
        )
    )
    figure.update_yaxes(autorange="reversed", title=f"hour of the day ({funnel.period.zone})", type="category")
    figure.update_xaxes(title="calls by weekday", type="category", side="top")
    return styled(figure, height=640)


def draw_groups(funnel: Funnel, dimension: str, largest: int = 12) -> go.Figure:
    """The largest groups as bars: all calls, and in front of them those that connected and converted."""
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    rows = group_rows(funnel, dimension, largest)
    names = [plain(describe_value(dimension, value)) for value in rows[dimension]]
    figure = go.Figure()
    for stage, width in ((Stage.INCOMING, 0.8), (Stage.CONNECTED, 0.55), (Stage.CONVERTED, 0.3)):
        if not funnel.is_known(stage):
            continue
        calls = rows[f"{stage}_calls"].tolist()
        figure.add_bar(
            x=calls,
            y=names,
            orientation="h",
            name=label(stage.value),
            width=width,
            marker={"color": STAGE_COLOURS[stage], "line": {"color": "white", "width": 1}},
            text=[f"{count:,}" for count in calls] if stage is Stage.INCOMING else None,
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{y}}: %{{x:,}} {stage}<extra></extra>",
        )
    figure.update_layout(barmode="overlay", legend=_LEGEND)
    figure.update_yaxes(autorange="reversed", title=None, type="category")
    most = max(rows["incoming_calls"].max(), 1) if len(rows) else 1
    figure.update_xaxes(title="calls", range=[0, most * 1.18])  # room for the numbers beside the bars
    return styled(figure, height=130 + 34 * max(len(rows), 2))


def show_funnel(funnel: Funnel) -> None:
    """Display the funnel under the sentence that says where most calls are lost."""
    parts = (f"{stage} {_bar_text(count, rate)}" for stage, count, rate in _stage_rows(funnel))
    alt = f"Bar chart of calls per stage: {'; '.join(parts)}."
    show_chart(draw_funnel(funnel), title=describe_drop(funnel), alt=alt, funnel=funnel)


def show_exits(funnel: Funnel) -> None:
    """Display where calls leave; a sentence where no call leaves, or nothing is known of it."""
    from kayzen_nb.tables import show_sentence  # noqa: PLC0415  # pandas, only where something is shown

    finding = describe_exits(funnel)
    if funnel.exits().empty:
        show_sentence(finding)
        return
    alt = f"Bar chart of the exits of each step. {finding}"
    show_chart(draw_exits(funnel), title=finding, alt=alt, funnel=funnel)


def show_week(funnel: Funnel) -> None:
    """Display the hours of the week; a sentence where no call came."""
    from kayzen_nb.tables import show_sentence  # noqa: PLC0415  # as above

    finding = describe_week(funnel)
    if not funnel.calls:
        show_sentence(finding)
        return
    alt = f"Heat map of calls by weekday and hour. {finding}"
    show_chart(draw_week(funnel), title=finding, alt=alt, funnel=funnel)


def show_groups(funnel: Funnel, dimension: str, largest: int = 12) -> None:
    """Display the largest groups of a dimension; nothing where all calls are of one group."""
    if len(group_rows(funnel, dimension, 2)) < 2:
        return
    finding = describe_group(funnel, dimension)
    about = f"Bar chart of calls by {DIMENSIONS[dimension].label.lower()}"
    show_chart(draw_groups(funnel, dimension, largest), title=finding, alt=f"{about}. {finding}", funnel=funnel)


def show_breakdowns(funnel: Funnel) -> None:
    """Each dimension that divides the calls at all: the chart of its largest groups, and the table with their rates."""
    from kayzen_nb.funneltables import groups_table  # noqa: PLC0415  # pandas, only where something is shown
    from kayzen_nb.tables import show_sentence, show_table  # noqa: PLC0415  # as above

    divided = [name for name in GROUPS if len(group_rows(funnel, name, 2)) > 1]
    for dimension in divided:
        show_groups(funnel, dimension)
        show_table(groups_table(funnel, dimension), f"Calls by {DIMENSIONS[dimension].label.lower()}")
    if not divided:
        alike = "All calls are of one campaign, number, state, target and publisher."
        show_sentence(alike if funnel.calls else "No calls to divide.")


def _placed_exits(funnel: Funnel) -> pd.DataFrame:
    """The exits with their label, how they are known, and their place from the top; a step begins with a gap."""
    exits = funnel.exits()
    begins = exits["stage"] != exits["stage"].shift()
    return exits.assign(
        label=[EXIT_NAMED[name].label for name in exits["exit"]],
        known=[EXIT_NAMED[name].known for name in exits["exit"]],
        place=begins.cumsum() * 0.75 + exits.index,
    )


def _write_above(figure: go.Figure, place: float, text: str) -> None:
    figure.add_annotation(x=0, y=place - 0.26, text=text, xanchor="left", yanchor="bottom", showarrow=False)


def _stage_rows(funnel: Funnel) -> list[tuple[str, int | None, float]]:
    steps = funnel.steps()
    calls = [None if str(value) == "<NA>" else int(value) for value in steps["calls"]]
    return list(zip(steps["stage"], calls, steps["of_first_rate"], strict=True))


def _step_name(stage: str) -> str:
    following = list(Stage)[list(Stage).index(Stage(stage)) + 1]
    return f"{stage} → {following}"


def _week_grid(funnel: Funnel) -> list[list[int]]:
    """Calls of each hour (24 rows) on each weekday (7 columns, Monday first)."""
    grid = [[0] * len(WEEKDAYS) for _ in range(24)]
    rows = funnel.stages(("weekday", "hour"))
    for weekday, hour, calls in zip(rows["weekday"], rows["hour"], rows["incoming_calls"], strict=True):
        grid[int(hour)][int(weekday)] = int(calls)
    return grid


def _bar_text(calls: int | None, rate: float) -> str:
    if calls is None:
        return "unknown"
    return f"{calls:,}" if math.isnan(rate) else f"{calls:,} · {rate:.1%} of all"
