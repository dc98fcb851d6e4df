"""Money and response drawn: amounts per stage, spend beside revenue by day, calls for each 1,000 impressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.charts import STAGE_COLOURS, plain, show_chart, styled
from kayzen_nb.moneywords import describe_spend_by_day, describe_steps
from kayzen_nb.privacy import mask_text
from kayzen_nb.response import describe_response, row_name
from kayzen_nb.tables import show_sentence
from kayzen_nb.vocabulary import MICROS, label

if TYPE_CHECKING:
    from collections.abc import Iterable

    import plotly.graph_objects as go

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.money import Money
    from kayzen_nb.response import Response

# Dark, middle, light: grey print keeps them apart, and the pattern or dash tells them without colour.
_REVENUE, _PAYOUT, _SPEND = STAGE_COLOURS["incoming"], STAGE_COLOURS["payout"], STAGE_COLOURS["converted"]
_LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
_UNRIPE = "#e6e6e6"


def draw_money(money: Money) -> go.Figure:
    """Revenue and payout of the calls that reached each stage, as horizontal bars with their amounts."""
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    figure = go.Figure()
    for amount, colour, pattern in (("revenue", _REVENUE, ""), ("payout", _PAYOUT, "/")):
        figure.add_bar(
            x=_numbers(money.steps[amount]),
            y=[label(stage) for stage in money.steps["stage"]],
            orientation="h",
            name=label(amount),
            text=["unknown" if value is None else f"{value:,.2f}" for value in money.steps[amount]],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colour, "pattern": {"shape": pattern, "fgcolor": "#4d4d4d"}},
            hovertemplate="%{y}: %{x:,.2f} USD<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(autorange="reversed", title=None)
    figure.update_xaxes(title="USD, of the calls that reached the stage", range=_room(money))
    figure.update_layout(barmode="group", legend=_LEGEND)
    return styled(figure, height=360)


def draw_spend_by_day(money: Money) -> go.Figure:
    """Spend as bars and revenue as a line by local day; days without a told amount are gaps, unripe ones are shaded."""
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    figure = go.Figure()
    if money.join is not None:
        daily = money.join.daily
        days = [str(day) for day in daily["day"]]
        figure.add_bar(
            x=days,
            y=_dollars(daily["spend_usd_micros"]),
            name="Spend (Kayzen)",
            marker={"color": _SPEND, "pattern": {"shape": "/", "fgcolor": "#4d4d4d"}},
            text=[f"{value:,.0f}" if value is not None else "" for value in _dollars(daily["spend_usd_micros"])],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:,.2f} USD spent<extra></extra>",
        )
        figure.add_scatter(
            x=days,
            y=_dollars(daily["revenue_usd_micros"]),
            name="Revenue (Ringba)",
            mode="lines+markers",
            line={"color": _REVENUE, "width": 2.5},
            hovertemplate="%{x}: %{y:,.2f} USD revenue<extra></extra>",
        )
        _shade(figure, days, [day for day, ripe in zip(days, daily["is_ripe"], strict=True) if not ripe])
    figure.update_xaxes(title=f"day ({plain(money.funnel.period.zone)})", type="category")
    figure.update_yaxes(title="USD", rangemode="tozero")
    figure.update_layout(legend=_LEGEND)
    return styled(figure, height=360)


def draw_response(response: Response) -> go.Figure:
    """Calls for each 1,000 impressions with 95 % intervals; below them, as bars, the calls they were counted on."""
    import plotly.graph_objects as go  # noqa: PLC0415  # as above

    rows = response.rows
    names = [plain(row_name(response, at)) for at in rows["at"]]
    rates = _numbers(rows["per_1000"])
    figure = go.Figure()
    figure.add_scatter(
        x=names,
        y=rates,
        mode="markers",
        name="calls per 1,000 impressions, 95 % interval",
        marker={"color": _REVENUE, "size": 9, "symbol": [_symbol(response, at) for at in rows["at"]]},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": _apart(rows["high"], rows["per_1000"]),
            "arrayminus": _apart(rows["per_1000"], rows["low"]),
        },
        hovertemplate="%{x}: %{y:.3f} calls per 1,000 impressions<extra></extra>",
    )
    counts = {"calls": ("", STAGE_COLOURS["connected"], "y2"), "impressions": ("/", _PAYOUT, "y3")}
    for name, (pattern, colour, axis) in counts.items():
        figure.add_bar(
            x=names,
            y=[int(count) for count in rows[name]],
            name=name,
            yaxis=axis,
            marker={"color": colour, "pattern": {"shape": pattern, "fgcolor": "#4d4d4d"}},
            text=[_narrow(int(count)) for count in rows[name]],
            textposition="outside",
            textangle=0,
            textfont={"size": 10},
            cliponaxis=False,
            hovertemplate=f"%{{x}}: %{{y:,}} {name}<extra></extra>",
        )
    figure.update_xaxes(title=f"{response.grain} ({plain(response.zone)})", type="category", anchor="y3")
    styled(figure, height=560)
    return figure.update_layout(
        legend=_LEGEND,
        yaxis={"title": "calls per 1,000", "domain": [0.5, 1], "rangemode": "tozero"},
        yaxis2={"title": "calls", "domain": [0.26, 0.44], "rangemode": "tozero", "automargin": True},
        yaxis3={"title": "impressions", "domain": [0, 0.2], "rangemode": "tozero", "automargin": True},
    )


def show_money(money: Money) -> None:
    """Display revenue and payout per stage; a sentence where there is nothing to draw."""
    finding = describe_steps(money)
    if (money.revenue_usd_micros is None and money.payout_usd_micros is None) or not money.funnel.calls:
        show_sentence(finding)
        return
    rows = zip(money.steps["stage"], money.steps["revenue"], money.steps["payout"], strict=True)
    told = "; ".join(f"{stage} revenue {_told(revenue)}, payout {_told(payout)}" for stage, revenue, payout in rows)
    show_chart(draw_money(money), title=finding, alt=f"Bar chart of money per stage: {told}.", funnel=money.funnel)


def show_spend_by_day(money: Money) -> None:
    """Display spend beside revenue by day; a sentence where no spend is known."""
    finding = describe_spend_by_day(money)
    if money.join is None or not money.join.basis.days:
        show_sentence(finding)
        return
    alt = f"Bars of spend and a line of revenue per day. {finding}"
    show_chart(draw_spend_by_day(money), title=finding, alt=alt, funnel=money.funnel)


def show_response(response: Response, funnel: Funnel | None = None) -> None:
    """Display calls for each 1,000 impressions; a sentence where they are unknown."""
    finding = mask_text(describe_response(response))
    if response.grain == "none" or not response.impressions:
        show_sentence(finding)
        return
    alt = f"Points with intervals: calls for each 1,000 impressions by {response.grain}, above bars of both. {finding}"
    show_chart(draw_response(response), title=_short(finding), alt=alt, funnel=funnel)


def _short(finding: str) -> str:
    """The first two sentences: a title has room for no more."""
    return ". ".join(finding.split(". ")[:2]).rstrip(".") + "."


def _shade(figure: go.Figure, days: list[str], unripe: list[str]) -> None:
    """Put grey behind the days that are not ripe, and say so. On an axis of categories a place is a day's number."""
    if not unripe:
        return
    first, last = days.index(unripe[0]), days.index(unripe[-1])
    figure.add_vrect(
        x0=first - 0.5,
        x1=last + 0.5,
        fillcolor=_UNRIPE,
        layer="below",
        line={"width": 1, "dash": "dot"},
        annotation={"text": "not ripe yet: revenue still rises", "font": {"size": 12}},
        annotation_position="top right",
    )


