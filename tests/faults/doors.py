"""The three doors through which calls come: Ringba's API, the archive that a sync has filled, and an exported CSV.

    for table in (ground_api(ground, records), ground_archive(ground, records), ground_csv(ground, rows)):
        assert rows_of(table) == [...]

Records are dicts or JSON bytes, all of ``DAY`` unless a period says else; rows of a CSV are dicts from title to cell.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from kayzen_nb import sources
from kayzen_nb.period import Period
from kayzen_nb.sources import utc_days
from tests.faults.ground import DAY, DAY_START, make_record, problem_of
from tests.faultserver import FaultTransport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from kayzen_nb.calls import CallTable
    from tests.faults.ground import Ground
    from tests.faultscript import Answer, Respond

ONE_DAY = Period(first_day=DAY, last_day=DAY, zone="UTC")
_JSON = {"Content-Type": "application/json"}


def make_cells(n: int, *, at: datetime | None = None, **more: str) -> dict[str, str]:
    """The nth call of DAY as a CSV row, the same call as ``make_record(n)``."""
    record = make_record(n)
    at = at or DAY_START + timedelta(seconds=10 * n)
    usual = {
        "Inbound Call ID": record["inboundCallId"],
        "Call Date": f"{at:%m/%d/%Y %I:%M:%S %p}",
        "Campaign": "CTV Spring",
        "Caller ID": record["inboundPhoneNumber"],
        "Dialed #": record["number"],
        "Connected": "True",
        "Converted": "True",
        "Revenue": "27.10",
        "Paid Out": "True",
        "Payout": "20.00",
        "Duration": "00:02:10",
    }
    return usual | more


def with_text(record: Mapping[str, Any], name: str, text: str) -> bytes:
    """A record in which a column holds exactly this JSON text (which may be none: ``NaN``)."""
    rest = json.dumps({key: value for key, value in record.items() if key != name})
    return f"{rest[:-1]}, {json.dumps(name)}: {text}}}".encode()


def whole_log(records: Iterable[Mapping[str, Any] | bytes]) -> Respond:
    """Answers each request for the call log with all of these records, few enough for a page."""
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    report = b'{"isSuccessful": true, "report": {"totalCount": %d, "records": [%b]}}' % (len(lines), b",".join(lines))

    def respond(method: str, target: str, headers: Any, body: bytes) -> Answer:  # noqa: ARG001  # the shape of Respond
        return (200, _JSON, report) if target.endswith("/calllogs") else (404, _JSON, b"{}")

    return respond


def from_api(ground: Ground, far: Respond, period: Period = ONE_DAY, **more: Any) -> CallTable:
    """The calls of a period, asked of the API."""
    return sources.calls(source="api", period=period, settings=ground.settings(), transport=FaultTransport(far), **more)


def from_archive(ground: Ground, period: Period = ONE_DAY, **more: Any) -> CallTable:
    """The calls of a period as the archive holds them."""
    return sources.calls(source="archive", period=period, settings=ground.settings(), **more)


def synced(ground: Ground, far: Respond, period: Period = ONE_DAY) -> CallTable:
    """The same, after a sync of the period's days that has to succeed."""
    report, _ = ground.sync(far, days=list(utc_days(period)))
    assert report.is_whole, problem_of(report)
    return from_archive(ground, period)


def write_csv(path: Path, rows: Sequence[Mapping[str, str]], *, delimiter: str = ",") -> Path:
    """An export as Ringba writes one: byte-order mark, CRLF, a cell for every title of any row."""
    titles = list(dict.fromkeys(title for row in rows for title in row))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, titles, restval="", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def from_csv(
    ground: Ground, rows: Sequence[Mapping[str, str]], period: Period | None = ONE_DAY, **more: Any
) -> CallTable:
    """The calls of an exported file with these rows, its times in UTC unless ``zone`` says else."""
    path = write_csv(ground.home / "export.csv", rows)
    return sources.calls(
        source="csv", period=period, settings=ground.settings(), csv_path=path, **({"zone": "UTC"} | more)
    )


def rows_of(table: CallTable, *columns: str) -> list[tuple[Any, ...]]:
    """The calls in order of time; of the named columns. The ledger has to add up."""
    assert table.ledger.check().verdict == "pass"
    asked = table.relation.select(", ".join(columns)) if columns else table.relation
    rows = asked.fetchall()
    assert len(rows) == table.ledger.rows_used
    return rows


def aside(table: CallTable) -> dict[str, int]:
    """How many rows were set aside, by reason."""
    return {entry.reason: entry.rows for entry in table.ledger.set_aside}
