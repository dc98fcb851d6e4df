"""The set-up, with stand-ins for uv and pip: what is done, what is not done again, what is said when it cannot be."""

import ast
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kayzen_nb import bootstrap

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")


@pytest.fixture
def clone(tmp_path):
    """A clone with only what the set-up reads, and a folder of commands to put first on the path."""
    root = tmp_path / "clone"
    (root / "kayzen_nb").mkdir(parents=True)
    (root / "bin").mkdir()
    for name in ("__init__.py", "bootstrap.py"):
        (root / "kayzen_nb" / name).write_bytes((ROOT / "kayzen_nb" / name).read_bytes())
    (root / "kayzen_nb" / "__main__.py").write_text(
        "import sys\nfrom kayzen_nb import bootstrap\n"
        "bootstrap.ensure('kayzen_nb', sys.argv[1:])\nprint('ready', sys.prefix, *sys.argv[1:])\n"
    )
    (root / "pyproject.toml").write_text("[project]\n")
    (root / "constraints.txt").write_text("click==1\n")
    return root


def stand_in(clone, name, script):
    path = clone / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)


def good_uv(clone):
    """A uv that writes down how it was called, and makes environments with the standard library."""
    log = clone / "uv.log"
    make = f'[ "$1" = venv ] && {sys.executable} -m venv --without-pip .venv'
    stand_in(clone, "uv", f'echo "$@" >> {log}\n{make}\nexit 0')
    return log


def start(clone, *arguments, python=None, path=None):
    # A plain Python outside any environment: the tests' own has the toolkit installed.
    python = python or getattr(sys, "_base_executable", sys.executable)
    environment = os.environ | {"PATH": path or f"{clone / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    command = [python, "-m", "kayzen_nb", *arguments]
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


@POSIX
def test_a_fresh_clone_is_set_up_and_the_same_command_goes_on_inside(clone):
    log = good_uv(clone)
    done = start(clone, "demo", "--out", "a b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"ready {clone / '.venv'} demo --out a b"
    assert "-c constraints.txt --quiet -e ." in log.read_text() or "-c constraints.txt -e ." in log.read_text()


@POSIX
def test_a_finished_set_up_is_not_done_again(clone):
    log = good_uv(clone)
    start(clone)
    before = log.read_text()
    assert start(clone).stderr == ""
    assert log.read_text() == before


@POSIX
def test_a_changed_pin_is_picked_up(clone):
    log = good_uv(clone)
    start(clone)
    before = log.read_text()
    (clone / "constraints.txt").write_text("click==2\n")
    assert start(clone).returncode == 0
    assert log.read_text().count("pip install") == before.count("pip install") + 1
    assert log.read_text().count("venv --quiet") == 1


@POSIX
def test_an_interrupted_set_up_is_done_again(clone):
    log = good_uv(clone)
    start(clone)
    (clone / ".venv" / "kayzen-nb-stamp.json").write_text("{")
    assert start(clone).returncode == 0
    assert log.read_text().count("pip install") == 2


@POSIX
def test_the_environments_own_python_picks_up_a_changed_pin_too(clone):
    log = good_uv(clone)
    start(clone)
    (clone / "constraints.txt").write_text("click==3\n")
    done = start(clone, python=str(clone / ".venv" / "bin" / "python"))
    assert (done.returncode, done.stdout.split()[0]) == (0, "ready")
    assert log.read_text().count("pip install") == 2


@POSIX
@pytest.mark.parametrize(
    ("before", "wanted"),
    [({"dev": True}, ".[dev]"), ({"extras": ["dev", "engines"]}, ".[dev,engines]"), ({"dev": False}, "-e .\n")],
)
def test_groups_that_were_set_up_stay_when_a_user_command_finds_a_changed_pin(clone, before, wanted):
    log = good_uv(clone)
    start(clone)
    stamp = clone / ".venv" / "kayzen-nb-stamp.json"
    stamp.write_text(json.dumps({"made_from": "older"} | before))
    log.write_text("")
    start(clone)
    assert wanted in log.read_text()


@POSIX
def test_more_groups_are_installed_for_developers_who_ask_for_them(clone, monkeypatch):
    log = good_uv(clone)
    monkeypatch.setenv("KAYZEN_NB_EXTRAS", "engines, bench")
    done = start(clone)
    assert "[" not in log.read_text().split("-e .")[-1], done.stderr  # a user's command needs none of them
    command = [getattr(sys, "_base_executable", sys.executable), "-m", "kayzen_nb.bootstrap"]
    place = os.environ | {"PATH": f"{clone / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    subprocess.run(command, cwd=clone, env=place, check=False)
    assert "-e .[bench,dev,engines]" in log.read_text()


@POSIX
def test_where_nothing_can_be_fetched_the_end_is_told_in_plain_words(clone):
    stand_in(clone, "uv", f'[ "$1" = venv ] && {sys.executable} -m venv --without-pip .venv && exit 0\nexit 1')
    for name in ("PIP_NO_INDEX", "PIP_NO_BUILD_ISOLATION"):
        os.environ[name] = "1"
    try:
        done = start(clone, "demo")
    finally:
        for name in ("PIP_NO_INDEX", "PIP_NO_BUILD_ISOLATION"):
            del os.environ[name]
    assert done.returncode == 2
    assert "The packages could not be installed." in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone / ".venv" / "kayzen-nb-stamp.json").exists()


def test_a_python_that_is_too_old_is_named(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "NEEDED", (9, 9))
    with pytest.raises(SystemExit) as ended:
        bootstrap.ensure("kayzen_nb", [])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Python 9.9 or newer is needed; this is Python 3." in said
    assert sys.executable in said


@pytest.mark.parametrize(
    "name", ["kayzen_nb/bootstrap.py", "kayzen_nb/__init__.py", "kayzen_nb/__main__.py", "tests/__main__.py"]
)
def test_an_old_python_can_read_what_runs_before_the_set_up(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))


def test_an_installed_package_needs_no_set_up(monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, "__file__", str(tmp_path / "site-packages" / "kayzen_nb" / "bootstrap.py"))
    bootstrap.ensure("kayzen_nb", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["constraints.txt", "environment.yml", "kayzen_nb/bootstrap.py", "pyproject.toml", ".ci/run"]
)
def test_no_registry_address_is_committed(name):
    text = (ROOT / name).read_text()
    for word in ("http://", "https://", "pypi.", "files.pythonhosted", "index-url =", "find-links ="):
        assert word not in text


def test_every_dependency_is_pinned():
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    project = __import__("tomllib").loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for group in project["optional-dependencies"].values() for line in group)]
    assert {line.split(">=")[0].lower() for line in asked} <= pinned
