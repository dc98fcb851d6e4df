"""One call from end to end: named, found, waited for, verified; Kayzen's word lifts only what is right."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from kayzen_nb import kayzenword, verification
from kayzen_nb.entries import Entry
from kayzen_nb.errors import EvidenceError, ParameterError
from kayzen_nb.kayzenexport import read_kayzen_export
from kayzen_nb.pixels import build_plan
from kayzen_nb.sandbox import open_sandbox
from kayzen_nb.testcall import KayzenWord, Rung, check_test_call
from kayzen_nb.testcalls import noted_test_calls
from kayzen_nb.vocabulary import Event
from tests.test_testcall import KEY, call

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)


def test_a_call_is_named_by_its_id_or_by_digits_and_time():
    assert verification.read_wanted(" RGB0123456789 ", "UTC") == verification.Wanted(call_id="RGB0123456789")
    wanted = verification.read_wanted("0123 2026-11-25 14:05", "America/Denver")
    assert wanted == verification.Wanted(caller_ends_with="0123", about=datetime(2026, 11, 25, 21, 5, tzinfo=UTC))
    assert verification.read_wanted("..0123 at 2026-11-25 9:05", "UTC").about == datetime(
        2026, 11, 25, 9, 5, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["", "0123", "0123 yesterday", "0123 2026-13-25 14:05", "two words here"])
def test_what_names_no_call_is_refused_with_an_example(text):
    with pytest.raises(ParameterError, match="0123 2026-11-25 14:05"):
        verification.read_wanted(text, "UTC")


def test_a_callers_whole_number_is_refused_because_it_would_be_kept():
    with pytest.raises(ParameterError, match="not kept here") as refused:
        verification.read_wanted("+1 303 555 0123 2026-11-25 14:05", "UTC")
    assert "0123 2026-11-25" in str(refused.value)
    assert "303" not in str(refused.value)


def test_a_call_is_found_by_the_callers_digits_and_the_time():
    sandbox = open_sandbox("healthy", now=NOW)
    from kayzen_nb.ringba import Ringba

    with Ringba(sandbox.settings, transport=sandbox.transport) as ringba:
        known = ringba.fetch_call_evidence(sandbox.test_call_id)
    wanted = verification.Wanted(caller_ends_with=known.caller[-4:], about=known.call_at)
    found, hits = verification.find_call_id(wanted, sandbox.settings, sandbox.transport)
    assert known.call_id in {hit.call_id for hit in hits}
    assert found == (known.call_id if len(hits) == 1 else "")
    told = str(verification.which_call(hits, "UTC"))
    assert known.call_id in told
    assert known.caller[-10:] not in told


def test_waiting_ends_when_the_call_is_settled():
    answers = iter([call(()), call(()), call()])
    slept = []
    clock = iter([NOW + timedelta(seconds=10 * n) for n in range(20)])
    evidence = verification.wait_for_events(
        lambda: replace(next(answers), call_at=NOW),
        lambda found: bool(found.fires),
        minutes=2,
        now=lambda: next(clock),
        sleep=slept.append,
    )
    assert len(evidence.fires) == 5
    assert slept == [10.0, 10.0]


def test_waiting_is_bounded_and_counts_down():
    moment = [NOW]
    left = []

    def sleep(seconds):
        moment[0] += timedelta(seconds=seconds)

    verification.wait_for_events(
        lambda: call((), call_at=NOW),
        lambda _found: False,
        minutes=1,
        on_tick=left.append,
        now=lambda: moment[0],
        sleep=sleep,
    )
    assert left == [60.0, 50.0, 40.0, 30.0, 20.0, 10.0]


@pytest.mark.parametrize(("minutes", "age"), [(0, timedelta()), (2, timedelta(minutes=3))])
def test_a_call_of_long_ago_or_a_wait_that_is_turned_off_reads_once(minutes, age):
    reads = []

    def read():
        reads.append(1)
        return call((), call_at=NOW - age)

    verification.wait_for_events(read, lambda _found: False, minutes=minutes, now=lambda: NOW, sleep=pytest.fail)
    assert len(reads) == 1


SEEN = dict.fromkeys(Event, date(2026, 11, 25))


def test_kayzens_word_lifts_a_right_pixel_to_rung_four_and_its_report_to_five():
    proof = check_test_call(call(), build_plan(), KEY, KayzenWord(seen=SEEN, by="Ana"))
    assert proof.rung is Rung.SEEN_BY_KAYZEN
    assert "Kayzen saw it (Ana, 2026-11-25)" in proof.pixel(Event.INCOMING).found
    counted = KayzenWord(seen=SEEN, counted_on=date(2026, 11, 26), by="Ana")
    assert check_test_call(call(), build_plan(), KEY, counted).rung is Rung.COUNTED


def test_kayzens_word_about_one_event_lifts_that_pixel_only():
    proof = check_test_call(call(), build_plan(), KEY, KayzenWord(seen={Event.INCOMING: date(2026, 11, 25)}))
    assert (proof.pixel(Event.INCOMING).rung, proof.pixel(Event.CONNECTED).rung, proof.rung) == (4, 3, 3)


def test_kayzens_word_lifts_nothing_that_is_not_right():
    wrong = check_test_call(call(profile="as_published"), build_plan(), KEY, KayzenWord(seen=SEEN))
    assert wrong.pixel(Event.CONNECTED).rung is Rung.ANSWERED
    assert "but what was sent is not proven to be as planned" in wrong.pixel(Event.CONNECTED).found
    silent = check_test_call(call(()), build_plan(), KEY, KayzenWord(seen=SEEN, counted_on=date(2026, 11, 26)))
    assert silent.rung is Rung.NOTHING
    assert "though no fire of it is shown here" in silent.pixel(Event.ERROR).found


def test_a_part_of_the_log_that_was_not_shown_is_unknown_and_caps_the_rung():
    half = call(tuple(Event)[:1], connected=None, completed=None, converted=None, paid=None, missing=("the text ends",))
    proof = check_test_call(half, build_plan(), KEY, KayzenWord(seen=SEEN, counted_on=date(2026, 11, 26)))
    assert proof.rung is Rung.RIGHT_CONTENT
    assert proof.pixel(Event.ERROR).verdict == "unknown"


def test_evidence_about_another_call_is_refused_and_one_wrong_fire_is_not():
    with pytest.raises(EvidenceError, match="about another call: RGB0001"):
        verification.refuse_other_call(call(), "RGB9999")
    verification.refuse_other_call(call(), "RGB0001")
    mixed = call()
    first = replace(mixed.fires[0], url=mixed.fires[0].url.replace("RGB0001", "RGB9999"))
    verification.refuse_other_call(replace(mixed, fires=(first, *mixed.fires[1:])), "RGB9999")


def entry(kind, subject, day=1, **facts):
    return Entry(at=datetime(2026, 11, day, tzinfo=UTC), kind=kind, subject=subject, by="Ana", facts=facts)


def test_kayzens_word_is_put_together_from_what_was_noted():
    first = entry(kayzenword.KIND, "RGB1", **kayzenword.facts_of([Event.INCOMING], date(2026, 11, 1), None))
    later = entry(
        kayzenword.KIND, "RGB1", 2, **kayzenword.facts_of([Event.PAYOUT], date(2026, 11, 2), date(2026, 11, 3))
    )
    word = kayzenword.word_about([first, later])
    assert word == KayzenWord(
        seen={Event.INCOMING: date(2026, 11, 1), Event.PAYOUT: date(2026, 11, 2)},
        counted_on=date(2026, 11, 3),
        by="Ana",
    )
    assert kayzenword.word_about([]) is None


def test_events_are_read_by_name_and_unknown_ones_are_all_named():
    assert kayzenword.read_events("payout, incoming") == (Event.INCOMING, Event.PAYOUT)
    assert kayzenword.read_events("all") == tuple(Event)
    with pytest.raises(ParameterError, match="'conected' is no event") as refused:
        kayzenword.read_events("conected, payed")
    assert "did you mean 'connected'?" in str(refused.value)
    assert "'payed' is no event" in str(refused.value)


def test_an_export_tells_the_events_of_one_call():
    text = "\ufeffCall ID;app_event\r\nRGB1;incoming\r\nRGB2;connected\r\nRGB1;converted\r\nRGB1;incoming\r\n"
    assert read_kayzen_export(text, "RGB1", name="k.csv") == ("incoming", "converted")


@pytest.mark.parametrize("text", ["", "day,impressions\n2026-11-01,5\n"])
def test_an_export_without_call_ids_is_refused(text):
    with pytest.raises(EvidenceError, match="call_id and app_event"):
        read_kayzen_export(text, "RGB1", name="k.csv")


def test_the_last_word_about_a_test_call_counts():
    entries = [
        entry("test_call", "RGB1", 1, is_test=True),
        entry("test_call", "RGB2", 2, is_test=True),
        entry("test_call", "RGB1", 3, is_test=False),
    ]
    assert list(noted_test_calls(entries)) == ["RGB2"]
