"""Kayzen's spend beside Ringba's calls: joined by local day, and by the campaign's name where the report has one.

A campaign is joined when its name, without case and extra spaces, stands on both sides within the days that both sides
know. All spend of a joined campaign counts, on days without a call too. What stands on one side only is listed with its
amount, so that joined + not joined + of days whose calls are not known = all spend of the period.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

import pandas as pd

from kayzen_nb.amounts import per_one, ratio
from kayzen_nb.comparison import ripe_days
from kayzen_nb.spend import same_name
from kayzen_nb.vocabulary import Stage

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal
    from fractions import Fraction

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.spend import SpendTable

_SUMS = (*(f"{stage}_calls" for stage in Stage), "incoming_revenue", "incoming_payout")
_BLANK_CALLS, _BLANK_SPEND = _BLANKS = ("\0calls", "\0spend")  # never joined: they need not be the same campaign
_NAMES = ("calls", "connected", "converted", "paid", "revenue_usd_micros", "payout_usd_micros")
Side = Literal["both", "calls only", "spend only"]


@dataclass(frozen=True, kw_only=True)
class CostBasis:
    """Spend and the calls it is divided by: the same days, the same campaigns. None is unknown.

    ``calls`` has the count of each stage; amounts are millionths of a dollar.
    """

    days: tuple[date, ...]
    calls: dict[Stage, int | None]
    spend_usd_micros: int
    revenue_usd_micros: int | None

    def cost_per(self, stage: Stage) -> Decimal | None:
        """Spend for each call that reached the stage (``kayzen.md`` 4.2: spend / count), in dollars and cents."""
        return per_one(self.spend_usd_micros, self.calls[stage])

    @property
    def roas(self) -> Fraction | None:
        """Return on ad spend: revenue / spend; None when nothing was spent or the revenue is unknown."""
        return ratio(self.revenue_usd_micros, self.spend_usd_micros)

    @property
    def media_profit_usd_micros(self) -> int | None:
        """Revenue - spend, in millionths of a dollar: what is left before a publisher's payout."""
        return None if self.revenue_usd_micros is None else self.revenue_usd_micros - self.spend_usd_micros


@dataclass(frozen=True, kw_only=True)
class SpendJoin:
    """Spend and calls, paired. Amounts are millionths of a dollar.

    ``basis`` is what costs are counted on; ``ripe`` its ripe days only (None when ripeness was not measured).
    ``daily`` has one row for each day of the period: ``day, calls, connected, converted, paid, revenue_usd_micros,
    spend_usd_micros, is_ripe``; what is unknown is missing. ``campaigns`` has one row a name and ``side``: both, calls
    only, spend only; it is empty where days alone are joined. ``untold_days`` are days of the period that the report
    does not hold: their spend is unknown, and their calls are not in the costs.
    """

    by: Literal["campaign", "day"]
    basis: CostBasis
    ripe: CostBasis | None
    daily: pd.DataFrame = field(repr=False)
    campaigns: pd.DataFrame = field(repr=False)
    period_usd_micros: int
    unmatched_usd_micros: int
    unread_usd_micros: int
    outside_usd_micros: int
    untold_days: tuple[date, ...]

    @property
    def calls_left_out(self) -> int:
        """Calls of campaigns without spend, on the days that both sides know."""
        return int(self.campaigns.loc[self.campaigns["side"] == "calls only", "calls"].sum()) if self.is_by_name else 0

    @property
    def is_by_name(self) -> bool:
        """Whether campaigns are joined by name, and not days alone."""
        return self.by == "campaign"


def join_spend(funnel: Funnel, spend: SpendTable) -> SpendJoin:
    """Pair the spend with the calls. The funnel must look at all calls: spend is not divided by state or target."""
    calls, costs = _call_cells(funnel), _spend_cells(spend)
    unread, told = {*funnel.unread, *funnel.partly_read}, set(spend.days)
    in_period = costs[costs["day"].isin(funnel.period.days)]
    days = tuple(day for day in funnel.period.days if day in told and day not in unread)
    known_calls, known_costs = calls[calls["day"].isin(days)], in_period[in_period["day"].isin(days)]
    sides = _sides(known_calls, known_costs) if "campaign" in spend.held else {}
    both = [name for name, side in sides.items() if side == "both"]
    basis_costs, basis_calls = _kept(known_costs, both), _kept(known_calls, both)
    ripe = tuple(day for day in ripe_days(funnel.period, funnel.definition) if day in days)
    return SpendJoin(
        by="campaign" if both else "day",
        basis=_basis(funnel, basis_calls, basis_costs, days),
        ripe=_basis(funnel, basis_calls, basis_costs, ripe) if funnel.definition.ripe_until else None,
        daily=_daily(funnel, _kept(calls, both), basis_costs, days),
        campaigns=_campaigns(funnel, known_calls, known_costs, sides),
        period_usd_micros=_sum(in_period),
        unmatched_usd_micros=_sum(known_costs) - _sum(basis_costs),
        unread_usd_micros=_sum(in_period) - _sum(known_costs),
        outside_usd_micros=_sum(costs) - _sum(in_period),
        untold_days=tuple(day for day in funnel.period.days if day not in told),
    )


