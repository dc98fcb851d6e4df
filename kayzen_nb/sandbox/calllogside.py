"""The sandbox's call log: what a request asks for, cut from calls that may move meanwhile, written well or spoiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kayzen_nb.sandbox import logquery
from kayzen_nb.sandbox.callrows import CallRows
from kayzen_nb.sandbox.movement import Mover
from kayzen_nb.sandbox.spoiling import LogPage, Spoiler

if TYPE_CHECKING:
    from datetime import datetime

    from kayzen_nb.sandbox.answers import Answer
    from kayzen_nb.sandbox.callbook import CallBook
    from kayzen_nb.sandbox.scenarios import Scenario


class CallLogSide:
    """``POST calllogs``. ``last_read`` is the last window that was asked for, and the last call's time on its page."""

    def __init__(self, scenario: Scenario) -> None:
        self.rows = CallRows()
        self.last_read: tuple[tuple[datetime, datetime], datetime | None] | None = None
        self._mover, self._spoiler = Mover(scenario.moving), Spoiler(scenario.call_log)

    def respond(self, asked: dict[str, Any], book: CallBook) -> Answer:
        """Answer one request; then the calls move, if the scenario says so."""
        page, window = logquery.read_page(asked), logquery.read_window(asked)
        passed = logquery.filter_records(self.rows.between(book, *window), asked)
        shown = logquery.sort_records(passed, asked)[page]
        answer = self._spoiler.write(
            LogPage(total=len(passed), offset=page.start, records=logquery.pick_columns(shown, asked))
        )
        last = max((book_time(record) for record in shown), default=None)
        self.last_read = window, last
        self._mover.after_page(book, window, last)
        return answer


def book_time(record: dict[str, Any]) -> datetime:
    """When the call of an unspoiled record began (aware UTC)."""
    return logquery.moment_of(record["callDt"])
