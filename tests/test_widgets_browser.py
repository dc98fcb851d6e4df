"""The controls in a real JupyterLab, driven in Chromium: they work, and what it saves holds no key and no number.

"Save Widget State" is on, which is more than JupyterLab does by default. Keys reach the page through the environment of
the kernel or the keyboard only, so that a key in the saved file can only have come from a control.
"""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from nbformat import v4, write

from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret, written_forms

REQUIRED = os.environ.get("KAYZEN_NB_REQUIRE_BROWSER") == "1"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
KEY_OF_KERNEL, KEY_TYPED, KEY_UNANSWERED, KEY_PASTED = (f"CANARY-{n}-7Yq2ZkP0" for n in range(4))
PASTED = f"https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key={KEY_PASTED}&caller_id=%2B12135550142\n"
START = """
import os
from datetime import UTC, datetime
from pathlib import Path

from kayzen_nb import copybuttons, forms, keybox, parameters, pastebox
from kayzen_nb.pixels import build_plan
from kayzen_nb.privacy import Secret
from kayzen_nb.rehearsal import show_rehearsal
from kayzen_nb.runbook import write_private_runbook

open("pid", "w").write(str(os.getpid()))

class Run:
    typed_key = None
    parameters = parameters.resolve("02_verify_test_call", {}, datetime.now(UTC))

    def take_over(self, chosen):
        self.parameters = chosen

def take_key(typed):
    run.typed_key = typed

def write_urls():
    return f"Written: {len(write_private_runbook(build_plan(), 'CTV', Path('private'), run.typed_key))}"

def take(text):
    return f"{text.count('https://')} pixels taken, from {text.strip()}"

run, key = Run(), Secret(os.environ.pop("TEST_KEY"))
"""
CELLS = (
    START,
    "fields = copybuttons.show_copy_fields(build_plan, lambda: run.typed_key or key)",
    "box = keybox.show_key_box(take_key, write_urls)",
    "paste = pastebox.show_paste_box('Your pixels', take)",
    "sent = show_rehearsal(build_plan(), pause_s=0.7)",
    "forms.show_form(run)",
)


