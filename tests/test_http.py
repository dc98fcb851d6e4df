"""The door to the network: bounded, suspicious, and silent about keys."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import socket
import threading
import time
import traceback
from decimal import Decimal

import httpx
import pytest
import stamina
import stamina.instrumentation

from kayzen_nb.errors import (
    BadAnswer,
    CredentialRefused,
    PlatformDown,
    PlatformError,
    RateLimited,
    RightRefused,
    SettingsError,
)
from kayzen_nb.http import Client
from kayzen_nb.privacy import Secret
from kayzen_nb.ratelimit import Pace, read_limits

CANARY = "canary-7Yq2ZkP0"
BASE = "https://api.ringba.com/v2"
LIMITED = {"isRateLimited": True, "exceedingRateLimit": "Minute", "message": "limited"}


@pytest.fixture(autouse=True)
def no_waiting():
    """Retries happen at once."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


class Script:
    """A transport that answers from a list (the last answer repeats), and keeps the requests."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def ok(tree, status=200, **headers):
    return lambda _: httpx.Response(status, json=tree, headers=headers)


def raw(content, status=200, **headers):
    return lambda _: httpx.Response(status, content=content, headers=headers)


def open_client(script, **more):
    return Client(
        BASE,
        headers={"Authorization": Secret(f"Token {CANARY}")},
        platform="Ringba",
        transport=httpx.MockTransport(script),
        ids={"account": "RA0123"},
        advice={401: "Check RINGBA_API_TOKEN.", 403: "Ask an admin."},
        **more,
    )


def fetch(*answers, script=None, **more):
    with open_client(script or Script(*answers), **more) as client:
        return client.fetch_json("POST", "/{account}/calllogs", body={"size": 1}, what="the call log")


def refusal(error, *answers, **more):
    """The text of the refusal; it has three parts, and nothing in it leads to the key."""
    with pytest.raises(PlatformError) as caught:
        fetch(*answers, **more)
    assert isinstance(caught.value, error)
    problem = caught.value.problems[0]
    assert problem.what
    assert problem.where == "POST /{account}/calllogs at api.ringba.com"
    assert problem.next_step
    ours = [
        step for step in traceback.walk_tb(caught.value.__traceback__) if "/tests/" not in step[0].f_code.co_filename
    ]
    assert ours
    assert not {frame.f_code.co_name for frame, _ in ours} & {"_exchange", "_stream"}  # where the key is revealed
    frames = traceback.StackSummary.extract(iter(ours), capture_locals=True).format()
    assert CANARY not in "".join(frames) + str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


def test_an_answer_is_a_tree_with_exact_numbers():
    script = Script(raw(b'\xef\xbb\xbf{"amount": 0.10, "n": 3}'))
    tree = fetch(script=script)
    assert tree == {"amount": Decimal("0.10"), "n": 3}
    assert str(tree["amount"]) == "0.10"
    [request] = script.requests
    assert str(request.url) == f"{BASE}/RA0123/calllogs"
    assert request.headers["authorization"] == f"Token {CANARY}"
    assert json.loads(request.content) == {"size": 1}


def test_a_401_says_which_setting_to_check_and_is_not_retried():
    script = Script(ok({"message": "no"}, 401))
    text = refusal(CredentialRefused, script=script)
    assert "Ringba did not accept the API token (401)." in text
    assert "RINGBA_API_TOKEN" in text
    assert len(script.requests) == 1


def test_a_403_says_that_a_right_is_missing_and_is_not_retried():
    script = Script(ok({}, 403))
    assert "Ask an admin." in refusal(RightRefused, script=script)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425])
def test_a_broken_platform_is_asked_three_times_at_most(status):
    script = Script(raw(b"oops", status))
    text = refusal(PlatformDown, script=script)
    assert "could not be reached" in text
    assert "Nothing was changed; try again later." in text
    assert str(status) in text
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError(CANARY), httpx.ReadTimeout(CANARY), httpx.RemoteProtocolError(CANARY), httpx.ReadError(CANARY)],
)
def test_a_connection_that_fails_is_tried_again_and_forgotten(failure):
    assert fetch(failure, ok({"fine": True})) == {"fine": True}
    assert CANARY not in refusal(PlatformDown, failure)


def test_a_closed_port_is_named_by_host_only():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}/v2", headers={}, platform="Ringba")
    with client, pytest.raises(PlatformDown) as caught:
        client.fetch_json("GET", "/x", what="the account")
    assert caught.value.problems[0].where == "GET /x at 127.0.0.1"


def test_truncated_json_is_asked_for_again_never_read_in_part():
    assert fetch(raw(b'{"a": [1, 2'), ok({"a": [1, 2, 3]})) == {"a": [1, 2, 3]}
    assert "not whole JSON" in refusal(BadAnswer, raw(b'{"a": [1, 2'))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b'{"a": NaN}', "NaN"), (b'{"a": -Infinity}', "Infinity"), (b'{"a": 1, "a": 2}', "twice"), (b"\xff\xfe{", "UTF-8"),
     (b'{"a": "\xff"}', "UTF-8 at byte 7"), (b"[" * 100_000, "deeply")],
)  # fmt: skip
def test_what_strict_json_forbids_is_not_trusted(content, words):
    assert words in refusal(BadAnswer, raw(content))


def test_a_log_in_page_is_recognised():
    assert "log-in page" in refusal(BadAnswer, raw(b"\n<!doctype html><html>Sign in</html>"))


def test_a_redirect_is_not_followed():
    script = Script(lambda _: httpx.Response(302, headers={"location": "https://evil.example/"}))
    text = refusal(BadAnswer, script=script)
    assert "redirect (302)" in text
    assert "evil" not in text
    assert len(script.requests) == 1


def test_a_refusal_in_ringbas_words_is_quoted_without_key_and_number():
    said = f"Bad zone {CANARY}\nfor +15555550111"
    text = refusal(BadAnswer, ok({"message": said}, 400))
    assert "refused the request (400), saying 'Bad zone" in text
    assert "5555550111" not in text


def test_a_refusal_that_is_not_json_is_still_a_refusal():
    assert "refused the request (404)" in refusal(BadAnswer, raw(b"not here", 404))


NOON = 1_771_329_600.0  # 2026-02-17 12:00 UTC


class Waits:
    """A pace whose waits are noted, and move its clock, in place of being slept."""

    def __init__(self, patience_s=120.0, limits=""):
        self.at, self.slept, self.told = NOON + 10, [], []
        self.pace = Pace(
            read_limits(limits) if limits else (), patience_s=patience_s, clock=lambda: self.at, sleep=self.sleep, watcher=self
        )  # fmt: skip

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds

    def wait(self, seconds, why):
        self.told.append((seconds, why))


def test_a_rate_limit_inside_a_200_is_waited_out_to_the_edge_of_its_window():
    waits = Waits()
    assert fetch(ok(LIMITED), ok({"fine": 1}), pace=waits.pace) == {"fine": 1}
    assert waits.slept == [50.5]
    [(_, why)] = waits.told
    assert "limit of requests per minute is used up" in why


@pytest.mark.parametrize(
    ("span", "seconds"), [("Second", 1.5), ("Minute", 50.5), ("Hour", 3590.5), ("Day", 43190.5), ("", 50.5)]
)
def test_each_window_has_its_own_edge(span, seconds):
    waits = Waits(patience_s=100_000)
    fetch(ok(LIMITED | {"exceedingRateLimit": span}, 429), ok({}), pace=waits.pace)
    assert waits.slept == [seconds]


@pytest.mark.parametrize("status", [200, 400, 403, 429, 503])
def test_ringbas_rate_limit_body_is_recognised_whatever_the_status(status):
    waits = Waits()
    assert fetch(ok(LIMITED, status), ok({"fine": 1}), pace=waits.pace) == {"fine": 1}
    assert len(waits.slept) == 1


def test_words_about_rate_limits_in_a_good_answer_are_only_words():
    tree = {"isRateLimited": False, "text": '"isRateLimited": true'}
    assert fetch(ok(tree), pace=Waits().pace) == tree


def test_when_patience_ends_it_is_said_how_much_more_would_be_needed():
    waits = Waits()
    text = refusal(RateLimited, ok(LIMITED), pace=waits.pace)
    assert sum(waits.slept) <= 120
    assert "limit of requests per minute is used up" in text
    assert "60 s to wait, 50 s more would be needed" in text.replace("61 s", "60 s").replace("51 s", "50 s")
    assert "Run again after 2026-02-17 12:0" in text


def test_patience_is_one_budget_for_all_requests():
    waits = Waits()
    with open_client(Script(ok(LIMITED), ok({}), ok(LIMITED), ok({}), ok(LIMITED)), pace=waits.pace) as client:
        client.fetch_json("GET", "/x", what="x")
        client.fetch_json("GET", "/x", what="x")
        with pytest.raises(RateLimited):
            client.fetch_json("GET", "/x", what="x")
    assert sum(waits.slept) <= 120


def test_a_daily_limit_is_not_waited_for():
    script, waits = Script(ok(LIMITED | {"exceedingRateLimit": "Day"})), Waits()
    assert "per day" in refusal(RateLimited, script=script, pace=waits.pace)
    assert (len(script.requests), waits.slept) == (1, [])


def test_a_platform_that_says_wait_no_time_at_all_is_not_stormed():
    script, waits = Script(ok({}, 429, **{"retry-after": "0"})), Waits()
    refusal(RateLimited, script=script, pace=waits.pace)
    assert len(script.requests) < 10
    assert waits.slept == [0, 1, 3, 7, 15, 31, 60]


@pytest.mark.parametrize("header", ["7", "Tue, 17 Feb 2026 12:00:17 GMT"])
def test_retry_after_is_waited_exactly(header):
    waits = Waits()
    fetch(ok({}, 429, **{"retry-after": header}), ok({}), pace=waits.pace)
    assert waits.slept == [7.0]


@pytest.mark.parametrize("header", ["abc", "-5", "", "1.5", "Tue, 99 Foo 2026", "Mon, 01 Jan 99999999999 00:00:00 GMT"])
def test_a_retry_after_without_sense_is_ignored(header):
    waits = Waits()
    fetch(ok({}, 429, **{"retry-after": header}), ok({}), pace=waits.pace)
    assert waits.slept == [50.5]


def test_a_date_in_the_past_means_now():
    waits = Waits()
    fetch(ok({}, 429, **{"retry-after": "Mon, 16 Feb 2026 12:00:00 GMT"}), ok({}), pace=waits.pace)
    assert waits.slept == [0.0]


@pytest.mark.parametrize("header", ["121", "1000000000", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_past_the_patience_is_not_begun(header):
    script, waits = Script(ok({}, 429, **{"retry-after": header})), Waits()
    assert "more would be needed" in refusal(RateLimited, script=script, pace=waits.pace)
    assert (len(script.requests), waits.slept) == (1, [])


def test_after_a_rate_limit_requests_go_out_at_half_the_rate():
    waits = Waits(limits="80/minute")
    with open_client(Script(ok(LIMITED), ok({})), pace=waits.pace) as client:
        client.fetch_json("GET", "/x", what="x")
        began = waits.at
        for _ in range(90):
            client.fetch_json("GET", "/x", what="x")
    assert 120 <= waits.at - began <= 200


def test_our_own_share_used_up_is_told_with_the_time_to_run_again():
    waits = Waits(limits="4/day")
    with open_client(Script(ok({})), pace=waits.pace) as client:
        for _ in range(3):
            client.fetch_json("GET", "/x", what="x")
    script = Script(ok({}))
    text = refusal(RateLimited, script=script, pace=waits.pace)
    assert "Our share of the platform's limit is used up" in text
    assert "Run again after 2026-02-18 12:00:1" in text
    assert script.requests == []


@pytest.fixture
def backoffs():
    """stamina's waits; the first ends the call in its place."""

    class Stop(Exception):
        pass

    seen = []

    def hook(details):
        seen.append(details.wait_for)
        raise Stop

    stamina.instrumentation.set_on_retry_hooks([hook])
    stamina.set_testing(False)
    yield seen, Stop
    stamina.instrumentation.set_on_retry_hooks(None)
    stamina.set_testing(True, attempts=10, cap=True)


