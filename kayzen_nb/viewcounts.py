"""What a view shows, counted: a cell for each group, and the sentence that says what it found.

Groups are the largest by calls, the others pooled; hours and days stand in order of time, also without calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

from kayzen_nb.dimensions import DIMENSIONS, OTHERS, TIMES, describe_value
from kayzen_nb.exits import EXIT_NAMED, exits_after
from kayzen_nb.vocabulary import Stage, counted, usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal

    import pandas as pd

    from kayzen_nb.cube import Only
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.views import Measure, View

EXIT = "exit"
SMALL_BASE = 30  # rates of fewer calls are shown in brackets, and no sentence is made of them
_LARGEST = (20, 12)  # groups of the first and of the second dimension; the rest is pooled


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One group's number; ``value`` is None when it is unknown or has no base, ``base`` the calls it stands on."""

    value: int | float | Decimal | None
    base: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ViewCount:
    """A counted view: ``axes`` are its dimensions, and ``exit`` where exits are shown; ``cells`` by the axes' values.

    ``rows`` and ``columns`` are the values of the first and second axis in their order; without a second axis
    ``columns`` is ``(None,)``.
    """

    view: View
    axes: tuple[str, ...]
    rows: tuple[object, ...]
    columns: tuple[object, ...]
    cells: Mapping[tuple[object, ...], Cell]
    total: Cell

    def cell(self, row: object, column: object = None) -> Cell:
        """The cell of a group."""
        return self.cells[(row, column)[: len(self.axes)]]

    def labels(self, axis: int) -> list[str]:
        """What people read for the values of an axis."""
        return [describe_key(self.axes[axis], value) for value in (self.rows, self.columns)[axis]]

    @cached_property
    def finding(self) -> str:
        """The sentence over the chart: the largest cell, or between which rates the groups lie."""
        if not self.total.base:
            return f"No calls in this view{_limits(self.view)}."
        if self.total.value is None or not self.axes:
            return f"{self.view.shows.label}: {self.total.text}{_limits(self.view)}."
        return _range_of(self) if self.view.shows.kind == "rate" else _largest_of(self)


def count_view(funnel: Funnel, view: View) -> ViewCount:
    """Count a view from the funnel's cubes; no other call is touched when a counted cube has its dimensions."""
    cells = dict(_exit_cells(funnel, view) if view.shows.kind == "exits" else _stage_cells(funnel, view))
    total = cells.pop(())
    axes = (*view.dimensions, EXIT) if view.shows.kind == "exits" else view.dimensions
    rows, columns = ([_in_order(funnel, view, cells, place) for place in range(len(axes))] + [(None,)] * 2)[:2]
    every = product(rows, columns) if axes else ()
    cells = {
        keys: cells.get(keys) or _without_calls(funnel, view, keys) for keys in (one[: len(axes)] for one in every)
    }
    return ViewCount(view=view, axes=axes, rows=rows, columns=columns, cells=cells, total=total)


def describe_key(axis: str, value: object) -> str:
    """A group's value, or an exit, as people read it."""
    return EXIT_NAMED[str(value)].label if axis == EXIT else describe_value(axis, value)


def members_of(funnel: Funnel, view: View, count: ViewCount, keys: Sequence[object]) -> tuple[Only, str | None]:
    """The calls of one cell as ``find_calls`` asks for them: values by dimension, and an exit's name.

    The pool of all others becomes the list of its members.
    """
    only: dict[str, object] = dict(view.only)
    exit_name = None
    for axis, key, shown in zip(count.axes, keys, (count.rows, count.columns), strict=False):
        if axis == EXIT:
            exit_name = str(key)
        else:
            only[axis] = _pooled(funnel, view, axis, shown) if key == OTHERS else key
    return only, exit_name


def _pooled(funnel: Funnel, view: View, dimension: str, shown: tuple[object, ...]) -> list[object]:
    values = funnel.stages([dimension], view.only)[dimension]
    return [value for value in values if value not in shown]


