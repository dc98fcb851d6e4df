"""Cubes: local time by UTC spans, groups, pools, and exits that sum to each drop whatever the calls are."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.cube import build_query, count_cube, read_cube
from kayzen_nb.cubetimes import span_s
from kayzen_nb.definition import RIPE, Definition
from kayzen_nb.dimensions import DIMENSIONS, OTHERS
from kayzen_nb.exits import EXIT_NAMED, EXITS, exits_after
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.vocabulary import Stage

ZONES = {
    "America/New_York": 3600,
    "Asia/Kolkata": 1800,
    "Asia/Kathmandu": 900,
    "Australia/Lord_Howe": 1800,
    "UTC": 3600,
}


def period_of(first, last, zone="America/New_York"):
    return Period(first_day=date.fromisoformat(first), last_day=date.fromisoformat(last), zone=zone)


@pytest.mark.parametrize(("zone", "span"), ZONES.items())
def test_the_span_is_as_long_as_the_zone_s_offsets_allow(zone, span):
    assert span_s(period_of("2026-03-01", "2026-11-30", zone)) == span


@pytest.mark.parametrize("zone", [*ZONES, "Pacific/Chatham", "America/St_Johns"])
@pytest.mark.parametrize(
    ("first", "last"), [("2026-03-07", "2026-03-09"), ("2026-04-04", "2026-04-06"), ("2026-10-31", "2026-11-02")]
)
def test_every_call_falls_on_its_own_local_day_and_hour_also_when_clocks_change(zone, first, last):
    period = period_of(first, last, zone)
    step, moment, moments = timedelta(minutes=5), period.start_utc, []
    while moment < period.end_utc:
        moments.append(moment)
        moment += step
    wanted = {}
    for one in moments:
        local = one.astimezone(ZoneInfo(zone))
        key = (local.date(), local.weekday(), local.hour)
        wanted[key] = wanted.get(key, 0) + 1
    calls = build_calls([{"call_at": one.isoformat()} for one in moments])
    rows = count_cube(calls.relation, Definition(), period, ("day", "weekday", "hour")).roll_up(
        ("day", "weekday", "hour")
    )
    found = {(r.day, int(r.weekday), int(r.hour)): int(r.calls) for r in rows.itertuples()}
    assert found == wanted


def test_rare_groups_are_pooled_and_the_blank_group_is_kept():
    rows = [{"state": state} for state in ("CA", "CA", "CA", "TX", "TX", "NY", "OH")] + [{}]
    cube = count_cube(build_calls(rows).relation, Definition(), period_of("2026-11-01", "2026-11-07"), ("state",))
    counted = cube.stages(("state",), largest=2).set_index("state")["incoming_calls"].to_dict()
    assert counted == {"CA": 3, "TX": 2, OTHERS: 2, None: 1}


def test_hostile_names_are_values_and_never_sql():
    names = ["a'b", "'; drop table calls; --", "%", "", "\\", "Ünïcode ☎"]
    calls = build_calls([{"campaign": name} for name in names])
    cube = count_cube(calls.relation, Definition(), period_of("2026-11-01", "2026-11-07"), ("campaign",))
    assert [int(cube.stages(only={"campaign": name})["incoming_calls"][0]) for name in names] == [1] * len(names)
    assert int(cube.stages(only={"campaign": names[:3]})["incoming_calls"][0]) == 3
    assert int(cube.stages(("campaign",), largest=1)["incoming_calls"].sum()) == len(names)


def test_ripe_calls_are_told_apart_in_every_cube():
    until = datetime(2026, 11, 4, 5, tzinfo=UTC)  # midnight in New York
    rows = [{"call_at": f"2026-11-0{day} 12:00:00+00"} for day in (2, 3, 4, 5)]
    calls, period = build_calls(rows), period_of("2026-11-01", "2026-11-07")
    for dimensions in (("campaign",), ("day",), ("state", "hour")):
        cube = count_cube(calls.relation, Definition(pays_until=until), period, dimensions)
        assert int(cube.stages(only={RIPE: True})["incoming_calls"][0]) == 2


def test_rows_that_were_counted_elsewhere_make_the_same_cube():
    period, definition = period_of("2026-11-01", "2026-11-07"), Definition(converts_after_s=60)
    calls = build_calls([{"state": "CA", "connected": True, "connected_s": 5}, {"state": None}])
    here = count_cube(calls.relation, definition, period, ("state", "day"))
    query = build_query(definition, period, ("state", "day"))
    there = read_cube(calls.relation.query("calls", query).df(), query, definition, period, ("state", "day"))
    assert there.roll_up(("state", "day")).equals(here.roll_up(("state", "day")))


def test_codes_and_names_of_exits_are_each_used_once():
    assert len({one.code for one in EXITS}) == len({one.name for one in EXITS}) == len(EXITS)
    every = Definition(
        connect_within_s=9, converts_after_s=9, converts_until=datetime.now(UTC), pays_until=datetime.now(UTC)
    )
    assert {name for name, _ in every.places()} == set(EXIT_NAMED)


WHERE = {  # one call for every exit, and the exit it has to take
    "paid": {"paid": True},
    "unpaid_reason": {"converted": True, "no_payout_reason": "Cap"},
    "payout_pending": {"converted": True, "call_at": "2026-11-06 12:00:00+00"},
    "unpaid_unknown": {"converted": True},
    "unconverted_reason": {"connected": True, "completed": True, "no_conversion_reason": "Call Length"},
    "call_going": {"connected": True, "completed": False},
    "below_threshold": {"connected": True, "completed": True, "connected_s": 89},
    "conversion_pending": {"connected": True, "connected_s": 90, "call_at": "2026-11-07 12:00:00+00"},
    "unconverted_unknown": {"connected": True, "connected_s": 90},
    "blocked": {"blocked": True, "error": True},
    "error": {"error": True, "incomplete_reason": "x"},
    "left_in_menu": {"incomplete_reason": "System Hangup", "ended_by": "Caller"},
    "unconnected_reason": {"no_conversion_reason": "No Answer", "ended_by": "Caller"},
    "caller_hung_up": {"ended_by": "Caller"},
    "target_ended": {"ended_by": "Target"},
    "connected_late": {"connected": True, "paid": True, "time_to_connect_s": 31},
    "unconnected_unknown": {"ended_by": "System"},
}
DEFINITION = Definition(
    connect_within_s=30,
    converts_after_s=90,
    converts_until=datetime(2026, 11, 7, tzinfo=UTC),
    pays_until=datetime(2026, 11, 6, tzinfo=UTC),
)


@pytest.mark.parametrize(("name", "row"), WHERE.items())
def test_each_kind_of_call_takes_its_own_exit(name, row):
    counted = count_funnel(build_calls([row]), period_of("2026-11-01", "2026-11-08"), DEFINITION)
    assert [EXIT_NAMED[name].code] == list(counted.roll_up()["exit"])


def test_every_exit_has_its_call_in_the_list_above():
    assert set(WHERE) == set(EXIT_NAMED)


flag = st.sampled_from([True, False, None])
call = st.fixed_dictionaries(
    dict.fromkeys(("connected", "converted", "paid", "blocked", "completed", "error", "is_duplicate"), flag)
    | {
        name: st.sampled_from([None, "x", "y"])
        for name in ("no_conversion_reason", "no_payout_reason", "incomplete_reason")
    }
    | {"ended_by": st.sampled_from([None, "Caller", "Target", "System"])}
    | {name: st.one_of(st.none(), st.integers(0, 200)) for name in ("connected_s", "time_to_connect_s")}
    | {name: st.sampled_from([None, "A", "B", "'"]) for name in ("campaign", "state", "target", "publisher", "number")}
    | {
        "call_at": st.integers(0, 8 * 24 * 4 - 1).map(
            lambda n: (datetime(2026, 10, 29, 4, tzinfo=UTC) + n * timedelta(minutes=15)).isoformat()
        )
    }
    | {
        name: st.one_of(st.none(), st.integers(-(10**12), 10**12))
        for name in ("revenue_usd_micros", "payout_usd_micros")
    }
)
definitions = st.builds(
    Definition,
    connect_within_s=st.sampled_from([None, 60]),
    converts_after_s=st.sampled_from([None, 90]),
    pays_until=st.sampled_from([None, datetime(2026, 11, 3, 5, tzinfo=UTC)]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(call, max_size=14), definitions, st.lists(st.sampled_from(list(DIMENSIONS)), max_size=2, unique=True))
def test_the_exits_of_a_step_sum_to_its_drop_and_groups_to_the_total(rows, definition, by):
    counted = count_funnel(build_calls(rows), period_of("2026-10-29", "2026-11-05"), definition)
    total, groups, exits = counted.stages(), counted.stages(by), counted.exits(*by)
    for stage, following in zip(list(Stage)[:-1], list(Stage)[1:], strict=True):
        names = {one.name for one in exits_after(stage)}
        left = exits[exits["stage"] == stage]
        assert set(left["exit"]) <= names
        assert left["calls"].sum() == (total[f"{stage}_calls"] - total[f"{following}_calls"])[0]
        for _, group in groups.iterrows():
            mine = left
            for name in by:
                mine = mine[mine[name].isna() if group[name] is None else mine[name] == group[name]]
            assert mine["calls"].sum() == group[f"{stage}_calls"] - group[f"{following}_calls"]
    for column in total.columns:
        assert groups[column].sum() == total[column][0]
    assert total["incoming_calls"][0] == len(rows)
    assert total["incoming_revenue"][0] == sum(row["revenue_usd_micros"] or 0 for row in rows)
