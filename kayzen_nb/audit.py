"""The audit of a campaign, reading only: what its set-up would do to the events that Kayzen should receive.

Each finding is a cause of the catalogue, which tells the symptom in Kayzen and the fix. What Ringba's API does not
answer becomes a question with the place to look at, and an unknown check, never a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.auditanswer import answer, ask, fail
from kayzen_nb.auditpixels import KnownPixels, judge_pixels, know_pixels
from kayzen_nb.auditrules import ask_for_rules, judge_rules
from kayzen_nb.causes import Cause, by_likelihood
from kayzen_nb.checks import Check, Verdict, worst
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.numbermap import NumberRow, ask_for_numbers, judge_numbers, list_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kayzen_nb.account import AccountSetup, Campaign, Pixel
    from kayzen_nb.auditanswer import Answer
    from kayzen_nb.drift import Difference
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

FOUND = "the campaign is in Ringba"


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found about one campaign. ``unanswered`` tells what Ringba refused; ``number_map`` has all campaigns."""

    campaign: str
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    questions: tuple[str, ...]
    differences: tuple[Difference, ...]
    number_map: tuple[NumberRow, ...]
    known: KnownPixels
    read_at: datetime
    unanswered: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where the pixels come from: Ringba's API, a pasted list, the campaign's own list; empty: none are known."""
        return self.known.origin

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        return worst(self.checks)

    @property
    def headline(self) -> str:
        """The answer in one or two sentences."""
        failed = [check for check in self.checks if check.verdict is Verdict.FAIL]
        asked = len(self.questions)
        waiting = f" {asked} question{'s' * (asked != 1)} left for a person to look up." if asked else ""
        faults = [cause for cause in self.causes if cause.kind.is_fault]
        if failed:
            first = faults[0].kind.title if faults else f"{failed[0].name}: {failed[0].found}"
            return f"{len(failed)} of {len(self.checks)} checks fail. First: {first}.{waiting}"
        if asked:
            return f"Nothing wrong was seen.{waiting}"
        return "Six pixels as planned, on the campaign and switched on; one number; the rules are set."


def audit_campaign(
    setup: AccountSetup,
    campaign: str,
    plan: Plan,
    key: Secret | None = None,
    pasted: Iterable[Pixel] | None = None,
) -> Audit:
    """Every question about one campaign (a name or an id; empty: the only one), with its answer.

    ``pasted`` pixels are judged in place of the API's. A campaign that Ringba does not list is a failed check; raises
    ParameterError only where none is named and there are several.
    """
    one = choose_campaign(setup, campaign) if not campaign.strip() else setup.campaign(campaign)
    known = know_pixels(setup, one, pasted)
    pixel_answers, differences = judge_pixels(known, plan, key)
    answers = [_judge_found(setup, campaign, one), *pixel_answers, *_judge_campaign(setup, one)]
    return Audit(
        campaign=(one.name or one.id) if one else campaign.strip(),
        checks=tuple(a.check for a in answers),
        causes=tuple(by_likelihood(cause for a in answers for cause in a.causes)),
        questions=tuple(dict.fromkeys(a.question for a in answers if a.question)),
        differences=differences,
        number_map=list_numbers(setup),
        known=known,
        read_at=setup.read_at,
        unanswered=setup.unanswered,
    )


def choose_campaign(setup: AccountSetup, campaign: str) -> Campaign | None:
    """The campaign of that name or id, or the only one; None where Ringba did not list the campaigns.

    Raises ParameterError with the nearest names where there is none such, with all names where one must be chosen.
    """
    if setup.campaigns is None:
        return None
    found = setup.campaign(campaign) if campaign.strip() else None
    if found or (not campaign.strip() and len(setup.campaigns) == 1):
        return found or setup.campaigns[0]
    names = [c.name or c.id for c in setup.campaigns]
    if not names:
        what, step = "The account has no campaign.", "Make one in Ringba > Campaigns, or check RINGBA_ACCOUNT_ID."
    elif campaign.strip():
        what, step = f"Ringba lists no campaign {campaign.strip()!r}.", did_you_mean(campaign.strip(), names)
    else:
        what, step = "The account has several campaigns.", f"Name one of them: {', '.join(sorted(names))}."
    raise ParameterError(Problem(what=what, where="campaign", next_step=step))


def _judge_found(setup: AccountSetup, campaign: str, found: Campaign | None) -> Answer:
    if found:
        return answer(FOUND, "listed", found.name or found.id)
    if setup.campaigns is None:
        return ask(FOUND, "listed", "Open Ringba > Campaigns: is the campaign there, under this name?")
    names = [c.name or c.id for c in setup.campaigns]
    step = did_you_mean(campaign.strip(), names) if names else "The account has no campaign."
    return fail(FOUND, "listed", f"no campaign {campaign.strip()!r}", step)


def _judge_campaign(setup: AccountSetup, campaign: Campaign | None) -> list[Answer]:
    if campaign is None:
        return [*ask_for_numbers(), *ask_for_rules()]
    return [*judge_numbers(setup, campaign), *judge_rules(campaign)]
