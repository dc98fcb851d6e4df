"""A platform that breaks on the way, for tests of whoever reads it: over a real socket, and inside the process.

    sandbox = open_sandbox(now=NOW)
    with FaultServer(sandbox.respond, [status(503), ok(), reset(after=500)]) as server:
        ...  # server.url is its address; point the client at f"{server.url}/v2"
    assert [r.path for r in server.requests] == [...]

``respond(method, target, headers, body) -> (status, headers, body)`` is who would answer if all were well:
``Sandbox.respond``, or ``records_of([...])`` below. The *script* says what happens to each request, in order of their
coming; after its end all is well. It is a list of actions, or anything that yields them without end, such as
``random_faults(seed, rate)`` or ``itertools.repeat(status(500))``.

    ok()                    the answer as it is; ok(before=f) calls f() first (to move data, to turn a clock)
    status(429, headers={"Retry-After": "7"}, body=b"...")   another answer
    rate_limited(span="Minute", code=200)    Ringba's body for "too many requests"
    redirect(url)           302 to url
    login_page()            HTML with status 200
    reset(after=n)          the connection is reset after n bytes of the body (0: before any answer)
    cut(after=n)            the body ends after n bytes, short of its Content-Length
    cut(after=n, lying=False)   the same without Content-Length: the HTTP layer sees nothing wrong
    drip(tick_s=0.05)       one byte of the body at a time
    silent()                accepted, and never answered
    refused()               no connection. A listening server cannot do this to one request: in the process only;
                            over a socket, point the client at closed_port()
    gzip_bomb(megabytes)    a body that is a thousand times larger when it is unpacked
    raw(b"...")             these bytes in place of an HTTP answer

``FaultTransport`` is the same inside the process, as an httpx transport: thousands of faults a second. It never waits:
where time would pass it calls ``pass_time(seconds)``, which a test may give to its clock.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self

import httpx

from tests.faultscript import (
    FATAL,
    SURVIVABLE,
    Action,
    Asked,
    Script,
    cut,
    drip,
    gzip_bomb,
    login_page,
    ok,
    random_faults,
    rate_limited,
    raw,
    records_of,
    redirect,
    refused,
    reset,
    silent,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.faultscript import Answer, Respond

__all__ = [
    "FATAL", "LONGEST_S", "SURVIVABLE", "Action", "Asked", "FaultServer", "FaultTransport", "closed_port", "cut", "drip",
    "gzip_bomb", "login_page", "ok", "random_faults", "rate_limited", "raw", "records_of", "redirect", "refused",
    "reset", "silent", "status",
]  # fmt: skip

LONGEST_S = 20.0  # no socket of the server outlives this
_FRAMING = {"content-length", "connection"}


# Over a real socket.


class FaultServer:
    """An HTTP server on 127.0.0.1 that follows a script. A context manager; ``url`` has no path.

    Leaving it ends every connection at once, also one that drips or is silent.
    """

    def __init__(self, respond: Respond, script: Iterable[Action] = ()) -> None:
        self._script = Script(respond, script)
        self._closing, self._open = threading.Event(), set()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def requests(self) -> list[Asked]:
        """Every request so far, in order of coming."""
        return self._script.requests

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script, closing, lines = self._script, self._closing, self._open

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = LONGEST_S

            def setup(self) -> None:
                super().setup()
                lines.add(self.connection)

            def finish(self) -> None:
                lines.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def play(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                action, answer = script.take(self.command, self.path, dict(self.headers), body)
                with contextlib.suppress(ConnectionError, TimeoutError):
                    _send(self.connection, action, answer, closing)
                self.close_connection = action.kind != "ok" or closing.is_set()

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = play  # noqa: N815  # the base class's names

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that we broke is no news."""


