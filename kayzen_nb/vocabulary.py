"""The words of the house: events, stages, and the columns of the call table.

From ``CALL_COLUMNS`` come the check of a table at the door, the labels people read, and the glossary. Vendors'
names for the same things live with the readers (``ringba_columns``), not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from kayzen_nb.errors import ColumnError, Problem, did_you_mean

MICROS = 1_000_000
CURRENCY = "USD"


class Event(StrEnum):
    """What may happen to a call, in life-cycle order; each has one pixel in the published guide."""

    INCOMING = "incoming"
    CONNECTED = "connected"
    COMPLETED = "completed"
    CONVERTED = "converted"
    PAYOUT = "payout"
    ERROR = "error"


class Stage(StrEnum):
    """The funnel, in order. *Completed* closes a call and *error* is an exit: neither is a stage."""

    INCOMING = "incoming"
    CONNECTED = "connected"
    CONVERTED = "converted"
    PAYOUT = "payout"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the call table: its name, DuckDB type, label for people, unit and meaning."""

    name: str
    sql_type: str
    label: str
    meaning: str
    unit: str = ""
    required: bool = False


CALL_COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column(
            name="call_id",
            sql_type="VARCHAR",
            label="Call id",
            required=True,
            meaning="Ringba's inbound call id: the key of a call, on both platforms.",
        ),
        Column(
            name="call_at",
            sql_type="TIMESTAMPTZ",
            label="Call time",
            unit="UTC",
            required=True,
            meaning="When the call appeared in Ringba.",
        ),
        Column(
            name="campaign", sql_type="VARCHAR", label="Campaign", meaning="The Ringba campaign that took the call."
        ),
        Column(
            name="number",
            sql_type="VARCHAR",
            label="Tracking number",
            meaning="The number that was dialled, shown in the ad; masked to its last four digits.",
        ),
        Column(
            name="caller",
            sql_type="VARCHAR",
            label="Caller",
            meaning="Who dialled; masked to the last two digits before it reaches a table.",
        ),
        Column(
            name="caller_key",
            sql_type="VARCHAR",
            label="Caller pseudonym",
            meaning="The same for all calls of one caller, made with this machine's own key; holds no number.",
        ),
        Column(
            name="state",
            sql_type="VARCHAR",
            label="State",
            meaning="Two-letter state of the caller's number, where it has one; not where the TV is.",
        ),
        Column(
            name="target",
            sql_type="VARCHAR",
            label="Target",
            meaning="The call centre or line that the call was routed to.",
        ),
        Column(
            name="publisher",
            sql_type="VARCHAR",
            label="Publisher",
            meaning="The Ringba publisher to whom the number belongs.",
        ),
        Column(
            name="is_duplicate",
            sql_type="BOOLEAN",
            label="Duplicate",
            meaning="The caller had called before, by the campaign's own rule.",
        ),
        Column(
            name="blocked",
            sql_type="BOOLEAN",
            label="Blocked",
            meaning="Ringba refused the call before it fired any pixel.",
        ),
        Column(
            name="block_reason",
            sql_type="VARCHAR",
            label="Block reason",
            meaning="Why Ringba blocked the call, in Ringba's words.",
        ),
        Column(name="connected", sql_type="BOOLEAN", label="Connected", meaning="A target answered the call."),
        Column(
            name="completed",
            sql_type="BOOLEAN",
            label="Completed",
            meaning="The call ended after it had connected to a target. Not the same as Ringba's summary column.",
        ),
        Column(
            name="converted",
            sql_type="BOOLEAN",
            label="Converted",
            meaning="The call met the campaign's conversion rule.",
        ),
        Column(name="paid", sql_type="BOOLEAN", label="Paid out", meaning="A payout was credited to the publisher."),
        Column(
            name="error",
            sql_type="BOOLEAN",
            label="Error",
            meaning="Ringba met a system error while routing or connecting the call.",
        ),
        Column(
            name="revenue_usd_micros",
            sql_type="BIGINT",
            label="Revenue",
            unit="USD",
            meaning="Ringba's conversion amount, in millionths of a dollar; missing is not zero.",
        ),
        Column(
            name="payout_usd_micros",
            sql_type="BIGINT",
            label="Payout",
            unit="USD",
            meaning="What the publisher gets, in millionths of a dollar; missing is not zero.",
        ),
        Column(
            name="duration_s",
            sql_type="BIGINT",
            label="Duration",
            unit="s",
            meaning="From the call's arrival to its end.",
        ),
        Column(
            name="connected_s",
            sql_type="BIGINT",
            label="Connected time",
            unit="s",
            meaning="From the target's answer to the call's end.",
        ),
        Column(
            name="time_to_connect_s",
            sql_type="BIGINT",
            label="Time to connect",
            unit="s",
            meaning="From the call's arrival to the target's answer.",
        ),
        Column(
            name="ended_by",
            sql_type="VARCHAR",
            label="Ended by",
            meaning="Caller, Target or System: who hung up, in Ringba's words.",
        ),
        Column(
            name="incomplete_reason",
            sql_type="VARCHAR",
            label="Incomplete reason",
            meaning="Why the call ended before a target was tried, in Ringba's words.",
        ),
        Column(
            name="no_conversion_reason",
            sql_type="VARCHAR",
            label="No conversion reason",
            meaning="Why a connected call did not convert, in Ringba's words.",
        ),
        Column(
            name="no_payout_reason",
            sql_type="VARCHAR",
            label="No payout reason",
            meaning="Why a converted call was not paid, in Ringba's words.",
        ),
    )
}

