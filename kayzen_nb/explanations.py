"""What explains that a call has fewer events than another: no fault, and worth knowing before one looks for faults."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from kayzen_nb.causes import Cause, Certainty
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.account import AccountSetup, Campaign, ConversionRule
    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.ladder import TestCallProof

_LATE = timedelta(minutes=2)  # fires follow their event within seconds; the report lags by seconds too (ringba.md 3.4)
_RANK = {Event.INCOMING: 0, Event.CONNECTED: 1, Event.CONVERTED: 2, Event.COMPLETED: 2}


def explain_call(evidence: CallEvidence, proof: TestCallProof, setup: AccountSetup | None) -> Iterator[Cause]:
    """Everything about the call itself, and about how its pixels fired, that is no fault."""
    if evidence.blocked:
        reason = f" ({evidence.block_reason})" if evidence.block_reason else ""
        yield Cause(code="blocked", evidence=f"Ringba shows the call as blocked{reason}")
        yield from _explain_block(evidence, _campaign(setup, evidence))
        return
    yield from _explain_end(evidence)
    if evidence.connected:
        yield from _explain_conversion(evidence, _campaign(setup, evidence))
    if evidence.converted and evidence.paid is False:
        yield _explain_payout(evidence, _campaign(setup, evidence))
    yield from _explain_fires(evidence, proof)


def _explain_block(evidence: CallEvidence, campaign: Campaign | None) -> Iterator[Cause]:
    """The campaign's own filters, where the call is one that they would stop: likely, since the reason is free text."""
    if campaign is None:
        return
    has_number = bool(re.search(r"\d{4}", evidence.caller or ""))
    if campaign.takes_anonymous_callers is False and not has_number:
        text = "the caller shows no number, and the campaign does not take anonymous callers"
        yield Cause(code="anonymous_refused", evidence=text, certainty=Certainty.LIKELY)
    if evidence.is_duplicate and (campaign.blocks_repeats_within_s or campaign.duplicate_rule):
        within = f" within {campaign.blocks_repeats_within_s} s" if campaign.blocks_repeats_within_s else ""
        text = f"the caller had called before, and the campaign filters repeats{within}"
        yield Cause(code="duplicates_filtered", evidence=text, certainty=Certainty.LIKELY)


def _explain_end(evidence: CallEvidence) -> Iterator[Cause]:
    if evidence.ended is False:
        yield Cause(code="still_live", evidence="Ringba shows the call as live")
    if evidence.error or any("error" in name.casefold() for name in evidence.event_names):
        target = f" to {evidence.target}" if evidence.target else ""
        yield Cause(code="routing_error", evidence=f"the call's log holds an error of its routing{target}")
    elif evidence.connected is False and evidence.ended is not False:
        reason = f" ({evidence.incomplete_reason})" if evidence.incomplete_reason else ""
        yield Cause(code="not_connected", evidence=f"the call ended without reaching a target{reason}")


def _explain_conversion(evidence: CallEvidence, campaign: Campaign | None) -> Iterator[Cause]:
    """Why a connected call has not converted: the reason that the evidence carries, or else all that may hold."""
    if evidence.converted is not False or evidence.ended is False:
        return
    rules = (campaign.conversion_rules if campaign else None) or ()
    told = f"; Ringba's reason: {evidence.no_conversion_reason}" if evidence.no_conversion_reason else ""
    found = list(_reasons(evidence, rules, told))
    yield from found or [Cause(code="not_converted", evidence=f"connected, and not converted{told}")]


def _reasons(evidence: CallEvidence, rules: tuple[ConversionRule, ...], told: str) -> Iterator[Cause]:
    thresholds = [rule.after_s for rule in rules if rule.after_s is not None]
    lasted = evidence.connected_s
    if thresholds and lasted is not None and lasted < min(thresholds):
        text = f"connected for {lasted} s; the campaign converts after {min(thresholds)} s{told}"
        yield Cause(code="below_threshold", evidence=text)
    elif evidence.is_duplicate:
        text = f"Ringba marks the caller as a duplicate{told}"
        yield Cause(code="duplicate_call", evidence=text, certainty=Certainty.LIKELY)
    elif any(rule.kind == "postBack" for rule in rules):
        yield Cause(code="conversion_waits", evidence=f"the campaign converts by the buyer's word (postBack){told}")
    elif not rules and lasted is not None and lasted < 60:
        text = f"connected for only {lasted} s; the campaign's threshold is not known here{told}"
        yield Cause(code="below_threshold", evidence=text, certainty=Certainty.POSSIBLE)


def _explain_payout(evidence: CallEvidence, campaign: Campaign | None) -> Cause:
    reason = f"; Ringba's reason: {evidence.no_payout_reason}" if evidence.no_payout_reason else ""
    rules = campaign.payout_rules if campaign else None
    if rules is not None and not any(rule.payout_usd_micros or rule.is_revenue_share for rule in rules):
        return Cause(code="no_payout_rule", evidence=f"converted and unpaid; the campaign has no payout{reason}")
    return Cause(code="no_payout_yet", evidence=f"converted, and no payout is credited{reason}")


def _campaign(setup: AccountSetup | None, evidence: CallEvidence) -> Campaign | None:
    return setup.campaign(evidence.campaign_id or evidence.campaign or "") if setup else None


def _explain_fires(evidence: CallEvidence, proof: TestCallProof) -> Iterator[Cause]:
    """Repeats, delays, order, and the state that some numbers do not have."""
    for pixel in proof.pixels:
        if len(pixel.fires) > 1:
            text = f"{pixel.event}: fired {len(pixel.fires)} times"
            yield Cause(code="repeated_fire", evidence=text, events=(pixel.event,))
        at = evidence.happened_at.get(pixel.event)
        late = [fire.fired_at - at for fire in pixel.fires if fire.fired_at and at and fire.fired_at - at > _LATE]
        if late:
            text = f"{pixel.event}: fired {max(late) // timedelta(minutes=1)} minutes after its event"
            yield Cause(code="late_fire", evidence=text, events=(pixel.event,))
    yield from _explain_order(proof)
    if any(remark == "caller_state is empty" for pixel in proof.pixels for remark in pixel.remarks):
        yield Cause(code="no_state", evidence="caller_state is empty, and the call has no state either")


def _explain_order(proof: TestCallProof) -> Iterator[Cause]:
    """Converted may come before completed (a timed conversion), and payout at any time after incoming."""
    times = [
        (fire.fired_at, _RANK[pixel.event])
        for pixel in proof.pixels
        if pixel.event in _RANK
        for fire in pixel.fires
        if fire.fired_at
    ]
    ranks = [rank for _, rank in sorted(times)]
    if ranks != sorted(ranks):
        yield Cause(code="odd_order", evidence="the log shows a later event's pixel before an earlier one's")
