"""How the sandbox fills a pixel's tokens, as of the moment at which the pixel fires.

How Ringba encodes values and in which format and zone it writes the call time is not documented, so a scenario may
choose. The default (lower-case percent codes, + for a space, US time in UTC) is the habit of Ringba's exports and of
one public client. An amount that does not exist yet when the pixel fires is blank.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

from kayzen_nb import tokens
from kayzen_nb.sandbox.callfacts import call_tags
from kayzen_nb.sandbox.scenarios import Filling

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.account import Pixel
    from kayzen_nb.sandbox.invented import InventedCall

_KEPT = "\ufdd0{}\ufdd1"  # two characters that no text may hold: a token that stays in its brackets


def fill(pixel: Pixel, call: InventedCall, filling: Filling | None = None, at: datetime | None = None) -> str:
    """The URL that a pixel requests for a call at a moment (default: after everything has happened)."""
    chosen = filling or Filling()
    moment = at or max(t for t in (call.ended_at, call.converted_at, call.paid_at) if t)
    url = pixel.url
    for number, token in enumerate(chosen.unfilled):
        url = url.replace(token, _KEPT.format(number))
    url = tokens.fill(url, _values(call, chosen, moment), _ENCODERS[chosen.encoding or "form"])
    for number, token in enumerate(chosen.unfilled):
        url = url.replace(_KEPT.format(number), token)
    return url


def _values(call: InventedCall, filling: Filling, at: datetime) -> dict[str, str]:
    """Every token's value; what the scenario replaces comes last, what it blanks is nothing."""
    begun = call.at + timedelta(seconds=filling.time_shift_s)
    known = {f"[tag:{kind}:{name}]": value for (kind, name), value in call_tags(call, at).items()}
    known |= {
        "[Call:CallerNumber]": call.caller,
        "[Call:NumberDialed]": call.campaign.number,
        "[Call:InboundCallId]": call.call_id,
        "[Call:CallDateTime]": _write_time(begun, filling),
        "[Call:IsDuplicate]": str(call.is_duplicate).lower(),
        "[Call:ConversionAmount]": _amount(call.campaign.revenue, call.converted_at, at),
        "[Call:ConversionPayout]": _amount(call.campaign.payout, call.paid_at, at),
        "[Call:CallConnectionDt]": _write_time(call.connected_at, filling) if call.connected_at else "",
    }
    return known | filling.values | dict.fromkeys(filling.blank, "")


def _amount(amount: float | None, since: datetime | None, at: datetime) -> str:
    return f"{amount:.2f}" if amount is not None and since and since <= at else ""


def _write_time(moment: datetime, filling: Filling) -> str:
    local = moment.astimezone(ZoneInfo(filling.time_zone or "UTC"))
    return _TIMES[filling.time_format or "us"](local)


def _us(at: datetime) -> str:
    return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"


_TIMES: dict[str, Callable[[datetime], str]] = {
    "us": _us,
    "us_padded": lambda at: f"{at:%m/%d/%Y %I:%M:%S %p}",
    "iso": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}",
    "iso_z": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}Z",
    "iso7": lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}0Z",
    "iso_offset": lambda at: at.isoformat(timespec="seconds"),
    "epoch_s": lambda at: str(int(at.timestamp())),
    "epoch_ms": lambda at: str(int(at.timestamp() * 1000)),
}


def _form(value: str) -> str:
    """As .NET's UrlEncode writes it."""
    first, *rest = quote_plus(value).split("%")
    return first + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


_ENCODERS: dict[str, Callable[[str], str]] = {
    "form": _form,
    "percent": lambda value: quote(value, safe=""),
    "raw": str,
    "double": lambda value: quote(quote(value, safe=""), safe=""),
}
