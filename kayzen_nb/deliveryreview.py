"""A period's calls reviewed: which events were not delivered, which pixels fell silent beside the weeks before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kayzen_nb.callevidence import fetch_period_evidence
from kayzen_nb.delivery import Delivery, check_delivery, review_delivery
from kayzen_nb.period import Period
from kayzen_nb.silence import WEEKS_BEFORE, check_silence, check_volume, count_hours

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.checks import Check
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.settings import Settings

    Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class DeliveryReview:
    """What became of all events of a period. ``checks``: delivered, and where asked, silence and volume."""

    period: Period
    campaign: str
    delivery: Delivery
    checks: tuple[Check, ...]


def fetch_review(
    settings: Settings,
    period: Period,
    campaign: str,
    plan: Plan,
    key: Secret | None,
    *,
    transport: httpx.BaseTransport | None = None,
    compares_weeks: bool = True,
    minimum_calls: int = 20,
    progress: Callable[[Period], Progress | None] = lambda _period: None,
) -> DeliveryReview:
    """Read the calls of the period, and of the four weeks before it, and judge them. Raises PlatformError.

    ``progress`` gives, for each period that is read, the function that is told (calls read, all calls).
    """

    def fetch(days: Period) -> list[CallEvidence]:
        return fetch_period_evidence(settings, days, campaign, transport, progress(days))

    calls = fetch(period)
    delivery = review_delivery(calls, plan, key)
    checks = [check_delivery(delivery)]
    if compares_weeks:
        earlier = weeks_before(period)
        now = count_hours(calls, plan, period, until=datetime.now(UTC))
        before = count_hours(fetch(earlier), plan, earlier)
        checks += check_silence(now, before, minimum_calls=minimum_calls)
        checks.append(check_volume(now, before, minimum_calls=minimum_calls))
    return DeliveryReview(period=period, campaign=campaign, delivery=delivery, checks=tuple(checks))


def weeks_before(period: Period) -> Period:
    """The four weeks up to the day before the period: its own measure."""
    last = period.first_day - timedelta(days=1)
    return Period(first_day=period.first_day - timedelta(weeks=WEEKS_BEFORE), last_day=last, zone=period.zone)
