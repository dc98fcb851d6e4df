"""Time between the steps: lengths counted by hand, the conversion rule as stated or seen, windows and their effect."""

import random
import statistics
from datetime import date
from fractions import Fraction
from itertools import pairwise

import duckdb
from conftest import build_calls
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.checks import Verdict
from kayzen_nb.definition import Definition
from kayzen_nb.funnel import count_funnel
from kayzen_nb.period import Period
from kayzen_nb.seconds import Seconds, find_bins
from kayzen_nb.timingcharts import draw_connected_time, draw_time_to_connect, show_connected_time, show_time_to_connect
from kayzen_nb.timings import check_rule, count_times, effect_of_windows
from kayzen_nb.timingwords import (
    describe_threshold,
    describe_times,
    describe_windows,
    find_threshold,
    just_under,
    times_table,
    windows_table,
)

WEEK = Period(first_day=date(2026, 11, 1), last_day=date(2026, 11, 7), zone="America/New_York")
LOST = {"connected": False, "completed": False, "converted": False, "paid": False, "duration_s": 9, "connected_s": 0}


def talked(seconds, *, converted=False, rang=6, **more):
    earned = {"revenue_usd_micros": 27_000_000} if converted else {}
    flags = {"connected": True, "completed": True, "converted": converted, "paid": False}
    return flags | {"connected_s": seconds, "time_to_connect_s": rang, "duration_s": seconds + rang} | earned | more


# Eight calls. Connected six, talking 30, 110, 118, 119, 120, 300 s; the last two convert. Rang 6 s, one of them 45 s.
EIGHT = [
    LOST,
    LOST,
    talked(30),
    talked(110, rang=45),
    talked(118),
    talked(119),
    talked(120, converted=True),
    talked(300, converted=True),
]


def timed(rows, definition=None, only=None, **more):
    funnel = count_funnel(build_calls(rows, **more), WEEK, definition)
    return count_times(funnel.focus(only) if only else funnel)


def test_eight_calls_give_the_times_counted_by_hand():
    times = timed(EIGHT)
    assert times.connected.calls_of == {30: 1, 110: 1, 118: 1, 119: 1, 120: 1, 300: 1}
    assert times.converted.calls_of == {120: 1, 300: 1}
    assert times.unconverted.calls_of == {30: 1, 110: 1, 118: 1, 119: 1}
    assert times.to_connect.calls_of == {6: 5, 45: 1}
    assert times.duration.calls_of == {9: 2, 36: 1, 124: 1, 125: 1, 126: 1, 155: 1, 306: 1}
    assert (times.connected.median, times.connected.p90) == (Fraction(237, 2), 300)
    assert times.converted_revenue == (54_000_000, 2)


def test_the_stated_rule_counts_the_calls_just_under_it_and_says_if():
    times = timed(EIGHT, Definition(converts_after_s=120))
    assert just_under(times, find_threshold(times)) == 3
    text = describe_threshold(times)
    assert "3 unconverted calls ended in the 15 s before it" in text
    assert "If each of them had earned" in text
    assert "27.00 USD" in text
    assert "81.00 USD more" in text
    assert "All connected calls keep to it." in text


def test_calls_that_do_not_keep_to_the_stated_rule_are_counted_on_both_sides():
    text = describe_threshold(
        timed([*EIGHT, talked(100, converted=True), talked(400)], Definition(converts_after_s=120))
    )
    assert "1 call converted though shorter, 1 call did not convert though at least that long" in text


def many(rule, seed=1, calls=600):
    """Calls of 0 to 399 s; from the rule on, nine of ten convert."""
    dice = random.Random(seed)  # noqa: S311  # invented calls
    lasted = [dice.randrange(400) for _ in range(calls)]
    return [talked(second, converted=second >= rule and dice.random() < 0.9) for second in lasted]


def test_a_rule_that_nobody_stated_is_inferred_from_the_jump_and_named_as_inferred():
    times = timed(many(120))
    assert find_threshold(times).seconds == 120
    assert not find_threshold(times).is_stated
    assert "looks like a rule of 120 s. It is inferred: confirm it in Ringba" in describe_threshold(times)


def test_without_a_jump_no_rule_is_claimed():
    dice = random.Random(2)  # noqa: S311  # invented calls
    rows = [talked(dice.randrange(20, 400), converted=dice.random() < 0.4) for _ in range(600)]
    assert find_threshold(timed(rows)) is None
    assert "the times show none" in describe_threshold(timed(rows))


