"""Other books beside the calls, known by their titles: Kayzen's spend, Ringba's Summary, Call Details exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kayzen_nb.calllayout import read_layout
from kayzen_nb.errors import InputError, Problem
from kayzen_nb.ringba_columns import is_summary
from kayzen_nb.ringbacounts import CountComparison, compare_counts, counts_table
from kayzen_nb.spendfile import read_spend
from kayzen_nb.summaryfile import read_summary
from kayzen_nb.summaryformulas import check_summary, formulas_table
from kayzen_nb.tables import show_sentence, show_table
from kayzen_nb.twotables import TableComparison, compare_tables, differences_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kayzen_nb.calls import CallTable
    from kayzen_nb.checks import Check
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.spend import SpendTable
    from kayzen_nb.summarywords import SummaryTable


@dataclass(frozen=True, kw_only=True)
class Books:
    """What was given beside the calls; ``exports`` are the calls of Call Details exports, read for the same period."""

    spend: SpendTable | None = None
    summaries: tuple[SummaryTable, ...] = ()
    exports: CallTable | None = None

    @property
    def spend_notes(self) -> str:
        """What has to be known of the spend that was given."""
        return " ".join(self.spend.notes) if self.spend else "Kayzen's spend can be given as a CSV in beside_path."

    @property
    def inputs(self) -> Mapping[str, str]:
        """The name of each file that was read, with its SHA-256."""
        given = [self.spend.inputs if self.spend else {}, self.exports.inputs if self.exports else {}]
        given += [{summary.name: summary.sha256} for summary in self.summaries]
        return {name: digest for one in given for name, digest in one.items()}

    def checks(self, counted: Funnel) -> list[Check]:
        """Whether the books agree with the calls, and Ringba's Summary with itself; nothing where there is none."""
        formulas = [check_summary(summary) for summary in self.summaries]
        return formulas + [check for one in self._comparisons(counted) for check in one.checks()]

    def show_comparisons(self, counted: Funnel) -> None:
        """Display each comparison; a sentence where nothing was given to compare with."""
        for one in self._comparisons(counted):
            show_sentence(one.sentence)
            if isinstance(one, CountComparison):
                _show_summary(one)
            else:
                show_table(differences_table(one), "Calls on which the two sources differ", empty="No call differs.")
        if not (self.summaries or self.exports):
            show_sentence("Ringba's own counts were not given: put its Summary export into beside_path to compare.")

    def _comparisons(self, counted: Funnel) -> list[CountComparison | TableComparison]:
        """The funnel's counts beside each Summary, and its calls beside the exported ones."""
        found: list[CountComparison | TableComparison] = [compare_counts(counted, one) for one in self.summaries]
        if self.exports:
            found.append(compare_tables(counted.table, self.exports, names=("the calls of this page", "the export")))
        return found


def _show_summary(one: CountComparison) -> None:
    holds = "Every formula of Ringba's that can be told holds."
    show_table(counts_table(one), f"Counted here, and by Ringba in {one.summary.name}")
    show_table(formulas_table(one.summary), "Ringba's formulas that do not hold", empty=holds)
    if one.summary.notes:
        show_sentence(" ".join(one.summary.notes))


def read_books(paths: str, read_exports: Callable[[str], CallTable]) -> Books:
    """The books in one or several files, ``;`` between them. Raises InputError with the problems of all of them."""
    kinds: dict[str, list[Path]] = {"spend": [], "summary": [], "calls": []}
    problems: list[Problem] = []
    for path in (Path(part.strip()).expanduser() for part in paths.split(";") if part.strip()):
        try:
            kinds[_kind_of(path)].append(path)
        except InputError as unread:
            problems += unread.problems
    if problems:
        raise InputError(*problems)
    return Books(
        spend=read_spend(kinds["spend"]) if kinds["spend"] else None,
        summaries=tuple(read_summary(path) for path in kinds["summary"]),
        exports=read_exports(_joined(kinds["calls"])) if kinds["calls"] else None,
    )


def _kind_of(path: Path) -> str:
    """Which book a file is, by its titles. What is none of Ringba's is taken for spend, whose reader says why not."""
    if not path.is_file():
        step = "Check beside_path: files, with ; between."
        what = "This is a folder, not a file." if path.is_dir() else "There is no such file."
        raise InputError(Problem(what=what, where=path.name, next_step=step))
    layout = read_layout(path)
    if is_summary(layout.header):
        return "summary"
    return "calls" if "call_id" in layout.positions else "spend"


def _joined(paths: Sequence[Path]) -> str:
    return ";".join(map(str, paths))
