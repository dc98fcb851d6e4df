"""Planted cause in, named cause out: every scenario with an expectation is played, read and diagnosed.

    python benchmarks/diagnosis_bench.py [FILE.toml ...] [--healthy 1000] [--json]

Without a file the package's own scenarios are run. One line a scenario, then ``right / tried`` and ``false alarms /
healthy calls tried``. Exit code 0 only if every scenario was right and no healthy call was alarmed. What right means,
and how a scenario is written, stands in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kayzen_nb.checks import Verdict
from kayzen_nb.errors import InputError, KayzenNbError
from kayzen_nb.pixels import build_plan
from kayzen_nb.ringba import Ringba
from kayzen_nb.sandbox import SCENARIOS, load_scenarios, open_sandbox
from kayzen_nb.testcall import all_checks, check_test_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kayzen_nb.account import AccountSetup
    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.causes import Cause
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret
    from kayzen_nb.sandbox import Sandbox, Scenario
    from kayzen_nb.sandbox.scenarios import Expectation
    from kayzen_nb.testcall import TestCallProof

    Diagnose = Callable[[TestCallProof, CallEvidence, Plan, Secret | None, AccountSetup], list[Cause]]

NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a scenario planted, and what was said of it. ``wrong`` says what was not right; empty when all was."""

    scenario: str
    planted: tuple[str, ...]
    named: tuple[str, ...]
    explained: tuple[str, ...]
    rung_expected: int
    rung_found: int | None
    wrong: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A healthy call of which something wrong was said."""

    call_id: str
    failed_checks: tuple[str, ...]
    named: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is said of one call: its proof, the failed checks, and the causes."""

    rung: int
    failed_checks: tuple[str, ...]
    faults: tuple[str, ...]
    explanations: tuple[str, ...]


class Reader:
    """Reads one sandbox as a user of the toolkit would: through Ringba's API, and nothing else."""

    def __init__(self, sandbox: Sandbox, diagnose: Diagnose) -> None:
        self._sandbox, self._diagnose = sandbox, diagnose
        self._setups: dict[str, AccountSetup] = {}
        self._ringba = Ringba(sandbox.settings, transport=sandbox.transport)

    def read(self, call_id: str) -> Findings:
        """The findings about one call."""
        evidence = self._ringba.fetch_call_evidence(call_id)
        plan, key = build_plan(), self._sandbox.settings.kayzen_api_key
        proof = check_test_call(evidence, plan, key)
        causes = self._diagnose(proof, evidence, plan, key, self._setup(evidence.campaign or ""))
        return Findings(
            rung=int(proof.rung),
            failed_checks=tuple(check.name for check in all_checks(proof) if check.verdict is Verdict.FAIL),
            faults=tuple(cause.code for cause in causes if cause.kind.is_fault),
            explanations=tuple(cause.code for cause in causes if not cause.kind.is_fault),
        )

    def _setup(self, campaign: str) -> AccountSetup:
        from kayzen_nb.ringba_account import fetch_setup  # noqa: PLC0415  # so that the bench starts without it

        if campaign not in self._setups:
            settings, transport = self._sandbox.settings, self._sandbox.transport
            self._setups[campaign] = fetch_setup(settings, transport=transport, campaign=campaign)
        return self._setups[campaign]


def run_scenario(scenario: Scenario, diagnose: Diagnose) -> Outcome:
    """Play a scenario, and compare what is said of its test call with what is expected."""
    expect = scenario.expect
    if expect is None:
        raise ValueError("a scenario without an expectation proves nothing")
    found: Findings | None = None
    wrong: tuple[str, ...] = ()
    try:
        sandbox = open_sandbox(scenario, now=NOW)
        found = Reader(sandbox, diagnose).read(sandbox.test_call_id)
    except KayzenNbError as error:
        wrong = (f"could not be read: {error.problems[0].what}",)
    return Outcome(
        scenario=scenario.name,
        planted=expect.causes,
        named=found.faults if found else (),
        explained=found.explanations if found else (),
        rung_expected=expect.rung,
        rung_found=found.rung if found else None,
        wrong=tuple(_compare(expect, found)) if found else wrong,
    )


