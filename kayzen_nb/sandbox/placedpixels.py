"""The pixels of a scenario as they stand in the sandbox's Ringba: the planned six with the planted faults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from kayzen_nb.account import Pixel
from kayzen_nb.errors import InputError, Problem
from kayzen_nb.pixels import PLACEHOLDER_KEY, build_plan, render
from kayzen_nb.sandbox.callfacts import event_of_trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kayzen_nb.sandbox.scenarios import Filling, PixelFault, Scenario
    from kayzen_nb.vocabulary import Event

KAYZEN_KEY = "sandbox-kayzen-key"
_KEYS = {"right": KAYZEN_KEY, "placeholder": PLACEHOLDER_KEY, "other": "another-kayzen-key", "empty": ""}


@dataclass(frozen=True, kw_only=True)
class PlacedPixel:
    """A pixel in the sandbox's Ringba, with what is planted in it; ``planned`` is the event it is named for."""

    planned: Event
    pixel: Pixel
    fault: PixelFault = field(repr=False)
    filling: Filling = field(repr=False)

    @property
    def fires(self) -> bool:
        """Whether calls make it fire, and the log shows it."""
        return self.fault.attached and self.fault.enabled and not self.fault.lost


def place_pixels(scenario: Scenario) -> tuple[PlacedPixel, ...]:
    """The pixels of a scenario. Raises InputError where a planted edit changes nothing: it would prove nothing."""
    placed = [one for pixel in render(build_plan(scenario.profile), None) for one in _place(pixel, scenario)]
    return tuple(
        replace(one, pixel=replace(one.pixel, id=f"EV{number:032x}")) for number, one in enumerate(placed, start=1)
    )


def _place(planned: Pixel, scenario: Scenario) -> Iterator[PlacedPixel]:
    if planned.event is None:
        raise TypeError("a planned pixel has an event")
    fault = scenario.fault(planned.event)
    if not fault.created:
        return
    key = scenario.key if fault.key is None else fault.key
    written_key = quote(_KEYS.get(key, key), safe="")
    url = fault.url.replace("{key}", written_key) or _plant(planned.url, written_key, scenario, planned.event)
    fire_on = "Connected (Answered)" if fault.fire_on == "Connected" else fault.fire_on or planned.fire_on
    pixel = Pixel(
        name=fault.name or planned.name,
        event=event_of_trigger(fire_on),
        fire_on=fire_on,
        method=fault.method or planned.method,
        url=url,
        enabled=fault.enabled,
    )
    placed = PlacedPixel(planned=planned.event, pixel=pixel, fault=fault, filling=scenario.filling_of(planned.event))
    yield placed
    if fault.doubled:
        yield replace(placed, pixel=replace(pixel, name=fault.copy_name or pixel.name))


def _plant(url: str, key: str, scenario: Scenario, event: Event) -> str:
    """The URL with the planted edits, in the order in which scenarios.toml lists them.

    An edit written for this very pixel must change something; one for all pixels need not concern each of them.
    """
    url, own = url.replace(PLACEHOLDER_KEY, key), scenario.pixel.get(event.value)
    for names, edit in _EDITS.items():
        edited = edit(url, scenario.fault(event))
        if edited == url and own and any(getattr(own, name) for name in names):
            what = f"{' / '.join(names)}: this changes nothing in the pixel's URL."
            where = f"scenario {scenario.name}, pixel.{event.value}"
            raise InputError(Problem(what=what, where=where, next_step="Write what really stands in the URL."))
        url = edited
    return url


def _edit_parameters(url: str, fault: PixelFault) -> str:
    address, _, query = url.partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&")]
    kept = {name: value for name, value in pairs if name not in fault.drop} | fault.set
    return address + "?" + "&".join(f"{fault.rename.get(name, name)}={value}" for name, value in kept.items())


def _edit_address(url: str, fault: PixelFault) -> str:
    address, _, query = url.partition("?")
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    planted = f"{fault.scheme or scheme}://{fault.host or host}/{fault.path.lstrip('/') or path}"
    return f"{planted}?{query}"


def _replace(url: str, fault: PixelFault) -> str:
    for old, new in fault.replace:
        url = url.replace(old, new)
    return url


def _break_line(url: str, fault: PixelFault) -> str:
    before = fault.line_break_before
    return url.replace(before, "\n" + before, 1) if before else url


def _cut(url: str, fault: PixelFault) -> str:
    after = fault.cut_after
    if after is None or isinstance(after, int):
        return url[:after]
    head, found, _ = url.partition(after)
    return head + found


_EDITS: dict[tuple[str, ...], Callable[[str, PixelFault], str]] = {
    ("set", "rename", "drop"): _edit_parameters,
    ("scheme", "host", "path"): _edit_address,
    ("replace",): _replace,
    ("line_break_before",): _break_line,
    ("cut_after",): _cut,
}
