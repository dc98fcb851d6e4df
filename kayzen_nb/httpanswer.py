"""What an answer means: a good one is read, any other becomes the error that says what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from kayzen_nb.errors import BadAnswer, CredentialRefused, PlatformDown, PlatformError, Problem, RightRefused
from kayzen_nb.privacy import REMOVED, Secret, mask_url, scrub, written_forms
from kayzen_nb.ratelimit import asked_wait, is_rate_limit, until_edge
from kayzen_nb.strictjson import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Read = TypeVar("_Read")
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: a path with ``{names}`` in place of ids, and the words for messages.

    At a status of ``none_at`` the answer is None, not an error.
    """

    method: str
    path: str
    body: Any = None
    what: str
    none_at: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    status: int
    retry_after: str
    content: bytes = field(repr=False)


class UnreadableAnswer(BadAnswer):
    """A 200 that is not JSON, also when asked for again.

    ``content`` is what came, without the token, for whoever keeps such answers.
    """

    content: bytes = b""


class TryAgain(Exception):
    """A failure that may pass: retried after ``wait_s`` (None: our own backoff), else ``error`` is what is raised."""

    def __init__(self, error: PlatformError, wait_s: float | None = None) -> None:
        super().__init__(type(error).__name__)  # stamina logs this text
        self.error = error
        self.wait_s = wait_s


class Limited(Exception):
    """The platform says that a limit is used up: why, and what it said of waiting."""

    def __init__(self, why: str, span: str, retry_after: str) -> None:
        super().__init__(why)
        self.why, self._span, self._retry_after = why, span, retry_after

    def wait_s(self, now: float) -> float:
        """Seconds to wait: what was asked for, else until the limit's window turns."""
        asked = asked_wait(self._retry_after, now)
        return until_edge(self._span, now) if asked is None else asked


class AnswerReader:
    """Reads one platform's answers. ``advice`` maps a refusing status to the next step for a person."""

    def __init__(self, platform: str, host: str, secrets: Sequence[Secret], advice: Mapping[int, str]) -> None:
        self._platform, self._host, self._secrets, self._advice = platform, host, secrets, advice

    def read(self, question: Question, answer: Answer, read: Callable[[bytes], _Read], *, now: float) -> _Read | None:
        """What ``read`` makes of a good answer. Raises Limited, TryAgain, or the PlatformError that fits.

        ``read`` raises ValueError for what is not JSON: that is asked for again. ``now`` is in seconds since 1970.
        """
        self._check_limit(answer)
        if answer.status in question.none_at:
            return None
        self._check_status(question, answer, now)
        return self._read_content(question, answer.content, read)

    def _check_limit(self, answer: Answer) -> None:
        """Ringba's rate-limit body may come with any status."""
        tree = _tree(answer.content) if answer.status == 429 or b'"isRateLimited"' in answer.content else None
        if answer.status == 429 or is_rate_limit(tree):
            span = str(tree.get("exceedingRateLimit", "Minute")) if isinstance(tree, dict) else "Minute"
            span = span if span.isalpha() and len(span) < 10 else "Minute"
            why = f"{self._platform}'s limit of requests per {span.casefold()} is used up (its web page counts too)"
            raise Limited(why, span, answer.retry_after)

    def _check_status(self, question: Question, answer: Answer, now: float) -> None:
        status = answer.status
        if status == 401:
            raise CredentialRefused(self._refused(question, "did not accept the API token (401).", 401))
        if status == 403:
            raise RightRefused(self._refused(question, "knows the API token but refuses this (403).", 403))
        if status >= 500 or status in (408, 425):
            raise TryAgain(self.down(question, f"it answered {status}"), asked_wait(answer.retry_after, now))
        if 300 <= status < 400:
            raise self.bad(question, f"answered with a redirect ({status}), which is not followed")
        if status >= 400:
            raise self.bad(question, f"refused the request ({status}){self._said(_tree(answer.content))}")

    def _read_content(self, question: Question, content: bytes, read: Callable[[bytes], _Read]) -> _Read:
        try:
            return read(content)
        except json.JSONDecodeError:
            flaw = "sent an answer that is not whole JSON"
        except ValueError as flawed:
            flaw = f"sent an answer that cannot be trusted ({flawed})"
        if content.lstrip()[:1] == b"<":
            raise self.bad(question, "sent a web page, perhaps a log-in page, in place of the answer")
        unreadable = UnreadableAnswer(*self.bad(question, flaw).problems)
        unreadable.content = self._without_secrets(content)
        raise TryAgain(unreadable)

    def _without_secrets(self, content: bytes) -> bytes:
        """What came, without the token, which a broken platform may send back in whatever encoding."""
        for form in {form for secret in self._secrets for form in written_forms(secret.reveal())}:
            for encoding in _ENCODINGS:
                content = content.replace(form.encode(encoding), REMOVED.encode(encoding))
        return content

    def down(self, question: Question, reason: str) -> PlatformDown:
        """The error for a platform that gave no answer."""
        what = f"{self._platform} could not be reached while reading {question.what}: {reason}."
        next_step = "Nothing was changed; try again later."
        return PlatformDown(Problem(what=what, where=self.where(question), next_step=next_step))

    def bad(self, question: Question, flaw: str) -> BadAnswer:
        """The error for an answer that cannot be used."""
        what = f"{self._platform} {flaw} while we read {question.what}."
        next_step = "Nothing was changed. Check address and parameters; if it stays so, report it with this text."
        return BadAnswer(Problem(what=what, where=self.where(question), next_step=next_step))

    def where(self, question: Question) -> str:
        """The request as messages show it: without ids."""
        return f"{question.method} {question.path} at {self._host}"

    def _refused(self, question: Question, flaw: str, status: int) -> Problem:
        advice = self._advice.get(status, "Ask who manages the account.")
        return Problem(what=f"{self._platform} {flaw}", where=self.where(question), next_step=advice)

    def _said(self, tree: Any) -> str:
        """The platform's own words, short and scrubbed, when it gave any."""
        words = tree.get("message") if isinstance(tree, dict) else None
        if not isinstance(words, str) or not words.strip():
            return ""
        return f", saying {mask_url(scrub(' '.join(words.split()), self._secrets))[:200]!r},"


def _tree(content: bytes) -> Any:
    """A refusal need not be JSON: None where it is not."""
    try:
        return read_json(content)
    except ValueError:
        return None
