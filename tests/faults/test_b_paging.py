"""Group B: what data that move, and a call log that miscounts, can do to a reading."""

# ruff: noqa: N802  # the rows of the matrix are found by their ids
from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kayzen_nb.archive import Archive
from kayzen_nb.period import Period
from kayzen_nb.restatement import compare
from kayzen_nb.sandbox import SCENARIOS
from kayzen_nb.sandbox.datafaults import Movement
from kayzen_nb.sources import calls
from tests.faults.ground import (
    COLUMNS_ASKED,
    DAY,
    DAY_MS,
    LogOf,
    log_requests,
    make_record,
    problem_of,
    stored_of,
    truth_of,
)
from tests.faultserver import FaultTransport, ok, status

JSON = {"Content-Type": "application/json"}
DAY_LENGTH_MS = 86_400_000


def read_while_moving(ground, scenario):
    """One reading of a day whose calls move meanwhile, and the sandbox; nothing that stayed is lost or doubled."""
    sandbox = ground.open_sandbox(scenario)
    before = truth_of(sandbox)
    report, _ = ground.sync(sandbox)
    assert sandbox.moved, "nothing moved: the test proves nothing"
    if report.is_whole:
        after, stored = truth_of(sandbox), ground.stored()
        versions = [before, after, *(stored_of(filter(None, record)) for _, *record in sandbox.moved)]
        assert before.keys() & after.keys() <= stored.keys(), "a call that was there all the time is lost"
        assert all(any(version.get(i) == call for version in versions) for i, call in stored.items())
    return report, sandbox


def fails(ground, far, *words, script=()):
    """The number of page requests of a sync that says these words and leaves the archive as it was."""
    good, _ = ground.sync(LogOf(records=[make_record(n) for n in range(30)]))
    assert good.is_whole
    before = ground.files()
    report, asked = ground.sync(far, script)
    assert not report.is_whole
    text = problem_of(report)
    assert not [word for word in words if word not in text], text
    assert ground.files() == before
    return len(log_requests(asked))


def reads(ground, far, expected, script=()):
    """The number of page requests of a sync that stores exactly these calls."""
    report, asked = ground.sync(far, script)
    assert report.is_whole, problem_of(report)
    assert ground.stored() == expected
    return len(log_requests(asked))


def records(count, **more):
    return [make_record(n, **more) for n in range(count)]


def moving(**rules):
    return replace(SCENARIOS["log_moves"], moving=Movement(**rules))


# Rows that come, go and change between pages.


def test_B01_rows_inserted_between_pages_are_in_once(ground):
    report, sandbox = read_while_moving(ground, "log_rows_inserted")
    assert report.is_whole, problem_of(report)
    assert ground.stored() == truth_of(sandbox)


def test_B01_a_row_inserted_only_behind_us_is_in_with_the_next_sync(ground):
    report, sandbox = read_while_moving(ground, moving(earlier=3, times=1, seed=1))
    assert report.is_whole
    reads(ground, sandbox, truth_of(sandbox))


@pytest.mark.parametrize("scenario", ["log_rows_removed", "log_moves"])
def test_B02_rows_removed_between_pages_are_not_lost(ground, scenario):
    report, sandbox = read_while_moving(ground, scenario)
    assert report.is_whole, problem_of(report)
    reads(ground, sandbox, truth_of(sandbox))  # at rest: exact, the removed ones gone


@pytest.mark.parametrize("seed", range(3))
def test_B02_rows_that_leave_ahead_of_us_take_no_other_row_with_them(ground, seed):
    report, sandbox = read_while_moving(ground, moving(vanish=60, times=2, seed=seed))
    assert report.is_whole, problem_of(report)
    reads(ground, sandbox, truth_of(sandbox))


def test_B02_a_log_that_never_rests_is_called_unstable(ground):
    far = LogOf(records=records(2500))

    def remove_some(*_):
        ahead = [r for r in far.records if r["callDt"] > DAY_MS + 15_000_000]
        far.records = [r for r in far.records if r not in ahead[-3:]]

    far.changed = remove_some
    assert fails(ground, far, "unstable") <= 2 * 3 * 4  # three passes of at most three pages, twice


