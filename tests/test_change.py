"""What changed: parts counted by hand, sums that agree for any calls, and sentences that say no more than the data."""

from datetime import date
from fractions import Fraction

import months
import pytest
from conftest import build_calls
from hypothesis import given, settings
from hypothesis import strategies as st

from kayzen_nb.change import explain_change
from kayzen_nb.comparison import Comparison, compare
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period

NOW = Period(first_day=date(2026, 11, 8), last_day=date(2026, 11, 14), zone="America/New_York")
BEFORE = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")
MISSED = {"connected": False, "converted": False, "paid": False}
TALKED = MISSED | {"connected": True}
SOLD = TALKED | {"converted": True, "revenue_usd_micros": 20_000_000}


def on(day, state, *rows):
    return [row | {"state": state, "call_at": f"2026-11-{day:02} 17:00:00+00"} for row in rows]


def funnels(now, before, **more):
    return Comparison(
        now=count_funnel(build_calls(now, **more), NOW), before=count_funnel(build_calls(before, **more), BEFORE)
    )


# Before: TX 4 calls, 2 connect, 2 convert; GA 4 calls, 2 connect, none converts. Now: TX 2 calls, GA 6, same rates.
SHIFTED = (
    [*on(9, "TX", SOLD, MISSED), *on(9, "GA", *[TALKED, MISSED] * 3)],
    [*on(2, "TX", *[SOLD, MISSED] * 2), *on(2, "GA", *[TALKED, MISSED] * 2)],
)


def parts(change, measure):
    return {part.name: part.shown for part in change.splits[measure].parts}


def test_where_only_states_shift_all_of_the_change_is_their_mix():
    change = explain_change(funnels(*SHIFTED), "state")
    assert parts(change, "converted") == {"volume": 0, "mix of states": -1, "connect rate": 0, "conversion rate": 0}
    assert parts(change, "revenue")["mix of states"] == -20_000_000
    assert change.sentence() == (
        "Converted calls: 1, 1 fewer than in the 7 days before (2): "
        "volume 0, mix of states -1, connect rate 0, conversion rate 0."
    )
    assert change.sentence("revenue").startswith(
        "Revenue: 20.00 USD, 20.00 USD less than in the 7 days before (40.00 USD): "
    )


def test_where_everything_doubles_all_of_the_change_is_volume():
    change = explain_change(funnels(on(9, "TX", *[SOLD, MISSED] * 2), on(2, "TX", SOLD, MISSED)), "state")
    assert parts(change, "converted") == {"volume": 1, "mix of states": 0, "connect rate": 0, "conversion rate": 0}
    assert parts(change, "connected") == {"volume": 1, "mix of states": 0, "connect rate": 0}


def test_a_dearer_call_is_price_and_revenue_without_conversion_is_a_part_of_its_own():
    dear = SOLD | {"revenue_usd_micros": 30_000_000}
    tip = TALKED | {"revenue_usd_micros": 1_500_000}
    change = explain_change(funnels(on(9, "TX", dear, tip), on(2, "TX", SOLD, TALKED)), "state")
    found = parts(change, "revenue")
    assert (found["revenue per converted call"], found["revenue outside conversions"]) == (10_000_000, 1_500_000)
    assert sum(found.values()) == 11_500_000
    assert "revenue outside conversions +1.50." in change.sentence("revenue")
    assert "revenue outside conversions" not in parts(explain_change(funnels(*SHIFTED)), "revenue")


def test_unanswered_calls_name_no_target_so_fewer_answers_are_connect_rate_and_no_mix():
    named = {"target": "A"}
    before = [row | named for row in on(2, "TX", SOLD, SOLD)] + on(2, "TX", MISSED, MISSED)
    now = [row | named for row in on(9, "TX", SOLD)] + on(9, "TX", MISSED, MISSED, MISSED)
    found = parts(explain_change(funnels(now, before), "target"), "converted")
    assert found == {"volume": 0, "connect rate": -1, "mix of targets": 0, "conversion rate": 0}


def test_no_change_says_as_many_and_no_parts():
    assert explain_change(funnels(on(9, "TX", SOLD), on(2, "TX", SOLD))).sentence() == (
        "Converted calls: 1, as many as in the 7 days before (1)."
    )


