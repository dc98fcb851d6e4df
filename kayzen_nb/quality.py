"""Whether the calls' own columns agree with each other: every contradiction counted, and some of its calls listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from kayzen_nb.callpart import ask_calls
from kayzen_nb.checks import Check, Verdict
from kayzen_nb.funnel import VIOLATIONS
from kayzen_nb.vocabulary import CALL_COLUMNS, counted, label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pandas as pd

    from kayzen_nb.funnel import Funnel

LISTED = 20
_TOLERANCE_S = 1  # each length is rounded to whole seconds by itself
_CLOCKS_DIFFER = timedelta(minutes=5)
_SHOWN = ("call_id", "campaign", "number", "caller")
_ENDED = "completed is not false"  # a call that is still going has no final lengths
Subject = Literal["order", "times", "blocked", "clock", "note"]


@dataclass(frozen=True, kw_only=True)
class Flag:
    """One thing that a call's columns should not say. ``subject`` is the check it belongs to, or *note*.

    A note is no contradiction: it says what is missing, which may be as it should (a caller who hides the number).
    ``needs`` are the columns without which nothing can be told. A condition that is null counts as not met.
    """

    name: str
    condition: str
    subject: Subject
    needs: tuple[str, ...]


_LENGTHS = ("duration_s", "connected_s", "time_to_connect_s")
FLAGS: tuple[Flag, ...] = (
    *(
        Flag(
            name=name,
            condition=condition,
            subject="order",
            needs=tuple(column for column in CALL_COLUMNS if column in condition.split()),
        )
        for name, condition in VIOLATIONS.items()
    ),
    Flag(
        name="converted or paid though blocked",
        condition="blocked and (converted or paid)",
        subject="blocked",
        needs=("blocked", "converted"),
    ),
    Flag(
        name="negative length",
        condition="least(duration_s, connected_s, time_to_connect_s) < 0",
        subject="times",
        needs=(),
    ),
    Flag(
        name="connected time longer than the duration",
        condition=f"connected_s > duration_s + {_TOLERANCE_S}",
        subject="times",
        needs=("connected_s", "duration_s"),
    ),
    Flag(
        # Ringba's export: Duration = Connected Call Length + Time To Connect on all 2,477 connected rows of one file.
        name="duration is not connected time plus time to connect",
        condition=f"connected and {_ENDED} and abs(duration_s - connected_s - time_to_connect_s) > {_TOLERANCE_S}",
        subject="times",
        needs=("connected", *_LENGTHS),
    ),
    Flag(
        name="call time later than the reading",
        condition="call_at > {latest}",
        subject="clock",
        needs=(),
    ),
    Flag(
        name="connected without connected time",
        condition=f"connected and {_ENDED} and coalesce(connected_s, 0) = 0",
        subject="note",
        needs=("connected", "connected_s"),
    ),
    Flag(
        name="no caller",
        condition="caller is null and caller_key is null",
        subject="note",
        needs=("caller",),
    ),
    Flag(
        name="no campaign",
        condition="campaign is null",
        subject="note",
        needs=("campaign",),
    ),
    Flag(
        name="not told whether duplicate",
        condition="is_duplicate is null",
        subject="note",
        needs=("is_duplicate",),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How many calls each flag was found on (None: the source does not hold the columns), and some of them.

    ``examples`` has a row a call and flag, at most 20 a flag, the earliest first: ``flag``, ``call_id``, ``call_time``
    (in the page's zone), ``campaign``, ``number``, ``caller`` (both masked). ``sql`` is how it was counted.
    """

    calls: int
    counts: Mapping[str, int | None]
    examples: pd.DataFrame = field(repr=False)
    sql: str = field(repr=False)

    def of_subject(self, subject: Subject) -> dict[str, int | None]:
        """The counts of the flags of one check, or of the notes."""
        return {flag.name: self.counts[flag.name] for flag in FLAGS if flag.subject == subject}

    def checks(self) -> list[Check]:
        """Contradictions fail; what cannot be told is unknown. The order of stages has its check in ``funnelcheck``."""
        return [
            self._check("times", "the lengths of each call agree", "no length negative, parts not above the whole"),
            self._check("blocked", "no blocked call converts", "no call both blocked and converted or paid"),
            self._check("clock", "no call comes after it was read", "every call before the reading"),
        ]

    def _check(self, subject: Subject, name: str, expected: str) -> Check:
        counts = self.of_subject(subject)
        known = {flag: count for flag, count in counts.items() if count is not None}
        broken = [f"{counted(count, 'call')}: {flag}" for flag, count in known.items() if count]
        verdict = Verdict.FAIL if broken else Verdict.PASS if known else Verdict.UNKNOWN
        untold = [f"cannot be told: {flag}" for flag, count in counts.items() if count is None]
        return Check(
            name=name,
            verdict=verdict,
            expected=expected,
            found="; ".join([*(broken or (["no exception"] if known else [])), *untold]),
            next_step=_NEXT_STEPS[subject] if broken else _ADD_COLUMNS if not known else "",
        )

    @property
    def sentence(self) -> str:
        """What was found, in one to three sentences; what could not be looked at is named."""
        if not self.calls:
            return "No calls, so nothing that could disagree."
        broken = [flag for flag in FLAGS if flag.subject != "note" and self.counts[flag.name]]
        untold = [flag.name for flag in FLAGS if self.counts[flag.name] is None]
        found = "; ".join(f"{counted(self.counts[flag.name] or 0, 'call')}: {flag.name}" for flag in broken)
        looked_at = len([flag for flag in FLAGS if flag.subject != "note"]) - len(
            [flag for flag in FLAGS if flag.subject != "note" and self.counts[flag.name] is None]
        )
        text = f"Contradictions: {found}." if found else f"None of the {looked_at} contradictions looked for was found."
        text += f" Could not be looked at: {', '.join(untold)}." if untold else ""
        return text + self._notes()

    def _notes(self) -> str:
        notes = [f"{count:,} {name}" for name, count in self.of_subject("note").items() if count]
        return f" Also noted, which may be as it should: {'; '.join(notes)} (of {self.calls:,} calls)." if notes else ""


