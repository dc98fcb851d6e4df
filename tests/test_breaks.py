"""Since when: a target that dies is found with its day, and days that only swing as days do give no alarm."""

import math
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from manycalls import build_many
from scipy.stats import t as student

from kayzen_nb.breaks import breaks_table, check_breaks, describe_breaks, find_breaks, whole_days
from kayzen_nb.checks import Verdict
from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.seriesbreak import Series, What, look_at
from kayzen_nb.splits import DayCount, find_split, find_zeros, two_sided_t

FIRST = date(2026, 11, 1)
MONTH = Period(first_day=FIRST, last_day=date(2026, 11, 30), zone="America/New_York")


def series(pairs):
    return [DayCount(day=FIRST + timedelta(days=n), reached=a, tries=b) for n, (a, b) in enumerate(pairs)]


def call(day, **values):
    """A call at noon of a day of November, connected and not converted unless told otherwise."""
    connected = values.get("connected", True)
    flags = {"connected": connected, "completed": connected, "converted": False, "paid": False, "blocked": False}
    return {"call_at": f"2026-11-{day:02} 17:00:00+00"} | flags | values


def month(row_of, a_day=12, seed=1):
    rng = random.Random(seed)  # noqa: S311  # invented calls, not secrets
    return [row_of(day, rng) for day in range(1, 31) for _ in range(a_day + rng.randrange(-2, 3))]


def breaks_of(rows, definition=None, period=MONTH, **more):
    return find_breaks(count_funnel(build_many(rows, **more), period, definition))


def call_centers(day, rng, dead_on=99):
    """Half of the calls connect at A, three tenths at B until it dies; then those are lost."""
    target = rng.choices(["A", "B", None], [5, 3, 2])[0]
    answers = target and not (target == "B" and day >= dead_on)
    return call(day, target=f"Call Center {target}" if answers else None, connected=bool(answers), campaign="TV")


# The statistics of one series


@given(st.floats(0.1, 40), st.integers(1, 60))
def test_student_s_t_is_that_of_scipy(t, df):  # which itself loses digits close to 0
    assert two_sided_t(t, df) == pytest.approx(2 * student.sf(t, df), abs=1e-13)


def test_student_s_t_close_to_0_is_the_series_of_its_arc_tangent():
    assert two_sided_t(0, 7) == 1
    assert two_sided_t(1e-9, 1) == pytest.approx(1 - 2e-9 / math.pi, abs=1e-15)


def test_the_score_of_a_split_is_the_one_worked_out_by_hand():
    # Five weekdays, 10 tries each: 5 5 | 0 0 5 and so on; Monday 2 to Friday 6 November 2026.
    days = [DayCount(day=date(2026, 11, 2 + n), reached=x, tries=100) for n, x in enumerate([50, 50, 50, 20, 20, 20])][
        :6
    ]
    days[5] = DayCount(day=date(2026, 11, 9), reached=20, tries=100)
    # Rate 0.35; the last three days have 60 instead of 105: U = -45, V = 300 * 0.5 = 150, so 13.5 explained of 13.5.
    # What is left swings by 0, so the floor counts: 0.35 * 0.65. t = sqrt(13.5 / 0.2275) with 6 - 1 - 1 days; 3 places.
    found = find_split(days)
    assert (found.first, found.stop) == (3, 6)
    assert found.p_value == pytest.approx(3 * 2 * student.sf(math.sqrt(13.5 / 0.2275), 4), rel=1e-9)


def test_a_split_has_at_least_two_days_on_each_side():
    assert find_split(series([(50, 100)] * 3)) is None
    falling = find_split(series([(50, 100)] * 9 + [(1, 100)]))
    assert falling.first <= 8


def test_what_differs_only_between_week_and_weekend_is_no_split():
    week = [(50, 100)] * 5 + [(10, 100)] * 2  # Monday to Sunday
    days = [DayCount(day=date(2026, 11, 2 + n), reached=a, tries=b) for n, (a, b) in enumerate(week)]
    assert find_split(days) is None
    again = [DayCount(day=one.day + timedelta(days=7), reached=one.reached, tries=one.tries) for one in days]
    assert find_split(days + again) is None


