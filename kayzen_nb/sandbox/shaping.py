"""A scenario's call shape and campaign rules, applied to an invented call, so that all answers about it agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.sandbox.scenarios import CallShape, CampaignRules

if TYPE_CHECKING:
    from kayzen_nb.sandbox.datafaults import Amount
    from kayzen_nb.sandbox.invented import Campaign, InventedCall
    from kayzen_nb.sandbox.scenarios import Scenario

_USUAL_RULES, _USUAL_SHAPE = CampaignRules(), CallShape()
_CALLERS = {"anonymous": "anonymous", "toll_free": "+18885550166", "foreign": "+445555550123", "absent": ""}


def shape_campaign(campaign: Campaign, rules: CampaignRules) -> Campaign:
    """The campaign with the amounts that its rules set; the rest of the rules shows where rules are asked for."""
    return replace(
        campaign, revenue=_amount(rules.revenue, campaign.revenue), payout=_amount(rules.payout, campaign.payout)
    )


def live_by_rules(call: InventedCall, rules: CampaignRules) -> InventedCall:
    """An invented call as it would have gone under other rules; under the usual ones it stays as it is."""
    return call if rules == _USUAL_RULES else _shape(call, _USUAL_SHAPE, rules)


def shape_test_call(call: InventedCall, scenario: Scenario, now: datetime) -> InventedCall:
    """The test call as the scenario wants it, all of it in the past unless it is still live."""
    slowest_s = max((fault.delay_s for fault in scenario.pixel.values()), default=0)
    if (scenario.call, scenario.campaign, slowest_s) == (_USUAL_SHAPE, _USUAL_RULES, 0):
        return call
    if scenario.call.live:
        so_far_s = 60 if scenario.call.connected_s is None else scenario.call.connected_s
        begun = now - timedelta(seconds=so_far_s + 1)  # a second for the fires of what has just happened
        call = _move(call, begun - (call.connected_at or call.at))
        return replace(_shape(call, scenario.call, scenario.campaign), ended_at=now + timedelta(seconds=60))
    shaped = _shape(call, scenario.call, scenario.campaign)
    last = max(at for at in (shaped.ended_at, shaped.converted_at, shaped.paid_at) if at)
    late = last + timedelta(seconds=slowest_s + 60) - now
    return _move(shaped, -late) if late > timedelta() else shaped


def _shape(call: InventedCall, shape: CallShape, rules: CampaignRules) -> InventedCall:
    call = _meet_fate(_give_caller(call, shape), shape)
    campaign = shape_campaign(call.campaign, rules)
    campaign = replace(
        campaign,
        revenue=_amount(shape.revenue, campaign.revenue),
        payout=_amount(shape.payout, campaign.payout),
        publisher=campaign.publisher if shape.publisher is None else shape.publisher,
    )
    converted_at = _converted_at(call, shape, rules)
    return replace(
        call,
        campaign=campaign,
        converted_at=converted_at,
        paid_at=_paid_at(call, shape, rules, converted_at),
        adjusted_revenue=shape.adjusted_revenue,
        no_conversion_reason=shape.no_conversion_reason,
        no_payout_reason=shape.no_payout_reason,
    )


def _amount(planted: Amount | None, usual: float | None) -> float | None:
    """An amount that is left alone, taken away, or set."""
    if planted is None:
        return usual
    return None if isinstance(planted, str) else planted


def _give_caller(call: InventedCall, shape: CallShape) -> InventedCall:
    caller = call.caller if shape.caller is None else _CALLERS.get(shape.caller, shape.caller)
    state = "" if shape.caller in _CALLERS else call.state
    return replace(
        call,
        caller=caller,
        state=state if shape.state is None else shape.state,
        is_duplicate=call.is_duplicate or shape.duplicate,
    )


def _meet_fate(call: InventedCall, shape: CallShape) -> InventedCall:
    """Answered calls get their length; the others lose the conversation."""
    if shape.fate in (None, "answered"):
        if call.connected_at and shape.connected_s is not None:
            return replace(call, ended_at=call.connected_at + timedelta(seconds=shape.connected_s))
        return call
    fate, waited = shape.fate, call.at + timedelta(seconds=30)
    is_system = fate in ("blocked", "routing_error")
    return replace(
        call,
        connected_at=None,
        ended_at=call.at if fate == "blocked" else waited,
        ended_by="System" if is_system else "Caller",
        block_reason=(shape.block_reason or "Spam") if fate == "blocked" else "",
        incomplete_reason="System Hangup" if fate == "hangup_in_menu" else "",
        routing_error=fate == "routing_error",
        is_busy=fate == "busy",
    )


def _converted_at(call: InventedCall, shape: CallShape, rules: CampaignRules) -> datetime | None:
    """When the call converts by the campaign's rule, or by the scenario's word."""
    if shape.converted is False or call.block_reason:
        return None
    was_held_back = call.is_duplicate and not shape.duplicate and call.converted_at is None
    by_rule = None if was_held_back else _by_rule(rules.conversion, call, rules.after_s)
    if by_rule or not shape.converted:
        return by_rule
    return call.ended_at + timedelta(hours=1) if rules.conversion == "postBack" else call.ended_at


def _paid_at(
    call: InventedCall, shape: CallShape, rules: CampaignRules, converted_at: datetime | None
) -> datetime | None:
    """When the payout is credited by the campaign's rule, or by the scenario's word."""
    if shape.paid is False or call.block_reason:
        return None
    by_rule = converted_at if rules.payout_type == "convertedCall" else _by_rule(rules.payout_type, call, rules.after_s)
    was_unpaid = shape.paid is None and call.converted_at and not call.paid_at
    if (by_rule is None and not shape.paid) or was_unpaid:
        return None
    earliest = max(by_rule or call.ended_at, converted_at or call.at) + timedelta(seconds=5)
    return max(earliest, call.paid_at or earliest)


def _by_rule(kind: str, call: InventedCall, after_s: int) -> datetime | None:
    """When a rule of Ringba's is met (``ringba.md`` 4.3); None where it is not, or waits for the buyer's word."""
    met = call.connected_at + timedelta(seconds=after_s) if call.connected_at else None
    was_dialled = not (call.block_reason or call.incomplete_reason)
    times = {
        "incomingCall": call.at,
        "dialed": call.at + timedelta(milliseconds=400) if was_dialled else None,
        "connectedCall": call.connected_at,
        "callLength": met if met and met <= call.ended_at else None,
    }
    return times.get(kind)


def _move(call: InventedCall, by: timedelta) -> InventedCall:
    """The whole call earlier or later; its id stays."""
    times = {name: getattr(call, name) for name in ("at", "connected_at", "ended_at", "converted_at", "paid_at")}
    return replace(call, **{name: at + by for name, at in times.items() if at})
