"""What must not leave is found in a text however it is written, and what only looks like it is left alone."""

import base64
import json
import re
from array import array
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.phoneshapes import find_numbers
from kayzen_nb.privacy import REMOVED, Secret, mask_phone, mask_url
from kayzen_nb.readings import read_all_ways
from kayzen_nb.sharescan import LeakKind, find_leaks, hide_leaks

KEY = Secret("Kz9/aB3+dE7=fG1h")
VALUE = KEY.reveal()
LEAKED = "3035550123"


def kinds(text, keys=(KEY,), **options):
    return [found.kind for found in find_leaks(text, keys, **options)]


def entities(text):
    return "".join(f"&#{ord(sign)};" for sign in text)


def escapes(text):
    return "".join(f"\\u{ord(sign):04x}" for sign in text)


NUMBERS = [
    "+13035550123",
    "13035550123",
    LEAKED,
    "303-555-0123",
    "303.555.0123",
    "303 555 0123",
    "303/555-0123",
    "(303) 555-0123",
    "(303)555-0123",
    "1-303-555-0123",
    "+1 (303) 555-0123",
    "+1.303.555.0123",
    "+1 303 555 0123",
    "+1-303-555-0123",
    "1 (303) 555.0123",
    "303 - 555 - 0123",
    "303-\n555-0123",
    "%2B13035550123",
    "%2b13035550123",
    "%252B13035550123",
    "%2B1%20303%20555%200123",
    "+1%28303%29555-0123",
    "&#43;13035550123",
    "&#x2b;1&nbsp;303&nbsp;555&nbsp;0123",
    entities("+13035550123"),
    escapes("+13035550123"),
    "\\u002b13035550123",
    "\\x2b13035550123",
    "3035550123.0",
    "3.035550123e9",
    "1.3035550123E+10",
    "303\N{NO-BREAK SPACE}555\N{NO-BREAK SPACE}0123",
    "303\N{EN DASH}555\N{NON-BREAKING HYPHEN}0123",
    "303\N{SOFT HYPHEN}555\N{ZERO WIDTH SPACE}0123",
    "\N{FULLWIDTH PLUS SIGN}１３０３５５５０１２３",
    "٣٠٣٥٥٥٠١٢٣",
    "303<b>555</b>0123",
    "303<!-- x -->5550123",
    "<span>303</span>-<span>555</span>-<span>0123</span>",
    "303=\n5550123",
    "tel:303-555-0123",
    "phone3035550123",
    "caller_3035550123.csv",
    "\\n3035550123",
    "3035550123x12",
    "call me at 303-555-0123.",
    "|3035550123|",
    "*3035550123*",
    "[3035550123,3035550123]",
    base64.b64encode(b"caller +13035550123").decode(),
    base64.b64encode(b"caller %2B13035550123").decode(),
]


@pytest.mark.parametrize("written", NUMBERS)
@pytest.mark.parametrize("around", ["{}", "caller_id={}&number=", '{{"caller": "{}"}}', "<td>{}</td>", "a;{};b"])
def test_a_full_number_is_found_in_every_writing(written, around):
    found = find_leaks(around.format(written))
    assert {one.kind for one in found} == {LeakKind.PHONE}
    assert {one.shown for one in found} == {"***-***-**23"}


@pytest.mark.parametrize(
    "written", ["+44 20 5555 0123", "+445555550123", "+49(30)55550123", "tel:030-5555-0123", "%2B4930555501234"]
)
def test_a_number_of_another_country_is_found_where_a_plus_or_tel_says_so(written):
    assert kinds(written) == [LeakKind.PHONE]


@pytest.mark.parametrize(
    "harmless",
    [
        "",
        "***-***-**23 and ***-***-0123, xxx-555-0123",
        "1732456789",  # epoch in seconds
        "1732456789123 1732456789123456",  # milliseconds, microseconds
        "2026-11-24T14:05:06.1234567Z 20261124T140506",
        "2026-11-24 14:05:06 +0000",
        "RGB4F4F4F4F4F4F3035550123A1B2V300123",
        "TR00000000-0000-0000-0000-000000000000",
        "b3035550-1234-4303-8555-303555012345",
        "3f0355501233035550123ffe",
        "0.3035550123 -104.3035550123 .3035550123",
        "$3035550123 €3035550123.00 3035550123.75",
        "3,035,550,123",
        "version 303.555.01",
        "M303 555 0123 404 606 L12 14",
        "12 303 555 0123 9",
        "<td>303</td><td>555</td><td>0123</td>",
        "30355501239999",
        "303-555-01234",
        "555-0123",
        "x=-3035550123*y",
        "L=-1.2684380046*T+2.6097574011*A",
        "L=-1.2684380046*_+2.6097574011*A",
        "(30*(e-t)+10646)/10631)",
        "#3035550123abc",
        "margin:0 303px 555px 123px",
        f"{2**31 - 1} {2**32} {0xFFFF0000}",
        base64.b64encode(bytes(range(256)) * 4).decode(),
    ],
)
def test_what_only_looks_like_a_number_is_left_alone(harmless):
    assert find_leaks(harmless, (KEY,)) == []


