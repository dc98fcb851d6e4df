"""The command line: plain words, exit codes, JSON where a machine reads."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from kayzen_nb import cli, demo, report
from kayzen_nb.checks import Verdict
from kayzen_nb.errors import Problem
from kayzen_nb.report import RunOutcome

GUIDE = Path(__file__).with_name("guide.txt")


def call(*arguments, **options):
    return CliRunner().invoke(cli.main, [str(argument) for argument in arguments], **options)


@pytest.fixture
def outcome(monkeypatch, tmp_path):
    """Lets ``run`` come to the given outcome without starting a kernel; what it was called with is kept."""
    calls = []

    def plan(**fields):
        known = {"notebook": "03_funnel", "folder": tmp_path, "status": "ok", "headline": "All is well."}
        result = RunOutcome(**(known | {"verdict": Verdict.PASS} | fields))

        def run_notebook(*arguments):
            calls.append(arguments)
            return result

        monkeypatch.setattr(report, "run_notebook", run_notebook)
        return calls

    return plan


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_every_command_has_a_help_with_an_example(command):
    shown = call(command, "--help")
    assert shown.exit_code == 0
    assert f"kayzen-nb {command}" in shown.output.split("Example:")[1]


def test_the_help_lists_every_command_once_under_a_subject():
    listed = [name for names in cli._SUBJECTS.values() for name in names]
    assert sorted(listed) == sorted(cli.main.commands)
    assert all(name in call("--help").output for name in listed)


def test_run_shows_verdict_headline_and_where_the_page_is(outcome, tmp_path):
    calls = outcome()
    shown = call("run", "03_funnel", "--set", "campaign=a=b", "--out", tmp_path)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == ["✓ pass: All is well.", f"Page: {tmp_path.resolve() / 'report.html'}"]
    assert calls == [("03_funnel", {"campaign": "a=b"}, tmp_path)]


def test_run_json_prints_folder_status_verdict_and_headline(outcome, tmp_path):
    outcome(verdict=Verdict.UNKNOWN)
    shown = call("run", "03_funnel", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout) == {
        "notebook": "03_funnel",
        "folder": str(tmp_path),
        "status": "ok",
        "verdict": "unknown",
        "headline": "All is well.",
    }


def test_a_run_that_broke_says_why_on_stderr_and_ends_with_2(outcome):
    outcome(
        status="broke", verdict=Verdict.UNKNOWN, problems=(Problem(what="Cut.", where="line 7", next_step="Again."),)
    )
    shown = call("run", "03_funnel")
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert "Cut.\n  where: line 7\n  next:  Again." in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "03_funel"], "did you mean '03_funnel'"),
        (["run", "03_funnel", "--set", "period_strt=yesterday"], "did you mean 'period_start'"),
        (["run", "03_funnel", "--set", "source=cvs"], "did you mean 'csv'"),
        (["run", "03_funnel", "--set", "api_key=abc"], "looks like a secret"),
        (["run", "03_funnel", "--set", "source"], "is not NAME=VALUE"),
        (["run", "03_funnel", "--set", "source=api", "--set", "source=csv"], "given twice"),
        (["lint", "no-such-file.txt"], "cannot be read"),
        (["sandbox", "--scenario", "healty"], "guide_copied"),
        (["sandbox", "--port", "99999"], "65535"),
        (["rnu"], "No such command"),
    ],
)
def test_bad_input_is_told_in_plain_words_with_exit_code_2(arguments, words):
    shown = call(*arguments)
    assert shown.exit_code == 2
    assert words in shown.stderr
    assert "Traceback" not in shown.output


def test_lint_passes_the_planned_six():
    assert call("lint").exit_code == 0


def test_lint_names_the_guides_slip_in_pixels_2_to_6():
    shown = call("lint", GUIDE, "--json")
    findings = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert {"pixel", "code", "severity", "position", "message", "fix"} <= findings[0].keys()
    slipped = {re.search(r"pixel (\d)", finding["pixel"])[1] for finding in findings if finding["code"] == "KZ101"}
    assert slipped == set("23456")


def test_lint_reads_what_is_piped_in():
    shown = call("lint", "-", input=GUIDE.read_bytes())
    assert shown.exit_code == 1
    assert "fix:" in shown.stdout


def test_lint_says_when_a_file_is_no_text(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"\xff\xfe\x00")
    shown = call("lint", tmp_path / "x.bin")
    assert shown.exit_code == 2
    assert "UTF-8" in shown.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")
def test_the_sandbox_prints_the_environment_serves_and_ends_on_ctrl_c():
    command = [sys.executable, "-c", "from kayzen_nb.cli import main; main()", "sandbox", "--scenario", "guide_copied"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        lines = [server.stdout.readline().strip() for _ in range(5)]
        environment = dict(line.split("=", 1) for line in lines)
        assert environment.keys() >= {"RINGBA_API_URL", "RINGBA_API_TOKEN", "RINGBA_ACCOUNT_ID", "KAYZEN_EVENT_URL"}
        event = f"{environment['KAYZEN_EVENT_URL']}?app_event=incoming"
        assert event.startswith("http://127.0.0.1:")
        try:
            status = urllib.request.urlopen(event, timeout=10).status
        except urllib.error.HTTPError as answered:
            status = answered.code
        assert status < 500
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0


def test_the_demo_tells_in_three_lines_what_was_found_and_where(monkeypatch, tmp_path):
    ran = []

    def run_notebook(name, values, out):
        ran.append((name, dict(values)))
        verdict = Verdict.FAIL if values else Verdict.PASS
        return RunOutcome(notebook=name, folder=out, status="ok", verdict=verdict, headline=f"About {out.name}.")

    monkeypatch.setattr(demo, "run_notebook", run_notebook)
    (tmp_path / "shown").mkdir()
    shown = call("demo", "--out", tmp_path / "shown")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[-3:] == [
        "Found:         About 03_funnel.",
        "Planted fault: About 02_verify_guide_copied.",
        f"Pages:         {tmp_path / 'shown' / 'index.html'}",
    ]
    assert ("02_verify_test_call", {"scenario": "guide_copied"}) in ran
    index = (tmp_path / "shown" / "index.html").read_text()
    assert index.count("/report.html") == len(ran) == 4


def test_the_demo_ends_with_2_when_a_notebook_breaks(monkeypatch, tmp_path):
    def run_notebook(name, _values, out):
        fields = {"status": "broke", "verdict": Verdict.UNKNOWN, "problems": (Problem(what="It broke."),)}
        return RunOutcome(notebook=name, folder=out, headline="No.", **fields)

    monkeypatch.setattr(demo, "run_notebook", run_notebook)
    shown = call("demo", "--out", tmp_path)
    assert shown.exit_code == 2
    assert "It broke." in shown.stdout
