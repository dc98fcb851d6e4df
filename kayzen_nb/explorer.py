"""The explorer: choose what to look at, see it at once, list the calls behind a bar, and schedule what was found.

Its state is a ``View``, the same that a schedule passes as text. Answers come from counted cubes. What the widgets hold
may be saved with the notebook, so everything in them is masked.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from kayzen_nb import callstable
from kayzen_nb.dimensions import DIMENSIONS, GROUPS, describe_value
from kayzen_nb.drilldown import describe_calls, find_calls
from kayzen_nb.errors import KayzenNbError
from kayzen_nb.privacy import mask_text
from kayzen_nb.viewchart import draw_view, small_bases, view_table
from kayzen_nb.viewcounts import count_view, describe_key, describe_view, members_of
from kayzen_nb.views import MEASURES, View, parse_view
from kayzen_nb.viewschedule import schedule_text

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.parameters import Resolved
    from kayzen_nb.viewcounts import ViewCount

_ANY, _ALL = "(any)", -1  # a dropdown whose value is None would show nothing
_NONE = "(nothing)"
_VALUES = 300  # a longer list cannot be chosen from
_SHOWN = 50
_SCROLLS = "overflow:auto;max-height:420px;white-space:nowrap;line-height:1.5"


class Explorer:
    """Dropdowns over a funnel, with chart, table, calls and schedule under them. ``view`` is what they say now.

    ``resolved`` are the parameters of the run, from which the schedule's line is made; without them there is none.
    ``folder`` is where "Save as CSV" writes.
    """

    def __init__(
        self, funnel: Funnel, resolved: Resolved | None = None, *, view: View | str = "", folder: Path = Path("data")
    ) -> None:
        import ipywidgets as widgets  # noqa: PLC0415  # 0.3 s, only where a person sits in front
        import plotly.graph_objects as go  # noqa: PLC0415  # as above

        self._funnel, self._resolved, self._folder, self._lock = funnel, resolved, folder, RLock()
        start = parse_view(view) if isinstance(view, str) else view
        self._kept = {name: value for name, value in start.only.items() if name not in GROUPS}
        self._values = {name: _values_of(funnel, name, start) for name in GROUPS}
        self.controls = self._build_controls(start)
        self.finding, self.table, self.calls, self.answer = (widgets.HTML() for _ in range(4))
        self.figure = go.FigureWidget()
        self.group = widgets.Dropdown(description="Group", layout={"width": "420px"})
        self.buttons = {name: widgets.Button(description=name, layout={"width": "auto"}) for name in _BUTTONS}
        self.schedule = widgets.Textarea(layout={"width": "100%", "height": "190px", "display": "none"})
        self.schedule.add_class("kz-schedule")
        self._count: ViewCount = self._show()
        self._connect()

    @property
    def view(self) -> View:
        """The view that the dropdowns say."""
        chosen = {name: control.value for name, control in self.controls.items()}
        by = [name for name in (chosen["by"], chosen["and by"]) if name]
        only = {name: self._values[name][chosen[name]] for name in GROUPS if chosen[name] != _ALL}
        return View(dimensions=tuple(dict.fromkeys(by)), only=self._kept | only, measure=chosen["show"])

    @property
    def box(self) -> Any:
        """Everything, to be displayed."""
        import ipywidgets as widgets  # noqa: PLC0415  # as above

        grid = {"grid_template_columns": "repeat(auto-fill, minmax(300px, 1fr))", "grid_gap": "0 8px"}
        choices = widgets.GridBox(list(self.controls.values()), layout=grid)
        below = widgets.HBox([self.group, *self.buttons.values()], layout={"flex_flow": "row wrap"})
        return widgets.VBox(
            [choices, self.finding, self.figure, self.table, below, self.answer, self.schedule, self.calls]
        )

    def _build_controls(self, start: View) -> dict[str, Any]:
        """One dropdown for the measure, two for the dimensions, one a group to look at a part of the calls."""
        by = [(_NONE, ""), *((dimension.label, name) for name, dimension in DIMENSIONS.items())]
        first, second = (*start.dimensions, "", "")[:2]
        controls = {
            "show": _dropdown("Show", [(one.label, name) for name, one in MEASURES.items()], start.measure),
            "by": _dropdown("divided by", by, first),
            "and by": _dropdown("and by", by, second),
        }
        for name, values in self._values.items():
            options = [(_ANY, _ALL), *((_masked(name, value), place) for place, value in enumerate(values))]
            chosen = values.index(start.only[name]) if name in start.only else _ALL
            controls[name] = _dropdown(DIMENSIONS[name].label, options, chosen)
        return controls

    def _connect(self) -> None:
        for control in self.controls.values():
            control.observe(self._one_by_one(self._change), names="value")
        for name, act in zip(_BUTTONS, (self._show_calls, self._save_calls, self._show_schedule), strict=True):
            self.buttons[name].on_click(self._one_by_one(act))

    def _one_by_one(self, act: Callable[..., None]) -> Callable[..., None]:
        """Answer one click after the other: JupyterLab 4 answers in several threads, DuckDB serves one at a time.

        What cannot be shown (exits by two dimensions) is said, and the last view stands.
        """
        import duckdb  # noqa: PLC0415  # only where a person sits in front

        def answer(*given: object) -> None:
            with self._lock:
                try:
                    act(*given)
                except KayzenNbError as refused:
                    self.finding.value = _paragraph(str(refused))
                except duckdb.Error as failed:  # a cell of the notebook counts at the same time, or memory ran out
                    told = "Not counted. Wait until no cell of the notebook runs, then choose again."
                    self.finding.value = _paragraph(f"{told}\n{str(failed).splitlines()[0]}")

        return answer

    def _change(self, _change: object) -> None:
        self._count = self._show()

    def _show(self) -> ViewCount:
        """Count the view and show it: finding, chart, table, and the groups whose calls can be listed."""
        count = count_view(self._funnel, self.view)
        self.finding.value = f"<b>{_escaped(count.finding)}</b>"
        self.table.value = _table(view_table(self._funnel, count), describe_view(count.view), small_bases(count))
        self._redraw(count)
        self.group.options = _groups(count)
        self.calls.value = self.answer.value = ""
        self.schedule.layout.display = "none"
        return count

    def _redraw(self, count: ViewCount) -> None:
        """Put the new chart into the one that is displayed: another figure would bring plotly's 5 MB each time."""
        drawn = draw_view(self._funnel, count)
        with self.figure.batch_update():
            self.figure.data = []
            self.figure.layout = drawn.layout
            self.figure.update_layout(margin_t=20)
        self.figure.add_traces(list(drawn.data))
        if count.axes:
            self.figure.data[0].on_click(self._one_by_one(self._click))

    def _click(self, _trace: object, points: Any, _state: object) -> None:
        """A bar or a field was clicked: choose its group and list its calls."""
        if not points.point_inds:
            return
        found = points.point_inds[0]
        row, column = found if isinstance(found, list | tuple) else (found, 0)
        self.group.value = row * len(self._count.columns) + column
        self._show_calls(None)

    def _chosen(self) -> tuple[Any, str]:
        """The calls of the chosen group, and how they are called."""
        count, place = self._count, int(self.group.value or 0)
        keys: tuple[object, ...] = ()
        if count.axes:
            row, column = divmod(place, len(count.columns))
            keys = (count.rows[row], count.columns[column])[: len(count.axes)]
        only, exit_name = members_of(self._funnel, count.view, count, keys)
        stage = count.view.shows.base if count.view.shows.kind == "rate" else count.view.shows.stage
        return find_calls(self._funnel, stage=stage, exit_name=exit_name, only=only), _name(count, keys)

    def _show_calls(self, _button: object) -> None:
        calls, name = self._chosen()
        found = callstable.count_calls(calls)
        shown = callstable.calls_table(calls.limit(_SHOWN))
        told = describe_calls(min(found, _SHOWN), found)
        self.calls.value = _table(shown, f"{_stage_words(self._count.view)}: {name}", told)

    def _save_calls(self, _button: object) -> None:
        calls, name = self._chosen()
        path = (self._folder / f"calls_{_slug(f'{self._count.view.measure} {name}')}.csv").resolve()
        try:
            written = callstable.save_found(calls, path)
        except OSError as failed:
            self.answer.value = _paragraph(f"Not saved: {failed.strerror}. The folder was {path.parent}")
            return
        self.answer.value = _paragraph(f"{written:,} calls saved, numbers masked: {path}")

    def _show_schedule(self, _button: object) -> None:
        self.schedule.layout.display = ""
        view = self._count.view  # the one that is shown, should the dropdowns say one that cannot be
        text = schedule_text(self._resolved, view) if self._resolved else f"view = {view}"
        self.schedule.value = mask_text(text)


