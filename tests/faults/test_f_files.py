"""Group F: files and programs at the same time. Children are real processes; who is killed is killed with signal 9."""

# ruff: noqa: N802  # tests are named by the matrix's ids: C03, not c03

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from kayzen_nb import sources
from kayzen_nb.archive import Archive
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.errors import KayzenNbError, OutputFolderError
from kayzen_nb.parquetseal import Disk
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.spool import new_spool_file
from kayzen_nb.sync import run_sync
from kayzen_nb.syncplan import plan_sync
from tests.faults.doors import ONE_DAY, from_archive, make_cells, rows_of, whole_log, write_csv
from tests.faults.ground import DAY, NOW, Ground, days_from, make_record, stored_of, truth_of

ROOT = Path(__file__).parents[2]
posix_only = pytest.mark.skipif(os.name == "nt", reason="not testable here: signals, rights and links of POSIX")


def child(script, *arguments, **more):
    """Another Python, which finds the tests; its errors come back as text."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def ended(run, code=0):
    """What a child printed, once it has ended as it should."""
    printed, errors = run.communicate(timeout=120)
    assert run.returncode == code, errors
    return printed


_WRITER = """
import sys
from pathlib import Path
from tests.faults.doors import whole_log
from tests.faults.ground import Ground, make_record
ground = Ground(Path(sys.argv[1]))
for turn in range(1, 6):
    report, _ = ground.sync(whole_log([make_record(n, payoutAmount=turn) for n in range(turn * 40)]))
    assert report.is_whole
"""


def test_F01_a_reader_during_writes_sees_whole_files_only(ground):
    ground.sync(whole_log([make_record(n, payoutAmount=100) for n in range(40)]))
    writer, reads, torn, seen = child(_WRITER, ground.home), 0, [], set()
    while writer.poll() is None:
        present = Archive(ground.archive.folder).present(DAY, DAY)
        (pull,) = present.pulls
        asked = "select count(*), min(payout_usd_micros), max(payout_usd_micros) from read_parquet(?)"
        rows, least, most = duckdb.execute(asked, [str(pull.path)]).fetchone()
        if present.flaws or least != most or rows != pull.facts.rows_in or rows != 40 * (most // 1_000_000 % 100 or 1):
            torn.append((pull, rows, least, most))
        reads += 1
        seen.add(most)
    ended(writer)
    assert torn == []
    assert reads > 30
    assert len(seen) > 2  # it did read between the writes


def test_F02_two_scheduled_syncs_at_once_both_end_well_and_the_archive_is_whole(tmp_path):
    home = {**os.environ, "KAYZEN_NB_HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-m",
        "kayzen_nb",
        "sync",
        "--sandbox",
        "healthy",
        "--from",
        "-2d",
        "--to",
        "yesterday",
        "--json",
    ]
    runs = [
        subprocess.Popen(command, cwd=ROOT, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for run in runs:
        assert '"is_whole": true' in ended(run)
    (folder,) = (tmp_path / "sandbox" / "archive").iterdir()
    archive = Archive(folder)
    assert archive.days()
    assert archive.present(archive.days()[0], archive.days()[-1]).flaws == ()
    assert all(pull.facts.rows_in for pull in archive.present(archive.days()[0], archive.days()[-1]).pulls)
    assert not list(tmp_path.rglob("*.tmp"))


def test_F02_of_two_scheduled_reports_one_works_and_the_other_exits_3():
    pytest.skip("belongs to issue 6 (runs and sharing): the slot of a scheduled report")


_HOLDER = """
import sys, time
from pathlib import Path
from kayzen_nb.archive import Archive
from tests.faults.doors import whole_log
from tests.faults.ground import Ground, make_record
ground = Ground(Path(sys.argv[1]))
def stop(point):
    if point == "rename":
        print("holding", flush=True)
        time.sleep(60)
