"""The call log is read whole, each call once, whatever moves while it is read; or it is said why not."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.callcolumns import check_columns_of
from kayzen_nb.calllog import CallLog
from kayzen_nb.callplace import read_call_id, read_ms
from kayzen_nb.errors import BadAnswer, ContractError
from kayzen_nb.logpage import LogPage, build_request, read_page
from kayzen_nb.ringba import Ringba
from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.watching import Watcher

START = datetime(2026, 3, 1, tzinfo=UTC)
END = datetime(2026, 3, 2, tzinfo=UTC)
START_MS = int(START.timestamp()) * 1000
LAST_MS = int(END.timestamp()) * 1000 - 1


class FakeLog:
    """A call log as Ringba keeps it: inclusive ends in whole seconds, ordered, counted, in pages.

    ``change(number, page)`` may change a page's tree before it is sent; ``move(number, log)`` the records after it was.
    ``most`` is the server's own page size, ``cap`` the highest count and the deepest row it gives.
    """

    def __init__(self, records, *, change=None, move=None, most=1000, cap=10**9):
        self.records, self.change, self.move = list(records), change, move
        self.most, self.cap, self.bodies = most, cap, []

    def __call__(self, body):
        self.bodies.append(body)
        start, end = (datetime.fromisoformat(body[name]).timestamp() * 1000 for name in ("reportStart", "reportEnd"))
        inside = [r for r in self.records if start <= time_of(r, start) <= end]
        inside.sort(key=lambda r: (time_of(r, 0), str(r.get("inboundCallId"))))
        rows = [dict(r) for r in inside[: self.cap][body["offset"] : body["offset"] + min(body["size"], self.most)]]
        tree = {"isSuccessful": True, "report": {"totalCount": min(len(inside), self.cap), "records": rows}}
        if self.change:
            self.change(len(self.bodies), tree)
        page = read_page(json.dumps(tree).encode())
        if self.move:
            self.move(len(self.bodies), self)
        return page

    def read(self, start=START, end=END, **more):
        return [json.loads(bytes(r)) for batch in CallLog(self).read(start, end, **more) for r in batch]

    def refusal(self, error=BadAnswer):
        with pytest.raises(error) as caught:
            self.read()
        [problem] = caught.value.problems
        assert problem.what
        assert problem.where == "POST /{account}/calllogs at Ringba's API"
        assert problem.next_step
        return str(caught.value)


def time_of(record, otherwise):
    at = record.get("callDt")
    return at if type(at) is int else otherwise  # a row without a time is in every window


def call(number, at_ms, **more):
    return {"inboundCallId": f"RGB{number:06}", "callDt": at_ms} | more


def calls(count, *, every_ms=1000, first_ms=START_MS):
    return [call(n, first_ms + n * every_ms) for n in range(count)]


def same(found, expected):
    return Counter(map(json.dumps, found)) == Counter(map(json.dumps, expected))


TIMES = st.lists(st.integers(0, 40_000), max_size=90)


@given(times=TIMES, most=st.integers(1, 30), cut_ms=st.integers(1, 40_000))
def test_any_calls_in_any_pages_are_read_once_and_any_two_windows_give_the_same_as_one(times, most, cut_ms):
    log = FakeLog([call(n, START_MS + at) for n, at in enumerate(times)], most=max(most, 8))
    middle = START + timedelta(milliseconds=cut_ms)
    assert same(log.read(), log.records)
    assert same(log.read(START, middle) + log.read(middle, END), log.records)


@given(chance=st.randoms(use_true_random=False))
def test_calls_that_come_and_change_while_we_read_cost_no_other_call(chance):
    def move(number, log):
        if number <= 6:
            log.records.append(call(10_000 + number, START_MS + chance.randrange(60_000)))
            chance.choice(log.records)["payoutAmount"] = number

    log = FakeLog([call(n, START_MS + chance.randrange(60_000)) for n in range(80)], move=move, most=20)
    before = [r["inboundCallId"] for r in log.records]
    found = Counter(r["inboundCallId"] for r in log.read())
    assert max(found.values()) == 1
    assert set(before) <= set(found) <= {r["inboundCallId"] for r in log.records}


@given(chance=st.randoms(use_true_random=False))
def test_calls_that_leave_while_we_read_shift_no_other_call_out(chance):
    def move(number, log):
        if number <= 2:
            log.records.remove(chance.choice(log.records))

    log = FakeLog([call(n, START_MS + chance.randrange(60_000)) for n in range(80)], move=move, most=20)
    found = Counter(r["inboundCallId"] for r in log.read())
    assert max(found.values()) == 1
    assert {r["inboundCallId"] for r in log.records} <= set(found)


def test_offset_paging_would_have_lost_calls_where_this_loses_none():
    def leave_once(number, log):
        if number == 1:
            del log.records[:50]

    log = FakeLog(calls(2500), move=leave_once)
    assert log.read()[50:] == calls(2500)[50:]
    assert {body["offset"] for body in log.bodies} == {0}


def test_calls_that_keep_leaving_are_refused_as_unstable_with_window_and_numbers():
    text = FakeLog(calls(5000), move=lambda _, log: log.records.pop()).refusal()
    assert "unstable" in text
    # The third reading begins with the fifth request: 4 have left, a page's 999 are taken, one more has left.
    assert "declared 3,996 calls where 3,997 were left to read (read 3 times)" in text
    assert "between 2026-03-01 00:00:00 and 2026-03-02 00:00:00 UTC" in text


def test_calls_that_keep_coming_at_the_end_do_not_stop_the_reading_of_today():
    log = FakeLog(calls(2500), move=lambda n, log: log.records.append(call(9000 + n, START_MS + 5_000_000 + n)))
    found = log.read()
    assert same(found[:2500], calls(2500))
    assert len(log.bodies) == 9


def test_a_call_on_two_pages_counts_once_with_its_newest_content():
    def pay(number, log):
        if number == 1:
            log.records[999]["payoutAmount"] = 20

    found = FakeLog(calls(1500), move=pay).read()
    assert len(found) == 1500
    assert found[999]["payoutAmount"] == 20

    def again(number, tree):  # a server that gives old calls again, changed
        if number == 2:
            tree["report"]["records"].insert(0, call(5, START_MS + 5000, payoutAmount=7))
            tree["report"]["totalCount"] += 1

    found = FakeLog(calls(1500), change=again).read()
    assert (len(found), found[5]["payoutAmount"]) == (1500, 7)


def test_a_hidden_cap_is_escaped_by_halving_the_window():
    log = FakeLog(calls(24_000, every_ms=3500), cap=10_000)
    assert same(log.read(), log.records)
    assert all(len(batch) < 10_000 for batch in CallLog(log).read(START, END))


def test_a_cap_within_one_second_is_refused():
    text = FakeLog(calls(12_000, every_ms=0), cap=10_000).refusal()
    assert "10,000 calls or more in one second, between 2026-03-01 00:00:00 and 2026-03-01 00:00:01 UTC" in text


@pytest.mark.parametrize("off_by", [-1, 1, 500])
@pytest.mark.parametrize("count", [3, 1500])
def test_a_count_that_never_agrees_is_an_error(off_by, count):
    def miscount(_, tree):
        tree["report"]["totalCount"] += off_by

    log = FakeLog(calls(count), change=miscount)
    assert "declared" in log.refusal()
    assert len(log.bodies) <= 30


def test_a_count_that_is_wrong_once_is_cured_by_reading_again():
    def lose_one(number, tree):
        if number == 1:
            del tree["report"]["records"][1]

    log = FakeLog(calls(3), change=lose_one)
    assert same(log.read(), calls(3))


def test_a_row_that_never_comes_is_missed():
    def lose(_, tree):
        tree["report"]["records"] = [r for r in tree["report"]["records"] if r["inboundCallId"] != "RGB000700"]

    assert "unstable" in FakeLog(calls(2500), change=lose).refusal()


@pytest.mark.parametrize("keep", [0, 1, 400, 999])
def test_a_short_or_empty_page_in_the_middle_loses_nothing(keep):
    def shorten(number, tree):
        if number == 2:
            del tree["report"]["records"][keep:]

    assert same(FakeLog(calls(3500), change=shorten).read(), calls(3500))


def test_an_empty_page_costs_one_request_more_not_a_new_beginning():
    log = FakeLog(
        calls(3500), change=lambda n, tree: tree["report"].update(records=[] if n == 2 else tree["report"]["records"])
    )
    assert same(log.read(), calls(3500))
    assert len(log.bodies) == 5


def test_an_old_call_in_place_of_another_is_noticed():
    def shift(_, tree):
        if len(tree["report"]["records"]) < 1000:
            tree["report"]["records"][-1] = call(5, START_MS + 5000)

    assert "declared 1,500 calls but gave 1,499" in FakeLog(calls(1500), change=shift).refusal()


def test_pages_that_stay_empty_are_refused():
    def empty(number, tree):
        if number > 1:
            tree["report"]["records"] = []

    log = FakeLog(calls(2500), change=empty)
    assert "declared 2,500 calls but gave 0 and then empty pages" in log.refusal()
    assert len(log.bodies) < 12


def test_a_page_that_repeats_without_end_stops_with_an_error():
    first = []

    def repeat(_, tree):
        first.append(json.loads(json.dumps(tree["report"])))
        tree["report"] = first[0]

    log = FakeLog(calls(2500), change=repeat)
    assert "unstable" in log.refusal()
    assert len(log.bodies) < 20


@pytest.mark.parametrize("is_counted_anew", [True, False])
def test_a_server_that_gives_its_first_page_always_is_left_soon(is_counted_anew):
    def repeat(number, tree):
        tree["report"]["records"] = calls(1000)
        if number > 1 and not is_counted_anew:
            tree["report"]["totalCount"] = 2500

    log = FakeLog(calls(2500), change=repeat)
    assert "unstable" in log.refusal()
    assert len(log.bodies) < 20


def test_calls_of_another_time_than_asked_for_are_refused():
    def answer_yesterday(_, tree):
        tree["report"] = {"totalCount": 5000, "records": calls(1000, first_ms=START_MS - 80_000_000)}

    assert "another time than asked for" in FakeLog([], change=answer_yesterday).refusal()


def test_a_second_with_more_calls_than_its_count_is_refused():
    log = FakeLog([call(n, START_MS) for n in range(900)] + calls(900, first_ms=START_MS + 1000), most=800)

    def understate(_, tree):
        if (log.bodies[-1]["reportEnd"], log.bodies[-1]["offset"]) == ("2026-03-01T00:00:01Z", 0):
            tree["report"]["totalCount"] = 700

    log.change = understate
    assert "unstable" in log.refusal()


def test_a_page_repeated_once_is_cured():
    pages = []

    def repeat(number, tree):
        pages.append(json.loads(json.dumps(tree["report"])))
        if number == 2:
            tree["report"] = pages[0]

    assert same(FakeLog(calls(3500), change=repeat).read(), calls(3500))


def test_a_server_that_gives_single_calls_is_not_followed_for_ever():
    log = FakeLog(calls(900), most=1)
    assert "only a few on each page" in log.refusal()
    assert len(log.bodies) <= 3 * 66


def test_a_server_with_pages_of_a_hundred_is_read():
    assert same(FakeLog(calls(2500), most=100).read(), calls(2500))


def test_over_a_thousand_calls_in_one_second_are_read_by_offset():
    burst = [call(10_000 + n, START_MS + 50_000 + n % 1000) for n in range(2300)]
    log = FakeLog(calls(100) + burst + calls(100, first_ms=START_MS + 60_000)[10:])
    assert same(log.read(), log.records)
    assert max(body["offset"] for body in log.bodies) == 2000


def test_calls_that_join_the_same_second_while_it_is_read_are_not_lost():
    def join(number, log):
        if number == 4:
            log.records.append(call(99, START_MS + 50_000))  # sorts before those already read: shifts the pages

    log = FakeLog([call(10_000 + n, START_MS + 50_000) for n in range(2300)], move=join)
    assert same(log.read(), log.records)


def test_a_second_that_never_is_the_same_twice_is_refused():
    log = FakeLog(
        [call(n, START_MS) for n in range(3000)], move=lambda n, log: log.records.append(call(10_000 + n, START_MS))
    )
    assert "within a second of calls" in log.refusal()


def test_a_second_whose_calls_shift_between_its_pages_is_refused():
    def shift(number, log):
        log.records.append(call(100_000 - number, START_MS))
        log.records.pop(0)

    log = FakeLog([call(200_000 - n, START_MS) for n in range(3000)], move=shift)
    assert "gave a call on two pages" in log.refusal()


def test_a_call_at_the_very_end_belongs_to_the_next_window():
    log = FakeLog([call(1, START_MS), call(2, LAST_MS), call(3, LAST_MS + 1), call(4, START_MS - 1)])
    assert [r["inboundCallId"] for r in log.read()] == ["RGB000001", "RGB000002"]
    assert [r["inboundCallId"] for r in log.read(END, END + timedelta(days=1))] == ["RGB000003"]


def test_a_full_page_at_the_very_end_is_read_too():
    log = FakeLog([call(n, LAST_MS - n % 3) for n in range(1500)] + [call(9000 + n, LAST_MS + 1) for n in range(700)])
    assert same(log.read(), log.records[:1500])
    log = FakeLog([call(n, LAST_MS) for n in range(500)] + [call(9000 + n, LAST_MS + 1) for n in range(1500)])
    assert same(log.read(), log.records[:500])


@given(st.randoms())
def test_rows_in_any_order_within_their_page_give_the_same(chance):
    log = FakeLog(calls(150), change=lambda _, tree: chance.shuffle(tree["report"]["records"]), most=40)
    assert same(log.read(), calls(150))


def test_pages_that_are_not_ordered_among_each_other_are_refused_never_read_in_part():
    def rank(record):
        return int(record["inboundCallId"][3:]) * 7919 % 2500

    def shuffle(_, tree):
        tree["report"]["records"] = sorted(calls(2500), key=rank)[:1000]

    assert "unstable" in FakeLog(calls(2500), change=shuffle).refusal()


ODD = [{"inboundCallId": "RGB1"}, {}, {}, {"callDt": "03/01/2026 01:00:00 AM", "inboundCallId": "RGB2"}, {"callDt": None},
       {"callDt": "12", "inboundCallId": "RGB3"}, {"callDt": [1], "inboundCallId": 5}, {"callDt": True}]  # fmt: skip


@pytest.mark.parametrize("count", [0, 20, 2300])
def test_calls_without_readable_time_or_id_are_neither_lost_nor_doubled(count):
    log = FakeLog(calls(count) + ODD)
    assert same(log.read(), log.records)


def test_a_time_that_came_unreadable_is_in_the_page_where_its_call_stands():
    def blank(_, tree):
        for record in tree["report"]["records"]:
            if record["inboundCallId"] in ("RGB000005", "RGB001200", "RGB002499"):
                record["callDt"] = "?"

    found = FakeLog(calls(2500), change=blank).read()
    assert Counter(r["inboundCallId"] for r in found) == Counter(r["inboundCallId"] for r in calls(2500))


def test_calls_without_an_id_are_told_apart_by_their_content():
    nameless = [{"callDt": START_MS + n // 2 * 1000, "payoutAmount": n} for n in range(1500)]
    assert same(FakeLog(nameless).read(), nameless)


def test_a_call_that_the_log_holds_twice_is_given_twice():
    twins = [call(1, START_MS), call(1, START_MS), call(1, START_MS)]
    assert same(FakeLog(twins + calls(1500)[2:]).read(), twins + calls(1500)[2:])


def test_a_page_without_any_readable_time_is_a_contract_that_was_broken():
    def format_times(_, tree):
        for record in tree["report"]["records"]:
            record["callDt"] = "03/01/2026 01:00:00 AM"

    text = FakeLog(calls(2500), change=format_times).refusal(ContractError)
    assert "callDt holds no readable call time in any of 1,000 records" in text


@pytest.mark.parametrize("write", [lambda ms: ms // 1000, lambda ms: ms * 1000, float, str, lambda ms: str(ms // 1000),
                                   lambda ms: datetime.fromtimestamp(ms / 1000, UTC).isoformat()])  # fmt: skip
def test_a_time_in_another_unit_is_told_by_its_size(write):
    at = START_MS + 42_000
    assert read_ms(write(at)) == at

    def rewrite(_, tree):
        for record in tree["report"]["records"]:
            record["callDt"] = write(record["callDt"])

    assert len(FakeLog(calls(2500), change=rewrite).read()) == 2500


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.from_regex(r"\d{1,400}")
    | st.lists(st.integers())
)
def test_any_value_in_place_of_a_time_is_a_plausible_time_or_none(value):
    at = read_ms(value)
    assert at is None or datetime(2000, 1, 1, tzinfo=UTC) <= datetime.fromtimestamp(at / 1000, UTC) < datetime(
        2100, 1, 1, tzinfo=UTC
    )


def test_campaign_and_number_are_asked_for_as_the_log_writes_them():
    log = FakeLog([])
    log.read(campaign=" CTV Spring ", number="+1 (888) 555-0122")
    groups = [group["anyConditionToMatch"] for group in log.bodies[0]["filters"]]
    assert [[(c["column"], c["comparisonType"], c["value"]) for c in group] for group in groups] == [
        [("campaignName", "EQUALS", "CTV Spring")],
        [("number", "CONTAINS", "8885550122")],
    ]
    assert (
        build_request(START, END, number="PV12")["filters"][0]["anyConditionToMatch"][0]["comparisonType"] == "EQUALS"
    )
    assert "filters" not in build_request(START, END)


def test_days_are_asked_for_one_by_one_and_an_empty_window_not_at_all():
    log = FakeLog([])
    log.read(START, START + timedelta(days=2, hours=1))
    assert [body["reportStart"] for body in log.bodies] == [f"2026-03-0{day}T00:00:00Z" for day in (1, 2, 3)]
    assert log.read(END, START) == []
    assert len(log.bodies) == 3


def test_a_window_without_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        FakeLog([]).read(datetime(2026, 3, 1), END)  # noqa: DTZ001  # the fault itself


def test_a_batch_is_given_only_when_it_is_proven():
    def miscount(number, tree):
        tree["report"]["totalCount"] += number > 1

    log = FakeLog([*calls(10), call(99, LAST_MS + 60_000)], change=miscount)
    batches = CallLog(log).read(START, END + timedelta(days=1))
    assert len(next(batches)) == 10
    with pytest.raises(BadAnswer):
        list(batches)


def test_each_page_is_told_to_the_watcher():
    told = []

    class Told(Watcher):
        def page(self, rows):
            told.append(rows)

    FakeLog(calls(1500)).read(watcher=Told())
    assert told == [1000, 501]


def test_the_sandboxs_day_is_read_as_it_is():
    sandbox = open_sandbox("healthy", now=datetime(2026, 11, 20, 18, tzinfo=UTC))
    start, end = datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
    with Ringba(sandbox.settings, transport=sandbox.transport) as ringba:
        found = [read_call_id(r) for batch in ringba.call_log().read(start, end) for r in batch]
        hours = [start + timedelta(hours=n) for n in range(24)]
        hourly = [
            read_call_id(r)
            for at in hours
            for batch in ringba.call_log().read(at, at + timedelta(hours=1))
            for r in batch
        ]
    assert len(found) > 50
    assert found == hourly


# Pages


def page_of(records, head=b""):
    return read_page(head + b'{"report": {"totalCount": %d, "records": [%b]}}' % (len(records), b", ".join(records)))


def test_records_stay_the_bytes_that_came():
    rows = [b'{"payoutAmount": 0.10, "a": "\\u00e9\\/"}', b'{"payoutAmount": 1e400, "a": 1, "a": 2}']
    page = page_of(rows, b"\xef\xbb\xbf")
    assert isinstance(page, LogPage)
    assert ([bytes(r) for r in page.records], page.total) == (rows, 2)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_value_that_is_no_json_costs_neither_the_page_nor_its_neighbours(word):
    row = b'{"payoutAmount": %b, "note": "say \\"NaN\\" or -Infinity", "n": 0.10, "n": 1e400}' % word.encode()
    first, second = page_of([row, b'{"a": 2}']).records
    assert bytes(first) == row.replace(b": " + word.encode(), b': "%b"' % word.encode(), 1)
    assert bytes(second) == b'{"a": 2}'


def test_half_a_character_costs_neither_the_page_nor_its_neighbours():
    row = rb'{"a": "\ud800 \\ud800 \ud83d\ude00 \udc00"}'
    [record] = page_of([row]).records
    assert msgspec.json.decode(record) == {"a": "\ufffd \\ud800 \U0001f600 \ufffd"}


@pytest.mark.parametrize(
    ("content", "words"),
    [(b'{"report": {"totalCount": 1, "rec', "not whole"), (b"", "not whole"), (b"<html>", "not whole"), (b"NaNNaN", "not whole"),
     (b'\xef\xbb\xbf{"report": "\xff"}', "UTF-8 at byte 15"), ("{}".encode("utf-16"), "UTF-8 at byte 0"),
     (b'{"report": {"totalCount": 1, "records": [' + b"[" * 100_000, "deeply"), (b'{"report": {"totalCount": NaN', "not whole")],
)  # fmt: skip
def test_what_is_no_json_is_no_page(content, words):
    with pytest.raises(ValueError, match=words):
        read_page(content)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,NaInfty0\\u d8', max_size=60).map(str.encode))
def test_whatever_comes_it_is_a_page_or_refused_in_our_words(content):
    for body in (content, b'{"report": {"totalCount": 1, "records": [' + content + b"]}}"):
        try:
            page = read_page(body)
        except (ValueError, BadAnswer):
            continue
        assert all(isinstance(msgspec.json.decode(record), dict) for record in page.records)


# Columns


def columns_as_documented():
    kinds = {"callDt": "date", "conversionAmount": "money", "payoutAmount": "money", "isLive": "boolean", "wasBlocked": "boolean",
             "callLengthInSeconds": "timespan", "connectedCallLengthInSeconds": "timespan", "timeToConnectInSeconds": "timespan",
             "isDuplicate": "boolean", "hasConnected": "boolean", "hasConverted": "boolean", "hasPayout": "boolean"}  # fmt: skip
    return {name: kinds.get(name, "keyword") for name in API_IDS.values() if not name.startswith("tag:")}


def test_the_columns_of_today_are_as_agreed_and_new_ones_are_welcome():
    check_columns_of(
        columns_as_documented() | {"bidAmount": "money", "callLengthInSeconds": "long", "number": "newtype"}
    )


def test_every_column_that_is_gone_or_of_another_type_is_named_at_once_with_the_nearest_name():
    columns = columns_as_documented()
    del columns["payoutAmount"], columns["inboundCallId"]
    columns |= {"payoutAmounts": "money", "callDt": "keyword", "hasPayout": "double", "campaignName": "boolean"}
    with pytest.raises(ContractError) as caught:
        check_columns_of(columns)
    texts = [problem.what for problem in caught.value.problems]
    assert len(texts) == 5
    assert "Ringba's call log has no column 'payoutAmount' any more (did you mean 'payoutAmounts'?)." in texts
    assert "Column 'callDt' of Ringba's call log is now of type 'keyword' (text); it was time." in texts
    assert all(problem.where and problem.next_step for problem in caught.value.problems)


def test_an_empty_list_of_columns_lacks_all():
    with pytest.raises(ContractError) as caught:
        check_columns_of({})
    assert len(caught.value.problems) == len(columns_as_documented())
