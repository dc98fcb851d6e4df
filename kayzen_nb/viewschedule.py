"""A view that was found by clicking, as what a schedule needs: a command line, and an entry of a list of runs."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from kayzen_nb import parameters
from kayzen_nb.forms import schedule_line

if TYPE_CHECKING:
    from kayzen_nb.parameters import Resolved
    from kayzen_nb.views import View

_PERIOD = ("period_start", "period_end")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def view_line(resolved: Resolved, view: View) -> str:
    """The command that runs the notebook with these values and this view."""
    line = schedule_line(_without_view(resolved))
    return f"{line} --set view={shlex.quote(str(view))}" if view else line


def view_entry(resolved: Resolved, view: View) -> str:
    """The same as an entry of a YAML list of runs: ``notebook`` and ``parameters``.

    Every value stands in double quotes as JSON writes it, which is YAML too: no name of a campaign can break it.
    """
    defaults = {one.name: one.default for one in parameters.declared(resolved.notebook)}
    values = _without_view(resolved).as_record() | dict(resolved.given)
    chosen = {name: value for name, value in values.items() if value != defaults[name]}
    chosen |= {"view": str(view)} if view else {}
    lines = [f"    {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in chosen.items()]
    head = [f"- notebook: {json.dumps(resolved.notebook)}", "  parameters:" if lines else "  parameters: {}"]
    return "\n".join([*head, *lines])


def schedule_text(resolved: Resolved, view: View) -> str:
    """Both, with what to know about them: a text to copy from."""
    parts = ["# A scheduled run:", view_line(resolved, view)]
    parts += ["", "# The same as an entry of a YAML list of runs:", view_entry(resolved, view)]
    if any(_DATE.fullmatch(resolved.given.get(name, "")) for name in _PERIOD):
        parts += ["", "# This period is fixed. Leave period_start and period_end out, and each run takes the last"]
        parts += ["# 14 days; or set them like -7d and yesterday."]
    return "\n".join(parts)


def _without_view(resolved: Resolved) -> Resolved:
    return replace(resolved, chosen={name: value for name, value in resolved.chosen.items() if name != "view"})
