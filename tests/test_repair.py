"""Repair: what the plan decides is restored, what only the owner can decide is kept and told."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb import lint
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.repair import repair_pixel, repair_pixels
from kayzen_nb.vocabulary import Event

PLAN = build_plan()
KEY = Secret("0123abcd")
SIX = render(PLAN, KEY)
CONVERTED = SIX[3]
GUIDE = read_pixels((Path(__file__).parent / "guide.txt").read_text())


def slips(url):
    for at, sign in enumerate(url):
        yield url[:at] + url[at + 1 :]
        yield url[:at] + sign + url[at:]
        if url[at + 1 : at + 2] not in ("", sign):
            yield url[:at] + url[at + 1] + sign + url[at + 2 :]


def mended(old, new, key=KEY, **changes):
    return repair_pixel(replace(CONVERTED, url=CONVERTED.url.replace(old, new), **changes), PLAN, key)


@pytest.mark.parametrize("key", [KEY, None], ids=["key given", "no key given"])
def test_right_pixels_are_left_as_they_are(key):
    repairs = repair_pixels(SIX, PLAN, key)
    assert [(r.pixel, r.changes, r.kept) for r in repairs] == [(pixel, (), ()) for pixel in SIX]


def test_another_order_of_the_parameters_is_right():
    address, _, query = CONVERTED.url.partition("?")
    turned = replace(CONVERTED, url=f"{address}?{'&'.join(reversed(query.split('&')))}")
    assert repair_pixel(turned, PLAN, KEY).pixel == turned


@pytest.mark.parametrize("number", range(6), ids=[p.event for p in SIX])
def test_every_slip_of_one_character_is_repaired_to_the_planned_url(number):
    for url in dict.fromkeys(slips(SIX[number].url)):
        repair = repair_pixel(replace(SIX[number], url=url), PLAN, KEY)
        assert repair.pixel == SIX[number], url
        assert repair.changes, url


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("&number", "\n&number"), ("&number", "&amp;number"), ("ringba", "“ringba”"), ("https://", "http://user@"),
        ("eventstracker.io", "eventstracker.io.example:8443"), ("/v1/ev?", "/v1/ev/?"), ("&call_id", "call_id"),
        ("&call_id", "%26call_id"), ("[Call:InboundCallId]", "%5BCall:InboundCallId%5D"), ("?tp", "tp"),
        ("can_claim=1", "can_claim=1#x"), ("&can_claim=1", ""), ("&can_claim=1", "&can_claim=1&can_claim=0"),
        ("=converted", "=incoming"), ("=converted", ""), ("[Call:NumberDialed]", "[Call:CallerNumber]"),
        ("0123abcd", "KAYZEN_PROVIDED"), ("0123abcd", ""), ("0123abcd", "0123abc"), ("&call_id", "&Call_ID"),
        ("https://api-events.eventstracker.io/v1/ev?", ""), ("&conversion_amount=[Call:ConversionAmount]", ""),
    ],
)  # fmt: skip
def test_damage_is_repaired_to_the_planned_url(old, new):
    repair = mended(old, new)
    assert repair.pixel == CONVERTED
    assert repair.changes


def test_the_method_is_set_and_an_unknown_one_stays_unknown():
    assert mended("", "", method="POST").pixel.method == "GET"
    assert mended("", "", method="").pixel.method == ""


def test_documented_alternatives_and_extra_parameters_are_kept_and_told():
    repair = mended("[Call:CallerNumber]", "[tag:InboundNumber:Number]&os=[tag:User:os]")
    assert repair.pixel.url == CONVERTED.url.replace(
        "[Call:CallerNumber]", "[tag:InboundNumber:Number]&os=[tag:User:os]"
    )
    assert repair.changes == ()
    assert repair.kept == ("caller_id: another token than the planned [Call:CallerNumber]", "os: not in the plan")


def test_a_misspelt_token_of_an_extra_parameter_is_corrected():
    repair = mended("&can_claim=1", "&can_claim=1&buyer=[tag:Buyer:Nam]")
    assert repair.pixel.url == CONVERTED.url.replace("&can_claim=1", "&can_claim=1&buyer=[tag:Buyer:Name]")


def test_a_token_of_an_extra_parameter_in_percent_codes_is_written_plainly():
    repair = mended("&can_claim=1", "&can_claim=1&buyer=%5Btag%3ABuyer:Name%5D")
    assert repair.pixel.url == CONVERTED.url.replace("&can_claim=1", "&can_claim=1&buyer=[tag:Buyer:Name]")
    assert repair.changes == ("wrote the token of buyer in plain characters",)


def test_another_key_is_not_overwritten_but_told():
    repair = mended("0123abcd", "quite-another-key")
    assert "api_key=quite-another-key&" in repair.pixel.url
    assert [told for told in repair.kept if told.startswith("api_key: another key")]


def test_without_a_given_key_its_own_stays_and_a_placeholder_is_told():
    assert mended("&can_claim=1", "", key=None).pixel == CONVERTED
    left = mended("0123abcd", "KAYZEN_PROVIDED", key=None)
    assert "api_key=KAYZEN_PROVIDED&" in left.pixel.url
    assert left.kept == ("api_key: still a placeholder; put in the key that Kayzen provided",)


def test_the_copied_guide_becomes_the_plan():
    repairs = repair_pixels(GUIDE, PLAN, KEY)
    flag = "&is_duplicate=[Call:IsDuplicate]"
    assert [r.pixel.url.replace(flag, "") for r in repairs] == [p.url.replace(flag, "") for p in SIX]
    assert repairs[5].kept == ("is_duplicate: not in the plan",)
    assert not lint.has_errors(lint.check_pixels([r.pixel for r in repairs], PLAN, KEY))


def test_without_an_event_damage_is_repaired_and_app_event_is_left():
    urls = [replace(p, name="", fire_on="", event=None, url=p.url.replace("&number", "\n&amp;number")) for p in GUIDE]
    repairs = repair_pixels(urls, PLAN, KEY)
    assert [r.pixel.url for r in repairs] == [p.url.replace("KAYZEN_PROVIDED", "0123abcd") for p in GUIDE]
    assert all("several pixels say the same app_event" in " ".join(r.kept) for r in repairs)


def test_urls_that_say_different_events_are_taken_at_their_word():
    urls = [replace(p, name="", fire_on="", event=None, url=p.url.replace("&can_claim=1", "")) for p in SIX]
    assert [r.pixel.url for r in repair_pixels(urls, PLAN, KEY)] == [p.url for p in SIX]


def test_a_wrong_trigger_is_told_and_nothing_is_made_to_fit_it():
    wrong = replace(SIX[1], fire_on="Incoming", event=Event.INCOMING)
    repair = repair_pixel(wrong, PLAN, KEY)
    assert repair.pixel == wrong
    assert repair.kept == (
        "app_event: name and app_event both say connected, so set Fire Pixel On to Connected (Answered), or correct both",
    )


@settings(deadline=None, max_examples=300)
@given(st.text(), st.integers(0, 330), st.integers(0, 20), st.sampled_from([None, KEY]), st.sampled_from(range(6)))
def test_repairing_twice_changes_nothing_and_no_sentence_holds_the_key(text, at, width, key, number):
    url = SIX[number].url
    once = repair_pixel(replace(SIX[number], url=url[:at] + text + url[at + width :]), PLAN, key)
    twice = repair_pixel(once.pixel, PLAN, key)
    assert (twice.pixel, twice.changes) == (once.pixel, ())
    assert "0123abcd" not in str((once.changes, once.kept))
    assert "0123abcd" not in repr(once)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=8), st.integers(0, 330), st.integers(0, 12))
def test_what_is_repaired_with_event_and_key_has_no_error(text, at, width):
    url = CONVERTED.url
    repaired = repair_pixel(replace(CONVERTED, url=url[:at] + text + url[at + width :]), PLAN, KEY)
    found = [f for f in lint.check_pixels([repaired.pixel], PLAN) if f.severity == "error"]
    assert found == []


def test_an_extra_piece_that_is_no_parameter_is_deleted():
    repair = mended("&can_claim=1", "&can_claim=1&a/b=1&&c")
    assert repair.pixel == CONVERTED
    assert repair.changes == ("deleted an extra & or a scrap of text",)
