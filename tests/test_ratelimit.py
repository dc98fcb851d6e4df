"""Requests stay below three quarters of every limit, whoever asks when, and people at the web page are not starved."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.errors import OutputFolderError, RateLimited, SettingsError
from kayzen_nb.pacebook import PaceBook
from kayzen_nb.ratelimit import Limit, Pace, asked_wait, is_rate_limit, read_limits, until_edge

NOON = 1_771_329_600.0
WORST = "5/minute 20/hour 200/day"


class Clock:
    """Moved by sleeping only."""

    def __init__(self, at=NOON):
        self.at, self.slept = at, []

    def __call__(self):
        return self.at

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds

    def pace(self, limits, **more):
        return Pace(read_limits(limits), clock=self, sleep=self.sleep, **({"patience_s": 1e9} | more))

    def ask(self, pace, count):
        """The times at which so many requests go out, asked for one after the other."""
        stamps = []
        for _ in range(count):
            pace.wait()
            stamps.append(self.at)
        return stamps


def most_in(stamps, seconds):
    return max(sum(start <= s < start + seconds for s in stamps) for start in stamps)


def test_limits_are_read_from_words():
    assert read_limits("80/minute") == (Limit(count=80, seconds=60),)
    assert [(limit.count, limit.seconds) for limit in read_limits("5/Minute, 20/hour 200/day 1/second")] == [
        (5, 60), (20, 3600), (200, 86_400), (1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "80", "80/fortnight", "0/minute", "-5/minute", "1e9/day", "999999999/day", "٣/minute"]
)
def test_nonsense_is_no_limit_and_the_setting_is_named(text):
    with pytest.raises(SettingsError) as caught:
        read_limits(text, "RINGBA_LIMITS")
    [problem] = caught.value.problems
    assert (problem.where, "5/minute" in problem.next_step) == ("RINGBA_LIMITS", True)


def test_all_parts_that_are_no_limits_are_named_at_once():
    with pytest.raises(SettingsError) as caught:
        read_limits("x 80/minute y")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(("count", "allowed"), [(1, 1), (2, 1), (5, 3), (20, 15), (80, 60), (200, 150)])
def test_three_quarters_are_used_rounded_down_and_at_least_one(count, allowed):
    assert Limit(count=count, seconds=60).allowed == allowed


LIMITS = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["second", "minute", "hour", "day"])), min_size=1, max_size=3
)


@given(
    limits=LIMITS,
    pauses=st.lists(st.floats(0, 5000), min_size=1, max_size=80),
    halved_at=st.none() | st.integers(0, 80),
)
def test_never_more_than_three_quarters_of_any_limit_in_any_window_whatever_the_times_of_asking(
    limits, pauses, halved_at
):
    clock = Clock()
    text = " ".join(f"{count}/{span}" for count, span in limits)
    pace, stamps = clock.pace(text), []
    for turn, pause in enumerate(pauses):
        clock.at += pause
        if turn == halved_at:
            pace.slow_down()
        stamps += clock.ask(pace, 1)
    for limit in read_limits(text):
        assert most_in(stamps, limit.seconds) <= limit.allowed


@given(limits=LIMITS, pauses=st.lists(st.floats(0, 600), min_size=1, max_size=40))
def test_a_request_goes_out_at_once_where_no_limit_is_near(limits, pauses):
    clock = Clock()
    pace = clock.pace(" ".join(f"{count}/{span}" for count, span in limits))
    longest = max(limit.seconds for limit in pace._limits)
    for pause in pauses:
        clock.at += longest + pause
        began = clock.at
        assert clock.ask(pace, 1) == [began]


def test_a_minutes_share_is_not_used_up_at_its_beginning():
    clock = Clock()
    stamps = clock.ask(clock.pace("80/minute"), 180)
    assert most_in(stamps, 60) == 60
    assert most_in(stamps, 30) == 30
    assert stamps[-1] - stamps[0] < 180


def test_the_worst_published_limits_are_kept_over_days():
    clock = Clock()
    stamps = clock.ask(clock.pace(WORST), 400)
    assert [most_in(stamps, seconds) for seconds in (60, 3600, 86_400)] == [3, 15, 150]


def test_a_wait_is_told_with_its_reason():
    told = []
    clock = Clock()

    class Told:
        def wait(self, seconds, why):
            told.append((seconds, why))

    clock.ask(clock.pace("2/minute", watcher=Told()), 2)
    assert told == [(60.0, "to stay below the platform's limit")]
    assert clock.slept == [60.0]


def test_a_wait_longer_than_the_patience_says_when_to_run_again():
    clock = Clock()
    pace = clock.pace("4/day", patience_s=120)
    clock.ask(pace, 3)
    with pytest.raises(RateLimited) as caught:
        pace.wait("POST /calllogs")
    assert caught.value.problems[0].where == "POST /calllogs"
    assert "86,400 s to wait" in str(caught.value)
    assert "Run again after 2026-02-18 12:00:01 UTC" in str(caught.value)
    assert clock.slept == []


def test_slowing_down_halves_the_rate_to_an_eighth_at_least_and_leaves_a_days_budget():
    clock = Clock()
    pace = clock.pace("80/minute 200/day")
    rates = []
    for _ in range(5):
        clock.at += 100_000
        rates.append(most_in(clock.ask(pace, 70), 60))
        pace.slow_down()
    assert rates == [60, 30, 14, 6, 6]  # by half-minutes: 30, 15, 7, 3
    clock.at += 100_000
    assert most_in(clock.ask(pace, 160), 86_400) == 150


def test_a_hold_slows_down_never_sleeps_a_negative_time_and_ends_with_the_patience():
    clock = Clock()
    pace = clock.pace("80/minute", patience_s=100)
    pace.hold(-5, "told so")
    pace.hold(60, "told so")
    assert clock.slept == [0.0, 60]
    with pytest.raises(RateLimited, match="told so: 41 s to wait, 1 s more would be needed"):
        pace.hold(41, "told so")
    assert most_in(clock.ask(pace, 40), 60) == 14  # two holds: a quarter


@pytest.mark.parametrize("seconds", [1e8, 9.9e8, 1e300])
def test_a_hold_without_end_is_refused_in_plain_words(seconds):
    with pytest.raises(RateLimited, match="UTC"):
        Clock().pace("80/minute", patience_s=100).hold(seconds, "told so")


def test_without_limits_nothing_waits():
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    assert set(clock.ask(pace, 1000)) == {NOON}


# The book


def test_two_programs_with_one_book_share_the_limit(tmp_path):
    clock, book = Clock(), tmp_path / "home" / "pace.json"
    one, two = (clock.pace("20/hour", book=book) for _ in range(2))
    stamps = [at for _ in range(20) for pace in (one, two) for at in clock.ask(pace, 1)]
    assert most_in(stamps, 3600) == 15


def test_a_days_window_outlasts_the_program(tmp_path):
    clock, book = Clock(), tmp_path / "pace.json"
    for _ in range(15):
        clock.ask(clock.pace("20/day", book=book), 1)
    with pytest.raises(RateLimited):
        clock.pace("20/day", book=book, patience_s=60).wait()


def test_the_book_is_readable_by_its_owner_only_and_forgets_what_no_window_holds(tmp_path):
    clock, book = Clock(), tmp_path / "pace.json"
    pace = clock.pace("80/minute", book=book)
    clock.ask(pace, 3)
    clock.at += 61
    clock.ask(pace, 1)
    assert json.loads(book.read_text()) == {"times": [clock.at]}
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"times": 5}', b'{"times": ["x"]}', b'{"times": [null]}', b"\xff", b"[" * 100_000, b'{"times": [1e999]}']
)  # fmt: skip
def test_a_damaged_book_is_started_anew(tmp_path, content):
    clock, book = Clock(), tmp_path / "pace.json"
    book.write_bytes(content)
    clock.ask(clock.pace("80/minute", book=book), 1)
    assert json.loads(book.read_text()) == {"times": [NOON]}


def test_a_clock_that_was_set_back_costs_one_window_at_most(tmp_path):
    clock, book = Clock(), tmp_path / "pace.json"
    clock.ask(clock.pace("4/hour", book=book), 3)
    clock.at -= 86_400
    began = clock.at
    [at] = clock.ask(clock.pace("4/hour", book=book), 1)
    assert at - began == 3600


def test_a_left_over_draft_of_a_killed_program_is_no_obstacle(tmp_path):
    (tmp_path / ".pace.json.draft").write_text("half")
    clock = Clock()
    clock.ask(clock.pace("80/minute", book=tmp_path / "pace.json"), 1)
    assert [file.name for file in tmp_path.glob("*draft")] == []


def test_a_book_that_cannot_be_kept_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFolderError) as caught:
        Clock().pace("80/minute", book=tmp_path / "file" / "pace.json").wait()
    [problem] = caught.value.problems
    assert "recent requests" in problem.what
    assert "KAYZEN_NB_HOME" in problem.next_step


def note_times(path, count):
    book = PaceBook(path)
    for _ in range(count):
        with book.opened() as times:
            times.append(time.time())


def test_programs_that_note_at_once_lose_nothing(tmp_path):
    path = tmp_path / "pace.json"
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    programs = [context.Process(target=note_times, args=(path, 40)) for _ in range(3)]
    for program in programs:
        program.start()
    for program in programs:
        program.join(30)
    with PaceBook(path).opened() as times:
        assert len(times) == 120
        assert times == sorted(times)


# What a platform says of waiting


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,9} \d\d:\d\d:\d\d [+-]?\d{0,6}"))
def test_whatever_stands_in_retry_after_it_gives_a_time_or_nothing(header):
    asked = asked_wait(header, NOON)
    assert asked is None or 0 <= asked < 1e12


@pytest.mark.parametrize("tree", [None, [], {}, {"isRateLimited": "true"}, {"isRateLimited": 1}, "isRateLimited"])
def test_only_a_true_flag_is_a_rate_limit(tree):
    assert not is_rate_limit(tree)


def test_the_edge_of_a_window_is_the_platforms_minute_hour_or_day():
    at = NOON + 3 * 60 + 20
    assert [until_edge(span, at) for span in ("minute", "Hour", "Day")] == [40.5, 3400.5, 43_000.5]
