"""The six pixels as the guide gives them, and as we plan them."""

import re
from pathlib import Path

import pytest

from kayzen_nb.errors import ParameterError
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import PLACEHOLDER_KEY, build_plan, question_to_kayzen, render
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
