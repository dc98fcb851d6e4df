"""What every fault test gets: waits that take no time, and a ground of its own."""

from __future__ import annotations

import pytest
import stamina

from tests.faults.ground import CANARY, Ground


@pytest.fixture(autouse=True)
def _no_waiting():
    """Retries follow each other at once; three tries, as in the product."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def ground(tmp_path, caplog, capsys):
    """A home, a clock and an archive. After each test: no file, log line or output holds the key."""
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "filelock")  # it says much
    ground = Ground(tmp_path / "home")
    yield ground
    printed = capsys.readouterr()
    assert CANARY not in caplog.text + printed.out + printed.err
    assert not [name for name, content in ground.all_files().items() if CANARY.encode() in content]