_BUTTONS = ("Show these calls", "Save as CSV", "Schedule this view")


def explore(funnel: Funnel, resolved: Resolved | None = None, *, view: View | str = "") -> Explorer:
    """Display the explorer, in JupyterLab. The cubes that its clicks need are counted before it is shown."""
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    prepare(funnel)
    explorer = Explorer(funnel, resolved, view=view)
    display(explorer.box)  # type: ignore[no-untyped-call]
    return explorer


def prepare(funnel: Funnel) -> None:
    """Count what clicks ask for, before the first one."""
    funnel.prepare()


def _values_of(funnel: Funnel, dimension: str, start: View) -> list[object]:
    """The values to choose from, those with most calls first, blank last; the start view's own is always there."""
    sizes = funnel.stages([dimension])
    order = sizes.sort_values("incoming_calls", ascending=False, kind="stable")[dimension]
    values = sorted(order[:_VALUES], key=lambda value: value is None)
    own = [start.only[dimension]] if dimension in start.only and start.only[dimension] not in values else []
    return [*values, *own]


def _dropdown(label: str, options: list[tuple[str, Any]], value: object) -> Any:
    import ipywidgets as widgets  # noqa: PLC0415  # as above

    style = {"description_width": "125px"}
    return widgets.Dropdown(options=options, value=value, description=label, style=style, layout={"width": "auto"})


