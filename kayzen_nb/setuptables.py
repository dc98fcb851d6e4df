"""Tables of the set-up: the plan field by field, what is inferred, findings, previews, the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from kayzen_nb.pixels import Standing, render
from kayzen_nb.privacy import mask_url
from kayzen_nb.tables import CERTAINTY_WORDS, local_time
from kayzen_nb.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.audit import Audit
    from kayzen_nb.checklist import Checklist
    from kayzen_nb.lint import Finding
    from kayzen_nb.numbermap import NumberMap, NumberRow
    from kayzen_nb.pixelhistory import Change
    from kayzen_nb.pixels import Plan, UrlParameter
    from kayzen_nb.preview import PixelPreview
    from kayzen_nb.repair import Repair


def plan_table(plan: Plan) -> pd.DataFrame:
    """The six pixels in the order in which Ringba's form asks for their fields, the placeholder in the key's place."""
    return pd.DataFrame(
        [
            {"Name": p.name, "Fire Pixel On": p.fire_on, "HTTP Method": p.method, "URL": p.url}
            for p in render(plan, None)
        ]
    )


def repairs_table(repairs: Sequence[Repair]) -> pd.DataFrame:
    """Each repaired pixel: what was changed, what was left for a person, and the URL with key and numbers hidden."""
    rows = [
        {
            "Pixel": one.pixel.name or label(one.pixel.event or "pixel"),
            "Changed": " ".join(one.changes),
            "Left as it is": " ".join(one.kept),
            "Repaired URL": mask_url(one.pixel.url),
        }
        for one in repairs
    ]
    return pd.DataFrame(rows)


def standing_table(plan: Plan) -> pd.DataFrame:
    """Every value that the guide does not print: inferred and why, or confirmed by Kayzen and when."""
    rows = [
        {
            "Pixel": pixel.name,
            "Parameter": parameter.name,
            "Planned value": parameter.value,
            "Standing": _standing(parameter),
            "Why": parameter.why,
        }
        for pixel in plan.pixels
        for parameter in (*pixel.parameters, *pixel.left_out)
        if parameter.standing is not Standing.PUBLISHED
    ]
    return pd.DataFrame(rows, columns=["Pixel", "Parameter", "Planned value", "Standing", "Why"])


def _standing(parameter: UrlParameter) -> str:
    if parameter.standing is Standing.CONFIRMED:
        by = f" ({parameter.confirmed_by})" if parameter.confirmed_by else ""
        return f"confirmed by Kayzen on {parameter.confirmed_on}{by}"
    return "inferred, confirm with Kayzen"


def preview_table(previews: Sequence[PixelPreview]) -> pd.DataFrame:
    """The tokens of the six pixels filled from one call: each once, raw and as the receiver reads it, both ways."""
    rows = {
        (row.name, row.planned, row.plain): {
            "Parameter": row.name,
            "Not encoded": row.plain or "(empty)",
            "Read as": _arrives(row.plain_read),
            "Encoded": row.encoded or "(empty)",
            "Then read as": _arrives(row.encoded_read),
        }
        for one in previews
        for row in one.rows
        if "[" in row.planned
    }
    return pd.DataFrame(list(rows.values()))


def preview_remarks_table(previews: Sequence[PixelPreview]) -> pd.DataFrame:
    """What to mind about the filled values; parameters with the same remark share a row."""
    names: dict[str, list[str]] = {}
    for row in (row for one in previews for row in one.rows):
        for remark in row.remarks:
            known = names.setdefault(remark[:1].upper() + remark[1:], [])
            known += [row.name] if row.name not in known else []
    return pd.DataFrame([{"Remark": remark, "Parameters": ", ".join(found)} for remark, found in names.items()])


def filled_table(previews: Sequence[PixelPreview]) -> pd.DataFrame:
    """The six whole URLs, filled and encoded as web forms do; numbers and key hidden."""
    return pd.DataFrame([{"Pixel": one.name, "Filled URL": one.encoded_url} for one in previews])


def previews_table(previews: Sequence[PixelPreview]) -> pd.DataFrame:
    """Every pixel filled from a call, a row a parameter: all that the page's tables are made from."""
    rows = [
        {
            "Pixel": one.name,
            "Parameter": row.name,
            "Planned": row.planned,
            "Not encoded": row.plain,
            "Read as": _arrives(row.plain_read),
            "Encoded": row.encoded,
            "Then read as": _arrives(row.encoded_read),
            "Mind": " ".join(row.remarks),
        }
        for one in previews
        for row in one.rows
    ]
    return pd.DataFrame(rows)


