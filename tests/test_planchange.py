"""Kayzen's answers put into a plan."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.errors import ParameterError
from kayzen_nb.pixels import LEFT_OUT, Standing, UrlParameter, build_plan, render
from kayzen_nb.planchange import (
    Change,
    ChangeKind,
    add_parameter,
    change_plan,
    drop_parameter,
    rename_parameter,
    set_value,
    unknown_tokens,
    value_faults,
)
from kayzen_nb.vocabulary import Event

DAY = date(2026, 11, 20)
PLAN = build_plan()


def refused(change, *arguments):
    with pytest.raises(ParameterError) as caught:
        change(PLAN, *arguments, on=DAY)
    return str(caught.value)


def find(plan, event, name):
    pixel = plan.pixel(Event(event))
    return next(p for p in pixel.parameters + pixel.left_out if p.name == name)


def test_a_set_value_stands_on_kayzens_word_and_the_old_plan_is_untouched():
    changed = set_value(PLAN, "connected", "app_event", "answered", on=DAY, by="Ana")
    assert find(changed, "connected", "app_event") == UrlParameter(
        name="app_event",
        value="answered",
        standing=Standing.CONFIRMED,
        why="in place of connected",
        confirmed_on=DAY,
        confirmed_by="Ana",
    )
    assert "app_event=answered&" in render(changed, None)[1].url
    assert changed.content_hash != PLAN.content_hash
    assert build_plan() == PLAN


def test_setting_the_planned_value_confirms_it_alone_and_sends_the_same():
    changed = set_value(PLAN, "connected", "app_event", "connected", on=DAY)
    assert len(changed.inferred) == len(PLAN.inferred) - 1
    assert changed.content_hash == PLAN.content_hash
    assert find(changed, "connected", "app_event").why == find(PLAN, "connected", "app_event").why


def test_a_renamed_parameter_keeps_its_place_and_value():
    changed = rename_parameter(PLAN, "converted", "conversion_amount", "revenue", on=DAY)
    assert find(changed, "converted", "revenue").why == "planned as conversion_amount"
    assert render(changed, None)[3].url.endswith("&can_claim=1&revenue=[Call:ConversionAmount]")


def test_an_added_parameter_stands_at_the_end():
    changed = add_parameter(PLAN, "payout", "payout_amount", "[Call:ConversionPayout]", on=DAY)
    assert render(changed, None)[4].url.endswith("&can_claim=1&payout_amount=[Call:ConversionPayout]")
    assert [pixel.value("payout_amount") for pixel in changed.pixels].count(None) == 5


def test_a_dropped_parameter_stays_on_record_as_left_out():
    changed = drop_parameter(PLAN, "error", "caller_state", on=DAY)
    assert changed.pixel(Event.ERROR).value("caller_state") is None
    assert find(changed, "error", "caller_state").value == LEFT_OUT
    assert find(changed, "error", "caller_state").standing is Standing.CONFIRMED


def test_dropping_what_is_left_out_already_confirms_that():
    changed = drop_parameter(PLAN, "error", "is_duplicate", on=DAY)
    assert changed.content_hash == PLAN.content_hash
    assert [p.standing for p in changed.pixel(Event.ERROR).left_out] == [Standing.CONFIRMED]


def test_a_left_out_parameter_that_is_added_again_is_no_longer_left_out():
    changed = add_parameter(PLAN, "error", "is_duplicate", "[Call:IsDuplicate]", on=DAY)
    assert changed.pixel(Event.ERROR).left_out == ()


def test_all_means_every_pixel_that_sends_the_parameter():
    changed = rename_parameter(PLAN, "all", "is_duplicate", "duplicate", on=DAY)
    assert [pixel.value("duplicate") for pixel in changed.pixels] == ["[Call:IsDuplicate]"] * 5 + [None]


def test_an_unknown_pixel_is_refused_with_the_nearest():
    said = refused(set_value, "conected", "app_event", "x")
    assert "no pixel 'conected'" in said
    assert "did you mean 'connected'?" in said


def test_an_unknown_parameter_is_refused_with_the_nearest():
    assert "did you mean 'conversion_amount'?" in refused(rename_parameter, "converted", "conversion_amont", "revenue")
    assert "no parameter 'conversion_amount' is sent there" in refused(
        set_value, "incoming", "conversion_amount", "[Call:ConversionAmount]"
    )


def test_the_key_does_not_belong_in_the_plan_and_is_not_repeated():
    said = refused(set_value, "all", "api_key", "s3cret-key-of-ours")
    assert "the key does not belong in the plan" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "an empty value"),
        ("a b", "white space"),
        ("a\nb", "white space"),
        ("a&b", "the sign &"),
        ("a=b", "the sign ="),
        ("a#b", "the sign #"),
        ("a+b", "the sign +"),
        ("“a”", "the sign “"),
        ("a\x00", "an invisible character"),
        ("50%", "a % must begin a code"),
        ("[Call:X", "square brackets"),
        ("[a[b]]", "square brackets"),
        ("[]", "square brackets"),
        ("[call:conversionamount]", "did you mean [Call:ConversionAmount]?"),
        ("x" * 501, "too long"),
    ],
)
def test_a_value_that_cannot_stand_in_a_url_is_refused(value, fault):
    assert fault in refused(set_value, "connected", "app_event", value)


@pytest.mark.parametrize("value", ["answered", "call%20answered", "[tag:User:x]", "[a:b|c:d]", "a/b:c,d~e", "1"])
def test_a_fit_value_is_taken(value):
    assert list(value_faults("x", value)) == []


@pytest.mark.parametrize("name", ["", "1a", "a b", "a&b", "é", "API_KEY", "apikey", "App-Event", "callId"])
def test_an_unfit_name_is_refused(name):
    assert "cannot be made" in refused(add_parameter, "payout", name, "1")


def test_a_name_that_is_sent_already_is_refused():
    assert "'caller_id' is sent already" in refused(rename_parameter, "payout", "number", "caller_id")
    assert "'number' is sent already" in refused(add_parameter, "payout", "number", "1")


@pytest.mark.parametrize("name", ["api_key", "app_event", "call_id"])
def test_what_everything_hangs_on_is_neither_dropped_nor_renamed(name):
    assert f"{name} must stay" in refused(drop_parameter, "payout", name)
    assert f"{name} must stay" in refused(rename_parameter, "payout", name, "other")


def test_all_problems_are_told_at_once_and_later_changes_see_earlier_ones():
    changes = [
        Change(kind=ChangeKind.ADD, event="payout", parameter="amount", value="[Call:ConversionPayout]"),
        Change(kind=ChangeKind.ADD, event="payout", parameter="amount", value="1"),
        Change(kind=ChangeKind.DROP, event="nobody", parameter="x"),
    ]
    with pytest.raises(ParameterError) as caught:
        change_plan(PLAN, changes, on=DAY)
    assert [p.where for p in caught.value.problems] == ["add payout.amount", "drop nobody.x"]


def test_a_token_that_nobody_documents_is_unknown_and_told():
    changed = add_parameter(PLAN, "payout", "x", "[Call:ConversionPayot]", on=DAY)
    (told,) = unknown_tokens(changed)
    assert "did you mean [Call:ConversionPayout]?" in told
    assert list(unknown_tokens(PLAN)) == []


@given(value=st.text(alphabet=string.printable, min_size=1, max_size=6))
def test_a_value_that_is_taken_never_breaks_the_url(value):
    if not list(value_faults("x", value)):
        url = render(set_value(PLAN, "connected", "app_event", value, on=DAY), None)[1].url
        parts = dict(part.split("=") for part in url.partition("?")[2].split("&"))
        assert parts["app_event"] == value
        assert len(parts) == 10