@pytest.mark.parametrize("dtype", ["i8", "f8", "u8"])
def test_numbers_in_a_charts_packed_array_are_found(dtype):
    packed = base64.b64encode(array({"i8": "q", "f8": "d", "u8": "Q"}[dtype], [13035550123, 7]).tobytes()).decode()
    assert kinds(json.dumps({"x": {"dtype": dtype, "bdata": packed}})) == [LeakKind.PHONE]
    small = base64.b64encode(array("q", [3035, 1732456789123]).tobytes()).decode()
    assert kinds(json.dumps({"x": {"dtype": "i8", "bdata": small}})) == []


def test_numbers_for_examples_pass_only_where_asked():
    assert kinds("+13035550123", allow_invented=True) == []
    assert kinds("+1303555" + "2123", allow_invented=True) == [LeakKind.PHONE]
    assert kinds("+445555550123", allow_invented=True) == []
    assert kinds("+13035550123") == [LeakKind.PHONE]


WRITINGS = {
    "plain": VALUE,
    "percent": quote(VALUE, safe=""),
    "percent twice": quote(quote(VALUE, safe=""), safe=""),
    "percent small": quote(VALUE, safe="").lower(),
    "json": json.dumps(VALUE).replace("/", "\\/"),
    "unicode escapes": escapes(VALUE),
    "entities": entities(VALUE),
    "hex": VALUE.encode().hex(),
    "hex capitals": VALUE.encode().hex().upper(),
    "base64": base64.b64encode(VALUE.encode()).decode(),
    "base64 in more": base64.b64encode(b'{"k": "' + VALUE.encode() + b'"}').decode(),
    "base64 urlsafe": base64.urlsafe_b64encode(b"xy" + VALUE.encode()).decode(),
    "base64 over lines": "\n".join(re.findall(".{1,7}", base64.b64encode(VALUE.encode()).decode())),
    "over lines": f"{VALUE[:7]}\n    {VALUE[7:]}",
    "two strings": f"\"{VALUE[:7]}\" + '{VALUE[7:]}'",
    "a list of lines": json.dumps([VALUE[:7], VALUE[7:]]),
    "soft hyphens": f"{VALUE[:5]}\N{SOFT HYPHEN}{VALUE[5:]}",
    "markup": f"{VALUE[:5]}<wbr>{VALUE[5:]}",
    "backwards": VALUE[::-1],
    "small letters": VALUE.lower(),
    "other signs": VALUE.replace("/", "-").replace("+", "_"),
}


@pytest.mark.parametrize("written", WRITINGS.values(), ids=WRITINGS)
def test_a_known_key_is_found_in_every_writing(written):
    found = find_leaks(f"before {written} after", (KEY,))
    assert LeakKind.KEY in {one.kind for one in found}
    assert f"key with fingerprint {KEY.fingerprint}" in {one.shown for one in found}
    assert all(VALUE not in one.shown + one.identity for one in found)


def test_a_key_that_is_not_given_is_not_known():
    assert kinds(f"before {VALUE} after", ()) == []