def _compare(expect: Expectation, found: Findings) -> Iterator[str]:
    """Everything in which the findings are not what is expected."""
    if missed := [code for code in expect.causes if code not in found.faults]:
        yield f"not named: {', '.join(missed)}"
    if extra := [code for code in found.faults if code not in {*expect.causes, *expect.also}]:
        yield f"named without cause: {', '.join(extra)}"
    if found.faults and expect.causes and found.faults[0] not in {*expect.causes, *expect.also}:
        yield f"named first: {found.faults[0]}"
    if missed := [code for code in expect.explains if code not in found.explanations]:
        yield f"not explained: {', '.join(missed)}"
    if found.rung != expect.rung:
        yield f"rung {found.rung}, not {expect.rung}"


def run_healthy(count: int, diagnose: Diagnose) -> tuple[int, list[Alarm]]:
    """How many healthy calls were read, and of which of them something wrong was said."""
    sandbox = open_sandbox("healthy", now=NOW)
    reader, ids = Reader(sandbox, diagnose), sandbox.newest_call_ids(count)
    findings = ((call_id, reader.read(call_id)) for call_id in ids)
    return len(ids), [
        Alarm(call_id=call_id, failed_checks=found.failed_checks, named=found.faults)
        for call_id, found in findings
        if found.faults or found.failed_checks
    ]


def choose_scenarios(files: Iterable[Path]) -> dict[str, Scenario]:
    """The scenarios to run: those of the files, or else the package's own; only those with an expectation."""
    named = list(files)
    found = {f"{path.name}:{s.name}": s for path in named for s in load_scenarios(path).values()}
    return {name: s for name, s in (found if named else SCENARIOS).items() if s.expect}


def show(outcome: Outcome) -> str:
    """One line: planted, named, explained in brackets, rungs, right or what was wrong."""
    planted, named = (", ".join(codes) or "nothing" for codes in (outcome.planted, outcome.named))
    explained = f" ({', '.join(outcome.explained)})" if outcome.explained else ""
    rung = f"rung {outcome.rung_expected}/{'-' if outcome.rung_found is None else outcome.rung_found}"
    judged = f"WRONG: {'; '.join(outcome.wrong)}" if outcome.wrong else "right"
    return f"{outcome.scenario:32} planted {planted:38} named {named + explained:60} {rung}  {judged}"


def run(scenarios: dict[str, Scenario], healthy: int, diagnose: Diagnose, *, as_json: bool = False) -> int:
    """Run everything, print it, and return the exit code."""
    outcomes = []
    for scenario in scenarios.values():
        outcomes.append(run_scenario(scenario, diagnose))
        if not as_json:
            print(show(outcomes[-1]), flush=True)
    tried, alarms = run_healthy(healthy, diagnose) if healthy else (0, [])
    right = sum(not outcome.wrong for outcome in outcomes)
    if as_json:
        counts = {"right": right, "tried": len(outcomes), "false_alarms": len(alarms), "healthy_calls": tried}
        print(json.dumps(counts | {"outcomes": list(map(asdict, outcomes)), "alarms": list(map(asdict, alarms))}))
    else:
        for alarm in alarms:
            print(f"false alarm: {alarm.call_id}: {', '.join((*alarm.named, *alarm.failed_checks))}")
        print(f"right / tried:                    {right} / {len(outcomes)}")
        print(f"false alarms / healthy calls:     {len(alarms)} / {tried}")
    return 0 if right == len(outcomes) > 0 and not alarms else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit code 2 when a file cannot be used."""
    from kayzen_nb.diagnosis import diagnose  # noqa: PLC0415  # the tests run the bench with another one

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.toml", help="scenario files (default: our own)")
    parser.add_argument("--healthy", type=int, default=1000, metavar="N", help="healthy calls to read (default 1000)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    chosen = parser.parse_args(arguments)
    try:
        scenarios = choose_scenarios(chosen.files)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return run(scenarios, max(chosen.healthy, 0), diagnose, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