def _call_cells(funnel: Funnel) -> pd.DataFrame:
    """Calls at each stage, revenue and payout by day and compared name."""
    cells = funnel.stages(["day", "campaign"])
    cells["name"] = [same_name(campaign) or _BLANK_CALLS for campaign in cells["campaign"]]
    return cells


def _spend_cells(spend: SpendTable) -> pd.DataFrame:
    """Spend by day and compared name."""
    rows = spend.rows[["day", "campaign", "spend_usd_micros"]]
    return rows.assign(name=[same_name(campaign) or _BLANK_SPEND for campaign in rows["campaign"]])


def _sides(calls: pd.DataFrame, costs: pd.DataFrame) -> dict[str, Side]:
    """On which side each campaign stands, the joined ones first."""
    called, spent = set(calls["name"]), set(costs["name"])
    sides: dict[str, Side] = {}
    for side, names in (("both", called & spent), ("calls only", called - spent), ("spend only", spent - called)):
        sides |= dict.fromkeys(sorted(names), side)
    return sides


def _kept(cells: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The cells of the joined campaigns; all of them where days alone are joined."""
    return cells[cells["name"].isin(names)] if names else cells


def _sum(costs: pd.DataFrame) -> int:
    return int(costs["spend_usd_micros"].sum())


def _basis(funnel: Funnel, calls: pd.DataFrame, costs: pd.DataFrame, days: tuple[date, ...]) -> CostBasis:
    calls, costs = calls[calls["day"].isin(days)], costs[costs["day"].isin(days)]
    revenue = None if "revenue_usd_micros" in funnel.unknown else int(calls["incoming_revenue"].sum())
    reached = {stage: int(calls[f"{stage}_calls"].sum()) if funnel.is_known(stage) else None for stage in Stage}
    return CostBasis(days=days, calls=reached, spend_usd_micros=_sum(costs), revenue_usd_micros=revenue)


def _sums_of_calls(funnel: Funnel, calls: pd.DataFrame, by: str, every: pd.Index | None = None) -> pd.DataFrame:
    """Counts and amounts of each group, zero for others of ``every``; missing where the source cannot tell."""
    sums = calls.groupby(by)[list(_SUMS)].sum()
    sums = (sums if every is None else sums.reindex(every, fill_value=0)).astype("Int64")
    sums.columns = pd.Index(_NAMES)
    unknown = [name for name, stage in zip(_NAMES, Stage, strict=False) if not funnel.is_known(stage)]
    sums[[*unknown, *(name for name in _NAMES if name in funnel.unknown)]] = pd.NA
    return sums


def _daily(funnel: Funnel, calls: pd.DataFrame, costs: pd.DataFrame, days: tuple[date, ...]) -> pd.DataFrame:
    """Every day of the period: no call is zero on a day that was read; spend is unknown on one not reported."""
    index = pd.Index(funnel.period.days, dtype="object", name="day")
    table = _sums_of_calls(funnel, calls, "day", every=index)
    table.loc[index.isin([*funnel.unread, *funnel.partly_read])] = pd.NA
    spent = costs.groupby("day")["spend_usd_micros"].sum().reindex(index).astype("Int64")
    table["spend_usd_micros"] = spent.fillna(0).where(index.isin(days))
    table["is_ripe"] = index.isin(ripe_days(funnel.period, funnel.definition))
    return table.reset_index()


def _campaigns(funnel: Funnel, calls: pd.DataFrame, costs: pd.DataFrame, sides: dict[str, Side]) -> pd.DataFrame:
    """One row a name: on which side it stands, its calls, amounts and spend, and the nearest name of the other side."""
    index = pd.Index(sides, dtype="object", name="name")
    table = _sums_of_calls(funnel, calls, "name").reindex(index)
    table["spend_usd_micros"] = costs.groupby("name")["spend_usd_micros"].sum().reindex(index).astype("Int64")
    written = pd.concat([costs, calls])[["name", "campaign"]].drop_duplicates("name", keep="last")
    spelling = dict(zip(written["name"], written["campaign"], strict=True))
    table.insert(0, "campaign", pd.Series([spelling[name] for name in index], index=index, dtype="object"))
    table.insert(1, "side", list(sides.values()))
    table["near"] = [_nearest(name, sides) for name in index]
    return table.reset_index(drop=True)


def _nearest(name: str, sides: dict[str, Side]) -> str:
    """The name of the other side that is most alike: perhaps the same campaign, written differently."""
    other = {"spend only": "calls only", "calls only": "spend only"}.get(sides[name])
    near = get_close_matches(name, [one for one, side in sides.items() if side == other], n=1, cutoff=0.6)
    return near[0] if near and name not in _BLANKS and near[0] not in _BLANKS else ""
