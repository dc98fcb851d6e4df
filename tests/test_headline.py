"""The sentence on top: the five months of which it has to say the right thing, and no more than the calls carry."""

import re
from functools import cache

import pytest
from conftest import build_calls
from months import DEAD_TARGET, build_month

from kayzen_nb.breaks import find_breaks
from kayzen_nb.comparison import Comparison, compare
from kayzen_nb.definition import Definition
from kayzen_nb.explanation import find_explanation
from kayzen_nb.funnel import count_funnel
from kayzen_nb.headline import describe_drop, describe_earnings, describe_stages, headline
from kayzen_nb.ripeness import measure

CLAIMS = re.compile(r"more than chance\.|rose|fell|has answered no call|mix of|since 20")


@cache
def said_of(month):
    now, before, period, period_before = build_month(month)
    counted = count_funnel(now, period, measure(now, period).put_into(Definition()))
    explained = find_explanation(compare(counted, count_funnel(before, period_before)))
    return headline(counted, explained, find_breaks(counted)), counted


def test_a_healthy_month_changed_by_no_more_than_chance():
    text, counted = said_of("healthy")
    assert text.startswith(f"{counted.calls:,} calls: ")
    assert "nothing changed by more than chance" in text
    assert not CLAIMS.search(text.replace("nothing changed by more than chance.", ""))
    assert re.search(r"They earned [\d,.]+ USD, [\d,.]+ USD after payouts\.$", text)


def test_a_target_that_died_on_the_12th_is_named_with_its_day():
    text, _ = said_of("target_died")
    assert f"{DEAD_TARGET} has answered no call since 2026-11-12" in text
    assert re.search(r"The connect rate fell from 6\d\.\d% to 4\d\.\d%, more than chance\.", text)
    assert "mix" not in text


def test_where_only_the_mix_of_states_changed_just_that_is_said():
    text, _ = said_of("states_shifted")
    assert "The conversion rate fell" in text
    assert "Only the mix of states changed" in text
    assert "connect rate" not in text
    assert "since" not in text


def test_forty_calls_carry_counts_and_nothing_else():
    text, _ = said_of("few_calls")
    assert text.startswith("40 calls: 2")
    assert text.endswith("Too few calls for more than these counts.")
    assert "%" not in text
    assert not CLAIMS.search(text)


def test_nothing_at_all_is_said_in_one_sentence():
    text, _ = said_of("no_calls")
    assert text == "No calls from 2026-11-01 to 2026-11-30 (America/New_York): there is nothing to count."


def test_no_calls_after_a_period_with_calls_says_how_many_there_were(week):
    before = build_calls([{}] * 3)
    empty = count_funnel(build_calls([]), week)
    explained = find_explanation(Comparison(now=empty, before=count_funnel(before, week)))
    assert headline(empty, explained).endswith("In as many days before there were 3 calls.")


@pytest.mark.parametrize("month", ["healthy", "target_died", "states_shifted", "few_calls"])
def test_the_numbers_on_top_are_those_of_the_funnel(month):
    text, counted = said_of(month)
    steps = counted.steps()
    assert f"{counted.calls:,} calls" in text
    assert describe_stages(counted) in text
    assert f"{steps['revenue'][0]:,} USD" in text


def test_the_biggest_drop_names_its_largest_known_cause_or_that_none_is_told(week):
    rows = [
        {"connected": True, "converted": True, "paid": True},
        *[{"blocked": True}] * 2,
        {"ended_by": "Caller"},
        *[{}] * 5,
    ]
    assert describe_drop(count_funnel(build_calls(rows), week)) == (
        "Most are lost between incoming and connected: 8 of 9; largest named cause: blocked (2)."
    )
    silent = count_funnel(build_calls([{"connected": False}]), week)
    assert describe_drop(silent) == "Most are lost between incoming and connected: 1 of 1; why is not told."
    assert describe_drop(count_funnel(build_calls(rows[:1]), week)) == "No call is lost between the stages."


def test_what_is_unknown_is_said_to_be_unknown(week):
    unknown = ("connected", "converted", "paid", "revenue_usd_micros")
    counted = count_funnel(build_calls([{}], unknown=unknown), week)
    assert describe_stages(counted) == "1 call: connected unknown, converted unknown, paid unknown."
    assert describe_drop(counted) == "The stages after incoming are unknown."
    assert describe_earnings(counted) == "What they earned is unknown."
