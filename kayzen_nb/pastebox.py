"""A box for pasted text: a list of pixels, or the Events tab of a call.

The text may hold keys and callers' full numbers. It reaches the kernel by a message, so neither the notebook's outputs
nor its widget state ever hold it; the answer under the box is masked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from kayzen_nb.errors import KayzenNbError
from kayzen_nb.privacy import mask_url, scrub

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.privacy import Secret

_STATIC = Path(__file__).with_name("static")
_HELP = "The text goes into this session's memory only; it is not saved with the notebook."
_LONGEST_ANSWER = 1200


class PasteBox(anywidget.AnyWidget):
    """A text area and a button; ``answer`` says what was understood, masked."""

    _esm = _STATIC / "pastebox.js"
    _css = _STATIC / "widgets.css"
    label = traitlets.Unicode("").tag(sync=True)
    help = traitlets.Unicode(_HELP).tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)

    def __init__(self, label: str, on_text: Callable[[str], str], get_key: Callable[[], Secret | None]) -> None:
        self._on_text, self._get_key = on_text, get_key
        super().__init__(label=label)
        self.on_msg(self._act)

    def _act(self, _widget: object, asked: Any, _buffers: object) -> None:
        if isinstance(asked, dict) and isinstance(asked.get("text"), str):
            self._read(asked["text"])

    def _read(self, text: str) -> None:
        """Hand the text over; a text that cannot be used stays in the box, to be corrected."""
        try:
            answer, is_taken = self._on_text(text), True
        except KayzenNbError as refused:
            answer, is_taken = f"Not taken.\n{refused}", False
        self.answer = self._mask(answer)
        self.send({"taken": is_taken})

    def _mask(self, answer: str) -> str:
        key = self._get_key()
        return mask_url(scrub(answer, [key] if key else []))[:_LONGEST_ANSWER]


def _no_key() -> None:
    return None


def show_paste_box(
    label: str, on_text: Callable[[str], str], get_key: Callable[[], Secret | None] = _no_key
) -> PasteBox:
    """Display the box. ``on_text`` takes the text and says what was understood; it may raise a KayzenNbError.

    ``get_key`` gives the key, when there is one, so that an answer cannot quote it.
    """
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    box = PasteBox(label, on_text, get_key)
    display(box)  # type: ignore[no-untyped-call]
    return box
