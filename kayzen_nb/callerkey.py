"""Callers without their numbers: a pseudonym made with a key of this machine, which lives outside of the archive.

A plain hash of a phone number is read back in seconds (all numbers of an area code can be tried), so the digest is
keyed. Whoever has the archive but not the key can count callers, and cannot name or test one.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kayzen_nb.errors import Problem, SettingsError
from kayzen_nb.privacy import Secret

if TYPE_CHECKING:
    from pathlib import Path

KEY_FILE = "caller.key"
FORGOTTEN_FILE = "forgotten-callers.txt"
_LENGTH = 16  # hex digits: two of a million callers meet with odds of about 1 in 37 million
_ROUNDED = re.compile(r" *[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+ *")  # a spreadsheet has cut the digits: no number
_PSEUDONYM = re.compile(rf"[0-9a-f]{{{_LENGTH}}}")
_EXTENSION = re.compile(r"(?i)\s*(?:x|ext\.?|#).*$")


@dataclass(frozen=True, kw_only=True)
class CallerKey:
    """The key behind pseudonyms, and the pseudonyms that are to be forgotten."""

    key: Secret
    forgotten: frozenset[str] = field(default=frozenset())

    @property
    def salt(self) -> str:
        """What stands before the digits: 160 bits of the key, so that a number and they are one block of SHA-256."""
        return self.key.reveal()[:40]

    @property
    def fingerprint(self) -> str:
        """By which two archives tell whether their pseudonyms agree."""
        return self.key.fingerprint

    def pseudonym(self, number: str) -> str | None:
        """The pseudonym of a number, None where the text holds none (anonymous, restricted).

        The SQL macro ``caller_pseudonym`` computes the same.
        """
        digits = caller_digits(number)
        return hashlib.sha256((self.salt + digits).encode()).hexdigest()[:_LENGTH] if digits else None


def caller_digits(number: str) -> str:
    """A number as it is compared: national digits for North America, all digits elsewhere; empty without any."""
    if _ROUNDED.fullmatch(number):
        return ""
    digits = re.sub(r"[^0-9]", "", _EXTENSION.sub("", number))
    if len(digits) == 11 and digits.startswith("1"):
        return digits[1:]
    return digits if len(digits) >= 7 else ""


def load_caller_key(home: Path) -> CallerKey:
    """The key of a home folder (0600), made at first use. Two programs that start at once get the same one.

    Raises SettingsError where it, or the list of forgotten callers, cannot be read or made; both are named at once.
    """
    problems: list[Problem] = []
    key, forgotten = "", frozenset[str]()
    try:
        key = _load_key(home)
    except SettingsError as refused:
        problems += refused.problems
    try:
        forgotten = read_forgotten(home)
    except SettingsError as refused:
        problems += refused.problems
    if problems:
        raise SettingsError(*problems)
    _sweep(home)
    return CallerKey(key=Secret(key), forgotten=forgotten)


def read_forgotten(home: Path) -> frozenset[str]:
    """The pseudonyms of forgotten callers, none where there is no list. Raises SettingsError where it is damaged."""
    path = home / FORGOTTEN_FILE
    try:
        lines = path.read_text(encoding="ascii").split()
    except (FileNotFoundError, NotADirectoryError):  # a home that is a file is told with the key
        return frozenset()
    except (OSError, UnicodeDecodeError) as refused:
        reason = _reason(refused)
    else:
        if lines and all(_PSEUDONYM.fullmatch(line) for line in lines):
            return frozenset(lines)
        reason = "a line is no pseudonym of 16 hex digits" if lines else "it is empty"
    raise SettingsError(
        Problem(
            what=f"The list of forgotten callers cannot be used: {reason}.",
            where=str(path),
            next_step="Put the file back from a backup. Without it, callers who asked to be forgotten may come back: "
            "if you have to remove it, ask for them to be forgotten again.",
        )
    )


def _load_key(home: Path) -> str:
    path = home / KEY_FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        text = path.read_text(encoding="ascii").strip()
    except (FileExistsError, NotADirectoryError):
        raise SettingsError(_no_folder(home)) from None
    except (OSError, UnicodeDecodeError) as refused:
        reason = _reason(refused)
    else:
        if re.fullmatch(r"[0-9a-f]{64}", text):
            return text
        reason = "it does not hold 64 hex digits"
    raise SettingsError(
        Problem(
            what=f"The key of callers' pseudonyms cannot be used: {reason}.",
            where=str(path),
            next_step="Put the file back from a backup; without one, remove it: pseudonyms of older pulls then no "
            "longer match new ones.",
        )
    )


def _no_folder(home: Path) -> Problem:
    file = next((path for path in (home, *home.parents) if path.exists()), home)
    what = "The home folder cannot be used: a file stands where the folder should be."
    return Problem(what=what, where=str(file), next_step="Move the file away, or set KAYZEN_NB_HOME to a folder.")


def _reason(refused: OSError | UnicodeDecodeError) -> str:
    return getattr(refused, "strerror", None) or "it is not a text"


def _sweep(home: Path) -> None:
    """Remove new keys that a killed program did not come to put into place; once the key is there, nobody needs one."""
    for left in home.glob(f".{KEY_FILE}.*"):
        with suppress(OSError):
            left.unlink()


def _make(path: Path) -> None:
    """Write a new key beside and link it into place: whoever comes second keeps the first one's."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            os.replace(beside, path)  # noqa: PTH105  # the same as Path.replace, beside os.link
            return
    beside.unlink(missing_ok=True)  # another program, which has its key, may have swept it
