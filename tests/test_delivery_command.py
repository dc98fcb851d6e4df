"""``kayzen-nb delivery``: the recovery list of a period, from the command line."""

import csv
import json
import re

import pytest
from click.testing import CliRunner

from kayzen_nb.cli import _Commands
from kayzen_nb.commands.delivery import delivery


@pytest.fixture
def call(monkeypatch):
    group = _Commands(name="kayzen-nb", commands={"delivery": delivery})
    monkeypatch.setattr("kayzen_nb.commands.delivery._SHOWN", 3)

    def run(*arguments):
        return CliRunner().invoke(group, ["delivery", *arguments])

    return run


YESTERDAY = ("--from", "yesterday", "--to", "yesterday")


def test_a_healthy_day_passes(call):
    done = call(*YESTERDAY, "--sandbox", "healthy")
    assert done.exit_code == 0, done.output
    assert re.search(
        r"✓ pass: every event was delivered: \d+ calls: \d+ events delivered, 0 lost, \d+ not yet", done.stdout
    )
    assert re.search(r"of \d+ calls read", done.stderr)


def test_an_outage_gives_a_list_to_hand_to_kayzen_without_a_full_number(call, tmp_path):
    path = tmp_path / "lost.csv"
    done = call(*YESTERDAY, "--sandbox", "pixel_missing", "--campaign", "CTV Spring", "--out", str(path))
    assert done.exit_code == 1
    assert "✗ fail: every event was delivered" in done.stdout
    assert "did not fire" in done.stdout
    assert re.search(r"and [\d,]+ more: --out writes them all", done.stdout)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(row["event"], row["outcome"], row["campaign"]) for row in rows} == {("converted", "lost", "CTV Spring")}
    assert all(re.fullmatch(r"'?\*{3}-\*{3}-\*{2}\d\d", row["caller"]) for row in rows)
    text = path.read_text() + done.output
    assert not re.search(r"[2-9]\d\d55501\d\d", text)
    assert "sandbox-kayzen-key" not in text
    assert path.stat().st_mode & 0o077 == 0


def test_machines_read_the_checks_and_every_row(call):
    done = call(*YESTERDAY, "--sandbox", "pixel_missing", "--json")
    record = json.loads(done.stdout)
    assert [check["verdict"] for check in record["checks"]] == ["fail"]
    assert {row["outcome"] for row in record["rows"]} <= {"lost", "not yet", "unknown"}
    assert record["calls"] > record["delivered"] / 5


def test_no_calls_are_unknown(call):
    done = call(*YESTERDAY, "--sandbox", "no_calls")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "? unknown: every event was delivered: no calls")


def test_silence_compares_with_the_four_weeks_before(call):
    done = call(*YESTERDAY, "--sandbox", "healthy", "--silence", "--minimum", "5", "--campaign", "CTV Spring")
    assert "the connected pixel is not silent" in done.stdout
    assert "✗" not in done.stdout
    assert len(re.findall("calls read", done.stderr)) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "soon", "--to", "later"), "'soon' is no day"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "before the first"),
        ((*YESTERDAY, "--tz", "Denver"), "no time zone"),
        ((*YESTERDAY, "--plan", "nowhere.toml"), "cannot be read"),
        ((*YESTERDAY, "--sandbox", "helthy"), "healthy"),
        ((*YESTERDAY, "--sandbox", "token_refused"), "401"),
        (YESTERDAY, "RINGBA_API_TOKEN is not set"),
    ],
)
def test_bad_input_is_told_in_plain_words(call, arguments, words):
    done = call(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_a_place_that_cannot_be_written_to_is_told(call, tmp_path):
    (tmp_path / "file").write_text("")
    done = call(*YESTERDAY, "--sandbox", "no_calls", "--out", str(tmp_path / "file" / "lost.csv"))
    assert done.exit_code == 2
    assert "The list cannot be written" in done.stderr


def test_the_help_says_that_nothing_is_sent_and_gives_an_example(call):
    done = call("--help")
    assert "never sent" in done.stdout
    assert "Example:" in done.stdout