def test_a_few_calls_show_no_rule_even_where_they_would_fit_one():
    assert find_threshold(timed(EIGHT)) is None
    assert "shortest of 2 converted calls lasted 120 s" in describe_threshold(timed(EIGHT))


def test_below_thirty_converted_calls_no_rule_is_claimed_however_clear_the_jump():
    short, long = [talked(115)] * 40, talked(121, converted=True)
    assert find_threshold(timed([*short, *[long] * 29])) is None
    assert find_threshold(timed([*short, *[long] * 30])).seconds == 120


def test_a_call_that_is_still_going_has_no_length_yet():
    times = timed([*EIGHT, talked(12) | {"completed": False}])
    assert times.going == 1
    assert times.connected.calls == 6
    assert times.to_connect.calls == 7
    assert "1 call had not ended when read" in describe_times(times)


def test_lengths_that_the_source_does_not_hold_are_unknown_and_not_zero():
    times = timed(EIGHT, unknown=("connected_s", "converted"))
    assert (times.connected, times.converted, times.unconverted) == (None, None, None)
    assert times.to_connect.calls == 6
    assert "Connected time is unknown" in describe_times(times)
    assert describe_threshold(times).startswith("How long converted calls lasted is unknown")
    assert set(effect_of_windows(times)["step"]) == {"incoming to connected"}
    assert effect_of_windows(times)["converted_inside"].isna().all()
    assert set(windows_table(effect_of_windows(times))["Converted inside"]) == {"unknown"}
    assert times_table(times)["Median"].tolist() == ["6 s", "unknown", "unknown", "unknown", "124.5 s"]


def test_no_calls_give_words_and_no_numbers():
    times = timed([])
    assert describe_times(times) == "No calls, so no times."
    assert "No converted call" in describe_threshold(times)
    assert times.connected.median is None
    assert find_bins(times.connected) == []
    assert (effect_of_windows(times)["inside"] == 0).all()


def test_the_effect_of_each_window_is_counted_by_hand():
    frame = effect_of_windows(timed(EIGHT)).set_index(["step", "window_s"])
    connect, convert = frame.loc["incoming to connected"], frame.loc["connected to converted"]
    assert connect["inside"].to_dict() == {10: 5, 20: 5, 30: 5, 60: 6, 120: 6}
    assert connect["outside"].to_dict() == {10: 1, 20: 1, 30: 1, 60: 0, 120: 0}
    assert connect["converted_inside"].tolist() == [2] * 5
    assert convert["inside"].to_dict() == {30: 6, 60: 5, 90: 5, 120: 2, 180: 1}
    assert convert["converted_outside"].to_dict() == {30: 0, 60: 0, 90: 0, 120: 0, 180: 1}


def test_a_window_in_force_is_marked_and_its_late_calls_stay_visible():
    times = timed(EIGHT, Definition(connect_within_s=40))
    frame = effect_of_windows(times)
    (mine,) = frame[frame["in_force"]].to_dict("records")
    assert (mine["window_s"], mine["inside"], mine["outside"]) == (40, 5, 1)
    assert times.connected.calls == 5
    assert times.to_connect.calls == 6
    assert "A connect window of 40 s is in force" in describe_windows(times)
    assert "connected within 40 s (in force)" in windows_table(frame)["Window"].tolist()


def test_the_window_in_force_leaves_as_many_connected_as_the_funnel_counts():
    for window in (5, 6, 44, 45):
        funnel = count_funnel(build_calls(EIGHT), WEEK, Definition(connect_within_s=window))
        frame = effect_of_windows(count_times(funnel))
        (mine,) = frame[frame["in_force"]].to_dict("records")
        assert mine["inside"] == funnel.count("connected")


def test_the_times_follow_the_part_of_the_calls_that_is_looked_at():
    rows = [
        talked(10, campaign="A", call_at="2026-11-02 04:30:00+00"),  # 23:30 on the 1st in New York
        talked(20, campaign="B", call_at="2026-11-02 05:30:00+00"),
        talked(40, campaign=None, call_at="2026-11-02 05:30:00+00"),
    ]
    assert list(timed(rows, only={"campaign": "A"}).connected.calls_of) == [10]
    assert list(timed(rows, only={"campaign": None}).connected.calls_of) == [40]
    assert list(timed(rows, only={"campaign": ["A", "B"]}).connected.calls_of) == [10, 20]
    assert list(timed(rows, only={"day": date(2026, 11, 1)}).connected.calls_of) == [10]
    assert list(timed(rows, only={"hour": 0, "weekday": 0}).connected.calls_of) == [20, 40]


