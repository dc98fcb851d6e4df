"""The evidence page in a real browser, offline: fits phone, desk and paper; nothing in data runs or asks a network."""

import re

import pytest

from tests.test_browser import Opened, browser  # noqa: F401  # the fixture, used by name
from tests.test_evidencepack import CALL_ID, CALLS, text_of


@pytest.fixture
def page_of(tmp_path):
    """Writes a call's page and gives its path."""

    def write(name):
        path = tmp_path / f"{name}.html"
        path.write_bytes(text_of(name, "evidence.html").encode())
        return path

    return write


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("name", CALLS)
def test_nothing_sticks_out_on_a_phone_or_a_desk(browser, page_of, name, width):  # noqa: F811  # as above
    opened = Opened(browser, page_of(name), width)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.complaints == []


def test_the_page_opens_offline_with_its_picture(browser, page_of):  # noqa: F811  # as above
    path = page_of("refused")
    opened = Opened(browser, path)
    assert opened.page.evaluate("document.querySelector('.ev-picture img').naturalWidth") == 1600
    assert [url for url in opened.requests if not url.startswith("data:")] == [path.as_uri()]


def test_the_verdict_is_seen_without_scrolling_and_the_call_id_can_be_copied_whole(browser, page_of):  # noqa: F811  # as above
    opened = Opened(browser, page_of("refused"))
    box = opened.page.locator(".kz-headline").bounding_box()
    assert box["y"] + box["height"] < 500
    assert opened.page.locator(".ev-id").inner_text() == CALL_ID


def test_no_script_from_data_runs(browser, page_of):  # noqa: F811  # as above
    path = page_of("attacked")
    text = path.read_text(encoding="utf-8").replace("&lt;script&gt;", "<script>window.pwned=1</script><script>")
    path.write_bytes(text.encode())  # as if escaping had been forgotten: the page's policy is the second wall
    opened = Opened(browser, path)
    assert opened.page.evaluate("window.pwned") is None
    path.write_bytes(text.replace("Content-Security-Policy", "x-nothing").encode())
    assert Opened(browser, path).page.evaluate("window.pwned") == 1


def test_it_prints_on_a_few_pages_of_a4(browser, page_of):  # noqa: F811  # as above
    opened = Opened(browser, page_of("refused"))
    printed = opened.page.pdf(format="A4", prefer_css_page_size=False)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6
