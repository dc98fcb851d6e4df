"""The notebooks as they are scheduled: papermill in process, page, manifest, each variant with its expected answer."""

import base64
import csv
import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from kayzen_nb.errors import ParameterError
from kayzen_nb.report import run_notebook
from kayzen_nb.sandbox import open_sandbox

ROOT = Path(__file__).parents[1]
CANARY = "CANARYkey/plus+and=more"


def run(tmp_path, notebook, **values):
    outcome = run_notebook(notebook, values, tmp_path / "run")
    manifest = json.loads((outcome.folder / "manifest.json").read_text())
    return outcome, manifest


def test_the_healthy_funnel_passes_and_leaves_what_others_read(tmp_path):
    outcome, manifest = run(tmp_path, "03_funnel")
    assert (outcome.exit_code, manifest["status"], manifest["verdict"]) == (0, "ok", "pass")
    assert {"notebook", "parameters", "headline", "checks", "ledger", "period_start", "period_end", "time_zone",
            "as_of", "inputs", "versions"} <= manifest.keys()  # fmt: skip
    ledger = manifest["ledger"]
    assert ledger["rows_in"] == ledger["rows_used"] + sum(entry["rows"] for entry in ledger["set_aside"])
    lines = (outcome.folder / "data" / "funnel.csv").read_text().splitlines()
    assert lines[0] == "stage,calls,of_first_rate,of_previous_rate,revenue,payout"
    assert int(lines[1].split(",")[1]) == ledger["rows_used"]
    assert (outcome.folder / "data" / "funnel_by_day.csv").read_text().startswith("day,stage,")
    assert (outcome.folder / "data" / "funnel_by_campaign.csv").read_text().startswith("campaign,stage,")


def test_the_page_says_that_sandbox_data_are_invented(tmp_path):
    outcome, _ = run(tmp_path, "03_funnel", period_start="-2d", period_end="-1d")
    assert "nvented" in (outcome.folder / "report.html").read_text()


def test_no_calls_is_unknown_and_not_an_error(tmp_path):
    outcome, manifest = run(tmp_path, "03_funnel", scenario="no_calls")
    assert (outcome.exit_code, manifest["status"], manifest["verdict"]) == (1, "ok", "unknown")
    assert "No calls" in manifest["headline"]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("token_refused", "RINGBA_API_TOKEN"), ("right_refused", "403"), ("platform_down", "could not be reached")],
)
def test_a_refused_or_broken_platform_is_told_in_plain_words(tmp_path, scenario, words):
    outcome, manifest = run(tmp_path, "03_funnel", scenario=scenario)
    assert (outcome.exit_code, manifest["status"]) == (2, "broke")
    page = (outcome.folder / "report.html").read_text()
    assert words in page
    assert "Traceback" not in page


def test_a_healthy_test_call_reaches_rung_three(tmp_path):
    outcome, manifest = run(tmp_path, "02_verify_test_call")
    assert (outcome.exit_code, manifest["verdict"]) == (0, "pass")
    assert manifest["headline"].startswith("Rung 3 of 5")


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("guide_copied", "app_event=incoming, not connected"),
        ("pixel_missing", "the converted pixel breaks first"),
        ("key_placeholder", "answered"),
    ],
)
def test_a_planted_fault_is_named(tmp_path, scenario, words):
    outcome, manifest = run(tmp_path, "02_verify_test_call", scenario=scenario)
    assert (outcome.exit_code, manifest["status"], manifest["verdict"]) == (1, "ok", "fail")
    assert words in manifest["headline"]


