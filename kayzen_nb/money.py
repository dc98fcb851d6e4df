"""Money on every step of the funnel: revenue, payout, margin, revenue per call; and costs where spend is given.

All revenue is divided by the calls of a step (``kayzen.md`` 4.2: conversion amount sum / count). Revenue per call has
two bases in use: the field divides by all incoming calls, Ringba by *ended* ones (``ringba.md`` 7.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.amounts import per_one, ratio
from kayzen_nb.definition import exit_sql
from kayzen_nb.exits import EXITS, codes_reaching
from kayzen_nb.spendjoin import join_spend
from kayzen_nb.vocabulary import Stage, usd

if TYPE_CHECKING:
    from decimal import Decimal

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.spend import SpendTable
    from kayzen_nb.spendjoin import SpendJoin

AMOUNTS = ("revenue", "payout")
_UNCONVERTED = frozenset(one.code for one in EXITS if one.name in ("call_going", "conversion_pending"))
# Exits after which an amount may still come: revenue with the conversion, payout after it.
_PENDING = {
    "revenue": _UNCONVERTED,
    "payout": _UNCONVERTED | {one.code for one in EXITS if one.name == "payout_pending"},
}
# Null counts as not met in every SQL alike, so a missing amount is neither zero nor told.
_STATES_SQL = """\
  count(*) as calls,
  sum(case when revenue_usd_micros = 0 then 1 else 0 end)::bigint as revenue_zero,
  sum(case when revenue_usd_micros is null then 1 else 0 end)::bigint as revenue_missing,
  sum(case when payout_usd_micros = 0 then 1 else 0 end)::bigint as payout_zero,
  sum(case when payout_usd_micros is null then 1 else 0 end)::bigint as payout_missing,
  sum(case when connected and not completed then 1 else 0 end)::bigint as live,
  sum(case when incomplete_reason is null or coalesce(blocked, false) then 0 else 1 end)::bigint as incomplete"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """Ringba's base of revenue per call: Incoming - Live - IVR hang-up (``ringba.md`` 7.2). None is unknown.

    Of live calls only those that a target has answered can be seen in calls; one that still rings looks like one that
    ended.
    """

    incoming: int
    live: int | None
    incomplete: int | None

    @property
    def calls(self) -> int | None:
        """The ended calls; None when one of the parts is unknown."""
        if self.live is None or self.incomplete is None:
            return None
        return self.incoming - self.live - self.incomplete

    @property
    def unknown(self) -> tuple[str, ...]:
        """The parts that the source does not hold."""
        parts = {"live calls": self.live, "calls that ended in the menu": self.incomplete}
        return tuple(name for name, calls in parts.items() if calls is None)


@dataclass(frozen=True, kw_only=True)
class Money:
    """What the calls earn and cost. Missing is unknown, and never zero.

    ``steps`` has one row a stage: ``stage, calls``; exact dollars ``revenue, payout, margin`` of the calls that
    reached it, ``margin_rate`` on revenue; ``revenue_per_call``, all revenue divided by the calls of the stage, in
    cents; and of how many of its calls the amount is ``<amount>_other`` than zero, ``_zero``, ``_missing``, or
    ``_not_yet`` (zero or missing, and may still come); they sum to the calls, and are unknown for a part of the calls.
    ``join`` is None without spend, and ``no_join`` says why.
    """

    funnel: Funnel = field(repr=False)
    steps: pd.DataFrame = field(repr=False)
    revenue_usd_micros: int | None
    payout_usd_micros: int | None
    ended: Ended | None
    spend: SpendTable | None = None
    join: SpendJoin | None = None
    no_join: str = ""

    @property
    def margin_usd_micros(self) -> int | None:
        """Revenue - payout, in millionths of a dollar; telco cost is not in the calls, so it is not taken off."""
        if self.revenue_usd_micros is None or self.payout_usd_micros is None:
            return None
        return self.revenue_usd_micros - self.payout_usd_micros

    @property
    def revenue_per_incoming(self) -> Decimal | None:
        """Revenue per call as the field counts it: revenue / incoming calls."""
        return per_one(self.revenue_usd_micros, self.funnel.calls)

    @property
    def revenue_per_ended(self) -> Decimal | None:
        """Revenue per call as Ringba's Summary counts it: revenue / ended calls."""
        return per_one(self.revenue_usd_micros, self.ended.calls if self.ended else None)


