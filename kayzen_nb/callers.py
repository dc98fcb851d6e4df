"""Calls and callers: how many different people stand behind the calls of each stage, by keyed pseudonym."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.definition import exit_sql
from kayzen_nb.exits import codes_reaching
from kayzen_nb.vocabulary import Stage, counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kayzen_nb.funnel import Funnel


@dataclass(frozen=True, kw_only=True)
class Callers:
    """Different callers by stage reached, and calls whose caller is not known. None: the source holds no callers."""

    of_stage: Mapping[Stage, int] | None
    calls: int
    unnamed: int

    def __str__(self) -> str:
        if not self.calls:
            return "No calls, so no callers."
        if self.of_stage is None or self.unnamed == self.calls:
            return "How many people called is unknown: the source does not say who called."
        people, converted = self.of_stage[Stage.INCOMING], self.of_stage[Stage.CONVERTED]
        each = f"{(self.calls - self.unnamed) / people:.2f} calls each"
        who = f"{counted(self.calls, 'call')} by {counted(people, 'caller')} ({each})"
        text = f"{who}; {counted(converted, 'caller')} converted."
        return text + (f" Of {counted(self.unnamed, 'call')} the caller is not known." if self.unnamed else "")


def count_callers(funnel: Funnel) -> Callers:
    """Count the different pseudonyms behind each stage, over all calls of the funnel's table."""
    if "caller_key" in funnel.unknown:
        return Callers(of_stage=None, calls=funnel.calls, unnamed=funnel.calls)
    placed = funnel.table.relation.project(f"caller_key, {exit_sql(funnel.definition)} as exit")
    people = ", ".join(
        f"count(distinct caller_key) filter (exit in ({', '.join(map(str, codes_reaching(stage)))}))" for stage in Stage
    )
    *found, unnamed = placed.aggregate(f"{people}, count(*) filter (caller_key is null)").fetchall()[0]
    return Callers(of_stage=dict(zip(Stage, found, strict=True)), calls=funnel.calls, unnamed=unnamed)
