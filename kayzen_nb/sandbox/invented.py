"""Invented calls that behave like calls do: rates by hour and state, duplicates, blocks, late payouts.

A UTC day's calls depend on the seed and the day alone, so any period can be asked for, in any order, and gives the same
calls. Callers have numbers xxx-555-0100 to 0199 only.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONVERTS_AFTER_S = 120  # the guide's own example of a conversion rule
_HEX_OF_DAY = 8
_USUAL_CALLS_A_DAY = 275 * 6.6 / 7  # of the three campaigns together, over a week: weekends are weaker
_REPEAT_RATE = 0.18


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One invented Ringba campaign with exactly one tracking number, as the guide asks. None: no amount is set."""

    id: str
    name: str
    number: str
    publisher_id: str
    publisher: str
    targets: tuple[str, ...]
    calls_a_day: int
    revenue: float | None
    payout: float | None


CAMPAIGNS = (
    Campaign(
        id=f"CA{1:032x}",
        name="CTV Spring",
        number="+18885550122",
        publisher_id=f"AF{1:032x}",
        publisher="Kayzen",
        targets=("Call Center A", "Call Center B"),
        calls_a_day=110,
        revenue=27.0,
        payout=20.0,
    ),
    Campaign(
        id=f"CA{2:032x}",
        name="CTV Summer",
        number="+18885550133",
        publisher_id=f"AF{1:032x}",
        publisher="Kayzen",
        targets=("Call Center A", "Call Center C"),
        calls_a_day=90,
        revenue=32.5,
        payout=24.0,
    ),
    Campaign(
        id=f"CA{3:032x}",
        name="CTV Late Night",
        number="+18775550144",
        publisher_id=f"AF{2:032x}",
        publisher="Night Owl Media",
        targets=("Call Center C",),
        calls_a_day=75,
        revenue=18.0,
        payout=12.5,
    ),
)
AREA_CODES = {
    "CA": ("213", "415"), "TX": ("214", "512"), "NY": ("212", "718"), "FL": ("305", "407"), "CO": ("303", "720"),
    "IL": ("312", "773"), "OH": ("216", "614"), "AZ": ("480", "602"), "GA": ("404", "770"), "WA": ("206", "509"),
}  # fmt: skip
# No area codes of their own: the digits of special numbers, toll-free ones, and 555.
_NO_AREAS = {*(str(n) for n in range(211, 1000, 100)), "555", *("800", "833", "844", "855", "866", "877", "888")}
_STATE_WEIGHTS = (20, 15, 13, 12, 6, 8, 7, 6, 7, 6)
# Calls by UTC hour: American evenings are 23 to 4 UTC, American nights 7 to 12 UTC.
_HOUR_WEIGHTS = (9, 9, 8, 6, 4, 2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 6, 7, 8, 9)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where people call from: the area codes of each state, and the states' weights in the order of ``AREA_CODES``."""

    areas: Mapping[str, tuple[str, ...]]
    weights: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class InventedCall:
    """One call with everything that ever happens to it; what has happened by now is for the platform to tell."""

    call_id: str
    campaign: Campaign
    caller: str
    state: str
    target: str
    at: datetime
    is_duplicate: bool = False
    block_reason: str = ""
    incomplete_reason: str = ""
    routing_error: bool = False
    is_busy: bool = False
    connected_at: datetime | None = None
    ended_at: datetime
    ended_by: str = "Caller"
    converted_at: datetime | None = None
    paid_at: datetime | None = None
    adjusted_revenue: float | None = None
    adjusted_payout: float | None = None
    no_conversion_reason: str = ""
    no_payout_reason: str = ""


def invent_day(
    day: date, seed: int, volume: int | None = None, weights: Mapping[str, float] | None = None
) -> list[InventedCall]:
    """All calls that begin on a UTC day, in order of time.

    ``volume`` is how many calls a day has on average; None is about 260, in three campaigns, from few area codes.
    ``weights`` are other weights of the states that people call from; a state without one does not call.
    """
    rng = random.Random(f"{seed}:{day.isoformat()}")  # noqa: S311  # a game, not a secret
    share = 1.0 if volume is None else volume / _USUAL_CALLS_A_DAY
    areas = AREA_CODES if volume is None else _many_area_codes()
    states = _STATE_WEIGHTS if weights is None else tuple(weights.get(state, 0.0) for state in AREA_CODES)
    places = Places(areas=areas, weights=states)
    calls = [call for campaign in CAMPAIGNS for call in _invent_campaign_day(campaign, day, share, places, rng)]
    return sorted(calls, key=lambda call: (call.at, call.call_id))


def invent_call(at: datetime, rng: random.Random) -> InventedCall:
    """One call more at a moment (aware UTC), with an id of that day; by a caller who has not called before."""
    return _invent_call(rng.choice(CAMPAIGNS), at, {}, Places(areas=AREA_CODES, weights=_STATE_WEIGHTS), rng)


