"""Money as tables for people: per stage, costs, campaigns, days, response, and what became of the spend's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from kayzen_nb.amounts import per_one, ratio, to_places
from kayzen_nb.response import row_name
from kayzen_nb.vocabulary import Stage, label, usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kayzen_nb.money import Money
    from kayzen_nb.response import Response

_STATES = {"other": "other than 0.00", "zero": "0.00", "missing": "missing", "not_yet": "not yet"}
_PER = {Stage.INCOMING: "call", Stage.CONNECTED: "connected", Stage.CONVERTED: "converted", Stage.PAYOUT: "paid call"}
_SIDES = {"both": "both", "calls only": "Ringba only", "spend only": "Kayzen only"}


def money_table(money: Money) -> pd.DataFrame:
    """One row a stage: calls, revenue, payout, margin, revenue per call."""
    rows = money.steps.to_dict("records")
    return pd.DataFrame(
        {
            "Stage": [label(row["stage"]) for row in rows],
            "Calls": [_count(row["calls"]) for row in rows],
            "Revenue (USD)": [_count(row["revenue"]) for row in rows],
            "Payout (USD)": [_count(row["payout"]) for row in rows],
            "Margin (USD)": [_count(row["margin"]) for row in rows],
            "Margin of revenue": [_share(row["margin_rate"]) for row in rows],
            "All revenue per call (USD)": [_per(row["revenue_per_call"], row["calls"]) for row in rows],
        }
    )


def states_table(money: Money) -> pd.DataFrame:
    """One row a stage and amount: of how many calls it is other than zero, zero, missing, or not yet there."""
    rows = [(row, amount) for row in money.steps.to_dict("records") for amount in ("revenue", "payout")]
    frame = {"Stage": [label(row["stage"]) for row, _ in rows], "Amount": [label(amount) for _, amount in rows]}
    return pd.DataFrame(
        frame | {words: [_count(row[f"{amount}_{state}"]) for row, amount in rows] for state, words in _STATES.items()}
    )


def costs_table(money: Money) -> pd.DataFrame:
    """One row a stage: calls in the costs, and spend for each; below them ROAS. Empty without spend."""
    if money.join is None:
        return pd.DataFrame()
    bases = {"All days that both sides know": money.join.basis}
    bases |= {"Ripe days only": money.join.ripe} if money.join.ripe is not None else {}
    rows = [
        {
            "Counted on": name,
            "Spend (USD)": _count(usd(basis.spend_usd_micros)),
            **{f"Per {word} (USD)": _per(basis.cost_per(stage), basis.calls[stage]) for stage, word in _PER.items()},
            "ROAS": _roas(basis.revenue_usd_micros, basis.spend_usd_micros),
        }
        for name, basis in bases.items()
    ]
    return pd.DataFrame(rows)


def campaign_costs_table(money: Money) -> pd.DataFrame:
    """One row a campaign's name, joined or not, with its amounts: nothing that is on one side only is dropped."""
    rows = [] if money.join is None else money.join.campaigns.to_dict("records")
    return pd.DataFrame(
        [
            {
                "Campaign": row["campaign"] or "(no campaign)",
                "Stands in": _SIDES[row["side"]],
                "Calls": _count(row["calls"], "none under this name"),
                "Converted": _count(row["converted"], "none" if row["side"] == "spend only" else "unknown"),
                "Revenue (USD)": _usd(row["revenue_usd_micros"]),
                "Spend (USD)": _usd(row["spend_usd_micros"], "none told"),
                "Per call (USD)": _cost(row, "calls"),
                "Per converted (USD)": _cost(row, "converted"),
                "ROAS": _roas(_whole(row["revenue_usd_micros"]), _whole(row["spend_usd_micros"])),
                "Perhaps the same as": row["near"],
            }
            for row in rows
        ]
    )


def spend_days_table(money: Money) -> pd.DataFrame:
    """One row a day of the period: calls, spend, revenue, cost per call, ROAS; unknown is a word."""
    rows = [] if money.join is None else money.join.daily.to_dict("records")
    return pd.DataFrame(
        [
            {
                "Day": str(row["day"]),
                "Calls": _count(row["calls"]),
                "Spend (USD)": _usd(row["spend_usd_micros"]),
                "Revenue (USD)": _usd(row["revenue_usd_micros"]),
                "Per call (USD)": _cost(row, "calls"),
                "ROAS": _roas(_whole(row["revenue_usd_micros"]), _whole(row["spend_usd_micros"])),
                "Ripe": "yes" if row["is_ripe"] else "not yet",
            }
            for row in rows
        ]
    )


def response_table(response: Response) -> pd.DataFrame:
    """One row an hour or day: calls, impressions, calls for each 1,000 with the interval, and whether it stands out."""
    rows = response.rows.to_dict("records")
    return pd.DataFrame(
        [
            {
                label(response.grain): row_name(response, row["at"]),
                "Calls": f"{row['calls']:,}",
                "Impressions": f"{row['impressions']:,}",
                "Calls per 1,000": f"{row['per_1000']:.3f}" if row["impressions"] else "no base",
                "95 % interval": f"{row['low']:.3f} to {row['high']:.3f}" if row["impressions"] else "no base",
                "Stands out": response.stands_out.get(row["at"], ""),
            }
            for row in rows
        ]
    )


def spend_ledger_table(money: Money) -> pd.DataFrame:
    """Rows of the spend file that were read, used, and set aside with the reason; empty without a file."""
    if money.spend is None:
        return pd.DataFrame()
    ledger = money.spend.ledger
    rows = [("read", ledger.rows_in), ("used", ledger.rows_used)]
    rows += [(f"set aside: {entry.reason}", entry.rows) for entry in ledger.set_aside]
    return pd.DataFrame([{"Rows of spend": name, "Count": f"{count:,}"} for name, count in rows])


def _is_missing(value: object) -> bool:
    return str(value) in ("None", "nan", "<NA>")


def _count(value: object, missing: str = "unknown") -> str:
    return missing if _is_missing(value) else f"{value:,}"


def _usd(micros: object, missing: str = "unknown") -> str:
    return missing if _is_missing(micros) else f"{usd(int(str(micros))):,}"


def _per(amount: object, calls: object) -> str:
    if not _is_missing(amount):
        return f"{amount:,}"
    return "no base" if str(calls) == "0" else "unknown"


def _share(rate: object) -> str:
    return "no base" if _is_missing(rate) else f"{float(str(rate)):.1%}"


def _whole(value: object) -> int | None:
    return None if _is_missing(value) else int(str(value))


def _cost(row: Mapping[Any, Any], count: str) -> str:
    micros, calls = _whole(row["spend_usd_micros"]), _whole(row[count])
    return _per(per_one(micros, calls), row[count] if micros is not None else None)


def _roas(revenue: int | None, spend: int | None) -> str:
    exact = to_places(ratio(revenue, spend))
    return str(exact) if exact is not None else "unknown" if revenue is None or spend is None else "no base"
