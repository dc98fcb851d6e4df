"""The archive on disk: whole or not at all, whoever is killed, damaged, or in the way. Numbers are invented."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import duckdb
import pytest

from kayzen_nb import parquetseal
from kayzen_nb.archive import Archive, archive_folder, list_archives
from kayzen_nb.callerkey import CallerKey
from kayzen_nb.callsql import build_stored_sql, open_engine
from kayzen_nb.errors import OutputFolderError, RunError
from kayzen_nb.parquetseal import is_sound, seal
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.storedcalls import FACTS_KEY, FORMAT, PARQUET, PullFacts

KEY = CallerKey(key=Secret("5" * 64))
DAY = date(2026, 11, 1)
MORNING = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")


def record(n, **more):
    """One call as Ringba's API gives it: the n-th minute of the first of November 2026."""
    at = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=n)
    return {
        "inboundCallId": f"RGB{n:04}",
        "callDt": int(at.timestamp() * 1000),
        "campaignName": "CTV Spring",
        "inboundPhoneNumber": f"+121255501{n % 100:02}",
        "number": "+18885550122",
        "tag:InboundNumber:State": "NY",
        "hasConnected": True,
        "conversionAmount": 27.5,
        "payoutAmount": 20.0,
    } | more


def write_stored(path, records, *, pulled_at=MORNING, day=DAY, key=KEY, window_end=None, keep_numbers=False, **facts):
    """A stored file as the readers of pages write it, with its facts; returns the facts."""
    lines = path.with_suffix(".ndjson")
    lines.write_bytes(b"\n".join(r if isinstance(r, bytes) else json.dumps(r).encode() for r in records))
    cells = {word: f"nullif(\"{name}\", '')" for word, name in API_IDS.items()}
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in API_IDS.values())
    source = f"read_ndjson('{lines}', columns = {{{columns}}})"
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    made = PullFacts(
        **{
            "window_start": start, "window_end": window_end or start + timedelta(days=1), "pulled_at": pulled_at,
            "rows_in": len(records), "rows_used": len(records), "source": "api", "caller_key": key.fingerprint,
            "reader": "test",
        } | facts
    )  # fmt: skip
    with open_engine(key) as engine:
        if not records:
            nothing = ", ".join(f'null::varchar as "{name}"' for name in API_IDS.values())
            source = f"(select {nothing} where false)"
        query = build_stored_sql(
            cells, source, at_utc='read_instant("callDt")', sparse=True, keep_numbers=keep_numbers
        ).query
        text = made.as_text().replace("'", "''")
        engine.execute(f"copy ({query}) to '{path}' ({PARQUET}, KV_METADATA {{{FACTS_KEY}: '{text}'}})")
    lines.unlink()
    return made


def publish(archive, records, *, at=MORNING, day=DAY, raw=None, spool=None, **facts):
    """Write a stored file outside of the archive and publish it."""
    written = (spool or archive.folder.parent.parent / "spool") / f"{os.getpid()}-{threading.get_ident()}.parquet"
    written.parent.mkdir(parents=True, exist_ok=True)
    made = write_stored(written, records, pulled_at=at, day=day, **facts)
    return archive.publish(day, written, made, raw)


def read_rows(pull):
    return duckdb.execute(
        "select call_id, payout_usd_micros from read_parquet(?) order by all", [str(pull.path)]
    ).fetchall()


def content(archive, first=DAY, last=DAY):
    """What readers see: every stored row of the present."""
    pulls = archive.present(first, last).pulls
    return [
        (p.day, duckdb.execute("select * from read_parquet(?) order by all", [str(p.path)]).fetchall()) for p in pulls
    ]


def file_set(archive, *, markers=True):
    """The files by folder and kind, without times; temporary ones and any other kind by name."""

    def kind(path):
        name = path.name
        return (
            "pull"
            if name.startswith("pulled=") and name.endswith(".parquet")
            else "raw"
            if name.startswith("pulled=")
            else "marker"
            if name.startswith("_same=")
            else name
        )

    files = [p for p in archive.folder.rglob("*") if p.is_file() and p.name != ".writers.lock"]
    return sorted((str(p.parent.relative_to(archive.folder)), kind(p)) for p in files if markers or kind(p) != "marker")


