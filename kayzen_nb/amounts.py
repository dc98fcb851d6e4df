"""Division of exact money: whole millionths and counts in, cents or an exact fraction out. No float between."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def per_one(micros: int | None, count: int | None) -> Decimal | None:
    """Dollars for each of ``count``, rounded to a cent, half to even; None without an amount or a count."""
    return None if micros is None or not count else Decimal(round(Fraction(micros, count * 10_000))).scaleb(-2)


def ratio(part: int | None, base: int | None) -> Fraction | None:
    """An exact ratio; None when either is unknown, or the base is not above zero: then it would say nothing."""
    return None if part is None or base is None or base <= 0 else Fraction(part, base)


def to_places(exact: Fraction | None, places: int = 2) -> Decimal | None:
    """A fraction as people read it, half to even; the only place where it is rounded."""
    return None if exact is None else Decimal(round(exact * 10**places)).scaleb(-places)


def dollars(micros: int) -> str:
    """Millionths of a dollar as people read a sum: cents, half to even. Tables keep the exact amount."""
    return f"{per_one(micros, 1):,} USD"
