"""Which calls are too young, by the archive and by the calls: counted by hand. Numbers are invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st
from test_lagcurve import lags_of
from test_lags import pull
from test_sync import NOON, TODAY, World

from kayzen_nb import ripeness
from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.lagcurve import build_curve
from kayzen_nb.lags import measure_lags
from kayzen_nb.period import Period
from kayzen_nb.ripeness import choose, measure_on_calls, measure_ripeness, unripe_days
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.syncplan import DueDay
from kayzen_nb.vocabulary import Event

AS_OF = datetime(2026, 11, 20, 6, tzinfo=UTC)
HOURS, DAYS = timedelta(hours=1), timedelta(days=1)
MID = Period(first_day=date(2026, 11, 10), last_day=date(2026, 11, 19), zone="America/New_York")
EVERY_DAY = {date(2026, 11, 1) + n * DAYS: AS_OF for n in range(20)}
# Of 100 payouts 90 are known after a day, 96 after three days, all after five; followed for 30 days.
SLOW = [(day, 24, known, 720, calls) for day in range(5) for known, calls in ((24, 18), (72, 1), (120, 1))]


def lags(*rows, event="payout", read_at=None):
    return lags_of(*rows, event=event, read_at=EVERY_DAY if read_at is None else read_at, as_of=AS_OF)


def payouts(*rows, period=MID, read_at=None, **more):
    return measure_ripeness(lags(*rows, read_at=read_at), period, **more).payout


# by the archive


def test_calls_younger_than_the_lag_at_their_last_reading_are_not_ripe():
    found = payouts(*SLOW)
    assert (found.is_measured, found.lag) == (True, 3 * DAYS)
    assert found.until == AS_OF - 3 * DAYS
    assert found.sentence == (
        "Payouts: 95% of those known within 30 days were known 3 days after the call or sooner (100 payouts of 5 days "
        "that were read again); so calls from 2026-11-17 01:00 (America/New_York) on are not ripe."
    )
    assert payouts(*SLOW, share=0.9).lag == 24 * HOURS
    assert "24 hours after the call" in payouts(*SLOW, share=0.9).sentence


def test_an_old_period_is_ripe_to_its_end():
    old = Period(first_day=date(2026, 11, 2), last_day=date(2026, 11, 8), zone="UTC")
    assert payouts(*SLOW, period=old).until == old.end_utc
    assert "so all calls of the period are ripe." in payouts(*SLOW, period=old).sentence


def test_a_day_that_was_not_read_since_is_not_ripe_and_is_named():
    stale = EVERY_DAY | {date(2026, 11, 12): datetime(2026, 11, 13, 6, tzinfo=UTC)}
    found = payouts(*SLOW, read_at=stale)
    assert found.until == datetime(2026, 11, 12, tzinfo=UTC)
    assert found.sentence.endswith("1 day (UTC), the first 2026-11-12, was last read too early for that: sync again.")


def test_what_came_after_the_archive_was_asked_is_never_ripe():
    longer = Period(first_day=date(2026, 11, 10), last_day=date(2026, 11, 25), zone="UTC")
    assert payouts(*SLOW, period=longer, read_at={}).until == AS_OF


def test_days_that_were_settled_long_before_are_ripe_though_they_are_not_read_any_more():
    settled = EVERY_DAY | {date(2026, 11, 10): datetime(2026, 11, 14, 6, tzinfo=UTC)}
    assert payouts(*SLOW, read_at=settled).until == AS_OF - 3 * DAYS


def test_too_few_payouts_leave_it_unknown_with_the_numbers():
    for rows in (SLOW[:12], SLOW[:0]):  # four days, none
        found = payouts(*rows)
        assert (found.is_measured, found.until, found.lag) == (False, None, None)
        assert "50 calls of 5 days are needed" in found.sentence
    assert "saw 80 payouts of 4 days at two ages" in payouts(*SLOW[:12]).sentence


def test_an_archive_that_was_read_once_a_day_knows_no_lag():
    once = [(day, 24, 24, 24, 100) for day in range(9)]
    assert "saw 0 payouts of 0 days at two ages" in payouts(*once).sentence
    assert not payouts(*once).is_measured


def test_first_pulls_that_came_late_leave_it_unknown():
    found = payouts(*[(day, 120, 120, 720, 100) for day in range(9)])
    assert not found.is_measured
    assert "when calls were first read, 5 days after them, most had come already" in found.sentence


def test_payouts_that_still_came_at_the_end_of_what_was_followed_leave_it_unknown():
    found = payouts(*[(day, 24, known, 144, 50) for day in range(9) for known in (24, 120)])
    assert not found.is_measured
    assert "calls were followed for 6 days, and 50.0% came in the second half of that" in found.sentence


def test_conversions_and_payouts_are_measured_apart():
    both = measure_ripeness(lags(*[(day, 24, 24, 720, 50) for day in range(9)], event="converted"), MID)
    assert both.converts_until == AS_OF - DAYS
    assert (both.pays_until, both.is_measured) == (None, False)


def test_an_archive_of_three_readings_and_a_fourth_much_later(tmp_path):
    archive = Archive(archive_folder(tmp_path / "home", "RA1"))
    for age_h, paid in ((24, 2), (72, 5), (240, 9)):
        pull(archive, age_h, paid, day=date(2026, 11, 1))
    now = datetime(2026, 11, 30, tzinfo=UTC)
    week = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="UTC")
    few = {"at_least": 1, "days_at_least": 1}
    assert not measure_ripeness(measure_lags(archive, now=now), week, **few).payout.is_measured  # 4 of 9 came last
    pull(archive, 600, 9, day=date(2026, 11, 1))
    found = measure_ripeness(measure_lags(archive, now=now), week, **few).payout
    assert dict(found.curve.points)[72] == pytest.approx(5 / 9)
    assert found.lag == 10 * DAYS


def test_the_sandboxs_late_payouts_show_in_the_curve(tmp_path):
    world, day = World(tmp_path, "late_payouts"), TODAY - DAYS
    world.sandbox = open_sandbox("late_payouts", clock=lambda: world.now, volume=60)
    paid = []
    for age in (0, 6, 22, 60):
        world.now = NOON + age * DAYS
        assert world.run([DueDay(day=day, why="test")]).is_whole
        start = datetime.combine(day, NOON.time(), UTC) - 12 * HOURS
        paid.append(sum("payoutAmount" in record for record in world.sandbox.truth(start, start + DAYS)))
    assert paid[0] < paid[1] < paid[2]
    curve = build_curve(measure_lags(world.archive, now=world.now), Event.PAYOUT, at_least=1, days_at_least=1)
    points = dict(curve.points)
    # every call of the day was older than that, and younger than the next reading
    assert [points[48], points[8 * 24], points[24 * 24]] == pytest.approx([n / paid[-1] for n in paid[:3]])


_rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 48), st.integers(0, 200), st.integers(0, 600), st.integers(10, 60)).map(
        lambda row: (row[0], row[1], row[1] + row[2], row[1] + row[2] + row[3], row[4])
    ),
    max_size=20,
)
_few = {"at_least": 1, "days_at_least": 1}


@settings(max_examples=60, deadline=None)
@given(_rows, st.lists(st.integers(0, 60), min_size=20, max_size=20))
def test_nothing_is_called_ripe_before_the_lag_has_passed_at_its_days_last_reading(rows, ages):
    read_at = {day: min(AS_OF, datetime(day.year, day.month, day.day, tzinfo=UTC) + age * 12 * HOURS)
               for day, age in zip(EVERY_DAY, ages, strict=True)}  # fmt: skip
    found = payouts(*rows, read_at=read_at, **_few)
    if not found.is_measured:
        assert (found.until, found.lag) == (None, None)
        return
    assert MID.start_utc <= found.until <= min(AS_OF, MID.end_utc)
    for day, read in read_at.items():
        for hour in range(24):
            call_at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
            if MID.start_utc <= call_at < found.until:
                assert read - call_at >= found.lag


@settings(max_examples=30, deadline=None)
@given(_rows)
def test_reading_later_with_the_same_lags_makes_no_ripe_call_unripe(rows):
    earlier = {day: at - 2 * DAYS for day, at in EVERY_DAY.items()}
    then, now = (payouts(*rows, read_at=read_at, **_few) for read_at in (earlier, EVERY_DAY))
    assert then.lag == now.lag
    assert not now.is_measured or then.until <= now.until


@settings(max_examples=30, deadline=None)
@given(_rows)
def test_a_larger_share_never_makes_calls_ripe_sooner(rows):
    low, high = (payouts(*rows, share=share, **_few) for share in (0.8, 0.95))
    assert not (low.is_measured and high.is_measured) or high.until <= low.until


def test_an_empty_archive_measures_nothing(tmp_path):
    nothing = measure_lags(Archive(archive_folder(tmp_path / "home", "RA1")), now=AS_OF)
    assert not measure_ripeness(nothing, MID).is_measured


# by the calls, and which of the two


def paid_less_from(day, days=10):
    """Ten converted calls a day (noon in New York), paid up to before a day of November 2026."""
    return build_calls([
        {"call_id": f"RGB{n}-{k}", "call_at": f"2026-11-{n:02} 17:00:00+00", "connected": True, "converted": True,
         "paid": n < day} for n in range(10, 10 + days) for k in range(10)
    ])  # fmt: skip


def test_on_the_calls_alone_payouts_are_told_and_conversions_are_not():
    found = measure_on_calls(paid_less_from(18), MID)
    assert found.pays_until == datetime(2026, 11, 18, 5, tzinfo=UTC)  # midnight in New York
    assert (found.converts_until, found.conversion.is_measured) == (None, False)
    assert "one reading cannot tell" in found.sentence
    assert found.method.startswith("conversions: not measured; payouts: measured on the calls")


def test_a_source_that_tells_no_payouts_measures_nothing():
    found = measure_on_calls(build_calls([], unknown=("paid",)), MID)
    assert (found.pays_until, found.payout.is_measured, found.payout.method) == (None, False, "not measured")


def test_the_archive_comes_before_the_calls_where_it_can_tell():
    by_calls = measure_on_calls(paid_less_from(18), MID)
    by_archive, blank = (measure_ripeness(lags(*rows), MID) for rows in (SLOW, ()))
    assert choose(by_archive, by_calls).payout == by_archive.payout
    assert choose(blank, by_calls).payout == by_calls.payout
    assert choose(None, by_calls) == by_calls
    few = measure_on_calls(build_calls([]), MID)
    assert choose(blank, few).payout == blank.payout  # neither can: the archive's reason, which one can act upon
    assert ripeness.measure(paid_less_from(18), MID, lags(*SLOW)).pays_until == by_archive.pays_until
    assert ripeness.measure(paid_less_from(18), MID).pays_until == by_calls.pays_until


def test_the_definition_takes_both_moments_and_keeps_the_rest():
    found = measure_on_calls(paid_less_from(18), MID)
    definition = found.put_into(Definition(converts_after_s=90))
    assert (definition.converts_after_s, definition.pays_until) == (90, found.pays_until)
    counted = count_funnel(paid_less_from(18), MID, definition)
    assert dict(zip(counted.exits()["exit"], counted.exits()["calls"], strict=True))["payout_pending"] == 20


# the days


def funnel_of(calls=None, *, period=MID, through=None, **moments):
    table = replace(calls or paid_less_from(18), through=through or period.end_utc)
    return count_funnel(table, period, Definition(**moments))


def test_a_day_is_unripe_when_any_part_of_it_is():
    midnight = datetime(2026, 11, 18, 5, tzinfo=UTC)
    last_two = (date(2026, 11, 18), date(2026, 11, 19))
    assert unripe_days(funnel_of(pays_until=midnight)) == last_two
    assert unripe_days(funnel_of(pays_until=midnight + timedelta(seconds=1))) == last_two
    assert unripe_days(funnel_of(pays_until=midnight - timedelta(seconds=1))) == (date(2026, 11, 17), *last_two)
    assert unripe_days(funnel_of(pays_until=midnight, converts_until=midnight + DAYS)) == last_two
    assert unripe_days(funnel_of()) == ()


def test_a_day_that_was_not_over_when_the_calls_were_read_still_changes():
    read = datetime(2026, 11, 19, 12, tzinfo=UTC)
    assert unripe_days(funnel_of(through=read)) == (date(2026, 11, 19),)
    assert ripeness.describe_unripe(funnel_of(through=read)) == "Not over when the calls were read: 2026-11-19."


def test_the_days_and_what_may_still_come_are_said():
    midnight = datetime(2026, 11, 18, 5, tzinfo=UTC)
    assert ripeness.describe_unripe(funnel_of()) == ""
    assert ripeness.describe_unripe(funnel_of(pays_until=midnight, converts_until=MID.end_utc)) == (
        "Not ripe yet: 2026-11-18 to 2026-11-19; payouts may still come."
    )
    both = ripeness.describe_unripe(funnel_of(pays_until=midnight, converts_until=midnight + DAYS))
    assert both == "Not ripe yet: 2026-11-18 to 2026-11-19; conversions and payouts may still come."
    assert ripeness.describe_trend(funnel_of(pays_until=midnight)).endswith(
        "Not ripe yet: 2026-11-18 to 2026-11-19; payouts may still come."
    )
    assert ripeness.describe_trend(funnel_of()).startswith("Most calls came on 2026-11-10: 10.")


def test_the_hour_that_the_clock_repeats_belongs_to_its_day():
    autumn = Period(first_day=date(2026, 10, 31), last_day=date(2026, 11, 2), zone="America/New_York")
    end = datetime(2026, 11, 2, 5, tzinfo=UTC)  # the first of November has 25 hours there
    calls = build_calls([])
    assert unripe_days(funnel_of(calls, period=autumn, pays_until=end)) == (date(2026, 11, 2),)
    assert unripe_days(funnel_of(calls, period=autumn, pays_until=end - HOURS)) == (
        date(2026, 11, 1),
        date(2026, 11, 2),
    )
