"""The sandbox's call data: how many, what they are in truth, how they move, what comes later, limits, spoiled pages."""

import json
import random
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from kayzen_nb.ringba_columns import API_IDS
from kayzen_nb.sandbox import SCENARIOS, open_sandbox
from kayzen_nb.sandbox.invented import invent_day
from kayzen_nb.sandbox.platforms import ACCOUNT_ID, RINGBA_TOKEN
from kayzen_nb.sandbox.scenariofile import read_scenarios

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
DAY = datetime(2026, 11, 20, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
TOKEN = {"Authorization": f"Token {RINGBA_TOKEN}"}
IN_TIME = [{"column": "callDt", "direction": "asc"}, {"column": "inboundCallId", "direction": "asc"}]


def play(now=NOW, **fields):
    """A sandbox playing one scenario, written as in a file."""
    return open_sandbox(read_scenarios({"mine": {"about": "a test"} | fields})["mine"], now=now)


def send(sandbox, path="/calllogs", body=None, method="POST"):
    return sandbox.respond(method, f"/v2/{ACCOUNT_ID}{path}", TOKEN, json.dumps(body or {}).encode())


def ask(sandbox, start=DAY, end=NEXT, **more):
    """The report of one page, in order of time."""
    body = {
        "reportStart": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}.999999Z",
        "orderByColumns": IN_TIME,
    }
    status, _, content = send(sandbox, body=body | more)
    assert status == 200
    return json.loads(content)["report"]


def pages(sandbox, size=1000):
    """A day read page by page, by offset, as a simple reader does; the pages."""
    found = [ask(sandbox, size=size)["records"]]
    while len(found[-1]) == size:
        found.append(ask(sandbox, size=size, offset=size * len(found))["records"])
    return found


def ids(records):
    return [record["inboundCallId"] for record in records]


def by_id(records):
    return {record["inboundCallId"]: record for record in records}


# Volume and speed.


@pytest.mark.parametrize("volume", [1100, 5000])
def test_a_week_has_about_as_many_calls_as_its_volume_says(volume):
    counts = [len(invent_day(date(2026, 11, n), 1, volume)) for n in range(2, 9)]
    assert 0.9 * volume < sum(counts) / 7 < 1.1 * volume


def test_calls_of_a_large_volume_still_come_from_different_invented_callers():
    calls = invent_day(date(2026, 11, 2), 1, 5000)
    assert sum(call.is_duplicate for call in calls) / len(calls) < 0.3
    assert {call.caller[5:10] for call in calls} == {"55501"}
    assert not {call.caller[2:5] for call in calls} & {"211", "555", "800", "888", "911"}
    assert len({call.call_id for call in calls}) == len(calls)


def test_a_volume_can_be_given_to_any_scenario_and_is_invented_alike_each_time():
    one, other = (open_sandbox("guide_copied", now=NOW, volume=1100) for _ in range(2))
    assert one.truth(DAY, NEXT) == other.truth(DAY, NEXT)
    assert len(one.truth(DAY, NEXT)) > 900
    assert len(open_sandbox("small_advertiser", now=NOW).truth(DAY, NEXT)) == len(one.truth(DAY, NEXT))
    assert one.scenario.profile == "as_published"


def test_a_second_page_does_not_cost_its_day_again():
    sandbox = open_sandbox("busy_advertiser", now=NOW, volume=10_000)
    ask(sandbox)
    begun = time.process_time()
    for n in range(1, 10):
        ask(sandbox, offset=1000 * n)
    assert time.process_time() - begun < 0.5  # inventing the day alone takes longer


# What is true.


def test_the_truth_is_what_the_pages_give_and_its_end_is_open():
    sandbox = open_sandbox(now=NOW, volume=2500)
    truth = sandbox.truth(DAY, NEXT)
    assert [record for page in pages(sandbox) for record in page] == truth
    at = datetime.fromtimestamp(truth[5]["callDt"] / 1000, UTC)
    assert truth[5] not in sandbox.truth(DAY, at)
    assert truth[5] in sandbox.truth(at, NEXT)


