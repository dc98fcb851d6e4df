"""Figures of time between steps: how long connected calls lasted, and how long they rang."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb import charts
from kayzen_nb.seconds import find_bins, say_seconds
from kayzen_nb.timingwords import describe_threshold, find_threshold, title_connected, title_connecting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go

    from kayzen_nb.seconds import Bin, Seconds
    from kayzen_nb.timings import CallTimes

_HATCHED = "/"
_LEVELS = {"threshold": 1.0, "median": 1.09, "p90": 1.18}  # the words of neighbouring lines stand above each other


def draw_connected_time(times: CallTimes) -> go.Figure:
    """Connected calls by connected time, converted and not stacked, with the conversion rule, median and p90 drawn in.

    Where it is unknown who converted, all connected calls are one stack. ``times.connected`` must be known.
    """
    threshold, everyone = find_threshold(times), times.connected
    if everyone is None:
        raise ValueError("the connected time is unknown: show_connected_time says so")
    if times.converted is None or times.unconverted is None:
        parts = {"Connected": everyone}
    else:
        parts = {"Converted": times.converted, "Connected, not converted": times.unconverted}
    mark = threshold.seconds if threshold else None
    figure = _draw_stacks(parts, everyone, find_bins(everyone, mark))
    if threshold:
        words = "stated rule" if threshold.is_stated else "looks like a rule"
        _mark(figure, threshold.seconds, f"{words}: {threshold.seconds:,} s", "threshold")
    _mark_middle(figure, everyone)
    figure.update_xaxes(title="seconds from answer to end")
    return figure


def draw_time_to_connect(times: CallTimes) -> go.Figure:
    """Connected calls by time to connect, with the connect window where one is in force, median and p90 drawn in."""
    if times.to_connect is None:
        raise ValueError("the time to connect is unknown: show_time_to_connect says so")
    window = times.funnel.definition.connect_within_s
    figure = _draw_stacks({"Connected": times.to_connect}, times.to_connect, find_bins(times.to_connect, window))
    if window is not None:
        _mark(figure, window, f"connect window: {window:,} s", "threshold")
    _mark_middle(figure, times.to_connect)
    figure.update_xaxes(title="seconds from arrival to answer")
    return figure


def show_connected_time(times: CallTimes) -> None:
    """Display the connected time under its finding; nothing where there is nothing to draw."""
    if times.connected is None or not times.connected.calls:
        return
    alt = f"Bar chart of connected calls by connected time. {describe_threshold(times)}"
    charts.show_chart(draw_connected_time(times), title=title_connected(times), alt=alt, funnel=times.funnel)


def show_time_to_connect(times: CallTimes) -> None:
    """Display the time to connect under its finding; nothing where there is nothing to draw."""
    if times.to_connect is None or not times.to_connect.calls:
        return
    finding = title_connecting(times)
    alt = f"Bar chart of connected calls by time to connect. {finding}"
    charts.show_chart(draw_time_to_connect(times), title=finding, alt=alt, funnel=times.funnel)


def _draw_stacks(parts: Mapping[str, Seconds], everyone: Seconds, bins: Sequence[Bin]) -> go.Figure:
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    figure = go.Figure()
    widths = [(one.end_s or one.start_s) - one.start_s for one in bins]
    width = widths[0] if widths else 1
    middles = [one.start_s + width / 2 for one in bins]
    for name, part in parts.items():
        is_converted = name == "Converted"
        figure.add_bar(
            x=middles,
            y=[part.between(one.start_s, one.end_s) for one in bins],
            width=width,
            name=name,
            customdata=[str(one) for one in bins],
            marker={
                "color": charts.STAGE_COLOURS["converted" if is_converted else "connected"],
                "pattern": {"shape": _HATCHED if is_converted else "", "fgcolor": "#5c3d00"},
                "line": {"color": "#ffffff", "width": 1},
            },
            hovertemplate="%{customdata} s: %{y:,} calls<extra>%{fullData.name}</extra>",
        )
    totals = [everyone.between(one.start_s, one.end_s) for one in bins]
    _write_numbers(figure, middles, totals)
    _name_open_bin(figure, bins)
    figure.update_layout(barmode="stack", bargap=0, legend={"orientation": "h", "y": -0.28, "x": 0})
    figure.update_yaxes(title="calls", range=[0, max(totals, default=1) * 1.15])  # room for the highest number
    charts.styled(figure, height=400)
    return figure.update_layout(margin={"t": 130})


def _write_numbers(figure: go.Figure, middles: Sequence[float], totals: Sequence[int]) -> None:
    figure.add_scatter(
        x=list(middles),
        y=list(totals),
        text=[f"{total:,}" if total else "" for total in totals],
        mode="text",
        textposition="top center",
        textfont={"size": 11},
        showlegend=False,
        hoverinfo="skip",
    )


def _name_open_bin(figure: go.Figure, bins: Sequence[Bin]) -> None:
    """Ticks at the edges; the last bin holds all that is longer, and says so."""
    starts = [one.start_s for one in bins]
    kept = starts[:: max(len(starts) // 12, 1)]
    if bins and bins[-1].end_s is None:
        kept = [start for start in kept if start < bins[-1].start_s] + [bins[-1].start_s]
    texts = [f"{start:,}+" if bins[-1].end_s is None and start == bins[-1].start_s else f"{start:,}" for start in kept]
    figure.update_xaxes(tickmode="array", tickvals=kept, ticktext=texts)


def _mark_middle(figure: go.Figure, times: Seconds) -> None:
    if times.median is not None and times.p90 is not None:
        _mark(figure, float(times.median), f"median {say_seconds(times.median)}", "median")
        _mark(figure, times.p90, f"nine of ten within {say_seconds(times.p90)}", "p90")


def _mark(figure: go.Figure, at: float, words: str, level: str) -> None:
    dash = {"threshold": "solid", "median": "dash", "p90": "dot"}[level]
    line = {"color": "#1b1f24", "dash": dash, "width": 2}
    figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=_LEVELS[level], yref="paper", line=line)
    figure.add_annotation(
        x=at,
        y=_LEVELS[level],
        yref="paper",
        text=charts.plain(words),
        showarrow=False,
        bgcolor="#ffffff",
        xanchor="left",
        yanchor="bottom",
    )
