"""The parameters as a form: a face of the same values that papermill injects, never the only way in."""

from __future__ import annotations

import html
import os
import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from kayzen_nb import parameters as declarations
from kayzen_nb.errors import KayzenNbError
from kayzen_nb.pixels import PLACEHOLDER_KEY, render
from kayzen_nb.privacy import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from kayzen_nb.job import Run
    from kayzen_nb.parameters import Parameter, Resolved
    from kayzen_nb.pixels import Plan

_WIDE = {"description_width": "170px"}
PRIVATE_FILE = "pixels-WITH-KEY-do-not-share.txt"


def show_form(run: Run) -> None:
    """Display one control per parameter and a button that takes the values over into the run."""
    import ipywidgets as widgets  # noqa: PLC0415  # 0.3 s, only where a person sits in front
    from IPython.display import display  # noqa: PLC0415  # as above

    controls = {p.name: _control(p, run.parameters.as_record()[p.name]) for p in _declared(run)}
    button = widgets.Button(description="Use these values", button_style="primary", icon="check")
    answer = widgets.HTML()

    def take_over(_button: object) -> None:
        answer.value = _paragraph(_apply(run, {name: control.value for name, control in controls.items()}))

    button.on_click(take_over)
    display(widgets.VBox([*controls.values(), button, answer]))  # type: ignore[no-untyped-call]


def show_parameters(resolved: Resolved) -> None:
    """The resolved parameters as a table, for headless runs."""
    import pandas as pd  # noqa: PLC0415  # only where the table is made

    from kayzen_nb.tables import show_table  # noqa: PLC0415  # as above

    meanings = {p.name: p.meaning for p in declarations.declared(resolved.notebook)}
    rows = [{"Parameter": k, "Value": v or "(empty)", "Meaning": meanings[k]} for k, v in resolved.as_record().items()]
    show_table(pd.DataFrame(rows), "The values this run was made with")


def show_key_box(run: Run) -> None:
    """A password box for Kayzen's key, and a button that writes the paste-ready URLs to a private file.

    The box is emptied in the moment the key is taken, so that no saved notebook and no widget state holds it.
    """
    import ipywidgets as widgets  # noqa: PLC0415  # as above
    from IPython.display import display  # noqa: PLC0415  # as above

    box = widgets.Password(description="Kayzen API key", continuous_update=False, style=_WIDE)
    button = widgets.Button(description="Write the six URLs with the key to a private file", layout={"width": "auto"})
    answer = widgets.HTML()

    def take_key(change: dict[str, Any]) -> None:
        if change["new"]:
            box.value = ""
            answer.value = _paragraph(_take_key(run, change["new"]))

    def write_file(_button: object) -> None:
        answer.value = _paragraph(_write_private(run))

    box.observe(take_key, names="value")
    button.on_click(write_file)
    display(widgets.VBox([box, button, answer], layout={"align_items": "flex-start"}))  # type: ignore[no-untyped-call]


def schedule_line(resolved: Resolved) -> str:
    """The command that runs the notebook with these values."""
    defaults = {p.name: p.default for p in declarations.declared(resolved.notebook)}
    chosen = resolved.as_record()
    sets = [f"--set {name}={shlex.quote(value)}" for name, value in chosen.items() if value != defaults[name]]
    return " ".join(["kayzen-nb run", resolved.notebook, *sets])


def write_private_urls(plan: Plan, key: Secret, folder: Path) -> Path:
    """Write the six paste-ready pixels, key included, to a file that only its owner can read (0600)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / PRIVATE_FILE
    lines = [
        f"{p.name}\n  Fire Pixel On: {p.fire_on}\n  HTTP Method: {p.method}\n  URL: {p.url}\n"
        for p in render(plan, key)
    ]
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


def _declared(run: Run) -> tuple[Parameter, ...]:
    return declarations.declared(run.parameters.notebook)


def _control(parameter: Parameter, value: str) -> Any:
    import ipywidgets as widgets  # noqa: PLC0415  # as above

    common = {"description": parameter.name, "value": value, "style": _WIDE, "layout": {"width": "620px"}}
    common["description_tooltip"] = parameter.meaning
    if parameter.kind == "choice":
        return widgets.Dropdown(options=parameter.choices, **common)
    if parameter.kind == "zone":
        return widgets.Combobox(options=sorted(available_timezones()), **common)
    return widgets.Text(placeholder=parameter.meaning, **common)


def _apply(run: Run, values: dict[str, str]) -> str:
    """Take the values over when they are right; otherwise say everything that is wrong and keep the old ones."""
    try:
        run.take_over(declarations.resolve(run.parameters.notebook, values, datetime.now(UTC)))
    except KayzenNbError as exc:
        return f"Nothing was changed.\n{exc}"
    return (
        "Taken over. Now click the cell below this one and choose Run > Run Selected Cell and All Below.\n"
        f"The same as a scheduled run: {schedule_line(run.parameters)}"
    )


def _take_key(run: Run, typed: str) -> str:
    key = typed.strip()
    if key == PLACEHOLDER_KEY or any(mark.isspace() for mark in key):
        return "This is not a key: it is the guide's placeholder, or holds white space. Nothing was kept."
    run.typed_key = Secret(key)
    return f"Key taken, fingerprint {run.typed_key.fingerprint}. It lives in this session's memory only."


def _write_private(run: Run) -> str:
    if not run.key:
        return "There is no key yet: type it above and press Enter, or set KAYZEN_API_KEY."
    path = write_private_urls(run.plan, run.key, run.settings.home / "private")
    return f"Written to {path}, readable by you only. Delete it once the pixels are in Ringba."


def _paragraph(text: str) -> str:
    return f'<p style="white-space:pre-wrap">{html.escape(text)}</p>'
