"""Where a command keeps and finds calls: the account's archive, or the sandbox's own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from kayzen_nb.archive import Archive
    from kayzen_nb.callerkey import CallerKey
    from kayzen_nb.ringba import Ringba
    from kayzen_nb.settings import Settings
    from kayzen_nb.watching import Watcher

PATIENCE_S = 6 * 3600.0  # a sync may wait for the edge of an hour's limit, not for tomorrow


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """An archive with what it takes to read into it."""

    archive: Archive
    key: CallerKey
    settings: Settings
    transport: httpx.BaseTransport | None = None

    @property
    def source(self) -> str:
        """The host that the calls come from."""
        return "built-in sandbox" if self.transport else urlsplit(self.settings.ringba_api_url).netloc

    @contextmanager
    def open_ringba(self, watcher: Watcher) -> Iterator[Ringba]:
        """A patient connection: it stays below the limits, waits where it must, and tells the watcher why."""
        from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # httpx, only where something is read

        with Ringba(self.settings, transport=self.transport, watcher=watcher, patience_s=PATIENCE_S) as ringba:
            yield ringba


def open_keeping(scenario: str | None = None) -> Keeping:
    """The account's archive, or with a scenario the sandbox's. Raises SettingsError."""
    from kayzen_nb.archive import Archive, archive_folder  # noqa: PLC0415  # duckdb, only where calls are kept
    from kayzen_nb.callerkey import load_caller_key  # noqa: PLC0415  # as above

    settings, transport = _open(scenario)
    settings.require("ringba_account_id")
    return Keeping(
        archive=Archive(archive_folder(settings.home, settings.ringba_account_id or "")),
        key=load_caller_key(settings.home),
        settings=settings,
        transport=transport,
    )


def _open(scenario: str | None) -> tuple[Settings, httpx.BaseTransport | None]:
    if scenario is None:
        from kayzen_nb.settings import load_settings  # noqa: PLC0415  # as above

        return load_settings(), None
    from kayzen_nb.sandbox import open_sandbox  # noqa: PLC0415  # as above

    sandbox = open_sandbox(scenario)
    return sandbox.settings, sandbox.transport