def _symbol(response: Response, at: object) -> str:
    """Rows that stand out have a shape of their own."""
    return {"above": "triangle-up", "below": "triangle-down"}.get(response.stands_out.get(at, ""), "circle")


def _numbers(values: Iterable[object]) -> list[float | None]:
    """Amounts as JSON knows numbers: the drawing may round, tables do not."""
    return [None if str(value) in ("None", "nan", "<NA>") else float(str(value)) for value in values]


def _dollars(micros: Iterable[object]) -> list[float | None]:
    return [None if value is None else value / MICROS for value in _numbers(micros)]


def _apart(upper: Iterable[object], lower: Iterable[object]) -> list[float | None]:
    pairs = zip(_numbers(upper), _numbers(lower), strict=True)
    return [None if high is None or low is None else high - low for high, low in pairs]


def _narrow(count: int) -> str:
    """A count over a narrow bar: ``13.1k``; the table has the whole number."""
    return f"{count:,}" if count < 10_000 else f"{count / 1000:.1f}k"


def _room(money: Money) -> list[float]:
    """The span of the amounts, with room for the number beyond the longest bar."""
    amounts = [value for name in ("revenue", "payout") for value in _numbers(money.steps[name]) if value is not None]
    low, high = min([0.0, *amounts]), max([0.0, *amounts])
    return [1.25 * low, 1.25 * high or 1.0]


def _told(amount: object) -> str:
    return "unknown" if amount is None else f"{amount:,} USD"
