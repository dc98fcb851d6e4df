"""The plan as a file that people read and edit."""

import string
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kayzen_nb.errors import PlanFileError
from kayzen_nb.guide import PRINTED
from kayzen_nb.pixels import LEFT_OUT, PROFILES, Plan, PlannedPixel, Standing, UrlParameter, build_plan
from kayzen_nb.planchange import add_parameter, name_fault, set_value, value_faults
from kayzen_nb.planfile import PlanFile, read_plan, read_plan_file, write_plan
from kayzen_nb.vocabulary import Event

DAY = date(2026, 11, 20)
TEXT = write_plan(build_plan())


def refused(text):
    with pytest.raises(PlanFileError) as caught:
        read_plan(text)
    return str(caught.value)


def edit(old, new, count=1):
    assert old in TEXT
    return TEXT.replace(old, new, count)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_written_plan_is_read_back_without_a_note(profile):
    plan = build_plan(profile)
    assert read_plan_file(write_plan(plan)) == PlanFile(plan=plan)


def test_kayzens_word_its_day_and_who_gave_it_are_kept():
    plan = set_value(build_plan(), "connected", "app_event", "answered", on=DAY, by='Ana "A"\n# x')
    assert read_plan(write_plan(plan)) == plan


def test_the_file_says_the_standing_beside_each_value_and_the_hash_on_top():
    text = write_plan(set_value(build_plan(), "connected", "app_event", "answered", on=DAY))
    squeezed = [" ".join(line.split()) for line in text.splitlines()]
    assert squeezed[3] == "format = 1"
    assert 'content_hash = "' in squeezed[5]
    assert 'app_event = "answered" # confirmed by Kayzen on 2026-11-20' in squeezed
    assert 'app_event = "completed" # inferred: ask Kayzen' in squeezed
    assert 'tp = "ringba" # published' in squeezed


def test_no_key_is_ever_written():
    plan = build_plan()
    first = plan.pixels[0]
    keyed = replace(
        first, parameters=tuple(replace(p, value="s3cret") if p.name == "api_key" else p for p in first.parameters)
    )
    assert "s3cret" not in write_plan(replace(plan, pixels=(keyed, *plan.pixels[1:])))


# Names and values as a URL may carry them; a published value is what the guide prints, by definition.
NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8).filter(
    lambda n: not name_fault(n) and n not in PRINTED
)
VALUES = st.one_of(st.text(string.ascii_letters + string.digits + "_.:/", min_size=1, max_size=9), st.just("[Call:X]"))
LINES = st.text(min_size=1, max_size=12).filter(lambda t: t.strip() == t and t.isprintable())
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DAYS = st.dates()


@st.composite
def parameters(draw, name, value):
    if draw(st.booleans()):
        return UrlParameter(name=name, value=value, standing=Standing.INFERRED, why=draw(WORDS))
    plain = UrlParameter(name=name, value=value, why=draw(WORDS))
    return plain.confirm(draw(DAYS), draw(WORDS))


@st.composite
def planned_pixels(draw, event, name):
    sent = []
    for key, value in PRINTED.items():
        if key in ("api_key", "app_event", "call_id") or draw(st.booleans()):
            published = UrlParameter(name=key, value=value)
            sent.append(published if key == "api_key" or draw(st.booleans()) else draw(parameters(key, draw(VALUES))))
    more = draw(st.lists(NAMES, max_size=4, unique=True))
    cut = draw(st.integers(0, len(more)))
    sent += [draw(parameters(n, draw(VALUES))) for n in more[:cut]]
    unsent = [draw(parameters(n, LEFT_OUT)) for n in more[cut:]]
    printed = build_plan().pixel(event)
    return PlannedPixel(
        event=event,
        name=name,
        fire_on=printed.fire_on,
        parameters=tuple(draw(st.permutations(sent))),
        left_out=tuple(unsent),
    )


@st.composite
def plans(draw):
    names = draw(st.lists(LINES, min_size=6, max_size=6, unique=True))
    pixels = tuple(draw(planned_pixels(event, name)) for event, name in zip(Event, names, strict=True))
    return Plan(profile=draw(st.sampled_from(PROFILES)), pixels=pixels)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(plan=plans())
def test_any_plan_is_read_back_as_it_was_written(plan):
    assert not [fault for pixel in plan.pixels for p in pixel.parameters for fault in value_faults(p.name, p.value)]
    assert read_plan(write_plan(plan)) == plan


