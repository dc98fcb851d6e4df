"""The view counted, drawn, explored and scheduled: what is clicked is what is listed, and nothing private is kept."""

import shlex
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import ipywidgets
import pytest
import yaml
from conftest import build_calls
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kayzen_nb import parameters, viewcounts
from kayzen_nb.callstable import count_calls
from kayzen_nb.dimensions import OTHERS
from kayzen_nb.drilldown import find_calls
from kayzen_nb.explorer import Explorer, prepare
from kayzen_nb.funnel import count_funnel
from kayzen_nb.viewchart import draw_view, show_view, small_bases, view_table
from kayzen_nb.viewcounts import count_view, members_of
from kayzen_nb.views import View, parse_view
from kayzen_nb.viewschedule import schedule_text, view_entry, view_line

NO = {"connected": False, "converted": False, "paid": False, "blocked": False}
CONNECTED = NO | {"connected": True, "completed": True}
PAID = CONNECTED | {"converted": True, "paid": True, "revenue_usd_micros": 27_000_000, "payout_usd_micros": 20_000_000}
TEN = [
    *[NO | {"state": "TX", "blocked": True}] * 2,
    *[CONNECTED | {"state": "TX", "target": "A"}] * 3,
    PAID | {"state": "TX", "target": "A", "call_at": "2026-11-03 20:00:00+00"},
    PAID | {"state": "CA", "target": "<b>B</b>"},
    *[NO | {"state": "CA"}] * 2,
    NO,
]


@pytest.fixture
def ten(week):
    return count_funnel(build_calls(TEN), week)


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would have displayed."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda *given, **_: displayed.append(given[0]))
    return displayed


def texts(count):
    return {keys: cell.text for keys, cell in count.cells.items()}


@pytest.mark.parametrize(
    ("view", "cells", "finding"),
    [
        ("state", {("TX",): "6", ("CA",): "3", (None,): "1"}, "Calls by State: most at TX, 6 of 10 (60.0%)."),
        (
            "connected rate: state",
            {("TX",): "(66.7%)", ("CA",): "(33.3%)", (None,): "(0.0%)"},
            "Connected, of all calls by State: (50.0%) of 10 calls over all; groups of fewer than 30 calls are not compared.",
        ),
        ("paid rate: state where state = (blank)", {(None,): "no base"}, None),
        (
            "revenue: target where state = TX",
            {("A",): "$27.00", (None,): "$0.00"},
            "Revenue (USD) by Target, only calls with State TX: most at A, $27.00 of $27.00 (100.0%).",
        ),
        (
            "exits: state where target = A",
            {("TX", "unconverted_unknown"): "3"},
            "Where calls leave by State, only calls with Target A: most at TX, Not converted, reason unknown, 3 of 3 (100.0%).",
        ),
        ("exits: where state = TX", {("unconverted_unknown",): "3", ("blocked",): "2"}, None),
        (
            "state where campaign = none such", {}, "No calls in this view, only calls with Campaign none such.",
        ),
        ("where state = CA", {}, "Calls: 3, only calls with State CA."),
    ],
)  # fmt: skip
def test_a_view_is_counted_as_by_hand(ten, view, cells, finding):
    count = count_view(ten, parse_view(view))
    assert texts(count) == cells
    assert finding is None or count.finding == finding


def test_rates_of_enough_calls_are_told_from_lowest_to_highest_without_a_claim(week):
    rows = [NO | {"state": "TX"}] * 30 + [CONNECTED | {"state": "TX"}] * 10 + [CONNECTED | {"state": "CA"}] * 30
    count = count_view(count_funnel(build_calls(rows), week), parse_view("connected rate: state"))
    assert count.finding == (
        "Connected, of all calls by State: 57.1% of 70 calls over all, from 25.0% (TX, of 40) to 100.0% (CA, of 30). "
        "Whether that is more than chance is not tested here."
    )
    assert small_bases(count) == ""


