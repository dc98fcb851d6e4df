"""The groups that differ most from the rest, each with how sure that is, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb import charts
from kayzen_nb.drivers import STEPS

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from kayzen_nb.drivers import Drivers, Look
    from kayzen_nb.funnel import Funnel

_MOST = 8
_ROW_PX = 46


def draw_drivers(drivers: Drivers, most: int = _MOST) -> go.Figure:
    """One row a look, those that concern most calls: the difference in points, with its 95 % interval as a bar.

    Filled marks are more than chance, all looks considered; open ones may be chance.
    """
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    figure, shown = go.Figure(), _strongest(drivers, most)
    for told, name in ((True, "more than chance"), (False, "may be chance")):
        rows = [one for one in shown if one.told is told]
        if rows:
            figure.add_scatter(**_marks(rows, told=told), name=name)
    names = [_row_name(one) for one in shown]
    figure.update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed")
    figure.update_xaxes(title="difference (points)", zeroline=True, zerolinewidth=2, zerolinecolor="#57606a")
    figure.update_layout(legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0})
    return charts.styled(figure, height=200 + _ROW_PX * len(shown)).update_layout(margin_b=100)


def show_drivers(drivers: Drivers, funnel: Funnel) -> None:
    """Display the figure where something stands out; where nothing does, the sentence says all there is."""
    found = drivers.standing_out
    if not found:
        return
    title = f"{found[0].name}: {found[0].excess:+,.0f} calls {found[0].stage.value}, against the rate of the rest"
    alt = f"Differences from the rest. {drivers.sentence(_MOST)}"
    charts.show_chart(draw_drivers(drivers), title=title, alt=alt, funnel=funnel)


def _strongest(drivers: Drivers, most: int) -> list[Look]:
    """Those standing out, and for comparison those that may be chance; not those told through another group only."""
    return [one for one in drivers.ranked if one.stands_out or not one.told][:most]


def _row_name(look: Look) -> str:
    """Two lines, so that a telephone leaves room for the marks."""
    return f"{charts.plain(look.name)}<br>{look.stage.value} of {STEPS[look.stage].value}"


def _marks(rows: list[Look], *, told: bool) -> dict[str, object]:
    points = [(one.difference.difference or 0.0) * 100 for one in rows]
    return {
        "x": points,
        "y": [_row_name(one) for one in rows],
        "mode": "markers+text",
        "text": [f"{value:+.1f}" for value in points],
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"symbol": "circle" if told else "circle-open", "size": 11, "color": "#0b3c5d"},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [one.difference.high * 100 - value for one, value in zip(rows, points, strict=True)],
            "arrayminus": [value - one.difference.low * 100 for one, value in zip(rows, points, strict=True)],
            "color": "#0b3c5d",
        },
        "hovertemplate": "%{y}: %{x:+.1f} points<extra></extra>",
    }
