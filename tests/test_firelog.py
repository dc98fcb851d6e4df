"""The pixel-fire log as lines and as a picture: masked, readable, the same for the same call."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kayzen_nb.calls import CallEvidence, PixelFire
from kayzen_nb.firelog import MOST_LINES, FireLine, draw_fire_log, fire_lines
from kayzen_nb.privacy import Secret
from kayzen_nb.sharecheck import check_bytes

KEY = Secret("Kz9aB3dE7fG1h")
AT = datetime(2026, 11, 24, 14, 5, 6, tzinfo=UTC)
FIRE = PixelFire(
    pixel_name="Kayzen CTV - Incoming Postback",
    fired_at=AT,
    status=200,
    url="https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key=Kz9aB3dE7fG1h&caller_id=%2b13035550123&x=1",
)
LINE = FireLine(
    pixel="Kayzen CTV - Incoming Postback",
    utc="2026-11-24 14:05:06 UTC",
    local="2026-11-24 09:05:06 EST",
    status="200",
    reason="",
    url="https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key=«removed»&caller_id=***-***-**23&x=1",
    answer="pass",
)


def lines_of(*fires):
    return fire_lines(CallEvidence(call_id="RGB1", fires=fires), "America/New_York", (KEY,))


def picture(raw):
    return Image.open(io.BytesIO(raw)).convert("RGB")


def colours(raw):
    return {colour for _, colour in picture(raw).getcolors(1 << 20)}


def is_near(wanted, found):
    return any(max(abs(a - b) for a, b in zip(wanted, one, strict=True)) < 12 for one in found)


def test_a_fire_is_told_with_both_times_and_a_masked_url():
    assert lines_of(FIRE) == [LINE]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": 403, "fail_reason": "Forbidden"}, {"status": "403", "reason": "Forbidden", "answer": "fail"}),
        ({"status": 200, "fail_reason": "refused"}, {"reason": "refused", "answer": "fail"}),
        ({"status": None}, {"status": "unknown", "answer": "unknown"}),
        ({"fired_at": None}, {"utc": "unknown", "local": "unknown"}),
        ({"url": ""}, {"url": "not shown in the log"}),
        ({"pixel_name": "\x00\N{RIGHT-TO-LEFT OVERRIDE}"}, {"pixel": " "}),
        ({"pixel_name": ""}, {"pixel": "(no name)"}),
        ({"pixel_name": "call 303-555-0123"}, {"pixel": "call ***-***-**23"}),
        ({"fail_reason": f"bad key {KEY.reveal()}", "status": 403},
         {"status": "403", "reason": "bad key «removed»", "answer": "fail"}),
        ({"url": "https://h/?apikey=Kz9aB3dE7fG1h"}, {"url": "https://h/?apikey=«removed»"}),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_told_and_what_is_secret_is_hidden(change, told):
    assert lines_of(replace(FIRE, **change)) == [replace(LINE, **told)]


def test_the_picture_is_wide_enough_to_read_and_no_wider():
    assert picture(draw_fire_log([LINE], "Log", "foot")).width == 1600


def test_more_lines_make_a_taller_picture():
    assert picture(draw_fire_log([LINE] * 3, "Log", "")).height > picture(draw_fire_log([LINE], "Log", "")).height


@pytest.mark.parametrize(("answer", "colour"), [("pass", (26, 127, 55)), ("fail", (180, 35, 24))])
def test_a_status_has_its_colour(answer, colour):
    assert is_near(colour, colours(draw_fire_log([replace(LINE, answer=answer)], "Log", "")))


def test_signs_differ_where_colours_are_not_seen():
    drawn = {draw_fire_log([replace(LINE, answer=answer)], "Log", "") for answer in ("pass", "fail", "unknown")}
    grey = {picture(raw).convert("L").point(lambda level: 255 * (level > 200)).tobytes() for raw in drawn}
    assert len(grey) == 3


def test_an_empty_log_is_drawn_too():
    empty, full = draw_fire_log([], "Log", ""), draw_fire_log([LINE], "Log", "")
    assert 100 < picture(empty).height < picture(full).height


def test_a_very_long_log_is_cut_and_the_rest_counted():
    assert (
        picture(draw_fire_log([LINE] * 300, "Log", "")).height
        < picture(draw_fire_log([LINE] * (MOST_LINES + 1), "Log", "")).height + 100
    )


def test_the_same_log_makes_the_same_picture():
    assert draw_fire_log([LINE], "Log", "foot") == draw_fire_log([LINE], "Log", "foot")


def test_the_picture_carries_a_title_and_nothing_personal():
    raw = draw_fire_log([LINE], "Pixel-fire log of call RGB1", "foot")
    assert Image.open(io.BytesIO(raw)).info.keys() == {"Title", "Description", "dpi"}
    assert check_bytes(raw, "fire-log.png", (KEY,)) == []


@pytest.mark.parametrize("name", ["Größe – „né“", "日本語", "الخط", "😀", "x" * 500, "a\nb\tc", "<b>&amp;</b>"])
def test_any_name_can_be_drawn(name):
    assert picture(draw_fire_log([replace(LINE, pixel=name, reason=name, url=name)], name, name)).width == 1600


def test_letters_that_the_font_lacks_become_their_nearest():
    assert draw_fire_log([replace(LINE, pixel="Größe – né")], "", "") == draw_fire_log(
        [replace(LINE, pixel="Grosse - ne")], "", ""
    )


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=120))
def test_no_text_breaks_the_picture(text):
    assert draw_fire_log([replace(LINE, pixel=text, reason=text, url=text)], text, text)
