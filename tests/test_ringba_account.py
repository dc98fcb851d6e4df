"""The account's set-up is read as far as Ringba answers; what it does not tell stays unknown."""

import json
from dataclasses import replace

import httpx
import pytest
import stamina

from kayzen_nb.account import (
    Campaign,
    ConversionRule,
    PayoutRule,
    Pixel,
    TrackingNumber,
    event_of,
    names_another_trigger,
    trigger_of,
)
from kayzen_nb.errors import CredentialRefused, PlatformDown, SettingsError
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_account import MOST_DETAILS, fetch_setup
from kayzen_nb.ringba_setup import read_campaign, read_micros, read_numbers, read_pixels
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.settings import Settings
from kayzen_nb.strictjson import read_json
from kayzen_nb.vocabulary import Event

CANARY = "canary-7Yq2ZkP0"
CA1, CA2 = "CA" + "1" * 32, "CA" + "2" * 32
URL = f"https://api-events.eventstracker.io/v1/ev?tp=ringba&api_key={CANARY}&app_event=incoming"
PIXEL = {
    "id": "EV1",
    "name": "Kayzen CTV - Incoming Postback",
    "pixelUrl": URL,
    "eventCode": "Incoming",
    "method": "GET",
}
NUMBER = {"phoneNumber": "+18885550122", "campaignId": CA1, "enabled": True, "deAllocationDT": "0001-01-01T00:00:00"}
ANSWERS = {
    "/campaigns": {"transactionId": "TR0", "campaigns": [{"id": CA1, "name": "CTV Spring", "enabled": True}]},
    f"/campaigns/{CA1}": {"transactionId": "TR0", "campaigns": [{"id": CA1, "eventCallBacks": ["EV1"]}]},
    "/numbers": {"transactionId": "TR0", "numbers": [NUMBER]},
    "/EventCallBacks": {"transactionId": "TR0", "eventCallBacks": [PIXEL]},
}


@pytest.fixture(autouse=True)
def no_waiting():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class FakeAccount:
    """Answers by path: a tree, or a status."""

    def __init__(self, **changes):
        self.answers = ANSWERS | changes.pop("answers", {})
        self.asked = []

    def __call__(self, request):
        assert request.method == "GET"
        path = request.url.path.removeprefix("/v2/RA0123")
        self.asked.append(path)
        answer = self.answers.get(path, 404)
        if isinstance(answer, int):
            return httpx.Response(answer, json={"message": "refused"})
        return httpx.Response(200, content=json.dumps(answer))


def settings():
    return Settings(ringba_api_token=Secret(CANARY), ringba_account_id="RA0123")


def fetch(campaign="", **answers):
    fake = FakeAccount(answers={"/" + name.replace("_", "/"): value for name, value in answers.items()})
    return fetch_setup(settings(), transport=httpx.MockTransport(fake), campaign=campaign), fake


def test_credentials_are_required_together():
    with pytest.raises(SettingsError) as caught:
        fetch_setup(Settings())
    assert len(caught.value.problems) == 2


def test_a_whole_account_is_read_with_four_questions():
    setup, fake = fetch("ctv spring")
    assert fake.asked == ["/campaigns", f"/campaigns/{CA1}", "/numbers", "/EventCallBacks"]
    assert setup.campaigns == (Campaign(id=CA1, name="CTV Spring", enabled=True, attached_pixel_ids=("EV1",)),)
    assert setup.numbers == (TrackingNumber(number="+18885550122", campaign_id=CA1, enabled=True),)
    assert setup.pixels == (
        Pixel(id="EV1", name=PIXEL["name"], event=Event.INCOMING, fire_on="Incoming", method="GET", url=URL),
    )
    assert setup.unanswered == ()
    assert CANARY not in repr(setup) and "5550122" not in repr(setup)  # noqa: PT018


@pytest.mark.parametrize("status", [403, 404, 400, 401, 500])
def test_a_refused_pixel_list_is_a_sentence_and_no_failure(status):
    setup, _ = fetch(EventCallBacks=status)
    assert setup.pixels is None
    assert setup.numbers
    (sentence,) = setup.unanswered
    assert "Paste your list of pixels (Ringba > Integrations > Pixels)." in sentence


