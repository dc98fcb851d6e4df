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
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

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
    assert type(caught.value) is error
    problem = caught.value.problems[0]
    assert problem.what
    assert problem.where == "POST /{account}/calllogs at api.ringba.com"
    assert problem.next_step
    ours = [
        step for step in traceback.walk_tb(caught.value.__traceback__) if "/tests/" not in step[0].f_code.co_filename
    ]
    assert ours
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


def test_a_rate_limit_inside_a_200_is_waited_out():
    script = Script(ok(LIMITED), ok({"fine": 1}))
    assert fetch(script=script, deadline_s=120) == {"fine": 1}
    assert "limit of requests per minute is used up" in refusal(RateLimited, ok(LIMITED), deadline_s=120)


def test_a_daily_limit_is_not_waited_for():
    script = Script(ok(LIMITED | {"exceedingRateLimit": "Day"}))
    assert "per day" in refusal(RateLimited, script=script)
    assert len(script.requests) == 1


class Stop(Exception):
    """Raised in place of a wait."""


@pytest.fixture
def waits():
    """The waits that would happen; each ends the call in their place."""
    seen = []

    def hook(details):
        seen.append(details.wait_for)
        raise Stop

    stamina.instrumentation.set_on_retry_hooks([hook])
    stamina.set_testing(False)
    yield seen
    stamina.instrumentation.set_on_retry_hooks(None)
    stamina.set_testing(True, attempts=10, cap=True)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_exactly(waits, status):
    with pytest.raises(Stop):
        fetch(ok({}, status, **{"retry-after": "7"}))
    assert waits == [7.0]


def test_retry_after_as_a_date_is_waited_for(waits):
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with pytest.raises(Stop):
        fetch(ok({}, 429, **{"retry-after": soon}))
    assert 0 < waits[0] <= 30


@pytest.mark.parametrize("header", ["abc", "-5", "", "1.5"])
def test_a_retry_after_without_sense_is_ignored(waits, header):
    with contextlib.suppress(RateLimited), pytest.raises(Stop):
        fetch(ok({}, 429, **{"retry-after": header}), deadline_s=120)
    assert 0 < waits[0] <= 61


def test_a_date_in_the_past_means_now(waits):
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    with pytest.raises(Stop):
        fetch(ok({}, 429, **{"retry-after": past}))
    assert waits == [0.0]


@pytest.mark.parametrize("header", ["61", "1000000000"])
def test_a_wait_past_the_deadline_is_not_begun(waits, header):
    script = Script(ok({}, 429, **{"retry-after": header}))
    refusal(RateLimited, script=script, deadline_s=60)
    assert waits == []
    assert len(script.requests) == 1


def test_a_drip_ends_at_the_deadline():
    class Drip(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(1000):
                time.sleep(0.02)
                yield b" "

    script = Script(lambda _: httpx.Response(200, stream=Drip()))
    assert "longer than 0.1 s" in refusal(PlatformDown, script=script, deadline_s=0.1)
    assert len(script.requests) == 1


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


@contextlib.contextmanager
def serve_once(content):
    """One answer on loopback, through a real socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(content), content))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)
