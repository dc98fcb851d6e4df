"""What a long reading tells whoever watches: days, pages, rows, and why it waits. A watcher that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Watcher:
    """Is told how a reading goes on; this one stays silent. Subclasses show it."""

    def begin(self, days: int) -> None:
        """The reading begins; so many days are to be read."""

    def day(self, day: date, why: str) -> None:
        """A day is read next, and why (new, may have changed, asked for)."""

    def page(self, rows: int) -> None:
        """A page of the call log has come, with so many rows."""

    def wait(self, seconds: float, why: str) -> None:
        """Nothing happens for so long, and why."""

    def end(self) -> None:
        """The reading is over, well or not."""


SILENT = Watcher()
