"""The records as the platform gave them, kept for a while so that a better reader can be run again without the network.

Kept sealed: the caller's number is replaced by its pseudonym and masked form, ``sealed:<pseudonym>:<masked>``, which
the macros of ``callsql`` read as they read the number. Of the columns that are stored nothing else changes, but for the
caller's number in a text. In the others phone numbers are hidden, and links to recordings left out. So no full number
of a caller stands in the file unless the user asked to keep numbers. A name that stands twice in a record
does so here, its second value at the end, so that the record is refused again. Pages age by one rule (``expire``),
those of pulls with unreadable rows too.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import secrets
import zlib
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from threading import get_ident
from typing import TYPE_CHECKING, Any, Self

import msgspec

from kayzen_nb.callcontract import READERS
from kayzen_nb.callsql import open_engine
from kayzen_nb.errors import InputError, OutputFolderError, Problem
from kayzen_nb.newcolumns import read_members
from kayzen_nb.parquetseal import Disk, explain_refusals, refuse_links
from kayzen_nb.privacy import mask_phone, mask_text
from kayzen_nb.ringba_columns import API_IDS, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import timedelta
    from pathlib import Path
    from types import TracebackType

    import duckdb

    from kayzen_nb.callerkey import CallerKey

_CALLER, _NUMBER = API_IDS["caller"], API_IDS["number"]
_ELSEWHERE = {API_IDS["call_id"], API_IDS["call_at"], _CALLER, _NUMBER}  # hold no number, or are seen to by name
_STORED = set(API_IDS.values())  # what is read into stored columns, and must be read from here as the same
_TYPED = {API_IDS[word]: reader for word, reader in READERS.items() if word != "call_id"}
_KEPT_OF_FORGOTTEN = {name for word, names in NAMES.items() if word not in ("caller", "state") for name in names}
_SEALED = f'"{_CALLER}":"sealed:'.encode()
_BATCH = 1000
_LEVEL = 3  # of gzip
_TIME = "%Y-%m-%dT%H-%M-%SZ"
_NAMED_TIME = re.compile(r"=(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)")
_RUN = re.compile(r"\d(?:[\s().+/-]{0,2}\d){6,}")  # digits that may be a number, however they are written
_PERSONAL_NAME = re.compile(r"(?i)recording|transcript|url$")
_LINK = re.compile(r"https?:\\?/\\?/[^\s\"'<>]+")
_ABROAD = re.compile(r"(?:\+|%2[Bb])\d(?:[\s().-]{0,2}\d){6,17}")
_ESCAPE = re.compile(r"\\u00(2[0189a-fA-F]|[3-6][0-9a-fA-F]|5[0-9abd-fABD-F]|7[0-9a-eA-E])")  # but for quotes
_CALLER_FIELD = re.compile(rf'("{_CALLER}"\s*:\s*)("[^"]*"?|[\d.eE+-]+)')
_RECORD = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_Members = dict[str, msgspec.Raw]
_Again = list[tuple[str, msgspec.Raw]]  # what stands in a record under a name that it had already


class RawPages:
    """A new file of sealed records, gzip, one a line (0600). Closed by ``close`` or at the end of a ``with``.

    All of it raises OutputFolderError where the disk refuses; after an error, closing raises no second one.
    """

    def __init__(self, path: Path, key: CallerKey, keep_numbers: bool = False) -> None:  # noqa: FBT002  # read at the call as a name
        self._path, self._has_failed = path, False
        with _explain_refusals(path):
            self._file = _GzipFile(path)
        self._sealer = _Sealer(key, keep_numbers=keep_numbers)

    def add(self, records: Sequence[msgspec.Raw | bytes]) -> None:
        """Keep records as they came, in their order."""
        try:
            with _explain_refusals(self._path):
                for line in self._sealer.seal([bytes(record) for record in records]):
                    self._file.write_line(line)
        except BaseException:
            self._has_failed = True
            raise

    def close(self) -> None:
        """Finish the file. Closing twice does no harm."""
        try:
            with _explain_refusals(self._path):
                self._file.close()
        except OutputFolderError:
            if not self._has_failed:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._has_failed |= kind is not None
        self.close()


def read_raw(path: Path) -> Iterator[list[bytes]]:
    """The kept records, a thousand at a time. Raises InputError where the file is damaged or gone."""
    try:
        with gzip.open(path) as file:
            while batch := [line.rstrip(b"\n") for line in islice(file, _BATCH)]:
                yield batch
    except (OSError, EOFError, zlib.error):
        raise InputError(
            Problem(
                what="These raw pages cannot be read: the file is damaged or gone.",
                where=str(path),
                next_step="Sync that day again; the stored calls do not need this file.",
            )
        ) from None


def forget_in_raw(path: Path, to: Path, key: CallerKey, number: str) -> int:
    """Write pages again (to a new file) without a caller of ``key.forgotten``; how many records held the caller."""
    pseudonym = (key.pseudonym(number) or number).encode()
    sealer, changed = _Sealer(key, keep_numbers=True), 0
    with _explain_refusals(to), closing(_GzipFile(to)) as file:
        for batch in read_raw(path):
            doubtful = [line for line in batch if line[:1] == b"{" and (pseudonym in line or _SEALED not in line)]
            written = dict(zip(doubtful, sealer.seal(doubtful), strict=True))
            changed += sum(written.get(line, line) != line for line in batch)
            for line in batch:
                file.write_line(written.get(line, line))
    return changed


def find_expired(folder: Path, older_than: timedelta, now: datetime) -> tuple[Path, ...]:
    """What is older, by the time in its name, below a folder of raw pages; refused answers too."""
    named = ((path, _NAMED_TIME.search(path.name)) for path in sorted(folder.glob("*/*")))
    return tuple(path for path, time in named if time and _read_time(time[1]) < now - older_than)


def expire(folder: Path, older_than: timedelta, now: datetime, disk: Disk | None = None) -> tuple[Path, ...]:
    """Delete what ``find_expired`` finds, and folders that are empty then."""
    disk = disk or Disk()
    old = find_expired(folder, older_than, now)
    for path in old:
        disk.remove(path)
    for place in folder.glob("*"):
        if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
            disk.remove(place)
    return old


def quarantine(folder: Path, content: bytes, when: datetime, why: str) -> Path:
    """Keep an answer that could not be read, masked, in an archive's ``folder``; gives the path.

    Raises OutputFolderError where the disk refuses.
    """
    refused = folder / "raw" / "refused"
    refuse_links(folder, refused.parent, refused)
    text = content.replace(b"\0", b"").decode("utf-8", "replace")  # without the zeros, UTF-16 can be masked too
    path = refused / f"answer={when.astimezone(UTC):{_TIME}}-{secrets.token_hex(4)}.txt.gz"
    with explain_refusals(refused):
        Disk().make_folder(refused)
        file = _GzipFile(path)
        for part in (f"Refused: {why}", text):
            file.write_line(mask_refused(part).encode())
        file.close()
    return path


def mask_refused(text: str) -> str:
    """A text of unknown form without full numbers and without links."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    hidden = _CALLER_FIELD.sub(lambda found: f'{found[1]}"{_mask_runs(found[2])}"', _LINK.sub("«link removed»", plain))
    return _hide(hidden)


