"""Whether something changed by more than chance, and whether only because the mix of calls is another one.

Looked at: the number of calls, and the three rates from stage to stage; corrected for four looks (Holm 1979). Days that
differ among themselves by more than chance widen every test and interval (``mixtest.dispersion``).

That only the mix of a dimension changed is said where five things hold together, and then as an observation: the rate
changed by more than chance; inside the groups nothing is told (Cochran-Mantel-Haenszel, 5 %); the whole change lies
outside the 95 % interval of the change inside the groups, so that few calls cannot pass for no change; the mix alone
gives at least 80 % and at most 125 % of the change; and at least 80 % of either period's calls are in groups that both
periods have, so that renamed groups cannot pass for a mix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from kayzen_nb.changecounts import known_stages, plural
from kayzen_nb.changelooks import look_at_calls, look_at_mix, look_at_rate
from kayzen_nb.mixtest import LEVEL, holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.changelooks import CountLook, MixLook, RateLook
    from kayzen_nb.comparison import Comparison

LOOKED_AT = ("campaign", "number", "state", "target", "publisher", "is_duplicate", "weekday", "hour")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What changed by more than chance, and what the mix has to do with it; ``calls`` is None where not compared."""

    comparison: Comparison
    calls: CountLook | None = None
    rates: tuple[RateLook, ...] = ()
    mixes: tuple[MixLook, ...] = ()

    @property
    def told(self) -> tuple[RateLook, ...]:
        """The rates that changed by more than chance."""
        return tuple(look for look in self.rates if look.is_told)

    @property
    def only_mix(self) -> tuple[MixLook, ...]:
        """For each such rate the dimension whose mix comes nearest to the whole change, where there is one."""
        return tuple(found[0] for look in self.told if (found := self._mixes_of(look)))

    @property
    def dimension(self) -> str:
        """Whose mix to show: the one that explains a change; else states."""
        return next((mix.dimension for mix in self.only_mix), "state")

    def sentence(self) -> str:
        """All that can be said of the change, in a few sentences."""
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """One finding each: what changed by more than chance, what explains it, and what is no more than chance."""
        if self.calls is None:
            return [str(self.comparison)]
        told = [self.calls.sentence()] if self.calls.is_told else []
        for look in self.told:
            told += [look.sentence(), *self._explain(look)]
        return [*told, *self._rest(), *self._widened()]

    def _mixes_of(self, look: RateLook) -> list[MixLook]:
        found = [mix for mix in self.mixes if mix.look is look and mix.is_mix_only]
        return sorted(found, key=lambda mix: abs(mix.share - 1))

    def _explain(self, look: RateLook) -> list[str]:
        """Whether it is only a mix, or remains inside groups; nothing where neither can be told."""
        if mixes := self._mixes_of(look):
            others = [plural(mix.dimension) for mix in mixes[1:]]
            return [mixes[0].sentence(), *([f"The same can be said of {_listed(others)}."] if others else [])]
        inside = [plural(mix.dimension) for mix in self.mixes if mix.look is look and mix.is_within]
        if not inside:
            return []
        more = [f"{len(inside) - _SHOWN} more such divisions"] if len(inside) > _SHOWN else []
        return [f"It changed inside {_listed([*inside[:_SHOWN], *more])} too: another mix of them does not explain it."]

    def _rest(self) -> list[str]:
        """What is no more than chance, and what is too little to tell."""
        chance, few = ([look.name for look in self._looks() if look.is_told is told] for told in (False, None))
        sentences = [f"No more than chance: {_listed(chance)}."] if chance else []
        return sentences + ([f"Too few calls to tell: {_listed(few)}."] if few else [])

    def _widened(self) -> list[str]:
        wide = [
            f"{look.name} ({look.dispersion:.1f} times the variance)" for look in self._looks() if look.dispersion > 1
        ]
        return (
            [f"Days differ among themselves by more than chance, which is allowed for: {_listed(wide)}."]
            if wide
            else []
        )

    def _looks(self) -> list[CountLook | RateLook]:
        return [*([self.calls] if self.calls else []), *self.rates]


def find_explanation(comparison: Comparison, dimensions: Sequence[str] = LOOKED_AT) -> Explanation:
    """Which of the number of calls and the rates changed by more than chance, and whether only a mix did it."""
    known = known_stages(comparison)
    calls = look_at_calls(comparison)
    rates = [look for base, stage in pairwise(known) if (look := look_at_rate(comparison, base, stage))]
    if calls is None:
        return Explanation(comparison=comparison)
    calls, rates = _correct(calls, rates)
    mixes = (look_at_mix(comparison, look, name) for look in rates if look.is_told for name in dimensions)
    return Explanation(comparison=comparison, calls=calls, rates=tuple(rates), mixes=tuple(mix for mix in mixes if mix))


def _correct(calls: CountLook, rates: Sequence[RateLook]) -> tuple[CountLook, list[RateLook]]:
    """The looks with p-values corrected for how many there are; where there are too few calls, that stays said."""
    first, *others = holm([calls.p, *(look.p for look in rates)])
    told = None if calls.is_told is None else first < LEVEL
    corrected = [
        replace(look, p=p, is_told=None if look.is_told is None else p < LEVEL)
        for look, p in zip(rates, others, strict=True)
    ]
    return replace(calls, p=first, is_told=told), corrected


def _listed(words: Sequence[str]) -> str:
    """Words with commas, and an *and* before the last."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
