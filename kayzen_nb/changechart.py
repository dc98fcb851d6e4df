"""The change as a waterfall from then to now, and as tables with the same numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.change import NOUNS
from kayzen_nb.charts import STAGE_COLOURS, plain, show_chart, styled
from kayzen_nb.dimensions import DIMENSIONS, describe_value
from kayzen_nb.tables import show_sentence, show_table
from kayzen_nb.vocabulary import MICROS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import plotly.graph_objects as go

    from kayzen_nb.change import Change, Split

_LESS = "#d55e00"  # Okabe-Ito; less is hatched too, and every bar has its number with its sign


def draw_change(split: Split) -> go.Figure:
    """Then, each part as a floating bar, and now; the number with its sign on each, what is less hatched."""
    import plotly.graph_objects as go  # noqa: PLC0415  # 50 ms that notebooks without charts need not pay

    bars = list(_bars(split))
    scale = MICROS if split.measure == "revenue" else 1
    figure = go.Figure(
        go.Bar(
            x=[_in_lines(name) for name, *_ in bars],
            y=[(top - bottom) / scale for _, bottom, top, _ in bars],
            base=[bottom / scale for _, bottom, *_ in bars],
            text=[text for *_, text in bars],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [_colour(text) for *_, text in bars],
                "line": {"color": "#1b1f24", "width": 1},
                "pattern": {"shape": ["/" if text.startswith("-") else "" for *_, text in bars], "fgcolor": "#1b1f24"},
            },
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )
    low, high = _range(split, bars)
    figure.update_xaxes(title=f"the vertical axis begins at {split.amount(low)}{split.unit}" if low > 0 else None)
    unit = "revenue (USD)" if split.unit else NOUNS[split.measure].lower()
    figure.update_yaxes(title=unit, range=[low / scale, high / scale])
    return styled(figure, height=380)


def show_change(change: Change, measure: str = "converted") -> None:
    """Display one number's waterfall under the sentence with its parts; nothing where nothing is compared."""
    if change.comparison.before is None:
        return
    split, sentence = change.splits.get(measure), change.sentence(measure)
    if split is None or not (split.now or split.before):
        show_sentence(sentence)
        return
    alt, now = f"Waterfall chart. {sentence}", change.comparison.now
    show_chart(draw_change(split), title=change.finding(split), alt=alt, funnel=now)
    show_sentence(sentence)


def show_change_tables(change: Change, measure: str = "converted") -> None:
    """Display the parts of every number, and one number's parts by group."""
    show_table(change_table(change), f"What changed against {change.days}", empty="")
    if measure in change.splits:
        name = DIMENSIONS[change.dimension].label.lower()
        show_table(group_table(change, measure), f"{NOUNS[measure]}: the change by {name}, largest first")


def change_table(change: Change) -> pd.DataFrame:
    """One row for then, each part and now; one column a number. A part that does not concern a number is empty."""
    rows: dict[str, dict[str, str]] = {}
    for split in change.splits.values():
        heading = NOUNS[split.measure] + (" (USD)" if split.measure == "revenue" else "")
        for name, text in _lines(split):
            rows.setdefault(name, {})[heading] = text
    order = sorted(rows, key=lambda name: (name == "now", name == "change"))
    return pd.DataFrame([{"": name, **rows[name]} for name in order]).fillna("")


def group_table(change: Change, measure: str = "converted") -> pd.DataFrame:
    """One row a group: its change, and the same parts. Each row adds up; its parts are rounded by themselves."""
    split, label = change.splits[measure], DIMENSIONS[change.dimension].label
    rows = []
    for group in sorted(split.groups, key=lambda group: -abs(sum(split.groups[group], Fraction(0)))):
        parts = split.group_parts(group)
        row = {label: describe_value(change.dimension, group), "Change": split.amount(sum(parts), signed=True)}
        names = [part.name for part in split.parts]
        rows.append(row | {n: split.amount(p, signed=True) for n, p in zip(names, parts, strict=True)})
    return pd.DataFrame(rows)


def _lines(split: Split) -> Iterator[tuple[str, str]]:
    yield "before", split.amount(split.before)
    for part in split.parts:
        yield part.name, split.amount(part.shown, signed=True)
    yield "change", split.amount(split.change, signed=True)
    yield "now", split.amount(split.now)


def _bars(split: Split) -> Iterator[tuple[str, int, int, str]]:
    """Each bar's name, lower and upper end, and number; a part begins where the one before ended."""
    yield "before", 0, split.before, split.amount(split.before)
    level = split.before
    for part in split.parts:
        yield part.name, *sorted((level, level + part.shown)), split.amount(part.shown, signed=True)  # type: ignore[misc]
        level += part.shown
    yield "now", 0, split.now, split.amount(split.now)


def _in_lines(name: str) -> str:
    """Two words a line, so that the names stand level."""
    words = plain(name).split()
    return "<br>".join(" ".join(words[n : n + 2]) for n in range(0, len(words), 2))


def _colour(text: str) -> str:
    return (
        _LESS
        if text.startswith("-")
        else STAGE_COLOURS["connected"]
        if text.startswith("+")
        else STAGE_COLOURS["incoming"]
    )


def _range(split: Split, bars: list[tuple[str, int, int, str]]) -> tuple[int, int]:
    """Where the axis begins and ends. It begins at zero unless the parts are too small to be seen beside the whole."""
    levels = [end for _, *ends, _ in bars for end in ends if end] or [0]
    lowest, highest = min(levels), max(levels)
    span, room = highest - lowest, (highest - min(lowest, 0)) // 8 or 1
    if lowest <= 0 or span > lowest // 6:
        return (lowest - room if lowest < 0 else 0), highest + room
    return _rounded(lowest - span, split), highest + span // 8 + 1


def _rounded(value: int, split: Split) -> int:
    """Down to a number that is read easily: two digits, and whole dollars."""
    step: int = max(10 ** (len(str(max(value, 1))) - 2), MICROS if split.unit else 1)
    return value // step * step
