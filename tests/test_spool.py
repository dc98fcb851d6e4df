"""What a program spools goes with it; what a killed one left is swept."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import os, sys
from kayzen_nb.spool import new_spool_file
file = new_spool_file(".txt")
file.write_text("x")
print(file, flush=True)
if sys.argv[1] == "killed":
    os._exit(9)
"""


def spool_of_child(end, tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, end], capture_output=True, text=True, env=environment, check=False
    )
    return done.stdout.strip()


def test_the_folder_is_private_and_gone_at_the_end(tmp_path):
    file = spool_of_child("ended", tmp_path)
    assert file.startswith(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_a_killed_program_left_is_swept_by_the_next(tmp_path):
    left = spool_of_child("killed", tmp_path)
    assert Path(left).exists()
    assert stat.S_IMODE(Path(left).parent.stat().st_mode) == 0o700
    spool_of_child("ended", tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_names_are_never_the_same():
    from kayzen_nb.spool import new_spool_file

    assert len({new_spool_file(".x") for _ in range(100)}) == 100
    assert str(new_spool_file(".x")).startswith(tempfile.gettempdir())
