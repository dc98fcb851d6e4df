"""``kayzen-nb lint``: exit codes, what is shown, the private file of repaired pixels."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from kayzen_nb.commands.lint import lint
from kayzen_nb.errors import KayzenNbError, PixelListError
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.planfile import write_plan
from kayzen_nb.privacy import Secret

GUIDE = Path(__file__).parent / "guide.txt"
KEY = "0123abcdef"
SIX = render(build_plan(), Secret(KEY))


def call(*arguments, **more):
    return CliRunner().invoke(lint, [str(argument) for argument in arguments], **more)


@pytest.fixture
def broken(tmp_path):
    """The six with one broken URL, in a file."""
    file = tmp_path / "pixels.txt"
    text = "\n".join(pixel.url for pixel in SIX).replace("can_claim=1", "can_claim=0", 1)
    file.write_text(text.replace("number=[Call:NumberDialed]", "number=+15555550123", 1))
    return file


def test_the_planned_six_pass():
    shown = call()
    assert shown.exit_code == 0
    assert shown.stdout.endswith("0 errors, 0 warnings, 1 to know.\n")


def test_the_guides_profile_and_text_fail():
    assert call("--profile", "as_published").exit_code == 1
    shown = call(GUIDE, "--json")
    assert shown.exit_code == 1
    assert {f["pixel"].split(" (")[0] for f in json.loads(shown.stdout) if f["code"] == "KZ101"} == {
        f"pixel {n}" for n in range(2, 7)
    }


def test_records_have_the_agreed_fields():
    records = json.loads(call(GUIDE, "--json").stdout)
    assert all(list(r) == ["pixel", "code", "severity", "field", "position", "message", "fix"] for r in records)


def test_a_finding_shows_its_place_and_ends_with_its_fix(broken):
    shown = call(broken)
    lines = shown.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "KZ024" in line)
    place, caret, fix = lines[at + 1 : at + 4]
    assert place[caret.index("^") :].startswith("can_claim=0")
    assert fix == "        fix: Write can_claim=1."
    assert KEY not in shown.output
    assert "5555550123" not in shown.output


def test_the_key_set_here_is_compared_and_not_shown(broken, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", "another-key-altogether")
    shown = call(broken)
    assert "KZ012" in shown.stdout
    assert KEY not in shown.output
    assert "another-key-altogether" not in shown.output


def test_settings_that_cannot_be_read_are_no_reason_to_stop(broken, monkeypatch):
    monkeypatch.setenv("KAYZEN_API_KEY", "two words")
    shown = call(broken)
    assert shown.exit_code == 1
    assert "KZ012" not in shown.stdout


def test_repaired_pixels_are_written_for_the_owner_only_and_shown_masked(broken, tmp_path):
    out = tmp_path / "repaired.txt"
    shown = call(broken, "--repair", out)
    assert shown.exit_code == 1
    assert [p.url for p in read_pixels(out.read_text())] == [p.url for p in SIX]
    assert KEY not in shown.output
    assert "wrote can_claim=1" in shown.stdout
    if os.name != "nt":
        assert out.stat().st_mode & 0o777 == 0o600


def test_repaired_pixels_read_from_a_form_keep_its_fields(tmp_path):
    out = tmp_path / "repaired.txt"
    call(GUIDE, "--repair", out)
    assert [(p.name, p.fire_on, p.method) for p in read_pixels(out.read_text())] == [
        (p.name, p.fire_on, p.method) for p in SIX
    ]


def test_a_file_that_is_there_is_not_replaced_unless_forced(broken, tmp_path):
    out = tmp_path / "mine.txt"
    out.write_text("mine")
    out.chmod(0o644)
    refused = call(broken, "--repair", out)
    assert isinstance(refused.exception, KayzenNbError)
    assert "--force" in str(refused.exception)
    assert out.read_text() == "mine"
    call(broken, "--repair", out, "--force")
    assert KEY in out.read_text()
    if os.name != "nt":
        assert out.stat().st_mode & 0o777 == 0o600


def test_json_stays_one_document_with_repair(broken, tmp_path):
    shown = call(broken, "--repair", tmp_path / "repaired.txt", "--json")
    assert {record["code"] for record in json.loads(shown.stdout)} >= {"KZ024", "KZ034"}
    assert (tmp_path / "repaired.txt").is_file()


def test_a_plan_file_decides(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text(write_plan(build_plan("as_published")))
    shown = call("--plan", plan, "--json")
    assert {r["code"] for r in json.loads(shown.stdout)} == {"KZ102", "KZ110", "KZ111", "KZ112"}
    plan.write_text(write_plan(build_plan()))
    assert call(GUIDE, "--plan", plan).exit_code == 1
    assert call("--plan", plan).exit_code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_text_is_read_as_windows_programs_write_it(tmp_path, encoding):
    file = tmp_path / "pixels.txt"
    file.write_bytes("\r\n".join(f"“{pixel.url}”" for pixel in SIX).encode(encoding))
    assert call(file).exit_code == 0


def test_what_is_piped_in_is_read():
    assert call("-", input=GUIDE.read_bytes()).exit_code == 1


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\x00\x01", b"\x81\x8d"])
def test_what_is_no_text_is_told(tmp_path, raw):
    (tmp_path / "x.bin").write_bytes(raw)
    shown = call(tmp_path / "x.bin")
    assert isinstance(shown.exception, KayzenNbError)
    assert "UTF-8" in str(shown.exception)


def test_a_file_that_is_not_there_and_a_text_without_urls_are_told(tmp_path):
    assert "cannot be read" in str(call(tmp_path / "none.txt").exception)
    assert isinstance(call("-", input=b"nothing here").exception, PixelListError)