def test_nothing_can_be_said_of_none_or_all():
    assert find_split(series([(0, 50)] * 10)) is None
    assert find_split(series([(50, 50)] * 10)) is None
    assert find_zeros(series([(0, 50)] * 10)) is None


def test_a_run_of_zeros_is_found_with_its_first_and_last_day():
    found = find_zeros(series([(30, 100)] * 8 + [(0, 100)] * 3 + [(30, 100)] * 8))
    assert (found.first, found.stop) == (8, 11)
    assert found.p_value < 0.001


def test_days_before_something_began_are_no_run_of_zeros():
    assert find_zeros(series([(0, 100)] * 12 + [(30, 100)] * 8)) is None


def test_a_run_where_few_were_to_be_expected_is_not_looked_at():
    assert find_zeros(series([(1, 3)] * 10 + [(0, 3)] * 5 + [(1, 3)] * 10)) is None


def test_a_split_where_few_were_to_be_expected_on_one_side_is_not_looked_at():
    assert find_split(series([(2, 2)] * 2 + [(0, 2)] * 22)) is None
    assert find_split(series([(20, 20)] * 6 + [(0, 20)] * 18)).first == 6


def test_days_without_anything_are_one_change_and_not_a_split_as_well():
    days = tuple(series([(30, 100), (34, 100)] * 10 + [(0, 100)] * 10))
    looks = list(look_at(Series(dimension="", group=None, what=What.CONNECTED, days=days)))
    told = [one for one in looks if one.p_value < 0.05]
    assert [(one.day, one.last_day, one.after_reached) for one in told] == [(date(2026, 11, 21), None, 0)]
    assert str(told[0]) == "All calls: no call connected since 2026-11-21: 0 of 1,000 calls; before the rate was 32.0%."


@given(st.lists(st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=25))
def test_any_days_give_a_probability_and_a_place_within_them(pairs):
    days = series(pairs)
    for is_share in (True, False):
        for found in (find_split(days, is_share=is_share), find_zeros(days, is_share=is_share)):
            if found:
                assert 0 <= found.p_value <= 1
                assert 0 <= found.first < found.stop <= len(days)


SWINGS = {"calls alone": (1.0, 0.0), "weekends weaker": (0.4, 0.0), "days swing": (1.0, 0.3), "both": (0.5, 0.3)}


@pytest.mark.parametrize("days", [7, 14, 30])
@pytest.mark.parametrize("kind", SWINGS)
def test_days_that_only_swing_raise_the_alarm_in_at_most_five_of_a_hundred_series(kind, days):
    weekend, swing = SWINGS[kind]
    rng, alarms, many = random.Random(f"{kind} {days}"), 0, 250  # noqa: S311  # invented calls, not secrets
    for _ in range(many):
        pairs = []
        for n in range(days):
            is_weekend = (FIRST + timedelta(days=n)).weekday() >= 5
            rate = min(0.4 * (weekend if is_weekend else 1) * math.exp(rng.gauss(0, swing)), 0.95)
            tries = max(round(rng.gauss(60, 8) * (weekend if is_weekend else 1)), 1)
            pairs.append((sum(rng.random() < rate for _ in range(tries)), tries))
        found = find_split(series(pairs))
        alarms += bool(found and found.p_value < 0.05)
    assert alarms / many <= 0.065  # 5 %, and what 250 series may be off


# Whole pages


def test_a_target_that_dies_on_the_12th_is_named_with_its_day_and_numbers():
    found = breaks_of(month(lambda day, rng: call_centers(day, rng, dead_on=12)))
    first = found[0]
    assert (first.what, first.group, first.day, first.last_day) == (
        What.SHARE,
        "Call Center B",
        date(2026, 11, 12),
        None,
    )
    assert (first.after_reached, first.has_stopped) == (0, True)
    words = f"Call Center B has answered no call since 2026-11-12: 0 of {first.after_tries} connected calls; "
    assert describe_breaks(found).startswith(words)


