"""The commands plan, preview and runbook."""

import json

import click
import pytest
from click.testing import CliRunner

from kayzen_nb.commands.plan import plan, preview, runbook
from kayzen_nb.errors import KayzenNbError
from kayzen_nb.pixels import build_plan
from kayzen_nb.planfile import read_plan, write_plan


@click.group()
def main():
    """The three commands as the command line holds them."""


for command in (plan, preview, runbook):
    main.add_command(command)

ANSWER = ("--confirmed-on", "2025-11-20")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    outcome = call(*arguments)
    assert isinstance(outcome.exception, KayzenNbError)
    assert outcome.stdout == ""
    return str(outcome.exception)


@pytest.mark.parametrize("name", ["plan", "preview", "runbook"])
def test_every_command_has_a_help_with_an_example(name):
    shown = call(name, "--help")
    assert shown.exit_code == 0
    assert f"kayzen-nb {name}" in shown.output.split("Example:")[1]


def test_plan_shows_every_parameter_with_its_standing():
    shown = call("plan")
    rows = [line.split() for line in shown.output.splitlines()]
    assert ["connected", "app_event", "connected", "inferred"] in rows
    assert ["error", "is_duplicate", "(left", "out)", "inferred"] in rows
    assert sum(row[0:1] == ["incoming"] for row in rows) == 10
    assert build_plan().content_hash in shown.output


def test_plan_json_holds_hash_urls_and_standings():
    told = json.loads(call("plan", "--set", "connected.app_event=answered", *ANSWER, "--by", "Ana", "--json").stdout)
    assert told["pixels"][1]["parameters"][2] == {
        "name": "app_event",
        "value": "answered",
        "standing": "confirmed",
        "why": "in place of connected",
        "confirmed_on": "2025-11-20",
        "confirmed_by": "Ana",
    }
    assert "api_key=KAYZEN_PROVIDED&app_event=answered&" in told["pixels"][1]["url"]
    assert (told["inferred"], told["profile"], told["notes"]) == (6, "per_event", [])


def test_all_four_kinds_of_answer_are_taken_and_the_rest_stays_inferred(tmp_path):
    out = tmp_path / "plan.toml"
    shown = call(
        "plan", "--set", "connected.app_event=answered", "--rename", "converted.conversion_amount=revenue",
        "--add", "payout.payout_amount=[Call:ConversionPayout]", "--drop", "all.caller_state", *ANSWER, "--out", out,
    )  # fmt: skip
    kept = read_plan(out.read_text())
    assert shown.output == f"Plan {kept.content_hash} written: {out}\n"
    assert [p.value("app_event") for p in kept.pixels][1] == "answered"
    assert [p.value("revenue") for p in kept.pixels][3] == "[Call:ConversionAmount]"
    assert [p.value("payout_amount") for p in kept.pixels][4] == "[Call:ConversionPayout]"
    assert {p.value("caller_state") for p in kept.pixels} == {None}
    assert len(kept.inferred) == 5


def test_a_day_alone_confirms_everything_that_is_inferred():
    assert json.loads(call("plan", *ANSWER, "--json").stdout)["inferred"] == 0


def test_beside_changes_the_rest_is_confirmed_only_when_asked():
    change = ("plan", "--set", "connected.app_event=answered", *ANSWER, "--json")
    assert json.loads(call(*change).stdout)["inferred"] == 6
    assert json.loads(call(*change, "--confirm-rest").stdout)["inferred"] == 0


@pytest.mark.parametrize("change", [("--set", "connected.app_event=x"), ("--drop", "error.number"), ("--by", "Ana")])
def test_a_change_without_the_day_of_kayzens_word_is_refused_with_why(change):
    assert "only on Kayzen's word" in refused("plan", *change)


@pytest.mark.parametrize(("day", "said"), [("soon", "is not a day"), ("2999-01-01", "lies in the future")])
def test_a_day_that_cannot_be_is_refused(day, said):
    assert said in refused("plan", "--confirmed-on", day)


def test_changes_that_cannot_be_read_are_all_told():
    said = refused("plan", "--set", "app_event", "--drop", "error.x=1", "--rename", "=d", *ANSWER)
    assert [line for line in said.splitlines() if "where" in line] == [
        "  where: --set", "  where: --rename", "  where: --drop",
    ]  # fmt: skip


