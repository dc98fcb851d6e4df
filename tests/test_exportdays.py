"""What an export may not cover: empty runs and cut edges are doubted where calls were to be expected, and only there."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kayzen_nb import funnelcheck
from kayzen_nb.breaks import find_breaks
from kayzen_nb.checks import Verdict
from kayzen_nb.comparison import compare
from kayzen_nb.exportdays import find_gaps
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.sources import calls as read_calls

ZONE = "America/New_York"


def period(first, last):
    return Period(first_day=date(2026, 9, first), last_day=date(2026, 9, last), zone=ZONE)


def hours_of(days, *, a_hour, begins=0, ends=24):
    """So many calls in every local hour of the days; the first begins, the last ends, within its day."""
    found = {}
    for day in days:
        for hour in range(begins if day == days[0] else 0, ends if day == days[-1] else 24):
            moment = datetime(2026, 9, day, hour, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
            found[int(moment.timestamp()) // 3600] = a_hour
    return found


def days_of(*numbers):
    return tuple(date(2026, 9, number) for number in numbers)


def test_days_before_the_first_and_after_the_last_call_are_doubted():
    hours = hours_of(range(3, 9), a_hour=2)
    assert find_gaps(hours, period(1, 10)) == (days_of(1, 2, 9, 10), ())


def test_a_hole_between_two_exports_is_doubted():
    hours = hours_of(range(1, 4), a_hour=2) | hours_of(range(7, 9), a_hour=2)
    assert find_gaps(hours, period(1, 8))[0] == days_of(4, 5, 6)


def test_few_calls_leave_days_empty_by_chance_so_nothing_is_doubted():
    hours = {hour: 1 for hour in list(hours_of(range(1, 29), a_hour=1))[::24] if hour % 3}
    assert find_gaps(hours, period(1, 28))[0] == ()


@pytest.mark.parametrize(("begins", "ends", "cut"), [(0, 24, ()), (12, 24, (1,)), (0, 12, (8,)), (1, 23, ())])
def test_a_day_that_the_export_cuts_is_held_in_part(begins, ends, cut):
    hours = hours_of(range(1, 9), a_hour=3, begins=begins, ends=ends)
    assert find_gaps(hours, period(1, 8)) == ((), days_of(*cut))


def test_an_export_without_calls_is_no_gap():
    assert find_gaps({}, period(1, 8)) == ((), ())


@pytest.fixture
def export(tmp_path):
    """A file with 48 calls a day on the given days of September."""

    def write(days):
        path = tmp_path / "calls.csv"
        start = datetime(2026, 9, 1, tzinfo=UTC)  # written as local times
        times = [start + timedelta(days=day - 1, minutes=30 * n) for day in days for n in range(48)]
        rows = [f"RGB{n:05},{at:%m/%d/%Y %I:%M:%S %p},CTV,True" for n, at in enumerate(times)]
        path.write_text("\n".join(["Inbound Call ID,Call Date,Campaign,Connected", *rows]) + "\n")
        return path

    return write


def read(path, first, last, campaign=""):
    chosen = period(first, last)
    return count_funnel(read_calls(source="csv", csv_path=path, period=chosen, campaign=campaign), chosen)


def test_silence_is_not_claimed_of_days_that_the_file_may_not_hold(export):
    path = export(range(1, 15))
    counted = read(path, 1, 21)
    assert counted.unread == days_of(*range(15, 22))
    assert find_breaks(counted) == ()
    check = next(c for c in funnelcheck.check_funnel(counted, counted.table) if c.name == "the export covers every day")
    assert check.verdict is Verdict.UNKNOWN
    assert "7 days are without any call in the export" in check.found


def test_a_campaign_that_fell_silent_while_others_call_is_no_gap(export):
    path = export(range(1, 15))
    path.write_text(path.read_text() + "RGB9,09/02/2026 01:00:00 PM,Other,True\n")
    assert read(path, 1, 14, campaign="Other").unread == ()


def test_a_half_held_period_is_not_compared(export):
    now, before = read(export([*range(1, 3), *range(8, 15)]), 8, 14), None
    before = read(export([1, *range(8, 15)]), 1, 7)
    assert before.unread == days_of(*range(2, 8))
    compared = compare(now, before)
    assert compared.before is None
    assert "is known to be there" in compared.why_not
