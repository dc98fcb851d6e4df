"""The funnel's benchmark: its sides count the same, its data are what it says, its verdicts can fail. No time is asserted."""

import importlib
import os
import sys
from pathlib import Path

import duckdb
import pytest

from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callfile import import_call_file
from kayzen_nb.definition import Definition
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import CALL_COLUMNS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
bench, data, sides = (importlib.import_module(name) for name in ("funnel_bench", "funnel_data", "funnel_sides"))
CALLS = 4000


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return data.write_calls(tmp_path_factory.mktemp("bench") / "calls.parquet", CALLS)


@pytest.fixture(scope="module")
def by_hand(file):
    """The numbers again, by each call's flags and DuckDB's own conversion to local time."""
    engine = duckdb.connect()
    day = f"timezone('{data.PERIOD.zone}', call_at)::date"
    engine.execute(f"create view calls as select *, {day} as day from '{file}'")  # noqa: S608  # our words only
    rows = engine.execute("""
        select campaign, day, count(*), sum((connected or converted or paid)::int), sum((converted or paid)::int),
          sum(paid::int), coalesce(sum(revenue_usd_micros), 0), coalesce(sum(payout_usd_micros), 0)
        from calls group by all""").fetchall()
    return {(campaign, day): tuple(map(int, found)) for campaign, day, *found in rows}


def numbers_of(name, file):
    side = sides.SIDES[name](file)
    return sides.read_numbers(name, side.run())


def require(*packages):
    """Skip without the group "bench"; fail instead where it is required."""
    for package in packages:
        if os.environ.get("KAYZEN_NB_REQUIRE_ENGINES") == "1":
            importlib.import_module(package)
        pytest.importorskip(package, reason=f"{package} is not installed (optional group bench)")


NEEDS = {"polars": ("polars",), "polars_in_memory": ("polars",), "pandas": ("pyarrow",)}


@pytest.mark.parametrize("name", list(sides.SIDES))
def test_every_side_gives_the_stages_and_sums_that_the_flags_give(name, file, by_hand):
    require(*NEEDS.get(name, ()))
    found = numbers_of(name, file)
    assert found.stages == by_hand
    assert sum(calls for calls, *_ in found.stages.values()) == CALLS


@pytest.mark.parametrize("name", [name for name in sides.SIDES if name != "ours"])
def test_every_side_gives_our_exits_and_they_sum_to_the_calls_that_were_not_paid(name, file):
    require(*NEEDS.get(name, ()))
    ours, theirs = numbers_of("ours", file), numbers_of(name, file)
    assert theirs.exits == ours.exits
    assert len({code for _, _, code in ours.exits}) >= 9  # an exit that no call takes would compare nothing
    assert sum(ours.exits.values()) == CALLS - sum(found[3] for found in ours.stages.values())


def test_the_written_out_places_are_those_of_the_definition():
    conditions = {condition for _, condition in sides.PLACES}
    assert conditions == {condition for _, condition in Definition().places() if condition}


def test_other_numbers_stop_the_benchmark_and_name_the_side():
    with pytest.raises(SystemExit, match="not the same numbers as ours: polars"):
        bench.refuse_differences({"ours": {1: 2}, "duckdb": {1: 2}, "polars": {1: 3}})


def test_the_page_holds_the_same_calls_overall_and_in_each_breakdown(file):
    overall, *breakdowns = sides.Ours(file).run_page()
    totals = {int(table.loc[table["stage"] == "incoming", "calls"].sum()) for table in (overall, *breakdowns)}
    assert totals == {CALLS}
    assert [table.columns[0] for table in breakdowns] == ["campaign", "state", "target", "publisher", "is_duplicate"]


def test_the_calls_are_the_same_each_time_and_hold_every_column(file, tmp_path):
    again = data.write_calls(tmp_path / "again.parquet", CALLS)
    different = duckdb.sql(
        f"(from '{file}' except all from '{again}') union all (from '{again}' except all from '{file}')"
    )
    assert different.fetchall() == []
    types = dict(zip((found := duckdb.sql(f"from '{file}'")).columns, map(str, found.types), strict=True))
    assert list(types) == list(CALL_COLUMNS)


def test_the_calls_lie_in_the_period_on_every_day_with_the_cardinalities_that_are_told(file):
    counts = duckdb.sql(f"""
        select count(distinct call_id), count(distinct campaign), count(distinct number), count(distinct target),
          count(distinct publisher), count(distinct timezone('{data.PERIOD.zone}', call_at)::date),
          bool_and(call_at >= '{data.PERIOD.start_utc}' and call_at < '{data.PERIOD.end_utc}')
        from '{file}'""").fetchall()  # noqa: S608  # as above
    assert counts == [(CALLS, 20, 60, 8, 5, 30, True)]
    targets = duckdb.sql(f"select count(distinct target) from '{file}' where campaign is not null group by campaign")  # noqa: S608  # as above
    assert {found for (found,) in targets.fetchall()} == {3}


def test_the_export_holds_the_same_calls_as_the_parquet_file(tmp_path, file):
    exported = data.write_export(tmp_path / "month.csv", CALLS)
    stored = tmp_path / "read.parquet"
    import_call_file(exported, zone=data.PERIOD.zone, key=CallerKey(key=Secret("0f" * 32)), to=stored)
    kept = (
        "call_id, date_trunc('second', call_at), campaign, number, state, target, publisher, is_duplicate, blocked, "
        "block_reason, connected, converted, paid, revenue_usd_micros, payout_usd_micros, duration_s, connected_s, "
        "ended_by, incomplete_reason, no_conversion_reason, no_payout_reason"
    )
    calls = f"select {kept} from '{file}'"  # noqa: S608  # as above
    read = f"select {kept} from '{stored}' where set_aside is null"  # noqa: S608  # as above
    assert len(duckdb.sql(read).fetchall()) == CALLS
    assert duckdb.sql(f"({calls}) except all ({read})").fetchall() == []


def test_a_line_is_missed_above_its_limit_or_below_where_more_is_better():
    def line(found, *, at_least=False):
        return bench.Line(name="n", found=found, limit=1.2, at_least=at_least)

    assert [line(1.2).is_kept, line(1.21).is_kept] == [True, False]
    assert [line(1.2, at_least=True).is_kept, line(1.19, at_least=True).is_kept] == [True, False]
    assert "MISSED" in str(line(1.21))
    assert "kept" in str(line(1.0))


def test_sides_run_by_turns_and_the_first_round_warms_up_and_does_not_count(monkeypatch):
    runs, now = [], iter([0, 1, 10, 11, 20, 25, 30, 33, 40, 44, 50, 56])  # (begin, end) of each run
    monkeypatch.setattr(bench.time, "perf_counter", lambda: next(now))
    best = bench.best_times({"one": lambda: runs.append(1), "two": lambda: runs.append(2)}, rounds=2)
    assert runs == [1, 2, 1, 2, 1, 2]
    assert best == {"one": 4, "two": 3}


def test_clicks_are_the_same_each_time_and_each_changes_what_is_shown(file):
    clicks = importlib.import_module("funnel_clicks")
    explorer = clicks.Explorer(sides.Ours(file).count())
    chosen = clicks.choose(explorer, 60)
    assert chosen == clicks.choose(explorer, 60)
    now = {name: control.value for name, control in explorer.controls.items()}
    for name, value in chosen:
        assert value != now[name]
        now[name] = value
        assert sum(now[one] != -1 for one in clicks.GROUPS) <= 2