@pytest.mark.parametrize(("header", "least", "most"), [("7", 7, 7), ("", 0, 3.1), ("abc", 0, 3.1)])
def test_a_broken_platform_is_asked_again_soon_or_when_it_says(backoffs, header, least, most):
    seen, stop = backoffs
    with pytest.raises(stop):
        fetch(ok({}, 503, **{"retry-after": header}))
    assert least <= seen[0] <= most


def test_a_retry_past_the_deadline_is_not_begun(backoffs):
    seen, _ = backoffs
    refusal(PlatformDown, ok({}, 503, **{"retry-after": "61"}), deadline_s=60)
    assert seen == []


def test_waiting_for_our_pace_does_not_use_up_the_deadline():
    at = [0.0]

    def sleep(seconds):
        time.sleep(0.03)  # real, because the deadline is; two of these are longer than it
        at[0] += seconds

    pace = Pace(read_limits("2/minute"), clock=lambda: at[0], sleep=sleep)
    busy = ok({}, 503, **{"retry-after": "0"})
    with open_client(Script(busy, busy, ok({"fine": 1})), pace=pace, deadline_s=0.05) as client:
        assert client.fetch_json("GET", "/x", what="x") == {"fine": 1}


def read_size(content):
    if content == b"bad":
        raise ValueError("odd")
    return len(content)


