"""``python3 -m kayzen_nb``: in a fresh clone, set everything up first; then the command line."""

from __future__ import annotations

import sys

from kayzen_nb import bootstrap


def main() -> None:
    bootstrap.ensure("kayzen_nb", sys.argv[1:])
    from kayzen_nb.cli import main as run_command  # noqa: PLC0415  # needs click, which the set-up brings

    run_command(prog_name="kayzen-nb")


if __name__ == "__main__":
    main()
