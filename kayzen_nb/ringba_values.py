"""Single values as Ringba's API, exports and web page write them: times, yes and no, amounts, lengths, statuses."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from kayzen_nb.vocabulary import MICROS


def read_time(value: object) -> datetime | None:
    """Epoch milliseconds, or ISO text with up to seven decimals; UTC where no zone stands."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**14:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    try:
        at = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def read_status(value: object) -> int | None:
    """An HTTP status from a number or a text such as ``200 OK``; None for anything else."""
    found = re.fullmatch(r"([1-5]\d{2})(?:\s*[-(]?\s*[A-Za-z][A-Za-z -]*\)?)?", str(value).strip())
    return int(found[1]) if found else None


def read_flag(value: object) -> bool | None:
    """Yes or no as Ringba's API, exports and tags write it; None where it says neither."""
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
        str(value).strip().casefold()
    )


def read_seconds(value: object) -> int | None:
    """A length of time in seconds, from a number or ``HH:MM:SS``."""
    text = str(value).strip()
    if clock := re.fullmatch(r"(\d{1,5}):([0-5]\d):([0-5]\d)", text):
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
    return round(Decimal(text)) if re.fullmatch(r"\d{1,7}(\.\d{1,6})?", text, re.ASCII) else None


def read_micros(value: object) -> int | None:
    """An amount in millionths of a dollar, from a number or a text such as ``27.00``; None where it is no amount."""
    if isinstance(value, str):
        plain = value.strip().removeprefix("$").strip()
        found = re.fullmatch(r"-?(\d{1,12}|\d{1,3}(,\d{3}){1,4})(\.\d{0,6})?", plain, re.ASCII)
        value = Decimal(plain.replace(",", "")) if found else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    micros = Decimal(value) * MICROS
    return round(micros) if -(MICROS**3) < micros < MICROS**3 else None
