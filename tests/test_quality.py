"""Data quality: each contradiction is found on a call that has it, and on no other; what cannot be told is unknown."""

from datetime import UTC, date, datetime

import pytest
from conftest import build_calls

from kayzen_nb.checks import Verdict, worst
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.quality import FLAGS, check_quality, examples_table, quality_table

WEEK = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")
SOUND = {
    "campaign": "A",
    "caller": "***-***-**11",
    "is_duplicate": False,
    "blocked": False,
    "connected": True,
    "completed": True,
    "converted": True,
    "paid": True,
    "revenue_usd_micros": 27_000_000,
    "payout_usd_micros": 20_000_000,
    "duration_s": 130,
    "connected_s": 124,
    "time_to_connect_s": 6,
}
BROKEN = {
    "converted without connected": {"connected": False},
    "paid without converted": {"converted": False},
    "payout above revenue": {"payout_usd_micros": 27_000_001},
    "converted or paid though blocked": {"blocked": True},
    "negative length": {"time_to_connect_s": -1, "duration_s": 123},
    "connected time longer than the duration": {"duration_s": 122, "time_to_connect_s": None},
    "duration is not connected time plus time to connect": {"duration_s": 132},
    "call time later than the reading": {"call_at": "2026-11-20 00:05:01+00"},
    "connected without connected time": {"connected_s": 0, "duration_s": 6},
    "no caller": {"caller": None},
    "no campaign": {"campaign": None},
    "not told whether duplicate": {"is_duplicate": None},
}


def quality_of(rows, only=None, **more):
    funnel = count_funnel(build_calls(rows, **more), WEEK)
    return check_quality(funnel.focus(only) if only else funnel)


def test_sound_calls_raise_no_flag_and_pass():
    quality = quality_of([SOUND] * 3)
    assert set(quality.counts.values()) == {0}
    assert worst(quality.checks()) is Verdict.PASS
    assert quality.sentence == "None of the 8 contradictions looked for was found."
    assert quality.examples.empty


@pytest.mark.parametrize("flag", [flag.name for flag in FLAGS])
def test_each_flag_is_counted_and_its_call_listed(flag):
    quality = quality_of([SOUND, SOUND | BROKEN[flag]])
    assert {name: count for name, count in quality.counts.items() if count} == {flag: 1}
    assert quality.examples[["flag", "call_id"]].to_numpy().tolist() == [[flag, "RGB001"]]


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.subject not in ("note", "order")])
def test_a_contradiction_fails_its_check_and_says_how_many(flag):
    checks = quality_of([SOUND, SOUND | BROKEN[flag.name]]).checks()
    (failed,) = [check for check in checks if check.verdict is Verdict.FAIL]
    assert failed.found.startswith(f"1 call: {flag.name}")
    assert failed.next_step


@pytest.mark.parametrize("flag", [flag.name for flag in FLAGS if flag.subject == "note"])
def test_a_note_is_told_and_fails_nothing(flag):
    quality = quality_of([SOUND | BROKEN[flag]])
    assert worst(quality.checks()) is Verdict.PASS
    assert f"1 {flag}" in quality.sentence


def test_one_second_of_rounding_is_no_contradiction():
    assert not any(quality_of([SOUND | {"duration_s": 131}, SOUND | {"duration_s": 129}]).counts.values())


def test_a_call_that_is_still_going_has_no_lengths_to_disagree():
    assert not any(quality_of([SOUND | {"completed": False, "connected_s": 0, "duration_s": 90}]).counts.values())


def test_clocks_that_differ_by_minutes_put_no_call_into_the_future():
    calls = [SOUND | {"call_at": "2026-11-20 00:05:00+00"}]
    assert not any(quality_of(calls, as_of=datetime(2026, 11, 20, tzinfo=UTC)).counts.values())


def test_columns_that_the_source_does_not_hold_are_unknown_and_named():
    lengths = ("duration_s", "connected_s", "time_to_connect_s")
    quality = quality_of([SOUND | dict.fromkeys(lengths)], unknown=(*lengths, "caller"))
    assert {name for name, count in quality.counts.items() if count is None} == {
        "negative length",
        "connected time longer than the duration",
        "duration is not connected time plus time to connect",
        "connected without connected time",
        "no caller",
    }
    (times,) = [check for check in quality.checks() if check.verdict is Verdict.UNKNOWN]
    assert times.name == "the lengths of each call agree"
    assert "Could not be looked at: negative length" in quality.sentence
    assert "None of the 5 contradictions" in quality.sentence
    assert quality_table(quality).set_index("Found")["Calls"]["no caller"] == "unknown"


def test_a_check_that_can_be_told_in_part_passes_and_names_the_rest():
    times, *_ = quality_of([SOUND | {"time_to_connect_s": None}], unknown=("time_to_connect_s",)).checks()
    assert times.verdict is Verdict.PASS
    assert times.found == "no exception; cannot be told: duration is not connected time plus time to connect"


def test_at_most_twenty_calls_of_a_flag_are_listed_the_earliest_first():
    rows = [SOUND | {"campaign": None, "call_at": f"2026-11-02 15:{59 - n:02}:00+00"} for n in range(30)]
    listed = quality_of(rows).examples
    assert listed["call_id"].tolist() == [f"RGB{n:03}" for n in range(29, 9, -1)]
    assert listed["call_time"].iloc[0] == "2026-11-02 10:30:00"


def test_only_the_part_that_is_looked_at_is_checked():
    rows = [SOUND | {"blocked": True}, SOUND | {"campaign": "B"}]
    assert quality_of(rows, {"campaign": "B"}).counts["converted or paid though blocked"] == 0
    assert quality_of(rows, {"campaign": "A"}).counts["converted or paid though blocked"] == 1


def test_no_calls_say_so_and_have_no_base():
    quality = quality_of([])
    assert quality.sentence == "No calls, so nothing that could disagree."
    assert set(quality_table(quality)["Of all calls"]) == {"no base"}
    assert examples_table(quality).empty
