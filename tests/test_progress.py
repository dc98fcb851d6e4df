"""Whoever watches sees days, pages, rows and why it waits; a log gets plain lines now and then."""

from __future__ import annotations

import io
from datetime import date

from kayzen_nb.progress import BarWatcher, LineWatcher, watch_terminal

DAY = date(2026, 11, 1)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_log_gets_a_line_at_both_ends_one_a_minute_and_one_for_each_wait():
    lines, clock = [], Clock()
    watcher = LineWatcher(lines.append, clock=clock)
    watcher.begin(3)
    for seconds in (0, 30, 61):
        clock.now = seconds
        watcher.day(DAY, "not read yet")
        watcher.page(700)
    watcher.wait(43, "Ringba's limit per minute")
    watcher.end()
    assert lines == [
        "Reading 3 days from Ringba.",
        "Day 3 of 3: 2026-11-01 (not read yet); 2 pages, 1,400 rows so far.",
        "Waiting 43 s: Ringba's limit per minute.",
        "3 pages, 2,100 rows read.",
    ]


def test_the_bar_shows_day_pages_rows_and_the_reason_of_a_wait():
    stream = io.StringIO()
    watcher = BarWatcher(stream)
    watcher.begin(2)
    watcher.day(DAY, "may still change")
    watcher.page(1000)
    watcher.wait(12, "Ringba's limit per minute")
    watcher.day(DAY, "may still change")
    watcher.end()
    shown = stream.getvalue()
    assert "2026-11-01 (may still change), 1 page, 1,000 rows, waiting 12 s: Ringba's limit per minute" in shown
    assert "2/2" in shown


def test_no_bar_is_drawn_where_no_one_watches():
    assert isinstance(watch_terminal(io.StringIO()), LineWatcher)


def test_a_reading_that_never_began_ends_quietly():
    BarWatcher(io.StringIO()).end()