ground.archive = Archive(ground.archive.folder, on_write=stop)
ground.sync(whole_log([make_record(1)]))
"""


@posix_only
def test_F03_when_the_holder_is_killed_the_next_run_starts_at_once(ground):
    holder = child(_HOLDER, ground.home)
    assert holder.stdout.readline() == "holding\n"
    waiting = threading.Event()
    own = Archive(ground.archive.folder, on_write=lambda point: waiting.set() if point == "lock" else None)
    ended_at = []

    def write():
        with own.writing():
            ended_at.append(time.monotonic())

    runner = threading.Thread(target=write)
    runner.start()
    assert waiting.wait(20)
    runner.join(0.3)
    assert not ended_at  # it waits as long as the other one lives
    killed_at = time.monotonic()
    holder.send_signal(signal.SIGKILL)
    runner.join(20)
    holder.communicate()
    assert ended_at[0] - killed_at < 1
    report, _ = ground.sync(whole_log([make_record(1), make_record(2)]))
    assert report.is_whole
    assert ground.stored() == stored_of([make_record(1), make_record(2)])
    assert not list(ground.home.rglob("*.tmp"))


def test_F04_a_full_disk_at_any_write_of_the_archive_is_told_and_leaves_the_older_untouched(ground):
    older, newer = [make_record(n) for n in range(20)], [make_record(n, payoutAmount=1) for n in range(20)]
    ground.sync(whole_log(older))
    whole, points = Archive(ground.archive.folder), []
    for k in range(1, 200):
        seen = []

        def refuse(point, seen=seen, k=k):
            seen.append(point)
            if len(seen) == k:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        ground.archive = Archive(whole.folder, on_write=refuse)
        try:
            ground.sync(whole_log(newer))
        except OutputFolderError as refused:
            (problem,) = refused.problems
            assert "No space left on device" in problem.what
            assert "run the same command again" in problem.next_step
            points.append(seen[-1])
        else:
            break
        stored = ground.stored()
        assert stored in (stored_of(older), stored_of(newer))
        if stored == stored_of(newer):  # the file was in place, and the disk refused what comes after
            assert points[-1] in ("fsync folder", "delete")
    assert len(points) >= 8
    assert ground.stored() == stored_of(newer)
    assert whole.present(DAY, DAY).flaws == ()
    assert not list(ground.home.rglob("*.tmp"))


_SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.errors import KayzenNbError
from kayzen_nb.sandbox import open_sandbox
from tests.faults.doors import whole_log
from tests.faults.ground import NOW, Ground
ground = Ground(Path(sys.argv[1]))
load_caller_key(ground.home)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
try:
    ground.sync(open_sandbox(now=NOW, volume=400))
except KayzenNbError as refused:
    print(refused)
"""


@posix_only
@pytest.mark.parametrize("limit", [4_000, 60_000])
def test_F04_a_real_limit_on_files_is_told_in_plain_words_and_the_archive_stays(ground, limit):
    """The spool's files come first: raw pages grow beyond 4 kB, the lines for DuckDB beyond 60 kB."""
    ground.sync(whole_log([make_record(1)]))
    before = ground.files()
    told = ended(child(_SMALL_DISK, ground.home, limit))
    assert "File too large" in told or "no room" in told
    assert "next:" in told
    assert ground.files() == before


AWKWARD = ["with spaces", "o'clock", "Zürich – 東京", "a/../b", "100% #1; x", "[2026] calls", "st*r?"]


@pytest.mark.parametrize("name", AWKWARD)
def test_F05_a_home_with_an_awkward_name_works(tmp_path, name):
    (tmp_path / "a").mkdir()
    check_home(tmp_path / name)


def check_home(home):
    """Everything once: read, read again, shown, changed, and a file beside it."""
    ground = Ground(home)
    for amount in (1, 2):
        report, _ = ground.sync(whole_log([make_record(n, payoutAmount=amount) for n in range(3)]))
        assert report.is_whole
    assert report.days[0].outcome == "changed"
    assert rows_of(from_archive(ground), "payout_usd_micros") == [(2_000_000,)] * 3
    path = write_csv(home / "ex port's.csv", [make_cells(n) for n in range(3)])
    assert len(rows_of(sources.calls(source="csv", period=ONE_DAY, settings=ground.settings(), csv_path=path))) == 3


def test_F05_a_file_in_place_of_the_home_or_a_day_is_told_and_left_alone(tmp_path):
    (tmp_path / "home").write_text("mine")
    with pytest.raises(KayzenNbError) as refused:
        load_caller_key(tmp_path / "home")
    assert str(tmp_path / "home") in str(refused.value)
    assert (tmp_path / "home").read_text() == "mine"
    ground = Ground(tmp_path / "other")
    ground.archive.calls_folder(DAY).parent.mkdir(parents=True)
    ground.archive.calls_folder(DAY).write_text("mine")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        ground.sync(whole_log([make_record(1)]))
    assert ground.archive.calls_folder(DAY).read_text() == "mine"


@posix_only
def test_F05_a_folder_without_the_right_to_write_is_told(ground):
    if os.geteuid() == 0:
        pytest.skip("not testable here: this user may write everywhere (root)")
    ground.archive.folder.mkdir(parents=True)
    ground.archive.folder.chmod(0o500)
    with pytest.raises(OutputFolderError, match="Permission denied"):
        ground.sync(whole_log([make_record(1)]))


def test_F06_threads_of_one_program_never_share_a_temporary_file(tmp_path):
    names, lock, broken = [], threading.Lock(), []
    target = tmp_path / "out.bin"

    def work(number):
        try:
            content = bytes([number]) * 100_000
            for _ in range(5):
                with Disk().beside(target, lambda file: file.write(content)) as temp:
                    with lock:
                        names.extend((temp, new_spool_file(".parquet")))
                    assert temp.read_bytes() == content
                    Disk().replace(temp, target)
                whole = target.read_bytes()
                assert whole == whole[:1] * 100_000
        except BaseException as error:  # noqa: BLE001  # told below, in the test's own thread
            broken.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert len(set(names)) == len(names) == 80
    assert list(tmp_path.glob("*.tmp")) == []


