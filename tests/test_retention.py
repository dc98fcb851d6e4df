"""What is deleted when, and how a caller is forgotten. Numbers are invented."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import zipfile
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from test_archive import (
    DAY,
    KEY,
    MORNING,
    content,
    file_set,
    kill_at_every_point,
    needs_fork,
    publish,
    record,
    write_stored,
)  # fmt: skip

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callerkey import CallerKey, load_caller_key
from kayzen_nb.errors import OutputFolderError, ParameterError
from kayzen_nb.parquetseal import is_sound, seal
from kayzen_nb.privacy import Secret
from kayzen_nb.rawpages import RawPages, read_raw
from kayzen_nb.retention import forget, prune

CALLER = "+12125550142"
PSEUDONYM = KEY.pseudonym(CALLER)
HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def calls(n=3, **more):
    """A few calls, the first two of them by the caller who is to be forgotten."""
    return [record(k, inboundPhoneNumber=CALLER if k < 2 else f"+121255501{50 + k}", **more) for k in range(n)]


def fill(home, *, keep_numbers=False):
    """Two accounts; in the first two days, one of them with three pulls and a marker, all with raw pages."""
    home.mkdir(exist_ok=True)
    (home / "caller.key").write_text("5" * 64)
    one, other = (Archive(archive_folder(home, account)) for account in ("RA1", "RA2"))
    for archive, day, at, amount in (
        (one, DAY, MORNING, 20), (one, DAY, MORNING + HOUR, 21), (one, DAY, MORNING + 2 * HOUR, 22), (one, DAY, MORNING + 3 * HOUR, 22),
        (one, DAY + A_DAY, MORNING + A_DAY, 20), (other, DAY, MORNING, 20),
    ):  # fmt: skip
        raw = home / "raw.gz"
        raw.unlink(missing_ok=True)
        rows = calls(payoutAmount=amount)
        with RawPages(raw, KEY, keep_numbers=keep_numbers) as pages:
            pages.add([json.dumps(row).encode() for row in rows])
        publish(archive, rows, day=day, at=at, raw=raw, keep_numbers=keep_numbers)
    shutil.rmtree(home / "spool")
    raw.unlink()
    return one, other


def first(home):
    return Archive(archive_folder(home, "RA1"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    home = tmp_path_factory.mktemp("filled") / "home"
    fill(home)
    return home


@pytest.fixture
def home(filled, tmp_path):
    return shutil.copytree(filled, tmp_path / "home")


def sums(archive):
    return [
        duckdb.execute("select count(*), sum(payout_usd_micros), sum(revenue_usd_micros) from read_parquet(?)", [str(p.path)]).fetchone()
        for p in archive.pulls(DAY)
    ]  # fmt: skip


def everything(home):
    """All that is kept of callers, in the clear: stored rows and raw records."""
    stored = sorted(home.rglob("*.parquet"))
    kept = [str(duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall()) for path in stored]
    return "".join(kept) + "".join(str(list(read_raw(path))) for path in sorted(home.rglob("*.ndjson.gz")))


# forgetting


@pytest.mark.parametrize("written", [CALLER, "(212) 555-0142", "212.555.0142", "1 212 555 0142 ext 7"])
def test_a_forgotten_caller_is_gone_from_every_account_and_pull_and_no_sum_changes(home, written):
    before = sums(first(home))
    done = forget(home, written, KEY)
    assert (len(done.pulls), done.rows, len(done.raw), done.records) == (5, 10, 5, 10)
    assert (done.was_known, done.unsearchable) == (False, ())
    assert PSEUDONYM not in everything(home)
    assert "**42" not in everything(home)
    assert sums(first(home)) == before
    rows = duckdb.execute(
        "select caller, caller_key, caller_number, state, more from read_parquet(?) order by call_id",
        [str(first(home).newest(DAY).path)],
    ).fetchall()
    assert rows[:2] == [("forgotten", None, None, None, None)] * 2
    assert rows[2][0] == "***-***-**52"
    assert rows[2][1] == KEY.pseudonym("+12125550152")


def test_files_written_again_keep_their_names_facts_seals_and_rights(home):
    before = {pull.path: pull.facts for pull in first(home).pulls(DAY)}
    forget(home, CALLER, KEY)
    assert {pull.path: pull.facts for pull in first(home).pulls(DAY)} == before
    assert all(is_sound(path) for path in before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.glob("archive/*/*/*/*")} == {0o600}


def test_later_readings_do_not_bring_the_caller_back(home):
    forget(home, CALLER, KEY)
    key = load_caller_key(home)
    assert key.forgotten == {PSEUDONYM}
    assert stat.S_IMODE((home / "forgotten-callers.txt").stat().st_mode) == 0o600
    again = publish(first(home), calls(payoutAmount=22), at=NOW, key=key)
    assert again.was_same


def test_forgetting_twice_changes_nothing(home):
    forget(home, CALLER, KEY)
    bytes_ = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    stamps = {path: path.stat().st_mtime_ns for path in home.glob("archive/*/*/*/*")}
    done = forget(home, CALLER, load_caller_key(home))
    assert (done.was_known, done.pulls, done.rows, done.raw, done.records) == (True, (), 0, (), 0)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == bytes_
    assert {path: path.stat().st_mtime_ns for path in home.glob("archive/*/*/*/*")} == stamps


def test_others_stay_and_several_callers_can_be_forgotten(home):
    forget(home, "+12125550152", KEY)
    assert PSEUDONYM in everything(home)
    forget(home, CALLER, load_caller_key(home))
    assert load_caller_key(home).forgotten == {PSEUDONYM, KEY.pseudonym("+12125550152")}
    assert PSEUDONYM not in everything(home)


def test_kept_numbers_are_forgotten_too(tmp_path):
    fill(tmp_path / "home", keep_numbers=True)
    assert "2125550142" in everything(tmp_path / "home")
    done = forget(tmp_path / "home", "212-555-0142", KEY)
    assert (done.rows, done.records) == (10, 10)
    assert "2125550142" not in everything(tmp_path / "home")
    assert "2125550152" in everything(tmp_path / "home")


def test_reports_that_hold_the_pseudonym_are_listed_and_left_alone(home, tmp_path):
    reports = tmp_path / "reports"
    (reports / "a").mkdir(parents=True)
    (reports / "a" / "page.html").write_text(f"<td>{PSEUDONYM}</td>")
    (reports / "other.csv").write_text("no one")
    with zipfile.ZipFile(reports / "pack.zip", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("calls.csv", f"caller\n{PSEUDONYM}\n" * 9)
    done = forget(home, CALLER, KEY, reports)
    assert done.reports == (reports / "a" / "page.html", reports / "pack.zip")
    assert PSEUDONYM in (reports / "a" / "page.html").read_text()
    assert "delete it yourself" in str(done)
    assert forget(home, CALLER, KEY, tmp_path / "nothing").reports == ()


def test_what_cannot_be_searched_is_named(home):
    pulls = first(home).pulls(DAY)
    pulls[0].path.write_bytes(b"damaged")
    first(home).raw_of(pulls[1]).write_bytes(b"damaged")
    foreign = pulls[0].path.with_name("pulled=2026-11-30T00-00-00Z.parquet")
    write_stored(foreign, calls(), key=CallerKey(key=Secret("6" * 64)))
    seal(foreign)
    done = forget(home, CALLER, KEY)
    assert set(done.unsearchable) == {
        pulls[0].path,
        foreign,
        first(home).raw_folder(DAY) / "pulled=2026-11-02T07-00-00Z.ndjson.gz",
    }
    assert done.rows == 8
    assert "Could not be searched" in str(done)


def test_a_kept_number_is_found_in_files_of_another_key_too(tmp_path):
    written, archive = tmp_path / "other.parquet", first(tmp_path)
    other = CallerKey(key=Secret("6" * 64))
    facts = write_stored(written, calls(), key=other, keep_numbers=True)
    path = archive.publish(DAY, written, facts).pull.path
    done = forget(tmp_path, CALLER, KEY)
    assert (done.pulls, done.rows, done.unsearchable) == ((path,), 2, (path,))
    assert "2125550142" not in everything(tmp_path / "archive")


def test_records_that_cannot_be_read_stay_as_they_are_kept(tmp_path):
    raw, archive = tmp_path / "raw.gz", first(tmp_path)
    with RawPages(raw, KEY) as pages:
        pages.add([b"[1]", json.dumps(calls()[0]).encode(), b"broken"])
    kept = [line for batch in read_raw(raw) for line in batch]
    pull = publish(archive, calls(), raw=raw).pull
    assert forget(tmp_path, CALLER, KEY).records == 1
    (after,) = read_raw(archive.raw_of(pull))
    assert [after[0], after[2]] == [kept[0], kept[2]]


@pytest.mark.parametrize("text", ["", "anonymous", "12345", "***-***-**42"])
def test_a_text_without_a_number_is_refused_and_nothing_is_written(tmp_path, text):
    with pytest.raises(ParameterError, match="no phone number"):
        forget(tmp_path / "home", text, KEY)
    assert not (tmp_path / "home").exists()


def test_a_caller_can_be_forgotten_before_anything_was_kept(tmp_path):
    done = forget(tmp_path / "home", CALLER, KEY)
    assert (done.rows, done.was_known) == (0, False)
    assert (tmp_path / "home" / "forgotten-callers.txt").read_text() == f"{PSEUDONYM}\n"


def test_a_forgotten_caller_is_told_as_a_record_without_the_number(home):
    record_ = forget(home, CALLER, KEY).as_record()
    assert (record_["rows"], record_["was_known"]) == (10, False)
    assert all(isinstance(path, str) for path in record_["pulls"])
    assert "2125550142" not in json.dumps(record_)


def test_half_written_files_of_killed_runs_go_too(home):
    left = first(home).calls_folder(DAY) / ".pulled=x.parquet.1-a.tmp"
    left.write_text(PSEUDONYM)
    forget(home, CALLER, KEY)
    assert not left.exists()


# killed, refused


def forget_caller(home, hook=lambda _: None):
    forget(home, CALLER, KEY, on_write=hook)


def prune_all(home, hook=lambda _: None):
    archive = Archive(archive_folder(home, "RA1"), on_write=hook)
    prune(
        archive, MORNING + 10 * A_DAY, calls_older_than=8 * A_DAY + 12 * HOUR, raw_older_than=timedelta(), keep_pulls=1
    )


def prune_pulls(home, hook=lambda _: None):
    archive = Archive(archive_folder(home, "RA1"), on_write=hook)
    prune(archive, MORNING + 2 * A_DAY, calls_older_than=None, raw_older_than=2 * A_DAY - 2 * HOUR, keep_pulls=2)


def names(home):
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if not p.name.endswith(".lock"))


@needs_fork
@pytest.mark.parametrize("operation", [forget_caller, prune_all, prune_pulls], ids=lambda o: o.__name__)
def test_killed_at_any_write_and_run_again_equals_a_clean_run(home, tmp_path, operation):
    if operation is forget_caller:  # the same steps for each file: one in each account will do
        prune_all(home)
    killed = kill_at_every_point("test_retention", operation.__name__, home, tmp_path / "killed")
    clean = shutil.copytree(home, tmp_path / "clean")
    operation(clean)
    assert names(clean) != names(home)
    expected = (names(clean), everything(clean), content(first(clean)))
    before = content(first(home))
    whole = [before, expected[2]]
    for again in killed:
        present = content(first(again))
        assert [len(rows) for _, rows in present] in [[len(rows) for _, rows in one] for one in whole]
        assert first(again).present(DAY, DAY).flaws == ()
        if operation is forget_caller and everything(again) != everything(home):
            assert load_caller_key(again).forgotten == {PSEUDONYM}  # noted before anything else
        if operation is not forget_caller:
            assert all(day in before for day in present)  # a day is as it was, or gone
        operation(again)
        assert (names(again), everything(again), content(first(again))) == expected


def test_a_refusing_disk_is_told_in_plain_words(home):
    for operation in (forget_caller, prune_all):
        with pytest.raises(OutputFolderError, match="Read-only"):
            operation(home, _refuse)
    assert not list(home.rglob("*.tmp"))


def _refuse(_):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_packed_reports_that_cannot_be_opened_are_named_as_not_searched(home, tmp_path):
    reports = tmp_path / "reports"
    reports.mkdir()
    names = ("cut", "encrypted", "odd packing", "flipped", "found")
    for name in names:
        with zipfile.ZipFile(reports / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a.txt", PSEUDONYM * 50)
    _spoil(reports / "cut.zip", lambda b: b[:20] + b[40:])
    _spoil(
        reports / "encrypted.zip",
        lambda b: b[:6] + b"\1" + b[7:].replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"),
    )
    _spoil(reports / "odd packing.zip", lambda b: b.replace(b"\0\0\x08\0", b"\0\0\x63\0"))
    _spoil(reports / "flipped.zip", lambda b: b[:37] + bytes(x ^ 255 for x in b[37:45]) + b[45:])
    done = forget(home, CALLER, KEY, reports)
    assert done.reports == (reports / "found.zip",)
    assert {path.stem for path in done.unsearchable} == set(names) - {"found"}


def _spoil(path, change):
    path.write_bytes(change(path.read_bytes()))


def test_no_room_for_temporary_files_is_told_in_plain_words_and_nothing_changes(home, tmp_path, monkeypatch):
    before = everything(home)
    monkeypatch.setattr("kayzen_nb.retention.new_spool_file", lambda suffix: tmp_path / "gone" / f"x{suffix}")
    with pytest.raises(OutputFolderError, match="TMPDIR") as caught:
        forget(home, CALLER, KEY)
    problem = caught.value.problems[0]
    assert problem.what
    assert problem.where
    assert "5550142" not in str(caught.value)
    assert everything(home) == before


# pruning


def test_days_older_than_the_limit_go_whole_and_younger_ones_stay(home):
    end = datetime(2026, 11, 2, tzinfo=UTC)
    keep = {"raw_older_than": 99 * A_DAY, "keep_pulls": None}
    assert prune(first(home), end + 5 * A_DAY - HOUR, calls_older_than=5 * A_DAY, **keep).days == ()
    done = prune(first(home), end + 5 * A_DAY, calls_older_than=5 * A_DAY, **keep)
    assert (done.days, done.pulls, done.raw) == ((DAY,), (), ())
    assert first(home).days() == (DAY + A_DAY,)
    assert file_set(first(home)) == [("calls/day=2026-11-02", "pull"), ("raw/day=2026-11-02", "raw")]
    assert not first(home).calls_folder(DAY).exists()
    assert not first(home).raw_folder(DAY).exists()
    assert Archive(archive_folder(home, "RA2")).days() == (DAY,)


def test_raw_pages_go_by_age_and_the_calls_stay(home):
    done = prune(
        first(home), MORNING + 30 * A_DAY + HOUR, calls_older_than=None, raw_older_than=30 * A_DAY, keep_pulls=None
    )
    assert [path.name for path in done.raw] == ["pulled=2026-11-02T06-00-00Z.ndjson.gz"]
    assert [pull.pulled_at.hour for pull in first(home).pulls(DAY) if first(home).raw_of(pull)] == [7, 8]
    assert len(first(home).pulls(DAY)) == 3


def test_older_pulls_go_with_their_raw_pages_and_the_marker_stays(home):
    done = prune(first(home), NOW, calls_older_than=None, raw_older_than=99 * A_DAY, keep_pulls=2)
    assert [path.name for path in done.pulls] == ["pulled=2026-11-02T06-00-00Z.parquet"]
    assert [pull.pulled_at.hour for pull in first(home).pulls(DAY)] == [7, 8]
    assert len(list(first(home).raw_folder(DAY).iterdir())) == 2
    assert first(home).checked_at(DAY) == MORNING + 3 * HOUR


def test_the_newest_sound_pull_never_goes(home):
    oldest, *damaged = first(home).pulls(DAY)
    for pull in damaged:
        pull.path.write_bytes(b"damaged")
    done = prune(first(home), NOW, calls_older_than=None, raw_older_than=99 * A_DAY, keep_pulls=1)
    assert done.pulls == (damaged[0].path,)
    assert first(home).newest(DAY) == oldest


def test_a_dry_run_tells_the_same_and_deletes_nothing(home):
    limits = {"calls_older_than": 29 * A_DAY, "raw_older_than": timedelta(), "keep_pulls": 1}
    before = names(home)
    told = prune(first(home), NOW, dry_run=True, **limits)
    assert names(home) == before
    assert told == prune(first(home), NOW, **limits)
    assert told.days == (DAY,)
    assert str(told) == "Days: 1 (2026-11-01 to 2026-11-01), single pulls: 0, raw pages: 1 files."
    assert told.as_record()["days"] == ["2026-11-01"]


def test_pruning_what_is_not_there_makes_nothing(tmp_path):
    done = prune(first(tmp_path), NOW, calls_older_than=A_DAY, raw_older_than=A_DAY, keep_pulls=1)
    assert (done.days, done.pulls, done.raw, list(tmp_path.iterdir())) == ((), (), (), [])


def test_limits_that_make_no_sense_are_refused_all_at_once(home):
    with pytest.raises(ParameterError) as refused:
        prune(first(home), NOW, calls_older_than=-A_DAY, raw_older_than=-A_DAY, keep_pulls=0)
    assert [problem.where for problem in refused.value.problems] == ["calls_older_than", "raw_older_than", "keep_pulls"]