_ADD_COLUMNS = "Add the missing columns to the Call Details report and export it again."
_NEXT_STEPS: Mapping[Subject, str] = {
    "times": "Look the listed calls up in Ringba; their lengths are in the times on this page as they stand.",
    "blocked": "Look the listed calls up in Ringba: an adjustment may have paid a call that was blocked.",
    "clock": "Check the report's time zone: a zone that is hours off moves calls into the future, and across days.",
}


def check_quality(funnel: Funnel) -> Quality:
    """Count every flag over the funnel's calls in one query; list some of the calls found in a second one."""
    conditions = {flag: _condition(flag, funnel.table.as_of) for flag in FLAGS}
    sums = [f"coalesce(sum(({condition})::int), 0)::bigint" for condition in conditions.values()]
    sql = "\n".join(["select", ",\n".join(f"  {one}" for one in ("count(*)", *sums)), "from calls"])
    ((calls, *found),) = ask_calls(funnel, sql)
    counts = {
        flag.name: None if funnel.unknown & set(flag.needs) or _is_blind(flag, funnel) else int(count)
        for flag, count in zip(FLAGS, found, strict=True)
    }
    hits = {flag.name: conditions[flag] for flag in FLAGS if counts[flag.name]}
    return Quality(calls=int(calls), counts=counts, examples=_list_calls(funnel, hits), sql=sql)


def quality_table(quality: Quality) -> pd.DataFrame:
    """Each flag with the calls it was found on, as people read it; contradictions first."""
    import pandas as pd  # noqa: PLC0415  # as below

    return pd.DataFrame(
        [
            {
                "Found": flag.name,
                "Calls": "unknown" if (count := quality.counts[flag.name]) is None else f"{count:,}",
                "Of all calls": _share(count, quality.calls),
                "What it is": "a note" if flag.subject == "note" else "a contradiction",
            }
            for flag in FLAGS
        ]
    )


def examples_table(quality: Quality) -> pd.DataFrame:
    """The listed calls with titles for people."""
    titles = {"flag": "Found", "call_time": "Call time"} | {name: label(name) for name in _SHOWN}
    return quality.examples.rename(columns=titles)


def _condition(flag: Flag, as_of: datetime) -> str:
    latest = (as_of + _CLOCKS_DIFFER).astimezone(UTC)
    return flag.condition.replace("{latest}", f"timestamptz '{latest:%Y-%m-%d %H:%M:%S}+00:00'")


def _is_blind(flag: Flag, funnel: Funnel) -> bool:
    """Of a negative length something is known as long as one length is."""
    return flag.name == "negative length" and set(_LENGTHS) <= funnel.unknown


def _list_calls(funnel: Funnel, hits: Mapping[str, str]) -> pd.DataFrame:
    """The earliest calls of each flag. ``min(..., n)`` holds only so many, however many calls there are."""
    import pandas as pd  # noqa: PLC0415  # half a second that a page without this table need not pay

    columns = ["flag", "call_id", "call_time", *_SHOWN[1:]]
    if not hits:
        return pd.DataFrame(columns=columns)
    call = ", ".join(f"'{name}': {name}" for name in ("call_at", *_SHOWN))
    lists = [f"min({{{call}}}, {LISTED}) filter ({condition})" for condition in hits.values()]
    (found,) = ask_calls(funnel, f"select {', '.join(lists)} from calls")  # noqa: S608  # our words only
    rows = [
        {"flag": name, "call_time": _local(one["call_at"], funnel.period.zone)} | {k: one[k] for k in _SHOWN}
        for name, calls in zip(hits, found, strict=True)
        for one in calls
    ]
    return pd.DataFrame(rows, columns=columns)


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def _share(count: int | None, calls: int) -> str:
    if count is None:
        return "unknown"
    return f"{count / calls:.1%}" if calls else "no base"
