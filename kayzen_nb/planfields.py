"""The fields of a plan file, each checked, and told with its place where it cannot be used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from kayzen_nb.errors import Problem, did_you_mean
from kayzen_nb.guide import PRINTED
from kayzen_nb.pixellist import event_of
from kayzen_nb.pixels import ENDPOINT, LEFT_OUT, PROFILES, PlannedPixel, Standing, UrlParameter
from kayzen_nb.planchange import FIXED_NAMES, name_fault, value_faults
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORMAT = 1
_BY_HAND = "written into the plan file by hand"
_FILE_FIELDS = ("format", "profile", "content_hash", "endpoint", "pixel")
_LINES = ("name", "fire_on", "method")
_PIXEL_FIELDS = ("event", *_LINES, "parameters", "standing", "left_out")
_EXAMPLE = 'Write { inferred = "why" } or { confirmed_on = 2026-11-20, by = "who" }.'


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where problems are put down while reading goes on, each with its place in the file."""

    where: str
    problems: list[Problem] = field(default_factory=list)

    def tell(self, what: str, place: str, next_step: str) -> None:
        """Put a problem down."""
        self.problems.append(Problem(what=what, where=f"{self.where}, {place}", next_step=next_step))

    def check_fields(self, table: Mapping[str, Any], known: Iterable[str], place: str) -> None:
        """Tell every field of a table that is not known. Its value is not shown: it may be a key."""
        for name in table:
            if name not in known:
                self.tell(f"There is no field {name!r}.", place, did_you_mean(name, known))


def read_profile(tree: Mapping[str, Any], desk: Desk) -> str:
    """The profile, and whether the top of the file is as it should be."""
    desk.check_fields(tree, _FILE_FIELDS, "top")
    if tree.get("endpoint", ENDPOINT) != ENDPOINT:
        desk.tell("The endpoint is not Kayzen's.", "endpoint", f'Write endpoint = "{ENDPOINT}".')
    profile = str(tree.get("profile", ""))
    if profile not in PROFILES:
        desk.tell(f"There is no pixel profile {profile!r}.", "profile", did_you_mean(profile, PROFILES))
    return profile


def read_pixels(tree: Mapping[str, Any], desk: Desk) -> tuple[PlannedPixel, ...]:
    """The six pixels in life-cycle order, whatever their order in the file."""
    tables = tree.get("pixel")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        desk.tell("There is no pixel in it.", "[[pixel]]", "Each of the six pixels begins with a line [[pixel]].")
        return ()
    read = [_read_pixel(table, number, desk) for number, table in enumerate(tables, 1)]
    pixels = [pixel for pixel in read if pixel]
    _check_set(pixels, desk)
    return tuple(sorted(pixels, key=lambda pixel: list(Event).index(pixel.event)))


def _check_set(pixels: list[PlannedPixel], desk: Desk) -> None:
    """Each event once, each name once."""
    events, names = Counter(p.event for p in pixels), Counter(p.name for p in pixels)
    for event in Event:
        if not events[event]:
            desk.tell(f"The {event} pixel is missing.", "[[pixel]]", f'Add a [[pixel]] with event = "{event}".')
        if events[event] > 1:
            desk.tell(f"The {event} pixel stands {events[event]} times.", "[[pixel]]", "Leave one of them.")
    for name, count in names.items():
        if count > 1 and name:
            desk.tell(f"{count} pixels are named {name!r}.", "[[pixel]]", "Give each its own name.")


def _read_pixel(table: dict[str, Any], number: int, desk: Desk) -> PlannedPixel | None:
    """One pixel; None where it cannot even be told which."""
    named = str(table.get("event", ""))
    place = f"pixel {number} ({named})" if named else f"pixel {number}"
    desk.check_fields(table, _PIXEL_FIELDS, place)
    if named not in list(Event):
        desk.tell(f"There is no event {named!r}.", place, did_you_mean(named, [event.value for event in Event]))
        return None
    lines = {name: _read_line(table, name, place, desk) for name in _LINES}
    _check_lines(Event(named), lines, place, desk)
    sent, notes, unsent = (_read_table(table, name, place, desk) for name in ("parameters", "standing", "left_out"))
    _check_names(sent, notes, unsent, place, desk)
    return PlannedPixel(
        event=Event(named),
        parameters=tuple(_read_parameter(name, sent[name], notes, place, desk) for name in sent),
        left_out=tuple(_stand(name, LEFT_OUT, unsent[name], f"{place}, left_out", desk) for name in unsent),
        **lines,
    )


