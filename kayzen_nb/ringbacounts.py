"""The calls as counted here against Ringba's own Summary report: equal, explained, or unknown.

A Summary export tells neither its period, its zone, nor its filters, so a difference never proves an error by itself.
Not compared: *Live*, which has passed by when calls are read, and *Completed*, which in the report counts calls for
which a target was tried, not calls that ended after an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kayzen_nb.callpart import ask_calls
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.ringbameasures import MEASURES, Difference, Measure
from kayzen_nb.storedcalls import UNREADABLE
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from kayzen_nb.funnel import Funnel
    from kayzen_nb.summarywords import SummaryRow, SummaryTable

# Reasons in the ledger, as ``callselect`` writes them; a test holds them together.
TEST_CALL, OTHER_CAMPAIGN = "test call", "another campaign"


@dataclass(frozen=True, kw_only=True)
class CountComparison:
    """The counts of this page against a Summary report: in all, and by group where the groups are ones we have."""

    summary: SummaryTable = field(repr=False)
    totals: tuple[Difference, ...]
    groups: tuple[Difference, ...]
    caveats: tuple[str, ...]

    def checks(self) -> list[Check]:
        """One check of the totals, one of the groups where there are any to compare."""
        checks = [self._check(f"the counts agree with {self.summary.name}", self.totals)]
        if self.groups:
            checks.append(self._check(f"each {self.summary.group_title} agrees with {self.summary.name}", self.groups))
        return checks

    @property
    def sentence(self) -> str:
        """How far the two agree, what explains the rest, and what cannot be known."""
        known = [one for one in self.totals if one.apart is not None]
        if not known:
            return "Nothing of the Summary report can be compared with these calls."
        open_ones = [one for one in known if one.verdict is Verdict.UNKNOWN]
        explained = [one for one in known if one.is_explained]
        agree = (
            f"{len([one for one in known if one.is_equal])} of {len(known)} totals agree with Ringba's Summary report."
        )
        details = [f"{one.measure.name.capitalize()}: {one}." for one in [*explained, *open_ones]]
        return " ".join([agree, *details, *(self.caveats if open_ones else ())])

    def _check(self, name: str, differences: Sequence[Difference]) -> Check:
        known = [one for one in differences if one.apart is not None]
        agree = [one for one in known if one.is_equal]
        left = [one for one in known if not one.is_equal]
        told = [f"{one.group}, {one.measure.name}: {one}" for one in left[:3]]
        more = [f"and {len(left) - 3} more"] if len(left) > 3 else []
        is_open = any(one.verdict is Verdict.UNKNOWN for one in known) or not known
        return Check(
            name=name,
            verdict=Verdict.UNKNOWN if is_open else Verdict.PASS,
            expected=f"{len(known)} equal or explained" if known else "something to compare",
            found="; ".join([f"{len(agree)} of {len(known)} equal", *told, *more]),
            next_step=" ".join(self.caveats) if is_open else "",
        )


def compare_counts(funnel: Funnel, summary: SummaryTable) -> CountComparison:
    """Hold the funnel's calls against the report: its totals, and its groups where their title is a dimension of ours.

    Groups that only one side has are compared with zero. Rows of the report with the same group are added up.
    """
    return CountComparison(
        summary=summary,
        totals=tuple(_compare_totals(funnel, summary)),
        groups=tuple(_compare_groups(funnel, summary)) if summary.dimension else (),
        caveats=tuple(_caveats(funnel, summary)),
    )


def counts_table(comparison: CountComparison, *, all_groups: bool = False) -> pd.DataFrame:
    """The comparison as people read it: all totals, and the groups that differ (or all)."""
    import pandas as pd  # noqa: PLC0415  # half a second that a page without this table need not pay

    groups = [
        one for one in comparison.groups if all_groups or (one.verdict is Verdict.UNKNOWN and one.apart is not None)
    ]
    return pd.DataFrame(
        [
            {
                "Group": one.group,
                "What": one.measure.name,
                "Counted here": one.shown(one.ours),
                "Ringba's Summary": one.shown(one.theirs),
                "Answer": str(one),
            }
            for one in (*comparison.totals, *groups)
        ]
    )


def _compare_totals(funnel: Funnel, summary: SummaryTable) -> Iterator[Difference]:
    ours = _count(funnel).get(None, (0,) * len(MEASURES))
    rows = [summary.total] if summary.total else list(summary.rows)
    aside = {entry.reason: entry.rows for entry in funnel.table.ledger.set_aside}
    set_aside = aside.get(TEST_CALL, 0), sum(rows for reason, rows in aside.items() if reason in UNREADABLE)
    if funnel.only:  # of a part of the calls nobody knows how many were set aside
        set_aside = 0, 0
    for place, measure in enumerate(MEASURES):
        yield _compare("(all)", measure, _told(funnel, measure, ours[place]), rows, set_aside)


def _compare_groups(funnel: Funnel, summary: SummaryTable) -> Iterator[Difference]:
    ours = _count(funnel, summary.dimension)
    theirs: dict[str | None, list[SummaryRow]] = {}
    for row in summary.rows:
        theirs.setdefault(row.group, []).append(row)
    for group in dict.fromkeys([*theirs, *ours]):
        name = DIMENSIONS[summary.dimension].blank if group is None else group
        for place, measure in enumerate(MEASURES):
            mine = ours[group][place] if group in ours else 0
            yield _compare(name, measure, _told(funnel, measure, mine), theirs.get(group), (0, 0))


def _told(funnel: Funnel, measure: Measure, value: int) -> int | None:
    return None if funnel.unknown & set(measure.needs) else value


def _compare(
    group: str, measure: Measure, ours: int | None, rows: Sequence[SummaryRow] | None, set_aside: tuple[int, int]
) -> Difference:
    """``rows`` None: the report has no such group, that is, no call of it."""
    cells = [(row.micros if measure.is_money else row.counts).get(measure.theirs) for row in rows or ()]
    told = [cell for cell in cells if cell is not None]
    return Difference(
        group=group,
        measure=measure,
        ours=ours,
        theirs=sum(told) if len(told) == len(cells) else None,
        allowed=5_000 * len(cells) if measure.is_money else 0,  # half a cent a printed amount
        set_aside=set_aside,
    )


def _count(funnel: Funnel, dimension: str = "") -> Mapping[str | None, tuple[int, ...]]:
    """Our numbers in order of ``MEASURES``, by group, in one pass; under None for all, or for the blank group."""
    key, grouped = (dimension, " group by 1") if dimension else ("null", "")
    sums = ", ".join(measure.sql for measure in MEASURES)
    rows = ask_calls(funnel, f"select {key}, {sums} from calls{grouped}")  # noqa: S608  # our words only
    return {group: tuple(map(int, numbers)) for group, *numbers in rows}


def _caveats(funnel: Funnel, summary: SummaryTable) -> Iterator[str]:
    """What may make the two differ though both are right."""
    yield (
        f"The export does not say which days, zone and filters it has: compare with a Summary of {funnel.period}, "
        "without other filters."
    )
    reasons = {entry.reason for entry in funnel.table.ledger.set_aside}
    if OTHER_CAMPAIGN in reasons or funnel.only:
        yield "This page looks at a part of the calls; the report must be filtered alike."
    if summary.total and summary.total.counts.get("live"):
        live = counted(summary.total.counts["live"], "call")
        yield f"{live} were live when the report was made, and may have connected and converted since."
    saved, read = (f"{moment:%Y-%m-%d %H:%M}" for moment in (summary.saved_at, funnel.table.as_of))
    yield f"The report was saved {saved} UTC, the calls were read {read} UTC: adjustments in between change both."
