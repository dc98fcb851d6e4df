"""The in-process seam: httpx asks, the sandbox answers, nothing leaves the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from kayzen_nb.sandbox.platforms import Sandbox


class SandboxTransport(httpx.BaseTransport):
    """Hands each request to a sandbox, whatever host it names."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request from the sandbox."""
        target = request.url.raw_path.decode("ascii")
        status, headers, body = self._sandbox.respond(request.method, target, dict(request.headers), request.read())
        return httpx.Response(status, headers=headers, content=body, request=request)
