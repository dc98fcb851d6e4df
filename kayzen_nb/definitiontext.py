"""The definition as one sentence under every chart: who, which events, window, zone, as of, what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.definition import RIPE
from kayzen_nb.dimensions import DIMENSIONS, describe_value
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from datetime import datetime

    from kayzen_nb.definition import Definition
    from kayzen_nb.funnel import Funnel

_EVENTS = {
    Stage.INCOMING: "it came in",
    Stage.CONNECTED: "a target answered it",
    Stage.CONVERTED: "it met the conversion rule",
    Stage.PAYOUT: "a payout was credited",
}


def describe_definition(funnel: Funnel, *, campaign: str = "", source: str = "") -> str:
    """How the numbers were counted, made from the object that counted them."""
    parts = [
        f"Counted: {_who(funnel, campaign)} from {funnel.period}, each once, by call id",
        f"a call counts for a stage when {_events()}, or when it reached a later stage",
        *_rules(funnel.definition, funnel.period.zone),
        f"left out: {_left_out(funnel)}",
        f"as of {_moment(funnel.table.as_of, funnel.period.zone)}, from {source or funnel.table.source}",
    ]
    return "; ".join(parts) + "."


def describe_briefly(funnel: Funnel) -> str:
    """The same for the foot of a chart: which calls, when, by which rules, without what, as of when."""
    parts = [
        f"C{_who(funnel, '')[1:]}, {funnel.period}",
        "reached at least",
        *_rules(funnel.definition, funnel.period.zone),
        f"left out: {_left_out(funnel)}",
        f"as of {_moment(funnel.table.as_of, funnel.period.zone)}",
    ]
    return "; ".join(parts) + "."


def _who(funnel: Funnel, campaign: str) -> str:
    told = {name: value for name, value in funnel.only.items() if name in DIMENSIONS}
    chosen = [f"{DIMENSIONS[name].label.lower()} {describe_value(name, value)}" for name, value in told.items()]
    whose = ", ".join([*([f"campaign {campaign}"] if campaign else []), *chosen]) or "all campaigns"
    return f"calls of {whose}{_only_ripe(funnel)}"


def _only_ripe(funnel: Funnel) -> str:
    return " on ripe days" if funnel.only.get(RIPE) and funnel.definition.ripe_until else ""


def _events() -> str:
    return ", ".join(f"{meaning} ({stage})" for stage, meaning in _EVENTS.items() if stage is not Stage.INCOMING)


def _rules(definition: Definition, zone: str) -> list[str]:
    """The windows and rules in force, and from when on calls are too young."""
    rules = []
    if definition.connect_within_s is not None:
        rules.append(f"connected within {definition.connect_within_s} s of its arrival")
    if definition.converts_after_s is not None:
        rules.append(f"conversion rule as stated: {definition.converts_after_s} s of connected time")
    if definition.ripe_until:
        rules.append(f"calls from {_moment(definition.ripe_until, zone)} on are too young to judge")
    return rules


def _left_out(funnel: Funnel) -> str:
    """What was set aside, by reason, and the days that are not there."""
    aside = [f"{counted(one.rows, 'row')} ({one.reason})" for one in funnel.table.ledger.set_aside]
    days = [*(["days that were not read: " + str(len(funnel.unread))] if funnel.unread else [])]
    return ", ".join([*aside, *days]) or "nothing"


def _moment(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
