"""What each notebook takes: its parameters as data, in the order of its parameter cell.

``parameters`` checks values against these; the form, ``--help`` and the README's table read the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from kayzen_nb.pixels import PROFILES

SCENARIO_DEFAULT = "healthy"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter: ``kind`` is text, choice, optional_day, zone, path, plan, minutes, seconds, view or call."""

    name: str
    kind: str
    default: str
    meaning: str
    choices: tuple[str, ...] = ()


_PROFILE = Parameter(
    name="profile",
    kind="plan",
    default="per_event",
    choices=PROFILES,
    meaning="which six pixels: per_event (each its own event), as_published (the guide as printed), or a plan file",
)
_SCENARIO = Parameter(
    name="scenario",
    kind="text",
    default=SCENARIO_DEFAULT,
    meaning="what the sandbox plays when source is sandbox: healthy, guide_copied, ...",
)
_ZONE = Parameter(
    name="time_zone",
    kind="zone",
    default="America/New_York",
    meaning="IANA time zone in which days begin and times are shown",
)

DECLARATIONS: dict[str, tuple[Parameter, ...]] = {
    "01_setup_pixels": (
        Parameter(
            name="source",
            kind="choice",
            default="sandbox",
            choices=("sandbox", "api", "none"),
            meaning="whose account is looked at: sandbox (invented), api (yours in Ringba) or none (the plan only)",
        ),
        _SCENARIO,
        Parameter(name="campaign", kind="text", default="", meaning="the Ringba campaign; empty: the only one"),
        _PROFILE,
        Parameter(
            name="pixels_path",
            kind="path",
            default="",
            meaning="a file with your own pixels to check (URLs, CSV, JSON); empty: those in the account, or the plan",
        ),
        Parameter(
            name="kayzen_confirmed_on",
            kind="optional_day",
            default="",
            meaning="the day on which Kayzen confirmed the inferred names; empty: not yet",
        ),
        Parameter(
            name="key_changed_on",
            kind="optional_day",
            default="",
            meaning="the day on which the pixels got a new key, to prove that no old one fired since; empty: no change",
        ),
        Parameter(
            name="preview_call_id",
            kind="call",
            default="",
            meaning="a real call (Inbound Call ID) to fill the tokens from; empty: an invented one",
        ),
        _ZONE,
    ),
    "02_verify_test_call": (
        Parameter(
            name="source",
            kind="choice",
            default="sandbox",
            choices=("sandbox", "api", "file"),
            meaning="where the call is read from: sandbox (invented), api (Ringba) or file (what you saved)",
        ),
        _SCENARIO,
        Parameter(
            name="call_id",
            kind="call",
            default="",
            meaning="Inbound Call ID; or the caller's last digits and about when: 0123 2026-11-25 14:05; "
            "empty: the sandbox's own test call, or the only call in the file",
        ),
        Parameter(
            name="evidence_path",
            kind="path",
            default="",
            meaning="when source is file: the Events tab saved as text, a JSON or a CSV",
        ),
        _PROFILE,
        _ZONE,
        Parameter(
            name="wait_minutes",
            kind="minutes",
            default="2",
            meaning="how long after the call's last event to wait for late pixel fires; 0: do not wait",
        ),
        Parameter(
            name="test_call",
            kind="choice",
            default="yes",
            choices=("yes", "no"),
            meaning="yes: remember this call as a test, and leave it out of later funnels; no: an ordinary call",
        ),
        Parameter(
            name="period_start",
            kind="optional_day",
            default="",
            meaning="first day on which to look at all calls' events: 2026-11-01, yesterday, -7d; empty: do not look",
        ),
        Parameter(
            name="period_end",
            kind="optional_day",
            default="",
            meaning="last day on which to look at all calls' events; empty: yesterday",
        ),
    ),
    "03_funnel": (
        Parameter(
            name="source",
            kind="choice",
            default="sandbox",
            choices=("sandbox", "api", "csv", "archive"),
            meaning="where the calls come from: sandbox (invented), api (Ringba), csv (Call Details exports) or "
            "archive (what kayzen-nb sync has kept on this machine)",
        ),
        _SCENARIO,
        Parameter(
            name="csv_path",
            kind="path",
            default="",
            meaning="when source is csv: the exported file, several with ; between, a folder, or a pattern (*.csv)",
        ),
        Parameter(name="campaign", kind="text", default="", meaning="Ringba campaign name; empty: all campaigns"),
        Parameter(
            name="period_start",
            kind="optional_day",
            default="",
            meaning="first day, included: 2026-11-01, yesterday, -7d; empty: 14 days ago, or all of a csv file",
        ),
        Parameter(
            name="period_end",
            kind="optional_day",
            default="",
            meaning="last day, included: 2026-11-07, yesterday, -1d; empty: yesterday, or all of a csv file",
        ),
        Parameter(
            name="as_of",
            kind="optional_day",
            default="",
            meaning="when source is archive: as it stood at the end of that day; empty: as it stands now",
        ),
        _ZONE,
        Parameter(
            name="compare",
            kind="choice",
            default="previous",
            choices=("previous", "none"),
            meaning="previous: against as many days just before the period; none: do not compare",
        ),
        Parameter(
            name="view",
            kind="view",
            default="",
            meaning="your own view beside the standard ones: state, state by hour, "
            "target where campaign = CTV Spring; empty: none",
        ),
        Parameter(
            name="converts_after_s",
            kind="seconds",
            default="",
            meaning="the conversion rule that is set in Ringba, in seconds of connected time; empty: not stated",
        ),
        Parameter(
            name="beside_path",
            kind="path",
            default="",
            meaning="more books to look into: Kayzen's spend as CSV, Ringba's Summary export, Call Details exports "
            "beside another source; several with ; between; empty: none",
        ),
    ),
}
