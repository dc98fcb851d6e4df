"""What an audit and a test call leave in the journal: only what is new, never a key, never a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb import checklist, rotation
from kayzen_nb.entries import pick_entries
from kayzen_nb.pixelhistory import KIND as PIXELS_SEEN
from kayzen_nb.pixelhistory import is_news, see_pixels

if TYPE_CHECKING:
    from kayzen_nb.audit import Audit
    from kayzen_nb.journal import Journal
    from kayzen_nb.pixels import Plan

BY = "kayzen_nb"


def note_audit(journal: Journal, audit: Audit, plan: Plan, *, by: str = BY) -> None:
    """Note the pixels, their keys' fingerprints and the steps that an audit proves, as far as they are new."""
    if not audit.campaign:
        return  # without a campaign's name there is nothing that a later look could be compared with
    entries, pixels = journal.entries(), audit.known.pixels
    if pixels is not None:
        seen = see_pixels(pixels, plan, attached_ids=audit.known.attached_ids, origin=audit.origin)
        if is_news(seen, entries, audit.campaign):
            journal.note(PIXELS_SEEN, audit.campaign, by=by, **seen.facts)
        prints = rotation.fingerprints_seen(pixels, plan)
        kept = pick_entries(entries, rotation.KIND, audit.campaign)
        if prints and (not kept or kept[-1].facts.get("fingerprints") != prints):
            journal.note(rotation.KIND, audit.campaign, by=by, fingerprints=prints)
    for finding in checklist.news(checklist.find_from_audit(audit), entries, audit.campaign):
        journal.note(checklist.KIND, audit.campaign, by=by, **finding.facts)


def note_test_call(journal: Journal, campaign: str, rung: int, call_id: str, *, by: str = BY) -> None:
    """Note the steps that a verified test call proves (rung 0 to 5), as far as they are new."""
    for finding in checklist.news(checklist.find_from_test_call(rung, call_id), journal.entries(), campaign):
        journal.note(checklist.KIND, campaign, by=by, **finding.facts)