@pytest.mark.parametrize("status", [403, 404])
def test_refused_numbers_and_campaigns_stay_unknown_one_sentence_each(status):
    setup, _ = fetch(numbers=status, campaigns=status)
    assert (setup.campaigns, setup.numbers) == (None, None)
    assert setup.pixels
    assert len(setup.unanswered) == 2


def test_a_campaign_asked_for_by_id_is_read_although_the_list_is_refused():
    setup, _ = fetch(CA1, campaigns=403)
    assert [c.id for c in setup.campaigns] == [CA1]


def test_a_token_that_is_not_accepted_and_a_platform_that_is_down_end_it():
    with pytest.raises(CredentialRefused):
        fetch(campaigns=401)
    with pytest.raises(PlatformDown):
        fetch(numbers=503)
    with pytest.raises(CredentialRefused):
        fetch(campaigns=403, numbers=403, EventCallBacks=401)


def test_a_used_up_limit_is_a_sentence(monkeypatch):
    monkeypatch.setattr("kayzen_nb.httpanswer.until_edge", lambda _span, _now: 0.0)
    setup, fake = fetch(numbers={"isRateLimited": True, "exceedingRateLimit": "Minute"})
    assert setup.numbers is None
    assert "limit of requests per minute" in setup.unanswered[0]
    assert fake.asked.count("/numbers") > 1


@pytest.mark.parametrize("tree", [{"transactionId": "TR0"}, {"eventCallBacks": "none"}, "text", 7, None])
def test_an_answer_of_an_unknown_shape_is_unknown_not_empty(tree):
    setup, _ = fetch(EventCallBacks=tree)
    assert setup.pixels is None
    assert setup.unanswered == (
        "Ringba gave the pixels in a shape that is not known. Paste your list of pixels (Ringba > Integrations > Pixels).",
    )


@pytest.mark.parametrize("tree", [[PIXEL], {"EventCallbacks": [PIXEL, "odd", None]}, {"pixels": [PIXEL]}])
def test_the_pixel_list_is_found_under_the_names_it_may_have(tree):
    setup, _ = fetch(EventCallBacks=tree)
    assert [pixel.id for pixel in setup.pixels] == ["EV1"]


@pytest.mark.parametrize(
    "tree",
    [
        {"id": CA1, "enabled": False},
        {"campaign": {"id": CA1, "enabled": False}},
        [{"id": "x"}, {"id": CA1, "enabled": False}],
    ],
)
def test_a_campaigns_own_answer_is_found_and_wins(tree):
    setup, _ = fetch(**{f"campaigns_{CA1}": tree})
    assert setup.campaigns[0].enabled is False
    assert setup.campaigns[0].name == "CTV Spring"


def test_without_a_named_campaign_details_are_read_of_a_few_only():
    def listed(count):
        return {"campaigns": [{"id": f"CA{n:032}", "name": str(n)} for n in range(count)]}

    _, few = fetch(campaigns=listed(MOST_DETAILS))
    _, many = fetch(campaigns=listed(MOST_DETAILS + 1))
    assert (len(few.asked), len(many.asked)) == (MOST_DETAILS + 3, 3)


def test_an_id_that_could_leave_the_path_is_not_asked_for():
    setup, fake = fetch(campaigns={"campaigns": [{"id": "../x", "name": "odd"}, {"name": "no id"}, "odd"]})
    assert fake.asked == ["/campaigns", "/numbers", "/EventCallBacks"]
    assert [c.name for c in setup.campaigns] == ["odd", "no id"]


