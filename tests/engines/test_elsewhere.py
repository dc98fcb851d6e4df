"""A funnel that stands on counts from elsewhere: DB-API (a DuckDB file), Ibis, and answers that cannot be right."""

import sys
from decimal import Decimal

import duckdb
import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.enginecases import (
    CALLS_OF_DAYS,
    CASES,
    DAYS,
    HOSTILE,
    NEW_YORK,
    READ_AT,
    RULES,
    assert_same,
    assert_same_days,
    count_both,
    draw_calls,
    mapped_calls,
    mapping,
    write_parquet,
)
from kayzen_nb import elsewhere, enginerows, funnelcheck
from kayzen_nb.checks import Verdict
from kayzen_nb.errors import BadAnswer, InputError

pytestmark = pytest.mark.usefixtures("sqlglot")


def count(connection, table="calls", dialect="duckdb", **more):
    return elsewhere.count_funnel(
        connection, table=table, period=NEW_YORK, dialect=dialect, as_of=READ_AT, definition=RULES, **more
    )


def file_of(rows, folder):
    path = write_parquet(rows, folder / "calls.parquet")
    connection = duckdb.connect(str(folder / "their.duckdb"))
    connection.execute("set timezone = 'Asia/Kathmandu'")
    connection.execute(f"create table calls as from '{path}'")
    return connection


@pytest.mark.parametrize("name", CASES)
def test_a_duckdb_file_gives_what_duckdb_counts_here(tmp_path, name):
    rows, period, definition = CASES[name]
    assert_same(*count_both(rows, file_of(rows, tmp_path), "calls", period, definition, dialect="duckdb"))


@pytest.mark.parametrize("name", DAYS)
def test_a_duckdb_file_has_the_same_days_where_clocks_change(tmp_path, name):
    rows, period, definition = DAYS[name]
    here, there = count_both(rows, file_of(rows, tmp_path), "calls", period, definition, dialect="duckdb")
    assert_same_days(here, there, CALLS_OF_DAYS[name])


def test_a_table_with_other_names_is_read_through_its_own_expressions(tmp_path):
    rows = mapped_calls(tmp_path / "theirs.parquet")
    connection = duckdb.connect()
    connection.execute(f"create view theirs as from '{tmp_path}/theirs.parquet'")
    assert_same(*count_both(rows, connection, "theirs", NEW_YORK, RULES, dialect="duckdb", **mapping('"', "bigint")))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_any_calls_give_the_same_rows(tmp_path_factory, seed):
    rows = draw_calls(seed, NEW_YORK, size=40)
    folder = tmp_path_factory.mktemp("any")
    assert_same(*count_both(rows, file_of(rows, folder), "calls", NEW_YORK, RULES, dialect="duckdb"))


def test_ibis_brings_the_connection_as_a_backend_and_as_a_url(tmp_path):
    ibis = pytest.importorskip("ibis", reason="ibis-framework is not here")
    file_of([{"paid": True}] * 3, tmp_path).close()
    url = f"duckdb://{tmp_path}/their.duckdb"
    assert count(url).calls == 3
    assert count(ibis.connect(url)).calls == 3


def test_a_part_of_the_calls_and_hostile_names_are_answered_from_the_counts(tmp_path):
    rows = [{"target": name, "connected": True} for name in HOSTILE]
    counted = count(file_of(rows, tmp_path))
    for name in HOSTILE:
        assert counted.focus({"target": name}).calls == 1
    assert counted.focus({"target": None}).calls == 0


def test_the_page_s_questions_take_two_passes_and_the_sql_that_was_sent_is_kept(tmp_path):
    counted = count(file_of([{"paid": True}], tmp_path))
    counted.steps(), counted.by("day"), counted.exits("campaign"), counted.by("hour", "weekday")
    assert len(counted.queries) == 1
    counted.by("state"), counted.focus({"campaign": None}).by("target")
    assert len(counted.queries) == 2
    assert "FROM calls AS source" in counted.queries[0]


def test_the_checks_read_it_as_any_funnel(tmp_path):
    counted = count(file_of([{"connected": False, "converted": True}], tmp_path))
    checks = {one.name: one.verdict for one in funnelcheck.check_funnel(counted, counted.table)}
    assert checks["no call skips a stage"] is Verdict.FAIL
    assert checks["every row is accounted for"] is Verdict.PASS


def test_who_asks_for_the_calls_themselves_is_told_where_they_are(tmp_path):
    counted = count(file_of([{}], tmp_path))
    with pytest.raises(InputError, match="stay in their own engine"):
        counted.table.relation.filter("true")


def test_something_that_cannot_be_asked_is_refused():
    with pytest.raises(InputError, match="object cannot be asked"):
        count(object())


def test_an_ibis_url_without_ibis_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(InputError, match="ibis-framework"):
        count("duckdb://calls.duckdb")


def test_the_cursor_is_closed_though_the_engine_refuses():
    class Cursor:
        closed = False

        def execute(self, sql):  # noqa: ARG002  # as DB-API has it
            raise RuntimeError("no such table")

        def close(self):
            self.closed = True

    class Connection:
        made = Cursor()

        def cursor(self):
            return self.made

    with pytest.raises(RuntimeError, match="no such table"):
        count(Connection())
    assert Connection.made.closed


NAMES = ("is_ripe", "campaign", "is_duplicate", "exit", "calls")


def test_whole_numbers_flags_and_text_arrive_as_ours_whatever_the_engine_sends():
    rows = [(1, "a", 0, Decimal(20), "9007199254740993"), (True, None, None, 20, 2)]
    frame = enginerows.as_frame(NAMES, rows)
    assert frame["calls"].tolist() == [9007199254740993, 2]
    assert frame["is_ripe"].tolist() == [True, True]
    assert frame["is_duplicate"].isna().tolist() == [False, True]
    assert frame["campaign"].isna().tolist() == [False, True]


@pytest.mark.parametrize("bad", [1.0, Decimal("1.5"), None, "x", True, "٣"])
def test_a_count_that_is_no_whole_number_is_refused(bad):
    with pytest.raises(BadAnswer, match="whole number"):
        enginerows.as_frame(NAMES, [(True, None, None, 20, bad)])


def test_a_flag_that_is_neither_and_a_row_of_another_width_are_refused():
    with pytest.raises(BadAnswer, match="yes or no"):
        enginerows.as_frame(NAMES, [("yes", None, None, 20, 1)])
    with pytest.raises(BadAnswer, match="5 columns"):
        enginerows.as_frame(NAMES, [(True, None)])


def test_calls_outside_of_the_period_are_not_counted(tmp_path):
    rows = [{"call_at": NEW_YORK.end_utc}, {"call_at": NEW_YORK.start_utc}]
    counted = count(file_of(rows, tmp_path), dimensions=("state",))
    assert counted.calls == 1
    assert build_calls(rows).relation.shape[0] == 2
