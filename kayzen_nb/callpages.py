"""Pages of call records into one Parquet file of stored calls, in bounded memory.

The records go, a line each, into a file that DuckDB reads, in one pass from text to the stored columns: nothing is
decoded in Python. DuckDB itself refuses a record with a name that it was not told of, or a name that stands twice; only
then the slow way of ``newcolumns`` is taken.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self

import duckdb

import kayzen_nb
from kayzen_nb import newcolumns
from kayzen_nb.callcontract import Contract
from kayzen_nb.callsql import build_stored_sql, open_engine
from kayzen_nb.errors import BadAnswer, OutputFolderError, Problem
from kayzen_nb.newcolumns import quote
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.spool import literal, spool_folder
from kayzen_nb.storedcalls import FACTS_KEY, PARQUET, PullFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from types import TracebackType

    import msgspec

    from kayzen_nb.callerkey import CallerKey

_FLUSH_BYTES, _FLUSH_RECORDS = 64_000_000, 160_000  # nearly every day fits, and is written once
_STEP = 1000  # records
_CELLS = {word: f'"{name}"' for word, name in API_IDS.items()}
_AT_UTC = f"read_instant({_CELLS['call_at']})"
# DuckDB's error shows the record, cut anywhere: in the middle of a character, Python cannot even read the error.
_REFUSED = (duckdb.InvalidInputException, UnicodeDecodeError)
# Room for the facts in a file's footer: they are known only when the file is written. A text that no record holds.
_ROOM = f"{secrets.token_hex(16)}{'?' * 2000}"


class CallPages:
    """Takes records of proven-complete slices and writes them as one Parquet file, empty again after each file.

    Spooled to the folder ``spool`` (default: this program's own): pages with callers' full numbers for as long as
    DuckDB reads them (0600), stored rows until they are written. With ``keep_numbers`` the callers' numbers are stored.
    """

    def __init__(self, key: CallerKey, *, keep_numbers: bool = False, spool: Path | None = None) -> None:
        self._key, self._keep_numbers = key, keep_numbers
        self._folder = spool or spool_folder()
        self._engine = _open(key, self._folder, os.getpid(), get_ident())
        self._mark = secrets.token_hex(8)
        self._parts: list[Path] = []
        self._begin()

    def add(self, records: Sequence[msgspec.Raw | bytes]) -> None:
        """Take more records, each the bytes of one JSON object. Raises OutputFolderError when the disk refuses."""
        for start in range(0, len(records), _STEP):
            some = records[start : start + _STEP]
            self._records += some
            self._size += sum(map(len, some))
            self.rows_in += len(some)
            if self._size >= _FLUSH_BYTES or len(self._records) >= _FLUSH_RECORDS:
                self._flush()

    def write(
        self, to: Path, *, window_start: datetime, window_end: datetime, pulled_at: datetime, source: str
    ) -> PullFacts:
        """Write what was added, ordered by time and id, to a Parquet file (0600), with the facts inside.

        Raises ContractError, and writes nothing, when a column is gone or cannot be read in any row; OutputFolderError
        when the disk refuses. Either way nothing is left of the records afterwards.
        """
        window = {"window_start": window_start, "window_end": window_end}
        try:
            if self._records or not self._parts:
                self._flush()
            where = f"{source}, {window_start:%Y-%m-%d %H:%M} to {window_end:%Y-%m-%d %H:%M} UTC"
            self._contract.check(self._engine, self._parts, self.rows_in, where)
            facts = self._build_facts(**window, pulled_at=pulled_at, source=source)
            with self._refusals():
                self._finish(to, facts)
            return facts
        finally:
            self._begin()

    def close(self) -> None:
        """Remove what was spooled."""
        self._begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        for part in self._parts:
            part.unlink(missing_ok=True)
        self._parts = []
        self._records: list[msgspec.Raw | bytes] = []
        self._size, self.rows_in = 0, 0
        self._contract = Contract()

    def _flush(self) -> None:
        """Turn the records at hand into a Parquet file of stored rows, a part of what is to be written."""
        records, self._records, self._size = self._records, [], 0
        with self._refusals(), ExitStack() as spooled:
            spooled.callback(self._engine.execute, f"drop table if exists {newcolumns.TABLE}")
            self._parts.append(self._new_file(".parquet"))
            source = self._spool_usual(records, spooled)
            try:
                self._copy(self._stored_sql(source), self._parts[-1])
            except _REFUSED:  # a new name, a name that stands twice, a line break in a record
                source = newcolumns.TABLE
                self._load_unusual(records, spooled)
                self._copy(self._unusual_sql(), self._parts[-1])
            if self._ask(f"select count(set_aside) from {_rows_of(self._parts[-1:])}")[0]:  # noqa: S608  # a file of our own
                self._contract.look(self._engine, source, _CELLS)

    def _spool_usual(self, records: Sequence[msgspec.Raw | bytes], spooled: ExitStack) -> str:
        """SQL for the records, all values as text.

        From the first line DuckDB learns the names; a name that is not in it, or twice in a record, is refused.
        """
        pattern = json.dumps(dict.fromkeys(API_IDS.values(), self._mark)).encode()
        lines = self._spool(chain([pattern], records), spooled)
        options = "hive_partitioning=false, auto_detect=true, sample_size=1, map_inference_threshold=-1"
        reader = f"read_ndjson({quote(literal(lines))}, {options})"
        return f"(select * from {reader} where {_CELLS['call_at']} is distinct from '{self._mark}')"  # noqa: S608  # a file of our own

    def _load_unusual(self, records: Sequence[msgspec.Raw | bytes], spooled: ExitStack) -> None:
        lines = self._spool(map(_flatten, records), spooled)
        self._contract.learn(newcolumns.load_unusual(self._engine, lines, API_IDS), self._engine)

    def _spool(self, records: Iterable[msgspec.Raw | bytes], spooled: ExitStack) -> Path:
        """Write records, a line each, to a file that is removed with the others."""
        lines = self._new_file(".ndjson")
        spooled.callback(lines.unlink, missing_ok=True)
        with lines.open("wb") as file:
            file.write(b"\n".join(records))  # msgspec.Raw is a buffer
            file.write(b"\n")
        return lines

    def _stored_sql(self, source: str, more: str = "null") -> str:
        stored = build_stored_sql(
            _CELLS,
            source,
            at_utc=_AT_UTC,
            sparse=True,
            more=more,
            keep_numbers=self._keep_numbers,
            forgets=bool(self._key.forgotten),
        )
        return stored.query

    def _unusual_sql(self) -> str:
        """The stored rows of records that are not as agreed, the flawed ones with their flaw as the reason."""
        table = newcolumns.TABLE
        queries = [self._stored_sql(f"(from {table} where flaw is null) as {table}", more="more")]
        for flaw in newcolumns.find_flaws(self._engine):
            flawed = self._stored_sql(f"(from {table} where flaw = {quote(flaw)}) as {table}", more="more")
            queries.append(f"select * replace ({quote(flaw)} as set_aside) from ({flawed})")  # noqa: S608  # our words only
        return " union all ".join(queries)

    def _build_facts(self, **given: Any) -> PullFacts:
        """The rows as they were counted in the files. Raises BadAnswer where they are not as many as came."""
        asked = f"select set_aside, count(*) from {self._stored()} group by 1 order by 1"  # noqa: S608  # files of our own
        rows = dict(self._engine.execute(asked).fetchall())
        if sum(rows.values()) != self.rows_in:
            raise _bad_answer(f"{self.rows_in:,} records came, and {sum(rows.values()):,} rows were read from them.")
        return PullFacts(
            **given,
            rows_in=self.rows_in,
            rows_used=rows.pop(None, 0),
            set_aside=rows,
            caller_key=self._key.fingerprint,
            reader=kayzen_nb.__version__,
            new_columns=tuple(sorted(self._contract.new_columns)),
        )

    def _finish(self, to: Path, facts: PullFacts) -> None:
        """One file in order that has room for its facts is taken as it stands; anything else is written anew."""
        is_ordered = self._is_ordered()
        if len(self._parts) == 1 and is_ordered and _put_facts(self._parts[0], facts):
            _move(self._parts[0], to)
            return
        order = "" if is_ordered else " order by call_at, call_id"
        try:
            to.unlink(missing_ok=True)
            os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._copy(f"from {self._stored()}{order}", to, facts.as_text())
        except BaseException:
            to.unlink(missing_ok=True)
            raise

    def _is_ordered(self) -> bool:
        """Cheaper than to sort: the records come in order of time, page by page."""
        before = "lag(call_at) over () as at_before, lag(call_id) over () as id_before, row_number() over () as row"
        late = "call_at > at_before or (call_at = at_before and call_id >= id_before)"
        asked = f"select count(*) from (select call_at, call_id, {before} from {self._stored()}) where row > 1 and ({late}) is not true"  # noqa: E501, S608  # files of our own
        return not self._ask(asked)[0]

    def _stored(self) -> str:
        return _rows_of(self._parts)

    def _copy(self, query: str, to: Path, facts: str = _ROOM) -> None:
        options = f"{PARQUET}, use_tmp_file false, kv_metadata {{{FACTS_KEY}: {quote(facts)}}}"
        self._engine.execute(f"copy ({query}) to {quote(to)} ({options})")

    def _ask(self, sql: str) -> tuple[Any, ...]:
        return self._engine.execute(sql).fetchone() or ()

    def _new_file(self, suffix: str) -> Path:
        """An empty file in the spool, for this user only."""
        descriptor, path = tempfile.mkstemp(suffix, dir=self._folder)
        os.close(descriptor)
        return Path(path)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """What the disk refuses, in plain words. DuckDB's own would show a record."""
        try:
            yield
        except _REFUSED:
            raise _bad_answer("Records came that cannot be read, one by one or all.") from None
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as refused:
            reason = getattr(refused, "strerror", None) or "there is no room, or no right to write"
            raise OutputFolderError(
                Problem(
                    what=f"The calls that were read cannot be put down: {reason}.",
                    where=str(self._folder),
                    next_step="Free some space there (TMPDIR names another place), then run it again.",
                )
            ) from None


def _rows_of(parts: Iterable[Path]) -> str:
    """SQL for the rows of Parquet files."""
    return f"read_parquet([{', '.join(quote(literal(part)) for part in parts)}], hive_partitioning = false)"


@lru_cache(maxsize=1)
def _open(key: CallerKey, folder: Path, *_: int) -> duckdb.DuckDBPyConnection:
    """The engine, kept for the next day of this process and thread: to open one takes as long as 10,000 calls."""
    return open_engine(key, folder)


def _flatten(record: msgspec.Raw | bytes) -> bytes:
    """The record on one line: in JSON a line break can only stand between values."""
    return bytes(record).replace(b"\n", b" ").replace(b"\r", b" ") or b"null"


def _put_facts(path: Path, facts: PullFacts) -> bool:
    """Write the facts over the room that was left for them in the footer; False where they are too long for it."""
    text, room = facts.as_text().encode(), _ROOM.encode()
    if len(text) > len(room):
        return False
    with path.open("r+b") as file:
        end = file.seek(-8, os.SEEK_END)
        start = file.seek(end - int.from_bytes(file.read(4), "little"))
        at = file.read(end - start).rfind(room)
        if at < 0:
            return False
        file.seek(start + at)
        file.write(text.ljust(len(room)))
    return True


def _move(path: Path, to: Path) -> None:
    with suppress(OSError):  # another file system
        path.replace(to)
        return
    to.unlink(missing_ok=True)
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(path.read_bytes())


def _bad_answer(what: str) -> BadAnswer:
    step = "Nothing of it was stored. Run it again; if it comes again, report this as a defect."
    return BadAnswer(Problem(what=what, where="the call log", next_step=step))
