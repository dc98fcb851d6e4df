"""What the times say: medians, the conversion rule as stated or as the times show it, and the calls just under it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kayzen_nb.intervals import wilson
from kayzen_nb.seconds import say_seconds
from kayzen_nb.timings import JUST_UNDER_S
from kayzen_nb.vocabulary import MICROS, counted

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from kayzen_nb.seconds import Seconds
    from kayzen_nb.timings import CallTimes

_FEWEST_CONVERTED = 30
_RULE_STEP_S = 5  # people state rules in round numbers
_LONGEST_RULE_S = 1800
_SHARE_ABOVE_RULE = Fraction(99, 100)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A conversion rule in seconds of connected time: as a person stated it, or as the times look."""

    seconds: int
    is_stated: bool


def find_threshold(times: CallTimes) -> Threshold | None:
    """The stated rule; else the one that the times look like; None where they look like none."""
    if (stated := times.funnel.definition.converts_after_s) is not None:
        return Threshold(seconds=stated, is_stated=True)
    seen = _seen_rule(times.converted, times.unconverted) if times.converted and times.unconverted else None
    return Threshold(seconds=seen, is_stated=False) if seen is not None else None


def _seen_rule(converted: Seconds, unconverted: Seconds) -> int | None:
    """The round number of seconds at which the share that converts jumps most.

    Needs 30 converted calls, 99 of 100 of them at least that long, and Wilson intervals (95 %) of the share that
    converts, in the 15 s below and the 15 s from it on, that do not meet. A rule of this house, not of Ringba.
    """
    if converted.calls < _FEWEST_CONVERTED:
        return None
    jumps = {}
    for second in range(_RULE_STEP_S, _LONGEST_RULE_S, _RULE_STEP_S):
        if converted.at_least(second) < _SHARE_ABOVE_RULE * converted.calls:
            break
        below = _share(converted, unconverted, second - JUST_UNDER_S, second)
        above = _share(converted, unconverted, second, second + JUST_UNDER_S)
        if wilson(*below)[1] < wilson(*above)[0]:
            jumps[second] = Fraction(*above) - Fraction(*below)
    return max(jumps, key=jumps.__getitem__, default=None)


def _share(converted: Seconds, unconverted: Seconds, start: int, end: int) -> tuple[int, int]:
    part = converted.between(start, end)
    return part, part + unconverted.between(start, end)