def test_F06_threads_that_sync_the_same_archive_at_once_lose_nothing(ground):
    sandbox, days, reports = open_sandbox(now=NOW, volume=40), days_from(DAY, 3), []
    key = load_caller_key(ground.home)

    def work():
        archive = Archive(ground.archive.folder)
        due, _ = plan_sync(archive, NOW, days[0], days[-1], again=True)
        mine = open_sandbox(now=NOW, volume=40)
        with Ringba(mine.settings.model_copy(update={"home": ground.home}), transport=mine.transport) as ringba:
            reports.append(run_sync(ringba, archive, due, key=key, source="test", clock=lambda: NOW))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.is_whole for report in reports] == [True] * 3
    assert [ground.stored(day) for day in days] == [truth_of(sandbox, day) for day in days]
    assert not list(ground.home.rglob("*.tmp"))


def test_F07_a_flipped_bit_or_a_cut_is_found_the_older_pull_serves_and_the_way_out_is_named(ground):
    older, newer = [make_record(n) for n in range(300)], [make_record(n, payoutAmount=1.5) for n in range(300)]
    ground.sync(whole_log(older))
    ground.clock.advance(7 * 3600)
    ground.sync(whole_log(newer))
    pull, rng = ground.archive.newest(DAY), random.Random(7)  # noqa: S311  # which bits, not a secret
    whole = pull.path.read_bytes()
    for turn in range(60):
        spoiled = bytearray(whole)
        if turn % 3:
            spoiled[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        else:
            del spoiled[rng.randrange(len(whole)) :]
        pull.path.write_bytes(spoiled)
        os.utime(pull.path, ns=(turn, turn))
        assert ground.stored() == stored_of(older), turn
        (flaw,) = Archive(ground.archive.folder).present(DAY, DAY).flaws
        assert pull.path.name in flaw
        assert f"Sync {DAY} again" in flaw
    table = from_archive(ground)
    assert flaw in table.notes
    ground.clock.advance(7 * 3600)
    ground.sync(whole_log(newer))
    assert (ground.stored(), ground.archive.present(DAY, DAY).flaws) == (stored_of(newer), ())


_STRANGE_UMASK = """
import os, sys
from pathlib import Path
os.umask(int(sys.argv[2], 8))
from tests.faults.ground import Ground
from tests.faults.doors import whole_log, from_archive
from tests.faults.ground import DAY, make_record
from kayzen_nb.sync import reread
from kayzen_nb.callerkey import load_caller_key
from kayzen_nb.rawpages import quarantine
from kayzen_nb.spool import spool_folder
ground = Ground(Path(sys.argv[1]) / "home")
for amount in (1, 2, 2):
    ground.sync(whole_log([make_record(1, payoutAmount=amount)]))
quarantine(ground.archive.folder, b"<html>", ground.clock.now(), "a log-in page")
from_archive(ground)
rights = [f"{oct(p.lstat().st_mode & 0o777)} {p.is_dir():d} {p.name}" for p in [spool_folder(), *spool_folder().rglob("*")]]
print("\\n".join(rights))
"""


@posix_only
@pytest.mark.parametrize("umask", ["000", "077"])
def test_F08_files_are_0600_and_folders_0700_whatever_the_umask(tmp_path, umask):
    printed = ended(child(_STRANGE_UMASK, tmp_path, umask))
    spooled = [line.split()[:2] for line in printed.splitlines()]
    assert {tuple(one) for one in spooled} == {("0o700", "1"), ("0o600", "0")}
    inside = [path for path in (tmp_path / "home").rglob("*") if path != tmp_path / "home"]
    rights = {path: stat.S_IMODE(path.stat().st_mode) for path in inside}
    assert {str(p): oct(r) for p, r in rights.items() if r != (0o700 if p.is_dir() else 0o600)} == {}
    kinds = {path.name.split("=")[0] for path in rights}
    assert {"archive", "calls", "raw", "day", "pulled", "_same", "answer", "caller.key"} <= kinds


@posix_only
@pytest.mark.parametrize("linked", ["calls", "raw", "day", "lock", "pull"])
def test_F09_a_link_in_place_of_the_archives_own_files_is_not_followed(ground, tmp_path, linked):
    victim, folder = tmp_path / "victim", ground.archive.folder
    place = {
        "calls": folder / "calls",
        "raw": folder / "raw",
        "day": ground.archive.calls_folder(DAY),
        "lock": folder / ".writers.lock",
        "pull": ground.archive.calls_folder(DAY) / f"pulled={NOW:%Y-%m-%dT%H-%M-%SZ}.parquet",
    }[linked]
    place.parent.mkdir(parents=True)
    is_file = linked in ("lock", "pull")
    if is_file:
        victim.write_text("mine")
    else:
        victim.mkdir()
    place.symlink_to(victim)
    if linked == "pull":  # another name is taken, and the link is told
        ground.sync(whole_log([make_record(1)]))
        assert ground.stored() == stored_of([make_record(1)])
    else:
        with pytest.raises(OutputFolderError):
            ground.sync(whole_log([make_record(1)]))
    assert victim.read_text() == "mine" if is_file else not list(victim.iterdir())
    assert place.is_symlink()
