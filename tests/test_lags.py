"""Lags read off the archive's pulls: an archive in a temporary folder, counted by hand. Numbers are invented."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from test_archive import publish, record

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.lags import measure_lags

DAY = date(2026, 11, 1)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)  # when every call comes
NOW = NOON + timedelta(days=60)


@pytest.fixture
def archive(tmp_path):
    return Archive(archive_folder(tmp_path / "home", "RA1"))


def call(n, *, converted=True, paid=False, day=DAY, hour=12, **more):
    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    amount = {"payoutAmount": 20.0 if paid else None}
    return record(n, inboundCallId=f"RGB{day:%m%d}{n:03}", callDt=int(at.timestamp() * 1000), hasConverted=converted,
                  hasPayout=paid) | amount | more  # fmt: skip


def pull(archive, age_h, paid, *, calls=10, converted=10, day=DAY, **more):
    """A pull of a day, so many hours after noon of it: its first ``paid`` calls are paid, ``converted`` converted."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(hours=age_h)
    records = [call(n, converted=n < converted, paid=n < paid, day=day) for n in range(calls)]
    publish(archive, records, at=at, day=day, **more)


def rows(lags, event):
    """``(first_h, known_h, followed_h): calls``."""
    found = lags.counts[lags.counts["event"] == event]
    keys = zip(found["first_h"], found["known_h"], found["followed_h"], strict=True)
    return {tuple(map(int, key)): int(calls) for key, calls in zip(keys, found["calls"], strict=True)}


def test_a_payout_is_known_from_the_first_pull_that_has_it(archive):
    for age_h, paid in ((24, 2), (72, 5), (240, 9)):
        pull(archive, age_h, paid)
    lags = measure_lags(archive, DAY, DAY, now=NOW)
    assert rows(lags, "payout") == {(24, 24, 240): 2, (24, 72, 240): 3, (24, 240, 240): 4}
    assert rows(lags, "converted") == {(24, 24, 240): 10}
    assert (lags.pulls, lags.days_read_again) == (3, 1)
    assert lags.read_at == {DAY: NOON + timedelta(hours=240)}


def test_a_payout_taken_back_and_given_again_counts_from_the_second_time(archive):
    for age_h, paid in ((24, 3), (48, 1), (72, 3)):
        pull(archive, age_h, paid)
    assert rows(measure_lags(archive, now=NOW), "payout") == {(24, 24, 72): 1, (24, 72, 72): 2}


def test_a_payout_taken_back_for_good_is_no_payout(archive):
    pull(archive, 24, 3)
    pull(archive, 48, 1)
    assert rows(measure_lags(archive, now=NOW), "payout") == {(24, 24, 48): 1}


def test_a_reading_that_found_the_same_rows_follows_the_calls_longer(archive):
    pull(archive, 24, 2)
    pull(archive, 100, 2)  # leaves a marker, no pull
    lags = measure_lags(archive, now=NOW)
    assert rows(lags, "payout") == {(24, 24, 100): 2}
    assert lags.pulls == 1


def test_only_what_was_there_at_the_moment_counts(archive):
    for age_h, paid in ((24, 2), (72, 5), (240, 9)):
        pull(archive, age_h, paid)
    then = measure_lags(archive, now=NOON + timedelta(hours=100))
    assert rows(then, "payout") == {(24, 24, 72): 2, (24, 72, 72): 3}


def test_a_pull_of_a_day_that_was_not_over_knows_nothing_of_later_calls(archive):
    early = NOON - timedelta(hours=6)
    morning, evening = call(1, paid=True, hour=2), call(2, paid=True, hour=20)
    publish(archive, [morning], at=early, day=DAY, window_end=early)
    publish(archive, [morning, evening], at=NOON + timedelta(hours=18), day=DAY)
    # the morning's call was first read 4 hours after it, the evening's 10 hours after it: by the second pull
    assert rows(measure_lags(archive, now=NOW), "payout") == {(4, 4, 28): 1, (10, 10, 10): 1}


def test_hours_are_rounded_so_that_no_lag_comes_out_too_short(archive):
    publish(archive, [call(1, paid=True)], at=NOON + timedelta(hours=30, minutes=1), day=DAY)
    publish(archive, [call(1, paid=True), call(2)], at=NOON + timedelta(hours=50, minutes=59), day=DAY)
    assert rows(measure_lags(archive, now=NOW), "payout") == {(31, 31, 50): 1}


def test_a_campaign_is_asked_for_in_any_case_and_others_are_left_out(archive):
    records = [call(1, paid=True), call(2, paid=True, campaignName="Other"), call(3, paid=True, campaignName=None)]
    publish(archive, records, at=NOON + timedelta(hours=30), day=DAY)
    assert rows(measure_lags(archive, campaign=" ctv SPRING ", now=NOW), "payout") == {(30, 30, 30): 1}
    assert rows(measure_lags(archive, now=NOW), "payout") == {(30, 30, 30): 3}


def test_rows_set_aside_count_no_call_and_a_call_that_stands_twice_counts_once(archive):
    records = [call(1, paid=True), call(1, paid=True, hour=11), call(2, paid=True, conversionAmount="what")]
    publish(archive, records, at=NOON + timedelta(hours=30), day=DAY)
    publish(archive, [*records, call(3)], at=NOON + timedelta(hours=60), day=DAY)
    assert rows(measure_lags(archive, now=NOW), "payout") == {(30, 30, 60): 1}


def test_days_outside_of_the_range_and_an_empty_archive_give_nothing(archive):
    empty = measure_lags(archive, now=NOW)
    assert (len(empty.counts), empty.pulls, empty.days_read_again, empty.read_at) == (0, 0, 0, {})
    pull(archive, 24, 2)
    assert measure_lags(archive, DAY + timedelta(days=1), now=NOW).pulls == 0
    assert measure_lags(archive, now=NOON + timedelta(days=100)).pulls == 0  # the last 92 days only


def test_a_folder_whose_name_is_a_pattern_is_read_as_it_stands_and_its_neighbour_is_not(tmp_path):
    archive, neighbour = (Archive(archive_folder(tmp_path / name, "RA1")) for name in ("home *", "home 2"))
    pull(archive, 24, 2)
    pull(neighbour, 24, 3)
    assert rows(measure_lags(archive, now=NOW), "payout") == {(24, 24, 24): 2}


def test_calls_of_which_none_converted_give_no_counts(archive):
    pull(archive, 24, 0, converted=0)
    lags = measure_lags(archive, now=NOW)
    assert (len(lags.counts), lags.pulls) == (0, 1)