class _GzipFile:
    """A new gzip file of lines (0600), the same bytes for the same lines."""

    def __init__(self, path: Path) -> None:
        self._plain = open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115  # closed in close(); Path.open takes no opener
        self._zipped = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._plain, mtime=0)

    def write_line(self, line: bytes) -> None:
        self._zipped.write(line + b"\n")

    def close(self) -> None:
        try:
            self._zipped.close()
        finally:
            self._plain.close()


class _Sealer:
    """Takes callers' numbers out of records. What a number becomes is asked of ``callsql``'s own macros."""

    _ASKED = """select t, case when not is_sealed(t) then caller_digits(t) end, caller_pseudonym(t), mask_caller(t),
        coalesce(list_contains(getvariable('forgotten'), caller_pseudonym(t)), false)
        from (select unnest(?::text[]) as t)"""

    def __init__(self, key: CallerKey, *, keep_numbers: bool) -> None:
        self._engine = _open(key, os.getpid(), get_ident())
        self._keep_numbers = keep_numbers
        self._dialled: dict[str, str] = {}  # the few numbers of the ads, as they are kept

    def seal(self, records: Sequence[bytes]) -> Iterator[bytes]:
        """The records as they are kept, in their order."""
        read = [_read_record(record) for record in records]
        trees = [tree for tree, _ in filter(None, read)]
        found = self._ask(_texts(trees, _CALLER))
        self._learn_dialled(_texts(trees, _NUMBER) - self._dialled.keys())
        for record, members in zip(records, read, strict=True):
            yield self._seal(*members, found) if members else _seal_unreadable(record)

    def _ask(self, callers: set[str]) -> dict[str, Any]:
        return {text: facts for text, *facts in self._engine.execute(self._ASKED, [sorted(callers)]).fetchall()}

    def _learn_dialled(self, numbers: set[str]) -> None:
        asked = "select t, plain_digits(t) from (select unnest(?::text[]) as t)"
        found = self._engine.execute(asked, [sorted(numbers)]).fetchall() if numbers else []
        self._dialled |= {text: _hide_dialled(text, digits) for text, digits in found}

    def _seal(self, tree: _Members, again: _Again, found: dict[str, Any]) -> bytes:
        caller = _text_of(tree.get(_CALLER))
        digits, pseudonym, masked, is_forgotten = found[caller] if caller is not None else (None, None, None, False)
        kept: dict[str, Any] = {
            name: value for name, value in tree.items() if name in _STORED or not _is_personal(name, bytes(value))
        }
        if is_forgotten:
            kept = {name: value for name, value in kept.items() if name in _KEPT_OF_FORGOTTEN} | {_CALLER: "forgotten"}
        elif masked != caller and not self._keep_numbers:
            kept[_CALLER] = f"sealed:{pseudonym or ''}:{masked or ''}"
        shown: list[tuple[str, Any]] = [_harmless(*one, is_forgotten=is_forgotten) for one in again]
        others = [(name, _digits_of(_text_of(value))) for name, value in again if name in (_CALLER, _NUMBER)]
        callers = (digits or _digits_of(caller), *(number for name, number in others if name == _CALLER))
        if is_forgotten or not self._keep_numbers:
            kept |= self._hide_callers(kept, tuple(filter(None, callers)))
        if not self._keep_numbers:
            dialled = _text_of(kept.get(_NUMBER))
            known = (*callers, _digits_of(dialled), *(number for _, number in others))
            kept = _hide_numbers(kept, known, spared=_STORED)
            kept |= {_NUMBER: self._dialled[dialled]} if dialled is not None else {}
            shown = [member for one in shown for member in _hide_numbers(dict([one]), known).items()]
        return _write_record(kept, shown)

    def _hide_callers(self, tree: dict[str, Any], callers: tuple[str, ...]) -> dict[str, Any]:
        """The values of stored columns that are to change: with the caller's own number in them, and only that hidden.

        An amount or a time that can be read stays, whatever its digits; one that cannot, cannot be read afterwards.
        """
        names = (_STORED - {_CALLER, _NUMBER, API_IDS["call_id"]}) & tree.keys() if callers else ()
        changed = {name: hidden for name in names if (hidden := _hide_caller(tree[name], callers)) is not tree[name]}
        return {name: hidden for name, hidden in changed.items() if not self._is_readable(name, tree[name])}

    def _is_readable(self, name: str, value: msgspec.Raw) -> bool:
        if name not in _TYPED:
            return False
        asked = f"select ({_TYPED[name].format('t')}) is not null from (select ?::text as t)"  # noqa: S608  # our words only
        return bool(self._engine.execute(asked, [_text_of(value)]).fetchall()[0][0])


