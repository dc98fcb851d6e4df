"""The commands verify, confirm and test-calls: answers, exit codes, what they keep and what they refuse."""

import json

import pytest
from click.testing import CliRunner

from kayzen_nb.cli import main
from kayzen_nb.sandbox import open_sandbox

EVENTS_TAB = """\
Pixel Fire
11/24/2026 02:05:10 PM
Name: Kayzen CTV - Incoming Postback
Response Status Code: 200
URL: https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key=CANARYcanary1&app_event=incoming&caller_id=%2b13035550123\
&number=%2b18885550122&call_id=RGB0123456789&event_ts=11%2f24%2f2026+7%3a05%3a09+PM&is_duplicate=false&caller_state=CO&can_claim=1
"""


def run(*arguments, **options):
    return CliRunner().invoke(main, [str(a) for a in arguments], **options)


def test_a_healthy_invented_call_is_proven_to_rung_three():
    done = run("verify", "--sandbox", "healthy")
    assert done.exit_code == 0
    assert done.stdout.startswith("Rung 3 of 5")


def test_a_planted_fault_is_named_with_its_fix_and_whom_to_ask():
    done = run("verify", "--sandbox", "guide_copied")
    assert done.exit_code == 1
    assert "Seen: All pixels say app_event=incoming, as the guide prints it" in done.stdout
    assert "(ask: yourself)" in done.stdout


def test_json_holds_the_verdict_the_pixels_and_the_causes():
    done = run("verify", "--sandbox", "endpoint_failed", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["verdict"], found["rung"]) == (1, "fail", 1)
    assert [cause["code"] for cause in found["causes"]] == ["endpoint_failed"]
    assert found["pixels"][0]["statuses"] == [503]
    assert set(found) == {
        "call_id",
        "verdict",
        "rung",
        "headline",
        "diagnosis",
        "pixels",
        "causes",
        "plan_hash",
        "pack",
    }


def test_a_pasted_events_tab_is_verified_without_an_account():
    done = run("verify", "--evidence", "-", "--json", input=EVENTS_TAB)
    found = json.loads(done.stdout)
    assert found["call_id"] == "RGB0123456789"
    by_event = {pixel["event"]: pixel for pixel in found["pixels"]}
    assert (by_event["incoming"]["verdict"], by_event["incoming"]["rung"]) == ("pass", 3)
    assert by_event["converted"]["verdict"] == "unknown"
    assert (done.exit_code, found["verdict"]) == (1, "unknown")
    assert "CANARYcanary1" not in done.output
    assert "3035550123" not in done.output


@pytest.mark.parametrize(
    "arguments", [(), ("RGB0123456789", "--sandbox", "healthy"), ("--evidence", "-", "--sandbox", "healthy")]
)
def test_anything_but_one_call_is_refused(arguments):
    done = run("verify", *arguments)
    assert done.exit_code == 2
    assert "Name exactly one" in done.stderr


def test_a_call_of_the_account_needs_the_account():
    done = run("verify", "RGB0123456789")
    assert done.exit_code == 2
    assert "RINGBA_API_TOKEN is not set" in done.stderr
    assert "Traceback" not in done.output


def test_the_evidence_pack_is_written_where_asked_and_may_be_shared(tmp_path):
    done = run("verify", "--sandbox", "key_placeholder", "--pack", tmp_path)
    (pack,) = tmp_path.glob("evidence-*.zip")
    assert str(pack) in done.stdout
    shared = run("check-share", pack)
    assert shared.exit_code == 0, shared.output


def test_kayzens_word_is_kept_and_lifts_the_next_verification():
    call_id = "RGB0123456789"
    told = run("confirm", call_id, "--events", "incoming", "--seen-on", "2026-11-24", "--by", "Ana, e-mail")
    assert told.exit_code == 0, told.output
    found = json.loads(run("verify", "--evidence", "-", "--json", input=EVENTS_TAB).stdout)
    incoming = found["pixels"][0]
    assert incoming["rung"] == 4
    assert "Kayzen saw it (Ana, e-mail, 2026-11-24)" in incoming["found"]


def test_an_export_of_kayzens_is_a_word_too(tmp_path):
    export = tmp_path / "kayzen.csv"
    export.write_text("call_id,app_event\nRGB0123456789,incoming\nRGB0123456789,connected\n")
    done = run("confirm", "RGB0123456789", "--export", export)
    assert "Kayzen saw incoming, connected of this call (export kayzen.csv)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--events", "incoming"), "who says so"),
        (("--events", "conected", "--by", "Ana"), "did you mean 'connected'?"),
        (("--events", "all", "--by", "Ana", "--seen-on", "2099-01-01"), "lies in the future"),
    ],
)
def test_half_a_word_of_kayzens_is_refused(arguments, words):
    done = run("confirm", "RGB0123456789", *arguments)
    assert done.exit_code == 2
    assert words in done.stderr


