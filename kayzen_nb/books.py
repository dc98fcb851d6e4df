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
from kayzen_nb.tables import show_sentence, show_table

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
    def inputs(self) -> Mapping[str, str]:
        """The name of each file that was read, with its SHA-256."""
        given = [self.spend.inputs if self.spend else {}, self.exports.inputs if self.exports else {}]
        given += [{summary.name: summary.sha256} for summary in self.summaries]
        return {name: digest for one in given for name, digest in one.items()}

    def compare(self, counted: Funnel) -> tuple[CountComparison, ...]:
        """The funnel's counts held against Ringba's own."""
        return tuple(compare_counts(counted, summary) for summary in self.summaries)

    def checks(self, counted: Funnel) -> list[Check]:
        """Whether the books agree; nothing where there is none."""
        return [check for one in self.compare(counted) for check in one.checks()]

    def show_comparisons(self, counted: Funnel) -> None:
        """Display each comparison; a sentence where nothing was given to compare with."""
        for one in self.compare(counted):
            show_sentence(one.sentence)
            show_table(counts_table(one), f"Counted here, and by Ringba in {one.summary.name}")
        if not (self.summaries or self.exports):
            show_sentence("Ringba's own counts were not given: put its Summary export into beside_path to compare.")


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
        raise InputError(Problem(what="There is no such file.", where=path.name, next_step=step))
    layout = read_layout(path)
    if is_summary(layout.header):
        return "summary"
    return "calls" if "call_id" in layout.positions else "spend"


def _joined(paths: Sequence[Path]) -> str:
    return ";".join(map(str, paths))
