"""The blocks of docs/engines.md that say they run as written, run as written."""

import re
from pathlib import Path

import pytest

from engines.enginecases import NEW_YORK, READ_AT, write_parquet
from kayzen_nb import elsewhere

PAGE = (Path(__file__).parents[2] / "docs" / "engines.md").read_text(encoding="utf-8")
NEWEST, OLDER = {"campaign": "new"}, {"campaign": "old"}


def block(language, mark):
    return re.findall(rf"```{language}\n(?:#|--) runs as written: {mark}\n(.*?)```", PAGE, re.DOTALL)[0]


@pytest.fixture
def archive(tmp_path):
    """Two days; the first was pulled twice, and its newest pull holds two calls of which the view must show both."""
    for day, pulled, rows in (
        ("2026-11-01", "2026-11-02T06-00-00Z", [OLDER] * 5),
        ("2026-11-01", "2026-11-23T06-00-00Z", [NEWEST] * 2),
        ("2026-11-02", "2026-11-03T06-00-00Z", [NEWEST]),
    ):
        folder = tmp_path / "calls" / f"day={day}"
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(rows, folder / f"pulled={pulled}.parquet")
        (folder / "_same=2026-11-24T06-00-00Z.json").write_text("{}")
    return tmp_path


def count(connection, dialect):
    return elsewhere.count_funnel(connection, table="calls", period=NEW_YORK, dialect=dialect, as_of=READ_AT)


def campaigns(connection, dialect):
    found = count(connection, dialect).by("campaign").query("stage == 'incoming'")
    return dict(zip(found["campaign"], found["calls"], strict=True))


@pytest.mark.usefixtures("sqlglot")
def test_duckdb_s_connection_and_view_run_as_written(archive, tmp_path, monkeypatch):
    import duckdb

    monkeypatch.chdir(tmp_path)
    made = duckdb.connect("calls.duckdb")
    made.execute(block("sql", "duckdb").replace("ARCHIVE", str(archive)))
    made.close()
    names = {"elsewhere": elsewhere, "period": NEW_YORK, "read_at": READ_AT}
    exec(block("python", "duckdb"), names)  # noqa: S102  # our own page
    assert names["funnel"].calls == 3


def test_spark_s_session_and_view_run_as_written(spark, archive):
    exec(block("python", "spark archive").replace("ARCHIVE", str(archive)), {"spark": spark})  # noqa: S102  # our own page
    names = {"elsewhere": elsewhere, "period": NEW_YORK, "read_at": READ_AT}
    exec(block("python", "spark"), names)  # noqa: S102  # our own page
    assert names["funnel"].calls == 3
    assert campaigns(spark, "spark") == {"new": 3}


def test_clickhouse_s_view_runs_as_written(clickhouse, archive):
    clickhouse.query("drop view if exists calls")
    clickhouse.query(block("sql", "clickhouse").replace("ARCHIVE", str(archive)))
    assert campaigns(clickhouse, "clickhouse") == {"new": 3}
    clickhouse.query("drop view calls")
