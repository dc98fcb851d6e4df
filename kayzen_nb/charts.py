"""Figures (plotly): the finding as title, numbers on the bars, colours that survive grey print and colour blindness."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from kayzen_nb.definitiontext import describe_briefly
from kayzen_nb.privacy import mask_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from kayzen_nb.funnel import Funnel

# Okabe-Ito: told apart by colour-blind eyes, and ordered from dark to light so that grey print keeps the order.
STAGE_COLOURS = {"incoming": "#0b3c5d", "connected": "#0072b2", "converted": "#e69f00", "payout": "#f0d58c"}
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_PLOTLY_MIME = "application/vnd.plotly.v1+json"


def show_chart(figure: go.Figure, *, title: str, alt: str, funnel: Funnel | None = None) -> None:
    """Display a figure under its finding. ``alt`` says in words what the picture shows.

    ``funnel`` is what it was drawn from: how that was counted is said under the figure.

    The raw bundle is displayed, because it is alive in JupyterLab, passes nbval, and lets the page builder place all
    figures with one copy of plotly.js.
    """
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    figure.update_layout(title={"text": plain(title), "font": {"size": 16}, "x": 0, "xanchor": "left"})
    alt = mask_text(alt)
    bundle: dict[str, Any] = {_PLOTLY_MIME: figure.to_plotly_json(), "text/plain": alt}
    display(bundle, raw=True, metadata={"kayzen-nb": {"alt": alt}})  # type: ignore[no-untyped-call]
    if funnel:
        counted = mask_text(describe_briefly(funnel))
        note = f'<p class="kz-counted">{html.escape(counted)}</p>'
        display({"text/html": note, "text/plain": counted}, raw=True)  # type: ignore[no-untyped-call]


def plain(text: str) -> str:
    """Text taken from data as plotly may show it: numbers hidden, and escaped, because it reads ``<b>`` and ``<a>``."""
    return html.escape(mask_text(text), quote=False)


def styled(figure: go.Figure, *, height: int) -> go.Figure:
    """The house's look: white ground, legible type, margins that fit their labels."""
    return figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 10, "r": 10, "t": 60, "b": 40},
        font={"family": _FONT, "size": 14, "color": "#1b1f24"},
        xaxis={"automargin": True},
        yaxis={"automargin": True},
    )
