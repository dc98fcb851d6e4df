"""Callers are told apart without their numbers, by a key that is made once and stays outside of the archive."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from kayzen_nb.callerkey import FORGOTTEN_FILE, KEY_FILE, CallerKey, caller_digits, load_caller_key, read_forgotten
from kayzen_nb.callsql import open_engine
from kayzen_nb.errors import SettingsError
from kayzen_nb.privacy import Secret

KEY = CallerKey(key=Secret("0123456789abcdef" * 4))
NUMBERS = (
    "+12125550123", "2125550123", "12125550123", "(212) 555-0123", "+1 212 555 0123 x45", "+44 5555 550123",
    "anonymous", "Restricted", "", "911", "0012125550123", "212.555.0123 ext. 9",
    "1.21256E+10", " 1.2125550123e10 ", "12125550123E0", "E12125550123", "+12125550123 e",
)  # fmt: skip


def test_one_caller_has_one_pseudonym_however_the_number_is_written():
    same = ("+12125550123", "2125550123", "12125550123", "(212) 555-0123", "+1 212 555 0123 x45")
    assert len({KEY.pseudonym(number) for number in same}) == 1
    assert KEY.pseudonym("+12125550124") != KEY.pseudonym("+12125550123")


def test_another_key_gives_another_pseudonym():
    other = CallerKey(key=Secret("f" * 64))
    assert other.pseudonym("+12125550123") != KEY.pseudonym("+12125550123")


@pytest.mark.parametrize("number", ["anonymous", "Restricted", "", "911", "1.21256E+10", " 1e10 "])
def test_those_who_hide_their_number_are_not_one_caller(number):
    assert KEY.pseudonym(number) is None


def test_the_sql_computes_the_same_pseudonym():
    engine = open_engine(KEY)
    for number in NUMBERS:
        assert engine.execute("select caller_pseudonym(?)", [number]).fetchone() == (KEY.pseudonym(number),), number


def test_digits_of_a_number_are_the_national_ones():
    assert caller_digits("+1 (212) 555-0123") == "2125550123"
    assert caller_digits("+445555550123") == "445555550123"


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path):
    mask = os.umask(0)
    try:
        first, second = load_caller_key(tmp_path / "home"), load_caller_key(tmp_path / "home")
    finally:
        os.umask(mask)
    assert first.key == second.key
    assert stat.S_IMODE((tmp_path / "home" / KEY_FILE).stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "home").iterdir()] == [KEY_FILE]


def test_programs_that_start_at_once_get_the_same_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = {pool.submit(load_caller_key, tmp_path).result().fingerprint for _ in range(32)}
    assert len(keys) == 1


def test_a_damaged_key_is_refused_and_not_replaced(tmp_path):
    (tmp_path / KEY_FILE).write_text("half a ke")
    with pytest.raises(SettingsError, match="backup"):
        load_caller_key(tmp_path)
    assert (tmp_path / KEY_FILE).read_text() == "half a ke"


@pytest.mark.parametrize("text", ["half a line", "\xe9", "", "0123456789abcdef\n0123", "0123456789ABCDEF"])
def test_a_damaged_list_of_forgotten_callers_is_named_itself_and_not_the_key(tmp_path, text):
    load_caller_key(tmp_path)
    (tmp_path / FORGOTTEN_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        load_caller_key(tmp_path)
    (problem,) = caught.value.problems
    assert problem.where == str(tmp_path / FORGOTTEN_FILE)
    assert "may come back" in problem.next_step
    assert KEY_FILE not in str(caught.value)


def test_a_sound_list_of_forgotten_callers_is_read(tmp_path):
    assert read_forgotten(tmp_path) == frozenset()
    (tmp_path / FORGOTTEN_FILE).write_text("0123456789abcdef\nfedcba9876543210\n")
    assert load_caller_key(tmp_path).forgotten == {"0123456789abcdef", "fedcba9876543210"}


def test_a_damaged_key_and_a_damaged_list_are_told_at_once(tmp_path):
    for name in (KEY_FILE, FORGOTTEN_FILE):
        (tmp_path / name).write_text("half")
    with pytest.raises(SettingsError) as caught:
        load_caller_key(tmp_path)
    assert [problem.where for problem in caught.value.problems] == [
        str(tmp_path / KEY_FILE),
        str(tmp_path / FORGOTTEN_FILE),
    ]


@pytest.mark.parametrize("home", ["file", "file/below", "file/far/below"])
def test_a_home_that_is_a_file_is_said_to_be_one(tmp_path, home):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="a file stands where") as caught:
        load_caller_key(tmp_path / home)
    assert [problem.where for problem in caught.value.problems] == [str(tmp_path / "file")]


def test_what_a_killed_program_left_of_a_new_key_is_swept(tmp_path):
    key = load_caller_key(tmp_path)
    (tmp_path / f".{KEY_FILE}.99.0a1b").write_text("5" * 64)
    assert load_caller_key(tmp_path) == key
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


def test_a_program_whose_new_key_was_swept_takes_the_one_that_stands(tmp_path, monkeypatch):
    def come_second(beside, path):
        path.write_text("7" * 64)
        beside.unlink()
        raise FileNotFoundError

    monkeypatch.setattr(os, "link", come_second)
    assert load_caller_key(tmp_path).key.reveal() == "7" * 64
