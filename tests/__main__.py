"""``python3 -m tests``: in a fresh clone, set everything up first; then pytest with the given arguments.

All tests run on the machine's cores, a file's tests on one of them; ``-n 0`` runs them one after the other.
"""

from __future__ import annotations

import os
import sys

from kayzen_nb import bootstrap

_MOST_CORES = 4  # more would fight over browsers and kernels


def main() -> int:
    bootstrap.ensure("tests", sys.argv[1:], dev=True)
    import pytest  # the set-up brings it

    arguments = sys.argv[1:]
    if not any(one == "-n" or one.startswith(("-n", "--numprocesses", "tests/", "-k")) for one in arguments):
        arguments = ["-n", str(min(os.cpu_count() or 1, _MOST_CORES)), "--dist", "loadfile", *arguments]
    return int(pytest.main(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
