"""The page: verdict first, no code, one plotly.js, scripts from data inert."""

import base64
import hashlib
import json
import re

import pytest
from nbformat import v4

from kayzen_nb.errors import Problem
from kayzen_nb.page import build_failure_page, build_index, build_page, describe_moment

RECORD = {
    "notebook": "03_funnel",
    "parameters": {"source": "sandbox", "campaign": ""},
    "verdict": "fail",
    "headline": "Rung 2 of 5 <b>&",
    "checks": [
        {"name": "right content", "verdict": "fail", "expected": "a", "found": "b", "next_step": "Correct it."},
        {"name": "fired", "verdict": "pass", "expected": "a", "found": "a", "next_step": ""},
        {"name": "order", "verdict": "fail", "expected": "a", "found": "c", "next_step": "Correct it."},
    ],
    "ledger": {"rows_in": 12, "rows_used": 10, "set_aside": [{"reason": "repeated", "rows": 2}]},
    "period_start": "2026-11-01",
    "period_end": "2026-11-07",
    "time_zone": "America/New_York",
    "as_of": "2026-11-24T14:05:00+00:00",
    "inputs": [{"name": "calls.csv", "sha256": "ab" * 32}],
    "invented": True,
    "plan_hash": "0123456789ab",
    "rerun": "kayzen-nb run 03_funnel",
}
FIGURE = {
    "data": [{"type": "bar", "x": [1, 2], "y": ["</script><script>window.pwned=1</script>", "b"]}],
    "layout": {"title": {"text": "Most are &lt;lost&gt;"}, "height": 300},
}


def shown(mime, value, **metadata):
    return v4.new_output("display_data", data={mime: value, "text/plain": "words"}, metadata=metadata)


def code(*outputs, tags=(), source="secret_code = 1"):
    return v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def page_of(*cells, **record):
    node = v4.new_notebook(cells=[v4.new_markdown_cell("# Where do calls get lost?\n\nIntro."), *cells])
    return build_page(node, RECORD | record)


def chart():
    return code(shown("application/vnd.plotly.v1+json", FIGURE, **{"kayzen-nb": {"alt": 'Bars of "calls"'}}))


def table(*rows):
    head = "<tr><th>Stage</th><th>Calls</th><th>Answer</th><th>Next step</th></tr>"
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    html = (
        f'<figure class="kz-table"><figcaption>Funnel</figcaption><table><thead>{head}</thead>{body}</table></figure>'
    )
    return code(shown("text/html", html))


def test_the_question_is_the_title_and_the_only_first_heading():
    page = page_of(v4.new_markdown_cell("## Part"))
    assert "<title>Where do calls get lost?</title>" in page
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", page) == ["Where do calls get lost?"]
    assert "Intro." in page
    assert '<html lang="en">' in page


def test_the_verdict_stands_before_everything_else_escaped():
    page = page_of(v4.new_markdown_cell("## Part"))
    assert page.index("Rung 2 of 5 &lt;b&gt;&amp;") < page.index("Intro.")
    assert "3 checks: 1 passed, 2 failed." in page
    assert "12 read, 10 used, 2 set aside" in page
    assert "24 Nov 2026, 09:05 (America/New_York)" in page


def test_a_next_step_that_two_checks_ask_for_is_said_once_on_top():
    assert page_of().count("Correct it.") == 1


def test_code_logs_errors_and_cells_for_the_notebook_only_are_left_out():
    error = v4.new_output("error", ename="ValueError", evalue="the trouble", traceback=["the trouble"])
    log = v4.new_output("stream", name="stderr", text="a log line")
    hidden = code(shown("text/html", "<p>a form</p>"), tags=["notebook-only"])
    page = page_of(code(error, log), hidden, v4.new_markdown_cell("byword", metadata={"tags": ["notebook-only"]}))
    for absent in ("secret_code", "the trouble", "a log line", "a form", "byword"):
        assert absent not in page


def test_plotly_is_inlined_once_for_two_charts_and_not_at_all_without():
    with_charts, without = page_of(chart(), chart()), page_of()
    assert with_charts.count("plotly.js v") == 1
    assert with_charts.count('class="kz-plot"') == 2
    assert len(without) < 40_000
    assert "<script" not in without


def test_a_chart_has_its_words_its_caption_and_no_way_out_of_its_values():
    page = page_of(chart())
    assert 'aria-label="Bars of &quot;calls&quot;"' in page or "aria-label='Bars of \"calls\"'" in page
    assert "<figcaption>Most are &lt;lost&gt;</figcaption>" in page
    assert "window.pwned=1</script>" not in page
    values = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert json.loads(values[1])["data"] == FIGURE["data"]


def test_every_running_script_is_allowed_by_its_hash_and_no_other():
    page = page_of(chart())
    policy = re.search(r'Content-Security-Policy"? content="([^"]*)"|content="([^"]*)" http-equiv', page)
    allowed = set(re.findall(r"'sha256-([^']+)'", policy[0]))
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert {base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts} == allowed
    assert len(allowed) == 2
    assert "'unsafe-inline'" not in re.search("script-src[^;]*", policy[0])[0]


def test_a_page_without_a_chart_allows_no_script():
    assert "script-src 'none'" in page_of(code(shown("text/html", "<p>x</p>")))


def test_nothing_is_loaded_from_an_address():
    page = re.sub(r"<script>.*?</script>", "", page_of(chart()), flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.findall(r"@import|url\(", page)


def test_numbers_stand_right_gaps_do_not_disturb_and_empty_columns_go():
    page = page_of(table(("Incoming", "1,234", "✓ pass", ""), ("Payout", "unknown", "✗ fail", "")))
    assert '<td class="kz-num">1,234</td>' in page
    assert '<td class="kz-num">unknown</td>' in page
    assert '<td class="kz-pass">✓ pass</td>' in page
    assert "Next step" not in page
    assert re.search('<th [^>]*scope="col"', page)


@pytest.mark.parametrize("verdict", ["pass", "fail", "unknown"])
def test_a_verdict_is_word_and_sign_not_colour_alone(verdict):
    page = page_of(verdict=verdict)
    answer = re.search(r'<span class="kz-answer">(.*?)</span>', page, re.DOTALL)[1]
    assert "<svg" in answer
    assert verdict.capitalize() in answer


def test_only_invented_data_wear_the_banner():
    assert "Invented data" in page_of()
    assert "Invented data" not in page_of(invented=False)


def test_the_footer_says_where_the_page_comes_from():
    page = page_of()
    for said in (
        "calls.csv (SHA-256 abababab",
        "0123456789ab",
        "kayzen-nb run 03_funnel",
        "(empty)",
        "notebook 03_funnel",
    ):
        assert said in page


def test_a_failure_page_says_what_where_next_and_leads_to_the_last_good_report():
    problem = Problem(what="The <file> is cut.", where="line 7", next_step="Export it again.")
    page = build_failure_page(RECORD, "Where?", [problem], "24 Nov 2026")
    for said in ("The &lt;file&gt; is cut.", "line 7", "Export it again.", "../report.html", "24 Nov 2026"):
        assert said in page


def test_the_index_leads_to_each_page():
    card = {"title": "Funnel", "verdict": "pass", "headline": "All <well>", "about": "x", "href": "03/report.html"}
    page = build_index([card], title="Demo", lead="Lead")
    assert 'href="03/report.html"' in page
    assert "All &lt;well&gt;" in page


def test_a_moment_is_told_in_the_pages_zone():
    assert describe_moment("2026-11-24T03:05:00+00:00", "America/Denver") == "23 Nov 2026, 20:05 (America/Denver)"