def _read_line(table: Mapping[str, Any], name: str, place: str, desk: Desk) -> str:
    """A field that is one line of text."""
    value = table.get(name, "")
    if isinstance(value, str) and value.strip() == value and value.isprintable() and value:
        return value
    desk.tell(f"The field {name!r} is missing, or not one line of text.", place, f'Write {name} = "...".')
    return ""


def _check_lines(event: Event, lines: Mapping[str, str], place: str, desk: Desk) -> None:
    fire_on, method = lines["fire_on"], lines["method"]
    if fire_on and event_of(fire_on) is not event:
        what = f"fire_on is {fire_on!r}, which is not the trigger of the {event} pixel."
        desk.tell(what, place, "Each pixel fires on the event that it is for.")
    if method and method != "GET":
        desk.tell(f"The method is {method!r}.", place, 'Write method = "GET": Kayzen documents no other.')


def _read_table(table: Mapping[str, Any], name: str, place: str, desk: Desk) -> dict[str, Any]:
    """A table inside a pixel; empty where there is none."""
    inner = table.get(name, {})
    if isinstance(inner, dict):
        return inner
    desk.tell(f"{name!r} is not a table.", place, f"Write the line [pixel.{name}], and one field a line under it.")
    return {}


def _check_names(sent: Iterable[str], notes: Iterable[str], unsent: Iterable[str], place: str, desk: Desk) -> None:
    """Whether the three tables of a pixel speak of the same parameters."""
    for name in FIXED_NAMES:
        if name not in sent:
            desk.tell(f"The parameter {name!r} is missing.", f"{place}, parameters", "Kayzen cannot do without it.")
    for name in notes:
        if name not in sent:
            desk.tell(f"No parameter {name!r} is sent.", f"{place}, standing", did_you_mean(name, sent))
    for name in unsent:
        if name in sent:
            step = "Leave it in one of the two."
            desk.tell(f"{name!r} is sent and left out at once.", f"{place}, left_out", step)


def _read_parameter(name: str, found: Any, notes: Mapping[str, Any], place: str, desk: Desk) -> UrlParameter:
    """One ``name = value``. Without a line on its standing it is published if the guide prints it, else inferred."""
    place = f"{place}, parameters.{name}"
    value = str(found) if isinstance(found, int) and not isinstance(found, bool) else found
    if not isinstance(value, str):
        desk.tell("The value is not a text.", place, "Put it between double quotes.")
        value = ""
    elif faults := [*value_faults(name, value), *filter(None, [name_fault(name)])]:
        for fault in faults:
            desk.tell(f"The value cannot be used: {fault}.", place, "Correct it in the file.")
    if name in notes:
        return _stand(name, value, notes[name], place.replace("parameters", "standing"), desk)
    if PRINTED.get(name) == value:
        return UrlParameter(name=name, value=value)
    return UrlParameter(name=name, value=value, standing=Standing.INFERRED, why=_BY_HAND)


def _stand(name: str, value: str, line: Any, place: str, desk: Desk) -> UrlParameter:
    """A parameter with the standing that its line tells: inferred and why, or confirmed, when and by whom."""
    if not isinstance(line, dict) or ("inferred" in line) == ("confirmed_on" in line):
        desk.tell(f"The standing of {name!r} is neither inferred nor confirmed, or both.", place, _EXAMPLE)
        return UrlParameter(name=name, value=value)
    desk.check_fields(line, ("inferred",) if "inferred" in line else ("confirmed_on", "by", "why"), place)
    told = {key: line.get(key, "") for key in ("inferred", "by", "why")}
    if not all(isinstance(text, str) for text in told.values()):
        desk.tell(f"The standing of {name!r} holds a field that is not a text.", place, _EXAMPLE)
    if "inferred" in line:
        return UrlParameter(name=name, value=value, standing=Standing.INFERRED, why=str(told["inferred"]))
    day = _read_day(line["confirmed_on"], place, desk)
    return UrlParameter(
        name=name, value=value, standing=Standing.CONFIRMED, why=told["why"], confirmed_on=day, confirmed_by=told["by"]
    )


def _read_day(found: Any, place: str, desk: Desk) -> date | None:
    """The day of Kayzen's answer, as TOML's own date or as text."""
    if isinstance(found, datetime):
        return found.date()
    if isinstance(found, date):
        return found
    try:
        return date.fromisoformat(str(found))
    except ValueError:
        desk.tell(f"{str(found)[:40]!r} is not a day.", place, "Write confirmed_on = 2026-11-20: year, month, day.")
        return None
