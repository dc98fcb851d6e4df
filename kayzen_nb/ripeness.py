"""From which moment on calls are too young: their conversion, or their payout, may still come.

Measured on the archive's own readings of the same days where there are enough; else, for payouts only, on the calls
themselves: the last days of which a smaller part is paid than before, by more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.funnelcheck import describe_days
from kayzen_nb.lagcurve import Curve, build_curve
from kayzen_nb.period import Period
from kayzen_nb.ripecalls import find_unpaid_days
from kayzen_nb.vocabulary import Event, counted

if TYPE_CHECKING:
    from kayzen_nb.calls import CallTable
    from kayzen_nb.definition import Definition
    from kayzen_nb.funnel import Funnel
    from kayzen_nb.lagcounts import Lags

_NOUNS = {Event.CONVERTED: "conversion", Event.PAYOUT: "payout"}
_BY_ARCHIVE = (
    "measured on the archive's repeated readings of the same days (chain ladder; a lag counts up to the reading that "
    "first showed it, so it is rather too long than too short)"
)
_BY_CALLS = (
    "measured on the calls: the last days of which a part smaller by a twentieth or more is paid than before, which is "
    "more than chance"
)
_NOT = "not measured"


@dataclass(frozen=True, kw_only=True)
class Ripe:
    """Of one event: calls from ``until`` (aware UTC) on are too young for it to be known.

    ``until`` is None where that was not measured (``is_measured`` False), and where no call was found to be too young.
    ``sentence`` tells it with its numbers, ``method`` how it was found. ``curve`` holds the shares known by age, where
    the archive tells them, ``lag`` the age by which most are.
    """

    event: Event
    is_measured: bool
    sentence: str
    method: str = _NOT
    until: datetime | None = None
    lag: timedelta | None = None
    curve: Curve | None = None


@dataclass(frozen=True, kw_only=True)
class Ripeness:
    """What is known of the ripeness of conversions and of payouts."""

    conversion: Ripe
    payout: Ripe

    @property
    def converts_until(self) -> datetime | None:
        """Calls from then on (aware UTC) are too young for their conversion to be known."""
        return self.conversion.until

    @property
    def pays_until(self) -> datetime | None:
        """Calls from then on (aware UTC) are too young for their payout to be known."""
        return self.payout.until

    @property
    def is_measured(self) -> bool:
        """Whether both were measured."""
        return self.conversion.is_measured and self.payout.is_measured

    @property
    def sentence(self) -> str:
        """Both, told for people."""
        return f"{self.conversion.sentence} {self.payout.sentence}"

    @property
    def method(self) -> str:
        """How both were found, as half a sentence."""
        return f"conversions: {self.conversion.method}; payouts: {self.payout.method}"

    def put_into(self, definition: Definition) -> Definition:
        """The definition with these two moments."""
        return replace(definition, converts_until=self.converts_until, pays_until=self.pays_until)


def measure(calls: CallTable, period: Period, lags: Lags | None = None) -> Ripeness:
    """The ripeness of a period's calls, by the best that is there: the archive's readings, then the calls."""
    by_archive = measure_ripeness(lags, period) if lags else None
    if by_archive and by_archive.is_measured:
        return by_archive
    return choose(by_archive, measure_on_calls(calls, period))


def choose(by_archive: Ripeness | None, by_calls: Ripeness) -> Ripeness:
    """For each event the archive's answer where it has one, else that of the calls; else the archive's reason."""
    if by_archive is None:
        return by_calls
    return Ripeness(
        conversion=_first_measured(by_archive.conversion, by_calls.conversion),
        payout=_first_measured(by_archive.payout, by_calls.payout),
    )


def _first_measured(one: Ripe, other: Ripe) -> Ripe:
    return other if other.is_measured and not one.is_measured else one


def measure_ripeness(
    lags: Lags, period: Period, *, share: float = 0.95, at_least: int = 50, days_at_least: int = 5
) -> Ripeness:
    """The age by which ``share`` of the conversions, and payouts, are known, and which calls are younger than that.

    A call's age is that at the last reading of its day. Each step of age must rest on ``at_least`` calls of
    ``days_at_least`` days; where the archive cannot tell, nothing is measured and the sentence says why.
    """
    found = {}
    for event in (Event.CONVERTED, Event.PAYOUT):
        curve = build_curve(lags, event, at_least=at_least, days_at_least=days_at_least)
        lag_h = curve.told_h(share)
        needed = f"{counted(at_least, 'call')} of {counted(days_at_least, 'day')} are needed"
        found[event] = (
            Ripe(event=event, is_measured=False, sentence=_explain_unknown(curve, share, needed), curve=curve)
            if lag_h is None
            else _tell_lag(curve, timedelta(hours=lag_h), share, lags, period)
        )
    return Ripeness(conversion=found[Event.CONVERTED], payout=found[Event.PAYOUT])


def _tell_lag(curve: Curve, lag: timedelta, share: float, lags: Lags, period: Period) -> Ripe:
    until = _first_young(lags, lag, period)
    noun = _NOUNS[curve.event]
    young = (
        f"calls from {_local(until, period)} on are not ripe"
        if until < period.end_utc
        else "all calls of the period are ripe"
    )
    seen = f"{counted(curve.calls, noun)} of {counted(curve.days, 'day')} that were read again"
    sentence = (
        f"{noun.capitalize()}s: {share:.0%} of those known within {_age(curve.followed_h)} were known {_age(lag)} "
        f"after the call or sooner ({seen}); so {young}.{_note_stale(lags, lag, period)}"
    )
    return Ripe(
        event=curve.event, is_measured=True, sentence=sentence, method=_BY_ARCHIVE, until=until, lag=lag, curve=curve
    )


def _first_young(lags: Lags, lag: timedelta, period: Period) -> datetime:
    """The first moment whose calls were younger than the lag when their day was last read; the end where none is."""
    young = [max(moment, period.start_utc) for moment in _young_parts(lags, lag, period).values()]
    return min([*young, period.end_utc, lags.as_of])


def _young_parts(lags: Lags, lag: timedelta, period: Period) -> dict[date, datetime]:
    """The days (UTC) that were last read before all their calls were older than the lag, and from when on they are."""
    parts = {}
    for day in period.utc_days:
        begin = datetime.combine(day, time(), UTC)
        if day in lags.read_at and lags.read_at[day] - lag < begin + timedelta(days=1):
            parts[day] = max(begin, lags.read_at[day] - lag)
    return parts


def _note_stale(lags: Lags, lag: timedelta, period: Period) -> str:
    """Days that are old enough, but were not read since; as a sentence that begins with a space."""
    parts = _young_parts(lags, lag, period)
    stale = [day for day in parts if datetime.combine(day, time(), UTC) + timedelta(days=1) <= lags.as_of - lag]
    if not stale:
        return ""
    told = f"{counted(len(stale), 'day')} (UTC), the first {stale[0]}, {'was' if len(stale) == 1 else 'were'} last read"
    return f" {told} too early for that: sync again."


def _explain_unknown(curve: Curve, share: float, needed: str) -> str:
    noun = _NOUNS[curve.event]
    unknown = f"{noun.capitalize()}s: how long they take is unknown"
    if not curve.points:
        seen = f"{counted(curve.calls, noun)} of {counted(curve.days, 'day')}"
        return f"{unknown}: the archive saw {seen} at two ages or more, and {needed} at each age."
    if curve.grows_on(share):
        late = f"{curve.late_share:.1%} came in the second half of that"
        return f"{unknown}: calls were followed for {_age(curve.followed_h)}, and {late}."
    return f"{unknown}: when calls were first read, {_age(curve.points[0][0])} after them, most had come already."


def measure_on_calls(calls: CallTable, period: Period) -> Ripeness:
    """Ripeness from one reading: payouts by the paid part of the last days; of conversions nothing can be told."""
    conversion = Ripe(
        event=Event.CONVERTED,
        is_measured=False,
        sentence="Conversions: one reading cannot tell a late one from none, so how long they take is unknown.",
    )
    found = find_unpaid_days(calls, period)
    payout = Ripe(
        event=Event.PAYOUT,
        is_measured=found.is_told,
        sentence=found.sentence,
        method=_BY_CALLS if found.is_told else _NOT,
        until=_one_day(found.first_day, period).start_utc if found.first_day else None,
    )
    return Ripeness(conversion=conversion, payout=payout)


def unripe_days(funnel: Funnel) -> tuple[date, ...]:
    """The local days of which a part is not ripe, or not over when the calls were read: their numbers still change."""
    return _days_from(funnel, min(_known_until(funnel), funnel.definition.ripe_until or _known_until(funnel)))


def describe_trend(funnel: Funnel) -> str:
    """The busiest day, silent days, days that are not in the archive, and those that will still change."""
    return f"{describe_days(funnel)} {describe_unripe(funnel)}".rstrip()


def describe_unripe(funnel: Funnel) -> str:
    """Which days will still change, and why; empty where none will, as far as was measured."""
    until, running = funnel.definition.ripe_until, _days_from(funnel, _known_until(funnel))
    young = _days_from(funnel, until) if until else ()
    coming = _to_come(funnel)
    parts = [f"Not ripe yet: {_days(young)}; {coming} may still come."] if young and coming else []
    parts += [f"Not over when the calls were read: {_days(running)}."] if running else []
    return " ".join(parts)


def _to_come(funnel: Funnel) -> str:
    moments = {"conversions": funnel.definition.converts_until, "payouts": funnel.definition.pays_until}
    return " and ".join(name for name, until in moments.items() if until and until < funnel.period.end_utc)


def _known_until(funnel: Funnel) -> datetime:
    return funnel.table.through or funnel.table.as_of


def _days_from(funnel: Funnel, moment: datetime) -> tuple[date, ...]:
    """The local days that end after a moment."""
    return tuple(day for day in funnel.period.days if _one_day(day, funnel.period).end_utc > moment)


def _one_day(day: date, period: Period) -> Period:
    return Period(first_day=day, last_day=day, zone=period.zone)


def _days(days: tuple[date, ...]) -> str:
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _age(age: timedelta | int) -> str:
    hours = age if isinstance(age, int) else round(age / timedelta(hours=1))
    return counted(hours, "hour") if hours % 24 or hours == 24 else counted(hours // 24, "day")


def _local(moment: datetime, period: Period) -> str:
    return f"{moment.astimezone(ZoneInfo(period.zone)):%Y-%m-%d %H:%M} ({period.zone})"
