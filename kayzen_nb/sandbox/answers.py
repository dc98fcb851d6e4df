"""The bodies in which the sandbox's Ringba answers, as documented; what is our choice is said where it stands."""

from __future__ import annotations

from typing import Any

import msgspec

Answer = tuple[int, dict[str, str], bytes]

_TRANSACTION = "TR00000000-0000-0000-0000-000000000000"
# The message of a 400 is documented and serves as that of a 403 too; the other wordings are our choice.
_STATUS_WORDS = {
    401: "Unauthorized",
    403: "Operation is not allowed",
    404: "The resource is not found",
    500: "An error has occurred",
    503: "Service unavailable",
}
_LIMITS = {"calllogs": ("GetCallLogs", 80), "calllogs/detail": ("GetCallLogDetails", 200)}


def ok(content: dict[str, Any]) -> Answer:
    """200 with a transaction id, as every success carries one."""
    return answer(200, {"transactionId": _TRANSACTION} | content)


def error(status: int, message: str, code: int) -> Answer:
    """An error in the documented shape."""
    return answer(status, {"transactionId": _TRANSACTION, "message": message, "messageCode": code, "errors": [message]})


def refusal(status: int) -> Answer:
    """A status that a scenario plants."""
    return error(status, _STATUS_WORDS.get(status, "The request failed"), 101 if status == 404 else 0)


def not_found(what: str) -> Answer:
    """404 with ``messageCode`` 101, which names what was asked for."""
    return error(404, f"{what or '/'} is not found", 101)


def too_many(endpoint: str, status: int, span: str = "Minute", counts: dict[str, Any] | None = None) -> Answer:
    """The documented body of a rate limit. That it comes with 429 is inferred; clients met it inside a 200 too.

    The resource names of these endpoints are our choice; only that of another endpoint is documented.
    """
    resource, limit = _LIMITS.get(endpoint, ("Get" + endpoint.title(), 80))
    return answer(
        status,
        {
            "transactionId": _TRANSACTION,
            "isRateLimited": True,
            "exceedingRateLimit": span,
            "rateLimitedResource": resource,
            "message": f"Your account has been rate limited at the '{span}' level",
            "rateLimit": counts or {"perMinute": {"limit": limit, "currentCount": limit + 1}},
        },
    )


def answer(status: int, content: dict[str, Any]) -> Answer:
    """A status and a JSON body."""
    return status, {"Content-Type": "application/json; charset=utf-8"}, msgspec.json.encode(content)