def _arrives(read: str | None) -> str:
    return "does not arrive" if read is None else read or "(empty)"


def audit_sentence(audit: Audit | None) -> str:
    """The audit's answer in a sentence, with the campaign it is about."""
    if audit is None:
        return "No account was looked at (source is none)."
    return f"{audit.campaign}: {audit.headline}"


def audit_table(audit: Audit | None) -> pd.DataFrame:
    """What an audit found, faults first: what was seen, what Kayzen would show, what to do."""
    rows = [
        {
            "Finding": cause.kind.title,
            "How sure": CERTAINTY_WORDS[cause.certainty] if cause.kind.is_fault else "no fault, worth knowing",
            "What was seen": cause.evidence.replace("\n", "; "),
            "What Kayzen shows": cause.kind.symptom,
            "What to do": cause.kind.fix,
            "Ask": cause.kind.ask.value,
        }
        for cause in (audit.causes if audit else ())
    ]
    return pd.DataFrame(rows)


def questions_table(audit: Audit | None) -> pd.DataFrame:
    """What Ringba did not answer, as questions for a person, and why it did not."""
    if audit is None:
        return pd.DataFrame([{"Question": "Is everything in Ringba as planned? No account was looked at (source)."}])
    questions = [{"Question": question} for question in audit.questions]
    return pd.DataFrame(questions + [{"Question": f"Not answered: {sentence}"} for sentence in audit.unanswered])


def number_table(audit: Audit | None) -> pd.DataFrame:
    """Campaigns and the tracking numbers that Ringba lists for them, masked, with what is wrong about them."""
    return _number_rows(audit.number_map if audit else ())


def called_numbers_table(found: NumberMap | None) -> pd.DataFrame:
    """Campaigns and numbers as the calls show them, with their count."""
    return _number_rows(found.rows if found else ())


def _number_rows(rows: Sequence[NumberRow]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Campaign": row.campaign,
                "Tracking number": row.number,
                "Calls": "" if row.calls is None else f"{row.calls:,}",
                "Remark": row.remark,
            }
            for row in rows
        ]
    )


def history_table(changes: Sequence[Change], zone: str) -> pd.DataFrame:
    """Dated changes of the pixels, newest first."""
    rows = [
        {
            "Seen since": local_time(change.at, zone),
            "Last seen otherwise": local_time(change.after, zone),
            "Pixel": label(change.event),
            "Change": change.words,
        }
        for change in reversed(changes)
    ]
    return pd.DataFrame(rows)


def steps_table(steps: Sequence[str]) -> pd.DataFrame:
    """Numbered steps."""
    return pd.DataFrame([{"Step": str(number), "What to do": step} for number, step in enumerate(steps, 1)])


def checklist_table(found: Checklist, zone: str) -> pd.DataFrame:
    """The guide's steps with their state, and how each was proved."""
    return pd.DataFrame(
        [
            {
                "Step": step.title[:1].upper() + step.title[1:],
                "State": "done, to be proved again" if step.is_stale else step.state.value,
                "Proved by": step.proved_by.value if step.proved_by else "",
                "On": local_time(step.on, zone) if step.on else "",
                "By": step.by,
                "Remark": "; ".join(filter(None, [step.words, step.remark])),
                "Where": step.where,
            }
            for step in found.steps
        ]
    )


def findings_table(findings: list[Finding]) -> pd.DataFrame:
    """The linter's findings."""
    rows = [
        {
            "Pixel": finding.pixel,
            "Code": finding.code,
            "Severity": finding.severity,
            "Place": "" if finding.position is None else f"character {finding.position}",
            "What is wrong": finding.message,
            "Fix": finding.fix,
        }
        for finding in findings
    ]
    return pd.DataFrame(rows, columns=["Pixel", "Code", "Severity", "Place", "What is wrong", "Fix"])
