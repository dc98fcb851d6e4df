"""A folder's name is a plain name: DuckDB would take ``[1]`` or ``*`` in a path for a pattern, and read a neighbour's."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import pytest
from test_archive import DAY, KEY, MORNING, publish, record, write_stored

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.callfile import import_call_file
from kayzen_nb.callselect import select_calls
from kayzen_nb.errors import RunError
from kayzen_nb.restatement import list_changes
from kayzen_nb.retention import forget
from kayzen_nb.spool import literal

ODD = ["data [1]", "data *", "data ?", "data [!x]"]
CALLER = "+12125550142"
HOUR = timedelta(hours=1)


@pytest.fixture(params=ODD)
def homes(request, tmp_path):
    """A home with an odd name, and one that the name would mean as a pattern; each with two pulls of its own calls."""
    made = []
    for name, first in (("data 1", 50), (request.param, 10)):
        archive = Archive(archive_folder(tmp_path / name, "RA1"))
        for n in range(2):
            rows = [record(first, payoutAmount=n), *(record(k) for k in range(first + 1, first + 3 + n))]
            publish(archive, rows, at=MORNING + n * HOUR, spool=tmp_path)
        made.append(archive)
    return made[1], made[0]


def ids(archive):
    files = [pull.path for pull in archive.present(DAY, DAY).pulls]
    return [row[0] for row in select_calls(files, period=None).relation.select("call_id").order("all").fetchall()]


def test_each_home_reads_its_own_calls(homes):
    assert [ids(home) for home in homes] == [[f"RGB{n:04}" for n in range(at, at + 4)] for at in (10, 50)]


def test_each_homes_facts_and_changes_are_its_own(homes):
    for home, at in zip(homes, (10, 50), strict=True):
        before, after = home.pulls(DAY)
        assert (before.facts.rows_in, after.facts.rows_in) == (3, 4)
        changed = list_changes([(before, after)]).filter("what = 'new' and column_name = 'call_id'").fetchall()
        assert [row[3] for row in changed] == [f"RGB{at + 3:04}"]


def test_the_same_rows_again_are_compared_with_the_homes_own(homes, tmp_path):
    home = homes[0]
    again = [record(10, payoutAmount=1), *(record(k) for k in range(11, 14))]
    assert publish(home, again, at=MORNING + 5 * HOUR, spool=tmp_path).was_same


def test_a_caller_is_forgotten_in_the_home_that_was_named(homes):
    caller = "+12125550112"  # of RGB0012, which only the odd home holds
    odd = homes[0].folder.parents[1]
    assert forget(odd, caller, KEY).rows == 2
    paths = [literal(pull.path) for pull in homes[0].pulls(DAY)]
    assert KEY.pseudonym(caller) not in str(duckdb.execute("from read_parquet(?)", [paths]).fetchall())
    assert [len(home.pulls(DAY)) for home in homes] == [2, 2]


def test_a_forgotten_caller_is_seen_in_a_spooled_file_with_an_odd_name(tmp_path):
    archive = Archive(archive_folder(tmp_path / "home", "RA1"))
    forget(tmp_path / "home", CALLER, KEY)
    for name, caller in (("spool 1", "+12125550143"), ("spool [1]", CALLER)):
        (tmp_path / name).mkdir()
        facts = write_stored(tmp_path / "plain.parquet", [record(1, inboundPhoneNumber=caller)])
        (tmp_path / "plain.parquet").rename(tmp_path / name / "x.parquet")
    with pytest.raises(RunError, match="forgotten"):
        archive.publish(DAY, tmp_path / "spool [1]" / "x.parquet", facts)


def test_an_import_into_an_odd_folder_counts_its_own_rows(tmp_path):
    export = tmp_path / "calls.csv"
    for name, rows in (("out 1", 3), ("out [1]", 2)):
        (tmp_path / name).mkdir()
        lines = [f"01/02/2026 08:18:2{n} PM,RGB00{n}" for n in range(rows)]
        export.write_text("\n".join(["Call Date,Inbound Call ID", *lines, ""]))
        read = import_call_file(export, zone="America/New_York", key=KEY, to=tmp_path / name / "stored.parquet")
        assert (read.facts.rows_in, read.facts.rows_used) == (rows, rows)
        assert read.facts.window_end.second == 20 + rows - 1