@pytest.fixture
def archive(tmp_path):
    return Archive(archive_folder(tmp_path / "home", "RA1"))


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "pages.ndjson.gz"
    path.write_bytes(b"raw pages")
    return path


# the seal


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "a.parquet"
    write_stored(path, [record(n) for n in range(300)])
    before = duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall()
    seal(path)
    return path, before


def test_a_sealed_file_is_sound_and_duckdb_reads_it_unchanged(sealed):
    path, before = sealed
    assert is_sound(path)
    assert duckdb.execute("select * from read_parquet(?)", [str(path)]).fetchall() == before
    assert duckdb.execute("select count(*) from parquet_kv_metadata(?)", [str(path)]).fetchone() == (1,)


def test_a_sealed_file_is_read_by_pyarrow_too(sealed):
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.read_table(sealed[0]).num_rows == 300


def test_an_unsealed_file_is_not_sound_and_sealing_twice_changes_nothing(tmp_path):
    path = tmp_path / "a.parquet"
    write_stored(path, [record(1)])
    assert not is_sound(path)
    seal(path)
    once = path.read_bytes()
    seal(path)
    assert path.read_bytes() == once


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"PAR1" + b"\xff" * 8 + b"PAR1"])
def test_only_a_parquet_file_is_sealed(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    assert not is_sound(path)
    with pytest.raises(ValueError, match="Parquet"):
        seal(path)


def test_every_flipped_bit_is_found(sealed):
    path, random = sealed[0], Random(7)  # noqa: S311  # a sample, the same each time
    whole = path.read_bytes()
    mark = whole.index(b"KNBSEAL1")
    places = (
        [random.randrange(len(whole)) for _ in range(200)]
        + list(range(mark, mark + 40))
        + [0, len(whole) - 1, len(whole) - 5]
    )
    missed = []
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << random.randrange(8)
        path.write_bytes(flipped)
        missed += [place] if is_sound(path) else []
    assert not missed


def test_every_cut_and_every_added_byte_is_found(sealed):
    path = sealed[0]
    whole = path.read_bytes()
    changed = [whole[:length] for length in range(0, len(whole), 97)] + [whole[1:], whole + b"\0", whole + whole]
    sound = []
    for number, bytes_ in enumerate(changed):
        path.write_bytes(bytes_)
        sound += [number] if is_sound(path) else []
    assert not sound


# publishing and the present


def test_the_first_pull_of_a_day_stands_under_its_day_and_time(archive, raw):
    done = publish(archive, [record(1), record(2)], raw=raw)
    assert (done.was_same, done.compared) == (False, None)
    assert str(done.pull.path.relative_to(archive.folder)) == "calls/day=2026-11-01/pulled=2026-11-02T06-00-00Z.parquet"
    assert archive.newest(DAY) == done.pull
    assert done.pull.facts.rows_in == 2
    assert archive.days() == (DAY,)
    assert archive.raw_of(done.pull).read_bytes() == b"raw pages"
    assert archive.checked_at(DAY) == MORNING
    assert file_set(archive) == [("calls/day=2026-11-01", "pull"), ("raw/day=2026-11-01", "raw")]


def test_the_same_rows_again_leave_only_the_newest_marker(archive):
    first = publish(archive, [record(1), record(2)])
    for hours in (6, 12):
        again = publish(archive, [record(2), record(1)], at=MORNING + timedelta(hours=hours))
        assert (again.was_same, again.pull) == (True, first.pull)
    assert archive.checked_at(DAY) == MORNING + timedelta(hours=12)
    assert archive.checked_at(DAY, MORNING + timedelta(hours=1)) == MORNING
    assert file_set(archive) == [("calls/day=2026-11-01", "marker"), ("calls/day=2026-11-01", "pull")]


def test_changed_rows_become_the_newest_pull_and_the_older_one_stays(archive):
    publish(archive, [record(1), record(2)])
    publish(archive, [record(1), record(2)], at=MORNING + timedelta(hours=1))
    later = publish(archive, [record(1), record(2, payoutAmount=25)], at=MORNING + timedelta(hours=2))
    assert (later.was_same, later.compared.changed, later.compared.payout_delta_usd_micros) == (False, 1, 5_000_000)
    assert read_rows(archive.newest(DAY)) == [("RGB0001", 20_000_000), ("RGB0002", 25_000_000)]
    assert [pull.pulled_at.hour for pull in archive.pulls(DAY)] == [6, 8]
    assert file_set(archive) == [("calls/day=2026-11-01", "pull")] * 2
    assert read_rows(archive.newest(DAY, MORNING + timedelta(hours=1))) == [
        ("RGB0001", 20_000_000),
        ("RGB0002", 20_000_000),
    ]
    assert archive.newest(DAY, MORNING - timedelta(seconds=1)) is None


def test_a_day_read_before_its_end_and_after_it_are_two_pulls_even_with_the_same_rows(archive):
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    publish(archive, [record(1)], at=noon, window_end=noon)
    whole = publish(archive, [record(1)])
    assert not whole.was_same
    assert archive.newest(DAY).facts.window_end == datetime(2026, 11, 2, tzinfo=UTC)


def test_a_day_without_calls_is_a_pull_and_not_a_missing_day(archive):
    publish(archive, [])
    present = archive.present(DAY, DAY + timedelta(days=1))
    assert ([p.day for p in present.pulls], present.missing) == ([DAY], (DAY + timedelta(days=1),))
    assert publish(archive, [], at=MORNING + timedelta(hours=1)).was_same


def test_the_time_of_a_pull_never_goes_back(archive):
    publish(archive, [record(1)])
    second = publish(archive, [record(1), record(2)], at=MORNING - timedelta(days=1))
    third = publish(archive, [record(1)], at=MORNING)
    assert [p.pulled_at - MORNING for p in (second.pull, third.pull)] == [timedelta(seconds=1), timedelta(seconds=2)]
    publish(archive, [record(1)], at=MORNING - timedelta(days=9))
    assert archive.checked_at(DAY) == MORNING + timedelta(seconds=3)


def test_folders_are_0700_and_files_0600_whatever_the_umask(tmp_path, raw):
    for umask in (0o000, 0o077, 0o277):
        old = os.umask(umask)
        try:
            archive = Archive(archive_folder(tmp_path / f"home{umask}", "RA1"))
            publish(archive, [record(1)], raw=raw, spool=tmp_path)
            publish(archive, [record(1)], raw=raw, at=MORNING + timedelta(hours=1), spool=tmp_path)
        finally:
            os.umask(old)
        modes = {p: stat.S_IMODE(p.stat().st_mode) for p in [archive.folder.parent, *archive.folder.parent.rglob("*")]}
        assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
        assert {mode for path, mode in modes.items() if path.is_file() and path.name != ".writers.lock"} == {0o600}
        assert stat.S_IMODE((archive.folder / ".writers.lock").stat().st_mode) & 0o077 == 0


def test_a_home_with_odd_letters_works(tmp_path):
    archive = Archive(archive_folder(tmp_path / "a b [1]*é" / ".." / "a b [1]*é's", "RA1"))
    publish(archive, [record(1)], spool=tmp_path)
    assert publish(archive, [record(1)], at=MORNING + timedelta(hours=1), spool=tmp_path).was_same
    assert publish(archive, [record(2)], at=MORNING + timedelta(hours=2), spool=tmp_path).compared.gone == 1


def test_the_archives_of_a_home_are_found(tmp_path):
    for account in ("RA2", "RA1"):
        publish(Archive(archive_folder(tmp_path, account)), [record(1)])
    (tmp_path / "archive" / "RA3").symlink_to(tmp_path / "archive" / "RA1")
    assert [a.folder.name for a in list_archives(tmp_path)] == ["RA1", "RA2"]
    assert list_archives(tmp_path / "nothing") == ()


def test_a_pulls_digest_is_the_files_sha256(archive):
    pull = publish(archive, [record(1)]).pull
    assert (
        pull.digest
        == subprocess.run(["sha256sum", pull.path], capture_output=True, text=True, check=True).stdout.split()[0]
    )


# damage


def spoil_newest(archive, how):
    path = archive.newest(DAY).path
    bytes_ = bytearray(path.read_bytes())
    if how == "flipped":
        bytes_[40] ^= 4
    path.write_bytes(bytes_ if how == "flipped" else bytes_[: len(bytes_) // 2] if how == "cut" else b"")


@pytest.mark.parametrize("how", ["flipped", "cut", "empty"])
def test_a_damaged_file_is_named_and_the_older_pull_takes_over(archive, how):
    old = publish(archive, [record(1)]).pull
    publish(archive, [record(1), record(2)], at=MORNING + timedelta(hours=1))
    publish(archive, [record(1), record(2)], at=MORNING + timedelta(hours=2))
    spoil_newest(archive, how)
    present = archive.present(DAY, DAY)
    assert present.pulls == (old,)
    (flaw,) = present.flaws
    for part in (
        "pulled=2026-11-02T07-00-00Z.parquet",
        "damaged",
        "2026-11-02 06:00:00 UTC is used",
        "Sync 2026-11-01 again",
    ):
        assert part in flaw
    assert archive.checked_at(DAY) == MORNING  # what was read later is lost, so the day counts as read long ago


def test_with_no_sound_pull_the_day_is_missing_and_says_why(archive):
    publish(archive, [record(1)])
    spoil_newest(archive, "cut")
    present = archive.present(DAY, DAY)
    assert (present.pulls, present.missing) == ((), (DAY,))
    assert "no older pull" in present.flaws[0]
    assert (archive.newest(DAY), archive.checked_at(DAY), archive.days()) == (None, None, (DAY,))


def test_reading_the_day_again_heals_it_even_when_the_older_pull_has_the_same_rows(archive):
    publish(archive, [record(1)])
    publish(archive, [record(1), record(2)], at=MORNING + timedelta(hours=1))
    spoil_newest(archive, "flipped")
    healed = publish(archive, [record(1)], at=MORNING + timedelta(hours=2))
    assert not healed.was_same
    assert (archive.newest(DAY), archive.present(DAY, DAY).flaws) == (healed.pull, ())


def test_a_file_of_a_newer_version_is_not_read_and_asks_for_an_update(archive):
    old = publish(archive, [record(1)]).pull
    newer = archive.calls_folder(DAY) / "pulled=2026-11-02T07-00-00Z.parquet"
    write_stored(newer, [record(2)], format=FORMAT + 1)
    seal(newer)
    present = archive.present(DAY, DAY)
    assert present.pulls == (old,)
    assert "newer version" in present.flaws[0]
    assert "Update this toolkit" in present.flaws[0]


def test_foreign_files_and_links_in_a_day_are_named_and_not_read(archive):
    pull = publish(archive, [record(1)]).pull
    folder = pull.path.parent
    duckdb.execute(f"copy (select 1) to '{folder}/pulled=2026-11-03T00-00-00Z.parquet'")
    (folder / "pulled=2026-11-04T00-00-00Z.parquet").symlink_to(pull.path)
    (folder / "pulled=2026-11-05T00-00-00Z.parquet").mkdir()
    shutil.copy(pull.path, folder / "mine.parquet")
    shutil.copy(pull.path, folder / "pulled=2026-99-05T00-00-00Z.parquet")
    present = archive.present(DAY, DAY)
    assert present.pulls == (pull,)
    assert [flaw.split()[0] for flaw in present.flaws] == [
        "pulled=2026-11-05T00-00-00Z.parquet", "pulled=2026-11-04T00-00-00Z.parquet", "pulled=2026-11-03T00-00-00Z.parquet",
        "mine.parquet", "pulled=2026-99-05T00-00-00Z.parquet",
    ]  # fmt: skip


def test_a_sealed_file_without_facts_is_named(archive):
    pull = publish(archive, [record(1)]).pull
    other = pull.path.with_name("pulled=2026-11-05T00-00-00Z.parquet")
    duckdb.execute(f"copy (from read_parquet('{pull.path}')) to '{other}'")
    seal(other)
    assert archive.newest(DAY) == pull
    assert "does not say which" in archive.present(DAY, DAY).flaws[0]


def test_a_damaged_marker_says_nothing(archive):
    publish(archive, [record(1)])
    publish(archive, [record(1)], at=MORNING + timedelta(hours=1))
    (marker,) = archive.calls_folder(DAY).glob("_same=*")
    marker.write_text("{")
    assert archive.checked_at(DAY) == MORNING


def test_a_files_soundness_is_looked_at_once_until_it_changes(archive, monkeypatch):
    looked = []
    monkeypatch.setattr(parquetseal, "is_sound", lambda path: looked.append(path) or is_sound(path))
    pull = publish(archive, [record(1)]).pull
    looked.clear()
    for _ in range(3):
        archive.newest(DAY)
    assert len(looked) == 1
    pull.path.write_bytes(pull.path.read_bytes())
    os.utime(pull.path, ns=(1, 1))
    archive.newest(DAY)
    assert len(looked) == 2


# killed, refused, in the way

_DRIVER = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import {module} as tests
for k in range(1, 200):
    home = Path({base!r}) / str(k)
    import shutil
    shutil.copytree({template!r}, home, symlinks=True)
    child = os.fork()
    if child == 0:
        seen = [0]
        def hook(point):
            seen[0] += 1
            if seen[0] == k:
                os._exit(77)
        try:
            tests.{operation}(home, hook)
        except BaseException as broken:
            sys.stderr.write(repr(broken))
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        shutil.rmtree(home)
        print(k - 1)
        break
    if code != 77:
        sys.exit("broke at %d" % k)
"""


def kill_at_every_point(module, operation, template, base):
    """Run ``module.operation(home, hook)`` on copies of a home folder, each time ended at another point.

    Gives the folders of the killed runs, in the order of the points.
    """
    script = _DRIVER.format(
        tests=str(Path(__file__).parent), module=module, operation=operation, template=str(template), base=str(base)
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    count = int(done.stdout)
    assert count >= 3
    return [base / str(k) for k in range(1, count + 1)]


def _archive_in(home, hook=lambda _: None):
    return Archive(archive_folder(home, "RA1"), on_write=hook)


def first_pull(home, hook=lambda _: None):
    archive = _archive_in(home, hook)
    archive.publish(DAY, home / "first.parquet", _facts(home / "first.parquet"), home / "raw.gz")


def changed_pull(home, hook=lambda _: None):
    archive = _archive_in(home, hook)
    archive.publish(DAY, home / "changed.parquet", _facts(home / "changed.parquet"), home / "raw.gz")


def same_pull(home, hook=lambda _: None):
    archive = _archive_in(home, hook)
    archive.publish(DAY, home / "same.parquet", _facts(home / "same.parquet"), home / "raw.gz")


def _facts(path):
    unsealed = parquetseal.read_facts
    with duckdb.connect() as engine:
        return unsealed(engine.execute("select decode(value) from parquet_kv_metadata(?)", [str(path)]).fetchone()[0])


def _template(tmp_path, operation):
    home = tmp_path / "template"
    home.mkdir()
    (home / "raw.gz").write_bytes(b"raw pages")
    write_stored(home / "first.parquet", [record(1), record(2)])
    write_stored(
        home / "changed.parquet", [record(1), record(2, payoutAmount=25)], pulled_at=MORNING + timedelta(hours=5)
    )
    write_stored(home / "same.parquet", [record(2), record(1)], pulled_at=MORNING + timedelta(hours=5))
    if operation is not first_pull:
        first_pull(home)
        publish(_archive_in(home), [record(1), record(2)], at=MORNING + timedelta(hours=1))
    return home


@needs_fork
@pytest.mark.parametrize("operation", [first_pull, changed_pull, same_pull], ids=lambda o: o.__name__)
def test_killed_at_any_write_and_run_again_equals_a_clean_run(tmp_path, operation):
    template = _template(tmp_path, operation)
    killed = kill_at_every_point("test_archive", operation.__name__, template, tmp_path / "killed")
    clean = shutil.copytree(template, tmp_path / "clean")
    operation(clean)
    expected, files = content(_archive_in(clean)), file_set(_archive_in(clean), markers=False)
    operation(clean)
    settled = file_set(_archive_in(clean))
    before = content(_archive_in(template))
    for home in killed:
        assert content(_archive_in(home)) in (before, expected)  # as if not begun, or done: nothing between
        operation(home)
        assert content(_archive_in(home)) == expected
        assert file_set(_archive_in(home), markers=False) == files
        operation(home)
        assert file_set(_archive_in(home)) == settled


@pytest.mark.parametrize("operation", [first_pull, changed_pull, same_pull], ids=lambda o: o.__name__)
def test_a_full_disk_at_any_write_is_told_in_plain_words_and_leaves_the_older_untouched(tmp_path, operation):
    template = _template(tmp_path, operation)
    before, clean = content(_archive_in(template)), shutil.copytree(template, tmp_path / "clean")
    operation(clean)
    expected = content(_archive_in(clean))
    for k in range(1, 200):
        home, seen = shutil.copytree(template, tmp_path / str(k)), []

        def hook(point, seen=seen, k=k):
            seen.append(point)
            if len(seen) == k:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        try:
            operation(home, hook)
        except OutputFolderError as refused:
            (problem,) = refused.problems
            assert "No space left on device" in problem.what
            assert problem.where
            assert "run the same command again" in problem.next_step
        else:
            assert k > 5
            break
        assert content(_archive_in(home)) in (before, expected)
        if seen[-1] != "delete":  # the very step that failed was the clearing up
            assert not list(home.rglob("*.tmp"))
        operation(home)
        assert content(_archive_in(home)) == expected
        assert not list(home.rglob("*.tmp"))
    else:
        pytest.fail("the operation never ends")


@needs_fork
def test_a_real_limit_on_the_size_of_files_is_told_in_plain_words(tmp_path):
    home = _template(tmp_path, first_pull)
    script = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_archive
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    test_archive.first_pull(Path({str(home)!r}))
except test_archive.OutputFolderError as refused:
    print(refused)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "The archive cannot be written: File too large" in done.stdout, done.stderr
    assert not list(home.rglob("*.tmp"))
    assert content(_archive_in(home)) == []


def test_a_file_in_place_of_a_folder_is_told_and_left_alone(tmp_path):
    for blocked in ("archive", "archive/RA1", "archive/RA1/calls", "archive/RA1/raw/day=2026-11-01"):
        home = tmp_path / blocked.replace("/", "-")
        (home / blocked).parent.mkdir(parents=True)
        (home / blocked).write_text("mine")
        with pytest.raises(OutputFolderError, match="archive cannot be written"):
            publish(_archive_in(home), [record(1)], spool=tmp_path)
        assert (home / blocked).read_text() == "mine"


@pytest.mark.parametrize(
    "linked", ["archive/RA1", "archive/RA1/calls", "archive/RA1/calls/day=2026-11-01", "archive/RA1/raw"]
)
def test_a_link_in_place_of_a_folder_is_refused(tmp_path, linked):
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    elsewhere.mkdir()
    (home / linked).parent.mkdir(parents=True)
    (home / linked).symlink_to(elsewhere)
    with pytest.raises(OutputFolderError, match="A link stands"):
        publish(_archive_in(home), [record(1)], spool=tmp_path)
    assert list(elsewhere.iterdir()) == []


def test_a_linked_day_folder_is_not_read_and_is_named(archive, tmp_path):
    publish(archive, [record(1)])
    folder = archive.calls_folder(DAY)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    present = archive.present(DAY, DAY)
    assert (present.pulls, archive.days()) == ((), ())
    assert "is a link" in present.flaws[0]


def test_what_killed_runs_left_is_swept_at_the_next_publish(archive, raw):
    damaged = publish(archive, [record(1)], raw=raw, at=MORNING - timedelta(days=1)).pull
    damaged.path.write_bytes(b"")
    other = archive.raw_folder(DAY + timedelta(days=3))
    other.mkdir(parents=True)
    orphan = archive.raw_folder(DAY) / "pulled=2026-11-02T05-00-00Z.ndjson.gz"
    left = [
        archive.calls_folder(DAY) / ".pulled=x.parquet.1-ab.tmp",
        archive.raw_folder(DAY) / ".x.99-c.tmp",
        other / ".y.1-d.tmp",
        orphan,
    ]
    for path in left:
        path.write_bytes(b"half")
    Archive(archive.folder).publish(DAY, *_spooled(archive, [record(1)]))
    assert not [path for path in left if path.exists()]
    assert (
        archive.raw_folder(DAY) / "pulled=2026-11-01T06-00-00Z.ndjson.gz"
    ).exists()  # the damaged pull's own: its rescue


def _spooled(archive, records, **facts):
    written = archive.folder.parent.parent / "spool.parquet"
    written.parent.mkdir(exist_ok=True)
    return written, write_stored(written, records, **facts)


def test_a_caller_forgotten_while_the_day_was_read_is_not_brought_back(archive):
    written, facts = _spooled(archive, [record(1), record(2)])
    home = archive.folder.parent.parent
    (home / "forgotten-callers.txt").write_text(KEY.pseudonym("+12125550199") + "\n")
    assert not archive.publish(DAY, written, facts).was_same  # another caller
    (home / "forgotten-callers.txt").write_text(KEY.pseudonym("+12125550102") + "\n")
    with pytest.raises(RunError, match=r"forgotten while(.|\n)*Run the sync again"):
        archive.publish(DAY, written, facts)


def test_a_file_without_facts_is_not_published(archive, tmp_path):
    written, facts = _spooled(archive, [record(1)])
    bare = tmp_path / "bare.parquet"
    duckdb.execute(f"copy (from read_parquet('{written}')) to '{bare}'")
    with pytest.raises(ValueError, match="does not say which"):
        archive.publish(DAY, bare, facts)
    assert file_set(archive) == []


# at once


def test_two_threads_publishing_at_once_lose_nothing(archive, tmp_path):
    broken = []

    def work(number):
        try:
            for turn in range(4):
                publish(Archive(archive.folder), [record(number), record(10 + turn)], spool=tmp_path)
        except Exception as error:  # noqa: BLE001  # told below, in the test's own thread
            broken.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not broken
    assert len(archive.pulls(DAY)) == 12
    assert not list(archive.folder.rglob("*.tmp"))


_WRITER = """
import sys
sys.path.insert(0, {tests!r})
import test_archive as t
from pathlib import Path
archive = t._archive_in(Path({home!r}))
for turn in range(8):
    t.publish(archive, [t.record(n) for n in range({number} * 100, {number} * 100 + 50 + turn)], spool=Path({home!r}))
"""


def test_two_processes_at_once_both_end_well_and_readers_see_whole_files_only(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER.format(tests=str(Path(__file__).parent), home=str(home), number=number)],
            stderr=subprocess.PIPE, text=True,
        )
        for number in (1, 2)
    ]  # fmt: skip
    archive, reads, torn = _archive_in(home), 0, []
    while any(writer.poll() is None for writer in writers) or reads < 500:
        present = archive.present(DAY, DAY)
        torn += present.flaws
        for pull in present.pulls:
            assert len(read_rows(pull)) == pull.facts.rows_in
        reads += 1
        assert reads < 100_000
    assert [writer.wait() for writer in writers] == [0, 0], [writer.stderr.read() for writer in writers]
    for writer in writers:
        writer.stderr.close()
    assert not torn
    assert len(archive.pulls(DAY)) == 16
    rows = sorted(pull.facts.rows_in for pull in archive.pulls(DAY))
    assert rows == sorted([50 + turn for turn in range(8)] * 2)
