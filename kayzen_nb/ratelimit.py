"""How a platform says "slow down", and for how long."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


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
