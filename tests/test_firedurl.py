"""One fired URL against its plan and its call: each planted fault gives its code, and nothing else does."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.firedurl import read_fired_url, sent_values
from kayzen_nb.pixels import build_plan
from kayzen_nb.vocabulary import Event
from tests.test_testcall import KEY, call, fire

PLANNED = build_plan().pixel(Event.CONVERTED)
URL = fire(Event.CONVERTED).url
CALL = call(call_at=datetime(2026, 11, 1, 21, 48, 6, tzinfo=UTC), state="CO", payout_usd_micros=20_000_000)


def read(url, evidence=CALL, key=KEY):
    return read_fired_url(PLANNED, url, evidence, key)


def codes(url, evidence=CALL):
    return [fault.code for fault in read(url, evidence).faults]


def test_the_planned_url_filled_from_the_call_has_no_fault():
    assert codes(URL) == []


@pytest.mark.parametrize(
    ("code", "old", "new"),
    [
        ("wrong_address", "https:", "http:"),
        ("wrong_address", "eventstracker.io", "eventstracker.io.example"),
        ("wrong_address", "/v1/ev?", "/v1/events?"),
        ("url_damaged", "/v1/ev?", "/v1/ev&"),
        ("url_damaged", "&call_id", "call_id"),
        ("url_damaged", "&call_id", "&amp;call_id"),
        ("url_damaged", "&call_id", "\n&call_id"),
        ("url_damaged", "&call_id", "&“call_id"),
        ("url_damaged", "&can_claim", "#can_claim"),
        ("url_damaged", "&can_claim=1", ""),
        ("key_placeholder", "0123abcd", "KAYZEN_PROVIDED"),
        ("key_missing", "0123abcd", ""),
        ("key_missing", "api_key=0123abcd&", ""),
        ("key_differs", "0123abcd", "0123abce"),
        ("wrong_event_name", "app_event=converted", "app_event=Converted"),
        ("wrong_value", "can_claim=1", "can_claim=0"),
        ("wrong_value", "can_claim=1", "can_claim=1&can_claim=0"),
        ("wrong_value", "caller_state=CO", "caller_state=NY"),
        ("wrong_value", "is_duplicate=false", "is_duplicate=true"),
        ("wrong_value", "is_duplicate=false", "is_duplicate=maybe"),
        ("token_unfilled", "RGB0001", "[Call:InboundCallId]"),
        ("token_unfilled", "RGB0001", "%5BCall%3AInboundCallId%5D"),
        ("token_blank", "RGB0001", ""),
        ("token_blank", "27.00", ""),
        ("token_blank", "caller_state=CO", "caller_state="),
        ("wrong_call_id", "RGB0001", "RGB0002"),
        ("url_damaged", "RGB0001", "%20RGB0001"),
        ("wrong_number", "%2b13035550123", "%2b13035550124"),
        ("wrong_number", "%2b13035550123", "%2b18885550122"),
        ("wrong_number", "%2b13035550123", "CO"),
        ("badly_encoded", "%2b13035550123", "%252B13035550123"),
        ("badly_encoded", "RGB0001", "RGB%FF0001"),
        ("amount_missing", "&conversion_amount=27.00", ""),
        ("amount_differs", "27.00", "20.00"),
        ("amount_differs", "27.00", "27,00"),
        ("amount_differs", "27.00", "NaN"),
        ("wrong_time", "11%2f1%2f2026", "11%2f3%2f2025"),
        ("wrong_time", "11%2f1%2f2026+9%3a48%3a06+PM", "CO"),
    ],
)
def test_a_planted_fault_gives_its_own_code_and_no_other(code, old, new):
    assert codes(URL.replace(old, new, 1)) == [code]


def test_two_faults_are_two():
    broken = URL.replace("can_claim=1", "can_claim=0").replace("RGB0001", "RGB0002")
    assert sorted(codes(broken)) == ["wrong_call_id", "wrong_value"]


def test_an_exchanged_number_is_said_to_be_the_other_one():
    (fault,) = read(URL.replace("%2b13035550123", "%2b18885550122")).faults
    assert fault.text == "caller_id holds the tracking number"


def test_the_payout_sent_as_revenue_is_recognised():
    (fault,) = read(URL.replace("27.00", "20.00")).faults
    assert fault.text.endswith("Ringba's revenue is 27.00 now, this is the payout")


def test_an_unencoded_plus_is_a_remark_and_no_fault():
    reading = read(URL.replace("%2b13035550123", "+13035550123"))
    assert (reading.faults, reading.remarks[0]) == (
        (),
        "the + of caller_id was not encoded: a receiver reads it as a space",
    )


def test_an_empty_amount_of_a_call_without_revenue_is_a_missing_revenue_not_a_blank_token():
    evidence = replace(CALL, revenue_usd_micros=None)
    assert codes(URL.replace("27.00", ""), evidence) == ["zero_revenue"]


def test_an_empty_state_of_a_call_without_a_state_is_a_remark():
    reading = read(URL.replace("caller_state=CO", "caller_state="), replace(CALL, state=None))
    assert (reading.faults, reading.remarks[-1]) == ((), "caller_state is empty")


def test_a_time_in_an_unknown_form_is_a_doubt_neither_right_nor_wrong():
    reading = read(URL.replace("11%2f1%2f2026+9%3a48%3a06+PM", "20261101T214806"))
    assert (reading.faults, len(reading.doubts)) == ((), 1)


def test_what_the_plan_does_not_have_is_a_remark():
    assert "sends extra, which the plan does not have" in read(URL + "&extra=1").remarks


def test_a_confirmed_other_name_of_the_amount_is_compared_like_the_planned_one():
    renamed = tuple(replace(p, name="revenue") if p.name == "conversion_amount" else p for p in PLANNED.parameters)
    planned = replace(PLANNED, parameters=renamed)
    right = URL.replace("conversion_amount=", "revenue=")
    assert read_fired_url(planned, right, CALL, KEY).faults == ()
    (fault,) = read_fired_url(planned, right.replace("27.00", "20.00"), CALL, KEY).faults
    assert fault.code == "amount_differs"


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_or_brings_out_the_key(text):
    reading = read(URL[:60] + text + URL[60:])
    assert "0123abcd" not in str(reading)
    assert isinstance(sent_values(text), dict)


@given(st.text(alphabet="+%0123456789abcdef&=?#[] ", max_size=60))
def test_no_number_is_shown_in_full(text):
    assert "3035550123" not in str(read(text + URL))
