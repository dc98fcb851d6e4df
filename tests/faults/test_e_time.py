"""Group E: time zones, clock changes, and clocks that are wrong."""

# ruff: noqa: N802  # tests are named by the matrix's ids: C03, not c03

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from kayzen_nb.funnel import count_funnel
from kayzen_nb.parameters import resolve
from kayzen_nb.period import Period, resolve_day
from kayzen_nb.sources import utc_days
from kayzen_nb.syncplan import plan_sync
from kayzen_nb.vocabulary import Stage
from tests.faults.doors import ONE_DAY, aside, from_api, from_archive, from_csv, make_cells, rows_of, synced, whole_log
from tests.faults.ground import DAY, DAY_MS, DAY_START, Ground, LogOf, days_from, make_record, truth_of

DAYS, HOUR = timedelta(days=1), timedelta(hours=1)
ZONES = ("America/New_York", "America/Denver")
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


def every_ten_minutes(first, last, zone):
    """The instants of two or more local days, found without the product: from midnight to midnight by Python's zone."""
    start, end = (datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).astimezone(UTC) for d in (first, last + DAYS))
    return [start + n * timedelta(minutes=10) for n in range(int((end - start) / timedelta(minutes=10)))]


def local(moment, zone):
    return moment.astimezone(ZoneInfo(zone))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_E01_a_day_of_23_or_25_hours_has_all_its_calls_once_by_every_door(ground, zone, day, hours):
    period = Period(first_day=day - DAYS, last_day=day + DAYS, zone=zone)
    moments = every_ten_minutes(day - DAYS, day + DAYS, zone)
    assert len([m for m in moments if local(m, zone).date() == day]) == hours * 6
    # Calls of the days before and after, so that a day that is cut wrongly takes in too many.
    around = [*(moments[0] - n * HOUR for n in (1, 2)), *moments, *(moments[-1] + n * HOUR for n in (1, 2))]
    records = [make_record(n, at_ms=int(m.timestamp() * 1000)) for n, m in enumerate(around)]
    rows = [make_cells(n, at=local(m, zone)) for n, m in enumerate(around)]
    ground.clock.at = (moments[-1] + 2 * DAYS).timestamp()
    doors = {
        "api": from_api(ground, LogOf(records=records), period),
        "archive": synced(ground, LogOf(records=records), period),
        "csv": from_csv(ground, rows, period, zone=zone),
        "csv, newest first": from_csv(ground, rows[::-1], period, zone=zone),
    }
    wanted_days = Counter(local(m, zone).date() for m in moments)
    wanted_hours = Counter(m.replace(minute=0) for m in moments)
    for door, table in doors.items():
        found = [(call_id, at.astimezone(UTC)) for call_id, at in rows_of(table, "call_id", "call_at")]
        assert found == [(f"RGB{n:05}", m) for n, m in enumerate(moments, start=2)], door
        assert aside(table) == ({"outside the period": 4} if "csv" in door else {}), door
        assert Counter(at.replace(minute=0) for _, at in found) == wanted_hours, door
        funnel = count_funnel(table, period)
        daily = funnel.by("day")
        first = daily[daily["stage"] == Stage.INCOMING]
        assert dict(zip(first["day"], map(int, first["calls"]), strict=True)) == wanted_days, door
        hours = funnel.by("day", "hour").query("stage == 'incoming'")
        hourly = {(d, h): int(n) for d, h, n in zip(hours["day"], hours["hour"], hours["calls"], strict=True)}
        assert hourly == Counter((local(m, zone).date(), local(m, zone).hour) for m in moments), door
    told = [note for note in doors["csv"].notes if "repeated hour" in note]
    assert told == (
        ["12 calls fall into the repeated hour of 2026-11-01: told apart by the file's order."] if day == AUTUMN else []
    )


@pytest.mark.parametrize("zone", ZONES)
def test_E02_an_ambiguous_time_without_offset_is_counted_and_never_guessed_in_silence(ground, zone):
    period = Period(first_day=AUTUMN, last_day=AUTUMN, zone=zone)
    written = ("01:30", "00:10", "05:00", "01:10")  # in no order
    times = [datetime.fromisoformat(f"2026-11-01T{text}:00") for text in written]
    rows = [make_cells(n, at=at) for n, at in enumerate(times)]
    table = from_csv(ground, rows, period, zone=zone)
    first_pass = [at.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) for at in times]
    assert {at.astimezone(UTC) for (at,) in rows_of(table, "call_at")} == set(first_pass)
    (note,) = [note for note in table.notes if "repeated hour" in note]
    assert note == (
        "2 calls fall into the repeated hour of 2026-11-01; the file's order does not tell the two passes apart: "
        "taken as the first."
    )
    second = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo(zone), fold=1)
    for written in (
        second.isoformat(),
        f"{int(second.timestamp())}",
        second.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    ):
        table = from_csv(ground, [make_cells(n, **{"Call Date": written}) for n in range(3)], period, zone=zone)
        assert [at.astimezone(UTC) for (at,) in rows_of(table, "call_at")] == [second.astimezone(UTC)] * 3
        assert not [note for note in table.notes if "repeated hour" in note]
    skipped = [
        make_cells(1, **{"Call Date": "03/08/2026 02:30:00 AM"}),
        make_cells(2, **{"Call Date": "03/08/2026 03:00:00 AM"}),
    ]
    table = from_csv(ground, skipped, Period(first_day=SPRING, last_day=SPRING, zone=zone), zone=zone)
    assert (len(rows_of(table)), aside(table)) == (1, {"a local time that the clock change skips": 1})


