"""What Ringba writes beside values where it shows a call's events: names of events, of fields, of the call's columns.

All are spelt ``plain``: without spaces, signs and case, since nobody has documented how the page writes them.
"""

from __future__ import annotations

import re

from kayzen_nb.ringba_columns import NAMES


def plain(label: str) -> str:
    """A label without what its writing may vary in."""
    return re.sub(r"[\W_]", "", label).casefold()


# Names of events: labels in the web page (help centre 33636912201751) and the API's own, spelt without spaces.
EVENT_NAMES = frozenset({
    "inboundcall", "incomingcall", "connected", "converted", "completed", "payout", "callannotationwithtags",
    "duplicatecall", "blockedcall", "incompletecall", "endcallsource", "endcall", "targetdialed", "busycall",
    "noanswer", "error", "pixelfire", "pixelfired", "callplandetail", "connectedcall", "completedcall",
    "convertedcall", "payoutcall", "callrecordingmigrated", "recordedcall", "ivrnodeenter", "ivrnodeexit",
    "dataenrichment", "pingtreepingingsummary", "pingrawresult", "callwebhook",
})  # fmt: skip
FIELDS: dict[str, str] = {
    **dict.fromkeys(
        (
            "responsestatuscode",
            "statuscode",
            "httpstatuscode",
            "httpstatus",
            "status",
            "responsestatus",
            "responsecode",
        ),
        "httpStatusCode",
    ),
    **dict.fromkeys(("url", "firedurl", "fireurl", "pixelurl", "requesturl", "postbackurl", "recordingurl"), "url"),
    **dict.fromkeys(("name", "pixelname", "pixel", "eventname", "event", "eventtype", "type"), "eventName"),
    **dict.fromkeys(("eventcode", "trigger", "firepixelon", "fireon"), "eventCode"),
    **dict.fromkeys(("failreason", "failurereason", "fail"), "failReason"),
    **dict.fromkeys(("time", "date", "datetime", "dtstamp", "timestamp", "firedat", "eventtime"), "dtStamp"),
}
# Titles of a call's own columns ("Inbound Call ID"), which people copy along; ambiguous single words stay out.
COLUMNS = {
    plain(name): names[0]
    for names in NAMES.values()
    for name in names
    if plain(name) not in EVENT_NAMES | {"number", "target", "duration", *FIELDS}
}
FLAGS = {"connected": "hasConnected", "converted": "hasConverted"}  # events too: columns only with yes or no
