"""What the published guide prints: the six pixels' fields, their URL's parameters, and when each fires.

Source: "Integrating Ringba with Kayzen" (Ringba help centre 41146221033623).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kayzen_nb.vocabulary import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name and Fire Pixel On.
FORM: Mapping[Event, tuple[str, str]] = {
    Event.INCOMING: ("Kayzen CTV - Incoming Postback", "Incoming"),
    Event.CONNECTED: ("Kayzen CTV - Connected Postback", "Connected (Answered)"),
    Event.COMPLETED: ("Kayzen CTV - Completed Postback", "Completed"),
    Event.CONVERTED: ("Kayzen CTV - Converted Postback", "Converted"),
    Event.PAYOUT: ("Kayzen CTV - Payout Postback", "Payout"),
    Event.ERROR: ("Kayzen CTV - Error Postback", "Error"),
}

# The ten parameters in the order in which the guide prints them, for every pixel alike.
PRINTED: Mapping[str, str] = {
    "tp": "ringba",
    "api_key": "KAYZEN_PROVIDED",
    "app_event": "incoming",
    "caller_id": "[Call:CallerNumber]",
    "number": "[Call:NumberDialed]",
    "call_id": "[Call:InboundCallId]",
    "event_ts": "[Call:CallDateTime]",
    "is_duplicate": "[Call:IsDuplicate]",
    "caller_state": "[tag:InboundNumber:State]",
    "can_claim": "1",
}

FIRES: Mapping[Event, str] = {
    Event.INCOMING: "Fires as soon as a call appears in Ringba, whatever becomes of it.",
    Event.CONNECTED: "Fires when the call is answered, so less often than the first.",
    Event.COMPLETED: "Fires when the call ends after it was connected to a target.",
    Event.CONVERTED: "Fires only when the call meets the campaign's conversion criteria.",
    Event.PAYOUT: "Fires when a payout is credited to the publisher; not every converted call has one.",
    Event.ERROR: "Fires only when Ringba meets a system error while it routes or connects the call.",
}
