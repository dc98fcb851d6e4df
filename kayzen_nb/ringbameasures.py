"""What is compared with Ringba's Summary report, and what a difference may be."""

from __future__ import annotations

from dataclasses import dataclass

from kayzen_nb.checks import Verdict
from kayzen_nb.vocabulary import counted, usd


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is compared: our SQL, the columns it needs, and the report's name for it."""

    name: str
    sql: str
    theirs: str
    needs: tuple[str, ...] = ()
    is_money: bool = False


def _flagged(flag: str) -> str:
    return f"coalesce(sum(({flag})::int), 0)::bigint"


MEASURES: tuple[Measure, ...] = (
    Measure(name="incoming", sql="count(*)", theirs="incoming"),
    Measure(name="blocked", sql=_flagged("blocked"), theirs="blocked", needs=("blocked",)),
    Measure(
        name="incomplete",
        sql=_flagged("incomplete_reason is not null and not coalesce(blocked, false)"),
        theirs="ivr_hangup",
        needs=("incomplete_reason",),
    ),
    # The flags as Ringba sets them: the funnel's *reached at least* would count a conversion without a connection.
    Measure(name="connected", sql=_flagged("connected"), theirs="connected", needs=("connected",)),
    Measure(name="converted", sql=_flagged("converted"), theirs="converted", needs=("converted",)),
    Measure(name="paid out", sql=_flagged("paid"), theirs="paid", needs=("paid",)),
    Measure(name="duplicate", sql=_flagged("is_duplicate"), theirs="duplicate", needs=("is_duplicate",)),
    Measure(
        name="revenue",
        sql="coalesce(sum(revenue_usd_micros), 0)::bigint",
        theirs="revenue",
        needs=("revenue_usd_micros",),
        is_money=True,
    ),
    Measure(
        name="payout",
        sql="coalesce(sum(payout_usd_micros), 0)::bigint",
        theirs="payout",
        needs=("payout_usd_micros",),
        is_money=True,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One measure of one group: ours and the report's; None is unknown. Money in millionths of a dollar.

    ``allowed`` is what rounding to the cent can hide. ``set_aside`` calls are in the report and left out here.
    """

    group: str
    measure: Measure
    ours: int | None
    theirs: int | None
    allowed: int = 0
    set_aside: tuple[int, int] = (0, 0)  # test calls, unreadable rows

    @property
    def apart(self) -> int | None:
        """By how much the report is above what is counted here."""
        return None if self.ours is None or self.theirs is None else self.theirs - self.ours

    @property
    def is_equal(self) -> bool:
        """Whether they agree, but for rounding."""
        return self.apart is not None and abs(self.apart) <= self.allowed

    @property
    def is_explained(self) -> bool:
        """Whether the calls that were set aside are as many as the report has more. Told of no other measure."""
        tests, unreadable = self.set_aside
        return self.apart is not None and self.measure.name == "incoming" and 0 < tests + unreadable == self.apart

    @property
    def verdict(self) -> Verdict:
        """Pass when equal or explained; never a failure, for the report may have looked at other calls."""
        return Verdict.PASS if self.is_equal or self.is_explained else Verdict.UNKNOWN

    def __str__(self) -> str:
        if self.apart is None:
            return "cannot be told"
        if self.is_equal:
            return "agrees"
        tests, unreadable = self.set_aside
        aside = " and ".join(
            counted(number, noun) for number, noun in ((tests, "test call"), (unreadable, "unreadable row")) if number
        )
        text = f"the report has {self._amount(abs(self.apart))} {'more' if self.apart > 0 else 'less'}"
        if self.is_explained:
            return f"{text}: {aside} set aside here"
        if aside and self.apart > 0 and (self.measure.is_money or self.apart <= tests + unreadable):
            return f"{text}: {aside} set aside here may be it; what they count for is not known"
        return f"{text}: why is unknown"

    def _amount(self, value: int) -> str:
        return f"{usd(value):,} USD" if self.measure.is_money else f"{value:,}"

    def shown(self, value: int | None) -> str:
        """A side as people read it."""
        return "unknown" if value is None else self._amount(value)
