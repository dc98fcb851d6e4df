"""The words floor: verdicts, ledgers, periods, secrets, masks, columns."""

import base64
import copy
import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kayzen_nb.checks import Check, Ledger, SetAside, Verdict, worst
from kayzen_nb.errors import ColumnError, ParameterError, Problem, did_you_mean
from kayzen_nb.period import Period, resolve_day
from kayzen_nb.privacy import Secret, mask_phone, mask_text, mask_url, scrub, scrub_tree
from kayzen_nb.vocabulary import CALL_COLUMNS, check_columns, glossary, usd

CANARY = "CANARY/key+with=odd&characters"


def check(verdict):
    return Check(name="n", verdict=verdict, expected="e", found="f")


def test_the_worst_answer_wins_and_no_answer_proves_nothing():
    assert worst([check(Verdict.PASS), check(Verdict.UNKNOWN)]) is Verdict.UNKNOWN
    assert worst([check(Verdict.FAIL), check(Verdict.UNKNOWN)]) is Verdict.FAIL
    assert worst([]) is Verdict.UNKNOWN
    assert [v.exit_code for v in Verdict] == [0, 1, 1]


def test_a_ledger_that_does_not_add_up_fails():
    right = Ledger(rows_in=5, rows_used=3, set_aside=(SetAside(reason="no id", rows=2),))
    assert right.check().verdict is Verdict.PASS
    assert Ledger(rows_in=5, rows_used=3).check().verdict is Verdict.FAIL


def test_an_error_shows_every_problem_with_where_and_next_step():
    error = ParameterError(Problem(what="A.", where="here", next_step="do"), Problem(what="B."))
    assert str(error) == "A.\n  where: here\n  next:  do\nB."
    assert error._render_traceback_() == str(error).splitlines()


def test_a_near_word_is_suggested_and_a_far_one_lists_the_known():
    assert did_you_mean("perod_start", ["period_start", "zone"]) == "did you mean 'period_start'?"
    assert did_you_mean("xyz", ["b", "a"]) == "known: a, b"


@pytest.mark.parametrize(
    ("text", "day"),
    [("2026-11-01", date(2026, 11, 1)), ("yesterday", date(2026, 11, 23)), ("today", date(2026, 11, 24)),
     ("-7d", date(2026, 11, 17)), (" Yesterday ", date(2026, 11, 23))],
)  # fmt: skip
def test_days_are_understood_as_people_write_them(text, day):
    assert resolve_day(text, date(2026, 11, 24)) == day


@pytest.mark.parametrize("text", ["", "tomorrow", "11/01/2026", "7d", "-d", "2026-13-01"])
def test_what_is_not_a_day_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  # any text of the reason is fine: the caller words it
        resolve_day(text, date(2026, 11, 24))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 7, 1), 24)])
def test_a_local_day_has_the_hours_that_its_clock_has(day, hours):
    period = Period(first_day=day, last_day=day, zone="America/New_York")
    assert (period.end_utc - period.start_utc).total_seconds() == hours * 3600


@given(
    st.dates(date(2000, 1, 1), date(2035, 12, 30)),
    st.sampled_from(["America/Denver", "Asia/Kolkata", "America/Sao_Paulo", "Africa/Cairo"]),
)
def test_neighbouring_days_share_their_boundary(day, zone):
    from datetime import timedelta

    first = Period(first_day=day, last_day=day, zone=zone)
    second = Period(first_day=day + timedelta(days=1), last_day=day + timedelta(days=1), zone=zone)
    assert first.end_utc == second.start_utc
    assert first.start_utc < first.end_utc


def test_a_secret_cannot_be_shown_by_accident():
    secret = Secret(CANARY)
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>60}",
        "%s" % secret,
        str([secret]),
        str({"k": secret}),
    ):
        assert CANARY not in shown
    for store in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            store(secret)
    assert not hasattr(secret, "__dict__")


def test_secrets_are_compared_by_value_and_shown_by_fingerprint():
    assert Secret("a-key") == Secret("a-key") != Secret("b-key")
    assert Secret("a-key").fingerprint != Secret("b-key").fingerprint


