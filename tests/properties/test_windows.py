"""Windows and pages: every instant once, every call once, however the time is cut and whatever breaks (P2, P11, P12).

No file is written here, so an example is cheap; the same laws with an archive stand in ``test_store``.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import stamina
from hypothesis import assume, given
from hypothesis import strategies as st

from kayzen_nb.errors import PlatformError
from kayzen_nb.period import Period
from kayzen_nb.ratelimit import Pace
from kayzen_nb.ringba import Ringba
from kayzen_nb.sources import utc_days
from tests.faultserver import FaultTransport
from tests.properties.faults import breakdowns
from tests.properties.world import DAYS, Clock, Log, World, call_lists, examples, moments, ms_of

START, END = (datetime.fromtimestamp(ms_of(day) / 1000, UTC) for day in (DAYS[0], DAYS[-1] + timedelta(days=1)))
# A day of many calls and pages of a few, so that most readings take several pages; and days as they come.
CROWDED = call_lists(least=12, most=40, days=DAYS[:1]) | call_lists(most=40)
PAGES = st.integers(8, 20)
ZONES = st.sampled_from(sorted(available_timezones()))
SETTINGS = World(Path("unused"), Log()).settings
SOME_DAYS = st.dates(date(1970, 1, 2), date(2100, 12, 31))


def read_ids(log, cuts, script=()):
    """The ids that come out of reading window after window, as often as they come."""
    clock = Clock()
    pace = Pace(patience_s=1e9, clock=clock.time, sleep=clock.pass_time)
    transport = FaultTransport(log.respond, script, pass_time=clock.pass_time)
    edges = [START, *cuts, END]
    with (
        stamina.set_testing(True, attempts=3, cap=True),
        Ringba(SETTINGS, transport=transport, pace=pace) as ringba,
    ):
        batches = [batch for ends in pairwise(edges) for batch in ringba.call_log().read(*ends)]
    return sorted(json.loads(bytes(record))["inboundCallId"] for batch in batches for record in batch)


# P2: windows and pages.


@examples()
@given(known=CROWDED, most=PAGES, cuts=st.lists(moments(), max_size=6, unique=True))
def test_any_split_into_windows_and_pages_gives_every_call_once(known, most, cuts):
    times = [datetime.fromtimestamp(at / 1000, UTC) for at in sorted(cuts)]
    assert read_ids(Log(known, most=most), times) == sorted(call.call_id for call in known)


@examples()
@given(known=call_lists(most=40), start=moments(), end=moments(), most=st.integers(8, 60))
def test_a_window_gives_the_calls_from_its_start_up_to_before_its_end(known, start, end, most):
    assume(start < end)
    window = [datetime.fromtimestamp(at / 1000, UTC) for at in (start, end)]
    with Ringba(SETTINGS, transport=FaultTransport(Log(known, most=most).respond)) as ringba:
        batches = list(ringba.call_log().read(*window))
    found = sorted(json.loads(bytes(record))["inboundCallId"] for batch in batches for record in batch)
    assert found == sorted(call.call_id for call in known if start <= call.at_ms < end)


# P12, as far as reading goes.


@examples()
@given(known=CROWDED, most=PAGES, script=breakdowns())
def test_a_reading_that_is_broken_into_gives_all_calls_or_a_named_error_and_nothing_between(known, most, script):
    found, problems = [], ()
    try:
        found = read_ids(Log(known, most=most), (), script)
    except PlatformError as refused:
        problems = refused.problems
    assert all(problem.what and problem.where and problem.next_step for problem in problems)
    assert problems or found == sorted(call.call_id for call in known)


# P11: days of any zone and year.


def periods_of(first, count, zone):
    days = [first + timedelta(days=n) for n in range(count)]
    return [Period(first_day=day, last_day=day, zone=zone) for day in days]


@examples(400)
@given(zone=ZONES, first=SOME_DAYS, count=st.integers(2, 400))
def test_days_of_a_zone_meet_without_gap_or_overlap(zone, first, count):
    days = periods_of(first, count, zone)
    assert [one.end_utc for one in days[:-1]] == [one.start_utc for one in days[1:]]
    assert all(one.start_utc <= one.end_utc for one in days)
    whole = Period(first_day=first, last_day=days[-1].last_day, zone=zone)
    assert (whole.start_utc, whole.end_utc) == (days[0].start_utc, days[-1].end_utc)


@examples(400)
@given(zone=ZONES, day=SOME_DAYS, minutes=st.integers(-90, 90) | st.integers(0, 1439))
def test_an_instant_is_in_one_day_of_a_zone_and_it_is_the_day_that_the_clock_on_the_wall_shows(zone, day, minutes):
    at = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).astimezone(UTC) + timedelta(minutes=minutes)
    local = at.astimezone(ZoneInfo(zone))
    around = [local.date() + timedelta(days=n) for n in (-2, -1, 0, 1, 2)]
    holding = [day for day in around if _holds(Period(first_day=day, last_day=day, zone=zone), at)]
    assert len(holding) == 1
    if not _is_about_a_clock_change(local, zone):
        assert holding == [local.date()]


def _holds(period, at):
    return period.start_utc <= at < period.end_utc


def _is_about_a_clock_change(local, zone):
    """Midnight itself may be repeated or skipped; then a day begins at one of two instants."""
    hours = [(local.astimezone(UTC) + timedelta(hours=n)).astimezone(ZoneInfo(zone)).utcoffset() for n in (-26, 26)]
    return len({local.utcoffset(), *hours}) > 1


@examples(400)
@given(zone=ZONES, first=SOME_DAYS, count=st.integers(1, 40))
def test_the_utc_days_of_a_period_hold_all_of_it_and_none_is_in_vain(zone, first, count):
    period = Period(first_day=first, last_day=first + timedelta(days=count - 1), zone=zone)
    assume(period.start_utc < period.end_utc)  # Samoa skipped a whole day
    days = list(utc_days(period))
    assert [(b - a).days for a, b in pairwise(days)] == [1] * (len(days) - 1)
    opened = [datetime.combine(day, datetime.min.time(), UTC) for day in days]
    assert opened[0] <= period.start_utc < opened[0] + timedelta(days=1)
    assert opened[-1] < period.end_utc <= opened[-1] + timedelta(days=1)
