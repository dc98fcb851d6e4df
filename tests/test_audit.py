"""The audit names what the set-up would do to Kayzen's events; what Ringba does not tell becomes a question."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kayzen_nb.account import AccountSetup, Campaign, ConversionRule, PayoutRule, TrackingNumber
from kayzen_nb.audit import FOUND, audit_campaign, choose_campaign
from kayzen_nb.auditpixels import AS_PLANNED, ATTACHED, CREATED, ENABLED, ONE_KEY, TRIGGERS
from kayzen_nb.auditrules import AMOUNT, CONVERSION, DUPLICATES, PAYOUT, SWITCHED_ON
from kayzen_nb.causes import KINDS, Cause, Certainty
from kayzen_nb.checks import Verdict
from kayzen_nb.errors import ParameterError
from kayzen_nb.numbermap import ONE_NUMBER, OWN_NUMBER, NumberRow, map_numbers
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_account import fetch_setup
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.vocabulary import Event

KEY, OTHER = Secret("canary-7Yq2ZkP0"), Secret("other-key-123456")
PLAN = build_plan()
AT = datetime(2026, 11, 20, tzinfo=UTC)
IDS = tuple(f"EV{n}" for n in range(1, 7))
RULE = ConversionRule(
    target="A", kind="callLength", revenue_usd_micros=27_000_000, after_s=120, timer_starts="OnConnectedCall"
)
CAMPAIGN = Campaign(
    id="CA1",
    name="CTV Spring",
    enabled=True,
    attached_pixel_ids=IDS,
    conversion_rules=(RULE,),
    payout_rules=(PayoutRule(kind="convertedCall", payout_usd_micros=20_000_000),),
    blocks_repeats_within_s=2,
    takes_anonymous_callers=True,
)
NUMBER = TrackingNumber(number="+18885550122", campaign_id="CA1", enabled=True)


def six(key=KEY):
    return tuple(replace(p, id=i, enabled=True) for p, i in zip(render(PLAN, key), IDS, strict=True))


def build(*, campaign=CAMPAIGN, others=(), numbers=(NUMBER,), pixels=None, **told):
    campaigns = None if campaign is None else (campaign, *others)
    return AccountSetup(
        campaigns=campaigns, numbers=numbers, pixels=six() if pixels is None else pixels, read_at=AT, **told
    )


def judge(setup, key=KEY, campaign="CTV Spring", **more):
    return audit_campaign(setup, campaign, PLAN, key, **more)


def named(audit):
    return [(cause.code, cause.certainty.value, [e.value for e in cause.events]) for cause in audit.causes]


def check_of(audit, name):
    return next(check for check in audit.checks if check.name == name)


def with_pixel(event, **fields):
    return tuple(replace(p, **fields) if p.event is event else p for p in six())


def with_url(event, old, new):
    return tuple(replace(p, url=p.url.replace(old, new)) if p.event is event else p for p in six())


def test_a_whole_and_right_set_up_passes_and_names_nothing():
    audit = judge(build())
    assert audit.verdict is Verdict.PASS
    assert (audit.causes, audit.questions, audit.differences) == ((), (), ())
    assert audit.headline == "Six pixels as planned, on the campaign and switched on; one number; the rules are set."
    assert audit.number_map == (NumberRow(campaign="CTV Spring", number="***-***-0122"),)


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        (build(pixels=six()[1:]), [("pixel_not_created", "seen", ["incoming"])]),
        (build(campaign=replace(CAMPAIGN, attached_pixel_ids=IDS[:3])), [("pixel_not_attached", "seen", ["converted", "payout", "error"])]),
        (build(pixels=with_pixel(Event.PAYOUT, enabled=False)), [("pixel_disabled", "seen", ["payout"])]),
        (build(pixels=with_pixel(Event.PAYOUT, fire_on="Converted")), [("wrong_trigger", "seen", ["payout"])]),
        (build(pixels=with_pixel(Event.PAYOUT, method="POST")), [("pixel_differs", "seen", ["payout"])]),
        (build(pixels=with_url(Event.PAYOUT, "app_event=payout", "app_event=incoming")), [("wrong_event_name", "seen", ["payout"])]),
        (build(pixels=with_url(Event.CONVERTED, "&conversion_amount=[Call:ConversionAmount]", "")), [("amount_missing", "seen", ["converted"])]),
        (build(pixels=with_url(Event.ERROR, KEY.reveal(), OTHER.reveal())), [("key_differs", "seen", ["error"])]),
        (build(pixels=with_url(Event.ERROR, "eventstracker.io", "eventstracker.example")), [("wrong_address", "seen", ["error"])]),
        (build(pixels=six(None)), [("key_placeholder", "seen", [e.value for e in Event])]),
        (build(campaign=replace(CAMPAIGN, enabled=False)), [("campaign_disabled", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=())), [("no_conversion_rule", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=(RULE, replace(RULE, target="B", kind="")))), [("no_conversion_rule", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=(replace(RULE, revenue_usd_micros=0),))), [("zero_conversion_value", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=(replace(RULE, revenue_usd_micros=None),))), [("zero_conversion_value", "likely", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=(replace(RULE, kind="postBack"),))), [("conversion_waits", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, payout_rules=())), [("no_payout_rule", "likely", [])]),
        (build(campaign=replace(CAMPAIGN, blocks_repeats_within_s=3600)), [("duplicates_filtered", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, duplicate_rule="ON_CONNECT")), [("duplicates_filtered", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, conversion_rules=(replace(RULE, repeat_within_s=60),))), [("duplicates_filtered", "seen", [])]),
        (build(campaign=replace(CAMPAIGN, takes_anonymous_callers=False)), [("anonymous_refused", "seen", [])]),
        (build(numbers=()), [("number_missing", "seen", [])]),
        (build(numbers=(NUMBER, replace(NUMBER, number="+18885550123"))), [("several_numbers", "seen", [])]),
        (build(numbers=(NUMBER, replace(NUMBER, campaign_id="CA2", number="18885550122"))), [("number_shared", "seen", [])]),
        (build(numbers=(NUMBER, replace(NUMBER, number="+18885550123", enabled=False))), []),
    ],
)  # fmt: skip
def test_each_fault_is_named_alone(setup, expected):
    audit = judge(setup)
    assert named(audit) == expected
    faults = [c for c in audit.causes if c.kind.is_fault]
    assert audit.verdict is (Verdict.FAIL if faults else Verdict.PASS)
    assert audit.questions == ()


def test_what_waits_for_another_answer_is_unknown_and_asks_nobody():
    audit = judge(build(numbers=(), campaign=replace(CAMPAIGN, conversion_rules=()), pixels=six()[1:]))
    waiting = [check.name for check in audit.checks if check.verdict is Verdict.UNKNOWN]
    assert waiting == [AS_PLANNED, ONE_KEY, OWN_NUMBER, AMOUNT]
    assert audit.questions == ()


def test_the_guide_copied_as_printed_is_one_cause():
    copied = tuple(
        replace(p, id=i, enabled=True) for p, i in zip(render(build_plan("as_published"), KEY), IDS, strict=True)
    )
    assert named(judge(build(pixels=copied))) == [("guide_copied", "seen", [e.value for e in Event][1:])]
    assert named(judge(build(pixels=copied[:3]))) == [
        ("guide_copied", "seen", ["connected", "completed"]),
        ("pixel_not_created", "seen", ["converted", "payout", "error"]),
    ]


def test_every_cause_tells_its_symptom_in_kayzen_and_its_fix():
    audit = judge(build(campaign=replace(CAMPAIGN, conversion_rules=())))
    assert audit.causes[0].kind is KINDS["no_conversion_rule"]
    assert check_of(audit, CONVERSION).next_step == KINDS["no_conversion_rule"].fix


def test_a_pixel_that_does_not_exist_is_not_told_twice():
    audit = judge(build(pixels=six()[1:]))
    assert check_of(audit, ATTACHED).verdict is Verdict.FAIL
    assert check_of(audit, ATTACHED).next_step == "Create the missing pixels first, then add them to the campaign."


def test_another_pixel_for_the_same_event_counts_only_on_this_campaign():
    twin = replace(six()[3], id="EV9", name="For another brand", url=six(OTHER)[3].url)
    assert named(judge(build(pixels=(*six(), twin)))) == []
    both = replace(CAMPAIGN, attached_pixel_ids=(*IDS, "EV9"))
    assert ("pixel_doubled", "seen", ["converted"]) in named(judge(build(campaign=both, pixels=(*six(), twin))))


def test_two_pixels_for_one_event_are_no_fault_while_it_is_not_known_which_are_on_the_campaign():
    twin = replace(six()[3], id="EV9", name="For another brand")
    audit = judge(build(campaign=replace(CAMPAIGN, attached_pixel_ids=None), pixels=(*six(), twin)))
    assert audit.causes == ()
    assert check_of(audit, ATTACHED).verdict is Verdict.UNKNOWN


def test_a_number_that_was_given_back_counts_nowhere():
    own = replace(CAMPAIGN, numbers=("+18885550122", "+18885550123"))
    given_back = TrackingNumber(number="18885550123", campaign_id="CA1", enabled=False)
    assert judge(build(campaign=own, numbers=(NUMBER, given_back))).causes == ()


def test_without_a_key_set_here_two_keys_among_the_six_are_still_seen():
    audit = judge(build(pixels=with_url(Event.ERROR, KEY.reveal(), OTHER.reveal())), key=None)
    assert named(audit) == [("key_differs", "seen", ["error"])]
    assert "no key is set here" in check_of(judge(build(), key=None), ONE_KEY).found


def test_nothing_that_is_shown_holds_a_key_or_a_number():
    text = str(judge(build(pixels=with_url(Event.ERROR, KEY.reveal(), OTHER.reveal()))))
    assert KEY.reveal() not in text
    assert OTHER.reveal() not in text
    assert "5550122" not in text


SILENT = Campaign(id="CA1", name="CTV Spring")


def test_what_ringba_does_not_tell_is_asked_and_never_a_pass():
    audit = judge(AccountSetup(campaigns=(SILENT,), numbers=None, pixels=None, read_at=AT, unanswered=("No.",)))
    assert {check.name for check in audit.checks if check.verdict is Verdict.PASS} == {FOUND}
    assert audit.verdict is Verdict.UNKNOWN
    assert audit.causes == ()
    assert len(audit.questions) == len(audit.checks) - 1
    assert all("Open Ringba >" in question for question in audit.questions)
    assert audit.unanswered == ("No.",)
    assert audit.headline == "Nothing wrong was seen. 9 questions left for a person to look up."


def test_an_account_that_answers_nothing_leaves_everything_open():
    audit = judge(AccountSetup(campaigns=None, numbers=None, pixels=None, read_at=AT))
    assert {check.verdict for check in audit.checks} == {Verdict.UNKNOWN}
    assert audit.campaign == "CTV Spring"
    assert audit.number_map == ()


def test_a_pasted_list_stands_in_for_the_apis_and_finds_its_ids_by_name():
    pasted = [replace(p, id="", enabled=None) for p in six()]
    audit = judge(build(), pasted=pasted)
    assert audit.origin == "a pasted list"
    assert check_of(audit, ATTACHED).verdict is Verdict.PASS
    assert check_of(audit, ENABLED).verdict is Verdict.UNKNOWN
    short = judge(build(), pasted=pasted[:5])
    assert named(short) == [("pixel_not_created", "likely", ["error"])]


def test_pasted_pixels_without_an_api_leave_the_campaign_unknown():
    pasted = [replace(p, id="", enabled=None) for p in six()]
    audit = judge(AccountSetup(campaigns=None, numbers=None, pixels=None, read_at=AT), pasted=pasted)
    assert check_of(audit, CREATED).verdict is Verdict.PASS
    assert check_of(audit, ATTACHED).verdict is Verdict.UNKNOWN


def test_the_campaigns_own_list_serves_where_the_pixel_list_is_refused():
    own = replace(CAMPAIGN, attached_pixels=six()[:5], attached_pixel_ids=IDS[:5])
    audit = judge(AccountSetup(campaigns=(own,), numbers=(NUMBER,), pixels=None, read_at=AT))
    assert named(audit) == [("pixel_not_attached", "seen", ["error"])]
    assert check_of(audit, CREATED).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(("count", "verdict"), [(0, "fail"), (5, "fail"), (6, "unknown"), (9, "unknown")])
def test_the_number_of_attached_pixels_alone_proves_only_that_some_are_missing(count, verdict):
    own = replace(CAMPAIGN, attached_pixel_ids=tuple(f"EV{n}" for n in range(count)))
    audit = judge(AccountSetup(campaigns=(own,), numbers=(NUMBER,), pixels=None, read_at=AT))
    assert check_of(audit, ATTACHED).verdict.value == verdict


def test_a_trigger_in_words_that_are_not_known_is_asked_for():
    audit = judge(build(pixels=with_pixel(Event.PAYOUT, fire_on="EV_7")))
    assert check_of(audit, TRIGGERS).verdict is Verdict.UNKNOWN
    assert check_of(audit, TRIGGERS).next_step.endswith("look at Fire Pixel On of: payout.")
    assert audit.causes == ()


@pytest.mark.parametrize(
    ("name", "changes"),
    [(SWITCHED_ON, {"enabled": None}), (CONVERSION, {"conversion_rules": None}), (AMOUNT, {"conversion_rules": None}),
     (PAYOUT, {"payout_rules": None}), (DUPLICATES, {"blocks_repeats_within_s": None}), (ATTACHED, {"attached_pixel_ids": None})],
)  # fmt: skip
def test_each_setting_that_is_not_told_is_unknown(name, changes):
    audit = judge(build(campaign=replace(CAMPAIGN, **changes)))
    assert check_of(audit, name).verdict is Verdict.UNKNOWN
    assert audit.causes == ()


def test_a_buyers_word_may_bring_its_own_amount():
    waits = replace(RULE, kind="postBack", revenue_usd_micros=0)
    audit = judge(build(campaign=replace(CAMPAIGN, conversion_rules=(waits,))))
    assert ("zero_conversion_value", "possible", []) in named(audit)


def test_numbers_that_the_campaigns_list_count_too_and_sharing_is_seen_both_ways():
    spring = replace(CAMPAIGN, numbers=("8885550122", "+18885550123"))
    summer = Campaign(id="CA2", name="CTV Spring", numbers=("1 888 555 0123",))
    empty = Campaign(id="CA3", name="CTV Winter")
    setup = build(campaign=spring, others=(summer, empty), numbers=(NUMBER,))
    audit = judge(setup, campaign="CA1")
    assert [c.code for c in audit.causes] == ["several_numbers", "number_shared"]
    assert audit.number_map == (
        NumberRow(campaign="CTV Spring", number="***-***-0122", remark="one of 3 numbers of this campaign"),
        NumberRow(campaign="CTV Spring", number="***-***-0123", remark="one of 3 numbers of this campaign; shared by 2 campaigns"),
        NumberRow(campaign="CTV Spring", number="***-***-0123", remark="one of 3 numbers of this campaign; shared by 2 campaigns"),
        NumberRow(campaign="CTV Winter", number="none", remark="no number"),
    )  # fmt: skip


def test_without_the_list_of_numbers_sharing_is_known_only_if_every_campaign_lists_its_own():
    own = replace(CAMPAIGN, numbers=("8885550122",))
    silent = Campaign(id="CA2", name="CTV Summer")
    assert check_of(judge(build(campaign=own, others=(silent,), numbers=None)), OWN_NUMBER).verdict is Verdict.UNKNOWN
    told = replace(silent, numbers=())
    assert check_of(judge(build(campaign=own, others=(told,), numbers=None)), OWN_NUMBER).verdict is Verdict.PASS
    assert check_of(judge(build(campaign=own, numbers=None)), ONE_NUMBER).verdict is Verdict.PASS


CALLS = [("Spring", "***-***-0122", 40), ("Spring", "***-***-0123", 2), ("Summer", "***-***-0122", 3), (None, "***-***-0124", 5), ("Autumn", None, 7)]  # fmt: skip


def test_the_calls_themselves_show_numbers_and_campaigns_both_ways():
    found = map_numbers(CALLS)
    assert sum(row.calls for row in found.rows) == 57
    assert [cause.code for cause in found.causes] == ["several_numbers", "number_shared"]
    assert found.causes[1].certainty is Certainty.LIKELY
    assert [(r.campaign, r.number, r.remark) for r in found.rows if r.calls == 3] == [
        ("Summer", "***-***-0122", "shared by 2 campaigns")
    ]
    assert [r.remark for r in found.rows if r.calls in (5, 7)] == ["not known", "not known"]


def test_calls_that_keep_to_one_number_pass_and_no_calls_are_unknown():
    assert {c.verdict for c in map_numbers(CALLS[:1]).checks} == {Verdict.PASS}
    assert {c.verdict for c in map_numbers(CALLS[3:]).checks} == {Verdict.UNKNOWN}
    assert map_numbers([]).rows == ()


def test_a_campaign_that_is_not_there_fails_with_the_nearest_name():
    audit = judge(build(), campaign="CTV Sprng")
    assert check_of(audit, FOUND).verdict is Verdict.FAIL
    assert check_of(audit, FOUND).next_step == "did you mean 'CTV Spring'?"


@pytest.mark.parametrize(
    ("setup", "campaign", "words"),
    [(build(), "CTV Sprng", "did you mean 'CTV Spring'"), (build(others=(replace(SILENT, id="CA2", name="CTV Summer"),)), "", "CTV Spring, CTV Summer"),
     (AccountSetup(campaigns=(), numbers=(), pixels=(), read_at=AT), "", "no campaign")],
)  # fmt: skip
def test_choosing_a_campaign_refuses_with_the_names(setup, campaign, words):
    with pytest.raises(ParameterError, match=words):
        choose_campaign(setup, campaign)


def test_the_only_campaign_need_not_be_named():
    assert choose_campaign(build(), "") is CAMPAIGN
    assert judge(build(), campaign="").campaign == "CTV Spring"
    assert choose_campaign(AccountSetup(campaigns=None, numbers=None, pixels=None, read_at=AT), "x") is None


@pytest.mark.parametrize(
    ("scenario", "codes"),
    [("healthy", []), ("guide_copied", ["guide_copied"]), ("pixel_missing", ["pixel_not_attached"]), ("key_placeholder", ["key_placeholder"])],
)  # fmt: skip
def test_the_sandboxs_scenarios_are_named(scenario, codes):
    box = open_sandbox(scenario)
    setup = fetch_setup(box.settings, transport=box.transport)
    audit = audit_campaign(setup, "CTV Spring", PLAN, box.settings.kayzen_api_key)
    assert [cause.code for cause in audit.causes] == codes
    assert audit.questions == ()


def test_causes_are_values_of_the_catalogue():
    assert all(isinstance(cause, Cause) for cause in judge(build(numbers=())).causes)