def test_without_a_period_before_the_reason_is_said_and_nothing_is_split():
    comparison = compare(count_funnel(build_calls(SHIFTED[0]), NOW), count_funnel(build_calls([]), BEFORE))
    change = explain_change(comparison)
    assert change.splits == {}
    assert change.sentence() == change.sentence("revenue") == str(comparison)
    assert "no call is known" in change.sentence()


def test_a_period_without_a_call_lost_all_of_them_by_volume():
    change = explain_change(funnels([], SHIFTED[1]))
    assert parts(change, "converted") == {"volume": -2, "mix of states": 0, "connect rate": 0, "conversion rate": 0}


def test_what_the_source_does_not_tell_is_unknown_and_not_zero():
    change = explain_change(funnels(*SHIFTED, unknown=("converted", "revenue_usd_micros")))
    assert set(change.splits) == {"connected", "payout"}
    assert "unknown" in change.sentence()
    assert "unknown" in change.sentence("revenue")
    late = explain_change(funnels(*SHIFTED, unknown=("connected",)), "target")
    assert late.splits == {}


def test_a_stage_that_is_unknown_leaves_its_step_out():
    change = explain_change(funnels(*SHIFTED, unknown=("connected",)))
    assert list(parts(change, "converted")) == ["volume", "mix of states", "conversion rate"]


def test_days_that_are_not_next_to_each_other_are_named():
    earlier = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 5), zone=BEFORE.zone)
    comparison = Comparison(
        now=count_funnel(build_calls(SHIFTED[0]), NOW), before=count_funnel(build_calls(SHIFTED[1]), earlier)
    )
    assert "than in 2026-11-01 to 2026-11-05 (2)" in explain_change(comparison).sentence()


def test_chosen_days_of_both_periods_can_be_compared():
    comparison = funnels([*SHIFTED[0], *on(10, "TX", SOLD, SOLD)], [*SHIFTED[1], *on(3, "TX", SOLD)])
    chosen = Comparison(
        now=comparison.now.focus({"day": [date(2026, 11, 9)]}),
        before=comparison.before.focus({"day": [date(2026, 11, 2)]}),
    )
    assert parts(explain_change(chosen), "converted")["mix of states"] == -1


def test_many_small_groups_are_pooled_and_the_blank_one_is_kept():
    before = [call for n in range(60) for call in on(2, f"S{n:02}", SOLD)] + on(2, None, SOLD)
    now = [call for n in range(60) for call in on(9, f"S{n:02}", SOLD)] + on(9, None, TALKED)
    groups = explain_change(funnels(now, before)).splits["converted"].groups
    assert len(groups) == 42  # 40, the blank one, and the pool
    assert sum(groups[None]) == -1


call = st.fixed_dictionaries(
    {
        "connected": st.booleans(),
        "converted": st.sampled_from([True, False, None]),
        "paid": st.booleans(),
        "state": st.sampled_from(["TX", "GA", None]),
        "target": st.sampled_from(["A", "B", None]),
        "revenue_usd_micros": st.one_of(st.none(), st.integers(-(10**9), 10**9)),
    }
)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(call, max_size=10),
    st.lists(call, min_size=1, max_size=10),
    st.sampled_from(["state", "target", "campaign"]),
)
def test_the_parts_of_any_calls_add_up_exactly_shown_and_by_group(now, before, dimension):
    at = [
        [row | {"call_at": f"2026-11-{day} 17:00:00+00"} for row in rows] for day, rows in (("09", now), ("02", before))
    ]
    change = explain_change(funnels(*at), dimension)
    assert set(change.splits) == {"connected", "converted", "payout", "revenue"}
    for split in change.splits.values():
        assert sum(part.shown for part in split.parts) == sum(part.exact for part in split.parts) == split.change
        assert sum((sum(one, Fraction(0)) for one in split.groups.values()), Fraction(0)) == split.change
        for group, exact in split.groups.items():
            assert sum(split.group_parts(group)) == sum(exact)


@pytest.mark.parametrize(("name", "part"), [("target_died", "connect rate"), ("states_shifted", "mix of states")])
def test_the_months_changes_are_mostly_what_was_planted(name, part):
    now, before, period, previous = months.build_month(name)
    split = explain_change(compare(count_funnel(now, period), count_funnel(before, previous))).splits["converted"]
    found = {one.name: one.shown for one in split.parts}
    assert split.change < -300
    assert 0.8 < found[part] / split.change < 1.2
