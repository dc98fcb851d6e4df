"""A platform that lives, a toolkit that is interrupted, and a model: what the archive gives is what the model holds.

The model is a dictionary of calls for each day as it was last read whole. Whatever happened in between (new calls,
late payouts, faults, kills, a clock that jumps), the archive has to give exactly that, now and as of earlier moments.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.period import Period
from kayzen_nb.retention import forget, prune
from tests.faultserver import cut, rate_limited, reset, status
from tests.properties.world import (
    CALLERS,
    DAYS,
    Call,
    Killed,
    Log,
    World,
    call_contents,
    end_process_at,
    examples,
    kill_at,
    moments,
)

MICROS = st.integers(-(10**9), 10**12)
FAULTS = st.one_of(
    st.builds(status, st.sampled_from((500, 502, 503, 504))),
    st.builds(lambda seconds: rate_limited(headers={"Retry-After": str(seconds)}), st.integers(0, 3600)),
    st.builds(lambda: rate_limited(code=200)),
    st.builds(lambda after, lying: cut(after=after, lying=lying), st.integers(0, 2000), st.booleans()),
    st.builds(lambda after: reset(after=after), st.integers(0, 2000)),
)
_REAL_KILLS = iter(range(4))  # another process takes a second or two: only so many in all examples together


class Living(RuleBasedStateMachine):
    """``read`` is the model: for each day its calls as last read whole, by id; ``past`` what it was at some moments."""

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="kayzen-nb-model-"))
        self.world = World(self.home, Log(most=50))
        self.read, self.past, self.script, self.count = {}, [], [], 0

    def teardown(self):
        """At the end a whole run, and every moment of the past once more."""
        try:
            self.a_run_until_whole()
            for moment, read in self.past:
                assert self._rows(as_of=moment) == self.world.truth(self._held(read))
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    # The platform.

    @rule(at=moments(), content=call_contents())
    def a_new_call(self, at, content):
        self.count += 1
        self.world.log.put(Call(call_id=f"RGB{self.count:05}", at_ms=at, **content))

    def _change(self, data, **fields):
        ids = sorted(self.world.log.calls)
        call = self.world.log.calls[data.draw(st.sampled_from(ids))]
        self.world.log.put(replace(call, **fields))

    has_calls = precondition(lambda self: self.world.log.calls)

    @has_calls
    @rule(data=st.data())
    def a_call_connects(self, data):
        self._change(data, connected=True)

    @has_calls
    @rule(data=st.data(), amount=MICROS)
    def a_call_converts(self, data, amount):
        self._change(data, connected=True, converted=True, revenue=amount)

    @has_calls
    @rule(data=st.data(), amount=MICROS)
    def a_payout_comes_late(self, data, amount):
        self._change(data, paid=True, payout=amount)

    @has_calls
    @rule(data=st.data(), amount=st.none() | MICROS)
    def an_amount_is_overridden_or_taken_back(self, data, amount):
        self._change(data, payout=amount)

    @has_calls
    @rule(data=st.data())
    def a_call_is_deleted(self, data):
        self.world.log.drop(data.draw(st.sampled_from(sorted(self.world.log.calls))))

    # What goes wrong.

    @rule(fault=FAULTS, times=st.integers(1, 4))
    def the_next_requests_fail(self, fault, times):
        self.script += [fault] * times

    @rule(hours=st.sampled_from((1, 7, 30, 24 * 29, 24 * 31)))
    def the_clock_jumps(self, hours):
        self.world.clock.now += timedelta(hours=hours)

    @rule(point=st.integers(0, 40))
    def a_run_is_killed(self, point):
        self._tick()
        try:
            self._note(self.world.sync(script=self._faults(), hook=kill_at(point)))
        except Killed:
            self._note_what_a_kill_left()

    @precondition(lambda self: self.world.log.calls)
    @rule(point=st.integers(0, 25))
    def a_process_ends(self, point):
        if next(_REAL_KILLS, None) is not None:
            self._tick()
            assert end_process_at(self.world, point) in (0, 77)
            self._note_what_a_kill_left()

    # The toolkit.

    @rule()
    def a_run_until_whole(self):
        for _ in range(3):
            self._tick()
            report = self.world.sync(script=self._faults())
            self._note(report)
            if report.is_whole:
                break
        assert report.is_whole  # after the faults of the script nothing is wrong any more
        assert self._rows() == self.world.truth(self.world.log.calls.values())
        self.past.append((self.world.clock.now, dict(self.read)))

    @rule()
    def a_run_of_the_days_that_are_due(self):
        self._tick()
        self._note(self.world.scheduled(self._faults(), DAYS[0], DAYS[-1]))
        self.past.append((self.world.clock.now, dict(self.read)))

    @rule(day=st.sampled_from(DAYS))
    def a_day_is_filled_in(self, day):
        self._tick()
        self._note(self.world.sync([day], self._faults()))

    @rule(caller=st.sampled_from(CALLERS))
    def a_caller_is_forgotten(self, caller):
        forget(self.home, caller, load_caller_key(self.home))

    @rule(keep=st.sampled_from((1, 2)))
    def old_pulls_are_deleted(self, keep):
        limits = {"calls_older_than": None, "raw_older_than": timedelta(days=1), "keep_pulls": keep}
        if prune(self.world.archive(), self.world.clock(), **limits).pulls:
            self.past = []

    # What has to hold.

    @invariant()
    def the_archive_gives_what_the_model_holds(self):
        assert self._rows() == self.world.truth(self._held(self.read))

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def the_past_stays_what_it_was(self, data):
        moment, read = data.draw(st.sampled_from(self.past), label="moment")
        assert self._rows(as_of=moment) == self.world.truth(self._held(read))

    def _rows(self, days=DAYS, as_of=None):
        """What the archive gives; nothing where it holds nothing."""
        if not self.world.archive().present(days[0], days[-1], as_of).pulls:
            return []
        return self.world.rows(Period(first_day=days[0], last_day=days[-1], zone="UTC"), as_of)

    @staticmethod
    def _held(read):
        return [call for known in read.values() for call in known.values()]

    def _now(self, day):
        return {call.call_id: call for call in self.world.log.on(day)}

    def _note(self, report):
        for one in report.days:
            if not one.problem:
                self.read[one.day] = self._now(one.day)

    def _note_what_a_kill_left(self):
        """Each day is as it was before, or as it is now, and nothing else."""
        for day in DAYS:
            found = self._rows([day])
            if found == self.world.truth(self._now(day).values()):
                self.read[day] = self._now(day)
            else:
                assert found == self.world.truth(self.read.get(day, {}).values())

    def _tick(self):
        """Two runs do not begin in the same minute: what was seen at a moment is told apart by it."""
        self.world.clock.now += timedelta(minutes=1)

    def _faults(self):
        script, self.script = self.script, []
        return script


class TestLiving(Living.TestCase):
    settings = examples(8, steps=16)
