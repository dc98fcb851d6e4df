"""Whether the amounts of a spend report can be trusted: all read, none twice, and as its own total says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.vocabulary import counted, usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kayzen_nb.checks import Ledger

_HALF_CENT = 5_000  # by as much may each shown amount be off, where a report rounds to cents


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One file: rows used and their spend, the total that it tells itself, rows that stand twice, rows lost and why."""

    name: str
    rows: int
    spend_usd_micros: int
    told_usd_micros: int | None = None
    doubled: int = 0
    doubled_usd_micros: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)


def check_facts(files: Sequence[FileFacts], ledger: Ledger) -> list[Check]:
    """What has to hold before anybody divides by this spend."""
    totals = [_check_total(one) for one in files if one.told_usd_micros is not None]
    return [
        replace(ledger.check(), name="every row of the spend file is accounted for"),
        _check_lost(files),
        _check_doubled(files),
        *totals,
    ]


def _check_lost(files: Sequence[FileFacts]) -> Check:
    lost = [
        f"{one.name}: {counted(rows, 'row')}, {reason}" for one in files for reason, rows in one.lost.items() if rows
    ]
    return Check(
        name="every amount of spend could be read",
        verdict=Verdict.UNKNOWN if lost else Verdict.PASS,
        expected="a day and an amount from 0 in every row",
        found="; ".join(lost) or "none was set aside",
        next_step="The spend of these rows is not in the numbers. Look at them in Kayzen." if lost else "",
    )


def _check_doubled(files: Sequence[FileFacts]) -> Check:
    twice = [
        f"{one.name}: {counted(one.doubled, 'row')}, {usd(one.doubled_usd_micros):,} USD"
        for one in files
        if one.doubled
    ]
    return Check(
        name="no row of spend stands twice",
        verdict=Verdict.UNKNOWN if twice else Verdict.PASS,
        expected="no two rows alike in every cell",
        found="; ".join(twice) or "none",
        next_step="They are counted each time. If the file was pasted together, export it again." if twice else "",
    )


def _check_total(one: FileFacts) -> Check:
    """Amounts rounded to cents may miss the total by half a cent each."""
    told, found = one.told_usd_micros or 0, one.spend_usd_micros
    agrees = abs(told - found) <= max(one.rows, 1) * _HALF_CENT
    off = Verdict.UNKNOWN if any(one.lost.values()) else Verdict.FAIL
    return Check(
        name=f"the total of {one.name} is the sum of its rows",
        verdict=Verdict.PASS if agrees else off,
        expected=f"{usd(told):,} USD",
        found=f"{usd(found):,} USD",
        next_step="" if agrees else "The file is cut or filtered: export it again.",
    )