class Lab:
    """JupyterLab on loopback with one notebook, in a folder of its own; nothing of the person's settings is read."""

    def __init__(self, folder):
        self.folder, self.notebook, self.log = folder, folder / "work" / "n.ipynb", folder / "log"
        saving = folder / "settings" / "@jupyter-widgets" / "jupyterlab-manager" / "plugin.jupyterlab-settings"
        for path in (saving, self.notebook):
            path.parent.mkdir(parents=True)
        saving.write_text('{"saveState": true}')
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        write(v4.new_notebook(cells=[v4.new_code_cell(source) for source in CELLS], metadata=kernel), self.notebook)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.process = self._start()

    def _start(self):
        own = {f"JUPYTER_{kind}_DIR": str(self.folder / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"), "IPYTHONDIR": str(self.folder / "ipython")}
        own |= {"PYTHONPATH": str(Path(__file__).parents[1]), "TEST_KEY": KEY_OF_KERNEL, "KAYZEN_NB_HEADLESS": "0"}
        options = ["--no-browser", "--allow-root", f"--ServerApp.port={self.url.rpartition(':')[2]}"]
        options += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
        command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={self.notebook.parent}"]
        with self.log.open("w") as log:
            return subprocess.Popen(command, env=os.environ | own, cwd=self.folder, stdout=log, stderr=log)

    def wait(self):
        for _ in range(120):
            try:
                return urllib.request.urlopen(f"{self.url}/api/status", timeout=2).close()
            except OSError:
                time.sleep(0.5)
        raise AssertionError(self.log.read_text())

    @property
    def kernel(self):
        return int((self.notebook.parent / "pid").read_text())


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    if not CHROMIUM and not REQUIRED:
        pytest.skip("no Chromium on this machine (apt install chromium)")
    assert CHROMIUM, "KAYZEN_NB_REQUIRE_BROWSER is 1, but there is no Chromium"
    lab = Lab(tmp_path_factory.mktemp("lab"))
    try:
        lab.wait()
        yield lab
    finally:
        lab.process.terminate()
        lab.process.wait(20)


@pytest.fixture(scope="module")
def page(lab):
    """The notebook, opened and with its first cell run."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context(viewport={"width": 1366, "height": 768})
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=lab.url)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(f"{lab.url}/lab/tree/n.ipynb")
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        run_cell(page, 0)
        yield page
        chromium.close()


def run_cell(page, number):
    """Run one cell, from its editor. JupyterLab forgets a cell that is run while its kernel is still connecting."""
    cell = page.locator(".jp-CodeCell").nth(number)
    for _ in range(20):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(500)
        if cell.locator(".jp-InputPrompt").first.inner_text() != "[ ]:":
            break
    return cell


def save(lab, page):
    """Save as a person does; gives the file's text once it is written."""
    before = lab.notebook.stat().st_mtime_ns
    page.locator('.jp-NotebookPanel-toolbar [data-command="docmanager:save"]').first.click()
    for _ in range(100):
        page.wait_for_timeout(100)
        if lab.notebook.stat().st_mtime_ns != before and lab.notebook.read_text().rstrip().endswith("}"):
            return lab.notebook.read_text()
    raise AssertionError("the notebook was not saved")


def state_of(saved, model):
    """The saved state of a control, which proves that states were saved at all."""
    states = json.loads(saved)["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    return next(s["state"] for s in states.values() if s["state"].get("_anywidget_id", "").endswith(model))


def forms_in(saved, key):
    return [form for form in written_forms(key) if form in saved]


def test_a_copy_button_puts_the_whole_url_on_the_clipboard_and_no_key_into_the_notebook(lab, page):
    cell = run_cell(page, 1)
    cell.get_by_label("Copy URL of Converted").click()
    cell.get_by_text("✓ Copied, with the key of fingerprint").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == render(build_plan(), Secret(KEY_OF_KERNEL))[3].url
    saved = save(lab, page)
    assert Secret(KEY_OF_KERNEL).fingerprint in str(state_of(saved, "CopyFields"))
    assert forms_in(saved, KEY_OF_KERNEL) == []
    assert KEY_OF_KERNEL not in page.content()


def test_the_other_fields_are_copied_as_they_stand(page):
    page.get_by_label("Copy Fire Pixel On of Connected").click()
    page.get_by_text("✓ Copied.", exact=True).first.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "Connected (Answered)"


def test_a_browser_that_hides_its_clipboard_is_served_the_old_way(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    page.get_by_label("Copy URL of Payout").click()
    page.locator(".kz-pixel").nth(4).get_by_text("✓ Copied, with the key").wait_for()
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == render(build_plan(), Secret(KEY_OF_KERNEL))[4].url
    assert page.locator("body > textarea").count() == 0


def test_a_copy_that_fails_says_so_and_is_not_called_copied(lab, page):
    os.kill(lab.kernel, signal.SIGSTOP)
    try:
        page.get_by_label("Copy URL of Error").click()
        page.locator(".kz-pixel").nth(5).get_by_text("Not copied. No answer: a cell is running").wait_for()
    finally:
        os.kill(lab.kernel, signal.SIGCONT)
    assert page.locator(".kz-pixel").nth(5).get_by_text("✓").count() == 0


def test_a_typed_key_is_taken_twice_and_reaches_no_file(lab, page):
    cell = run_cell(page, 2)
    box = cell.locator("input[type=password]")
    for typed in ("KAYZEN_PROVIDED", "first-typed-key", KEY_TYPED):
        box.fill(typed)
        box.press("Enter")
        sign = "placeholder" if typed == "KAYZEN_PROVIDED" else Secret(typed).fingerprint
        cell.get_by_text(sign).last.wait_for()
        assert box.input_value() == ""
    saved = save(lab, page)
    assert Secret(KEY_TYPED).fingerprint in state_of(saved, "KeyBox")["answer"]
    assert forms_in(saved, KEY_TYPED) == []
    page.get_by_label("Copy URL of Incoming").click()
    page.locator(".kz-pixel").nth(0).get_by_text(Secret(KEY_TYPED).fingerprint).last.wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == render(build_plan(), Secret(KEY_TYPED))[0].url


def test_the_private_file_is_written_on_a_click_and_is_its_owners_alone(lab, page):
    cell = page.locator(".jp-CodeCell").nth(2)
    cell.get_by_role("button", name="Write the six URLs with the key to a private file").click()
    cell.get_by_text("Written: 2").wait_for()
    files = list((lab.notebook.parent / "private").iterdir())
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * len(files)
    assert all(KEY_TYPED in path.read_text() for path in files)
    assert forms_in(save(lab, page), KEY_TYPED) == []


def test_a_key_typed_while_the_kernel_does_not_answer_is_not_saved_either(lab, page):
    """``ipywidgets.Password`` fails here: its value waits in the saved state."""
    box = page.locator("input[type=password]")
    os.kill(lab.kernel, signal.SIGSTOP)
    try:
        box.fill(KEY_UNANSWERED)
        box.press("Enter")
        saved = save(lab, page)
    finally:
        os.kill(lab.kernel, signal.SIGCONT)
    assert forms_in(saved, KEY_UNANSWERED) == []
    page.get_by_text(f"Key taken, fingerprint {Secret(KEY_UNANSWERED).fingerprint}").wait_for()


def test_pasted_text_is_taken_the_box_empties_and_nothing_of_it_is_saved(lab, page):
    cell = run_cell(page, 3)
    area = cell.get_by_label("Your pixels")
    cell.get_by_role("button", name="Read the pasted text").click()
    cell.get_by_text("The box is empty").wait_for()
    area.fill(PASTED)
    assert forms_in(save(lab, page), KEY_PASTED) == []
    cell.get_by_role("button", name="Read the pasted text").click()
    cell.get_by_text("1 pixels taken, from").wait_for()
    assert area.input_value() == ""
    saved = save(lab, page)
    assert "api_key=«removed»" in state_of(saved, "PasteBox")["answer"]
    assert forms_in(saved, KEY_PASTED) == []
    assert "5550142" not in saved


def test_events_are_seen_arriving_while_the_cell_runs(lab, page):
    cell = run_cell(page, 4)
    cell.get_by_text("2 of 6 arrived, 2 good.").wait_for()
    assert cell.locator(".jp-InputPrompt").inner_text() == "[*]:"
    cell.get_by_text("6 of 6 arrived, 6 good.").wait_for()
    assert cell.locator("tbody tr").count() == 6
    saved = save(lab, page)
    assert "6 of 6 arrived" in saved
    assert "sandbox-kayzen-key" not in saved
    assert "5550123" not in saved


def test_the_form_shows_each_help_text_and_fits_a_laptop(page):
    cell = run_cell(page, 5)
    cell.get_by_text("Use these values").wait_for()
    cell.get_by_text("IANA time zone in which days begin").wait_for()
    assert cell.locator(".jp-OutputArea").evaluate("node => node.scrollWidth - node.clientWidth") == 0
    cell.get_by_text("Use these values").click()
    cell.get_by_text("kayzen-nb run 02_verify_test_call").wait_for()
    if folder := os.environ.get("KAYZEN_NB_SCREENSHOTS"):
        for number in range(1, len(CELLS)):
            page.locator(".jp-CodeCell").nth(number).screenshot(path=f"{folder}/cell{number}.png")
