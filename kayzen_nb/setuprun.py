"""The run of 01_setup_pixels: the plan to copy, the pixels that are there, the account's audit, what was noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kayzen_nb import checklist, lint, numbermap, pixelhistory, preview, repair, rotation
from kayzen_nb.accountnotes import note_audit
from kayzen_nb.audit import Audit, audit_campaign
from kayzen_nb.errors import PixelListError, Problem
from kayzen_nb.pixellist import read_pixels
from kayzen_nb.pixels import render
from kayzen_nb.privacy import Secret
from kayzen_nb.run import Run, is_interactive, now, run_folder

if TYPE_CHECKING:
    from kayzen_nb.account import AccountSetup, Pixel
    from kayzen_nb.checks import Check
    from kayzen_nb.copybuttons import CopyFields
    from kayzen_nb.lint import Finding
    from kayzen_nb.numbermap import NumberMap
    from kayzen_nb.pixelhistory import Change
    from kayzen_nb.preview import PixelPreview
    from kayzen_nb.repair import Repair

_STAND_IN = Secret("stand-in-key")


@dataclass(kw_only=True)
class SetupRun(Run):
    """A run about the six pixels. ``pasted`` are pixels from the notebook's text box; they win over the parameters."""

    pasted: list[Pixel] | None = None
    _setup: AccountSetup | None = None
    _fields: CopyFields | None = field(default=None, repr=False)

    @property
    def campaign(self) -> str:
        """The campaign that is looked at: the parameter, or the sandbox's own."""
        named = str(self.parameters["campaign"])
        return named or (self._sandbox.campaign_name if self.settings and self._sandbox else "")

    def show_pixels(self) -> None:
        """The six pixels with copy buttons in JupyterLab; nothing in a headless run, where the table says the same."""
        if is_interactive():
            from kayzen_nb.copybuttons import show_copy_fields  # noqa: PLC0415  # anywidget, only where a person sits

            self._fields = show_copy_fields(lambda: self.plan, lambda: self.key)

    def show_key_box(self) -> None:
        """A password box for Kayzen's key, in JupyterLab only."""
        if is_interactive():
            from kayzen_nb.keybox import show_key_box  # noqa: PLC0415  # as above

            show_key_box(self._take_key, self._write_private)

    def show_paste_box(self) -> None:
        """A box for the pixels that a person has, in JupyterLab only."""
        if is_interactive():
            from kayzen_nb.pastebox import show_paste_box  # noqa: PLC0415  # as above

            label = "Paste the pixels you have: URLs, a CSV, JSON, or the guide's text"
            show_paste_box(label, self._take_paste, lambda: self.key)

    def save_runbook(self) -> None:
        """Keep the runbook for a colleague and the plan file beside the page; the key is in neither."""
        from kayzen_nb.planfile import write_plan  # noqa: PLC0415  # tomlkit and jinja, only where files are made
        from kayzen_nb.runbook import write_runbook  # noqa: PLC0415  # as above

        if folder := run_folder():
            write_runbook(self.plan, self.campaign, folder / "data")
            (folder / "data" / "plan.toml").write_text(write_plan(self.plan), encoding="utf-8")

    def preview(self) -> list[PixelPreview]:
        """Each planned pixel filled from an invented call, or from the real one that the parameters name."""
        call_id, plan = str(self.parameters["preview_call_id"]), self.plan
        if not call_id:
            return [preview.preview_pixel(p, preview.invented_values(), shows_numbers=False) for p in plan.pixels]
        from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # httpx, only where it is used

        with Ringba(self.settings, transport=self.transport) as ringba:
            values = preview.values_of(ringba.fetch_call_evidence(call_id))
        return [preview.preview_pixel(p, values) for p in plan.pixels]

    def read_pixels(self) -> list[Pixel]:
        """The pixels to check: pasted, from the file, from the account; else the planned six with a stand-in key."""
        if self.pasted is not None:
            return self.pasted
        if self.parameters["pixels_path"]:
            return read_pixels(_read_file(str(self.parameters["pixels_path"])))
        setup = self.fetch_setup()
        if setup and setup.pixels:
            return _of_campaign(setup, self.campaign)
        return list(render(self.plan, self.key or _STAND_IN))

    def check_pixels(self, pixels: list[Pixel]) -> list[Finding]:
        """What the linter says of them, by this plan, and beside the key where one is known and the pixels are real."""
        is_planned = any(_STAND_IN.reveal() in pixel.url for pixel in pixels)
        return lint.check_pixels(pixels, self.plan, None if is_planned else self.key)

    def repair_pixels(self, pixels: list[Pixel]) -> list[Repair]:
        """The pixels that can be repaired by the plan, each with what was changed; only those where something was."""
        return [one for one in repair.repair_pixels(pixels, self.plan, self.key) if one.changes]

    def fetch_setup(self) -> AccountSetup | None:
        """The account's set-up, read once; None where there is no account to look at."""
        if self._setup is None and self.parameters["source"] != "none":
            from kayzen_nb.ringba_account import fetch_setup  # noqa: PLC0415  # httpx, only where it is used

            self._setup = fetch_setup(self.settings, transport=self.transport, campaign=self.campaign)
            self.note_source()
        return self._setup

    def audit(self) -> Audit | None:
        """The audit of the campaign; what is seen is noted, so that later runs can tell what changed and when."""
        setup = self.fetch_setup()
        if setup is None:
            return None
        audit = audit_campaign(setup, self.campaign, self.plan, self.key, self._given_pixels())
        self._note_audit(audit)
        return audit

    def history(self, audit: Audit | None) -> list[Change]:
        """Every dated change of the campaign's pixels that was noted."""
        return pixelhistory.describe_history(self.journal.entries(), audit.campaign) if audit else []

    def map_numbers(self) -> NumberMap | None:
        """Campaigns and numbers as the calls of the last seven days show them; None where there is no account."""
        if self.parameters["source"] == "none":
            return None
        from kayzen_nb.period import Period  # noqa: PLC0415  # as below
        from kayzen_nb.sources import calls, count_numbers  # noqa: PLC0415  # duckdb and httpx, only here

        today = now().astimezone(ZoneInfo(self.zone)).date()
        week = Period(first_day=today - timedelta(days=7), last_day=today - timedelta(days=1), zone=self.zone)
        found = calls(source="api", period=week, settings=self.settings, transport=self.transport, watcher=self.watcher)
        return numbermap.map_numbers(count_numbers(found))

    def check_rotation(self) -> list[Check]:
        """The proof that no other key fired since the change; nothing where no change is named, or no key is known."""
        day, key = self.parameters["key_changed_on"], self.key
        if day is None or key is None or self.parameters["source"] == "none":
            return []
        from kayzen_nb.callevidence import fetch_period_evidence  # noqa: PLC0415  # httpx, only where it is used
        from kayzen_nb.period import Period  # noqa: PLC0415  # as above

        today = now().astimezone(ZoneInfo(self.zone)).date()
        period = Period(first_day=day - timedelta(days=1), last_day=today, zone=self.zone)
        calls = fetch_period_evidence(self.settings, period, self.campaign, self.transport)
        changed_at = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.zone))
        return rotation.check_rotation([fire for call in calls for fire in call.fires], key, changed_at)

    def rotation_steps(self, pixels: list[Pixel]) -> tuple[str, ...]:
        """How to change the key, with what is done already."""
        key = self.key
        if key is None:
            return rotation.explain_rotation()
        keys = rotation.compare_keys(pixels, self.plan, key)
        old = {one.fingerprint for one in keys if one.standing in ("old", "another") and one.fingerprint}
        return rotation.explain_rotation(key.fingerprint, old, keys)

    def read_checklist(self) -> checklist.Checklist:
        """The guide's steps for this campaign, as far as they were proved."""
        return checklist.build_checklist(self.journal.entries(), self.campaign or "(no campaign named)")

    def _given_pixels(self) -> list[Pixel] | None:
        if self.pasted is not None:
            return self.pasted
        path = str(self.parameters["pixels_path"])
        return read_pixels(_read_file(path)) if path else None

    def _note_audit(self, audit: Audit) -> None:
        """Note what the audit proves, and what parameters and settings say, as far as it is new."""
        note_audit(self.journal, audit, self.plan, by="notebook 01")
        told = checklist.news(self._told_by_person(), self.journal.entries(), audit.campaign)
        for finding in told:
            self.journal.note(checklist.KIND, audit.campaign, by="notebook 01", **finding.facts)

    def _told_by_person(self) -> list[checklist.Finding]:
        """The steps that the parameters and the settings speak for."""
        day, found = self.parameters["kayzen_confirmed_on"], []
        if day:
            found.append(checklist.say_done("names_confirmed", f"kayzen_confirmed_on {day}"))
        if self.key:
            found.append(checklist.say_done("key", f"KAYZEN_API_KEY is set, fingerprint {self.key.fingerprint}"))
        return found

    def _take_key(self, key: Secret) -> None:
        self.typed_key = key
        if self._fields:
            self._fields.refresh()

    def _take_paste(self, text: str) -> str:
        self.pasted = read_pixels(text)
        return f"{len(self.pasted)} pixels taken. Now run the cells below."

    def _write_private(self) -> str:
        from kayzen_nb.runbook import write_private_runbook  # noqa: PLC0415  # jinja, only where files are made

        if not self.key:
            return "There is no key yet: type it above and press Enter, or set KAYZEN_API_KEY."
        page, _ = write_private_runbook(self.plan, self.campaign, self.home / "private", self.key)
        return f"Written to {page}, readable by you only. Delete it once the pixels are in Ringba."


def _of_campaign(setup: AccountSetup, campaign: str) -> list[Pixel]:
    """The account's pixels, only those of the campaign where Ringba lists them; all where it lists none."""
    one = setup.campaign(campaign) if campaign else None
    attached = set(one.attached_pixel_ids or ()) if one else set()
    pixels = list(setup.pixels or ())
    return [pixel for pixel in pixels if pixel.id in attached] or pixels


def _read_file(path: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as unread:
        reason = unread.strerror if isinstance(unread, OSError) else "it is not a text in UTF-8"
        step = "Check pixels_path, or leave it empty to check the account's pixels, or the plan."
        problem = Problem(what=f"The file of pixels cannot be read: {reason}.", where=Path(path).name, next_step=step)
    raise PixelListError(problem)
