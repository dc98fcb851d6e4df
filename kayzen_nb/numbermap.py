"""Exactly one tracking number a campaign, and one campaign a number: from Ringba's numbers, and from the calls."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kayzen_nb.auditanswer import Answer, answer, ask, wait
from kayzen_nb.causes import Cause, Certainty
from kayzen_nb.privacy import mask_phone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kayzen_nb.account import AccountSetup, Campaign
    from kayzen_nb.checks import Check

ONE_NUMBER = "exactly one tracking number"
OWN_NUMBER = "the number belongs to this campaign only"
NOT_KNOWN = "(not known)"
_WHERE = "Open Ringba > Numbers"


@dataclass(frozen=True, kw_only=True)
class NumberRow:
    """A campaign with one of its numbers (masked to the last four digits); ``calls`` is None where not counted."""

    campaign: str
    number: str
    calls: int | None = None
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class NumberMap:
    """Campaigns and numbers both ways, with what is wrong about them."""

    rows: tuple[NumberRow, ...]
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]


def list_numbers(setup: AccountSetup) -> tuple[NumberRow, ...]:
    """Every number that Ringba lists for a campaign, and every campaign without one. None of it is a call count."""
    names = {c.id: c.name or c.id for c in setup.campaigns or ()}
    assigned = _numbers_by_campaign(setup)
    rows = [
        NumberRow(campaign=names.get(campaign_id, campaign_id), number=_masked(number))
        for campaign_id, numbers in assigned.items()
        for number in sorted(numbers)
    ]
    if setup.numbers is not None or any(c.numbers is not None for c in setup.campaigns or ()):
        rows += [NumberRow(campaign=name, number="none") for one, name in names.items() if not assigned.get(one)]
    return _remarked(rows, {_masked(number): len(owners) for number, owners in _owners(setup).items()})


def judge_numbers(setup: AccountSetup, campaign: Campaign) -> list[Answer]:
    """The two questions about one campaign's number."""
    return [_judge_count(setup, campaign), _judge_sharing(setup, campaign)]


def ask_for_numbers() -> list[Answer]:
    """The same questions where nothing is known of the campaign."""
    return [
        ask(ONE_NUMBER, "one", f"{_WHERE}: which numbers has the campaign? There must be exactly one."),
        ask(OWN_NUMBER, "one campaign", f"{_WHERE}: has the number one campaign only?"),
    ]


def map_numbers(pairs: Iterable[tuple[str | None, str | None, int]]) -> NumberMap:
    """Campaigns and numbers as the calls themselves show them: ``(campaign, masked number, calls)`` rows.

    Numbers that are masked alike count as one number, so sharing is *likely*, several numbers are *seen*. The calls
    of the rows add up to those given.
    """
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for campaign, number, calls in pairs:
        counts[campaign or NOT_KNOWN, number or NOT_KNOWN] += calls
    numbers, campaigns = defaultdict(set), defaultdict(set)
    for campaign, number in (pair for pair in counts if NOT_KNOWN not in pair):
        numbers[campaign].add(number)
        campaigns[number].add(campaign)
    rows = [NumberRow(campaign=c, number=n, calls=calls) for (c, n), calls in sorted(counts.items())]
    answers = [_answer_several(numbers), _answer_shared(campaigns)]
    return NumberMap(
        rows=_remarked(rows, {number: len(found) for number, found in campaigns.items()}),
        checks=tuple(a.check for a in answers),
        causes=tuple(cause for a in answers for cause in a.causes),
    )


def _answer_several(numbers: Mapping[str, set[str]]) -> Answer:
    name, expected = "the calls of each campaign came to one number", "one number a campaign"
    if not numbers:
        return ask(name, expected, "Take a period that has calls.", found="no call with campaign and number")
    several = [f"{campaign}: {', '.join(sorted(found))}" for campaign, found in numbers.items() if len(found) > 1]
    causes = [Cause(code="several_numbers", evidence="; ".join(several))] if several else []
    return answer(name, expected, "; ".join(several) or f"{len(numbers)} campaigns, one number each", causes)


