"""How far a rate may be from the truth when it was counted on few calls."""

from __future__ import annotations

import math
from statistics import NormalDist

from kayzen_nb.vocabulary import counted

# Below this many tries a rate is flagged: the NCHS Data Presentation Standards for Proportions (2017) ask for 30, as
# on fewer the 95 % interval of a rate near one half is wider than a third of the whole scale.
SMALL_BASE = 30


def wilson(successes: float, tries: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a rate, from 0 to 1; without tries everything is possible.

    E. B. Wilson 1927: the rates whose own normal spread would reach what was counted. Sound at 0 and at 1 too.
    """
    if tries <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, spread = successes / tries, z * z / tries
    centre = (rate + spread / 2) / (1 + spread)
    half = math.sqrt(rate * (1 - rate) * spread + spread * spread / 4) / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def describe_base(tries: int, noun: str = "call") -> str:
    """What to say beside a rate on fewer than ``SMALL_BASE`` tries; empty where the base is large enough."""
    if tries >= SMALL_BASE:
        return ""
    if not tries:
        return f"no {noun}: there is no rate"
    low, high = wilson(tries / 2, tries)
    return f"only {counted(tries, noun)}: a rate on so few may be off by {(high - low) * 50:.0f} points either way"
