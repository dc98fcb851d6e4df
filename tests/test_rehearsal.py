"""A rehearsal: six events sent once, in order, seen arriving; never to Kayzen by accident."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import click
import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb import livelog, rehearsal
from kayzen_nb.checks import Verdict, worst
from kayzen_nb.commands.rehearse import Receiver, confirm, read_receiver, rehearse
from kayzen_nb.errors import InputError, KayzenNbError, ParameterError, PlatformDown, SettingsError
from kayzen_nb.http import send_get
from kayzen_nb.pixels import ENDPOINT, build_plan
from kayzen_nb.privacy import Secret
from kayzen_nb.rehearsal import (
    Arrival,
    _values,
    arrivals,
    check_rehearsal,
    headline,
    into_sandbox,
    mask,
    problems_of,
)
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.sandbox.server import start_server
from kayzen_nb.tokens import DOCUMENTED, IN_THE_GUIDE
from kayzen_nb.vocabulary import Event

CANARY = "CANARY-key-7Yq2ZkP0"
KEY = Secret(CANARY)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GOOD = {
    "tp": "ringba",
    "api_key": CANARY,
    "app_event": "incoming",
    "caller_id": "+12135550142",
    "number": "+18885550122",
    "call_id": "RGB1",
    "event_ts": "11/24/2026 12:00:00 PM",
    "is_duplicate": "",
    "caller_state": "",
    "can_claim": "1",
}


def play(plan=None, key=KEY, status=200):
    """A rehearsal that is sent nowhere, with the URLs that would have been requested."""
    sent = []

    def send(url):
        sent.append(url.reveal())
        return status

    return list(rehearsal.rehearse(plan or build_plan(), send=send, key=key)), sent


@pytest.fixture
def displayed(monkeypatch):
    """What a notebook would show: each output as it was drawn, one bundle a drawing."""
    bundles = []

    class Handle:
        def update(self, bundle, **_):
            bundles.append(bundle)

    def display(bundle, **_):
        bundles.append(bundle)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    return bundles


def test_all_six_are_sent_once_in_the_order_in_which_a_call_lives():
    plan = build_plan()
    shuffled = replace(plan, pixels=tuple(reversed(plan.pixels)))
    events, sent = play(shuffled)
    assert [event.event for event in events] == list(Event)
    assert [event.app_event for event in events] == [event.value for event in Event]
    assert [dict(parse_qsl(urlsplit(url).query))["app_event"] for url in sent] == [event.value for event in Event]
    assert all(url.startswith(f"{ENDPOINT}?tp=ringba&api_key={CANARY}&") for url in sent)


def test_five_events_share_one_call_and_error_has_its_own():
    events, _ = play()
    ids = [event.call_id for event in events]
    assert len(set(ids[:5])) == 1
    assert ids[5] not in ids[:5]
    assert play()[0][0].call_id not in ids


def test_every_token_is_filled_and_the_plus_of_a_number_survives():
    _, sent = play()
    assert not any("[" in url or "]" in url for url in sent)
    assert all("caller_id=%2B15125550123&number=%2B18335550100" in url for url in sent)
    assert [("conversion_amount=25.00" in url) for url in sent] == [False, False, False, True, False, False]


def test_an_error_call_has_no_revenue_no_duration_and_no_duplicate_flag():
    values = _values(Event.ERROR, "RGB1")
    assert not [token for token in values if "Conversion" in token or "Duplicate" in token or "Length" in token]
    assert {"[Call:ConversionAmount]", "[Call:IsDuplicate]"} <= set(_values(Event.CONVERTED, "RGB1"))


def test_the_invented_call_fills_every_token_of_the_guide():
    values = _values(Event.CONVERTED, "RGB1")
    assert [token for token in IN_THE_GUIDE if not values.get(token)] == []
    assert {token for token in DOCUMENTED if not values.get(token)} == {
        "[tag:Publisher:Id]", "[tag:Publisher:SubId]", "[tag:Target:Id]", "[tag:Campaign:TrackingId]"
    }  # fmt: skip


def test_what_is_kept_of_an_event_holds_neither_key_nor_number():
    events, _ = play(key=Secret("key/with+signs"))
    kept = json.dumps([event.as_record() for event in events]) + repr(events)
    for forbidden in ("key/with+signs", "key%2Fwith%2Bsigns", "5550123", "5550100"):
        assert forbidden not in kept


def test_a_good_rehearsal_says_six_of_six():
    events, _ = play()
    checks = check_rehearsal(events)
    assert [check.verdict for check in checks] == [Verdict.PASS] * 3
    assert headline(checks) == "6 of 6 arrived, each under its own name."
    assert all(event.is_good for event in events)


def test_the_guide_as_printed_tells_one_name_six_times():
    events, _ = play(build_plan("as_published"))
    arrived, named, content = check_rehearsal(events)
    assert (arrived.verdict, named.verdict, content.verdict) == (Verdict.PASS, Verdict.FAIL, Verdict.PASS)
    assert named.found == (
        "Different names: 1, events: 6; 'incoming' is told by Incoming, Connected, Completed, Converted, Payout, Error."
    )
    assert [event.same_name_as for event in events] == [None, *[Event.INCOMING] * 5]
    assert [event.is_good for event in events] == [True, *[False] * 5]


def test_a_plan_without_a_pixel_is_not_six_of_six():
    plan = build_plan()
    events, _ = play(replace(plan, pixels=plan.pixels[:5]))
    check = check_rehearsal(events)[0]
    assert check.verdict is Verdict.FAIL
    assert check.found == "5 of 6 answered 200; Error is not in the plan."


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.PASS), (202, Verdict.UNKNOWN), (302, Verdict.UNKNOWN), (403, Verdict.FAIL), (503, Verdict.FAIL)],
)
def test_only_200_is_arrived_and_an_odd_answer_is_unknown(status, verdict):
    events, _ = play(status=status)
    assert check_rehearsal(events)[0].verdict is verdict


def test_no_event_at_all_proves_nothing():
    assert worst(check_rehearsal([])[1:]) is Verdict.UNKNOWN
    assert check_rehearsal([])[0].verdict is Verdict.FAIL


def test_right_parameters_have_no_problem():
    assert problems_of(GOOD, KEY) == ()
    assert problems_of(GOOD, None) == ()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"api_key": "KAYZEN_PROVIDED"}, "the key is still the placeholder KAYZEN_PROVIDED"),
        ({"api_key": "another-key"}, "the key is another one"),
        ({"api_key": ""}, "api_key is empty"),
        ({"api_key": None}, "api_key is missing"),
        ({"app_event": None}, "app_event is missing"),
        ({"call_id": None}, "call_id is missing"),
        ({"call_id": ""}, "call_id is empty"),
        ({"call_id": "[Call:InboundCallId]"}, "call_id still holds a token in its brackets"),
        ({"caller_id": " 12135550142"}, "the + of caller_id arrived as a space"),
        ({"number": "anonymous"}, "number is not a phone number"),
        ({"conversion_amount": "$27"}, "conversion_amount is not an amount"),
        ({"conversion_amount": ""}, "conversion_amount is empty"),
    ],
)
def test_each_flaw_is_named(change, problem):
    parameters = {name: value for name, value in (GOOD | change).items() if value is not None}
    assert problems_of(parameters, KEY) == (problem,)


@given(st.dictionaries(st.sampled_from([*GOOD, "x", "conversion_amount"]), st.text(max_size=30)))
def test_no_parameters_whatever_break_the_receiver_or_quote_a_value(parameters):
    hostile = {name: f"{value}ЖЖ" for name, value in parameters.items()}
    assert all("ЖЖ" not in problem for problem in problems_of(hostile, KEY))


def test_the_receiver_sees_what_arrives_while_it_arrives():
    sandbox = open_sandbox(now=NOW)
    key = sandbox.settings.kayzen_api_key
    watched = arrivals(sandbox, rehearsal.rehearse(build_plan(), send=into_sandbox(sandbox), key=key), key)
    first = next(watched)
    assert len(sandbox.received) == 1
    came = [first, *watched]
    assert [a.app_event for a in came] == [event.value for event in Event]
    assert all(a.is_good for a in came)
    assert not [a for a in came if key.reveal() in a.shown or "5550123" in a.shown]


def test_a_receiver_that_knows_no_plan_still_sees_one_call_tell_one_name_again():
    sandbox = open_sandbox(now=NOW)
    key = sandbox.settings.kayzen_api_key
    sent = rehearsal.rehearse(build_plan("as_published"), send=into_sandbox(sandbox), key=key)
    came = list(arrivals(sandbox, sent, key))
    assert [a.problems for a in came] == [(), *[("the same call told this before",)] * 4, ()]


def test_a_wrong_key_is_refused_and_said():
    sandbox = open_sandbox(now=NOW)
    sent = rehearsal.rehearse(build_plan(), send=into_sandbox(sandbox), key=None)
    came = list(arrivals(sandbox, sent, sandbox.settings.kayzen_api_key))
    assert {a.status for a in came} == {403}
    assert all("the key is still the placeholder KAYZEN_PROVIDED" in a.problems for a in came)


def test_the_live_strip_is_drawn_anew_for_each_arrival(displayed):
    rehearsal.show_rehearsal(build_plan(), pause_s=0)
    assert [bundle["text/plain"] for bundle in displayed] == [
        f"{n} of 6 arrived, {n} good." for n in range(7)
    ]  # fmt: skip
    assert displayed[2]["text/html"].count(">waiting<") == 4
    assert "Not right" not in displayed[-1]["text/html"]


def test_good_and_bad_stand_apart_and_the_page_keeps_no_key_and_no_number(displayed):
    sent = rehearsal.show_rehearsal(build_plan("as_published"), pause_s=0)
    shown = displayed[-1]["text/html"]
    assert displayed[-1]["text/plain"] == "6 of 6 arrived, 2 good, 4 not right."
    assert shown.index("Arrived as it should (2)") < shown.index("Not right (4)")
    assert "sandbox-kayzen-key" not in str(displayed)
    assert "5550123" not in str(displayed)
    assert len(sent) == 6


def test_a_headless_run_gets_a_plain_table(displayed):
    rehearsal.show_rehearsal(build_plan(), live=False)
    assert [bundle["text/plain"] for bundle in displayed] == ["6 of 6 arrived, 6 good.", "What the receiver saw"]


def test_nothing_that_arrives_is_a_sentence_too(displayed):
    assert livelog.show_arrivals([]) == []
    assert [bundle["text/plain"] for bundle in displayed] == ["0 of 6 arrived, 0 good.", "Nothing arrived."]


@pytest.mark.usefixtures("displayed")
def test_a_pause_lies_between_two_events_and_none_in_a_headless_run(monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    rehearsal.show_rehearsal(build_plan())
    assert waits == [0.4] * 5
    rehearsal.show_rehearsal(build_plan(), live=False)
    assert len(waits) == 5


def test_hostile_text_from_a_sender_is_shown_literally(displayed):
    evil = "<img src=x onerror=alert(1)>"
    arrival = Arrival(at=NOW, app_event=evil, call_id=evil, status=200, shown=evil, problems=(evil,))
    livelog.show_live_events([arrival])
    assert "<img" not in displayed[-1]["text/html"]
    assert "&lt;img" in displayed[-1]["text/html"]


def test_masking_knows_the_key_wherever_it_stands():
    assert mask(f"https://x.example/?k={CANARY}&caller_id=+12135550142", KEY) == (
        "https://x.example/?k=«removed»&caller_id=***-***-**42"
    )


def failing(error):
    def answer(_request):
        raise error

    return httpx.MockTransport(answer)


def test_sending_gives_the_status_and_follows_no_redirect():
    seen = []

    def answer(request):
        seen.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://127.0.0.1:1/elsewhere"})

    url = Secret(f"http://127.0.0.1:9/v1/ev?api_key={CANARY}&caller_id=%2B12135550142")
    assert send_get(url, platform="the event endpoint", transport=httpx.MockTransport(answer)) == 302
    assert seen == [url.reveal()]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(httpx.ConnectError(CANARY), "no connection"), (httpx.ReadTimeout(CANARY), "no answer in time")],
)
def test_a_send_without_an_answer_says_so_without_the_key_and_is_not_repeated(error, reason):
    url = Secret(f"http://127.0.0.1:9/v1/ev?api_key={CANARY}")
    with pytest.raises(PlatformDown) as caught:
        send_get(url, platform="the event endpoint", transport=failing(error))
    assert f"could not be reached: {reason}. Whether the event arrived is not known." in str(caught.value)
    assert "GET /v1/ev at 127.0.0.1" in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("address", ["https://evil.example/v1/ev", "http://api-events.eventstracker.io/v1/ev", ""])
def test_nothing_is_sent_to_another_host_or_unencrypted(address):
    with pytest.raises(SettingsError) as caught:
        send_get(Secret(f"{address}?api_key={CANARY}"), platform="x", transport=failing(AssertionError("was sent")))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://127.0.0.1:8765/v1/ev", "http://127.0.0.1:8765/v1/ev"),
        (" http://localhost:8765 ", "http://localhost:8765/v1/ev"),
        ("http://[::1]:8765/", "http://[::1]:8765/v1/ev"),
    ],
)
def test_a_receiver_on_this_machine_is_taken(typed, address):
    assert read_receiver(typed).address == address
    assert read_receiver(typed).is_kayzens is False


def test_kayzens_own_address_is_known_as_such():
    assert read_receiver(ENDPOINT) == Receiver(address=ENDPOINT, host="api-events.eventstracker.io", is_kayzens=True)


@pytest.mark.parametrize(
    "typed",
    [
        "", "http://", "ftp://127.0.0.1/v1/ev", "http://127.0.0.1:x/v1/ev", "http://127.0.0.1/v1/ev?api_key=a",
        "http://127.0.0.1@evil.example/", "https://evil.example/v1/ev", "http://api-events.eventstracker.io/v1/ev",
        f"{ENDPOINT}/", "https://api-events.eventstracker.io", "http://127.0.0.1.evil.example/v1/ev", "http://[",
    ],
)  # fmt: skip
def test_every_other_receiver_is_refused(typed):
    with pytest.raises(ParameterError, match="Nothing was sent"):
        read_receiver(typed)


def test_the_host_name_has_to_be_typed_after_seeing_what_would_be_sent(capsys):
    confirm(build_plan(), KEY, "api-events.eventstracker.io", lambda _: " api-events.eventstracker.io ")
    shown = capsys.readouterr().err
    assert shown.count("api_key=«removed»") == 6
    assert "no test mode: they may be counted as real events" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("typed", ["", "y", "yes", "eventstracker.io", "API-EVENTS.eventstracker.io"])
def test_any_other_answer_sends_nothing(typed):
    with pytest.raises(InputError, match="Nothing was sent"):
        confirm(build_plan(), KEY, "api-events.eventstracker.io", lambda _: typed)


def run_command(*arguments):
    """The command inside a group that tells errors as the real one does."""
    group = click.Group("kayzen-nb", commands={"rehearse": rehearse})
    return CliRunner().invoke(group, ["rehearse", *arguments])


def test_the_command_prints_each_event_and_the_verdict_last():
    done = run_command()
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert [line.split()[:3] for line in lines[:6]] == [["✓", event.value, "200"] for event in Event]
    assert lines[6] == "✓ pass: 6 of 6 arrived, each under its own name."
    assert "only Kayzen can say" in lines[7]


def test_the_command_fails_for_the_guide_as_printed():
    done = run_command("--profile", "as_published")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1].endswith("app_event=incoming  (the name of incoming again)")
    assert "✗ fail: Different names: 1, events: 6" in done.stdout


def test_the_command_talks_to_machines_too():
    done = run_command("--json")
    told = json.loads(done.stdout)
    assert (told["verdict"], told["headline"], len(told["checks"]), len(told["events"])) == (
        "pass", "6 of 6 arrived, each under its own name.", 3, 6
    )  # fmt: skip
    assert "sandbox-kayzen-key" not in done.stdout
    assert "5550123" not in done.stdout


def test_the_command_reaches_a_sandbox_that_runs_elsewhere_on_this_machine():
    with start_server() as server:
        done = run_command("--to", f"{server.url}/v1/ev")
        assert done.exit_code == 0
        assert [r.parameters["app_event"] for r in server.sandbox.received] == [event.value for event in Event]


def test_a_receiver_that_is_not_running_is_said_without_a_traceback():
    with start_server() as server:
        address = server.url
    done = run_command("--to", address)
    assert isinstance(done.exception, PlatformDown)
    assert "could not be reached: no connection" in str(done.exception)


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_without_a_terminal_nothing_goes_to_kayzen(monkeypatch, more):
    monkeypatch.setenv("KAYZEN_API_KEY", CANARY)
    monkeypatch.setattr("kayzen_nb.http.send_get", lambda *_, **__: pytest.fail("was sent"))
    done = run_command("--to", ENDPOINT, *more)
    assert isinstance(done.exception, KayzenNbError)
    assert "only when a person at a terminal confirms it. Nothing was sent." in str(done.exception)
    assert CANARY not in done.output + str(done.exception)


ON_A_TERMINAL = """
import kayzen_nb.http
def send_get(*_, **__): print("WAS SENT")
kayzen_nb.http.send_get = send_get
from kayzen_nb.cli import _Commands
from kayzen_nb.commands.rehearse import rehearse
_Commands("kayzen-nb", commands={"rehearse": rehearse}).main(["rehearse", "--to", "%s"])
""" % ENDPOINT  # fmt: skip


def on_a_terminal(typed, env, tmp_path):
    """The command on a terminal of its own, with sending taken out; gives exit code and everything it wrote."""
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL], stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=env
    )
    os.close(theirs)
    os.write(ours, f"{typed}\n".encode())
    written = b""
    with contextlib.suppress(OSError):  # how a terminal says that its program has ended
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    return child.wait(30), written.decode()


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is a Unix thing")
def test_a_person_who_types_something_else_has_sent_nothing(tmp_path):
    code, written = on_a_terminal("yes", os.environ | {"KAYZEN_API_KEY": CANARY}, tmp_path)
    assert code == 2
    assert "Type the host name to send them" in written
    assert "The host name was not typed. Nothing was sent." in written
    assert "WAS SENT" not in written
    assert CANARY not in written
    assert "Traceback" not in written


@pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is a Unix thing")
def test_without_a_key_of_ones_own_nothing_is_asked(tmp_path):
    code, written = on_a_terminal("api-events.eventstracker.io", dict(os.environ), tmp_path)
    assert code == 2
    assert "KAYZEN_API_KEY is not set." in written
    assert "WAS SENT" not in written