def test_a_key_given_as_a_value_is_refused_and_not_repeated():
    said = refused("plan", "--set", "all.api_key=s3cret-key", *ANSWER)
    assert "does not belong in the plan" in said
    assert "s3cret" not in said


def test_a_written_plan_is_begun_with_and_updated_in_its_place(tmp_path):
    out = tmp_path / "plan.toml"
    call("plan", "--out", out)
    assert out.read_text() == write_plan(build_plan())
    assert call("plan", "--from", out, *ANSWER, "--out", out).exit_code == 0
    assert read_plan(out.read_text()).inferred == ()


def test_another_plan_is_not_written_over_unless_forced(tmp_path):
    out = tmp_path / "plan.toml"
    assert call("plan", "--out", out).exit_code == 0
    assert call("plan", "--out", out).exit_code == 0
    assert "left alone" in refused("plan", "--profile", "as_published", "--out", out)
    assert out.read_text() == write_plan(build_plan())
    assert call("plan", "--profile", "as_published", "--out", out, "--force").exit_code == 0
    assert out.read_text() == write_plan(build_plan("as_published"))


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    assert "cannot be written" in refused("plan", "--out", tmp_path / "nowhere" / "plan.toml")


def test_from_and_profile_exclude_each_other(tmp_path):
    shown = call("plan", "--from", tmp_path / "x", "--profile", "per_event")
    assert shown.exit_code == 2
    assert "exclude each other" in shown.output


def test_notes_on_a_plan_go_to_stderr_and_into_json(tmp_path):
    out = tmp_path / "plan.toml"
    out.write_text(write_plan(build_plan()).replace('app_event = "payout"', 'app_event = "[Call:Payuot]"'))
    assert "edited after" in call("plan", "--from", out).stderr
    notes = json.loads(call("plan", "--from", out, "--json").stdout)["notes"]
    assert len(notes) == 2
    assert "[Call:Payuot]" in notes[1]


def test_preview_shows_both_ways_and_remarks_for_an_invented_call():
    shown = call("preview").output
    assert "caller_id=+15125550123&" in shown
    assert "caller_id=%2B15125550123&" in shown
    assert "caller_id          arrives as ' 15125550123' or '+15125550123'" in shown
    assert "time without a zone" in shown


def test_preview_json_of_a_plan_file(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(write_plan(build_plan("as_published")))
    told = json.loads(call("preview", "--plan", file, "--json").stdout)
    assert [pixel["event"] for pixel in told] == ["incoming", "connected", "completed", "converted", "payout", "error"]
    assert told[5]["parameters"][2]["plain"] == "incoming"
    assert set(told[0]) == {"name", "event", "plain_url", "encoded_url", "parameters"}


def test_runbook_writes_two_files_without_a_key(tmp_path):
    shown = call("runbook", "--campaign", "CTV", "--out", tmp_path)
    assert shown.stdout.splitlines() == [str(tmp_path / "pixels-runbook.html"), str(tmp_path / "pixels-runbook.csv")]
    assert "CTV" in (tmp_path / "pixels-runbook.html").read_text(encoding="utf-8")


def test_runbook_takes_the_key_from_the_settings_only_when_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", "s3cret-key-of-nobody")
    call("runbook", "--out", tmp_path)
    assert "s3cret" not in "".join(p.read_text(encoding="utf-8") for p in tmp_path.iterdir())
    shown = call("runbook", "--out", tmp_path, "--with-key")
    assert "s3cret" in (tmp_path / "pixels-WITH-KEY-do-not-share.csv").read_text(encoding="utf-8")
    assert "s3cret" not in shown.output
    assert "Do not share them" in shown.stderr


def test_runbook_with_key_but_without_a_key_is_refused(tmp_path):
    assert "no key to put in" in refused("runbook", "--out", tmp_path, "--with-key")


@pytest.mark.parametrize("name", ["preview", "runbook"])
def test_a_plan_file_that_is_none_is_refused(name, tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text("x")
    assert "not TOML" in refused(name, "--plan", file)
