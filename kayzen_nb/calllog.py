"""Ringba's call log, read whole: every call of a window once, or an error that says why not.

Paging is by call time, not by offset. A page's calls before the whole second of its last call are taken, and the next
request begins at that second: what comes or goes before it shifts nothing. (Paging by offset loses about 22 rows in
1,000 where 5 leave between pages.) A second that holds more than a page is read by offset, and must be the same twice.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.callplace import read_places
from kayzen_nb.errors import ContractError, Problem
from kayzen_nb.logpage import CALL_LOG, build_request, distrust
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.watching import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import msgspec

    from kayzen_nb.callplace import Place
    from kayzen_nb.logpage import LogPage
    from kayzen_nb.watching import Watcher

    Ask = Callable[[dict[str, Any]], LogPage]

DEEPEST = 10_000  # from here on a count may be a cap, as Elasticsearch sets one: the window is halved
_PASSES = 3
_ASKED_AGAIN = 1  # times that a page may be empty before the end
_DAY_S = 86_400


class CallLog:
    """Reads the call log through ``ask`` (the body of a request in, its page out)."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def read(
        self, start: datetime, end: datetime, *, campaign: str = "", number: str = "", watcher: Watcher = SILENT
    ) -> Iterator[list[msgspec.Raw]]:
        """Every record of ``start <= call time < end`` (aware) once, in batches below 10,000, oldest batch first.

        A batch is given only when its part of the window is proven complete: nothing has to be taken back. Records
        whose time cannot be read are in it too. Days are asked for one by one. Raises BadAnswer where counts do not
        agree after three readings, ContractError where times cannot be read, other PlatformErrors as they come.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError("a window needs times with a zone")
        span = _Window(start=start.timestamp(), end=end.timestamp())
        asked = _Asked(ask=self._ask, span=span, campaign=campaign, number=number, watcher=watcher)
        for window in span.days():
            yield from _read_slice(asked, window)


@dataclass(frozen=True, kw_only=True)
class _Window:
    """A half-open span of time, in seconds since 1970."""

    start: float
    end: float

    def days(self) -> Iterator[_Window]:
        """The window in parts of 24 hours, the edges rounded outward to whole seconds, as they are asked for."""
        last = math.ceil(self.end)
        for start in range(math.floor(self.start), last, _DAY_S):
            yield _Window(start=start, end=min(start + _DAY_S, last))

    def halves(self) -> tuple[_Window, _Window]:
        middle = (int(self.start) + int(self.end)) // 2
        return _Window(start=self.start, end=middle), _Window(start=middle, end=self.end)

    def __str__(self) -> str:
        start, end = (datetime.fromtimestamp(at, UTC) for at in (self.start, self.end))
        return f"between {start:%Y-%m-%d %H:%M:%S} and {end:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is asked for, and who is told of each page."""

    ask: Ask
    span: _Window
    campaign: str
    number: str
    watcher: Watcher

    def page(self, start: float, end: float, offset: int = 0) -> LogPage:
        times = (datetime.fromtimestamp(at, UTC) for at in (start, end))
        body = build_request(*times, campaign=self.campaign, number=self.number) | {"offset": offset}
        page = self.ask(body)
        self.watcher.page(len(page.records))
        return page


class _Flaw(Exception):
    """Why a reading of a slice is not proven complete."""


def _read_slice(asked: _Asked, window: _Window) -> Iterator[list[msgspec.Raw]]:
    """The slice's records in one or more proven parts; read again where it does not add up."""
    flaw, proven = "", None
    for _ in range(_PASSES):
        reading = _Reading(asked, window)
        try:
            reading.read()
        except _Flaw as found:
            flaw = str(found)
            continue
        if reading.is_deep:
            for half in _halve(window):
                yield from _read_slice(asked, half)
            return
        # Calls that came in meanwhile may have siblings behind us: read again. Where they keep coming (today), all
        # that was there when the reading began has been read; the newest are the next reading's business.
        if not reading.surplus:
            proven = reading
            break
        if proven and proven.is_like(reading):
            flaw = f"declared {reading.declared:,} calls and gave {reading.surplus:,} more, each time the same"
            proven = None
            break
        proven = reading
    if not proven:
        distrust(f"has an unstable call log: {flaw} (read {_PASSES} times), {window}")
    yield proven.inside()


def _halve(window: _Window) -> tuple[_Window, _Window]:
    if window.end - window.start < 2:
        distrust(f"says that it holds {DEEPEST:,} calls or more in one second, {window}")
    return window.halves()


