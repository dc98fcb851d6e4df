"""The funnel counted by ClickHouse (embedded) is the one that DuckDB counts, row by row."""

import pytest

from engines.enginecases import (
    CALLS_OF_DAYS,
    CASES,
    DAYS,
    NEW_YORK,
    RULES,
    assert_same,
    assert_same_days,
    count_both,
    mapped_calls,
    mapping,
    write_parquet,
)


def _table_of(clickhouse, path):
    clickhouse.query(f"create or replace view calls as select * from file('{path}', Parquet)")  # noqa: S608  # a path of our own
    return "calls"


@pytest.mark.parametrize("name", CASES)
def test_clickhouse_counts_what_duckdb_counts(clickhouse, tmp_path, name):
    rows, period, definition = CASES[name]
    path = write_parquet(rows, tmp_path / "calls.parquet")
    assert_same(*count_both(rows, clickhouse, _table_of(clickhouse, path), period, definition, dialect="clickhouse"))


@pytest.mark.parametrize("name", DAYS)
def test_clickhouse_has_the_same_days_and_hours_where_clocks_change(clickhouse, tmp_path, name):
    rows, period, definition = DAYS[name]
    path = write_parquet(rows, tmp_path / "calls.parquet")
    here, there = count_both(rows, clickhouse, _table_of(clickhouse, path), period, definition, dialect="clickhouse")
    assert_same_days(here, there, CALLS_OF_DAYS[name])


def test_clickhouse_reads_a_table_with_other_names_decimals_and_rows_set_aside(clickhouse, tmp_path):
    rows, path = mapped_calls(tmp_path / "theirs.parquet"), tmp_path / "theirs.parquet"
    own = mapping("`", "Nullable(Int64)")
    here, there = count_both(
        rows, clickhouse, _table_of(clickhouse, path), NEW_YORK, RULES, dialect="clickhouse", **own
    )
    assert there.calls == 3
    assert str(there.steps()["revenue"][0]) == "27.223457"
    assert there.beside["error"] is None
    assert_same(here, there)
