"""The diagnosis bench: right only when it is right, and loud about everything else."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kayzen_nb.account import AccountSetup
from kayzen_nb.causes import Cause
from kayzen_nb.sandbox import SCENARIOS, load_scenarios
from kayzen_nb.sandbox.scenarios import Expectation

PATH = Path(__file__).parents[1] / "benchmarks" / "diagnosis_bench.py"
SPEC = importlib.util.spec_from_file_location("diagnosis_bench", PATH)
bench = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = bench
SPEC.loader.exec_module(bench)


def says(*codes):
    """A diagnosis that always says the same."""
    return lambda *_: [Cause(code=code, evidence="stub") for code in codes]


def expecting(scenario="pixel_missing", **fields):
    return replace(SCENARIOS[scenario], expect=Expectation(**{"rung": 0} | fields))


def test_the_planted_cause_named_is_right():
    outcome = bench.run_scenario(expecting(causes=("pixel_not_attached",)), says("pixel_not_attached"))
    assert (outcome.wrong, outcome.named, outcome.rung_found) == ((), ("pixel_not_attached",), 0)
    assert bench.show(outcome).endswith("rung 0/0  right")


@pytest.mark.parametrize(
    ("expect", "said", "wrong"),
    [
        ({"causes": ("pixel_not_attached",)}, (), ("not named: pixel_not_attached",)),
        ({}, ("url_damaged",), ("named without cause: url_damaged",)),
        (
            {"causes": ("pixel_not_attached",)},
            ("url_damaged", "pixel_not_attached"),
            ("named without cause: url_damaged", "named first: url_damaged"),
        ),
        ({"explains": ("still_live",)}, (), ("not explained: still_live",)),
        ({"rung": 3}, (), ("rung 0, not 3",)),
    ],
)
def test_everything_else_is_wrong_and_says_why(expect, said, wrong):
    outcome = bench.run_scenario(expecting(**expect), says(*said))
    assert outcome.wrong == wrong
    assert f"WRONG: {'; '.join(wrong)}" in bench.show(outcome)


def test_what_may_be_named_as_well_is_not_wrong_and_more_explanations_are_not_either():
    scenario = expecting(causes=("pixel_not_attached",), also=("did_not_fire",))
    said = says("did_not_fire", "pixel_not_attached", "late_fire")
    outcome = bench.run_scenario(scenario, said)
    assert (outcome.wrong, outcome.explained) == ((), ("late_fire",))


def test_a_scenario_whose_call_cannot_be_read_is_wrong_not_a_crash():
    outcome = bench.run_scenario(expecting("no_calls"), says())
    assert outcome.rung_found is None
    assert outcome.wrong[0].startswith("could not be read: ")


def test_a_scenario_that_plants_nothing_is_wrong_not_a_crash(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[own]\nabout = 'x'\npixel.payout.drop = ['conversion_amount']\nexpect = { rung = 3 }\n")
    outcome = bench.run_scenario(load_scenarios(path)["own"], says())
    assert "changes nothing" in outcome.wrong[0]


def test_the_diagnosis_is_given_the_account_and_its_campaign():
    seen = []

    def look(_, evidence, plan, key, setup):
        seen.append((evidence.campaign, key.reveal(), len(plan.pixels), setup))
        return []

    bench.run_scenario(expecting("healthy", rung=3), look)
    ((campaign, key, pixels, setup),) = seen
    assert (key, pixels, isinstance(setup, AccountSetup)) == ("sandbox-kayzen-key", 6, True)
    assert setup.campaign(campaign).attached_pixel_ids


def test_healthy_calls_of_which_a_fault_is_named_are_alarms():
    tried, alarms = bench.run_healthy(20, says("url_damaged"))
    assert (tried, len(alarms)) == (20, 20)
    assert alarms[0].named == ("url_damaged",)


def test_a_run_prints_a_line_a_scenario_and_the_two_counts(capsys):
    scenarios = {"a": expecting(causes=("pixel_not_attached",)), "b": expecting(rung=2)}
    assert bench.run(scenarios, 0, says("pixel_not_attached")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[-2:] == [
        "right / tried:                    1 / 2",
        "false alarms / healthy calls:     0 / 0",
    ]


def test_only_all_right_without_alarm_is_exit_code_0(capsys):
    scenarios = {"a": expecting(causes=("pixel_not_attached",))}
    assert bench.run(scenarios, 0, says("pixel_not_attached")) == 0
    assert bench.run(scenarios, 3, says("pixel_not_attached")) == 1
    assert bench.run({}, 0, says()) == 1
    capsys.readouterr()


def test_json_is_one_document(capsys):
    bench.run({"a": expecting(causes=("pixel_not_attached",))}, 2, says("pixel_not_attached"), as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("right", "tried", "false_alarms", "healthy_calls")} == {
        "right": 1, "tried": 1, "false_alarms": 2, "healthy_calls": 2
    }  # fmt: skip
    assert told["outcomes"][0]["planted"] == ["pixel_not_attached"]


def test_scenarios_of_a_file_are_run_in_place_of_our_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[one]\nabout = 'x'\nexpect = { rung = 3 }\n[two]\nabout = 'without'\n")
    assert list(bench.choose_scenarios([path])) == ["mine.toml:one"]
    assert "healthy" in bench.choose_scenarios([])
    assert "token_refused" not in bench.choose_scenarios([])


def test_a_file_that_cannot_be_used_is_exit_code_2_with_the_place(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text("[one]\nabout = 'x'\nexpct = { rung = 3 }\n")
    assert bench.main([str(path)]) == 2
    assert "did you mean 'expect'?" in capsys.readouterr().err


def test_our_own_diagnosis_names_every_planted_cause_and_raises_no_alarm(capsys):
    """The bench as the README runs it, with fewer healthy calls."""
    assert bench.main(["--healthy", "200"]) == 0, capsys.readouterr().out
    printed = capsys.readouterr().out
    assert "0 / 200" in printed
    assert f"{sum(s.expect is not None for s in SCENARIOS.values())} / " in printed
