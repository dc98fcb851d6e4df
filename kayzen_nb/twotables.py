"""The same calls from two sources (a CSV beside the API or the archive), joined by call id: what differs, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from kayzen_nb.checks import Check, Verdict
from kayzen_nb.vocabulary import counted, label, usd

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pandas as pd

    from kayzen_nb.calls import CallTable

LISTED = 20
_FLAGS = ("blocked", "connected", "converted", "paid", "is_duplicate")
_MONEY = ("revenue_usd_micros", "payout_usd_micros")
COMPARED = (*_FLAGS, *_MONEY)
_AT_MS = "call_at_ms"


@dataclass(frozen=True, kw_only=True)
class TableComparison:
    """Two sources of calls, by their ``names``, joined by call id.

    ``only`` are calls that one side has and the other lacks, ``only_later`` those of them that came after the other
    side was read. ``differs`` counts the calls of both on which both tell a value and the values are not the same,
    ``told_by_one`` those on which one side tells nothing; columns that a side does not hold are ``not_compared``.
    ``money`` has for each amount the exact sum of each side, in millionths of a dollar. ``examples`` has up to 20 call
    ids of each kind of difference: ``difference``, ``call_id``, and the value of each side.
    """

    names: tuple[str, str]
    both: int
    only: tuple[int, int]
    only_later: tuple[int, int]
    differs: Mapping[str, int]
    told_by_one: Mapping[str, int]
    money: Mapping[str, tuple[int, int]]
    not_compared: tuple[str, ...] = ()
    examples: pd.DataFrame = field(repr=False)

    @property
    def unexplained(self) -> tuple[int, int]:
        """Calls of one side only that were there already when the other side was read."""
        return self.only[0] - self.only_later[0], self.only[1] - self.only_later[1]

    def checks(self) -> list[Check]:
        """Whether both have the same calls, and tell the same of them. A difference is explained or unknown."""
        return [self._check_calls(), self._check_values()]

    @property
    def sentence(self) -> str:
        """How far the two agree, with the numbers."""
        one, other = self.names
        if not self.both and not any(self.only):
            return f"Neither {one} nor {other} has a call: nothing to compare."
        sides = [f"only in {name}: {self._only(at)}" for at, name in enumerate(self.names) if self.only[at]]
        apart = [f"{label(name)} differs on {counted(calls, 'call')}" for name, calls in self.differs.items() if calls]
        gaps = [f"{label(name)} told by one on {calls:,}" for name, calls in self.told_by_one.items() if calls]
        parts = [f"In both {one} and {other}: {counted(self.both, 'call')}", *sides, *apart, *gaps, *self._money()]
        same = ". They tell the same of them." if not apart and not gaps and self.both and self.differs else "."
        return "; ".join(parts) + same + self._left_out()

    def _check_calls(self) -> Check:
        found = [f"{counted(self.both, 'call')} in both"]
        found += [f"only in {name}: {self._only(at)}" for at, name in enumerate(self.names) if self.only[at]]
        is_same = not any(self.unexplained) and (self.both or any(self.only))
        return Check(
            name=f"{self.names[0]} and {self.names[1]} have the same calls",
            verdict=Verdict.PASS if is_same else Verdict.UNKNOWN,
            expected="every call in both, or come after the other was read",
            found="; ".join(found),
            next_step="" if is_same else "Check that both were made for the same days, zone and campaigns.",
        )

    def _check_values(self) -> Check:
        apart = [f"{label(name)} on {counted(calls, 'call')}" for name, calls in self.differs.items() if calls]
        gaps = [f"{label(name)} told by one only on {calls:,}" for name, calls in self.told_by_one.items() if calls]
        is_same = bool(self.both and self.differs) and not apart and not gaps
        return Check(
            name=f"{self.names[0]} and {self.names[1]} tell the same of each call",
            verdict=Verdict.PASS if is_same else Verdict.UNKNOWN,
            expected="the same flags and amounts on every call of both",
            found="; ".join([*apart, *gaps]) or ("no difference" if is_same else "nothing to compare"),
            next_step="" if is_same else "Look the listed calls up in Ringba: calls may have been adjusted in between.",
        )

    def _only(self, at: int) -> str:
        later = self.only_later[at]
        return f"{self.only[at]:,}" + (f" ({later:,} of them came after the other was read)" if later else "")

    def _money(self) -> list[str]:
        return [
            f"{label(name)} {usd(one):,} and {usd(other):,} USD, {usd(abs(one - other)):,} apart"
            for name, (one, other) in self.money.items()
            if one != other
        ]

    def _left_out(self) -> str:
        named = ", ".join(map(label, self.not_compared))
        return f" Not compared, because one of them does not hold it: {named}." if named else ""


def compare_tables(
    one: CallTable, other: CallTable, *, names: tuple[str, str] = ("this page's calls", "the second source")
) -> TableComparison:
    """Join two call tables by call id, whole. Ids are unique within each, as every reader here sees to."""
    held = [column for column in COMPARED if column not in {*one.unknown, *other.unknown}]
    engine = _engine_with(one, other, held)
    ends = [_last_ms(table) for table in (other, one)]
    (counts,) = engine.execute(_count_sql(held, ends)).fetchall()
    numbers = dict(zip(_count_names(held), map(int, counts), strict=True))
    return TableComparison(
        names=names,
        both=numbers["both"],
        only=(numbers["only_a"], numbers["only_b"]),
        only_later=(numbers["later_a"], numbers["later_b"]),
        differs={name: numbers[f"differs_{name}"] for name in held},
        told_by_one={name: numbers[f"told_{name}"] for name in held},
        money={name: (numbers[f"sum_a_{name}"], numbers[f"sum_b_{name}"]) for name in held if name in _MONEY},
        not_compared=tuple(column for column in COMPARED if column not in held),
        examples=_list_calls(engine, held, names),
    )


def differences_table(comparison: TableComparison) -> pd.DataFrame:
    """The listed calls as people read them."""
    one, other = comparison.names
    titles = {"difference": "Difference", "call_id": label("call_id"), "one": one, "other": other}
    return comparison.examples.rename(columns=titles)


def _engine_with(one: CallTable, other: CallTable, held: list[str]) -> duckdb.DuckDBPyConnection:
    """A database of its own with both tables' few columns: each came from a connection of its own."""
    import duckdb  # noqa: PLC0415  # the tables bring it

    engine = duckdb.connect()
    for name, table in (("a", one), ("b", other)):
        engine.register("moved", _columns_of(table, held))
        restored = ", ".join(_restored(column) for column in held)
        engine.execute(f"create temp table {name} as select call_id, {_AT_MS}, {restored or 'null as none'} from moved")  # noqa: S608  # our words only
        engine.unregister("moved")
    engine.execute(
        f"create temp table joined as select coalesce(a.call_id, b.call_id) as id, a.call_id is not null as in_a,"  # noqa: S608  # the same
        f" b.call_id is not null as in_b, a.{_AT_MS} as at_a, b.{_AT_MS} as at_b"
        f"{''.join(f', a.{c} as a_{c}, b.{c} as b_{c}' for c in held)} from a full join b on a.call_id = b.call_id"
    )
    return engine


