"""Whether a Summary export keeps to Ringba's own formulas, row by row.

The formulas held on 414 rows of eight real exports (section 7.2 of the reference on Ringba); they are not published.
A printed value is rounded, so it agrees when the exact one lies within what the rounding can hide.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.vocabulary import MICROS, counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from kayzen_nb.summarywords import SummaryRow, SummaryTable

_Number: TypeAlias = Fraction | None
_CENT = Fraction(1, 100)
_PERCENT_POINT = Fraction(1, 100)  # percents are printed with two decimals
_ADDED = ("incoming", "live", "target_tried", "ended", "connected", "paid", "converted", "no_connect", "duplicate",
          "blocked", "ivr_hangup")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Formula:
    """One formula on one row: what the report prints, what the formula gives, and how far rounding may put them apart.

    Either side is None where a part of it is not told, or its base is zero: then nothing can be said.
    """

    group: str
    name: str
    printed: Fraction | None
    computed: Fraction | None
    allowed: Fraction = Fraction(0)

    @property
    def verdict(self) -> Verdict:
        """Whether they agree."""
        if self.printed is None or self.computed is None:
            return Verdict.UNKNOWN
        return Verdict.PASS if abs(self.printed - self.computed) <= self.allowed else Verdict.FAIL

    def __str__(self) -> str:
        if self.printed is None or self.computed is None:
            return "cannot be told"
        return "agrees" if self.verdict is Verdict.PASS else f"differs by {_plain(self.printed - self.computed)}"


def check_formulas(summary: SummaryTable) -> list[Formula]:
    """Every formula on every row and on the totals, and each total against the sum of its groups."""
    named = [(_name(summary, row), row) for row in summary.rows]
    named += [("(totals)", summary.total)] if summary.total else []
    formulas = [formula for name, row in named for formula in _of_row(name, row)]
    return [*formulas, *(_of_totals(summary, summary.total) if summary.total and summary.rows else [])]


def check_summary(summary: SummaryTable) -> Check:
    """Whether the report agrees with itself. A difference is not explained by anything in the file."""
    formulas = check_formulas(summary)
    known = [one for one in formulas if one.verdict is not Verdict.UNKNOWN]
    apart = [one for one in known if one.verdict is Verdict.FAIL]
    told = f"{len(known) - len(apart):,} of {counted(len(known), 'comparison')} agree"
    first = "".join(f"; {one.group}: {one.name} {one}" for one in apart[:3])
    return Check(
        name=f"{summary.name} keeps to Ringba's formulas",
        verdict=Verdict.PASS if known and not apart else Verdict.UNKNOWN,
        expected="Ended = Completed + Blocked, RPC = Revenue / Ended, and the like",
        found=told + first,
        next_step="Ringba does not publish its formulas; ask Ringba support how this report counts." if apart else "",
    )


def formulas_table(summary: SummaryTable, *, all_rows: bool = False) -> pd.DataFrame:
    """The formulas as people read them: those that differ, or all of them."""
    import pandas as pd  # noqa: PLC0415  # half a second that a page without this table need not pay

    shown = [one for one in check_formulas(summary) if all_rows or one.verdict is Verdict.FAIL]
    return pd.DataFrame(
        [
            {
                summary.group_title or "Group": one.group,
                "Formula": one.name,
                "Printed": _plain(one.printed),
                "Computed": _plain(one.computed),
                "Answer": str(one),
            }
            for one in shown
        ]
    )


def _of_row(group: str, row: SummaryRow) -> list[Formula]:
    """The formulas of 7.2 on one row; only rates and money are rounded, so only they may be apart."""
    sides = [(*one, Fraction(0)) for one in _counted(row)] + _rates(row)
    return [
        Formula(group=group, name=name, printed=printed, computed=computed, allowed=allowed)
        for name, printed, computed, allowed in sides
    ]


def _counted(row: SummaryRow) -> list[tuple[str, _Number, _Number]]:
    calls = {name: Fraction(value) for name, value in row.counts.items()}
    told, incoming, blocked, live = calls.get, calls.get("incoming"), calls.get("blocked"), calls.get("live")
    acl = _floor(_over(_whole(row.seconds.get("tcl")), _minus(incoming, _plus(live, blocked))))
    return [
        ("Incoming = Ended + Live + IVR Hangup", incoming, _plus(told("ended"), live, told("ivr_hangup"))),
        ("Ended = Completed + Blocked", told("ended"), _plus(told("target_tried"), blocked)),
        ("No Connect = Incoming - Connected", told("no_connect"), _minus(incoming, told("connected"))),
        ("ACL = TCL / (Incoming - Live - Blocked), seconds cut off", _whole(row.seconds.get("acl")), acl),
    ]


def _rates(row: SummaryRow) -> list[tuple[str, _Number, _Number, Fraction]]:
    ended, revenue = _whole(row.counts.get("ended")), _dollars(row.micros.get("revenue"))
    profit = _minus(revenue, _dollars(row.micros.get("payout")))
    converted = _percent(_whole(row.counts.get("converted")), _whole(row.counts.get("incoming")))
    conversion, margin = (Fraction(row.percents[n]) if n in row.percents else None for n in ("conversion", "margin"))
    rpc = None if row.rpc_usd is None else Fraction(row.rpc_usd)
    rpc_off = _half_digit(row) + (_CENT / 2 / ended if ended else 0)
    margin_off = _PERCENT_POINT / 2 + (100 * _CENT / abs(revenue) if revenue else 0)
    return [
        ("Conversion % = Converted / Incoming", conversion, converted, _PERCENT_POINT / 2),
        ("RPC = Revenue / Ended", rpc, _over(revenue, ended), rpc_off),
        ("Profit = Revenue - Payout", _dollars(row.micros.get("profit")), profit, _CENT),
        ("Margin = Profit / Revenue", margin, _percent(profit, revenue), margin_off),
    ]


def _of_totals(summary: SummaryTable, total: SummaryRow) -> Iterator[Formula]:
    """Each total against its groups; a cell that one group leaves blank makes the sum unknown."""
    for name in _ADDED:
        parts = [_whole(row.counts.get(name)) for row in summary.rows]
        yield Formula(
            group="(totals)",
            name=f"sum of {_TITLES.get(name, name.replace('_', ' ').title())}",
            printed=_whole(total.counts.get(name)),
            computed=_plus(*parts),
        )
    for name in ("revenue", "payout"):
        amounts = [_dollars(row.micros.get(name)) for row in summary.rows]
        yield Formula(
            group="(totals)",
            name=f"sum of {name.title()}",
            printed=_dollars(total.micros.get(name)),
            computed=_plus(*amounts),
            allowed=_CENT / 2 * (len(summary.rows) + 1),  # each printed amount is rounded to the cent
        )


_TITLES = {"target_tried": "Completed", "ivr_hangup": "IVR Hangup"}


def _name(summary: SummaryTable, row: SummaryRow) -> str:
    if row.group is None:
        return DIMENSIONS[summary.dimension].blank if summary.dimension else "(no value)"
    return row.group


def _half_digit(row: SummaryRow) -> Fraction:
    """Half a unit of RPC's last printed digit; a float's noise for a number that was not rounded."""
    exponent = row.rpc_usd.as_tuple().exponent if row.rpc_usd is not None else 0
    return Fraction(1, 2) / 10 ** min(-int(exponent), 9) if isinstance(exponent, int) else Fraction(0)


def _plus(*parts: Fraction | None) -> Fraction | None:
    told = [part for part in parts if part is not None]
    return sum(told, Fraction(0)) if len(told) == len(parts) else None


def _minus(whole: Fraction | None, part: Fraction | None) -> Fraction | None:
    return None if whole is None or part is None else whole - part


def _over(part: Fraction | None, base: Fraction | None) -> Fraction | None:
    return None if part is None or not base else part / base


def _percent(part: Fraction | None, base: Fraction | None) -> Fraction | None:
    rate = _over(part, base)
    return None if rate is None else 100 * rate


def _floor(value: Fraction | None) -> Fraction | None:
    return None if value is None else Fraction(value.numerator // value.denominator)


def _whole(value: int | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _dollars(micros: int | None) -> Fraction | None:
    return None if micros is None else Fraction(micros, MICROS)


def _plain(value: Fraction | None) -> str:
    if value is None:
        return "unknown"
    return f"{value.numerator:,}" if value.denominator == 1 else f"{float(value):,.4f}".rstrip("0").rstrip(".")