def count_money(funnel: Funnel, spend: SpendTable | None = None, *, campaign: str = "") -> Money:
    """What the funnel's calls earn at each stage and, where spend is given, what they cost.

    Spend is joined only when the funnel looks at all calls: it cannot be divided by state or target. ``campaign`` says
    that the calls are of that one alone: then only its own spend is theirs, and none where the file does not tell it.
    """
    own = spend.of_campaign(campaign) if spend and campaign.strip() else spend
    sums = funnel.stages().iloc[0]
    states = None if funnel.only else _count_states(funnel)
    revenue, payout = (_known_sum(funnel, sums, amount) for amount in AMOUNTS)
    no_join = "no file of spend was given" if spend is None else ""
    if spend is not None and own is None:
        no_join = f"these are the calls of {campaign.strip()} alone, and the file tells no spend under that name"
    elif spend is not None and funnel.only:
        no_join = f"spend is not divided by {', '.join(funnel.only)}"
    return Money(
        funnel=funnel,
        steps=_steps(funnel, sums, states),
        revenue_usd_micros=revenue,
        payout_usd_micros=payout,
        ended=None if states is None else _ended(funnel, states),
        spend=spend,
        join=None if spend is None or no_join else join_spend(funnel, own or spend),
        no_join=no_join,
    )


def _known_sum(funnel: Funnel, sums: pd.Series, amount: str, stage: Stage = Stage.INCOMING) -> int | None:
    told = f"{amount}_usd_micros" not in funnel.unknown and funnel.is_known(stage)
    return int(sums[f"{stage}_{amount}"]) if told else None


def _count_states(funnel: Funnel) -> pd.DataFrame:
    """One pass over the calls: by exit, how many amounts are zero or missing, and the parts of Ringba's *ended*."""
    sql = f"select\n  {exit_sql(funnel.definition)} as exit,\n{_STATES_SQL}\nfrom calls\ngroup by 1"  # our own words
    counted: pd.DataFrame = funnel.table.relation.query("calls", sql).df()  # type: ignore[union-attr]  # a select gives rows
    return counted


def _ended(funnel: Funnel, states: pd.DataFrame) -> Ended:
    told = {"live": {"connected", "completed"}, "incomplete": {"incomplete_reason"}}
    parts = {part: int(states[part].sum()) if not columns & funnel.unknown else None for part, columns in told.items()}
    return Ended(incoming=int(states["calls"].sum()), **parts)


def _steps(funnel: Funnel, sums: pd.Series, states: pd.DataFrame | None) -> pd.DataFrame:
    rows = [_step(funnel, sums, stage) | _states_of(funnel, states, stage) for stage in Stage]
    frame = pd.DataFrame(rows, dtype="object")
    whole = ["calls", *(name for name in frame.columns if name.endswith(("_zero", "_missing", "_not_yet", "_other")))]
    return frame.astype({**dict.fromkeys(whole, "Int64"), "margin_rate": "Float64"})


def _step(funnel: Funnel, sums: pd.Series, stage: Stage) -> dict[str, object]:
    """Calls and amounts of one stage."""
    revenue, payout = (_known_sum(funnel, sums, amount, stage) for amount in AMOUNTS)
    margin = None if revenue is None or payout is None else revenue - payout
    calls = funnel.count(stage)
    rate = ratio(margin, revenue)
    return {
        "stage": stage.value,
        "calls": calls,
        "revenue": None if revenue is None else usd(revenue),
        "payout": None if payout is None else usd(payout),
        "margin": None if margin is None else usd(margin),
        "margin_rate": None if rate is None else float(rate),
        "revenue_per_call": per_one(_known_sum(funnel, sums, "revenue"), calls),
    }


def _states_of(funnel: Funnel, states: pd.DataFrame | None, stage: Stage) -> dict[str, int | None]:
    """Of how many calls of a stage each amount is other than zero, zero, missing, or not yet there."""
    return {
        f"{amount}_{state}": calls
        for amount in AMOUNTS
        for state, calls in _amount_states(funnel, states, stage, amount).items()
    }


def _amount_states(funnel: Funnel, states: pd.DataFrame | None, stage: Stage, amount: str) -> dict[str, int | None]:
    if states is None or f"{amount}_usd_micros" in funnel.unknown or not funnel.is_known(stage):
        return dict.fromkeys(("other", "zero", "missing", "not_yet"))
    reached = states[states["exit"].isin(codes_reaching(stage))]
    pending = reached["exit"].isin(_PENDING[amount])
    empty = reached[f"{amount}_zero"] + reached[f"{amount}_missing"]
    return {
        "other": int((reached["calls"] - empty).sum()),
        "zero": int(reached.loc[~pending, f"{amount}_zero"].sum()),
        "missing": int(reached.loc[~pending, f"{amount}_missing"].sum()),
        "not_yet": int(empty[pending].sum()),
    }
