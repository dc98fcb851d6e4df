"""The sandbox as a real HTTP server on 127.0.0.1, for any client of Ringba's API or of Kayzen's event endpoint."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from kayzen_nb.sandbox.platforms import ACCOUNT_ID, KAYZEN_KEY, RINGBA_TOKEN, open_sandbox

if TYPE_CHECKING:
    from kayzen_nb.sandbox.platforms import Sandbox

_LARGEST_BODY = 1_000_000


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no fault of the sandbox and not worth a traceback in the terminal."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class RunningServer:
    """A server that answers until ``close``; also a context manager. ``url`` is its address without a path."""

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        lock = threading.Lock()  # the sandbox keeps a list of what it received

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
                """Keep request lines, which hold keys, out of the terminal."""

            def answer(self) -> None:
                length = self.headers.get("Content-Length") or "0"
                if not (length.isascii() and length.isdigit() and int(length[:9]) <= _LARGEST_BODY):
                    self.send_error(400)
                    return
                body = self.rfile.read(int(length))
                with lock:
                    status, headers, content = sandbox.respond(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # the base class's names

        self._server = _Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """The environment that points the toolkit, or any client, at this server.

        Kayzen's reporting API is not played yet: its address is here so that nothing asks the real one meanwhile.
        """
        return {
            "RINGBA_API_URL": f"{self.url}/v2",
            "KAYZEN_EVENT_URL": f"{self.url}/v1/ev",
            "KAYZEN_API_URL": f"{self.url}/v1",
            "RINGBA_ACCOUNT_ID": ACCOUNT_ID,
            "RINGBA_API_TOKEN": RINGBA_TOKEN,
            "KAYZEN_API_KEY": KAYZEN_KEY,
        }


def start_server(scenario: str = "healthy", port: int = 0) -> RunningServer:
    """Serve a scenario on 127.0.0.1; port 0 takes a free one."""
    return RunningServer(open_sandbox(scenario), port)
