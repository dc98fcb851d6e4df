"""Whether a pixel fell silent, hour by hour, and whether calls became fewer: against the own last four weeks.

Method. For each pixel and hour: of the calls whose event happened in it, the share whose pixel was answered 200. An
hour with fewer than ``minimum_calls`` such calls tells nothing. *Silent* is an hour with enough calls and no 200 at
all. *Fewer than before* is a share whose Wilson interval lies wholly below that of the same pixel over the weeks
before. All looks of one check share an error rate of 5 % (Bonferroni). The number of calls is compared with the same
hours of the same weekdays: where nothing changed, the share of now in both together is the share of hours, and
Wilson's interval must hold it; counts are first divided by how much more than chance the earlier weeks varied among
themselves (quasi-Poisson). Two intervals that do not overlap are a stricter demand than a test at the same rate.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.intervals import wilson
from kayzen_nb.testcall import expected_events, is_plain_200, match_fires
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.period import Period
    from kayzen_nb.pixels import Plan

WEEKS_BEFORE = 4
_ERROR_RATE = 0.05
_HOUR = timedelta(hours=1)
_SHOWN = 5
_STEPS = {
    Verdict.FAIL: "Open the recovery list for those hours; place a test call; ask Kayzen whether there was an outage.",
    Verdict.UNKNOWN: "Compare a longer period, or wait for more calls.",
    Verdict.PASS: "",
}


@dataclass(frozen=True, kw_only=True)
class PixelHour:
    """One pixel in one hour: ``expected`` calls whose event happened then, ``answered`` of them with a 200.

    ``hour`` is when it began, in the page's zone.
    """

    event: Event
    hour: datetime
    expected: int = 0
    answered: int = 0


def count_hours(
    evidences: Iterable[CallEvidence], plan: Plan, period: Period, *, until: datetime | None = None
) -> tuple[PixelHour, ...]:
    """A row for each pixel and each hour of the period that was over at ``until``, also those without calls.

    A call whose pixel fires are not shown is left out; one without a time cannot be counted to an hour.
    """
    end = min(period.end_utc, until) if until else period.end_utc
    hours = int((end - period.start_utc) / _HOUR)
    counts: dict[tuple[Event, int], list[int]] = defaultdict(lambda: [0, 0])
    for event, at, answered in _count_events(evidences, plan):
        cell = counts[event, (at - period.start_utc) // _HOUR]
        cell[0] += 1
        cell[1] += answered
    zone = ZoneInfo(period.zone)
    return tuple(
        PixelHour(event=p.event, hour=(period.start_utc + n * _HOUR).astimezone(zone), expected=c[0], answered=c[1])
        for p in plan.pixels
        for n in range(hours)
        for c in [counts[p.event, n]]
    )


def check_silence(
    rows_now: Sequence[PixelHour], rows_before: Sequence[PixelHour], *, minimum_calls: int = 20
) -> tuple[Check, ...]:
    """One check for each pixel: none of its hours, nor the period as a whole, silent or answered less than before.

    Errors are rare where all is well, so too few of them are no open question: then the Error pixel is left out.
    """
    totals = {event: sum(row.expected for row in rows_now if row.event is event) for event in Event}
    events = [event for event in Event if any(row.event is event for row in rows_now)]
    events = [event for event in events if event is not Event.ERROR or totals[event] >= minimum_calls]
    looks = [row for row in (*rows_now, *_pooled(rows_now, events)) if row.expected >= minimum_calls]
    confidence = 1 - _ERROR_RATE / max(len(looks), 1)
    before = {row.event: row for row in _pooled(rows_before, events)}
    return tuple(
        _check_pixel([row for row in rows_now if row.event is event], before.get(event), minimum_calls, confidence)
        for event in events
    )


def check_volume(rows_now: Sequence[PixelHour], rows_before: Sequence[PixelHour], *, minimum_calls: int = 20) -> Check:
    """Whether calls became fewer than in the same hours of the weeks before; more are told, blocked ones left out."""
    usual = _by_weekday_hour(rows_before)
    pairs = [(row, usual[_slot(row)]) for row in rows_now if row.event is Event.INCOMING and _slot(row) in usual]
    looks = [
        (f"{row.hour:%Y-%m-%d %H:%M}", row.expected, counts, 1)
        for row, counts in pairs
        if max(row.expected, sum(counts) / len(counts)) >= minimum_calls
    ]
    everything = [count for _, counts in pairs for count in counts]
    if sum(row.expected for row, _ in pairs) + sum(everything) >= minimum_calls and everything:
        looks.append(("the whole period", sum(row.expected for row, _ in pairs), everything, len(pairs)))
    if not looks:
        found = f"too few calls to tell: no hour has {minimum_calls} calls, now or in the weeks before"
        return _volume(Verdict.UNKNOWN, found, "Compare a longer period.")
    spread = max(1.0, _spread(usual.values()))
    changed = [word for look in looks if (word := _judge_count(look, 1 - _ERROR_RATE / len(looks), spread))]
    if any(word.startswith("fewer") for word in changed):
        step = "Ask whether the ads changed; if not, place a test call and look at the campaign in Ringba."
        return _volume(Verdict.FAIL, "; ".join(changed[-1:] + changed[:-1][:_SHOWN]), step)
    found = "; ".join(changed[-1:] + changed[:-1][:_SHOWN]) or "no more change than usual"
    return _volume(Verdict.PASS, f"{len(looks)} comparisons with enough calls: {found}", "")


def _count_events(evidences: Iterable[CallEvidence], plan: Plan) -> Iterator[tuple[Event, datetime, bool]]:
    """Every event that happened, when, and whether its pixel was answered 200."""
    for evidence in evidences:
        if not evidence.fires and not evidence.event_names:
            continue  # the log is not shown, or says nothing at all
        fires, _ = match_fires(evidence.fires, plan)
        for event, happened in expected_events(evidence).items():
            at = evidence.happened_at.get(event) or evidence.call_at
            if happened and at and event in fires:
                yield event, at, any(is_plain_200(fire) for fire in fires[event])


def _pooled(rows: Sequence[PixelHour], events: Iterable[Event]) -> Iterator[PixelHour]:
    """All hours of each pixel as one row."""
    for event in events:
        own = [row for row in rows if row.event is event]
        if own:
            yield replace(own[0], expected=sum(r.expected for r in own), answered=sum(r.answered for r in own))


def _check_pixel(rows: list[PixelHour], before: PixelHour | None, minimum_calls: int, confidence: float) -> Check:
    event = rows[0].event
    enough = [row for row in rows if row.expected >= minimum_calls]
    whole = next(_pooled(rows, [event]))
    judged = enough or ([whole] if whole.expected >= minimum_calls else [])
    faults = [fault for row in judged if (fault := _judge_row(row, before, minimum_calls, confidence, whole))]
    few = len(rows) - len(enough)
    rest = f"{few} of {len(rows)} hours had too few calls to tell"
    total = f"{whole.answered:,} of {whole.expected:,} answered 200"
    if faults:
        more = [f"and {len(faults) - _SHOWN} more hours"] * (len(faults) > _SHOWN)
        verdict, found = Verdict.FAIL, "; ".join([*faults[:_SHOWN], *more])
    elif not judged:
        verdict, found = Verdict.UNKNOWN, f"too few calls to tell: {total}, at least {minimum_calls} are needed"
    elif before is None or before.expected < minimum_calls:
        verdict, found = Verdict.UNKNOWN, f"not silent, but there are too few earlier calls to compare with: {total}"
    else:
        usual = f"before: {before.answered:,} of {before.expected:,}"
        verdict, found = Verdict.PASS, f"{total} ({usual})"
    return Check(
        name=f"the {event} pixel is not silent",
        verdict=verdict,
        expected="a share of 200s as in the four weeks before, in every hour with enough calls",
        found=f"{found}; {rest}",
        next_step=_STEPS[verdict],
    )


def _judge_row(
    row: PixelHour, before: PixelHour | None, minimum_calls: int, confidence: float, whole: PixelHour
) -> str:
    """Why an hour is a fault; empty when it is none."""
    when = "the whole period" if row is whole else f"{row.hour:%Y-%m-%d %H:%M}"
    if not row.answered:
        return f"silent: {when} (0 of {row.expected:,})"
    if before is None or before.expected < minimum_calls:
        return ""
    highest = wilson(row.answered, row.expected, confidence=confidence)[1]
    lowest = wilson(before.answered, before.expected, confidence=confidence)[0]
    share = f"{row.answered / row.expected:.0%}, before {before.answered / before.expected:.0%}"
    return f"fewer than before: {when} ({row.answered:,} of {row.expected:,}, {share})" if highest < lowest else ""


def _slot(row: PixelHour) -> tuple[int, int]:
    return row.hour.weekday(), row.hour.hour


def _by_weekday_hour(rows: Iterable[PixelHour]) -> dict[tuple[int, int], list[int]]:
    usual: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in rows:
        if row.event is Event.INCOMING:
            usual[_slot(row)].append(row.expected)
    return dict(usual)


def _spread(groups: Iterable[list[int]]) -> float:
    """How much more than chance equal hours varied: Pearson's sum over its degrees of freedom; 1 is chance alone."""
    total, freedom = 0.0, 0
    for counts in groups:
        mean = sum(counts) / len(counts)
        if mean and len(counts) > 1:
            total += sum((count - mean) ** 2 for count in counts) / mean
            freedom += len(counts) - 1
    return total / freedom if freedom else 1.0


def _judge_count(look: tuple[str, int, list[int], int], confidence: float, spread: float) -> str:
    """What changed; empty when the change is within what chance and the earlier weeks explain."""
    when, now, counts, hours = look
    total = now + sum(counts)
    share = hours / (hours + len(counts))
    low, high = wilson(now / spread, total / spread, confidence=confidence)
    if low <= share <= high:
        return ""
    usual = sum(counts) / len(counts) * hours
    return f"{'fewer' if high < share else 'more'} calls than usual: {when} ({now:,}, usually about {usual:,.0f})"


def _volume(verdict: Verdict, found: str, next_step: str) -> Check:
    return Check(
        name="calls did not become fewer",
        verdict=verdict,
        expected="calls as in the same hours of the four weeks before",
        found=found,
        next_step=next_step,
    )
