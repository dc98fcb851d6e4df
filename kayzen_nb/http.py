"""The one door to the network: bounded, suspicious, and silent about keys. The only importer of httpx.

Nothing of httpx leaves this module: its exceptions quote full URLs, so each is replaced, outside of its ``except``, by
a PlatformError that has no memory of it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from urllib.parse import urlsplit

import httpcore
import httpx

from kayzen_nb.deadline import Deadline, DeadlineBackend
from kayzen_nb.errors import PlatformDown, Problem, SettingsError
from kayzen_nb.httpanswer import Answer, AnswerReader, Question, TryAgain
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import PATIENCE_S, Pace
from kayzen_nb.retrying import Asker, rest
from kayzen_nb.settings import LOOPBACK_HOSTS, PLATFORM_HOSTS
from kayzen_nb.strictjson import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LOGGERS = ("httpx", "httpcore", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_NO_ADVICE: Mapping[int, str] = {}
_Read = TypeVar("_Read")


class _QuietUrls(logging.Filter):
    """httpx logs every URL, keys included, at INFO (encode/httpx#2760): let only warnings through."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_QUIET = _QuietUrls()
for _name in _LOGGERS:  # a filter is not inherited by child loggers; adding the same filter twice changes nothing
    logging.getLogger(_name).addFilter(_QUIET)


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


class _BoundedTransport(httpx.HTTPTransport):
    """httpx's own transport, each read of which keeps to the exchange's deadline. No proxies of the environment."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__(trust_env=False)
        # httpx passes no network backend on; a test with a real socket fails if this stops working.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False), network_backend=DeadlineBackend(deadline)
        )


class Client:
    """Reads JSON from one platform: retries within a total deadline, a size cap, no redirects, no proxies.

    ``ids`` fill the ``{names}`` in paths, so that messages can show paths without ids. ``advice`` maps a refusing
    status (401, 403) to the next step for a person. ``deadline_s`` bounds a request with its retries; waiting for our
    own pace or at the platform's limit comes on top, bounded by the pace's patience (``patience_s`` where no pace is
    given). One request at a time.
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
        pace: Pace | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._base_url, host = base_url.rstrip("/"), _allowed_host(base_url, platform)
        self._headers, self._ids, self._max_bytes = headers, dict(ids or {}), max_bytes
        self._deadline, self._deadline_s = Deadline(), deadline_s
        self._pace = pace or Pace(patience_s=patience_s, sleep=rest)
        self._reader = AnswerReader(platform, host, _words(headers), advice)
        self._asker = Asker(self._exchange, self._reader, self._deadline, limit_s=deadline_s)
        inner = transport or _BoundedTransport(self._deadline)
        # No proxies or .netrc from the environment: they would see or replace the credential.
        self._http = httpx.Client(transport=_OneHost(inner, host), trust_env=False, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def fetch_json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        what: str,
        pace: Pace | None = None,
        none_at: Sequence[int] = (),
    ) -> Any:
        """The answer as a JSON tree, floats as exact Decimals. For requests that only read: they may be repeated.

        ``what`` names the thing asked for in messages ("the call log"). None where the answer's status is in
        ``none_at``. Raises PlatformError subclasses only.
        """
        question = Question(method=method, path=path, body=body, what=what, none_at=none_at)
        return self._asker.ask(question, read_json, pace or self._pace)

    def fetch_page(
        self, method: str, path: str, *, body: Any, what: str, read: Callable[[bytes], _Read], pace: Pace | None = None
    ) -> _Read:
        """What ``read`` makes of the answer's bytes, for large answers. Otherwise as ``fetch_json``.

        ``read`` raises ValueError for what is not JSON: it is asked for again, then UnreadableAnswer (a BadAnswer)
        carries the bytes as ``content``.
        """
        question = Question(method=method, path=path, body=body, what=what)
        return cast("_Read", self._asker.ask(question, read, pace or self._pace))  # None is for none_at only

    def _exchange(self, question: Question) -> Answer:
        """One request. Connection errors become TryAgain."""
        try:
            return self._stream(question)
        except httpx.DecodingError:
            reason = "the answer's compression is broken"
        except httpx.TimeoutException:
            reason = self._too_long() if self._deadline.is_over else "no answer in time"
        except httpx.RequestError as broken:
            reason = "no connection" if isinstance(broken, httpx.ConnectError) else "the connection broke"
        raise TryAgain(self._reader.down(question, reason))

    def _stream(self, question: Question) -> Answer:
        left = self._deadline.left_s
        request = self._http.build_request(
            question.method,
            self._base_url + question.path.format_map(self._ids),
            headers={name: _plain(value) for name, value in self._headers.items()},
            json=question.body,
            timeout=httpx.Timeout(min(left, 30.0), connect=min(left, 10.0)),
        )
        response = self._http.send(request, stream=True)
        try:
            content = self._read_whole(response, question)
        finally:
            response.close()
        return Answer(status=response.status_code, retry_after=response.headers.get("retry-after", ""), content=content)

    def _read_whole(self, response: httpx.Response, question: Question) -> bytes:
        """The decoded body, within the deadline and the size cap."""
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > self._max_bytes:
                raise self._reader.bad(question, f"sent more than {self._max_bytes:,} bytes")
            if self._deadline.is_over:
                raise TryAgain(self._reader.down(question, self._too_long()))
        return bytes(content)

    def _too_long(self) -> str:
        return f"the answer took longer than {self._deadline_s:g} s"


def send_get(url: Secret, *, platform: str, transport: httpx.BaseTransport | None = None, limit_s: float = 10.0) -> int:
    """Request a URL that holds a key, once, and give the answer's status; the answer itself is not read.

    Never repeated: by what a receiver recognises a repeat is not published. Redirects are not followed. Raises
    SettingsError for a host that is neither the platform's nor this machine, PlatformDown without an answer.
    """
    host = _allowed_host(url.reveal(), platform)
    deadline = Deadline()
    deadline.start(limit_s)
    inner = transport or _BoundedTransport(deadline)
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


def _allowed_host(base_url: str, platform: str) -> str:
    """The base URL's host: a platform's over https, or this machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host in LOOPBACK_HOSTS or (host in PLATFORM_HOSTS and parts.scheme == "https"):
        return host
    raise SettingsError(
        Problem(what=f"{host!r} is no address of {platform}.", where="the base URL", next_step="Use the default one.")
    )


def _words(headers: Mapping[str, str | Secret]) -> list[Secret]:
    """The secrets in headers. One may be "Token <key>": the key alone must not come back either."""
    return [Secret(word) for value in headers.values() if isinstance(value, Secret) for word in value.reveal().split()]


def _plain(value: str | Secret) -> str:
    """Revealed here and only here: while the request is made."""
    return value.reveal() if isinstance(value, Secret) else value