FLAGS = tuple(column.name for column in CALL_COLUMNS.values() if column.sql_type == "BOOLEAN")

WORDS: dict[str, str] = {
    "pixel": "The rule 'on this event of a call, request this URL' (name, Fire Pixel On, method, URL).",
    "pixel fire": "One such request as Ringba's log shows it: time, fired URL, status.",
    "app_event": "The name under which Kayzen is told of an event.",
    "stage": "A step of the funnel: incoming, connected, converted, payout.",
    "rung": "How far a test call is proven: 0 nothing, 1 fired, 2 answered 200, 3 right content, "
    "4 seen by Kayzen, 5 counted in Kayzen's report.",
    "inferred": "Deduced by this toolkit, not published: confirm with Kayzen before relying on it.",
}


def usd(micros: int) -> Decimal:
    """Millionths of a dollar as exact dollars, with at least two decimals."""
    exact = Decimal(int(micros)) / MICROS
    return exact.quantize(Decimal("0.01")) if micros % 10_000 == 0 else exact


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 day``, ``1,100 days``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def label(name: str) -> str:
    """What people read for a column, an event or a stage."""
    column = CALL_COLUMNS.get(name)
    return column.label if column else name.replace("_", " ").capitalize()


def glossary() -> dict[str, str]:
    """Every word a page may use, with its meaning."""
    return WORDS | {column.label: column.meaning for column in CALL_COLUMNS.values()}


def check_columns(types: dict[str, str], where: str) -> None:
    """Refuse a call table whose columns are missing or of another type than the vocabulary says.

    ``types`` maps column name to DuckDB type. Raises ColumnError with every problem at once.
    """
    problems = [
        Problem(what=f"The call table has no column {name!r}.", where=where, next_step=did_you_mean(name, types))
        for name in CALL_COLUMNS
        if name not in types
    ]
    problems += [
        Problem(what=f"Column {name!r} is {types[name]}, not {column.sql_type}.", where=where)
        for name, column in CALL_COLUMNS.items()
        if name in types and not _same_type(types[name], column.sql_type)
    ]
    if problems:
        raise ColumnError(*problems)


def _same_type(found: str, wanted: str) -> bool:
    return {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}.get(found, found) == wanted
