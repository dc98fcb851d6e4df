"""The trend chart: what is drawn, where the gaps are, which days are hatched. Numbers are invented."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from conftest import build_calls

from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.intervals import wilson
from kayzen_nb.period import Period
from kayzen_nb.trendchart import draw_trend, show_trend

FOUR = Period(first_day=date(2026, 11, 2), last_day=date(2026, 11, 5), zone="UTC")
# The 2nd: 4 calls, 3 connected, 1 converted. The 3rd: none. The 4th: 2 calls, none connected. The 5th: 1 of 1.
CALLS = [("02", True, True), ("02", True, False), ("02", True, False), ("02", False, False), ("04", False, False),
         ("04", False, False), ("05", True, True)]  # fmt: skip


def funnel_of(*, unknown=(), missing=(), **moments):
    rows = [{"call_at": f"2026-11-{day} 12:00:00+00", "connected": connected, "converted": converted, "paid": False}
            for day, connected, converted in CALLS]  # fmt: skip
    table = replace(build_calls(rows, unknown=unknown), missing_days=tuple(missing))
    return count_funnel(table, FOUR, Definition(**moments))


def lines(figure):
    """Lines by name: ``{day: value}``; bands apart."""
    found = [t for t in figure.data if t.type == "scatter" and t.fill is None]
    return {trace.name: dict(zip((str(day)[8:] for day in trace.x), trace.y, strict=True)) for trace in found}


def hatched(figure):
    return [[str(day) for day in trace.x] for trace in figure.data if trace.type == "bar"]


def test_each_stage_is_a_line_and_a_day_without_calls_is_zero():
    drawn = lines(draw_trend(funnel_of()))
    assert drawn["Incoming"] == {"02": 4, "03": 0, "04": 2, "05": 1}
    assert drawn["Connected"] == {"02": 3, "03": 0, "04": 0, "05": 1}
    assert drawn["Payout"] == {"02": 0, "03": 0, "04": 0, "05": 0}


def test_a_rate_has_its_base_and_is_a_gap_without_one():
    drawn = lines(draw_trend(funnel_of()))
    assert drawn["Connected of previous"] == {"02": 0.75, "03": None, "04": 0, "05": 1}
    assert drawn["Converted of previous"] == {"02": pytest.approx(1 / 3), "03": None, "04": None, "05": 1}


def test_a_band_is_wilsons_interval_and_breaks_at_gaps():
    bands = [trace for trace in draw_trend(funnel_of()).data if trace.fill == "toself"]
    connected = [trace for trace in bands if trace.legendgroup == "Connected of previous"]
    assert [list(trace.x) for trace in connected] == [
        ["2026-11-02", "2026-11-02"],
        ["2026-11-04", "2026-11-05", "2026-11-05", "2026-11-04"],
    ]
    assert list(connected[0].y) == pytest.approx(wilson(3, 4))


def test_an_unread_day_is_a_gap_and_not_zero():
    drawn = lines(draw_trend(funnel_of(missing=[date(2026, 11, 3)])))
    assert drawn["Incoming"]["03"] is None
    assert drawn["Connected of previous"]["03"] is None


def test_a_stage_that_the_source_does_not_tell_is_not_drawn():
    drawn = lines(draw_trend(funnel_of(unknown=("converted",))))
    assert "Converted" not in drawn
    assert "Converted of previous" not in drawn
    assert "Connected of previous" in drawn


def test_unripe_days_are_hatched_in_both_panels_and_named_in_words():
    figure = draw_trend(funnel_of(pays_until=datetime(2026, 11, 4, 12, tzinfo=UTC)))
    assert hatched(figure) == [["2026-11-04", "2026-11-05"]] * 2
    assert all(trace.marker.pattern.shape for trace in figure.data if trace.type == "bar")
    assert "not ripe yet" in [note.text for note in figure.layout.annotations]


def test_where_all_is_ripe_nothing_is_hatched():
    figure = draw_trend(funnel_of())
    assert hatched(figure) == []
    assert not figure.layout.annotations


def test_the_busiest_day_bears_its_number():
    (incoming,) = [trace for trace in draw_trend(funnel_of()).data if trace.name == "Incoming"]
    assert list(incoming.text) == ["4", "", "", ""]


@pytest.mark.parametrize("missing", [(), FOUR.days])
def test_no_calls_and_no_days_can_be_drawn(missing):
    table = replace(build_calls([]), missing_days=tuple(missing))
    figure = draw_trend(count_funnel(table, FOUR))
    json.dumps(figure.to_plotly_json()["data"], default=list, allow_nan=False)
    assert set(lines(figure)["Incoming"].values()) == ({None} if missing else {0})


def test_the_finding_and_the_unripe_days_stand_in_title_and_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **more: shown.append((bundle, more)))
    show_trend(funnel_of(pays_until=datetime(2026, 11, 5, tzinfo=UTC)))
    (bundle, more), (counted, _) = shown
    words = "Most calls came on 2026-11-02: 4. No calls at all on 2026-11-03. Not ripe yet: 2026-11-05; payouts may still come."
    assert bundle["application/vnd.plotly.v1+json"]["layout"]["title"]["text"] == words
    assert words in more["metadata"]["kayzen-nb"]["alt"]
    assert "too young to judge" in counted["text/plain"]