def _groups(count: ViewCount) -> list[tuple[str, int]]:
    """Each group with its place in the chart, row by row."""
    if not count.axes:
        return [("all calls of this view", 0)]
    pairs = [(row, column) for row in count.rows for column in count.columns]
    return [(_name(count, pair[: len(count.axes)]), place) for place, pair in enumerate(pairs)]


def _name(count: ViewCount, keys: tuple[object, ...]) -> str:
    names = [mask_text(describe_key(axis, key)) for axis, key in zip(count.axes, keys, strict=True)]
    return ", ".join(names) or "all calls of this view"


def _stage_words(view: View) -> str:
    """Which calls stand behind a number of this measure."""
    measure = view.shows
    if measure.kind == "rate":
        return f"The {measure.base} calls of which the rate is a share" if measure.base != "incoming" else "All calls"
    return f"{measure.label}" if measure.kind in ("calls", "exits") else "All calls"


def _masked(dimension: str, value: object) -> str:
    return mask_text(describe_value(dimension, value))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")[:80]


def _table(frame: pd.DataFrame, caption: str, below: str) -> str:
    """A table as the page shows it (``tables.show_table``), in a widget."""
    frame = frame.map(lambda value: mask_text(value) if isinstance(value, str) else value)
    body = frame.to_html(index=False, escape=True, border=0, justify="left") if len(frame) else ""
    note = f"<p>{_escaped(below)}</p>" if below else ""
    return f'<b>{_escaped(caption)}</b><div style="{_SCROLLS}">{body}</div>{note}'


def _paragraph(text: str) -> str:
    return f'<p style="white-space:pre-wrap">{_escaped(text)}</p>'


def _escaped(text: str) -> str:
    return html.escape(mask_text(text))
