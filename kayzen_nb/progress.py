"""How a long reading goes on: a bar in the terminal and the notebook, a plain line now and then when no one watches."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from kayzen_nb.vocabulary import counted
from kayzen_nb.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

_EVERY_S = 60.0


def watch_terminal(stream: TextIO | None = None) -> Watcher:
    """A bar where a person watches, plain lines elsewhere; always on stderr, so that ``--json`` stays clean."""
    stream = stream or sys.stderr
    return BarWatcher(stream) if stream.isatty() else LineWatcher(lambda line: print(line, file=stream, flush=True))


class BarWatcher(Watcher):
    """A tqdm bar of days, with pages, rows and the reason of a wait beside it."""

    def __init__(self, stream: TextIO | None = None, *, in_notebook: bool = False) -> None:
        self._stream, self._in_notebook = stream, in_notebook
        self._bar: Any = None
        self._pages = self._rows = self._begun = 0
        self._doing = ""

    def begin(self, days: int) -> None:
        if self._in_notebook:
            from tqdm.notebook import tqdm  # noqa: PLC0415  # ipywidgets, only in a notebook
        else:
            from tqdm import tqdm  # noqa: PLC0415  # only where a bar is shown
        self._bar = tqdm(total=days, unit="day", file=self._stream, leave=True, dynamic_ncols=True)

    def day(self, day: date, why: str) -> None:
        self._count_day()
        self._doing = f"{day} ({why})"
        self._show()

    def page(self, rows: int) -> None:
        self._pages += 1
        self._rows += rows
        self._show()

    def wait(self, seconds: float, why: str) -> None:
        self._show(f", waiting {seconds:.0f} s: {why}")

    def end(self) -> None:
        if self._bar is not None:
            self._count_day()
            self._bar.close()

    def _count_day(self) -> None:
        """A day is done when the next one begins, and the last one at the end."""
        if self._begun and self._bar.n < self._begun:
            self._bar.update(1)
        self._begun += 1

    def _show(self, more: str = "") -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"{self._doing}, {counted(self._pages, 'page')}, {counted(self._rows, 'row')}{more}"
            )


class LineWatcher(Watcher):
    """A line at the start, one a minute, one for each long wait, one at the end: for logs of scheduled runs."""

    def __init__(self, tell: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._days = self._done = self._pages = self._rows = 0
        self._told_at = clock()

    def begin(self, days: int) -> None:
        self._days, self._told_at = days, self._clock()
        self._tell(f"Reading {counted(days, 'day')} from Ringba.")

    def day(self, day: date, why: str) -> None:
        self._done += 1
        if self._clock() - self._told_at >= _EVERY_S:
            self._told_at = self._clock()
            self._tell(f"Day {self._done:,} of {self._days:,}: {day} ({why}); {self._so_far()} so far.")

    def page(self, rows: int) -> None:
        self._pages += 1
        self._rows += rows

    def wait(self, seconds: float, why: str) -> None:
        if seconds >= 1:
            self._tell(f"Waiting {seconds:.0f} s: {why}.")

    def end(self) -> None:
        self._tell(f"{self._so_far()} read.")

    def _so_far(self) -> str:
        return f"{counted(self._pages, 'page')}, {counted(self._rows, 'row')}"
