"""The sandbox's months: a target that dies, states that shift, few calls; and the same months as call tables."""

import hashlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import months
import pytest

from kayzen_nb.errors import InputError
from kayzen_nb.funnel import count_funnel
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.sandbox.invented import invent_day
from kayzen_nb.sandbox.scenariofile import read_scenarios
from kayzen_nb.vocabulary import Stage

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
TWELFTH = datetime(2026, 11, 12, 8, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, 5, tzinfo=UTC)


def play(name="mine", now=NOW, **market):
    scenario = read_scenarios({"mine": {"about": "a test", "market": market}})["mine"] if market else name
    return open_sandbox(scenario, now=now)


def begun(record):
    return datetime.fromtimestamp(record["callDt"] / 1000, UTC)


def share(records, key, of=bool):
    base = [record for record in records if of(record)]
    return sum(bool(record.get(key)) for record in base) / len(base)


def refuse(**market):
    with pytest.raises(InputError) as caught:
        play(**market)
    return str(caught.value)


def test_the_healthy_calls_are_byte_for_byte_as_they_were():
    days = [repr(invent_day(date(2026, 11, n), 20261101)) for n in (2, 8)]
    digest = hashlib.sha256("".join(days).encode()).hexdigest()
    assert digest == "5140a417fe69ba900250a51e1d446eecd9c91c8af7fcfa8f371e0d242ece1286"


def test_a_dead_target_answers_nothing_from_its_day_on_and_the_calls_still_come():
    healthy = open_sandbox("healthy", now=NOW).truth(MONTH, NOW)
    dead = play(from_day="2026-11-12", dead_target="Call Center A").truth(MONTH, NOW)
    assert [record["inboundCallId"] for record in dead] == [record["inboundCallId"] for record in healthy]
    assert [r for r in dead if begun(r) < TWELFTH] == [r for r in healthy if begun(r) < TWELFTH]
    after = [record for record in dead if begun(record) >= TWELFTH]
    assert "Call Center A" in Counter(r.get("targetName") for r in dead if begun(r) < TWELFTH)
    assert Counter(r.get("targetName") for r in after).keys() == {"Call Center B", "Call Center C", None}
    lost = [r for r, was in zip(dead, healthy, strict=True) if r != was]
    assert all("hasConnected" not in r and "hasConverted" not in r and r["endCallSource"] == "Caller" for r in lost)
    assert all(20 <= r["callLengthInSeconds"] < 45 for r in lost if not r["isLive"])


def test_of_a_dead_target_the_other_targets_know_nothing():
    healthy = open_sandbox("healthy", now=NOW).truth(MONTH, NOW)
    dead = play(from_day="2026-11-12", dead_target="Call Center A").truth(MONTH, NOW)
    others = [r for r in healthy if r.get("targetName") in ("Call Center B", "Call Center C")]
    assert [r for r in dead if r.get("targetName") in ("Call Center B", "Call Center C")] == others


def test_states_shift_on_their_day_and_each_converts_as_before():
    records = play("states_shifted").truth(NOW - timedelta(days=28), NOW)
    turning = datetime(2026, 11, 10, tzinfo=UTC)
    sides = [[r for r in records if (begun(r) >= turning) is late] for late in (False, True)]
    texas = [Counter(r["tag:InboundNumber:State"] for r in side)["TX"] / len(side) for side in sides]
    assert texas[0] > 0.12
    assert texas[1] < 0.06
    rates = [share(side, "hasConverted", lambda r: r.get("hasConnected")) for side in sides]
    assert rates[0] - rates[1] > 0.06
    for state in ("FL", "GA", "CA"):
        inside = [
            share(s, "hasConverted", lambda r: r.get("hasConnected") and r["tag:InboundNumber:State"] == state)  # noqa: B023  # called at once
            for s in sides
        ]
        assert abs(inside[0] - inside[1]) < 0.12  # about two standard errors of the smallest state's rates
    connects = [share(side, "hasConnected") for side in sides]
    assert abs(connects[0] - connects[1]) < 0.03


def test_a_call_whose_conversion_the_state_takes_is_shorter_than_the_rule():
    records = play(state_converts={"TX": 0.0}).truth(NOW - timedelta(days=5), NOW - timedelta(days=1))
    texas = [r for r in records if r["tag:InboundNumber:State"] == "TX" and r.get("hasConnected")]
    assert texas
    assert not any(r.get("hasConverted") for r in texas)
    assert (
        share(records, "hasConverted", lambda r: r["tag:InboundNumber:State"] == "CA" and r.get("hasConnected")) > 0.3
    )
    first = [r for r in texas if not r.get("isDuplicate")]  # a duplicate may be long and not convert, as everywhere
    assert all(r["connectedCallLengthInSeconds"] < 120 for r in first)


