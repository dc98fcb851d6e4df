"""The evidence pack: one zip with exactly what the guide asks for when you ask for help, and nothing secret.

The guide's list ("How do I get help with issues during setup?"): a screenshot of the pixel-fire log, the call_id of
the test call, the HTTP status code of each pixel. The pack adds what answers the next questions: masked URLs, times in
UTC and local, the plan's hash, the findings with their causes, and a letter. The same input makes the same bytes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from kayzen_nb import __version__
from kayzen_nb.errors import OutputFolderError, Problem
from kayzen_nb.evidenceletters import for_whom, write_letters
from kayzen_nb.evidenceview import view_evidence
from kayzen_nb.firelog import draw_fire_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.causes import Cause
    from kayzen_nb.evidenceview import EvidenceView
    from kayzen_nb.ladder import TestCallProof
    from kayzen_nb.pixels import Plan
    from kayzen_nb.privacy import Secret

_TEMPLATES = Path(__file__).with_name("templates")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_ALWAYS = (1980, 1, 1, 0, 0, 0)  # the time of every member, so that the same evidence gives the same bytes


def build_pack(
    evidence: CallEvidence,
    proof: TestCallProof,
    causes: Sequence[Cause],
    plan: Plan,
    *,
    zone: str,
    made_at: datetime,
    questions: Sequence[str] = (),
    keys: Sequence[Secret] = (),
    invented: bool = False,
) -> bytes:
    """The pack as the bytes of a zip. ``zone`` names the local clocks, ``made_at`` is aware.

    Phone numbers and the ``api_key`` of URLs are hidden in any case; give ``keys`` so that a key is found wherever
    else it stands (a pixel's name, a reason). ``questions`` are added to Kayzen's letter.
    """
    view = view_evidence(
        evidence, proof, causes, plan,
        zone=zone, made_at=made_at, questions=questions, keys=keys, invented=invented,
    )  # fmt: skip
    return _zip(_files(view))


def build_evidence_html(
    evidence: CallEvidence,
    proof: TestCallProof,
    causes: Sequence[Cause],
    plan: Plan,
    *,
    zone: str,
    made_at: datetime,
    questions: Sequence[str] = (),
    keys: Sequence[Secret] = (),
    invented: bool = False,
) -> str:
    """The pack's page alone: one file that opens offline and prints on A4; arguments as for ``build_pack``."""
    view = view_evidence(
        evidence, proof, causes, plan,
        zone=zone, made_at=made_at, questions=questions, keys=keys, invented=invented,
    )  # fmt: skip
    return _page(view, _picture(view))


def write_pack(
    folder: Path,
    evidence: CallEvidence,
    proof: TestCallProof,
    causes: Sequence[Cause],
    plan: Plan,
    *,
    zone: str,
    made_at: datetime,
    questions: Sequence[str] = (),
    keys: Sequence[Secret] = (),
    invented: bool = False,
) -> Path:
    """Write the pack into a folder and say where. Raises OutputFolderError.

    The name holds the end of the call id and the local day: ``evidence-2026-11-24-call-300123.zip``.
    """
    pack = build_pack(
        evidence, proof, causes, plan,
        zone=zone, made_at=made_at, questions=questions, keys=keys, invented=invented,
    )  # fmt: skip
    path = folder / pack_name(evidence.call_id, made_at, zone)
    _write_whole(path, pack)
    return path


def pack_name(call_id: str, made_at: datetime, zone: str) -> str:
    """The pack's file name, of plain letters and digits whatever the call id holds."""
    tail = re.sub(r"[^A-Za-z0-9]", "", call_id)[-6:] or "call"
    day = made_at.astimezone(ZoneInfo(zone)).date()
    return f"evidence-{day}-call-{tail}.zip"  # a word between them, or both together could read as a phone number


def _write_whole(path: Path, content: bytes) -> None:
    """Written beside and renamed, so that nobody finds half a pack."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as refused:
        what = f"The evidence pack cannot be written: {os.strerror(refused.errno or 0)}."
        step = "Name a folder that you may write to, with free space."
        raise OutputFolderError(Problem(what=what, where=str(path.parent), next_step=step)) from None


def _files(view: EvidenceView) -> dict[str, bytes]:
    """Every file of the pack; the manifest, last, names the others with their SHA-256."""
    picture = _picture(view)
    letters = "\n\n\n".join(f"To {letter.to}\n\n{letter.text}" for letter in write_letters(view))
    files = {
        "evidence.html": _page(view, picture).encode(),
        "fire-log.png": picture,
        "fire-log.csv": _csv(
            ("Pixel", "Fired at (UTC)", f"Fired at ({view.zone})", "HTTP status", "Fail reason", "Fired URL (masked)"),
            ((line.pixel, line.utc, line.local, line.status, line.reason, line.url) for line in view.lines),
        ),
        "pixels.csv": _csv(
            ("Pixel", "HTTP status", "Answer", "Rung", "Found", "Next step"),
            ((p.name, p.status, p.verdict, p.rung, p.found, p.next_step) for p in view.pixels),
        ),
        "letter.txt": letters.encode(),
    }
    manifest = json.dumps(_manifest(view, files), indent=2, ensure_ascii=False)
    return files | {"manifest.json": manifest.encode()}


def _picture(view: EvidenceView) -> bytes:
    facts = dict(view.facts)
    footer = f"Campaign: {facts['Campaign']}. Read from {facts['Read from']}. Plan of the pixels {view.plan_hash}."
    return draw_fire_log(view.lines, f"Pixel-fire log of call {view.call_id}", footer)


def _page(view: EvidenceView, picture: bytes) -> str:
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  # only where a page is made

    loader = FileSystemLoader([_TEMPLATES, _TEMPLATES / "page"])
    template = Environment(loader=loader, autoescape=True).get_template("evidence.html.j2")
    return template.render(
        vars(view),
        csp=_POLICY,
        title=f"Test call {view.call_id}",
        word=view.word,
        for_whom=for_whom(view),
        letters=write_letters(view),
        picture=base64.b64encode(picture).decode(),
    )


def _csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table for a spreadsheet: with the mark by which Excel knows UTF-8, and no cell that it would run."""
    from kayzen_nb.tables import safe_cell  # noqa: PLC0415  # pandas, only where tables are made

    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(names)
    table.writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _manifest(view: EvidenceView, files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "call_id": view.call_id,
        "verdict": view.verdict.value,
        "headline": view.headline,
        "status_of_each_pixel": {pixel.label.lower(): pixel.status for pixel in view.pixels},
        "causes": [{"code": cause.code, "title": cause.title, "evidence": cause.evidence} for cause in view.causes],
        "plan_hash": view.plan_hash,
        "time_zone": view.zone,
        "made_at": view.made_at.isoformat(),
        "invented": view.invented,
        "versions": {"kayzen_nb": __version__},
        "files": [{"name": name, "sha256": hashlib.sha256(raw).hexdigest()} for name, raw in files.items()],
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            member = zipfile.ZipInfo(name, _ALWAYS)
            member.external_attr = 0o644 << 16
            member.create_system = 3  # alike on every system
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, raw)
    return out.getvalue()