def test_hours_and_days_stand_in_order_also_without_calls(ten):
    hours = count_view(ten, parse_view("state by hour"))
    assert hours.columns == tuple(range(24))
    assert hours.cell("TX", 10).text == "5"
    assert hours.cell("TX", 15).text == "1"
    assert hours.cell("CA", 3).text == "0"
    days = count_view(ten, parse_view("connected rate: day"))
    assert [days.cell(day).text for day in days.rows][:4] == ["no base", "(44.4%)", "(100.0%)", "no base"]


def test_what_the_source_cannot_tell_is_unknown_and_not_zero(week):
    funnel = count_funnel(build_calls(TEN, unknown=("paid", "revenue_usd_micros")), week)
    for view in ("paid calls: state", "revenue: state", "paid rate: state"):
        count = count_view(funnel, parse_view(view))
        assert set(texts(count).values()) == {"unknown"}
        assert "unknown" in count.finding
        assert draw_view(funnel, count).data[0].x == (None, None, None)


def test_of_a_day_that_was_not_read_nothing_is_said(week):
    funnel = count_funnel(build_calls(TEN), week)
    funnel = type(funnel)(table=funnel.table, period=week, definition=funnel.definition, unread=(date(2026, 11, 5),))
    for view in ("day", "exits: day", "state by day"):
        count = count_view(funnel, parse_view(view))
        place = count.axes.index("day")
        told = {(cell.text, cell.value) for keys, cell in count.cells.items() if keys[place] == date(2026, 11, 5)}
        assert told == {("unknown", None)}


def test_rare_groups_are_pooled_the_blank_one_stays_and_the_pool_opens_into_its_calls(week, monkeypatch):
    monkeypatch.setattr(viewcounts, "_LARGEST", (2, 1))
    rows = [NO | {"state": state, "target": target} for state in "AAABBCD" for target in ("X", "X", "Y")] + [NO]
    funnel = count_funnel(build_calls(rows), week)
    count = count_view(funnel, parse_view("state by target"))
    assert (count.rows, count.columns) == (("A", "B", OTHERS, None), ("X", OTHERS, None))
    assert count.cell(OTHERS, "X").text == "4"
    only, exit_name = members_of(funnel, count.view, count, (OTHERS, "X"))
    assert (only, exit_name) == ({"state": ["C", "D"], "target": "X"}, None)
    assert count_calls(find_calls(funnel, only=only)) == 4


def test_the_table_says_what_the_chart_shows(ten):
    for view in ("state", "connected rate: state", "state by hour", "exits: state", "revenue: hour"):
        count = count_view(ten, parse_view(view))
        drawn, table = draw_view(ten, count).data[0], view_table(ten, count)
        if len(count.axes) == 1:
            assert list(table.iloc[:, 0]) == list(drawn.customdata)
            assert [text.split(" of ")[0] for text in drawn.text] == list(table.iloc[:, 1])
        else:
            assert [list(row) for row in drawn.text] == table.iloc[:, 1:].values.tolist()


def test_names_from_the_data_are_shown_literally_and_masked(week):
    rows = [NO | {"target": "<b>x</b>"}, NO | {"target": "+12135550142"}]
    funnel = count_funnel(build_calls(rows), week)
    drawn = str(draw_view(funnel, count_view(funnel, parse_view("target"))).to_plotly_json())
    assert "&lt;b&gt;x" in drawn
    assert "5550142" not in drawn


def test_without_a_person_the_view_is_a_chart_a_table_and_no_widget(ten, shown):
    show_view(ten, "connected rate: state")
    chart, _counted, table, note = shown
    assert "Bar chart: Connected, of all calls by State." in chart["text/plain"]
    assert "(66.7%)" in table["text/html"]
    assert "rates of fewer than 30 calls" in note["text/html"]
    script = "import sys; import kayzen_nb.viewchart, kayzen_nb.explorer; print('ipywidgets' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_an_empty_view_and_one_without_calls_are_sentences(ten, shown):
    show_view(ten, "")
    show_view(ten, "target where state = QQ")
    assert "No view of your own was chosen." in shown[0]["text/html"]
    assert "No calls in this view, only calls with State QQ." in shown[1]["text/html"]
    assert len(shown) == 2


