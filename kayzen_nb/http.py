"""The one door to the network: bounded, suspicious, and silent about keys. The only importer of httpx.

Nothing of httpx leaves this module: its exceptions quote full URLs, so each is replaced, outside of its ``except``, by
a PlatformError that has no memory of it.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx
import stamina

from kayzen_nb.errors import (
    BadAnswer,
    CredentialRefused,
    PlatformDown,
    PlatformError,
    Problem,
    RateLimited,
    RightRefused,
    SettingsError,
)
from kayzen_nb.privacy import Secret, mask_url, scrub
from kayzen_nb.ratelimit import asked_wait, is_rate_limit, until_edge
from kayzen_nb.settings import LOOPBACK_HOSTS, PLATFORM_HOSTS
from kayzen_nb.strictjson import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_ATTEMPTS = 3
_LONGEST_BACKOFF_S = 3.0  # stamina's longest own wait below: wait_max plus jitter
_LOGGERS = ("httpx", "httpcore", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_NO_ADVICE: Mapping[int, str] = {}


class _QuietUrls(logging.Filter):
    """httpx logs every URL, keys included, at INFO (encode/httpx#2760): let only warnings through."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_QUIET = _QuietUrls()
for _name in _LOGGERS:  # a filter is not inherited by child loggers; adding the same filter twice changes nothing
    logging.getLogger(_name).addFilter(_QUIET)


class _TryAgain(Exception):
    """A failure that may pass: retried after ``wait_s`` (None: our own backoff), else ``error`` is what is raised."""

    def __init__(self, error: PlatformError, wait_s: float | None = None) -> None:
        super().__init__(type(error).__name__)  # stamina logs this text
        self.error = error
        self.wait_s = wait_s


class _OneHost(httpx.BaseTransport):
    """Lets requests out to one host only, whatever URL httpx was given."""

    def __init__(self, inner: httpx.BaseTransport, host: str) -> None:
        self._inner, self._host = inner, host

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != self._host:
            raise httpx.UnsupportedProtocol("another host")
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What came back, read to its end."""

    status: int
    retry_after: str
    content: bytes


class Client:
    """Reads JSON from one platform: retries within a total deadline, a size cap, no redirects, no proxies.

    ``ids`` fill the ``{names}`` in paths, so that messages can show paths without ids. ``advice`` maps a refusing
    status (401, 403) to the next step for a person.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str | Secret],
        platform: str,
        transport: httpx.BaseTransport | None = None,
        deadline_s: float = 60.0,
        ids: Mapping[str, str] | None = None,
        advice: Mapping[int, str] = _NO_ADVICE,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._base_url, self._host = base_url.rstrip("/"), _allowed_host(base_url, platform)
        self._headers, self._platform, self._ids, self._advice = headers, platform, dict(ids or {}), advice
        self._deadline_s, self._max_bytes = deadline_s, max_bytes
        inner = transport or httpx.HTTPTransport(trust_env=False)
        # No proxies or .netrc from the environment: they would see or replace the credential.
        self._http = httpx.Client(transport=_OneHost(inner, self._host), trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def fetch_json(self, method: str, path: str, *, body: Any = None, what: str) -> Any:
        """The answer as a JSON tree, floats as exact Decimals. For requests that only read: they may be repeated.

        ``what`` names the thing asked for in messages ("the call log"). Raises PlatformError subclasses only.
        """
        deadline = time.monotonic() + self._deadline_s
        failure: PlatformError
        try:
            return self._fetch_with_retries(_Question(method=method, path=path, body=body, what=what), deadline)
        except _TryAgain as again:
            failure = again.error
        except PlatformError as refused:
            failure = type(refused)(*refused.problems)
        raise failure  # outside the except: no chain back to frames that hold the credential

    def _fetch_with_retries(self, question: _Question, deadline: float) -> Any:
        for attempt in stamina.retry_context(
            on=lambda failure: _next_wait(failure, deadline),
            attempts=_ATTEMPTS,
            timeout=None,  # the deadline is kept by _next_wait, which sees Retry-After too
            wait_initial=0.5,
            wait_max=2.0,
            wait_jitter=1.0,
        ):
            with attempt:
                return self._read(question, self._exchange(question, deadline))
        raise AssertionError("stamina ends by returning or raising")

    def _exchange(self, question: _Question, deadline: float) -> _Answer:
        """One request. Connection errors become _TryAgain."""
        try:
            return self._stream(question, deadline)
        except httpx.DecodingError:
            reason = "the answer's compression is broken"
        except httpx.TimeoutException:
            reason = "no answer in time"
        except httpx.RequestError as broken:
            reason = "no connection" if isinstance(broken, httpx.ConnectError) else "the connection broke"
        raise _TryAgain(self._down(question, reason))

    def _stream(self, question: _Question, deadline: float) -> _Answer:
        left = max(deadline - time.monotonic(), 0.01)
        request = self._http.build_request(
            question.method,
            self._base_url + question.path.format_map(self._ids),
            headers={name: _plain(value) for name, value in self._headers.items()},
            json=question.body,
            timeout=httpx.Timeout(min(left, 30.0), connect=min(left, 10.0)),
        )
        response = self._http.send(request, stream=True)
        try:
            # Between chunks five seconds are enough; a shorter wait keeps a drip from overrunning the deadline.
            request.extensions["timeout"]["read"] = min(left, 5.0)
            content = self._read_within(response, question, deadline)
        finally:
            response.close()
        return _Answer(
            status=response.status_code, retry_after=response.headers.get("retry-after", ""), content=content
        )

    def _read_within(self, response: httpx.Response, question: _Question, deadline: float) -> bytes:
        """The decoded body, within the deadline (a drip outlives httpx's timeouts) and the size cap."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self._max_bytes:
                raise self._bad(question, f"sent more than {self._max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise _TryAgain(self._down(question, f"the answer took longer than {self._deadline_s:g} s"))
        return bytes(content)

    def _read(self, question: _Question, answer: _Answer) -> Any:
        """The JSON of a good answer; the right error for any other."""
        if answer.status == 401:
            raise CredentialRefused(self._refused(question, "did not accept the API token (401).", 401))
        if answer.status == 403:
            raise RightRefused(self._refused(question, "knows the API token but refuses this (403).", 403))
        if answer.status >= 500 or answer.status in (408, 425):
            raise _TryAgain(self._down(question, f"it answered {answer.status}"), asked_wait(answer.retry_after))
        if 300 <= answer.status < 400:
            raise self._bad(question, f"answered with a redirect ({answer.status}), which is not followed")
        tree = self._read_tree(question, answer)
        if answer.status == 429 or is_rate_limit(tree):
            raise self._limited(question, answer, tree)
        if answer.status >= 400:
            raise self._bad(question, f"refused the request ({answer.status}){self._said(tree)}")
        return tree

    def _read_tree(self, question: _Question, answer: _Answer) -> Any:
        """The answer as a tree; a refusal need not be JSON, a success must be."""
        try:
            return read_json(answer.content)
        except json.JSONDecodeError:
            flaw = "sent an answer that is not whole JSON"
        except ValueError as flawed:
            flaw = f"sent an answer that cannot be trusted ({flawed})"
        if answer.status >= 400:
            return None
        if answer.content.lstrip()[:1] == b"<":
            raise self._bad(question, "sent a web page, perhaps a log-in page, in place of the answer")
        raise _TryAgain(self._bad(question, flaw))

    def _limited(self, question: _Question, answer: _Answer, tree: Any) -> _TryAgain:
        span = str(tree.get("exceedingRateLimit", "Minute")) if isinstance(tree, dict) else "Minute"
        what = f"{self._platform}'s limit of requests per {span.casefold()} is used up (its web page counts too)."
        problem = Problem(
            what=what,
            where=self._where(question),
            next_step="Nothing was changed. Wait a while, then run again; a shorter period asks for less.",
        )
        asked = asked_wait(answer.retry_after)
        return _TryAgain(RateLimited(problem), until_edge(span) if asked is None else asked)

    def _down(self, question: _Question, reason: str) -> PlatformDown:
        what = f"{self._platform} could not be reached while reading {question.what}: {reason}."
        next_step = "Nothing was changed; try again later."
        return PlatformDown(Problem(what=what, where=self._where(question), next_step=next_step))

    def _bad(self, question: _Question, flaw: str) -> BadAnswer:
        what = f"{self._platform} {flaw} while we read {question.what}."
        next_step = "Nothing was changed. Check address and parameters; if it stays so, report it with this text."
        return BadAnswer(Problem(what=what, where=self._where(question), next_step=next_step))

    def _refused(self, question: _Question, flaw: str, status: int) -> Problem:
        advice = self._advice.get(status, "Ask who manages the account.")
        return Problem(what=f"{self._platform} {flaw}", where=self._where(question), next_step=advice)

    def _where(self, question: _Question) -> str:
        return f"{question.method} {question.path} at {self._host}"

    def _said(self, tree: Any) -> str:
        """The platform's own words, short and scrubbed, when it gave any."""
        words = tree.get("message") if isinstance(tree, dict) else None
        if not isinstance(words, str) or not words.strip():
            return ""
        # A header may be "Token <key>": the key alone must not come back either.
        secrets = [Secret(word) for v in self._headers.values() if isinstance(v, Secret) for word in v.reveal().split()]
        return f", saying {mask_url(scrub(' '.join(words.split()), secrets))[:200]!r},"


def send_get(url: Secret, *, platform: str, transport: httpx.BaseTransport | None = None, limit_s: float = 10.0) -> int:
    """Request a URL that holds a key, once, and give the answer's status; the answer itself is not read.

    Never repeated: by what a receiver recognises a repeat is not published. Redirects are not followed. Raises
    SettingsError for a host that is neither the platform's nor this machine, PlatformDown without an answer.
    """
    host = _allowed_host(url.reveal(), platform)
    inner = transport or httpx.HTTPTransport(trust_env=False)
    timeout = httpx.Timeout(limit_s)
    try:
        with (
            httpx.Client(transport=_OneHost(inner, host), trust_env=False, timeout=timeout) as client,
            client.stream("GET", url.reveal(), follow_redirects=False) as answer,
        ):
            return answer.status_code
    except httpx.TimeoutException:
        reason = "no answer in time"
    except (httpx.RequestError, httpx.InvalidURL):
        reason = "no connection"
    what = f"{platform} could not be reached: {reason}. Whether the event arrived is not known."
    step = "Check the address, and that the receiver is running; then start again."
    raise PlatformDown(Problem(what=what, where=f"GET {urlsplit(url.reveal()).path} at {host}", next_step=step))


@dataclass(frozen=True, kw_only=True)
class _Question:
    """What is asked: a path with ``{names}`` in place of ids, and the words for messages."""

    method: str
    path: str
    body: Any
    what: str


def _allowed_host(base_url: str, platform: str) -> str:
    """The base URL's host: a platform's over https, or this machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host in LOOPBACK_HOSTS or (host in PLATFORM_HOSTS and parts.scheme == "https"):
        return host
    raise SettingsError(
        Problem(what=f"{host!r} is no address of {platform}.", where="the base URL", next_step="Use the default one.")
    )


def _plain(value: str | Secret) -> str:
    """Revealed here and only here: while the request is made."""
    return value.reveal() if isinstance(value, Secret) else value


def _next_wait(failure: Exception, deadline: float) -> bool | float:
    """For stamina: False to give up, seconds to wait, or True for its own backoff. Never past the deadline."""
    if not isinstance(failure, _TryAgain):
        return False
    left = deadline - time.monotonic()
    if failure.wait_s is None:
        return left > _LONGEST_BACKOFF_S
    return failure.wait_s if failure.wait_s < left else False
