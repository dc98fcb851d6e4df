"""Clicks in the explorer, as a person makes them: one dropdown after the other, seeded, answered in this process.

A click sets a dropdown of the real ``Explorer``, which counts, makes table and chart and fills its widgets before it
comes back; only the way to the browser and the drawing there are missing. At most two filters stand at a time.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from funnel_sides import Ours

from kayzen_nb.dimensions import DIMENSIONS, GROUPS
from kayzen_nb.explorer import Explorer, prepare

if TYPE_CHECKING:
    from pathlib import Path

_FILTERS = 2
_ANY = -1  # what the explorer's dropdowns hold for "(any)"


def time_clicks(file: Path, clicks: int) -> tuple[float, list[float]]:
    """Seconds to prepare the explorer, and of each click."""
    began, funnel = time.perf_counter(), Ours(file).count()
    prepare(funnel)
    explorer = Explorer(funnel)
    prepared = time.perf_counter() - began
    return prepared, [_time_one(explorer, *choice) for choice in choose(explorer, clicks)]


def choose(explorer: Explorer, clicks: int) -> list[tuple[str, object]]:
    """Which dropdown is set to what, click by click: always another value than it has."""
    chance = random.Random(5)  # noqa: S311  # invented clicks
    now = {name: control.value for name, control in explorer.controls.items()}
    made: list[tuple[str, object]] = []
    while len(made) < clicks:
        name = chance.choice(["by", "and by", "and by", "filter", "show"])
        name, value = _filter(explorer, now, chance) if name == "filter" else (name, _value(explorer, name, chance))
        if value != now[name] and not _repeats(name, value, now):
            made.append((name, value))
            now[name] = value
    return made


def _value(explorer: Explorer, name: str, chance: random.Random) -> object:
    if name in ("by", "and by"):
        return chance.choice(list(DIMENSIONS))
    return chance.choice([one for one in _values(explorer, name) if "exit" not in str(one)])


def _filter(explorer: Explorer, now: dict[str, object], chance: random.Random) -> tuple[str, object]:
    """Another filter, or, when two stand, one of them taken away."""
    standing = [name for name in GROUPS if now[name] != _ANY]
    if len(standing) >= _FILTERS:
        return chance.choice(standing), _ANY
    name = chance.choice(GROUPS)
    return name, chance.choice(_values(explorer, name))


def _values(explorer: Explorer, name: str) -> list[object]:
    """What a dropdown offers."""
    return [value for _, value in explorer.controls[name].options]


def _repeats(name: str, value: object, now: dict[str, object]) -> bool:
    """Both dimensions the same: the explorer would show one."""
    return (name == "by" and value == now["and by"]) or (name == "and by" and value == now["by"])


def _time_one(explorer: Explorer, name: str, value: object) -> float:
    began = time.perf_counter()
    explorer.controls[name].value = value
    return time.perf_counter() - began
