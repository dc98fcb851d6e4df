"""What can go wrong, in the reader's words.

::

    KayzenNbError              carries one or more Problems; never shown as a traceback
    ├── InputError             what a person or a schedule gave us cannot be used
    │   ├── ParameterError     a notebook parameter
    │   ├── SettingsError      an environment name, a .env line, a keyring entry
    │   ├── CallFileError      a CSV of calls
    │   ├── SpendFileError     a CSV of Kayzen's spend
    │   ├── ColumnError        a table that lacks what the vocabulary promises
    │   ├── PixelListError     a list of pixels that cannot be read
    │   ├── PlanFileError      a plan file that cannot be used
    │   └── EvidenceError      a text or file in which no call's events are found
    ├── PlatformError          Ringba (or Kayzen) did not give what was asked
    │   ├── CredentialRefused  401: the key or token is not accepted
    │   ├── RightRefused       403: the key is known, but may not do this
    │   ├── RateLimited        the account's limit is used up, after waiting
    │   ├── PlatformDown       no connection, time-out, 5xx, after retries
    │   ├── BadAnswer          an answer that cannot be trusted (not JSON, counts that disagree)
    │   └── ContractError      columns that are gone or hold something else than agreed
    └── RunError               a run could not be made or kept
        ├── OutputFolderError  the place to write to cannot be used
        └── NotebookBroke      a cell stopped the notebook
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong: what happened, where, and what to do next."""

    what: str
    where: str = ""
    next_step: str = ""

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.next_step:
            lines.append(f"  next:  {self.next_step}")
        return "\n".join(lines)


class KayzenNbError(Exception):
    """The root: everything this package raises on purpose. ``problems`` lists all that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the problems, in plain words."""
        return str(self).splitlines()


class InputError(KayzenNbError):
    """What a person or a schedule gave us cannot be used."""


class ParameterError(InputError):
    """A notebook parameter is unknown, of the wrong type, or contradicts another."""


class SettingsError(InputError):
    """A setting (environment, ``.env``, keyring) is missing or malformed."""


class CallFileError(InputError):
    """A CSV of calls cannot be read."""


class SpendFileError(InputError):
    """A CSV of Kayzen's spend cannot be read."""


class ColumnError(InputError):
    """A table does not hold the columns that the vocabulary promises."""


class PixelListError(InputError):
    """A list of pixels cannot be read."""


class PlanFileError(InputError):
    """A plan file cannot be used."""


class EvidenceError(InputError):
    """A text or file in which a call's events cannot be found."""


class PlatformError(KayzenNbError):
    """A platform did not give what was asked of it."""


class CredentialRefused(PlatformError):
    """401: the token is not accepted."""


class RightRefused(PlatformError):
    """403: the token is known, but the role behind it may not do this."""


class RateLimited(PlatformError):
    """The account-wide limit is used up, and waiting did not help in time."""


class PlatformDown(PlatformError):
    """No connection, time-out or server error, after bounded retries."""


class BadAnswer(PlatformError):
    """An answer that cannot be trusted: not JSON, an error inside a 200, counts that disagree."""


class ContractError(PlatformError):
    """The platform's answer no longer has the columns, or the kinds of values, that are agreed."""


class RunError(KayzenNbError):
    """A run could not be made or kept."""


class OutputFolderError(RunError):
    """The folder to write to cannot be used."""


class NotebookBroke(RunError):
    """A cell stopped the notebook."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a hint, or the list of known words when none is near."""
    names = list(known)
    near = get_close_matches(word.casefold(), [name.casefold() for name in names], n=1, cutoff=0.6)
    if near:
        right = next(name for name in names if name.casefold() == near[0])
        return f"did you mean {right!r}?"
    return "known: " + ", ".join(sorted(names))
