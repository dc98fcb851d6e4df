"""How calls answer to impressions: calls for each 1,000 impressions, by hour of the day or, without hours, by day.

A call may answer to an impression of an hour before, so the curve tells when people respond, not what made them call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import pandas as pd

from kayzen_nb.dimensions import describe_value
from kayzen_nb.spend import same_name
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from datetime import date

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.money import Money
    from kayzen_nb.spend import SpendTable
    from kayzen_nb.spendjoin import SpendJoin

_LISTED = 6
_HOURS_NOTE = " A call may answer to an earlier hour's impressions, and Kayzen's hours are taken as the page's."
_FEW = 30  # calls over all rows: with fewer, an hour would hold one or two


@dataclass(frozen=True, kw_only=True)
class Response:
    """Calls beside impressions, one row an hour (0 to 23, of the page's zone) or a day.

    ``rows`` has ``at, calls, impressions, per_1000, low, high``; the interval is of 95 % (``poisson_interval``). A rate
    without impressions, or with impressions that are not told, is missing. ``why_not`` says why there is no curve, or
    why it is by day; ``stands_out`` lists the rows above or below the whole by more than chance, corrected for as many
    looks as there are rows. ``by_name`` tells whether only calls of the joined campaigns are counted.
    """

    grain: Literal["hour", "day", "none"]
    rows: pd.DataFrame = field(repr=False)
    why_not: str = ""
    zone: str = ""
    by_name: bool = False
    stands_out: dict[object, Literal["above", "below"]] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """Calls of all rows."""
        return int(self.rows["calls"].sum())

    @property
    def impressions(self) -> int:
        """Impressions of all rows."""
        return int(self.rows["impressions"].sum())


def poisson_interval(calls: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a count: all means m with (calls - m)^2 <= z^2 m.

    It is what Wilson's interval becomes for rare events, and holds where calls outnumber impressions too. It takes
    calls as independent of each other; people who call again make the truth wider.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre, half = calls + z * z / 2, z * math.sqrt(calls + z * z / 4)
    return max(centre - half, 0.0), centre + half


def count_response(money: Money) -> Response:
    """Calls beside impressions, of the days and campaigns on which costs are counted."""
    spend, join = money.spend, money.join
    if spend is None or join is None:
        return _nothing(money.no_join)
    if "impressions" not in spend.held:
        return _nothing("Kayzen's file has no impressions")
    told = _told_rows(spend, join)
    days = _whole_days(told, "impressions", join)
    if not days:
        return _nothing("no day has calls and impressions that are both known in full")
    hours = _whole_days(told[told["day"].isin(days)], "hour", join) if "hour" in spend.held else ()
    grain: Literal["hour", "day"] = "hour" if hours else "day"
    why_not = "" if hours else "by hour it is unknown: Kayzen's file has no hours"
    rows = _pair(_count_calls(money.funnel, join, grain, hours or days), told, grain, hours or days)
    return Response(
        grain=grain,
        rows=rows,
        why_not=why_not,
        zone=money.funnel.period.zone,
        by_name=join.is_by_name,
        stands_out=_stands_out(rows),
    )


def describe_response(response: Response) -> str:
    """The response in a sentence or two; "nothing stands out" is an answer."""
    if response.grain == "none":
        return f"Response to impressions is unknown: {response.why_not}."
    first = f"By day; {response.why_not}. " if response.grain == "day" else ""
    if not response.impressions:
        return f"{first}The days that are known have no impressions: there is no response to count."
    rate = 1000 * response.calls / response.impressions
    whole = f"{counted(response.calls, 'call')} to {response.impressions:,} impressions: {rate:.3g} per 1,000. "
    return f"{first}{whole}{_describe_rows(response)}"


def row_name(response: Response, at: object) -> str:
    """An hour or a day as people read it."""
    return describe_value(response.grain, at) if response.grain == "hour" else str(at)


def _describe_rows(response: Response) -> str:
    noun, looks = response.grain, len(response.rows)
    if response.calls < _FEW:
        return f"With so few calls no {noun} can be told from another."
    if not response.stands_out:
        return f"No {noun} stands out from the whole by more than chance, corrected for {looks} looks."
    sides = {side: [at for at, one in response.stands_out.items() if one == side] for side in ("above", "below")}
    parts = [f"{side} the whole: {_listed(response, found)}" for side, found in sides.items() if found]
    return (
        f"By more than chance, corrected for {looks} looks, {'; '.join(parts)}.{_HOURS_NOTE if noun == 'hour' else ''}"
    )


def _listed(response: Response, found: list[object]) -> str:
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return ", ".join(row_name(response, at) for at in found[:_LISTED]) + more


def _nothing(why_not: str) -> Response:
    columns = ["at", "calls", "impressions", "per_1000", "low", "high"]
    return Response(grain="none", rows=pd.DataFrame(columns=columns), why_not=why_not)


def _told_rows(spend: SpendTable, join: SpendJoin) -> pd.DataFrame:
    """The rows of the report that costs are counted on."""
    return _keep(spend.rows, join, join.basis.days)


def _keep(rows: pd.DataFrame, join: SpendJoin, days: tuple[date, ...]) -> pd.DataFrame:
    """The rows of these days and, where names are joined, of the campaigns that stand on both sides."""
    kept = rows[rows["day"].isin(days)]
    if not join.is_by_name:
        return kept
    names = {same_name(name) for name in join.campaigns.loc[join.campaigns["side"] == "both", "campaign"]}
    return kept[kept["campaign"].map(same_name).isin(names)]


def _whole_days(told: pd.DataFrame, column: str, join: SpendJoin) -> tuple[date, ...]:
    """The days of which every row tells the column."""
    gaps = set(told.loc[told[column].isna(), "day"])
    days = set(told["day"]) - gaps
    return tuple(day for day in join.basis.days if day in days)


def _count_calls(funnel: Funnel, join: SpendJoin, grain: str, days: tuple[date, ...]) -> pd.Series:
    """Incoming calls of these days and of the joined campaigns, by hour or by day."""
    cells = funnel.stages(["day", *(["hour"] if grain == "hour" else []), "campaign"])
    return _keep(cells, join, days).groupby(grain)["incoming_calls"].sum()


def _pair(calls: pd.Series, told: pd.DataFrame, grain: str, days: tuple[date, ...]) -> pd.DataFrame:
    """Calls and impressions side by side: an hour without a row had none, as reports leave out zeros."""
    at = list(range(24)) if grain == "hour" else list(days)
    shown = told[told["day"].isin(days)].groupby(grain)["impressions"].sum()
    rows = pd.DataFrame({"at": pd.Series(at, dtype="object")})
    rows["calls"] = [int(calls.get(one, 0)) for one in at]
    rows["impressions"] = [int(shown.get(one, 0)) for one in at]
    counts = list(zip(rows["calls"], rows["impressions"], strict=True))
    rows["per_1000"] = [1000 * count / base if base else math.nan for count, base in counts]
    intervals = [poisson_interval(count) for count in rows["calls"]]
    for place, name in enumerate(("low", "high")):
        rows[name] = [
            1000 * one[place] / base if base else math.nan for one, (_, base) in zip(intervals, counts, strict=True)
        ]
    return rows


def _stands_out(rows: pd.DataFrame) -> dict[object, Literal["above", "below"]]:
    """The rows whose interval, at 5 % divided by the number of looks (Bonferroni), does not hold the whole's rate."""
    impressions, calls = int(rows["impressions"].sum()), int(rows["calls"].sum())
    if calls < _FEW or not impressions:
        return {}
    found: dict[object, Literal["above", "below"]] = {}
    for at, count, base in zip(rows["at"], rows["calls"], rows["impressions"], strict=True):
        low, high = poisson_interval(count, confidence=1 - 0.05 / len(rows))
        expected = calls * base / impressions
        if base and not low <= expected <= high:
            found[at] = "above" if expected < low else "below"
    return found
