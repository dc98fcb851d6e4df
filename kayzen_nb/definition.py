"""What is counted, and how: one object, from which the SQL and the sentence under every chart are made.

The SQL is DuckDB's, written so that sqlglot can translate it. A condition that is null counts as not met, in every SQL
alike (``case when null``), so flags need no guard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kayzen_nb.dimensions import GROUPS
from kayzen_nb.exits import EXIT_NAMED, EXITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

RIPE = "is_ripe"
BUCKET = "bucket"
_MEASURES = """\
  count(*) as calls,
  coalesce(sum(revenue_usd_micros), 0) as revenue,
  coalesce(sum(payout_usd_micros), 0) as payout"""
MEASURES = ("calls", "revenue", "payout")
GRAIN = "grain"


@dataclass(frozen=True, kw_only=True)
class Definition:
    """How calls are put into stages and exits.

    ``connect_within_s``: a call that connects later counts as not connected. ``converts_after_s``: the conversion rule
    as a person stated it, in seconds of connected time; it names an exit and changes no stage. ``converts_until`` and
    ``pays_until`` (aware UTC, the beginning of a local day): calls from then on are too young for their conversion, or
    payout, to be known. ``whole_until``: calls from then on are of a day that was not over when they were read. None:
    no such rule, or not measured.
    """

    connect_within_s: int | None = None
    converts_after_s: int | None = None
    converts_until: datetime | None = None
    pays_until: datetime | None = None
    whole_until: datetime | None = None

    @property
    def ripe_until(self) -> datetime | None:
        """Calls before this moment have mostly told all they will; None when that was not measured."""
        return min((one for one in (self.converts_until, self.pays_until, self.whole_until) if one), default=None)

    def places(self) -> Iterator[tuple[str, str]]:
        """``(exit name, SQL condition)`` in the order in which they are tried; the last has no condition."""
        if self.connect_within_s is not None:
            yield "connected_late", f"time_to_connect_s > {self.connect_within_s}"
        yield "paid", "paid"
        yield "unpaid_reason", "converted and no_payout_reason is not null"
        if self.pays_until:
            yield "payout_pending", f"converted and call_at >= {instant_sql(self.pays_until)}"
        yield "unpaid_unknown", "converted"
        yield "unconverted_reason", "connected and no_conversion_reason is not null"
        yield "call_going", "connected and not completed"
        if self.converts_after_s is not None:
            yield "below_threshold", f"connected and connected_s < {self.converts_after_s}"
        if self.converts_until:
            yield "conversion_pending", f"connected and call_at >= {instant_sql(self.converts_until)}"
        yield "unconverted_unknown", "connected"
        yield "blocked", "blocked"
        yield "error", "error"
        yield "left_in_menu", "incomplete_reason is not null"
        yield "unconnected_reason", "no_conversion_reason is not null"
        yield "caller_hung_up", "ended_by = 'Caller'"
        yield "target_ended", "ended_by = 'Target'"
        yield "unconnected_unknown", ""


def exit_sql(definition: Definition, indent: str = "  ") -> str:
    """The expression that gives each call its place, with the exit's name beside its code."""
    lines = []
    for name, condition in definition.places():
        place = EXIT_NAMED[name]
        lines.append(
            f"{indent}  {f'when {condition} then' if condition else 'else'} {place.code} -- {place.label.lower()}"
        )
    return "\n".join(["case", *lines, f"{indent}end"])


def cube_sql(definition: Definition, keys: Sequence[str], *, bucket: str = "", where: str = "") -> str:
    """The one query over the calls, as an analyst would read it: how many ended where, for each group.

    ``keys`` are columns of the call table, ``is_ripe``, or ``bucket``, a span of UTC time whose SQL is ``bucket``.
    ``where`` is a condition on the calls. The result has the keys, ``exit`` (a code), and ``MEASURES``: calls, sums of
    millionths of a dollar, and of how many calls the amount is known.
    """
    columns = [f"  {_key_sql(definition, key, bucket)}," for key in keys]
    head = "\n".join(["select", *columns, f"  {exit_sql(definition)} as exit,", _MEASURES, "from calls"])
    grouped = ", ".join(str(place + 1) for place in range(len(keys) + 1))
    return f"{head}\n" + (f"where {where}\n" if where else "") + f"group by {grouped}"


def sets_sql(definition: Definition, sets: Sequence[Sequence[str]]) -> str:
    """``cube_sql`` for several sets of keys in one pass over the calls; ``grain`` tells their rows apart."""
    keys = [name for name in GROUPS if any(name in one for one in sets)]
    columns = [f"  {_key_sql(definition, key, '')}," for key in (RIPE, *keys)]
    head = "\n".join(["select", *columns, f"  {exit_sql(definition)} as exit,", _MEASURES + ","])
    each = ",\n".join(f"  ({', '.join([RIPE, *one, 'exit'])})" for one in sets)
    return f"{head}\n  grouping({', '.join(keys)}) as {GRAIN}\nfrom calls\ngroup by grouping sets (\n{each}\n)"


def grain_number(dimensions: Sequence[str], keys: Sequence[str]) -> int:
    """What SQL's ``grouping(keys)`` is for the rows of a set: a binary digit a key, 1 where it is not in the set."""
    return sum(2**place for place, key in enumerate(reversed(keys)) if key not in dimensions)


def reasons_sql(definition: Definition) -> str:
    """How many calls Ringba gives which words for, by exit: ``exit``, ``reason``, ``calls``; in Ringba's own words."""
    whens = "\n".join(f"    when {one.code} then {one.words}" for one in EXITS if one.words)
    words = ", ".join(dict.fromkeys(one.words for one in EXITS if one.words))
    told = f"  select {words},\n  {exit_sql(definition)} as exit\n  from calls\n  where coalesce({words}) is not null"  # noqa: S608  # our words only
    head = f"select exit, case exit\n{whens}\n  end as reason, count(*) as calls"
    return f"{head}\nfrom (\n{told}\n) as told\ngroup by 1, 2"


def ripe_sql(definition: Definition) -> str:
    """Whether a call is old enough for its conversion and payout to be known."""
    until = definition.ripe_until
    return f"call_at < {instant_sql(until)}" if until else "true"


def bucket_sql(bucket_s: int) -> str:
    """DuckDB's expression for the number of ``bucket_s`` spans since 1970, in whole numbers."""
    return f"epoch_us(call_at) // {bucket_s * 1_000_000}"


def _key_sql(definition: Definition, key: str, bucket: str) -> str:
    if key == BUCKET:
        return f"{bucket} as {BUCKET}"
    if key == RIPE:
        return f"{ripe_sql(definition)} as {RIPE}"
    if key not in GROUPS:
        raise ValueError(f"calls cannot be grouped by {key!r}")
    return key


def instant_sql(moment: datetime) -> str:
    """An instant as a literal; ``moment`` is aware UTC."""
    return f"timestamptz '{moment:%Y-%m-%d %H:%M:%S}+00:00'"
