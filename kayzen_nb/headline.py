"""What a media buyer gets in ten seconds: how many, how far, where they leave and why, what changed, what it earned."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kayzen_nb.amounts import to_places
from kayzen_nb.changecounts import RATE_NAMES, plural
from kayzen_nb.exits import EXIT_NAMED
from kayzen_nb.funnelcheck import describe_gaps
from kayzen_nb.vocabulary import Stage, counted, usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kayzen_nb.explanation import Explanation
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.money import Money
    from kayzen_nb.seriesbreak import Break

_FEW = 100  # below it a rate is known to no better than ten points either way: counts say as much
_WORDS = {Stage.PAYOUT: "paid"}


def headline(
    funnel: Funnel, explanation: Explanation | None = None, breaks: Sequence[Break] = (), money: Money | None = None
) -> str:
    """The answer on top, each part with its numbers; nothing is claimed that the calls do not carry."""
    named = [str(one) for one in breaks if one.has_stopped or one.dimension]  # a change of all calls is told below
    if not funnel.calls:
        parts = [f"No calls from {funnel.period}: there is nothing to count.", *_before(explanation)]
    else:
        parts = [
            describe_stages(funnel),
            *named[:1],
            describe_drop(funnel),
            *_changes(explanation),
            describe_earnings(funnel),
            _spent(money),
            "Too few calls for more than these counts." if funnel.calls < _FEW else "",
        ]
    return " ".join(filter(None, [*parts, describe_gaps(funnel)]))


def describe_stages(funnel: Funnel) -> str:
    """How many calls, and how many reached each stage: as shares of all, or as counts where the calls are few."""
    return f"{counted(funnel.calls, 'call')}: {', '.join(_reached(funnel, stage) for stage in list(Stage)[1:])}."


def describe_drop(funnel: Funnel) -> str:
    """Between which two stages most calls are lost, and the largest reason that is known for it."""
    known = [(stage, count) for stage in Stage if (count := funnel.count(stage)) is not None]
    drops = [(first[1] - second[1], first, second) for first, second in pairwise(known)]
    if not drops:
        return "The stages after incoming are unknown."
    lost, before, after = max(drops, key=lambda drop: drop[0])
    if not lost:
        return "No call is lost between the stages."
    text = f"Most are lost between {before[0]} and {after[0]}: {lost:,} of {before[1]:,}"
    return f"{text}{_largest_cause(funnel, before[0])}."


def describe_earnings(funnel: Funnel) -> str:
    """What the calls earned, and what of it stays after the payouts."""
    told = [name for name in ("revenue", "payout") if f"{name}_usd_micros" not in funnel.unknown]
    if "revenue" not in told:
        return "What they earned is unknown."
    sums = funnel.stages().iloc[0]
    revenue = int(sums["incoming_revenue"])
    text = f"They earned {usd(revenue):,} USD"
    return (
        f"{text}, {usd(revenue - int(sums['incoming_payout'])):,} USD after payouts." if len(told) > 1 else f"{text}."
    )


def _spent(money: Money | None) -> str:
    """What Kayzen's media cost, where its file tells it for these calls, and what a dollar of it brought."""
    if money is None or money.join is None:
        return ""
    basis = money.join.basis
    text = f"Media cost {usd(basis.spend_usd_micros):,} USD"
    return f"{text}, ROAS {to_places(basis.roas, 2)}." if basis.roas is not None else f"{text}."


def _reached(funnel: Funnel, stage: Stage) -> str:
    count, word = funnel.count(stage), _WORDS.get(stage, stage.value)
    if count is None:
        return f"{word} unknown"
    return f"{count:,} {word}" if funnel.calls < _FEW else f"{count / funnel.calls:.1%} {word}"


def _largest_cause(funnel: Funnel, stage: Stage) -> str:
    exits = funnel.exits()
    exits = exits[exits["stage"] == stage]
    named = exits[[EXIT_NAMED[name].known in ("told", "seen") for name in exits["exit"]]]
    if named.empty:
        return "; why is not told" if len(exits) else ""
    top = named.nlargest(1, "calls").iloc[0]
    return f"; largest named cause: {EXIT_NAMED[top['exit']].label.lower()} ({top['calls']:,})"


def _before(explanation: Explanation | None) -> Iterator[str]:
    """How many calls came in the period before, where none came in this one."""
    if explanation and explanation.calls and explanation.calls.before:
        yield f"In as many days before there were {counted(explanation.calls.before, 'call')}."


def _changes(explanation: Explanation | None) -> Iterator[str]:
    """What changed by more than chance against the period before; or that nothing did, or that it cannot be told."""
    if explanation is None or explanation.calls is None:
        return
    told = explanation.told
    if explanation.calls.is_told:
        yield f"Against the period before: {explanation.calls.sentence()}"
    for look in told:
        pair = look.pair
        verb = "rose" if pair.change > 0 else "fell"
        rates = f"from {pair.before / pair.of_before:.1%} to {pair.now / pair.of_now:.1%}"
        yield f"The {RATE_NAMES[look.stage]} {verb} {rates}, more than chance."
    for mix in explanation.only_mix[:1]:
        groups = plural(mix.dimension)
        yield f"Only the mix of {groups} changed: it alone gives this change, and inside the {groups} none is told."
    if not told and not explanation.calls.is_told:
        answers = [explanation.calls.is_told, *(look.is_told for look in explanation.rates)]
        can_tell = any(answer is not None for answer in answers)
        yield "Against the period before " + (
            "nothing changed by more than chance." if can_tell else "too few calls to tell a change."
        )
