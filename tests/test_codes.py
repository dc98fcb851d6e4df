"""The page of codes is up to date, and every code of the linter is yielded by its planted example."""

import importlib.util
from pathlib import Path

import pytest

from kayzen_nb import lint

SOURCE = Path(__file__).parents[1] / "docs" / "make_codes.py"
_SPEC = importlib.util.spec_from_file_location("make_codes", SOURCE)
make_codes = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make_codes)


def test_the_page_of_codes_is_up_to_date():
    assert make_codes.PAGE.read_text(encoding="utf-8") == make_codes.build_page(), "run: python docs/make_codes.py"


def test_every_code_has_an_example_and_no_other_has():
    assert list(make_codes.EXAMPLES) == list(lint.RULES)


@pytest.mark.parametrize("code", make_codes.EXAMPLES)
def test_a_planted_example_yields_its_code(code):
    _, plant = make_codes.EXAMPLES[code]
    found = {finding.code for finding in lint.check_pixels(plant(make_codes.SIX), key=make_codes.KEY)}
    assert code in found
    healthy = {finding.code for finding in lint.check_pixels(make_codes.SIX, key=make_codes.KEY)}
    assert healthy == {"KZ112"}


@pytest.mark.parametrize("code", make_codes.EXAMPLES)
def test_an_example_of_one_fault_is_not_buried_under_others(code):
    _, plant = make_codes.EXAMPLES[code]
    found = {finding.code for finding in lint.check_pixels(plant(make_codes.SIX), key=make_codes.KEY)}
    expected = {
        "KZ009": {"KZ009", "KZ020", "KZ030"}, "KZ012": {"KZ012"}, "KZ014": {"KZ002", "KZ014"}, "KZ021": {"KZ020", "KZ021"},
        "KZ031": {"KZ031", "KZ103"}, "KZ102": {"KZ102", "KZ105"}, "KZ103": {"KZ031", "KZ103"},
        "KZ104": {"KZ012", "KZ104"}, "KZ114": {"KZ105", "KZ114"},
    }  # fmt: skip
    assert found - {"KZ112"} == expected.get(code, {code}) - {"KZ112"}