# -- counting ----------------------------------------------------------------------------------------------------------


def _stage_cells(funnel: Funnel, view: View) -> Iterator[tuple[tuple[object, ...], Cell]]:
    """Each group's cell, and the whole view's under the key ``()``."""
    by, measure = list(view.dimensions), view.shows
    sums = _pool(funnel.stages(by, view.only), by)
    is_known = _is_known(funnel, measure)
    for row in sums.to_dict("records"):
        yield tuple(row[name] for name in by), _cell(measure, row, is_known=is_known)
    if by:
        yield (), _cell(measure, dict(sums.drop(columns=by).sum()), is_known=is_known)


def _exit_cells(funnel: Funnel, view: View) -> Iterator[tuple[tuple[object, ...], Cell]]:
    """For each group and exit the calls that left by it, of the group's calls."""
    by = list(view.dimensions)
    counts = _pool(funnel.roll_up(by, view.only), by, keep=[EXIT])
    names = {one.code: one.name for stage in _known_steps(funnel) for one in exits_after(stage)}
    bases = (
        counts.groupby(by, dropna=False)["calls"].transform("sum")
        if by
        else counts["calls"] * 0 + counts["calls"].sum()
    )
    for row, base in zip(counts.to_dict("records"), bases, strict=True):
        if name := names.get(row[EXIT]):
            calls = int(row["calls"])
            yield (*(row[one] for one in by), name), Cell(value=calls, base=int(base), text=f"{calls:,}")
    left = int(counts.loc[counts[EXIT].isin(names), "calls"].sum())
    base = int(counts["calls"].sum())
    yield (), Cell(value=left if names else None, base=base, text=f"{left:,}" if names else "unknown")


def _pool(sums: pd.DataFrame, by: list[str], keep: Sequence[str] = ()) -> pd.DataFrame:
    """Small groups of each dimension put together; blank groups are kept."""
    calls = "calls" if "calls" in sums else "incoming_calls"
    for name, largest in zip(by, _LARGEST, strict=False):
        if name not in TIMES and name != "is_duplicate":
            sizes = sums[sums[name].notna()].groupby(name)[calls].sum()
            top = set(sizes.sort_values(ascending=False, kind="stable").index[:largest])
            sums[name] = [value if value is None or value in top else OTHERS for value in sums[name]]
    keys = [*by, *keep]
    if not keys:
        return sums
    pooled = sums.groupby(keys, dropna=False, sort=False).sum(numeric_only=True).reset_index()
    for name in by:
        pooled[name] = pooled[name].astype("object").where(pooled[name].notna(), None)
    return pooled


def _cell(measure: Measure, row: Mapping[Any, Any], *, is_known: bool) -> Cell:
    base = int(row[f"{measure.base}_calls"])
    if not is_known:
        return Cell(value=None, base=base, text="unknown")
    if measure.kind in ("revenue", "payout"):
        dollars = usd(int(row[f"incoming_{measure.kind}"]))
        return Cell(value=dollars, base=base, text=f"${dollars:,}" if dollars >= 0 else f"-${-dollars:,}")
    calls = int(row[f"{measure.stage}_calls"])
    if measure.kind == "calls":
        return Cell(value=calls, base=base, text=f"{calls:,}")
    return Cell(value=calls / base, base=base, text=_rate(calls / base, base)) if base else _NO_BASE


_NO_BASE = Cell(value=None, base=0, text="no base")


def _rate(rate: float, base: int) -> str:
    return f"{rate:.1%}" if base >= SMALL_BASE else f"({rate:.1%})"


def _is_known(funnel: Funnel, measure: Measure) -> bool:
    if measure.kind in ("revenue", "payout"):
        return f"{measure.kind}_usd_micros" not in funnel.unknown
    return funnel.is_known(measure.stage) and funnel.is_known(measure.base)