@pytest.mark.parametrize(
    "text",
    [
        "https://h/v1/ev?tp=ringba&api_key=s3cr3tvalue&x=1",
        "https://h/v1/ev?tp=ringba&api_key=onlyletters&x=1",
        "apikey=s3cr3tvalue",
        "https://h/?token=abcdefgh",
        "https://h/?access_token=abc123def456",
        "https%3A%2F%2Fh%2F%3Fapi_key%3Ds3cr3tvalue",
        "https://h/?x=1&amp;password=hunter2hunter2",
        "RINGBA_API_TOKEN=09f0aaaa1111bbbb",
        '{"api_key": "s3cr3tvalue"}',
        '{"kayzen_password": "hunter2hunter2"}',
        "Authorization: Token 09f0aaaa",
        '"Authorization": "Bearer abcdefgh"',
        "Authorization: Basic dXNlcjpwYXNz",
        "curl -H 'authorization: token abcdefgh'",
        "https://user:hunter22@example.invalid/",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0xx.c2lnbmF0dXJlc2lnbmF0dXJl",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
    ],
)
def test_what_stands_in_a_keys_place_is_found(text):
    assert LeakKind.KEY_SHAPED in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://h/v1/ev?api_key=KAYZEN_PROVIDED&x=1",
        f"https://h/v1/ev?api_key={REMOVED}&x=1",
        f"https://h/v1/ev?api_key={quote(REMOVED)}&x=1",
        "https://h/v1/ev?api_key=&laquo;removed&raquo;&x=1",
        "https://h/v1/ev?api_key=&x=1",
        "api_key=YOUR_API_KEY api_key=<key> api_key=*** api_key=$KEY api_key={key} api_key=...",
        "call(api_key=key.reveal(), token=settings.ringba_token)",
        "token: [Call:InboundCallId]",
        'ISSUERS = {"KAYZEN_API_KEY": "Kayzen\'s account manager gives it."}',
        "https://user@example.invalid/ http://127.0.0.1:8888/lab",
        "password: required",
        "tokens=12345678",
        "Authorization: Token «removed»",
    ],
)
def test_placeholders_and_our_own_masks_are_no_keys(text):
    assert find_leaks(text, (KEY,)) == []


@given(st.text(max_size=60), st.sampled_from(NUMBERS), st.text(max_size=60))
def test_a_hidden_text_holds_nothing_to_find(before, number, after):
    clean = hide_leaks(f"{before} {number} {after} {VALUE}", (KEY,))
    assert find_leaks(clean, (KEY,)) == []
    assert VALUE not in clean
    assert hide_leaks(clean, (KEY,)) == clean


def test_hiding_keeps_what_is_not_secret():
    text = "Kayzen – Größe, 2026-11-24 14:05 & <b>"
    assert hide_leaks(text, (KEY,)) == text
    assert hide_leaks("from +1 (303) 555-0123 today") == "from ***-***-**23 today"
    assert hide_leaks(f"a {VALUE} b", (KEY,)) == f"a {REMOVED} b"
    assert hide_leaks("a\x00b\N{RIGHT-TO-LEFT OVERRIDE}c\x1b[31md") == "a bc [31md"


def test_what_mask_url_leaves_passes():
    url = f"https://h/v1/ev?tp=ringba&api_key={VALUE}&caller_id=%2b13035550123&number=+18885550122&x=1"
    assert find_leaks(mask_url(url), (KEY,)) == []


@pytest.mark.parametrize("number", ["+13035550123", "18885550122", "303-555-0123", "+445555550123"])
def test_what_mask_phone_leaves_passes(number):
    assert find_leaks(mask_phone(number) or "") == []


@given(st.text(alphabet="%&;#\\ux0123456789abcdef+<b>/=\n \N{SOFT HYPHEN}１", max_size=80))
def test_every_reading_knows_where_its_parts_stood(text):
    for reading in read_all_ways(text):
        assert reading.span(0, len(reading.text))[1] <= len(text)
        for n in range(len(reading.text)):
            start, end = reading.span(n, n + 1)
            assert 0 <= start <= end <= len(text)


def test_a_find_tells_the_place_in_the_text_as_it_was_given():
    text = "a &amp; b caller=%2B13035550123&x"
    (found,) = find_leaks(text)
    assert text[found.start : found.end] == "%2B13035550123"


@given(st.text(alphabet="0123456789 .-()+\n", max_size=200))
def test_any_jumble_of_digits_is_read_to_its_end(text):
    assert all(text[n.start : n.end] for n in find_numbers(text))


def test_an_id_is_no_number_where_a_stretch_to_decode_begins_inside_it():
    for filler in range(220, 280):
        assert find_leaks("99993035550123" + " " * filler + "&amp;") == []
        assert find_leaks("&amp;" + " " * filler + "3035550123999") == []


def test_ten_thousand_numbers_are_found_one_by_one():
    assert len(find_leaks("+13035550123 %2B13035550124\n" * 5000)) == 10_000


def test_amounts_below_each_other_are_no_phone_number():
    assert not list(find_leaks("+685.39\n0.00\n5,850.00"))
    assert list(find_leaks("+44 20\n7946 0123"))
