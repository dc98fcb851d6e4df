"""The calls on which engines are compared, and the comparison: every row of every cube, and what the funnel says."""

import random
from datetime import UTC, date, datetime, timedelta

from conftest import build_calls

from kayzen_nb import elsewhere
from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.storedcalls import PARQUET

READ_AT = datetime(2026, 11, 20, tzinfo=UTC)
HOSTILE = ("O'Brien", 'say "yes"', "back\\slash", "`tick`", "%s %% {x}", "日本 🦊", "line\nfeed", "nel\u0085sep\u2028", "NULL", "nan", " ", "",
           "'; drop table calls; --", "/* c */", "e\u0301", "\u00e9")  # fmt: skip
ANSWERS = (True, False)
FLAGS = ("is_duplicate", "blocked", "connected", "completed", "converted", "paid", "error")
RULES = Definition(
    connect_within_s=60,
    converts_after_s=90,
    converts_until=datetime(2026, 11, 4, tzinfo=UTC),
    pays_until=datetime(2026, 11, 3, 12, 30, tzinfo=UTC),
)
START = datetime(2026, 11, 2, 15, tzinfo=UTC)
NEW_YORK = Period(first_day=date(2026, 10, 30), last_day=date(2026, 11, 5), zone="America/New_York")
LONG_AND_SHORT_DAYS = (
    Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 1), zone="America/New_York"),  # 25 hours
    Period(first_day=date(2026, 3, 8), last_day=date(2026, 3, 8), zone="America/New_York"),  # 23 hours
    Period(first_day=date(2026, 4, 4), last_day=date(2026, 4, 6), zone="Australia/Lord_Howe"),  # 24.5 hours
    Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 2), zone="Asia/Kathmandu"),  # 5:45 ahead of UTC
    Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 2), zone="Asia/Kolkata"),
    Period(first_day=date(2026, 9, 26), last_day=date(2026, 9, 28), zone="Pacific/Chatham"),  # 12:45, clocks change
)


def draw_calls(seed, period, size=300):
    """Calls with every value, missing ones too, anywhere in the period; some share the same instant."""
    chance = random.Random(seed)  # noqa: S311  # test data, the same every time
    seconds = int((period.end_utc - period.start_utc).total_seconds())
    moments = [period.start_utc + timedelta(microseconds=chance.randrange(seconds * 1_000_000)) for _ in range(size)]

    def maybe(*values):
        return chance.choice([*values, None])

    return [
        {flag: maybe(*ANSWERS) for flag in FLAGS}
        | {"call_at": chance.choice(moments)}
        | {name: maybe(*HOSTILE) for name in ("campaign", "state", "target")}
        | {"publisher": maybe("A", "a", "A "), "number": maybe("+12125550101", "+12125550102")}
        | {f"{one}_usd_micros": maybe(0, 1, -1, 27_500_000, 10**12 + 1) for one in ("revenue", "payout")}
        | {"connected_s": maybe(0, 89, 90, 91), "time_to_connect_s": maybe(0, 60, 61), "duration_s": maybe(0, 9)}
        | {"ended_by": maybe("Caller", "Target", "System", "caller"), "block_reason": maybe("spam")}
        | {f"no_{one}_reason": maybe(None, None, "Too short", "") for one in ("conversion", "payout")}
        | {"incomplete_reason": maybe(None, None, "IVR")}
        for _ in range(size)
    ]


def edge_calls(period):
    """A call at each bound and beside it, to the microsecond, and at every quarter of an hour of the period."""
    tick, quarter = timedelta(microseconds=1), timedelta(minutes=15)
    moments = [period.start_utc - tick, period.start_utc, period.end_utc - tick, period.end_utc]
    at = period.start_utc
    while at < period.end_utc:
        moments += [at, at + quarter - tick]
        at += quarter
    return [{"call_at": moment, "connected": place % 3 == 0} for place, moment in enumerate(moments)]


def mapped_calls(path):
    """A table with names, a unit and rows of its own: two columns change places, dollars are decimals."""
    rows = [
        {"campaign": "A", "state": "FL", "call_at": START, "revenue_usd_micros": 27_123_457, "paid": True},
        {"campaign": None, "state": "TX", "call_at": START, "revenue_usd_micros": 100_000, "converted": True},
        {"campaign": "A", "call_at": START, "blocked": False},
        {"campaign": "aside", "call_at": START, "revenue_usd_micros": 1, "paid": True},
    ]
    build_calls(rows).relation.query(
        "calls",
        f"""copy (
          select * exclude (call_at, campaign, state, error, revenue_usd_micros),
            call_at as "when it came", campaign as state, state as campaign,
            revenue_usd_micros * 0.000001::decimal(7,6) as "rev $",
            case campaign when 'aside' then 'unreadable date' end as set_aside
          from calls) to '{path}' ({PARQUET})""",  # noqa: S608  # test data
    )
    return [row for row in rows if row["campaign"] != "aside"]