def fetch_size(*answers):
    with open_client(Script(*answers)) as client:
        return client.fetch_page("POST", "/{account}/calllogs", body={}, what="the call log", read=read_size)


def test_a_page_is_read_by_its_own_reader_and_asked_for_again_when_it_is_no_page():
    assert fetch_size(raw(b"bad"), raw(b"12345")) == 5


def test_a_page_that_stays_unreadable_is_handed_over_but_never_shown():
    content = b'{"cut": "+12125550123'
    with pytest.raises(BadAnswer) as caught, open_client(Script(raw(content))) as client:
        client.fetch_page("GET", "/x", body=None, what="the call log", read=json.loads)
    assert caught.value.content == content
    assert "5550123" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["%s", "Token %s", "Authorization: Token %s; "])
def test_the_token_does_not_stand_in_a_page_that_is_handed_over(encoding, form):
    content = f'{{"echo": "{form % CANARY}", "more": "kept'.encode(encoding)
    with pytest.raises(BadAnswer) as caught, open_client(Script(raw(content))) as client:
        client.fetch_page("GET", "/x", body=None, what="the call log", read=read_nothing)
    assert CANARY.encode(encoding) not in caught.value.content
    assert "kept".encode(encoding) in caught.value.content


def read_nothing(_):
    raise ValueError("odd")