def _answer_shared(campaigns: Mapping[str, set[str]]) -> Answer:
    name, expected = "the calls of each number went to one campaign", "one campaign a number"
    if not campaigns:
        return ask(name, expected, "Take a period that has calls.", found="no call with campaign and number")
    shared = [f"{number}: {', '.join(sorted(found))}" for number, found in campaigns.items() if len(found) > 1]
    text = f"{'; '.join(shared)} (numbers with the same last digits look alike)"
    causes = [Cause(code="number_shared", evidence=text, certainty=Certainty.LIKELY)] if shared else []
    return answer(name, expected, "; ".join(shared) or f"{len(campaigns)} numbers, one campaign each", causes)


def _judge_count(setup: AccountSetup, campaign: Campaign) -> Answer:
    if setup.numbers is None and campaign.numbers is None:
        return ask_for_numbers()[0]
    found = sorted(_numbers_by_campaign(setup).get(campaign.id, ()))
    shown = ", ".join(map(_masked, found)) or "none"
    if len(found) == 1:
        return answer(ONE_NUMBER, "one", shown)
    code = "several_numbers" if found else "number_missing"
    return answer(ONE_NUMBER, "one", shown, [Cause(code=code, evidence=f"numbers of the campaign: {shown}")])


def _judge_sharing(setup: AccountSetup, campaign: Campaign) -> Answer:
    names = {c.id: c.name or c.id for c in setup.campaigns or ()}
    mine = _numbers_by_campaign(setup).get(campaign.id, set())
    others = {
        _masked(number): sorted(names.get(owner, owner) for owner in owners if owner != campaign.id)
        for number, owners in _owners(setup).items()
        if number in mine and len(owners) > 1
    }
    if others:
        text = "; ".join(f"{number} is also the number of {', '.join(found)}" for number, found in others.items())
        return answer(OWN_NUMBER, "one campaign", text, [Cause(code="number_shared", evidence=text)])
    if setup.numbers is None and any(c.numbers is None for c in setup.campaigns or ()):
        return ask_for_numbers()[1]
    if not mine:
        return wait(OWN_NUMBER, "one campaign", "no number", "Give the campaign its number first.")
    return answer(OWN_NUMBER, "one campaign", "one campaign")


def _numbers_by_campaign(setup: AccountSetup) -> dict[str, set[str]]:
    """The last ten digits of each campaign's numbers, by campaign id: Ringba writes one number in several ways."""
    found: dict[str, set[str]] = defaultdict(set)
    off = {_digits(n.number) for n in setup.numbers or () if n.enabled is False}
    for one in setup.numbers or ():
        if one.campaign_id and one.enabled is not False:
            found[one.campaign_id].add(_digits(one.number))
    for campaign in setup.campaigns or ():
        found[campaign.id] |= {_digits(number) for number in campaign.numbers or ()} - off
    return dict(found)


def _owners(setup: AccountSetup) -> dict[str, set[str]]:
    """The ids of the campaigns that have each number, by the number's last ten digits."""
    owners: dict[str, set[str]] = defaultdict(set)
    for campaign_id, numbers in _numbers_by_campaign(setup).items():
        for number in numbers:
            owners[number].add(campaign_id)
    return owners


def _remarked(rows: Iterable[NumberRow], campaigns_of: Mapping[str, int]) -> tuple[NumberRow, ...]:
    """The rows with a remark where a campaign has several numbers or none, or a number several campaigns."""
    known = list(rows)
    counted = [row.campaign for row in known if row.number not in ("none", NOT_KNOWN)]
    return tuple(replace(row, remark=_remark(row, counted.count(row.campaign), campaigns_of)) for row in known)


def _remark(row: NumberRow, numbers: int, campaigns_of: Mapping[str, int]) -> str:
    if row.number == "none":
        return "no number"
    if NOT_KNOWN in (row.number, row.campaign):
        return "not known"
    several = f"one of {numbers} numbers of this campaign" if numbers > 1 else ""
    shared = f"shared by {campaigns_of[row.number]} campaigns" if campaigns_of.get(row.number, 0) > 1 else ""
    return "; ".join(text for text in (several, shared) if text)


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)[-10:]


def _masked(number: str) -> str:
    return mask_phone(number, shown=4) or ""
