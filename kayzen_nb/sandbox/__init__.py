"""Ringba and Kayzen on this machine, with invented calls: in this process, or as an HTTP server on 127.0.0.1."""

from kayzen_nb.sandbox.platforms import AskedRequest, ReceivedEvent, Sandbox, open_sandbox
from kayzen_nb.sandbox.scenariofile import SCENARIOS, load_scenarios
from kayzen_nb.sandbox.scenarios import Scenario

__all__ = ["SCENARIOS", "AskedRequest", "ReceivedEvent", "Sandbox", "Scenario", "load_scenarios", "open_sandbox"]
