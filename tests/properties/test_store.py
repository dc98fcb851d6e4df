"""What is stored: the same whatever the order, the pages, the kills and the faults (P1, P2, P3, P4, P12).

An example that writes a day's file costs about a tenth of a second, so fewer are tried by default than elsewhere;
KAYZEN_NB_EXAMPLES sets another number.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callpages import CallPages
from kayzen_nb.calls import CallTable
from kayzen_nb.callselect import REPEATED, select_calls
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from tests.properties.faults import breakdowns
from tests.properties.world import (
    AFTER,
    DAYS,
    Call,
    Killed,
    Log,
    World,
    call_contents,
    call_lists,
    end_process_at,
    examples,
    files_of_day,
    kill_at,
    ms_of,
    rows_of,
)

PERIOD = Period(first_day=DAYS[0], last_day=DAYS[-1], zone="UTC")
KEY = CallerKey(key=Secret("5" * 64))
WINDOW = {"window_start": PERIOD.start_utc, "window_end": PERIOD.end_utc, "pulled_at": AFTER, "source": "a test"}


@pytest.fixture(scope="module")
def pages():
    with CallPages(KEY) as opened:
        yield opened


@pytest.fixture
def a_file(tmp_path):
    """A new path for each example: DuckDB keeps what it knows of a file."""
    numbers = itertools.count()
    return lambda: tmp_path / f"{next(numbers)}.parquet"


def in_parts(records, sizes):
    at, parts = 0, []
    for size in [*sizes, len(records)]:
        parts.append(records[at : at + size])
        at += size
    return parts


def store(pages, path, records, sizes=()):
    for part in in_parts(records, sizes):
        pages.add(part)
    return pages.write(path, **WINDOW)


# P1: order and repetition.


def funnel_of(selected):
    table = CallTable(
        relation=selected.relation, ledger=selected.ledger, source="test", as_of=AFTER, unknown=("error",)
    )
    return count_funnel(table, PERIOD).roll_up(("campaign", "day", "hour")).to_dict("records")


@examples(40)
@given(data=st.data(), known=call_lists(most=15))
def test_order_and_repetition_of_rows_change_neither_calls_nor_funnel(pages, a_file, data, known):
    usual, odd = a_file(), a_file()
    records = [call.record() for call in known]
    again = data.draw(st.lists(st.sampled_from(records), max_size=8)) if records else []
    store(pages, usual, records)
    store(pages, odd, data.draw(st.permutations(records + again)), data.draw(st.lists(st.integers(0, 6), max_size=4)))
    one, other = (select_calls([path], period=PERIOD) for path in (usual, odd))
    assert rows_of(other.relation) == rows_of(one.relation) == sorted(call.row(KEY.pseudonym) for call in known)
    assert funnel_of(other) == funnel_of(one)
    assert [(aside.reason, aside.rows) for aside in other.ledger.set_aside] == (
        [(REPEATED, len(again))] if again else []
    )


# P4: no row is lost on the way in.

_JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.text(max_size=12),
    st.sampled_from(("NaN", "1e400", "1,234.50", "$5", "", " ", "yes", "00:01:20", "2026-11-01T00:00:00Z", "x" * 300)),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
_NAMES = st.sampled_from(
    ("inboundCallId", "callDt", "hasConnected", "conversionAmount", "payoutAmount", "callLengthInSeconds",
     "inboundPhoneNumber", "campaignName", "tag:User:New", "another")
)  # fmt: skip


@st.composite
def spoiled_records(draw):
    """A record of a sound call with some values of any kind, and perhaps a name that stands twice or a line break."""
    call = Call(call_id=f"RGB{draw(st.integers(0, 99))}", at_ms=ms_of(DAYS[0], 5), **draw(call_contents()))
    fields = json.loads(call.record()) | draw(st.dictionaries(_NAMES, _JUNK, max_size=4))
    text = json.dumps(fields, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from((None, 1))))
    twice = draw(st.sampled_from(("", "", ', "callDt": 1', ', "hasConnected": true')))
    return f"{text[:-1]}{twice}}}".encode("utf-8", "replace")


SOUND = [Call(call_id=f"SOUND{n}", at_ms=ms_of(DAYS[0], n), connected=True, revenue=5, payout=3) for n in range(12)]


def sound_record(call):
    """With every column filled, so that no column looks retyped as a whole."""
    more = {"callLengthInSeconds": 60, "inboundPhoneNumber": "+12125550100"}
    return json.dumps(json.loads(call.record()) | more).encode()


@examples(100)
@given(spoiled=st.lists(spoiled_records(), max_size=12), sizes=st.lists(st.integers(0, 9), max_size=3))
def test_rows_in_are_rows_stored_and_set_aside_exactly(pages, a_file, spoiled, sizes):
    path = a_file()
    records = [sound_record(call) for call in SOUND] + spoiled
    facts = store(pages, path, records, sizes)
    asked = "select coalesce(set_aside, ''), count(*) from read_parquet(?) group by 1"
    counts = dict(duckdb.execute(asked, [str(path)]).fetchall())
    used = counts.pop("", 0)
    assert (facts.rows_in, facts.rows_used, dict(facts.set_aside)) == (len(records), used, counts)
    assert used + sum(counts.values()) == len(records)
    assert used >= len(SOUND)


@examples(25)
@given(spoiled=st.lists(spoiled_records(), max_size=12))
def test_the_ledger_of_the_selected_calls_accounts_for_every_stored_row(pages, a_file, spoiled):
    path = a_file()
    records = [sound_record(call) for call in SOUND] + spoiled
    store(pages, path, records)
    found = select_calls([path], period=PERIOD)
    assert found.ledger.rows_in == len(records)
    assert found.ledger.rows_used + sum(aside.rows for aside in found.ledger.set_aside) == len(records)
    assert len(found.relation.fetchall()) == found.ledger.rows_used


# P2: one store, however it was read.


@examples(10)
@given(data=st.data(), known=call_lists(most=40), most=st.integers(8, 60))
def test_days_read_in_any_order_in_any_runs_and_pages_make_the_store_of_one_read(data, known, most):
    runs = data.draw(st.permutations(DAYS))
    split = data.draw(st.integers(0, len(runs)))
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        at_once, in_pieces = World(Path(one), Log(known)), World(Path(other), Log(known, most=most))
        assert at_once.sync().is_whole
        for days in (runs[:split], runs[split:]):
            assert in_pieces.sync(days).is_whole
        assert in_pieces.rows(PERIOD) == in_pieces.truth(known)
        assert at_once.rows(PERIOD) == at_once.truth(known)


# P3: killed at any write.


@st.composite
def before_and_after(draw):
    """What the log held at the run before (None: there was none), and what it holds now."""
    now = draw(call_lists(most=20))
    kept = [call for call in now if draw(st.booleans())]
    return draw(st.sampled_from((None, kept))), now


def count_writes(world):
    points = []
    world.sync(hook=points.append)
    return len(points)


@examples(8)
@given(logs=before_and_after(), where=st.floats(0, 1, exclude_max=True))
def test_ended_at_any_write_and_run_again_the_store_is_that_of_a_clean_run(logs, where):
    before, now = logs
    with TemporaryDirectory() as home, TemporaryDirectory() as clean:
        worlds = [World(Path(home), Log(before or [])), World(Path(clean), Log(before or []))]
        for world in worlds:
            if before is not None:
                assert world.sync().is_whole
            world.log, world.clock.now = Log(now), world.clock.now.replace(hour=7)
        point = int(where * count_writes(worlds[1]))
        with pytest.raises(Killed):
            worlds[0].sync(hook=kill_at(point))
        for day in DAYS:
            _check_is_one_of(worlds[0], day, [before, now])
        assert worlds[0].sync().is_whole
        assert worlds[0].rows(PERIOD) == worlds[0].truth(now)
        assert _kinds(worlds[0]) == _kinds(worlds[1])


def _check_is_one_of(world, day, logs):
    """A day holds what the log held at one of the times, whole."""
    there = world.archive().newest(day) is not None
    possible = [world.truth(call for call in log if call.day == day) if log is not None else None for log in logs]
    assert (world.rows(Period(first_day=day, last_day=day, zone="UTC")) if there else None) in possible


def _kinds(world):
    """How many pulls and raw pages each day has; markers come and go with the times."""
    folder = world.archive().folder
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("pulled=*"))


@pytest.mark.parametrize("point", [1, 7, 23])
def test_a_process_that_ends_at_a_write_without_a_word_leaves_what_the_next_run_makes_whole(tmp_path, point):
    known = [Call(call_id=f"RGB{n}", at_ms=ms_of(DAYS[n % 3], n), revenue=n * 100_000) for n in range(60)]
    world = World(tmp_path, Log(known))
    assert end_process_at(world, point) == 77
    assert world.sync().is_whole
    assert world.rows(PERIOD) == world.truth(known)


# P12: broken into, or whole; no third outcome.


@examples(15)
@given(logs=before_and_after(), script=breakdowns(12), most=st.integers(8, 40))
def test_a_run_with_any_mix_of_faults_gives_each_day_whole_or_leaves_it_untouched_and_says_so(logs, script, most):
    before, now = logs
    with TemporaryDirectory() as home:
        world = World(Path(home), Log(before or []))
        if before is not None:
            assert world.sync().is_whole
        world.log, world.clock.now = Log(now, most=most), world.clock.now.replace(hour=7)
        files = {day: files_of_day(world, day) for day in DAYS}
        report = world.sync(script=script)
        done = {one.day for one in report.days if not one.problem}
        assert report.is_whole == (done == set(DAYS))
        for day in DAYS:
            if day in done:
                _check_is_one_of(world, day, [now])
            else:
                assert files_of_day(world, day) == files[day]
        told = [one.problem for one in report.days if one.problem] + [report.stopped] * bool(report.stopped)
        assert report.is_whole or told
        assert all(problem.what and problem.where and problem.next_step for problem in told)
