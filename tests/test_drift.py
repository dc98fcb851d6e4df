"""Drift: what differs from the plan, what does not count, and since when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.account import Pixel
from kayzen_nb.causes import KINDS, Certainty
from kayzen_nb.drift import compare_pixels, describe_differences
from kayzen_nb.entries import Entry
from kayzen_nb.pixelhistory import describe_history, is_news, last_change, see_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.pixelset import key_in, match_pixels, show_address, take_apart
from kayzen_nb.privacy import Secret
from kayzen_nb.vocabulary import Event

KEY, OTHER = Secret("canary-7Yq2ZkP0"), Secret("other/key+9x=Q")
PLAN = build_plan()
AT = datetime(2026, 11, 18, 8, 0, tzinfo=UTC)
CONVERTED = "Kayzen CTV - Converted Postback"


def six(key=KEY):
    return [replace(p, id=f"EV{n}", enabled=True) for n, p in enumerate(render(PLAN, key), 1)]


def changed(event, /, **fields):
    return [replace(p, **fields) if p.event is event else p for p in six()]


def edited(event, old, new):
    assert old in next(p.url for p in six() if p.event is event)
    return [replace(p, url=p.url.replace(old, new)) if p.event is event else p for p in six()]


def told(live, key=KEY):
    return [(d.event.value, d.field, d.found, d.code) for d in compare_pixels(live, PLAN, key)]


def test_the_planned_six_do_not_differ_whatever_their_key():
    assert compare_pixels(six(), PLAN, KEY) == ()
    assert compare_pixels(six(OTHER), PLAN, OTHER) == ()
    assert compare_pixels(six(OTHER), PLAN) == ()


def test_the_order_of_parameters_does_not_count():
    def turned(pixel):
        address, _, query = pixel.url.partition("?")
        return replace(pixel, url=f"{address}?{'&'.join(reversed(query.split('&')))}")

    assert compare_pixels(map(turned, six()), PLAN, KEY) == ()


def test_pixels_for_others_are_left_out():
    other = Pixel(
        name="Another tracker", event=Event.CONVERTED, fire_on="Converted", method="GET", url="https://example.com/x"
    )
    assert compare_pixels([*six(), other], PLAN, KEY) == ()


def test_another_key_is_told_by_fingerprint_only():
    (difference,) = compare_pixels(edited(Event.PAYOUT, KEY.reveal(), "zzzzzzzz"), PLAN, KEY)
    assert difference.words == (
        f"Kayzen CTV - Payout Postback: key is fingerprint {Secret('zzzzzzzz').fingerprint}, "
        f"planned: fingerprint {KEY.fingerprint}"
    )
    assert difference.code == "key_differs"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("app_event=converted", "app_event=incoming", ("app_event", "incoming", "wrong_event_name")),
        (KEY.reveal(), "KAYZEN_PROVIDED", ("key", "the placeholder", "key_placeholder")),
        (KEY.reveal(), "<your-key>", ("key", "the placeholder", "key_placeholder")),
        (KEY.reveal(), "", ("key", "missing", "key_missing")),
        ("&conversion_amount=[Call:ConversionAmount]", "", ("conversion_amount", "missing", "amount_missing")),
        ("[Call:ConversionAmount]", "[Call:ConversionPayout]", ("conversion_amount", "[Call:ConversionPayout]", "amount_differs")),
        ("call_id=[Call:InboundCallId]", "call_id=[Call:CallerNumber]", ("call_id", "[Call:CallerNumber]", "wrong_call_id")),
        ("number=[Call:NumberDialed]", "number=[Call:CallerNumber]", ("number", "[Call:CallerNumber]", "wrong_number")),
        ("[Call:CallDateTime]", "[Call:CallConnectionDt]", ("event_ts", "[Call:CallConnectionDt]", "wrong_time")),
        ("[Call:InboundCallId]", "[Call:InboundCalId]", ("call_id", "[Call:InboundCalId]", "token_blank")),
        ("[Call:InboundCallId]", "", ("call_id", "empty", "token_blank")),
        ("[Call:InboundCallId]", "[Call:InboundCallId", ("call_id", "(not shown)", "url_damaged")),
        ("[Call:InboundCallId]", "%5BCall:InboundCallId%5D", ("call_id", "(not shown)", "badly_encoded")),
        ("number=[Call:NumberDialed]", "number=8885550122", ("number", "(not shown)", "wrong_number")),
        ("can_claim=1", "can_claim=0", ("can_claim", "0", "wrong_value")),
        ("&can_claim=1", "", ("can_claim", "missing", "url_damaged")),
        ("call_id=", "callid=", ("call_id", "written callid", "url_damaged")),
        ("can_claim=1", "can_claim=1&can_claim=1", ("can_claim", "there 2 times", "url_damaged")),
        ("can_claim=1", "can_claim=1&foo=bar", ("parameter foo", "sent", "pixel_differs")),
        ("&event_ts", "\n&event_ts", ("form", "white space or a line break inside", "url_damaged")),
        ("&event_ts", "&amp;event_ts", ("form", "&amp; in place of &", "url_damaged")),
        ("&event_ts", "&&event_ts", ("form", "an & too many", "url_damaged")),
        ("https:", "http:", ("address", "http://api-events.eventstracker.io/v1/ev", "wrong_address")),
        ("eventstracker.io", "eventstracker.example", ("address", "https://api-events.eventstracker.example/v1/ev", "wrong_address")),
        ("/v1/ev", "/v1/event", ("address", "https://api-events.eventstracker.io/v1/event", "wrong_address")),
    ],
)  # fmt: skip
def test_each_kind_of_difference_has_its_cause(old, new, expected):
    assert told(edited(Event.CONVERTED, old, new)) == [("converted", *expected)]
    assert expected[2] in KINDS


def test_a_token_that_nobody_knows_is_only_possibly_wrong():
    near = compare_pixels(edited(Event.CONVERTED, "[Call:InboundCallId]", "[Call:InboundCalId]"), PLAN, KEY)
    far = compare_pixels(edited(Event.CONVERTED, "[Call:InboundCallId]", "[tag:My:Own]"), PLAN, KEY)
    assert (near[0].certainty, far[0].certainty) == (Certainty.LIKELY, Certainty.POSSIBLE)


@pytest.mark.parametrize(
    "live",
    [
        edited(Event.CONVERTED, "[Call:CallerNumber]", "[tag:InboundNumber:Number]"),
        changed(Event.CONVERTED, name="My own name"),
        edited(Event.ERROR, "&caller_state", "&is_duplicate=[Call:IsDuplicate]&caller_state"),
    ],
)
def test_what_changes_nothing_for_kayzen_is_harmless(live):
    (difference,) = compare_pixels(live, PLAN, KEY)
    assert difference.is_harmless


def test_form_fields_are_compared_as_far_as_they_are_told():
    assert told(changed(Event.PAYOUT, fire_on="Converted")) == [("payout", "trigger", "converted", "wrong_trigger")]
    assert told(changed(Event.PAYOUT, fire_on="Finalized", event=None)) == [
        ("payout", "trigger", "a trigger that the guide does not use", "wrong_trigger")
    ]
    assert told(changed(Event.PAYOUT, method="post")) == [("payout", "method", "post", "pixel_differs")]
    assert told(changed(Event.PAYOUT, fire_on="EV7", method="")) == []


def test_a_missing_pixel_and_a_doubled_one_are_told():
    assert told(six()[1:]) == [("incoming", "created", "missing", "pixel_not_created")]
    assert told([*six(), replace(six()[3], name="Converted again", id="EV9")])[0] == (
        "converted", "count", "2 pixels", "pixel_doubled",
    )  # fmt: skip
    assert told([*six(), replace(six()[3], name="Converted again", enabled=False)]) == [
        ("converted", "name", "another name", "pixel_differs")
    ]


def test_nothing_at_all_is_six_missing_pixels():
    assert [d.code for d in compare_pixels([], PLAN)] == ["pixel_not_created"] * 6


def test_two_pixels_of_one_name_are_told_apart_by_their_trigger():
    live = changed(Event.CONNECTED, name=six()[0].name)
    assert [len(found) for found in match_pixels(live, PLAN).values()] == [1] * 6


def test_what_many_pixels_share_is_said_once():
    differences = compare_pixels(six(None), PLAN)
    assert describe_differences(differences) == (
        "key is the placeholder in incoming, connected, completed, converted, payout, error "
        "(planned: the key that Kayzen gave you)"
    )


def mutations(url):
    """The URL with one character deleted, doubled, or swapped with the next."""
    place = st.integers(0, len(url) - 2)
    return st.one_of(
        place.map(lambda n: url[:n] + url[n + 1 :]),
        place.map(lambda n: url[:n] + url[n] + url[n:]),
        place.map(lambda n: url[:n] + url[n + 1] + url[n] + url[n + 2 :]),
        place.map(lambda n: url[:n]),
    )


@given(st.sampled_from(six()).flatmap(lambda p: mutations(p.url).map(lambda url: (p, url))))
def test_no_text_shows_a_key_however_the_url_is_damaged(case):
    pixel, url = case
    live = [replace(p, url=url) if p.event is pixel.event else p for p in six()]
    found = compare_pixels(live, PLAN, KEY)
    if url != pixel.url:
        assert found
    kept = str(see_pixels(live, PLAN).facts) + str(found)
    assert KEY.reveal() not in kept
    assert KEY.reveal()[7:] not in kept


@given(st.text(max_size=80))
def test_any_text_for_a_url_is_compared_without_a_crash(text):
    live = [replace(six()[0], url=text)]
    assert compare_pixels(live, PLAN, KEY)
    assert see_pixels(live, PLAN).content_hash
    assert take_apart(text).value("nothing") is None


def test_a_key_glued_to_its_name_is_not_shown_even_when_nothing_else_tells_it():
    for glued in ("api_keyGluedCanary", "apikey=GluedCanary", "tp=ringbaapi_key=GluedCanary", "x=1&GluedCanary-1=2"):
        live = [replace(p, url=f"{p.url.partition('?')[0]}?{glued}&app_event={p.event}") for p in six()]
        assert "GluedCanary" not in str(compare_pixels(live, PLAN)) + str(see_pixels(live, PLAN).facts)


def test_a_password_in_an_address_is_not_shown():
    assert show_address("https://me:hunter2hunter2@host.example/v1/ev", ()) == "https://host.example/v1/ev"
    assert urlsplit(show_address(f"https://host.example/api_key={KEY.reveal()}", ())).path == "/api_key"


def test_a_key_is_read_percent_decoded():
    assert key_in(six(OTHER)[0].url) == OTHER


def note(at, pixels, campaign="CTV Spring", origin="Ringba's API", attached=None):
    seen = see_pixels(pixels, PLAN, attached_ids=attached, origin=origin)
    return Entry(at=at, kind="pixels_seen", subject=campaign, by="test", facts=seen.facts)


LATER = AT + timedelta(days=2, hours=1, minutes=12)


def test_a_change_is_dated_between_two_looks():
    before = note(AT, edited(Event.CONVERTED, "app_event=converted", "app_event=incoming"))
    (change,) = describe_history([note(LATER, six()), before])
    assert str(change) == (
        "since 2026-11-20 09:12 UTC the converted pixel sends app_event=converted (was incoming) "
        "(last seen otherwise 2026-11-18 08:00 UTC)"
    )
    assert last_change([before, note(LATER, six())], "ctv spring") == LATER
    assert last_change([before], "CTV Spring") is None


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (six(OTHER)[:1] + six()[1:], f"carries the key with fingerprint {OTHER.fingerprint} (was {KEY.fingerprint})"),
        (changed(Event.INCOMING, fire_on="Payout"), "fires on payout (was incoming)"),
        (changed(Event.INCOMING, method="POST"), "uses the method POST (was GET)"),
        (changed(Event.INCOMING, enabled=False), "is not switched on"),
        (edited(Event.INCOMING, "can_claim=1", "claim=1"), "sends no can_claim any more (was 1)"),
        (edited(Event.INCOMING, "/v1/ev", "/v2/ev"), "sends to https://api-events.eventstracker.io/v2/ev"),
        (six()[1:], "there is no incoming pixel any more"),
    ],
)
def test_each_kind_of_change_has_its_words(pixels, words):
    assert words in str(describe_history([note(AT, six()), note(LATER, pixels)])[0])


def test_what_one_look_did_not_tell_is_no_change():
    pasted = [replace(p, enabled=None, method="") for p in six()[2:]]
    looks = [
        note(AT, six(), attached={"EV1"}),
        note(LATER, pasted, origin="a pasted list"),
        note(LATER, six(), attached=None),
    ]
    assert describe_history(looks) == []
    assert describe_history([note(AT, six(), attached={"EV1"}), note(LATER, six(), attached=set())])[0].words == (
        "the incoming pixel is not added to the campaign"
    )


def test_the_campaigns_histories_do_not_mix():
    looks = [
        note(AT, six()),
        note(AT, six(OTHER), "CTV Summer"),
        note(LATER, six()),
        note(LATER, six(OTHER), "CTV Summer"),
    ]
    assert describe_history(looks) == []


def test_only_news_is_worth_noting():
    seen = see_pixels(six(), PLAN)
    assert is_news(seen, [], "CTV Spring")
    assert not is_news(seen, [note(AT, six())], "ctv spring")
    assert is_news(seen, [note(AT, six(OTHER))], "CTV Spring")
    assert not is_news(see_pixels([], PLAN), [], "CTV Spring")


def test_the_hash_of_a_snapshot_ignores_the_keys_and_nothing_else():
    hashes = {see_pixels(pixels, PLAN).content_hash for pixels in (six(), six(OTHER))}
    assert len(hashes) == 1
    assert see_pixels(changed(Event.ERROR, method="POST"), PLAN).content_hash not in hashes


@pytest.mark.parametrize("facts", [{}, {"pixels": None}, {"pixels": [3, {"event": "x"}]}])
def test_a_snapshot_of_another_shape_is_left_out(facts):
    odd = Entry(at=AT, kind="pixels_seen", subject="CTV Spring", by="test", facts=facts)
    assert describe_history([odd, note(LATER, six())]) == []