def day_of(call_id: str) -> date | None:
    """The UTC day that is written into an invented call's id; None for any other id."""
    try:
        return date.fromordinal(int(call_id[3 : 3 + _HEX_OF_DAY], 16))
    except (ValueError, OverflowError):
        return None


@cache
def _many_area_codes() -> Mapping[str, tuple[str, ...]]:
    """Area codes enough that thousands of callers a day are different people; which state has which is invented."""
    codes = [str(code) for code in range(201, 990) if str(code) not in _NO_AREAS]
    return {state: tuple(codes[n :: len(AREA_CODES)]) for n, state in enumerate(AREA_CODES)}


def _invent_campaign_day(
    campaign: Campaign, day: date, share: float, places: Places, rng: random.Random
) -> list[InventedCall]:
    weekday_factor, usual = 0.8 if day.weekday() >= 5 else 1.0, campaign.calls_a_day * share
    count = max(0, round(rng.gauss(usual * weekday_factor, usual * 0.1)))
    callers: dict[str, str] = {}  # who has called today, with the state of the number
    calls = []
    for at in sorted(_invent_moment(day, rng) for _ in range(count)):  # a repeat must come after the first call
        call = _invent_call(campaign, at, callers, places, rng)
        callers[call.caller] = call.state
        calls.append(call)
    return calls


def _invent_moment(day: date, rng: random.Random) -> datetime:
    second = rng.choices(range(24), _HOUR_WEIGHTS)[0] * 3600 + rng.random() * 3600
    return datetime.combine(day, time(), UTC) + timedelta(milliseconds=int(second * 1000))


def _invent_call(
    campaign: Campaign,
    at: datetime,
    callers: dict[str, str],
    places: Places,
    rng: random.Random,
) -> InventedCall:
    """A call at a moment, by a new caller or by one of the last who called. A repeat within the day is a duplicate."""
    if callers and rng.random() < _REPEAT_RATE:
        last = list(islice(reversed(callers.items()), 20))
        caller, state = rng.choice(last[::-1])
    else:
        state = rng.choices(tuple(AREA_CODES), places.weights)[0]
        caller = f"+1{rng.choice(places.areas[state])}55501{rng.randrange(100):02}"
    common = {
        "call_id": _invent_id(at.date(), rng),
        "campaign": campaign,
        "caller": caller,
        "state": state,
        "target": rng.choice(campaign.targets),
        "at": at,
        "is_duplicate": caller in callers,
    }
    return _live_through(common, rng)


def _live_through(common: dict[str, object], rng: random.Random) -> InventedCall:
    """What becomes of a call: blocked, given up in the menu, an error, no answer, or a conversation."""
    at, fate = common["at"], rng.random()
    if not isinstance(at, datetime):
        raise TypeError("a call begins at a time")
    waited = at + timedelta(seconds=rng.randint(3, 45))
    if fate < 0.04:
        reason = rng.choice(("Spam", "STIR/SHAKEN", "TCPA Shield"))  # Ringba's own value list is not published
        return InventedCall(**common, ended_at=at, ended_by="System", block_reason=reason)  # type: ignore[arg-type]
    if fate < 0.10:
        return InventedCall(**common, ended_at=waited, incomplete_reason="System Hangup")  # type: ignore[arg-type]
    if fate < 0.115:
        return InventedCall(**common, ended_at=waited, ended_by="System", routing_error=True)  # type: ignore[arg-type]
    if fate < 0.38:
        return InventedCall(**common, ended_at=waited)  # type: ignore[arg-type]
    return _converse(common, at, rng)


def _converse(common: dict[str, object], at: datetime, rng: random.Random) -> InventedCall:
    """A conversation: converts at the threshold, duplicates seldom do; most conversions are paid, some days later."""
    connected_at = at + timedelta(seconds=rng.randint(2, 20), milliseconds=rng.randrange(1000))
    length_s = max(1, round(math.exp(rng.gauss(4.9, 0.9))))
    ended_at = connected_at + timedelta(seconds=length_s)
    converts = length_s >= CONVERTS_AFTER_S and not (common["is_duplicate"] and rng.random() < 0.7)
    is_paid, lag_h = rng.random() < 0.85, math.exp(rng.gauss(1.2, 1.1))
    return InventedCall(
        **common,  # type: ignore[arg-type]
        connected_at=connected_at,
        ended_at=ended_at,
        ended_by="Target" if rng.random() < 0.3 else "Caller",
        converted_at=connected_at + timedelta(seconds=CONVERTS_AFTER_S) if converts else None,
        paid_at=ended_at + timedelta(hours=lag_h) if converts and is_paid else None,
    )


def _invent_id(day: date, rng: random.Random) -> str:
    """Ringba's shape since 2025 (RGB, 40 hex, V3, 5 characters); ours holds the day, to be found again by id."""
    ending = "".join(rng.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=5))
    return f"RGB{day.toordinal():0{_HEX_OF_DAY}X}{rng.getrandbits(128):032X}V3{ending}"