@pytest.fixture
def resolved():
    given = {"period_start": "2026-11-01", "period_end": "2026-11-07", "campaign": 'CTV "Spring": 1'}
    return parameters.resolve("03_funnel", given, datetime(2026, 11, 24, tzinfo=UTC))


def test_the_line_and_the_entry_carry_the_view_as_it_stands(resolved):
    view = View(dimensions=("state", "hour"), only={"target": 'Smith\'s and "Sons"'}, measure="paid rate")
    words = shlex.split(view_line(resolved, view))
    assert words[:3] == ["kayzen-nb", "run", "03_funnel"]
    assert parse_view(words[-1].removeprefix("view=")) == view
    [entry] = yaml.safe_load(view_entry(resolved, view))
    assert entry["notebook"] == "03_funnel"
    assert parse_view(entry["parameters"].pop("view")) == view
    assert entry["parameters"] == {
        "campaign": 'CTV "Spring": 1',
        "period_start": "2026-11-01",
        "period_end": "2026-11-07",
    }
    assert "This period is fixed." in schedule_text(resolved, view)


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\u2028\u2029\ufeff")))
def test_any_name_survives_the_line_and_the_entry(resolved, name):
    view = View(only={"campaign": name})
    assert parse_view(shlex.split(view_line(resolved, view))[-1].removeprefix("view=")) == view
    assert parse_view(yaml.safe_load(view_entry(resolved, view))[0]["parameters"]["view"]) == view


def test_the_dropdowns_are_the_view(ten, resolved):
    explorer = Explorer(ten, resolved, view="connected rate: state by hour where target = A and weekday = Monday")
    assert str(explorer.view) == "connected rate: state by hour where weekday = Monday and target = A"
    explorer.controls["target"].value = -1
    explorer.controls["and by"].value = ""
    explorer.controls["show"].value = "calls"
    assert str(explorer.view) == "state where weekday = Monday"
    assert "Calls by State, only calls with Weekday Monday: most at TX, 5 of 9" in explorer.finding.value
    explorer.buttons["Schedule this view"].click()
    assert "--set view='state where weekday = Monday'" in explorer.schedule.value


def test_a_value_of_the_start_view_that_has_no_calls_can_still_stand(ten):
    explorer = Explorer(ten, view="state where target = Gone")
    assert str(explorer.view) == "state where target = Gone"
    assert "No calls in this view" in explorer.finding.value


def test_a_view_that_cannot_be_says_so_and_leaves_the_last_one(ten, resolved):
    explorer = Explorer(ten, resolved, view="state by hour")
    explorer.controls["show"].value = "exits"
    assert "Exits can be divided by one dimension only." in explorer.finding.value
    explorer.buttons["Schedule this view"].click()
    assert "view='state by hour'" in explorer.schedule.value
    explorer.controls["and by"].value = ""
    assert "Where calls leave by State: most at" in explorer.finding.value


class Points:
    def __init__(self, *inds):
        self.point_inds = list(inds)


def test_a_click_on_a_bar_or_a_field_lists_exactly_its_calls(ten):
    explorer = Explorer(ten, view="state")
    explorer._click(None, Points(1), None)
    assert "Calls: CA" in explorer.calls.value
    assert "All 3 calls." in explorer.calls.value
    explorer.controls["and by"].value = "hour"
    explorer._click(None, Points((0, 15)), None)
    assert "Calls: TX, 15:00" in explorer.calls.value
    assert "All 1 call." in explorer.calls.value
    explorer._click(None, Points((1, 10)), None)
    assert "Calls: CA, 10:00" in explorer.calls.value
    assert "All 3 calls." in explorer.calls.value
    explorer._click(None, Points(), None)
    assert explorer.group.label == "CA, 10:00"


