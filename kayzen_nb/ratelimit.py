"""How a platform says "slow down", and for how long; and how to stay below its limit without being told."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def asked_wait(header: str) -> float | None:
    """``Retry-After`` in seconds from now, as number or HTTP date; None when absent or not understood."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def is_rate_limit(tree: Any) -> bool:
    """Ringba's rate-limit body, which may come with a 200."""
    return isinstance(tree, dict) and tree.get("isRateLimited") is True


def until_edge(span: str) -> float:
    """Seconds until a limit's window turns, by this machine's clock; a day is longer than any deadline."""
    length = {"second": 1, "minute": 60, "hour": 3600}.get(span.casefold(), 86_400)
    return length - time.time() % length + 0.5


class Pace:
    """Lets at most ``per_minute`` requests out in any minute, ``burst`` of them at once: a token bucket.

    The bucket refills with what is left of the limit, so that a full bucket and a minute's refill stay within it.
    """

    def __init__(
        self,
        per_minute: float,
        *,
        burst: int = 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < burst < per_minute:
            raise ValueError("a burst is at least 1 and below the limit")
        self._refill_s = 60 / (per_minute - burst)
        self._burst, self._clock, self._sleep = burst, clock, sleep
        self._left, self._at = float(burst), clock()

    def wait(self) -> None:
        """Wait until one more request may go out."""
        self._fill()
        while self._left < 1:
            self._sleep(math.nextafter((1 - self._left) * self._refill_s, math.inf))
            self._fill()
        self._left -= 1

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._left + (now - self._at) / self._refill_s, float(self._burst))
        self._at = now
