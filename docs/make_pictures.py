"""Make the README's pictures: ``python docs/make_pictures.py``. Invented data; needs Chromium; loopback only.

Pages come from runs of the notebooks, the rest from a real JupyterLab in which every cell was run.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from kayzen_nb.report import run_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PAGES = {
    "setup-page.png": ("01_setup_pixels", {"pixels_path": str(ROOT / "tests" / "guide.txt")}, 760),
    "verify-page.png": ("02_verify_test_call", {"scenario": "guide_copied"}, 1120),
    "funnel-page.png": ("03_funnel", {"scenario": "target_died"}, 1500),
}
LAB = {
    "setup-lab.png": ("01_setup_pixels.ipynb", ".kz-copy", 0),
    "rehearsal-lab.png": ("02_verify_test_call.ipynb", "text=6 of 6 arrived", 60),
}


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        os.environ["KAYZEN_NB_HOME"] = f"{work}/home"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name, (notebook, values, height) in PAGES.items():
            page = browser.new_page(viewport={"width": 1100, "height": height})
            page.goto((run_notebook(notebook, values, Path(work) / name).folder / "report.html").as_uri())
            page.screenshot(path=PICTURES / name)
        shutil.copytree(ROOT / "notebooks", f"{work}/notebooks")
        with _lab(Path(work)) as url:
            for name, (notebook, selector, above) in LAB.items():
                _picture_of_lab(browser, f"{url}/lab/tree/{notebook}", selector, above, PICTURES / name)
        browser.close()


def _picture_of_lab(browser: Any, url: str, selector: str, above: int, path: Path) -> None:
    """Run every cell, scroll to what the picture is about, and take it."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(120_000)
    page.goto(url)
    page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    page.wait_for_timeout(5000)  # JupyterLab forgets cells that are run while it is still connecting to the kernel
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").first.evaluate(
        "panel => panel.scrollTo(0, 0)"
    )
    if (no_news := page.get_by_role("button", name="No", exact=True)).count():
        no_news.click()
    page.wait_for_timeout(15_000)  # JupyterLab draws only what is near the view, so there is nothing to wait for
    panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").first
    for _ in range(150):
        if page.locator(selector).count():
            break
        panel.evaluate("panel => panel.scrollBy(0, 300)")
        page.wait_for_timeout(250)
    page.locator(selector).first.scroll_into_view_if_needed()
    panel.evaluate(f"panel => panel.scrollBy(0, {above})")
    page.wait_for_timeout(800)
    page.screenshot(path=path)
    page.close()


@contextmanager
def _lab(work: Path) -> Iterator[str]:
    """A JupyterLab on loopback, on a copy of the notebooks, without anybody's settings."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": f"{work}/{kind}" for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": f"{work}/settings", "IPYTHONDIR": f"{work}/ipython", "KAYZEN_NB_HEADLESS": "0"}
    options = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={work}/notebooks"]
    options += ["--LabApp.extension_manager=readonly", "--LabApp.news_url=None"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    with (work / "log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/api/status", timeout=2).close()  # noqa: S310  # loopback
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    main()
