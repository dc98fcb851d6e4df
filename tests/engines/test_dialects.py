"""One query in every engine's words: times as instants, comments kept, the user's own table and columns."""

import sys
from datetime import UTC, datetime

import pytest

from engines.enginecases import NEW_YORK, RULES
from kayzen_nb.cube import build_query
from kayzen_nb.definition import Definition, reasons_sql
from kayzen_nb.dialects import DIALECTS, Source, result_names, translate
from kayzen_nb.errors import ColumnError, InputError

pytestmark = pytest.mark.usefixtures("sqlglot")

BY_TIME = build_query(RULES, NEW_YORK, ("campaign", "day"))
BY_GROUP = build_query(Definition(), NEW_YORK, ("campaign", "is_duplicate"))
SPANS = {
    "duckdb": "EPOCH_US(call_at) // 3600000000 AS bucket",
    "spark": "UNIX_SECONDS(call_at) DIV 3600 AS bucket",
    "databricks": "UNIX_SECONDS(call_at) DIV 3600 AS bucket",
    "bigquery": "DIV(UNIX_SECONDS(call_at), 3600) AS bucket",
    "snowflake": "CAST(FLOOR(DATE_PART(EPOCH_SECOND, call_at) / 3600) AS BIGINT) AS bucket",
    "trino": "CAST(TO_UNIXTIME(DATE_TRUNC('SECOND', call_at)) AS BIGINT) / 3600 AS bucket",
    "clickhouse": "intDiv(toUnixTimestamp(call_at), 3600) AS bucket",
    "postgres": "CAST(FLOOR(EXTRACT(EPOCH FROM call_at) / 3600) AS BIGINT) AS bucket",
}
# The start of the 4th of November 2026, UTC, from RULES: 1,793,750,400 seconds after 1970.
INSTANTS = {
    "duckdb": "CAST('2026-11-04 00:00:00+00:00' AS TIMESTAMPTZ)",
    "spark": "TIMESTAMP_SECONDS(1793750400) /* 2026-11-04 00:00:00 UTC */",
    "databricks": "TIMESTAMP_SECONDS(1793750400) /* 2026-11-04 00:00:00 UTC */",
    "bigquery": "CAST('2026-11-04 00:00:00+00:00' AS TIMESTAMP)",
    "snowflake": "CAST('2026-11-04 00:00:00 +00:00' AS TIMESTAMPTZ)",
    "trino": "CAST('2026-11-04 00:00:00 UTC' AS TIMESTAMP(0) WITH TIME ZONE)",
    "clickhouse": "toDateTime64('2026-11-04 00:00:00', 6, 'UTC')",
    "postgres": "CAST('2026-11-04 00:00:00+00:00' AS TIMESTAMPTZ)",
}


def test_the_two_tables_of_this_file_name_every_engine():
    assert set(SPANS) == set(INSTANTS) == set(DIALECTS)
    assert datetime.fromtimestamp(1793750400, UTC) == RULES.converts_until


@pytest.mark.parametrize("dialect", DIALECTS)
def test_times_are_counted_in_whole_spans_and_instants_name_their_zone(dialect):
    sent = translate(BY_TIME, dialect)
    assert SPANS[dialect].casefold() in sent.casefold()
    assert INSTANTS[dialect] in sent
    assert dialect == "duckdb" or "epoch_us" not in sent.casefold()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_words_beside_each_exit_survive(dialect):
    sent = translate(BY_TIME, dialect)
    assert "THEN 20 /* blocked */" in sent
    assert sent.count("/* ") >= 17


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_engine_is_asked_to_group_by_a_constant(dialect):
    assert "true as is_ripe" in BY_GROUP
    sent = " ".join(translate(BY_GROUP, dialect).split())
    assert "NOT call_at IS NULL AS is_ripe" in sent or "NOT ( call_at IS NULL ) AS is_ripe" in sent


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_period_and_the_user_s_condition_stand_inside_with_the_condition_in_brackets(dialect):
    sent = translate(BY_TIME, dialect, Source(table="a.b", period=NEW_YORK, where="x = 1 or y = 2"))
    inside, outside = sent.split(")\nSELECT", 1)
    flat = " ".join(inside.split())
    assert "FROM a.b AS source WHERE" in flat
    assert "AND ( source.x = 1 OR source.y = 2 )" in flat
    assert flat.count("source.call_at >= ") == flat.count("source.call_at < ") == 1
    assert "FROM period_calls" in outside
    assert "a.b" not in outside


def test_an_unknown_column_is_null_and_others_are_read_only_where_they_are_needed():
    sent = translate(BY_GROUP, "clickhouse", Source(table="calls", unknown=("error", "connected_s")))
    assert "CAST(NULL AS Nullable(Bool)) AS error" in sent
    assert "duration_s" not in sent
    assert "caller" not in sent.replace("'Caller'", "").replace("/* caller", "")


def test_two_columns_may_change_places_and_an_expression_keeps_its_own_quotes():
    source = Source(table="t", columns={"campaign": '"Sta""te"', "is_duplicate": "campaign > 1"})
    sent = translate(BY_GROUP, "postgres", source)
    assert 'source."Sta""te" AS campaign' in sent
    assert "source.campaign > 1 AS is_duplicate" in sent


@pytest.mark.parametrize(
    ("table", "dialect", "written"),
    [
        ("calls; drop table calls", "postgres", '"calls; drop table calls"'),
        ("(select 1)", "snowflake", '"(select 1)"'),
        ("`my-project`.ads.calls", "bigquery", "`my-project`.ads.calls"),
        ("my-project.ads.calls", "bigquery", "my-project.ads.calls"),
        ("parquet.`/a b/calls.parquet`", "spark", "parquet.`/a b/calls.parquet`"),
        ('"Ads".calls', "trino", '"Ads".calls'),
    ],
)
def test_a_table_s_name_is_one_name_whatever_it_holds(table, dialect, written):
    assert f"FROM {written} AS source" in translate(BY_GROUP, dialect, Source(table=table))


def test_ringba_s_words_are_counted_from_the_same_rows():
    sent = translate(reasons_sql(RULES), "trino", Source(table="ads.calls", period=NEW_YORK))
    assert sent.count("ads.calls") == 1
    assert sent.startswith("WITH period_calls AS")
    assert result_names(reasons_sql(RULES)) == ("exit", "reason", "calls")


def test_an_engine_that_is_not_known_and_columns_that_are_not_ours_are_told_at_once():
    with pytest.raises(InputError) as caught:
        translate(BY_TIME, "postgress", Source(table="t", columns={"stat": "x"}, unknown=("call_at",)))
    told = str(caught.value)
    assert "did you mean 'postgres'" in told
    assert "did you mean 'state'" in told
    assert "without a time" in told


def test_a_column_that_does_not_exist_in_our_words_is_a_column_error():
    with pytest.raises(ColumnError, match="did you mean 'campaign'"):
        translate(BY_TIME, "spark", Source(table="t", columns={"campain": "x"}))


@pytest.mark.parametrize("text", ["a b c (", "'open", ""])
def test_what_is_no_expression_is_refused_with_its_place(text):
    with pytest.raises(InputError) as caught:
        translate(BY_TIME, "spark", Source(table="t", columns={"campaign": text}))
    assert "columns['campaign']" in str(caught.value)


def test_without_sqlglot_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(InputError, match=r"kayzen-nb\[engines\]"):
        translate(BY_TIME, "spark")
