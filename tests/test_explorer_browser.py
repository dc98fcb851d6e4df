"""The explorer in a real JupyterLab, driven in Chromium: choose, click a bar, see its calls, take the line to schedule."""

import os

import pytest
import test_widgets_browser as lab_tests
from test_widgets_browser import CHROMIUM, REQUIRED, Lab, run_cell, save

START = """
from datetime import UTC, datetime

from kayzen_nb import explorer, funnel, job

source, period_start, period_end, time_zone = "sandbox", "2026-11-02", "2026-11-15", "America/New_York"
run = job.start("03_funnel", globals())
counted = funnel.count_funnel(run.fetch_calls(), run.period)
open("pid", "w").write("0")
"""
CELLS = (START, "explored = explorer.explore(counted, run.parameters, view='state')")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if not CHROMIUM and not REQUIRED:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lab_tests, "CELLS", CELLS)
        patched.setenv("KAYZEN_NB_HOME", str(tmp_path_factory.mktemp("home")))
        lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        lab.wait()
        yield lab
    finally:
        lab.process.terminate()
        lab.process.wait(20)


@pytest.fixture(scope="module")
def page(lab):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_context(viewport={"width": 1366, "height": 1400}).new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{lab.url}/lab/tree/n.ipynb")
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        for number in (0, 1):
            run_cell(page, number)
        page.locator(".jp-CodeCell").nth(1).locator(".js-plotly-plot .bars .point").first.wait_for()
        yield page
        chromium.close()


@pytest.fixture
def cell(page):
    return page.locator(".jp-CodeCell").nth(1)


def choose(cell, label, option):
    cell.get_by_label(label, exact=True).select_option(label=option)


def photograph(cell, name):
    if folder := os.environ.get("KAYZEN_NB_SCREENSHOTS"):
        cell.screenshot(path=f"{folder}/{name}.png")


def test_the_start_view_is_shown_and_another_choice_redraws_it(cell):
    cell.get_by_text("Calls by State: most at").wait_for()
    photograph(cell, "explorer1")
    choose(cell, "Show", "Converted, of connected calls")
    choose(cell, "divided by", "Target")
    cell.get_by_text("Converted, of connected calls by Target:").first.wait_for()
    cell.locator(".js-plotly-plot .bars .point").nth(1).wait_for()  # the sentence comes before the redrawn bars
    photograph(cell, "explorer2")


def test_a_click_on_a_bar_lists_its_calls_masked(cell):
    cell.locator(".js-plotly-plot .bars .point").first.click(force=True)
    cell.get_by_text("The connected calls of which the rate is a share:").wait_for()
    cell.get_by_text("The first 50 of").wait_for()
    assert cell.locator("td", has_text="***-***-**").count() >= 50
    photograph(cell, "explorer3")


def test_two_dimensions_become_a_field_of_numbers_that_can_be_clicked_too(cell):
    choose(cell, "Show", "Calls")
    choose(cell, "and by", "Hour")
    cell.locator(".js-plotly-plot .heatmaplayer image").first.wait_for()
    photograph(cell, "explorer4")
    cell.locator(".js-plotly-plot .nsewdrag").first.click(force=True)
    cell.get_by_text("Calls: ").first.wait_for()
    photograph(cell, "explorer5")


def test_the_view_can_be_scheduled_as_it_stands(cell):
    cell.get_by_role("button", name="Schedule this view").click()
    area = cell.locator(".kz-schedule textarea")
    area.wait_for()
    assert "--set view='target by hour'" in area.input_value()
    assert 'view: "target by hour"' in area.input_value()
    photograph(cell, "explorer6")


def test_calls_are_saved_as_a_file_of_their_owner_and_the_notebook_holds_no_number(lab, page, cell):
    cell.get_by_role("button", name="Save as CSV").click()
    cell.get_by_text("calls saved, numbers masked:").wait_for()
    [path] = (lab.notebook.parent / "data").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "55501" not in path.read_text()
    saved = save(lab, page)
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert "55501" not in saved.replace("\\", "")
