"""Why an event does not reach Kayzen, or not rightly: every cause this toolkit can name, with what to do about it.

One catalogue, two users: ``diagnosis`` names causes from a call's evidence, ``audit`` from an account's set-up. The
words in ``faq`` are questions of the published guide; a cause without one comes from the field (``ringba.md`` 8.2).
A cause that is no *fault* explains why an event is rightly missing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kayzen_nb.vocabulary import Event


class Ask(StrEnum):
    """Who can help."""

    YOURSELF = "yourself"
    RINGBA = "Ringba"
    KAYZEN = "Kayzen"


class Certainty(StrEnum):
    """How sure a cause is: seen in the evidence, the best explanation of it, or one of several."""

    SEEN = "seen"
    LIKELY = "likely"
    POSSIBLE = "possible"


_ORDER = {Certainty.SEEN: 0, Certainty.LIKELY: 1, Certainty.POSSIBLE: 2}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of cause. ``symptom`` is what people see in Kayzen, ``attach`` what to send along when asking."""

    title: str
    symptom: str
    fix: str
    ask: Ask
    faq: str = ""
    attach: tuple[str, ...] = ()
    is_fault: bool = True


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A named cause: its code in ``KINDS``, what led there, and which pixels it concerns."""

    code: str
    evidence: str
    certainty: Certainty = Certainty.SEEN
    events: tuple[Event, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the catalogue says of this cause."""
        return KINDS[self.code]


def by_likelihood(causes: Iterable[Cause]) -> list[Cause]:
    """Faults before explanations, what was seen before what is likely; then in the catalogue's order."""
    place = {code: n for n, code in enumerate(KINDS)}
    return sorted(causes, key=lambda c: (not c.kind.is_fault, _ORDER[c.certainty], place[c.code]))


def _read_kinds() -> dict[str, Kind]:
    tree = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {code: _read_kind(fields, tree["faq"]) for code, fields in tree["kind"].items()}


def _read_kind(fields: dict[str, Any], faq: Mapping[str, str]) -> Kind:
    known = fields | {"ask": Ask(fields["ask"]), "attach": tuple(fields.get("attach", ()))}
    return Kind(**known | {"faq": faq[fields["faq"]] if "faq" in fields else ""})


KINDS: Mapping[str, Kind] = _read_kinds()
