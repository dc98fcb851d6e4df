"""What was reported, what it is now, and which calls moved: counted by hand. Numbers are invented."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_archive import DAY, MORNING, publish, record, write_stored

from kayzen_nb.archive import Archive, archive_folder
from kayzen_nb.restatement import Change, Changes, ColumnTotal, TakenBack, compare, list_changes, restate

NEXT = DAY + timedelta(days=1)
LATER = MORNING + timedelta(days=20)


@pytest.fixture
def files(tmp_path):
    def write(before, after):
        write_stored(tmp_path / "before.parquet", before)
        write_stored(tmp_path / "after.parquet", after)
        return tmp_path / "before.parquet", tmp_path / "after.parquet"

    return write


@pytest.fixture
def archive(tmp_path):
    return Archive(archive_folder(tmp_path / "home", "RA1"))


def call(n, day, **more):
    """A call of a day, with its id from the day."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return record(n, inboundCallId=f"RGB{day.day}-{n}", callDt=int(at.timestamp() * 1000)) | more


# two files


def test_calls_that_came_went_and_changed_are_counted_with_their_amounts(files):
    before = [record(1), record(2), record(3), record(4, payoutAmount=None)]
    after = [
        record(1),
        record(2, payoutAmount=15, conversionAmount=30),
        record(4, payoutAmount=0.1 + 0.2),
        record(5),
        record(6),
    ]
    assert compare(*files(before, after)) == Changes(
        new=2, gone=1, changed=2, is_same=False,
        revenue_delta_usd_micros=30_000_000 - 27_500_000 + 2 * 27_500_000 - 27_500_000,
        payout_delta_usd_micros=-5_000_000 + 300_000 + 2 * 20_000_000 - 20_000_000,
    )  # fmt: skip


def test_the_same_rows_in_another_order_are_the_same(files):
    rows = [
        record(1),
        record(2),
        record(2),
        record(3, conversionAmount="what"),
        record(3, conversionAmount="what"),
        {"callDt": 1},
    ]
    same = Changes(new=0, gone=0, changed=0, revenue_delta_usd_micros=0, payout_delta_usd_micros=0, is_same=True)
    assert compare(*files(rows, rows[::-1])) == same
    assert compare(*files([], [])) == same


@pytest.mark.parametrize(
    "more",
    [[record(2)], [record(3, conversionAmount="what")], [{"callDt": 1}]],
    ids=["a repeated call", "a row set aside", "a row without id"],
)
def test_rows_that_count_no_call_still_make_two_files_differ(files, more):
    rows = [record(1), record(2)]
    for before, after in ((rows, rows + more), (rows + more, rows)):
        found = compare(*files(before, after))
        assert (found.new, found.gone, found.changed, found.is_same) == (0, 0, 0, False)


def test_a_row_that_is_set_aside_now_is_a_call_that_is_gone(files):
    found = compare(*files([record(1), record(2)], [record(1), record(2, conversionAmount="what")]))
    assert (found.new, found.gone, found.revenue_delta_usd_micros) == (0, 1, -27_500_000)


def test_a_call_id_that_stands_twice_counts_once_and_the_same_on_both_sides(files):
    twice = [record(1, payoutAmount=5), record(1, payoutAmount=7), record(2)]
    found = compare(*files(twice, [*twice[::-1], record(3)]))
    assert (found.new, found.gone, found.changed, found.payout_delta_usd_micros) == (1, 0, 0, 20_000_000)


_calls = st.dictionaries(st.integers(0, 6), st.sampled_from([None, -35, 0, 12.5, 20]), max_size=6)


