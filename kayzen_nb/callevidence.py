"""The evidence of all calls of a period: their ids from the call log, then their details in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.callplace import read_call_id
from kayzen_nb.calls import CallEvidence
from kayzen_nb.ringba import Ringba

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

    A call that Ringba lists without an id, or gives no detail of, is in the list and says so. Raises PlatformError.
    """
    with Ringba(settings, transport=transport) as ringba:
        batches = ringba.call_log().read(period.start_utc, period.end_utc, campaign=campaign)
        ids = [read_call_id(record) for batch in batches for record in batch]
        found = ringba.fetch_many_evidence(filter(None, ids), on_progress)
    nameless = CallEvidence(call_id="", missing=("Ringba lists this call without its id",))
    return [*found.values(), *(nameless for call_id in ids if not call_id)]
