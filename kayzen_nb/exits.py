"""Where a call ends: the last stage it reached, and the one named exit it took after that.

The exits of a step sum to its drop, because the definition gives each call exactly one place. Where Ringba does not say
why, the exit is an unknown reason, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kayzen_nb.vocabulary import Stage

# How an exit is known: Ringba says why in words; a flag or a time shows it; it may still change; nobody says why.
Known = Literal["told", "seen", "not_yet", "unknown", "end"]


@dataclass(frozen=True, kw_only=True)
class Exit:
    """One place where calls end. ``after`` is the last stage reached; ``code`` stands for it in the cube.

    ``words`` is the column that may hold Ringba's own words for it.
    """

    code: int
    name: str
    after: Stage
    known: Known
    label: str
    meaning: str
    words: str = ""


EXITS: tuple[Exit, ...] = (
    Exit(
        code=0,
        name="paid",
        after=Stage.PAYOUT,
        known="end",
        label="Paid out",
        meaning="the call reached the last stage",
    ),
    Exit(
        code=1,
        name="unpaid_reason",
        after=Stage.CONVERTED,
        known="told",
        words="no_payout_reason",
        label="Not paid, Ringba says why",
        meaning="converted, not paid, and Ringba gives a No Payout Reason",
    ),
    Exit(
        code=2,
        name="payout_pending",
        after=Stage.CONVERTED,
        known="not_yet",
        label="Not paid yet",
        meaning="converted so recently that its payout may still come",
    ),
    Exit(
        code=3,
        name="unpaid_unknown",
        after=Stage.CONVERTED,
        known="unknown",
        label="Not paid, reason unknown",
        meaning="converted, not paid, and Ringba does not say why",
    ),
    Exit(
        code=10,
        name="unconverted_reason",
        after=Stage.CONNECTED,
        known="told",
        words="no_conversion_reason",
        label="Not converted, Ringba says why",
        meaning="connected, not converted, and Ringba gives a No Conversion Reason",
    ),
    Exit(
        code=11,
        name="call_going",
        after=Stage.CONNECTED,
        known="not_yet",
        label="Still talking",
        meaning="connected, and not ended when it was read",
    ),
    Exit(
        code=12,
        name="below_threshold",
        after=Stage.CONNECTED,
        known="seen",
        label="Shorter than the conversion rule",
        meaning="connected for less time than the rule that was stated for this page asks",
    ),
    Exit(
        code=13,
        name="conversion_pending",
        after=Stage.CONNECTED,
        known="not_yet",
        label="Not converted yet",
        meaning="connected so recently that its conversion may still come",
    ),
    Exit(
        code=14,
        name="unconverted_unknown",
        after=Stage.CONNECTED,
        known="unknown",
        label="Not converted, reason unknown",
        meaning="connected, not converted, and Ringba does not say why",
    ),
    Exit(
        code=20,
        name="blocked",
        after=Stage.INCOMING,
        known="told",
        words="block_reason",
        label="Blocked",
        meaning="Ringba refused the call before it fired any pixel",
    ),
    Exit(
        code=21,
        name="error",
        after=Stage.INCOMING,
        known="seen",
        label="Error",
        meaning="Ringba met a system error while routing or connecting the call",
    ),
    Exit(
        code=22,
        name="left_in_menu",
        after=Stage.INCOMING,
        known="told",
        words="incomplete_reason",
        label="Ended before a target was tried",
        meaning="the call ended in the menu or while waiting: Ringba gives an Incomplete Call Reason",
    ),
    Exit(
        code=23,
        name="unconnected_reason",
        after=Stage.INCOMING,
        known="told",
        words="no_conversion_reason",
        label="Not connected, Ringba says why",
        meaning="no target answered, and Ringba gives a No Conversion Reason",
    ),
    Exit(
        code=24,
        name="caller_hung_up",
        after=Stage.INCOMING,
        known="seen",
        label="Caller hung up before an answer",
        meaning="no target answered until the caller ended the call; whether it rang or was busy is not told",
    ),
    Exit(
        code=25,
        name="target_ended",
        after=Stage.INCOMING,
        known="seen",
        label="Target's side ended it unanswered",
        meaning="the target's side ended the call without answering it; why is not told",
    ),
    Exit(
        code=26,
        name="connected_late",
        after=Stage.INCOMING,
        known="seen",
        label="Connected after the window",
        meaning="connected later than the window that was stated for this page allows",
    ),
    Exit(
        code=27,
        name="unconnected_unknown",
        after=Stage.INCOMING,
        known="unknown",
        label="Not connected, reason unknown",
        meaning="no target answered, and nothing says why",
    ),
)
EXIT_OF_CODE = {one.code: one for one in EXITS}
EXIT_NAMED = {one.name: one for one in EXITS}
_ORDER = {stage: place for place, stage in enumerate(Stage)}


def codes_reaching(stage: Stage) -> tuple[int, ...]:
    """The codes of all calls that reached at least this stage."""
    return tuple(one.code for one in EXITS if _ORDER[one.after] >= _ORDER[stage])


def exits_after(stage: Stage) -> tuple[Exit, ...]:
    """The exits between this stage and the next, in the order in which they are told."""
    return tuple(one for one in EXITS if one.after is stage and one.known != "end")
