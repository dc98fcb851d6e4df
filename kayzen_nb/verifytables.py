"""Tables of a verified call: what is proven of each pixel, the pixel-fire log, the causes, what was not delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.delivery import COLUMNS, Outcome, delivery_rows, summarise
from kayzen_nb.privacy import mask_url
from kayzen_nb.tables import CERTAINTY_WORDS, VERDICT_WORDS, local_time
from kayzen_nb.testcall import remarks_of
from kayzen_nb.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.causes import Cause
    from kayzen_nb.delivery import Undelivered
    from kayzen_nb.deliveryreview import DeliveryReview
    from kayzen_nb.testcall import TestCallProof


def proof_table(proof: TestCallProof, zone: str) -> pd.DataFrame:
    """What is proven of each pixel of a test call."""
    return pd.DataFrame(
        [
            {
                "Pixel": label(pixel.event),
                "Answer": VERDICT_WORDS[pixel.verdict],
                "Rung": f"{pixel.rung.value} of 5" if pixel.fires else "not fired",
                "Fired at": local_time(pixel.fires[-1].fired_at, zone) if pixel.fires else "",
                "Found": pixel.found,
                "Next step": pixel.next_step,
            }
            for pixel in proof.pixels
        ]
    )


def fires_table(evidence: CallEvidence, zone: str) -> pd.DataFrame:
    """The pixel-fire log of a call as it may be shared: key and numbers masked."""
    rows = [
        {
            "Pixel": fire.pixel_name,
            "Fired at": local_time(fire.fired_at, zone),
            "Status": "unknown" if fire.status is None else str(fire.status),
            "Fired URL": mask_url(fire.url),
        }
        for fire in evidence.fires
    ]
    return pd.DataFrame(rows, columns=["Pixel", "Fired at", "Status", "Fired URL"])


def causes_table(causes: Sequence[Cause]) -> pd.DataFrame:
    """Causes, the likeliest first: how sure, what led there, what Kayzen shows, what to do and whom to ask."""
    rows = [
        {
            "Cause": cause.kind.title,
            "How sure": CERTAINTY_WORDS[cause.certainty] if cause.kind.is_fault else "an explanation, no fault",
            "What led here": cause.evidence.replace("\n", "; "),
            "What Kayzen shows": cause.kind.symptom,
            "What to do": cause.kind.fix,
            "Ask": cause.kind.ask.value,
        }
        for cause in causes
    ]
    return pd.DataFrame(rows)


def remarks_table(proof: TestCallProof) -> pd.DataFrame:
    """What is worth knowing of the fired URLs and is no fault; pixels with the same remark share a row."""
    pixels: dict[str, list[str]] = {}
    for event, remark in remarks_of(proof):
        pixels.setdefault(remark, []).append(label(event))
    rows = [{"Remark": remark, "Pixels": ", ".join(events)} for remark, events in pixels.items()]
    return pd.DataFrame(rows, columns=["Remark", "Pixels"])


def call_table(evidence: CallEvidence, zone: str) -> pd.DataFrame:
    """The call itself, as far as its source tells: numbers masked, unknown said so."""
    flags = ("is_duplicate", "blocked", "connected", "completed", "converted", "paid", "error")
    facts = {
        "Call id": evidence.call_id or "unknown",
        "Read from": evidence.origin,
        f"Call time ({zone})": local_time(evidence.call_at, zone),
        "Call time (UTC)": local_time(evidence.call_at, "UTC"),
        "Campaign": evidence.campaign or "unknown",
    } | {label(flag): {True: "yes", False: "no", None: "unknown"}[getattr(evidence, flag)] for flag in flags}
    if evidence.missing:
        facts["Not shown by the source"] = "; ".join(evidence.missing)
    return pd.DataFrame([{"Fact": name, "Value": value} for name, value in facts.items()])


def recovery_table(review: DeliveryReview | None, zone: str) -> pd.DataFrame:
    """The events that were lost, and those of which it is not known: the list to hand to Kayzen, as a file holds it."""
    return pd.DataFrame(delivery_rows(_undelivered(review), zone), columns=list(COLUMNS))


def recovery_shown(review: DeliveryReview | None, zone: str, *, most: int = 20) -> pd.DataFrame:
    """The beginning of that list, as a page shows it."""
    rows = [
        {
            "Happened at": local_time(row.happened_at, zone),
            "Event": label(row.event),
            "Outcome": row.outcome.value,
            "Reason": row.reason + (f" ({row.status})" if row.status not in (None, 200) else ""),
            "Call id": row.call_id,
        }
        for row in _undelivered(review)[:most]
    ]
    return pd.DataFrame(rows)


def recovery_sentence(review: DeliveryReview | None) -> str:
    """What became of the period's events, and where the whole list is."""
    if review is None:
        return "No period is set (period_start), so only the one call was looked at."
    count = len(_undelivered(review))
    where = f" All {count:,} are in recovery_list.csv, beside this page." if count else ""
    return f"{review.campaign or 'All campaigns'}, {review.period}: {summarise(review.delivery)}.{where}"


def _undelivered(review: DeliveryReview | None) -> list[Undelivered]:
    found = review.delivery if review else None
    return [*found.of(Outcome.LOST), *found.of(Outcome.UNKNOWN)] if found else []
