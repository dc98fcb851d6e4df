"""The funnel counted by Spark is the one that DuckDB counts, row by row."""

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


@pytest.mark.parametrize("name", CASES)
def test_spark_counts_what_duckdb_counts(spark, tmp_path, name):
    rows, period, definition = CASES[name]
    path = write_parquet(rows, tmp_path / "calls.parquet")
    assert_same(*count_both(rows, spark, f"parquet.`{path}`", period, definition, dialect="spark"))


@pytest.mark.parametrize("name", DAYS)
def test_spark_has_the_same_days_and_hours_where_clocks_change(spark, tmp_path, name):
    rows, period, definition = DAYS[name]
    path = write_parquet(rows, tmp_path / "calls.parquet")
    here, there = count_both(rows, spark, f"parquet.`{path}`", period, definition, dialect="spark")
    assert_same_days(here, there, CALLS_OF_DAYS[name])


def test_spark_reads_a_table_with_other_names_decimals_and_rows_set_aside(spark, tmp_path):
    rows, path = mapped_calls(tmp_path / "theirs.parquet"), tmp_path / "theirs.parquet"
    own = mapping("`", "bigint")
    here, there = count_both(rows, spark, f"parquet.`{path}`", NEW_YORK, RULES, dialect="spark", **own)
    assert there.calls == 3
    assert str(there.steps()["revenue"][0]) == "27.223457"
    assert there.beside["error"] is None
    assert_same(here, there)
