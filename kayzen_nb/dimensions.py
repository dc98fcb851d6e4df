"""What calls can be divided by: columns of the call table, and parts of the local time at which they came."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """One way to divide calls. ``blank`` is what people read for calls without a value."""

    name: str
    label: str
    blank: str = ""
    is_time: bool = False


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension(name="campaign", label="Campaign", blank="(no campaign)"),
        Dimension(name="number", label="Tracking number", blank="(no number)"),
        Dimension(name="state", label="State", blank="(no state)"),
        Dimension(name="target", label="Target", blank="(no target named)"),
        Dimension(name="publisher", label="Publisher", blank="(no publisher)"),
        Dimension(name="is_duplicate", label="Duplicate", blank="(not told)"),
        Dimension(name="day", label="Day", is_time=True),
        Dimension(name="weekday", label="Weekday", is_time=True),
        Dimension(name="hour", label="Hour", is_time=True),
    )
}
GROUPS = tuple(name for name, dimension in DIMENSIONS.items() if not dimension.is_time)
TIMES = tuple(name for name, dimension in DIMENSIONS.items() if dimension.is_time)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OTHERS = "(all others)"  # the pool of rare groups


def describe_value(dimension: str, value: object) -> str:
    """A group's value as people read it: blank, yes and no, weekdays and hours as words."""
    if value is None or value != value or str(value) in ("<NA>", "NaT"):  # noqa: PLR0124  # NaN is not itself
        return DIMENSIONS[dimension].blank
    if value == OTHERS:
        return OTHERS
    if dimension == "is_duplicate":
        return "yes" if value else "no"
    if dimension == "weekday":
        return WEEKDAYS[int(str(value))]
    return f"{int(str(value)):02}:00" if dimension == "hour" else str(value)
