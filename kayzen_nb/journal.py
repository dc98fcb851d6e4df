"""The journal: what was seen and said about the set-up, one JSON line an entry, appended and never changed.

It lives in ``KAYZEN_NB_HOME/journal.jsonl``, readable by its owner only. No key and no full phone number stands in it:
a Secret cannot be noted, and every text is masked on its way in.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.entries import Entry, plain_subject
from kayzen_nb.errors import OutputFolderError, Problem, SettingsError
from kayzen_nb.privacy import mask_text, scrub
from kayzen_nb.settings import load_settings, secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kayzen_nb.privacy import Secret

FILE_NAME = "journal.jsonl"
_LOCK_WAIT_S = 10.0


class Journal:
    """The journal in a home folder. Two programs may note at once; a killed one leaves at most a cut last line."""

    def __init__(self, home: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = home.expanduser() / FILE_NAME
        self._now = now

    def note(self, kind: str, subject: str, *, by: str, **facts: Any) -> Entry:
        """Append an entry and return it as it was kept. Facts are JSON values and dates; texts are kept masked.

        Raises TypeError for a Secret, OutputFolderError where the file cannot be written.
        """
        at = self._now().astimezone(UTC)
        tree = {"at": at.isoformat(), "kind": kind, "subject": subject.strip(), "by": by, "facts": facts}
        # Masked as a tree: a number inside the written line would be masked as well, but could break the JSON.
        line = json.dumps(_masked(json.loads(json.dumps(tree, default=_as_text, allow_nan=False))))
        with _explained(self.path, "written"):
            self._append(line)
        return _read_entry(line)

    def entries(self, kind: str | None = None, subject: str | None = None) -> list[Entry]:
        """The entries, oldest first, of one kind and one subject where they are named. Damaged lines are left out."""
        named = None if subject is None else plain_subject(_masked(subject))
        read = (entry for _, entry in self._read() if isinstance(entry, Entry))
        return [e for e in read if kind in (None, e.kind) and named in (None, plain_subject(e.subject))]

    @property
    def flaws(self) -> list[str]:
        """One sentence for each line that cannot be read; empty for a sound journal."""
        return [f"Line {n} of {self.path} {flaw} and is left out." for n, flaw in self._read() if isinstance(flaw, str)]

    def _append(self, line: str) -> None:
        from filelock import FileLock  # noqa: PLC0415  # only where something is noted

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=_LOCK_WAIT_S):
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                gap = b"" if _ends_whole(file) else b"\n"  # a cut line must not swallow the new one
                file.write(gap + line.encode("ascii") + b"\n")
                file.flush()
                os.fsync(file.fileno())

    def _read(self) -> Iterator[tuple[int, Entry | str]]:
        """Each line's number with its entry, or with what is wrong with it."""
        with _explained(self.path, "read"):
            raw = self.path.read_bytes() if self.path.exists() else b""
        lines = raw.split(b"\n")
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield number, _read_entry(line.decode("utf-8"))
                except (ValueError, KeyError, TypeError, AttributeError):
                    yield number, "is cut off" if number == len(lines) else "is damaged"


def _ends_whole(file: Any) -> bool:
    """Whether the file is empty or ends with a line's end."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def _read_entry(line: str) -> Entry:
    """An entry from its line. Raises ValueError, KeyError, TypeError or AttributeError for any other line."""
    tree = json.loads(line)
    at = datetime.fromisoformat(tree["at"])
    if at.tzinfo is None or not isinstance(tree["facts"], dict):
        raise ValueError("not an entry")
    return Entry(
        at=at.astimezone(UTC),
        kind=str(tree["kind"]),
        subject=str(tree["subject"]),
        by=str(tree["by"]),
        facts=tree["facts"],
    )


def _known_keys() -> tuple[Secret, ...]:
    """The keys that are set here; a malformed setting is no reason not to note."""
    try:
        return secrets(load_settings(use_keyring=False))
    except SettingsError:
        return ()


def _masked(node: Any) -> Any:
    """The tree with keys in URLs and full phone numbers hidden in every text, names of facts included."""
    if isinstance(node, str):
        return mask_text(scrub(node, _known_keys()))
    if isinstance(node, dict):
        return {mask_text(str(name)): _masked(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_masked(item) for item in node]
    return node


def _as_text(value: object) -> str:
    """Dates as ISO text. Anything else, a Secret above all, is not noted."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is not noted in the journal")


@contextmanager
def _explained(path: Path, verb: str) -> Iterator[None]:
    """The system's refusals, a lock that stays held among them, in plain words."""
    try:
        yield
    except TimeoutError:  # filelock's Timeout is one
        reason = "another program holds it"
    except OSError as refused:
        reason = os.strerror(refused.errno or 0)
    else:
        return
    step = "Close the other program, or set KAYZEN_NB_HOME to a folder of your own, and try again."
    raise OutputFolderError(Problem(what=f"The journal cannot be {verb}: {reason}.", where=str(path), next_step=step))
