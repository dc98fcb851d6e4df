"""Details of many calls, asked for in batches whose true limit is not documented.

A batch of 50 worked for one public client (``ringba.md`` 3.1). One that is refused, or comes back short, is halved,
down to single calls; nothing is asked for again without being halved, so it ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kayzen_nb.calls import CallEvidence
from kayzen_nb.errors import BadAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Fetch = Callable[[Sequence[str]], dict[str, CallEvidence]]

CALL_ID = re.compile(r"[A-Za-z0-9_+/=.:-]{1,100}")
BATCH = 50


def fetch_batches(
    call_ids: Iterable[str], fetch: Fetch, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, CallEvidence]:
    """Every call asked for, in the order asked; one that Ringba says nothing of knows nothing, and says so.

    ``fetch`` asks for the details of some ids at once and gives those it got. Raises what ``fetch`` raises.
    """
    wanted = list(dict.fromkeys(call_id.strip() for call_id in call_ids))
    waiting = [call_id for call_id in wanted if CALL_ID.fullmatch(call_id)]
    found: dict[str, CallEvidence] = {}
    size = BATCH
    while waiting:
        batch, waiting = waiting[:size], waiting[size:]
        answered, size = _fetch_batch(batch, fetch, size)
        found |= answered
        if on_progress:
            on_progress(len(wanted) - len(waiting), len(wanted))
    return {call_id: found.get(call_id) or _unanswered(call_id) for call_id in wanted}


def _fetch_batch(batch: list[str], fetch: Fetch, size: int) -> tuple[dict[str, CallEvidence], int]:
    """A batch's calls, and the size to go on with. Raises BadAnswer when even a single id is refused."""
    found = _try(batch, fetch)
    if found is None:
        return _fetch_parts(batch, fetch, len(batch) // 2)
    left = [call_id for call_id in batch if call_id not in found]
    if not left or len(batch) == 1:
        return found, size
    more, smaller = _fetch_parts(left, fetch, max(1, min(len(left), len(batch) // 2)))
    return found | more, smaller if more else size  # nothing more came: the ids are unknown, the size was right


def _fetch_parts(ids: list[str], fetch: Fetch, size: int) -> tuple[dict[str, CallEvidence], int]:
    found: dict[str, CallEvidence] = {}
    waiting = ids
    while waiting:
        batch, waiting = waiting[:size], waiting[size:]
        answered, size = _fetch_batch(batch, fetch, size)
        found |= answered
    return found, size


def _try(batch: list[str], fetch: Fetch) -> dict[str, CallEvidence] | None:
    """What a request gave; None where it was refused and a smaller one may not be."""
    try:
        return fetch(batch)
    except BadAnswer:
        if len(batch) == 1:
            raise
        return None


def _unanswered(call_id: str) -> CallEvidence:
    """What is known of a call of which Ringba gave no detail: nothing."""
    return CallEvidence(call_id=call_id, missing=("Ringba gave no detail of this call",))
