"""Pixels in any shape that people have: the same six come out."""

import csv
import html
import io
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.account import Pixel, event_of
from kayzen_nb.errors import PixelListError
from kayzen_nb.pixellist import MOST_PIXELS, read_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

SIX = render(build_plan(), Secret("0123abcd"))
URLS = [pixel.url for pixel in SIX]
EVENTS = list(Event)


def table(mark, titles=("Name", "Fire Pixel On", "HTTP Method", "URL"), *, with_titles=True):
    fields = {"Name": "name", "Fire Pixel On": "fire_on", "HTTP Method": "method", "URL": "url"}
    out = io.StringIO()
    writer = csv.writer(out, delimiter=mark, quoting=csv.QUOTE_ALL if mark == ";" else csv.QUOTE_MINIMAL)
    if with_titles:
        writer.writerow(titles)
    writer.writerows([[getattr(pixel, fields[title]) for title in titles] for pixel in SIX])
    return out.getvalue()


def guide_like(separator=": ", order=("Name", "Fire Pixel On", "HTTP Method", "URL")):
    """The fields of the form, one a line, with their values beside or (separator: a line break) under them."""
    fields = {"Name": "name", "Fire Pixel On": "fire_on", "HTTP Method": "method", "URL": "url"}
    return "\n\n".join(
        "\n".join(f"{title}{separator}{getattr(pixel, fields[title])}" for title in order) for pixel in SIX
    )


def api(**more):
    return [
        {"id": f"EV{n}", "name": p.name, "pixelUrl": p.url, "eventCode": p.fire_on, "method": "GET"} | more
        for n, p in enumerate(SIX)
    ]


