"""The campaign half of an audit: the settings that decide which calls fire, convert, earn and pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.auditanswer import Answer, answer, ask, wait
from kayzen_nb.causes import Cause, Certainty
from kayzen_nb.vocabulary import usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kayzen_nb.account import Campaign, ConversionRule, PayoutRule

SWITCHED_ON = "the campaign is switched on"
CONVERSION = "conversion criteria are set"
AMOUNT = "a converted call earns an amount"
PAYOUT = "the payout settings are known"
DUPLICATES = "the duplicate and spam settings are known"
_USUAL_REPEAT_S = 2  # Ringba's default for quick repeats (ringba.md 4.3); it hides nobody's calls
_ROUTING = "Ringba > Campaigns > your campaign > routing"


def judge_rules(campaign: Campaign) -> list[Answer]:
    """The five questions about one campaign's settings."""
    return [
        _judge_switch(campaign),
        _judge_conversion(campaign.conversion_rules),
        _judge_amount(campaign.conversion_rules),
        _judge_payout(campaign.payout_rules),
        _judge_duplicates(campaign),
    ]


def ask_for_rules() -> list[Answer]:
    """The same questions where nothing is known of the campaign."""
    place = "Open Ringba > Campaigns > your campaign"
    return [
        ask(SWITCHED_ON, "on", f"{place}: is it switched on?"),
        ask(CONVERSION, "a rule for each target", f"Open {_ROUTING}: when does a call convert?"),
        ask(AMOUNT, "an amount above 0", f"Open {_ROUTING}: what does a converted call earn?"),
        ask(PAYOUT, "known", f"{place}: is the publisher paid, and when?"),
        ask(DUPLICATES, "known", f"{place}: what do the duplicate and spam settings say?"),
    ]


def describe_rule(rule: ConversionRule) -> str:
    """When a call of one target converts, in plain words."""
    after = f" after {rule.after_s} s" if rule.after_s is not None else ""
    start = {"OnIncomingCall": "arrival", "OnDial": "dialling", "OnConnectedCall": "connection"}.get(rule.timer_starts)
    kinds = {
        "dialed": "when dialled",
        "connectedCall": "when connected",
        "postBack": "by the buyer's word",
        "callLength": f"by length{after}" + (f" from {start}" if start else ""),
    }
    return f"{rule.target}: {kinds.get(rule.kind, rule.kind or 'no rule')}"


def _describe_amount(rule: ConversionRule) -> str:
    amount = "no amount told" if rule.revenue_usd_micros is None else f"{usd(rule.revenue_usd_micros)} USD"
    return f"{rule.target}: {amount}"


def _judge_switch(campaign: Campaign) -> Answer:
    if campaign.enabled is None:
        return ask(SWITCHED_ON, "on", "Open Ringba > Campaigns: is the campaign switched on?")
    off = [Cause(code="campaign_disabled", evidence="Ringba lists the campaign as switched off")]
    return answer(SWITCHED_ON, "on", "on" if campaign.enabled else "off", [] if campaign.enabled else off)


def _judge_conversion(rules: Sequence[ConversionRule] | None) -> Answer:
    if rules is None:
        return ask(CONVERSION, "a rule for each target", f"Open {_ROUTING}: when does a call convert?")
    without = [rule.target for rule in rules if not rule.kind]
    causes = []
    if without or not rules:
        text = f"no conversion type is set for {', '.join(without)}" if rules else "the campaign routes to no target"
        causes.append(Cause(code="no_conversion_rule", evidence=text))
    if waiting := [rule.target for rule in rules if rule.kind == "postBack"]:
        text = f"conversion type postBack for {', '.join(waiting)}"
        causes.append(Cause(code="conversion_waits", evidence=text))
    return answer(CONVERSION, "a rule for each target", "; ".join(map(describe_rule, rules)) or "no target", causes)


def _judge_amount(rules: Sequence[ConversionRule] | None) -> Answer:
    if rules is None:
        return ask(AMOUNT, "an amount above 0", f"Open {_ROUTING}: what does a converted call earn?")
    ruled = [rule for rule in rules if rule.kind]
    if not ruled:
        return wait(AMOUNT, "an amount above 0", "no conversion rule", "Set the conversion criteria first.")
    poor = [rule for rule in ruled if not rule.revenue_usd_micros]
    causes = [c for certainty in Certainty for c in _poor_cause([r for r in poor if _sure(r) is certainty], certainty)]
    return answer(AMOUNT, "an amount above 0", "; ".join(map(_describe_amount, ruled)), causes)


def _sure(rule: ConversionRule) -> Certainty:
    """A buyer's word may bring its own amount; an amount that is not told may be none."""
    if rule.kind == "postBack":
        return Certainty.POSSIBLE
    return Certainty.LIKELY if rule.revenue_usd_micros is None else Certainty.SEEN


def _poor_cause(rules: Sequence[ConversionRule], certainty: Certainty) -> Iterator[Cause]:
    if rules:
        text = "; ".join(map(_describe_amount, rules))
        yield Cause(code="zero_conversion_value", evidence=text, certainty=certainty)


def _judge_payout(rules: Sequence[PayoutRule] | None) -> Answer:
    if rules is None:
        return ask(PAYOUT, "known", "Open Ringba > Campaigns > your campaign: is the publisher paid, and when?")
    paying = [r for r in rules if r.kind and (r.payout_usd_micros or r.is_revenue_share)]
    text = "no default payout is set; a publisher may have one of its own"
    causes = [] if paying else [Cause(code="no_payout_rule", evidence=text, certainty=Certainty.LIKELY)]
    return answer(PAYOUT, "known; none is right where the media is your own buy", _describe_payouts(paying), causes)


def _describe_payouts(rules: Sequence[PayoutRule]) -> str:
    shown = [
        f"{r.kind}: a share of revenue" if r.is_revenue_share else f"{r.kind}: {usd(r.payout_usd_micros or 0)} USD"
        for r in rules
    ]
    return "; ".join(shown) or "no default payout"


def _judge_duplicates(campaign: Campaign) -> Answer:
    causes = list(_duplicate_causes(campaign))
    if campaign.takes_anonymous_callers is False:
        text = "the spam filter does not track anonymous callers (trackAnonymous is off)"
        causes.append(Cause(code="anonymous_refused", evidence=text))
    if campaign.blocks_repeats_within_s is None or campaign.takes_anonymous_callers is None:
        question = "Open Ringba > Campaigns > your campaign: what do the duplicate and spam settings say?"
        return ask(DUPLICATES, "known", question, causes=causes)
    return answer(DUPLICATES, "known", "; ".join(c.evidence for c in causes) or "nothing unusual", causes)


def _duplicate_causes(campaign: Campaign) -> Iterator[Cause]:
    reasons = []
    if (campaign.blocks_repeats_within_s or 0) > _USUAL_REPEAT_S:
        reasons.append(f"a repeat within {campaign.blocks_repeats_within_s} s is blocked")
    if campaign.duplicate_rule:
        reasons.append(f"duplicates are told by {campaign.duplicate_rule}")
    spans = [rule.repeat_within_s for rule in campaign.conversion_rules or ()]
    spans += [rule.repeat_within_s for rule in campaign.payout_rules or ()]
    if (longest := max((span or 0 for span in spans), default=0)) > 0:
        reasons.append(f"a repeat within up to {longest} s does not convert or pay again")
    if reasons:
        yield Cause(code="duplicates_filtered", evidence="; ".join(reasons))