def mapping(quoted, whole):
    """Where our columns are in that table; ``quoted`` and ``whole`` are the engine's quotes and whole numbers."""
    return {
        "columns": {
            "call_at": f"{quoted}when it came{quoted}",
            "campaign": "state",
            "state": "campaign",
            "revenue_usd_micros": f"cast({quoted}rev ${quoted} * 1000000 as {whole})",
        },
        "unknown": ("error",),
        "where": "set_aside is null or set_aside = 'kept'",
    }


CASES = {
    "no call at all": ([], NEW_YORK, Definition()),
    "one call without a flag": ([{}], NEW_YORK, Definition()),
    "one paid call": ([{"paid": True, "revenue_usd_micros": 27_000_000}], NEW_YORK, RULES),
    "only errors": ([{"error": True, "connected": False}] * 5, NEW_YORK, RULES),
    "flags and amounts that are all unknown": ([{"campaign": "A"}, {"campaign": None}] * 3, NEW_YORK, Definition()),
    "names that hurt": ([{"campaign": name, "target": name, "state": name} for name in HOSTILE], NEW_YORK, RULES),
    "ties": ([{"campaign": name, "converted": True} for name in ("B", "A", None, "C")] * 2, NEW_YORK, RULES),
    "amounts beyond a float": ([{"paid": True, "revenue_usd_micros": 2**53 + 1, "payout_usd_micros": -1}] * 3, NEW_YORK, RULES),
    "any calls": (draw_calls(1, NEW_YORK), NEW_YORK, RULES),
    "any calls, other rules": (draw_calls(2, NEW_YORK), NEW_YORK, Definition()),
}  # fmt: skip
DAYS = {
    f"the days of {day.zone} from {day.first_day}": (edge_calls(day), day, Definition()) for day in LONG_AND_SHORT_DAYS
}
# Two calls a quarter of an hour, and one a microsecond before the end: counted by hand.
CALLS_OF_DAYS = dict(
    zip(DAYS, (2 + 25 * 8, 2 + 23 * 8, 2 + 72 * 8 + 4, 2 + 48 * 8, 2 + 48 * 8, 2 + 71 * 8), strict=True)
)
TIMES, WHO = (
    ("campaign", "day", "weekday", "hour"),
    ("campaign", "number", "state", "target", "publisher", "is_duplicate"),
)


def count_both(rows, connection, table, period, definition, *, dialect, **more):
    """The same calls counted by DuckDB here, where only those of the period arrive, and by another engine there."""
    inside = [row for row in rows if period.start_utc <= row.get("call_at", period.start_utc) < period.end_utc]
    here = count_funnel(build_calls(inside, unknown=more.get("unknown", ())), period, definition)
    there = elsewhere.count_funnel(
        connection, table=table, period=period, dialect=dialect, definition=definition, as_of=READ_AT, **more
    )
    return here, there


def rows_of(funnel, dimensions):
    return sorted(funnel.cube(dimensions).rows.fetchall(), key=repr)


def assert_same_days(here, there, calls):
    """Every row by day, weekday and hour, and as many calls as were counted by hand."""
    assert rows_of(there, TIMES) == rows_of(here, TIMES)
    assert there.by("day").equals(here.by("day"))
    assert there.calls == calls
    assert there.cube(("state",)).rows.aggregate("sum(calls)").fetchall() == [(calls,)]  # without a time to join on


def assert_same(here, there):
    """Every row of both cubes, the calls beside the stages, the violations, and Ringba's words."""
    for dimensions in (TIMES, WHO):
        assert rows_of(there, dimensions) == rows_of(here, dimensions)
    assert there.calls == here.calls
    assert there.steps().equals(here.steps())
    assert there.by("day").equals(here.by("day"))
    assert there.by("target", "is_duplicate").equals(here.by("target", "is_duplicate"))
    assert there.exits("campaign").equals(here.exits("campaign"))
    assert there.beside == here.beside
    assert there.violations == here.violations
    assert there.reasons.to_dict("records") == here.reasons.to_dict("records")


def write_parquet(rows, path):
    """The call table as the archive keeps it."""
    build_calls(rows).relation.query("calls", f"copy (select * from calls) to '{path}' ({PARQUET})")  # noqa: S608  # a path of our own
    return path
