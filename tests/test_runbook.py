"""The runbook: exactly the fields on the clipboard, nothing from a network, no key unless asked for."""

import csv
import io
import os
import shutil
import stat
import sys

import pytest

from kayzen_nb.errors import OutputFolderError, SettingsError
from kayzen_nb.lint import check_text, has_errors
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.planchange import set_value
from kayzen_nb.privacy import Secret
from kayzen_nb.runbook import (
    COLUMNS,
    build_runbook_html,
    runbook_csv,
    runbook_rows,
    write_private_runbook,
    write_runbook,
)

REQUIRED = os.environ.get("KAYZEN_NB_REQUIRE_BROWSER") == "1"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
KEY = Secret("s3cret-key-of-nobody")
PLAN = build_plan()
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"


def test_the_rows_hold_the_fields_in_the_order_of_ringbas_form():
    assert tuple(runbook_rows(PLAN)[0]) == COLUMNS == ("Pixel", "Name", "Fire Pixel On", "URL", "HTTP Method")
    assert [row["URL"] for row in runbook_rows(PLAN)] == [pixel.url for pixel in render(PLAN, None)]
    assert runbook_rows(PLAN, KEY)[5]["URL"] == render(PLAN, KEY)[5].url


def test_the_csv_is_what_the_linter_reads_and_finds_right():
    assert not has_errors(check_text(runbook_csv(PLAN, KEY)))
    assert {finding.code for finding in check_text(runbook_csv(PLAN))} >= {"KZ010"}


def test_no_cell_of_the_csv_begins_a_formula():
    from dataclasses import replace

    plan = replace(PLAN, pixels=(replace(PLAN.pixels[0], name="=1+1"), *PLAN.pixels[1:]))
    assert next(csv.DictReader(io.StringIO(runbook_csv(plan))))["Name"] == "'=1+1"


def test_the_page_leaves_the_key_out_and_marks_its_place_in_each_url():
    page = build_runbook_html(PLAN, "CTV Autumn")
    assert page.count("&amp;api_key=<mark>KAYZEN_PROVIDED</mark>&amp;") == 6
    assert "CTV Autumn" in page
    assert PLAN.content_hash in page
    assert "do not share" not in page


def test_the_page_says_what_is_inferred_and_what_kayzen_confirmed():
    from datetime import date

    plan = set_value(PLAN, "connected", "app_event", "answered", on=date(2026, 11, 20), by="Ana")
    page = build_runbook_html(plan, "")
    assert "Beyond the published guide: 1 confirmed by Kayzen, 6 inferred, to be confirmed." in page
    assert "confirmed by Kayzen on 2026-11-20 (Ana)" in page
    assert "Every value is as the published guide prints it." in build_runbook_html(build_plan("as_published"), "")


def test_the_printed_guides_page_warns_that_kayzen_cannot_tell_the_events_apart():
    assert "Before you begin" in build_runbook_html(build_plan("as_published"), "")
    assert "Before you begin" not in build_runbook_html(PLAN, "")


def test_files_without_the_key_hold_no_key(tmp_path):
    page, rows = write_runbook(PLAN, "CTV", tmp_path / "new" / "folder")
    assert (page.name, rows.name) == ("pixels-runbook.html", "pixels-runbook.csv")
    assert rows.read_bytes().startswith(b"\xef\xbb\xbfPixel,Name")
    assert page.read_text(encoding="utf-8") == build_runbook_html(PLAN, "CTV")
    assert sorted(p.name for p in page.parent.iterdir()) == ["pixels-runbook.csv", "pixels-runbook.html"]


def test_files_with_the_key_are_private_and_say_so_by_name_banner_and_title(tmp_path):
    for path in write_private_runbook(PLAN, "CTV", tmp_path, KEY):
        assert path.stem == "pixels-WITH-KEY-do-not-share"
        assert KEY.reveal() in path.read_text(encoding="utf-8")
        assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600
    page = (tmp_path / "pixels-WITH-KEY-do-not-share.html").read_text(encoding="utf-8")
    assert "This file holds the real Kayzen key." in page
    assert "HOLDS THE KEY" in page.partition("</title>")[0]
    assert "KAYZEN_PROVIDED" not in page


