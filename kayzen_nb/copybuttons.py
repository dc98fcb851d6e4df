"""Copy buttons for the six pixels, field by field in the order of Ringba's form (the published guide).

The URL on the clipboard holds the key; nothing that a notebook saves does. What is shown says the key's fingerprint
in its place. A click asks the kernel by a message, and the kernel answers by a message: JupyterLab's "Save Widget
State" keeps synced traits only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from kayzen_nb.pixels import PLACEHOLDER_KEY, render
from kayzen_nb.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

_STATIC = Path(__file__).with_name("static")
ADVANCED_HINT = "Toggle on Advanced Options to see HTTP Method."


class CopyFields(anywidget.AnyWidget):
    """One card a pixel, one Copy button a field. ``pixels`` is what is shown and may be saved: it never holds a key."""

    _esm = _STATIC / "copybuttons.js"
    _css = _STATIC / "widgets.css"
    pixels: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)

    def __init__(self, get_plan: Callable[[], Plan], get_key: Callable[[], Secret | None]) -> None:
        self._get_plan, self._get_key = get_plan, get_key
        super().__init__(pixels=shown_pixels(get_plan(), get_key()))
        self.on_msg(self._answer)

    def refresh(self) -> None:
        """Show the present plan, and whether there is a key now."""
        self.pixels = shown_pixels(self._get_plan(), self._get_key())

    def _answer(self, _widget: object, asked: Any, _buffers: object) -> None:
        """Hand one pixel's URL to the click that asked for it."""
        key, number = self._get_key(), asked.get("ask") if isinstance(asked, dict) else None
        pixels = render(self._get_plan(), key)
        if isinstance(number, int) and 0 <= number < len(pixels):
            self.send({"turn": asked.get("turn"), "text": pixels[number].url, "says": _says(key)})
            self.refresh()


def show_copy_fields(get_plan: Callable[[], Plan], get_key: Callable[[], Secret | None]) -> CopyFields:
    """Display the pixels with their copy buttons. Plan and key are asked for at each click; keep it for ``refresh``."""
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    fields = CopyFields(get_plan, get_key)
    display(fields)  # type: ignore[no-untyped-call]
    return fields


def shown_pixels(plan: Plan, key: Secret | None) -> list[dict[str, Any]]:
    """What the cards show: titles and fields, the key's fingerprint or the guide's placeholder in the key's place."""
    return [
        {"title": f"{label(planned.event)}: {pixel.name}", "fields": _fields(pixel, key)}
        for planned, pixel in zip(plan.pixels, render(plan, None), strict=True)
    ]


def _fields(pixel: Pixel, key: Secret | None) -> list[dict[str, Any]]:
    """Ringba's form asks for name, trigger and URL; the method comes after its Advanced Options switch."""
    mark = f"«your key, fingerprint {key.fingerprint}»" if key else PLACEHOLDER_KEY
    url = pixel.url.replace(f"={PLACEHOLDER_KEY}", f"={mark}", 1)
    return [
        {"name": "Name", "value": pixel.name},
        {"name": "Fire Pixel On", "value": pixel.fire_on},
        {"name": "URL", "value": url, "marked": mark, "asks": True},
        {"name": "HTTP Method", "value": pixel.method, "hint": ADVANCED_HINT},
    ]


def _says(key: Secret | None) -> str:
    if key:
        return f"Copied, with the key of fingerprint {key.fingerprint}."
    return f"Copied without a key: {PLACEHOLDER_KEY} stands in its place. Type the key into the box first."
