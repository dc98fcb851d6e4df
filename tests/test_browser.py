"""The page in a real browser, offline: charts drawn, nothing asked of a network, nothing in data runs."""

import os
import shutil

import pytest
from nbformat import v4

from kayzen_nb.page import build_page
from kayzen_nb.report import run_notebook

REQUIRED = os.environ.get("KAYZEN_NB_REQUIRE_BROWSER") == "1"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HOSTILE = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>",
    '<a href="javascript:window.pwned=1">x</a>',
    "</script><script>window.pwned=1</script>",
]
RECORD = {
    "notebook": "03_funnel",
    "verdict": "fail",
    "headline": HOSTILE[1],
    "checks": [{"name": HOSTILE[2], "verdict": "fail", "expected": "", "found": HOSTILE[0], "next_step": HOSTILE[1]}],
    "parameters": {"campaign": HOSTILE[0]},
    "as_of": "2026-11-24T14:05:00+00:00",
    "invented": True,
    "rerun": HOSTILE[0],
}


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM and not REQUIRED:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    assert CHROMIUM, "KAYZEN_NB_REQUIRE_BROWSER is 1, but there is no Chromium"
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Opened:
    """A page opened from disk without a network, with all it asked for and all it complained of."""

    def __init__(self, browser, path, width=1200):
        self.page = browser.new_context(offline=True, viewport={"width": width, "height": 900}).new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())

    def count(self, selector):
        return self.page.locator(selector).count()

    def wait_for_charts(self):
        """Until every chart's place holds a drawing."""
        self.page.wait_for_function(
            "[...document.querySelectorAll('.kz-plot')].every(plot => plot.querySelector('.main-svg'))"
        )


@pytest.fixture(scope="module")
def funnel_page(tmp_path_factory):
    """The funnel's page of a run on invented data."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAYZEN_NB_HOME", str(home))
        return run_notebook("03_funnel", {}, home / "funnel").folder / "report.html"


@pytest.fixture
def hostile_page(tmp_path):
    """A page whose every place that data can reach holds an attack."""
    figure = {
        "data": [{"type": "bar", "orientation": "h", "x": [1] * 5, "y": HOSTILE, "text": HOSTILE, "name": HOSTILE[1]}],
        "layout": {"title": {"text": HOSTILE[1]}, "height": 300, "xaxis": {"title": {"text": HOSTILE[0]}}},
    }
    chart = v4.new_output(
        "display_data",
        data={"application/vnd.plotly.v1+json": figure, "text/plain": HOSTILE[1]},
        metadata={"kayzen-nb": {"alt": f'"{HOSTILE[1]}'}},
    )
    # As if escaping had been forgotten: the page's own policy is the second wall.
    raw = v4.new_output("display_data", data={"text/html": "".join(HOSTILE), "text/plain": "x"})
    node = v4.new_notebook(cells=[v4.new_markdown_cell("# Q"), v4.new_code_cell("x", outputs=[chart, raw])])
    path = tmp_path / "hostile.html"
    path.write_bytes(build_page(node, RECORD).encode())
    return path


def test_the_funnels_page_opens_from_disk_with_living_charts_and_no_network(browser, funnel_page):
    opened = Opened(browser, funnel_page)
    opened.wait_for_charts()
    assert opened.count(".kz-plot") >= 2
    assert opened.count(".kz-plot .bars .point") >= 3
    assert opened.requests == [funnel_page.as_uri()]
    assert opened.complaints == []


def test_a_chart_answers_the_pointer(browser, funnel_page):
    opened = Opened(browser, funnel_page)
    opened.wait_for_charts()
    opened.page.locator(".kz-plot .bars .point path").first.hover(force=True)
    opened.page.wait_for_selector(".hoverlayer .hovertext")


def test_the_verdict_is_seen_without_scrolling_and_no_code_is(browser, funnel_page):
    opened = Opened(browser, funnel_page)
    box = opened.page.locator(".kz-headline").bounding_box()
    assert box["y"] + box["height"] < 500
    assert "job.start" not in opened.page.content()
    assert opened.count("h1") == 1


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out_on_a_phone_or_a_desk(browser, funnel_page, width):
    opened = Opened(browser, funnel_page, width)
    opened.wait_for_charts()
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def test_charts_fit_the_paper_when_printed(browser, funnel_page):
    opened = Opened(browser, funnel_page)
    opened.wait_for_charts()
    widths = "() => [...document.querySelectorAll('.main-svg')].map(svg => svg.getBoundingClientRect().width)"
    assert max(opened.page.evaluate(widths)) > 700
    opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert max(opened.page.evaluate(widths)) <= 670
    opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    opened.page.wait_for_function(f"Math.max(...({widths})()) > 700")


def test_no_script_from_data_runs(browser, hostile_page):
    opened = Opened(browser, hostile_page)
    opened.wait_for_charts()
    opened.page.wait_for_timeout(300)  # time for an onerror to fire, if one could
    assert opened.page.evaluate("window.pwned") is None
    assert HOSTILE[1] in opened.page.locator(".kz-headline").inner_text()
    assert [url for url in opened.requests if not url.startswith("file:")] == []


def test_the_attacks_would_run_without_the_pages_policy(browser, hostile_page):
    """The proof that the test above can fail."""
    text = hostile_page.read_text(encoding="utf-8")
    hostile_page.write_bytes(text.replace("Content-Security-Policy", "x-nothing").encode())
    opened = Opened(browser, hostile_page)
    opened.page.wait_for_function("window.pwned === 1")
