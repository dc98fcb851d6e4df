"""Records as they may be kept: callers' numbers hidden, links to recordings left out, what is stored unchanged."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from threading import get_ident
from typing import TYPE_CHECKING, Any

import msgspec

from kayzen_nb.callcontract import READERS
from kayzen_nb.callsql import open_engine
from kayzen_nb.newcolumns import read_members
from kayzen_nb.privacy import mask_phone, mask_text
from kayzen_nb.ringba_columns import API_IDS, NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import duckdb

    from kayzen_nb.callerkey import CallerKey

_CALLER, _NUMBER = API_IDS["caller"], API_IDS["number"]
_ELSEWHERE = {API_IDS["call_id"], API_IDS["call_at"], _CALLER, _NUMBER}  # hold no number, or are seen to by name
_STORED = set(API_IDS.values())  # what is read into stored columns, and must be read from here as the same
_TYPED = {API_IDS[word]: reader for word, reader in READERS.items() if word != "call_id"}
_KEPT_OF_FORGOTTEN = {name for word, names in NAMES.items() if word not in ("caller", "state") for name in names}
SEALED = f'"{_CALLER}":"sealed:'.encode()
_RUN = re.compile(r"\d(?:[\s().+/-]{0,2}\d){6,}")  # digits that may be a number, however they are written
_PERSONAL_NAME = re.compile(r"(?i)recording|transcript|url$")
_LINK = re.compile(r"https?:\\?/\\?/[^\s\"'<>]+")
_ABROAD = re.compile(r"(?:\+|%2[Bb])\d(?:[\s().-]{0,2}\d){6,17}")
_ESCAPE = re.compile(r"\\u00(2[013-9a-fA-F]|[346][0-9a-fA-F]|5[0-9abd-fABD-F]|7[0-9a-eA-E])")  # but for quotes
_CALLER_FIELD = re.compile(rf'("{_CALLER}"\s*:\s*)("[^"]*"?|[\d.eE+-]+)')
_RECORD = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")
_Members = dict[str, msgspec.Raw]
_Again = list[tuple[str, msgspec.Raw]]  # what stands in a record under a name that it had already


class Sealer:
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


def mask_refused(text: str) -> str:
    """A text of unknown form without full numbers and without links."""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    hidden = _CALLER_FIELD.sub(lambda found: f'{found[1]}"{_mask_runs(found[2])}"', _LINK.sub("«link removed»", plain))
    return _hide(hidden)
