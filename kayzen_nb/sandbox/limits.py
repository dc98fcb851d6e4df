"""An account's rate limits, counted by the sandbox's own clock and shared by all who ask it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kayzen_nb.sandbox import answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.datafaults import Limit

_SPANS = {"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86_400}


class AccountLimits:
    """Counts requests in whole seconds, minutes, hours and days, UTC.

    A refused request is not counted, so that one more try is good once the window has turned: our choice, the
    real one is not known.
    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = limits
        self._asked: Counter[tuple[str, str, int]] = Counter()

    def refuse(self, endpoint: str, now: datetime) -> Answer | None:
        """The refusal where a limit is used up; else the request is counted."""
        limit = self._limits.get(endpoint)
        if limit is None:
            return None
        counts = {span: self._used(endpoint, span, now, limit) + 1 for span in _most(limit)}
        over = [span for span, most in _most(limit).items() if counts[span] > most]
        if over:
            return _refusal(endpoint, limit, over[-1], counts, now)
        for span in counts:
            self._asked[endpoint, span, _window(span, now)] += 1
        return None

    def _used(self, endpoint: str, span: str, now: datetime, limit: Limit) -> int:
        """What a window has seen: our own requests, and those of the people at the web page, who come first."""
        minutes = int(now.timestamp()) % _SPANS[span] // 60 + 1
        others = 0 if span == "Second" else limit.others_a_minute * minutes
        return self._asked[endpoint, span, _window(span, now)] + others


def _most(limit: Limit) -> dict[str, int]:
    """The limits that are set, by span, the shortest first."""
    most = {
        "Second": limit.per_second,
        "Minute": limit.per_minute,
        "Hour": limit.per_hour,
        "Day": limit.per_day,
    }
    return {span: count for span, count in most.items() if count is not None}


def _window(span: str, now: datetime) -> int:
    return int(now.timestamp()) // _SPANS[span]


def _refusal(endpoint: str, limit: Limit, span: str, counts: Mapping[str, int], now: datetime) -> Answer:
    """The documented body, naming the longest window that is used up. A Retry-After is not confirmed."""
    told = {f"per{s}": {"limit": most, "currentCount": counts[s]} for s, most in _most(limit).items()}
    status, headers, body = answers.too_many(endpoint, limit.status, span, told)
    if limit.retry_after:
        headers |= {"Retry-After": str(_SPANS[span] - int(now.timestamp()) % _SPANS[span])}
    return status, headers, body
