"""A pixel on the linter's bench: its URL taken apart, beside the planned pixel that it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.lintrules import Finding, is_showable_name
from kayzen_nb.pixelurl import PixelUrl, take_apart
from kayzen_nb.privacy import mask_text
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan, PlannedPixel


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A pixel with its URL taken apart and the planned pixel it is compared with.

    ``names`` are all the parameter names of the plan. ``event`` is None where neither Fire Pixel On, the name nor
    app_event tells it; then ``planned`` is the first one's.
    """

    label: str
    pixel: Pixel
    url: PixelUrl
    event: Event | None
    planned: PlannedPixel
    plan: Plan
    names: frozenset[str]

    def finding(self, code: str, message: str, fix: str, position: int | None = None, field: str = "") -> Finding:
        """A finding about this pixel. A name that may hold a key or a number is not repeated as its field."""
        is_known = len(field) == 1 or field in self.names or is_showable_name(field.replace(" ", "_"))
        field = field if is_known else ""
        return Finding(pixel=self.label, code=code, message=message, fix=fix, position=position, field=field)


def judge(pixel: Pixel, number: int, plan: Plan) -> Judged:
    """The pixel, ready to be checked; ``number`` is its place in the list, from 1."""
    name = mask_text(pixel.name) or pixel.event
    names = parameter_names(plan)
    url = take_apart(pixel.url, names)
    event = pixel.event or (None if pixel.fire_on else event_told(url, plan))
    return Judged(
        label=f"pixel {number}" + (f" ({name})" if name else ""),
        pixel=pixel,
        url=url,
        event=event,
        planned=plan.pixel(event or Event.INCOMING),
        plan=plan,
        names=names,
    )


def parameter_names(plan: Plan) -> frozenset[str]:
    """Every parameter name of the plan."""
    return frozenset(parameter.name for pixel in plan.pixels for parameter in pixel.parameters)


def event_told(url: PixelUrl, plan: Plan) -> Event | None:
    """The event that the URL's app_event names in this plan, where it names exactly one."""
    told = url.value("app_event")
    named = [pixel.event for pixel in plan.pixels if pixel.value("app_event") == told]
    return named[0] if len(named) == 1 else None


def names_event(name: str, event: Event, plan: Plan) -> bool:
    """Whether the pixel's name is the planned one of that event, whatever its case and blanks."""
    return _plain(name) == _plain(plan.pixel(event).name)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
