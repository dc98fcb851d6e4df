"""Staying below a platform's limits, which people at its web page share; and waiting when it says "slow down"."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.errors import Problem, RateLimited, SettingsError
from kayzen_nb.pacebook import PaceBook
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from kayzen_nb.watching import Watcher

PATIENCE_S = 120.0  # what a notebook waits at most in a run; long enough for the edge of a minute
_SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_MOST = 100_000  # more in a window is a typing error, not a limit
_SLOWEST = 3  # halvings: down to an eighth of the rate, never to a standstill


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A platform's limit: so many requests in any window of so many seconds."""

    count: int
    seconds: float

    @property
    def allowed(self) -> int:
        """What we use of it: three quarters, at least one request. The rest is for people at the web page."""
        return max(1, self.count * 3 // 4)


def read_limits(text: str, where: str = "the rate limits") -> tuple[Limit, ...]:
    """Limits from ``80/minute`` or ``5/minute 20/hour 200/day``. Raises SettingsError naming every part that is none.

    ``where`` is the setting's name, for the message.
    """
    parts = text.replace(",", " ").split()
    if problems := [_no_limit(part, where) for part in parts or [""] if not _read_limit(part)]:
        raise SettingsError(*problems)
    return tuple(limit for limit in map(_read_limit, parts) if limit)


def _read_limit(part: str) -> Limit | None:
    found = re.fullmatch(r"([0-9]{1,6})/(second|minute|hour|day)", part.casefold())
    if not found or not 0 < int(found[1]) <= _MOST:
        return None
    return Limit(count=int(found[1]), seconds=_SPANS[found[2]])


def _no_limit(part: str, where: str) -> Problem:
    step = f"Write a count (1 to {_MOST:,}) and second, minute, hour or day, such as: 5/minute 20/hour 200/day"
    return Problem(what=f"{part[:40]!r} is no rate limit.", where=where, next_step=step)


def asked_wait(header: str, now: float) -> float | None:
    """``Retry-After`` in seconds from ``now``, as number or HTTP date; None when absent or not understood."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        return max(at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now, 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_rate_limit(tree: Any) -> bool:
    """Ringba's rate-limit body, which may come with a 200."""
    return isinstance(tree, dict) and tree.get("isRateLimited") is True


def until_edge(span: str, now: float) -> float:
    """Seconds until a limit's window (Second, Minute, Hour, Day of UTC) turns; an unknown span is taken as a day."""
    length = _SPANS.get(span.casefold(), _SPANS["day"])
    return length - now % length + 0.5


class Pace:
    """Lets requests out so that at most 75 % of each limit is used in any window of its length, and evenly.

    Evenly: at most half of a minute's share in half a minute. Without limits nothing is paced, only held.
    ``patience_s`` bounds a single wait for our own pace, and the sum of the waits that the platform asks for.
    ``book`` is a file in which programs of this machine share their times (seconds since 1970, as ``clock`` gives).
    """

    def __init__(
        self,
        limits: Iterable[Limit] = (),
        *,
        patience_s: float = PATIENCE_S,
        book: Path | None = None,
        watcher: Watcher = SILENT,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._limits = tuple(limits)
        self._patience_s = self._patience_left_s = patience_s
        self._book, self._watcher = PaceBook(book), watcher
        self._clock, self._sleep = clock, sleep
        self._halvings = 0

    def now(self) -> float:
        """Seconds since 1970, by this pace's clock."""
        return self._clock()

    def wait(self, where: str = "") -> None:
        """Wait until one more request may go out, and note it.

        ``where`` is the request, for messages. Raises RateLimited when the wait is longer than the patience.
        """
        while self._limits and (seconds := self._take()) > 0:
            if seconds > self._patience_s:
                raise self._refusal("Our share of the platform's limit is used up", seconds, self._patience_s, where)
            self._rest(seconds, "to stay below the platform's limit")

    def hold(self, seconds: float, why: str, where: str = "") -> None:
        """Wait because the platform said so, and go on more slowly. Raises RateLimited beyond the patience."""
        seconds = max(seconds, 0.0)
        if seconds > self._patience_left_s:
            raise self._refusal(why, seconds, self._patience_left_s, where)
        self._patience_left_s -= seconds
        self.slow_down()
        self._rest(seconds, why)

    def slow_down(self) -> None:
        """Halve the rate from now on, down to an eighth. A day's limit stays: it is a budget, not a rate."""
        self._halvings = min(self._halvings + 1, _SLOWEST)

    def _take(self) -> float:
        """Note a request and give 0.0; or give the seconds until one may go out."""
        with self._book.opened() as times:
            now = self._clock()
            self._tidy(times, now)
            seconds = max((times[-most] + span - now for most, span in self._rules() if len(times) >= most), default=0)
            if seconds <= 0:
                times.append(now)
            return max(seconds, 0.0)

    def _tidy(self, times: list[float], now: float) -> None:
        """Drop what no window holds any more. A time ahead counts as now: the clock was set back."""
        longest = max(limit.seconds for limit in self._limits)
        times[:] = [min(at, now) for at in times if at + longest > now]

    def _rules(self) -> list[tuple[int, float]]:
        """Each limit as (most requests, in any so many seconds), and those of a minute or less once more, finer."""
        rules = []
        for limit in self._limits:
            rate = 1 if limit.seconds > _SPANS["hour"] else 2**self._halvings
            rules.append((max(1, limit.allowed // rate), limit.seconds))
            if limit.seconds <= _SPANS["minute"]:
                burst = max(1, limit.allowed // 2)
                rules.append((max(1, burst // rate), limit.seconds * burst / limit.allowed))
        return rules

    def _rest(self, seconds: float, why: str) -> None:
        self._watcher.wait(seconds, why)
        self._sleep(seconds)

    def _refusal(self, why: str, seconds: float, left: float, where: str) -> RateLimited:
        then = datetime.fromtimestamp(min(self._clock() + seconds + 1, 32_503_680_000), UTC)
        what = f"{why}: {seconds:,.0f} s to wait, {seconds - left:,.0f} s more would be needed than this run may wait."
        step = f"Nothing was changed. Run again after {then:%Y-%m-%d %H:%M:%S} UTC; a shorter period asks for less."
        return RateLimited(Problem(what=what, where=where, next_step=step))
