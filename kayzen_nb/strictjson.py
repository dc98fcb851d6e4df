"""JSON as it must be to be trusted: the standard reader takes NaN, and the last of two equal names."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn


def read_json(content: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN or Infinity, no repeated keys (the standard reader takes both); floats as Decimals.

    Raises ValueError.
    """
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_read_object,
        )
    except UnicodeDecodeError as broken:
        at = broken.start
    except RecursionError:
        raise ValueError("nested too deeply") from None
    raise ValueError(f"not UTF-8 at byte {at:,}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(pairs)
    if len(known) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return known