def test_a_campaigns_settings_are_read_exactly():
    record = read_json(
        json.dumps(
            {
                "id": CA1, "name": " CTV ", "enabled": True,
                "defaultPayouts": [{"payoutAmount": 20.1, "payoutConversionType": "convertedCall", "isRevShare": False,
                                    "deDupeSetting": {"secondsFromLastCall": 60}}],
                "affiliateNumbers": [{"phoneNumber": "+18885550122"}, {"displayNumber": "18885550123"}, {}],
                "routes": [{"callTarget": {"name": "A"}, "conversionSettings": [
                    {"conversionType": "callLength", "conversionValue": 27.3,
                     "conversionArgs": {"startTimerEvent": "OnConnectedCall", "callLengthInSeconds": 120}}]},
                    {"conversionSettings": []}],
                "duplicateSettings": {"duplicateSetting": "ON_CONNECT"},
                "spamDetection": {"blockDuplicatesForSeconds": 30, "trackAnonymous": False},
                "eventCallBacks": [PIXEL, {"id": "EV2"}, "EV3", None],
            }
        ).encode()
    )  # fmt: skip
    pixel = read_pixels([PIXEL])[0]
    assert read_campaign(record) == Campaign(
        id=CA1,
        name="CTV",
        enabled=True,
        attached_pixel_ids=("EV1", "EV2", "EV3"),
        attached_pixels=(pixel,),
        conversion_rules=(
            ConversionRule(
                target="A",
                kind="callLength",
                revenue_usd_micros=27_300_000,
                after_s=120,
                timer_starts="OnConnectedCall",
            ),
            ConversionRule(target="a target without a name", kind=""),
        ),
        payout_rules=(PayoutRule(kind="convertedCall", payout_usd_micros=20_100_000, repeat_within_s=60),),
        numbers=("+18885550122", "18885550123"),
        duplicate_rule="ON_CONNECT",
        blocks_repeats_within_s=30,
        takes_anonymous_callers=False,
    )


@pytest.mark.parametrize("record", [{}, {"routes": None, "defaultPayouts": 3, "spamDetection": [], "enabled": "maybe"}])
def test_what_a_campaign_does_not_tell_is_none(record):
    assert read_campaign(record) == Campaign(id="", name="")


def test_no_rule_and_no_word_about_rules_are_two_things():
    assert read_campaign({"routes": []}).conversion_rules == ()
    assert read_campaign({"routes": [{"callTarget": {"name": "A"}}]}).conversion_rules is None
    assert read_campaign({"defaultPayouts": []}).payout_rules == ()
    assert read_campaign({"eventCallBacks": []}).attached_pixel_ids == ()


@pytest.mark.parametrize(
    ("value", "micros"),
    [(27, 27_000_000), ("0.1", 100_000), (0, 0), ("-3.50", -3_500_000), (0.1, None), (True, None), ("", None),
     ("1e9", None), (None, None), ("27 USD", None)],
)  # fmt: skip
def test_money_is_exact_or_not_known(value, micros):
    assert read_micros(value) == micros


def test_a_number_given_back_counts_as_switched_off_and_one_without_digits_is_left_out():
    given_back = NUMBER | {"deAllocationDT": "2026-01-01T00:00:00"}
    assert [n.enabled for n in read_numbers([NUMBER, given_back, {"campaignId": CA1}])] == [True, False]
    assert read_numbers([{"displayNumber": "18885550122"}])[0] == TrackingNumber(number="18885550122", campaign_id="")


@pytest.mark.parametrize(
    ("code", "event"),
    [("Connected (Answered)", Event.CONNECTED), ("OnCallConnected", Event.CONNECTED), ("CALL_CONVERTED", Event.CONVERTED),
     ("incomingCall", Event.INCOMING), ("Completed", Event.COMPLETED), ("payout", Event.PAYOUT), ("Error", Event.ERROR),
     ("Finalized", None), ("Recording", None), ("NotConnected", None), ("ConvertedPayout", None), ("EV7", None), ("", None)],
)  # fmt: skip
def test_a_trigger_counts_only_where_it_is_clearly_named(code, event):
    assert trigger_of(code) is event


def test_the_name_decides_only_where_the_trigger_says_nothing():
    name = "Kayzen CTV - Completed Postback"
    assert event_of("EV7", name) is Event.COMPLETED
    assert event_of("Converted", name) is Event.CONVERTED
    assert event_of("Finalized", name) is None
    assert names_another_trigger("Finalized") and not names_another_trigger("EV7")  # noqa: PT018


def test_the_sandbox_answers_everything():
    box = open_sandbox()
    setup = fetch_setup(box.settings, transport=box.transport)
    one = setup.campaign("CTV Spring")
    assert setup.unanswered == ()
    assert len(setup.pixels) == len(one.attached_pixel_ids) == 6
    assert one.conversion_rules[0].kind == "callLength"
    assert replace(setup, pixels=None).pixels is None
