"""Parameters: one declaration checks papermill's untyped values, the command line and the form."""

from datetime import UTC, date, datetime

import pytest

from kayzen_nb.errors import ParameterError
from kayzen_nb.parameters import resolve

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def problems(notebook="03_funnel", **raw):
    with pytest.raises(ParameterError) as caught:
        resolve(notebook, raw, NOON)
    return [str(problem) for problem in caught.value.problems]


def test_without_values_the_period_is_the_last_two_weeks_up_to_yesterday():
    period = resolve("03_funnel", {}, NOON).period
    assert (period.first_day, period.last_day) == (date(2026, 11, 10), date(2026, 11, 23))


def test_relative_days_are_counted_in_the_notebooks_own_zone():
    just_after_utc_midnight = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
    new_york = resolve("03_funnel", {"period_end": "yesterday"}, just_after_utc_midnight)
    kolkata = resolve("03_funnel", {"period_end": "yesterday", "time_zone": "Asia/Kolkata"}, just_after_utc_midnight)
    assert new_york["period_end"] == date(2026, 11, 22)
    assert kolkata["period_end"] == date(2026, 11, 23)


def test_a_csv_without_days_lets_the_file_decide():
    assert resolve("03_funnel", {"source": "csv", "csv_path": "calls.csv"}, NOON).period is None


def test_values_that_papermill_converted_become_text_again():
    chosen = resolve("03_funnel", {"campaign": 7, "period_start": date(2026, 11, 1)}, NOON)
    assert (chosen["campaign"], chosen["period_start"]) == ("7", date(2026, 11, 1))


def test_a_misspelt_parameter_is_refused_with_the_nearest_name():
    assert "did you mean 'period_start'?" in problems(perod_start="2026-11-01")[0]


@pytest.mark.parametrize("name", ["api_key", "RINGBA_API_TOKEN", "kayzen_password", "client_secret"])
def test_a_secret_as_a_parameter_is_refused_and_not_repeated(name):
    (problem,) = problems(**{name: "CANARY-value"})
    assert "keyring" in problem
    assert "CANARY" not in problem


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"source": "cvs"}, "did you mean 'csv'"),
        ({"time_zone": "America/NewYork"}, "did you mean 'America/New_York'"),
        ({"time_zone": "../../etc/passwd"}, "not an IANA time zone"),
        ({"time_zone": ""}, "not an IANA time zone"),
        ({"period_start": "11/01/2026"}, "not a day like"),
        ({"period_start": True}, "not a day like"),
        ({"period_end": "2026-12-01"}, "lies in the future"),
        ({"period_start": "2026-11-09", "period_end": "2026-11-01"}, "ends (2026-11-01) before it starts"),
        ({"source": "csv"}, "csv_path is empty"),
    ],
)
def test_a_wrong_value_is_refused_with_what_and_where_and_what_next(raw, words):
    (problem,) = problems(**raw)
    assert words in problem
    assert "where:" in problem
    assert "next:" in problem


def test_all_problems_are_told_at_once():
    assert len(problems(perod="x", source="cvs", time_zone="Mars", period_start="soon")) == 4


def test_the_api_needs_a_call_id():
    assert "call_id is empty" in problems("02_verify_test_call", source="api")[0]


def test_an_unknown_notebook_is_refused_with_the_nearest_name():
    with pytest.raises(ParameterError, match="did you mean '03_funnel'"):
        resolve("3_funnel", {}, NOON)


def test_a_path_is_recorded_by_its_name_only():
    record = resolve("03_funnel", {"source": "csv", "csv_path": "/home/someone/calls.csv"}, NOON).as_record()
    assert record["csv_path"] == "calls.csv"


def test_code_in_a_value_stays_text():
    assert resolve("03_funnel", {"campaign": "__import__('os').getcwd()"}, NOON)["campaign"].startswith("__import__")
