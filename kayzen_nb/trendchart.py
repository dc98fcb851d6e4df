"""The trend: calls of each local day by stage, under them two rates with their intervals; unripe days are hatched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.charts import STAGE_COLOURS, show_chart, styled
from kayzen_nb.intervals import wilson
from kayzen_nb.ripeness import describe_trend, unripe_days
from kayzen_nb.tables import show_sentence
from kayzen_nb.vocabulary import Stage, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    import plotly.graph_objects as go

    from kayzen_nb.funnel import Funnel

_DASHES = {"incoming": "solid", "connected": "dash", "converted": "dot", "payout": "dashdot"}
_RATES = ((Stage.CONNECTED, Stage.INCOMING), (Stage.CONVERTED, Stage.CONNECTED))
_DAY_MS = 24 * 60 * 60 * 1000
_HATCH = {"shape": "/", "fgcolor": "#6b7280", "bgcolor": "rgba(107,114,128,0.10)", "size": 7, "solidity": 0.15}


def draw_trend(funnel: Funnel) -> go.Figure:
    """Calls per day, one line a stage, over the rates connected of incoming and converted of connected.

    A day without calls is zero, an unread one a gap. Bands are Wilson's 95 % intervals. Days that will still change are
    hatched, in both panels.
    """
    from plotly.subplots import make_subplots  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    calls_of = _calls_by_stage(funnel)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.6, 0.4], vertical_spacing=0.09,
        specs=[[{"secondary_y": True}], [{"secondary_y": True}]],
    )  # fmt: skip
    _add_hatch(figure, funnel)
    for stage, calls in calls_of.items():
        _add_line(figure, stage, calls)
    for stage, base in _RATES:
        if {stage, base} <= calls_of.keys():
            _add_rate(figure, stage, calls_of[stage], calls_of[base])
    _lay_out(figure, funnel, _top(calls_of))
    return figure


def show_trend(funnel: Funnel) -> None:
    """Display the trend under the sentence that names its busiest day, and the days that are not ripe."""
    finding = describe_trend(funnel)
    if not funnel.calls:
        show_sentence(finding)
        return
    show_chart(
        draw_trend(funnel), title=finding, alt=f"Line chart of calls and rates per day. {finding}", funnel=funnel
    )


def _calls_by_stage(funnel: Funnel) -> dict[Stage, pd.Series]:
    """For each stage that the source tells, the calls of each day (as text); missing where a day was not read."""
    daily = funnel.by("day")
    stages = {stage: daily[daily["stage"] == stage] for stage in Stage if funnel.is_known(stage)}
    return {stage: rows.set_index(rows["day"].astype(str))["calls"] for stage, rows in stages.items()}


def _add_line(figure: go.Figure, stage: Stage, calls: pd.Series) -> None:
    figure.add_scatter(
        x=list(calls.index),
        y=[None if str(value) == "<NA>" else int(value) for value in calls],
        text=_peak_text(calls) if stage is Stage.INCOMING else None,
        textposition="top center",
        name=label(stage),
        mode="lines+markers+text" if stage is Stage.INCOMING else "lines+markers",
        line=_line(stage),
        cliponaxis=False,
        hovertemplate="%{x}: %{y:,} calls<extra>%{fullData.name}</extra>",
        row=1, col=1,
    )  # fmt: skip


def _peak_text(calls: pd.Series) -> list[str]:
    """The number on the busiest day; the table beside the chart has all of them."""
    top = calls.fillna(-1).idxmax() if len(calls) else None
    return [f"{calls[day]:,}" if day == top and str(calls[day]) != "<NA>" else "" for day in calls.index]


def _add_rate(figure: go.Figure, stage: Stage, part: pd.Series, base: pd.Series) -> None:
    """A rate as a line within its band, in pieces where a day has no base."""
    known = [day for day in base.index if str(base[day]) != "<NA>" and base[day] > 0]
    rates = {day: int(part[day]) / int(base[day]) for day in known}
    bands = {day: wilson(int(part[day]), int(base[day])) for day in known}
    name = f"{label(stage)} of previous"
    for days in _pieces(list(base.index), known):
        figure.add_scatter(
            x=[*days, *reversed(days)],
            y=[bands[day][0] for day in days] + [bands[day][1] for day in reversed(days)],
            fill="toself", fillcolor=_faint(stage), line={"width": 0}, mode="lines",
            hoverinfo="skip", showlegend=False, legendgroup=name, row=2, col=1,
        )  # fmt: skip
    figure.add_scatter(
        x=list(base.index),
        y=[rates.get(day) for day in base.index],
        customdata=[f"{int(part[day]):,} of {int(base[day]):,}" if day in rates else "" for day in base.index],
        name=name, legendgroup=name, mode="lines+markers", line=_line(stage), showlegend=False,
        hovertemplate="%{x}: %{y:.1%} (%{customdata})<extra>%{fullData.name}</extra>",
        row=2, col=1,
    )  # fmt: skip


def _pieces(days: Sequence[str], known: Sequence[str]) -> list[list[str]]:
    """Unbroken stretches of known days."""
    pieces: list[list[str]] = [[]]
    for day in days:
        if day in known:
            pieces[-1].append(day)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _add_hatch(figure: go.Figure, funnel: Funnel) -> None:
    """A hatched band behind each day that will still change; drawn as full-height bars, as only bars have patterns."""
    days = [str(day) for day in unripe_days(funnel)]
    for row in (1, 2) if days else ():
        figure.add_bar(
            x=days, y=[1] * len(days), width=_DAY_MS, name="not ripe yet", showlegend=False,
            marker={"color": "rgba(0,0,0,0)", "line": {"width": 0}, "pattern": _HATCH}, hoverinfo="skip",
            row=row, col=1, secondary_y=True,
        )  # fmt: skip
    if days:
        figure.add_annotation(
            text="not ripe yet", x=days[-1], y=1, yref="paper", xanchor="right", yanchor="top", showarrow=False,
            font={"size": 12},
        )  # fmt: skip


def _top(calls_of: dict[Stage, pd.Series]) -> float:
    """Where the axis of calls ends: above it all there is room for the words on the hatch."""
    most = max((int(calls.fillna(0).max()) for calls in calls_of.values() if len(calls)), default=0)
    return max(most, 1) * 1.25


def _lay_out(figure: go.Figure, funnel: Funnel, top: float) -> None:
    styled(figure, height=520)
    figure.update_xaxes(type="date", tickformat="%b %-d", nticks=6, automargin=True)
    figure.update_xaxes(title=f"day ({funnel.period.zone})", row=2, col=1)
    figure.update_yaxes(title="calls", range=[0, top], automargin=True, row=1, col=1, secondary_y=False)
    figure.update_yaxes(title="of previous stage", tickformat=".0%", range=[0, 1], row=2, col=1, secondary_y=False)
    figure.update_yaxes(visible=False, range=[0, 1], fixedrange=True, secondary_y=True)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, bargap=0)


def _line(stage: Stage) -> dict[str, object]:
    return {"color": STAGE_COLOURS[stage.value], "dash": _DASHES[stage.value], "width": 2.5}


def _faint(stage: Stage) -> str:
    red, green, blue = (int(STAGE_COLOURS[stage.value][place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
