"""``python3 -m tests``: in a fresh clone, set everything up first; then pytest with the given arguments."""

from __future__ import annotations

import sys

from kayzen_nb import bootstrap


def main() -> int:
    bootstrap.ensure("tests", sys.argv[1:], dev=True)
    import pytest  # the set-up brings it

    return int(pytest.main(sys.argv[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
