"""The runbook for the colleague who has the rights in Ringba: one page with copy buttons, and the same as a CSV.

The key is left out, and the place to put it is marked. Only ``write_private_runbook`` puts it in, into files that
nobody else can read and whose names and banner say what they hold.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kayzen_nb import __version__
from kayzen_nb.errors import OutputFolderError, Problem, SettingsError
from kayzen_nb.guide import FIRES
from kayzen_nb.pixels import PLACEHOLDER_KEY, explain, render

if TYPE_CHECKING:
    from kayzen_nb.account import Pixel
    from kayzen_nb.pixels import Plan, PlannedPixel, UrlParameter
    from kayzen_nb.privacy import Secret

NAME, PRIVATE_NAME = "pixels-runbook", "pixels-WITH-KEY-do-not-share"
COLUMNS = ("Pixel", "Name", "Fire Pixel On", "URL", "HTTP Method")
_TEMPLATES = Path(__file__).with_name("templates")
_ANY_CAMPAIGN = "the campaign that takes the calls from your TV ads"


@dataclass(frozen=True, kw_only=True)
class _Card:
    """One pixel as the page shows it."""

    number: int
    title: str
    fires: str
    fields: tuple[tuple[str, str], ...]
    url_parts: tuple[str, ...]
    method: str
    notes: tuple[tuple[str, UrlParameter], ...]


def runbook_rows(plan: Plan, key: Secret | None = None) -> list[dict[str, str]]:
    """The six pixels as rows, in the order of the fields in Ringba's form. Without a key its place stays marked."""
    return [
        dict(zip(COLUMNS, (str(n), pixel.name, pixel.fire_on, pixel.url, pixel.method), strict=True))
        for n, pixel in enumerate(render(plan, key), 1)
    ]


def runbook_csv(plan: Plan, key: Secret | None = None) -> str:
    """The rows as CSV, in the form that spreadsheets and ``kayzen-nb lint`` read; no cell begins a formula."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for row in runbook_rows(plan, key):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return text.getvalue()


def build_runbook_html(plan: Plan, campaign: str = "", key: Secret | None = None) -> str:
    """The runbook as one page that opens from disk, loads nothing and runs no script but its own."""
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  # only where a page is made

    script = (_TEMPLATES / "runbook.js").read_text(encoding="utf-8").replace("\r\n", "\n")
    environment = Environment(loader=FileSystemLoader([_TEMPLATES, _TEMPLATES / "page"]), autoescape=True)
    page = environment.get_template("runbook.html.j2")
    return page.render(
        csp=_policy(script),
        script=script,
        plan=plan,
        campaign=campaign.strip() or _ANY_CAMPAIGN,
        is_named=bool(campaign.strip()),
        cards=_cards(plan, key),
        placeholder="" if key else PLACEHOLDER_KEY,
        fingerprint=key.fingerprint if key else "",
        standing=_standing_words(plan),
        explain=explain(plan),
        version=__version__,
    )


def write_runbook(plan: Plan, campaign: str, folder: Path) -> tuple[Path, Path]:
    """Write page and CSV without the key into a folder. Raises OutputFolderError."""
    return _write(folder, NAME, build_runbook_html(plan, campaign), runbook_csv(plan))


def write_private_runbook(plan: Plan, campaign: str, folder: Path, key: Secret | None) -> tuple[Path, Path]:
    """Write page and CSV with the key in every URL, readable by their owner only. Raises SettingsError without a key.

    Only where a person asked for exactly that.
    """
    if not key:
        step = "Set KAYZEN_API_KEY in the environment, a .env file, or the keyring; or leave the key out."
        raise SettingsError(Problem(what="There is no key to put in.", where="KAYZEN_API_KEY", next_step=step))
    return _write(folder, PRIVATE_NAME, build_runbook_html(plan, campaign, key), runbook_csv(plan, key))


def _cards(plan: Plan, key: Secret | None) -> list[_Card]:
    pairs = zip(plan.pixels, render(plan, key), strict=True)
    return [_card(number, planned, pixel, key) for number, (planned, pixel) in enumerate(pairs, 1)]


def _card(number: int, planned: PlannedPixel, pixel: Pixel, key: Secret | None) -> _Card:
    before, mark, after = (pixel.url, "", "") if key else pixel.url.partition(PLACEHOLDER_KEY)
    sent = [("sends", p) for p in planned.parameters if p.standing != "published"]
    unsent = [("leaves out", p) for p in planned.left_out]
    return _Card(
        number=number,
        title=planned.event.value.capitalize(),
        fires=FIRES[planned.event],
        fields=(("Name", pixel.name), ("Fire Pixel On", pixel.fire_on)),
        url_parts=(before, mark, after),
        method=pixel.method,
        notes=(*sent, *unsent),
    )


def _standing_words(plan: Plan) -> str:
    """How much of the plan is more than the printed guide, in one sentence."""
    waiting, confirmed = len(plan.inferred), len(plan.confirmed)
    if not waiting and not confirmed:
        return "Every value is as the published guide prints it."
    counts = {"confirmed by Kayzen": confirmed, "inferred, to be confirmed": waiting}
    return f"Beyond the published guide: {', '.join(f'{n} {what}' for what, n in counts.items() if n)}."


def _policy(script: str) -> str:
    """Nothing from anywhere, and of scripts only ours, by its hash."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _harmless(value: str) -> str:
    """OWASP: a leading = + - @ TAB or CR starts a formula; an apostrophe in front makes it text."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _write(folder: Path, name: str, page: str, rows: str) -> tuple[Path, Path]:
    """Both files, each written aside and moved into place, so that no half file and no foreign link is met."""
    texts = {folder / f"{name}.html": page.encode(), folder / f"{name}.csv": rows.encode("utf-8-sig")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, raw in texts.items():
            _put(path, raw)
    except OSError as refused:
        what = f"The runbook cannot be written: {os.strerror(refused.errno or 0)}."
        step = "Give --out a folder that you may write to, and close its files in other programs."
        raise OutputFolderError(Problem(what=what, where=str(folder), next_step=step)) from None
    page_path, rows_path = texts
    return page_path, rows_path


def _put(path: Path, raw: bytes) -> None:
    """Write one file, mode 0600."""
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # readable by its owner only
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        Path(aside).replace(path)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
