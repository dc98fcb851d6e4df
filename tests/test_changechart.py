"""The change as picture and tables: the same numbers as the sentence, and nothing that only colour says."""

import pytest
from conftest import build_calls
from test_change import BEFORE, NOW, SHIFTED, SOLD, TALKED, funnels, on

from kayzen_nb.change import explain_change
from kayzen_nb.changechart import change_table, draw_change, group_table, show_change, show_change_tables
from kayzen_nb.comparison import compare
from kayzen_nb.explanation import find_explanation
from kayzen_nb.funnel import count_funnel

HOSTILE = "<b>TX</b>"


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would have been given to display."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    return bundles


@pytest.fixture
def shifted():
    return explain_change(funnels(*SHIFTED))


def test_the_bars_lead_from_before_to_now_with_their_numbers(shifted):
    bar = draw_change(shifted.splits["converted"]).data[0]
    assert list(bar.text) == ["2", "0", "-1", "0", "0", "1"]
    assert list(bar.x)[:3] == ["before", "volume", "mix of<br>states"]
    assert [(base, base + height) for base, height in zip(bar.base, bar.y, strict=True)] == [
        (0, 2), (2, 2), (1, 2), (1, 1), (1, 1), (0, 1),
    ]  # fmt: skip


def test_less_is_hatched_too_so_that_no_colour_alone_says_it(shifted):
    bar = draw_change(shifted.splits["converted"]).data[0]
    assert list(bar.marker.pattern.shape) == ["", "", "/", "", "", ""]


def test_money_is_drawn_in_dollars_with_exact_numbers_on_the_bars(shifted):
    figure = draw_change(shifted.splits["revenue"])
    assert figure.data[0].text[0] == "40.00"
    assert figure.data[0].y[0] == 40
    assert "USD" in figure.layout.yaxis.title.text


def test_an_axis_that_does_not_begin_at_zero_says_so(shifted):
    assert draw_change(shifted.splits["converted"]).layout.xaxis.title.text is None
    small = explain_change(funnels(on(9, "TX", *[SOLD] * 41), on(2, "TX", *[SOLD] * 40)))
    figure = draw_change(small.splits["converted"])
    assert figure.layout.xaxis.title.text == "the vertical axis begins at 39"
    assert figure.layout.yaxis.range[0] == 39


def test_revenue_below_zero_is_inside_the_picture():
    loss = SOLD | {"revenue_usd_micros": -5_000_000}
    low, high = draw_change(
        explain_change(funnels(on(9, "TX", loss), on(2, "TX", SOLD))).splits["revenue"]
    ).layout.yaxis.range
    assert low < -5
    assert high > 20


def test_the_table_has_the_same_numbers_and_its_columns_add_up(shifted):
    table = change_table(shifted)
    assert list(table[""]) == [
        "before", "volume", "mix of states", "connect rate", "conversion rate", "payout rate",
        "revenue per converted call", "change", "now",
    ]  # fmt: skip
    assert list(table["Converted calls"]) == ["2", "0", "-1", "0", "0", "", "", "-1", "1"]
    assert table["Revenue (USD)"].iloc[2] == "-20.00"


def test_the_groups_rows_add_up_to_their_own_change(shifted):
    table = group_table(shifted)
    assert table["State"].iloc[0] == "TX"
    assert list(table.iloc[0])[1:] == ["-1", "0", "-1", "0", "0"]


def test_groups_with_revenue_outside_conversions_have_it_as_a_column():
    tip = TALKED | {"revenue_usd_micros": 1_000_000}
    now = [*on(9, "TX", tip), *on(9, None, SOLD)]
    table = group_table(explain_change(funnels(now, [*on(2, "TX", TALKED), *on(2, None, SOLD)])), "revenue")
    assert list(table["State"]) == ["TX", "(no state)"]
    assert list(table["revenue outside conversions"]) == ["+1.00", "0.00"]


def test_text_from_data_is_shown_literally(shown):
    change = explain_change(funnels(on(9, HOSTILE, SOLD), on(2, HOSTILE, SOLD, SOLD)))
    show_change(change)
    show_change_tables(change)
    assert HOSTILE not in str(shown)


def test_the_chart_stands_under_its_finding_and_says_the_sentence(shifted, shown):
    show_change(shifted)
    title = shown[0]["application/vnd.plotly.v1+json"]["layout"]["title"]["text"]
    assert title == "Converted calls: 1, 1 fewer than in the 7 days before"
    assert shifted.sentence() in shown[0]["text/plain"]
    assert "Calls of all campaigns" in shown[1]["text/plain"]
    assert shifted.sentence() in shown[2]["text/plain"]


def test_where_nothing_is_compared_there_is_no_picture_and_no_table(shown):
    comparison = compare(count_funnel(build_calls(SHIFTED[0]), NOW), count_funnel(build_calls([]), BEFORE))
    show_change(explain_change(comparison))
    show_change_tables(explain_change(comparison))
    assert shown == []  # find_explanation's sentence says it
    assert "no call is known" in find_explanation(comparison).sentence()


def test_where_no_call_converted_in_either_period_there_is_no_empty_picture(shown):
    show_change(explain_change(funnels(on(9, "TX", TALKED), on(2, "TX", TALKED))))
    assert list(shown[0]) == ["text/html", "text/plain"]
