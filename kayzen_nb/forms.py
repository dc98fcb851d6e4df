"""The parameters as a form: a face of the same values that papermill injects, never the only way in."""

from __future__ import annotations

import html
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from kayzen_nb import parameters
from kayzen_nb.errors import KayzenNbError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.declarations import Parameter
    from kayzen_nb.parameters import Resolved
    from kayzen_nb.run import Run

_CONTROL = {"width": "420px"}
_LABEL = {"width": "150px", "min_width": "150px", "margin": "0"}
_ROW = {"margin": "0 0 10px", "align_items": "flex-start"}
_DAY_EXAMPLE = "2026-11-01, yesterday, -7d"
_FLAGS = ({"yes", "no"}, {"true", "false"}, {"on", "off"})
_ABBREVIATIONS = {"csv": "CSV", "url": "URL", "api": "API"}


def show_form(run: Run) -> None:
    """Display one control per parameter and a button that takes the values over into the run."""
    import ipywidgets as widgets  # noqa: PLC0415  # 0.3 s, only where a person sits in front
    from IPython.display import display  # noqa: PLC0415  # as above

    rows = {p.name: _row(p, _text_of(run.parameters, p.name)) for p in _declared(run)}
    button = widgets.Button(description="Use these values", button_style="primary", icon="check")
    answer = widgets.HTML()

    def take_over(_button: object) -> None:
        answer.value = _paragraph(_apply(run, {name: read() for name, (_, read) in rows.items()}))

    button.on_click(take_over)
    display(widgets.VBox([*(row for row, _ in rows.values()), button, answer]))  # type: ignore[no-untyped-call]


def show_parameters(resolved: Resolved) -> None:
    """The resolved parameters as a table, for headless runs."""
    import pandas as pd  # noqa: PLC0415  # only where the table is made

    from kayzen_nb.tables import show_table  # noqa: PLC0415  # as above

    meanings = {p.name: p.meaning for p in parameters.declared(resolved.notebook)}
    rows = [{"Parameter": k, "Value": v or "(empty)", "Meaning": meanings[k]} for k, v in resolved.as_record().items()]
    show_table(pd.DataFrame(rows), "The values this run was made with")


def schedule_line(resolved: Resolved, *, same_days: bool = False) -> str:
    """The command that runs the notebook with these values; days as they were written, so that they move each day.

    ``same_days``: the days of this very run, to make it again.
    """
    defaults = {p.name: p.default for p in parameters.declared(resolved.notebook)}
    chosen = resolved.as_record() | ({} if same_days else dict(resolved.given))
    sets = [f"--set {name}={shlex.quote(value)}" for name, value in chosen.items() if value != defaults[name]]
    return " ".join(["kayzen-nb run", resolved.notebook, *sets])


def _declared(run: Run) -> tuple[Parameter, ...]:
    return parameters.declared(run.parameters.notebook)


def _text_of(resolved: Resolved, name: str) -> str:
    """A parameter's value as a person types it: of a path the whole path, of a day what was written (-7d)."""
    return str(resolved.given.get(name, resolved.chosen[name]) or "")


def _row(parameter: Parameter, value: str) -> tuple[Any, Callable[[], str]]:
    """Label, control with its help under it, and a function that reads the control as papermill's text."""
    import ipywidgets as widgets  # noqa: PLC0415  # as above

    control, read = _flag(parameter, value) if _is_flag(parameter) else _control(parameter, value)
    label = widgets.HTML(f"<b>{html.escape(_label(parameter.name))}</b>", layout=_LABEL)
    meaning = f'<div style="font-size:12px;line-height:1.4;opacity:.8">{html.escape(parameter.meaning)}</div>'
    hint = widgets.HTML(meaning, layout={"margin": "2px 0 0", "max_width": "760px"})
    return widgets.HBox([label, widgets.VBox([control, hint])], layout=_ROW), read


def _control(parameter: Parameter, value: str) -> tuple[Any, Callable[[], str]]:
    import ipywidgets as widgets  # noqa: PLC0415  # as above

    common = {"value": value, "layout": {**_CONTROL, "margin": "0"}}
    if parameter.kind == "choice":
        control = widgets.Dropdown(options=parameter.choices, **common)
    elif parameter.kind == "zone" or parameter.choices:  # names to pick from, and room for another
        control = widgets.Combobox(options=parameter.choices or sorted(available_timezones()), **common)
    else:
        control = widgets.Text(placeholder=_DAY_EXAMPLE if parameter.kind == "optional_day" else "", **common)
    return control, lambda: str(control.value)


def _is_flag(parameter: Parameter) -> bool:
    """A choice between yes and no is a tick box."""
    return parameter.kind == "choice" and {choice.casefold() for choice in parameter.choices} in _FLAGS


def _flag(parameter: Parameter, value: str) -> tuple[Any, Callable[[], str]]:
    import ipywidgets as widgets  # noqa: PLC0415  # as above

    positive = next(c for c in parameter.choices if c.casefold() in ("yes", "true", "on"))
    negative = next(c for c in parameter.choices if c != positive)
    control = widgets.Checkbox(value=value == positive, description=positive, indent=False, layout={"margin": "0"})
    return control, lambda: positive if control.value else negative


def _label(name: str) -> str:
    """A parameter's name as words: ``csv_path`` is "CSV path"."""
    first, *rest = name.split("_")
    return " ".join([_ABBREVIATIONS.get(first, first.capitalize()), *(_ABBREVIATIONS.get(word, word) for word in rest)])


def _apply(run: Run, values: dict[str, str]) -> str:
    """Take the values over when they are right; otherwise say everything that is wrong and keep the old ones."""
    try:
        run.take_over(parameters.resolve(run.parameters.notebook, values, datetime.now(UTC)))
    except KayzenNbError as exc:
        return f"Nothing was changed.\n{exc}"
    return (
        "Taken over. Now click the cell below this one and choose Run > Run Selected Cell and All Below.\n"
        f"The same as a scheduled run: {schedule_line(run.parameters)}"
    )


def _paragraph(text: str) -> str:
    return f'<p style="white-space:pre-wrap">{html.escape(text)}</p>'
