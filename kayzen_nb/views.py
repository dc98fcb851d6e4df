"""A view of the funnel as text that people read and schedules pass: ``converted rate: state by hour where target = A``.

A view says what is shown (the measure), by what the calls are divided, and which calls are looked at. Every part may be
left out. The same text stands in a parameter, in a schedule's line and beside the widgets, so that a view found by
clicking can be scheduled as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from kayzen_nb.dimensions import DIMENSIONS
from kayzen_nb.errors import ParameterError, Problem, did_you_mean
from kayzen_nb.viewvalues import Refused, nearest, read_value, write_value
from kayzen_nb.vocabulary import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

EXAMPLE = "state by hour where target = Call Center A"
_T = TypeVar("_T")
_LARGEST_NUMBER = 2  # dimensions that one chart can show


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a view shows of each group.

    ``kind`` is ``calls`` (that reached ``stage``), ``rate`` (of ``base``, the stage it is a share of), ``revenue``,
    ``payout``, or ``exits``.
    """

    name: str
    label: str
    kind: str
    stage: Stage = Stage.INCOMING
    base: Stage = Stage.INCOMING


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(name="calls", label="Calls", kind="calls"),
        Measure(name="connected calls", label="Connected calls", kind="calls", stage=Stage.CONNECTED),
        Measure(name="converted calls", label="Converted calls", kind="calls", stage=Stage.CONVERTED),
        Measure(name="paid calls", label="Paid calls", kind="calls", stage=Stage.PAYOUT),
        Measure(name="connected rate", label="Connected, of all calls", kind="rate", stage=Stage.CONNECTED),
        Measure(
            name="converted rate",
            label="Converted, of connected calls",
            kind="rate",
            stage=Stage.CONVERTED,
            base=Stage.CONNECTED,
        ),
        Measure(
            name="paid rate", label="Paid, of converted calls", kind="rate", stage=Stage.PAYOUT, base=Stage.CONVERTED
        ),
        Measure(name="converted of all", label="Converted, of all calls", kind="rate", stage=Stage.CONVERTED),
        Measure(name="paid of all", label="Paid, of all calls", kind="rate", stage=Stage.PAYOUT),
        Measure(name="revenue", label="Revenue (USD)", kind="revenue"),
        Measure(name="payout", label="Payout (USD)", kind="payout"),
        Measure(name="exits", label="Where calls leave", kind="exits"),
    )
}
DEFAULT_MEASURE = "calls"


@dataclass(frozen=True, kw_only=True)
class View:
    """What is shown: a measure, by at most two dimensions, of the calls that have ``only`` these values (None: blank).

    ``str(view)`` is the text that ``parse_view`` reads. Raises ParameterError when the parts do not fit together.
    """

    dimensions: tuple[str, ...] = ()
    only: Mapping[str, object] = field(default_factory=dict)
    measure: str = DEFAULT_MEASURE

    def __post_init__(self) -> None:
        if problems := list(_misfits(self)):
            raise ParameterError(*problems)

    @property
    def shows(self) -> Measure:
        """The measure itself."""
        return MEASURES[self.measure]

    def as_text(self) -> str:
        """The view as a person would type it; empty for the standard view."""
        parts = [] if self.measure == DEFAULT_MEASURE else [f"{self.measure}:"]
        parts += [" by ".join(self.dimensions)] if self.dimensions else []
        if self.only:
            parts.append(
                "where " + " and ".join(f"{name} = {write_value(name, value)}" for name, value in self.only.items())
            )
        return " ".join(parts)

    __str__ = as_text

    def __bool__(self) -> bool:
        return bool(self.as_text())


def parse_view(text: str) -> View:
    """The view that a text describes; an empty text is the standard view (all calls, undivided).

    Dimensions may be given by name or label, in any case. A value that holds ``=``, quotes, or the word *and* stands in
    double quotes, with a double quote inside written twice. Raises ParameterError with every problem at once.
    """
    head, conditions = _split(text)
    measure, divided = _split_measure(head)
    problems: list[Problem] = []
    dimensions = tuple(filter(None, (_taken(problems, text, _dimension, word) for word in _divide(divided))))
    only: dict[str, object] = {}
    for name, written in _conditions(conditions, problems, text):
        dimension = _taken(problems, text, _dimension, name)
        if dimension in only:
            problems.append(_problem(f"{dimension} is limited twice.", text, "Keep one of the two conditions."))
        if dimension:
            only[dimension] = _taken(problems, text, partial(read_value, dimension), written)
    shown = (_taken(problems, text, _measure, measure) if measure else None) or DEFAULT_MEASURE
    problems += _misfits_of(text, dimensions, shown)
    if problems:
        raise ParameterError(*problems)
    return View(dimensions=dimensions, only=only, measure=shown)


