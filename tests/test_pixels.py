"""The six pixels as the guide gives them, and as we plan them."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kayzen_nb.errors import ParameterError
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import PARAMETER_NAMES, PLACEHOLDER_KEY, build_plan, explain, question_to_kayzen, render
from kayzen_nb.planchange import add_parameter, set_value
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

GUIDE = (Path(__file__).parent / "guide.txt").read_text()


def test_the_published_profile_is_the_guide_to_the_letter():
    printed = re.findall(r"https://api-events\S+", GUIDE)
    assert [pixel.url for pixel in render(build_plan("as_published"), None)] == printed


def test_names_and_triggers_are_those_of_the_guide():
    for pixel in build_plan().pixels:
        assert f"- Name: {pixel.name}\n- Fire Pixel On: {pixel.fire_on}\n- HTTP Method: {pixel.method}" in GUIDE


def test_the_default_plan_gives_each_pixel_its_own_event():
    assert [pixel.value("app_event") for pixel in build_plan().pixels] == [event.value for event in Event]


def test_only_the_converted_pixel_carries_the_amount_that_the_guide_speaks_of():
    amounts = {p.event: p.value("conversion_amount") for p in build_plan().pixels if p.value("conversion_amount")}
    assert amounts == {Event.CONVERTED: "[Call:ConversionAmount]"}


def test_everything_that_differs_from_the_printed_guide_is_marked_inferred_with_its_reason():
    published = {p.event: {(q.name, q.value) for q in p.parameters} for p in build_plan("as_published").pixels}
    for pixel in build_plan().pixels:
        differing = {(q.name, q.value) for q in pixel.parameters} ^ published[pixel.event]
        assert {name for name, _ in differing} == {q.name for q in pixel.inferred}
        assert all(q.why for q in pixel.inferred)


def test_the_question_to_kayzen_asks_for_every_inferred_name():
    for event in list(Event)[1:]:
        assert event.value in question_to_kayzen()


def test_a_key_is_percent_encoded_and_replaces_the_placeholder():
    urls = [pixel.url for pixel in render(build_plan(), Secret("a&b key/1"))]
    assert all("api_key=a%26b%20key%2F1&" in url and PLACEHOLDER_KEY not in url for url in urls)


def test_the_plan_hash_changes_with_the_content_and_knows_no_key():
    assert build_plan().content_hash == build_plan().content_hash
    assert build_plan().content_hash != build_plan("as_published").content_hash


def test_a_misspelt_profile_is_refused_with_the_nearest_name():
    with pytest.raises(ParameterError, match="did you mean 'per_event'"):
        build_plan("per_events")


def test_a_pixels_url_is_not_part_of_its_repr():
    assert "s3cret" not in repr(render(build_plan(), Secret("s3cret-key")))


@pytest.mark.parametrize("profile", ["per_event", "as_published"])
def test_what_is_rendered_is_read_back(profile):
    pixels = list(render(build_plan(profile), None))
    text = "\n".join(
        f"- Name: {p.name}\n- Fire Pixel On: {p.fire_on}\n- HTTP Method: {p.method}\n- URL: {p.url}" for p in pixels
    )
    assert read_pixels(text) == pixels


def test_the_guides_text_is_read_as_six_pixels():
    pixels = read_pixels(GUIDE)
    assert [pixel.event for pixel in pixels] == list(Event)
    assert all(pixel.method == "GET" for pixel in pixels)


def test_json_and_csv_are_read_as_the_same_pixels():
    url = "https://api-events.eventstracker.io/v1/ev?tp=ringba"
    as_json = f'[{{"name": "n", "Fire Pixel On": "Incoming", "pixelUrl": "{url}"}}]'
    as_csv = f'Name,Fire Pixel On,URL\nn,Incoming,"{url}"\n'
    assert read_pixels(as_json) == read_pixels(as_csv)
    assert read_pixels(as_json)[0].event is Event.INCOMING


ANSWERED = date(2026, 11, 20)


def test_a_confirmed_plan_sends_the_same_and_waits_for_nothing():
    plan = build_plan()
    confirmed = plan.confirm(ANSWERED, "Ana")
    assert (len(plan.inferred), len(confirmed.inferred), len(confirmed.confirmed)) == (7, 0, 7)
    assert confirmed.content_hash == plan.content_hash
    assert {p.standing_words for _, p in confirmed.confirmed} == {"confirmed by Kayzen on 2026-11-20 (Ana)"}
    assert all(p.why for _, p in confirmed.confirmed)


def test_what_the_guide_prints_stays_published_when_the_rest_is_confirmed():
    published = [p.name for p in build_plan().confirm(ANSWERED).pixels[0].parameters]
    assert published == list(PARAMETER_NAMES)
    assert build_plan("as_published").confirm(ANSWERED) == build_plan("as_published")


def test_the_hashes_of_the_two_profiles_are_those_that_stand_in_reports_already():
    assert build_plan().content_hash == "2ef537ea2fbf"
    assert build_plan("as_published").content_hash == "df3d984c80f4"


def change_pixel(plan, **fields):
    return replace(plan, pixels=(replace(plan.pixels[0], **fields), *plan.pixels[1:]))


@pytest.mark.parametrize(
    "fields",
    [{"name": "x"}, {"fire_on": "x"}, {"method": "POST"}, {"parameters": build_plan().pixels[0].parameters[1:]}],
)
def test_the_plan_hash_changes_with_everything_that_is_sent(fields):
    assert change_pixel(build_plan(), **fields).content_hash != build_plan().content_hash


def test_the_question_asks_only_what_the_plan_leaves_open():
    question = question_to_kayzen(build_plan().confirm(ANSWERED))
    assert [line[:2] for line in question.splitlines()[1:-1]] == ["1.", "2."]
    assert "event_ts" in question
    assert "recognise the repeat" in question


def test_the_question_names_only_the_events_that_wait():
    plan = set_value(build_plan(), "connected", "app_event", "answered", on=ANSWERED)
    assert "for these 4? We plan: completed, converted, payout, error." in question_to_kayzen(plan)


def test_the_question_about_the_printed_guide_asks_for_the_five_names_and_the_amount():
    question = question_to_kayzen(build_plan("as_published"))
    assert "Which names are right for the other five?\n" in question
    assert "Under which parameter name do you take the Converted pixel's revenue" in question


def test_nothing_is_asked_when_every_point_is_confirmed():
    plan = build_plan().confirm(ANSWERED)
    for name in ("event_ts", "call_id"):
        plan = set_value(plan, "all", name, plan.pixels[0].value(name), on=ANSWERED)
    assert question_to_kayzen(plan) == ""


def test_an_added_payout_amount_is_not_asked_for_again():
    plan = add_parameter(build_plan(), "payout", "payout_amount", "[Call:ConversionPayout]", on=ANSWERED)
    assert "do you take the call's duration?" in question_to_kayzen(plan)


def test_the_plan_explains_how_far_kayzens_word_reaches():
    plan = set_value(build_plan(), "connected", "app_event", "answered", on=ANSWERED)
    assert explain(plan) == (
        "1 value stands on Kayzen's word of 2026-11-20. "
        "6 more are inferred: ask Kayzen to confirm before you rely on them."
    )
    assert explain(build_plan().confirm(ANSWERED)).endswith("Nothing inferred is left to confirm.")
    assert "inferred, so ask Kayzen" in explain(build_plan())
    assert "cannot tell the events apart" in explain(build_plan("as_published"))