class _Reading:
    """One pass over a slice."""

    def __init__(self, asked: _Asked, window: _Window) -> None:
        self._asked, self._window = asked, window
        self._rows: dict[Any, tuple[int | None, msgspec.Raw]] = {}
        self._total = -1  # declared by the first page
        self._due = 0  # what the next page must declare at least
        self._turns_left = 20  # requests; more once the first page has said how many calls there are

    @property
    def is_deep(self) -> bool:
        """Whether the count may be a cap."""
        return self._total >= DEEPEST

    @property
    def surplus(self) -> int:
        """How many more calls were read than were declared at first."""
        return len(self._rows) - self._total

    @property
    def declared(self) -> int:
        """The count of the first page."""
        return self._total

    def is_like(self, other: _Reading) -> bool:
        """Whether both read the same calls: then none came in, and the declared count is wrong."""
        return self._rows.keys() == other._rows.keys()

    def inside(self) -> list[msgspec.Raw]:
        """The records of calls in the window that was asked for, and of those without a readable time.

        A call at the very end, which Ringba includes, belongs to the next window.
        """
        span, window = self._asked.span, self._window
        first, end = max(span.start, window.start) * 1000, min(span.end, window.end) * 1000
        return [record for at, record in self._rows.values() if at is None or first <= at < end]

    def read(self) -> None:
        """Read page after page. Raises _Flaw as soon as the pages do not add up."""
        at, end = int(self._window.start), int(self._window.end)
        while at < end:
            page = self._next_page(at, end)
            if self.is_deep:
                return
            if len(page.records) == page.total:
                self._take(read_places(page), page.records)
                break
            at = self._step(page, at, end)
        if self.surplus < 0:
            raise _Flaw(f"declared {self._total:,} calls but gave {len(self._rows):,}")

    def _next_page(self, at: int, end: int) -> LogPage:
        page = self._page(at, end)
        if self._total < 0:
            self._total = page.total
            self._turns_left += page.total // 20
        if len(page.records) > page.total:
            raise _Flaw(f"declared {page.total:,} calls but gave {len(page.records):,}")
        if page.total < self._due:
            raise _Flaw(f"declared {page.total:,} calls where {self._due:,} were left to read")
        self._due = page.total
        return page

    def _page(self, at: int, end: int, offset: int = 0) -> LogPage:
        """A page. One that is empty though more was declared is asked for again. Raises _Flaw if it stays empty."""
        for _ in range(1 + _ASKED_AGAIN):
            self._turns_left -= 1
            if self._turns_left < 0:
                raise _Flaw(f"declared {self._total:,} calls but gives only a few on each page")
            page = self._asked.page(at, end, offset)
            if page.records or page.total <= offset:
                return page
        total = max(self._total, page.total)
        raise _Flaw(f"declared {total:,} calls but gave {len(self._rows):,} and then empty pages")

    def _step(self, page: LogPage, at: int, end: int) -> int:
        """Take what is certain of a page that is not the last; where the next one begins."""
        places = read_places(page)
        seen = [ms for _, ms in places if ms is not None and at * 1000 <= ms <= end * 1000]
        if not seen and not any(ms is not None for _, ms in places):
            raise _unreadable_times(len(places))
        if not seen:
            raise _Flaw("gave a page again, or calls of another time than asked for")
        cut = min(max(seen) // 1000, end - 1)
        if cut <= at:
            self._read_second(at, is_last=at + 1 == end)
            return at + 1
        self._take(places, page.records, before=cut * 1000)
        return cut

    def _read_second(self, at: int, *, is_last: bool) -> None:
        """A second that fills a page, by offset: the same count on each page, and no call on two."""
        page = self._page(at, at + 1)
        total, records, places = page.total, list(page.records), read_places(page)
        while len(records) < total:
            page = self._page(at, at + 1, len(records))
            records += page.records
            places += read_places(page)
            if page.total != total:
                raise _Flaw(f"changed its count from {total:,} to {page.total:,} within a second of calls")
        if len({key for key, _ in places}) < len(places):
            raise _Flaw("gave a call on two pages, so another one may be missing")
        self._take(places, records, before=None if is_last else (at + 1) * 1000)

    def _take(self, places: list[Place], records: Any, before: int | None = None) -> None:
        """Keep the calls before a time (ms), those without a readable time too. Seen again, the newest content wins."""
        fresh: dict[Any, tuple[int | None, msgspec.Raw]] = {}
        again: Counter[Any] = Counter()
        for (key, at), record in zip(places, records, strict=True):
            if before is None or at is None or at < before:
                slot = key
                if key in fresh:  # twice on one page is what the log holds: kept as two
                    again[key] += 1
                    slot = (key, again[key])
                fresh[slot] = (at, record)
        known = len(self._rows)
        self._rows |= fresh
        self._due -= len(self._rows) - known


def _unreadable_times(count: int) -> ContractError:
    what = f"{API_IDS['call_at']} holds no readable call time in any of {count:,} records of a page."
    step = "Nothing was changed. Ringba may have changed its format: update this package, or report it with this text."
    return ContractError(Problem(what=what, where=f"POST {CALL_LOG} at Ringba's API", next_step=step))