def test_B02_the_sandbox_that_never_rests_is_refused_or_loses_nothing(ground):
    report, sandbox = read_while_moving(ground, "log_never_at_rest")
    assert report.is_whole or "unstable" in problem_of(report)
    assert report.is_whole or not ground.stored()
    assert len(sandbox.asked) < 60


def test_B03_a_row_seen_twice_is_kept_as_it_was_seen_last(ground):
    far = LogOf(records=records(1500))
    old = stored_of(far.records)
    reads(ground, far, old)

    def change(number, *_):
        if number == len(far.asked) == changes_at:
            far.records[999] = make_record(999, payoutAmount=35.0)  # the last of page 1, the first of page 2

    changes_at = len(far.asked) + 1
    far.changed = change
    new = old | stored_of([make_record(999, payoutAmount=35.0)])
    reads(ground, far, new)
    assert new["RGB00999"] != old["RGB00999"]
    first, second = Archive(ground.archive.folder).pulls(DAY)  # both are kept
    found = compare(first.path, second.path)
    assert (found.new, found.gone, found.changed) == (0, 0, 1)
    assert found.payout_delta_usd_micros == 15_000_000


def test_B03_amounts_that_change_meanwhile_are_of_one_version_or_the_other(ground):
    report, sandbox = read_while_moving(ground, "log_rows_changed")
    assert report.is_whole
    reads(ground, sandbox, truth_of(sandbox))


# Caps and counts.


@pytest.mark.parametrize("declares", ["the cap", "the truth"])
def test_B04_a_window_at_the_hidden_cap_is_split_until_it_is_below(ground, declares):
    far = LogOf(records=[make_record(n, at_ms=DAY_MS + n * 6000) for n in range(12_000)], cap=10_000)
    pages = []

    def declare(_, __, answer):
        if declares == "the truth" and answer["report"]["totalCount"] == far.cap:
            answer["report"]["totalCount"] = len(far.records)
        pages.append(answer["report"]["totalCount"])

    far.changed = declare
    reads(ground, far, stored_of(far.records))
    assert pages[0] >= 10_000
    assert max(pages[1:]) < 10_000  # one split was enough


def test_B04_a_second_at_the_cap_is_refused(ground):
    crowd = [make_record(n, at_ms=DAY_MS + 5000 + n % 1000) for n in range(10_100)]
    assert fails(ground, LogOf(records=crowd, cap=10_000), "10,000 calls or more in one second") < 100


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("log_count_wrong", "declared"), ("log_count_too_low", "declared"), ("log_count_missing", "totalCount"),
     ("log_count_text", "totalCount"), ("log_count_negative", "totalCount")],
)  # fmt: skip
def test_B05_a_count_that_is_wrong_missing_text_or_negative_is_an_error(ground, scenario, words):
    fails(ground, ground.open_sandbox(scenario), words)


@pytest.mark.parametrize("count", [None, True, 2.5, "3", [], {}])
def test_B05_a_count_that_is_no_count_is_an_error(ground, count):
    far = LogOf(records=records(3), changed=lambda _, __, answer: answer["report"].update(totalCount=count))
    fails(ground, far, "totalCount")


@pytest.mark.parametrize(("page", "by"), [(1, 1), (1, -1), (2, 1), (2, -1), (3, 1), (3, -1)])
def test_B05_a_count_that_is_wrong_by_one_on_any_page_is_an_error(ground, page, by):
    far = LogOf(records=records(2500))

    def miscount(_, asked, answer):
        number = 1 + sum(r["callDt"] < _ms(asked) for r in far.records) // 999
        answer["report"]["totalCount"] += by if number == page else 0

    far.changed = miscount
    fails(ground, far, "declared")


def _ms(asked):
    return datetime.fromisoformat(asked["reportStart"]).timestamp() * 1000