def test_E02_a_single_call_that_tells_its_zone_is_not_ambiguous(ground):
    period = Period(first_day=AUTUMN, last_day=AUTUMN, zone=ZONES[0])
    table = from_csv(ground, [make_cells(1, **{"Call Date": "2026-11-01T01:30:00-05:00"})], period, zone=ZONES[0])
    assert [note for note in table.notes if "repeated hour" in note] == []


def test_E03_ringba_in_denver_and_kayzen_in_utc_is_named_as_the_reason_of_a_gap():
    pytest.skip("belongs to the reconciliation of Ringba with Kayzen, which is not built yet: there is no second side")


def test_E04_at_five_past_midnight_yesterday_is_the_local_yesterday_in_every_zone():
    zones = sorted(zone for zone in available_timezones() if "/" in zone)
    assert len(zones) > 400
    for day in (date(2026, 3, 8), date(2026, 11, 1), date(2026, 12, 31)):
        for zone in zones:
            now = datetime(day.year, day.month, day.day, 0, 5, tzinfo=ZoneInfo(zone)).astimezone(UTC)
            if local(now, zone).date() != day:
                continue  # a clock change skips that midnight
            chosen = resolve(
                "03_funnel", {"time_zone": zone, "period_start": "yesterday", "period_end": "yesterday"}, now
            )
            assert chosen.period == Period(first_day=day - DAYS, last_day=day - DAYS, zone=zone)
            assert chosen.period.end_utc <= now < chosen.period.end_utc + timedelta(minutes=6)
            assert resolve("03_funnel", {"time_zone": zone}, now).period.last_day == day - DAYS


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, DAYS, -DAYS], ids=["+1h", "-1h", "+1d", "-1d"])
def test_E05_with_a_wrong_clock_nothing_is_lost_for_good_and_state_never_moves_back(ground, wrong):
    """The archive's order of pulls is its own. What a wrong clock left out comes with the first run after it is right."""
    real = Ground(ground.home.parent / "real")  # its clock is the true time, which the far side has
    real.clock.at = (DAY_START + 12 * HOUR).timestamp()
    sandbox = real.open_sandbox(volume=60)
    times = []
    for hours, is_wrong in ((0, False), (7, True), (14, True), (40, False), (48, False)):
        real.clock.at = (DAY_START + (12 + hours) * HOUR).timestamp()
        ground.clock.at = real.clock.at + (wrong.total_seconds() if is_wrong else 0)
        ground.sync(sandbox, days=[DAY])
        times.append(ground.archive.checked_at(DAY))
    assert times == sorted(set(times))
    pulls = [pull.pulled_at for pull in ground.archive.pulls(DAY)]
    assert pulls == sorted(set(pulls))
    assert ground.stored() == truth_of(sandbox)
    due, _ = plan_sync(ground.archive, ground.clock.now() + DAYS, DAY, DAY)
    assert [one.day for one in due] == [DAY]  # and it stays under watch until it is settled


def test_E05_a_clock_that_goes_back_during_the_run_does_no_harm(ground):
    sandbox = ground.open_sandbox(volume=30)
    days = days_from(DAY, 3)
    respond, begun = sandbox.respond, ground.clock.at

    def respond_earlier(*asked):
        ground.clock.at -= 1800
        return respond(*asked)

    sandbox.respond = respond_earlier
    for _ in range(2):
        report, _ = ground.sync(sandbox, days=days)
        assert report.is_whole
    assert ground.clock.at < begun
    ground.clock.at = begun
    assert [ground.stored(day) for day in days] == [truth_of(sandbox, day) for day in days]
    assert all(ground.archive.checked_at(day) for day in days)


def test_E05_the_servers_date_warns_of_a_wrong_clock():
    pytest.skip("not built: no answer's Date header is compared with this machine's clock (round 2)")