def _send(line: socket.socket, action: Action, answer: Answer, closing: threading.Event) -> None:
    """Send an answer as the action says; the socket's own time limit ends what nobody reads."""
    head, body = _head(answer, with_length=action.kind != "cut" or action.lying), answer[2]
    if action.kind == "ok":
        line.sendall(head + body)
    elif action.kind == "raw":
        line.sendall(action.content)
    elif action.kind == "silent":
        closing.wait(LONGEST_S)
    elif action.kind == "drip":
        _drip(line, head, body, action.tick_s, closing)
    else:
        _break_off(line, head + body[: action.after], action)


def _head(answer: Answer, *, with_length: bool) -> bytes:
    code, headers, body = answer
    length = {"Content-Length": str(len(body))} if with_length else {"Connection": "close"}
    kept = {name: value for name, value in headers.items() if name.lower() not in _FRAMING}
    lines = [f"HTTP/1.1 {code} {_phrase(code)}", *(f"{name}: {value}" for name, value in (kept | length).items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _phrase(code: int) -> str:
    return HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else "Odd"


def _drip(line: socket.socket, head: bytes, body: bytes, tick_s: float, closing: threading.Event) -> None:
    line.sendall(head)
    for at in range(min(len(body), int(LONGEST_S / max(tick_s, 0.001)))):
        if closing.wait(tick_s):
            return
        line.sendall(body[at : at + 1])


def _break_off(line: socket.socket, sent: bytes, action: Action) -> None:
    """End a connection early. A reset is a close that lingers for nothing; the file descriptor goes at once."""
    if action.kind == "cut" or action.after:
        line.sendall(sent)
    if action.kind == "cut":
        line.shutdown(socket.SHUT_RDWR)
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(line.detach())


def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


# Inside the process.


class FaultTransport(httpx.BaseTransport):
    """The same script as an httpx transport; see above. ``requests`` as with FaultServer."""

    def __init__(
        self,
        respond: Respond,
        script: Iterable[Action] = (),
        *,
        pass_time: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._script, self._pass_time = Script(respond, script), pass_time

    @property
    def requests(self) -> list[Asked]:
        """Every request so far, in order of coming."""
        return self._script.requests

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        action, answer = self._script.take(request.method, target, dict(request.headers), request.read())
        if action.kind == "refused":
            raise httpx.ConnectError("refused", request=request)
        if action.kind == "reset" and not action.after:
            raise httpx.ReadError("reset", request=request)
        if action.kind == "raw":
            return _read_raw(action.content, request)
        if action.kind == "silent":
            self._pass_time(request.extensions.get("timeout", {}).get("read") or LONGEST_S)
            raise httpx.ReadTimeout("silent", request=request)
        code, headers, body = answer
        kept = {name: value for name, value in headers.items() if name.lower() not in _FRAMING}
        length = {} if action.kind == "cut" and not action.lying else {"Content-Length": str(len(body))}
        stream = _BrokenStream(action, body, request, self._pass_time)
        return httpx.Response(code, headers=kept | length, stream=stream, request=request)


class _BrokenStream(httpx.SyncByteStream):
    """A body that comes as its action says."""

    def __init__(
        self, action: Action, body: bytes, request: httpx.Request, pass_time: Callable[[float], object]
    ) -> None:
        self._action, self._body, self._request, self._pass_time = action, body, request, pass_time

    def __iter__(self) -> Iterator[bytes]:
        kind, after = self._action.kind, self._action.after
        if kind == "drip":
            yield from self._drip()
        elif kind not in ("reset", "cut"):
            yield self._body
        else:
            yield self._body[:after]
            if kind == "reset":
                raise httpx.ReadError("reset", request=self._request)
            if self._action.lying and after < len(self._body):
                raise httpx.RemoteProtocolError("peer closed connection early", request=self._request)

    def _drip(self) -> Iterator[bytes]:
        for at in range(len(self._body)):
            self._pass_time(self._action.tick_s)
            yield self._body[at : at + 1]


def _read_raw(content: bytes, request: httpx.Request) -> httpx.Response:
    """Bytes in place of an answer, read as a client would: a status line, headers, and the rest."""
    head, found, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not found or not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise httpx.RemoteProtocolError("this is not HTTP", request=request)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(rest[:3]), headers=headers, stream=httpx.ByteStream(body), request=request)