@lru_cache(maxsize=1)
def _open(key: CallerKey, *_: int) -> duckdb.DuckDBPyConnection:
    """The engine, kept for the next day of this process and thread, as that of ``callpages``."""
    return open_engine(key)


def _texts(trees: Sequence[_Members], name: str) -> set[str]:
    return {text for tree in trees if (text := _text_of(tree.get(name))) is not None}


def _read_record(record: bytes) -> tuple[_Members, _Again] | None:
    """The first value of each name, as DuckDB reads a record too, and what stands there again; None for no record."""
    try:
        tree = _RECORD.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if len(msgspec.json.encode(tree)) == len(record):  # the usual case: nothing else stood there
        return tree, []
    tree, again = {}, []
    for name, value in read_members(record):
        if tree.setdefault(name, value) is not value:
            again.append((name, value))
    return tree, again


def _harmless(name: str, value: msgspec.Raw, *, is_forgotten: bool) -> tuple[str, msgspec.Raw]:
    """What stands in a record once more, without what may name a person."""
    if is_forgotten:
        return (name if name in _KEPT_OF_FORGOTTEN else _CALLER), _NULL
    return name, _NULL if name in (_CALLER, _NUMBER) or _is_personal(name, bytes(value)) else value


def _write_record(tree: dict[str, Any], again: Sequence[tuple[str, Any]]) -> bytes:
    """One line. A line break in JSON stands between values only, where a space does as well."""
    unknown = {name: _NULL for name, _ in again if name not in tree}  # was left out, and still has to stand there twice
    parts = [msgspec.json.encode(part) for part in (tree | unknown, *({name: value} for name, value in again))]
    line = b"{" + b",".join(part[1:-1] for part in parts) + b"}" if again else parts[0]
    return line.replace(b"\n", b" ").replace(b"\r", b" ")


def _seal_unreadable(record: bytes) -> bytes:
    """What is no record: kept as a text, which no reader takes for one."""
    return json.dumps(mask_refused(record.decode("utf-8", "replace"))).encode()


def _text_of(value: msgspec.Raw | None) -> str | None:
    """A value as DuckDB reads it into a text column."""
    if value is None or (written := bytes(value)) == b"null":
        return None
    return str(msgspec.json.decode(written)) if written[:1] == b'"' else written.decode("utf-8", "replace")


def _digits_of(text: str | None) -> str:
    digits = re.sub(r"\D", "", text or "")[-10:]
    return digits if len(digits) >= 7 else ""