@pytest.mark.parametrize(
    ("answer", "error"),
    [(raw(b"<html>bad"), BadAnswer), (raw(b"", 401), CredentialRefused), (raw(b"", 302), BadAnswer), (raw(b"", 500), PlatformDown)],
)  # fmt: skip
def test_a_page_has_the_same_guards_as_any_answer(answer, error):
    with pytest.raises(error), open_client(Script(answer)) as client:
        client.fetch_page("GET", "/x", body=None, what="the call log", read=json.loads)


def test_a_status_that_means_nothing_here_is_none():
    with open_client(Script(ok({}, 404))) as client:
        assert client.fetch_json("GET", "/x", what="x", none_at=(404,)) is None
        with pytest.raises(BadAnswer):
            client.fetch_json("GET", "/x", what="x", none_at=(403,))


def test_a_drip_ends_at_the_deadline():
    class Drip(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(1000):
                time.sleep(0.02)
                yield b" "

    script = Script(lambda _: httpx.Response(200, stream=Drip()))
    assert "longer than 0.1 s" in refusal(PlatformDown, script=script, deadline_s=0.1)
    assert len(script.requests) == 1


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"])
def test_a_drip_over_a_real_socket_ends_at_the_deadline_also_within_the_headers(head):
    def drip(connection):
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400:
                connection.sendall(bytes([byte]))
                time.sleep(0.01)

    with (
        served(drip) as port,
        Client(f"http://127.0.0.1:{port}", headers={}, platform="Ringba", deadline_s=0.3) as client,
    ):
        began = time.monotonic()
        with pytest.raises(PlatformDown, match=r"longer than 0\.3 s"):
            client.fetch_json("GET", "/x", what="the account")
        assert time.monotonic() - began < 0.33 + 0.1  # a tenth of a second for a busy machine


def test_a_server_that_stops_in_the_middle_is_left_at_the_deadline():
    def stop(connection):
        time.sleep(0.2)
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        connection.recv(1)  # until the client leaves

    with (
        served(stop) as port,
        Client(f"http://127.0.0.1:{port}", headers={}, platform="Ringba", deadline_s=0.3) as client,
    ):
        began = time.monotonic()
        with pytest.raises(PlatformDown):
            client.fetch_json("GET", "/x", what="the account")
        assert time.monotonic() - began < 0.33 + 0.1  # a tenth of a second for a busy machine


def test_a_server_that_accepts_and_never_answers_is_left_at_the_deadline():
    with served(lambda connection: connection.recv(1)) as port:
        client = Client(f"http://127.0.0.1:{port}", headers={}, platform="Ringba", deadline_s=0.2)
        with client, pytest.raises(PlatformDown):
            client.fetch_json("GET", "/x", what="the account")


def test_an_answer_that_unpacks_without_end_is_stopped():
    bomb = gzip.compress(b" " * 3_000_000)
    assert "more than 1,000,000 bytes" in refusal(
        BadAnswer, raw(bomb, **{"content-encoding": "gzip"}), max_bytes=1_000_000
    )


def test_broken_compression_is_a_broken_connection():
    assert "compression" in refusal(PlatformDown, raw(b"no gzip", **{"content-encoding": "gzip"}))


@pytest.mark.parametrize("path", ["https://evil.example/x", "@evil.example/x", ".evil.example/x"])
def test_no_path_leads_to_another_host(path):
    script = Script(ok({}))
    client = Client("https://api.ringba.com", headers={}, platform="Ringba", transport=httpx.MockTransport(script))
    with client, contextlib.suppress(PlatformError):
        client.fetch_json("GET", path, what="the account")
    assert {request.url.host for request in script.requests} <= {"api.ringba.com"}


@pytest.mark.parametrize("url", ["https://evil.example/v2", "http://api.ringba.com/v2", "file:///etc/passwd", "x"])
def test_only_the_platforms_and_this_machine_are_called(url):
    with pytest.raises(SettingsError, match="is no address of Ringba"):
        Client(url, headers={}, platform="Ringba")


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert fetch(ok({"fine": 1})) == {"fine": 1}


def test_no_log_of_any_level_holds_url_or_key(caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    with (
        serve_once(b'{"fine": 1}') as port,
        Client(f"http://127.0.0.1:{port}/{CANARY}", headers={"x-key": Secret(CANARY)}, platform="Ringba") as client,
    ):
        assert client.fetch_json("GET", "/x", what="the account") == {"fine": 1}
    with contextlib.suppress(PlatformError):
        fetch(raw(b"", 500))
    assert CANARY not in caplog.text
    assert "HTTP Request" not in caplog.text


def serve_once(content):
    """One answer on loopback, through a real socket."""
    return served(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content)))


@contextlib.contextmanager
def served(answer):
    """A server on loopback that reads a request and lets ``answer`` write to the connection, once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