def test_forty_calls_are_all_that_ever_came():
    sandbox = play("few_calls")
    assert len(sandbox.truth(NOW - timedelta(days=60), NOW)) == 40
    first = datetime(2026, 11, 10, tzinfo=UTC)
    records = sandbox.truth(first, datetime(2026, 11, 24, tzinfo=UTC))
    assert len(records) == 40
    assert {begun(r).date() for r in records} == {(first + timedelta(days=n)).date() for n in range(14)}
    assert all(begun(r).hour >= 8 for r in records)


def test_the_set_clock_moves_what_was_counted_back_from_it_and_not_what_was_dated():
    counted, dated = (
        play(days_ago=3, dead_target="Call Center A"),
        play(from_day="2026-11-12", dead_target="Call Center C"),
    )
    before = dated.truth(MONTH, TWELFTH + timedelta(days=2))
    counted.now = dated.now = NOW + timedelta(days=30)
    assert dated.truth(MONTH, TWELFTH + timedelta(days=2)) == before
    last = counted.truth(NOW - timedelta(days=2), NOW)
    assert any(record.get("targetName") == "Call Center A" for record in last)


def test_the_named_months_have_a_test_call_that_was_paid_or_none_at_all():
    assert play("few_calls").test_call_id in {r["inboundCallId"] for r in play("few_calls").truth(MONTH, NOW)}
    dead = play("target_died")
    paid = next(r for r in dead.truth(MONTH, NOW) if r["inboundCallId"] == dead.test_call_id)
    assert paid["hasPayout"]
    assert paid["targetName"] != "Call Center A"


def test_names_that_do_not_exist_and_days_that_are_missing_or_told_twice_are_refused_at_once():
    told = refuse(dead_target="Call Centre A", state_weights={"XX": 1.0})
    assert "did you mean 'Call Center A'?" in told
    assert "'XX'" in told
    assert "from when on" in told
    assert "from when on" in refuse(dead_target="Call Center A", from_day="2026-11-12", days_ago=3)
    assert "from when on" in refuse(days_ago=3)
    assert "No state has any weight" in refuse(days_ago=3, state_weights={"TX": 0.0})
    assert "dead_target" in refuse(days_ago=3, dead_targets="Call Center A")


# The five months as call tables, for tests of the page.


def stage_counts(name):
    now, before, period, previous = months.build_month(name)
    sides = [count_funnel(now, period), count_funnel(before, previous)]
    return [[side.count(stage) for stage in Stage] for side in sides], sides


def test_a_healthy_month_is_as_the_one_before():
    (now, before), _ = stage_counts("healthy")
    assert 8000 < now[0] < 9000
    for n in range(3):
        assert abs(now[n + 1] / now[n] - before[n + 1] / before[n]) < 0.03


def test_in_one_month_the_target_answers_nothing_from_the_twelfth_on():
    _, (now, before) = stage_counts("target_died")
    daily = now.stages(("day", "target"), {"target": months.DEAD_TARGET})
    assert max(daily["day"]) == months.DIED_ON - timedelta(days=1)
    assert daily["connected_calls"].sum() > 500
    assert before.stages((), {"target": months.DEAD_TARGET})["connected_calls"][0] > 1800


def test_in_one_month_only_the_states_differ():
    (now, before), sides = stage_counts("states_shifted")
    assert before[2] / before[1] - now[2] / now[1] > 0.06
    shares, rates = ([], [])
    for side in sides:
        frame = side.stages(("state",)).set_index("state")
        shares.append(frame["incoming_calls"] / frame["incoming_calls"].sum())
        rates.append(frame["converted_calls"] / frame["connected_calls"])
    assert abs(shares[0] - shares[1]).max() > 0.1
    assert abs(rates[0] - rates[1]).max() < 0.05


def test_forty_calls_and_no_calls_have_nothing_before_them():
    assert stage_counts("few_calls")[0] == [[40, *stage_counts("few_calls")[0][0][1:]], [0, 0, 0, 0]]
    assert stage_counts("no_calls")[0] == [[0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("name", ["healthy", "target_died", "states_shifted"])
def test_no_call_of_a_month_breaks_the_order_or_the_shape_of_a_call(name):
    now, _, period, _ = months.build_month(name)
    funnel = count_funnel(now, period)
    assert not any(funnel.violations.values())
    relation = now.relation
    ids = relation.aggregate("count(distinct call_id), count(*)").fetchall()[0]
    assert ids[0] == ids[1] == funnel.calls
    odd = relation.filter(
        "(target is null) = connected or (connected_s is null) = connected or (revenue_usd_micros is null) = converted"
    )
    assert not odd.fetchall()
