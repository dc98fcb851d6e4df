"""Ringba's names for a call's columns: API ids, and the titles of its web page, old and new.

The one place where vendor column names meet ours. Source: Ringba's public API documentation (84 columns), help centre,
and real exports; see the reference on Ringba, sections 2.3 and 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Our word -> API id first, then titles and substitutes in order of preference.
NAMES: Mapping[str, tuple[str, ...]] = {
    "call_id": ("inboundCallId", "Inbound Call ID"),
    "call_at": ("callDt", "Call Date"),
    "campaign": ("campaignName", "Campaign"),
    "number": ("number", "Dialed #", "Dialed Number"),
    "caller": ("inboundPhoneNumber", "Caller ID"),
    "state": ("tag:InboundNumber:State", "State"),  # the second is our label, for files that people renamed or made
    "target": ("targetName", "Target"),
    "publisher": ("publisherName", "Publisher"),
    "is_duplicate": ("isDuplicate", "Is Duplicate", "tag:CallInfo:IsDuplicate", "Duplicate"),
    "blocked": ("wasBlocked", "Blocked"),
    "block_reason": ("blockReason", "Block Reason", "tag:CallInfo:BlockedReason"),
    "connected": ("hasConnected", "Connected"),
    "converted": ("hasConverted", "Converted"),
    "paid": ("hasPayout", "Paid Out"),
    "live": ("isLive", "Is Live"),
    "revenue": ("conversionAmount", "Revenue"),
    "payout": ("payoutAmount", "Payout"),
    "duration": ("callLengthInSeconds", "Duration", "Call Length"),
    "connected_time": ("connectedCallLengthInSeconds", "Connected Call Length"),
    "time_to_connect": ("timeToConnectInSeconds", "Time To Connect"),
    "ended_by": ("endCallSource", "Hangup", "End Call Source"),
    "incomplete_reason": ("incompleteCallReason", "Incomplete Call Reason"),
    "no_conversion_reason": ("noConversionReason", "No Conversion Reason"),
    "no_payout_reason": ("noPayoutReason", "No Payout Reason"),
}
NEEDED = ("call_id", "call_at")

# Everything else that Ringba documents or was seen to export, API id -> its titles: known, and not kept. A title that
# the buyer's view shares with the account's own (Target, Duration) stands with the account's.
_NOT_KEPT: Mapping[str, tuple[str, ...]] = {
    "campaignId": ("Campaign ID",),
    "publisherId": ("Publisher ID",),
    "publisherSubId": ("Publisher Sub ID",),
    "targetId": ("Target ID",),
    "targetNumber": ("Target Number",),
    "targetSubId": ("Target Sub ID",),
    "targetGroupId": ("Target Group ID",),
    "targetGroupName": ("Target Group",),
    "targetBuyerSubId": ("Buyer Sub ID",),
    "buyer": ("Buyer",),
    "buyerId": ("Buyer ID",),
    "numberId": ("Number ID",),
    "isFromNumberPool": ("Number Pool Used",),
    "numberPoolId": ("Number Pool ID",),
    "numberPoolName": ("Number Pool",),
    "timeToCallInSeconds": ("Time To Call",),
    "callCompletedDt": ("Call Complete Timestamp",),
    "callConnectionDt": ("Call Connected Timestamp",),
    "offlineConversionUploaded": ("Offline Conversion Uploaded",),
    "wasConversionAdjusted": ("Conversion Adjusted",),
    "conversionAdjustedCalls": ("Conversion-Adjusted",),
    "wasPayoutAdjusted": ("Payout Adjusted",),
    "hasAnnotations": ("Has Annotations",),
    "hasPreviouslyConnected": ("Previously Connected",),
    "isIncomplete": ("Incomplete",),
    "hasRecording": ("Has Recording",),
    "recordingUrl": ("Recording URL", "Recording"),
    "transcription": ("Transcription",),  # seen in an export, not in the documentation
    "hasVoiceMail": ("Voicemail",),
    "tcpaCount": ("TCPA Shield Count",),
    "wasBlockedByTCPA": ("TCPA Shield Blocked",),
    "tcpaCost": ("TCPA Shield Cost",),
    "dataEnrichmentCount": ("ICP Count",),
    "icpCost": ("ICP Cost",),
    "ivrDepth": ("IVR Depth",),
    "convAdjustmentsRejectedCount": ("Rejected Adjustments",),
    "convAdjustmentRequestCount": ("Requested Adjustments",),
    "convAdjustmentsApproved": ("Approved Adjustments",),
    "convAdjustmentsApprovedAmount": ("Approved Adjustment",),
    "profitNet": ("Profit Net Telco",),
    "profitGross": ("Profit",),
    "totalCost": ("Total Cost",),
    "telcoCost": ("Telco Cost",),
    "pingSuccessCount": ("Ping Successes",),
    "pingFailCount": ("Ping Failures",),
    "pingTotalBidAmount": ("Ping Tree Bid Amount",),
    "avgPingTreeBidAmount": ("Avg. Ping Tree Bid Amount",),
    "pingDynamicCallLengthInSeconds": ("Dynamic Duration",),
    "winningBid": ("Winning Bid",),
    "winningBidCallAccepted": ("Winning Bid - Call Accepted",),
    "winningBidCallRejected": ("Winning Bid - Call Rejected",),
    "buyerTargetName": (),
    "buyerTargetNumber": (),
    "buyerTargetId": (),
    "buyerTargetSubId": (),
    "buyerCallLengthInSeconds": (),
    "buyerConversionAmount": (),
    "buyerTimeToConnectInSeconds": (),
    "buyerHasConnected": (),
    "buyerHasConverted": (),
    "buyerConversionAdjustmentStatus": ("Conversion Adjustment Status",),
    "buyerConnectedCallLengthInSeconds": (),
    # Tags that hold the caller's number, whole or in pieces (the area code alone names nobody).
    "tag:InboundNumber:Number": (),
    "tag:InboundNumber:Number-NoPlus": (),
    "tag:InboundNumber:NumberE164": (),
    "tag:InboundNumber:Prefix": (),
    "tag:InboundNumber:Suffix": (),
}
API_IDS: Mapping[str, str] = {word: names[0] for word, names in NAMES.items()}
KNOWN_TITLES: Mapping[str, str] = {
    name.casefold(): names[0]
    for names in (*NAMES.values(), *((api_id, *titles) for api_id, titles in _NOT_KEPT.items()))
    for name in names
}  # every API id and title, in small letters -> API id
SUMMARY_TITLES = frozenset({"incoming", "live", "completed", "ended"})


def title(word: str) -> str:
    """The title by which people know a column in Ringba's web page."""
    names = NAMES[word]
    return names[1] if len(names) > 1 else names[0]


def find_columns(header: Iterable[str]) -> dict[str, int]:
    """For each of our words, the position of the best of its names in a header. Case and outer spaces do not count."""
    positions = {name.strip().casefold(): at for at, name in enumerate(header)}
    found = {}
    for word, names in NAMES.items():
        at = next((positions[name.casefold()] for name in names if name.casefold() in positions), None)
        if at is not None:
            found[word] = at
    return found


def is_summary(header: Iterable[str]) -> bool:
    """Whether a header is that of Ringba's Summary export: counts, not calls."""
    return {name.strip().casefold() for name in header} >= SUMMARY_TITLES
