"""The ladder of proof: how far a test call, and each of its pixels, is proven.

0 nothing, 1 fired, 2 answered 200, 3 right content, 4 seen by Kayzen, 5 counted in Kayzen's report. A 200
proves receipt and nothing more; rungs 4 and 5 need Kayzen's word, which a person records with its date. A rung is never
called reached while one below it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from kayzen_nb.calls import PixelFire
    from kayzen_nb.firedvalue import Fault
    from kayzen_nb.vocabulary import Event


class Rung(IntEnum):
    """How far a test call, or one of its pixels, is proven."""

    NOTHING = 0
    FIRED = 1
    ANSWERED = 2
    RIGHT_CONTENT = 3
    SEEN_BY_KAYZEN = 4
    COUNTED = 5


RUNG_WORDS = {
    Rung.NOTHING: "nothing is proven",
    Rung.FIRED: "fired",
    Rung.ANSWERED: "answered 200",
    Rung.RIGHT_CONTENT: "right content",
    Rung.SEEN_BY_KAYZEN: "seen by Kayzen",
    Rung.COUNTED: "counted in Kayzen's report",
}


@dataclass(frozen=True, kw_only=True)
class KayzenWord:
    """What Kayzen said, or an export of Kayzen's shows, about one call: events seen, counted or not, by whom, when."""

    seen: Mapping[Event, date] = field(default_factory=dict)
    counted_on: date | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class PixelProof:
    """What is proven of one pixel. ``expected`` is None when the call does not tell whether it should have fired.

    ``faults`` carry the codes of their causes; ``remarks`` are worth knowing and no fault.
    """

    event: Event
    name: str
    expected: bool | None
    fires: tuple[PixelFire, ...]
    rung: Rung
    verdict: Verdict
    found: str
    next_step: str = ""
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TestCallProof:
    """What is proven of a call: its pixels, the lowest rung among those that count, and fires of other pixels."""

    __test__ = False  # pytest: this is not a test class

    call_id: str
    pixels: tuple[PixelProof, ...]
    rung: Rung
    strangers: tuple[PixelFire, ...]

    @property
    def checks(self) -> list[Check]:
        """One check a pixel."""
        return [
            Check(
                name=f"pixel {proof.event}",
                verdict=proof.verdict,
                expected={True: "fired, 200, planned content", False: "not fired", None: "unknown"}[proof.expected],
                found=proof.found,
                next_step=proof.next_step,
            )
            for proof in self.pixels
        ]

    def pixel(self, event: Event) -> PixelProof:
        """The proof of one event's pixel."""
        return next(proof for proof in self.pixels if proof.event is event)
