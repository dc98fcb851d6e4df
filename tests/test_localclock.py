"""A zone's clock: every local time names the instant that Python says, in Python and in DuckDB alike."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.localclock import read_clock

ZONES = [
    "America/New_York", "America/Denver", "America/Phoenix", "Europe/London", "Australia/Lord_Howe", "Africa/Casablanca",
    "Asia/Kathmandu", "Pacific/Apia", "UTC",
]  # fmt: skip


def ask(clock, times, is_second="false"):
    """The instants that DuckDB gives for local times, by the clock's SQL."""
    engine = duckdb.connect()
    sql = f"select {clock.as_sql('t', is_second=is_second)} from (select unnest(?::timestamp[]) as t)"  # noqa: S608  # our own SQL
    return [row[0] for row in engine.execute(sql, [times]).fetchall()]


def by_python(local, zone, fold=0):
    """The instant of a local time, None for one that the clock skips."""
    at = local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
    return at.replace(tzinfo=None) if at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local else None


@pytest.mark.parametrize("zone", ZONES)
def test_the_local_times_of_years_become_the_instants_that_python_says(zone):
    times = [datetime(2009, 12, 31) + timedelta(minutes=n * 173) for n in range(9000)]  # noqa: DTZ001  # local
    assert ask(read_clock(zone, 2009, 2013), times) == [by_python(time, zone) for time in times]


@pytest.mark.parametrize("zone", ["America/New_York", "America/Denver", "Europe/London", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    "day", [(2026, 3, 7), (2026, 3, 28), (2026, 10, 3), (2026, 10, 24), (2026, 10, 31), (2026, 4, 4)]
)
def test_around_a_change_each_minute_is_read_as_python_does_and_the_second_pass_on_demand(zone, day):
    times = [datetime(*day) + timedelta(minutes=n) for n in range(2880)]  # noqa: DTZ001  # local
    clock = read_clock(zone, 2026, 2026)
    assert ask(clock, times) == [by_python(time, zone) for time in times]
    assert ask(clock, times, is_second="true") == [by_python(time, zone, fold=1) for time in times]


@pytest.mark.parametrize("zone", ZONES)
def test_the_spans_of_a_hundred_years_follow_each_other_without_a_hole(zone):
    spans = read_clock(zone).spans
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert (spans[0].start.year, spans[-1].end.year) in {(1999, 2100), (1999, 2099), (2000, 2100), (1999, 2101)}


@settings(max_examples=200, deadline=None)
@given(local=st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)), zone=st.sampled_from(ZONES))  # noqa: DTZ001  # local
def test_whatever_the_time_a_span_says_what_python_says(local, zone):
    [span] = [span for span in read_clock(zone).spans if span.start <= local < span.end]
    assert (local - span.offset if span.offset is not None else None) == by_python(local, zone)
    if span.again is not None:
        assert local - span.again == by_python(local, zone, fold=1)


def test_a_repeated_hour_knows_its_instants_where_the_zone_stands_on_utc_too():
    [hour] = read_clock("Europe/London", 2026, 2026).repeated
    assert (hour.start, hour.end) == (datetime(2026, 10, 25, 1), datetime(2026, 10, 25, 2))  # noqa: DTZ001  # local
    assert hour.first_instant == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert hour.end_instant == datetime(2026, 10, 25, 2, tzinfo=UTC)


def test_no_time_and_times_beyond_the_years_have_no_instant():
    beyond = [None, datetime(2030, 1, 1), datetime(1990, 1, 1)]  # noqa: DTZ001  # local
    assert ask(read_clock("America/New_York", 2026, 2026), beyond) == [None] * 3