FORM_ORDER = ("Name", "Fire Pixel On", "URL", "HTTP Method")
WHOLE = {
    "the guide's text": guide_like(),
    "bulleted": guide_like().replace("Name: ", "- Name: ").replace("URL: ", "- URL:\n  ```text\n  "),
    "bold labels": guide_like().replace("Name:", "**Name:**").replace("URL:", "**URL:**"),
    "Ringba's form, values under labels": guide_like("\n", FORM_ORDER),
    "Ringba's form, values beside labels": guide_like("\t", FORM_ORDER),
    "Ringba's form, blanks between": guide_like("    ", FORM_ORDER),
    "CSV": table(","),
    "CSV of a German Excel": "sep=;\r\n" + table(";"),
    "TSV": table("\t"),
    "CSV, other order": table(",", ("URL", "HTTP Method", "Name", "Fire Pixel On")),
    "CSV without titles": table(",", with_titles=False),
    "TSV without titles, other order": table("\t", ("HTTP Method", "URL", "Fire Pixel On", "Name"), with_titles=False),
    "CSV with a byte-order mark": "\ufeff" + table(","),
    "markdown table": "| Name | Fire Pixel On | HTTP Method | URL |\n|---|:---|---|---|\n"
    + "\n".join(f"| {p.name} | {p.fire_on} | {p.method} | `{p.url}` |" for p in SIX),
    "HTML table": "<table><tr><th>Name</th><th>Fire Pixel On</th><th>HTTP Method</th><th>URL</th></tr>\n"
    + "\n".join(
        f"  <tr>\n<td>{p.name}</td>\n<td>{p.fire_on}</td><td>{p.method}</td><td><code>{html.escape(p.url)}</code></td></tr>"
        for p in SIX
    )
    + "</table>",
    "JSON list": json.dumps(
        [{"name": p.name, "fire_on": p.fire_on, "method": p.method, "url": p.url} for p in SIX], indent=2
    ),
    "JSON lines": "\n".join(
        json.dumps({"name": p.name, "fire pixel on": p.fire_on, "http_method": p.method, "URL": p.url}) for p in SIX
    ),
    "JSON in a fence": "```json\n" + json.dumps(api()) + "\n```",
    "the API's pixels": json.dumps({"transactionId": "x", "eventCallBacks": api()}),
    "the API's pixels, deeper": json.dumps({"report": {"pixels": api()}}),
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("shape", WHOLE)
def test_the_planned_six_are_read_back_whole(shape, ends):
    read = read_pixels(WHOLE[shape].replace("\r\n", "\n").replace("\n", ends))
    assert [(p.name, p.event, p.fire_on, p.method, p.url) for p in read] == [
        (p.name, p.event, p.fire_on, p.method, p.url) for p in SIX
    ]


WITH_EVENTS = {
    "a heading above each": "\n".join(f"{p.fire_on}\n{p.url}" for p in SIX),
    "a numbered heading": "\n\n".join(f"#### Pixel {n}: {p.fire_on}\n{p.url}" for n, p in enumerate(SIX, 1)),
    "a word before each": "\n".join(f"{p.event}: {p.url}" for p in SIX),
    "a bullet and a dash": "\n".join(f"* {p.event} - {p.url}" for p in SIX),
    "JSON by name": json.dumps({p.event: p.url for p in SIX}),
    "HTML list of links": "<ul>" + "".join(f'<li>{p.event}: <a href="{html.escape(p.url)}">pixel</a></li>' for p in SIX)
    + "</ul>",
}  # fmt: skip


@pytest.mark.parametrize("shape", WITH_EVENTS)
def test_a_word_beside_the_url_tells_the_event(shape):
    read = read_pixels(WITH_EVENTS[shape])
    assert [(p.event, p.url) for p in read] == list(zip(EVENTS, URLS, strict=True))


ONLY_URLS = {
    "one a line": "\n".join(URLS),
    "blank lines between": "\n\n\n".join(URLS),
    "several on one line": " ".join(URLS),
    "commas between": ", ".join(URLS),
    "in quotes": "\n".join(f'"{u}"' for u in URLS),
    "in Windows quotes": "\n".join(f"\x93{u}\x94" for u in URLS),
    "in smart quotes": "\n".join(f"“{u}”" for u in URLS),
    "in angle brackets": "\n".join(f"<{u}>" for u in URLS),
    "in backticks": "\n".join(f"`{u}`" for u in URLS),
    "markdown links": "\n".join(f"- [pixel]({u})" for u in URLS),
    "quoted in an e-mail": "\n".join(f"> {u}" for u in URLS),
    "in prose, with a link to elsewhere": "See https://support.example/hc/pixels first.\n\n"
    + "\n".join(f"Please use {u}." for u in URLS),
    "JSON list": json.dumps(URLS),
}


@pytest.mark.parametrize("shape", ONLY_URLS)
def test_urls_alone_are_read_as_they_stand(shape):
    assert [p.url for p in read_pixels(ONLY_URLS[shape])] == URLS


@pytest.mark.parametrize("width", [25, 40, 72, 76, 100, 250])
def test_a_wrapped_url_is_one_url_with_its_line_breaks(width):
    text = "\n\n".join("\n".join(u[at : at + width] for at in range(0, len(u), width)) for u in URLS)
    assert [p.url.replace("\n", "") for p in read_pixels(text)] == URLS


@pytest.mark.parametrize("number", [0, 3])
def test_a_line_break_anywhere_after_the_scheme_is_kept(number):
    url = URLS[number]
    broken = [f"{url[:at]}\n{url[at:]}" for at in range(9, len(url) - 1)]
    assert [[p.url for p in read_pixels(text)] for text in broken] == [[text] for text in broken]


def test_white_space_inside_and_after_a_url_is_kept_and_a_remark_is_not():
    url = URLS[0].replace("&number", " &number").replace("=incoming", "= incoming")
    assert read_pixels(f"{url} \n{URLS[1]}\n")[0].url == f"{url} "
    assert read_pixels(f"{url} GET (Incoming)")[0].url == url


def test_a_defanged_url_stays_as_it_is():
    assert read_pixels(URLS[0].replace("https", "hxxps"))[0].url.startswith("hxxps://")


@pytest.mark.parametrize("start", ["http://", "htps://", "ttps://", "https:/", "https//", "https :// ", ""])
def test_a_damaged_scheme_is_still_a_url(start):
    url = URLS[0].replace("https://", start)
    assert [p.url for p in read_pixels(f"{url}\n{URLS[1]}")] == [url, URLS[1]]


def test_an_unknown_event_code_leaves_the_event_to_the_name():
    read = read_pixels(json.dumps({"pixels": api(eventCode=7, enabled=False)}))
    assert [(p.event, p.fire_on, p.id, p.enabled) for p in read] == [
        (event, "7", f"EV{n}", False) for n, event in enumerate(EVENTS)
    ]
    (nameless,) = read_pixels(json.dumps([{"pixelUrl": URLS[0], "eventCode": 7, "name": "TV"}]))
    assert (nameless.event, nameless.enabled) == (None, None)


def test_words_that_may_stand_under_their_urls_name_none():
    read = read_pixels("\n".join(f"{p.url}\n{p.fire_on}" for p in SIX))
    assert [(p.name, p.event, p.url) for p in read] == [("", None, url) for url in URLS]


def test_json_pasted_from_a_program_is_read_and_markup_ends_a_url():
    assert [p.event for p in read_pixels(f"const pixels = {json.dumps(api())};")] == EVENTS
    assert [p.url for p in read_pixels(f"<pixel><url>{URLS[0]}</url></pixel>")] == URLS[:1]


def test_half_a_paste_gives_what_is_there():
    cut = guide_like().split("\n\n")[0] + "\n\nName: Kayzen CTV - Connected Postback\nFire Pixel On: Connected"
    assert [p.event for p in read_pixels(cut)] == [Event.INCOMING]
    half_json = json.dumps(api())[:-40]
    assert [p.url for p in read_pixels(half_json)][:5] == URLS[:5]


@pytest.mark.parametrize(
    ("fire_on", "name", "event"),
    [
        ("Connected (Answered)", "", Event.CONNECTED),
        ("", "Kayzen CTV - Payout Postback", Event.PAYOUT),
        ("OnCallStart", "Kayzen CTV - Incoming Postback", Event.INCOMING),
        ("Finalized", "Kayzen CTV - Completed Postback", None),
        ("Recording", "Completed", None),
        ("", "TV campaign", None),
    ],
)
def test_the_event_is_told_by_the_trigger_then_by_the_name(fire_on, name, event):
    assert event_of(fire_on, name) is event


@pytest.mark.parametrize("text", ["", "   \n", "nothing here", "[]", "{}", "[1, null]", "name,url\n", "\ufeff"])
def test_a_text_without_a_url_is_told(text):
    with pytest.raises(PixelListError, match="No pixel URL was found"):
        read_pixels(text)


def test_a_text_with_thousands_of_urls_is_told():
    with pytest.raises(PixelListError, match="holds 1,001 URLs"):
        read_pixels("\n".join([URLS[0]] * (MOST_PIXELS + 1)))


MEGABYTE = 1_000_000
LARGE = {
    "brackets": URLS[0] + "[" * MEGABYTE,
    "closing brackets, then a blank": URLS[0] + "\n" + "]" * MEGABYTE + " x",
    "blanks": URLS[0] + " " * MEGABYTE + "x",
    "ampersands": URLS[0] + "&" * MEGABYTE,
    "pipes": "|".join([URLS[0], "|" * MEGABYTE]),
    "quotes": '"' * MEGABYTE + URLS[0],
    "tags": "<a " * (MEGABYTE // 3) + "<td><td>" + URLS[0],
    "words": "incoming " * (MEGABYTE // 9) + "\n" + URLS[0],
    "one piece": "a" * MEGABYTE + "\n" + URLS[0],
    "pieces that go on": URLS[0] + " a=b" * (MEGABYTE // 4),
    "deep JSON": "[" * MEGABYTE,
    "line breaks": URLS[0] + "\n" * MEGABYTE,
    "percent": URLS[0] + "%25" * (MEGABYTE // 3),
    "commas": "," * MEGABYTE + "\n" + URLS[0],
    "dashes": "-" * MEGABYTE + URLS[0],
    "schemes": "https:/" * (MEGABYTE // 7),
}


@pytest.mark.parametrize("shape", LARGE)
def test_a_text_of_a_megabyte_does_not_hang(shape):
    from kayzen_nb import lint

    begun = time.perf_counter()
    try:
        findings = lint.check_text(LARGE[shape])
    except PixelListError:
        findings = []
    assert time.perf_counter() - begun < 30  # two at most on an idle machine; a hang takes hours
    assert "0123abcd" not in str(findings)


@settings(deadline=None, max_examples=150)
@given(st.text(), st.sampled_from(["", *WHOLE]), st.integers(0, 3000))
def test_any_text_is_read_or_told(words, shape, at):
    text = WHOLE.get(shape, "")
    try:
        read = read_pixels(text[:at] + words + text[at:])
    except PixelListError:
        read = []
    assert all(isinstance(pixel, Pixel) and pixel.url for pixel in read)


def test_the_published_guide_gives_its_six():
    guide = (Path(__file__).parent / "guide.txt").read_text()
    read = read_pixels(guide)
    assert [(p.name, p.event, p.method) for p in read] == [(p.name, p.event, "GET") for p in SIX]
    assert {p.url for p in read} == {p.url for p in render(build_plan("as_published"), None)}
