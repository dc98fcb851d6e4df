"""The linter: planted faults in, named codes out; the planned six pass."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb import lint
from kayzen_nb.errors import PixelListError
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret

GUIDE = (Path(__file__).parent / "guide.txt").read_text()
PIXELS = render(build_plan(), Secret("0123abcd"))
CONVERTED = PIXELS[3]


def codes(text_or_url, **changes):
    """The codes found in one pixel (the Converted one) after a change to its URL."""
    pixel = type(CONVERTED)(
        name=CONVERTED.name, event=changes.get("event", CONVERTED.event), fire_on=CONVERTED.fire_on,
        method=changes.get("method", "GET"), url=text_or_url,
    )  # fmt: skip
    return {finding.code for finding in lint.check_pixels([pixel])}


def test_the_planned_six_have_nothing_to_correct():
    assert lint.check_plan("per_event") == []


def test_the_guides_slip_is_named_for_pixels_two_to_six():
    findings = lint.check_text(GUIDE)
    slip = [finding.pixel for finding in findings if finding.code == "KZ101"]
    assert [label.split(" (")[0] for label in slip] == [f"pixel {n}" for n in range(2, 7)]
    assert lint.has_errors(findings)


def test_the_guides_other_contradictions_are_named_too():
    found = {finding.code for finding in lint.check_text(GUIDE)}
    assert {"KZ010", "KZ110", "KZ111"} <= found
    assert found <= {"KZ010", "KZ101", "KZ110", "KZ111"}


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
        ("KZ031", lambda url: url.replace("[Call:InboundCallId]", "[Call:InboundCallID]")),
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


def test_a_missing_and_a_doubled_pixel_are_found_in_the_set():
    assert {f.code for f in lint.check_pixels(PIXELS[:5])} == {"KZ105"}
    assert {f.code for f in lint.check_pixels([*PIXELS, PIXELS[0]])} == {"KZ106"}


def test_different_keys_are_found_in_the_set():
    other = render(build_plan(), Secret("another1"))
    assert {f.code for f in lint.check_pixels([*PIXELS[:5], other[5]])} == {"KZ104"}


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


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_every_deleted_character_that_changes_the_meaning_is_found(data):
    pixel = data.draw(st.sampled_from(PIXELS))
    at = data.draw(st.integers(0, len(pixel.url) - 1))
    key_starts = pixel.url.index("0123abcd")
    if key_starts <= at < key_starts + 8:
        return  # a shorter key is a key too: only a comparison of the six, or Kayzen, can tell
    broken = pixel.url[:at] + pixel.url[at + 1 :]
    one = [type(pixel)(name=pixel.name, event=pixel.event, fire_on=pixel.fire_on, method="GET", url=broken)]
    assert lint.check_pixels(one), broken


def test_every_code_is_documented_in_the_readme():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    for code, (severity, meaning) in lint.RULES.items():
        assert f"| {code} | {severity} | {meaning} |" in readme
