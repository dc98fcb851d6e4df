"""What a fired call time means: its format, and the zone that is inferred beside the API's own time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.calltime import TimeStanding, judge_time, read_times

CALL_AT = datetime(2026, 11, 2, 21, 48, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "1793656086",
        "1793656086000",
        "1793656086000000",
        "2026-11-02T21:48:06Z",
        "2026-11-02T21:48:06.1234567Z",
        "2026-11-02 21:48:06+00:00",
        "2026-11-02T14:48:06 -07:00".replace(" -", "-"),
        "2026-11-02T22:48:06 01:00",  # a + that was read as a space
    ],
)
def test_a_time_that_names_an_instant_is_compared_with_the_calls_own(text):
    judged = judge_time(text, CALL_AT)
    assert (judged.standing, judged.offset) == (TimeStanding.RIGHT, None)
    assert "equal to the call's own time" in judged.sentence


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("11/2/2026 9:48:06 PM", timedelta()),
        ("11/2/2026 4:48:06 PM", timedelta(hours=-5)),
        ("11/02/2026 02:48:06 PM", timedelta(hours=-7)),
        ("11/2/2026 14:48", timedelta(hours=-7)),
        ("2026-11-02 14:48:06", timedelta(hours=-7)),
        ("2026-11-03T03:18:06", timedelta(hours=5, minutes=30)),
        ("2/11/2026 9:48:06 PM", timedelta()),  # day first
    ],
)
def test_a_time_without_a_zone_tells_its_zone_beside_the_calls_own(text, offset):
    judged = judge_time(text, CALL_AT)
    assert (judged.standing, judged.offset) == (TimeStanding.RIGHT, offset)
    assert "inferred" in judged.sentence


def test_a_local_time_marked_as_utc_is_wrong_and_said_to_be_local():
    judged = judge_time("2026-11-02T14:48:06Z", CALL_AT)
    assert judged.standing is TimeStanding.WRONG
    assert "looks like a local time (UTC-07:00)" in judged.sentence


@pytest.mark.parametrize("text", ["11/1/2026 9:20:06 PM", "2026-11-02 21:41:00", "1793000000", "11/2/2027 9:48:06 PM"])
def test_a_time_that_no_zone_explains_is_wrong(text):
    assert judge_time(text, CALL_AT).standing is TimeStanding.WRONG


@pytest.mark.parametrize("text", ["", "CO", "soon", "99/99/2026 9:48 PM", "2026-13-40T00:00", "12345"])
def test_what_is_no_time_is_unreadable(text):
    assert judge_time(text, CALL_AT).standing is TimeStanding.UNREADABLE


def test_without_the_calls_own_time_nothing_is_compared():
    judged = judge_time("11/2/2026 9:48:06 PM", None)
    assert judged.standing is TimeStanding.NOT_COMPARED
    assert "not compared" in judged.sentence


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text):
    judge_time(text, CALL_AT)
    assert isinstance(read_times(text), tuple)


@given(st.integers(1_577_836_800, 1_893_456_000), st.integers(-48, 56))
def test_a_local_time_in_any_real_zone_is_right_and_its_offset_found(at, quarters):
    call_at, offset = datetime.fromtimestamp(at, UTC), timedelta(minutes=15 * quarters)
    local = (call_at + offset).replace(tzinfo=None)
    judged = judge_time(local.isoformat(sep=" "), call_at)
    assert (judged.standing, judged.offset) == (TimeStanding.RIGHT, offset)
