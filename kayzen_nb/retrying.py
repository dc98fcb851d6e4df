"""Asking until there is an answer: bounded tries at what may pass, and waiting where the platform says so."""

from __future__ import annotations

import itertools
import logging
import time
from typing import TYPE_CHECKING, TypeVar

import stamina

from kayzen_nb.errors import PlatformError
from kayzen_nb.httpanswer import Limited, TryAgain

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.deadline import Deadline
    from kayzen_nb.httpanswer import Answer, AnswerReader, Question
    from kayzen_nb.ratelimit import Pace

# Each retry is a warning to stamina; to people it is not: what fails in the end is told in plain words.
logging.getLogger("stamina").setLevel(logging.ERROR)

_ATTEMPTS = 3
_LONGEST_BACKOFF_S = 3.0  # stamina's longest own wait below: wait_max plus jitter
_LONGEST_CAUTION_S = 60.0  # between requests to a platform that says "limited, wait 0 s" again and again
_Read = TypeVar("_Read")


class Asker:
    """Asks a question by ``exchange`` (one request, one answer) until it is answered, refused, or time is up.

    ``limit_s`` bounds a request with its retries; waits for our own pace and at the platform's limit come on top, and
    are bounded by the pace's patience.
    """

    def __init__(
        self, exchange: Callable[[Question], Answer], reader: AnswerReader, deadline: Deadline, *, limit_s: float
    ) -> None:
        self._exchange, self._reader, self._deadline, self._limit_s = exchange, reader, deadline, limit_s
        self._gave_up = False  # a request failed to the end, and none was answered since

    def ask(self, question: Question, read: Callable[[bytes], _Read], pace: Pace) -> _Read | None:
        """What ``read`` makes of the answer; None at a status of ``none_at``. Raises PlatformError subclasses only."""
        for turn in itertools.count():
            failure: PlatformError | None = None
            wait_s, why = 0.0, ""
            try:
                return self._try(question, read, pace)
            except Limited as limited:
                wait_s, why = limited.wait_s(pace.now()), limited.why
            except TryAgain as again:
                failure, self._gave_up = again.error, True
            except PlatformError as refused:
                failure = type(refused)(*refused.problems)
            if failure:
                raise failure  # outside the except: no chain back to frames that hold the credential
            caution_s = min(2.0 ** min(turn, 6) - 1, _LONGEST_CAUTION_S)
            pace.hold(max(wait_s, caution_s), why, self._reader.where(question))
        raise AssertionError("counting does not end")

    def _try(self, question: Question, read: Callable[[bytes], _Read], pace: Pace) -> _Read | None:
        """Three requests at most, short waits between them, within the deadline. Our pace counts each of them.

        Where the question before got no answer at all, one request shows whether the storm is over.
        """
        self._deadline.start(self._limit_s)
        for attempt in stamina.retry_context(
            on=self._next_wait,
            attempts=1 if self._gave_up else _ATTEMPTS,
            timeout=None,  # the deadline is kept by _next_wait, which sees Retry-After too
            wait_initial=0.5,
            wait_max=2.0,
            wait_jitter=1.0,
        ):
            with attempt:
                with self._deadline.paused():
                    pace.wait(self._reader.where(question))
                found = self._reader.read(question, self._exchange(question), read, now=pace.now())
                self._gave_up = False
                return found
        raise AssertionError("stamina ends by returning or raising")

    def _next_wait(self, failure: Exception) -> bool | float:
        """For stamina: False to give up, seconds to wait, or True for its own backoff. Never past the deadline."""
        if not isinstance(failure, TryAgain):
            return False
        if failure.wait_s is None:
            return self._deadline.left_s > _LONGEST_BACKOFF_S
        return failure.wait_s if failure.wait_s < self._deadline.left_s else False


def rest(seconds: float) -> None:
    """A wait that stamina's testing mode turns off, as it does its own."""
    if not stamina.is_testing():
        time.sleep(seconds)