def _known_steps(funnel: Funnel) -> list[Stage]:
    """The stages after which the source can tell who left."""
    stages = list(Stage)
    return [one for one, following in pairwise(stages) if funnel.is_known(one) and funnel.is_known(following)]


def _without_calls(funnel: Funnel, view: View, keys: Sequence[object]) -> Cell:
    """The cell of a group in which no call was counted; of an unread day nothing is known."""
    is_read = "day" not in view.dimensions or keys[view.dimensions.index("day")] not in funnel.unread
    if view.shows.kind == "exits":
        return Cell(value=0 if is_read else None, base=0, text="0" if is_read else "unknown")
    nothing = dict.fromkeys((f"{stage}_{one}" for stage in Stage for one in ("calls", "revenue", "payout")), 0)
    return _cell(view.shows, nothing, is_known=is_read and _is_known(funnel, view.shows))


def _in_order(funnel: Funnel, view: View, cells: Mapping[tuple[object, ...], Cell], place: int) -> tuple[object, ...]:
    """The values of an axis: time in its order, groups by their calls, the pool and then the blank group last."""
    axis = (*view.dimensions, EXIT)[place]
    if axis in TIMES:
        return _times(funnel, axis) if cells else ()
    sizes: dict[object, int] = {}
    for keys, cell in cells.items():
        calls = int(cell.value or 0) if view.shows.kind == "exits" else cell.base
        sizes[keys[place]] = sizes.get(keys[place], 0) + calls
    if axis == EXIT:
        return tuple(name for name in EXIT_NAMED if name in sizes)
    return tuple(sorted(sizes, key=lambda value: (value is None, value == OTHERS, -sizes[value], str(value))))


def _times(funnel: Funnel, axis: str) -> tuple[object, ...]:
    days = funnel.period.days
    return {"day": days, "hour": tuple(range(24)), "weekday": tuple(sorted({day.weekday() for day in days}))}[axis]


# -- sentences ---------------------------------------------------------------------------------------------------------


def describe_view(view: View) -> str:
    """A view in words: ``Revenue (USD) by State and Hour, only calls with Target Call Center A``."""
    names = " and ".join(DIMENSIONS[name].label for name in view.dimensions)
    return f"{view.shows.label}{f' by {names}' if names else ''}{_limits(view)}"


def _limits(view: View) -> str:
    parts = [f"{DIMENSIONS[name].label} {describe_value(name, value)}" for name, value in view.only.items()]
    return f", only calls with {' and '.join(parts)}" if parts else ""


def _largest_of(count: ViewCount) -> str:
    told = {keys: cell for keys, cell in count.cells.items() if cell.value is not None and OTHERS not in keys}
    if not told or not count.total.value:
        return f"{describe_view(count.view)}: {count.total.text}."
    keys = max(told, key=lambda one: told[one].value or 0)
    value, total = told[keys].value or 0, count.total.value
    share = f" ({float(value) / float(total):.1%})" if total > 0 and value > 0 else ""
    return f"{describe_view(count.view)}: most at {_name(count, keys)}, {told[keys].text} of {count.total.text}{share}."


def _range_of(count: ViewCount) -> str:
    told = {keys: cell for keys, cell in count.cells.items() if cell.value is not None and cell.base >= SMALL_BASE}
    whole = f"{describe_view(count.view)}: {count.total.text} of {counted(count.total.base, 'call')} over all"
    if len(told) < 2:
        return f"{whole}; groups of fewer than {SMALL_BASE} calls are not compared."
    low, high = (choose(told, key=lambda one: told[one].value or 0) for choose in (min, max))
    ends = " to ".join(f"{told[one].text} ({_name(count, one)}, of {told[one].base:,})" for one in (low, high))
    return f"{whole}, from {ends}. Whether that is more than chance is not tested here."


def _name(count: ViewCount, keys: Sequence[object]) -> str:
    return ", ".join(describe_key(axis, key) for axis, key in zip(count.axes, keys, strict=True))