def test_when_a_target_dies_the_others_are_not_told_to_have_changed():
    found = breaks_of(month(lambda day, rng: call_centers(day, rng, dead_on=12)))
    assert [one.group for one in found if one.what is What.SHARE] == ["Call Center B"]
    assert any(not one.dimension and one.what is What.CONNECTED for one in found)


def test_two_targets_that_die_on_different_days_are_both_told():
    def row(day, rng):
        return call(day, target=rng.choice(["A", "B", *(["C"] if day < 10 else []), *(["D"] if day < 20 else [])]))

    shares = [one for one in breaks_of(month(row, a_day=30)) if one.what is What.SHARE]
    assert {(one.group, one.day) for one in shares} == {("C", date(2026, 11, 10)), ("D", date(2026, 11, 20))}
    assert f"(without those of {shares[0].group})" in str(shares[1])


def test_a_target_that_begins_on_the_12th_is_the_one_that_is_told():
    def row(day, rng):
        return call(day, target="New" if day >= 12 and rng.random() < 0.4 else rng.choice(["A", "B"]))

    shares = [one for one in breaks_of(month(row)) if one.what is What.SHARE]
    assert [(one.group, one.day) for one in shares] == [("New", date(2026, 11, 12))]
    assert "New has answered more of the calls since 2026-11-12" in str(shares[0])


def test_an_outage_of_one_day_is_named_as_that_day_and_not_as_a_break():
    def row(day, rng):
        target = rng.choice("ABC") if day != 17 else rng.choice("AB")
        return call(day, target=target)

    found = breaks_of(month(row, a_day=60))
    assert [(one.group, one.day, one.last_day) for one in found] == [("C", date(2026, 11, 17), date(2026, 11, 17))]
    assert str(found[0]).startswith("C answered no call on 2026-11-17: 0 of ")
    assert str(found[0]).endswith("; on the other days its share was 35.2%.")


def test_a_campaign_whose_calls_stop_is_told_once_although_its_number_stops_with_it():
    def row(day, rng):
        name = rng.choice("AB") if day < 20 else "A"
        return call(day, campaign=name, number=f"***010{name}", target="T")

    found = breaks_of(month(row))
    assert [(one.dimension, one.group, one.what, one.day) for one in found] == [
        ("campaign", "B", What.CALLS, date(2026, 11, 20))
    ]
    assert str(found[0]).startswith("Campaign B: no calls since 2026-11-20; ")


def test_when_all_calls_stop_the_silence_is_told_once_and_not_for_every_group():
    rows = [
        one for one in month(lambda day, rng: call(day, campaign=rng.choice("AB"))) if one["call_at"] < "2026-11-20"
    ]
    found = breaks_of(rows)
    assert [one.dimension for one in found] == [""]
    assert describe_breaks(found).startswith("No calls at all since 2026-11-20; ")


def test_a_rate_that_falls_in_one_campaign_is_told_with_that_campaign():
    def row(day, rng):
        name = rng.choice("ABCD")
        return call(
            day, campaign=name, target="T", connected=rng.random() < (0.15 if name == "B" and day >= 15 else 0.7)
        )

    found = breaks_of(month(row, a_day=40))
    campaigns = [one for one in found if one.dimension == "campaign"]
    assert [(one.group, one.what) for one in campaigns] == [("B", What.CONNECTED)]
    assert abs(campaigns[0].day - date(2026, 11, 15)) <= timedelta(days=1)
    assert "Campaign B: fewer calls connect since" in describe_breaks(found)


def test_groups_that_only_take_part_in_a_change_of_all_calls_stay_in_the_table():
    def row(day, rng):
        return call(day, campaign=rng.choice("AB"), connected=rng.random() < (0.3 if day >= 15 else 0.7))

    found = breaks_of(month(row, a_day=40))
    assert {one.group for one in found} == {None, "A", "B"}
    words = describe_breaks(found)
    assert words.startswith("All calls: fewer calls connect since")
    assert words.endswith("And 2 more such changes, in the table.")
    assert list(breaks_table(found)["Group"]) == ["All calls", *(one.name for one in found[1:])]


def test_forty_calls_in_all_claim_nothing():
    assert breaks_of(month(lambda day, rng: call_centers(day, rng, dead_on=12), a_day=12)[::9]) == ()
    assert describe_breaks(()).startswith("No target, campaign,")