_MISSING = -(2**62)  # pandas would make floats of whole numbers with gaps, and floats are not exact


def _columns_of(table: CallTable, held: list[str]) -> pd.DataFrame:
    columns = [f"coalesce({name}::bigint, {_MISSING}) as {name}" for name in held]
    moved: pd.DataFrame = table.relation.project(
        ", ".join(["call_id", f"epoch_ms(call_at) as {_AT_MS}", *columns])
    ).df()
    return moved


def _restored(column: str) -> str:
    kind = "::boolean" if column in _FLAGS else ""
    return f"nullif({column}, {_MISSING}){kind} as {column}"


def _last_ms(table: CallTable) -> int:
    """Up to when the table can know of calls."""
    moment = min(table.as_of, table.through) if table.through else table.as_of
    return int(moment.astimezone(UTC).timestamp() * 1000)


def _count_names(held: list[str]) -> list[str]:
    money = [name for name in held if name in _MONEY]
    return [
        *("both", "only_a", "only_b", "later_a", "later_b"),
        *(f"differs_{name}" for name in held),
        *(f"told_{name}" for name in held),
        *(f"sum_{side}_{name}" for name in money for side in "ab"),
    ]


def _count_sql(held: list[str], ends: list[int]) -> str:
    conditions = ["in_a and in_b", "not in_b", "not in_a"]
    conditions += [f"not in_b and at_a > {ends[0]}", f"not in_a and at_b > {ends[1]}"]
    conditions += [_differs(name) for name in held] + [_told_by_one(name) for name in held]
    sums = [f"coalesce(sum(({condition})::int), 0)::bigint" for condition in conditions]
    sums += [f"coalesce(sum({side}_{name}), 0)::bigint" for name in held if name in _MONEY for side in "ab"]
    return f"select {', '.join(sums)} from joined"  # noqa: S608  # our words only


def _differs(name: str) -> str:
    return f"in_a and in_b and a_{name} <> b_{name}"


def _told_by_one(name: str) -> str:
    return f"in_a and in_b and (a_{name} is null) <> (b_{name} is null)"


def _list_calls(engine: duckdb.DuckDBPyConnection, held: list[str], names: tuple[str, str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # a second that a page without this table need not pay

    found = [(f"only in {names[0]}", "not in_b", ""), (f"only in {names[1]}", "not in_a", "")]
    found += [(label(name), f"({_differs(name)}) or ({_told_by_one(name)})", name) for name in held]
    rows = [row for what, where, name in found for row in _list_one(engine, what, where, name)]
    return pd.DataFrame(rows, columns=["difference", "call_id", "one", "other"])


def _list_one(engine: duckdb.DuckDBPyConnection, what: str, where: str, name: str) -> list[dict[str, str]]:
    values = f"a_{name}, b_{name}" if name else "in_a, in_b"
    asked = f"select id, {values} from joined where {where} order by coalesce(at_a, at_b), id limit {LISTED}"  # noqa: S608  # our words only
    return [
        {"difference": what, "call_id": call_id, "one": _shown(name, one), "other": _shown(name, other)}
        for call_id, one, other in engine.execute(asked).fetchall()
    ]


def _shown(name: str, value: Any) -> str:
    if name in _MONEY:
        return "not told" if value is None else f"{usd(value):,} USD"
    if not name:
        return "there" if value else "missing"
    return "not told" if value is None else "yes" if value else "no"
