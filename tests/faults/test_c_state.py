"""Group C: state, late data, backfill. Time is the ground's clock; the truth is what the sandbox really holds."""

# ruff: noqa: N802  # tests are named by the matrix's ids: C03, not c03

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from kayzen_nb import callsql
from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.funnel import count_funnel
from kayzen_nb.parquetseal import seal
from kayzen_nb.period import Period
from kayzen_nb.restatement import restate
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.sandbox.platforms import ACCOUNT_ID
from kayzen_nb.storedcalls import FACTS_KEY, FORMAT, read_facts
from kayzen_nb.sync import reread, run_sync
from kayzen_nb.syncplan import AGAIN, LATE, NEW, RECHECK, DueDay, plan_sync
from tests.faults.doors import ONE_DAY, from_archive, rows_of, synced, whole_log, with_text
from tests.faults.ground import (
    COLUMNS_ASKED,
    DAY,
    DAY_START,
    Ground,
    days_from,
    make_record,
    problem_of,
    stored_of,
    truth_of,
)

HOUR, DAYS = timedelta(hours=1), timedelta(days=1)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def at(ground, moment):
    """Set the clock."""
    ground.clock.at = moment.timestamp()


def run_due(ground, far, days=None):
    """What a run of today does, of the usual plan; of ``days`` only, where given."""
    due, _ = plan_sync(ground.archive, ground.clock.now())
    due = [one for one in due if days is None or one.day in days]
    if not due:
        return {}
    with ground_ringba(ground, far) as ringba:
        report = run_sync(
            ringba, ground.archive, due, key=load_caller_key(ground.home), source="test", clock=ground.clock.now
        )
    assert report.is_whole, problem_of(report)
    return {read.day: read for read in report.days}


def ground_ringba(ground, sandbox):
    return Ringba(sandbox.settings.model_copy(update={"home": ground.home}), transport=sandbox.transport)


def export(home):
    """All that a reader is given of the archive's days, as bytes."""
    period = Period(first_day=_KILLED_DAYS[0], last_day=_KILLED_DAYS[-1], zone="UTC")
    table = from_archive(Ground(home), period)
    return repr((rows_of(table), table.ledger)).encode()


# C01


_KILLED_DAYS = [DAY]
_KILLER = """
import os, shutil, sys
from pathlib import Path
from tests.faults import test_c_state as tests
base, template = Path(sys.argv[1]), Path(sys.argv[2])
for k in range(1, 400):
    home = base / str(k)
    shutil.copytree(template, home)
    child = os.fork()
    if child == 0:
        try:
            tests.sync_and_die(home, k)
        except BaseException as broken:
            sys.stderr.write(repr(broken))
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        break
    if code != 77:
        sys.exit(f"broke at {k}")
"""


def sync_and_die(home, k):
    """A day into an archive that holds it as it was; ends without a word at the kth write or request."""
    seen = 0

    def count(point):
        nonlocal seen
        seen += 1
        if seen == k:
            os.write(1, f"{point}\n".encode())
            os._exit(77)

    sandbox = open_sandbox("late_payouts", now=DAY_START + 7 * DAYS, volume=25)
    respond = sandbox.respond

    def respond_or_die(*asked):
        count("request")
        return respond(*asked)

    sandbox.respond = respond_or_die
    archive = Archive(archive_folder(home, ACCOUNT_ID), on_write=count)
    settings = sandbox.settings.model_copy(update={"home": home})
    due = [DueDay(day=day, why=AGAIN) for day in _KILLED_DAYS]
    with Ringba(settings, transport=sandbox.transport) as ringba:
        report = run_sync(ringba, archive, due, key=load_caller_key(home), source="test", clock=lambda: sandbox.now)
    assert report.is_whole


