"""A pixel that fell silent is told from one with too few calls to tell."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.checks import Verdict
from kayzen_nb.intervals import wilson
from kayzen_nb.period import Period
from kayzen_nb.pixels import build_plan
from kayzen_nb.silence import PixelHour, check_silence, check_volume, count_hours
from kayzen_nb.vocabulary import Event

PLAN = build_plan()
DAY = Period(first_day=date(2026, 11, 20), last_day=date(2026, 11, 20), zone="America/Denver")
START = DAY.start_utc


def rows(counts, *, start=START, event=Event.CONNECTED):
    """A row for each hour from pairs (expected, answered)."""
    return [
        PixelHour(event=event, hour=start + timedelta(hours=n), expected=e, answered=a)
        for n, (e, a) in enumerate(counts)
    ]


BEFORE = rows([(50, 50)] * 24 * 28, start=START - timedelta(weeks=4))


def silence(counts, before=BEFORE, **more):
    [check] = check_silence(rows(counts), before, **more)
    return check.verdict, check.found


def test_hours_as_before_pass():
    verdict, found = silence([(30, 30)] * 24)
    assert (verdict, found) == (
        Verdict.PASS, "720 of 720 answered 200 (before: 33,600 of 33,600); 0 of 24 hours had too few calls to tell",
    )  # fmt: skip


def test_an_hour_with_calls_and_no_200_is_silent():
    verdict, found = silence([(30, 30)] * 5 + [(31, 0)] + [(3, 3)] * 18)
    assert verdict is Verdict.FAIL
    assert found == "silent: 2026-11-20 12:00 (0 of 31); 18 of 24 hours had too few calls to tell"


def test_an_hour_below_the_minimum_tells_nothing():
    verdict, found = silence([(4, 0)] + [(0, 0)] * 23)
    assert verdict is Verdict.UNKNOWN
    assert found.startswith("too few calls to tell: 0 of 4 answered 200, at least 20 are needed")
    assert silence([(4, 0)] + [(0, 0)] * 23, minimum_calls=4)[0] is Verdict.FAIL


def test_a_small_campaign_is_judged_over_the_whole_period():
    verdict, found = silence([(2, 0)] * 24)
    assert verdict is Verdict.FAIL
    assert found.startswith("silent: the whole period (0 of 48)")
    assert silence([(2, 2)] * 24)[0] is Verdict.PASS


def test_a_lower_share_than_before_fails_and_a_like_one_does_not():
    usual = rows([(50, 45)] * 24 * 28, start=START - timedelta(weeks=4))
    assert silence([(40, 20)] + [(40, 36)] * 23, usual)[1].startswith(
        "fewer than before: 2026-11-20 07:00 (20 of 40, 50%, before 90%)"
    )
    assert silence([(40, 33)] + [(40, 36)] * 23, usual)[0] is Verdict.PASS


def test_without_earlier_calls_only_silence_is_told():
    assert silence([(30, 30)] * 24, [])[0] is Verdict.UNKNOWN
    assert "too few earlier calls" in silence([(30, 30)] * 24, [])[1]
    assert silence([(30, 0)] * 24, [])[0] is Verdict.FAIL


def test_every_pixel_is_checked_on_its_own_base():
    now = rows([(30, 30)]) + rows([(30, 0)], event=Event.PAYOUT)
    assert {c.name: c.verdict for c in check_silence(now, [])} == {
        "the connected pixel is not silent": Verdict.UNKNOWN,
        "the payout pixel is not silent": Verdict.FAIL,
    }
    assert check_silence([], []) == ()


def test_few_errors_are_no_open_question():
    assert check_silence(rows([(3, 3)], event=Event.ERROR), []) == ()
    [check] = check_silence(rows([(30, 0)], event=Event.ERROR), [])
    assert check.verdict is Verdict.FAIL


def volume(now, before_hourly, **more):
    before = rows([(n, n) for n in before_hourly] * 24 * 28, start=START - timedelta(weeks=4), event=Event.INCOMING)
    return check_volume(rows([(n, n) for n in now], event=Event.INCOMING), before, **more)


def test_calls_as_usual_pass_and_none_at_all_fail():
    assert volume([50, 48, 53, 61], [50]).verdict is Verdict.PASS
    check = volume([50, 0, 50, 50], [50])
    assert check.verdict is Verdict.FAIL
    assert "fewer calls than usual: 2026-11-20 08:00 (0, usually about 50)" in check.found


def test_many_more_calls_are_told_and_no_fault():
    check = volume([200, 50, 50], [50])
    assert check.verdict is Verdict.PASS
    assert "more calls than usual: 2026-11-20 07:00 (200, usually about 50)" in check.found


def test_a_few_calls_tell_nothing_about_volume():
    assert volume([0], [1], minimum_calls=20).verdict is Verdict.UNKNOWN
    assert check_volume([], []).verdict is Verdict.UNKNOWN


def test_weeks_that_varied_much_let_a_change_pass():
    varied = [(n, n) for week in (10, 100, 20, 90) for n in [week] * 24 * 7]
    before = rows(varied, start=START - timedelta(weeks=4), event=Event.INCOMING)
    now = rows([(20, 20)], event=Event.INCOMING)
    assert check_volume(now, before).verdict is Verdict.PASS
    assert volume([20], [55]).verdict is Verdict.FAIL


def call(at, *, status=200, fires=True, **flags):
    url = "https://api-events.eventstracker.io/v1/ev?app_event=connected"
    fired = (PixelFire(pixel_name="Kayzen CTV - Connected Postback", fired_at=at, status=status, url=url),)
    known = {"blocked": False, "connected": True, "error": False} | flags
    names = ("ConnectedCall",) if fires else ()
    return CallEvidence(call_id="RGB1", call_at=at, fires=fired if fires else (), event_names=names, **known)


def count(*calls, **more):
    counted = count_hours(calls, PLAN, DAY, **more)
    return {(r.event.value, r.hour.isoformat()): (r.expected, r.answered) for r in counted if r.expected}, counted


def test_calls_are_counted_by_the_hour_of_the_pages_zone():
    first = START + timedelta(hours=2, minutes=59)
    found, counted = count(
        call(first), call(first, status=500), call(first, connected=False, fires=False, blocked=True)
    )
    assert found == {
        ("incoming", "2026-11-20T02:00:00-07:00"): (2, 0),
        ("connected", "2026-11-20T02:00:00-07:00"): (2, 1),
    }
    assert len(counted) == 6 * 24


def test_an_event_counts_in_its_own_hour():
    at = START + timedelta(minutes=59)
    found, _ = count(call(at, happened_at={Event.CONNECTED: at + timedelta(minutes=2)}))
    assert ("connected", "2026-11-20T01:00:00-07:00") in found


def test_hours_that_are_not_over_and_calls_without_a_log_are_left_out():
    at = START + timedelta(hours=3, minutes=5)
    found, counted = count(call(at), until=START + timedelta(hours=3, minutes=30))
    assert (found, len(counted)) == ({}, 6 * 3)
    assert count(call(at, fires=False))[0] == {}
    assert count_hours([], PLAN, DAY, until=START - timedelta(days=1)) == ()


def test_a_day_with_a_clock_change_has_its_own_number_of_hours():
    autumn = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 1), zone="America/Denver")
    assert len(count_hours([], PLAN, autumn)) == 6 * 25


def test_wilsons_interval():
    low, high = wilson(45, 50)
    assert (round(low, 4), round(high, 4)) == (0.7864, 0.9565)  # Newcombe 1998, method 3
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20)[1] == 1.0


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.9999))
def test_an_interval_holds_what_was_counted(pair, confidence):
    low, high = wilson(*pair, confidence=confidence)
    assert 0 <= low <= pair[0] / pair[1] + 1e-12
    assert pair[0] / pair[1] - 1e-12 <= high <= 1


def test_the_moment_of_reading_is_aware():
    assert START.tzinfo is UTC
    assert datetime(2026, 11, 20, 7, tzinfo=UTC) == START
