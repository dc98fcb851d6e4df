"""Money and response as people see them: numbers on the bars, gaps for the unknown, words where nothing is known."""

import json
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from test_money import EIGHT, NO, SPEND, build_spend, money_of, spent
from test_response import by_hour, calls_at

from kayzen_nb import moneycharts, moneytables
from kayzen_nb.response import count_response


@pytest.fixture
def shown(monkeypatch):
    """What would be displayed: mime bundles, in order."""
    import IPython.display

    bundles = []
    monkeypatch.setattr(IPython.display, "display", lambda bundle, **_: bundles.append(bundle))
    return bundles


def texts(frame):
    return frame.to_dict("records")


def test_the_bars_of_the_stages_carry_their_amounts():
    figure = moneycharts.draw_money(money_of())
    assert [list(bar.text) for bar in figure.data] == [["54.00"] * 3 + ["27.00"], ["20.00"] * 4]
    assert [list(bar.x) for bar in figure.data] == [[54, 54, 54, 27], [20] * 4]
    assert len({bar.marker.pattern.shape for bar in figure.data}) == 2  # told apart without colour
    assert "USD" in figure.layout.xaxis.title.text


def test_an_unknown_amount_is_a_word_and_no_bar():
    figure = moneycharts.draw_money(money_of(unknown=("payout_usd_micros",)))
    assert list(figure.data[1].text) == ["unknown"] * 4
    assert list(figure.data[1].x) == [None] * 4


def test_days_without_told_spend_are_gaps_and_unripe_days_are_marked():
    money = money_of(spend=build_spend(SPEND), pays_until=datetime(2026, 11, 3, 12, tzinfo=UTC))
    figure = moneycharts.draw_spend_by_day(money)
    assert list(figure.data[0].y) == [None, 20, 15, None, None, None, None]
    (area,) = figure.layout.shapes
    assert (area.x0, area.x1) == (1.5, 6.5)  # the days with numbers 2 to 6: from the 3rd on
    assert "not ripe" in figure.layout.annotations[0].text


def test_the_response_has_points_with_intervals_over_bars_of_their_counts():
    response = count_response(money_of(calls_at(15, 3), by_hour({10: 1000, 11: 500})))
    points, calls, impressions = moneycharts.draw_response(response).data
    assert (points.x[10], points.y[10], points.y[0]) == ("10:00", 3.0, None)
    assert points.error_y.array[10] > points.error_y.arrayminus[10] > 0
    assert (calls.y[10], impressions.y[11]) == (3, 500)


def test_hours_that_stand_out_have_another_shape():
    rows = [*calls_at(15, 60), *calls_at(18, 4)]
    figure = moneycharts.draw_response(count_response(money_of(rows, by_hour(dict.fromkeys(range(24), 1000)))))
    assert figure.data[0].marker.symbol[10] == "triangle-up"
    assert figure.data[0].marker.symbol[13] == "circle"


def test_charts_are_shown_under_their_finding_with_words_for_the_picture(shown):
    money = money_of(spend=build_spend(SPEND))
    moneycharts.show_money(money)
    moneycharts.show_spend_by_day(money)
    moneycharts.show_response(count_response(money_of(calls_at(15, 3), by_hour({10: 1000}))))
    figures = [one["application/vnd.plotly.v1+json"] for one in shown if "application/vnd.plotly.v1+json" in one]
    titles = [json.dumps(figure["layout"]["title"]["text"]) for figure in figures]
    assert "Revenue 54.00 USD: 6.75 USD per call" in titles[0]
    assert "2 days: spend 35.00 USD, revenue 54.00 USD, ROAS 1.54" in titles[1]
    assert "3 calls to 1,000 impressions: 3 per 1,000" in titles[2]
    assert "incoming revenue 54.00 USD, payout 20.00 USD" in shown[0]["text/plain"]


@pytest.mark.parametrize("money", [money_of([]), money_of([], build_spend([])), money_of([], build_spend(SPEND))])
def test_of_nothing_there_are_sentences_in_place_of_charts(shown, money):
    moneycharts.show_money(money)
    moneycharts.show_spend_by_day(money)
    moneycharts.show_response(count_response(money))
    assert "No calls, no revenue." in shown[0]["text/plain"]
    for draw in (moneycharts.draw_money, moneycharts.draw_spend_by_day):
        json.dumps(draw(money).to_plotly_json(), default=list)
    for table in (moneytables.money_table, moneytables.states_table, moneytables.costs_table):
        assert isinstance(table(money), pd.DataFrame)
    assert moneytables.money_table(money)["All revenue per call (USD)"].tolist() == ["no base"] * 4


