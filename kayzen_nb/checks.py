"""Three answers, never two: a check passes, fails, or is unknown; a verdict is the worst of its checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verdict(StrEnum):
    """The answer to a check, and the worst answer of many. ``unknown`` is an answer, not an error."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    UNKNOWN = "unknown"
    FAIL = "fail"

    @property
    def exit_code(self) -> int:
        """0 when everything passed, 1 when something failed or is unknown."""
        return 0 if self is Verdict.PASS else 1


_SEVERITY = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question with its answer: what was expected, what was found, and the next step."""

    name: str
    verdict: Verdict
    expected: str
    found: str
    next_step: str = ""

    def as_record(self) -> dict[str, str]:
        """The check as the manifest writes it: ``name, verdict, expected, found, next_step``."""
        return {key: str(value) for key, value in asdict(self).items()}


def worst(checks: Iterable[Check]) -> Verdict:
    """The verdict of many checks: the worst one. No check at all proves nothing: unknown."""
    verdicts = [check.verdict for check in checks]
    return max(verdicts, key=_SEVERITY.__getitem__) if verdicts else Verdict.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """Rows that were read but not used, with the reason."""

    reason: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Every row accounted for: ``rows_in = rows_used + the rows set aside``."""

    rows_in: int
    rows_used: int
    set_aside: tuple[SetAside, ...] = field(default=())

    def check(self) -> Check:
        """Whether the rows add up."""
        aside = sum(entry.rows for entry in self.set_aside)
        balanced = self.rows_in == self.rows_used + aside
        return Check(
            name="every row is accounted for",
            verdict=Verdict.PASS if balanced else Verdict.FAIL,
            expected=f"{self.rows_in:,} rows read",
            found=f"{self.rows_used:,} used + {aside:,} set aside",
            next_step="" if balanced else "Report this as a defect: rows were lost while reading.",
        )

    def as_record(self) -> dict[str, Any]:
        """The ledger as the manifest writes it: ``rows_in, rows_used, set_aside``."""
        return asdict(self) | {"set_aside": [asdict(entry) for entry in self.set_aside]}