def test_no_calls_at_all_claim_nothing():
    assert breaks_of([]) == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_healthy_month_with_weaker_weekends_gives_no_break(seed):
    def row(day, rng):
        weekend = date(2026, 11, day).weekday() >= 5
        one = call_centers(day, rng)
        converted = one["connected"] and rng.random() < (0.2 if weekend else 0.45)
        return one | {"converted": converted, "campaign": rng.choice("ABC"), "number": f"***010{rng.randrange(5)}"}

    assert breaks_of(month(row, a_day=30, seed=seed)) == ()


def test_conversions_that_are_not_ripe_are_left_out_and_connections_are_not():
    def row(day, rng):
        one = call_centers(day, rng, dead_on=26)
        return one | {"converted": one["connected"] and day < 26 and rng.random() < 0.5}

    rows = month(row, a_day=40)
    ripe = Definition(converts_until=datetime(2026, 11, 26, 5, tzinfo=UTC))
    assert What.CONVERTED in {one.what for one in breaks_of(rows)}
    assert {one.what for one in breaks_of(rows, ripe)} == {What.SHARE, What.CONNECTED}


def test_a_stage_that_the_source_cannot_tell_is_not_looked_at():
    rows = month(lambda day, rng: call_centers(day, rng, dead_on=12) | {"converted": None})
    assert What.CONVERTED not in {one.what for one in breaks_of(rows, unknown=("converted",))}
    assert breaks_of(rows, unknown=("connected",)) == ()


def test_days_that_were_not_over_when_the_calls_were_read_do_not_count_as_silent():
    rows = [call(day, campaign="TV") for day in range(1, 21) for _ in range(20)]
    counted = count_funnel(build_many(rows, as_of=datetime(2026, 11, 21, 12, tzinfo=UTC)), MONTH)
    assert whole_days(counted)[-1] == date(2026, 11, 20)
    assert find_breaks(counted) == ()


@settings(max_examples=6, deadline=None)
@given(st.integers(8, 24), st.integers(0, 10**6))
def test_on_whatever_day_a_target_dies_that_day_is_found(dead_on, seed):
    rows = month(lambda day, rng: call_centers(day, rng, dead_on=dead_on), a_day=25, seed=seed)
    told = [one for one in breaks_of(rows) if one.what is What.SHARE]
    assert [(one.group, one.day) for one in told] == [("Call Center B", date(2026, 11, dead_on))]


def test_a_short_period_finds_what_stopped_by_the_days_before_it():
    def day_of(day, rng):
        return call_centers(day, rng, dead_on=12)

    rows = month(day_of, a_day=60)
    now = Period(first_day=date(2026, 11, 10), last_day=date(2026, 11, 16), zone=MONTH.zone)
    earlier = Period(first_day=date(2026, 11, 3), last_day=date(2026, 11, 9), zone=MONTH.zone)

    def funnel_of(period):
        start, end = period.start_utc.isoformat(), period.end_utc.isoformat()
        return count_funnel(build_many([row for row in rows if start <= at_of(row) < end]), period)

    def at_of(row):
        return datetime.fromisoformat(str(row["call_at"])).astimezone(UTC).isoformat()

    both = find_breaks(funnel_of(now), funnel_of(earlier))
    assert "Call Center B has answered no call since 2026-11-12" in str(both[0])
    late = Period(first_day=date(2026, 11, 13), last_day=date(2026, 11, 19), zone=MONTH.zone)
    early = Period(first_day=date(2026, 11, 6), last_day=date(2026, 11, 12), zone=MONTH.zone)
    assert "since 2026-11-12" in str(find_breaks(funnel_of(late), funnel_of(early))[0])  # stopped before, silent still
    failed = check_breaks(both, funnel_of(now))
    assert [check.verdict for check in failed] == [Verdict.FAIL]
    assert [check.verdict for check in check_breaks((), funnel_of(now))] == [Verdict.PASS]
    one_day = Period(first_day=date(2026, 11, 10), last_day=date(2026, 11, 10), zone=MONTH.zone)
    assert check_breaks((), funnel_of(one_day)) == []
