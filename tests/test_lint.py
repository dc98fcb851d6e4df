"""The linter: planted faults in, named codes out; the planned six pass."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb import lint
from kayzen_nb.errors import PixelListError
from kayzen_nb.pixelexcerpt import excerpt, hidden_url
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.planchange import Change, ChangeKind, change_plan
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

GUIDE = (Path(__file__).parent / "guide.txt").read_text()
PIXELS = render(build_plan(), Secret("0123abcd"))
CONVERTED = PIXELS[3]
KEY = Secret("0123abcd")
TOLD_ALWAYS = {"KZ112"}  # the guide names no payout amount: said of every six, as info


def codes(text_or_url, **changes):
    """The codes found in one pixel (the Converted one) after a change to its URL."""
    pixel = type(CONVERTED)(
        name=CONVERTED.name, event=changes.get("event", CONVERTED.event), fire_on=CONVERTED.fire_on,
        method=changes.get("method", "GET"), url=text_or_url,
    )  # fmt: skip
    return {finding.code for finding in lint.check_pixels([pixel])}


def test_the_planned_six_have_nothing_to_correct():
    assert [(f.code, f.severity, f.pixel) for f in lint.check_plan("per_event")] == [
        ("KZ112", "info", "pixel 5 (Kayzen CTV - Payout Postback)")
    ]


def test_the_guides_slip_is_named_for_pixels_two_to_six():
    findings = lint.check_text(GUIDE)
    slip = [finding.pixel for finding in findings if finding.code == "KZ101"]
    assert [label.split(" (")[0] for label in slip] == [f"pixel {n}" for n in range(2, 7)]
    assert lint.has_errors(findings)


def test_the_guides_other_contradictions_are_named_too():
    found = {finding.code for finding in lint.check_text(GUIDE)}
    assert found == {"KZ010", "KZ101", "KZ110", "KZ111", "KZ112"}


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("KZ001", lambda url: url.replace("https:", "http:")),
        ("KZ002", lambda url: url.replace("eventstracker.io", "eventstracker.io.example")),
        ("KZ002", lambda url: url.replace("eventstracker.io", "eventstracker.io:8443")),
        ("KZ002", lambda url: url.replace("https://", "https://user@")),
        ("KZ003", lambda url: url.replace("/v1/ev", "/v1/event")),
        ("KZ004", lambda url: url.replace("&number", "\n&number")),
        ("KZ004", lambda url: url.replace("&number", " &number")),
        ("KZ005", lambda url: url.replace("&number", "&amp;number")),
        ("KZ005", lambda url: url.replace("ringba", "“ringba”")),
        ("KZ010", lambda url: url.replace("0123abcd", "KAYZEN_PROVIDED")),
        ("KZ011", lambda url: url.replace("0123abcd", "")),
        ("KZ020", lambda url: url.replace("&can_claim=1", "")),
        ("KZ021", lambda url: url.replace("call_id", "cal_id")),
        ("KZ022", lambda url: url + "&can_claim=1"),
        ("KZ023", lambda url: url.replace("&call_id", "call_id")),
        ("KZ023", lambda url: url.replace("&call_id", "&&call_id")),
        ("KZ024", lambda url: url.replace("can_claim=1", "can_claim=0")),
        ("KZ030", lambda url: url.replace("[Call:InboundCallId]", "[Call:InboundCallId")),
        ("KZ031", lambda url: url.replace("[Call:InboundCallId]", "[Call:MyOwnThing]")),
        ("KZ032", lambda url: url.replace("[Call:InboundCallId]", "[Call:InboundCallID]")),
        ("KZ101", lambda url: url.replace("app_event=converted", "app_event=incoming")),
        ("KZ110", lambda url: url.replace("&conversion_amount=[Call:ConversionAmount]", "")),
    ],
)
def test_a_planted_fault_is_found_under_its_code(code, change):
    assert codes(CONVERTED.url) == set()
    assert code in codes(change(CONVERTED.url))


def test_a_method_other_than_get_is_found():
    assert codes(CONVERTED.url, method="POST") == {"KZ107"}


def test_documented_alternative_tokens_are_accepted():
    assert codes(CONVERTED.url.replace("[Call:CallerNumber]", "[tag:InboundNumber:Number]")) == set()


def set_codes(pixels, **more):
    return {f.code for f in lint.check_pixels(pixels, **more)} - TOLD_ALWAYS


def test_a_missing_and_a_doubled_pixel_are_found_in_the_set():
    assert set_codes(PIXELS[:5]) == {"KZ105"}
    assert set_codes([*PIXELS, PIXELS[0]]) == {"KZ106"}


def test_different_keys_are_found_in_the_set_and_the_odd_pixel_is_named():
    other = render(build_plan(), Secret("another1"))
    (finding,) = [f for f in lint.check_pixels([*PIXELS[:5], other[5]]) if f.code not in TOLD_ALWAYS]
    assert (finding.code, finding.pixel) == ("KZ104", "pixel 6")
    assert KEY.fingerprint in finding.message
    assert Secret("another1").fingerprint in finding.message


def test_urls_without_names_that_all_say_incoming_are_found():
    urls = "\n".join(pixel.url for pixel in render(build_plan("as_published"), Secret("0123abcd")))
    assert "KZ102" in {finding.code for finding in lint.check_text(urls)}


def test_urls_without_names_that_differ_are_right():
    assert not lint.has_errors(lint.check_text("\n".join(pixel.url for pixel in PIXELS)))


def test_no_finding_repeats_a_key():
    broken = [type(p)(name=p.name, event=p.event, fire_on="", method="", url=p.url[1:] + "&x") for p in PIXELS]
    assert "0123abcd" not in str([finding.as_record() for finding in lint.check_pixels(broken)])


def test_the_position_points_at_the_fault():
    url = CONVERTED.url.replace("app_event=converted", "app_event=incoming")
    (finding,) = lint.check_pixels([type(CONVERTED)(name="", event=CONVERTED.event, fire_on="", method="", url=url)])
    assert url[finding.position - 1 :].startswith("app_event=incoming")


def test_a_text_without_a_url_is_an_error_in_plain_words():
    with pytest.raises(PixelListError, match="No pixel URL was found"):
        lint.check_text("nothing here")


# One fault each, and everything that is said of it.


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("eventstracker.io", "eventstracker.io.example", {"KZ002", "KZ014"}),
        ("eventstracker.io", "evenstracker.io", {"KZ002", "KZ014"}),
        ("eventstracker.io", "eventstracker.com", {"KZ002", "KZ014"}),
        ("eventstracker", "eventstr\u0430cker", {"KZ002", "KZ014"}),
        ("api-events.eventstracker.io", "xn--api-events-xyz.example", {"KZ002", "KZ014"}),
        ("api-events.eventstracker.io", "api-events.kayzen.io", {"KZ002"}),
        ("api-events.eventstracker.io", "events.eventstracker.io", {"KZ002"}),
        ("api-events.eventstracker.io", "tracker.example", {"KZ002"}),
        ("https://api-events.eventstracker.io", "HTTPS://API-Events.EventsTracker.io", set()),
        ("&number", "\u00a0&number", {"KZ004"}),
        ("&number", "\u200b&number", {"KZ004"}),
        ("&number", "\t&number", {"KZ004"}),
        ("https", " https", {"KZ008"}),
        ("ConversionAmount]", "ConversionAmount]\ufeff", {"KZ008"}),
        ("ringba", "\x93ringba\x94", {"KZ005"}),
        ("api_key", "api\\_key", {"KZ005"}),
        ("&call_id", "&amp;amp;call_id", {"KZ005"}),
        ("&call_id", "%26call_id", {"KZ006"}),
        ("tp=", "tp%3D", {"KZ006"}),
        ("?tp", "%3Ftp", {"KZ006"}),
        ("?tp", "tp", {"KZ025"}),
        ("?tp", "??tp", {"KZ025"}),
        ("&number", "?number", {"KZ023"}),
        ("[Call:CallDateTime]", "[Call:CallDateTime]#now", {"KZ013"}),
        ("&number", "&Number=[Call:NumberDialed]&number", {"KZ021", "KZ022"}),
        ("[Call:CallerNumber]", "[Call:NumberDialed]", {"KZ033"}),
        ("[Call:NumberDialed]", "[Call:CallerNumber]", {"KZ033"}),
        ("[Call:ConversionAmount]", "[Call:ConversionPayout]", {"KZ033"}),
        ("[Call:CallDateTime]", "[Call:CallConnectionDt]", {"KZ031"}),
        ("[Call:CallerNumber]", "[tag:User:phone]", {"KZ031"}),
        ("[Call:CallerNumber]", "[tag:InboundNumber:Number|tag:User:phone]", set()),
        ("[Call:IsDuplicate]", "[tag:CallInfo:IsDuplicate]", set()),
        ("[Call:CallerNumber]", "[Call:[Call:CallerNumber]]", {"KZ030"}),
        ("[Call:CallerNumber]", "[ Call:CallerNumber]", {"KZ004"}),
        ("[Call:CallerNumber]", "+[Call:CallerNumber]", {"KZ024"}),
        ("[Call:CallerNumber]", "%2B15555550123", {"KZ034"}),
        ("[Call:CallerNumber]", "", {"KZ024"}),
        ("can_claim=1", "can_claim=[Call:IsDuplicate]", {"KZ034"}),
        ("=converted", "=[Call:InboundCallId]", {"KZ034"}),
        ("&can_claim=1", "&can_claim=1&revenue_USD=[Call:ConversionAmount]", {"KZ021"}),
        ("&can_claim=1", "&can_claim=1&city=[tag:Geo:City", {"KZ021", "KZ030"}),
        ("&can_claim=1", "&can_claim=1&zip=[tag:Address:Zip 5]", {"KZ021"}),
        ("0123abcd", "YOUR_API_KEY", {"KZ010"}),
        ("0123abcd", "<your key>", {"KZ004", "KZ005", "KZ010"}),
        ("0123abcd", "%7Bapi_key%7D", {"KZ010"}),
        ("0123abcd", "KAYZEN_PROVIDE", {"KZ010"}),
        ("0123abcd", "a%2Bb%2Fc%3D%3D", set()),
    ],
)
def test_a_fault_is_named_and_nothing_else_is(old, new, expected):
    assert old in CONVERTED.url
    assert codes(CONVERTED.url.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("cut", "expected"),
    [("eventstracker.io", {"KZ003", "KZ009", "KZ020", "KZ110"}), ("/v1/ev", {"KZ009", "KZ020", "KZ110"}),
     ("InboundCall", {"KZ009", "KZ020", "KZ030", "KZ110"}), ("&can_cl", {"KZ009", "KZ020", "KZ110"}),
     ("&can_claim=1", {"KZ110"})],
)  # fmt: skip
def test_a_url_cut_at_its_end_is_named(cut, expected):
    assert codes(CONVERTED.url[: CONVERTED.url.index(cut) + len(cut)]) == expected


@pytest.mark.parametrize("given", ["\n&number", "  &number", "&amp;number", "“&number", "\u200b&number", "&#38;number"])
def test_a_position_counts_the_characters_as_pasted(given):
    url = CONVERTED.url.replace("&number", given).replace("can_claim=1", "can_claim=0")
    found = lint.check_pixels([replace(CONVERTED, url=url)])
    (wrong,) = [f for f in found if f.code == "KZ024"]
    assert url[wrong.position - 1 :].startswith("can_claim=0")
    (damage,) = [f for f in found if f.code in ("KZ004", "KZ005")]
    assert url[damage.position - 1] in given


def test_a_key_other_than_the_one_set_here_is_told_by_fingerprint():
    found = [f for f in lint.check_pixels(PIXELS, key=Secret("quite-another")) if f.code == "KZ012"]
    assert [f.pixel for f in found] == ["pixel 1, 2, 3, 4, 5, 6"]
    assert KEY.fingerprint in found[0].message
    assert "0123abcd" not in str(found)
    assert set_codes(PIXELS, key=KEY) == set()


def test_call_ids_from_two_tokens_are_found_in_the_set():
    other = replace(PIXELS[1], url=PIXELS[1].url.replace("[Call:InboundCallId]", "[Call:MyOwnThing]"))
    assert set_codes([PIXELS[0], other, *PIXELS[2:]]) == {"KZ031", "KZ103"}


def test_a_pixel_with_the_wrong_trigger_is_told_to_correct_the_trigger():
    wrong = replace(PIXELS[1], fire_on="Incoming", event=Event.INCOMING)
    found = {f.code: f for f in lint.check_pixels([PIXELS[0], wrong, *PIXELS[2:]])}
    assert found.keys() - TOLD_ALWAYS == {"KZ101", "KZ105", "KZ106", "KZ113"}
    assert found["KZ101"].fix == "Name and app_event both say connected: set Fire Pixel On to Connected (Answered)."


def test_two_identical_pixels_are_named_with_their_places():
    (doubled,) = [f for f in lint.check_pixels([*PIXELS, PIXELS[3]]) if f.code == "KZ106"]
    assert "pixel 4, 7, the same URL" in doubled.message


def test_a_trigger_outside_the_six_is_information_and_does_not_stand_in_for_one():
    finalized = replace(PIXELS[2], fire_on="Finalized", event=None)
    assert set_codes([*PIXELS, replace(finalized, name="")]) == {"KZ102", "KZ114"}
    assert set_codes([*PIXELS[:2], finalized, *PIXELS[3:]]) == {"KZ105", "KZ114"}


def test_what_the_guide_says_does_not_exist_on_error_is_information():
    error = replace(PIXELS[5], url=PIXELS[5].url + "&revenue=[Call:ConversionAmount]&length=[tag:CallLength:Total]")
    found = lint.check_pixels([error])
    assert [(f.code, f.field) for f in found] == [("KZ111", "revenue"), ("KZ111", "length")]


# The plan decides.

ANSWERS = (
    Change(kind=ChangeKind.SET, event="connected", parameter="app_event", value="call_answered"),
    Change(kind=ChangeKind.RENAME, event="converted", parameter="conversion_amount", value="revenue_USD"),
    Change(kind=ChangeKind.ADD, event="payout", parameter="payout_USD", value="[Call:ConversionPayout]"),
    Change(kind=ChangeKind.ADD, event="error", parameter="is_duplicate", value="[Call:IsDuplicate]"),
    Change(kind=ChangeKind.ADD, event="all", parameter="zip", value="[tag:Address:Zip 5]"),
)
ANSWERED = change_plan(build_plan(), ANSWERS[:4], on=date(2026, 11, 20))


def test_a_plan_with_kayzens_answers_is_what_urls_are_judged_by():
    own = render(ANSWERED, KEY)
    assert lint.check_pixels(own, ANSWERED, KEY) == []
    assert set_codes(own) == {"KZ021", "KZ101", "KZ111"}  # the amount is sent, under Kayzen's name
    assert set_codes(PIXELS, plan=ANSWERED) == {"KZ020", "KZ021", "KZ101"}


def test_urls_alone_are_judged_by_the_plans_event_names():
    assert lint.check_text("\n".join(p.url for p in render(ANSWERED, KEY)), ANSWERED) == []


def test_the_guide_as_a_plan_still_shows_its_contradiction():
    published = build_plan("as_published")
    assert set_codes(render(published, KEY), plan=published) == {"KZ102", "KZ110", "KZ111"}
    confirmed = published.confirm(date(2026, 11, 20))
    assert "KZ102" in set_codes(render(confirmed, KEY), plan=confirmed)  # nothing was inferred, so nothing confirmed


@given(st.text("abcXYZ0189-_+/=%&#? ", min_size=6, max_size=40))
def test_the_planned_six_pass_with_any_key(text):
    key = Secret(text + "q7")
    assert set_codes(render(build_plan(), key), key=key) == set()


# Every slip of one character is found.


def slips(url):
    """Every single character deleted, doubled, swapped with a different neighbour."""
    for at, sign in enumerate(url):
        yield url[:at] + url[at + 1 :]
        yield url[:at] + sign + url[at:]
        if url[at + 1 : at + 2] not in ("", sign):
            yield url[:at] + url[at + 1] + sign + url[at + 2 :]


@pytest.mark.parametrize("number", range(6), ids=[p.event for p in PIXELS])
def test_every_slip_of_one_character_in_one_of_the_six_is_found(number):
    missed = []
    for url in dict.fromkeys(slips(PIXELS[number].url)):
        six = [replace(p, url=url) if n == number else p for n, p in enumerate(PIXELS)]
        if not {"error", "warning"} & {f.severity for f in lint.check_pixels(six)}:
            missed.append(url)
    assert missed == []


CANARY = "K3yC4nary9Zq"


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_damage_makes_a_finding_show_the_key_or_a_number(data):
    url = render(build_plan(), Secret(CANARY))[3].url
    url = url.replace("[Call:CallerNumber]", "+15555550123")
    at = url.index(CANARY)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(url)))
        end = data.draw(st.integers(start, min(len(url), start + 12)))
        if end <= at or start >= at + len(CANARY):
            url = url[:start] + data.draw(st.text(max_size=4)) + url[end:]
            at = url.index(CANARY)
    findings = lint.check_pixels([replace(CONVERTED, url=url)])
    shown = str([f.as_record() for f in findings]) + hidden_url(url, build_plan())
    assert CANARY.casefold() not in shown.casefold()
    assert "5555550123" not in shown


@settings(deadline=None, max_examples=300)
@given(st.text(), st.text(), st.text())
def test_any_text_as_a_pixel_is_judged_without_a_crash(name, fire_on, url):
    for finding in lint.check_pixels(
        [replace(CONVERTED, name=name, fire_on=fire_on, event=None, method=name, url=url)]
    ):
        assert finding.position is None or 1 <= finding.position <= max(len(url), 1)


@settings(deadline=None, max_examples=200)
@given(st.text(), st.integers(0, 300))
def test_any_text_inside_a_pixel_is_judged_without_a_crash(text, at):
    url = CONVERTED.url[:at] + text + CONVERTED.url[at:]
    for finding in lint.check_pixels([replace(CONVERTED, url=url)]):
        assert finding.position is None or 1 <= finding.position <= len(url)


def test_a_finding_as_a_record():
    url = CONVERTED.url.replace("can_claim=1", "can_claim=0")
    (finding,) = lint.check_pixels([replace(CONVERTED, url=url)])
    assert finding.as_record() == {
        "pixel": "pixel 1 (Kayzen CTV - Converted Postback)",
        "code": "KZ024",
        "severity": "error",
        "field": "can_claim",
        "position": url.index("can_claim") + 1,
        "message": "can_claim is 0, not 1",
        "fix": "Write can_claim=1.",
    }


# The excerpt under a finding.


def test_the_hidden_url_is_as_long_as_the_url_and_shows_what_is_harmless():
    url = CONVERTED.url.replace("&number", "\n&number")
    hidden = hidden_url(url, build_plan())
    assert hidden == url.replace("0123abcd", "********").replace("\n", "⏎")


def test_the_caret_stands_under_the_fault():
    url = CONVERTED.url.replace("can_claim=1", "can_claim=0")
    (finding,) = lint.check_pixels([replace(CONVERTED, url=url)])
    line, caret = excerpt(url, finding.position, build_plan())
    assert line == "...ag:InboundNumber:State]&can_claim=0&conversion_a..."
    assert line[caret.index("^") :].startswith("can_claim=0")


def test_a_key_of_letters_that_also_stands_elsewhere_is_not_repeated():
    url = CONVERTED.url.replace("0123abcd", "onlyletters").replace("=converted", "=onlyletters")
    found = lint.check_pixels([replace(CONVERTED, url=url)])
    assert [f.code for f in found] == ["KZ101"]
    assert "onlyletters" not in str(found)


def test_a_phone_number_in_a_pixels_name_is_masked():
    found = lint.check_pixels([replace(CONVERTED, name="TV +15555550123")])
    assert [(f.code, f.pixel) for f in found] == [("KZ113", "pixel 1 (TV ***-***-**23)")]


def test_a_key_of_letters_is_hidden_in_the_excerpt():
    url = CONVERTED.url.replace("0123abcd", "onlyletters")
    assert hidden_url(url, build_plan()) == url.replace("onlyletters", "***********")


def test_one_name_for_all_is_right_once_kayzen_said_so():
    word = Change(kind=ChangeKind.SET, event="all", parameter="app_event", value="call")
    plan = change_plan(build_plan(), [word], on=date(2026, 11, 20))
    assert set_codes(render(plan, KEY), plan=plan) == set()
