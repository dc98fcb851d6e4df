"""What a pixel would send for one call, as it stands in the URL and as it arrives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.calls import CallEvidence
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.preview import invented_values, preview_pixel, read_query, values_of
from kayzen_nb.privacy import Secret
from kayzen_nb.tokens import KNOWN
from kayzen_nb.vocabulary import Event

PLAN = build_plan()
CALL = CallEvidence(
    call_id="RGB1",
    call_at=datetime(2026, 11, 24, 0, 5, 9, tzinfo=UTC),
    caller="+15125550123",
    number="+18335550100",
    state="TX",
    is_duplicate=False,
    revenue_usd_micros=25_000_000,
    payout_usd_micros=None,
    tags={"InboundNumber:State": "CA", "User:note": "call 512-555-0123", "InboundNumber:Suffix": "0123"},
)


def row(pixel, name, values, **options):
    return next(r for r in preview_pixel(pixel, values, **options).rows if r.name == name)


def fill_one(token, value, event=Event.INCOMING):
    """The row of one parameter that holds one token."""
    pixel = PLAN.pixel(event)
    first = replace(pixel.parameters[0], name="x", value=token)
    return row(
        replace(pixel, parameters=(first,)), "x", {token: value} if value is not None else {}, shows_numbers=True
    )


def test_an_unencoded_plus_arrives_as_a_space_and_an_encoded_one_as_a_plus():
    shown = row(PLAN.pixels[0], "caller_id", invented_values(), shows_numbers=True)
    assert (shown.planned, shown.plain, shown.plain_read) == ("[Call:CallerNumber]", "+15125550123", " 15125550123")
    assert (shown.encoded, shown.encoded_read) == ("%2B15125550123", "+15125550123")
    assert "arrives as a space" in shown.remarks[0]


def test_a_time_says_that_its_format_and_zone_are_not_documented():
    shown = row(PLAN.pixels[0], "event_ts", invented_values())
    assert shown.plain_read == shown.encoded_read == "11/24/2026 2:05:09 PM"
    assert ["documents neither" in r or "without a zone" in r for r in shown.remarks] == [True, False, True]


@pytest.mark.parametrize("time", ["2026-11-24T14:05:09Z", "2026-11-24T14:05:09+01:00", "1795529109000"])
def test_a_time_with_a_zone_or_an_epoch_is_not_said_to_lack_one(time):
    assert not [r for r in fill_one("[Call:CallDateTime]", time).remarks if "without a zone" in r]


def test_an_empty_tag_is_told_with_why_it_may_be_empty():
    shown = fill_one("[tag:InboundNumber:State]", "")
    assert (shown.plain, shown.plain_read, shown.encoded_read) == ("", "", "")
    assert "toll-free, foreign and anonymous" in shown.remarks[0]


def test_an_unknown_token_is_left_empty_and_the_nearest_named():
    shown = fill_one("[Call:ConversionAmout]", None)
    assert shown.plain == ""
    assert "did you mean [Call:ConversionAmount]?" in shown.remarks[0]
    assert "Token button" in fill_one("[Call:Qwerty]", None).remarks[0]


def test_the_error_pixel_says_that_the_duplicate_flag_is_not_available():
    error = build_plan("as_published").pixel(Event.ERROR)
    assert "expect it to be empty" in row(error, "is_duplicate", invented_values()).remarks[0]
    assert "do not exist on Error calls" in row(error, "is_duplicate", {}).remarks[0]


def test_the_payout_on_the_converted_pixel_may_come_too_early():
    assert "only after the conversion" in fill_one("[Call:ConversionPayout]", "1.00", Event.CONVERTED).remarks[0]


def test_an_ampersand_that_is_not_encoded_cuts_the_value():
    shown = fill_one("[tag:Campaign:Name]", "TV & Co")
    assert (shown.plain_read, shown.encoded_read) == ("TV ", "TV & Co")
    assert any("cuts the value" in remark for remark in shown.remarks)


def test_a_hash_that_is_not_encoded_ends_the_url_for_the_parameters_behind_it_too():
    pixel = PLAN.pixels[0]
    shown = row(pixel, "can_claim", {"[tag:InboundNumber:State]": "T#X"})
    assert (shown.plain_read, shown.encoded_read) == (None, "1")
    assert preview_pixel(pixel, {"[tag:InboundNumber:State]": "T#X"}).plain_read.endswith("can_claim does not arrive")


def test_the_first_token_of_a_choice_that_is_not_empty_is_sent():
    shown = fill_one("[tag:User:a|tag:User:b]", None)
    assert shown.plain == ""
    pixel = replace(
        PLAN.pixels[0], parameters=(replace(PLAN.pixels[0].parameters[0], name="x", value="[tag:User:a|tag:User:b]"),)
    )
    assert row(pixel, "x", {"[tag:User:b]": "2"}).plain == "2"


def test_the_whole_url_is_shown_both_ways_and_as_it_is_read():
    shown = preview_pixel(PLAN.pixels[3], invented_values(), shows_numbers=True)
    assert "caller_id=+15125550123&" in shown.plain_url
    assert "caller_id=%2B15125550123&" in shown.encoded_url
    assert shown.encoded_read.splitlines()[-1] == "conversion_amount=25.00"
    assert "caller_id: a + that" in "\n".join(shown.remarks)


def test_a_key_is_masked_in_every_part_of_a_preview():
    (pixel, *_) = render(PLAN, Secret("s3cret-key"))
    shown = preview_pixel(pixel, invented_values())
    assert "s3cret" not in f"{shown}{shown.plain_url}{shown.encoded_url}{shown.rows}{shown.plain_read}"
    assert shown.event is Event.INCOMING


def test_a_real_calls_numbers_are_masked_unless_asked_for_and_the_plus_stays():
    shown = row(PLAN.pixels[0], "caller_id", values_of(CALL))
    assert (shown.plain, shown.plain_read, shown.encoded) == ("+*********23", " *********23", "%2B*********23")


def test_no_part_of_a_number_gets_through_by_another_token():
    value = "[tag:InboundNumber:AreaCode][tag:InboundNumber:Prefix][tag:InboundNumber:Suffix]"
    pixel = replace(PLAN.pixels[0], parameters=(replace(PLAN.pixels[0].parameters[0], name="x", value=value),))
    assert row(pixel, "x", invented_values()).plain == "********23"
    noted = replace(pixel, parameters=(replace(pixel.parameters[0], value="[tag:User:note]"),))
    assert row(noted, "x", values_of(CALL)).plain == "call ***-***-**23"


def test_the_values_of_a_real_call_come_from_its_tags_then_from_its_row():
    values = values_of(CALL)
    assert values["[tag:InboundNumber:State]"] == "CA"
    assert values["[Call:CallDateTime]"] == "11/24/2026 12:05:09 AM"
    assert values["[Call:ConversionAmount]"] == "25.00"
    assert values["[Call:IsDuplicate]"] == values["[tag:CallInfo:IsDuplicate]"] == "false"
    assert "[Call:ConversionPayout]" not in values


def test_what_is_not_known_of_a_call_is_left_out():
    assert values_of(CallEvidence(call_id="RGB1")) == {"[Call:InboundCallId]": "RGB1"}


def test_a_calls_time_is_written_in_utc_whatever_its_zone():
    away = replace(CALL, call_at=CALL.call_at.astimezone(timezone(timedelta(hours=-7))))
    assert values_of(away)["[Call:CallDateTime]"] == "11/24/2026 12:05:09 AM"


def test_the_invented_call_fills_known_tokens_only_and_every_token_of_the_plan():
    assert set(invented_values()) <= set(KNOWN)
    for pixel in PLAN.pixels:
        assert not [r.name for r in preview_pixel(pixel, invented_values()).rows if r.plain == ""]


@given(value=st.text(max_size=20))
def test_an_encoded_value_always_arrives_as_it_was(value):
    assert read_query(f"https://h/p?a=1&x={fill_one('[tag:User:x]', value).encoded}&b=2") == {
        "a": "1",
        "x": value,
        "b": "2",
    }