def test_without_a_key_no_private_runbook_is_written(tmp_path):
    with pytest.raises(SettingsError, match="no key to put in"):
        write_private_runbook(PLAN, "CTV", tmp_path, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_files_place_is_replaced_not_followed(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (tmp_path / "pixels-WITH-KEY-do-not-share.html").symlink_to(other)
    write_private_runbook(PLAN, "", tmp_path, KEY)
    assert other.read_text() == "mine"


def test_a_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputFolderError, match="cannot be written"):
        write_runbook(PLAN, "", tmp_path / "file")


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM and not REQUIRED:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    assert CHROMIUM, "KAYZEN_NB_REQUIRE_BROWSER is 1, but there is no Chromium"
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens a runbook from disk, offline; what it asks for and complains of is kept on the page object."""

    def open_runbook(campaign="CTV Autumn", *, width=1200, before="", key=None):
        path = tmp_path / "runbook.html"
        path.write_bytes(build_runbook_html(PLAN, campaign, key).encode())
        context = chromium.new_context(offline=True, viewport={"width": width, "height": 900})
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        if before:
            page.add_init_script(before)
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda line: page.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    return open_runbook


NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
REFUSING = "navigator.clipboard.writeText = () => Promise.reject(new Error('no'));"
# The way without a clipboard ends in the browser's own copy command; what is selected then is what it copies.
WATCH = "document.addEventListener('copy', () => { window.copied = document.activeElement.value; });"


def copied(page):
    return page.evaluate("navigator.clipboard.readText()")


def test_each_copy_button_puts_exactly_its_field_on_the_clipboard_and_says_so(open_page):
    page = open_page()
    expected = [field for p in render(PLAN, None) for field in (p.name, p.fire_on, p.url, p.method)]
    buttons = page.locator(".rb-copy")
    assert buttons.count() == 24
    for place, field in enumerate(expected):
        buttons.nth(place).click()
        page.wait_for_function(
            "place => document.querySelectorAll('.rb-copy')[place].textContent.startsWith('Copied')", arg=place
        )
        assert copied(page) == field
    assert page.locator(".rb-said").inner_text() == "HTTP Method copied."
    assert page.complaints == []


def test_a_copied_url_reminds_of_the_key_until_the_key_is_in_it(open_page):
    page = open_page()
    page.locator(".rb-copy").nth(2).click()
    page.wait_for_selector(".rb-said.rb-shown")
    assert page.locator(".rb-said").inner_text() == "URL copied. After pasting, replace KAYZEN_PROVIDED with your key."
    keyed = open_page(key=KEY)
    keyed.locator(".rb-copy").nth(2).click()
    keyed.wait_for_selector(".rb-said.rb-shown")
    assert keyed.locator(".rb-said").inner_text() == "URL copied."
    assert copied(keyed) == render(PLAN, KEY)[0].url


@pytest.mark.parametrize("before", [NO_CLIPBOARD, REFUSING])
def test_copying_works_where_the_browser_gives_scripts_no_clipboard(open_page, before):
    page = open_page(before=before + WATCH)
    page.locator(".rb-copy").nth(2).click()
    page.wait_for_selector(".rb-copy.rb-done")
    assert page.evaluate("window.copied") == render(PLAN, None)[0].url


def test_where_nothing_copies_the_field_is_selected_and_the_keys_are_named(open_page):
    page = open_page(before=NO_CLIPBOARD + "document.execCommand = () => false;")
    page.locator(".rb-copy").nth(2).click()
    page.wait_for_selector(".rb-said.rb-shown")
    assert "press Ctrl+C" in page.locator(".rb-said").inner_text()
    assert page.evaluate("getSelection().toString()").replace("\n", "") == render(PLAN, None)[0].url
    assert page.locator(".rb-done").count() == 0


def test_the_page_asks_nothing_of_a_network_and_runs_no_script_from_a_campaigns_name(open_page):
    page = open_page(HOSTILE)
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert HOSTILE in page.locator(".rb-facts").inner_text()
    assert [url for url in page.asked if not url.startswith("file:")] == []


def test_the_policy_stops_what_escaping_would_have_let_through(open_page, tmp_path):
    page = open_page("CAMPAIGN")
    path = tmp_path / "runbook.html"
    raw = path.read_text(encoding="utf-8").replace("CAMPAIGN", HOSTILE)
    path.write_bytes(raw.encode())
    page.reload()
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    path.write_bytes(raw.replace("Content-Security-Policy", "x-nothing").encode())
    page.reload()
    page.wait_for_function("window.pwned === 1")  # the proof that the lines above can fail


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_sticks_out_on_a_phone_or_a_desk(open_page, width):
    assert open_page(width=width).evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_there_are_tick_boxes_and_no_buttons(open_page):
    page = open_page(width=690)
    page.emulate_media(media="print")
    assert page.locator(".rb-copy:visible").count() == 0
    assert page.locator(".rb-card .rb-tick input:visible").count() == 6
    assert page.evaluate("document.documentElement.scrollWidth") <= 690
