"""The evidence of all calls of a period: their ids from the one door to calls, then their details in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.calls import CallEvidence
from kayzen_nb.ringba import Ringba
from kayzen_nb.sources import calls
from kayzen_nb.storedcalls import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from kayzen_nb.period import Period
    from kayzen_nb.settings import Settings


def fetch_period_evidence(
    settings: Settings,
    period: Period,
    campaign: str = "",
    transport: httpx.BaseTransport | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[CallEvidence]:
    """Every call of the period with its pixel fires, in order of time; ``on_progress(read, all)`` after each batch.

    A call whose record could not be read, or of which Ringba gives no detail, is in the list and says so. Raises
    PlatformError.
    """
    table = calls(source="api", period=period, settings=settings, transport=transport, campaign=campaign)
    ids = [call_id for (call_id,) in table.relation.select("call_id").fetchall()]
    with Ringba(settings, transport=transport) as ringba:
        found = ringba.fetch_many_evidence(ids, on_progress)
    unread = [one for one in table.ledger.set_aside if one.reason in UNREADABLE]
    return [*found.values(), *(_unread(one.reason) for one in unread for _ in range(one.rows))]


def _unread(reason: str) -> CallEvidence:
    """A call of which nothing is known but that it was."""
    return CallEvidence(call_id="", missing=(f"Ringba's record of this call could not be used: {reason}",))
