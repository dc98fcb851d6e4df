"""The checks that let one trust a counted funnel, and what is said of its days and its source."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.storedcalls import UNREADABLE
from kayzen_nb.vocabulary import Stage, counted, label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kayzen_nb.calls import CallTable
    from kayzen_nb.funnel import Funnel


def check_funnel(funnel: Funnel, calls: CallTable) -> list[Check]:
    """What has to hold before anybody reads the numbers."""
    return [
        calls.ledger.check(),
        _check_all_readable(calls),
        _check_any_calls(funnel),
        _check_stages_known(funnel, calls),
        _check_order(funnel),
        _check_period_over(funnel, calls),
        *_check_days_kept(calls),
        *_check_export(funnel),
    ]


def describe_gaps(funnel: Funnel) -> str:
    """What the archive does not hold, or an export may not hold, as a sentence; empty where all is there."""
    words = ("not in the archive", "in the archive only in part")
    if funnel.table.hours:
        words = ("without any call in the export, which may not cover it", "perhaps cut by the export's edge")
    named = zip(words, (funnel.unread, funnel.partly_read), strict=True)
    parts = [f"{counted(len(days), 'day')} {_be(days)} {words} ({_listed(days)})" for words, days in named if days]
    return f"{'; '.join(parts)}: nothing is known of what is missing." if parts else ""


def _be(days: Sequence[object]) -> str:
    return "is" if len(days) == 1 else "are"


def describe_days(funnel: Funnel) -> str:
    """The busiest and the quietest day, and days without any call."""
    if not funnel.calls:
        return "No day of the period has a call."
    daily = funnel.by("day")
    incoming = daily[daily["stage"] == Stage.INCOMING]
    incoming = incoming[~incoming["day"].isin(funnel.unread)]
    calls_of = {str(day): int(calls) for day, calls in zip(incoming["day"], incoming["calls"], strict=True)}
    top = max(calls_of, key=calls_of.__getitem__)
    silent = [day for day, calls in calls_of.items() if not calls]
    sentences = [
        f"Most calls came on {top}: {calls_of[top]:,}.",
        f"No calls at all on {_listed(silent)}." if silent else "",
        describe_gaps(funnel),
    ]
    return " ".join(filter(None, sentences))


def _listed(days: Sequence[object]) -> str:
    """A few days by name, many by number."""
    return ", ".join(map(str, days)) if len(days) <= 3 else f"{len(days)} days, the first {days[0]}"


def describe_source(calls: CallTable) -> str:
    """Which columns were derived and how, which are unknown, and what else the reader has to say."""
    sentences = list(calls.derived.values())
    if calls.unknown:
        sentences.append(f"Unknown, because the source does not hold them: {', '.join(map(label, calls.unknown))}.")
    return " ".join([*sentences, *calls.notes]) or "Every column comes from the source as it stands."


def _check_days_kept(calls: CallTable) -> list[Check]:
    """Whether the archive holds every day; nothing for sources that are read whole or not at all."""
    if not calls.missing_days:
        return []
    first, last = calls.missing_days[0], calls.missing_days[-1]
    return [
        Check(
            name="every day is in the archive",
            verdict=Verdict.UNKNOWN,
            expected="a pull of each day (UTC) of the period",
            found=f"{len(calls.missing_days):,} days missing, the first {first}, the last {last}",
            next_step=f"Run: kayzen-nb sync --from {first} --to {last} --tz UTC",
        )
    ]


def _check_export(funnel: Funnel) -> list[Check]:
    """Whether an export seems to cover the period; nothing for other sources, which say so themselves."""
    if not funnel.table.hours:
        return []
    doubtful = [*funnel.unread, *funnel.partly_read]
    return [
        Check(
            name="the export covers every day",
            verdict=Verdict.UNKNOWN if doubtful else Verdict.PASS,
            expected="calls on every day, as many as other days let expect",
            found=describe_gaps(funnel) or "no day in doubt",
            next_step="Export the whole period again, or choose the days that the file holds." if doubtful else "",
        )
    ]


def _check_all_readable(calls: CallTable) -> Check:
    """Whether any row is missing from the numbers because it could not be read."""
    lost = {one.reason: one.rows for one in calls.ledger.set_aside if one.reason in UNREADABLE}
    told = ", ".join(f"{counted(rows, 'row')}: {reason}" for reason, rows in lost.items())
    return Check(
        name="every row could be read",
        verdict=Verdict.UNKNOWN if lost else Verdict.PASS,
        expected="no row set aside as unreadable",
        found=told or "none",
        next_step="Their calls and money are not in the numbers. Look at these rows at the source." if lost else "",
    )


def _check_any_calls(funnel: Funnel) -> Check:
    found = bool(funnel.calls)
    return Check(
        name="there are calls in the period",
        verdict=Verdict.PASS if found else Verdict.UNKNOWN,
        expected="at least one call",
        found=f"{funnel.calls:,} calls",
        next_step="" if found else "Check the period, the time zone and the campaign's name.",
    )


def _check_stages_known(funnel: Funnel, calls: CallTable) -> Check:
    missing = [stage.value for stage in Stage if not funnel.is_known(stage)]
    derived = [label(name) for name in calls.derived]
    found = f"unknown: {', '.join(missing)}" if missing else "all four"
    if derived:
        found += f"; derived: {', '.join(derived)}"
    return Check(
        name="every stage can be read",
        verdict=Verdict.UNKNOWN if missing else Verdict.PASS,
        expected="incoming, connected, converted and payout",
        found=found,
        next_step="Add the missing columns to the Call Details report and export it again." if missing else "",
    )


def _check_order(funnel: Funnel) -> Check:
    broken = [f"{count:,} {name}" for name, count in funnel.violations.items() if count]
    return Check(
        name="no call skips a stage",
        verdict=Verdict.FAIL if broken else Verdict.PASS,
        expected="each later stage only after the earlier ones, payout not above revenue",
        found="; ".join(broken) or "no exception",
        next_step="Look these calls up in Ringba: adjustments or routing rules may explain them." if broken else "",
    )


def _check_period_over(funnel: Funnel, calls: CallTable) -> Check:
    read_at = calls.as_of.astimezone(UTC)
    over = read_at >= funnel.period.end_utc
    return Check(
        name="the period was over when the calls were read",
        verdict=Verdict.PASS if over else Verdict.UNKNOWN,
        expected=f"read after {funnel.period.last_day} ended in {funnel.period.zone}",
        found=f"read {read_at:%Y-%m-%d %H:%M} UTC",
        next_step="" if over else "Numbers of the last day will still rise: end the period yesterday.",
    )
