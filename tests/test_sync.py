"""Which days are due, how each is read, and what a run says of itself."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
import stamina
from click.testing import CliRunner

from kayzen_nb import sync, syncplan
from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.cli import main
from kayzen_nb.period import Period
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.sources import calls
from tests.faultscript import status
from tests.faultserver import FaultTransport

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
TODAY = NOON.date()


@pytest.fixture(autouse=True)
def no_waiting():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class World:
    """A sandbox, an archive, and a clock that a test moves."""

    def __init__(self, home, scenario="healthy"):
        self.now = NOON
        self.sandbox = open_sandbox(scenario, clock=lambda: self.now, volume=5)
        self.settings = self.sandbox.settings.model_copy(update={"home": home})
        self.archive = Archive(archive_folder(home, self.settings.ringba_account_id))
        self.script = ()

    def due(self, first=None, last=None, **more):
        return syncplan.plan_sync(self.archive, self.now, first, last, **more)[0]

    def run(self, due=None, **more):
        transport = FaultTransport(self.sandbox.respond, self.script)
        with Ringba(self.settings, transport=transport) as ringba:
            return sync.run_sync(
                ringba, self.archive, self.due() if due is None else due, key=load_caller_key(self.settings.home),
                source="test", clock=lambda: self.now, **more,
            )  # fmt: skip

    def pass_days(self, days):
        self.now += timedelta(days=days)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def some_days(count):
    return [syncplan.DueDay(day=TODAY - timedelta(days=n), why="test") for n in range(count, 0, -1)]


def whys(due):
    return {one.day: one.why for one in due}


def test_the_first_run_reads_the_last_thirty_days_and_today(world):
    due = world.due()
    assert [due[0].day, due[-1].day] == [TODAY - timedelta(days=31), TODAY]
    assert {one.why for one in due} == {syncplan.NEW}


def test_what_was_just_read_is_left_alone_but_not_a_day_that_was_not_over(world):
    world.run()
    assert whys(world.due()) == {TODAY: syncplan.UNFINISHED}


def test_young_days_are_read_again_the_next_night(world):
    world.run()
    world.pass_days(1)
    assert whys(world.due())[TODAY - timedelta(days=5)] == syncplan.LATE


def test_a_day_is_settled_by_a_look_after_thirty_days_then_looked_at_monthly_for_three(world):
    day = TODAY - timedelta(days=1)
    one = [syncplan.DueDay(day=day, why="test")]
    world.run(one)
    seen = []
    for age in range(1, 130):
        world.pass_days(1)
        why = whys(world.due()).get(day)
        if why:
            seen.append((age, why))
            world.run([syncplan.DueDay(day=day, why=why)])
    late = [age for age, why in seen if why == syncplan.LATE]
    assert late == list(range(1, 31))  # the last of them comes after the thirtieth day is over
    assert [age for age, why in seen if why == syncplan.RECHECK] == [60, 90]


def test_a_range_asks_for_its_days_only_and_again_for_all_of_them(world):
    first, last = TODAY - timedelta(days=200), TODAY - timedelta(days=198)
    assert list(whys(world.due(first, last))) == [first, first + timedelta(days=1), last]
    world.run(world.due(first, last))
    assert world.due(first, last) == []
    assert set(whys(world.due(first, last, again=True)).values()) == {syncplan.AGAIN}


def test_a_day_in_the_future_is_never_due(world):
    assert [one.day for one in world.due(TODAY, TODAY + timedelta(days=3))] == [TODAY]


def test_the_archive_holds_what_the_platform_holds(world):
    report = world.run(some_days(3))
    assert report.is_whole
    period = Period(first_day=TODAY - timedelta(days=3), last_day=TODAY - timedelta(days=1), zone="UTC")
    found = calls(source="archive", period=period, settings=world.settings)
    truth = world.sandbox.truth(period.start_utc, period.end_utc)
    assert [row[0] for row in found.relation.select("call_id").fetchall()] == [one["inboundCallId"] for one in truth]
    assert sum(day.rows_in for day in report.days) == len(truth) == found.ledger.rows_in
    assert found.missing_days == ()


def test_api_and_archive_give_the_same_rows(world):
    world.run(some_days(2))
    period = Period(first_day=TODAY - timedelta(days=2), last_day=TODAY - timedelta(days=1), zone="UTC")
    more = {"period": period, "settings": world.settings}
    kept, read = calls(source="archive", **more), calls(source="api", transport=world.sandbox.transport, **more)
    assert kept.relation.fetchall() == read.relation.fetchall()
    assert (kept.ledger, kept.unknown, kept.derived) == (read.ledger, read.unknown, read.derived)


def test_days_that_were_never_read_are_named(world):
    world.run([syncplan.DueDay(day=TODAY - timedelta(days=2), why="test")])
    period = Period(first_day=TODAY - timedelta(days=3), last_day=TODAY - timedelta(days=1), zone="UTC")
    found = calls(source="archive", period=period, settings=world.settings)
    assert found.missing_days == (TODAY - timedelta(days=3), TODAY - timedelta(days=1))


def test_one_day_that_fails_does_not_stop_the_others_and_is_tried_again(world):
    world.script = [None, None, *[status(503)] * 3]  # the columns, the first day; then the second day's three tries
    report = world.run(some_days(4))
    assert [day.outcome for day in report.days] == ["new"] * 4
    assert report.is_whole


def test_two_days_in_a_row_that_fail_stop_the_run(world):
    world.script = [None, *[status(503)] * 60]
    report = world.run(some_days(10))
    assert [day.outcome for day in report.days] == ["failed", "failed"]
    assert "could not be reached" in report.stopped.what
    assert not report.is_whole


def test_a_refused_credential_stops_the_run_at_once(world):
    world.script = [None, None, status(401), *[None] * 20]
    report = world.run(some_days(5))
    assert [day.outcome for day in report.days] == ["new"]
    assert "RINGBA_API_TOKEN" in report.stopped.next_step


def test_a_column_that_is_gone_stops_the_run_before_the_first_day(tmp_path):
    world = World(tmp_path, "log_column_missing")
    report = world.run(some_days(2))
    assert report.days == ()
    assert "no column" in report.stopped.what
    assert world.archive.days() == ()


def test_what_changed_since_the_last_pull_is_told(world):
    world.run(some_days(2))
    [call_id] = [
        r["inboundCallId"] for r in world.sandbox.truth(NOON - timedelta(days=1, hours=12), NOON - timedelta(hours=12))
    ][:1]
    world.sandbox.delete_call(call_id)
    world.pass_days(0.5)
    report = world.run(some_days(2))
    assert sorted(day.outcome for day in report.days) == ["changed", "same"]
    assert sum(day.changes.gone for day in report.days) == 1


def test_raw_pages_are_read_again_without_the_network(world):
    world.run(some_days(1))
    read = sync.reread(world.archive, TODAY - timedelta(days=1), key=load_caller_key(world.settings.home))
    assert (read.outcome, read.rows_in > 0) == ("same", True)


def test_raw_pages_go_after_their_time(world):
    world.run(some_days(1), raw_for=timedelta(days=5))
    assert list(world.archive.folder.rglob("*.ndjson.gz"))
    world.pass_days(6)
    world.run([], raw_for=timedelta(days=5))
    assert not list(world.archive.folder.rglob("*.ndjson.gz"))
    assert sync.reread(world.archive, TODAY - timedelta(days=1), key=load_caller_key(world.settings.home)) is None


# The commands


def invoke(*words, **more):
    return CliRunner().invoke(main, list(words), **more)


def test_sync_says_what_it_did_and_the_next_run_goes_on():
    first = invoke("sync", "--sandbox", "healthy", "--from", "-3d", "--to", "yesterday", "--tz", "UTC")
    assert first.exit_code == 0, first.output
    assert "3 days read: 3 new." in first.stdout
    second = invoke("sync", "--sandbox", "healthy", "--from", "-3d", "--to", "yesterday", "--tz", "UTC", "--json")
    assert json.loads(second.stdout)["left_alone"] == 3


def test_a_sync_that_cannot_read_ends_with_2_and_names_the_cause():
    result = invoke("sync", "--sandbox", "token_refused", "--from", "yesterday", "--to", "yesterday")
    assert result.exit_code == 2
    assert "RINGBA_API_TOKEN" in result.stderr
    assert "untouched" in result.stderr


def test_the_archives_commands_answer_before_and_after_the_first_sync():
    empty = invoke("archive", "--sandbox", "healthy")
    assert (empty.exit_code, "is empty" in empty.stdout) == (0, True)
    invoke("sync", "--sandbox", "healthy", "--from", "yesterday", "--to", "yesterday", "--tz", "UTC")
    assert json.loads(invoke("archive", "--sandbox", "healthy", "--json").stdout)["days"] == 1
    changed = invoke("changes", "--sandbox", "healthy", "--json")
    assert json.loads(changed.stdout)["changed"] == 0
    assert "1 as before" in invoke("reread", "--sandbox", "healthy").stdout
    assert "Would delete: Days: 0" in invoke("prune", "--sandbox", "healthy", "--dry-run").stdout


def test_the_number_to_forget_comes_by_standard_input_and_is_not_shown():
    result = invoke("forget", "--sandbox", "healthy", input="+12125550123\n")
    assert result.exit_code == 0, result.output
    assert "555" not in result.output
    refused = invoke("forget", "--sandbox", "healthy", input="nobody\n")
    assert (refused.exit_code, "no phone number" in refused.output) == (2, True)


def test_reading_an_archive_without_these_days_says_what_to_run(world):
    period = Period(first_day=date(2026, 1, 1), last_day=date(2026, 1, 2), zone="UTC")
    with pytest.raises(Exception, match="kayzen-nb sync --from 2026-01-01 --to 2026-01-02"):
        calls(source="archive", period=period, settings=world.settings)
