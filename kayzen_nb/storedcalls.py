"""A call as it is kept in a Parquet file: the call table's columns, and what belongs to the keeping.

Every row that was read is in the file: one that cannot be used says why in ``set_aside``. Whoever reads the files with
another program wants ``where set_aside is null``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.vocabulary import CALL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1  # raised when a reader of an older version would misread the files
STORED_COLUMNS: Mapping[str, str] = {name: column.sql_type for name, column in CALL_COLUMNS.items()} | {
    "caller_number": "VARCHAR",  # null, unless the user asked to keep numbers
    "more": "VARCHAR",  # columns that we do not know, as JSON; null where there are none
    "set_aside": "VARCHAR",  # why the row is not used; null for a call
}
PARQUET = "format parquet, compression zstd, compression_level 1, row_group_size 61440"
NO_CALL_ID, BAD_DATE, SKIPPED_TIME = "no usable call id", "unreadable date", "a local time that the clock change skips"
BAD_AMOUNT, BAD_DURATION, BAD_FLAG = "unreadable amount", "unreadable duration", "unreadable yes or no"
NAME_TWICE, NO_RECORD = "a name stands twice", "not a sound record"
UNREADABLE = frozenset({NO_CALL_ID, BAD_DATE, SKIPPED_TIME, BAD_AMOUNT, BAD_DURATION, BAD_FLAG, NAME_TWICE, NO_RECORD})
FACTS_KEY = "kayzen_nb"  # the Parquet file's own key-value metadata holds its facts under this name


@dataclass(frozen=True, kw_only=True)
class PullFacts:
    """What a stored file says of itself: which window was read when, from where, and that the rows add up.

    ``window_start`` and ``window_end`` (aware UTC, half-open) are what was asked for; ``rows_in`` what was declared and
    read; ``rows_used`` and ``set_aside`` (reason to count) are in the file. ``caller_key`` is the fingerprint of the
    key behind the pseudonyms, ``reader`` the version of this package, ``new_columns`` the vendor's columns that came
    and are not known here.
    """

    window_start: datetime
    window_end: datetime
    pulled_at: datetime
    rows_in: int
    rows_used: int
    source: str
    caller_key: str
    reader: str
    set_aside: Mapping[str, int] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    format: int = FORMAT

    def as_text(self) -> str:
        """The facts as JSON."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self)}, default=_as_text)


def read_facts(text: str) -> PullFacts:
    """The facts from their JSON. Raises ValueError, KeyError or TypeError for anything else."""
    tree: dict[str, Any] = json.loads(text)
    times = {name: datetime.fromisoformat(tree[name]) for name in ("window_start", "window_end", "pulled_at")}
    known = {f.name for f in fields(PullFacts)}
    return PullFacts(
        **{name: value for name, value in tree.items() if name in known}
        | times
        | {"new_columns": tuple(tree.get("new_columns", ()))}
    )


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is no fact")
