"""Sharing out a change: by hand, against the mean over all orders, and what must hold for any counts."""

from fractions import Fraction
from itertools import permutations
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.shapley import _shapley, round_parts, split_change

counts = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).map(
    lambda three: tuple(sorted(three, reverse=True))
)
groups = st.dictionaries(st.sampled_from(["A", "B", "C", None]), counts, max_size=4)
fractions = st.fractions(-5, 5, max_denominator=40)


def totals(parts):
    return [sum(column, Fraction(0)) for column in zip(*parts.values(), strict=True)]


def test_two_factors_are_shared_by_hand():
    # 100 calls, half connect; then 120 calls, 3 of 4 connect: 50 to 90. Volume 20 x 0.625, rate 0.25 x 110.
    parts = split_change({"A": (100, 50)}, {"A": (120, 90)})
    assert parts == {"A": [Fraction("12.5"), 0, Fraction("27.5")]}


def test_only_the_mix_moves_where_only_the_mix_moved():
    before = {"TX": (100, 60), "GA": (100, 20)}
    now = {"TX": (50, 30), "GA": (150, 30)}
    assert totals(split_change(before, now)) == [0, -20, 0]


def test_a_group_that_is_new_or_gone_is_mix_and_not_rate():
    parts = totals(split_change({"A": (100, 50), "B": (100, 10)}, {"A": (100, 50), "C": (100, 90)}))
    assert parts == [0, 80, 0]


def test_a_first_period_is_all_volume_and_two_empty_ones_are_nothing():
    assert totals(split_change({}, {"A": (30, 20), "B": (10, 0)})) == [20, 0, 0]
    assert totals(split_change({"A": (30, 20)}, {})) == [-20, 0, 0]
    assert split_change({}, {}) == {}
    assert totals(split_change({"A": (0, 0)}, {"A": (0, 0)})) == [0, 0, 0]


def test_groups_known_from_a_later_step_only_leave_that_steps_rate_whole():
    # Unanswered calls name no target: 200 calls before and now; 100 connect, then 50; A's and B's rates stay.
    before = {None: (100, 0, 0), "A": (50, 50, 30), "B": (50, 50, 10)}
    now = {None: (150, 0, 0), "B": (50, 50, 10)}
    volume, connect, mix, rate = totals(split_change(before, now, mix_at=1))
    assert (volume, rate) == (0, 0)
    assert (connect, mix) == (-15, -15)  # 40 to 10: rate 0.5 to 0.25 of calls, 0.4 to 0.2 of connected


@given(st.lists(st.tuples(fractions, fractions), min_size=1, max_size=5))
def test_a_part_is_the_mean_of_its_factors_move_over_all_orders(factors):
    before, now = [a for a, _ in factors], [b for _, b in factors]
    orders = list(permutations(range(len(factors))))
    wanted = [Fraction(0)] * len(factors)
    for order in orders:
        values = list(before)
        for n in order:
            then = prod(values, start=Fraction(1))
            values[n] = now[n]
            wanted[n] += (prod(values, start=Fraction(1)) - then) / len(orders)
    assert _shapley(before, now) == wanted


@given(groups, groups, st.integers(0, 2))
def test_the_parts_of_any_counts_add_up_to_each_groups_change_and_to_the_whole(before, now, mix_at):
    parts = split_change(before, now, mix_at=mix_at)
    for group, shared in parts.items():
        assert sum(shared) == now.get(group, (0, 0, 0))[2] - before.get(group, (0, 0, 0))[2]
    assert set(parts) == {*before, *now}


@given(groups, groups)
def test_then_and_now_swapped_turns_every_sign(before, now):
    there, back = split_change(before, now), split_change(now, before)
    assert {group: [-part for part in back[group]] for group in back} == {group: there[group] for group in back}


@given(st.lists(st.fractions(-1000, 1000, max_denominator=97), min_size=1, max_size=6), st.integers(1, 100))
def test_rounded_parts_add_up_and_move_by_less_than_a_unit(parts, unit):
    whole = [*parts, -sum(parts) + 7 * unit]
    shown = round_parts(whole, unit)
    assert sum(shown) == 7 * unit
    assert all(abs(a - b) < unit and a % unit == 0 for a, b in zip(shown, whole, strict=True))


def test_parts_that_are_whole_do_not_move():
    assert round_parts([Fraction(3), Fraction("-1.5"), Fraction("0.5"), Fraction(0)]) == [3, -1, 0, 0]
    assert round_parts([Fraction(20_000), Fraction(15_000), Fraction(5_000)], 10_000) == [20_000, 20_000, 0]
