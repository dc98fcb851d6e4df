"""What the sandbox can play: named sets of planted faults. A new scenario is a new row, not new code."""

from __future__ import annotations

from dataclasses import dataclass

from kayzen_nb.vocabulary import Event


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One set of planted faults; every field left alone is healthy.

    ``profile`` is how the pixels were set up, ``unattached`` the pixels that the campaign does not have,
    ``ringba_status`` an answer that Ringba gives to everything, ``busy_answers`` how often the call log first
    answers "rate limited".
    """

    name: str
    about: str
    profile: str = "per_event"
    unattached: frozenset[Event] = frozenset()
    key_left_out: bool = False
    has_calls: bool = True
    ringba_status: int | None = None
    busy_answers: int = 0


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="healthy", about="six pixels as planned, calls as they come"),
        Scenario(
            name="guide_copied",
            about="the guide copied as printed: all six pixels say app_event=incoming",
            profile="as_published",
        ),
        Scenario(
            name="pixel_missing",
            about="the Converted pixel was never added to the campaign",
            unattached=frozenset({Event.CONVERTED}),
        ),
        Scenario(
            name="key_placeholder",
            about="the placeholder KAYZEN_PROVIDED was left in the pixel URLs",
            key_left_out=True,
        ),
        Scenario(name="no_calls", about="a campaign that nobody called", has_calls=False),
        Scenario(name="token_refused", about="Ringba does not accept the token (401)", ringba_status=401),
        Scenario(name="right_refused", about="the token's role may not read reports (403)", ringba_status=403),
        Scenario(name="platform_down", about="Ringba answers every request with 503", ringba_status=503),
        Scenario(name="rate_limited", about="the first call-log request is refused as too many (429)", busy_answers=1),
    )
}
