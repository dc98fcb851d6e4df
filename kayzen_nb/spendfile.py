"""The CSV of spend that a person exports from Kayzen: every row used, or set aside with its reason.

Several rows of one day and campaign are parts (creatives, hours) and are summed; two files that both hold a day of a
campaign are refused, because its spend would count twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb.checks import Ledger, SetAside
from kayzen_nb.errors import Problem, SpendFileError
from kayzen_nb.privacy import mask_text
from kayzen_nb.spend import SPEND_COLUMNS, WHOLE, SpendTable
from kayzen_nb.spendchecks import check_facts
from kayzen_nb.spendcolumns import EXPORT_AGAIN
from kayzen_nb.spendgrid import Grid, read_grid
from kayzen_nb.spendrows import SpendRows
from kayzen_nb.vocabulary import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

ZONE_NOTE = (
    "In which time zone Kayzen cut the days and hours of its report is not in the file: they are taken as the page's. "
    "If the report was made in another zone, spend and calls near midnight are paired with the wrong day."
)


def read_spend(paths: str | Path | Sequence[str | Path]) -> SpendTable:
    """The spend of one or several CSV files; in a text, ``;`` stands between paths.

    Raises SpendFileError with all problems of all files.
    """
    grids, problems = _read_grids(_listed(paths))
    readings = [SpendRows(grid) for grid in grids]
    problems += [problem for reading in readings for problem in reading.problems()]
    problems += [] if problems else _overlaps(readings)
    if problems:
        raise SpendFileError(*problems)
    return _as_table(readings)


def _listed(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    if isinstance(paths, Path):
        return [paths.expanduser()]
    if isinstance(paths, str):
        parts = [paths] if Path(paths).expanduser().is_file() else paths.split(";")
        return [Path(part.strip()).expanduser() for part in parts if part.strip()]
    return [one for path in paths for one in _listed(path)]


def _read_grids(files: Iterable[Path]) -> tuple[list[Grid], list[Problem]]:
    """Each file as cells, one with the same content only once; and what is wrong with the others."""
    grids: dict[str, Grid] = {}
    problems: list[Problem] = []
    for file in dict.fromkeys(files):
        try:
            content = file.read_bytes()
        except OSError as broken:
            what = f"{file.name} cannot be read: {broken.strerror}."
            problems.append(Problem(what=what, where=str(file), next_step="Check the path and its rights."))
            continue
        digest = hashlib.sha256(content).hexdigest()
        try:
            grids.setdefault(digest, read_grid(content, file, digest))
        except SpendFileError as refused:
            problems += refused.problems
    if not grids and not problems:
        problems.append(Problem(what="No file of spend is named.", where="beside_path", next_step=EXPORT_AGAIN))
    return list(grids.values()), problems


def _overlaps(readings: Sequence[SpendRows]) -> list[Problem]:
    """Days of a campaign that two files hold."""
    problems, before = [], dict[tuple[Any, str], str]()
    for reading in readings:
        twice = sorted(reading.keys() & before.keys())
        if twice:
            day, campaign = twice[0]
            name = f" of campaign {mask_text(campaign)!r}" if campaign else ""
            what = f"{before[twice[0]]} and {reading.grid.name} both hold {day}{name}: its spend would count twice."
            where = f"{len(twice):,} such pairs of day and campaign"
            problems.append(
                Problem(
                    what=what,
                    where=where,
                    next_step="Give one file for each day and campaign; a column of campaigns tells them apart.",
                )
            )
        before |= dict.fromkeys(reading.keys(), reading.grid.name)
    return problems


def _as_table(readings: Sequence[SpendRows]) -> SpendTable:
    import pandas as pd  # noqa: PLC0415  # heavy, and only here

    records = [record for reading in readings for record in reading.used.records]
    rows = pd.DataFrame(records, columns=list(SPEND_COLUMNS), dtype="object")
    rows = rows.astype(dict.fromkeys(WHOLE, "Int64"))
    aside = sum((reading.used.aside for reading in readings), Counter[str]())
    ledger = Ledger(
        rows_in=sum(len(reading.grid.rows) for reading in readings),
        rows_used=len(records),
        set_aside=tuple(SetAside(reason=reason, rows=count) for reason, count in sorted(aside.items())),
    )
    return SpendTable(
        rows=rows,
        ledger=ledger,
        held=frozenset.intersection(*(reading.held for reading in readings)),
        checks=tuple(check_facts([reading.facts() for reading in readings], ledger)),
        inputs={reading.grid.name: reading.grid.digest for reading in readings},
        notes=(*(note for reading in readings for note in reading.notes()), *_note_counts(rows), ZONE_NOTE),
    )


def _note_counts(rows: pd.DataFrame) -> list[str]:
    """Rows whose impressions are missing while other rows have them."""
    missing = int(rows["impressions"].isna().sum())
    if not missing or missing == len(rows):
        return []
    return [f"{counted(missing, 'row')} of spend tell no impressions: nothing is divided by those of their days."]