@pytest.mark.parametrize("scenario", ["log_page_short"])
def test_B06_short_pages_are_read_on_to_the_count(ground, scenario):
    sandbox = ground.open_sandbox(scenario)
    assert reads(ground, sandbox, truth_of(sandbox)) > 3


def test_B06_a_short_page_in_the_middle_is_no_end(ground):
    def shorten(number, _, answer):
        if number == 2:
            del answer["report"]["records"][7:]

    reads(ground, LogOf(records=records(2500), changed=shorten), stored_of(records(2500)))


def test_B06_pages_that_stay_short_at_the_end_are_an_error(ground):
    def drop_the_last(_, __, answer):
        answer["report"]["records"] = [r for r in answer["report"]["records"] if r["inboundCallId"] != "RGB01499"]

    fails(ground, LogOf(records=records(1500), changed=drop_the_last), "declared")


def test_B07_an_empty_page_in_the_middle_is_asked_for_again(ground):
    sandbox = ground.open_sandbox("log_page_empty")
    assert reads(ground, sandbox, truth_of(sandbox)) == 4  # three pages, one of them twice


def test_B07_pages_that_stay_empty_are_an_error(ground):
    def empty(_, __, answer):
        answer["report"]["records"] = []

    fails(ground, LogOf(records=records(1500), changed=empty), "empty pages")


def repeating(count, size):
    """A call log that gives its first page, of so many calls, again and again."""
    far = LogOf(records=records(count))
    far.changed = lambda _, __, answer: answer["report"].update(records=far.records[:size])
    return far


def test_B08_the_same_page_again_and_again_is_an_error_that_ends(ground):
    assert fails(ground, repeating(40, size=10), "unstable") < 200
    assert fails(ground, ground.open_sandbox(replace(SCENARIOS["log_page_repeated"], volume=1050)), "unstable") < 1000


def test_B08_a_loop_is_seen_at_its_first_turn(ground):
    assert fails(ground, repeating(40, size=10), "unstable") <= 2 * 3 * 4


def test_B08_the_same_page_of_one_second_again_and_again_is_an_error_that_ends(ground):
    def ignore_offset(_, asked, answer):
        if asked["offset"]:
            answer["report"]["records"] = far.records[:1000]

    far = LogOf(records=[make_record(n, at_ms=DAY_MS + 5000) for n in range(2000)], changed=ignore_offset)
    assert fails(ground, far, "two pages") < 100


# Answers that say they failed.


@pytest.mark.parametrize(
    ("scenario", "words"), [("log_failed_inside_200", "the request failed"), ("log_partial", "only in part")]
)
def test_B09_an_answer_200_that_says_it_failed_is_a_failure(ground, scenario, words):
    fails(ground, ground.open_sandbox(scenario), words)


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("spoiled", [{"isSuccessful": False}, {"report": None}])
def test_B09_on_whatever_page_it_comes(ground, page, spoiled):
    far = LogOf(records=records(2500))

    def spoil(_, asked, answer):
        if 1 + sum(r["callDt"] < _ms(asked) for r in far.records) // 999 == page:
            answer.update(spoiled)

    far.changed = spoil
    fails(ground, far, "failed" if "isSuccessful" in spoiled else "report")


@pytest.mark.parametrize(
    "body",
    [b'{"message": "No such report", "messageCode": 101}', b"[]", b"null", b'"sorry"', b"{}", b"0",
     b'{"isSuccessful": false, "report": {"totalCount": 0, "records": []}}',
     b'{"report": {"partialResult": true, "totalCount": 0, "records": []}}'],
)  # fmt: skip
def test_B09_an_error_body_in_a_200_is_never_an_empty_day(ground, body):
    spoiled = [ok(), *[status(200, headers=JSON, body=body)] * 9]
    fails(ground, LogOf(records=[]), script=spoiled)


# Edges, crowds, order.

EDGES = {"last of the day before": -1, "first": 0, "last": DAY_LENGTH_MS - 1, "first of the day after": DAY_LENGTH_MS}


