"""The fault server does to a client what it says it does, over a socket and inside the process alike."""

import gzip
import itertools
import json
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.sandbox.platforms import ACCOUNT_ID, RINGBA_TOKEN
from tests.faultserver import (
    SURVIVABLE,
    FaultServer,
    FaultTransport,
    closed_port,
    cut,
    drip,
    gzip_bomb,
    login_page,
    ok,
    random_faults,
    rate_limited,
    raw,
    records_of,
    redirect,
    refused,
    reset,
    silent,
    status,
)

RECORDS = [{"inboundCallId": f"RGB{n:03}", "callDt": 1767362427115 + n} for n in range(50)]
RESPOND = records_of(RECORDS)
WHOLE = RESPOND("POST", "/v2/calllogs", {}, b"")[2]


class Line:
    """A client and what it talks to, either over a socket or inside the process."""

    def __init__(self, kind, stack):
        self.kind, self._stack, self.passed_s = kind, stack, 0.0

    def open(self, *script, respond=RESPOND, read_s=0.3):
        if self.kind == "socket":
            self.far = self._stack.enter(FaultServer(respond, script))
            base, transport = self.far.url, httpx.HTTPTransport(trust_env=False)
        else:
            self.far = FaultTransport(respond, script, pass_time=self._pass)
            base, transport = "http://127.0.0.1:9", self.far
        timeout = httpx.Timeout(2.0, read=read_s)
        return self._stack.enter(httpx.Client(base_url=base, transport=transport, timeout=timeout, trust_env=False))

    def _pass(self, seconds):
        self.passed_s += seconds


class Stack:
    def __init__(self):
        self._open = []

    def enter(self, thing):
        self._open.append(thing)
        return thing.__enter__()

    def close(self):
        for thing in reversed(self._open):
            thing.__exit__(None, None, None)


@pytest.fixture(params=["socket", "process"])
def line(request):
    stack = Stack()
    yield Line(request.param, stack)
    stack.close()


def ask(client):
    return client.post("/v2/calllogs", json={"size": 50}, headers={"X-Mine": "yes"})


def test_without_a_script_all_is_well_and_the_requests_are_kept(line):
    client = line.open()
    assert [ask(client).json()["report"]["totalCount"] for _ in range(3)] == [50] * 3
    asked = line.far.requests
    assert [(one.method, one.path, one.json(), one.headers["x-mine"]) for one in asked] == [
        ("POST", "/v2/calllogs", {"size": 50}, "yes")
    ] * 3


def test_actions_are_played_in_order_and_then_all_is_well(line):
    client = line.open(status(503), status(418, headers={"X-Odd": "1"}, body=b"tea"), ok())
    first, second, *rest = [ask(client) for _ in range(4)]
    assert (first.status_code, first.content) == (503, b"")
    assert (second.status_code, second.headers["x-odd"], second.content) == (418, "1", b"tea")
    assert [answer.content for answer in rest] == [WHOLE, WHOLE]
    assert [one.action.kind for one in line.far.requests] == ["ok"] * 4


def test_a_reset_before_the_answer_is_a_read_error(line):
    client = line.open(reset())
    with pytest.raises(httpx.ReadError):
        ask(client)
    assert ask(client).content == WHOLE


def test_a_reset_in_the_middle_gives_some_bytes_and_then_a_read_error(line):
    client, got = line.open(reset(after=100)), []
    with client.stream("POST", "/v2/calllogs") as answer, pytest.raises(httpx.ReadError):
        got.extend(answer.iter_bytes())
    assert answer.headers["content-length"] == str(len(WHOLE))
    if line.kind == "process":  # over a socket, a system may drop what was not read yet
        assert got == [WHOLE[:100]]


def test_a_body_short_of_its_length_is_a_protocol_error(line):
    client = line.open(cut(after=100))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)


def test_a_cut_without_length_passes_the_http_layer_with_200(line):
    answer = ask(line.open(cut(after=100, lying=False)))
    assert (answer.status_code, answer.content, "content-length" in answer.headers) == (200, WHOLE[:100], False)


def test_a_drip_outlives_the_time_limit_of_a_single_read(line):
    small = {"isSuccessful": True}
    client = line.open(drip(tick_s=0.02), respond=lambda *_: (200, {}, json.dumps(small).encode()), read_s=0.15)
    begun = time.monotonic()
    assert ask(client).json() == small
    taken_s = line.passed_s or time.monotonic() - begun
    assert taken_s > 0.3 == 2 * 0.15


def test_silence_is_a_read_timeout(line):
    client = line.open(silent(), read_s=0.1)
    with pytest.raises(httpx.ReadTimeout):
        ask(client)
    if line.kind == "process":
        assert line.passed_s == 0.1


def test_leaving_the_server_ends_silent_and_dripping_connections_at_once():
    with FaultServer(RESPOND, [silent(), drip(tick_s=1.0)]) as server:
        for _ in range(2):
            with httpx.Client(trust_env=False, timeout=0.05) as client, pytest.raises(httpx.ReadTimeout):
                client.post(server.url + "/calllogs")
        begun, busy = time.monotonic(), [t for t in threading.enumerate() if "process_request" in t.name]
    for thread in busy:
        thread.join(2)
    assert len(busy) == 2
    assert time.monotonic() - begun < 1


