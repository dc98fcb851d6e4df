"""Calls kept short answer as the calls themselves do, whatever is asked of them."""

import random
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from conftest import build_calls

from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period

NAMES = {
    "campaign": ["A", "B", "it's", None],
    "number": ["***-***-0101", "***-***-0102"],
    "state": ["CA", "TX", None],
    "target": ["Call Center A", "Call Center B", None],
    "publisher": [None],  # a column without a value makes no enum
    "is_duplicate": [True, False, None],
}
QUESTIONS = [
    ((), {}),
    (("campaign",), {"target": "Call Center A"}),
    (("state", "hour"), {"campaign": "it's"}),
    (("state", "hour"), {"campaign": "no such campaign", "publisher": None}),
    (("day", "target"), {"state": ["CA", None]}),
    (("hour", "weekday"), {"is_duplicate": True}),
    (("number", "is_duplicate"), {"day": date(2026, 11, 1), "hour": [0, 1]}),
    (("publisher", "day"), {}),
]


def invent(zone):
    """Calls over both ends of the period and the clock change."""
    chance = random.Random(7)  # noqa: S311  # invented calls
    start = Period(first_day=date(2026, 10, 30), last_day=date(2026, 11, 2), zone=zone).start_utc
    rows = []
    for _ in range(400):
        reached = chance.randrange(4)
        row = {name: chance.choice(values) for name, values in NAMES.items()}
        row |= {"connected": reached > 0, "converted": reached > 1, "paid": reached > 2}
        row |= {"revenue_usd_micros": chance.choice([None, 0, 27_000_000]) if reached > 1 else None}
        rows.append(row | {"call_at": str(start + timedelta(seconds=chance.randrange(-7200, 4 * 86400 + 7200)))})
    return rows


@pytest.fixture(params=["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
def funnels(request):
    """The same calls, counted pass by pass and prepared; only those of the period, as a source hands them over."""
    period = Period(first_day=date(2026, 10, 30), last_day=date(2026, 11, 2), zone=request.param)
    definition = Definition(converts_until=datetime(2026, 11, 1, 12, tzinfo=UTC))
    rows = [
        row
        for row in invent(request.param)
        if period.start_utc <= datetime.fromisoformat(row["call_at"]) < period.end_utc
    ]
    plain, prepared = (count_funnel(build_calls(rows), period, definition) for _ in range(2))
    prepared.prepare()
    return plain, prepared


@pytest.mark.parametrize(("by", "only"), QUESTIONS)
def test_short_calls_answer_as_the_calls_do(funnels, by, only):
    plain, prepared = funnels
    passes = len(prepared.queries)
    for ask in ("stages", "roll_up"):
        counted, found = getattr(plain, ask)(by, only), getattr(prepared, ask)(by, only)
        pd.testing.assert_frame_equal(found, counted, check_dtype=False)
    assert len(prepared.queries) == passes  # no other pass over the calls


def test_ripe_calls_can_be_told_apart_among_short_ones(funnels):
    plain, prepared = funnels
    for is_ripe in (True, False):
        only = {"is_ripe": is_ripe, "target": "Call Center A"}
        found = prepared.stages(("state",), only)
        assert found["incoming_calls"].sum() > 0
        pd.testing.assert_frame_equal(found, plain.stages(("state",), only), check_dtype=False)


def test_calls_outside_of_the_period_are_not_kept():
    period = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 1), zone="America/New_York")
    calls = build_calls([{"call_at": f"2026-11-0{day} 04:30:00+00"} for day in (1, 2, 3)])
    funnel = count_funnel(calls, period)
    funnel.prepare()
    assert funnel.stages(("target", "hour"), {"state": None})["incoming_calls"].tolist() == [1, 1]


def test_no_calls_can_be_prepared(week):
    funnel = count_funnel(build_calls([]), week)
    funnel.prepare()
    assert funnel.by("state", "hour", only={"target": "x"}).empty