def test_an_export_without_the_call_says_what_it_holds(tmp_path):
    export = tmp_path / "kayzen.csv"
    export.write_text("call_id,app_event\nRGB0123456789,answered\n")
    done = run("confirm", "RGB0123456789", "--export", export)
    assert done.exit_code == 2
    assert "it holds: answered" in done.stderr


def test_test_calls_are_listed_added_and_taken_back():
    assert "No call stands as a test." in run("test-calls").stdout
    run("test-calls", "--add", "RGB0000000001")
    assert [row["call_id"] for row in json.loads(run("test-calls", "--json").stdout)] == ["RGB0000000001"]
    assert "No call stands as a test." in run("test-calls", "--remove", "RGB0000000001").stdout


def test_a_call_that_was_verified_as_a_test_is_left_out_of_the_funnel_and_named(tmp_path):
    """What notebook 02 notes, notebook 03 leaves out: the sandbox's own test call, within its own journal."""
    from kayzen_nb.report import run_notebook

    run_notebook("02_verify_test_call", {}, tmp_path / "02")
    funnel = run_notebook("03_funnel", {"period_start": "-3d", "period_end": "today"}, tmp_path / "03")
    manifest = json.loads((funnel.folder / "manifest.json").read_text())
    assert {"reason": "test call", "rows": 1} in manifest["ledger"]["set_aside"]
    test_call = open_sandbox("healthy").test_call_id
    noted = json.loads((tmp_path / "02" / "manifest.json").read_text())["questions"][0]
    page = (funnel.folder / "report.html").read_text()
    assert "1 test call is left out: RGB" in page
    assert test_call[:12] in page or any(word.strip(".") in page for word in noted.split() if word.startswith("RGB"))


def test_an_ordinary_call_that_is_verified_stays_in_the_funnel(tmp_path):
    from kayzen_nb.report import run_notebook

    run_notebook("02_verify_test_call", {"test_call": "no"}, tmp_path / "02")
    funnel = run_notebook("03_funnel", {"period_start": "-3d", "period_end": "today"}, tmp_path / "03")
    ledger = json.loads((funnel.folder / "manifest.json").read_text())["ledger"]
    assert "test call" not in {entry["reason"] for entry in ledger["set_aside"]}


@pytest.mark.parametrize("call_id", ["+1 303 555 0123", "13035550123", "", "<script>alert(1)</script>"])
def test_what_is_no_call_id_is_not_noted(call_id):
    assert run("test-calls", "--add", call_id or " ").exit_code == 2
    assert run("confirm", call_id, "--events", "all", "--by", "Ana").exit_code == 2


def test_neither_a_key_nor_a_number_reaches_the_journal(monkeypatch, tmp_path):
    monkeypatch.setenv("KAYZEN_API_KEY", "CANARYcanary2")
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path))
    run("confirm", "RGB0123456789", "--events", "all", "--by", "Ana +1 (303) 555-0123, key CANARYcanary2")
    kept = (tmp_path / "journal.jsonl").read_text()
    assert "Ana" in kept
    assert "CANARYcanary2" not in kept
    assert "555-0123" not in kept


def test_a_report_that_counted_a_call_before_it_was_seen_is_refused():
    days = ("--seen-on", "2026-11-24", "--counted-on", "2026-11-23")
    done = run("confirm", "RGB0123456789", "--events", "all", "--by", "Ana", *days)
    assert done.exit_code == 2


def test_a_wrong_zone_is_refused_in_the_sandbox_too():
    assert run("verify", "--sandbox", "healthy", "--tz", "Mars/Phobos").exit_code == 2


def test_a_damaged_journal_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path))
    (tmp_path / "journal.jsonl").write_text('{"at": 5}\n[]\n')
    assert "Line 1" in run("test-calls").stderr


def test_a_key_as_a_parameter_and_a_home_that_is_a_file_are_refused_in_plain_words(monkeypatch, tmp_path):
    monkeypatch.setenv("KAYZEN_API_KEY", "CANARYcanary3")
    keyed = run("run", "02_verify_test_call", "--set", "call_id=CANARYcanary3", "--out", tmp_path / "out")
    assert (keyed.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "CANARYcanary3" not in keyed.output
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path / "home"))
    broken = run("run", "03_funnel")
    assert broken.exit_code == 2
    assert "KAYZEN_NB_HOME" in broken.stderr


def test_a_number_in_a_pixels_name_is_hidden_on_the_page_and_in_its_tables(tmp_path):
    from kayzen_nb.report import run_notebook

    text = EVENTS_TAB.replace("Incoming Postback", "Incoming +1 303 555 0123")
    (tmp_path / "events.txt").write_text(text)
    values = {"source": "file", "evidence_path": str(tmp_path / "events.txt")}
    outcome = run_notebook("02_verify_test_call", values, tmp_path / "out")
    assert run("check-share", outcome.folder).exit_code == 0, run("check-share", outcome.folder).output