def test_no_connection_is_a_connect_error():
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as client:
        client.get(f"http://127.0.0.1:{closed_port()}/")
    transport = FaultTransport(RESPOND, [refused()])
    with pytest.raises(httpx.ConnectError), httpx.Client(transport=transport) as client:
        client.get("http://127.0.0.1/")
    assert len(transport.requests) == 1


def test_rate_limits_carry_ringbas_body_and_the_header_that_is_asked_for(line):
    client = line.open(rate_limited(headers={"Retry-After": "7"}), rate_limited(span="Hour", code=200))
    first, second = ask(client), ask(client)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert (second.status_code, second.json()["isRateLimited"], second.json()["exceedingRateLimit"]) == (
        200, True, "Hour",
    )  # fmt: skip


def test_a_redirect_names_the_other_server(line):
    answer = ask(line.open(redirect("http://127.0.0.1:1/elsewhere")))
    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_a_login_page_is_html_with_200(line):
    answer = ask(line.open(login_page()))
    assert answer.status_code == 200
    assert answer.text.startswith("<!DOCTYPE html>")


def test_a_gzip_bomb_is_small_on_the_wire_and_large_when_unpacked(line):
    bomb = gzip_bomb(5)
    assert len(bomb.answer[2]) < 10_000
    assert len(ask(line.open(bomb)).content) == 5_000_000
    assert gzip.decompress(bomb.answer[2])[:1] == b" "


def test_raw_bytes_stand_in_place_of_an_answer(line):
    client = line.open(raw(b"\x00\x01 no http\r\n\r\n"), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
    with pytest.raises(httpx.RemoteProtocolError):
        ask(client)
    assert ask(client).content == b"hi"


def test_something_can_be_done_before_an_answer(line):
    there = list(RECORDS)
    client = line.open(ok(), ok(before=there.pop), respond=records_of(there))
    assert [ask(client).json()["report"]["totalCount"] for _ in range(2)] == [50, 49]


def test_a_script_may_be_endless(line):
    client = line.open()
    line.far._script._actions = itertools.repeat(status(500))
    assert {ask(client).status_code for _ in range(10)} == {500}


def take(seed, rate, count=2000, **more):
    return list(itertools.islice(random_faults(seed, rate, **more), count))


def described(actions):
    return [(a.kind, a.after, a.lying, a.answer and a.answer[0]) for a in actions]


def test_random_faults_are_the_same_for_a_seed_and_others_for_another():
    assert described(take(1, 0.5)) == described(take(1, 0.5)) != described(take(2, 0.5))


def is_fault(action):
    return action.kind != "ok" or action.answer is not None


def test_random_faults_come_about_as_often_as_asked_and_never_too_many_in_a_row():
    actions = take(1, 0.3, in_a_row=2)
    assert 0.2 < sum(map(is_fault, actions)) / len(actions) < 0.3
    assert max(len(list(run)) for faulty, run in itertools.groupby(actions, is_fault) if faulty) == 2
    assert not any(map(is_fault, take(1, 0.0)))
    assert all(map(is_fault, take(1, 1.0, in_a_row=10**9)))


def test_random_faults_are_of_every_kind_that_is_asked_for():
    def kind(action):
        return action.kind if action.answer is None else action.answer[0]

    everything = Counter(kind(action) for action in take(1, 0.9, kinds=(*SURVIVABLE, "login_page"), in_a_row=9))
    assert {"ok", "reset", "cut", 500, 502, 503, 504, 429, 200} == everything.keys()
    assert set(map(kind, take(1, 0.9, kinds=["5xx"]))) == {"ok", 500, 502, 503, 504}


def test_data_move_under_random_faults_where_a_mover_is_given():
    moves = []
    actions = take(3, 0.9, kinds=["moved"], move=moves.append, count=100)
    for action in actions:
        if action.before:
            action.before()
    assert 70 < len(moves) < 100
    assert isinstance(moves[0], random.Random)
    assert not any(action.before for action in take(3, 0.9, count=100))


def test_a_sandbox_answers_through_both_and_its_calls_move(line):
    sandbox = open_sandbox(now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    script = random_faults(1, 1.0, kinds=["moved"], move=sandbox.disturb)
    client = line.open(*itertools.islice(script, 5), respond=sandbox.respond)
    day = datetime(2026, 11, 20, tzinfo=UTC)
    window = {"reportStart": "2026-11-20T00:00:00Z", "reportEnd": "2026-11-20T23:59:59Z"}
    for _ in range(5):
        answer = client.post(
            f"/v2/{ACCOUNT_ID}/calllogs", json=window, headers={"Authorization": f"Token {RINGBA_TOKEN}"}
        )
        ids = {record["inboundCallId"] for record in answer.json()["report"]["records"]}
        assert ids == {record["inboundCallId"] for record in sandbox.truth(day, day + timedelta(days=1))}
    assert len(sandbox.moved) == 4 * 6  # the first request finds nothing read yet


def test_a_thousand_faults_inside_the_process_take_no_time():
    transport = FaultTransport(RESPOND, random_faults(1, 0.9, in_a_row=10**9))
    begun, failed = time.monotonic(), 0
    with httpx.Client(transport=transport) as client:
        for _ in range(1000):
            try:
                failed += client.post("http://127.0.0.1/v2/calllogs").status_code != 200
            except httpx.TransportError:
                failed += 1
    assert len(transport.requests) == 1000
    assert failed > 400
    assert time.monotonic() - begun < 5
