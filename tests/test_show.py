"""What people see: escaped, labelled, exact; files that spreadsheets can open safely."""

import csv
import stat
from decimal import Decimal

import pandas as pd
import pytest
from conftest import build_calls

from kayzen_nb import charts, forms, funnelcharts, tables
from kayzen_nb.funnel import count_funnel
from kayzen_nb.parameters import resolve

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(1)">'


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would have been given to display."""
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    return bundles


def test_hostile_text_in_a_table_is_shown_literally(shown):
    tables.show_table(pd.DataFrame({"Campaign": [HOSTILE]}), HOSTILE)
    assert "<script>" not in shown[0]["text/html"]
    assert "<img" not in shown[0]["text/html"]
    assert "&lt;script&gt;" in shown[0]["text/html"]


def test_hostile_text_in_a_sentence_and_a_chart_is_shown_literally(shown, week):
    tables.show_sentence(HOSTILE)
    calls = build_calls([{"connected": True, "campaign": HOSTILE}])
    charts.show_chart(funnelcharts.draw_funnel(count_funnel(calls, week)), title=HOSTILE, alt="a")
    assert "<script>" not in shown[0]["text/html"]
    assert "<script>" not in str(shown[1]["application/vnd.plotly.v1+json"])


def test_an_empty_table_becomes_a_sentence(shown):
    tables.show_table(pd.DataFrame({"A": []}), "caption", empty="Nothing to correct.")
    assert "Nothing to correct." in shown[0]["text/html"]


def test_the_daily_table_has_a_row_a_day_and_its_total_revenue(week):
    calls = build_calls([{"connected": True, "converted": True, "revenue_usd_micros": 1_234_500_000}])
    table = tables.wide_table(count_funnel(calls, week), "day")
    assert len(table) == 7
    assert list(table["Revenue (USD)"])[1] == "1,234.50"


def test_a_csv_keeps_numbers_and_disarms_formulas(tmp_path):
    path = tmp_path / "data" / "x.csv"
    frame = pd.DataFrame({"t": ["=1+1", "@x", "+1", "-1", "\tx", "plain", None], "n": [Decimal("-35.00")] * 7})
    tables.write_csv(frame, path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [row["t"] for row in rows] == ["'=1+1", "'@x", "'+1", "'-1", "'\tx", "plain", ""]
    assert {row["n"] for row in rows} == {"-35.00"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_funnel_csv_has_the_promised_columns_and_exact_money(tmp_path, week):
    calls = build_calls([{"connected": True, "converted": True, "revenue_usd_micros": 100_000}] * 3)
    tables.write_csv(count_funnel(calls, week).steps(), tmp_path / "funnel.csv")
    lines = (tmp_path / "funnel.csv").read_text().splitlines()
    assert lines[0] == "stage,calls,of_first_rate,of_previous_rate,revenue,payout"
    assert lines[3].startswith("converted,3,1.0,1.0,0.30,")


def test_the_funnel_figure_has_a_bar_a_stage_and_says_unknown(week):
    figure = funnelcharts.draw_funnel(count_funnel(build_calls([{"connected": True}], unknown=("paid",)), week))
    assert list(figure.data[0].text) == ["1 · 100.0% of all", "1 · 100.0% of all", "0 · 0.0% of all", "unknown"]


def test_a_form_can_be_scheduled_as_it_stands():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    chosen = resolve("02_verify_test_call", {"scenario": "guide_copied", "call_id": "RGB 1; rm"}, now)
    assert forms.schedule_line(chosen) == (
        "kayzen-nb run 02_verify_test_call --set scenario=guide_copied --set call_id='RGB 1; rm'"
    )


def test_days_are_scheduled_as_they_were_written_and_made_again_as_they_were():
    from datetime import UTC, datetime

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    chosen = resolve("03_funnel", {"period_start": "-7d", "period_end": "yesterday"}, now)
    assert forms.schedule_line(chosen) == "kayzen-nb run 03_funnel --set period_start=-7d --set period_end=yesterday"
    again = "kayzen-nb run 03_funnel --set period_start=2026-11-17 --set period_end=2026-11-23"
    assert forms.schedule_line(chosen, same_days=True) == again
    assert forms.schedule_line(resolve("03_funnel", {}, now)) == "kayzen-nb run 03_funnel"


def test_numbers_in_names_reach_no_chart_no_caption_and_no_alternative_text(shown, week):
    calls = build_calls([{"connected": True, "target": "Call Center 2125550188"}] * 3 + [{"target": "B"}])
    funnelcharts.show_groups(count_funnel(calls, week), "target")
    assert "2125550188" not in str(shown)
    assert "***-***-**88" in str(shown)
