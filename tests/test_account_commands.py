"""The commands about the account, as a person and as a machine use them."""

import json

import pytest
from click.testing import CliRunner

from kayzen_nb.commands.account import audit, checklist, key
from kayzen_nb.errors import KayzenNbError
from kayzen_nb.journal import Journal
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret

CANARY = "canary-7Yq2ZkP0"
KEY = Secret(CANARY)


def call(command, *arguments, **options):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], **options)


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("KAYZEN_NB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def pasted(tmp_path):
    """A file with the six pixels as a person would paste them; returns a writer."""

    def write(pixels=None, name="pixels.json"):
        rows = [
            {"name": p.name, "fire_on": p.fire_on, "method": p.method, "url": p.url}
            for p in pixels or render(build_plan(), KEY)
        ]
        (tmp_path / name).write_text(json.dumps(rows))
        return tmp_path / name

    return write


@pytest.mark.parametrize(("command", "name"), [(audit, "audit"), (checklist, "checklist"), (key, "key")])
def test_every_command_has_a_help_with_an_example(command, name):
    shown = call(command, "--help")
    assert shown.exit_code == 0
    assert f"kayzen-nb {name}" in shown.output.split("Example:")[1]


@pytest.mark.usefixtures("home")
def test_a_right_set_up_ends_with_0():
    shown = call(audit, "CTV Spring", "--sandbox", "healthy")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(
        "✓ pass: Six pixels as planned, on the campaign and switched on; one number; the rules are set."
    )
    assert "CTV Spring: ***-***-01" in shown.stdout


@pytest.mark.usefixtures("home")
def test_a_finding_tells_its_symptom_in_kayzen_and_ends_with_1():
    shown = call(audit, "CTV Spring", "--sandbox", "pixel_missing")
    assert shown.exit_code == 1
    assert "Fault (seen): A pixel is not added to the campaign." in shown.stdout
    assert "in Kayzen: Its event never appears in Kayzen, for any call of this campaign." in shown.stdout


@pytest.mark.usefixtures("home")
def test_an_audit_for_machines_is_json():
    shown = call(audit, "CTV Spring", "--sandbox", "guide_copied", "--json")
    tree = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert (tree["campaign"], tree["verdict"], tree["pixels_from"]) == ("CTV Spring", "fail", "Ringba's API")
    assert [(c["code"], c["is_fault"], c["certainty"]) for c in tree["causes"]] == [("guide_copied", True, "seen")]
    assert tree["causes"][0]["faq"]
    assert set(tree["checks"][0]) == {"name", "verdict", "expected", "found", "next_step"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--sandbox", "healthy"], "several campaigns"), (["CTV Sprng", "--sandbox", "healthy"], "did you mean 'CTV Spring'"),
     (["CTV Spring", "--sandbox", "none"], "no scenario"), (["CTV Spring"], "RINGBA_API_TOKEN is not set"),
     (["CTV Spring", "--sandbox", "token_refused"], "did not accept the API token"), (["x", "--pixels", "nowhere.txt"], "cannot be read"),
     (["x", "--plan", "nowhere.toml"], "cannot be read")],
)  # fmt: skip
@pytest.mark.usefixtures("home")
def test_bad_input_is_told_and_is_no_result(arguments, words):
    shown = call(audit, *arguments)
    assert isinstance(shown.exception, KayzenNbError)  # the group of commands turns it into exit code 2
    assert words in str(shown.exception)


def test_nothing_is_noted_of_the_sandbox(home, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "person"))  # the sandbox's own settings name the default home
    call(audit, "CTV Spring", "--sandbox", "healthy")
    assert not home.exists()
    assert not (tmp_path / "person").exists()