def test_the_planned_pixels_are_right_and_wait_for_kayzens_word(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels")
    assert (outcome.exit_code, manifest["verdict"]) == (1, "unknown")
    assert manifest["headline"].startswith("6 of 6 pixels as planned")


def test_once_kayzen_has_confirmed_the_set_up_passes(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels", kayzen_confirmed_on="2026-01-15")
    assert (outcome.exit_code, manifest["verdict"]) == (0, "pass")


def test_pixels_copied_from_the_guide_fail(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels", pixels_path=str(ROOT / "tests" / "guide.txt"))
    assert (outcome.exit_code, manifest["verdict"]) == (1, "fail")
    assert str(ROOT) not in (outcome.folder / "report.html").read_text()


CALL_DETAILS = """\
"Call Date","Inbound Call ID","Connected Call Length","Campaign","Caller ID","Number","Revenue","Payout","Duration"\r
"11/01/2026 08:18:22 PM","RGB001","00:02:18","CTV Spring","+13035550111","+18885550122",27.00,20.00,"00:02:24"\r
"11/01/2026 09:00:00 PM","RGB002","","CTV Spring","+13035550112","+18885550122",,,"00:00:10"\r
"11/03/2026 09:00:00 AM","RGB003","00:00:30","CTV Spring","+13035550113","+18885550122",,,"00:00:33"\r
"""


def test_a_call_details_export_gives_the_same_page_about_its_own_days(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("\ufeff" + CALL_DETAILS, encoding="utf-8", newline="")
    outcome, manifest = run(tmp_path, "03_funnel", source="csv", csv_path=str(path), time_zone="America/New_York")
    assert (manifest["status"], manifest["period_start"], manifest["period_end"]) == ("ok", "2026-11-01", "2026-11-03")
    rows = [line.split(",") for line in (outcome.folder / "data" / "funnel.csv").read_text().splitlines()]
    assert [row[:2] for row in rows[1:]] == [["incoming", "3"], ["connected", "2"], ["converted", "1"], ["payout", "1"]]
    page = (outcome.folder / "report.html").read_text()
    assert "derived from Connected Call Length" in page
    assert "Unknown, because the source does not hold them" in page
    assert str(tmp_path) not in page


@pytest.fixture
def canaries(monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    monkeypatch.setenv("RINGBA_API_TOKEN", CANARY + "token")
    monkeypatch.setenv("RINGBA_ACCOUNT_ID", "RA" + "0" * 32)
    raw = CANARY.encode()
    encoded = {base64.b64encode(b"x" * n + raw)[4:-4].decode() for n in range(3)}
    return [CANARY, quote(CANARY, safe=""), quote(CANARY), *encoded]


@pytest.mark.parametrize(
    ("notebook", "values"),
    [
        ("01_setup_pixels", {}),
        ("02_verify_test_call", {}),
        ("02_verify_test_call", {"scenario": "key_placeholder"}),
        ("03_funnel", {}),
        ("03_funnel", {"scenario": "token_refused"}),
        ("03_funnel", {"source": "csv", "csv_path": "calls.csv"}),
    ],
)
def test_no_file_of_a_run_holds_a_key_or_a_callers_number(tmp_path, monkeypatch, canaries, notebook, values):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.csv").write_text(CALL_DETAILS)
    outcome, _ = run(tmp_path, notebook, **values)
    full_number = re.compile(r"(?<![\w.])(?:\+|%2[Bb])?1?[2-9]\d{2}[ .()-]{0,2}555[ .-]?01\d{2}(?![\w])")
    files = [path for path in outcome.folder.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        text = path.read_text(errors="replace")
        assert not [form for form in canaries if form in text], path
        assert not full_number.findall(text), path


def test_the_sandbox_really_holds_full_numbers_to_be_found():
    """The canary above can fail: the call of notebook 02 carries a full number in its fired URLs."""
    sandbox = open_sandbox("healthy")
    body = json.dumps({"InboundCallIds": [sandbox.test_call_id]}).encode()
    token = sandbox.settings.ringba_api_token.reveal()
    path = f"/v2/{sandbox.settings.ringba_account_id}/calllogs/detail"
    _, _, answer = sandbox.respond("POST", path, {"Authorization": f"Token {token}"}, body)
    assert re.search(rb"%2b1\d{3}55501\d{2}", answer, re.IGNORECASE)


def test_plain_papermill_works_as_a_scheduler_calls_it(tmp_path):
    command = [sys.executable, "-m", "papermill", str(ROOT / "notebooks/03_funnel.ipynb"), str(tmp_path / "out.ipynb"),
               "-p", "period_start", "2026-11-01", "-p", "period_end", "2026-11-07", "--no-progress-bar"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"period_end": "2026-11-07"' in (tmp_path / "out.ipynb").read_text()


def test_plain_papermill_refuses_a_misspelt_parameter_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "papermill", str(ROOT / "notebooks/03_funnel.ipynb"), str(tmp_path / "out.ipynb"),
               "-p", "perod_start", "2026-11-01", "--no-progress-bar"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "did you mean 'period_start'?" in (tmp_path / "out.ipynb").read_text()


def test_the_shipped_notebooks_run_under_nbval():
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:cacheprovider", str(ROOT / "notebooks")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_without_an_account_the_plan_alone_is_looked_at(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels", source="none")
    assert (outcome.exit_code, manifest["verdict"]) == (1, "unknown")
    assert "No account was looked at" in (outcome.folder / "report.html").read_text()
    assert not manifest["invented"]


def test_what_the_account_would_do_wrong_fails_the_set_up(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels", scenario="several_numbers")
    assert (outcome.exit_code, manifest["verdict"]) == (1, "fail")
    assert "exactly one tracking number" in manifest["headline"]
    assert "the guide asks for exactly one number" in (outcome.folder / "report.html").read_text()


def test_what_ringba_does_not_tell_becomes_questions_and_never_a_pass(tmp_path):
    outcome, manifest = run(tmp_path, "01_setup_pixels", scenario="set_up_not_told", kayzen_confirmed_on="2026-01-15")
    assert (outcome.exit_code, manifest["verdict"]) == (1, "unknown")
    assert "questions are left for a person" in manifest["headline"]
    assert "Open Ringba &gt;" in (outcome.folder / "report.html").read_text()


def test_a_change_of_the_pixels_is_dated_at_the_next_look(tmp_path):
    run(tmp_path, "01_setup_pixels")
    outcome, _ = run(tmp_path, "01_setup_pixels", scenario="pixel_missing")
    page = (outcome.folder / "report.html").read_text()
    assert "Last seen otherwise" in page
    assert "added to the campaign" in page


def test_a_changed_key_is_proven_by_the_fires_since(tmp_path):
    _, manifest = run(tmp_path, "01_setup_pixels", key_changed_on="-2d")
    checks = {check["name"]: check for check in manifest["checks"]}
    assert checks["no other key has fired since the change"]["verdict"] == "pass"


def test_a_broken_plan_file_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "plan.toml").write_text("format = 1\npixel = 5\n")
    outcome, manifest = run(tmp_path, "01_setup_pixels", profile=str(tmp_path / "plan.toml"))
    assert (outcome.exit_code, manifest["status"]) == (2, "broke")
    assert str(tmp_path) not in (outcome.folder / "report.html").read_text()


HALF_COPIED = """\
Pixel Fire
Name: Kayzen CTV - Incoming Postback
Response Status Code: 200
URL: https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key=CANARYpasted1&app_event=incoming\
&caller_id=%2b13035550123&number=%2b18885550122&call_id=RGB0123456789&event_ts=11%2f24%2f2026+7%3a05%3a09+PM\
&is_duplicate=false&caller_state=CO&can_claim=1
Pixel Fire
Name: Kayzen CTV - Connected Post"""


def test_half_an_events_tab_gives_half_a_verdict_and_keeps_no_key(tmp_path):
    path = tmp_path / "events.txt"
    path.write_text(HALF_COPIED)
    outcome, manifest = run(tmp_path, "02_verify_test_call", source="file", evidence_path=str(path))
    verdicts = {check["name"]: check["verdict"] for check in manifest["checks"]}
    assert (manifest["verdict"], verdicts["pixel incoming"], verdicts["pixel payout"]) == ("unknown", "pass", "unknown")
    for file in (path for path in outcome.folder.rglob("*") if path.is_file()):
        assert b"CANARYpasted1" not in file.read_bytes()
        assert b"3035550123" not in file.read_bytes()


def test_a_callers_whole_number_as_a_parameter_is_refused_and_kept_nowhere(tmp_path):
    with pytest.raises(ParameterError, match="whole number") as refused:
        run(tmp_path, "02_verify_test_call", call_id="+1 303 555 0123 2026-11-24 14:05")
    assert "0123 2026-11-24" not in str(refused.value)
    assert not list(tmp_path.rglob("*"))


def test_a_period_adds_the_recovery_list_and_the_silence_of_pixels(tmp_path):
    outcome, manifest = run(tmp_path, "02_verify_test_call", scenario="endpoint_failed", period_start="yesterday")
    names = [check["name"] for check in manifest["checks"]]
    assert "every event was delivered" in names
    lost = (outcome.folder / "data" / "recovery_list.csv").read_text().splitlines()
    assert lost[0].startswith("call_id,campaign,event,outcome")
    assert len(lost) > 50


def test_a_run_leaves_a_pack_that_may_be_shared(tmp_path):
    outcome, _ = run(tmp_path, "02_verify_test_call", scenario="endpoint_failed")
    assert len(list((outcome.folder / "data").glob("evidence-*.zip"))) == 1
    from kayzen_nb.sharecheck import scan_files

    found = scan_files([outcome.folder])
    assert not found.leaks
    assert found.files >= 8


def test_a_page_from_the_sandboxs_archive_says_that_its_data_are_invented(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from kayzen_nb.cli import main
    from kayzen_nb.settings import find_home

    done = CliRunner().invoke(main, ["sync", "--sandbox", "healthy", "--from", "-3d", "--to", "yesterday"])
    assert done.exit_code == 0, done.output
    monkeypatch.setenv("KAYZEN_NB_HOME", str(find_home() / "sandbox"))
    monkeypatch.setenv("RINGBA_ACCOUNT_ID", open_sandbox().settings.ringba_account_id)
    outcome, manifest = run(tmp_path, "03_funnel", source="archive", period_start="-2d")
    assert manifest["status"] == "ok"
    page = (outcome.folder / "report.html").read_text()
    assert "the archive of built-in sandbox" in page
    assert "nvented" in page


def write_export(path, days, a_day=24):
    """An export with connected calls, every hour of each day of September 2026, one in two of them converted."""
    start = datetime(2026, 9, 1, tzinfo=UTC)
    times = [start + timedelta(days=day - 1, hours=n * 24 // a_day) for day in days for n in range(a_day)]
    head = "Inbound Call ID,Call Date,Campaign,Target,State,Connected,Converted,Revenue\n"
    rows = [f"RGB{n:05},{at:%m/%d/%Y %I:%M:%S %p},CTV,A,CA,True,{n % 2 == 0},27.00" for n, at in enumerate(times)]
    path.write_text(head + "\n".join(rows) + "\n")


def test_one_given_end_of_a_file_s_period_limits_every_number(tmp_path):
    write_export(tmp_path / "calls.csv", range(1, 11))
    given = {"source": "csv", "csv_path": str(tmp_path / "calls.csv"), "period_start": "2026-09-06"}
    _, manifest = run(tmp_path, "03_funnel", **given)
    assert manifest["headline"].startswith("120 calls: ")
    assert manifest["ledger"]["set_aside"] == [{"reason": "outside the period", "rows": 120}]
    assert (manifest["period_start"], manifest["period_end"]) == ("2026-09-06", "2026-09-10")
    folder = next(path for path in tmp_path.rglob("funnel_by_state.csv")).parent
    by_state = list(csv.DictReader((folder / "funnel_by_state.csv").open()))
    assert by_state[0]["calls"] == "120"
    listed = sum(len(file.read_text().splitlines()) - 1 for file in folder.glob("calls_*.csv"))
    assert listed == 120


def test_a_campaign_that_no_call_has_leaves_the_file_s_own_days(tmp_path):
    write_export(tmp_path / "calls.csv", range(1, 4))
    _, manifest = run(tmp_path, "03_funnel", source="csv", csv_path=str(tmp_path / "calls.csv"), campaign="CTX")
    assert manifest["headline"].startswith("No calls from 2026-09-01 to 2026-09-03")


def test_a_target_that_stopped_fails_the_check_and_other_books_are_read(tmp_path):
    outcome, manifest = run(tmp_path, "03_funnel", scenario="target_died")
    verdicts = {check["name"]: check["verdict"] for check in manifest["checks"]}
    assert verdicts["nothing has stopped"] == "fail"
    assert "has answered no call since" in manifest["headline"]
    assert outcome.exit_code == 1
    spend = tmp_path / "spend.csv"
    days = [date.fromisoformat(manifest["period_end"]) - timedelta(days=n) for n in range(14)]
    spend.write_text("Day,Campaign,Impressions,Spend\n" + "".join(f"{day},CTV Spring,1000,10.00\n" for day in days))
    _, manifest = run(tmp_path, "03_funnel", beside_path=str(spend), view="state by weekday")
    assert "Media cost 140.00 USD, ROAS" in manifest["headline"]
    assert "spend.csv" in [one["name"] for one in manifest["inputs"]]