def _misfits(view: View) -> Iterator[Problem]:
    """What is wrong with a view that was made in a program."""
    unknown = [name for name in (*view.dimensions, *view.only) if name not in DIMENSIONS]
    for name in unknown:
        yield _problem(f"Calls cannot be divided by {name!r}.", "", did_you_mean(name, DIMENSIONS))
    if view.measure not in MEASURES:
        yield _problem(f"There is no measure {view.measure!r}.", "", did_you_mean(view.measure, MEASURES))
    yield from _misfits_of("", view.dimensions, view.measure)


def _misfits_of(text: str, dimensions: tuple[str, ...], measure: str) -> Iterator[Problem]:
    if len(dimensions) > _LARGEST_NUMBER:
        yield _problem("A view is divided by two dimensions at most.", text, f"For example: {EXAMPLE}")
    if len(set(dimensions)) < len(dimensions):
        yield _problem("A view cannot be divided twice by the same.", text, f"For example: {EXAMPLE}")
    if measure == "exits" and len(dimensions) == _LARGEST_NUMBER:
        yield _problem("Exits can be divided by one dimension only.", text, "Leave one of the two out.")


def _problem(what: str, text: str, next_step: str) -> Problem:
    return Problem(what=what, where=f"view {text!r}" if text else "view", next_step=next_step)


def _taken(problems: list[Problem], text: str, read: Callable[[str], _T], written: str) -> _T | None:
    """What ``read`` makes of a part of the text; where it refuses, the problem is noted."""
    try:
        return read(written)
    except Refused as refused:
        problems.append(_problem(refused.what, text, refused.next_step))
        return None


# -- taking the text apart ---------------------------------------------------------------------------------------------

_WHERE = re.compile(r"(?:\A|(?<=\s))where(?:\s|\Z)", re.IGNORECASE)
_CONDITION = re.compile(
    r"""\s*(?P<name>[^="]*?)\s*=\s*(?P<value>"(?:[^"]|"")*"|[^="]*?)\s*(?:\Z|\s(?P<more>and)(?:\s|\Z))""",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[^\s\"=]+(?: [^\s\"=]+)*")  # a value that needs no quotes, unless one of its words is "and"


def _split(text: str) -> tuple[str, str | None]:
    """What stands before *where*, and the conditions after it; None without a *where*."""
    found = _WHERE.search(text)
    return (text[: found.start()].strip(), text[found.end() :]) if found else (text.strip(), None)


def _split_measure(head: str) -> tuple[str, str]:
    measure, colon, divided = head.partition(":")
    return (" ".join(measure.split()), divided.strip()) if colon else ("", head)


def _divide(divided: str) -> list[str]:
    return re.split(r"\s+by\s+", divided, flags=re.IGNORECASE) if divided else []


def _conditions(text: str | None, problems: list[Problem], whole: str) -> Iterator[tuple[str, str]]:
    """Name and value, as written, of each condition; what cannot be read is a problem, and ends the reading."""
    more, place = text is not None, 0
    while more and text is not None:
        found = _CONDITION.match(text, place)
        if not found or not found["value"]:
            step = f'Write: {EXAMPLE}. A value with = or "and" in it stands in double quotes.'
            problems.append(_problem(f"No condition can be read in {text[place:].strip()!r}.", whole, step))
            return
        yield found["name"], found["value"]
        more, place = bool(found["more"]), found.end()


def _dimension(word: str) -> str:
    wanted = " ".join(word.split()).casefold()
    for name, dimension in DIMENSIONS.items():
        if wanted in (name, dimension.label.casefold()):
            return name
    raise Refused(f"Calls cannot be divided by {word!r}.", nearest(wanted, list(DIMENSIONS)))


def _measure(word: str) -> str:
    if word.casefold() in MEASURES:
        return word.casefold()
    raise Refused(f"There is no measure {word!r}.", nearest(word, list(MEASURES)))