def test_the_table_of_stages_says_the_same_as_the_chart():
    first = texts(moneytables.money_table(money_of()))[0]
    assert first == {
        "Stage": "Incoming",
        "Calls": "8",
        "Revenue (USD)": "54.00",
        "Payout (USD)": "20.00",
        "Margin (USD)": "34.00",
        "Margin of revenue": "63.0%",
        "All revenue per call (USD)": "6.75",
    }
    assert texts(moneytables.states_table(money_of()))[4] == {
        "Stage": "Converted", "Amount": "Revenue", "other than 0.00": "2", "0.00": "1", "missing": "1", "not yet": "0",
    }  # fmt: skip


def test_costs_and_campaigns_name_what_is_not_joined():
    money = money_of(spend=build_spend([*SPEND, spent(2, "Othe", 3)]))
    (costs,) = texts(moneytables.costs_table(money))
    assert (costs["Spend (USD)"], costs["Per call (USD)"], costs["ROAS"]) == ("35.00", "5.00", "1.54")
    rows = {row["Campaign"].strip(): row for row in texts(moneytables.campaign_costs_table(money))}
    assert rows["Brand"]["Stands in"] == "Kayzen only"
    assert rows["Brand"]["Calls"] == "none under this name"
    assert rows["Other"]["Spend (USD)"] == "none told"
    assert rows["Othe"]["Perhaps the same as"] == "other"
    assert rows["acme"]["Per converted (USD)"] == "8.75"


def test_a_day_says_unknown_no_base_and_not_yet_as_words():
    money = money_of(spend=build_spend(SPEND), pays_until=datetime(2026, 11, 3, 12, tzinfo=UTC))
    days = {row["Day"]: row for row in texts(moneytables.spend_days_table(money))}
    assert days["2026-11-01"]["Spend (USD)"] == "unknown"
    assert days["2026-11-01"]["Per call (USD)"] == days["2026-11-01"]["ROAS"] == "unknown"
    assert (days["2026-11-02"]["Per call (USD)"], days["2026-11-02"]["Ripe"]) == ("3.33", "yes")
    assert (days["2026-11-03"]["ROAS"], days["2026-11-03"]["Ripe"]) == ("1.80", "not yet")


def test_a_day_with_spend_and_no_call_has_no_base():
    money = money_of(spend=build_spend([*SPEND, spent(4, "Acme", 2)]))
    day = next(row for row in texts(moneytables.spend_days_table(money)) if row["Day"] == "2026-11-04")
    assert (day["Calls"], day["Spend (USD)"], day["Per call (USD)"], day["ROAS"]) == ("0", "2.00", "no base", "0.00")


def test_the_response_and_the_rows_of_the_file_have_tables():
    response = count_response(money_of(calls_at(15, 3), by_hour({10: 1000})))
    rows = {row["Hour"]: row for row in texts(moneytables.response_table(response))}
    assert (rows["10:00"]["Calls per 1,000"], rows["11:00"]["Calls per 1,000"]) == ("3.000", "no base")
    ledger = moneytables.spend_ledger_table(money_of(spend=build_spend(SPEND)))
    assert texts(ledger) == [{"Rows of spend": "read", "Count": "5"}, {"Rows of spend": "used", "Count": "5"}]
    assert moneytables.spend_ledger_table(money_of()).empty


def test_markup_and_phone_numbers_in_names_stay_text(shown):
    name = "<b>+12125550142</b>"
    rows = [NO | {"campaign": name}]
    money = money_of(rows, build_spend([spent(2, name, 1, impressions=10)]))
    moneycharts.show_spend_by_day(money)
    moneycharts.show_response(count_response(money))
    from kayzen_nb.tables import show_table

    show_table(moneytables.campaign_costs_table(money), "Campaigns")
    assert "5550142" not in json.dumps(shown, default=str)
    assert "<b>" not in shown[-1]["text/html"]


def test_a_figure_of_one_day_has_that_day():
    figure = moneycharts.draw_spend_by_day(money_of(EIGHT, build_spend([spent(2, "Acme", 3)])))
    assert str(date(2026, 11, 2)) in figure.data[0].x
