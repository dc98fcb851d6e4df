"""A time limit for a whole exchange: the usual ones are per read, and a drip of single bytes outlives them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from httpcore import SOCKET_OPTION


class Deadline:
    """When the exchange that is under way must be over. One exchange at a time."""

    def __init__(self) -> None:
        self._at = float("inf")

    def start(self, seconds: float) -> None:
        """From now on, so many seconds are left."""
        self._at = time.monotonic() + seconds

    @property
    def left_s(self) -> float:
        """The seconds that are left, at least a hundredth; a wait for less would not be one."""
        return max(self._at - time.monotonic(), 0.01)

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._at

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens in this block does not count."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self._at += time.monotonic() - begun

    def least(self, timeout: float | None) -> float:
        """A read's own time limit, cut down to what is left."""
        return self.left_s if timeout is None else min(timeout, self.left_s)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connections that keep to a deadline in each single read and write, headers and TLS included."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._inner = deadline, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Open a connection."""
        least = self._deadline.least(timeout)
        return _DeadlineStream(
            self._inner.connect_tcp(host, port, least, local_address, socket_options), self._deadline
        )


_BITE = 8192  # bytes


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._deadline.is_over:
            raise httpcore.ReadTimeout
        # Small bites: a compressed one unpacks to a thousand times its size before the cap on an answer can see it.
        return self._inner.read(min(max_bytes, _BITE), self._deadline.least(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._deadline.is_over:
            raise httpcore.WriteTimeout
        self._inner.write(buffer, self._deadline.least(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._deadline.least(timeout))
        return _DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
