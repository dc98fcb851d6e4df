"""Make docs/codes.md from the linter's rules and the catalogue of causes: ``python docs/make_codes.py``.

Each code of the linter comes with a planted example; ``tests/test_codes.py`` checks that it yields the code, and that
the page is up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from kayzen_nb.account import Pixel
from kayzen_nb.causes import KINDS
from kayzen_nb.lint import RULES
from kayzen_nb.pixels import build_plan, render
from kayzen_nb.privacy import Secret

PAGE = Path(__file__).with_name("codes.md")
KEY = Secret("an-invented-key")
SIX = render(build_plan(), KEY)
CONVERTED, ERROR = 3, 5

Plant = Callable[[Sequence[Pixel]], Sequence[Pixel]]


def in_url(old: str, new: str, number: int = CONVERTED) -> Plant:
    """A pixel's URL with one text replaced by another."""
    return in_pixel(number, url=SIX[number].url.replace(old, new))


def in_pixel(number: int, **changes: object) -> Plant:
    """A pixel with other fields."""
    return lambda six: [replace(pixel, **changes) if n == number else pixel for n, pixel in enumerate(six)]


def all_keys(text: str) -> Plant:
    """Another key in all six."""
    return lambda six: [replace(pixel, url=pixel.url.replace(KEY.reveal(), text)) for pixel in six]


# For each code: what it looks like, and a set of pixels that has it.
EXAMPLES: dict[str, tuple[str, Plant]] = {
    "KZ001": ("`http://...`", in_url("https:", "http:")),
    "KZ002": ("`https://api-events.eventstracker.io:8443/...`", in_url("tracker.io", "tracker.io:8443")),
    "KZ003": ("`.../v1/event?...`", in_url("/v1/ev", "/v1/event")),
    "KZ004": ("a URL copied from an e-mail, over two lines", in_url("&number", "\n&number")),
    "KZ005": ("`&amp;number=` copied from a page's source", in_url("&number", "&amp;number")),
    "KZ006": ("`%5BCall:InboundCallId%5D`", in_url("[Call:InboundCallId]", "%5BCall:InboundCallId%5D")),
    "KZ007": ("`%255BCall:InboundCallId%255D`", in_url("[Call:InboundCallId]", "%255BCall:InboundCallId%255D")),
    "KZ008": ("a blank after `can_claim=1`", in_pixel(0, url=SIX[0].url + " ")),
    "KZ009": ("`...&caller_state=[tag:Inb`", in_pixel(0, url=SIX[0].url.partition("oundNumber:State")[0])),
    "KZ010": ("`api_key=KAYZEN_PROVIDED`", all_keys("KAYZEN_PROVIDED")),
    "KZ011": ("`api_key=&app_event=...`", all_keys("")),
    "KZ012": ("last year's key", all_keys("another-invented-key")),
    "KZ013": ("`...&can_claim=1#top`", in_url("can_claim=1", "can_claim=1#top")),
    "KZ014": ("`https://api-events.eventstracker.io.example/...`", in_url("tracker.io", "tracker.io.example")),
    "KZ020": ("no `can_claim`", in_url("&can_claim=1", "")),
    "KZ021": ("`&cal_id=...`", in_url("&call_id", "&cal_id")),
    "KZ022": ("`&can_claim=1` twice", in_url("&can_claim=1", "&can_claim=1&can_claim=1")),
    "KZ023": ("`...[Call:NumberDialed]call_id=...`", in_url("&call_id", "call_id")),
    "KZ024": ("`can_claim=0`", in_url("can_claim=1", "can_claim=0")),
    "KZ025": ("`tpringba`, or `/v1/evtp=ringba`", in_url("tp=ringba", "tpringba")),
    "KZ030": ("`[Call:InboundCallId`", in_url("InboundCallId]", "InboundCallId")),
    "KZ031": ("`call_id=[Call:MyOwnThing]`", in_url("[Call:InboundCallId]", "[Call:MyOwnThing]")),
    "KZ032": ("`[Call:InboundCallID]`", in_url("[Call:InboundCallId]", "[Call:InboundCallID]")),
    "KZ033": ("the payout in `conversion_amount`", in_url("[Call:ConversionAmount]", "[Call:ConversionPayout]")),
    "KZ034": ("`call_id=InboundCallId`", in_url("[Call:InboundCallId]", "InboundCallId")),
    "KZ101": ("`app_event=incoming` on the Converted pixel", in_url("event=converted", "event=incoming")),
    "KZ102": (
        "six URLs without Fire Pixel On that all say `app_event=incoming`",
        lambda _: [replace(p, name="", fire_on="", event=None) for p in render(build_plan("as_published"), KEY)],
    ),
    "KZ103": ("`call_id` from two different tokens", in_url("[Call:InboundCallId]", "[Call:MyOwnThing]")),
    "KZ104": ("the new key in five of six", in_url(KEY.reveal(), "another-invented-key")),
    "KZ105": ("five pixels", lambda six: six[:5]),
    "KZ106": ("seven pixels", lambda six: [*six, six[0]]),
    "KZ107": ("HTTP Method POST", in_pixel(CONVERTED, method="POST")),
    "KZ109": ("the API says `enabled: false`", in_pixel(CONVERTED, enabled=False)),
    "KZ110": ("no `conversion_amount`", in_url("&conversion_amount=[Call:ConversionAmount]", "")),
    "KZ111": ("`is_duplicate` on Error", in_url("&can_claim", "&is_duplicate=[Call:IsDuplicate]&can_claim", ERROR)),
    "KZ112": ("the planned Payout pixel", lambda six: six),
    "KZ113": ("a name of your own", in_pixel(CONVERTED, name="TV converted")),
    "KZ114": ("Fire Pixel On: Finalized", in_pixel(CONVERTED, fire_on="Finalized", event=None)),
}  # fmt: skip


def build_page() -> str:
    """The page as markdown."""
    return "\n".join([*_linter_lines(), "", *_cause_lines(), ""])


def _linter_lines() -> list[str]:
    rows = [f"| {code} | {severity} | {means} | {EXAMPLES[code][0]} |" for code, (severity, means) in RULES.items()]
    return [
        "# Codes",
        "",
        "This page is made by `python docs/make_codes.py`. Codes are stable: a code keeps its meaning.",
        "",
        "## What the linter says of pixels (`kayzen-nb lint`)",
        "",
        "An *error* has to be corrected before the pixels go live. A *warning* deserves a look. *Info* explains.",
        "KZ0xx concern one URL, KZ1xx the fields of Ringba's form and the pixels as a set.",
        "",
        "| code | severity | means | for example |",
        "|---|---|---|---|",
        *rows,
    ]


def _cause_lines() -> list[str]:
    rows = []
    for code, kind in KINDS.items():
        cells = (code, "fault" if kind.is_fault else "no fault", kind.title, kind.symptom, kind.fix, kind.ask)
        rows.append(f"| {' | '.join(cells)} |")
    return [
        "## Why an event does not reach Kayzen, or not rightly (diagnosis and audit)",
        "",
        "A cause that is *no fault* explains why an event is rightly missing.",
        "",
        "| code | kind | what | what you see in Kayzen | what to do | whom to ask |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
    sys.stdout.write(f"Written: {PAGE}\n")