def test_whoever_changes_the_truth_that_was_told_changes_nothing():
    sandbox = open_sandbox(now=NOW)
    sandbox.truth(DAY, NEXT)[0]["callDt"] = 1
    assert sandbox.truth(DAY, NEXT)[0]["callDt"] > 1


def test_records_change_as_time_goes_on_and_agree_with_a_sandbox_opened_then():
    moment = {"at": DAY + timedelta(hours=20)}
    going = open_sandbox(clock=lambda: moment["at"])
    for minutes in (0, 1, 2, 30, 600, 5000):
        moment["at"] = DAY + timedelta(hours=20, minutes=minutes)
        assert going.truth(DAY, NEXT) == open_sandbox(now=moment["at"]).truth(DAY, NEXT)
    moment["at"] = DAY + timedelta(hours=20)  # a clock may go back
    assert going.truth(DAY, NEXT) == open_sandbox(now=moment["at"]).truth(DAY, NEXT)


def test_what_becomes_of_calls_later_is_seen_as_the_clock_goes_on():
    moment = {"at": DAY + timedelta(days=2)}
    going = open_sandbox("payouts_taken_back", clock=lambda: moment["at"])
    seen = []
    for hours in range(0, 72, 6):
        moment["at"] = DAY + timedelta(days=2, hours=hours)
        seen.append(going.truth(DAY, NEXT))
        assert seen[-1] == open_sandbox("payouts_taken_back", now=moment["at"]).truth(DAY, NEXT)
    assert seen[0] != seen[-1]


def test_a_window_holds_the_call_at_its_very_end_as_ringbas_do():
    sandbox = open_sandbox(now=NOW)
    at = DAY + timedelta(hours=5)
    new = sandbox.add_call(at)
    body = {"reportStart": f"{DAY:%Y-%m-%dT%H:%M:%SZ}", "reportEnd": f"{at:%Y-%m-%dT%H:%M:%SZ}", "size": 1}
    assert ids(json.loads(send(sandbox, body=body)[2])["report"]["records"]) == [new]  # the newest comes first


def test_a_clock_moves_the_sandbox_between_requests():
    moment = {"at": DAY + timedelta(hours=1)}
    sandbox = open_sandbox(clock=lambda: moment["at"])
    before = ask(sandbox)["totalCount"]
    moment["at"] += timedelta(hours=3)
    assert ask(sandbox)["totalCount"] > before
    assert sandbox.now == moment["at"]


# By hand.


def test_calls_can_be_added_changed_and_deleted_by_hand_and_all_answers_agree():
    sandbox = open_sandbox(now=NOW)
    at = DAY + timedelta(hours=5, milliseconds=7)
    paid = next(r for r in sandbox.truth(DAY, NEXT) if "payoutAmount" in r)["inboundCallId"]
    gone = next(r for r in sandbox.truth(DAY, NEXT) if r["inboundCallId"] != paid)["inboundCallId"]
    new = sandbox.add_call(at)
    sandbox.change_call(paid, adjusted_payout=-35.0)
    sandbox.delete_call(gone)
    held = by_id(ask(sandbox)["records"])
    assert held[new]["callDt"] == int(at.timestamp() * 1000)
    assert (held[paid]["payoutAmount"], held[paid]["wasPayoutAdjusted"]) == (-35.0, True)
    assert gone not in held
    details = json.loads(send(sandbox, "/calllogs/detail", {"InboundCallIds": [new, paid, gone]})[2])
    assert ids(details["report"]["records"]) == [new, paid]
    assert [(call_id, before is None, after is None) for call_id, before, after in sandbox.moved] == [
        (new, True, False), (paid, False, False), (gone, False, True),
    ]  # fmt: skip