def describe_times(times: CallTimes) -> str:
    """How long calls wait and talk, and what the conversion rule cuts off, with the numbers."""
    if not times.funnel.calls:
        return "No calls, so no times."
    sentences = [
        _describe("Time to connect", "from arrival to answer, connected calls", times.to_connect),
        _describe("Connected time", "from answer to end, connected calls", times.connected),
        _compare(times),
        _describe("Duration", "from arrival to end, all ended calls", times.duration),
        _going(times),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _describe(name: str, meaning: str, times: Seconds | None) -> str:
    if times is None:
        return f"{name} is unknown: the source does not hold it."
    if not times.calls:
        return f"{name}: no call tells it."
    untold = f"; {counted(times.untold, 'call')} without it" if times.untold else ""
    middle = f"median {say_seconds(times.median)}, nine of ten within {say_seconds(times.p90)}"
    return f"{name} ({meaning}): {middle}, of {counted(times.calls, 'call')}{untold}."


def _compare(times: CallTimes) -> str:
    if not times.converted or not times.unconverted or not times.converted.calls or not times.unconverted.calls:
        return ""
    converted, others = say_seconds(times.converted.median), say_seconds(times.unconverted.median)
    return f"Of the converted the median is {converted}, of the connected that did not convert {others}."


def _going(times: CallTimes) -> str:
    if not times.going:
        return ""
    return f"{counted(times.going, 'call')} had not ended when read: in none of the lengths but the time to connect."


def describe_threshold(times: CallTimes) -> str:
    """The conversion rule, how the calls keep to it, and the calls just under it, in a few sentences."""
    converted, others = times.converted, times.unconverted
    if converted is None or others is None:
        return "How long converted calls lasted is unknown, so nothing can be said of a conversion rule."
    if not converted.calls:
        return "No converted call tells its connected time, so nothing can be said of a conversion rule."
    threshold = find_threshold(times)
    if threshold is None:
        return (
            f"No conversion rule is stated, and the times show none: the shortest of {converted.calls:,} converted "
            f"calls lasted {say_seconds(converted.shortest)}. State converts_after_s to draw it in."
        )
    rule = _stated(threshold, converted, others) if threshold.is_stated else _seen(threshold, converted, others)
    return f"{rule} {_just_under(times, threshold)}"


def _stated(threshold: Threshold, converted: Seconds, others: Seconds) -> str:
    shorter, longer = converted.below(threshold.seconds), others.at_least(threshold.seconds)
    text = f"The stated conversion rule is {threshold.seconds:,} s of connected time."
    if not shorter and not longer:
        return f"{text} All connected calls keep to it."
    return (
        f"{text} {counted(shorter, 'call')} converted though shorter, {counted(longer, 'call')} did not convert though "
        "at least that long."
    )


def _seen(threshold: Threshold, converted: Seconds, others: Seconds) -> str:
    rule = threshold.seconds
    below, above = (_share(converted, others, start, start + JUST_UNDER_S) for start in (rule - JUST_UNDER_S, rule))
    return (
        f"No conversion rule is stated. The shortest converted call lasted {say_seconds(converted.shortest)}; "
        f"{converted.at_least(rule):,} of {converted.calls:,} converted calls lasted at least {rule:,} s. In the "
        f"{JUST_UNDER_S} s below that {below[0]:,} of {below[1]:,} connected calls converted, in the {JUST_UNDER_S} s "
        f"from it on {above[0]:,} of {above[1]:,}: this looks like a rule of {rule:,} s. It is inferred: confirm it in "
        "Ringba, in the campaign's conversion settings."
    )


def just_under(times: CallTimes, threshold: Threshold) -> int:
    """Connected calls that did not convert and were at most 15 s shorter than the rule asks."""
    return times.unconverted.between(threshold.seconds - JUST_UNDER_S, threshold.seconds) if times.unconverted else 0


def average_revenue_micros(times: CallTimes) -> Fraction | None:
    """Revenue of a converted call on average, over those whose amount is told; None where none is."""
    revenue, known = times.converted_revenue
    return Fraction(revenue, known) if known and times.is_known("revenue_usd_micros") else None


def _just_under(times: CallTimes, threshold: Threshold) -> str:
    near, average = just_under(times, threshold), average_revenue_micros(times)
    if not near:
        return f"No unconverted call ended in the {JUST_UNDER_S} s before it."
    text = f"{counted(near, 'unconverted call')} ended in the {JUST_UNDER_S} s before it."
    if average is None:
        return text
    return (
        f"{text} If each of them had earned what a converted call earns on average, {_dollars(average)} USD, that "
        f"would be {_dollars(average * near)} USD more; whether any would have, nothing here tells."
    )


def describe_windows(times: CallTimes) -> str:
    """Whether a window, or a conversion rule, is in force on this page."""
    window, rule = times.funnel.definition.connect_within_s, times.funnel.definition.converts_after_s
    connect = (
        "No connect window is in force: a call counts as connected whenever it connects."
        if window is None
        else f"A connect window of {window:,} s is in force: a call that connects later counts as not connected, one "
        "whose time is not told as connected."
    )
    convert = (
        "No conversion rule is stated."
        if rule is None
        else f"A conversion rule of {rule:,} s is stated: it names an exit; who converted is as Ringba says."
    )
    return f"{connect} {convert}"


def windows_table(frame: pd.DataFrame) -> pd.DataFrame:
    """``timings.effect_of_windows`` as people read it: a row a window, the one in force marked."""
    import pandas as pd  # noqa: PLC0415  # as in timings

    return pd.DataFrame([_window_row(row) for row in frame.to_dict("records")])


def _window_row(row: dict[Hashable, Any]) -> dict[str, str]:
    is_connect = str(row["step"]).startswith("incoming")
    words = "connected within" if is_connect else "connected for at least"
    return {
        "Window": f"{words} {row['window_s']:,} s{' (in force)' if row['in_force'] else ''}",
        "Calls inside": _count(row["inside"]),
        "Calls outside": _count(row["outside"]),
        "Converted inside": _count(row["converted_inside"]),
        "Converted outside": _count(row["converted_outside"]),
        "Time not told": _count(row["untold"]),
    }


def times_table(times: CallTimes) -> pd.DataFrame:
    """Median, nine of ten, shortest and longest of each length, as people read it."""
    import pandas as pd  # noqa: PLC0415  # as in timings

    lengths = {
        "Time to connect": times.to_connect,
        "Connected time": times.connected,
        "Connected time, converted": times.converted,
        "Connected time, not converted": times.unconverted,
        "Duration": times.duration,
    }
    return pd.DataFrame([{"Length": name} | _length_row(one) for name, one in lengths.items()])


def _length_row(times: Seconds | None) -> dict[str, str]:
    if times is None:
        return dict.fromkeys(
            ("Calls", "Time not told", "Shortest", "Median", "Nine of ten within", "Longest"), "unknown"
        )
    shown = (times.shortest, times.median, times.p90, max(times.calls_of, default=None))
    names = ("Shortest", "Median", "Nine of ten within", "Longest")
    counts = {"Calls": f"{times.calls:,}", "Time not told": f"{times.untold:,}"}
    return counts | dict(zip(names, ("none" if one is None else say_seconds(one) for one in shown), strict=True))


def _count(value: object) -> str:
    return "unknown" if str(value) in ("<NA>", "nan", "None") else f"{value:,}"


def _dollars(micros: Fraction) -> str:
    """To the cent, for a sentence; the sums themselves stay exact."""
    return f"{Decimal(round(micros * 100 / MICROS)) / 100:,.2f}"


def title_connected(times: CallTimes) -> str:
    """The finding above the chart of connected time, in one short sentence."""
    threshold, everyone = find_threshold(times), times.connected
    if everyone is None or not everyone.calls:
        return "The connected time is unknown."
    if threshold is None or times.unconverted is None:
        return f"Half of the connected calls lasted {say_seconds(everyone.median)} or less"
    word = "stated" if threshold.is_stated else "likely"
    near = counted(just_under(times, threshold), "call")
    return f"{near} ended unconverted within {JUST_UNDER_S} s before the {word} rule of {threshold.seconds:,} s"


def title_connecting(times: CallTimes) -> str:
    """The finding above the chart of the time to connect, in one short sentence."""
    if times.to_connect is None or not times.to_connect.calls:
        return "The time to connect is unknown."
    middle, most = say_seconds(times.to_connect.median), say_seconds(times.to_connect.p90)
    return f"Half of the connected calls were answered within {middle}, nine of ten within {most}"