lengths = st.lists(st.integers(0, 4000), min_size=1, max_size=80)


@given(lengths)
def test_the_median_is_that_of_the_numbers_themselves(values):
    counted = Seconds(calls_of={value: values.count(value) for value in values})
    assert counted.median == statistics.median(map(Fraction, values))
    assert counted.p90 == duckdb.execute("select quantile_disc(x, 0.9) from unnest(?) t(x)", [values]).fetchone()[0]


@given(lengths, st.none() | st.sampled_from([30, 60, 90, 120, 95]))
def test_bins_hold_every_call_once_are_few_and_part_at_the_threshold(values, mark):
    counted = Seconds(calls_of={value: values.count(value) for value in values})
    bins = find_bins(counted, mark)
    assert sum(counted.between(one.start_s, one.end_s) for one in bins) == len(values)
    assert len(bins) <= 31
    assert all(one.end_s == following.start_s for one, following in pairwise(bins))


def test_a_threshold_falls_between_two_bins_though_the_width_grows():
    counted = Seconds(calls_of=dict.fromkeys(range(600), 1))
    assert 90 not in [one.start_s for one in find_bins(counted)]
    assert 90 in [one.start_s for one in find_bins(counted, 90)]


def test_the_one_call_in_a_hundred_that_lasts_for_hours_has_an_open_bin():
    bins = find_bins(Seconds(calls_of=dict.fromkeys(range(200), 1) | {9000: 1}))
    assert (bins[-1].end_s, str(bins[-1])) == (None, "200 or more")
    assert len(bins) == 21


def test_the_chart_stacks_the_counted_calls_and_marks_rule_median_and_nine_of_ten():
    figure = draw_connected_time(timed(EIGHT, Definition(converts_after_s=120)))
    converted, others, numbers = figure.data
    assert (sum(converted.y), sum(others.y)) == (2, 4)
    assert converted.marker.pattern.shape
    assert not others.marker.pattern.shape
    assert sum(int(text) for text in numbers.text if text) == 6
    assert [note.text for note in figure.layout.annotations] == [
        "stated rule: 120 s",
        "median 118.5 s",
        "nine of ten within 300 s",
    ]
    assert "seconds" in figure.layout.xaxis.title.text


def test_the_chart_of_the_time_to_connect_draws_the_window_in_force():
    figure = draw_time_to_connect(timed(EIGHT, Definition(connect_within_s=30)))
    assert sum(figure.data[0].y) == 6
    assert figure.layout.annotations[0].text == "connect window: 30 s"


def test_where_nobody_knows_who_converted_all_connected_calls_are_one_stack():
    bars = [trace for trace in draw_connected_time(timed(EIGHT, unknown=("converted",))).data if trace.type == "bar"]
    assert [sum(bar.y) for bar in bars] == [6]


def test_times_that_are_unknown_are_told_in_words_and_drawn_by_nothing(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: shown.append(bundle))
    none, untold = timed([]), timed(EIGHT, unknown=("connected_s", "time_to_connect_s"))
    for times in (none, untold):
        show_connected_time(times)
        show_time_to_connect(times)
    assert shown == []
    assert "No converted call" in describe_threshold(none)
    assert "unknown" in describe_threshold(untold)
    assert "Time to connect is unknown" in describe_times(untold)


def test_a_stated_rule_that_converted_calls_contradict_is_told():
    (wrong,) = check_rule(timed(EIGHT, Definition(converts_after_s=121)))
    assert (wrong.verdict, wrong.found) == (Verdict.UNKNOWN, "1 of 2 converted calls are shorter")
    (right,) = check_rule(timed(EIGHT, Definition(converts_after_s=120)))
    assert right.verdict is Verdict.PASS
    assert check_rule(timed(EIGHT)) == []
    assert check_rule(timed(EIGHT, Definition(converts_after_s=120), unknown=("converted",))) == []
