"""Calls beside impressions: counted by hand, sound intervals, and no claim that the calls do not carry."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_money import NO, build_spend, money_of, spent

from kayzen_nb.intervals import wilson
from kayzen_nb.response import count_response, describe_response, poisson_interval

HOURLY = ("day", "hour", "campaign", "impressions", "spend_usd_micros")


def calls_at(hour_utc, count, **more):
    return [NO | {"call_at": f"2026-11-02 {hour_utc:02}:10:00+00", "campaign": "A"} | more] * count


def by_hour(impressions):
    return build_spend(
        [spent(2, "A", 1, hour=hour, impressions=count) for hour, count in impressions.items()], held=HOURLY
    )


def test_calls_of_a_local_hour_stand_beside_the_impressions_of_that_hour():
    response = count_response(money_of([*calls_at(15, 3), *calls_at(16, 1)], by_hour({10: 1000, 11: 500, 12: 250})))
    rows = response.rows.set_index("at")
    assert response.grain == "hour"
    assert list(rows["calls"][[10, 11, 12]]) == [3, 1, 0]
    assert list(rows["per_1000"][[10, 11, 12]]) == [3.0, 2.0, 0.0]
    assert rows["impressions"].sum() == 1750
    assert rows["per_1000"].isna().sum() == 21  # hours without impressions have no rate
    assert describe_response(response).startswith("4 calls to 1,750 impressions: 2.29 per 1,000. With so few calls")


def test_without_hours_it_is_by_day_and_says_so():
    daily = build_spend([spent(2, "A", 1, impressions=1000), spent(3, "A", 1, impressions=400)])
    response = count_response(money_of(calls_at(15, 2), daily))
    assert response.grain == "day"
    assert list(response.rows["calls"]) == [2, 0]
    assert "by hour it is unknown: Kayzen's file has no hours" in describe_response(response)


def test_a_row_whose_hour_or_impressions_are_missing_takes_its_day_out():
    rows = [spent(2, "A", 1, hour=9, impressions=100), spent(3, "A", 1, hour=None, impressions=100)]
    response = count_response(money_of(calls_at(15, 1), build_spend(rows, held=HOURLY)))
    assert response.impressions == 100
    rows = [spent(2, "A", 1, impressions=100), spent(3, "A", 1, impressions=None)]
    assert list(count_response(money_of(calls_at(15, 1), build_spend(rows))).rows["at"]) == [date(2026, 11, 2)]


def test_calls_of_campaigns_that_are_not_joined_are_not_counted():
    response = count_response(money_of([*calls_at(15, 2), *calls_at(15, 5, campaign="Other")], by_hour({10: 100})))
    assert response.calls == 2


@pytest.mark.parametrize(
    ("spend", "said"),
    [
        (None, "no file of spend was given"),
        (build_spend([spent(2, "A", 1)], held=("day", "spend_usd_micros")), "no impressions"),
        (build_spend([spent(25, "A", 1, impressions=5)]), "no day has calls and impressions"),
    ],
)
def test_what_cannot_be_known_is_said(spend, said):
    response = count_response(money_of(calls_at(15, 1), spend))
    assert response.grain == "none"
    assert response.rows.empty
    assert said in describe_response(response)


def test_no_impressions_at_all_are_no_base():
    assert "no response to count" in describe_response(count_response(money_of(calls_at(15, 1), by_hour({10: 0}))))


def test_an_even_response_does_not_stand_out_and_a_lasting_peak_does():
    even = [row for hour in range(10, 20) for row in calls_at(hour, 12)]
    impressions = dict.fromkeys(range(24), 1000)
    flat = count_response(money_of(even, by_hour(dict.fromkeys(range(5, 15), 1000))))
    assert flat.stands_out == {}
    assert "No hour stands out" in describe_response(flat)
    peak = count_response(money_of([*calls_at(15, 60), *calls_at(18, 4), *calls_at(20, 4)], by_hour(impressions)))
    assert peak.stands_out[10] == "above"
    assert "above the whole: 10:00" in describe_response(peak)


def test_what_one_look_would_call_rare_is_not_rare_among_ten():
    rows = [row for hour in range(10, 20) for row in calls_at(hour, 31 if hour == 15 else 20)]
    impressions = dict.fromkeys(range(5, 15), 1000)
    low, _ = poisson_interval(31)
    assert low > 211 / 10  # alone, that hour would stand out
    assert count_response(money_of(rows, by_hour(impressions))).stands_out == {}


def test_calls_of_an_hour_without_impressions_do_not_stand_out_for_want_of_a_base():
    response = count_response(money_of([*calls_at(15, 30), *calls_at(18, 30)], by_hour({10: 1000})))
    assert 13 not in response.stands_out
    assert response.calls == 60


@given(st.integers(0, 100_000), st.sampled_from([0.8, 0.95, 0.999]))
def test_the_ends_of_the_interval_are_the_means_whose_spread_just_reaches_the_count(calls, confidence):
    from statistics import NormalDist

    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    low, high = poisson_interval(calls, confidence=confidence)
    assert low <= calls <= high
    for mean in (low, high):
        assert (calls - mean) ** 2 == pytest.approx(z * z * mean, rel=1e-6, abs=1e-6)


def test_it_is_wilsons_interval_where_calls_are_rare():
    low, high = wilson(40, 10_000_000)
    assert poisson_interval(40) == pytest.approx((low * 10_000_000, high * 10_000_000), rel=1e-4)