@pytest.mark.parametrize(
    "write",
    [
        lambda key: key,
        lambda key: quote(key, safe=""),
        lambda key: json.dumps({"url": f"x?api_key={quote(key)}", "k": key}),
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: base64.b64encode(b"x" + key.encode() + b"yz").decode(),
        lambda key: base64.urlsafe_b64encode(b"xy" + key.encode()).decode(),
        lambda key: key.replace("&", "&amp;"),
    ],
)
def test_a_key_is_scrubbed_from_texts_in_every_form(write):
    text = write(CANARY)
    scrubbed = scrub(text, [Secret(CANARY)])
    assert scrubbed != text
    assert "CANARY" not in scrubbed
    assert scrub(scrubbed, [Secret(CANARY)]) == scrubbed


def test_a_tree_is_scrubbed_in_keys_and_values():
    tree = {"a": [CANARY, {"b" + CANARY: 1}], "c": 2}
    assert "CANARY" not in str(scrub_tree(tree, [Secret(CANARY)]))


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+13035550123", "***-***-**23"), ("303-555-0123", "***-***-**23"), ("+44 20 7946 0123", "***-***-**23"), (None, None),
     ("Restricted", "Restricted"), ("12345", "***"), ("", "")],
)  # fmt: skip
def test_a_phone_number_is_masked_but_for_its_end(number, shown):
    assert mask_phone(number) == shown


@pytest.mark.parametrize("written", ["+13035550123", "%2b13035550123", "%2B13035550123", "13035550123", "3035550123"])
def test_a_fired_url_is_shown_without_key_and_numbers(written):
    url = f"https://h/v1/ev?api_key=s3cretkey&caller_id={written}&call_id=RGB{'A' * 40}V3ABC01"
    shown = mask_url(url)
    assert "s3cretkey" not in shown
    assert "5550123" not in shown
    assert f"RGB{'A' * 40}V3ABC01" in shown


def test_the_placeholder_key_stays_readable():
    assert "KAYZEN_PROVIDED" in mask_url("https://h?api_key=KAYZEN_PROVIDED")


@given(st.integers(-(10**12), 10**12))
def test_micros_become_exact_dollars(micros):
    assert usd(micros) * 1_000_000 == micros
    assert -usd(micros).as_tuple().exponent >= 2


def test_dollars_show_two_decimals():
    assert str(usd(27_000_000)) == "27.00"
    assert usd(1) == Decimal("0.000001")


def test_a_table_with_missing_or_mistyped_columns_is_refused_with_all_problems():
    types = {name: column.sql_type for name, column in CALL_COLUMNS.items()}
    check_columns(types, "test")
    wrong = types | {"paid": "VARCHAR"}
    del wrong["state"]
    with pytest.raises(ColumnError) as caught:
        check_columns(wrong, "test")
    assert len(caught.value.problems) == 2


def test_every_column_has_a_meaning_in_the_glossary():
    assert all(glossary()[column.label] for column in CALL_COLUMNS.values())


def test_time_in_the_tests_is_aware():
    assert Period(first_day=date(2026, 1, 1), last_day=date(2026, 1, 1), zone="UTC").start_utc == datetime(
        2026, 1, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "written", ["+1 303 555 0123", "(303) 555-0123", "303.555.0123", "303-555-0123", "+13035550123", "1 303 555 0123"]
)
def test_a_number_is_hidden_in_any_writing(written):
    hidden = mask_text(f"call {written}, please")
    assert "0123" not in hidden
    assert hidden.startswith("call ")
    assert hidden.endswith("23, please")


@pytest.mark.parametrize(
    "text",
    ["2026-11-25 01:14:21", "RGB000B4A699975567B0DADE64B53F13FF9D14F5666V3ZDPPE", "1793656086000", "3,668 of 24,120"],
)
def test_what_is_no_number_of_a_person_stays(text):
    assert mask_text(text) == text
