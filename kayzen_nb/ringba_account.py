"""Ringba's API, reading only: what the account says of its campaigns, numbers and pixels.

Shapes: ``ringba.md`` 4.1, 4.3, 4.4. Campaigns and numbers are documented; the pixel list (``EventCallBacks``) is not in
Ringba's public documents, nor whether a campaign lists its pixels. What is refused or not told stays unknown: one
sentence in ``AccountSetup.unanswered`` for each.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from kayzen_nb.account import AccountSetup
from kayzen_nb.errors import BadAnswer, PlatformError, Problem, RateLimited, RightRefused
from kayzen_nb.http import Client
from kayzen_nb.privacy import Secret
from kayzen_nb.ringba_setup import find_record, find_records, read_campaign, read_numbers, read_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from kayzen_nb.account import Campaign, Pixel
    from kayzen_nb.settings import Settings

_Found = TypeVar("_Found")
MOST_DETAILS = 10  # campaigns read one by one where none is named; more would use up the account's shared limit
_DEADLINE_S = 90.0  # long enough to wait for the edge of a minute's rate limit
_ADVICE = {
    401: "Check RINGBA_API_TOKEN (Ringba > Security > API Access Tokens); it may have been deleted.",
    403: "Ask a Ringba admin to give the token's user the right to read campaigns and numbers.",
}
_INSTEAD = {
    "the campaigns": "Look at the campaign's settings in Ringba > Campaigns.",
    "the campaign": "Look at its Tracking Pixels, routing and payouts in Ringba > Campaigns.",
    "the numbers": "Look at the tracking numbers in Ringba > Numbers.",
    "the pixels": "Paste your list of pixels (Ringba > Integrations > Pixels).",
}


def fetch_setup(
    settings: Settings, *, transport: httpx.BaseTransport | None = None, campaign: str = ""
) -> AccountSetup:
    """What the account says of its set-up. Changes nothing; a handful of requests.

    ``campaign`` is a name or an id: that campaign is read in detail; without it every one, up to ``MOST_DETAILS``.
    Raises SettingsError without credentials, CredentialRefused when the token is not accepted, PlatformDown when
    Ringba cannot be reached. Any other refusal of one question is no failure of the rest.
    """
    settings.require("ringba_api_token", "ringba_account_id")
    account_id, token = settings.ringba_account_id or "", settings.ringba_api_token or Secret("")
    with Client(
        settings.ringba_api_url,
        headers={"Authorization": Secret(f"Token {token.reveal()}")},
        platform="Ringba",
        transport=transport,
        deadline_s=_DEADLINE_S,
        ids={"account": account_id},
        advice=_ADVICE,
    ) as client:
        return _Reader(client).read(campaign.strip())


class _Reader:
    """Asks one question after the other and gathers what was not answered."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._unanswered: list[str] = []
        self._was_answered = False

    def read(self, wanted: str) -> AccountSetup:
        read_at = datetime.now(UTC)
        records = self._ask("/{account}/campaigns", "the campaigns", lambda tree: find_records(tree, "campaigns"))
        campaigns = self._read_campaigns(records, wanted)
        numbers = self._ask("/{account}/numbers", "the numbers", lambda tree: find_records(tree, "numbers"))
        pixels = self._read_pixels()
        return AccountSetup(
            campaigns=campaigns,
            numbers=None if numbers is None else read_numbers(numbers),
            pixels=pixels,
            read_at=read_at,
            unanswered=tuple(self._unanswered),
        )

    def _read_campaigns(self, records: list[Mapping[str, Any]] | None, wanted: str) -> tuple[Campaign, ...] | None:
        """The campaigns, each with its details where they were asked for."""
        if records is None:
            detail = self._ask_details(wanted) if re.fullmatch(r"CA[A-Za-z0-9]{2,64}", wanted) else None
            return (read_campaign(detail),) if detail else None
        named = [r for r in records if _is_meant(r, wanted)]
        if not wanted:
            named = records if len(records) <= MOST_DETAILS else []
        details = {id(r): self._ask_details(r.get("id")) for r in named}
        return tuple(read_campaign(record, details.get(id(record))) for record in records)

    def _ask_details(self, campaign_id: object) -> Mapping[str, Any] | None:
        # It becomes a part of the path.
        if not isinstance(campaign_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{2,66}", campaign_id):
            return None
        path = f"/{{account}}/campaigns/{campaign_id}"
        return self._ask(path, "the campaign", lambda tree: find_record(tree, campaign_id))

    def _read_pixels(self) -> tuple[Pixel, ...] | None:
        """The pixel list. It is not documented, so no refusal of it says anything of the token or of Ringba."""
        path, what = "/{account}/EventCallBacks", "the pixels"
        try:
            records = self._ask(path, what, lambda tree: find_records(tree, "eventCallBacks", "pixels"))
        except PlatformError as refused:
            if not self._was_answered:
                raise
            self._note(what, refused)
            return None
        return None if records is None else read_pixels(records)

    def _ask(self, path: str, what: str, read: Callable[[Any], _Found | None]) -> _Found | None:
        """One question. None, and a sentence noted, where it is refused or its answer has no shape that is known."""
        try:
            tree = self._client.fetch_json("GET", path, what=what)
        except (RightRefused, BadAnswer, RateLimited) as refused:
            self._note(what, refused)
            return None
        self._was_answered = True
        found = read(tree)
        if found is None:
            self._note(what, BadAnswer(Problem(what=f"Ringba gave {what} in a shape that is not known.")))
        return found

    def _note(self, what: str, refused: PlatformError) -> None:
        sentence = f"{refused.problems[0].what} {_INSTEAD[what]}"
        if sentence not in self._unanswered:
            self._unanswered.append(sentence)


def _is_meant(record: Mapping[str, Any], wanted: str) -> bool:
    return bool(wanted) and (
        record.get("id") == wanted or str(record.get("name", "")).strip().casefold() == wanted.casefold()
    )
