"""The journal keeps what was noted, and nothing that must not be kept."""

import json
import os
import stat
from datetime import UTC, date, datetime
from multiprocessing import get_context

import pytest

from kayzen_nb.entries import Entry, pick_entries
from kayzen_nb.errors import OutputFolderError
from kayzen_nb.journal import FILE_NAME, Journal
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

AT = datetime(2026, 11, 20, 9, 12, tzinfo=UTC)
CANARY = "canary-7Yq2ZkP0"


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "home", now=lambda: AT)


def test_a_note_comes_back_as_the_entry_that_was_kept(journal):
    noted = journal.note("step", "CTV Spring", by="Ana", step="admin", on=date(2026, 11, 19), event=Event.PAYOUT)
    facts = {"step": "admin", "on": "2026-11-19", "event": "payout"}
    assert noted == Entry(at=AT, kind="step", subject="CTV Spring", by="Ana", facts=facts)
    assert journal.entries() == [noted]
    assert journal.flaws == []


def test_entries_are_picked_by_kind_and_subject_whatever_the_case(journal):
    first = journal.note("step", "CTV  Spring", by="a")
    second = journal.note("pixels_seen", "ctv spring", by="a")
    journal.note("step", "CTV Summer", by="a")
    assert journal.entries("step", " CTV spring ") == [first]
    assert journal.entries(subject="CTV Spring") == [first, second]
    assert pick_entries(journal.entries(), "step", "CTV SPRING") == [first]


def test_no_journal_yet_is_an_empty_one(journal):
    assert journal.entries() == []
    assert journal.flaws == []


@pytest.mark.skipif(os.name == "nt", reason="rights are POSIX")
def test_only_its_owner_reads_the_file(journal):
    journal.note("step", "x", by="a")
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_neither_a_key_in_a_url_nor_a_full_number_is_kept(journal):
    url = f"https://api-events.eventstracker.io/v1/ev?api_key={CANARY}&number=+18885550122"
    journal.note("seen", "CTV 8885550122", by="+1 303 555 0123".replace(" ", ""), url=url, many=[{"8885550123": url}])
    text = journal.path.read_text()
    assert CANARY not in text
    assert "8885550122" not in text and "8885550123" not in text and "3035550123" not in text  # noqa: PT018
    assert len(journal.entries("seen", "CTV 8885550122")) == 1


def test_a_secret_is_not_noted(journal):
    with pytest.raises(TypeError, match="Secret is not noted"):
        journal.note("seen", "x", by="a", key=Secret(CANARY))
    assert not journal.path.exists()


def test_a_cut_last_line_is_named_and_does_not_swallow_the_next_note(journal):
    first = journal.note("step", "x", by="a", n=1)
    with journal.path.open("ab") as file:
        file.write(b'{"at": "2026-11-20T09:1')
    assert journal.entries() == [first]
    assert journal.flaws == [f"Line 2 of {journal.path} is cut off and is left out."]
    third = journal.note("step", "x", by="a", n=3)
    assert journal.entries() == [first, third]
    assert journal.flaws == [f"Line 2 of {journal.path} is damaged and is left out."]


@pytest.mark.parametrize(
    "line", ["null", "[]", "7", "{}", '{"at": 3, "facts": {}}', '{"at":"2026-11-20","kind":"","subject":"","by":"","facts":{}}',
             json.dumps({"at": AT.isoformat(), "kind": "k", "subject": "s", "by": "b", "facts": []}), "\u00ff{"],
)  # fmt: skip
def test_a_line_that_is_no_entry_is_left_out(journal, line):
    journal.path.parent.mkdir()
    journal.path.write_bytes(line.encode("latin-1") + b"\n")
    assert journal.entries() == []
    assert len(journal.flaws) == 1


def note_many(home, name):
    for n in range(20):
        Journal(home).note("step", name, by=name, n=n)


def test_two_programs_that_note_at_once_both_keep_everything(tmp_path):
    spawn = get_context("fork" if os.name == "posix" else "spawn")
    programs = [spawn.Process(target=note_many, args=(tmp_path, name)) for name in ("a", "b")]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    journal = Journal(tmp_path)
    assert [len(journal.entries("step", name)) for name in ("a", "b")] == [20, 20]
    assert journal.flaws == []


def test_a_home_that_cannot_be_used_is_told_in_plain_words(tmp_path):
    (tmp_path / "home").write_text("a file")
    with pytest.raises(OutputFolderError, match="journal cannot be written"):
        Journal(tmp_path / "home").note("step", "x", by="a")
    (tmp_path / "other" / FILE_NAME).mkdir(parents=True)
    with pytest.raises(OutputFolderError, match="journal cannot be read"):
        Journal(tmp_path / "other").entries()


def test_a_journal_that_another_program_holds_is_told_and_not_written_beside_it(journal, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr("kayzen_nb.journal._LOCK_WAIT_S", 0.05)
    journal.note("step", "x", by="a")
    with FileLock(f"{journal.path}.lock"), pytest.raises(OutputFolderError, match="another program holds it"):
        journal.note("step", "y", by="a")
    assert [entry.subject for entry in journal.entries()] == ["x"]