def test_what_was_moved_stays_when_the_clock_is_set():
    sandbox = open_sandbox(now=NOW)
    new = sandbox.add_call(DAY)
    sandbox.now = NOW + timedelta(days=1)
    assert new in ids(sandbox.truth(DAY, NEXT))


def test_the_test_call_can_be_changed_as_well():
    sandbox = open_sandbox("still_live", now=NOW)
    sandbox.change_call(sandbox.test_call_id, caller="")
    (record,) = [r for r in sandbox.truth(NOW - timedelta(days=1), NOW) if r["inboundCallId"] == sandbox.test_call_id]
    assert "inboundPhoneNumber" not in record


def test_a_test_call_that_was_moved_to_another_day_is_found_by_its_id():
    sandbox = open_sandbox("still_live", now=NOW.replace(hour=0, minute=10))
    sandbox.change_call(sandbox.test_call_id, caller="")
    assert "inboundPhoneNumber" not in by_id(sandbox.truth(NOW.replace(hour=0), NOW))[sandbox.test_call_id]


def test_a_call_that_is_not_there_cannot_be_moved():
    sandbox = open_sandbox(now=NOW)
    with pytest.raises(KeyError):
        sandbox.delete_call("RGBnothing")


# Calls that move between pages.


def test_after_a_page_as_many_calls_move_as_planted():
    sandbox = play(volume=2500, moving={"arrive": 3, "earlier": 2, "alike": 4, "vanish": 5, "change": 6})
    first = ask(sandbox)["records"]
    last = first[-1]["callDt"]
    moved = [(before, after) for _, before, after in sandbox.moved]
    new = [after for before, after in moved if before is None]
    assert Counter((r["callDt"] > last) - (r["callDt"] < last) for r in new) == {1: 3, -1: 2, 0: 4}
    assert sum(after is None for _, after in moved) == 5
    changed = [(before, after) for before, after in moved if before and after]
    assert len(changed) == 6
    assert all(before != after and before["callDt"] == after["callDt"] for before, after in changed)
    assert {"payoutAmount", "conversionAmount", "hasConverted", "isDuplicate"} >= {
        key for before, after in changed for key in after
        if before.get(key) != after[key] and not key.startswith("was") and key != "hasPayout"
    }  # fmt: skip


def test_calls_move_as_often_as_planted_and_alike_for_a_seed():
    def moved(seed):
        sandbox = play(volume=2500, moving={"arrive": 1, "vanish": 1, "times": 2, "seed": seed})
        for _ in range(4):
            ask(sandbox)
        return [call_id for call_id, _, _ in sandbox.moved]

    assert len(moved(1)) == 4
    assert moved(1) == moved(1) != moved(2)


def test_a_simple_reader_by_offset_loses_and_doubles_calls_that_move():
    sandbox = open_sandbox("log_rows_inserted", now=NOW)
    inserted = ids(record for page in pages(sandbox) for record in page)
    assert len(inserted) > len(set(inserted))
    sandbox = open_sandbox("log_rows_removed", now=NOW)
    removed = ids(record for page in pages(sandbox) for record in page)
    assert set(ids(sandbox.truth(DAY, NEXT))) - set(removed)


def test_an_empty_page_moves_nothing():
    sandbox = play(moving={"arrive": 3})
    ask(sandbox, start=NOW, end=NOW + timedelta(days=1))
    assert not sandbox.moved
    ask(sandbox)
    assert len(sandbox.moved) == 3


def test_nothing_new_lies_in_the_future():
    sandbox = play(volume=2500, moving={"arrive": 50, "earlier": 50, "times": 5})
    today = NOW.replace(hour=0)
    for _ in range(5):
        ask(sandbox, start=today, end=today + timedelta(days=1))
    assert len(sandbox.moved) == 500
    assert max(after["callDt"] for _, _, after in sandbox.moved) < NOW.timestamp() * 1000
    assert {call_id for call_id, _, _ in sandbox.moved} <= set(ids(sandbox.truth(today, NOW)))


