"""The run of 02_verify_test_call: the call found and waited for, its evidence judged, the test noted, the pack made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kayzen_nb import kayzenword, testcalls, verification
from kayzen_nb.accountnotes import note_test_call
from kayzen_nb.errors import EvidenceError, ParameterError, Problem
from kayzen_nb.evidencefile import read_evidence
from kayzen_nb.run import Run, is_interactive, now, run_folder
from kayzen_nb.testcall import check_test_call, expected_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from kayzen_nb.account import AccountSetup
    from kayzen_nb.calls import CallEvidence
    from kayzen_nb.deliveryreview import DeliveryReview
    from kayzen_nb.verification import Verification


@dataclass(kw_only=True)
class VerifyRun(Run):
    """A run about one call. ``pasted`` is evidence from the notebook's text box; it wins over the parameters."""

    pasted: CallEvidence | None = None

    def show_paste_box(self) -> None:
        """A box for the Events tab of a call, in JupyterLab only."""
        if is_interactive():
            from kayzen_nb.pastebox import show_paste_box  # noqa: PLC0415  # anywidget, only where a person sits

            show_paste_box("Paste the Events tab of the call here", self._take_paste, lambda: self.key)

    def rehearse(self) -> None:
        """Send six invented events to the sandbox's receiver, and show them as they arrive."""
        from kayzen_nb.rehearsal import show_rehearsal  # noqa: PLC0415  # as above

        live = is_interactive()
        show_rehearsal(self.plan, live=live, pause_s=0.4 if live else 0)

    def fetch_evidence(self) -> CallEvidence:
        """The call with its pixel fires: pasted, from a file, or from Ringba, waited for where fires may be late."""
        if self.pasted:
            evidence = self.pasted
        elif self.parameters["source"] == "file":
            evidence = self._read_file()
        else:
            evidence = self._fetch()
        self.note_source()
        if self.pasted:
            self.record |= {"invented": False, "source": self.pasted.origin}
        return evidence

    def verify(self, evidence: CallEvidence) -> Verification:
        """Prove the call and name causes, with the account's set-up beside it; note a test call as one."""
        setup = self._fetch_setup(evidence)
        word = kayzenword.word_about(self.journal.entries(kayzenword.KIND, evidence.call_id))
        verified = verification.verify(evidence, self.plan, self.key, setup=setup, word=word)
        if self.parameters["test_call"] == "yes" and evidence.call_id:
            self._note_test_call(evidence, int(verified.proof.rung))
        return verified

    def save_pack(self, verified: Verification) -> Path:
        """The evidence pack: beside the page's tables, or from a notebook in the home folder."""
        from kayzen_nb.evidencepack import write_pack  # noqa: PLC0415  # pillow and jinja, only where a pack is made
        from kayzen_nb.settings import secrets  # noqa: PLC0415  # pydantic, only where settings are read

        folder = run_folder()
        return write_pack(
            folder / "data" if folder else self.home / "evidence",
            verified.evidence,
            verified.proof,
            verified.causes,
            verified.plan,
            zone=self.zone,
            made_at=now(),
            keys=[*secrets(self.settings), *([self.typed_key] if self.typed_key else [])],
            invented=self.is_invented,
        )

    def fetch_delivery(self, evidence: CallEvidence) -> DeliveryReview | None:
        """What became of all calls' events of the call's campaign in the period; None where no period is asked for.

        The four weeks before are read too, as the measure of silence.
        """
        period = self.parameters.period
        if period is None or self.parameters["source"] == "file":
            return None
        from kayzen_nb.deliveryreview import fetch_review  # noqa: PLC0415  # httpx, only where it is used

        return fetch_review(
            self.settings, period, evidence.campaign or "", self.plan, self.key, transport=self.transport
        )

    def _take_paste(self, text: str) -> str:
        self.pasted = self._read_text(text, "pasted text")
        fires = len(self.pasted.fires)
        missing = f" Not shown: {'; '.join(self.pasted.missing)}." if self.pasted.missing else ""
        return f"Taken: {fires} pixel fires of one call.{missing} Now run the cells below."

    def _read_file(self) -> CallEvidence:
        path = Path(self.parameters["evidence_path"]).expanduser()
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as unread:
            reason = unread.strerror if isinstance(unread, OSError) else "it is not a text in UTF-8"
            step = "Check evidence_path; save the Events tab as plain text, or use a JSON or CSV file."
            problem = Problem(what=f"The file cannot be read: {reason}.", where=path.name, next_step=step)
        else:
            return self._read_text(text, path.name)
        raise EvidenceError(problem)

    def _read_text(self, text: str, name: str) -> CallEvidence:
        evidence = read_evidence(text, call_id=self.parameters["call_id"], zone=self.zone, name=name)
        verification.refuse_other_call(evidence, self.parameters["call_id"])
        return evidence

    def _fetch(self) -> CallEvidence:
        from kayzen_nb.ringba import Ringba  # noqa: PLC0415  # httpx, only where it is used

        call_id = self._find_call_id()
        with Ringba(self.settings, transport=self.transport) as ringba:
            return verification.wait_for_events(
                lambda: ringba.fetch_call_evidence(call_id),
                self._is_settled,
                minutes=0 if self.is_invented else float(self.parameters["wait_minutes"]),  # the sandbox's time stands
                on_tick=_show_countdown() if is_interactive() else lambda _left: None,
            )

    def _find_call_id(self) -> str:
        settings, asked = self.settings, str(self.parameters["call_id"])
        if not asked and self._sandbox:
            return self._sandbox.test_call_id
        wanted = verification.read_wanted(asked, self.zone)
        call_id, hits = verification.find_call_id(wanted, settings, self.transport)
        if not call_id:
            raise ParameterError(verification.which_call(hits, self.zone))
        return call_id

    def _is_settled(self, evidence: CallEvidence) -> bool:
        """Whether nothing that is expected is missing yet."""
        proof = check_test_call(evidence, self.plan, self.key)
        expected = expected_events(evidence)
        return evidence.ended is not False and all(p.fires for p in proof.pixels if expected[p.event])

    def _fetch_setup(self, evidence: CallEvidence) -> AccountSetup | None:
        if self.pasted or self.parameters["source"] == "file":
            return None
        return verification.fetch_setup(self.settings, self.transport, evidence.campaign_id or evidence.campaign or "")

    def _note_test_call(self, evidence: CallEvidence, rung: int) -> None:
        """Note the call as a test, and what it proves of the campaign's checklist; each only once."""
        known, by = self.journal.entries(), "notebook 02"
        if evidence.call_id not in testcalls.noted_test_calls(known):
            facts: dict[str, Any] = {"campaign": evidence.campaign, "is_test": True}
            self.journal.note(testcalls.KIND, evidence.call_id, by=by, **facts)
        if evidence.campaign:
            note_test_call(self.journal, evidence.campaign, rung, evidence.call_id, by=by)


def _show_countdown() -> Callable[[float], None]:
    """A line that says for how long the run still waits; it is replaced at each tick."""
    from IPython.display import display  # noqa: PLC0415  # only where a notebook runs

    handle: Any = display({"text/plain": "Reading the call."}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def tick(left: float) -> None:
        text = f"Waiting for late pixel fires, at most {left:.0f} s more. Interrupt the kernel to stop waiting."
        handle.update({"text/plain": text}, raw=True)

    return tick