MOMENT = datetime(2026, 3, 2, 14, 18, 32, tzinfo=UTC)
_S = int(MOMENT.timestamp())
INSTANTS = [
    str(_S), f"{_S}000", f"{_S}000000", f"{_S}000.0", "2026-03-02T14:18:32Z", "2026-03-02T14:18:32.0000000Z",
    "2026-03-02T09:18:32-05:00", "2026-03-02 14:18:32+00:00",
]  # fmt: skip
LOCAL = [
    "03/02/2026 02:18:32 PM",
    "3/2/2026 2:18:32 PM",
    "3/2/2026 14:18:32",
    "2026-03-02T14:18:32",
    "2026-03-02 14:18:32",
]
UNCLEAR = [
    "12345",
    "0",
    "-1772461112",
    "11111111111",
    "99999999999999999",
    "soon",
    "2026-13-02T00:00:00Z",
    "02.03.2026 14:18",
    "1899-12-30T00:00:00Z",
]


def test_E06_a_time_is_read_by_its_form_and_refused_where_the_form_is_unclear(ground):
    good = [*INSTANTS, *LOCAL]
    rows = [make_cells(n, **{"Call Date": text}) for n, text in enumerate([*good, *UNCLEAR, ""])]
    table = from_csv(ground, rows)
    assert rows_of(table, "call_id", "call_at") == [(f"RGB{n:05}", MOMENT) for n in range(len(good))]
    assert aside(table) == {"unreadable date": len(UNCLEAR) + 1}
    # Ringba's API names instants only: a time without a zone would have to be guessed.
    numbers = [_S, _S * 1000, _S * 1_000_000]
    texts = [
        make_record(n, callDt=text) for n, text in enumerate([*numbers, *INSTANTS, *LOCAL, *UNCLEAR, None, [1], True])
    ]
    for table in (from_api(ground, whole_log(texts)), synced(ground, whole_log(texts))):
        assert rows_of(table, "call_id", "call_at") == [(f"RGB{n:05}", MOMENT) for n in range(3 + len(INSTANTS))]
        assert aside(table) == {"unreadable date": len(LOCAL) + len(UNCLEAR) + 3}


def test_E07_events_out_of_order_are_put_in_order_and_the_skew_is_counted():
    pytest.skip(
        "belongs to the diagnosis of single calls: a call log holds no times of events. Tried there by the scenario "
        "fired_in_other_order (tests/test_scenarios.py)"
    )


def test_E08_leap_day_year_end_and_ranges_across_them_are_right(ground):
    assert resolve_day("yesterday", date(2028, 3, 1)) == date(2028, 2, 29)
    assert resolve_day("-366d", date(2029, 1, 1)) == date(2028, 1, 1)
    assert resolve_day("yesterday", date(2027, 1, 1)) == date(2026, 12, 31)
    for first, last, count in ((date(2028, 2, 28), date(2028, 3, 1), 3), (date(2026, 12, 30), date(2027, 1, 2), 4)):
        for zone in ("UTC", *ZONES):
            period = Period(first_day=first, last_day=last, zone=zone)
            moments = every_ten_minutes(first, last, zone)[::6]
            assert (len(period.days), len(moments)) == (count, count * 24)
            assert (period.start_utc, period.end_utc) == (moments[0], moments[-1] + HOUR)
            days = list(utc_days(period))
            assert {m.date() for m in moments} == set(days)
    period = Period(first_day=date(2028, 2, 28), last_day=date(2028, 3, 1), zone="America/New_York")
    moments = every_ten_minutes(period.first_day, period.last_day, period.zone)[::6]
    ground.clock.at = datetime(2028, 3, 20, tzinfo=UTC).timestamp()
    log = LogOf(records=[make_record(n, at_ms=int(m.timestamp() * 1000)) for n, m in enumerate(moments)])
    table = synced(ground, log, period)
    daily = count_funnel(table, period).by("day")
    assert {
        (d, int(n)) for d, n, s in zip(daily["day"], daily["calls"], daily["stage"], strict=True) if s == "incoming"
    } == {(day, 24) for day in (date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1))}


def test_E08_a_call_on_the_edge_of_a_day_belongs_to_exactly_one(ground):
    edges = [DAY_MS - 1, DAY_MS, DAY_MS + 86_400_000 - 1, DAY_MS + 86_400_000]
    log = LogOf(records=[make_record(n, at_ms=ms) for n, ms in enumerate(edges)])
    ground.sync(log, days=days_from(DAY - DAYS, 3))
    assert [len(ground.stored(day)) for day in days_from(DAY - DAYS, 3)] == [1, 2, 1]
    assert [i for (i,) in rows_of(from_archive(ground, ONE_DAY), "call_id")] == ["RGB00001", "RGB00002"]
