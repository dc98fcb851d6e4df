"""What the money says, as sentences with their numbers, and the checks that let one trust the costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.amounts import dollars, per_one, to_places
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.comparison import ripe_days
from kayzen_nb.money import AMOUNTS
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from kayzen_nb.money import Money
    from kayzen_nb.spendjoin import CostBasis, SpendJoin


def describe_money(money: Money) -> str:
    """What the calls earn and cost in a few sentences: the answer first, then what is left out or still to come."""
    if not money.funnel.calls:
        return f"No calls, no revenue.{_spend_alone(money)}"
    return " ".join(
        part
        for part in (_earned(money), _kept_margin(money), _to_come(money), _unripe(money), describe_costs(money))
        if part
    )


def describe_costs(money: Money) -> str:
    """Spend for each call and ROAS, on what they are counted, and what is not joined; empty without any spend."""
    if money.join is None:
        return "" if money.spend is None else f"Costs are not counted: {money.no_join}."
    join = money.join
    if not join.basis.days:
        return f"The spend file holds no day of this period whose calls are known: costs are unknown.{_left_out(join)}"
    return f"{_costs(join)}{_ripe_only(join)}{_left_out(join)}"


def describe_per_call(money: Money) -> str:
    """Revenue per call by both of its definitions, with their bases."""
    field, by_ringba, ended = money.revenue_per_incoming, money.revenue_per_ended, money.ended
    if field is None:
        return "Revenue per call is unknown." if money.funnel.calls else "No calls, so no revenue per call."
    text = f"Revenue per call: {field:,} USD over all {money.funnel.calls:,} incoming calls."
    if ended is None:
        return text
    if by_ringba is None or ended.calls is None:
        why = f"{' and '.join(ended.unknown)} unknown" if ended.unknown else "no call has ended"
        return f"{text} By Ringba's formula (ended calls as base): unknown, {why}."
    return (
        f"{text} By Ringba's formula: {by_ringba:,} USD over {ended.calls:,} ended calls "
        f"(incoming - {ended.live:,} live - {ended.incomplete:,} that ended in the menu)."
    )


def describe_steps(money: Money) -> str:
    """What the calls earn, in the one sentence that stands above the chart."""
    return _earned(money) if money.funnel.calls else "No calls, no revenue."


def describe_spend_by_day(money: Money) -> str:
    """Spend against revenue over the days that both sides know, in the one sentence that stands above the chart."""
    if money.join is None:
        return f"Costs are not counted: {money.no_join}."
    basis = money.join.basis
    if not basis.days:
        return "The spend file holds no day of this period whose calls are known."
    revenue = "revenue unknown" if basis.revenue_usd_micros is None else f"revenue {dollars(basis.revenue_usd_micros)}"
    return f"{counted(len(basis.days), 'day')}: spend {dollars(basis.spend_usd_micros)}, {revenue}, {_roas(basis)}."


def check_costs(money: Money) -> list[Check]:
    """Whether the spend can be trusted and is joined in full; none without spend."""
    if money.spend is None or money.join is None:
        return []
    return [*money.spend.checks, _check_joined(money.join), _check_days_told(money.join)]


def _earned(money: Money) -> str:
    revenue = money.revenue_usd_micros
    if revenue is None:
        return "What the calls earn is unknown: the source holds no revenue."
    text = f"Revenue {dollars(revenue)}: {money.revenue_per_incoming:,} USD per call"
    converted = per_one(revenue, money.funnel.count(Stage.CONVERTED))
    return text + (f", {converted:,} per converted call." if converted is not None else ".")


def _kept_margin(money: Money) -> str:
    margin, payout, revenue = money.margin_usd_micros, money.payout_usd_micros, money.revenue_usd_micros
    if payout is None:
        return "Payout is unknown." if revenue is not None else ""
    if margin is None:
        return f"Payout {dollars(payout)}."
    share = f", {margin / revenue:.1%} of revenue" if revenue and revenue > 0 else ""
    return f"Payout {dollars(payout)}, so a margin of {dollars(margin)}{share}."


def _to_come(money: Money) -> str:
    """Of converted calls: amounts that are zero, missing, and not yet there, kept apart."""
    (converted,) = money.steps[money.steps["stage"] == Stage.CONVERTED].to_dict("records")
    words = {"zero": "is 0.00", "missing": "is missing", "not_yet": "may still come"}
    told = {(amount, word): converted[f"{amount}_{state}"] for amount in AMOUNTS for state, word in words.items()}
    known = {key: int(calls) for key, calls in told.items() if str(calls) not in ("<NA>", "None")}
    parts = [f"{amount} of {calls:,} {word}" for (amount, word), calls in known.items() if calls]
    return f"Of {counted(int(converted['calls']), 'converted call')}: {', '.join(parts)}." if parts else ""


def _unripe(money: Money) -> str:
    """That the amounts of young days are still coming; nothing where all are ripe, or ripeness was not measured."""
    period = money.funnel.period
    unripe = [day for day in period.days if day not in ripe_days(period, money.funnel.definition)]
    if not unripe:
        return ""
    return f"Of {counted(len(unripe), 'day')} from {unripe[0]} on, not ripe yet, revenue and payout are still coming."


def _costs(join: SpendJoin) -> str:
    basis = join.basis
    named = {
        Stage.INCOMING: "call",
        Stage.CONNECTED: "connected call",
        Stage.CONVERTED: "converted call",
        Stage.PAYOUT: "paid call",
    }
    told = [f"{cost:,} USD a {noun}" for stage, noun in named.items() if (cost := basis.cost_per(stage)) is not None]
    each = ", ".join(told) or ("no call to divide it by" if basis.calls[Stage.INCOMING] == 0 else "calls unknown")
    return f"Spend {dollars(basis.spend_usd_micros)}: {each}; {_roas(basis)}{_profit(basis)}."


def _roas(basis: CostBasis) -> str:
    if basis.roas is None:
        return "ROAS has no base, nothing was spent" if basis.spend_usd_micros == 0 else "ROAS unknown"
    return f"ROAS {to_places(basis.roas)}"


def _profit(basis: CostBasis) -> str:
    profit = basis.media_profit_usd_micros
    return "" if profit is None else f", revenue minus spend {dollars(profit)}"


def _ripe_only(join: SpendJoin) -> str:
    """ROAS of ripe days alone, where some are not; and that it was not measured where it was not."""
    if join.ripe is None:
        return " Whether late revenue is still to come was not measured."
    if len(join.ripe.days) == len(join.basis.days):
        return ""
    if not join.ripe.days:
        return " No day is ripe, so this ROAS can still rise."
    return f" On the {counted(len(join.ripe.days), 'ripe day')} alone: {_roas(join.ripe)}."


def _left_out(join: SpendJoin) -> str:
    """On what costs are counted, and every amount that is not in them."""
    scope = "Joined by day and campaign name." if join.is_by_name else "Joined by day only, all campaigns together."
    why = "" if join.is_by_name or join.campaigns.empty else " No campaign's name stands on both sides."
    amounts = {
        "of campaigns that have no calls under that name": join.unmatched_usd_micros,
        "on days whose calls are not all known": join.unread_usd_micros,
        "outside of the period": join.outside_usd_micros,
    }
    parts = [f"spend {dollars(micros)} {words}" for words, micros in amounts.items() if micros]
    parts += [f"{counted(join.calls_left_out, 'call')} of campaigns without spend"] if join.calls_left_out else []
    parts += [f"{_days(join.untold_days)} that the file does not hold"] if join.untold_days else []
    return f" {scope}{why}" + (f" Not in these costs: {'; '.join(parts)}." if parts else "")


def _spend_alone(money: Money) -> str:
    if money.join is None or not money.join.period_usd_micros:
        return ""
    return f" Kayzen's file tells {dollars(money.join.period_usd_micros)} of spend in the period."


def _days(days: Sequence[date]) -> str:
    return str(days[0]) if len(days) == 1 else f"{len(days)} days (the first {days[0]})"


def _check_joined(join: SpendJoin) -> Check:
    """All spend of the period is on calls that are known, campaign by campaign where names are told."""
    rest = join.period_usd_micros - join.basis.spend_usd_micros
    names_fail = not join.is_by_name and not join.campaigns.empty
    found = f"{dollars(join.basis.spend_usd_micros)} joined, {dollars(rest)} not"
    step = "Give campaigns the same name on both sides, or choose a period that both hold."
    return Check(
        name="all spend of the period is joined with calls",
        verdict=Verdict.UNKNOWN if rest or names_fail else Verdict.PASS,
        expected=f"{dollars(join.period_usd_micros)} by day" + ("" if join.campaigns.empty else " and campaign"),
        found=found + ("; no campaign's name stands on both sides" if names_fail else ""),
        next_step=step if rest or names_fail else "",
    )


def _check_days_told(join: SpendJoin) -> Check:
    untold = join.untold_days
    return Check(
        name="the spend file holds every day of the period",
        verdict=Verdict.UNKNOWN if untold else Verdict.PASS,
        expected="a row for each day",
        found=f"no row for {_days(untold)}" if untold else "all days",
        next_step="Export the whole period. A day without spend may be left out by Kayzen: not told." if untold else "",
    )
