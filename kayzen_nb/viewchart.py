"""A view as a chart and a table that say the same: bars for one dimension, a field of numbers for two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb import charts
from kayzen_nb.dimensions import DIMENSIONS, TIMES
from kayzen_nb.funnelcharts import draw_funnel
from kayzen_nb.funneltables import stages_table
from kayzen_nb.privacy import mask_text
from kayzen_nb.tables import show_sentence, show_table
from kayzen_nb.viewcounts import EXIT, SMALL_BASE, ViewCount, count_view, describe_view
from kayzen_nb.views import EXAMPLE, View, parse_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from kayzen_nb.funnel import Funnel

_ROW_PX, _MARGIN_PX, _LOWEST_PX = 26, 150, 260


def show_view(funnel: Funnel, view: View | str) -> None:
    """Display a view: its chart under the finding, and the same numbers as a table. An empty view is a sentence.

    Raises ParameterError when the text is no view.
    """
    chosen = parse_view(view) if isinstance(view, str) else view
    if not chosen:
        show_sentence(f"No view of your own was chosen. Set the parameter view, for example: {EXAMPLE}")
        return
    count = count_view(funnel, chosen)
    if not count.total.base or not (count.axes or count.view.only):
        show_sentence(count.finding)
        return
    title, part = mask_text(count.finding), funnel.focus(chosen.only)
    charts.show_chart(draw_view(funnel, count), title=title, alt=describe_chart(count), funnel=part)
    show_table(view_table(funnel, count), describe_view(chosen))
    if note := small_bases(count):
        show_sentence(note)


def draw_view(funnel: Funnel, count: ViewCount) -> go.Figure:
    """Bars for one axis, a heat map with its numbers for two, the funnel itself for none."""
    if not count.axes:
        return draw_funnel(funnel.focus(count.view.only))
    return _draw_field(count) if len(count.axes) == 2 else _draw_bars(count)


def view_table(funnel: Funnel, count: ViewCount) -> pd.DataFrame:
    """The chart's numbers in words: a row a group; for two axes the second axis as columns."""
    if not count.axes:
        return stages_table(funnel.focus(count.view.only))
    first = {_axis_label(count, 0): count.labels(0)}
    if len(count.axes) == 1:
        cells = [count.cell(row) for row in count.rows]
        told = {count.view.shows.label: [cell.text for cell in cells]}
        bases = {"Of calls": [f"{cell.base:,}" for cell in cells]} if count.view.shows.kind in ("rate", "exits") else {}
        return pd.DataFrame(first | told | bases)
    columns = {name: [count.cell(row, column).text for row in count.rows] for name, column in _named_columns(count)}
    return pd.DataFrame(first | columns)


def describe_chart(count: ViewCount) -> str:
    """What the picture shows, in words, for those who do not see it."""
    kind = {0: "Funnel", 1: "Bar chart"}.get(len(count.axes), "Table of coloured fields")
    return mask_text(f"{kind}: {describe_view(count.view)}. {count.finding}")


def small_bases(count: ViewCount) -> str:
    """What the brackets mean, where there are any."""
    is_small = count.view.shows.kind == "rate" and any(cell.text.startswith("(") for cell in count.cells.values())
    return f"In brackets: rates of fewer than {SMALL_BASE} calls, which say little." if is_small else ""


def _draw_bars(count: ViewCount) -> go.Figure:
    """One bar a group: upright where time runs, else lying. An unknown group says so and has no bar."""
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    cells = [count.cell(row) for row in count.rows]
    lengths = [None if cell.value is None else float(cell.value) for cell in cells]
    is_rate = count.view.shows.kind == "rate"
    texts = [f"{cell.text} of {cell.base:,}" if is_rate and cell.value is not None else cell.text for cell in cells]
    places, names = list(range(len(cells))), [_plain(name) for name in count.labels(0)]
    upright = count.axes[0] in TIMES
    bars = go.Bar(
        x=places if upright else lengths,
        y=lengths if upright else places,
        orientation="v" if upright else "h",
        text=texts,
        customdata=names,
        textposition="outside",
        cliponaxis=False,
        marker_color=charts.STAGE_COLOURS["connected"],
        hovertemplate="%{customdata}: %{text}<extra></extra>",
    )
    figure = go.Figure(bars)
    named, valued = (
        (figure.update_xaxes, figure.update_yaxes) if upright else (figure.update_yaxes, figure.update_xaxes)
    )
    named(title=_axis_label(count, 0) if upright else None, tickvals=places, ticktext=names)
    # Room for the text beyond the longest bar, which plotly would cut off.
    valued(title=_value_label(count), range=_range(lengths), tickformat=".0%" if is_rate else ",")
    figure = charts.styled(figure, height=360 if upright else _height(places))
    return figure if upright else figure.update_yaxes(autorange="reversed", automargin=True)


def _draw_field(count: ViewCount) -> go.Figure:
    """One field a pair of groups, darker for more, with its number on it; empty where unknown or without a base."""
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    grid = [[count.cell(row, column) for column in count.columns] for row in count.rows]
    fields = go.Heatmap(
        z=[[None if cell.value is None else float(cell.value) for cell in row] for row in grid],
        x=list(range(len(count.columns))),
        y=list(range(len(count.rows))),
        text=[[cell.text for cell in row] for row in grid],
        customdata=[[f"{_plain(a)}, {_plain(b)}" for b in count.labels(1)] for a in count.labels(0)],
        texttemplate="%{text}",
        textfont_size=11,
        colorscale="Blues",
        xgap=1,
        ygap=1,
        colorbar={"tickformat": ".0%" if count.view.shows.kind == "rate" else ","},
        hovertemplate="%{customdata}: %{text}<extra></extra>",
        hoverongaps=False,
    )
    figure = charts.styled(go.Figure(fields), height=_height(count.rows))
    across = _axis_label(count, 1)
    names = [list(map(_plain, count.labels(axis))) for axis in (0, 1)]
    figure.update_xaxes(title=across, tickvals=list(range(len(names[1]))), ticktext=names[1], showgrid=False)
    return figure.update_yaxes(
        tickvals=list(range(len(names[0]))), ticktext=names[0], autorange="reversed", showgrid=False
    )


def _range(lengths: Sequence[float | None]) -> list[float] | None:
    told = [length for length in lengths if length]
    return [min(0.0, *told) * 1.3, max(0.0, *told) * 1.3] if told else None


def _named_columns(count: ViewCount) -> list[tuple[str, object]]:
    """The second axis with distinct headings: two exits, or a blank and a name, may read the same."""
    seen: dict[str, int] = {}
    for name in count.labels(1):
        seen[name] = seen.get(name, 0) + 1
    names = [name if seen[name] == 1 else f"{name} ({place})" for place, name in enumerate(count.labels(1), 1)]
    return list(zip(names, count.columns, strict=True))


def _axis_label(count: ViewCount, axis: int) -> str:
    name = count.axes[axis]
    return "Left as" if name == EXIT else DIMENSIONS[name].label


def _value_label(count: ViewCount) -> str:
    return "calls" if count.view.shows.kind in ("calls", "exits") else count.view.shows.label


def _height(rows: Sequence[object]) -> int:
    return max(_LOWEST_PX, _MARGIN_PX + _ROW_PX * len(rows))


def _plain(text: str) -> str:
    return charts.plain(mask_text(text))
