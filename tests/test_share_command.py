"""``check-share`` on the command line: the answer first, exit codes, never the value."""

import json

import click
import pytest
from click.testing import CliRunner

from kayzen_nb.commands.share import check_share
from kayzen_nb.errors import KayzenNbError

KEY = "Kz9aB3dE7fG1h"


@pytest.fixture
def invoke(monkeypatch, tmp_path):
    """The command, in an empty folder, with a key set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAYZEN_API_KEY", KEY)
    return lambda *words: CliRunner().invoke(check_share, words)


def test_a_clean_file_is_answered_in_one_line_with_exit_code_0(invoke, tmp_path):
    (tmp_path / "a.csv").write_text("stage,calls\nincoming,3668\n")
    done = invoke("a.csv")
    assert (done.output, done.exit_code) == ("✓ 1 file, 0.0 kB read: nothing that must not leave.\n", 0)


def test_leaks_are_told_with_file_place_and_next_step_and_never_the_value(invoke, tmp_path):
    (tmp_path / "a.csv").write_text(f"call_id,caller,note\nRGB1,+13035550123,{KEY}\n")
    done = invoke("a.csv")
    assert done.exit_code == 1
    assert done.output.splitlines()[:4] == [
        "✗ 1 file, 0.1 kB read: 1 key and 1 phone number must not leave.",
        "",
        "a.csv",
        "  line 2, column caller: phone number, ***-***-**23",
    ]
    assert "next: Mask the number" in done.output
    assert "3035550123" not in done.output
    assert KEY not in done.output


def test_a_file_that_cannot_be_read_is_not_passed(invoke, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    done = invoke("a.bin")
    assert done.exit_code == 1
    assert "one thing could not be checked" in done.output


def test_many_leaks_are_counted_not_listed(invoke, tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"+1303555{n:04}\n" for n in range(100, 200)))
    done = invoke("a.txt")
    assert done.output.count("phone number, ") == 20
    assert "and 80 more in this file" in done.output


def test_examples_numbers_pass_where_asked(invoke, tmp_path):
    (tmp_path / "a.txt").write_text("+13035550123")
    assert invoke("a.txt").exit_code == 1
    assert invoke("a.txt", "--allow-invented").exit_code == 0


def test_machines_get_json(invoke, tmp_path):
    (tmp_path / "a.txt").write_text("+13035550123")
    told = json.loads(invoke("a.txt", "--json").output)
    assert told == {
        "leaks": [
            {
                "file": "a.txt",
                "place": "line 1",
                "kind": "phone number",
                "shown": "***-***-**23",
                "next_step": "Mask the number but for its last two digits, or leave it out.",
            }
        ],
        "files": 1,
        "bytes_read": 12,
        "notes": [],
        "headline": "1 file, 0.0 kB read: 1 phone number must not leave.",
    }


def test_a_missing_file_is_bad_input(invoke):
    done = invoke("nowhere.html")
    assert isinstance(done.exception, KayzenNbError)  # the group of commands turns it into exit code 2
    assert "nowhere.html" in str(done.exception)


def test_the_help_shows_an_example(invoke):
    assert "kayzen-nb check-share" in invoke("--help").output
    assert isinstance(check_share, click.Command)