def test_a_disturbed_sandbox_moves_calls_in_the_window_that_was_read_last():
    sandbox, rng = open_sandbox(now=NOW), random.Random(1)  # noqa: S311  # a game, not a secret
    sandbox.disturb(rng)
    assert not sandbox.moved
    ask(sandbox)
    sandbox.disturb(rng)
    times = {(after or before)["callDt"] / 1000 for _, before, after in sandbox.moved}
    assert DAY.timestamp() <= min(times) <= max(times) < NEXT.timestamp()


# Later.


def on(scenario, days, start=DAY - timedelta(days=20)):
    """The records of one day, read so many days after its end."""
    sandbox = open_sandbox(scenario, now=start + timedelta(days=days + 1))
    return by_id(sandbox.truth(start, start + timedelta(days=1)))


def test_conversions_arrive_29_30_and_31_days_later():
    converted = [sum("hasConverted" in r for r in on("late_conversions", n).values()) for n in (27, 29, 30, 31, 40)]
    assert [late - converted[0] for late in converted] == [0, 1, 2, 3, 3]


def test_late_payouts_are_credited_to_calls_that_had_none():
    usual = sum("payoutAmount" in r for r in on("healthy", 25).values())
    assert [sum("payoutAmount" in r for r in on("late_payouts", n).values()) - usual for n in (20, 25)] == [2, 4]


def test_a_bulk_override_changes_all_payouts_of_a_month_at_one_moment():
    month = {day: datetime(2026, 10, day, tzinfo=UTC) for day in (1, 17, 31)}
    before = open_sandbox("payouts_overridden", now=datetime(2026, 11, 5, 14, 59, tzinfo=UTC))
    after = open_sandbox("payouts_overridden", now=datetime(2026, 11, 5, 15, tzinfo=UTC))
    for first in month.values():
        rows = [by_id(s.truth(first, first + timedelta(days=1))) for s in (before, after)]
        paid = [{r["payoutAmount"] for r in day.values() if "payoutAmount" in r} for day in rows]
        assert 22.5 not in paid[0]
        assert paid[1] == {22.5}
        assert rows[0].keys() == rows[1].keys()


def test_payouts_are_taken_back_in_three_ways():
    before, after = on("payouts_taken_back", 2), on("payouts_taken_back", 5)
    taken = [
        (before[i].get("payoutAmount"), after[i].get("payoutAmount", "gone")) for i in before if before[i] != after[i]
    ]
    assert Counter(now for was, now in taken if was) == {-35.0: 2, 0.0: 2, "gone": 2}


def test_calls_are_deleted_and_anonymised_later():
    before, after = on("calls_deleted", 8), on("calls_deleted", 12)
    assert len(before.keys() - after.keys()) == 2
    lost = [i for i in after if "inboundPhoneNumber" in before[i] and "inboundPhoneNumber" not in after[i]]
    assert len(lost) == 2
    assert all("tag:InboundNumber:State" not in after[i] for i in lost)


# Rate limits.


def limited(**limits):
    moment = {"at": datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)}
    scenario = read_scenarios({"mine": {"about": "x", "limits": {"calllogs": limits}}})["mine"]
    return moment, open_sandbox(scenario, clock=lambda: moment["at"])


def tell(sandbox):
    status, headers, content = send(
        sandbox, body={"reportStart": "2026-11-24T00:00:00Z", "reportEnd": "2026-11-24T01:00:00Z"}
    )
    body = json.loads(content)
    return status, headers, body if body.get("isRateLimited") else None