def test_clicks_that_jupyterlab_answers_in_several_threads_are_answered_one_by_one(ten):
    explorer, together, most = Explorer(ten, view="state"), [], []

    def act():
        together.append(1)
        most.append(len(together))
        count_calls(find_calls(ten))
        together.pop()

    threads = [threading.Thread(target=explorer._one_by_one(act)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1] * 8
    assert "Not counted" not in explorer.finding.value


def test_a_click_while_a_cell_counts_is_told_and_does_no_harm(ten):
    def busy():
        raise duckdb.Error("connection is busy")

    explorer = Explorer(ten, view="state")
    explorer._one_by_one(busy)()
    assert "Wait until no cell of the notebook runs" in explorer.finding.value
    explorer.controls["show"].value = "revenue"
    assert "Revenue (USD) by State: most at" in explorer.finding.value


def test_behind_a_rate_stand_the_calls_it_is_a_share_of_and_behind_an_exit_those_that_left(ten):
    explorer = Explorer(ten, view="converted rate: state")
    explorer.buttons["Show these calls"].click()
    assert "The connected calls of which the rate is a share: TX" in explorer.calls.value
    assert "All 4 calls." in explorer.calls.value
    explorer.controls["show"].value = "exits"
    explorer._click(None, Points((0, 1)), None)
    assert "TX, Blocked" in explorer.calls.value
    assert "All 2 calls." in explorer.calls.value


def test_the_calls_are_saved_beside_the_notebook(ten, tmp_path):
    explorer = Explorer(ten, view="state", folder=tmp_path / "data")
    explorer.buttons["Save as CSV"].click()
    [path] = (tmp_path / "data").iterdir()
    assert path.name == "calls_calls_tx.csv"
    assert f"6 calls saved, numbers masked: {path}" in explorer.answer.value
    assert len(path.read_text().splitlines()) == 7
    explorer._folder = path
    explorer.buttons["Save as CSV"].click()
    assert "Not saved: " in explorer.answer.value


def test_nothing_private_stands_in_what_a_notebook_may_save(week, resolved):
    rows = [NO | {"target": "+12135550142", "caller": "+12135550143", "number": "213-555-0144"}]
    explorer = Explorer(count_funnel(build_calls(rows), week), resolved, view="target")
    for name in ("Show these calls", "Schedule this view"):
        explorer.buttons[name].click()
    explorer.controls["target"].value = 0
    explorer.buttons["Schedule this view"].click()
    saved = str(ipywidgets.Widget.get_manager_state(drop_defaults=False))
    assert "***-***-**42" in saved
    for number in ("5550142", "5550143", "555-0144"):
        assert number not in saved


def test_after_preparing_most_clicks_touch_no_call(ten):
    prepare(ten)
    before = len(ten.queries)
    for view in (
        "state by hour",
        "campaign by weekday",
        "target by state where publisher = x",
        "exits: number",
        "revenue: day by target",
    ):
        count_view(ten, parse_view(view))
    assert len(ten.queries) == before


state = st.sampled_from(["TX", "CA", None])
call = st.fixed_dictionaries(
    {"state": state, "target": state, "connected": st.booleans(), "revenue_usd_micros": st.integers(-(10**9), 10**9)}
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(call, max_size=10), st.sampled_from(["state", "state by target", "target by hour", "day", "is_duplicate"])
)
def test_the_cells_of_a_view_add_up_to_the_whole(week, rows, divided):
    funnel = count_funnel(build_calls([NO | row for row in rows]), week)
    for measure in ("calls", "connected calls", "revenue", "exits"):
        if measure == "exits" and " by " in divided:
            continue
        count = count_view(funnel, parse_view(f"{measure}: {divided}"))
        assert sum((Decimal(str(cell.value)) for cell in count.cells.values()), Decimal(0)) == Decimal(
            str(count.total.value)
        )
    assert count_view(funnel, parse_view(divided)).total.value == len(rows)