def test_pasted_pixels_are_judged_without_an_account_and_noted_without_key(home, pasted, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    shown = call(audit, "CTV Spring", "--pixels", pasted())
    assert shown.exit_code == 1
    assert shown.stdout.startswith("? unknown: Nothing wrong was seen. ")
    assert "Ringba was not asked" in shown.stdout
    assert CANARY not in shown.output
    entries = Journal(home).entries(subject="CTV Spring")
    assert [(e.kind, e.facts.get("step", "")) for e in entries] == [
        ("pixels_seen", ""), ("key_seen", ""), ("step", "created"), ("step", "key_in_all"),
    ]  # fmt: skip
    assert CANARY not in Journal(home).path.read_text()


def test_a_second_look_notes_only_what_changed_and_dates_it(home, pasted):
    call(audit, "CTV Spring", "--pixels", pasted(render(build_plan("as_published"), KEY)))
    call(audit, "CTV Spring", "--pixels", pasted(render(build_plan("as_published"), KEY)))
    assert len(Journal(home).entries("pixels_seen")) == 1
    shown = call(audit, "CTV Spring", "--pixels", pasted())
    assert "the converted pixel sends app_event=converted (was incoming)" in shown.stdout.split("What changed:")[1]
    assert len(Journal(home).entries("pixels_seen")) == 2


def test_a_plan_file_is_what_pixels_are_judged_by(home, pasted, tmp_path):
    from kayzen_nb.planfile import write_plan

    assert home
    (tmp_path / "plan.toml").write_text(write_plan(build_plan("as_published")))
    shown = call(
        audit, "x", "--plan", tmp_path / "plan.toml", "--pixels", pasted(render(build_plan("as_published"), KEY))
    )
    assert "✓ pass     each URL is as planned: as planned" in shown.stdout


def test_the_checklist_resumes_where_it_was_left(home):
    assert call(checklist, "CTV Spring", "--done", "admin", "--by", "Ana").exit_code == 1
    shown = call(checklist, "ctv spring")
    assert shown.exit_code == 1
    assert shown.stdout.splitlines()[0] == (
        "ctv spring: 1 of 15 steps done. Next, have a campaign for the calls of the ad (Ringba > Campaigns)."
    )
    assert "✓ admin            have admin access in Ringba [done: a person's word, Ana, 20" in shown.stdout
    call(checklist, "CTV Spring", "--undo", "admin")
    assert Journal(home).entries("step")[-1].facts["state"] == "undone"


def test_the_checklist_for_machines_is_json(home):
    from kayzen_nb.checklist import STEPS, say_done

    for step in STEPS:
        Journal(home).note("step", "CTV Spring", by="Ana", **say_done(step[0]).facts)
    shown = call(checklist, "CTV Spring", "--json")
    tree = json.loads(shown.stdout)
    assert shown.exit_code == 0
    assert (tree["done"], tree["next_step"]) == ("15 of 15", "Every step is done.")
    assert tree["steps"][0]["proved_by"] == "a person's word"


@pytest.mark.parametrize(
    "arguments", [["x", "--done", "admin"], ["x", "--done", "admin", "--undo", "key", "--by", "a"], [" "], []]
)
def test_half_an_answer_is_refused(home, arguments):
    shown = call(checklist, *arguments)
    assert shown.exit_code == 2
    assert not home.exists()


def test_a_step_that_there_is_not_is_refused_with_the_nearest(home):
    shown = call(checklist, "x", "--done", "atached", "--by", "Ana")
    assert "did you mean 'attached'" in str(shown.exception)
    assert not home.exists()


def test_a_damaged_journal_is_told(home):
    home.mkdir()
    Journal(home).path.write_text('{"at": "20')
    shown = call(checklist, "CTV Spring")
    assert "is cut off and is left out" in shown.stderr


@pytest.mark.usefixtures("home")
def test_no_key_is_said_and_ends_with_1():
    shown = call(key)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("No key is set here.")
    assert "To change the key:" in shown.stdout


@pytest.mark.usefixtures("home")
def test_a_keys_fingerprint_is_shown_and_where_it_comes_from(monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    shown = call(key)
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"Fingerprint {KEY.fingerprint}, from the environment (KAYZEN_API_KEY).")
    assert CANARY not in shown.output


@pytest.mark.usefixtures("home")
def test_a_key_from_a_file_says_so(tmp_path):
    (tmp_path / ".env").write_text(f"KAYZEN_API_KEY={CANARY}\n")
    tree = json.loads(call(key, "--json").stdout)
    assert (tree["fingerprint"], tree["source"]) == (KEY.fingerprint, "a .env file")
    assert len(tree["rotation"]) == 7


@pytest.mark.usefixtures("home")
def test_which_pixels_carry_the_key_decides_the_exit_code(pasted, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    assert call(key, "--pixels", pasted()).exit_code == 0
    some = [*render(build_plan(), KEY)[:5], render(build_plan(), Secret("another-key-99"))[5]]
    shown = call(key, "--pixels", pasted(some))
    assert shown.exit_code == 1
    assert "Still to change: error." in shown.stdout
    assert "another-key-99" not in shown.output


def test_the_module_of_the_commands_imports_nothing_heavy():
    import subprocess
    import sys

    heavy = ["pydantic", "httpx", "tomlkit", "filelock", "kayzen_nb.sandbox", "kayzen_nb.audit"]
    script = f"import kayzen_nb.commands.account, sys; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
