"""The checklist resumes: each step says how it was proved, and a contrary proof re-opens it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kayzen_nb.account import AccountSetup
from kayzen_nb.audit import audit_campaign
from kayzen_nb.checklist import (
    KIND,
    STEPS,
    Finding,
    Proof,
    State,
    build_checklist,
    find_from_audit,
    find_from_test_call,
    news,
    say_done,
    say_undone,
)
from kayzen_nb.checks import Verdict
from kayzen_nb.entries import Entry
from kayzen_nb.errors import ParameterError
from kayzen_nb.pixelhistory import see_pixels
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_account import fetch_setup
from kayzen_nb.sandbox import open_sandbox

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CAMPAIGN = "CTV Spring"
KEY = Secret("canary-7Yq2ZkP0")


def note(finding, *, hours=0, by="Ana", campaign=CAMPAIGN):
    return Entry(at=AT + timedelta(hours=hours), kind=KIND, subject=campaign, by=by, facts=finding.facts)


def seen(step, state, proof=Proof.API):
    return Finding(step=step, state=state, proof=proof)


def pixels_seen(hours, plan=None):
    facts = see_pixels(render(plan or build_plan(), KEY), build_plan()).facts
    return Entry(at=AT + timedelta(hours=hours), kind="pixels_seen", subject=CAMPAIGN, by="kayzen_nb", facts=facts)


def step(entries, name):
    return build_checklist(entries, CAMPAIGN).step(name)


def test_nothing_noted_is_not_known_and_begins_with_the_first_step():
    built = build_checklist([], CAMPAIGN)
    assert [s.id for s in built.steps] == [s[0] for s in STEPS]
    assert {s.state for s in built.steps} == {State.NOT_KNOWN}
    assert built.verdict is Verdict.UNKNOWN
    assert built.done_count == 0
    assert built.next_step == "Next, have admin access in Ringba (Ringba, your user's rights)."


def test_a_persons_word_says_who_and_when():
    done = step([note(say_done("admin"), by="Ana")], "admin")
    assert (done.state, done.proved_by, done.by, done.on, done.is_done) == (State.DONE, Proof.WORD, "Ana", AT, True)


def test_every_step_done_is_a_pass():
    built = build_checklist([note(say_done(s[0])) for s in STEPS], CAMPAIGN)
    assert built.verdict is Verdict.PASS
    assert built.next_step == "Every step is done."


def test_another_campaigns_steps_do_not_count():
    assert step([note(say_done("admin"), campaign="CTV Summer")], "admin").state is State.NOT_KNOWN


def test_a_later_contrary_proof_re_opens_a_step_and_says_so():
    found = step([note(say_done("attached")), note(seen("attached", State.OPEN), hours=2, by="kayzen_nb")], "attached")
    assert (found.state, found.proved_by, found.is_done) == (State.OPEN, Proof.API, False)
    assert found.remark == "Open again: it was noted as done on 2026-11-20 09:00 UTC (a person's word, Ana)."


def test_a_word_against_a_platforms_proof_counts_and_is_doubted():
    found = step([note(seen("attached", State.OPEN), by="kayzen_nb"), note(say_done("attached"), hours=1)], "attached")
    assert found.is_done
    assert found.remark.startswith("Against this word stands what was seen on 2026-11-20 09:00 UTC")


def test_a_step_that_a_person_takes_back_is_undone():
    built = build_checklist([note(say_done("admin")), note(say_undone("admin"), hours=1)], CAMPAIGN)
    assert built.step("admin").state is State.UNDONE
    assert built.step("admin").remark == ""
    assert built.verdict is Verdict.FAIL


def test_the_order_in_the_file_does_not_count_but_the_time():
    assert step([note(say_undone("admin"), hours=1), note(say_done("admin"))], "admin").state is State.UNDONE


def test_a_test_call_before_the_pixels_changed_is_stale():
    proof = [note(f) for f in find_from_test_call(3, "RGB0001")]
    changed = [pixels_seen(-1, build_plan("as_published")), pixels_seen(2)]
    assert step([*proof, pixels_seen(-1)], "content").is_done
    found = step([*proof, *changed], "content")
    assert (found.state, found.is_stale, found.is_done) == (State.DONE, True, False)
    assert found.remark == "The pixels changed on 2026-11-20 11:00 UTC, after this."
    assert not step([note(say_done("key")), *changed], "key").is_stale


def test_a_stale_step_is_to_be_done_once_more():
    before = [note(say_done(s[0])) for s in STEPS]
    changed = [pixels_seen(-1, build_plan("as_published")), pixels_seen(2)]
    built = build_checklist([*before, *changed], CAMPAIGN)
    assert built.next_step == "Next, once more: place a test call to the number in the ad (a phone)."
    assert built.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("rung", "done", "opened"),
    [(0, ["test_call"], ["fires", "answered", "content"]), (2, ["test_call", "fires", "answered"], ["content"]),
     (3, ["test_call", "fires", "answered", "content"], []), (5, ["test_call", "fires", "answered", "content", "kayzen_confirmed", "kayzen_report"], [])],
)  # fmt: skip
def test_a_test_call_proves_the_steps_up_to_its_rung(rung, done, opened):
    found = find_from_test_call(rung, "RGB0001")
    assert [f.step for f in found if f.state is State.DONE] == done
    assert [f.step for f in found if f.state is State.OPEN] == opened
    assert {f.words for f in found} == {f"call RGB0001, rung {rung}"}


def sandbox_audit(scenario="healthy", **changes):
    box = open_sandbox(scenario)
    setup = fetch_setup(box.settings, transport=box.transport)
    return audit_campaign(replace(setup, **changes), CAMPAIGN, build_plan(), box.settings.kayzen_api_key)


def test_an_audit_proves_the_steps_that_the_api_can_show():
    found = find_from_audit(sandbox_audit())
    assert [(f.step, f.state, f.proof) for f in found] == [
        (name, State.DONE, Proof.API) for name in ("campaign", "one_number", "created", "key_in_all", "attached")
    ]
    missing = {f.step: f.state for f in find_from_audit(sandbox_audit("pixel_missing"))}
    assert missing["attached"] is State.OPEN


def test_what_the_api_does_not_tell_proves_nothing():
    silent = audit_campaign(AccountSetup(campaigns=None, numbers=None, pixels=None, read_at=AT), CAMPAIGN, build_plan())
    assert find_from_audit(silent) == ()


def test_pasted_pixels_prove_what_stands_in_them_as_pasted():
    nothing = AccountSetup(campaigns=None, numbers=None, pixels=None, read_at=AT)
    found = find_from_audit(audit_campaign(nothing, CAMPAIGN, build_plan(), KEY, render(build_plan(), KEY)))
    assert [(f.step, f.proof) for f in found] == [("created", Proof.PASTED), ("key_in_all", Proof.PASTED)]


def test_only_news_is_noted():
    found = find_from_audit(sandbox_audit())
    assert news(found, [], CAMPAIGN) == found
    assert news(found, [note(f) for f in found], CAMPAIGN) == ()
    assert news(found, [note(f) for f in found[1:]], CAMPAIGN) == found[:1]


def test_an_unknown_step_is_refused_with_the_nearest():
    assert say_done(" Call-ID-sent ").step == "call_id_sent"
    with pytest.raises(ParameterError, match="did you mean 'attached'"):
        say_done("atached")
    with pytest.raises(ParameterError, match="no step"):
        say_undone("")


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"step": "admin"},
        {"step": "later", "state": "done", "proof": "pasted"},
        {"step": ["x"], "state": 3, "proof": None},
    ],
)
def test_entries_of_another_shape_are_left_out(facts):
    odd = Entry(at=AT, kind=KIND, subject=CAMPAIGN, by="x", facts=facts)
    assert build_checklist([odd], CAMPAIGN) == build_checklist([], CAMPAIGN)
