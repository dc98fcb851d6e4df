"""The funnel counted by Postgres is the one that DuckDB counts; only where a server's programs and psycopg are here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engines.conftest import has
from engines.enginecases import CALLS_OF_DAYS, CASES, DAYS, NEW_YORK, RULES, assert_same, assert_same_days, count_both
from kayzen_nb.vocabulary import CALL_COLUMNS

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
pytestmark = [
    pytest.mark.usefixtures("sqlglot"),
    pytest.mark.skipif(not (PROGRAMS and has("psycopg")), reason="a Postgres server and psycopg are not here"),
]


@pytest.fixture(scope="module")
def postgres():
    """A server of its own on a socket in a folder, no port; it refuses to run as root, so there it runs as nobody."""
    import psycopg

    folder = Path("/tmp") / f"kayzen-nb-postgres-{os.getpid()}"  # noqa: S108  # a socket's path must be short
    folder.mkdir(mode=0o700)
    become = []
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
        become = ["runuser", "-u", "nobody", "--"]
    bin_folder, store = PROGRAMS[-1].parent, folder / "store"

    def run(*command):
        subprocess.run([*become, *map(str, command)], check=True, capture_output=True, cwd="/")

    try:
        run(bin_folder / "initdb", "-D", store, "-U", "test", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        start = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run(bin_folder / "pg_ctl", "-D", store, "-l", folder / "log", "-w", "-o", start, "start")
        try:
            with psycopg.connect(host=str(folder), user="test", dbname="postgres", autocommit=True) as connection:
                connection.execute("set timezone = 'Asia/Kathmandu'")
                yield connection
        finally:
            run(bin_folder / "pg_ctl", "-D", store, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def fill(connection, rows):
    columns = ", ".join(f"{one.name} {one.sql_type}" for one in CALL_COLUMNS.values())
    connection.execute("drop table if exists calls")
    connection.execute(f"create table calls ({columns})")
    for row in rows:
        filled = {"call_id": "x", "call_at": "2026-11-02 15:00:00+00"} | row
        names, marks = ", ".join(filled), ", ".join(["%s"] * len(filled))
        connection.execute(f"insert into calls ({names}) values ({marks})", list(filled.values()))  # noqa: S608  # our own names


@pytest.mark.parametrize("name", CASES)
def test_postgres_counts_what_duckdb_counts(postgres, name):
    rows, period, definition = CASES[name]
    fill(postgres, rows)
    assert_same(*count_both(rows, postgres, "calls", period, definition, dialect="postgres"))


@pytest.mark.parametrize("name", DAYS)
def test_postgres_has_the_same_days_and_hours_where_clocks_change(postgres, name):
    rows, period, definition = DAYS[name]
    fill(postgres, rows)
    here, there = count_both(rows, postgres, "calls", period, definition, dialect="postgres")
    assert_same_days(here, there, CALLS_OF_DAYS[name])


def test_postgres_sums_that_arrive_as_decimals_are_whole_dollars_again(postgres):
    rows = [{"paid": True, "revenue_usd_micros": 2**62, "payout_usd_micros": 10}]
    fill(postgres, rows)
    here, there = count_both(rows, postgres, "calls", NEW_YORK, RULES, dialect="postgres")
    assert there.steps().equals(here.steps())


def test_ibis_brings_the_connection(postgres):
    ibis = pytest.importorskip("ibis", reason="ibis-framework is not here")
    rows, period, definition = CASES["names that hurt"]
    fill(postgres, rows)
    backend = ibis.postgres.from_connection(postgres)
    assert_same(*count_both(rows, backend, "calls", period, definition, dialect="postgres"))