def test_a_limit_holds_until_the_edge_of_its_window():
    moment, sandbox = limited(per_minute=3)
    assert [tell(sandbox)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    moment["at"] += timedelta(seconds=29.9)
    assert tell(sandbox)[0] == 429
    moment["at"] += timedelta(seconds=0.1)
    assert [tell(sandbox)[0] for _ in range(4)] == [200, 200, 200, 429]
    assert [one.status for one in sandbox.asked].count(429) == 4
    assert sandbox.asked[-1].endpoint == "calllogs"


def test_the_refusal_has_ringbas_body_and_names_the_longest_window_that_is_used_up():
    _, sandbox = limited(per_minute=2, per_hour=2)
    answers = [tell(sandbox) for _ in range(3)]
    status, headers, body = answers[-1]
    assert (status, body["exceedingRateLimit"], "Retry-After" in headers) == (429, "Hour", False)
    assert body["rateLimit"] == {
        "perMinute": {"limit": 2, "currentCount": 3}, "perHour": {"limit": 2, "currentCount": 3}
    }  # fmt: skip


def test_a_refusal_may_come_with_200_or_with_retry_after():
    _, sandbox = limited(per_minute=1, status=200, retry_after=True)
    tell(sandbox)
    status, headers, body = tell(sandbox)
    assert (status, body["exceedingRateLimit"], headers["Retry-After"]) == (200, "Minute", "30")


def test_people_at_the_web_page_use_up_the_same_limit():
    moment, sandbox = limited(per_minute=5, per_hour=12, others_a_minute=3)
    assert [tell(sandbox)[0] for _ in range(3)] == [200, 200, 429]
    moment["at"] += timedelta(minutes=2)
    assert [tell(sandbox)[0] for _ in range(3)] == [200, 429, 429]  # two of ours, and nine of theirs, make eleven


def test_a_limit_of_one_endpoint_leaves_the_others_alone():
    _, sandbox = limited(per_minute=1)
    tell(sandbox)
    assert send(sandbox, "/calllogs/columns", method="GET")[0] == 200
    assert tell(sandbox)[0] == 429


def test_the_limits_of_a_sandbox_that_people_try_turn_with_real_time(monkeypatch):
    moment = {"at": NOW}
    monkeypatch.setattr("kayzen_nb.sandbox.platforms._utc_now", lambda: moment["at"])
    sandbox = open_sandbox("limit_of_call_logs")
    assert [tell(sandbox)[0] for _ in range(6)] == [200] * 5 + [429]
    moment["at"] += timedelta(minutes=1)
    assert tell(sandbox)[0] == 200
    assert sandbox.now == NOW  # the calls stay as they were


def test_the_limits_of_a_sandbox_that_was_opened_for_a_moment_turn_when_that_is_set():
    sandbox = open_sandbox("limit_of_call_logs", now=NOW)
    assert [tell(sandbox)[0] for _ in range(6)] == [200] * 5 + [429]
    sandbox.now = NOW + timedelta(minutes=1)
    assert tell(sandbox)[0] == 200
    assert [one.at for one in sandbox.asked] == [NOW] * 6 + [NOW + timedelta(minutes=1)]


# Columns.


def columns(sandbox):
    content = json.loads(send(sandbox, "/calllogs/columns", method="GET")[2])
    assert content["isSuccessful"]
    return {column["id"]: column for column in content["columns"]}


def test_the_84_columns_are_listed_with_all_that_the_reference_names():
    listed = columns(open_sandbox(now=NOW))
    assert len(listed) == 84
    assert {frozenset(column) for column in listed.values()} == {
        frozenset(
            ("id", "title", "roles", "type", "isTag", "groupName", "filterGroupName", "supportsFilter",
             "supportsSorting", "isComputed")
        )
    }  # fmt: skip
    assert (listed["conversionAmount"]["title"], listed["conversionAmount"]["type"]) == ("Revenue", "money")
    assert not listed["callDt"]["supportsFilter"]
    assert listed["timeToConnectInSeconds"]["isComputed"]
    assert {name for name in API_IDS.values() if ":" not in name} <= listed.keys()


def test_every_column_of_a_record_is_listed():
    sandbox = open_sandbox(now=NOW)
    seen = {name for record in sandbox.truth(DAY, NEXT) for name in record if not name.startswith("tag:")}
    assert seen <= columns(sandbox).keys()


def test_the_list_of_columns_tells_of_new_missing_renamed_and_retyped_ones():
    usual = columns(open_sandbox(now=NOW))
    assert columns(open_sandbox("log_new_column", now=NOW)).keys() - usual.keys() == {"sentimentScore"}
    assert usual.keys() - columns(open_sandbox("log_column_missing", now=NOW)).keys() == {"callDt"}
    renamed = columns(open_sandbox("log_column_renamed", now=NOW))
    assert renamed.keys() ^ usual.keys() == {"inboundCallId", "inboundCallIdentifier"}
    assert columns(open_sandbox("log_column_retyped", now=NOW))["hasConnected"]["type"] == "keyword"


# Spoiled pages.


def spoiled(now=NOW, **fault):
    return play(now=now, call_log=fault)


@pytest.mark.parametrize(
    ("count", "told"),
    [("more", 3), ("less", -3), ("text", str), ("negative", -1), ("null", None), ("flag", True), ("missing", "absent")],
)
def test_the_count_can_be_wrong_in_many_ways(count, told):
    right = len(open_sandbox(now=NOW).truth(DAY, NEXT))
    found = ask(spoiled(count=count)).get("totalCount", "absent")
    expected = {"more": right + 3, "less": right - 3, "text": str(right)}.get(count, told)
    assert found == expected
    assert type(found) is type(expected)


def test_an_answer_can_say_that_it_is_partial_or_failed():
    assert ask(spoiled(partial=True))["partialResult"] is True
    content = json.loads(
        send(spoiled(failed=True), body={"reportStart": f"{DAY:%Y-%m-%d}", "reportEnd": f"{NEXT:%Y-%m-%d}"})[2]
    )
    assert content["isSuccessful"] is False
    assert content["message"]


def test_only_the_requests_that_are_named_are_spoiled():
    sandbox = spoiled(partial=True, from_request=2, times=2)
    assert [ask(sandbox)["partialResult"] for _ in range(4)] == [False, True, True, False]


def test_a_cap_hides_all_rows_beyond_it():
    sandbox = play(volume=2500, call_log={"cap": 1500})
    first, second, third = (ask(sandbox, offset=n) for n in (0, 1000, 2000))
    assert [len(page["records"]) for page in (first, second, third)] == [1000, 500, 0]
    assert {page["totalCount"] for page in (first, second, third)} == {1500}


def test_a_page_can_be_short_empty_repeated_or_in_any_order():
    truth = open_sandbox(now=NOW, volume=2500).truth(DAY, NEXT)

    def rows(offset, requests=1, **fault):
        sandbox = play(volume=2500, call_log=fault)
        return [ask(sandbox, offset=offset * n)["records"] for n in range(requests)][-1]

    assert rows(0, page="short") == truth[:500]
    assert rows(0, page="empty") == []
    assert rows(1000, 2, page="repeated", from_request=2) == truth[:1000]
    assert rows(1000, 3, page="repeated", from_request=2) == truth[:1000]
    shuffled = rows(0, page="shuffled")
    assert shuffled != truth[:1000]
    assert sorted(ids(shuffled)) == sorted(ids(truth[:1000]))


def test_columns_can_be_new_missing_renamed_and_of_another_kind():
    truth = open_sandbox(now=NOW).truth(DAY, NEXT)
    rows = ask(
        spoiled(
            new={"mood": "good"},
            missing=["callDt"],
            renamed={"inboundCallId": "id"},
            retyped={"isLive": "list", "number": "number", "campaignName": "object", "numberId": "text"},
        )
    )["records"]
    for row, true in zip(rows, truth, strict=True):
        assert row["mood"] == "good"
        assert "callDt" not in row
        assert row["id"] == true["inboundCallId"]
        assert row["isLive"] == [true["isLive"]]
        assert isinstance(row["number"], int)
        assert row["campaignName"] == {"value": true["campaignName"]}
        assert row["numberId"] == f"about {true['numberId']}"


def raw_day(sandbox):
    body = {
        "reportStart": f"{DAY:%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{DAY:%Y-%m-%d}T23:59:59Z",
        "orderByColumns": IN_TIME,
    }
    return send(sandbox, body=body)


def test_amounts_stand_in_the_json_as_they_were_written():
    content = raw_day(open_sandbox("log_odd_amounts", now=NOW))[2].decode()
    for literal in SCENARIOS["log_odd_amounts"].call_log.amounts:
        assert f'"payoutAmount":{literal}' in content
    assert '"payoutAmount":20.0' in content


def test_the_same_calls_are_odd_on_whatever_page_they_come():
    truth = open_sandbox(now=NOW).truth(DAY, NEXT)
    sandbox = spoiled(call_ids=["missing", "null", "empty", "long", "spaces", "lower"], every=4)
    whole = ask(sandbox)["records"]
    kinds = Counter(
        "right" if row.get("inboundCallId") == true["inboundCallId"] else repr(row.get("inboundCallId", "missing"))[:4]
        for row, true in zip(whole, truth, strict=True)
    )
    assert kinds["right"] > 0.6 * len(truth)
    assert {"None", "''", "'RGB", "'  R", "'rgb", "'mis"} <= kinds.keys()
    assert [row for n in range(0, len(truth), 100) for row in ask(sandbox, offset=n, size=100)["records"]] == whole
    assert sandbox.truth(DAY, NEXT) == truth


def test_a_key_can_stand_twice_in_a_record():
    content = raw_day(open_sandbox("log_repeated_keys", now=NOW))[2].decode()
    records = content.split('"campaignName"')[1:]
    assert {record.count('"callDt"') for record in records} == {1, 2}


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        ("login_page", b"<!DOCTYPE html>"),
        ("bom", b"\xef\xbb\xbf{"),
        ("nothing", b""),
        ("bad_utf8", b"{"),
        ("cut", b"{"),
    ],
)
def test_a_body_can_be_something_else(body, begins):
    status, headers, content = raw_day(spoiled(body=body))
    assert status == 200
    assert content.startswith(begins)
    assert headers["Content-Type"].startswith("text/html" if body == "login_page" else "application/json")
    with pytest.raises(ValueError):  # noqa: PT011  # JSON and UTF-8 errors are both ValueErrors, without common words
        json.loads(content.decode("utf-8"))


def is_spoiled(name):
    usual, scenario = SCENARIOS["healthy"], SCENARIOS[name]
    return (scenario.call_log, scenario.moving) != (usual.call_log, usual.moving)


@pytest.mark.parametrize("name", [name for name in SCENARIOS if is_spoiled(name)])
def test_a_spoiled_call_log_differs_from_a_sound_one_and_hides_no_truth(name):
    sandbox = open_sandbox(name, now=NOW)
    sound = open_sandbox(now=NOW, volume=sandbox.scenario.volume)
    truth = sound.truth(DAY, NEXT)
    assert sandbox.truth(DAY, NEXT) == truth
    offsets = [0, 10_000] if sandbox.scenario.call_log.cap else [0, 1000]
    told = [[raw_page(one, {"offset": offset}) for offset in offsets] for one in (sandbox, sound)]
    assert told[0] != told[1]


def raw_page(sandbox, more):
    body = {
        "reportStart": f"{DAY:%Y-%m-%dT%H:%M:%SZ}",
        "reportEnd": f"{DAY:%Y-%m-%d}T23:59:59Z",
        "orderByColumns": IN_TIME,
    }
    return send(sandbox, body=body | more)