def _is_personal(name: str, written: bytes) -> bool:
    """Whether a value opens, or holds, what a person said."""
    return written[:1] == b'"' and (b":/" in written or b":\\/" in written or _is_personal_name(name))


@lru_cache(maxsize=10_000)
def _is_personal_name(name: str) -> bool:
    return bool(_PERSONAL_NAME.search(name))


def _hide_caller(value: msgspec.Raw, callers: tuple[str, ...]) -> Any:
    """A value without the caller's number, and else as it is; the very same where it holds none."""
    written = bytes(value)
    if len(written) < 7 or (len(written) == 13 and written.isdigit()):  # as nearly all times of calls
        return value
    if not _is_doubtful(text := written.decode("utf-8", "replace")):
        return value
    if written[:1] not in (b'"', b"{", b"["):
        return value if (hidden := _hide_known(text, callers)) == text else hidden
    tree = msgspec.json.decode(written)
    hidden = _map_texts(tree, lambda text: _hide_known(text, callers))
    return value if hidden == tree else hidden


def _map_texts(tree: Any, change: Callable[[str], str]) -> Any:
    """A tree with each text, name and number changed; a number that is to change becomes a text."""
    if isinstance(tree, dict):
        return {change(name): _map_texts(value, change) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_map_texts(item, change) for item in tree]
    if isinstance(tree, int | float) and not isinstance(tree, bool):
        return tree if (changed := change(str(tree))) == str(tree) else changed
    return change(tree) if isinstance(tree, str) else tree


def _hide_numbers(
    tree: dict[str, Any], numbers: tuple[str, ...], *, spared: Collection[str] = _ELSEWHERE
) -> dict[str, Any]:
    """A record without full numbers, but for the columns ``spared``. What holds none stays as it is written."""
    known = tuple(filter(None, numbers))
    return {
        _hide(name, known) if _is_doubtful(name) else name: _hide_value(value, known)
        if isinstance(value, msgspec.Raw) and name not in spared
        else value
        for name, value in tree.items()
    }


def _hide_value(value: msgspec.Raw, known: tuple[str, ...]) -> Any:
    written = bytes(value)
    if len(written) < 7 or not _is_doubtful(text := written.decode("utf-8", "replace")):
        return value
    try:
        tree = msgspec.json.decode(written)
    except msgspec.DecodeError:  # a number of thousands of digits
        return _mask_runs(text)
    hidden = _hide_tree(tree, known)
    return value if hidden == tree else hidden


@lru_cache(maxsize=10_000)
def _is_doubtful(written: str) -> bool:
    """Whether a name or a value may hold a number (or a key); most are seen again and again."""
    return bool(_RUN.search(written)) or "\\u" in written or "api_key" in written


def _hide_tree(tree: Any, known: tuple[str, ...]) -> Any:
    if isinstance(tree, dict):
        kept = {name: value for name, value in tree.items() if not (isinstance(value, str) and "://" in value)}
        return {_hide(name, known): _hide_tree(value, known) for name, value in kept.items()}
    if isinstance(tree, list):
        return [_hide_tree(item, known) for item in tree]
    if isinstance(tree, str):
        return _hide(tree, known)
    if isinstance(tree, int) and not isinstance(tree, bool):
        return tree if (hidden := _hide(str(tree), known)) == str(tree) else hidden
    return tree


def _mask_runs(text: str) -> str:
    """A text that is there for a number, with whatever looks like one masked."""
    return _RUN.sub(lambda found: mask_phone(found[0]) or "", text)


def _hide(text: str, known: tuple[str, ...] = ()) -> str:
    """A text without full phone numbers, the known ones in whatever writing."""
    if not _RUN.search(text):
        return mask_text(text)
    return _ABROAD.sub(lambda found: mask_phone(found[0]) or "", mask_text(_hide_known(text, known)))


def _hide_known(text: str, known: tuple[str, ...]) -> str:
    """A text without the known numbers, in whatever writing."""

    def mask(found: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", found[0])
        return (mask_phone(digits) or "") if any(number in digits for number in known) else found[0]

    return _RUN.sub(mask, text)


def _hide_dialled(text: str, digits: str) -> str:
    """The number in the ad with zeros for all but its last four digits: ``callsql`` shows it as it shows the number."""
    return digits[-4:].rjust(len(digits), "0") if digits else _mask_runs(text)


@contextmanager
def _explain_refusals(path: Path) -> Iterator[None]:
    """What the disk refuses, in plain words."""
    try:
        yield
    except OSError as refused:
        reason = refused.strerror or "there is no room, or no right to write"
    else:
        return
    what = f"The records that were read cannot be put down: {reason}."
    step = "Free some space there (TMPDIR names another place), then run it again."
    raise OutputFolderError(Problem(what=what, where=str(path.parent), next_step=step))


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
