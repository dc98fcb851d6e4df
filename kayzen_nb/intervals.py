"""How far a rate may be from the truth when it was counted on few calls."""

from __future__ import annotations

import math
from statistics import NormalDist


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
