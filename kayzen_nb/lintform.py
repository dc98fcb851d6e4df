"""Amounts that a pixel should carry, and the fields of Ringba's form beside the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.lintjudged import names_event
from kayzen_nb.lintrules import shown
from kayzen_nb.pixelurl import decoded
from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kayzen_nb.lintjudged import Judged
    from kayzen_nb.lintrules import Finding
    from kayzen_nb.pixels import UrlParameter

AMOUNTS = ("[Call:ConversionAmount]", "[Call:ConversionPayout]")


def check_amounts(judged: Judged) -> Iterator[Finding]:
    """An amount that Converted or Payout might carry, and does not."""
    sent = "".join(decoded(part.value) for part in judged.url.parts)
    planned = [p for p in judged.planned.parameters if p.value in AMOUNTS]
    if judged.event is Event.CONVERTED and _lacks_amount(judged, planned) and AMOUNTS[0] not in sent:
        yield judged.finding(
            "KZ110",
            "no amount is sent, though the guide says this pixel sends conversion_amount",
            f"Add &{planned[0].name if planned else 'conversion_amount'}=[Call:ConversionAmount] once Kayzen confirms "
            "the name (inferred).",
            None,
            planned[0].name if planned else "conversion_amount",
        )
    if judged.event is Event.PAYOUT and not planned and AMOUNTS[1] not in sent:
        message = "no payout amount is sent: the guide publishes no parameter name for it"
        fix = "Ask Kayzen for the name if payouts should be counted there; Ringba's token is [Call:ConversionPayout]."
        yield judged.finding("KZ112", message, fix)


def _lacks_amount(judged: Judged, planned: list[UrlParameter]) -> bool:
    """Whether an amount is planned and not there, or the plan is the guide's own, which contradicts its prose."""
    given = {part.name for part in judged.url.parts}
    waiting = [p for p in planned if p.name not in given and p.standing == "inferred"]
    return bool(waiting) or (judged.plan.profile == "as_published" and not planned)


def check_form(judged: Judged) -> Iterator[Finding]:
    pixel = judged.pixel
    if pixel.method and pixel.method.upper() != judged.planned.method:
        yield judged.finding(
            "KZ107",
            f"the method is {shown(pixel.method)}; the guide sets {judged.planned.method}",
            f"Toggle on Advanced Options in Ringba's pixel form and set HTTP Method to {judged.planned.method}.",
            None,
            "HTTP Method",
        )
    if pixel.enabled is False:
        fix = "Switch it on in Ringba (Integrations > Pixels)."
        yield judged.finding("KZ109", "the pixel is switched off in Ringba", fix)
    if pixel.event and pixel.name and not names_event(pixel.name, pixel.event, judged.plan):
        message, fix = "the pixel's name is not the guide's", f"The guide's name is {judged.planned.name!r}."
        yield judged.finding("KZ113", message, fix, None, "Name")
    if pixel.fire_on and pixel.event is None:
        message = f"Fire Pixel On is {shown(pixel.fire_on)}: that names none of the guide's six events"
        fix = "Leave it if it serves another purpose; it is not one of the six."
        yield judged.finding("KZ114", message, fix, None, "Fire Pixel On")
