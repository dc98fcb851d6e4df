"""Small builders that tests share. All numbers are invented (xxx-555-01xx)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest

from kayzen_nb.calls import CallTable
from kayzen_nb.checks import Ledger
from kayzen_nb.period import Period
from kayzen_nb.vocabulary import CALL_COLUMNS


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path_factory):
    """No key, .env or home of the machine reaches a test, and no test writes outside its folder."""
    for name in ("KAYZEN_API_KEY", "RINGBA_API_TOKEN", "RINGBA_ACCOUNT_ID", "JPY_SESSION_NAME", "KAYZEN_NB_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def week() -> Period:
    return Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")


def build_calls(rows, *, unknown=(), derived=None, as_of=datetime(2026, 11, 20, tzinfo=UTC)) -> CallTable:
    """A call table from short dicts; what a dict leaves out is null."""
    connection = duckdb.connect()
    columns = ", ".join(f"{c.name} {c.sql_type}" for c in CALL_COLUMNS.values())
    connection.execute(f"create table calls ({columns})")
    for number, row in enumerate(rows):
        filled = {"call_id": f"RGB{number:03}", "call_at": "2026-11-02 15:00:00+00"} | row
        names, marks = ", ".join(filled), ", ".join("?" * len(filled))
        connection.execute(f"insert into calls ({names}) values ({marks})", list(filled.values()))  # noqa: S608  # names of our own
    return CallTable(
        relation=connection.table("calls"),
        ledger=Ledger(rows_in=len(rows), rows_used=len(rows)),
        source="test",
        as_of=as_of,
        unknown=tuple(unknown),
        derived=derived or {},
    )
