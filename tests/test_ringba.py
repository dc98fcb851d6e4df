"""Ringba's API is read whole or not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
import stamina

from kayzen_nb.calls import CallHit
from kayzen_nb.errors import BadAnswer, CredentialRefused, ParameterError, SettingsError
from kayzen_nb.logpage import PAGE_SIZE
from kayzen_nb.period import Period
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import Pace, read_limits
from kayzen_nb.ringba import Ringba
from kayzen_nb.settings import Settings

CANARY = "canary-7Yq2ZkP0"
DAY = Period(first_day=date(2026, 3, 1), last_day=date(2026, 3, 1), zone="America/New_York")
START_MS = int(DAY.start_utc.timestamp()) * 1000


@pytest.fixture(autouse=True)
def no_waiting():
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


def settings():
    return Settings(ringba_api_token=Secret(CANARY), ringba_account_id="RA0123")


class FakeRingba:
    """Answers the call log from a list of records, as Ringba does: inclusive ends, pages, a count."""

    def __init__(self, records, change=None):
        self.records, self.change, self.bodies = records, change, []

    def __call__(self, request):
        body = json.loads(request.content)
        self.bodies.append(body)
        start, end = (datetime.fromisoformat(body[name]).timestamp() * 1000 for name in ("reportStart", "reportEnd"))
        inside = sorted((r for r in self.records if start <= r["callDt"] <= end), key=lambda r: r["callDt"])
        page = inside[body["offset"] : body["offset"] + body["size"]]
        report = {"partialResult": False, "totalCount": len(inside), "records": page}
        answer = {"isSuccessful": True, "transactionId": "TR0", "report": report}
        if self.change:
            self.change(len(self.bodies), answer)
        return httpx.Response(200, json=answer)


def calls(count, *, every_ms=1000):
    return [{"inboundCallId": f"RGB{n:05}", "callDt": START_MS + n * every_ms} for n in range(count)]


def fetch(fake, period=DAY, **more):
    with Ringba(settings(), transport=httpx.MockTransport(fake)) as ringba:
        return ringba.fetch_call_records(period, **more)


def refusal(fake):
    with pytest.raises(BadAnswer) as caught:
        fetch(fake)
    assert all(p.what and p.where and p.next_step for p in caught.value.problems)
    return str(caught.value)


def answer_with(tree, status=200):
    return lambda _: httpx.Response(status, json=tree)


def test_token_and_account_are_required_together():
    with pytest.raises(SettingsError) as caught:
        Ringba(Settings())
    assert len(caught.value.problems) == 2


def test_a_day_is_asked_for_in_utc_in_one_zone_with_raw_values():
    fake = FakeRingba(calls(2))
    assert fetch(fake, campaign="CTV Spring") == calls(2)
    [body] = fake.bodies
    assert (body["reportStart"], body["reportEnd"]) == ("2026-03-01T05:00:00Z", "2026-03-02T05:00:00Z")
    assert body["orderByColumns"][0] == {"column": "callDt", "direction": "asc"}
    assert {"column": "tag:InboundNumber:State"} in body["valueColumns"]
    assert not any(name.startswith("format") for name in body)
    assert body["filters"][0]["anyConditionToMatch"] == [
        {"column": "campaignName", "value": "CTV Spring", "isNegativeMatch": False, "comparisonType": "EQUALS"}
    ]


def test_days_are_asked_for_one_by_one_and_a_call_on_the_edge_is_in_one():
    period = Period(first_day=date(2026, 3, 7), last_day=date(2026, 3, 9), zone="America/New_York")
    edges = [
        int(day.timestamp()) * 1000 for day in (period.start_utc, datetime(2026, 3, 9, 4, tzinfo=UTC), period.end_utc)
    ]
    fake = FakeRingba([{"inboundCallId": f"E{n}", "callDt": at} for n, at in enumerate(edges)])
    assert [r["inboundCallId"] for r in fetch(fake, period)] == ["E0", "E1"]
    assert [b["reportStart"] for b in fake.bodies] == [
        "2026-03-07T05:00:00Z",
        "2026-03-08T05:00:00Z",
        "2026-03-09T05:00:00Z",
    ]


def test_pages_are_read_to_the_declared_count():
    fake = FakeRingba(calls(2 * PAGE_SIZE + 5))
    assert fetch(fake) == calls(2 * PAGE_SIZE + 5)
    assert [body["offset"] for body in fake.bodies] == [0, 0, 0]


@pytest.mark.parametrize("count", [None, "3", -1, True, 2.5])
def test_a_count_that_is_no_count_is_refused(count):
    report = {"totalCount": count, "records": []}
    assert "totalCount" in refusal(answer_with({"isSuccessful": True, "report": report}))


@pytest.mark.parametrize(
    ("tree", "words"),
    [({"isSuccessful": False, "message": "x"}, "failed"), ({"isSuccessful": True}, "without 'report'"), ([], "without"),
     ({"report": {"partialResult": True, "totalCount": 0, "records": []}}, "only in part"),
     ({"report": {"totalCount": 1, "records": ["x"]}}, "unknown shape"), ({"report": None}, "without"),
     ({"report": {"totalCount": 0}}, "without 'records'")],
)  # fmt: skip
def test_an_error_inside_a_200_is_an_error(tree, words):
    assert words in refusal(answer_with(tree))


def test_money_comes_exact_and_a_record_that_names_a_value_twice_is_refused():
    def fetch_record(text):
        page = b'{"report": {"totalCount": 1, "records": [%b]}}' % text
        return fetch(lambda _: httpx.Response(200, content=page))

    assert str(fetch_record(b'{"payoutAmount": 0.10}')[0]["payoutAmount"]) == "0.10"
    assert fetch_record(b'{"payoutAmount": NaN}') == [{"payoutAmount": "NaN"}]
    with pytest.raises(BadAnswer, match="a name stands twice"):
        fetch_record(b'{"payoutAmount": 1, "payoutAmount": 2}')


def test_a_deleted_token_is_named_by_its_setting():
    with pytest.raises(CredentialRefused) as caught:
        fetch(answer_with({"message": "no"}, 401))
    assert str(caught.value).splitlines() == [
        "Ringba did not accept the API token (401).",
        "  where: POST /{account}/calllogs at api.ringba.com",
        "  next:  Check RINGBA_API_TOKEN (Ringba > Security > API Access Tokens); it may have been deleted.",
    ]


def test_no_calls_are_a_good_answer():
    assert fetch(FakeRingba([])) == []


def test_the_account_is_the_one_of_the_settings_with_its_iana_zone():
    accounts = [{"id": "RA9"}, {"accountId": "RA0123", "name": "TV", "timeZoneId": "Eastern Standard Time"}]
    seen = []

    def answer(request):
        seen.append((request.url.path, request.headers["authorization"]))
        return httpx.Response(200, json={"account": accounts})

    with Ringba(settings(), transport=httpx.MockTransport(answer)) as ringba:
        account = ringba.fetch_account()
    assert (account.id, account.name, account.zone) == ("RA0123", "TV", "America/New_York")
    assert seen == [("/v2/ringbaaccounts", f"Token {CANARY}")]


def test_an_account_that_the_token_does_not_see_is_a_setting_to_check():
    transport = httpx.MockTransport(answer_with({"account": [{"id": "RA9"}]}))
    with Ringba(settings(), transport=transport) as ringba, pytest.raises(SettingsError, match="RINGBA_ACCOUNT_ID"):
        ringba.fetch_account()


EVIDENCE = {
    "inboundCallId": "RGB1", "callDt": 1767403102000, "campaignName": "CTV", "inboundPhoneNumber": "+15555550111",
    "number": "+18885550122", "hasConnected": True, "hasConverted": True, "conversionAmount": 27.1, "isLive": False,
    "message-tags": [{"type": "InboundNumber", "name": "State", "value": "CA"}, "odd"],
    "events": [
        {"name": "ConnectedCall", "dtStamp": "2026-01-03T01:18:23.1234567Z", "recordingUrl": "https://not-a-pixel"},
        {"name": "PixelFire", "dtStamp": "2026-01-03T01:18:24.1234567Z", "eventName": "Kayzen - Incoming",
         "httpStatusCode": "200", "recordingUrl": f"https://api-events.eventstracker.io/v1/ev?api_key={CANARY}"},
        {"name": "pixel fired", "dtStamp": "never", "eventName": "Kayzen - Error", "httpStatusCode": None,
         "url": "https://x", "failReason": "time-out"},
        "odd",
    ],
}  # fmt: skip


def fetch_evidence(answer, call_id="RGB1"):
    with Ringba(settings(), transport=httpx.MockTransport(answer)) as ringba:
        return ringba.fetch_call_evidence(call_id)


def detail(*records):
    return {"isSuccessful": True, "report": {"records": list(records)}}


def test_a_call_comes_with_its_pixel_fires_in_our_words():
    sent = []

    def answer(request):
        sent.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=detail({"inboundCallId": "other"}, EVIDENCE))

    evidence = fetch_evidence(answer, " RGB1\n")
    assert sent == [("/v2/RA0123/calllogs/detail", {"InboundCallIds": ["RGB1"]})]
    assert (evidence.caller, evidence.number, evidence.state) == ("+15555550111", "+18885550122", "CA")
    assert evidence.call_at == datetime(2026, 1, 3, 1, 18, 22, tzinfo=UTC)
    flags = (evidence.connected, evidence.completed, evidence.converted, evidence.paid, evidence.blocked)
    assert flags == (True, True, True, False, False)
    assert (evidence.revenue_usd_micros, evidence.payout_usd_micros) == (27_100_000, None)
    assert evidence.event_names == ("ConnectedCall", "PixelFire", "pixel fired")
    first, second = evidence.fires
    assert (first.pixel_name, first.status, first.fired_at) == (
        "Kayzen - Incoming", 200, datetime(2026, 1, 3, 1, 18, 24, 123456, tzinfo=UTC),
    )  # fmt: skip
    assert (second.status, second.fired_at, second.fail_reason, second.url) == (None, None, "time-out", "https://x")
    assert CANARY not in repr(evidence)
    assert "5550111" not in repr(evidence)


@pytest.mark.parametrize("call_id", ["", "  ", "../RGB1", "x" * 200, "RGB2"])
def test_a_call_that_ringba_does_not_know_is_a_parameter_to_check(call_id):
    with pytest.raises(ParameterError) as caught:
        fetch_evidence(answer_with(detail(EVIDENCE)), call_id)
    [problem] = caught.value.problems
    assert problem.where == "call_id"
    assert "Inbound Call ID" in problem.next_step


class FakeDetails:
    """Answers details for the calls it knows; refuses, or silently cuts, what is more than it takes."""

    def __init__(self, known, *, most=1000, refuses=True):
        self.known, self.most, self.refuses, self.asked = set(known), most, refuses, []

    def __call__(self, request):
        ids = json.loads(request.content)["InboundCallIds"]
        self.asked.append(len(ids))
        if len(ids) > self.most and self.refuses:
            return httpx.Response(400, json={"message": "Too many ids"})
        found = [i for i in ids if i in self.known][: self.most]
        return httpx.Response(200, json=detail(*({"inboundCallId": i, "callDt": 1, "events": []} for i in found)))


def fetch_many(fake, ids, **more):
    with Ringba(settings(), transport=httpx.MockTransport(fake), **more) as ringba:
        return ringba.fetch_many_evidence(ids)


IDS = [f"RGB{n:03}" for n in range(120)]


def test_many_calls_are_asked_for_in_batches_of_fifty():
    fake = FakeDetails(IDS)
    assert list(fetch_many(fake, IDS)) == IDS
    assert fake.asked == [50, 50, 20]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_smaller_limit_is_found_out_and_kept_to(refuses):
    fake = FakeDetails(IDS, most=12, refuses=refuses)
    found = fetch_many(fake, IDS)
    assert list(found) == IDS
    assert not any(evidence.missing for evidence in found.values())
    assert all(count <= 12 for count in fake.asked[4:])
    assert len(fake.asked) < 18


def test_calls_that_ringba_does_not_know_are_named_and_not_asked_for_without_end():
    fake = FakeDetails(IDS[3:])
    found = fetch_many(fake, IDS)
    assert [i for i, evidence in found.items() if evidence.missing] == IDS[:3]
    assert found["RGB000"].missing == ("Ringba gave no detail of this call",)
    assert found["RGB000"].connected is None
    assert len(fake.asked) < 10
    nobody = FakeDetails([])
    assert all(evidence.missing for evidence in fetch_many(nobody, IDS).values())
    assert len(nobody.asked) <= 3 * len(IDS)


def test_a_request_that_is_refused_even_for_one_call_ends_it():
    fake = FakeDetails(IDS, most=0)
    with pytest.raises(BadAnswer, match="Too many ids"):
        fetch_many(fake, IDS)
    assert fake.asked == [50, 25, 12, 6, 3, 1]


def test_progress_is_told_and_ends_at_the_number_asked_for():
    told = []
    with Ringba(settings(), transport=httpx.MockTransport(FakeDetails(IDS))) as ringba:
        ringba.fetch_many_evidence([*IDS, IDS[0], "not an id!"], lambda *counts: told.append(counts))
    assert told == [(51, 121), (101, 121), (121, 121)]


def test_no_calls_need_no_request():
    fake = FakeDetails([])
    assert (fetch_many(fake, []), fake.asked) == ({}, [])


class Clock:
    """A clock that only sleeping moves, and the times at which requests came."""

    def __init__(self):
        self.at, self.stamps = 1_770_000_000.0, []

    def sleep(self, seconds):
        self.at += seconds

    def pace(self, limits, **more):
        return Pace(read_limits(limits), clock=lambda: self.at, sleep=self.sleep, **more)

    def stamped(self, answer):
        def stamp(request):
            self.stamps.append(self.at)
            return answer(request)

        return httpx.MockTransport(stamp)

    def most_in(self, seconds):
        return max(sum(start <= s < start + seconds for s in self.stamps) for start in self.stamps)


def test_details_are_asked_for_at_three_quarters_of_the_limit():
    clock = Clock()
    transport = clock.stamped(FakeDetails(IDS))
    began = clock.at
    with Ringba(settings(), transport=transport, detail_pace=clock.pace("200/minute")) as ringba:
        for _ in range(400):
            ringba.fetch_call_evidence("RGB001")
    assert clock.most_in(60) == 150
    assert clock.at - began < 200


def test_reports_have_a_pace_of_their_own_that_counts_retries_too():
    clock = Clock()
    answers = iter(
        [httpx.Response(503), *(httpx.Response(200, json={"account": [{"id": "RA0123"}]}) for _ in range(9))]
    )
    with Ringba(settings(), transport=clock.stamped(lambda _: next(answers)), pace=clock.pace("4/minute")) as ringba:
        for _ in range(9):
            ringba.fetch_account()
    assert len(clock.stamps) == 10
    assert clock.most_in(60) == 3


def test_the_call_log_keeps_to_the_pace_of_reports():
    clock = Clock()
    period = Period(first_day=date(2026, 3, 1), last_day=date(2026, 3, 7), zone="UTC")
    with Ringba(settings(), transport=clock.stamped(FakeRingba([])), pace=clock.pace("4/minute")) as ringba:
        ringba.fetch_call_records(period)
    assert len(clock.stamps) == 7
    assert clock.most_in(60) == 3


COLUMNS = [{"id": "inboundCallId", "type": "keyword"}, {"id": "callDt", "type": "date"}]


def fetch_columns(answer):
    with Ringba(settings(), transport=httpx.MockTransport(answer)) as ringba:
        return ringba.fetch_columns()


def test_the_columns_are_told_with_their_types():
    assert fetch_columns(answer_with({"columns": COLUMNS})) == {"inboundCallId": "keyword", "callDt": "date"}


@pytest.mark.parametrize("status", [403, 404])
def test_columns_that_ringba_does_not_tell_are_unknown_not_an_error(status):
    assert fetch_columns(answer_with({"message": "no"}, status)) is None


@pytest.mark.parametrize("tree", [[], {"columns": None}, {"columns": ["callDt"]}])
def test_columns_in_an_unknown_shape_are_refused(tree):
    with pytest.raises(BadAnswer, match="list of columns"):
        fetch_columns(answer_with(tree))


ABOUT = datetime(2026, 3, 1, 20, tzinfo=UTC)
CALLERS = [("RGB1", "+13035550123", 0), ("RGB2", "+13035550177", 10), ("RGB3", "+17205550123", -20), ("RGB4", None, 5)]


class FakeSearch:
    """A call log that knows CONTAINS, as Ringba does, and has no "ends with"."""

    def __init__(self, total=None):
        self.bodies, self.total = [], total

    def __call__(self, request):
        body = json.loads(request.content)
        self.bodies.append(body)
        condition = body["filters"][-1]["anyConditionToMatch"][0]
        rows = [
            {"inboundCallId": i, "inboundPhoneNumber": caller, "callDt": int(ABOUT.timestamp() + m * 60) * 1000}
            for i, caller, m in CALLERS
        ]
        rows = [r for r in rows if condition["value"] in (r["inboundPhoneNumber"] or "")]
        rows.sort(key=lambda r: -r["callDt"])
        return httpx.Response(200, json={"report": {"totalCount": self.total or len(rows), "records": rows}})


def find(fake, **search):
    with Ringba(settings(), transport=httpx.MockTransport(fake)) as ringba:
        return ringba.find_calls(**({"about": ABOUT} | search))


def test_a_call_is_found_by_its_callers_last_digits_and_about_when():
    fake = FakeSearch()
    assert find(fake, caller_ends_with="0123", campaign="CTV") == [
        CallHit(call_id="RGB1", call_at=ABOUT, campaign=None, caller="***-***-**23", connected=False),
        CallHit(call_id="RGB3", call_at=ABOUT - timedelta(minutes=20), campaign=None, caller="***-***-**23", connected=False),
    ]  # fmt: skip
    [body] = fake.bodies
    assert (body["reportStart"], body["reportEnd"]) == ("2026-03-01T19:00:00Z", "2026-03-01T21:00:00Z")
    assert [group["anyConditionToMatch"][0]["column"] for group in body["filters"]] == [
        "campaignName",
        "inboundPhoneNumber",
    ]


def test_a_whole_number_is_sent_as_digits_and_comes_back_masked():
    fake = FakeSearch()
    hits = find(fake, caller_ends_with="+1 (303) 555-0123")
    assert [hit.call_id for hit in hits] == ["RGB1"]
    assert fake.bodies[0]["filters"][-1]["anyConditionToMatch"][0]["value"] == "3035550123"
    assert "5550123" not in repr(hits)


def test_digits_in_the_middle_of_a_number_are_not_its_end():
    assert find(FakeSearch(), caller_ends_with="5550") == []


@pytest.mark.parametrize(
    ("search", "words"),
    [({"caller_ends_with": "123"}, "too few"), ({"caller_ends_with": "0123", "about": datetime(2026, 3, 1)}, "no time zone"),  # noqa: DTZ001  # the fault itself
     ({"caller_ends_with": "0123", "within": timedelta(days=30)}, "seven days")],
)  # fmt: skip
def test_a_search_that_cannot_be_made_is_refused(search, words):
    fake = FakeSearch()
    with pytest.raises(ParameterError, match=words):
        find(fake, **search)
    assert fake.bodies == []


def test_more_hits_than_a_page_are_told_and_not_cut_off():
    with pytest.raises(ParameterError, match="1,200 calls match"):
        find(FakeSearch(total=1200), caller_ends_with="0123")
