"""The rows of a spend report: used, or set aside with the reason; and what makes a report unsafe to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from kayzen_nb.errors import Problem
from kayzen_nb.spend import same_name
from kayzen_nb.spendchecks import FileFacts
from kayzen_nb.spendcolumns import EXPORT_AGAIN, note_columns
from kayzen_nb.spendvalues import (
    DayCell,
    Order,
    as_day,
    as_micros,
    comma_amounts,
    order_of,
    read_amount,
    read_count,
    read_hour,
    split_day,
)
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    from kayzen_nb.spendgrid import Grid

_TOTALS = frozenset({"total", "totals", "grand total", "overall", "overall total", "sum", "subtotal", "all campaigns"})
TOTAL, SUBTOTAL = "a row of totals", "a subtotal of a day"
NO_DAY, BAD_SPEND, NO_SPEND, NEGATIVE = "no readable day", "spend cannot be read", "spend is empty", "spend is negative"
BAD_WIDTH = "not as many cells as titles"
LOST = (NO_DAY, BAD_SPEND, NO_SPEND, NEGATIVE, BAD_WIDTH)


@dataclass(kw_only=True)
class UsedRows:
    """What becomes of the rows of a file."""

    records: list[dict[str, Any]] = field(default_factory=list)
    aside: Counter[str] = field(default_factory=Counter)
    total: int | None = None
    doubled_usd_micros: list[int] = field(default_factory=list)
    rounded: int = 0


class SpendRows:
    """One file, its rows sorted into used and set aside."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self._at = grid, grid.places
        self._days = {text: split_day(text) for text in {self._cell(row, "day") for row in grid.rows}}
        self._hour_from_day = "hour" not in self._at and any(cell and cell.hour for cell in self._days.values())
        self.used = self._sort(order_of(self._day_cells()))
        self.held = frozenset(self._at) | ({"hour"} if self._hour_from_day else set())

    def problems(self) -> list[Problem]:
        """What makes the whole file unsafe to read."""
        spend = [self._cell(row, "spend_usd_micros") for row in self.grid.rows]
        commas = comma_amounts(spend, is_semicolon=self.grid.delimiter == ";")
        found = [self._refuse_commas(commas[0])] if commas else []
        return [*found, *self._refuse_days(order_of(self._day_cells()))] or self._refuse_nothing_used()

    def notes(self) -> list[str]:
        """What a page says of this file."""
        name, order, rounded = self.grid.name, order_of(self._day_cells()), self.used.rounded
        offsets = ", ".join(sorted({cell.offset.upper() for cell in self._day_cells() if cell.offset}))
        said = {
            f"The days of {name} are written day first: a number above 12 shows it.": order == "day first",
            f"The times of {name} are written with {offsets}; they are taken as written.": bool(offsets),
            f"{counted(rounded, 'amount')} of {name} had parts of less than a millionth of a dollar: rounded.": rounded,
        }
        notes = [*self.grid.notes, *note_columns(self.grid.header, self.grid.file)]
        return [*notes, *(note for note, holds in said.items() if holds)]

    def facts(self) -> FileFacts:
        """What the checks look at."""
        used = self.used
        return FileFacts(
            name=self.grid.name,
            rows=len(used.records),
            spend_usd_micros=sum(record["spend_usd_micros"] for record in used.records),
            told_usd_micros=used.total,
            doubled=len(used.doubled_usd_micros),
            doubled_usd_micros=sum(used.doubled_usd_micros),
            lost={reason: rows for reason, rows in used.aside.items() if reason in LOST},
        )

    def keys(self) -> set[tuple[Any, str]]:
        """The days and campaigns that the file holds."""
        return {(record["day"], same_name(record["campaign"])) for record in self.used.records}

    def _day_cells(self) -> list[DayCell]:
        return [cell for cell in self._days.values() if cell]

    def _sort(self, order: Order) -> UsedRows:
        used, seen = UsedRows(), set[tuple[str, ...]]()
        for row in self.grid.rows:
            reason = self._why_not(row, order)
            if reason is None:
                self._take(row, order, used, seen)
            else:
                used.aside[reason] += 1
                used.total = self._told(row) if reason == TOTAL else used.total
        self._find_unnamed_total(used)
        return used

    def _why_not(self, row: Sequence[str], order: Order) -> str | None:
        """Why a row is not used; None when it is."""
        day = self._day(row, order)
        if day is None and any(same_name(cell).rstrip(":") in _TOTALS for cell in row[: len(self.grid.header)]):
            return TOTAL
        if len(row) != len(self.grid.header):
            return BAD_WIDTH
        if day is None:
            return NO_DAY
        if same_name(self._cell(row, "campaign")) in _TOTALS:
            return SUBTOTAL
        text = self._cell(row, "spend_usd_micros")
        amount = read_amount(text)
        if amount is None:
            return BAD_SPEND if text else NO_SPEND
        return NEGATIVE if amount < 0 else None

    def _take(self, row: Sequence[str], order: Order, used: UsedRows, seen: set[tuple[str, ...]]) -> None:
        amount = cast("Decimal", read_amount(self._cell(row, "spend_usd_micros")))  # `_why_not` has seen it
        spend, record = as_micros(amount), tuple(row)
        used.rounded += amount * 1_000_000 != spend
        used.doubled_usd_micros += [spend] if record in seen and spend else []
        seen.add(record)
        used.records.append(
            {
                "day": self._day(row, order),
                "hour": self._hour(row),
                "campaign": self._cell(row, "campaign") or None,
                "creative": self._cell(row, "creative") or None,
                "spend_usd_micros": spend,
                **{
                    name: read_count(self._cell(row, name)) for name in ("impressions", "video_start", "video_complete")
                },
            }
        )

    def _find_unnamed_total(self, used: UsedRows) -> None:
        """A last row without day and campaign is the totals, when its spend is the sum of the others."""
        last = self.grid.rows[-1] if self.grid.rows else []
        if len(last) != len(self.grid.header) or self._cell(last, "day") or self._cell(last, "campaign"):
            return
        if used.records and self._told(last) == sum(record["spend_usd_micros"] for record in used.records):
            used.total = self._told(last)
            used.aside[NO_DAY] -= 1
            used.aside[TOTAL] += 1

    def _told(self, row: Sequence[str]) -> int | None:
        amount = read_amount(self._cell(row, "spend_usd_micros"))
        return None if amount is None else as_micros(amount)

    def _day(self, row: Sequence[str], order: Order) -> date | None:
        cell = self._days[self._cell(row, "day")]
        return as_day(cell, order) if cell else None

    def _hour(self, row: Sequence[str]) -> int | None:
        if self._hour_from_day:
            cell = self._days[self._cell(row, "day")]
            return cell.hour if cell else None
        return read_hour(self._cell(row, "hour"))

    def _cell(self, row: Sequence[str], word: str) -> str:
        at = self._at.get(word)
        return row[at] if at is not None and at < len(row) else ""

    def _refuse_commas(self, amount: str) -> Problem:
        what = f"Spend in {self.grid.name} is written with a decimal comma, or may be, such as {amount[:20]!r}."
        step = "Export the report again, or save its numbers with a decimal point: 12.34."
        return Problem(what=what, where=str(self.grid.file), next_step=step)

    def _refuse_days(self, order: Order) -> list[Problem]:
        if order not in ("either", "both"):
            return []
        example = next(text for text, cell in self._days.items() if cell and cell.turned and cell.a != cell.b)
        words = {
            "either": f"The days of {self.grid.name}, such as {example!r}, can be read month first or day first.",
            "both": f"Some days of {self.grid.name} are written month first and some day first, such as {example!r}.",
        }
        step = "Write the days as 2026-11-03, or export days after the 12th too, which show the order."
        return [Problem(what=words[order], where=str(self.grid.file), next_step=step)]

    def _refuse_nothing_used(self) -> list[Problem]:
        lost = ", ".join(
            f"{counted(self.used.aside[reason], 'row')}: {reason}" for reason in LOST if self.used.aside[reason]
        )
        if self.used.records or not lost:
            return []
        return [Problem(what=f"No row of {self.grid.name} can be used.", where=lost, next_step=EXPORT_AGAIN)]