def test_a_plan_survives_the_disk_of_another_system(tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_bytes(("\ufeff" + TEXT.replace("\n", "\r\n")).encode())
    assert read_plan(path.read_bytes().decode()) == build_plan()


def test_an_edit_by_hand_counts_and_is_told():
    read = read_plan_file(edit('app_event = "connected"', 'app_event = "answered"'))
    assert read.plan.pixel(Event.CONNECTED).value("app_event") == "answered"
    (note,) = read.notes
    assert "edited after it was written" in note
    assert read.plan.content_hash in note


def test_an_edit_beside_confirmed_values_asks_to_look_at_them():
    text = write_plan(build_plan().confirm(DAY)).replace('app_event = "connected"', 'app_event = "answered"')
    assert "an edit does not change the mark" in read_plan_file(text).notes[1]


def test_a_value_written_by_hand_is_not_taken_for_published():
    plan = read_plan(edit('can_claim = "1"', 'can_claim = 0\nextra = "x"'))
    added = {p.name: (p.value, p.standing) for p in plan.pixels[0].parameters[-2:]}
    assert added == {"can_claim": ("0", Standing.INFERRED), "extra": ("x", Standing.INFERRED)}


def test_a_token_that_nobody_documents_is_told():
    plan = add_parameter(build_plan(), "payout", "x", "[Call:Made Up]".replace(" ", ""), on=DAY)
    (note,) = read_plan_file(write_plan(plan)).notes
    assert "[Call:MadeUp]" in note


def test_the_order_of_the_pixels_in_the_file_does_not_matter():
    head, *pixels = TEXT.split("[[pixel]]\n")
    assert read_plan("[[pixel]]\n".join([head, *reversed([p.rstrip() + "\n" for p in pixels])])) == build_plan()


def test_a_confirmed_day_may_stand_in_quotes():
    text = write_plan(build_plan().confirm(DAY)).replace("2026-11-20,", '"2026-11-20",')
    assert read_plan(text) == build_plan().confirm(DAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no format line"),
        ("format = 2", "format 2, not format 1"),
        ("{}", "line 1"),
        (edit('fire_on = "Incoming"', "fire_on = Incoming"), "line 12"),
        (edit('tp = "ringba"', 'tp = "ringba"\ntp = "x"'), "written twice"),
        ("x = 2026-02-30", "not in the calendar"),
        ("x = " + "[" * 3000, "not TOML"),
        ("x = " + "9" * 5000, "not TOML"),
        ("x" * 200_001, "too many"),
        (edit("format = 1", 'format = 1\nprofil = "x"'), "did you mean 'profile'?"),
        (edit('profile = "per_event"', 'profile = "per_evnt"'), "did you mean 'per_event'?"),
        (edit('endpoint = "https://api-', 'endpoint = "https://evil-'), "not Kayzen's"),
        ("format = 1\nprofile = 'per_event'", "no pixel in it"),
        ("format = 1\nprofile = 'per_event'\npixel = 'x'", "no pixel in it"),
        (edit('event = "payout"', 'event = "error"'), "The payout pixel is missing."),
        (edit('event = "payout"', 'event = "error"'), "The error pixel stands 2 times."),
        (edit('event = "payout"', 'event = "payot"'), "did you mean 'payout'?"),
        (edit('event = "payout"\n', ""), "no event ''"),
        (edit("Kayzen CTV - Payout Postback", "Kayzen CTV - Error Postback"), "2 pixels are named"),
        (edit('name = "Kayzen CTV - Payout Postback"', 'name = ""'), "'name' is missing"),
        (edit('fire_on = "Payout"', 'fire_on = "Converted"'), "not the trigger of the payout pixel"),
        (edit('method = "GET"', 'method = "POST"'), "The method is 'POST'"),
        (edit('method = "GET"', 'method = "GET"\nmethd = "GET"'), "did you mean 'method'?"),
        (edit('app_event = "payout"', '#app_event = "payout"'), "'app_event' is missing"),
        (edit('can_claim = "1"', 'can_claim = "a b"'), "white space"),
        (edit('can_claim = "1"', "can_claim = true"), "not a text"),
        (edit('can_claim = "1"', 'can_claim = "1"\n"a b" = "1"'), "a parameter's name starts with a letter"),
        (edit('app_event = {inferred = "', 'ap_event = {inferred = "'), "did you mean 'app_event'?"),
        (edit("{inferred", "{infered"), "neither inferred nor confirmed"),
        (edit("{inferred = ", "{by = 'x', inferred = "), "no field 'by'"),
        (edit("{inferred = ", "{confirmed_on = 'soon', why = "), "'soon' is not a day"),
        (edit("{inferred = ", "{confirmed_on = 3, why = "), "'3' is not a day"),
        (edit("{inferred = ", "{confirmed_on = 2026-11-20, by = 3, why = "), "not a text"),
        (edit("[pixel.left_out]\nis_duplicate", "[pixel.left_out]\ncan_claim"), "sent and left out at once"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_in_plain_words(text, said):
    assert said in refused(text)


def test_a_real_key_in_the_file_is_refused_and_not_repeated():
    said = refused(edit('KAYZEN_PROVIDED"  ', 's3cret-key"  ').replace("format = 1", "format = 1\nkey = 's3cret-key'"))
    assert "the key does not belong in the plan" in said
    assert "no field 'key'" in said
    assert "s3cret" not in said


def test_all_problems_are_told_at_once_each_with_its_place():
    text = edit('method = "GET"', 'method = "POST"', 2).replace('profile = "per_event"', 'profile = "x"')
    with pytest.raises(PlanFileError) as caught:
        read_plan(text, "mine.toml")
    assert [p.where for p in caught.value.problems] == [
        "mine.toml, profile",
        "mine.toml, pixel 1 (incoming)",
        "mine.toml, pixel 2 (connected)",
    ]


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(TEXT) - 1), sign=st.sampled_from('"\n[]={}#\\x0, '))
def test_no_slip_of_the_pen_breaks_the_reader(place, sign):
    with suppress(PlanFileError):  # refused in plain words, or read whole; nothing else may come out
        assert len(read_plan_file(TEXT[:place] + sign + TEXT[place + 1 :]).plan.pixels) == 6