@settings(max_examples=15, deadline=None)
@given(_calls, _calls)
def test_comparing_the_other_way_round_mirrors_the_counts(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("pair")
    paths = []
    for name, calls in (("a", before), ("b", after)):
        write_stored(folder / f"{name}.parquet", [record(n, payoutAmount=amount) for n, amount in calls.items()])
        paths.append(folder / f"{name}.parquet")
    there, back = compare(*paths), compare(*paths[::-1])
    both = before.keys() & after.keys()
    assert there.new == back.gone == len(after.keys() - before.keys())
    assert there.gone == back.new == len(before.keys() - after.keys())
    assert there.changed == back.changed == sum(before[n] != after[n] for n in both)
    assert there.is_same == back.is_same == (before == after)
    micros = [sum(int((amount or 0) * 1_000_000) for amount in calls.values()) for calls in (before, after)]
    assert there.payout_delta_usd_micros == -back.payout_delta_usd_micros == micros[1] - micros[0]


# an archive over time


@pytest.fixture
def restated(archive):
    """Two days, read twice each; one more read only later; what moved in between was made by hand."""
    first = [call(1, DAY), call(2, DAY), call(3, DAY), call(4, DAY), call(5, DAY, payoutAmount=None), call(6, DAY)]
    publish(archive, first)
    publish(archive, [call(1, NEXT)], day=NEXT)
    publish(archive, [
        call(1, DAY, payoutAmount=-35), call(2, DAY, payoutAmount=0), call(3, DAY, payoutAmount=None),
        call(4, DAY, hasConverted=True), call(5, DAY, payoutAmount=12.5), call(7, DAY, conversionAmount=None),
    ], at=LATER)  # fmt: skip
    publish(archive, [call(1, NEXT)], day=NEXT, at=LATER)
    publish(archive, [call(1, NEXT + timedelta(days=1))], day=NEXT + timedelta(days=1), at=LATER)
    return restate(archive, DAY, DAY + timedelta(days=4), MORNING)


def test_a_restatement_counts_days_calls_and_amounts(restated):
    assert (restated.new, restated.gone, restated.changed) == (1, 1, 5)
    assert restated.compared == (DAY, NEXT)
    assert restated.first_read == (DAY + timedelta(days=2),)
    assert restated.missing == (DAY + timedelta(days=3), DAY + timedelta(days=4))
    assert restated.totals == (
        ColumnTotal(column="converted", calls=1),
        ColumnTotal(column="revenue_usd_micros", calls=1, before=27_500_000, after=0),
        ColumnTotal(
            column="payout_usd_micros", calls=6, before=4 * 20_000_000, after=-35_000_000 + 12_500_000 + 20_000_000
        ),
    )


def test_a_payout_taken_back_is_told_apart_as_negative_zero_or_missing(restated):
    assert restated.taken_back == (
        TakenBack(kind="negative", calls=1, before_usd_micros=20_000_000, after_usd_micros=-35_000_000),
        TakenBack(kind="zero", calls=1, before_usd_micros=20_000_000, after_usd_micros=0),
        TakenBack(kind="missing", calls=1, before_usd_micros=20_000_000, after_usd_micros=0),
    )


def test_every_change_is_told_per_call_with_its_value_before_and_after(restated):
    at = datetime(2026, 11, 1, 12, tzinfo=UTC)
    told = [
        ("RGB1-1", "changed", "payout_usd_micros", 20_000_000, -35_000_000),
        ("RGB1-2", "changed", "payout_usd_micros", 20_000_000, 0),
        ("RGB1-3", "changed", "payout_usd_micros", 20_000_000, None),
        ("RGB1-4", "changed", "converted", False, True),
        ("RGB1-5", "changed", "payout_usd_micros", None, 12_500_000),
        ("RGB1-6", "gone", "call_id", "RGB1-6", None),
        ("RGB1-6", "gone", "payout_usd_micros", 20_000_000, None),
        ("RGB1-6", "gone", "revenue_usd_micros", 27_500_000, None),
        ("RGB1-7", "new", "call_id", None, "RGB1-7"),
        ("RGB1-7", "new", "payout_usd_micros", None, 20_000_000),
    ]
    expected = [
        Change(call_id=c, day=DAY, call_at=at, what=w, column=column, before=b, after=a) for c, w, column, b, a in told
    ]
    assert list(restated.changes) == expected
    once, twice = iter(restated.changes), iter(restated.changes)
    assert (next(once), next(twice), next(once)) == (expected[0], expected[0], expected[1])


def test_the_single_changes_of_amounts_sum_to_the_totals(restated):
    for total in restated.totals[1:]:
        moved = [change for change in restated.changes if change.column == total.column]
        assert sum((c.after or 0) - (c.before or 0) for c in moved) == total.after - total.before


def test_the_relation_says_between_which_pulls_a_value_changed(restated):
    found = (
        restated.relation.filter("column_name = 'converted'").project("before_pulled_at, after_pulled_at").fetchall()
    )
    assert found == [(MORNING, LATER)]


def test_a_restatement_reads_as_text_and_as_a_record(restated):
    text = str(restated)
    assert "2 days (UTC) compared: 1 calls new, 1 gone, 5 changed." in text
    assert "Payout: 6 calls, 80.00 -> -2.50 USD (-82.50)." in text
    assert "Payouts taken back, negative now: 1 calls, 20.00 -> -35.00 USD." in text
    assert "1 days were read for the first time since." in text
    record_ = restated.as_record()
    assert (record_["new"], record_["until"], record_["first_read"]) == (1, None, ["2026-11-03"])
    assert record_["totals"][0] == {"column": "converted", "calls": 1, "before": None, "after": None}


def test_the_past_is_compared_with_the_past(archive):
    for turn, amount in enumerate((20, 25, 30)):
        publish(archive, [call(1, DAY, payoutAmount=amount)], at=MORNING + timedelta(days=turn))
    (total,) = restate(archive, DAY, DAY, MORNING, MORNING + timedelta(days=1)).totals
    assert (total.before, total.after) == (20_000_000, 25_000_000)
    (total,) = restate(archive, DAY, DAY, MORNING).totals
    assert (total.before, total.after) == (20_000_000, 30_000_000)
    assert restate(archive, DAY, DAY, MORNING + timedelta(days=2)).totals == ()


def test_each_step_of_a_day_can_be_listed_too(archive):
    for turn, amount in enumerate((20, 25, 30)):
        publish(archive, [call(1, DAY, payoutAmount=amount)], at=MORNING + timedelta(days=turn))
    pulls = archive.pulls(DAY)
    steps = list_changes(list(itertools.pairwise(pulls))).project("before, after, after_pulled_at").fetchall()
    assert steps == [
        ("20000000", "25000000", MORNING + timedelta(days=1)), ("25000000", "30000000", MORNING + timedelta(days=2)),
    ]  # fmt: skip


def test_nothing_to_compare_is_an_empty_restatement(archive):
    empty = restate(archive, DAY, DAY, MORNING)
    assert (empty.compared, empty.missing, empty.totals, list(empty.changes)) == ((), (DAY,), (), [])
    assert [taken.calls for taken in empty.taken_back] == [0, 0, 0]
    assert list_changes([]).fetchall() == []


def test_a_damaged_pull_is_named_in_a_restatement(archive):
    publish(archive, [call(1, DAY)])
    later = publish(archive, [call(1, DAY, payoutAmount=1)], at=LATER)
    later.pull.path.write_bytes(b"")
    found = restate(archive, DAY, DAY, MORNING)
    assert found.totals == ()
    assert "damaged" in found.flaws[0]
    assert "damaged" in str(found)


def test_a_quote_in_a_folders_name_breaks_no_query(tmp_path):
    archive = Archive(archive_folder(tmp_path / "it's [a]", "RA1"))
    publish(archive, [call(1, DAY)], spool=tmp_path)
    publish(archive, [call(1, DAY, payoutAmount=1)], at=LATER, spool=tmp_path)
    assert restate(archive, DAY, DAY, MORNING).changed == 1