@needs_fork
def test_C01_killed_at_any_write_or_request_and_run_again_equals_a_clean_run(tmp_path):
    template = tmp_path / "template"
    ground = Ground(template)  # the day will be found changed; C06 stops between days
    early = open_sandbox("late_payouts", now=DAY_START + 4 * DAYS, volume=25)
    at(ground, early.now)
    with ground_ringba(ground, early) as ringba:
        due = [DueDay(day=day, why=NEW) for day in _KILLED_DAYS]
        run_sync(ringba, ground.archive, due, key=load_caller_key(template), source="test", clock=ground.clock.now)
    done = subprocess.run(
        [sys.executable, "-c", _KILLER, str(tmp_path / "killed"), str(template)],
        capture_output=True, text=True, check=False, timeout=200, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    points = done.stdout.splitlines()
    assert len(points) > 12
    assert {"request", "write", "rename", "delete"} < set(points)
    clean = shutil.copytree(template, tmp_path / "clean")
    sync_and_die(clean, 0)
    wanted = export(clean)
    assert wanted != export(template)
    names = _names_of(clean)
    states = [[Ground(home).stored(day) for home in (template, clean)] for day in _KILLED_DAYS]
    assert states[0][1] == truth_of(open_sandbox("late_payouts", now=DAY_START + 7 * DAYS, volume=25)) != states[0][0]
    finished = set(range(len(points), 0, -5))  # the state is one of two at each: a fifth of them is run again
    for k in range(1, len(points) + 1):
        home = tmp_path / "killed" / str(k)
        if k in finished:
            sync_and_die(home, 0)
            assert export(home) == wanted, k
            assert _names_of(home) == names, k
        else:
            _check_whole(home, k, states)


def _names_of(home):
    """The kinds of files that are there, by folder; the times in their names are the runs' own."""
    files = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    kinds = Counter((str(path.parent), path.name.split("=")[0], path.suffix) for path in files)
    return {kind: number for kind, number in kinds.items() if kind[1] != "_same"}


def _check_whole(home, k, states):
    """What a killed run leaves is, day for day, what was there before or what was to come."""
    ground = Ground(home)
    for day, allowed in zip(_KILLED_DAYS, states, strict=True):
        assert ground.stored(day) in allowed, (k, day)
    assert not ground.archive.present(_KILLED_DAYS[0], _KILLED_DAYS[-1]).flaws


# C02


def test_C02_a_day_whose_data_are_gone_or_whose_state_is_gone_is_read_again(ground):
    days = days_from(DAY, 4)
    sandbox = ground.open_sandbox(volume=30)
    at(ground, DAY_START + 40 * DAYS)
    ground.sync(sandbox, days=days)
    at(ground, DAY_START + 41 * DAYS)
    ground.sync(sandbox, days=days)  # the same rows: each day has a marker now
    at(ground, DAY_START + 42 * DAYS)
    assert plan_sync(ground.archive, ground.clock.now(), days[0], days[-1]) == ([], 4)
    calls = [ground.archive.calls_folder(day) for day in days]
    for pull in calls[0].glob("pulled=*"):
        pull.unlink()  # the marker still says "read"
    for pull in calls[1].glob("pulled=*"):
        pull.write_bytes(pull.read_bytes()[:-100])
    shutil.rmtree(calls[2])
    next(calls[3].glob("_same=*")).unlink()  # the data are there, and tell by themselves when they were read
    due, left = plan_sync(ground.archive, ground.clock.now(), days[0], days[-1])
    assert ([(one.day, one.why) for one in due], left) == ([(day, NEW) for day in days[:3]], 1)
    run_due_days = [one.day for one in due]
    report, _ = ground.sync(sandbox, days=run_due_days)
    assert report.is_whole
    assert [ground.stored(day) for day in days] == [truth_of(sandbox, day) for day in days]
    assert ground.archive.present(days[0], days[-1]).flaws == ()


def test_C02_without_its_marker_a_young_day_counts_as_read_when_its_pull_was(ground):
    sandbox = ground.open_sandbox(volume=30)
    at(ground, DAY_START + 2 * DAYS)
    ground.sync(sandbox)
    at(ground, DAY_START + 40 * DAYS)
    assert ground.sync(sandbox)[0].days[0].outcome in ("same", "changed")
    for marker in ground.archive.calls_folder(DAY).glob("_same=*"):
        marker.unlink()
    pulls = sorted(ground.archive.calls_folder(DAY).glob("pulled=*"))
    for pull in pulls[1:]:
        pull.unlink()
    due, _ = plan_sync(ground.archive, ground.clock.now(), DAY, DAY)
    assert [one.why for one in due] == [LATE]


def test_C02_a_settled_day_whose_newest_file_is_damaged_is_due_again(ground):
    sandbox = ground.open_sandbox(volume=30)
    at(ground, DAY_START + 35 * DAYS)
    ground.sync(sandbox)
    sandbox.change_call(next(iter(truth_of(sandbox))), state="ZZ", caller="")
    at(ground, DAY_START + 36 * DAYS)
    assert ground.sync(sandbox)[0].days[0].outcome == "changed"
    newest = ground.archive.newest(DAY).path
    newest.write_bytes(newest.read_bytes()[:-100])
    at(ground, DAY_START + 37 * DAYS)
    assert ground.archive.present(DAY, DAY).flaws  # a reader is told to sync the day again
    due, _ = plan_sync(ground.archive, ground.clock.now(), DAY, DAY)
    assert [one.day for one in due] == [DAY]


# C03, C04, C05, C08: what happens to calls later


def test_C03_conversions_of_day_29_and_30_come_by_the_usual_run_that_of_day_31_by_the_monthly_look(ground):
    scenario = open_sandbox("late_conversions").scenario
    sandbox = open_sandbox(replace(scenario, volume=60), clock=ground.clock.now)
    day = next(day for day in days_from(DAY, 9) if _last_conversion(sandbox, day).hour >= 7)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    converted, reads = {}, {}
    for after in (1, 28, 29, 30, 31, 32, 45, 60, 61, 62):
        at(ground, start + after * DAYS + 6 * HOUR)
        reads[after] = run_due(ground, sandbox, [day]).get(day)
        converted[after] = {call_id for call_id, stored in ground.stored(day).items() if stored[2]}
    assert [len(converted[after] - converted[1]) for after in (28, 30, 31, 32, 60, 61, 62)] == [0, 1, 2, 2, 2, 3, 3]
    assert {after: read.why for after, read in reads.items() if read} == {
        1: NEW, 28: LATE, 29: LATE, 30: LATE, 31: LATE, 61: RECHECK,
    }  # fmt: skip
    assert (reads[61].outcome, reads[61].changes.changed) == ("changed", 1)
    at(ground, start + 62 * DAYS)
    assert ground.stored(day) == truth_of(sandbox, day)


def _last_conversion(sandbox, day):
    """When the call that converts after 31 days does so."""
    calls = sandbox._book._live_through(day)
    plan = sandbox._book._restating._plan(day, list(calls))
    return max(moment for steps in plan.values() for moment, _ in steps)


def test_C04_an_override_of_a_months_payouts_is_told_call_by_call_and_the_old_report_stays(ground):
    scenario = open_sandbox("payouts_overridden").scenario
    sandbox = open_sandbox(replace(scenario, volume=40), clock=ground.clock.now)
    days = days_from(date(2026, 3, 29), 2)
    before, after = datetime(2026, 4, 5, 6, tzinfo=UTC), datetime(2026, 4, 6, 6, tzinfo=UTC)
    at(ground, before)
    run_due(ground, sandbox, days)
    truth = {day: truth_of(sandbox, day) for day in days}
    period = Period(first_day=days[0], last_day=days[-1], zone="UTC")
    reported = rows_of(from_archive(ground, period))
    at(ground, after)
    assert {read.outcome for read in run_due(ground, sandbox, days).values()} == {"changed"}
    told = restate(ground.archive, days[0], days[-1], since=before + HOUR)
    wanted = sorted(
        (call_id, old[1], new[1])
        for day in days
        for call_id, new in truth_of(sandbox, day).items()
        if (old := truth[day][call_id]) != new
    )
    assert len(wanted) > 3
    assert {new for _, _, new in wanted} == {22_500_000}
    found = [c for c in told.changes if c.column == "payout_usd_micros"]
    assert sorted((c.call_id, c.before, c.after) for c in found) == wanted
    assert {c.column for c in told.changes} <= {"payout_usd_micros", "paid"}
    (total,) = [one for one in told.totals if one.column == "payout_usd_micros"]
    assert (total.calls, total.before, total.after) == (
        len(wanted), sum(old or 0 for _, old, _ in wanted), sum(new for *_, new in wanted),
    )  # fmt: skip
    assert rows_of(from_archive(ground, period, as_of=before + HOUR)) == reported
    assert rows_of(from_archive(ground, period)) != reported


def test_C05_a_payout_made_negative_set_to_zero_or_taken_away_are_three_things(ground):
    scenario = open_sandbox("payouts_taken_back").scenario
    sandbox = open_sandbox(replace(scenario, volume=60), clock=ground.clock.now)
    at(ground, DAY_START + 2 * DAYS + 12 * HOUR)
    run_due(ground, sandbox, [DAY])
    before = truth_of(sandbox)
    at(ground, DAY_START + 6 * DAYS)
    run_due(ground, sandbox, [DAY])
    after = truth_of(sandbox)
    moved = {i: (before[i][1], after[i][1]) for i in after if before[i][1] != after[i][1] and before[i][1]}
    wanted = {
        "negative": [old for old, new in moved.values() if new == -35_000_000],
        "zero": [old for old, new in moved.values() if new == 0],
        "missing": [old for old, new in moved.values() if new is None],
    }
    assert all(wanted.values())
    told = restate(ground.archive, DAY, DAY, since=DAY_START + 3 * DAYS)
    assert {t.kind: (t.calls, t.before_usd_micros, t.after_usd_micros) for t in told.taken_back} == {
        kind: (len(old), sum(old), -35_000_000 * len(old) * (kind == "negative")) for kind, old in wanted.items()
    }
    stored = ground.stored()
    assert {i: stored[i][1] for i in moved} == {i: new for i, (_, new) in moved.items()}
    paid = dict(rows_of(from_archive(ground), "call_id", "paid"))
    assert {i for i in moved if not paid[i]} == {i for i, (_, new) in moved.items() if new is None}


# C06, C07, C09


def test_C06_a_backfill_after_a_months_outage_equals_runs_made_on_time_and_asks_no_more_than_planned(tmp_path):
    days = days_from(DAY, 6)
    on_time, late = Ground(tmp_path / "on time"), Ground(tmp_path / "late")
    now = DAY_START + 6 * DAYS + 6 * HOUR
    scenario = replace(open_sandbox("late_payouts").scenario, volume=12)
    for ground in (on_time, late):
        at(ground, DAY_START + 6 * HOUR)
    sandbox = open_sandbox(scenario, clock=on_time.clock.now)
    for day in days[::3]:  # each third morning, the three days before
        at(on_time, datetime(day.year, day.month, day.day, tzinfo=UTC) + 3 * DAYS + 6 * HOUR)
        run_due(on_time, sandbox, [day + n * DAYS for n in range(3)])
    at(on_time, now)
    run_due(on_time, sandbox, days)
    at(late, now)
    due, left = plan_sync(late.archive, now, days[0], days[-1])
    assert ([one.day for one in due], left) == (days, 0)
    month, _ = plan_sync(late.archive, DAY_START + 31 * DAYS + 6 * HOUR)  # after a month, the usual plan has it all
    assert [one.day for one in month] == days_from(DAY, 32)
    sandbox = open_sandbox(scenario, now=now)
    _stopped_after(late, sandbox, due, COLUMNS_ASKED + 2)
    resumed, left = plan_sync(late.archive, now, days[0], days[-1])
    assert (len(resumed), left) == (4, 2)  # the request that failed was for the third day
    report, _ = late.sync(sandbox, days=[one.day for one in resumed])
    assert report.is_whole
    asked = [one for one in sandbox.asked if one.endpoint == sandbox.asked[-1].endpoint]
    assert len(asked) == len(days)  # one page a day, each asked for once
    assert [late.stored(day) for day in days] == [truth_of(sandbox, day) for day in days]
    month = Period(first_day=days[0], last_day=days[-1], zone="UTC")
    assert rows_of(from_archive(late, month), *_BUT_CALLER) == rows_of(from_archive(on_time, month), *_BUT_CALLER)


_BUT_CALLER = (
    "call_id",
    "call_at",
    "campaign",
    "state",
    "connected",
    "converted",
    "paid",
    "revenue_usd_micros",
    "payout_usd_micros",
    "duration_s",
)


def _stopped_after(ground, sandbox, due, requests):
    """A run that ends, as by Ctrl-C, at a request."""
    respond, seen = sandbox.respond, []

    def stop(*asked):
        seen.append(asked)
        if len(seen) > requests:
            raise KeyboardInterrupt
        return respond(*asked)

    sandbox.respond = stop
    with pytest.raises(KeyboardInterrupt), ground_ringba(ground, sandbox) as ringba:
        run_sync(ringba, ground.archive, due, key=load_caller_key(ground.home), source="test", clock=ground.clock.now)
    sandbox.respond = respond


_RUNNER = """
import os, sys, traceback
from pathlib import Path
from tests.faults import test_c_state as tests
children = []
for first, count in ((0, 4), (2, 2)):
    children.append(os.fork())
    if not children[-1]:
        try:
            tests.read_days(Path(sys.argv[1]), first, count)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


def read_days(home, first, count):
    ground = Ground(home)
    at(ground, DAY_START + 20 * DAYS)
    report, _ = ground.sync(open_sandbox(now=ground.clock.now(), volume=40), days=days_from(DAY, 4)[first:][:count])
    assert report.is_whole


@needs_fork
def test_C07_a_backfill_and_the_daily_run_at_once_give_what_one_would_have_given(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER, str(tmp_path / "home")],
        capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ground, sandbox = Ground(tmp_path / "home"), open_sandbox(now=DAY_START + 20 * DAYS, volume=40)
    days = days_from(DAY, 4)
    assert [ground.stored(day) for day in days] == [truth_of(sandbox, day) for day in days]
    assert ground.archive.present(days[0], days[-1]).flaws == ()
    assert [len(ground.archive.pulls(day)) for day in days] == [1] * 4
    assert not list((tmp_path / "home").rglob("*.tmp"))


def test_C08_a_call_that_is_deleted_or_loses_its_caller_is_counted_and_is_no_drop_off(ground):
    scenario = open_sandbox("calls_deleted").scenario
    sandbox = open_sandbox(replace(scenario, volume=60), clock=ground.clock.now)
    at(ground, DAY_START + 9 * DAYS)
    run_due(ground, sandbox, [DAY])
    before = {r["inboundCallId"]: r for r in sandbox.truth(DAY_START, DAY_START + DAYS)}
    at(ground, DAY_START + 12 * DAYS)
    run_due(ground, sandbox, [DAY])
    after = {r["inboundCallId"]: r for r in sandbox.truth(DAY_START, DAY_START + DAYS)}
    gone = before.keys() - after.keys()
    nameless = {i for i in after if "inboundPhoneNumber" in before[i] and "inboundPhoneNumber" not in after[i]}
    assert (len(gone), len(nameless)) == (2, 2)
    told = restate(ground.archive, DAY, DAY, since=DAY_START + 10 * DAYS)
    assert (told.gone, told.new) == (2, 0)
    assert {c.call_id for c in told.changes if c.what == "gone"} == gone
    assert {c.call_id for c in told.changes if c.column == "caller_key" and c.after is None} == nameless
    table = from_archive(ground)
    assert {i for i, key in rows_of(table, "call_id", "caller_key") if key is None} == nameless
    funnel = count_funnel(table, ONE_DAY)
    reached = [len(after), *(_reached(after, *names) for names in _LATER)]
    assert list(funnel.steps()["calls"]) == reached  # gone at every stage, lost at none


_LATER = (("hasConnected", "hasConverted", "hasPayout"), ("hasConverted", "hasPayout"), ("hasPayout",))


def _reached(records, *names):
    return sum(any(record.get(name) for name in names) for record in records.values())


def test_C09_the_same_run_twice_changes_no_stored_file_and_no_page(ground):
    sandbox = ground.open_sandbox()
    ground.sync(sandbox)
    files, table = ground.files(), from_archive(ground)
    shown = _page_of(table)
    ground.clock.advance(7 * 3600)
    report, _ = ground.sync(sandbox)
    assert report.days[0].outcome == "same"
    kept = {name: content for name, content in ground.files().items() if "_same=" not in name}
    assert kept == files
    again = from_archive(ground)
    assert (_page_of(again), again.inputs, again.ledger) == (shown, table.inputs, table.ledger)


def _page_of(table):
    """The tables that a page shows, as written."""
    funnel = count_funnel(table, ONE_DAY)
    parts = [funnel.steps(), funnel.by("day"), funnel.by("campaign")]
    return [part.to_csv() for part in parts] + [repr(rows_of(table))]


# C10, C11


def _restamped(pull, to, **changed):
    """A stored file again, with other facts."""
    facts = json.loads(pull.facts.as_text()) | changed
    text = json.dumps({name: value for name, value in facts.items() if value is not None}).replace("'", "''")
    duckdb.execute(
        f"copy (from read_parquet('{pull.path}', hive_partitioning = false)) to '{to}' (kv_metadata {{{FACTS_KEY}: '{text}'}})"
    )
    seal(to)
    return to.read_bytes()


def test_C10_a_file_of_a_newer_version_is_refused_clearly_and_left_as_it_is(ground):
    sandbox = ground.open_sandbox(volume=30)
    ground.sync(sandbox)
    older = ground.archive.newest(DAY)
    newer = older.path.with_name("pulled=2026-04-25T00-00-00Z.parquet")
    content = _restamped(older, newer, format=FORMAT + 1, a_fact_of_tomorrow=1)
    assert ground.archive.newest(DAY) == older
    (flaw,) = ground.archive.present(DAY, DAY).flaws
    assert "newer version" in flaw
    assert "Update this toolkit" in flaw
    assert flaw in from_archive(ground).notes
    ground.clock.advance(10 * 86_400)
    ground.sync(sandbox)
    assert newer.read_bytes() == content
    assert older.path.exists()


def test_C10_a_file_whose_facts_hold_more_or_fewer_names_is_read(ground):
    """There is no older format than the first; optional facts may be missing or new within one format."""
    ground.sync(ground.open_sandbox(volume=30))
    pull = ground.archive.newest(DAY)
    other = pull.path.with_name("pulled=2026-04-25T00-00-00Z.parquet")
    _restamped(pull, other, new_columns=None, a_fact_of_tomorrow=1)
    assert ground.archive.newest(DAY).path == other
    assert read_facts(ground.archive.newest(DAY).facts.as_text()) == replace(pull.facts, new_columns=())


def _by_broken_reader(monkeypatch, work, factor="1e5"):
    """Work done by a reader that takes amounts wrongly. In a thread of its own: each has its own engine."""
    broken = callsql._MACROS.replace("round(x * 1e6)", f"round(x * {factor})")
    assert broken != callsql._MACROS
    with monkeypatch.context() as patch, ThreadPoolExecutor(max_workers=1) as beside:
        patch.setattr(callsql, "_MACROS", broken)
        return beside.submit(work).result()


def test_C11_pages_read_again_by_a_mended_reader_give_the_right_archive_without_the_network(ground, monkeypatch):
    records = [make_record(n, conversionAmount=20.0 + n) for n in range(50)] + [make_record(60, callDt=None)]
    records[7]["inboundPhoneNumber"] = "Anonymous"
    records[8]["sentimentScore"] = "0.8"
    records[9] = with_text(records[9], "payoutAmount", "NaN")
    wrong = _by_broken_reader(monkeypatch, lambda: rows_of(synced(ground, whole_log(records))))
    read = reread(ground.archive, DAY, key=load_caller_key(ground.home))
    assert (read.outcome, read.changes.changed, read.rows_in, read.rows_used) == ("changed", 49, 51, 49)
    clean = Ground(ground.home.parent / "clean")
    (clean.home / "caller.key").write_bytes((ground.home / "caller.key").read_bytes())
    right = synced(clean, whole_log(records))
    table = from_archive(ground)
    assert rows_of(table) == rows_of(right) != wrong
    assert table.ledger == right.ledger
    stored = [
        duckdb.execute("select * from read_parquet(?) order by all", [str(g.archive.newest(DAY).path)]).fetchall()
        for g in (ground, clean)
    ]
    assert stored[0] == stored[1]
    assert read_again_twice_is_no_change(ground)


def read_again_twice_is_no_change(ground):
    before = ground.stored()
    reread(ground.archive, DAY, key=load_caller_key(ground.home), keep_numbers=True)
    return ground.stored() == before


def test_C11_where_no_pages_are_kept_nothing_is_read_again(ground):
    ground.sync(whole_log([make_record(1)]))
    shutil.rmtree(ground.archive.raw_folder(DAY))
    assert reread(ground.archive, DAY, key=load_caller_key(ground.home)) is None
    assert reread(ground.archive, DAY + DAYS, key=load_caller_key(ground.home)) is None


def test_C11_a_reader_may_be_mended_twice(ground, monkeypatch):
    records = [make_record(n) for n in range(20)]
    _by_broken_reader(monkeypatch, lambda: ground.sync(whole_log(records)))
    Ground(ground.home.parent / "other").sync(
        whole_log([make_record(1)])
    )  # so that no engine of the broken kind stands ready
    key = load_caller_key(ground.home)
    first = _by_broken_reader(
        monkeypatch, lambda: reread(ground.archive, DAY, key=key), factor="1e7"
    )  # wrong once more
    if first is None or first.outcome != "changed":
        pytest.exit("the first mending changed nothing")
    read = reread(ground.archive, DAY, key=load_caller_key(ground.home))
    assert read is not None
    assert ground.stored() == stored_of(records)


def test_C11_numbers_that_the_user_asked_to_keep_outlive_a_second_reading(ground):
    records = [make_record(n) for n in range(20)]
    due = [DueDay(day=DAY, why=NEW)]
    sandbox = open_sandbox(now=ground.clock.now(), volume=30)
    with ground_ringba(ground, sandbox) as ringba:
        run_sync(
            ringba,
            ground.archive,
            due,
            key=load_caller_key(ground.home),
            source="test",
            keep_numbers=True,
            clock=ground.clock.now,
        )
    asked = "select count(caller_number) from read_parquet(?)"
    kept = duckdb.execute(asked, [str(ground.archive.newest(DAY).path)]).fetchone()
    assert kept[0] > len(records) // 2
    reread(ground.archive, DAY, key=load_caller_key(ground.home), keep_numbers=True)
    assert duckdb.execute(asked, [str(ground.archive.newest(DAY).path)]).fetchone() == kept
