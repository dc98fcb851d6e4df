"""The box for Kayzen's key. What is typed reaches the kernel's memory and no file.

``ipywidgets.Password`` will not do: while the kernel does not answer, the typed key stands in the widget's state, and
JupyterLab saves that (measured: a stopped kernel, "Save Widget State" on, Ctrl-S).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from kayzen_nb.pixels import PLACEHOLDER_KEY
from kayzen_nb.privacy import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

_STATIC = Path(__file__).with_name("static")
_HELP = "Your Kayzen account manager gives it. Type or paste it and press Enter; the box empties itself."
_SHORTEST = 6  # as in the settings: shorter ones could not be told from prose when texts are scrubbed


class KeyBox(anywidget.AnyWidget):
    """A password box, a button that takes the key, a button that writes the URLs to a private file, and an answer."""

    _esm = _STATIC / "keybox.js"
    _css = _STATIC / "widgets.css"
    help = traitlets.Unicode(_HELP).tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)

    def __init__(self, take_key: Callable[[Secret], None], write_urls: Callable[[], str]) -> None:
        self._take_key, self._write_urls = take_key, write_urls
        super().__init__()
        self.on_msg(self._act)

    def _act(self, _widget: object, asked: Any, _buffers: object) -> None:
        if isinstance(asked, dict) and isinstance(asked.get("typed"), str):
            self.answer = self._take(asked["typed"])
        elif asked == {"write": True}:
            self.answer = self._write_urls()
        self.send({"answered": True})

    def _take(self, typed: str) -> str:
        if fault := fault_of_typed(typed):
            return f"{fault} Nothing was kept."
        key = Secret(typed.strip())
        self._take_key(key)
        return f"Key taken, fingerprint {key.fingerprint}. It lives in this session's memory only."


def show_key_box(take_key: Callable[[Secret], None], write_urls: Callable[[], str]) -> KeyBox:
    """Display the box. ``take_key`` keeps the key, ``write_urls`` writes the private file and says where or why not."""
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    box = KeyBox(take_key, write_urls)
    display(box)  # type: ignore[no-untyped-call]
    return box


def fault_of_typed(typed: str) -> str:
    """Why a typed text can be no key, in one sentence that does not quote it; empty when it may be one."""
    key = typed.strip()
    if key.upper() == PLACEHOLDER_KEY or key.startswith("<"):
        return f"This is a placeholder such as the guide's {PLACEHOLDER_KEY}, not a key."
    if "://" in key or key.casefold().startswith("api_key="):
        return "This is more than the key: type what stands after api_key= and before the next &."
    if any(mark.isspace() for mark in key):
        return "This is not a key: it holds a space or a line break."
    if len(key) < _SHORTEST or not key.isascii() or not key.isprintable():
        return "This is not a key: too short, or with letters no key has."
    return ""
