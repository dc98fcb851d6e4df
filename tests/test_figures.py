"""The figures about call data: counted right, loud where something is wrong, and printed by one command."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def figures():
    spec = importlib.util.spec_from_file_location("data_figures", BENCHMARKS / "data_figures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def found_in(log):
    return [(call.call_id, call.revenue, call.payout) for call in log.calls.values()]


def test_a_call_that_is_missing_twice_there_or_has_another_amount_is_counted(figures):
    log = figures.losses.LivingLog(1, 50)
    found = found_in(log)
    assert figures.losses.judge(log, found) == {"lost": 0, "doubled": 0, "wrong": 0}
    (call_id, revenue, _), *others = found
    assert figures.losses.judge(log, others) == {"lost": 1, "doubled": 0, "wrong": 0}
    assert figures.losses.judge(log, [*found, found[0], found[0]]) == {"lost": 0, "doubled": 2, "wrong": 0}
    assert figures.losses.judge(log, [(call_id, revenue, -1), *others]) == {"lost": 0, "doubled": 0, "wrong": 1}
    assert figures.losses.judge(log, [*found, ("RGBnever", 1, 1)]) == {"lost": 0, "doubled": 0, "wrong": 1}


def test_a_call_that_came_or_went_meanwhile_may_be_there_or_not_but_only_with_an_amount_that_it_had(figures):
    log = figures.losses.LivingLog(1, 50)
    before = found_in(log)
    log.disturb(figures.losses.random.Random(3))
    after = found_in(log)
    assert set(before) != set(after)
    steady = log.steady()
    for found in (before, after, [row for row in after if row[0] in steady]):
        assert figures.losses.judge(log, found) == {"lost": 0, "doubled": 0, "wrong": 0}


def test_paging_by_offset_loses_calls_where_the_toolkit_loses_none(figures):
    ours, others = (
        sum((read(seed, 6000) for seed in (1, 12)), figures.losses.Losses())
        for read in (figures.losses.read_kept, figures.losses.read_by_offset)
    )
    assert (ours.lost, ours.doubled, ours.wrong, ours.refused) == (0, 0, 0, 0)
    assert others.lost + others.doubled > 0


CASES = """<r><testcase name="test_A01_one"/><testcase name="test_A01_two"><failure message="x"/></testcase>
<testcase name="test_A02_one"><skipped type="pytest.skip" message="not testable here: a reason"/></testcase>
<testcase name="test_A02_two"/><testcase name="test_B01_one"><skipped type="pytest.xfail" message="known"/></testcase>
<testcase name="test_C01_one"><skipped type="pytest.skip" message="not testable here: why"/></testcase>
<testcase name="test_D01_one"/><testcase name="test_without_it[the seal]"/></r>"""


def test_a_row_counts_as_survived_only_if_none_of_its_tests_failed_and_skipped_rows_are_named(figures):
    tests = [figures._read_test(case) for case in ET.fromstring(CASES).iter("testcase")]  # noqa: S314  # our own text
    lines = {figure.name.strip(): figure for figure in figures.tell_faults(tests)}
    survived = lines["faults survived / tried"]
    assert (survived.found, survived.is_good) == ("1 / 3 rows (A 1/2, B 0/1, C 0/0, E 0/0, F 0/0)", False)
    assert lines["bad inputs rejected / tried"].found == "1 / 1 rows (D 1/1)"
    assert lines["C01 not tried"].found == "not testable here: why"
    assert {name for name in lines if "failed" in name} == {"A01 failed", "B01 failed"}
    assert lines["guards removed and noticed / tried"].found == "1 / 1"


def test_no_test_at_all_is_not_as_it_should_be(figures):
    assert not any(figure.is_good for figure in figures.tell_faults([]))


def test_a_small_version_of_the_command_prints_every_figure_and_all_are_good(figures, capsys):
    code = figures.main(["--quick", "--without-faults", "--seeds", "2", "--calls", "1500"])
    lines = dict(line.split(":", 1) for line in capsys.readouterr().out.splitlines())
    assert code == 0, lines
    assert lines["records lost"].split()[:2] == ["0", "of"]
    assert lines["torn reads / reads"].split()[:3] == ["0", "/", "300"]
    assert lines["backfill equal to runs on time"].split()[0] == "yes"