def edge_records(first=0):
    return [make_record(n + first, at_ms=DAY_MS + at) for n, at in enumerate(EDGES.values())]


def test_B10_a_call_on_the_edge_of_a_day_is_in_exactly_one(ground):
    days = [DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)]
    report, _ = ground.sync(LogOf(records=edge_records()), days=days)
    assert report.is_whole
    assert [sorted(ground.stored(day)) for day in days] == [["RGB00000"], ["RGB00001", "RGB00002"], ["RGB00003"]]


def test_B10_a_call_on_the_edge_of_a_local_day_is_in_exactly_one_period(ground):
    edges = [
        make_record(n, at_ms=DAY_MS + 7 * 3_600_000 + at) for n, at in enumerate(EDGES.values())
    ]  # Denver's midnight
    far, found = LogOf(records=edges), []
    for back in (1, 0, -1):
        day = DAY - timedelta(days=back)
        table = calls(
            source="api",
            period=Period(first_day=day, last_day=day, zone="America/Denver"),
            settings=ground.settings(),
            transport=FaultTransport(far),
        )
        found.append(sorted(call_id for (call_id,) in table.relation.select("call_id").fetchall()))
        assert table.ledger.rows_in == table.ledger.rows_used == len(found[-1])
    assert found == [["RGB00000"], ["RGB00001", "RGB00002"], ["RGB00003"]]


def crowd_of(count):
    """Calls before, so many in the same millisecond, and calls after."""
    crowd = [make_record(5000 + n, at_ms=DAY_MS + 7_000_000) for n in range(count)]
    return [*records(600), *crowd, *(make_record(1000 + n) for n in range(600))]


@pytest.mark.parametrize("count", [999, 1000, 1001, 2300])
def test_B11_many_calls_of_one_millisecond_are_all_in(ground, count):
    reads(ground, LogOf(records=crowd_of(count)), stored_of(crowd_of(count)))


@pytest.mark.parametrize("after_page", [1, 2, 3])
@pytest.mark.parametrize("count", [600, 2300])
def test_B11_more_that_arrive_at_the_same_time_are_in_too(ground, count, after_page):
    far = LogOf(records=crowd_of(count))
    late = [make_record(9000 + n, at_ms=DAY_MS + 7_000_000) for n in range(5)]

    def arrive(number, *_):
        if number == after_page:
            far.records += late

    far.changed = arrive
    first = stored_of(far.records)
    report, _ = ground.sync(far)
    assert report.is_whole, problem_of(report)
    assert first.items() <= ground.stored().items()
    reads(ground, far, stored_of(far.records))


def test_B12_pages_in_any_order_give_the_same_result(ground):
    sandbox = ground.open_sandbox("log_unsorted")
    reads(ground, sandbox, truth_of(sandbox))


@pytest.mark.parametrize("order", ["newest first", "no order"])
def test_B12_a_log_that_takes_no_order_is_read_right_or_refused(ground, order):
    far = LogOf(records=records(2500))

    def disorder(_, asked, answer):
        inside = [r for r in far.records if r["callDt"] >= _ms(asked)][::-1]
        if order == "no order":
            random.Random(1).shuffle(inside)  # noqa: S311  # a game, not a secret
        answer["report"]["records"] = inside[asked["offset"] :][: asked["size"]]

    far.changed = disorder
    fails(ground, far, "unstable")


def test_B12_the_days_are_the_ones_asked_for(ground):
    """A call log that ignores the window that was asked for is refused, or read right, never stored with foreign days."""
    far = LogOf(records=[*edge_records(first=7000), *records(20)])

    def ignore_window(_, __, answer):
        answer["report"].update(totalCount=len(far.records), records=far.records)

    far.changed = ignore_window
    report, asked = ground.sync(far)
    inside = [r for r in far.records if DAY_MS <= r["callDt"] < DAY_MS + DAY_LENGTH_MS]
    assert report.is_whole
    assert ground.stored() == stored_of(inside)
    assert len(asked.requests) == COLUMNS_ASKED + 1
