"""The key: which pixels carry it, and the proof that no other has fired since."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kayzen_nb.account import Pixel
from kayzen_nb.calls import PixelFire
from kayzen_nb.checks import Verdict
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.rotation import check_keys, check_rotation, compare_keys, explain_rotation, fingerprints_seen
from kayzen_nb.vocabulary import Event

OLD, NEW, THIRD = Secret("canary-7Yq2ZkP0"), Secret("new/key+9x=Q%"), Secret("third-key-123456")
PLAN = build_plan()
CHANGED = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BASE = "https://api-events.eventstracker.io/v1/ev?tp=ringba&app_event=incoming&api_key="


def fire(minutes, key=NEW, event=Event.INCOMING, **changes):
    pixel = next(p for p in render(PLAN, key) if p.event is event)
    at = CHANGED + timedelta(minutes=minutes)
    known = {"pixel_name": pixel.name, "fired_at": at, "status": 200, "url": pixel.url}
    return PixelFire(**(known | changes))


def verdicts(fires):
    return [check.verdict.value for check in check_rotation(fires, NEW, CHANGED)]


def test_only_the_new_key_since_the_change_passes():
    checks = check_rotation([fire(-5, OLD), fire(1), fire(9)], NEW, CHANGED)
    assert [check.verdict for check in checks] == [Verdict.PASS, Verdict.PASS]
    assert checks[0].found == "1 pixels fired since, 0 of them with another key"
    assert checks[1].found == (
        "2 of 2 fires since the change carry it; first with it 2026-11-20 09:01:00 UTC; "
        f"last with another (fingerprint {OLD.fingerprint}) 2026-11-20 08:55:00 UTC"
    )


def test_one_fire_with_another_key_fails_its_pixel_and_the_whole():
    assert verdicts([fire(1), fire(2, OLD, Event.CONNECTED), fire(3, event=Event.CONNECTED)]) == [
        "fail",
        "pass",
        "fail",
    ]


@pytest.mark.parametrize("key", [None, Secret(NEW.reveal() + "x"), Secret("new/key 9x=Q%"), Secret("NEW/KEY+9X=Q%")])
def test_a_placeholder_and_a_key_that_is_nearly_the_new_one_are_another(key):
    assert verdicts([fire(1, key)])[0] == "fail"


@pytest.mark.parametrize(
    "written", ["new%2Fkey%2B9x%3DQ%25", "new%2fkey%2b9x%3dQ%25", "new/key+9x=Q%25", "%6eew/key+9x=Q%25"]
)
def test_the_key_is_compared_after_percent_decoding_and_a_plus_stays_a_plus(written):
    assert verdicts([fire(1, url=BASE + written)]) == ["pass", "pass"]


@pytest.mark.parametrize(
    "url", [BASE + "new%20key", BASE, BASE.replace("api_key=", "x="), BASE + "new/key+9x=Q%25&api_key=canary-7Yq2ZkP0"]
)
def test_no_key_or_a_second_one_is_not_the_new_one(url):
    assert verdicts([fire(1, url=url)])[0] == "fail"


@pytest.mark.parametrize("fires", [[], [fire(-1)], [fire(-1, OLD)]])
def test_no_fire_since_the_change_proves_nothing(fires):
    (check,) = check_rotation(fires, NEW, CHANGED)
    assert check.verdict is Verdict.UNKNOWN
    assert check.found == "no pixel fired since"
    assert check.next_step == "Place a test call, then look again."


def test_a_fire_at_the_very_moment_of_the_change_counts():
    assert verdicts([fire(0, OLD)])[0] == "fail"


def test_a_fire_without_a_url_or_without_a_time_leaves_it_unknown():
    assert verdicts([fire(1), fire(2, url="")]) == ["unknown", "unknown"]
    assert verdicts([fire(1), fire(2, fired_at=None)]) == ["unknown", "pass"]
    assert "1 fires without a time" in check_rotation([fire(1), fire(2, fired_at=None)], NEW, CHANGED)[0].found


def test_a_time_in_another_zone_is_told_in_utc_and_one_without_a_zone_counts_as_none():
    eastern = timezone(timedelta(hours=-5))
    at = (CHANGED + timedelta(minutes=1)).astimezone(eastern)
    assert "first with it 2026-11-20 09:01:00 UTC" in check_rotation([fire(1, fired_at=at)], NEW, CHANGED)[1].found
    assert verdicts([fire(1), fire(2, fired_at=at.replace(tzinfo=None))]) == ["unknown", "pass"]


def test_pixels_that_did_not_fire_since_are_named_and_not_claimed():
    check = check_rotation([fire(1), fire(-3, OLD, Event.ERROR)], NEW, CHANGED)[0]
    assert check.verdict is Verdict.PASS
    assert check.found.endswith("not fired since: Kayzen CTV - Error Postback")


def test_other_peoples_pixels_do_not_count():
    other = fire(1, pixel_name="Another tracker", url="https://example.com/p?api_key=xyz")
    assert verdicts([other, fire(1)]) == ["pass", "pass"]
    assert verdicts([other]) == ["unknown"]


def six(key):
    return list(render(PLAN, key))


def test_which_of_the_six_carry_which_key():
    pixels = [six(NEW)[0], six(OLD)[1], six(THIRD)[2], six(None)[3], replace(six(NEW)[4], url=BASE)]
    rows = compare_keys(pixels, PLAN, NEW, {OLD.fingerprint})
    assert [(row.standing, row.fingerprint) for row in rows] == [
        ("new", NEW.fingerprint), ("old", OLD.fingerprint), ("another", THIRD.fingerprint), ("placeholder", ""), ("none", ""), ("no pixel", ""),
    ]  # fmt: skip
    check = check_keys(rows)
    assert check.verdict is Verdict.FAIL
    assert check.found == (
        f"connected: the old key ({OLD.fingerprint}); completed: another key ({THIRD.fingerprint}); "
        "converted: the placeholder; payout: no key; error: no pixel"
    )
    assert check_keys(compare_keys(six(NEW), PLAN, NEW)).verdict is Verdict.PASS


def test_the_walk_through_says_what_is_left_and_retires_the_old_key_last():
    rows = compare_keys([*six(NEW)[:4], *six(OLD)[4:]], PLAN, NEW, {OLD.fingerprint})
    steps = explain_rotation(NEW.fingerprint, {OLD.fingerprint}, rows)
    assert "Still to change: payout, error." in steps[2]
    assert steps[-1] == f"Only then tell Kayzen to retire the old key (fingerprint {OLD.fingerprint})."
    assert "All six carry it already." in explain_rotation(keys=compare_keys(six(NEW), PLAN, NEW))[2]
    assert len(explain_rotation()) == len(steps)


def test_fingerprints_are_kept_and_keys_are_not():
    other = Pixel(name="Another", event=None, fire_on="", method="", url="https://example.com/?api_key=xyz")
    seen = fingerprints_seen([*six(OLD)[:5], six(None)[5], other], PLAN)
    assert seen == {event.value: OLD.fingerprint for event in list(Event)[:5]}


def test_no_key_stands_in_anything_that_is_shown():
    checks = check_rotation([fire(-5, OLD), fire(1), fire(2, THIRD, Event.PAYOUT)], NEW, CHANGED)
    rows = compare_keys([*six(OLD)[:3], *six(THIRD)[3:]], PLAN, NEW)
    text = str(checks) + str(rows) + str(check_keys(rows)) + str(explain_rotation(NEW.fingerprint, keys=rows))
    assert not [key for key in (OLD, NEW, THIRD) if key.reveal() in text]
